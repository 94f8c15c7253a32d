"""Image layers: sizes, upsampling, and random augmentation."""

from __future__ import annotations

from typing import Any

from reinstate.config.fields import layer
from reinstate.config.lens import Choice, Context, Convert, Forget, Late, Lens, New, Row

_CHANNELS_LAST = New("data_format", unsaid=("channels_last", None))
_METHODS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
_RANDOM: tuple[Lens, ...] = (Forget(frozenset(["rng_type"])), _CHANNELS_LAST)
_FILLED = (*_RANDOM, Late("fill_value", 0.0))


def _both_sides(value: Any, context: Context) -> Any:
    # One number is (f, f) to Keras 2, and (0, f) to Keras 3.
    return [value, value] if isinstance(value, int | float) else value


def _one_number(value: Any, context: Context) -> Any:
    if isinstance(value, list | tuple) and len(value) == 2 and value[0] == value[1]:
        return value[0]
    return value


def _unsigned(value: Any, context: Context) -> Any:
    if isinstance(value, list | tuple) and len(value) == 2 and value[0] == -value[1]:
        return value[1]
    return value


def _same(value: Any, context: Context) -> Any:
    return value


IMAGE_LAYERS: dict[str, Row] = {
    "UpSampling1D": layer("UpSampling1D", "size"),
    "UpSampling2D": layer("UpSampling2D", "size data_format", Choice("interpolation", _METHODS)),
    "UpSampling3D": layer("UpSampling3D", "size data_format"),
    "Resizing": layer(
        "Resizing",
        "height width",
        Choice("interpolation", _METHODS),
        Late("crop_to_aspect_ratio", False),
        _CHANNELS_LAST,
        New("pad_to_aspect_ratio", unsaid=(False,)),
        New("fill_mode", unsaid=None),
        New("fill_value", unsaid=None),
        New("antialias", unsaid=(False,)),
    ),
    "CenterCrop": layer("CenterCrop", "height width", _CHANNELS_LAST),
    "RandomCrop": layer("RandomCrop", "height width seed", *_RANDOM),
    "RandomFlip": layer("RandomFlip", "mode seed", *_RANDOM),
    "RandomTranslation": layer(
        "RandomTranslation", "height_factor width_factor fill_mode interpolation seed", *_FILLED
    ),
    "RandomRotation": layer(
        "RandomRotation", "fill_mode interpolation seed", Convert("factor", _same, _unsigned), *_FILLED
    ),
    "RandomZoom": layer("RandomZoom", "height_factor width_factor fill_mode interpolation seed", *_FILLED),
    "RandomContrast": layer(
        "RandomContrast", "seed", Convert("factor", _both_sides, _one_number), *_RANDOM, New("value_range", unsaid=None)
    ),
    "RandomBrightness": layer("RandomBrightness", "value_range seed", Convert("factor", _same, _unsigned), *_RANDOM),
}
