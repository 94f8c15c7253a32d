"""A layer, or a model, becomes nodes: attributes first, then the lists that tf.keras' own loader looks into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras

from reinstate.archive import metadata as keras_json
from reinstate.archive.model import ObjectNode
from reinstate.config import down_layer
from reinstate.config.lens import Context
from reinstate.live import _keras
from reinstate.live.attributes import edges, graph_layers, is_graph_model
from reinstate.live.nodes import Graph
from reinstate.live.revived import Revived

_DTYPES = {("Normalization", "count"): "int64"}  # where tf.keras has another type than Keras 3


@dataclass(slots=True)
class LayerNodes:
    """Makes the nodes of layers in a graph."""

    graph: Graph
    context: Context
    weights_only: bool = False  # a checkpoint: no metadata, no lists

    def layer(self, layer: Any, item: Mapping[str, Any] | None = None) -> int:
        """The node of a layer; ``item`` is its Keras 2 config where that is known already."""
        if id(layer) in self.graph.ids:
            return self.graph.ids[id(layer)]
        children: dict[str, int] = {}
        revived = isinstance(layer, Revived)
        if item is None and not self.weights_only and not revived:
            item = down_layer(_keras.serialize(layer), self.context)
        metadata = None if item is None else _metadata(layer, item)
        if revived and not self.weights_only:
            metadata = {**layer.stored.metadata, "name": layer.name, "trainable": layer.trainable}
        index = self.graph.add(ObjectNode(identifier=_identifier(layer), children=children, metadata=metadata), layer)
        if is_graph_model(layer):
            children.update(self._layers(layer, item))
        children.update(self._attributes(layer))
        if not self.weights_only and not isinstance(layer, keras.layers.InputLayer):
            children.update(self._lists(layer))
        return index

    def _layers(self, model: Any, item: Mapping[str, Any] | None) -> dict[str, int]:
        """``layer-i`` for each layer, ``layer_with_weights-j`` for those that have any."""
        listed = () if item is None else item["config"]["layers"]
        items = {config.get("name") or config["config"]["name"]: config for config in listed}
        result: dict[str, int] = {}
        weighted = 0
        for position, layer in enumerate(graph_layers(model)):
            index = self.layer(layer, items.get(layer.name))
            if layer.weights:
                result[f"layer_with_weights-{weighted}"] = index
                weighted += 1
            result[f"layer-{position}"] = index
        return result

    def _attributes(self, owner: Any) -> dict[str, int]:
        class_name = type(owner).__name__
        return {name: self._node(value, _DTYPES.get((class_name, name))) for name, value in edges(owner)}

    def _node(self, value: Any, dtype: str | None) -> int:
        if isinstance(value, keras.Variable):
            return self.graph.variable(value, dtype=dtype)
        if isinstance(value, keras.Layer):
            return self.layer(value)
        if id(value) in self.graph.ids:
            return self.graph.ids[id(value)]
        children: dict[str, int] = {}
        index = self.graph.add(ObjectNode(identifier=_container(value), children=children), value)
        children.update(self._attributes(value))
        return index

    def _lists(self, layer: Any) -> dict[str, int]:
        """The lists of variables, and ``keras_api``, which tf.keras 2.3 wants to be there."""
        graph = self.graph
        trains, rests = layer.trainable_weights, layer.non_trainable_weights
        lists = {
            "variables": graph.list(map(graph.variable, layer.weights)),
            "trainable_variables": graph.list(map(graph.variable, trains)),
            "regularization_losses": graph.list(()),
        }
        api = {
            **lists,
            "non_trainable_variables": graph.list(map(graph.variable, rests)),
            "layers": graph.list(self.layer(inner) for inner in _inner_layers(layer)),
            "metrics": graph.list(()),
            "layer_regularization_losses": graph.list(()),
            "layer_metrics": graph.add(ObjectNode(identifier="trackable_dict_wrapper")),
        }
        return {**lists, "keras_api": graph.group(api)}

    def metrics(self, root: int, metrics: Sequence[int]) -> None:
        """Hang the nodes of metrics where tf.keras has them."""
        nodes = self.graph.nodes
        api = nodes[nodes[root].children["keras_api"]]
        listed = api.children["metrics"]
        nodes[listed] = replace(nodes[listed], children={str(i): node for i, node in enumerate(metrics)})


def _inner_layers(layer: Any) -> list[Any]:
    return graph_layers(layer) if is_graph_model(layer) else _keras.own_layers(layer)


def _container(value: Any) -> str:
    if isinstance(value, Mapping):
        return "trackable_dict_wrapper"
    return "trackable_list_wrapper" if isinstance(value, list | tuple) else "_generic_user_object"


def _identifier(layer: Any) -> str:
    if isinstance(layer, Revived):
        return layer.stored.identifier
    if isinstance(layer, keras.Sequential):
        return "_tf_keras_sequential"
    if isinstance(layer, keras.Model):
        return "_tf_keras_network" if is_graph_model(layer) else "_tf_keras_model"
    if isinstance(layer, keras.layers.InputLayer):
        return "_tf_keras_input_layer"
    return "_tf_keras_rnn_layer" if isinstance(layer, keras.layers.RNN) else "_tf_keras_layer"


def _metadata(layer: Any, item: Mapping[str, Any]) -> dict[str, Any]:
    """Keras' JSON for a layer, with the keys that its loaders from 2.3 on look at."""
    config = item["config"]
    dtype = config.get("dtype", "float32")
    if isinstance(layer, keras.layers.InputLayer):
        given = {key: config.get(key) for key in ("batch_input_shape", "sparse", "ragged")}
        return {"class_name": item["class_name"], "name": layer.name, "dtype": dtype, **given, "config": config}
    model = isinstance(layer, keras.Model)
    result = {
        "name": layer.name,
        "trainable": layer.trainable,
        "expects_training_arg": _keras.takes_training(layer),
        "dtype": dtype,
        "batch_input_shape": None,
        **({} if model else {"stateful": bool(getattr(layer, "stateful", False))}),
        "must_restore_from_config": False,
        "preserve_input_structure_in_config": False,
        "autocast": bool(getattr(layer, "autocast", True)),
        "class_name": item["class_name"],
        "config": config,
        "build_input_shape": _build_shape(layer),
    }
    return {**result, "is_graph_network": is_graph_model(layer)} if model else result


def _build_shape(layer: Any) -> Any:
    """The shape(s) that the layer was built for; of one that has nothing to build, those that it was called with."""
    build_config = layer.get_build_config() or {}
    shapes = [build_config.get("input_shape"), *build_config.get("shapes_dict", {}).values(), _keras.input_shape(layer)]
    return _tagged(next((shape for shape in shapes if shape is not None), None))


def _tagged(shape: Any) -> Any:
    """A shape, or a structure of shapes, with each shape tagged."""
    if isinstance(shape, Mapping):
        return {name: _tagged(item) for name, item in shape.items()}
    if not isinstance(shape, list | tuple):
        return None
    if all(size is None or isinstance(size, int) for size in shape):
        return keras_json.shape(tuple(shape))
    return [_tagged(item) for item in shape]
