"""SavedModels of common user code: text, tables, parsing, ragged, signal, linear algebra, boxes, speech ...

Each is a module whose ``call`` has a signature; saved with the inputs that it was tried on and what TensorFlow gave.
"""

import inspect
import os
import sys

import numpy as np
import tensorflow as tf

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", ".."))
from tests.graph.packing import pack

F, I32, L, S = tf.float32, tf.int32, tf.int64, tf.string


def rng(seed=0):
    return np.random.default_rng(seed)


def f32(*shape, seed=0):
    return rng(seed).normal(size=shape).astype(np.float32)


def text(*items):
    return np.array([item.encode() if isinstance(item, str) else item for item in items], object)


MODELS = {}


def model(specs, inputs, again=False):
    """Register a class whose ``run`` is saved; ``specs`` are (dtype, *shape)."""

    def register(made):
        MODELS[made.__name__] = (made, [tf.TensorSpec(spec[1:], spec[0]) for spec in specs], inputs, again)
        return made

    return register


SENTENCES = text("The quick, brown fox!", "jumps over", "", "the lazy dog the END")


@model([(S, None)], [SENTENCES])
class word_table(tf.Module):
    """Standardise, split, look up, embed, pool."""

    def __init__(self):
        words = tf.constant(["the", "quick", "fox", "dog"])
        init = tf.lookup.KeyValueTensorInitializer(words, tf.range(2, 6, dtype=tf.int64))
        self.table = tf.lookup.StaticHashTable(init, 1)
        self.embedding = tf.Variable(f32(6, 3))

    def run(self, x):
        x = tf.strings.regex_replace(tf.strings.lower(x), "[,!.]", "")
        ids = self.table.lookup(tf.strings.split(x).to_tensor(""))
        vectors = tf.nn.embedding_lookup(self.embedding, ids)
        return {"ids": ids, "pooled": tf.reduce_mean(vectors, 1), "size": self.table.size()}


@model([(S, None)], [SENTENCES])
class vocabulary_file(tf.Module):
    """A vocabulary that is an asset."""

    def __init__(self):
        path = os.path.join(os.environ["VOCABULARY"])
        init = tf.lookup.TextFileInitializer(
            path, S, tf.lookup.TextFileIndex.WHOLE_LINE, L, tf.lookup.TextFileIndex.LINE_NUMBER
        )
        self.table = tf.lookup.StaticVocabularyTable(init, 3)

    def run(self, x):
        return {"ids": self.table.lookup(tf.strings.split(x).to_tensor()), "size": self.table.size()}


@model([(S, None)], [text("a", "b", "a", "new")], again=True)
class counting_table(tf.Module):
    """A table that changes with each call."""

    def __init__(self):
        self.table = tf.lookup.experimental.MutableHashTable(S, L, 0)
        self.table.insert(tf.constant(["a", "b"]), tf.constant([5, 7], tf.int64))

    def run(self, x):
        before = self.table.lookup(x)
        self.table.insert(x, before + 1)
        return {"before": before, "after": self.table.lookup(x), "size": self.table.size()}


@model([(L, None)], [np.array([3, 4, 9, 2**40], np.int64)])
class dense_table(tf.Module):
    def __init__(self):
        self.table = tf.lookup.experimental.DenseHashTable(L, F, -1.0, -1, -2)
        self.table.insert(tf.constant([3, 4, 2**40], tf.int64), tf.constant([0.5, 1.5, 2.5]))
        self.weights = tf.Variable(f32(4))

    def run(self, x):
        return self.table.lookup(x) * self.weights


@model([(L, None)], [np.array([0, 2, 7], np.int64)])
class labels(tf.Module):
    """Numbers to names."""

    def __init__(self):
        init = tf.lookup.KeyValueTensorInitializer(tf.range(3, dtype=tf.int64), tf.constant(["cat", "dog", "cow"]))
        self.table = tf.lookup.StaticHashTable(init, "?")

    def run(self, x):
        return tf.strings.join([self.table.lookup(x), tf.strings.as_string(x)], ":")


@model([(S, None)], [text("12.5", "-3", "1e2")])
class numbers_of_text(tf.Module):
    def __init__(self):
        self.w = tf.Variable(2.0)

    def run(self, x):
        y = tf.strings.to_number(x)
        return {"y": tf.sqrt(tf.abs(y)) * self.w, "text": tf.strings.as_string(y, precision=1)}


@model([(S, None)], [SENTENCES])
class hashed_words(tf.Module):
    def __init__(self):
        self.w = tf.Variable(f32(11, 2))

    def run(self, x):
        words = tf.strings.split(x, " ")
        bins = tf.strings.to_hash_bucket_fast(words.values, 11)
        strong = tf.strings.to_hash_bucket_strong(words.values, 1000, [1, 2])
        rows = tf.gather(self.w, bins)
        return {"sum": tf.math.unsorted_segment_sum(rows, words.value_rowids(), words.nrows()), "strong": strong}


@model([(S, None)], [text("héllo wörld", "日本", "")])
class characters(tf.Module):
    def run(self, x):
        codes = tf.strings.unicode_decode(x, "UTF-8")
        back = tf.strings.unicode_encode(codes, "UTF-8")
        return {
            "codes": codes.to_tensor(-1),
            "back": back,
            "upper": tf.strings.upper(x, "utf-8"),
            "part": tf.strings.substr(x, 0, 1, "UTF8_CHAR"),
            "length": tf.strings.length(x, "UTF8_CHAR"),
        }


@model([(S, None)], [SENTENCES])
class grams(tf.Module):
    def run(self, x):
        words = tf.strings.split(x)
        pairs = tf.strings.ngrams(words, 2)
        return {
            "pairs": pairs.to_tensor(""),
            "joined": tf.strings.reduce_join(words.to_tensor(""), -1, separator="_"),
        }


@model([(S, None)], [text("p1,3,x", "p2,4,y")])
class csv(tf.Module):
    def run(self, x):
        name, number, kind = tf.io.decode_csv(x, [[""], [0], ["?"]])
        return {"name": name, "twice": tf.cast(number, F) * 2.0, "is": tf.equal(kind, "x")}


@model([(S, None)], [text(b"\1\2\3\4", b"\5\6\7\10")])
class raw(tf.Module):
    def run(self, x):
        return tf.cast(tf.io.decode_raw(x, tf.uint8), F) / 255.0


def examples():
    def feature(values):
        if isinstance(values[0], bytes):
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))
        if isinstance(values[0], int):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))

    rows = [
        {"age": [31], "scores": [0.5, 1.5], "tags": [b"a", b"b"], "rag": [1, 2, 3]},
        {"scores": [2.5, 3.5], "rag": [4]},
        {"age": [7], "scores": [4.5, 5.5], "tags": [b"c"]},
    ]
    made = [tf.train.Features(feature={k: feature(v) for k, v in row.items()}) for row in rows]
    return np.array([tf.train.Example(features=each).SerializeToString() for each in made], object)


@model([(S, None)], [examples()])
class parse_example(tf.Module):
    def __init__(self):
        self.w = tf.Variable(f32(2, 3))

    def run(self, x):
        found = tf.io.parse_example(x, {
            "age": tf.io.FixedLenFeature([], L, -1),
            "scores": tf.io.FixedLenFeature([2], F),
            "tags": tf.io.VarLenFeature(S),
            "rag": tf.io.RaggedFeature(L),
        })  # fmt: skip
        return {
            "age": found["age"],
            "y": found["scores"] @ self.w,
            "tags": tf.sparse.to_dense(found["tags"], ""),
            "rag": found["rag"].to_tensor(),
        }


@model([(S,)], [examples()[0]])
class parse_single(tf.Module):
    def run(self, x):
        found = tf.io.parse_single_example(x, {
            "age": tf.io.FixedLenFeature([], L),
            "tags": tf.io.VarLenFeature(S),
            "more": tf.io.FixedLenSequenceFeature([], L, allow_missing=True),
            "rag": tf.io.FixedLenSequenceFeature([], L, allow_missing=True),
        })  # fmt: skip
        return {"age": found["age"], "tags": found["tags"].values, "rag": found["rag"], "more": found["more"]}


@model([(F, None), (L, None)], [f32(6), np.array([0, 2, 2, 6], np.int64)])
class ragged(tf.Module):
    def run(self, values, splits):
        rows = tf.RaggedTensor.from_row_splits(values, splits)
        return {
            "dense": rows.to_tensor(),
            "sum": tf.reduce_sum(rows, 1),
            "mean": tf.reduce_mean(rows, 1),
            "twice": (rows * 2.0).values,
            "picked": tf.gather(rows, [2, 0]).to_tensor(),
            "mapped": tf.map_fn(lambda row: tf.cast(tf.size(row), F), rows, fn_output_signature=F),
        }


@model([(L, None, 2), (F, None)], [np.array([[0, 1], [2, 0]], np.int64), f32(2)])
class sparse(tf.Module):
    def __init__(self):
        self.w = tf.Variable(f32(3, 2))

    def run(self, indices, values):
        x = tf.sparse.SparseTensor(indices, values, [3, 3])
        filled, empty = tf.sparse.fill_empty_rows(x, 0.0)
        return {
            "dense": tf.sparse.to_dense(x),
            "product": tf.sparse.sparse_dense_matmul(x, self.w),
            "rows": tf.sparse.reduce_sum(x, 1),
            "empty": empty,
            "filled": filled.values,
            "shape": tf.sparse.to_dense(tf.sparse.reshape(x, [9])),
        }


@model([(F, None)], [f32(1024)])
class spectrogram(tf.Module):
    def run(self, x):
        spectrum = tf.abs(tf.signal.stft(x, 256, 128))
        mel = tf.signal.linear_to_mel_weight_matrix(20, 129, 8000, 80.0, 3800.0)
        logs = tf.math.log(tf.matmul(spectrum, mel) + 1e-3)
        return {"mfcc": tf.signal.mfccs_from_log_mel_spectrograms(logs)[..., :8], "dct": tf.signal.dct(x[:16])}


@model([(F, None)], [f32(512)])
class inverse_stft(tf.Module):
    def run(self, x):
        return tf.signal.inverse_stft(tf.signal.stft(x, 128, 64), 128, 64)


@model(
    [(F, None, 4), (F, None)],
    [
        np.sort(rng(1).uniform(size=(8, 2, 2)), 1).reshape(8, 4).astype(np.float32),
        rng(2).uniform(size=8).astype(np.float32),
    ],
)
class boxes(tf.Module):
    def run(self, boxes, scores):
        kept = tf.image.non_max_suppression(boxes, scores, 4, 0.3, 0.2)
        found = tf.image.combined_non_max_suppression(
            boxes[None, :, None], tf.stack([scores, 1 - scores], 1)[None], 3, 5
        )
        return {
            "kept": kept,
            "boxes": tf.gather(boxes, kept),
            "combined": found.nmsed_boxes,
            "scores": found.nmsed_scores,
            "classes": found.nmsed_classes,
            "valid": found.valid_detections,
        }


@model([(F, None, None, 5), (I32, None)], [f32(6, 2, 5), np.array([6, 4], np.int32)])
class ctc(tf.Module):
    def run(self, logits, lengths):
        decoded, score = tf.nn.ctc_greedy_decoder(logits, lengths)
        labels = tf.constant([[1, 2], [3, 0]])
        loss = tf.nn.ctc_loss(labels, logits, [2, 1], lengths, blank_index=-1)
        best, logs = tf.nn.ctc_beam_search_decoder(logits, lengths, 8, 2)
        return {
            "decoded": tf.sparse.to_dense(decoded[0], -1),
            "score": score,
            "loss": loss,
            "best": tf.sparse.to_dense(best[0], -1),
            "logs": logs,
        }


@model([(F, None, 4)], [f32(3, 4)])
class quantized(tf.Module):
    def run(self, x):
        fake = tf.quantization.fake_quant_with_min_max_vars(x, -1.0, 1.0, 8)
        channel = tf.quantization.fake_quant_with_min_max_vars_per_channel(x, [-1.0, -2, -1, -1], [1.0, 1, 2, 3], 4)
        q, low, high = tf.quantization.quantize(x, -3.0, 3.0, tf.quint8)
        return {
            "fake": fake,
            "channel": channel,
            "back": tf.quantization.dequantize(q, low, high),
            "both": tf.quantization.quantize_and_dequantize_v2(x, -2.0, 2.0),
        }


@model([(F, None, 3)], [f32(5, 3)])
class sorting(tf.Module):
    def run(self, x):
        values, index = tf.nn.top_k(x, 2)
        flat = tf.sort(tf.reshape(x, [-1]))
        return {
            "values": values,
            "index": index,
            "order": tf.argsort(x, direction="DESCENDING"),
            "place": tf.searchsorted(flat, [0.0, 1.0]),
            "in": tf.nn.in_top_k([0, 1, 2, 0, 1], x, 1),
        }


@model([(F, 4, 4)], [f32(4, 4)])
class matrices(tf.Module):
    def run(self, x):
        a = x @ tf.transpose(x) + tf.eye(4)
        q, r = tf.linalg.qr(x)
        return {
            "exp": tf.linalg.expm(x * 0.3),
            "qr": q @ r,
            "eigenvalues": tf.linalg.eigvalsh(a),
            "logdet": tf.linalg.logdet(a),
            "lstsq": tf.linalg.lstsq(x, x[:, :2], fast=False),
            "triangular": tf.linalg.triangular_solve(tf.linalg.cholesky(a), x),
            "trace": tf.linalg.trace(a),
            "band": tf.linalg.band_part(x, 1, 0),
            "pinv": tf.linalg.pinv(a),
            "kron": tf.linalg.LinearOperatorKronecker(
                [tf.linalg.LinearOperatorFullMatrix(x), tf.linalg.LinearOperatorIdentity(2)]
            ).to_dense(),
        }


@model([(F, None, None, None, 3)], [rng(3).uniform(size=(1, 8, 9, 3)).astype(np.float32)])
class pictures(tf.Module):
    def run(self, x):
        return {
            "contrast": tf.image.adjust_contrast(x, 1.5),
            "saturation": tf.image.adjust_saturation(x, 0.7),
            "brightness": tf.image.adjust_brightness(x, 0.1),
            "gamma": tf.image.adjust_gamma(x, 2.0),
            "flip": tf.image.flip_left_right(x),
            "turn": tf.image.rot90(x),
            "patches": tf.image.extract_patches(x, [1, 3, 3, 1], [1, 2, 2, 1], [1, 1, 1, 1], "SAME"),
            "ssim": tf.image.psnr(x, x * 0.9, 1.0),
            "sobel": tf.image.sobel_edges(x),
            "yuv": tf.image.rgb_to_yuv(x),
            "crops": tf.image.crop_and_resize(x, [[0.1, 0.1, 0.8, 0.9]], [0], [4, 4]),
        }


@model([(F, None, 8)], [f32(3, 8)])
class einsums(tf.Module):
    def __init__(self):
        self.w = tf.Variable(f32(8, 2, 4))

    def run(self, x):
        y = tf.einsum("bi,ihd->bhd", x, self.w)
        return {"y": y, "outer": tf.einsum("...hd,...kd->...hk", y, y), "trace": tf.einsum("ii->i", x[:, :3])}


@model([(F, None), (I32, None)], [f32(7), np.array([0, 0, 1, 3, 3, 3, 4], np.int32)])
class segments(tf.Module):
    def run(self, x, ids):
        return {
            "sum": tf.math.segment_sum(x, ids),
            "max": tf.math.segment_max(x, ids),
            "mean": tf.math.segment_mean(x, ids),
            "unsorted": tf.math.unsorted_segment_max(x, ids, 6),
            "sqrt": tf.sparse.segment_sqrt_n(x, [0, 2, 4], [0, 0, 1]),
            "count": tf.math.bincount(ids, minlength=6),
        }


@model([(F, None, 2)], [f32(5, 2)])
class recurrence(tf.Module):
    """A loop with an early end over a TensorArray."""

    def __init__(self):
        self.w = tf.Variable(f32(2, 2))

    def run(self, x):
        array, state = tf.TensorArray(F, 0, dynamic_size=True, element_shape=[2]), tf.zeros([2])
        for i in tf.range(tf.shape(x)[0]):
            state = tf.tanh(tf.linalg.matvec(self.w, state) + x[i])
            array = array.write(i, state)
            if state[0] > 0.9:
                break
        return array.stack(), state


@model([(S, None)], [text("a b", "c", "d e f")])
class mapped_text(tf.Module):
    """map_fn over strings."""

    def run(self, x):
        return tf.map_fn(lambda t: tf.size(tf.strings.split(t[None]).values), x, fn_output_signature=I32)


@model([(S, None)], [text("yes", "no")])
class branch_on_text(tf.Module):
    def __init__(self):
        self.w = tf.Variable(3.0)

    def run(self, x):
        y = tf.cond(tf.reduce_any(tf.equal(x, "yes")), lambda: self.w * 2.0, lambda: self.w + 0.0)
        return y, tf.where(x == "no", "N", x)


@model([(F, None)], [np.array([0.3, 1.2, -2.0], np.float32)])
class special(tf.Module):
    def run(self, x):
        y = tf.abs(x) + 0.1
        return {
            "j0": tf.math.special.bessel_j0(x),
            "k0": tf.math.special.bessel_k0(y),
            "i1": tf.math.bessel_i1(x),
            "dawsn": tf.math.special.dawsn(x),
            "fresnel": tf.math.special.fresnel_cos(x),
            "expint": tf.math.special.expint(y),
            "spence": tf.math.special.spence(y),
            "gamma": tf.math.lgamma(y),
            "betainc": tf.math.betainc(y, y, tf.sigmoid(x)),
        }


@model([(F, None, 6)], [f32(4, 6)])
class losses(tf.Module):
    def run(self, x):
        hot = tf.one_hot([0, 1, 2, 3], 6)
        return {
            "softmax": tf.nn.softmax_cross_entropy_with_logits(hot, x),
            "sigmoid": tf.nn.sigmoid_cross_entropy_with_logits(hot, x),
            "l2": tf.nn.l2_loss(x),
            "weighted": tf.nn.weighted_cross_entropy_with_logits(hot, x, 2.0),
            "normal": tf.math.l2_normalize(x, 1),
            "confusion": tf.math.confusion_matrix([0, 1, 2, 3], tf.argmax(x, 1), 6),
            "edit": tf.edit_distance(tf.sparse.from_dense([[1, 2, 3]]), tf.sparse.from_dense([[1, 3, 3]])),
        }


@model([(I32, None), (I32, None)], [np.array([1, 2, 3, 9], np.int32), np.array([2, 3, 5], np.int32)])
class sets(tf.Module):
    def run(self, a, b):
        return {
            "both": tf.sets.intersection(a[None], b[None]).values,
            "only": tf.sets.difference(a[None], b[None]).values,
            "all": tf.sets.union(a[None], b[None]).values,
            "unique": tf.unique_with_counts(tf.concat([a, b], 0)).count,
        }


@model([(S, None)], [text("x,y", "z")])
class assertions(tf.Module):
    """A message with a tensor in it, and a shape that depends on text."""

    def run(self, x):
        parts = tf.strings.split(x, ",")
        tf.debugging.Assert(tf.size(parts.values) > 0, [tf.strings.format("none in {}", x)])
        return tf.ones([tf.size(parts.values)]) * tf.cast(tf.size(x), F)


@model([(F, None, 4)], [f32(3, 4)])
class clipped(tf.Module):
    @tf.custom_gradient
    def straight(self, x):
        return tf.round(x), lambda d: d

    def run(self, x):
        return {
            "round": self.straight(x),
            "norm": tf.clip_by_norm(x, 1.0, [1]),
            "all": tf.clip_by_global_norm([x], 1.0)[0][0],
        }


def save(directory):
    """Write all models, and an .npz beside each."""
    path = os.path.join(directory, "vocabulary.txt")
    with open(path, "w") as file:
        file.write("the\nquick\nfox\n")
    os.environ["VOCABULARY"] = path
    for name, (made, specs, inputs, again) in MODELS.items():
        module = made()
        names = list(inspect.signature(module.run).parameters)
        module.call = tf.function(module.run, input_signature=specs)
        module.call.get_concrete_function()
        tf.saved_model.save(module, os.path.join(directory, name))
        found = {f"in/{name}": pack(value) for name, value in zip(names, inputs)}
        for turn in ("out", "again") if again else ("out",):
            outputs = module.call(*map(tf.constant, inputs))
            if not isinstance(outputs, dict):
                outputs = {f"output_{i}": value for i, value in enumerate(tf.nest.flatten(outputs))}
            found.update({f"{turn}/{key}": pack(value.numpy()) for key, value in outputs.items()})
        np.savez(os.path.join(directory, name + ".npz"), **found)
    return sorted(MODELS)


def save_v1(directory):
    """A graph as TF1 writes it: switches and frames, variables that are references, no object graph."""
    v1 = tf.compat.v1
    v1.disable_control_flow_v2()
    try:
        with tf.Graph().as_default(), v1.Session() as session:
            x = v1.placeholder(tf.float32, [None, 3])
            train = v1.placeholder_with_default(False, [])
            w = v1.get_variable("w", initializer=f32(3, 3), use_resource=False)
            r = v1.get_variable("r", initializer=np.float32(2), use_resource=True)
            _, y = v1.while_loop(lambda i, y: i < 4, lambda i, y: (i + 1, tf.tanh(y @ w) + r), [0, x])
            outputs = {
                "y": y,
                "branch": v1.cond(train, lambda: y * 2.0, lambda: y + w[0]),
                "nested": v1.cond(tf.reduce_sum(x) > 0, lambda: v1.cond(train, lambda: x, lambda: x * 3.0), lambda: -x),
                "constant": v1.cond(tf.reduce_sum(x) > 0, lambda: 1.0, lambda: 2.0),
                "mapped": v1.map_fn(lambda row: tf.reduce_sum(row) * r, x),
                "halved": v1.while_loop(lambda a: tf.reduce_sum(a) > 1.0, lambda a: a * 0.5, [tf.abs(x) * 50]),
                "inner": v1.while_loop(
                    lambda i, a: i < 3,
                    lambda i, a: (i + 1, v1.while_loop(lambda j, b: j < i, lambda j, b: (j + 1, b + x), [0, a])[1]),
                    [0, x],
                )[1],
            }
            session.run(v1.global_variables_initializer())
            fed = f32(2, 3)
            found = session.run(outputs, {x: fed})
            signature = v1.saved_model.predict_signature_def({"x": x}, outputs)
            builder = v1.saved_model.Builder(os.path.join(directory, "v1"))
            builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature})
            builder.save()
    finally:
        v1.enable_control_flow_v2()
    np.savez(os.path.join(directory, "v1.npz"), x=fed, **found)
