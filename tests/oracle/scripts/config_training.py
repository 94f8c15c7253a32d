"""What a model is compiled with, as real tf.keras writes it, computes it and reads it back."""

import json
import os
import tempfile

import numpy as np

from tests.oracle.models import resolve_keras


def _identity(keras, data):
    """A model that returns its inputs: the data decide what losses and metrics see."""
    keras.backend.clear_session()
    names = sorted(key[2:] for key in data.files if key.startswith("p_"))
    inputs = [keras.Input(data["p_" + name].shape[1:], name="in_" + name) for name in names]
    outputs = [keras.layers.Activation("linear", name=name)(each) for name, each in zip(names, inputs)]
    model = keras.Model(inputs, outputs if len(outputs) > 1 else outputs[0])
    inputs = [data["p_" + name] for name in names]
    targets = [data["t_" + name] for name in names]
    return model, inputs, targets


def _decoded(value, get):
    """Make objects of ``{"class_name", "config"}``, and functions of ``{"function": name}``, in nested lists."""
    if isinstance(value, list):
        return [_decoded(item, get) for item in value]
    if isinstance(value, dict) and "function" in value:
        return get(value["function"])
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _decoded(item, get) for key, item in value.items()}
    return get(value) if isinstance(value, dict) else value


def _training_config(model):
    import h5py

    handle, path = tempfile.mkstemp(suffix=".h5")
    os.close(handle)
    try:
        model.save(path)
        with h5py.File(path, "r") as file:
            return json.loads(file.attrs["training_config"])
    finally:
        os.remove(path)


def _logs(model, inputs, targets, weights=None):
    single = len(targets) == 1
    weights = [weights] * len(targets) if weights is not None and not single else weights
    arguments = {"sample_weight": weights, "return_dict": True, "verbose": 0, "batch_size": len(targets[0])}
    return model.evaluate(inputs, targets[0] if single else targets, **arguments)


def evaluate(data, cases):
    """For each case: the training_config that is written, and the values that are computed on the data."""
    keras = resolve_keras()
    arrays = np.load(data)
    results = []
    for case in cases:
        model, inputs, targets = _identity(keras, arrays)
        model.compile(
            optimizer="sgd",
            loss=_decoded(case.get("loss", "mse"), keras.losses.get),
            metrics=_decoded(case.get("metrics"), keras.metrics.get),
            weighted_metrics=_decoded(case.get("weighted_metrics"), keras.metrics.get),
            loss_weights=case.get("loss_weights"),
            run_eagerly=True,
        )
        weights = arrays["w"] if "w" in arrays.files else None
        results.append({"logs": _logs(model, inputs, targets, weights), "training_config": _training_config(model)})
    return results


def reread(data, training_configs):
    """Compile with training_configs as ``load_model`` does: the values, and the config that is written again."""
    keras = resolve_keras()
    arrays = np.load(data)
    results = []
    for training_config in training_configs:
        model, inputs, targets = _identity(keras, arrays)
        model.compile(**_compile_arguments(training_config), run_eagerly=True)
        weights = arrays["w"] if "w" in arrays.files else None
        results.append({"logs": _logs(model, inputs, targets, weights), "training_config": _training_config(model)})
    return results


def _compile_arguments(training_config):
    keras = resolve_keras()
    try:
        from tf_keras.src.saving.legacy import saving_utils
    except ImportError:
        from keras.saving import saving_utils
    arguments = saving_utils.compile_args_from_training_config(training_config)
    for obsolete in ("sample_weight_mode",):
        arguments.pop(obsolete, None)
    version = tuple(int(part) for part in keras.__version__.split(".")[:2])
    return {**arguments, **({"from_serialized": True} if version >= (2, 4) else {})}


def optimizer_configs(configs):
    """For each optimizer_config, as a file holds it: the class that is made of it, and its own config."""
    keras = resolve_keras()
    made = [keras.optimizers.deserialize(config) for config in configs]
    classes = [type(optimizer).__module__ + "." + type(optimizer).__name__ for optimizer in made]
    return [{"class": name, "config": _json(each.get_config())} for name, each in zip(classes, made)]


def _json(value):
    return json.loads(json.dumps(value, default=lambda item: item.tolist() if hasattr(item, "tolist") else str(item)))


def _trained_model(keras):
    keras.backend.clear_session()
    layers = keras.layers
    dense = {"kernel_initializer": "zeros", "bias_initializer": "zeros"}
    model = keras.Sequential(
        [layers.Dense(4, activation="tanh", name="a", input_shape=(3,), **dense), layers.Dense(2, name="b", **dense)]
    )
    generator = np.random.RandomState(3)
    model.set_weights([generator.normal(size=each.shape).astype("float32") for each in model.get_weights()])
    return model


def _optimizer(keras, generation, spec):
    """``spec``: class name and settings; a setting with a class name is a schedule, ``loss_scale`` wraps."""
    home = keras.optimizers
    if generation == "legacy":
        home = getattr(home, "legacy", home)
    settings = dict(spec["settings"])
    scale = settings.pop("loss_scale", False)
    rate = settings.get("learning_rate")
    if isinstance(rate, dict):
        settings["learning_rate"] = keras.optimizers.schedules.deserialize(rate)
    optimizer = getattr(home, spec["class_name"])(**settings)
    return keras.mixed_precision.LossScaleOptimizer(optimizer, initial_scale=8.0) if scale else optimizer


def _state(optimizer, variables):
    """Slots by what this generation calls them: ``name/index``."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    if hasattr(optimizer, "get_slot_names"):
        found = {
            "%s/%d" % (name, i): optimizer.get_slot(variable, name)
            for name in optimizer.get_slot_names()
            for i, variable in enumerate(variables)
        }
        if hasattr(optimizer, "_m_cache"):
            found["momentum_cache/0"] = optimizer._m_cache
    else:
        lists = {
            name: value
            for name, value in vars(optimizer).items()
            if isinstance(value, list) and name not in ("_variables", "_trainable_variables", "_build_variables")
        }
        found = {"%s/%d" % (n, i): each for n, values in lists.items() for i, each in enumerate(values)}
    return {name: np.array(value) for name, value in found.items() if hasattr(value, "numpy")}


def train(directory, generation, optimizers, steps=3):
    """Train with each optimizer, save, train on: ``<i>.h5``, ``<i>.npz`` with the slots then and the weights later."""
    keras = resolve_keras()
    generator = np.random.RandomState(5)
    x, y = generator.normal(size=(8, 3)).astype("float32"), generator.normal(size=(8, 2)).astype("float32")
    np.savez(os.path.join(directory, "data.npz"), x=x, y=y)
    for number, spec in enumerate(optimizers):
        model = _trained_model(keras)
        model.compile(_optimizer(keras, generation, spec), "mse", run_eagerly=spec.get("eager", True))
        for _ in range(steps):
            model.train_on_batch(x, y)
        model.save(os.path.join(directory, "%d.h5" % number))
        state = _state(model.optimizer, model.trainable_variables)
        for _ in range(steps):
            model.train_on_batch(x, y)
        later = {"weight/%d" % i: value for i, value in enumerate(model.get_weights())}
        np.savez(os.path.join(directory, "%d.npz" % number), **state, **later)


def schedules(configs, steps):
    """For each serialized schedule: the config that is written, and the learning rates."""
    keras = resolve_keras()
    made = [keras.optimizers.schedules.deserialize(config) for config in configs]
    written = [keras.optimizers.SGD(learning_rate=each).get_config()["learning_rate"] for each in made]
    return [
        {"written": _json(config), "rates": [float(each(step)) for step in steps]}
        for config, each in zip(written, made)
    ]
