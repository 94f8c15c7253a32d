"""The face: pick a format, hand over, and say what was lost. The arguments are those of the tf.keras documentation."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from reinstate.archive import checkpoint, hdf5, saved_model
from reinstate.archive.atomic import replacing_directory, replacing_file
from reinstate.archive.formats import Format, choose, sniff
from reinstate.archive.model import Archive
from reinstate.errors import LossyWarning, ReinstateError, UnsupportedError
from reinstate.garbage import older_objects_spared
from reinstate.options import LoadOptions, SaveOptions, honoured
from reinstate.progress import progress

if TYPE_CHECKING:
    import h5py
    import keras

    from reinstate.live.module import Module

    FilePath: TypeAlias = str | os.PathLike[str] | h5py.File | h5py.Group


def save_model(
    model: keras.Model,
    filepath: FilePath,
    overwrite: bool = True,
    include_optimizer: bool = True,
    save_format: str | None = None,
    signatures: Any = None,
    options: SaveOptions | None = None,
    save_traces: bool = True,
) -> None:
    """Save a model so that ``load_model``, here or in TensorFlow, gives it back in the same state.

    Args:
        model: a Keras model.
        filepath: where to; a path, or an open ``h5py.File``.
        overwrite: False asks before it replaces what is there, on a terminal; elsewhere it raises.
        include_optimizer: whether to save the compile settings and the optimizer's state.
        save_format: 'tf' (a SavedModel directory), 'h5', or 'keras'; None goes by the suffix, and a bare path is 'tf'.
        signatures: what is served (format 'tf' only): a ``reinstate.function``, which becomes ``serving_default``, or
            several by name; {} serves nothing. None: what the model predicts is ``serving_default``.
        options: ``SaveOptions`` (format 'tf' only).
        save_traces: the layers' functions as graphs; not written yet, a ``LossyWarning`` says so.

    Raises:
        FileExistsError: ``overwrite`` is False, something is there, and there is no terminal to ask on.
        UnsupportedError: the model has no config to be rebuilt from, or an option cannot be honoured.
        OSError: it cannot be written; what was there before is untouched.
    """
    _require_jax()
    if not _is_path(filepath):
        _refuse_for_hdf5(signatures, options)
        _warn("saved the model", _save_hdf5(model, filepath, include_optimizer))
        return
    name = os.fspath(filepath)
    chosen = choose(name, save_format)
    path = Path(name).expanduser()
    if not overwrite and not _may_replace(path):
        return
    losses: Sequence[str] = ()
    if chosen is Format.KERAS:
        _refuse_for_keras(include_optimizer, signatures, options, save_traces)
        _save_keras(model, path)
    elif chosen is Format.HDF5:
        _refuse_for_hdf5(signatures, options)
        with replacing_file(path) as temporary:
            losses = _save_hdf5(model, temporary, include_optimizer)
    else:
        losses = _save_saved_model(model, path, include_optimizer, signatures, options, save_traces)
    _warn(f"saved {path.name}", losses)


def export(obj: Any, path: str | os.PathLike[str], signatures: Any = None) -> None:
    """Write what a model or a function computes as a SavedModel that TensorFlow runs: to be served, not to be rebuilt.

    Example:
        >>> def predict(x):
        ...     return {"y": apply(parameters, x)}  # any code of JAX, its parameters arrays or Keras variables
        >>> spec = jax.ShapeDtypeStruct((None, 3), "float32")
        >>> reinstate.export(reinstate.function(predict, input_signature=[spec]), "predictor")

    Args:
        obj: a Keras model (its prediction is ``serving_default``), or a ``reinstate.function``.
        path: the directory; what is there is replaced.
        signatures: other functions of the object instead, as in ``save_model``.

    Raises:
        UnsupportedError: it is neither, or cannot be put into TensorFlow's ops; names what stands in the way.
        OSError: it cannot be written; what was there before is untouched.
    """
    _require_jax()
    from reinstate.live.served import capture_served

    archive, losses = capture_served(obj, signatures)
    target = Path(os.fspath(path)).expanduser()
    _write_saved_model(archive, target)
    _warn(f"exported {target.name}", losses)


def load_model(
    filepath: FilePath,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    options: LoadOptions | None = None,
    *,
    safe_mode: bool = True,
) -> keras.Model:
    """Load a model that any Keras has saved: weights, optimizer state, compile settings and all.

    Args:
        filepath: a SavedModel directory, an HDF5 file (or an open ``h5py.File``), or a ``.keras`` file.
        custom_objects: classes and functions by the names under which the file knows them.
        compile: whether to compile the model as it was.
        options: ``LoadOptions``.
        safe_mode: refuse what would run code from the file.

    Raises:
        FileNotFoundError: nothing is there.
        FormatError: what is there is no model, damaged, or of a newer format; says where in the file.
        UnsupportedError: the model holds what cannot be built; names all of it.
        MismatchError: weights and config do not fit; names all differences.
        UnsafeError: the file wants to run code, or reaches outside itself.
    """
    _require_jax()
    from reinstate.live.build import build
    from reinstate.live.native import load_native

    chosen = honoured(options, LoadOptions)
    if _is_path(filepath):
        path = Path(os.fspath(filepath)).expanduser()
        if sniff(path) is Format.KERAS:
            return load_native(path, custom_objects, compile, safe_mode)
    with older_objects_spared():
        archive = read_archive(filepath)
        with _of_file(filepath):
            loaded = build(archive, custom_objects, compile, chosen, safe_mode)
    if compile and not loaded.compiled:
        warnings.warn("the model was saved without compile settings; compile it before training", stacklevel=2)
    _warn("loaded the model", loaded.losses)
    return loaded.model


def read_archive(filepath: FilePath, tags: Iterable[str] | None = None) -> Archive:
    """Read the structure of a model file of any format but ``.keras``.

    Raises:
        FileNotFoundError: nothing is there.
        FormatError: it is not such a file, or damaged.
    """
    if not _is_path(filepath):
        return hdf5.read_hdf5(filepath)
    path = Path(os.fspath(filepath)).expanduser()
    found = sniff(path)
    if found is Format.SAVED_MODEL:
        return saved_model.read_saved_model(path, tags)
    if found is Format.CHECKPOINT:
        return checkpoint.read_checkpoint(path)
    if found is Format.HDF5:
        return hdf5.read_hdf5(path)
    raise UnsupportedError(f"{path}: a .keras archive is read by Keras itself")


def load(path: str | os.PathLike[str], tags: Iterable[str] | None = None) -> Module:
    """Open any SavedModel, of Keras or not, as what it can compute: what ``tf.saved_model.load`` gives.

    ``load(path).signatures["serving_default"](x=array)`` gives a dictionary of arrays; the objects that were saved are
    attributes, and their functions can be called. All of it runs on JAX, and can be compiled and differentiated.

    Args:
        path: the directory.
        tags: those of the model to open, where there are several in it.

    Raises:
        FileNotFoundError: nothing is there.
        FormatError: it is not a SavedModel, or damaged.
        UnsupportedError: it is a model of another format, or none has these tags.
    """
    from reinstate.live.module import open_module

    with older_objects_spared():
        archive = read_archive(path, tags)
        with _of_file(path):
            return open_module(archive)


def save_weights(
    model: keras.Model,
    filepath: FilePath,
    overwrite: bool = True,
    save_format: str | None = None,
    options: Any = None,
) -> None:
    """Save the weights (format 'tf': and the optimizer's state) of a model.

    Args:
        model: a Keras model that is built.
        filepath: the prefix of a TF checkpoint, a file ending in ``.h5``, ``.hdf5`` or ``.keras``, or an ``h5py.File``.
        overwrite: as in ``save_model``.
        save_format: 'tf' or 'h5'; None goes by the suffix.
        options: TensorFlow's ``CheckpointOptions``; none of its fields has an effect here.
    """
    _require_jax()
    from reinstate.live.build import require_built
    from reinstate.live.capture import capture_weights, capture_weights_positions

    require_built(model)
    if not _is_path(filepath):
        hdf5.write_hdf5(capture_weights_positions(model), filepath)
        return
    name = os.fspath(filepath)
    chosen = Format.HDF5 if save_format is None and name.endswith(".keras") else choose(name, save_format)
    path = Path(name).expanduser()
    there = path if chosen is Format.HDF5 else path.with_name(f"{path.name}.index")
    if not overwrite and not _may_replace(there):
        return
    if chosen is Format.HDF5:
        archive = capture_weights_positions(model)
        with replacing_file(path) as temporary:
            hdf5.write_hdf5(archive, temporary)
    else:
        checkpoint.save_checkpoint(capture_weights(model), path)


def load_weights(
    model: keras.Model,
    filepath: FilePath,
    by_name: bool = False,
    skip_mismatch: bool = False,
    options: LoadOptions | None = None,
) -> None:
    """Load weights into a model: of a checkpoint, a SavedModel (or its ``variables/variables``), or an HDF5 file.

    From the first two a compiled model's optimizer state comes, too. A checkpoint of TensorFlow 1 is matched by the
    names of the variables.

    Args:
        model: a Keras model that is built.
        filepath: the file, the directory, or the checkpoint's prefix.
        by_name: put the weights of an HDF5 file into the layers that have the same names, let the others alone.
        skip_mismatch: of these (or of Keras 3's own files) skip what does not fit; a ``LossyWarning`` names it.
        options: ``LoadOptions``.

    Raises:
        MismatchError: the weights do not fit the model; names every difference, and nothing has been changed.
        UnsupportedError: ``by_name`` for what is no HDF5 file, or ``skip_mismatch`` without ``by_name``.
        FileNotFoundError, FormatError: as in ``load_model``.
    """
    _require_jax()
    from reinstate.live.build import load_layers_by_name, load_weights_into, require_built
    from reinstate.live.native import load_native_weights

    chosen = honoured(options, LoadOptions)
    require_built(model)
    if _is_path(filepath) and _is_native_weights(path := Path(os.fspath(filepath)).expanduser()):
        if by_name:
            raise UnsupportedError(f"{path.name}: by_name is for HDF5 files of Keras 1 and 2, this is Keras 3's")
        _warn("loaded the weights", load_native_weights(model, path, skip_mismatch))
        return
    if skip_mismatch and not by_name:
        raise UnsupportedError("skip_mismatch goes with by_name=True only, as in tf.keras")
    archive = read_archive(filepath)
    with _of_file(filepath):
        if by_name:
            losses = load_layers_by_name(model, archive, skip_mismatch, chosen)
        else:
            losses = load_weights_into(model, archive, chosen)
    _warn("loaded the weights", losses)


def _is_native_weights(path: Path) -> bool:
    """Whether it is one of Keras 3's own weights files or archives, which Keras reads itself."""
    if not path.is_file():
        return False
    if path.name.endswith(".keras"):
        return sniff(path) is Format.KERAS
    if path.name.endswith(".weights.json"):
        return True
    return path.name.endswith(".weights.h5") and hdf5.holds_keras3_weights(path)


def _require_jax() -> None:
    """Make sure that Keras runs, or will run, on JAX; before it is imported, it is not imported for this.

    Raises:
        UnsupportedError: it runs on another backend.
    """
    backend = os.environ.get("KERAS_BACKEND", "jax")
    if "keras" not in sys.modules and backend != "jax":
        raise UnsupportedError(f"KERAS_BACKEND is {backend!r}; reinstate works on JAX: set KERAS_BACKEND=jax")
    from reinstate.live import _keras

    _keras.require_jax()


@contextmanager
def _of_file(filepath: Any) -> Iterator[None]:
    """Let an error begin with the name of the file; those that come from reading it already do."""
    name = Path(os.fspath(filepath) if _is_path(filepath) else filepath.file.filename).name
    try:
        yield
    except ReinstateError as error:
        if error.place[:1] != [name]:
            error.place.insert(0, name)
        raise


def _save_saved_model(
    model: Any, path: Path, include_optimizer: bool, signatures: Any, options: SaveOptions | None, save_traces: bool
) -> Sequence[str]:
    """Write a SavedModel; return what is not in it."""
    from reinstate.live.capture import capture

    chosen = honoured(options, SaveOptions)
    archive, losses = capture(model, include_optimizer, functions=save_traces, signatures=signatures)
    _write_saved_model(replace(archive, tags=(tuple(chosen.extra_tags or ()),)), path)
    return [*losses, *(["save_traces: the layers' functions as graphs"] if save_traces else [])]


def _write_saved_model(archive: Archive, path: Path) -> None:
    with (
        replacing_directory(path, saved_model.OWNED) as temporary,
        progress(f"Saving {path.name}", _size(archive)) as bar,
    ):
        saved_model.write_saved_model(archive, temporary, bar)


def _save_hdf5(model: Any, target: Any, include_optimizer: bool) -> Sequence[str]:
    """Write HDF5; return what is not in it."""
    from reinstate.live.capture import capture_positions

    archive, losses = capture_positions(model, include_optimizer)
    with progress("Saving", _size(archive)) as bar:
        hdf5.write_hdf5(archive, target, progress=bar)
    return losses


def _save_keras(model: Any, path: Path) -> None:
    from reinstate.live.native import save_native

    with replacing_file(path, suffix=".keras") as temporary:
        save_native(model, temporary)


def _size(archive: Archive) -> int:
    """The number of bytes that the archive's tensors take."""
    total = 0
    for _, variable in archive.variables():
        elements = 1
        for size in variable.shape:
            elements *= size
        total += elements * variable.dtype.size
    return total


def _is_path(filepath: Any) -> bool:
    return isinstance(filepath, str | os.PathLike)


def _may_replace(path: Path) -> bool:
    """Ask whether what is at ``path`` may be replaced.

    Raises:
        FileExistsError: there is no terminal to ask on.
    """
    if not path.exists():
        return True
    if not (sys.stdin and sys.stdin.isatty()):
        raise FileExistsError(errno.EEXIST, "overwrite=False, and it exists already", str(path))
    while (answer := _ask(f"{path} already exists. Overwrite it? [y/n] ")) not in ("y", "n"):
        print("Please answer y or n.")
    return answer == "y"


def _ask(question: str) -> str:
    """The answer in lower case; the end of the input is a no."""
    try:
        return input(question).strip().lower()
    except EOFError:
        return "n"


def _refuse_for_keras(include_optimizer: bool, signatures: Any, options: Any, save_traces: bool) -> None:
    given = {
        "include_optimizer=False": not include_optimizer,
        "signatures": signatures is not None,
        "options": options is not None,
        "save_traces=False": not save_traces,
    }
    offenders = [name for name, is_given in given.items() if is_given]
    if offenders:
        raise UnsupportedError("the .keras format, which Keras writes itself, takes none of these:", offenders)


def _refuse_for_hdf5(signatures: Any, options: Any) -> None:
    offenders = [name for name, value in (("signatures", signatures), ("options", options)) if value is not None]
    if offenders:
        raise UnsupportedError("HDF5 has no place for these; they belong to save_format='tf':", offenders)


def _warn(action: str, losses: Iterable[str]) -> None:
    listed = list(dict.fromkeys(losses))
    if listed:
        warnings.warn(LossyWarning(action, listed), stacklevel=3)
