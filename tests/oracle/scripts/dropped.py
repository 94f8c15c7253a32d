"""Models of dropped_models.py in real tf.keras: trained and saved in both formats, or opened and looked at."""

import os

import numpy as np

from tests.oracle import dropped_models, models, truth

STEPS = 2


def write(directory, names):
    """Train and save each as ``<name>/model`` and ``<name>/model.h5``, and the truth as ``<name>/truth.npz``."""
    keras = models.resolve_keras()
    failed = {}
    for name in names:
        home = os.path.join(directory, name)
        os.makedirs(home, exist_ok=True)
        try:
            _write(keras, home, name)
        except Exception as error:  # told to the test, which names the model
            failed[name] = repr(error)[:500]
    return failed


def _write(keras, home, name):
    model = dropped_models.build(name, keras)
    truth.train(model, [dropped_models.data(name, seed) for seed in range(STEPS)])
    model.save(os.path.join(home, "model"), save_format="tf")
    model.save(os.path.join(home, "model.h5"))
    x, _ = dropped_models.data(name, truth.PREDICTED)
    following = [dropped_models.data(name, truth.TRAINED_AFTER + i) for i in range(truth.STEPS_AFTER)]
    found = dict(truth.state(model), **truth.inputs(x, following))
    found.update(truth.predictions(model, x))
    found.update(truth.more(model, x, following))
    np.savez(os.path.join(home, "truth.npz"), **found)


def _unknown(keras):
    """Classes of tf.keras that its own ``load_model`` does not find by their names."""
    names = ("SyncBatchNormalization", "RandomFourierFeatures")
    return {name: getattr(keras.layers.experimental, name) for name in names}


def read(cases):
    """Open each ``{"path", "x", "out"}``: weights and predictions go to ``out``; gives the classes of its layers."""
    keras = models.resolve_keras()
    about = []
    for case in cases:
        try:
            model = keras.models.load_model(case["path"], custom_objects=_unknown(keras))
            with np.load(case["x"]) as file:
                x, _ = truth.batches_of(dict(file))
            np.savez(case["out"], **dict(truth.weights(model), **truth.predictions(model, x)))
            about.append([type(layer).__name__ for layer in model.layers] + [str(type(model).__module__)])
        except Exception as error:
            about.append(repr(error)[:500])
    return about
