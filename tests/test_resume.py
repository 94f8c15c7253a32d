"""``fit`` equals ``fit``, save, load, ``fit``: bit for bit, dropout included, in every format."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import reinstate

PATHS = {"tf": "model", "h5": "model.h5", "keras": "model.keras"}
OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(3e-3, amsgrad=True),
    "sgd": lambda: keras.optimizers.SGD(1e-2, momentum=0.9, nesterov=True),
    "rmsprop": lambda: keras.optimizers.RMSprop(1e-3, momentum=0.4, centered=True),
    "adamw": lambda: keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(1e-2, 30)),
    "adam accumulated": lambda: keras.optimizers.Adam(1e-3, gradient_accumulation_steps=2),
    "nadam": lambda: keras.optimizers.Nadam(1e-3),
    "adafactor": lambda: keras.optimizers.Adafactor(1e-2),
    "lion": lambda: keras.optimizers.Lion(1e-3, weight_decay=1e-2),
}

OLDEST = {("tf", "adam"), ("h5", "nadam"), ("keras", "adamw")}  # what runs with the oldest Keras, too


def build(optimizer: str) -> keras.Model:
    """Dropout, noise, a recurrent dropout and a normalization: all that keeps state between steps."""
    keras.utils.set_random_seed(3)
    layers = keras.layers
    inputs = keras.Input((6, 5))
    x = layers.GaussianNoise(0.1)(inputs)
    x = layers.LSTM(8, dropout=0.2, recurrent_dropout=0.2)(x)
    x = keras.Sequential([keras.Input((8,)), layers.Dense(8), layers.BatchNormalization(), layers.Dropout(0.3)])(x)
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
    model.compile(OPTIMIZERS[optimizer](), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def fit(model: keras.Model) -> list[float]:
    random = np.random.default_rng(0)
    x, y = random.normal(size=(24, 6, 5)).astype("float32"), random.integers(0, 3, 24)
    history = model.fit(x, y, batch_size=8, epochs=1, shuffle=False, verbose=0).history
    return [*history["loss"], *history["accuracy"]]


@pytest.mark.filterwarnings("ignore::reinstate.LossyWarning")
@pytest.mark.parametrize(
    ("save_format", "optimizer"),
    [
        pytest.param(save_format, optimizer, marks=[pytest.mark.oldest] if (save_format, optimizer) in OLDEST else [])
        for save_format in PATHS
        for optimizer in OPTIMIZERS
    ],
)
def test_training_goes_on_as_if_nothing_had_happened(tmp_path: Path, save_format: str, optimizer: str) -> None:
    model = build(optimizer)
    fit(model)
    path = tmp_path / PATHS[save_format]
    reinstate.save_model(model, path)
    loaded = reinstate.load_model(path)
    assert fit(loaded) == fit(model)
    assert len(loaded.variables) == len(model.variables)
    for mine, other in zip(loaded.variables, model.variables, strict=True):
        np.testing.assert_array_equal(mine.value, other.value, err_msg=other.path)
    assert len(loaded.optimizer.variables) == len(model.optimizer.variables)
    for mine, other in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(mine.value, other.value, err_msg=other.path)


@pytest.mark.parametrize("save_format", ["tf", pytest.param("h5", marks=pytest.mark.oldest)])
def test_metrics_go_on_where_they_were(tmp_path: Path, save_format: str) -> None:
    model = build("adam")
    random = np.random.default_rng(1)
    x, y = random.normal(size=(8, 6, 5)).astype("float32"), random.integers(0, 3, 8)
    model.train_on_batch(x, y)
    path = tmp_path / PATHS[save_format]
    reinstate.save_model(model, path, save_traces=False)
    loaded = reinstate.load_model(path)
    assert loaded.get_metrics_result() == model.get_metrics_result()
    assert loaded.train_on_batch(x, y) == model.train_on_batch(x, y)


@pytest.mark.parametrize("save_format", ["tf", "h5"])
def test_frozen_layers_stay_frozen(tmp_path: Path, save_format: str) -> None:
    model = build("adam")
    model.layers[3].layers[0].trainable = False
    model.compile("adam", "sparse_categorical_crossentropy")
    fit_without_metrics = model.train_on_batch(np.zeros((2, 6, 5), "float32"), np.zeros(2))
    path = tmp_path / PATHS[save_format]
    reinstate.save_model(model, path, save_traces=False)
    loaded = reinstate.load_model(path)
    assert [v.trainable for v in loaded.weights] == [v.trainable for v in model.weights]
    assert fit_without_metrics is not None
    for mine, other in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(mine.value, other.value, err_msg=other.path)
