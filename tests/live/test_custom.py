"""Layers and models of one's own, their class given: every format, ours and tf_keras', the state bit for bit."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import reinstate
from tests import observed
from tests.oracle import truth

pytestmark = pytest.mark.filterwarnings("ignore::reinstate.LossyWarning")


class Mixer(keras.layers.Layer):
    """A layer over a layer, with a weight, a counter, a list and a seed of its own."""

    def __init__(self, units: int, **keywords):
        super().__init__(**keywords)
        self.units = units
        self.inner = keras.layers.Dense(units, activation="tanh", name="inner")
        self.stages = [keras.layers.Dense(units, name=f"stage_{i}") for i in range(2)]
        self.drop = keras.layers.Dropout(0.3, name="drop")

    def build(self, input_shape):
        self.scale = self.add_weight(name="scale", shape=(self.units,), initializer="random_normal")
        self.count = self.add_weight(name="count", shape=(), initializer="zeros", trainable=False)
        self.inner.build(input_shape)
        for stage in self.stages:
            stage.build((*input_shape[:-1], self.units))
        self.built = True

    def call(self, x, training=None):
        if training:
            self.count.assign_add(1.0)
        x = self.inner(x)
        for stage in self.stages:
            x = stage(x)
        return self.drop(x, training=training) * self.scale

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="tests")
class Registered(Mixer):
    """The same, known to Keras by its name."""


class Pair(keras.Model):
    """A subclassed model: two attributes, a dictionary of layers, a weight of its own."""

    def __init__(self, units: int = 4, **keywords):
        super().__init__(**keywords)
        self.units = units
        self.first = Mixer(units, name="first")
        self.heads = {"mean": keras.layers.Dense(1, name="mean"), "spread": keras.layers.Dense(1, name="spread")}
        self.offset = self.add_weight(name="offset", shape=(1,), initializer="random_normal")

    def build(self, input_shape):
        self.first.build(input_shape)
        for head in self.heads.values():
            head.build((*input_shape[:-1], self.units))
        self.built = True

    def call(self, x, training=None):
        x = self.first(x, training=training)
        return self.heads["mean"](x) + self.heads["spread"](x) + self.offset

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(package="tests")
class RegisteredPair(Pair):
    """The same, known to Keras by its name."""


def functional(layer: type[Mixer]) -> keras.Model:
    keras.utils.set_random_seed(5)
    seen = keras.Input((3,))
    return compiled(keras.Model(seen, keras.layers.Dense(1, name="out")(layer(4, name="mixer")(seen))))


def subclassed(model: type[Pair]) -> keras.Model:
    keras.utils.set_random_seed(5)
    return compiled(model(4, name="pair"))


def compiled(model: keras.Model) -> keras.Model:
    model.compile("adam", "mse")
    step(model, 0)
    return model


def step(model: keras.Model, seed: int) -> float:
    random = np.random.default_rng(seed)
    x, y = random.normal(size=(6, 3)).astype("float32"), random.normal(size=(6, 1)).astype("float32")
    model.reset_metrics()  # Keras 3.10 keeps their state out of .keras archives
    return model.train_on_batch(x, y)


CASES = {
    "layer given": (lambda: functional(Mixer), {"Mixer": Mixer}),
    "layer registered": (lambda: functional(Registered), None),
    "model given": (lambda: subclassed(Pair), {"Pair": Pair}),
    "model registered": (lambda: subclassed(RegisteredPair), None),
}


def assert_same(loaded: keras.Model, model: keras.Model) -> None:
    """All state, seeds and slots too, and one more step with dropout."""
    assert type(loaded) is type(model)
    for _ in range(2):
        for mine, other in (
            (loaded.variables, model.variables),
            (loaded.optimizer.variables, model.optimizer.variables),
        ):
            assert len(mine) == len(other) > 1
            for variable, expected in zip(mine, other, strict=True):
                np.testing.assert_array_equal(variable.value, expected.value, err_msg=expected.path)
        assert step(loaded, 1) == step(model, 1)


@pytest.mark.oldest
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("form", ["model", "model.h5", "model.keras"])
def test_a_whole_model_comes_back(tmp_path: Path, form: str, name: str) -> None:
    build, custom_objects = CASES[name]
    model = build()
    reinstate.save_model(model, tmp_path / form)
    assert_same(reinstate.load_model(tmp_path / form, custom_objects), model)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("form", ["weights", "weights.h5"])
def test_weights_come_back(tmp_path: Path, form: str, name: str) -> None:
    model, other = CASES[name][0](), CASES[name][0]()
    step(other, 7)
    reinstate.save_weights(model, tmp_path / form)
    reinstate.load_weights(other, tmp_path / form)
    for mine, theirs in zip(other.weights, model.weights, strict=True):
        np.testing.assert_array_equal(mine.value, theirs.value, err_msg=theirs.path)
    if form == "weights":
        assert observed.number(other.optimizer.iterations) == 1


@pytest.mark.parametrize("form", ["model", "model.h5"])
def test_without_its_class_the_error_names_it(tmp_path: Path, form: str) -> None:
    reinstate.save_model(functional(Mixer), tmp_path / form)
    with pytest.raises(reinstate.ReinstateError, match="Mixer"):
        reinstate.load_model(tmp_path / form)


class Gate(keras.layers.Layer):
    """What tests/oracle/scripts/custom.py has for tf.keras."""

    def __init__(self, units: int, **keywords):
        super().__init__(**keywords)
        self.units = units
        self.inner = keras.layers.Dense(units, activation="tanh", name="inner")

    def build(self, input_shape):
        self.scale = self.add_weight(name="scale", shape=(self.units,), initializer="ones")
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros", trainable=False)
        self.inner.build(input_shape)
        self.built = True

    def call(self, x):
        return self.inner(x) * self.scale + self.bias

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class GatedModel(keras.Model):
    """The subclassed model of tests/oracle/scripts/custom.py."""

    def __init__(self, units: int = 4, **keywords):
        super().__init__(**keywords)
        self.units = units
        self.first, self.second = Gate(units, name="gate_0"), Gate(units, name="gate_1")
        self.gates = [self.first, self.second]
        self.out = keras.layers.Dense(1, name="out")

    def build(self, input_shape):
        for gate in self.gates:
            gate.build(input_shape)
            input_shape = (*input_shape[:-1], self.units)
        self.out.build(input_shape)
        self.built = True

    def call(self, x):
        for gate in self.gates:
            x = gate(x)
        return self.out(x)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@pytest.mark.parametrize("package", [None, "mine"])
@pytest.mark.parametrize("form", ["model", "model.h5"])
def test_a_layer_of_tf_keras_is_opened_with_a_class_of_keras_3(oracle, tmp_path: Path, form: str, package: str) -> None:
    out = tmp_path / "truth.npz"
    oracle("custom.write", path=str(tmp_path / form), kind="functional", package=package, out=str(out))
    with np.load(out) as file:
        arrays = dict(file)
    model = reinstate.load_model(tmp_path / form, {"Gate" if package is None else f"{package}>Gate": Gate})
    assert_as_there(model, arrays)


def test_a_subclassed_model_of_tf_keras_is_opened_with_classes_of_keras_3(oracle, tmp_path: Path) -> None:
    out = tmp_path / "truth.npz"
    oracle("custom.write", path=str(tmp_path / "model"), kind="subclassed", package=None, out=str(out))
    with np.load(out) as file:
        arrays = dict(file)
    model = reinstate.load_model(tmp_path / "model", {"Gate": Gate, "GatedModel": GatedModel})
    assert isinstance(model, GatedModel)
    assert_as_there(model, arrays)


def assert_as_there(model: keras.Model, arrays: observed.Arrays) -> None:
    observed.assert_same_state(model, arrays)
    observed.assert_predicts(model, arrays)
    np.testing.assert_allclose(observed.train_more(model, arrays), arrays["more/losses"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("form", ["model", "model.h5"])
def test_a_layer_of_keras_3_is_opened_with_a_class_of_tf_keras(oracle, tmp_path: Path, form: str) -> None:
    keras.utils.set_random_seed(5)
    seen = keras.Input((3,))
    model = compiled(keras.Model(seen, keras.layers.Dense(1, name="out")(Gate(4, name="gate")(seen))))
    reinstate.save_model(model, tmp_path / form)
    random = np.random.default_rng(2)
    x = random.normal(size=(6, 3)).astype("float32")
    following = [([x], [random.normal(size=(6, 1)).astype("float32")]) for _ in range(2)]
    batches, out = truth.inputs([x], following), tmp_path / "found.npz"
    np.savez(tmp_path / "batches.npz", **batches)
    oracle("custom.read", path=str(tmp_path / form), batches=str(tmp_path / "batches.npz"), out=str(out))
    with np.load(out) as file:
        found = {**dict(file), **batches}
    weights = {key: value for key, value in found.items() if key.startswith("weight/")}
    observed.assert_same_state(model, weights)
    observed.assert_predicts(model, found)
