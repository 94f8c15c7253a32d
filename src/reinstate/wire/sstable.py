"""The immutable sorted table of LevelDB, which the index of a bundle is: a map from bytes to bytes in one file.

::

    data block ... | metaindex block | index block | footer (48 bytes)
    block   entries, their restart points (uint32 each), the number of them (uint32); then a trailer of 5 bytes:
            the compression (0: none, 1: Snappy) and the masked crc32c of all before
    entry   varints: bytes shared with the key before, further bytes of the key, bytes of the value; then the two
    index   separator key -> handle of a data block; a handle is the varints offset and size, without the trailer
    footer  handles of metaindex and index, zeros up to 40 bytes, the magic number

Source: tensorflow/core/lib/io/{format,block,block_builder,table_builder}.cc; LevelDB's doc/table_format.md.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from crc32c import crc32c

from reinstate.errors import CorruptError, UnsupportedError, where

_MAGIC: Final = bytes.fromhex("57fb808b247547db")
_FOOTER: Final = 48  # bytes, the magic included
_TRAILER: Final = 5  # bytes
_PLAIN, _SNAPPY = 0, 1  # compressions
_BLOCK: Final = 262144  # bytes after which a block is closed
_RESTART: Final = 16  # entries between keys that are written whole
_LITTLE = struct.Struct("<I")


def mask(crc: int) -> int:
    """How a crc32c is stored: rotated and shifted, so that a crc over bytes with crcs in them stays a good one."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def unmask(stored: int) -> int:
    """The crc32c that is stored as ``stored``."""
    rotated = (stored - 0xA282EAD8) & 0xFFFFFFFF
    return (rotated >> 17 | rotated << 15) & 0xFFFFFFFF


def read_varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Read a varint of up to 64 bits from ``data[at:end]``; return it and where the next byte stands.

    Raises:
        CorruptError: it is cut off or does not fit.
    """
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            raise CorruptError(f"a number is cut off at byte {at}")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> 64 or (shift and not byte):
                break
            return value, at
    raise CorruptError(f"a number before byte {at} is longer than it needs to be, or than 64 bits")


def varint(value: int) -> bytes:
    """Write a varint."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_table(data: bytes) -> dict[bytes, bytes]:
    """Read all entries, in the order of their keys; every checksum, size and order is checked.

    Raises:
        CorruptError: with the offset of the block, in bytes from the start of the file.
        UnsupportedError: a block is compressed.
    """
    index_at, index_size = _read_footer(data)
    with where(f"index block at byte {index_at}"):
        handles = list(_read_block(data, index_at, index_size))
    table: dict[bytes, bytes] = {}
    last: bytes | None = None
    end = 0
    for separator, handle in handles:
        with where(f"index block at byte {index_at}"):
            at, size = _read_handle(handle)
            if at != end:
                raise CorruptError(f"a block starts at byte {at}, but the one before ends at {end}")
        with where(f"block at byte {at}"):
            entries = _read_block(data, at, size)
            last = _add(table, entries, last, separator)
        end = at + size + _TRAILER
    return table


def _read_footer(data: bytes) -> tuple[int, int]:
    """Check the end of the file and return where the index block stands, and its size."""
    if len(data) < _FOOTER:
        raise CorruptError(f"{len(data)} bytes are too few for a table; the file is cut off")
    at = len(data) - _FOOTER
    if data[-8:] != _MAGIC:
        raise CorruptError(f"no table ends here: byte {len(data) - 8} should start the magic number; cut off?")
    with where(f"footer at byte {at}"):
        footer = data[at : at + _FOOTER - 8]
        metaindex_at, metaindex_size, next_at = _read_handle_at(footer, 0)
        index_at, index_size, next_at = _read_handle_at(footer, next_at)
        if any(footer[next_at:]):
            raise CorruptError("the padding is not zero")
        if index_at + index_size + _TRAILER != at:
            raise CorruptError(f"the index block of {index_size} bytes at byte {index_at} does not end here")
    with where(f"metaindex block at byte {metaindex_at}"):
        for _ in _read_block(data, metaindex_at, metaindex_size):
            pass
    return index_at, index_size


def _read_handle_at(data: bytes, at: int) -> tuple[int, int, int]:
    offset, at = read_varint(data, at, len(data))
    size, at = read_varint(data, at, len(data))
    return offset, size, at


def _read_handle(data: bytes) -> tuple[int, int]:
    offset, size, end = _read_handle_at(data, 0)
    if end != len(data):
        raise CorruptError(f"a block handle of {len(data)} bytes, of which {end} are used")
    return offset, size


def _add(
    table: dict[bytes, bytes], entries: Iterable[tuple[bytes, bytes]], last: bytes | None, separator: bytes
) -> bytes | None:
    """Put entries into ``table``; ``last`` is the key before them. Return the last key."""
    for key, value in entries:
        if last is not None and key <= last:
            raise CorruptError(f"key {key!r} follows {last!r}; keys must rise")
        table[key] = value
        last = key
    if last is not None and last > separator:
        raise CorruptError(f"key {last!r} is beyond the block's last, {separator!r}")
    return last


def _read_block(data: bytes, at: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Check a block and give its entries; their place is in bytes from the start of the file."""
    if at + size + _TRAILER > len(data) - _FOOTER:
        raise CorruptError(f"a block of {size} bytes reaches beyond the end of the file ({len(data)} bytes)")
    end = at + size
    kind = data[end]
    (stored,) = _LITTLE.unpack_from(data, end + 1)
    actual = mask(crc32c(memoryview(data)[at : end + 1]))
    if actual != stored:
        raise CorruptError(f"crc32c is {actual:#010x}, stored {stored:#010x}")
    if kind == _SNAPPY:
        raise UnsupportedError("the block is compressed with Snappy, which no version of TensorFlow since 1.2 writes")
    if kind != _PLAIN:
        raise CorruptError(f"there is no compression number {kind}")
    return _read_entries(data, at, _read_restarts(data, at, end))


def _read_restarts(data: bytes, at: int, end: int) -> int:
    """Check the restart points of the block ``data[at:end]``; return where they start."""
    if end - at < 4:
        raise CorruptError(f"{end - at} bytes are too few for a block")
    (count,) = _LITTLE.unpack_from(data, end - 4)
    start = end - 4 - 4 * count
    if start < at or count == 0:
        raise CorruptError(f"{count} restart points in a block of {end - at} bytes")
    restarts = struct.unpack_from(f"<{count}I", data, start)
    if restarts[0] != 0 or any(a >= b for a, b in pairwise(restarts)):
        raise CorruptError("the restart points do not rise from 0")
    if restarts[-1] > start - at:
        raise CorruptError(f"a restart point at {restarts[-1]} is beyond the block's {start - at} bytes of entries")
    return int(start)


def _read_entries(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    key = b""
    while at < end:
        start = at
        shared, at = read_varint(data, at, end)
        unshared, at = read_varint(data, at, end)
        length, at = read_varint(data, at, end)
        if shared > len(key) or unshared + length > end - at:
            raise CorruptError(f"the entry at byte {start} is larger than its block, or than the key before")
        key = key[:shared] + data[at : at + unshared]
        at += unshared
        yield key, data[at : at + length]
        at += length


@dataclass(slots=True)
class _Block:
    """A block that is being written. Every ``interval``-th key is written whole."""

    interval: int
    body: bytearray = field(default_factory=bytearray)
    restarts: list[int] = field(default_factory=lambda: [0])
    count: int = 0
    last: bytes = b""

    def add(self, key: bytes, value: bytes) -> None:
        shared = 0
        if self.count % self.interval:
            shared = _common(self.last, key)
        elif self.count:
            self.restarts.append(len(self.body))
        self.body += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        self.count += 1
        self.last = key

    @property
    def size(self) -> int:
        return len(self.body) + 4 * len(self.restarts) + 4

    def stored(self) -> bytes:
        """The block as it stands in the file, with its trailer."""
        body = self.body + struct.pack(f"<{len(self.restarts)}I", *self.restarts) + _LITTLE.pack(len(self.restarts))
        body.append(_PLAIN)
        return bytes(body + _LITTLE.pack(mask(crc32c(body))))


def _common(a: bytes, b: bytes) -> int:
    """How many bytes ``a`` and ``b`` start with alike."""
    end = min(len(a), len(b))
    return next((i for i in range(end) if a[i] != b[i]), end)


def write_table(items: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Write a table of ``items``, whose keys must be distinct; the bytes are those that TensorFlow writes.

    Raises:
        ValueError: a key is there twice.
    """
    out = bytearray()
    index = _Block(interval=1)
    block = _Block(_RESTART)
    for key, value in sorted(items):
        if block.count and key == block.last:
            raise ValueError(f"key {key!r} is there twice")
        if block.size >= _BLOCK or (block.count and len(key) + len(value) >= 2 * _BLOCK):
            index.add(_separator(block.last, key), _append(out, block))
            block = _Block(_RESTART)
        block.add(key, value)
    if block.count:
        index.add(_successor(block.last), _append(out, block))
    footer = _append(out, _Block(1)) + _append(out, index)
    return bytes(out + footer.ljust(_FOOTER - 8, b"\0") + _MAGIC)


def _append(out: bytearray, block: _Block) -> bytes:
    """Put the block at the end of ``out``; return its handle."""
    at, stored = len(out), block.stored()
    out += stored
    return varint(at) + varint(len(stored) - _TRAILER)


def _separator(before: bytes, after: bytes) -> bytes:
    """A short key that is not less than ``before`` and less than ``after``."""
    at = _common(before, after)
    if at < min(len(before), len(after)) and before[at] < 0xFF and before[at] + 1 < after[at]:
        return before[:at] + bytes([before[at] + 1])
    return before


def _successor(key: bytes) -> bytes:
    """A short key that is not less than ``key``."""
    at = next((i for i, byte in enumerate(key) if byte != 0xFF), None)
    return key if at is None else key[:at] + bytes([key[at] + 1])
