"""Which ops cannot be run, said without loading the rules, against the rules themselves."""

from __future__ import annotations

from pathlib import Path

import reinstate.graph.ops  # fills the table
from reinstate import inspect
from reinstate.cli.inspect import render
from reinstate.graph.op_names import ruled
from reinstate.graph.rules import RULES


def test_the_list_is_that_of_the_rules() -> None:
    """Where it is not: write the names of ``RULES``, sorted, one a line, into ``graph/rules.txt``."""
    assert sorted(ruled()) == sorted(RULES)
    text = Path(reinstate.graph.ops.__file__).parents[1].joinpath("rules.txt").read_text()
    assert text.splitlines() == sorted(RULES)


def test_ops_that_cannot_be_run_are_named(oracle, tmp_path) -> None:
    oracle("study.save_with_rare_ops", directory=str(tmp_path))
    found = {name: inspect(tmp_path / name) for name in ("tf2", "tf1", "tf1_without")}
    assert {name: each.ops_without_rule for name, each in found.items()} == {
        "tf2": ("SobolSample",),
        "tf1": ("SobolSample",),
        "tf1_without": (),
    }
    assert any("functions with SobolSample" in line for line in render(found["tf2"], 80))
    assert not any("functions with" in line for line in render(found["tf1_without"], 80))


def test_what_is_run_needs_no_more(golden) -> None:
    """The functions that save and restore reach files, but nobody calls them."""
    assert inspect(golden("2.21/conv_nested/traces")).ops_without_rule == ()
