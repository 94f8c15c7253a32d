"""TensorBundle, the format of TensorFlow's checkpoints: named tensors in one or more files.

::

    <prefix>.index                  a sorted table: "" -> header, name -> entry        (bundle_index.py)
    <prefix>.data-00000-of-00001    the tensors' bytes, at the offsets in the entries

What is written here has each tensor at a multiple of 64 bytes, so that it can be mapped; TensorFlow leaves no gaps.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np

from reinstate.errors import CorruptError, UnsupportedError, where
from reinstate.wire import copying
from reinstate.wire.bundle_index import Entry, Slice, read_index
from reinstate.wire.bundle_write import shard_path, write_bundle
from reinstate.wire.checkpoint_state import read_checkpoint_state, write_checkpoint_state
from reinstate.wire.sstable import unmask
from reinstate.wire.strings import ByteOrder, read_strings

__all__ = [
    "Bundle",
    "Entry",
    "Slice",
    "read_bundle",
    "read_checkpoint_state",
    "write_bundle",
    "write_checkpoint_state",
]

Array: TypeAlias = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose index has been read and held against the sizes of its shards; the data stays on disk.

    ``paths`` are those of the shards that have tensors, by number. ``entries`` are in the order of the keys' bytes.
    """

    prefix: Path
    shards: int
    order: ByteOrder
    entries: Mapping[str, Entry]
    paths: Mapping[int, Path]

    def read(self, keys: Sequence[str], progress: copying.Progress | None = None) -> list[Array]:
        """Return one array per key, in order, every checksum compared.

        A tensor that lies at a multiple of 64 bytes is a read-only view of the mapped file; the others are copied.
        Strings are object arrays of bytes. ``progress`` is called with the bytes done so far.

        Raises:
            CorruptError: there is no such key, a checksum differs, or a file is no longer as it was.
            UnsupportedError: arrays cannot hold tensors of this type (variants, resources).
        """
        entries = self._find(keys)
        parts = [(key, part) for key, entry in zip(keys, entries, strict=True) for part in entry.parts]
        arrays = iter(self._read_parts(parts, progress))
        return [_assemble(entry, [next(arrays) for _ in entry.parts]) for entry in entries]

    def _find(self, keys: Sequence[str]) -> list[Entry]:
        missing = [key for key in keys if key not in self.entries]
        if missing:
            raise CorruptError(f"{self.prefix.name}.index has no tensor named {', '.join(missing)}")
        entries = [self.entries[key] for key in keys]
        refused = [f"{key}: {e.dtype}" for key, e in zip(keys, entries, strict=True) if e.dtype.numpy is None]
        if refused:
            raise UnsupportedError(f"{self.prefix.name} has tensors that are not arrays:", refused)
        return entries

    def _read_parts(self, parts: Sequence[tuple[str, Entry]], progress: copying.Progress | None) -> list[Array]:
        maps = {shard: self._map(shard) for shard in {part.shard for _, part in parts if self._mappable(part)}}
        copied = [0 if part.dtype.name == "string" or self._mappable(part) else part.size for _, part in parts]
        memory = [
            maps[part.shard][part.offset : part.offset + part.size] if self._mappable(part) else fresh
            for (_, part), fresh in zip(parts, copying.allocate(copied), strict=True)
        ]
        copying.run([*self._jobs(parts, memory)], progress)
        for whole in maps.values():
            copying.release(whole)
        return [self._array(key, part, data) for (key, part), data in zip(parts, memory, strict=True)]

    def _mappable(self, part: Entry) -> bool:
        numbers = part.size > 0 and part.dtype.size > 0
        return numbers and part.offset % copying.ALIGNMENT == 0 and self.order == sys.byteorder

    def _jobs(self, parts: Sequence[tuple[str, Entry]], memory: Sequence[copying.Bytes]) -> Iterator[copying.Job]:
        for (key, part), data in zip(parts, memory, strict=True):
            if part.dtype.name != "string":
                crc, mapped = unmask(part.crc32c), self._mappable(part)
                yield copying.Job(self.paths[part.shard], key, part.offset, data, mapped, crc)

    def _map(self, shard: int) -> copying.Bytes:
        path = self.paths[shard]
        with where(path.name), _open(path) as file:
            if os.fstat(file.fileno()).st_size < max(end for _, end, _ in _spans(self.entries, shard)):
                raise CorruptError("the file was cut off since the index was read")
            return copying.map_file(file)

    def _array(self, key: str, part: Entry, data: copying.Bytes) -> Array:
        with where(self.paths[part.shard].name), where(key):
            if part.dtype.name == "string":
                return self._strings(part)
            if part.dtype.name == "bool" and data.max(initial=0) > 1:
                raise CorruptError("a bool that is neither 0 nor 1")
            if self.order != sys.byteorder and part.dtype.size > 1:
                unit = part.dtype.size // 2 if part.dtype.name.startswith("complex") else part.dtype.size
                data.view(f"u{unit}").byteswap(inplace=True)
            assert part.dtype.numpy is not None  # _find refuses the others
            array: Array = data.view(part.dtype.numpy).reshape(part.shape)
            return array

    def _strings(self, part: Entry) -> Array:
        with _open(self.paths[part.shard]) as file:
            file.seek(part.offset)
            values = read_strings(file.read(part.size), part.count, part.crc32c, self.order)
        array = np.empty(part.count, dtype=object)
        array[:] = values
        return array.reshape(part.shape)


def _assemble(entry: Entry, parts: Sequence[Array]) -> Array:
    if not entry.slices:
        return parts[0]
    whole = np.empty(entry.shape, dtype=entry.dtype.numpy)
    for part, array in zip(entry.slices, parts, strict=True):
        whole[part.box] = array
    return whole


def read_bundle(prefix: str | os.PathLike[str]) -> Bundle:
    """Read the index of a bundle and hold it against the sizes of the shards.

    Raises:
        FileNotFoundError: there is no ``<prefix>.index``.
        CorruptError: the index is damaged, a shard is missing or cut off, or tensors overlap.
        NewerFormatError: the bundle was written for newer readers.
    """
    prefix = Path(prefix)
    path = prefix.with_name(f"{prefix.name}.index")
    data = path.read_bytes()
    with where(path.name):
        index = read_index(data)
    used = sorted({part.shard for entry in index.entries.values() for part in entry.parts})
    paths = {shard: shard_path(prefix, shard, index.shards) for shard in used}
    for shard, path in paths.items():
        _check_shard(path, index.entries, shard)
    return Bundle(prefix, index.shards, index.order, index.entries, paths)


def _open(path: Path) -> BinaryIO:
    if not path.is_file():
        raise CorruptError("the file is missing")
    return path.open("rb")


def _check_shard(path: Path, entries: Mapping[str, Entry], shard: int) -> None:
    """Make sure that all tensors of a shard lie in it, each by itself."""
    with where(path.name):
        with _open(path) as file:
            size = os.fstat(file.fileno()).st_size
        last, end = "", 0
        for start, stop, key in sorted(_spans(entries, shard)):
            with where(key):
                if start < end:
                    raise CorruptError(f"starts at byte {start}, where {last} still is, up to byte {end}")
                if stop > size:
                    raise CorruptError(f"reaches to byte {stop}, but the file ends at {size}; cut off?")
            last, end = key, stop


def _spans(entries: Mapping[str, Entry], shard: int) -> list[tuple[int, int, str]]:
    """Start, end and name of all that has bytes in a shard."""
    return [
        (part.offset, part.offset + part.size, key)
        for key, entry in entries.items()
        for part in entry.parts
        if part.shard == shard and part.size
    ]
