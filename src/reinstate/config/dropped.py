"""Layers of Keras 2 that Keras 3 dropped and this package brings (``live/keras2``).

A key with a colon is a variant of the layer before it: what some of its configs need (variants.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reinstate.config.fields import ACTIVATION, BIAS, KERNEL, own_layer, weight
from reinstate.config.images import IMAGE_LAYERS
from reinstate.config.initializers import INITIALIZERS
from reinstate.config.lens import Config, Context, Convert, Default, Drop, Forget, Late, Lens, New, Row
from reinstate.config.objects import down_object, up_object
from reinstate.config.recurrent import RECURRENT_LAYERS
from reinstate.config.variants import RESAMPLED


@dataclass(frozen=True, slots=True)
class _Caveat:
    """Something to know about a layer that is read."""

    text: str

    def up(self, config: Config, context: Context) -> Config:
        context.lose(self.text)
        return config

    def down(self, config: Config, context: Context) -> Config:
        return config


class _Axes:
    """The axes that are normalized: built layers of tf.keras write a list of one, and with virtual batches one more."""

    key = "axis"

    def up(self, config: Config, context: Context) -> Config:
        axis = config.get("axis", -1)
        if isinstance(axis, list | tuple):
            shifted = config.get("virtual_batch_size") is not None and all(number > 0 for number in axis)
            axis = [number - shifted for number in axis]
            axis = axis[0] if len(axis) == 1 else axis
        return {**config, "axis": axis}

    def down(self, config: Config, context: Context) -> Config:
        return config


class _Renorm:
    """Keys that tf.keras writes only where they say something."""

    key = "renorm"

    def up(self, config: Config, context: Context) -> Config:
        return config

    def down(self, config: Config, context: Context) -> Config:
        unsaid = set() if config.get("renorm") else {"renorm", "renorm_clipping", "renorm_momentum"}
        if config.get("virtual_batch_size") is None:
            unsaid.add("virtual_batch_size")
        return {key: value for key, value in config.items() if key not in unsaid}


_LOCAL = "filters kernel_size strides padding data_format use_bias"
_BATCH: tuple[Lens, ...] = (
    Forget(frozenset(["fused", "synchronized"])),
    *weight("beta"),
    *weight("gamma"),
    *weight("moving_mean")[:1],
    *weight("moving_variance")[:1],
)
_RANDOM_SIZE = _Caveat("training resizes only a model that is compiled with run_eagerly=True")


def _local(class_name: str) -> Row:
    return own_layer(class_name, f"{_LOCAL} implementation", ACTIVATION, *KERNEL, *BIAS, Late("implementation", 1))


def _random_size(class_name: str) -> Row:
    return own_layer(class_name, "factor interpolation seed", Forget(frozenset(["rng_type"])), _RANDOM_SIZE)


def _lower(value: Any, context: Context) -> Any:
    return value.lower() if isinstance(value, str) else value


def _fourier_up(value: Any, context: Context) -> Any:
    return value if str(value).lower() in ("gaussian", "laplacian") else up_object(value, INITIALIZERS, context)


def _fourier_down(value: Any, context: Context) -> Any:
    return value if isinstance(value, str) else down_object(value, INITIALIZERS, context)


_FOURIER_KERNEL = Convert("kernel_initializer", _fourier_up, _fourier_down)


def _resampled(name: str, class_name: str, keys: str, *lenses: Lens) -> dict[str, Row]:
    return {f"{name}:{RESAMPLED}": own_layer(class_name, keys, Convert("interpolation", _lower), *lenses)}


def _time_major(name: str) -> dict[str, Row]:
    row = RECURRENT_LAYERS[name]
    lenses = [Drop("time_major", True) if getattr(lens, "key", None) == "time_major" else lens for lens in row.lenses]
    keys = " ".join(row.keys or ())
    return {f"{name}:time_major": own_layer(f"TimeMajor{name}", keys, *lenses)}


_CROP, _EACH_STEP = IMAGE_LAYERS["RandomCrop"], RECURRENT_LAYERS["TimeDistributed"]

# What add_loss and add_metric put into a graph; a functional model that has such layers is of another class.
ENDPOINTS = frozenset(["AddLoss", "AddMetric"])
FUNCTIONAL_WITH_LOSSES = Row("reinstate", "FunctionalWithLosses")

DROPPED_LAYERS: dict[str, Row] = {
    "ThresholdedReLU": own_layer("ThresholdedReLU", "theta"),
    "LocallyConnected1D": _local("LocallyConnected1D"),
    "LocallyConnected2D": _local("LocallyConnected2D"),
    "SyncBatchNormalization": own_layer(
        "SyncBatchNormalization",
        "momentum epsilon center scale synchronized renorm_clipping renorm_momentum virtual_batch_size",
        _Axes(),
        *_BATCH,
        New("synchronized"),
        _Renorm(),
    ),
    "BatchNormalization:general": own_layer(
        "GeneralBatchNormalization",
        "momentum epsilon center scale renorm_clipping renorm_momentum virtual_batch_size",
        _Axes(),
        *_BATCH,
        _Renorm(),
    ),
    **_resampled("Resizing", "TFResizing", "height width", Late("crop_to_aspect_ratio", False)),
    **_resampled("UpSampling2D", "TFUpSampling2D", "size data_format"),
    "RandomCrop:middle": Row("reinstate", "TFRandomCrop", _CROP.lenses, _CROP.keys),
    "TimeDistributed:joined": Row("reinstate", "TFTimeDistributed", _EACH_STEP.lenses, _EACH_STEP.keys),
    "RandomHeight": _random_size("RandomHeight"),
    "RandomWidth": _random_size("RandomWidth"),
    "PeepholeLSTMCell": Row(
        "reinstate", "PeepholeLSTMCell", RECURRENT_LAYERS["LSTMCell"].lenses, RECURRENT_LAYERS["LSTMCell"].keys
    ),
    "RandomFourierFeatures": own_layer("RandomFourierFeatures", "output_dim", Default("scale", None), _FOURIER_KERNEL),
    "AddLoss": own_layer("AddLoss", "unconditional"),
    "AddMetric": own_layer(
        "AddMetric", "aggregation metric_name", _Caveat("add_metric of a graph: its metric is not computed")
    ),
    **_time_major("RNN"),
    **_time_major("LSTM"),
    **_time_major("GRU"),
    **_time_major("SimpleRNN"),
}
