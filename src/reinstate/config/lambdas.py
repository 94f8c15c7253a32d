"""The function of a ``Lambda`` layer. Bytecode goes down as tf.keras itself writes it; on the way up it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reinstate.config.activations import function
from reinstate.config.lens import Config, Context
from reinstate.config.objects import custom_name

_WRITERS = frozenset(
    ["function_type", "module", "output_shape_type", "output_shape_module", "mask_type", "mask_module", "output_dim"]
)


class Function:
    """Keras 2 writes a function's name or ``[bytecode, defaults, closure]``, and beside it which of the two it is."""

    key = "function"

    def up(self, config: Config, context: Context) -> Config:
        result = {key: value for key, value in config.items() if key not in _WRITERS}
        for key in ("function", "output_shape", "mask"):
            if key in result:
                result[key] = _up(key, result[key], config.get(f"{key}_type"), context)
        return result

    def down(self, config: Config, context: Context) -> Config:
        result = dict(config)
        for key in ("function", "output_shape", "mask"):
            value = result.get(key)
            code = value.get("class_name") == "__lambda__" if isinstance(value, Mapping) else False
            if isinstance(value, Mapping):
                result[key] = _down(value, code)
            if value is not None:
                result[f"{key}_type"] = ("lambda" if code else "function") if isinstance(value, Mapping) else "raw"
        return {"output_shape": None, "output_shape_type": "raw", **result}


def _up(key: str, value: Any, kind: Any, context: Context) -> Any:
    name = value.get("config") if isinstance(value, Mapping) else value
    if isinstance(name, str):
        own = custom_name({"class_name": name}, context)
        if own is not None:
            return function(own)
        context.refuse(f"{key} {name!r} is unknown; pass it in custom_objects")
    elif key == "function" or kind == "lambda" or isinstance(value, Mapping):
        context.refuse(f"{key} is Python bytecode, which is never run from a file")
    return value


def _down(value: Mapping[str, Any], code: bool) -> Any:
    if not code:
        return value.get("config")
    inner = value["config"]
    return [inner["code"], inner["defaults"], inner["closure"]]


FUNCTION = Function()
