"""The command ``reinstate``. Each command is a module, imported when it is called for; they only render."""

from __future__ import annotations

import errno
import importlib
import os
import shutil
import sys
from collections.abc import Sequence

import click

from reinstate import ReinstateError, __version__

_COMMANDS = {
    "inspect": "Show what is in a model file.",
    "convert": "Load a model and save it in another format.",
    "run": "Call a signature of a SavedModel on arrays.",
    "demo": "Take a model that TensorFlow saved through all formats.",
}
_INTERRUPTED = 130


class _Commands(click.Group):
    """Imports a command only when it is called; the list above is enough to name them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"{__name__}.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _COMMANDS:
            ctx.fail(f"There is no command {args[0]!r}. There are: {', '.join(_COMMANDS)}.")
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="reinstate", message="%(prog)s %(version)s")
def group() -> None:
    """Keras models in TensorFlow's SavedModel and HDF5 formats, without TensorFlow."""


def main() -> None:
    """Run the command line: exit code 0, 1 for what went wrong, 2 for what was asked wrongly, 130 for Ctrl-C."""
    code = run(sys.argv[1:])
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains as it ends
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code; errors become one message on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that lacks a sign shows '?'
    try:
        return int(group.main(list(arguments), prog_name="reinstate", standalone_mode=False) or 0)
    except click.UsageError as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except BrokenPipeError:
        return 0
    except (ReinstateError, OSError, ImportError) as error:
        click.echo(f"reinstate: {message(error)}", err=True)
        return 1


def message(error: Exception) -> str:
    """What a person is told: an error of the system without its number, but with the file that it is about."""
    if isinstance(error, ReinstateError) or not isinstance(error, OSError) or error.strerror is None:
        return printable(str(error), keep="\n")
    reason = "no space left on the disk" if error.errno == errno.ENOSPC else error.strerror.lower()
    return printable(reason if error.filename is None else f"{os.fspath(error.filename)}: {reason}")


def printable(text: str, keep: str = "") -> str:
    """The text with what would steer a terminal written out; names come from files, and files from strangers."""
    return "".join(
        character if character.isprintable() or character in keep else character.encode("unicode_escape").decode()
        for character in text
    )


def width() -> int:
    """The width to write for, in columns: that of the terminal, or of ``COLUMNS``; 80 where there is neither."""
    return max(shutil.get_terminal_size((80, 24)).columns, 20)


def size(count: float) -> str:
    """A number of bytes as people read it."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} bytes" if unit == "bytes" else f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} GB"
