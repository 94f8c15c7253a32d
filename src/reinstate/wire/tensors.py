"""Shapes, and tensors by value, inside of graphs: ``TensorShapeProto`` and ``TensorProto``, read and written.

Either ``tensor_content`` holds the elements' bytes, or the list of the type holds their values; if that is too short,
its last value stands for the rest (for all, if there is one), and nothing for zeros.
Source: tensorflow/core/framework/{tensor.proto,tensor.cc,tensor_shape.proto}.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from reinstate import dtypes
from reinstate.errors import CorruptError, UnsupportedError

Shape: TypeAlias = Sequence[int | None] | None  # None: the rank is unknown; a dimension that is None or -1 is open

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
_INTS = frozenset({"int32", "int16", "int8", "uint8", "uint16"})  # in int_val


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


def read_tensor(message: Any, most: int = MAX_ELEMENTS) -> np.ndarray[Any, Any]:
    """The value of a ``TensorProto``; strings are object arrays of bytes. ``most`` elements may stand for more bytes.

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
    values = _from_list(message, dtype)
    if count > max(most, len(values)):
        raise CorruptError(f"a constant of the shape {list(shape)}")
    if len(values) > count:
        raise CorruptError(f"{len(values)} values for the shape {list(shape)}")
    return _filled(values, count, dtype).reshape(shape)


def _from_content(content: bytes, dtype: dtypes.DType, count: int) -> np.ndarray[Any, Any]:
    if dtype.size == 0 or len(content) != count * dtype.size:
        raise CorruptError(f"{len(content)} bytes for {count} elements of type {dtype}")
    assert dtype.numpy is not None
    if dtype.name == "bool" and max(content) > 1:
        raise CorruptError("a bool that is neither 0 nor 1")
    return np.frombuffer(content, dtype=_little(dtype.numpy))


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


def write_shape(message: Any, shape: Shape) -> None:
    """Fill in a ``TensorShapeProto``."""
    if shape is None:
        message.unknown_rank = True
        return
    for size in shape:
        message.dim.add(size=-1 if size is None else size)


def write_tensor(message: Any, value: np.ndarray[Any, Any]) -> None:
    """Fill in a ``TensorProto``: scalars and strings as values, the rest as bytes."""
    dtype = dtypes.from_numpy(value.dtype)
    message.dtype = dtype.enum
    write_shape(message.tensor_shape, value.shape)
    field = _LISTS.get(dtype.name, "int_val" if dtype.name in _INTS else None)
    if dtype.name == "string":
        message.string_val.extend(value.reshape(-1).tolist())
    elif value.size == 1 and field is not None:
        getattr(message, field).append(value.item())
    else:
        message.tensor_content = np.ascontiguousarray(value).astype(_little(value.dtype), copy=False).tobytes()


def _little(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype.newbyteorder("<") if dtype.isbuiltin == 1 else dtype
