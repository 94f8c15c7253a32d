"""Which format is this? By what lies on disk, and for saving by the name that is asked for."""

from __future__ import annotations

import errno
import os
import zipfile
from enum import Enum
from pathlib import Path

from reinstate.archive.hdf5_objects import is_hdf5
from reinstate.errors import NotAModelError

_HDF5_SUFFIXES = (".h5", ".hdf5")


class Format(Enum):
    """The formats that there are; the values are tf.keras' names for them."""

    SAVED_MODEL = "tf"
    HDF5 = "h5"
    KERAS = "keras"
    CHECKPOINT = "checkpoint"


def sniff(path: Path) -> Format:
    """The format of what is at ``path``.

    Raises:
        FileNotFoundError: nothing is there.
        NotAModelError: something is, and no format that this reads.
    """
    if path.is_dir():
        return _sniff_directory(path)
    if path.with_name(f"{path.name}.index").is_file():
        return Format.CHECKPOINT
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    if is_hdf5(path):
        return Format.HDF5
    if zipfile.is_zipfile(path):
        return Format.KERAS
    size = path.stat().st_size
    raise NotAModelError(f"{path}: neither HDF5 nor a .keras archive" + (" (the file is empty)" if size == 0 else ""))


def _sniff_directory(path: Path) -> Format:
    names = {entry.name for entry in path.iterdir()}
    if names & {"saved_model.pb", "saved_model.pbtxt", "saved_model.cpb"}:
        return Format.SAVED_MODEL
    versions = sorted(name for name in names if name.isdigit() and (path / name / "saved_model.pb").is_file())
    if versions:
        raise NotAModelError(f"{path}: a folder of model versions; open one of them: {', '.join(versions)}")
    if "variables" in names:
        raise NotAModelError(f"{path}: saved_model.pb is missing; without it a SavedModel was not written to its end")
    raise NotAModelError(f"{path}: a directory without saved_model.pb")


def choose(path: str, save_format: str | None) -> Format:
    """The format to save in: ``save_format`` where it is given, else by the suffix; a bare path is a SavedModel.

    Raises:
        ValueError: there is no such format, or the suffix says another one.
    """
    suffix = next((suffix for suffix in (*_HDF5_SUFFIXES, ".keras") if path.endswith(suffix)), None)
    if save_format is None:
        return _of_suffix(suffix)
    wanted = {"tf": Format.SAVED_MODEL, "tensorflow": Format.SAVED_MODEL, "h5": Format.HDF5, "hdf5": Format.HDF5}
    name = save_format.lower()
    if name == "keras":
        if suffix != ".keras":
            raise ValueError(f"save_format='keras' wants a path that ends in .keras; this is {path!r}")
        return Format.KERAS
    if name not in wanted:
        raise ValueError(f"save_format is {save_format!r}; it can be 'tf', 'h5' or 'keras'")
    if wanted[name] is Format.SAVED_MODEL and suffix is not None:
        raise ValueError(f"save_format={save_format!r} makes a directory, and {path!r} has the suffix of a file")
    return wanted[name]


def _of_suffix(suffix: str | None) -> Format:
    if suffix is None:
        return Format.SAVED_MODEL
    return Format.KERAS if suffix == ".keras" else Format.HDF5
