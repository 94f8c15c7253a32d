"""What TensorFlow 2.3, 2.8, 2.12, 2.15 and 2.21 wrote opens here: the same state bit for bit, and trains on."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import reinstate
from tests import observed
from tests.test_golden import GOLDEN, MODELS

FORMATS = ("traces", "bare", "model.h5")
ARCHIVES = [(*model, form) for model in MODELS for form in FORMATS if (model[0], form) != ("2.3", "bare")]
# These run with the oldest Keras, too: each version, each model and each format at least once.
OLDEST = {
    ("2.3", "recurrent", "traces"),
    ("2.3", "dense", "model.h5"),
    ("2.8", "conv_nested", "bare"),
    ("2.12", "conv_nested", "model.h5"),
    ("2.15", "dense_legacy", "traces"),
    ("2.21", "recurrent", "model.h5"),
    ("2.21", "dense", "bare"),
}
# TF 2.3 names compiled metrics only ("accuracy"), so that they come to be, as in TF, with the first batch.
pytestmark = pytest.mark.filterwarnings("ignore:(?s).*the state of metric 'accuracy':reinstate.LossyWarning")
SPARSE = (
    "OptimizerV2 updates only the rows of an Embedding that a batch has used, RMSprop's momentum too; "
    "Keras 3 on JAX updates all rows, as the optimizers of TF 2.11 and later do"
)


def archives(sparse: bool) -> list[object]:
    """The archives as parameters; where ``sparse``, with those marked that train on in another way."""
    found = []
    for archive in ARCHIVES:
        marks = [pytest.mark.oldest] if archive in OLDEST else []
        if sparse and archive[:2] in (("2.3", "recurrent"), ("2.8", "recurrent")):
            marks.append(pytest.mark.xfail(reason=SPARSE, raises=AssertionError))
        found.append(pytest.param(*archive, marks=marks, id="-".join(archive)))
    return found


def truth_of(version: str, model: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / version / model / "truth.npz") as file:
        return dict(file)


@pytest.mark.parametrize(("version", "model", "form"), archives(sparse=False))
def test_the_state_is_the_same(golden, version: str, model: str, form: str) -> None:
    arrays = truth_of(version, model)
    loaded = reinstate.load_model(golden(f"{version}/{model}/{form}"))
    observed.assert_same_state(loaded, arrays)
    observed.assert_predicts(loaded, arrays)


@pytest.mark.parametrize(("version", "model", "form"), archives(sparse=True))
def test_it_trains_on(golden, version: str, model: str, form: str) -> None:
    arrays = truth_of(version, model)
    loaded = reinstate.load_model(golden(f"{version}/{model}/{form}"))
    losses = observed.train_more(loaded, arrays)
    np.testing.assert_allclose(losses, arrays["more/losses"], rtol=1e-5, atol=1e-5)
    excepted = observed.moving_variances(loaded)
    expected = observed.expected_weights(arrays, "more/weight/")
    for i, (mine, theirs) in enumerate(zip(observed.weights(loaded), expected, strict=True)):
        if i not in excepted:
            np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)


def rebuilt(path: Path) -> keras.Model:
    """The model as its config says, compiled, no value read."""
    return reinstate.load_model(path, options=reinstate.LoadOptions(experimental_skip_checkpoint=True))


def assert_fresh(model: keras.Model, arrays: observed.Arrays) -> None:
    stored = observed.expected_weights(arrays)
    assert not all(map(np.array_equal, observed.weights(model), stored))
    assert observed.number(model.optimizer.iterations) == 0


# The model gives its config; those with an optimizer of the old kind show both kinds.
WEIGHTS = [
    pytest.param(*each, marks=[pytest.mark.oldest] if each in (("2.3", "dense"), ("2.21", "conv_nested")) else [])
    for each in MODELS
]


@pytest.mark.parametrize(("version", "model"), WEIGHTS)
def test_checkpoints_fill_a_model_and_its_optimizer(golden, version: str, model: str) -> None:
    arrays = truth_of(version, model)
    loaded = rebuilt(golden(f"{version}/{model}/model.h5"))
    assert_fresh(loaded, arrays)
    reinstate.load_weights(loaded, golden(f"{version}/{model}/checkpoint") / "weights")
    observed.assert_same_state(loaded, arrays)


@pytest.mark.parametrize(("version", "model"), WEIGHTS)
def test_hdf5_weights_fill_a_model(golden, version: str, model: str) -> None:
    arrays = truth_of(version, model)
    loaded = rebuilt(golden(f"{version}/{model}/model.h5"))
    assert_fresh(loaded, arrays)
    reinstate.load_weights(loaded, golden(f"{version}/{model}/weights.h5"))
    observed.assert_same_state(loaded, {key: value for key, value in arrays.items() if key.startswith("weight/")})
    assert observed.number(loaded.optimizer.iterations) == 0


@pytest.mark.parametrize(("version", "model"), WEIGHTS)
def test_the_table_counts_every_parameter(golden, version: str, model: str) -> None:
    arrays = truth_of(version, model)
    parameters = sum(value.size for value in observed.expected_weights(arrays))
    formats = [form for archive in ARCHIVES if archive[:2] == (version, model) for form in archive[2:]]
    for form in formats:
        found = reinstate.inspect(golden(f"{version}/{model}/{form}"))
        assert (found.parameters, found.optimizer.step) == (parameters, 3)
