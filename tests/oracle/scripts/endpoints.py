"""A functional model with ``add_loss`` and ``add_metric`` in real tf.keras."""

import os

import numpy as np

from tests.oracle import models, truth


def _model(keras, compiled_loss):
    layers = keras.layers
    keras.backend.clear_session()
    x = keras.Input((4,), name="x")
    hidden = layers.Dense(5, activation="tanh", name="hidden")(x)
    side = layers.Dense(1, name="side")(hidden)
    y = layers.Dense(2, name="y")(hidden)
    model = keras.Model(x, y)
    model.add_loss(_mean_square(keras)(name="mean")(side))
    model.add_metric(side, name="side_mean", aggregation="mean")
    model.compile(keras.optimizers.SGD(0.05, momentum=0.5), compiled_loss)
    return model


def _mean_square(keras):
    class MeanSquare(keras.layers.Layer):
        def call(self, inputs):
            return keras.backend.mean(keras.backend.square(inputs - 1.0))

    return MeanSquare


def data(seed):
    generator = np.random.RandomState(seed)
    return [generator.normal(size=(6, 4)).astype("float32")], [generator.normal(size=(6, 2)).astype("float32")]


def write(directory):
    keras = models.resolve_keras()
    keras.utils.set_random_seed(3)
    for name, loss in (("with_loss", "mse"), ("alone", None)):
        model = _model(keras, loss)
        truth.train(model, [data(seed) for seed in range(2)])
        for form in ("", ".h5"):
            model.save(os.path.join(directory, name + form))
        x, following = data(truth.PREDICTED)[0], [data(truth.TRAINED_AFTER + i) for i in range(truth.STEPS_AFTER)]
        found = dict(truth.state(model), **truth.inputs(x, following))
        found.update(truth.predictions(model, x))
        found.update(truth.more(model, x, following))
        np.savez(os.path.join(directory, name + ".npz"), **found)


def train(path, npz, out):
    """Open a model that was written elsewhere, and train on the batches of a truth."""
    keras = models.resolve_keras()
    model = keras.models.load_model(path, custom_objects={"MeanSquare": _mean_square(keras)})
    with np.load(npz) as file:
        x, following = truth.batches_of(dict(file))
    np.savez(out, **truth.more(model, x, following))
    return [type(layer).__name__ for layer in model.layers]
