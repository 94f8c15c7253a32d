"""The functions of revived layers go back into a file as they came, bound to the variables that the layers have now.

So a model whose classes are not there can be saved and opened again, here and in TensorFlow, as often as one likes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from reinstate.archive.model import ObjectNode
from reinstate.errors import UnsupportedError, where
from reinstate.graph.build import Functions
from reinstate.live.revival import Revival
from reinstate.live.revived import Revived
from reinstate.live.traces import Traces
from reinstate.wire.nodes import functions_in

# Where Keras keeps functions beside those of the layer's own.
_BOOKS = (
    ("regularization_losses",),
    ("keras_api",),
    ("keras_api", "regularization_losses"),
    ("keras_api", "layer_regularization_losses"),
)


def carry(traces: Traces, layers: list[Revived]) -> None:
    """Give the nodes of revived layers, which are there already, the functions that they came with.

    Raises:
        UnsupportedError: functions are bound to what cannot be written (tables, files); names all of it.
    """
    sources: dict[int, _Source] = {}
    offenders: list[str] = []
    for layer in layers:
        revival = layer.stored.source
        source = sources.setdefault(id(revival), _Source(traces, revival, offenders))
        source.onto(traces.graph.ids[id(layer)], layer.stored.node)
    if offenders:
        raise UnsupportedError("functions of revived layers are bound to what cannot be written:", offenders)


class _Source:
    """The archive that some of the layers came from."""

    def __init__(self, traces: Traces, revival: Revival, offenders: list[str]) -> None:
        self._traces, self._graph = traces, traces.graph
        self._revival, self._archive = revival, revival.archive
        self._offenders = offenders
        self._functions: dict[int, int] = {}  # nodes of functions there: here
        self._constants: dict[int, int] = {}

    def onto(self, index: int, node: int) -> None:
        """The functions of a node of the archive, those among its books and those that were attributes."""
        self._add(index, self._functions_of(self._archive.nodes[node]))
        for path in _BOOKS:
            source, target = self._archive.child(self._archive.nodes[node], *path), self._here(index, path)
            if source is not None and target is not None:
                self._add(target, self._functions_of(source))

    def _here(self, index: int, path: Sequence[str]) -> int | None:
        """The node at the end of a path; None where it is not there."""
        for name in path:
            if name not in self._graph.nodes[index].children:
                return None
            index = self._graph.nodes[index].children[name]
        return index

    def _add(self, index: int, children: Mapping[str, int]) -> None:
        node = self._graph.nodes[index]
        self._graph.nodes[index] = replace(node, children={**node.children, **children})

    def _functions_of(self, node: ObjectNode) -> dict[str, int]:
        found = {name: child for name, child in node.children.items() if self._revival.has_traces(child)}
        return {name: self._function(child) for name, child in found.items()}

    def _function(self, index: int) -> int:
        if index not in self._functions:
            function = self._revival.objects.functions[index]
            for name in function.traces:
                self._trace(name)
            kind = self._archive.nodes[index].kind
            self._functions[index] = self._graph.add(ObjectNode(kind=kind, identifier=""))
            self._traces.nodes[self._functions[index]] = function
        return self._functions[index]

    def _trace(self, name: str) -> None:
        trace = self._revival.objects.traces[name]
        bound = [self._bound(name, each) for each in trace.bound]
        self._traces.traces[name] = replace(trace, bound=tuple(each for each in bound if each is not None))
        take(self._traces.functions, self._revival.objects.library.functions, name)

    def _bound(self, name: str, index: int) -> int | None:
        """What a trace is bound to: a variable that is there now, or a constant, which goes along."""
        kind = self._archive.nodes[index].kind
        if kind == "variable":
            return self._graph.variable(self._revival.variables[index])
        if kind == "constant":
            return self._constant(index)
        self._offenders.append(f"{name}: object {index}, {kind}")
        return None

    def _constant(self, index: int) -> int:
        if index not in self._constants:
            made = self._graph.add(ObjectNode(kind="constant", identifier=""))
            self._traces.captured[made] = self._revival.objects.get(index)
            self._constants[index] = made
        return self._constants[index]


def take(functions: Functions, library: Mapping[str, Any], name: str) -> None:
    """Take a function over, with all that it calls.

    Raises:
        UnsupportedError: there is another function of that name.
    """
    waiting = [name]
    while waiting:
        each = waiting.pop()
        if functions.finished.get(each) is library[each]:
            continue
        if each in functions.finished:
            with where(f"function {each}"):
                raise UnsupportedError("another function has this name: the layers are of different files")
        functions.finished[each] = library[each]
        waiting += [called for called in functions_in(library[each]) if called in library]
