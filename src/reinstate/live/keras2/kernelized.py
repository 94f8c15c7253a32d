"""Features that approximate a kernel: ``RandomFourierFeatures`` of Keras 2."""

from __future__ import annotations

import math
from typing import Any

import keras

_KERNELS = ("gaussian", "laplacian")


@keras.saving.register_keras_serializable(package="reinstate")
class RandomFourierFeatures(keras.layers.Layer):  # type: ignore[misc]
    """Keras 2's ``experimental.RandomFourierFeatures``: takes (batch, features), gives (batch, output_dim).

    ``kernel_initializer`` is ``gaussian``, ``laplacian`` or an initializer; ``scale`` is learned where ``trainable``.
    """

    def __init__(
        self,
        output_dim: int,
        kernel_initializer: Any = "gaussian",
        scale: float | None = None,
        trainable: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(trainable=trainable, **kwargs)
        if output_dim <= 0 or (scale is not None and scale <= 0):
            raise ValueError(f"output_dim is {output_dim} and scale {scale}: both must be positive")
        self.output_dim = output_dim
        named = isinstance(kernel_initializer, str) and kernel_initializer.lower() in _KERNELS
        self.kernel_initializer = kernel_initializer if named else keras.initializers.get(kernel_initializer)
        self.scale = scale

    def build(self, input_shape: Any) -> None:
        """Make the variables."""
        name = self.kernel_initializer.lower() if isinstance(self.kernel_initializer, str) else None
        features = input_shape[1]
        if self.scale is None:
            self.scale = math.sqrt(features / 2) if name == "gaussian" else 1.0
        shape = (features, self.output_dim)
        self.unscaled_kernel = self._fixed("unscaled_kernel", shape, self._initializer(name))
        self.bias = self._fixed("bias", (self.output_dim,), keras.initializers.RandomUniform(0.0, 2 * math.pi))
        self.kernel_scale = self.add_weight(
            shape=(1,),
            dtype="float32",
            initializer=keras.initializers.Constant(self.scale),
            constraint=keras.constraints.NonNeg(),
            name="kernel_scale",
        )

    def _fixed(self, name: str, shape: tuple[int, ...], initializer: Any) -> Any:
        return self.add_weight(shape=shape, dtype="float32", initializer=initializer, trainable=False, name=name)

    def _initializer(self, name: str | None) -> Any:
        if name == "gaussian":
            return keras.initializers.RandomNormal(stddev=1.0)
        return _cauchy if name == "laplacian" else self.kernel_initializer

    def call(self, inputs: Any) -> Any:
        """Compute the output from the input."""
        ops = keras.ops
        kernel = (1.0 / ops.cast(self.kernel_scale, "float32")) * self.unscaled_kernel
        return ops.cos(ops.matmul(ops.cast(inputs, "float32"), kernel) + self.bias)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the output."""
        return (input_shape[0], self.output_dim)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        initializer = self.kernel_initializer
        said = initializer if isinstance(initializer, str) else keras.initializers.serialize(initializer)
        own = {"output_dim": self.output_dim, "kernel_initializer": said, "scale": self.scale}
        return {**super().get_config(), **own}


def _cauchy(shape: Any, dtype: Any = None) -> Any:
    """Samples of the standard Cauchy distribution."""
    probability = keras.random.uniform(shape, dtype=dtype)
    return keras.ops.tan(math.pi * (probability - 0.5))


OBJECTS = {"reinstate>RandomFourierFeatures": RandomFourierFeatures}
