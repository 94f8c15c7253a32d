"""What OptimizerV2 computes otherwise than Keras 3, and what went with it: training goes on as in tf_keras."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import reinstate
from tests import observed

OWN = {"Nadam", "Nadam decay", "RMSprop", "RMSprop centered", "RMSprop decay", "RMSprop decay of a schedule", "Adagrad"}
PLAIN = {
    "RMSprop momentum",
    "Adam decay",
    "SGD decay",
    "Adadelta decay",
    "Adamax decay",
    "Ftrl decay",
    "SGD decay of a schedule",
}
NAMES = sorted(OWN | PLAIN | {"linear cosine", "restarts", "relative error", "radial"})
FORMS = ("", ".h5")


@pytest.fixture(scope="module")
def directory(oracle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("legacy")
    oracle("legacy_training.write", directory=str(directory))
    return directory


@pytest.fixture(scope="module")
def back(oracle, directory: Path) -> dict[str, dict[str, np.ndarray]]:
    """What tf_keras makes of the models in HDF5 that were loaded and saved here; it restores optimizers from those."""
    cases = {}
    for name in NAMES:
        path = directory / f"{name} ours.h5"
        reinstate.save_model(reinstate.load_model(directory / f"{name}.h5"), path)
        files = {"truth": str(directory / f"{name}.npz"), "out": str(path.with_suffix(".npz"))}
        cases[name] = {"path": str(path), **files}
    about = oracle("legacy_training.read", cases=list(cases.values()))
    wanted = {name: [name.split()[0], True] for name in OWN | PLAIN}
    assert {name: said for name, said in zip(cases, about, strict=True) if name in wanted} == wanted
    return {name: dict(np.load(case["out"])) for name, case in cases.items()}


def _assert_close(weights, losses, arrays) -> None:
    np.testing.assert_allclose(losses, arrays["more/losses"], rtol=1e-5, atol=1e-6)
    for mine, theirs in zip(weights, observed.expected_weights(arrays, "more/weight/"), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_training_goes_on(directory: Path, name: str, form: str) -> None:
    arrays = dict(np.load(directory / f"{name}.npz"))
    if "Nadam" in name:  # whose decay is of its momentum, while OptimizerV2 says a decayed learning rate, too
        arrays["learning_rate"] = np.float32(0.01)
    model = reinstate.load_model(directory / f"{name}{form}")
    assert type(model.optimizer).__name__.startswith("Legacy") == (name in OWN)
    observed.assert_same_state(model, arrays)
    observed.assert_predicts(model, arrays)
    losses = observed.train_more(model, arrays)
    _assert_close(observed.weights(model), losses, arrays)


@pytest.mark.parametrize("name", NAMES)
def test_training_goes_on_in_tf_keras_again(directory: Path, back, name: str) -> None:
    arrays = dict(np.load(directory / f"{name}.npz"))
    _assert_close(observed.expected_weights(back[name], "more/weight/"), back[name]["more/losses"], arrays)


def test_the_relative_error_is_measured_as_it_was(directory: Path) -> None:
    arrays = dict(np.load(directory / "relative error.npz"))
    model = reinstate.load_model(directory / "relative error")
    for i, variable in enumerate(model.metrics[1].metrics[0].variables):
        stored = next(arrays[key] for key in arrays if key.startswith(f"metric/relative/{i}/"))
        np.testing.assert_array_equal(np.asarray(variable.value), stored)
    x, y = _data(77)
    found = model.evaluate(x, y, verbose=0)
    np.testing.assert_allclose(found, arrays["evaluated"], rtol=1e-5)


def _data(seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.RandomState(seed)
    return generator.normal(size=(6, 6, 6, 1)).astype("float32"), generator.normal(size=(6, 2)).astype("float32")
