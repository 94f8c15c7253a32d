"""Variables of graphs: anything with ``value`` and ``assign``. Here is one for files that are loaded without Keras.

While a graph runs, what it writes is held by a ``Scope``, and reaches the variables when it is done: so a branch that
is only traced writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from reinstate.dtypes import DType
from reinstate.errors import UnsupportedError
from reinstate.graph.rules import native


class Assignable(Protocol):
    """What graphs ask of a variable; Keras' have it."""

    @property
    def value(self) -> Any:
        """The value now."""
        ...

    def assign(self, value: Any) -> Any:
        """Take on another value."""
        ...


_SUBSTITUTED: ContextVar[dict[int, Any] | None] = ContextVar("_SUBSTITUTED", default=None)


class Variable:
    """A variable: ``value`` is a jax array, ``assign`` puts another in its place."""

    __slots__ = ("_value", "dtype", "name", "shape", "trainable")

    def __init__(self, value: Any, name: str = "", trainable: bool = True, dtype: DType | None = None) -> None:
        self.name = name
        self.trainable = trainable
        self.dtype = dtype
        self._value = value
        self.shape = tuple(np.shape(value))

    def __repr__(self) -> str:
        return f"Variable({self.name!r}, shape={self.shape}, dtype={self.dtype})"

    @property
    def value(self) -> Any:
        """The value now, as a jax array (strings and the like as numpy)."""
        substituted = _SUBSTITUTED.get()
        if substituted is not None and id(self) in substituted:
            return substituted[id(self)]
        if isinstance(self._value, np.ndarray) and not self._value.dtype.hasobject:
            # Compile-time evaluation, or under a trace the value would be a tracer, and would be kept.
            with jax.ensure_compile_time_eval():
                self._value = jnp.asarray(self._value, dtype=native(self._value.dtype))
        return self._value

    def assign(self, value: Any) -> Any:
        """Take on another value of the same dtype; under ``jax.jit`` inside of ``substituted`` only.

        Raises:
            UnsupportedError: the value is being traced, and would outlive the trace.
        """
        substituted = _SUBSTITUTED.get()
        if substituted is not None and id(self) in substituted:
            substituted[id(self)] = value
            return value
        if isinstance(value, jax.core.Tracer):
            raise UnsupportedError(
                f"the variable {self.name!r} is assigned to under a transformation of jax, which must be pure: "
                "use the function's `pure`, which takes values and returns new ones"
            )
        self._value = value
        self.shape = tuple(np.shape(value))
        return value

    def numpy(self) -> np.ndarray[Any, Any]:
        """The value as numpy."""
        return np.asarray(self.value)


@contextmanager
def substituted(variables: Sequence[Variable], values: Sequence[Any]) -> Iterator[Mapping[int, Any]]:
    """Let variables have other values for a while; gives their values by ``id``, those assigned meanwhile included."""
    outer = _SUBSTITUTED.get()
    inner = {**(outer or {}), **{id(variable): value for variable, value in zip(variables, values, strict=True)}}
    token = _SUBSTITUTED.set(inner)
    try:
        yield inner
    finally:
        _SUBSTITUTED.reset(token)


def is_substituted() -> bool:
    """Whether variables have other values than their own just now."""
    return _SUBSTITUTED.get() is not None


class Scope:
    """What has been written while a graph runs, by variable; reads see it."""

    __slots__ = ("outer", "written")

    def __init__(self, outer: Scope | None = None) -> None:
        self.outer = outer
        self.written: dict[int, tuple[Assignable, Any]] = {}

    def read(self, variable: Assignable) -> Any:
        """The value of a variable as the graph sees it."""
        scope: Scope | None = self
        while scope is not None:
            if id(variable) in scope.written:
                return scope.written[id(variable)][1]
            scope = scope.outer
        value = variable.value
        return value if isinstance(value, np.ndarray | jax.Array) else jnp.asarray(value)

    def write(self, variable: Assignable, value: Any) -> None:
        """Change the value that the graph sees."""
        self.written[id(variable)] = (variable, value)

    def flush(self) -> None:
        """Hand what was written to the outer scope, or, in the outermost, to the variables."""
        for variable, value in self.written.values():
            if self.outer is not None:
                self.outer.write(variable, value)
            else:
                variable.assign(value)
        self.written = {}


# The key of the ops that draw random numbers without one: the state of a generator, like TensorFlow's global one.
KEY = Variable(np.array([0, int.from_bytes(b"seed", "big") % 2**31], dtype=np.uint32), "random key", trainable=False)
