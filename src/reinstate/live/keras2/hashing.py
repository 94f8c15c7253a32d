"""``Hashing`` and ``HashedCrossing`` as tf.keras has them, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import keras
import numpy as np

from reinstate.errors import UnsupportedError
from reinstate.graph.fingerprints import Words, fingerprint64, fingerprint_cat, siphash
from reinstate.live.keras2.host import COUNT, INT, MULTI_HOT, ONE_HOT, HostLayer, checked_mode, encode, encoded_shape
from reinstate.live.keras2.host import output_dtype as dtype_of
from reinstate.live.keras2.strings import Array, as_array, as_strings, text_of_numbers

_CROSSING_KEY = 0xDECAFCAFFE  # TensorFlow's default


@keras.saving.register_keras_serializable(package="reinstate")
class Hashing(HostLayer):
    """Put strings or integers into bins: FarmHash64 without a salt, SipHash64 with one (a number, or a pair).

    With ``mask_value`` bin 0 is for that value alone. ``output_mode``: 'int', 'one_hot', 'multi_hot' or 'count';
    ``sparse`` outputs come dense. Takes and gives any shape in mode 'int'.
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: int | Sequence[int] | None = None,
        output_mode: str = INT,
        sparse: bool = False,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        self.output_mode = checked_mode("Hashing", output_mode, (INT, ONE_HOT, MULTI_HOT, COUNT))
        super().__init__(dtype=dtype_of(dtype, self.output_mode, old_float=True), **kwargs)
        if not isinstance(num_bins, int) or num_bins <= 0:
            raise ValueError(f"num_bins is {num_bins!r}, not a positive number")
        self.num_bins, self.mask_value, self.sparse = num_bins, mask_value, sparse
        self.salt = _pair(salt)

    def call(self, inputs: Any) -> Array:
        """Hash strings or integers."""
        values = as_array(inputs)
        if values.dtype.kind == "f":
            raise TypeError("Hashing takes strings and integers, not floats")
        masked = self.mask_value is not None and self.num_bins > 1
        bins = _hashed(values, self.salt) % np.uint64(self.num_bins - masked)
        ids = bins.astype(np.int64).reshape(values.shape)
        if masked:
            key = self.mask_value.encode() if isinstance(self.mask_value, str) else self.mask_value
            ids = np.where(values == key, 0, ids + 1)
        return encode(ids, self.output_mode, self.num_bins, self.compute_dtype)

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        """The shape and dtype for symbolic inputs."""
        shape = encoded_shape(inputs.shape, self.output_mode, self.num_bins)
        return keras.KerasTensor(shape, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        own = {key: getattr(self, key) for key in ("num_bins", "mask_value", "output_mode", "sparse")}
        return {**super().get_config(), **own, "salt": None if self.salt is None else list(self.salt)}


def _pair(salt: Any) -> tuple[int, int] | None:
    if salt is None:
        return None
    pair = (salt, salt) if isinstance(salt, int) else tuple(salt)
    if len(pair) != 2 or not all(isinstance(part, int) for part in pair):
        raise ValueError(f"salt is a number or two, not {salt!r}")
    return (pair[0] % 2**64, pair[1] % 2**64)


def _hashed(values: Array, salt: tuple[int, int] | None) -> Words:
    texts = values if values.dtype == object else text_of_numbers(values)
    flat, back = np.unique(texts.ravel(), return_inverse=True)
    hashes = fingerprint64(list(flat)) if salt is None else siphash(list(flat), salt)
    found: Words = hashes[back.ravel()]
    return found


@keras.saving.register_keras_serializable(package="reinstate")
class HashedCrossing(HostLayer):
    """Hash several features of a sample together into bins; each input of shape (), (batch,) or (batch, 1)."""

    def __init__(
        self, num_bins: int, output_mode: str = INT, sparse: bool = False, dtype: Any = None, **kwargs: Any
    ) -> None:
        self.output_mode = checked_mode("HashedCrossing", output_mode, (INT, ONE_HOT))
        super().__init__(dtype=dtype_of(dtype, self.output_mode), **kwargs)
        if not isinstance(num_bins, int) or num_bins <= 0:
            raise ValueError(f"num_bins is {num_bins!r}, not a positive number")
        self.num_bins, self.sparse = num_bins, sparse

    def call(self, inputs: Any) -> Array:
        """Cross strings or integers."""
        if not isinstance(inputs, list | tuple) or len(inputs) < 2:
            raise ValueError("HashedCrossing takes a list of at least two inputs")
        arrays = [as_array(item) for item in inputs]
        shape = arrays[0].shape
        if len(shape) > 2 or (len(shape) == 2 and shape[1] != 1) or any(a.shape != shape for a in arrays):
            raise ValueError(f"inputs of one shape, (), (batch,) or (batch, 1), not {[a.shape for a in arrays]}")
        size = arrays[0].size
        start = np.full(size, _CROSSING_KEY, np.uint64)
        crossed = reduce(fingerprint_cat, map(_feature, arrays), start)
        ids = (crossed % np.uint64(self.num_bins)).astype(np.int64).reshape(shape)
        return encode(ids, self.output_mode, self.num_bins, self.compute_dtype)

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        """The shape and dtype for symbolic inputs."""
        shape = encoded_shape(tuple(inputs[0].shape), self.output_mode, self.num_bins)
        return keras.KerasTensor(shape, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        own = {key: getattr(self, key) for key in ("num_bins", "output_mode", "sparse")}
        return {**super().get_config(), **own}


def _feature(values: Array) -> Words:
    """What a value adds to a crossing: the fingerprint of a string, an integer itself."""
    if values.dtype == object:
        return fingerprint64(list(as_strings(values).ravel()))
    if values.dtype.kind not in "iub":
        raise UnsupportedError(f"HashedCrossing takes strings and integers, not {values.dtype}")
    return values.astype(np.int64).ravel().view(np.uint64)


OBJECTS = {"reinstate>Hashing": Hashing, "reinstate>HashedCrossing": HashedCrossing}
