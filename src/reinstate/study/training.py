"""How a model in an archive was trained: optimizer with its state, loss, metrics."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reinstate.archive.model import Archive, Layout, ObjectNode, Variable
from reinstate.archive.serialized import class_name, settings

LEGACY, NEW, KERAS3 = "legacy", "new", "Keras 3"
_STEPS = ("iter", "_iterations", "iterations", "iteration")
_NUMBERS = frozenset({"float16", "bfloat16", "float32", "float64", "int32", "int64", "uint32", "uint64"})
_RATES = ("learning_rate", "_learning_rate", "lr", "_current_learning_rate")


@dataclass(frozen=True, slots=True)
class Optimizer:
    """An optimizer and what the file has of its state; None where it does not say.

    ``generation``: "legacy" (TF up to 2.10, and ``keras.optimizers.legacy`` since), "new" (TF 2.11 on) or "Keras 3".
    ``slots`` is the number of slot variables. With a ``schedule`` (its class), ``learning_rate`` is what that starts
    at, or what it has come to, where the file says so.
    """

    class_name: str | None
    generation: str
    learning_rate: float | None = None
    schedule: str | None = None
    step: int | None = None
    slots: int = 0


def find_optimizer(archive: Archive) -> Optimizer | None:
    """The optimizer of an archive; None if it has none.

    Raises:
        CorruptError: its step or learning rate cannot be read.
    """
    said, node = _said(archive), archive.child(archive.root, "optimizer")
    if said is None and node is None:
        return None
    config = settings(said)
    inner = config.get("inner_optimizer") or config.get("optimizer")
    state = _state(archive, node) if node is not None else {}
    rate, schedule = _rate({**settings(inner), **config})
    step = _first(archive, state, _STEPS, None)
    return Optimizer(
        class_name=(f"{class_name(said)}({class_name(inner)})" if inner else class_name(said)) or None,
        generation=_generation(archive, said, node),
        learning_rate=_first(archive, state, _RATES, rate),
        schedule=schedule,
        step=None if step is None else int(step),
        slots=_slots(archive, node, state),
    )


def _config(archive: Archive) -> Mapping[str, Any]:
    """The compile settings; what a damaged file has in their place is nothing."""
    return archive.training_config if isinstance(archive.training_config, Mapping) else {}


def _said(archive: Archive) -> Any:
    """The optimizer as the compile settings have it: a dictionary, a name, or nothing."""
    return _config(archive).get("optimizer" if archive.format == "Keras archive" else "optimizer_config")


def _rate(config: Mapping[str, Any]) -> tuple[float | None, str | None]:
    """The learning rate, or what a schedule starts at with its class."""
    rate = config.get("learning_rate", config.get("lr"))
    schedule = None
    if isinstance(rate, Mapping):
        schedule = class_name(rate)
        rate = settings(rate).get("initial_learning_rate")
    return rate if isinstance(rate, float) else None, schedule


def _generation(archive: Archive, said: Any, node: ObjectNode | None) -> str:
    about = said if isinstance(said, Mapping) else {}
    if _is_keras3(archive):
        return KERAS3
    if archive.format == "Keras archive":
        return LEGACY if str(about.get("module", "")).endswith("legacy") else NEW
    lists = node is not None and (node.identifier == "experimentalOptimizer" or "_variables" in node.children)
    return NEW if lists or str(about.get("class_name", "")).startswith("Custom>") else LEGACY


def _state(archive: Archive, node: ObjectNode) -> dict[str, Variable]:
    """The optimizer's own variables by name.

    A ``.keras`` archive numbers them: the step first, then, in Keras 3 and without a schedule, the learning rate.
    """
    named = ((name, archive.nodes[index].variable) for name, index in node.children.items())
    names: dict[str, str] = {}
    if archive.format == "Keras archive":
        has_rate = _is_keras3(archive) and not isinstance(settings(_said(archive)).get("learning_rate"), Mapping)
        names = {"0": "iterations", "1": "learning_rate"} if has_rate else {"0": "iterations"}
    return {names.get(name, name): variable for name, variable in named if variable is not None}


def _is_keras3(archive: Archive) -> bool:
    return str(archive.keras_version).startswith("3.")


def _slots(archive: Archive, node: ObjectNode | None, state: Mapping[str, Variable]) -> int:
    if node is None:
        return 0
    if archive.layout is Layout.POSITIONS:
        return sum(_last(name) not in (*_STEPS, *_RATES) for name in state)
    listed = archive.child(node, "_variables")
    return len(node.slots) if listed is None else max(len(listed.children) - 1, 0)


def _first(
    archive: Archive, state: Mapping[str, Variable], names: tuple[str, ...], default: float | None
) -> float | None:
    """The value of the first of these variables that the file has."""
    for name, variable in state.items():
        is_number = variable.shape == () and variable.dtype.name in _NUMBERS
        if _last(name) in names and is_number and variable.tensor is not None:
            (value,) = archive.tensors.read([variable.tensor])
            return float(value.item()) if math.isfinite(value.item()) else default
    return default


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def loss_and_metrics(archive: Archive) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the losses and of the metrics, weighted ones included; with the output, if it is said."""
    config = _config(archive)
    metrics = [*_names(config.get("metrics")), *_names(config.get("weighted_metrics"))]
    return tuple(_names(config.get("loss"))), tuple(metrics)


def _names(value: Any, depth: int = 0) -> Iterator[str]:
    """The names in the forms that Keras has given losses and metrics: names, objects, lists, dictionaries by output."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping) and "class_name" in value:
        yield _name(value)
    elif isinstance(value, Mapping) and depth < 4:
        for output, item in value.items():
            yield from (f"{output}: {name}" for name in _names(item, depth + 1))
    elif isinstance(value, list | tuple) and depth < 4:
        for item in value:
            yield from _names(item, depth + 1)


def _name(item: Mapping[str, Any]) -> str:
    config = item.get("config")
    if isinstance(config, str):
        return config  # a function
    return str(settings(item).get("name") or class_name(item))
