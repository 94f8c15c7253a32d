# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Sparse tensors (indices ``(n, rank)``, values, shape) and ragged ones (values and row partitions).

Where the number of values in a result depends on values, those must be known.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from reinstate.errors import UnsupportedError
from reinstate.graph.rules import Static, check_size, ints, known, native, normal_axis, op, require, traced


def _dense(indices: Any, values: Any, shape: Sequence[int], default: Any) -> Any:
    """A dense tensor with these values; numpy's where all is known."""
    check_size(shape)
    if known(indices) and indices.size:
        require(bool((indices >= 0).all() and (indices < np.array(shape)).all()), f"an index out of {list(shape)}")
    if all(map(known, (indices, values, default))):
        filled = np.full(shape, default.item(), values.dtype)
        filled[tuple(indices.T)] = values
        return filled
    result = jnp.full(shape, traced(default), native(values.dtype))
    return result.at[tuple(traced(indices).T)].set(traced(values))


@op("SparseToDense", ignore="validate_indices", raw=True)
def sparse_to_dense(sparse_indices, output_shape: Static, sparse_values, default_value):
    shape = ints(output_shape)
    rows = sparse_indices.reshape(-1, max(len(shape), 1))
    values = np.broadcast_to(sparse_values, rows.shape[:1]) if known(sparse_values) else sparse_values
    return _dense(rows, values, shape, default_value)


@op("SparseTensorDenseMatMul", raw=True)
def sparse_tensor_dense_matmul(a_indices, a_values, a_shape: Static, b, *, adjoint_a, adjoint_b):
    """By the values: each adds a multiple of a row of ``b``."""
    rows, columns = ints(a_shape)
    out, inner = (traced(a_indices)[:, 1], traced(a_indices)[:, 0])[:: -1 if not adjoint_a else 1]
    dense = traced(b)
    dense = jnp.conj(dense.T) if adjoint_b else dense
    values = jnp.conj(traced(a_values)) if adjoint_a else traced(a_values)
    require(dense.shape[0] == (rows if adjoint_a else columns), f"{ints(a_shape)} times {dense.shape}")
    size = columns if adjoint_a else rows
    check_size((size, dense.shape[1]))
    return jnp.zeros((size, dense.shape[1]), dense.dtype).at[out].add(values[:, None] * dense[inner])


@op("SparseReshape", raw=True)
def sparse_reshape(input_indices, input_shape: Static, new_shape: Static):
    old, new = ints(input_shape), list(ints(new_shape))
    if -1 in new:
        rest = math.prod(size for size in new if size != -1)
        require(new.count(-1) == 1 and rest > 0 and math.prod(old) % rest == 0, f"{list(old)} to {new}")
        new[new.index(-1)] = math.prod(old) // rest
    require(math.prod(old) == math.prod(new), f"{list(old)} to the shape {new}")
    xp = np if known(input_indices) else jnp
    flat = xp.zeros(input_indices.shape[0], input_indices.dtype)
    for axis, size in enumerate(old):
        flat = flat * size + input_indices[:, axis]
    columns = []
    for size in reversed(new):
        columns.append(flat % max(size, 1))
        flat = flat // max(size, 1)
    return xp.stack(columns[::-1], axis=1), np.array(new, np.int64)


@op("SparseFillEmptyRows", raw=True)
def sparse_fill_empty_rows(indices: Static, values, dense_shape: Static, default_value):
    rows = ints(dense_shape)[0]
    check_size((rows,))
    empty = np.setdiff1d(np.arange(rows), indices[:, 0])
    filler = np.zeros((len(empty), indices.shape[1]), np.int64)
    filler[:, 0] = empty
    together = np.concatenate([indices, filler])
    order = np.argsort(together[:, 0], kind="stable")
    xp = np if known(values) and known(default_value) else jnp
    fill = xp.full((len(empty),), traced(default_value) if xp is jnp else default_value.item(), values.dtype)
    whole = xp.concatenate([values, fill])[order]
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return together[order], whole, np.isin(np.arange(rows), empty), place[: len(indices)]


@op("SparseReorder", raw=True)
def sparse_reorder(input_indices: Static, input_values, input_shape: Static):
    order = np.lexsort(input_indices.T[::-1])
    return input_indices[order], input_values[order]


@op("SparseSlice", raw=True)
def sparse_slice(indices: Static, values, shape: Static, start: Static, size: Static):
    end = np.minimum(start + size, shape)
    inside = ((indices >= start) & (indices < end)).all(axis=1)
    return indices[inside] - start, values[inside], np.maximum(end - start, 0)


@op("SparseConcat", raw=True)
def sparse_concat(indices: Static, values, shapes: Static, *, concat_dim):
    axis = normal_axis(concat_dim, len(shapes[0]))
    starts = [0, *itertools.accumulate(int(shape[axis]) for shape in shapes)]
    moved = [each + start * (np.arange(each.shape[1]) == axis) for each, start in zip(indices, starts, strict=False)]
    together = np.concatenate(moved)
    order = np.lexsort(together.T[::-1])
    whole = shapes[0].copy()
    whole[axis] = starts[-1]
    xp = np if all(map(known, values)) else jnp
    return together[order], xp.concatenate(values)[order], whole


@op("SparseAdd", raw=True)
def sparse_add(
    a_indices: Static, a_values, a_shape: Static, b_indices: Static, b_values, b_shape: Static, thresh: Static
):
    if float(thresh) > 0:
        raise UnsupportedError("a threshold below which sums are left out")
    require(bool((a_shape == b_shape).all()), f"the shapes {ints(a_shape)} and {ints(b_shape)}")
    together, inverse = np.unique(np.concatenate([a_indices, b_indices]), axis=0, return_inverse=True)
    values = jnp.concatenate([traced(a_values), traced(b_values)])
    return together, jnp.zeros(len(together), values.dtype).at[inverse.reshape(-1)].add(values), a_shape


@op("SparseTensorDenseAdd", raw=True)
def sparse_tensor_dense_add(a_indices, a_values, a_shape: Static, b):
    return traced(b).at[tuple(traced(a_indices).T)].add(traced(a_values))


@op("SparseReduceSum", raw=True)
def sparse_reduce_sum(input_indices, input_values, input_shape: Static, reduction_axes: Static, *, keep_dims):
    shape = ints(input_shape)
    check_size(shape)
    dense = jnp.zeros(shape, native(input_values.dtype)).at[tuple(traced(input_indices).T)].add(traced(input_values))
    axes = tuple(normal_axis(axis, len(shape)) for axis in reduction_axes.reshape(-1))
    return jnp.sum(dense, axis=axes, keepdims=keep_dims)


@op("SparseSoftmax", raw=True)
def sparse_softmax(sp_indices: Static, sp_values, sp_shape: Static):
    _, row = np.unique(sp_indices[:, :-1], axis=0, return_inverse=True)
    row, values = row.reshape(-1), traced(sp_values)
    count = int(row.max()) + 1 if row.size else 0
    largest = jnp.full(count, -jnp.inf, values.dtype).at[row].max(values)
    powers = jnp.exp(values - largest[row])
    return powers / jnp.zeros(count, values.dtype).at[row].add(powers)[row]


@op("DenseCountSparseOutput", raw=True)
def dense_count_sparse_output(values: Static, weights: Static, *, minlength, maxlength, binary_output):
    """How often each value occurs, in each row, as a sparse tensor; the values are in order."""
    rows = values if values.ndim == 2 else values[None]
    indices: list[tuple[int, int]] = []
    counts: list[Any] = []
    largest = 0
    for number, row in enumerate(rows):
        kept = (row >= 0) & ((maxlength < 0) | (row < maxlength))
        given = weights.reshape(rows.shape)[number] if weights.size else np.ones(row.shape, weights.dtype)
        found, place = np.unique(row[kept], return_inverse=True)
        total = np.zeros(len(found), weights.dtype)
        np.add.at(total, place, given[kept])
        indices += [(number, int(value)) for value in found]
        counts += [1] * len(found) if binary_output else total.tolist()
        largest = max(largest, *(int(value) + 1 for value in found), 0)
    width = maxlength if maxlength > 0 else max(largest, minlength)
    table = np.array(indices, np.int64).reshape(-1, 2)
    shape = [len(rows), width] if values.ndim == 2 else [width]
    return table if values.ndim == 2 else table[:, 1:], np.array(counts, weights.dtype), np.array(shape, np.int64)


@op("RaggedRange")
def ragged_range(starts: Static, limits: Static, deltas: Static):
    count = max(np.size(each) for each in (starts, limits, deltas))
    a, b, d = (np.broadcast_to(each, (count,)) for each in (starts, limits, deltas))
    require(bool((d != 0).all()), "a step of 0")
    sizes = np.maximum(np.ceil((b - a) / d), 0).astype(np.int64)
    check_size((int(sizes.sum()),))
    values = [np.arange(n, dtype=starts.dtype) * step + first for first, step, n in zip(a, d, sizes, strict=True)]
    return np.concatenate([[0], np.cumsum(sizes)]), np.concatenate(values) if values else starts[:0]


@op("RaggedTensorToSparse", raw=True)
def ragged_tensor_to_sparse(rt_nested_splits: Static, rt_dense_values):
    levels = [_row_of(splits) for splits in rt_nested_splits]
    columns, sizes = _columns(levels, len(rt_nested_splits[0]) - 1)
    inner = rt_dense_values.shape[1:]
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in inner), indexing="ij"), -1).reshape(-1, len(inner))
    outer = np.stack(columns, axis=1)
    indices = np.concatenate([np.repeat(outer, len(grid), axis=0), np.tile(grid, (len(outer), 1))], axis=1)
    return indices.astype(np.int64), rt_dense_values.reshape(-1), np.array([*sizes, *inner], np.int64)


def _row_of(splits: Any) -> Any:
    """The row of each value."""
    require(splits.ndim == 1 and splits.size > 0 and bool((np.diff(splits) >= 0).all()), "row splits out of order")
    return np.repeat(np.arange(len(splits) - 1), np.diff(splits))


def _columns(levels: list[Any], rows: int) -> tuple[list[Any], list[int]]:
    """For each value its index in each dimension that is not uniform, and the sizes of these dimensions."""
    columns, sizes = [np.arange(rows)], [rows]
    for row_of in levels:
        count = len(columns[0])
        require(not row_of.size or (int(row_of[0]) >= 0 and int(row_of[-1]) < count), "a row that is not there")
        first = np.searchsorted(row_of, np.arange(count))
        within = np.arange(len(row_of)) - first[row_of]
        columns = [column[row_of] for column in columns] + [within]
        sizes.append(int(within.max()) + 1 if within.size else 0)
    return columns, sizes


@op("RaggedTensorToTensor", raw=True)
def ragged_tensor_to_tensor(
    shape: Static, values, default_value, row_partition_tensors: Static, *, row_partition_types
):
    levels, rows = _levels(list(row_partition_tensors), row_partition_types)
    columns, sizes = _columns(levels, rows)
    inner = list(values.shape[1:])
    wanted = ints(shape) if shape.ndim else (-1,) * (len(sizes) + len(inner))
    require(len(wanted) == len(sizes) + len(inner), f"the shape {list(wanted)} of rank {len(sizes) + len(inner)}")
    outer = [size if want < 0 else want for size, want in zip(sizes, wanted, strict=False)]
    check_size((*outer, *inner))
    inside = np.all([column < size for column, size in zip(columns, outer, strict=True)], axis=0)
    index = tuple(column[inside] for column in columns)
    if known(values) and known(default_value):
        result = np.empty((*outer, *inner), values.dtype)
        result[...] = default_value
        result[index] = values[inside]
        return result
    filled = jnp.broadcast_to(traced(default_value), (*outer, *inner))
    return filled.at[index].set(traced(values)[inside])


def _levels(tensors: Sequence[Any], types: Sequence[str]) -> tuple[list[Any], int]:
    """The row of each value, level by level, and the number of rows."""
    levels: list[Any] = []
    rows = 0
    for tensor, kind in zip(tensors, types, strict=True):
        if kind == "FIRST_DIM_SIZE":
            (rows,) = ints(tensor)
            check_size((rows,))
        elif kind == "VALUE_ROWIDS":
            require(bool((np.diff(tensor) >= 0).all()), "rows out of order")
            levels.append(tensor)
        elif kind == "ROW_SPLITS":
            if not levels:
                rows = len(tensor) - 1
            levels.append(_row_of(tensor))
        else:
            raise UnsupportedError(f"row partitions of the kind {kind!r}")
    return levels, rows


@op("RaggedGather", raw=True)
def ragged_gather(params_nested_splits: Static, params_dense_values, indices: Static, *, OUTPUT_RAGGED_RANK):
    """Rows of a ragged tensor, in the order of the indices."""
    picked = indices.reshape(-1)
    require(not picked.size or (picked.min() >= 0 and picked.max() < len(params_nested_splits[0]) - 1), "no such row")
    outputs = []
    for shape_rank in range(1, indices.ndim):  # the uniform dimensions of the indices, as splits
        rows = math.prod(indices.shape[:shape_rank])
        outputs.append(np.arange(rows + 1, dtype=np.int64) * indices.shape[shape_rank])
    for splits in params_nested_splits:
        lengths = (splits[1:] - splits[:-1])[picked]
        outputs.append(np.concatenate([[0], np.cumsum(lengths)]).astype(splits.dtype))
        starts = splits[:-1][picked]
        picked = np.repeat(starts - outputs[-1][:-1], lengths) + np.arange(int(lengths.sum()))
    require(len(outputs) == OUTPUT_RAGGED_RANK, f"a ragged rank of {OUTPUT_RAGGED_RANK}")
    values = params_dense_values[picked] if known(params_dense_values) else traced(params_dense_values)[picked]
    return (*outputs, values)
