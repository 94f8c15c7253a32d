"""The waist: what a model file says, whatever format it is in. Frozen, without jax or keras.

An ``Archive`` is an object graph: node 0 is the root, edges are ``children`` (local name to node id, in the order of
the file). SavedModels and TF checkpoints are such graphs as they are, their variables hanging on attribute names
(``layer-1`` > ``cell`` > ``kernel``). HDF5 files become one, too: the root's children are the layers by name, in order,
and a layer's children are its weights by name, in order. ``Archive.layout`` says which of the two it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from reinstate.dtypes import DType


class Layout(Enum):
    """How the variables of an archive are found."""

    ATTRIBUTES = "attributes"  # SavedModel, TF checkpoint: edges are attribute names
    POSITIONS = "positions"  # HDF5: a list of named weights per layer, the order is what counts
    NAMES = "names"  # TF1 checkpoint: the root's children are variables, each by its own name


@dataclass(frozen=True, slots=True)
class TensorRef:
    """A tensor in the archive that has not been read. ``key`` is unique in the archive."""

    key: str
    dtype: DType
    shape: tuple[int, ...]


class TensorSource(Protocol):
    """Gives the values of tensors."""

    def read(self, refs: Sequence[TensorRef]) -> list[np.ndarray[Any, Any]]:
        """Return one array per ref, in order; read-only where it is mapped. Strings are object arrays of bytes.

        Raises:
            CorruptError: a tensor is out of the file, or its checksum differs.
        """
        ...


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable node: its name (without ``:0``), type, and where its value lies (None: not in the archive)."""

    name: str
    dtype: DType
    shape: tuple[int, ...]
    trainable: bool = True
    tensor: TensorRef | None = None


@dataclass(frozen=True, slots=True)
class SlotVariable:
    """An optimizer's slot for a variable: three node ids' worth of ``optimizer.slot[variable]``."""

    original: int
    name: str
    slot: int


@dataclass(frozen=True, slots=True)
class ObjectNode:
    """A node of the object graph.

    ``kind`` is the name of the format's oneof: ``user_object``, ``variable``, ``function``, ``bare_concrete_function``,
    ``constant``, ``asset``, ``resource``, ``captured_tensor``. ``identifier`` tells user objects apart
    (``_tf_keras_layer``, ``trackable_list_wrapper``, ...). ``metadata`` is Keras' JSON, decoded.
    """

    kind: str = "user_object"
    identifier: str = "_generic_user_object"
    children: Mapping[str, int] = field(default_factory=dict)
    metadata: Mapping[str, Any] | None = None
    variable: Variable | None = None
    slots: tuple[SlotVariable, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A lookup table: keys and values, one to one, in no order. Strings are bytes."""

    keys: np.ndarray[Any, Any]
    values: np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """An input or output of a signature; ``shape`` is None where the rank is unknown, a dimension None where open."""

    name: str
    dtype: DType
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True, slots=True)
class Signature:
    """A serving signature: names and specs, by argument and by output key."""

    name: str
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    method: str = ""


@dataclass(frozen=True, slots=True)
class CompositeSpec:
    """An argument or result that is several tensors (``RaggedTensor``, ``SparseTensor``, ...), or none (0 of them)."""

    kind: str
    components: int


@dataclass(frozen=True, slots=True)
class Trace:
    """A function for one form of arguments.

    ``arguments`` are the positional and the named ones: nests of ``TensorSpec``, and values that a call must equal.
    ``bound`` are the nodes whose values (variables: the handles) follow the tensors of the arguments.
    """

    name: str
    bound: tuple[int, ...]
    arguments: tuple[tuple[Any, ...], Mapping[str, Any]]
    results: Any


@dataclass(frozen=True, slots=True)
class Function:
    """A function: its traces, and how Python calls it; up to ``positional`` arguments without a name (None: all)."""

    traces: tuple[str, ...]
    parameters: tuple[str, ...]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    only_named: Mapping[str, Any] = field(default_factory=dict)
    positional: int | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """The functions of a model. ``definition`` is its ``GraphDef``, in bytes; node ids are those of the archive.

    ``constants`` are names of nodes in the graph, by node id. ``tensors`` are the names, in the graph, of what each
    signature takes and gives.
    """

    definition: bytes
    traces: Mapping[str, Trace]
    functions: Mapping[int, Function]
    constants: Mapping[int, str] = field(default_factory=dict)
    assets: Mapping[int, Path] = field(default_factory=dict)
    tensors: Mapping[str, tuple[Mapping[str, str], Mapping[str, str]]] = field(default_factory=dict)
    signatures: Mapping[str, int] = field(default_factory=dict)  # signature: the node of its function


@dataclass(frozen=True, slots=True)
class Archive:
    """A model file, read as far as its structure; tensors stay where they are until ``tensors.read``.

    ``config`` and ``training_config`` are Keras' own dictionaries in the dialect of ``keras_version``; None where the
    file has none (weights only, or not Keras). ``keras3`` is the Keras 3 dialect that our own files carry beside it.
    """

    format: str  # "SavedModel", "HDF5", "TF checkpoint"
    layout: Layout
    nodes: tuple[ObjectNode, ...]
    tensors: TensorSource
    writer: str = ""
    keras_version: str | None = None
    backend: str | None = None
    config: Mapping[str, Any] | None = None
    training_config: Mapping[str, Any] | None = None
    keras3: Mapping[str, Any] | None = None
    signatures: Mapping[str, Signature] = field(default_factory=dict)
    tags: tuple[tuple[str, ...], ...] = ()
    size: int = 0  # bytes on disk
    tables: Mapping[int, Callable[[], Table]] = field(default_factory=dict)  # by node id; a call reads one
    graph: Callable[[], Graph] | None = None  # SavedModel: a call reads the functions
    definition: bytes = b""  # SavedModel: the ``GraphDef`` with the functions' bodies

    @property
    def root(self) -> ObjectNode:
        """The node that everything hangs on."""
        return self.nodes[0]

    def child(self, node: ObjectNode, *path: str) -> ObjectNode | None:
        """Follow ``path`` from ``node``; None where an edge is missing."""
        for name in path:
            if name not in node.children:
                return None
            node = self.nodes[node.children[name]]
        return node

    def variables(self) -> Iterator[tuple[int, Variable]]:
        """All variable nodes with their ids, in the order of the file."""
        for index, node in enumerate(self.nodes):
            if node.variable is not None:
                yield index, node.variable


@dataclass(frozen=True, slots=True)
class ArrayTensors:
    """A source of tensors that are in memory: what a captured model is written from."""

    arrays: Mapping[str, np.ndarray[Any, Any]]

    def read(self, refs: Sequence[TensorRef]) -> list[np.ndarray[Any, Any]]:
        """Return the arrays themselves."""
        return [self.arrays[ref.key] for ref in refs]
