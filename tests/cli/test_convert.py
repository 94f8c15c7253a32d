from __future__ import annotations

import builtins

import keras
import numpy as np
import pytest
from click.testing import CliRunner

import reinstate
from reinstate import inspect
from reinstate.cli import run
from reinstate.cli.convert import command


@pytest.mark.parametrize("target", ["model.h5", "model.hdf5", "model.keras", "model"])
def test_the_same_model_in_another_format(golden, tmp_path, target, capfd):
    source = golden("2.15/dense/traces")
    assert run(["convert", str(source), str(tmp_path / target)]) == 0
    out, err = capfd.readouterr()
    assert out.startswith(f"{tmp_path}/{target}: ") and err.count("\n") <= 1
    assert all(line.startswith("not carried: ") for line in err.splitlines())
    old, new = inspect(source), inspect(tmp_path / target)
    assert [weight.shape for weight in new.weights] == [weight.shape for weight in old.weights]
    assert (new.optimizer.step, new.optimizer.slots) == (old.optimizer.step, old.optimizer.slots)


def test_without_the_optimizer(golden, tmp_path):
    assert run(["convert", str(golden("2.15/dense/traces")), str(tmp_path / "m.h5"), "--no-optimizer"]) == 0
    assert inspect(tmp_path / "m.h5").optimizer is None


def test_values_are_those_of_the_source(golden, tmp_path):
    source = golden("2.8/dense/model.h5")
    assert run(["convert", str(source), str(tmp_path / "m")]) == 0
    with np.load(golden("2.8/dense/truth.npz")) as truth:
        expected = [truth[key] for key in sorted(truth.files) if key.startswith("weight/")]
    model = reinstate.load_model(tmp_path / "m")
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), expected, strict=True))


def test_it_replaces_nothing_unasked(golden, tmp_path, capsys):
    target = tmp_path / "m.h5"
    target.write_text("precious")
    assert run(["convert", str(golden("2.15/dense/traces")), str(target)]) == 1
    assert capsys.readouterr().err == f"reinstate: {target}: it exists; --overwrite replaces it\n"
    assert target.read_text() == "precious"
    assert run(["convert", str(golden("2.15/dense/traces")), str(target), "--overwrite"]) == 0
    assert inspect(target).parameters > 0


def test_it_asks_on_a_terminal(golden, tmp_path, monkeypatch):
    monkeypatch.setattr("reinstate.cli.convert._is_terminal", lambda: True)
    target = tmp_path / "m.h5"
    target.write_text("precious")
    done = CliRunner().invoke(command, [str(golden("2.15/dense/traces")), str(target)], input="n\n")
    assert done.exit_code == 1 and "Replace it?" in done.output and "nothing was written" in done.output
    assert target.read_text() == "precious"
    done = CliRunner().invoke(command, [str(golden("2.15/dense/traces")), str(target)], input="y\n")
    assert done.exit_code == 0 and inspect(target).parameters > 0


@pytest.mark.parametrize("target", ["no/such/m.h5", "m.onnx", "m.pb"])
def test_a_place_that_cannot_be(golden, tmp_path, target, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["convert", str(golden("2.15/dense/traces")), target]) in (1, 2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [("nothing", "no such file or directory"), ("text.h5", "neither HDF5 nor a .keras archive")],
)
def test_a_source_that_is_no_model(tmp_path, name, said, capsys):
    (tmp_path / "text.h5").write_text("text")
    assert run(["convert", str(tmp_path / name), str(tmp_path / "m.h5")]) == 1
    assert capsys.readouterr().err == f"reinstate: {tmp_path / name}: {said}\n"
    assert not (tmp_path / "m.h5").exists()


def test_a_class_that_is_not_there(tmp_path, capsys):
    class Mine(keras.layers.Layer):
        def call(self, x):
            return x

    keras.Sequential([keras.Input((2,)), Mine(name="mine")]).save(tmp_path / "m.keras")
    assert run(["convert", str(tmp_path / "m.keras"), str(tmp_path / "m.h5")]) == 1
    err = capsys.readouterr().err
    assert err.startswith("reinstate: m.keras > ") and "Mine" in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OSError(28, "No space left on device"), 1, "reinstate: no space left on the disk\n"),
        (
            ImportError("HDF5 files need the library h5py: pip install h5py"),
            1,
            "reinstate: HDF5 files need the library",
        ),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_can_go_wrong_while_saving(golden, tmp_path, monkeypatch, capsys, error, code, said):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(reinstate, "save_model", fail, raising=False)
    assert run(["convert", str(golden("2.15/dense/traces")), str(tmp_path / "m.h5")]) == code
    assert capsys.readouterr().err.strip().startswith(said.strip())
    assert list(tmp_path.iterdir()) == []


def test_without_h5py(golden, tmp_path, monkeypatch, capsys):
    real = builtins.__import__

    def missing(name, *arguments, **options):
        if name.split(".")[0] == "h5py":
            raise ImportError("No module named 'h5py'")
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    assert run(["convert", str(golden("2.15/dense/model.h5")), str(tmp_path / "m")]) == 1
    assert capsys.readouterr().err == "reinstate: HDF5 files need the library h5py: pip install h5py\n"
