# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
"""Convolutions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reinstate.errors import UnsupportedError
from reinstate.graph.dimensions import is_static
from reinstate.graph.lower.array import pad, transposed
from reinstate.graph.lowering import ints, lower


@lower("conv_general_dilated", ignore="preferred_element_type")
def conv_general_dilated(
    g, x, kernel, *, window_strides, padding, lhs_dilation, rhs_dilation, dimension_numbers, feature_group_count,
    batch_group_count, out
):  # fmt: skip
    """Channels last, at least two axes in space; the kernel as (*space, in, out)."""
    if batch_group_count != 1:
        raise UnsupportedError(f"batch_group_count={batch_group_count}")
    lhs, rhs, result = (ints(spec) for spec in dimension_numbers)
    x = transposed(g, x, [lhs[0], *lhs[2:], lhs[1]])
    kernel = transposed(g, kernel, [*rhs[2:], rhs[1], rhs[0]])
    space, lacking = len(lhs) - 2, max(0, 2 - (len(lhs) - 2))
    if space > 3:
        raise UnsupportedError(f"a convolution over {space} axes")
    added = [[0, 0]] * lacking
    ones = [1] * lacking
    strides, dilation, spread = (ones + ints(each) for each in (window_strides, rhs_dilation, lhs_dilation))
    edges = added + [list(pair) for pair in padding]
    x = g.reshape(x, [x.shape[0], *ones, *x.shape[1:]])
    kernel = g.reshape(kernel, [*ones, *kernel.shape])
    shape = [out.shape[axis] for axis in (result[0], *result[2:], result[1])]
    made = _convolution(g, x, kernel, strides, edges, dilation, spread, int(feature_group_count))
    made = g.reshape(replace(made, shape=(shape[0], *ones, *shape[1:])), shape)
    return transposed(g, made, list(np.argsort([result[0], *result[2:], result[1]])))


def _convolution(g, x, kernel, strides, edges, dilation, spread, groups):
    """``edges`` are the padding; ``spread`` puts zeros between the elements of ``x``, as its gradient has them."""
    space = len(strides)
    if any(size > 1 for size in spread) or any(not is_static(pair) or min(pair) < 0 for pair in edges):
        config = [(0, 0, 0), *((*pair, size - 1) for pair, size in zip(edges, spread, strict=True)), (0, 0, 0)]
        shape = [x.shape[0], *_padded(x.shape[1:-1], edges, spread), x.shape[-1]]
        x = replace(pad(g, x, g.constant(np.zeros((), x.dtype.numpy)), padding_config=config), shape=tuple(shape))
        edges = [[0, 0]] * space
    if groups == 1:
        return _plain(g, x, kernel, strides, edges, dilation)
    channels = int(x.shape[-1])
    if groups == channels and space == 2 and _depthwise(strides, dilation):
        size = [int(n) for n in kernel.shape[:space]]
        deep = g.reshape(kernel, [*size, channels, int(kernel.shape[-1]) // channels])
        return _node(g, "DepthwiseConv2dNative", x, deep, strides, edges, dilation)
    parts = g("Split", np.int32(space + 1), x, num_split=groups)
    kernels = g("Split", np.int32(space + 1), kernel, num_split=groups)
    part = (*x.shape[:-1], channels // groups)
    made = [
        _plain(g, replace(each, shape=part), replace(of, shape=(*kernel.shape[:-1], kernel.shape[-1] // groups)),
               strides, edges, dilation)
        for each, of in zip(parts, kernels, strict=True)
    ]  # fmt: skip
    return g("ConcatV2", made, np.int32(space + 1))


def _padded(shape, edges, spread):
    return [(n - 1) * size + 1 + sum(pair) for n, pair, size in zip(shape, edges, spread, strict=True)]


def _depthwise(strides, dilation):
    """Whether the op for it takes them: one stride for both axes, and none where there is dilation."""
    return len(set(strides)) == 1 and (max(dilation) == 1 or max(strides) == 1)


def _plain(g, x, kernel, strides, edges, dilation):
    op = "Conv2D" if len(strides) == 2 else "Conv3D"
    return _node(g, op, x, kernel, strides, edges, dilation)


def _node(g, op, x, kernel, strides, edges, dilation):
    """SAME and VALID where they say the same; else padding first."""
    kind = padding_name(x.shape[1:-1], kernel.shape[: len(strides)], strides, edges, dilation)
    if kind is None:
        paddings = np.array([[0, 0], *edges, [0, 0]], np.int32)
        x, kind = g("Pad", x, paddings), "VALID"
    return g(op, x, kernel, strides=[1, *strides, 1], padding=kind, dilations=[1, *dilation, 1])


def padding_name(sizes, window, strides, edges, dilation):
    """The name of the padding; None where it has none."""
    if not any(map(any, edges)):
        return "VALID"
    same = []
    for size, n, stride, step in zip(sizes, window, strides, dilation, strict=True):
        whole = (int(n) - 1) * step + 1
        if not is_static([size]) and stride > 1:
            return None
        left = 0 if not is_static([size]) else int(size) % stride
        total = max(whole - (left or stride), 0)
        same.append([total // 2, total - total // 2])
    return "SAME" if same == [ints(pair) for pair in edges] else None
