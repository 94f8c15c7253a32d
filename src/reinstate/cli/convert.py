"""``reinstate convert``: load a model, save it in the format that the name asks for."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import click

from reinstate.archive.formats import Format, choose
from reinstate.cli import printable, size
from reinstate.cli.quiet import quiet, status

_NAMES = {Format.SAVED_MODEL: "SavedModel", Format.HDF5: "HDF5", Format.KERAS: ".keras"}

# Suffixes that promise a format which is not written; without this such a name would become a SavedModel directory.
_FOREIGN = (".json", ".npz", ".onnx", ".pb", ".pbtxt", ".pt", ".pth", ".safetensors", ".tflite", ".yaml", ".zip")


@click.command()
@click.argument("source", metavar="IN", type=click.Path(readable=False))
@click.argument("target", metavar="OUT", type=click.Path(readable=False))
@click.option("--overwrite", is_flag=True, help="Replace OUT if it exists.")
@click.option("--no-optimizer", is_flag=True, help="Leave out the optimizer's state and the compile settings.")
def command(source: str, target: str, overwrite: bool, no_optimizer: bool) -> None:
    """Load the model IN and save it as OUT.

    OUT ends in .h5 or .hdf5 (HDF5) or in .keras; any other name becomes a SavedModel directory. What could not be
    carried is said, one line each.
    """
    if target.endswith(_FOREIGN):
        suffix = Path(target).suffix
        raise click.UsageError(f"{suffix} is not written: OUT ends in .h5, .hdf5, .keras, or is a bare name.")
    _may_replace(Path(target).expanduser(), overwrite)
    losses = _convert(source, target, not no_optimizer)
    for loss in losses:
        click.echo(f"not carried: {printable(loss)}", err=True)
    written = Path(target).expanduser()
    click.echo(f"{printable(target)}: {_NAMES[choose(target, None)]}, {size(bytes_of(written))}")


def _convert(source: str, target: str, with_optimizer: bool) -> list[str]:
    from reinstate import load_model, save_model

    try:
        with quiet() as losses:
            status(f"opening {printable(source)}")
            model = load_model(source, compile=with_optimizer)
            status()  # a large model has a bar of its own
            save_model(model, target, overwrite=True)
    finally:
        status()
    return losses


def _may_replace(target: Path, overwrite: bool) -> None:
    """Make sure that OUT may be written, before anything long is done; ask a person, if there is one.

    Raises:
        OSError: it exists, and nobody allows to replace it; or there is no such directory.
    """
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(target.parent))
    if overwrite or not os.path.lexists(target):
        return
    if not _is_terminal():
        raise FileExistsError(errno.EEXIST, "it exists; --overwrite replaces it", str(target))
    if not click.confirm(f"{printable(str(target))} exists. Replace it?", err=True):
        click.echo("nothing was written", err=True)
        click.get_current_context().exit(1)


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def bytes_of(path: Path) -> int:
    """The size of a file, or of all files in a directory."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())
