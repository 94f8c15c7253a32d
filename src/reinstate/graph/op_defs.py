"""TensorFlow's op registry: each op's inputs, outputs and attributes, read from ``op_defs.txt`` when asked for.

Graphs need it: attributes at their defaults are left out of files, and functions name the outputs of ops.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True, slots=True)
class Argument:
    """An input or output. Several tensors of one type have ``number``, those of a list of types ``types``: attributes.

    ``dtype`` is the name of a dtype, or of the attribute that holds it.
    """

    name: str
    dtype: str
    number: str | None = None
    types: str | None = None

    def count(self, attributes: Any) -> int:
        """How many tensors it is, given the attributes of the node."""
        if self.types is not None:
            return len(attributes[self.types])
        return 1 if self.number is None else int(attributes[self.number])

    @property
    def is_list(self) -> bool:
        """Whether it is a list of tensors."""
        return self.number is not None or self.types is not None


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute: its kind (``int``, ``list(shape)``, ``func``, ...), and a default unless it is ``required``.

    Types are names of dtypes, shapes lists with -1 where open, None where the rank is unknown.
    """

    name: str
    kind: str
    required: bool = True
    default: Any = None


@dataclass(frozen=True, slots=True)
class OpDefinition:
    """What TensorFlow's registry says of an op; ``sizes`` are the attributes that number and type its arguments."""

    name: str
    inputs: tuple[Argument, ...]
    outputs: tuple[Argument, ...]
    attributes: dict[str, Attribute]
    stateful: bool = False
    sizes: frozenset[str] = field(default_factory=frozenset)


@cache
def _text() -> str:
    return resources.files(__package__).joinpath("op_defs.txt").read_text(encoding="utf-8")


@cache
def find(name: str) -> OpDefinition | None:
    """Look up an op; None where TensorFlow has none of this name."""
    text = _text()
    start = text.find(f"\n{name}\t")
    if start < 0:
        return None
    return _read(text[start + 1 : text.index("\n", start + 1)])


def names() -> list[str]:
    """All ops of the registry."""
    return [line.split("\t", 1)[0] for line in _text().splitlines() if not line.startswith("#")]


def _read(line: str) -> OpDefinition:
    name, inputs, outputs, attributes, flags = (line.split("\t") + [""] * 4)[:5]
    takes, gives = (tuple(map(_argument, part.split())) for part in (inputs, outputs))
    sizes = {name for arg in (*takes, *gives) for name in (arg.dtype, arg.number, arg.types) if name}
    return OpDefinition(
        name,
        takes,
        gives,
        {attribute.name: attribute for attribute in map(_attribute, attributes.split())},
        flags == "stateful",
        frozenset(sizes),
    )


def _argument(text: str) -> Argument:
    name, dtype = text.removesuffix("&").split(":")
    if dtype.startswith("*"):
        return Argument(name, "", types=dtype[1:])
    number, star, dtype = dtype.rpartition("*")
    return Argument(name, dtype, number if star else None)


def _attribute(text: str) -> Attribute:
    name, rest = text.split(":", 1)
    kind, equals, default = rest.partition("=")
    return Attribute(name, kind, not equals, json.loads(default) if equals else None)
