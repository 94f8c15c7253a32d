"""Layers that Keras 3 dropped: tf_keras wrote them, they open here in the same state, train on, and go back."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

import reinstate
from tests import observed
from tests.oracle import dropped_models

FORMS = ("model", "model.h5")
NAMES = list(dropped_models.MODELS)


@pytest.fixture(scope="module")
def written(oracle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with all models, each trained and saved by tf_keras in both formats."""
    directory = tmp_path_factory.mktemp("dropped")
    assert oracle("dropped.write", directory=str(directory), names=NAMES) == {}
    return directory


@pytest.fixture(scope="module")
def reopened(oracle, written: Path) -> dict[tuple[str, str], dict[str, np.ndarray]]:
    """What tf_keras says of the models that were loaded and saved here."""
    cases = {}
    for name in NAMES:
        for form in FORMS:
            path = written / name / f"ours_{form}"
            reinstate.save_model(reinstate.load_model(written / name / form), path, save_traces=False)
            truth_npz = written / name / "truth.npz"
            cases[name, form] = {"path": str(path), "x": str(truth_npz), "out": str(path.with_suffix(".npz"))}
    about = oracle("dropped.read", cases=list(cases.values()))
    failed = {str(key): answer for key, answer in zip(cases, about, strict=True) if isinstance(answer, str)}
    assert failed == {}
    return {key: dict(np.load(case["out"])) for key, case in cases.items()}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_it_opens_in_the_same_state_and_trains_on(written: Path, name: str, form: str) -> None:
    arrays = dict(np.load(written / name / "truth.npz"))
    with warnings.catch_warnings():
        model = reinstate.load_model(written / name / form)
    observed.assert_same_state(model, arrays)
    observed.assert_predicts(model, arrays)
    losses = observed.train_more(model, arrays)
    np.testing.assert_allclose(losses, arrays["more/losses"], rtol=1e-5, atol=1e-5)
    expected = observed.expected_weights(arrays, "more/weight/")
    for mine, theirs in zip(observed.weights(model), expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_it_goes_back_to_tf_keras(written: Path, reopened, name: str, form: str) -> None:
    arrays = dict(np.load(written / name / "truth.npz"))
    theirs = reopened[name, form]
    for key in [key for key in arrays if key.startswith("weight/")]:
        np.testing.assert_array_equal(observed.expected_weights(theirs)[int(key.split("/")[1])], arrays[key])
    np.testing.assert_allclose(theirs["prediction/0"], arrays["prediction/0"], rtol=1e-5, atol=1e-5)
