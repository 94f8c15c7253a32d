"""Which tensor of the archive belongs to which variable of the model.

Two ways, one for each layout: by attributes, walking the model's edges and the archive's side by side, and by
positions, a layer's weights in HDF5's order. Both give placements; ``values`` reads them and puts them in place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from reinstate.archive.model import Archive, Layout, ObjectNode, TensorRef
from reinstate.errors import MismatchError
from reinstate.live import _keras
from reinstate.live.attributes import Trackable, edges, graph_layers, is_graph_model, legacy_order, state_paths
from reinstate.options import LoadOptions

TOP_LEVEL = "top_level_model_weights"  # HDF5's name for the weights that a model owns itself


@dataclass(frozen=True, slots=True)
class Placement:
    """A tensor that belongs into a variable; ``place`` is the path in the archive."""

    variable: Any
    tensor: TensorRef
    place: str


@dataclass(slots=True)
class Placed:
    """The outcome of pairing: placements, variables by node id, what has no value, and every other difference."""

    placements: list[Placement] = field(default_factory=list)
    given: list[tuple[Any, np.ndarray[Any, Any] | np.generic]] = field(default_factory=list)  # in no file as such
    variables: dict[int, Any] = field(default_factory=dict)  # node id -> variable
    missing: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    _done: set[int] = field(default_factory=set)
    _told: set[int] = field(default_factory=set)

    def put(self, variable: Any, node_id: int, node: ObjectNode, place: str) -> None:
        """Pair a variable with a node, if the node has a value of the variable's shape and kind."""
        self.variables[node_id] = variable
        if id(variable) in self._done:
            return
        tensor = None if node.variable is None else node.variable.tensor
        if tensor is None:
            self.miss(variable, f"{place}: no value in the file")
        elif tensor.shape != tuple(variable.shape):
            shapes = f"shape {tensor.shape} in the file, {tuple(variable.shape)} in the model"
            self.differ(f"{place}: {shapes}", [variable])
        elif not _holds(tensor, variable):
            self.differ(f"{place}: of type {tensor.dtype} in the file, {variable.dtype} in the model", [variable])
        else:
            self.placements.append(Placement(variable, tensor, place))
            self._done.add(id(variable))

    def miss(self, variable: Any, text: str) -> None:
        """Note that the file has no value for a variable, once."""
        if id(variable) not in self._told:
            self.missing.append(text)
        self._told.add(id(variable))

    def differ(self, text: str, variables: Sequence[Any]) -> None:
        """Note a difference, and the variables that it speaks of."""
        self.differences.append(text)
        self._told.update(map(id, variables))

    def give(self, variable: Any, value: np.ndarray[Any, Any] | np.generic) -> None:
        """Give a variable a value that follows from what is in the file."""
        self.given.append((variable, value))
        self._done.add(id(variable))

    def tensor_of(self, variable: Any) -> TensorRef | None:
        """The tensor that the variable has found."""
        return next((each.tensor for each in self.placements if each.variable is variable), None)

    def has(self, variable: Any) -> bool:
        """Whether the variable has found its tensor."""
        return id(variable) in self._done

    def told(self, variable: Any) -> bool:
        """Whether it is said why the variable has found none."""
        return id(variable) in self._told

    def take(self) -> list[str]:
        """Everything that was found missing or different since this was last asked."""
        found = [*self.missing, *self.differences]
        self.missing.clear()
        self.differences.clear()
        return found


def _holds(tensor: TensorRef, variable: Any) -> bool:
    """Whether a variable can hold the tensor's values: any numbers, complex ones only where it is complex."""
    numpy = tensor.dtype.numpy
    if numpy is None or numpy.hasobject:
        return False
    return (numpy.kind == "c") == (_keras.numpy_dtype(variable).kind == "c")


def place(archive: Archive, model: Any) -> Placed:
    """Pair the model's weights and seed states with the archive's tensors."""
    placed = Placed()
    if archive.layout is Layout.ATTRIBUTES:
        _by_attributes(archive, model, placed)
    else:
        _by_positions(archive, model, placed)
    for variable in model.weights:
        if not placed.has(variable) and not placed.told(variable):
            placed.miss(variable, f"{variable.path}: in the model, not in the file")
    return placed


def _by_attributes(archive: Archive, model: Any, placed: Placed) -> None:
    stack: list[tuple[int, Trackable, str]] = [(0, model, "")]
    seen: set[tuple[int, int]] = set()
    while stack:
        node_id, owner, path = stack.pop()
        if (node_id, id(owner)) in seen:
            continue
        seen.add((node_id, id(owner)))
        node = archive.nodes[node_id]
        if isinstance(owner, keras.Variable):
            placed.put(owner, node_id, node, path)
            continue
        below = [(name, name, value) for name, value in edges(owner)]
        if is_graph_model(owner):
            below += _layer_edges(archive, node, owner)
        for name, label, value in reversed(below):
            if name in node.children:
                stack.append((node.children[name], value, f"{path}/{label}".lstrip("/")))


def _layer_edges(archive: Archive, node: ObjectNode, model: Any) -> list[tuple[str, str, Any]]:
    """(edge, layer name, layer) of a graph model's layers: by name where the file knows names, else by position."""
    names = {
        str(metadata["name"]).replace("/", "_"): edge
        for edge, child in node.children.items()
        if edge.startswith("layer-") and (metadata := archive.nodes[child].metadata) is not None and "name" in metadata
    }
    layers = graph_layers(model)
    if names:
        return [(names[layer.name], layer.name, layer) for layer in layers if layer.name in names]
    weighted = [layer for layer in layers if layer.weights]
    known = [(f"layer_with_weights-{i}", layer.name, layer) for i, layer in enumerate(weighted)]
    if not any(edge in node.children for edge, _, _ in known):
        return [(f"layer-{i}", layer.name, layer) for i, layer in enumerate(layers)]
    # A Functional counts its InputLayer and a Sequential does not: the other numbers are for layers without weights.
    taken = {child for edge, child in node.children.items() if edge.startswith("layer_with_weights-")}
    rest = [(f"layer-{i}", layer.name, layer) for i, layer in enumerate(layers) if not layer.weights]
    return known + [item for item in rest if node.children.get(item[0]) not in taken]


# Edges that lead to what is placed elsewhere, or to state that has no meaning outside TensorFlow (its random streams).
_ELSEWHERE = frozenset({"optimizer", "keras_api", "signatures", "_random_generator"})


def unplaced(archive: Archive, placed: Placed) -> list[str]:
    """The variables of layers in an object graph that the model has no place for."""
    if archive.layout is not Layout.ATTRIBUTES:
        return []
    seen, stack = {slot.slot for node in archive.nodes for slot in node.slots}, [(0, "")]
    random = [node.children["_random_generator"] for node in archive.nodes if "_random_generator" in node.children]
    seen |= {child for index in random for child in _below(archive, index)}
    found = []
    while stack:
        index, path = stack.pop()
        node = archive.nodes[index]
        if node.variable is not None and index not in placed.variables:
            found.append(f"{node.variable.name or path}: in the file, not in the model")
        for name, child in node.children.items():
            if child not in seen and name not in _ELSEWHERE:
                seen.add(child)
                stack.append((child, f"{path}/{name}".lstrip("/")))
    return found


def _below(archive: Archive, index: int) -> set[int]:
    """The ids of a node and of all that can be reached from it."""
    seen, stack = {index}, [index]
    while stack:
        below = set(archive.nodes[stack.pop()].children.values()) - seen
        seen |= below
        stack += below
    return seen


def _by_positions(archive: Archive, model: Any, placed: Placed) -> None:
    stored = list(stored_layers(archive))
    layers = [layer for layer in model_layers(model) if layer.weights]
    by_name = {layer.name: layer for layer in layers}
    named = [name.replace("/", "_") for name, _ in stored]
    if set(named) == set(by_name):
        layers = [by_name[name] for name in named]
    elif len(stored) != len(layers):
        counts = (
            f"{len(stored)} layers with weights in the file ({', '.join(named)}), "
            f"{len(layers)} in the model ({', '.join(by_name)})"
        )
        placed.differ(counts, model.weights)
        return
    for (name, weights), layer in zip(stored, layers, strict=True):
        _place_layer(archive, name, weights, legacy_order(layer), placed)
    top_level = archive.child(archive.root, TOP_LEVEL)
    if top_level is not None and top_level.children:
        own = [v for v in legacy_order(model) if not any(v is w for layer in layers for w in layer.weights)]
        _place_layer(archive, TOP_LEVEL, list(top_level.children.values()), own, placed)
    _place_extras(archive, model, placed)


def stored_layers(archive: Archive) -> Iterator[tuple[str, list[int]]]:
    """The archive's layers that have weights, with the ids of these, in the order of the file (HDF5)."""
    for name, child in archive.root.children.items():
        node = archive.nodes[child]
        if node.identifier == "_tf_keras_layer" and node.children:
            yield str((node.metadata or {}).get("name", name)), list(node.children.values())


def model_layers(model: Any) -> list[Any]:
    """The layers as HDF5 counts them: of a graph model its layers, else the attributes that are layers."""
    return graph_layers(model) if is_graph_model(model) else _keras.own_layers(model)


def _place_layer(archive: Archive, name: str, stored: Sequence[int], weights: Sequence[Any], placed: Placed) -> None:
    if len(stored) != len(weights):
        there = ", ".join(str(v.shape) for i in stored if (v := archive.nodes[i].variable) is not None)
        here = ", ".join(str(tuple(weight.shape)) for weight in weights)
        counts = f"{name}: {len(stored)} weights in the file ({there}), {len(weights)} in the model ({here})"
        placed.differ(counts, weights)
        return
    for node_id, weight in zip(stored, weights, strict=True):
        node = archive.nodes[node_id]
        label = node.variable.name if node.variable is not None else weight.path
        placed.put(weight, node_id, node, f"{name}/{label.removeprefix(name + '/')}")


def _place_extras(archive: Archive, model: Any, placed: Placed) -> None:
    """Our own HDF5 files keep beside Keras 2's groups what these have no place for: seed states."""
    for path, variable in state_paths(model):
        if placed.has(variable) or "reinstate" not in archive.root.children:
            continue
        node_id = _follow(archive, archive.root.children["reinstate"], ("layers", *path))
        if node_id is not None:
            placed.put(variable, node_id, archive.nodes[node_id], "/".join(path))


def _follow(archive: Archive, start: int, path: Sequence[str]) -> int | None:
    for name in path:
        children = archive.nodes[start].children
        if name not in children:
            return None
        start = children[name]
    return start


def require(placed: Placed, options: LoadOptions) -> list[str]:
    """Raise if anything did not fit; give what has no value in the file, where the options allow it.

    Raises:
        MismatchError: naming every difference.
    """
    allowed = options.allow_partial_checkpoint or options.experimental_skip_checkpoint
    missing = list(placed.missing) if allowed else []
    found = placed.take()
    if found[len(missing) :] and not options.experimental_skip_checkpoint:
        raise MismatchError("the weights in the file do not fit the model:", found)
    return missing if options.allow_partial_checkpoint else []
