"""Losses: a function's name, or a class. Source: keras/losses of Keras 1, 2 and 3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reinstate.config.lens import Context, Convert, Family, Forget, Late, Lens, New, Row, row
from reinstate.config.objects import OWN, custom_name, down_object, is_builtin, up_object
from reinstate.config.variants import plain_name

_MODULE = "keras.losses"

# What Keras 2 computes for "auto" outside of a distribution strategy.
_REDUCTIONS_UP = {"auto": "sum_over_batch_size", None: "none"}
_REDUCTIONS = frozenset(["sum_over_batch_size", "sum", "none"])
_REDUCTIONS_DOWN = {"sum_over_batch_size": "auto", "mean": "auto", None: "none"}


def _reduction_up(value: Any, context: Context) -> Any:
    if value is None or isinstance(value, str):
        value = _REDUCTIONS_UP.get(value, value)
        if value in _REDUCTIONS:
            return value
    context.refuse(f"{value!r:.200} is not a reduction of Keras 2")
    return None


def _reduction_down(value: Any, context: Context) -> Any:
    value = _REDUCTIONS_DOWN.get(value, value)
    if value == "mean_with_sample_weight":
        context.lose("'mean_with_sample_weight' becomes 'auto', which does not divide by the sample weights")
        return "auto"
    return value


_COMMON = (Forget(frozenset(["fn"])), Convert("reduction", _reduction_up, _reduction_down))
_LOGITS = (Late("from_logits", False), Late("label_smoothing", 0.0), Late("axis", -1))


# The variant of a crossentropy that takes the logits from the activation before it (logits.py).
ACTIVATED = "activated"


def _row(class_name: str, *lenses: Lens) -> Row:
    return row(_MODULE, class_name, "name", *_COMMON, *lenses)


def _crossentropy(class_name: str, *lenses: Lens) -> dict[str, Row]:
    plain = _row(class_name, *lenses)
    return {
        class_name: plain,
        f"{class_name}:{ACTIVATED}": Row(OWN, f"Activated{class_name}", (New("activation"), *plain.lenses)),
    }


# The function that computes a loss names its class in the files: ``fn`` of the wrappers, and most strings.
FUNCTIONS: Mapping[str, str] = {
    "binary_crossentropy": "BinaryCrossentropy",
    "binary_focal_crossentropy": "BinaryFocalCrossentropy",
    "categorical_crossentropy": "CategoricalCrossentropy",
    "categorical_focal_crossentropy": "CategoricalFocalCrossentropy",
    "categorical_hinge": "CategoricalHinge",
    "cosine_similarity": "CosineSimilarity",
    "hinge": "Hinge",
    "huber": "Huber",
    "kl_divergence": "KLDivergence",
    "log_cosh": "LogCosh",
    "mean_absolute_error": "MeanAbsoluteError",
    "mean_absolute_percentage_error": "MeanAbsolutePercentageError",
    "mean_squared_error": "MeanSquaredError",
    "mean_squared_logarithmic_error": "MeanSquaredLogarithmicError",
    "poisson": "Poisson",
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
    "squared_hinge": "SquaredHinge",
}

# Short names that both dialects know.
SHORT: Mapping[str, str] = {
    spelling: function
    for short, function in {
        "bce": "binary_crossentropy",
        "kld": "kl_divergence",
        "mae": "mean_absolute_error",
        "mse": "mean_squared_error",
        "mape": "mean_absolute_percentage_error",
        "msle": "mean_squared_logarithmic_error",
    }.items()
    for spelling in (short, short.upper())
}

# Names that Keras 3 has forgotten.
OLD: Mapping[str, str] = {
    "cosine": "cosine_similarity",
    "cosine_proximity": "cosine_similarity",
    "huber_loss": "huber",
    "kullback_leibler_divergence": "kl_divergence",
    "logcosh": "log_cosh",
}

# Names that only Keras 3 knows; "crossentropy" is resolved by shape there.
_KERAS3_FUNCTIONS = frozenset(
    ["categorical_generalized_cross_entropy", "circle", "ctc", "dice", "tversky", "crossentropy", "ce"]
)

LOSSES = Family(
    "loss",
    rows={
        **_crossentropy("BinaryCrossentropy", *_LOGITS),
        "BinaryFocalCrossentropy": _row(
            "BinaryFocalCrossentropy",
            *(Late("apply_class_balancing", False), Late("alpha", 0.25), Late("gamma", 2.0), *_LOGITS),
        ),
        **_crossentropy("CategoricalCrossentropy", *_LOGITS),
        **_crossentropy("CategoricalFocalCrossentropy", Late("alpha", 0.25), Late("gamma", 2.0), *_LOGITS),
        "CategoricalHinge": _row("CategoricalHinge"),
        "CosineSimilarity": _row("CosineSimilarity", Late("axis", -1)),
        "Hinge": _row("Hinge"),
        "Huber": _row("Huber", Late("delta", 1.0)),
        "KLDivergence": _row("KLDivergence"),
        "LogCosh": _row("LogCosh"),
        "MeanAbsoluteError": _row("MeanAbsoluteError"),
        "MeanAbsolutePercentageError": _row("MeanAbsolutePercentageError"),
        "MeanSquaredError": _row("MeanSquaredError"),
        "MeanSquaredLogarithmicError": _row("MeanSquaredLogarithmicError"),
        "Poisson": _row("Poisson"),
        **_crossentropy(
            "SparseCategoricalCrossentropy",
            *(Late("from_logits", False), Late("ignore_class", None), New("axis", unsaid=(-1,))),
        ),
        "SquaredHinge": _row("SquaredHinge"),
    },
    aliases={"CosineProximity": "CosineSimilarity", "Logcosh": "LogCosh"},
)


def function_name(value: Any) -> str | None:
    """Return the name in a string or in ``{"class_name": "function", "config": name}``; None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and value.get("class_name") == "function":
        name = value.get("config")
        return name if isinstance(name, str) else None
    return None


def loss_function(name: str) -> str | None:
    """Return the full name of a loss function of Keras, by any spelling."""
    name = OLD.get(name, SHORT.get(name, name))
    return name if name in FUNCTIONS else None


def up_loss(value: Any, context: Context) -> Any:
    """Translate one loss. Names stay names, where Keras 3 knows them: they name the loss in the logs."""
    name = function_name(value)
    if name is not None:
        return _up_name(name, context)
    if isinstance(value, Mapping) and value.get("class_name") == "LossFunctionWrapper":
        return _up_wrapper(value.get("config"), context)
    return up_object(value, LOSSES, context)


def _up_name(name: str, context: Context) -> Any:
    if name in context.custom:
        return name
    own = custom_name({"class_name": name}, context)
    if own is not None:
        return own
    if name in SHORT or name in FUNCTIONS:
        return name
    return OLD[name] if name in OLD else up_object(name, LOSSES, context)


def _up_wrapper(config: Any, context: Context) -> Any:
    name = function_name(config.get("fn")) if isinstance(config, Mapping) else None
    if name is None:
        context.refuse("a LossFunctionWrapper without the name of its function")
        return None
    function = loss_function(name)
    if function is None:
        return _up_name(name, context)
    return up_object({"class_name": FUNCTIONS[function], "config": config}, LOSSES, context)


def down_loss(value: Any, context: Context) -> Any:
    """Translate one loss of Keras 3. One that Keras 2 lacks is noted as lost, and becomes None."""
    name = function_name(value)
    if name is not None:
        return _down_name(name, context)
    if isinstance(value, Mapping) and is_builtin(value) and value.get("class_name") not in LOSSES.names:
        context.lose(f"loss {value.get('class_name')} is not in Keras 2")
        return None
    result = down_object(value, LOSSES, context)
    return {**result, "class_name": plain_name(result["class_name"])} if isinstance(result, Mapping) else result


def _down_name(name: str, context: Context) -> Any:
    if name in _KERAS3_FUNCTIONS and name not in context.custom:
        context.lose(f"loss {name!r} is not in Keras 2")
        return None
    # Not every version finds the short names in a file.
    return name if name in context.custom else loss_function(name) or name
