"""What is in a model file: layers, shapes, optimizer, signatures; without Keras, JAX or TensorFlow."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from pathlib import Path

from reinstate.archive.formats import Format, sniff
from reinstate.archive.model import Archive, Signature, TensorSpec
from reinstate.archive.serialized import class_name, layer_name
from reinstate.study.functions import ops_without_rule
from reinstate.study.layers import Layer, Weight, find_layers
from reinstate.study.training import Optimizer, find_optimizer, loss_and_metrics

__all__ = ["Inspection", "Layer", "Optimizer", "Signature", "TensorSpec", "Weight", "inspect"]

# Imported when they are needed: `reinstate inspect` starts in the time that this saves.
_READERS = {
    Format.SAVED_MODEL: ("saved_model", "read_saved_model"),
    Format.HDF5: ("hdf5", "read_hdf5"),
    Format.KERAS: ("native", "read_native"),
    Format.CHECKPOINT: ("checkpoint", "read_checkpoint"),
}


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is in a model file. Texts are empty, numbers None, where the file does not say.

    ``variables`` are those that belong to no layer: the model's own, or, where the file says nothing of layers (a
    checkpoint, a model that is not of Keras), all. The optimizer's are not among them. ``tags`` has one entry per
    graph. ``size`` is bytes on disk. ``ops_without_rule``: functions that need these cannot be run.
    """

    path: str
    format: str
    writer: str
    keras_version: str | None
    backend: str | None
    class_name: str
    name: str
    layers: tuple[Layer, ...]
    variables: tuple[Weight, ...]
    optimizer: Optimizer | None
    losses: tuple[str, ...]
    metrics: tuple[str, ...]
    signatures: tuple[Signature, ...]
    tags: tuple[tuple[str, ...], ...]
    size: int
    ops_without_rule: tuple[str, ...] = ()

    @property
    def weights(self) -> tuple[Weight, ...]:
        """All weights, each once."""
        return (*(weight for layer in self.layers for weight in layer.weights), *self.variables)

    @property
    def parameters(self) -> int:
        """The number of parameters."""
        return sum(weight.size for weight in self.weights)

    @property
    def trainable_parameters(self) -> int | None:
        """The number of those that train; None where the file does not say which do."""
        if any(weight.trainable is None for weight in self.weights):
            return None
        return sum(weight.size for weight in self.weights if weight.trainable)


def inspect(path: str | os.PathLike[str]) -> Inspection:
    """Look into a model file: a SavedModel directory, HDF5, a ``.keras`` archive, or the prefix of a TF checkpoint.

    Raises:
        FileNotFoundError: nothing is there.
        FormatError: what is there is no model, damaged, or of a newer format; says where in the file.
        UnsupportedError: it is in a form that is not read.
    """
    target = Path(os.fspath(path)).expanduser()
    if target.suffix == ".index" and target.is_file():
        target = target.with_suffix("")  # what a shell completes a checkpoint's prefix to
    module, reader = _READERS[sniff(target)]
    archive: Archive = getattr(importlib.import_module(f"reinstate.archive.{module}"), reader)(target)
    return describe(archive, os.fspath(path))


def _writer(archive: Archive) -> str:
    """Who wrote it; an HDF5 file says so only by what we put beside Keras 2's config."""
    ours = archive.keras3 is not None and not archive.writer.startswith("reinstate")
    return "reinstate" if ours else archive.writer


def describe(archive: Archive, path: str) -> Inspection:
    """Describe an archive that has been read from ``path``."""
    found = find_layers(archive)
    losses, metrics = loss_and_metrics(archive)
    about = {**(archive.root.metadata or {}), **(archive.config or {})}
    return Inspection(
        path=path,
        format=archive.format,
        writer=_writer(archive),
        keras_version=None if archive.keras_version is None else str(archive.keras_version),
        backend=None if archive.backend is None else str(archive.backend),
        class_name=class_name(about),
        name=layer_name(about),
        layers=tuple(found.layers),
        variables=tuple(found.variables),
        optimizer=find_optimizer(archive),
        losses=losses,
        metrics=metrics,
        signatures=tuple(archive.signatures.values()),
        tags=archive.tags,
        size=archive.size,
        ops_without_rule=ops_without_rule(archive),
    )
