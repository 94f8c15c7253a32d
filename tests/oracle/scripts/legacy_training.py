"""Optimizers, schedules, metrics and constraints of OptimizerV2's time in real tf_keras: saved, then trained on."""

import os

import numpy as np

from tests.oracle import models, truth


def _model(keras, constraint=None):
    keras.backend.clear_session()
    layers = keras.layers
    x = keras.Input((6, 6, 1))
    y = layers.Conv2D(2, 3, kernel_constraint=constraint)(x)
    y = layers.Conv2D(2, 4, kernel_constraint=constraint, activation="tanh")(y)
    return keras.Model(x, layers.Dense(2)(layers.Flatten()(y)))


def data(seed):
    generator = np.random.RandomState(seed)
    return [generator.normal(size=(6, 6, 6, 1)).astype("float32")], [generator.normal(size=(6, 2)).astype("float32")]


def cases(keras):
    """By name: (optimizer, metrics, constraint)."""
    legacy = keras.optimizers.legacy
    schedules = keras.optimizers.schedules
    linear = keras.optimizers.schedules.deserialize.__globals__  # they are not exported any more
    normalized = keras.metrics.MeanRelativeError(normalizer=[0.5, 0.0], name="relative")
    return {
        "Nadam": (legacy.Nadam(0.01), None, None),
        "Nadam decay": (legacy.Nadam(0.01, decay=0.2), None, None),
        "RMSprop": (legacy.RMSprop(0.01, epsilon=1e-2), None, None),
        "RMSprop centered": (legacy.RMSprop(0.01, centered=True, epsilon=1e-3), None, None),
        "RMSprop momentum": (legacy.RMSprop(0.01, momentum=0.5, centered=True, epsilon=1e-2), None, None),
        "Adagrad": (legacy.Adagrad(0.05, epsilon=1e-2, initial_accumulator_value=1e-3), None, None),
        "Adam decay": (legacy.Adam(0.01, decay=0.1), None, None),
        "SGD decay": (legacy.SGD(0.05, momentum=0.9, decay=0.1, nesterov=True), None, None),
        "Adadelta decay": (legacy.Adadelta(0.5, decay=0.1), None, None),
        "Adamax decay": (legacy.Adamax(0.01, decay=0.1), None, None),
        "Ftrl decay": (legacy.Ftrl(0.05, decay=0.1), None, None),
        "RMSprop decay": (legacy.RMSprop(0.01, decay=0.1), None, None),
        "SGD decay of a schedule": (legacy.SGD(schedules.ExponentialDecay(0.1, 3, 0.5), 0.9, decay=0.1), None, None),
        "RMSprop decay of a schedule": (legacy.RMSprop(schedules.CosineDecay(0.01, 20), decay=0.2), None, None),
        "linear cosine": (legacy.SGD(linear["LinearCosineDecay"](0.1, 7, 0.7, 0.1, 0.02)), None, None),
        "restarts": (legacy.SGD(schedules.CosineDecayRestarts(0.1, 4)), None, None),
        "relative error": (legacy.SGD(0.01), [normalized], None),
        "radial": (legacy.SGD(0.05), None, "radial_constraint"),
    }


def _eagerly(name):
    """RadialConstraint makes variables where it is called, which no graph allows."""
    return "radial" in name


def write(directory):
    """Save each as ``<name>``, ``<name>.h5`` and ``<name>.npz``; gives the names."""
    keras = models.resolve_keras()
    for name, (optimizer, metrics, constraint) in cases(keras).items():
        keras.utils.set_random_seed(5)
        if constraint is not None:
            constraint = keras.constraints.RadialConstraint()
        model = _model(keras, constraint)
        model.compile(optimizer, "mse", metrics=metrics, run_eagerly=_eagerly(name))
        truth.train(model, [data(seed) for seed in range(3)])
        for form in ("", ".h5"):
            model.save(os.path.join(directory, name + form))
        x, following = data(truth.PREDICTED)[0], [data(truth.TRAINED_AFTER + i) for i in range(3)]
        found = dict(truth.state(model), **truth.inputs(x, following))
        found.update(truth.predictions(model, x))
        found["evaluated"] = np.asarray(model.evaluate(*(a[0] for a in data(77)), verbose=0))
        model.reset_metrics()
        found.update(truth.more(model, x, following))
        np.savez(os.path.join(directory, name + ".npz"), **found)


def read(cases):
    """Open each ``{"path", "truth", "out"}`` that was written elsewhere and train it on; gives the optimizers."""
    keras = models.resolve_keras()
    about = []
    for case in cases:
        model = keras.models.load_model(case["path"])
        with np.load(case["truth"]) as file:
            x, following = truth.batches_of(dict(file))
        model.run_eagerly = _eagerly(case["path"])
        state = truth.state(model)
        np.savez(case["out"], **dict(state, **truth.more(model, x, following)))
        about.append([type(model.optimizer).__name__, hasattr(model.optimizer, "get_slot_names")])
    return about
