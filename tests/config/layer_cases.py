"""Layers with varied arguments: (id, class, arguments, inputs, how it is called)."""

from __future__ import annotations

from typing import Any

Case = dict[str, Any]

VECTOR = [[3, 4]]
SEQUENCE = [[3, 6, 4]]
IMAGE = [[3, 7, 8, 4]]
VOLUME = [[2, 5, 6, 5, 4]]
PAIR = [[3, 4], [3, 4]]
TRIPLE = [[3, 4], [3, 4], [3, 4]]
TOKENS = [[[3, 5], "int32"]]


def _case(class_name: str, inputs: list[Any], arguments: dict[str, Any] | None = None, **more: Any) -> Case:
    typed = [shape if isinstance(shape[0], list) else [shape, "float32"] for shape in inputs]
    return {"class_name": class_name, "inputs": typed, "arguments": arguments or {}, **more}


def _object(class_name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": config}


_WEIGHTS = {
    "kernel_initializer": _object("VarianceScaling", scale=2.0, mode="fan_out", distribution="untruncated_normal"),
    "bias_initializer": _object("Constant", value=0.25),
    "kernel_regularizer": _object("L1L2", l1=0.01, l2=0.02),
    "bias_regularizer": "l2",
    "kernel_constraint": _object("MaxNorm", max_value=3, axis=0),
    "bias_constraint": "non_neg",
    "activity_regularizer": _object("L2", l2=0.1),
}
_RECURRENT = {
    "recurrent_initializer": _object("Orthogonal", gain=0.5, seed=4),
    "recurrent_regularizer": _object("L1", l1=0.01),
    "recurrent_constraint": _object("UnitNorm", axis=1),
}

ACTIVATIONS = [
    *("elu", "exponential", "gelu", "hard_sigmoid", "leaky_relu", "linear", "log_softmax", "mish", "relu", "relu6"),
    *("selu", "sigmoid", "silu", "softmax", "softplus", "softsign", "swish", "tanh"),
]
_CORE = [
    _case("Dense", VECTOR, {"units": 3}),
    _case("Dense", SEQUENCE, {"units": 3, "activation": "gelu", "use_bias": False}),
    _case("Dense", VECTOR, {"units": 3, "activation": "hard_sigmoid", **_WEIGHTS}),
    _case("Dense", VECTOR, {"units": 3, "activation": _object("LeakyReLU", alpha=0.1)}),
    _case("Dense", VECTOR, {"units": 3, "dtype": "mixed_bfloat16", "trainable": False}),
    _case("EinsumDense", SEQUENCE, {"equation": "abc,cd->abd", "output_shape": [None, 5], "bias_axes": "d"}),
    _case("EinsumDense", VECTOR, {"equation": "ab,bc->ac", "output_shape": 3, "activation": "relu"}),
    _case("Embedding", TOKENS, {"input_dim": 5, "output_dim": 3, "embeddings_constraint": "max_norm"}),
    _case("Embedding", TOKENS, {"input_dim": 5, "output_dim": 3, "mask_zero": True, "input_length": 5}),
    *(_case("Activation", VECTOR, {"activation": name}) for name in ACTIVATIONS),
    _case("Masking", SEQUENCE, {"mask_value": 0.5}),
    _case("Identity", VECTOR),
]

_CONVOLUTION = [
    _case("Conv1D", SEQUENCE, {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 2, "groups": 2}),
    _case("Conv2D", IMAGE, {"filters": 3, "kernel_size": [2, 3], "strides": [2, 1], "padding": "same", **_WEIGHTS}),
    _case("Conv2D", IMAGE, {"filters": 3, "kernel_size": 3, "dilation_rate": [1, 2], "activation": "relu"}),
    _case("Conv3D", VOLUME, {"filters": 2, "kernel_size": 2, "strides": 2, "use_bias": False}),
    _case("Conv1DTranspose", SEQUENCE, {"filters": 2, "kernel_size": 3, "strides": 2, "output_padding": 1}),
    _case(
        "Conv1DTranspose",
        SEQUENCE,
        {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same", "activation": "relu"},
    ),
    _case("Conv2DTranspose", IMAGE, {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same", **_WEIGHTS}),
    _case("Conv2DTranspose", IMAGE, {"filters": 2, "kernel_size": 3, "strides": 3, "output_padding": [2, 1]}),
    _case("Conv3DTranspose", VOLUME, {"filters": 2, "kernel_size": 2, "strides": 2, "output_padding": 1}),
    _case("DepthwiseConv1D", SEQUENCE, {"kernel_size": 3, "depth_multiplier": 2, "padding": "same"}),
    _case("DepthwiseConv2D", IMAGE, {"kernel_size": 3, "strides": 2, "padding": "same", "depthwise_regularizer": "l2"}),
    _case(
        "DepthwiseConv2D", IMAGE, {"kernel_size": [2, 3], "depth_multiplier": 2, "dilation_rate": 2, "use_bias": False}
    ),
    _case("SeparableConv1D", SEQUENCE, {"filters": 3, "kernel_size": 3, "depth_multiplier": 2, "activation": "relu"}),
    _case("SeparableConv2D", IMAGE, {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}),
    _case("SeparableConv2D", IMAGE, {"filters": 3, "kernel_size": 3, "pointwise_constraint": "unit_norm"}),
]

_POOLING = [
    *(
        case
        for kind in ("Max", "Average")
        for case in (
            _case(f"{kind}Pooling1D", SEQUENCE, {"pool_size": 3, "strides": 2, "padding": "same"}),
            _case(f"{kind}Pooling2D", IMAGE, {"pool_size": [2, 3], "strides": None}),
            _case(f"{kind}Pooling2D", IMAGE, {"pool_size": 3, "strides": 2, "padding": "same"}),
            _case(f"{kind}Pooling3D", VOLUME, {"pool_size": 2, "padding": "same"}),
            _case(f"Global{kind}Pooling1D", SEQUENCE, {"keepdims": True}),
            _case(f"Global{kind}Pooling2D", IMAGE, {"data_format": "channels_first"}),
            _case(f"Global{kind}Pooling3D", VOLUME),
        )
    )
]

_NORMALIZATION = [
    _case("BatchNormalization", VECTOR, {"momentum": 0.9, "epsilon": 0.01, "gamma_regularizer": "l2"}),
    _case("BatchNormalization", IMAGE, {"axis": 1, "scale": False, "beta_initializer": "ones"}),
    _case("BatchNormalization", IMAGE, {"axis": [3], "center": False}),
    _case("LayerNormalization", SEQUENCE, {"epsilon": 1e-5}),
    _case("LayerNormalization", IMAGE, {"axis": [1, 3], "scale": False}),
    _case("GroupNormalization", IMAGE, {"groups": 2, "axis": -1}),
    _case("UnitNormalization", IMAGE, {"axis": [1, 2]}),
    _case("SpectralNormalization", VECTOR, {"layer": _object("Dense", units=3), "power_iterations": 2}),
]

_ACTIVATIONS = [
    _case("ReLU", VECTOR, {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.2}),
    _case("ReLU", VECTOR),
    _case("LeakyReLU", VECTOR, {"alpha": 0.2}),
    _case("PReLU", IMAGE, {"shared_axes": [1, 2], "alpha_initializer": "ones"}),
    _case("ELU", VECTOR, {"alpha": 0.5}),
    _case("Softmax", SEQUENCE, {"axis": 1}),
    _case("Softmax", SEQUENCE, {"axis": [1, 2]}),
]

_MERGING = [
    *(_case(name, TRIPLE, call="list") for name in ("Add", "Multiply", "Average", "Maximum", "Minimum")),
    _case("Subtract", PAIR, call="list"),
    _case("Concatenate", TRIPLE, {"axis": 1}, call="list"),
    _case("Dot", [[3, 5, 4], [3, 6, 4]], {"axes": [2, 2], "normalize": True}, call="list"),
    _case("Dot", PAIR, {"axes": 1}, call="list"),
]

_RESHAPING = [
    _case("Flatten", IMAGE, {"data_format": "channels_first"}),
    _case("Reshape", SEQUENCE, {"target_shape": [-1, 8]}),
    _case("Permute", SEQUENCE, {"dims": [2, 1]}),
    _case("RepeatVector", VECTOR, {"n": 3}),
    _case("Cropping1D", SEQUENCE, {"cropping": [1, 2]}),
    _case("Cropping2D", IMAGE, {"cropping": [[1, 2], [0, 1]]}),
    _case("Cropping3D", VOLUME, {"cropping": 1}),
    _case("ZeroPadding1D", SEQUENCE, {"padding": 2}),
    _case("ZeroPadding2D", IMAGE, {"padding": [[1, 2], [0, 1]], "data_format": "channels_first"}),
    _case("ZeroPadding3D", VOLUME, {"padding": [1, 0, 2]}),
    _case("UpSampling1D", SEQUENCE, {"size": 3}),
    _case("UpSampling2D", IMAGE, {"size": [2, 3], "interpolation": "bilinear"}),
    _case("UpSampling2D", IMAGE, {"data_format": "channels_first"}),
    _case("UpSampling3D", VOLUME, {"size": [1, 2, 2]}),
]

_REGULARIZATION = [
    _case("Dropout", SEQUENCE, {"rate": 0.4, "noise_shape": [3, 1, 4], "seed": 3}),
    _case("AlphaDropout", VECTOR, {"rate": 0.4}),
    _case("GaussianDropout", VECTOR, {"rate": 0.4, "seed": 7}),
    _case("GaussianNoise", VECTOR, {"stddev": 0.4}),
    _case("SpatialDropout1D", SEQUENCE, {"rate": 0.4}),
    _case("SpatialDropout2D", IMAGE, {"rate": 0.4}),
    _case("SpatialDropout3D", VOLUME, {"rate": 0.4}),
    _case("ActivityRegularization", VECTOR, {"l1": 0.1, "l2": 0.2}),
]

_ATTENTION = [
    _case("Attention", [[3, 5, 4], [3, 6, 4]], {"use_scale": True}, call="list"),
    _case("Attention", [[3, 5, 4], [3, 6, 4], [3, 6, 4]], {"score_mode": "concat", "dropout": 0.3}, call="list"),
    _case("Attention", [[3, 5, 4], [3, 5, 4]], call="list", call_arguments={"use_causal_mask": True}),
    _case("AdditiveAttention", [[3, 5, 4], [3, 6, 4]], {"use_scale": False}, call="list"),
    _case("AdditiveAttention", [[3, 5, 4], [3, 6, 4]], {"dropout": 0.1}, call="list"),
    _case(
        "MultiHeadAttention",
        [[3, 5, 4], [3, 6, 4]],
        {"num_heads": 2, "key_dim": 3, "dropout": 0.2, **_WEIGHTS},
        call="each",
    ),
    _case(
        "MultiHeadAttention",
        [[2, 3, 5, 4], [2, 3, 5, 4]],
        {"num_heads": 2, "key_dim": 3, "attention_axes": [1, 2]},
        call="each",
    ),
]

_RECURRENT_CASES = [
    _case("SimpleRNN", SEQUENCE, {"units": 3, "activation": "relu", "return_sequences": True, **_RECURRENT}),
    _case("LSTM", SEQUENCE, {"units": 3, "dropout": 0.2, "unit_forget_bias": False, **_WEIGHTS, **_RECURRENT}),
    _case(
        "LSTM",
        SEQUENCE,
        {"units": 3, "recurrent_activation": "hard_sigmoid", "return_state": True, "go_backwards": True},
    ),
    _case("LSTM", SEQUENCE, {"units": 3, "stateful": True, "unroll": True, "implementation": 1}),
    _case("GRU", SEQUENCE, {"units": 3, "return_sequences": True, "recurrent_dropout": 0.1}),
    _case("GRU", SEQUENCE, {"units": 3, "reset_after": False, "recurrent_activation": "hard_sigmoid"}),
    _case("RNN", SEQUENCE, {"cell": _object("LSTMCell", units=3), "return_sequences": True}),
    _case(
        "RNN",
        SEQUENCE,
        {"cell": [_object("GRUCell", units=3), _object("SimpleRNNCell", units=2)], "return_state": True},
    ),
    _case("RNN", SEQUENCE, {"cell": _object("GRUCell", units=3, reset_after=False), "go_backwards": True}),
    _case(
        "RNN",
        SEQUENCE,
        {"cell": _object("StackedRNNCells", cells=[_object("LSTMCell", units=2), _object("LSTMCell", units=3)])},
    ),
    _case("Bidirectional", SEQUENCE, {"layer": _object("LSTM", units=3, return_sequences=True)}),
    _case("Bidirectional", SEQUENCE, {"layer": _object("GRU", units=3, return_state=True), "merge_mode": "sum"}),
    _case("Bidirectional", SEQUENCE, {"layer": _object("SimpleRNN", units=3), "merge_mode": None}),
    _case(
        "Bidirectional",
        SEQUENCE,
        {
            "layer": _object("LSTM", units=3),
            "backward_layer": _object("GRU", units=3, go_backwards=True),
            "merge_mode": "mul",
        },
    ),
    _case("TimeDistributed", [[3, 5, 7, 6, 2]], {"layer": _object("Conv2D", filters=2, kernel_size=3)}),
    _case("TimeDistributed", SEQUENCE, {"layer": _object("BatchNormalization")}),
    _case("ConvLSTM1D", [[2, 3, 6, 2]], {"filters": 2, "kernel_size": 3}),
    _case(
        "ConvLSTM2D",
        [[2, 3, 6, 5, 2]],
        {"filters": 2, "kernel_size": [2, 3], "padding": "same", "return_sequences": True},
    ),
    _case(
        "ConvLSTM2D",
        [[2, 3, 6, 5, 2]],
        {"filters": 2, "kernel_size": 3, "strides": 2, "recurrent_activation": "sigmoid"},
    ),
    _case("ConvLSTM3D", [[2, 2, 4, 5, 4, 2]], {"filters": 2, "kernel_size": 2, "use_bias": False}),
]

_PREPROCESSING = [
    _case("Rescaling", IMAGE, {"scale": 0.5, "offset": -1.0}),
    _case("Rescaling", VECTOR, {"scale": [0.5, 1.0, 2.0, 3.0]}),
    _case("Normalization", VECTOR, {"mean": [0.0, 1.0, 2.0, 3.0], "variance": [1.0, 2.0, 3.0, 4.0]}),
    _case("Normalization", VECTOR, {"axis": -1}, adapt=[20, 4]),
    _case("Normalization", VECTOR, {"axis": None, "mean": 2.0, "variance": 3.0, "invert": True}),
    _case("Resizing", IMAGE, {"height": 5, "width": 11, "interpolation": "nearest"}),
    _case("Resizing", IMAGE, {"height": 5, "width": 11, "crop_to_aspect_ratio": True}),
    _case("CenterCrop", IMAGE, {"height": 5, "width": 4}),
    _case("Discretization", VECTOR, {"bin_boundaries": [-0.5, 0.0, 0.7]}),
    _case("Discretization", [[3, 1]], {"bin_boundaries": [-0.5, 0.7], "output_mode": "one_hot"}),
    _case("CategoryEncoding", TOKENS, {"num_tokens": 4}),
    _case("CategoryEncoding", TOKENS, {"num_tokens": 6, "output_mode": "count"}),
    _case("CategoryEncoding", [[[3, 1], "int32"]], {"num_tokens": 4, "output_mode": "one_hot"}),
    _case("RandomFlip", IMAGE, {"mode": "horizontal", "seed": 4}),
    _case("RandomTranslation", IMAGE, {"height_factor": 0.2, "width_factor": [-0.1, 0.3], "fill_mode": "wrap"}),
    _case("RandomRotation", IMAGE, {"factor": 0.3, "fill_value": 0.5, "fill_mode": "constant"}),
    _case("RandomRotation", IMAGE, {"factor": [-0.1, 0.3]}),
    _case("RandomZoom", IMAGE, {"height_factor": 0.3, "interpolation": "nearest"}),
    _case("RandomContrast", IMAGE, {"factor": 0.3}),
    _case("RandomContrast", IMAGE, {"factor": [0.1, 0.3], "seed": 2}),
    _case("RandomBrightness", IMAGE, {"factor": 0.3, "value_range": [0.0, 1.0]}),
    _case("RandomCrop", IMAGE, {"height": 5, "width": 4, "seed": 3}),
]

CASES: list[Case] = [
    *_CORE,
    *_CONVOLUTION,
    *_POOLING,
    *_NORMALIZATION,
    *_ACTIVATIONS,
    *_MERGING,
    *_RESHAPING,
    *_REGULARIZATION,
    *_ATTENTION,
    *_RECURRENT_CASES,
    *_PREPROCESSING,
]
IDS = [f"{index}-{case['class_name']}" for index, case in enumerate(CASES)]
