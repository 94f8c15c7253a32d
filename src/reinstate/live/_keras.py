"""Every name of Keras that is not public, in one place, proven against the oldest and the newest that we claim."""

from __future__ import annotations

import inspect
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras.src import api_export
from keras.src.backend.common.variables import AutocastScope
from keras.src.models.functional import Functional as Functional
from keras.src.saving import saving_lib
from keras.src.trainers.compile_utils import CompileMetrics
from keras.src.utils.module_utils import tensorflow

from reinstate.errors import UnsupportedError

Initializer = Callable[..., Any]

# Where a layer or model lists variables and layers that stand under names of their own, too.
_BOOKKEEPING = frozenset(
    {
        "_trainable_variables",
        "_non_trainable_variables",
        "_layers",
        "_seed_generators",
        "_operations",
        "_operations_by_depth",
        "_functional",
    }
)


class _Deferral:
    """Stands in for the variables' own initialization while some thread asks for it; other threads notice nothing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._local = threading.local()

    def enter(self) -> list[tuple[Any, Initializer]]:
        created: list[tuple[Any, Initializer]] = []
        self._local.created = [*getattr(self._local, "created", []), created]
        with self._lock:
            self._users += 1
            if self._users == 1:
                self._install()
        return created

    def leave(self) -> None:
        self._local.created = self._local.created[:-1]
        with self._lock:
            self._users -= 1
            if self._users == 0:
                keras.Variable._initialize_with_initializer = self._original
                keras.Variable._convert_to_tensor = self._original_convert

    def _install(self) -> None:
        original = self._original = keras.Variable._initialize_with_initializer
        local = self._local

        def initialize(variable: Any, initializer: Initializer) -> None:
            if not getattr(local, "created", None):
                original(variable, initializer)
                return
            if hasattr(variable, "_initialize_layout"):
                variable._initialize_layout()
            variable._value = None
            variable._initializer = _zeros
            local.created[-1].append((variable, initializer))

        convert = self._original_convert = keras.Variable._convert_to_tensor

        def convert_to_tensor(variable: Any, value: Any, dtype: Any = None) -> Any:
            if getattr(local, "created", None) and type(value) in (int, float) and isinstance(dtype, str):
                value = jax.device_put(np.asarray(value, jnp.dtype(dtype)))
            return convert(variable, value, dtype)

        keras.Variable._initialize_with_initializer = initialize
        # A number would be cast by JAX, which compiles a program for it: 0.1 s for an optimizer's first two.
        keras.Variable._convert_to_tensor = convert_to_tensor


_deferral = _Deferral()


@contextmanager
def deferred_initializers() -> Iterator[list[tuple[Any, Initializer]]]:
    """In this thread, create variables without running their initializers; give the list of (variable, initializer).

    The random numbers of a ResNet50 cost seconds and would be thrown away. Until a variable is given its value
    (``assign``) or its initializer (``run_initializer``) it reads as zeros, which cost nothing while shapes are traced.
    """
    created = _deferral.enter()
    try:
        yield created
    finally:
        _deferral.leave()


def _zeros(shape: Sequence[int], dtype: Any = None) -> Any:
    return jnp.zeros(shape, None if dtype is None else jax.dtypes.canonicalize_dtype(jnp.dtype(dtype)))


def run_initializer(variable: Any, initializer: Initializer) -> None:
    """Give a deferred variable the value that Keras would have given it."""
    variable._initializer = None
    variable._initialize_with_initializer(initializer)


def assign(variables: Sequence[Any], values: Sequence[Any]) -> None:
    """Put arrays of the variables' own shapes and dtypes in place, without a copy where JAX can do without."""
    for variable, value in zip(variables, jax.device_put(list(values)), strict=True):
        variable._direct_assign(value)
        variable._initializer = None


_serializing = threading.RLock()


def serialize(thing: Any) -> dict[str, Any]:
    """What Keras says of a layer or a model, whole: before 3.12 it leaves ``output_padding`` out."""
    (owner,) = (each for each in keras.layers.Conv2DTranspose.__mro__ if each.__name__ == "BaseConvTranspose")
    original = owner.get_config

    def get_config(layer: Any) -> dict[str, Any]:
        return {"output_padding": layer.output_padding, **original(layer)}

    with _serializing:
        owner.get_config = get_config
        try:
            config: dict[str, Any] = keras.saving.serialize_keras_object(thing)
        finally:
            owner.get_config = original
    return config


def bookkeeping(name: str) -> bool:
    """Whether an attribute of a layer is Keras' own record of what stands under another name, too."""
    return name in _BOOKKEEPING


def own_layers(layer: Any) -> list[Any]:
    """The layers directly in this one, in the order in which they were attached."""
    return list(layer._layers)


def is_functional(model: Any) -> bool:
    """Whether the model is a graph of layers (not a Sequential)."""
    return isinstance(model, keras.Model) and not isinstance(model, keras.Sequential) and hasattr(model, "_operations")


def resolved_metrics(model: Any) -> tuple[list[Any], list[Any]] | None:
    """The metric objects per output that a built model's strings became: (metrics, weighted metrics)."""
    compiled: CompileMetrics | None = model._compile_metrics
    if compiled is None or not compiled.built:
        return None
    return _unpack(compiled._flat_metrics), _unpack(compiled._flat_weighted_metrics)


def _unpack(lists: Iterable[Any]) -> list[Any]:
    return [None if item is None else list(getattr(item, "metrics", [item])) for item in lists]


def build_metrics(model: Any) -> None:
    """Build the compiled metrics and losses where it can be done without a batch of targets, so that they have state.

    That is where all of them are objects or names that no target's shape decides, and the model's outputs are known.
    """
    outputs = getattr(getattr(model, "_functional", None) or model, "_outputs_struct", None)
    if outputs is None:
        return
    metrics, loss = model._compile_metrics, model._compile_loss
    if metrics is not None and not metrics.built:
        given = keras.tree.flatten([metrics._user_metrics, metrics._user_weighted_metrics])
        if all(item is None or isinstance(item, keras.metrics.Metric) for item in given):
            metrics.build(outputs, outputs)
    if loss is not None and not loss.built:
        given = keras.tree.flatten(loss._user_loss)
        if len(keras.tree.flatten(outputs)) > 1 and all(
            item is not None and item not in ("crossentropy", "ce") for item in given
        ):
            loss.build(outputs, outputs)
    if metrics is not None and metrics.built:
        for output, *listed in zip(
            keras.tree.flatten(outputs), metrics._flat_metrics, metrics._flat_weighted_metrics, strict=False
        ):
            _build_waiting([metric for each in listed for metric in getattr(each, "metrics", ())], output.shape)


def _build_waiting(metrics: Iterable[Any], shape: Sequence[int | None]) -> None:
    """Give those metrics their variables that wait for the width of their first batch (F1Score, R2Score, AUC)."""
    for metric in metrics:
        if not getattr(metric, "_built", True) and len(shape) == 2 and shape[-1] is not None:
            shapes = [shape] if isinstance(metric, keras.metrics.AUC) else [shape, shape]
            metric._build(*shapes)


def named_metrics(model: Any) -> list[tuple[str, Any]]:
    """The metrics of a compiled model by tf.keras' names: the loss, compiled ones, the losses per output."""
    found = [] if model._loss_tracker is None else [(model._loss_tracker.name, model._loss_tracker)]
    compiled = model._compile_metrics
    if compiled is not None and compiled.built:
        for listed in (*compiled._flat_metrics, *compiled._flat_weighted_metrics):
            prefix = f"{listed.output_name}_" if getattr(listed, "output_name", None) else ""
            found += [(prefix + metric.name, metric) for metric in getattr(listed, "metrics", ())]
    if model._compile_loss is not None:
        found += [(metric.name, metric) for metric in model._compile_loss.metrics]
    return found


def compiled_loss(model: Any) -> Any:
    """The losses as they were given to ``compile``: one, or a structure of them."""
    return model._compile_config.config.get("loss")


def loss_settings(loss: Any) -> dict[str, Any]:
    """The arguments of a loss that its ``get_config`` leaves out (``delta`` of Huber, ``axis`` of CosineSimilarity)."""
    known = inspect.signature(type(loss)).parameters
    return {key: value for key, value in getattr(loss, "_fn_kwargs", {}).items() if key in known}


def optimizer_variables(optimizer: Any) -> list[Any]:
    """All variables of the optimizer, in Keras' own order."""
    return list(optimizer.variables)


def optimizer_targets(optimizer: Any) -> list[Any]:
    """The model's variables that a built optimizer updates, in the order of its slots."""
    return list(getattr(optimizer, "inner_optimizer", optimizer)._trainable_variables)


def learning_rate(optimizer: Any) -> Any:
    """The optimizer's learning rate as it holds it: a variable, or a schedule."""
    return getattr(optimizer, "inner_optimizer", optimizer)._learning_rate


def numpy_dtype(variable: Any) -> np.dtype[Any]:
    """The numpy dtype of a variable's values, bfloat16 and float8 included."""
    dtype: np.dtype[Any] = jnp.dtype(variable._dtype)
    return dtype


def has_64_bits() -> bool:
    """Whether JAX keeps values of 64 bits as they are."""
    return jax.dtypes.canonicalize_dtype(np.float64) == np.float64


def value(variable: Any) -> np.ndarray[Any, Any]:
    """The variable's value as a numpy array, without a copy where JAX has it in the host's memory.

    Without x64 JAX holds float64 and int64 in half their size: such a value is widened to what the variable is.
    """
    held = np.asarray(variable._value if variable._value is not None else variable.value)
    dtype = numpy_dtype(variable)
    return held.astype(dtype) if dtype.itemsize > held.itemsize else held


def takes_training(layer: Any) -> bool:
    """Whether the layer's ``call`` has a ``training`` argument."""
    return bool(
        getattr(layer, "_call_has_training_arg", False) or "training" in getattr(layer, "call_signature_parameters", ())
    )


def iterations(optimizer: Any) -> Any:
    """The variable that counts the optimizer's steps (batches, where gradients are accumulated)."""
    return (
        inner._iterations
        if (inner := getattr(optimizer, "inner_optimizer", None)) is not None
        else optimizer._iterations
    )


def load_native(path: Path, custom_objects: Mapping[str, Any] | None, compile: bool, safe_mode: bool) -> Any:
    """Keras' own loading of a ``.keras`` archive, whatever ``register`` has put in the place of its name."""
    return saving_lib.load_model(path, custom_objects=custom_objects, compile=compile, safe_mode=safe_mode)


def save_native(model: Any, path: Path) -> None:
    """Keras' own saving of a ``.keras`` archive."""
    saving_lib.save_model(model, path)


def load_native_weights(model: Any, path: str, skip_mismatch: bool = False) -> list[str]:
    """Keras' own loading of its own weights files; returns its warnings of what it skipped."""
    if not skip_mismatch:
        saving_lib.load_weights_only(model, path)
        return []
    with warnings.catch_warnings(record=True) as skipped:
        warnings.simplefilter("always")
        saving_lib.load_weights_only(model, path, skip_mismatch=True)
    return [" ".join(str(warning.message).split()) for warning in skipped]


def output_names(model: Any) -> tuple[str, ...]:
    """The names of a model's outputs, by which ``compile`` and ``evaluate`` know them; none for a subclassed model."""
    return tuple(getattr(model, "output_names", None) or ())


def input_shape(layer: Any) -> Any:
    """The shape, or structure of shapes, that the layer was first called with in a graph; None where it is in none."""
    if not getattr(layer, "_inbound_nodes", None):
        return None
    return keras.tree.map_structure(lambda tensor: tuple(tensor.shape), layer.input)


def require_jax() -> None:
    """Make sure that Keras runs on JAX.

    Raises:
        UnsupportedError: it runs on another backend.
    """
    backend = keras.backend.backend()
    if backend != "jax":
        raise UnsupportedError(
            f"Keras runs on {backend}; reinstate works on JAX: set KERAS_BACKEND=jax before Keras is imported"
        )


def finalize(model: Any) -> None:
    """Let layers take up values that were put in place behind them, as Keras does after loading (``Normalization``)."""
    for layer in model._flatten_layers():
        # A Discretization would make its boundaries anew, of the data that is in no file.
        if hasattr(layer, "finalize_state") and not isinstance(layer, keras.layers.Discretization):
            layer.finalize_state()


@contextmanager
def deep_graphs(depth: int) -> Iterator[None]:
    """Keras walks a model's graph by recursion, a few calls to a layer: let it go as deep as the model is."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 1000 + 10 * depth))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def has_value(variable: Any) -> bool:
    """Whether a variable whose initializer was deferred has been given a value."""
    return variable._value is not None


def reason(error: Exception) -> str:
    """What Keras says is wrong, without the whole config that it says it of."""
    text = str(error)
    for mark in ("Exception encountered: ", "Exception encountered:\n"):
        text = text.rpartition(mark)[2]
    first = text.strip().partition("\n")[0]
    return first if len(first) <= 400 else f"{first[:400]} ..."


def take_anything(layer: Any) -> None:
    """Let a layer be called with what is no tensor, strings above all, as it is."""
    layer._convert_input_args = False
    layer._allow_non_tensor_positional_args = True


def graph_of(model: Any) -> Any:
    """The graph of a Functional or of a built Sequential; None of anything else."""
    if isinstance(model, keras.Sequential):
        return model._functional
    return model if is_functional(model) and model._inputs else None


def built_shapes(layer: Any) -> list[Any]:
    """The shapes that a layer was built with, for each argument nested as it is; none if it is not built."""
    return list((layer._build_shapes_dict or {}).values()) if layer.built else []


def graph_nodes(graph: Any) -> list[Any]:
    """The calls of layers in a graph, in an order in which they can be made; not those of its inputs."""
    by_depth = graph._nodes_by_depth
    return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth] if not node.is_input]


def input_keys(graph: Any) -> list[Any]:
    """The keys of a model's inputs where it takes a dictionary, else their names, in the order of ``inputs``."""
    struct = graph._inputs_struct
    if isinstance(struct, Mapping):
        return [path[0] for path, _ in keras.tree.flatten_with_path(struct)]
    return [tensor.name for tensor in graph.inputs]


def packed(graph: Any, outputs: Sequence[Any]) -> Any:
    """Outputs in the structure that the model has them in; a list of one is that one."""
    structure = keras.tree.pack_sequence_as(graph._outputs_struct, list(outputs))
    return structure[0] if isinstance(structure, list | tuple) and len(structure) == 1 else structure


def flatten(structure: Any) -> list[Any]:
    """The leaves of a structure, in Keras' order."""
    return list(keras.tree.flatten(structure))


def with_settings(operation: Any, settings: Mapping[str, Any]) -> Any:
    """A layer that is called with those of ``training`` and the like that it takes."""
    known = getattr(operation, "_call_has_context_arg", None)  # since 3.11
    if known is None:
        known = {"training": getattr(operation, "_call_has_training_arg", False)}
    taken = {name: value for name, value in settings.items() if value is not None and known.get(name)}
    return lambda *args, **kwargs: operation(*args, **{**kwargs, **taken})


def is_traced(value: Any) -> bool:
    """Whether the value is one of JAX's placeholders, which has no numbers to look at."""
    return isinstance(value, jax.core.Tracer)


def all_layers(model: Any) -> list[Any]:
    """The model and all layers in it."""
    return list(model._flatten_layers())


_standing_in = threading.RLock()


@contextmanager
def standing_in(layers: Mapping[str, Any]) -> Iterator[None]:
    """Where TensorFlow is not there, let these layers stand for those of the same names in Keras, which need it."""
    if tensorflow.available:
        yield
        return
    known = api_export.REGISTERED_NAMES_TO_OBJS
    names = {f"keras.layers.{name}": layer for name, layer in layers.items()}
    with _standing_in:
        originals = {name: known[name] for name in names if name in known}
        known.update(names)
        try:
            yield
        finally:
            known.update(originals)


def input_structure(model: Any) -> Any:
    """The inputs of a functional model as they are nested."""
    return model._inputs_struct


def named_inputs(model: Any) -> list[tuple[str, Any]]:
    """The inputs of a functional model by the names of their layers, in the order of the structure."""
    return [(tensor._keras_history[0].name, tensor) for tensor in model._inputs]


def output_structure(model: Any) -> Any:
    """The outputs of a functional model as they are nested."""
    return model._outputs_struct


def limit_outputs(model: Any, outputs: Any) -> None:
    """Let a functional model give only some of its outputs; it still runs all that leads to the others.

    As in tf.keras, the layers that lead to its outputs come first.
    """
    model._outputs_struct = outputs
    model._outputs = keras.tree.flatten(outputs)
    model.output_names = [tensor._keras_history[0].name for tensor in model._outputs]
    first = Functional(model._inputs_struct, outputs)._operations
    place = {id(operation): index for index, operation in enumerate(first)}
    last = len(place)
    model._operations = sorted(model._operations, key=lambda operation: place.get(id(operation), last))
    model._layers.sort(key=lambda layer: place.get(id(layer), last))


def with_mask_of(value: Any, other: Any) -> Any:
    """``other`` with the mask that Keras has put on ``value``, if any."""
    mask = getattr(value, "_keras_mask", None)
    if mask is not None:
        other._keras_mask = mask
    return other


def stored_variable(shape: Sequence[int], dtype: str, trainable: bool, path: str) -> Any:
    """A variable as a graph has it: read in its own dtype always, under the path that it was saved with."""
    name = path.rpartition("/")[2] or "variable"
    variable = keras.Variable(_zeros, shape=shape, dtype=dtype, trainable=trainable, autocast=False, name=name)
    variable._path = path or name
    return variable


def no_autocast() -> Any:
    """A scope in which variables are read in their own dtype, whatever Keras would cast them to."""
    return AutocastScope(None)


def take_constants(layer: Any) -> None:
    """Let a layer be called with numbers and the like at any position, as tf.keras does."""
    layer._allow_non_tensor_positional_args = True


def stateless() -> Any:
    """A scope in which what is assigned to variables is forgotten."""
    return keras.StatelessScope()


class RecordingScope(keras.StatelessScope):  # type: ignore[misc]
    """A stateless scope that remembers which variables are assigned in it, and which it was not given and had to be."""

    def __init__(self) -> None:
        super().__init__()
        self.missing: dict[int, Any] = {}
        self.assigned: dict[int, Any] = {}

    def give(self, variables: Iterable[Any], values: Iterable[Any]) -> None:
        """Let the variables have these values."""
        self.state_mapping.update((id(variable), value) for variable, value in zip(variables, values, strict=True))

    def get_current_value(self, variable: Any) -> Any:
        """What the scope has for a variable, if anything."""
        self._note(variable)
        return super().get_current_value(variable)

    def add_update(self, update: tuple[Any, Any]) -> None:
        """Take a new value for a variable."""
        self._note(update[0])
        self.assigned[id(update[0])] = update[0]
        super().add_update(update)

    def _note(self, variable: Any) -> None:
        if id(variable) not in self.state_mapping:
            self.missing[id(variable)] = variable


def is_array(value: Any) -> bool:
    """Whether it is an array, a Keras variable or a number."""
    return isinstance(value, jax.Array | np.ndarray | np.generic | keras.Variable | int | float | complex)


def shaped(shape: Sequence[int], dtype: str) -> Any:
    """What JAX traces for an array of this shape, and of Keras' dtype of this name."""
    kind: Any = jax.ShapeDtypeStruct
    return kind(tuple(shape), jax.dtypes.canonicalize_dtype(jnp.dtype(dtype)))
