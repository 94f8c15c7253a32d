"""The wiring of a Functional model, from Keras 3's notation to Keras 2's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reinstate.config.calls import argument_names, is_default_training, is_recurrent
from reinstate.config.lens import Config, Context
from reinstate.config.masks import ImplicitMasks
from reinstate.config.objects import plain
from reinstate.config.op_layers import is_op_layer
from reinstate.config.op_writing import as_functions
from reinstate.config.wiring import (
    CONSTANT,
    SILENT,
    Graph,
    Leaf,
    is_functional,
    is_leaf,
    is_model,
    is_none,
    is_tensor,
    layer_name,
    map_leaves,
    starts_with_input,
)


def down_graph(graph: Graph, context: Context) -> Graph:
    """Return the graph in Keras 2's notation, without what computes masks that Keras 2 finds itself."""
    masks = ImplicitMasks.of(graph.layers, graph.nodes, graph.outputs)
    graph = as_functions(graph, masks.operations)
    kept = [index for index, layer in enumerate(graph.layers) if layer_name(layer) not in masks.operations]
    wires = _DownWires(graph, masks, context)
    nodes = []
    for index in kept:
        with context.at(layer_name(graph.layers[index])):
            nodes.append([wires.node(graph.layers[index], call) for call in graph.nodes[index]])
    return Graph(
        tuple(graph.layers[index] for index in kept),
        tuple(nodes),
        wires.structure(graph.inputs),
        wires.structure(graph.outputs),
    )


class _DownWires:
    def __init__(self, graph: Graph, masks: ImplicitMasks, context: Context) -> None:
        self._masks = masks
        self._context = context
        self._layers = {layer_name(layer): layer for layer in graph.layers}
        self._first = {
            name: 1 if is_functional(layer) else starts_with_input(layer)
            for name, layer in self._layers.items()
            if is_model(layer)
        }

    def structure(self, value: Any) -> Any:
        """Translate ``input_layers`` or ``output_layers``: lists, and a list even of one."""
        return [self._endpoint(value)] if is_leaf(value) else _lists(map_leaves(value, self._endpoint))

    def _endpoint(self, leaf: Any) -> Leaf:
        name, node, tensor = leaf
        counted = is_functional(self._layers[name]) if name in self._layers else False
        return [name, node + (0 if counted else self._first.get(name, 0)), tensor]

    def _history(self, tensor: Mapping[str, Any]) -> Leaf:
        name, node, index = tensor["config"]["keras_history"]
        return [name, node + self._first.get(name, 0), index]

    def node(self, layer: Config, call: Any) -> Any:
        """Translate one call of ``layer``."""
        if layer.get("module", "") and str(layer["module"]).startswith("keras.src.ops."):
            return call
        args, kwargs = list(call.get("args", ())), dict(call.get("kwargs", {}))
        names = argument_names(layer)
        first = args.pop(0) if args else self._first_argument(kwargs, names)
        if len(args) >= len(names):
            self._context.refuse("a call with more positional arguments than are known: pass them by name")
        kwargs = self._kwargs(layer, {**dict(zip(names[1:], args, strict=False)), **kwargs})
        if is_recurrent(layer["class_name"]) and isinstance(kwargs.get("initial_state"), list | tuple):
            first = [first, *kwargs.pop("initial_state")]
        written = {key: self._value(value) for key, value in kwargs.items()}
        inputs = self._inputs(first, written)
        return [inputs] if is_leaf(inputs) and not is_op_layer(layer) else inputs

    @staticmethod
    def _first_argument(kwargs: Config, names: Sequence[str]) -> Any:
        """Take the first argument out of a call that names it."""
        if names[0] in kwargs:
            return kwargs.pop(names[0])
        return kwargs.pop(next(iter(kwargs))) if kwargs else None

    def _kwargs(self, layer: Config, kwargs: Config) -> Config:
        result = {key: value for key, value in kwargs.items() if key not in SILENT or not is_none(value)}
        if self._masks.finds(result.get("mask")):
            del result["mask"]
        if is_default_training(layer, result.get("training")):
            del result["training"]
        return result

    def _value(self, value: Any) -> Any:
        """Translate an argument other than the first."""
        if is_tensor(value):
            return self._history(value)
        value = plain(value)
        if isinstance(value, list | tuple):
            return [self._value(item) for item in value]
        if isinstance(value, Mapping):
            return {key: self._value(item) for key, item in value.items()}
        return value

    def _inputs(self, value: Any, kwargs: Config) -> Any:
        """Translate the first argument: a structure of tensors and constants, the kwargs beside each."""
        if is_tensor(value):
            return [*self._history(value), kwargs]
        if isinstance(value, list | tuple) and any(isinstance(item, list | tuple | Mapping) for item in value):
            return [self._inputs(item, kwargs) for item in value]
        if isinstance(value, Mapping) and "class_name" not in value:
            return {key: self._inputs(item, kwargs) for key, item in value.items()}
        return [CONSTANT, -1, plain(value), kwargs]


def _lists(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_lists(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _lists(item) for key, item in value.items()}
    return value
