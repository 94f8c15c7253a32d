"""Objects inside configs: initializers, regularizers, constraints. A string, a dict or None in both dialects.

Keras 2 writes ``{"class_name", "config"}`` (since 2.13 with ``module`` and ``registered_name``) or a short name; Keras
3 writes ``{"module", "class_name", "config", "registered_name"}``. Built-in classes are looked up by name in our own
tables only, so that a file can never name code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reinstate.config.lens import Config, Context, Family, Row

OWN = "reinstate"  # the module of rows, and the package of registered names, of the classes in live/keras2


def keras3(row: Row, config: Config) -> Config:
    """Return Keras 3's serialized form of a built-in class, or of one of this package's."""
    registered = f"{OWN}>{row.class_name}" if row.module == OWN else None
    return {"module": row.module, "class_name": row.class_name, "config": config, "registered_name": registered}


def custom_name(item: Mapping[str, Any], context: Context) -> str | None:
    """Return the name under which the caller's custom objects hold the class of ``item``; None where they do not."""
    if not context.custom:
        return None
    for key in ("registered_name", "class_name"):
        name = item.get(key)
        if not isinstance(name, str):
            continue
        for spelling in (name, name.rpartition(">")[2]):
            if spelling in context.custom:
                return spelling
    name = item.get("class_name")
    if isinstance(name, str) and ">" not in name:
        own = f"{OWN}>{name}"
        return next((known for known in context.custom if known.endswith(f">{name}") and known != own), None)
    return None


def custom(name: str, config: Any) -> Config:
    """Return Keras 3's serialized form of one of the caller's classes."""
    return {"module": None, "class_name": name, "config": config, "registered_name": name}


def up_object(value: Any, family: Family, context: Context) -> Any:
    """Translate an object of ``family`` from any Keras 2 form to Keras 3's; None stays None."""
    if value is None:
        return None
    item = _item(value, family, context)
    if item is None:
        return None
    own = custom_name(item, context)
    if own is not None:
        return custom(own, item["config"])
    name = family.canonical(item["class_name"])
    if name is None:
        context.refuse(f"{family.kind} {item['class_name']!r} is unknown; pass it in custom_objects")
        return None
    row = family.rows[name]
    return keras3(row, row.up(item["config"], context))


def _item(value: Any, family: Family, context: Context) -> Config | None:
    if isinstance(value, str):
        return {"class_name": value, "config": family.options.get(family.canonical(value) or "", {})}
    if isinstance(value, Mapping) and isinstance(value.get("class_name"), str):
        config = value.get("config")
        if config is None or isinstance(config, Mapping):
            return {**value, "config": config or {}}
        if value["class_name"] == "function" and isinstance(config, str):
            return _item(config, family, context)
    context.refuse(f"not a serialized {family.kind}: {value!r:.200}")
    return None


def down_object(value: Any, family: Family, context: Context) -> Any:
    """Translate an object of ``family`` from Keras 3's form to the two-key form of Keras 2; None stays None."""
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, Mapping) or not isinstance(value.get("class_name"), str):
        context.refuse(f"not a serialized {family.kind}: {value!r:.200}")
        return None
    name = family.names.get(value["class_name"]) if is_builtin(value) else None
    config = value.get("config")
    if name is not None and isinstance(config, Mapping):
        return {"class_name": name, "config": family.rows[name].down(config, context)}
    if is_builtin(value):
        context.lose(f"{family.kind} {value['class_name']} is not in Keras 2: only this package reads it back")
    return {"class_name": value.get("registered_name") or value["class_name"], "config": config}


def is_builtin(item: Mapping[str, Any]) -> bool:
    """Tell whether a Keras 3 serialized form stands for a class of Keras itself, or for one of this package's."""
    module = item.get("module")
    return isinstance(module, str) and (module == "keras" or module.startswith("keras.") or is_own(item))


def is_own(item: Mapping[str, Any]) -> bool:
    """Tell whether a Keras 3 serialized form stands for a class that Keras 3 dropped and this package has."""
    return item.get("registered_name") == f"{OWN}>{item.get('class_name')}"


def plain(value: Any) -> Any:
    """Return the numbers in Keras 3's ``__numpy__`` and ``__tensor__`` wrappers, and any other value as it is."""
    if isinstance(value, Mapping) and value.get("class_name") in ("__numpy__", "__tensor__"):
        return value["config"]["value"]
    return value
