"""Every layer that both dialects know, one row each: the Keras 2 name, what stays, and what differs.

Sources: the ``get_config`` methods of tf.keras 2.0 to 2.15, tf_keras 2.16 to 2.21 and Keras 3.10 to 3.15.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reinstate.config.applications import APPLICATION_ALIASES, APPLICATION_LAYERS
from reinstate.config.dropped import DROPPED_LAYERS
from reinstate.config.fields import ACTIVATION, BIAS, KERNEL, NAME, array, layer, weight
from reinstate.config.images import IMAGE_LAYERS
from reinstate.config.keras1_layers import KERAS1_LAYERS
from reinstate.config.lambdas import FUNCTION
from reinstate.config.lens import Choice, Context, Convert, Drop, Family, Forget, Late, Lens, New, Rename, Row, row
from reinstate.config.names import words
from reinstate.config.op_layers import FUNCTION_LAYERS
from reinstate.config.preprocessing import HOST_LAYERS
from reinstate.config.recurrent import RECURRENT_LAYERS

_QUANTIZED = New("quantization_config", unsaid=(None,))
_CHANNELS_LAST = New("data_format", unsaid=("channels_last", None))
_UNGROUPED = Drop("groups", only=(1, None))
_NO_KERNEL = Forget(frozenset(["filters", "kernel_initializer", "kernel_regularizer", "kernel_constraint"]))
_NO_SEPARABLE_KERNEL = Forget(frozenset(["kernel_initializer", "kernel_regularizer", "kernel_constraint"]))
_ALWAYS_TRAINABLE = Drop("trainable")
_SEED = Late("seed", None)
_KEEPDIMS = Late("keepdims", False)
_CONVOLUTION = "filters kernel_size strides padding data_format dilation_rate use_bias"
_TRANSPOSED = "filters kernel_size strides padding output_padding data_format use_bias"
_DEPTHWISE = "kernel_size strides padding depth_multiplier data_format dilation_rate use_bias"
_POOL = "pool_size strides padding data_format"


def _one_axis(value: Any, context: Context) -> Any:
    """Return the axis as a number: built layers of tf.keras write a list of one."""
    if not isinstance(value, list | tuple):
        return value
    if len(value) != 1:
        context.refuse(f"{list(value)} has no equivalent in Keras 3: it normalizes over one axis")
    return value[0] if value else -1


def _number(value: Any, context: Context) -> Any:
    """Return the number in the ``{"type": "ndarray", "value": 0.3}`` that Keras 2.2 made of numpy scalars."""
    return value["value"] if isinstance(value, Mapping) and "value" in value else value


def _two_dots(value: Any, context: Context) -> Any:
    return {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(value, value) if isinstance(value, str) else value


def _required(value: Any, context: Context) -> Any:
    if value is None:
        context.refuse("is not set: Keras 3 cannot learn it from data")
    return value


def _dense_input(value: Any, context: Context) -> bool:
    if value:
        context.lose("sparse inputs are taken dense")
    return False


def _shape(value: Any, context: Context) -> Any:
    if not isinstance(value, list | tuple):
        context.refuse(f"not a shape: {value!r:.200}")
    return value


def _same(value: Any, context: Context) -> Any:
    return value


def _convolution(class_name: str) -> Row:
    return layer(class_name, f"{_CONVOLUTION} groups", ACTIVATION, *KERNEL, *BIAS)


def _transposed(class_name: str, *lenses: Lens) -> Row:
    return layer(class_name, _TRANSPOSED, _UNGROUPED, ACTIVATION, *KERNEL, *BIAS, *lenses)


def _depthwise(class_name: str) -> Row:
    return layer(class_name, _DEPTHWISE, _UNGROUPED, _NO_KERNEL, ACTIVATION, *weight("depthwise"), *BIAS)


def _separable(class_name: str) -> Row:
    keys = f"{_CONVOLUTION} depth_multiplier"
    weights = (*weight("depthwise"), *weight("pointwise"), *BIAS)
    return layer(class_name, keys, _UNGROUPED, _NO_SEPARABLE_KERNEL, ACTIVATION, *weights)


def _spatial(class_name: str) -> Row:
    lenses = (_ALWAYS_TRAINABLE, Drop("noise_shape"), _SEED, Late("data_format", "channels_last"))
    return row("keras.layers", class_name, "name dtype rate", *layer(class_name).lenses, *lenses)


def _same_rows(keys: str, *class_names: str) -> dict[str, Row]:
    return {name: layer(name, keys) for name in class_names}


_CORE: dict[str, Row] = {
    "InputLayer": row(
        "keras.layers",
        "InputLayer",
        "name dtype",
        Forget(frozenset(["trainable", "input_dtype", "dynamic"])),
        NAME,
        Rename("batch_input_shape", "batch_shape"),
        Convert("batch_shape", _shape),
        Convert("sparse", _dense_input),
        Drop("ragged", only=(False, None)),
        New("ragged", unsaid=(False, None)),
        Late("optional", False),
    ),
    "Dense": layer("Dense", "units use_bias", ACTIVATION, *KERNEL, *BIAS, _QUANTIZED),
    "EinsumDense": layer("EinsumDense", "equation output_shape bias_axes", ACTIVATION, *KERNEL, *BIAS, _QUANTIZED),
    "Embedding": layer(
        "Embedding", "input_dim output_dim mask_zero", Drop("input_length"), *weight("embeddings"), _QUANTIZED
    ),
    "Activation": layer("Activation", "", ACTIVATION),
    "Masking": layer("Masking", "mask_value"),
    "Lambda": layer("Lambda", "output_shape mask arguments", FUNCTION),
    "Identity": layer("Identity"),
}

_CONVOLUTIONS: dict[str, Row] = {
    **{name: _convolution(name) for name in ("Conv1D", "Conv2D", "Conv3D")},
    "Conv1DTranspose": _transposed("Conv1DTranspose", Convert("dilation_rate", _same)),
    "Conv2DTranspose": _transposed("Conv2DTranspose", Convert("dilation_rate", _same)),
    "Conv3DTranspose": _transposed("Conv3DTranspose", New("dilation_rate", unsaid=((1, 1, 1), [1, 1, 1], 1))),
    **{name: _depthwise(name) for name in ("DepthwiseConv1D", "DepthwiseConv2D")},
    **{name: _separable(name) for name in ("SeparableConv1D", "SeparableConv2D")},
}

_POOLING: dict[str, Row] = {
    **_same_rows(_POOL, *(f"{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3))),
    **{
        name: layer(name, "data_format", _KEEPDIMS)
        for name in (f"Global{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3))
    },
}

_NORMALIZED = (*weight("beta"), *weight("gamma"))
_BATCH: tuple[Lens, ...] = (
    # Under JAX's sharding a batch is always normalized as a whole, which is what "synchronized" asks for.
    Forget(frozenset(["fused", "synchronized"])),
    Drop("virtual_batch_size", only=(None,), fatal=False),
    Convert("axis", _one_axis),
    *_NORMALIZED,
    *weight("moving_mean")[:1],
    *weight("moving_variance")[:1],
    New("synchronized", unsaid=(False,)),
    New("renorm", unsaid=(False,)),
    New("renorm_clipping", unsaid=None),
    New("renorm_momentum", unsaid=None),
)
_BATCH_NORMALIZATION = layer("BatchNormalization", "momentum epsilon center scale", *_BATCH)

_NORMALIZATION: dict[str, Row] = {
    "BatchNormalization": _BATCH_NORMALIZATION,
    "LayerNormalization": layer(
        "LayerNormalization", "axis epsilon center scale", *_NORMALIZED, New("rms_scaling", unsaid=(False,))
    ),
    "GroupNormalization": layer(
        "GroupNormalization", "groups epsilon center scale", Convert("axis", _one_axis), *_NORMALIZED
    ),
    "UnitNormalization": layer("UnitNormalization", "axis"),
}

_ACTIVATIONS: dict[str, Row] = {
    "ReLU": layer("ReLU", "", *(Convert(key, _number) for key in ("max_value", "negative_slope", "threshold"))),
    "LeakyReLU": layer("LeakyReLU", "", Rename("alpha", "negative_slope"), Convert("negative_slope", _number)),
    "PReLU": layer("PReLU", "shared_axes", *weight("alpha")),
    "ELU": layer("ELU", "", Convert("alpha", _number)),
    "Softmax": layer("Softmax", "axis"),
}

_MERGING: dict[str, Row] = {
    **_same_rows("", "Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"),
    "Concatenate": layer("Concatenate", "axis"),
    "Dot": layer("Dot", "axes normalize"),
}

_RESHAPING: dict[str, Row] = {
    "Flatten": layer("Flatten", "data_format"),
    "Reshape": layer("Reshape", "target_shape"),
    "Permute": layer("Permute", "dims"),
    "RepeatVector": layer("RepeatVector", "n"),
    "Cropping1D": layer("Cropping1D", "cropping"),
    "ZeroPadding1D": layer("ZeroPadding1D", "padding", _CHANNELS_LAST),
    **_same_rows("cropping data_format", "Cropping2D", "Cropping3D"),
    **_same_rows("padding data_format", "ZeroPadding2D", "ZeroPadding3D"),
}

_REGULARIZATION: dict[str, Row] = {
    "Dropout": layer("Dropout", "rate noise_shape seed"),
    "AlphaDropout": layer("AlphaDropout", "rate", Late("noise_shape", None), _SEED),
    "GaussianDropout": layer("GaussianDropout", "rate", _SEED),
    "GaussianNoise": layer("GaussianNoise", "stddev", _SEED),
    "ActivityRegularization": layer("ActivityRegularization", "l1 l2"),
    **{name: _spatial(name) for name in ("SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D")},
}

_ANY_SEED = New("seed", unsaid=None)
# `causal` moved from the constructor to the call: topology.py carries it over.
_CAUSAL = Forget(frozenset(["causal"]))
# topology.py writes the shapes, from Keras 3's build_config: without them tf.keras does not build the layer.
_SHAPES = Forget(frozenset(["query_shape", "key_shape", "value_shape", "softmax_robust_masking"]))

_ATTENTION: dict[str, Row] = {
    "Attention": layer("Attention", "use_scale dropout", _CAUSAL, Late("score_mode", "dot"), _ANY_SEED),
    "AdditiveAttention": layer("AdditiveAttention", "use_scale dropout", _CAUSAL, _ANY_SEED),
    "MultiHeadAttention": layer(
        "MultiHeadAttention",
        "num_heads key_dim value_dim dropout use_bias output_shape attention_axes",
        _SHAPES,
        *KERNEL,
        *BIAS,
        _ANY_SEED,
        New("use_gate", unsaid=(False,)),
        New("sliding_window", unsaid=(None,)),
        New("flash_attention", unsaid=None),
    ),
}

_PREPROCESSING: dict[str, Row] = {
    "Rescaling": layer("Rescaling", "scale offset"),
    "Normalization": layer(
        "Normalization",
        "axis",
        array("mean"),
        array("variance"),
        *(Late(key, None) for key in ("mean", "variance")),
        Late("invert", False),
    ),
    "CategoryEncoding": layer(
        "CategoryEncoding",
        "",
        Rename("max_tokens", "num_tokens"),
        Convert("num_tokens", _required),
        Convert("output_mode", _two_dots),
        Choice("output_mode", ("one_hot", "multi_hot", "count")),
        Drop("sparse", only=(False, None), fatal=False),
    ),
}

# Layers of Keras 2 that Keras 3 dropped, each with the reason that a user reads.
_DROPPED = "Keras 3 has no such layer"
REFUSED: dict[str, str] = {
    **dict.fromkeys(
        words(
            """
            AbstractRNNCell LinearModel WideDeepModel KernelLayer Merge TimeDistributedDense AtrousConvolution1D
            AtrousConvolution2D
            """
        ),
        _DROPPED,
    ),
    **dict.fromkeys(
        words("DenseFeatures SequenceFeatures LinearLayer"),
        "it reads its inputs through feature columns, which are TensorFlow code that no Keras config describes",
    ),
}

LAYERS = Family(
    "layer",
    rows={
        **_CORE,
        **_CONVOLUTIONS,
        **_POOLING,
        **_NORMALIZATION,
        **_ACTIVATIONS,
        **_MERGING,
        **_RESHAPING,
        **_REGULARIZATION,
        **_ATTENTION,
        **_PREPROCESSING,
        **IMAGE_LAYERS,
        **RECURRENT_LAYERS,
        **DROPPED_LAYERS,
        **KERAS1_LAYERS,
        **HOST_LAYERS,
        **FUNCTION_LAYERS,
        **APPLICATION_LAYERS,
    },
    aliases=APPLICATION_ALIASES,
)
