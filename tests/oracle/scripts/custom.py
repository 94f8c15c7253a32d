"""A layer and a model of one's own in tf.keras: saved, and opened."""

import numpy as np

from tests.oracle import truth
from tests.oracle.models import resolve_keras


def _classes(package=None):
    """The classes ``Gate`` and ``GatedModel``, registered where a package is given."""
    keras = resolve_keras()

    class Gate(keras.layers.Layer):
        def __init__(self, units, **keywords):
            super().__init__(**keywords)
            self.units = units
            self.inner = keras.layers.Dense(units, activation="tanh", name="inner")

        def build(self, input_shape):
            self.scale = self.add_weight(name="scale", shape=(self.units,), initializer="ones")
            self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros", trainable=False)
            super().build(input_shape)

        def call(self, x):
            return self.inner(x) * self.scale + self.bias

        def get_config(self):
            return dict(super().get_config(), units=self.units)

    class GatedModel(keras.Model):
        def __init__(self, units=4, **keywords):
            super().__init__(**keywords)
            self.units = units
            self.first, self.second = Gate(units, name="gate_0"), Gate(units, name="gate_1")
            self.gates = [self.first, self.second]
            self.out = keras.layers.Dense(1, name="out")

        def call(self, x):
            for gate in self.gates:
                x = gate(x)
            return self.out(x)

        def get_config(self):
            return {"name": self.name, "units": self.units}

    if package is not None:
        keras.utils.register_keras_serializable(package)(Gate)
    return Gate, GatedModel


def _batch(seed):
    generator = np.random.RandomState(seed)
    return [generator.normal(size=(6, 3)).astype("float32")], [generator.normal(size=(6, 1)).astype("float32")]


def write(path, kind, package, out):
    """Train a ``functional`` or ``subclassed`` model and save it; the truth, and that of two more steps, to ``out``."""
    keras = resolve_keras()
    keras.backend.clear_session()
    keras.utils.set_random_seed(7)
    gate, gated_model = _classes(package)
    if kind == "functional":
        seen = keras.Input((3,), name="seen")
        model = keras.Model(seen, keras.layers.Dense(1, name="last")(gate(4, name="gate")(seen)))
    else:
        model = gated_model(4, name="gated")
    model.compile("adam", "mse")
    truth.train(model, [_batch(seed) for seed in range(3)])
    model.save(path)
    x, _ = _batch(truth.PREDICTED)
    following = [_batch(truth.TRAINED_AFTER + i) for i in range(truth.STEPS_AFTER)]
    found = dict(truth.state(model), **truth.inputs(x, following))
    found.update(truth.predictions(model, x))
    found.update(truth.more(model, x, following))
    np.savez(out, **found)


def read(path, batches, out):
    """Open a model with ``Gate`` given; its weights and predictions."""
    gate, _ = _classes()
    model = resolve_keras().models.load_model(path, custom_objects={"Gate": gate})
    with np.load(batches) as file:
        x, _ = truth.batches_of(dict(file))
    np.savez(out, **truth.weights(model), **truth.predictions(model, x))
