"""The lookup tables of a SavedModel: the vocabularies of layers for text and categories.

A table that never changes is filled when the model starts: by a function whose bound inputs are constants in the graph,
or a file in ``assets``. One that changes has its keys and values in the bundle, under ``<key>-keys`` and
``<key>-values``.
Source: tensorflow/python/ops/lookup_ops.py, TF 2.3 to 2.21.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reinstate.archive.model import Table
from reinstate.errors import CorruptError, UnsafeError, where
from reinstate.wire import messages
from reinstate.wire.bundle import Bundle
from reinstate.wire.tensors import read_tensor

_WHOLE_LINE, _LINE_NUMBER = -2, -1  # of TextFileIndex
_FILE_OP = "InitializeTableFromTextFileV2"
_FILL_LIMIT = 2**20  # elements of a constant that are written as one


def read_tables(
    meta_graph: Any, tracked: Any | None, bundle: Bundle | None, directory: Path
) -> dict[int, Callable[[], Table]]:
    """The tables that have something in them, by node id, each to be read when it is asked for.

    Raises:
        CorruptError: a node is named that is not there.
    """
    graph = meta_graph.object_graph_def
    source = _Source(meta_graph, directory)
    tables: dict[int, Callable[[], Table]] = {}
    for index, node in enumerate(graph.nodes):
        if node.WhichOneof("kind") == "resource":
            bound = _bound_inputs(graph, node)
            if len(bound) > 1:
                tables[index] = lambda bound=bound: source.read(*bound)  # type: ignore[misc]
    if tracked is not None and bundle is not None:
        for index, key in _changing(tracked, bundle):
            tables.setdefault(index, lambda key=key: Table(*bundle.read([f"{key}-keys", f"{key}-values"])))  # type: ignore[misc]
    return tables


def _bound_inputs(graph: Any, node: Any) -> tuple[str, ...]:
    """The function that fills a table, and what is bound to it; nothing where it takes nothing."""
    child = next((edge.node_id for edge in node.children if edge.local_name == "_initialize"), None)
    if child is None or not 0 <= child < len(graph.nodes):
        return ()
    target = graph.nodes[child]
    kind = target.WhichOneof("kind")
    if kind == "function":
        name = next(iter(target.function.concrete_functions), "")
    else:
        name = target.bare_concrete_function.concrete_function_name
    if name not in graph.concrete_functions:
        return ()
    bound = graph.concrete_functions[name].bound_inputs
    if any(not 0 <= each < len(graph.nodes) for each in bound):
        raise CorruptError(f"function {name!r} is bound to an object that is not there")
    return (name, *bound) if len(bound) > 1 else ()


def _changing(tracked: Any, bundle: Bundle) -> Iterator[tuple[int, str]]:
    for index, node in enumerate(tracked.nodes):
        for attribute in node.attributes:
            key = attribute.checkpoint_key
            keys = bundle.entries.get(f"{key}-keys")
            if keys is not None and f"{key}-values" in bundle.entries and keys.count:
                yield index, key


@dataclass(slots=True)
class _Source:
    """The graph, which is parsed for the first table that needs it, and the files beside it."""

    meta_graph: Any
    directory: Path
    _graph: Any = None
    _constants: Mapping[str, Any] | None = None

    def read(self, function: str, *bound: int) -> Table:
        """The table that a function fills from these objects."""
        nodes = self.meta_graph.object_graph_def.nodes
        kinds = {index: nodes[index].WhichOneof("kind") for index in bound}
        with where(f"saved_model.pb > function {function}"):
            assets = [index for index, kind in kinds.items() if kind == "asset"]
            if assets:
                return self._from_file(nodes[assets[0]].asset.asset_file_def_index, function)
            constants = [nodes[index].constant.operation for index, kind in kinds.items() if kind == "constant"]
            if len(constants) != 2:
                raise CorruptError(f"fills a table from {len(constants)} constants; keys and values are wanted")
            return Table(*map(self._constant, constants))

    def _parsed(self) -> Any:
        if self._graph is None:
            held = self.meta_graph.graph_def
            self._graph = messages.parse(messages.GraphDef, held) if isinstance(held, bytes) else held
        return self._graph

    def _constant(self, name: str) -> np.ndarray[Any, Any]:
        if self._constants is None:
            self._constants = {node.name: node for node in self._parsed().node if node.op == "Const"}
        if name not in self._constants:
            raise CorruptError(f"constant {name!r} is not in the graph")
        with where(f"constant {name!r}"):
            return read_tensor(self._constants[name].attr["value"].tensor, _FILL_LIMIT)

    def _from_file(self, number: int, function: str) -> Table:
        files = self.meta_graph.asset_file_def
        if not 0 <= number < len(files):
            raise CorruptError(f"asset {number} of {len(files)}")
        lines = asset_lines(asset_path(self.directory, files[number].filename))
        attributes = self._file_attributes(function)
        numbers = np.arange(len(lines), dtype=np.int64)
        columns = {_WHOLE_LINE: np.array(lines, object), _LINE_NUMBER: numbers}
        key, value = attributes["key_index"], attributes["value_index"]
        if key not in columns or value not in columns or key == value:
            raise CorruptError(f"takes the columns {key} and {value} of a text file; lines and their numbers are read")
        columns[_LINE_NUMBER] = numbers + attributes["offset"]
        return Table(columns[key], columns[value])

    def _file_attributes(self, function: str) -> Mapping[str, int]:
        for each in self._parsed().library.function:
            if each.signature.name == function:
                for node in each.node_def:
                    if node.op == _FILE_OP:
                        return {name: node.attr[name].i for name in ("key_index", "value_index", "offset")}
        raise CorruptError(f"has no {_FILE_OP}")


def asset_path(directory: Path, name: str) -> Path:
    """The path of a file in ``assets``.

    Raises:
        UnsafeError: the name leads out of there.
        CorruptError: there is no such file.
    """
    parts = Path(name).parts
    if not parts or Path(name).is_absolute() or ".." in parts or "\\" in name or "\0" in name:
        raise UnsafeError(f"asset {name!r:.200} leads out of the model's directory")
    path, home = directory / "assets" / name, (directory / "assets").resolve()
    if not path.resolve().is_relative_to(home):
        raise UnsafeError(f"asset {name!r:.200} leads out of the model's directory")
    if not path.is_file():
        raise CorruptError(f"asset {name!r:.200} is missing")
    return path


def asset_lines(path: Path) -> list[bytes]:
    """The lines of a text file as TensorFlow reads them: carriage returns do not count."""
    lines = path.read_bytes().replace(b"\r", b"").split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines
