"""HDF5 opened with care: what h5py would follow, allocate or raise on a stranger's file is looked at first.

Groups and datasets are reached through hard links only, one component at a time, so that no name leads out of the file.
Sizes are held against the size of the file before anything is allocated. What h5py raises becomes ``CorruptError``.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from reinstate.archive.hdf5_heaps import check_heaps
from reinstate.errors import CorruptError, NotAModelError, ReinstateError, UnsafeError

SIGNATURE = b"\x89HDF\r\n\x1a\n"
_DEPTH = 200  # groups in groups; models have a handful


def library() -> Any:
    """Return h5py, imported when it is first needed.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError("HDF5 files need the library h5py: pip install h5py") from error
    return h5py


@contextmanager
def guarded() -> Iterator[None]:
    """Turn whatever h5py raises over a damaged file into ``CorruptError``."""
    try:
        yield
    except ReinstateError:
        raise
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, ArithmeticError, MemoryError) as error:
        reason = str(error.args[0] if error.args else error).partition("\n")[0]
        raise CorruptError(f"HDF5 cannot read it: {reason or type(error).__name__}") from error


def is_hdf5(path: str | os.PathLike[str]) -> bool:
    """Tell whether a regular file has HDF5's signature: at byte 0, or after a user block at 512, 1024, 2048, ...

    Source: HDF5 file format specification 3.0, II.A.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with open(path, "rb") as file:
            return any(_signed(file, offset) for offset in _signature_offsets(os.fstat(file.fileno()).st_size))
    except OSError:
        return False


def _signature_offsets(size: int) -> Iterator[int]:
    yield 0
    offset = 512
    while offset < size:
        yield offset
        offset *= 2


def _signed(file: Any, offset: int) -> bool:
    file.seek(offset)
    return bool(file.read(len(SIGNATURE)) == SIGNATURE)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a file to read as an ``h5py.File``; without a lock, which shared file systems often refuse.

    Raises:
        OSError: it is not there or may not be read.
        NotAModelError: it is not HDF5.
        CorruptError: it is damaged.
    """
    h5py = library()
    with open(path, "rb") as file:
        empty = not file.read(1)
    if empty:
        raise CorruptError("the file is empty")
    if not is_hdf5(path):
        raise NotAModelError("not an HDF5 file")
    with guarded():
        try:
            file = h5py.File(path, "r", locking=False)
        except OSError:  # also raised where this process has it open with a lock
            file = h5py.File(path, "r")
    try:
        with guarded():
            _, length = file.id.get_create_plist().get_sizes()
        check_heaps(path, length)
        yield file
    finally:
        with guarded():
            file.close()


def join(base: str, name: str) -> str:
    """The absolute path of ``name`` in the group ``base``, as HDF5 understands names."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return "/".join(["" if name.startswith("/") else base.rstrip("/"), *parts]) or "/"


@dataclass(slots=True)
class Objects:
    """The groups, attributes and datasets of an open file, by absolute path."""

    file: Any
    size: int = 0
    _opened: dict[str, Any] = field(default_factory=dict)
    _seen: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        with guarded():
            self.size = self.file.id.get_filesize()
            self._opened["/"] = library().h5g.open(self.file.id, b"/")

    def find(self, path: str) -> Any | None:
        """Open the object at an absolute path; None where it is not there.

        Raises:
            UnsafeError: the way there is not made of hard links.
            CorruptError: the way there is damaged.
        """
        if path in self._opened:
            return self._opened[path]
        if path.count("/") > _DEPTH:
            raise CorruptError(f"groups nested more than {_DEPTH} deep")
        parent, _, name = path.rpartition("/")
        group = self.find(parent or "/")
        result = None if group is None else self._open(group, name)
        if result is None or self.is_group(result):
            self._opened[path] = result
        return result

    def _open(self, group: Any, name: str) -> Any | None:
        h5py = library()
        with guarded():
            raw = name.encode()
            if not self.is_group(group) or not group.links.exists(raw):
                return None
            kind = group.links.get_info(raw).type
            if kind != h5py.h5l.TYPE_HARD:
                raise UnsafeError(f"{_LINKS.get(kind, 'a link of an unknown kind')} ({name!r}) is not followed")
            return h5py.h5o.open(group, raw)

    def group(self, path: str) -> Any:
        """Open the group at an absolute path.

        Raises:
            CorruptError: there is none.
        """
        result = self.find(path)
        if result is None or not self.is_group(result):
            raise CorruptError("no such group" if result is None else "not a group")
        return result

    def is_group(self, item: Any) -> bool:
        """Tell a group from a dataset or a named type."""
        return isinstance(item, library().h5g.GroupID)

    def members(self, path: str) -> list[str]:
        """The names in a group, in the order of HDF5's index of names.

        Raises:
            CorruptError: its names were asked for before, which is how links would lead in circles.
        """
        group = self.group(path)
        with guarded():
            self.check_first(group)
            return [name.decode() for name in group]

    def has(self, path: str, name: str) -> bool:
        """Whether the object at ``path`` has an attribute of this name."""
        item = self.find(path)
        with guarded():
            return item is not None and bool(library().h5a.exists(item, name.encode()))

    def text(self, path: str, name: str) -> str | None:
        """Read an attribute that is one string, in whichever encoding; None where it is not there."""
        values = self._strings(path, name)
        if values is None:
            return None
        if values.shape != ():
            raise CorruptError(f"attribute {name!r} is not one string")
        return decode(values.item(), name)

    def texts(self, path: str, name: str) -> list[str] | None:
        """Read an attribute that is a list of strings, also one in parts ``name0``, ``name1``, ...; None if absent."""
        values = self._strings(path, name)
        if values is not None:
            return _decode_list(values, name)
        parts: list[list[str]] = []
        while (values := self._strings(path, f"{name}{len(parts)}")) is not None:
            parts.append(_decode_list(values, f"{name}{len(parts)}"))
        return list(chain.from_iterable(parts)) if parts else None

    def integer(self, path: str, name: str) -> int | None:
        """Read an attribute that is one integer; None where it is not there."""
        h5py = library()
        with guarded():
            group, raw = self.group(path), name.encode()
            if not h5py.h5a.exists(group, raw):
                return None
            attribute = h5py.h5a.open(group, raw)
            if attribute.shape != () or attribute.dtype.kind not in "iu":
                raise CorruptError(f"attribute {name!r} is not an integer")
            value = np.zeros((), attribute.dtype)
            attribute.read(value)
            return int(value)

    def _strings(self, path: str, name: str) -> np.ndarray[Any, Any] | None:
        h5py = library()
        item = self.find(path)
        with guarded():
            if item is None or not h5py.h5a.exists(item, name.encode()):
                return None
            attribute = h5py.h5a.open(item, name.encode())
            if attribute.get_space().get_simple_extent_type() == h5py.h5s.NULL or 0 in attribute.shape:
                return np.empty(0, object)  # an empty list is stored as float64 of shape (0,)
            dtype = attribute.dtype
            if dtype.kind != "S" and h5py.check_string_dtype(dtype) is None:
                raise CorruptError(f"attribute {name!r} is not made of strings")
            if attribute.get_storage_size() > self.size:
                raise CorruptError(f"attribute {name!r} claims more than the file holds")
            values = np.empty(attribute.shape, dtype)
            attribute.read(values)
            return values

    def check_first(self, item: Any) -> None:
        """Refuse an object that has been here before: many links to one could fill the memory, or lead in circles."""
        address = library().h5o.get_info(item).addr
        if address in self._seen:
            raise CorruptError("the same object as another one, or one that it is in")
        self._seen.add(address)


_LINKS = {1: "a soft link", 64: "an external link"}


def _decode_list(values: np.ndarray[Any, Any], name: str) -> list[str]:
    if values.ndim != 1:
        raise CorruptError(f"attribute {name!r} is not a list of strings")
    return [decode(value, name) for value in values.tolist()]


def decode(value: Any, name: str) -> str:
    """The text of one string of the attribute ``name``."""
    try:
        return value.decode() if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError as error:
        raise CorruptError(f"attribute {name!r} is not UTF-8") from error
