"""Objects of a SavedModel come back without their classes: ``Revival`` makes them of the nodes of an archive.

It works in two steps. While Keras builds the model from its config, it asks for a revived layer here and there, which
can be called but has no variables yet. Then ``settle``, when it is known which of the variables the layers of known
classes have, gives each revived object its own, and the objects that were its attributes. Attributes whose classes are
known are made of these, the others revived.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import keras

from reinstate.archive.model import Archive, Function, ObjectNode
from reinstate.archive.model import Variable as StoredVariable
from reinstate.archive.serialized import class_name
from reinstate.config.lens import Context
from reinstate.config.policies import up_policy
from reinstate.errors import CorruptError, UnsupportedError, where
from reinstate.graph.ops.random import DRAWING
from reinstate.live import _keras
from reinstate.live.concrete import PolymorphicFunction
from reinstate.live.module import Objects, number
from reinstate.live.placed import Placed
from reinstate.live.revived import Handle, Method, Penalty, Stored, call_signature, revived_class

REVIVED = "reinstate>Revived"  # the class that stands in a config where a layer is to be revived
MODELS = frozenset({"_tf_keras_model", "_tf_keras_network", "_tf_keras_sequential"})
LAYERS = MODELS | {"_tf_keras_layer", "_tf_keras_rnn_layer"}
_CALLS = ("call_and_return_conditional_losses", "__call__")
# Edges of a layer that are no attributes of its own.
_BOOKS = frozenset(
    {
        *("variables", "trainable_variables", "regularization_losses", "keras_api", "signatures", "optimizer"),
        *("call_and_return_all_conditional_losses", "_default_save_signature", *_CALLS),
    }
)
_CONTAINERS = frozenset({"trackable_list_wrapper", "trackable_tuple_wrapper", "trackable_dict_wrapper"})
_NO_FUNCTION = Function((), ())
_DEEPEST = 100  # layers in layers


class KerasObjects(Objects):
    """The objects that functions are bound to; variables are ``Handle``s on those of Keras."""

    def __init__(self, archive: Archive, variables: Mapping[int, Any]) -> None:
        super().__init__(archive)
        self._variables = variables

    def _variable(self, index: int, stored: StoredVariable) -> Handle:
        return Handle(self._variables, index, stored.shape, _dtype(stored))

    def _read_variables(self, indices: Any) -> None:
        """Their values are Keras' matter."""


class Factory:
    """Stands for the class of revived layers in Keras' eyes: a config says which node to revive."""

    def __init__(self, revival: Revival) -> None:
        self._revival = revival

    def from_config(self, config: Mapping[str, Any]) -> Any:
        """The revived layer of a node."""
        node, name = config.get("node"), config.get("name")
        if not isinstance(node, int) or not 0 <= node < len(self._revival.archive.nodes):
            raise CorruptError(f"a config revives the object {node!r:.100}, which is not there")
        return self._revival.layer(node, name if isinstance(name, str) else None)


class Revival:
    """Revives layers and models of one archive; each node once."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.losses: list[str] = []
        self.variables: dict[int, Any] = {}  # by node, those that are no revived object's too
        self._objects: KerasObjects | None = None
        self._layers: dict[int, Any] = {}
        self._unsettled: list[int] = []
        self._penalties: set[int] = set()
        self._inside: dict[int, set[int]] = {}  # node of a layer: the nodes of the layers that were put into it

    @property
    def objects(self) -> KerasObjects:
        """What functions are bound to, and the functions."""
        if self._objects is None:
            self._objects = KerasObjects(self.archive, self.variables)
        return self._objects

    @property
    def custom_objects(self) -> dict[str, Any]:
        """What lets Keras make revived layers where a config names them."""
        return {REVIVED: Factory(self)}

    def is_callable(self, index: int) -> bool:
        """Whether a node has a function that a layer could be called through."""
        return self.archive.graph is not None and self._call_function(self.archive.nodes[index])[0] is not None

    # First step: layers that can be called ----------------------------------------------------------------------------

    def layer(self, index: int, name: str | None = None) -> Any:
        """The revived layer or model of a node.

        Raises:
            UnsupportedError: the node is no layer.
            UnsafeError, CorruptError: its functions are not to be run, or damaged.
        """
        if index not in self._layers:
            node = self.archive.nodes[index]
            if node.identifier not in LAYERS:
                raise UnsupportedError(f"object {index} is no layer, but {node.identifier or node.kind}")
            with where(f"object {index}"):
                self._layers[index] = self._made(index, node, name)
            self._unsettled.append(index)
        return self._layers[index]

    def _made(self, index: int, node: ObjectNode, name: str | None) -> Any:
        metadata = node.metadata or {}
        function, with_losses = self._call_function(node)
        expects_training = bool(metadata.get("expects_training_arg"))
        signature = call_signature(_NO_FUNCTION if function is None else function.function, expects_training)
        called = class_name(metadata)
        base = keras.Model if node.identifier in MODELS else keras.Layer
        kind = revived_class(called if called.isidentifier() else "Revived", base, signature)
        name = name or str(metadata.get("name") or "").replace("/", "_") or None
        layer = kind(name=name, dtype=_policy(metadata.get("dtype")), autocast=False)
        layer.stored = Stored(index, metadata, function, with_losses, signature)
        layer.built = True
        _keras.take_constants(layer)
        if function is not None and self._draws(function):
            layer.seed_generator = keras.random.SeedGenerator()
        layer.activity_regularizer = self._activity_regularizer(node)
        return layer

    def _call_function(self, node: ObjectNode) -> tuple[PolymorphicFunction | None, bool]:
        """The function that calls a layer, and whether it gives losses, too."""
        api = self.archive.child(node, "keras_api")
        for name in _CALLS:
            for owner in (api, node):
                function = None if owner is None else self._function(owner, name)
                if function is not None:
                    return function, name != "__call__"
        return None, False

    def _function(self, node: ObjectNode, name: str) -> PolymorphicFunction | None:
        index = node.children.get(name)
        if index is None or not self._has_traces(index):
            return None
        found: PolymorphicFunction = self.objects.get(index)
        return found

    def _draws(self, function: PolymorphicFunction) -> bool:
        return any(self.objects.library.reaches(each.trace.name, DRAWING) for each in function.concrete)

    def _activity_regularizer(self, node: ObjectNode) -> Method | None:
        api = self.archive.child(node, "keras_api")
        function = None if api is None else self._function(api, "activity_regularizer_fn")
        return None if function is None else Method(function)

    # Second step: variables and attributes ----------------------------------------------------------------------------

    def settle(self, placed: Placed) -> None:
        """Give the revived objects their variables and attributes, and tell ``placed`` of the variables.

        ``placed`` holds those that the layers of known classes have.
        """
        if not self._layers:
            return
        self.variables.update(placed.variables)
        order: list[int] = []
        while self._unsettled:
            index = self._unsettled.pop(0)
            order.append(index)
            self._attach_layers(index)
        for index in order:
            self._weigh(index)
        for index in order:
            self._attach(index)
        for index in order:
            self._freeze(index)
        for index, variable in self.variables.items():
            if index not in placed.variables:
                node = self.archive.nodes[index]
                assert node.variable is not None
                placed.put(variable, index, node, node.variable.name)

    def _attach_layers(self, index: int) -> None:
        """Revive the layers that are attributes of a revived one."""
        for child in self._layers_below(self.archive.nodes[index]):
            if child != index and not self._holds(child, index):
                if len(self._above(index)) > _DEEPEST:
                    raise UnsupportedError(f"layers stand in each other more than {_DEEPEST} deep")
                self._inside.setdefault(index, set()).add(child)
                self.layer(child)

    def _holds(self, outer: int, inner: int) -> bool:
        """Whether a layer has another one in it already, at any depth."""
        return outer in self._above(inner)

    def _above(self, index: int) -> set[int]:
        """The layers that a layer stands in, at any depth."""
        found: set[int] = set()
        stack = [index]
        while stack:
            below = stack.pop()
            new = {outer for outer, inside in self._inside.items() if below in inside} - found
            found |= new
            stack += new
        return found

    def _layers_below(self, node: ObjectNode) -> Iterator[int]:
        """The layers among the attributes of a node, in lists and dictionaries, too."""
        stack, seen = [node], set[int]()
        while stack:
            owner = stack.pop()
            for name, child in owner.children.items():
                below = self.archive.nodes[child]
                if child in seen or (owner is node and name in _BOOKS):
                    continue
                seen.add(child)
                if below.identifier in LAYERS and below.metadata is not None:
                    yield child
                elif below.identifier in _CONTAINERS:
                    stack.append(below)

    def _weigh(self, index: int) -> None:
        """Find, or make, the variables of a revived layer: those that it lists, and those its function is bound to."""
        node, stored = self.archive.nodes[index], self._layers[index].stored
        trainable = set(self._listed(node, "trainable_variables"))
        weights = self._listed(node, "variables") or [*trainable, *self._listed(node, "non_trainable_variables")]
        stored.weights = [self._variable(i, i in self._trained) for i in weights]
        self._regularize(node, stored.weights)
        bound = [i for function in self._functions(node) for i in self._bound(function)]
        stored.states = [self._variable(i, False) for i in bound if i not in self._weighed]

    @cached_property
    def _weighed(self) -> frozenset[int]:
        """The variables that some layer lists as its weights."""
        layers = [node for node in self.archive.nodes if node.identifier in LAYERS]
        return frozenset(i for node in layers for i in self._listed(node, "variables"))

    @cached_property
    def _trained(self) -> frozenset[int]:
        """Those of them that train."""
        return frozenset(i for i in self._weighed if self._stored(i).trainable)

    def _functions(self, node: ObjectNode) -> list[PolymorphicFunction]:
        """The functions of a layer that are called here: its own, and those that were attributes."""
        own = self._call_function(node)[0]
        others = [child for name, child in node.children.items() if name not in _BOOKS and self._has_traces(child)]
        return [*([] if own is None else [own]), *map(self.objects.get, others)]

    def _has_traces(self, index: int) -> bool:
        functions = self.objects.functions
        return index in functions and bool(functions[index].traces)

    def _regularize(self, node: ObjectNode, weights: Sequence[Any]) -> None:
        """Hang the penalties that were saved on the variables that they are of, unless those have their own."""
        listed = self.archive.child(node, "regularization_losses")
        for child in () if listed is None else listed.children.values():
            if child in self._penalties or not self._has_traces(child):
                continue
            self._penalties.add(child)
            function = self.objects.get(child)
            bound = [self.variables[i] for i in self._bound(function) if i in self.variables]
            target = next((v for v in (*bound, *weights) if v.trainable), None)
            if target is not None and (target.regularizer is None or isinstance(target.regularizer, Penalty)):
                before = [] if target.regularizer is None else target.regularizer.functions
                target.regularizer = Penalty([*before, Method(function)])

    def _stored(self, index: int) -> StoredVariable:
        stored = self.archive.nodes[index].variable
        assert stored is not None
        return stored

    def _listed(self, node: ObjectNode, name: str) -> list[int]:
        """The variables in a list of a node, or of its ``keras_api``."""
        listed = self.archive.child(node, name) or self.archive.child(node, "keras_api", name)
        children = {} if listed is None else listed.children
        found = [children[key] for key in sorted(children, key=number)]
        return [index for index in found if self.archive.nodes[index].variable is not None]

    def _bound(self, function: PolymorphicFunction) -> list[int]:
        bound = dict.fromkeys(i for each in function.concrete for i in each.trace.bound)
        return [index for index in bound if self.archive.nodes[index].variable is not None]

    def _variable(self, index: int, trainable: bool) -> Any:
        """Keras' variable of a node, made where no layer of a known class has it."""
        if index not in self.variables:
            stored = self._stored(index)
            self.variables[index] = _keras.stored_variable(stored.shape, _dtype(stored), trainable, stored.name)
        return self.variables[index]

    def _attach(self, index: int) -> None:
        """Put variables, layers and functions under the names that they had as attributes."""
        node, layer = self.archive.nodes[index], self._layers[index]
        inner = {id(v) for i in self._inside.get(index, ()) for v in self._layers[i].weights}
        own = [v for v in (*layer.stored.weights, *layer.stored.states) if id(v) not in inner]
        layer._own_variables = own
        for name, child in node.children.items():
            if name in _BOOKS or hasattr(layer, name):
                continue
            if self._has_traces(child):
                layer.stored.methods[name] = Method(self.objects.get(child), layer.seed_generator)
            elif (value := self._value(index, child, 0)) is not None:
                setattr(layer, name, value)
        left = [self._layers[i] for i in self._inside.get(index, ()) if self._layers[i] not in _keras.own_layers(layer)]
        if left:
            layer._others = left

    def _value(self, owner: int, index: int, depth: int) -> Any:
        """What an attribute is: a variable, a layer, a list or dictionary of them; None of anything else."""
        node = self.archive.nodes[index]
        if node.variable is not None:
            return self.variables.get(index)
        if index in self._layers:
            return self._layers[index] if index in self._inside.get(owner, ()) else None
        if node.identifier not in _CONTAINERS or depth > _DEEPEST:
            return None
        found = {key: self._value(owner, child, depth + 1) for key, child in node.children.items()}
        found = {key: value for key, value in found.items() if value is not None}
        if node.identifier == "trackable_dict_wrapper" or not found:
            return found or None
        return [found[key] for key in sorted(found, key=number)]

    def _freeze(self, index: int) -> None:
        if (self.archive.nodes[index].metadata or {}).get("trainable") is False:
            self._layers[index].trainable = False


def _dtype(stored: StoredVariable) -> str:
    numpy = stored.dtype.numpy
    if numpy is None or numpy.hasobject:
        raise UnsupportedError(
            f"the variable {stored.name!r} is of type {stored.dtype}, which Keras has no variables of"
        )
    return stored.dtype.name


def _policy(value: Any) -> Any:
    """The dtype policy of a layer; None where Keras has no such policy."""
    name = up_policy(value, Context())
    try:
        return None if name is None else keras.dtype_policies.get(name)
    except (ValueError, TypeError):
        return None
