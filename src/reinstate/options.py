"""``SaveOptions`` and ``LoadOptions``: every field of TensorFlow's, by the same names and defaults.

Source: ``tf.saved_model.SaveOptions`` and ``tf.saved_model.LoadOptions``, TF 2.21.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reinstate.errors import UnsupportedError


@dataclass(frozen=True, slots=True)
class SaveOptions:
    """How a SavedModel is written. A field that this version has no effect for is refused when it is set."""

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


# Without functions in the file these have nothing to act on: harmless at any value.
_NO_EFFECT = frozenset(
    {"namespace_whitelist", "experimental_io_device", "experimental_custom_gradients", "experimental_skip_saver"}
)


def refuse_unsupported(options: Any, defaults: SaveOptions | LoadOptions) -> None:
    """Raise if a field is set that this version cannot honour; TensorFlow's own options objects are taken, too.

    Raises:
        UnsupportedError: naming every such field.
    """
    honoured = {"allow_partial_checkpoint", "experimental_skip_checkpoint"} | _NO_EFFECT
    offenders = [
        f"{name}={getattr(options, name)!r}"
        for name in type(defaults).__dataclass_fields__
        if name not in honoured and _is_set(getattr(options, name, None), getattr(defaults, name))
    ]
    if offenders:
        raise UnsupportedError("these options are not supported:", offenders)


def _is_set(value: Any, default: Any) -> bool:
    return value is not None and value != default and getattr(value, "name", value) != "NONE"
