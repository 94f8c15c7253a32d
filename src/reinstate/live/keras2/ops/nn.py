"""``tf.nn`` and ``keras.activations``: activations, normalization, losses by element, convolution and pooling."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from reinstate.live.keras2.ops.table import alike, axes, function, shape, tensor, unary

unary(
    "features",
    {
        "nn.relu": jax.nn.relu,
        "nn.relu6": jax.nn.relu6,
        "nn.elu": jax.nn.elu,
        "nn.selu": jax.nn.selu,
        "nn.softsign": jax.nn.soft_sign,
        "math.softplus nn.softplus": jax.nn.softplus,
    },
)
unary(
    "x",
    {
        "keras.activations.selu": jax.nn.selu,
        "keras.backend.softplus keras.activations.softplus": jax.nn.softplus,
        "keras.backend.softsign keras.activations.softsign": jax.nn.soft_sign,
        "keras.activations.linear": lambda x: x,
        "keras.activations.swish": jax.nn.silu,
        "keras.activations.mish": lambda x: x * jnp.tanh(jax.nn.softplus(x)),
        "keras.backend.hard_sigmoid keras.activations.hard_sigmoid": lambda x: jnp.clip(0.2 * x + 0.5, 0, 1),
    },
)


@function("nn.leaky_relu")
def leaky_relu(features: Any, alpha: Any = 0.2) -> Any:
    """The larger of the value and ``alpha`` times it."""
    features, alpha = alike(features, alpha)
    return jnp.maximum(features, features * alpha)


@function("nn.gelu")
def gelu(features: Any, approximate: Any = False) -> Any:
    """The value times the normal distribution's share below it, exact or by tanh."""
    return jax.nn.gelu(tensor(features), approximate=bool(approximate))


@function("keras.activations.gelu")
def activation_gelu(x: Any, approximate: Any = False) -> Any:
    """As ``gelu``."""
    return gelu(x, approximate)


@function("nn.silu")
def silu(features: Any, beta: Any = 1.0) -> Any:
    """The value times the sigmoid of ``beta`` times it."""
    features, beta = alike(features, beta)
    return features * jax.nn.sigmoid(beta * features)


@function("nn.crelu")
def crelu(features: Any, axis: Any = -1) -> Any:
    """The positive parts of the values and of their negatives, side by side."""
    features = tensor(features)
    return jax.nn.relu(jnp.concatenate([features, -features], int(axis)))


@function("keras.backend.relu", "keras.activations.relu")
def backend_relu(x: Any, alpha: Any = 0.0, max_value: Any = None, threshold: Any = 0.0) -> Any:
    """The value above ``threshold``, at most ``max_value``; below, ``alpha`` times its distance."""
    x = tensor(x)
    kept = jnp.where(x > threshold if threshold else x > 0, x, jnp.zeros((), x.dtype))
    if max_value is not None:
        kept = jnp.minimum(kept, jnp.asarray(max_value, x.dtype))
    return kept + jnp.asarray(alpha, x.dtype) * jnp.minimum(x - threshold, 0) if alpha else kept


@function("keras.backend.elu", "keras.activations.elu")
def backend_elu(x: Any, alpha: Any = 1.0) -> Any:
    """The value where positive, else ``alpha`` times its exponential less one."""
    return jax.nn.elu(tensor(x), alpha)


@function("nn.softmax")
def softmax(logits: Any, axis: Any = None) -> Any:
    """Exponentials that sum to one along an axis, the last where none is given."""
    return jax.nn.softmax(tensor(logits), -1 if axis is None else axes(axis))


@function("compat.v1.nn.softmax")
def softmax_v1(logits: Any, axis: Any = None, dim: Any = None) -> Any:
    """As ``softmax``."""
    return softmax(logits, axis if dim is None else dim)


@function("keras.backend.softmax", "keras.activations.softmax")
def backend_softmax(x: Any, axis: Any = -1) -> Any:
    """As ``softmax``."""
    return softmax(x, axis)


@function("nn.log_softmax")
def log_softmax(logits: Any, axis: Any = None) -> Any:
    """The logarithm of ``softmax``."""
    return jax.nn.log_softmax(tensor(logits), -1 if axis is None else axes(axis))


def _normalized(x: Any, axis: Any, epsilon: float) -> Any:
    squares = jnp.sum(jnp.square(x), axes(axis), keepdims=True)
    return x * lax.rsqrt(jnp.maximum(squares, jnp.asarray(epsilon, x.dtype)))


@function("math.l2_normalize", "nn.l2_normalize")
def l2_normalize(x: Any, axis: Any = None, epsilon: Any = 1e-12, dim: Any = None) -> Any:
    """Values of length one along axes."""
    return _normalized(tensor(x), axis if dim is None else dim, epsilon)


@function("keras.backend.l2_normalize")
def backend_l2_normalize(x: Any, axis: Any = None) -> Any:
    """As ``l2_normalize``."""
    return _normalized(tensor(x), axis, 1e-12)


@function("nn.l2_loss")
def l2_loss(t: Any) -> Any:
    """Half the sum of squares."""
    return jnp.sum(jnp.square(tensor(t))) / 2


@function("nn.moments")
def moments(x: Any, axes: Any, shift: Any = None, keepdims: Any = False) -> Any:
    """Mean and variance over axes."""
    over = shape(axes)
    return jnp.mean(tensor(x), over, keepdims=keepdims), jnp.var(tensor(x), over, keepdims=keepdims)


@function("nn.bias_add")
def bias_add(value: Any, bias: Any, data_format: Any = None) -> Any:
    """A bias on each channel."""
    value, bias = alike(value, bias)
    first = data_format is not None and str(data_format).startswith("NC")
    return value + (bias.reshape(-1, *(1 for _ in range(value.ndim - 2))) if first else bias)


@function("nn.batch_normalization")
def batch_normalization(x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: Any) -> Any:
    """Values less the mean, by the deviation, times ``scale``, and ``offset``; both may be None."""
    x, mean, variance = alike(x, mean, variance)
    factor = lax.rsqrt(variance + jnp.asarray(variance_epsilon, x.dtype))
    factor = factor if scale is None else factor * tensor(scale, x.dtype)
    shifted = -mean * factor if offset is None else tensor(offset, x.dtype) - mean * factor
    return x * factor + shifted


@function("nn.sigmoid_cross_entropy_with_logits")
def sigmoid_cross_entropy(labels: Any = None, logits: Any = None) -> Any:
    """The cross entropy of each label and the sigmoid of its logit."""
    labels, logits = alike(labels, logits)
    return jax.nn.relu(logits) - logits * labels + jnp.log1p(jnp.exp(-jnp.abs(logits)))


@function("nn.softmax_cross_entropy_with_logits")
def softmax_cross_entropy(labels: Any, logits: Any, axis: Any = -1) -> Any:
    """The cross entropy of labels and the softmax of logits along an axis."""
    labels, logits = alike(labels, logits)
    return -jnp.sum(labels * jax.nn.log_softmax(logits, int(axis)), int(axis))


@function("nn.sparse_softmax_cross_entropy_with_logits")
def sparse_softmax_cross_entropy(labels: Any, logits: Any) -> Any:
    """The cross entropy of the label's place and the softmax of logits along the last axis."""
    found = jnp.take_along_axis(jax.nn.log_softmax(tensor(logits), -1), tensor(labels)[..., None], -1)
    return -found[..., 0]


_FORMATS = {1: ("NWC", "WIO"), 2: ("NHWC", "HWIO"), 3: ("NDHWC", "DHWIO")}


def _per_axis(value: Any, rank: int, channels_first: bool) -> tuple[int, ...]:
    """One number for each spatial axis, out of one for all, one for each, or TF's list with batch and channels."""
    numbers = shape(1 if value is None else value)
    if len(numbers) == rank + 2:
        return numbers[2:] if channels_first else numbers[1:-1]
    return numbers * rank if len(numbers) == 1 else numbers


def _convolve(x: Any, filters: Any, strides: Any, padding: Any, data_format: Any, dilations: Any, groups: int) -> Any:
    x, filters = alike(x, filters)
    rank = x.ndim - 2
    inputs, kernel = _FORMATS[rank]
    first = data_format is not None and str(data_format).startswith("NC")
    inputs = str(data_format) if first else inputs
    pads: Any = str(padding).upper() if isinstance(padding, str) else _explicit(padding, first)
    return lax.conv_general_dilated(
        x,
        filters,
        _per_axis(strides, rank, first),
        pads,
        rhs_dilation=_per_axis(dilations, rank, first),
        dimension_numbers=(inputs, kernel, inputs),
        feature_group_count=groups,
    )


def _explicit(padding: Any, channels_first: bool) -> list[tuple[int, ...]]:
    rows = [shape(row) for row in padding]
    return rows[2:] if channels_first else rows[1:-1]


def _groups(x: Any, filters: Any, data_format: Any) -> int:
    first = data_format is not None and str(data_format).startswith("NC")
    return int(tensor(x).shape[1 if first else -1] // tensor(filters).shape[-2])


@function("nn.conv1d")
def conv1d(input: Any, filters: Any, stride: Any, padding: Any, data_format: Any = "NWC", dilations: Any = None) -> Any:
    """Convolve sequences."""
    return _convolve(input, filters, stride, padding, data_format, dilations, _groups(input, filters, data_format))


@function("nn.conv2d")
def conv2d(
    input: Any, filters: Any, strides: Any, padding: Any, data_format: Any = "NHWC", dilations: Any = None
) -> Any:
    """Convolve images."""
    return _convolve(input, filters, strides, padding, data_format, dilations, _groups(input, filters, data_format))


@function("nn.conv3d")
def conv3d(
    input: Any, filters: Any, strides: Any, padding: Any, data_format: Any = "NDHWC", dilations: Any = None
) -> Any:
    """Convolve volumes."""
    return _convolve(input, filters, strides, padding, data_format, dilations, _groups(input, filters, data_format))


@function("nn.depthwise_conv2d")
def depthwise_conv2d(
    input: Any, filter: Any, strides: Any, padding: Any, data_format: Any = None, dilations: Any = None
) -> Any:
    """Convolve each channel of images with filters of its own."""
    filters = tensor(filter)
    channels, multiplier = filters.shape[2:]
    flat = filters.reshape(*filters.shape[:2], 1, channels * multiplier)
    return _convolve(input, flat, strides, padding, data_format, dilations, channels)


def _pool(x: Any, ksize: Any, strides: Any, padding: Any, data_format: Any, mean: bool) -> Any:
    x = tensor(x)
    rank = x.ndim - 2
    first = data_format is not None and str(data_format).startswith("NC")
    kernel, steps = (_per_axis(value, rank, first) for value in (ksize, strides))
    window, step = ((1, 1, *each) if first else (1, *each, 1) for each in (kernel, steps))
    if not mean:
        low = -jnp.inf if jnp.issubdtype(x.dtype, jnp.inexact) else np.iinfo(x.dtype).min
        return lax.reduce_window(x, jnp.asarray(low, x.dtype), lax.max, window, step, str(padding).upper())
    zero = jnp.zeros((), x.dtype)
    total, count = (
        lax.reduce_window(each, zero, lax.add, window, step, str(padding).upper()) for each in (x, jnp.ones_like(x))
    )
    return total / count


def _enter_pools() -> None:
    def enter(kind: str, mean: bool, suffix: str, default: str | None) -> None:
        @function(f"nn.{kind}_pool{suffix}")
        def pool(input: Any, ksize: Any, strides: Any, padding: Any, data_format: Any = default) -> Any:
            return _pool(input, ksize, strides, padding, data_format, mean)

    for suffix, default in (("", None), ("1d", "NWC"), ("2d", "NHWC"), ("3d", "NDHWC")):
        enter("max", False, suffix, default)
        enter("avg", True, suffix, default)


_enter_pools()


@function("compat.v1.nn.log_softmax")
def log_softmax_v1(logits: Any, axis: Any = None, dim: Any = None) -> Any:
    """As ``log_softmax``."""
    return log_softmax(logits, axis if dim is None else dim)
