"""Lookup tables of graphs, on the host: keys to values, one to one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from reinstate.dtypes import DType
from reinstate.errors import MismatchError
from reinstate.graph.rules import check_size, require

_WHOLE_LINE, _LINE_NUMBER = -2, -1  # columns of a text file


class LookupTable:
    """A table; keys and values may be arrays of a fixed shape each, not only scalars.

    ``fixed`` ones are filled once, when the model starts; the others take what graphs put into them.
    """

    def __init__(
        self,
        key: DType,
        value: DType,
        fixed: bool,
        value_shape: tuple[int, ...] = (),
        key_shape: tuple[int, ...] = (),
        reserved: tuple[Any, ...] = (),
    ) -> None:
        self.key, self.value, self.fixed = key, value, fixed
        self.value_shape, self.key_shape = value_shape, key_shape
        self._reserved = reserved
        self._entries: dict[Any, Any] = {}

    def __repr__(self) -> str:
        return f"LookupTable({self.key} -> {self.value}, {len(self)} entries)"

    def __len__(self) -> int:
        return len(self._entries)

    def _keys(self, keys: Any) -> tuple[list[Any], tuple[int, ...]]:
        """Keys that a dictionary takes, and the shape that they come in."""
        rank = keys.ndim - len(self.key_shape)
        require(rank >= 0 and keys.shape[rank:] == self.key_shape, f"keys of the shape {list(keys.shape)}")
        shape = keys.shape[:rank]
        if not self.key_shape:
            return keys.ravel().tolist(), shape
        return [tuple(row) for row in keys.reshape(math.prod(shape), -1).tolist()], shape

    def find(self, keys: Any, default: Any) -> Any:
        """The values of keys, in their shape; the default where there is none."""
        wanted, shape = self._keys(keys)
        require(not any(key in self._reserved for key in wanted), "a key that stands for an empty or deleted place")
        whole = (*shape, *self.value_shape)
        check_size(whole)
        result = np.empty(whole, self.value.numpy)
        result[...] = default
        rows = result.reshape(len(wanted), *self.value_shape) if result.size else result
        for i, key in enumerate(wanted):
            if key in self._entries:
                rows[i] = self._entries[key]
        return rows.reshape(whole)

    def insert(self, keys: Any, values: Any) -> None:
        """Put values under keys; in a fixed table a key has one value.

        Raises:
            MismatchError: another value is under a key already, or there are not as many values as keys.
        """
        given, shape = self._keys(keys)
        require(values.shape == (*shape, *self.value_shape), f"values {list(values.shape)} of keys {list(shape)}")
        require(not any(key in self._reserved for key in given), "a key that stands for an empty or deleted place")
        rows = values.reshape(len(given), *self.value_shape).astype(self.value.numpy)
        for key, row in zip(given, list(rows) if self.value_shape else rows.tolist(), strict=True):
            if self.fixed and self._entries.get(key, row) != row:
                raise MismatchError(f"two values for the key {key!r:.100}")
            self._entries[key] = row

    def remove(self, keys: Any) -> None:
        """Take keys out; those that are not there do not matter."""
        for key in self._keys(keys)[0]:
            self._entries.pop(key, None)

    def replace(self, keys: Any, values: Any) -> None:
        """Hold these entries only; those of empty places, which files of dense tables have, are none."""
        self._entries = {}
        kept = [key not in self._reserved for key in self._keys(keys)[0]]
        self.insert(keys[kept], values[kept])

    def export(self) -> tuple[Any, Any]:
        """All keys and values."""
        count = len(self._entries)
        keys, values = (
            np.empty((count, *self.key_shape), self.key.numpy),
            np.empty((count, *self.value_shape), self.value.numpy),
        )
        for i, (key, value) in enumerate(self._entries.items()):
            keys[i], values[i] = key, value
        return keys, values


def table(resource: Any) -> LookupTable:
    """The resource, which should be a table.

    Raises:
        MismatchError: it is none.
    """
    if not isinstance(resource, LookupTable):
        raise MismatchError("the resource is not a table")
    return resource


def fill_from_lines(
    found: LookupTable, lines: list[bytes], columns: tuple[int, int], delimiter: bytes, offset: int, size: int
) -> None:
    """Fill a table from the lines of a text file; ``columns`` are those of keys and values, ``size`` how many to take.

    Raises:
        MismatchError: a line has no such column, or there are fewer lines.
    """
    require(size < 0 or len(lines) >= size, f"{len(lines)} lines, where {size} should be")
    kept = lines if size < 0 else lines[:size]
    keys, values = (
        _column(kept, column, dtype, delimiter, offset)
        for column, dtype in zip(columns, (found.key, found.value), strict=True)
    )
    found.insert(keys, values)


def _column(lines: list[bytes], column: int, dtype: DType, delimiter: bytes, offset: int) -> Any:
    result = np.empty(len(lines), dtype.numpy)
    if column == _LINE_NUMBER:
        result[:] = np.arange(offset, offset + len(lines))
        return result
    texts = lines if column == _WHOLE_LINE else [_field(line, column, delimiter) for line in lines]
    read: Callable[[bytes], Any] = bytes
    if not result.dtype.hasobject:
        read = int if result.dtype.kind in "iu" else float
    result[:] = list(map(read, texts))
    return result


def _field(line: bytes, column: int, delimiter: bytes) -> bytes:
    fields = line.split(delimiter)
    require(0 <= column < len(fields), f"a line of {len(fields)} columns, of which {column} is wanted")
    return fields[column]
