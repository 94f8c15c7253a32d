# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Images ``(batch, height, width, channels)``: resizing, colours, warping.

Resizing goes one axis at a time, with weights that numpy computes from the sizes in float32, as TensorFlow does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from reinstate.errors import UnsupportedError
from reinstate.graph.rules import Static, check_size, ints, native, op, require

_F = np.float32
_TINY = 1000 * np.finfo(np.float32).tiny


def _sizes(images: Any, size: Static) -> tuple[int, int]:
    require(images.ndim == 4 and size.shape == (2,), f"images of the shape {images.shape} to {size}")
    height, width = ints(size)
    check_size((images.shape[0], height, width, images.shape[3]))
    require(height > 0 and width > 0 and images.shape[1] > 0 and images.shape[2] > 0, f"{images.shape} to {size}")
    return height, width


def _scale(source: int, target: int, align_corners: bool) -> Any:
    return _F(source - 1) / _F(target - 1) if align_corners and target > 1 else _F(source) / _F(target)


def _positions(source: int, target: int, align_corners: bool, half_pixel: bool) -> Any:
    """Where in the source the pixels of the target lie."""
    scale = _scale(source, target, align_corners)
    places = np.arange(target, dtype=_F)
    return (places + _F(0.5)) * scale - _F(0.5) if half_pixel else places * scale


def _float(images: Any) -> Any:
    return images if images.dtype == np.float64 else images.astype(jnp.float32)


@op("ResizeBilinear")
def resize_bilinear(images, size: Static, *, align_corners, half_pixel_centers):
    targets, result = _sizes(images, size), _float(images)
    for axis in (2, 1):
        result = _bilinear(result, axis, targets[axis - 1], align_corners, half_pixel_centers)
    return result


def _bilinear(x: Any, axis: int, target: int, align_corners: bool, half_pixel: bool) -> Any:
    source = x.shape[axis]
    places = _positions(source, target, align_corners, half_pixel)
    floors = np.floor(places)
    lower = np.maximum(floors, 0).astype(np.int32)
    upper = np.minimum(np.ceil(places), source - 1).astype(np.int32)
    share = (places - floors).reshape((-1,) + (1,) * (x.ndim - axis - 1))
    low, high = jnp.take(x, np.minimum(lower, source - 1), axis=axis), jnp.take(x, upper, axis=axis)
    return low + (high - low) * share.astype(x.dtype)


@op("ResizeNearestNeighbor")
def resize_nearest_neighbor(images, size: Static, *, align_corners, half_pixel_centers, xp):
    targets, result = _sizes(images, size), images
    for axis in (1, 2):
        source, target = images.shape[axis], targets[axis - 1]
        places = np.arange(target, dtype=_F)
        if half_pixel_centers:
            places = places + _F(0.5)
        places = places * _scale(source, target, align_corners)
        rounded = np.floor(places + _F(0.5)) if align_corners else np.floor(places)
        result = xp.take(result, np.clip(rounded.astype(np.int32), 0, source - 1), axis=axis)
    return result


def _along(x: Any, matrix: Any, axis: int) -> Any:
    """Apply a matrix ``(target, source)`` to an axis."""
    letters = "abcd"
    return jnp.einsum(f"z{letters[axis]},{letters}->{letters.replace(letters[axis], 'z')}", matrix.astype(x.dtype), x)


def _resized(images: Any, size: Static, matrix_of: Callable[[int, int], Any]) -> Any:
    targets, result = _sizes(images, size), _float(images)
    for axis in (1, 2):
        result = _along(result, matrix_of(images.shape[axis], targets[axis - 1]), axis)
    return result


@op("ResizeBicubic")
def resize_bicubic(images, size: Static, *, align_corners, half_pixel_centers):
    return _resized(images, size, lambda source, target: _cubic(source, target, align_corners, half_pixel_centers))


_TABLE = 1024  # entries, as many as TensorFlow looks the kernel up in


def _cubic_table(sharpness: float) -> tuple[Any, Any]:
    """The kernel from 0 to 1 and from 1 to 2."""
    a, x = _F(sharpness), np.arange(_TABLE + 1, dtype=_F) / _F(_TABLE)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    x = x + _F(1)
    return near, ((a * x - 5 * a) * x + 8 * a) * x - 4 * a


def _cubic(source: int, target: int, align_corners: bool, half_pixel: bool) -> Any:
    near, far = _cubic_table(-0.5 if half_pixel else -0.75)
    places = _positions(source, target, align_corners, half_pixel)
    base = np.floor(places).astype(np.int64)
    offset = np.rint((places - base.astype(_F)) * _TABLE).astype(np.int64)
    weights = np.stack([far[offset], near[offset], near[_TABLE - offset], far[_TABLE - offset]], axis=1)
    index = base[:, None] + np.arange(-1, 3)
    bounded = np.clip(index, 0, source - 1)
    if half_pixel:  # the newer kernel leaves out what lies outside, the older one repeats the edge
        weights = np.where(bounded == index, weights, _F(0))
        total = weights.sum(axis=1, keepdims=True)
        weights = np.where(np.abs(total) >= _TINY, weights / np.where(total == 0, 1, total), weights)
    matrix = np.zeros((target, source), _F)
    np.add.at(matrix, (np.arange(target)[:, None], bounded), weights)
    return matrix


@op("ResizeArea")
def resize_area(images, size: Static, *, align_corners):
    return _resized(images, size, lambda source, target: _area(source, target, align_corners))


def _area(source: int, target: int, align_corners: bool) -> Any:
    """Each pixel of the target is the mean of the area that it covers."""
    scale = _scale(source, target, align_corners)
    matrix = np.zeros((target, source), _F)
    for row in range(target):
        first, last = _F(row) * scale, _F(row + 1) * scale
        for place in range(math.floor(first), math.ceil(last)):
            share = min(_F(place + 1), last) - max(_F(place), first)
            matrix[row, min(max(place, 0), source - 1)] += share / scale
    return matrix


def _lanczos(radius: float) -> Callable[[Any], Any]:
    def kernel(x: Any) -> Any:
        angle = np.pi * np.maximum(x, 1e-3)
        values = radius * np.sin(angle) * np.sin(angle / radius) / angle**2
        return np.where(x > radius, 0, np.where(x <= 1e-3, 1, values))

    return kernel


def _piecewise(near: Callable[[Any], Any], far: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: np.where(x >= 2, 0, np.where(x >= 1, far(x), near(x)))


# Radius and kernel; the kernel takes distances, which are not negative.
_KERNELS: dict[str, tuple[float, Callable[[Any], Any]]] = {
    "lanczos1": (1.0, _lanczos(1.0)),
    "lanczos3": (3.0, _lanczos(3.0)),
    "lanczos5": (5.0, _lanczos(5.0)),
    "gaussian": (1.5, lambda x: np.where(x >= 1.5, 0, np.exp(-(x**2) / (2 * 0.5**2)))),
    "box": (0.5, lambda x: np.where(x < 0.5, 1.0, np.where(x == 0.5, 0.5, 0.0))),
    "triangle": (1.0, lambda x: np.maximum(1 - x, 0)),
    "keyscubic": (
        2.0,
        _piecewise(lambda x: (1.5 * x - 2.5) * x * x + 1, lambda x: ((-0.5 * x + 2.5) * x - 4) * x + 2),
    ),
    "mitchellcubic": (
        2.0,
        _piecewise(
            lambda x: ((7 / 6) * x - 2) * x * x + 8 / 9, lambda x: ((-7 / 18 * x + 2) * x - 10 / 3) * x + 16 / 9
        ),
    ),
}


@op("ScaleAndTranslate")
def scale_and_translate(images, size: Static, scale: Static, translation: Static, *, kernel_type, antialias):
    targets, result = _sizes(images, size), _float(images)
    for axis in (1, 2):
        factor, shift = _F(scale[axis - 1]), _F(translation[axis - 1])
        require(bool(factor > 0), f"the scale {scale}")
        matrix = _spans(images.shape[axis], targets[axis - 1], factor, shift, kernel_type, antialias)
        result = _along(result, matrix, axis)
    return result


def _spans(source: int, target: int, scale: Any, shift: Any, kernel_type: str, antialias: bool) -> Any:
    if kernel_type not in _KERNELS:
        raise UnsupportedError(f"the kernel {kernel_type!r}")
    radius, kernel = _KERNELS[kernel_type]
    inverse = _F(1) / scale
    stretch = max(inverse, _F(1)) if antialias else _F(1)
    sample = (np.arange(target, dtype=_F) + _F(0.5)) * inverse - inverse * shift
    first = np.clip(np.ceil(sample - _F(radius) * stretch - _F(0.5)), 0, source - 1)[:, None]
    last = np.clip(np.floor(sample + _F(radius) * stretch - _F(0.5)), 0, source - 1)[:, None]
    pixels = np.arange(source, dtype=_F)[None, :]
    weights = kernel(np.abs(pixels + _F(0.5) - sample[:, None]) / stretch)
    inside = (sample >= 0) & (sample <= source)
    weights = np.where((pixels >= first) & (pixels <= last) & inside[:, None], weights, 0)
    total = weights.sum(axis=1, keepdims=True)
    return np.where(np.abs(total) >= _TINY, weights / np.where(total == 0, 1, total), 0).astype(_F)


@op("RGBToHSV")
def rgb_to_hsv(images):
    red, green, blue = (images[..., i] for i in range(3))
    value = jnp.max(images, axis=-1)
    spread = value - jnp.min(images, axis=-1)
    safe = jnp.where(spread > 0, spread, 1)
    saturation = jnp.where(value > 0, spread / jnp.where(value > 0, value, 1), 0)
    norm = 1 / (6 * safe)
    hue = jnp.where(
        red == value,
        norm * (green - blue),
        jnp.where(green == value, norm * (blue - red) + 2 / 6, norm * (red - green) + 4 / 6),
    )
    hue = jnp.where(spread > 0, hue, 0)
    return jnp.stack([jnp.where(hue < 0, hue + 1, hue), saturation, value], axis=-1)


@op("HSVToRGB")
def hsv_to_rgb(images):
    hue, saturation, value = (images[..., i] for i in range(3))
    angle = hue * 6
    pure = [
        jnp.clip(jnp.abs(angle - 3) - 1, 0, 1),
        jnp.clip(2 - jnp.abs(angle - 2), 0, 1),
        jnp.clip(2 - jnp.abs(angle - 4), 0, 1),
    ]
    return jnp.stack([(1 - saturation + saturation * part) * value for part in pure], axis=-1)


@op("AdjustContrastv2")
def adjust_contrast(images, contrast_factor):
    mean = jnp.mean(images.astype(jnp.float32), axis=(-3, -2), keepdims=True)
    return ((images - mean) * contrast_factor + mean).astype(images.dtype)


@op("AdjustHue")
def adjust_hue(images, delta):
    hsv = rgb_to_hsv(images.astype(jnp.float32))
    hue = jnp.mod(hsv[..., 0] + delta, 1)
    return hsv_to_rgb(jnp.stack([hue, hsv[..., 1], hsv[..., 2]], axis=-1)).astype(images.dtype)


@op("AdjustSaturation")
def adjust_saturation(images, scale):
    hsv = rgb_to_hsv(images.astype(jnp.float32))
    saturation = jnp.clip(hsv[..., 1] * scale, 0, 1)
    return hsv_to_rgb(jnp.stack([hsv[..., 0], saturation, hsv[..., 2]], axis=-1)).astype(images.dtype)


def _pixels(images: Any, batch: Any, y: Any, x: Any, outside: Any) -> Any:
    """The pixels at whole places; ``outside`` where there is none."""
    height, width = images.shape[1:3]
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    rows, columns = jnp.clip(y, 0, height - 1).astype(jnp.int32), jnp.clip(x, 0, width - 1).astype(jnp.int32)
    return jnp.where(inside[..., None], images[batch, rows, columns], outside)


@op("CropAndResize")
def crop_and_resize(image, boxes, box_ind, crop_size: Static, *, method, extrapolation_value):
    height, width = ints(crop_size)
    check_size((boxes.shape[0], height, width, image.shape[3]))
    source = image.astype(jnp.float32)
    y = _crop_places(boxes[:, 0], boxes[:, 2], image.shape[1], height)[:, :, None]
    x = _crop_places(boxes[:, 1], boxes[:, 3], image.shape[2], width)[:, None, :]
    inside = (y >= 0) & (y <= image.shape[1] - 1) & (x >= 0) & (x <= image.shape[2] - 1)
    y, x = jnp.broadcast_arrays(y, x)
    batch = box_ind[:, None, None]
    if method == "nearest":
        taken = _pixels(source, batch, _rounded(y), _rounded(x), 0)
    else:
        taken = _between(source, batch, y, x, lambda v, n: jnp.clip(v, 0, n - 1))
    return jnp.where(inside[..., None], taken, jnp.float32(extrapolation_value))


def _crop_places(low: Any, high: Any, source: int, target: int) -> Any:
    if target == 1:
        return (0.5 * (low + high) * (source - 1))[:, None]
    step = (high - low) * (source - 1) / (target - 1)
    return (low * (source - 1))[:, None] + step[:, None] * jnp.arange(target, dtype=low.dtype)


def _between(images: Any, batch: Any, y: Any, x: Any, bound: Callable[[Any, int], Any], outside: Any = 0) -> Any:
    """Bilinear interpolation at (y, x)."""
    top, left = jnp.floor(y), jnp.floor(x)
    down, right = (y - top)[..., None], (x - left)[..., None]
    height, width = images.shape[1:3]

    def at(row: Any, column: Any) -> Any:
        return _pixels(images, batch, bound(row, height), bound(column, width), outside)

    upper = at(top, left) * (1 - right) + at(top, left + 1) * right
    lower = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right
    return upper * (1 - down) + lower * down


def _rounded(places: Any) -> Any:
    """To the next whole number, halves away from zero."""
    return jnp.sign(places) * jnp.floor(jnp.abs(places) + 0.5)


def _reflected(x: Any, size: int) -> Any:
    """Places led back in as in dcba|abcd|dcba."""
    period = 2 * size
    below = x + period * jnp.trunc(-x / period)
    below = jnp.where(below < -size, below + period, -below - 1)
    above = x - period * jnp.trunc(x / period)
    above = jnp.where(above >= size, period - above - 1, above)
    return jnp.where(x < 0, below, jnp.where(x > size - 1, above, x))


def _wrapped(x: Any, size: int) -> Any:
    """Places led back in as in abcd|abcd|abcd."""
    below = x + size * (jnp.trunc(-x / (size - 1)) + 1)
    above = x - size * jnp.trunc(x / (size - 1))
    return jnp.where(x < 0, below, jnp.where(x > size - 1, above, x))


def _mapped(places: Any, size: int, mode: str) -> Any:
    """Places outside of the image, led back into it."""
    if mode == "CONSTANT":
        return places
    if mode in ("REFLECT", "WRAP"):
        places = (_reflected if mode == "REFLECT" else _wrapped)(places, size) if size > 1 else jnp.zeros_like(places)
    return jnp.clip(places, 0, size - 1)


@op("ImageProjectiveTransformV2")
def image_projective_transform_v2(images, transforms, output_shape: Static, *, interpolation, fill_mode):
    return _projected(images, transforms, output_shape, jnp.zeros(()), interpolation, fill_mode)


@op("ImageProjectiveTransformV3")
def image_projective_transform(images, transforms, output_shape: Static, fill_value, *, interpolation, fill_mode):
    return _projected(images, transforms, output_shape, fill_value, interpolation, fill_mode)


def _projected(images: Any, transforms: Any, size: Static, fill: Any, interpolation: str, mode: str) -> Any:
    height, width = ints(size)
    check_size((images.shape[0], height, width, images.shape[3]))
    row = jnp.arange(height, dtype=jnp.float32)[None, :, None]
    column = jnp.arange(width, dtype=jnp.float32)[None, None, :]
    t = jnp.broadcast_to(transforms, (images.shape[0], 8)).T[:, :, None, None]
    depth = t[6] * column + t[7] * row + 1
    x = _mapped((t[0] * column + t[1] * row + t[2]) / depth, images.shape[2], mode)
    y = _mapped((t[3] * column + t[4] * row + t[5]) / depth, images.shape[1], mode)
    batch = jnp.arange(images.shape[0])[:, None, None]
    source = images.astype(jnp.float32)
    outside = fill.astype(jnp.float32)
    if interpolation == "NEAREST":
        taken = _pixels(source, batch, _rounded(y), _rounded(x), outside)
    else:
        taken = _between(source, batch, y, x, lambda v, n: v, outside)
    return jnp.where((depth == 0)[..., None], outside, taken).astype(native(images.dtype))
