"""Reductions over axes, running sums, places of extremes, and what counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from reinstate.errors import UnsupportedError
from reinstate.live.keras2.ops.table import FUNCTIONS, Function, axes, dtype_of, function, tensor

Reduction = Callable[..., Any]


def _mean(x: Any, axis: Any, keepdims: bool) -> Any:
    if not jnp.issubdtype(x.dtype, jnp.integer):
        return jnp.mean(x, axis, keepdims=keepdims)
    total = jnp.sum(x, axis, keepdims=keepdims, dtype=x.dtype)
    return lax.div(total, jnp.full_like(total, x.size // max(total.size, 1)))


def _sum(x: Any, axis: Any, keepdims: bool) -> Any:
    return jnp.sum(x, axis, keepdims=keepdims, dtype=x.dtype)


def _prod(x: Any, axis: Any, keepdims: bool) -> Any:
    return jnp.prod(x, axis, keepdims=keepdims, dtype=x.dtype)


def _norm(x: Any, axis: Any, keepdims: bool) -> Any:
    return jnp.sqrt(jnp.sum(jnp.square(jnp.abs(x)), axis, keepdims=keepdims))


def _floating(reduction: Reduction) -> Reduction:
    def reduce(x: Any, axis: Any, keepdims: bool) -> Any:
        inexact = x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(jnp.float32)
        return reduction(inexact, axis, keepdims=keepdims)

    return reduce


_ROWS: dict[str, Reduction] = {
    "mean": _mean,
    "sum": _sum,
    "prod": _prod,
    "max": lambda x, axis, keepdims: jnp.max(x, axis, keepdims=keepdims),
    "min": lambda x, axis, keepdims: jnp.min(x, axis, keepdims=keepdims),
    "all": lambda x, axis, keepdims: jnp.all(x, axis, keepdims=keepdims),
    "any": lambda x, axis, keepdims: jnp.any(x, axis, keepdims=keepdims),
    "std": _floating(lambda x, axis, keepdims: jnp.std(x, axis, keepdims=keepdims)),
    "variance": _floating(lambda x, axis, keepdims: jnp.var(x, axis, keepdims=keepdims)),
    "euclidean_norm": _norm,
    "logsumexp": lambda x, axis, keepdims: jax.scipy.special.logsumexp(x, axis, keepdims=keepdims),
}


def _enter(symbols: str, first: str, reduction: Reduction, before: Callable[[Any], Any] = tensor) -> None:
    def run(*args: Any, axis: Any = None, keepdims: Any = False, **kwargs: Any) -> Any:
        values = args[0] if args else kwargs[first]
        return reduction(before(values), axes(axis), bool(keepdims))

    for symbol in symbols.split():
        FUNCTIONS[symbol] = Function(symbol, (first, "axis?", "keepdims?"), run)


def _numbers(x: Any) -> Any:
    """What ``keras.backend`` averages: truths as numbers."""
    x = tensor(x)
    return x.astype(jnp.float32) if x.dtype == bool else x


def _truths(x: Any) -> Any:
    return tensor(x).astype(bool)


for _name, _reduction in _ROWS.items():
    _enter(f"math.reduce_{_name} reduce_{_name}", "input_tensor", _reduction)
    _short = {"variance": "var", "euclidean_norm": "", "logsumexp": ""}.get(_name, _name)
    if _short:
        _before = {"mean": _numbers, "std": _numbers, "var": _numbers, "any": _truths, "all": _truths}
        _enter(f"keras.backend.{_short}", "x", _reduction, _before.get(_short, tensor))


@function("math.count_nonzero")
def count_nonzero(input: Any, axis: Any = None, keepdims: Any = None, dtype: Any = "int64") -> Any:
    """How many values are not zero."""
    return jnp.count_nonzero(tensor(input), axes(axis), keepdims=bool(keepdims)).astype(dtype_of(dtype))


@function("math.zero_fraction")
def zero_fraction(value: Any) -> Any:
    """Which part of the values is zero."""
    return jnp.mean((tensor(value) == 0).astype(jnp.float32))


@function("math.argmax", "argmax")
def argmax(input: Any, axis: Any = None, output_type: Any = "int64") -> Any:
    """The place of the largest value; of int64, which is int32 in JAX without x64."""
    return jnp.argmax(tensor(input), 0 if axis is None else int(axis)).astype(dtype_of(output_type))


@function("math.argmin", "argmin")
def argmin(input: Any, axis: Any = None, output_type: Any = "int64") -> Any:
    """The place of the smallest value; of int64, which is int32 in JAX without x64."""
    return jnp.argmin(tensor(input), 0 if axis is None else int(axis)).astype(dtype_of(output_type))


@function("keras.backend.argmax")
def backend_argmax(x: Any, axis: Any = -1) -> Any:
    """As ``argmax``."""
    return argmax(x, axis)


@function("keras.backend.argmin")
def backend_argmin(x: Any, axis: Any = -1) -> Any:
    """As ``argmin``."""
    return argmin(x, axis)


def _running(compute: Callable[..., Any], neutral: float, x: Any, axis: Any, exclusive: Any, reverse: Any) -> Any:
    x, axis = tensor(x), int(axis)
    values = jnp.flip(x, axis) if reverse else x
    if exclusive:
        head = jnp.full_like(lax.slice_in_dim(values, 0, 1, axis=axis % x.ndim), neutral)
        kept = lax.slice_in_dim(values, 0, x.shape[axis] - 1, axis=axis % x.ndim)
        values = jnp.concatenate([head, kept], axis)
    result = compute(values, axis=axis)
    return (jnp.flip(result, axis) if reverse else result).astype(x.dtype)


@function("math.cumsum", "cumsum")
def cumsum(x: Any, axis: Any = 0, exclusive: Any = False, reverse: Any = False) -> Any:
    """The running sum along an axis."""
    return _running(jnp.cumsum, 0, x, axis, exclusive, reverse)


@function("math.cumprod")
def cumprod(x: Any, axis: Any = 0, exclusive: Any = False, reverse: Any = False) -> Any:
    """The running product along an axis."""
    return _running(jnp.cumprod, 1, x, axis, exclusive, reverse)


@function("math.cumulative_logsumexp")
def cumulative_logsumexp(x: Any, axis: Any = 0, exclusive: Any = False, reverse: Any = False) -> Any:
    """The running log of the sum of exponentials along an axis."""
    x = tensor(x)

    def compute(values: Any, axis: int) -> Any:
        return lax.cumlogsumexp(values, axis=axis % values.ndim)

    return _running(compute, -float("inf"), x, axis, exclusive, reverse)


@function("keras.backend.cumsum")
def backend_cumsum(x: Any, axis: Any = 0) -> Any:
    """As ``cumsum``."""
    return cumsum(x, axis)


@function("keras.backend.cumprod")
def backend_cumprod(x: Any, axis: Any = 0) -> Any:
    """As ``cumprod``."""
    return cumprod(x, axis)


def _top(input: Any, k: int) -> Any:
    if not jnp.issubdtype(input.dtype, jnp.integer) or input.dtype.itemsize < 8:
        return lax.top_k(input, k)
    order = jnp.argsort(-input, axis=-1, stable=True)[..., :k]
    return jnp.take_along_axis(input, order, -1), order


@function("math.top_k", "nn.top_k")
def top_k(input: Any, k: Any = 1, sorted: Any = True, index_type: Any = "int32") -> Any:
    """The largest values of the last axis, and their places."""
    values, indices = _top(tensor(input), int(k))
    return values, indices.astype(dtype_of(index_type))


@function("math.in_top_k", "nn.in_top_k")
def in_top_k(targets: Any, predictions: Any, k: Any) -> Any:
    """Whether fewer than ``k`` predictions are above that of the target."""
    predictions, targets = tensor(predictions), tensor(targets)
    given = jnp.take_along_axis(predictions, targets[:, None], -1)
    return (jnp.sum(predictions > given, -1) < k) & jnp.isfinite(given[:, 0])


@function("sort")
def sort(values: Any, axis: Any = -1, direction: Any = "ASCENDING") -> Any:
    """The values in order along an axis."""
    return jnp.sort(tensor(values), int(axis), descending=direction == "DESCENDING")


@function("argsort")
def argsort(values: Any, axis: Any = -1, direction: Any = "ASCENDING", stable: Any = False) -> Any:
    """Where the values in order stand; equal ones keep their order."""
    values = tensor(values)
    if direction != "DESCENDING":
        return jnp.argsort(values, int(axis), stable=True).astype(jnp.int32)
    return jnp.argsort(-values, int(axis), stable=True).astype(jnp.int32)


@function("math.bincount")
def bincount(
    arr: Any,
    weights: Any = None,
    minlength: Any = None,
    maxlength: Any = None,
    dtype: Any = "int32",
    axis: Any = None,
    binary_output: Any = False,
) -> Any:
    """How often each integer below ``maxlength`` occurs; ``minlength`` must be the same, for shapes to be known."""
    size = _count_of(minlength, maxlength)
    arr = tensor(arr)
    rows = arr.reshape(-1) if axis is None or arr.ndim == 1 else arr
    hits = rows[..., None] == jnp.arange(size)
    if binary_output:
        return jnp.any(hits, -2).astype(dtype_of(dtype))
    if weights is None:
        return jnp.sum(hits, -2).astype(dtype_of(dtype))
    weights = tensor(weights).reshape(rows.shape)
    return jnp.sum(jnp.where(hits, weights[..., None], 0), -2)


def _count_of(minlength: Any, maxlength: Any) -> int:
    """The number of counts, where both bounds say the same."""
    if minlength is None or maxlength is None or int(minlength) != int(maxlength):
        raise UnsupportedError("tf.math.bincount needs equal minlength and maxlength: its shape depends on values")
    return int(minlength)


def _segments(symbol: str, compute: Callable[..., Any]) -> None:
    def run(data: Any, segment_ids: Any, num_segments: Any) -> Any:
        data, ids = tensor(data), tensor(segment_ids)
        return compute(data.reshape(-1, *data.shape[ids.ndim :]), ids.reshape(-1), num_segments=int(num_segments))

    function(f"math.unsorted_segment_{symbol}")(run)


def _segment_mean(data: Any, ids: Any, num_segments: int) -> Any:
    total, count = (jax.ops.segment_sum(x, ids, num_segments) for x in (data, jnp.ones(ids.shape, data.dtype)))
    count = count.reshape(count.shape + (1,) * (total.ndim - count.ndim))
    return total / jnp.maximum(count, 1)


for _symbol, _compute in {"sum": jax.ops.segment_sum, "max": jax.ops.segment_max, "min": jax.ops.segment_min}.items():
    _segments(_symbol, _compute)
_segments("prod", jax.ops.segment_prod)
_segments("mean", _segment_mean)
