"""SavedModels of all kinds, with inputs, the outputs that TensorFlow computes, and gradients. All in one call."""

import os

import numpy as np
import tensorflow as tf
import tf_keras


def rng(seed=0):
    return np.random.default_rng(seed)


def f32(*shape, seed=0):
    return rng(seed).normal(size=shape).astype(np.float32)


class Function(tf.Module):
    """A module around a Python function of a number of variables."""

    def __init__(self, function, specs, variables=()):
        super().__init__()
        self.weights = [tf.Variable(value, trainable=True) for value in variables]
        if function is randoms:
            self.generator = tf.random.Generator.from_seed(3)
        self.call = tf.function(lambda *inputs: function(self, *inputs), input_signature=specs)


def spec(*shape, dtype=tf.float32, name=None):
    return tf.TensorSpec(shape, dtype, name)


def dense(m, x):
    return tf.nn.softmax(tf.matmul(x, m.weights[0]) + m.weights[1])


def conv_bn(m, x):
    y = tf.nn.conv2d(x, m.weights[0], 2, "SAME")
    y, _, _ = tf.compat.v1.nn.fused_batch_norm(
        y, m.weights[1], m.weights[2], tf.zeros(4), tf.ones(4), is_training=False
    )
    return tf.nn.max_pool2d(tf.nn.relu(y), 2, 2, "SAME")


def training_bn(m, x):
    y, mean, variance = tf.compat.v1.nn.fused_batch_norm(x, m.weights[0], m.weights[1], is_training=True)
    return {"y": y, "mean": mean, "variance": variance}


def attention(m, x):
    q, k, v = (tf.einsum("bsd,dhk->bshk", x, w) for w in m.weights)
    scores = tf.einsum("bqhk,bshk->bhqs", q, k) / np.float32(np.sqrt(4))
    length = tf.shape(x)[1]
    mask = tf.linalg.band_part(tf.ones((length, length)), -1, 0)
    scores = tf.where(mask > 0, scores, -1e9)
    return tf.einsum("bhqs,bshk->bqhk", tf.nn.softmax(scores), v)


def loop_known(m, x):
    for i in tf.range(5):
        x = tf.tanh(x @ m.weights[0]) + tf.cast(i, tf.float32)
    return x


def loop_unknown(m, x):
    i = tf.constant(0)
    while tf.reduce_sum(tf.abs(x)) > 1.0:
        x = x * 0.5
        i += 1
    return x, i


def loop_growing(m, x):
    y = x
    for _ in tf.range(3):
        tf.autograph.experimental.set_loop_options(shape_invariants=[(y, tf.TensorShape([None, 3]))])
        y = tf.concat([y, y[:1] + 1], 0)
    return y


def tensor_array(m, x):
    n = tf.shape(x)[0]
    array = tf.TensorArray(tf.float32, size=n)
    for i in tf.range(n):
        array = array.write(i, tf.reduce_sum(x[: i + 1]))
    return array.stack()


def tensor_array_growing(m, x):
    array = tf.TensorArray(tf.float32, size=0, dynamic_size=True, element_shape=(3,))
    for i in tf.range(4):
        array = array.write(i, x[0] * tf.cast(i, tf.float32))
    return array.stack()


def map_fn(m, x):
    return tf.map_fn(lambda row: tf.cumsum(row) * m.weights[0], x)


def scan(m, x):
    return tf.scan(lambda a, b: a * 0.5 + b, x)


def nested_loops(m, x):
    total = tf.zeros_like(x)
    for i in tf.range(3):
        for j in tf.range(i + 1):
            total += x * tf.cast(j + 1, tf.float32)
    return total


def linear_algebra(m, x):
    a = tf.matmul(x, x, transpose_b=True) + tf.eye(3)
    return {
        "cholesky": tf.linalg.cholesky(a),
        "inverse": tf.linalg.inv(a),
        "det": tf.linalg.det(a),
        "solve": tf.linalg.solve(a, x),
        "diag": tf.linalg.set_diag(a, tf.zeros((2, 3))),
        "svd": tf.linalg.svd(a, compute_uv=False),
        "norm": tf.norm(x, axis=-1),
    }


def resize(m, x):
    return {
        "bilinear": tf.image.resize(x, (7, 9)),
        "bicubic": tf.image.resize(x, (7, 9), "bicubic"),
        "area": tf.image.resize(x, (3, 2), "area"),
        "nearest": tf.image.resize(x, (7, 9), "nearest"),
        "lanczos": tf.image.resize(x, (3, 9), "lanczos3", antialias=True),
        "pad": tf.image.resize_with_pad(x, 8, 8),
        "crop": tf.image.central_crop(x, 0.5),
        "gray": tf.image.rgb_to_grayscale(x),
        "hue": tf.image.adjust_hue(tf.sigmoid(x), 0.2),
    }


def gather_scatter(m, x, index):
    return {
        "gather": tf.gather(m.weights[0], index),
        "batched": tf.gather(x, tf.math.floormod(index, 4)[:, None], axis=1, batch_dims=1),
        "scatter": tf.scatter_nd(index[:, None], x, (6, 4)),
        "update": tf.tensor_scatter_nd_add(m.weights[0], index[:, None], x),
        "segments": tf.math.unsorted_segment_mean(x, index, 6),
        "top": tf.math.top_k(x, 2).values,
        "hot": tf.one_hot(index, 6),
        "sorted": tf.sort(x, direction="DESCENDING"),
        "argsort": tf.argsort(x),
    }


def conditional(m, x):
    def positive():
        return x * 2.0

    def negative():
        return tf.nn.relu(-x) + m.weights[0]

    y = tf.cond(tf.reduce_sum(x) > 0, positive, negative)
    z = tf.switch_case(tf.cast(tf.reduce_sum(tf.abs(x)), tf.int32) % 3, [lambda: x, lambda: x + 1, lambda: x * 3])
    if tf.shape(x)[0] > 1:
        z = z - 1
    return y, z


def slices(m, x):
    return {
        "a": x[..., tf.newaxis, 0],
        "b": x[:, ::-1],
        "c": x[1:, :-1],
        "d": tf.reverse(tf.transpose(x), [0]),
        "e": tf.pad(x, [[1, 0], [0, 2]], "REFLECT"),
        "f": tf.reshape(x, [-1]),
        "g": tf.stack(tf.unstack(x, axis=1)[::2]),
        "h": tf.repeat(x, 2, axis=0),
        "i": tf.tile(x, [2, 1]),
        "j": tf.roll(x, 1, 0),
        "k": tf.boolean_mask(x, tf.range(tf.shape(x)[0]) % 2 == 0),
        "l": tf.broadcast_to(x[:1], tf.shape(x)),
    }


def mathematics(m, x):
    integers = tf.cast(x * 10, tf.int32)
    return {
        "a": tf.math.floormod(integers, 3),
        "b": integers // 4,
        "c": tf.reduce_logsumexp(x, -1),
        "d": tf.math.erf(x) + tf.nn.gelu(x),
        "e": tf.clip_by_value(x, -0.5, 0.5),
        "f": tf.math.divide_no_nan(x, tf.nn.relu(x)),
        "g": tf.where(x > 0, x, tf.zeros_like(x)),
        "h": tf.cast(tf.argmax(x, 1), tf.int64) + 5,
        "i": tf.math.bincount(tf.abs(integers), minlength=5, maxlength=40),
        "j": tf.signal.rfft(x),
        "k": tf.math.reduce_std(x, 0),
        "l": tf.nn.sparse_softmax_cross_entropy_with_logits(tf.constant([0, 1, 2]), x),
        "m": tf.nn.moments(x, [0])[1],
        "n": tf.cast(x, tf.bfloat16),
    }


def unique_values(m, x):
    values, index = tf.unique(x)
    return values, index, tf.where(x > 1)


def deconvolution(m, x):
    shape = tf.stack([tf.shape(x)[0], 8, 8, 3])
    return tf.nn.conv2d_transpose(x, m.weights[0], shape, 2)


def asserted(m, x):
    tf.debugging.assert_rank(x, 2)
    tf.debugging.assert_greater(tf.reduce_max(x), -1e6)
    return tf.ensure_shape(x, [None, 4]) + tf.stop_gradient(x)


def lists(m, x):
    array = tf.TensorArray(tf.float32, size=4, infer_shape=False).unstack(x)
    halves = tf.TensorArray(tf.float32, size=2).split(x, [2, 2])
    scattered = tf.TensorArray(tf.float32, size=4).scatter([2, 0, 3, 1], x)
    return {
        "gather": array.gather([2, 0]),
        "read": array.read(1),
        "size": array.size(),
        "concat": halves.concat(),
        "stack": halves.stack(),
        "scatter": scattered.stack(),
    }


def state(m, x):
    """Each call changes the variables."""
    table, count = m.weights
    count.assign_add(1.0)
    for i in tf.range(2):
        count.assign_add(tf.cast(i, tf.float32) * 10)
    if count > 20:
        count.assign_sub(0.5)
    table.scatter_nd_add([[0], [2]], x[:2])
    table.scatter_update(tf.IndexedSlices(x[:1], [1]))
    table[3:, 0].assign([7.0])
    return {
        "count": count.read_value(),
        "table": table.read_value(),
        "rows": tf.gather(table, [3, 1]),
        "parts": tf.gather_nd(table, [[0, 1], [2, 2]]),
    }


def state_unknown(m, x):
    """A loop whose rounds depend on values, and a branch in it, assign."""
    (count,) = m.weights
    while tf.reduce_sum(x) > 1.0:
        x = x / 2
        if tf.reduce_sum(x) < 8.0:
            count.assign_add(tf.reduce_sum(x))
    return {"count": count.read_value(), "x": x}


def randoms(m, x):
    n = [20000]
    seed = tf.constant([1, 2])
    return {
        "uniform": tf.random.uniform(n, 2, 4),
        "normal": tf.random.normal(n, 1, 2),
        "truncated": tf.random.truncated_normal(n),
        "integers": tf.random.uniform(n, -3, 4, tf.int32),
        "categorical": tf.random.categorical([[0.0, 1.0]], 20000)[0],
        "gamma": tf.random.gamma(n, 2.0),
        "poisson": tf.random.poisson(n, 3.0),
        "shuffle": tf.random.shuffle(tf.range(20000)),
        "generated": m.generator.normal(n),
        "stateless_uniform": tf.random.stateless_uniform(n, seed),
        "stateless_normal": tf.random.stateless_normal(n, seed),
        "stateless_truncated": tf.random.stateless_truncated_normal(n, seed),
        "stateless_integers": tf.random.stateless_uniform(n, seed, 0, 5, tf.int32),
        "stateless_categorical": tf.random.stateless_categorical([[0.0, 1.0]], 20000, seed)[0],
        "stateless_gamma": tf.random.stateless_gamma(n, seed, 2.0),
        "stateless_poisson": tf.random.stateless_poisson(n, seed, 3.0),
        "stateless_binomial": tf.random.stateless_binomial(n, seed, 10.0, 0.3),
        "stateless_shuffle": tf.random.experimental.stateless_shuffle(tf.range(20000), seed),
        "fold": tf.cast(tf.random.experimental.stateless_fold_in(seed, 7), tf.int32),
    }


MODULES = {
    "dense": (dense, [spec(None, 4, name="x")], [f32(4, 3), f32(3)], [f32(5, 4)]),
    "conv_bn": (conv_bn, [spec(None, 9, 9, 3)], [f32(3, 3, 3, 4), f32(4), f32(4, seed=1)], [f32(2, 9, 9, 3)]),
    "training_bn": (training_bn, [spec(None, 3, 3, 2)], [f32(2), f32(2, seed=1)], [f32(2, 3, 3, 2)]),
    "attention": (
        attention, [spec(None, None, 6)], [f32(6, 2, 4, seed=i) for i in range(3)], [f32(2, 5, 6)],
    ),
    "loop_known": (loop_known, [spec(None, 4)], [f32(4, 4)], [f32(2, 4)]),
    "loop_unknown": (loop_unknown, [spec(None, 4)], [], [f32(2, 4) * 20]),
    "loop_growing": (loop_growing, [spec(None, 3)], [], [f32(2, 3)]),
    "tensor_array": (tensor_array, [spec(None)], [], [f32(6)]),
    "tensor_array_growing": (tensor_array_growing, [spec(None, 3)], [], [f32(2, 3)]),
    "map_fn": (map_fn, [spec(None, 3)], [f32(3)], [f32(4, 3)]),
    "scan": (scan, [spec(None, 3)], [], [f32(4, 3)]),
    "nested_loops": (nested_loops, [spec(None)], [], [f32(4)]),
    "linear_algebra": (linear_algebra, [spec(2, 3, 3)], [], [f32(2, 3, 3)]),
    "resize": (resize, [spec(None, 5, 6, 3)], [], [f32(2, 5, 6, 3)]),
    "gather_scatter": (
        gather_scatter,
        [spec(None, 4), spec(None, dtype=tf.int32)],
        [f32(6, 4)],
        [f32(3, 4), np.array([5, 0, 5], np.int32)],
    ),
    "conditional": (conditional, [spec(None, 3)], [f32(3)], [f32(2, 3)]),
    "slices": (slices, [spec(None, 4)], [], [f32(3, 4)]),
    "mathematics": (mathematics, [spec(3, None)], [], [f32(3, 6)]),
    "unique_values": (unique_values, [spec(None, dtype=tf.int32)], [], [np.array([3, 1, 3, 2], np.int32)]),
    "deconvolution": (deconvolution, [spec(None, 4, 4, 2)], [f32(3, 3, 3, 2)], [f32(2, 4, 4, 2)]),
    "lists": (lists, [spec(None, 3)], [], [f32(4, 3)]),
    "state": (state, [spec(None, 3)], [f32(4, 3), np.float32(3)], [f32(2, 3)]),
    "state_unknown": (state_unknown, [spec(None)], [np.float32(0)], [np.full(4, 9, np.float32)]),
    "randoms": (randoms, [spec(None)], [], [f32(1)]),
    "asserted": (asserted, [spec(None, 4)], [], [f32(2, 4)]),
}  # fmt: skip


def keras_models():
    layers = tf_keras.layers
    inputs = tf_keras.Input((7, 5))
    rnn = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(layers.Masking()(inputs))
    rnn = layers.Dense(2)(layers.GRU(3)(rnn))
    image = tf_keras.Input((12, 12, 3))
    net = layers.SeparableConv2D(4, 3, padding="same", activation="relu")(image)
    net = layers.Conv2DTranspose(3, 3, strides=2)(layers.BatchNormalization()(net))
    net = layers.Dense(3)(layers.GlobalAveragePooling2D()(layers.AveragePooling2D()(net)))
    words = tf_keras.Input((6,), dtype="int32")
    heads = layers.Embedding(11, 8, mask_zero=True)(words)
    heads = layers.LayerNormalization()(layers.MultiHeadAttention(2, 4)(heads, heads) + heads)
    return {
        "recurrent": (tf_keras.Model(inputs, rnn), [f32(3, 7, 5)]),
        "convolutional": (tf_keras.Model(image, net), [f32(2, 12, 12, 3)]),
        "heads": (tf_keras.Model(words, heads), [rng().integers(0, 11, (2, 6)).astype(np.int32)]),
        "simple": (
            tf_keras.Sequential([tf_keras.Input((7, 5)), layers.SimpleRNN(4), layers.Dropout(0.5), layers.Dense(1)]),
            [f32(3, 7, 5)],
        ),
        "mobilenet": (
            tf_keras.applications.MobileNetV2(weights=None, input_shape=(64, 64, 3), classes=10), [f32(2, 64, 64, 3)],
        ),
    }  # fmt: skip


def _flat(outputs):
    if isinstance(outputs, dict):
        return {f"out/{key}": _numpy(value) for key, value in outputs.items()}
    return {f"out/{i}": _numpy(value) for i, value in enumerate(tf.nest.flatten(outputs))}


def _numpy(value):
    return tf.cast(value, tf.float32).numpy() if value.dtype == tf.bfloat16 else value.numpy()


def save(directory):
    """Write all models and one .npz beside each."""
    tf.random.set_seed(1)
    for name, (function, specs, variables, inputs) in MODULES.items():
        module = Function(function, specs, variables)
        path = os.path.join(directory, name)
        tf.saved_model.save(module, path, signatures=None)
        found = {f"in/{i}": value for i, value in enumerate(inputs)}
        with tf.GradientTape() as tape:
            outputs = module.call(*map(tf.constant, inputs))
            total = sum(tf.reduce_sum(v) for v in tf.nest.flatten(outputs) if v.dtype == tf.float32)
        found.update(_flat(outputs))
        if name in GRADIENTS:
            for i, gradient in enumerate(tape.gradient(total, module.weights)):
                found[f"gradient/{i}"] = gradient.numpy()
        if name.startswith("state"):
            again = _flat(module.call(*map(tf.constant, inputs)))
            found.update({f"again/{key}": value for key, value in again.items()})
        np.savez(path + ".npz", **found)
    for name, (model, inputs) in keras_models().items():
        path = os.path.join(directory, name)
        for variable in model.weights:  # as after some training
            if len(variable.shape) == 1:
                variable.assign_add(tf.random.uniform(variable.shape, 0, 0.1))
        model.save(path, save_format="tf")
        found = {f"in/{i}": value for i, value in enumerate(inputs)}
        found.update(_flat(tf.saved_model.load(path).signatures["serving_default"](*map(tf.constant, inputs))))
        np.savez(path + ".npz", **found)
    return {"modules": sorted(MODULES), "keras": sorted(keras_models())}


GRADIENTS = ("dense", "conv_bn", "attention", "loop_known", "map_fn", "deconvolution", "conditional")
