"""Building graphs: ``g("AddV2", x, y)`` adds a node to a function and gives its output.

Types of nodes follow from their inputs, names from their ops and the scope, constants are written once. A function is
finished with the nodes that its results need. Within a function, tensors of the function around it are captured: they
become arguments. Large constants become variables, so that graphs stay small. Nothing depends on clocks or addresses:
the same calls give the same bytes.
Source: tensorflow/core/framework/{function,graph,node_def,op_def}.proto.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from reinstate import dtypes
from reinstate.dtypes import DType
from reinstate.graph import op_defs
from reinstate.graph.dimensions import Dimensions, is_static
from reinstate.graph.op_defs import Argument, OpDefinition
from reinstate.wire import messages
from reinstate.wire.nodes import node
from reinstate.wire.tensors import write_shape

LARGE = 1024  # bytes; larger constants are variables
RESOURCE, VARIANT = dtypes.from_name("resource"), dtypes.from_name("variant")


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """A tensor of a graph: ``name`` is how nodes refer to it; ``shape`` holds ints and jax's symbolic dimensions.

    ``shape`` is empty for what a rule makes on its way. ``value`` is there where it is known. ``narrow`` is what it was
    broadcast from, of the same rank or a scalar: ops that broadcast themselves take that.
    """

    graph: GraphBuilder
    name: str
    dtype: DType
    shape: tuple[Any, ...] = ()
    value: np.ndarray[Any, Any] | None = None
    narrow: Tensor | None = None

    @property
    def rank(self) -> int:
        """The number of dimensions."""
        return len(self.shape)


@dataclass(frozen=True, slots=True)
class _Node:
    name: str
    op: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, tuple[str, Any]]


@dataclass(slots=True)
class Functions:
    """The functions of a graph while it grows: finished ones by name, and the large constants of all of them."""

    finished: dict[str, Any] = field(default_factory=dict)
    _names: dict[bytes, str] = field(default_factory=dict)
    _large: dict[tuple[Any, ...], np.ndarray[Any, Any]] = field(default_factory=dict)

    def add(self, hint: str, function: Any) -> str:
        """Add a function that has no name yet; one that is there already, but for the name, is used again."""
        body = messages.serialize(function)
        name = self._names.get(body)
        if name is None:
            number = len(self._names)
            while f"__inference_{_clean(hint)}_{number}" in self.finished:
                number += 1
            name = self._names[body] = f"__inference_{_clean(hint)}_{number}"
            function.signature.name = name
            self.finished[name] = function
        return name

    def large(self, value: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The one array that stands for all that are equal to this one."""
        return self._large.setdefault((value.dtype, value.shape, value.tobytes()), value)


@dataclass(frozen=True, slots=True)
class Captured:
    """A variable that a function captures: what it stands for, and the resource argument."""

    source: Any
    handle: Tensor


class GraphBuilder:
    """A function while it is built."""

    def __init__(self, functions: Functions, outer: GraphBuilder | None = None) -> None:
        self.functions = functions
        self.outer = outer
        self.scope: str = "" if outer is None else outer.scope
        self.variables: list[Captured] = []  # of the outermost function
        self.captured: dict[str, tuple[Tensor, Tensor]] = {}  # outer name: (outer tensor, argument)
        self.dimensions = Dimensions(self)
        self._arguments: list[tuple[Any, Any]] = []  # ArgDef and its attributes
        self._nodes: dict[str, _Node] = {}
        self._numbers: dict[str, int] = {}
        self._constants: dict[tuple[Any, ...], Tensor] = {}
        self._read: dict[int, Tensor] = {}
        self._assigned: list[str] = []  # nodes that run whether their results are needed or not

    # Nodes ------------------------------------------------------------------------------------------------------------

    def __call__(self, op: str, *inputs: Any, **attributes: Any) -> Any:
        """Add a node. Inputs are tensors, Python's or numpy's values, and sequences of those for lists.

        Returns a tensor; a tuple where the op has several outputs, or a list of them.
        """
        definition = op_defs.find(op)
        assert definition is not None and len(inputs) == len(definition.inputs), op
        groups = [
            list(given) if each.is_list else [given] for each, given in zip(definition.inputs, inputs, strict=True)
        ]
        values = dict(attributes)
        _infer(definition, groups, values)
        names = [
            self.own(tensor, _dtype(argument, values, position)).name
            for argument, group in zip(definition.inputs, groups, strict=True)
            for position, tensor in enumerate(group)
        ]
        return self._add(definition, names, values)

    def _add(self, definition: OpDefinition, inputs: Sequence[str], values: Mapping[str, Any]) -> Any:
        kinds = definition.attributes
        written = {
            name: value if name.startswith("_") else (kinds[name].kind, value)  # annotations say their kind
            for name, value in values.items()
            if name.startswith("_") or kinds[name].required or value != _default(kinds[name])
        }
        name = self._unique(f"{self.scope}/{definition.name}" if self.scope else definition.name)
        self._nodes[name] = _Node(name, definition.name, tuple(inputs), written)
        outputs = [
            Tensor(self, f"{name}:{output.name}:{i}", _dtype(output, values, i))
            for output in definition.outputs
            for i in range(output.count(values))
        ]
        several = len(definition.outputs) != 1 or definition.outputs[0].is_list
        return tuple(outputs) if several else outputs[0]

    def _unique(self, name: str) -> str:
        number = self._numbers[name] = self._numbers.get(name, -1) + 1
        return f"{name}_{number}" if number else name

    def own(self, value: Any, dtype: DType | None = None) -> Tensor:
        """The value as a tensor of this function: a constant, or one of the function around it as an argument."""
        if not isinstance(value, Tensor):
            return self.constant(value, dtype)
        if value.graph is self:
            return value
        if value.value is not None:
            return self.constant(value.value)
        assert self.outer is not None
        outer = self.outer.own(value)
        if outer.name not in self.captured:
            argument = self.argument(f"captured_{len(self.captured)}", value.dtype, value.shape, of_caller=True)
            self.captured[outer.name] = (outer, argument)
        return self.captured[outer.name][1]

    def constant(self, value: Any, dtype: DType | None = None) -> Tensor:
        """A tensor of this value; a large one is a variable that is read."""
        array = np.asarray(value, dtype=None if dtype is None else dtype.numpy)
        if dtype is None and not isinstance(value, np.ndarray | np.generic):
            array = array.astype({"f": np.float32, "i": np.int32}.get(array.dtype.kind, array.dtype))
        if array.nbytes > LARGE and not array.dtype.hasobject:
            return self.variable(self.functions.large(array), dtypes.from_numpy(array.dtype), array.shape, "constant")
        key = (array.dtype, array.shape, repr(array.tolist()) if array.dtype.hasobject else array.tobytes())
        if key not in self._constants:
            scope, self.scope = self.scope, ""
            made = self("Const", value=array, dtype=dtypes.from_numpy(array.dtype))
            self.scope = scope
            self._constants[key] = replace(made, shape=array.shape, value=array)
        return self._constants[key]

    def dims(self, shape: Sequence[Any]) -> Tensor:
        """A shape as a vector of int32: a constant, or put together where dimensions are symbolic."""
        if is_static(shape):
            return self.constant(np.array([int(size) for size in shape], np.int32))
        scalars = [self.dimensions(size) for size in shape]
        packed: Tensor = replace(self("Pack", scalars), shape=(len(shape),))
        return packed

    def reshape(self, x: Tensor, shape: Sequence[Any]) -> Tensor:
        """The tensor in another shape; the one dimension that is symbolic is left to TensorFlow."""
        if is_static(x.shape) == is_static(shape) and tuple(x.shape) == tuple(shape):
            return x
        open_ones = [i for i, size in enumerate(shape) if not is_static([size])]
        vector = self.dims([-1 if i in open_ones else n for i, n in enumerate(shape)] if len(open_ones) == 1 else shape)
        made: Tensor = replace(self("Reshape", x, vector), shape=tuple(shape))
        return made

    # Arguments --------------------------------------------------------------------------------------------------------

    def argument(self, name: str, dtype: DType, shape: Sequence[Any] = (), *, of_caller: bool = False) -> Tensor:
        """Add an argument to the function; those ``of_caller`` are captured, and stand behind the others."""
        name = self._unique(_clean(name).lower())
        definition = messages.OpDef.ArgDef(name=name, type=dtype.enum)
        attributes = messages.FunctionDef.ArgAttrs()
        if dtype not in (RESOURCE, VARIANT):
            write_shape(attributes.attr["_output_shapes"].list.shape.add(), open_shape(shape))
        tensor = Tensor(self, name, dtype, tuple(shape))
        if not of_caller:
            self._arguments.append((definition, attributes))
            self.dimensions.offer(tensor)
        return tensor

    def variable(self, source: Any, dtype: DType, shape: Sequence[int], name: str = "variable") -> Tensor:
        """The value of a variable, which the outermost function captures; ``source`` is what it stands for."""
        if self.outer is not None:
            return self.own(self.outer.variable(source, dtype, shape, name))
        if id(source) not in self._read:
            handle = self.argument(f"{name}_resource", RESOURCE)
            data = self._arguments[-1][0].handle_data.add(dtype=dtype.enum)
            write_shape(data.shape, shape)
            self.variables.append(Captured(source, handle))
            self._read[id(source)] = replace(self("ReadVariableOp", handle, dtype=dtype), shape=tuple(shape))
        return self._read[id(source)]

    def assign(self, variable: Tensor, value: Tensor) -> None:
        """Give a variable, which ``variable`` is the value of, a new one when this function ends."""
        read = self._nodes[variable.name.partition(":")[0]]
        assert read.op == "ReadVariableOp" and self.outer is None
        definition = op_defs.find("AssignVariableOp")
        assert definition is not None
        written = value if value.dtype is variable.dtype else self("Cast", value, DstT=variable.dtype)
        names = [read.inputs[0], self.own(written).name, f"^{read.name}"]
        self._add(definition, names, {"dtype": variable.dtype})
        self._assigned.append(next(reversed(self._nodes)))

    # Functions --------------------------------------------------------------------------------------------------------

    def inner(self) -> GraphBuilder:
        """A function within this one, for a node to call."""
        return GraphBuilder(self.functions, self)

    def finish(self, hint: str, results: Iterable[tuple[str, Tensor]], captured: Sequence[Tensor] | None = None) -> str:
        """Finish the function: its results by name, ``captured`` the outer tensors that a call gives it in the end.

        Returns the name of the function in the library.
        """
        function = messages.FunctionDef()
        for definition, attributes in (*self._arguments, *self._captures(captured)):
            if attributes.attr:
                function.arg_attr[len(function.signature.input_arg)].CopyFrom(attributes)
            function.signature.input_arg.append(definition)
        scope, self.scope = self.scope, ""
        given = [(name, self("Identity", result)) for name, result in results]
        self.scope = scope
        for name in self._assigned:
            function.signature.control_output.append(name)
            function.control_ret[name] = name
        for each in self._needed([*(tensor.name for _, tensor in given), *self._assigned]):
            function.node_def.append(node(each.name, each.op, each.inputs, each.attributes))
        taken: dict[str, int] = {}
        for name, tensor in given:
            output = _clean(name).lower()
            taken[output] = taken.get(output, -1) + 1
            output = f"{output}__{taken[output]}" if taken[output] else output
            function.signature.output_arg.add(name=output, type=tensor.dtype.enum)
            function.ret[output] = tensor.name
        function.signature.is_stateful = any(item.type == RESOURCE.enum for item in function.signature.input_arg)
        return self.functions.add(hint, function)

    def _captures(self, captured: Sequence[Tensor] | None) -> list[tuple[Any, Any]]:
        """The arguments for what is captured, in the order in which it is given; some may have no use."""
        outers = [outer for outer, _ in self.captured.values()] if captured is None else captured
        arguments = []
        for number, outer in enumerate(outers):
            name = self.captured[outer.name][1].name if outer.name in self.captured else f"unused_{number}"
            attributes = messages.FunctionDef.ArgAttrs()
            if outer.dtype not in (RESOURCE, VARIANT):
                write_shape(attributes.attr["_output_shapes"].list.shape.add(), open_shape(outer.shape))
            arguments.append((messages.OpDef.ArgDef(name=name, type=outer.dtype.enum), attributes))
        return arguments

    def _needed(self, names: Iterable[str]) -> list[_Node]:
        """The nodes that these tensors need, in the order in which they were made."""
        needed: set[str] = set()
        stack = [_producer(name) for name in names]
        while stack:
            name = stack.pop()
            if name in self._nodes and name not in needed:
                needed.add(name)
                stack.extend(map(_producer, self._nodes[name].inputs))
        return [each for name, each in self._nodes.items() if name in needed]


def _producer(name: str) -> str:
    """The node that an input is of; ``^node`` is one that only has to run before."""
    return name.partition(":")[0].removeprefix("^")


def open_shape(shape: Sequence[Any]) -> list[int]:
    """A shape with -1 for symbolic dimensions."""
    return [int(size) if is_static([size]) else -1 for size in shape]


def _clean(name: str) -> str:
    """A name as functions and arguments may have it."""
    return re.sub(r"\W", "_", name, flags=re.ASCII).lstrip("_0123456789") or "x"


def scope_name(path: str) -> str:
    """A path of names as nodes may have it."""
    parts = [re.sub(r"[^A-Za-z0-9_.\-]", "_", part) for part in path.split("/") if part]
    return "/".join(parts) if not parts or parts[0][0].isalnum() else "layer" + "/".join(parts)


def _dtype(argument: Argument, values: Mapping[str, Any], position: int) -> DType:
    if argument.types is not None:
        return values[argument.types][position]  # type: ignore[no-any-return]
    return values[argument.dtype] if argument.dtype in values else dtypes.from_name(argument.dtype)


def _default(attribute: op_defs.Attribute) -> Any:
    return dtypes.from_name(attribute.default) if attribute.kind == "type" else attribute.default


def _infer(definition: OpDefinition, groups: Sequence[Sequence[Any]], values: dict[str, Any]) -> None:
    """Fill in the attributes that type and number the inputs: from tensors first, then from values."""
    for known in (True, False):
        for argument, group in zip(definition.inputs, groups, strict=True):
            if argument.types is not None:
                values.setdefault(argument.types, [tensor.dtype for tensor in group])
            elif argument.dtype in definition.attributes:
                for item in group:
                    if isinstance(item, Tensor) == known:
                        values.setdefault(argument.dtype, _type_of(item, definition.attributes[argument.dtype]))
            if argument.number is not None:
                values.setdefault(argument.number, len(group))
    for name in definition.sizes:
        attribute = definition.attributes.get(name)
        if attribute is not None and not attribute.required:
            values.setdefault(name, _default(attribute))


def _type_of(item: Any, attribute: op_defs.Attribute) -> DType:
    if isinstance(item, Tensor):
        return item.dtype
    if isinstance(item, np.ndarray | np.generic):
        return dtypes.from_numpy(item.dtype)
    if not attribute.required:
        return dtypes.from_name(attribute.default)
    kind = np.asarray(item).dtype.kind
    return dtypes.from_name({"f": "float32", "b": "bool"}.get(kind, "int32"))
