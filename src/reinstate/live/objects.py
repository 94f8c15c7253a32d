"""The few functions of Keras 2 that Keras 3 no longer has, registered under ``reinstate``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras


@keras.saving.register_keras_serializable(package="reinstate")  # type: ignore[untyped-decorator]
def hard_sigmoid(x: Any) -> Any:
    """Keras 2's hard sigmoid, ``clip(0.2 * x + 0.5, 0, 1)``; Keras 3's has the slope 1/6. Takes and gives any shape."""
    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)


OWN_OBJECTS = {"reinstate>hard_sigmoid": hard_sigmoid}


def caller_objects(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The caller's objects, what is registered with Keras, and our own, by the names that files use."""
    registered = keras.saving.get_custom_objects()
    bare = {name.rpartition(">")[2]: value for name, value in registered.items()}
    return {**bare, **registered, **OWN_OBJECTS, **(given or {})}
