"""SavedModels that are not Keras': modules with signatures, and what TensorFlow makes of them."""

import os

import numpy as np

RATE = 0.02
STEPS = 3


def write(folder):
    """Save each in ``folder/<name>``, what is true of it beside it; gives the names."""
    import tensorflow as tf

    modules = {"plain": _plain, "several": _several, "exported": _exported, "counting": _counting, "drawing": _drawing}
    refused = {"text": _text, "nameless": _nameless}
    for name, make in (modules | refused).items():
        tf.random.set_seed(1)
        module, signatures = make(tf)
        path = os.path.join(folder, name)
        if signatures is None:
            module.export(path)
        else:
            tf.saved_model.save(module, path, signatures)
    version_1 = {"version-1": _version_1, "version-1-old": _version_1_old}
    for name, make in version_1.items():
        _write_version_1(tf, make, os.path.join(folder, name))
    for name in ("plain", "several", "exported", "counting"):
        np.savez(os.path.join(folder, name) + ".npz", **_truth(tf, os.path.join(folder, name)))
    return [*modules, *refused, *version_1]


def _spec(tf, *shape, name, dtype="float32"):
    return tf.TensorSpec(shape, dtype, name=name)


def _plain(tf):
    class Plain(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = tf.Variable(tf.random.normal((3, 2)), name="w")
            self.scale = tf.Variable([2.0, 3.0], trainable=False, name="scale")

        @tf.function(input_signature=[_spec(tf, None, 3, name="x")])
        def run(self, x):
            return {"y": tf.tanh(x @ self.w) * self.scale}

    module = Plain()
    return module, {"serving_default": module.run}


def _several(tf):
    class Several(tf.Module):
        def __init__(self):
            super().__init__()
            self.parts = [tf.Variable(tf.random.normal((2,)), name=f"parts/{name}") for name in "ab"]

        @tf.function(input_signature=[_spec(tf, None, 2, name="second"), _spec(tf, None, None, 2, name="first")])
        def run(self, second, first):
            total = second * self.parts[0] + tf.reduce_sum(first * self.parts[1], axis=1)
            return {"total": total, "difference": second - tf.reduce_mean(first, axis=1)}

        @tf.function(input_signature=[_spec(tf, None, 2, name="x")])
        def other(self, x):
            return {"doubled": x * 2.0 * self.parts[0]}

    module = Several()
    return module, {"serving_default": module.run, "other": module.other}


def _exported(tf):
    import tf_keras

    seen = tf_keras.Input((4,), name="seen")
    hidden = tf_keras.layers.Dense(3, activation="relu", name="hidden")(seen)
    hidden = tf_keras.layers.BatchNormalization(name="norm")(hidden)
    return tf_keras.Model(seen, tf_keras.layers.Dense(1, name="out")(hidden)), None


def _counting(tf):
    class Counting(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = tf.Variable([1.0, 2.0], name="w")
            self.calls = tf.Variable(5, trainable=True, name="calls", dtype="int64")

        @tf.function(input_signature=[_spec(tf, None, 2, name="x")])
        def run(self, x):
            self.calls.assign_add(1)
            return {"y": x * self.w + tf.cast(self.calls, tf.float32)}

    module = Counting()
    return module, {"serving_default": module.run}


def _drawing(tf):
    class Drawing(tf.Module):
        @tf.function(input_signature=[_spec(tf, None, 2, name="x")])
        def run(self, x):
            return {"y": x + tf.random.uniform(tf.shape(x))}

    module = Drawing()
    return module, {"serving_default": module.run}


def _text(tf):
    class Text(tf.Module):
        @tf.function(input_signature=[_spec(tf, None, name="words", dtype="string"), _spec(tf, name="n")])
        def run(self, words, n):
            return {"length": tf.strings.length(words), "n": n}

    module = Text()
    return module, {"serving_default": module.run}


def _nameless(tf):
    class Nameless(tf.Module):
        @tf.function(input_signature=[_spec(tf, None, name="x")])
        def run(self, x):
            return {"y": x}

    module = Nameless()
    return module, {"one": module.run, "two": module.run}


def _version_1(v1):
    x = v1.placeholder("float32", (None, 3), name="x")
    w = v1.get_variable("layer/w", initializer=np.arange(6, dtype="float32").reshape(3, 2) / 10, use_resource=True)
    b = v1.get_variable("layer/b", initializer=np.ones(2, "float32"), use_resource=True, trainable=False)
    return {"x": x}, {"y": v1.math.tanh(v1.matmul(x, w) + b)}


def _version_1_old(v1):
    x = v1.placeholder("float32", (None, 3), name="x")
    w = v1.get_variable("w", initializer=np.arange(6, dtype="float32").reshape(3, 2) / 10, use_resource=False)
    return {"x": x}, {"y": v1.math.tanh(v1.matmul(x, w))}


def _write_version_1(tf, make, path):
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        inputs, outputs = make(v1)
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, path, inputs, outputs)
        x = np.random.RandomState(1).normal(size=(5, 3)).astype("float32")
        (found,) = session.run(list(outputs.values()), {inputs["x"]: x})
        trained = _trained_in_session(v1, session, inputs["x"], outputs["y"], x)
        np.savez(path + ".npz", **{"input/x": x, "output/y": found, "losses": trained})


def _trained_in_session(v1, session, seen, result, x):
    loss = v1.reduce_mean(v1.square(result))
    step = v1.train.GradientDescentOptimizer(RATE).minimize(loss)
    return [session.run([loss, step], {seen: x})[0] for _ in range(STEPS)]


def _truth(tf, path):
    """Inputs, outputs, and the losses of some steps of training, as TensorFlow opens the file."""
    opened = tf.saved_model.load(path)
    signature = opened.signatures["serving_default"]
    random = np.random.RandomState(2)
    inputs = {
        name: random.normal(size=[5 if n is None else n for n in spec.shape]).astype("float32")
        for name, spec in signature.structured_input_signature[1].items()
    }
    tensors = {name: tf.constant(value) for name, value in inputs.items()}
    found = {f"output/{name}": value.numpy() for name, value in signature(**tensors).items()}
    found.update({f"input/{name}": value for name, value in inputs.items()})
    # An exported model has the variables that train in a list of its own.
    variables = list(getattr(opened, "trainable_variables", signature.trainable_variables))
    variables = [variable for variable in variables if variable.dtype.is_floating]
    found["losses"] = [_step(tf, signature, tensors, variables) for _ in range(STEPS)]
    found.update({f"after/{v.name.split(':')[0]}": v.numpy() for v in signature.variables})
    return found


def _step(tf, signature, tensors, variables):
    with tf.GradientTape() as tape:
        loss = sum(tf.reduce_mean(tf.square(value)) for value in signature(**tensors).values())
    for variable, gradient in zip(variables, tape.gradient(loss, variables), strict=True):
        variable.assign_sub(RATE * gradient)
    return float(loss)
