# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Layers of neural networks: convolutions, normalization, activations, losses.

Padding SAME puts the odd one behind, as XLA does. What is computed in float16 is float32 inside where TensorFlow's is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from reinstate.errors import UnsupportedError
from reinstate.graph.rules import Static, check_size, ints, native, op, require, row

_ORDERS = {"NHWC": "NHWC", "NCHW": "NCHW", "NDHWC": "NDHWC", "NCDHW": "NCDHW"}


def channel_axis(data_format: str) -> int:
    """Where the channels are; the data formats of quantized hardware are not known."""
    if data_format not in _ORDERS:
        raise UnsupportedError(f"the data format {data_format}")
    return 1 if data_format.startswith("NC") else len(data_format) - 1


def spatial(values: Sequence[int], data_format: str) -> tuple[int, ...]:
    """Of one value per axis, those of the spatial axes; the others must be 1 (or 0)."""
    channel = channel_axis(data_format)
    require(len(values) == len(data_format), f"{list(values)} for {data_format}")
    require(values[0] in (0, 1) and values[channel] in (0, 1), f"{list(values)}: over batch or channels")
    return tuple(value for axis, value in enumerate(values) if axis not in (0, channel))


def window_padding(padding: str, explicit: Sequence[int], data_format: str) -> Any:
    """What jax takes: SAME, VALID, or pairs for the spatial axes."""
    if padding != "EXPLICIT":
        require(padding in ("SAME", "VALID"), f"the padding {padding!r}")
        return padding
    require(len(explicit) == 2 * len(data_format), f"{list(explicit)}: a pair for each axis")
    channel = channel_axis(data_format)
    pairs = [(explicit[2 * i], explicit[2 * i + 1]) for i in range(len(data_format))]
    return [pair for axis, pair in enumerate(pairs) if axis not in (0, channel)]


def convolve(
    x: Any,
    kernel: Any,
    strides: Sequence[int],
    padding: str,
    explicit: Sequence[int],
    data_format: str,
    dilations: Sequence[int],
) -> Any:
    """A convolution; ``kernel`` is ``(*window, in / groups, out)``."""
    require(x.ndim == kernel.ndim == len(data_format), f"the shapes {x.shape} and {kernel.shape}")
    channels = x.shape[channel_axis(data_format)]
    require(kernel.shape[-2] > 0 and channels % kernel.shape[-2] == 0, f"{channels} channels and {kernel.shape}")
    window = data_format.replace("N", "").replace("C", "")
    return lax.conv_general_dilated(
        x,
        kernel,
        spatial(strides, data_format),
        window_padding(padding, explicit, data_format),
        rhs_dilation=spatial(dilations, data_format),
        dimension_numbers=(data_format, f"{window}IO", data_format),
        feature_group_count=channels // kernel.shape[-2],
    )


def _transposed(conv: Callable[[Any], Any], sizes: Sequence[int], out: Any) -> Any:
    """What ``conv`` would have to be given, linearly: its transpose applied to ``out``."""
    check_size(sizes)
    (result,) = jax.linear_transpose(conv, jax.ShapeDtypeStruct(tuple(sizes), out.dtype))(out)
    return result


@op("Conv2D", ignore="use_cudnn_on_gpu")
def conv2d(input, filter, *, strides, padding, explicit_paddings, data_format, dilations):
    return convolve(input, filter, strides, padding, explicit_paddings, data_format, dilations)


@op("Conv3D")
def conv3d(input, filter, *, strides, padding, data_format, dilations):
    return convolve(input, filter, strides, padding, (), data_format, dilations)


@op("Conv2DBackpropInput", ignore="use_cudnn_on_gpu")
def conv2d_backprop_input(
    input_sizes: Static, filter, out_backprop, *, strides, padding, explicit_paddings, data_format, dilations
):
    sizes = ints(input_sizes)
    if len(sizes) == 2:
        sizes = (out_backprop.shape[0], *sizes, filter.shape[2])
        require(data_format == "NHWC", "an output shape of two numbers")
    return _transposed(
        lambda x: convolve(x, filter, strides, padding, explicit_paddings, data_format, dilations), sizes, out_backprop
    )


@op("Conv3DBackpropInputV2")
def conv3d_backprop_input(input_sizes: Static, filter, out_backprop, *, strides, padding, data_format, dilations):
    return _transposed(
        lambda x: convolve(x, filter, strides, padding, (), data_format, dilations), ints(input_sizes), out_backprop
    )


@op("Conv2DBackpropFilter", ignore="use_cudnn_on_gpu")
def conv2d_backprop_filter(
    input, filter_sizes: Static, out_backprop, *, strides, padding, explicit_paddings, data_format, dilations
):
    return _transposed(
        lambda w: convolve(input, w, strides, padding, explicit_paddings, data_format, dilations),
        ints(filter_sizes),
        out_backprop,
    )


@op("Conv3DBackpropFilterV2")
def conv3d_backprop_filter(input, filter_sizes: Static, out_backprop, *, strides, padding, data_format, dilations):
    return _transposed(
        lambda w: convolve(input, w, strides, padding, (), data_format, dilations), ints(filter_sizes), out_backprop
    )


def _depthwise(x: Any, kernel: Any, strides: Any, padding: Any, explicit: Any, data_format: str, dilations: Any) -> Any:
    """A filter ``(h, w, channels, multiplier)``: a group per channel."""
    h, w, channels, multiplier = kernel.shape
    require(x.shape[channel_axis(data_format)] == channels, f"the shapes {x.shape} and {kernel.shape}")
    flat = kernel.reshape(h, w, 1, channels * multiplier)
    return convolve(x, flat, strides, padding, explicit, data_format, dilations)


@op("DepthwiseConv2dNative")
def depthwise_conv2d(input, filter, *, strides, padding, explicit_paddings, data_format, dilations):
    return _depthwise(input, filter, strides, padding, explicit_paddings, data_format, dilations)


@op("DepthwiseConv2dNativeBackpropInput")
def depthwise_conv2d_backprop_input(
    input_sizes: Static, filter, out_backprop, *, strides, padding, explicit_paddings, data_format, dilations
):
    return _transposed(
        lambda x: _depthwise(x, filter, strides, padding, explicit_paddings, data_format, dilations),
        ints(input_sizes),
        out_backprop,
    )


@op("Dilation2D")
def dilation2d(input, filter, *, strides, rates, padding):
    """The largest of window plus filter: grey-scale morphology."""
    h, w, channels = filter.shape
    ranges = [
        lax.conv_general_dilated_patches(
            input,
            (h, w),
            tuple(strides[1:3]),
            _pads(input.shape[1:3], (h, w), strides[1:3], rates[1:3], padding),
            rhs_dilation=tuple(rates[1:3]),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        ),
        lax.conv_general_dilated_patches(
            jnp.ones_like(input),
            (h, w),
            tuple(strides[1:3]),
            _pads(input.shape[1:3], (h, w), strides[1:3], rates[1:3], padding),
            rhs_dilation=tuple(rates[1:3]),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        ),
    ]
    values, inside = (r.reshape(*r.shape[:3], channels, h * w) for r in ranges)
    weights = jnp.moveaxis(filter, 2, 0).reshape(channels, h * w)
    return jnp.max(jnp.where(inside > 0, values + weights, -jnp.inf), axis=-1).astype(input.dtype)


def _pads(shape: Any, window: Any, strides: Any, rates: Any, padding: str) -> Any:
    window = [(size - 1) * rate + 1 for size, rate in zip(window, rates, strict=True)]
    return lax.padtype_to_pads(tuple(shape), tuple(window), tuple(strides), padding)


@op("BiasAdd")
def bias_add(value, bias, *, data_format, xp):
    axis = 1 if data_format.startswith("NC") else np.ndim(value) - 1
    require(np.ndim(bias) == 1 and value.shape[axis] == len(bias), f"the shapes {value.shape} and {bias.shape}")
    return value + bias.reshape((-1,) + (1,) * (np.ndim(value) - axis - 1))


@op("BiasAddV1")
def bias_add_v1(value, bias, *, xp):
    return value + bias


@op("BiasAddGrad")
def bias_add_grad(out_backprop, *, data_format, xp):
    channel = 1 if data_format.startswith("NC") else np.ndim(out_backprop) - 1
    return xp.sum(out_backprop, axis=tuple(axis for axis in range(np.ndim(out_backprop)) if axis != channel))


@op("FusedBatchNorm", "FusedBatchNormV2")
def fused_batch_norm(
    x, scale, offset, mean, variance, *, epsilon, exponential_avg_factor, data_format, is_training
):  # fmt: skip
    return _normalized(x, scale, offset, mean, variance, epsilon, exponential_avg_factor, data_format, is_training)


@op("FusedBatchNormV3")
def fused_batch_norm_v3(
    x, scale, offset, mean, variance, *, epsilon, exponential_avg_factor, data_format, is_training
):  # fmt: skip
    outputs = _normalized(x, scale, offset, mean, variance, epsilon, exponential_avg_factor, data_format, is_training)
    return (*outputs, jnp.zeros((0,), scale.dtype))


def _normalized(
    x: Any, scale: Any, offset: Any, mean: Any, variance: Any, epsilon: float, factor: float, order: str, train: bool
) -> tuple[Any, ...]:
    """The output, the mean and variance to keep (the latter unbiased), and both for the gradient."""
    channel = channel_axis(order)
    axes = tuple(axis for axis in range(x.ndim) if axis != channel)
    wide = x.astype(scale.dtype)
    used_mean, used_variance = mean, variance
    kept_mean, kept_variance = mean, variance
    if train:
        count = x.size // max(x.shape[channel], 1)
        used_mean = jnp.mean(wide, axis=axes)
        centred = wide - _along(used_mean, channel, x.ndim)
        used_variance = jnp.mean(jnp.square(centred), axis=axes)
        kept_mean, kept_variance = used_mean, used_variance * (count / max(count - 1, 1))
        if factor != 1:
            kept_mean = factor * kept_mean + (1 - factor) * mean
            kept_variance = factor * kept_variance + (1 - factor) * variance
    slope = lax.rsqrt(used_variance + jnp.asarray(epsilon, scale.dtype)) * scale
    centred = wide - _along(used_mean, channel, x.ndim)
    y = centred * _along(slope, channel, x.ndim) + _along(offset, channel, x.ndim)
    return y.astype(x.dtype), kept_mean, kept_variance, used_mean, used_variance


def _along(vector: Any, axis: int, rank: int) -> Any:
    return vector.reshape((-1,) + (1,) * (rank - axis - 1))


@op("LRN")
def lrn(input, *, depth_radius, bias, alpha, beta):
    window = (1, 1, 1, 2 * depth_radius + 1)
    squares = lax.reduce_window(
        jnp.square(input), np.zeros((), input.dtype), lax.add, window, (1,) * 4,
        ((0, 0), (0, 0), (0, 0), (depth_radius, depth_radius)),
    )  # fmt: skip
    return input / (bias + alpha * squares) ** beta


_SELU = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717

_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "Relu": lambda x: jax.nn.relu(x),
    "Relu6": lambda x: jnp.clip(x, 0, 6),
    "Elu": lambda x: jnp.where(x > 0, x, jnp.expm1(jnp.where(x > 0, 0, x))),
    "Selu": lambda x: _SELU[0] * jnp.where(x > 0, x, _SELU[1] * jnp.expm1(jnp.where(x > 0, 0, x))),
    "Softplus": lambda x: jnp.logaddexp(x, jnp.zeros((), x.dtype)),
    "Softsign": lambda x: x / (1 + jnp.abs(x)),
    "Softmax": lambda x: jax.nn.softmax(x, axis=-1),
    "LogSoftmax": lambda x: jax.nn.log_softmax(x, axis=-1),
    "L2Loss": lambda x: jnp.sum(jnp.square(x)) / 2,
}
for _name, _compute in _ACTIVATIONS.items():
    row(_name, lambda xp, x, f=_compute: f(jnp.asarray(x)))

_GRADIENTS: dict[str, Callable[[Any, Any], Any]] = {
    "ReluGrad": lambda dy, x: jnp.where(x > 0, dy, 0),
    "Relu6Grad": lambda dy, x: jnp.where((x > 0) & (x < 6), dy, 0),
    "EluGrad": lambda dy, y: jnp.where(y < 0, (y + 1) * dy, dy),
    "SeluGrad": lambda dy, y: jnp.where(y < 0, dy * (y + _SELU[0] * _SELU[1]), dy * _SELU[0]),
    "SoftplusGrad": lambda dy, x: dy * jax.nn.sigmoid(x),
    "SoftsignGrad": lambda dy, x: dy / jnp.square(1 + jnp.abs(x)),
}
for _name, _gradient in _GRADIENTS.items():
    row(_name, lambda xp, dy, x, f=_gradient: f(jnp.asarray(dy), jnp.asarray(x)))


@op("LeakyRelu")
def leaky_relu(features, *, alpha):
    return jnp.where(features > 0, features, jnp.asarray(alpha, features.dtype) * features)


@op("LeakyReluGrad")
def leaky_relu_grad(gradients, features, *, alpha):
    return jnp.where(features > 0, gradients, jnp.asarray(alpha, features.dtype) * gradients)


@op("SoftmaxCrossEntropyWithLogits")
def softmax_cross_entropy(features, labels):
    features, labels = jnp.broadcast_arrays(features, labels)
    logs = jax.nn.log_softmax(features, axis=-1)
    loss = -jnp.sum(jnp.where(labels == 0, 0, labels * logs), axis=-1)
    return loss, jnp.exp(logs) - labels


@op("SparseSoftmaxCrossEntropyWithLogits")
def sparse_softmax_cross_entropy(features, labels):
    logs = jax.nn.log_softmax(features, axis=-1)
    index = jnp.where(labels < 0, features.shape[-1], labels)[..., None]
    loss = -jnp.take_along_axis(logs, index, axis=-1, mode="fill", fill_value=jnp.nan)[..., 0]
    hot = jnp.arange(features.shape[-1]) == index
    return loss, jnp.exp(logs) - hot.astype(features.dtype)


@op("TopKV2", ignore="sorted")
def top_k(input, k: Static, *, index_type):
    (count,) = ints(k)
    require(0 <= count <= input.shape[-1], f"the first {count} of {input.shape[-1]}")
    values, indices = lax.top_k(input, count)
    return values, indices.astype(native(index_type))


@op("InTopKV2")
def in_top_k(predictions, targets, k):
    index = jnp.clip(targets, 0, predictions.shape[-1] - 1)[:, None]
    chosen = jnp.take_along_axis(predictions, index, axis=1)
    better = jnp.sum(predictions > chosen, axis=1)
    fine = jnp.isfinite(chosen[:, 0]) & (targets >= 0) & (targets < predictions.shape[-1])
    return (better < k) & fine


@op("InTopK")
def in_top_k_v1(predictions, targets, *, k):
    return in_top_k(predictions, targets, k)


@op("NthElement")
def nth_element(input, n: Static, *, reverse):
    (place,) = ints(n)
    require(0 <= place < input.shape[-1], f"element {place} of {input.shape[-1]}")
    ordered = jnp.sort(input, axis=-1)
    return ordered[..., input.shape[-1] - 1 - place if reverse else place]


@op("ApproxTopK", ignore="recall_target reduction_input_size_override aggregate_to_topk")
def approx_top_k(input, *, k, reduction_dimension, is_max_k):
    moved = jnp.moveaxis(input, reduction_dimension, -1)
    values, indices = lax.top_k(moved if is_max_k else -moved, k)
    values = values if is_max_k else -values
    return jnp.moveaxis(values, -1, reduction_dimension), jnp.moveaxis(indices, -1, reduction_dimension)


def _fake_quantized(x: Any, low: Any, high: Any, bits: int, narrow: bool) -> Any:
    """Round to one of the values that an integer could stand for; zero is one of them."""
    least, most = (1 if narrow else 0), 2**bits - 1
    scale = (high - low) / (most - least)
    zero = jnp.clip(least - low / scale, least, most)
    zero = jnp.floor(zero + 0.5)
    nudged_low, nudged_high = (least - zero) * scale, (most - zero) * scale
    clamped = jnp.clip(x, nudged_low, nudged_high)
    result = jnp.floor((clamped - nudged_low) / scale + 0.5) * scale + nudged_low
    return jnp.where((low == 0) & (high == 0), jnp.zeros((), x.dtype), result)


@op("QuantizeAndDequantizeV2", "QuantizeAndDequantizeV4")
def quantize_and_dequantize(
    input, input_min, input_max, *, signed_input, num_bits, range_given, round_mode, narrow_range, axis
):
    """Round to what integers of a width could stand for, in symmetric (signed) or one-sided ranges."""
    along = tuple(i for i in range(input.ndim) if i != axis) if axis != -1 else tuple(range(input.ndim))
    low, high = input_min, input_max
    if not range_given:
        low, high = jnp.min(input, axis=along), jnp.max(input, axis=along)
    if axis != -1:
        low, high = (each.reshape((-1,) + (1,) * (input.ndim - axis - 1)) for each in (low, high))
    most = 2 ** (num_bits - 1) - 1 if signed_input else 2**num_bits - 1
    least = (-most if narrow_range else -most - 1) if signed_input else 0
    by_low = jnp.where(least * low > 0, least / low, jnp.inf)
    by_high = jnp.where(most * high > 0, most / high, jnp.inf)
    scale = jnp.minimum(by_low, by_high)
    inverse = jnp.where(by_low < by_high, low / least if least else jnp.inf, high / most)
    clamped = jnp.clip(input, least * inverse, most * inverse) if range_given else input
    rounded = jnp.round(clamped * scale) if round_mode == "HALF_TO_EVEN" else jnp.floor(clamped * scale + 0.5)
    return rounded * inverse


@op("FakeQuantWithMinMaxArgs")
def fake_quant_args(inputs, *, min, max, num_bits, narrow_range):
    return _fake_quantized(inputs, jnp.float32(min), jnp.float32(max), num_bits, narrow_range)


@op("FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel")
def fake_quant_vars(inputs, min, max, *, num_bits, narrow_range):
    return _fake_quantized(inputs, min, max, num_bits, narrow_range)
