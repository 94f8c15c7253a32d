"""Saving in one atomic step: write a temporary sibling, flush it to disk, exchange it with the old file or directory.

At any instant the target is the whole old model or the whole new one, also if the process is killed or the disk fills
up. What a killed process leaves behind is the hidden sibling ``.<name>.saving-<pid>-<number>``, which the next
save to that target takes away.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import os
import shutil
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2  # Linux, renameat2(2)
_RENAME_SWAP = 2  # macOS, renamex_np(2)
_FLUSH_INTERVAL = 0.03  # seconds


@contextmanager
def replacing_file(target: Path, suffix: str = "") -> Iterator[Path]:
    """Give a path to write a file to, with that suffix; when the block ends well, that file is ``target``.

    Raises:
        OSError: the place cannot be written (no space, no rights, no such parent).
    """
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, "a file cannot take the place of a directory", str(target))
    temporary = _sibling(target, suffix)
    try:
        with _naming(temporary, target), _flushing(temporary):
            yield temporary
        _flush(temporary)
        if target.exists():
            shutil.copymode(target, temporary)
        with _naming(temporary, target):
            os.replace(temporary, target)
        _flush(target.parent)
    finally:
        _done_with(temporary)


@contextmanager
def replacing_directory(target: Path, owned: Collection[str]) -> Iterator[Path]:
    """Give an empty directory to fill; when the block ends well, it is ``target``.

    ``owned`` are the names in the directory that belong to the format and are replaced. Whatever else stands in an old
    ``target`` (a user's notes, a warm-up file) is carried over.
    """
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() and not target.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "a directory cannot take the place of a file", str(target))
    temporary = _sibling(target)
    try:
        with _naming(temporary, target):
            temporary.mkdir()
            yield temporary
            if target.is_dir():
                _carry_over(target, temporary, owned)
        _flush_tree(temporary)
        _exchange(temporary, target)
        _flush(target.parent)
    finally:
        _done_with(temporary)


@contextmanager
def replacing_checkpoint(prefix: Path) -> Iterator[tuple[Path, int]]:
    """Give a prefix, and in how many data files to write that checkpoint; when the block ends well, it is ``prefix``.

    Readers find the data by the index, so that the step is the index's. The data files go in place before that, under
    names that no old index can have in use: where there is a ``data-00000-of-00001``, the new one says that it is the
    first of two (``data-00000-of-00002``), of which the second has no tensors and need not be there.
    """
    prefix = prefix.parent.resolve() / prefix.name
    prefix.parent.mkdir(parents=True, exist_ok=True)
    temporary = _sibling(prefix)
    try:
        old = list(prefix.parent.glob(f"{_glob_escape(prefix.name)}.data-?????-of-?????"))
        taken = {path.name[-5:] for path in old}
        with _naming(temporary, prefix):
            temporary.mkdir()
            yield temporary / prefix.name, next(n for n in itertools.count(1) if f"{n:05d}" not in taken)
        _flush_tree(temporary)
        _put_in_place(temporary, prefix)
        for path in old:
            path.unlink(missing_ok=True)
    finally:
        _done_with(temporary)


def _put_in_place(temporary: Path, prefix: Path) -> None:
    """Move the data files of a checkpoint, and then its index; where the index cannot be, none of them stays."""
    index = prefix.with_name(f"{prefix.name}.index")
    moved = []
    try:
        for path in [path for path in temporary.iterdir() if path.name != index.name]:
            moved.append(prefix.parent / path.name)
            os.rename(path, moved[-1])
        _flush(prefix.parent)
        os.replace(temporary / index.name, index)
    except OSError:
        for path in moved:
            path.unlink(missing_ok=True)
        raise
    _flush(prefix.parent)


@contextmanager
def _naming(temporary: Path, target: Path) -> Iterator[None]:
    """Let an error speak of the place that was asked for, not of the temporary beside it."""
    try:
        yield
    except OSError as error:
        if str(error.filename).startswith(str(temporary)):
            error.filename = str(target)
        raise


_in_use: set[Path] = set()  # the temporaries of this process: one for each thread that saves
_numbers = itertools.count()


def _sibling(target: Path, suffix: str = "") -> Path:
    """The temporary's path; leftovers of processes that no longer live are removed."""
    prefix = f".{target.name}.saving-"
    temporary = target.parent / f"{prefix}{os.getpid()}-{next(_numbers)}{suffix}"
    _in_use.add(temporary)
    for leftover in target.parent.glob(f"{_glob_escape(prefix)}*"):
        owner = leftover.name.removeprefix(prefix).partition("-")[0]
        foreign = owner.isdigit() and int(owner) != os.getpid()
        if leftover not in _in_use and not (foreign and _alive(int(owner))):
            _remove(leftover)
    return temporary


def _done_with(temporary: Path) -> None:
    _remove(temporary)
    _in_use.discard(temporary)


def _glob_escape(text: str) -> str:
    """Quote what ``Path.glob`` would read as a pattern."""
    return "".join(f"[{character}]" if character in "*?[" else character for character in text)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _flushing(path: Path) -> Iterator[None]:
    """Flush a file while it is written, in another thread: at its end, when we wait for it, little is left to do."""
    written = threading.Event()

    def flush() -> None:
        while not written.wait(_FLUSH_INTERVAL):
            with suppress(OSError):  # not there yet; and the flush that counts is the last one
                _flush(path)

    thread = threading.Thread(target=flush, name="reinstate flush", daemon=True)
    thread.start()
    try:
        yield
    finally:
        written.set()
        thread.join()


def _flush(path: Path) -> None:
    """Fsync a file or, where the system lets it be opened, a directory."""
    if path.is_dir() and os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_tree(directory: Path) -> None:
    for folder, _, files in os.walk(directory):
        for name in files:
            _flush(Path(folder, name))
        _flush(Path(folder))


def _carry_over(old: Path, new: Path, owned: Collection[str]) -> None:
    """Link (or copy) what is in ``old`` and not the format's own, ``assets.extra`` of others included."""
    for entry in sorted(old.rglob("*")):
        relative = entry.relative_to(old)
        path = new / relative
        if relative.parts[0] in owned or path.exists():
            continue
        if entry.is_symlink():
            path.symlink_to(os.readlink(entry))
        elif entry.is_dir():
            path.mkdir()
        else:
            _link(entry, path)
    shutil.copymode(old, new)


def _link(source: Path, path: Path) -> None:
    try:
        os.link(source, path)
    except OSError:  # a file system without hard links
        shutil.copy2(source, path)


def _exchange(new: Path, target: Path) -> None:
    """Swap the two directories in one step; where the system has no such call, in two."""
    if not target.exists():
        os.rename(new, target)
        return
    if _swap(new, target):
        return
    aside = new.with_name(new.name + "-old")
    os.rename(target, aside)
    os.rename(new, target)
    _remove(aside)


def _swap(first: Path, second: Path) -> bool:
    """Exchange two paths atomically; False where the system or the file system cannot."""
    call = _swap_call()
    if call is None:
        return False
    return call(os.fsencode(first), os.fsencode(second)) == 0


def _swap_call() -> Callable[[bytes, bytes], int] | None:
    if os.name != "posix":
        return None
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "linux" and hasattr(library, "renameat2"):
        return lambda a, b: int(library.renameat2(_AT_FDCWD, a, _AT_FDCWD, b, _RENAME_EXCHANGE))
    if sys.platform == "darwin" and hasattr(library, "renamex_np"):
        return lambda a, b: int(library.renamex_np(a, b, _RENAME_SWAP))
    return None
