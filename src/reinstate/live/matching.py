"""Holding the arguments of a call against the form that a function was traced for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

from reinstate import dtypes
from reinstate.archive.functions import leaves
from reinstate.archive.model import CompositeSpec, TensorSpec
from reinstate.graph.rules import native


def match(spec: Any, value: Any, casting: bool = False) -> list[Any] | None:
    """The tensors in ``value``, flat, if it has the form of ``spec``; None if not.

    With ``casting``, numbers of another width are taken, too: Python's, and numpy's float64 for float32.
    """
    if isinstance(spec, TensorSpec):
        tensor = _tensor(spec, value, casting)
        return None if tensor is None else [tensor]
    if isinstance(spec, CompositeSpec):
        parts = list(leaves(value))
        return parts if len(parts) == spec.components > 0 else None
    if isinstance(spec, Mapping):
        if not isinstance(value, Mapping) or set(value) != set(spec):
            return None
        return _all(match(spec[key], value[key], casting) for key in sorted(spec))
    if isinstance(spec, list | tuple):
        if not isinstance(value, list | tuple) or len(value) != len(spec):
            return None
        return _all(match(each, item, casting) for each, item in zip(spec, value, strict=True))
    same = type(spec) is type(value) or (isinstance(spec, int | float) and isinstance(value, int | float))
    return [] if same and bool(spec == value) else None


def _all(parts: Iterator[list[Any] | None]) -> list[Any] | None:
    found: list[Any] = []
    for part in parts:
        if part is None:
            return None
        found += part
    return found


def _tensor(spec: TensorSpec, value: Any, casting: bool) -> Any:
    """The value as an array for ``spec``; None where it is none."""
    if value is None or isinstance(value, Mapping) or spec.dtype.numpy is None:
        return None
    value = getattr(value, "value", value) if hasattr(value, "assign") else value
    if not isinstance(value, jax.Array | np.ndarray | np.generic):
        if not casting:
            return None
        value = _from_python(value, spec.dtype)
        if value is None:
            return None
    if not _shape_fits(spec.shape, tuple(value.shape)):
        return None
    if spec.dtype.numpy.hasobject:
        return _as_text(value)
    if value.dtype.hasobject or value.dtype.kind in "SU":
        return None
    if value.dtype == spec.dtype.numpy or value.dtype == native(spec.dtype):
        return value
    widths = casting and np.can_cast(value.dtype, spec.dtype.numpy, "same_kind") and value.dtype.kind != "b"
    return value.astype(native(spec.dtype)) if widths else None


def _from_python(value: Any, dtype: dtypes.DType) -> Any:
    try:
        array = np.asarray(value)
        if dtype.numpy is None or dtype.numpy.hasobject or array.dtype.kind in "OSU":
            return array
        whole_to_float = array.dtype.kind in "iu" and dtype.numpy.kind not in "iub"
        return array.astype(dtype.numpy) if whole_to_float else array
    except (ValueError, TypeError):
        return None


def _as_text(value: Any) -> Any:
    array = np.asarray(value)
    if array.dtype.kind not in "OSU":
        return None
    text = np.empty(array.size, dtype=object)
    text[:] = [item.encode() if isinstance(item, str) else item for item in array.reshape(-1).tolist()]
    return text.reshape(array.shape) if all(isinstance(item, bytes) for item in text) else None


def _shape_fits(spec: tuple[int | None, ...] | None, shape: tuple[int, ...]) -> bool:
    if spec is None:
        return True
    return len(spec) == len(shape) and all(a in (None, b) for a, b in zip(spec, shape, strict=True))


def described(value: Any) -> str:
    """A specification or a value as a person reads it: ``float32[None, 4]``."""
    if isinstance(value, TensorSpec):
        shape = "?" if value.shape is None else ", ".join("None" if n is None else str(n) for n in value.shape)
        return f"{value.dtype}[{shape}]"
    if isinstance(value, CompositeSpec):
        return value.kind
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {described(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "(" + ", ".join(map(described, value)) + ")"
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{value.dtype}[{', '.join(map(str, value.shape))}]"
    return repr(value)[:60]
