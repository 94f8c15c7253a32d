"""The examples of the tf.keras documentation, as written there, with ``register()`` before them.

Source: ``tf.keras.Model.save``, ``tf.keras.models.save_model``, ``tf.keras.layers.Layer.set_weights`` and
``get_weights``. TensorFlow's helpers (``tf.random.uniform``, ``tf.constant``) are replaced by Keras 3's.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

import reinstate

pytestmark = pytest.mark.oldest


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    reinstate.register()
    yield
    reinstate.unregister()


@pytest.mark.filterwarnings("ignore::reinstate.LossyWarning")
@pytest.mark.filterwarnings("ignore:the model was saved without compile settings")
@pytest.mark.filterwarnings("ignore:Do not pass an `input_shape`")
@pytest.mark.parametrize("arguments", [{}, {"save_format": "h5"}, {"save_format": "tf"}])
def test_save_and_load_model(arguments: dict[str, str]) -> None:
    model = keras.Sequential([keras.layers.Dense(5, input_shape=(3,)), keras.layers.Softmax()])
    model.save("/".join([".", "tmp", "model"]), **arguments)
    loaded_model = keras.models.load_model("./tmp/model")
    x = keras.random.uniform((10, 3))
    assert np.allclose(model.predict(x), loaded_model.predict(x))


@pytest.mark.filterwarnings("ignore::reinstate.LossyWarning")
def test_keras_models_save_model() -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(5), keras.layers.Softmax()])
    model.compile("adam", "mse")
    keras.models.save_model(model, "model.h5")
    loaded_model = keras.models.load_model("model.h5")
    x = keras.random.uniform((10, 3))
    assert np.allclose(model.predict(x), loaded_model.predict(x))
    assert loaded_model.compiled


def test_get_and_set_weights() -> None:
    layer_a = keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(1.0))
    layer_a(keras.ops.convert_to_tensor([[1.0, 2.0, 3.0]]))
    layer_a.get_weights()
    layer_b = keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(2.0))
    layer_b(keras.ops.convert_to_tensor([[10.0, 20.0, 30.0]]))
    layer_b.set_weights(layer_a.get_weights())
    assert [w.tolist() for w in layer_b.get_weights()] == [[[1.0], [1.0], [1.0]], [0.0]]


@pytest.mark.parametrize("path", ["./checkpoints/my_checkpoint", "weights.h5"])
def test_save_and_load_weights(path: str) -> None:
    def create_model() -> keras.Model:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="relu"), keras.layers.Dense(2)])
        model.compile("adam", "mse")
        return model

    model = create_model()
    model.fit(np.ones((8, 4)), np.zeros((8, 2)), verbose=0)
    model.save_weights(path)
    other = create_model()
    other.load_weights(path)
    for mine, theirs in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_unregister_gives_keras_its_own_back() -> None:
    reinstate.unregister()
    assert keras.models.load_model.__module__.startswith("keras.")
    assert keras.Model.save.__module__.startswith("keras.")
