"""Tensors that were saved in parts: the keys of the parts, and whether they make up the whole.

The key of a part is a byte 0, the tensor's name, the number of axes, then start and length of each axis (0 and -1 for
the whole axis), in a code that sorts as its values do.
Source: EncodeTensorNameSlice in tensorflow/core/util/saved_tensor_slice_util.cc, and
tensorflow/core/lib/strings/ordered_code.cc.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Final

import numpy as np

from reinstate.errors import CorruptError

WHOLE: Final = (0, -1)  # the extent of a whole axis

Extent = tuple[int, int]


def slice_key(name: bytes, extents: Sequence[Extent]) -> bytes:
    """The key of a part in the index."""
    escaped = b"".join(_ESCAPES.get(byte, bytes([byte])) for byte in name)
    rank = len(extents).to_bytes((len(extents).bit_length() + 7) // 8, "big")
    numbers = b"".join(_signed(number) for extent in extents for number in extent)
    return b"\0" + escaped + b"\0\1" + bytes([len(rank)]) + rank + numbers


_ESCAPES: Final = {0x00: b"\x00\xff", 0xFF: b"\xff\x00"}


def _signed(value: int) -> bytes:
    """A number of ``n`` bytes, whose first ``n`` bits say so: ones if it is positive, zeros if it is negative."""
    magnitude = ~value if value < 0 else value
    size = magnitude.bit_length() // 7 + 1
    header = ((1 << size) - 1) << (7 * size)
    return ((value & ((1 << 8 * size) - 1)) ^ header).to_bytes(size, "big")


def box(extents: Sequence[Extent], shape: Sequence[int]) -> tuple[slice, ...]:
    """Where a part lies in a tensor of ``shape``.

    Raises:
        CorruptError: it reaches beyond the tensor.
    """
    if len(extents) != len(shape):
        raise CorruptError(f"a part with {len(extents)} axes of a tensor with {len(shape)}")
    return tuple(_axis(start, length, size) for (start, length), size in zip(extents, shape, strict=True))


def _axis(start: int, length: int, size: int) -> slice:
    if (start, length) == WHOLE:
        return slice(0, size)
    if start < 0 or length < 0 or start + length > size:
        raise CorruptError(f"a part from {start}, {length} long, of an axis of {size}")
    return slice(start, start + length)


def check_cover(boxes: Sequence[tuple[slice, ...]], shape: Sequence[int]) -> None:
    """Make sure that the parts make up the whole, each element once.

    Raises:
        CorruptError: there is a hole, or parts overlap.
    """
    volume = sum(prod(side.stop - side.start for side in part) for part in boxes)
    if volume != prod(shape):
        raise CorruptError(f"the parts have {volume} elements, the whole {prod(shape)}")
    if volume and not _grid(boxes, shape).all():
        raise CorruptError("the parts overlap and leave a hole")


def _grid(boxes: Sequence[tuple[slice, ...]], shape: Sequence[int]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which cells are covered, of the grid that the edges of all parts make; it has no more cells than the tensor."""
    whole = tuple(slice(0, size) for size in shape)
    sides = zip(whole, *boxes, strict=True)
    edges = [sorted({edge for side in axis for edge in (side.start, side.stop)}) for axis in sides]
    places = [{edge: place for place, edge in enumerate(axis)} for axis in edges]
    covered = np.zeros([len(axis) - 1 for axis in edges], dtype=np.bool_)
    for part in boxes:
        covered[tuple(slice(at[side.start], at[side.stop]) for at, side in zip(places, part, strict=True))] = True
    return covered
