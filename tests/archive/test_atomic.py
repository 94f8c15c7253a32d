"""A save is one step: at any instant the old model or the new one, whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reinstate.archive.atomic import replacing_directory, replacing_file

OWNED = {"saved_model.pb", "variables"}


def test_a_new_file_takes_the_place_of_the_old(tmp_path: Path) -> None:
    target = tmp_path / "model.h5"
    target.write_bytes(b"old")
    with replacing_file(target) as temporary:
        temporary.write_bytes(b"new")
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["model.h5"]


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "model.h5"
    target.write_bytes(b"old")
    with pytest.raises(OSError, match="no space"), replacing_file(target) as temporary:
        temporary.write_bytes(b"half")
        raise OSError("no space")
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["model.h5"]


def test_the_rights_of_the_old_file_are_kept(tmp_path: Path) -> None:
    target = tmp_path / "model.h5"
    target.write_bytes(b"old")
    target.chmod(0o640)
    with replacing_file(target) as temporary:
        temporary.write_bytes(b"new")
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_file_through_a_link_replaces_what_the_link_names(tmp_path: Path) -> None:
    (tmp_path / "real.h5").write_bytes(b"old")
    (tmp_path / "link.h5").symlink_to("real.h5")
    with replacing_file(tmp_path / "link.h5") as temporary:
        temporary.write_bytes(b"new")
    assert (tmp_path / "link.h5").is_symlink()
    assert (tmp_path / "real.h5").read_bytes() == b"new"


def test_a_directory_is_exchanged_and_what_others_put_there_is_kept(tmp_path: Path) -> None:
    target = tmp_path / "model"
    (target / "variables").mkdir(parents=True)
    (target / "variables" / "stale.data").write_bytes(b"old")
    (target / "saved_model.pb").write_bytes(b"old")
    (target / "assets.extra").mkdir()
    (target / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"theirs")
    (target / "notes.txt").write_bytes(b"mine")
    with replacing_directory(target, OWNED) as temporary:
        (temporary / "saved_model.pb").write_bytes(b"new")
        (temporary / "assets.extra").mkdir()
        (temporary / "assets.extra" / "ours.json").write_bytes(b"new")
    found = {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()}
    assert found == {
        "saved_model.pb": b"new",
        "assets.extra/ours.json": b"new",
        "assets.extra/tf_serving_warmup_requests": b"theirs",
        "notes.txt": b"mine",
    }
    assert os.listdir(tmp_path) == ["model"]


def test_a_failed_save_leaves_the_old_directory(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "saved_model.pb").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), replacing_directory(target, OWNED) as temporary:
        (temporary / "saved_model.pb").write_bytes(b"new")
        raise KeyboardInterrupt
    assert (target / "saved_model.pb").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["model"]


def test_a_directory_never_takes_the_place_of_a_file_nor_a_file_that_of_a_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "folder").mkdir()
    with pytest.raises(NotADirectoryError), replacing_directory(tmp_path / "file", OWNED):
        pass
    with pytest.raises(IsADirectoryError), replacing_file(tmp_path / "folder") as temporary:
        temporary.write_bytes(b"new")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


KILLED = """
import sys, time
from pathlib import Path
from reinstate.archive.atomic import replacing_directory
number = 0
print("ready", flush=True)
while True:
    number += 1
    with replacing_directory(Path(sys.argv[1]), {"saved_model.pb", "variables"}) as temporary:
        (temporary / "variables").mkdir()
        (temporary / "saved_model.pb").write_text(str(number))
        (temporary / "variables" / "data").write_text(str(number))
"""


def test_killed_at_any_point_there_is_one_whole_model(tmp_path: Path) -> None:
    target = tmp_path / "model"
    for attempt in range(12):
        process = subprocess.Popen([sys.executable, "-c", KILLED, str(target)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.02 + 0.007 * attempt)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        if attempt or target.exists():
            assert (target / "saved_model.pb").read_text() == (target / "variables" / "data").read_text()
    with replacing_directory(target, OWNED) as temporary:
        (temporary / "saved_model.pb").write_text("last")
    assert os.listdir(tmp_path) == ["model"]  # what the killed left behind is gone
