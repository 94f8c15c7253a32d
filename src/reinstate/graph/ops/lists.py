# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Lists of tensors, what TensorArrays are made of. All elements of one have the same shape here: one array holds them.

A list that was reserved has no array until the shape of its elements is known; what was never set is zeros.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from reinstate.errors import MismatchError, UnsupportedError
from reinstate.graph.rules import Static, check_size, ints, known, native, op, require, static, traced

_Shape = tuple[int, ...] | None


@dataclass(frozen=True)
class TensorList:
    """``length`` elements of type ``dtype``: ``items`` is ``(length, *element)``, None while no element is there.

    ``shape`` is what is known of an element's shape: -1 where open, None where not even the rank is known.
    """

    items: Any
    length: int
    dtype: Any
    shape: _Shape

    def element(self, asked: Any = None) -> tuple[int, ...]:
        """The shape of an element.

        Raises:
            MismatchError: too little is known of it.
        """
        if self.items is not None:
            return tuple(self.items.shape[1:])
        shape = _merged(self.shape, _shape(asked))
        require(shape is not None and all(size >= 0 for size in shape), "a list whose elements have no shape yet")
        assert shape is not None
        return shape

    def allocated(self, element: tuple[int, ...]) -> TensorList:
        """The list with room for elements of this shape."""
        if self.items is not None:
            return self
        if not fits(self.shape, element):
            raise MismatchError(f"an element of the shape {list(element)} in a list of {self.shape}")
        check_size((self.length, *element))
        if self.dtype.numpy is not None and self.dtype.numpy.hasobject:
            return replace(self, items=np.full((self.length, *element), b"", object))
        return replace(self, items=jnp.zeros((self.length, *element), native(self.dtype)))

    def allocated_like(self, other: TensorList) -> TensorList:
        """The list with room for elements as those of ``other``, whose items may be a shape only."""
        if self.items is None and other.items is not None and self.length == other.length:
            return self.allocated(tuple(other.items.shape[1:]))
        return self


jax.tree_util.register_pytree_node(
    TensorList,
    lambda x: ((x.items,), (x.length, x.dtype, x.shape)),
    lambda aux, children: TensorList(children[0], *aux),
)


def fits(known_: _Shape, given: tuple[int, ...]) -> bool:
    """Whether a shape agrees with what is known of it."""
    if known_ is None:
        return True
    return len(known_) == len(given) and all(a in (-1, b) for a, b in zip(known_, given, strict=True))


def _shape(value: Any) -> _Shape:
    """An element shape as graphs give it: a vector, or the scalar -1."""
    if value is None or np.ndim(value) == 0:
        return None
    return ints(value)


def _merged(one: _Shape, other: _Shape) -> _Shape:
    if one is None or other is None or len(one) != len(other):
        return other if one is None else one
    return tuple(b if a < 0 else a for a, b in zip(one, other, strict=True))


def _is_list(value: Any) -> TensorList:
    if not isinstance(value, TensorList):
        raise MismatchError("not a list of tensors")
    return value


@op("TensorListReserve", raw=True)
def tensor_list_reserve(element_shape: Static, num_elements: Static, *, element_dtype):
    (length,) = ints(num_elements)
    check_size((length,))
    found = TensorList(None, length, element_dtype, _shape(element_shape))
    if found.shape is not None and all(size >= 0 for size in found.shape):
        return found.allocated(found.shape)
    return found


@op("EmptyTensorList", raw=True)
def empty_tensor_list(element_shape: Static, max_num_elements: Static, *, element_dtype):
    return TensorList(None, 0, element_dtype, _shape(element_shape))


@op("TensorListFromTensor", raw=True)
def tensor_list_from_tensor(tensor, element_shape: Static, *, element_dtype):
    require(np.ndim(tensor) > 0, "a scalar has no elements")
    shape = tuple(tensor.shape[1:])
    return TensorList(tensor, tensor.shape[0], element_dtype, _merged(_shape(element_shape), shape))


@op("TensorListStack", raw=True)
def tensor_list_stack(input_handle, element_shape: Static, *, num_elements, element_dtype):
    handle = _is_list(input_handle)
    require(num_elements in (-1, handle.length), f"{handle.length} elements, where {num_elements} should be")
    return handle.allocated(handle.element(element_shape)).items


@op("TensorListGetItem", raw=True)
def tensor_list_get_item(input_handle, index, element_shape: Static, *, element_dtype):
    handle = _is_list(input_handle)
    handle = handle.allocated(handle.element(element_shape))
    position = _position(index, handle.length)
    if known(position):
        return handle.items[int(position), ...]
    return lax.dynamic_index_in_dim(traced(handle.items), position, 0, keepdims=False)


@op("TensorListSetItem", raw=True)
def tensor_list_set_item(input_handle, index, item, *, resize_if_index_out_of_bounds, element_dtype):
    handle = _is_list(input_handle)
    if resize_if_index_out_of_bounds:
        (at,) = ints(static(index, "the place in a list that may grow"))
        handle = _resized(handle, max(handle.length, at + 1))
    position = _position(index, handle.length)
    handle = handle.allocated(tuple(np.shape(item)))
    if _is_text(handle.items):
        return replace(handle, items=_with_text(handle.items, int(static(position, "the place")), item))
    handle = replace(handle, items=traced(handle.items))
    require(tuple(handle.items.shape[1:]) == tuple(np.shape(item)), "elements of different shapes in a list")
    if known(position):
        return replace(handle, items=handle.items.at[int(position)].set(traced(item)))
    return replace(handle, items=lax.dynamic_update_index_in_dim(handle.items, traced(item), position, 0))


def _is_text(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.hasobject


def _with_text(items: Any, position: int, item: Any) -> Any:
    require(items.shape[1:] == item.shape, "elements of different shapes in a list")
    changed = items.copy()
    changed[position] = item[()]
    return changed


def _position(index: Any, length: int) -> Any:
    if not isinstance(index, jax.core.Tracer):
        (found,) = ints(index)
        require(0 <= found < length, f"element {found} of a list of {length}")
        return np.asarray(found)
    return index


def _resized(handle: TensorList, length: int) -> TensorList:
    check_size((length,))
    if handle.items is None:
        return replace(handle, length=length)
    if length < handle.length:
        return replace(handle, items=handle.items[:length], length=length)
    room = [(0, length - handle.length)] + [(0, 0)] * (handle.items.ndim - 1)
    if _is_text(handle.items):
        return replace(handle, items=np.pad(handle.items, room, constant_values=b""), length=length)
    return replace(handle, items=jnp.pad(traced(handle.items), room), length=length)


@op("TensorListPushBack", raw=True)
def tensor_list_push_back(input_handle, tensor, *, element_dtype):
    handle = _is_list(input_handle)
    longer = _resized(handle, handle.length + 1).allocated(tuple(np.shape(tensor)))
    require(tuple(longer.items.shape[1:]) == tuple(np.shape(tensor)), "elements of different shapes in a list")
    if _is_text(longer.items):
        return replace(longer, items=_with_text(longer.items, handle.length, tensor))
    return replace(longer, items=longer.items.at[handle.length].set(traced(tensor)))


@op("TensorListPopBack", raw=True)
def tensor_list_pop_back(input_handle, element_shape: Static, *, element_dtype):
    handle = _is_list(input_handle)
    require(handle.length > 0, "nothing is in the list")
    handle = handle.allocated(handle.element(element_shape))
    return replace(handle, items=handle.items[:-1], length=handle.length - 1), handle.items[-1]


@op("TensorListLength", raw=True)
def tensor_list_length(input_handle):
    return np.asarray(_is_list(input_handle).length, np.int32)


@op("TensorListResize", raw=True)
def tensor_list_resize(input_handle, size: Static):
    return _resized(_is_list(input_handle), ints(size)[0])


@op("TensorListElementShape", raw=True)
def tensor_list_element_shape(input_handle, *, shape_type):
    handle = _is_list(input_handle)
    if handle.items is None and handle.shape is None:
        return np.asarray(-1, shape_type.numpy)
    return np.asarray(handle.shape if handle.items is None else handle.items.shape[1:], shape_type.numpy)


@op("TensorListGather", raw=True)
def tensor_list_gather(input_handle, indices, element_shape: Static, *, element_dtype):
    handle = _is_list(input_handle)
    handle = handle.allocated(handle.element(element_shape))
    if _is_text(handle.items):
        return handle.items[static(indices, "the places")]
    return jnp.take(traced(handle.items), traced(indices), axis=0, mode="clip")


@op("TensorListScatterV2", raw=True)
def tensor_list_scatter(tensor, indices: Static, element_shape: Static, num_elements: Static, *, element_dtype):
    length = max(ints(num_elements)[0], 1 + max(ints(indices), default=-1))
    require(min(ints(indices), default=0) >= 0, "an index that is negative")
    items = jnp.zeros((length, *tensor.shape[1:]), native(tensor.dtype)).at[indices].set(tensor)
    return TensorList(items, length, element_dtype, tuple(tensor.shape[1:]))


@op("TensorListScatterIntoExistingList", raw=True)
def tensor_list_scatter_into(input_handle, tensor, indices: Static, *, element_dtype):
    handle = _is_list(input_handle)
    length = max(handle.length, 1 + max(ints(indices), default=-1))
    handle = _resized(handle, length).allocated(tuple(tensor.shape[1:]))
    return replace(handle, items=traced(handle.items).at[indices].set(tensor))


@op("TensorListConcatV2", raw=True)
def tensor_list_concat(input_handle, element_shape: Static, leading_dims: Static, *, element_dtype):
    handle = _is_list(input_handle)
    handle = handle.allocated(handle.element(element_shape))
    require(len(handle.items.shape) > 1, "elements that are scalars cannot be concatenated")
    each = handle.items.shape[1]
    lengths = np.full(handle.length, each, np.int64)
    return handle.items.reshape(handle.length * each, *handle.items.shape[2:]), lengths


@op("TensorListSplit", raw=True)
def tensor_list_split(tensor, element_shape: Static, lengths: Static, *, element_dtype):
    sizes = set(ints(lengths))
    if len(sizes) > 1:
        raise UnsupportedError("a list whose elements are of different lengths")
    size = sizes.pop() if sizes else 0
    count = len(ints(lengths))
    require(size * count == tensor.shape[0], "lengths that do not add up to that of the tensor")
    items = traced(tensor).reshape(count, size, *tensor.shape[1:])
    return TensorList(items, count, element_dtype, tuple(items.shape[1:]))
