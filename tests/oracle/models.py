"""Ten different models, each built under tf.keras (2.3 and later), tf_keras or Keras 3 alike, and data for them.

A builder takes the keras module and gives a compiled model: ``MODELS["conv_batchnorm"](keras)``. ``legacy=True`` takes
the optimizer from ``keras.optimizers.legacy``, where that exists. Nothing in them is random once built (no dropout), so
that two runtimes can be compared step by step. The source must be readable by Python 3.8.
"""

import numpy as np

CLASSES = 10
BATCH = 4


def resolve_keras():
    """tf_keras where it is installed, else the Keras in TensorFlow."""
    try:
        import tf_keras as keras
    except ImportError:
        from tensorflow import keras
    return keras


def build(name, keras, legacy=False):
    """Build the model of this name, with layer names and initial values that do not depend on what was built before."""
    keras.backend.clear_session()
    seed = getattr(keras.utils, "set_random_seed", None)  # not in TF 2.3
    if seed is not None:
        seed(7)
    return MODELS[name](keras, legacy=legacy)


def _optimizer(keras, legacy, name, **settings):
    """An optimizer; AdamW is Adam where it does not exist."""
    home = getattr(keras.optimizers, "legacy", None) if legacy else None
    home = home if home is not None else keras.optimizers
    if name == "AdamW" and not hasattr(home, "AdamW"):
        name = "Adam"
        settings.pop("weight_decay", None)
    return getattr(home, name)(**settings)


def dense(keras, legacy=False):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((12,), name="features"),
            layers.Dense(16, activation="relu", kernel_regularizer=keras.regularizers.l2(1e-3)),
            layers.Dense(8, activation="tanh", kernel_initializer="he_normal"),
            layers.Dense(CLASSES),
            layers.Softmax(),
        ]
    )
    optimizer = _optimizer(keras, legacy, "Adam", learning_rate=2e-3)
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def conv_batchnorm(keras, legacy=False):
    layers = keras.layers
    image = keras.Input((16, 16, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", use_bias=False)(image)
    x = layers.BatchNormalization(momentum=0.9)(x)
    x = layers.ReLU()(x)
    x = layers.DepthwiseConv2D(3, strides=2, padding="same")(x)
    x = layers.BatchNormalization(momentum=0.9, scale=False)(x)
    x = layers.LeakyReLU()(x)
    x = layers.SeparableConv2D(12, 3, activation="relu")(x)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Conv2DTranspose(6, 2, strides=2)(x)
    x = layers.ZeroPadding2D(1)(x)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Flatten()(x)
    model = keras.Model(image, layers.Dense(CLASSES, activation="softmax", name="label")(x))
    optimizer = _optimizer(keras, legacy, "SGD", learning_rate=1e-2, momentum=0.9, nesterov=True)
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.1)
    model.compile(optimizer, loss=loss, metrics=["accuracy", keras.metrics.TopKCategoricalAccuracy(k=3, name="top3")])
    return model


def recurrent(keras, legacy=False):
    layers = keras.layers
    words = keras.Input((9,), dtype="int32", name="words")
    x = layers.Embedding(30, 8)(words)
    x = layers.Bidirectional(layers.LSTM(6, return_sequences=True))(x)
    x = layers.TimeDistributed(layers.Dense(5, activation="tanh"))(x)
    x = layers.GRU(7)(x)
    model = keras.Model(words, layers.Dense(1, activation="sigmoid")(x))
    optimizer = _optimizer(keras, legacy, "RMSprop", learning_rate=1e-3, momentum=0.5, centered=True)
    metrics = [keras.metrics.BinaryAccuracy(), keras.metrics.AUC(num_thresholds=50, name="auc")]
    model.compile(optimizer, loss="binary_crossentropy", metrics=metrics)
    return model


def attention(keras, legacy=False):
    layers = keras.layers
    sequence = keras.Input((6, 8), name="sequence")
    x = layers.LayerNormalization()(sequence)
    if hasattr(layers, "MultiHeadAttention"):  # not in TF 2.3
        x = layers.Add()([sequence, layers.MultiHeadAttention(num_heads=2, key_dim=4)(x, x)])
    query = layers.Dense(8)(x)
    x = layers.Attention(use_scale=True)([query, x])
    x = layers.Add()([x, layers.AdditiveAttention()([query, x])])
    x = layers.LayerNormalization(axis=[1, 2])(x)
    x = layers.GlobalAveragePooling1D()(x)
    model = keras.Model(sequence, layers.Dense(3)(x))
    optimizer = _optimizer(keras, legacy, "AdamW", learning_rate=1e-3, weight_decay=4e-3)
    model.compile(optimizer, loss="mse", metrics=["mae"])
    return model


def shared_nested(keras, legacy=False):
    """A layer called twice, a Sequential called twice, a functional model in a functional model."""
    layers = keras.layers
    left, right = keras.Input((6,), name="left"), keras.Input((6,), name="right")
    shared = layers.Dense(6, activation="relu", name="shared")
    tower = keras.Sequential([keras.Input((6,)), layers.Dense(5, activation="elu"), layers.Dense(4)], name="tower")
    pair = [keras.Input((4,), name="a"), keras.Input((4,), name="b")]
    joined = layers.Concatenate()([layers.Subtract()(pair), layers.Multiply()(pair)])
    head = keras.Model(pair, layers.Dense(3, activation="tanh")(joined), name="head")
    a, b = tower(shared(left)), tower(shared(shared(right)))
    out = layers.Average()([head([a, b]), head([b, a])])
    model = keras.Model([left, right], layers.Dense(1, name="score")(out), name="siamese")
    optimizer = _optimizer(keras, legacy, "Adam", learning_rate=1e-3, amsgrad=True)
    metrics = [keras.metrics.RootMeanSquaredError(name="rmse")]
    model.compile(optimizer, loss=keras.losses.Huber(delta=0.7), metrics=metrics)
    return model


def multi(keras, legacy=False):
    """Two inputs, two outputs, losses and metrics by name, weighted; a learning-rate schedule."""
    layers = keras.layers
    image, numbers = keras.Input((8, 8, 1), name="image"), keras.Input((5,), name="numbers")
    x = layers.Conv2D(4, 3, activation="relu")(image)
    x = layers.GlobalMaxPooling2D()(x)
    y = layers.PReLU()(layers.Dense(6)(numbers))
    x = layers.Concatenate()([x, y])
    label = layers.Dense(CLASSES, activation="softmax", name="label")(x)
    price = layers.Dense(1, name="price")(x)
    model = keras.Model([image, numbers], [label, price])
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-2, decay_steps=3, decay_rate=0.8)
    model.compile(
        _optimizer(keras, legacy, "Adam", learning_rate=schedule),
        loss={"label": "sparse_categorical_crossentropy", "price": "mse"},
        loss_weights={"label": 1.0, "price": 0.25},
        metrics={"label": ["accuracy"], "price": [keras.metrics.MeanAbsoluteError(name="mae")]},
    )
    return model


def _application(name, optimizer, **settings):
    """A builder of a Keras application."""

    def builder(keras, legacy=False):
        model = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3), classes=CLASSES)
        model = _without_dropout(model)
        chosen = _optimizer(keras, legacy, optimizer, **settings)
        model.compile(chosen, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    builder.__name__ = name
    return builder


def _without_dropout(model):
    """Rebuild a model whose dropout layers let everything pass."""
    config = model.get_config()
    dropouts = [layer["config"] for layer in config["layers"] if "rate" in layer["config"]]
    if not dropouts:
        return model
    for dropout in dropouts:
        dropout["rate"] = 0.0
    return type(model).from_config(config)


# Untrained deep networks that normalize by few values are chaotic: with inputs changed in their last bit, the second
# loss of tf_keras itself moves by up to 0.6. So the steps are small, and truth.sensitivity says what rounding does.
MODELS = {
    "dense": dense,
    "conv_batchnorm": conv_batchnorm,
    "recurrent": recurrent,
    "attention": attention,
    "shared_nested": shared_nested,
    "multi": multi,
    "resnet50": _application("ResNet50", "SGD", learning_rate=1e-5, momentum=0.9),
    "mobilenet_v2": _application("MobileNetV2", "RMSprop", learning_rate=1e-6),
    "efficientnet_b0": _application("EfficientNetB0", "Adam", learning_rate=1e-6),
    "densenet121": _application("DenseNet121", "SGD", learning_rate=1e-5, momentum=0.9, nesterov=True),
}
APPLICATIONS = ("resnet50", "mobilenet_v2", "efficientnet_b0", "densenet121")


def data(name, seed):
    """A batch for the model of this name: (inputs, targets), lists of float32 or int32. Same seed, same batch."""
    random = np.random.RandomState(seed)

    def normal(*shape):
        return random.normal(size=(BATCH, *shape)).astype("float32")

    def integers(high, *shape):
        return random.randint(0, high, size=(BATCH, *shape)).astype("int32")

    if name == "dense":
        return [normal(12)], [integers(CLASSES)]
    if name == "conv_batchnorm":
        return [normal(16, 16, 3)], [np.eye(CLASSES, dtype="float32")[integers(CLASSES)]]
    if name == "recurrent":
        return [integers(30, 9)], [integers(2, 1).astype("float32")]
    if name == "attention":
        return [normal(6, 8)], [normal(3)]
    if name == "shared_nested":
        return [normal(6), normal(6)], [normal(1)]
    if name == "multi":
        return [normal(8, 8, 1), normal(5)], [integers(CLASSES), normal(1)]
    if name == "efficientnet_b0":  # its first layer scales pixels
        return [128 + 64 * normal(64, 64, 3)], [integers(CLASSES)]
    return [normal(64, 64, 3)], [integers(CLASSES)]
