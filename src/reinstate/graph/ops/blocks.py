# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Moving blocks of space to other axes and back, and the patches of images."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from reinstate.errors import UnsupportedError
from reinstate.graph.ops.array import padded
from reinstate.graph.rules import Static, ints, op, require


@op("SpaceToBatchND")
def space_to_batch_nd(input, block_shape: Static, paddings: Static, *, xp):
    blocks = ints(block_shape)
    count, rank = len(blocks), np.ndim(input)
    rest = input.shape[1 + count :]
    pairs = np.concatenate([[[0, 0]], paddings.reshape(count, 2), np.zeros((rank - 1 - count, 2), np.int64)])
    x = padded(input, pairs.astype(np.int64), np.zeros((), input.dtype), xp)
    require(all(b > 0 and n % b == 0 for n, b in zip(x.shape[1 : 1 + count], blocks, strict=True)), f"blocks {blocks}")
    split = [size for n, b in zip(x.shape[1 : 1 + count], blocks, strict=True) for size in (n // b, b)]
    x = x.reshape(x.shape[0], *split, *rest)
    inner = range(2, 2 * count + 1, 2)
    outer = range(1, 2 * count, 2)
    x = xp.transpose(x, (*inner, 0, *outer, *range(2 * count + 1, x.ndim)))
    return x.reshape(math.prod(x.shape[: count + 1]), *split[::2], *rest)


@op("BatchToSpaceND")
def batch_to_space_nd(input, block_shape: Static, crops: Static, *, xp):
    blocks = ints(block_shape)
    count, batch = len(blocks), input.shape[0]
    require(min(blocks, default=1) > 0 and batch % math.prod(blocks) == 0, f"the blocks {blocks}")
    spatial, rest = input.shape[1 : 1 + count], input.shape[1 + count :]
    x = input.reshape(*blocks, batch // math.prod(blocks), *spatial, *rest)
    pairs = [axis for i in range(count) for axis in (count + 1 + i, i)]
    x = xp.transpose(x, (count, *pairs, *range(2 * count + 1, x.ndim)))
    x = x.reshape(x.shape[0], *(n * b for n, b in zip(spatial, blocks, strict=True)), *rest)
    cuts = [
        slice(int(a), n - int(b)) for n, (a, b) in zip(x.shape[1 : 1 + count], crops.reshape(count, 2), strict=True)
    ]
    return x[(slice(None), *cuts, ...)]


@op("SpaceToDepth")
def space_to_depth(input, *, block_size, data_format, xp):
    x = _channels_last(input, data_format, xp)
    n, h, w, c = x.shape
    require(h % block_size == 0 and w % block_size == 0, f"{h} x {w} in blocks of {block_size}")
    x = x.reshape(n, h // block_size, block_size, w // block_size, block_size, c)
    x = xp.transpose(x, (0, 1, 3, 2, 4, 5)).reshape(n, h // block_size, w // block_size, -1)
    return _as_given(x, data_format, xp)


@op("DepthToSpace")
def depth_to_space(input, *, block_size, data_format, xp):
    x = _channels_last(input, data_format, xp)
    n, h, w, c = x.shape
    require(c % (block_size * block_size) == 0, f"{c} channels in blocks of {block_size} x {block_size}")
    x = x.reshape(n, h, w, block_size, block_size, -1)
    x = xp.transpose(x, (0, 1, 3, 2, 4, 5)).reshape(n, h * block_size, w * block_size, -1)
    return _as_given(x, data_format, xp)


def _channels_last(x: Any, data_format: str, xp: Any) -> Any:
    if data_format == "NCHW_VECT_C":
        raise UnsupportedError("the data format NCHW_VECT_C")
    return xp.transpose(x, (0, 2, 3, 1)) if data_format == "NCHW" else x


def _as_given(x: Any, data_format: str, xp: Any) -> Any:
    return xp.transpose(x, (0, 3, 1, 2)) if data_format == "NCHW" else x


@op("ExtractImagePatches")
def extract_image_patches(images, *, ksizes, strides, rates, padding):
    patches = lax.conv_general_dilated_patches(
        images.astype(jnp.float32) if images.dtype.kind in "iu" else images,
        filter_shape=tuple(ksizes[1:3]),
        window_strides=tuple(strides[1:3]),
        padding=padding,
        rhs_dilation=tuple(rates[1:3]),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    n, h, w, _ = patches.shape  # channels first within a patch, and TensorFlow has them last
    patches = patches.reshape(n, h, w, images.shape[3], ksizes[1] * ksizes[2])
    return jnp.swapaxes(patches, 3, 4).reshape(n, h, w, -1).astype(images.dtype)
