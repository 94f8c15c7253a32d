"""A save is one step: at any instant the old model or the new one, whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reinstate.archive.atomic import replacing_checkpoint, replacing_directory, replacing_file

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


def write_checkpoint(prefix: Path, shards: int, content: bytes) -> None:
    prefix.with_name(f"{prefix.name}.data-00000-of-{shards:05d}").write_bytes(content)
    prefix.with_name(f"{prefix.name}.index").write_bytes(content)


def test_the_data_of_a_checkpoint_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    for turn, shards in enumerate((1, 2, 1)):
        with replacing_checkpoint(tmp_path / "w") as (temporary, number):
            assert number == shards
            write_checkpoint(temporary, number, b"%d" % turn)
        assert sorted(os.listdir(tmp_path)) == [f"w.data-00000-of-{shards:05d}", "w.index"]


@pytest.mark.parametrize("failing", ["rename", "replace"])
def test_a_checkpoint_that_cannot_be_put_in_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    write_checkpoint(tmp_path / "w", 1, b"old")

    def fail(*_: object) -> None:
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"), replacing_checkpoint(tmp_path / "w") as (temporary, number):
        write_checkpoint(temporary, number, b"new")
        monkeypatch.setattr(os, failing, fail)
    assert sorted(os.listdir(tmp_path)) == ["w.data-00000-of-00001", "w.index"]
    assert (tmp_path / "w.index").read_bytes() == b"old"


def test_threads_that_save_to_one_place_do_not_meet(tmp_path: Path) -> None:
    with replacing_file(tmp_path / "m") as first:
        first.write_bytes(b"first")
        with replacing_file(tmp_path / "m") as second:
            second.write_bytes(b"second")
        assert (tmp_path / "m").read_bytes() == b"second"
    assert (tmp_path / "m").read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["m"]
