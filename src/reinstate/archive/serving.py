"""The graph that servers and TensorFlow 1 run: variables, what restores them, and a call for each signature.

TensorFlow 2 loads the object graph instead, and calls the functions in the library.
Source: tensorflow/core/protobuf/{meta_graph,saver,saved_model}.proto, tensorflow/python/saved_model/constants.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from reinstate import dtypes
from reinstate.archive.model import Archive, Signature, TensorSpec, Trace
from reinstate.dtypes import DType
from reinstate.wire import messages
from reinstate.wire.nodes import node
from reinstate.wire.tensors import write_shape

METHOD = "tensorflow/serving/predict"
INIT_OP = "__saved_model_init_op"
_PRODUCER, _MIN_CONSUMER = 440, 12  # the version of graphs of TF 2.3, whose ops are all that is in them
_RESOURCE = dtypes.from_name("resource")


class _Nodes:
    """The nodes of a graph, each with a name of its own, beside those that are there."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.made: list[Any] = []
        self._names = {name.lower() for name in taken}

    def add(self, name: str, op: str, inputs: Iterable[str] = (), **attributes: tuple[str, Any]) -> str:
        name = re.sub(r"[^A-Za-z0-9_.\-/]", "_", name)
        name = name if name[:1].isalnum() else f"node{name}"
        free, number = name, 0
        while free.lower() in self._names:  # variables' names are compared without their case
            number += 1
            free = f"{name}_{number}"
        self._names.add(free.lower())
        self.made.append(node(free, op, inputs, attributes))
        return free

    def strings(self, name: str, values: Sequence[str]) -> str:
        array = np.array([value.encode() for value in values], dtype=object)
        return self.add(name, "Const", dtype=("type", dtypes.from_name("string")), value=("tensor", array))


def write_serving(meta_graph: Any, archive: Archive, keys: Mapping[int, str]) -> None:
    """Fill in the graph, the signatures and the saver of a ``MetaGraphDef``; ``keys`` are the variables' in the bundle.

    The archive's own graph (its library of functions) becomes part of it.
    """
    assert archive.graph is not None
    graph = archive.graph()
    meta_graph.graph_def.MergeFromString(graph.definition)
    nodes = _Nodes(each.name for each in meta_graph.graph_def.node)
    bound = sorted({index for trace in graph.traces.values() for index in trace.bound})
    handles = {index: _variable(nodes, archive, index) for index in bound if archive.nodes[index].variable is not None}
    _saver(meta_graph, nodes, archive, handles, keys)
    for name, signature in archive.signatures.items():
        (trace,) = graph.functions[graph.signatures[name]].traces
        _signature(meta_graph, nodes, signature, graph.traces[trace], handles)
    meta_graph.graph_def.node.extend(nodes.made)
    meta_graph.graph_def.versions.producer = _PRODUCER
    meta_graph.graph_def.versions.min_consumer = _MIN_CONSUMER


def _variable(nodes: _Nodes, archive: Archive, index: int) -> str:
    variable = archive.nodes[index].variable
    assert variable is not None
    handle = nodes.add(variable.name, "VarHandleOp", dtype=("type", variable.dtype), shape=("shape", variable.shape))
    nodes.made[-1].attr["shared_name"].s = handle.encode()
    return handle


def _saver(
    meta_graph: Any, nodes: _Nodes, archive: Archive, handles: Mapping[int, str], keys: Mapping[int, str]
) -> None:
    """Nodes that restore the variables from the bundle, and that write them into one."""
    string = ("type", dtypes.from_name("string"))
    kept = [index for index in handles if index in keys]
    types = [_dtype(archive, index) for index in kept]
    filename = nodes.add("saver_filename", "Placeholder", dtype=string, shape=("shape", ()))
    names = nodes.strings("save/tensor_names", [keys[index] for index in kept])
    slices = nodes.strings("save/shape_and_slices", ["" for _ in kept])
    reads, assigned = [], []
    restored = ""
    if kept:
        restored = nodes.add("save/RestoreV2", "RestoreV2", [filename, names, slices], dtypes=("list(type)", types))
    for number, (index, dtype) in enumerate(zip(kept, types, strict=True)):
        kind = ("type", dtype)
        reads.append(nodes.add("save/Read", "ReadVariableOp", [handles[index]], dtype=kind))
        value = f"{restored}:{number}" if number else restored
        assigned.append(nodes.add("save/Assign", "AssignVariableOp", [handles[index], value], dtype=kind))
    restore = nodes.add("save/restore_all", "NoOp", [f"^{name}" for name in assigned])
    written = []
    if kept:
        written = [nodes.add("save/SaveV2", "SaveV2", [filename, names, slices, *reads], dtypes=("list(type)", types))]
    saved = nodes.add("save/control", "Identity", [filename, *(f"^{name}" for name in written)], T=string)
    meta_graph.saver_def.filename_tensor_name = f"{filename}:0"
    meta_graph.saver_def.save_tensor_name = f"{saved}:0"
    meta_graph.saver_def.restore_op_name = restore
    meta_graph.saver_def.version = messages.SaverDef.V2
    init = nodes.add("init", "NoOp")
    meta_graph.collection_def["saved_model_main_op"].node_list.value.append(init)
    info = meta_graph.signature_def[INIT_OP].outputs[INIT_OP]
    info.name = init
    info.tensor_shape.unknown_rank = True


def _dtype(archive: Archive, index: int) -> DType:
    variable = archive.nodes[index].variable
    assert variable is not None
    return variable.dtype


def _signature(meta_graph: Any, nodes: _Nodes, signature: Signature, trace: Trace, handles: Mapping[int, str]) -> None:
    """Placeholders, the call, and the names of both; arguments and results are in the order of their names."""
    inputs, outputs = sorted(signature.inputs.items()), sorted(signature.outputs.items())
    fed = [
        nodes.add(f"{signature.name}_{name}", "Placeholder", dtype=("type", spec.dtype), shape=("shape", spec.shape))
        for name, spec in inputs
    ]
    call = nodes.add(
        "StatefulPartitionedCall",
        "StatefulPartitionedCall",
        [*fed, *(handles[index] for index in trace.bound)],
        Tin=("list(type)", [*(spec.dtype for _, spec in inputs), *(_RESOURCE for _ in trace.bound)]),
        Tout=("list(type)", [spec.dtype for _, spec in outputs]),
        f=("func", trace.name),
    )
    message = meta_graph.signature_def[signature.name]
    message.method_name = signature.method or METHOD
    for (name, spec), placeholder in zip(inputs, fed, strict=True):
        _info(message.inputs[name], f"{placeholder}:0", spec)
    for number, (name, spec) in enumerate(outputs):
        _info(message.outputs[name], f"{call}:{number}", spec)


def _info(info: Any, name: str, spec: TensorSpec) -> None:
    info.name = name
    info.dtype = spec.dtype.enum
    write_shape(info.tensor_shape, spec.shape)
