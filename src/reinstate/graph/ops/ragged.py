# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Ragged tensors as elements of lists, on the host: what ``map_fn`` over ragged tensors takes and gives."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from reinstate.errors import MismatchError, UnsupportedError
from reinstate.graph.rules import Static, op, require
from reinstate.graph.strings import filled


@dataclass(frozen=True, slots=True)
class RaggedValue:
    """A ragged tensor as one element: row splits from the outermost on, and values."""

    splits: tuple[Any, ...]
    values: Any

    @property
    def rows(self) -> int:
        """The length of its first dimension."""
        return len(self.splits[0]) - 1 if self.splits else len(self.values)

    def row(self, index: int) -> RaggedValue:
        """One of its rows, of one rank less."""
        start, end = int(self.splits[0][index]), int(self.splits[0][index + 1])
        inner = []
        for splits in self.splits[1:]:
            part = splits[start : end + 1]
            inner.append(part - part[:1])
            start, end = int(part[0]), int(part[-1])
        return RaggedValue(tuple(inner), self.values[start:end])


@op("RaggedTensorToVariant", raw=True)
def ragged_tensor_to_variant(rt_nested_splits: Static, rt_dense_values: Static, *, batched_input):
    whole = RaggedValue(tuple(rt_nested_splits), rt_dense_values)
    for splits, inner in itertools.pairwise((*whole.splits, None)):
        end = len(whole.values) if inner is None else len(inner) - 1
        good = splits.ndim == 1 and splits.size and bool((np.diff(splits) >= 0).all()) and splits[-1] == end
        require(bool(good), "row splits out of order")
    if not batched_input:
        return filled((), [whole])
    require(bool(whole.splits), "a batch without row splits")
    return filled((whole.rows,), map(whole.row, range(whole.rows)))


@op("RaggedTensorFromVariant", raw=True)
def ragged_tensor_from_variant(encoded_ragged: Static, *, input_ragged_rank, output_ragged_rank, Tvalues, Tsplits):
    items = encoded_ragged.ravel().tolist()
    rank = output_ragged_rank - encoded_ragged.ndim if input_ragged_rank < 0 else input_ragged_rank
    if not all(isinstance(item, RaggedValue) and len(item.splits) == rank for item in items):
        raise MismatchError(f"elements that are no ragged tensors of the rank {rank}")
    if encoded_ragged.ndim == 0:
        return (*items[0].splits, items[0].values)
    if encoded_ragged.ndim > 1:
        raise UnsupportedError("ragged tensors in more than one dimension")
    levels = [[0, *itertools.accumulate(item.rows for item in items)]]
    for level in range(rank):
        starts = itertools.accumulate((int(item.splits[level][-1]) for item in items), initial=0)
        parts = (item.splits[level][1:] + start for item, start in zip(items, starts, strict=False))
        levels.append([0, *itertools.chain.from_iterable(parts)])
    values = np.concatenate([item.values for item in items]) if items else np.zeros(0, Tvalues.numpy)
    return (*(np.array(level, Tsplits.numpy) for level in levels), values)
