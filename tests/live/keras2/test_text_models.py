"""Models with string inputs: from real tf.keras, trained here, and back."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import reinstate
import reinstate.layers
from reinstate.errors import UnsupportedError
from tests.oracle import text_models

CASES = [("structured", "tf", True), ("structured", "tf", False), ("structured", "h5", False), ("nested", "tf", True)]


def find(name: str):
    return getattr(reinstate.layers, name, None) or getattr(keras.layers, name)


def batch(name: str, seed: int, count: int):
    x, y = text_models.data(seed, count)
    return text_models.inputs_of(name, x), y


def vocabularies(model: keras.Model) -> dict[str, list[str]]:
    return {
        layer.name: [str(token) for token in layer.get_vocabulary()]
        for layer in model._flatten_layers()
        if hasattr(layer, "get_vocabulary") and not layer.name.startswith("string_lookup")
    }


def assert_vocabularies(model: keras.Model, arrays) -> None:
    theirs = {key.removeprefix("vocabulary/"): arrays[key].tolist() for key in arrays if key.startswith("vocabulary/")}
    assert vocabularies(model) == theirs


@pytest.mark.parametrize(("name", "form", "adapted"), CASES)
def test_what_tf_keras_saved_opens_and_trains_on(oracle, tmp_path: Path, name: str, form: str, adapted: bool) -> None:
    path, out = tmp_path / ("model.h5" if form == "h5" else "model"), tmp_path / "truth.npz"
    oracle("text.train_and_save", name=name, path=str(path), save_format=form, adapted=adapted, out=str(out))
    arrays = dict(np.load(out))
    model = reinstate.load_model(path)
    x, _ = batch(name, 9, 7)
    assert_vocabularies(model, arrays)
    np.testing.assert_allclose(model.predict(x, verbose=0), arrays["prediction"], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(np.asarray(model(x)), arrays["prediction"], rtol=1e-5, atol=1e-5)
    losses = []
    for seed in (3, 4):
        model.reset_metrics()
        losses.append(model.train_on_batch(*batch(name, seed, 16)))
    np.testing.assert_allclose(losses, arrays["losses"], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(model.predict_on_batch(x), arrays["after"], rtol=1e-4, atol=1e-5)
    assert reinstate.inspect(path)


@pytest.mark.parametrize("version", ["newest", "2.8"])
@pytest.mark.parametrize(("name", "form", "adapted"), CASES)
def test_what_is_saved_here_opens_in_tensorflow(
    oracle_for, tmp_path: Path, name: str, form: str, adapted: bool, version: str
) -> None:
    model = reinstate.layers.on_host(text_models.MODELS[name](keras, find, adapted))
    x, y = batch(name, 1, 16)
    model.fit(x, y, epochs=2, batch_size=8, verbose=0)
    path, out = tmp_path / ("model.h5" if form == "h5" else "model"), tmp_path / "out.npz"
    reinstate.save_model(model, path, save_traces=False)
    about = oracle_for(version)("text.open_and_check", name=name, path=str(path), checkpoint=None, out=str(out))
    assert about["is_model"]
    arrays = dict(np.load(out))
    x, _ = batch(name, 9, 7)
    assert_vocabularies(model, arrays)
    np.testing.assert_allclose(model.predict(x, verbose=0), arrays["prediction"], rtol=1e-5, atol=1e-5)
    again = reinstate.load_model(path)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    assert vocabularies(again) == vocabularies(model)


def small(mode: str = "int", **arguments) -> keras.Model:
    text, number = keras.Input((1,), dtype="string", name="text"), keras.Input((2,), name="number")
    words = reinstate.layers.TextVectorization(output_mode=mode, vocabulary=["good", "bad", "very"], **arguments)
    x = words(text)
    x = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(9, 4)(x)) if mode == "int" else x
    x = keras.layers.Dropout(0.5)(keras.layers.Concatenate()([x, number]))
    model = reinstate.layers.Functional([text, number], keras.layers.Dense(1)(x))
    model.compile("adam", "mse")
    return model


TEXT = np.array([["very good"], ["bad"], ["very very bad"], ["unheard"], ["good good"], [""]])
X, Y = [TEXT, np.ones((6, 2), "float32")], np.arange(6.0, dtype="float32")[:, np.newaxis]


class Batches(keras.utils.PyDataset):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int):
        rows = slice(2 * index, 2 * index + 2)
        return tuple(x[rows] for x in X), Y[rows]


@pytest.mark.parametrize("mode", ["int", "multi_hot"])
def test_every_way_in_gives_the_same(mode: str) -> None:
    model = small(mode)
    whole = np.asarray(model(X))
    np.testing.assert_allclose(model.predict_on_batch(X), whole, rtol=1e-6)
    np.testing.assert_allclose(model.predict(X, verbose=0), whole, rtol=1e-6)
    np.testing.assert_allclose(model.predict({"text": X[0], "number": X[1]}, verbose=0), whole, rtol=1e-6)
    np.testing.assert_allclose(model.predict([TEXT.ravel().tolist(), X[1]], verbose=0), whole, rtol=1e-6)
    in_batches = np.concatenate([np.asarray(model(Batches()[i][0])) for i in range(3)])
    np.testing.assert_allclose(model.predict(X, batch_size=2, verbose=0), in_batches, rtol=1e-6)
    np.testing.assert_allclose(model.predict(Batches(), verbose=0), in_batches, rtol=1e-6)
    loss = float(np.mean((whole - Y) ** 2))
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(loss, rel=1e-5)
    assert model.test_on_batch(X, Y) == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("mode", ["int", "multi_hot"])
def test_every_way_to_train_trains(mode: str) -> None:
    model = small(mode)
    given = [
        {"x": X, "y": Y, "epochs": 2, "batch_size": 4, "validation_split": 0.34},
        {"x": X, "y": Y, "validation_data": (X, Y), "sample_weight": np.ones(6)},
        {"x": Batches(), "validation_data": Batches()},
        {"x": (Batches()[i] for i in range(3)), "steps_per_epoch": 3, "shuffle": False},
    ]
    for arguments in given:
        before = [np.asarray(weight.value).copy() for weight in model.trainable_weights]
        history = model.fit(**arguments, verbose=0).history
        assert np.all(np.isfinite(history["loss"]))
        assert ("val_loss" in history) == ("validation_data" in arguments or "validation_split" in arguments)
        assert any(
            np.any(old != np.asarray(new.value)) for old, new in zip(before, model.trainable_weights, strict=True)
        )
    assert np.isfinite(model.train_on_batch(X, Y))


def test_fit_learns_the_same_from_strings_as_from_their_indices() -> None:
    words = reinstate.layers.TextVectorization(vocabulary=["good", "bad", "very"], output_sequence_length=4)
    text = keras.Input((1,), dtype="string")
    kernel = keras.layers.Embedding(6, 3, embeddings_initializer="ones")
    model = reinstate.layers.Sequential(
        [text, words, kernel, keras.layers.Flatten(), keras.layers.Dense(1, kernel_initializer="ones")]
    )
    plain = keras.Sequential(
        [keras.Input((4,)), *map(keras.layers.deserialize, map(keras.layers.serialize, model.layers[1:]))]
    )
    for each, x in ((model, TEXT), (plain, words(TEXT))):
        each.compile("sgd", "mse")
        each.fit(x, Y, epochs=3, batch_size=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(model.predict(TEXT, verbose=0), plain.predict(words(TEXT), verbose=0), rtol=1e-6)


def test_strings_may_come_out() -> None:
    number = keras.Input((3,))
    best = keras.ops.argmax(keras.layers.Dense(3, kernel_initializer="identity")(number), axis=-1)
    decode = reinstate.layers.StringLookup(vocabulary=["no", "yes"], invert=True)
    model = reinstate.layers.on_host(keras.Model(number, decode(best)))
    assert model.predict(np.eye(3), verbose=0, batch_size=2).tolist() == [b"[UNK]", b"no", b"yes"]
    model.compile("sgd", "mse")
    with pytest.raises(UnsupportedError, match="cannot be trained"):
        model.fit(np.eye(3), np.zeros(3))


def test_a_keras_archive_keeps_taking_strings(tmp_path: Path) -> None:
    model = small()
    model.train_on_batch(X, Y)
    model.save(tmp_path / "model.keras")
    for load in (reinstate.load_model, keras.models.load_model):
        again = load(tmp_path / "model.keras")
        np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_missing_inputs_are_named() -> None:
    with pytest.raises(ValueError, match="number"):
        small().predict({"text": TEXT}, verbose=0)
    with pytest.raises(ValueError, match="2 inputs"):
        small().predict([TEXT], verbose=0)


def hashed() -> keras.Model:
    return keras.Sequential(
        [keras.Input((1,), dtype="int32"), reinstate.layers.Hashing(5), keras.layers.Embedding(5, 2)]
    )


def test_under_jit_a_layer_says_where_it_runs() -> None:
    with pytest.raises(UnsupportedError, match="on_host"):
        hashed().predict(np.array([[1], [2]]), verbose=0)
    assert reinstate.layers.on_host(hashed()).predict(np.array([[1], [2]]), verbose=0).shape == (2, 1, 2)
