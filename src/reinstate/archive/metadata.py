"""Keras' JSON: plain JSON with tagged dictionaries for what JSON has no word for.

Tags are read into plain values: ``TensorShape`` and ``__tuple__`` become tuples; other tags (``TypeSpec``,
``__ellipsis__``, ...) stay the dictionaries that they are. Source: tf.keras' ``saving.legacy.saved_model.json_utils``,
TF 2.3 to 2.21.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reinstate.errors import CorruptError


def decode(text: str | bytes) -> Any:
    """Read Keras' JSON.

    Raises:
        CorruptError: it is not JSON, or nested beyond any model.
    """
    try:
        return json.loads(text, object_hook=_untag)
    except (ValueError, RecursionError) as error:
        raise CorruptError(f"not Keras' JSON: {error}") from error


def _untag(item: dict[str, Any]) -> Any:
    tag = item.get("class_name")
    if tag not in ("TensorShape", "__tuple__") or "items" not in item:
        return item
    items = item["items"]
    if items is None and tag == "TensorShape":
        return None
    if not isinstance(items, list | tuple):
        raise CorruptError(f"not Keras' JSON: a {tag} of {items!r:.100}")
    return tuple(items)


def encode(value: Any, *, tuples: bool) -> str:
    """Write Keras' JSON; with ``tuples`` they are tagged as SavedModels want it, without they are lists, as in HDF5."""
    return json.dumps(_tag(value) if tuples else value, default=_plain)


def _tag(value: Any) -> Any:
    if isinstance(value, tuple):
        return {"class_name": "__tuple__", "items": [_tag(item) for item in value]}
    if isinstance(value, list):
        return [_tag(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _tag(item) for key, item in value.items()}
    return value


def shape(value: tuple[int | None, ...] | None) -> dict[str, Any]:
    """The tag of a shape; its open dimensions are None."""
    return {"class_name": "TensorShape", "items": None if value is None else list(value)}


def _plain(value: Any) -> Any:
    """Numpy's numbers and arrays, as configs hold them."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no form in Keras' JSON")
