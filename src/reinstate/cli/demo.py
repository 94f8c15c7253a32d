"""``reinstate demo``: a model that TensorFlow saved is opened, trained on, and taken through every format."""

from __future__ import annotations

import errno
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np

import reinstate
from reinstate.cli import printable, width
from reinstate.cli.quiet import quiet, status
from reinstate.cli.table import Cell, cell, table

_PLACE = Path(reinstate.__file__).parent / "demo"
_EPOCHS = 4
_FORMATS = {"SavedModel": "digits", "HDF5": "digits.h5", ".keras": "digits.keras"}
_Result = TypeVar("_Result")


@click.command()
@click.option("--keep", metavar="DIR", type=click.Path(file_okay=False), help="Keep what is saved, in this directory.")
def command(keep: str | None) -> None:
    """Take a model that TensorFlow saved through all formats.

    A classifier of handwritten digits, in a SavedModel with the optimizer's state, is opened and trained on, then saved
    in each format and opened again. Exit code 1 if anything differs by a single bit.
    """
    place = tempfile.TemporaryDirectory(prefix="reinstate-") if keep is None else nullcontext(_kept(Path(keep)))
    with place as directory:
        try:
            with quiet() as losses:
                screen = _Demo(Path(directory)).run()
        finally:
            status()
        click.echo("\n".join(screen.lines()))
        if losses:
            click.secho(f"not carried: {'; '.join(printable(loss) for loss in losses)}", dim=True)
        if keep is not None:
            click.echo(f"kept in {printable(str(directory))}")
    if screen.differences:
        click.echo(f"reinstate: not the same: {', '.join(screen.differences)}", err=True)
        click.get_current_context().exit(1)


def _kept(directory: Path) -> Path:
    """Make the directory, in which nothing of ours may be yet.

    Raises:
        FileExistsError: there is.
    """
    directory = directory.expanduser()
    directory.mkdir(parents=True, exist_ok=True)
    for name in _FORMATS.values():
        if (directory / name).exists():
            raise FileExistsError(errno.EEXIST, "it exists already", str(directory / name))
    return directory


@dataclass(slots=True)
class _Screen:
    """The table while it grows."""

    rows: list[list[Cell]] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    def add(self, step: str, seconds: float, accuracy: float | None = None, same: Sequence[str] = ()) -> None:
        shown = "" if accuracy is None else f"{accuracy:.1%}"
        self.rows.append([cell(step), cell(f"{seconds:.2f} s"), cell(shown), cell(*same)])

    def lines(self) -> list[str]:
        title = click.style("A classifier of handwritten digits that TensorFlow trained and saved", bold=True)
        return [title, "", *table(["Step", ">Time", ">Accuracy", "Same to the bit"], self.rows, width())]


@dataclass(frozen=True, slots=True)
class _State:
    """All that has to be the same: bytes of weights and of the optimizer's variables, and of what the model says."""

    weights: tuple[bytes, ...]
    optimizer: tuple[bytes, ...]
    predictions: tuple[bytes, ...]

    def compare(self, other: _State) -> tuple[list[str], list[str]]:
        """The names of what is the same, and of what is not."""
        names = ("weights", "optimizer", "predictions")
        same = [name for name in names if getattr(self, name) == getattr(other, name)]
        return same, [name for name in names if name not in same]


class _Demo:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.screen = _Screen()
        with np.load(_PLACE / "digits.npz") as data:
            self.data = {name: data[name] for name in data.files}

    def run(self) -> _Screen:
        source = _PLACE / "classifier"
        _, seconds = _timed("starting Keras and JAX", lambda: reinstate.load_model(source))
        self.screen.add("start Keras, open the model", seconds)
        model, seconds = _timed("opening the model", lambda: reinstate.load_model(source))
        self.screen.add("open it again", seconds, self._look(model)[0])
        _, seconds = _timed("training on", lambda: self._train(model))
        accuracy, state = self._look(model)
        self.screen.add(f"train on, {_EPOCHS} epochs", seconds, accuracy)
        for name, file in _FORMATS.items():
            self._take_through(name, self.directory / file, model, state)
        return self.screen

    def _train(self, model: Any) -> None:
        x, y = self.data["x_train"], self.data["y_train"]
        model.fit(x.astype("float32"), y, batch_size=32, epochs=_EPOCHS, verbose=0)

    def _look(self, model: Any) -> tuple[float, _State]:
        """The share of test images that the model reads right, and its state."""
        predictions = model.predict(self.data["x_test"].astype("float32"), verbose=0)
        right = float(np.mean(predictions.argmax(-1) == self.data["y_test"]))
        return right, _State(_bytes(model.weights), _bytes(model.optimizer.variables), (predictions.tobytes(),))

    def _take_through(self, name: str, path: Path, model: Any, state: _State) -> None:
        traces = path.suffix != ""  # a SavedModel's functions are left out knowingly
        _, seconds = _timed(f"saving as {name}", lambda: reinstate.save_model(model, path, save_traces=traces))
        self.screen.add(f"save as {name}", seconds)
        opened, seconds = _timed(f"opening the {name}", lambda: reinstate.load_model(path))
        accuracy, again = self._look(opened)
        same, different = state.compare(again)
        self.screen.add("open it", seconds, accuracy, same or ["nothing"])
        self.screen.differences += [f"{name} {what}" for what in different]


def _timed(what: str, work: Callable[[], _Result]) -> tuple[_Result, float]:
    """Do the work; return its result and the seconds that it took."""
    status(what)
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def _bytes(variables: Sequence[Any]) -> tuple[bytes, ...]:
    return tuple(np.asarray(variable.numpy()).tobytes() for variable in variables)
