"""Images to other sizes as TensorFlow computes them: a matrix of weights for each axis.

Source: tensorflow/core/kernels/image (``scale_and_translate_op``, ``resize_bicubic_op``, ``resize_area_op``),
``tf.image.resize`` without antialiasing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import keras
import numpy as np

Matrix = np.ndarray[Any, np.dtype[np.float32]]
Kernel = Callable[[Matrix], Matrix]

_LARGEST = 2**27  # entries of a matrix
_F = np.float32


def _gaussian(x: Matrix) -> Matrix:
    return np.where(x >= _F(1.5), _F(0), np.exp(-x * x / _F(2 * 0.5 * 0.5)))


def _mitchell(x: Matrix) -> Matrix:
    far = ((_F(-0.38888889) * x + _F(2.0)) * x - _F(3.33333333)) * x + _F(1.77777778)
    near = ((_F(1.16666667) * x - _F(2.0)) * x) * x + _F(0.88888889)
    return np.where(x > 2, _F(0), np.where(x > 1, far, near))


def _lanczos(radius: int) -> Kernel:
    def kernel(x: Matrix) -> Matrix:
        at = np.maximum(x, _F(1e-3))
        value = radius * np.sin(np.pi * at) * np.sin(np.pi * at / radius) / (np.pi**2 * at * at)
        return np.where(x > radius, _F(0), np.where(x <= _F(1e-3), _F(1), value)).astype(_F)

    return kernel


# By name: the kernel, and how far it reaches.
_KERNELS: dict[str, tuple[Kernel, float]] = {
    "gaussian": (_gaussian, 1.5),
    "mitchellcubic": (_mitchell, 2.0),
    "lanczos3": (_lanczos(3), 3.0),
    "lanczos5": (_lanczos(5), 5.0),
}


def _spans(method: str, out: int, size: int) -> Matrix:
    """Weights by distance, those beyond the border left out, their sum 1."""
    kernel, radius = _KERNELS[method]
    scale = _F(1) / (_F(out) / _F(size))
    sample = (np.arange(out, dtype=_F) + _F(0.5)) * scale
    source = np.arange(size, dtype=_F)
    first = np.clip(np.ceil(sample - _F(radius) - _F(0.5)), 0, size - 1)[:, None]
    last = np.clip(np.floor(sample + _F(radius) - _F(0.5)), 0, size - 1)[:, None]
    weights = kernel(np.abs(source + _F(0.5) - sample[:, None]))
    return _normal(np.where((source >= first) & (source <= last), weights, _F(0)))


def _cubic(out: int, size: int) -> Matrix:
    """Keys' cubic, from a table of 1024 steps; sources beyond the border left out."""
    scale = _F(size) / _F(out)
    place = (np.arange(out, dtype=_F) + _F(0.5)) * scale - _F(0.5)
    whole = np.floor(place).astype(np.int64)
    step = np.rint((place - whole.astype(_F)) * _F(1024)).astype(_F) / _F(1024)
    a = _F(-0.5)

    def near(x: Any) -> Any:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Any) -> Any:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    weights = np.zeros((out, size), _F)
    taps = ((-1, far(step + 1)), (0, near(step)), (1, near(1 - step)), (2, far(2 - step)))
    for offset, weight in taps:
        rows = np.flatnonzero((whole + offset >= 0) & (whole + offset < size))
        weights[rows, whole[rows] + offset] = weight[rows]
    return _normal(weights)


def _area(out: int, size: int) -> Matrix:
    """The share of each source in an interval of the output."""
    scale = _F(size) / _F(out)
    start, end = (np.arange(count, count + out, dtype=_F)[:, None] * scale for count in (0, 1))
    source = np.arange(size, dtype=_F)
    share = np.minimum(source + 1, end) - np.maximum(source, start)
    shares: Matrix = (np.maximum(share, 0) / scale).astype(_F)
    return shares


def _normal(weights: Matrix) -> Matrix:
    total = weights.sum(axis=1, keepdims=True, dtype=_F)
    large = np.abs(total) >= 1000 * np.finfo(_F).tiny
    result: Matrix = np.divide(weights, total, out=weights.astype(_F), where=large)
    return result


@lru_cache(maxsize=64)
def weights(method: str, out: int, size: int) -> Matrix:
    """The weights by (place in the output, place in the input) of one axis.

    Raises:
        ValueError: the method is unknown, or the matrix would fill the memory.
    """
    if out * size > _LARGEST:
        raise ValueError(f"an axis of {size} cannot be resized to {out}: too large")
    if method == "bicubic":
        return _cubic(out, size)
    if method == "area":
        return _area(out, size)
    if method not in _KERNELS:
        raise ValueError(f"interpolation {method!r} is unknown")
    return _spans(method, out, size)


METHODS = ("area", "bicubic", "gaussian", "lanczos3", "lanczos5", "mitchellcubic")


def resize(images: Any, height: int, width: int, method: str) -> Any:
    """Resize images (..., h, w, channels) to another height and width, in float32, as ``tf.image.resize`` does."""
    if method in ("bilinear", "nearest"):
        return keras.ops.image.resize(images, (height, width), interpolation=method, data_format="channels_last")
    images = keras.ops.cast(images, "float32")
    rows, columns = weights(method, height, images.shape[-3]), weights(method, width, images.shape[-2])
    return keras.ops.einsum("hy,...yxc,wx->...hwc", rows, images, columns)
