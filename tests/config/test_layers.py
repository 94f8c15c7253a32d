"""Every layer, both ways: tf_keras' config builds it in Keras 3, and Keras 3's config builds it in tf_keras."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from reinstate.config import Context, down_model, up_model
from tests.config.keras3 import outputs_of, two_key
from tests.config.layer_cases import CASES, IDS

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("layers")


@pytest.fixture(scope="module")
def truths(oracle: Any, directory: Path) -> list[Any]:
    """The model config of every case, as tf_keras says it; inputs, weights and outputs are in files."""
    return oracle("config_layers.truths", cases=CASES, directory=str(directory))


@pytest.fixture(scope="module")
def models(truths: list[Any]) -> list[Any]:
    """The models that Keras 3 makes of them; an exception where one does not."""
    return [_built(truth) for truth in truths]


def _built(truth: Any) -> Any:
    try:
        config = up_model(truth, Context(keras_version="2.15.0"))
        return keras.saving.deserialize_keras_object(config)
    except Exception as error:
        return error


@pytest.fixture(scope="module")
def written(models: list[Any], oracle: Any) -> list[Any]:
    """What Keras 3's configs say in Keras 2, and what tf_keras says of the layers that it makes of that."""
    items = [_written(model) for model in models]
    answers = oracle("config_layers.layer_configs", items=items)
    return list(zip(items, answers, strict=True))


def _written(model: Any) -> Any:
    if isinstance(model, Exception):
        return {"class_name": "", "config": {}}
    context = Context()
    config = down_model(keras.saving.serialize_keras_object(model), context)
    assert context.losses == []
    item = config["config"]["layers"][-1]
    return {"class_name": item["class_name"], "config": item["config"]}


@pytest.mark.parametrize("index", range(len(CASES)), ids=IDS)
def test_keras3_computes_what_tf_keras_computed(
    index: int, truths: list[Any], models: list[Any], directory: Path
) -> None:
    assert "error" not in truths[index], truths[index]
    if isinstance(models[index], Exception):
        raise models[index]
    if CASES[index]["class_name"] == "RandomCrop":
        return  # Keras 3 (3.15) leaves the image as it is outside of training, tf_keras resizes it
    with np.load(directory / f"{index}.npz") as arrays:
        expected = [arrays[name] for name in arrays.files if name.startswith("y")]
        found = outputs_of(models[index], arrays)
    assert len(found) == len(expected)
    tolerance = 1e-2 if "bfloat16" in json.dumps(CASES[index]) else 1e-5
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


# What Keras 3 has no word for, and changes nothing in what the layer computes.
SAME_BUT: dict[str, set[str]] = {
    "Embedding": {"input_length", "batch_input_shape"},  # the InputLayer says it
    "LSTM": {"implementation"},  # which of two equal kernels
    "Normalization": {"batch_input_shape"},  # what adapt() saw
}


@pytest.mark.parametrize("index", range(len(CASES)), ids=IDS)
def test_tf_keras_reads_back_what_keras3_says(index: int, truths: list[Any], written: list[Any]) -> None:
    item, answer = written[index]
    if item["class_name"] == "SpectralNormalization":
        assert "'str' object" in answer["error"]  # tf_keras does not find this class of its own by name
        return
    original = truths[index]["config"]["layers"][-1]
    assert item["class_name"] == original["class_name"]
    ignored = SAME_BUT.get(item["class_name"], set())
    assert two_key(answer, ignored) == two_key(original["config"], ignored)


def test_tf_2_8_reads_them_too(written: list[Any], oracle_for: Any) -> None:
    items = [item for item, _ in written]
    answers = oracle_for("2.8")("config_layers.layer_configs", items=items)
    failed = {
        json.dumps(item): answer["error"] for item, answer in zip(items, answers, strict=True) if "error" in answer
    }
    # not in 2.8: these classes, functions and settings
    newer = (
        *("GroupNormalization", "Identity", "RandomBrightness", "SpectralNormalization", "UnitNormalization"),
        *("mish", "score_mode", "invert"),
    )
    assert [item for item, error in failed.items() if not any(name in error for name in newer)] == []
