"""Learning rates: a number, or a schedule of the step. Source: keras/optimizers/schedules of Keras 2 and 3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reinstate.config.lens import Config, Context, Convert, Family, Late, Lens, Row, row
from reinstate.config.objects import OWN, down_object, keras3, plain, up_object

_MODULE = "keras.optimizers.schedules"


class _Name:
    """Keras 2 leaves the name null; Keras 3 wants a string, and has one where the key is missing."""

    def up(self, config: Config, context: Context) -> Config:
        return {key: value for key, value in config.items() if key != "name" or value is not None}

    def down(self, config: Config, context: Context) -> Config:
        return config


def _row(class_name: str, keys: str, *lenses: Lens) -> Row:
    return row(_MODULE, class_name, f"name {keys}", _Name(), *lenses)


def _numbers(value: Any, context: Context) -> Any:
    # A list of tensors or arrays comes wrapped, as a whole or one by one.
    value = plain(value)
    return [plain(item) for item in value] if isinstance(value, (list, tuple)) else value


_LISTS = (Convert("boundaries", _numbers, _numbers), Convert("values", _numbers, _numbers))

_LINEAR = "name initial_learning_rate decay_steps num_periods alpha beta"

SCHEDULES = Family(
    "learning rate schedule",
    rows={
        "ExponentialDecay": _row("ExponentialDecay", "initial_learning_rate decay_steps decay_rate staircase"),
        "InverseTimeDecay": _row("InverseTimeDecay", "initial_learning_rate decay_steps decay_rate staircase"),
        "PiecewiseConstantDecay": _row("PiecewiseConstantDecay", "", *_LISTS),
        "PolynomialDecay": _row("PolynomialDecay", "initial_learning_rate decay_steps end_learning_rate power cycle"),
        "CosineDecay": _row(
            "CosineDecay",
            "initial_learning_rate decay_steps alpha",
            Late("warmup_target", None),
            Late("warmup_steps", 0),
        ),
        "CosineDecayRestarts": _row("CosineDecayRestarts", "initial_learning_rate first_decay_steps t_mul m_mul alpha"),
        "LinearCosineDecay": row(OWN, "LinearCosineDecay", _LINEAR, _Name()),
        "NoisyLinearCosineDecay": row(
            OWN, "NoisyLinearCosineDecay", f"{_LINEAR} initial_variance variance_decay seed", _Name()
        ),
    },
    aliases={"PiecewiseConstant": "PiecewiseConstantDecay", "SGDRDecay": "CosineDecayRestarts"},
)


def up_learning_rate(value: Any, context: Context) -> Any:
    """Return the number as a float (Keras 3 takes no integer), or the schedule in Keras 3's form."""
    if isinstance(value, Mapping):
        return up_object(value, SCHEDULES, context)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    context.refuse(f"not a learning rate: {value!r:.200}")
    return None


def down_learning_rate(value: Any, context: Context) -> Any:
    """Return the number, or the schedule in Keras 2's two-key form."""
    value = plain(value)
    if isinstance(value, Mapping) and value.get("class_name") == "function":
        context.lose(
            f"the learning rate is the function {value.get('config')!r}: Keras 2 files hold numbers and schedules"
        )
        return 0.001
    return down_object(value, SCHEDULES, context) if isinstance(value, Mapping) else value


def inverse_time_decay(learning_rate: float, decay: float) -> Config:
    """Return the schedule that ``decay`` of the old optimizers stands for: learning_rate / (1 + decay * step)."""
    config = {"initial_learning_rate": learning_rate, "decay_steps": 1, "decay_rate": decay, "staircase": False}
    return keras3(SCHEDULES.rows["InverseTimeDecay"], config)


_DECAYED = Row(OWN, "DecayedSchedule")


def decayed(schedule: Any, decay: float) -> Config:
    """Return what ``decay`` of OptimizerV2 makes of a schedule (in Keras 3's form): one divided by 1 + decay * step."""
    return keras3(_DECAYED, {"schedule": schedule, "decay": decay})


def undecayed(value: Any) -> tuple[Any, float] | None:
    """Return the schedule in a schedule of ``decayed``, and the decay; None for any other learning rate."""
    if not isinstance(value, Mapping) or value.get("registered_name") != f"{OWN}>{_DECAYED.class_name}":
        return None
    return value["config"]["schedule"], value["config"]["decay"]
