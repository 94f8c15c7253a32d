"""What is traced for a signature: a call, the inputs it takes and the variables it may read.

Of a model that is its prediction, under the names that tf.keras gives to inputs and outputs; of functions what their
``input_signature`` says.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import keras

from reinstate import dtypes
from reinstate.archive.model import TensorSpec
from reinstate.errors import UnsupportedError, where
from reinstate.functions import SpecifiedFunction
from reinstate.live import _keras

DEFAULT = "serving_default"
_RESERVED = "__saved_model_"  # names of TensorFlow's own begin so


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A function to trace: ``call`` takes arrays by the names in ``inputs``, gives arrays by name.

    ``variables`` are those that it is known to read; tracing it finds the others. ``batch`` says that the first
    dimensions of its inputs, where they are open, are one and the same. ``doubts`` are what was assumed of it.
    """

    call: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    inputs: Mapping[str, TensorSpec]
    variables: Sequence[Any] = ()
    batch: bool = True
    doubts: tuple[str, ...] = ()


def default_endpoint(model: Any) -> Endpoint:
    """What a model predicts, by the names of its inputs and outputs.

    Raises:
        UnsupportedError: the model's inputs are not known, or no arrays.
    """
    graph = _keras.graph_of(model)
    if graph is None:
        return _called_endpoint(model)
    inputs = {tensor_name: _spec(tensor_name, tensor) for tensor_name, tensor in _keras.named_inputs(graph)}

    def call(arrays: Mapping[str, Any]) -> Mapping[str, Any]:
        given = keras.tree.pack_sequence_as(_keras.input_structure(graph), [arrays[name] for name in inputs])
        found = model(given, training=False)
        return dict(zip(_unique(_keras.output_names(graph)), _keras.flatten(found), strict=True))

    return Endpoint(call, inputs, model.variables)


def _called_endpoint(model: Any) -> Endpoint:
    """What a subclassed model predicts of inputs like those that it was built or first called with."""
    shapes = _keras.built_shapes(model)
    if not shapes:
        raise UnsupportedError("the inputs of the model are not known: call it once before it is saved")
    found = dict(_pseudo_names(shapes[0] if len(shapes) == 1 else shapes, "input_"))
    dtype = keras.backend.standardize_dtype(model.input_dtype)
    inputs = {name: _spec(name, keras.KerasTensor((None, *shape[1:]), dtype)) for name, shape in found.items()}
    settings = {"training": False} if _keras.takes_training(model) else {}

    def call(arrays: Mapping[str, Any]) -> Mapping[str, Any]:
        remaining = iter([arrays[name] for name in inputs])
        return dict(_pseudo_names(model(*_filled(shapes, remaining), **settings), "output_"))

    doubt = f"what types {', '.join(inputs)} have is not known of a subclassed model: {dtype} is taken"
    return Endpoint(call, inputs, model.variables, doubts=(doubt,))


def _is_shape(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(size is None or isinstance(size, int) for size in value)


def _filled(shapes: Any, arrays: Iterator[Any]) -> Any:
    """The structure of shapes with arrays in their places; dictionaries in the order of their keys."""
    if _is_shape(shapes):
        return next(arrays)
    if isinstance(shapes, Mapping):
        filled = {key: _filled(shapes[key], arrays) for key in sorted(shapes)}
        return {key: filled[key] for key in shapes}
    return [_filled(each, arrays) for each in shapes]


def _pseudo_names(structure: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Names as tf.keras gives them to what a subclassed model takes and gives: ``output_1``, or ``key``, ``key_1``."""
    for path, value in _paths(structure):
        name = "_".join(map(str, path)) or "1"
        yield name if path and isinstance(path[0], str) else prefix + name, value


def _paths(structure: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """What is nested, by keys and numbers from 1 on."""
    if isinstance(structure, Mapping):
        for key in sorted(structure):
            yield from _paths(structure[key], (*path, str(key)))
    elif isinstance(structure, list | tuple) and not _is_shape(structure):
        for number, each in enumerate(structure, 1):
            yield from _paths(each, (*path, number))
    else:
        yield path, structure


def _spec(name: str, tensor: Any) -> TensorSpec:
    if tensor.dtype == "string":
        raise UnsupportedError(f"the input {name} is of strings, which JAX has not")
    if getattr(tensor, "sparse", False):
        raise UnsupportedError(f"the input {name} is sparse")
    return TensorSpec(name, dtypes.from_name(keras.backend.standardize_dtype(tensor.dtype)), tuple(tensor.shape))


def _unique(names: Sequence[str]) -> list[str]:
    """Names as tf.keras tells them apart: ``dense``, ``dense_1``."""
    taken: dict[str, int] = {}
    result = []
    for name in names:
        number = taken[name] = taken.get(name, -1) + 1
        result.append(f"{name}_{number}" if number else name)
    return result


def endpoints(model: Any, signatures: Any) -> dict[str, Endpoint]:
    """The endpoints of ``signatures``: a function, or several by name; of the model itself where it is None.

    Raises:
        UnsupportedError: some are no functions, or their inputs are not known; names all.
    """
    if signatures is None:
        with where(DEFAULT):
            return {DEFAULT: default_endpoint(model)}
    given = signatures if isinstance(signatures, Mapping) else {DEFAULT: signatures}
    found, offenders = {}, []
    for name, function in given.items():
        try:
            found[name] = _endpoint(name, function)
        except UnsupportedError as error:
            offenders += [f"{name!r}: {item}" for item in (error.offenders or [str(error)])]
    if offenders:
        raise UnsupportedError("these signatures cannot be saved:", offenders)
    return found


def _endpoint(name: Any, function: Any) -> Endpoint:
    if not isinstance(name, str) or not name or name.startswith(_RESERVED):
        raise UnsupportedError("this is no name for a signature")
    if not callable(function):
        raise UnsupportedError(f"{function!r:.100} cannot be called")
    if not isinstance(function, SpecifiedFunction):
        raise UnsupportedError(
            f"{_name(function)} says nothing of its inputs: use reinstate.function(fn, input_signature)"
        )
    return function_endpoint(function)


def function_endpoint(function: SpecifiedFunction) -> Endpoint:
    """A function's endpoint: its inputs by the names of its parameters or specs, its outputs by their keys.

    Raises:
        UnsupportedError: parameters and specs do not fit, or there are specs that are none; names all.
    """
    hints, offenders, specs = _named_specs(function), [], []
    names = _unique([_own_name(spec) or hint for hint, spec in hints])
    for name, (_, spec) in zip(names, hints, strict=True):
        try:
            specs.append(_function_spec(name, spec))
        except UnsupportedError as error:
            offenders.append(str(error))
    if len(set(names)) < len(names):
        offenders.append(f"names of inputs that are not unique: {', '.join(names)}")
    if offenders:
        raise UnsupportedError(f"{_name(function.fn)}:", offenders)
    structure = list(function.input_signature)

    def call(arrays: Mapping[str, Any]) -> Mapping[str, Any]:
        return _named_outputs(function.fn(*keras.tree.pack_sequence_as(structure, [arrays[name] for name in names])))

    return Endpoint(call, dict(zip(names, specs, strict=True)), batch=False)


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", None) or getattr(function, "name", None) or repr(function)[:100])


def _named_specs(function: SpecifiedFunction) -> list[tuple[str, Any]]:
    """All specs, each with the name of the parameter that it is of.

    Raises:
        UnsupportedError: the function cannot be called with as many arguments.
    """
    fn = function.fn.call if isinstance(function.fn, keras.layers.Layer) else function.fn
    try:
        signature = inspect.signature(fn)
    except ValueError:  # one that is not written in Python: nobody knows its parameters
        signature = inspect.signature(lambda *args: None)
    try:
        bound = signature.bind(*function.input_signature).arguments
    except TypeError as error:
        count = len(function.input_signature)
        raise UnsupportedError(f"{_name(function.fn)}{signature} does not take {count} inputs: {error}") from None
    named = []
    for name, value in bound.items():
        several = signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
        for hint, structure in [(f"{name}_{i}", each) for i, each in enumerate(value)] if several else [(name, value)]:
            named += [(hint, spec) for spec in _keras.flatten(structure)]
    return named


def _own_name(spec: Any) -> str | None:
    """The name that somebody gave to a spec."""
    name = getattr(spec, "name", None)
    invented = isinstance(spec, keras.KerasTensor) and re.fullmatch(r"keras_tensor(_\d+)?", str(name))
    return None if invented or not isinstance(name, str) else name


def _function_spec(name: str, spec: Any) -> TensorSpec:
    if not isinstance(spec, keras.InputSpec | jax.ShapeDtypeStruct | keras.KerasTensor):
        raise UnsupportedError(f"the input {name} is {spec!r:.100}, which is no spec")
    if isinstance(spec, keras.KerasTensor):
        return _spec(name, spec)
    shape = spec.shape
    if shape is None and getattr(spec, "ndim", None) is not None:
        shape = (None,) * spec.ndim
    if shape is None or not all(size is None or isinstance(size, int) for size in shape):
        raise UnsupportedError(f"the input {name} is of the shape {shape}; sizes and None are wanted")
    try:
        dtype = keras.backend.standardize_dtype(spec.dtype)
    except ValueError:
        raise UnsupportedError(f"the input {name} is of the type {spec.dtype}") from None
    return _spec(name, keras.KerasTensor(shape, dtype))


def _named_outputs(found: Any) -> dict[str, Any]:
    """What a function gives, by name.

    Raises:
        UnsupportedError: some of it is no tensor, or has no name; names all.
    """
    if isinstance(found, Mapping):
        named = dict(found)
    else:
        several = found if isinstance(found, list | tuple) else [found]
        named = {f"output_{i}": value for i, value in enumerate(several)}
    offenders = [f"{key!r} is no text" for key in named if not isinstance(key, str)]
    offenders += [f"{key!r} is {value!r:.100}" for key, value in named.items() if not _keras.is_array(value)]
    if offenders:
        raise UnsupportedError("a tensor, a list or a dictionary of tensors is wanted as output:", offenders)
    return named
