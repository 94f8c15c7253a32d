# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
"""Functions that JAX has not: SciPy computes them, on the host; they have no gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from scipy import special

from reinstate.graph.rules import row

_FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    **{"BesselJ0": special.j0, "BesselJ1": special.j1, "BesselY0": special.y0, "BesselY1": special.y1},
    **{"BesselK0": special.k0, "BesselK0e": special.k0e, "BesselK1": special.k1, "BesselK1e": special.k1e},
    "Dawsn": special.dawsn,
    "FresnelSin": lambda x: special.fresnel(x)[0],
    "FresnelCos": lambda x: special.fresnel(x)[1],
}


def _computed(function: Callable[[Any], Any], xp: Any, x: Any) -> Any:
    def on_host(value: Any) -> Any:
        value = np.asarray(value)
        return np.asarray(function(value.astype(np.float64)), value.dtype)

    if xp is np:
        return on_host(x)
    return jax.pure_callback(on_host, jax.ShapeDtypeStruct(x.shape, x.dtype), x, vmap_method="expand_dims")


for _name, _function in _FUNCTIONS.items():
    row(_name, lambda xp, x, f=_function: _computed(f, xp, x))
