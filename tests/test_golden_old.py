"""What Keras 1.2 (on Theano and TensorFlow), standalone Keras 2 and TensorFlow 1.15 saved opens here and trains on."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import reinstate
from reinstate.errors import LossyWarning
from reinstate.live.optimizer import slot_lists
from tests import observed
from tests.oracle import truth
from tests.test_golden import GOLDEN

KERAS1 = ("keras-1.2.2-theano", "keras-1.2.2-tensorflow")
KERAS2 = ("keras-2.0.9", "keras-2.2.4", "keras-2.3.1")
TF1 = ("tf-1.15", "tf-1.15-eager")
ARCHIVES = [
    (version, model.name)
    for version in (*KERAS1, *KERAS2, *TF1)
    for model in sorted((GOLDEN / version).iterdir())
    if not model.name.startswith("uneven")
]
# How far two more steps may lead away, where it is not rounding.
_RACE = 0.5  # the graph reads the optimizer's step, or a weight, now before and now after it was written
FURTHER = {
    **{("keras-1.2.2-tensorflow", model): _RACE for _, model in ARCHIVES},
    **{(version, model): _RACE for version in (*KERAS2, "tf-1.15") for _, model in ARCHIVES},
    ("keras-1.2.2-theano", "odd"): 2e-3,  # Keras 3 divides an activity regularizer's loss by the size of the batch
    ("keras-1.2.2-theano", "towers"): 2e-4,  # Nadam
}
pytestmark = pytest.mark.filterwarnings("ignore:(?s).*(Nadam|metric 'a_accuracy'|Keras 1 divided it):UserWarning")


def truth_of(version: str, model: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / version / model / "truth.npz") as file:
        return dict(file)


def test_all_are_there() -> None:
    count = {version: sum(archive[0] == version for archive in ARCHIVES) for version in (*KERAS1, *KERAS2, *TF1)}
    assert min(count.values()) >= 2 and count["keras-1.2.2-tensorflow"] >= 16 and count["keras-1.2.2-theano"] >= 13
    for version, model in ARCHIVES:
        assert str(truth_of(version, model)["writer"]).startswith("Keras ")


@pytest.mark.parametrize(("version", "model"), ARCHIVES)
def test_models_say_and_learn_the_same(version: str, model: str) -> None:
    arrays = truth_of(version, model)
    loaded = reinstate.load_model(GOLDEN / version / model / "model.h5")
    observed.assert_predicts(loaded, arrays)
    losses = observed.train_more(loaded, arrays)
    assert np.isfinite(losses).all()
    if "more/losses" in arrays:  # else it has layers that draw random numbers
        far = FURTHER.get((version, model), 2e-5)
        np.testing.assert_allclose(losses[0], arrays["more/losses"][0], rtol=1e-5, atol=max(1e-5, min(far, 2e-3)))
        np.testing.assert_allclose(losses, arrays["more/losses"], rtol=far, atol=far)
        observed.assert_predicts(loaded, arrays, "more/", max(far, 2e-5))


@pytest.mark.parametrize(("version", "model"), ARCHIVES)
def test_weights_fill_a_model(version: str, model: str) -> None:
    directory = GOLDEN / version / model
    options = reinstate.LoadOptions(experimental_skip_checkpoint=True)
    whole = reinstate.load_model(directory / "model.h5", compile=False)
    rebuilt = reinstate.load_model(directory / "model.h5", compile=False, options=options)
    reinstate.load_weights(rebuilt, directory / "weights.h5")
    for mine, theirs in zip(observed.weights(rebuilt), observed.weights(whole), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize(("version", "model"), [archive for archive in ARCHIVES if archive[0] in KERAS2])
def test_slots_are_the_file_s(version: str, model: str) -> None:
    path = GOLDEN / version / model / "model.h5"
    optimizer = reinstate.load_model(path).optimizer
    with h5py.File(path) as file:
        group = file["optimizer_weights"]
        stored = [group[name][()] for name in group.attrs["weight_names"]]
    kept = [value for value in stored if value.shape not in ((), (1,)) or value.shape == (1,)]
    steps = [value for value in kept if value.shape == ()]
    values = [value for value in kept if value.shape != ()]
    if steps:
        assert observed.number(optimizer.iterations) == int(steps[0])
    rows = [listed for row, listed in slot_lists(optimizer) if row.old]
    assert rows
    for listed in rows:
        for variable in listed:
            np.testing.assert_array_equal(np.asarray(variable.value), values.pop(0), err_msg=variable.path)
    assert all(value.shape == (1,) for value in values)  # Keras' dummies for what Adam does not use


@pytest.mark.parametrize("order", ["th", "tf"])
def test_other_padding_is_said(order: str) -> None:
    path = GOLDEN / KERAS1[0] / f"uneven_{order}" / "model.h5"
    with pytest.warns(LossyWarning, match="Theano pads Conv2D of an even size"):
        reinstate.load_model(path)
    arrays = truth_of(KERAS1[1], f"uneven_{order}")
    observed.assert_predicts(reinstate.load_model(GOLDEN / KERAS1[1] / f"uneven_{order}" / "model.h5"), arrays)


EXPORTED = [model for version, model in ARCHIVES if version == "tf-1.15"]


@pytest.mark.parametrize("model", EXPORTED)
def test_what_tf1_exported(golden, model: str) -> None:
    arrays = truth_of("tf-1.15", model)
    with pytest.warns(UserWarning, match="without compile settings"):
        loaded = reinstate.load_model(golden(f"tf-1.15/{model}/exported"))
    observed.assert_predicts(loaded, arrays)


@pytest.mark.parametrize("model", [model for version, model in ARCHIVES if version == "tf-1.15-eager"])
def test_what_tf1_saved(golden, model: str) -> None:
    arrays = truth_of("tf-1.15-eager", model)
    loaded = reinstate.load_model(golden(f"tf-1.15-eager/{model}/saved"))
    observed.assert_predicts(loaded, arrays)
    losses = observed.train_more(loaded, arrays)
    np.testing.assert_allclose(losses, arrays["more/losses"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("form", ["checkpoint", "named"])
@pytest.mark.parametrize("model", EXPORTED)
def test_checkpoints_of_tf1(model: str, form: str) -> None:
    directory: Path = GOLDEN / "tf-1.15" / model
    arrays = truth_of("tf-1.15", model)
    options = reinstate.LoadOptions(experimental_skip_checkpoint=True)
    loaded = reinstate.load_model(directory / "model.h5", compile=form == "checkpoint", options=options)
    x, _ = truth.batches_of(arrays)
    assert not np.allclose(observed.predictions(loaded, x)[0], arrays["prediction/0"], atol=1e-4)
    reinstate.load_weights(loaded, directory / form / "weights")
    observed.assert_predicts(loaded, arrays)


@pytest.mark.parametrize("name", ["again", "again.h5"])
def test_layers_of_keras1_are_saved_and_come_back(tmp_path: Path, name: str) -> None:
    arrays = truth_of(KERAS1[0], "odd")
    loaded = reinstate.load_model(GOLDEN / KERAS1[0] / "odd" / "model.h5")
    with pytest.warns(LossyWarning, match="tf.keras has no such layer"):
        reinstate.save_model(loaded, tmp_path / name, save_traces=False)
    again = reinstate.load_model(tmp_path / name)
    observed.assert_predicts(again, arrays)
    assert [type(layer) for layer in again.layers] == [type(layer) for layer in loaded.layers]
