"""Dtype policies: a name, or ``{"class_name": "Policy", "config": {"name": ...}}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reinstate.config.lens import Context

# Names of TF 1.15 and 2.0; None: whatever the session's float is.
_OLD = {
    "infer": None,
    "_infer": None,
    "infer_with_float32_vars": None,
    "float16_with_float32_vars": "mixed_float16",
    "bfloat16_with_float32_vars": "mixed_bfloat16",
    "float32_with_float32_vars": "float32",
}
_POLICIES = frozenset(["Policy", "PolicyV1"])
_KERAS3_POLICIES = frozenset(["DTypePolicy", "FloatDTypePolicy"])


def up_policy(value: Any, context: Context) -> str | None:
    """Return the name of the policy, which Keras 3 takes as it is; None for the session's default.

    The loss scale that TF 2.1 to 2.3 kept in the policy belongs to the optimizer in Keras 3.
    """
    name = _name(value, _POLICIES | _KERAS3_POLICIES)
    if name is None and value is not None:
        context.refuse(f"not a dtype policy: {value!r:.200}")
        return None
    return _OLD.get(name, name) if name is not None else None


def down_policy(value: Any, context: Context) -> Any:
    """Return the policy's name, or tf.keras's dictionary where variables and computation differ."""
    name = _name(value, _KERAS3_POLICIES)
    if name is None:
        if value is not None:
            context.lose(f"dtype policy {_class_name(value)} has no equivalent in Keras 2")
        return "float32"
    return {"class_name": "Policy", "config": {"name": name}} if name.startswith("mixed_") else name


def _class_name(value: Any) -> str:
    return str(value.get("class_name")) if isinstance(value, Mapping) else repr(value)


def _name(value: Any, classes: frozenset[str]) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and value.get("class_name") in classes and isinstance(value.get("config"), Mapping):
        name = value["config"].get("name")
        return name if isinstance(name, str) else None
    return None
