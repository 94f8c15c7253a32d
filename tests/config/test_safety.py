"""What a Keras 3 config may name."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from keras import layers

from reinstate.config import Context, check_keras3
from reinstate.errors import UnsafeError


def _object(module: Any, class_name: Any, config: Any = None, registered_name: Any = None) -> dict[str, Any]:
    return {"module": module, "class_name": class_name, "config": config or {}, "registered_name": registered_name}


@pytest.mark.parametrize(
    "item",
    [
        _object("os", "system"),
        _object("builtins", "exec"),
        _object("keras.utils", "get_file"),
        _object("keras.config", "enable_unsafe_deserialization"),
        _object("keras.src.utils.file_utils", "File"),
        _object("keras.layers", "Lambda", {"function": {"class_name": "__lambda__", "config": {"code": "x"}}}),
        _object("keras.layers", "Lambda", {"function": _object("os", "function", "system", "system")}),
        _object("keras.layers", "TorchModuleWrapper"),
        _object("keras.layers", "TFSMLayer"),
        _object(None, "Unknown"),
        _object("keras.src.ops.numpy", "lower"),
        _object("keras.layers", ["Dense"]),
        _object("numpy", "function", "load", "load"),
        _object("builtins", "function", "eval", "eval"),
        {"class_name": "__lambda__", "config": {"value": "x"}},
        {"class_name": "__typespec__", "module": "tensorflow", "config": []},
        {"class_name": "Dense", "config": {}},
        _object("keras.evil", "Mine", registered_name="other>Mine"),
    ],
)
def test_what_is_not_a_part_of_a_model_is_refused(item: dict[str, Any]) -> None:
    config = _object("keras", "Sequential", {"layers": [_object("keras.layers", "Dense", {"units": item})]})
    with pytest.raises(UnsafeError):
        check_keras3(config, Context(custom={"Mine": None}))


def test_deep_nesting_is_refused_before_it_exhausts_the_stack() -> None:
    config: Any = {}
    for _ in range(5000):
        config = {"x": config}
    with pytest.raises(UnsafeError, match="levels"):
        check_keras3(config, Context())


def test_models_of_keras_pass() -> None:
    x = keras.Input((4,), dtype="int32")
    hidden = layers.LSTM(2, kernel_regularizer="l2", activation="relu")(layers.Embedding(5, 3, mask_zero=True)(x))
    model = keras.Model(x, keras.ops.mean(hidden) + 1)
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    check_keras3(keras.saving.serialize_keras_object(model), Context())


def test_the_callers_own_pass_with_what_they_hold() -> None:
    inner = {"class_name": "GlorotUniform", "config": {"seed": None}}
    check_keras3(_object(None, "Mine", {"initializer": inner}, "Mine"), Context(custom={"Mine": None}))
    check_keras3(_object("x", "function", "f", "f"), Context(custom={"f": None}))
