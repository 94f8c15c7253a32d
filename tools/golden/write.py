"""Write tests/golden/<version>/: small archives by one real TensorFlow, as it wrote them, with the truth beside them.

Run it in each TensorFlow's own Python: ``PYTHON tools/golden/write.py``. Committed is what was written on Linux by

=======  ==========================================  ==============
version  TensorFlow                                  Python
=======  ==========================================  ==============
2.3      tensorflow-cpu 2.3.4 (Keras 2.4.0)          3.8.18
2.8      tensorflow-cpu 2.8.4 (Keras 2.8.0)          3.10.13
2.12     tensorflow-cpu 2.12.1 (Keras 2.12.0)        3.11.7
2.15     tensorflow-cpu 2.15.1 (Keras 2.15.0)        3.11.7
2.21     tensorflow-cpu 2.21.0 (tf_keras 2.21.0)     3.11.7
=======  ==========================================  ==============

Each directory ``<version>/<model>/`` is one model at one moment, in every format that this version has:

- ``traces/``, ``bare/``: SavedModels with and without traced functions (TF 2.3 has no other than with)
- ``traces.zip``: a SavedModel with traces, packed where it would be over 200 kB
- ``model.h5``, ``weights.h5``, ``checkpoint/weights.*``: the model in HDF5, its weights in HDF5 and as a TF checkpoint
- ``truth.npz``: what is true of it, as tests/oracle/truth.py says; ``writer`` names the versions

``*_legacy`` are trained with an optimizer of ``keras.optimizers.legacy`` (TF 2.11 and later have both kinds).
The source must be readable by Python 3.8.
"""

import os
import platform
import shutil
import sys
import zipfile
from importlib import metadata
from pathlib import Path

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0")

import numpy as np
import tensorflow as tf

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.oracle import models, truth

STEPS = 3
PACKED_OVER = 200_000  # bytes
VERSION = tuple(int(part) for part in tf.__version__.split(".")[:2])


def conv_nested(keras, legacy=False):
    """Convolution and batch normalization in a nested model, which is called twice, as is a shared layer."""
    layers = keras.layers
    patch = keras.Input((6, 6, 2), name="patch")
    x = layers.BatchNormalization(momentum=0.9)(layers.Conv2D(3, 3, name="conv")(patch))
    eye = keras.Model(patch, layers.GlobalAveragePooling2D()(layers.ReLU()(x)), name="eye")
    left, right = keras.Input((6, 6, 2), name="left"), keras.Input((6, 6, 2), name="right")
    shared = layers.Dense(4, activation="tanh", name="shared")
    x = layers.Concatenate()([shared(eye(left)), shared(eye(right))])
    model = keras.Model([left, right], layers.Dense(1, name="score")(x), name="stereo")
    optimizer = models._optimizer(keras, legacy, "SGD", learning_rate=1e-2, momentum=0.9)
    model.compile(optimizer, loss="mse", metrics=["mae"])
    return model


def stereo_data(name, seed):
    random = np.random.RandomState(seed)
    left, right = random.normal(size=(2, models.BATCH, 6, 6, 2)).astype("float32")
    return [left, right], [random.normal(size=(models.BATCH, 1)).astype("float32")]


MODELS = {
    "dense": (models.dense, models.data),
    "conv_nested": (conv_nested, stereo_data),
    "recurrent": (models.recurrent, models.data),
}


def write(directory, name, legacy):
    """Train one model, save it in every format, write the truth."""
    keras = models.resolve_keras()
    builder, data = MODELS[name]
    keras.backend.clear_session()
    tf.random.set_seed(7)
    model = builder(keras, legacy=legacy)
    truth.train(model, [data(name, seed) for seed in range(STEPS)])
    save(model, directory)
    x, _ = data(name, truth.PREDICTED)
    following = [data(name, truth.TRAINED_AFTER + i) for i in range(truth.STEPS_AFTER)]
    found = dict(truth.state(model), **truth.inputs(x, following))
    found.update(truth.predictions(model, x))
    found.update(truth.more(model, x, following))
    keras_version = getattr(keras, "__version__", None) or metadata.version("keras")
    writer = (tf.__version__, keras_version, platform.python_version(), np.__version__)
    found["writer"] = np.asarray("TensorFlow %s, Keras %s, Python %s, numpy %s" % writer)
    np.savez_compressed(directory / "truth.npz", **found)


def save(model, directory):
    shutil.rmtree(directory, ignore_errors=True)
    (directory / "checkpoint").mkdir(parents=True)
    model.save(str(directory / "traces"), save_format="tf")
    if size(directory / "traces") > PACKED_OVER:
        pack(directory / "traces")
    if VERSION >= (2, 4):
        model.save(str(directory / "bare"), save_format="tf", save_traces=False)
    model.save(str(directory / "model.h5"), save_format="h5")
    model.save_weights(str(directory / "weights.h5"), save_format="h5")
    model.save_weights(str(directory / "checkpoint/weights"), save_format="tf")


def size(directory):
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())


def pack(directory):
    """Replace a directory by a zip of what is in it."""
    with zipfile.ZipFile(str(directory) + ".zip", "w", zipfile.ZIP_LZMA) as archive:
        for file in sorted(directory.rglob("*")):
            archive.write(file, file.relative_to(directory))
    shutil.rmtree(directory)


def main():
    place = ROOT / "tests/golden" / ".".join(map(str, VERSION))
    for name in MODELS:
        write(place / name, name, legacy=False)
    if VERSION >= (2, 11):
        write(place / "dense_legacy", "dense", legacy=True)
    for directory in sorted(place.iterdir()):
        print("%s: %d bytes" % (directory.relative_to(ROOT), size(directory)))


if __name__ == "__main__":
    main()
