"""Activations: functions by name, or objects. Source: keras/activations of Keras 2 and 3.

One name means two functions: Keras 2's ``hard_sigmoid`` is ``clip(0.2 x + 0.5, 0, 1)``, Keras 3's ``relu6(x + 3) / 6``.
Keras 2's is registered by this package under ``reinstate>hard_sigmoid``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reinstate.config.lens import Config, Context
from reinstate.config.names import words
from reinstate.config.objects import custom_name

HARD_SIGMOID = "reinstate>hard_sigmoid"
BOTH = words(
    """
    elu exponential gelu leaky_relu linear log_softmax mish relu relu6 selu sigmoid silu softmax softplus softsign tanh
    """
)
KERAS3_ONLY = words(
    """
    celu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh log_sigmoid soft_shrink sparse_plus sparse_sigmoid
    sparsemax squareplus tanh_shrink threshold
    """
)
_ALIASES = {"swish": "silu", "softmax_v2": "softmax"}
# tf.keras has `silu` since 2.13 and `swish` from 2.2 on, in all of its versions.
_DOWN = {"silu": "swish", HARD_SIGMOID: "hard_sigmoid"}

ObjectTranslation = Callable[[Mapping[str, Any], Context], Config]


def function(name: str, module: str | None = None) -> Config:
    """Return Keras 3's serialized form of a registered function."""
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def up_activation(value: Any, context: Context, up_layer: ObjectTranslation) -> Any:
    """Translate an activation to Keras 3; ``up_layer`` is for layers that serve as one (``LeakyReLU``)."""
    name = _name(value)
    if name is None:
        if isinstance(value, Mapping) and isinstance(value.get("class_name"), str):
            return up_layer(value, context)
        if value is not None:
            context.refuse(f"not a serialized activation: {value!r:.200}")
        return None
    item = value if isinstance(value, Mapping) else {}
    own = custom_name({"class_name": name, "registered_name": item.get("registered_name")}, context)
    if own is not None:
        return function(own)
    name = _ALIASES.get(name, name)
    if name == "hard_sigmoid":
        return function(HARD_SIGMOID, "reinstate")
    if name not in BOTH and name not in KERAS3_ONLY:
        context.refuse(f"activation {name!r} is unknown; pass it in custom_objects")
    return name


def down_activation(value: Any, context: Context, down_layer: ObjectTranslation) -> Any:
    """Translate an activation from Keras 3; layers that serve as one go through ``down_layer``."""
    name = _name(value)
    if name is None:
        return value if value is None else down_layer(value, context)
    if name in KERAS3_ONLY:
        reason = "means another function in Keras 2" if name == "hard_sigmoid" else "is not in Keras 2"
        context.lose(f"activation {name!r} {reason}")
    return _DOWN.get(name, name)


def _name(value: Any) -> str | None:
    """Return the function's name where ``value`` stands for one: a string, or the dict of a function."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and value.get("class_name") == "function" and isinstance(value.get("config"), str):
        return str(value["config"])
    return None
