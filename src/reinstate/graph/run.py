"""The interpreter: runs compiled functions on values that are numpy while they are known, and jax's once not.

So shapes stay numpy and thereby static under ``jax.jit``, and what depends on them alone is computed while tracing.
Variables are read and written through a ``Scope``; functions call functions through the ``Context``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from reinstate.errors import CorruptError, MismatchError, ReinstateError, UnsafeError, UnsupportedError, where
from reinstate.graph.frames import rewritten
from reinstate.graph.plan import Plan, Step, functions_in, plan_function, plan_graph
from reinstate.graph.rules import RULES, Rule, UnknownValueError, known, static, traced
from reinstate.graph.variables import Assignable, Scope

MAX_DEPTH = 100  # of calls within calls
MAX_STEPS = 10_000_000  # of a function with all that it calls

# What a rule raises where the values are not what its op takes.
_WRONG_VALUES = (
    TypeError,
    ValueError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,  # of XLA, too
    MemoryError,
)
_UNKNOWN = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)


class Library:
    """The functions of a graph by name: compiled when they are first asked for."""

    def __init__(
        self, functions: Mapping[str, Any], assets: Mapping[bytes, Callable[[], list[bytes]]] | None = None
    ) -> None:
        self._functions = functions
        self.assets = assets or {}  # the lines of files that graphs may read, by the paths that they know them by
        self._plans: dict[str, Plan] = {}
        self._checked: dict[str, tuple[int, int]] = {}  # function: nested calls, steps with all calls

    def __contains__(self, name: str) -> bool:
        return name in self._functions

    @property
    def functions(self) -> Mapping[str, Any]:
        """The ``FunctionDef`` messages."""
        return self._functions

    def plan(self, name: str) -> Plan:
        """A function in the form that is run.

        Raises:
            CorruptError: there is no such function, or it is damaged.
        """
        found = self._plans.get(name)
        if found is None:
            if name not in self._functions:
                raise CorruptError(f"there is no function {name!r}")
            found = self._plans[name] = plan_function(self._functions[name], self._functions)
        return found

    def plan_graph(self, nodes: Iterable[Any], feeds: Sequence[str], fetches: Sequence[str]) -> Plan:
        """Compile what computes some tensors of a graph; loops and branches of TF1 become functions of this library.

        Raises:
            CorruptError: it is damaged.
        """
        whole = rewritten(nodes)
        for name, part in whole.parts.items():
            found = plan_graph(part.nodes, part.feeds, part.fetches, self._functions)
            self._plans[name] = replace(found, name=name)
        return plan_graph(whole.nodes, feeds, fetches, self._functions)

    def check(self, name: str) -> None:
        """Make sure that a function, with all that it calls, can be run.

        Raises:
            UnsafeError: a node does what graphs of strangers may not.
            UnsupportedError: nodes whose ops have no rule, all of them named; calls nested too deeply, or too many.
            CorruptError: a function calls itself.
        """
        if name not in self._checked:
            self.check_plan(self.plan(name), name)

    def check_plan(self, plan: Plan, name: str) -> None:
        """``check`` for a plan that is no function of the library."""
        order = self._called(plan, name)
        unsafe = [f"{item} in {each.name or 'the graph'}" for each in order.values() for item in each.unsafe]
        if unsafe:
            raise UnsafeError("\n  - ".join(["the graph asks for what is not done for a file:", *unsafe]))
        offenders = [f"{item} in {each.name or 'the graph'}" for each in order.values() for item in each.unsupported]
        if offenders:
            raise UnsupportedError("operations that are not supported:", offenders)
        for key, each in order.items():
            self._measure(key, each)

    def _called(self, plan: Plan, name: str) -> dict[str, Plan]:
        """All functions that a plan leads to, those that are called before those that call."""
        plans, order, stack = {name: plan}, {}, [(name, iter(plan.calls))]
        entered = {name}
        while stack:
            current, calls = stack[-1]
            callee = next((c for c in calls if c not in order), None)
            if callee is None:
                order[current] = plans[current]
                entered.discard(current)
                stack.pop()
            elif callee in entered:
                raise UnsupportedError(f"the function {callee!r} calls itself")
            else:
                plans[callee] = self.plan(callee)
                entered.add(callee)
                stack.append((callee, iter(plans[callee].calls)))
        return order

    def _measure(self, name: str, plan: Plan) -> None:
        inner = [self._checked.get(callee, (0, 0)) for step in plan.steps for callee in functions_in(step.attributes)]
        depth = 1 + max((depth for depth, _ in inner), default=0)
        steps = len(plan.steps) + sum(steps for _, steps in inner)
        if depth > MAX_DEPTH:
            raise UnsupportedError(f"functions call each other {depth} deep; the most is {MAX_DEPTH}")
        if steps > MAX_STEPS:
            raise UnsupportedError(f"the function {name!r} runs {steps} steps; the most is {MAX_STEPS}")
        self._checked[name] = depth, steps

    def reaches(self, name: str, ops: frozenset[str]) -> bool:
        """Whether a function, or one that it calls, has a step of these ops."""
        return self.plan_reaches(self.plan(name), name, ops)

    def plan_reaches(self, plan: Plan, name: str, ops: frozenset[str]) -> bool:
        """``reaches`` for a plan that is no function of the library."""
        return any(step.op in ops for each in self._called(plan, name).values() for step in each.steps)

    def on_host(self, plan: Plan) -> bool:
        """Whether a plan, or a function that it calls, has a step that jax cannot do."""
        return any(step.host for each in self._called(plan, plan.name).values() for step in each.steps)


class Context:
    """What rules that run functions and hold variables' values work with."""

    __slots__ = ("library", "resources", "scope", "variables")

    def __init__(
        self,
        library: Library,
        scope: Scope | None = None,
        variables: Mapping[str, Assignable] | None = None,
        resources: dict[str, Any] | None = None,
    ) -> None:
        self.library = library
        self.scope = Scope() if scope is None else scope
        self.variables = variables or {}
        self.resources = {} if resources is None else resources

    def inner(self) -> Context:
        """A context whose writes are held back until its scope is flushed."""
        return Context(self.library, Scope(self.scope), self.variables, self.resources)

    def resource(self, name: str, make: Callable[[], Any]) -> Any:
        """What a graph holds under a name beside variables, made when it is first asked for."""
        if name not in self.resources:
            self.resources[name] = make()
        return self.resources[name]

    def lines(self, name: bytes) -> list[bytes]:
        """The lines of a text file that is an asset of the model.

        Raises:
            UnsafeError: it is any other file.
        """
        if name not in self.library.assets:
            raise UnsafeError(f"the file {name!r:.200}, which is no asset of the model")
        return self.library.assets[name]()

    def variable(self, name: str) -> Assignable:
        """The variable that a handle in the graph itself names (in functions, handles are arguments).

        Raises:
            MismatchError: there is none.
        """
        if name not in self.variables:
            raise MismatchError(f"there is no variable {name!r}")
        return self.variables[name]

    def call(self, name: str, arguments: Sequence[Any]) -> list[Any]:
        """Run a function of the library."""
        return self.run(self.library.plan(name), arguments)

    def run(self, plan: Plan, arguments: Sequence[Any]) -> list[Any]:
        """Run a plan; returns its results.

        Raises:
            MismatchError: values do not fit an op; says which, and where.
            UnknownValueError: a value that must be known is being traced.
            CorruptError: the number of arguments or results is not the one that it should be.
        """
        if len(arguments) != len(plan.arguments):
            raise CorruptError(f"{plan.name}: called with {len(arguments)} arguments, it takes {len(plan.arguments)}")
        values: list[Any] = [None] * plan.slots
        values[: len(arguments)] = arguments
        step = None
        try:
            with np.errstate(all="ignore"):
                for step in plan.steps:
                    inputs = [values[i] for i in step.inputs]
                    values[step.output : step.output + step.count] = _outputs(step, inputs, self)
        except ReinstateError as error:
            error.place[:0] = _place(plan, step)
            raise
        except _UNKNOWN as error:
            with where(" > ".join(_place(plan, step))):
                raise UnknownValueError("it needs the value of a tensor that is being traced") from error
        except _WRONG_VALUES as error:
            with where(" > ".join(_place(plan, step))):
                raise MismatchError(f"it cannot take these values: {str(error)[:500]}") from error
        return [values[slot] for slot in plan.results]


def _place(plan: Plan, step: Step | None) -> list[str]:
    place = [f"function {plan.name}"] if plan.name else ["the graph"]
    return place if step is None else [*place, f"node {step.node} ({step.op})"]


def _outputs(step: Step, inputs: list[Any], context: Context) -> Sequence[Any]:
    result = _compute(step, inputs, context)
    if isinstance(result, tuple | list):
        outputs: Sequence[Any] = result
    else:
        outputs = () if result is None else (result,)
    if len(outputs) != step.count:
        raise CorruptError(f"{len(outputs)} outputs, where the graph has {step.count}")
    return outputs


def _compute(step: Step, inputs: list[Any], context: Context) -> Any:
    rule, keywords = step.rule, step.attributes
    if rule.context:
        keywords = {**keywords, "context": context}
    if not rule.context:
        inputs, xp = _settled(rule, inputs, step.groups)
        if rule.xp:
            keywords = {**keywords, "xp": xp}
    grouped = inputs if step.groups is None else _grouped(inputs, step.groups)
    if rule.star:
        grouped = [*grouped[:-1], *grouped[-1]]
    return rule.compute(*grouped, **keywords)


def _settled(rule: Rule, inputs: list[Any], groups: tuple[int, ...] | None) -> tuple[list[Any], Any]:
    """The inputs as the rule takes them: static ones known, the others all numpy, or all jax's."""
    positions = rule.static
    if groups is not None and positions:
        starts, at = [], 0
        for group in groups:
            starts.append(at)
            at += abs(group)
        positions = frozenset(i for p in positions for i in range(starts[p], starts[p] + abs(groups[p])))
    if any(map(_is_text, inputs)):  # numpy alone has strings: what goes with them must be known
        inputs = [static(v, f"input {i}") if isinstance(v, jax.Array) else v for i, v in enumerate(inputs)]
    others = [value for i, value in enumerate(inputs) if i not in positions]
    xp = np if rule.xp and all(map(known, others)) else jnp
    as_is = rule.raw or xp is np
    settled = [
        static(value, f"input {i}") if i in positions else value if as_is else _unless_text(value)
        for i, value in enumerate(inputs)
    ]
    return settled, xp


def _is_text(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.hasobject


def _unless_text(value: Any) -> Any:
    return value if _is_text(value) else traced(value)


def _grouped(inputs: list[Any], groups: tuple[int, ...]) -> list[Any]:
    grouped: list[Any] = []
    at = 0
    for group in groups:
        grouped.append(inputs[at] if group < 0 else tuple(inputs[at : at + group]))
        at += abs(group)
    return grouped


def is_supported(op: str) -> bool:
    """Whether an op has a rule."""
    return op in RULES
