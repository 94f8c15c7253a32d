"""The lean environment: Keras on JAX, TensorFlow blocked; and real TensorFlow beside it, in a process of its own."""

from __future__ import annotations

import os
import sys
import zipfile
from collections.abc import Callable, Iterator
from importlib.abc import MetaPathFinder
from pathlib import Path

os.environ["KERAS_BACKEND"] = "jax"

import pytest
from hypothesis import HealthCheck, settings

from tests.oracle.driver import Oracle, OracleMissingError, python_of

# Random cases: a few each time, and with ``--hypothesis-profile=deep`` those of a long look.
_PATIENT = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
settings.register_profile("brief", deadline=None, max_examples=60, suppress_health_check=_PATIENT)
settings.register_profile("deep", deadline=None, max_examples=2000, suppress_health_check=_PATIENT)
settings.load_profile("brief")

# scripts/test sets this, to the reason, where TensorFlow 2.8 cannot be installed.
WITHOUT_TF28 = "REINSTATE_WITHOUT_TF28"


class NoTensorFlow(MetaPathFinder):
    """Nothing here may need TensorFlow: importing it fails, even where it is installed."""

    def find_spec(self, fullname, path, target=None):
        if fullname.split(".")[0] in ("tensorflow", "tf_keras"):
            raise ModuleNotFoundError(f"{fullname} is blocked in the tests: the package runs without it", name=fullname)


sys.meta_path.insert(0, NoTensorFlow())


def _oracle_of(version: str) -> Oracle:
    try:
        return Oracle(python_of(version))
    except OracleMissingError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


@pytest.fixture(scope="session")
def oracle() -> Iterator[Oracle]:
    """The newest TensorFlow and tf_keras: ``oracle("module.function", **json_arguments)``."""
    newest = _oracle_of("newest")
    yield newest
    newest.close()


@pytest.fixture(scope="session")
def oracle_for() -> Iterator[Callable[[str], Oracle]]:
    """An older TensorFlow: ``oracle_for("2.8")("module.function", **json_arguments)``."""
    oracles: dict[str, Oracle] = {}

    def get(version: str) -> Oracle:
        if version not in oracles:
            oracles[version] = _oracle_of(version)
        return oracles[version]

    yield get
    for each in oracles.values():
        each.close()


@pytest.fixture(scope="session")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The path of something in tests/golden, read-only: ``golden("2.8/recurrent/traces")``, unpacked if packed."""
    unpacked: dict[str, Path] = {}

    def get(name: str) -> Path:
        path = Path(__file__).parent / "golden" / name
        packed = path.with_name(path.name + ".zip")
        if not packed.exists():
            return path
        if name not in unpacked:
            unpacked[name] = tmp_path_factory.mktemp("golden") / path.name
            with zipfile.ZipFile(packed) as archive:
                archive.extractall(unpacked[name])
        return unpacked[name]

    return get


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the tests that ask an oracle; deselect those whose TensorFlow cannot be installed on this machine."""
    for item in items:
        names = getattr(item, "fixturenames", ())
        for fixture, marker in (("oracle", "oracle"), ("oracle_for", "tf28")):
            if fixture in names:
                item.add_marker(marker)
    if os.environ.get(WITHOUT_TF28):
        gone = [item for item in items if item.get_closest_marker("tf28")]
        items[:] = [item for item in items if item not in gone]
        config.hook.pytest_deselected(items=gone)
        config.stash[_DESELECTED] = len(gone)


_DESELECTED = pytest.StashKey[int]()


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """Say loudly what was not run, and why."""
    if count := config.stash.get(_DESELECTED, 0):
        terminalreporter.section("TensorFlow 2.8 was not asked", yellow=True)
        terminalreporter.line(f"{count} tests deselected: {os.environ[WITHOUT_TF28]}")
