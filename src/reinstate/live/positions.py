"""HDF5's layout: a layer's weights by their order in the file, layers by their names or by their order, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from reinstate.archive.model import Archive, Layout, TensorRef
from reinstate.errors import CorruptError
from reinstate.live import _keras
from reinstate.live.attributes import graph_layers, is_graph_model, legacy_order, state_paths
from reinstate.live.layouts import Origin, origins
from reinstate.live.placed import Placed

TOP_LEVEL = "top_level_model_weights"  # HDF5's name for the weights that a model owns itself


def place_positions(archive: Archive, model: Any, placed: Placed) -> None:
    """Pair the layers of an HDF5 file with the model's."""
    stored = list(stored_layers(archive))
    layers = [layer for layer in model_layers(model) if layer.weights]
    by_name = {layer.name: layer for layer in layers}
    named = [name.replace("/", "_") for name, _ in stored]
    if set(named) == set(by_name):
        layers = [by_name[name] for name in named]
    elif len(stored) != len(layers):
        counts = (
            f"Layer count mismatch: {len(stored)} layers with weights in the file ({', '.join(named)}), "
            f"{len(layers)} in the model ({', '.join(by_name)})"
        )
        placed.differ(counts, model.weights)
        return
    for (name, weights), layer in zip(stored, layers, strict=True):
        place_layer(archive, name, weights, layer, placed)
    top_level = archive.child(archive.root, TOP_LEVEL)
    if top_level is not None and top_level.children:
        weights_of(archive, TOP_LEVEL, list(top_level.children.values()), own_weights(model), placed)
    _place_extras(archive, model, placed)


def own_weights(model: Any) -> list[Any]:
    """The weights that belong to the model itself, to none of its layers."""
    of_layers = {id(weight) for layer in model_layers(model) for weight in layer.weights}
    return [weight for weight in legacy_order(model) if id(weight) not in of_layers]


def stored_layers(archive: Archive) -> Iterator[tuple[str, list[int]]]:
    """The archive's layers that have weights, with the ids of these, in the order of the file (HDF5)."""
    for name, child in archive.root.children.items():
        node = archive.nodes[child]
        if node.identifier == "_tf_keras_layer" and node.children:
            yield str((node.metadata or {}).get("name", name)), list(node.children.values())


def model_layers(model: Any) -> list[Any]:
    """The layers as HDF5 counts them: of a graph model its layers, else the attributes that are layers."""
    return graph_layers(model) if is_graph_model(model) else _keras.own_layers(model)


def place_layer(archive: Archive, name: str, stored: Sequence[int], layer: Any, placed: Placed) -> None:
    """Pair a layer's weights with those that the file has under a name, or with what these make."""
    weights, tensors = legacy_order(layer), [_tensor(archive, index) for index in stored]
    found = None
    if needs_origins(archive) or [tensor.shape for tensor in tensors] != [tuple(weight.shape) for weight in weights]:
        shapes = [tensor.shape for tensor in tensors]
        found = origins(layer, shapes, is_keras1(archive), is_turned(archive))
    if found is None:
        weights_of(archive, name, stored, weights, placed)
        return
    for weight, origin in zip(weights, found, strict=True):
        first = stored[origin.parts[0]]
        placed.origins[id(weight)] = Origin(tuple(stored[part] for part in origin.parts), origin.make)
        node = archive.nodes[first]
        if (variable := node.variable) is not None:
            node = replace(node, variable=replace(variable, tensor=origin.tensor(tensors)))
            placed.put(weight, first, node, f"{name}/{variable.name.removeprefix(name + '/')}")


def _tensor(archive: Archive, index: int) -> TensorRef:
    variable = archive.nodes[index].variable
    if variable is None or variable.tensor is None:
        raise CorruptError(f"object {index} is not a weight")
    return variable.tensor


def is_keras1(archive: Archive) -> bool:
    """Whether an HDF5 file is laid out as Keras 1 did it."""
    return archive.format == "HDF5" and (archive.keras_version or "1").startswith("1")


def is_turned(archive: Archive) -> bool:
    """Whether an HDF5 file has the kernels of Theano, which turns them round.

    Keras 1 does not say which backend it ran on. But TensorFlow's variables have names that end in ``:0``.
    """
    if archive.backend is not None:
        return archive.backend == "theano"
    if not is_keras1(archive):
        return False
    weights = [_tensor(archive, index) for _, indices in stored_layers(archive) for index in indices]
    names = [weight.key.rpartition("/")[2] for weight in weights]
    return not any(name.endswith(":0") or name.startswith("param_") for name in names)


def padded_otherwise(archive: Archive, model: Any) -> list[str]:
    """The layers of a Theano file that TensorFlow and JAX pad on other sides, so that they compute other numbers."""
    if archive.layout is not Layout.POSITIONS or not is_turned(archive):
        return []
    return [
        f"{layer.name}: Theano pads {type(layer).__name__} of an even size, or with strides, on other sides"
        for layer in _keras.all_layers(model)
        if getattr(layer, "padding", None) == "same" and _is_uneven(layer)
    ]


def _is_uneven(layer: Any) -> bool:
    size = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None) or ()
    strides = getattr(layer, "strides", ())
    return any(not number % 2 for number in size) or any(number > 1 for number in strides)


def needs_origins(archive: Archive) -> bool:
    """Whether the weights of an HDF5 file may be laid out in another way than today's."""
    return is_keras1(archive) or is_turned(archive)


def weights_of(archive: Archive, name: str, stored: Sequence[int], weights: Sequence[Any], placed: Placed) -> None:
    """Pair weights with stored ones of the same number, one by one."""
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
