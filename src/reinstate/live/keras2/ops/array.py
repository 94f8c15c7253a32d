"""Shapes, constants, indexing, and picking values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from reinstate.errors import UnsupportedError
from reinstate.live.keras2.ops.table import alike, dtype_of, function, is_tensor, shape, tensor, unary

unary(
    "input",
    {
        "identity": lambda x: x,
        "stop_gradient": jax.lax.stop_gradient,
        "rank": lambda x: np.asarray(x.ndim, np.int32),
    },
)


@function("keras.backend.stop_gradient")
def backend_stop_gradient(variables: Any) -> Any:
    """The same values, through which no gradient flows."""
    return jax.tree.map(jax.lax.stop_gradient, variables)


@function("shape", "compat.v1.shape")
def shape_of(input: Any, out_type: Any = None) -> Any:
    """The shape, which is known when the model is traced."""
    return np.asarray(tensor(input).shape, dtype_of(out_type or "int32"))


@function("keras.backend.shape")
def backend_shape(x: Any) -> Any:
    """As ``shape``."""
    return shape_of(x)


@function("size", "compat.v1.size")
def size(input: Any, out_type: Any = None) -> Any:
    """The number of values."""
    return np.asarray(tensor(input).size, dtype_of(out_type or "int32"))


@function("reshape")
def reshape(tensor: Any, shape: Any) -> Any:
    """The same values in another shape, of which one size may be -1."""
    return _reshape(tensor, shape)


def _reshape(x: Any, sizes: Any) -> Any:
    return jnp.reshape(tensor(x), shape(sizes) if not isinstance(sizes, int) else (sizes,))


@function("keras.backend.reshape")
def backend_reshape(x: Any, shape: Any) -> Any:
    """As ``reshape``."""
    return _reshape(x, shape)


@function("ensure_shape")
def ensure_shape(x: Any, shape: Any) -> Any:
    """The values as they are."""
    return tensor(x)


@function("expand_dims", "compat.v1.expand_dims")
def expand_dims(input: Any, axis: Any) -> Any:
    """A new axis of size 1."""
    return jnp.expand_dims(tensor(input), int(axis))


@function("keras.backend.expand_dims")
def backend_expand_dims(x: Any, axis: Any = -1) -> Any:
    """As ``expand_dims``."""
    return expand_dims(x, axis)


@function("squeeze")
def squeeze(input: Any, axis: Any = None) -> Any:
    """Without the axes of size 1, or without some of them."""
    return jnp.squeeze(tensor(input), None if axis is None or axis == [] else shape(axis))


@function("compat.v1.squeeze")
def squeeze_v1(input: Any, axis: Any = None, squeeze_dims: Any = None) -> Any:
    """As ``squeeze``."""
    return squeeze(input, axis if squeeze_dims is None else squeeze_dims)


@function("keras.backend.squeeze")
def backend_squeeze(x: Any, axis: Any) -> Any:
    """As ``squeeze``."""
    return squeeze(x, axis)


@function("broadcast_to")
def broadcast_to(input: Any, shape: Any) -> Any:
    """Values repeated to fill a shape."""
    return jnp.broadcast_to(tensor(input), _sizes(shape))


def _sizes(value: Any) -> tuple[int, ...]:
    return shape(value)


@function("convert_to_tensor", "compat.v1.convert_to_tensor")
def convert_to_tensor(value: Any, dtype: Any = None, dtype_hint: Any = None) -> Any:
    """A tensor of a constant, or of a list of tensors."""
    return tensor(value, None if dtype is None else dtype_of(dtype))


def _like(value: float, x: Any, dtype: Any) -> Any:
    x = tensor(x)
    return jnp.full(x.shape, value, x.dtype if dtype is None else dtype_of(dtype))


@function("zeros_like")
def zeros_like(input: Any, dtype: Any = None, layout: Any = None) -> Any:
    """Zeros in the shape of a tensor."""
    return _like(0, input, dtype)


@function("ones_like")
def ones_like(input: Any, dtype: Any = None, layout: Any = None) -> Any:
    """Ones in the shape of a tensor."""
    return _like(1, input, dtype)


@function("compat.v1.zeros_like")
def zeros_like_v1(tensor: Any, dtype: Any = None, optimize: Any = True) -> Any:
    """As ``zeros_like``."""
    return _like(0, tensor, dtype)


@function("compat.v1.ones_like")
def ones_like_v1(tensor: Any, dtype: Any = None, optimize: Any = True) -> Any:
    """As ``ones_like``."""
    return _like(1, tensor, dtype)


@function("keras.backend.zeros_like")
def backend_zeros_like(x: Any, dtype: Any = None) -> Any:
    """As ``zeros_like``."""
    return _like(0, x, dtype)


@function("keras.backend.ones_like")
def backend_ones_like(x: Any, dtype: Any = None) -> Any:
    """As ``ones_like``."""
    return _like(1, x, dtype)


@function("zeros")
def zeros(shape: Any, dtype: Any = "float32", layout: Any = None) -> Any:
    """Zeros in a shape."""
    return jnp.zeros(_sizes(shape), dtype_of(dtype))


@function("ones")
def ones(shape: Any, dtype: Any = "float32", layout: Any = None) -> Any:
    """Ones in a shape."""
    return jnp.ones(_sizes(shape), dtype_of(dtype))


@function("fill")
def fill(dims: Any, value: Any, layout: Any = None) -> Any:
    """One value in a shape."""
    return jnp.full(shape(dims), tensor(value))


@function("range")
def arange(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None) -> Any:
    """Numbers from ``start`` up to and without ``limit``; of one bound, from 0 up to it."""
    first, last = (0, start) if limit is None else (start, limit)
    bounds: list[Any] = [np.asarray(value) for value in (first, last, delta)]
    found = np.result_type(*(bound.dtype for bound in bounds))
    result = np.arange(*bounds)
    return result.astype(dtype_of(dtype or ("float32" if found.kind == "f" else "int32")))


@function("one_hot")
def one_hot(
    indices: Any, depth: Any, on_value: Any = None, off_value: Any = None, axis: Any = None, dtype: Any = None
) -> Any:
    """A new axis on which ``on_value`` stands at the index and ``off_value`` elsewhere; nowhere for one outside."""
    given = next((value.dtype for value in (on_value, off_value) if is_tensor(value)), None)
    if dtype is None and given is None:
        given = next((tensor(value).dtype for value in (on_value, off_value) if value is not None), jnp.float32)
    dtype = given if dtype is None else dtype_of(dtype)
    indices, axis = tensor(indices), -1 if axis is None else int(axis)
    hits = jnp.expand_dims(indices, axis)
    counts = jnp.arange(int(depth), dtype=indices.dtype)
    place = axis % hits.ndim
    counts = counts.reshape([-1 if each == place else 1 for each in range(hits.ndim)])
    on, off = (tensor(default if value is None else value, dtype) for value, default in ((on_value, 1), (off_value, 0)))
    return jnp.where(hits == counts, on, off).astype(dtype)


@function("keras.backend.one_hot")
def backend_one_hot(indices: Any, num_classes: Any) -> Any:
    """As ``one_hot``."""
    return one_hot(indices, num_classes)


@function("sequence_mask")
def sequence_mask(lengths: Any, maxlen: Any = None, dtype: Any = "bool") -> Any:
    """For each length, that many ones in a row of ``maxlen``."""
    if maxlen is None:
        raise UnsupportedError("tf.sequence_mask without maxlen has a shape that depends on values")
    lengths = tensor(lengths)
    return (jnp.arange(int(maxlen)) < lengths[..., None]).astype(dtype_of(dtype))


@function("where", "compat.v1.where_v2")
def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    """One value or the other, broadcast."""
    if x is None or y is None:
        raise UnsupportedError("tf.where of a condition alone has a shape that depends on values")
    return jnp.where(tensor(condition).astype(bool), *alike(x, y))


@function("compat.v1.where")
def where_v1(condition: Any, x: Any = None, y: Any = None) -> Any:
    """One value or the other; a vector of conditions picks rows."""
    condition = tensor(condition)
    if x is not None and condition.ndim == 1 and (rank := tensor(x).ndim) > 1:
        condition = condition.reshape(-1, *(1 for _ in range(rank - 1)))
    return where(condition, x, y)


@function("keras.backend.switch")
def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """One value or the other; a condition of fewer axes picks along the first ones."""
    condition, (x, y) = tensor(condition), alike(then_expression, else_expression)
    condition = condition.reshape(condition.shape + (1,) * (x.ndim - condition.ndim))
    return jnp.where(condition.astype(bool), x, y)


def _index(part: Any) -> Any:
    if isinstance(part, Mapping):
        return slice(*(None if part[key] is None else int(part[key]) for key in ("start", "stop", "step")))
    return part if part is None or part is Ellipsis or _is_mask(part) else int(part)


def _is_mask(part: Any) -> bool:
    return is_tensor(part) and part.dtype == bool and part.ndim > 0


@function("__operators__.getitem")
def getitem(tensor: Any, slice_spec: Any, var: Any = None) -> Any:
    """Python's indexing; a slice is ``{"start", "stop", "step"}``, a new axis None."""
    parts = slice_spec if isinstance(slice_spec, list | tuple) else [slice_spec]
    if any(map(_is_mask, parts)):
        raise UnsupportedError("indexing with a mask has a shape that depends on values")
    if any(map(_is_traced, parts)):
        return _dynamic_index(tensor, parts)
    return tensor[tuple(map(_index, parts))]


def _is_traced(part: Any) -> bool:
    return isinstance(part, jax.core.Tracer)


def _dynamic_index(x: Any, parts: Any) -> Any:
    """Index where single places depend on values; slices are known."""
    return x[tuple(part if _is_traced(part) else _index(part) for part in parts)]


@function("slice")
def slice_of(input_: Any, begin: Any, size: Any) -> Any:
    """From ``begin``, ``size`` values along each axis; -1 is all that remain."""
    x = tensor(input_)
    if _is_traced(begin):
        return jax.lax.dynamic_slice(x, list(begin), shape(size))
    starts = zip(shape(begin), shape(size), strict=True)
    return x[tuple(slice(start, None if count == -1 else start + count) for start, count in starts)]


@function("strided_slice")
def strided_slice(
    input_: Any,
    begin: Any,
    end: Any,
    strides: Any = None,
    begin_mask: Any = 0,
    end_mask: Any = 0,
    ellipsis_mask: Any = 0,
    new_axis_mask: Any = 0,
    shrink_axis_mask: Any = 0,
    var: Any = None,
) -> Any:
    """Slices with a step; bit ``i`` of a mask says what entry ``i`` means instead."""
    first, last = shape(begin), shape(end)
    steps = (1,) * len(first) if strides is None else shape(strides)
    parts: list[Any] = []
    for i, (start, stop, step) in enumerate(zip(first, last, steps, strict=True)):
        bit = 1 << i
        if ellipsis_mask & bit:
            parts.append(Ellipsis)
        elif new_axis_mask & bit:
            parts.append(None)
        elif shrink_axis_mask & bit:
            parts.append(start)
        else:
            parts.append(slice(None if begin_mask & bit else start, None if end_mask & bit else stop, step))
    return tensor(input_)[tuple(parts)]


def _gather(params: Any, indices: Any, axis: Any, batch_dims: Any) -> Any:
    params, indices = tensor(params), tensor(indices)
    batch = int(batch_dims or 0) % (indices.ndim + 1)
    place = batch if axis is None else int(axis) % params.ndim

    def take(values: Any, at: Any) -> Any:
        return jnp.take(values, at, place - batch)

    for _ in range(batch):
        take = jax.vmap(take)
    return take(params, indices)


@function("gather", "compat.v1.gather")
def gather(params: Any, indices: Any, validate_indices: Any = None, axis: Any = None, batch_dims: Any = 0) -> Any:
    """The slices of an axis at some indices; the first ``batch_dims`` axes go together."""
    return _gather(params, indices, axis, batch_dims)


@function("keras.backend.gather")
def backend_gather(reference: Any, indices: Any) -> Any:
    """As ``gather``."""
    return _gather(reference, indices, None, 0)


@function("nn.embedding_lookup")
def embedding_lookup(params: Any, ids: Any, max_norm: Any = None) -> Any:
    """The rows of a table."""
    if max_norm is not None:
        raise UnsupportedError("tf.nn.embedding_lookup with max_norm is not supported")
    return _gather(params, ids, None, 0)


@function("gather_nd", "compat.v1.gather_nd")
def gather_nd(params: Any, indices: Any, batch_dims: Any = 0, bad_indices_policy: Any = "") -> Any:
    """Values or slices at places that the last axis of ``indices`` says."""

    def take(values: Any, at: Any) -> Any:
        return values[tuple(jnp.moveaxis(at, -1, 0))]

    for _ in range(int(batch_dims)):
        take = jax.vmap(take)
    return take(tensor(params), tensor(indices))


def _scatter(kind: str, x: Any, indices: Any, updates: Any) -> Any:
    at = tensor(x).at[tuple(jnp.moveaxis(tensor(indices), -1, 0))]
    return getattr(at, kind)(tensor(updates, x.dtype))


def _tensor_scatter(symbol: str, kind: str) -> None:
    @function(f"tensor_scatter_nd_{symbol}")
    def scatter(tensor: Any, indices: Any, updates: Any, bad_indices_policy: Any = "") -> Any:
        return _scatter(kind, tensor, indices, updates)


for _symbol, _kind in {"update": "set", "add": "add", "sub": "subtract", "max": "max", "min": "min"}.items():
    _tensor_scatter(_symbol, _kind)


@function("scatter_nd")
def scatter_nd(indices: Any, updates: Any, shape: Any, bad_indices_policy: Any = "") -> Any:
    """Zeros, and at some places the sum of the updates there."""
    updates = tensor(updates)
    return _scatter("add", jnp.zeros(_sizes(shape), updates.dtype), indices, updates)
