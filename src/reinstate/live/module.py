"""A SavedModel as a ``Module``: its object graph as attributes, its functions to be called, without Keras.

What ``tf.saved_model.load`` gives. Objects are made when they are asked for, and values read when they are needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from reinstate.archive.model import Archive, Function, Graph, ObjectNode, Trace
from reinstate.archive.model import Variable as StoredVariable
from reinstate.archive.tables import asset_lines
from reinstate.errors import CorruptError, UnsupportedError, where
from reinstate.graph.run import Library
from reinstate.graph.tables import LookupTable
from reinstate.graph.variables import Variable
from reinstate.live.concrete import (
    ConcreteFunction,
    PolymorphicFunction,
    Runner,
    SignatureFunction,
    concrete_function,
)
from reinstate.wire import messages
from reinstate.wire.tensors import read_tensor


class Module:
    """An object of a SavedModel: its children are attributes (and items, where it is a list or a dictionary)."""

    def __init__(self, objects: Objects, index: int) -> None:
        self._objects = objects
        self._index = index

    def __repr__(self) -> str:
        node = self._objects.node(self._index)
        return f"Module({node.identifier or node.kind}: {', '.join(node.children)})"

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._objects.node(self._index).children]

    def __getattr__(self, name: str) -> Any:
        children = {} if name.startswith("__") and name != "__call__" else self._objects.node(self._index).children
        if name not in children:
            raise AttributeError(f"the object has no {name!r}; it has: {', '.join(sorted(children)) or 'nothing'}")
        return self._objects.get(children[name])

    def __getitem__(self, key: int | str) -> Any:
        children = self._objects.node(self._index).children
        if str(key) not in children:
            raise KeyError(key) if isinstance(key, str) else IndexError(key)
        return self._objects.get(children[str(key)])

    def __len__(self) -> int:
        return len(self._objects.node(self._index).children)

    def __iter__(self) -> Iterator[Any]:
        """The items of a list, the keys of a dictionary."""
        node = self._objects.node(self._index)
        if node.identifier in ("trackable_list_wrapper", "trackable_tuple_wrapper"):
            return (self._objects.get(node.children[key]) for key in sorted(node.children, key=number))
        return iter(node.children)

    def __bool__(self) -> bool:
        return True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the object's own function, if it has one."""
        return self.__getattr__("__call__")(*args, **kwargs)

    @property
    def signatures(self) -> Mapping[str, SignatureFunction]:
        """The functions for serving, by name; each takes arrays by name and gives a dictionary of arrays."""
        return self._objects.signatures

    def as_layer(self, endpoint: str = "serving_default", name: str | None = None) -> Any:
        """A signature as a Keras layer, which trains; its variables begin with the values that those here have now.

        It takes a tensor, a list of them in the order of the signature's inputs, or a dictionary; and gives a
        dictionary. Nothing of it is saved with a model.

        Raises:
            UnsupportedError: there is no such signature.
        """
        from reinstate.live.signature import SignatureLayer

        layer = SignatureLayer(self._objects.archive, endpoint, name)
        for index, variable in layer.held.items():
            variable.assign(self._objects.get(index).value)
        return layer

    @property
    def variables(self) -> list[Variable]:
        """The variables of this object and what hangs on it; of a Keras model those that Keras lists."""
        return self._objects.listed(self._index, "variables")

    @property
    def trainable_variables(self) -> list[Variable]:
        """Those of the variables that are trainable."""
        return [variable for variable in self._objects.listed(self._index, "trainable_variables") if variable.trainable]


def _path(asset: Path) -> bytes:
    return str(asset).encode()


def number(key: str) -> tuple[int, str]:
    """What to sort the keys of lists by."""
    return (int(key) if key.isdigit() else -1, key)


class Objects:
    """The objects of an archive by node id, each made once."""

    def __init__(self, archive: Archive) -> None:
        if archive.graph is None:
            raise UnsupportedError(f"a {archive.format} has no functions; only a SavedModel does")
        self._archive = archive
        self._graph: Graph = archive.graph()
        self._definition = messages.parse(messages.GraphDef, self._graph.definition)
        functions = {function.signature.name: function for function in self._definition.library.function}
        self._library = Library(
            functions, {_path(asset): partial(asset_lines, asset) for asset in self._graph.assets.values()}
        )
        self._made: dict[int, Any] = {}
        self._concrete: dict[str, ConcreteFunction] = {}
        self._constants: dict[str, Any] | None = None
        self._signatures: dict[str, SignatureFunction] | None = None

    def node(self, index: int) -> ObjectNode:
        """A node of the archive."""
        return self._archive.nodes[index]

    def get(self, index: int) -> Any:
        """The object of a node."""
        if index not in self._made:
            self._made[index] = self._make(index, self.node(index))
        return self._made[index]

    def _make(self, index: int, node: ObjectNode) -> Any:
        if node.variable is not None:
            return self._variable(index, node.variable)
        if index in self._graph.functions:
            return self._function(self._graph.functions[index])
        if index in self._graph.constants:
            return self._constant(self._graph.constants[index])
        if index in self._graph.assets:
            return np.array(_path(self._graph.assets[index]), dtype=object)
        return self._resource(index, node) if node.kind == "resource" else Module(self, index)

    def _resource(self, index: int, node: ObjectNode) -> Any:
        """A table, as its own functions make and fill it; one that changes has its entries in the file."""
        with where(f"object {index}"):
            made = self._own(node, "_create_resource")
            if len(made) != 1:
                raise UnsupportedError(f"a resource that {'nothing makes' if not made else 'is several'}")
            self._made[index] = made[0]
            if isinstance(made[0], LookupTable) and not made[0].fixed and index in self._archive.tables:
                stored = self._archive.tables[index]()
                made[0].replace(stored.keys, stored.values)
            self._own(node, "_initialize")
            return made[0]

    def _own(self, node: ObjectNode, name: str) -> list[Any]:
        """What a function of a resource gives, which no call gets."""
        function = self._graph.functions.get(node.children.get(name, -1))
        if function is None or not function.traces:
            return []
        return self._concrete_function(function.traces[0]).runner.raw()

    def _variable(self, index: int, stored: StoredVariable) -> Any:
        if stored.tensor is None:
            raise UnsupportedError(f"the variable {stored.name!r} has no value in the file")
        (value,) = self._archive.tensors.read([stored.tensor])
        return Variable(value, stored.name, stored.trainable, stored.dtype)

    def _read_variables(self, indices: Sequence[int]) -> None:
        """Make several variables, their values read at once."""
        new = {i: v for i in indices if i not in self._made and (v := self.node(i).variable) is not None and v.tensor}
        values = self._archive.tensors.read([v.tensor for v in new.values() if v.tensor is not None])
        for (index, stored), value in zip(new.items(), values, strict=True):
            self._made[index] = Variable(value, stored.name, stored.trainable, stored.dtype)

    def _function(self, function: Function) -> PolymorphicFunction:
        name = next(iter(function.traces), "a function without traces")
        return PolymorphicFunction(name, function, [self._concrete_function(trace) for trace in function.traces])

    def _concrete_function(self, name: str) -> ConcreteFunction:
        if name not in self._concrete:
            if name not in self._graph.traces:
                raise CorruptError(f"function {name!r} has no signature in the object graph")
            trace = self._graph.traces[name]
            self._concrete[name] = concrete_function(self._library, trace, lambda: self._bound(trace))
        return self._concrete[name]

    def _bound(self, trace: Trace) -> list[Any]:
        """What is bound to a trace: variables, tables, constants, the paths of assets."""
        with where(f"function {trace.name}"):
            refused = [
                f"object {index}: {self.node(index).kind}"
                for index in trace.bound
                if self.node(index).kind in ("captured_tensor", "function", "bare_concrete_function")
            ]
            if refused:
                raise UnsupportedError("objects that a function is bound to:", refused)
            self._read_variables(trace.bound)
            return [self.get(index) for index in trace.bound]

    def _constant(self, name: str) -> Any:
        if self._constants is None:
            self._constants = {node.name: node for node in self._definition.node if node.op == "Const"}
        if name not in self._constants:
            raise CorruptError(f"constant {name!r} is not in the graph")
        with where(f"constant {name!r}"):
            return read_tensor(self._constants[name].attr["value"].tensor)

    @property
    def archive(self) -> Archive:
        """The file."""
        return self._archive

    @property
    def library(self) -> Library:
        """The functions of the graph, by name."""
        return self._library

    @property
    def functions(self) -> Mapping[int, Function]:
        """What can be called, by node id."""
        return self._graph.functions

    @property
    def traces(self) -> Mapping[str, Trace]:
        """The traces of functions, by name."""
        return self._graph.traces

    @property
    def signatures(self) -> Mapping[str, SignatureFunction]:
        """Of the object graph, or, in models without one, of the graph itself."""
        if self._signatures is None:
            held = self._archive.root.children.get("signatures")
            of_objects = self._graph.traces and held is not None
            self._signatures = self._from_objects(held) if of_objects and held is not None else self._from_graph()
        return self._signatures

    def _from_objects(self, held: int) -> dict[str, SignatureFunction]:
        found = {}
        for name, index in sorted(self.node(held).children.items()):
            if index in self._graph.functions and self._graph.functions[index].traces:
                function = self._graph.functions[index]
                found[name] = SignatureFunction(name, function, self._concrete_function(function.traces[0]))
        return found

    def _from_graph(self) -> dict[str, SignatureFunction]:
        found = {}
        for name, signature in self._archive.signatures.items():
            with where(f"signature {name!r}"):
                takes, gives = self._graph.tensors[name]
                trace = Trace(name, (), ((), dict(signature.inputs)), dict(signature.outputs))
                found[name] = SignatureFunction(
                    name, Function((), tuple(sorted(takes))), ConcreteFunction(trace, self._graph_runner(takes, gives))
                )
        return found

    def _graph_runner(self, takes: Mapping[str, str], gives: Mapping[str, str]) -> Runner:
        feeds, fetches = ([tensors[key] for key in sorted(tensors)] for tensors in (takes, gives))
        plan = self._library.plan_graph(self._definition.node, feeds, fetches)
        variables = _ByName(self)
        return Runner(self._library, plan, lambda: [], variables)

    def named_variables(self) -> dict[str, int]:
        """The nodes of variables, by name."""
        return {variable.name: index for index, variable in self._archive.variables()}

    def listed(self, index: int, name: str) -> list[Variable]:
        """The variables that Keras lists under a name; without such a list, those that hang on the object."""
        held = self.node(index).children.get(name)
        if held is not None and self.node(held).identifier == "trackable_list_wrapper":
            children = self.node(held).children
            found = [children[key] for key in sorted(children, key=number)]
        else:
            found = sorted(self._reached(index))
        variables = [i for i in found if (v := self.node(i).variable) is not None and v.tensor is not None]
        self._read_variables(variables)
        return [self.get(i) for i in variables]

    def _reached(self, index: int) -> set[int]:
        seen, stack = {index}, [index]
        while stack:
            for child in self.node(stack.pop()).children.values():
                if child not in seen:
                    seen.add(child)
                    stack.append(child)
        return seen


class _ByName(Mapping[str, Variable]):
    """The variables of a model that has only a graph, by the names that their handles have."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._names = objects.named_variables()

    def __getitem__(self, name: str) -> Variable:
        found: Variable = self._objects.get(self._names[name])
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def open_module(archive: Archive) -> Module:
    """The root of a SavedModel as a ``Module``.

    Raises:
        UnsupportedError: it is no SavedModel.
        CorruptError: its graph is damaged.
    """
    return Module(Objects(archive), 0)
