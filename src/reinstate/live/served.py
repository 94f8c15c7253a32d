"""A model or a function becomes an ``Archive`` of its signatures and their variables: to be run, not to be rebuilt."""

from __future__ import annotations

from typing import Any

import keras

from reinstate.archive.model import Archive, ArrayTensors, Layout, ObjectNode
from reinstate.errors import UnsupportedError
from reinstate.functions import SpecifiedFunction
from reinstate.live.endpoints import endpoints
from reinstate.live.nodes import Graph
from reinstate.live.traces import Traces, write_signatures


def capture_served(subject: Any, signatures: Any) -> tuple[Archive, tuple[str, ...]]:
    """What a Keras model or a ``reinstate.function`` computes, or the ``signatures``; and what is to be known of it.

    Raises:
        UnsupportedError: it is neither, or cannot be put into TensorFlow's ops; names what stands in the way.
    """
    if not isinstance(subject, keras.layers.Layer | SpecifiedFunction):
        raise UnsupportedError(f"{subject!r:.100} is no Keras model, layer or reinstate.function")
    if signatures is None and not isinstance(subject, keras.Model):
        signatures = subject
    graph = Graph([ObjectNode()])
    lists = _variables(graph, subject) if isinstance(subject, keras.layers.Layer) else {}
    traces = Traces(graph)
    write_signatures(traces, endpoints(subject, signatures))
    graph.nodes[0] = ObjectNode(children=lists | _children(graph, traces, lists))
    archive = Archive(
        format="SavedModel",
        layout=Layout.ATTRIBUTES,
        nodes=tuple(graph.nodes),
        tensors=ArrayTensors(graph.arrays),
        signatures=traces.signatures,
        graph=traces.finish,
    )
    return archive, tuple(traces.losses)


def _variables(graph: Graph, layer: Any) -> dict[str, int]:
    """The lists of variables that an exported model has in Keras."""
    names = ("variables", "trainable_variables", "non_trainable_variables")
    return {name: graph.list([graph.variable(variable) for variable in getattr(layer, name)]) for name in names}


def _children(graph: Graph, traces: Traces, lists: dict[str, int]) -> dict[str, int]:
    """The signatures, what only they hold, and the variables of functions, as one list."""
    children = {"signatures": graph.add(ObjectNode(identifier="signature_map", children=traces.endpoints))}
    if traces.held:
        children["reinstate"] = graph.group(traces.held)
    if not lists:
        used = [node for name, node in traces.held.items() if name.startswith("variable")]
        children["variables"] = graph.list(used)
    return children
