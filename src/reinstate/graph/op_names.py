"""The ops that have a rule, by name alone: to look into a file, jax need not be loaded, which the rules work with."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def ruled() -> frozenset[str]:
    """The names of the ops that can be run."""
    text = resources.files(__package__).joinpath("rules.txt").read_text(encoding="utf-8")
    return frozenset(text.split())
