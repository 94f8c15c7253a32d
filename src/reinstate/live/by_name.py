"""Pairing by name: layers with those of an HDF5 file (``by_name=True``), variables with those of a TF1 checkpoint.

Source: ``load_weights_from_hdf5_group_by_name`` (tf_keras 2.21); ``_NameBasedRestoreCoordinator`` (TF 2.21).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reinstate.archive.model import Archive
from reinstate.config.attributes import attribute_down
from reinstate.live.attributes import is_graph_model
from reinstate.live.placed import Placed
from reinstate.live.positions import TOP_LEVEL, model_layers, own_weights, place_layer, weights_of


def place_layers(archive: Archive, model: Any) -> tuple[Placed, list[str]]:
    """Pair the layers of an HDF5 file with the model's of the same names; other layers are let alone.

    Of a layer that has as many weights as the file's, each pairs or differs by itself. Returns what was paired with
    every difference, and a text about names where not a single one is in both.
    """
    placed = Placed()
    by_name: dict[str, list[Any]] = {}
    for layer in model_layers(model):
        by_name.setdefault(layer.name, []).append(layer)
    stored = dict(_stored(archive))
    both = False
    for name, weights in stored.items():
        for layer in by_name.get(name, by_name.get(name.replace("/", "_"), [])):
            both = True
            place_layer(archive, name, weights, layer, placed)
    top_level = archive.child(archive.root, TOP_LEVEL)
    if top_level is not None and (top_level.children or own_weights(model)):
        weights_of(archive, TOP_LEVEL, list(top_level.children.values()), own_weights(model), placed)
        both = True
    if both:
        return placed, []
    return placed, [f"no layer has a name of the model's: {', '.join(stored)} in the file, {', '.join(by_name)} in it"]


def _stored(archive: Archive) -> Iterator[tuple[str, list[int]]]:
    """The archive's layers, those without weights too, with the ids of their weights."""
    for name, child in archive.root.children.items():
        node = archive.nodes[child]
        if node.identifier == "_tf_keras_layer":
            yield str((node.metadata or {}).get("name", name)), list(node.children.values())


def place_variables(archive: Archive, model: Any, placed: Placed) -> None:
    """Pair the model's weights with the variables of a TF1 checkpoint that have their names."""
    for variable, names in variable_names(model):
        name = next((name for name in names if name in archive.root.children), None)
        if name is None:
            placed.miss(variable, f"{names[0]}: in the model, not in the file")
        else:
            index = archive.root.children[name]
            placed.put(variable, index, archive.nodes[index], name)


def variable_names(model: Any) -> Iterator[tuple[Any, list[str]]]:
    """Every weight with the names that TensorFlow may have given it, tf.keras' own first.

    A layer's name begins them, whatever models it stands in; TF1's recurrent layers did not name their cells, nor does
    TimeDistributed its layer.
    """
    seen: set[int] = set()
    for owner in (*_leaves(model), model):
        for variable in owner.weights:
            if id(variable) not in seen:
                seen.add(id(variable))
                yield variable, list(dict.fromkeys(_names(owner, variable.path)))


def _names(owner: Any, path: str) -> Iterator[str]:
    *parts, last = path.split("/")
    if owner.name in parts:
        parts = parts[parts.index(owner.name) :]
    last = attribute_down(type(owner).__name__, last)
    yield "/".join([*parts, last])
    if len(parts) > 1:
        yield "/".join([*parts[:-1], last])
    yield path


def _leaves(model: Any) -> Iterator[Any]:
    """The layers that are no graphs of layers themselves, in order."""
    for layer in model_layers(model):
        if is_graph_model(layer):
            yield from _leaves(layer)
        else:
            yield layer


def unnamed(archive: Archive, placed: Placed) -> list[str]:
    """The variables of a TF1 checkpoint that the model has no place for; an optimizer's slots as one."""
    left = [name for name, index in archive.root.children.items() if index not in placed.variables]
    slots = [name for name in left if name.rpartition("/")[0] in archive.root.children]
    others = [f"{name}: in the file, not in the model" for name in left if name not in slots]
    if not slots:
        return others
    state = f"the slots of TF1's optimizer: {len(slots)} variables ({', '.join(slots[:3])}{', ...' * (len(slots) > 3)})"
    return [*others, state]
