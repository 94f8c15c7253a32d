"""Metrics: a function's name, or a class. Source: keras/metrics of Keras 1, 2 and 3.

Keras 2 wraps functions: ``{"class_name": "MeanMetricWrapper", "config": {"name", "dtype", "fn", ...}}``. Keras 3 has a
class for nearly every function, which keeps the name that the file gives to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reinstate.config import losses
from reinstate.config.lens import Config, Context, Convert, Family, Late, Lens, New, Row, row
from reinstate.config.losses import function_name
from reinstate.config.objects import OWN, custom_name, down_object, is_builtin, keras3, plain, up_object
from reinstate.config.policies import up_policy

_MODULE = "keras.metrics"
_WRAPPER = Row(_MODULE, "MeanMetricWrapper")

# Resolved by the shapes of the data, in both dialects.
ACCURACY = frozenset(["accuracy", "acc"])
CROSSENTROPY = frozenset(["crossentropy", "ce"])

# Metrics of Keras 2 that Keras 3 cannot compute. A model does without them.
GONE = frozenset(["MeanTensor", "SumOverBatchSize", "SumOverBatchSizeMetricWrapper"])


def _dtype_down(value: Any, context: Context) -> Any:
    name = up_policy(value, context)
    return name.removeprefix("mixed_") if name else "float32"


def _float32(value: Any, context: Context) -> str:
    # Keras 3 counts in integers; tf.keras divides what it counts, and wants floats.
    return "float32"


def _plain(value: Any, context: Context) -> Any:
    return plain(value)


def _row(class_name: str, keys: str = "", *lenses: Lens) -> Row:
    return row(_MODULE, class_name, f"name {keys}", Convert("dtype", up_policy, _dtype_down), *lenses)


def _iou_row(class_name: str, keys: str, *lenses: Lens) -> Row:
    return _row(class_name, keys, Convert("dtype", up_policy, _float32), *lenses)


_AT = (Late("class_id", None), Late("num_thresholds", 200))
_IOU = (Late("ignore_class", None), Late("sparse_y_pred", True), Late("axis", -1))
_ONE_HOT_IOU = (Late("ignore_class", None), Late("sparse_y_pred", False), Late("axis", -1))
_LOGITS = (Late("from_logits", False), Late("label_smoothing", 0))
_AUC = (
    *(Late("num_labels", None), Late("from_logits", False), Late("thresholds", None)),
    *(Convert("label_weights", _plain, _plain), Convert("thresholds", _plain, _plain)),
)

METRICS = Family(
    "metric",
    rows={
        "AUC": _row("AUC", "num_thresholds curve summation_method multi_label", *_AUC),
        "Accuracy": _row("Accuracy"),
        "BinaryAccuracy": _row("BinaryAccuracy", "threshold"),
        "BinaryCrossentropy": _row("BinaryCrossentropy", "", *_LOGITS),
        "BinaryIoU": _iou_row("BinaryIoU", "target_class_ids threshold"),
        "CategoricalAccuracy": _row("CategoricalAccuracy"),
        "CategoricalCrossentropy": _row("CategoricalCrossentropy", "", *_LOGITS, Late("axis", -1)),
        "CategoricalHinge": _row("CategoricalHinge"),
        "CosineSimilarity": _row("CosineSimilarity", "axis"),
        "F1Score": _row("F1Score", "average threshold"),
        "FBetaScore": _row("FBetaScore", "average beta threshold"),
        "FalseNegatives": _row("FalseNegatives", "thresholds"),
        "FalsePositives": _row("FalsePositives", "thresholds"),
        "Hinge": _row("Hinge"),
        "IoU": _iou_row("IoU", "num_classes target_class_ids", *_IOU, Late("sparse_y_true", True)),
        "KLDivergence": _row("KLDivergence"),
        "LogCoshError": _row("LogCoshError"),
        "Mean": _row("Mean"),
        "MeanAbsoluteError": _row("MeanAbsoluteError"),
        "MeanAbsolutePercentageError": _row("MeanAbsolutePercentageError"),
        "MeanIoU": _iou_row("MeanIoU", "num_classes", *_IOU, Late("sparse_y_true", True)),
        "MeanRelativeError": row(
            OWN,
            "MeanRelativeError",
            "name",
            Convert("dtype", up_policy, _dtype_down),
            Convert("normalizer", _plain, _plain),
        ),
        "MeanSquaredError": _row("MeanSquaredError"),
        "MeanSquaredLogarithmicError": _row("MeanSquaredLogarithmicError"),
        "OneHotIoU": _iou_row("OneHotIoU", "num_classes target_class_ids", *_ONE_HOT_IOU),
        "OneHotMeanIoU": _iou_row("OneHotMeanIoU", "num_classes", *_ONE_HOT_IOU),
        "Poisson": _row("Poisson"),
        "Precision": _row("Precision", "thresholds top_k class_id"),
        "PrecisionAtRecall": _row("PrecisionAtRecall", "recall", *_AT),
        "R2Score": _row("R2Score", "class_aggregation num_regressors"),
        "Recall": _row("Recall", "thresholds top_k class_id"),
        "RecallAtPrecision": _row("RecallAtPrecision", "precision", *_AT),
        "RootMeanSquaredError": _row("RootMeanSquaredError"),
        "SensitivityAtSpecificity": _row("SensitivityAtSpecificity", "specificity", *_AT),
        "SparseCategoricalAccuracy": _row("SparseCategoricalAccuracy"),
        "SparseCategoricalCrossentropy": _row(
            "SparseCategoricalCrossentropy",
            "",
            Late("from_logits", False),
            Late("ignore_class", None),
            Late("axis", -1),
        ),
        "SparseTopKCategoricalAccuracy": _row(
            "SparseTopKCategoricalAccuracy", "k", New("from_sorted_ids", unsaid=(False,))
        ),
        "SpecificityAtSensitivity": _row("SpecificityAtSensitivity", "sensitivity", *_AT),
        "SquaredHinge": _row("SquaredHinge"),
        "Sum": _row("Sum"),
        "TopKCategoricalAccuracy": _row("TopKCategoricalAccuracy", "k"),
        "TrueNegatives": _row("TrueNegatives", "thresholds"),
        "TruePositives": _row("TruePositives", "thresholds"),
    },
)

# Functions whose class has another name than the loss, or is no loss at all.
_FUNCTIONS: Mapping[str, str] = {
    **losses.FUNCTIONS,
    "accuracy": "Accuracy",
    "binary_accuracy": "BinaryAccuracy",
    "categorical_accuracy": "CategoricalAccuracy",
    "log_cosh": "LogCoshError",
    "sparse_categorical_accuracy": "SparseCategoricalAccuracy",
    "sparse_top_k_categorical_accuracy": "SparseTopKCategoricalAccuracy",
    "top_k_categorical_accuracy": "TopKCategoricalAccuracy",
}
_OLD = {**losses.OLD, "top_k_accuracy": "top_k_categorical_accuracy"}

# Keras 3 finds a class by its name in snake_case, too.
_SNAKE: Mapping[str, str] = {
    "auc": "AUC",
    "binary_io_u": "BinaryIoU",
    "f1_score": "F1Score",
    "f_beta_score": "FBetaScore",
    "false_negatives": "FalseNegatives",
    "false_positives": "FalsePositives",
    "io_u": "IoU",
    "log_cosh_error": "LogCoshError",
    "mean": "Mean",
    "mean_io_u": "MeanIoU",
    "one_hot_io_u": "OneHotIoU",
    "one_hot_mean_io_u": "OneHotMeanIoU",
    "precision": "Precision",
    "precision_at_recall": "PrecisionAtRecall",
    "r2_score": "R2Score",
    "recall": "Recall",
    "recall_at_precision": "RecallAtPrecision",
    "root_mean_squared_error": "RootMeanSquaredError",
    "sensitivity_at_specificity": "SensitivityAtSpecificity",
    "specificity_at_sensitivity": "SpecificityAtSensitivity",
    "sum": "Sum",
    "true_negatives": "TrueNegatives",
    "true_positives": "TruePositives",
}

_KERAS3 = frozenset(["ConcordanceCorrelation", "PearsonCorrelation", "concordance_correlation", "pearson_correlation"])

# By the loss of the same output: what "accuracy" and "crossentropy" become.
_BY_LOSS: Mapping[str, tuple[str, str]] = {
    "BinaryCrossentropy": ("BinaryAccuracy", "BinaryCrossentropy"),
    "BinaryFocalCrossentropy": ("BinaryAccuracy", "BinaryCrossentropy"),
    "CategoricalCrossentropy": ("CategoricalAccuracy", "CategoricalCrossentropy"),
    "CategoricalFocalCrossentropy": ("CategoricalAccuracy", "CategoricalCrossentropy"),
    "SparseCategoricalCrossentropy": ("SparseCategoricalAccuracy", "SparseCategoricalCrossentropy"),
}


def by_loss(name: str, loss: Any) -> str | None:
    """Return the metric class that "accuracy" or "crossentropy" means beside ``loss``; None where it does not tell."""
    function = function_name(loss)
    class_name = losses.FUNCTIONS.get(losses.loss_function(function) or "") if function else None
    if isinstance(loss, Mapping) and isinstance(loss.get("class_name"), str):
        class_name = class_name or losses.LOSSES.canonical(loss["class_name"])
    pair = _BY_LOSS.get(class_name or "")
    return pair[name.lower() in CROSSENTROPY] if pair else None


def up_metric(value: Any, context: Context, loss: Any = None) -> Any:
    """Translate one metric; ``loss`` is that of its output. None where Keras 3 has none, which is noted."""
    name = function_name(value)
    if name is not None:
        return _up_name(name, context, loss)
    if isinstance(value, Mapping) and value.get("class_name") == "MeanMetricWrapper":
        return _up_wrapper(value.get("config"), context)
    if isinstance(value, Mapping) and _bare(value.get("class_name")) in GONE and custom_name(value, context) is None:
        context.lose(f"metric {_bare(value['class_name'])} is not in Keras 3")
        return None
    return up_object(value, METRICS, context)


def _bare(name: Any) -> Any:
    return name.rpartition(">")[2] if isinstance(name, str) else None


def _up_name(name: str, context: Context, loss: Any) -> Any:
    if name in context.custom or name.lower() in ACCURACY:
        return name
    own = custom_name({"class_name": name}, context)
    if own is not None:
        return own
    if name.lower() in CROSSENTROPY:
        return _crossentropy(name, context, loss)
    if name in METRICS.rows:
        return up_object(name, METRICS, context)
    if _is_negative(name, context):
        return _wrapped("cosine_similarity", {"name": name})
    function = _OLD.get(name, losses.SHORT.get(name, name))
    if function in _FUNCTIONS:
        return _of_function(function, {"name": name}, context)
    context.refuse(f"metric {name!r} is unknown; pass it in custom_objects")
    return None


def _crossentropy(name: str, context: Context, loss: Any) -> Any:
    class_name = by_loss(name, loss)
    if class_name is None:
        context.lose(f"metric {name!r} is resolved by the data in Keras 2, and here the loss does not tell which it is")
        return None
    return up_object({"class_name": class_name, "config": {"name": name}}, METRICS, context)


def _up_wrapper(config: Any, context: Context) -> Any:
    name = function_name(config.get("fn")) if isinstance(config, Mapping) else None
    if name is None:
        context.refuse("a MeanMetricWrapper without the name of its function")
        return None
    rest = {key: value for key, value in config.items() if key != "fn"}
    if any(isinstance(value, Mapping) for value in rest.values()):
        context.refuse(f"the arguments of metric function {name!r} are not plain values")
        return None
    own = custom_name({"class_name": name}, context)
    if own is not None:
        fn = {"module": None, "class_name": "function", "config": own, "registered_name": own}
        return keras3(_WRAPPER, {**rest, "fn": fn})
    function = _OLD.get(name, losses.SHORT.get(name, name))
    if function not in _FUNCTIONS:
        context.refuse(f"metric function {name!r} is unknown; pass it in custom_objects")
        return None
    return _of_function(function, rest, context)


def _of_function(function: str, config: Config, context: Context) -> Config:
    # The class that computes the mean of the function, or Keras 3's wrapper around it.
    if _FUNCTIONS[function] in METRICS.rows:
        translated: Config = up_object({"class_name": _FUNCTIONS[function], "config": config}, METRICS, context)
        return translated
    return _wrapped(function, config)


def _wrapped(function: str, config: Config) -> Config:
    # As Keras 3 itself names its functions.
    fn = {"module": "builtins", "class_name": "function", "config": function, "registered_name": "function"}
    return keras3(_WRAPPER, {**config, "fn": fn})


def _is_negative(name: str, context: Context) -> bool:
    """Tell whether the writer's function was the loss, which is the negative of the metric of later versions.

    The comparison of strings puts "2.2.4" and what is before it on one side, "2.2.4-tf" and "2.3.0" on the other.
    """
    return name in ("cosine", "cosine_proximity") and (context.keras_version or "1") < "2.2.4-tf"


def down_metric(value: Any, context: Context, loss: Any = None) -> Any:
    """Translate one metric of Keras 3 into a class that every tf.keras reads; None where Keras 2 has none."""
    name = function_name(value)
    if name is not None:
        return _down_name(name, context, loss)
    if isinstance(value, Mapping) and value.get("class_name") == "MeanMetricWrapper" and is_builtin(value):
        return _down_wrapper(value["config"], context)
    if isinstance(value, Mapping) and is_builtin(value) and value.get("class_name") not in METRICS.names:
        context.lose(f"metric {value.get('class_name')} is not in Keras 2")
        return None
    return down_object(value, METRICS, context)


def _down_name(name: str, context: Context, loss: Any) -> Any:
    if name in context.custom:
        return name
    if name.lower() in ACCURACY:
        class_name = by_loss(name, loss)
        # tf.keras knows these words in a file in lower case only.
        return {"class_name": class_name, "config": {"name": name, "dtype": "float32"}} if class_name else name.lower()
    function = _OLD.get(name, losses.SHORT.get(name, name))
    known = _FUNCTIONS.get(function) or _SNAKE.get(name, name)
    if known in METRICS.rows:
        return {"class_name": known, "config": {"name": name, "dtype": "float32"}}
    if function in losses.FUNCTIONS:
        return {"class_name": "MeanMetricWrapper", "config": {"name": name, "dtype": "float32", "fn": function}}
    if name in _KERAS3:
        context.lose(f"metric {name!r} is not in Keras 2")
        return None
    return name


def _down_wrapper(config: Config, context: Context) -> Any:
    fn = function_name(config.get("fn")) or "custom"
    rest = {key: value for key, value in config.items() if key not in ("fn", "dtype")}
    known = _FUNCTIONS.get(losses.loss_function(fn) or fn)
    if known in METRICS.rows:
        return {"class_name": known, "config": {**rest, "dtype": _dtype_down(config.get("dtype"), context)}}
    return {"class_name": "MeanMetricWrapper", "config": {**rest, "dtype": "float32", "fn": fn}}
