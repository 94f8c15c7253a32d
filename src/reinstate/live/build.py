"""An ``Archive`` becomes a live Keras model in the state that was saved: the mirror of ``capture``.

No initializer runs; every variable that the archive has a value for gets it, all read in one pass. Only what is in no
file (a seed that Keras 2 kept in its own way) is initialized as Keras would.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras

from reinstate.archive.model import Archive, Layout
from reinstate.config import check_keras3
from reinstate.config.lens import Context
from reinstate.config.logits import of_logits
from reinstate.config.training import up_training
from reinstate.errors import CorruptError, MismatchError, ReinstateError, UnsupportedError
from reinstate.live import _keras
from reinstate.live.by_name import place_layers
from reinstate.live.cudnn import without_cudnn
from reinstate.live.introspection import signatures_remembered
from reinstate.live.keras2.logits import hand_logits, output_activations
from reinstate.live.keras2.models import on_host
from reinstate.live.metrics import place_metrics
from reinstate.live.model_config import ModelConfig, typed
from reinstate.live.objects import caller_objects
from reinstate.live.optimizer import place_optimizer
from reinstate.live.place import place, require, unplaced
from reinstate.live.placed import Placed
from reinstate.live.revival import Revival
from reinstate.live.signature import signature_model
from reinstate.live.sized import sized
from reinstate.live.tables import learned
from reinstate.live.values import Reading, narrowed, restore, wanted
from reinstate.options import LoadOptions

_COUNT_LIMIT = 2**24  # thresholds or classes of a metric
_FRESH_LIMIT = 2**30  # bytes of state that a config may ask for without values in the file


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
    archive, plain_losses = without_cudnn(archive)
    revival = Revival(archive)
    known = {**caller_objects(custom_objects), **revival.custom_objects}
    context = Context(archive.keras_version, custom=known)
    if archive.config is None and archive.keras3 is None and archive.signatures and not revival.is_callable(0):
        return _of_signature(archive, options, plain_losses)
    with typed(context):
        found = learned(archive)
        described = sized(archive, found.config)
    configs = ModelConfig(replace(archive, config=described), context, revival)
    config = configs.plain()
    loaded = Loaded(model=None)
    skip = options.experimental_skip_checkpoint
    with Reading(archive, compile, skip) as reading, keras.saving.custom_object_scope(known):
        with _keras.deferred_initializers() as created:
            loaded.model = _constructed(config, configs, safe_mode)
            _check_built(loaded.model, archive, options)
            on_host(loaded.model)
            placed = place(archive, loaded.model, configs.parts().settle)
            placed.variables.update(dict.fromkeys(found.nodes))
            loaded.losses += [*require(placed, options), *unplaced(archive, loaded.model, placed)]
            if compile:
                _compile_as_it_was(loaded, archive, placed, context)
        loaded.losses += _filled(archive, reading, placed, created, options)
    _keras.finalize(loaded.model)
    loaded.losses += [*plain_losses, *context.losses, *revival.losses]
    return loaded


def _of_signature(archive: Archive, options: LoadOptions, losses: Sequence[str]) -> Loaded:
    """A model that is not Keras': its signature for serving."""
    placed = Placed()
    with Reading(archive, False, options.experimental_skip_checkpoint) as reading:
        with _keras.deferred_initializers() as created:
            loaded = Loaded(signature_model(archive, placed), losses=[*losses, *require(placed, options)])
        loaded.losses += _filled(archive, reading, placed, created, options)
    return loaded


def _filled(
    archive: Archive, reading: Reading, placed: Placed, created: Sequence[tuple[Any, Any]], options: LoadOptions
) -> list[str]:
    """Put the values in place, and initialize what the file has none for; gives what is lost of them."""
    if options.experimental_skip_checkpoint:
        placed = Placed()
    reading.restore(placed)
    fresh = [(variable, initializer) for variable, initializer in created if not placed.has(variable)]
    if not (options.experimental_skip_checkpoint or options.allow_partial_checkpoint):
        _check_fresh([variable for variable, _ in fresh], archive)
    for variable, initializer in fresh:
        _keras.run_initializer(variable, initializer)
    return narrowed(placed)


def _check_built(model: Any, archive: Archive, options: LoadOptions) -> None:
    """Refuse a model that cannot take the values which the file has for it."""
    excused = model.built or options.experimental_skip_checkpoint or options.allow_partial_checkpoint
    if not excused and (count := len(wanted(archive, optimizer=False))):
        raise UnsupportedError(
            f"{type(model).__name__} has no variables after it was made from its config, the file has {count}: "
            "its class needs a build method, or a get_build_config"
        )


def _check_fresh(variables: Sequence[Any], archive: Archive) -> None:
    """Refuse a small file whose config asks for much memory that it has no values for."""
    size = sum(math.prod(variable.shape) * _keras.numpy_dtype(variable).itemsize for variable in variables)
    if size > _FRESH_LIMIT + 8 * archive.size:
        raise UnsupportedError(f"the config asks for {size} bytes of state of which the file has no values")


def _compile_as_it_was(loaded: Loaded, archive: Archive, placed: Placed, context: Context) -> None:
    """Compile the model, if the file says how, and find the state of its optimizer and metrics."""
    config = _compile_config(archive, loaded.model, context)
    loaded.compiled = config is not None
    if config is not None:
        _compile(loaded.model, config)
        loaded.losses += place_optimizer(archive, loaded.model, placed)
        loaded.losses += place_metrics(archive, loaded.model, placed)
        loaded.losses += placed.take()


def _compile_config(archive: Archive, model: Any, context: Context) -> dict[str, Any] | None:
    if archive.keras3 is not None and isinstance(archive.keras3.get("model"), Mapping):
        compiled = archive.keras3.get("compile")
        if not isinstance(compiled, Mapping | None):
            raise CorruptError(f"the compile config is {compiled!r:.100}, not a dictionary")
        return None if compiled is None else dict(compiled)
    if archive.training_config is None:
        return None
    with typed(context):
        config = up_training(archive.training_config, context, _keras.output_names(model))
        config["loss"] = of_logits(config["loss"], output_activations(model), archive.keras_version)
    check_keras3(config, context)
    return config


def _constructed(config: dict[str, Any], configs: ModelConfig, safe_mode: bool) -> Any:
    """The model; layers that cannot be built are revived, where they can be."""
    try:
        return _construct(config, configs.archive, safe_mode)
    except UnsupportedError as error:
        return _construct(configs.buildable(error), configs.archive, safe_mode)


def _construct(config: dict[str, Any], archive: Archive, safe_mode: bool) -> Any:
    try:
        with _keras.deep_graphs(len(archive.nodes)), signatures_remembered():
            model = keras.saving.deserialize_keras_object(config, safe_mode=safe_mode)
        shape = (archive.root.metadata or {}).get("build_input_shape")
        if isinstance(model, keras.Model) and not model.built and shape is not None:
            model.build(shape)
    except ReinstateError:
        raise
    except Exception as error:  # whatever Keras, or a class of the caller's, makes of a config
        raise UnsupportedError(f"Keras cannot build the model from its config: {_keras.reason(error)}") from error
    if not isinstance(model, keras.Model):
        raise UnsupportedError(f"the config describes a {type(model).__name__}, not a model")
    return model


def _compile(model: Any, config: dict[str, Any]) -> None:
    _check_counts([config.get("metrics"), config.get("weighted_metrics")])
    try:
        model.compile_from_config(config)
        hand_logits(model)
    except ReinstateError:
        raise
    except Exception as error:  # as above
        raise UnsupportedError(f"Keras cannot compile the model as it was: {_keras.reason(error)}") from error


def _check_counts(value: Any) -> None:
    """Refuse numbers in the configs of metrics that would make them fill the memory: they count or pick things."""
    if isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            _check_counts(item)
    elif isinstance(value, int) and abs(value) > _COUNT_LIMIT:
        raise UnsupportedError(f"a metric of {value} thresholds or classes is beyond any use")


def require_built(model: Any) -> None:
    """Make sure that the model has variables.

    Raises:
        UnsupportedError: it has not been built.
    """
    if not model.built:
        raise UnsupportedError(f"model {model.name!r} has no weights yet: call it once, or its build, before")


def load_weights_into(model: Any, archive: Archive, options: LoadOptions | None = None) -> list[str]:
    """Put the archive's weights, and where the model is compiled its optimizer state, into a model that is there.

    Raises:
        MismatchError: they do not fit; nothing has been changed then.
    """
    options = options or LoadOptions()
    require_built(model)
    archive, plain_losses = without_cudnn(archive)
    placed = place(archive, model)
    unexpected = unplaced(archive, model, placed)
    losses = [*plain_losses, *require(placed, options, unexpected)]
    if model.compiled and model.optimizer is not None and archive.layout is Layout.ATTRIBUTES:
        losses += place_optimizer(archive, model, placed)
    if not options.experimental_skip_checkpoint:
        _fill(model, archive, placed)
        losses += unexpected
    return losses


def load_layers_by_name(
    model: Any, archive: Archive, skip_mismatch: bool = False, options: LoadOptions | None = None
) -> list[str]:
    """Put the weights of an HDF5 file into the layers of the same names; return what was skipped.

    Raises:
        UnsupportedError: the archive does not list weights by layer.
        MismatchError: what has the same name does not fit, and is not to be skipped; nothing has been changed then.
    """
    if archive.layout is not Layout.POSITIONS:
        raise UnsupportedError(f"by_name is for HDF5 files; a {archive.format} is loaded by its structure only")
    require_built(model)
    archive, _ = without_cudnn(archive)
    placed, losses = place_layers(archive, model)
    differences = placed.take()
    if (options or LoadOptions()).experimental_skip_checkpoint:
        return []
    if differences and not skip_mismatch:
        raise MismatchError("the weights in the file do not fit the model's layers of the same names:", differences)
    _fill(model, archive, placed)
    return [*losses, *(f"skipped {difference}" for difference in differences)]


def _fill(model: Any, archive: Archive, placed: Placed) -> None:
    restore(archive, placed)
    _keras.finalize(model)
