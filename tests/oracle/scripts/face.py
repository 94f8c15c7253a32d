"""Checkpoints that were written by reinstate, read by tf_keras."""

import numpy as np
import tensorflow as tf
import tf_keras as keras


def load_weights(prefix, values):
    """The weights of the small model of tests/test_face.py: through Keras, and by their keys."""
    model = keras.Sequential(
        [
            keras.Input((3,), name="x"),
            keras.layers.Dense(5, activation="relu", name="hidden"),
            keras.layers.Dropout(0.1, name="drop"),
            keras.layers.Dense(2, name="out"),
        ],
        name="small",
    )
    model.load_weights(prefix).expect_partial()
    arrays = {"keras/%d" % i: value for i, value in enumerate(model.get_weights())}
    reader = tf.train.load_checkpoint(prefix)
    keys = ["layer_with_weights-%d/%s" % (i, name) for i in range(2) for name in ("kernel", "bias")]
    for index, key in enumerate(keys):
        arrays["raw/%d" % index] = reader.get_tensor(key + "/.ATTRIBUTES/VARIABLE_VALUE")
    arrays["latest"] = np.array(tf.train.latest_checkpoint(prefix.rpartition("/")[0]))
    np.savez(values, **arrays)
