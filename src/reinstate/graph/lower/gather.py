# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Reading and writing at indices: slices that start at computed places, gathers, scatters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jax.lax import GatherScatterMode

from reinstate import dtypes
from reinstate.errors import UnsupportedError
from reinstate.graph.dimensions import is_static
from reinstate.graph.lower.array import transposed
from reinstate.graph.lowering import ints, lower, vector

_ZERO = np.int32(0)


@lower("slice")
def slice_(g, x, *, start_indices, limit_indices, strides):
    if is_static(start_indices) and is_static(limit_indices):
        begin, end = vector(start_indices), vector(limit_indices)
        mask = 0
    else:
        begin, end = g.dims(start_indices), g.dims(limit_indices)
        mask = sum(1 << axis for axis, n in enumerate(limit_indices) if n is x.shape[axis] or n == x.shape[axis])
        if is_static(start_indices) and mask == (1 << x.rank) - 1:
            end = np.zeros(x.rank, np.int32)
    return g("StridedSlice", x, begin, end, vector(strides or [1] * x.rank), end_mask=mask)


@lower("dynamic_slice")
def dynamic_slice(g, x, *starts, slice_sizes):
    return _sliced(g, x, dict(enumerate(starts)), slice_sizes)


def _sliced(g, x, starts, sizes):
    """Part of a tensor; ``starts`` are scalars by axis, moved so that the part is inside."""
    partial = [axis for axis in starts if sizes[axis] != x.shape[axis]]
    if not partial:
        return x
    begin = [
        _inside(g, starts[axis], x.shape[axis], sizes[axis]) if axis in partial else _ZERO for axis in range(x.rank)
    ]
    known = all(isinstance(each, np.integer) for each in begin)
    whole = [-1 if axis not in partial else size for axis, size in enumerate(sizes)]
    return replace(g("Slice", x, vector(begin) if known else g("Pack", begin), g.dims(whole)), shape=tuple(sizes))


def _inside(g, start, size, length):
    """Where a part begins: not before the first element, and so that it ends with the last at most."""
    if start.value is not None and is_static([size, length]):
        return np.int32(min(max(int(start.value), 0), int(size) - int(length)))
    if start.value is not None and int(start.value) == 0:
        return _ZERO
    last = g("Sub", g.dimensions(size), g.dimensions(length))
    return g("Maximum", g("Minimum", _int32(g, start), last), _ZERO)


def _int32(g, x):
    wanted = dtypes.from_name("int32")
    return x if x.dtype is wanted else replace(g("Cast", x, DstT=wanted), shape=x.shape)


def _element(g, indices, position):
    """One element of a vector, as a scalar."""
    if indices.value is not None:
        return g.constant(np.int32(indices.value[position]))
    ends = (np.array([value], np.int32) for value in (position, position + 1, 1))
    return replace(g("StridedSlice", indices, *ends, shrink_axis_mask=1), shape=())


@lower("gather", ignore="indices_are_sorted unique_indices")
def gather(g, x, indices, *, dimension_numbers, slice_sizes, mode, fill_value, out):
    numbers = dimension_numbers
    indexed, batching = ints(numbers.start_index_map), ints(numbers.operand_batching_dims)
    indices = _int32(g, indices)
    if indices.rank == 1 and not batching:
        return _one_slice(g, x, indices, indexed, slice_sizes, mode, fill_value, out)
    rest = [axis for axis in range(x.rank) if axis not in indexed and axis not in batching]
    if any(slice_sizes[axis] != x.shape[axis] for axis in rest) or any(slice_sizes[axis] != 1 for axis in indexed):
        raise UnsupportedError(f"parts of the sizes {[str(size) for size in slice_sizes]} at many places")
    along = ints(numbers.start_indices_batching_dims)
    others = [axis for axis in range(indices.rank - 1) if axis not in along]
    operand = transposed(g, x, [*batching, *indexed, *rest])
    places = transposed(g, indices, [*along, *others, indices.rank - 1])
    places, valid = _bounded(g, places, [x.shape[axis] for axis in indexed], mode)
    made = _gathered(g, operand, places, len(batching), len(indexed))
    if valid is not None:
        fill = np.asarray(_fill(x, fill_value), x.dtype.numpy)
        made = g("SelectV2", g.reshape(valid, [*places.shape[:-1], *[1] * len(rest)]), made, fill)
    have = [("index", axis) for axis in (*along, *others)] + [("operand", axis) for axis in rest]
    shape = [*places.shape[:-1], *(x.shape[axis] for axis in rest)]
    left = iter(axis for axis in range(x.rank) if axis not in numbers.collapsed_slice_dims and axis not in batching)
    counted = iter(range(indices.rank - 1))
    want = [
        ("operand", next(left)) if axis in numbers.offset_dims else ("index", next(counted))
        for axis in range(len(out.shape))
    ]
    order = [have.index(label) for label in want if label in have]
    return g.reshape(transposed(g, replace(made, shape=tuple(shape)), order), out.shape)


def _one_slice(g, x, indices, indexed, sizes, mode, fill_value, out):
    starts = {axis: _element(g, indices, position) for position, axis in enumerate(indexed)}
    part = g.reshape(replace(_sliced(g, x, starts, sizes), shape=tuple(sizes)), out.shape)
    if mode != GatherScatterMode.FILL_OR_DROP or indices.value is not None:
        return part
    fits = None
    for axis, start in starts.items():
        last = g("Sub", g.dimensions(x.shape[axis]), g.dimensions(sizes[axis]))
        inside = g("LogicalAnd", g("GreaterEqual", start, _ZERO), g("LessEqual", start, last))
        fits = inside if fits is None else g("LogicalAnd", fits, inside)
    return g("SelectV2", fits, part, np.asarray(_fill(x, fill_value), x.dtype.numpy))


def _fill(x, value):
    """What stands where there is no element: NaN, the smallest of signed integers, the largest of others."""
    if value is not None:
        return value
    kind = x.dtype.numpy.kind
    if kind == "b":
        return True
    if kind in "iu":
        info = np.iinfo(x.dtype.numpy)
        return info.min if kind == "i" else info.max
    return np.nan


def _bounded(g, places, sizes, mode):
    """Indices that are inside, and which were before; None where all are, or it does not matter."""
    if mode == GatherScatterMode.PROMISE_IN_BOUNDS or _known_inside(places, sizes):
        return places, None
    most = g("Sub", g.dims(sizes), np.int32(1))
    inside = replace(g("Maximum", g("Minimum", places, most), _ZERO), shape=places.shape)
    if mode == GatherScatterMode.CLIP:
        return inside, None
    return inside, g("All", g("Equal", inside, places), vector([places.rank - 1]))


def _known_inside(places, sizes):
    value = places.value
    return value is not None and is_static(sizes) and bool(((value >= 0) & (value < np.array(ints(sizes)))).all())


def _gathered(g, x, places, batching, indexed):
    """Elements of ``x`` (*batch, *indexed, *rest) at ``places`` (*batch, *any, indexed)."""
    if indexed == 1:
        axis = np.int32(batching)
        return g("GatherV2", x, g.reshape(places, places.shape[:-1]), axis, batch_dims=batching)
    return g("GatherNd", x, _with_batch(g, places, batching))


def _with_batch(g, places, batching):
    """Places with the numbers of the axes of the batch before them."""
    shape = places.shape
    columns = []
    for axis in range(batching):
        ones = [shape[axis] if i == axis else 1 for i in range(len(shape))]
        count = replace(g("Range", _ZERO, g.dimensions(shape[axis]), np.int32(1)), shape=(shape[axis],))
        columns.append(g("BroadcastTo", g.reshape(count, ones), g.dims([*shape[:-1], 1])))
    return g("ConcatV2", [*columns, places], np.int32(len(shape) - 1)) if columns else places


# Writing -----------------------------------------------------------------------------------------------------------

_SCATTERS = {
    "scatter": "TensorScatterUpdate",
    "scatter-add": "TensorScatterAdd",
    "scatter_add": "TensorScatterAdd",
    "scatter-sub": "TensorScatterSub",
    "scatter_sub": "TensorScatterSub",
    "scatter-max": "TensorScatterMax",
    "scatter_max": "TensorScatterMax",
    "scatter-min": "TensorScatterMin",
    "scatter_min": "TensorScatterMin",
}


def _scatter(op):
    def scatter(g, x, indices, updates, *, dimension_numbers, mode):
        numbers = dimension_numbers
        if numbers.operand_batching_dims:
            raise UnsupportedError("a scatter with batch axes")
        indexed, inserted = ints(numbers.scatter_dims_to_operand_dims), ints(numbers.inserted_window_dims)
        window = ints(numbers.update_window_dims)
        kept = [axis for axis in range(x.rank) if axis not in inserted]
        sizes = {axis: updates.shape[place] for axis, place in zip(kept, window, strict=True)}
        rest = [axis for axis in range(x.rank) if axis not in indexed]
        if any(sizes[axis] != x.shape[axis] for axis in rest):
            raise UnsupportedError("a scatter of parts of axes that have no index")
        wide = [axis for axis in indexed if axis in sizes]
        many = [axis for axis in range(updates.rank) if axis not in window]
        places = _windows(g, _int32(g, indices), indexed, wide, sizes)
        behind = [window[kept.index(axis)] for axis in rest]
        given = transposed(g, updates, [*many, *(window[kept.index(axis)] for axis in wide), *behind])
        order = [*indexed, *rest]
        operand = transposed(g, x, order)
        made = _written(g, op, operand, places, given, mode, len(indexed))
        return transposed(g, replace(made, shape=operand.shape), [int(axis) for axis in np.argsort(order)])

    return scatter


for _primitive, _op in _SCATTERS.items():
    lower(_primitive, ignore="indices_are_sorted unique_indices update_jaxpr update_consts")(_scatter(_op))


def _windows(g, indices, indexed, wide, sizes):
    """The place of every element of the windows (*any, *wide, indexed), of the places where windows begin."""
    for axis in wide:
        lead, rank = indices.shape[:-1], indices.rank + 1
        size = sizes[axis]
        steps = replace(g("Range", _ZERO, g.dimensions(size), np.int32(1)), shape=(size,))
        column = [1 if each == axis else 0 for each in indexed]
        steps = g("Mul", g.reshape(steps, [*[1] * (rank - 2), size, 1]), np.array(column, np.int32))
        starts = g.reshape(indices, [*lead, 1, len(indexed)])
        indices = replace(g("AddV2", starts, steps), shape=(*lead, size, len(indexed)))
    return indices


def _written(g, op, x, places, updates, mode, indexed):
    """Elements that have no place go to a row behind the last, which is cut off again."""
    sizes = x.shape[:indexed]
    if places.rank == 1:  # the op wants a list of places
        places, updates = (g.reshape(each, [1, *each.shape]) for each in (places, updates))
    if mode == GatherScatterMode.CLIP:
        places, _ = _bounded(g, places, sizes, mode)
    if mode != GatherScatterMode.FILL_OR_DROP or _known_inside(places, sizes):
        return g(op, x, places, updates)
    inside, valid = _bounded(g, places, sizes, mode)
    outside = g("Mul", g("Sub", g.dims(sizes), _ZERO), np.array([1] + [0] * (indexed - 1), np.int32))
    keep = g.reshape(valid, [*places.shape[:-1], 1])
    places = g("SelectV2", keep, inside, outside)
    paddings = np.zeros((x.rank, 2), np.int32)
    paddings[0, 1] = 1
    made = g(op, g("Pad", x, paddings), places, updates)
    end = vector([-1] + [0] * (x.rank - 1))
    mask = ((1 << x.rank) - 1) & ~1
    return g("StridedSlice", made, vector([0] * x.rank), end, vector([1] * x.rank), end_mask=mask)


@lower("dynamic_update_slice")
def dynamic_update_slice(g, x, part, *starts):
    partial = [axis for axis in range(x.rank) if part.shape[axis] != x.shape[axis]]
    if not partial:
        return part
    begin = g("Pack", [_inside(g, starts[axis], x.shape[axis], part.shape[axis]) for axis in partial])
    sizes = {axis: part.shape[axis] for axis in partial}
    places = _windows(g, replace(begin, shape=(len(partial),)), partial, partial, sizes)
    order = [*partial, *(axis for axis in range(x.rank) if axis not in partial)]
    operand = transposed(g, x, order)
    made = g("TensorScatterUpdate", operand, places, transposed(g, part, order))
    return transposed(g, replace(made, shape=operand.shape), [int(axis) for axis in np.argsort(order)])
