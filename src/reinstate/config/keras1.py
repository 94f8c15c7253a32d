"""Models of Keras 1 in the words of Keras 2: classes, arguments, and what was one layer and is another.

This goes before the translation of Keras 2's configs. Nothing is written back: we write for Keras 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reinstate.config.keras1_graph import is_tower_model, untangled
from reinstate.config.keras1_rows import AXES, CONSTRAINTS, GONE, LAYERS, REGULARIZERS, UNSAID, Old
from reinstate.config.lens import Config, Context

_ORDERS = {"th": "channels_first", "tf": "channels_last"}


def from_keras1(item: Mapping[str, Any], context: Context) -> Config:
    """Return a serialized model of Keras 1 as Keras 2 would have serialized it."""
    result: Config = _item(item, _order_of(item), context)
    return result


def _order_of(item: Any) -> str:
    """Return the order of dimensions of the first layer that says it."""
    return next(_orders(item), "channels_last")


def _orders(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if value.get("dim_ordering") in _ORDERS:
            yield _ORDERS[value["dim_ordering"]]
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from _orders(each)


def _item(item: Any, order: str, context: Context) -> Any:
    if not isinstance(item, Mapping) or "config" not in item:
        item = _nameless(item)
    if not isinstance(item, Mapping) or not isinstance(item.get("class_name"), str):
        return item
    class_name, config = item["class_name"], item.get("config")
    if is_tower_model(item):
        return _item(untangled(item, context), order, context)
    if class_name == "Sequential" and isinstance(config, list | tuple):
        name = item.get("name")
        named = {"name": name} if isinstance(name, str) else {}
        return {**item, "config": {**named, "layers": [_item(each, order, context) for each in config]}}
    if isinstance(config, Mapping) and isinstance(config.get("layers"), list | tuple):
        return {**item, "config": {**config, "layers": [_item(each, order, context) for each in config["layers"]]}}
    return {**item, **_layer(class_name, config, order, context)} if isinstance(config, Mapping) else item


def _nameless(item: Any) -> Any:
    """Return a layer of the first Sequentials, whose class was its name, in the form of all others."""
    if not isinstance(item, Mapping) or not isinstance(item.get("name"), str) or "class_name" in item:
        return item
    config = {key: value for key, value in item.items() if key not in ("name", "custom_name")}
    return {"class_name": item["name"], "config": {**config, "name": item.get("custom_name", item["name"].lower())}}


def _layer(class_name: str, config: Mapping[str, Any], order: str, context: Context) -> Config:
    result = dict(config)
    if class_name == "Merge":
        return _merge(result, context)
    if isinstance(result.get("layer"), Mapping):
        result["layer"] = _item(result["layer"], order, context)
    old = LAYERS.get(class_name, Old(class_name))
    for change in old.changes:
        result = change(result, context)
    if isinstance(result.get("layer"), Mapping) and class_name == "TimeDistributedDense":
        result["layer"] = _item(result["layer"], order, context)
    result = {old.renames.get(key, key): value for key, value in result.items()}
    gone = GONE - {"input_dim"} if class_name == "Embedding" else GONE
    result = {key: value for key, value in result.items() if key and key not in gone}
    if "data_format" in result:
        result["data_format"] = _ORDERS.get(result["data_format"], result["data_format"])
    elif class_name in UNSAID:
        result["data_format"] = order
    if old.class_name == "SeparableConv2D":
        result["pointwise_initializer"] = result.get("depthwise_initializer")
    return {"class_name": old.class_name, "config": _with_objects(old.class_name, result, context)}


def _with_objects(class_name: str, config: Config, context: Context) -> Config:
    """Return the config with its regularizers and constraints in Keras 2's form."""
    result = {}
    for key, value in config.items():
        if key.endswith("_regularizer") and isinstance(value, Mapping) and "class_name" not in value:
            value = _regularizer(value, context)
        elif key.endswith("_constraint") and isinstance(value, Mapping) and "class_name" not in value:
            value = _constraint(value, _axes(class_name, config), context)
        result[key] = value
    return result


def _regularizer(value: Mapping[str, Any], context: Context) -> Any:
    if value.get("name") in REGULARIZERS:
        return {"class_name": "L1L2", "config": {"l1": value.get("l1", 0.0), "l2": value.get("l2", 0.0)}}
    context.refuse(f"regularizer {value.get('name')!r} of Keras 1 has no equivalent")
    return None


def _axes(class_name: str, config: Config) -> tuple[int, ...] | None:
    moved = class_name == "Conv1D" or config.get("data_format") == "channels_first"
    return AXES.get(class_name) if moved else None


def _constraint(value: Mapping[str, Any], axes: tuple[int, ...] | None, context: Context) -> Any:
    name = value.get("name")
    if name not in CONSTRAINTS:
        context.refuse(f"constraint {name!r} of Keras 1 has no equivalent")
        return None
    class_name, renames = CONSTRAINTS[name]
    config = {renames.get(key, key): item for key, item in value.items() if key != "name"}
    if axes is not None and "axis" in config:
        given = config["axis"] if isinstance(config["axis"], list | tuple) else [config["axis"]]
        config["axis"] = [axes[axis] for axis in given if isinstance(axis, int) and -len(axes) <= axis < len(axes)]
    return {"class_name": class_name, "config": config}


_MERGES = {"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum"}


def _merge(config: Config, context: Context) -> Config:
    """Return the layer that a Merge has become: a class for each of its modes."""
    mode, kept = config.get("mode"), {key: config[key] for key in ("name", "trainable") if key in config}
    if config.get("mode_type", "raw") == "raw" and isinstance(mode, str):
        if mode in _MERGES:
            return {"class_name": _MERGES[mode], "config": kept}
        if mode == "concat":
            return {"class_name": "Concatenate", "config": {**kept, "axis": config.get("concat_axis", -1)}}
        if mode in ("dot", "cos"):
            class_name = "Dot" if mode == "dot" else "CosineMerge"
            return {"class_name": class_name, "config": {**kept, "axes": config.get("dot_axes", -1)}}
    with context.at(str(config.get("name", "merge"))):
        context.refuse("a Merge by a function of Keras 1 has no equivalent")
    return {"class_name": "Concatenate", "config": kept}
