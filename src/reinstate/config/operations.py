"""Operations of Keras 3 (``keras.ops``) in a graph of layers. Keras 2 has none: they keep their own notation.

Their class name goes down with its module, ``keras.src.ops.numpy>Add``, so that it comes up as what it was and is never
taken for the layer of that name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reinstate.config.lens import Config, Context

_MODULES = "core|einops|image|linalg|math|nn|numpy"
_OPERATION = re.compile(rf"(keras\.src\.ops\.(?:{_MODULES}))>([A-Z][A-Za-z0-9]*)")


def is_operation(name: str) -> bool:
    """Tell whether a ``module>Class`` name is that of a Keras 3 operation."""
    return _OPERATION.fullmatch(name) is not None


def operation_down(item: Mapping[str, Any], context: Context) -> Config:
    """Return the item in two keys, as only this package reads it."""
    context.lose(f"keras.ops operation {item['class_name']} is not in Keras 2: only this package reads it back")
    return {"class_name": f"{item['module']}>{item['class_name']}", "config": dict(item["config"])}


def operation_up(item: Mapping[str, Any]) -> Config:
    """Return what ``operation_down`` had been given."""
    match = _OPERATION.fullmatch(item["class_name"])
    assert match is not None, "asked for by is_operation"
    module, class_name = match.groups()
    return {"module": module, "class_name": class_name, "config": dict(item["config"]), "registered_name": class_name}
