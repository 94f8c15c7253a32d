"""Metrics that Keras 3 dropped."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="reinstate")
class MeanRelativeError(keras.metrics.Mean):  # type: ignore[misc]
    """Keras 2's metric: the mean of ``|y_true - y_pred| / normalizer``, 0 where the normalizer is."""

    def __init__(self, normalizer: Any, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name or "mean_relative_error", dtype=dtype)
        self.normalizer = normalizer

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: targets and predictions (batch, ...)."""
        ops = keras.ops
        y_true, y_pred = (ops.cast(value, self.dtype) for value in (y_true, y_pred))
        if len(y_pred.shape) == len(y_true.shape) + 1 and y_pred.shape[-1] == 1:
            y_pred = ops.squeeze(y_pred, -1)
        normalizer = ops.convert_to_tensor(self.normalizer, self.dtype)
        known = normalizer != 0
        far = ops.where(known, ops.abs(y_true - y_pred) / ops.where(known, normalizer, 1), 0)
        super().update_state(far, sample_weight=sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {**super().get_config(), "normalizer": self.normalizer}


OBJECTS = {"reinstate>MeanRelativeError": MeanRelativeError}
