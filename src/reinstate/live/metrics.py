"""Metric state, both ways: the loss tracker, the compiled metrics, and the losses per output.

In the archive they are a list of nodes, ``keras_api`` > ``metrics`` (in HDF5 files, that we wrote: ``reinstate`` >
``metrics``), each with its state variables by tf.keras' attribute names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keras

from reinstate.archive.model import Archive, Layout, ObjectNode
from reinstate.config.lens import Context
from reinstate.config.metrics import down_metric
from reinstate.config.objects import plain
from reinstate.config.slots import metric_attribute, metric_dtype
from reinstate.live import _keras
from reinstate.live.nodes import Graph
from reinstate.live.placed import Placed


def metrics_with_state(model: Any) -> list[tuple[str, Any]]:
    """The metrics of a compiled model that have variables now, by name."""
    return [(name, metric) for name, metric in _keras.named_metrics(model) if metric.variables]


def _state(metric: Any) -> Iterator[tuple[str, Any]]:
    """The metric's own variables by tf.keras' attribute names."""
    class_name = type(metric).__name__
    for name, value in vars(metric).items():
        if isinstance(value, keras.Variable):
            yield metric_attribute(class_name, name), value


def serialized_metric(metric: Any) -> dict[str, Any]:
    """What Keras says of a metric, arrays as lists: it does not take its own arrays back (``label_weights`` of AUC)."""
    item: dict[str, Any] = keras.saving.serialize_keras_object(metric)
    return {**item, "config": {key: plain(value) for key, value in item["config"].items()}}


def _metadata(label: str, metric: Any, context: Context) -> dict[str, Any]:
    """What tf.keras says of a metric; up to 2.4 it loads no model with metrics without."""
    about = {"name": label, "dtype": str(metric.dtype)}
    item = down_metric(serialized_metric(metric), context)
    if not isinstance(item, Mapping):
        return {"class_name": type(metric).__name__, **about, "config": about}
    return {"class_name": item["class_name"], **about, "config": item["config"]}


def capture_metrics(graph: Graph, model: Any, context: Context | None = None) -> list[int]:
    """A node for each metric, in the order of ``metrics_with_state``; with a context, it says which metric it is."""
    _keras.build_metrics(model)
    result = []
    for label, metric in metrics_with_state(model):
        class_name = type(metric).__name__
        children = {
            name: graph.variable(variable, dtype=metric_dtype(class_name, name)) for name, variable in _state(metric)
        }
        metadata = None if context is None else _metadata(label, metric, context)
        node = ObjectNode(identifier="_tf_keras_metric", children=children, metadata=metadata)
        result.append(graph.add(node, metric))
    return result


def place_metrics(archive: Archive, model: Any, placed: Placed) -> list[str]:
    """Pair the metrics' variables with the archive's; return what is in the file and found no place.

    In our own files they stand in the model's own order; in tf.keras', they are known by name.
    """
    nodes = _stored(archive)
    if not nodes:
        return []
    _keras.build_metrics(model)
    metrics = metrics_with_state(model)
    if archive.keras3 is not None:
        pairs = list(zip(metrics, nodes, strict=False))
    else:
        by_name = {str((archive.nodes[i].metadata or {}).get("name")): i for i in nodes}
        pairs = [(metric, by_name[metric[0]]) for metric in metrics if metric[0] in by_name]
    for (label, metric), index in pairs:
        node = archive.nodes[index]
        for name, variable in _state(metric):
            if name in node.children:
                child = node.children[name]
                placed.put(variable, child, archive.nodes[child], f"metrics/{label}/{name}")
    found = {index for _, index in pairs}
    lost = [i for i in nodes if i not in found and _state_nodes(archive, i) - placed.variables.keys()]
    return [f"the state of metric {(archive.nodes[i].metadata or {}).get('name', i)!r}" for i in lost]


def _state_nodes(archive: Archive, index: int) -> set[int]:
    """The variables of a metric's node; a function of a revived layer may count on."""
    return {child for child in archive.nodes[index].children.values() if archive.nodes[child].variable is not None}


def _stored(archive: Archive) -> list[int]:
    path = ("keras_api", "metrics") if archive.layout is Layout.ATTRIBUTES else ("reinstate", "metrics")
    listed = archive.child(archive.root, *path)
    return [] if listed is None else list(listed.children.values())
