"""Strings on the host: arrays of bytes, changed one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]


def filled(shape: tuple[int, ...], items: Iterable[Any]) -> Array:
    """An array of objects, in order."""
    flat = list(items)
    result = np.empty(len(flat), object)
    result[:] = flat
    return result.reshape(shape)


def each(strings: Array, change: Callable[[bytes], Any]) -> Array:
    """The array with every string changed."""
    return filled(strings.shape, map(change, strings.ravel()))


def encoded(text: str | bytes) -> bytes:
    """What an attribute holds, as bytes."""
    return text.encode() if isinstance(text, str) else text


def decoded(text: str | bytes) -> str:
    """Bytes as text; what is no UTF-8 comes through as it is."""
    return text if isinstance(text, str) else text.decode("utf-8", "surrogateescape")


def undecoded(text: str) -> bytes:
    """The bytes that ``decoded`` has read."""
    return text.encode("utf-8", "surrogateescape")
