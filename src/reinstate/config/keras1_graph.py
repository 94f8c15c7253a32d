"""The Sequential of Keras 1 that began with a Merge of other models: as a graph of all their layers.

Its HDF5 files list the layers of these towers as the model's own, so that is what they become.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reinstate.config.lens import Config, Context

Leaf = list[Any]


def is_tower_model(item: Mapping[str, Any]) -> bool:
    """Tell whether a serialized model is a Sequential that begins with a Merge of models."""
    config = item.get("config")
    if item.get("class_name") != "Sequential" or not isinstance(config, list | tuple) or not config:
        return False
    first = config[0]
    merged = first.get("config") if isinstance(first, Mapping) and first.get("class_name") == "Merge" else None
    return isinstance(merged, Mapping) and isinstance(merged.get("layers"), list | tuple)


def untangled(item: Mapping[str, Any], context: Context) -> Config:
    """Return such a model as one of class ``Model``, still in the words of Keras 1."""
    graph = _Graph(context)
    output = graph.sequential(item["config"])
    config = {"name": item.get("name", "sequential"), "layers": graph.layers}
    return {**item, "class_name": "Model", "config": {**config, "input_layers": graph.inputs, "output_layers": output}}


class _Graph:
    """The layers of a graph while it is put together."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.layers: list[Config] = []
        self.inputs: list[Leaf] = []

    def sequential(self, layers: Any) -> list[Leaf]:
        """Add a Sequential's layers one after another; return its output."""
        tensors: list[Leaf] = []
        for layer in layers:
            if not isinstance(layer, Mapping) or not isinstance(layer.get("config"), Mapping | list | tuple):
                self.context.refuse(f"not a serialized layer: {layer!r:.200}")
            else:
                tensors = self.layer(layer, tensors)
        return tensors

    def layer(self, layer: Mapping[str, Any], tensors: list[Leaf]) -> list[Leaf]:
        config = layer["config"]
        if layer.get("class_name") == "Sequential" and not tensors:
            return self.sequential(config if isinstance(config, list | tuple) else config.get("layers", ()))
        if layer.get("class_name") == "Model" and not tensors and isinstance(config, Mapping):
            return self.model(config)
        if layer.get("class_name") == "Merge" and isinstance(config, Mapping) and "layers" in config:
            tensors = [leaf for tower in config["layers"] for leaf in self.layer(tower, [])]
            config = {key: value for key, value in config.items() if key != "layers"}
            layer = {**layer, "config": config}
        if not tensors:
            tensors = [self.input(config)]
        return [self.add({**layer, "inbound_nodes": [tensors]})]

    def model(self, config: Mapping[str, Any]) -> list[Leaf]:
        """Add a graph's layers as they are wired; return its outputs."""
        self.layers += config.get("layers", ())
        self.inputs += config.get("input_layers", ())
        return list(config.get("output_layers", ()))

    def input(self, config: Any) -> Leaf:
        name = f"{config.get('name', 'layer') if isinstance(config, Mapping) else 'layer'}_input"
        shape = config.get("batch_input_shape") if isinstance(config, Mapping) else None
        if shape is None:
            self.context.refuse(f"{name}: the shape of the input is not said")
        inputs = {"name": name, "batch_input_shape": shape, "input_dtype": "float32", "sparse": False}
        self.inputs.append(self.add({"class_name": "InputLayer", "config": inputs, "inbound_nodes": []}))
        return self.inputs[-1]

    def add(self, layer: Config) -> Leaf:
        """Add a layer; one that stands in two towers is called twice."""
        config = layer["config"]
        name = str(layer.get("name") or (config.get("name") if isinstance(config, Mapping) else "") or "model")
        for known in self.layers:
            if known.get("name") == name:
                known["inbound_nodes"] = [*known["inbound_nodes"], *layer["inbound_nodes"]]
                return [name, max(len(known["inbound_nodes"]) - 1, 0), 0]
        self.layers.append({**layer, "name": name})
        return [name, 0, 0]
