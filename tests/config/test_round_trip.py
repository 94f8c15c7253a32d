"""What goes up and comes down again says what it said."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reinstate.config import Context, down_layer, up_layer

SEED = st.none() | st.integers(0, 9)
NUMBER = st.floats(0.0, 2.0, width=32)
FLAG = st.booleans()
SIZE = st.integers(1, 4)
PAIR = st.lists(SIZE, min_size=2, max_size=2)


def _object(class_name: str, **config: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({"class_name": st.just(class_name), "config": st.fixed_dictionaries(config)})


INITIALIZER = st.one_of(
    _object("Zeros"),
    _object("Constant", value=NUMBER),
    _object("GlorotUniform", seed=SEED),
    _object("RandomNormal", mean=NUMBER, stddev=NUMBER, seed=SEED),
    _object("VarianceScaling", scale=NUMBER, mode=st.just("fan_in"), distribution=st.just("normal"), seed=SEED),
    _object("Orthogonal", gain=NUMBER, seed=SEED),
)
REGULARIZER = st.none() | st.one_of(
    _object("L1", l1=NUMBER), _object("L2", l2=NUMBER), _object("L1L2", l1=NUMBER, l2=NUMBER)
)
CONSTRAINT = st.none() | st.one_of(_object("NonNeg"), _object("MaxNorm", max_value=NUMBER, axis=SIZE))
ACTIVATION = st.sampled_from(["relu", "tanh", "swish", "hard_sigmoid", "linear", "gelu"])
DTYPE = st.sampled_from(["float32", "float16", {"class_name": "Policy", "config": {"name": "mixed_float16"}}])
PADDING = st.sampled_from(["same", "valid"])
BASE = {"name": st.sampled_from(["a", "b_1"]), "trainable": FLAG, "dtype": DTYPE}


def _weight(*names: str) -> dict[str, st.SearchStrategy[Any]]:
    kinds = {"initializer": INITIALIZER, "regularizer": REGULARIZER, "constraint": CONSTRAINT}
    return {f"{name}_{kind}": values for name in names for kind, values in kinds.items()}


_GATES = {"activation": ACTIVATION, "recurrent_activation": ACTIVATION, "use_bias": FLAG, "dropout": NUMBER}
_LOOP = {"return_sequences": FLAG, "return_state": FLAG, "go_backwards": FLAG, "stateful": FLAG, "unroll": FLAG}
_LSTM = {**BASE, **_LOOP, "units": SIZE, "unit_forget_bias": FLAG, **_GATES, **_weight("kernel", "recurrent", "bias")}
_GRU_CELL = {**BASE, "units": SIZE, "reset_after": FLAG, **_GATES, **_weight("kernel", "recurrent", "bias")}
_DENSE = {**BASE, "units": SIZE, "activation": ACTIVATION, "use_bias": FLAG, **_weight("kernel", "bias")}
_CONV = {
    "filters": SIZE,
    "kernel_size": PAIR,
    "strides": PAIR,
    "padding": PADDING,
    "dilation_rate": PAIR,
    "use_bias": FLAG,
}
_TRIPLE = st.lists(SIZE, min_size=3, max_size=3)
_ORDER = st.sampled_from(["channels_first", "channels_last"])
_PADDED = {"strides": PAIR, "padding": PADDING, "use_bias": FLAG, "activation": ACTIVATION}
_FLAT = {**BASE, "data_format": _ORDER}
_SIMPLE = {**BASE, **_LOOP, "units": SIZE, "activation": ACTIVATION, "use_bias": FLAG, "recurrent_dropout": NUMBER}
_EDGES = st.lists(PAIR, min_size=2, max_size=2)
_NORMALIZED = {"epsilon": NUMBER, "center": FLAG, "scale": FLAG, **_weight("beta", "gamma")}
_UNBUILT = {f"{name}_shape": st.none() for name in ("query", "key", "value")}
_HEADS = {
    **_UNBUILT,
    "num_heads": SIZE,
    "key_dim": SIZE,
    "value_dim": st.none() | SIZE,
    "dropout": NUMBER,
    "use_bias": FLAG,
}

# One of each family of rows in the table of layers.
MORE = st.one_of(
    *(_object(name, **BASE) for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Identity")),
    *(_object(name, **_FLAT) for name in ("Flatten", "GlobalAveragePooling2D", "GlobalMaxPooling1D")),
    *(_object(f"Conv{i}DTranspose", **BASE, filters=SIZE, **_PADDED, **_weight("kernel", "bias")) for i in (2, 3)),
    _object("DepthwiseConv2D", **BASE, depth_multiplier=SIZE, **_PADDED, **_weight("depthwise", "bias")),
    _object("LocallyConnected2D", **BASE, filters=SIZE, **_PADDED, **_weight("kernel", "bias")),
    _object("SimpleRNN", **_SIMPLE, **_weight("kernel", "recurrent", "bias")),
    _object(
        "GRU", **_SIMPLE, reset_after=FLAG, recurrent_activation=ACTIVATION, **_weight("kernel", "recurrent", "bias")
    ),
    _object("StackedRNNCells", **BASE, cells=st.lists(_object("GRUCell", **_GRU_CELL), min_size=1, max_size=3)),
    _object("LayerNormalization", **BASE, axis=SIZE, **_NORMALIZED),
    _object("GroupNormalization", **BASE, groups=SIZE, axis=SIZE, **_NORMALIZED),
    _object("PReLU", **BASE, shared_axes=st.none() | PAIR, **_weight("alpha")),
    _object("ELU", **BASE, alpha=NUMBER),
    _object("ThresholdedReLU", **BASE, theta=NUMBER),
    _object("Softmax", **BASE, axis=SIZE),
    _object("Dropout", **BASE, rate=NUMBER, noise_shape=st.none() | PAIR, seed=SEED),
    _object("GaussianNoise", **BASE, stddev=NUMBER),
    _object("ActivityRegularization", **BASE, l1=NUMBER, l2=NUMBER),
    _object("Cropping2D", **_FLAT, cropping=_EDGES),
    _object("ZeroPadding2D", **_FLAT, padding=_EDGES),
    _object("UpSampling2D", **_FLAT, size=PAIR, interpolation=st.sampled_from(["nearest", "bilinear", "area"])),
    _object("Reshape", **BASE, target_shape=PAIR),
    _object("Permute", **BASE, dims=PAIR),
    _object("RepeatVector", **BASE, n=SIZE),
    _object("Concatenate", **BASE, axis=SIZE),
    _object("Dot", **BASE, axes=SIZE | PAIR, normalize=FLAG),
    _object("MultiHeadAttention", **BASE, **_HEADS, **_weight("kernel", "bias")),
    _object("AdditiveAttention", **BASE, use_scale=FLAG, dropout=NUMBER),
    _object("Rescaling", **BASE, scale=NUMBER, offset=NUMBER),
    _object("Resizing", **BASE, height=SIZE, width=SIZE, interpolation=st.sampled_from(["bilinear", "bicubic"])),
    _object("AveragePooling3D", **_FLAT, pool_size=_TRIPLE, strides=_TRIPLE, padding=PADDING),
    _object("Masking", **BASE, mask_value=NUMBER),
    _object("AddLoss", **BASE, unconditional=FLAG),
)
LAYER = MORE | st.one_of(
    _object("Dense", **_DENSE),
    _object("Conv2D", **BASE, **_CONV, groups=SIZE, activation=ACTIVATION, **_weight("kernel", "bias")),
    _object("SeparableConv2D", **BASE, **_CONV, activation=ACTIVATION, **_weight("depthwise", "pointwise", "bias")),
    _object("LSTM", **_LSTM),
    _object("RNN", **BASE, **_LOOP, cell=_object("GRUCell", **_GRU_CELL)),
    _object("Bidirectional", **BASE, layer=_object("LSTM", **_LSTM), merge_mode=st.sampled_from(["sum", None])),
    _object("TimeDistributed", **BASE, layer=_object("Dense", **_DENSE)),
    _object("BatchNormalization", **BASE, axis=SIZE, momentum=NUMBER, **_weight("beta", "gamma")),
    _object("LeakyReLU", **BASE, alpha=NUMBER),
    _object("ReLU", **BASE, max_value=st.none() | NUMBER, threshold=NUMBER),
    _object("Embedding", **BASE, input_dim=SIZE, output_dim=SIZE, mask_zero=FLAG, **_weight("embeddings")),
    _object("RandomContrast", **BASE, factor=NUMBER, seed=SEED),
    _object("MaxPooling2D", **BASE, pool_size=PAIR, strides=st.none() | PAIR, padding=PADDING),
)


@settings(deadline=None)
@given(LAYER)
def test_down_of_up_is_what_it_was(item: dict[str, Any]) -> None:
    context = Context(keras_version="2.15.0")
    assert down_layer(up_layer(item, context), context) == item
    assert context.offenders == []
    assert context.losses == []
    assert context.place == []


def test_a_bidirectional_over_time_major_layers_is_refused() -> None:
    """Keras 3's turns the second axis of the backward outputs, which is the batch there."""
    inner = {"class_name": "LSTM", "config": {"name": "a", "units": 2, "time_major": True}}
    context = Context(keras_version="2.15.0")
    up_layer({"class_name": "Bidirectional", "config": {"name": "both", "layer": inner}}, context)
    assert ["time_major=True" in offender for offender in context.offenders] == [True]
