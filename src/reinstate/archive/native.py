"""The ``.keras`` archive, read as far as its structure without Keras, to look into it. Keras loads and writes it.

::

    metadata.json      keras_version
    config.json        the model's config; compile settings in compile_config
    model.weights.h5   groups by the path of each object, in each a group ``vars`` with datasets ``0``, ``1``, ...

The layers of a model stand there under their class in snake case, counted. The ``Archive`` has them by name, in the
order of the config; a layer's children are its weights by path (``query_dense/kernel``), those of layers in it under
their names.

Source: ``keras.src.saving.saving_lib``, Keras 3.15, and the same file of tf.keras 2.12 to tf_keras 2.21.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from reinstate.archive import metadata
from reinstate.archive.hdf5_objects import Objects, guarded, join, library
from reinstate.archive.hdf5_places import Place, find_place
from reinstate.archive.hdf5_tensors import HDF5Tensors
from reinstate.archive.hdf5_write import RESERVED, TOP_LEVEL, Unique
from reinstate.archive.model import Archive, Layout, ObjectNode, TensorRef, Variable
from reinstate.archive.serialized import class_name, layer_name, settings, sublayers
from reinstate.errors import CorruptError, NotAModelError, UnsupportedError, where

WEIGHTS = "model.weights.h5"
_TEXT_LIMIT = 256 * 2**20  # bytes of a JSON file, and of weights that are compressed; those of Keras are not
_DEPTH = 100  # layers in layers
_LOCAL_HEADER = struct.Struct("<4s22xHH")  # signature, length of name, length of extra field
_INNER = ("forward_layer", "backward_layer", "query_dense", "key_dense", "value_dense", "output_dense")
_LAYER_GROUPS = ("layers", "_layer_checkpoint_dependencies")

# The datasets have numbers only. What Keras 3 means by them, with the config key that a weight depends on.
_NAMES: dict[str, tuple[tuple[str, str], ...]] = {
    **dict.fromkeys(
        ("Dense", "EinsumDense", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"),
        (("kernel", ""), ("bias", "use_bias")),
    ),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), (("depthwise_kernel", ""), ("bias", "use_bias"))),
    **dict.fromkeys(
        ("SeparableConv1D", "SeparableConv2D"),
        (("depthwise_kernel", ""), ("pointwise_kernel", ""), ("bias", "use_bias")),
    ),
    **dict.fromkeys(
        ("LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"),
        (("kernel", ""), ("recurrent_kernel", ""), ("bias", "use_bias")),
    ),
    **dict.fromkeys(("LayerNormalization", "GroupNormalization"), (("gamma", "scale"), ("beta", "center"))),
    "BatchNormalization": (("gamma", "scale"), ("beta", "center"), ("moving_mean", ""), ("moving_variance", "")),
    "Normalization": (("mean", ""), ("variance", ""), ("count", "")),
    "Embedding": (("embeddings", ""),),
    **dict.fromkeys(("Attention", "AdditiveAttention"), (("scale", "use_scale"),)),
    "PReLU": (("alpha", ""),),
}


def read_native(path: Path) -> Archive:
    """Read the structure of a ``.keras`` file.

    Raises:
        OSError: it is not there or may not be read.
        NotAModelError: it is a zip archive, but not one of Keras.
        CorruptError: it is damaged.
        UnsupportedError: its weights are compressed and large, or not in HDF5.
    """
    with where(path.name), open(path, "rb") as file, _zip(file) as archive:
        about = _json(archive, "metadata.json")
        config = _json(archive, "config.json")
        version = about.get("keras_version")
        with _weights(file, archive) as h5:
            graph = _Graph(Objects(h5))
            nodes = graph.read(config)
        compiled = config.get("compile_config")
        return Archive(
            format="Keras archive",
            layout=Layout.POSITIONS,
            nodes=nodes,
            tensors=_NativeTensors(path, graph.places),
            writer=f"Keras {version}" if version else "",
            keras_version=str(version) if version else None,
            config=config,
            training_config=compiled if isinstance(compiled, Mapping) else None,
            size=path.stat().st_size,
        )


@dataclass(frozen=True, slots=True)
class _NativeTensors:
    """The values in the weights file of the archive, which is opened anew for each reading."""

    path: Path
    places: Mapping[str, Place]

    def read(self, refs: Sequence[TensorRef]) -> list[np.ndarray[Any, Any]]:
        """Return one array per ref."""
        with where(self.path.name), open(self.path, "rb") as file, _zip(file) as archive, _weights(file, archive) as h5:
            return HDF5Tensors(self.places, h5).read(refs)


@contextmanager
def _zip(file: BinaryIO) -> Iterator[zipfile.ZipFile]:
    """Open a zip archive; what zipfile raises over a damaged one becomes ``CorruptError``."""
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error) as error:
        raise CorruptError(f"a damaged zip archive: {error}") from error


def _json(archive: zipfile.ZipFile, name: str) -> Mapping[str, Any]:
    with where(name):
        if name not in archive.namelist():
            raise NotAModelError("missing; this zip archive is not one of Keras")
        value = metadata.decode(_bounded(archive, archive.getinfo(name)))
        if not isinstance(value, Mapping):
            raise CorruptError("not a JSON object")
        return value


def _bounded(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Unpack a member, but never more than a limit: a small archive may claim to hold a great deal."""
    if member.file_size > _TEXT_LIMIT:
        raise UnsupportedError(f"unpacked it would take {member.file_size} bytes; the most is {_TEXT_LIMIT}")
    if member.flag_bits & 1:
        raise UnsupportedError("encrypted")
    return archive.read(member)


@contextmanager
def _weights(file: BinaryIO, archive: zipfile.ZipFile) -> Iterator[Any]:
    """Open the weights as an ``h5py.File`` where they lie in the archive; only compressed ones are unpacked."""
    if WEIGHTS not in archive.namelist():
        raise UnsupportedError(f"no {WEIGHTS} in it; weights in other forms are not read")
    with where(WEIGHTS):
        member = archive.getinfo(WEIGHTS)
        stored = member.compress_type == zipfile.ZIP_STORED and not member.flag_bits & 1
        window = _Window(file, member) if stored else io.BytesIO(_bounded(archive, member))
        h5py = library()
        with guarded():
            h5 = h5py.File(window, "r")
        try:
            yield h5
        finally:
            h5.close()


class _Window(io.RawIOBase):
    """The bytes of a member that is stored as it is, as a file."""

    def __init__(self, file: BinaryIO, member: zipfile.ZipInfo) -> None:
        super().__init__()
        file.seek(member.header_offset)
        header = file.read(_LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size or not header.startswith(b"PK\3\4"):
            raise CorruptError(f"no zip entry at byte {member.header_offset}")
        _, name, extra = _LOCAL_HEADER.unpack(header)
        self._file, self._size, self._position = file, member.file_size, 0
        self._start = member.header_offset + _LOCAL_HEADER.size + name + extra
        if self._start + self._size > file.seek(0, io.SEEK_END):
            raise CorruptError(f"{self._size} bytes at byte {self._start} are more than the file has")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        self._file.seek(self._start + self._position)
        data = self._file.read(max(min(len(view), self._size - self._position), 0))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


@dataclass(slots=True)
class _Graph:
    """Collects the nodes, and the places of their values by absolute path."""

    objects: Objects
    places: dict[str, Place] = field(default_factory=dict)
    nodes: list[ObjectNode] = field(default_factory=lambda: [ObjectNode()])

    def read(self, config: Mapping[str, Any]) -> tuple[ObjectNode, ...]:
        children: dict[str, int] = {}
        keys = Unique(RESERVED)
        for name, path, layer in self._layers("/", config):
            weights = {key: self._add_variable(key, inner) for key, inner in self._weights(path, layer)}
            children[keys(name)] = self._add(ObjectNode("user_object", "_tf_keras_layer", weights, {"name": name}))
        own = {key: self._add_variable(key, path) for key, path in self._vars("/", config)}
        children[TOP_LEVEL] = self._add(ObjectNode(identifier=TOP_LEVEL, children=own))
        if state := self._vars("/optimizer", {}):
            numbered = {key: self._add_variable(key, path) for key, path in state}
            children["optimizer"] = self._add(ObjectNode(identifier="optimizer", children=numbered))
        self.nodes[0] = ObjectNode(identifier="_tf_keras_model", children=children, metadata=config)
        return tuple(self.nodes)

    def _layers(self, path: str, config: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Name, group and config of each layer in the model at ``path``."""
        group = next((g for g in _LAYER_GROUPS if self.objects.find(join(path, g)) is not None), _LAYER_GROUPS[0])
        counts: dict[str, int] = {}
        for layer in sublayers(config):
            container = _snake_case(class_name(layer))
            count = counts[container] = counts.get(container, -1) + 1
            numbered = f"{container}_{count}" if count else container
            yield layer_name(layer), join(path, f"{group}/{numbered}"), layer

    def _weights(self, path: str, config: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[str, str]]:
        """Name and path of every weight of a layer and of what is in it."""
        if depth > _DEPTH:
            raise CorruptError(f"layers nested more than {_DEPTH} deep")
        if self.objects.find(path) is None:
            return
        yield from self._vars(path, config)
        if sublayers(config):
            for name, inner, layer in self._layers(path, config):
                yield from _under(name, self._weights(inner, layer, depth + 1))
            return
        for name in sorted(self.objects.members(path), key=_order):
            inner = join(path, name)
            if name != "vars" and "seed_generator" not in name and self.objects.is_group(self.objects.find(inner)):
                weights = self._weights(inner, _inner_config(name, config), depth + 1)
                yield from weights if name == "cell" else _under(name, weights)

    def _vars(self, path: str, config: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Name and path of the weights in the group ``vars`` of an object, in order."""
        group = join(path, "vars")
        if self.objects.find(group) is None:
            return []
        numbers = sorted((name for name in self.objects.members(group) if name.isdigit()), key=int)
        options = settings(config)
        known = [name for name, key in _NAMES.get(class_name(config), ()) if not key or options.get(key, True)]
        names = known if len(known) == len(numbers) else numbers
        return [(name, join(group, number)) for name, number in zip(names, numbers, strict=True)]

    def _add_variable(self, name: str, path: str) -> int:
        with where(path.strip("/").replace("/", " > ")):
            place = self.places[path] = find_place(self.objects, path)
        ref = TensorRef(path, place.dtype, place.shape)
        variable = Variable(name, place.dtype, place.shape, tensor=ref)
        return self._add(ObjectNode(kind="variable", identifier="", variable=variable))

    def _add(self, node: ObjectNode) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1


def _under(name: str, weights: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    return ((f"{name}/{key}", path) for key, path in weights)


def _order(name: str) -> int:
    """HDF5 has names in the order of the alphabet; forward comes before backward, and query before key."""
    return _INNER.index(name) if name in _INNER else len(_INNER)


def _inner_config(name: str, config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The config of an object in a layer: of what a wrapper wraps, of a cell (its layer's own), of a projection."""
    if name in ("layer", "forward_layer", "backward_layer"):
        wrapped = settings(config).get(name) or settings(config).get("layer")  # the backward layer may be a copy
        return wrapped if isinstance(wrapped, Mapping) else {}
    if name == "cell":
        return config
    return {"class_name": "EinsumDense"} if name.endswith("_dense") else {}


def _snake_case(name: str) -> str:
    """Keras' own rule for the names of groups."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
