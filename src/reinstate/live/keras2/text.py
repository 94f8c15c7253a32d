"""``TextVectorization`` as tf.keras has it, on the host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from reinstate.live.keras2.host import COUNT, INT, MULTI_HOT, TF_IDF, HostLayer, checked_mode
from reinstate.live.keras2.lookup import StringLookup
from reinstate.live.keras2.strings import (
    Array,
    Ragged,
    as_array,
    as_strings,
    lower,
    ngrams,
    ragged,
    split_characters,
    split_words,
    strip_punctuation,
)
from reinstate.live.keras2.vocabulary import batches, without_path

_STANDARDIZE: dict[Any, Callable[[Array], Array]] = {
    None: lambda strings: strings,
    "lower": lower,
    "strip_punctuation": strip_punctuation,
    "lower_and_strip_punctuation": lambda strings: strip_punctuation(lower(strings)),
}
_SPLIT: dict[Any, Callable[[Array], Ragged]] = {"whitespace": split_words, "character": split_characters}
_BATCH = 32


@keras.saving.register_keras_serializable(package="reinstate")
class TextVectorization(HostLayer):
    """Texts to the indices of their words, or to counts of them.

    A text is standardized, split, joined to ``ngrams``, and looked up: '' is 0, what is not in the vocabulary 1. Rows
    are filled up with 0 to ``output_sequence_length``, without it to the longest of the batch; so are ``ragged`` ones.
    ``standardize`` and ``split`` may be functions: of an array of str to such an array, or to a list of lists of them.
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: Any = "lower_and_strip_punctuation",
        split: Any = "whitespace",
        ngrams: int | Sequence[int] | None = None,
        output_mode: str | None = INT,
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        dtype: Any = "string",
        vocabulary_size: int | None = None,
        has_input_vocabulary: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(dtype="string", **kwargs)  # whatever else files of Keras 3 say
        mode = checked_mode("TextVectorization", output_mode, (INT, COUNT, MULTI_HOT, TF_IDF, None))
        if not (callable(standardize) or standardize in _STANDARDIZE):
            raise ValueError(f"standardize is {standardize!r}")
        if not (callable(split) or split is None or split in _SPLIT):
            raise ValueError(f"split is {split!r}")
        if mode != INT and output_sequence_length is not None:
            raise ValueError("output_sequence_length goes with output_mode 'int'")
        if ragged and (mode != INT or output_sequence_length is not None):
            raise ValueError("ragged goes with output_mode 'int' and no output_sequence_length")
        self.standardize, self.split, self.output_mode = standardize, split, mode
        self.ngrams = tuple(ngrams) if isinstance(ngrams, list) else ngrams
        self.output_sequence_length, self.ragged = output_sequence_length, ragged
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens,
            mask_token="",
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            encoding=encoding,
            output_mode=mode or INT,
            pad_to_max_tokens=pad_to_max_tokens,
            sparse=sparse,
            vocabulary_size=vocabulary_size,
            has_input_vocabulary=has_input_vocabulary,
        )

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The tokens by their index."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """The number of indices, those of padding and of what is not in the vocabulary included."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the tokens, as ``StringLookup`` does."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary from texts, as ``StringLookup`` does; each text is a document."""
        self.reset_state()
        for number, batch in enumerate(batches(data, batch_size or _BATCH)):
            if steps is not None and number >= steps:
                break
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch of texts."""
        self._lookup_layer.update_state(self._preprocess(data))

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forget what was counted, not the vocabulary."""
        self._lookup_layer.reset_state()

    def call(self, inputs: Any) -> Array:
        """Vectorize texts of shape (batch,) or (batch, 1); without ``split``, tokens of any shape."""
        tokens = self._preprocess(inputs)
        if self.output_mode is None:
            return tokens.dense(b"") if isinstance(tokens, Ragged) else tokens
        found = self._lookup_layer(tokens)
        if isinstance(found, Ragged):
            return found.dense(0, self.output_sequence_length)
        if self.output_mode != INT or self.output_sequence_length is None:
            return np.asarray(found)
        flat = found.reshape(-1, found.shape[-1])
        lengths = np.full(len(flat), flat.shape[1])
        rows = Ragged(flat.ravel(), lengths).dense(0, self.output_sequence_length)
        return rows.reshape(*found.shape[:-1], self.output_sequence_length)

    def _preprocess(self, inputs: Any) -> Array | Ragged:
        strings = as_strings(as_array(inputs))
        if callable(self.standardize):
            strings = as_strings(self.standardize(_text(strings)))
        else:
            strings = _STANDARDIZE[self.standardize](strings)
        tokens: Array | Ragged = strings if self.split is None else self._splitted(strings)
        return tokens if self.ngrams is None else self._joined(tokens)

    def _splitted(self, strings: Array) -> Ragged:
        if strings.ndim > 1:
            if strings.shape[-1] != 1:
                raise ValueError(f"texts to be split have the shape (batch,) or (batch, 1), not {strings.shape}")
            strings = strings[..., 0]
        if callable(self.split):
            return ragged(as_strings(np.asarray(row, object)).ravel() for row in self.split(_text(strings)))
        return _SPLIT[self.split](strings)

    def _joined(self, tokens: Array | Ragged) -> Array | Ragged:
        widths = range(1, self.ngrams + 1) if isinstance(self.ngrams, int) else tuple(self.ngrams or ())
        if isinstance(tokens, Ragged):
            return ngrams(tokens, widths)
        rows = tokens.reshape(-1, tokens.shape[-1])
        joined = ngrams(Ragged(rows.ravel(), np.full(len(rows), rows.shape[1])), widths).dense(b"")
        return joined.reshape(*tokens.shape[:-1], -1)

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        """The shape and dtype for symbolic inputs."""
        shape = tuple(inputs.shape)
        if self.split is not None:
            shape = (*(shape[:-1] if len(shape) > 1 else shape), None)
        elif self.ngrams is not None:
            shape = (*shape[:-1], None)
        if self.output_mode is None:
            return keras.KerasTensor(shape, "string")
        if self.output_mode == INT:
            length = self.output_sequence_length
            return keras.KerasTensor(shape if length is None else (*shape[:-1], length), "int64")
        return self._lookup_layer.compute_output_spec(keras.KerasTensor(shape, "string"))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor; the vocabulary as it is now."""
        inner = self._lookup_layer.get_config()
        shared = "max_tokens pad_to_max_tokens sparse encoding vocabulary idf_weights vocabulary_size"
        own = "ngrams output_mode output_sequence_length ragged"
        return {
            **super().get_config(),
            **{key: inner[key] for key in (*shared.split(), "has_input_vocabulary")},
            **{key: getattr(self, key) for key in own.split()},
            "standardize": _said(self.standardize),
            "split": _said(self.split),
        }

    def load_own_variables(self, store: Any) -> None:
        """Take the weights of a ``.keras`` archive of Keras' own layer."""
        self._lookup_layer.load_own_variables(store)

    def load_assets(self, directory: str | None) -> None:
        """Take the vocabulary of a ``.keras`` archive of Keras' own layer."""
        self._lookup_layer.load_assets(directory)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make the layer again.

        Raises:
            UnsafeError: the vocabulary is the path of a file: a config may not name one.
        """
        functions: dict[str, Any] = {key: _function(config[key]) for key in ("standardize", "split") if key in config}
        return cls(**{**without_path(config), **functions})


def _text(strings: Array) -> Array:
    """Bytes as text, for functions of the caller's."""
    return np.asarray([item.decode("utf-8", "replace") for item in strings.ravel()], str).reshape(strings.shape)


def _said(value: Any) -> Any:
    return keras.saving.serialize_keras_object(value) if callable(value) else value


def _function(value: Any) -> Any:
    if value is None or (isinstance(value, str) and (value in _STANDARDIZE or value in _SPLIT)):
        return value
    return keras.saving.deserialize_keras_object(value)


OBJECTS = {"reinstate>TextVectorization": TextVectorization}
