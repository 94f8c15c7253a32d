"""Weight constraints that Keras 3 dropped."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


@keras.saving.register_keras_serializable(package="reinstate")
class RadialConstraint(keras.constraints.Constraint):  # type: ignore[misc]
    """Keras 2's constraint: a kernel (size, size, in, out) is the same at all places as far from its middle.

    Each square around the middle takes its value from one place on the diagonal, as tf.keras picks it.
    """

    def __call__(self, w: Any) -> Any:
        """Return the weight as it may be."""
        if len(w.shape) != 4:
            raise ValueError(f"the weight has shape {tuple(w.shape)}, not 4 axes")
        size = w.shape[0]
        half, odd = size // 2, size % 2
        place = np.arange(size)
        away = np.where(place < half, half - place - (1 - odd), place - half)
        ring = np.maximum(away[:, None], away[None, :])
        source = np.where(ring == 0, half - 1, half + ring - odd)
        return keras.ops.convert_to_tensor(w)[source, source]


OBJECTS = {"reinstate>RadialConstraint": RadialConstraint}
