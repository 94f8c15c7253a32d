# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Strings, on the host: cutting, joining, and putting them into buckets. They are bytes, UTF-8 where that matters."""

from __future__ import annotations

import base64
import binascii
import itertools
from typing import Any

import numpy as np

from reinstate.errors import MismatchError
from reinstate.graph.fingerprints import fingerprint64, murmur64, siphash
from reinstate.graph.rules import Static, check_size, ints, normal_axis, op, require
from reinstate.graph.strings import decoded, each, encoded, filled, undecoded


def _cased(name: str, of_bytes: Any, of_text: Any) -> None:
    @op(name)
    def cased(input: Static, *, encoding):
        require(encoding in ("", "utf-8"), f"the encoding {encoding!r}")
        return each(input, (lambda text: undecoded(of_text(decoded(text)))) if encoding else of_bytes)


_cased("StringLower", bytes.lower, str.lower)
_cased("StringUpper", bytes.upper, str.upper)


@op("StringStrip")
def string_strip(input: Static):
    return each(input, bytes.strip)


@op("StringLength")
def string_length(input: Static, *, unit):
    count = (lambda text: sum(byte & 0xC0 != 0x80 for byte in text)) if unit == "UTF8_CHAR" else len
    return each(input, count).astype(np.int32)


@op("StringJoin")
def string_join(inputs: Static, *, separator):
    shape = next((each.shape for each in inputs if each.ndim), ())
    require(all(each.ndim == 0 or each.shape == shape for each in inputs), "strings of different shapes")
    columns = [np.broadcast_to(each, shape).ravel() for each in inputs]
    return filled(shape, map(encoded(separator).join, zip(*columns, strict=True)))


@op("ReduceJoin")
def reduce_join(inputs: Static, reduction_indices: Static, *, keep_dims, separator):
    axes = [normal_axis(axis, inputs.ndim) for axis in reduction_indices.ravel()]
    require(len(set(axes)) == len(axes), f"the axes {axes} are not different ones")
    if not axes:
        return inputs
    kept = [axis for axis in range(inputs.ndim) if axis not in axes]
    shape = tuple(inputs.shape[axis] for axis in kept)
    size = int(np.prod([inputs.shape[axis] for axis in axes], dtype=np.int64))
    rows = inputs.transpose(*kept, *reversed(axes)).reshape(int(np.prod(shape, dtype=np.int64)), size)
    joined = filled(shape, (encoded(separator).join(row) for row in rows))
    return np.expand_dims(joined, tuple(sorted(axes))) if keep_dims else joined


@op("UnsortedSegmentJoin")
def unsorted_segment_join(inputs: Static, segment_ids: Static, num_segments: Static, *, separator):
    (count,) = ints(num_segments)
    require(inputs.shape[: segment_ids.ndim] == segment_ids.shape, "segments of another shape than the strings")
    rest = inputs.shape[segment_ids.ndim :]
    check_size((count, *rest))
    rows = inputs.reshape(segment_ids.size, -1) if inputs.size else inputs.reshape(segment_ids.size, 0)
    inside = not segment_ids.size or 0 <= int(segment_ids.min()) <= int(segment_ids.max()) < count
    require(inside, f"a segment that is none of {count}")
    groups: list[list[Any]] = [[] for _ in range(count)]
    for segment, row in zip(segment_ids.ravel().tolist(), rows, strict=True):
        groups[segment].append(row)
    width = int(np.prod(rest, dtype=np.int64))
    joined = [encoded(separator).join(row[i] for row in group) for group in groups for i in range(width)]
    return filled((count, *rest), joined)


def _sparse(rows: list[list[bytes]]) -> tuple[Any, Any, Any]:
    """Rows as a sparse matrix."""
    values = [item for row in rows for item in row]
    places = [(i, j) for i, row in enumerate(rows) for j in range(len(row))]
    shape = np.array([len(rows), max(map(len, rows), default=0)], np.int64)
    return np.array(places, np.int64).reshape(-1, 2), filled((len(values),), values), shape


@op("StringSplitV2")
def string_split_v2(input: Static, sep: Static, *, maxsplit):
    require(input.ndim == 1 and sep.size == 1, "one separator, and a vector of strings")
    at = sep.item()
    return _sparse([text.split(at, maxsplit) if at else _words(text, maxsplit) for text in input])


def _words(text: bytes, most: int) -> list[bytes]:
    """Cut at whitespace; what is left after the last cut that may be counts, be it empty."""
    found = text.split(None, most)
    return [*found, b""] if len(found) == most > 0 else found


@op("StringSplit")
def string_split(input: Static, delimiter: Static, *, skip_empty):
    """Every byte of the delimiter cuts; without any, every byte stands alone."""
    require(input.ndim == 1 and delimiter.size == 1, "one delimiter, and a vector of strings")
    cuts = delimiter.item()

    def pieces(text: bytes) -> list[bytes]:
        if not cuts:
            return [text[i : i + 1] for i in range(len(text))]
        for cut in cuts[1:]:
            text = text.replace(bytes([cut]), cuts[:1])
        found = text.split(cuts[:1]) if text else []
        return [piece for piece in found if piece] if skip_empty else found

    return _sparse([pieces(text) for text in input])


@op("Substr")
def substr(input: Static, pos: Static, len: Static, *, unit):
    texts, starts, lengths = np.broadcast_arrays(input, pos, len)

    def piece(text: bytes, start: int, length: int) -> bytes:
        whole: Any = decoded(text) if unit == "UTF8_CHAR" else text
        size = whole.__len__()
        require(-size <= start <= size, f"place {start} of a string of {size}")
        start += size if start < 0 else 0
        part = whole[start : start + max(length, 0)]
        return undecoded(part) if isinstance(part, str) else part

    triples = zip(texts.ravel(), starts.ravel().tolist(), lengths.ravel().tolist(), strict=True)
    return filled(texts.shape, (piece(*triple) for triple in triples))


@op("StringNGrams")
def string_ngrams(
    data: Static,
    data_splits: Static,
    *,
    separator,
    ngram_widths,
    left_pad,
    right_pad,
    pad_width,
    preserve_short_sequences,
):
    left, right = encoded(left_pad), encoded(right_pad)
    require(data_splits.ndim == 1 and bool((np.diff(data_splits) >= 0).all()), "row splits out of order")
    require(not data_splits.size or int(data_splits[-1]) == len(data), "row splits that do not end with the values")

    def windows(row: list[bytes], width: int, pad: int) -> list[bytes]:
        padded = [left] * pad + row + [right] * pad
        return [encoded(separator).join(padded[i : i + width]) for i in range(len(padded) - width + 1)]

    found: list[bytes] = []
    lengths = []
    for start, end in itertools.pairwise(data_splits):
        row, before = data[start:end].tolist(), len(found)
        for width in ngram_widths:
            found += windows(row, width, width - 1 if pad_width < 0 else min(pad_width, width - 1))
        if preserve_short_sequences and len(found) == before and row:
            pad = max(pad_width, 0)
            found += windows(row, len(row) + 2 * pad, pad)
        lengths.append(len(found) - before)
    return filled((len(found),), found), np.concatenate([[0], np.cumsum(lengths)]).astype(data_splits.dtype)


# Numbers of strings ----------------------------------------------------------------------------------------------


def _bucketed(texts: Any, hashed: Any, num_buckets: int) -> Any:
    require(num_buckets > 0, f"{num_buckets} buckets")
    different, back = np.unique(texts.ravel(), return_inverse=True)
    buckets = hashed(list(different)) % np.uint64(num_buckets)
    return buckets.astype(np.int64)[back.ravel()].reshape(texts.shape)


@op("StringToHashBucketFast")
def string_to_hash_bucket_fast(input: Static, *, num_buckets):
    return _bucketed(input, fingerprint64, num_buckets)


@op("StringToHashBucket")
def string_to_hash_bucket(string_tensor: Static, *, num_buckets):
    return _bucketed(string_tensor, murmur64, num_buckets)


@op("StringToHashBucketStrong")
def string_to_hash_bucket_strong(input: Static, *, num_buckets, key):
    require(len(key) == 2, f"a key of {len(key)} numbers")
    pair = key[0] % 2**64, key[1] % 2**64
    return _bucketed(input, lambda texts: siphash(texts, pair), num_buckets)


@op("Fingerprint")
def fingerprint(data: Static, method: Static):
    """The hash of each row, as 8 bytes."""
    require(method.item() == b"farmhash64", f"the method {method.item()!r}")
    require(data.ndim > 0 and not (data.dtype.hasobject and data.ndim > 1), "a row is what is hashed")
    rows = list(data) if data.dtype.hasobject else [row.tobytes() for row in data]
    return fingerprint64(rows).astype("<u8").view(np.uint8).reshape(len(rows), 8)


# Bytes written as text --------------------------------------------------------------------------------------------


@op("EncodeBase64")
def encode_base64(input: Static, *, pad):
    return each(input, lambda text: base64.urlsafe_b64encode(text) if pad else _unpadded(text))


def _unpadded(text: bytes) -> bytes:
    return base64.urlsafe_b64encode(text).rstrip(b"=")


@op("DecodeBase64")
def decode_base64(input: Static):
    def decoded_(text: bytes) -> bytes:
        bare = text.rstrip(b"=")
        try:
            return base64.b64decode(bare + b"=" * (-len(bare) % 4), altchars=b"-_", validate=True)
        except binascii.Error as error:
            raise MismatchError(f"no base64: {error}") from error

    return each(input, decoded_)
