"""Write src/reinstate/demo/: handwritten digits, and a classifier that real tf_keras trained on them.

- ``PYTHON tools/golden/demo.py digits`` with a Python that has scikit-learn (written with 1.9.1) writes ``digits.npz``.
- ``PYTHON tools/golden/demo.py classifier`` with one that has TensorFlow and tf_keras (written with tensorflow-cpu
  2.21.0, tf_keras 2.21.0, Python 3.11.7, on Linux) writes ``classifier/``, a SavedModel with traces and Adam's state.
"""

import os
import shutil
import sys
from pathlib import Path

import numpy as np

DEMO = Path(__file__).resolve().parents[2] / "src/reinstate/demo"
TRAINED_ON = 1437  # of 1797 images; the writers of the last 360 are not all among those of the first
EPOCHS = 8


def digits():
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8, 1).astype("uint8")
    split = {"train": slice(None, TRAINED_ON), "test": slice(TRAINED_ON, None)}
    arrays = {f"x_{part}": images[rows] for part, rows in split.items()}
    arrays.update({f"y_{part}": labels[rows].astype("uint8") for part, rows in split.items()})
    np.savez_compressed(DEMO / "digits.npz", **arrays)


def classifier():
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", TF_ENABLE_ONEDNN_OPTS="0")
    import tf_keras as keras
    from tf_keras import layers

    keras.utils.set_random_seed(7)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            layers.Rescaling(1 / 16, name="rescale"),
            layers.Conv2D(8, 3, padding="same", activation="relu", name="conv"),
            layers.Conv2D(16, 3, padding="same", activation="relu", name="conv_2"),
            layers.MaxPooling2D(name="pool"),
            layers.Flatten(name="flatten"),
            layers.Dropout(0.25, name="dropout"),
            layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="digits",
    )
    model.compile(keras.optimizers.Adam(1e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    with np.load(DEMO / "digits.npz") as data:
        model.fit(data["x_train"].astype("float32"), data["y_train"], epochs=EPOCHS, verbose=2)
        print(model.evaluate(data["x_test"].astype("float32"), data["y_test"], verbose=0, return_dict=True))
    shutil.rmtree(DEMO / "classifier", ignore_errors=True)
    model.save(DEMO / "classifier", save_format="tf")


if __name__ == "__main__":
    {"digits": digits, "classifier": classifier}[sys.argv[1]]()
