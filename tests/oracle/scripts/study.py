"""Models for looking into, as real TensorFlow writes them, and what Keras itself says of their layers."""

import numpy as np


def _layers(model, depth=0):
    """(depth, name, class, parameters) of every layer in a model and in the models in it."""
    for layer in model.layers:
        yield [depth, layer.name, type(layer).__name__, layer.count_params(), layer.trainable]
        if hasattr(layer, "layers"):
            for inner in _layers(layer, depth + 1):
                yield inner


def _count(weights):
    return int(sum(np.prod(weight.shape) for weight in weights))


def _about(model):
    return {
        "layers": list(_layers(model)),
        "parameters": model.count_params(),
        "trainable": _count(model.trainable_weights),
    }


def save_all(name, directory, legacy):
    """One of the ten models, trained one step, in every format."""
    from tests.oracle import models, truth

    model = models.build(name, models.resolve_keras(), legacy=legacy)
    truth.train(model, [models.data(name, 0)])
    model.save(directory + "/saved_model", save_format="tf")
    model.save(directory + "/model.h5", save_format="h5")
    model.save(directory + "/model.keras", save_format="keras")
    model.save_weights(directory + "/checkpoint", save_format="tf")
    model.save_weights(directory + "/weights.h5", save_format="h5")
    return _about(model)


def save_frozen(directory):
    """A frozen model in a model that trains, with a learning rate schedule."""
    from tests.oracle.models import resolve_keras

    keras = resolve_keras()
    base = [keras.layers.Dense(3, name="dense"), keras.layers.BatchNormalization(name="norm")]
    base = keras.Sequential([keras.Input((4,)), *base], name="base")
    base.trainable = False
    model = keras.Sequential([base, keras.layers.Dense(2, name="head")], name="outer")
    rate = keras.optimizers.schedules.ExponentialDecay(0.5, 10, 0.9)
    model.compile(keras.optimizers.SGD(rate, momentum=0.9), "mse")
    model.train_on_batch(np.ones((2, 4), "float32"), np.ones((2, 2), "float32"))
    model.save(directory + "/saved_model", save_format="tf")
    model.save(directory + "/model.h5", save_format="h5")
    model.save(directory + "/model.keras", save_format="keras")
    return _about(model)


def save_subclassed(path):
    """A model of a class of its own: layers in a list and a dictionary, one of them twice, and a variable."""
    from tests.oracle.models import resolve_keras

    keras = resolve_keras()

    class Sub(keras.Model):
        def __init__(self):
            super().__init__(name="sub")
            self.blocks = [keras.layers.Dense(3, name="one"), keras.layers.Dense(2, name="two")]
            self.named = {"norm": keras.layers.LayerNormalization(name="norm")}
            self.again = self.blocks[0]
            self.scale = self.add_weight(name="scale", shape=(2,))

        def call(self, x):
            for block in self.blocks:
                x = block(x)
            return self.named["norm"](x) * self.scale

    model = Sub()
    model(np.ones((1, 4), "float32"))
    model.save(path, save_format="tf")
    return model.count_params()


def save_module(path):
    """A SavedModel that never was Keras."""
    import tensorflow as tf

    class Module(tf.Module):
        def __init__(self):
            self.w = tf.Variable(tf.ones((3, 2)), name="w")
            self.steps = [tf.Variable(0, trainable=False)]

    module = Module()
    f = tf.function(lambda x: x @ module.w, input_signature=[tf.TensorSpec((None, 3), tf.float32, name="x")])
    tf.saved_model.save(module, path, signatures={"apply": f.get_concrete_function()})


def save_tf1(path):
    """A SavedModel of TensorFlow 1, whose variables have names only."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, (None, 3), name="x")
        y = x @ v1.get_variable("layer/w", (3, 2), use_resource=False)
        session.run(v1.global_variables_initializer())
        signature = v1.saved_model.predict_signature_def({"x": x}, {"y": y})
        builder = v1.saved_model.Builder(path)
        builder.add_meta_graph_and_variables(session, ["serve", "v1"], {"serving_default": signature})
        builder.save()


def save_with_rare_ops(directory):
    """A SavedModel of either TensorFlow, with an op that hardly anyone uses; the first has it in a branch."""
    import tensorflow as tf

    def rare(x):
        return x + tf.raw_ops.SobolSample(dim=2, num_results=3, skip=1, dtype=tf.float32)

    @tf.function(input_signature=[tf.TensorSpec((3, 2), tf.float32, name="x")])
    def f(x):
        return tf.cond(tf.reduce_sum(x) > 0.0, lambda: rare(x), lambda: -x)

    module = tf.Module()
    module.w = tf.Variable(1.0)
    module.f = f
    tf.saved_model.save(module, directory + "/tf2", signatures={"apply": f})
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, (3, 2), name="x")
        v1.get_variable("w", (3, 2))
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, directory + "/tf1", {"x": x}, {"y": rare(x)})
        v1.saved_model.simple_save(session, directory + "/tf1_without", {"x": x}, {"y": -x})
