"""Strings as TensorFlow's ops treat them: arrays of bytes (UTF-8), and rows of different lengths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reinstate.errors import UnsupportedError
from reinstate.graph.strings import Array as Array
from reinstate.graph.strings import each as each
from reinstate.graph.strings import filled as filled
from reinstate.live import _keras

_PUNCTUATION = b"!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"


@dataclass(frozen=True, slots=True)
class Ragged:
    """Rows of different lengths: all values one after the other, and how many each row has."""

    values: Array
    lengths: Array

    def dense(self, fill: Any, width: int | None = None) -> Array:
        """Rows filled up (or cut off) to ``width``, or to the longest, as an array of shape (rows, width)."""
        width = int(self.lengths.max(initial=0)) if width is None else width
        result = np.full((len(self.lengths), width), fill, self.values.dtype)
        row = np.repeat(np.arange(len(self.lengths)), self.lengths)
        column = np.arange(len(self.values)) - np.repeat(np.cumsum(self.lengths) - self.lengths, self.lengths)
        kept = column < width
        result[row[kept], column[kept]] = self.values[kept]
        return result

    def rows(self) -> list[Array]:
        """Each row as an array."""
        return np.split(self.values, np.cumsum(self.lengths)[:-1]) if len(self.lengths) else []


def as_array(value: Any) -> Array:
    """The value on the host: strings as an array of bytes, numbers as they are.

    Raises:
        UnsupportedError: it is being traced, so that it has no values yet.
    """
    if _keras.is_traced(value):
        raise UnsupportedError(
            "strings and hashes are computed on the host, not under jit; see reinstate.layers.on_host"
        )
    array = np.asarray(value)
    return as_strings(array) if array.dtype.kind in "OSUT" else array


def as_strings(value: Any) -> Array:
    """Text, in any of numpy's forms, as an array of bytes in UTF-8.

    Raises:
        TypeError: there is something else among it.
    """
    array = np.asarray(value)
    if array.dtype.kind not in "OSUT" and array.size:
        raise TypeError(f"strings are wanted, not {array.dtype}")
    return filled(array.shape, map(_encoded, array.astype(object).ravel()))


def _encoded(item: Any) -> bytes:
    if isinstance(item, str):
        return item.encode("utf-8", "surrogateescape")
    if isinstance(item, bytes):
        return bytes(item)
    raise TypeError(f"a string is wanted, not {item!r:.100}")


def text_of_numbers(numbers: Array) -> Array:
    """Integers as decimal text: what ``tf.as_string`` gives."""
    return each(numbers.astype(object), lambda number: str(int(number)).encode())


def lower(strings: Array) -> Array:
    """``tf.strings.lower`` in its default encoding: only the letters of ASCII."""
    return each(strings, bytes.lower)


def strip_punctuation(strings: Array) -> Array:
    """Every string without the punctuation of ASCII."""
    return each(strings, lambda text: text.translate(None, _PUNCTUATION))


def split_words(strings: Array) -> Ragged:
    """``tf.strings.split``: at the whitespace of ASCII, of any length; that of Unicode is a part of words."""
    return ragged(text.split() for text in strings.ravel())


def split_characters(strings: Array) -> Ragged:
    """``tf.strings.unicode_split`` of UTF-8; what is none becomes U+FFFD."""
    return ragged([c.encode() for c in text.decode("utf-8", "replace")] for text in strings.ravel())


def ragged(rows: Iterable[Iterable[bytes]]) -> Ragged:
    """Lists of strings as rows."""
    lists = [list(row) for row in rows]
    values = [item for row in lists for item in row]
    return Ragged(filled((len(values),), values), np.fromiter(map(len, lists), np.int64, len(lists)))


def ngrams(rows: Ragged, widths: Sequence[int]) -> Ragged:
    """``tf.strings.ngrams``: of each row all of the first width, then all of the next, joined by a blank."""
    return ragged(
        [b" ".join(row[at : at + width]) for width in widths for at in range(len(row) - width + 1)]
        for row in rows.rows()
    )
