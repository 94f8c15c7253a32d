"""Lenses: a translation step between a Keras 2 config and its Keras 3 form that can be walked both ways.

``up`` goes from Keras 1/2 to Keras 3, ``down`` comes back. A lens takes a config and returns a new one; a class is a
row in a table: its Keras 3 place and a tuple of lenses. Families (layers, initializers, losses, ...) are tables of
rows. What cannot be translated is not raised at once: it is added to ``Context.offenders`` so that all of it is
named, and what is lost on the way is added to ``Context.losses``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

Config = dict[str, Any]


@dataclass(slots=True)
class Context:
    """What a translation knows and gathers on its way through one model.

    ``keras_version`` is the writer's (None: Keras 1). ``custom`` are the names that the caller's custom objects stand
    for: they pass through. ``place`` leads to the config at hand (``layers > dense_3 > kernel_initializer``).
    ``renamed`` maps the layer names of the file that Keras 3 does not allow (``conv1/conv``) to those that they got.
    """

    keras_version: str | None = None
    custom: Collection[str] = ()
    offenders: list[str] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)
    place: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def at(self, name: str) -> Iterator[None]:
        """Add ``name`` to the place while the block runs; an error that ends it leaves the place where it came up."""
        self.place.append(name)
        yield
        self.place.pop()

    def refuse(self, reason: str) -> None:
        """Note something that cannot be translated."""
        self.offenders.append(" > ".join([*self.place, reason]))

    def lose(self, what: str) -> None:
        """Note something that the other dialect cannot say."""
        self.losses.append(" > ".join([*self.place, what]))


class Lens(Protocol):
    """One step, both ways."""

    def up(self, config: Config, context: Context) -> Config:
        """Keras 2 to Keras 3."""
        ...

    def down(self, config: Config, context: Context) -> Config:
        """Keras 3 to Keras 2."""
        ...


@dataclass(frozen=True, slots=True)
class Rename:
    """``old`` in Keras 2 is ``new`` in Keras 3."""

    old: str
    new: str

    def up(self, config: Config, context: Context) -> Config:
        return {self.new if key == self.old else key: value for key, value in config.items()}

    def down(self, config: Config, context: Context) -> Config:
        return {self.old if key == self.new else key: value for key, value in config.items()}


class _Nothing:
    """Stands for: do not write the key."""


NOTHING = _Nothing()


@dataclass(frozen=True, slots=True)
class Drop:
    """A key that only Keras 2 has: gone on the way up, written as ``down`` on the way down.

    Where ``only`` is given, another value means something that Keras 3 cannot do, and is refused, or noted as lost
    where the model computes the same values without it (``fatal=False``).
    """

    key: str
    down_value: Any = NOTHING
    only: Collection[Any] | None = None
    fatal: bool = True

    def up(self, config: Config, context: Context) -> Config:
        value = config.get(self.key, NOTHING)
        if self.only is not None and value is not NOTHING and value not in self.only:
            note = context.refuse if self.fatal else context.lose
            note(f"{self.key}={value!r} has no equivalent in Keras 3")
        return {key: value for key, value in config.items() if key != self.key}

    def down(self, config: Config, context: Context) -> Config:
        return config if self.down_value is NOTHING else {**config, self.key: self.down_value}


@dataclass(frozen=True, slots=True)
class Forget:
    """Keys of old writers that say nothing Keras 3 needs: gone on the way up, never written."""

    keys: frozenset[str]

    def up(self, config: Config, context: Context) -> Config:
        if self.keys.isdisjoint(config):
            return config
        return {key: value for key, value in config.items() if key not in self.keys}

    def down(self, config: Config, context: Context) -> Config:
        return config


@dataclass(frozen=True, slots=True)
class Late:
    """A key that the first versions of Keras 2 lack: not written where it has the value that they assume."""

    key: str
    assumed: Any

    def up(self, config: Config, context: Context) -> Config:
        return config

    def down(self, config: Config, context: Context) -> Config:
        if self.key in config and config[self.key] == self.assumed:
            return {key: value for key, value in config.items() if key != self.key}
        return config


@dataclass(frozen=True, slots=True)
class Choice:
    """A key whose values outside ``values`` Keras 3 does not have."""

    key: str
    values: Collection[Any]

    def up(self, config: Config, context: Context) -> Config:
        if self.key in config and config[self.key] not in self.values:
            context.refuse(f"{self.key}={config[self.key]!r} has no equivalent in Keras 3")
        return config

    def down(self, config: Config, context: Context) -> Config:
        return config


@dataclass(frozen=True, slots=True)
class New:
    """A key that only Keras 3 has: ``up_value`` on the way up, and gone on the way down.

    On the way down a value outside ``unsaid`` changes what the layer does and is noted as lost. ``unsaid=None``: any
    value may go.
    """

    key: str
    up_value: Any = NOTHING
    unsaid: Collection[Any] | None = None

    def up(self, config: Config, context: Context) -> Config:
        return config if self.up_value is NOTHING else {**config, self.key: self.up_value}

    def down(self, config: Config, context: Context) -> Config:
        value = config.get(self.key, NOTHING)
        if self.unsaid is not None and value is not NOTHING and value not in self.unsaid:
            context.lose(f"{self.key}={value!r} has no equivalent in Keras 2")
        return {key: value for key, value in config.items() if key != self.key}


@dataclass(frozen=True, slots=True)
class Default:
    """A key that some old writers leave out: filled in on the way up."""

    key: str
    value: Any

    def up(self, config: Config, context: Context) -> Config:
        return config if self.key in config else {**config, self.key: self.value}

    def down(self, config: Config, context: Context) -> Config:
        return config


Conversion = Callable[[Any, Context], Any]


@dataclass(frozen=True, slots=True)
class Convert:
    """The value under ``key`` takes another form; ``to_keras3`` and ``to_keras2`` get the value and the context."""

    key: str
    to_keras3: Conversion
    to_keras2: Conversion = lambda value, context: value

    def up(self, config: Config, context: Context) -> Config:
        return self._apply(config, context, self.to_keras3)

    def down(self, config: Config, context: Context) -> Config:
        return self._apply(config, context, self.to_keras2)

    def _apply(self, config: Config, context: Context, conversion: Conversion) -> Config:
        if self.key not in config:
            return config
        context.place.append(self.key)  # as Context.at, which costs more than most conversions
        result = {**config, self.key: conversion(config[self.key], context)}
        context.place.pop()
        return result


def keys_of(lens: Lens) -> frozenset[str]:
    """Return the Keras 3 keys that a lens reads or writes."""
    match lens:
        case Drop() | Forget():
            return frozenset()
        case Rename(new=key):
            return frozenset([key])
    own: str | None = getattr(lens, "key", None)
    return frozenset() if own is None else frozenset([own])


@dataclass(frozen=True, slots=True)
class Row:
    """A class in both dialects: its name in Keras 2 is the key of its table, here its place in Keras 3.

    ``keys`` are all that its Keras 3 constructor takes; None: not checked. A key outside is refused on the way up
    (Keras 3 would raise) and dropped on the way down (Keras 2 would raise), noted as lost where it is set.
    """

    module: str
    class_name: str
    lenses: tuple[Lens, ...] = ()
    keys: frozenset[str] | None = None

    def up(self, config: Mapping[str, Any], context: Context) -> Config:
        """Run the lenses from first to last."""
        result = dict(config)
        for lens in self.lenses:
            result = lens.up(result, context)
        if self.keys is not None and not self.keys.issuperset(result):
            for key in sorted(result.keys() - self.keys):
                context.refuse(f"{self.class_name} has no argument {key!r}")
        return result

    def down(self, config: Mapping[str, Any], context: Context) -> Config:
        """Run the lenses from last to first."""
        result = dict(config)
        if self.keys is not None and not self.keys.issuperset(result):
            result = self._known(result, context)
        for lens in reversed(self.lenses):
            result = lens.down(result, context)
        return result

    def _known(self, config: Config, context: Context) -> Config:
        keys = self.keys or frozenset()
        for key in sorted(config.keys() - keys):
            if config[key] not in (None, False):
                context.lose(f"{key}={config[key]!r} has no equivalent in Keras 2")
        return {key: value for key, value in config.items() if key in keys}


def row(module: str, class_name: str, keys: str = "", *lenses: Lens) -> Row:
    """Return a row whose keys are the blank-separated ``keys`` and those of the lenses."""
    return Row(module, class_name, lenses, frozenset(keys.split()).union(*map(keys_of, lenses)))


@dataclass(frozen=True, slots=True)
class Family:
    """Classes of one kind: ``rows`` by Keras 2 name; ``aliases`` are other spellings, mostly short strings in configs.

    ``options`` are the arguments that Keras 2 fills in where an alias stands alone and Keras 3 would not.
    """

    kind: str
    rows: Mapping[str, Row]
    aliases: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Config] = field(default_factory=dict)
    names: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        down: dict[str, str] = {}
        for name, line in self.rows.items():
            down.setdefault(line.class_name, name)
        object.__setattr__(self, "names", down)

    def canonical(self, name: str) -> str | None:
        """Return the key in ``rows`` that a spelling stands for: an alias, or one with a suffix or a package."""
        bare = name.removeprefix("Custom>").removeprefix("Experimental>")
        for candidate in (bare, bare.removesuffix("V1"), bare.removesuffix("V2"), bare.removesuffix("Vv2")):
            candidate = self.aliases.get(candidate, candidate)
            if candidate in self.rows:
                return candidate
        return None
