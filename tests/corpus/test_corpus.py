"""Every public class of tf.keras in a real file: opened here, trained on, saved here, and opened by real tf_keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import reinstate
from tests import observed
from tests.corpus.cases import SMALL, expected_failures
from tests.oracle import truth

TOLERANCE = 1e-5  # of float32 arithmetic, absolute and relative to the largest number
HALF = {"bfloat16": 1e-2, "float16": 2e-3}  # a few units in the last place

# Keras 3 on JAX itself: its variables under numpy 2, its integers and floats without x64.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Explicitly requested dtype:UserWarning"),
]
FORMS = ("SavedModel", "HDF5")
TRAINED = [name for name, case in SMALL.items() if case["trains"]]


def tolerance(name: str) -> float:
    return next((wide for dtype, wide in HALF.items() if dtype in str(SMALL[name])), TOLERANCE)


def assert_close(mine: Any, theirs: np.ndarray, name: str) -> None:
    scale = max(1.0, np.abs(theirs.astype("float64")).max(initial=0.0))
    np.testing.assert_allclose(mine, theirs, rtol=tolerance(name), atol=tolerance(name) * scale)


def path_of(directory: Path, name: str, form: str) -> Path:
    return directory / (name if form == "SavedModel" else f"{name}.h5")


@pytest.fixture(scope="module")
def chosen(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The cases of the tests that run."""
    items = [item for item in request.session.items if item.path == request.path]
    names = {item.callspec.params["name"] for item in items if hasattr(item, "callspec")}
    return {name: case for name, case in SMALL.items() if name in names}


@pytest.fixture(scope="module")
def written(oracle, chosen, tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """The directory in which tf_keras has saved every case, and the errors by case."""
    directory = tmp_path_factory.mktemp("corpus")
    return directory, oracle("corpus.write", cases=chosen, directory=str(directory))


def of(name: str, written: tuple[Path, dict[str, str]]) -> tuple[Path, dict[str, np.ndarray]]:
    directory, errors = written
    assert name not in errors, errors[name]
    return directory, dict(np.load(directory / f"{name}.npz"))


@pytest.mark.parametrize("name", expected_failures(SMALL, "opens"))
@pytest.mark.parametrize("form", FORMS)
def test_opens(written, name: str, form: str) -> None:
    directory, arrays = of(name, written)
    model = reinstate.load_model(path_of(directory, name, form), compile=SMALL[name]["trains"])
    observed.assert_same_state(model, arrays)
    if form == "SavedModel" and SMALL[name]["family"] == "metric":
        assert_same_results(model, arrays)
    for mine, theirs in zip(observed.predictions(model, truth.batches_of(arrays)[0]), outputs(arrays), strict=True):
        assert_close(mine, theirs, name)


def outputs(arrays: observed.Arrays) -> list[np.ndarray]:
    return [arrays[key] for key in sorted(arrays) if key.startswith("prediction/")]


def assert_same_results(model: keras.Model, arrays: observed.Arrays) -> None:
    mine = observed.metrics(model)
    for key, value in arrays.items():
        kind, _, name = key.partition("/")
        if kind == "result":
            np.testing.assert_allclose(np.asarray(mine[name].result()), value, rtol=TOLERANCE, atol=TOLERANCE)


def assert_trains_on(model: keras.Model, arrays: observed.Arrays, name: str) -> None:
    assert_close(observed.train_more(model, arrays), arrays["more/losses"], name)
    excepted = observed.moving_variances(model)
    theirs = observed.expected_weights(arrays, "more/weight/")
    for i, mine in enumerate(observed.weights(model)):
        if i not in excepted:
            assert_close(mine, theirs[i], name)


@pytest.mark.parametrize("name", expected_failures(TRAINED, "trains"))
def test_trains_on(written, name: str) -> None:
    directory, arrays = of(name, written)
    assert_trains_on(reinstate.load_model(directory / name), arrays, name)


@pytest.fixture(scope="module")
def returned(written, chosen, oracle, tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """The directory in which every case, trained on and saved here, was opened by tf_keras; and the errors by case."""
    source, directory = written[0], tmp_path_factory.mktemp("returned")
    errors: dict[str, str] = dict(written[1])
    for name, case in chosen.items():
        if name not in errors:
            try:
                _send(case, name, source, directory)
            except Exception as error:  # of one case, which is told in its test
                errors[name] = f"{type(error).__name__}: {error}"
    cases = {name: case for name, case in chosen.items() if name not in errors}
    return directory, errors | oracle("corpus.read", cases=cases, directory=str(directory))


def _send(case: dict[str, Any], name: str, source: Path, directory: Path) -> None:
    """Train a case on in Keras 3, save it both ways, and beside it what it predicts."""
    model = reinstate.load_model(source / name, compile=case["trains"])
    x, following = truth.batches_of(dict(np.load(source / f"{name}.npz")))
    if case["trains"]:
        for inputs, targets in following:
            model.train_on_batch(truth.one_or_all(inputs), truth.one_or_all(targets))
    for layer in model.layers:
        if getattr(layer, "stateful", False):
            layer.reset_state()
    for form in FORMS:
        reinstate.save_model(model, path_of(directory, name, form), save_traces=False)
    np.savez(directory / f"{name}.in.npz", **truth.inputs(x, following))
    found = dict(enumerate(observed.predictions(model, x)))
    np.savez(directory / f"{name}.ours.npz", **{f"prediction/{i}": _array(value) for i, value in found.items()})


def _array(value: np.ndarray) -> np.ndarray:
    return value.astype("float32") if value.dtype.name == "bfloat16" else value


@pytest.mark.parametrize("name", expected_failures(SMALL, "returns"))
def test_returns(returned, name: str) -> None:
    directory, errors = returned
    assert name not in errors, errors[name]
    ours = outputs(dict(np.load(directory / f"{name}.ours.npz")))
    for form, short in (("SavedModel", "sm"), ("HDF5", "h5")):
        theirs = dict(np.load(directory / f"{name}.{short}.npz"))
        model = reinstate.load_model(path_of(directory, name, form), compile=SMALL[name]["trains"])
        if short == "h5" and SMALL[name]["trains"]:
            observed.assert_same_optimizer(model, theirs)
        observed.assert_same_state(model, {key: value for key, value in theirs.items() if key.startswith("weight/")})
        for mine, other in zip(ours, outputs(theirs), strict=True):
            assert_close(mine, other, name)
        if short == "sm" and SMALL[name]["trains"]:
            observed.assert_same_optimizer(model, theirs)
            arrays = theirs | dict(np.load(directory / f"{name}.in.npz"))
            assert_trains_on(model, arrays, name)
