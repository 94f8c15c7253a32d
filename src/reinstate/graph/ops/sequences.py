# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Sequences and sets whose sizes follow from values, on the host: decoding, distances, set operations."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from typing import Any

import numpy as np

from reinstate.graph.rules import Static, check_size, op, require


@op("CTCGreedyDecoder", raw=True)
def ctc_greedy_decoder(inputs: Static, sequence_length: Static, *, merge_repeated, blank_index):
    """The best class at each step, blanks left out; ``inputs`` is (time, batch, classes)."""
    steps, batch, classes = inputs.shape
    blank = blank_index + classes if blank_index < 0 else blank_index
    require(0 <= blank < classes, f"the blank {blank_index} of {classes} classes")
    require(bool((sequence_length <= steps).all()) and len(sequence_length) == batch, "lengths that do not fit")
    rows, score = [], np.zeros((batch, 1), inputs.dtype)
    for number, length in enumerate(sequence_length.tolist()):
        part = inputs[:length, number]
        score[number] = -part.max(axis=1).sum()
        best = part.argmax(axis=1).tolist()
        path = [label for label, _ in itertools.groupby(best)] if merge_repeated else best
        rows.append([label for label in path if label != blank])
    places = [(i, j) for i, row in enumerate(rows) for j in range(len(row))]
    shape = np.array([batch, max(map(len, rows), default=0)], np.int64)
    return (
        np.array(places, np.int64).reshape(-1, 2),
        np.array(list(itertools.chain.from_iterable(rows)), np.int64),
        shape,
        score,
    )


def _groups(indices: Any, values: Any) -> dict[tuple[int, ...], list[Any]]:
    found: dict[tuple[int, ...], list[Any]] = defaultdict(list)
    for index, value in zip(indices[:, :-1].tolist(), values.tolist(), strict=True):
        found[tuple(index)].append(value)
    return found


@op("EditDistance", raw=True)
def edit_distance(
    hypothesis_indices: Static,
    hypothesis_values: Static,
    hypothesis_shape: Static,
    truth_indices: Static,
    truth_values: Static,
    truth_shape: Static,
    *,
    normalize,
):
    require(len(hypothesis_shape) == len(truth_shape) > 1, "tensors of different ranks")
    shape = np.maximum(hypothesis_shape, truth_shape)[:-1].tolist()
    check_size(shape)
    given, wanted = _groups(hypothesis_indices, hypothesis_values), _groups(truth_indices, truth_values)
    result = np.zeros(shape, np.float32)
    for place in itertools.product(*map(range, shape)):
        one, other = given.get(place, []), wanted.get(place, [])
        distance = float(_distance(one, other))
        if normalize:
            distance = distance / len(other) if other else math.inf if one else 0.0
        result[place] = distance
    return result


def _distance(one: list[Any], other: list[Any]) -> int:
    """How many insertions, deletions and replacements make one of the other."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        above, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (a != b))
    return row[-1]


_SETS = {"a-b": set.difference, "b-a": lambda a, b: b - a, "intersection": set.intersection, "union": set.union}


@op("DenseToDenseSetOperation", ignore="validate_indices", raw=True)
def dense_to_dense_set_operation(set1: Static, set2: Static, *, set_operation):
    require(set_operation in _SETS, f"the operation {set_operation!r}")
    outer = set1.shape[:-1]
    require(set1.ndim > 1 and set2.shape[:-1] == outer, f"sets of the shapes {set1.shape} and {set2.shape}")
    indices: list[tuple[int, ...]] = []
    values: list[Any] = []
    widest = 0
    for place in itertools.product(*map(range, outer)):
        found = sorted(_SETS[set_operation](set(set1[place].tolist()), set(set2[place].tolist())))
        indices += [(*place, i) for i in range(len(found))]
        values += found
        widest = max(widest, len(found))
    result = np.empty(len(values), set1.dtype)
    result[:] = values
    table = np.array(indices, np.int64).reshape(-1, len(outer) + 1)
    return table, result, np.array([*outer, widest], np.int64)
