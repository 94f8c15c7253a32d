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
from reinstate.live.nodes import Graph
from reinstate.wire import messages
from reinstate.wire.nodes import constant

DEFAULT = "serving_default"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A function to trace: ``call`` takes arrays by the names in ``inputs``, gives arrays by name."""

    call: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    inputs: Mapping[str, TensorSpec]
    variables: Sequence[Any]  # all that it may read


def default_endpoint(model: Any) -> Endpoint:
    """What a model predicts, by the names of its inputs and outputs.

    Raises:
        UnsupportedError: the model's inputs are not known, or no arrays.
    """
    graph = _keras.graph_of(model)
    if graph is None:
        raise UnsupportedError("the inputs of the model are not known: it is no graph of layers")
    inputs = {tensor_name: _spec(tensor_name, tensor) for tensor_name, tensor in _keras.named_inputs(graph)}

    def call(arrays: Mapping[str, Any]) -> Mapping[str, Any]:
        given = keras.tree.pack_sequence_as(_keras.input_structure(graph), [arrays[name] for name in inputs])
        found = model(given, training=False)
        return dict(zip(_unique(_keras.output_names(graph)), _keras.flatten(found), strict=True))

    return Endpoint(call, inputs, model.variables)


def _spec(name: str, tensor: Any) -> TensorSpec:
    if tensor.dtype == "string":
        raise UnsupportedError(f"the input {name} is of strings, which JAX has not")
    if getattr(tensor, "sparse", False):
        raise UnsupportedError(f"the input {name} is sparse")
    return TensorSpec(name, dtypes.from_name(keras.backend.standardize_dtype(tensor.dtype)), tuple(tensor.shape))


def _unique(names: Sequence[str]) -> list[str]:
    """Names as tf.keras tells them apart: ``dense``, ``dense_1``."""
    taken: dict[str, int] = {}
    result = []
    for name in names:
        number = taken[name] = taken.get(name, -1) + 1
        result.append(f"{name}_{number}" if number else name)
    return result


@dataclass(slots=True)
class Traces:
    """The functions of a model while it is captured: ``graph`` has the nodes that they are bound to."""

    graph: Graph
    functions: build.Functions = field(default_factory=build.Functions)
    traces: dict[str, Trace] = field(default_factory=dict)
    nodes: dict[int, Function] = field(default_factory=dict)
    signatures: dict[str, Signature] = field(default_factory=dict)
    endpoints: dict[str, int] = field(default_factory=dict)  # signature: node
    constants: dict[str, int] = field(default_factory=dict)
    captured: dict[int, Any] = field(default_factory=dict)  # constants that functions are bound to, by node

    def signature(self, name: str, endpoint: Endpoint) -> None:
        """Add a signature.

        Raises:
            UnsupportedError: it cannot be traced, or not be put into TensorFlow's ops; names what stands in the way.
        """
        with where(name):
            g, results = self._exported(endpoint)
        specs = {key: TensorSpec(key, value.dtype, _open(value.shape)) for key, value in sorted(results.items())}
        trace = g.finish(f"signature_wrapper_{name}", sorted(results.items()))
        bound = tuple(self._node(each.source) for each in g.variables)
        inputs = dict(sorted(endpoint.inputs.items()))
        self.traces[trace] = Trace(trace, bound, ((), inputs), specs)
        self.signatures[name] = Signature(name, inputs, specs)
        node = self.endpoints[name] = self.graph.add(ObjectNode(kind="bare_concrete_function", identifier=""))
        self.nodes[node] = Function((trace,), tuple(inputs), positional=1 if len(inputs) == 1 else 0)

    def _exported(self, endpoint: Endpoint) -> tuple[GraphBuilder, dict[str, Tensor]]:
        traced, shapes, names = _traced(endpoint)
        g = GraphBuilder(self.functions)
        arguments: dict[str, Callable[[], Tensor]] = {}
        for name, spec in sorted(endpoint.inputs.items()):
            given = g.argument(name, spec.dtype, shapes[name])
            arguments[name] = partial(_cast, g, given, dtypes.from_numpy(native(spec.dtype)))
        variables = [partial(self._read, g, variable) for variable in endpoint.variables]
        results = export(g, traced, [*variables, *(arguments[name] for name in endpoint.inputs)])
        return g, dict(zip(names, results, strict=True))

    def _read(self, g: GraphBuilder, variable: Any) -> Tensor:
        """A variable as JAX has it; in the file it may be of another type."""
        node = self.graph.nodes[self.graph.variable(variable)]
        assert node.variable is not None
        read = g.variable(variable, node.variable.dtype, node.variable.shape, variable.name)
        return _cast(g, read, dtypes.from_numpy(native(_keras.numpy_dtype(variable))))

    def _node(self, source: Any) -> int:
        """The node of what a function captures: of a Keras variable, or of a constant."""
        if isinstance(source, keras.Variable):
            return self.graph.variable(source)
        if id(source) not in self.graph.ids:
            name = f"constant_{len(self.constants)}"
            self.constants[name] = self.graph.value(source, f"reinstate/{name}", of=source)
        return self.graph.ids[id(source)]

    def finish(self) -> Functions:
        """All of them, for the archive."""
        library = messages.GraphDef()
        library.library.function.extend(self.functions.finished.values())
        names = {index: f"captured_constant_{number}" for number, index in enumerate(self.captured)}
        library.node.extend(constant(names[index], value) for index, value in self.captured.items())
        return Functions(messages.serialize(library), self.traces, self.nodes, names, signatures=self.endpoints)


def _cast(g: GraphBuilder, x: Tensor, dtype: DType) -> Tensor:
    if x.dtype is dtype:
        return x
    made = g("Cast", x, DstT=dtype)
    return Tensor(g, made.name, dtype, x.shape)


def _open(shape: Sequence[Any]) -> tuple[int | None, ...]:
    return tuple(None if size < 0 else size for size in open_shape(shape))


def _traced(endpoint: Endpoint) -> tuple[Any, dict[str, tuple[Any, ...]], list[str]]:
    """The jaxpr, the shapes of the inputs in it, and the names of what it gives.

    Open dimensions are of sizes of their own at first; where that does not work, those of one axis are the same, and
    multiples of 2, 4, ... (a model that halves images and doubles them again takes no others).
    """
    ways = _WAYS if any(None in (spec.shape or ())[1:] for spec in endpoint.inputs.values()) else _WAYS[:1]
    for way in ways[:-1]:
        try:
            return _trace(endpoint, *way)
        except UnsupportedError:
            continue
    return _trace(endpoint, *ways[-1])


# Whether the open dimensions of one axis are the same, and what they are multiples of.
_WAYS = ((False, 1), (True, 1), (True, 2), (True, 4), (True, 8), (True, 16), (True, 32), (False, 1))


def _trace(endpoint: Endpoint, shared: bool, factor: int) -> tuple[Any, dict[str, tuple[Any, ...]], list[str]]:
    shapes = _symbolic(endpoint.inputs, shared, factor)
    names: list[str] = []

    def function(values: Sequence[Any], arrays: Sequence[Any]) -> list[Any]:
        with keras.StatelessScope(state_mapping=list(zip(endpoint.variables, values, strict=True))):
            found = endpoint.call(dict(zip(endpoint.inputs, arrays, strict=True)))
        names[:] = found
        return [jax.numpy.asarray(found[name]) for name in names]

    array: Any = jax.ShapeDtypeStruct
    values = [array(v.shape, native(_keras.numpy_dtype(v))) for v in endpoint.variables]
    given = [array(shapes[name], native(spec.dtype)) for name, spec in endpoint.inputs.items()]
    try:
        return jax.make_jaxpr(function)(values, given), shapes, names
    except UnsupportedError:
        raise
    except Exception as error:  # the model's own code runs in it, and may raise anything
        raise UnsupportedError(f"it cannot be traced with open dimensions: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """What went wrong, without Keras' heading and its list of arguments."""
    parts = [part.strip() for part in re.sub(r"\x1b\[\d+m", "", str(error)).split("\n\n")]
    heading = parts[0].startswith("Exception encountered when calling") and len(parts) > 1
    return " ".join(parts[1 if heading else 0].split())[:400]


def _symbolic(inputs: Mapping[str, TensorSpec], shared: bool, factor: int) -> dict[str, tuple[Any, ...]]:
    """The shapes with a variable for each dimension that is open; the first is the batch, in all inputs the same."""
    texts = {}
    for number, (name, spec) in enumerate(inputs.items()):
        if spec.shape is None:
            raise UnsupportedError(f"the input {name} is of any rank")
        variable = ["b", *(f"d{axis}" if shared else f"d{number}_{axis}" for axis in range(1, len(spec.shape)))]
        variable[1:] = [f"{factor}*{each}" if factor > 1 else each for each in variable[1:]]
        texts[name] = [variable[axis] if size is None else str(size) for axis, size in enumerate(spec.shape)]
    scope = jax_export.SymbolicScope()
    return {name: tuple(jax_export.symbolic_shape(",".join(text), scope=scope)) for name, text in texts.items()}
