"""The functions of a SavedModel: its graph, the traces in it, and how they are called.

A function has traces (``SavedConcreteFunction``), each for one form of arguments. What a trace needs beside its
arguments is bound to it: objects of the object graph by number. ``tf.nest`` decides on the order of what is nested:
that of positions, and of sorted keys in dictionaries.
Source: tensorflow/core/protobuf/{saved_object_graph,struct}.proto and function_deserialization.py.
"""

from __future__ import annotations

import keyword
from collections import namedtuple
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from reinstate import dtypes
from reinstate.archive.model import CompositeSpec, Function, Graph, TensorSpec, Trace
from reinstate.archive.tables import asset_path
from reinstate.dtypes import DType
from reinstate.errors import CorruptError, where
from reinstate.wire import messages
from reinstate.wire.tensors import write_shape


def read_graph(meta_graph: Any, directory: Path) -> Graph:
    """Read what there is of functions in a model; the graph's own bytes are left as they are.

    Raises:
        CorruptError: a number leads to an object that is not there.
    """
    with where(directory.name), where("saved_model.pb"):
        saved = meta_graph.object_graph_def
        files = meta_graph.asset_file_def
        return Graph(
            definition=meta_graph.graph_def,
            traces={
                name: _trace(name, message, len(saved.nodes))
                for name, message in sorted(saved.concrete_functions.items())
            },
            functions={
                index: found for index, node in enumerate(saved.nodes) if (found := _function(node)) is not None
            },
            constants={
                index: node.constant.operation
                for index, node in enumerate(saved.nodes)
                if node.WhichOneof("kind") == "constant"
            },
            assets={
                index: _asset(directory, files, node.asset.asset_file_def_index)
                for index, node in enumerate(saved.nodes)
                if node.WhichOneof("kind") == "asset"
            },
            tensors={
                name: ({k: v.name for k, v in each.inputs.items()}, {k: v.name for k, v in each.outputs.items()})
                for name, each in meta_graph.signature_def.items()
            },
        )


def _asset(directory: Path, files: Any, number: int) -> Path:
    if not 0 <= number < len(files):
        raise CorruptError(f"asset {number} of {len(files)}")
    return asset_path(directory, files[number].filename)


def _trace(name: str, message: Any, nodes: int) -> Trace:
    with where(f"function {name}"):
        bound = tuple(message.bound_inputs)
        if any(not 0 <= index < nodes for index in bound):
            raise CorruptError(f"bound to an object that is not there; there are {nodes}")
        arguments = read_structure(message.canonicalized_input_signature)
        match arguments:
            case (tuple() | list() as positional, dict() as named):
                called = tuple(positional), named
            case None:
                called = (), {}
            case _:
                raise CorruptError("its input signature is no pair of positional and named arguments")
        return Trace(name, bound, called, read_structure(message.output_signature))


def _function(node: Any) -> Function | None:
    kind = node.WhichOneof("kind")
    if kind == "function":
        names, defaults, only_named = _parameters(node.function.function_spec)
        return Function(tuple(node.function.concrete_functions), names, defaults, only_named)
    if kind == "bare_concrete_function":
        bare = node.bare_concrete_function
        return Function(
            (bare.concrete_function_name,), tuple(bare.argument_keywords), positional=bare.allowed_positional_arguments
        )
    return None


def _parameters(spec: Any) -> tuple[tuple[str, ...], Mapping[str, Any], Mapping[str, Any]]:
    """The names of positional parameters, the defaults of some, and the parameters that are only named."""
    if not spec.HasField("fullargspec"):
        return (), {}, {}
    full = read_structure(spec.fullargspec)
    fields = full._asdict() if hasattr(full, "_asdict") else {}
    names = _names(fields.get("args"))
    if spec.is_method or names[:1] == ("self",):
        names = names[1:]
    defaults = tuple(fields.get("defaults") or ())
    if fields.get("varargs") is not None and not names:
        return (), {}, {}
    named = dict.fromkeys(_names(fields.get("kwonlyargs")), REQUIRED)
    named.update(fields.get("kwonlydefaults") or {})
    first = max(len(names) - len(defaults), 0)
    return names, dict(zip(names[first:], defaults[-len(names) :] if names else (), strict=False)), named


def _names(value: Any) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list | tuple) else ()


class _Required:
    """Stands where a parameter has no default."""

    def __repr__(self) -> str:
        return "(required)"


REQUIRED = _Required()


def read_structure(message: Any) -> Any:
    """A ``StructuredValue`` as Python's: tensors are ``TensorSpec``, other types of TensorFlow ``CompositeSpec``.

    Raises:
        CorruptError: a type or shape in it is none.
    """
    kind = message.WhichOneof("kind")
    value: Any = getattr(message, kind) if kind else None
    match kind:
        case None | "none_value":
            return None
        case "float64_value" | "int64_value" | "string_value" | "bool_value":
            return value
        case "list_value":
            return [read_structure(item) for item in value.values]
        case "tuple_value":
            return tuple(read_structure(item) for item in value.values)
        case "dict_value":
            return {key: read_structure(item) for key, item in sorted(value.fields.items())}
        case "named_tuple_value":
            return _named_tuple(value)
        case "tensor_spec_value" | "bounded_tensor_spec_value":
            return TensorSpec(value.name, dtypes.from_enum(value.dtype), _shape(value.shape))
        case "tensor_dtype_value":
            return dtypes.from_enum(value)
        case "tensor_shape_value":
            return _shape(value)
        case "type_spec_value":
            return CompositeSpec(value.type_spec_class_name, max(value.num_flat_components, 1))
        case _:
            return CompositeSpec(kind, 0)


def _shape(message: Any) -> tuple[int | None, ...] | None:
    return None if message.unknown_rank else tuple(None if d.size < 0 else d.size for d in message.dim)


def _named_tuple(value: Any) -> Any:
    keys = [pair.key for pair in value.values]
    items = [read_structure(pair.value) for pair in value.values]
    fine = all(key.isidentifier() and not keyword.iskeyword(key) and not key.startswith("_") for key in keys)
    if not fine or len(set(keys)) < len(keys):
        raise CorruptError(f"a named tuple with the fields {keys}")
    name = value.name if value.name.isidentifier() and not keyword.iskeyword(value.name) else "Fields"
    return _fields(name, tuple(keys))(*items)


@cache
def _fields(name: str, keys: tuple[str, ...]) -> Any:
    """The class of named tuples with these fields; nearly all in a file are of one, and making one takes long."""
    return namedtuple(name, keys)


def leaves(structure: Any) -> Iterator[Any]:
    """What is nested, flat, in the order in which functions take and give it."""
    if isinstance(structure, Mapping):
        for key in sorted(structure):
            yield from leaves(structure[key])
    elif isinstance(structure, list | tuple):
        for item in structure:
            yield from leaves(item)
    else:
        yield structure


def write_functions(graph: Any, functions: Graph) -> None:
    """Put functions and their traces into a ``SavedObjectGraph``."""
    for name, trace in functions.traces.items():
        message = graph.concrete_functions[name]
        message.bound_inputs.extend(trace.bound)
        message.canonicalized_input_signature.CopyFrom(write_structure(trace.arguments))
        message.output_signature.CopyFrom(write_structure(trace.results))
    for index, name in functions.constants.items():
        graph.nodes[index].constant.operation = name
    for index, function in functions.functions.items():
        if function.positional is None:
            graph.nodes[index].function.concrete_functions.extend(function.traces)
            specification = graph.nodes[index].function.function_spec
            specification.fullargspec.CopyFrom(_full_specification(function))
            specification.input_signature.none_value.SetInParent()
            continue
        bare = graph.nodes[index].bare_concrete_function
        (bare.concrete_function_name,) = function.traces
        bare.argument_keywords.extend(function.parameters)
        bare.allowed_positional_arguments = function.positional


def _full_specification(function: Function) -> Any:
    """What ``inspect.getfullargspec`` says of the function."""
    defaults = [function.defaults[name] for name in function.parameters if name in function.defaults]
    named = {name: value for name, value in function.only_named.items() if value is not REQUIRED}
    fields = {
        "args": list(function.parameters),
        "varargs": None,
        "varkw": None,
        "defaults": defaults or None,
        "kwonlyargs": list(function.only_named),
        "kwonlydefaults": named or None,
        "annotations": {},
    }
    message = messages.StructuredValue()
    message.named_tuple_value.name = "FullArgSpec"
    for key, value in fields.items():
        message.named_tuple_value.values.add(key=key, value=write_structure(value))
    return message


def write_structure(value: Any) -> Any:
    """Python's values as a ``StructuredValue``: what ``read_structure`` reads."""
    message = messages.StructuredValue()
    match value:
        case None:
            message.none_value.SetInParent()
        case bool():
            message.bool_value = value
        case int():
            message.int64_value = value
        case float():
            message.float64_value = value
        case str():
            message.string_value = value
        case TensorSpec():
            message.tensor_spec_value.name = value.name
            message.tensor_spec_value.dtype = value.dtype.enum
            write_shape(message.tensor_spec_value.shape, value.shape)
        case DType():
            message.tensor_dtype_value = value.enum
        case tuple():
            message.tuple_value.SetInParent()
            message.tuple_value.values.extend(map(write_structure, value))
        case list():
            message.list_value.SetInParent()
            message.list_value.values.extend(map(write_structure, value))
        case Mapping():
            message.dict_value.SetInParent()
            for key, item in value.items():
                message.dict_value.fields[key].CopyFrom(write_structure(item))
        case _:
            raise TypeError(f"{value!r:.100} in the signature of a function")
    return message
