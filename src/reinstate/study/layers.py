"""The layers of an archive with their weights: by the object graph of a SavedModel, by the config of other formats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from reinstate.archive.model import Archive, ObjectNode, Variable
from reinstate.archive.serialized import class_name, layer_name, settings, sublayers
from reinstate.dtypes import DType
from reinstate.errors import CorruptError

Shape = tuple[int | None, ...]

_DEPTH = 100  # objects in objects; models have a handful

# What a Keras object lists a second time: its children under names of its own bookkeeping.
_BOOKKEEPING = frozenset(
    {
        "keras_api",
        "layers",
        "layer_metrics",
        "layer_regularization_losses",
        "metrics",
        "non_trainable_variables",
        "regularization_losses",
        "save_counter",
        "signatures",
        "states",
        "trainable_variables",
        "variables",
    }
)
_STATES = ("seed_generator_state", "StateVar")  # of random generators: variables, but no weights

# HDF5 and .keras do not say which weights train: these never do.
_FROZEN = frozenset({"moving_mean", "moving_variance", "running_mean", "running_std", "moving_stddev"})
_FROZEN_BY_CLASS = {
    "Normalization": frozenset({"mean", "variance", "count"}),
    "SpectralNormalization": frozenset({"vector_u", "sn_u"}),
}


@dataclass(frozen=True, slots=True)
class Weight:
    """A variable: ``trainable`` is None where the file does not say."""

    name: str
    shape: tuple[int, ...]
    dtype: DType
    trainable: bool | None = None

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer. Those inside of it follow it, with a greater ``depth``; ``parameters`` counts theirs, too.

    ``class_name`` and ``input_shapes`` are empty, ``trainable`` is None where the file does not say. ``shared``: it
    stands in the model a second time, and its weights are listed at the first.
    """

    name: str
    class_name: str
    depth: int
    trainable: bool | None
    input_shapes: tuple[Shape, ...] = ()
    weights: tuple[Weight, ...] = ()
    parameters: int = 0
    shared: bool = False


@dataclass(slots=True)
class Found:
    """The layers in order, and the variables that belong to none of them."""

    layers: list[Layer] = field(default_factory=list)
    variables: list[Weight] = field(default_factory=list)


def find_layers(archive: Archive) -> Found:
    """List the layers of an archive and the variables that belong to none of them.

    Raises:
        CorruptError: objects are nested deeper than in any model.
    """
    if archive.format in ("SavedModel", "TF checkpoint"):
        return _ByAttributes(archive).find()
    return _by_config(archive)


def is_layer(node: ObjectNode) -> bool:
    """Whether the node is a Keras layer or model, with its metadata."""
    kind = node.identifier
    return node.metadata is not None and kind.startswith("_tf_keras_") and kind != "_tf_keras_metric"


def input_shapes(about: Mapping[str, Any]) -> tuple[Shape, ...]:
    """The input shapes that a layer's metadata or config states."""
    inner, build = settings(about), about.get("build_config")
    build = build if isinstance(build, Mapping) else {}
    places = (
        about.get("build_input_shape"),
        about.get("batch_input_shape"),
        inner.get("batch_input_shape"),
        inner.get("batch_shape"),
        build.get("input_shape"),
        build.get("shapes_dict"),
    )
    return next((shapes for place in places if (shapes := tuple(_shapes(place)))), ())


def _shapes(value: Any, depth: int = 0) -> Iterator[Shape]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, list | tuple) or depth > _DEPTH:
        return
    if value and all(size is None or isinstance(size, int) for size in value):
        yield tuple(value)
    else:
        for item in value:
            yield from _shapes(item, depth + 1)


class _ByAttributes:
    """Walks an object graph; each variable belongs to the first layer that leads to it."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.nodes = archive.nodes
        self.seen: set[int] = {0}
        self.found = Found()
        self.says_trainable = archive.format == "SavedModel"

    def find(self) -> Found:
        trainable = self._trainable(self.archive.root, True)
        own, layers = self._parts(self.archive.root, "", 0)
        self.found.variables += self._weights(own, trainable)
        for index in layers:
            self._add(index, 0, trainable)
        return self.found

    def _add(self, index: int, depth: int, trainable: bool) -> int:
        """Append a layer and what is in it; return its number of parameters."""
        node, layers = self.nodes[index], self.found.layers
        about = node.metadata or {}
        trainable = self._trainable(node, trainable)
        shared, place = index in self.seen, len(layers)
        row = Layer(str(about.get("name", "")), class_name(about), depth, trainable, input_shapes(about), shared=shared)
        layers.append(row)
        if shared:
            return 0
        self.seen.add(index)
        own, below = self._parts(node, "", depth)
        weights = tuple(self._weights(own, trainable))
        total = sum(weight.size for weight in weights) + sum(self._add(child, depth + 1, trainable) for child in below)
        layers[place] = replace(row, weights=weights, parameters=total)
        return total

    def _trainable(self, node: ObjectNode, above: bool) -> bool:
        return above and bool((node.metadata or {}).get("trainable", True))

    def _weights(self, own: Sequence[tuple[str, int]], trainable: bool) -> Iterator[Weight]:
        for name, index in own:
            variable = self.nodes[index].variable
            if variable is not None:
                said = variable.trainable and trainable if self.says_trainable else None
                yield Weight(name, variable.shape, variable.dtype, said if _is_object(variable) else None)

    def _parts(self, node: ObjectNode, prefix: str, depth: int) -> tuple[list[tuple[str, int]], list[int]]:
        """A node's own variables by path, through lists and dictionaries, and the layers directly in it."""
        if depth > _DEPTH:
            raise CorruptError(f"objects nested more than {_DEPTH} deep")
        own: list[tuple[str, int]] = []
        layers: list[int] = []
        for name, index in self._edges(node):
            child = self.nodes[index]
            if child.variable is not None:
                if index not in self.seen and not child.variable.name.endswith(_STATES):
                    self.seen.add(index)
                    own.append((prefix + name, index))
            elif is_layer(child) and not (name == "cell" and is_layer(node)):
                layers += [index] if index not in layers else []
            elif child.kind == "user_object" and index not in self.seen:
                self.seen.add(index)
                inner = self._parts(child, prefix if name == "cell" else f"{prefix}{name}/", depth + 1)
                own += inner[0]
                layers += [layer for layer in inner[1] if layer not in layers]
        return own, layers

    def _edges(self, node: ObjectNode) -> Iterator[tuple[str, int]]:
        keras = is_layer(node) or (node is self.archive.root and "layer-0" in node.children)
        for name, index in node.children.items():
            is_optimizer = name == "optimizer" and node is self.archive.root and not is_layer(self.nodes[index])
            if not is_optimizer and not name.startswith("layer_with_weights-") and not (keras and name in _BOOKKEEPING):
                yield name, index


def _is_object(variable: Variable) -> bool:
    """Whether an object graph led to the variable; TF1's files know variables by name only, not whether they train."""
    return variable.tensor is None or "/.ATTRIBUTES/" in variable.tensor.key


def _by_config(archive: Archive) -> Found:
    """The layers as the config nests them; weights are told apart by the names in their paths."""
    from reinstate.archive.hdf5_write import RESERVED, TOP_LEVEL

    found, root = Found(), archive.root
    weights = {
        _name(archive, key, index): _variables(archive, archive.nodes[index])
        for key, index in root.children.items()
        if key not in RESERVED
    }
    config = archive.config or {}
    trainable = bool(settings(config).get("trainable", True))
    for layer in sublayers(config):
        _add_config(found, layer, 0, trainable, weights.pop(layer_name(layer), {}))
    for name, rest in weights.items():
        own = tuple(_frozen(_shortened(rest), "", None))
        found.layers.append(Layer(name, "", 0, None, (), own, sum(weight.size for weight in own)))
    if (top := archive.child(root, TOP_LEVEL)) is not None:
        found.variables += _frozen(_variables(archive, top), class_name(config), trainable)
    return found


def _name(archive: Archive, key: str, index: int) -> str:
    return str((archive.nodes[index].metadata or {}).get("name", key))


def _variables(archive: Archive, node: ObjectNode) -> dict[str, Variable]:
    children = ((key, archive.nodes[index].variable) for key, index in node.children.items())
    return {key: variable for key, variable in children if variable is not None}


def _shortened(weights: Mapping[str, Variable]) -> dict[str, Variable]:
    """The weights by what remains of their paths without the folders that all have in common."""
    folders = [name.split("/")[:-1] for name in weights]
    common = 0
    while folders and all(len(f) > common and f[common] == folders[0][common] for f in folders):
        common += 1
    return {"/".join(name.split("/")[common:]): variable for name, variable in weights.items()}


def _add_config(
    found: Found, item: Mapping[str, Any], depth: int, above: bool, weights: Mapping[str, Variable]
) -> None:
    """Append a layer and what is in it; ``weights`` are all of them, by path."""
    if depth > _DEPTH:
        raise CorruptError(f"layers nested more than {_DEPTH} deep")
    trainable = above and bool(settings(item).get("trainable", True))
    inner = _inside(item)
    own, below = _divide(weights, {layer_name(layer) for layer in inner})
    total = sum(prod(variable.shape) for variable in weights.values())
    listed = tuple(_frozen(_shortened(own), class_name(item), trainable))
    place = len(found.layers)
    found.layers.append(Layer(layer_name(item), class_name(item), depth, trainable, input_shapes(item), listed, total))
    for layer in inner:
        _add_config(found, layer, depth + 1, trainable, below.get(layer_name(layer), {}))
    if "trainable" not in settings(item):
        found.layers[place] = replace(found.layers[place], trainable=_trains(found.layers[place:]))


def _trains(layers: Sequence[Layer]) -> bool:
    """Whether a model trains whose config does not say so: by what is in it, if that has weights."""
    weighted = [layer for layer in layers if layer.weights]
    return not weighted or any(layer.trainable for layer in weighted)


def _inside(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The layers in a model, or the model in a wrapper."""
    wrapped = settings(item).get("layer")
    if isinstance(wrapped, Mapping) and sublayers(wrapped):
        return [wrapped]
    return sublayers(item)


def _divide(
    weights: Mapping[str, Variable], names: set[str]
) -> tuple[dict[str, Variable], dict[str, dict[str, Variable]]]:
    """Give each inner layer the weights whose path has its name in it; the rest is the outer layer's own."""
    own: dict[str, Variable] = {}
    below: dict[str, dict[str, Variable]] = {}
    for path, variable in weights.items():
        parts = path.split("/")
        spans = ((start, end) for start in range(len(parts) - 1) for end in range(len(parts) - 1, start, -1))
        span = next(((s, e) for s, e in spans if "/".join(parts[s:e]) in names), None) if names else None
        if span is None:
            own[path] = variable
        else:
            below.setdefault("/".join(parts[span[0] : span[1]]), {})["/".join(parts[span[1] :])] = variable
    return own, below


def _frozen(weights: Mapping[str, Variable], owner: str, trainable: bool | None) -> Iterator[Weight]:
    frozen = _FROZEN | _FROZEN_BY_CLASS.get(owner, frozenset())
    for name, variable in weights.items():
        trains = None if trainable is None else trainable and name.rpartition("/")[2] not in frozen
        yield Weight(name, variable.shape, variable.dtype, trains)
