# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""TF1's TensorArrays: the list is what they hand on as their flow; the handle stands for nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from reinstate.graph.ops import lists
from reinstate.graph.rules import Static, op

_ANY_SHAPE = np.asarray(-1, np.int32)


def _as_tensor(shape: Any) -> Any:
    return _ANY_SHAPE if shape is None else np.asarray(shape, np.int32)


@op(
    "TensorArrayV3",
    ignore="dynamic_size clear_after_read identical_element_shapes tensor_array_name",
    raw=True,
)
def tensor_array(size: Static, *, dtype, element_shape):
    made = lists.tensor_list_reserve(_as_tensor(element_shape), size, element_dtype=dtype)
    return np.zeros((), np.int32), made


@op("TensorArrayWriteV3", raw=True)
def tensor_array_write(handle, index, value, flow_in, *, T):
    known = isinstance(index, np.ndarray | np.generic)
    return lists.tensor_list_set_item(flow_in, index, value, resize_if_index_out_of_bounds=known, element_dtype=T)


@op("TensorArrayReadV3", raw=True)
def tensor_array_read(handle, index, flow_in, *, dtype):
    return lists.tensor_list_get_item(flow_in, index, _ANY_SHAPE, element_dtype=dtype)


@op("TensorArrayGatherV3", raw=True)
def tensor_array_gather(handle, indices, flow_in, *, dtype, element_shape):
    return lists.tensor_list_gather(flow_in, indices, _as_tensor(element_shape), element_dtype=dtype)


@op("TensorArrayScatterV3", raw=True)
def tensor_array_scatter(handle, indices: Static, value, flow_in, *, T):
    return lists.tensor_list_scatter_into(flow_in, value, indices, element_dtype=T)


@op("TensorArraySizeV3", raw=True)
def tensor_array_size(handle, flow_in):
    return lists.tensor_list_length(flow_in)


@op("TensorArrayConcatV3", ignore="element_shape_except0", raw=True)
def tensor_array_concat(handle, flow_in, *, dtype):
    return lists.tensor_list_concat(flow_in, _ANY_SHAPE, np.zeros(0, np.int64), element_dtype=dtype)


@op("TensorArraySplitV3", raw=True)
def tensor_array_split(handle, value, lengths: Static, flow_in, *, T):
    return lists.tensor_list_split(value, _ANY_SHAPE, lengths, element_dtype=T)


@op("TensorArrayCloseV3", raw=True)
def tensor_array_close(handle):
    return ()
