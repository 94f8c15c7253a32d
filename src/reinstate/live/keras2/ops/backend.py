"""``keras.backend``: what is not another name of a function of ``tf``."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from reinstate.live.keras2.ops.table import alike, function, tensor, unary

unary(
    "x",
    {
        "keras.backend.flatten": lambda x: x.reshape(-1),
        "keras.backend.batch_flatten": lambda x: x.reshape(x.shape[0], -1),
        "keras.backend.cast_to_floatx": lambda x: x.astype(jnp.float32),
    },
)


@function("keras.backend.dot")
def dot(x: Any, y: Any) -> Any:
    """The product over the last axis of one and the last but one of the other."""
    x, y = alike(x, y)
    return jnp.tensordot(x, y, [[x.ndim - 1], [max(y.ndim - 2, 0)]])


@function("keras.backend.batch_dot")
def batch_dot(x: Any, y: Any, axes: Any = None) -> Any:
    """For each sample, the product over an axis of each; of vectors, (batch, 1)."""
    x, y = alike(x, y)
    if axes is None:
        axes = (x.ndim - 1, y.ndim - (1 if y.ndim == 2 else 2))
    first, second = (axes, axes) if isinstance(axes, int) else axes
    first, second = int(first) % x.ndim - 1, int(second) % y.ndim - 1
    result = jax.vmap(lambda a, b: jnp.tensordot(a, b, [[first], [second]]))(x, y)
    return result[:, None] if result.ndim == 1 else result


@function("keras.backend.bias_add")
def bias_add(x: Any, bias: Any, data_format: Any = None) -> Any:
    """A bias on each channel."""
    x, bias = alike(x, bias)
    if data_format == "channels_first" and bias.ndim == 1:
        bias = bias.reshape(-1, *(1 for _ in range(x.ndim - 2)))
    return x + bias


def _probabilities(output: Any, axis: int) -> Any:
    output = output / jnp.sum(output, axis, keepdims=True)
    return jnp.clip(output, 1e-7, 1 - 1e-7)


@function("keras.backend.categorical_crossentropy")
def categorical_crossentropy(target: Any, output: Any, from_logits: Any = False, axis: Any = -1) -> Any:
    """The cross entropy along an axis."""
    target, output = alike(target, output)
    logs = jax.nn.log_softmax(output, axis) if from_logits else jnp.log(_probabilities(output, axis))
    return -jnp.sum(target * logs, axis)


@function("keras.backend.binary_crossentropy")
def binary_crossentropy(target: Any, output: Any, from_logits: Any = False) -> Any:
    """The cross entropy of each value."""
    target, output = alike(target, output)
    if from_logits:
        return jax.nn.relu(output) - output * target + jnp.log1p(jnp.exp(-jnp.abs(output)))
    output = jnp.clip(output, 1e-7, 1 - 1e-7)
    return -(target * jnp.log(output + 1e-7) + (1 - target) * jnp.log(1 - output + 1e-7))


@function("keras.backend.resize_images")
def resize_images(
    x: Any, height_factor: Any, width_factor: Any, data_format: Any, interpolation: Any = "nearest"
) -> Any:
    """Images so many times as high and as wide."""
    from reinstate.live.keras2.ops.image import resize

    images = jnp.moveaxis(tensor(x), 1, -1) if data_format == "channels_first" else tensor(x)
    size = (images.shape[1] * int(height_factor), images.shape[2] * int(width_factor))
    result = resize(images, size, interpolation)
    return jnp.moveaxis(result, -1, 1) if data_format == "channels_first" else result
