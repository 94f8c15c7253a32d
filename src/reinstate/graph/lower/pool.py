# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Windows that are reduced: pooling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from reinstate.errors import UnsupportedError
from reinstate.graph.dimensions import is_static
from reinstate.graph.lower.array import pad, transposed
from reinstate.graph.lower.nn import padding_name
from reinstate.graph.lowering import ints, lower


@lower("reduce_window_max")
def reduce_window_max(g, x, *, window_dimensions, window_strides, padding, base_dilation, window_dilation, out):
    low = np.asarray(-np.inf if x.dtype.numpy.kind != "i" else np.iinfo(x.dtype.numpy).min, x.dtype.numpy)
    window = _Window(window_dimensions, window_strides, padding, base_dilation, window_dilation)
    return _pooled(g, x, "MaxPool", window, low, out)


@lower("reduce_window_min")
def reduce_window_min(g, x, *, window_dimensions, window_strides, padding, base_dilation, window_dilation, out):
    x = replace(g("Neg", x), shape=x.shape)
    return g("Neg", reduce_window_max(
        g, x, window_dimensions=window_dimensions, window_strides=window_strides, padding=padding,
        base_dilation=base_dilation, window_dilation=window_dilation, out=out,
    ))  # fmt: skip


@lower("reduce_window_sum")
def reduce_window_sum(g, x, *, window_dimensions, window_strides, padding, base_dilation, window_dilation, out):
    """An average times the number of elements; padded with zeros, which count."""
    window = _Window(window_dimensions, window_strides, padding, base_dilation, window_dilation)
    made = _pooled(g, x, "AvgPool", window, np.zeros((), x.dtype.numpy), out)
    return g("Mul", made, np.asarray(np.prod(ints(window_dimensions)), x.dtype.numpy))


class _Window:
    """The axes that a window reaches over, and how, by axis."""

    def __init__(self, sizes, strides, padding, base_dilation, dilation):
        self.sizes, self.strides = ints(sizes), ints(strides)
        self.padding = [tuple(pair) for pair in padding]
        if any(size != 1 for size in (*base_dilation, *dilation)):
            raise UnsupportedError("a window with gaps")
        self.axes = [
            axis
            for axis, pair in enumerate(self.padding)
            if self.sizes[axis] > 1 or self.strides[axis] > 1 or not is_static(pair) or any(pair)
        ]
        if len(self.axes) > 3:
            raise UnsupportedError(f"a window over {len(self.axes)} axes")


def _pooled(g, x, op, window, padded_with, out):
    """Channels last: one axis that is not reduced behind two or three that are, all others before them."""
    axes = window.axes
    if not axes:
        return x
    rest = [axis for axis in range(x.rank) if axis not in axes]
    front, last = (rest[:-1], rest[-1:]) if rest and rest[-1] > axes[-1] else (rest, [])
    order = [*front, *axes, *last]
    ordered = transposed(g, x, order)
    kind = "SAME" if op == "MaxPool" and not is_padded_oddly(ordered.shape, order, window) else None
    padding = [window.padding[axis] for axis in order]
    if kind is None and not all(is_static(pair) and not any(pair) for pair in padding):
        config = [(*pair, 0) for pair in padding]
        shape = tuple(size + sum(pair) for size, pair in zip(ordered.shape, padding, strict=True))
        ordered = replace(pad(g, ordered, g.constant(padded_with), padding_config=config), shape=shape)
    shape = tuple(out.shape[axis] for axis in order)
    made = _windows(g, op, ordered, window, len(front), kind or "VALID", shape)
    return transposed(g, made, [int(i) for i in np.argsort(order)])


def is_padded_oddly(shape, order, window):
    """Whether the padding is none that TensorFlow calls SAME."""
    axes = window.axes
    sizes = [shape[order.index(axis)] for axis in axes]
    if any(not is_static(window.padding[axis]) for axis in axes):
        return True
    name = padding_name(
        sizes, [window.sizes[a] for a in axes], [window.strides[a] for a in axes], [window.padding[a] for a in axes],
        [1] * len(axes),
    )  # fmt: skip
    return name != "SAME"


def _windows(g, op, x, window, front, kind, shape):
    """Pool a tensor whose first axes, ``front`` of them, are a batch together."""
    sizes, strides = ([values[axis] for axis in window.axes] for values in (window.sizes, window.strides))
    ones = [1] * max(0, 2 - len(sizes))
    flat = g.reshape(x, [_product(x.shape[:front]), *ones, *_behind(x.shape, front, len(sizes))])
    made = g(
        op if len(sizes) < 3 else f"{op}3D",
        flat,
        ksize=[1, *ones, *sizes, 1],
        strides=[1, *ones, *strides, 1],
        padding=kind,
    )
    made = replace(made, shape=(_product(shape[:front]), *ones, *_behind(shape, front, len(sizes))))
    return g.reshape(made, shape)


def _behind(shape, front, space):
    """The axes of the windows, and that of the channels."""
    return [*shape[front : front + space], *(shape[front + space :] or [1])]


def _product(sizes):
    total = 1
    for size in sizes:
        total = total * size
    return total
