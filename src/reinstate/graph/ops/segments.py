# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Reductions of rows that belong together, and counting. Rows whose segment is negative or too large are left out."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from reinstate.graph.rules import Static, check_size, ints, native, op, require, traced

_REDUCE = {
    "Sum": jax.ops.segment_sum,
    "Prod": jax.ops.segment_prod,
    "Max": jax.ops.segment_max,
    "Min": jax.ops.segment_min,
}


def _flat(data: Any, segments: Any) -> tuple[Any, Any]:
    require(data.shape[: segments.ndim] == segments.shape, f"segments {segments.shape} of data {data.shape}")
    return data.reshape(-1, *data.shape[segments.ndim :]), segments.reshape(-1)


def _reduced(how: str, data: Any, segments: Any, count: int) -> Any:
    check_size((count, *data.shape[1:]))
    return _REDUCE[how](data, jnp.where(segments < 0, count, segments), count, mode="drop")


def _lowest(how: str, dtype: Any) -> Any:
    if np.dtype(dtype).kind in "iu":
        return np.iinfo(dtype).min if how == "Max" else np.iinfo(dtype).max
    return jnp.finfo(dtype).min if how == "Max" else jnp.finfo(dtype).max


def _unsorted(how: str) -> None:
    @op(f"UnsortedSegment{how}")
    def unsorted_segment(data, segment_ids, num_segments: Static):
        flat, segments = _flat(data, segment_ids)
        (count,) = ints(num_segments)
        result = _reduced(how, flat, segments, count)
        if how not in ("Max", "Min"):
            return result
        return jnp.where(_filled(flat, segments, count), result, jnp.asarray(_lowest(how, data.dtype), data.dtype))


def _filled(data: Any, segments: Any, count: int) -> Any:
    """Which segments have rows, in the rank of the result."""
    rows = _reduced("Sum", jnp.ones(data.shape[0], jnp.int32), segments, count)
    return (rows > 0).reshape(count, *(1,) * (data.ndim - 1))


def _sorted(how: str) -> None:
    @op(f"Segment{how}", raw=True)
    def segment(data, segment_ids: Static):
        count = 1 + int(segment_ids[-1]) if segment_ids.size else 0
        require(bool((np.diff(segment_ids) >= 0).all()), "segments that are not in order")
        values, segments = traced(data), traced(segment_ids)
        result = _reduced(how, values, segments, count)
        return jnp.where(_filled(values, segments, count), result, jnp.asarray(how == "Prod", values.dtype))


for _how in _REDUCE:
    _unsorted(_how)
    _sorted(_how)


@op("SegmentMean", raw=True)
def segment_mean(data, segment_ids: Static):
    count = 1 + int(segment_ids[-1]) if segment_ids.size else 0
    values, segments = traced(data), traced(segment_ids)
    rows = _reduced("Sum", jnp.ones(values.shape[0], values.dtype), segments, count)
    total = _reduced("Sum", values, segments, count)
    return total / jnp.maximum(rows, 1).reshape(count, *(1,) * (values.ndim - 1))


def _sparse(name: str, power: float) -> None:
    @op(name, ignore="sparse_gradient", raw=True)
    def sparse_segment(data, indices, segment_ids: Static):
        count = 1 + int(segment_ids[-1]) if segment_ids.size else 0
        return _sparse_segment(traced(data), traced(indices), segment_ids, count, power)

    @op(f"{name}WithNumSegments", ignore="sparse_gradient", raw=True)
    def sparse_segment_counted(data, indices, segment_ids, num_segments: Static):
        return _sparse_segment(traced(data), traced(indices), traced(segment_ids), ints(num_segments)[0], power)


def _sparse_segment(data: Any, indices: Any, segments: Any, count: int, power: float) -> Any:
    """The sums of rows, divided by a power of their number."""
    values, segments = jnp.take(data, indices, axis=0), jnp.asarray(segments)
    total = _reduced("Sum", values, segments, count)
    rows = jnp.maximum(_reduced("Sum", jnp.ones(values.shape[0], values.dtype), segments, count), 1)
    return total / (rows**power).reshape(count, *(1,) * (values.ndim - 1)).astype(total.dtype)


for _name, _power in {"SparseSegmentSum": 0.0, "SparseSegmentMean": 1.0, "SparseSegmentSqrtN": 0.5}.items():
    _sparse(_name, _power)


@op("Bincount")
def bincount(arr, size: Static, weights, *, T):
    return _counts(arr.reshape(1, -1), ints(size)[0], weights, native(T), False)[0]


@op("DenseBincount")
def dense_bincount(input, size: Static, weights, *, T, binary_output):
    rows = input if input.ndim == 2 else input.reshape(1, -1)
    result = _counts(rows, ints(size)[0], weights, native(T), binary_output)
    return result if input.ndim == 2 else result[0]


@op("RaggedBincount")
def ragged_bincount(splits: Static, values, size: Static, weights, *, T, binary_output):
    count = len(splits) - 1
    row_of = np.repeat(np.arange(count), np.diff(splits))
    (width,) = ints(size)
    check_size((count, width))
    ones = jnp.ones(values.shape, native(T)) if weights.size == 0 or binary_output else weights.reshape(-1)
    column = jnp.where(values < 0, width, values)
    result = jnp.zeros((count, width), native(T)).at[row_of, column].add(ones, mode="drop")
    return (result > 0).astype(native(T)) if binary_output else result


def _counts(rows: Any, size: int, weights: Any, dtype: Any, binary: bool) -> Any:
    check_size((rows.shape[0], size))
    ones = jnp.ones(rows.shape, dtype) if weights.size == 0 or binary else weights.reshape(rows.shape)
    where = jnp.where(rows < 0, size, rows)
    result = jnp.zeros((rows.shape[0], size), dtype)
    result = result.at[jnp.arange(rows.shape[0])[:, None], where].add(ones, mode="drop")
    return (result > 0).astype(dtype) if binary else result
