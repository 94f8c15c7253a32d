"""What a model computes, as functions of a graph: each is traced by JAX with open dimensions, and put into ops.

A function takes tensors by name and gives tensors by name; the variables that it reads are bound to it. Batches are
open, and so are other dimensions that the model leaves open.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import jax
import keras
from jax import export as jax_export

import reinstate.graph.lower  # noqa: F401 (fills the table)
from reinstate import dtypes
from reinstate.archive.model import Function, ObjectNode, Signature, TensorSpec, Trace
from reinstate.archive.model import Graph as Functions
from reinstate.dtypes import DType
from reinstate.errors import UnsupportedError, where
from reinstate.graph import build
from reinstate.graph.build import GraphBuilder, Tensor, open_shape
from reinstate.graph.export import export
from reinstate.graph.rules import native
from reinstate.live import _keras
from reinstate.live.endpoints import Endpoint
from reinstate.live.nodes import Graph
from reinstate.wire import messages
from reinstate.wire.nodes import constant


@dataclass(slots=True)
class Traces:
    """The functions of a model while it is captured: ``graph`` has the nodes that they are bound to.

    ``held`` are the nodes of what they read that hangs on nothing else: large constants, variables of other objects.
    """

    graph: Graph
    functions: build.Functions = field(default_factory=build.Functions)
    traces: dict[str, Trace] = field(default_factory=dict)
    nodes: dict[int, Function] = field(default_factory=dict)
    signatures: dict[str, Signature] = field(default_factory=dict)
    endpoints: dict[str, int] = field(default_factory=dict)  # signature: node
    captured: dict[int, Any] = field(default_factory=dict)  # constants that functions are bound to, by node
    held: dict[str, int] = field(default_factory=dict)
    losses: list[str] = field(default_factory=list)

    def signature(self, name: str, endpoint: Endpoint) -> None:
        """Add a signature.

        Raises:
            UnsupportedError: it cannot be traced, or not be put into TensorFlow's ops; names what stands in the way.
        """
        with where(name):
            traced = _traced(endpoint)
            g, results = self._exported(endpoint, traced)
        self.losses += [f"the signature {name}: {doubt}" for doubt in endpoint.doubts]
        if traced.factor > 1:
            self.losses.append(f"the signature {name}: {_sizes(endpoint)} are multiples of {traced.factor}")
        specs = {key: TensorSpec(key, value.dtype, _open(value.shape)) for key, value in sorted(results.items())}
        trace = g.finish(f"signature_wrapper_{name}", sorted(results.items()))
        bound = tuple(self._node(each.source) for each in g.variables)
        inputs = dict(sorted(endpoint.inputs.items()))
        self.traces[trace] = Trace(trace, bound, ((), inputs), specs)
        self.signatures[name] = Signature(name, inputs, specs)
        node = self.endpoints[name] = self.graph.add(ObjectNode(kind="bare_concrete_function", identifier=""))
        self.nodes[node] = Function((trace,), tuple(inputs), positional=1 if len(inputs) == 1 else 0)

    def _exported(self, endpoint: Endpoint, traced: _Traced) -> tuple[GraphBuilder, dict[str, Tensor]]:
        g = GraphBuilder(self.functions)
        arguments: dict[str, Callable[[], Tensor]] = {}
        for name, spec in sorted(endpoint.inputs.items()):
            given = g.argument(name, spec.dtype, traced.shapes[name])
            arguments[name] = partial(_cast, g, given, dtypes.from_numpy(native(spec.dtype)))
        variables = [partial(self._read, g, variable) for variable in traced.variables]
        results = export(g, traced.jaxpr, [*variables, *(arguments[name] for name in endpoint.inputs)])
        for variable, value in zip(traced.assigned, results[len(traced.names) :], strict=True):
            g.assign(self._stored(g, variable), value)
        return g, dict(zip(traced.names, results, strict=False))

    def _stored(self, g: GraphBuilder, variable: Any) -> Tensor:
        """A variable as the file has it."""
        held = self.graph.nodes[self._node(variable)].variable
        assert held is not None
        return g.variable(variable, held.dtype, held.shape, variable.name)

    def _read(self, g: GraphBuilder, variable: Any) -> Tensor:
        """A variable as JAX has it; in the file it may be of another type."""
        return _cast(g, self._stored(g, variable), dtypes.from_numpy(native(_keras.numpy_dtype(variable))))

    def _node(self, source: Any) -> int:
        """The node of what a function captures: of a Keras variable, or of a constant."""
        if id(source) not in self.graph.ids:
            kind = "variable" if isinstance(source, keras.Variable) else "constant"
            name = f"{kind}_{len(self.held)}"
            if kind == "variable":
                self.held[name] = self.graph.variable(source)
            else:
                self.held[name] = self.graph.value(source, f"reinstate/{name}", of=source)
        return self.graph.ids[id(source)]

    def finish(self) -> Functions:
        """All of them, for the archive."""
        library = messages.GraphDef()
        library.library.function.extend(self.functions.finished.values())
        names = {index: f"captured_constant_{number}" for number, index in enumerate(self.captured)}
        library.node.extend(constant(names[index], value) for index, value in self.captured.items())
        return Functions(messages.serialize(library), self.traces, self.nodes, names, signatures=self.endpoints)


def write_signatures(traces: Traces, endpoints: Mapping[str, Endpoint]) -> None:
    """Add signatures.

    Raises:
        UnsupportedError: some cannot be traced, or not be put into TensorFlow's ops; names all, with the reasons.
    """
    failed = []
    for name, endpoint in endpoints.items():
        try:
            traces.signature(name, endpoint)
        except UnsupportedError as error:
            failed.append(f"the signature {error}")
    if failed:
        raise UnsupportedError("these signatures cannot be saved:", failed)


def _cast(g: GraphBuilder, x: Tensor, dtype: DType) -> Tensor:
    if x.dtype is dtype:
        return x
    made = g("Cast", x, DstT=dtype)
    return Tensor(g, made.name, dtype, x.shape)


def _open(shape: Sequence[Any]) -> tuple[int | None, ...]:
    return tuple(None if size < 0 else size for size in open_shape(shape))


@dataclass(frozen=True, slots=True)
class _Traced:
    """A jaxpr of ``variables`` and inputs that gives outputs by ``names``, and what ``assigned`` become."""

    jaxpr: Any
    shapes: Mapping[str, tuple[Any, ...]]  # of the inputs in it
    names: Sequence[str]
    variables: Sequence[Any]
    assigned: Sequence[Any]
    factor: int  # what open dimensions, but for the first, are multiples of


def _traced(endpoint: Endpoint) -> _Traced:
    """Trace an endpoint.

    Open dimensions are of sizes of their own at first; where that does not work, those of one axis are the same, and
    multiples of 2, 4, ... (a model that halves images and doubles them again takes no others).
    """
    first: UnsupportedError | None = None
    for way in _ways(endpoint):
        try:
            return _trace_all(endpoint, way)
        except UnsupportedError as error:
            first = first or error
    assert first is not None
    raise first


@dataclass(frozen=True, slots=True)
class _Way:
    """Whether open dimensions of the first axis, and of each other one, are the same; what these are multiples of."""

    batch: bool
    axes: bool
    factor: int


def _ways(endpoint: Endpoint) -> list[_Way]:
    shapes = [spec.shape or () for spec in endpoint.inputs.values()]
    ways = [_Way(True, False, 1)]
    if any(None in shape[1:] for shape in shapes):
        ways += [_Way(True, True, factor) for factor in (1, 2, 4, 8, 16, 32)]
    separate = not endpoint.batch and sum(None in shape[:1] for shape in shapes) > 1
    return [_Way(False, False, 1), *ways] if separate else ways


def _trace_all(endpoint: Endpoint, way: _Way) -> _Traced:
    """Trace it with all the variables that it reads or assigns, those of other objects too.

    Raises:
        UnsupportedError: it cannot be traced so, or makes variables of its own whenever it is called.
    """
    variables = list(endpoint.variables)
    for _ in range(2):
        traced, missing = _trace(endpoint, variables, way)
        if not missing:
            return traced
        variables += missing
    raise UnsupportedError("it makes new variables at each call:", [variable.path for variable in missing])


def _trace(endpoint: Endpoint, variables: Sequence[Any], way: _Way) -> tuple[_Traced, list[Any]]:
    """What is traced, and the variables that it also wants."""
    shapes = _symbolic(endpoint.inputs, way)
    names: list[str] = []
    scope = _keras.RecordingScope()

    def function(values: Sequence[Any], arrays: Sequence[Any]) -> list[Any]:
        scope.give(variables, values)
        found = endpoint.call(dict(zip(endpoint.inputs, arrays, strict=True)))
        names[:] = found
        given = [jax.numpy.asarray(found[name]) for name in names]
        return [*given, *(scope.get_current_value(variable) for variable in scope.assigned.values())]

    array: Any = jax.ShapeDtypeStruct
    values = [array(v.shape, native(_keras.numpy_dtype(v))) for v in variables]
    given = [array(shapes[name], native(spec.dtype)) for name, spec in endpoint.inputs.items()]
    try:
        with scope:  # around it all: what layers make on their first call gets its values when the scope ends
            jaxpr = jax.make_jaxpr(function)(values, given)
    except UnsupportedError:
        raise
    except Exception as error:  # the model's own code runs in it, and may raise anything
        raise UnsupportedError(f"it cannot be traced with open dimensions: {_reason(error)}") from error
    traced = _Traced(jaxpr, shapes, names, variables, [*scope.assigned.values()], way.factor)
    return traced, [*scope.missing.values()]


def _sizes(endpoint: Endpoint) -> str:
    """The open dimensions of the inputs, but for the first, in words."""
    axes = {
        name: [str(axis) for axis, size in enumerate(spec.shape or ()) if axis and size is None]
        for name, spec in endpoint.inputs.items()
    }
    return ", ".join(f"the sizes of {name} on the axes {' and '.join(each)}" for name, each in axes.items() if each)


def _reason(error: Exception) -> str:
    """What went wrong, without Keras' heading and its list of arguments."""
    parts = [part.strip() for part in re.sub(r"\x1b\[\d+m", "", str(error)).split("\n\n")]
    heading = parts[0].startswith("Exception encountered when calling") and len(parts) > 1
    return " ".join(parts[1 if heading else 0].split())[:400]


def _symbolic(inputs: Mapping[str, TensorSpec], way: _Way) -> dict[str, tuple[Any, ...]]:
    """The shapes with a variable for each dimension that is open."""
    texts = {}
    for number, (name, spec) in enumerate(inputs.items()):
        if spec.shape is None:
            raise UnsupportedError(f"the input {name} is of any rank")
        first = "b" if way.batch else f"b{number}"
        variable = [first, *(f"d{axis}" if way.axes else f"d{number}_{axis}" for axis in range(1, len(spec.shape)))]
        variable[1:] = [f"{way.factor}*{each}" if way.factor > 1 else each for each in variable[1:]]
        texts[name] = [variable[axis] if size is None else str(size) for axis, size in enumerate(spec.shape)]
    scope = jax_export.SymbolicScope()
    return {name: tuple(jax_export.symbolic_shape(",".join(text), scope=scope)) for name, text in texts.items()}
