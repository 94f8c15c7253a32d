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


SMALL = [name for name in models.MODELS if name not in models.APPLICATIONS]
FORMS = ("traced", "h5", "untraced legacy", "h5 legacy")
# The applications are slow; the small models are enough to cover the legacy optimizers and HDF5 in TensorFlow 2.8.
OPENED = [(name, form) for form in FORMS for name in (SMALL if "legacy" in form else models.MODELS)]
SAVED = [
    (name, form, version)
    for form in ("tf", "h5")
    for version in ("newest", "2.8")
    for name in (models.MODELS if form == "tf" else SMALL)
]
# OptimizerV2 updates only those rows of an Embedding that are in the batch; its RMSprop leaves the momentum of the
# others where it is. Keras 3's gradients are dense: all rows move on. docs/SUPPORT.md says so.
SPARSE = ("recurrent",)


@pytest.mark.parametrize(("name", "form"), OPENED)
def test_what_tf_keras_saved_opens_and_trains_on(oracle, tmp_path: Path, name: str, form: str) -> None:
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
    assert_trains_on(model, arrays, alike=not (name in SPARSE and "legacy" in form))


def assert_trains_on(model: keras.Model, arrays: observed.Arrays, alike: bool) -> None:
    """It trains on as tf.keras did; where that is known to be otherwise, it must be so, or the exception is stale."""
    if alike:
        assert_trains_on_alike(model, arrays)
    else:
        with pytest.raises(AssertionError, match="differs by"):
            assert_trains_on_alike(model, arrays)


def assert_trains_on_alike(model: keras.Model, arrays: observed.Arrays) -> None:
    """Losses and weights of two more steps are tf.keras' within 1e-5, and what rounding does to tf.keras itself."""
    losses = observed.train_more(model, arrays)
    assert_close(losses, arrays["more/losses"], arrays["rounding/losses"])
    excepted = observed.moving_variances(model)
    theirs, rounding = (observed.expected_weights(arrays, f"{prefix}/weight/") for prefix in ("more", "rounding"))
    for i, mine in enumerate(observed.weights(model)):
        if i not in excepted:
            assert_close(mine, theirs[i], rounding[i])


def assert_close(mine, theirs: np.ndarray, rounding: np.ndarray) -> None:
    """Within 1e-5, absolute and relative, and four times the largest of three samples of what rounding does."""
    far = np.abs(np.asarray(mine, "float64") - theirs)
    allowed = 1e-5 * (1 + np.abs(theirs)) + 4 * rounding.max(initial=0)
    assert np.all(far <= allowed), f"differs by {far.max()}, allowed {allowed.min()}"


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


@pytest.mark.parametrize(("name", "form", "version"), SAVED)
def test_what_is_saved_here_opens_in_tensorflow_and_trains_on(
    oracle_for, tmp_path: Path, name: str, form: str, version: str
) -> None:
    model, batches = built_here(name, adamw=version != "2.8")
    path, npz, out = tmp_path / ("model.h5" if form == "h5" else "model"), tmp_path / "in.npz", tmp_path / "out.npz"
    reinstate.save_model(model, path, save_traces=False)
    np.savez(npz, **batches)
    # tf.keras restores an optimizer's state from HDF5 by itself, from a SavedModel through load_weights.
    checkpoint = str(path / "variables" / "variables") if form == "tf" else None
    about = oracle_for(version)(
        "ten.open_and_check", path=str(path), x_npz=str(npz), weights_checkpoint=checkpoint, out=str(out)
    )
    assert about["is_model"]
    assert about["class"] in ("Functional", "Sequential")
    arrays = dict(np.load(out)) | batches
    observed.assert_same_state(model, arrays)
    observed.assert_predicts(model, arrays)
    assert_trains_on(model, arrays, alike=name not in SPARSE)
