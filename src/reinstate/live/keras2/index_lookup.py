"""What ``StringLookup`` and ``IntegerLookup`` share: tf.keras' ``IndexLookup``, on the host."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np

from reinstate.errors import UnsupportedError
from reinstate.live.keras2.host import (
    COUNT,
    INT,
    MULTI_HOT,
    ONE_HOT,
    TF_IDF,
    HostLayer,
    checked_mode,
    encode,
    encoded_shape,
)
from reinstate.live.keras2.host import output_dtype as dtype_of
from reinstate.live.keras2.strings import Array, Ragged, as_array, filled
from reinstate.live.keras2.vocabulary import Counts, Vocabulary, batches, lines_of, padded, split_special, without_path

_SAID = (
    "invert",
    "max_tokens",
    "num_oov_indices",
    "oov_token",
    "mask_token",
    "output_mode",
    "sparse",
    "pad_to_max_tokens",
)
_LIMIT = 2**28  # places; a file may say anything
_BATCH = 32  # rows that ``adapt`` takes at once from an array, as tf.keras does


class IndexLookup(HostLayer):
    """What both lookups share: a vocabulary, the places before it for the mask and for what is not in it."""

    idf_weights: Any
    _key_dtype: str  # of the tokens
    # Arguments that only Keras 3 has, with what is Keras 2's way beside the default.
    _later: ClassVar[Mapping[str, tuple[str, ...]]] = {"oov_method": ("floormod",), "salt": ()}

    def __init__(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Any,
        idf_weights: Any,
        invert: bool,
        output_mode: str,
        pad_to_max_tokens: bool,
        sparse: bool,
        dtype: Any,
        vocabulary_size: int | None = None,
        has_input_vocabulary: bool | None = None,
        **kwargs: Any,
    ) -> None:
        mode = checked_mode(type(self).__name__, output_mode, (INT, ONE_HOT, MULTI_HOT, COUNT, TF_IDF))
        super().__init__(dtype=dtype_of(dtype, mode), **kwargs)
        if max_tokens is not None and max_tokens <= 1:
            raise ValueError(f"max_tokens is {max_tokens}, not more than 1")
        if pad_to_max_tokens and max_tokens is None:
            raise ValueError("pad_to_max_tokens wants max_tokens to be set")
        if not 0 <= num_oov_indices <= _LIMIT or (max_tokens or 0) > _LIMIT:
            raise ValueError(f"num_oov_indices is {num_oov_indices}, max_tokens {max_tokens}; the most is {_LIMIT}")
        if invert and mode != INT:
            raise ValueError(f"invert goes with output_mode 'int', not {mode!r}")
        if sparse and mode == INT:
            raise ValueError("sparse does not go with output_mode 'int'")
        if idf_weights is not None and mode != TF_IDF:
            raise ValueError(f"idf_weights go with output_mode 'tf_idf', not {mode!r}")
        self.max_tokens, self.num_oov_indices, self.invert = max_tokens, num_oov_indices, invert
        self.mask_token, self.oov_token, self.output_mode = mask_token, oov_token, mode
        self.pad_to_max_tokens, self.sparse = pad_to_max_tokens, sparse
        self._size = vocabulary_size
        self._static = vocabulary is not None if has_input_vocabulary is None else has_input_vocabulary
        self._vocabulary = Vocabulary()
        self.reset_state()
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    # The vocabulary ------------------------------------------------------------------------------------------------

    @property
    def _mask_places(self) -> int:
        return int(self.mask_token is not None and self.output_mode == INT)

    @property
    def _start(self) -> int:
        """The index of the first token."""
        return self._mask_places + self.num_oov_indices

    def _special(self) -> list[Any]:
        return [self.mask_token] * self._mask_places + [self.oov_token] * self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens by their index, as ``str`` or ``int``."""
        tokens = [self._plain(token) for token in self._vocabulary.tokens]
        return [*self._special(), *tokens] if include_special_tokens else tokens

    def vocabulary_size(self) -> int:
        """The number of indices, those of the mask and of what is not in the vocabulary included."""
        return len(self._vocabulary.tokens) + self._start

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the tokens: a list or array, or the path of a file of one to a line.

        Raises:
            ValueError: tokens are repeated or reserved, or too many, or the weights do not go with them.
        """
        if (self.output_mode == TF_IDF) != (idf_weights is not None):
            raise ValueError("idf_weights are wanted in output_mode 'tf_idf', and nowhere else")
        tokens = self._tokens(lines_of(vocabulary) if isinstance(vocabulary, str | Path) else vocabulary)
        if not len(tokens):
            raise ValueError("the vocabulary is empty")
        found, tokens = split_special(tokens, [self._key(token) for token in self._special()])
        self._check(tokens)
        self._take(tokens)
        if idf_weights is not None:
            self._set_idf(np.asarray(idf_weights, np.float64), found)

    def _check(self, tokens: Sequence[Any]) -> None:
        if repeated := [self._plain(token) for token, count in Counter(tokens).items() if count > 1]:
            raise ValueError(f"tokens are repeated in the vocabulary: {repeated!r:.300}")
        reserved = {"mask_token": self.mask_token, "oov_token": self.oov_token if self.invert else None}
        for name, token in reserved.items():
            if token is not None and self._key(token) in tokens:
                raise ValueError(f"the {name} {token!r} stands in the vocabulary, and not at its start")
        if self.max_tokens is not None and len(tokens) + self._start > self.max_tokens:
            raise ValueError(f"{len(tokens) + self._start} tokens, more than max_tokens, {self.max_tokens}")

    def _take(self, tokens: Sequence[Any]) -> None:
        size = len(tokens) + self._start
        fixed = self.output_mode != INT and not self.pad_to_max_tokens
        if fixed and self._size is not None and self._vocabulary.tokens and size != self._size:
            raise RuntimeError(f"the layer has been made for {self._size} tokens, not {size}; set pad_to_max_tokens")
        self._vocabulary = Vocabulary(tuple(tokens))
        self._size = size

    def _set_idf(self, weights: Array, with_special: bool) -> None:
        wanted = len(self._vocabulary.tokens) + (self._start if with_special else 0)
        if weights.shape != (wanted,):
            raise ValueError(f"idf_weights have the shape {weights.shape}; one to a token is wanted, {wanted}")
        self._give_idf(padded(weights, 0 if with_special else self._start, self._depth()))

    def _give_idf(self, weights: Array) -> None:
        if hasattr(self, "idf_weights"):
            self.idf_weights.assign(weights)
            return
        given = weights.astype("float32")
        self.idf_weights = self.add_weight(
            name="idf_weights",
            shape=given.shape,
            initializer=lambda shape, dtype: keras.ops.cast(given, dtype),
            trainable=False,
        )
        self.idf_weights.said_in_config = True  # a file need not have it

    def _depth(self) -> int:
        """The number of places that are not integers have."""
        depth = self.max_tokens if self.pad_to_max_tokens else self._size
        if depth is None:
            raise RuntimeError(f"set the vocabulary of {self.name!r}, or adapt it, before it is called")
        return depth

    # Learning it from data -----------------------------------------------------------------------------------------

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary: the tokens by how often they are there, the most frequent first.

        Args:
            data: an array or list of samples, or something that gives batches.
            batch_size: the samples that are taken at once from an array.
            steps: how many batches are taken.
        """
        self.reset_state()
        for number, batch in enumerate(batches(data, batch_size or _BATCH)):
            if steps is not None and number >= steps:
                break
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch.

        Raises:
            ValueError: the vocabulary was given to the constructor.
        """
        if self._static:
            raise ValueError(f"{self.name!r} was given its vocabulary and cannot be adapted")
        self._counts.add(self._documents(data))

    def _documents(self, data: Any) -> list[list[Any]]:
        if isinstance(data, Ragged):
            return [list(row) for row in data.rows()]
        array = self._keys(data)
        return [list(row) for row in (array.reshape(1, -1) if array.ndim < 2 else array.reshape(len(array), -1))]

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted; without anything counted, do nothing."""
        if self._static or not self._counts.tokens:
            return
        tokens = self._counts.most_frequent(without=map(self._key, (self.mask_token, self.oov_token)))
        tokens = tokens if self.max_tokens is None else tokens[: self.max_tokens - self._start]
        self._take(tokens)
        if self.output_mode == TF_IDF:
            self._give_idf(padded(self._counts.idf(tokens), self._start, self._depth()))
        self.reset_state()

    def reset_state(self) -> None:
        """Forget what was counted, not the vocabulary."""
        self._counts = Counts()

    # Looking up ----------------------------------------------------------------------------------------------------

    def call(self, inputs: Any) -> Any:
        """Look tokens up, or with ``invert`` indices.

        Raises:
            ValueError: a token is not in the vocabulary, and there is no index for such.
        """
        if isinstance(inputs, Ragged):
            ids = self._ids(inputs.values)
            if self.output_mode == INT:
                return Ragged(ids.astype(self.compute_dtype), inputs.lengths)
            return self._encoded(Ragged(ids, inputs.lengths).dense(-1))
        if self.invert:
            return self._tokens_of(np.asarray(as_array(inputs), np.int64))
        return self._encoded(self._ids(self._keys(inputs)))

    def _encoded(self, ids: Array) -> Array:
        depth = 0 if self.output_mode == INT else self._depth()
        weights = np.asarray(self.idf_weights.value) if self.output_mode == TF_IDF else None
        return encode(ids, self.output_mode, depth, self.compute_dtype, weights)

    def _ids(self, keys: Array) -> Array:
        found = self._vocabulary.find(keys)
        ids = np.where(found < 0, -1, found + self._start)
        masked = self._equal(keys, self.mask_token)
        missing = (ids < 0) & ~masked
        if missing.any():
            ids[missing] = self._outside(keys[missing])
        # The index of the mask is 0, and where tokens are counted it does not count.
        return np.where(masked, 0 if self.output_mode == INT else -1, ids)

    def _outside(self, keys: Array) -> Array:
        if self.num_oov_indices == 0:
            raise ValueError(f"not in the vocabulary of {self.name!r}: {list(keys[:10])}; set num_oov_indices=1")
        buckets = self._buckets(keys) if self.num_oov_indices > 1 else 0
        return np.full(keys.shape, self._mask_places, np.int64) + buckets

    def _equal(self, keys: Array, token: Any) -> Array:
        if token is None:
            return np.zeros(keys.shape, bool)
        return np.asarray(keys == self._key(token), bool)

    def _tokens_of(self, ids: Array) -> Array:
        tokens = filled((len(self._vocabulary.tokens),), self._vocabulary.tokens)
        inside = (ids >= self._start) & (ids < self._start + len(tokens))
        result = np.full(ids.shape, self._key(self.oov_token), object)
        result[inside] = tokens[ids[inside] - self._start]
        if self.mask_token is not None:
            result[ids == 0] = self._key(self.mask_token)
        return result if self._key_dtype == "string" else result.astype(self._key_dtype)

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        """The shape and dtype for symbolic inputs."""
        if self.invert:
            return keras.KerasTensor(inputs.shape, self._key_dtype)
        depth = None if self.output_mode == INT else self._depth()
        return keras.KerasTensor(encoded_shape(tuple(inputs.shape), self.output_mode, depth), self.compute_dtype)

    # Config --------------------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor; the vocabulary as it is now, and the weights that go with it."""
        return {**super().get_config(), **{name: getattr(self, name) for name in _SAID}, **self._said_vocabulary()}

    def _said_vocabulary(self) -> dict[str, Any]:
        known, weights = bool(self._vocabulary.tokens), getattr(self, "idf_weights", None)
        vocabulary = self.get_vocabulary(include_special_tokens=weights is not None) if known else None
        idf = None if weights is None else np.asarray(weights.value, np.float64)[: self.vocabulary_size()].tolist()
        return {
            "vocabulary": vocabulary,
            "idf_weights": idf,
            "vocabulary_size": self._size,
            "has_input_vocabulary": self._static,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make the layer again.

        Raises:
            UnsafeError: the vocabulary is the path of a file: a config may not name one.
        """
        other = {key: config[key] for key, usual in cls._later.items() if config.get(key) not in (None, *usual)}
        if other:
            raise UnsupportedError(f"{cls.__name__} has no {other}: only Keras 3 with TensorFlow has")
        return cls(**{key: value for key, value in without_path(config).items() if key not in cls._later})

    def load_own_variables(self, store: Any) -> None:
        """Take the weights of a ``.keras`` archive; that of Keras' own layer names them."""
        key = next((key for key in ("idf_weights", "0") if key in store), None)
        if key is not None:
            self._give_idf(np.asarray(store[key]))

    def load_assets(self, directory: str | None) -> None:
        """Take the vocabulary of a ``.keras`` archive, where Keras' own layer has written one."""
        path = Path(directory or "", "vocabulary.txt")
        if directory and not self._vocabulary.tokens and path.is_file():
            tokens = self._tokens(lines_of(path))
            self._take(split_special(tokens, [self._key(token) for token in self._special()])[1])

    # What tokens are -----------------------------------------------------------------------------------------------

    def _key(self, token: Any) -> Any:
        """A token as it is looked up."""
        raise NotImplementedError

    def _plain(self, key: Any) -> Any:
        """A token as it is shown."""
        raise NotImplementedError

    def _keys(self, inputs: Any) -> Array:
        """Inputs as an array of tokens."""
        raise NotImplementedError

    def _tokens(self, vocabulary: Any) -> list[Any]:
        """A vocabulary as a list of tokens."""
        return list(self._keys(vocabulary).ravel())

    def _buckets(self, keys: Array) -> Array:
        """The places, from 0, of tokens that are not in the vocabulary."""
        raise NotImplementedError
