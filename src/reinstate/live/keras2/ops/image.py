"""``tf.image``: sizes, crops, colours. Images are (batch, h, w, channels) or (h, w, channels)."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from reinstate.errors import UnsupportedError
from reinstate.live.keras2 import resampling
from reinstate.live.keras2.ops.table import dtype_of, function, shape, tensor, unary

unary(
    "image",
    {
        "image.flip_left_right": lambda x: jnp.flip(x, -2),
        "image.flip_up_down": lambda x: jnp.flip(x, -3),
        "image.transpose": lambda x: jnp.swapaxes(x, -2, -3),
    },
)


@function("image.resize")
def resize(
    images: Any, size: Any, method: Any = "bilinear", preserve_aspect_ratio: Any = False, antialias: Any = False
) -> Any:
    """Images in another size: float32, but for the nearest neighbour."""
    images, (height, width) = tensor(images), shape(size)
    if preserve_aspect_ratio:
        scale = min(height / images.shape[-3], width / images.shape[-2])
        height, width = (round(side * scale) for side in images.shape[-3:-1])
    if (images.shape[-3], images.shape[-2]) == (height, width):
        return images if method == "nearest" else images.astype(jnp.float32)
    if antialias and method not in ("nearest", "area") and (height < images.shape[-3] or width < images.shape[-2]):
        return _antialiased(images, height, width, method)
    return resampling.resize(images if method == "nearest" else images.astype(jnp.float32), height, width, method)


def _antialiased(images: Any, height: int, width: int, method: str) -> Any:
    if method not in ("bilinear", "lanczos3", "lanczos5", "bicubic"):
        raise UnsupportedError(f"tf.image.resize with antialias and method {method!r} is not supported")
    kind = {"bicubic": "cubic"}.get(method, method)
    return jax.image.resize(images.astype(jnp.float32), (*images.shape[:-3], height, width, images.shape[-1]), kind)


@function("image.crop_to_bounding_box")
def crop_to_bounding_box(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any
) -> Any:
    """A part of the images."""
    top, left = int(offset_height), int(offset_width)
    return tensor(image)[..., top : top + int(target_height), left : left + int(target_width), :]


@function("image.pad_to_bounding_box")
def pad_to_bounding_box(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any
) -> Any:
    """Zeros around the images, to a size."""
    image, (top, left) = tensor(image), (int(offset_height), int(offset_width))
    below = int(target_height) - top - image.shape[-3]
    right = int(target_width) - left - image.shape[-2]
    return jnp.pad(image, [(0, 0)] * (image.ndim - 3) + [(top, below), (left, right), (0, 0)])


@function("image.resize_with_crop_or_pad")
def resize_with_crop_or_pad(image: Any, target_height: Any, target_width: Any) -> Any:
    """Images cropped or padded in the middle, to a size."""
    image = tensor(image)
    for axis, target in ((-3, int(target_height)), (-2, int(target_width))):
        size = image.shape[axis]
        start = max(size - target, 0) // 2
        image = jnp.take(image, jnp.arange(start, start + min(size, target)), axis)
        rows = [(0, 0)] * image.ndim
        before = max(target - size, 0) // 2
        rows[axis] = (before, max(target - size, 0) - before)
        image = jnp.pad(image, rows)
    return image


@function("image.central_crop")
def central_crop(image: Any, central_fraction: Any) -> Any:
    """The middle part of the images."""
    image, part = tensor(image), float(central_fraction)
    starts = [int((side - side * part) / 2) for side in image.shape[-3:-1]]
    (height, width), (top, left) = image.shape[-3:-1], starts
    return image[..., top : height - top, left : width - left, :]


@function("image.rot90")
def rot90(image: Any, k: Any = 1) -> Any:
    """Images turned counter-clockwise by quarters."""
    return jnp.rot90(tensor(image), int(k), (-3, -2))


def _as_floats(image: Any) -> Any:
    return image if jnp.issubdtype(image.dtype, jnp.inexact) else image.astype(jnp.float32) / np.iinfo(image.dtype).max


@function("image.convert_image_dtype")
def convert_image_dtype(image: Any, dtype: Any, saturate: Any = False) -> Any:
    """Images in another dtype, the range of integers scaled to 0 to 1 and back."""
    image, target = tensor(image), dtype_of(dtype)
    floating = jnp.issubdtype(image.dtype, jnp.inexact)
    if jnp.issubdtype(target, jnp.inexact):
        return (
            image.astype(target)
            if floating
            else image.astype(target) * jnp.asarray(1.0 / np.iinfo(image.dtype).max, target)
        )
    if not floating:
        if image.dtype == target:
            return image
        raise UnsupportedError("tf.image.convert_image_dtype between integers is not supported")
    limits = np.iinfo(target)
    scaled = image * (limits.max + 0.5)
    return (jnp.clip(scaled, limits.min, limits.max) if saturate else scaled).astype(target)


@function("image.grayscale_to_rgb")
def grayscale_to_rgb(images: Any) -> Any:
    """The one channel three times."""
    return jnp.repeat(tensor(images), 3, -1)


def _weighted(x: Any, rows: list[list[float]]) -> Any:
    return jnp.tensordot(x, jnp.asarray(rows, x.dtype), [[-1], [0]])


@function("image.rgb_to_grayscale")
def rgb_to_grayscale(images: Any) -> Any:
    """The brightness of colours, in the images' own dtype."""
    images = tensor(images)
    gray = _weighted(_as_floats(images), [[0.2989], [0.5870], [0.1140]])
    return convert_image_dtype(gray, images.dtype) if not jnp.issubdtype(images.dtype, jnp.inexact) else gray


_YUV = [[0.299, -0.14714119, 0.61497538], [0.587, -0.28886916, -0.51496512], [0.114, 0.43601035, -0.10001026]]
_RGB: list[list[float]] = [[1, 1, 1], [0, -0.394642334, 2.03206185], [1.13988303, -0.58062185, 0]]
unary("images", {"image.rgb_to_yuv": lambda x: _weighted(x, _YUV), "image.yuv_to_rgb": lambda x: _weighted(x, _RGB)})


@function("image.adjust_brightness")
def adjust_brightness(image: Any, delta: Any) -> Any:
    """Brighter or darker images; of integers, by their range."""
    image = tensor(image)
    if jnp.issubdtype(image.dtype, jnp.inexact):
        return image + jnp.asarray(delta, image.dtype)
    return convert_image_dtype(_as_floats(image) + delta, image.dtype, saturate=True)


@function("image.adjust_contrast")
def adjust_contrast(images: Any, contrast_factor: Any) -> Any:
    """Each channel's distance from its mean, scaled."""
    images = tensor(images)
    floats = _as_floats(images)
    mean = jnp.mean(floats, (-3, -2), keepdims=True)
    result = (floats - mean) * jnp.asarray(contrast_factor, floats.dtype) + mean
    return result if floats is images else convert_image_dtype(result, images.dtype, saturate=True)


@function("image.adjust_gamma")
def adjust_gamma(image: Any, gamma: Any = 1, gain: Any = 1) -> Any:
    """``gain`` times the images to the power ``gamma``."""
    image = tensor(image)
    result = gain * _as_floats(image) ** gamma
    return result if jnp.issubdtype(image.dtype, jnp.inexact) else convert_image_dtype(result, image.dtype, True)


@function("image.per_image_standardization")
def per_image_standardization(image: Any) -> Any:
    """Each image less its mean, by its deviation, which counts as no less than that of one value of its size."""
    image = tensor(image)
    floats, over = image.astype(jnp.float32), (-3, -2, -1)
    least = 1 / math.sqrt(math.prod(image.shape[-3:]))
    deviation = jnp.maximum(jnp.std(floats, over, keepdims=True), least)
    return (floats - jnp.mean(floats, over, keepdims=True)) / deviation


@function("image.extract_patches")
def extract_patches(images: Any, sizes: Any, strides: Any, rates: Any, padding: Any) -> Any:
    """The pixels around each place as channels, row by row."""
    images = tensor(images)
    height, width = shape(sizes)[1:-1]
    channels = images.shape[-1]
    found = jax.lax.conv_general_dilated_patches(
        images,
        (height, width),
        shape(strides)[1:-1],
        str(padding).upper(),
        rhs_dilation=shape(rates)[1:-1],
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        precision=jax.lax.Precision.HIGHEST,
    )
    by_channel = found.reshape(*found.shape[:-1], channels, height * width)
    return jnp.swapaxes(by_channel, -1, -2).reshape(found.shape)
