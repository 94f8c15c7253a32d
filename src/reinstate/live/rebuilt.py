"""Layers that stand in revived ones and whose classes are known: made of their configs, as tf.keras does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras

from reinstate.archive.model import Archive, ObjectNode
from reinstate.live import _keras
from reinstate.live.module import number
from reinstate.live.place import place_attributes
from reinstate.live.placed import Placed
from reinstate.live.tables import learned_by

Translate = Callable[[Mapping[str, Any], int], dict[str, Any] | None]  # a layer of a node to Keras 3's form


class Rebuilding:
    """Makes layers of their configs, and pairs their variables with those of the file."""

    def __init__(
        self, archive: Archive, variables: dict[int, Any], translate: Translate, note: Callable[[str], None]
    ) -> None:
        self._archive = archive
        self._variables = variables
        self._translate = translate
        self._note = note

    def layer(self, index: int) -> Any:
        """The layer of a node; None where it cannot be made of its config, or has not the variables of the file."""
        node = self._archive.nodes[index]
        metadata = node.metadata or {}
        if not isinstance(metadata.get("config"), Mapping) or not isinstance(metadata.get("class_name"), str):
            return None
        item = {"class_name": metadata["class_name"], "config": metadata["config"]}
        config = self._translate(learned_by(self._archive, item, index), index)
        made = None if config is None else self._made(config, metadata)
        found = None if made is None else self._paired(index, node, made)
        if found is None:
            return None
        self._variables.update(found.variables)
        return made

    def _made(self, config: dict[str, Any], metadata: Mapping[str, Any]) -> Any:
        """A layer of Keras' form of it, built; None where Keras, or a class of the caller's, cannot: this is noted."""
        try:
            layer = keras.saving.deserialize_keras_object(config)
            if isinstance(layer, keras.Layer) and not layer.built and metadata.get("build_input_shape") is not None:
                layer.build(metadata["build_input_shape"])
        except Exception as error:  # whatever they make of a config
            name, called = metadata.get("name"), metadata["class_name"]
            self._note(f"{name} ({called}) computes what was saved of it, without its class: {_keras.reason(error)}")
            return None
        return layer if isinstance(layer, keras.Layer) else None

    def _paired(self, index: int, node: ObjectNode, layer: Any) -> Placed | None:
        """The layer's variables by node; None where they are not those of the file, or some have others already."""
        found = Placed()
        place_attributes(self._archive, layer, found, index)
        listed = self._archive.child(node, "variables")
        children: Mapping[str, int] = {} if listed is None else listed.children
        wanted = [children[key] for key in sorted(children, key=number)]
        wanted = [i for i in wanted if self._archive.nodes[i].variable is not None]
        taken = any(self._variables.get(i, variable) is not variable for i, variable in found.variables.items())
        fits = set(wanted) <= set(found.variables) and len(layer.weights) == len(wanted)
        return None if taken or not fits or found.take() else found
