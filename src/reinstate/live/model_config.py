"""Which config a model is built from: the file's own of Keras 3, Keras 2's translated, or either with layers to revive.

A layer is revived where its class is unknown, where its config holds code, or where it cannot be built from it; and
where the file has functions for it. For a class that is known, this is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import keras

from reinstate.archive.model import Archive
from reinstate.archive.serialized import class_name, layer_name, sublayers
from reinstate.config import LAYERS, check_keras3, up_layer, up_model
from reinstate.config.lens import Context
from reinstate.config.objects import custom_name
from reinstate.config.preprocessing import reinstated
from reinstate.errors import CorruptError, ReinstateError, UnsafeError, UnsupportedError
from reinstate.live import _keras
from reinstate.live.parts import Parts
from reinstate.live.rebuilt import Rebuilding
from reinstate.live.revival import REVIVED, Revival
from reinstate.live.revived_config import marked


@contextmanager
def typed(context: Context) -> Iterator[None]:
    """Turn what the translation of a config of wrong types runs into, into ``CorruptError`` with the place."""
    try:
        yield
    except ReinstateError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        place = " > ".join(["config", *context.place])
        raise CorruptError(f"{place} > not what Keras writes there: {type(error).__name__}: {error!s:.200}") from error


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Finds the config of one archive's model, in the Keras 3 dialect."""

    archive: Archive
    context: Context
    revival: Revival

    def plain(self) -> dict[str, Any]:
        """The config as far as it can be translated; what cannot, and has functions in the file, is to be revived.

        Raises:
            UnsupportedError: there is something else that cannot be translated; names all of it.
            UnsafeError: the config names what is not a part of a model.
        """
        plain = replace(self.context, offenders=[], losses=[], place=[])
        try:
            config = _translated(self.archive, plain)
        except (UnsupportedError, UnsafeError) as error:
            return self._marked(self._refusal, error)
        self.context.losses += plain.losses
        return config

    def buildable(self, error: ReinstateError) -> dict[str, Any]:
        """The config of a model that Keras could not build: those of its layers that it cannot build are to be revived.

        Raises:
            ReinstateError: ``error``, where there is none to revive.
        """
        self.revival.layers.clear()  # those that were made are wired into a model that came to nothing
        return self._marked(lambda item: self._refusal(item) or self._failure(item), error)

    def _marked(self, reason: Callable[[Mapping[str, Any]], str | None], error: ReinstateError) -> dict[str, Any]:
        if self.archive.graph is None:
            raise error
        config = self.archive.config or {"class_name": "", "config": {}}
        found = marked(self.archive, config, self.revival, self._noted(reason))
        if found == config:
            raise error
        return _translated(replace(self.archive, config=found, keras3=None), self.context)

    def _noted(self, reason: Callable[[Mapping[str, Any]], str | None]) -> Callable[[Mapping[str, Any]], str | None]:
        """The reasons, with a note of those that keep a known class from being used."""

        def noted(item: Mapping[str, Any]) -> str | None:
            found = reason(item)
            if found is not None and self._is_known(item):
                self.revival.note(
                    f"{layer_name(item)} ({class_name(item)}) computes what was saved of it, without its class: {found}"
                )
            return found

        return noted

    def _is_known(self, item: Mapping[str, Any]) -> bool:
        known = custom_name(item, self.context) is not None or LAYERS.canonical(class_name(item)) is not None
        return known and class_name(item) != "Lambda"

    def _refusal(self, item: Mapping[str, Any]) -> str | None:
        """Why a layer cannot be translated; None where it can."""
        scratch = Context(self.context.keras_version, custom=self.context.custom)
        with typed(scratch):
            up_layer(item, scratch)
        return "; ".join(scratch.offenders) or None

    def _failure(self, item: Mapping[str, Any]) -> str | None:
        """Why Keras, or a class of the caller's, cannot make a layer of its config; None where it can, or a graph."""
        if sublayers(item):
            return None
        scratch = Context(self.context.keras_version, custom=self.context.custom)
        config = up_layer(item, scratch)
        check_keras3(config, scratch)
        try:
            keras.saving.deserialize_keras_object(config)
        except Exception as error:  # whatever they make of a config
            return _keras.reason(error)
        return None

    def parts(self) -> Parts:
        """What gives revived layers their variables; layers in them are translated as those of the model."""
        return Parts(self.revival, Rebuilding(self.archive, self.revival.variables, self._inner, self.revival.note))

    def _inner(self, item: Mapping[str, Any], node: int) -> dict[str, Any] | None:
        """A layer that stands in a revived one in the Keras 3 dialect; None where it cannot be translated."""
        scratch = Context(self.context.keras_version, custom=self.context.custom)
        try:
            with typed(scratch):
                config = up_layer(marked(self.archive, item, self.revival, self._refusal, node), scratch)
            check_keras3(config, scratch)
        except ReinstateError:
            return None
        return None if scratch.offenders or config["class_name"] == REVIVED else config


def _translated(archive: Archive, context: Context) -> dict[str, Any]:
    """The config in the Keras 3 dialect: the file's own if it has that, else Keras 2's translated."""
    if archive.keras3 is not None and isinstance(archive.keras3.get("model"), Mapping):
        check_keras3(archive.keras3, context)
        return dict(reinstated(archive.keras3["model"], context))
    if archive.config is None:
        raise UnsupportedError(
            "the file holds no Keras model config: it has weights or functions only. For weights, build the model and "
            "call load_weights"
        )
    with typed(context):
        return up_model(archive.config, context)
