"""``CategoryCrossing`` of TF 2.3 to 2.5, and its ``CategoryEncoding``, which could weigh counts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from typing import Any

import keras
import numpy as np

from reinstate.live.keras2.host import COUNT, MULTI_HOT, TF_IDF, HostLayer, checked_mode, encode
from reinstate.live.keras2.strings import Array, as_array, filled, text_of_numbers


@keras.saving.register_keras_serializable(package="reinstate")
class CategoryCrossing(HostLayer):
    """Join the features of a sample, each of shape (batch, n), to strings: every combination of their values.

    ``depth``: how many features are joined, a number for all up to it, or several numbers; None for all features.
    """

    def __init__(self, depth: int | Sequence[int] | None = None, separator: str | None = "_X_", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.depth = tuple(depth) if isinstance(depth, list) else depth
        self.separator = "_X_" if separator is None else separator

    def call(self, inputs: Any) -> Array:
        """Cross strings or integers; gives bytes of shape (batch, combinations)."""
        arrays = [_strings(item) for item in inputs]
        columns = [
            _crossed(chosen, self.separator.encode())
            for d in self._depths(len(arrays))
            for chosen in combinations(arrays, d)
        ]
        return np.concatenate(columns, axis=1)

    def _depths(self, count: int) -> tuple[int, ...]:
        depths = self.depth or (count,)
        depths = tuple(range(1, depths + 1)) if isinstance(depths, int) else tuple(depths)
        if max(depths) > count:
            raise ValueError(f"depth {max(depths)} of {count} inputs")
        return depths

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        """The shape and dtype for symbolic inputs."""
        widths = [1 if len(item.shape) == 1 else item.shape[1] for item in inputs]
        known = None not in widths
        crossings = [chosen for depth in self._depths(len(widths)) for chosen in combinations(widths, depth)]
        width = sum(int(np.prod(chosen)) for chosen in crossings) if known else None
        return keras.KerasTensor((inputs[0].shape[0], width), "string")

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "depth": self.depth, "separator": self.separator}


def _strings(value: Any) -> Array:
    array = as_array(value)
    array = array if array.dtype == object else text_of_numbers(array)
    return array[:, np.newaxis] if array.ndim == 1 else array


def _crossed(arrays: Sequence[Array], separator: bytes) -> Array:
    rows = [[separator.join(values) for values in product(*row)] for row in zip(*arrays, strict=True)]
    return filled((len(rows), len(rows[0]) if rows else 0), (item for row in rows for item in row))


@keras.saving.register_keras_serializable(package="reinstate")
class WeightedCategoryEncoding(HostLayer):
    """The ``CategoryEncoding`` of TF 2.3 to 2.5 in its mode 'tf_idf': counts of shape (batch, num_tokens), weighted."""

    def __init__(self, num_tokens: int, output_mode: str = TF_IDF, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_tokens = num_tokens
        self.output_mode = checked_mode("CategoryEncoding", output_mode, (MULTI_HOT, COUNT, TF_IDF))
        if self.output_mode == TF_IDF:
            self.tf_idf_weights = self.add_weight(name="idf", shape=(num_tokens,), initializer="zeros", trainable=False)

    def call(self, inputs: Any) -> Array:
        """Count integers of shape (batch, n)."""
        ids = np.asarray(as_array(inputs), np.int64)
        weights = np.asarray(self.tf_idf_weights.value) if self.output_mode == TF_IDF else None
        ids = ids[:, np.newaxis] if ids.ndim == 1 else ids
        return encode(ids, self.output_mode, self.num_tokens, self.compute_dtype, weights)

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        """The shape and dtype for symbolic inputs."""
        return keras.KerasTensor((inputs.shape[0], self.num_tokens), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**super().get_config(), "num_tokens": self.num_tokens, "output_mode": self.output_mode}


OBJECTS = {
    "reinstate>CategoryCrossing": CategoryCrossing,
    "reinstate>WeightedCategoryEncoding": WeightedCategoryEncoding,
}
