# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Calls and branches. A branch whose condition is known is simply run; else both are traced, for ``lax.cond``."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from reinstate.errors import MismatchError, UnsupportedError
from reinstate.graph.rules import known, op, traced


@op("PartitionedCall", "StatefulPartitionedCall", ignore="config config_proto executor_type")
def partitioned_call(args, *, f, context):
    return context.call(f, args)


@op("NoOp", "ControlTrigger")
def no_op():
    return ()


@op("Placeholder", ignore="shape")
def placeholder():
    raise MismatchError("a value that was not given")


@op("Assert", ignore="summarize", stateful=True, raw=True)
def assert_(condition, data):
    """Raises where the condition is known to be false; one that is being traced is taken to be true."""
    if not isinstance(condition, jax.core.Tracer) and not bool(np.all(np.asarray(condition))):
        said = b" ".join(x.item() for x in data if known(x) and x.dtype.hasobject and isinstance(x.item(), bytes))
        raise MismatchError(f"the graph asserts otherwise: {said.decode(errors='replace')}")
    return ()


@op("If", "StatelessIf", ignore="output_shapes")
def if_(cond, input, *, then_branch, else_branch, Tout, context):
    return _branches(_truth(cond), [else_branch, then_branch], input, Tout, context)


@op("Case", "StatelessCase", ignore="output_shapes")
def case(branch_index, input, *, branches, Tout, context):
    if known(branch_index):
        index = int(branch_index)
        branch_index = np.asarray(index if 0 <= index < len(branches) else len(branches) - 1)
    else:
        branch_index = jnp.where((branch_index < 0) | (branch_index >= len(branches)), len(branches) - 1, branch_index)
    return _branches(branch_index, branches, input, Tout, context)


def _truth(condition: Any) -> Any:
    """Whether a condition holds: a scalar, or a tensor that is not empty."""
    if np.ndim(condition):
        return np.asarray(np.size(condition) > 0)
    if known(condition):
        return np.asarray(bool(condition))
    return condition.astype(bool)


def _branches(index: Any, names: list[str], inputs: Any, types: Any, context: Any) -> Any:
    """Run the function that the index chooses: now, if it is known, else under jax."""
    if not isinstance(index, jax.core.Tracer):
        return context.call(names[int(index)], inputs)
    written = _written_by(names, inputs, context)
    branches = [_branch(name, inputs, written, context) for name in names]
    shapes = [jax.eval_shape(branch) for branch in branches]
    if any(_layout(shape) != _layout(shapes[0]) for shape in shapes):
        raise UnsupportedError(
            "the branches give tensors of different shapes, and which one is taken is not known under jax.jit",
            [f"{name}: {shape[0]}" for name, shape in zip(names, shapes, strict=True)],
        )
    outputs, values = lax.switch(jnp.asarray(index, dtype=jnp.int32), branches)
    for variable, value in zip(written, values, strict=True):
        context.scope.write(variable, value)
    return outputs


def _branch(name: str, inputs: Any, written: list[Any], context: Any) -> Any:
    def run() -> Any:
        inner = context.inner()
        outputs = [traced(value) for value in inner.call(name, inputs)]
        return outputs, [inner.scope.read(variable) for variable in written]

    return run


def _written_by(names: list[str], inputs: Any, context: Any) -> list[Any]:
    """The variables that any of the branches assigns to; they are traced once more only if one may."""
    found: dict[int, Any] = {}
    for name in names:
        if context.library.reaches(name, ASSIGNING):
            inner = context.inner()
            jax.eval_shape(lambda name=name, inner=inner: [traced(v) for v in inner.call(name, inputs)])
            found.update({key: variable for key, (variable, _) in inner.scope.written.items()})
    return list(found.values())


def _layout(shapes: Any) -> Any:
    leaves, structure = jax.tree.flatten(shapes)
    return structure, [(leaf.shape, leaf.dtype) for leaf in leaves]


# The ops that write to variables, the generators of random numbers among them.
ASSIGNING = frozenset(
    (
        *("AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp", "Assign", "AssignAdd", "AssignSub"),
        *("ResourceScatterUpdate", "ResourceScatterAdd", "ResourceScatterSub", "ResourceScatterNdUpdate"),
        *("ResourceScatterNdAdd", "ResourceScatterNdSub", "ResourceStridedSliceAssign", "RngReadAndSkip"),
        *("ResourceScatterMul", "ResourceScatterDiv", "ResourceScatterMin", "ResourceScatterMax"),
        *("RandomUniform", "RandomUniformInt", "RandomStandardNormal", "TruncatedNormal", "RandomShuffle"),
        *("RandomGamma", "RandomPoissonV2", "Multinomial", "ParameterizedTruncatedNormal"),
        "RngSkip",
    )
)
