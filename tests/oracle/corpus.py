"""Small models, one to a case of tests/corpus/cases.py, built from the case alone; and data for them.

A case is plain JSON. Its ``kind`` says how the model around it is made: ``layer`` (the layer between input and output),
``compiled`` (two dense layers, compiled as the case says). The source must be readable by Python 3.8.
"""

import importlib

import numpy as np

STEPS = 2
HOMES = ("layers", "initializers", "regularizers", "constraints")


def build(keras, case):
    """Build and compile the model of a case; nothing in its names depends on what was built before."""
    keras.backend.clear_session()
    model = _BUILDERS[case["kind"]](keras, case)
    if case["kind"] != "application":  # whose depth would make such numbers infinite
        model.set_weights([_weight(np.random.RandomState(i), each) for i, each in enumerate(model.weights)])
    return model


def _layer(keras, case):
    inputs = [keras.Input(batch_shape=shape, dtype=dtype) for shape, dtype in case["inputs"]]
    home = home_of(keras, case) or keras.layers
    layer = getattr(home, case["class_name"])(**arguments(keras, case["arguments"]))
    if case.get("adapt"):
        layer.adapt(np.random.RandomState(5).normal(size=case["adapt"]).astype("float32"))
    call = case.get("call_arguments", {})
    form = case.get("call", "one")
    outputs = layer(*inputs, **call) if form == "each" else layer(inputs if form == "list" else inputs[0], **call)
    model = keras.Model(inputs, outputs)
    if case["trains"]:
        model.compile(keras.optimizers.SGD(0.05, momentum=0.9), loss="mse", run_eagerly=True)
    return model


def home_of(keras, case):
    """The module of ``keras.applications`` that a case takes classes from which are in no public one; or None."""
    if "builder" not in case:
        return None
    return importlib.import_module(getattr(keras.applications, case["builder"]).__module__)


def _compiled(keras, case):
    classes = case["outputs"]
    model = keras.Sequential(
        [
            keras.Input((5,), name="seen"),
            keras.layers.Dense(4, activation="tanh", name="hidden", dtype=case.get("policy")),
            keras.layers.Dense(classes, activation=case["activation"], name="said", dtype="float32"),
        ]
    )
    made = {key: _listed(keras, key, value) for key, value in case["compile"].items()}
    model.compile(run_eagerly=True, **made)
    return model


def application(keras, case):
    """The application of a case as it is built: not trained, not compiled."""
    arguments_ = dict(case["arguments"], weights=None, classes=case["outputs"], input_shape=tuple(case["shape"]))
    return getattr(keras.applications, case["class_name"])(**arguments_)


def _application(keras, case):
    model = application(keras, case)
    _scale_logits(keras, model, batch(case, model, 0)[0][0])
    logits = model.layers[-1].activation is keras.activations.linear  # RegNet has no softmax
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=logits)
    model.compile(keras.optimizers.SGD(1e-6, momentum=0.9), loss=loss)
    return model


def _scale_logits(keras, model, x):
    """Keep an untrained model from saying what is so certain that rounding decides it."""
    last = [layer for layer in model.layers if layer.weights][-1]
    activation, last.activation = last.activation, keras.activations.linear
    deviation = np.std(keras.Model(model.input, last.output)(x))
    last.activation = activation
    last.set_weights([weight / max(deviation, 1) for weight in last.get_weights()])


_BUILDERS = {"layer": _layer, "compiled": _compiled, "application": _application}


def _listed(keras, key, value):
    home = {"loss": "losses", "metrics": "metrics", "weighted_metrics": "metrics", "optimizer": "optimizers"}.get(key)
    if isinstance(value, list):
        return [_listed(keras, key, each) for each in value]
    if not isinstance(value, dict) or home is None:
        return value
    if "function" in value:
        return getattr(getattr(keras, home), value["function"])
    config = dict(value["config"])
    if isinstance(config.get("learning_rate"), dict):
        schedule = config["learning_rate"]
        config["learning_rate"] = getattr(keras.optimizers.schedules, schedule["class_name"])(**schedule["config"])
    return getattr(getattr(keras, home), value["class_name"])(**config)


def arguments(keras, given):
    """Make objects of the serialized layers, initializers, regularizers and constraints in a layer's arguments."""
    return {key: _argument(keras, value) for key, value in given.items()}


def _argument(keras, value):
    if isinstance(value, dict) and "class_name" in value:
        made = arguments(keras, value["config"])
        for home in HOMES:
            if hasattr(getattr(keras, home), value["class_name"]):
                return getattr(getattr(keras, home), value["class_name"])(**made)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_argument(keras, item) for item in value]
    return value


def _weight(random, variable):
    """A value for a weight: of the first kind that its name says, or any small number."""
    value = variable.numpy()
    if value.dtype.kind != "f" or ("normalization" in variable.name and variable.name.split("/")[-1][:-2] in _ADAPTED):
        return value
    drawn = (random.normal(size=value.shape) * 0.5).astype(value.dtype)
    return np.abs(drawn) + 0.5 if "variance" in variable.name else drawn


_ADAPTED = ("mean", "variance", "count")


def batch(case, model, seed):
    """A batch for the model: (inputs, targets), two lists of arrays. Same case and seed, same batch."""
    random = np.random.RandomState(seed)
    inputs = [_values(random, tensor) for tensor in model.inputs]
    if case["kind"] == "layer":
        return inputs, [_values(random, tensor) for tensor in model.outputs]
    return inputs, [_targets(random, case["targets"], len(inputs[0]), case["outputs"])]


def _values(random, tensor):
    shape = [8 if size is None else int(size) for size in tensor.shape]
    name = getattr(tensor.dtype, "name", tensor.dtype)
    if "float" in name:
        return random.normal(size=shape).astype("float16" if name == "float16" else "float32")
    return random.randint(0, 4, shape).astype(name)


def _targets(random, kind, count, outputs):
    if kind == "one_hot":
        return np.eye(outputs, dtype="float32")[random.randint(0, outputs, count)]
    if kind == "numbers":
        return random.normal(size=(count, outputs)).astype("float32")
    high = 2 if kind == "binary" else outputs
    return random.randint(0, high, (count, 1)).astype("float32" if kind == "binary" else "int32")
