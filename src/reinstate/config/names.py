"""Names: tables of them, and those of layers, of which Keras 3 allows none with a ``/``."""

from __future__ import annotations

from collections.abc import Iterable


def words(text: str) -> frozenset[str]:
    """Return the words in a text: how long tables of names are written here."""
    return frozenset(text.split())


def allowed_names(names: Iterable[str]) -> dict[str, str]:
    """Return a new name for each that Keras 3 does not allow, none of them taken by another layer."""
    names = list(names)
    taken = {name for name in names if "/" not in name}
    renamed: dict[str, str] = {}
    for name in names:
        if "/" in name and name not in renamed:
            renamed[name] = _free(name.replace("/", "_"), taken)
            taken.add(renamed[name])
    return renamed


def _free(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    count = 1
    while f"{name}_{count}" in taken:
        count += 1
    return f"{name}_{count}"
