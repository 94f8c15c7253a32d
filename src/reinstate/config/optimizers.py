"""Optimizers, in the three generations of their configs. Source: keras/optimizers of Keras 1, 2 and 3.

Standalone Keras wrote ``lr``, ``decay``, ``epsilon`` null; OptimizerV2 (tf.keras to 2.10, ``legacy`` later) writes
``learning_rate``, ``decay`` and the clipping that is set; the new Optimizer of 2.11 writes what Keras 3 writes, with
``jit_compile`` and ``is_legacy_optimizer``. We write OptimizerV2's form wherever it can say what is set, because all of
TF 2.3 to 2.21 read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reinstate.config.lens import Config, Context, Convert, Drop, Family, Forget, Late, Lens, New, Row, row
from reinstate.config.objects import OWN, custom_name, down_object, is_builtin, keras3, up_object
from reinstate.config.schedules import decayed, down_learning_rate, inverse_time_decay, undecayed, up_learning_rate

_MODULE = "keras.optimizers"
_SHARED = "name weight_decay clipnorm global_clipnorm clipvalue use_ema ema_momentum ema_overwrite_frequency"
_CLIPPING = ("global_clipnorm", "clipnorm", "clipvalue")
# What OptimizerV2 cannot say.
_NEW_ONLY = frozenset(["weight_decay", "use_ema", "ema_momentum", "ema_overwrite_frequency"])
_NO_LEGACY_FORM = frozenset(["AdamW", "Adafactor", "Lion"])
_LOSS_SCALE = frozenset(["LossScaleOptimizer", "LossScaleOptimizerV1", "LossScaleOptimizerV3"])


_RATE = Convert("learning_rate", up_learning_rate, down_learning_rate)


class _LearningRate:
    """``lr`` is what standalone Keras calls the learning rate; both directions translate schedules."""

    def up(self, config: Config, context: Context) -> Config:
        renamed = {"learning_rate" if key == "lr" else key: value for key, value in config.items()}
        return _RATE.up(renamed, context)

    def down(self, config: Config, context: Context) -> Config:
        return _RATE.down(config, context)


@dataclass(frozen=True, slots=True)
class Decay:
    """``decay`` of the old optimizers becomes a schedule. Nadam's is no decay of the learning rate."""

    schedule: bool = True

    def up(self, config: Config, context: Context) -> Config:
        rest = {key: value for key, value in config.items() if key not in ("decay", "schedule_decay")}
        decay = config.get("decay")
        if not self.schedule or not isinstance(decay, (int, float)) or decay == 0:
            return rest
        rate = rest.get("learning_rate")
        if isinstance(rate, (int, float)):
            return {**rest, "learning_rate": inverse_time_decay(float(rate), float(decay))}
        return {**rest, "learning_rate": decayed(rate, float(decay))}

    def down(self, config: Config, context: Context) -> Config:
        found = undecayed(config.get("learning_rate"))
        return config if found is None else {**config, "learning_rate": found[0], "decay": found[1]}


class _ScheduleDecay:
    """OptimizerV2's Nadam says in ``decay``, standalone Keras' in ``schedule_decay``, how its momentum moves."""

    key = "schedule_decay"

    def up(self, config: Config, context: Context) -> Config:
        rest = {key: value for key, value in config.items() if key != "decay"}
        return {**rest, "schedule_decay": config.get("schedule_decay", config.get("decay", 0.004))}

    def down(self, config: Config, context: Context) -> Config:
        return {"decay" if key == "schedule_decay" else key: value for key, value in config.items()}


@dataclass(frozen=True, slots=True)
class Clipping:
    """OptimizerV2 clips in every way that is set, Keras 3 in one; unset keys are not written."""

    def up(self, config: Config, context: Context) -> Config:
        given = [key for key in _CLIPPING if config.get(key) is not None]
        for key in given[1:]:
            context.lose(f"{key}={config[key]} beside {given[0]}: Keras 3 clips in one way")
        return {key: value for key, value in config.items() if key not in _CLIPPING or key in given[:1]}

    def down(self, config: Config, context: Context) -> Config:
        return {key: value for key, value in config.items() if key not in _CLIPPING or value is not None}


def _epsilon(value: Any, context: Context) -> Any:
    return 1e-7 if value is None else value


_EPSILON = Convert("epsilon", _epsilon)
_COMMON: tuple[Lens, ...] = (
    Forget(frozenset(["jit_compile", "is_legacy_optimizer", "hyperparameters", "gradient_aggregator"])),
    _LearningRate(),
    Clipping(),
    New("loss_scale_factor", unsaid=(None,)),
    New("gradient_accumulation_steps", unsaid=(None,)),
)


def _row(class_name: str, keys: str, *lenses: Lens, schedule: bool = True) -> Row:
    return row(_MODULE, class_name, f"{_SHARED} learning_rate {keys}", *_COMMON, Decay(schedule), *lenses)


_FTRL = (
    "learning_rate_power initial_accumulator_value l1_regularization_strength l2_regularization_strength "
    "l2_shrinkage_regularization_strength"
)

# Where OptimizerV2 computes other updates than Keras 3: this package has those (live/keras2/optimizers.py).
_LEGACY = ":legacy"


def _legacy_row(class_name: str, keys: str, *lenses: Lens) -> Row:
    whole = (*_COMMON, *lenses, _EPSILON)
    return row(OWN, f"Legacy{class_name}", f"{_SHARED} learning_rate {keys}", *whole)


OPTIMIZERS = Family(
    "optimizer",
    rows={
        "SGD": _row("SGD", "momentum nesterov"),
        "Adam": _row("Adam", "beta_1 beta_2 amsgrad", _EPSILON, Drop("adaptive_epsilon", only=(False, None))),
        "AdamW": _row("AdamW", "beta_1 beta_2 amsgrad", _EPSILON),
        "RMSprop": _row("RMSprop", "rho momentum centered", _EPSILON),
        "Adagrad": _row("Adagrad", "initial_accumulator_value", _EPSILON),
        "Adadelta": _row("Adadelta", "rho", _EPSILON),
        "Adamax": _row("Adamax", "beta_1 beta_2", _EPSILON),
        "Nadam": _row("Nadam", "beta_1 beta_2", _EPSILON, schedule=False),
        "Ftrl": _row("Ftrl", _FTRL, Late("beta", 0.0)),
        "Adafactor": _row("Adafactor", "beta_2_decay epsilon_1 epsilon_2 clip_threshold relative_step"),
        "Lion": _row("Lion", "beta_1 beta_2"),
        f"RMSprop{_LEGACY}": _legacy_row("RMSprop", "rho momentum centered", Decay()),
        f"Adagrad{_LEGACY}": _legacy_row("Adagrad", "initial_accumulator_value", Decay()),
        f"Nadam{_LEGACY}": _legacy_row("Nadam", "beta_1 beta_2", _ScheduleDecay()),
    },
    aliases={
        **{
            name.lower(): name for name in ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam")
        },
        **{name.lower(): name for name in ("Ftrl", "Adafactor", "Lion")},
        **{f"experimental{name.lower()}": name for name in ("SGD", "Adam", "Adagrad", "Adadelta")},
    },
)


def up_optimizer(value: Any, context: Context) -> Any:
    """Translate an optimizer of any generation."""
    if isinstance(value, Mapping) and _loss_scale(value, context):
        return _up_loss_scale(value, context)
    name = _of_legacy(value, context)
    if name is not None:
        line = OPTIMIZERS.rows[name]
        return keras3(line, line.up(value["config"], context))
    return up_object(value, OPTIMIZERS, context)


def _of_legacy(value: Any, context: Context) -> str | None:
    """Return the row of an optimizer that goes on with OptimizerV2's updates, which are not Keras 3's."""
    if not isinstance(value, Mapping) or not isinstance(value.get("config"), Mapping) or not is_legacy(value):
        return None
    if not isinstance(value.get("class_name"), str) or custom_name(value, context) is not None:
        return None
    name = f"{OPTIMIZERS.canonical(value['class_name'])}{_LEGACY}"
    inside = name.startswith("RMSprop") and value["config"].get("momentum")  # as Keras 3 does
    return name if name in OPTIMIZERS.rows and not inside else None


def is_legacy(value: Mapping[str, Any]) -> bool:
    """Tell whether a Keras 2 config is of the generation before the new Optimizer (OptimizerV2 or standalone Keras)."""
    config = value.get("config")
    if isinstance(config, Mapping) and "inner_optimizer" in config and isinstance(config["inner_optimizer"], Mapping):
        return is_legacy(config["inner_optimizer"])
    return not isinstance(config, Mapping) or config.get("is_legacy_optimizer", True) is not False


def _note_numbers(class_name: str, config: Mapping[str, Any], context: Context) -> None:
    """Note where OptimizerV2 computes other updates than Keras 3 does."""
    epsilon = config.get("epsilon")
    outside = class_name == "Adagrad" or (class_name == "RMSprop" and not config.get("momentum"))
    if class_name == "Nadam":
        context.lose(
            "Nadam's momentum schedule is not that of tf.keras' OptimizerV2: training continues with other steps"
        )
    elif outside and isinstance(epsilon, float) and epsilon > 1e-6:
        context.lose(f"{class_name}'s epsilon={epsilon} is added outside of the root in OptimizerV2, inside in Keras 3")


def _loss_scale(value: Mapping[str, Any], context: Context) -> bool:
    name = value.get("class_name")
    bare = name.rpartition(">")[2] if isinstance(name, str) else None
    return bare in _LOSS_SCALE and isinstance(value.get("config"), Mapping) and custom_name(value, context) is None


def _up_loss_scale(value: Mapping[str, Any], context: Context) -> Any:
    # Keras 3 scales dynamically in the wrapper, by a fixed factor in the optimizer itself.
    config = value["config"]
    with context.at("inner_optimizer"):
        inner = up_optimizer(config.get("inner_optimizer", config.get("optimizer")), context)
    if not isinstance(inner, Mapping):
        context.refuse("a loss scale optimizer without an optimizer in it")
        return None
    dynamic, settings = _scaling(config)
    if dynamic:
        return keras3(_SCALED, {"inner_optimizer": inner, **settings})
    return {**inner, "config": {**inner["config"], "loss_scale_factor": settings.get("initial_scale")}}


_SCALED = Row(_MODULE, "LossScaleOptimizer")


def _scaling(config: Mapping[str, Any]) -> tuple[bool, Config]:
    """Return whether the scale is dynamic, and Keras 3's settings; TF 2.1 to 2.3 kept them in an object."""
    old = config.get("loss_scale")
    if isinstance(old, Mapping) and isinstance(old.get("config"), Mapping):
        inner = old["config"]
        fixed = inner.get("loss_scale_value")
        found = {
            "initial_scale": inner.get("initial_loss_scale", fixed),
            "dynamic_growth_steps": inner.get("increment_period"),
        }
        dynamic = old.get("class_name") != "FixedLossScale"
    elif isinstance(old, (int, float)):
        dynamic, found = False, {"initial_scale": float(old)}
    else:
        dynamic = config.get("dynamic", True) is not False
        found = {key: config.get(key) for key in ("initial_scale", "dynamic_growth_steps")}
    return dynamic, {key: value for key, value in found.items() if value is not None}


def down_optimizer(value: Any, context: Context) -> Config | None:
    """Translate an optimizer of Keras 3 into the oldest form that can say it; None, noted, where Keras 2 has none."""
    if not isinstance(value, Mapping) or not is_builtin(value):
        result: Config | None = down_object(value, OPTIMIZERS, context)
        return result
    if value["class_name"] == "LossScaleOptimizer":
        return _down_loss_scale(value["config"], context)
    name = OPTIMIZERS.names.get(value["class_name"])
    if name is None:
        context.lose(
            f"optimizer {value['class_name']} is not in Keras 2: the model is written without its training state"
        )
        return None
    config = OPTIMIZERS.rows[name].down(value["config"], context)
    if name.endswith(_LEGACY) and _says(name, config):
        return _legacy(name.removesuffix(_LEGACY), config)
    name = name.removesuffix(_LEGACY)
    if _says(name, config):
        _note_numbers(name, config, context)
    return _legacy(name, config) if _says(name, config) else _new(name, config, context)


def _says(name: str, config: Config) -> bool:
    """Tell whether OptimizerV2 can say what is set."""
    return name not in _NO_LEGACY_FORM and not config.get("weight_decay") and not config.get("use_ema")


def _legacy(name: str, config: Config) -> Config:
    kept = {key: value for key, value in config.items() if key not in _NEW_ONLY}
    decay = 0.004 if name == "Nadam" else 0.0
    return {"class_name": name, "config": {"decay": decay, **kept}}


def _new(name: str, config: Config, context: Context) -> Config:
    if config.get("decay"):
        context.lose(f"decay={config['decay']} on top of a learning rate schedule: only OptimizerV2 has it")
    config = {key: value for key, value in config.items() if key != "decay"}
    return {"class_name": f"Custom>{name}", "config": {**config, "jit_compile": False, "is_legacy_optimizer": False}}


def _down_loss_scale(config: Mapping[str, Any], context: Context) -> Config | None:
    with context.at("inner_optimizer"):
        inner = down_optimizer(config["inner_optimizer"], context)
    if inner is None:
        return None
    scale, steps = config["initial_scale"], config["dynamic_growth_steps"]
    if is_legacy(inner):
        # The form of TF 2.1 to 2.3, which all later versions read.
        settings = {"initial_loss_scale": scale, "increment_period": steps, "multiplier": 2.0}
        loss_scale = {"class_name": "DynamicLossScale", "config": settings}
        return {"class_name": "LossScaleOptimizer", "config": {"optimizer": inner, "loss_scale": loss_scale}}
    settings = {"dynamic": True, "initial_scale": scale, "dynamic_growth_steps": steps}
    return {"class_name": "LossScaleOptimizerV3", "config": {"inner_optimizer": inner, **settings}}
