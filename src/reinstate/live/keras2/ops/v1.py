"""``tf.compat.v1``: what calls of ``tf`` are recorded as, because functions of TF 2 call those of TF 1 inside."""

from __future__ import annotations

from typing import Any

from reinstate.errors import UnsupportedError
from reinstate.live.keras2.ops import array, linalg, math, nn, reductions
from reinstate.live.keras2.ops.table import function


@function("compat.v1.math.scalar_mul")
def scalar_mul(scalar: Any, x: Any) -> Any:
    """A scalar times a tensor."""
    return math.scalar_mul(scalar, x)


@function("compat.v1.math.in_top_k")
def in_top_k(predictions: Any, targets: Any, k: Any) -> Any:
    """Whether fewer than ``k`` predictions are above that of the target."""
    return reductions.in_top_k(targets, predictions, k)


@function("compat.v1.norm")
def norm(tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: Any = None, keep_dims: Any = None) -> Any:
    """The norm of vectors or matrices."""
    return linalg.norm(tensor, ord, axis, keepdims or keep_dims)


@function("compat.v1.nn.embedding_lookup")
def embedding_lookup(
    params: Any,
    ids: Any,
    partition_strategy: Any = "mod",
    validate_indices: Any = True,
    max_norm: Any = None,
) -> Any:
    """The rows of one table."""
    if isinstance(params, list | tuple):
        if len(params) != 1:
            raise UnsupportedError("tf.nn.embedding_lookup of several tables is not supported")
        params = params[0]
    return array.embedding_lookup(params, ids, max_norm)


@function("compat.v1.nn.crelu")
def crelu(features: Any, axis: Any = -1) -> Any:
    """The positive parts of the values and of their negatives, side by side."""
    return nn.crelu(features, axis)


@function("compat.v1.nn.sigmoid_cross_entropy_with_logits")
def sigmoid_cross_entropy(labels: Any = None, logits: Any = None) -> Any:
    """The cross entropy of each label and the sigmoid of its logit."""
    return nn.sigmoid_cross_entropy(labels, logits)


@function("compat.v1.nn.softmax_cross_entropy_with_logits_v2")
def softmax_cross_entropy(labels: Any, logits: Any, axis: Any = None, dim: Any = None) -> Any:
    """The cross entropy of labels and the softmax of logits along an axis."""
    given = axis if dim is None else dim
    return nn.softmax_cross_entropy(labels, logits, -1 if given is None else given)


@function("compat.v1.nn.sparse_softmax_cross_entropy_with_logits")
def sparse_softmax_cross_entropy(labels: Any = None, logits: Any = None) -> Any:
    """The cross entropy of the label's place and the softmax of logits along the last axis."""
    return nn.sparse_softmax_cross_entropy(labels, logits)


@function("compat.v1.nn.conv1d")
def conv1d(
    value: Any = None,
    filters: Any = None,
    stride: Any = None,
    padding: Any = None,
    use_cudnn_on_gpu: Any = None,
    data_format: Any = None,
    input: Any = None,
    dilations: Any = None,
) -> Any:
    """Convolve sequences."""
    return nn.conv1d(input if value is None else value, filters, stride, padding, data_format, dilations)


@function("compat.v1.nn.conv2d")
def conv2d(
    input: Any,
    filter: Any = None,
    strides: Any = None,
    padding: Any = None,
    use_cudnn_on_gpu: Any = True,
    data_format: Any = "NHWC",
    dilations: Any = (1, 1, 1, 1),
    filters: Any = None,
) -> Any:
    """Convolve images."""
    return nn.conv2d(input, filters if filter is None else filter, strides, padding, data_format, dilations)


@function("compat.v1.nn.depthwise_conv2d")
def depthwise_conv2d(
    input: Any,
    filter: Any,
    strides: Any,
    padding: Any,
    rate: Any = None,
    data_format: Any = None,
    dilations: Any = None,
) -> Any:
    """Convolve each channel of images with filters of its own."""
    return nn.depthwise_conv2d(input, filter, strides, padding, data_format, rate if dilations is None else dilations)
