"""String tensors: how their elements lie in a shard.

::

    length of each element (varints) | masked crc32c of the lengths (uint32) | the elements

The checksum of the tensor is not that of these bytes: in it, a length counts as a uint32, or as a uint64 if it is too
large for that.
Source: WriteStringTensor in tensorflow/core/util/tensor_bundle/tensor_bundle.cc.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from crc32c import crc32c

from reinstate.errors import CorruptError
from reinstate.wire.sstable import mask, read_varint, varint

ByteOrder = Literal["little", "big"]


def read_strings(data: bytes, count: int, stored_crc: int, order: ByteOrder = "little") -> list[bytes]:
    """Read ``count`` elements.

    Raises:
        CorruptError: the sizes do not add up, or a checksum differs.
    """
    if not data and not count:
        return []
    lengths, at = _read_lengths(data, count)
    if len(data) - at < 4:
        raise CorruptError(f"{len(data)} bytes end before the checksum of {count} lengths")
    crc = crc32c(_length_bytes(lengths, order))
    checksum = data[at : at + 4]
    _compare("of the lengths ", mask(crc), int.from_bytes(checksum, order))
    at += 4
    if at + sum(lengths) != len(data):
        raise CorruptError(f"{count} strings take {at + sum(lengths)} bytes, but there are {len(data)}")
    _compare("", mask(crc32c(memoryview(data)[at:], crc32c(checksum, crc))), stored_crc)
    values = []
    for length in lengths:
        values.append(data[at : at + length])
        at += length
    return values


def _read_lengths(data: bytes, count: int) -> tuple[list[int], int]:
    lengths, at, left = [], 0, len(data)
    for _ in range(count):
        length, at = read_varint(data, at, len(data))
        left -= length
        if left < 0:
            raise CorruptError(f"a string of {length} bytes in a tensor of {len(data)}")
        lengths.append(length)
    return lengths, at


def _length_bytes(lengths: Sequence[int], order: ByteOrder = "little") -> bytes:
    """The lengths as the checksum takes them."""
    sign = "<" if order == "little" else ">"
    if max(lengths, default=0) <= 0xFFFFFFFF:
        return struct.pack(f"{sign}{len(lengths)}I", *lengths)
    return b"".join(struct.pack(sign + ("I" if length <= 0xFFFFFFFF else "Q"), length) for length in lengths)


def _compare(what: str, actual: int, stored: int) -> None:
    if actual != stored:
        raise CorruptError(f"crc32c {what}is {actual:#010x}, stored {stored:#010x}")


def write_strings(values: Sequence[bytes]) -> tuple[bytes, int]:
    """Return the stored form of the elements, and the masked crc32c of the tensor."""
    lengths = [len(value) for value in values]
    crc = crc32c(_length_bytes(lengths))
    checksum = mask(crc).to_bytes(4, "little")
    body = b"".join(values)
    return b"".join(map(varint, lengths)) + checksum + body, mask(crc32c(body, crc32c(checksum, crc)))


def elements(array: np.ndarray[Any, Any]) -> list[bytes]:
    """The elements of an array of bytes or str (numpy's types or objects), in C order; text as UTF-8.

    Raises:
        TypeError: an element is neither.
    """
    return [_element(value) for value in array.reshape(-1).tolist()]


def _element(value: object) -> bytes:
    match value:
        case bytes():
            return value
        case str():
            return value.encode()
    raise TypeError(f"a {type(value).__name__}: strings must be bytes or str")
