"""Models that share some layers' names with ``source``, built alike in tf_keras and in Keras 3.

The source must be readable by Python 3.8.
"""

import numpy as np


def source(keras):
    layers = keras.layers
    deep = [layers.Dense(3, name="deep"), layers.BatchNormalization(name="norm")]
    inner = keras.Sequential([keras.Input((4,)), *deep], name="inner")
    x = keras.Input((6, 3), name="x")
    y = layers.Bidirectional(layers.LSTM(2), name="both")(x)
    y = inner(y)
    return keras.Model(x, layers.Dense(2, name="out")(layers.Dense(5, name="hidden")(y)), name="source")


def _grown(keras):
    """A layer more, one less, another order: all of the same names fit."""
    layers = keras.layers
    x = keras.Input((6, 3), name="x")
    y = layers.Dense(4, name="new")(layers.Bidirectional(layers.LSTM(2), name="both")(x))
    return keras.Model(x, layers.Dense(5, name="hidden")(layers.Dense(3, name="wide")(y)), name="grown")


def _other_shapes(keras):
    """The kernel of one layer, the number of another's weights, both of a third's differ."""
    layers = keras.layers
    x = keras.Input((6, 3), name="x")
    y = layers.Dense(7, name="wider")(layers.Bidirectional(layers.LSTM(2), name="both")(x))
    y = layers.Dense(5, name="hidden")(y)
    return keras.Model(x, layers.Dense(2, name="out", use_bias=False)(y), name="other_shapes")


def _no_weights(keras):
    """A name of a layer that has weights in one of both only."""
    layers = keras.layers
    x = keras.Input((6, 3), name="x")
    y = layers.Bidirectional(layers.LSTM(2), name="both")(x)
    y = layers.Activation("relu", name="hidden")(y)
    return keras.Model(x, layers.Dense(2, name="inner")(y), name="no_weights")


def _alike(keras):
    """A subclassed model with two layers of one name, and a variable of its own."""

    class Alike(keras.Model):
        def __init__(self):
            super().__init__(name="alike")
            self.first = keras.layers.Dense(5, name="hidden")
            self.second = keras.layers.Dense(5, name="hidden")
            self.scale = self.add_weight(name="scale", shape=(2,), initializer="ones")

        def call(self, x):
            return keras.layers.add([self.first(x), self.second(x)])

    model = Alike()
    model(np.ones((1, 3), "float32"))
    return model


TARGETS = {"grown": _grown, "other_shapes": _other_shapes, "no_weights": _no_weights, "alike": _alike}


def variables(model):
    """The weights in one order for both runtimes: those of the layers, then the model's own."""
    found = [weight for layer in model.layers for weight in layer.weights]
    return found + [weight for weight in model.weights if not any(weight is other for other in found)]


def weights(model):
    return [np.asarray(variable) for variable in variables(model)]


def fill(model, first=0.0):
    """Give every weight numbers of its own, the same in both runtimes."""
    for index, variable in enumerate(variables(model)):
        size = int(np.prod(variable.shape))
        variable.assign((first + index + np.arange(size) / 64.0).reshape(tuple(variable.shape)).astype("float32"))
