"""The cases of tests/oracle/reported_models.py in real tf_keras: trained and saved, or opened and looked at."""

import os
import traceback

import numpy as np

from tests.oracle import corpus, reported_models, truth
from tests.oracle.models import resolve_keras

STEPS = 2


def write(section, directory, form):
    """Train each case and save it as ``<name>`` or ``<name>.h5``, the truth as ``<name>.npz``; gives errors by name."""
    return _each(reported_models.SECTIONS[section], lambda name: _write(section, name, directory, form))


def _each(names, work):
    errors = {}
    for name in names:
        try:
            work(name)
        except Exception as error:  # of one case, told in its test
            errors[name] = "%s: %s %s" % (type(error).__name__, error, traceback.format_exc()[-900:])
    return errors


def _build(section, name):
    keras = resolve_keras()
    keras.backend.clear_session()
    keras.utils.set_random_seed(9)
    model = reported_models.SECTIONS[section][name](keras)
    if model.optimizer is not None:
        model.run_eagerly = True
    return model


def _write(section, name, directory, form):
    model = _build(section, name)
    x, following = data(name, model)
    compiled = model.optimizer is not None
    if compiled:
        for seed in range(1 if name in reported_models.ONCE else STEPS):
            _train(model, name, reported_models.batch(name, model, seed))
    found = dict(predictions(model, name, x), **truth.inputs(x, following))
    found.update(_state(model))
    found.update(_loss_scale(model))
    model.save(os.path.join(directory, name + (".h5" if form == "h5" else "")), save_format=form)
    if following:
        found.update(more(model, name, x, following))
    np.savez(os.path.join(directory, name + ".npz"), **found)


def _state(model):
    found = dict(truth.weights(model), **truth.metrics(model))
    if model.optimizer is not None:
        found.update(truth.optimizer(_Unscaled(model)))
        if type(model.optimizer).__name__ == "Nadam":  # whose ``decay`` is none of the rate
            found["learning_rate"] = np.asarray(model.optimizer.learning_rate)
    return found


def data(name, model):
    """A batch of inputs, and the batches that follow."""
    x, y = reported_models.batch(name, model, truth.PREDICTED)
    trains_on = y and name not in reported_models.ONCE
    return x, [reported_models.batch(name, model, truth.TRAINED_AFTER)] if trains_on else []


def _train(model, name, batch):
    x, y = reported_models.arranged(name, *batch)
    return model.train_on_batch(x, y, return_dict=True)


def predictions(model, name, x):
    if name == "two_positional_inputs":
        return {"prediction/0": model(*x).numpy()}
    found = model.predict_on_batch(reported_models.arranged(name, x, [0])[0])
    found = [found[key] for key in sorted(found)] if isinstance(found, dict) else truth.several(found)
    return {"prediction/%d" % i: np.asarray(each) for i, each in enumerate(found)}


def more(model, name, x, following):
    losses = []
    for batch in following:
        model.reset_metrics()
        losses.append(_train(model, name, batch)["loss"])
    found = dict(truth.weights(model), **predictions(model, name, x), losses=np.asarray(losses, "float32"))
    found.update(_loss_scale(model))
    return {"more/" + key: value for key, value in found.items()}


def _loss_scale(model):
    """The state of a loss scale optimizer, whichever there is."""
    optimizer = getattr(model, "optimizer", None)
    if not hasattr(optimizer, "dynamic_counter"):
        return {}
    scale = {"scale": optimizer.loss_scale, "steps": optimizer.dynamic_counter}
    return {"loss_scale/" + key: np.asarray(value) for key, value in scale.items()}


def read(section, directory, form):
    """Open each case that was saved elsewhere; the truth goes to ``<name>.read.npz``; gives errors by name."""
    return _each(reported_models.SECTIONS[section], lambda name: _read(section, name, directory, form))


def _read(section, name, directory, form):
    path = os.path.join(directory, name + (".h5" if form == "h5" else ""))
    if not os.path.exists(path):
        return
    keras = resolve_keras()
    keras.backend.clear_session()
    model = keras.models.load_model(path, custom_objects=reported_models.classes(keras))
    x, following = truth.batches_of(dict(np.load(os.path.join(directory, name + ".in.npz"))))
    found = dict(predictions(model, name, x))
    if model.optimizer is not None and form == "tf":
        model.load_weights(os.path.join(path, "variables", "variables"))
    found.update(truth.weights(model))
    if model.optimizer is not None:
        model.run_eagerly = True
        found.update(_state(model), **_loss_scale(model))
        found.update(more(model, name, x, following))
    np.savez(os.path.join(directory, name + ".read.npz"), **found)


class _Unscaled:
    """A model seen with its optimizer out of the wrapper that scales its loss."""

    def __init__(self, model):
        self.optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
        self.trainable_variables, self.weights = model.trainable_variables, model.weights


def evaluate(cases, directory):
    """Evaluate each case of tests/corpus before it is saved as ``<name>``; results and data go to ``<name>.npz``."""

    def work(name):
        keras = resolve_keras()
        model = corpus.build(keras, cases[name])
        x, y = corpus.batch(cases[name], model, 3)
        weights = np.random.RandomState(4).uniform(size=len(y[0])).astype("float32")
        model.fit(x[0], y[0], epochs=2, batch_size=3, verbose=0)
        given = {"x": x[0], "y": y[0], "weights": weights}
        found = {"plain/" + key: value for key, value in _evaluated(model, x[0], y[0], None).items()}
        found.update({"weighted/" + key: value for key, value in _evaluated(model, x[0], y[0], weights).items()})
        model.save(os.path.join(directory, name), save_format="tf")
        model.save(os.path.join(directory, name + ".h5"))
        np.savez(os.path.join(directory, name + ".npz"), **given, **found)

    return _each(cases, work)


def _evaluated(model, x, y, weights):
    found = model.evaluate(x, y, sample_weight=weights, batch_size=3, verbose=0, return_dict=True)
    return {key: np.asarray(value) for key, value in found.items()}


def without_metadata(path, out):
    """A Keras model saved by TensorFlow itself: it has functions and no Keras metadata."""
    import tensorflow as tf

    keras = resolve_keras()
    model = keras.Sequential([keras.Input((3,), name="seen"), keras.layers.Dense(2, name="said")])
    tf.saved_model.save(model, path)
    x = np.random.RandomState(0).normal(size=(4, 3)).astype("float32")
    np.savez(out, x=x, y=model(x).numpy())


def several_graphs(path):
    """A SavedModel with a graph for each of two sets of tags, as TensorFlow 1 wrote them."""
    import tensorflow as tf

    v1 = tf.compat.v1
    builder = v1.saved_model.Builder(path)
    for i, tags in enumerate((["serve"], ["serve", "train"])):
        with v1.Graph().as_default(), v1.Session() as session:
            x = v1.placeholder(tf.float32, [None], name="x")
            v1.get_variable("w", initializer=3.0)  # the builder wants something to save
            y = 3.0 * x + float(i)
            session.run(v1.global_variables_initializer())
            signature = v1.saved_model.predict_signature_def({"x": x}, {"y": y})
            if i == 0:
                builder.add_meta_graph_and_variables(session, tags, {"serving_default": signature})
            else:
                builder.add_meta_graph(tags, {"serving_default": signature})
    builder.save()
