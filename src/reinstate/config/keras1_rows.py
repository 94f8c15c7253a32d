"""The layers of Keras 1: what each is called in Keras 2, and its arguments.

Source: keras 1.2.2 (``get_config``), keras 2.0.9 (``legacy/interfaces.py``), which reads it in part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reinstate.config.lens import Config, Context

Change = Callable[[Config, Context], Config]


@dataclass(frozen=True, slots=True)
class Old:
    """A class of Keras 1: its name in Keras 2, its arguments' new names ("": gone), and what else changes, before."""

    class_name: str
    renames: Mapping[str, str] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()


# Changes ------------------------------------------------------------------------------------------------------------


def _packed(new: str, *old: str) -> Change:
    """Put numbers that were apart into one list."""

    def pack(config: Config, context: Context) -> Config:
        if not all(key in config for key in old):
            return config
        rest = {key: value for key, value in config.items() if key not in old}
        return {**rest, new: [config[key] for key in old]}

    return pack


def _only(key: str, *values: Any) -> Change:
    """Refuse a value that later versions have no way to say."""

    def check(config: Config, context: Context) -> Config:
        if key in config and config[key] not in values:
            context.refuse(f"{key}={config[key]!r} of Keras 1 has no equivalent")
        return {name: value for name, value in config.items() if name != key}

    return check


def _no_full(config: Config, context: Context) -> Config:
    if config.get("border_mode") == "full":
        context.refuse("border_mode='full' of Keras 1 has no equivalent")
    return config


def _forget_bias(config: Config, context: Context) -> Config:
    rest = {key: value for key, value in config.items() if key != "forget_bias_init"}
    return {"unit_forget_bias": config.get("forget_bias_init", "one") in ("one", "ones"), **rest}


def _word_dropout(config: Config, context: Context) -> Config:
    if config.get("dropout"):
        context.lose(f"dropout={config['dropout']} of whole words in an Embedding: training goes without it")
    return {key: value for key, value in config.items() if key != "dropout"}


_SIDES = {1: ("left_pad", "right_pad"), 2: ("top_pad", "bottom_pad", "left_pad", "right_pad")}


def _sides(key: str, rank: int) -> Change:
    """Four numbers, or a dictionary of them, in the pairs of Keras 2."""

    def pair(config: Config, context: Context) -> Config:
        value = config.get(key)
        if isinstance(value, Mapping):
            value = [value.get(side, 0) for side in _SIDES[rank]]
        if rank == 2 and isinstance(value, list | tuple) and len(value) == 4:
            value = [value[:2], value[2:]]
        return config if value is None else {**config, key: value}

    return pair


def _wrapped(config: Config, context: Context) -> Config:
    """Put the arguments of TimeDistributedDense into the Dense that a TimeDistributed has."""
    outer: Config = {key: config[key] for key in ("name", "trainable", "batch_input_shape") if key in config}
    inner = {key: value for key, value in config.items() if key not in outer and key != "input_length"}
    inner["name"] = f"{config.get('name', 'timedistributeddense')}_dense"
    return {**outer, "layer": {"class_name": "Dense", "config": inner}}


def _plain_order(config: Config, context: Context) -> Config:
    return {"data_format": "channels_last", **config}  # Keras 1 flattened what it had, in any order of dimensions


# Tables -------------------------------------------------------------------------------------------------------------

_BIAS = {"bias": "use_bias", "b_regularizer": "bias_regularizer", "b_constraint": "bias_constraint"}
_KERNEL = {
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "W_constraint": "kernel_constraint",
    **_BIAS,
}
_CONV = {**_KERNEL, "nb_filter": "filters", "border_mode": "padding", "dim_ordering": "data_format"}
_LINE = {**_CONV, "filter_length": "kernel_size", "subsample_length": "strides"}
_PLANE = {**_CONV, "subsample": "strides"}
_SQUARE = (_no_full, _packed("kernel_size", "nb_row", "nb_col"))
_DENSE = {**_KERNEL, "output_dim": "units"}
_POOL = {"border_mode": "padding", "dim_ordering": "data_format"}
_GATES = {
    **_KERNEL,
    "inner_init": "recurrent_initializer",
    "U_regularizer": "recurrent_regularizer",
    "inner_activation": "recurrent_activation",
    "consume_less": "",
}
_LOOP = {**_GATES, "output_dim": "units", "dropout_W": "dropout", "dropout_U": "recurrent_dropout"}
_RATE = {"p": "rate"}
_NORMALIZED = {"beta_init": "beta_initializer", "gamma_init": "gamma_initializer"}

LAYERS: dict[str, Old] = {
    "InputLayer": Old("InputLayer", {"input_dtype": "dtype"}),
    "Dense": Old("Dense", _DENSE),
    "TimeDistributedDense": Old("TimeDistributed", {}, (_wrapped,)),
    "MaxoutDense": Old("MaxoutDense", _DENSE),
    "Highway": Old("Highway", {**_KERNEL, "output_dim": ""}),
    "Flatten": Old("Flatten", {}, (_plain_order,)),
    "Dropout": Old("Dropout", _RATE),
    "SpatialDropout1D": Old("SpatialDropout1D", _RATE),
    "SpatialDropout2D": Old("SpatialDropout2D", _RATE),
    "SpatialDropout3D": Old("SpatialDropout3D", _RATE),
    "GaussianDropout": Old("GaussianDropout", _RATE),
    "GaussianNoise": Old("GaussianNoise", {"sigma": "stddev"}),
    "Embedding": Old(
        "Embedding",
        {
            "init": "embeddings_initializer",
            "W_regularizer": "embeddings_regularizer",
            "W_constraint": "embeddings_constraint",
        },
        (_word_dropout,),
    ),
    "BatchNormalization": Old("BatchNormalization", _NORMALIZED, (_only("mode", 0),)),
    "PReLU": Old("PReLU", {"init": "alpha_initializer"}),
    "Convolution1D": Old("Conv1D", _LINE, (_no_full,)),
    "AtrousConvolution1D": Old("Conv1D", {**_LINE, "atrous_rate": "dilation_rate"}, (_no_full,)),
    "Convolution2D": Old("Conv2D", _PLANE, _SQUARE),
    "AtrousConvolution2D": Old("Conv2D", {**_PLANE, "atrous_rate": "dilation_rate"}, _SQUARE),
    "Deconvolution2D": Old("Conv2DTranspose", {**_PLANE, "output_shape": ""}, _SQUARE),
    "SeparableConvolution2D": Old("SeparableConv2D", {**_PLANE, "init": "depthwise_initializer"}, _SQUARE),
    "Convolution3D": Old(
        "Conv3D", _PLANE, (_no_full, _packed("kernel_size", "kernel_dim1", "kernel_dim2", "kernel_dim3"))
    ),
    "LocallyConnected1D": Old("LocallyConnected1D", _LINE),
    "LocallyConnected2D": Old("LocallyConnected2D", _PLANE, _SQUARE),
    **{
        f"{kind}Pooling1D": Old(f"{kind}Pooling1D", {**_POOL, "pool_length": "pool_size", "stride": "strides"})
        for kind in ("Max", "Average")
    },
    **{f"{kind}Pooling{rank}D": Old(f"{kind}Pooling{rank}D", _POOL) for kind in ("Max", "Average") for rank in (2, 3)},
    **{
        f"Global{kind}Pooling{rank}D": Old(f"Global{kind}Pooling{rank}D", _POOL)
        for kind in ("Max", "Average")
        for rank in (1, 2, 3)
    },
    "UpSampling1D": Old("UpSampling1D", {"length": "size"}),
    "UpSampling2D": Old("UpSampling2D", _POOL),
    "UpSampling3D": Old("UpSampling3D", _POOL),
    "ZeroPadding1D": Old("ZeroPadding1D", {}, (_sides("padding", 1),)),
    "ZeroPadding2D": Old("ZeroPadding2D", _POOL, (_sides("padding", 2),)),
    "ZeroPadding3D": Old("ZeroPadding3D", _POOL),
    "Cropping2D": Old("Cropping2D", _POOL),
    "Cropping3D": Old("Cropping3D", _POOL),
    "SimpleRNN": Old("SimpleRNN", _LOOP),
    "GRU": Old("GRU", _LOOP),
    "LSTM": Old("LSTM", _LOOP, (_forget_bias,)),
    "ConvLSTM2D": Old(
        "ConvLSTM2D",
        {**_GATES, **_PLANE, "dropout_W": "dropout", "dropout_U": "recurrent_dropout"},
        (*_SQUARE, _forget_bias),
    ),
}
# Layers that had one order of dimensions and did not write which: that of the model's other layers.
UNSAID = frozenset(
    f"{name}{rank}D" for name in ("UpSampling", "ZeroPadding", "Cropping", "SpatialDropout") for rank in (2, 3)
)
GONE = frozenset(["input_dim", "input_length", "input_dtype"])
REGULARIZERS = frozenset(["L1L2Regularizer", "WeightRegularizer", "ActivityRegularizer"])
CONSTRAINTS: dict[str, tuple[str, dict[str, str]]] = {
    "MaxNorm": ("MaxNorm", {"m": "max_value"}),
    "NonNeg": ("NonNeg", {}),
    "UnitNorm": ("UnitNorm", {}),
    "MinMaxNorm": ("MinMaxNorm", {"low": "min_value", "high": "max_value"}),
}
# Where the axes of kernels of Keras 1 are today, for constraints along them.
AXES = {"Conv1D": (0, 0, 1, 2), "Conv2D": (3, 2, 0, 1), "Conv3D": (4, 3, 0, 1, 2)}
