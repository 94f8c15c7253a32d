"""Everything this package raises or warns about.

::

    ReinstateError
    ├── FormatError (OSError)            the bytes are not what the format says
    │   ├── NotAModelError               a file, but none that Keras or TensorFlow saved
    │   ├── CorruptError                 truncated, a checksum differs, a value out of range
    │   └── NewerFormatError             written by a version this one does not know
    ├── UnsafeError (ValueError)         the file asks for code to run, or reaches outside itself
    ├── UnsupportedError (ValueError)    understood, and cannot be done; names every offender
    └── MismatchError (ValueError)       state and model do not fit; names every offender

    LossyWarning (UserWarning)           what a load or a save could not carry; ``.losses``

A missing file is ``FileNotFoundError``, an existing one that must not be replaced ``FileExistsError``,
a missing optional library ``ImportError``: the built-in names that everyone catches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class ReinstateError(Exception):
    """The root of the tree. ``str()`` reads from the outermost place in the file to the reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.place: list[str] = []

    def __str__(self) -> str:
        return " > ".join([*self.place, self.reason])


class FormatError(ReinstateError, OSError):
    """The bytes are not what the format says."""


class NotAModelError(FormatError):
    """The file or directory is not something that Keras or TensorFlow saved."""


class CorruptError(FormatError):
    """The file was damaged: truncated, a checksum differs, or a value is out of its range."""


class NewerFormatError(FormatError):
    """The file was written by a newer version of the format than this one reads."""


class UnsafeError(ReinstateError, ValueError):
    """The file asks for code to be run, or reaches outside itself."""


class _OffendersError(ReinstateError, ValueError):
    """An error that lists every offender at once, one to a line."""

    def __init__(self, reason: str, offenders: Iterable[str] = ()) -> None:
        super().__init__(reason)
        self.offenders = tuple(offenders)

    def __str__(self) -> str:
        return "\n  - ".join([super().__str__(), *self.offenders])


class UnsupportedError(_OffendersError):
    """What the file holds is understood and cannot be done; ``offenders`` names all of it."""


class MismatchError(_OffendersError):
    """The state in the file and the model do not fit; ``offenders`` names every difference."""


class LossyWarning(UserWarning):
    """What a load or a save could not carry; ``losses`` holds every item."""

    def __init__(self, action: str, losses: Iterable[str]) -> None:
        self.losses = tuple(losses)
        super().__init__("\n  - ".join([f"{action}, but not everything could be carried:", *self.losses]))


@contextmanager
def where(place: str) -> Iterator[None]:
    """Add ``place`` to an error that rises through the block, so that its text leads to the spot."""
    try:
        yield
    except ReinstateError as error:
        error.place.insert(0, place)
        raise
