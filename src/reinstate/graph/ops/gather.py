# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Gathering and scattering. An index out of range that is known is an error; one that is traced gives zeros."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from reinstate.graph.rules import Static, check_size, ints, known, native, normal_axis, op, require, static, traced


def _checked(indices: Any, size: int) -> None:
    if known(indices) and indices.size:
        low, high = int(indices.min()), int(indices.max())
        require(low >= 0 and high < size, f"index {low if low < 0 else high} of {size}")


def take(params: Any, indices: Any, axis: int, batch_dims: int = 0) -> Any:
    """The slices of ``params`` along ``axis`` that the indices name."""
    _checked(indices, params.shape[axis])
    if known(params) and known(indices) and not batch_dims:
        return np.take(params, indices, axis)
    params, indices = traced(params), traced(indices)
    if batch_dims:
        return _batched(params, indices, axis, batch_dims)
    beyond = params.shape[axis]
    return jnp.take(params, jnp.where(indices < 0, beyond, indices), axis=axis, mode="fill", fill_value=0)


def _batched(params: Any, indices: Any, axis: int, batch_dims: int) -> Any:
    batch = params.shape[:batch_dims]
    require(indices.shape[:batch_dims] == batch, f"the shapes {params.shape}, {indices.shape}: {batch_dims} batch axes")
    flat = params.reshape(-1, *params.shape[batch_dims:])
    rows = indices.reshape(flat.shape[0], -1)
    at = axis - batch_dims + 1
    moved = jnp.moveaxis(flat, at, 1)
    index = jnp.where(rows < 0, moved.shape[1], rows).reshape(*rows.shape, *(1,) * (moved.ndim - 2))
    taken = jnp.take_along_axis(moved, index, axis=1, mode="fill", fill_value=0)
    taken = taken.reshape(*batch, *indices.shape[batch_dims:], *moved.shape[2:])
    count = indices.ndim - batch_dims
    return jnp.moveaxis(taken, range(batch_dims, batch_dims + count), range(axis, axis + count))


@op("Gather", ignore="validate_indices", raw=True)
def gather(params, indices):
    return take(params, indices, 0)


@op("GatherV2", raw=True)
def gather_v2(params, indices, axis: Static, *, batch_dims):
    batch = normal_axis(batch_dims, np.ndim(indices), room=1) if batch_dims < 0 else batch_dims
    at = normal_axis(axis, np.ndim(params))
    require(batch <= min(at, np.ndim(indices)), f"{batch} batch axes before axis {at}")
    return take(params, indices, at, batch)


@op("GatherNd", ignore="bad_indices_policy", raw=True)
def gather_nd(params, indices):
    return take_nd(params, indices)


def take_nd(params: Any, indices: Any) -> Any:
    """The parts of ``params`` that the rows of indices name."""
    depth = np.shape(indices)[-1]
    require(depth <= np.ndim(params), f"indices of {depth} into a tensor of rank {np.ndim(params)}")
    if known(indices) and indices.size:
        for axis in range(depth):
            _checked(indices[..., axis], np.shape(params)[axis])
    if known(params) and known(indices):
        return params[(*np.moveaxis(indices, -1, 0), ...)]
    params, indices = traced(params), traced(indices)
    outer = params.shape[:depth]
    flat = params.reshape(math.prod(outer), *params.shape[depth:])
    return jnp.take(flat, _row_of(indices, outer), axis=0, mode="fill", fill_value=0)


def _row_of(indices: Any, shape: tuple[int, ...]) -> Any:
    """Where a row of indices leads in the flattened axes; beyond the end where one is out of range."""
    place = jnp.zeros(indices.shape[:-1], jnp.int32)
    inside = jnp.ones(indices.shape[:-1], bool)
    for axis, size in enumerate(shape):
        place = place * size + indices[..., axis].astype(jnp.int32)
        inside &= (indices[..., axis] >= 0) & (indices[..., axis] < size)
    return jnp.where(inside, place, math.prod(shape))


def scatter(base: Any, indices: Any, updates: Any, how: str) -> Any:
    """``base`` with the parts that the rows of indices name replaced by (or joined with) the updates."""
    base, indices, updates = traced(base), traced(indices), traced(updates)
    depth = indices.shape[-1]
    require(depth <= base.ndim, f"indices of {depth} into a tensor of rank {base.ndim}")
    require(
        tuple(updates.shape) == (*indices.shape[:-1], *base.shape[depth:]),
        f"updates of the shape {updates.shape} for indices of {indices.shape} into {base.shape}",
    )
    flat = base.reshape(math.prod(base.shape[:depth]), *base.shape[depth:])
    rows = _row_of(indices, base.shape[:depth]).reshape(-1)
    values = updates.reshape(-1, *base.shape[depth:])
    return getattr(flat.at[rows], how)(values, mode="drop").reshape(base.shape)


def _known_indices(indices: Any, shape: tuple[int, ...]) -> None:
    if known(indices) and indices.size:
        for axis in range(min(indices.shape[-1], len(shape))):
            _checked(indices[..., axis], shape[axis])


@op("ScatterNd", ignore="bad_indices_policy", raw=True)
def scatter_nd(indices, updates, shape: Static):
    check_size(ints(shape))
    _known_indices(indices, ints(shape))
    return scatter(jnp.zeros(ints(shape), native(updates.dtype)), indices, updates, "add")


def _tensor_scatter(name: str, how: str) -> None:
    @op(name, ignore="bad_indices_policy", raw=True)
    def tensor_scatter(tensor, indices, updates):
        _known_indices(indices, np.shape(tensor))
        return scatter(tensor, indices, updates, how)


_HOW = {"Update": "set", "Add": "add", "Max": "max", "Min": "min"}
for _name, _how in _HOW.items():
    _tensor_scatter(f"TensorScatter{_name}", _how)


@op("TensorScatterSub", ignore="bad_indices_policy", raw=True)
def tensor_scatter_sub(tensor, indices, updates):
    return scatter(tensor, indices, -traced(updates), "add")


@op("ScatterNdNonAliasingAdd", ignore="bad_indices_policy", raw=True)
def scatter_nd_non_aliasing_add(input, indices, updates):
    return scatter(input, indices, updates, "add")


@op("DynamicStitch", "ParallelDynamicStitch", raw=True)
def dynamic_stitch(indices: Static, data):
    size = 1 + max((int(index.max()) for index in indices if index.size), default=-1)
    rest = np.shape(data[0])[indices[0].ndim :]
    check_size((size, *rest))
    merged = jnp.zeros((size, *rest), native(data[0].dtype))
    for index, values in zip(indices, data, strict=True):
        _checked(index, size)
        merged = merged.at[index.reshape(-1)].set(traced(values).reshape(-1, *rest))
    return merged


@op("DynamicPartition", raw=True)
def dynamic_partition(data, partitions: Static, *, num_partitions):
    _checked(partitions, num_partitions)
    rest = np.shape(data)[partitions.ndim :]
    flat = data.reshape(partitions.size, *rest)
    return [flat[np.flatnonzero(partitions.reshape(-1) == i)] for i in range(num_partitions)]


@op("XlaDynamicUpdateSlice")
def xla_dynamic_update_slice(input, update, indices):
    return lax.dynamic_update_slice(input, update, list(indices))


@op("XlaDynamicSlice", raw=True)
def xla_dynamic_slice(input, start_indices, size_indices: Static):
    return lax.dynamic_slice(traced(input), list(traced(start_indices)), ints(static(size_indices, "sizes")))
