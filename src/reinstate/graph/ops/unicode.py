# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Code points of strings, on the host."""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from reinstate.errors import MismatchError, UnsupportedError
from reinstate.graph.rules import Static, op, require
from reinstate.graph.strings import each, filled

_INVALID = "\ud800"  # stands for bytes that are no text: decoding never gives it otherwise
_LAST = 0x10FFFF


class _Spans:
    """The error handler of a decoding: marks what is no text, and remembers its length."""

    def __init__(self) -> None:
        self.found: list[int] = []

    def __call__(self, error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeDecodeError)
        self.found.append(error.end - error.start)
        return _INVALID, error.end


@dataclass(frozen=True, slots=True)
class _Decoder:
    """How text is read; ``errors`` is ``strict``, ``replace`` or ``ignore``."""

    encoding: str
    errors: str
    replacement: int
    replace_control: bool

    def read(self, text: bytes) -> list[tuple[int, int]]:
        """The code points, and the byte at which each begins."""
        spans = _Spans()
        codecs.register_error("reinstate.spans", spans)
        try:
            characters = text.decode(self.encoding, "reinstate.spans")
        except LookupError as error:
            raise UnsupportedError(f"the encoding {self.encoding!r}") from error
        found, at, invalid = [], 0, iter(spans.found)
        for character in characters:
            code, size = ord(character), 0
            if character == _INVALID:
                size = next(invalid)
                require(self.errors != "strict", f"{text[at : at + size]!r} is no {self.encoding}")
                code = self.replacement if self.errors == "replace" else -1
            else:
                size = len(character.encode(self.encoding))
                if self.replace_control and code < 0x20:
                    code = -1 if self.errors == "ignore" else self.replacement
            if code >= 0:
                found.append((code, at))
            at += size
        return found


def _written(codes: Iterable[int], encoding: str, errors: str, replacement: int) -> bytes:
    def valid(code: int) -> str:
        if 0 <= code <= _LAST and not 0xD800 <= code < 0xE000:
            return chr(code)
        require(errors != "strict", f"{code} is no code point")
        return chr(replacement) if errors == "replace" else ""

    try:
        return "".join(map(valid, codes)).encode(encoding)
    except LookupError as error:
        raise UnsupportedError(f"the encoding {encoding!r}") from error
    except UnicodeError as error:
        raise MismatchError(f"a character that {encoding} has not") from error


def _rows(input: Any, decoder: _Decoder) -> tuple[Any, list[tuple[int, int]]]:
    rows = [decoder.read(text) for text in input.ravel()]
    splits = np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)])
    return splits, [pair for row in rows for pair in row]


@op("UnicodeDecode")
def unicode_decode(input: Static, *, input_encoding, errors, replacement_char, replace_control_characters, Tsplits):
    decoder = _Decoder(input_encoding, errors, replacement_char, replace_control_characters)
    splits, pairs = _rows(input, decoder)
    return splits.astype(Tsplits.numpy), np.array([code for code, _ in pairs], np.int32)


@op("UnicodeDecodeWithOffsets")
def unicode_decode_with_offsets(
    input: Static, *, input_encoding, errors, replacement_char, replace_control_characters, Tsplits
):
    decoder = _Decoder(input_encoding, errors, replacement_char, replace_control_characters)
    splits, pairs = _rows(input, decoder)
    table = np.array(pairs, np.int64).reshape(-1, 2)
    return splits.astype(Tsplits.numpy), table[:, 0].astype(np.int32), table[:, 1]


@op("UnicodeEncode")
def unicode_encode(input_values: Static, input_splits: Static, *, errors, output_encoding, replacement_char):
    require(input_splits.ndim == 1 and bool((np.diff(input_splits) >= 0).all()), "row splits out of order")
    require(
        input_splits.size > 0 and int(input_splits[-1]) == len(input_values), "splits that do not end with the values"
    )
    codes = input_values.tolist()
    rows = [codes[start:end] for start, end in itertools.pairwise(input_splits)]
    return filled((len(rows),), (_written(row, output_encoding, errors, replacement_char) for row in rows))


@op("UnicodeTranscode")
def unicode_transcode(
    input: Static, *, input_encoding, output_encoding, errors, replacement_char, replace_control_characters
):
    decoder = _Decoder(input_encoding, errors, replacement_char, replace_control_characters)

    def transcoded(text: bytes) -> bytes:
        return _written((code for code, _ in decoder.read(text)), output_encoding, errors, replacement_char)

    return each(input, transcoded)
