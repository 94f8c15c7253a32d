"""What tf_keras makes of weights that fit a model in part; and checkpoints of TensorFlow 1, which know names only."""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from tests.oracle import partial_models


def write(path):
    """The weights of the source model in HDF5 (``path``.h5), as a checkpoint, and in TensorFlow 1's way by name."""
    model = _source()
    model.save_weights(path + ".h5", save_format="h5")
    model.save_weights(path, save_format="tf")
    _save_by_name(path + "_named", {w.name[:-2]: w.numpy() for w in model.weights})
    _save_by_name(path + "_part", {w.name[:-2]: w.numpy() for w in model.weights[1:-1]})


def by_name(path, name, skip_mismatch, values):
    """Load by name into one of the models; write its weights; return the kind of error, if there is one."""
    keras.backend.clear_session()
    model = partial_models.TARGETS[name](keras)
    partial_models.fill(model, first=100.0)
    try:
        model.load_weights(path, by_name=True, skip_mismatch=skip_mismatch)
    except (ValueError, NotImplementedError) as error:
        return type(error).__name__
    np.savez(values, *partial_models.weights(model))
    return None


def named(path, values):
    """Load a checkpoint of TensorFlow 1 into the source model; write its weights; return the kind of error."""
    model = _source(first=100.0)
    result = None
    try:
        model.load_weights(path)
    except AssertionError as error:
        result = type(error).__name__
    np.savez(values, *partial_models.weights(model))
    return result


def _source(first=0.0):
    keras.backend.clear_session()
    model = partial_models.source(keras)
    partial_models.fill(model, first)
    return model


def _save_by_name(path, arrays):
    """A checkpoint of ``tf.train.Saver`` with an optimizer's slots in it."""
    arrays = dict(arrays, **{"out/kernel/Momentum": np.ones((5, 2), "float32"), "global_step": np.int64(3)})
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for name, value in arrays.items():
            tf.compat.v1.get_variable(name, initializer=value)
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, path, write_meta_graph=False)
