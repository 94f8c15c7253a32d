"""What a Keras object holds, by the names that tf.keras gives it: the edges of the object graph.

A layer's edges are its attributes that are (or hold) variables, layers or seed generators; a Functional or Sequential
model's edges are its layers. Both directions walk these edges: build pairs them with the nodes of a file, capture makes
nodes of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras

from reinstate.config.attributes import attribute_down
from reinstate.live import _keras

Trackable = Any  # keras.Variable | keras.Layer | keras.random.SeedGenerator | list | dict of those


def is_graph_model(owner: Trackable) -> bool:
    """Whether the object is a Functional or Sequential model: its layers are its edges."""
    return isinstance(owner, keras.Sequential) or _keras.is_functional(owner)


def graph_layers(model: Any) -> list[Any]:
    """The layers of a Functional or Sequential model as tf.keras counts them: a Sequential has no InputLayer."""
    if isinstance(model, keras.Sequential):
        return [layer for layer in _keras.own_layers(model) if not isinstance(layer, keras.layers.InputLayer)]
    return list(model.layers)


def edges(owner: Trackable) -> Iterator[tuple[str, Trackable]]:
    """The tracked attributes of a layer, list or dict, by tf.keras' names; not the layers of a graph model."""
    if isinstance(owner, Mapping):
        yield from ((str(key), value) for key, value in owner.items() if _tracked(value))
    elif isinstance(owner, Sequence):
        yield from ((str(index), value) for index, value in enumerate(owner) if _tracked(value))
    elif isinstance(owner, keras.random.SeedGenerator):
        yield "seed_generator_state", owner.state
    elif not isinstance(owner, keras.Variable):
        yield from _attributes(owner)


def _attributes(layer: Any) -> Iterator[tuple[str, Trackable]]:
    class_name = type(layer).__name__
    for name, value in list(vars(layer).items()):
        if not _keras.bookkeeping(name) and _tracked(value):
            yield attribute_down(class_name, _public(layer, name, value)), value


def _public(layer: Any, name: str, value: Trackable) -> str:
    """A variable in ``_kernel`` is ``kernel`` where the class has a property of that name over it."""
    bare = name.removeprefix("_")
    over = isinstance(value, keras.Variable) and isinstance(getattr(type(layer), bare, None), property)
    return bare if over else name


def _tracked(value: Any) -> bool:
    """Whether the value is, or holds, what has state. Optimizers and metrics have places of their own."""
    if isinstance(value, keras.Variable | keras.Layer | keras.random.SeedGenerator):
        return True
    if isinstance(value, Mapping):
        return any(map(_tracked, value.values()))
    return isinstance(value, list | tuple) and any(map(_tracked, value))


def legacy_order(layer: Any) -> list[Any]:
    """The layer's weights as HDF5 files list them: all that train, then all that do not."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def state_paths(owner: Trackable) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every variable below ``owner`` with the path to it, each once, layers of graph models by their names."""
    seen: set[int] = set()
    stack: list[tuple[tuple[str, ...], Trackable]] = [((), owner)]
    while stack:
        path, value = stack.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, keras.Variable):
            yield path, value
            continue
        below = list(edges(value))
        if is_graph_model(value):
            below += [(layer.name, layer) for layer in graph_layers(value)]
        stack.extend(((*path, name), item) for name, item in reversed(below))
