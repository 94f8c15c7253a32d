"""Losses that ``add_loss`` put into a functional model: they count here as in tf_keras, and go back."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import reinstate
from tests import observed


class MeanSquare(keras.layers.Layer):
    def call(self, inputs):
        return keras.ops.mean(keras.ops.square(inputs - 1.0))


CASES = [(name, form) for name in ("with_loss", "alone") for form in ("", ".h5")]


@pytest.fixture(scope="module")
def directory(oracle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("endpoints")
    oracle("endpoints.write", directory=str(directory))
    return directory


def _load(path: Path):
    with pytest.warns(reinstate.LossyWarning, match="its metric is not computed"):
        return reinstate.load_model(path, custom_objects={"MeanSquare": MeanSquare})


def _check_more(weights, losses, arrays) -> None:
    np.testing.assert_allclose(losses, arrays["more/losses"], rtol=1e-5, atol=1e-5)
    for mine, theirs in zip(weights, observed.expected_weights(arrays, "more/weight/"), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("name", "form"), CASES)
def test_the_losses_of_the_graph_train_the_model(directory: Path, name: str, form: str) -> None:
    arrays = dict(np.load(directory / f"{name}.npz"))
    model = _load(directory / f"{name}{form}")
    observed.assert_same_state(model, arrays)
    observed.assert_predicts(model, arrays)
    _check_more_after = observed.train_more(model, arrays)
    _check_more(observed.weights(model), _check_more_after, arrays)


@pytest.mark.parametrize(("name", "form"), CASES)
def test_they_go_back(oracle, directory: Path, tmp_path: Path, name: str, form: str) -> None:
    arrays = dict(np.load(directory / f"{name}.npz"))
    path, out = tmp_path / f"ours{form}", tmp_path / "out.npz"
    reinstate.save_model(_load(directory / f"{name}{form}"), path, save_traces=False)
    layers = oracle("endpoints.train", path=str(path), npz=str(directory / f"{name}.npz"), out=str(out))
    assert "AddLoss" in layers
    assert "AddMetric" in layers
    if form:  # tf_keras restores the optimizer's state from HDF5 only
        theirs = dict(np.load(out))
        _check_more(observed.expected_weights(theirs, "more/weight/"), theirs["more/losses"], arrays)
