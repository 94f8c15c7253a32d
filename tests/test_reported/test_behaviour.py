"""What a model does before it is saved and after it is loaded. What stands elsewhere: README.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import reinstate
from tests import observed
from tests.corpus.cases import METRIC_CASES, _compiled
from tests.test_reported.cases import TOLERANCE, Section, Written, assert_as_there, load

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Explicitly requested dtype:UserWarning"),
]


@pytest.fixture(scope="module")
def written(oracle, tmp_path_factory) -> Written:
    return Section(oracle, "behaviour", tmp_path_factory.mktemp("behaviour"), "tf")


_LOSSES = {"classes": "categorical_crossentropy", "sparse": "sparse_categorical_crossentropy"}


def _evaluated(kind: str) -> dict[str, Any]:
    """A case of the corpus with every metric of a kind, and some weighted."""
    weighted = [metric for metric in METRIC_CASES[kind] if isinstance(metric, str)]
    case = _compiled(
        "metric", kind, kind, loss=_LOSSES.get(kind, "mse"), metrics=METRIC_CASES[kind], weighted_metrics=weighted
    )
    # Of labels below 0 tf_keras makes 0, Keras 3 leaves them out.
    return {**case, "activation": "relu"} if kind == "labels" else case


EVALUATED = {kind: _evaluated(kind) for kind in METRIC_CASES}


@pytest.fixture(scope="module")
def evaluated(oracle, tmp_path_factory) -> tuple[Path, dict[str, str]]:
    directory = tmp_path_factory.mktemp("evaluated")
    return directory, oracle("reported.evaluate", cases=EVALUATED, directory=str(directory))


@pytest.mark.parametrize("form", ["SavedModel", "HDF5"])
@pytest.mark.parametrize("kind", EVALUATED)
def test_evaluate_says_the_same(evaluated, kind: str, form: str) -> None:
    """keras#14231, tensorflow#45573: ``evaluate`` says something else after loading."""
    directory, errors = evaluated
    assert kind not in errors, errors[kind]
    arrays = dict(np.load(directory / f"{kind}.npz"))
    model = reinstate.load_model(directory / (kind if form == "SavedModel" else f"{kind}.h5"))
    for prefix, weights in (("plain/", None), ("weighted/", arrays["weights"])):
        mine = model.evaluate(
            arrays["x"], arrays["y"], sample_weight=weights, batch_size=3, verbose=0, return_dict=True
        )
        theirs = {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}
        assert set(mine) == set(theirs)
        for name, value in theirs.items():
            np.testing.assert_allclose(mine[name], value, rtol=TOLERANCE, atol=TOLERANCE, err_msg=prefix + name)


@pytest.mark.parametrize("name", ["tied", "tied_twice"])
def test_tied_weights_stay_tied(written, tmp_path: Path, name: str) -> None:
    """One table for two uses: one variable, in every format, that both train."""
    path, arrays = written(name)
    model = assert_as_there(path, name, arrays)
    count = len(observed.expected_weights(arrays))
    for form in ("model", "model.h5"):
        reinstate.save_model(model, tmp_path / form, **({} if form.endswith("h5") else {"save_traces": False}))
        again = load(tmp_path / form)
        assert len(again.weights) == count
        for mine, other in zip(observed.weights(again), observed.weights(model), strict=True):
            np.testing.assert_array_equal(mine, other)


def test_a_shared_submodel_is_one(written) -> None:
    """A submodel that three branches call has one set of weights."""
    path, arrays = written("shared_sequential")
    model = assert_as_there(path, "shared_sequential", arrays)
    (tower,) = [layer for layer in model.layers if isinstance(layer, keras.Sequential)]
    assert len(tower._inbound_nodes) >= 3


def test_the_scale_of_the_loss_goes_on(written) -> None:
    """mixed_float16: the scale and the steps since it changed are those of the file, and move as there."""
    path, arrays = written("mixed_float16")
    model = load(path)
    assert observed.number(model.optimizer.dynamic_scale) == float(arrays["loss_scale/scale"])
    assert observed.number(model.optimizer.step_counter) == int(arrays["loss_scale/steps"]) > 0
    assert_as_there(path, "mixed_float16", arrays)
