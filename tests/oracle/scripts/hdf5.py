"""HDF5 files as tf.keras writes them, with the values beside them in .npz files; and what it reads from ours."""

import numpy as np


def save(name, model_path, weights_path, values_path, legacy=False):
    """Train a model one step; save it whole, and its weights. Returns the names of its layers."""
    from tests.oracle.models import build, data, resolve_keras

    model = build(name, resolve_keras(), legacy=legacy)
    model.train_on_batch(*(batch if len(batch) > 1 else batch[0] for batch in data(name, 1)))
    model.save(model_path, save_format="h5")
    model.save_weights(weights_path, save_format="h5")
    return _record(model, values_path)


def load(model_path, values_path):
    """Load a whole model and note its values, those of the optimizer included."""
    from tests.oracle.models import resolve_keras

    return _record(resolve_keras().models.load_model(model_path), values_path)


def load_weights(name, weights_path, values_path):
    """Build a model, load its weights and note them."""
    from tests.oracle.models import build, resolve_keras

    model = build(name, resolve_keras())
    model.load_weights(weights_path)
    return _record(model, values_path, optimizer=False)


def save_long_names(path, values_path, count, width):
    """Save a model whose lists of names do not fit into one object header."""
    from tests.oracle.models import resolve_keras

    keras = resolve_keras()
    inner = keras.Sequential([keras.layers.Dense(1, name="%0*d" % (width, i)) for i in range(count)], name="inner")
    rest = [keras.layers.Activation("relu", name="a%0*d" % (width, i)) for i in range(count)]
    model = keras.Sequential([keras.Input((2,)), inner, *rest])
    model.save(path, save_format="h5")
    return _record(model, values_path)


def save_subclassed(path, values_path):
    """Save the weights of a subclassed model with a variable of its own, and layers named as nothing else should be."""
    model = _subclassed()
    model.save_weights(path, save_format="h5")
    return _record(model, values_path, top_level=True)


def load_subclassed(path, values_path):
    model = _subclassed()
    for variable in model.weights:
        variable.assign(np.zeros(variable.shape))
    model.load_weights(path)
    return _record(model, values_path, top_level=True)


def _subclassed():
    from tests.oracle.models import resolve_keras

    keras = resolve_keras()

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.first = keras.layers.Dense(3, name="optimizer")
            self.second = keras.layers.Dense(2, name="optimizer_1")
            self.third = keras.layers.BatchNormalization(name="optimizer_1/inner")
            self.scale = self.add_weight(name="scale", shape=(2,), initializer="random_normal")

        def call(self, x):
            return self.third(self.second(self.first(x))) * self.scale

    model = Model()
    model(np.ones((1, 4), "float32"))
    return model


def save_policy(path, values_path, policy):
    """Save a model of another dtype policy; returns None and the error where tf.keras cannot."""
    from tests.oracle.models import resolve_keras

    keras = resolve_keras()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, dtype=policy)])
    model.save(path, save_format="h5")
    return _record(model, values_path, optimizer=False)


def _record(model, path, optimizer=True, top_level=False):
    """Write the values in the order of the file; returns names and numbers of weights."""
    arrays, layers = {}, []
    for i, layer in enumerate(model.layers):
        weights = layer.trainable_weights + layer.non_trainable_weights
        layers.append([layer.name, len(weights)])
        arrays.update(("layer%d_%d" % (i, k), w.numpy()) for k, w in enumerate(weights))
    if top_level:
        own = model._trainable_weights + model._non_trainable_weights
        arrays.update(("own%d" % k, w.numpy()) for k, w in enumerate(own))
    if optimizer and getattr(model, "optimizer", None) is not None:
        weights = model.optimizer.variables
        weights = weights if isinstance(weights, list) else model.optimizer.weights  # a method in legacy ones
        arrays.update(("optimizer%d" % k, w.numpy()) for k, w in enumerate(weights))
    np.savez(path, **arrays)
    return layers
