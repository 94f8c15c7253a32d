"""Small models around one layer that Keras 3 dropped, for tf.keras; readable by Python 3.8.

``MODELS`` is a table of name: (builder of layers, shape of a sample). A builder takes the keras module and gives the
layers of a Sequential; all of them end in a Dense, so that they train.
"""

import numpy as np

BATCH = 8


def _batch_normalization(**settings):
    return lambda keras: [keras.layers.Dense(6), keras.layers.BatchNormalization(momentum=0.8, **settings)]


def _convolved(**settings):
    """Normalizes what the input itself does not."""
    return lambda keras: [
        keras.layers.Conv2D(4, 2, padding="same", activation="tanh"),
        keras.layers.BatchNormalization(momentum=0.8, **settings),
    ]


def _local_1d(**settings):
    return lambda keras: [keras.layers.LocallyConnected1D(3, 3, activation="tanh", **settings)]


def _local_2d(**settings):
    return lambda keras: [keras.layers.LocallyConnected2D(2, (3, 2), bias_initializer="ones", **settings)]


def _resizing(name, **settings):
    return lambda keras: [keras.layers.Resizing(5, 9, interpolation=name, **settings)]


def _upsampling(name, **settings):
    return lambda keras: [keras.layers.UpSampling2D((2, 3), interpolation=name, **settings)]


def _time_major(name, **settings):
    """Swaps batch and time around the layer, so that the model itself has the batch first."""

    def layers(keras):
        return [getattr(keras.layers, name)(4, time_major=True, return_sequences=True, **settings)]

    return layers


def _sync(keras):
    return [keras.layers.Dense(6), keras.layers.experimental.SyncBatchNormalization(momentum=0.8)]


CLIPPING = {"rmin": 0.7, "rmax": 1.4, "dmax": 0.3}

MODELS = {
    "thresholded_relu": (lambda keras: [keras.layers.Dense(6), keras.layers.ThresholdedReLU(theta=0.4)], (5,)),
    "local_1d_1": (_local_1d(strides=2), (9, 2)),
    "local_1d_2_same": (_local_1d(implementation=2, padding="same"), (6, 2)),
    "local_1d_3_first": (_local_1d(implementation=3, padding="same", data_format="channels_first"), (2, 6)),
    "local_1d_1_first": (_local_1d(data_format="channels_first"), (2, 6)),
    "local_2d_1": (_local_2d(strides=(1, 2)), (6, 7, 2)),
    "local_2d_1_first": (_local_2d(data_format="channels_first"), (2, 6, 5)),
    "local_2d_2": (_local_2d(implementation=2, kernel_regularizer="l2"), (5, 5, 2)),
    "local_2d_2_first": (_local_2d(implementation=2, padding="same", data_format="channels_first"), (2, 5, 4)),
    "local_2d_3_same": (_local_2d(implementation=3, padding="same", strides=2), (6, 5, 2)),
    "local_2d_3_first": (_local_2d(implementation=3, use_bias=False, data_format="channels_first"), (2, 5, 4)),
    "sync_batch": (_sync, (5,)),
    "renorm": (_batch_normalization(renorm=True), (5,)),
    "renorm_clipped": (_convolved(renorm=True, renorm_clipping=CLIPPING, renorm_momentum=0.7), (4, 4, 2)),
    "renorm_plain": (_batch_normalization(renorm=True, center=False, scale=False), (5,)),
    "virtual_batch": (_batch_normalization(virtual_batch_size=4), (5,)),
    "virtual_batch_4d": (_convolved(virtual_batch_size=2), (4, 4, 2)),
    "virtual_renorm": (_batch_normalization(virtual_batch_size=4, renorm=True), (5,)),
    "several_axes": (_convolved(axis=[1, 3]), (4, 4, 2)),
    "several_axes_renorm": (_convolved(axis=[1, 3], renorm=True), (4, 4, 2)),
    "resizing_area": (_resizing("area"), (7, 6, 2)),
    "resizing_bicubic": (_resizing("bicubic"), (7, 6, 2)),
    "resizing_gaussian": (_resizing("gaussian", crop_to_aspect_ratio=True), (9, 6, 2)),
    "resizing_mitchell": (_resizing("mitchellcubic"), (7, 6, 2)),
    "resizing_lanczos5": (_resizing("lanczos5"), (7, 6, 2)),
    "upsampling_area": (_upsampling("area"), (4, 3, 2)),
    "upsampling_bicubic": (_upsampling("bicubic"), (4, 3, 2)),
    "upsampling_gaussian": (_upsampling("gaussian"), (4, 3, 2)),
    "upsampling_mitchell": (_upsampling("mitchellcubic"), (4, 5, 1)),
    "fourier": (lambda keras: [keras.layers.Dense(4), _fourier(keras)], (5,)),
    "fourier_laplacian": (lambda keras: [_fourier(keras, "laplacian", scale=2.0)], (5,)),
    "lstm_time_major": (_time_major("LSTM"), (5, 3)),
    "gru_time_major": (_time_major("GRU", go_backwards=True), (5, 3)),
    "simple_time_major": (_time_major("SimpleRNN"), (5, 3)),
}


def _fourier(keras, kernel="gaussian", scale=None, trainable=True):
    return keras.layers.experimental.RandomFourierFeatures(
        7, kernel_initializer=kernel, scale=scale, trainable=trainable
    )


def build(name, keras):
    """The compiled model of this name."""
    keras.backend.clear_session()
    seed = getattr(keras.utils, "set_random_seed", None)  # not in TF 2.3
    if seed is not None:
        seed(11)
    builder, shape = MODELS[name]
    end = [] if "time_major" in name else [keras.layers.Flatten()]
    model = keras.Sequential([keras.Input(shape), *builder(keras), *end, keras.layers.Dense(2, activation="tanh")])
    model.compile(keras.optimizers.SGD(0.05, momentum=0.5), "mse")
    return model


def data(name, seed):
    """([inputs], [targets]); the targets of recurrent models have a time, too."""
    random = np.random.RandomState(seed)
    shape = MODELS[name][1]
    times = shape[:1] if "time_major" in name else ()
    x = random.normal(size=(BATCH, *shape)).astype("float32")
    return [x], [random.normal(size=(BATCH, *times, 2)).astype("float32")]
