"""The table of ops: how each is computed. ``@op("Pack")`` puts a function into it.

Positional parameters are the op's inputs (one that is a list of tensors is a tuple), keyword-only ones its attributes,
spelt as TensorFlow spells them. ``Static`` marks an input that must be known while tracing: it comes as a numpy array.
Attributes that only number or type the inputs and outputs need not be named. Two keywords are ours:

* ``xp``: numpy while every input is known, jax.numpy once one is not;
* ``context``: what runs functions and holds variables' values.

int64, uint64 and float64 are kept by numpy while values are known; without ``jax_enable_x64``, jax has only 32 bits.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from reinstate.dtypes import DType
from reinstate.errors import MismatchError, UnsupportedError

Static: TypeAlias = np.ndarray[Any, Any]
_F = TypeVar("_F", bound=Callable[..., Any])
_OURS = {"xp", "context"}


@dataclass(frozen=True, slots=True)
class Rule:
    """How an op is computed: ``compute(*inputs, **attributes)``."""

    name: str
    compute: Callable[..., Any]
    attributes: frozenset[str]
    ignored: frozenset[str]
    static: frozenset[int]  # positions of inputs
    star: bool  # the last parameter takes the tensors of the last input one by one
    xp: bool
    context: bool
    stateful: bool  # it must run even where nothing uses its outputs
    raw: bool  # it takes its inputs as they are: known ones stay numpy beside those that are not


RULES: dict[str, Rule] = {}


def op(*names: str, ignore: str = "", stateful: bool = False, raw: bool = False) -> Callable[[_F], _F]:
    """Register a function as the rule of the ops ``names``; ``ignore`` lists attributes that have no effect here.

    Inputs come all as numpy or all as jax's; ``raw`` ones come as they are.
    """

    def register(compute: _F) -> _F:
        for name in names:
            _add(name, compute, ignore, stateful, raw)
        return compute

    return register


def row(name: str, compute: Callable[..., Any], ignore: str = "") -> None:
    """Register ``compute(xp, *inputs)``: a line in a table, for ops that only need their inputs."""

    def plain(*inputs: Any, xp: Any) -> Any:
        return compute(xp, *inputs)

    _add(name, plain, ignore, stateful=False, raw=False)
    RULES[name] = replace(RULES[name], star=False)


def _add(name: str, compute: Callable[..., Any], ignore: str, stateful: bool, raw: bool) -> None:
    parameters = inspect.signature(compute).parameters.values()
    inputs = [parameter for parameter in parameters if parameter.kind != parameter.KEYWORD_ONLY]
    keywords = {parameter.name for parameter in parameters if parameter.kind == parameter.KEYWORD_ONLY}
    RULES[name] = Rule(
        name,
        compute,
        frozenset(keywords - _OURS),
        frozenset(ignore.split()),
        frozenset(i for i, parameter in enumerate(inputs) if parameter.annotation in ("Static", Static)),
        bool(inputs) and inputs[-1].kind == inspect.Parameter.VAR_POSITIONAL,
        "xp" in keywords,
        "context" in keywords,
        stateful,
        raw,
    )


class UnknownValueError(UnsupportedError):
    """A value must be known while tracing, and is not: outside of ``jax.jit`` it would be."""


def known(value: Any) -> bool:
    """Whether a value is numpy: known while tracing."""
    return isinstance(value, np.ndarray | np.generic)


def static(value: Any, what: str) -> Static:
    """The value as numpy.

    Raises:
        UnknownValueError: it is being traced.
    """
    if isinstance(value, jax.core.Tracer):
        raise UnknownValueError(f"{what} decides on the shape of the result, and is not known under jax.jit")
    return np.asarray(value)


def native(dtype: DType | np.dtype[Any]) -> np.dtype[Any]:
    """The type that jax has for this one: of 64 bits only where ``jax_enable_x64`` is set."""
    numpy = dtype.numpy if isinstance(dtype, DType) else dtype
    if numpy is None or numpy.hasobject:
        raise UnsupportedError(f"a tensor of type {dtype}: jax has none")
    return np.dtype(jax.dtypes.canonicalize_dtype(numpy))


def typed(dtype: DType, xp: Any) -> np.dtype[Any]:
    """The type for ``xp``: numpy has all of TensorFlow's, jax those that ``native`` gives."""
    if xp is np:
        assert dtype.numpy is not None
        return dtype.numpy
    return native(dtype)


def traced(value: Any) -> Any:
    """The value as jax's."""
    if isinstance(value, np.ndarray | np.generic):
        return jnp.asarray(value, dtype=native(value.dtype))
    return value


def ints(values: Any) -> tuple[int, ...]:
    """The elements of a vector (or the one of a scalar) as Python integers."""
    return tuple(np.asarray(values).reshape(-1).tolist())


def normal_axis(axis: Any, rank: int, room: int = 0) -> int:
    """An axis counted from 0.

    Raises:
        MismatchError: there is no such axis.
    """
    (found,) = ints(axis)
    if not -rank - room <= found < rank + room:
        raise MismatchError(f"axis {found} of a tensor of rank {rank}")
    return found + rank + room if found < 0 else found


def normal_axes(axes: Any, rank: int) -> tuple[int, ...]:
    """Axes counted from 0.

    Raises:
        MismatchError: there is no such axis, or one stands there twice.
    """
    found = tuple(normal_axis(axis, rank) for axis in np.asarray(axes).reshape(-1))
    if len(set(found)) < len(found):
        raise MismatchError(f"the axes {list(found)} are not different ones")
    return found


def require(condition: bool, reason: str) -> None:
    """Refuse values that the op cannot take.

    Raises:
        MismatchError: the condition does not hold.
    """
    if not condition:
        raise MismatchError(reason)


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape of an array."""
    return tuple(np.shape(value))


def check_size(shape: Sequence[int]) -> None:
    """Refuse shapes that no memory holds, before something tries; in a file they are an attack or damage.

    Raises:
        MismatchError: a dimension is negative, or there are too many elements.
    """
    total = 1
    for size in shape:
        total *= size
    require(all(size >= 0 for size in shape) and total <= 2**33, f"a tensor of the shape {list(shape)}")
