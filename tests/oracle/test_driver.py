"""The way to the oracle: results, errors, crashes, timeouts, and no process left behind."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.oracle.driver import Oracle, OracleError, OracleMissingError, python_of

ROOT = Path(__file__).parents[2]


@pytest.fixture
def plain():
    """A driver of this Python: what is proven here needs no TensorFlow."""
    oracle = Oracle(Path(sys.executable), seconds=30)
    yield oracle
    oracle.close()


@pytest.mark.parametrize("module", ["tensorflow", "tensorflow.python", "tf_keras"])
def test_tensorflow_cannot_be_imported_here(module):
    with pytest.raises(ModuleNotFoundError, match="blocked"):
        importlib.import_module(module)


def test_arguments_and_results_are_json_and_prints_do_not_mix_in(plain):
    values = {"a": [1, 2.5, None], "b": {"c": "ü\n"}, "long": "x" * 200_000}
    assert plain("about.echo", **values) == values


def test_an_error_carries_the_traceback_and_the_process_lives_on(plain):
    before = plain("about.pid")
    with pytest.raises(OracleError, match=r"(?s)about\.py.*in fail.*ValueError: no such thing"):
        plain("about.fail", message="no such thing")
    assert plain("about.pid") == before


def test_a_crash_gives_the_last_words_and_the_next_call_a_new_process(plain):
    before = plain("about.pid")
    with pytest.raises(OracleError, match=r"(?s)status 3.*a last word"):
        plain("about.crash")
    assert plain("about.pid") != before


def test_a_call_that_takes_too_long_is_ended(plain):
    plain.seconds = 0.2
    with pytest.raises(OracleError, match=r"longer than 0\.2 seconds"):
        plain("about.sleep", seconds=60)


def test_it_dies_with_its_parent():
    """Also in the middle of a call."""
    code = (
        "import os, sys, threading; sys.path.insert(0, '.'); from pathlib import Path\n"
        "from tests.oracle.driver import Oracle\n"
        "oracle = Oracle(Path(sys.executable)); print(oracle('about.pid'), flush=True)\n"
        "threading.Timer(0.3, lambda: os._exit(0)).start(); oracle('about.sleep', seconds=60)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    pid, end = int(done.stdout), time.monotonic() + 20
    while _alive(pid):
        assert time.monotonic() < end, "the oracle outlived its parent"
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")  # an orphan that its new parent has not reaped yet is dead, too
    return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")


def test_a_missing_environment_says_what_to_run(monkeypatch):
    monkeypatch.setenv("REINSTATE_ORACLE", "/no/such/python")
    with pytest.raises(OracleMissingError, match="Run scripts/test"):
        python_of("newest")


def test_the_newest(oracle):
    found = oracle("about.versions")
    assert found["tensorflow"].startswith("2.21.") and found["keras"].startswith("2.21.")


def test_the_old_one(oracle_for):
    found = oracle_for("2.8")("about.versions")
    assert found["tensorflow"].startswith("2.8.") and found["keras"].startswith("2.8.")
