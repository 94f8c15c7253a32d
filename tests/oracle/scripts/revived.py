"""Models of classes of one's own, saved by tf_keras, and what is true of them there."""

import os

import numpy as np

from tests.oracle import revived_models, truth
from tests.oracle.models import resolve_keras


def write(folder, only=None):
    """Train and save the models of the table in ``folder/<name>``, the truth beside it; gives the names."""
    import tensorflow as tf

    keras = resolve_keras()
    models = revived_models.table(keras, tf)
    for name in only or models:
        build, shapes = models[name]
        keras.backend.clear_session()
        keras.utils.set_random_seed(7)
        _write(keras, build(), shapes, os.path.join(folder, name))
    return list(only or models)


def _batch(model, shapes, seed):
    random = np.random.RandomState(seed)
    x = [_input(random, shape) for shape in shapes]
    outputs = truth.several(model(truth.one_or_all(x)))
    return x, [random.normal(size=tuple(y.shape)).astype("float32") for y in outputs]


def _input(random, shape):
    if shape[0] == "ids":
        return random.randint(0, revived_models.IDS, size=(6, *shape[1:])).astype("int32")
    return random.normal(size=(6, *shape)).astype("float32")


def _write(keras, model, shapes, path):
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "mse", run_eagerly=True)
    truth.train(model, [_batch(model, shapes, seed) for seed in range(2)])
    model.save(path)
    x, _ = _batch(model, shapes, truth.PREDICTED)
    following = [_batch(model, shapes, truth.TRAINED_AFTER + i) for i in range(truth.STEPS_AFTER)]
    found = dict(truth.state(model), **truth.inputs(x, following))
    found.update(truth.predictions(model, x))
    found.update(truth.more(model, x, following))
    np.savez(path + ".npz", **found)


def read(folder, names):
    """Open models of ``folder/<name>`` without their classes, with the truth beside them; gives what went wrong."""
    keras = resolve_keras()
    errors = {}
    for name in names:
        keras.backend.clear_session()
        path = os.path.join(folder, name)
        try:
            model = keras.models.load_model(path)
            x, following = truth.batches_of(dict(np.load(path + ".in.npz")))
            found = dict(truth.predictions(model, x), **truth.more(model, x, following))
        except Exception as error:  # of one model, which is told in its test
            errors[name] = "{}: {}".format(type(error).__name__, error)
            continue
        np.savez(path + ".npz", **found)
    return errors
