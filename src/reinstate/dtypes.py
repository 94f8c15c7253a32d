"""The element types of TensorFlow: one row each, with the number, the name, and what numpy calls it.

Source: tensorflow/core/framework/types.proto.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from reinstate.errors import CorruptError, UnsupportedError

_REF = 100  # DT_FLOAT_REF is DT_FLOAT + 100: a reference to a variable of TF1, of the same element type


@dataclass(frozen=True, slots=True)
class DType:
    """An element type.

    ``enum`` is TensorFlow's number, ``name`` its name. ``numpy`` is the type of arrays of it (``object`` for strings,
    whose elements are ``bytes``; None where arrays cannot hold it). ``size`` is bytes per element, in memory and in
    files alike: the 4- and 2-bit types take a whole byte in both. 0 where elements differ in size.
    """

    enum: int
    name: str
    numpy: np.dtype[Any] | None
    size: int

    def __repr__(self) -> str:
        return self.name


def _row(enum: int, name: str, scalar: Any) -> DType:
    numpy = None if scalar is None else np.dtype(scalar)
    return DType(enum, name, numpy, 0 if numpy is None or numpy.hasobject else numpy.itemsize)


DTYPES = (
    _row(1, "float32", np.float32),
    _row(2, "float64", np.float64),
    _row(3, "int32", np.int32),
    _row(4, "uint8", np.uint8),
    _row(5, "int16", np.int16),
    _row(6, "int8", np.int8),
    _row(7, "string", object),
    _row(8, "complex64", np.complex64),
    _row(9, "int64", np.int64),
    _row(10, "bool", np.bool_),
    _row(11, "qint8", np.int8),
    _row(12, "quint8", np.uint8),
    _row(13, "qint32", np.int32),
    _row(14, "bfloat16", ml_dtypes.bfloat16),
    _row(15, "qint16", np.int16),
    _row(16, "quint16", np.uint16),
    _row(17, "uint16", np.uint16),
    _row(18, "complex128", np.complex128),
    _row(19, "float16", np.float16),
    _row(20, "resource", None),
    _row(21, "variant", None),
    _row(22, "uint32", np.uint32),
    _row(23, "uint64", np.uint64),
    _row(24, "float8_e5m2", ml_dtypes.float8_e5m2),
    _row(25, "float8_e4m3fn", ml_dtypes.float8_e4m3fn),
    _row(26, "float8_e4m3fnuz", ml_dtypes.float8_e4m3fnuz),
    _row(27, "float8_e4m3b11fnuz", ml_dtypes.float8_e4m3b11fnuz),
    _row(28, "float8_e5m2fnuz", ml_dtypes.float8_e5m2fnuz),
    _row(29, "int4", ml_dtypes.int4),
    _row(30, "uint4", ml_dtypes.uint4),
    _row(31, "int2", ml_dtypes.int2),
    _row(32, "uint2", ml_dtypes.uint2),
    _row(33, "float4_e2m1fn", ml_dtypes.float4_e2m1fn),
)

_BY_ENUM = {row.enum: row for row in DTYPES}
_BY_NAME = {row.name: row for row in DTYPES}
# The quantized types are left out: numpy knows only their integers.
_BY_NUMPY = {row.numpy: row for row in DTYPES if row.numpy is not None and not row.name.startswith("q")}


def from_enum(enum: int) -> DType:
    """Look up TensorFlow's number; a reference type of TF1 is the type it refers to.

    Raises:
        CorruptError: no version of TensorFlow that is known has such a type.
    """
    row = _BY_ENUM.get(enum - _REF if enum > _REF else enum)
    if row is None:
        raise CorruptError(f"there is no dtype with the number {enum}")
    return row


def from_name(name: str) -> DType:
    """Look up TensorFlow's name (``"float32"``, ``"string"``); a reference type of TF1 is the type it refers to.

    Raises:
        UnsupportedError: TensorFlow has no type of this name.
    """
    row = _BY_NAME.get(name.removesuffix("_ref"))
    if row is None:
        raise UnsupportedError(f"TensorFlow has no dtype named {name!r}")
    return row


def from_numpy(dtype: np.dtype[Any]) -> DType:
    """Find the type that arrays of ``dtype`` are stored as, in any byte order; strings and bytes are ``string``.

    Raises:
        UnsupportedError: TensorFlow has no such type.
    """
    if dtype.kind in "SU":
        return _BY_NAME["string"]
    row = _BY_NUMPY.get(dtype.newbyteorder("="))
    if row is None:
        raise UnsupportedError(f"TensorFlow has no dtype for numpy's {dtype}")
    return row
