"""The ten models in real tf.keras: trained and saved, or opened and looked at. The .npz files are those of truth.py."""

import os

import numpy as np

from tests.oracle import models, truth


def train_and_save(name, path, save_format, steps, legacy_optimizer, save_traces, out):
    """Train a model of models.py for some steps and save it; write the truth, and that of two more steps, to ``out``.

    ``save_format`` is "tf", "h5", "weights" (a TF checkpoint) or "h5 weights". Gives the classes of both.
    """
    keras = models.resolve_keras()
    model = models.build(name, keras, legacy=legacy_optimizer)
    truth.train(model, [models.data(name, seed) for seed in range(steps)])
    save(model, path, save_format, save_traces)
    x, _ = models.data(name, truth.PREDICTED)
    following = [models.data(name, truth.TRAINED_AFTER + i) for i in range(truth.STEPS_AFTER)]
    found = dict(truth.state(model), **truth.inputs(x, following))
    found.update(truth.predictions(model, x))
    put_back = truth.snapshot(model)
    found.update(truth.more(model, x, following))
    found.update(truth.sensitivity(model, x, following, found, put_back))
    np.savez(out, **found)
    return {"class": type(model).__name__, "optimizer": type(model.optimizer).__name__}


def save(model, path, save_format, save_traces=True):
    """Save in one of the formats of old; ``save_traces`` where the version knows it (2.4 and later)."""
    if save_format.endswith("weights"):
        model.save_weights(path, save_format="h5" if save_format.startswith("h5") else "tf")
    elif save_format == "tf" and not save_traces:
        model.save(path, save_format="tf", save_traces=False)
    else:
        model.save(path, save_format=save_format)


def open_and_check(path, x_npz, weights_checkpoint, out, custom_objects=None):
    """Open a model file with ``load_model``, restore its optimizer from ``weights_checkpoint`` if given, and train on.

    ``x_npz`` holds the batches (``x/0``, ``next/0/x/0`` ...). Gives what kind of object came out.
    """
    keras = models.resolve_keras()
    with np.load(x_npz) as file:
        x, following = truth.batches_of(dict(file))
    model = keras.models.load_model(path, custom_objects=custom_objects)
    found = truth.predictions(model, x)
    about = {
        "class": type(model).__name__,
        "is_model": isinstance(model, keras.Model),
        "module": type(model).__module__,
        "layers": [type(layer).__name__ for layer in model.layers],
        "trainable": [bool(layer.trainable) for layer in model.layers],
        "compiled": getattr(model, "optimizer", None) is not None,
    }
    found.update(truth.weights(model))
    if about["compiled"]:
        about["optimizer"] = type(model.optimizer).__name__
        if weights_checkpoint:
            truth.build_optimizer(model)
            model.load_weights(weights_checkpoint)
        elif os.path.isfile(path):
            about["note"] = "HDF5: load_model restored the optimizer itself"
        found.update(truth.state(model))
        put_back = truth.snapshot(model)
        found.update(truth.more(model, x, following))
        found.update(truth.sensitivity(model, x, following, found, put_back))
    np.savez(out, **found)
    return about
