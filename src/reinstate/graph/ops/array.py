# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Shapes, joining, cutting and filling."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from reinstate.errors import UnsupportedError
from reinstate.graph.rules import (
    Static,
    check_size,
    ints,
    native,
    normal_axes,
    normal_axis,
    op,
    require,
    row,
    shape_of,
)


@op("Identity", "Snapshot", "GuaranteeConst", raw=True)
def identity(input):
    return input


@op("PreventGradient", "CheckNumerics", ignore="message", raw=True)
def checked_identity(input):
    return input


row("StopGradient", lambda xp, x: x if xp is np else lax.stop_gradient(x))


@op("IdentityN", raw=True)
def identity_n(input):
    return input


@op("Const")
def const(*, value):
    return value


@op("PlaceholderWithDefault", ignore="shape", raw=True)
def placeholder_with_default(input):
    return input


@op("EnsureShape", raw=True)
def ensure_shape(input, *, shape):
    actual = shape_of(input)
    fits = shape is None or (
        len(shape) == len(actual) and all(a in (-1, b) for a, b in zip(shape, actual, strict=True))
    )
    require(fits, f"a tensor of the shape {list(actual)}, which should be {shape}")
    return input


def _dimensions(value: Any, dtype: Any) -> Any:
    return np.array(shape_of(value), dtype=dtype.numpy)


@op("Shape", raw=True)
def shape(input, *, out_type):
    return _dimensions(input, out_type)


@op("ShapeN", raw=True)
def shape_n(input, *, out_type):
    return [_dimensions(value, out_type) for value in input]


@op("Size", raw=True)
def size(input, *, out_type):
    return np.array(np.size(input), dtype=out_type.numpy)


@op("Rank", raw=True)
def rank(input):
    return np.array(np.ndim(input), dtype=np.int32)


@op("Reshape")
def reshape(tensor, shape: Static, *, xp):
    sizes = list(ints(shape))
    if -1 in sizes:
        rest = math.prod(size for size in sizes if size != -1)
        total = math.prod(tensor.shape)
        require(sizes.count(-1) == 1 and (rest > 0 or total == 0), f"the shape {sizes}")
        sizes[sizes.index(-1)] = total // rest if rest else 0
    require(math.prod(sizes) == math.prod(tensor.shape), f"{list(tensor.shape)} to the shape {list(ints(shape))}")
    return tensor.reshape(tuple(sizes))


@op("Transpose")
def transpose(x, perm: Static, *, xp):
    return xp.transpose(x, normal_axes(perm, np.ndim(x)))


@op("ConjugateTranspose")
def conjugate_transpose(x, perm: Static, *, xp):
    return xp.conj(xp.transpose(x, normal_axes(perm, np.ndim(x))))


@op("ExpandDims")
def expand_dims(input, dim: Static, *, xp):
    return xp.expand_dims(input, normal_axis(dim, np.ndim(input), room=1))


@op("Squeeze")
def squeeze(input, *, squeeze_dims, xp):
    axes = normal_axes(squeeze_dims, np.ndim(input)) if squeeze_dims else None
    return xp.squeeze(input, axis=axes)


@op("Pack")
def pack(*values, axis, xp):
    require(len({value.shape for value in values}) == 1, f"tensors of the shapes {[v.shape for v in values]}")
    return xp.stack(values, normal_axis(axis, np.ndim(values[0]), room=1))


@op("Unpack")
def unpack(value, *, num, axis, xp):
    at = normal_axis(axis, np.ndim(value))
    require(value.shape[at] == num, f"{num} tensors out of {value.shape[at]}")
    return [value[(*(slice(None),) * at, i, ...)] for i in range(num)]


@op("ConcatV2")
def concat(values, axis: Static, *, xp):
    return _concat(values, axis, xp)


@op("Concat")
def concat_v1(concat_dim: Static, values, *, xp):
    return _concat(values, concat_dim, xp)


def _concat(values: Any, axis: Any, xp: Any) -> Any:
    if np.ndim(values[0]) == 0:
        return xp.stack(values)
    return xp.concatenate(values, normal_axis(axis, np.ndim(values[0])))


@op("ConcatOffset")
def concat_offset(concat_dim: Static, shape: Static, *, shape_type):
    axis = normal_axis(concat_dim, len(shape[0]))
    offsets, at = [], 0
    for each in shape:
        offset = np.zeros(len(each), shape_type.numpy)
        offset[axis] = at
        offsets.append(offset)
        at += int(each[axis])
    return offsets


@op("Split")
def split(split_dim: Static, value, *, num_split, xp):
    axis = normal_axis(split_dim, np.ndim(value))
    require(num_split > 0 and value.shape[axis] % num_split == 0, f"{value.shape[axis]} in {num_split} equal parts")
    return list(xp.split(value, num_split, axis))


@op("SplitV")
def split_v(value, size_splits: Static, split_dim: Static, *, num_split, xp):
    axis, sizes = normal_axis(split_dim, np.ndim(value)), list(ints(size_splits))
    require(len(sizes) == num_split and sizes.count(-1) <= 1, f"the sizes {sizes} of {num_split} parts")
    if -1 in sizes:
        sizes[sizes.index(-1)] = value.shape[axis] - sum(sizes) - 1
    require(sum(sizes) == value.shape[axis] and min(sizes) >= 0, f"{value.shape[axis]} in the sizes {sizes}")
    return list(xp.split(value, np.cumsum(sizes)[:-1].tolist(), axis))


@op("Fill")
def fill(dims: Static, value, *, xp):
    check_size(ints(dims))
    return xp.broadcast_to(value, ints(dims))


@op("Empty", ignore="init")
def empty(shape: Static, *, dtype):
    check_size(ints(shape))
    return np.zeros(ints(shape), dtype.numpy)


@op("Tile")
def tile(input, multiples: Static, *, xp):
    check_size([a * b for a, b in zip(input.shape, ints(multiples), strict=True)])
    return xp.tile(input, ints(multiples))


@op("BroadcastTo")
def broadcast_to(input, shape: Static, *, xp):
    check_size(ints(shape))
    return xp.broadcast_to(input, ints(shape))


@op("BroadcastArgs")
def broadcast_args(s0: Static, s1: Static):
    return np.array(np.broadcast_shapes(ints(s0), ints(s1)), s0.dtype)


@op("BroadcastGradientArgs")
def broadcast_gradient_args(s0: Static, s1: Static):
    one, other = ints(s0), ints(s1)
    whole = np.broadcast_shapes(one, other)
    reduced = []
    for shape_ in (one, other):
        padded = (1,) * (len(whole) - len(shape_)) + shape_
        axes = [i for i, n in enumerate(padded) if i < len(whole) - len(shape_) or (n == 1 and whole[i] != 1)]
        reduced.append(np.array(axes, s0.dtype))
    return reduced


@op("Pad")
def pad(input, paddings: Static, *, xp):
    return padded(input, paddings, np.zeros((), input.dtype), xp)


@op("PadV2")
def pad_v2(input, paddings: Static, constant_values, *, xp):
    return padded(input, paddings, constant_values, xp)


def _pairs(paddings: Static, rank: int) -> list[tuple[int, int]]:
    require(paddings.shape == (rank, 2), f"paddings of the shape {paddings.shape} for a tensor of rank {rank}")
    return [(int(before), int(after)) for before, after in paddings]


def padded(x: Any, paddings: Static, value: Any, xp: Any) -> Any:
    """The tensor with a margin of ``value``: ``paddings`` is ``(rank, 2)``."""
    pairs = _pairs(paddings, np.ndim(x))
    check_size([n + max(a, 0) + max(b, 0) for n, (a, b) in zip(x.shape, pairs, strict=True)])
    require(all(a >= 0 and b >= 0 for a, b in pairs), f"the paddings {pairs}")
    return xp.pad(x, pairs, constant_values=value) if pairs else x


@op("MirrorPad")
def mirror_pad(input, paddings: Static, *, mode, xp):
    pairs = _pairs(paddings, np.ndim(input))
    room = 1 if mode == "REFLECT" else 0
    require(
        all(max(pair) + room <= n or max(pair) == 0 for pair, n in zip(pairs, input.shape, strict=True)), f"{pairs}"
    )
    return xp.pad(input, pairs, mode={"REFLECT": "reflect", "SYMMETRIC": "symmetric"}[mode])


@op("ReverseV2")
def reverse_v2(tensor, axis: Static, *, xp):
    return xp.flip(tensor, normal_axes(axis, np.ndim(tensor)))


@op("ReverseSequence")
def reverse_sequence(input, seq_lengths, *, seq_dim, batch_dim):
    seq, batch = normal_axis(seq_dim, input.ndim), normal_axis(batch_dim, input.ndim)
    x = jnp.moveaxis(input, (batch, seq), (0, 1))
    steps = jnp.arange(x.shape[1])[None, :]
    lengths = seq_lengths[:, None]
    order = jnp.where(steps < lengths, lengths - 1 - steps, steps)
    index = order.reshape(order.shape + (1,) * (x.ndim - 2))
    return jnp.moveaxis(jnp.take_along_axis(x, index, axis=1), (0, 1), (batch, seq))


@op("Roll")
def roll(input, shift: Static, axis: Static, *, xp):
    axes = tuple(normal_axis(each, np.ndim(input)) for each in np.reshape(axis, -1))
    return xp.roll(input, ints(shift), axes)


@op("InvertPermutation")
def invert_permutation(x, *, xp):
    if xp is np:
        require(sorted(x.tolist()) == list(range(len(x))), "not a permutation")
    return xp.argsort(x).astype(x.dtype)


@op("OneHot")
def one_hot(indices, depth: Static, on_value, off_value, *, axis, xp):
    (count,) = ints(depth)
    check_size((*indices.shape, count))
    at = normal_axis(axis, np.ndim(indices), room=1)
    classes = xp.arange(count, dtype=indices.dtype).reshape((count,) + (1,) * (np.ndim(indices) - at))
    return xp.where(xp.expand_dims(indices, at) == classes, on_value, off_value)


@op("Where")
def where(condition: Static):
    return np.argwhere(condition).astype(np.int64)


@op("Unique")
def unique(x: Static, *, out_idx):
    values, index, _ = _unique(x)
    return values, index.astype(out_idx.numpy)


@op("UniqueWithCounts")
def unique_with_counts(x: Static, *, out_idx):
    values, index, counts = _unique(x)
    return values, index.astype(out_idx.numpy), counts.astype(out_idx.numpy)


def _unique(x: Static) -> tuple[Any, Any, Any]:
    """The different values, in the order in which they come first."""
    values, first, inverse, counts = np.unique(x, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return values[order], place[inverse.reshape(-1)], counts[order]


@op("UnravelIndex")
def unravel_index(indices, dims: Static, *, xp):
    return xp.stack(xp.unravel_index(indices, ints(dims))).astype(indices.dtype)


@op("Bitcast")
def bitcast(input, *, T, type, xp):
    if xp is np:
        return _viewed(np.ascontiguousarray(input).reshape(input.shape), type.numpy)
    target = native(type)
    if T.size * target.itemsize != type.size * np.dtype(input.dtype).itemsize:
        raise UnsupportedError("the bits of a 64-bit type, which jax has with jax_enable_x64 only")
    return lax.bitcast_convert_type(input, target)


def _viewed(x: Any, dtype: Any) -> Any:
    if dtype.itemsize == x.dtype.itemsize:
        return x.view(dtype)
    if dtype.itemsize < x.dtype.itemsize:
        return x.reshape(*x.shape, 1).view(dtype)
    return x.view(dtype).reshape(x.shape[:-1])
