# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""While loops. Where the number of rounds is known they become ``lax.scan``, which can be differentiated.

What a round hands on unchanged is not carried: it stays as known as it is. A list that was reserved without the shape
of its elements gets it from a round that is traced only for that.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from reinstate.errors import UnsupportedError
from reinstate.graph.ops.control import ASSIGNING
from reinstate.graph.ops.lists import TensorList
from reinstate.graph.rules import UnknownValueError, known, op, traced

_MOST_ROUNDS = 100_000  # that are counted ahead, or run one by one


@op("While", "StatelessWhile", ignore="output_shapes parallel_iterations")
def while_(input, *, cond, body, context):
    loop = _Loop(context, cond, body, list(input))
    count = loop.count()
    if count == 0:
        return list(input)
    if count == 1:
        return context.call(body, input)
    return loop.scan(count) if count is not None else loop.repeat()


class _Loop:
    def __init__(self, context: Any, cond: str, body: str, start: list[Any]) -> None:
        self.context = context
        self.test, self.body = context.library.plan(cond), context.library.plan(body)
        self.start = start
        self.varying = [i for i, slot in enumerate(self.body.results) if slot != i]
        self.on_host = context.library.on_host(self.body) or context.library.on_host(self.test)
        self.assigns = context.library.reaches(body, ASSIGNING) or context.library.reaches(cond, ASSIGNING)

    def count(self) -> int | None:
        """The number of rounds, where it follows from what is known; None where it does not."""
        needed = set(self.test.depends(0))
        while more := {a for i in needed for a in self.body.depends(i)} - needed:
            needed |= more
        if not all(known(self.start[i]) for i in needed):
            return None
        positions = sorted(needed)
        step = self.body.only(positions)
        values = list(self.start)
        # What the round does not need may be anything; a step that were to use it would be a mistake of `depends`.
        for rounds in range(_MOST_ROUNDS):
            outcome = self.context.run(self.test, values)[0]
            if not known(outcome):
                return None
            if not outcome:
                return rounds
            for i, value in zip(positions, self.context.run(step, values), strict=True):
                if not known(value):
                    return None
                values[i] = value
        return None

    def scan(self, count: int) -> list[Any]:
        """Run a known number of rounds."""
        prepared = self._prepared()
        if prepared is None:
            return self._one_by_one(count)
        carry, written = prepared

        def one(carry: Any, _: None) -> tuple[Any, None]:
            return self._round(carry, written), None

        carry, _ = lax.scan(one, carry, None, length=count)
        return self._finished(carry, written)

    def repeat(self) -> list[Any]:
        """Run until the condition no longer holds."""
        prepared = self._prepared()
        if prepared is None:
            return self._one_by_one(None)
        carry, written = prepared

        def go_on(carry: Any) -> Any:
            inner = self.context.inner()
            values, assigned = self._values(carry)
            for variable, value in zip(written, assigned, strict=True):
                inner.scope.write(variable, value)
            return jnp.reshape(traced(inner.run(self.test, values)[0]), ()).astype(bool)

        return self._finished(lax.while_loop(go_on, lambda carry: self._round(carry, written), carry), written)

    def _values(self, carry: Any) -> tuple[list[Any], list[Any]]:
        varying, assigned = carry
        values = list(self.start)
        for i, value in zip(self.varying, varying, strict=True):
            values[i] = value
        return values, assigned

    def _round(self, carry: Any, written: list[Any]) -> Any:
        inner = self.context.inner()
        values, assigned = self._values(carry)
        for variable, value in zip(written, assigned, strict=True):
            inner.scope.write(variable, value)
        results = inner.run(self.body, values)
        return [traced(results[i]) for i in self.varying], [traced(inner.scope.read(v)) for v in written]

    def _finished(self, carry: Any, written: list[Any]) -> list[Any]:
        values, assigned = self._values(carry)
        for variable, value in zip(written, assigned, strict=True):
            self.context.scope.write(variable, value)
        return values

    def _prepared(self) -> tuple[Any, list[Any]] | None:
        """What is carried at first, and the variables that rounds assign to; None where its layout changes."""
        written: list[Any] = []
        if self.on_host or not all(_carriable(self.start[i]) for i in self.varying):
            return None
        values = [traced(self.start[i]) for i in self.varying]
        for _ in range(3):  # lists of lists take a second look
            carry = values, [traced(self.context.scope.read(v)) for v in written]
            inner = self.context.inner()
            try:
                after = jax.eval_shape(partial(self._look, inner, written), carry)
            except UnknownValueError:
                return None
            fitted = [_fitted(value, shape) for value, shape in zip(values, after, strict=True)]
            fresh = [v for key, (v, _) in inner.scope.written.items() if all(v is not w for w in written)]
            if not fresh and _layout(fitted) == _layout(after):
                return (fitted, carry[1]), written
            values, written = fitted, [*written, *fresh]
        return None

    def _look(self, inner: Any, written: list[Any], carry: Any) -> Any:
        """A round that is traced for the layout of what it hands on."""
        values, assigned = self._values(carry)
        for variable, value in zip(written, assigned, strict=True):
            inner.scope.write(variable, value)
        results = inner.run(self.body, values)
        return [traced(results[i]) for i in self.varying]

    def _one_by_one(self, count: int | None) -> list[Any]:
        """Run the rounds as Python does: shapes may change from one to the next."""
        values = list(self.start)
        for _ in range(_MOST_ROUNDS if count is None else count):
            if count is None:
                outcome = self.context.run(self.test, values)[0]
                if isinstance(outcome, jax.core.Tracer):
                    raise UnknownValueError(
                        "a loop whose values change their shapes, and whose number of rounds is not known under jax.jit"
                    )
                if not bool(np.asarray(outcome)):
                    return values
            values = self.context.run(self.body, values)
        if count is None:
            raise UnsupportedError(f"a loop of more than {_MOST_ROUNDS} rounds whose values change their shapes")
        return values


def _carriable(value: Any) -> bool:
    if isinstance(value, TensorList):
        return value.dtype.numpy is not None and not value.dtype.numpy.hasobject
    return isinstance(value, jax.Array) or (known(value) and not value.dtype.hasobject)


def _layout(values: Any) -> Any:
    leaves, structure = jax.tree.flatten(values)
    return structure, [(np.shape(leaf), np.dtype(leaf.dtype)) for leaf in leaves]


def _fitted(value: Any, after: Any) -> Any:
    """The value at first, in the layout that a round gives it: lists get room for their elements."""
    if isinstance(value, TensorList) and isinstance(after, TensorList):
        return value.allocated_like(after)
    return value
