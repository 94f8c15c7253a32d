"""Op layers: the calls of TensorFlow functions in a graph of layers, ``TFOpLambda`` and ``SlicingOpLambda`` (TF 2.4).

A node of theirs is flat where the first argument is one tensor, ``["x", 0, 0, {...}]``, a list where it is a list; all
other arguments are named, with tensors at any depth. Symbols and arguments are checked against config/functions.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reinstate.config.fields import own_layer
from reinstate.config.functions import FUNCTIONS, missing_of
from reinstate.config.lens import Config, Context, Convert, Row

OP_LAYERS = frozenset(["TFOpLambda", "SlicingOpLambda"])
# The other ways in which tf.keras puts TensorFlow's objects into a graph: on tensors that Keras 3 does not have.
METHODS = {
    "ClassMethod": ("cls_symbol", "method_name"),
    "InstanceMethod": ("attr_name",),
    "InstanceProperty": ("attr_name",),
}
_UNSAVED = {
    "__operators__.eq": "math.equal",
    "__operators__.ne": "math.not_equal",
}


def _symbol(value: Any, context: Context) -> Any:
    if not isinstance(value, str):
        context.refuse(f"not the symbol of a function: {value!r:.200}")
    elif value not in FUNCTIONS:
        context.refuse(f"the TensorFlow function tf.{value} is not supported")
    return value


def _row(class_name: str) -> Row:
    return own_layer(class_name, "function", Convert("function", _symbol))


FUNCTION_LAYERS: dict[str, Row] = {name: _row(name) for name in sorted(OP_LAYERS)}


def is_op_layer(layer: Mapping[str, Any]) -> bool:
    """Tell whether a serialized layer, of either dialect, calls a TensorFlow function."""
    return layer.get("class_name") in OP_LAYERS


def symbol_of(layer: Mapping[str, Any]) -> str:
    """Return the symbol that an op layer calls."""
    return str(layer["config"].get("function"))


def unknown_symbol(layer: Mapping[str, Any]) -> str | None:
    """Return what an op layer calls, where that is none of the functions in the table; None for any other layer."""
    if not is_op_layer(layer):
        return None
    config = layer.get("config")
    symbol = config.get("function") if isinstance(config, Mapping) else None
    return None if isinstance(symbol, str) and symbol in FUNCTIONS else str(symbol)


def op_call_up(layer: Mapping[str, Any], kwargs: Config, context: Context) -> Config:
    """Return the named arguments of a call; refuse those that the function lacks, and a call that lacks some."""
    symbol = symbol_of(layer)
    if symbol not in FUNCTIONS:
        return {}
    # tf.size cannot take the name of the dtype that tf.keras writes; int32 is what it is without one.
    kwargs = {key: value for key, value in kwargs.items() if key != "name" and (key, value) != ("out_type", "int32")}
    known = {name.removesuffix("?") for name in FUNCTIONS[symbol]}
    for key in sorted(kwargs.keys() - known):
        context.refuse(f"tf.{symbol} has no argument {key!r}")
    for name in missing_of(symbol, 1, frozenset(kwargs)):
        instead = f"; tf.{_UNSAVED[symbol]} would be" if symbol in _UNSAVED else ""
        context.refuse(f"the argument {name!r} of tf.{symbol} is not in the file: Keras 2 does not save it{instead}")
    return {key: _ellipsis(value) for key, value in kwargs.items()}


def _ellipsis(value: Any) -> Any:
    """Give Keras 2's ``...`` the config that Keras 3 wants to see."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "__ellipsis__":
            return {"class_name": "__ellipsis__", "config": {}}
        return {key: _ellipsis(item) for key, item in value.items()}
    return [_ellipsis(item) for item in value] if isinstance(value, list | tuple) else value


def refuse_method(class_name: str, config: Mapping[str, Any], context: Context) -> None:
    """Refuse a method or a property of a TensorFlow object, by its name."""
    names = ".".join(str(config.get(key)) for key in METHODS[class_name])
    context.refuse(f"{class_name} {names} is not supported: JAX has no ragged or sparse tensors")
