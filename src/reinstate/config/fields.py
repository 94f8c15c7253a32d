"""Arguments that many layers share, as lenses: the base of all layers, weights, activations, nested layers."""

from __future__ import annotations

from typing import Any

from reinstate.config.activations import down_activation, up_activation
from reinstate.config.constraints import CONSTRAINTS
from reinstate.config.initializers import INITIALIZERS
from reinstate.config.lens import NOTHING, Config, Context, Convert, Default, Family, Forget, Lens, New, Row, row
from reinstate.config.nested import down_nested, up_nested
from reinstate.config.objects import OWN, down_object, plain, up_object
from reinstate.config.policies import down_policy, up_policy
from reinstate.config.regularizers import REGULARIZERS

# What tells the input of a first layer is in its InputLayer since Keras 2.3; topology.py reads it from older ones.
INPUT_KEYS = frozenset(["batch_input_shape", "input_shape", "input_dtype", "batch_size"])
_OBSOLETE = Forget(INPUT_KEYS | {"dynamic", "autocast", "weights"})


def member(key: str, family: Family) -> Convert:
    """Return the lens of an argument that holds an object of ``family``."""
    return Convert(
        key,
        lambda value, context: up_object(value, family, context),
        lambda value, context: down_object(value, family, context),
    )


def weight(name: str) -> tuple[Lens, ...]:
    """Return the lenses of a weight: its initializer, regularizer and constraint."""
    return (
        member(f"{name}_initializer", INITIALIZERS),
        member(f"{name}_regularizer", REGULARIZERS),
        member(f"{name}_constraint", CONSTRAINTS),
    )


def activation(key: str = "activation") -> Convert:
    """Return the lens of an activation."""
    return Convert(
        key,
        lambda value, context: up_activation(value, context, up_nested),
        lambda value, context: down_activation(value, context, down_nested),
    )


def nested(key: str) -> Convert:
    """Return the lens of an argument that is a layer."""
    return Convert(key, up_nested, down_nested)


def nested_list(key: str) -> Convert:
    """Return the lens of an argument that is a list of layers."""
    return Convert(
        key,
        lambda value, context: [up_nested(item, context) for item in value],
        lambda value, context: [down_nested(item, context) for item in value],
    )


class _Optional:
    """``key`` is written only where it is set: an absent one means None to all versions."""

    def __init__(self, convert: Convert) -> None:
        self.key = convert.key
        self._convert = convert

    def up(self, config: Config, context: Context) -> Config:
        return self._apply(config, self._convert.up, context)

    def down(self, config: Config, context: Context) -> Config:
        return self._apply(config, self._convert.down, context)

    def _apply(self, config: Config, convert: Any, context: Context) -> Config:
        value = config.get(self.key, NOTHING)
        if value is NOTHING:
            return config
        if value is None:
            return {key: value for key, value in config.items() if key != self.key}
        return dict(convert(config, context))


def _name_up(value: Any, context: Context) -> Any:
    if not isinstance(value, str) or "/" not in value:
        return value
    return context.renamed.setdefault(value, value.replace("/", "_"))


def _plain(value: Any, context: Context) -> Any:
    return plain(value)


NAME = Convert("name", _name_up)
DTYPE = Convert("dtype", up_policy, down_policy)
ACTIVITY = _Optional(member("activity_regularizer", REGULARIZERS))
BASE: tuple[Lens, ...] = (_OBSOLETE, NAME, DTYPE, ACTIVITY, New("autocast", unsaid=(True,)))
_BASE_KEYS = "name trainable dtype activity_regularizer"


def layer(class_name: str, keys: str = "", *lenses: Lens) -> Row:
    """Return the row of a layer in ``keras.layers``: the base of all layers, and what is its own."""
    return layer_of("keras.layers", class_name, keys, *lenses)


def layer_of(module: str, class_name: str, keys: str = "", *lenses: Lens) -> Row:
    """Return the row of a layer of another module; as ``layer`` in everything else."""
    return row(module, class_name, f"{_BASE_KEYS} {keys}", *BASE, *lenses)


def own_layer(class_name: str, keys: str = "", *lenses: Lens) -> Row:
    """Return the row of a layer that Keras 3 dropped and ``live/keras2`` has; as ``layer`` in everything else."""
    return layer_of(OWN, class_name, keys, *lenses)


def array(key: str) -> Convert:
    """Return the lens of numbers that Keras 3 may wrap as an array."""
    return Convert(key, lambda value, context: value, _plain)


KERNEL = weight("kernel")
BIAS = weight("bias")
RECURRENT = weight("recurrent")
ACTIVATION = activation()
HARD_SIGMOID_GATES: tuple[Lens, ...] = (
    Default("recurrent_activation", "hard_sigmoid"),
    activation("recurrent_activation"),
)
