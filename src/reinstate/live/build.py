"""An ``Archive`` becomes a live Keras model in the state that was saved: the mirror of ``capture``.

No initializer runs; every variable that the archive has a value for gets it, all read in one pass. Only what is in no
file (a seed that Keras 2 kept in its own way) is initialized as Keras would.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

from reinstate.archive.model import Archive, Layout
from reinstate.config import check_keras3, up_model
from reinstate.config.lens import Context
from reinstate.config.training import up_training
from reinstate.errors import ReinstateError, UnsupportedError
from reinstate.live import _keras
from reinstate.live.metrics import place_metrics
from reinstate.live.objects import OWN_OBJECTS
from reinstate.live.optimizer import place_optimizer
from reinstate.live.place import Placed, Reading, place, require, restore
from reinstate.options import LoadOptions


@dataclass(slots=True)
class Loaded:
    """A model, whether the file had compile settings, and what could not be carried."""

    model: Any
    compiled: bool = False
    losses: list[str] = field(default_factory=list)


def build(
    archive: Archive,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    options: LoadOptions | None = None,
    safe_mode: bool = True,
) -> Loaded:
    """Build the model that the archive describes and put its state in place.

    Raises:
        UnsupportedError: the config holds what Keras 3 cannot build; names all of it.
        MismatchError: the values do not fit the config; names all of them.
        CorruptError: a value's bytes are damaged.
    """
    options = options or LoadOptions()
    known = _custom_objects(custom_objects)
    context = Context(archive.keras_version, custom=known)
    config = _model_config(archive, context)
    loaded = Loaded(model=None)
    with Reading(archive, optimizer=compile) as reading, keras.saving.custom_object_scope(known):
        with _keras.deferred_initializers() as created:
            loaded.model = _construct(config, archive, safe_mode)
            placed = place(archive, loaded.model)
            if not options.allow_partial_checkpoint:
                require(placed, "the file")
            placed.differences.clear()
            if compile:
                _compile_as_it_was(loaded, archive, placed, context)
        if options.experimental_skip_checkpoint:
            placed = Placed()
        reading.restore(placed.placements)
        for variable, initializer in created:
            if not placed.has(variable):
                _keras.run_initializer(variable, initializer)
    _keras.finalize(loaded.model)
    loaded.losses += context.losses
    return loaded


def _compile_as_it_was(loaded: Loaded, archive: Archive, placed: Placed, context: Context) -> None:
    """Compile the model, if the file says how, and find the state of its optimizer and metrics."""
    config = _compile_config(archive, loaded.model, context)
    loaded.compiled = config is not None
    if config is not None:
        _compile(loaded.model, config)
        loaded.losses += place_optimizer(archive, loaded.model, placed)
        loaded.losses += place_metrics(archive, loaded.model, placed)
        loaded.losses += placed.differences


def _custom_objects(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The caller's objects, what is registered with Keras, and our own, by the names that files use."""
    registered = keras.saving.get_custom_objects()
    bare = {name.rpartition(">")[2]: value for name, value in registered.items()}
    return {**bare, **registered, **OWN_OBJECTS, **(given or {})}


def _model_config(archive: Archive, context: Context) -> dict[str, Any]:
    """The config in the Keras 3 dialect: the file's own if it has that, else Keras 2's translated."""
    if archive.keras3 is not None and isinstance(archive.keras3.get("model"), Mapping):
        check_keras3(archive.keras3, context)
        return dict(archive.keras3["model"])
    if archive.config is None:
        raise UnsupportedError(
            "the file holds no Keras model config: it has weights or functions only. For weights, build the model and "
            "call load_weights"
        )
    return up_model(archive.config, context)


def _compile_config(archive: Archive, model: Any, context: Context) -> dict[str, Any] | None:
    if archive.keras3 is not None and isinstance(archive.keras3.get("model"), Mapping):
        compiled = archive.keras3.get("compile")
        return None if compiled is None else dict(compiled)
    if archive.training_config is None:
        return None
    return up_training(archive.training_config, context, _keras.output_names(model))


def _construct(config: dict[str, Any], archive: Archive, safe_mode: bool) -> Any:
    try:
        with _keras.deep_graphs(len(archive.nodes)):
            model = keras.saving.deserialize_keras_object(config, safe_mode=safe_mode)
    except ReinstateError:
        raise
    except (TypeError, ValueError, KeyError, AttributeError, IndexError, RuntimeError) as error:
        raise UnsupportedError(f"Keras cannot build the model from its config: {_keras.reason(error)}") from error
    if not isinstance(model, keras.Model):
        raise UnsupportedError(f"the config describes a {type(model).__name__}, not a model")
    shape = (archive.root.metadata or {}).get("build_input_shape")
    if not model.built and shape is not None:
        model.build(shape)
    return model


def _compile(model: Any, config: dict[str, Any]) -> None:
    try:
        model.compile_from_config(config)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise UnsupportedError(f"Keras cannot compile the model as it was: {_keras.reason(error)}") from error


def load_weights_into(model: Any, archive: Archive, options: LoadOptions | None = None) -> list[str]:
    """Put the archive's weights, and where the model is compiled its optimizer state, into a model that is there.

    Raises:
        MismatchError: they do not fit; nothing has been changed then.
    """
    options = options or LoadOptions()
    placed = place(archive, model)
    if not options.allow_partial_checkpoint:
        require(placed, "the file")
    losses = list(placed.differences)
    placed.differences.clear()
    if model.compiled and model.optimizer is not None and archive.layout is Layout.ATTRIBUTES:
        losses += place_optimizer(archive, model, placed)
    if not options.experimental_skip_checkpoint:
        restore(archive, placed.placements)
        _keras.finalize(model)
    return losses
