"""Joining, splitting, turning, repeating and padding."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from reinstate.live.keras2.ops.table import alike, function, shape, tensor


def _concat(values: Any, axis: Any) -> Any:
    values = alike(*values) if isinstance(values, list | tuple) else [tensor(values)]
    return jnp.concatenate(values, int(axis))


@function("concat")
def concat(values: Any, axis: Any) -> Any:
    """Tensors one after the other along an axis."""
    return _concat(values, axis)


@function("keras.backend.concatenate")
def concatenate(tensors: Any, axis: Any = -1) -> Any:
    """As ``concat``."""
    return _concat(tensors, axis)


@function("stack")
def stack(values: Any, axis: Any = 0) -> Any:
    """Tensors of one shape along a new axis."""
    return jnp.stack(alike(*values) if isinstance(values, list | tuple) else values, int(axis))


@function("keras.backend.stack")
def backend_stack(x: Any, axis: Any = 0) -> Any:
    """As ``stack``."""
    return stack(x, axis)


@function("unstack")
def unstack(value: Any, num: Any = None, axis: Any = 0) -> Any:
    """The slices of an axis."""
    value = tensor(value)
    return [jnp.take(value, i, int(axis)) for i in range(value.shape[int(axis)])]


@function("split")
def split(value: Any, num_or_size_splits: Any, axis: Any = 0, num: Any = None) -> Any:
    """Parts of an axis: a number of equal ones, or of these sizes, one of which may be -1."""
    value, axis = tensor(value), int(axis)
    if isinstance(num_or_size_splits, int) or np.ndim(num_or_size_splits) == 0:
        return jnp.split(value, int(num_or_size_splits), axis)
    sizes = list(shape(num_or_size_splits))
    if -1 in sizes:
        sizes[sizes.index(-1)] = value.shape[axis] - sum(sizes) - 1
    return jnp.split(value, list(itertools.accumulate(sizes))[:-1], axis)


def _transpose(a: Any, perm: Any, conjugate: Any = False) -> Any:
    a = tensor(a)
    return jnp.transpose(jnp.conj(a) if conjugate else a, None if perm is None else shape(perm))


@function("transpose")
def transpose(a: Any, perm: Any = None, conjugate: Any = False) -> Any:
    """The axes in another order, or reversed."""
    return _transpose(a, perm, conjugate)


@function("compat.v1.transpose")
def transpose_v1(a: Any, perm: Any = None, conjugate: Any = False) -> Any:
    """As ``transpose``."""
    return _transpose(a, perm, conjugate)


@function("keras.backend.permute_dimensions")
def permute_dimensions(x: Any, pattern: Any) -> Any:
    """As ``transpose``."""
    return _transpose(x, pattern)


@function("keras.backend.transpose")
def backend_transpose(x: Any) -> Any:
    """The axes reversed."""
    return _transpose(x, None)


@function("linalg.matrix_transpose")
def matrix_transpose(a: Any, conjugate: Any = False) -> Any:
    """The last two axes exchanged."""
    a = tensor(a)
    return jnp.swapaxes(jnp.conj(a) if conjugate else a, -1, -2)


@function("linalg.adjoint")
def adjoint(matrix: Any) -> Any:
    """The last two axes exchanged, conjugated."""
    return matrix_transpose(matrix, True)


@function("reverse", "compat.v1.reverse_v2")
def reverse(tensor: Any, axis: Any) -> Any:
    """Some axes in the opposite direction."""
    return jnp.flip(tensor, shape(axis))


@function("keras.backend.reverse")
def backend_reverse(x: Any, axes: Any) -> Any:
    """As ``reverse``."""
    return jnp.flip(tensor(x), shape(axes))


@function("reverse_sequence")
def reverse_sequence(input: Any, seq_lengths: Any, seq_axis: Any = None, batch_axis: Any = None) -> Any:
    """Of each sample, the first values along an axis in the opposite direction."""
    moved = jnp.moveaxis(tensor(input), (int(batch_axis or 0), int(seq_axis or 0)), (0, 1))
    steps = jnp.arange(moved.shape[1])
    lengths = tensor(seq_lengths)[:, None]
    at = jnp.where(steps < lengths, lengths - 1 - steps, steps)
    turned = jax.vmap(lambda row, places: row[places])(moved, at)
    return jnp.moveaxis(turned, (0, 1), (int(batch_axis or 0), int(seq_axis or 0)))


@function("roll")
def roll(input: Any, shift: Any, axis: Any) -> Any:
    """Values moved along axes, those that leave coming in on the other side."""
    return jnp.roll(tensor(input), shape(shift), shape(axis))


@function("tile")
def tile(input: Any, multiples: Any) -> Any:
    """The tensor side by side with itself."""
    return jnp.tile(tensor(input), shape(multiples))


@function("keras.backend.tile")
def backend_tile(x: Any, n: Any) -> Any:
    """As ``tile``."""
    return jnp.tile(tensor(x), shape(n))


@function("repeat")
def repeat(input: Any, repeats: Any, axis: Any = None) -> Any:
    """Each value several times."""
    counts = shape(repeats)
    return jnp.repeat(tensor(input), counts[0] if len(counts) == 1 else np.asarray(counts), axis)


@function("keras.backend.repeat_elements")
def repeat_elements(x: Any, rep: Any, axis: Any) -> Any:
    """As ``repeat``."""
    return jnp.repeat(tensor(x), int(rep), int(axis))


@function("keras.backend.repeat")
def backend_repeat(x: Any, n: Any) -> Any:
    """Each row of a matrix n times, along a new axis."""
    return jnp.repeat(tensor(x)[:, None], int(n), 1)


@function("pad", "compat.v1.pad")
def pad(tensor: Any, paddings: Any, mode: Any = "CONSTANT", constant_values: Any = 0) -> Any:
    """Values before and after along each axis: a constant, or a reflection without (REFLECT) or with the border."""
    rows = [shape(row) for row in paddings]
    kind = str(mode).lower()
    if kind != "constant":
        return jnp.pad(tensor, rows, kind)
    return jnp.pad(tensor, rows, constant_values=jnp.asarray(constant_values, tensor.dtype))


def _pad_between(x: Any, padding: Any, data_format: Any) -> Any:
    rows = [shape(row) for row in padding]
    first = data_format == "channels_first"
    return jnp.pad(tensor(x), [(0, 0), *([(0, 0)] if first else []), *rows, *([] if first else [(0, 0)])])


@function("keras.backend.temporal_padding")
def temporal_padding(x: Any, padding: Any = (1, 1)) -> Any:
    """Zeros before and after the steps."""
    return _pad_between(x, [padding], None)


@function("keras.backend.spatial_2d_padding")
def spatial_2d_padding(x: Any, padding: Any = ((1, 1), (1, 1)), data_format: Any = None) -> Any:
    """Zeros around images."""
    return _pad_between(x, padding, data_format)


@function("nn.space_to_depth")
def space_to_depth(input: Any, block_size: Any, data_format: Any = "NHWC") -> Any:
    """Blocks of pixels as channels."""
    x, size = _last(tensor(input), data_format), int(block_size)
    batch, height, width, channels = x.shape
    blocks = x.reshape(batch, height // size, size, width // size, size, channels)
    result = blocks.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height // size, width // size, size * size * channels)
    return _back(result, data_format)


@function("nn.depth_to_space")
def depth_to_space(input: Any, block_size: Any, data_format: Any = "NHWC") -> Any:
    """Channels as blocks of pixels."""
    x, size = _last(tensor(input), data_format), int(block_size)
    batch, height, width, channels = x.shape
    blocks = x.reshape(batch, height, width, size, size, channels // (size * size))
    result = blocks.transpose(0, 1, 3, 2, 4, 5)
    return _back(result.reshape(batch, height * size, width * size, channels // (size * size)), data_format)


def _last(x: Any, data_format: Any) -> Any:
    return jnp.moveaxis(x, 1, -1) if data_format == "NCHW" else x


def _back(x: Any, data_format: Any) -> Any:
    return jnp.moveaxis(x, -1, 1) if data_format == "NCHW" else x
