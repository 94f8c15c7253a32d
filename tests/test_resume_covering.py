"""A covering set of layers, optimizers and formats: training goes on bit for bit after a save and a load.

Every optimizer meets every format, and so does every model; each optimizer meets three of the models in turn. These
hold the layers that keep state or draw numbers; what one step leaves behind shows in the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
import pytest

import reinstate
import reinstate.layers
from reinstate.live.objects import OWN_OBJECTS

PATHS = {"tf": "model", "h5": "model.h5", "keras": "model.keras"}
pytestmark = pytest.mark.filterwarnings("ignore::reinstate.LossyWarning")


def images() -> list[Any]:
    layers = keras.layers
    return [
        keras.Input((6, 6, 2)),
        layers.Conv2D(3, 2, kernel_regularizer="l2"),
        layers.BatchNormalization(),
        layers.SpatialDropout2D(0.3),
        layers.DepthwiseConv2D(2, depthwise_constraint=keras.constraints.MaxNorm(1.0)),
        layers.Flatten(),
    ]


def sequences() -> list[Any]:
    layers = keras.layers
    return [
        keras.Input((5,), dtype="int32"),
        layers.Embedding(7, 3, mask_zero=True),
        layers.Bidirectional(layers.GRU(2, dropout=0.2)),
    ]


def attentive() -> keras.Model:
    layers = keras.layers
    x = keras.Input((4, 3))
    y = layers.MultiHeadAttention(2, 2, dropout=0.2)(x, x)
    y = layers.LayerNormalization()(layers.Add()([x, y]))
    return keras.Model(x, layers.Dense(2)(layers.Flatten()(layers.GaussianNoise(0.1)(y))))


def vectors() -> list[Any]:
    layers = keras.layers
    return [
        keras.Input((6,)),
        layers.GaussianDropout(0.2),
        layers.SpectralNormalization(layers.Dense(4, activation="selu")),
        layers.GroupNormalization(2),
        keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.Dropout(0.3)]),
    ]


def dropped() -> list[Any]:
    return [
        keras.Input((6, 2)),
        reinstate.layers.LocallyConnected1D(3, 2),
        reinstate.layers.GeneralBatchNormalization(renorm=True),
        reinstate.layers.ThresholdedReLU(0.1),
        keras.layers.Flatten(),
    ]


MODELS: dict[str, Callable[[], Any]] = {
    each.__name__: each for each in (images, sequences, attentive, vectors, dropped)
}


def _own(name: str) -> Any:
    return OWN_OBJECTS[f"reinstate>{name}"]


OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "Adadelta": lambda: keras.optimizers.Adadelta(0.5),
    "Adafactor": lambda: keras.optimizers.Adafactor(1e-2),
    "Adagrad": lambda: keras.optimizers.Adagrad(1e-2, clipnorm=1.0),
    "Adam": lambda: keras.optimizers.Adam(1e-2, amsgrad=True),
    "AdamW": lambda: keras.optimizers.AdamW(keras.optimizers.schedules.ExponentialDecay(1e-2, 2, 0.5)),
    "Adamax": lambda: keras.optimizers.Adamax(1e-2, use_ema=True, ema_overwrite_frequency=3),
    "Ftrl": lambda: keras.optimizers.Ftrl(1e-2, l1_regularization_strength=1e-3),
    "LegacyAdagrad": lambda: _own("LegacyAdagrad")(1e-2),
    "LegacyNadam": lambda: _own("LegacyNadam")(1e-2),
    "LegacyRMSprop": lambda: _own("LegacyRMSprop")(1e-2, centered=True),
    "Lion": lambda: keras.optimizers.Lion(1e-3, weight_decay=1e-2),
    "LossScaleOptimizer": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-2), 8.0, 2),
    "Nadam": lambda: keras.optimizers.Nadam(1e-2, global_clipnorm=1.0),
    "RMSprop": lambda: keras.optimizers.RMSprop(1e-2, momentum=0.5, gradient_accumulation_steps=2),
    "SGD": lambda: keras.optimizers.SGD(1e-2, momentum=0.9, nesterov=True, clipvalue=0.5),
}

COVERING = [
    (list(MODELS)[(i + j + i // len(MODELS)) % len(MODELS)], optimizer, form)
    for i, optimizer in enumerate(OPTIMIZERS)
    for j, form in enumerate(PATHS)
]


@pytest.fixture(autouse=True)
def _compiled_in_haste() -> Iterator[None]:
    """Steps are taken a few times only: do not let XLA spend seconds on making them fast."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


def build(name: str, optimizer: str) -> keras.Model:
    keras.utils.set_random_seed(7)
    made = MODELS[name]()
    model = made if isinstance(made, keras.Model) else keras.Sequential([*made, keras.layers.Dense(2)])
    model.compile(OPTIMIZERS[optimizer](), "mse", metrics=[keras.metrics.MeanAbsoluteError()])
    return model


def step(model: keras.Model, seed: int) -> list[float]:
    random = np.random.RandomState(seed)
    given = model.inputs[0]
    shape = (4, *given.shape[1:])
    x = random.randint(0, 7, shape) if given.dtype == "int32" else random.normal(size=shape).astype("float32")
    return model.train_on_batch(x, random.normal(size=(4, 2)).astype("float32"))


@pytest.mark.parametrize(("name", "optimizer", "form"), COVERING)
def test_the_next_steps_are_those_of_the_model_that_was_saved(tmp_path: Path, name, optimizer, form) -> None:
    model = build(name, optimizer)
    for seed in range(3):
        step(model, seed)
    path = tmp_path / PATHS[form]
    reinstate.save_model(model, path, save_traces=form != "tf")
    loaded = reinstate.load_model(path)
    for each in (loaded, model):
        each.reset_metrics()
    assert [step(loaded, seed) for seed in (3, 4)] == [step(model, seed) for seed in (3, 4)]
    for mine, other in ((loaded.variables, model.variables), (loaded.optimizer.variables, model.optimizer.variables)):
        assert len(mine) == len(other)
        for here, there in zip(mine, other, strict=True):
            np.testing.assert_array_equal(here.value, there.value, err_msg=there.path)
