"""Models: the layers of Functional and Sequential, their order, and how they are wired (wiring.py).

Keras 2 writes a node as nested lists of ``[layer, node, tensor, kwargs]``, Keras 3 as ``{"args", "kwargs"}`` with
tensors inside. ``up_model`` and ``down_model`` raise with everything that could not be translated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reinstate.config.dropped import ENDPOINTS, FUNCTIONAL_WITH_LOSSES
from reinstate.config.fields import BASE
from reinstate.config.keras1 import from_keras1
from reinstate.config.keras1_training import is_keras1
from reinstate.config.layers import LAYERS, REFUSED
from reinstate.config.lens import Config, Context
from reinstate.config.names import allowed_names
from reinstate.config.objects import custom, custom_name, is_builtin, is_own, keras3
from reinstate.config.op_layers import METHODS, refuse_method
from reinstate.config.operation_defs import modern_operations
from reinstate.config.operations import is_operation, operation_down, operation_up
from reinstate.config.safety import KERAS3_LAYERS, check_keras3
from reinstate.config.variants import plain_name, variant
from reinstate.config.wiring import Graph
from reinstate.config.wiring_down import down_graph
from reinstate.config.wiring_up import up_graph
from reinstate.errors import UnsupportedError

_GRAPH_MODELS = frozenset(["Functional", "Model", "Network"])
_STRUCTURE = frozenset(["layers", "input_layers", "output_layers"])


def up_model(config: Mapping[str, Any], context: Context) -> Config:
    """Translate a model of any Keras 2 to what ``keras.saving.deserialize_keras_object`` takes.

    Raises:
        UnsupportedError: something cannot be translated; it lists everything.
        UnsafeError: the result would name something else than Keras' own classes and the caller's.
    """
    try:
        item = from_keras1(config, context) if is_keras1(context.keras_version) else config
        model = up_layer(_item(item, context), context)
    except RecursionError:
        raise UnsupportedError("the model cannot be rebuilt in Keras 3", ["its config is nested too deeply"]) from None
    _raise(context, "the model cannot be rebuilt in Keras 3")
    check_keras3(model, context)
    return model


def down_model(config: Mapping[str, Any], context: Context) -> Config:
    """Translate what ``keras.saving.serialize_keras_object`` says of a model to Keras 2's two-key form.

    Raises:
        UnsupportedError: something cannot be translated; it lists everything.
    """
    model = down_layer(_item(config, context), context)
    _raise(context, "the model cannot be written for Keras 2")
    return model


def _raise(context: Context, reason: str) -> None:
    if context.offenders:
        raise UnsupportedError(reason, context.offenders)


def _item(item: Any, context: Context) -> Config:
    """Return the item as a dictionary with a class name and a config; a refused one stands in where it is none."""
    if isinstance(item, Mapping) and isinstance(item.get("class_name"), str):
        config = item.get("config")
        if isinstance(config, Mapping):
            return dict(item)
        if item["class_name"] == "Sequential" and isinstance(config, list | tuple):  # Keras up to 2.2.2
            return {**item, "config": {"name": item.get("name", "sequential"), "layers": config}}
    context.refuse(f"not a serialized layer: {item!r:.200}")
    return {"class_name": "", "config": {}}


# Up ----------------------------------------------------------------------------------------------------------------


def up_layer(item: Mapping[str, Any], context: Context) -> Config:
    """Translate one layer or model; what cannot be translated is noted in ``context.offenders``."""
    item = _item(item, context)
    class_name, config = item["class_name"], item["config"]
    own = custom_name(item, context)
    if class_name == "Sequential" or ((class_name in _GRAPH_MODELS or own is not None) and "input_layers" in config):
        return _up_graph_model(item, own, context)
    if own is not None:
        return custom(own, _up_custom(config, context))
    if is_operation(class_name):
        return operation_up(item)
    name = LAYERS.canonical(class_name)
    if name is not None:
        row = LAYERS.rows[variant(name, config)]
        return keras3(row, row.up(config, context))
    if class_name in KERAS3_LAYERS:
        return {"module": "keras.layers", "class_name": class_name, "config": dict(config), "registered_name": None}
    return _up_unknown(item, context)


def _up_unknown(item: Config, context: Context) -> Config:
    class_name, config = item["class_name"], item["config"]
    if class_name in REFUSED:
        context.refuse(f"{class_name} is not supported: {REFUSED[class_name]}")
    elif class_name in METHODS:
        refuse_method(class_name, config, context)
    elif config.keys() >= _STRUCTURE:
        context.lose(f"class {class_name!r} is not in custom_objects: the model is rebuilt as a plain Functional")
        return _up_graph_model({**item, "class_name": "Functional"}, None, context)
    elif class_name:
        context.refuse(f"class {class_name!r} is unknown; pass it in custom_objects")
    return {"module": None, "class_name": class_name, "config": {}, "registered_name": class_name}


def _up_custom(config: Mapping[str, Any], context: Context) -> Config:
    """Translate what the base class puts in the config of a class of the caller's; the rest is its own."""
    result = dict(config)
    for lens in BASE:
        result = lens.up(result, context)
    return result


def _up_graph_model(item: Config, own: str | None, context: Context) -> Config:
    config = item["config"]
    layers = [_item(layer, context) for layer in _layers(config, context)]
    layers = modern_operations(layers, context)
    renamed = allowed_names(_name(layer) for layer in layers)
    context.renamed.update(renamed)
    if item["class_name"] == "Sequential":
        items = _items(layers, renamed, up_layer, context)
        return _model("keras", "Sequential", own, _up_sequential(config, layers, items))
    graph = up_graph(Graph.of(config, layers, context), renamed, context)
    items = _items(graph.layers, renamed, up_layer, context)
    for new, old, nodes in zip(items, graph.layers, graph.nodes, strict=True):
        new["name"] = renamed.get(_name(old), _name(old))
        new["inbound_nodes"] = nodes
    result: Config = _others(config) if own is not None else {}
    result |= {"name": _model_name(config, "model"), "trainable": config.get("trainable", True), "layers": items}
    result |= {"input_layers": graph.inputs, "output_layers": graph.outputs}
    if own is None and any(layer["class_name"] in ENDPOINTS for layer in graph.layers):
        return keras3(FUNCTIONAL_WITH_LOSSES, result)
    return _model("keras.src.models.functional", "Functional", own, result)


def _others(config: Mapping[str, Any]) -> Config:
    """Return what a class of the caller's has in the config of a graph model, in its order."""
    return {key: value for key, value in config.items() if key not in _STRUCTURE}


def _model(module: str, class_name: str, own: str | None, config: Config) -> Config:
    if own is not None:
        return custom(own, config)
    registered = None if class_name == "Sequential" else class_name
    return {"module": module, "class_name": class_name, "config": config, "registered_name": registered}


def _model_name(config: Mapping[str, Any], default: str) -> str:
    return str(config.get("name") or default).replace("/", "_")


def _layers(config: Mapping[str, Any], context: Context) -> Sequence[Any]:
    layers = config.get("layers")
    if isinstance(layers, list | tuple):
        return layers
    context.refuse("the model has no list of layers")
    return ()


def _name(item: Mapping[str, Any]) -> str:
    """Return the layer's name, which old writers put in its config only."""
    return str(item.get("name") or item["config"].get("name") or item["class_name"].lower())


_LayerTranslation = Callable[[Mapping[str, Any], Context], Config]


def _items(
    layers: Sequence[Config], renamed: Mapping[str, str], translate: _LayerTranslation, context: Context
) -> list[Config]:
    items = []
    for layer in layers:
        name = _name(layer)
        if name in renamed:
            layer = {**layer, "config": {**layer["config"], "name": renamed[name]}}
        with context.at(name):
            items.append(translate(layer, context))
    return items


def _up_sequential(config: Mapping[str, Any], layers: Sequence[Config], items: list[Config]) -> Config:
    result: Config = {"name": _model_name(config, "sequential"), "layers": items}
    if items and items[0]["class_name"] != "InputLayer":
        inputs = _input_layer(layers[0])
        if inputs is not None:
            result["layers"] = [inputs, *items]
        elif isinstance(config.get("build_input_shape"), list | tuple):
            result["build_input_shape"] = config["build_input_shape"]
    return result


def _input_layer(first: Any) -> Config | None:
    """Return the InputLayer that the first layer of an old Sequential stands for."""
    config = first.get("config") if isinstance(first, Mapping) else None
    if not isinstance(config, Mapping):
        return None
    inner, shape = config.get("layers"), config.get("batch_input_shape")
    if isinstance(inner, list | tuple) and inner and "input_layers" not in config:
        return _input_layer(inner[0])  # a nested Sequential
    if not isinstance(shape, list | tuple):
        return None
    dtype = config["dtype"] if isinstance(config.get("dtype"), str) else "float32"
    name = str(config.get("name", "layer")).replace("/", "_")
    inputs = {"batch_shape": shape, "dtype": dtype, "sparse": False, "name": f"{name}_input"}
    return keras3(LAYERS.rows["InputLayer"], inputs)


# Down --------------------------------------------------------------------------------------------------------------


def down_layer(item: Mapping[str, Any], context: Context) -> Config:
    """Translate one layer or model of Keras 3 to ``{"class_name", "config"}``."""
    item = _item(item, context)
    class_name, config = item["class_name"], item["config"]
    builtin = is_builtin(item)
    if "layers" in config and (class_name in ("Functional", "Sequential") or "input_layers" in config):
        return _down_graph_model(item, context)
    if is_operation(f"{item.get('module')}>{class_name}"):
        return operation_down(item, context)
    name = LAYERS.names.get(class_name) if builtin else None
    if name is not None:
        row = LAYERS.rows[name]
        return {"class_name": plain_name(name), "config": row.down(config, context) | _attention_shapes(item)}
    if builtin:
        context.lose(f"layer {class_name} is not in Keras 2: only this package reads it back")
        return {"class_name": class_name, "config": dict(config)}
    return {"class_name": item.get("registered_name") or class_name, "config": _down_custom(config, context)}


def _down_custom(config: Mapping[str, Any], context: Context) -> Config:
    result = dict(config)
    for lens in reversed(BASE):
        result = lens.down(result, context)
    return result


def _attention_shapes(item: Mapping[str, Any]) -> Config:
    """Return the shapes that tf.keras' MultiHeadAttention wants in its config."""
    if item["class_name"] != "MultiHeadAttention":
        return {}
    build = item.get("build_config") or {}
    shapes = build.get("shapes_dict") or {}
    value = shapes.get("value_shape")
    return {
        "query_shape": shapes.get("query_shape"),
        "value_shape": value,
        "key_shape": shapes.get("key_shape") or value,
    }


def _down_graph_model(item: Config, context: Context) -> Config:
    config = item["config"]
    class_name = item["class_name"] if is_builtin(item) else item.get("registered_name") or item["class_name"]
    if is_own(item) and class_name == FUNCTIONAL_WITH_LOSSES.class_name:
        class_name = "Functional"
    layers = [_item(layer, context) for layer in _layers(config, context)]
    if "input_layers" not in config:
        return {"class_name": class_name, "config": _down_sequential(config, layers, context)}
    graph = down_graph(Graph.of(config, layers, context), context)
    items = _items(graph.layers, {}, down_layer, context)
    for new, old, nodes in zip(items, graph.layers, graph.nodes, strict=True):
        new["name"] = _name(old)
        new["inbound_nodes"] = nodes
    result: Config = {} if is_builtin(item) else _others(config)
    result |= {"name": config.get("name"), "trainable": config.get("trainable", True), "layers": items}
    result |= {"input_layers": graph.inputs, "output_layers": graph.outputs}
    return {"class_name": class_name, "config": result}


def _down_sequential(config: Mapping[str, Any], layers: Sequence[Config], context: Context) -> Config:
    return {"name": config.get("name"), "layers": _items(layers, {}, down_layer, context)}
