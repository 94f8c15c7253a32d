"""The base of layers that compute in numpy, on the host, because JAX has no strings."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from reinstate.live import _keras
from reinstate.live.keras2.strings import Array

INT, ONE_HOT, MULTI_HOT, COUNT, TF_IDF = "int", "one_hot", "multi_hot", "count", "tf_idf"
_OLD_MODES = {"binary": MULTI_HOT, "tf-idf": TF_IDF}


class HostLayer(keras.layers.Layer):  # type: ignore[misc]
    """A layer whose ``call`` takes and gives numpy arrays, strings among them."""

    runs_on_host = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        _keras.take_anything(self)
        self.built = True


def checked_mode(layer: str, mode: str | None, allowed: tuple[str | None, ...]) -> Any:
    """The output mode in its present spelling.

    Raises:
        ValueError: the layer has no such mode.
    """
    mode = _OLD_MODES.get(mode, mode) if mode is not None else None
    if mode not in allowed:
        raise ValueError(f"{layer} has no output_mode {mode!r}; it has {', '.join(map(repr, allowed))}")
    return mode


def output_dtype(dtype: Any, mode: str | None, old_float: bool = False) -> Any:
    """The dtype of a layer: integers for 'int', else floats; ``old_float``: 'int' ignores a float, as it used to."""
    if dtype is None:
        return "int64" if mode == INT else keras.config.floatx()
    name = keras.dtype_policies.get(dtype).compute_dtype
    if mode != INT or name.startswith(("int", "uint")):
        return dtype
    if old_float:
        return "int64"
    raise ValueError(f"output_mode 'int' gives integers, not {name}")


def encoded_shape(shape: tuple[int | None, ...], mode: str, depth: int | None) -> tuple[int | None, ...]:
    """The shape of what ``encode`` gives for indices of this shape."""
    if mode == INT:
        return shape
    if not shape:
        return (depth,)
    return (*shape, depth) if mode == ONE_HOT and shape[-1] != 1 else (*shape[:-1], depth)


def encode(ids: Array, mode: str, depth: int, dtype: Any, weights: Array | None = None) -> Array:
    """Indices as they are, or counted over the last axis into ``depth`` places; those outside count nowhere.

    Raises:
        ValueError: the result would have more than two axes.
    """
    if mode == INT:
        return ids.astype(dtype)
    ids = ids.reshape(1) if ids.ndim == 0 else ids
    ids = ids[..., np.newaxis] if mode == ONE_HOT and ids.shape[-1] != 1 else ids
    if ids.ndim > 2:
        raise ValueError(f"output_mode {mode!r} takes at most two axes, not the shape {ids.shape}")
    rows = ids.reshape(-1, ids.shape[-1])
    row, column = np.nonzero((rows >= 0) & (rows < depth))
    counts = np.zeros((len(rows), depth), np.float64)
    if mode in (ONE_HOT, MULTI_HOT):
        counts[row, rows[row, column]] = 1
    else:
        np.add.at(counts, (row, rows[row, column]), 1)
    result = counts.astype(dtype)
    return (result if weights is None else result * weights.astype(dtype)).reshape(*ids.shape[:-1], depth)
