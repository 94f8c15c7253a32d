"""Keras 1's words for layers, in Keras 2's; what real Keras 1 wrote is in tests/test_golden_old.py."""

from __future__ import annotations

from typing import Any

import pytest

from reinstate.config.keras1 import from_keras1
from reinstate.config.keras1_training import training_from_keras1
from reinstate.config.lens import Context

DENSE = {"output_dim": 3, "init": "glorot_uniform", "activation": "linear", "bias": True, "input_dim": 4}


def up(class_name: str, config: dict[str, Any], *before: dict[str, Any]) -> tuple[dict[str, Any], Context]:
    context = Context("1.2.2")
    item = {"class_name": "Sequential", "config": [*before, {"class_name": class_name, "config": config}]}
    return from_keras1(item, context)["config"]["layers"][-1], context


# Layer, its config in Keras 1, its class in Keras 2 and what its config has there.
CASES = [
    ("Dense", DENSE, "Dense", {"units": 3, "use_bias": True, "kernel_initializer": "glorot_uniform"}),
    ("Dropout", {"p": 0.3}, "Dropout", {"rate": 0.3}),
    ("GaussianNoise", {"sigma": 0.1}, "GaussianNoise", {"stddev": 0.1}),
    ("LSTM", {"output_dim": 2, "forget_bias_init": "zero"}, "LSTM", {"units": 2, "unit_forget_bias": False}),
    ("Merge", {"mode": "concat", "concat_axis": 2}, "Concatenate", {"axis": 2}),
    ("Merge", {"mode": "ave"}, "Average", {}),
    ("Convolution3D", {"kernel_dim1": 1, "kernel_dim2": 2, "kernel_dim3": 3}, "Conv3D", {"kernel_size": [1, 2, 3]}),
    ("AtrousConvolution1D", {"atrous_rate": 2}, "Conv1D", {"dilation_rate": 2}),
    ("ZeroPadding2D", {"padding": [1, 2, 3, 4]}, "ZeroPadding2D", {"padding": [[1, 2], [3, 4]]}),
    ("ZeroPadding1D", {"padding": {"left_pad": 2}}, "ZeroPadding1D", {"padding": [2, 0]}),
    ("MaxPooling1D", {"pool_length": 2, "stride": 1}, "MaxPooling1D", {"pool_size": 2, "strides": 1}),
    (
        "Dense",
        {"W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.1}},
        "Dense",
        {"kernel_regularizer": {"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.1}}},
    ),
    (
        "Dense",
        {"b_constraint": {"name": "MaxNorm", "m": 2, "axis": 0}},
        "Dense",
        {"bias_constraint": {"class_name": "MaxNorm", "config": {"max_value": 2, "axis": 0}}},
    ),
    (  # the axes of the kernel are others today
        "Convolution2D",
        {"dim_ordering": "th", "W_constraint": {"name": "UnitNorm", "axis": [1, 2, 3]}},
        "Conv2D",
        {"kernel_constraint": {"class_name": "UnitNorm", "config": {"axis": [2, 0, 1]}}},
    ),
]


@pytest.mark.parametrize(("class_name", "config", "expected_class", "expected"), CASES)
def test_a_layer(class_name: str, config: dict[str, Any], expected_class: str, expected: dict[str, Any]) -> None:
    before = dict(config)
    layer, context = up(class_name, config)
    assert layer["class_name"] == expected_class
    assert {key: layer["config"].get(key) for key in expected} == expected
    assert config == before and not context.offenders and not context.losses


def test_the_order_of_dimensions_is_that_of_the_others() -> None:
    convolution = {"class_name": "Convolution2D", "config": {"dim_ordering": "th"}}
    assert up("UpSampling2D", {"size": [2, 2]}, convolution)[0]["config"]["data_format"] == "channels_first"
    assert up("UpSampling2D", {"size": [2, 2]})[0]["config"]["data_format"] == "channels_last"


REFUSED = [
    ("Merge", {"mode": ["code"], "mode_type": "lambda"}, "by a function"),
    ("Convolution1D", {"border_mode": "full"}, "border_mode='full'"),
    ("BatchNormalization", {"mode": 1}, "mode=1"),
    ("Dense", {"W_regularizer": {"name": "EigenvalueRegularizer", "k": 1}}, "'EigenvalueRegularizer'"),
    ("Dense", {"W_constraint": {"name": "Mine"}}, "'Mine'"),
]


@pytest.mark.parametrize(("class_name", "config", "text"), REFUSED)
def test_what_nothing_says_today_is_refused(class_name: str, config: dict[str, Any], text: str) -> None:
    _, context = up(class_name, config)
    assert len(context.offenders) == 1 and text in context.offenders[0]


def test_towers_become_one_graph() -> None:
    def tower(name: str) -> dict[str, Any]:
        dense = {"class_name": "Dense", "config": {**DENSE, "name": name, "batch_input_shape": [None, 4]}}
        return {"class_name": "Sequential", "config": [dense]}

    merge = {"class_name": "Merge", "config": {"name": "m", "mode": "sum", "layers": [tower("a"), tower("b")]}}
    last = {"class_name": "Dense", "config": {**DENSE, "name": "c"}}
    model = from_keras1({"class_name": "Sequential", "config": [merge, last]}, Context("1.2.2"))
    assert [layer["name"] for layer in model["config"]["layers"]] == ["a_input", "a", "b_input", "b", "m", "c"]
    assert model["config"]["layers"][4]["inbound_nodes"] == [[["a", 0, 0], ["b", 0, 0]]]
    assert model["config"]["input_layers"] == [["a_input", 0, 0], ["b_input", 0, 0]]
    assert model["config"]["output_layers"] == [["c", 0, 0]]


def test_metrics_that_keras_2_dropped_are_said() -> None:
    context = Context("1.2.2")
    config = {"loss": "mse", "metrics": ["acc", "fmeasure", "precision"]}
    assert training_from_keras1(config, context)["metrics"] == ["acc"]
    assert len(context.losses) == 2 and "fmeasure" in context.losses[0]
