"""``tf.train.Example``, read from its bytes: features by name, each a list of strings, floats or integers.

Source: tensorflow/core/example/{example,feature}.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from reinstate.errors import MismatchError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
KINDS = {1: "string", 2: "float32", 3: "int64"}  # by the number of the field that holds the list


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise MismatchError("a record that is cut off")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value & (2**64 - 1), at


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The numbers of fields and their values: integers, or bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise MismatchError("a record that is no tf.train.Example")
        if at + size > len(data):
            raise MismatchError("a record that is cut off")
        yield number, data[at : at + size]
        at += size


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _integers(value: Any) -> Iterator[int]:
    if isinstance(value, int):
        yield _signed(value)
        return
    at = 0
    while at < len(value):
        found, at = _varint(value, at)
        yield _signed(found)


def _values(kind: str, message: bytes) -> list[Any]:
    found: list[Any] = []
    for number, value in _fields(message):
        if number != 1:
            continue
        if kind == "int64":
            found += _integers(value)
        elif isinstance(value, int) or (kind == "float32" and len(value) % 4):
            raise MismatchError("a record that is no tf.train.Example")
        else:
            found += [value] if kind == "string" else struct.unpack(f"<{len(value) // 4}f", value)
    return found


def read_example(data: bytes) -> dict[bytes, tuple[str, list[Any]]]:
    """The features by name: the type of their values, and these.

    Raises:
        MismatchError: the bytes are no ``tf.train.Example``.
    """
    found: dict[bytes, tuple[str, list[Any]]] = {}
    for _, features in _messages(data, 1):
        for _, entry in _messages(features, 1):
            pair = dict(_messages(entry, 1, 2))
            for number, message in _messages(pair.get(2, b""), *KINDS):
                found[pair.get(1, b"")] = KINDS[number], _values(KINDS[number], message)
    return found


def _messages(data: bytes, *numbers: int) -> Iterator[tuple[int, bytes]]:
    for number, value in _fields(data):
        if number in numbers:
            if isinstance(value, int):
                raise MismatchError("a record that is no tf.train.Example")
            yield number, value
