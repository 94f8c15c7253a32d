"""The layer of ``keras.applications`` that Keras 3 has, but cannot train on JAX."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="reinstate")
class StochasticDepth(keras.layers.Layer):  # type: ignore[misc]
    """ConvNeXt's layer: leaves out whole examples while it trains, and scales those that stay. Any shape (batch, ...).

    Keras 3's own draws without a seed generator, which cannot be compiled on JAX.
    """

    def __init__(self, drop_path_rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= drop_path_rate <= 1:
            raise ValueError(f"drop_path_rate is {drop_path_rate}, not between 0 and 1")
        self.drop_path_rate = drop_path_rate
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Compute the output from the input."""
        if not training or self.drop_path_rate == 0:
            return inputs
        keep = 1 - self.drop_path_rate
        shape = (keras.ops.shape(inputs)[0], *[1] * (len(inputs.shape) - 1))
        drawn = keras.random.uniform(shape, dtype=inputs.dtype, seed=self.seed_generator)
        return keras.ops.where(drawn < keep, inputs / keep if keep else inputs, 0)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the output."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {**super().get_config(), "drop_path_rate": self.drop_path_rate}


OBJECTS = {"reinstate>StochasticDepth": StochasticDepth}
