"""Optimizers of both generations after some steps: what tf.keras writes of their state, and what it reads of ours."""

import os

import numpy as np

from tests.oracle import truth
from tests.oracle.models import resolve_keras


def _model(keras, idle):
    """Two dense layers; where ``idle``, the last output has no loss, so that its layer gets no gradient."""
    keras.backend.clear_session()
    seen = keras.Input((3,), name="seen")
    hidden = keras.layers.Dense(4, activation="tanh", name="a")(seen)
    side = keras.layers.Dense(1, name="side")(hidden)
    main = keras.layers.Dense(2, name="b")(hidden)
    model = keras.Model(seen, [side, main] if idle else main)
    generator = np.random.RandomState(3)
    model.set_weights([generator.normal(size=each.shape).astype("float32") for each in model.get_weights()])
    return model


def _optimizer(keras, generation, class_name, settings):
    home = keras.optimizers
    home = getattr(home, "legacy", home) if generation == "legacy" else home
    settings = dict(settings)
    scale = settings.pop("loss_scale", None)
    optimizer = getattr(home, class_name)(**settings)
    return keras.mixed_precision.LossScaleOptimizer(optimizer, **scale) if scale else optimizer


def _batch(seed):
    generator = np.random.RandomState(seed)
    return generator.normal(size=(8, 3)).astype("float32"), generator.normal(size=(8, 2)).astype("float32")


def state(model):
    """The weights, and the optimizer's: ``iterations``, ``learning_rate``, ``slot/<slot>/0003``, ``scalar/<name>``."""
    found = truth.weights(model)
    outer = model.optimizer
    optimizer = getattr(outer, "inner_optimizer", outer)
    place = {id(weight): i for i, weight in enumerate(model.weights)}
    for slot, variable, value in _slots(optimizer, model.trainable_variables):
        found["slot/%s/%04d" % (slot, place[id(variable)])] = value.numpy()
    found["learning_rate"] = np.asarray(optimizer.learning_rate, dtype="float32")
    found["iterations"] = optimizer.iterations.numpy()
    scalars = {
        "_u_product": getattr(optimizer, "_u_product", getattr(optimizer, "_m_cache", None)),
        "dynamic_scale": getattr(outer, "loss_scale", None),
        "step_counter": getattr(outer, "dynamic_counter", None),
    }
    found.update({"scalar/" + name: value.numpy() for name, value in scalars.items() if value is not None})
    return found


def _slots(optimizer, variables):
    """The slots that there are: OptimizerV2 has none for what never had a gradient."""
    if hasattr(optimizer, "get_slot_names"):
        for slot in optimizer.get_slot_names():
            for variable in variables:
                if slot in optimizer._slots.get(_key(variable), {}):
                    yield slot, variable, optimizer.get_slot(variable, slot)
        return
    for attribute, values in vars(optimizer).items():
        if isinstance(values, list) and attribute != "_variables" and len(values) == len(variables):
            for variable, value in zip(variables, values):
                if hasattr(value, "numpy"):
                    yield attribute, variable, value


def _key(variable):
    from tf_keras.src.optimizers.legacy.optimizer_v2 import _var_key

    return _var_key(variable)


def write(directory, generation, class_name, settings, idle=False, steps=3):
    """Train, then save as ``model`` (SavedModel), ``model.h5`` and ``weights`` (checkpoint), and the state."""
    keras = resolve_keras()
    model = _model(keras, idle)
    loss = [None, "mse"] if idle else "mse"
    # In a graph, tf_keras' Nadam multiplies its product once for each variable, instead of once for each step.
    model.compile(_optimizer(keras, generation, class_name, settings), loss, run_eagerly=class_name == "Nadam")
    for seed in range(steps):
        x, y = _batch(seed)
        model.train_on_batch(x, [np.zeros((8, 1), "float32"), y] if idle else y)
    model.save(os.path.join(directory, "model"), save_format="tf", save_traces=False)
    model.save(os.path.join(directory, "model.h5"))
    model.save_weights(os.path.join(directory, "weights"), save_format="tf")
    np.savez(os.path.join(directory, "state.npz"), **state(model))


def read(path, out, checkpoint=None):
    """Open a model with ``load_model``, its optimizer's state from the checkpoint where one is given."""
    model = resolve_keras().models.load_model(path)
    if checkpoint:
        _build(model)
        model.load_weights(checkpoint)
    np.savez(out, **state(model))
    return {"optimizer": type(model.optimizer).__name__, "legacy": hasattr(model.optimizer, "get_slot_names")}


def read_weights(checkpoint, out, generation, class_name, settings):
    """Put a checkpoint into a new model with a new optimizer."""
    keras = resolve_keras()
    model = _model(keras, idle=False)
    model.compile(_optimizer(keras, generation, class_name, settings), "mse")
    _build(model)
    model.load_weights(checkpoint)
    np.savez(out, **state(model))


def _build(model):
    """Give the optimizer its variables, so that a checkpoint can fill them."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if hasattr(optimizer, "get_slot_names"):
        optimizer.iterations  # noqa: B018 (made when first asked for)
        optimizer._create_all_weights(model.trainable_variables)
    else:
        optimizer.build(model.trainable_variables)
