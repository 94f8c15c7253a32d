"""The size of a model's input where only the weights of its Normalization know it.

A Sequential without an input that adapts a Normalization before it is called, has the batch shape (None, None) in its
config; tf.keras itself cannot build such a file again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reinstate.archive.model import Archive
from reinstate.archive.serialized import class_name, layer_name, settings, sublayers

_SHAPES = ("batch_input_shape", "batch_shape")


def sized(archive: Archive, config: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the config with the sizes of the first layer's axes where that is a Normalization and they are unknown."""
    if config is None or class_name(config) != "Sequential":
        return config
    layers = sublayers(config)
    first = next((layer for layer in layers if class_name(layer) != "InputLayer"), {})
    means = _means(archive, layer_name(first)) if class_name(first) == "Normalization" else None
    if means is None:
        return config
    end = layers.index(first) + 1
    known = [_known(layer, _axes(settings(first).get("axis", -1)), means) for layer in layers[:end]]
    inner = config["config"]
    changed = [*known, *layers[end:]]
    return {**config, "config": {**inner, "layers": changed} if isinstance(inner, Mapping) else changed}


def _axes(axis: Any) -> Sequence[Any]:
    return axis if isinstance(axis, list | tuple) else [axis]


def _known(layer: Mapping[str, Any], axes: Sequence[Any], means: Sequence[int]) -> Mapping[str, Any]:
    """The layer with the sizes in what it says of its input."""
    given = {key: shape for key in _SHAPES if isinstance(shape := settings(layer).get(key), list | tuple)}
    return {
        **layer,
        "config": {**settings(layer), **{key: _filled(shape, axes, means) for key, shape in given.items()}},
    }


def _filled(shape: Sequence[Any], axes: Sequence[Any], means: Sequence[int]) -> list[Any]:
    result = list(shape)
    fitting = [axis % len(result) for axis in axes if isinstance(axis, int) and -len(result) <= axis < len(result)]
    if len(fitting) == len(axes) == len(means):
        for axis, size in zip(sorted(fitting), means, strict=True):
            result[axis] = size if result[axis] is None else result[axis]
    return result


def _means(archive: Archive, name: str) -> tuple[int, ...] | None:
    """The shape of the means that a layer has learned: by name, in HDF5 the first of its weights."""
    for edge, child in archive.root.children.items():
        node = archive.nodes[child]
        if str((node.metadata or {}).get("name", edge)) == name and node.children:
            found = archive.child(node, "mean") or archive.child(node, "0")
            if found is not None and found.variable is not None and found.variable.tensor is not None:
                return tuple(found.variable.tensor.shape)
    return None
