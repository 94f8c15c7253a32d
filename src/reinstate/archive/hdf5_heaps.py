"""HDF5's global heaps, where strings of variable length lie, looked at before HDF5 does.

HDF5 walks from object to object by the sizes they claim; a size of zero, or one that overflows, lets it walk forever.
Source: HDF5 file format specification 3.0, III.E.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

from reinstate.errors import CorruptError

_SIGNATURE = b"GCOL\x01"
_SMALLEST = 4096  # bytes; HDF5 refuses a heap that is smaller


def check_heaps(path: Path, length: int) -> None:
    """Walk through every global heap of a file; ``length`` is the bytes of a size in it.

    Raises:
        CorruptError: a heap has an object that is larger than what is left of it, or of no size.
    """
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for start in _heaps(data):
            size = int.from_bytes(data[start + 8 : start + 8 + length], "little")
            if _SMALLEST <= size <= len(data) - start:
                _walk(data, start, start + size, length)


def _heaps(data: mmap.mmap) -> Iterator[int]:
    start = data.find(_SIGNATURE)
    while start >= 0:
        yield start
        start = data.find(_SIGNATURE, start + 1)


def _walk(data: mmap.mmap, start: int, end: int, length: int) -> None:
    header = _padded(8 + length)
    position = start + header
    while position + header <= end:
        size = int.from_bytes(data[position + 8 : position + 8 + length], "little")
        is_free = data[position : position + 2] == b"\0\0"
        step = size if is_free else header + _padded(size)
        if not 0 < step <= end - position:
            raise CorruptError(f"heap at byte {start} > object at byte {position} claims {size} bytes")
        position += step


def _padded(size: int) -> int:
    return -size % 8 + size
