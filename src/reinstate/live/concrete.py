"""Calling the traces of functions: which one fits the arguments, what is bound to it, and how it is run.

Outside of jax's transformations a call is compiled, once for the shapes of its arguments; what cannot be compiled,
because shapes depend on values, is run op by op. Inside of ``jax.jit``, ``jax.grad`` and their like it is traced along.
This knows nothing of Keras: whatever has ``value`` and ``assign`` is a variable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import jax
import numpy as np

import reinstate.graph.ops  # noqa: F401 (fills the table of ops)
from reinstate.archive.functions import REQUIRED, leaves
from reinstate.archive.model import CompositeSpec, Function, TensorSpec, Trace
from reinstate.errors import CorruptError, MismatchError, UnsupportedError, where
from reinstate.graph.host import Halves, halves, inlined
from reinstate.graph.plan import Plan
from reinstate.graph.rules import UnknownValueError, known, native, traced
from reinstate.graph.run import Context, Library
from reinstate.graph.variables import KEY, Variable, is_substituted, substituted
from reinstate.live.matching import described, match

_NAMING = frozenset({"VarHandleOp", "VariableV2", "Variable"})
_LEAST, _MOST = np.iinfo(np.int32).min, np.iinfo(np.int32).max


class Runner:
    """A compiled plan with what is bound to it: takes and gives flat lists of tensors."""

    def __init__(
        self,
        library: Library,
        plan: Plan,
        captures: Callable[[], Sequence[Any]],
        variables: Mapping[str, Any],
        resources: dict[str, Any] | None = None,
    ) -> None:
        self._library = library
        self._plan = plan
        self._captures_of = captures
        self._by_name = variables
        self._captures: Sequence[Any] | None = None
        self._compiled: dict[int, Any] = {}  # by the plan, the whole or a half
        self._op_by_op = False
        self._halves: dict[tuple[int, ...], Halves | None] = {}  # by the arguments that are text
        self._resources: dict[str, Any] = {} if resources is None else resources

    def prepare(self) -> None:
        """Make sure that all of it can be run, and have what is bound to it.

        Raises:
            UnsafeError, UnsupportedError: operations that are not; all are named.
        """
        if self._captures is None:
            self._library.check_plan(self._plan, self._plan.name)
            self._captures = self._captures_of()

    @property
    def variables(self) -> list[Variable]:
        """Our own variables that it uses, each once, and the key of random numbers if it draws any."""
        self.prepare()
        found = {id(v): v for v in (*(self._captures or ()), *self._by_name.values()) if isinstance(v, Variable)}
        return [*found.values(), KEY]

    @property
    def names(self) -> list[str]:
        """The variables that a graph which is no function names itself."""
        named = [step.attributes["shared_name"] for step in self._plan.steps if step.op in _NAMING]
        return [name for name in dict.fromkeys(named) if name in self._by_name]

    def reaches(self, ops: frozenset[str]) -> bool:
        """Whether it, or a function that it calls, has a step of these ops."""
        self.prepare()
        return self._library.plan_reaches(self._plan, self._plan.name, ops)

    def run(self, inputs: Sequence[Any]) -> list[Any]:
        """Run it on flat inputs: numpy, or jax's.

        Raises:
            MismatchError: values do not fit an op.
        """
        self.prepare()
        follows = is_substituted() or any(isinstance(value, jax.core.Tracer) for value in inputs)
        if follows or self._op_by_op:
            return self._inline(inputs)
        text = tuple(i for i, value in enumerate(inputs) if _is_text(value))
        try:
            if text or self._library.on_host(self._plan):
                return self._in_halves(inputs, text)
            return self._call_compiled(self._plan, inputs)
        except UnknownValueError:
            self._op_by_op = True
            return self._inline(inputs)

    def raw(self) -> list[Any]:
        """Run it without arguments, op by op; what it gives may be resources."""
        self.prepare()
        return self._run(self._plan, [])

    def _inline(self, inputs: Sequence[Any]) -> list[Any]:
        host = any(map(_is_text, inputs)) or self._library.on_host(self._plan)
        given = [value if host and known(value) else traced(value) for value in inputs]
        return [_settled(value) for value in self._run(self._plan, given)]

    def _run(self, plan: Plan, given: Sequence[Any], handed: Sequence[Any] = ()) -> list[Any]:
        context = Context(self._library, variables=self._by_name, resources=self._resources)
        outputs = context.run(plan, [*given, *(self._captures or ()), *handed])
        context.scope.flush()
        return outputs

    def _in_halves(self, inputs: Sequence[Any], text: tuple[int, ...]) -> list[Any]:
        """Run what must be on the host, and the rest compiled."""
        if text not in self._halves:
            whole = inlined(self._plan, self._library.plan)
            self._halves[text] = halves(whole, text, lambda name: self._library.on_host(self._library.plan(name)))
        parts = self._halves[text]
        if parts is None:
            return self._inline(inputs)
        first = self._run(parts.host, inputs)
        handed = [_settled(v) if isinstance(v, jax.Array | np.ndarray) else None for v in first[: parts.handed]]
        if any(value is None or known(value) for value in handed):  # lists, strings, numbers that need 64 bits
            return [_settled(value) for value in self._run(self._plan, inputs)]
        numbers = [None if i in text else value for i, value in enumerate(inputs)]
        second = self._call_compiled(parts.rest, numbers, handed)
        return [_settled(first[place]) if host else second[place] for host, place in parts.order]

    def _call_compiled(self, plan: Plan, inputs: Sequence[Any], handed: Sequence[Any] = ()) -> list[Any]:
        variables = self.variables
        compiled = self._compiled.get(id(plan))  # the plans are kept: no number is used twice
        if compiled is None:
            compiled = self._compiled[id(plan)] = jax.jit(lambda *given: self._pure(plan, variables, *given))
        outputs, written = compiled([v.value for v in variables], list(inputs), list(handed))
        for place, value in written.items():
            variables[place].assign(value)
        return list(outputs)

    def _pure(
        self, plan: Plan, variables: list[Variable], values: list[Any], inputs: list[Any], handed: list[Any]
    ) -> Any:
        with substituted(variables, values) as now:
            outputs = [_settled(value) for value in self._run(plan, [traced(value) for value in inputs], handed)]
            written = {i: now[id(v)] for i, v in enumerate(variables) if now[id(v)] is not values[i]}
        if any(known(value) for value in outputs):
            raise UnknownValueError("a result that jax has no type for")
        return outputs, written


def _is_text(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.hasobject


def _settled(value: Any) -> Any:
    """A result: jax's, but text, and numbers that need 64 bits, stay numpy."""
    if not isinstance(value, jax.Array | np.ndarray | np.generic):
        raise UnsupportedError(f"a result that is no tensor, but a {type(value).__name__}")
    if not known(value) or value.dtype.hasobject:
        return value
    wide = value.dtype.kind in "iu" and native(value.dtype) != value.dtype and value.size > 0
    if wide and (int(value.min()) < _LEAST or int(value.max()) > _MOST):
        return value
    return traced(value)


class ConcreteFunction:
    """A trace: called with the tensors of its arguments, it gives what the function gave, nested alike."""

    def __init__(self, trace: Trace, runner: Runner) -> None:
        self.trace = trace
        self.runner = runner

    def __repr__(self) -> str:
        positional, named = self.trace.arguments
        return f"ConcreteFunction({self.trace.name}, {positional}, {dict(named)})"

    @property
    def structured_input_signature(self) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
        """The form of its positional and its named arguments."""
        return self.trace.arguments

    @property
    def structured_outputs(self) -> Any:
        """The form of what it gives."""
        return self.trace.results

    def run(self, tensors: Sequence[Any]) -> Any:
        """Run it on the tensors of its arguments, flat."""
        return _packed(self.trace.results, iter(self.runner.run(tensors)))


def _packed(structure: Any, values: Iterator[Any]) -> Any:
    """Nest flat results as the structure is."""
    if isinstance(structure, Mapping):
        return {key: _packed(structure[key], values) for key in sorted(structure)}
    if isinstance(structure, list):
        return [_packed(item, values) for item in structure]
    if isinstance(structure, tuple):
        items = [_packed(item, values) for item in structure]
        return type(structure)(*items) if hasattr(structure, "_fields") else tuple(items)
    if isinstance(structure, TensorSpec):
        return _next(values)
    if isinstance(structure, CompositeSpec):
        parts = tuple(_next(values) for _ in range(structure.components))
        return parts[0] if len(parts) == 1 else parts
    return structure


def _next(values: Iterator[Any]) -> Any:
    for value in values:
        return value
    raise CorruptError("the function gives fewer tensors than its signature says")


class Callables:
    """What both kinds of functions have in common: values in, and the variables apart from them if asked."""

    def _pick(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[ConcreteFunction, list[Any]]:
        raise NotImplementedError

    @property
    def concrete(self) -> list[ConcreteFunction]:
        """Its traces."""
        raise NotImplementedError

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it; arguments are arrays, or nests of them, and what else the function took when it was traced.

        Raises:
            MismatchError: there is no trace for such arguments; says which there are.
            UnsupportedError, UnsafeError: the graph has operations that are not done; all are named.
        """
        function, tensors = self._pick(args, kwargs)
        return function.run(tensors)

    @property
    def variables(self) -> list[Variable]:
        """The variables that its traces use, in order; `pure` takes one value for each."""
        found = {id(v): v for each in self.concrete for v in each.runner.variables if v is not KEY}
        return list(found.values())

    def pure(self, values: Sequence[Any], /, *args: Any, **kwargs: Any) -> tuple[Any, list[Any]]:
        """Call it with these values of `variables`; gives the result and the values after it. Nothing is assigned.

        This is what ``jax.grad`` and ``jax.jit`` are applied to, where variables are differentiated or change.
        """
        variables = self.variables
        if len(values) != len(variables):
            raise MismatchError(f"{len(values)} values for {len(variables)} variables")
        with substituted([*variables, KEY], [*values, KEY.value]) as now:
            result = self(*args, **kwargs)
            return result, [now[id(variable)] for variable in variables]


class SignatureFunction(Callables):
    """A signature: takes arrays by name, gives arrays by name."""

    def __init__(self, name: str, function: Function, concrete: ConcreteFunction) -> None:
        self.name = name
        self._function = function
        self._concrete = concrete

    def __repr__(self) -> str:
        return f"SignatureFunction({self.name}: {self.inputs} -> {self.outputs})"

    @property
    def concrete(self) -> list[ConcreteFunction]:
        """The one trace."""
        return [self._concrete]

    @property
    def inputs(self) -> dict[str, Any]:
        """What it takes, by name."""
        positional, named = self._concrete.trace.arguments
        plain = [spec for spec in leaves(positional) if isinstance(spec, TensorSpec)]
        return {**dict(zip(self._function.parameters, plain, strict=False)), **dict(sorted(named.items()))}

    @property
    def outputs(self) -> Any:
        """What it gives, by name."""
        return self._concrete.trace.results

    def _pick(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[ConcreteFunction, list[Any]]:
        wanted = self.inputs
        allowed = self._function.positional or (1 if len(wanted) == 1 else 0)
        if len(args) > allowed:
            raise MismatchError(f"signature {self.name!r}: give the inputs by name: {', '.join(wanted)}")
        given = {**dict(zip(self._function.parameters or wanted, args, strict=False)), **kwargs}
        wrong = [f"{name} is missing" for name in wanted if name not in given]
        wrong += [f"there is no input {name}" for name in given if name not in wanted]
        if wrong:
            raise MismatchError(f"signature {self.name!r} takes {', '.join(wanted)}: {'; '.join(wrong)}")
        return self._concrete, [t for name, spec in wanted.items() for t in _strictly(name, spec, given[name])]


def _strictly(name: str, spec: Any, value: Any) -> list[Any]:
    tensors = match(spec, value, casting=True)
    if tensors is None:
        raise MismatchError(f"input {name} is {described(value)}; it should be {described(spec)}")
    return tensors


class PolymorphicFunction(Callables):
    """A function with traces for several forms of arguments; a call runs the one that fits."""

    def __init__(self, name: str, function: Function, concrete: list[ConcreteFunction]) -> None:
        self.name = name
        self._function = function
        self._concrete = concrete

    def __repr__(self) -> str:
        return f"PolymorphicFunction({self.name}, {len(self._concrete)} traces)"

    @property
    def concrete(self) -> list[ConcreteFunction]:
        """Its traces."""
        return self._concrete

    @property
    def function(self) -> Function:
        """How Python calls it."""
        return self._function

    def find(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[ConcreteFunction, list[Any]] | None:
        """The trace that fits the arguments, and the tensors in them; None where none fits."""
        forms = [self._bound(args, kwargs), (args, dict(kwargs))]
        for casting in (False, True):
            for function in self._concrete:
                for form in forms:
                    tensors = None if form is None else match(function.trace.arguments, form, casting)
                    if tensors is not None:
                        return function, tensors
        return None

    def _pick(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[ConcreteFunction, list[Any]]:
        found = self.find(args, kwargs)
        if found is not None:
            return found
        there = [f"{described(f.trace.arguments[0])} {described(f.trace.arguments[1])}" for f in self._concrete]
        call = f"{described(args)} {described(dict(kwargs))}"
        raise MismatchError("\n  - ".join([f"{self.name} was not traced for {call}; it was for:", *there]))

    def _bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """The arguments as TensorFlow's canonical form has them: each at its position, defaults filled in."""
        names = self._function.parameters
        if not names or len(args) > len(names):
            return None
        given = {**self._function.defaults, **dict(zip(names, args, strict=False))}
        given.update({name: value for name, value in kwargs.items() if name in names})
        rest = {name: value for name, value in kwargs.items() if name not in names}
        only = {name: value for name, value in self._function.only_named.items() if value is not REQUIRED}
        if any(name not in given for name in names):
            return None
        return tuple(given[name] for name in names), {**only, **rest}


def concrete_function(
    library: Library, trace: Trace, captures: Callable[[], Sequence[Any]], variables: Mapping[str, Any] | None = None
) -> ConcreteFunction:
    """A trace that can be called; ``captures`` gives what is bound to it when it first is.

    Raises:
        CorruptError: the library has no such function, or its number of arguments is another.
    """
    with where(f"function {trace.name}"):
        if trace.name not in library:
            raise CorruptError("it is not in the library")
        tensors = sum(
            each.components if isinstance(each, CompositeSpec) else isinstance(each, TensorSpec)
            for each in leaves(trace.arguments)
        )
        takes = len(library.functions[trace.name].signature.input_arg)
        if tensors + len(trace.bound) != takes:
            raise CorruptError(f"it takes {takes} tensors; {tensors} arguments and {len(trace.bound)} bound objects")
    return ConcreteFunction(trace, _LazyRunner(library, trace.name, captures, variables or {}))


class _LazyRunner(Runner):
    """A runner whose plan is compiled when it is first needed."""

    def __init__(
        self, library: Library, name: str, captures: Callable[[], Sequence[Any]], variables: Mapping[str, Any]
    ) -> None:
        super().__init__(library, _NOTHING, captures, variables)
        self._name = name

    def prepare(self) -> None:
        """Make sure that all of it can be run, and have what is bound to it."""
        if self._captures is None:
            self._plan = self._library.plan(self._name)
        super().prepare()


_NOTHING = Plan("", (), (), (), 0)
