"""The table of functions, and what all of them need: TF's rules for constants and dtypes, and shapes that are known.

A function is written with TF's parameter names and defaults: its signature is its schema. What is elementwise is a row.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

from reinstate.errors import UnsupportedError

_UNREADABLE = (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError)


@dataclass(frozen=True, slots=True)
class Function:
    """A symbol of TF with what computes it; a parameter that ends in ``?`` may be left out."""

    symbol: str
    parameters: tuple[str, ...]
    run: Callable[..., Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Apply it; what follows from shapes and constants alone stays a numpy array, so that shapes stay static.

        Raises:
            UnsupportedError: a shape, an axis or a count depends on values that are not known before the model runs.
        """
        kwargs.pop("name", None)
        try:
            if _is_known((args, kwargs)):
                with jax.ensure_compile_time_eval():
                    return keras.tree.map_structure(np.asarray, self.run(*args, **kwargs))
            return self.run(*args, **kwargs)
        except _UNREADABLE as error:
            raise UnsupportedError(
                f"tf.{self.symbol} has an argument that must be known before the model runs"
            ) from error


FUNCTIONS: dict[str, Function] = {}


def function(*symbols: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Put a Python function into the table under each of its symbols."""

    def enter(run: Callable[..., Any]) -> Callable[..., Any]:
        parameters = tuple(
            name if parameter.default is parameter.empty else f"{name}?"
            for name, parameter in inspect.signature(run).parameters.items()
        )
        for symbol in symbols:
            FUNCTIONS[symbol] = Function(symbol, parameters, run)
        return run

    return enter


def unary(parameter: str, rows: Mapping[str, Callable[[Any], Any]]) -> None:
    """Enter elementwise functions of one tensor; blank-separated symbols share a row."""
    for symbols, compute in rows.items():
        _enter(symbols, (parameter,), lambda x, compute=compute: compute(tensor(x)))


def binary(first: str, second: str, rows: Mapping[str, Callable[[Any, Any], Any]]) -> None:
    """Enter elementwise functions of two tensors, which broadcast; a constant takes the other's dtype."""
    for symbols, compute in rows.items():
        _enter(symbols, (first, second), lambda x, y, compute=compute: compute(*alike(x, y)))


def _enter(symbols: str, parameters: tuple[str, ...], compute: Callable[..., Any]) -> None:
    def run(*args: Any, **kwargs: Any) -> Any:
        return compute(*args, *(kwargs[name] for name in parameters[len(args) :]))

    for symbol in symbols.split():
        FUNCTIONS[symbol] = Function(symbol, parameters, run)


def _is_known(arguments: Any) -> bool:
    arrays = [leaf for leaf in keras.tree.flatten(arguments) if is_tensor(leaf)]
    return bool(arrays) and all(isinstance(array, np.ndarray | np.generic) for array in arrays)


def is_tensor(value: Any) -> bool:
    """Whether a value is an array, known or traced, and not a number or a list in a config."""
    return isinstance(value, np.ndarray | np.generic | jax.Array)


def dtype_of(name: Any) -> Any:
    """The dtype of this name, as JAX has it: without x64, 64 bits are 32."""
    return jax.dtypes.canonicalize_dtype(jnp.dtype(name))


def tensor(value: Any, like: Any = None) -> Any:
    """An array of a constant, of the dtype ``like`` or what TF makes of it; an array as it is."""
    if is_tensor(value):
        return value
    if any(is_tensor(leaf) for leaf in keras.tree.flatten(value)):
        return jnp.stack([tensor(item, like) for item in alike(*value)])
    array = np.asarray(value)
    if like is None:
        like = {"f": np.float32, "i": np.int32}.get(array.dtype.kind, array.dtype)
    return jnp.asarray(array, like)


def alike(*values: Any) -> tuple[Any, ...]:
    """The values as arrays of one dtype: that of the first array among them. TF does not promote."""
    flat = [leaf for value in values for leaf in keras.tree.flatten(value) if is_tensor(leaf)]
    if not flat:
        return tuple(map(tensor, values))
    return tuple(jnp.asarray(tensor(value, flat[0].dtype), flat[0].dtype) for value in values)


def shape(value: Any) -> tuple[int, ...]:
    """The numbers of a shape, a permutation or a list of counts: a list of ints and scalars, or an array of ints."""
    if is_tensor(value) and not isinstance(value, np.generic) and value.ndim:
        return tuple(int(size) for size in np.asarray(value))
    return tuple(int(size) for size in value) if isinstance(value, Sequence) else (int(value),)


def axes(value: Any) -> tuple[int, ...] | int | None:
    """The axes of a reduction: one, several, or None for all."""
    if value is None or isinstance(value, int):
        return value
    return shape(value)
