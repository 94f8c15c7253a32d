# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Variables: reading, assigning, and parts of them. The context holds what is written until the graph is done."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from reinstate.errors import MismatchError
from reinstate.graph.ops.gather import scatter, take, take_nd
from reinstate.graph.ops.slices import strided_index
from reinstate.graph.rules import op, static, traced


def _variable(resource: Any) -> Any:
    if not hasattr(resource, "assign") or not hasattr(resource, "value"):
        raise MismatchError("the resource is not a variable")
    return resource


def _read(resource: Any, context: Any) -> Any:
    return context.scope.read(_variable(resource))


def _write(resource: Any, value: Any, context: Any) -> None:
    context.scope.write(_variable(resource), traced(value))


@op("VarHandleOp", ignore="container debug_name allowed_devices shape dtype")
def var_handle_op(*, shared_name, context):
    return context.variable(shared_name)


@op("VariableV2", "Variable", ignore="container shape dtype")
def variable_v2(*, shared_name, context):
    """A variable of TF1 is its value; nothing that is run here assigns to one."""
    return _read(context.variable(shared_name), context)


@op("ReadVariableOp")
def read_variable_op(resource, *, context):
    return _read(resource, context)


@op("AssignVariableOp", ignore="validate_shape", stateful=True)
def assign_variable_op(resource, value, *, context):
    _write(resource, value, context)


@op("AssignAddVariableOp", stateful=True)
def assign_add_variable_op(resource, value, *, context):
    _write(resource, _read(resource, context) + traced(value), context)


@op("AssignSubVariableOp", stateful=True)
def assign_sub_variable_op(resource, value, *, context):
    _write(resource, _read(resource, context) - traced(value), context)


@op("VarIsInitializedOp")
def var_is_initialized(resource, *, context):
    _variable(resource)
    return np.array(True)


@op("VariableShape")
def variable_shape(input, *, out_type, context):
    return np.array(np.shape(_read(input, context)), out_type.numpy)


@op("DisableCopyOnRead")
def disable_copy_on_read(resource, *, context):
    _variable(resource)


@op("DestroyResourceOp", ignore="ignore_lookup_error")
def destroy_resource(resource, *, context):
    return ()


@op("ResourceGather", ignore="validate_indices")
def resource_gather(resource, indices, *, batch_dims, context):
    return take(_read(resource, context), indices, batch_dims, batch_dims)


@op("ResourceGatherNd")
def resource_gather_nd(resource, indices, *, context):
    return take_nd(_read(resource, context), indices)


# The name in TensorFlow, and what jax calls it: a row of the variable for each index.
_ROWS = {"Update": "set", "Add": "add", "Mul": "multiply", "Div": "divide", "Min": "min", "Max": "max"}


def _resource_scatter(name: str, how: str) -> None:
    @op(f"ResourceScatter{name}", stateful=True)
    def resource_scatter(resource, indices, updates, *, context):
        value, index = _read(resource, context), traced(indices)
        index = jnp.where(index < 0, value.shape[0], index)
        _write(resource, getattr(value.at[index], how)(traced(updates), mode="drop"), context)


for _name, _how in _ROWS.items():
    _resource_scatter(_name, _how)


@op("ResourceScatterSub", stateful=True)
def resource_scatter_sub(resource, indices, updates, *, context):
    value, index = _read(resource, context), traced(indices)
    index = jnp.where(index < 0, value.shape[0], index)
    _write(resource, value.at[index].add(-traced(updates), mode="drop"), context)


def _resource_scatter_nd(name: str, how: str, sign: int) -> None:
    @op(f"ResourceScatterNd{name}", ignore="use_locking bad_indices_policy", stateful=True)
    def resource_scatter_nd(ref, indices, updates, *, context):
        updates = traced(updates) if sign > 0 else -traced(updates)
        _write(ref, scatter(_read(ref, context), indices, updates, how), context)


_PARTS = ("Update", "set", 1), ("Add", "add", 1), ("Sub", "add", -1), ("Max", "max", 1), ("Min", "min", 1)
for _name, _how, _sign in _PARTS:
    _resource_scatter_nd(_name, _how, _sign)


@op("ResourceStridedSliceAssign", stateful=True)
def resource_strided_slice_assign(
    ref, begin, end, strides, value, *, begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask, context
):
    masks = begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask
    old = _read(ref, context)
    begin, end, strides = (static(v, n) for v, n in ((begin, "begin"), (end, "end"), (strides, "strides")))
    index = strided_index(old.shape, begin, end, strides, masks)
    _write(ref, old.at[tuple(index)].set(traced(value)), context)


@op("RngReadAndSkip", stateful=True)
def rng_read_and_skip(resource, alg, delta, *, context):
    """The state of a generator: a counter of two numbers and a key; the counter moves on."""
    state = _read(resource, context)
    step = traced(delta).astype(state.dtype) * 256
    _write(resource, state.at[0].add(jnp.reshape(step, ())), context)
    return state


@op("RngSkip", stateful=True)
def rng_skip(resource, algorithm, delta, *, context):
    rng_read_and_skip(resource, algorithm, delta, context=context)
