"""Calls of TensorFlow functions in functional models, several for each function that op layers may call.

A case is a Python expression of ``tf``, ``K`` (tf.keras.backend), ``A`` (tf.keras.activations) and the inputs of INPUTS.
Runs on Python 3.8.
"""

# ruff: noqa: E501, RUF005

import numpy as np

# name: (shape without the batch, dtype)
INPUTS = {
    "x": ((4, 6), "float32"),
    "y": ((4, 6), "float32"),
    "p": ((4, 6), "float32"),  # in (0, 1)
    "z": ((4, 6), "float32"),  # with 0, NaN and infinities
    "i": ((4, 6), "int32"),
    "j": ((4, 6), "int32"),  # not 0
    "b": ((4, 6), "bool"),
    "h": ((4, 6), "float16"),
    "ids": ((4,), "int32"),  # 0 to 3
    "s": ((4, 4), "float32"),  # positive definite
    "seq": ((8, 3), "float32"),
    "img": ((6, 8, 3), "float32"),  # in [0, 1]
    "u": ((6, 8, 3), "uint8"),
    "vol": ((4, 4, 4, 2), "float32"),
}
BATCH = 3


def data():
    """A batch of every input."""
    r = np.random.RandomState(7)
    found = {}
    for name, (shape, dtype) in INPUTS.items():
        found[name] = r.standard_normal((BATCH,) + shape).astype(dtype if dtype[0] == "f" else "float32")
    found["p"] = r.uniform(0.05, 0.95, found["p"].shape).astype("float32")
    found["img"] = r.uniform(0, 1, found["img"].shape).astype("float32")
    found["z"].flat[:4] = [0.0, np.nan, np.inf, -np.inf]
    found["i"] = r.randint(-9, 10, found["i"].shape).astype("int32")
    found["j"] = (r.randint(1, 6, found["j"].shape) * r.choice([-1, 1], found["j"].shape)).astype("int32")
    found["b"] = r.rand(*found["b"].shape) > 0.4
    found["ids"] = r.randint(0, 4, found["ids"].shape).astype("int32")
    found["s"] = (found["s"] @ found["s"].transpose(0, 2, 1) + 2 * np.eye(4)).astype("float32")
    found["u"] = r.randint(0, 256, found["u"].shape).astype("uint8")
    return found


def _each(names, form):
    return [form.replace("@", name) for name in names.split()]


_MATH = (
    "abs negative sign square exp expm1 sin cos tan sinh cosh tanh sigmoid log_sigmoid ceil floor rint round erf erfc "
    "atan asinh is_finite is_inf is_nan bessel_i0 bessel_i0e bessel_i1 bessel_i1e reciprocal reciprocal_no_nan softplus"
)
_POSITIVE = "sqrt rsqrt log log1p asin acos atanh erfinv lgamma digamma ndtri"
_REDUCTIONS = "mean sum prod max min std variance euclidean_norm logsumexp"

CASES = (
    _each(_MATH, "tf.math.@(x)")
    + _each("is_finite is_inf is_nan abs floor tanh sigmoid reciprocal_no_nan sign exp", "tf.math.@(z)")
    + _each(_POSITIVE, "tf.math.@(p)")
    + ["tf.math.acosh(p + 1.5)", "tf.math.logical_not(b)", "tf.bitwise.invert(i)", "tf.abs(i)", "tf.sign(i)"]
    + _each("square negative", "tf.math.@(i)")
    + _each("real imag angle conj", "tf.math.real(tf.math.@(tf.cast(x, 'complex64')))")
    # arithmetic, constants on either side, integers, float16
    + ["x * 2 + 1", "1.0 - x", "2 / (p + 1)", "x / y", "x // 0.7", "x % 0.7", "p ** 2.5", "-x", "abs(x)", "2.0 ** x"]
    + ["i + 3", "7 - i", "i * j", "i // j", "i % j", "i / j", "j ** 2", "tf.truncatediv(i, j)", "tf.truncatemod(i, j)"]
    + ["h * 2 + 1", "h / 3", "tf.nn.softmax(h)", "tf.reduce_mean(h, 1)", "tf.realdiv(x, y)", "tf.compat.v1.div(i, j)"]
    + ["tf.compat.v1.div(x, y)", "tf.math.floordiv(i, j)", "tf.compat.v1.floor_div(i, j)", "tf.math.divide(x, 2.0)"]
    + _each("maximum minimum squared_difference divide_no_nan multiply_no_nan atan2 subtract", "tf.math.@(x, y)")
    + _each("xlogy xlog1py xdivy pow igamma igammac", "tf.math.@(p, p + 0.5)")
    + [
        "tf.math.divide_no_nan(x, tf.nn.relu(y))",
        "tf.math.zeta(p + 1.5, p + 1.0)",
        "tf.math.polygamma(tf.ones_like(p), p + 1.0)",
    ]
    + ["tf.math.betainc(p, p + 0.5, p)", "x * [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]", "tf.math.scalar_mul(2.5, x)"]
    + ["x > 0", "x >= y", "x < 0.5", "x <= y", "i > 2", "tf.equal(i, j)", "tf.not_equal(i, j)", "tf.math.equal(x, 0.5)"]
    + ["b & tf.logical_not(b)", "b | (x > 0)", "~b", "tf.math.logical_xor(b, x > 0)"]
    + _each("bitwise_and bitwise_or bitwise_xor", "tf.bitwise.@(i, j)")
    + ["tf.bitwise.left_shift(i, tf.abs(j))", "tf.bitwise.right_shift(i, tf.abs(j))"]
    + [
        "tf.add_n([x, y, p])",
        "tf.math.accumulate_n([x, y])",
        "tf.clip_by_value(z, -0.5, 0.5)",
        "tf.clip_by_value(i, -3, 3)",
    ]
    + ["tf.math.polyval([x, y, p], x)", "tf.cast(x * 3, 'int32')", "tf.cast(i, 'float16')", "tf.cast(b, 'float32')"]
    + ["tf.saturate_cast(x * 300, 'uint8')", "tf.cast(p * 100, 'uint8')"]
    # reductions
    + _each(_REDUCTIONS, "tf.math.reduce_@(x, axis=-1)")
    + _each(_REDUCTIONS, "tf.math.reduce_@(x, axis=[1, 2], keepdims=True)")
    + _each("mean sum prod max min", "tf.math.reduce_@(j, axis=1)")
    + ["tf.reduce_max(z, 1)", "tf.reduce_sum(z, -2)", "tf.reduce_any(b, -1)", "tf.reduce_all(b, 1, keepdims=True)"]
    + [
        "tf.math.count_nonzero(i, axis=1)",
        "tf.math.count_nonzero(b, -1, keepdims=True, dtype='int32')",
        "tf.math.zero_fraction(tf.nn.relu(x))",
    ]
    + ["tf.argmax(x, axis=-1)", "tf.argmin(x, axis=1, output_type='int32')", "tf.argmax(i, 2)"]
    + _each("cumsum cumprod cumulative_logsumexp", "tf.math.@(x, axis=1)")
    + _each("cumsum cumprod cumulative_logsumexp", "tf.math.@(x, axis=-1, exclusive=True)")
    + _each("cumsum cumprod cumulative_logsumexp", "tf.math.@(x, 2, reverse=True)")
    + ["tf.cumsum(i, 1, exclusive=True, reverse=True)", "tf.math.top_k(x, 3)", "tf.math.top_k(i)", "tf.sort(x)"]
    + ["tf.sort(x, axis=1, direction='DESCENDING')", "tf.argsort(x)", "tf.argsort(x, 1, 'DESCENDING')"]
    + ["tf.math.in_top_k(ids[:, 0], x[:, 0], 3)", "tf.math.bincount(ids, minlength=4, maxlength=4, axis=-1)"]
    + [
        "tf.math.bincount(ids, minlength=4, maxlength=4)",
        "tf.math.bincount(ids, minlength=4, maxlength=4, axis=-1, binary_output=True)",
    ]
    + _each("sum mean max min prod", "tf.math.unsorted_segment_@(x, ids, 4)")
    # shapes, constants, indexing
    + [
        "tf.identity(x)",
        "tf.stop_gradient(x)",
        "tf.rank(x) + ids",
        "tf.reshape(x, [-1, 8])",
        "tf.reshape(x, (-1, 3, 2))",
    ]
    + ["tf.reshape(x, [tf.shape(x)[0], 24])", "tf.reshape(x, tf.stack([tf.shape(x)[0], tf.shape(x)[1] * 6]))"]
    + [
        "tf.compat.v1.shape(x)",
        "tf.shape(img)[1:3]",
        "tf.size(x)",
        "tf.compat.v1.size(x)",
        "tf.ensure_shape(x, [None, 4, 6])",
    ]
    + [
        "tf.expand_dims(x, 1)",
        "tf.expand_dims(x, axis=-1)",
        "tf.compat.v1.expand_dims(x, -2)",
        "tf.squeeze(x[:, :1], [1])",
    ]
    + ["tf.squeeze(x[..., None])", "tf.compat.v1.squeeze(x[:, :1], 1)", "tf.broadcast_to(x[:, :1], tf.shape(x))"]
    + ["tf.convert_to_tensor([x[0, 0, 0], 2.0])", "tf.convert_to_tensor(x)", "tf.compat.v1.convert_to_tensor(x)"]
    + [
        "tf.zeros_like(x)",
        "tf.ones_like(i)",
        "tf.zeros_like(x, dtype='int32')",
        "tf.compat.v1.zeros_like(x)",
        "tf.compat.v1.ones_like(x, 'float16')",
    ]
    + ["tf.zeros([tf.shape(x)[0], 2])", "tf.ones([tf.shape(x)[0], 2], 'int32')", "tf.fill([tf.shape(x)[0], 2], 7.5)"]
    + ["tf.range(tf.shape(x)[1])", "tf.range(1, tf.shape(x)[2], 2)", "tf.cast(tf.range(tf.shape(x)[0]), 'float32')"]
    + [
        "tf.one_hot(ids, 5)",
        "tf.one_hot(ids, 3, on_value=2.0, off_value=-1.0, axis=1)",
        "tf.one_hot(ids, 4, dtype='int32', axis=0)",
    ]
    + [
        "tf.sequence_mask(ids, 5)",
        "tf.sequence_mask(ids, maxlen=4, dtype='float32')",
        "tf.where(b, x, y)",
        "tf.where(x > 0, x, 0.0)",
    ]
    + ["tf.compat.v1.where(b, x, y)", "tf.compat.v1.where(b[:, 0, 0], x, y)"]
    + [
        "x[:, 1:]",
        "x[:, ::2, -1]",
        "x[..., None]",
        "x[:, 0]",
        "x[:, tf.newaxis, :, 1:-1]",
        "x[::-1]",
        "x[0]",
        "x[:, 1:tf.shape(x)[1]]",
    ]
    + ["x[:, ids[0, 0]]", "tf.slice(x, [0, 1, 2], [-1, 2, 3])", "tf.strided_slice(x, [0, 1, 0], [3, 4, 6], [1, 2, 1])"]
    + ["tf.strided_slice(x, [0, 1, 0], [0, 2, 0], begin_mask=5, end_mask=5, shrink_axis_mask=2)"]
    + [
        "tf.strided_slice(x, [0, 0], [0, 3], ellipsis_mask=1)",
        "tf.strided_slice(x, [0, 0], [0, 0], new_axis_mask=2, begin_mask=1, end_mask=1)",
    ]
    + [
        "tf.gather(x, [2, 0], axis=1)",
        "tf.gather(x, ids, axis=1, batch_dims=1)",
        "tf.gather(x, [0, 1, 1], axis=-1)",
        "tf.gather(x, [1, 0])",
    ]
    + [
        "tf.compat.v1.gather(x, [2, 0], axis=2)",
        "tf.gather_nd(x, ids[..., None][:, :2], batch_dims=1)",
        "tf.compat.v1.gather_nd(x, [[0, 1], [2, 3]])",
    ]
    + ["tf.nn.embedding_lookup(x, [1, 0])", "tf.gather_nd(x, [[0], [2]])"]
    + _each("update add sub max min", "tf.tensor_scatter_nd_@(x, [[0, 1], [2, 3]], y[:2, 0])")
    + ["tf.scatter_nd([[0], [2], [2]], x[:3], [4, 4, 6])"]
    # rearranging
    + [
        "tf.concat([x, y], -1)",
        "tf.concat([x, y, p], axis=1)",
        "tf.concat([x], 1)",
        "tf.stack([x, y], 1)",
        "tf.stack([x, y], axis=-1)",
    ]
    + ["tf.unstack(x, axis=1)", "tf.split(x, 3, axis=-1)", "tf.split(x, [1, 3], 1)", "tf.split(x, [2, -1], axis=2)"]
    + [
        "tf.transpose(x, [0, 2, 1])",
        "tf.transpose(x)",
        "tf.compat.v1.transpose(x, [1, 0, 2])",
        "tf.linalg.matrix_transpose(x)",
        "tf.linalg.adjoint(x)",
    ]
    + [
        "tf.reverse(x, [1])",
        "tf.reverse(x, axis=[-1, 1])",
        "tf.reverse_sequence(x, ids[:, 0] + 1, seq_axis=2, batch_axis=0)",
        "tf.roll(x, 2, 1)",
    ]
    + [
        "tf.roll(x, [1, -2], [1, 2])",
        "tf.tile(x, [1, 2, 1])",
        "tf.repeat(x, 2, axis=1)",
        "tf.repeat(x, [1, 0, 2, 1], 1)",
        "tf.repeat(x, 2)",
    ]
    + [
        "tf.pad(x, [[0, 0], [1, 2], [0, 1]])",
        "tf.pad(x, [[0, 0], [1, 2], [0, 1]], 'REFLECT')",
        "tf.pad(x, [[0, 0], [1, 1], [2, 1]], mode='SYMMETRIC')",
    ]
    + [
        "tf.pad(i, [[0, 0], [1, 0], [0, 0]], constant_values=5)",
        "tf.compat.v1.pad(x, [[0, 0], [1, 0], [0, 2]], 'CONSTANT', None, 1.5)",
    ]
    + ["tf.nn.space_to_depth(img, 2)", "tf.nn.depth_to_space(tf.concat([img, img[..., :1]], -1), 2)"]
    # nn
    + _each("relu relu6 elu selu softsign leaky_relu gelu silu softmax log_softmax crelu", "tf.nn.@(x)")
    + [
        "tf.nn.leaky_relu(x, alpha=0.1)",
        "tf.nn.gelu(x, approximate=True)",
        "tf.nn.silu(x, 1.5)",
        "tf.nn.softmax(x, axis=1)",
        "tf.nn.log_softmax(x, axis=1)",
    ]
    + [
        "tf.nn.relu(i)",
        "tf.nn.relu(z)",
        "tf.nn.softmax(z)",
        "tf.compat.v1.nn.softmax(x, 1)",
        "tf.nn.crelu(x, 1)",
        "tf.nn.swish(x)",
    ]
    + [
        "tf.math.l2_normalize(x, -1)",
        "tf.nn.l2_normalize(x, [1, 2], epsilon=2.0)",
        "tf.nn.l2_loss(x)",
        "tf.nn.moments(x, [1])",
        "tf.nn.moments(x, [1, 2], keepdims=True)",
    ]
    + [
        "tf.nn.bias_add(x, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])",
        "tf.nn.batch_normalization(x, y, p, 0.5, 2.0, 1e-3)",
        "tf.nn.batch_normalization(x, y, p, None, None, 1e-3)",
    ]
    + [
        "tf.nn.sigmoid_cross_entropy_with_logits(labels=p, logits=x)",
        "tf.nn.softmax_cross_entropy_with_logits(labels=p, logits=x)",
    ]
    + [
        "tf.nn.softmax_cross_entropy_with_logits(p, x, axis=1)",
        "tf.nn.sparse_softmax_cross_entropy_with_logits(ids, x)",
    ]
    + [
        "tf.nn.conv1d(seq, seq[0][:3][..., None], 2, 'SAME')",
        "tf.nn.conv2d(img, img[0, :3, :2][..., None], 1, 'VALID')",
    ]
    + [
        "tf.nn.conv2d(img, img[0, :3, :2][..., None], [1, 2, 2, 1], 'SAME')",
        "tf.nn.conv2d(img, img[0, :2, :2][..., None], 1, 'SAME', dilations=2)",
    ]
    + [
        "tf.nn.conv3d(vol, vol[0, :2, :2, :2][..., None], [1, 1, 1, 1, 1], 'SAME')",
        "tf.nn.depthwise_conv2d(img, img[0, :3, :3][..., None], [1, 1, 1, 1], 'SAME')",
    ]
    + [
        "tf.nn.max_pool2d(img, 2, 2, 'VALID')",
        "tf.nn.avg_pool2d(img, [3, 2], 2, 'SAME')",
        "tf.nn.max_pool(img, 3, 1, 'SAME')",
        "tf.nn.avg_pool(img, 2, 2, 'VALID')",
    ]
    + [
        "tf.nn.max_pool1d(seq, 2, 2, 'VALID')",
        "tf.nn.avg_pool1d(seq, 3, 2, 'SAME')",
        "tf.nn.max_pool3d(vol, 2, 2, 'SAME')",
        "tf.nn.avg_pool3d(vol, 3, 1, 'SAME')",
    ]
    # linalg
    + [
        "x @ tf.transpose(y, [0, 2, 1])",
        "tf.matmul(x, y, transpose_b=True)",
        "tf.linalg.matmul(x, y, adjoint_a=True)",
        "tf.linalg.matvec(x, y[:, 0])",
    ]
    + [
        "tf.tensordot(x, y, [[2], [2]])",
        "tf.tensordot(x, y[0], [[1, 2], [0, 1]])",
        "tf.tensordot(x, tf.transpose(y[0]), 1)",
    ]
    + [
        "tf.norm(x, axis=-1)",
        "tf.norm(x)",
        "tf.norm(x, ord=1, axis=1, keepdims=True)",
        "tf.norm(x, ord=np.inf, axis=2)",
        "tf.norm(x, axis=[1, 2])",
        "tf.norm(x, ord=3, axis=1)",
    ]
    + ["tf.clip_by_norm(x, 1.5)", "tf.clip_by_norm(x, 1.0, [2])", "tf.linalg.normalize(x, axis=-1)"]
    + _each("trace det cholesky inv logdet pinv", "tf.linalg.@(s)")
    + [
        "tf.linalg.expm(s * 0.1)",
        "tf.linalg.solve(s, x)",
        "tf.linalg.triangular_solve(s, x)",
        "tf.linalg.triangular_solve(s, x, lower=False)",
        "tf.linalg.cross(x[:, :, :3], y[:, :, 3:])",
    ]
    + [
        "tf.linalg.band_part(x, 1, 2)",
        "tf.linalg.band_part(x, -1, 0)",
        "tf.linalg.diag_part(s)",
        "tf.linalg.diag_part(x, k=1)",
        "tf.linalg.diag(x)",
        "tf.linalg.diag(x, k=-1)",
    ]
    + [
        "tf.linalg.set_diag(s, x[:, :, 0])",
        "tf.linalg.tensor_diag(x[0, 0])",
        "tf.linalg.tensor_diag_part(s[0])",
        "tf.eye(tf.shape(x)[1])",
        "tf.eye(tf.shape(x)[1], 6, [2])",
    ]
    # image
    + _each(
        "bilinear nearest bicubic area lanczos3 lanczos5 gaussian mitchellcubic",
        "tf.image.resize(img, [9, 5], method='@')",
    )
    + [
        "tf.image.resize(u, (3, 4))",
        "tf.image.resize(u, (12, 16), method='nearest')",
        "tf.image.resize(img, [4, 4], preserve_aspect_ratio=True)",
    ]
    + ["tf.image.resize(img, [3, 4], antialias=True)", "tf.image.resize(img, tf.shape(img)[1:3] * 2)"]
    + _each(
        "flip_left_right flip_up_down transpose rot90 rgb_to_grayscale rgb_to_yuv yuv_to_rgb per_image_standardization",
        "tf.image.@(img)",
    )
    + [
        "tf.image.rot90(img, k=3)",
        "tf.image.rgb_to_grayscale(u)",
        "tf.image.grayscale_to_rgb(img[..., :1])",
        "tf.image.central_crop(img, 0.5)",
    ]
    + [
        "tf.image.crop_to_bounding_box(img, 1, 2, 3, 4)",
        "tf.image.pad_to_bounding_box(img, 1, 2, 9, 12)",
        "tf.image.resize_with_crop_or_pad(img, 8, 5)",
    ]
    + [
        "tf.image.convert_image_dtype(u, 'float32')",
        "tf.image.convert_image_dtype(img, 'uint8')",
        "tf.image.adjust_brightness(img, 0.2)",
        "tf.image.adjust_brightness(u, 0.1)",
    ]
    + [
        "tf.image.adjust_contrast(img, 1.5)",
        "tf.image.adjust_gamma(img, 0.5, 2.0)",
        "tf.image.extract_patches(img, [1, 2, 3, 1], [1, 2, 2, 1], [1, 1, 1, 1], 'SAME')",
    ]
    # keras.backend and keras.activations
    + _each("abs square sign exp sin cos round sigmoid tanh softplus softsign hard_sigmoid elu relu softmax", "K.@(x)")
    + _each("sqrt log", "K.@(p)")
    + _each("mean sum prod max min std var", "K.@(x, axis=-1, keepdims=True)")
    + _each("mean any all", "K.@(b, axis=1)")
    + _each(
        "flatten batch_flatten transpose shape zeros_like ones_like argmax argmin cumsum cumprod stop_gradient l2_normalize expand_dims cast_to_floatx",
        "K.@(x)",
    )
    + _each("maximum minimum less less_equal greater greater_equal equal not_equal", "K.@(x, y)")
    + [
        "K.sqrt(x)",
        "K.clip(x, -0.5, 0.5)",
        "K.pow(p, 3.0)",
        "K.concatenate([x, y])",
        "K.stack([x, y], 1)",
        "K.reshape(x, (-1, 24))",
        "K.permute_dimensions(x, (0, 2, 1))",
    ]
    + [
        "K.squeeze(x[:, :1], 1)",
        "K.cast(i, 'float32')",
        "K.one_hot(ids, 4)",
        "K.gather(x, [1, 0])",
        "K.reverse(x, 1)",
        "K.tile(x, [1, 1, 2])",
        "K.repeat(x[:, 0], 3)",
    ]
    + [
        "K.repeat_elements(x, 2, axis=1)",
        "K.temporal_padding(seq, (1, 2))",
        "K.spatial_2d_padding(img, ((1, 0), (2, 1)))",
        "K.dot(x, tf.transpose(y[0]))",
    ]
    + ["K.batch_dot(x, y, axes=2)", "K.batch_dot(x, y, (1, 1))", "K.bias_add(x, y[0, 0])", "K.switch(b, x, y)"]
    + [
        "K.categorical_crossentropy(p, tf.nn.softmax(x))",
        "K.categorical_crossentropy(p, x, from_logits=True)",
        "K.binary_crossentropy(p, p)",
        "K.binary_crossentropy(p, x, from_logits=True)",
    ]
    + [
        "K.resize_images(img, 2, 3, 'channels_last')",
        "K.relu(x, alpha=0.2, max_value=1.0)",
        "K.relu(x, threshold=0.5)",
        "K.elu(x, 0.5)",
    ]
    + _each(
        "exponential sigmoid tanh selu softplus softsign linear swish mish hard_sigmoid relu elu gelu softmax", "A.@(x)"
    )
)
# Symbols that no call is recorded as in this version, but that a file may name: as op layers of their own.
CASES += (
    [
        "op('norm')(x, axis=-1)",
        "op('norm')(x, 1, 1, True)",
        "op('squeeze')(x[:, :1], [1])",
        "op('linalg.matvec')(x, y[:, 0])",
    ]
    + [
        "op('transpose')(x, [0, 2, 1])",
        "op('linalg.logdet')(s)",
        "op('math.logical_xor')(b, x > 0)",
        "op('nn.embedding_lookup')(x, [1, 0])",
    ]
    + [
        "op('math.scalar_mul')(2.0, x)",
        "op('nn.crelu')(x)",
        "op('nn.moments')(x, [1])",
        "op('nn.batch_normalization')(x, y, p, 0.5, 2.0, 1e-3)",
    ]
    + ["op('nn.sigmoid_cross_entropy_with_logits')(p, x)", "op('nn.softmax_cross_entropy_with_logits')(p, x)"]
    + [
        "op('nn.sparse_softmax_cross_entropy_with_logits')(ids, x)",
        "op('nn.conv1d')(seq, seq[0][:3][..., None], 2, 'SAME')",
    ]
    + [
        "op('nn.conv2d')(img, img[0, :3, :2][..., None], 1, 'VALID')",
        "op('nn.max_pool')(img, 3, 1, 'SAME')",
        "op('compat.v1.nn.log_softmax')(x, 1)",
    ]
    + [
        "op('nn.depthwise_conv2d')(img, img[0, :3, :3][..., None], [1, 1, 1, 1], 'SAME')",
        "op('math.in_top_k')(ids[:, 0], x[:, 0], 3)",
    ]
)
CASES = list(dict.fromkeys(CASES))
