"""The table of jax's primitives: what ops each becomes. ``@lower("transpose")`` puts a function into it.

Positional parameters are the graph builder and the primitive's inputs (tensors), keyword-only ones its parameters,
spelt as jax spells them. Two keywords are ours:

* ``out``: what comes out, with ``shape`` and ``dtype`` each (of the first output where there are several: all);
* ``inline``: ``inline(g, jaxpr, arguments)`` puts a jaxpr into a function.

A parameter that a rule neither names nor ignores must be None, else the primitive is refused.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np

from reinstate import dtypes
from reinstate.dtypes import DType
from reinstate.graph.build import GraphBuilder, Tensor

_F = TypeVar("_F", bound=Callable[..., Any])
_OURS = frozenset({"out", "inline"})
G: TypeAlias = GraphBuilder

# Parameters that say how the result is computed or placed, not what it is.
_HINTS = frozenset({"accuracy", "out_sharding", "sharding", "precision", "name", "weak_type", "out_dtype"})


@dataclass(frozen=True, slots=True)
class Lowering:
    """How a primitive becomes ops: ``make(g, *inputs, **parameters)``."""

    make: Callable[..., Any]
    parameters: frozenset[str]
    ours: frozenset[str]
    ignored: frozenset[str]


LOWERINGS: dict[str, Lowering] = {}


def lower(*names: str, ignore: str = "") -> Callable[[_F], _F]:
    """Register a function as the rule of the primitives ``names``; ``ignore`` lists parameters without effect here."""

    def register(make: _F) -> _F:
        parameters = inspect.signature(make).parameters.values()
        keywords = frozenset(each.name for each in parameters if each.kind == each.KEYWORD_ONLY)
        ignored = _HINTS.union(ignore.split()) - keywords
        for name in names:
            LOWERINGS[name] = Lowering(make, keywords - _OURS, keywords & _OURS, ignored)
        return make

    return register


def dtype_of(dtype: Any) -> DType:
    """TensorFlow's type for one of jax's."""
    return dtypes.from_numpy(np.dtype(dtype))


def ints(values: Any) -> list[int]:
    """Sizes or axes as Python integers; jax has numpy's among them."""
    return [int(value) for value in values]


def vector(values: Any) -> np.ndarray[Any, Any]:
    """Sizes or axes as an operand of int32."""
    return np.array(ints(values), np.int32).reshape(-1)


def named(x: Tensor, *names: str) -> bool:
    """Whether a tensor has one of these types."""
    return x.dtype.name in names
