"""The TF checkpoint: a bundle, since TF2 with an object graph in it, and the text file ``checkpoint`` beside it.

The same bundle lies in every SavedModel as ``variables/variables``; both go through here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reinstate.archive import object_graph
from reinstate.archive.atomic import replacing_checkpoint, replacing_file
from reinstate.archive.model import Archive, Layout, ObjectNode, TensorRef, Variable
from reinstate.archive.object_graph import OBJECT_GRAPH_KEY
from reinstate.errors import CorruptError, where
from reinstate.wire import messages
from reinstate.wire.bundle import Bundle, read_bundle, write_bundle
from reinstate.wire.checkpoint_state import FILE_NAME, write_checkpoint_state


@dataclass(frozen=True, slots=True)
class BundleTensors:
    """The tensors of a bundle, or of none."""

    bundle: Bundle | None

    def read(self, refs: Sequence[TensorRef]) -> list[np.ndarray[Any, Any]]:
        """Return one array per ref, checked; mapped where the file is aligned for it."""
        if self.bundle is None or not refs:
            return []
        return self.bundle.read([ref.key for ref in refs])

    def refs(self) -> list[TensorRef]:
        """All tensors, in the order of their keys."""
        if self.bundle is None:
            return []
        return [TensorRef(key, entry.dtype, entry.shape) for key, entry in self.bundle.entries.items()]


def read_checkpoint(prefix: Path) -> Archive:
    """Read the structure of the checkpoint ``<prefix>.index``.

    One that TF1 wrote (``tf.train.Saver``) has no object graph: its archive's root has the variables by their names.

    Raises:
        FormatError: it is damaged or of a newer format.
    """
    with where(prefix.name):
        bundle = read_bundle(prefix)
        tracked = read_object_graph(bundle)
        by_name = tracked is None
        return Archive(
            format="TF1 checkpoint" if by_name else "TF checkpoint",
            layout=Layout.NAMES if by_name else Layout.ATTRIBUTES,
            nodes=_named(bundle) if by_name else object_graph.read_tracked(tracked, bundle.entries),
            tensors=BundleTensors(bundle),
            size=sum(file.stat().st_size for file in files_of(prefix)),
        )


def _named(bundle: Bundle) -> tuple[ObjectNode, ...]:
    """The nodes of a checkpoint without an object graph: a root over its variables."""
    refs = BundleTensors(bundle).refs()
    variables = [Variable(ref.key, ref.dtype, ref.shape, tensor=ref) for ref in refs]
    nodes = [ObjectNode(kind="variable", identifier="", variable=variable) for variable in variables]
    root = ObjectNode(children={ref.key: index for index, ref in enumerate(refs, start=1)})
    return (root, *nodes)


def files_of(prefix: Path) -> list[Path]:
    """The index and the data files of a checkpoint, as far as they are there."""
    names = (f"{prefix.name}.index", f"{prefix.name}.data-")
    return sorted(file for file in prefix.parent.glob("*") if file.name.startswith(names))


def read_object_graph(bundle: Bundle) -> Any | None:
    """The bundle's ``TrackableObjectGraph``; None where it has none.

    Raises:
        CorruptError: it cannot be read.
    """
    if OBJECT_GRAPH_KEY not in bundle.entries:
        return None
    with where(OBJECT_GRAPH_KEY):
        (value,) = bundle.read([OBJECT_GRAPH_KEY])
        if value.shape != () or not isinstance(value.item(), bytes):
            raise CorruptError("not a scalar string")
        tracked = messages.parse(messages.TrackableObjectGraph, value.item())
        if not tracked.nodes:
            raise CorruptError("the object graph has no root")
        return tracked


def save_checkpoint(archive: Archive, prefix: Path, progress: Callable[[int], None] | None = None) -> None:
    """Write ``archive`` (attribute layout) as ``<prefix>.index`` with its data file, in one atomic step.

    The file ``checkpoint`` beside them then says that this is the latest checkpoint there, as tf.keras has it.

    Raises:
        OSError: it cannot be written; a checkpoint that was there before is untouched.
    """
    keys = object_graph.checkpoint_keys(archive.nodes)
    with replacing_file(prefix.with_name(FILE_NAME)) as state:
        with replacing_checkpoint(prefix) as (temporary, shards):
            write_values(archive, keys, temporary, progress, shards)
        write_checkpoint_state(state, prefix.name)


def write_values(
    archive: Archive,
    keys: Mapping[int, str],
    prefix: Path,
    progress: Callable[[int], None] | None = None,
    shards: int = 1,
) -> None:
    """Write the archive's tensors and its object graph as the bundle ``prefix``; ``keys`` by node id."""
    refs = [_tensor(archive, index) for index in keys]
    arrays = dict(zip(keys.values(), archive.tensors.read(refs), strict=True))
    graph = object_graph.write_tracked(archive.nodes, keys)
    arrays[OBJECT_GRAPH_KEY] = np.array(messages.serialize(graph), dtype=object)
    write_bundle(prefix, arrays, shards=shards, progress=progress)


def _tensor(archive: Archive, index: int) -> TensorRef:
    variable = archive.nodes[index].variable
    if variable is None or variable.tensor is None:
        raise ValueError(f"object {index} has no value to write")
    return variable.tensor
