"""Layers whose configs do not all go to the same class of Keras 3: some ask for what only this package has.

The rows of such variants stand in the table of layers under ``name:variant``; Keras 2 has one name for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_Test = Callable[[Mapping[str, Any]], bool]

RESAMPLED = "resampled"
# Keras 3 lacks three of these and has a bicubic of its own.
_RESAMPLING = frozenset(["area", "bicubic", "gaussian", "mitchellcubic"])


def _general(config: Mapping[str, Any]) -> bool:
    """Tell whether a batch normalization is more than Keras 3's."""
    axis = config.get("axis")
    several = isinstance(axis, list | tuple) and len(axis) > 1
    return several or bool(config.get("renorm")) or config.get("virtual_batch_size") is not None


def _resampled(config: Mapping[str, Any]) -> bool:
    return str(config.get("interpolation")).lower() in _RESAMPLING


def _time_major(config: Mapping[str, Any]) -> bool:
    return config.get("time_major") is True


def _weighted(config: Mapping[str, Any]) -> bool:
    return config.get("output_mode") in ("tf-idf", "tf_idf")


def _always(config: Mapping[str, Any]) -> bool:
    return True


def _normalizes(config: Mapping[str, Any]) -> bool:
    """Tell whether there is a batch normalization anywhere in a config."""
    return "BatchNormalization" in str(config)


# By name in Keras 2: the variants, each with what it is recognized by. The first that fits is taken.
_VARIANTS: Mapping[str, tuple[tuple[str, _Test], ...]] = {
    "BatchNormalization": (("general", _general),),
    "CategoryEncoding": (("weighted", _weighted),),
    "RandomCrop": (("middle", _always),),
    "TimeDistributed": (("joined", _normalizes),),
    "Resizing": ((RESAMPLED, _resampled),),
    "UpSampling2D": ((RESAMPLED, _resampled),),
    **dict.fromkeys(("RNN", "LSTM", "GRU", "SimpleRNN"), (("time_major", _time_major),)),
}


def variant(name: str, config: Mapping[str, Any]) -> str:
    """Return the key of the row for a layer by its name in Keras 2 and its config there."""
    for key, fits in _VARIANTS.get(name, ()):
        if fits(config):
            return f"{name}:{key}"
    return name


def plain_name(key: str) -> str:
    """Return the name in Keras 2 that a key stands for."""
    return key.partition(":")[0]
