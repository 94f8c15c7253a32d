"""What tf.keras says about layers and models: their configs, and what they compute with given weights."""

import json

import numpy as np

from tests.oracle.models import resolve_keras


def truths(cases, directory):
    """Build each case; return its model config, or the error; write inputs, weights and outputs to <index>.npz."""
    return [_safely(_truth, case, "%s/%d.npz" % (directory, index)) for index, case in enumerate(cases)]


def topologies(names, directory):
    """The same for the models below."""
    keras = resolve_keras()
    result = []
    for name in names:
        keras.backend.clear_session()
        result.append(_record(TOPOLOGIES[name](keras), "%s/%s.npz" % (directory, name)))
    return result


def layer_configs(items):
    """Return what each layer, taken from its config, says its config is."""
    return [_safely(_layer_config, item) for item in items]


def model_outputs(config, path):
    """Build a model from its config, with the weights and inputs in the file, and return its outputs and its config."""
    keras = resolve_keras()
    keras.backend.clear_session()
    kind = keras.Sequential if config["class_name"] == "Sequential" else keras.Model
    model = kind.from_config(config["config"])
    with np.load(path) as arrays:
        inputs = [arrays["x%d" % i] for i in range(len(model.inputs))]
        outputs = model(_packed(model, inputs), training=False)
        del outputs  # a Sequential may have to be called to have weights
        model.set_weights([arrays["w%d" % i] for i in range(len(model.weights))])
        outputs = _flat(model(_packed(model, inputs), training=False))
    return {"outputs": [_array(output).tolist() for output in outputs], "config": json.loads(model.to_json())}


def _safely(function, *args):
    try:
        return function(*args)
    except Exception as error:
        return {"error": "%s: %s" % (type(error).__name__, error)}


def _layer_config(item):
    keras = resolve_keras()
    layer = keras.layers.deserialize(item)
    return json.loads(json.dumps(layer.get_config(), default=_json))


def _json(value):
    if hasattr(value, "keys"):
        return dict(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "as_list"):
        return value.as_list()
    return list(value) if not hasattr(value, "name") else value.name


def _truth(case, path):
    keras = resolve_keras()
    keras.backend.clear_session()
    inputs = [keras.Input(batch_shape=shape, dtype=dtype) for shape, dtype in case["inputs"]]
    layer = getattr(keras.layers, case["class_name"])(**_arguments(keras, case["arguments"]))
    if case.get("adapt"):
        layer.adapt(np.random.RandomState(5).normal(size=case["adapt"]).astype("float32"))
    form = case.get("call", "one")
    call = case.get("call_arguments", {})
    if form == "one":
        outputs = layer(inputs[0], **call)
    elif form == "list":
        outputs = layer(inputs, **call)
    else:
        outputs = layer(*inputs, **call)
    return _record(keras.Model(inputs, outputs), path, keep="adapt" in case)


def _arguments(keras, arguments):
    """Make objects of the serialized layers, activations, initializers in the arguments."""
    return {key: _argument(keras, value) for key, value in arguments.items()}


def _argument(keras, value):
    if isinstance(value, dict) and "class_name" in value:
        made = _arguments(keras, value["config"])
        for home in (keras.layers, keras.initializers, keras.regularizers, keras.constraints):
            if hasattr(home, value["class_name"]):
                return getattr(home, value["class_name"])(**made)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_argument(keras, item) for item in value]
    return value


def _record(model, path, keep=False):
    random = np.random.RandomState(3)
    weights = model.get_weights() if keep else [_weight(random, variable) for variable in model.weights]
    model.set_weights(weights)
    inputs = [_data(random, tensor) for tensor in model.inputs]
    outputs = _flat(model(_packed(model, inputs), training=False))
    arrays = {"x%d" % i: value for i, value in enumerate(inputs)}
    arrays.update({"w%d" % i: value for i, value in enumerate(weights)})
    arrays.update({"y%d" % i: _array(value) for i, value in enumerate(outputs)})
    np.savez(path, **arrays)
    return json.loads(model.to_json())


def _array(tensor):
    """As numpy, which has no bfloat16."""
    value = np.asarray(tensor)
    return value.astype("float32") if value.dtype.name == "bfloat16" else value


def _weight(random, variable):
    if not variable.dtype.is_floating:
        return variable.numpy()
    value = random.normal(size=variable.shape).astype(variable.dtype.as_numpy_dtype) * 0.5
    return np.abs(value) + 0.5 if "variance" in variable.name else value


def _data(random, tensor):
    shape = [3 if size is None else size for size in tensor.shape]
    if tensor.dtype.is_floating:
        return random.normal(size=shape).astype(tensor.dtype.as_numpy_dtype)
    return random.randint(0, 4, shape).astype(tensor.dtype.as_numpy_dtype)


def _packed(model, inputs):
    import tensorflow as tf

    structure = getattr(model, "_nested_inputs", None)
    return tf.nest.pack_sequence_as(structure, inputs) if structure is not None else inputs[0]


def _flat(outputs):
    import tensorflow as tf

    return tf.nest.flatten(outputs)


# Models, by what is special in how they are wired.


def shared(keras):
    x, y = keras.Input((3,), name="x"), keras.Input((3,), name="y")
    dense = keras.layers.Dense(3, activation="tanh")
    return keras.Model([x, y], [dense(dense(x)), dense(y)])


def nested_twice(keras):
    layers = keras.layers
    i = keras.Input((3,))
    inner = keras.Model(i, layers.Dense(3, activation="relu")(i), name="inner")
    x = keras.Input((3,))
    first = inner(x)
    return keras.Model(x, [inner(first), layers.Add()([first, x])])


def nested_sequential(keras):
    layers = keras.layers
    sequence = keras.Sequential(
        [keras.Input((3,)), layers.Dense(3, activation="tanh"), layers.Dropout(0.5)], name="seq"
    )
    x = keras.Input((3,))
    return keras.Model(x, layers.Concatenate()([sequence(x), sequence(sequence(x))]))


def nested_unbuilt_sequential(keras):
    sequence = keras.Sequential([keras.layers.Dense(3, activation="tanh")], name="seq")
    x = keras.Input((3,))
    return keras.Model(x, sequence(sequence(x)))


def sequential_of_models(keras):
    layers = keras.layers
    i = keras.Input((4,))
    encoder = keras.Model(i, layers.Dense(2)(i), name="encoder")
    decoder = keras.Sequential([layers.Dense(4, input_shape=(2,)), layers.ReLU()], name="decoder")
    return keras.Sequential([encoder, decoder])


def sequential(keras):
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Conv2D(4, 3, padding="same", activation="relu", input_shape=(8, 8, 2)),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def named_inputs(keras):
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    joined = keras.layers.Concatenate()([a, b])
    dense = keras.layers.Dense
    return keras.Model(
        {"b": b, "a": a}, {"mean": dense(1, name="mean")(joined), "class": dense(2, name="class")(joined)}
    )


def list_of_one(keras):
    x = keras.Input((3,))
    return keras.Model([x], [keras.layers.Dense(2)(x)])


def input_is_output(keras):
    x = keras.Input((3,))
    return keras.Model(x, [x, keras.layers.Dense(2)(x)])


def initial_states(keras):
    layers = keras.layers
    x = keras.Input((4, 3))
    _, h, c = layers.LSTM(2, return_state=True, name="encoder")(x)
    y = keras.Input((5, 3))
    return keras.Model([x, y], layers.LSTM(2, return_sequences=True, name="decoder")(y, initial_state=[h, c]))


def bidirectional_states(keras):
    layers = keras.layers
    x = keras.Input((4, 3))
    _, *states = layers.Bidirectional(layers.GRU(2, return_state=True), name="encoder")(x)
    return keras.Model(x, layers.Bidirectional(layers.GRU(2), name="decoder")(x, initial_state=states))


def attention_arguments(keras):
    layers = keras.layers
    q, v = keras.Input((4, 6)), keras.Input((5, 6))
    attention = layers.MultiHeadAttention(2, 3)
    out, scores = attention(q, value=v, key=v, return_attention_scores=True)
    return keras.Model([q, v], [out, scores, attention(q, q, use_causal_mask=True)])


def attention_positional(keras):
    q, v, k = (keras.Input((4, 6)) for _ in range(3))
    return keras.Model([q, v, k], keras.layers.MultiHeadAttention(2, 3, output_shape=5)(q, v, k))


def explicit_mask(keras):
    layers = keras.layers
    x, mask = keras.Input((4, 3)), keras.Input((4,), dtype="bool")
    return keras.Model([x, mask], layers.LSTM(2)(x, mask=mask))


def embedding_mask(keras):
    layers = keras.layers
    x = keras.Input((6,), dtype="int32")
    hidden = layers.Embedding(5, 3, mask_zero=True)(x)
    hidden = layers.Bidirectional(layers.LSTM(2, return_sequences=True))(hidden)
    hidden = layers.TimeDistributed(layers.Dense(2))(hidden)
    return keras.Model(x, layers.GRU(2)(hidden))


def merged_masks(keras):
    layers = keras.layers
    x, y = keras.Input((4, 3)), keras.Input((4, 3))
    a, b = layers.Masking(0.5)(x), layers.Masking(0.5)(y)
    return keras.Model([x, y], [layers.LSTM(2)(layers.Add()([a, b])), layers.GlobalAveragePooling1D()(a)])


def training_fixed(keras):
    layers = keras.layers
    x = keras.Input((3,))
    return keras.Model(x, layers.BatchNormalization()(layers.Dropout(0.5)(x), training=False))


def dict_call(keras):
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    inner = keras.Model({"a": a, "b": b}, keras.layers.Concatenate()([a, b]), name="inner")
    x, y = keras.Input((3,)), keras.Input((2,))
    return keras.Model([x, y], inner({"a": x, "b": y}))


def slashes(keras):
    layers = keras.layers
    x = keras.Input((3,), name="in/put")
    hidden = layers.Dense(3, name="block_a")(layers.Dense(3, name="block/a")(x))
    return keras.Model(x, hidden, name="my/model")


def tuple_outputs(keras):
    x = keras.Input((3,))
    return keras.Model(x, (keras.layers.Dense(2)(x), [keras.layers.Dense(1)(x)]))


def wrapped_model(keras):
    layers = keras.layers
    inner = keras.Sequential([keras.Input((4, 3)), layers.Conv1D(2, 2), layers.GlobalMaxPooling1D()], name="inner")
    x = keras.Input((5, 4, 3))
    return keras.Model(x, layers.LSTM(2)(layers.TimeDistributed(inner)(x)))


def mixed_precision(keras):
    layers = keras.layers
    x = keras.Input((3,))
    hidden = layers.Dense(4, dtype="mixed_bfloat16")(x)
    return keras.Model(x, layers.Dense(2, dtype="float32")(hidden))


TOPOLOGIES = {
    function.__name__: function
    for function in (
        shared,
        nested_twice,
        nested_sequential,
        nested_unbuilt_sequential,
        sequential_of_models,
        sequential,
        named_inputs,
        list_of_one,
        input_is_output,
        initial_states,
        bidirectional_states,
        attention_arguments,
        attention_positional,
        explicit_mask,
        embedding_mask,
        merged_masks,
        training_fixed,
        dict_call,
        slashes,
        tuple_outputs,
        wrapped_model,
        mixed_precision,
    )
}
