"""One model of each family of tf.keras' applications, from real tf_keras to here and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import reinstate
from tests import observed
from tests.corpus.cases import LARGE, expected_failures
from tests.oracle import models
from tests.test_travel import assert_trains_on_alike

pytestmark = pytest.mark.filterwarnings("ignore:Explicitly requested dtype:UserWarning")

# Those that tests/test_travel.py does not open.
_TRAVELLED = {models.MODELS[name].__name__ for name in models.APPLICATIONS}
REST = {name: case for name, case in LARGE.items() if case["class_name"] not in _TRAVELLED}


@pytest.mark.filterwarnings("ignore:the model was saved without compile settings")
@pytest.mark.parametrize("name", REST)
def test_opens(oracle, tmp_path: Path, name: str) -> None:
    assert not oracle("corpus.build", cases={name: REST[name]}, directory=str(tmp_path))
    model = reinstate.load_model(tmp_path / f"{name}.h5")
    observed.assert_same_state(model, dict(np.load(tmp_path / f"{name}.npz")))


@pytest.mark.long
@pytest.mark.parametrize("name", expected_failures(LARGE, "opens"))
def test_opens_trains_on_and_returns(oracle, tmp_path: Path, name: str) -> None:
    cases = {name: LARGE[name]}
    errors = oracle("corpus.write", cases=cases, directory=str(tmp_path))
    assert not errors, errors[name]
    arrays = dict(np.load(tmp_path / f"{name}.npz"))
    for path in (tmp_path / f"{name}.h5", tmp_path / name):
        model = reinstate.load_model(path)
        observed.assert_same_state(model, arrays)
        observed.assert_predicts(model, arrays)

    back = tmp_path / "back"
    for path in (back / name, back / f"{name}.h5"):
        reinstate.save_model(model, path, save_traces=False)
    np.savez(
        back / f"{name}.in.npz", **{key: value for key, value in arrays.items() if key.startswith(("x/", "next/"))}
    )
    assert_trains_on_alike(model, arrays)

    errors = oracle("corpus.read", cases=cases, directory=str(back))
    assert not errors, errors[name]
    for form in ("sm", "h5"):
        theirs = dict(np.load(back / f"{name}.{form}.npz"))
        assert _same(theirs, arrays, "weight/"), form
        for key in (key for key in arrays if key.startswith("prediction/")):
            np.testing.assert_allclose(theirs[key], arrays[key], rtol=1e-5, atol=1e-5)
        assert _same(theirs, arrays, "slot/"), form


def _same(mine: observed.Arrays, theirs: observed.Arrays, prefix: str) -> bool:
    """Whether all that stands under a prefix is the same bit for bit, slots by weight."""
    a, b = (sorted((key, value) for key, value in each.items() if key.startswith(prefix)) for each in (mine, theirs))
    return len(a) == len(b) and all(np.array_equal(x, y) for (_, x), (_, y) in zip(a, b, strict=True))
