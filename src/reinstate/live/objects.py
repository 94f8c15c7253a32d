"""The few functions of Keras 2 that Keras 3 no longer has, registered under ``reinstate``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from reinstate.live.keras2 import (
    activation,
    applications,
    constraints,
    crossing,
    endpoints,
    first,
    hashing,
    images,
    kernelized,
    locally_connected,
    logits,
    lookup,
    metrics,
    models,
    normalization,
    op_layers,
    optimizers,
    recurrent,
    schedules,
    text,
    wrappers,
)


@keras.saving.register_keras_serializable(package="reinstate")  # type: ignore[untyped-decorator]
def hard_sigmoid(x: Any) -> Any:
    """Keras 2's hard sigmoid, ``clip(0.2 * x + 0.5, 0, 1)``; Keras 3's has the slope 1/6. Takes and gives any shape."""
    return keras.ops.clip(0.2 * x + 0.5, 0.0, 1.0)


OWN_OBJECTS = {
    "reinstate>hard_sigmoid": hard_sigmoid,
    **activation.OBJECTS,
    **applications.OBJECTS,
    **constraints.OBJECTS,
    **crossing.OBJECTS,
    **endpoints.OBJECTS,
    **first.OBJECTS,
    **hashing.OBJECTS,
    **images.OBJECTS,
    **kernelized.OBJECTS,
    **locally_connected.OBJECTS,
    **logits.OBJECTS,
    **lookup.OBJECTS,
    **metrics.OBJECTS,
    **models.OBJECTS,
    **normalization.OBJECTS,
    **op_layers.OBJECTS,
    **optimizers.OBJECTS,
    **recurrent.OBJECTS,
    **schedules.OBJECTS,
    **text.OBJECTS,
    **wrappers.OBJECTS,
}


_PREFIX = "reinstate>"

# Layers that Keras has, too, but not without TensorFlow.
STAND_INS = {
    "Hashing": hashing.Hashing,
    "HashedCrossing": hashing.HashedCrossing,
    "IntegerLookup": lookup.IntegerLookup,
    "StringLookup": lookup.StringLookup,
    "TextVectorization": text.TextVectorization,
}


def caller_objects(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The caller's objects, what is registered with Keras, and our own, by the names that files use."""
    registered = {
        name: value for name, value in keras.saving.get_custom_objects().items() if not name.startswith(_PREFIX)
    }
    bare = {name.rpartition(">")[2]: value for name, value in registered.items() if name not in OWN_OBJECTS}
    return {**bare, **registered, **OWN_OBJECTS, **(given or {})}
