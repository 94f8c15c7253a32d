"""Write tests/golden/<keras>/: models as standalone Keras 2.0 to 2.3 and the tf.keras of TensorFlow 1 saved them.

Run it in a Python that has one of them: ``PYTHON tools/golden/keras2.py``, and for tf.keras
``PYTHON tools/golden/keras2.py tf.keras``. Committed is what was written on Linux, Python 3.7.16, numpy 1.18.5, h5py
2.10.0, tensorflow 1.15.5, by

============  ================================
keras-2.0.9   keras 2.0.9 on that TensorFlow
keras-2.2.4   keras 2.2.4 on that TensorFlow
keras-2.3.1   keras 2.3.1 on that TensorFlow
tf-1.15       tf.keras of tensorflow 1.15.5
============  ================================

Each directory ``<model>/`` has ``model.h5``, whole and compiled, ``weights.h5``, and ``truth.npz`` under the keys of
tests/oracle/truth.py: inputs, predictions, the losses of two more steps and the predictions after them. TF 1.15 has
beside them ``exported`` (``tf.keras.experimental.export_saved_model``), ``saved`` (``model.save(save_format="tf")``, in
eager mode) and ``checkpoint/weights`` (``save_weights``), and ``named/weights`` (``tf.compat.v1.train.Saver``).
The source must be readable by Python 3.7.
"""

import os
import shutil
import sys
from pathlib import Path

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", KERAS_BACKEND="tensorflow", CUDA_VISIBLE_DEVICES="-1")

import numpy as np
import tensorflow as tf

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.oracle import truth
from tools.golden.packing import pack_if_large

STANDALONE = sys.argv[1:] != ["tf.keras"]
if STANDALONE:
    import keras
else:
    keras = tf.keras

L = keras.layers
BATCH = 4
STEPS = 3


def dense():
    x = keras.layers.Input((3,), name="x")
    shared = L.Dense(4, activation="tanh", kernel_regularizer=keras.regularizers.l2(1e-3), name="shared")
    y = L.BatchNormalization(name="norm")(shared(x))
    inner_input = L.Input((4,))
    inner = keras.models.Model(inner_input, L.Dense(3, name="deep")(inner_input), name="inner")
    again = shared(L.Dense(3, name="back", activation="hard_sigmoid")(inner(y)))
    a = L.Dense(2, activation="softmax", name="a")(L.concatenate([inner(y), again]))
    b = L.Dense(1, name="b", kernel_constraint=keras.constraints.MaxNorm(2.0))(L.add([y, again]))
    model = keras.models.Model(x, [a, b])
    optimizer = keras.optimizers.Adam(lr=1e-2)
    model.compile(optimizer, ["categorical_crossentropy", "mse"], loss_weights=[0.5, 1.0], metrics={"a": ["accuracy"]})
    return model


def conv():
    model = keras.models.Sequential()
    model.add(L.Conv2D(3, (3, 2), activation="relu", input_shape=(6, 5, 2)))
    model.add(L.DepthwiseConv2D(2, depth_multiplier=2) if hasattr(L, "DepthwiseConv2D") else L.Dropout(0.0))
    model.add(L.BatchNormalization(scale=False))
    model.add(L.LeakyReLU(0.1))
    model.add(L.SeparableConv2D(4, 2, padding="same"))
    model.add(L.Conv2DTranspose(2, 2, strides=2))
    model.add(L.PReLU(shared_axes=[1, 2]))
    model.add(L.MaxPooling2D())
    model.add(L.Flatten())
    model.add(L.Dense(1, use_bias=False, kernel_initializer=keras.initializers.RandomNormal(stddev=0.1)))
    model.compile(keras.optimizers.SGD(lr=0.01, momentum=0.9, nesterov=True), "mse", metrics=["mae"])
    return model


def recurrent():
    model = keras.models.Sequential()
    model.add(L.Embedding(9, 4, input_length=5, mask_zero=True))
    model.add(L.Bidirectional(L.LSTM(3, return_sequences=True)))
    model.add(L.GRU(3, return_sequences=True))
    model.add(L.TimeDistributed(L.Dense(4)))
    model.add(L.Bidirectional(L.SimpleRNN(2), merge_mode="sum"))
    model.add(L.Dense(2, activation="sigmoid"))
    model.compile(keras.optimizers.RMSprop(lr=1e-3), "binary_crossentropy")
    return model


def windows():
    shape = (4, 5, 4, 2)
    x = L.Input(shape)
    y = L.ConvLSTM2D(2, (2, 2))(x)
    z = L.Conv3D(2, 2, activation="elu")(x)
    y, z = L.GlobalAveragePooling2D()(y), L.GlobalMaxPooling3D()(z)
    model = keras.models.Model(x, L.Dense(1)(L.dot([y, z], axes=1, normalize=True)))
    model.compile(keras.optimizers.Nadam(), "logcosh" if hasattr(keras.losses, "logcosh") else "mae")
    return model


MODELS = [dense, conv, recurrent, windows]


def batch(model, name, seed):
    random = np.random.RandomState(seed)
    shapes = [tuple(keras.backend.int_shape(t)[1:]) for t in model.inputs]
    x = [random.normal(size=(BATCH, *shape)).astype("float32") for shape in shapes]
    if name == "recurrent":
        x = [random.randint(0, 9, size=(BATCH, *shapes[0])).astype("float32")]
    y = [np.abs(random.normal(size=(BATCH, *keras.backend.int_shape(t)[1:]))).astype("float32") for t in model.outputs]
    if name == "recurrent":
        y = [(a > 0.5).astype("float32") for a in y]
    return x, y


def train(model, batches):
    losses = [model.train_on_batch(truth.one_or_all(x), truth.one_or_all(y)) for x, y in batches]
    return np.asarray([truth.several(loss)[0] for loss in losses], "float32")


def predictions(model, x):
    said = model.predict(truth.one_or_all(x), batch_size=BATCH)
    return {"prediction/%d" % i: p for i, p in enumerate(truth.several(said))}


def write(directory, build):
    name = build.__name__
    keras.backend.clear_session()
    if not tf.executing_eagerly():
        # One at a time: else an optimizer reads its step now before and now after it was counted.
        config = tf.compat.v1.ConfigProto(inter_op_parallelism_threads=1, intra_op_parallelism_threads=1)
        keras.backend.set_session(tf.compat.v1.Session(config=config))
    np.random.seed(7)
    model = build()
    train(model, [batch(model, name, seed) for seed in range(STEPS)])
    shutil.rmtree(str(directory), ignore_errors=True)
    directory.mkdir(parents=True)
    save(model, directory)
    x, _ = batch(model, name, truth.PREDICTED)
    following = [batch(model, name, truth.TRAINED_AFTER + i) for i in range(truth.STEPS_AFTER)]
    found = dict(truth.inputs(x, following), **predictions(model, x))
    found["more/losses"] = train(model, following)
    found.update(("more/" + key, value) for key, value in predictions(model, x).items())
    version = "Keras %s on TensorFlow %s, Python %s" % (keras.__version__, tf.__version__, sys.version.split()[0])
    found["writer"] = np.asarray(version)
    np.savez_compressed(str(directory / "truth.npz"), **found)


def save(model, directory):
    model.save(str(directory / "model.h5"))
    model.save_weights(str(directory / "weights.h5"))
    if STANDALONE:
        return
    (directory / "checkpoint").mkdir()
    model.save_weights(str(directory / "checkpoint/weights"), save_format="tf")
    if tf.executing_eagerly():
        model.save(str(directory / "saved"), save_format="tf")
        pack_if_large(directory / "saved")
        return
    keras.experimental.export_saved_model(model, str(directory / "exported"))
    pack_if_large(directory / "exported")
    (directory / "named").mkdir()
    saver = tf.compat.v1.train.Saver(model.weights, save_relative_paths=True)
    saver.save(keras.backend.get_session(), str(directory / "named/weights"), write_meta_graph=False)


def main():
    version = "keras-" + keras.__version__ if STANDALONE else "tf-1.15"
    if "EAGER" in os.environ:
        tf.compat.v1.enable_v2_behavior()
        version += "-eager"
        del MODELS[2:]  # TimeDistributed and ConvLSTM2D do not run in its eager mode
    for build in MODELS:
        directory = ROOT / "tests/golden" / version / build.__name__
        write(directory, build)
        print(build.__name__, sum(file.stat().st_size for file in directory.rglob("*") if file.is_file()))


if __name__ == "__main__":
    main()
