"""Layers inside configs: the one knot in the tables. Wrappers hold layers, which may be models, which hold wrappers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reinstate.config.lens import Config, Context


def up_nested(value: Any, context: Context) -> Config:
    """Translate a layer or model that is an argument of another."""
    from reinstate.config.topology import up_layer

    return up_layer(value, context) if _is_layer(value, context) else {}


def down_nested(value: Any, context: Context) -> Config:
    """The mirror of ``up_nested``."""
    from reinstate.config.topology import down_layer

    return down_layer(value, context) if _is_layer(value, context) else {}


def _is_layer(value: Any, context: Context) -> bool:
    if isinstance(value, Mapping) and isinstance(value.get("class_name"), str):
        return True
    context.refuse(f"not a serialized layer: {value!r:.200}")
    return False
