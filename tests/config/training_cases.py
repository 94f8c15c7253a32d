"""What a user of tf.keras may compile a model with: losses and metrics by the kind of data, schedules, optimizers."""

from __future__ import annotations

from typing import Any

SCHEDULES: dict[str, dict[str, Any]] = {
    "ExponentialDecay": {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5, "staircase": True},
    "InverseTimeDecay": {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5},
    "PiecewiseConstantDecay": {"boundaries": [2, 5], "values": [0.3, 0.2, 0.1]},
    "PolynomialDecay": {"initial_learning_rate": 0.1, "decay_steps": 4, "power": 2.0, "cycle": True},
    "CosineDecay": {
        "initial_learning_rate": 0.1,
        "decay_steps": 6,
        "alpha": 0.1,
        "warmup_target": 0.5,
        "warmup_steps": 2,
    },
    "CosineDecayRestarts": {"initial_learning_rate": 0.1, "first_decay_steps": 3, "m_mul": 0.8},
}

# Kind of data, then what a user may write as a loss.
LOSS_CASES: dict[str, list[Any]] = {
    "classes": [
        *("categorical_crossentropy", "kl_divergence", "KLD", "poisson", "mse", "MAE", "categorical_hinge"),
        *("kullback_leibler_divergence", "cosine_similarity", "categorical_focal_crossentropy", "MeanSquaredError"),
        {"class_name": "CategoricalCrossentropy", "config": {"label_smoothing": 0.1, "from_logits": True}},
        {"class_name": "CategoricalCrossentropy", "config": {"reduction": "sum"}},
        {"class_name": "CategoricalFocalCrossentropy", "config": {"alpha": 0.3, "gamma": 1.5}},
        {"class_name": "CategoricalHinge", "config": {}},
        {"class_name": "KLDivergence", "config": {}},
        {"class_name": "Poisson", "config": {"name": "mine"}},
        {"function": "categorical_crossentropy"},
    ],
    "sparse": [
        "sparse_categorical_crossentropy",
        {"class_name": "SparseCategoricalCrossentropy", "config": {"from_logits": True}},
        {"class_name": "SparseCategoricalCrossentropy", "config": {"ignore_class": 1}},
    ],
    "binary": [
        *("binary_crossentropy", "bce", "hinge", "squared_hinge", "binary_focal_crossentropy"),
        {"class_name": "BinaryCrossentropy", "config": {"label_smoothing": 0.2}},
        {"class_name": "BinaryFocalCrossentropy", "config": {"apply_class_balancing": True, "gamma": 3.0}},
        {"class_name": "Hinge", "config": {}},
        {"class_name": "SquaredHinge", "config": {}},
    ],
    "numbers": [
        *("mean_absolute_percentage_error", "mape", "log_cosh", "logcosh", "huber"),
        {"class_name": "MeanSquaredError", "config": {}},
        {"class_name": "MeanAbsoluteError", "config": {"reduction": "sum_over_batch_size"}},
        {"class_name": "MeanAbsolutePercentageError", "config": {}},
        {"class_name": "MeanSquaredLogarithmicError", "config": {}},
        {"class_name": "CosineSimilarity", "config": {"axis": -1}},
        {"class_name": "Huber", "config": {"delta": 0.4}},
        {"class_name": "LogCosh", "config": {}},
        {"function": "mean_squared_logarithmic_error"},
    ],
}


def named(class_name: str, **config: object) -> dict:
    return {"class_name": class_name, "config": config}


METRIC_CASES: dict[str, list[Any]] = {
    "classes": [
        *("accuracy", "ce", "mae", "cosine_similarity", "kullback_leibler_divergence", "poisson", "AUC"),
        "top_k_categorical_accuracy",
        named("CategoricalAccuracy", name="ca"),
        named("CategoricalCrossentropy", name="cc", label_smoothing=0.1),
        named("CategoricalHinge", name="ch"),
        named("KLDivergence", name="kl"),
        named("Poisson", name="p"),
        named("TopKCategoricalAccuracy", k=2, name="top2"),
        named("F1Score", name="f1", average="micro", threshold=0.3),
        named("FBetaScore", name="fb", beta=0.5, average="macro"),
        named("AUC", name="multi", multi_label=True, num_labels=4, label_weights=[0.1, 0.2, 0.3, 0.4]),
        named("AUC", name="pr", curve="PR", num_thresholds=30),
        named("AUC", name="own", thresholds=[0.2, 0.4, 0.9]),
        named("OneHotIoU", num_classes=4, target_class_ids=[0, 2], name="ohi"),
        named("OneHotMeanIoU", num_classes=4, name="ohm"),
        named("Precision", class_id=1, top_k=2, name="p1"),
        named("Recall", thresholds=[0.2, 0.5], name="r2"),
        {"function": "categorical_accuracy"},
    ],
    "sparse": [
        *("acc", "crossentropy", "sparse_categorical_accuracy"),
        named("SparseCategoricalAccuracy", name="sa"),
        named("SparseCategoricalCrossentropy", name="sc"),
        named("SparseTopKCategoricalAccuracy", k=3, name="st"),
    ],
    "binary": [
        *("Accuracy", "binary_crossentropy", "hinge", "squared_hinge"),
        named("AUC", name="auc"),
        named("BinaryAccuracy", name="ba", threshold=0.3),
        named("BinaryCrossentropy", name="bc", label_smoothing=0.1),
        named("BinaryIoU", name="bi", threshold=0.4, target_class_ids=[1]),
        named("FalseNegatives", name="fn"),
        named("FalsePositives", name="fp", thresholds=0.3),
        named("TrueNegatives", name="tn"),
        named("TruePositives", name="tp"),
        named("Hinge", name="h"),
        named("SquaredHinge", name="sh"),
        named("Precision", name="pre"),
        named("Recall", name="rec"),
        named("PrecisionAtRecall", recall=0.4, name="par"),
        named("RecallAtPrecision", precision=0.4, name="rap"),
        named("SensitivityAtSpecificity", specificity=0.4, num_thresholds=50, name="sas"),
        named("SpecificityAtSensitivity", sensitivity=0.4, name="sps"),
    ],
    "numbers": [
        *("mse", "MAPE", "logcosh", "mean_squared_logarithmic_error"),
        named("CosineSimilarity", name="cos", axis=-1),
        named("LogCoshError", name="lc"),
        named("MeanAbsoluteError", name="a"),
        named("MeanAbsolutePercentageError", name="b"),
        named("MeanSquaredError", name="c"),
        named("MeanSquaredLogarithmicError", name="d"),
        named("RootMeanSquaredError", name="e"),
        named("R2Score", name="r", class_aggregation="variance_weighted_average"),
    ],
    "labels": [
        named("Accuracy", name="equal"),
        named("IoU", num_classes=3, target_class_ids=[0, 1], name="i"),
        named("MeanIoU", num_classes=3, name="m"),
    ],
}

# Optimizers whose state is compared: class and settings.
_SCALED = {"learning_rate": 0.05, "loss_scale": {"initial_scale": 8.0, "dynamic_growth_steps": 2}}
OPTIMIZER_CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "SGD": ("SGD", {"learning_rate": 0.1}),
    "SGD momentum": ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    "Adam": ("Adam", {"learning_rate": 0.05}),
    "Adam amsgrad": ("Adam", {"learning_rate": 0.05, "amsgrad": True}),
    "RMSprop": ("RMSprop", {"learning_rate": 0.01}),
    "RMSprop momentum centered": ("RMSprop", {"learning_rate": 0.05, "momentum": 0.5, "centered": True}),
    "Adagrad": ("Adagrad", {"learning_rate": 0.1}),
    "Adadelta": ("Adadelta", {"learning_rate": 1.0}),
    "Adamax": ("Adamax", {"learning_rate": 0.05}),
    "Nadam": ("Nadam", {"learning_rate": 0.05}),
    "Ftrl": ("Ftrl", {"learning_rate": 0.1, "l1_regularization_strength": 0.01}),
    "loss scale": ("Adam", _SCALED),
    "AdamW": ("AdamW", {"learning_rate": 0.05, "weight_decay": 0.1}),
    "Adafactor": ("Adafactor", {"learning_rate": 0.05}),
    "Lion": ("Lion", {"learning_rate": 0.01}),
    "Nadam decayed": ("Nadam", {"learning_rate": 0.05, "weight_decay": 0.1}),
    "loss scale decayed": ("Adam", {**_SCALED, "weight_decay": 0.1}),
}
# What OptimizerV2 cannot say.
NEW_ONLY = frozenset(["AdamW", "Adafactor", "Lion", "Nadam decayed", "loss scale decayed"])
