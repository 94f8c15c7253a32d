"""Which tensor of the archive belongs to which variable of the model.

Two ways, one for each layout: by attributes, walking the model's edges and the archive's side by side, and by
positions, a layer's weights in HDF5's order. Both give placements; ``restore`` reads all tensors at once and puts them
in place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from reinstate.archive.model import Archive, Layout, ObjectNode, TensorRef
from reinstate.errors import MismatchError
from reinstate.live import _keras
from reinstate.live.attributes import Trackable, edges, graph_layers, is_graph_model, legacy_order, state_paths

TOP_LEVEL = "top_level_model_weights"  # HDF5's name for the weights that a model owns itself


@dataclass(frozen=True, slots=True)
class Placement:
    """A tensor that belongs into a variable; ``place`` is the path in the archive."""

    variable: Any
    tensor: TensorRef
    place: str


@dataclass(slots=True)
class Placed:
    """The outcome of pairing: placements, node ids by variable both ways, and every difference found."""

    placements: list[Placement] = field(default_factory=list)
    variables: dict[int, Any] = field(default_factory=dict)  # node id -> variable
    differences: list[str] = field(default_factory=list)
    _done: set[int] = field(default_factory=set)

    def put(self, variable: Any, node_id: int, node: ObjectNode, place: str) -> None:
        """Pair a variable with a node, if the node has a value of the variable's shape."""
        self.variables[node_id] = variable
        if id(variable) in self._done:
            return
        tensor = None if node.variable is None else node.variable.tensor
        if tensor is None:
            self.differences.append(f"{place}: no value in the file")
        elif tensor.shape != tuple(variable.shape):
            self.differences.append(f"{place}: shape {tensor.shape} in the file, {tuple(variable.shape)} in the model")
        else:
            self.placements.append(Placement(variable, tensor, place))
            self._done.add(id(variable))

    def has(self, variable: Any) -> bool:
        """Whether the variable has found its tensor."""
        return id(variable) in self._done


def place(archive: Archive, model: Any) -> Placed:
    """Pair the model's weights and seed states with the archive's tensors."""
    placed = Placed()
    if archive.layout is Layout.ATTRIBUTES:
        _by_attributes(archive, model, placed)
    else:
        _by_positions(archive, model, placed)
    named = {difference.partition(":")[0] for difference in placed.differences}
    for variable in model.weights:
        if not placed.has(variable) and variable.path not in named and not placed.differences:
            placed.differences.append(f"{variable.path}: in the model, not in the file")
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
    numbered = [(f"layer-{i}", layer.name, layer) for i, layer in enumerate(layers)]
    return numbered + [(f"layer_with_weights-{i}", layer.name, layer) for i, layer in enumerate(weighted)]


def _by_positions(archive: Archive, model: Any, placed: Placed) -> None:
    stored = list(stored_layers(archive))
    layers = [layer for layer in model_layers(model) if layer.weights]
    by_name = {layer.name: layer for layer in layers}
    named = [name.replace("/", "_") for name, _ in stored]
    if set(named) == set(by_name):
        layers = [by_name[name] for name in named]
    elif len(stored) != len(layers):
        placed.differences.append(
            f"{len(stored)} layers with weights in the file ({', '.join(named)}), "
            f"{len(layers)} in the model ({', '.join(by_name)})"
        )
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
        placed.differences.append(
            f"{name}: {len(stored)} weights in the file ({there}), {len(weights)} in the model ({here})"
        )
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


class Reading:
    """Reads an archive's values in the background, while Keras builds the model that they belong to."""

    def __init__(self, archive: Archive, optimizer: bool) -> None:
        self._archive = archive
        self._refs = {ref.key: ref for ref in _wanted(archive, optimizer)}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="reinstate")
        self._values = self._pool.submit(archive.tensors.read, [*self._refs.values()])

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def restore(self, placements: Sequence[Placement]) -> None:
        """Put the values into their variables; what was not foreseen is read now.

        Raises:
            CorruptError: a tensor's bytes are not what its checksum says.
        """
        values = dict(zip(self._refs, self._values.result(), strict=True))
        missing = [p.tensor for p in placements if p.tensor.key not in values]
        values |= zip([ref.key for ref in missing], self._archive.tensors.read(missing), strict=True)
        _assign(placements, [values[placement.tensor.key] for placement in placements])


def _wanted(archive: Archive, optimizer: bool) -> list[TensorRef]:
    """The tensors that a model will want: all, or without the optimizer's, those that do not hang on it."""
    if optimizer:
        return [v.tensor for _, v in archive.variables() if v.tensor is not None]
    slots = {slot.slot for node in archive.nodes for slot in node.slots}
    seen, stack = {archive.root.children.get("optimizer", 0), 0}, [0]
    found = []
    while stack:
        node = archive.nodes[stack.pop()]
        if node.variable is not None and node.variable.tensor is not None:
            found.append(node.variable.tensor)
        below = [child for child in node.children.values() if child not in seen and child not in slots]
        seen.update(below)
        stack += below
    return found


def restore(archive: Archive, placements: Sequence[Placement]) -> None:
    """Read all tensors at once and put them into their variables.

    Raises:
        CorruptError: a tensor's bytes are not what its checksum says.
    """
    _assign(placements, archive.tensors.read([placement.tensor for placement in placements]))


def _assign(placements: Sequence[Placement], values: Sequence[np.ndarray[Any, Any]]) -> None:
    """Put values into variables, cast where the model's dtype is another."""
    variables = [placement.variable for placement in placements]
    _keras.assign(variables, [_cast(value, variable) for value, variable in zip(values, variables, strict=True)])


def _cast(value: np.ndarray[Any, Any], variable: Any) -> np.ndarray[Any, Any]:
    wanted = _keras.numpy_dtype(variable)
    return value if value.dtype == wanted else value.astype(wanted)


def require(placed: Placed, what: str) -> None:
    """Raise if anything did not fit.

    Raises:
        MismatchError: naming every difference.
    """
    if placed.differences:
        raise MismatchError(f"the weights in {what} do not fit the model:", placed.differences)
