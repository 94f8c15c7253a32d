"""The index of a bundle: which tensors there are, and where. Everything that can be checked without the data, is.

Source: tensorflow/core/protobuf/tensor_bundle.proto, tensorflow/core/util/tensor_bundle/tensor_bundle.cc.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np

from reinstate import dtypes
from reinstate.dtypes import DType
from reinstate.errors import CorruptError, NewerFormatError, UnsupportedError, where
from reinstate.wire import messages, slices
from reinstate.wire.sstable import read_table
from reinstate.wire.strings import ByteOrder

VERSION: Final = 1  # of the format
_MAX_RANK: Final = 64 if int(np.__version__.split(".")[0]) >= 2 else 32  # numpy's
_MAX_SHARDS: Final = 99999  # five digits in the name


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a tensor: where it starts on each axis, and its own entry."""

    start: tuple[int, ...]
    entry: Entry

    @property
    def box(self) -> tuple[slice, ...]:
        """The index of the part in the whole array."""
        return tuple(slice(at, at + size) for at, size in zip(self.start, self.entry.shape, strict=True))


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor of a bundle: ``size`` bytes at ``offset`` in shard number ``shard``, with the masked ``crc32c``.

    A tensor that was saved in parts has ``slices``; then the other fields say nothing but dtype, shape and total size.
    """

    dtype: DType
    shape: tuple[int, ...]
    shard: int = 0
    offset: int = 0
    size: int = 0
    crc32c: int = 0
    slices: tuple[Slice, ...] = ()

    @property
    def count(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    @property
    def parts(self) -> tuple[Entry, ...]:
        """The entries that have data: this one, or those of its slices."""
        return tuple(part.entry for part in self.slices) if self.slices else (self,)


@dataclass(frozen=True, slots=True)
class Index:
    """What the index says: the number of shards, the byte order of the data, the tensors by name."""

    shards: int
    order: ByteOrder
    entries: Mapping[str, Entry]


def read_index(data: bytes) -> Index:
    """Read an index.

    Raises:
        CorruptError: it is damaged, or contradicts itself.
        NewerFormatError: it was written for newer readers.
    """
    table = read_table(data)
    header = table.pop(b"", None)
    if header is None:
        raise CorruptError("the header is missing; this is not the index of a checkpoint")
    shards, order = _read_header(header)
    return Index(shards, order, dict(_read_entries(table, shards)))


def _read_header(data: bytes) -> tuple[int, ByteOrder]:
    with where("header"):
        header = messages.parse(messages.BundleHeaderProto, data)
        version = header.version
        if version.min_consumer > VERSION or VERSION in version.bad_consumers:
            raise NewerFormatError(f"for readers of version {version.min_consumer}; this one reads version {VERSION}")
        if not 1 <= header.num_shards <= _MAX_SHARDS:
            raise CorruptError(f"{header.num_shards} shards")
        if header.endianness not in (0, 1):
            raise CorruptError(f"there is no byte order number {header.endianness}")
        return header.num_shards, ("little", "big")[header.endianness]


def _read_entries(table: Mapping[bytes, bytes], shards: int) -> Iterator[tuple[str, Entry]]:
    parts = {key: data for key, data in table.items() if key.startswith(b"\0")}
    for key, data in table.items():
        if key in parts:
            continue
        name = _name(key)
        with where(name):
            message = messages.parse(messages.BundleEntryProto, data)
            yield name, _read_whole(key, message, parts, shards) if message.slices else _read_entry(message, shards)
    if parts:
        raise CorruptError(f"parts that belong to no tensor: {', '.join(map(repr, parts))}")


def _name(key: bytes) -> str:
    try:
        return key.decode()
    except UnicodeDecodeError:
        raise CorruptError(f"the key {key!r} is not UTF-8") from None


def _read_entry(message: Any, shards: int) -> Entry:
    dtype, shape = dtypes.from_enum(message.dtype), _read_shape(message.shape)
    entry = Entry(dtype, shape, message.shard_id, message.offset, message.size, message.crc32c)
    if not 0 <= entry.shard < shards:
        raise CorruptError(f"shard {entry.shard} of {shards}")
    if entry.offset < 0 or entry.size < 0:
        raise CorruptError(f"{entry.size} bytes at byte {entry.offset}")
    _check_size(entry)
    return entry


def _check_size(entry: Entry) -> None:
    expected = entry.count * entry.dtype.size
    if entry.dtype.size and entry.size != expected:
        raise CorruptError(f"{entry.dtype}{list(entry.shape)} takes {expected} bytes, the entry has {entry.size}")
    if not entry.dtype.size and entry.size < entry.count:
        raise CorruptError(f"{entry.count} elements of type {entry.dtype} in {entry.size} bytes")


def _read_shape(message: Any) -> tuple[int, ...]:
    if message.unknown_rank:
        raise CorruptError("the number of axes is unknown")
    shape = tuple(dim.size for dim in message.dim)
    if any(size < 0 for size in shape):
        raise CorruptError(f"negative size in the shape {list(shape)}")
    if len(shape) > _MAX_RANK:
        raise UnsupportedError(f"{len(shape)} axes; the most that numpy has is {_MAX_RANK}")
    if prod(max(size, 1) for size in shape) >= 2**58:  # times 16 bytes, what numpy can address
        raise CorruptError(f"the shape {list(shape)} is too large for any file")
    return shape


def _read_whole(key: bytes, message: Any, parts: dict[bytes, bytes], shards: int) -> Entry:
    """Put the parts of a tensor together, and take them from ``parts``."""
    dtype, shape = dtypes.from_enum(message.dtype), _read_shape(message.shape)
    found = [_read_part(key, part, shape, parts, shards) for part in message.slices]
    others = {part.entry.dtype.name for part in found} - {dtype.name}
    if others:
        raise CorruptError(f"parts of type {', '.join(sorted(others))} of a tensor of type {dtype}")
    slices.check_cover([part.box for part in found], shape)
    return Entry(dtype, shape, size=sum(part.entry.size for part in found), slices=tuple(found))


def _read_part(key: bytes, message: Any, shape: tuple[int, ...], parts: dict[bytes, bytes], shards: int) -> Slice:
    extents = [(e.start, e.length) if e.HasField("length") else slices.WHOLE for e in message.extent]
    with where(f"part {extents}"):
        box = slices.box(extents, shape)
        data = parts.pop(slices.slice_key(key, extents), None)
        if data is None:
            raise CorruptError("there is no entry for it, or it is there twice")
        entry = _read_entry(messages.parse(messages.BundleEntryProto, data), shards)
        sizes = tuple(side.stop - side.start for side in box)
        if entry.slices or entry.shape != sizes:
            raise CorruptError(f"its entry has the shape {list(entry.shape)}")
        return Slice(tuple(side.start for side in box), entry)
