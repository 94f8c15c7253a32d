"""Writing Keras' HDF5 files, for every tf.keras from 2.3 and tf_keras: the mirror of ``read_hdf5``.

Two writes of one archive give the same bytes. Tensors are aligned to 64 bytes, so that they can be mapped.

Source: ``keras.src.saving.legacy.hdf5_format`` (tf.keras 2.3 to 2.15, tf_keras 2.21).
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np

from reinstate.archive import metadata
from reinstate.archive.hdf5_objects import join, library
from reinstate.archive.model import Archive, ObjectNode, TensorRef
from reinstate.dtypes import DType
from reinstate.errors import UnsupportedError
from reinstate.wire.copying import ALIGNMENT, THREADS, Progress

TOP_LEVEL = "top_level_model_weights"
RESERVED = (TOP_LEVEL, "optimizer", "reinstate")  # children of the root that are not layers
_LIST_BYTES = 64512  # the most that an object header takes; longer lists are written in parts
_NUMBERED = re.compile(r":\d+$")


class Unique:
    """Gives each name once: those that are taken get the first suffix ``_1``, ``_2``, ... that is free."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)
        self._counts: dict[str, int] = {}

    def __call__(self, name: str, ending: str = "") -> str:
        """Return ``name + ending``, with a suffix before the ending if that is taken, and take it."""
        result, count = name + ending, self._counts.get(name + ending, 0)
        while result in self._taken:
            count += 1
            result = f"{name}_{count}{ending}"
        self._counts[name + ending] = count
        self._taken.add(result)
        return result


def write_hdf5(archive: Archive, target: str | os.PathLike[str] | Any, *, progress: Progress | None = None) -> None:
    """Write an archive of layout ``POSITIONS`` to a path, an ``h5py.File`` or an ``h5py.Group``.

    Without ``config`` it is a file of weights. A file at the path is overwritten; that it never is half a model is the
    business of the caller. ``progress`` is called with the bytes done so far.

    Raises:
        UnsupportedError: names or values that Keras' layout or HDF5 cannot hold; names all of them.
        OSError: the place cannot be written.
        ImportError: h5py is not installed.
    """
    h5py = library()
    plan = _Plan(archive)
    if plan.faults:
        raise UnsupportedError("an HDF5 file cannot hold this model", plan.faults)
    with _system_errors(target):
        if isinstance(target, str | os.PathLike):
            layout = {"alignment_threshold": ALIGNMENT, "alignment_interval": ALIGNMENT}
            with h5py.File(target, "w", locking=False, **layout) as file:
                blocks = _write(archive, plan, file, progress, values=not hasattr(os, "pwrite"))  # Windows has none
            _write_blocks(target, blocks, progress)
        else:
            _check_free(plan, target)
            _write(archive, plan, target, progress, values=True)


def _check_free(plan: _Plan, target: Any) -> None:
    """Make sure, before anything is written to an open file, that it can be and nothing is in the way."""
    name = target.file.filename
    if target.file.mode == "r":
        raise OSError(errno.EBADF, "the h5py.File is open for reading only", name)
    taken = [path for path in plan.tensors if path in target]
    if taken:
        raise FileExistsError(errno.EEXIST, f"the h5py.File has a model in it already ({taken[0]!r})", name)


@contextmanager
def _system_errors(target: Any) -> Iterator[None]:
    """Turn HDF5's own tale of a system call that failed (no space, no rights) into the ``OSError`` that it was."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        found = re.search(r"errno = (\d+)", str(error))
        number = int(found[1]) if found else getattr(error, "errno", None)
        if number is None or getattr(error, "filename", None):
            raise
        path = os.fspath(target) if isinstance(target, str | os.PathLike) else target.file.filename
        raise OSError(number, os.strerror(number), path) from error


class _Plan:
    """What goes where, settled and checked before anything is written; all paths are relative to the target."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.faults: list[str] = []
        self.base = "" if archive.config is None else "model_weights/"
        self.layers: list[str] = []
        self.groups: dict[str, list[str] | None] = {}  # path: names of its weights; None where it owns none
        self.tensors: dict[str, TensorRef] = {}
        self._add_owners(self._owners())
        if (state := archive.child(archive.root, "reinstate")) is not None:
            self._add_tree("reinstate", state)

    def _owners(self) -> dict[str, ObjectNode]:
        """Everything with a list of weights, by path."""
        root, nodes = self.archive.root.children, self.archive.nodes
        result: dict[str, ObjectNode] = {}
        for key, index in root.items():
            if key not in RESERVED:
                name = str((nodes[index].metadata or {}).get("name", key))
                self.layers.append(name)
                self._add_owner(result, self.base + name, nodes[index])
        for key, path in ((TOP_LEVEL, self.base + TOP_LEVEL), ("optimizer", "optimizer_weights")):
            if key in root:
                self._add_owner(result, path, nodes[root[key]])
        return result

    def _add_owner(self, owners: dict[str, ObjectNode], path: str, node: ObjectNode) -> None:
        name = path.removeprefix(self.base)
        if fault := _fault(name):
            self.faults.append(f"layer {name!r}: {fault}")
        elif path in owners or (path.split("/")[0] == "reinstate" and "reinstate" in self.archive.root.children):
            self.faults.append(f"layer {name!r}: its name is taken")
        else:
            owners[path] = node

    def _add_owners(self, owners: dict[str, ObjectNode]) -> None:
        wishes = {path: self._wishes(path, node) for path, node in owners.items()}
        above = {parent for path, names in wishes.items() for name, _ in names for parent in _parents(f"{path}/{name}")}
        unique = Unique([*owners, *above])  # where there is a group, no dataset can be
        for path, weights in wishes.items():
            names = self.groups[path] = []
            for name, ref in weights:
                where = unique(f"{path}/{name}", "" if _NUMBERED.search(name) else ":0")
                names.append(where.removeprefix(f"{path}/"))
                self.tensors[where] = ref

    def _wishes(self, path: str, node: ObjectNode) -> list[tuple[str, TensorRef]]:
        """The names and values of a node's weights, in order; unnamed ones are called as Keras calls them."""
        result = []
        for position, index in enumerate(node.children.values()):
            child = self.archive.nodes[index]
            name = (child.variable and child.variable.name) or f"param_{position}"
            if (ref := self._value(f"{path}/{name}", name, child)) is not None:
                result.append((name, ref))
        return result

    def _add_tree(self, path: str, node: ObjectNode) -> None:
        self.groups[path] = None
        for name, index in node.children.items():
            child, inner = self.archive.nodes[index], f"{path}/{name}"
            if child.variable is None:
                self._add_tree(inner, child)
            elif (ref := self._value(inner, name, child)) is not None:
                self.tensors[inner] = ref

    def _value(self, path: str, name: str, node: ObjectNode) -> TensorRef | None:
        ref = node.variable.tensor if node.variable else None
        fault = _fault(name) or ("has no value" if not ref else None)
        if ref and _stored(ref.dtype) is None:
            fault = f"HDF5 has no type for {ref.dtype.name}"
        if fault:
            self.faults.append(f"{path!r}: {fault}")
        return None if fault else ref


def _fault(name: str) -> str | None:
    """What makes a name one that HDF5 cannot hold; None if nothing does."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "its name is not Unicode"
    if size > _LIST_BYTES:
        return f"its name is longer than {_LIST_BYTES} bytes"
    return "HDF5 would not keep its name" if "\0" in name or join("/", name) != f"/{name}" else None


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _stored(dtype: DType) -> np.dtype[Any] | None:
    """The type that values are stored in: their own, the bits of those that HDF5 lacks; None where there is no way."""
    if dtype.numpy is None or not dtype.size:
        return None
    return dtype.numpy if dtype.numpy.isbuiltin == 1 else np.dtype(f"u{dtype.size}")


_Block: TypeAlias = tuple[int, memoryview]  # bytes from the start of the file, and the bytes that belong there


def _write(archive: Archive, plan: _Plan, target: Any, progress: Progress | None, *, values: bool) -> list[_Block]:
    for name, value in _attributes(archive).items():
        target.attrs[name] = value
    weights = target.require_group(plan.base) if plan.base else target
    for name, value in _versions(archive, beside_weights=True).items():
        weights.attrs[name] = value
    _write_list(weights, "layer_names", plan.layers)
    for path, names in plan.groups.items():
        group = target.require_group(path)
        if names is not None:
            _write_list(group, "weight_names", names)
    return _write_tensors(archive, plan.tensors, target, progress, values=values)


def _attributes(archive: Archive) -> dict[str, bytes]:
    """The root's attributes; as bytes, since tf.keras before 2.4 decodes them itself."""
    configs = {
        "model_config": archive.config,
        "training_config": archive.training_config,
        "reinstate_keras3": archive.keras3,
    }
    texts = {name: metadata.encode(value, tuples=False) for name, value in configs.items() if value is not None}
    versions = {} if archive.config is None else _versions(archive)
    return versions | {name: text.encode() for name, text in texts.items()}


def _versions(archive: Archive, *, beside_weights: bool = False) -> dict[str, bytes]:
    """Who wrote the file; Keras 1 is known by that it left no version beside the weights."""
    texts = {"keras_version": archive.keras_version, "backend": archive.backend}
    if beside_weights and (archive.keras_version or "").startswith("1."):
        del texts["keras_version"]
    return {name: text.encode() for name, text in texts.items() if text is not None}


def _write_list(group: Any, name: str, values: Sequence[str]) -> None:
    """Write a list of strings as Keras does: in equal parts ``name0``, ``name1``, ... if one header cannot take it."""
    array = np.array([value.encode() for value in values])  # float64 if empty, as Keras has it
    count = -(-len(values) // (_LIST_BYTES // array.itemsize)) if values else 1
    for index, part in enumerate(np.array_split(array, count)):
        group.attrs[name if count == 1 else f"{name}{index}"] = part


def _write_tensors(
    archive: Archive, tensors: dict[str, TensorRef], target: Any, progress: Progress | None, *, values: bool
) -> list[_Block]:
    """Write the datasets through the lower level of h5py, which skips what its upper level looks up for each.

    Without ``values`` they get only their places in the file; these are returned, with what belongs there.
    """
    h5py = library()
    links = h5py.h5p.create(h5py.h5p.LINK_CREATE)
    links.set_create_intermediate_group(True)
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_obj_track_times(False)
    if not values:
        properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    blocks: list[_Block] = []
    done = 0
    for (path, ref), value in zip(tensors.items(), archive.tensors.read(list(tensors.values())), strict=True):
        array = np.ascontiguousarray(value).reshape(value.shape).view(_stored(ref.dtype) or value.dtype)
        space = h5py.h5s.create_simple(array.shape) if array.shape else h5py.h5s.create(h5py.h5s.SCALAR)
        kind = h5py.h5t.py_create(array.dtype, logical=True)
        dataset = h5py.h5d.create(target.id, path.encode(), kind, space, properties, links)
        if array.dtype != ref.dtype.numpy:
            h5py.Dataset(dataset).attrs["dtype"] = ref.dtype.name.encode()
        if not array.size:
            continue
        if not values:
            blocks.append((dataset.get_offset(), array.reshape(-1).view(np.uint8).data))
            continue
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, array)
        done += array.nbytes
        if progress is not None:
            progress(done)
    return blocks


def _write_blocks(path: str | os.PathLike[str], blocks: Sequence[_Block], progress: Progress | None) -> None:
    """Write the values of datasets to their places by several threads: h5py lets only one at a time."""
    done = 0
    with open(path, "r+b", buffering=0) as file, ThreadPoolExecutor(THREADS) as pool:
        for size in pool.map(lambda block: _write_block(file.fileno(), *block), blocks):
            done += size
            if progress is not None:
                progress(done)


def _write_block(descriptor: int, offset: int, data: memoryview) -> int:
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, data[done:], offset + done)
    return done
