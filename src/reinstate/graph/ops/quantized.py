# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Numbers in a range as integers of a few bits, and back."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from reinstate.errors import UnsupportedError
from reinstate.graph.rules import native, op, require


def _whole(mode: str, axis: int) -> None:
    if axis != -1:
        raise UnsupportedError("ranges for each slice along an axis")
    if mode not in ("MIN_COMBINED", "SCALED"):
        raise UnsupportedError(f"the mode {mode!r}")


def _away(x: Any) -> Any:
    """To the nearest integer, halves away from zero."""
    return jnp.sign(x) * jnp.floor(jnp.abs(x) + 0.5)


def _limits(dtype: Any, narrow: bool) -> tuple[float, float, float]:
    """The least and the largest integer, and half of how many there are if some are negative."""
    info = np.iinfo(dtype.numpy)
    half = (float(info.max) - float(info.min) + 1) / 2 if info.min < 0 else 0.0
    return float(info.min) + narrow, float(info.max), half


@op("QuantizeV2")
def quantize_v2(input, min_range, max_range, *, T, mode, round_mode, narrow_range, axis, ensure_minimum_range):
    _whole(mode, axis)
    least, most, half = _limits(T, narrow_range)
    low, high = jnp.minimum(0.0, min_range).reshape(()), jnp.reshape(max_range, ())
    apart = jnp.maximum(1.0, jnp.maximum(jnp.abs(min_range), jnp.abs(max_range))) * ensure_minimum_range
    high = jnp.maximum(jnp.maximum(high, low + jnp.reshape(apart, ())), 0.0)
    if mode == "MIN_COMBINED":
        scale = (most - (least - narrow_range)) / (high - low)
        whole = _away((jnp.clip(input, low, high) - low) * scale - half)
        return whole.astype(native(T)), low, high
    by_low = jnp.where(least * low > 0, least / low, jnp.finfo(jnp.float32).max)
    by_high = jnp.where(most * high > 0, most / high, jnp.finfo(jnp.float32).max)
    scale = jnp.minimum(by_low, by_high)
    low, high = least / scale, most / scale
    rounded = jnp.round if round_mode == "HALF_TO_EVEN" else _away
    return rounded(jnp.clip(input, low, high) * scale).astype(native(T)), low, high


@op("Dequantize")
def dequantize(input, min_range, max_range, *, T, mode, narrow_range, axis, dtype):
    _whole(mode, axis)
    require(jnp.issubdtype(input.dtype, jnp.integer), "numbers that are not whole")
    least, most, half = _limits(T, narrow_range)
    values, low, high = input.astype(jnp.float32), jnp.reshape(min_range, ()), jnp.reshape(max_range, ())
    if mode == "MIN_COMBINED":
        scale = (high - low) / (most - (least - narrow_range))
        return ((values + half) * scale + low).astype(native(dtype))
    scale = jnp.maximum(low / least, high / most) if least < 0 else high / most
    return (values * scale).astype(native(dtype))
