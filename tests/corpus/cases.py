"""Every public class of tf.keras, one small model to a case: what real tf_keras saves of it, and what it opens of ours.

``EXCEPTIONS`` says, by class and by what is shown, which cases are known not to hold and why: each is a strict xfail,
and a line in docs/SUPPORT.md, which is made from these tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from reinstate.config.names import words
from tests.config import layer_cases
from tests.config.training_cases import LOSS_CASES, METRIC_CASES, SCHEDULES

Case = dict[str, Any]

# Layers that draw random numbers while they train, and those whose outputs are no numbers to train on.
RANDOM = words(
    """
    Dropout AlphaDropout GaussianDropout GaussianNoise SpatialDropout1D SpatialDropout2D SpatialDropout3D RandomFlip
    RandomTranslation RandomRotation RandomZoom RandomContrast RandomBrightness RandomCrop RandomHeight RandomWidth
    StochasticDepth
    """
)
UNTRAINED = words("Discretization CategoryEncoding Hashing HashedCrossing StringLookup IntegerLookup")


def _draws(case: Case) -> bool:
    given = case["arguments"]
    return case["class_name"] in RANDOM or any(given.get(key) for key in ("dropout", "recurrent_dropout"))


def _layers() -> dict[str, Case]:
    cases: dict[str, Case] = {}
    for case in layer_cases.CASES:
        number = sum(name.partition("-")[0] == case["class_name"] for name in cases)
        trains = not _draws(case) and case["class_name"] not in UNTRAINED
        cases[f"{case['class_name']}-{number}"] = {"kind": "layer", "family": "layer", "trains": trains, **case}
    return cases


_ACTIVATIONS = {
    **{"classes": "softmax", "sparse": "softmax", "binary": "sigmoid", "crossed": "sigmoid"},
    **{"numbers": None, "labels": None},
}
_TARGETS = {
    **{"classes": "one_hot", "sparse": "classes", "binary": "binary", "crossed": "one_hot"},
    **{"numbers": "numbers", "labels": "binary"},
}
# Losses that are made for another activation than the model's last: tf_keras gives them its logits.
CROSSED_LOSSES: dict[str, list[Any]] = {
    "classes": ["binary_crossentropy", {"class_name": "BinaryCrossentropy", "config": {"from_logits": True}}],
    "crossed": [
        "categorical_crossentropy",
        {"class_name": "CategoricalCrossentropy", "config": {"label_smoothing": 0.1}},
        {"class_name": "CategoricalFocalCrossentropy", "config": {"from_logits": True, "gamma": 1.5}},
    ],
    "binary": [{"class_name": "BinaryCrossentropy", "config": {"from_logits": True, "label_smoothing": 0.1}}],
}

# What keras.applications is made of, by the function in whose module tf_keras has it. It does not find those in
# ``classes`` by itself.
_PARTS: list[Case] = [
    {"class_name": "LayerScale", "builder": "ConvNeXtTiny", "arguments": {"init_values": 0.1, "projection_dim": 4}},
    {"class_name": "StochasticDepth", "builder": "ConvNeXtTiny", "arguments": {"drop_path_rate": 0.4}},
    {"class_name": "CustomScaleLayer", "builder": "InceptionResNetV2", "arguments": {"scale": 0.3}, "call": "list"},
]
_UNREGISTERED = ("LayerScale", "StochasticDepth")


def _parts() -> dict[str, Case]:
    cases = {}
    for case in _PARTS:
        name, inputs = case["class_name"], [[[3, 4], "float32"]] * (2 if case.get("call") else 1)
        about = {"kind": "layer", "family": "layer", "trains": not _draws(case), "inputs": inputs}
        classes = [name] if name in _UNREGISTERED else []
        cases[f"{name}-0"] = {**about, "classes": classes, **case}
    return cases


_LOSSES = {"classes": "categorical_crossentropy", "sparse": "sparse_categorical_crossentropy"}


_SGD = {"class_name": "SGD", "config": {"learning_rate": 0.05, "momentum": 0.9}}


def _compiled(family: str, class_name: str, kind: str, **compile: Any) -> Case:
    return {
        "kind": "compiled",
        "family": family,
        "class_name": class_name,
        "activation": _ACTIVATIONS[kind],
        "targets": _TARGETS[kind],
        "outputs": 1 if kind in ("binary", "labels") else 4,
        "trains": True,
        "compile": {"optimizer": _SGD, "loss": "mse", **compile},
    }


def _name(value: Any) -> str:
    return value if isinstance(value, str) else str(value.get("class_name") or value["function"])


def _numbered(cases: dict[str, Case], name: str, case: Case) -> None:
    number = sum(other.rpartition("-")[0] == name for other in cases)
    cases[f"{name}-{number}"] = case


def _losses() -> dict[str, Case]:
    cases: dict[str, Case] = {}
    for kind, losses in [*LOSS_CASES.items(), *CROSSED_LOSSES.items()]:
        for loss in losses:
            _numbered(cases, f"loss-{_name(loss)}", _compiled("loss", _name(loss), kind, loss=loss))
    return cases


def _metrics() -> dict[str, Case]:
    cases: dict[str, Case] = {}
    for kind, metrics in METRIC_CASES.items():
        for metric in metrics:
            case = _compiled("metric", _name(metric), kind, loss=_LOSSES.get(kind, "mse"), metrics=[metric])
            _numbered(cases, f"metric-{_name(metric)}", case)
    return cases


def _schedules() -> dict[str, Case]:
    cases = {}
    for name, config in SCHEDULES.items():
        rate = {"class_name": name, "config": config}
        optimizer = {"class_name": "Adam", "config": {"learning_rate": rate}}
        cases[f"schedule-{name}"] = _compiled("schedule", name, "numbers", optimizer=optimizer)
    return cases


def _policies() -> dict[str, Case]:
    names = ("float16", "bfloat16", "float64", "mixed_bfloat16", "mixed_float16")
    return {f"policy-{name}": {**_compiled("dtype policy", name, "numbers"), "policy": name} for name in names}


APPLICATIONS: dict[str, tuple[str, int, dict[str, Any]]] = {
    "Xception": ("Xception", 71, {}),
    "VGG": ("VGG16", 32, {}),
    "ResNet": ("ResNet50", 32, {}),
    "ResNetV2": ("ResNet50V2", 32, {}),
    "ResNetRS": ("ResNetRS50", 32, {}),
    "RegNet": ("RegNetX002", 32, {}),
    "InceptionV3": ("InceptionV3", 75, {}),
    "InceptionResNetV2": ("InceptionResNetV2", 75, {}),
    "MobileNet": ("MobileNet", 32, {}),
    "MobileNetV2": ("MobileNetV2", 32, {}),
    "MobileNetV3Small": ("MobileNetV3Small", 64, {}),
    "MobileNetV3Large": ("MobileNetV3Large", 32, {}),
    "DenseNet": ("DenseNet121", 32, {}),
    "NASNet": ("NASNetMobile", 32, {}),
    "EfficientNet": ("EfficientNetB0", 32, {}),
    "EfficientNetV2": ("EfficientNetV2B0", 64, {}),
    "ConvNeXt": ("ConvNeXtTiny", 32, {}),
}


def _applications() -> dict[str, Case]:
    return {
        f"application-{family}": {
            "kind": "application",
            "family": "application",
            "class_name": name,
            "builder": name,
            "classes": list(_UNREGISTERED) if family == "ConvNeXt" else [],
            "shape": [size, size, 3],
            "arguments": given,
            "targets": "classes",
            "outputs": 4,
        }
        for family, (name, size, given) in APPLICATIONS.items()
    }


SMALL: dict[str, Case] = {**_layers(), **_parts(), **_losses(), **_metrics(), **_schedules(), **_policies()}
LARGE: dict[str, Case] = _applications()

# By name of a case, or the class that all of its cases are of: what does not hold, "opens trains returns", and why.
EXCEPTIONS: dict[str, tuple[str, str]] = {
    "Embedding-0": ("returns", "OptimizerV2, in whose form models are written, refuses constraints on embeddings"),
    "SpectralNormalization": (
        "trains returns",
        "Keras 3 keeps what its layer puts into the kernel while it trains; tf_keras cannot open its own SavedModel",
    ),
    "LSTM-2": ("trains returns", "Keras 3 on JAX does not carry the states of a stateful layer from step to step"),
    "application-ResNetRS": (
        "opens",
        "bn_momentum=0 normalizes by the last batch alone: a last bit of input moves tf_keras' own predictions by 7e-5",
    ),
    "policy-bfloat16": ("returns", "tf_keras cannot read bfloat16 from HDF5, its own neither"),
    "policy-float64": ("opens trains returns", "JAX computes in float32 unless jax_enable_x64 is set"),
}


def expected_failures(names: Iterable[str], shown: str) -> list[Any]:
    """The names as parameters of a test; those that are known to fail it are strict xfails."""
    return [pytest.param(name, marks=_marks(name, shown)) for name in names]


def exception(name: str) -> tuple[str, str] | None:
    """What does not hold of a case, and why; None where all does."""
    return EXCEPTIONS.get(name) or EXCEPTIONS.get(name.rpartition("-")[0])


def _marks(name: str, shown: str) -> list[pytest.MarkDecorator]:
    found = exception(name)
    if found is None or shown not in found[0].split():
        return []
    return [pytest.mark.xfail(strict=True, reason=found[1])]
