"""The corpus in real tf.keras: every case saved there, or opened there as saved here, and trained on."""

import os
import traceback

import numpy as np

from tests.oracle import corpus, truth
from tests.oracle.models import resolve_keras


def write(cases, directory):
    """Train each case, save it as ``<id>`` and ``<id>.h5``, and the truth as ``<id>.npz``; gives errors by id."""
    return _each(cases, lambda name, case: _write(case, os.path.join(directory, name)))


def build(cases, directory):
    """Build the applications of the cases, and save each as ``<id>.h5`` and its weights as ``<id>.npz``."""

    def save(name, case):
        keras = resolve_keras()
        keras.backend.clear_session()
        model = corpus.application(keras, case)
        model.save(os.path.join(directory, name + ".h5"))
        np.savez(os.path.join(directory, name + ".npz"), **truth.weights(model))

    return _each(cases, save)


def read(cases, directory):
    """Open ``<id>`` and ``<id>.h5``, which were made elsewhere; their truths are ``<id>.sm.npz``, ``<id>.h5.npz``."""
    return _each(cases, lambda name, case: _read(case, os.path.join(directory, name)))


def _each(cases, work):
    errors = {}
    for name, case in cases.items():
        try:
            work(name, case)
        except Exception as error:
            errors[name] = "%s: %s %s" % (type(error).__name__, error, traceback.format_exc()[-600:])
    return errors


def _write(case, path):
    keras = resolve_keras()
    model = corpus.build(keras, case)
    trains = getattr(model, "optimizer", None) is not None
    if trains:
        truth.train(model, [corpus.batch(case, model, seed) for seed in range(corpus.STEPS)])
    x, _ = corpus.batch(case, model, truth.PREDICTED)
    model.reset_states()  # which are in no file that has no traces
    following = [corpus.batch(case, model, truth.TRAINED_AFTER + i) for i in range(truth.STEPS_AFTER)] if trains else []
    found = dict(truth.state(model), **truth.inputs(x, following))
    found.update({"result/" + metric.name: metric.result().numpy() for metric in model.metrics})
    found.update(_predictions(model, x))
    # Metrics are in the file with traces only.
    model.save(path, save_format="tf", save_traces=case["family"] == "metric")
    model.save(path + ".h5")
    model.reset_states()
    if trains:
        put_back = truth.snapshot(model)
        found.update(_more(model, x, following))
        if case["kind"] == "application":
            found.update(truth.sensitivity(model, x, following, found, put_back))
    np.savez(path + ".npz", **_arrays(found))


def _read(case, path):
    keras = resolve_keras()
    home = vars(corpus.home_of(keras, case) or keras.layers)
    x, following = truth.batches_of(dict(np.load(path + ".in.npz")))
    for form, file in (("sm", path), ("h5", path + ".h5")):
        keras.backend.clear_session()
        model = keras.models.load_model(file, custom_objects={name: home[name] for name in case.get("classes", ())})
        assert isinstance(model, keras.Model), type(model)
        found = dict(truth.weights(model), **_predictions(model, x))
        if getattr(model, "optimizer", None) is not None:
            if form == "sm":
                truth.build_optimizer(model)
                model.load_weights(os.path.join(path, "variables", "variables"))
            found.update(truth.optimizer(model))
            if form == "sm":
                model.run_eagerly = True
                model.reset_states()
                found.update(_more(model, x, following))
        np.savez("%s.%s.npz" % (path, form), **_arrays(found))


def _predictions(model, x):
    model.run_eagerly = True
    return truth.predictions(model, x)


def _more(model, x, following):
    return truth.more(model, x, following)


def _arrays(found):
    """As numpy, which has no bfloat16."""
    return {key: _array(np.asarray(value)) for key, value in found.items()}


def _array(value):
    return value.astype("float32") if value.dtype.name == "bfloat16" else value
