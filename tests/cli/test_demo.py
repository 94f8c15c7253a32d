from __future__ import annotations

import re

import pytest

from reinstate import inspect
from reinstate.cli import demo, run


@pytest.mark.oldest
def test_everything_agrees(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(demo, "_EPOCHS", 1)
    assert run(["demo", "--keep", str(tmp_path / "kept")]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    assert out.count("weights, optimizer, predictions") == 3
    assert len(out.splitlines()) <= 16 and max(map(len, out.splitlines()[:12])) <= 80
    shares = [float(share) for share in re.findall(r"([\d.]+)%", out)]
    assert len(shares) == 5 and min(shares) > 80 and len(set(shares[1:])) == 1
    steps = {inspect(tmp_path / "kept" / name).optimizer.step for name in ("digits", "digits.h5", "digits.keras")}
    assert steps == {360 + 45}  # what TensorFlow trained, and one epoch of 1437 images in batches of 32


def test_it_replaces_nothing(tmp_path, capsys):
    (tmp_path / "digits.h5").write_text("precious")
    assert run(["demo", "--keep", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"reinstate: {tmp_path}/digits.h5: it exists already\n"


@pytest.mark.parametrize("what", ["weights", "optimizer", "predictions"])
def test_a_difference_is_seen(what):
    state = {"weights": (b"\0", b"\1"), "optimizer": (b"",), "predictions": (b"\2",)}
    other = {**state, what: (*state[what][:-1], b"\3")}
    same, different = demo._State(**state).compare(demo._State(**other))
    assert different == [what] and what not in same


def test_a_difference_is_an_error(monkeypatch, capsys):
    screen = demo._Screen(differences=["HDF5 weights"])
    monkeypatch.setattr(demo._Demo, "run", lambda self: screen)
    assert run(["demo"]) == 1
    assert "not the same: HDF5 weights" in capsys.readouterr().err
