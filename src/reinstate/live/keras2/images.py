"""Image layers that Keras 3 has not, or computes in another way."""

from __future__ import annotations

from typing import Any

import jax
import keras

from reinstate.live.keras2.resampling import METHODS, resize

Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable(package="reinstate")
class TFResizing(keras.layers.Layer):  # type: ignore[misc]
    """Keras 2's ``Resizing`` by TensorFlow's kernels: ``area``, ``bicubic``, ``gaussian``, ``mitchellcubic``, lanczos.

    Takes (batch, h, w, channels) or (h, w, channels) and gives the same.
    """

    def __init__(
        self, height: int, width: int, interpolation: str = "bicubic", crop_to_aspect_ratio: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if interpolation not in METHODS:
            raise ValueError(f"interpolation is {interpolation!r}, not of {METHODS}")
        self.height, self.width = height, width
        self.interpolation = interpolation
        self.crop_to_aspect_ratio = crop_to_aspect_ratio

    def call(self, inputs: Any) -> Any:
        """Compute the output from the input."""
        images = self._cropped(inputs) if self.crop_to_aspect_ratio else inputs
        return keras.ops.cast(resize(images, self.height, self.width, self.interpolation), self.compute_dtype)

    def _cropped(self, images: Any) -> Any:
        """The largest part in the middle that has the aspect ratio of the output."""
        height, width = images.shape[-3], images.shape[-2]
        rows = min(height, int(width * self.height / self.width))
        columns = min(width, int(height * self.width / self.height))
        top, left = int((height - rows) / 2), int((width - columns) / 2)
        return images[..., top : top + rows, left : left + columns, :]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output."""
        return (*input_shape[:-3], self.height, self.width, input_shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        names = ("height", "width", "interpolation", "crop_to_aspect_ratio")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable(package="reinstate")
class TFRandomCrop(keras.layers.RandomCrop):  # type: ignore[misc]
    """Keras 2's ``RandomCrop``: when it does not train, the middle of the image in the size that training gives it.

    Keras 3's lets the whole image pass then. Takes (batch, h, w, channels) or (h, w, channels) and gives the same.
    """

    def call(self, data: Any, training: bool = True) -> Any:
        """Compute the output from the input."""
        if training:
            return super().call(data, training=True)
        middle = keras.layers.Resizing(self.height, self.width, crop_to_aspect_ratio=True, dtype=self.dtype_policy)
        return middle(data)


@keras.saving.register_keras_serializable(package="reinstate")
class TFUpSampling2D(keras.layers.Layer):  # type: ignore[misc]
    """Keras 2's ``UpSampling2D`` by TensorFlow's kernels: those of ``TFResizing``.

    Takes (batch, h, w, channels), or (batch, channels, h, w) where it is ``channels_first``, and gives the same.
    """

    def __init__(
        self, size: Any = (2, 2), data_format: str | None = None, interpolation: str = "bicubic", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if interpolation not in METHODS:
            raise ValueError(f"interpolation is {interpolation!r}, not of {METHODS}")
        self.size = (size, size) if isinstance(size, int) else tuple(size)
        self.data_format = data_format or keras.config.image_data_format()
        self.interpolation = interpolation

    def call(self, inputs: Any) -> Any:
        """Compute the output from the input."""
        first = self.data_format == "channels_first"
        images = keras.ops.transpose(inputs, (0, 2, 3, 1)) if first else inputs
        height, width = images.shape[1] * self.size[0], images.shape[2] * self.size[1]
        images = keras.ops.cast(resize(images, height, width, self.interpolation), self.compute_dtype)
        return keras.ops.transpose(images, (0, 3, 1, 2)) if first else images

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output."""
        first = self.data_format == "channels_first"
        spatial = input_shape[2:] if first else input_shape[1:3]
        out = [None if length is None else length * factor for length, factor in zip(spatial, self.size, strict=True)]
        return (*input_shape[:2], *out) if first else (input_shape[0], *out, input_shape[3])

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        names = ("size", "data_format", "interpolation")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


class _RandomSize(keras.layers.Layer):  # type: ignore[misc]
    """Resizes one axis of a batch by a random factor while it trains.

    What comes out has another shape each time. Compiled training cannot do that: only a model compiled with
    ``run_eagerly=True`` resizes; in any other the images pass as they are, as they do when it predicts.
    """

    AXIS: int

    def __init__(self, factor: Any, interpolation: str = "bilinear", seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        lower, upper = factor if isinstance(factor, list | tuple) else (-factor, factor)
        if upper < lower or lower < -1:
            raise ValueError(f"factor is {factor}, not a range above -1")
        self.factor = factor
        self._range = (float(lower), float(upper))
        self.interpolation = interpolation
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Compute the output from the input."""
        if not training or isinstance(inputs, jax.core.Tracer):
            return inputs
        lower, upper = self._range
        factor = keras.random.uniform((), 1 + lower, 1 + upper, seed=self.seed_generator)
        size = list(inputs.shape[-3:-1])
        size[self.AXIS] = max(1, int(factor * size[self.AXIS]))
        height, width = size
        return keras.ops.cast(resize(inputs, height, width, self.interpolation), self.compute_dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output."""
        shape = list(input_shape)
        shape[self.AXIS - 3] = None
        return tuple(shape)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        names = ("factor", "interpolation", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable(package="reinstate")
class RandomHeight(_RandomSize):
    """Keras 2's layer: a random height while it trains with ``run_eagerly=True``. Takes (batch, h, w, channels)."""

    AXIS = 0


@keras.saving.register_keras_serializable(package="reinstate")
class RandomWidth(_RandomSize):
    """Keras 2's layer: a random width while it trains with ``run_eagerly=True``. Takes (batch, h, w, channels)."""

    AXIS = 1


OBJECTS = {
    "reinstate>TFRandomCrop": TFRandomCrop,
    "reinstate>TFResizing": TFResizing,
    "reinstate>TFUpSampling2D": TFUpSampling2D,
    "reinstate>RandomHeight": RandomHeight,
    "reinstate>RandomWidth": RandomWidth,
}
