"""Writing the parts of graphs, attributes and nodes, into their messages.

Kinds of attributes are spelt as op definitions spell them: ``int``, ``type``, ``list(shape)``, ``func``, ...
Source: tensorflow/core/framework/{attr_value,node_def}.proto.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from reinstate import dtypes
from reinstate.dtypes import DType
from reinstate.wire import messages
from reinstate.wire.tensors import Shape, write_shape, write_tensor


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _shape_of(value: Shape) -> Any:
    message = messages.TensorShapeProto()
    write_shape(message, value)
    return message


def _tensor_of(value: np.ndarray[Any, Any]) -> Any:
    message = messages.TensorProto()
    write_tensor(message, value)
    return message


def _enum(value: DType) -> int:
    return value.enum


def _function(name: str) -> Any:
    return messages.NameAttrList(name=name)


# kind: (field of AttrValue and of its lists, what goes into it)
_KINDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "int": ("i", int),
    "float": ("f", float),
    "bool": ("b", bool),
    "string": ("s", _bytes),
    "type": ("type", _enum),
    "shape": ("shape", _shape_of),
    "tensor": ("tensor", _tensor_of),
    "func": ("func", _function),
}


def attribute(kind: str, value: Any) -> Any:
    """An ``AttrValue`` of this kind."""
    if kind.startswith("list("):
        field, make = _KINDS[kind[5:-1]]
        items = messages.AttrValue.ListValue(**{field: [make(item) for item in value]})
        return messages.AttrValue(list=items)
    field, make = _KINDS[kind]
    return messages.AttrValue(**{field: make(value)})


def node(name: str, op: str, inputs: Iterable[str], attributes: Mapping[str, tuple[str, Any]]) -> Any:
    """A ``NodeDef``; ``attributes`` are pairs of kind and value by name."""
    made = {key: attribute(*pair) for key, pair in attributes.items()}
    return messages.NodeDef(name=name, op=op, input=inputs, attr=made)


def constant(name: str, value: np.ndarray[Any, Any]) -> Any:
    """A ``NodeDef`` with a value."""
    return node(name, "Const", (), {"dtype": ("type", dtypes.from_numpy(value.dtype)), "value": ("tensor", value)})


def functions_in(function: Any) -> Iterator[str]:
    """The names of the functions that the nodes of a ``FunctionDef`` name in their attributes."""
    for each in function.node_def:
        for value in each.attr.values():
            yield from (called.name for called in (value.func, *value.list.func) if called.name)
