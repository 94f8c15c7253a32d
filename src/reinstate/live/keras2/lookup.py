"""``StringLookup`` and ``IntegerLookup`` as tf.keras has them, on the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import keras
import numpy as np

from reinstate.graph.fingerprints import fingerprint64
from reinstate.live.keras2.host import INT
from reinstate.live.keras2.index_lookup import IndexLookup
from reinstate.live.keras2.strings import Array, as_array, as_strings


@keras.saving.register_keras_serializable(package="reinstate")
class StringLookup(IndexLookup):
    """Strings to the indices of a vocabulary, or with ``invert`` back to (bytes of) strings.

    What is not in the vocabulary goes to one of ``num_oov_indices`` places before it, by FarmHash64. In the other
    modes ('one_hot', 'multi_hot', 'count', 'tf_idf') the last axis is counted; ``sparse`` outputs come dense.
    """

    _key_dtype = "string"
    _later: ClassVar[Mapping[str, tuple[str, ...]]] = {"oov_method": ("floormod", "farmhash"), "salt": ()}

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        encoding: str | None = "utf-8",
        invert: bool = False,
        output_mode: str = INT,
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        self.encoding = encoding or "utf-8"
        super().__init__(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            vocabulary,
            idf_weights,
            invert,
            output_mode,
            pad_to_max_tokens,
            sparse,
            dtype,
            **kwargs,
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, the vocabulary as it is now."""
        return {**super().get_config(), "encoding": self.encoding}

    def _key(self, token: Any) -> Any:
        return token.encode(self.encoding, "surrogateescape") if isinstance(token, str) else token

    def _plain(self, key: Any) -> Any:
        return key.decode(self.encoding, "surrogateescape")

    def _keys(self, inputs: Any) -> Array:
        return as_strings(as_array(inputs))

    def _tokens(self, vocabulary: Any) -> list[Any]:
        return [self._key(token) for token in np.asarray(vocabulary, object).ravel()]

    def _buckets(self, keys: Array) -> Array:
        flat, back = np.unique(keys, return_inverse=True)
        places = fingerprint64(list(flat)) % np.uint64(self.num_oov_indices)
        result: Array = places.astype(np.int64)[back.ravel()]
        return result


@keras.saving.register_keras_serializable(package="reinstate")
class IntegerLookup(IndexLookup):
    """Integers to the indices of a vocabulary, or with ``invert`` back to integers.

    What is not in the vocabulary goes to one of ``num_oov_indices`` places before it, by its remainder. The other
    modes are those of ``StringLookup``.
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = INT,
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        if vocabulary_dtype not in ("int32", "int64"):
            raise ValueError(f"vocabulary_dtype is int32 or int64, not {vocabulary_dtype!r}")
        self.vocabulary_dtype = self._key_dtype = vocabulary_dtype
        super().__init__(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            vocabulary,
            idf_weights,
            invert,
            output_mode,
            pad_to_max_tokens,
            sparse,
            dtype,
            **kwargs,
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, the vocabulary as it is now."""
        return {**super().get_config(), "vocabulary_dtype": self.vocabulary_dtype}

    def _key(self, token: Any) -> Any:
        return None if token is None else int(token)

    def _plain(self, key: Any) -> Any:
        return int(key)

    def _keys(self, inputs: Any) -> Array:
        array = np.asarray(as_array(inputs))
        if array.dtype == object:
            raise TypeError("IntegerLookup takes integers, not strings")
        return array.astype(self._key_dtype)

    def _tokens(self, vocabulary: Any) -> list[Any]:
        return [int(token) for token in np.asarray(vocabulary).ravel()]

    def _buckets(self, keys: Array) -> Array:
        return np.mod(keys, self.num_oov_indices).astype(np.int64)


OBJECTS = {"reinstate>StringLookup": StringLookup, "reinstate>IntegerLookup": IntegerLookup}
