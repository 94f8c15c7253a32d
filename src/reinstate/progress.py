"""A progress bar for work on many bytes: on a terminal only, and only where there is something to wait for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LONG = 256 * 2**20  # bytes; less than this is done before a bar could be read


@contextmanager
def progress(action: str, total: int) -> Iterator[Callable[[int], None] | None]:
    """Give a function to call with the number of bytes done so far, or None where nothing is to be shown."""
    if total < LONG or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(action, total=total)
        yield lambda done: bar.update(task, completed=done)
