# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Loops and branches, in the form that TensorFlow differentiates: a counter and its limit come first in a loop.

Source: tensorflow/python/ops/while_v2.py and cond_v2.py.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reinstate import dtypes
from reinstate.graph.build import VARIANT, open_shape
from reinstate.graph.lowering import dtype_of, lower

_LOWER = ("bool", True)  # run by the executor itself, as TensorFlow asks for
BOOL = dtypes.from_name("bool")
_ONE = np.int32(1)


@lower("while")
def while_(g, *operands, cond_jaxpr, cond_nconsts, body_jaxpr, body_nconsts, inline):
    asked, done = operands[:cond_nconsts], operands[cond_nconsts : cond_nconsts + body_nconsts]
    carried = operands[cond_nconsts + body_nconsts :]

    def goes_on(inner, _counter, values):
        return inline(inner, cond_jaxpr, [*asked, *values])[0]

    def step(inner, _counter, values):
        return inline(inner, body_jaxpr, [*done, *values])

    return _loop(g, goes_on, step, [g.own(each) for each in carried], g.constant(np.int32(-1)))


@lower("scan", ignore="linear unroll _split_transpose")
def scan(g, *operands, jaxpr, length, reverse, num_consts, num_carry, inline):
    """What is scanned and what is gathered are lists of tensors."""
    constants, carried = operands[:num_consts], operands[num_consts : num_consts + num_carry]
    scanned = [_list_of(g, each) for each in operands[num_consts + num_carry :]]
    gathered = [aval for aval in jaxpr.out_avals[num_carry:]]
    count = g.dimensions(length)
    lists = [_reserved(g, aval, count) for aval in gathered]

    def goes_on(inner, counter, _values):
        return inner("Less", counter, count)

    def step(inner, counter, values):
        index = inner("Sub", inner("Sub", count, _ONE), counter) if reverse else counter
        items = [_item(inner, handle, index, each) for handle, each in scanned]
        made = inline(inner, jaxpr, [*constants, *values[:num_carry], *items])
        filled = [
            inner("TensorListSetItem", handle, index, item)
            for handle, item in zip(values[num_carry:], made[num_carry:], strict=True)
        ]
        return [*made[:num_carry], *filled]

    results = _loop(g, goes_on, step, [*(g.own(each) for each in carried), *lists], count)
    stacked = [_stacked(g, handle, aval, length) for handle, aval in zip(results[num_carry:], gathered, strict=True)]
    return (*results[:num_carry], *stacked)


def _element_shape(shape):
    return np.array(open_shape(shape), np.int32)


def _list_of(g, x):
    """A tensor as the list of what is in it along its first axis."""
    return g("TensorListFromTensor", x, _element_shape(x.shape[1:])), x


def _item(g, handle, index, x):
    made = g("TensorListGetItem", handle, index, _element_shape(x.shape[1:]), element_dtype=x.dtype)
    return replace(made, shape=x.shape[1:])


def _reserved(g, aval, count):
    return g("TensorListReserve", _element_shape(aval.shape), count, element_dtype=dtype_of(aval.dtype))


def _stacked(g, handle, aval, length):
    (number,) = open_shape([length])
    shape = _element_shape(aval.shape)
    return g("TensorListStack", handle, shape, element_dtype=dtype_of(aval.dtype), num_elements=number)


def _loop(g, goes_on, step, values, limit):
    """Run ``step`` while ``goes_on``; both are given a function to build in, the counter and the values."""
    start = [g.constant(np.int32(0)), g.own(limit), *values]
    asked, done = g.inner(), g.inner()
    inner = [_arguments(each, start) for each in (asked, done)]
    test = asked.own(goes_on(asked, inner[0][0], inner[0][2:]))
    counter, most, *now = inner[1]
    made = [done("AddV2", counter, _ONE), most, *map(done.own, step(done, counter, now))]
    captured = list(_captured(asked, done).values())
    through = [done.own(each) for each in captured]
    cond = asked.finish("while_cond", [("result", test)], captured)
    body = done.finish("while_body", [(f"result_{i}", each) for i, each in enumerate([*made, *through])], captured)
    given = [*start, *captured]
    outputs = g(
        "StatelessWhile",
        given,
        cond=cond,
        body=body,
        output_shapes=[() if each.dtype is VARIANT else open_shape(each.shape) for each in given],
        _lower_using_switch_merge=_LOWER,
        _num_original_outputs=("int", len(given)),
        _read_only_resource_inputs=("list(int)", []),
    )
    return outputs[2 : len(start)]


def _arguments(g, tensors):
    return [g.argument(f"value_{number}", each.dtype, each.shape) for number, each in enumerate(tensors)]


def _captured(*graphs):
    """What functions capture, by name, of all of them."""
    found = {}
    for graph in graphs:
        found.update({name: outer for name, (outer, _) in graph.captured.items()})
    return found


@lower("cond")
def cond(g, index, *operands, branches, inline):
    graphs = [g.inner() for _ in branches]
    results = [
        [inner.own(each) for each in inline(inner, branch, operands)]
        for inner, branch in zip(graphs, branches, strict=True)
    ]
    captured = list(_captured(*graphs).values())
    names = [
        inner.finish("branch", [(f"result_{i}", each) for i, each in enumerate(result)], captured)
        for inner, result in zip(graphs, results, strict=True)
    ]
    avals = branches[0].out_avals
    shapes = [open_shape(aval.shape) for aval in avals]
    types = [each.dtype for each in results[0]]
    shared = {
        "Tout": types,
        "output_shapes": shapes,
        "_lower_using_switch_merge": _LOWER,
        "_read_only_resource_inputs": ("list(int)", []),
    }
    if len(branches) == 2:
        second = g("Cast", index, DstT=BOOL)
        return g("StatelessIf", second, captured, then_branch=names[1], else_branch=names[0], **shared)
    return g("StatelessCase", index, captured, branches=names, **shared)
