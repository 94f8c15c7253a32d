"""What functions out of a file give for symbolic tensors: shapes, whose open dimensions stay open, and dtypes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import keras

from reinstate.archive.model import TensorSpec
from reinstate.errors import UnsupportedError
from reinstate.live import _keras
from reinstate.live.matching import described

# What an open dimension stands at while shapes are traced: two sizes, and what differs then is open, too.
_PROBES = 83, 89


def _is_symbolic(value: Any) -> bool:
    return isinstance(value, keras.KerasTensor)


def _shaped(value: Any, size: int) -> Any:
    """What jax traces a symbolic tensor as, its open dimensions of this size."""
    if not _is_symbolic(value):
        return value
    return _keras.shaped(tuple(size if n is None else n for n in value.shape), value.dtype)


def zeros(value: Any) -> Any:
    """Zeros for a symbolic tensor, its open dimensions of some size; any other value as it is."""
    held = _shaped(value, _PROBES[0])
    return keras.ops.zeros(held.shape, held.dtype) if isinstance(held, jax.ShapeDtypeStruct) else held


def traced_spec(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """The outputs of a function of symbolic tensors, traced for two sizes of what is open in them.

    Raises:
        UnknownValueError: the shape of one depends on values.
        UnsupportedError: the rank of one depends on the size of the batch.
    """
    leaves = keras.tree.flatten((args, dict(kwargs)))
    symbolic = [leaf for leaf in leaves if _is_symbolic(leaf)]
    is_open = any(None in leaf.shape for leaf in symbolic)
    found = [_at_size(function, args, kwargs, leaves, size) for size in (_PROBES if is_open else _PROBES[:1])]
    return keras.tree.map_structure(_joined, *found)


def _at_size(function: Callable[..., Any], args: Any, kwargs: Any, leaves: list[Any], size: int) -> Any:
    def flat(*values: Any) -> Any:
        given = iter(values)
        filled = [next(given) if _is_symbolic(leaf) else leaf for leaf in leaves]
        a, k = keras.tree.pack_sequence_as((args, dict(kwargs)), filled)
        with _keras.stateless():
            return function(*a, **k)

    return jax.eval_shape(flat, *[_shaped(leaf, size) for leaf in leaves if _is_symbolic(leaf)])


def _joined(*specs: Any) -> Any:
    """One symbolic tensor of what was traced at several sizes: where they differ, it is open."""
    first = specs[0]
    if not isinstance(first, jax.ShapeDtypeStruct):
        return first
    if any(len(spec.shape) != len(first.shape) for spec in specs):
        raise UnsupportedError("the rank of a result depends on the size of the batch")
    sizes = zip(*(spec.shape for spec in specs), strict=True)
    return keras.KerasTensor(tuple(n[0] if len(set(n)) == 1 else None for n in sizes), str(first.dtype))


def symbolic(results: Any) -> Any:
    """Symbolic tensors of the specifications that the file has of results.

    Raises:
        UnsupportedError: one is no tensor, or of unknown rank.
    """
    if isinstance(results, Mapping):
        return {key: symbolic(item) for key, item in results.items()}
    if isinstance(results, list | tuple):
        return [symbolic(item) for item in results]
    if isinstance(results, TensorSpec):
        if results.shape is None:
            raise UnsupportedError("the rank of a result is not known")
        return keras.KerasTensor(results.shape, results.dtype.name)
    raise UnsupportedError(f"a result that is no tensor: {described(results)}")


def first_dtype(spec: Any) -> str:
    """The dtype of the first tensor in a specification; Keras' own where there is none."""
    found = [leaf for leaf in keras.tree.flatten(spec) if isinstance(leaf, TensorSpec)]
    return found[0].dtype.name if found else str(keras.config.floatx())


def tensors_of(shape: Any, dtype: str) -> Any:
    """Symbolic tensors of a shape, or of the shapes in a structure."""
    if isinstance(shape, Mapping):
        return {key: tensors_of(item, dtype) for key, item in shape.items()}
    if isinstance(shape, list | tuple) and any(isinstance(item, list | tuple | Mapping) for item in shape):
        return [tensors_of(item, dtype) for item in shape]
    return keras.KerasTensor(tuple(shape), dtype)
