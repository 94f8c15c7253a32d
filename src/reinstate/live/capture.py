"""A live model becomes an ``Archive``: the mirror of ``build``.

``capture`` makes the object graph that tf.keras would have made (attribute names, lists of variables, metadata per
layer); ``capture_positions`` makes the layers and weights that HDF5 lists. Both carry beside it, under the name
``reinstate`` or as edges of their own, what Keras 2 has no word for: seed states, optimizer variables, the Keras 3
config.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import keras

from reinstate.archive.model import Archive, ArrayTensors, Layout, ObjectNode
from reinstate.config import down_model
from reinstate.config.lens import Context
from reinstate.config.training import down_training
from reinstate.errors import UnsupportedError
from reinstate.live import _keras
from reinstate.live.attributes import legacy_order, state_paths
from reinstate.live.carried import carry
from reinstate.live.endpoints import endpoints
from reinstate.live.keras2.models import plain_config
from reinstate.live.layers import LayerNodes
from reinstate.live.metrics import capture_metrics, serialized_metric
from reinstate.live.nodes import Graph
from reinstate.live.optimizer_nodes import capture_optimizer, capture_optimizer_positions, rest
from reinstate.live.positions import TOP_LEVEL, model_layers
from reinstate.live.revived import Revived, revived_in, saved_with_functions
from reinstate.live.traces import Traces, write_signatures

KERAS_VERSION = "2.15.0"  # the dialect in which we write; what its readers take, those back to 2.3 do, too


def serialize(model: Any) -> dict[str, Any]:
    """The Keras 3 dialect: the model's config and, where it is compiled, its compile config with metrics resolved.

    Raises:
        UnsupportedError: the model's class has no config to rebuild it from.
    """
    try:
        config = _keras.serialize(model)
    except NotImplementedError as error:
        raise UnsupportedError(f"{type(model).__name__} cannot be saved: {error}") from error
    config.pop("compile_config", None)
    plain: dict[str, Any] = plain_config(config)
    return plain


def compile_config(model: Any) -> dict[str, Any] | None:
    """The compile settings, metric strings replaced by what they became; None for a model that is not compiled."""
    if not model.compiled:
        return None
    config: dict[str, Any] | None = model.get_compile_config()
    if not config:
        return None
    config = config | {"loss": _serialized_loss(_keras.compiled_loss(model), config.get("loss"))}
    resolved = _keras.resolved_metrics(model)
    if resolved is not None:
        names = ("metrics", "weighted_metrics")
        config = config | {
            name: _serialized(metrics) for name, metrics in zip(names, resolved, strict=True) if any(metrics)
        }
    return config


def _serialized_loss(loss: Any, serialized: Any) -> Any:
    """The serialized losses, with the settings that Keras leaves out of them."""
    if isinstance(loss, keras.losses.Loss):
        return {**serialized, "config": {**_keras.loss_settings(loss), **serialized["config"]}}
    if isinstance(loss, Mapping):
        return {name: _serialized_loss(item, serialized[name]) for name, item in loss.items()}
    if isinstance(loss, list | tuple):
        return [_serialized_loss(item, other) for item, other in zip(loss, serialized, strict=True)]
    return serialized


def _serialized(per_output: Sequence[Sequence[Any] | None]) -> Any:
    lists = [[serialized_metric(metric) for metric in metrics or ()] for metrics in per_output]
    return lists[0] if len(lists) == 1 else lists


@dataclass(frozen=True, slots=True)
class Dialects:
    """What the model says in both dialects, and what Keras 2 cannot say of it."""

    config: Mapping[str, Any] | None  # None: the model is what its functions compute
    training_config: Mapping[str, Any] | None
    keras3: Mapping[str, Any]
    losses: tuple[str, ...]


def dialects(model: Any, include_optimizer: bool, functions: bool = False) -> Dialects:
    """Translate the model's config and its compile config down; with its ``functions``, a model may have none.

    Keras 3's config cannot say of a layer that it is revived; Keras 2's can, by a class that is not there.
    """
    context = Context(KERAS_VERSION)
    config = None if functions and isinstance(model, Revived) else serialize(model)
    keras3 = {} if functions and revived_in(model) else {"model": config}
    compiled = compile_config(model) if include_optimizer else None
    return Dialects(
        config=None if config is None else down_model(config, context),
        training_config=None
        if compiled is None
        else down_training(compiled, context, _keras.output_names(model)) or None,
        keras3={"keras_version": keras.__version__, **keras3, "compile": compiled},
        losses=tuple(context.losses),
    )


def capture(
    model: Any, include_optimizer: bool = True, functions: bool = False, signatures: Any = None
) -> tuple[Archive, tuple[str, ...]]:
    """The model as a SavedModel's object graph, and what Keras 2's dialect, or its functions, cannot say of it.

    ``functions`` asks for what the model computes, too: a signature for serving, unless the caller has ``signatures``.

    Raises:
        UnsupportedError: layers were revived from functions, which would not be in the file, or ``signatures`` cannot
            be written.
    """
    if not functions and (revived := revived_in(model)):
        raise UnsupportedError(
            "layers without their classes consist of the functions that they came with, which save_traces=False would "
            "leave out:",
            revived,
        )
    with saved_with_functions() if functions else nullcontext():
        said = dialects(model, include_optimizer, functions)
    graph = Graph()
    layers = LayerNodes(graph, Context(KERAS_VERSION))
    root = layers.layer(model, said.config)
    metadata = {**(graph.nodes[root].metadata or {}), **_root_metadata(said)}
    children = dict(graph.nodes[root].children)
    if said.training_config is not None:
        if model.optimizer is not None:
            children["optimizer"] = capture_optimizer(graph, model.optimizer, said.training_config)
        layers.metrics(root, capture_metrics(graph, model, Context(KERAS_VERSION)))
    wanted = functions or signatures is not None
    traces = _traces(graph, model, signatures) if wanted else None
    losses = () if traces is None else traces.losses
    children["signatures"] = graph.add(
        ObjectNode(identifier="signature_map", children={} if traces is None else traces.endpoints)
    )
    if traces is not None and traces.held:
        children["reinstate"] = graph.group(traces.held)
    graph.nodes[root] = replace(graph.nodes[root], children=children, metadata=metadata)
    archive = _archive("SavedModel", Layout.ATTRIBUTES, graph, said)
    if traces is not None:
        archive = replace(archive, signatures=traces.signatures, graph=traces.finish)
    return archive, (*said.losses, *losses)


def _traces(graph: Graph, model: Any, signatures: Any) -> Traces:
    """The signatures, and why the model's own is not there if it is not.

    Raises:
        UnsupportedError: some of those that the caller wants cannot be written; names all.
    """
    traces = Traces(graph)
    carry(traces, [each for each in graph.kept if isinstance(each, Revived)])
    try:
        write_signatures(traces, endpoints(model, signatures))
    except UnsupportedError as error:
        if signatures is not None:
            raise
        traces.losses += error.offenders or [f"the signature {error}"]
    return traces


def capture_weights(model: Any) -> Archive:
    """The model's weights and, where it is compiled, its optimizer's state, as a checkpoint's object graph."""
    graph = Graph()
    root = LayerNodes(graph, Context(KERAS_VERSION), weights_only=True).layer(model)
    if model.compiled and model.optimizer is not None and model.optimizer.built:
        children = dict(graph.nodes[root].children)
        children["optimizer"] = capture_optimizer(graph, model.optimizer, None)
        graph.nodes[root] = replace(graph.nodes[root], children=children)
    return _archive("TF checkpoint", Layout.ATTRIBUTES, graph, None)


def capture_positions(model: Any, include_optimizer: bool = True) -> tuple[Archive, tuple[str, ...]]:
    """The model as HDF5 lists it, and what Keras 2's dialect cannot say of it."""
    said = dialects(model, include_optimizer)
    functions = [f"the functions of {label}: opening the file needs its class" for label in revived_in(model)]
    graph = Graph([ObjectNode()])
    children = _layers_by_name(graph, model)
    extras = _seed_states(graph, model)
    if said.training_config is not None:
        if model.optimizer is not None:
            children["optimizer"] = capture_optimizer_positions(graph, model.optimizer, said.training_config)
            extras["optimizer"] = graph.group(rest(graph, model.optimizer))
        extras["metrics"] = graph.list(capture_metrics(graph, model))
    children["reinstate"] = graph.group(extras)
    graph.nodes[0] = ObjectNode(identifier="_tf_keras_network", children=children, metadata=said.config)
    return _archive("HDF5", Layout.POSITIONS, graph, said), (*said.losses, *functions)


def capture_weights_positions(model: Any) -> Archive:
    """The model's weights as HDF5 lists them."""
    graph = Graph([ObjectNode()])
    graph.nodes[0] = ObjectNode(children=_layers_by_name(graph, model))
    return _archive("HDF5", Layout.POSITIONS, graph, None)


def _archive(format: str, layout: Layout, graph: Graph, said: Dialects | None) -> Archive:
    return Archive(
        format=format,
        layout=layout,
        nodes=tuple(graph.nodes),
        tensors=ArrayTensors(graph.arrays),
        keras_version=KERAS_VERSION,
        backend="tensorflow",
        config=None if said is None else said.config,
        training_config=None if said is None else said.training_config,
        keras3=None if said is None else said.keras3,
    )


def _root_metadata(said: Dialects) -> dict[str, Any]:
    result: dict[str, Any] = {"keras_version": KERAS_VERSION, "backend": "tensorflow"}
    if said.config is not None:
        result["model_config"] = said.config
    return result if said.training_config is None else {**result, "training_config": said.training_config}


def _layers_by_name(graph: Graph, model: Any) -> dict[str, int]:
    """A node for every layer, those without weights too, and one for the weights that are the model's own."""
    children: dict[str, int] = {}
    for layer in model_layers(model):
        children[layer.name] = _weights_by_name(graph, legacy_order(layer))
    own = [weight for weight in legacy_order(model) if id(weight) not in graph.ids]
    children[TOP_LEVEL] = _weights_by_name(graph, own, TOP_LEVEL)
    return children


def _weights_by_name(graph: Graph, weights: Sequence[Any], identifier: str = "_tf_keras_layer") -> int:
    """A layer's node over its weights; one that stands in another layer, too, is written in both, as in tf.keras."""
    nodes = [graph.value(_keras.value(w), w.path, trainable=bool(w.trainable), of=w) for w in weights]
    return graph.add(ObjectNode(identifier=identifier, children={str(i): node for i, node in enumerate(nodes)}))


def _seed_states(graph: Graph, model: Any) -> dict[str, int]:
    """The states that are no weights (seeds), in a tree of the same shape as the model."""
    tree: dict[str, Any] = {}
    for path, variable in state_paths(model):
        if id(variable) not in graph.ids:
            branch = tree
            for name in path[:-1]:
                branch = branch.setdefault(name, {})
            branch[path[-1]] = graph.variable(variable)
    return {"layers": _group(graph, tree)} if tree else {}


def _group(graph: Graph, tree: Mapping[str, Any]) -> int:
    return graph.group({name: _group(graph, item) if isinstance(item, dict) else item for name, item in tree.items()})
