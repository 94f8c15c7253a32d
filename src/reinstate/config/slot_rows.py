"""Which variable of an optimizer or a metric is which, in Keras 3 and in the two generations of tf.keras.

An optimizer keeps a step, some scalars, and for each kind of slot one variable per trained variable. Keras 3 and the
new Optimizer of tf.keras hold a list per kind; OptimizerV2 hangs slots on the variables; in HDF5 all of it is one list
of names.
Source: the ``build`` methods in keras/optimizers; files of TF 2.3, 2.8, 2.12, 2.15 and tf_keras 2.21.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SlotRow:
    """A kind of slot.

    ``keras3`` and ``keras2`` are the attributes that hold the list, ``name3`` and ``name2`` what the variables are
    called in Keras 3 and in the new Optimizer, ``legacy`` the slot's name in OptimizerV2 (None: it has none). Rows of
    one ``block`` alternate in the flat list of weights, variable by variable. ``setting`` is the config key without
    which Keras 3 has no such list, ``old`` are standalone Keras' names (``m_0``, ``m_1`` ...). Variables below ``rank``
    have no such slot.
    """

    keras3: str
    keras2: str
    name3: str
    name2: str
    legacy: str | None
    block: int = 0
    setting: str | None = None
    old: tuple[str, ...] = ()
    rank: int = 0

    @property
    def names2(self) -> frozenset[str]:
        """All that the new Optimizer's variables may be called."""
        return frozenset([self.name2, self.keras2.removeprefix("_")])


@dataclass(frozen=True, slots=True)
class ScalarRow:
    """A variable that the optimizer has once: its attributes, and its types in Keras 3 and in tf.keras."""

    keras3: str
    keras2: str
    legacy: str
    dtype3: str
    dtype2: str
    old: tuple[str, ...] = ()


def _alike(attribute: str, name: str, legacy: str | None, old: str = "") -> SlotRow:
    """A kind that Keras 3 and the new Optimizer call the same."""
    return SlotRow(attribute, attribute, name, name, legacy, old=tuple(old.split()))


_M = SlotRow("_momentums", "_momentums", "momentum", "m", "m", old=("m",))
_V = SlotRow("_velocities", "_velocities", "velocity", "v", "v", old=("v",))
_VHAT = SlotRow("_velocity_hats", "_velocity_hats", "velocity_hat", "vhat", "vhat", 1, "amsgrad", ("vhat",))
_ACCUMULATOR = _alike("_accumulators", "accumulator", "accumulator", "accumulator")

_EMA = "_model_variables_moving_average"
# The moving averages of the model's variables: any optimizer of the new generation.
AVERAGE = SlotRow(_EMA, _EMA, "average", "average", None, -1, "use_ema")

OPTIMIZERS: Mapping[str, tuple[SlotRow, ...]] = {
    "SGD": (SlotRow("momentums", "momentums", "momentum", "m", "momentum", 0, "momentum", ("moment", "momentum")),),
    "Adam": (_M, _V, _VHAT),
    "AdamW": (_M, _V, _VHAT),
    "Nadam": (_M, _V),
    "Adamax": (
        SlotRow("_m", "_m", "momentum", "m", "m", old=("m",)),
        SlotRow("_u", "_u", "norm", "u", "v", old=("u",)),
    ),
    "RMSprop": (
        _alike("_velocities", "velocity", "rms", "accumulator rms"),
        SlotRow("_momentums", "_momentums", "momentum", "momentum", "momentum", 1, "momentum"),
        SlotRow(
            "_average_gradients", "_average_gradients", "average_gradient", "average_gradient", "mg", 2, "centered"
        ),
    ),
    "Adagrad": (_ACCUMULATOR,),
    "Adadelta": (
        _alike("_accumulated_grads", "accumulated_grad", "accum_grad", "accumulator"),
        _alike("_accumulated_delta_vars", "accumulated_delta_var", "accum_var", "delta_accumulator"),
    ),
    "Ftrl": (_ACCUMULATOR, _alike("_linears", "linear", "linear")),
    "Adafactor": (
        SlotRow("_r", "_r", "", "r", None, rank=2),
        SlotRow("_c", "_c", "", "c", None, rank=2),
        SlotRow("_v", "_v", "velocity", "v", None),
    ),
    "Lion": (SlotRow("_momentums", "momentums", "momentum", "m", None),),
}

# Kinds that OptimizerV2 writes variable by variable; the others one after another.
LEGACY_ALTERNATES = frozenset(["Ftrl"])

# Kinds that the new Optimizer has even where Keras 3 has not (SGD without momentum): written as zeros.
NEW_ALWAYS = frozenset(["momentums"])

ITERATION = "iteration"
ZEROS = "zeros"

_SCALARS: Mapping[str, tuple[ScalarRow, ...]] = {
    "Nadam": (ScalarRow("_u_product", "_u_product", "momentum_cache", "float32", "float32", ("m_schedule",)),),
}

# On the wrapper, below its child ``loss_scale`` in a SavedModel; HDF5 files do not have them.
LOSS_SCALE: tuple[ScalarRow, ...] = (
    ScalarRow("dynamic_scale", "current_loss_scale", "current_loss_scale", "float32", "float32"),
    ScalarRow("step_counter", "good_steps", "good_steps", "int32", "int64"),
)


def keras3_attributes(optimizer_class: str) -> tuple[SlotRow, ...]:
    """Return the kinds of slots of a class, in Keras 3's order; none for a class that tf.keras does not have."""
    rows = OPTIMIZERS.get(_plain(optimizer_class))
    return () if rows is None else (AVERAGE, *rows)


def scalars(optimizer_class: str) -> tuple[ScalarRow, ...]:
    """Return the scalars that the optimizer has beside its step and its learning rate."""
    return _SCALARS.get(_plain(optimizer_class), ())


def _plain(optimizer_class: str) -> str:
    """Return Keras' name for this package's optimizers that update as OptimizerV2: their state is the same."""
    return optimizer_class.removeprefix("Legacy")


def legacy_name(optimizer_class: str, keras3_attribute: str) -> str | None:
    """Return what OptimizerV2 calls the slots in ``keras3_attribute``; None where it has none."""
    rows = keras3_attributes(optimizer_class)
    return next((row.legacy for row in rows if row.keras3 == keras3_attribute), None)


def nadam_product(steps: int, beta_1: float) -> float:
    """Return Nadam's ``u_product`` after ``steps`` steps, which the new Optimizer keeps out of HDF5 files."""
    product = 1.0
    for step in range(1, min(steps, 10_000) + 1):
        product *= beta_1 * (1.0 - 0.5 * 0.96**step)
    return product


@dataclass(frozen=True, slots=True)
class Cast:
    """A state variable of a metric whose type differs: Keras 3's and tf.keras' dtype."""

    attribute: str
    dtype3: str
    dtype2: str


_CONFUSION = Cast("total_cm", "int32", "float32")

# All attributes of metric state have the same names in both dialects (tf.keras has some under a second name, too).
METRIC_CASTS: Mapping[str, tuple[Cast, ...]] = {
    **dict.fromkeys(["BinaryIoU", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"], (_CONFUSION,)),
    "R2Score": (Cast("num_samples", "float32", "int32"),),
}


def metric_attribute(metric_class: str, keras3_attribute: str) -> str:
    """Return tf.keras' attribute for the state variable that Keras 3 has in ``keras3_attribute``."""
    return keras3_attribute


def metric_dtype(metric_class: str, keras3_attribute: str) -> str | None:
    """Return the type in which tf.keras has a state variable, where it is another than Keras 3's."""
    casts = METRIC_CASTS.get(metric_class, ())
    return next((cast.dtype2 for cast in casts if cast.attribute == keras3_attribute), None)
