"""Layers for text and categories, and models of them, for both runtimes. The source must be readable by Python 3.8.

``CASES`` are single layers: (class, arguments, data to adapt to or None, input). ``MODELS`` are builders that take the
keras module and a function that gives a layer class by its name.
"""

import numpy as np

WORDS = [["red"], ["blue"], ["red"], ["green"], ["blue"], ["red"], ["\u00fcber"], [""]]
TEXTS = [
    ["The quick, brown FOX!"],
    ["jumps  over\tthe lazy-dog\u00a0and more"],
    ["\u00c9t\u00e9 na\u00efve caf\u00e9 \u65e5\u672c\u8a9e the THE the"],
    ["[UNK] don't \x1f stop? (never)"],
    [""],
]
TABLE = [["red", "blue"], ["zzz", "green"], ["", "other"], ["[UNK]", "\u00fcber"]]
NUMBERS = [[5, 7], [-3, 9], [0, -1], [2147483647, 12]]


def case(name, adapt=None, given=None, **arguments):
    """One case."""
    return (name, arguments, adapt, given)


CASES = [
    case("StringLookup", given=TABLE, vocabulary=["red", "blue", "green"]),
    case("StringLookup", given=TABLE, vocabulary=["red", "blue"], num_oov_indices=5, mask_token=""),
    case("StringLookup", given=TABLE, vocabulary=["", "[UNK]", "red", "blue"], mask_token=""),
    case("StringLookup", given=TABLE, vocabulary=["red", "blue"], output_mode="multi_hot", num_oov_indices=2),
    case("StringLookup", given=TABLE, vocabulary=["red", "blue"], output_mode="count", mask_token=""),
    case("StringLookup", given=WORDS, vocabulary=["red", "blue"], output_mode="one_hot"),
    case("StringLookup", given=[w[0] for w in WORDS], vocabulary=["red", "blue"], output_mode="one_hot"),
    case("StringLookup", given=TABLE, vocabulary=["red"], output_mode="count", max_tokens=6, pad_to_max_tokens=True),
    case("StringLookup", given=TABLE, vocabulary=["red", "z"], output_mode="tf_idf", idf_weights=[0.5, 2.0]),
    case("StringLookup", adapt=WORDS, given=TABLE),
    case("StringLookup", adapt=WORDS, given=TABLE, max_tokens=4, mask_token=""),
    case("StringLookup", adapt=WORDS, given=TABLE, output_mode="tf_idf", max_tokens=9, pad_to_max_tokens=True),
    case("StringLookup", given=[[0, 1, 2], [3, 4, 99]], vocabulary=["red", "blue"], invert=True),
    case("StringLookup", given=[[0, 1, 2], [3, 4, 99]], vocabulary=["red", "blue"], invert=True, mask_token=""),
    case("IntegerLookup", given=NUMBERS, vocabulary=[5, 7, 9]),
    case("IntegerLookup", given=NUMBERS, vocabulary=[5, 7, 9], num_oov_indices=3, mask_token=0),
    case("IntegerLookup", given=NUMBERS, vocabulary=[5, 7], output_mode="multi_hot"),
    case("IntegerLookup", adapt=NUMBERS, given=NUMBERS, max_tokens=4),
    case("IntegerLookup", given=[[0, 1, 2], [3, 4, 9]], vocabulary=[50, 70], invert=True),
    case("TextVectorization", adapt=TEXTS, given=TEXTS),
    case("TextVectorization", adapt=TEXTS, given=TEXTS, output_sequence_length=3, max_tokens=7),
    case("TextVectorization", adapt=TEXTS, given=TEXTS, output_sequence_length=20),
    case("TextVectorization", adapt=TEXTS, given=[t[0] for t in TEXTS], ngrams=2),
    case("TextVectorization", adapt=TEXTS, given=TEXTS, ngrams=(1, 3)),
    case("TextVectorization", adapt=TEXTS, given=TEXTS, output_mode="multi_hot"),
    case("TextVectorization", adapt=TEXTS, given=TEXTS, output_mode="count", max_tokens=40, pad_to_max_tokens=True),
    case("TextVectorization", adapt=TEXTS, given=TEXTS, output_mode="tf_idf"),
    case("TextVectorization", adapt=TEXTS, given=TEXTS, standardize="lower"),
    case("TextVectorization", adapt=TEXTS, given=TEXTS, standardize="strip_punctuation"),
    case("TextVectorization", adapt=TEXTS, given=TEXTS, standardize=None, split="character"),
    case("TextVectorization", given=TABLE, split=None, vocabulary=["red", "other"], output_sequence_length=3),
    case("Hashing", given=TABLE, num_bins=13),
    case("Hashing", given=TABLE, num_bins=13, mask_value=""),
    case("Hashing", given=TABLE, num_bins=7, salt=133),
    case("Hashing", given=TABLE, num_bins=7, salt=[133, 137]),
    case("Hashing", given=NUMBERS, num_bins=11),
    case("Hashing", given=NUMBERS, num_bins=11, salt=5, mask_value=5),
    case("Hashing", given=TABLE, num_bins=5, output_mode="multi_hot"),
    case("Hashing", given=WORDS, num_bins=5, output_mode="one_hot"),
    case("Hashing", given=TABLE, num_bins=5, output_mode="count"),
]
# Of two inputs.
CROSSED = [
    ([w[0] for w in WORDS], list(range(8)), {"num_bins": 10}),
    (WORDS, WORDS[::-1], {"num_bins": 1000}),
    (WORDS, [[n] for n in range(8)], {"num_bins": 6, "output_mode": "one_hot"}),
]

COLORS = ["red", "blue", "green", "black", "\u00fcber"]


def structured(keras, layer, adapted=True):
    """Many features in a dictionary, each through its own layers, then two trained ones."""
    layers = keras.layers
    inputs = {
        "age": keras.Input((1,), dtype="int64", name="age"),
        "color": keras.Input((1,), dtype="string", name="color"),
        "price": keras.Input((2,), name="price"),
        "review": keras.Input((1,), dtype="string", name="review"),
        "size": keras.Input((1,), dtype="int64", name="size"),
    }
    x, _ = data(100, 64)
    color = layer("StringLookup")(name="colors", **({} if adapted else {"vocabulary": COLORS, "num_oov_indices": 3}))
    age = layer("IntegerLookup")(
        name="ages", output_mode="one_hot", **({} if adapted else {"vocabulary": [20, 30, 40]})
    )
    price = layer("Normalization")(name="prices")
    words = layer("TextVectorization")(
        name="words", output_sequence_length=5, **({} if adapted else {"vocabulary": ["good", "bad"]})
    )
    weighted = {"output_mode": "tf_idf"} if adapted else {"output_mode": "count", "vocabulary": ["good", "bad"]}
    counted = layer("TextVectorization")(name="counted", **weighted)
    size = layer("CategoryEncoding")(num_tokens=4, output_mode="one_hot", name="sizes")
    crossed = layer("HashedCrossing")(num_bins=6, output_mode="one_hot", name="crossed")
    price.adapt(x["price"])
    if adapted:
        color.adapt(x["color"])
        age.adapt(x["age"])
        words.adapt(x["review"])
        counted.adapt(x["review"])
    parts = [
        layers.Flatten()(layers.Embedding(12, 3, name="embedded")(color(inputs["color"]))),
        age(inputs["age"]),
        price(inputs["price"]),
        layers.GlobalAveragePooling1D()(layers.Embedding(20, 4, name="read")(words(inputs["review"]))),
        counted(inputs["review"]),
        size(inputs["size"]),
        crossed([inputs["color"], inputs["size"]]),
    ]
    hidden = layers.Dense(8, activation="relu", name="hidden")(layers.Concatenate(name="all")(parts))
    model = keras.Model(inputs, layers.Dense(1, name="score")(hidden))
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    return model


def nested(keras, layer, adapted=True):
    """A preprocessing model and a Sequential in a model."""
    layers = keras.layers
    text = keras.Input((1,), dtype="string", name="text")
    x, _ = data(100, 64)
    words = layer("TextVectorization")(name="words", output_sequence_length=6)
    words.adapt(x["review"])
    prepare = keras.Model(text, words(text), name="prepare")
    tower = keras.Sequential(
        [keras.Input((6,), dtype="int32"), layers.Embedding(20, 4), layers.Flatten(), layers.Dense(3)], name="tower"
    )
    review = keras.Input((1,), dtype="string", name="review")
    model = keras.Model({"review": review}, layers.Dense(1, name="score")(tower(prepare(review))))
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    return model


MODELS = {"structured": structured, "nested": nested}


def data(seed, count):
    """A batch: ({feature: array}, targets)."""
    random = np.random.RandomState(seed)
    texts = ["Good!", "very BAD", "not good, not bad", "caf\u00e9 \u65e5\u672c", "so-so", "good good good"]

    def pick(items):
        return np.array([[items[i]] for i in random.randint(0, len(items), count)])

    x = {
        "age": pick([20, 30, 40, 50, 60]).astype("int64"),
        "color": pick([*COLORS, "unheard of"]),
        "price": random.normal(size=(count, 2)).astype("float32"),
        "review": pick(texts),
        "size": random.randint(0, 4, (count, 1)).astype("int64"),
    }
    return x, random.normal(size=(count, 1)).astype("float32")


def inputs_of(name, x):
    """Those features that a model takes."""
    return {"review": x["review"]} if name == "nested" else x
