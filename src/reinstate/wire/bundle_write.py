"""Writing a bundle: straight from the arrays' memory, the checksums taken by a second thread meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

import numpy as np
from crc32c import crc32c

from reinstate.dtypes import DType, from_numpy
from reinstate.errors import UnsupportedError
from reinstate.wire import messages
from reinstate.wire.copying import ALIGNMENT, Bytes, Progress
from reinstate.wire.sstable import mask, write_table
from reinstate.wire.strings import elements, write_strings

_CHUNK: Final = 16 << 20  # bytes written at a time
_SMALL: Final = 64 << 10  # bytes whose checksum is not worth a thread
_BITS: Final = {"int4": 4, "uint4": 4, "float4_e2m1fn": 4, "int2": 2, "uint2": 2}  # of the byte, the rest is zero

Array: TypeAlias = np.ndarray[Any, Any]


def shard_path(prefix: Path, shard: int, shards: int) -> Path:
    """The path of a data file."""
    return prefix.with_name(f"{prefix.name}.data-{shard:05d}-of-{shards:05d}")


@dataclass(frozen=True, slots=True)
class _Plan:
    """A tensor to be written, and where to."""

    key: str
    dtype: DType
    shape: tuple[int, ...]
    size: int  # bytes
    source: Array | bytes  # bytes: strings, in their stored form
    crc32c: int | None  # masked; known in advance for strings
    shard: int = 0
    offset: int = 0


def write_bundle(
    prefix: str | os.PathLike[str],
    tensors: Mapping[str, Array],
    *,
    dtypes: Mapping[str, DType] | None = None,
    shard_bytes: int | None = None,
    shards: int = 1,
    progress: Progress | None = None,
) -> int:
    """Write ``tensors`` as the bundle ``prefix``, in their order; return the bytes written.

    Strings are object arrays of bytes (or str), or numpy's own. ``dtypes`` gives the type of tensors by name where it
    is not that of the array (quantized types). ``shard_bytes`` begins a new data file before one grows beyond it.
    ``shards`` is the least number of data files that names and header speak of; of these only files with tensors are
    written, and readers do not miss the others. ``progress`` is called with the bytes done so far. The same tensors
    give the same bytes.

    Raises:
        UnsupportedError: arrays have a type that TensorFlow does not have; names all of them.
    """
    prefix = Path(prefix)
    plans = _place([*_plans(tensors, dtypes or {})], shard_bytes)
    used = plans[-1].shard + 1 if plans else 1
    shards = max(shards, used)
    done = 0
    crcs: list[int] = []
    for shard in range(used):
        members = [plan for plan in plans if plan.shard == shard]
        with shard_path(prefix, shard, shards).open("wb", buffering=1 << 20) as file, ThreadPoolExecutor(1) as pool:
            writer = _Writer(file, pool, progress, done)
            crcs += [crc.result() if isinstance(crc, Future) else crc for crc in map(writer.write, members)]
            done = writer.done
    index = write_table(_index(plans, crcs, shards))
    prefix.with_name(f"{prefix.name}.index").write_bytes(index)
    return done + len(index)


def _plans(tensors: Mapping[str, Array], types: Mapping[str, DType]) -> Iterator[_Plan]:
    offenders = []
    for key, array in tensors.items():
        if not key or key.startswith("\0"):
            raise ValueError(f"{key!r} cannot name a tensor")
        try:
            yield _plan(key, np.asarray(array), types.get(key))
        except (UnsupportedError, TypeError) as error:
            offenders.append(f"{key}: {error}")
    if offenders:
        raise UnsupportedError("tensors that a checkpoint cannot hold:", offenders)


def _plan(key: str, array: Array, dtype: DType | None) -> _Plan:
    dtype = from_numpy(array.dtype) if dtype is None else dtype
    if dtype.numpy is None:
        raise UnsupportedError(f"{dtype} is not a type of arrays")
    if dtype.name == "string":
        data, crc = write_strings(elements(array))
        return _Plan(key, dtype, array.shape, len(data), data, crc)
    if array.dtype.newbyteorder("=") != dtype.numpy:
        raise UnsupportedError(f"an array of {array.dtype} is not of the type {dtype}")
    return _Plan(key, dtype, array.shape, array.nbytes, array, None)


def _place(plans: list[_Plan], shard_bytes: int | None) -> list[_Plan]:
    """Give each tensor its shard and its offset."""
    placed, shard, offset = [], 0, 0
    for plan in plans:
        if shard_bytes is not None and offset and offset + plan.size > shard_bytes:
            shard, offset = shard + 1, 0
        placed.append(replace(plan, shard=shard, offset=offset))
        offset += plan.size
        offset += -offset % ALIGNMENT
    return placed


@dataclass(slots=True)
class _Writer:
    """Writes the tensors of one shard, one after the other."""

    file: BinaryIO
    pool: ThreadPoolExecutor
    progress: Progress | None
    done: int  # bytes, over all shards

    def write(self, plan: _Plan) -> int | Future[int]:
        """Write a tensor; return its masked checksum, or where it will be."""
        self._put(bytes(plan.offset - self.file.tell()))
        data = _bytes(plan)
        crc = plan.crc32c if plan.crc32c is not None else self._checksum(data)
        for start in range(0, len(data), _CHUNK):
            self._put(data[start : start + _CHUNK])
            if self.progress is not None:
                self.progress(self.done)
        return crc

    def _put(self, data: bytes | memoryview) -> None:
        self.file.write(data)
        self.done += len(data)

    def _checksum(self, data: memoryview) -> int | Future[int]:
        if len(data) <= _SMALL:
            return mask(crc32c(data))
        return self.pool.submit(lambda: mask(crc32c(data)))


def _bytes(plan: _Plan) -> memoryview:
    """The tensor as it stands in the file, row-major and little-endian; where the array is so, its own memory."""
    if isinstance(plan.source, bytes):
        return memoryview(plan.source)
    array = np.ascontiguousarray(plan.source).reshape(-1)
    if plan.dtype.size > 1:
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    data: Bytes = array.view(np.uint8)
    if plan.dtype.name in _BITS:
        data = data & np.uint8((1 << _BITS[plan.dtype.name]) - 1)
    return data.data


def _index(plans: list[_Plan], crcs: list[int], shards: int) -> Iterator[tuple[bytes, bytes]]:
    header = messages.BundleHeaderProto(num_shards=shards, version=messages.VersionDef(producer=1))
    yield b"", messages.serialize(header)
    for plan, crc in zip(plans, crcs, strict=True):
        entry = messages.BundleEntryProto(
            dtype=plan.dtype.enum, shard_id=plan.shard, offset=plan.offset, size=plan.size, crc32c=crc
        )
        entry.shape.SetInParent()
        for size in plan.shape:
            entry.shape.dim.add(size=size)
        yield plan.key.encode(), messages.serialize(entry)
