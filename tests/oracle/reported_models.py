"""Models that users reported as lost, one to a case, built alike under tf_keras and Keras 3; and data for them.

``SECTIONS`` maps a section to ``{case: builder}``; a builder takes the keras module and gives a model, compiled where
it trains. ``classes`` are the layers and models of the users' own. The source must be readable by Python 3.8.
"""

import numpy as np

BATCH = 6


def _compiled(model, keras, optimizer="sgd", loss="mse", **settings):
    optimizer = keras.optimizers.SGD(0.05, momentum=0.9) if optimizer == "sgd" else optimizer
    model.compile(optimizer, loss=loss, **settings)
    return model


def _ops(keras):
    """Where cast, matmul and transpose are."""
    if hasattr(keras, "ops"):
        return keras.ops
    import tensorflow as tf

    return tf


def classes(keras):
    """The users' own classes, by the names under which files know them."""
    layers = keras.layers

    class TwoOfAKind(layers.Layer):
        """Two sublayers of one type."""

        def __init__(self, units, **keywords):
            super().__init__(**keywords)
            self.units = units
            self.one = layers.Dense(units, activation="tanh")
            self.two = layers.Dense(units)

        def build(self, input_shape):
            if hasattr(keras, "ops"):  # tf_keras builds them when they are called, and names their weights by them then
                self.one.build(input_shape)
                self.two.build((input_shape[0], self.units))
            super().build(input_shape)

        def call(self, x):
            return self.two(self.one(x))

        def compute_output_shape(self, input_shape):
            return (input_shape[0], self.units)

        def get_config(self):
            return dict(super().get_config(), units=self.units)

    class Nest(layers.Layer):
        """Takes ``[[a, b], [[c]]]``."""

        def __init__(self, **keywords):
            super().__init__(**keywords)
            self.inner = layers.Dense(3)

        def build(self, input_shape):
            self.inner.build((None, 4))
            super().build(input_shape)

        def call(self, x):
            (a, b), ((c,),) = x
            return self.inner(a) + self.inner(b) * c

        def compute_output_shape(self, input_shape):
            return (None, 3)

    class Tied(layers.Layer):
        """Gives a word's probability by the embedding that another layer trains."""

        def __init__(self, embedding=None, **keywords):
            super().__init__(**keywords)
            self.embedding = layers.Embedding(7, 4) if embedding is None else embedding

        def build(self, input_shape):
            if not self.embedding.built:
                self.embedding.build(None)
            self.bias = self.add_weight(name="bias", shape=(7,), initializer="zeros")
            super().build(input_shape)

        def call(self, words):
            x = self.embedding(words)
            table = _ops(keras).transpose(self.embedding.embeddings)
            return _ops(keras).matmul(x, table) + self.bias

        def compute_output_shape(self, input_shape):
            return (*input_shape, 7)

    class Halving(keras.optimizers.schedules.LearningRateSchedule):
        """A rate that halves itself after ``every`` steps, by degrees."""

        def __init__(self, rate, every):
            super().__init__()
            self.rate, self.every = rate, every

        def __call__(self, step):
            return self.rate * 0.5 ** (_ops(keras).cast(step, "float32") / self.every)

        def get_config(self):
            return {"rate": self.rate, "every": self.every}

    class TwoInputs(keras.Model):
        """Takes two tensors, not a list of them."""

        def __init__(self, **keywords):
            super().__init__(**keywords)
            self.left, self.right = layers.Dense(3, name="left"), layers.Dense(3, name="right")

        def build(self, left, right=None):
            self.left.build((None, 4))
            self.right.build((None, 5))
            self.built = True

        def call(self, left, right):
            return self.left(left) + self.right(right)

        def get_config(self):
            return {"name": self.name}

    return {each.__name__: each for each in (TwoOfAKind, Nest, Tied, Halving, TwoInputs)}


# Keras 2's HDF5 that Keras 3 refuses ---------------------------------------------------------------------------------


def slash_in_a_name(keras):
    layers = keras.layers
    image = keras.Input((6, 6, 2), name="image")
    x = layers.Conv2D(3, 3, name="conv1/conv")(image)
    x = layers.Conv2D(2, 3, name="conv1_conv")(x)
    x = layers.BatchNormalization(name="conv1/bn/0")(layers.Flatten()(x))
    return _compiled(keras.Model(image, layers.Dense(2, name="predictions/out")(x)), keras)


def operators(keras):
    import tensorflow as tf

    x = keras.Input((5, 4))
    y = keras.layers.Dense(4)(x) * 2 + 1
    y = tf.concat([y[:, 1:], x], axis=1)
    y = tf.reduce_mean(y, axis=1)
    return _compiled(keras.Model(x, keras.layers.Dense(2)(y)), keras)


def shared_sequential(keras):
    layers = keras.layers
    tower = keras.Sequential([layers.Dense(4, activation="tanh"), layers.Dense(3)], name="tower")
    left, right = keras.Input((5,), name="left"), keras.Input((5,), name="right")
    joined = layers.Concatenate()([tower(left), tower(right), tower(layers.Dense(5, name="turn")(left))])
    return _compiled(keras.Model([left, right], layers.Dense(1)(joined)), keras)


def shared_functional(keras):
    layers = keras.layers
    seen = keras.Input((5,), name="seen")
    hidden = layers.Dense(4, activation="tanh")(seen)
    branches = keras.Model(seen, [layers.Dense(3)(hidden), layers.Dense(2)(hidden)], name="branches")
    left, right = keras.Input((5,), name="left"), keras.Input((5,), name="right")
    (a, b), (c, d) = branches(left), branches(right)
    joined = layers.Concatenate()([layers.Subtract()([a, c]), layers.Multiply()([b, d])])
    return _compiled(keras.Model([left, right], layers.Dense(1)(joined)), keras)


def mixed_float16(keras):
    """The whole model: tf_keras itself then wraps the optimizer for the scaling of the loss."""
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        layers = keras.layers
        seen = keras.Input((5,))
        x = layers.BatchNormalization()(layers.Dense(4, activation="tanh")(seen))
        model = keras.Model(seen, layers.Dense(2, dtype="float32")(x))
        return _compiled(model, keras, keras.optimizers.Adam(0.01))
    finally:
        keras.mixed_precision.set_global_policy("float32")


def mixed_float16_legacy(keras):
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        seen = keras.Input((5,))
        model = keras.Model(seen, keras.layers.Dense(2)(keras.layers.Dense(4)(seen)))
        return _compiled(model, keras, keras.optimizers.legacy.Adam(0.01))
    finally:
        keras.mixed_precision.set_global_policy("float32")


def weighted_metrics(keras):
    seen = keras.Input((5,))
    model = keras.Model(seen, keras.layers.Dense(2, activation="sigmoid")(seen))
    found = [keras.metrics.MeanSquaredError(name="far")]
    return _compiled(model, keras, metrics=["mae", "accuracy"], weighted_metrics=["mae", *found])


def _dense(keras):
    layers = keras.layers
    return keras.Sequential([keras.Input((4,)), layers.Dense(5, activation="tanh"), layers.Dense(2)])


OPTIMIZERS = {
    "SGD": ("SGD", {"learning_rate": 0.1}),
    "SGD momentum": ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    "SGD clipped": ("SGD", {"learning_rate": 0.1, "clipnorm": 0.05}),
    "Adam": ("Adam", {"learning_rate": 0.05}),
    "Adam amsgrad": ("Adam", {"learning_rate": 0.05, "amsgrad": True, "clipvalue": 0.02}),
    "RMSprop": ("RMSprop", {"learning_rate": 0.01}),
    "RMSprop centered": ("RMSprop", {"learning_rate": 0.01, "momentum": 0.5, "centered": True}),
    "Adagrad": ("Adagrad", {"learning_rate": 0.1}),
    "Adadelta": ("Adadelta", {"learning_rate": 1.0}),
    "Adamax": ("Adamax", {"learning_rate": 0.05}),
    "Nadam": ("Nadam", {"learning_rate": 0.05}),
    "Ftrl": ("Ftrl", {"learning_rate": 0.1, "l1_regularization_strength": 0.01}),
}
NEW_OPTIMIZERS = {
    "AdamW": ("AdamW", {"learning_rate": 0.05, "weight_decay": 0.1}),
    "Adafactor": ("Adafactor", {"learning_rate": 0.05}),
    "Lion": ("Lion", {"learning_rate": 0.01}),
    "Adam averaged": ("Adam", {"learning_rate": 0.05, "use_ema": True, "ema_momentum": 0.9}),
    "SGD clipped as one": ("SGD", {"learning_rate": 0.1, "global_clipnorm": 0.05}),
}


def _optimizer(generation, class_name, settings):
    def builder(keras):
        home = keras.optimizers.legacy if generation == "legacy" else keras.optimizers
        return _compiled(_dense(keras), keras, getattr(home, class_name)(**settings))

    return builder


_OPTIMIZERS = {
    **{"new " + name: _optimizer("new", *made) for name, made in {**OPTIMIZERS, **NEW_OPTIMIZERS}.items()},
    **{"legacy " + name: _optimizer("legacy", *made) for name, made in OPTIMIZERS.items()},
}


# HDF5 ----------------------------------------------------------------------------------------------------------------


def permuted_nodes(keras):
    """Calls of a shared layer of which the first is not the first in the graph, and some are in no graph."""
    layers = keras.layers
    shared, other = layers.Dense(4, name="shared"), layers.Dense(4, activation="tanh", name="other")
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    late = shared(layers.Dense(4, name="before")(b))
    shared(keras.Input((4,), name="gone"))
    early, again = shared(a), other(shared(other(a)))
    return _compiled(keras.Model([b, a], layers.Add()([layers.Multiply()([again, early]), late])), keras)


def adapted_normalization(keras):
    normal = keras.layers.Normalization()
    normal.adapt(np.random.RandomState(1).normal(2.0, 3.0, (50, 4)).astype("float32"))
    return _compiled(keras.Sequential([normal, keras.layers.Dense(2)]), keras)


def many_layers(keras):
    """Names of 400 layers and of their optimizer's 1600 slots: more than one object header holds."""
    seen = keras.Input((2,))
    x = seen
    for i in range(400):
        x = keras.layers.Dense(2, name=f"a_layer_with_a_name_of_some_length_that_fills_the_header_{i:04d}")(x)
    return _compiled(keras.Model(seen, x), keras, keras.optimizers.Adam(1e-4))


def two_of_a_kind(keras):
    seen = keras.Input((4,))
    return _compiled(keras.Model(seen, classes(keras)["TwoOfAKind"](3, name="pair")(seen)), keras)


def constant_plus_half(keras):
    """``1.0 + x`` of float16 is float16."""
    seen = keras.Input((4,), dtype="float16")
    x = 1.0 + keras.layers.Dense(3, dtype="float16")(seen)
    return _compiled(keras.Model(seen, 2.0 * x - 0.5), keras)


def nested_lists(keras):
    inputs = [keras.Input((4,), name=name) for name in "abc"]
    a, b, c = inputs
    out = classes(keras)["Nest"](name="nest")([[a, b], [[keras.layers.Dense(1)(c)]]])
    return _compiled(keras.Model(inputs, out), keras)


def nested_model_inputs(keras):
    """A model whose inputs are a list in a list, called by another one."""
    layers = keras.layers
    a, b, c = (keras.Input((4,), name=name) for name in "abc")
    inner = keras.Model([[a, b], c], layers.Add()([layers.Subtract()([a, b]), layers.Dense(4)(c)]), name="inner")
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    return _compiled(keras.Model([x, y], inner([[x, y], layers.Dense(4)(x)])), keras)


# SavedModels ---------------------------------------------------------------------------------------------------------


def two_inputs(keras):
    layers = keras.layers
    a, b = keras.Input((4,), name="a"), keras.Input((3, 2), name="b")
    x = layers.Concatenate()([layers.Dense(3)(a), layers.LSTM(2)(b)])
    return _compiled(keras.Model([a, b], layers.Dense(2)(x)), keras)


def dict_inputs(keras):
    layers = keras.layers
    inputs = {"wide": keras.Input((4,), name="wide"), "deep": keras.Input((5,), name="deep")}
    x = layers.Concatenate()([inputs["wide"], layers.Dense(3, activation="tanh")(inputs["deep"])])
    return _compiled(keras.Model(inputs, layers.Dense(2)(x)), keras)


def dict_outputs(keras):
    layers = keras.layers
    seen = keras.Input((4,), name="seen")
    outputs = {"b": layers.Dense(2, name="b")(seen), "a": layers.Dense(3, name="a")(seen)}
    losses, weights = {"a": "mse", "b": "mae"}, {"a": 1.0, "b": 0.3}
    return _compiled(keras.Model(seen, outputs), keras, loss=losses, loss_weights=weights, metrics={"a": ["mae"]})


def custom_schedule(keras):
    rate = classes(keras)["Halving"](0.05, 3.0)
    return _compiled(_dense(keras), keras, keras.optimizers.Adam(rate))


def two_positional_inputs(keras):
    return classes(keras)["TwoInputs"](name="two")


# Behaviour -----------------------------------------------------------------------------------------------------------


def tied(keras):
    words = keras.Input((3,), dtype="int32", name="words")
    layer = classes(keras)["Tied"](name="tied")
    hidden = layer(words)
    return _compiled(keras.Model(words, hidden), keras)


def tied_twice(keras):
    """An embedding that the graph calls itself, and whose table another layer there multiplies by."""
    layers = keras.layers
    words = keras.Input((3,), dtype="int32", name="words")
    embedding = layers.Embedding(7, 4, name="embedding")
    x = layers.Dense(4, name="turn")(embedding(words))
    y = layers.Dot(axes=2)([x, embedding(words)])
    return _compiled(keras.Model(words, y), keras)


SECTIONS = {
    "keras3_refuses": {
        each.__name__: each
        for each in (
            *(slash_in_a_name, operators, shared_sequential, shared_functional, mixed_float16, mixed_float16_legacy),
            weighted_metrics,
        )
    },
    "optimizers": _OPTIMIZERS,
    "hdf5": {
        each.__name__: each
        for each in (
            *(permuted_nodes, adapted_normalization, many_layers, two_of_a_kind, constant_plus_half),
            *(nested_lists, nested_model_inputs),
        )
    },
    "saved_models": {
        each.__name__: each
        for each in (two_inputs, dict_inputs, dict_outputs, two_of_a_kind, custom_schedule, two_positional_inputs)
    },
    "behaviour": {each.__name__: each for each in (tied, tied_twice, shared_sequential, mixed_float16)},
}

# How the inputs and targets of a model are arranged where that is no list.
ARRANGED = {
    "dict_inputs": (lambda x: {"deep": x[0], "wide": x[1]}, None),
    "dict_outputs": (None, lambda y: {"ab"[i]: each for i, each in enumerate(y)}),
}
SHAPES = {
    "dict_inputs": ([(5,), (4,)], [(2,)]),
    "dict_outputs": ([(4,)], [(3,), (2,)]),
    "two_positional_inputs": ([(4,), (5,)], []),
    "adapted_normalization": ([(4,)], [(2,)]),
}
ONCE = ("many_layers",)  # trained for one step, and not on: tracing so many layers takes long


def arranged(name, x, y):
    """The inputs and targets as the model of this name takes them."""
    give = [how or (lambda each: each[0] if len(each) == 1 else list(each)) for how in ARRANGED.get(name, (None, None))]
    return give[0](x), give[1](y)


def batch(name, model, seed):
    """A batch for the model: (inputs, targets), two lists of arrays."""
    random = np.random.RandomState(seed)
    if name in SHAPES:
        return tuple([random.normal(size=(BATCH, *s)).astype("float32") for s in shapes] for shapes in SHAPES[name])
    return [_values(random, tensor) for tensor in model.inputs], [_values(random, tensor) for tensor in model.outputs]


def _values(random, tensor):
    shape = [BATCH if size is None else int(size) for size in tensor.shape]
    kind = str(getattr(tensor.dtype, "name", tensor.dtype))
    if "int" in kind:
        return random.randint(0, 7, shape).astype(kind)
    return random.normal(size=shape).astype("float16" if kind == "float16" else "float32")
