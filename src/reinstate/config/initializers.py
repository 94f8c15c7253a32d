"""Initializers. Source: keras/initializers of Keras 2 and 3."""

from __future__ import annotations

from typing import Any

from reinstate.config.lens import Context, Convert, Family, Forget, Lens, New, Row, row
from reinstate.config.objects import plain

_MODULE = "keras.initializers"
_DTYPE = Forget(frozenset(["dtype", "partition_info"]))  # TF 1 wrote the variable's dtype here
_AXES = (New("input_axes", unsaid=(None,)), New("output_axes", unsaid=(None,)))


def _seed_down(value: Any, context: Context) -> Any:
    # A SeedGenerator shared between initializers: Keras 2 knows plain numbers only.
    return value if value is None or isinstance(value, int) else None


_SEED = Convert("seed", lambda value, context: value, _seed_down)


def _plain_down(value: Any, context: Context) -> Any:
    return plain(value)


def _row(class_name: str, keys: str = "", *lenses: Lens) -> Row:
    return row(_MODULE, class_name, keys, _DTYPE, *lenses)


INITIALIZERS = Family(
    "initializer",
    rows={
        "Zeros": _row("Zeros"),
        "Ones": _row("Ones"),
        "Constant": _row("Constant", "", Convert("value", lambda value, context: value, _plain_down)),
        "RandomNormal": _row("RandomNormal", "mean stddev", _SEED),
        "RandomUniform": _row("RandomUniform", "minval maxval", _SEED),
        "TruncatedNormal": _row("TruncatedNormal", "mean stddev", _SEED),
        "VarianceScaling": _row("VarianceScaling", "scale mode distribution", _SEED, *_AXES),
        "Orthogonal": _row("Orthogonal", "gain", _SEED),
        "Identity": _row("Identity", "gain"),
        "GlorotNormal": _row("GlorotNormal", "", _SEED, *_AXES),
        "GlorotUniform": _row("GlorotUniform", "", _SEED, *_AXES),
        "HeNormal": _row("HeNormal", "", _SEED, *_AXES),
        "HeUniform": _row("HeUniform", "", _SEED, *_AXES),
        "LecunNormal": _row("LecunNormal", "", _SEED, *_AXES),
        "LecunUniform": _row("LecunUniform", "", _SEED, *_AXES),
    },
    aliases={
        "zero": "Zeros",
        "zeros": "Zeros",
        "one": "Ones",
        "ones": "Ones",
        "constant": "Constant",
        "normal": "RandomNormal",
        "random_normal": "RandomNormal",
        "uniform": "RandomUniform",
        "random_uniform": "RandomUniform",
        "truncated_normal": "TruncatedNormal",
        "variance_scaling": "VarianceScaling",
        "orthogonal": "Orthogonal",
        "OrthogonalInitializer": "Orthogonal",
        "identity": "Identity",
        "IdentityInitializer": "Identity",
        "glorot_normal": "GlorotNormal",
        "glorot_uniform": "GlorotUniform",
        "he_normal": "HeNormal",
        "he_uniform": "HeUniform",
        "lecun_normal": "LecunNormal",
        "lecun_uniform": "LecunUniform",
    },
    options={"RandomNormal": {"stddev": 0.05}, "RandomUniform": {"minval": -0.05, "maxval": 0.05}},
)
