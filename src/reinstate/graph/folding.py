"""What depends on small constants alone is computed while exporting: indices, offsets, masks.

Only what numpy computes to the last bit as jax does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from reinstate.graph.build import LARGE, Tensor
from reinstate.graph.dimensions import is_static

_Array = np.ndarray[Any, Any]


def _broadcast_in_dim(x: _Array, *, shape: Any, broadcast_dimensions: Any) -> _Array:
    ones = [1] * len(shape)
    for source, target in enumerate(broadcast_dimensions):
        ones[target] = x.shape[source]
    return np.broadcast_to(x.reshape(ones), shape)


def _iota(*, dtype: Any, shape: Any, dimension: int) -> _Array:
    ones = [1] * len(shape)
    ones[dimension] = shape[dimension]
    return np.broadcast_to(np.arange(shape[dimension], dtype=dtype).reshape(ones), shape)


def _select(which: _Array, *cases: _Array) -> _Array:
    return np.choose(which.astype(np.intp), cases)


_ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "neg": np.negative,
    "max": np.maximum,
    "min": np.minimum,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "not": np.invert,
    "select_n": _select,
}
_SHAPED: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {
    "broadcast_in_dim": (_broadcast_in_dim, ("shape", "broadcast_dimensions")),
    "iota": (_iota, ("dtype", "shape", "dimension")),
    "reshape": (lambda x, new_sizes: x.reshape(new_sizes), ("new_sizes",)),
    "squeeze": (lambda x, dimensions: x.squeeze(tuple(dimensions)), ("dimensions",)),
    "transpose": (lambda x, permutation: x.transpose(permutation), ("permutation",)),
    "concatenate": (lambda *xs, dimension: np.concatenate(xs, dimension), ("dimension",)),
    "convert_element_type": (lambda x, new_dtype: x.astype(new_dtype), ("new_dtype",)),
}


def fold(name: str, inputs: Sequence[Tensor], parameters: Mapping[str, Any], avals: Sequence[Any]) -> _Array | None:
    """The result of a primitive on known values; None where it is not to be computed here."""
    (aval, *more) = avals
    known = [tensor.value for tensor in inputs]
    if more or not is_static(aval.shape) or aval.dtype.kind not in "iubf" or any(value is None for value in known):
        return None
    if int(np.prod(aval.shape)) * aval.dtype.itemsize > LARGE:
        return None
    with np.errstate(all="ignore"):
        if name in _ELEMENTWISE and aval.dtype.kind in "iub":
            made = _ELEMENTWISE[name](*known)
        elif name in _SHAPED:
            compute, names = _SHAPED[name]
            made = compute(*known, **{key: parameters[key] for key in names})
        else:
            return None
    result: _Array = np.ascontiguousarray(made).reshape(aval.shape).astype(aval.dtype, copy=False)
    return result
