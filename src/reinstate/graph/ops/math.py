# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Arithmetic, comparisons, reductions. What numpy and jax name alike is a line in a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special as special
import numpy as np
from jax import lax

from reinstate.graph.rules import Static, ints, normal_axes, normal_axis, op, require, row, typed

# TensorFlow's name: the name in numpy and in jax.numpy.
_ALIKE = {
    **{"Add": "add", "AddV2": "add", "Sub": "subtract", "Mul": "multiply", "RealDiv": "true_divide", "Neg": "negative"},
    **{"FloorMod": "mod", "Maximum": "maximum", "Minimum": "minimum", "Pow": "power"},
    **{"Abs": "abs", "ComplexAbs": "abs", "Sign": "sign", "Square": "square", "Sqrt": "sqrt", "Exp": "exp"},
    **{"Expm1": "expm1", "Log": "log", "Log1p": "log1p", "Floor": "floor", "Ceil": "ceil", "Rint": "rint"},
    **{"Sin": "sin", "Cos": "cos", "Tan": "tan", "Asin": "arcsin", "Acos": "arccos", "Atan": "arctan"},
    **{"Sinh": "sinh", "Cosh": "cosh", "Tanh": "tanh", "Asinh": "arcsinh", "Acosh": "arccosh", "Atanh": "arctanh"},
    **{"Atan2": "arctan2", "NextAfter": "nextafter", "Less": "less", "LessEqual": "less_equal", "Greater": "greater"},
    **{"GreaterEqual": "greater_equal", "LogicalAnd": "logical_and", "LogicalOr": "logical_or"},
    **{"LogicalNot": "logical_not", "IsNan": "isnan", "IsInf": "isinf", "IsFinite": "isfinite"},
    **{"BitwiseAnd": "bitwise_and", "BitwiseOr": "bitwise_or", "BitwiseXor": "bitwise_xor", "Invert": "invert"},
    **{"Conj": "conj", "OnesLike": "ones_like"},
}
for _name, _function in _ALIKE.items():
    row(_name, lambda xp, *inputs, f=_function: getattr(xp, f)(*inputs))


def _zero_where(xp: Any, zero: Any, value: Any) -> Any:
    return xp.where(zero, xp.zeros((), value.dtype), value)


def _one_where(xp: Any, condition: Any, value: Any) -> Any:
    """Let nothing but ones stand where the result is thrown away, so that its gradient is not NaN."""
    return xp.where(condition, xp.ones((), value.dtype), value)


def _quotient(xp: Any, x: Any, y: Any) -> Any:
    """Division that cuts towards zero, where integers are divided."""
    if x.dtype.kind not in "iu":
        return x / y
    magnitude = xp.floor_divide(xp.abs(x), xp.abs(y))
    return xp.where((x < 0) != (y < 0), -magnitude, magnitude) if x.dtype.kind == "i" else magnitude


def _shifted(function: str) -> Callable[..., Any]:
    def shift(xp: Any, x: Any, y: Any) -> Any:
        bits = np.dtype(x.dtype).itemsize * 8
        return getattr(xp, function)(x, xp.clip(y, 0, bits - 1))

    return shift


_TABLE: dict[str, Callable[..., Any]] = {
    "Inv": lambda xp, x: xp.ones((), x.dtype) / x,
    "Reciprocal": lambda xp, x: xp.ones((), x.dtype) / x,
    "Rsqrt": lambda xp, x: xp.ones((), x.dtype) / xp.sqrt(x) if xp is np else lax.rsqrt(x),
    "Round": lambda xp, x: x if x.dtype.kind in "iu" else xp.rint(x),
    "Div": _quotient,
    "TruncateDiv": _quotient,
    "TruncateMod": lambda xp, x, y: xp.fmod(x, y),
    "Mod": lambda xp, x, y: xp.fmod(x, y),
    "DivNoNan": lambda xp, x, y: _zero_where(xp, y == 0, x / _one_where(xp, y == 0, y)),
    "MulNoNan": lambda xp, x, y: _zero_where(xp, y == 0, x * y),
    "Xdivy": lambda xp, x, y: _zero_where(xp, x == 0, x / _one_where(xp, x == 0, y)),
    "Xlogy": lambda xp, x, y: _zero_where(xp, x == 0, x * xp.log(_one_where(xp, x == 0, y))),
    "Xlog1py": lambda xp, x, y: _zero_where(xp, x == 0, x * xp.log1p(_one_where(xp, x == 0, y))),
    "SquaredDifference": lambda xp, x, y: xp.square(x - y) if x.dtype.kind != "c" else xp.conj(x - y) * (x - y),
    "LeftShift": _shifted("left_shift"),
    "RightShift": _shifted("right_shift"),
    "PopulationCount": lambda xp, x: lax.population_count(jnp.asarray(x)).astype(np.uint8),
    "FloorDiv": lambda xp, x, y: xp.floor_divide(x, y) if x.dtype.kind in "iu" else xp.floor(x / y),
    # Gradients of functions, in graphs that hold them.
    "TanhGrad": lambda xp, y, dy: dy * (1 - y * xp.conj(y)),
    "SigmoidGrad": lambda xp, y, dy: dy * y * (1 - y),
    "SqrtGrad": lambda xp, y, dy: dy * xp.asarray(0.5, y.dtype) / y,
    "RsqrtGrad": lambda xp, y, dy: dy * xp.asarray(-0.5, y.dtype) * y * y * y,
    "InvGrad": lambda xp, y, dy: -dy * y * y,
    "ReciprocalGrad": lambda xp, y, dy: -dy * y * y,
}
for _name, _compute in _TABLE.items():
    row(_name, _compute)


def _polygamma(n: Any, x: Any) -> Any:
    """The derivatives of digamma, of whole orders that need not be known."""
    sign = jnp.where(jnp.mod(n, 2) == 0, -1, 1).astype(x.dtype)
    derivative = sign * jnp.exp(lax.lgamma(n + 1)) * special.zeta(n + 1, x)
    return jnp.where(n == 0, lax.digamma(x), derivative)


# What only jax has.
_SPECIAL: dict[str, Callable[..., Any]] = {
    **{"Sigmoid": jax.nn.sigmoid, "Erf": lax.erf, "Erfc": lax.erfc, "Erfinv": lax.erf_inv, "Ndtri": special.ndtri},
    **{"Lgamma": lax.lgamma, "Digamma": lax.digamma, "Polygamma": _polygamma, "Zeta": special.zeta},
    **{"Igamma": special.gammainc, "Igammac": special.gammaincc, "Betainc": special.betainc, "Expint": special.expi},
    **{"BesselI0": special.i0, "BesselI0e": special.i0e, "BesselI1": special.i1, "BesselI1e": special.i1e},
    **{"Spence": special.spence},
}


for _name, _compute in _SPECIAL.items():
    row(_name, lambda xp, *inputs, f=_compute: f(*map(jnp.asarray, inputs)))


@op("ZerosLike")
def zeros_like(x, *, xp):
    return np.full(x.shape, b"", object) if x.dtype.hasobject else xp.zeros_like(x)


@op("Equal")
def equal(x, y, *, incompatible_shape_error, xp):
    return _compared(x, y, incompatible_shape_error, "equal", xp)


@op("NotEqual")
def not_equal(x, y, *, incompatible_shape_error, xp):
    return _compared(x, y, incompatible_shape_error, "not_equal", xp)


def _compared(x: Any, y: Any, strict: bool, function: str, xp: Any) -> Any:
    """Compare; shapes that do not go together are either an error, or simply not equal."""
    if not strict:
        try:
            np.broadcast_shapes(x.shape, y.shape)
        except ValueError:
            return np.asarray(function == "not_equal")
    return getattr(xp, function)(x, y)


@op("ApproximateEqual")
def approximate_equal(x, y, *, tolerance, xp):
    return xp.abs(x - y) < xp.asarray(tolerance, x.dtype)


@op("Cast")
def cast(x, *, DstT, Truncate, xp):
    if x.dtype.kind == "c" and DstT.name not in ("complex64", "complex128"):
        x = xp.real(x)
    return x.astype(typed(DstT, xp))


@op("Complex")
def complex_(real, imag, *, xp):
    shape = np.broadcast_shapes(real.shape, imag.shape)
    if xp is jnp:
        return lax.complex(xp.broadcast_to(real, shape), xp.broadcast_to(imag, shape))
    return (real + 1j * imag).astype(np.complex64 if real.dtype == np.float32 else np.complex128)


@op("Real")
def real(input, *, xp):
    return xp.real(input)


@op("Imag")
def imag(input, *, xp):
    return xp.imag(input)


@op("Angle")
def angle(input, *, xp):
    return xp.angle(input)


@op("AddN")
def add_n(inputs, *, xp):
    total = inputs[0]
    for value in inputs[1:]:
        total = total + value
    return total


@op("Select")
def select(condition, t, e, *, xp):
    """Not broadcast, but for a condition that chooses whole rows."""
    require(np.shape(t) == np.shape(e), f"tensors of the shapes {np.shape(t)} and {np.shape(e)}")
    if 0 < np.ndim(condition) < np.ndim(t):
        condition = condition.reshape(condition.shape + (1,) * (np.ndim(t) - np.ndim(condition)))
    return xp.where(condition, t, e)


@op("SelectV2")
def select_v2(condition, t, e, *, xp):
    return xp.where(condition, t, e)


@op("ClipByValue")
def clip_by_value(x, clip_value_min, clip_value_max, *, xp):
    return xp.minimum(xp.maximum(x, clip_value_min), clip_value_max)


_NO_IDENTITY = {"max", "min"}


def _reduction(name: str, function: str) -> None:
    @op(name)
    def reduce(input, reduction_indices: Static, *, keep_dims, xp):
        axes = normal_axes(reduction_indices, np.ndim(input))
        if not axes:
            return input
        if function in _NO_IDENTITY:
            return _extreme(input, function, axes, keep_dims, xp)
        keywords = {} if function in ("all", "any") else {"dtype": input.dtype}
        return getattr(xp, function)(input, axis=axes, keepdims=keep_dims, **keywords)


for _name, _function in {"Sum": "sum", "Prod": "prod", "Max": "max", "Min": "min", "All": "all", "Any": "any"}.items():
    _reduction(_name, _function)


def _extreme(x: Any, function: str, axes: tuple[int, ...], keep: bool, xp: Any) -> Any:
    """The largest or smallest; of nothing, the smallest or largest value that the type has."""
    if x.dtype.kind in "iu":
        info = np.iinfo(x.dtype)
        initial: Any = info.min if function == "max" else info.max
    else:
        initial = -np.inf if function == "max" else np.inf
    return getattr(xp, function)(x, axis=axes, keepdims=keep, initial=np.asarray(initial, x.dtype))


@op("Mean")
def mean(input, reduction_indices: Static, *, keep_dims, xp):
    axes = normal_axes(reduction_indices, np.ndim(input))
    if not axes:
        return input
    if input.dtype.kind in "iu":
        count = np.asarray(np.prod([input.shape[axis] for axis in axes]), input.dtype)
        return _quotient(xp, xp.sum(input, axis=axes, keepdims=keep_dims, dtype=input.dtype), count)
    wide = input.astype(np.float32) if input.dtype.itemsize == 2 else input
    count = np.asarray(np.prod([input.shape[axis] for axis in axes]), wide.dtype)
    return (xp.sum(wide, axis=axes, keepdims=keep_dims) / count).astype(input.dtype)


@op("EuclideanNorm")
def euclidean_norm(input, reduction_indices: Static, *, keep_dims, xp):
    axes = normal_axes(reduction_indices, np.ndim(input))
    squares = xp.sum(xp.square(xp.abs(input)), axis=axes, keepdims=keep_dims)
    return xp.sqrt(squares).astype(input.dtype)


def _arg(name: str, function: str) -> None:
    @op(name)
    def arg(input, dimension: Static, *, output_type, xp):
        axis = normal_axis(dimension, np.ndim(input))
        require(input.shape[axis] > 0, "an axis without elements")
        return getattr(xp, function)(input, axis=axis).astype(typed(output_type, xp))


_arg("ArgMax", "argmax")
_arg("ArgMin", "argmin")


def _cumulative(name: str, function: Callable[..., Any], identity: float) -> None:
    @op(name)
    def cumulative(x, axis: Static, *, exclusive, reverse, xp):
        at = normal_axis(axis, np.ndim(x))
        if reverse:
            x = xp.flip(x, at)
        result = function(xp, x, at)
        if exclusive:
            first = xp.full((*x.shape[:at], min(1, x.shape[at]), *x.shape[at + 1 :]), identity, x.dtype)
            before = (slice(None),) * at + (slice(0, max(x.shape[at] - 1, 0)),)
            result = xp.concatenate([first, result[before]], at)
        return xp.flip(result, at) if reverse else result


_cumulative("Cumsum", lambda xp, x, axis: xp.cumsum(x, axis=axis, dtype=x.dtype), 0)
_cumulative("Cumprod", lambda xp, x, axis: xp.cumprod(x, axis=axis, dtype=x.dtype), 1)
_cumulative("CumulativeLogsumexp", lambda xp, x, axis: lax.cumlogsumexp(jnp.asarray(x), axis), -np.inf)


@op("Range")
def range_(start: Static, limit: Static, delta: Static, *, Tidx, xp):
    first, last, step = (value.reshape(-1)[0] for value in (start, limit, delta))
    require(step != 0, "a step of 0")
    require(abs(float(last) - float(first)) / abs(float(step)) < 2**31, "too many elements")
    assert Tidx.numpy is not None
    return np.arange(first, last, step, dtype=Tidx.numpy)


@op("LinSpace")
def lin_space(start: Static, stop: Static, num: Static, *, T, xp):
    return np.linspace(start, stop, ints(num)[0], dtype=T.numpy)


@op("Bucketize")
def bucketize(input, *, boundaries, xp):
    edges = np.asarray(boundaries, np.float32)
    if xp is np:
        return np.searchsorted(edges, input, side="right").astype(np.int32)
    values = input.astype(np.float32) if input.dtype.kind in "iu" else input
    return jnp.searchsorted(jnp.asarray(edges), values, side="right").astype(jnp.int32)


def _bound(name: str, side: str) -> None:
    @op(name)
    def bound(sorted_inputs, values, *, out_type):
        places = jax.vmap(lambda row, wanted: jnp.searchsorted(row, wanted, side=side))(sorted_inputs, values)
        return places.astype(typed(out_type, jnp))


_bound("LowerBound", "left")
_bound("UpperBound", "right")


@op("Cross")
def cross(a, b, *, xp):
    return xp.cross(a, b)


@op("HistogramFixedWidth")
def histogram_fixed_width(values, value_range: Static, nbins: Static, *, dtype, xp):
    low, high = value_range.reshape(-1).tolist()
    (count,) = ints(nbins)
    place = xp.floor((values.reshape(-1) - low) / (high - low) * count)
    bins = xp.clip(place, 0, count - 1).astype(np.int32)
    return jnp.zeros(count, typed(dtype, jnp)).at[bins].add(1)
