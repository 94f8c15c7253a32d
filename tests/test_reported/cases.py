"""What real tf_keras wrote of the cases in tests/oracle/reported_models.py, and what must be true of it here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

import reinstate
from tests import observed
from tests.oracle import reported_models, truth

TOLERANCE = 1e-5  # of float32 arithmetic, absolute and relative
HALF = 1e-2  # of float16: a few units in the last place
CUSTOM = reported_models.classes(keras)

Written = Callable[[str], tuple[Path, dict[str, np.ndarray]]]


class Section:
    """The files of one section: ``section(name)`` gives the path and the truth of a case."""

    def __init__(self, oracle: Any, section: str, directory: Path, form: str) -> None:
        self.form, self.directory, self.section = form, directory, section
        self.errors = oracle("reported.write", section=section, directory=str(directory), form=form)

    def __call__(self, name: str) -> tuple[Path, dict[str, np.ndarray]]:
        assert name not in self.errors, self.errors[name]
        path = self.directory / (f"{name}.h5" if self.form == "h5" else name)
        return path, dict(np.load(self.directory / f"{name}.npz"))


def tolerance(name: str) -> float:
    return HALF if "half" in name or "float16" in name else TOLERANCE


def load(path: Path, **settings: Any) -> keras.Model:
    return reinstate.load_model(path, CUSTOM, **settings)


def predictions(model: keras.Model, name: str, x: list[np.ndarray]) -> list[np.ndarray]:
    if name == "two_positional_inputs":
        return [np.asarray(model(*x))]
    found = model.predict_on_batch(reported_models.arranged(name, x, [0])[0])
    found = [found[key] for key in sorted(found)] if isinstance(found, dict) else truth.several(found)
    return [np.asarray(each) for each in found]


def assert_predicts(model: keras.Model, name: str, arrays: observed.Arrays, prefix: str = "") -> None:
    x, _ = truth.batches_of(arrays)
    mine = predictions(model, name, x)
    assert len(mine) == sum(key.startswith(f"{prefix}prediction/") for key in arrays)
    for i, each in enumerate(mine):
        other = arrays[f"{prefix}prediction/{i}"]
        assert (each.shape, each.dtype) == (other.shape, other.dtype)
        np.testing.assert_allclose(each, other, rtol=tolerance(name), atol=tolerance(name))


def assert_trains_on(model: keras.Model, name: str, arrays: observed.Arrays) -> None:
    """The loss of one more step, and the weights and predictions after it, are tf_keras'."""
    far = tolerance(name)
    losses = []
    for x, y in truth.batches_of(arrays)[1]:
        model.reset_metrics()
        losses.append(model.train_on_batch(*reported_models.arranged(name, x, y), return_dict=True)["loss"])
    np.testing.assert_allclose(losses, arrays["more/losses"], rtol=far, atol=far)
    theirs = observed.expected_weights(arrays, "more/weight/")
    excepted = observed.moving_variances(model) if far == HALF else set()
    for i, (mine, other) in enumerate(zip(observed.weights(model), theirs, strict=True)):
        if i not in excepted:
            np.testing.assert_allclose(mine, other, rtol=far, atol=far)
    assert_predicts(model, name, arrays, "more/")


def assert_as_there(path: Path, name: str, arrays: observed.Arrays) -> keras.Model:
    """The model opens in the state that it was saved in, bit for bit, and goes on as it would have there."""
    model = load(path)
    observed.assert_same_state(model, arrays)
    assert_predicts(model, name, arrays)
    if "more/losses" in arrays:
        assert_trains_on(model, name, arrays)
    return model
