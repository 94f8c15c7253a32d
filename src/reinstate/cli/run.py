"""``reinstate run``: call a signature of a SavedModel on arrays in files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reinstate import MismatchError
from reinstate.archive.atomic import replacing_file
from reinstate.cli import printable
from reinstate.cli.quiet import quiet, status

if TYPE_CHECKING:
    import numpy as np


@click.command()
@click.argument("path", metavar="PATH", type=click.Path(readable=False))
@click.option("--signature", default="serving_default", show_default=True, help="Which of the signatures.")
@click.option("--input", "inputs", multiple=True, metavar="NAME=FILE", help="An array for an input: a .npy file.")
@click.option("--output", type=click.Path(readable=False), help="Write the results here, an .npz file.")
@click.option("--tags", help="Those of the model to run, separated by commas, where there are several in PATH.")
def command(path: str, signature: str, inputs: tuple[str, ...], output: str | None, tags: str | None) -> None:
    """Run a signature of the SavedModel PATH, without TensorFlow.

    Without --input, its inputs and outputs are listed.
    """
    if output is not None and not output.endswith(".npz"):
        raise click.UsageError("--output ends in .npz")
    files = dict(map(_named, inputs))
    with quiet():
        function = _signature(path, signature, None if tags is None else [tag for tag in tags.split(",") if tag])
        if not files:
            _list("takes", function.inputs)
            _list("gives", function.outputs)
            return
        arrays = {name: _read(file) for name, file in files.items()}
        status(f"running {printable(signature)}")
        try:
            results = _arrays(function(**arrays))
        finally:
            status()
    for name, array in results.items():
        click.echo(f"{printable(name)}: {array.dtype} {list(array.shape)}")
    if output is not None:
        _write(Path(output).expanduser(), results)


def _named(text: str) -> tuple[str, str]:
    name, equals, file = text.partition("=")
    if not (name and equals and file):
        raise click.UsageError(f"--input is NAME=FILE, not {text!r}")
    return name, file


def _signature(path: str, name: str, tags: Iterable[str] | None) -> Any:
    from reinstate import load

    status(f"opening {printable(path)}")
    try:
        signatures = load(path, tags).signatures
    finally:
        status()
    if name not in signatures:
        raise MismatchError(f"{path} has no signature {name!r}; it has: {', '.join(signatures) or 'none'}")
    return signatures[name]


def _list(verb: str, specs: Mapping[str, Any]) -> None:
    for name, spec in specs.items():
        shape = "any shape" if spec.shape is None else ["?" if size is None else size for size in spec.shape]
        click.echo(f"{verb} {printable(name)}: {spec.dtype} {shape}".replace("'", ""))


def _read(file: str) -> np.ndarray[Any, Any]:
    import numpy as np

    path = Path(file).expanduser()
    try:
        array: np.ndarray[Any, Any] = np.load(path, allow_pickle=False)
    except ValueError as error:
        raise MismatchError(f"{file} is no .npy file: {error}") from error
    if not isinstance(array, np.ndarray):
        raise MismatchError(f"{file} holds several arrays; an input is one, in a .npy file")
    return array


def _arrays(results: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """The results as numpy's; text as numpy can store it without pickling."""
    import numpy as np

    arrays = {name: np.asarray(value) for name, value in results.items()}
    return {name: array.astype(np.bytes_) if array.dtype.hasobject else array for name, array in arrays.items()}


def _write(path: Path, results: Mapping[str, np.ndarray[Any, Any]]) -> None:
    import numpy as np

    with replacing_file(path, suffix=".npz") as temporary:
        np.savez(temporary, **dict[str, Any](results))
