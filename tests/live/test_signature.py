"""SavedModels that are not Keras': as models and layers they compute and train as real TensorFlow says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import reinstate
from reinstate.errors import MismatchError, UnsupportedError
from tests.oracle.scripts.signature import RATE

COMPARED = ("plain", "several", "exported", "counting", "version-1", "version-1-old")
WITHOUT_LOSS = ("drawing", "text", "nameless")

pytestmark = pytest.mark.filterwarnings("ignore:the model was saved without compile settings")


@pytest.fixture(scope="module")
def saved(oracle, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("signatures")
    assert sorted(oracle("signature.write", folder=str(folder))) == sorted([*COMPARED, *WITHOUT_LOSS])
    return folder


def truth(saved: Path, name: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray]:
    """Inputs and outputs by name, and the losses of three steps that draw the outputs to zero."""
    with np.load(saved / f"{name}.npz") as file:
        arrays = dict(file)
    inputs, outputs = (
        {key.partition("/")[2]: value for key, value in arrays.items() if key.startswith(kind)}
        for kind in ("input/", "output/")
    )
    return inputs, outputs, arrays["losses"]


def one_or_all(named: dict[str, np.ndarray]) -> Any:
    return next(iter(named.values())) if len(named) == 1 else named


@pytest.mark.parametrize("name", COMPARED)
def test_a_model_predicts_and_trains_as_in_tensorflow(saved: Path, name: str) -> None:
    model = reinstate.load_model(saved / name)
    inputs, outputs, losses = truth(saved, name)
    found = model.predict_on_batch(one_or_all(inputs))
    found = found if isinstance(found, dict) else {next(iter(outputs)): found}
    assert found.keys() == outputs.keys()
    for key, value in outputs.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-5, atol=1e-5)
    model.compile(keras.optimizers.SGD(RATE), "mse")
    zeros = one_or_all({key: np.zeros_like(value) for key, value in outputs.items()})
    trained = [model.train_on_batch(one_or_all(inputs), zeros, return_dict=True)["loss"] for _ in losses]
    np.testing.assert_allclose(trained, losses, rtol=1e-5, atol=1e-5)


def test_variables_are_weights_by_their_names(saved: Path) -> None:
    expected = {
        "plain": {"w": True, "scale": False},
        "several": {"parts/a": True, "parts/b": True},
        "counting": {"w": True, "calls": False},
        "version-1": {"layer/w": True, "layer/b": False},
        "version-1-old": {"w": True},
    }
    for name, variables in expected.items():
        model = reinstate.load_model(saved / name)
        assert {v.path: v.trainable for v in model.weights} == variables
    trained = [v.path for v in reinstate.load_model(saved / "exported").trainable_variables]
    assert sorted(trained) == ["hidden/bias", "hidden/kernel", "norm/beta", "norm/gamma", "out/bias", "out/kernel"]


def test_inputs_have_the_names_of_the_signature(saved: Path) -> None:
    model = reinstate.load_model(saved / "several")
    assert {name: tensor.shape for name, tensor in model.input.items()} == {
        "first": (None, None, 2),
        "second": (None, 2),
    }
    assert [tensor.name for tensor in model.inputs] == ["first", "second"]
    assert {name: tensor.shape for name, tensor in model.output.items()} == {
        "difference": (None, 2),
        "total": (None, 2),
    }


def test_it_fits_and_keeps_count(saved: Path) -> None:
    model = reinstate.load_model(saved / "counting")
    (calls,) = model.non_trainable_variables
    assert int(calls.value) == 5
    model.compile("sgd", "mse")
    model.fit(np.ones((6, 2), "float32"), np.zeros((6, 2), "float32"), batch_size=2, verbose=0)
    assert int(calls.value) == 8


def test_random_numbers_are_new_each_time(saved: Path) -> None:
    model = reinstate.load_model(saved / "drawing")
    first, second = (model.predict_on_batch(np.zeros((4, 2), "float32")) for _ in range(2))
    assert np.all((first >= 0) & (first < 1)) and np.any(first != second)


def test_any_signature_is_a_layer_among_others(saved: Path) -> None:
    module = reinstate.load(saved / "several")
    layer = module.as_layer("other", name="doubling")
    assert [v.path for v in layer.weights] == ["parts/a"]
    x = np.arange(6, dtype="float32").reshape(3, 2)
    np.testing.assert_allclose(layer(x)["doubled"], module.signatures["other"](x=x)["doubled"])
    seen = keras.Input((2,))
    model = keras.Model(seen, keras.layers.Dense(1)(layer({"x": seen})["doubled"]))
    model.compile("sgd", "mse")
    before = np.asarray(layer.weights[0].value)
    model.fit(x, np.ones((3, 1), "float32"), verbose=0)
    assert np.all(np.asarray(layer.weights[0].value) != before)
    np.testing.assert_array_equal(module.parts[0].value, before)


def test_a_layer_begins_with_what_the_module_has_now(saved: Path) -> None:
    module = reinstate.load(saved / "plain")
    module.w.assign(np.ones((3, 2), "float32"))
    np.testing.assert_array_equal(module.as_layer().weights[0].value, np.ones((3, 2)))


def test_what_cannot_be_a_model_says_why(saved: Path) -> None:
    with pytest.raises(UnsupportedError, match=r"cannot take.*\n  - n: float32\[\]\n  - words: string\[None\]"):
        reinstate.load_model(saved / "text")
    with pytest.raises(UnsupportedError, match=r"no signature 'serving_default'.*as_layer.*\n  - one\n  - two"):
        reinstate.load_model(saved / "nameless")
    layer = reinstate.load(saved / "several").as_layer()
    with pytest.raises(UnsupportedError, match="1 inputs, where the signature takes first, second"):
        layer([np.ones((2, 2), "float32")])
    with pytest.raises(MismatchError, match="first is missing"):
        layer({"second": np.ones((2, 2), "float32")})


@pytest.mark.parametrize("form", ["again", "again.keras", "again.h5"])
def test_its_functions_are_not_saved_again(saved: Path, tmp_path: Path, form: str) -> None:
    with pytest.raises(UnsupportedError):
        reinstate.save_model(reinstate.load_model(saved / "plain"), tmp_path / form)
    assert not list(tmp_path.iterdir())
