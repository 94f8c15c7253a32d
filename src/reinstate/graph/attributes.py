"""The attributes of nodes: ``AttrValue`` messages to Python values, held against what the op's definition says.

Types become dtypes, shapes tuples (-1 where open, None where the rank is unknown), tensors arrays, functions
``FunctionName``, strings ``str`` where they are text, else ``bytes``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reinstate import dtypes
from reinstate.errors import CorruptError, UnsupportedError, where
from reinstate.graph.op_defs import Attribute, OpDefinition
from reinstate.wire.tensors import read_shape, read_tensor


class FunctionName(str):
    """The name of a function in the library."""


def _text(value: bytes) -> str | bytes:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _function(message: Any) -> FunctionName:
    return FunctionName(message.name)


# kind in the definition: (field of AttrValue and of its lists, how it is read)
_KINDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "int": ("i", int),
    "float": ("f", float),
    "bool": ("b", bool),
    "string": ("s", _text),
    "type": ("type", dtypes.from_enum),
    "shape": ("shape", read_shape),
    "tensor": ("tensor", read_tensor),
    "func": ("func", _function),
}
_MOST = 100_000  # tensors in a list


def read_attributes(messages: Mapping[str, Any], definition: OpDefinition) -> dict[str, Any]:
    """The attributes of a node of this op, defaults filled in.

    Raises:
        CorruptError: one is missing, or of another kind than the op's.
        UnsupportedError: one is not in the op's definition: it is of a newer TensorFlow.
    """
    unknown = sorted(name for name in messages if not name.startswith("_") and name not in definition.attributes)
    if unknown:
        raise UnsupportedError("attributes that this op had not when this was written:", unknown)
    values = {}
    for name, attribute in definition.attributes.items():
        if name in messages:
            with where(f"attribute {name}"):
                values[name] = read_attribute(messages[name], attribute.kind)
        elif attribute.required:
            raise CorruptError(f"the attribute {name} is missing")
        else:
            values[name] = _default(attribute)
    _check_sizes(values, definition)
    return values


def read_attribute(message: Any, kind: str) -> Any:
    """The value of an attribute that should be of ``kind``.

    Raises:
        CorruptError: it is of another.
    """
    found = message.WhichOneof("value")
    if found == "placeholder":
        raise UnsupportedError("a value that the caller of the function chooses")
    if kind.startswith("list("):
        field, read = _KINDS[kind[5:-1]]
        if found != "list" or any(descriptor.name != field for descriptor, _ in message.list.ListFields()):
            raise CorruptError(f"it is {found or 'empty'}, not a {kind}")
        return [read(value) for value in getattr(message.list, field)]
    field, read = _KINDS[kind]
    if found != field:
        raise CorruptError(f"it is {found or 'empty'}, not a {kind}")
    return read(getattr(message, field))


def _default(attribute: Attribute) -> Any:
    default = attribute.default
    if attribute.kind == "type":
        return None if default is None else dtypes.from_name(default)
    if attribute.kind == "list(type)":
        return [dtypes.from_name(name) for name in default]
    if attribute.kind == "shape":
        return None if default is None else tuple(default)
    return default


def _check_sizes(values: Mapping[str, Any], definition: OpDefinition) -> None:
    for argument in (*definition.inputs, *definition.outputs):
        if argument.number is not None and not 0 <= values[argument.number] <= _MOST:
            raise CorruptError(f"{values[argument.number]} tensors in {argument.name}")
