"""Layers and models without a class: what they compute comes from the functions that were saved with them.

A revived object is of a class of its own, named like the one that is not there; its ``call`` has the parameters that
the function had. It knows how to be called and which variables it has; ``revival`` makes it and puts these in place.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import keras

from reinstate.archive.functions import REQUIRED
from reinstate.archive.model import Function
from reinstate.errors import CorruptError, LossyWarning, MismatchError, UnsupportedError, where
from reinstate.graph.rules import UnknownValueError
from reinstate.graph.variables import KEY, substituted
from reinstate.live import _keras
from reinstate.live.concrete import Callables, PolymorphicFunction
from reinstate.live.matching import described
from reinstate.live.shapes import first_dtype, symbolic, tensors_of, traced_spec, zeros

_WITHOUT = "layer was saved without config"  # tf.keras' key for that


class Handle:
    """A variable as graphs see it: that of Keras once there is one, zeros before, while shapes are traced."""

    __slots__ = ("_dtype", "_node", "_shape", "_variables")

    def __init__(self, variables: Mapping[int, Any], node: int, shape: Sequence[int], dtype: str) -> None:
        self._variables = variables
        self._node = node
        self._shape = tuple(shape)
        self._dtype = dtype

    @property
    def value(self) -> Any:
        """The value now."""
        variable = self._variables.get(self._node)
        return keras.ops.zeros(self._shape, self._dtype) if variable is None else variable.value

    def assign(self, value: Any) -> Any:
        """Take on another value."""
        variable = self._variables.get(self._node)
        return value if variable is None else variable.assign(value)


_with_functions = ContextVar("_with_functions", default=False)


@contextmanager
def saved_with_functions() -> Iterator[None]:
    """A scope in which layers are described for a file that has their functions, and so needs no config of them."""
    token = _with_functions.set(True)
    try:
        yield
    finally:
        _with_functions.reset(token)


@dataclass(slots=True)
class Stored:
    """What the file has for a revived object. ``weights`` and ``states`` are filled in when the variables are there."""

    node: int
    identifier: str  # of the node
    metadata: Mapping[str, Any]
    function: PolymorphicFunction | None
    with_losses: bool  # the function gives (outputs, losses)
    signature: inspect.Signature
    methods: dict[str, Callable[..., Any]] = field(default_factory=dict)
    weights: list[Any] = field(default_factory=list)
    states: list[Any] = field(default_factory=list)
    dropped_masks: bool = False  # and it was said so
    source: Any = None  # the ``Revival`` that made it


@contextmanager
def running(generator: Any = None) -> Iterator[None]:
    """A scope for running functions on Keras variables; random numbers come from Keras' generator."""
    drawn = ([KEY], [keras.ops.cast(generator.next(), "uint32")]) if generator is not None else ([], [])
    with _keras.no_autocast(), substituted(*drawn):
        yield


class Method:
    """A function of the file on a revived object; it draws random numbers from the object's generator."""

    def __init__(self, function: Callables, generator: Any = None) -> None:
        self.function = function
        self._generator = generator

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it, with arrays or what Keras takes for such."""
        with running(self._generator):
            return self.function(*args, **kwargs)


class Penalty(keras.Regularizer):  # type: ignore[misc]
    """The penalties on a variable that were saved as functions, which read the variable themselves."""

    def __init__(self, functions: list[Method]) -> None:
        self.functions = functions

    def __call__(self, x: Any) -> Any:
        """Their sum."""
        return sum(function() for function in self.functions)


class OfFunctions:
    """Layers that consist of functions out of a file: no config says how to make them."""

    name: str


class Revived(OfFunctions):
    """What revived layers and models have in common; it stands before Keras' class."""

    stored: Stored
    seed_generator: Any = None

    def __getattr__(self, name: str) -> Any:
        """Functions that were attributes of the object."""
        stored = vars(self).get("stored")
        if stored is not None and name in stored.methods:
            return stored.methods[name]
        raise AttributeError(f"the revived {type(self).__name__} has no {name!r}")

    def run(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Call the function that was saved, and add the losses that it gives."""
        stored = self.stored
        if stored.function is None:
            raise UnsupportedError(
                f"{self._label()} was saved without its functions (save_traces=False, or it was never called): "
                "pass its class in custom_objects"
            )
        with where(self._label()), running(self.seed_generator):
            concrete, tensors = self._chosen(stored.function, *_bound(stored.signature, args, kwargs))
            result = concrete.run(tensors)
        if not stored.with_losses:
            return result
        outputs, losses = result
        for loss in keras.tree.flatten(losses):
            self.add_loss(loss)
        return outputs

    def _label(self) -> str:
        return f"layer {getattr(self, 'name', '')!r} ({type(self).__name__})"

    def _chosen(self, function: PolymorphicFunction, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """The trace for these arguments; for those without masks where none was traced with them."""
        found = function.find(args, kwargs)
        if found is None:
            names = [*self.stored.signature.parameters]
            bare = tuple(None if is_mask(name) else value for name, value in zip(names, args, strict=False))
            bare += args[len(names) :]
            found = function.find(bare, {k: None if is_mask(k) else v for k, v in kwargs.items()})
            if found is not None:
                self._warn_of_masks()
        if found is None:
            there = [f"{described(f.trace.arguments[0])} {described(f.trace.arguments[1])}" for f in function.concrete]
            raise MismatchError(f"it was not saved for {described(args)} {described(dict(kwargs))}; it was for:", there)
        return found

    def _warn_of_masks(self) -> None:
        """Say once that a mask has no effect."""
        if not self.stored.dropped_masks:
            self.stored.dropped_masks = True
            loss = "the mask: the function was saved for calls without one"
            warnings.warn(LossyWarning(f"called {self._label()}", [loss]), stacklevel=2)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The shapes and dtypes of the outputs, for symbolic inputs; open dimensions stay open."""
        try:
            return traced_spec(lambda *a, **k: self.run(a, k), args, kwargs)
        except UnknownValueError:
            return self._saved_spec(args, kwargs)

    def _saved_spec(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """What TensorFlow said of the outputs: for functions whose shapes depend on values."""
        function = self.stored.function
        assert function is not None
        filled = keras.tree.map_structure(zeros, (args, dict(kwargs)))
        concrete, _ = self._chosen(function, *_bound(self.stored.signature, *filled))
        results = concrete.trace.results[0] if self.stored.with_losses else concrete.trace.results
        return symbolic(results)

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The shapes of the outputs, for shapes (or structures of shapes) of the inputs."""
        specs = self.compute_output_spec(*self._inputs_of(args), **kwargs)
        return keras.tree.map_structure(lambda tensor: tensor.shape, specs)

    def _inputs_of(self, shapes: tuple[Any, ...]) -> list[Any]:
        """Symbolic inputs of these shapes, in the dtypes of the function's."""
        function = self.stored.function
        positional = function.concrete[0].trace.arguments[0] if function is not None else ()
        dtypes = [first_dtype(spec) for spec in positional]
        return [
            tensors_of(shape, dtypes[i] if i < len(dtypes) else keras.config.floatx()) for i, shape in enumerate(shapes)
        ]

    @property
    def weights(self) -> list[Any]:
        """The weights in the order in which they were saved."""
        return list(self.stored.weights)

    @property
    def variables(self) -> list[Any]:
        """The weights, and what else the functions read and write: states and seeds."""
        inner: list[Any] = super().variables  # type: ignore[misc]
        return list({id(v): v for v in (*self.stored.weights, *self.stored.states, *inner)}.values())

    def get_config(self) -> dict[str, Any]:
        """The config that was saved.

        Raises:
            NotImplementedError: there was none; the class did not say how it is made.
        """
        config = self.stored.metadata.get("config")
        if not isinstance(config, Mapping):
            config = {_WITHOUT: True}
        if _WITHOUT in config and not _with_functions.get():
            raise NotImplementedError(f"{type(self).__name__} was saved without a config")
        return dict(config)

    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None) -> Any:
        """A revived class cannot make another object: it has only the functions of this one.

        Raises:
            UnsupportedError: always.
        """
        raise UnsupportedError(f"{cls.__name__} came from its saved functions; a new one needs the class itself")


def is_mask(name: str) -> bool:
    """Whether a parameter is for masks, by its name."""
    return name == "mask" or name.endswith("_mask")


def _bound(signature: inspect.Signature, args: Any, kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], Any]:
    """Arguments with the defaults filled in, ``training`` true or false, and no structures of missing masks."""
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    for name, value in bound.arguments.items():
        if name == "training" and not hasattr(value, "shape"):
            bound.arguments[name] = bool(value)
        elif is_mask(name) and all(leaf is None for leaf in keras.tree.flatten(value)):
            bound.arguments[name] = None
    return bound.args, bound.kwargs


def call_signature(function: Function, expects_training: bool) -> inspect.Signature:
    """How a function is called, without ``self``.

    Raises:
        CorruptError: parameters of such names cannot be.
    """
    names = [*function.parameters, *function.only_named]
    try:
        if not function.parameters:
            return inspect.Signature(_any_parameters(function, expects_training))
        return inspect.Signature([*_positional(function), *_only_named(function.only_named)])
    except ValueError as error:
        raise CorruptError(f"a function with the parameters {names}: {error}") from error


def _positional(function: Function) -> Iterator[inspect.Parameter]:
    optional = False
    for name in function.parameters:
        optional |= name in function.defaults
        default = function.defaults.get(name) if optional else inspect.Parameter.empty
        yield inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default)


def _only_named(named: Mapping[str, Any]) -> Iterator[inspect.Parameter]:
    for name, value in named.items():
        default = inspect.Parameter.empty if value is REQUIRED else value
        yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)


def _any_parameters(function: Function, expects_training: bool) -> list[inspect.Parameter]:
    """Of a function that does not say what its positional arguments are."""
    named = {**({"training": None} if expects_training else {}), **function.only_named}
    first = inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)
    return [first, *_only_named(named), inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD)]


def revived_class(name: str, base: type, signature: inspect.Signature) -> type:
    """A class that stands for one that is not there; ``call`` has the function's parameters."""

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self.run(args, kwargs)

    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    parameters = [*signature.parameters.values()]
    if any(p.kind == p.POSITIONAL_OR_KEYWORD for p in parameters):
        own = own.replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD)
    call.__signature__ = signature.replace(parameters=[own, *parameters])  # type: ignore[attr-defined]
    doc = f"Stands for the class {name}, which is not there: it computes what was saved of it."
    return type(name, (Revived, base), {"call": call, "__doc__": doc, "__module__": __name__})


def revived_in(model: Any) -> list[str]:
    """The layers of a model that consist of functions, and itself if it is one: their names and classes."""
    return [
        f"{layer.name} ({type(layer).__name__})" for layer in _keras.all_layers(model) if isinstance(layer, OfFunctions)
    ]
