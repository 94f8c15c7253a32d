"""Write tests/golden/keras-1.2.2-<backend>/: models as Keras 1 saved them, with what Keras 1 made of them beside.

Run it in a Python that has Keras 1: ``KERAS_BACKEND=theano PYTHON tools/golden/keras1.py``, and again with
``tensorflow``. Committed is what was written on Linux, Python 3.7.16, by keras 1.2.2, Theano 1.0.5 and tensorflow
1.15.5, numpy 1.18.5, h5py 2.10.0.

Each directory ``<model>/`` has ``model.h5``, whole and compiled, ``weights.h5``, and ``truth.npz`` under the keys of
tests/oracle/truth.py: inputs, predictions, and for models without random layers the losses of two more steps and the
predictions after them. ``*_th`` and ``*_tf`` are made in Theano's order of dimensions and in TensorFlow's.
The source must be readable by Python 3.7.
"""

import os
import shutil
import sys
from pathlib import Path

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", THEANO_FLAGS="floatX=float32,optimizer=fast_compile")

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import keras
from keras import backend as K
from keras import layers as L
from keras.layers import Input, merge
from keras.models import Model, Sequential
from keras.regularizers import activity_l2, l1l2, l2

from tests.oracle import truth

if K.backend() == "theano":
    import theano.ifelse  # noqa: F401 (Keras 1 uses it without importing it)

BATCH = 4
STEPS = 3


def image(height, width, channels):
    """The shape of an image in the order that is set."""
    return (channels, height, width) if K.image_dim_ordering() == "th" else (height, width, channels)


def channel_axis():
    return 1 if K.image_dim_ordering() == "th" else -1


def conv():
    model = Sequential()
    model.add(L.ZeroPadding2D((1, 1), input_shape=image(6, 8, 2), name="padded"))
    model.add(L.Convolution2D(3, 3, 2, activation="relu", init="he_normal", W_regularizer=l2(1e-3), name="conv"))
    model.add(L.BatchNormalization(axis=channel_axis(), mode=0))
    model.add(L.Convolution2D(4, 3, 3, border_mode="same", bias=False))
    model.add(L.Convolution2D(3, 2, 2, subsample=(2, 1)))
    model.add(L.LeakyReLU(0.2))
    model.add(L.MaxPooling2D((2, 2)))
    model.add(L.UpSampling2D((1, 2)))
    model.add(L.Flatten())
    model.add(L.Dropout(0.0))
    model.add(L.Dense(3, activation="softmax"))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def uneven():
    """Theano pads an even kernel and strides on other sides than all others."""
    model = Sequential()
    model.add(L.Convolution2D(2, 2, 2, border_mode="same", subsample=(2, 2), input_shape=image(5, 6, 2)))
    model.add(L.GlobalAveragePooling2D())
    model.compile("sgd", "mse")
    return model


def dilated():
    model = Sequential()
    model.add(L.AtrousConvolution2D(3, 2, 2, atrous_rate=(2, 2), input_shape=image(7, 6, 2)))
    model.add(L.Cropping2D(((1, 0), (0, 1))))
    model.add(L.AveragePooling2D((2, 2), strides=(1, 1), border_mode="valid"))
    model.add(L.GlobalAveragePooling2D())
    model.add(L.Dense(1))
    model.compile("sgd", "mse")
    return model


def upward():
    model = Sequential()
    shape = (BATCH, *image(5, 7, 3))
    model.add(L.Deconvolution2D(3, 2, 3, shape, subsample=(1, 1), border_mode="valid", input_shape=image(4, 5, 2)))
    model.add(L.GlobalMaxPooling2D())
    model.compile("sgd", "mse")
    return model


def separable():
    model = Sequential()
    model.add(L.SeparableConvolution2D(4, 3, 2, depth_multiplier=2, activation="tanh", input_shape=image(6, 5, 2)))
    model.add(L.GlobalMaxPooling2D())
    model.compile("rmsprop", "mse")
    return model


def volume():
    shape = (2, 4, 5, 4) if K.image_dim_ordering() == "th" else (4, 5, 4, 2)
    model = Sequential()
    model.add(L.Convolution3D(3, 2, 3, 2, input_shape=shape, activation="relu"))
    model.add(L.MaxPooling3D((1, 2, 1), border_mode="valid"))
    model.add(L.Flatten())
    model.add(L.Dense(1))
    model.compile("adagrad", "mae")
    return model


def conv_lstm():
    shape = (3, *image(5, 4, 2))
    model = Sequential()
    model.add(L.ConvLSTM2D(2, 3, 3, border_mode="same", input_shape=shape, return_sequences=True))
    model.add(L.TimeDistributed(L.Flatten()))
    model.add(L.TimeDistributed(L.Dense(1)))
    model.compile("adam", "mse")
    return model


def series():
    model = Sequential()
    model.add(L.Convolution1D(4, 3, border_mode="same", activation="relu", input_dim=3, input_length=8))
    model.add(L.MaxPooling1D(2))
    model.add(L.ZeroPadding1D(1))
    model.add(L.UpSampling1D(2))
    model.add(L.Cropping1D((1, 1)))
    model.add(L.AveragePooling1D(2, stride=1))
    model.add(L.GlobalMaxPooling1D())
    model.add(L.RepeatVector(2))
    model.add(L.Permute((2, 1)))
    model.add(L.Reshape((8,)))
    model.add(L.Dense(1, activation="sigmoid"))
    model.compile(keras.optimizers.SGD(lr=0.05, momentum=0.9, decay=0.1, nesterov=True), "binary_crossentropy")
    return model


def recurrent():
    model = Sequential()
    model.add(L.Embedding(11, 5, input_length=6, mask_zero=True))
    model.add(L.Bidirectional(L.LSTM(3, return_sequences=True), merge_mode="concat"))
    model.add(L.GRU(4, return_sequences=True, consume_less="gpu"))
    model.add(L.SimpleRNN(3, return_sequences=True, inner_init="glorot_uniform"))
    model.add(L.TimeDistributed(L.Dense(2, activation="tanh")))
    model.add(L.LSTM(3, go_backwards=True, inner_activation="sigmoid", forget_bias_init="zero"))
    model.add(L.Dense(1))
    model.compile("adam", "mse", metrics=["mae"])
    return model


def merges():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    shared = L.Dense(3, activation="tanh", name="shared")
    p, q = shared(a), shared(b)
    found = [merge([p, q], mode=mode) for mode in ("sum", "mul", "concat", "ave", "max")]
    found += [merge([p, q], mode="dot", dot_axes=1), merge([p, q], mode="cos", dot_axes=1)]
    x = merge([found[0], found[1], found[3], found[4]], mode="concat", concat_axis=1, name="all")
    inner_input = Input((12,))
    inner = Model(inner_input, L.BatchNormalization()(L.Dense(3, name="deep")(inner_input)), name="inner")
    head = Sequential(name="head")
    head.add(L.Dense(2, input_dim=3, activation="hard_sigmoid"))
    out = head(inner(x))
    cos = L.Flatten()(found[6]) if K.ndim(found[6]) == 3 else found[6]
    other = L.Dense(1, name="other")(merge([found[2], found[5]], mode="concat"))
    model = Model([a, b], [out, other, cos])
    losses = ["mse", "mae", "cosine_proximity"]
    model.compile(keras.optimizers.Adamax(), losses, loss_weights=[1.0, 0.5, 0.25])
    return model


def towers():
    left, right = Sequential(), Sequential()
    left.add(L.Dense(3, input_dim=4, activation="relu"))
    right.add(L.Embedding(7, 2, input_length=3))
    right.add(L.Flatten())
    model = Sequential()
    model.add(L.Merge([left, right], mode="concat", concat_axis=1))
    model.add(L.Dense(2))
    model.compile("nadam", "mse")
    return model


def odd():
    model = Sequential()
    model.add(L.TimeDistributedDense(4, input_dim=3, input_length=2))
    model.add(L.Flatten())
    model.add(L.MaxoutDense(5, nb_feature=3))
    model.add(L.Highway(activation="tanh"))
    model.add(L.PReLU())
    model.add(L.ELU(0.7))
    model.add(L.ThresholdedReLU(0.1))
    model.add(L.ParametricSoftplus())
    model.add(L.SReLU())
    model.add(L.Dense(2, W_constraint="maxnorm", b_regularizer=l1l2(1e-3, 1e-3)))
    model.add(L.ActivityRegularization(l2=1e-3))
    model.compile("adadelta", "mse")
    return model


def noisy():
    model = Sequential()
    model.add(L.GaussianNoise(0.1, input_shape=(4, 3)))
    model.add(L.SpatialDropout1D(0.3))
    model.add(L.Masking(0.5))
    model.add(L.GRU(3, dropout_W=0.2, dropout_U=0.3))
    model.add(L.GaussianDropout(0.2))
    model.add(L.Dropout(0.5))
    model.add(L.Dense(3, activity_regularizer=activity_l2(1e-3)))
    model.add(L.Activation("softmax"))
    model.compile("rmsprop", "categorical_crossentropy", metrics=["acc"], sample_weight_mode=None)
    return model


IMAGES = [conv, uneven, dilated, upward, separable, volume, conv_lstm]
OTHERS = [series, recurrent, merges, towers, odd, noisy]
RANDOM = {"noisy"}
# Keras 1 has no separable convolution on Theano, and a product of batches needs a BLAS library there.
WITHOUT = {"theano": {"separable", "merges"}, "tensorflow": set()}


def arrays(shapes, layers, seed):
    """Numbers of these shapes; for an Embedding, indices."""
    random = np.random.RandomState(seed)
    return [
        random.randint(0, 7, size=(BATCH, *shape[1:])).astype("float32")
        if integers
        else random.normal(size=(BATCH, *shape[1:])).astype("float32")
        for shape, integers in zip(shapes, layers)
    ]


def batch(model, seed):
    embedded = [name.startswith("embedding") for name in model.input_names]
    x = arrays([K.int_shape(i) for i in model.inputs], embedded, seed)
    y = arrays([tuple(shape) for shape in truth.several(model.internal_output_shapes)], [False] * 9, seed + 500)
    losses = truth.several(model.loss)
    return x, [np.abs(a) if "crossentropy" in losses[0] else a for a in y]


def write(directory, build):
    if K.backend() == "tensorflow":
        K.clear_session()
    np.random.seed(7)
    model = build()
    network = getattr(model, "model", model)
    for seed in range(STEPS):
        x, y = batch(network, seed)
        model.train_on_batch(truth.one_or_all(x), truth.one_or_all(y))
    shutil.rmtree(str(directory), ignore_errors=True)
    directory.mkdir(parents=True)
    model.save(str(directory / "model.h5"))
    model.save_weights(str(directory / "weights.h5"))
    x, _ = batch(network, truth.PREDICTED)
    following = [batch(network, truth.TRAINED_AFTER + i) for i in range(truth.STEPS_AFTER)]
    found = dict(truth.inputs(x, following))
    found.update(predictions(model, x))
    if build.__name__ not in RANDOM:
        losses = [model.train_on_batch(truth.one_or_all(a), truth.one_or_all(b)) for a, b in following]
        found["more/losses"] = np.asarray([truth.several(loss)[0] for loss in losses], "float32")
        found.update(("more/" + key, value) for key, value in predictions(model, x).items())
    found["writer"] = np.asarray("Keras %s on %s, Python %s" % (keras.__version__, K.backend(), sys.version.split()[0]))
    np.savez_compressed(str(directory / "truth.npz"), **found)


def predictions(model, x):
    said = model.predict(truth.one_or_all(x), batch_size=BATCH)
    return {"prediction/%d" % i: p for i, p in enumerate(truth.several(said))}


def main(names):
    place = ROOT / "tests/golden" / ("keras-%s-%s" % (keras.__version__, K.backend()))
    K.set_floatx("float32")
    for ordering, builders in (("th", IMAGES), ("tf", IMAGES), (None, OTHERS)):
        for build in builders:
            name = build.__name__ if ordering is None else "%s_%s" % (build.__name__, ordering)
            if build.__name__ in WITHOUT[K.backend()] or (names and name not in names):
                continue
            K.set_image_dim_ordering(ordering or "tf")
            write(place / name, build)
            print(name, sum(file.stat().st_size for file in (place / name).iterdir()))


if __name__ == "__main__":
    main(sys.argv[1:])
