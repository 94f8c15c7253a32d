"""Wrappers that Keras 3 computes in another way."""

from __future__ import annotations

import inspect
from typing import Any

import keras


@keras.saving.register_keras_serializable(package="reinstate")
class TFTimeDistributed(keras.layers.TimeDistributed):  # type: ignore[misc]
    """Keras 2's ``TimeDistributed``: its layer sees all time steps as one batch, Keras 3's each by itself.

    That is another result where the layer computes across the batch (BatchNormalization). Takes and gives
    (batch, time, ...).
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Compute the output from the input."""
        ops = keras.ops
        shape = ops.shape(inputs)
        arguments: dict[str, Any] = {}
        if "training" in self._parameters():
            arguments["training"] = training
        if mask is not None and "mask" in self._parameters():
            arguments["mask"] = ops.reshape(mask, (-1, *ops.shape(mask)[2:]))
        outputs = self.layer.call(ops.reshape(inputs, (-1, *shape[2:])), **arguments)
        return ops.reshape(outputs, (-1, shape[1], *ops.shape(outputs)[1:]))

    def _parameters(self) -> frozenset[str]:
        return frozenset(inspect.signature(self.layer.call).parameters)


OBJECTS = {"reinstate>TFTimeDistributed": TFTimeDistributed}
