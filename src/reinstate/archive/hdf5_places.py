"""Where the values of a dataset lie in an HDF5 file: found without reading them, held against the size of the file."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from reinstate import dtypes
from reinstate.archive.hdf5_objects import Objects, decode, guarded, library
from reinstate.dtypes import DType
from reinstate.errors import CorruptError, UnsafeError, UnsupportedError

_EXPANSION = 1032  # the most that deflate can expand; LZF and szip stay below
_CHUNK = 64  # how much larger a chunk may be than all values
_FILTERS = frozenset({1, 2, 3, 4, 32000})  # deflate, shuffle, fletcher32, szip, LZF: none of them loads a plugin
_OPAQUE2 = np.dtype("V2")
_LIMIT = 1 << 58  # elements; beyond it numpy cannot shape even an empty array


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how a dataset lies: ``stored`` is its type in HDF5, ``dtype`` the one it stands for.

    ``offset`` is its first byte in the file where its bytes lie there in one piece and as numpy wants them, else None.
    """

    dtype: DType
    stored: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int | None

    @property
    def nbytes(self) -> int:
        """Its size in memory, in bytes."""
        return math.prod(self.shape) * self.stored.itemsize


def find_place(objects: Objects, path: str) -> Place:
    """Look where the dataset at an absolute path lies, and whether its claims fit the file.

    Raises:
        UnsafeError: its values lie outside the file.
        UnsupportedError: it is made with a filter that would load a plugin.
        CorruptError: there is none, it is not made of numbers, or it is larger than the file can be.
    """
    dataset, h5py = objects.find(path), library()
    if dataset is None or not isinstance(dataset, h5py.h5d.DatasetID):
        raise CorruptError("no such dataset" if dataset is None else "not a dataset")
    with guarded():
        properties = dataset.get_create_plist()
        layout = properties.get_layout()
        if layout == h5py.h5d.VIRTUAL:
            raise UnsafeError("a virtual dataset, whose values lie in other datasets")
        if properties.get_external_count():
            raise UnsafeError("an external dataset, whose values lie in other files")
        kind = dataset.get_type()
        stored = _stored(kind)
        place = Place(_dtype(dataset, stored), stored, _shape(dataset), None)
        if layout == h5py.h5d.CONTIGUOUS:
            offset = dataset.get_offset()
            _check_size(place.nbytes, 0 if offset is None else min(dataset.get_storage_size(), objects.size - offset))
            if _as_in_memory(kind, stored):
                return replace(place, offset=offset)
        else:
            held = min(dataset.get_storage_size(), objects.size)
            _check_size(place.nbytes, held * (_expansion(properties, place) if layout == h5py.h5d.CHUNKED else 1))
        objects.check_first(dataset)
        return place


def _stored(kind: Any) -> np.dtype[Any]:
    stored: np.dtype[Any] = kind.dtype
    if stored.kind not in "biufcV" or stored.names or stored.subdtype or stored.hasobject:
        raise CorruptError(f"a dataset of {stored}, not of numbers")
    return stored


def _dtype(dataset: Any, stored: np.dtype[Any]) -> DType:
    """The type that the values stand for: bits of types that HDF5 lacks carry its name as an attribute."""
    h5a = library().h5a
    if stored.kind not in "uiV" or not h5a.exists(dataset, b"dtype"):
        # tf.keras writes bfloat16 as two opaque bytes, and cannot read them.
        return dtypes.from_name("bfloat16") if stored == _OPAQUE2 else dtypes.from_numpy(stored)
    attribute = h5a.open(dataset, b"dtype")
    if attribute.shape != () or attribute.get_storage_size() > 64:
        raise CorruptError("attribute 'dtype' is not a name")
    value = np.empty((), attribute.dtype)
    attribute.read(value)
    dtype = dtypes.from_name(decode(value.item(), "dtype"))
    if dtype.size != stored.itemsize:
        raise CorruptError(f"{dtype.name} cannot be stored as {stored}")
    return dtype


def _shape(dataset: Any) -> tuple[int, ...]:
    space = dataset.get_space()
    if space.get_simple_extent_type() == library().h5s.NULL:
        raise CorruptError("a dataset without values")
    shape: tuple[int, ...] = space.get_simple_extent_dims()
    if math.prod(max(size, 1) for size in shape) >= _LIMIT:
        raise CorruptError(f"shape {shape} is beyond any memory")
    return shape


def _check_size(claimed: int, held: int) -> None:
    if claimed > max(held, 0):
        raise CorruptError(f"claims {claimed} bytes of values, and the file holds at most {max(held, 0)} of them")


def _expansion(properties: Any, place: Place) -> int:
    """How much larger the values of a chunked dataset can be than what the file holds of them."""
    filters = {properties.get_filter(index)[0] for index in range(properties.get_nfilters())}
    if filters - _FILTERS:
        raise UnsupportedError(f"compressed with filters that are not part of HDF5: {sorted(filters - _FILTERS)}")
    chunk = math.prod(properties.get_chunk()) * place.stored.itemsize
    if chunk > max(place.nbytes * _CHUNK, 1 << 20):
        raise CorruptError(f"chunks of {chunk} bytes for {place.nbytes} bytes of values")
    return _EXPANSION if filters else 1


def _as_in_memory(kind: Any, stored: np.dtype[Any]) -> bool:
    """Whether values of this HDF5 type are numpy's, bit for bit; booleans are not, any byte could be in them."""
    if stored.kind == "V":
        return bool(kind.get_size() == stored.itemsize)
    return bool(stored.kind != "b" and stored.isnative and kind.equal(_native(stored)))


@cache
def _native(dtype: np.dtype[Any]) -> Any:
    return library().h5t.py_create(dtype)
