"""``SaveOptions`` and ``LoadOptions``: every field of TensorFlow's, by the same names and defaults.

Source: ``tf.saved_model.SaveOptions`` and ``tf.saved_model.LoadOptions``, TF 2.21.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from reinstate.errors import UnsupportedError


@dataclass(frozen=True, slots=True)
class SaveOptions:
    """How a SavedModel is written. A field that this version has no effect for is refused when it is set.

    ``extra_tags`` are tags of the model beside ``serve``.
    """

    namespace_whitelist: Sequence[str] | None = None
    save_debug_info: bool = False
    function_aliases: Mapping[str, Any] | None = None
    experimental_debug_stripper: bool = False
    experimental_io_device: str | None = None
    experimental_variable_policy: Any = None
    experimental_custom_gradients: bool = True
    experimental_image_format: bool = False
    experimental_skip_saver: bool = False
    experimental_sharding_callback: Callable[..., Any] | None = None
    extra_tags: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How a SavedModel or checkpoint is read.

    ``allow_partial_checkpoint``: variables without a value in the file keep their initial one.
    ``experimental_skip_checkpoint``:
    the model is built, no value is read. ``experimental_io_device`` names a device of TensorFlow's and has no effect:
    files are read on the host.
    """

    allow_partial_checkpoint: bool = False
    experimental_io_device: str | None = None
    experimental_skip_checkpoint: bool = False
    experimental_variable_policy: Any = None
    experimental_load_function_aliases: bool = False


_HONOURED = frozenset({"allow_partial_checkpoint", "experimental_skip_checkpoint", "extra_tags"})
# Without functions in the file these have nothing to act on: harmless at any value.
_NO_EFFECT = frozenset(
    {"namespace_whitelist", "experimental_io_device", "experimental_custom_gradients", "experimental_skip_saver"}
)

_Options = TypeVar("_Options", SaveOptions, LoadOptions)


def honoured(options: Any, kind: type[_Options]) -> _Options:
    """The options as ``kind``; None gives the defaults, and objects of any TensorFlow's own classes are taken, too.

    Raises:
        TypeError: it is no object with options.
        UnsupportedError: a field is set that this version cannot honour; names every one.
    """
    defaults = kind()
    names = [field.name for field in fields(kind)]
    if options is None:
        return defaults
    if not any(hasattr(options, name) for name in names):
        raise TypeError(f"options is {options!r:.100}; a {kind.__name__} is wanted")
    given = {name: getattr(options, name) for name in names if _is_set(options, name, getattr(defaults, name))}
    offenders = [f"{name}={value!r:.100}" for name, value in given.items() if name not in _HONOURED | _NO_EFFECT]
    if offenders:
        raise UnsupportedError("these options are not supported:", offenders)
    return kind(**given)


def _is_set(options: Any, name: str, default: Any) -> bool:
    """Whether a field says anything; TensorFlow has an empty dictionary or a policy named NONE for what is not set."""
    value = getattr(options, name, None)
    unset = value is None or value == default or value in ({}, [], ()) or getattr(value, "name", value) == "NONE"
    return not unset
