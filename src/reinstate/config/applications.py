"""Layers of ``keras.applications``: public models are made of them, though they are in no public module themselves.

Keras 3's StochasticDepth draws without a seed generator, which JAX refuses under jit: a model that is read gets ours.
"""

from __future__ import annotations

from reinstate.config.fields import layer_of, own_layer
from reinstate.config.lens import Row
from reinstate.config.names import words

CONVNEXT, INCEPTION_RESNET = "keras.src.applications.convnext", "keras.src.applications.inception_resnet_v2"

# Those of Keras 3, by module: a model that was built from ``keras.applications`` names them so.
APPLICATION_CLASSES: dict[str, frozenset[str]] = {
    CONVNEXT: words("LayerScale StochasticDepth"),
    INCEPTION_RESNET: words("CustomScaleLayer"),
}

# tf.keras opens what is registered without the class at hand: CustomScaleLayer only.
APPLICATION_ALIASES = {"CustomScaleLayer": "Custom>CustomScaleLayer"}
APPLICATION_LAYERS: dict[str, Row] = {
    "Custom>CustomScaleLayer": layer_of(INCEPTION_RESNET, "CustomScaleLayer", "scale"),
    "LayerScale": layer_of(CONVNEXT, "LayerScale", "init_values projection_dim"),
    "StochasticDepth": own_layer("StochasticDepth", "drop_path_rate"),
}
