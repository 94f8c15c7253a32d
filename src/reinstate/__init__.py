"""Keras models in TensorFlow's SavedModel and HDF5 formats, in the exact state that was saved, without TensorFlow.

Importing this imports neither jax nor keras; where ``KERAS_BACKEND`` is unset and Keras is not imported yet, it becomes
jax.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

from reinstate._version import __version__

if TYPE_CHECKING:
    from reinstate._api import export, load, load_model, load_weights, save_model, save_weights
    from reinstate._register import register, unregister
    from reinstate.errors import (
        CorruptError,
        FormatError,
        LossyWarning,
        MismatchError,
        NewerFormatError,
        NotAModelError,
        ReinstateError,
        UnsafeError,
        UnsupportedError,
    )
    from reinstate.functions import function
    from reinstate.options import LoadOptions, SaveOptions
    from reinstate.study.inspect import inspect

if "KERAS_BACKEND" not in os.environ and "keras" not in sys.modules:
    os.environ["KERAS_BACKEND"] = "jax"

_PLACES = {
    "export": "_api",
    "load": "_api",
    "load_model": "_api",
    "load_weights": "_api",
    "save_model": "_api",
    "save_weights": "_api",
    "register": "_register",
    "unregister": "_register",
    "function": "functions",
    "inspect": "study.inspect",
    "LoadOptions": "options",
    "SaveOptions": "options",
    "CorruptError": "errors",
    "FormatError": "errors",
    "LossyWarning": "errors",
    "MismatchError": "errors",
    "NewerFormatError": "errors",
    "NotAModelError": "errors",
    "ReinstateError": "errors",
    "UnsafeError": "errors",
    "UnsupportedError": "errors",
}

__all__ = [
    "CorruptError",
    "FormatError",
    "LoadOptions",
    "LossyWarning",
    "MismatchError",
    "NewerFormatError",
    "NotAModelError",
    "ReinstateError",
    "SaveOptions",
    "UnsafeError",
    "UnsupportedError",
    "__version__",
    "export",
    "function",
    "inspect",
    "load",
    "load_model",
    "load_weights",
    "register",
    "save_model",
    "save_weights",
    "unregister",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'reinstate' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"reinstate.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
