"""The exporter: runs a jaxpr on tensors of a graph under construction, each primitive by its rule. The twin of ``run``.

Calls are inlined, what no result needs is left out, what depends on small constants alone is computed at once. Shapes
may be symbolic; they become arithmetic in the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

from reinstate.errors import UnsupportedError
from reinstate.graph.build import GraphBuilder, Tensor, scope_name
from reinstate.graph.dimensions import is_static
from reinstate.graph.folding import fold
from reinstate.graph.lowering import LOWERINGS, dtype_of

# Primitives that are calls, and the parameter that holds what they call.
_CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
    "custom_vjp_call_jaxpr": "fun_jaxpr",
    "remat": "jaxpr",
    "checkpoint": "jaxpr",
    "remat2": "jaxpr",
}


@dataclass(frozen=True, slots=True)
class _Step:
    """An equation: slots (int) or values of its inputs, slots of its outputs, in ``scope``: the path of layers."""

    primitive: Any
    inputs: tuple[Any, ...]
    outputs: tuple[int, ...]
    avals: tuple[Any, ...]
    parameters: Mapping[str, Any]
    scope: str

    @property
    def name(self) -> str:
        return str(self.primitive.name)

    @property
    def place(self) -> str:
        """How an error names it."""
        return f"{self.name} in {self.scope}" if self.scope else self.name


class _Flat:
    """A jaxpr without calls: one list of steps, every value in a slot of its own."""

    def __init__(self, closed: Any) -> None:
        self.steps: list[_Step] = []
        self.slots = 0
        jaxpr = getattr(closed, "jaxpr", closed)
        self.inputs = [self._slot() for _ in jaxpr.invars]
        self.results = self._walk(closed, self.inputs, "")

    def _slot(self) -> int:
        self.slots += 1
        return self.slots - 1

    def _walk(self, closed: Any, arguments: Sequence[Any], scope: str) -> list[Any]:
        jaxpr = getattr(closed, "jaxpr", closed)
        values: dict[Any, Any] = dict(zip(jaxpr.invars, arguments, strict=True))
        values.update(zip(jaxpr.constvars, map(_Known, getattr(closed, "consts", ())), strict=True))

        def read(atom: Any) -> Any:
            return _Known(atom.val, getattr(atom.aval, "dtype", None)) if isinstance(atom, Literal) else values[atom]

        for equation in jaxpr.eqns:
            inputs = tuple(map(read, equation.invars))
            inner = "/".join(filter(None, (scope, str(equation.source_info.name_stack))))
            called = _CALLS.get(equation.primitive.name)
            if called is not None:
                outputs: Sequence[Any] = self._walk(equation.params[called], inputs, inner)
            else:
                outputs = [self._slot() for _ in equation.outvars]
                avals = tuple(each.aval for each in equation.outvars)
                self.steps.append(
                    _Step(equation.primitive, inputs, tuple(outputs), avals, equation.params, scope_name(inner))
                )
            values.update(zip(equation.outvars, outputs, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def live(self) -> list[_Step]:
        """The steps that the results need."""
        needed = {slot for slot in self.results if isinstance(slot, int)}
        steps = []
        for step in reversed(self.steps):
            if not needed.isdisjoint(step.outputs):
                needed.update(slot for slot in step.inputs if isinstance(slot, int))
                steps.append(step)
        return steps[::-1]


class _Known:
    """A constant of a jaxpr."""

    __slots__ = ("value",)

    def __init__(self, value: Any, dtype: Any = None) -> None:
        self.value = np.asarray(value, dtype)


def export(
    g: GraphBuilder, closed: ClosedJaxpr | Any, arguments: Sequence[Tensor | Callable[[], Tensor]]
) -> list[Tensor]:
    """Put a jaxpr into a function; returns its results.

    Args:
        g: the function.
        closed: the jaxpr.
        arguments: its inputs; one that may be of no use can be a function that makes it.

    Raises:
        UnsupportedError: there are primitives without a rule, or used in a way that has none; names all, with layers.
    """
    flat = _Flat(closed)
    steps = flat.live()
    offenders = list(dict.fromkeys(step.place for step in steps if step.name not in LOWERINGS))
    if offenders:
        raise UnsupportedError("what TensorFlow has no ops for:", offenders)
    values: dict[int, Any] = dict(zip(flat.inputs, arguments, strict=True))

    def read(atom: Any) -> Tensor:
        if not isinstance(atom, int):
            return g.constant(atom.value)
        if not isinstance(values[atom], Tensor):
            values[atom] = values[atom]()
        found: Tensor = values[atom]
        return found

    scope = g.scope
    for step in steps:
        g.scope = step.scope or scope
        values.update(zip(step.outputs, _run(g, step, [read(atom) for atom in step.inputs]), strict=True))
    g.scope = scope
    return [read(atom) for atom in flat.results]


def _run(g: GraphBuilder, step: _Step, inputs: Sequence[Tensor]) -> Iterator[Any]:
    folded = fold(step.name, inputs, step.parameters, step.avals)
    if folded is not None:
        yield g.constant(folded)
        return
    rule = LOWERINGS[step.name]
    given = {
        name: value for name, value in step.parameters.items() if name not in rule.ignored or name in rule.parameters
    }
    unknown = sorted(name for name, value in given.items() if name not in rule.parameters and value is not None)
    if unknown:
        raise UnsupportedError(f"{step.place}: {', '.join(f'{name}={given[name]!r:.80}' for name in unknown)}")
    given = {name: value for name, value in given.items() if name in rule.parameters}
    ours = {"out": step.avals[0] if len(step.avals) == 1 else step.avals, "inline": export}
    try:
        made = rule.make(g, *inputs, **given, **{name: ours[name] for name in rule.ours})
    except UnsupportedError as error:
        error.place.insert(0, step.place)
        raise
    for tensor, aval in zip([made] if isinstance(made, Tensor) else made, step.avals, strict=True):
        if not isinstance(tensor, Tensor):  # what raises if anything needs it
            yield tensor
            continue
        assert tensor.dtype is dtype_of(aval.dtype), f"{step.place}: {tensor.dtype}, not {aval.dtype}"
        yield replace(tensor, shape=tuple(aval.shape))


def static_size(shape: Sequence[Any]) -> int | None:
    """The number of elements; None where a dimension is symbolic."""
    return int(np.prod([int(size) for size in shape])) if is_static(shape) else None
