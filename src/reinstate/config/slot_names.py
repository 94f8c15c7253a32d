"""The flat list of an optimizer's weights in an HDF5 file: reading its names, and the order in which tf.keras sets it.

===================  =======================================================================
Keras 1, standalone  ``Adam/iterations:0``, ``training/Adam/Variable_3:0`` or ``Adam/m_0:0``
OptimizerV2          ``Adam/iter:0``, ``Adam/dense/kernel/m:0``; one kind after another
new Optimizer        ``iteration:0``, ``Adam/m/dense/kernel:0``; variable by variable
Keras 3              ``adam/iteration``, ``adam/learning_rate``, ``adam/kernel_momentum``
===================  =======================================================================

A loss scale optimizer puts a scope before the names (``cond_1/Adam/iter:0``), or has none (``m/dense/kernel:0``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

from reinstate.config.slot_rows import (
    ITERATION,
    LEGACY_ALTERNATES,
    LOSS_SCALE,
    NEW_ALWAYS,
    ZEROS,
    SlotRow,
    keras3_attributes,
    scalars,
)

Generation = Literal["legacy", "new", "standalone", "keras3"]
Shape = tuple[int, ...]

_ITERATIONS = frozenset(["iter", "iterations", ITERATION])
_RATES = frozenset(["learning_rate", "current_learning_rate"])
# Standalone Keras to 2.2 counted no steps in the others.
_COUNTING = frozenset(["SGD", "Adam", "Adamax", "Nadam"])


@dataclass(frozen=True, slots=True)
class ParsedOptimizer:
    """Where the names of an HDF5 file's optimizer weights belong; all values are indices into the names.

    ``slots`` has for each Keras 3 attribute an entry per trained variable, in order (None: it has no such slot), and
    ``variables`` the names of these variables, as far as the file tells. ``scalars`` are by Keras 3 attribute.
    """

    generation: Generation
    iteration: int | None = None
    learning_rate: int | None = None
    slots: Mapping[str, tuple[int | None, ...]] = field(default_factory=dict)
    variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scalars: Mapping[str, int] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()


# Gives the row and the name of the variable of a slot, by its path; None: it is no slot.
Finder = Callable[[tuple[str, ...]], tuple[SlotRow, str] | None]


def parse_hdf5(optimizer_class: str, names: Sequence[str], shapes: Sequence[Shape] | None = None) -> ParsedOptimizer:
    """Tell the generation that wrote the names, and what each of them is.

    ``shapes`` of the weights decide where standalone Keras gave no names to them and left dummies.
    """
    paths = [tuple(name.removesuffix(":0").split("/")) for name in names]
    generation = _generation(names, {path[-1] for path in paths})
    rows = keras3_attributes(optimizer_class)
    finder = _FINDERS[generation](rows)
    if generation == "standalone" and not any(map(finder, paths)):
        return _positional(optimizer_class, paths, names, shapes)
    return _Collector(generation, optimizer_class, rows).parse(names, paths, finder)


def _generation(names: Sequence[str], lasts: Collection[str]) -> Generation:
    if "iter" in lasts:
        return "legacy"
    if ITERATION in lasts:
        return "new" if any(name.endswith(":0") for name in names) else "keras3"
    return "standalone"


def _legacy(rows: Sequence[SlotRow]) -> Finder:
    by_name = {row.legacy: row for row in rows if row.legacy}
    return lambda path: (by_name[path[-1]], "/".join(path[:-1])) if path[-1] in by_name and len(path) > 1 else None


def _new(rows: Sequence[SlotRow]) -> Finder:
    by_name = {name: row for row in rows for name in row.names2}

    def find(path: tuple[str, ...]) -> tuple[SlotRow, str] | None:
        # The first that fits: a layer may be called like a slot, and stands behind it.
        for position, part in enumerate(path[:-1]):
            if part in by_name:
                return by_name[part], "/".join(path[position + 1 :])
        return None

    return find


def _keras3(rows: Sequence[SlotRow]) -> Finder:
    by_length = sorted((row for row in rows if row.name3), key=lambda row: -len(row.name3))
    unnamed = [row for row in rows if not row.name3]
    count = 0

    def find(path: tuple[str, ...]) -> tuple[SlotRow, str] | None:
        nonlocal count
        for row in by_length:
            if path[-1].endswith(f"_{row.name3}"):
                return row, path[-1].removesuffix(f"_{row.name3}")
        if not unnamed:
            return None
        # Adafactor's rows and columns bear the name of the variable only, and alternate.
        count += 1
        return unnamed[(count - 1) % len(unnamed)], path[-1]

    return find


def _standalone(rows: Sequence[SlotRow]) -> Finder:
    by_name = {name: row for row in rows for name in row.old}

    def find(path: tuple[str, ...]) -> tuple[SlotRow, str] | None:
        found = re.fullmatch(r"(.+?)(?:_\d+)+", path[-1])  # m_3, and m_3_1 where there was one already
        return (by_name[found[1]], "") if found and found[1] in by_name else None

    return find


_FINDERS: Mapping[Generation, Callable[[Sequence[SlotRow]], Finder]] = {
    "legacy": _legacy,
    "new": _new,
    "keras3": _keras3,
    "standalone": _standalone,
}


class _Collector:
    """Sorts the names of one file."""

    def __init__(self, generation: Generation, optimizer_class: str, rows: Sequence[SlotRow]) -> None:
        self.generation = generation
        self.ranked = [row for row in rows if row.rank]
        self.scalar_names = _scalar_names(optimizer_class)
        self.slots: dict[str, list[int | None]] = {}
        self.variables: dict[str, list[str]] = {}

    def parse(self, names: Sequence[str], paths: Sequence[tuple[str, ...]], finder: Finder) -> ParsedOptimizer:
        steps, rates, once, unknown = [], [], {}, []
        for index, path in enumerate(paths):
            if path[-1] in _ITERATIONS:
                steps.append(index)
            elif path[-1] in _RATES:
                rates.append(index)
            elif path[-1] in self.scalar_names:
                once[self.scalar_names[path[-1]]] = index
            elif (found := finder(path)) is not None:
                self.add(index, *found)
            else:
                unknown.append(names[index])
        # A loss scale optimizer of Keras 3 counts, too, before the one that it wraps.
        scope = _scope(paths[steps[-1]]) if steps else None
        return ParsedOptimizer(
            self.generation,
            steps[-1] if steps else None,
            rates[-1] if rates else None,
            {attribute: tuple(indices) for attribute, indices in self.slots.items()},
            {attribute: tuple(_outside(scope, name) for name in found) for attribute, found in self.variables.items()},
            once,
            tuple(unknown),
        )

    def add(self, index: int, row: SlotRow, variable: str) -> None:
        listed = self.slots.setdefault(row.keras3, [])
        listed.append(index)
        named = self.variables.setdefault(row.keras3, [])
        named.append(variable)
        if self.ranked and not row.rank:
            # Comes after the slots that only variables of some rank have: those that are missing are of this variable.
            for other in self.ranked:
                missing = len(listed) - len(self.slots.setdefault(other.keras3, []))
                self.slots[other.keras3] += [None] * missing
                self.variables.setdefault(other.keras3, []).extend([variable] * missing)


def _scalar_names(optimizer_class: str) -> dict[str, str]:
    names = {}
    for row in (*scalars(optimizer_class), *LOSS_SCALE):
        names.update(dict.fromkeys([row.legacy, row.keras2, row.keras3, *row.old], row.keras3))
    return names


def _scope(step: tuple[str, ...]) -> str | None:
    return step[-2] if len(step) > 1 else None


def _outside(scope: str | None, name: str) -> str:
    """Take the scopes up to the optimizer's off the name of a variable."""
    parts = name.split("/")
    return "/".join(parts[parts.index(scope) + 1 :]) if scope in parts[:-1] else name


def _positional(
    optimizer_class: str, paths: Sequence[tuple[str, ...]], names: Sequence[str], shapes: Sequence[Shape] | None
) -> ParsedOptimizer:
    """Standalone Keras without names: the steps, then one kind after another."""
    steps = [index for index, path in enumerate(paths) if path[-1] == "iterations"]
    if not steps and names and (shapes[0] == () if shapes else optimizer_class in _COUNTING):
        steps = [0]
    body = [index for index in range(len(names)) if index not in steps]
    rows = [row for row in keras3_attributes(optimizer_class) if row.old]
    count = _kinds(len(rows), body, shapes)
    size = len(body) // count if count else 0
    kinds = {row.keras3: body[k * size : (k + 1) * size] for k, row in enumerate(rows[:count])}
    real = {attribute: tuple(kind) for attribute, kind in kinds.items() if not _dummies(kind, body[:size], shapes)}
    unknown = () if count else tuple(names[index] for index in body)
    return ParsedOptimizer("standalone", steps[0] if steps else None, slots=real, unknown=unknown)


def _kinds(most: int, body: Sequence[int], shapes: Sequence[Shape] | None) -> int:
    """Return how many kinds of slots the weights are: the most that fit; Adam's third came with Keras 2.1."""
    for count in range(most, 0, -1):
        size, rest = divmod(len(body), count)
        groups = [body[k * size : (k + 1) * size] for k in range(count)]
        if rest == 0 and all(_fits(group, groups[0], shapes) for group in groups):
            return count
    return 0


def _fits(group: Sequence[int], first: Sequence[int], shapes: Sequence[Shape] | None) -> bool:
    if shapes is None:
        return True
    return _dummies(group, first, shapes) or [shapes[i] for i in group] == [shapes[i] for i in first]


def _dummies(group: Sequence[int], first: Sequence[int], shapes: Sequence[Shape] | None) -> bool:
    """Tell whether a kind is but placeholders: one number each, whatever the variable."""
    return (
        shapes is not None
        and group != first
        and any(shapes[i] != (1,) for i in first)
        and all(shapes[i] == (1,) for i in group)
    )


def hdf5_order(
    optimizer_class: str,
    generation: Literal["legacy", "new"],
    variables: Sequence[str],
    present: Collection[str],
    shapes: Sequence[Shape] | None = None,
) -> list[tuple[str, str, int]]:
    """Return name, Keras 3 attribute and index of each weight, in the order in which tf.keras sets them.

    ``variables`` are the names of the trained variables, ``present`` the attributes that the optimizer has; ``shapes``
    those of the variables, without which every one has every slot. The attribute is ``"iteration"`` for the steps, a
    scalar's own for a scalar, and ``"zeros"`` for a slot that only tf.keras has: zeros in the variable's shape.
    """
    rows = [row for row in keras3_attributes(optimizer_class) if _writes(row, generation, present)]
    if generation == "legacy":
        order = [(f"{optimizer_class}/iter:0", ITERATION, 0)]
        order += [(f"{optimizer_class}/{row.legacy}:0", row.keras3, 0) for row in scalars(optimizer_class)]
        blocks = [rows] if optimizer_class in LEGACY_ALTERNATES else [[row] for row in rows]
    else:
        order = [(f"{ITERATION}:0", ITERATION, 0)]
        blocks = [list(block) for _, block in groupby(rows, key=lambda row: row.block)]
    for block in blocks:
        for index, variable in enumerate(variables):
            for row in block:
                if shapes is None or len(shapes[index]) >= row.rank:
                    attribute = row.keras3 if row.keras3 in present else ZEROS
                    order.append((_weight_name(optimizer_class, generation, row, variable), attribute, index))
    return list(_unique(order))


def _writes(row: SlotRow, generation: str, present: Collection[str]) -> bool:
    if generation == "legacy":
        return row.legacy is not None and row.keras3 in present
    return row.keras3 in present or row.keras3 in NEW_ALWAYS


def _weight_name(optimizer_class: str, generation: str, row: SlotRow, variable: str) -> str:
    if generation == "legacy":
        return f"{optimizer_class}/{variable}/{row.legacy}:0"
    return f"{optimizer_class}/{row.name2}/{variable}:0"


def _unique(order: Sequence[tuple[str, str, int]]) -> Iterator[tuple[str, str, int]]:
    """Two variables may have one name; two datasets may not."""
    seen: dict[str, int] = {}
    for name, attribute, index in order:
        count = seen[name] = seen.get(name, -1) + 1
        yield (f"{name.removesuffix(':0')}_{count}:0" if count else name), attribute, index
