"""The arguments of ``call``: Keras 2 writes all but the first by name, Keras 3 writes a call as it was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reinstate.config.functions import arguments_of
from reinstate.config.images import IMAGE_LAYERS
from reinstate.config.layers import LAYERS
from reinstate.config.op_layers import is_op_layer, symbol_of
from reinstate.config.recurrent import RECURRENT_LAYERS
from reinstate.config.variants import plain_name

_OTHERS = ("TimeDistributed", "SpectralNormalization", "Wrapper")
_RECURRENT = frozenset(name for name in RECURRENT_LAYERS if "Cell" not in name and name not in _OTHERS)
_SEQUENCES = "sequences initial_state mask training"
_NAMES: dict[str, str] = {
    "MultiHeadAttention": (
        "query value key query_mask value_mask key_mask attention_mask return_attention_scores training use_causal_mask"
    ),
    "Attention": "inputs mask training return_attention_scores use_causal_mask",
    "AdditiveAttention": "inputs mask training return_attention_scores use_causal_mask",
    "BatchNormalization": "inputs training mask",
    "TimeDistributed": "inputs training mask",
    "GlobalMaxPooling1D": "inputs mask",
    "GlobalAveragePooling1D": "inputs mask",
    "Softmax": "inputs mask",
    **{name: _SEQUENCES for name in _RECURRENT},
}
_MODEL = ("inputs", "training", "mask")
_LAYER = ("inputs", "training")


def is_recurrent(class_name: str) -> bool:
    """Tell whether a layer takes its states as further inputs."""
    return LAYERS.canonical(class_name) in _RECURRENT


# Their calls default to training=None: where Keras 3 writes another value, the user said it.
_TELLING = frozenset(["BatchNormalization", "MultiHeadAttention", "TimeDistributed", "Bidirectional"])


def is_default_training(layer: Mapping[str, Any], training: Any) -> bool:
    """Tell whether Keras 3 writes ``training`` of a call to ``layer`` though nobody said so: the signature's default.

    Keras 2 must not read it: what its graphs say holds even in ``fit``, and would end all dropout.
    """
    name = _keras2_name(layer["class_name"])
    if training is True:
        return name in IMAGE_LAYERS
    return training is False and name not in _TELLING and "layers" not in layer["config"]


def _keras2_name(class_name: str) -> str:
    return plain_name(LAYERS.names.get(class_name, class_name))


def argument_names(layer: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of a layer's call arguments in Keras 3, the first one first."""
    if "layers" in layer["config"]:
        return _MODEL
    if is_op_layer(layer):
        return arguments_of(symbol_of(layer)) or _LAYER
    names = _NAMES.get(layer["class_name"])
    return _LAYER if names is None else tuple(names.split())
