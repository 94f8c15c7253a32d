"""How the layers of a Functional model are wired, in both notations.

Keras 2: a node is nested lists (or dicts) of ``[layer, node, tensor, kwargs]``, the same kwargs in each; the calls of
a nested model are counted from 1. Keras 3: a node is ``{"args", "kwargs"}``, tensors are ``__keras_tensor__`` dicts
with a history ``[layer, node, tensor]``, calls are counted from 0, but in ``output_layers`` those of a nested
Functional from 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reinstate.config.lens import Config, Context

Leaf = list[Any]
CONSTANT = "_CONSTANT_VALUE"
TENSOR = "__keras_tensor__"
# Arguments whose None says nothing, but would stand in the way of what the layer finds by itself.
SILENT = frozenset(["mask", "training", "initial_state", "constants"])


@dataclass(frozen=True, slots=True)
class Graph:
    """The layers of a model with the nodes of each, and its inputs and outputs, in one of the two notations."""

    layers: tuple[Config, ...]
    nodes: tuple[list[Any], ...]
    inputs: Any
    outputs: Any

    @classmethod
    def of(cls, config: Mapping[str, Any], layers: Sequence[Config], context: Context) -> Graph:
        """Return the graph in a model's config."""
        nodes = []
        for layer in layers:
            value = layer.get("inbound_nodes", [])
            if not isinstance(value, list | tuple):
                context.refuse(f"inbound_nodes is not a list: {value!r:.200}")
                value = []
            nodes.append(list(value))
        return cls(tuple(layers), tuple(nodes), config.get("input_layers", []), config.get("output_layers", []))


def layer_name(layer: Mapping[str, Any]) -> str:
    """Return the name by which the nodes know a layer."""
    return str(layer.get("name") or layer["config"].get("name"))


def is_leaf(value: Any) -> bool:
    """Tell whether a list is ``[layer, node, tensor]``, with or without kwargs."""
    return isinstance(value, list | tuple) and len(value) in (3, 4) and isinstance(value[0], str)


def map_leaves(value: Any, leaf: Callable[[Any], Any]) -> Any:
    """Apply ``leaf`` to every leaf of lists, tuples and dicts; other values stay."""
    if is_leaf(value):
        return leaf(value)
    if isinstance(value, list | tuple):
        return type(value)(map_leaves(item, leaf) for item in value)
    if isinstance(value, Mapping):
        return {key: map_leaves(item, leaf) for key, item in value.items()}
    return value


def leaves_of(value: Any) -> Iterator[Any]:
    """Yield the leaves of lists, tuples and dicts."""
    if is_leaf(value):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from leaves_of(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from leaves_of(item)


def is_none(value: Any) -> bool:
    """Tell whether a value is None, or a structure of nothing else."""
    if isinstance(value, Mapping):
        value = list(value.values())
    return value is None or (isinstance(value, list | tuple) and bool(value) and all(map(is_none, value)))


def is_model(layer: Mapping[str, Any]) -> bool:
    """Tell whether a layer is a model with layers of its own."""
    return isinstance(layer["config"].get("layers"), list | tuple)


def is_functional(layer: Mapping[str, Any]) -> bool:
    """Tell whether a layer is a model with a graph of its own."""
    return is_model(layer) and "input_layers" in layer["config"]


def starts_with_input(layer: Mapping[str, Any]) -> int:
    """Return 1 for a Sequential that was given its input when it was made."""
    layers = layer["config"]["layers"]
    if not layers or not isinstance(layers[0], Mapping):
        return 0
    first = layers[0].get("config")
    return int(
        layers[0].get("class_name") == "InputLayer" or (isinstance(first, Mapping) and "batch_input_shape" in first)
    )


def is_tensor(value: Any) -> bool:
    """Tell whether a value is Keras 3's serialized tensor of a graph."""
    return isinstance(value, Mapping) and value.get("class_name") == TENSOR
