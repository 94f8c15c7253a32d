"""What a model of Keras 1 was compiled with, as far as later versions would compute something else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reinstate.config.lens import Config, Context

# Functions of Keras 1 that computed these for each batch, which says little of the whole.
_GONE = frozenset(["matthews_correlation", "precision", "recall", "fbeta_score", "fmeasure", "fscore", "f1score"])
_MEAN = frozenset(["cosine", "cosine_proximity"])


def is_keras1(version: str | None) -> bool:
    """Tell whether a file with this version was written by Keras 1, or before versions were written."""
    return version is None or version.startswith(("0.", "1."))


def training_from_keras1(training_config: Mapping[str, Any], context: Context) -> Config:
    """Return the training config without what Keras 2 dropped; what that is is noted as lost."""
    for name in _strings(training_config.get("loss")):
        if name in _MEAN:
            context.lose(f"loss {name!r}: Keras 1 divided it by the number of the outputs' elements")
    return {**training_config, "metrics": _kept(training_config.get("metrics"), context)}


def _strings(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [name for item in value for name in _strings(item)]
    return [value] if isinstance(value, str) else []


def _kept(value: Any, context: Context) -> Any:
    if isinstance(value, Mapping):
        return {key: _kept(item, context) for key, item in value.items()}
    if isinstance(value, str):
        return next(iter(_kept([value], context)), None)
    if not isinstance(value, list | tuple):
        return value
    gone = [item for item in value if isinstance(item, str) and item in _GONE and item not in context.custom]
    for name in gone:
        context.lose(f"metric {name!r} of Keras 1, which it computed batch by batch")
    return [item for item in value if item not in gone]
