"""Real TensorFlow beside the tests: a process of another environment that lives as long as the test session."""

from __future__ import annotations

import json
import os
import select
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

# version: (environment variable that names a Python, the environment that scripts/test makes)
PYTHONS = {
    "newest": ("REINSTATE_ORACLE", ROOT / ".venvs/oracle/bin/python"),
    "2.8": ("REINSTATE_ORACLE_TF28", ROOT / ".venvs/tf28/bin/python"),
}

# Quiet, on the CPU, `tf.keras` is tf_keras.
TENSORFLOW = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_USE_LEGACY_KERAS": "1",
    "CUDA_VISIBLE_DEVICES": "-1",
}


class OracleError(Exception):
    """The call failed over there; the text holds its traceback."""


class OracleMissingError(Exception):
    """There is no such environment."""


def python_of(version: str) -> Path:
    """The Python that has this TensorFlow.

    Raises:
        OracleMissingError: it is not there.
    """
    variable, default = PYTHONS[version]
    python = Path(os.environ.get(variable) or default)
    if not python.is_file():
        raise OracleMissingError(
            f"these tests ask real TensorFlow ({version}), and {python} is missing.\n"
            f"Run scripts/test, which makes that environment, or set {variable} to a Python that has TensorFlow."
        )
    return python


class Oracle:
    """``oracle("module.function", **json_arguments)`` calls a function of tests/oracle/scripts; gives its JSON result.

    The process starts with the first call. It is replaced after a timeout or a crash, so that one bad call fails alone.
    """

    def __init__(self, python: Path, seconds: float = 300) -> None:
        self.python = python
        self.seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self, function: str, /, **arguments: Any) -> Any:
        """Call a function over there.

        Raises:
            OracleError: it raised, the process died, or it took longer than ``seconds``.
        """
        process = self._process or self._start()
        assert process.stdin is not None
        request = json.dumps({"function": function, "arguments": arguments})
        try:
            process.stdin.write(request.encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            raise self._dead(function) from None
        reply = json.loads(self._line(process, function))
        if "error" in reply:
            raise OracleError(f"{function}({arguments}) in {self.python}\n{reply['error']}")
        return reply["result"]

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
            self._log.close()

    def _start(self) -> subprocess.Popen[bytes]:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self._process = subprocess.Popen(
            [self.python, Path(__file__).with_name("server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=-1,
            env=_environment(),
        )
        return self._process

    def _line(self, process: subprocess.Popen[bytes], function: str) -> bytes:
        """Read one line, but wait no longer than ``seconds`` for it."""
        assert process.stdout is not None
        line, end = b"", time.monotonic() + self.seconds
        while not line.endswith(b"\n"):
            if not select.select([process.stdout], [], [], max(0, end - time.monotonic()))[0]:
                self.close()
                raise OracleError(f"{function} took longer than {self.seconds} seconds in {self.python}")
            part = os.read(process.stdout.fileno(), 1 << 16)
            if not part:
                raise self._dead(function)
            line += part
        return line

    def _dead(self, function: str) -> OracleError:
        assert self._process is not None
        status = self._process.wait()
        self._log.seek(0)
        tail = self._log.read()[-4000:].decode(errors="replace")
        self.close()
        return OracleError(
            f"{function} ended the process of {self.python} with status {status}. Its last words:\n{tail}"
        )


def _environment() -> dict[str, str]:
    """Ours, without what is meant for our own Python."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "KERAS_", "JAX_", "XLA_"))}
    return {**ours, **TENSORFLOW}
