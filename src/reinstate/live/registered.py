"""Keras' own names, given to other functions for a while: what ``register`` and ``unregister`` do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

_originals: list[tuple[Any, str, Any]] = []


def replace(
    save_model: Callable[..., Any],
    load_model: Callable[..., Any],
    save_weights: Callable[..., Any],
    load_weights: Callable[..., Any],
) -> None:
    """Put these in the place of Keras' functions and methods; a second time does nothing."""
    if _originals:
        return
    for module in (keras.models, keras.saving):
        _replace(module, "save_model", save_model)
        _replace(module, "load_model", load_model)
    _replace(keras.Model, "save", save_model)
    _replace(keras.Model, "save_weights", save_weights)
    _replace(keras.Model, "load_weights", load_weights)


def restore() -> None:
    """Give Keras its own back."""
    while _originals:
        owner, name, original = _originals.pop()
        setattr(owner, name, original)


def _replace(owner: Any, name: str, function: Callable[..., Any]) -> None:
    _originals.append((owner, name, getattr(owner, name)))
    setattr(owner, name, function)
