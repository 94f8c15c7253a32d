"""Layers and models without their classes: real tf_keras has saved them, they compute and train as there."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import reinstate
from reinstate.wire import messages
from tests import observed
from tests.oracle import truth

NAMES = (
    *("scale", "norm", "penalized", "attend", "folded", "patches", "nameless", "lambda", "cell", "each-step", "lookup"),
    *("frozen", "sequential", "mixed", "structured", "nested", "shared", "tied", "masked", "unmasked"),
    *("block", "whole", "heads", "own-step", "part-frozen"),
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::reinstate.LossyWarning"),
    # `masked`: Keras says so of every layer that takes a mask and does not say that it passes it on.
    pytest.mark.filterwarnings("ignore:Layer 'pool'"),
]


@pytest.fixture(scope="module")
def saved(oracle, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("revived")
    assert sorted(oracle("revived.write", folder=str(folder))) == sorted(NAMES)
    return folder


def arrays_of(path: Path) -> dict[str, np.ndarray]:
    with np.load(f"{path}.npz") as file:
        return dict(file)


def assert_weights(model: keras.Model, arrays: observed.Arrays, prefix: str, tolerance: float) -> None:
    """The weights in tf.keras' order; it counts the variables of metrics among them."""
    theirs = {key: value for key, value in sorted(arrays.items()) if key.startswith(prefix)}
    theirs = [value for key, value in theirs.items() if key.rpartition("/")[2] not in ("total", "count")]
    for mine, value in zip(model.weights, theirs, strict=True):
        np.testing.assert_allclose(mine.value, value, rtol=10 * tolerance, atol=tolerance, err_msg=mine.path)


@pytest.mark.parametrize("name", NAMES)
def test_it_goes_on_as_in_tensorflow(saved: Path, name: str) -> None:
    model = reinstate.load_model(saved / name)
    arrays = arrays_of(saved / name)
    assert_weights(model, arrays, "weight/", 0.0)
    assert observed.number(model.optimizer.iterations) == int(arrays["iterations"])
    observed.assert_predicts(model, arrays)
    np.testing.assert_allclose(observed.train_more(model, arrays), arrays["more/losses"], rtol=1e-5, atol=1e-5)
    assert_weights(model, arrays, "more/weight/", 1e-5)
    observed.assert_predicts(model, arrays, "more/")


def test_a_revived_layer_looks_like_the_one_that_was_saved(saved: Path) -> None:
    model = reinstate.load_model(saved / "scale")
    layer = model.get_layer("scale")
    assert type(layer).__name__ == "Scale"
    assert layer.get_config()["factor"] == 3.0
    assert [variable.path for variable in layer.weights] == ["scale/scale"]
    assert layer.scale is layer.weights[0]
    assert layer.output.shape == (None, 4)
    assert layer.compute_output_shape((None, 4)) == (None, 4)
    layer.set_weights([np.zeros(4, "float32")])
    assert not np.any(layer.get_weights()[0])
    layer.trainable = False
    assert [v.path for v in model.trainable_variables] == ["out/kernel", "out/bias"]
    lines: list[str] = []
    model.summary(print_fn=lambda line, **_: lines.append(line))
    assert "scale (Scale)" in "\n".join(lines)


def test_open_dimensions_stay_open(saved: Path) -> None:
    model = reinstate.load_model(saved / "attend")
    assert model.get_layer("attend").output.shape == (None, 4)
    assert model.input.shape == (None, None, 4)
    for batch, length in ((2, 3), (5, 7)):
        assert model.predict_on_batch(np.zeros((batch, length, 4), "float32")).shape == (batch, 1)


def test_layers_of_known_classes_stand_in_revived_ones(saved: Path) -> None:
    model = reinstate.load_model(saved / "heads")
    assert [type(layer) for layer in model.encoder.layers] == [keras.layers.InputLayer, keras.layers.Dense]
    assert isinstance(model.heads["mean"], keras.layers.Dense)
    assert isinstance(model.tail, keras.Sequential)
    x = np.ones((2, 4), "float32")
    code = model.heads["mean"](model.tail(model.encoder(x))) + model.offset
    np.testing.assert_allclose(code, model(x)[0], rtol=1e-5)


def test_a_part_that_did_not_train_does_not(saved: Path) -> None:
    model = reinstate.load_model(saved / "part-frozen")
    assert [v.path.rpartition("/")[0] for v in model.trainable_variables] == ["out", "out"]
    assert not model.fixed.trainable
    model.fixed.trainable = True
    assert len(model.trainable_variables) > 2


def test_a_layer_that_uses_the_weights_of_another_shares_them(saved: Path) -> None:
    model = reinstate.load_model(saved / "tied")
    assert model.get_layer("tied").other is model.get_layer("embedding")
    model.get_layer("embedding").set_weights([np.zeros((7, 3), "float32")])
    assert not np.any(model.predict_on_batch(np.ones((1, 5), "int32")))


@pytest.mark.filterwarnings("default::reinstate.LossyWarning")
def test_a_mask_that_no_function_takes_is_named_once(saved: Path) -> None:
    layer = reinstate.load_model(saved / "unmasked").get_layer("pool")
    x, mask = np.ones((2, 5, 4), "float32"), np.ones((2, 5), bool)
    with pytest.warns(reinstate.LossyWarning, match=r"called layer 'pool' \(Pool\).*\n  - the mask: ") as caught:
        found = [layer(x, mask=mask), layer(x, mask=mask)]
    assert [issubclass(each.category, reinstate.LossyWarning) for each in caught].count(True) == 1
    np.testing.assert_array_equal(*found)


def test_losses_of_all_kinds_come_back(saved: Path) -> None:
    layer = reinstate.load_model(saved / "penalized").get_layer("penalized")
    x = np.ones((2, 4), "float32")
    y = np.asarray(layer(x))
    w, v = (np.asarray(variable.value) for variable in layer.weights)
    expected = [0.1 * np.mean((x * w) ** 2), 0.01 * np.sum(y**2) / 2, 0.1 * np.sum(w**2), 0.1 * np.sum(np.abs(v))]
    np.testing.assert_allclose(sorted(map(float, layer.losses)), sorted(expected), rtol=1e-5)


def test_the_class_wins_where_it_is_given(saved: Path) -> None:
    class Scale(keras.layers.Layer):
        def __init__(self, factor: float, **keywords):
            super().__init__(**keywords)
            self.factor = factor

        def build(self, input_shape):
            self.scale = self.add_weight(name="scale", shape=(input_shape[-1],))

        def call(self, x):
            return x * self.scale * self.factor

    model = reinstate.load_model(saved / "scale", {"Scale": Scale})
    assert isinstance(model.get_layer("scale"), Scale)
    observed.assert_predicts(model, arrays_of(saved / "scale"))


def test_fit_goes_through_a_revived_model(saved: Path) -> None:
    model = reinstate.load_model(saved / "whole")
    x, _ = truth.batches_of(arrays_of(saved / "whole"))
    y = np.zeros((6, 1), "float32")
    losses = model.fit(x[0], y, epochs=3, batch_size=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    assert model.evaluate(x[0], y, verbose=0) < losses[0]


class Broken(keras.layers.Layer):
    """A class that cannot be made of the config that was saved."""

    def __init__(self, something: int) -> None:
        super().__init__()


@pytest.mark.filterwarnings("default::reinstate.LossyWarning")
def test_a_class_that_cannot_be_made_gives_way_to_the_functions(saved: Path) -> None:
    with pytest.warns(reinstate.LossyWarning, match=r"scale \(Scale\) computes what was saved of it") as caught:
        model = reinstate.load_model(saved / "scale", {"Scale": Broken})
    assert len(caught) == 1
    assert not isinstance(model.get_layer("scale"), Broken)
    observed.assert_predicts(model, arrays_of(saved / "scale"))


@pytest.mark.parametrize(("form", "traces"), [("again", False), ("again.keras", True)])
def test_functions_that_would_be_lost_are_not_saved(saved: Path, tmp_path: Path, form: str, traces: bool) -> None:
    model = reinstate.load_model(saved / "scale")
    with pytest.raises(reinstate.UnsupportedError, match=r"- scale \(Scale\)"):
        reinstate.save_model(model, tmp_path / form, save_traces=traces)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def again(saved: Path, oracle, tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """Each model opened and saved, and that once more; and what tf_keras said when it opened the result."""
    folder = tmp_path_factory.mktemp("again")
    for name in NAMES:
        reinstate.save_model(reinstate.load_model(saved / name), folder / f"{name}.first")
        reinstate.save_model(reinstate.load_model(folder / f"{name}.first"), folder / name)
        given = {key: value for key, value in arrays_of(saved / name).items() if key.startswith(("x/", "next/"))}
        np.savez(folder / f"{name}.in.npz", **given)
    return folder, oracle("revived.read", folder=str(folder), names=NAMES)


def functions_of(path: Path) -> set[str]:
    saved_model = messages.parse(messages.SavedModel, (path / "saved_model.pb").read_bytes())
    return {function.signature.name for function in saved_model.meta_graphs[0].graph_def.library.function}


@pytest.mark.parametrize("name", NAMES)
def test_it_is_saved_again_with_its_functions(saved: Path, again: tuple[Path, dict[str, str]], name: str) -> None:
    folder, arrays = again[0], arrays_of(saved / name)
    assert functions_of(folder / name) == functions_of(folder / f"{name}.first")
    model = reinstate.load_model(folder / name)
    assert_weights(model, arrays, "weight/", 0.0)
    observed.assert_predicts(model, arrays)
    np.testing.assert_allclose(observed.train_more(model, arrays), arrays["more/losses"], rtol=1e-5, atol=1e-5)


# tf_keras opens no RNN over a cell whose class is not there, its own neither.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "cell"])
def test_tensorflow_opens_what_was_saved_again(saved: Path, again: tuple[Path, dict[str, str]], name: str) -> None:
    folder, errors = again
    assert name not in errors, errors[name]
    mine, theirs = arrays_of(folder / name), arrays_of(saved / name)
    predictions = [key for key in theirs if key.startswith("prediction/")]
    assert predictions
    for key in predictions:
        np.testing.assert_allclose(mine[key], theirs[key], rtol=1e-5, atol=1e-5)
    # The optimizer starts anew there: its first loss is that of the same weights.
    np.testing.assert_allclose(mine["more/losses"][0], theirs["more/losses"][0], rtol=1e-5)


@pytest.mark.filterwarnings("default::reinstate.LossyWarning")
def test_hdf5_takes_the_config_and_says_what_it_needs(saved: Path, tmp_path: Path) -> None:
    model = reinstate.load_model(saved / "scale")
    with pytest.warns(reinstate.LossyWarning, match=r"functions of scale \(Scale\): opening the file needs its class"):
        reinstate.save_model(model, tmp_path / "again.h5")
    with pytest.raises(reinstate.ReinstateError, match="Scale"):
        reinstate.load_model(tmp_path / "again.h5")
    nameless = reinstate.load_model(saved / "nameless")
    with pytest.raises(reinstate.UnsupportedError, match="without a config"):
        reinstate.save_model(nameless, tmp_path / "nameless.h5")


@pytest.mark.parametrize("form", ["weights", "weights.h5"])
@pytest.mark.parametrize("name", ["whole", "norm"])
def test_weights_of_revived_models_are_saved_and_loaded(saved: Path, tmp_path: Path, name: str, form: str) -> None:
    model, other = (reinstate.load_model(saved / name) for _ in range(2))
    other.set_weights([np.zeros_like(weight) for weight in other.get_weights()])
    reinstate.save_weights(model, tmp_path / form)
    reinstate.load_weights(other, tmp_path / form)
    for mine, theirs in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
