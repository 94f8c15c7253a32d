# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Records of features to tensors, on the host."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from reinstate.errors import MismatchError
from reinstate.graph.examples import read_example
from reinstate.graph.rules import Static, check_size, op, require
from reinstate.graph.strings import encoded


class _Records:
    """The records of a batch; a scalar is a batch of one whose dimension is left out."""

    def __init__(self, serialized: Any) -> None:
        require(serialized.ndim < 2, "records are a vector, or one")
        self.single = serialized.ndim == 0
        self.rows = [read_example(record) for record in serialized.ravel()]

    def column(self, key: bytes, dtype: Any) -> list[list[Any] | None]:
        """The values of a feature in each record; None where it is missing."""
        found: list[list[Any] | None] = []
        for row in self.rows:
            kind, values = row.get(key, ("", None))
            if values is not None and kind != dtype.name:
                raise MismatchError(f"the feature {key!r:.100} is of type {kind}, not {dtype}")
            found.append(values)
        return found

    def sparse(self, key: bytes, dtype: Any) -> tuple[Any, Any, Any]:
        rows = [values or [] for values in self.column(key, dtype)]
        lengths = [len(row) for row in rows]
        places = [(i, j) for i, n in enumerate(lengths) for j in range(n)]
        indices = np.array(places, np.int64).reshape(-1, 2)
        shape = np.array([len(rows), max(lengths, default=0)], np.int64)
        first = 1 if self.single else 0
        return indices[:, first:], _array(list(itertools.chain.from_iterable(rows)), dtype), shape[first:]

    def ragged(self, key: bytes, dtype: Any, splits: Any) -> tuple[Any, Any]:
        rows = [values or [] for values in self.column(key, dtype)]
        ends = np.cumsum([0, *map(len, rows)]).astype(splits.numpy)
        return _array(list(itertools.chain.from_iterable(rows)), dtype), ends[:0] if self.single else ends

    def dense(self, key: bytes, dtype: Any, shape: Any, default: Any) -> Any:
        require(shape is not None, "a dense feature whose rank is unknown")
        rows = self.column(key, dtype)
        if shape and shape[0] < 0:
            return self._padded(key, rows, dtype, shape[1:], default)
        size = math.prod(shape)
        check_size((len(rows), *shape))
        result = np.empty((len(rows), size), dtype.numpy)
        for i, row in enumerate(rows):
            if row is None:
                require(default.size == size or size == 0, f"the feature {key!r:.100} is missing, and has no default")
            require(row is None or len(row) == size, f"the feature {key!r:.100}: not {size} values")
            result[i] = default.ravel() if row is None else row
        return result.reshape(shape if self.single else (len(rows), *shape))

    def _padded(self, key: bytes, rows: Any, dtype: Any, inner: Any, default: Any) -> Any:
        """Rows of different lengths, filled up with the default."""
        each = math.prod(inner)
        require(
            each > 0 and all(len(row or ()) % each == 0 for row in rows), f"the feature {key!r:.100}: no whole rows"
        )
        longest = max((len(row or ()) for row in rows), default=0)
        check_size((len(rows), longest))
        result = np.zeros((len(rows), longest), dtype.numpy)
        result[...] = default.item() if default.size else b"" if dtype.name == "string" else 0
        for i, row in enumerate(rows):
            result[i, : len(row or ())] = row or []
        shape = (longest // each, *inner)
        return result.reshape(shape if self.single else (len(rows), *shape))


def _array(values: list[Any], dtype: Any) -> Any:
    result = np.empty(len(values), dtype.numpy)
    result[:] = values
    return result


def _parsed(records: _Records, sparse: Any, dense: Any, ragged: Any = ()) -> list[Any]:
    """Each argument: keys with what is known of them; the outputs in the order of the op."""
    found = [records.sparse(encoded(key), dtype) for key, dtype in sparse]
    parts = [column for column in zip(*found, strict=True)] if found else [(), (), ()]
    rows = [records.ragged(encoded(key), dtype, splits) for key, dtype, splits in ragged]
    return [
        *(value for part in parts for value in part),
        *(records.dense(encoded(key), dtype, shape, default) for key, dtype, shape, default in dense),
        *(values for values, _ in rows),
        *(splits for _, splits in rows),
    ]


@op("ParseExampleV2")
def parse_example_v2(
    serialized: Static,
    names: Static,
    sparse_keys: Static,
    dense_keys: Static,
    ragged_keys: Static,
    dense_defaults: Static,
    *,
    sparse_types,
    Tdense,
    dense_shapes,
    ragged_value_types,
    ragged_split_types,
):
    sparse = zip(sparse_keys.ravel(), sparse_types, strict=True)
    dense = zip(dense_keys.ravel(), Tdense, dense_shapes, dense_defaults, strict=True)
    ragged = zip(ragged_keys.ravel(), ragged_value_types, ragged_split_types, strict=True)
    return _parsed(_Records(serialized), sparse, dense, ragged)


@op("ParseExample")
def parse_example(
    serialized: Static,
    names: Static,
    sparse_keys: Static,
    dense_keys: Static,
    dense_defaults: Static,
    *,
    sparse_types,
    Tdense,
    dense_shapes,
):
    sparse = zip([key.item() for key in sparse_keys], sparse_types, strict=True)
    dense = zip([key.item() for key in dense_keys], Tdense, dense_shapes, dense_defaults, strict=True)
    return _parsed(_Records(serialized), sparse, dense)


@op("ParseSingleExample")
def parse_single_example(
    serialized: Static, dense_defaults: Static, *, sparse_keys, dense_keys, sparse_types, Tdense, dense_shapes
):
    sparse = zip(sparse_keys, sparse_types, strict=True)
    dense = zip(dense_keys, Tdense, dense_shapes, dense_defaults, strict=True)
    return _parsed(_Records(serialized), sparse, dense)
