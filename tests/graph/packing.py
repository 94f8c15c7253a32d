"""Strings in .npz files, which have them only by pickling: as numbers, marked by their type. Others stay."""

from __future__ import annotations

import numpy as np

_MARK = np.dtype([("text", np.uint8)])


def pack(value):
    """Rank, sizes and lengths as int64, then the bytes."""
    value = np.asarray(value, object if isinstance(value, bytes) else None)
    if value.dtype != object:
        return value
    texts = value.ravel().tolist()
    head = np.array([value.ndim, *value.shape, *map(len, texts)], np.int64)
    return np.frombuffer(head.tobytes() + b"".join(texts), np.uint8).view(_MARK)


def unpack(value):
    if value.dtype != _MARK:
        return value
    content = value.tobytes()
    rank = int.from_bytes(content[:8], "little")
    shape = np.frombuffer(content, np.int64, rank, 8)
    lengths = np.frombuffer(content, np.int64, int(np.prod(shape)), 8 + 8 * rank)
    ends = 8 * (1 + rank + len(lengths)) + np.cumsum(lengths)
    result = np.empty(len(lengths), object)
    result[:] = [content[end - length : end] for end, length in zip(ends, lengths, strict=True)]
    return result.reshape(shape)
