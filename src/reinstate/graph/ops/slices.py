# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Cutting parts out of tensors. Where a part begins may be traced if its size does not depend on it."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from reinstate.graph.rules import Static, check_size, ints, known, native, op, require, static, traced


@op("Slice", raw=True)
def slice_(input, begin, size: Static):
    sizes = list(ints(size))
    require(len(sizes) == np.ndim(input), f"{len(sizes)} sizes for a tensor of rank {np.ndim(input)}")
    if isinstance(begin, jax.core.Tracer):
        if -1 in sizes:
            static(begin, "begin")
        return lax.dynamic_slice(traced(input), list(begin), sizes)
    starts = ints(begin)
    ends = [n if s == -1 else b + s for b, s, n in zip(starts, sizes, np.shape(input), strict=True)]
    fits = all(0 <= b <= e <= n for b, e, n in zip(starts, ends, np.shape(input), strict=True))
    require(fits, f"from {list(starts)} to {ends} of a tensor of the shape {list(np.shape(input))}")
    return input[(*(slice(b, e) for b, e in zip(starts, ends, strict=True)), ...)]


@op("StridedSlice", raw=True)
def strided_slice(
    input, begin, end, strides: Static, *, begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask
):
    masks = begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask
    if known(begin) and known(end):
        return input[(*strided_index(np.shape(input), begin, end, strides, masks), ...)]
    return _dynamic_strided_slice(traced(input), begin, end, strides, masks)


def strided_index(
    shape: tuple[int, ...], begin: Any, end: Any, strides: Static, masks: tuple[int, ...], dynamic: Any = None
) -> list[Any]:
    """The index, as Python writes it, that begin, end, strides and the masks stand for.

    ``begin`` or ``end`` may be traced; then ``dynamic`` collects (axis of the result, begin) of what is one element.
    """
    begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask = masks
    steps = ints(strides)
    count, rank = len(steps), len(shape)
    require(np.shape(begin) == np.shape(end) == (count,), "begin, end and strides of different lengths")
    require(ellipsis_mask & (ellipsis_mask - 1) == 0, "more than one ellipsis")
    index: list[Any] = []
    axis = out = 0
    for i, step in enumerate(steps):
        bit = 1 << i
        if ellipsis_mask & bit:
            later = sum(1 for j in range(i + 1, count) if not new_axis_mask >> j & 1)
            require(rank - axis - later >= 0, f"too many indices for a tensor of rank {rank}")
            index += [slice(None)] * (rank - axis - later)
            out += rank - axis - later
            axis = rank - later
            continue
        if new_axis_mask & bit:
            index.append(None)
            out += 1
            continue
        require(axis < rank and step != 0, f"too many indices for a tensor of rank {rank}, or a stride of 0")
        if shrink_axis_mask & bit:
            if known(begin):
                at = int(begin[i])
                require(-shape[axis] <= at < shape[axis], f"index {at} of {shape[axis]}")
                index.append(at)
            else:
                dynamic.append((out, begin[i], shape[axis]))
                index.append(slice(None))
                out += 1
        else:
            first = None if begin_mask & bit else int(static(begin, "begin")[i])
            last = None if end_mask & bit else int(static(end, "end")[i])
            index.append(_python_slice(first, last, step, shape[axis]))
            out += 1
        axis += 1
    return index


def _python_slice(first: int | None, last: int | None, step: int, size: int) -> slice:
    """A slice whose ends are clamped as TensorFlow does; an end before the first element is None to Python."""
    low, high = (0, size) if step > 0 else (-1, size - 1)

    def clamped(value: int) -> int:
        return min(max(value + size if value < 0 else value, low), high)

    start = None if first is None else clamped(first)
    stop = None if last is None else clamped(last)
    if start == -1:
        return slice(0, 0, 1)
    return slice(start, None if stop == -1 else stop, step)


def _dynamic_strided_slice(x: Any, begin: Any, end: Any, strides: Static, masks: tuple[int, ...]) -> Any:
    dynamic: list[Any] = []
    index = strided_index(x.shape, begin, end, strides, masks, dynamic)
    result = x[tuple(index)]
    for axis, at, size in reversed(dynamic):
        result = lax.dynamic_index_in_dim(result, jnp.where(at < 0, at + size, at), axis, keepdims=False)
    return result


@op("StridedSliceGrad", raw=True)
def strided_slice_grad(
    shape: Static, begin, end, strides: Static, dy, *, begin_mask, end_mask, ellipsis_mask, new_axis_mask,
    shrink_axis_mask,
):  # fmt: skip
    masks = begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask
    sizes = ints(shape)
    check_size(sizes)
    index = strided_index(sizes, static(begin, "begin"), static(end, "end"), strides, masks)
    return jnp.zeros(sizes, native(dy.dtype)).at[tuple(index)].set(traced(dy))
