"""The ``.keras`` format is Keras' own; what it leaves out of a model's state, the seeds, is put into the archive, too.

Keras skips members that it does not know: the file stays an ordinary ``.keras`` file.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from reinstate.archive.native import read_native
from reinstate.config import Context, check_keras3
from reinstate.errors import (
    CorruptError,
    MismatchError,
    NotAModelError,
    ReinstateError,
    UnsafeError,
    UnsupportedError,
    where,
)
from reinstate.live import _keras
from reinstate.live.attributes import state_paths
from reinstate.live.keras2.logits import hand_logits
from reinstate.live.keras2.models import on_host
from reinstate.live.objects import STAND_INS, caller_objects
from reinstate.live.revived import revived_in

_SEEDS = "reinstate.seeds.json"
_LARGEST = 64 * 2**20  # bytes of seeds; more is no list of seeds


def save_native(model: Any, path: Path) -> None:
    """Write a ``.keras`` archive.

    Raises:
        UnsupportedError: layers were revived from functions, of which Keras knows nothing.
    """
    if revived := revived_in(model):
        raise UnsupportedError("a .keras archive has no place for functions, which these layers consist of:", revived)
    _keras.save_native(model, path)
    seeds = {key: np.asarray(variable.value).tolist() for key, variable in _seeds(model).items()}
    if seeds:
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(zipfile.ZipInfo(_SEEDS), json.dumps(seeds, sort_keys=True))


def load_native(path: Path, custom_objects: Mapping[str, Any] | None, compile: bool, safe_mode: bool) -> Any:
    """Read a ``.keras`` archive.

    Raises:
        CorruptError: the archive is damaged.
        UnsupportedError: Keras cannot rebuild what it holds.
        UnsafeError: it holds code, and ``safe_mode`` is on.
    """
    archive = read_native(path)
    with where(path.name):
        stored = _read_seeds(path)
        if safe_mode:
            check_keras3(archive.config, Context(custom=caller_objects(custom_objects)))
        try:
            with _keras.deferred_initializers() as created, _keras.standing_in(STAND_INS):
                model = _keras.load_native(path, custom_objects, compile, safe_mode)
        except ReinstateError:
            raise
        except Exception as error:  # whatever Keras, or a class of the caller's, makes of the file
            raise _translated(error) from error
        for variable, initializer in created:
            if not _keras.has_value(variable):
                _keras.run_initializer(variable, initializer)
        _assign_seeds(model, stored)
        hand_logits(model)
        return on_host(model)


def load_native_weights(model: Any, path: Path, skip_mismatch: bool = False) -> list[str]:
    """Read one of Keras 3's own weights files, or the weights of a ``.keras`` archive, into a model.

    Returns what was skipped, in Keras' words.

    Raises:
        MismatchError: the weights do not fit; the model is as it was then.
        CorruptError: the archive is damaged.
    """
    optimizer = getattr(model, "optimizer", None)  # a model that was never compiled does not even have None
    own = [] if optimizer is None else _keras.optimizer_variables(optimizer)
    before = [(variable, variable.value) for variable in (*model.variables, *own)]
    if path.name.endswith(".keras"):
        read_native(path)
    with where(path.name):
        try:
            return _keras.load_native_weights(model, str(path), skip_mismatch)
        except Exception as error:  # Keras stops half way
            for variable, value in before:
                variable.assign(value)
            raise MismatchError("Keras cannot load the weights:", [_keras.reason(error)]) from error


def _assign_seeds(model: Any, stored: Mapping[str, Any]) -> None:
    seeds = _seeds(model)
    for key, value in stored.items():
        if key in seeds:
            try:
                seeds[key].assign(np.array(value, _keras.numpy_dtype(seeds[key])))
            except (TypeError, ValueError, OverflowError) as error:
                raise CorruptError(f"{_SEEDS} > {key} > {error}") from error


def _translated(error: Exception) -> ReinstateError:
    text = _keras.reason(error)
    if "safe_mode" in str(error) or "lambda" in text:
        return UnsafeError(text)
    if isinstance(error, OSError | RuntimeError | EOFError | zipfile.BadZipFile | zlib.error):
        return CorruptError(text)
    return UnsupportedError(f"Keras cannot load it: {text}")


def _seeds(model: Any) -> dict[str, Any]:
    """The variables of the model that are no weights, by the path to each."""
    weights = {id(weight) for weight in model.weights}
    return {"/".join(path): variable for path, variable in state_paths(model) if id(variable) not in weights}


def _read_seeds(path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            if "config.json" not in archive.namelist():
                raise NotAModelError("a zip archive without config.json: not a .keras file")
            if _SEEDS not in archive.namelist():
                return {}
            if archive.getinfo(_SEEDS).file_size > _LARGEST:
                raise CorruptError(f"{_SEEDS} claims {archive.getinfo(_SEEDS).file_size} bytes")
            stored = json.loads(archive.read(_SEEDS))
    except (zipfile.BadZipFile, ValueError, RuntimeError, EOFError, zlib.error) as error:
        raise CorruptError(f"not a whole .keras archive: {error}") from error
    if not isinstance(stored, dict):
        raise CorruptError(f"{_SEEDS} is not a JSON object")
    return stored
