"""Tensors by value inside of graphs: ``TensorProto`` to numpy.

Either ``tensor_content`` holds the elements' bytes, or the list of the type holds their values; if that is too short,
its last value stands for the rest (for all, if there is one), and nothing for zeros.
Source: tensorflow/core/framework/{tensor.proto,tensor.cc}.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from reinstate import dtypes
from reinstate.errors import CorruptError, UnsupportedError

MAX_ELEMENTS = 2**31  # of a tensor that is written as one repeated value

_LISTS = {
    "float32": "float_val",
    "float64": "double_val",
    "int64": "int64_val",
    "bool": "bool_val",
    "uint32": "uint32_val",
    "uint64": "uint64_val",
    "string": "string_val",
}
_COMPLEX = {"complex64": ("scomplex_val", np.float32), "complex128": ("dcomplex_val", np.float64)}
_BITS = {"float16", "bfloat16"}  # as 16-bit patterns in half_val


def read_shape(message: Any) -> tuple[int, ...] | None:
    """The dimensions of a ``TensorShapeProto``, -1 where open; None where the rank is unknown.

    Raises:
        CorruptError: a dimension is negative.
    """
    if message.unknown_rank:
        return None
    shape = tuple(dimension.size for dimension in message.dim)
    if any(size < -1 for size in shape):
        raise CorruptError(f"the shape {list(shape)} has a negative dimension")
    return shape


def read_tensor(message: Any) -> np.ndarray[Any, Any]:
    """The value of a ``TensorProto``; strings are object arrays of bytes.

    Raises:
        CorruptError: the shape is open, or does not fit the values.
        UnsupportedError: arrays cannot hold its type.
    """
    dtype = dtypes.from_enum(message.dtype)
    if dtype.numpy is None:
        raise UnsupportedError(f"a constant of type {dtype}")
    shape = read_shape(message.tensor_shape)
    if shape is None or any(size < 0 for size in shape):
        raise CorruptError("a constant whose shape is open")
    count = math.prod(shape)
    if message.tensor_content:
        return _from_content(message.tensor_content, dtype, count).reshape(shape)
    if count > MAX_ELEMENTS:
        raise CorruptError(f"a constant of the shape {list(shape)}")
    values = _from_list(message, dtype)
    if len(values) > count:
        raise CorruptError(f"{len(values)} values for the shape {list(shape)}")
    return _filled(values, count, dtype).reshape(shape)


def _from_content(content: bytes, dtype: dtypes.DType, count: int) -> np.ndarray[Any, Any]:
    if dtype.size == 0 or len(content) != count * dtype.size:
        raise CorruptError(f"{len(content)} bytes for {count} elements of type {dtype}")
    assert dtype.numpy is not None
    if dtype.name == "bool" and max(content) > 1:
        raise CorruptError("a bool that is neither 0 nor 1")
    return np.frombuffer(content, dtype=dtype.numpy.newbyteorder("<") if dtype.numpy.isbuiltin == 1 else dtype.numpy)


def _from_list(message: Any, dtype: dtypes.DType) -> Any:
    if dtype.name in _COMPLEX:
        name, part = _COMPLEX[dtype.name]
        pairs = np.array(getattr(message, name), dtype=part)
        if len(pairs) % 2:
            raise CorruptError("a complex number without its imaginary part")
        return pairs.view(dtype.numpy)
    if dtype.name in _BITS:
        assert dtype.numpy is not None
        return (np.array(message.half_val, dtype=np.int64) & 0xFFFF).astype(np.uint16).view(dtype.numpy)
    if dtype.name.startswith("float8"):
        return np.frombuffer(message.float8_val, dtype=dtype.numpy)
    return getattr(message, _LISTS.get(dtype.name, "int_val"))


def _filled(values: Sequence[Any], count: int, dtype: dtypes.DType) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = np.zeros(count, dtype=dtype.numpy)
    if dtype.name == "string":
        array[:] = b""
    if len(values):
        given = _given(values, dtype)
        array[: len(given)] = given
        array[len(given) :] = given[-1]
    return array


def _given(values: Sequence[Any], dtype: dtypes.DType) -> Any:
    if dtype.name == "string":
        return list(values)
    wide: Any = np.asarray(values)
    if wide.dtype == dtype.numpy:
        return wide
    assert dtype.numpy is not None
    narrow = wide.astype(dtype.numpy)
    if wide.dtype.kind == "i" and dtype.numpy.kind in "iu" and not np.array_equal(narrow.astype(np.int64), wide):
        raise CorruptError(f"a value that is out of the range of {dtype}")
    return narrow
