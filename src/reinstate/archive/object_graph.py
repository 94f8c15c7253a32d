"""Object graphs: TensorFlow's two messages for them and our nodes, both ways.

A SavedModel holds a ``SavedObjectGraph`` (what each object is); the bundle beside it, and every TF2 checkpoint, holds a
``TrackableObjectGraph`` under the key ``_CHECKPOINTABLE_OBJECT_GRAPH`` (where each value lies). Node ids agree between
the two.
Source: tensorflow/core/protobuf/{saved_object_graph,trackable_object_graph}.proto.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reinstate import dtypes
from reinstate.archive.model import ObjectNode, SlotVariable, TensorRef, Variable
from reinstate.errors import CorruptError, ReinstateError, where
from reinstate.wire import messages
from reinstate.wire.bundle import Entry

OBJECT_GRAPH_KEY = "_CHECKPOINTABLE_OBJECT_GRAPH"
_VALUE = "VARIABLE_VALUE"
_GENERIC = "_generic_user_object"


def read_saved(
    saved: Any, tracked: Any | None, entries: Mapping[str, Entry], metadata: Mapping[int, Mapping[str, Any]]
) -> tuple[ObjectNode, ...]:
    """Turn a ``SavedObjectGraph`` into nodes; values are found through ``tracked``, the bundle's graph of the same ids.

    Raises:
        CorruptError: an edge leads to a node that is not there.
    """
    count = len(saved.nodes)
    tensors = {} if tracked is None else _tensors(tracked, entries)
    result = []
    for index, message in enumerate(saved.nodes):
        try:
            result.append(_read_node(message, count, metadata.get(index), tensors.get(index)))
        except ReinstateError as error:  # as `where` does, which costs more than the node
            error.place.insert(0, f"object {index}")
            raise
    return tuple(result)


def _read_node(message: Any, count: int, metadata: Mapping[str, Any] | None, tensor: TensorRef | None) -> ObjectNode:
    kind = message.WhichOneof("kind") or "user_object"
    return ObjectNode(
        kind=kind,
        identifier=message.user_object.identifier if kind == "user_object" else "",
        children=_children(message.children, count),
        metadata=metadata,
        variable=_saved_variable(message.variable, tensor) if kind == "variable" else None,
        slots=_slots(message.slot_variables, count) if message.slot_variables else (),
    )


def read_tracked(tracked: Any, entries: Mapping[str, Entry]) -> tuple[ObjectNode, ...]:
    """Turn a checkpoint's ``TrackableObjectGraph`` into nodes.

    Raises:
        CorruptError: an edge leads to a node that is not there.
    """
    count = len(tracked.nodes)
    tensors = _tensors(tracked, entries)
    result = []
    for index, message in enumerate(tracked.nodes):
        with where(f"object {index}"):
            tensor = tensors.get(index)
            name = next((item.full_name for item in message.attributes if item.name == _VALUE), "")
            variable = None if tensor is None else Variable(name, tensor.dtype, tensor.shape, tensor=tensor)
            result.append(
                ObjectNode(
                    kind="user_object" if variable is None else "variable",
                    identifier=_GENERIC if variable is None else "",
                    children=_children(message.children, count),
                    variable=variable,
                    slots=_slots(message.slot_variables, count),
                )
            )
    return tuple(result)


def _tensors(tracked: Any, entries: Mapping[str, Entry]) -> dict[int, TensorRef]:
    """Where the value of each variable node lies; only what the bundle really has."""
    result = {}
    for index, node in enumerate(tracked.nodes):
        for attribute in node.attributes:
            entry = entries.get(attribute.checkpoint_key)
            if attribute.name == _VALUE and entry is not None:
                result[index] = TensorRef(attribute.checkpoint_key, entry.dtype, entry.shape)
    return result


def _saved_variable(message: Any, tensor: TensorRef | None) -> Variable:
    if tensor is not None:
        return Variable(message.name, tensor.dtype, tensor.shape, message.trainable, tensor)
    shape = tuple(dimension.size for dimension in message.shape.dim)
    return Variable(message.name, dtypes.from_enum(message.dtype), shape, message.trainable)


def _children(edges: Sequence[Any], count: int) -> dict[str, int]:
    children = {edge.local_name: edge.node_id for edge in edges}
    for name, node in children.items():
        if not 0 <= node < count:
            raise CorruptError(f"edge {name!r} leads to object {node}; there are {count}")
    return children


def _slots(slots: Sequence[Any], count: int) -> tuple[SlotVariable, ...]:
    return tuple(
        SlotVariable(
            _checked(slot.original_variable_node_id, count, slot.slot_name),
            slot.slot_name,
            _checked(slot.slot_variable_node_id, count, slot.slot_name),
        )
        for slot in slots
    )


def _checked(node: int, count: int, name: str) -> int:
    if not 0 <= node < count:
        raise CorruptError(f"edge {name!r} leads to object {node}; there are {count}")
    return node


def write_saved(nodes: Sequence[ObjectNode], metadata: Mapping[int, str]) -> Any:
    """Turn nodes into a ``SavedObjectGraph``; ``metadata`` is each Keras node's JSON. Functions are left to others."""
    graph = messages.SavedObjectGraph()
    for index, node in enumerate(nodes):
        message = graph.nodes.add()
        _write_edges(message, node)
        if node.variable is not None:
            message.variable.dtype = node.variable.dtype.enum
            _write_shape(message.variable.shape, node.variable.shape)
            message.variable.trainable = node.variable.trainable
            message.variable.name = node.variable.name
        elif node.kind == "user_object":
            message.user_object.identifier = node.identifier
            message.user_object.version.producer = 1
            message.user_object.version.min_consumer = 1
            message.user_object.metadata = metadata.get(index, "")
    return graph


def write_tracked(nodes: Sequence[ObjectNode], keys: Mapping[int, str]) -> Any:
    """Turn nodes into a ``TrackableObjectGraph``; ``keys`` are the variables' checkpoint keys, by node id."""
    graph = messages.TrackableObjectGraph()
    for index, node in enumerate(nodes):
        message = graph.nodes.add()
        _write_edges(message, node)
        if index in keys and node.variable is not None:
            attribute = message.attributes.add()
            attribute.name = _VALUE
            attribute.full_name = node.variable.name
            attribute.checkpoint_key = keys[index]
            message.has_checkpoint_values.value = True
    return graph


def _write_edges(message: Any, node: ObjectNode) -> None:
    for name, child in node.children.items():
        message.children.add(node_id=child, local_name=name)
    for slot in node.slots:
        message.slot_variables.add(
            original_variable_node_id=slot.original, slot_name=slot.name, slot_variable_node_id=slot.slot
        )


def _write_shape(message: Any, shape: Sequence[int]) -> None:
    for size in shape:
        message.dim.add(size=size)


def paths(nodes: Sequence[ObjectNode]) -> dict[int, tuple[str, ...]]:
    """The path to each node that can be reached: the first one breadth-first, in the order of the edges."""
    found: dict[int, tuple[str, ...]] = {0: ()}
    queue = deque([0])
    while queue:
        index = queue.popleft()
        for name, child in nodes[index].children.items():
            if child not in found:
                found[child] = (*found[index], name)
                queue.append(child)
    return found


def checkpoint_keys(nodes: Sequence[ObjectNode]) -> dict[int, str]:
    """The bundle key of each variable that has a value, by node id, as TensorFlow builds them."""
    found = paths(nodes)
    prefixes = {index: "/".join(map(_escape, path)) for index, path in found.items()}
    prefixes.update(_slot_prefixes(nodes, prefixes))
    return {
        index: f"{prefix}/.ATTRIBUTES/{_VALUE}"
        for index, prefix in prefixes.items()
        if (variable := nodes[index].variable) is not None and variable.tensor is not None
    }


def _slot_prefixes(nodes: Sequence[ObjectNode], prefixes: Mapping[int, str]) -> Iterator[tuple[int, str]]:
    for index, node in enumerate(nodes):
        for slot in node.slots:
            optimizer = prefixes[index]
            yield slot.slot, f"{prefixes[slot.original]}/.OPTIMIZER_SLOT/{optimizer}/{_escape(slot.name)}"


def _escape(name: str) -> str:
    return name.replace(".", "..").replace("/", ".S")
