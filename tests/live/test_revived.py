"""Layers and models without their classes: real tf_keras has saved them, they compute and train as there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import reinstate
from tests import observed

NAMES = ["scale", "norm", "block", "whole"]


@pytest.fixture(scope="module")
def saved(oracle, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("revived")
    assert set(oracle("revived.write", folder=str(folder))) == set(NAMES)
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_it_goes_on_as_in_tensorflow(saved: Path, name: str) -> None:
    model = reinstate.load_model(saved / name)
    with np.load(saved / f"{name}.npz") as file:
        arrays = dict(file)
    for mine, theirs in zip(model.weights, observed.expected_weights(arrays), strict=True):
        np.testing.assert_array_equal(mine.value, theirs, err_msg=mine.path)
    observed.assert_same_optimizer(model, arrays)
    observed.assert_predicts(model, arrays)
    np.testing.assert_allclose(observed.train_more(model, arrays), arrays["more/losses"], rtol=1e-5, atol=1e-5)
    for mine, theirs in zip(model.weights, observed.expected_weights(arrays, "more/weight/"), strict=True):
        np.testing.assert_allclose(mine.value, theirs, rtol=1e-4, atol=1e-5, err_msg=mine.path)
    observed.assert_predicts(model, arrays, "more/")
