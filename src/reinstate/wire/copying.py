"""Bytes from files to memory by several threads, their checksums taken on the way.

Memory for tensors is one arena of huge pages, each tensor at a multiple of 64 bytes, which is what jax needs to take an
array as it is. Touching fresh small pages would cost more than the copy itself.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeAlias

import numpy as np
from crc32c import crc32c

from reinstate.errors import CorruptError, where

ALIGNMENT: Final = 64  # bytes
Progress: TypeAlias = Callable[[int], None]
Bytes: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]

THREADS: Final = min(4, os.cpu_count() or 1)
_SEGMENT: Final = 16 << 20  # bytes that one thread works on at a time
_CHUNK: Final = 1 << 20  # bytes whose checksum is taken while they are in the cache


def allocate(sizes: Sequence[int]) -> list[Bytes]:
    """Return one aligned, writable array of bytes per size; their one mapping lives as long as any of them."""
    starts = [0]
    for size in sizes:
        starts.append(starts[-1] + size + -size % ALIGNMENT)
    arena = np.frombuffer(_anonymous(max(starts[-1], 1)), np.uint8)
    return [arena[start : start + size] for start, size in zip(starts, sizes, strict=False)]


def _anonymous(size: int) -> mmap.mmap:
    if not hasattr(mmap, "MAP_PRIVATE"):  # Windows
        return mmap.mmap(-1, size)
    # Private: a shared mapping, which is Python's default, gets small pages, whatever is asked for.
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel without huge pages
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


def map_file(file: BinaryIO) -> Bytes:
    """Map a file that is not empty, read-only; the mapping lives as long as any view of it."""
    return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)


def release(mapped: Bytes) -> None:
    """Give the pages of a mapped file, read for their checksums, back to the page cache until they are used."""
    base: Any = mapped.base
    memory = getattr(base, "obj", base)
    if isinstance(memory, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        memory.madvise(mmap.MADV_DONTNEED)


@dataclass(frozen=True, slots=True)
class Job:
    """Bytes of a file, the memory for them (or the mapped file itself), and the checksum that they should have."""

    path: Path
    key: str  # of the tensor, for errors
    offset: int  # in bytes from the start of the file
    memory: Bytes
    mapped: bool
    crc32c: int  # not masked


@dataclass(frozen=True, slots=True)
class _Segment:
    """A part of a job."""

    index: int
    job: Job
    start: int  # in bytes from the start of the job
    stop: int


def run(jobs: Sequence[Job], progress: Progress | None = None) -> None:
    """Fill the memory of all jobs and compare all checksums; ``progress`` is called with the bytes done so far.

    Raises:
        CorruptError: a checksum differs, or a file has become shorter.
    """
    crcs = [0] * len(jobs)
    done = 0
    for batch, results in _in_parallel([*_batches(jobs)]):
        for segment, crc in zip(batch, results, strict=True):
            size = segment.stop - segment.start
            crcs[segment.index] = combine(crcs[segment.index], crc, size) if segment.start else crc
            done += size
        if progress is not None:
            progress(done)
    for job, crc in zip(jobs, crcs, strict=True):
        if crc != job.crc32c:
            with where(job.path.name), where(job.key):
                raise CorruptError(f"crc32c is {crc:#010x}, stored {job.crc32c:#010x}")


def _batches(jobs: Iterable[Job]) -> Iterator[list[_Segment]]:
    """Cut large jobs up and put small ones together."""
    batch: list[_Segment] = []
    room = _SEGMENT
    for index, job in enumerate(jobs):
        for start in range(0, job.memory.size, _SEGMENT):
            stop = min(start + _SEGMENT, job.memory.size)
            batch.append(_Segment(index, job, start, stop))
            room -= stop - start
            if room <= 0:
                yield batch
                batch, room = [], _SEGMENT
    if batch:
        yield batch


def _in_parallel(batches: Sequence[list[_Segment]]) -> Iterator[tuple[list[_Segment], list[int]]]:
    if len(batches) < 2:
        yield from ((batch, _work(batch)) for batch in batches)
        return
    pool = ThreadPoolExecutor(THREADS)
    try:
        yield from pool.map(lambda batch: (batch, _work(batch)), batches)
    finally:
        pool.shutdown(cancel_futures=True)


def _work(batch: Sequence[_Segment]) -> list[int]:
    """The checksums of the segments, whose memory is filled."""
    with ExitStack() as stack:
        paths = {segment.job.path for segment in batch if not segment.job.mapped}
        files = {path: stack.enter_context(path.open("rb", buffering=0)) for path in paths}
        return [_checksum(segment, files.get(segment.job.path)) for segment in batch]


def _checksum(segment: _Segment, file: RawIOBase | None) -> int:
    job = segment.job
    if job.mapped or file is None:
        return int(crc32c(job.memory[segment.start : segment.stop].data))
    crc = 0
    file.seek(job.offset + segment.start)
    for start in range(segment.start, segment.stop, _CHUNK):
        chunk = job.memory[start : min(start + _CHUNK, segment.stop)]
        _fill(file, chunk, job)
        crc = crc32c(chunk.data, crc)
    return crc


def _fill(file: RawIOBase, memory: Bytes, job: Job) -> None:
    done = 0
    while done < memory.size:
        count = file.readinto(memory[done:].data)
        if not count:
            with where(job.path.name), where(job.key):
                raise CorruptError("the file was cut off while it was read")
        done += count


_POLYNOMIAL: Final = 0x82F63B78  # of crc32c, its lowest power in the highest bit
_ONE: Final = 1 << 31
_BYTE: Final = _ONE >> 8  # the polynomial x to the power of 8: one byte further


def combine(first: int, second: int, size: int) -> int:
    """The crc32c of two runs of bytes one after the other, from theirs; ``size`` is the bytes of the second."""
    power, shifted = _BYTE, first
    while size:
        if size & 1:
            shifted = _multiply(shifted, power)
        power = _multiply(power, power)
        size >>= 1
    return shifted ^ second


def _multiply(a: int, b: int) -> int:
    """The product of two polynomials over GF(2), modulo that of crc32c."""
    product = 0
    while a:
        if a & _ONE:
            product ^= b
        a = a << 1 & 0xFFFFFFFF
        b = b >> 1 ^ (_POLYNOMIAL if b & 1 else 0)
    return product
