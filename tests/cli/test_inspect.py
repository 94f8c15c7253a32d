from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from reinstate.archive.model import Signature, TensorSpec
from reinstate.cli import group, printable, run
from reinstate.cli.inspect import command, render
from reinstate.cli.table import cell, table
from reinstate.dtypes import from_name
from reinstate.study.inspect import Inspection, Layer, Optimizer, Weight, inspect

TIMES = "\N{MULTIPLICATION SIGN}"
SRC = Path(__file__).parents[2] / "src"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(SRC), "COLUMNS": "80"}


def _reinstate(*arguments, **options):
    """Run the command in a process of its own."""
    line = [sys.executable, "-c", "from reinstate.cli import main; main()", *map(str, arguments)]
    return subprocess.run(line, env=ENVIRONMENT, capture_output=True, text=True, check=False, **options)


def _words(text):
    """What is left of a text when it is broken differently."""
    return "".join(text.split())


@pytest.mark.parametrize("width", [20, 40, 80, 120, 300])
@pytest.mark.parametrize("form", ["traces", "model.h5", "checkpoint/weights"])
def test_nothing_is_cut_off_at_any_width(golden, width, form):
    found = inspect(golden(f"2.15/recurrent/{form}"))
    lines = [click.unstyle(line) for line in render(found, width)]
    assert max(map(len, lines[2:])) <= width
    text = _words("".join(lines))
    for layer in found.layers:
        assert width < 80 or _words(layer.name) in text
    one_line = _words(click.unstyle("".join(render(found, 1000))))
    assert sorted(text.replace("─", "")) == sorted(one_line.replace("─", ""))  # every character is still there


def test_the_screen(golden):
    done = CliRunner().invoke(command, [str(golden("2.8/conv_nested/bare"))], env={"COLUMNS": "80"})
    lines = done.output.replace(TIMES, "x").splitlines()
    assert done.exit_code == 0 and "\033" not in done.output
    assert lines[2].split() == ["Layer", "Input", "Weights", "Parameters"]
    rows = [line.split() for line in lines]
    assert ["eye", "Functional", "?x6x6x2", "69"] in rows
    assert ["conv", "Conv2D", "?x6x6x2", "kernel", "3x3x2x3,", "57"] in rows
    assert next(line for line in lines if "Conv2D" in line).startswith("  conv")
    assert "Written by  TensorFlow 2.8.4 (Keras 2.8.0)" in lines
    assert "Parameters  94 (88 trainable)" in lines
    assert "Optimizer   SGD (legacy form), learning rate 0.01, step 3, 8 slot variables" in lines


def test_json_has_it_all(golden):
    path = golden("2.8/conv_nested/bare")
    done = CliRunner().invoke(command, ["--json", str(path)])
    said, found = json.loads(done.output), inspect(path)
    assert said["trainable_parameters"] == found.trainable_parameters == 88
    assert [layer["name"] for layer in said["layers"]] == [layer.name for layer in found.layers]
    assert said["layers"][2]["weights"] == [] and said["layers"][2]["parameters"] == 69
    assert said["optimizer"]["step"] == 3
    weights = [weight for layer in said["layers"] for weight in layer["weights"]]
    assert weights[0] == {"name": "kernel", "shape": [3, 3, 2, 3], "dtype": "float32", "trainable": True}


def _inspection(**changes):
    plain = {
        "path": "m", "format": "SavedModel", "writer": "", "keras_version": None, "backend": None, "class_name": "",
        "name": "", "layers": (), "variables": (), "optimizer": None, "losses": (), "metrics": (), "signatures": (),
        "tags": (), "size": 0,
    }  # fmt: skip
    return Inspection(**{**plain, **changes})


def test_what_is_rare_is_shown_too():
    half, text = from_name("float16"), from_name("string")
    weight = Weight("w", (2, 3), half, False)
    spec = TensorSpec("s", text, None)
    found = _inspection(
        layers=(
            Layer("outer", "Sequential", 0, False, (), (), 6),
            Layer("inner", "Dense", 1, False, ((None, 2),), (weight,), 6),
            Layer("inner", "Dense", 0, True, (), (), 0, shared=True),
        ),
        optimizer=Optimizer(None, "new", None, "CosineDecay"),
        signatures=(Signature("f", {"s": spec}, {}),),
        tags=(("serve",), ("serve", "gpu")),
    )
    text = "\n".join(render(found, 100))
    assert f"w 2{TIMES}3 float16" in text and "see above" in text and text.count("frozen") == 1
    assert "f: s string of any rank → nothing" in text and "tags serve gpu" in text
    assert "of a class that the file does not name (form of TF 2.11), CosineDecay, no slot variables" in text


def test_names_cannot_steer_the_terminal():
    name = "a\033[31mb\x07\u202ec\ud800"
    text = "\n".join(render(_inspection(path=name, layers=(Layer(name, name, 0, True),), losses=(name,)), 80))
    assert "\033[31m" not in text and not {"\x07", "\u202e", "\ud800"} & set(text)
    assert printable("a\nb\033") == r"a\nb\x1b"


def test_wide_characters_stay_in_their_column():
    first, _, second = table(["A", ">B"], [[cell("層層"), cell("1")]], 20)
    assert (click.unstyle(first), second) == ("A     B", "層層  1")


def test_errors_are_one_message(tmp_path, capsys):
    (tmp_path / "text.h5").write_text("text")
    for path, said in (
        (tmp_path / "nothing", f"reinstate: {tmp_path}/nothing: no such file or directory\n"),
        (tmp_path / "text.h5", f"reinstate: {tmp_path}/text.h5: neither HDF5 nor a .keras archive\n"),
        (tmp_path, f"reinstate: {tmp_path}: a directory without saved_model.pb\n"),
    ):
        assert run(["inspect", str(path)]) == 1
        assert capsys.readouterr() == ("", said)


def test_without_permission(tmp_path, capsys, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("reinstate.cli.inspect.inspect", refuse)
    assert run(["inspect", "model"]) == 1
    assert capsys.readouterr().err == "reinstate: model: permission denied\n"


def test_wrong_usage_exits_with_2(capsys):
    assert run(["inspect"]) == 2
    assert run(["inspekt", "x"]) == 2
    assert "There is no command 'inspekt'. There are: inspect, convert, run, demo." in capsys.readouterr().err
    assert run(["convert", "a", "b.onnx"]) == 2


def test_help_and_version():
    done = CliRunner().invoke(group, ["--help"])
    assert done.exit_code == 0 and all(f"  {name} " in done.output for name in ("inspect", "convert", "demo"))
    assert CliRunner().invoke(group, ["--version"]).output.startswith("reinstate 0.")
    for name in ("inspect", "convert", "demo"):
        assert CliRunner().invoke(group, [name, "--help"]).exit_code == 0


@pytest.mark.oldest
@pytest.mark.parametrize(("form", "needed"), [("traces", set()), ("model.h5", {"h5py"})])
def test_it_imports_nothing_that_it_does_not_need(golden, form, needed):
    code = (
        "import sys; from reinstate.cli import run; code = run(sys.argv[1:]);"
        "print(*{'jax', 'keras', 'tensorflow', 'h5py', 'reinstate.live', 'reinstate._api'} & set(sys.modules));"
        "sys.exit(code)"
    )
    line = [sys.executable, "-c", code, "inspect", str(golden(f"2.15/dense/{form}"))]
    done = subprocess.run(line, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert set(done.stdout.splitlines()[-1].split()) == needed


def test_it_is_quick(golden):
    """The bar is 0.3 s on a quiet machine (bench/ measures it); this only catches an import that takes a second."""
    path = golden("2.15/recurrent/traces")
    times = []
    for _ in range(3):
        start = time.perf_counter()
        assert _reinstate("inspect", path).returncode == 0
        times.append(time.perf_counter() - start)
    assert min(times) < 3


def test_a_closed_pipe_is_no_error(golden):
    line = [sys.executable, "-c", "from reinstate.cli import main; main()", "inspect", str(golden("2.15/dense/traces"))]
    process = subprocess.Popen(line, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait()


def test_a_terminal_that_lacks_signs(golden):
    line = [sys.executable, "-c", "from reinstate.cli import main; main()", "inspect", str(golden("2.15/dense/traces"))]
    done = subprocess.run(line, env={**ENVIRONMENT, "PYTHONIOENCODING": "latin-1"}, capture_output=True, check=True)
    assert b"kernel 12\xd716" in done.stdout and b" ? softmax float32" in done.stdout and done.stderr == b""
