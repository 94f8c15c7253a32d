"""Models of function calls, made and opened by real tf.keras."""

import itertools
import json

import numpy as np
import tensorflow as tf

from tests.oracle import function_cases
from tests.oracle.models import resolve_keras


class _Layers(object):
    """Functions of a module, each call an op layer of its own, whatever calls are recorded as."""

    def __init__(self, prefix=""):
        self._prefix = prefix

    def __getattr__(self, name):
        return self(name)

    def __call__(self, name):
        from tf_keras.src.layers.core.tf_op_layer import TFOpLambda

        symbol = self._prefix + name
        return TFOpLambda.from_config({"function": symbol, "name": "%s_%d" % (symbol, next(_NUMBERS))})


_NUMBERS = itertools.count()


def _inputs(keras):
    return {name: keras.Input(shape, dtype=dtype, name=name) for name, (shape, dtype) in function_cases.INPUTS.items()}


def _model(keras, cases):
    inputs = _inputs(keras)
    scope = {"tf": tf, "np": np, "op": _Layers(), **inputs}
    scope.update(K=_Layers("keras.backend."), A=_Layers("keras.activations."))
    outputs, sizes = [], []
    for case in cases:
        result = eval(case, scope)
        found = list(result) if isinstance(result, (list, tuple)) else [result]
        outputs += found
        sizes.append(len(found))
    return keras.Model(list(inputs.values()), outputs), sizes


def write(groups, directory, out):
    """Save a model of each group of cases in HDF5 and the answers; give symbols, sizes and what could not be made."""
    keras = resolve_keras()
    answers, symbols, made, failed = {}, set(), [], {}
    batch = function_cases.data()
    for number, cases in enumerate(groups):
        good = []
        for case in cases:
            try:
                _model(keras, [case])
                good.append(case)
            except Exception as error:
                failed[case] = repr(error)[:300]
        model, sizes = _model(keras, good)
        model.save("%s/%d.h5" % (directory, number))
        config = json.loads(model.to_json())["config"]
        symbols |= {layer["config"]["function"] for layer in config["layers"] if "function" in layer["config"]}
        for k, value in enumerate(model([tf.constant(batch[name]) for name in function_cases.INPUTS])):
            answers["%d/%d" % (number, k)] = np.asarray(value)
        made.append([[case, size] for case, size in zip(good, sizes)])
    np.savez(out, **answers)
    return {"symbols": sorted(symbols), "made": made, "failed": failed}


def read(paths, out):
    """Open models and give what they say."""
    keras = resolve_keras()
    answers = {}
    batch = function_cases.data()
    for number, path in enumerate(paths):
        model = keras.models.load_model(path)
        for k, value in enumerate(model([tf.constant(batch[name]) for name in function_cases.INPUTS])):
            answers["%d/%d" % (number, k)] = np.asarray(value)
    np.savez(out, **answers)
    return len(answers)


def predict(path, x, out):
    """Open a model and give what it says of a batch of an input of floats and one of integers."""
    model = resolve_keras().models.load_model(path)
    batch = [np.asarray(x[0], "float32"), np.asarray(x[1], "int32")]
    answers = model([tf.constant(each) for each in batch])
    np.savez(out, **{"prediction/%d" % k: np.asarray(value) for k, value in enumerate(answers)})
    return {"class": type(model).__name__}
