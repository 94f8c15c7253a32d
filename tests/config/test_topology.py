"""How models are wired, both ways, against tf_keras."""

from __future__ import annotations

import copy
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import reinstate.live.objects  # noqa: F401 - registers the layers that Keras 3 lacks
from reinstate.config import Context, down_model, up_model
from reinstate.errors import UnsafeError, UnsupportedError
from tests.config.keras3 import outputs_of, two_key
from tests.oracle.scripts.config_layers import TOPOLOGIES

NAMES = list(TOPOLOGIES)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("topologies")


@pytest.fixture(scope="module")
def truths(oracle: Any, directory: Path) -> dict[str, Any]:
    return dict(zip(NAMES, oracle("config_layers.topologies", names=NAMES, directory=str(directory)), strict=True))


def _up(config: Any, **known: Any) -> Any:
    return keras.saving.deserialize_keras_object(up_model(config, Context(**known)))


def _down(model: Any, context: Context | None = None) -> Any:
    return down_model(keras.saving.serialize_keras_object(model), context or Context())


def _close(found: Any, arrays: Any, name: str) -> None:
    expected = [arrays[key] for key in arrays.files if key.startswith("y")]
    tolerance = 2e-2 if name == "mixed_precision" else 1e-5
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_models_go_up_and_compute_the_same(name: str, truths: dict[str, Any], directory: Path) -> None:
    before = copy.deepcopy(truths[name])
    model = _up(truths[name])
    assert truths[name] == before
    with np.load(directory / f"{name}.npz") as arrays:
        _close(outputs_of(model, arrays), arrays, name)


@pytest.mark.parametrize("name", NAMES)
def test_models_go_down_and_compute_the_same(name: str, truths: dict[str, Any], directory: Path, oracle: Any) -> None:
    config = _down(_up(truths[name]))
    path = directory / f"{name}.npz"
    answer = oracle("config_layers.model_outputs", config=config, path=str(path))
    with np.load(path) as arrays:
        _close(answer["outputs"], arrays, name)
    if name != "slashes":  # names that Keras 3 does not allow come back without the slash
        assert _wiring(answer["config"]) == _wiring(truths[name])


def _wiring(config: Any) -> Any:
    config = two_key(config["config"])
    nodes = [(item["config"].get("name"), item.get("inbound_nodes")) for item in config["layers"]]
    return nodes, config.get("input_layers"), config.get("output_layers")


def test_names_with_slashes_are_mapped_and_stay_distinct(truths: dict[str, Any]) -> None:
    context = Context()
    model = keras.saving.deserialize_keras_object(up_model(truths["slashes"], context))
    assert context.renamed == {"in/put": "in_put", "block/a": "block_a_1"}
    assert [layer.name for layer in model.layers] == ["in_put", "block_a_1", "block_a"]
    assert model.name == "my_model"


def test_a_fixed_training_argument_is_noted(truths: dict[str, Any]) -> None:
    context = Context()
    up_model(truths["training_fixed"], context)
    assert len(context.losses) == 1
    assert "training=False" in context.losses[0]


def _functional(*items: tuple[str, dict[str, Any], Any]) -> dict[str, Any]:
    made: list[dict[str, Any]] = [
        {
            "class_name": "InputLayer",
            "name": "x",
            "inbound_nodes": [],
            "config": {"batch_input_shape": [None, 3], "name": "x"},
        }
    ]
    for name, config, nodes in items:
        made.append(
            {
                "class_name": name,
                "name": name.lower(),
                "config": {"name": name.lower(), **config},
                "inbound_nodes": nodes,
            }
        )
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [[items[-1][0].lower(), 0, 0]]}
    return {"class_name": "Functional", "config": {"name": "m", "layers": made, **ends}}


X = [[["x", 0, 0, {}]]]


def test_everything_that_cannot_be_translated_is_named() -> None:
    config = _functional(
        ("TFOpLambda", {"function": "io.read_file"}, [["x", 0, 0, {}]]),
        ("DenseFeatures", {}, X),
        ("Mine", {}, X),
        ("Dense", {"units": 2, "unit": 3, "activation": "mine"}, X),
        ("LSTM", {"units": 2, "wings": 2}, [[["gone", 0, 0, {}]]]),
    )
    with pytest.raises(UnsupportedError) as caught:
        up_model(config, Context())
    text = str(caught.value)
    for part in ("io.read_file", "DenseFeatures", "'Mine'", "'unit'", "'mine'", "'wings'", "'gone'"):
        assert part in text, part
    assert len(caught.value.offenders) == 7


def test_lambda_bytecode_is_refused_in_a_nested_model() -> None:
    inner = _functional(("Lambda", {"function": ["4wEAAAA=", None, None], "function_type": "lambda"}, X))
    outer = _functional(("Functional", inner["config"] | {"name": "functional"}, X))
    with pytest.raises(UnsupportedError, match="functional > lambda > function is Python bytecode"):
        up_model(outer, Context())


def test_a_function_of_the_callers_may_be_a_lambda() -> None:
    config = _functional(("Lambda", {"function": "double", "function_type": "function", "arguments": {}}, X))
    model = up_model(config, Context(custom={"double": None}))
    assert model["config"]["layers"][1]["config"]["function"]["registered_name"] == "double"


@pytest.mark.parametrize(
    "value",
    [
        {"class_name": "__lambda__", "config": {"value": "x"}},
        {"module": "keras.utils", "class_name": "get_file", "config": {}},
        {"module": "keras.layers", "class_name": "TFSMLayer", "config": {"filepath": "/x"}},
        {"class_name": "function", "module": "builtins", "config": "exec", "registered_name": "exec"},
    ],
)
def test_call_arguments_cannot_name_code(value: dict[str, Any]) -> None:
    config = _functional(("Dense", {"units": 2}, [[["x", 0, 0, {"mask": value}]]]))
    with pytest.raises(UnsafeError):
        up_model(config, Context())


def test_old_sequential_models_get_their_input_layer() -> None:
    dense = {
        "class_name": "Dense",
        "config": {"name": "d", "units": 2, "batch_input_shape": [None, 3], "dtype": "float32"},
    }
    for config in ([dense], {"name": "old", "layers": [dense]}):  # Keras 2.0, and 2.3
        model = _up({"class_name": "Sequential", "config": config})
        assert model.built
        assert [layer.name for layer in model.layers] == ["d"]
        assert model.inputs[0].name == "d_input"
        assert model.layers[0].kernel.shape == (3, 2)


def test_a_sequential_that_was_never_built_stays_so() -> None:
    model = _up(_down(keras.Sequential([layers.Dense(2)])))
    assert not model.built


def test_causal_attention_of_old_versions_becomes_an_argument_of_the_call() -> None:
    nodes = [[["x", 0, 0, {}], ["x", 0, 0, {}]]]
    model = up_model(_functional(("Attention", {"causal": True}, nodes)), Context())
    assert model["config"]["layers"][1]["inbound_nodes"][0]["kwargs"] == {"use_causal_mask": True}


def test_old_spellings() -> None:
    config = _functional(
        ("BatchNormalizationV1", {"axis": [1], "fused": None, "virtual_batch_size": None}, X),
        (
            "Dense",
            {"units": 2, "kernel_initializer": {"class_name": "GlorotUniformV2", "config": {"dtype": "float32"}}},
            X,
        ),
        ("GRUV2", {"units": 2, "implementation": 2}, X),
        ("CuDNNGRU", {"units": 2}, X),
        ("LeakyReLU", {"alpha": {"type": "ndarray", "value": 0.25}, "dtype": None}, X),
        ("CategoryEncoding", {"max_tokens": 4, "output_mode": "binary", "sparse": False}, X),
    )
    _, batch, dense, gru, fast, leaky, encoding = up_model(config, Context())["config"]["layers"]
    assert (batch["class_name"], batch["config"]["axis"]) == ("BatchNormalization", 1)
    assert dense["config"]["kernel_initializer"]["class_name"] == "GlorotUniform"
    assert (gru["class_name"], gru["config"]["reset_after"], fast["config"]["reset_after"]) == ("GRU", False, True)
    assert leaky["config"]["negative_slope"] == 0.25
    assert (encoding["config"]["num_tokens"], encoding["config"]["output_mode"]) == (4, "multi_hot")


def test_custom_layers_pass_both_ways() -> None:
    @keras.saving.register_keras_serializable("mine", "Twice")
    class Twice(layers.Layer):
        def call(self, x: Any) -> Any:
            return 2 * x

    x = keras.Input((3,))
    config = _down(keras.Model(x, Twice(name="t")(x)))
    assert config["config"]["layers"][1]["class_name"] == "mine>Twice"
    for name in ("mine>Twice", "Twice"):
        config["config"]["layers"][1]["class_name"] = name
        assert isinstance(_up(config, custom={"mine>Twice": Twice}).layers[1], Twice)


def test_operations_of_keras_go_down_under_their_own_name_and_are_noted() -> None:
    x = keras.Input((3,))
    context = Context()
    middle = layers.RMSNormalization()(keras.ops.median(x, axis=-1, keepdims=True))
    config = _down(keras.Model(x, keras.ops.median(middle, axis=-1, keepdims=True) * 3), context)
    assert [loss.split(" > ")[-1].split(" is ")[0] for loss in context.losses] == [
        "keras.ops operation Median",
        "layer RMSNormalization",
        "keras.ops operation Median",
    ]
    model = _up(config)
    np.testing.assert_allclose(model(np.ones((1, 3))), np.full((1, 1), 3.0), rtol=1e-5)


def test_a_default_of_the_signature_is_not_written_as_if_the_user_had_said_it() -> None:
    x = keras.Input((4, 3))
    hidden = layers.Dropout(0.5)(layers.LSTM(2)(layers.GaussianNoise(0.1)(x)))
    for item in _down(keras.Model(x, hidden))["config"]["layers"][1:]:
        assert item["inbound_nodes"][0][0][3] == {}


def test_explicit_masks_made_of_operations_are_not_taken_for_implicit_ones() -> None:
    x = keras.Input((4,), dtype="int32")
    hidden = layers.Embedding(5, 3)(x)
    mask = keras.ops.not_equal(x, 0)
    context = Context()
    config = _down(keras.Model(x, layers.LSTM(2)(hidden, mask=mask)), context)
    assert context.losses == []
    assert config["config"]["layers"][-1]["inbound_nodes"][0][0][3] == {
        "mask": [mask._keras_history.operation.name, 0, 0]
    }


def test_a_thousand_layers_are_translated_in_no_time() -> None:
    nodes = [[["x", 0, 0, {}]]]
    dense = {
        "units": 3,
        "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}},
        "dtype": "float32",
    }
    config = _functional(("Dense", dense, nodes))
    item = config["config"]["layers"][1]
    config["config"]["layers"] += [
        item | {"name": f"d{i}", "config": item["config"] | {"name": f"d{i}"}} for i in range(999)
    ]
    best = min(_seconds(config) for _ in range(3))
    assert best < 0.1


def _seconds(config: Any) -> float:
    start = time.process_time()
    up_model(config, Context())
    return time.process_time() - start
