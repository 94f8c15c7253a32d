"""What we save is served: real TensorFlow loads it every way it has, and says what Keras says."""

from __future__ import annotations

import warnings
from pathlib import Path

import jax
import keras
import numpy as np
import pytest

import reinstate
from reinstate.errors import LossyWarning

L = keras.layers
RNG = np.random.default_rng(0)


def floats(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def mlp():
    return keras.Sequential([keras.Input((5,)), L.Dense(7, activation="relu"), L.Dense(3, activation="softmax")])


def convolutions():
    return keras.Sequential(
        [
            keras.Input((9, 9, 3), name="image"),
            L.Conv2D(4, 3, activation="relu", padding="same"),
            L.BatchNormalization(),
            L.Conv2D(8, 3, strides=2, padding="same"),
            L.DepthwiseConv2D(3, padding="same"),
            L.MaxPooling2D(),
            L.AveragePooling2D(2, padding="same"),
            L.Flatten(),
            L.Dropout(0.5),
            L.Dense(3, activation="gelu"),
        ]
    )


def two_ways():
    """Two inputs and two outputs, whose order is not that of their names."""
    b, a = keras.Input((4,), name="b"), keras.Input((4,), name="a", dtype="int32")
    h = L.Concatenate()([L.Dense(3, name="z")(b), L.CategoryEncoding(6, output_mode="multi_hot")(a)])
    return keras.Model([b, a], [L.Dense(2, name="second")(h), L.Dense(1, name="first")(h)])


def chain(*layers):
    return keras.Sequential(list(layers))


def recurrent():
    return chain(
        keras.Input((None, 3)), L.LSTM(4, return_sequences=True), L.Bidirectional(L.GRU(3, return_sequences=True)),
        L.GRU(5, go_backwards=True, return_sequences=True), L.SimpleRNN(3),
    )  # fmt: skip


def tokens():
    return chain(keras.Input((None,), dtype="int32"), L.Embedding(8, 4, mask_zero=True), L.LSTM(3))


def transformer():
    x = keras.Input((None, 8))
    y = L.LayerNormalization()(L.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True) + x)
    return keras.Model(x, L.EinsumDense("abc,cd->abd", output_shape=(None, 5), bias_axes="d")(y))


def attentions():
    q, v = keras.Input((6, 8), name="q"), keras.Input((5, 8), name="v")
    return keras.Model([q, v], [L.Attention(name="dot")([q, v]), L.AdditiveAttention(name="sum")([q, v])])


def unet():
    """Of any image whose sides are even."""
    x = keras.Input((None, None, 3))
    a = L.Conv2D(4, 3, padding="same", activation="relu")(x)
    d = L.MaxPooling2D()(L.SeparableConv2D(6, 3, padding="same")(a))
    u = L.Conv2DTranspose(4, 3, strides=2, padding="same")(d)
    return keras.Model(x, L.Conv2D(1, 1, activation="sigmoid")(L.Concatenate()([a, u, L.UpSampling2D()(d)])))


def sequences():
    return chain(
        keras.Input((12, 3)), L.Conv1D(4, 3, padding="causal", dilation_rate=2), L.Conv1DTranspose(3, 3, strides=2),
        L.MaxPooling1D(2), L.AveragePooling1D(2, strides=1, padding="same"), L.SeparableConv1D(4, 3, padding="same"),
        L.ZeroPadding1D(1), L.Cropping1D(1), L.Permute((2, 1)),
    )  # fmt: skip


def volumes():
    return chain(
        keras.Input((6, 6, 6, 2)), L.Conv3D(4, 3, strides=2, padding="same"), L.MaxPooling3D(2),
        L.Conv3DTranspose(2, 2), L.AveragePooling3D(2, padding="same"),
    )  # fmt: skip


def images():
    return chain(
        keras.Input((6, 6, 4)), L.Rescaling(2.0, 1.0), L.GroupNormalization(2), L.Conv2D(4, 3, groups=2),
        L.Resizing(9, 5), L.UpSampling2D(2, interpolation="bilinear"), L.GlobalMaxPooling2D(),
    )  # fmt: skip


MODELS = {
    each.__name__: each
    for each in (
        mlp, convolutions, two_ways, recurrent, tokens, transformer, attentions, unet, sequences, volumes, images,
    )
}  # fmt: skip


def inputs_of(model):
    """Five arrays for each input: open dimensions other than the batch are 6."""
    found = {}
    for tensor in model.inputs:
        shape = (5, *(6 if size is None else size for size in tensor.shape[1:]))
        name = tensor._keras_history.operation.name
        found[name] = RNG.integers(0, 5, shape).astype(tensor.dtype) if "int" in tensor.dtype else floats(*shape)
    return found


def names_of(model):
    return [tensor._keras_history.operation.name for tensor in model.outputs]


def randomized(model):
    for weight in model.weights:
        if weight.dtype == "float32":
            weight.assign(weight + 0.1 * abs(floats(*weight.shape)))
    return model


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    directory = tmp_path_factory.mktemp("serving")
    expected = {}
    keras.utils.set_random_seed(1)
    for name, make in MODELS.items():
        model = randomized(make())
        inputs = inputs_of(model)
        np.savez(directory / f"{name}.npz", **{f"in/{key}": value for key, value in inputs.items()})
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            reinstate.save_model(model, directory / name)
        losses = [loss for each in caught if isinstance(each.message, LossyWarning) for loss in each.message.losses]
        assert not [loss for loss in losses if "signature" in loss and "multiples of 2" not in loss]
        given = [*inputs.values()]
        answers = model(given[0] if len(given) == 1 else given)
        expected[name] = dict(zip(names_of(model), keras.tree.flatten(answers), strict=True))
    return directory, expected


def compare(directory, expected, failed, out, ways):
    assert failed == {}
    with np.load(out) as file:
        for name, outputs in expected.items():
            for way in ways:
                prefix = f"{directory / name}/{way}/"
                assert {key.removeprefix(prefix) for key in file.files if key.startswith(prefix)} == set(outputs)
                for key, value in outputs.items():
                    np.testing.assert_allclose(
                        file[prefix + key], np.asarray(value), rtol=1e-5, atol=1e-5, err_msg=f"{name} {way} {key}"
                    )


def test_the_newest_tensorflow(saved, oracle, tmp_path: Path):
    directory, expected = saved
    ways = ["loaded", "session", "keras"]
    paths = [str(directory / name) for name in expected]
    failed = oracle("serving.answers", paths=paths, ways=ways, out=str(tmp_path / "out.npz"))
    compare(directory, expected, failed, tmp_path / "out.npz", ways)


def test_an_old_tensorflow(saved, oracle_for, tmp_path: Path):
    directory, expected = saved
    ways = ["session"]
    paths = [str(directory / name) for name in expected]
    failed = oracle_for("2.8")("serving.answers", paths=paths, ways=ways, out=str(tmp_path / "out.npz"))
    compare(directory, expected, failed, tmp_path / "out.npz", ways)


def test_tensorflow_differentiates_it(saved, oracle, tmp_path: Path):
    directory, _ = saved
    names = ["mlp", "convolutions", "recurrent", "transformer", "unet"]
    out = tmp_path / "out.npz"
    assert oracle("serving.answers", paths=[str(directory / n) for n in names], ways=["gradients"], out=str(out)) == {}
    with np.load(out) as file:
        for name in names:
            with np.load(directory / f"{name}.npz") as given:
                inputs = {key[3:]: given[key] for key in given.files}
            signature = reinstate.load(directory / name).signatures["serving_default"]

            def loss(arrays, signature=signature):
                return sum((value**2).sum() for value in signature(**arrays).values())

            for key, value in jax.grad(loss)(inputs).items():
                said = file[f"{directory / name}/gradients/{key}"]
                np.testing.assert_allclose(said, np.asarray(value), rtol=1e-4, atol=1e-5, err_msg=f"{name} {key}")


def test_our_own_runtime(saved):
    directory, expected = saved
    for name, outputs in expected.items():
        with np.load(directory / f"{name}.npz") as file:
            given = {key[3:]: file[key] for key in file.files}
        said = reinstate.load(directory / name).signatures["serving_default"](**given)
        for key, value in outputs.items():
            np.testing.assert_allclose(np.asarray(said[key]), np.asarray(value), rtol=1e-6, atol=1e-6)


def test_two_saves_give_the_same_bytes(tmp_path: Path):
    model = convolutions()
    for name in ("one", "two"):
        with pytest.warns(LossyWarning, match="save_traces"):
            reinstate.save_model(model, tmp_path / name)
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert files
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
