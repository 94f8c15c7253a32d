"""Objects of a SavedModel come back without their classes: ``Revival`` makes them of the nodes of an archive.

It works in two steps. While Keras builds the model from its config, it asks for a revived layer here and there, which
can be called but has no variables yet. Then, when it is known which of the variables the layers of known classes have,
``parts`` gives each revived object its own, and the objects that were its attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from reinstate.live.matching import described
from reinstate.live.module import Objects
from reinstate.live.revived import Handle, Method, Stored, call_signature, revived_class

REVIVED = "reinstate>Revived"  # the class that stands in a config where a layer is to be revived
MODELS = frozenset({"_tf_keras_model", "_tf_keras_network", "_tf_keras_sequential"})
LAYERS = MODELS | {"_tf_keras_layer", "_tf_keras_rnn_layer"}
_CALLS = ("call_and_return_conditional_losses", "__call__")
# Edges of a layer that are no attributes of its own.
BOOKS = frozenset(
    {
        *("variables", "trainable_variables", "regularization_losses", "keras_api", "signatures", "optimizer"),
        *("call_and_return_all_conditional_losses", "_default_save_signature", *_CALLS),
    }
)
_NO_FUNCTION = Function((), ())


class KerasObjects(Objects):
    """The objects that functions are bound to; variables are ``Handle``s on those of Keras."""

    def __init__(self, archive: Archive, variables: Mapping[int, Any]) -> None:
        super().__init__(archive)
        self._variables = variables

    def _variable(self, index: int, stored: StoredVariable) -> Handle:
        return Handle(self._variables, index, stored.shape, variable_dtype(stored))

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
        self.layers: dict[int, Any] = {}

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

    def note(self, loss: str) -> None:
        """Note what is not as it was, once."""
        if loss not in self.losses:
            self.losses.append(loss)

    def is_callable(self, index: int) -> bool:
        """Whether a node has a function that a layer could be called through."""
        node = self.archive.nodes[index]
        return self.archive.graph is not None and node.identifier in LAYERS and self.call_function(node)[0] is not None

    def layer(self, index: int, name: str | None = None) -> Any:
        """The revived layer or model of a node.

        Raises:
            UnsupportedError: the node is no layer.
            UnsafeError, CorruptError: its functions are not to be run, or damaged.
        """
        if index not in self.layers:
            node = self.archive.nodes[index]
            if node.identifier not in LAYERS:
                raise UnsupportedError(f"object {index} is no layer, but {node.identifier or node.kind}")
            with where(f"object {index}"):
                self.layers[index] = self._made(index, node, name)
        return self.layers[index]

    def _made(self, index: int, node: ObjectNode, name: str | None) -> Any:
        metadata = node.metadata or {}
        function, with_losses = self.call_function(node)
        expects_training = bool(metadata.get("expects_training_arg"))
        signature = call_signature(_NO_FUNCTION if function is None else function.function, expects_training)
        called = class_name(metadata)
        base = keras.Model if node.identifier in MODELS else keras.Layer
        kind = revived_class(called if called.isidentifier() else "Revived", base, signature)
        name = name or str(metadata.get("name") or "").replace("/", "_") or None
        layer = kind(name=name, dtype=_policy(metadata.get("dtype")), autocast=False)
        layer.stored = Stored(index, node.identifier, metadata, function, with_losses, signature, source=self)
        layer.built = True
        _keras.take_constants(layer)
        if function is not None:
            self._check(layer.name, function)
        if function is not None and self._draws(function):
            layer.seed_generator = keras.random.SeedGenerator()
        layer.activity_regularizer = self._activity_regularizer(node)
        return layer

    def call_function(self, node: ObjectNode) -> tuple[PolymorphicFunction | None, bool]:
        """The function that calls a layer, and whether it gives losses, too."""
        api = self.archive.child(node, "keras_api")
        for name in _CALLS:
            for owner in (api, node):
                function = None if owner is None else self.function(owner, name)
                if function is not None:
                    return function, name != "__call__"
        return None, False

    def functions(self, node: ObjectNode) -> list[PolymorphicFunction]:
        """The functions of a layer that are called here: its own, and those that were attributes."""
        own = self.call_function(node)[0]
        others = [child for name, child in node.children.items() if name not in BOOKS and self.has_traces(child)]
        return [*([] if own is None else [own]), *map(self.objects.get, others)]

    def has_traces(self, index: int) -> bool:
        """Whether a node is a function that can be called."""
        functions = self.objects.functions
        return index in functions and bool(functions[index].traces)

    def function(self, node: ObjectNode, name: str) -> PolymorphicFunction | None:
        """The function of a node under a name, if it can be called."""
        index = node.children.get(name)
        if index is None or not self.has_traces(index):
            return None
        found: PolymorphicFunction = self.objects.get(index)
        return found

    def _check(self, name: str, function: PolymorphicFunction) -> None:
        """Note what of a function cannot be run; it is refused when it is called.

        Raises:
            UnsafeError: it does what functions of strangers may not.
        """
        for each in function.concrete:
            try:
                self.objects.library.check(each.trace.name)
            except UnsupportedError as error:
                self.note(f"layer {name!r}: its function for {described(each.trace.arguments)} cannot be run: {error}")

    def _draws(self, function: PolymorphicFunction) -> bool:
        return any(self.objects.library.reaches(each.trace.name, DRAWING) for each in function.concrete)

    def _activity_regularizer(self, node: ObjectNode) -> Method | None:
        api = self.archive.child(node, "keras_api")
        function = None if api is None else self.function(api, "activity_regularizer_fn")
        return None if function is None else Method(function)


def variable_dtype(stored: StoredVariable) -> str:
    """The dtype of Keras' variable for one of a file.

    Raises:
        UnsupportedError: Keras has no variables of this type.
    """
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
