"""Write the golden model of raw operations: ``python operations.py DIRECTORY``, with the Python that has TF 2.3.

Every operation on the inputs becomes a ``TensorFlowOpLayer`` there.
"""

import os
import shutil
import sys

import numpy as np
import tensorflow as tf

keras = tf.keras


def outputs(x, i):
    y = x * 2 + 1
    return [
        y,
        tf.reduce_mean(y, axis=1),
        y[:, 1:, ::2],
        y[:, 0],
        tf.concat([x, y], -1),
        tf.matmul(x, y, transpose_b=True),
        tf.transpose(x, [0, 2, 1]),
        tf.reshape(x, [-1, 24]),
        tf.reshape(x, [tf.shape(x)[0], 24]),
        tf.cast(i, "float32"),
        tf.nn.relu(1.0 - x),
        tf.stack([x, y], 1),
        tf.split(x, 2, axis=-1)[1],
        tf.unstack(x, axis=1)[2],
        tf.gather(x, [2, 0], axis=1),
        tf.one_hot(i, 5),
        tf.pad(x, [[0, 0], [1, 1], [0, 0]]),
        tf.expand_dims(x, 1),
        tf.squeeze(x[:, :1], 1),
        tf.square(x) / 2.0,
        x**2.0,
        tf.nn.softmax(x),
        tf.nn.leaky_relu(x),
        tf.nn.l2_normalize(x, -1),
        tf.argmax(x, -1),
        tf.math.top_k(x, 2)[0],
        x[..., tf.newaxis],
        tf.where(x > 0, x, tf.zeros_like(x)),
        tf.clip_by_value(x, -0.5, 0.5),
        tf.tile(x, [1, 2, 1]),
        keras.backend.mean(x, axis=-1, keepdims=True),
    ]


def main(directory):
    x, i = keras.Input((4, 6), name="x"), keras.Input((4,), dtype="int32", name="i")
    model = keras.Model([x, i], outputs(x, i))
    os.makedirs(directory, exist_ok=True)
    model.save(os.path.join(directory, "model.h5"))
    model.save(os.path.join(directory, "traces"))
    shutil.make_archive(os.path.join(directory, "traces"), "zip", os.path.join(directory, "traces"))
    shutil.rmtree(os.path.join(directory, "traces"))
    r = np.random.RandomState(0)
    batch = [r.randn(3, 4, 6).astype("float32"), r.randint(0, 4, (3, 4)).astype("int32")]
    answers = {"prediction/%d" % k: value for k, value in enumerate(model.predict(batch))}
    np.savez(os.path.join(directory, "truth.npz"), **dict(answers, **{"x/0": batch[0], "x/1": batch[1]}))


if __name__ == "__main__":
    main(sys.argv[1])
