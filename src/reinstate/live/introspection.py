"""Signatures of functions, looked up once: Keras asks ``inspect`` for the same few for every layer."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from types import MethodType
from typing import Any

_lock = threading.Lock()
_users = 0
_plain = (inspect.signature, inspect.getfullargspec)


@contextmanager
def signatures_remembered() -> Iterator[None]:
    """Let ``inspect`` remember, while any such block runs in any thread, what it has found out of a function."""
    global _users
    with _lock:
        _users += 1
        if _users == 1:
            inspect.signature, inspect.getfullargspec = (_remembering(call) for call in _plain)
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                inspect.signature, inspect.getfullargspec = _plain


def _remembering(call: Callable[..., Any]) -> Callable[..., Any]:
    found: dict[Hashable, Any] = {}

    def remembered(function: Any, **options: Any) -> Any:
        # A bound method is another object each time; what it is bound to does not change what it takes.
        key = (MethodType, function.__func__) if isinstance(function, MethodType) else function
        if options or not isinstance(key, Hashable):
            return call(function, **options)
        if key not in found:
            found[key] = call(function)
        return found[key]

    return remembered
