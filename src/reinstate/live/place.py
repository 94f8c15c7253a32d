"""Which tensor of the archive belongs to which variable of the model.

Three ways, one for each layout: by attributes, walking the model's edges and the archive's side by side (here); by
positions, a layer's weights in HDF5's order (``positions``); and by names (``by_name``). All give placements, which
``values`` reads and puts in place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

from reinstate.archive.model import Archive, Layout, ObjectNode
from reinstate.config.attributes import attribute_former
from reinstate.errors import MismatchError
from reinstate.live.attributes import Trackable, edges, graph_layers, is_graph_model
from reinstate.live.by_name import place_variables, unnamed
from reinstate.live.placed import Placed, key_of
from reinstate.live.positions import padded_otherwise, place_positions
from reinstate.options import LoadOptions


def place(archive: Archive, model: Any, revived: Callable[[Placed], None] | None = None) -> Placed:
    """Pair the model's weights and seed states with the archive's tensors.

    ``revived`` is told what the layers of known classes got, and adds the variables of those that are revived.
    """
    placed = Placed()
    if archive.layout is Layout.ATTRIBUTES:
        place_attributes(archive, model, placed)
    elif archive.layout is Layout.POSITIONS:
        place_positions(archive, model, placed)
    else:
        place_variables(archive, model, placed)
    if revived is not None:
        revived(placed)
    for variable in model.weights:
        if not placed.has(variable) and not placed.told(variable) and not getattr(variable, "said_in_config", False):
            placed.miss(variable, f"{variable.path}: in the model, not in the file")
    return placed


def place_attributes(archive: Archive, layer: Any, placed: Placed, root: int = 0) -> None:
    """Pair the variables of a layer, or a model, with those below a node, edge by edge."""
    stack: list[tuple[int, Trackable, str]] = [(root, layer, "")]
    seen: set[tuple[int, int]] = set()
    while stack:
        node_id, owner, path = stack.pop()
        if (node_id, id(owner)) in seen:
            continue
        seen.add((node_id, id(owner)))
        node = archive.nodes[node_id]
        if isinstance(owner, keras.Layer):
            placed.layers.setdefault(node_id, owner)
        if isinstance(owner, keras.Variable):
            placed.put(owner, node_id, node, path)
            continue
        below = [(name, name, value) for name, value in edges(owner)]
        if is_graph_model(owner):
            below += _layer_edges(archive, node, owner)
        for name, label, value in reversed(below):
            edge = name if name in node.children else attribute_former(type(owner).__name__, name)
            if edge in node.children:
                stack.append((node.children[edge], value, f"{path}/{label}".lstrip("/")))


def _layer_edges(archive: Archive, node: ObjectNode, model: Any) -> list[tuple[str, str, Any]]:
    """(edge, layer name, layer) of a graph model's layers: by name where the file knows names, else by position."""
    names = {
        str(metadata["name"]).replace("/", "_"): edge
        for edge, child in node.children.items()
        if edge.startswith("layer-") and (metadata := archive.nodes[child].metadata) is not None and "name" in metadata
    }
    layers = graph_layers(model)
    if names:
        # A class of the caller's may not say its name in its config: it has a new one then, but its old place.
        unknown = [layer for layer in layers if layer.name not in names]
        left = [edge for name, edge in names.items() if name not in {layer.name for layer in layers}]
        renamed = {id(layer): edge for layer, edge in zip(unknown, left, strict=False) if len(unknown) == len(left)}
        edges_of = [(names.get(layer.name, renamed.get(id(layer))), layer) for layer in layers]
        return [(edge, layer.name, layer) for edge, layer in edges_of if edge is not None]
    weighted = [layer for layer in layers if layer.weights]
    known = [(f"layer_with_weights-{i}", layer.name, layer) for i, layer in enumerate(weighted)]
    if not any(edge in node.children for edge, _, _ in known):
        return [(f"layer-{i}", layer.name, layer) for i, layer in enumerate(layers)]
    # A Functional counts its InputLayer and a Sequential does not: the other numbers are for layers without weights.
    taken = {child for edge, child in node.children.items() if edge.startswith("layer_with_weights-")}
    rest = [(f"layer-{i}", layer.name, layer) for i, layer in enumerate(layers) if not layer.weights]
    return known + [item for item in rest if node.children.get(item[0]) not in taken]


# Edges that lead to what is placed elsewhere, to what only signatures need (under our own name), or to state that has
# no meaning outside TensorFlow (its random streams).
_ELSEWHERE = frozenset({"optimizer", "keras_api", "signatures", "reinstate", "save_counter", "_random_generator"})


def unplaced(archive: Archive, model: Any, placed: Placed) -> list[str]:
    """What the model has no place for: variables of layers in a checkpoint or SavedModel, Theano's ways to pad."""
    if archive.layout is Layout.NAMES:
        return unnamed(archive, placed)
    if archive.layout is Layout.POSITIONS:
        return padded_otherwise(archive, model)
    seen, stack = {slot.slot for node in archive.nodes for slot in node.slots}, [(0, "")]
    random = [node.children["_random_generator"] for node in archive.nodes if "_random_generator" in node.children]
    seen |= {child for index in random for child in _below(archive, index)}
    found = []
    while stack:
        index, path = stack.pop()
        node = archive.nodes[index]
        if node.variable is not None and index not in placed.variables:
            found.append(f"{node.variable.name or path}: in the file{key_of(node.variable.tensor)}, not in the model")
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


def require(placed: Placed, options: LoadOptions, unexpected: Sequence[str] = ()) -> list[str]:
    """Raise if anything did not fit; give what has no value in the file, where the options allow it.

    Raises:
        MismatchError: naming every difference, and then also what is ``unexpected`` in the file.
    """
    allowed = options.allow_partial_checkpoint or options.experimental_skip_checkpoint
    missing = list(placed.missing) if allowed else []
    found = placed.take()
    if found[len(missing) :] and not options.experimental_skip_checkpoint:
        raise MismatchError("the weights in the file do not fit the model:", [*found, *unexpected])
    return missing if options.allow_partial_checkpoint else []
