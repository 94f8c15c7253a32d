"""Serialized Keras objects: dictionaries with ``class_name`` and ``config``, in which strangers may put anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def settings(item: Any) -> Mapping[str, Any]:
    """The ``config`` of a serialized object, if it has one that is a dictionary."""
    inner = item.get("config") if isinstance(item, Mapping) else None
    return inner if isinstance(inner, Mapping) else {}


def class_name(item: Any) -> str:
    """The class of a serialized object, without the package it is registered in; the name itself where that is all."""
    name = item.get("class_name") if isinstance(item, Mapping) else item
    return name.rpartition(">")[2] if isinstance(name, str) else ""


def layer_name(item: Mapping[str, Any]) -> str:
    """The name of a serialized layer."""
    return str(settings(item).get("name") or item.get("name") or "")


def sublayers(item: Any) -> list[Mapping[str, Any]]:
    """The configs of the layers in a serialized model, in order; of a Sequential of Keras before 2.2.3, too."""
    inner = item.get("config") if isinstance(item, Mapping) else None
    layers = inner.get("layers") if isinstance(inner, Mapping) else inner
    return [layer for layer in layers if isinstance(layer, Mapping)] if isinstance(layers, list) else []
