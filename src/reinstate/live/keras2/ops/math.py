"""``tf.math``, elementwise: arithmetic, comparison, logic, bits, special functions."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.special as special
import numpy as np
from jax import lax

from reinstate.live.keras2.ops.table import alike, binary, dtype_of, function, tensor, unary


def _where_nonzero(test: Any, value: Any) -> Any:
    return jnp.where(test == 0, jnp.zeros((), value.dtype), value)


def _divide(x: Any, y: Any) -> Any:
    if jnp.issubdtype(x.dtype, jnp.integer):
        wide = dtype_of("float32" if x.dtype.itemsize < 4 else "float64")
        x, y = x.astype(wide), y.astype(wide)
    return x / y


def _old_division(x: Any, y: Any) -> Any:
    return jnp.floor_divide(x, y) if jnp.issubdtype(x.dtype, jnp.integer) else x / y


def _truncated_division(x: Any, y: Any) -> Any:
    return lax.div(*jnp.broadcast_arrays(x, y))


def _truncated_mod(x: Any, y: Any) -> Any:
    return lax.rem(*jnp.broadcast_arrays(x, y))


def _polygamma(order: Any, x: Any) -> Any:
    return special.polygamma(order.astype(jnp.int32), x)


unary(
    "x",
    {
        "math.abs abs keras.backend.abs": jnp.abs,
        "math.negative negative": jnp.negative,
        "math.sign sign keras.backend.sign": jnp.sign,
        "math.square square keras.backend.square": jnp.square,
        "math.sqrt sqrt": jnp.sqrt,
        "math.rsqrt": lax.rsqrt,
        "math.reciprocal": jnp.reciprocal,
        "math.reciprocal_no_nan": lambda x: _where_nonzero(x, jnp.reciprocal(jnp.where(x == 0, jnp.ones_like(x), x))),
        "math.exp exp keras.backend.exp keras.activations.exponential": jnp.exp,
        "math.expm1": jnp.expm1,
        "math.log keras.backend.log": jnp.log,
        "math.log1p": jnp.log1p,
        "math.log_sigmoid": jax.nn.log_sigmoid,
        "math.sigmoid sigmoid keras.backend.sigmoid keras.activations.sigmoid": jax.nn.sigmoid,
        "math.sin sin keras.backend.sin": jnp.sin,
        "math.cos cos keras.backend.cos": jnp.cos,
        "math.tan tan": jnp.tan,
        "math.asin asin": jnp.arcsin,
        "math.acos acos": jnp.arccos,
        "math.atan atan": jnp.arctan,
        "math.sinh sinh": jnp.sinh,
        "math.cosh cosh": jnp.cosh,
        "math.tanh tanh nn.tanh keras.backend.tanh keras.activations.tanh": jnp.tanh,
        "math.asinh asinh": jnp.arcsinh,
        "math.acosh acosh": jnp.arccosh,
        "math.atanh atanh": jnp.arctanh,
        "math.ceil": jnp.ceil,
        "math.floor floor": jnp.floor,
        "math.rint": jnp.rint,
        "math.round round keras.backend.round": jnp.round,
        "math.erf": lax.erf,
        "math.erfc": lax.erfc,
        "math.erfinv": lax.erf_inv,
        "math.ndtri": special.ndtri,
        "math.lgamma": lax.lgamma,
        "math.digamma": lax.digamma,
        "math.bessel_i0": special.i0,
        "math.bessel_i0e": special.i0e,
        "math.bessel_i1": special.i1,
        "math.bessel_i1e": special.i1e,
        "math.is_finite": jnp.isfinite,
        "math.is_inf": jnp.isinf,
        "math.is_nan": jnp.isnan,
        "math.logical_not": jnp.logical_not,
        "bitwise.invert": jnp.bitwise_not,
    },
)
unary("input", {"math.real": jnp.real, "math.imag": jnp.imag, "math.angle": jnp.angle})
unary("x", {"math.conj": jnp.conj})

binary(
    "x",
    "y",
    {
        "math.add add __operators__.add": jnp.add,
        "math.subtract subtract": jnp.subtract,
        "math.multiply multiply": jnp.multiply,
        "math.truediv math.divide truediv divide": _divide,
        "compat.v1.div": _old_division,
        "math.floordiv compat.v1.floor_div compat.v1.floordiv": jnp.floor_divide,
        "math.floormod math.mod compat.v1.floormod": jnp.mod,
        "truncatediv": _truncated_division,
        "truncatemod": _truncated_mod,
        "realdiv": jnp.true_divide,
        "math.divide_no_nan": lambda x, y: _where_nonzero(y, x / jnp.where(y == 0, jnp.ones_like(y), y)),
        "math.multiply_no_nan": lambda x, y: _where_nonzero(y, x * y),
        "math.pow pow": jnp.power,
        "math.maximum maximum keras.backend.maximum": jnp.maximum,
        "math.minimum minimum keras.backend.minimum": jnp.minimum,
        "math.squared_difference": lambda x, y: jnp.square(x - y),
        "math.xlogy": special.xlogy,
        "math.xlog1py": special.xlog1py,
        "math.xdivy": lambda x, y: _where_nonzero(x, x / y),
        "math.equal equal keras.backend.equal": jnp.equal,
        "math.not_equal not_equal keras.backend.not_equal": jnp.not_equal,
        "math.less less keras.backend.less": jnp.less,
        "math.less_equal less_equal keras.backend.less_equal": jnp.less_equal,
        "math.greater greater keras.backend.greater": jnp.greater,
        "math.greater_equal greater_equal keras.backend.greater_equal": jnp.greater_equal,
        "math.logical_and logical_and": jnp.logical_and,
        "math.logical_or logical_or": jnp.logical_or,
        "math.logical_xor": jnp.logical_xor,
        "bitwise.bitwise_and": jnp.bitwise_and,
        "bitwise.bitwise_or": jnp.bitwise_or,
        "bitwise.bitwise_xor": jnp.bitwise_xor,
        "bitwise.left_shift": jnp.left_shift,
        "bitwise.right_shift": jnp.right_shift,
    },
)
binary("self", "other", {"__operators__.eq": jnp.equal, "__operators__.ne": jnp.not_equal})
binary("y", "x", {"math.atan2 atan2": jnp.arctan2})
binary("a", "x", {"math.igamma": special.gammainc, "math.igammac": special.gammaincc, "math.polygamma": _polygamma})
binary("x", "q", {"math.zeta": special.zeta})
binary("x", "a", {"keras.backend.pow": jnp.power})


@function("keras.backend.sqrt")
def clipped_sqrt(x: Any) -> Any:
    """The square root of what is not negative."""
    return jnp.sqrt(jnp.maximum(tensor(x), jnp.zeros((), tensor(x).dtype)))


@function("math.scalar_mul", "scalar_mul")
def scalar_mul(scalar: Any, x: Any) -> Any:
    """A scalar times a tensor."""
    x = tensor(x)
    return jnp.asarray(tensor(scalar, x.dtype), x.dtype) * x


@function("math.add_n", "add_n", "math.accumulate_n")
def add_n(inputs: Any) -> Any:
    """The sum of tensors of one shape."""
    first, *rest = alike(*(inputs if isinstance(inputs, list | tuple) else [inputs]))
    return sum(rest, first)


@function("clip_by_value")
def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any) -> Any:
    """Each value brought between two bounds."""
    values, low, high = alike(t, clip_value_min, clip_value_max)
    return jnp.maximum(jnp.minimum(values, high), low)


@function("keras.backend.clip")
def clip(x: Any, min_value: Any, max_value: Any) -> Any:
    """Each value brought between two bounds, of which either may be None."""
    low = -jnp.inf if min_value is None else min_value
    return clip_by_value(x, low, jnp.inf if max_value is None else max_value)


@function("math.polyval")
def polyval(coeffs: Any, x: Any) -> Any:
    """A polynomial, the highest power first."""
    result, *rest = alike(*coeffs)
    for coefficient in rest:
        result = result * x + coefficient
    return result


@function("cast")
def cast(x: Any, dtype: Any) -> Any:
    """The values in another dtype; floats are cut to integers, complex numbers to their real part."""
    x, dtype = tensor(x), dtype_of(dtype)
    if jnp.issubdtype(x.dtype, jnp.complexfloating) and not jnp.issubdtype(dtype, jnp.complexfloating):
        x = jnp.real(x)
    return x.astype(dtype)


@function("keras.backend.cast")
def backend_cast(x: Any, dtype: Any) -> Any:
    """As ``cast``."""
    return cast(x, dtype)


@function("dtypes.saturate_cast")
def saturate_cast(value: Any, dtype: Any) -> Any:
    """The values in another dtype, brought into its range before."""
    value, dtype = tensor(value), dtype_of(dtype)
    if jnp.issubdtype(dtype, jnp.integer):
        limits = np.iinfo(dtype)
        value = jnp.clip(value, limits.min, limits.max)
    return value.astype(dtype)


@function("math.betainc")
def betainc(a: Any, b: Any, x: Any) -> Any:
    """The regularized incomplete beta integral."""
    return special.betainc(*alike(a, b, x))
