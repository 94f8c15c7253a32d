"""The values of the datasets of an HDF5 file.

Values that lie in one piece are mapped, or read past HDF5, which has one lock and one thread; others go through h5py.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reinstate.archive.hdf5_objects import guarded, library, opened
from reinstate.archive.hdf5_places import Place
from reinstate.archive.model import TensorRef
from reinstate.errors import CorruptError, where
from reinstate.wire.copying import ALIGNMENT, Bytes, allocate

_Array = np.ndarray[Any, Any]
_THREADS = 2
_PIECE = 4 << 20  # bytes that a thread reads at a time


@dataclass(frozen=True, slots=True)
class HDF5Tensors:
    """Datasets by absolute path: of a file that is opened anew to be read, or of one that the caller holds open."""

    places: Mapping[str, Place]
    source: Any  # a Path, or an h5py.File
    stamp: tuple[int, int] = (0, 0)  # what `stamp_of` said when the places were looked up

    def read(self, refs: Sequence[TensorRef]) -> list[_Array]:
        """Return one array per ref, each at a multiple of 64 bytes; read-only where the file is mapped.

        Raises:
            CorruptError: the file has changed, ends early, or tensors overlap.
        """
        places = {ref.key: self.places[ref.key] for ref in refs}
        if not self.source:
            raise ValueError("the h5py.File was closed before its tensors were read")
        path = self.source if isinstance(self.source, Path) else None
        with where(Path(path or self.source.filename).name):
            _check_overlap(place for place in places.values() if place.offset is not None)
            arrays = self._of_path(places, path) if path else _through_h5py(places, self.source)
        return [arrays[ref.key] for ref in refs]

    def _of_path(self, places: Mapping[str, Place], path: Path) -> dict[str, _Array]:
        direct = {key: place for key, place in places.items() if place.offset is not None and place.nbytes}
        map_it = self._is_to_be_mapped()
        mapped = {key: place for key, place in direct.items() if map_it and _is_aligned(place)}
        copied = {key: place for key, place in direct.items() if key not in mapped}
        others = {key: place for key, place in places.items() if key not in direct}
        with open(path, "rb") as file:
            if stamp_of(os.fstat(file.fileno())) != self.stamp:
                raise CorruptError("the file was changed after its structure was read")
            arrays = _mapped(mapped, file.fileno()) | _copied(copied, file.fileno())
        if not others:
            return arrays
        with opened(path) as h5:
            return arrays | _through_h5py(others, h5)

    def _is_to_be_mapped(self) -> bool:
        """Whether the file lays its tensors out for it, as ours do; in others a few are aligned by chance."""
        large = [place for place in self.places.values() if place.nbytes >= ALIGNMENT]
        return all(place.offset is None or _is_aligned(place) for place in large)


def stamp_of(status: os.stat_result) -> tuple[int, int]:
    """Size in bytes and time of change in nanoseconds, by which a file is known to be still the same."""
    return status.st_size, status.st_mtime_ns


def _check_overlap(places: Iterable[Place]) -> None:
    """Refuse what could make a small file fill the memory: many tensors over the same bytes."""
    end = 0
    for start, size in sorted((place.offset or 0, place.nbytes) for place in places):
        if start < end:
            raise CorruptError(f"tensors overlap at byte {start}")
        end = start + size


def _is_aligned(place: Place) -> bool:
    return place.offset is not None and place.offset % ALIGNMENT == 0


def _mapped(places: Mapping[str, Place], descriptor: int) -> dict[str, _Array]:
    if not places:
        return {}
    whole = np.frombuffer(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ), np.uint8)
    return {key: _shaped(whole[place.offset :][: place.nbytes], place) for key, place in places.items()}


def _copied(places: Mapping[str, Place], descriptor: int) -> dict[str, _Array]:
    buffers = _allocated(places)
    _fill(descriptor, [(place.offset or 0, buffers[key]) for key, place in places.items()])
    return {key: _shaped(buffers[key], place) for key, place in places.items()}


def _fill(descriptor: int, jobs: Iterable[tuple[int, Bytes]]) -> None:
    """Read from the file into arrays, in two threads; each job is an offset in the file, in bytes, and an array."""
    with ThreadPoolExecutor(_THREADS) as pool:
        # Listed, so that an error in a thread is raised here.
        list(pool.map(lambda batch: _read_batch(descriptor, batch), _batches(jobs)))


def _batches(jobs: Iterable[tuple[int, Bytes]]) -> Iterator[list[tuple[int, Bytes]]]:
    """Cut large jobs up and put small ones together, for a thread to do at a time."""
    batch: list[tuple[int, Bytes]] = []
    size = 0
    for offset, array in jobs:
        for start in range(0, array.size, _PIECE):
            batch.append((offset + start, array[start : start + _PIECE]))
            size += batch[-1][1].size
            if size >= _PIECE:
                yield batch
                batch, size = [], 0
    yield batch


def _read_batch(descriptor: int, batch: Iterable[tuple[int, Bytes]]) -> None:
    for offset, array in batch:
        done = 0
        while done < array.size:
            count = os.preadv(descriptor, [array[done:].data], offset + done)
            if count == 0:
                raise CorruptError(f"the file ends at byte {offset + done}, within a tensor")
            done += count


def _through_h5py(places: Mapping[str, Place], file: Any) -> dict[str, _Array]:
    h5py = library()
    buffers = _allocated(places)
    for key, place in places.items():
        if place.nbytes:
            values = buffers[key].view(place.stored.newbyteorder("=")).reshape(place.shape)
            with where(key.strip("/").replace("/", " > ")), guarded():
                h5py.h5d.open(file.id, key.encode()).read(h5py.h5s.ALL, h5py.h5s.ALL, values)
    return {key: _shaped(buffers[key], place) for key, place in places.items()}


def _allocated(places: Mapping[str, Place]) -> dict[str, Bytes]:
    return dict(zip(places, allocate([place.nbytes for place in places.values()]), strict=True))


def _shaped(buffer: Bytes, place: Place) -> _Array:
    return buffer.view(place.dtype.numpy or place.stored).reshape(place.shape)
