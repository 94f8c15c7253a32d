"""Keras' HDF5 files: whole models and weights, of Keras 1, 2 and 3 and of every tf.keras.

The archive's root has the layers by name in the order of ``layer_names``, each with its weights by name (without
``:0``) in the order of ``weight_names``; then, where the file has them, ``top_level_model_weights``, ``optimizer`` with
its weights, and ``reinstate``, a tree of what Keras 2's format has no place for. A name that stands twice, or for one
of these, gets a suffix as a key; a layer's ``metadata["name"]`` and a weight's ``Variable.name`` keep it. The format
does not say which weights are trainable.

Source: ``keras.src.saving.legacy.hdf5_format`` (tf.keras 2.3 to 2.15, tf_keras 2.21); ``keras.engine.topology`` (1.2).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reinstate.archive import metadata
from reinstate.archive.hdf5_objects import Objects, guarded, is_hdf5, join, library, opened
from reinstate.archive.hdf5_places import Place, find_place
from reinstate.archive.hdf5_tensors import HDF5Tensors, stamp_of
from reinstate.archive.hdf5_write import RESERVED, TOP_LEVEL, Unique, write_hdf5
from reinstate.archive.model import Archive, Layout, ObjectNode, TensorRef, Variable
from reinstate.errors import CorruptError, NotAModelError, where

__all__ = ["holds_keras3_weights", "is_hdf5", "read_hdf5", "write_hdf5"]

_LISTS = ("layer_names", "layer_names0", "nb_layers")  # the attributes by which Keras 1 and 2 list the layers
_KERAS3_GROUPS = frozenset({"layers", "vars", "_layer_checkpoint_dependencies"})
_BYTES_PER_NODE = 64  # an object of HDF5 is never smaller, with the link to it


def read_hdf5(source: str | os.PathLike[str] | Any) -> Archive:
    """Read the structure of a model or weights file: a path, an ``h5py.File`` or an ``h5py.Group``.

    Values are read later, from the path or from the object, which must then still be open.

    Raises:
        OSError: the file is not there or may not be read.
        NotAModelError: it is not HDF5, or nothing that Keras saved.
        CorruptError: it is damaged.
        UnsafeError: it reaches outside itself.
        ImportError: h5py is not installed.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        with where(path.name), opened(path) as file:
            return _read(Objects(file), "/", path, stamp_of(os.stat(path)))
    if not isinstance(source, library().Group):
        raise TypeError(f"a path, an h5py.File or an h5py.Group is wanted, not {type(source).__name__}")
    with where(Path(source.file.filename).name):
        if source.file.mode != "r":
            source.file.flush()
        return _read(Objects(source.file), source.name, source.file, (0, 0))


def holds_keras3_weights(path: Path) -> bool:
    """Whether an HDF5 file has weights in the layout of Keras 3, and none in Keras 2's.

    Raises:
        OSError, NotAModelError, CorruptError, ImportError: as in ``read_hdf5``.
    """
    with where(path.name), opened(path) as file:
        objects = Objects(file)
        keras2 = any(objects.has("/", name) for name in _LISTS) or objects.find("/model_weights") is not None
        return not keras2 and bool(_KERAS3_GROUPS.intersection(objects.members("/")))


def _read(objects: Objects, base: str, source: Any, stamp: tuple[int, int]) -> Archive:
    weights = _weights_group(objects, base)
    config = _json(objects, base, "model_config")
    version = objects.text(weights, "keras_version")
    first = objects.text(base, "keras_version")
    if version is None and (first or "").startswith("1."):
        version = first  # Keras 1 wrote none beside the weights; from there, none means Keras 1
    graph = _Graph(objects)
    nodes = graph.read(base, weights, config)
    return Archive(
        format="HDF5",
        layout=Layout.POSITIONS,
        nodes=nodes,
        tensors=HDF5Tensors(graph.places, source, stamp),
        writer="" if version is None else f"Keras {version}",
        keras_version=version,
        backend=objects.text(weights, "backend") or objects.text(base, "backend"),
        config=config,
        training_config=_json(objects, base, "training_config"),
        keras3=_json(objects, base, "reinstate_keras3"),
        size=objects.size,
    )


def _weights_group(objects: Objects, base: str) -> str:
    """The path of the group with the layers: a group of its own in a whole model, ``base`` in a file of weights.

    Raises:
        NotAModelError: there is neither.
    """
    inner = join(base, "model_weights")
    if any(objects.has(base, name) for name in _LISTS):
        return base
    if objects.find(inner) is not None:
        objects.group(inner)
        return inner
    if objects.has(base, "model_config"):
        raise CorruptError("a model without the group 'model_weights'")
    if _KERAS3_GROUPS.intersection(objects.members(base)):
        raise NotAModelError("weights in the format of Keras 3, which `keras.Model.load_weights` reads")
    raise NotAModelError("an HDF5 file, but none that Keras saved: it has neither 'layer_names' nor 'model_weights'")


def _json(objects: Objects, base: str, name: str) -> Mapping[str, Any] | None:
    text = objects.text(base, name)
    if text is None:
        return None
    with where(name), guarded():
        value = metadata.decode(text)
        if not isinstance(value, Mapping):
            raise CorruptError(f"a JSON object is wanted, not {type(value).__name__}")
        return value


@dataclass(slots=True)
class _Graph:
    """Collects the nodes, and the places of their values by absolute path."""

    objects: Objects
    places: dict[str, Place] = field(default_factory=dict)
    nodes: list[ObjectNode] = field(default_factory=lambda: [ObjectNode()])

    def read(self, base: str, weights: str, config: Mapping[str, Any] | None) -> tuple[ObjectNode, ...]:
        layers = self._layers(weights)
        others = dict(self._others(base, weights))
        self.nodes[0] = ObjectNode(identifier="_tf_keras_model", children={**layers, **others}, metadata=config)
        return tuple(self.nodes)

    def _layers(self, base: str) -> dict[str, int]:
        result: dict[str, int] = {}
        keys = Unique(RESERVED)
        place = base.strip("/").replace("/", " > ")
        with where(place) if place else nullcontext():
            for name in _layer_names(self.objects, base):
                with where(name):
                    result[keys(name)] = self._owner("_tf_keras_layer", join(base, name), {"name": name})
        return result

    def _others(self, base: str, weights: str) -> Iterator[tuple[str, int]]:
        """What is not a layer: yields key and node id."""
        layers = _layer_names(self.objects, weights)
        if TOP_LEVEL not in layers and self.objects.find(path := join(weights, TOP_LEVEL)) is not None:
            with where(TOP_LEVEL):
                yield TOP_LEVEL, self._owner(TOP_LEVEL, path)
        taken = layers if weights == base else ()
        if "optimizer_weights" not in taken and self.objects.find(path := join(base, "optimizer_weights")) is not None:
            with where("optimizer_weights"):
                yield "optimizer", self._owner("optimizer", path)
        if "reinstate" not in taken and self.objects.find(path := join(base, "reinstate")) is not None:
            with where("reinstate"):
                yield "reinstate", self._tree(path)

    def _owner(self, identifier: str, path: str, about: Mapping[str, Any] | None = None) -> int:
        """Add the node of a group with weights."""
        children: dict[str, int] = {}
        keys = Unique()
        self.objects.group(path)
        for written in _weight_names(self.objects, path):
            with where(written):
                name = written.removesuffix(":0")
                children[keys(name)] = self._variable(name, join(path, written))
        return self._add(ObjectNode(identifier=identifier, children=children, metadata=about))

    def _variable(self, name: str, path: str) -> int:
        if path not in self.places:
            self.places[path] = find_place(self.objects, path)
        place = self.places[path]
        ref = TensorRef(path, place.dtype, place.shape)
        variable = Variable(name, place.dtype, place.shape, tensor=ref)
        return self._add(ObjectNode(kind="variable", identifier="", variable=variable))

    def _tree(self, path: str) -> int:
        """Add the nodes of a group of groups and datasets."""
        children = {}
        for name in self.objects.members(path):
            with where(name):
                inner = join(path, name)
                group = self.objects.is_group(self.objects.find(inner))
                children[name] = self._tree(inner) if group else self._variable(name, inner)
        return self._add(ObjectNode(children=children))

    def _add(self, node: ObjectNode) -> int:
        if len(self.nodes) > self.objects.size // _BYTES_PER_NODE + 1000:
            raise CorruptError("names more objects than the file can hold")
        self.nodes.append(node)
        return len(self.nodes) - 1


def _layer_names(objects: Objects, path: str) -> list[str]:
    """The names of the layers, in order; Keras before 1.1 only wrote their number."""
    names = objects.texts(path, "layer_names")
    return names if names is not None else _numbered(objects, path, "nb_layers", "layer_")


def _weight_names(objects: Objects, path: str) -> list[str]:
    names = objects.texts(path, "weight_names")
    return names if names is not None else _numbered(objects, path, "nb_params", "param_")


def _numbered(objects: Objects, path: str, attribute: str, prefix: str) -> list[str]:
    count = objects.integer(path, attribute)
    if count is None:
        raise CorruptError("the list of names is missing")
    if not 0 <= count <= objects.size // _BYTES_PER_NODE:
        raise CorruptError(f"{attribute!r} is {count}")
    return [f"{prefix}{index}" for index in range(count)]
