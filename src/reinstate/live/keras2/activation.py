"""Activation layers that Keras 3 dropped."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="reinstate")
class ThresholdedReLU(keras.layers.Layer):  # type: ignore[misc]
    """Keras 2's layer: ``x`` where it is greater than ``theta``, else 0. Takes and gives any shape."""

    def __init__(self, theta: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if theta is None or theta < 0:
            raise ValueError(f"theta is {theta}, not a number of 0 or more")
        self.supports_masking = True
        self.theta = float(theta)

    def call(self, inputs: Any) -> Any:
        """Compute the output from the input."""
        return inputs * keras.ops.cast(inputs > self.theta, inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {**super().get_config(), "theta": self.theta}

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the output."""
        return input_shape


OBJECTS = {"reinstate>ThresholdedReLU": ThresholdedReLU}
