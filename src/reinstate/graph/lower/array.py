# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Shapes, axes, reductions, cumulative sums, sorting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reinstate import dtypes
from reinstate.errors import UnsupportedError
from reinstate.graph.dimensions import is_static
from reinstate.graph.lowering import dtype_of, ints, lower, named, vector

_REDUCTIONS = {
    "reduce_and": "All",
    "reduce_max": "Max",
    "reduce_min": "Min",
    "reduce_or": "Any",
    "reduce_prod": "Prod",
    "reduce_sum": "Sum",
}


@lower("broadcast_in_dim")
def broadcast_in_dim(g, x, *_dynamic, shape, broadcast_dimensions):
    if not x.rank and x.narrow is None:
        narrow = x
    else:
        ones = [1] * len(shape)
        for source, target in enumerate(broadcast_dimensions):
            ones[target] = x.shape[source]
        narrow = g.reshape(x, ones)
        if tuple(ones) == tuple(shape):
            return narrow
    return replace(g("BroadcastTo", narrow, g.dims(shape)), narrow=narrow)


@lower("reshape", ignore="dimensions")
def reshape(g, x, *_dynamic, new_sizes):
    return g.reshape(x, new_sizes)


@lower("squeeze")
def squeeze(g, x, *, dimensions):
    axes = {int(axis) for axis in dimensions}
    return g.reshape(x, [size for axis, size in enumerate(x.shape) if axis not in axes])


@lower("expand_dims")
def expand_dims(g, x, *, dimensions):
    made = x
    for axis in sorted(ints(dimensions)):
        made = g("ExpandDims", made, np.int32(axis))
    return made


@lower("transpose")
def transpose(g, x, *, permutation):
    return transposed(g, x, permutation)


def transposed(g, x, order):
    """The tensor with its axes in another order."""
    order = ints(order)
    if order == list(range(x.rank)):
        return x
    return replace(g("Transpose", x, vector(order)), shape=tuple(x.shape[axis] for axis in order))


@lower("rev")
def rev(g, x, *, dimensions):
    return g("ReverseV2", x, vector(dimensions))


@lower("concatenate")
def concatenate(g, *xs, dimension):
    return xs[0] if len(xs) == 1 else g("ConcatV2", xs, np.int32(dimension))


@lower("stack")
def stack(g, *xs, axis):
    return g("Pack", xs, axis=int(axis))


@lower("unstack")
def unstack(g, x, *, axis):
    return g("Unpack", x, axis=int(axis), num=int(x.shape[axis]))


@lower("split")
def split(g, x, *, sizes, axis):
    if len(sizes) == 1:
        return (x,)
    if is_static(sizes) and len(set(ints(sizes))) == 1:
        return g("Split", np.int32(axis), x, num_split=len(sizes))
    return g("SplitV", x, g.dims(sizes), np.int32(axis), num_split=len(sizes))


@lower("tile")
def tile(g, x, *, reps):
    return g("Tile", x, g.dims(reps))


@lower("iota")
def iota(g, *_dynamic, dtype, shape, dimension):
    wanted = dtype_of(dtype)
    made = g("Range", np.int32(0), g.dimensions(shape[dimension]), np.int32(1))
    if wanted.name != "int32":
        made = g("Cast", made, DstT=wanted)
    made = replace(made, shape=(shape[dimension],))
    return broadcast_in_dim(g, made, shape=shape, broadcast_dimensions=(dimension,))


@lower("dim_as_value")
def dim_as_value(g, *, dim, out):
    made, wanted = g.dimensions(dim), dtype_of(out.dtype)
    return made if made.dtype is wanted else g("Cast", made, DstT=wanted)


@lower("pad")
def pad(g, x, value, *, padding_config):
    """Between elements first, then cutting at the edges, then adding to them."""
    low, high, between = zip(*padding_config, strict=True)
    shape = list(x.shape)
    for axis, count in enumerate(ints(between)):
        if count and not (is_static([shape[axis]]) and int(shape[axis]) < 2):
            x, shape[axis] = _spread(g, replace(x, shape=tuple(shape)), value, axis, count)
    cut = [[max(0, -int(size)) if is_static([size]) else 0 for size in sizes] for sizes in (low, high)]
    if any(map(any, cut)):
        x = _cut(g, x, shape, *cut)
    added = [[max(0, int(size)) if is_static([size]) else size for size in sizes] for sizes in (low, high)]
    if all(is_static(sizes) and not any(sizes) for sizes in added):
        return x
    if all(map(is_static, added)):
        paddings = np.array(added, np.int32).T
    else:
        paddings = g("Pack", [g.dims(added[0]), g.dims(added[1])], axis=1)
    zero = value.value is not None and not value.value.any()
    return g("Pad", x, paddings) if zero else g("PadV2", x, paddings, value)


def _spread(g, x, value, axis, count):
    """Elements of padding between those along an axis: pad a new axis behind it, merge the two, cut the end."""
    shape = list(x.shape)
    wide = g("ExpandDims", x, np.int32(axis + 1))
    paddings = np.zeros((len(shape) + 1, 2), np.int32)
    paddings[axis + 1, 1] = count
    padded = replace(g("PadV2", wide, paddings, value), shape=(*shape[: axis + 1], count + 1, *shape[axis + 1 :]))
    size = shape[axis] * (count + 1)
    merged = g.reshape(padded, [*shape[:axis], size, *shape[axis + 1 :]])
    ends = [[0] * len(shape), [count if i == axis else 0 for i in range(len(shape))]]
    return _cut(g, merged, merged.shape, *ends), size - count


def _cut(g, x, shape, low, high):
    """The tensor without some elements at both ends of each axis."""
    mask = sum(1 << axis for axis, size in enumerate(high) if not size)
    end = vector([-size for size in high])
    return g("StridedSlice", x, vector(low), end, vector([1] * len(shape)), end_mask=mask)


def _reduction(op):
    def reduce(g, x, *, axes):
        return g(op, x, vector(axes)) if len(axes) else x

    return reduce


for _primitive, _op in _REDUCTIONS.items():
    lower(_primitive)(_reduction(_op))


@lower("reduce_xor")
def reduce_xor(g, x, *, axes):
    if not named(x, "bool"):
        raise UnsupportedError("exclusive or of integers along axes")
    odd = g("FloorMod", g("Sum", g("Cast", x, DstT=dtypes.from_name("int32")), vector(axes)), np.int32(2))
    return g("Equal", odd, np.int32(1))


def _largest(op):
    def find(g, x, *, axes, index_dtype):
        (axis,) = axes
        wanted = dtype_of(index_dtype)
        if named(x, "bool"):
            x = g("Cast", x, DstT=dtypes.from_name("int32"))
        if named(x, "float16", "bfloat16", "float32", "float64"):
            return _first_nan(g, op, x, int(axis), wanted)
        return g(op, x, np.int32(axis), output_type=wanted)

    return find


def _first_nan(g, op, x, axis, wanted):
    """Jax's finds the first NaN where there is one; NaN is the one value that stands above (or below) infinity here."""
    found = g(op, x, np.int32(axis), output_type=wanted)
    nan = g("Cast", g("IsNan", x), DstT=dtypes.from_name("int32"))
    first = g("ArgMax", nan, np.int32(axis), output_type=wanted)
    return g("SelectV2", g("Any", g("IsNan", x), vector([axis])), first, found)


lower("argmax")(_largest("ArgMax"))
lower("argmin")(_largest("ArgMin"))


@lower("cumsum")
def cumsum(g, x, *, axis, reverse):
    return g("Cumsum", x, np.int32(axis), reverse=reverse)


@lower("cumprod")
def cumprod(g, x, *, axis, reverse):
    return g("Cumprod", x, np.int32(axis), reverse=reverse)


@lower("cumlogsumexp")
def cumlogsumexp(g, x, *, axis, reverse):
    return g("CumulativeLogsumexp", x, np.int32(axis), reverse=reverse)


@lower("cummax", "cummin")
def cummax(g, x, *, axis, reverse):
    raise UnsupportedError("the largest or smallest element so far")
