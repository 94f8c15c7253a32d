"""Layers of Keras 1 that Keras 2 dropped and this package brings (``live/keras2/first.py``)."""

from __future__ import annotations

from reinstate.config.fields import ACTIVATION, BIAS, KERNEL, member, own_layer
from reinstate.config.initializers import INITIALIZERS
from reinstate.config.lens import Config, Context, Row


class _Ours:
    """What is said of a layer that is written, and that tf.keras does not have."""

    def up(self, config: Config, context: Context) -> Config:
        return config

    def down(self, config: Config, context: Context) -> Config:
        context.lose(f"{config.get('name')}: tf.keras has no such layer, only this package reads it back")
        return config


_OURS = _Ours()
_BENDS = tuple(member(key, INITIALIZERS) for key in ("t_left_init", "a_left_init", "t_right_init", "a_right_init"))

KERAS1_LAYERS: dict[str, Row] = {
    "MaxoutDense": own_layer("MaxoutDense", "units nb_feature use_bias", *KERNEL, *BIAS, _OURS),
    "Highway": own_layer("Highway", "use_bias", ACTIVATION, *KERNEL, *BIAS, _OURS),
    "ParametricSoftplus": own_layer("ParametricSoftplus", "alpha_init beta_init", _OURS),
    "SReLU": own_layer("SReLU", "", *_BENDS, _OURS),
    "CosineMerge": own_layer("CosineMerge", "axes", _OURS),
}
