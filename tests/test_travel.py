"""Ten models travel from real tf_keras to here and back: same state bit for bit, same numbers, and they train on."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import reinstate
from tests import observed
from tests.oracle import models, truth

STEPS = 2


@pytest.mark.parametrize("form", ["traced", "untraced legacy", "h5", "h5 legacy"])
@pytest.mark.parametrize("name", models.MODELS)
def test_what_tf_keras_saved_opens_and_trains_on(oracle, tmp_path: Path, name: str, form: str) -> None:
    if name in models.APPLICATIONS and form in ("untraced legacy", "h5 legacy"):
        pytest.skip("the small models cover the legacy optimizers")
    path, out = tmp_path / ("model.h5" if "h5" in form else "model"), tmp_path / "truth.npz"
    oracle(
        "ten.train_and_save",
        name=name,
        path=str(path),
        save_format="h5" if "h5" in form else "tf",
        steps=STEPS,
        legacy_optimizer="legacy" in form,
        save_traces=form == "traced",
        out=str(out),
    )
    arrays = dict(np.load(out))
    model = reinstate.load_model(path)
    observed.assert_same_state(model, arrays)
    observed.assert_predicts(model, arrays)
    assert_same_losses(model, arrays)
    excepted = observed.moving_variances(model)
    for i, (mine, theirs) in enumerate(
        zip(observed.weights(model), observed.expected_weights(arrays, "more/weight/"), strict=True)
    ):
        if i not in excepted:
            np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)


def assert_same_losses(model: keras.Model, arrays: observed.Arrays) -> None:
    losses = observed.train_more(model, arrays)
    tolerance = float(arrays.get("tolerance", 1e-5))
    np.testing.assert_allclose(losses, arrays["more/losses"], rtol=1e-5, atol=tolerance)


def built_here(name: str, adamw: bool):
    """A model of this name, built in Keras 3 and trained a little, and the batches to compare on."""
    model = models.build(name, keras)
    if not adamw and isinstance(model.optimizer, keras.optimizers.AdamW):
        model.compile("adam", "mse", metrics=["mae"])
    for seed in range(STEPS):
        x, y = models.data(name, seed)
        model.train_on_batch(truth.one_or_all(x), truth.one_or_all(y))
    x, _ = models.data(name, truth.PREDICTED)
    following = [models.data(name, truth.TRAINED_AFTER + i) for i in range(truth.STEPS_AFTER)]
    return model, truth.inputs(x, following)


@pytest.mark.parametrize("version", ["newest", "2.8"])
@pytest.mark.parametrize("name", models.MODELS)
def test_what_is_saved_here_opens_in_tensorflow_and_trains_on(
    oracle_for, tmp_path: Path, name: str, version: str
) -> None:
    model, batches = built_here(name, adamw=version != "2.8")
    path, h5, npz, out = tmp_path / "model", tmp_path / "model.h5", tmp_path / "batches.npz", tmp_path / "found.npz"
    reinstate.save_model(model, path, save_traces=False)
    reinstate.save_model(model, h5)
    np.savez(npz, **batches)
    theirs = oracle_for(version)
    checkpoint = str(path / "variables" / "variables")
    about = theirs("ten.open_and_check", path=str(path), x_npz=str(npz), weights_checkpoint=checkpoint, out=str(out))
    assert about["is_model"]
    arrays = dict(np.load(out)) | batches
    observed.assert_same_state(model, arrays)
    observed.assert_predicts(model, arrays)
    assert_same_losses(model, arrays)
