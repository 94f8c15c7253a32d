"""TensorFlow's functions as op layers call them: TF's own names, arguments, defaults and dtypes, computed by JAX.

``FUNCTIONS`` maps every symbol to its ``Function``; config/functions.py lists the same symbols and arguments as data.
"""

from __future__ import annotations

from reinstate.live.keras2.ops import array, backend, image, linalg, math, nn, rearranging, reductions, v1
from reinstate.live.keras2.ops.table import FUNCTIONS, Function

__all__ = [
    "FUNCTIONS",
    "Function",
    "array",
    "backend",
    "image",
    "linalg",
    "math",
    "nn",
    "rearranging",
    "reductions",
    "v1",
]
