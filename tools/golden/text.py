"""Write tests/golden/2.3/text.zip: layers for text and categories as TensorFlow 2.3 had them, with the truth beside.

Run it with the Python of TensorFlow 2.3: ``python tools/golden/text.py tests/golden/2.3/text.zip``.
"""

import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import tensorflow as tf

WORDS = np.array([["red"], ["blue"], ["red"], ["green"], ["blue"], ["red"]])
TEXTS = np.array([["The quick brown Fox!"], ["jumps over, the lazy dog"], ["the the dog"]])
COUNTED = np.array([[0, 1], [2, 2], [5, 1]])
X = [
    np.array([["red"], ["violet"], ["green"], [""]]),
    np.array([["the dog!"], ["Quick fox jumps"], ["lazy cat"], [""]]),
    np.array([[5], [8], [9], [0]], "int64"),
]


def adapted(layer, data):
    """The layer, after it has learned from the data."""
    layer.adapt(data)
    return layer


def model():
    """One output to a layer."""
    new = tf.keras.layers.experimental.preprocessing
    color, text = (tf.keras.Input((1,), dtype="string", name=name) for name in ("color", "text"))
    number = tf.keras.Input((1,), dtype="int64", name="num")
    found = adapted(new.IntegerLookup(name="numbers"), np.array([[5], [7], [5], [9]]))(number)
    words = new.TextVectorization(output_sequence_length=6, name="words")
    weighted = new.TextVectorization(output_mode="tf-idf", name="weighted", pad_to_max_tokens=False)
    encoded = new.CategoryEncoding(output_mode="tf-idf", max_tokens=6, name="encoded")
    outputs = [
        adapted(new.StringLookup(name="colors", num_oov_indices=2), WORDS)(color),
        found,
        adapted(words, TEXTS)(text),
        adapted(weighted, TEXTS)(text),
        adapted(encoded, COUNTED)(found),
        new.Hashing(7, name="hashed")(new.CategoryCrossing(name="crossed")([color, number])),
        new.Hashing(5, salt=9, name="salted")(color),
    ]
    return tf.keras.Model([color, text, number], outputs)


def main(path):
    """Save the model and its answers into a zip."""
    made = model()
    outputs = made.predict([tf.constant(x) for x in X])
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        made.save(str(home / "model"), save_format="tf")
        truth = {"output/%d" % i: output for i, output in enumerate(outputs)}
        np.savez_compressed(str(home / "truth.npz"), **truth, **{"x/%d" % i: x for i, x in enumerate(X)})
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(home.rglob("*")):
                if file.is_file():
                    member = zipfile.ZipInfo(file.relative_to(home).as_posix())
                    archive.writestr(member, file.read_bytes(), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main(sys.argv[1])
