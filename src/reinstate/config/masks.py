"""Masks that Keras 3 writes out and Keras 2 finds by itself.

A Keras 3 graph holds the operations that compute the mask of an ``Embedding(mask_zero=True)`` or a ``Masking`` and
hands the result to every layer as ``mask=``. Keras 2 recomputes such masks when it calls the layers; what is written
out there is only what the user passed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reinstate.config.names import words

_COMBINING = words("Any All ExpandDims Squeeze LogicalOr LogicalAnd Concatenate Reshape Cast")
_NEUTRAL = frozenset(["ZerosLike", "OnesLike"])
_ROOT = "NotEqual"
_KINDS = _COMBINING | _NEUTRAL | {_ROOT}

History = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class ImplicitMasks:
    """The operations of a graph that only compute such masks."""

    operations: frozenset[str] = frozenset()

    @classmethod
    def of(cls, layers: Sequence[Mapping[str, Any]], nodes: Sequence[Sequence[Any]], outputs: Any) -> ImplicitMasks:
        """Find them: they come from the input of a masking layer, and nothing but masks is made of them."""
        calls = {layer["name"]: list(own) for layer, own in zip(layers, nodes, strict=True) if "name" in layer}
        operations = {
            layer["name"]: layer["class_name"]
            for layer in layers
            if str(layer.get("module")).startswith("keras.src.ops.") and layer["class_name"] in _KINDS
        }
        if not operations:
            return cls()
        readers = _readers(operations, calls, outputs)
        unread = _closed(operations.keys(), readers)
        found = _from_sources({name: operations[name] for name in unread}, layers, calls)
        return cls(frozenset(_closed(found, readers)))

    def finds(self, value: Any) -> bool:
        """Tell whether an argument is one of these masks, or several."""
        names = [name for name, _, _ in _histories(value)]
        return bool(names) and self.operations.issuperset(names)


def _histories(value: Any) -> Iterator[History]:
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            yield tuple(value["config"]["keras_history"])
        else:
            for item in value.values():
                yield from _histories(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _histories(item)


def _readers(
    operations: Collection[str], calls: Mapping[str, Sequence[Any]], outputs: Any
) -> dict[str, set[str | None]]:
    """Return which layers read each operation otherwise than as ``mask=``; None stands for the model's outputs."""
    readers: dict[str, set[str | None]] = {name: set() for name in operations}
    for reader, own in calls.items():
        for call in own:
            kwargs = call.get("kwargs", {})
            values = [call.get("args", ()), {key: value for key, value in kwargs.items() if key != "mask"}]
            for name, _, _ in _histories(values):
                readers.get(name, set()).add(reader)
    for name in _output_names(outputs):
        readers.get(name, set()).add(None)
    return readers


def _closed(names: Iterable[str], readers: Mapping[str, set[str | None]]) -> set[str]:
    """Return those of ``names`` that nothing but they themselves read."""
    left = set(names)
    while spoiled := {name for name in left if not readers[name] <= left}:
        left -= spoiled
    return left


def _output_names(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _output_names(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _output_names(item)


def _from_sources(
    operations: Mapping[str, str], layers: Sequence[Mapping[str, Any]], calls: Mapping[str, Sequence[Any]]
) -> set[str]:
    """Return those that compute what a masking layer would: compare its input with its value, and combine."""
    sources = set(_sources(layers, calls))
    found = {
        name
        for name, kind in operations.items()
        if kind in _NEUTRAL or (kind == _ROOT and all(_comparison(call) in sources for call in calls[name]))
    }
    rest = {name for name, kind in operations.items() if kind in _COMBINING}
    while ready := [name for name in rest if {inner for inner, _, _ in _histories(calls[name])} <= found]:
        found.update(ready)
        rest.difference_update(ready)
    return found


def _sources(
    layers: Sequence[Mapping[str, Any]], calls: Mapping[str, Sequence[Any]]
) -> Iterator[tuple[History | None, Any]]:
    for layer in layers:
        config = layer["config"]
        if layer["class_name"] == "Masking":
            value = config.get("mask_value", 0.0)
        elif layer["class_name"] == "Embedding" and config.get("mask_zero"):
            value = 0
        else:
            continue
        for call in calls[layer["name"]]:
            yield next(_histories(call), None), value


def _comparison(call: Mapping[str, Any]) -> tuple[History | None, Any]:
    args = call.get("args", ())
    return next(_histories(args), None), args[1] if len(args) > 1 and not isinstance(args[1], Mapping) else None
