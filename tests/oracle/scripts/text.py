"""Layers for text and categories, and models of them, in real tf.keras."""

import numpy as np

from tests.oracle import models, text_models


def _layer(keras):
    """A function that gives a layer class by its name, wherever this version has it."""

    def find(name):
        home = getattr(keras.layers, "experimental", None)
        return getattr(keras.layers, name, None) or getattr(home.preprocessing, name)

    return find


def _tensors(x):
    import tensorflow as tf

    return {key: tf.constant(value) for key, value in x.items()}


def _plain(value):
    array = np.asarray(value)
    if array.dtype.kind in "OS":
        return [[item.hex() for item in row] for row in array.reshape(len(array), -1).tolist()]
    return array.tolist()


def layers():
    """What every layer of the cases gives: [{"shape", "value", "vocabulary", "config"}]."""
    import tensorflow as tf

    find = _layer(models.resolve_keras())
    found = []
    for name, arguments, adapt, given in text_models.CASES:
        layer = find(name)(
            **{k: tuple(v) if k == "ngrams" and isinstance(v, list) else v for k, v in arguments.items()}
        )
        if adapt is not None:
            layer.adapt(np.array(adapt))
        value = layer(tf.constant(given))
        vocabulary = (
            [getattr(t, "item", lambda t=t: t)() for t in layer.get_vocabulary()]
            if "Look" in name + "Look" * ("Text" in name)
            else None
        )
        found.append({"shape": list(value.shape), "value": _plain(value.numpy()), "vocabulary": vocabulary})
    for left, right, arguments in text_models.CROSSED:
        value = find("HashedCrossing")(**arguments)([tf.constant(left), tf.constant(right)])
        found.append({"shape": list(value.shape), "value": _plain(value.numpy()), "vocabulary": None})
    return found


def train_and_save(name, path, save_format, adapted, out):
    """Train a model of text_models.py for two steps and save it; the truth, with two more steps, goes to ``out``."""
    keras = models.resolve_keras()
    keras.backend.clear_session()
    keras.utils.set_random_seed(3)
    model = text_models.MODELS[name](keras, _layer(keras), adapted)
    for seed in (1, 2):
        _step(model, name, seed)
    model.save(path, save_format=save_format)
    found = _truth(model, name)
    found["losses"] = np.asarray([_step(model, name, seed) for seed in (3, 4)], "float32")
    found["after"] = model.predict(_tensors(text_models.inputs_of(name, text_models.data(9, 7)[0])), verbose=0)
    np.savez(out, **found)


def open_and_check(name, path, checkpoint, out):
    """Open a model that was saved elsewhere; what is true of it goes to ``out``."""
    keras = models.resolve_keras()
    model = keras.models.load_model(path)
    if checkpoint:
        model.optimizer.build(model.trainable_variables) if hasattr(model.optimizer, "build") else None
    found = _truth(model, name)
    np.savez(out, **found)
    return {"class": type(model).__name__, "is_model": isinstance(model, keras.Model)}


def _step(model, name, seed):
    x, y = text_models.data(seed, 16)
    model.reset_metrics()
    return model.train_on_batch(_tensors(text_models.inputs_of(name, x)), y)


def _truth(model, name):
    x, _ = text_models.data(9, 7)
    found = {"prediction": model.predict(_tensors(text_models.inputs_of(name, x)), verbose=0)}
    for layer in model._flatten_layers():
        if hasattr(layer, "get_vocabulary") and not layer.name.startswith("string_lookup"):
            found["vocabulary/" + layer.name] = np.array([str(token) for token in layer.get_vocabulary()])
    for weight in model.trainable_weights:
        found["weight/" + weight.name.split(":")[0]] = weight.numpy()
    return found


def hashes(out):
    """TensorFlow's hashes of strings of every length, numbers among them."""
    import tensorflow as tf

    strings = hashed_strings()
    tensor = tf.constant(strings, tf.string)
    fast = tf.strings.to_hash_bucket_fast(tensor, 2**63 - 1).numpy()
    strong = tf.strings.to_hash_bucket_strong(tensor, 2**63 - 1, [133, 2**40 + 7]).numpy()
    column, other = tf.reshape(tensor, (-1, 1)), tf.reshape(tensor[::-1], (-1, 1))
    numbers = tf.range(-5, len(strings) - 5, dtype=tf.int64)[:, tf.newaxis]

    def crossed(*features):
        return tf.sparse.to_dense(tf.sparse.cross_hashed(list(features), 2**62)).numpy().ravel()

    np.savez_compressed(
        out, fast=fast, strong=strong, crossed=crossed(column, other), mixed=crossed(numbers, column, numbers)
    )


def hashed_strings():
    """Bytes of the lengths 0 to 300, some text, and some numbers as TensorFlow writes them."""
    made = [bytes((length * 31 + at * 7 + at * at) % 256 for at in range(length)) for length in range(301)]
    text = ["\u00e9", "\u65e5\u672c\u8a9e", "na\u00efve caf\u00e9", "\U0001f600" * 20, "-9223372036854775808", "12"]
    return made + [item.encode() for item in text]


def save_with_files(path, out):
    """A model of lookups whose vocabulary is a text file, one of them inverted, and boundaries that were learned."""
    import os

    import tensorflow as tf

    keras = models.resolve_keras()
    words = path + "_words.txt"
    with open(words, "w") as file:
        file.write("red\nblue\ngreen\n")
    color, price = keras.Input((1,), dtype="string"), keras.Input((1,))
    found = keras.layers.StringLookup(vocabulary=words, num_oov_indices=2)(color)
    back = keras.layers.StringLookup(vocabulary=words, invert=True)(found)
    bins = keras.layers.Discretization(num_bins=4)
    bins.adapt(np.arange(20, dtype="float32").reshape(-1, 1) * 1.7)
    model = keras.Model([color, price], [found, back, bins(price)])
    model.save(path, save_format="tf")
    x = [np.array([["red"], ["zzz"], ["green"]]), np.array([[3.0], [20.0], [12.0]], "float32")]
    outputs = model.predict([tf.constant(x[0]), x[1]], verbose=0)
    outputs[1] = np.array([[item.decode() for item in row] for row in outputs[1]])
    os.remove(words)
    truth = {"x/%d" % i: value for i, value in enumerate(x)}
    np.savez(out, **truth, **{"output/%d" % i: value for i, value in enumerate(outputs)})


def save_keras3(path, out):
    """What Keras 3 itself writes of its layers for text; it needs a process of its own, as it is another tf.keras."""
    import os
    import subprocess
    import sys

    environment = dict(os.environ, KERAS_BACKEND="tensorflow", TF_USE_LEGACY_KERAS="0")
    subprocess.run([sys.executable, "-c", _KERAS3, path, out], env=environment, check=True, capture_output=True)


_KERAS3 = """
import sys
import keras, numpy as np, tensorflow as tf
layers = keras.layers
x = np.array(["The quick brown Fox!", "jumps over, the lazy dog", "the the dog"])
text = keras.Input((), dtype="string", name="text")
weighted, read = layers.TextVectorization(output_mode="tf_idf"), layers.TextVectorization(output_sequence_length=4)
weighted.adapt(x)
read.adapt(x)
parts = [
    weighted(text),
    layers.StringLookup(vocabulary=list("abc"), output_mode="one_hot")(text),
    layers.Embedding(7, 2)(layers.Hashing(7, salt=3)(text)),
    layers.GlobalAveragePooling1D()(layers.Embedding(20, 3)(read(text))),
]
model = keras.Model(text, layers.Dense(2)(layers.Concatenate()(parts)))
model.save(sys.argv[1])
np.savez(sys.argv[2], x=x, prediction=model.predict(tf.constant(x), verbose=0))
"""
