# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Sorting, and the largest elements."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reinstate.graph.lower.array import transposed
from reinstate.graph.lowering import lower


@lower("sort", ignore="is_stable")
def sort(g, *xs, dimension, num_keys):
    """By the last key first: the op keeps the order of what is equal."""
    order = [axis for axis in range(xs[0].rank) if axis != dimension] + [dimension]
    back = [int(axis) for axis in np.argsort(order)]
    made = [transposed(g, x, order) for x in xs]
    for number in reversed(range(num_keys)):
        made = _sorted(g, made, number)
    return tuple(transposed(g, x, back) for x in made)


def _sorted(g, xs, number):
    key = xs[number]
    reverse = g("Invert" if key.dtype.numpy.kind in "iu" else "Neg", key)
    _, indices = g("TopKV2", reverse, g.dimensions(key.shape[-1]))
    batch = key.rank - 1
    return [replace(g("GatherV2", x, indices, np.int32(batch), batch_dims=batch), shape=x.shape) for x in xs]


@lower("top_k")
def top_k(g, x, *, k, axis):
    order = [each for each in range(x.rank) if each != axis] + [axis]
    back = [int(each) for each in np.argsort(order)]
    found = g("TopKV2", transposed(g, x, order), g.dimensions(k))
    shape = (*(x.shape[each] for each in order[:-1]), k)
    return tuple(transposed(g, replace(each, shape=shape), back) for each in found)
