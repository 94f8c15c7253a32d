"""The functions that people call: arguments, formats, targets, questions, and what a failing save leaves behind."""

from __future__ import annotations

import errno
import functools
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import types
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

import reinstate
from reinstate import LoadOptions, LossyWarning, MismatchError, SaveOptions, UnsupportedError
from tests import observed

pytestmark = pytest.mark.filterwarnings("ignore::reinstate.LossyWarning")

X = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
Y = np.ones((4, 2), np.float32)
PATHS = {"tf": "model", "h5": "model.h5", "keras": "model.keras"}


def small(seed: int = 0, units: int = 2, compiled: bool = True, trained: bool = True) -> keras.Model:
    """A model, new each time; what one step of training makes of it is computed once."""
    model = fresh(seed, units, compiled)
    if compiled and trained:
        model.optimizer.build(model.trainable_variables)
        for variable, value in zip((*model.variables, *model.optimizer.variables), step(seed, units), strict=True):
            variable.assign(value)
    return model


def fresh(seed: int, units: int, compiled: bool) -> keras.Model:
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((3,), name="x"),
            keras.layers.Dense(5, activation="relu", name="hidden"),
            keras.layers.Dropout(0.1, name="drop"),
            keras.layers.Dense(units, name="out"),
        ],
        name="small",
    )
    if compiled:
        model.compile("adam", "mse", metrics=["mae"])
    return model


@functools.cache
def step(seed: int, units: int) -> list[np.ndarray]:
    model = fresh(seed, units, True)
    model.train_on_batch(X, np.ones((4, units), np.float32))
    return state(model)


def state(model: keras.Model) -> list[np.ndarray]:
    optimizer = model.optimizer.variables if model.compiled else []
    return [np.asarray(variable.value) for variable in (*model.variables, *optimizer)]


def assert_same(first: keras.Model, second: keras.Model) -> None:
    for mine, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


def differ(first: keras.Model, second: keras.Model) -> bool:
    return any(not np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True))


def digest(path: Path) -> str:
    """Of everything at a path: names and bytes."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    lines = [f"{file.relative_to(path.parent)} {hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files]
    return "\n".join(lines)


# Overwriting ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("save_format", PATHS)
def test_overwrite_replaces(tmp_path: Path, save_format: str) -> None:
    path = tmp_path / PATHS[save_format]
    reinstate.save_model(small(0), path)
    reinstate.save_model(small(1), path)
    assert_same(reinstate.load_model(path), small(1))


class Terminal:
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("save_format", PATHS)
@pytest.mark.parametrize("answers, replaced", [(["y"], True), (["n"], False), (["what", "", " Y "], True), ([], False)])
def test_on_a_terminal_one_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save_format: str, answers: list[str], replaced: bool
) -> None:
    path = tmp_path / PATHS[save_format]
    reinstate.save_model(small(0), path)
    given = iter(answers)

    def answer(question: str) -> str:
        assert str(path) in question
        try:
            return next(given)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("builtins.input", answer)
    reinstate.save_model(small(1), path, overwrite=False)
    assert_same(reinstate.load_model(path), small(1 if replaced else 0))


@pytest.mark.parametrize("save_format", PATHS)
def test_elsewhere_what_is_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save_format: str) -> None:
    path = tmp_path / PATHS[save_format]
    reinstate.save_model(small(0), path, overwrite=False)
    before = digest(path)
    for stdin in (None, types.SimpleNamespace(isatty=lambda: False)):
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(FileExistsError) as caught:
            reinstate.save_model(small(1), path, overwrite=False)
        assert caught.value.filename == str(path) and caught.value.errno == errno.EEXIST
    assert digest(path) == before


@pytest.mark.parametrize("name", ["weights", "weights.h5"])
def test_weights_are_not_overwritten_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    reinstate.save_weights(small(0), tmp_path / name, overwrite=False)
    before = digest(tmp_path)
    with pytest.raises(FileExistsError):
        reinstate.save_weights(small(1), tmp_path / name, overwrite=False)
    assert digest(tmp_path) == before


# Formats and targets -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, save_format, is_directory",
    [
        ("m", None, True),
        ("m.v1", None, True),
        ("m", "tf", True),
        ("m", "TF", True),
        ("m", "tensorflow", True),
        ("m.h5", None, False),
        ("m.hdf5", None, False),
        ("m", "h5", False),
        ("m.h5", "hdf5", False),
        ("m.keras", None, False),
        ("m.keras", "keras", False),
    ],
)
def test_the_format_is_as_asked_for_or_by_the_suffix(
    tmp_path: Path, name: str, save_format: str | None, is_directory: bool
) -> None:
    reinstate.save_model(small(), tmp_path / name, save_format=save_format)
    assert (tmp_path / name).is_dir() == is_directory
    if not name.endswith(".keras") and not is_directory:
        assert h5py.is_hdf5(tmp_path / name)
    assert_same(reinstate.load_model(tmp_path / name), small())


@pytest.mark.parametrize(
    "name, save_format, match",
    [
        ("m", "keras", "ends in .keras"),
        ("m.h5", "keras", "ends in .keras"),
        ("m.h5", "tf", "suffix of a file"),
        ("m.keras", "tf", "suffix of a file"),
        ("m", "onnx", "'tf', 'h5' or 'keras'"),
        ("m", "", "'tf', 'h5' or 'keras'"),
    ],
)
def test_formats_that_cannot_be(tmp_path: Path, name: str, save_format: str, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        reinstate.save_model(small(), tmp_path / name, save_format=save_format)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("save_format", PATHS)
@pytest.mark.parametrize("kind", [str, Path])
def test_paths_of_both_kinds(tmp_path: Path, save_format: str, kind: Callable[[Path], Any]) -> None:
    path = kind(tmp_path / "deeper" / PATHS[save_format])
    reinstate.save_model(small(), path)
    assert_same(reinstate.load_model(path), small())


@pytest.mark.parametrize("name", ["model", "model.h5", "model.keras"])
def test_home_and_a_slash_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    reinstate.save_model(small(), f"~/{name}")
    assert (tmp_path / name).exists()
    assert_same(reinstate.load_model(f"~/{name}"), small())
    if name == "model":
        reinstate.save_model(small(1), f"~/{name}/")
        assert_same(reinstate.load_model(f"{tmp_path}/{name}/"), small(1))
        assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("driver", [{}, {"driver": "core", "backing_store": False}])
def test_an_open_hdf5_file(tmp_path: Path, driver: dict[str, Any]) -> None:
    with h5py.File(tmp_path / "m.h5", "w", **driver) as file:
        reinstate.save_model(small(), file)
        assert_same(reinstate.load_model(file), small())
        with pytest.raises(FileExistsError, match="model in it already"):
            reinstate.save_model(small(1), file)
        assert_same(reinstate.load_model(file), small())
        group = file.create_group("inner")
        reinstate.save_model(small(1), group)
        assert_same(reinstate.load_model(group), small(1))
        weights = file.create_group("weights")
        reinstate.save_weights(small(2), weights)
        model = small(0)
        reinstate.load_weights(model, weights)
        assert_same(model, small(2))


def test_an_open_hdf5_file_that_cannot_be_written(tmp_path: Path) -> None:
    reinstate.save_model(small(), tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r") as file, pytest.raises(OSError, match="reading only"):
        reinstate.save_model(small(1), file)
    with h5py.File(tmp_path / "new.h5", "w") as file:
        with pytest.raises(UnsupportedError, match="signatures"):
            reinstate.save_model(small(1), file, signatures={})
        assert not list(file)


# What is saved with it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("save_format", ["tf", "h5"])
def test_without_the_optimizer(tmp_path: Path, save_format: str) -> None:
    path = tmp_path / PATHS[save_format]
    reinstate.save_model(small(), path, include_optimizer=False)
    with pytest.warns(UserWarning, match="without compile settings"):
        loaded = reinstate.load_model(path)
    assert not loaded.compiled and getattr(loaded, "optimizer", None) is None
    assert_same(loaded, small())


def test_keras_own_format_takes_no_foreign_arguments(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError) as caught:
        reinstate.save_model(
            small(), tmp_path / "m.keras", True, False, signatures={}, options=SaveOptions(), save_traces=False
        )
    assert len(caught.value.offenders) == 4
    assert not list(tmp_path.iterdir())


def test_what_is_not_written_is_said_once(tmp_path: Path) -> None:
    def losses(**arguments: Any) -> list[tuple[str, ...]]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            reinstate.save_model(small(), tmp_path / "m", **arguments)
        ours = [warning for warning in caught if isinstance(warning.message, LossyWarning)]
        assert all(Path(warning.filename) == Path(__file__) for warning in ours)
        return [warning.message.losses for warning in ours]

    traces = "save_traces: the layers' functions as graphs"
    assert losses() == [(traces,)]
    assert losses(save_traces=False) == []
    assert losses(signatures={}) == [(traces,)]
    assert losses(signatures={}, save_traces=False) == []


@pytest.mark.parametrize("save_format", ["tf", "h5"])
def test_compiled_and_not(tmp_path: Path, save_format: str) -> None:
    path = tmp_path / PATHS[save_format]
    reinstate.save_model(small(compiled=False), path)
    with pytest.warns(UserWarning, match="without compile settings"):
        assert not reinstate.load_model(path).compiled
    reinstate.save_model(small(), path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = reinstate.load_model(path, compile=False)
    assert not loaded.compiled and getattr(loaded, "optimizer", None) is None
    assert_same(loaded, small())
    again = reinstate.load_model(path)
    for mine, other in zip(state(again), state(small()), strict=True):
        np.testing.assert_array_equal(mine, other)


# Options -------------------------------------------------------------------------------------------------------------

REFUSED_SAVE = {
    "save_debug_info": True,
    "function_aliases": {"f": min},
    "experimental_debug_stripper": True,
    "experimental_variable_policy": types.SimpleNamespace(name="EXPAND_DISTRIBUTED_VARIABLES"),
    "experimental_image_format": True,
    "experimental_sharding_callback": min,
}
HONOURED_SAVE = {"extra_tags": ["gpu"]}
IDLE_SAVE = {
    "namespace_whitelist": ["Mine"],
    "experimental_io_device": "/job:localhost",
    "experimental_custom_gradients": False,
    "experimental_skip_saver": True,
}


def test_every_save_option_is_honoured_or_refused(tmp_path: Path) -> None:
    assert {*REFUSED_SAVE, *IDLE_SAVE, *HONOURED_SAVE} == set(SaveOptions.__dataclass_fields__)
    reinstate.save_model(small(), tmp_path / "m", options=SaveOptions(**IDLE_SAVE))
    assert_same(reinstate.load_model(tmp_path / "m"), small())
    reinstate.save_model(small(), tmp_path / "tagged", options=SaveOptions(**HONOURED_SAVE))
    assert reinstate.load(tmp_path / "tagged", ["serve", "gpu"]).signatures
    with pytest.raises(UnsupportedError) as caught:
        reinstate.save_model(small(), tmp_path / "refused", options=SaveOptions(**REFUSED_SAVE))
    assert [offender.partition("=")[0] for offender in caught.value.offenders] == [
        name for name in SaveOptions.__dataclass_fields__ if name in REFUSED_SAVE
    ]
    assert not (tmp_path / "refused").exists()


def test_tensorflows_own_options_are_taken(tmp_path: Path) -> None:
    # What tf.saved_model.SaveOptions() and LoadOptions() hold (TF 2.21); of 2.3, LoadOptions had no more than a device.
    unset = types.SimpleNamespace(name="NONE")
    save = types.SimpleNamespace(
        namespace_whitelist=[],
        save_debug_info=False,
        function_aliases={},
        experimental_debug_stripper=False,
        experimental_io_device=None,
        experimental_variable_policy=unset,
        experimental_custom_gradients=True,
        experimental_image_format=False,
        experimental_skip_saver=False,
        experimental_sharding_callback=None,
        extra_tags=None,
    )
    load = types.SimpleNamespace(experimental_io_device="/job:localhost")
    reinstate.save_model(small(), tmp_path / "m", options=save)
    assert_same(reinstate.load_model(tmp_path / "m", options=load), small())
    for wrong in (True, "tf"):
        with pytest.raises(TypeError, match="LoadOptions"):
            reinstate.load_model(tmp_path / "m", options=wrong)


def test_every_load_option_is_honoured_or_refused(tmp_path: Path) -> None:
    reinstate.save_model(small(), tmp_path / "m")
    policy = types.SimpleNamespace(name="SAVE_VARIABLE_DEVICES")
    options = LoadOptions(experimental_variable_policy=policy, experimental_load_function_aliases=True)
    with pytest.raises(UnsupportedError) as caught:
        reinstate.load_model(tmp_path / "m", options=options)
    assert len(caught.value.offenders) == 2
    assert_same(reinstate.load_model(tmp_path / "m", options=LoadOptions(experimental_io_device="/cpu:0")), small())


def test_skipping_the_checkpoint_reads_no_value(tmp_path: Path) -> None:
    reinstate.save_model(small(), tmp_path / "m")
    for file in (tmp_path / "m" / "variables").iterdir():
        if ".data-" in file.name:
            data = bytearray(file.read_bytes())
            data[:4] = b"\xff\xff\xff\x7f"
            file.write_bytes(data)
    with pytest.raises(reinstate.CorruptError, match="crc32c"):
        reinstate.load_model(tmp_path / "m")
    loaded = reinstate.load_model(tmp_path / "m", options=LoadOptions(experimental_skip_checkpoint=True))
    assert differ(loaded, small())
    assert all(np.isfinite(weight).all() for weight in loaded.get_weights())
    assert loaded.compiled and loaded.optimizer.iterations.value == 0
    model = small(3)
    reinstate.load_weights(model, tmp_path / "m", options=LoadOptions(experimental_skip_checkpoint=True))
    assert_same(model, small(3))


def test_a_partial_checkpoint_where_it_is_allowed(tmp_path: Path) -> None:
    part = keras.Sequential([keras.Input((3,)), keras.layers.Dense(5, name="hidden")], name="small")
    part.layers[0].set_weights(small().layers[0].get_weights())
    reinstate.save_weights(part, tmp_path / "part")
    model = small(1)
    before = state(model)
    with pytest.raises(MismatchError) as caught:
        reinstate.load_weights(model, tmp_path / "part")
    assert len(caught.value.offenders) == 2 and "part > " in str(caught.value)
    for mine, other in zip(state(model), before, strict=True):
        np.testing.assert_array_equal(mine, other)
    with pytest.warns(LossyWarning) as warned:
        reinstate.load_weights(model, tmp_path / "part", options=LoadOptions(allow_partial_checkpoint=True))
    assert len(warned[0].message.losses) == 2
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], small().layers[0].get_weights()[0])
    np.testing.assert_array_equal(model.layers[2].get_weights()[0], small(1).layers[2].get_weights()[0])
    with pytest.raises(MismatchError, match="shape"):  # missing is allowed, wrong is not
        wrong = keras.Sequential([keras.Input((3,)), keras.layers.Dense(6, name="hidden")])
        reinstate.load_weights(wrong, tmp_path / "part", options=LoadOptions(allow_partial_checkpoint=True))


# Weights -------------------------------------------------------------------------------------------------------------


def test_weights_come_from_everything_that_has_them(tmp_path: Path) -> None:
    source = small()
    reinstate.save_model(source, tmp_path / "saved")
    reinstate.save_model(source, tmp_path / "whole.h5")
    reinstate.save_weights(source, tmp_path / "only.h5")
    reinstate.save_weights(source, tmp_path / "old.keras")
    reinstate.save_weights(source, tmp_path / "prefix")
    keras.Model.save_weights(source, tmp_path / "keras3.weights.h5")
    for name in (
        "saved",
        "saved/variables/variables",
        "whole.h5",
        "only.h5",
        "old.keras",
        "prefix",
        "keras3.weights.h5",
    ):
        model = small(1)
        reinstate.load_weights(model, tmp_path / name)
        assert_same(model, source)
        if name in ("saved", "saved/variables/variables", "prefix"):
            for mine, other in zip(model.optimizer.variables, source.optimizer.variables, strict=True):
                np.testing.assert_array_equal(mine.value, other.value, err_msg=name)


def test_wrong_weights_change_nothing(tmp_path: Path) -> None:
    other = small(1, units=4)
    reinstate.save_weights(other, tmp_path / "prefix")
    reinstate.save_weights(other, tmp_path / "only.h5")
    reinstate.save_model(other, tmp_path / "saved")
    keras.Model.save_weights(other, tmp_path / "keras3.weights.h5")
    model = small(0, trained=False)
    before = state(model)
    for name in ("prefix", "only.h5", "saved", "keras3.weights.h5"):
        with pytest.raises(MismatchError) as caught:
            reinstate.load_weights(model, tmp_path / name)
        assert str(caught.value).startswith(name)
        if "keras3" not in name:  # Keras itself stops at the first
            assert len(caught.value.offenders) == 2, caught.value
        for mine, was in zip(state(model), before, strict=True):
            np.testing.assert_array_equal(mine, was)


def test_a_model_without_weights_neither_saves_nor_loads_them(tmp_path: Path) -> None:
    unbuilt = keras.Sequential([keras.layers.Dense(2)])
    reinstate.save_weights(small(), tmp_path / "prefix")
    for call in (reinstate.save_weights, reinstate.load_weights):
        with pytest.raises(UnsupportedError, match="no weights yet"):
            call(unbuilt, tmp_path / "prefix")


def test_the_state_file_names_the_latest_checkpoint(tmp_path: Path) -> None:
    reinstate.save_weights(small(), tmp_path / "first")
    reinstate.save_weights(small(), tmp_path / "second")
    expected = 'model_checkpoint_path: "second"\nall_model_checkpoint_paths: "second"\n'  # as tf.keras writes it
    assert (tmp_path / "checkpoint").read_text() == expected


def test_a_checkpoint_saved_over_another_is_read_by_tensorflow(tmp_path: Path, oracle: Any) -> None:
    prefix = tmp_path / "weights"
    for seed, shards in enumerate(("00001", "00002", "00001")):
        reinstate.save_weights(small(seed), prefix)
        assert sorted(os.listdir(tmp_path)) == [
            "checkpoint",
            f"weights.data-00000-of-{shards}",
            "weights.index",
        ]
        oracle("face.load_weights", prefix=str(prefix), values=str(tmp_path / "values.npz"))
        with np.load(tmp_path / "values.npz") as arrays:
            assert str(arrays["latest"]) == str(prefix)
            for index, mine in enumerate(small(seed).get_weights()):
                np.testing.assert_array_equal(arrays[f"keras/{index}"], mine)
                np.testing.assert_array_equal(arrays[f"raw/{index}"], mine)
        (tmp_path / "values.npz").unlink()


# register ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def registered() -> Iterator[None]:
    reinstate.register()
    yield
    reinstate.unregister()


@pytest.mark.usefixtures("registered")
def test_keras_names_take_old_positional_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    model = small()
    model.save(tmp_path / "m", True, False, "tf", None, SaveOptions(), False)
    with pytest.raises(FileExistsError):
        model.save(str(tmp_path / "m"), False)
    assert not keras.models.load_model(tmp_path / "m", None, False).compiled
    model.save(tmp_path / "m.h5", True, True, "h5")
    assert keras.saving.load_model(tmp_path / "m.h5", {}, True).compiled
    keras.models.save_model(model, tmp_path / "n", True, True, "tf")
    model.save_weights(tmp_path / "w", True, "tf")
    other = small(1)
    other.load_weights(tmp_path / "w", False)
    assert_same(other, model)
    callback = keras.callbacks.ModelCheckpoint(str(tmp_path / "best.keras"), monitor="loss")
    model.fit(X, Y, verbose=0, callbacks=[callback])
    assert_same(keras.models.load_model(tmp_path / "best.keras"), model)


def test_unregister_gives_keras_its_own_back(tmp_path: Path) -> None:
    names = [(keras.Model, "save"), (keras.Model, "save_weights"), (keras.Model, "load_weights")]
    names += [(module, name) for module in (keras.models, keras.saving) for name in ("save_model", "load_model")]
    before = [getattr(owner, name) for owner, name in names]
    reinstate.register()
    reinstate.register()
    assert all(getattr(owner, name) is not old for (owner, name), old in zip(names, before, strict=True))
    reinstate.unregister()
    reinstate.unregister()
    assert [getattr(owner, name) for owner, name in names] == before


# Saves that fail -----------------------------------------------------------------------------------------------------

SAVES: dict[str, Callable[[keras.Model, Path], None]] = {
    "model": reinstate.save_model,
    "model.h5": reinstate.save_model,
    "model.keras": reinstate.save_model,
    "prefix": reinstate.save_weights,
    "weights.h5": reinstate.save_weights,
}

CHILD = """
import os, sys, warnings, numpy as np
os.environ["KERAS_BACKEND"] = "jax"
warnings.simplefilter("ignore")
import keras, reinstate
def small(scale, size=2):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(size, name="a"), keras.layers.Dense(2, name="b")])
    model.set_weights([np.full(w.shape, scale, "float32") for w in model.get_weights()])
    return model
def save(model, path):
    weights = os.path.basename(path) in ("prefix", "weights.h5")
    (reinstate.save_weights if weights else reinstate.save_model)(model, path)
"""


def child(code: str, *arguments: str, **more: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD + textwrap.dedent(code), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def outcome(code: str, *arguments: str, **more: Any) -> str:
    process = child(code, *arguments, **more)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return out


def test_a_full_disk_leaves_the_old_model_and_nothing_else(tmp_path: Path) -> None:
    for name in SAVES:
        (tmp_path / name.replace(".", "_")).mkdir()
    # The limit is that on the size of a file: the writes fail as they do on a full disk, with another number.
    code = """
    import resource
    for name in sys.argv[2:]:
        path = os.path.join(sys.argv[1], name.replace(".", "_"), name)
        save(small(1.0, 2), path)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
        try:
            save(small(2.0, 60_000), path)
        except OSError as error:
            print(name, error.errno, error.filename)
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    """
    lines = outcome(code, str(tmp_path), *SAVES).splitlines()
    assert [line.split()[:2] for line in lines] == [[name, str(errno.EFBIG)] for name in SAVES]
    for name in SAVES:
        folder = tmp_path / name.replace(".", "_")
        expected = ["checkpoint", "prefix.data-00000-of-00001", "prefix.index"] if name == "prefix" else [name]
        assert sorted(os.listdir(folder)) == expected
        assert_all(folder / name, 1.0)


def assert_all(path: Path, *values: float) -> float:
    """Load what the child saved: it is whole, of one of the values."""
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2, name="a"), keras.layers.Dense(2, name="b")], name="sequential"
    )
    if path.name in ("prefix", "weights.h5"):
        reinstate.load_weights(model, path)
    else:
        model = reinstate.load_model(path, compile=False)
    found = {float(value) for weight in model.get_weights() for value in weight.ravel()}
    assert len(found) == 1
    assert not values or found <= set(values)
    return found.pop()


@pytest.mark.slow
def test_killed_at_any_point_the_old_or_the_new_is_there(tmp_path: Path) -> None:
    code = """
    model = small(0.0)
    number = 0
    while True:
        model.set_weights([np.full(w.shape, number, "float32") for w in model.get_weights()])
        for name in sys.argv[2:]:
            save(model, os.path.join(sys.argv[1], name))
        if number == 0:
            print("ready", flush=True)
        number += 1
    """
    for attempt in range(4):
        process = child(code, str(tmp_path), *SAVES)
        assert process.stdout is not None and process.stderr is not None
        try:
            assert process.stdout.readline() == "ready\n", process.stderr.read()
            time.sleep(0.02 + 0.037 * attempt)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()
            process.stderr.close()
        found = [assert_all(tmp_path / name) for name in SAVES]
        assert max(found) - min(found) <= 1
    outcome("for name in sys.argv[2:]: save(small(5.0), os.path.join(sys.argv[1], name))", str(tmp_path), *SAVES)
    left = [name for name in os.listdir(tmp_path) if name not in SAVES and not name.startswith("prefix.")]
    assert left == ["checkpoint"]
    assert len([name for name in os.listdir(tmp_path) if name.startswith("prefix.data-")]) == 1


def test_a_directory_that_may_not_be_written() -> None:
    code = """
    folder = sys.argv[1]
    for name in sys.argv[2:]:
        save(small(1.0), os.path.join(folder, name))
    os.chmod(folder, 0o555)
    if os.geteuid() == 0:
        os.seteuid(65534)  # root may write everywhere
    for name in sys.argv[2:]:
        for path in (os.path.join(folder, name), os.path.join(folder, "new", name)):
            try:
                save(small(2.0), path)
            except PermissionError as error:
                print(error.filename)
    """
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        lines = outcome(code, folder, *SAVES).splitlines()
        os.chmod(folder, 0o755)
        assert len(lines) == 2 * len(SAVES) and all(line.startswith(folder) for line in lines)
        for name in SAVES:
            assert_all(Path(folder, name), 1.0)
        assert sorted(os.listdir(folder)) == sorted(
            {*SAVES, "checkpoint", "prefix.index", "prefix.data-00000-of-00001"} - {"prefix"}
        )


@pytest.mark.parametrize("name", SAVES)
def test_a_parent_that_is_a_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(OSError):
        SAVES[name](small(), tmp_path / "file" / name)
    assert (tmp_path / "file").read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["model.h5", "model.keras", "weights.h5"])
def test_a_directory_in_the_place_of_a_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name / "inner").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        SAVES[name](small(), tmp_path / name)
    assert os.listdir(tmp_path) == [name]


def test_a_file_in_the_place_of_a_directory(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"mine")
    with pytest.raises(NotADirectoryError):
        reinstate.save_model(small(), tmp_path / "model")
    (tmp_path / "checkpoint").mkdir()
    with pytest.raises(IsADirectoryError):
        reinstate.save_weights(small(), tmp_path / "prefix")
    assert sorted(os.listdir(tmp_path)) == ["checkpoint", "model"]


def test_foreign_files_stay(tmp_path: Path) -> None:
    warmup = tmp_path / "m" / "assets.extra" / "tf_serving_warmup_requests"
    warmup.parent.mkdir(parents=True)
    warmup.write_bytes(b"theirs")
    for seed in range(2):
        reinstate.save_model(small(seed), tmp_path / "m")
        assert warmup.read_bytes() == b"theirs"
        assert_same(reinstate.load_model(tmp_path / "m"), small(seed))


# Determinism ---------------------------------------------------------------------------------------------------------


def test_two_saves_are_the_same_bytes(tmp_path: Path) -> None:
    code = """
    @keras.saving.register_keras_serializable("own")
    class Own(keras.Model):
        def __init__(self, *args, b=1, a=2, c=3, **more):
            super().__init__(*args, **more)
            self.b, self.a, self.c = b, a, c
        def get_config(self):
            return {**super().get_config(), "b": self.b, "a": self.a, "c": self.c}
    x = keras.Input((3,), name="x")
    y = keras.layers.Dense(2, name="d")(x)
    model = Own(inputs={"x": x}, outputs={"p": y, "q": keras.layers.Dense(2, name="e")(y)}, name="own")
    model.compile("adam", {"p": "mse", "q": "mae"}, metrics={"p": ["mae"], "q": ["mse"]})
    model.set_weights([np.ones(w.shape, "float32") for w in model.get_weights()])
    for part in ("1", "2"):
        for name in sys.argv[2:]:
            save(model, os.path.join(sys.argv[1], part, name))
    """
    names = [name for name in SAVES if name != "model.keras"]
    for seed in ("0", "1"):
        outcome(code, str(tmp_path / seed), *names, env={**os.environ, "PYTHONHASHSEED": seed})
    digests = {digest(tmp_path / seed / part).replace(f"{part}/", "") for seed in "01" for part in "12"}
    assert len(digests) == 1


def test_loading_needs_jax(tmp_path: Path) -> None:
    reinstate.save_model(small(), tmp_path / "m")
    code = "import sys, reinstate; reinstate.load_model(sys.argv[1])"
    for backend in ("torch", "tensorflow", "numpy", "nonsense"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "m")],
            env={**os.environ, "KERAS_BACKEND": backend},
            capture_output=True,
            text=True,
        )
        last = done.stderr.strip().splitlines()[-1]
        assert last.startswith("reinstate.errors.UnsupportedError") and backend in last and "KERAS_BACKEND=jax" in last


def test_predictions_survive(tmp_path: Path) -> None:
    model = small()
    for name in ("model", "model.h5", "model.keras"):
        reinstate.save_model(model, tmp_path / name)
        np.testing.assert_array_equal(
            observed.predictions(reinstate.load_model(tmp_path / name), [X])[0], observed.predictions(model, [X])[0]
        )
