# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Pooling. What padding adds is neither the largest nor counted in an average."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from reinstate.graph.ops.nn import channel_axis, window_padding
from reinstate.graph.rules import Static, ints, native, op, require


def _window(values: Any, data_format: str) -> tuple[int, ...]:
    require(len(values) == len(data_format) and min(values) > 0, f"{list(values)} for {data_format}")
    return tuple(values)


def _padding(padding: str, explicit: Any, shape: Any, window: Any, strides: Any, data_format: str) -> Any:
    found = window_padding(padding, explicit, data_format)
    if isinstance(found, str):
        return lax.padtype_to_pads(shape, window, strides, found)
    channel = channel_axis(data_format)
    pairs = iter(found)
    return [(0, 0) if axis in (0, channel) else next(pairs) for axis in range(len(data_format))]


def max_pooled(x: Any, ksize: Any, strides: Any, padding: str, explicit: Any, data_format: str) -> Any:
    """The largest of each window."""
    window, steps = _window(ksize, data_format), _window(strides, data_format)
    least = np.iinfo(x.dtype).min if x.dtype.kind in "iu" else -np.inf
    pads = _padding(padding, explicit, x.shape, window, steps, data_format)
    return lax.reduce_window(x, np.asarray(least, x.dtype), lax.max, window, steps, pads)


def averaged(x: Any, ksize: Any, strides: Any, padding: str, data_format: str) -> Any:
    """The average of each window, of what is in the tensor."""
    window, steps = _window(ksize, data_format), _window(strides, data_format)
    pads = _padding(padding, (), x.shape, window, steps, data_format)
    wide = x.astype(jnp.float32) if x.dtype.itemsize == 2 else x
    zero = np.zeros((), wide.dtype)
    total = lax.reduce_window(wide, zero, lax.add, window, steps, pads)
    if padding == "VALID":
        return (total / np.asarray(np.prod(window), wide.dtype)).astype(x.dtype)
    counts = lax.reduce_window(np.ones((1, *x.shape[1:]), wide.dtype), zero, lax.add, window, steps, pads)
    return (total / counts).astype(x.dtype)


@op("MaxPool")
def max_pool(input, *, ksize, strides, padding, explicit_paddings, data_format):
    return max_pooled(input, ksize, strides, padding, explicit_paddings, data_format)


@op("MaxPoolV2")
def max_pool_v2(input, ksize: Static, strides: Static, *, padding, data_format):
    return max_pooled(input, ints(ksize), ints(strides), padding, (), data_format)


@op("MaxPool3D")
def max_pool_3d(input, *, ksize, strides, padding, data_format):
    return max_pooled(input, ksize, strides, padding, (), data_format)


@op("AvgPool")
def avg_pool(value, *, ksize, strides, padding, data_format):
    return averaged(value, ksize, strides, padding, data_format)


@op("AvgPool3D")
def avg_pool_3d(input, *, ksize, strides, padding, data_format):
    return averaged(input, ksize, strides, padding, data_format)


@op("MaxPoolGrad")
def max_pool_grad(orig_input, orig_output, grad, *, ksize, strides, padding, explicit_paddings, data_format):
    _, back = jax.vjp(lambda x: max_pooled(x, ksize, strides, padding, explicit_paddings, data_format), orig_input)
    return back(grad)[0]


@op("AvgPoolGrad")
def avg_pool_grad(orig_input_shape: Static, grad, *, ksize, strides, padding, data_format):
    like = jax.ShapeDtypeStruct(ints(orig_input_shape), grad.dtype)
    return jax.linear_transpose(lambda x: averaged(x, ksize, strides, padding, data_format), like)(grad)[0]


@op("MaxPoolWithArgmax")
def max_pool_with_argmax(input, *, ksize, strides, padding, include_batch_in_index, Targmax):
    """The largest, and its place in the flattened image (or batch); the first, where there are several."""
    n, h, w, c = input.shape
    window, steps = tuple(ksize[1:3]), tuple(strides[1:3])
    pads = lax.padtype_to_pads((h, w), window, steps, padding)
    places = np.arange(h * w * c, dtype=np.int32).reshape(h, w, c)
    padded = jnp.pad(input, ((0, 0), *pads, (0, 0)), constant_values=np.asarray(-np.inf, input.dtype))
    labels = np.pad(places, (*pads, (0, 0)), constant_values=-1)
    views = [_view(padded, i, j, window, steps) for i in range(window[0]) for j in range(window[1])]
    names = [_view(labels[None], i, j, window, steps) for i in range(window[0]) for j in range(window[1])]
    stacked, named = jnp.stack(views), np.stack(names)
    best = jnp.argmax(jnp.where(named >= 0, stacked, -jnp.inf), axis=0)
    index = jnp.take_along_axis(jnp.broadcast_to(named, stacked.shape), best[None], axis=0)[0]
    if include_batch_in_index:
        index = index + (jnp.arange(n, dtype=jnp.int32) * (h * w * c)).reshape(n, 1, 1, 1)
    return jnp.max(stacked, axis=0), index.astype(native(Targmax))


def _view(x: Any, i: int, j: int, window: tuple[int, int], steps: tuple[int, int]) -> Any:
    """The element (i, j) of every window."""
    _, h, w, _ = x.shape
    return x[:, i : h - window[0] + 1 + i : steps[0], j : w - window[1] + 1 + j : steps[1]]
