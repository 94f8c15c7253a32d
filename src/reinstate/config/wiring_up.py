"""The wiring of a Functional model, from Keras 2's notation to Keras 3's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reinstate.config.calls import is_recurrent
from reinstate.config.lens import Config, Context
from reinstate.config.op_layers import is_op_layer, op_call_up
from reinstate.config.wiring import (
    CONSTANT,
    SILENT,
    TENSOR,
    Graph,
    Leaf,
    is_functional,
    is_leaf,
    is_model,
    is_none,
    is_tensor,
    layer_name,
    leaves_of,
    map_leaves,
    starts_with_input,
)


def up_graph(graph: Graph, renamed: Mapping[str, str], context: Context) -> Graph:
    """Return the graph in Keras 3's notation, the layers as they are."""
    wires = _UpWires(graph, renamed, context)
    nodes = []
    for layer, calls in zip(graph.layers, graph.nodes, strict=True):
        with context.at(layer_name(layer)):
            nodes.append([wires.node(layer, call) for call in calls])
    return Graph(graph.layers, tuple(nodes), wires.structure(graph.inputs), wires.structure(graph.outputs))


class _UpWires:
    """Translates the leaves of one graph."""

    def __init__(self, graph: Graph, renamed: Mapping[str, str], context: Context) -> None:
        self._renamed = renamed
        self._context = context
        self._layers = {layer_name(layer): layer for layer in graph.layers}
        self._counts = {layer_name(layer): len(nodes) for layer, nodes in zip(graph.layers, graph.nodes, strict=True)}
        self._first = self._first_calls(graph)

    def _first_calls(self, graph: Graph) -> dict[str, int]:
        """Return as what the first call of each nested model counts: 1, but 0 where it was not built when called."""
        models = {name: layer for name, layer in self._layers.items() if is_model(layer)}
        if not models:
            return {}
        used: dict[str, set[int]] = {name: set() for name in models}
        for leaf in leaves_of([graph.nodes, graph.outputs]):
            for name, node in _references(leaf):
                if name in used:
                    used[name].add(node)
        return {name: _first_call(layer, self._counts[name], used[name]) for name, layer in models.items()}

    def structure(self, value: Any) -> Any:
        """Translate ``input_layers`` or ``output_layers``; a list of one is one tensor."""
        if isinstance(value, list | tuple) and len(value) == 1 and is_leaf(value[0]):
            value = value[0]
        return map_leaves(value, self._endpoint)

    def _endpoint(self, leaf: Any) -> Leaf:
        name, node, tensor = self._history(leaf)
        layer = self._layers.get(leaf[0])
        return [name, node + (layer is not None and is_functional(layer)), tensor]

    def _history(self, leaf: Any) -> Leaf:
        name, node, tensor = leaf[:3]
        if name not in self._layers:
            self._context.refuse(f"the graph names a layer {name!r} that is not in the model")
        elif not isinstance(node, int) or not isinstance(tensor, int):
            self._context.refuse(f"not a tensor of the graph: {leaf!r:.200}")
        elif self._layers[name]["class_name"] == "InputLayer":
            node = 0
        else:
            node -= self._first.get(name, 0)
            if not 0 <= node < self._counts[name] or tensor < 0:
                self._context.refuse(
                    f"the graph names call {leaf[1]} of layer {name!r}, which has {self._counts[name]}"
                )
        return [self._renamed.get(name, name), node, tensor]

    def _tensor(self, leaf: Any) -> Any:
        if leaf[0] == CONSTANT:
            return leaf[2]
        # Shape and dtype are what the layers will say; Keras takes only the history from here.
        history = self._history(leaf)
        return {"class_name": TENSOR, "config": {"shape": [None], "dtype": "float32", "keras_history": history}}

    def node(self, layer: Config, call: Any) -> Any:
        """Translate one call of ``layer``."""
        if isinstance(call, Mapping) and call.keys() == {"args", "kwargs"}:
            return {"args": _rename(call["args"], self._renamed), "kwargs": _rename(call["kwargs"], self._renamed)}
        leaves = list(leaves_of(call))
        if not leaves:
            self._context.refuse(f"not a call of a layer: {call!r:.200}")
            return {"args": [], "kwargs": {}}
        if is_op_layer(layer):
            kwargs = self._references(leaves[0][3] if len(leaves[0]) == 4 else {})
            return {"args": [map_leaves(call, self._tensor)], "kwargs": op_call_up(layer, kwargs, self._context)}
        alone = len(leaves) == 1 and not isinstance(call, Mapping)
        inputs = self._tensor(leaves[0]) if alone else map_leaves(call, self._tensor)
        kwargs = self._kwargs(layer, leaves[0][3] if len(leaves[0]) == 4 else {})
        if isinstance(inputs, list) and is_recurrent(layer["class_name"]):
            inputs, *states = inputs
            kwargs["initial_state"] = states
        return {"args": [inputs], "kwargs": kwargs}

    def _references(self, kwargs: Any) -> Config:
        """Translate the tensors in the arguments of a call; the other values stay."""
        if not isinstance(kwargs, Mapping):
            self._context.refuse(f"not the arguments of a call: {kwargs!r:.200}")
            return {}
        known = {*self._layers, CONSTANT}
        return {
            key: map_leaves(value, lambda leaf: self._tensor(leaf) if leaf[0] in known else leaf)
            for key, value in kwargs.items()
        }

    def _kwargs(self, layer: Config, kwargs: Any) -> Config:
        result = {
            key: value for key, value in self._references(kwargs).items() if key not in SILENT or not is_none(value)
        }
        if isinstance(result.get("training"), bool):
            self._context.lose(
                f"training={result['training']} of a call: fit, evaluate and predict of Keras 3 override it"
            )
        if layer["config"].get("causal"):
            result["use_causal_mask"] = True
        return result


def _references(leaf: Any) -> Iterator[tuple[Any, Any]]:
    """Yield layer and node of a leaf and of the tensors in its kwargs."""
    yield leaf[0], leaf[1]
    if len(leaf) == 4:
        for inner in leaves_of(leaf[3]):
            yield inner[0], inner[1]


def _first_call(layer: Mapping[str, Any], calls: int, used: set[int]) -> int:
    if 0 in used:
        return 0
    if calls in used or is_functional(layer):
        return 1
    return starts_with_input(layer)


def _rename(value: Any, renamed: Mapping[str, str]) -> Any:
    """Return Keras 3's arguments with the layers' new names."""
    if not renamed:
        return value
    if is_tensor(value):
        name, *rest = value["config"]["keras_history"]
        return {**value, "config": {**value["config"], "keras_history": [renamed.get(name, name), *rest]}}
    if isinstance(value, list | tuple):
        return [_rename(item, renamed) for item in value]
    if isinstance(value, Mapping):
        return {key: _rename(item, renamed) for key, item in value.items()}
    return value
