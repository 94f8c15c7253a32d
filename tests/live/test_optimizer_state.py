"""Every optimizer's state, from real tf_keras to here and back, in every form that there is: bit for bit, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import reinstate
from reinstate.config import slots
from tests import observed
from tests.config.training_cases import NEW_ONLY
from tests.config.training_cases import OPTIMIZER_CASES as CASES

FORMS = ["model", "model.h5"]
WRITTEN = [(g, name) for g in ("legacy", "new") for name in CASES if g == "new" or name not in NEW_ONLY]


def scalars(optimizer: Any) -> dict[str, np.ndarray]:
    """The variables that the optimizer has once, by Keras 3's attribute."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    rows = [(inner, row) for row in slots.scalars(type(inner).__name__)]
    rows += [(optimizer, row) for row in slots.LOSS_SCALE]
    found = {row.keras3: getattr(owner, row.keras3, None) for owner, row in rows}
    return {name: np.asarray(variable.value) for name, variable in found.items() if variable is not None}


def assert_same_state(model: keras.Model, found: observed.Arrays) -> None:
    if not getattr(model.optimizer, "momentum", True):  # SGD of tf.keras keeps what it then does not use
        found = {key: value for key, value in found.items() if not key.startswith("slot/momentums")}
    observed.assert_same_state(model, found)
    mine = scalars(model.optimizer)
    assert set(mine) == {key.removeprefix("scalar/") for key in found if key.startswith("scalar/")}
    for name, value in mine.items():
        np.testing.assert_array_equal(value, found[f"scalar/{name}"], err_msg=name)


@pytest.fixture(scope="module")
def written(oracle, tmp_path_factory):
    """The directory with what tf_keras wrote of a case, each written once."""
    made: dict[tuple[str, str, bool], Path] = {}

    def get(generation: str, name: str, idle: bool = False) -> Path:
        key = generation, name, idle
        if key not in made:
            made[key] = tmp_path_factory.mktemp("written")
            class_name, settings = CASES[name]
            arguments = {"generation": generation, "class_name": class_name, "settings": settings, "idle": idle}
            oracle("optimizers.write", directory=str(made[key]), **arguments)
        return made[key]

    return get


# What HDF5 files of the new generation and of loss scale optimizers do not hold.
def without_the_untold(found: observed.Arrays, model: keras.Model, form: str) -> observed.Arrays:
    if form != "model.h5":
        return found
    given = scalars(model.optimizer)
    untold = {"scalar/dynamic_scale", "scalar/step_counter"} & set(found)
    return {**found, **{key: given[key.removeprefix("scalar/")] for key in untold}}


@pytest.mark.filterwarnings("ignore:(?s).*momentum schedule:reinstate.LossyWarning")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("generation", "name"), WRITTEN)
def test_what_tf_keras_wrote_is_read(written, generation: str, name: str, form: str) -> None:
    directory = written(generation, name)
    with np.load(directory / "state.npz") as file:
        found = dict(file)
    model = reinstate.load_model(directory / form)
    if form == "model.h5" and generation == "new" and "Nadam" in name:
        # Not in the file: computed from the steps.
        product = scalars(model.optimizer)["_u_product"]
        np.testing.assert_allclose(product, found["scalar/_u_product"], rtol=1e-6)
        found["scalar/_u_product"] = product
    assert_same_state(model, without_the_untold(found, model, form))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("generation", ["legacy", "new"])
def test_slots_find_their_variables_where_some_have_none(written, generation: str, form: str) -> None:
    """A layer without a gradient, in the middle of the list: OptimizerV2 keeps nothing for it."""
    directory = written(generation, "Adam amsgrad", idle=True)
    with np.load(directory / "state.npz") as file:
        found = dict(file)
    model = reinstate.load_model(directory / form)
    moved = {f"slot/{kind}/{index}" for kind in ("m", "_momentums") for index in ("0000", "0004", "0005")}
    assert all(np.any(found[key]) for key in moved & set(found))
    for new, legacy, index, value in observed.slots(model):
        stored = next((found[k] for k in (f"slot/{new}/{index:04d}", f"slot/{legacy}/{index:04d}") if k in found), None)
        np.testing.assert_array_equal(value, np.zeros_like(value) if stored is None else stored)


def built_here(name: str) -> keras.Model:
    """The oracle's model with the optimizer of a case, trained for three steps in Keras 3."""
    keras.utils.set_random_seed(3)
    layers = [keras.Input((3,)), keras.layers.Dense(4, activation="tanh", name="a"), keras.layers.Dense(2, name="b")]
    model = keras.Sequential(layers)
    class_name, settings = CASES[name]
    settings = dict(settings)
    scale = settings.pop("loss_scale", None)
    optimizer = getattr(keras.optimizers, class_name)(**settings)
    model.compile(keras.optimizers.LossScaleOptimizer(optimizer, **scale) if scale else optimizer, "mse")
    random = np.random.default_rng(1)
    for _ in range(3):
        model.train_on_batch(random.normal(size=(8, 3)).astype("float32"), random.normal(size=(8, 2)).astype("float32"))
    return model


@pytest.mark.filterwarnings("ignore::reinstate.LossyWarning")
# tf_keras cannot restore a new loss scale optimizer from HDF5, not even one of its own.
@pytest.mark.parametrize(
    ("name", "form"),
    [(name, form) for name in CASES for form in FORMS if (name, form) != ("loss scale decayed", "model.h5")],
)
def test_what_is_written_here_is_read_by_tf_keras(oracle, tmp_path: Path, name: str, form: str) -> None:
    model = built_here(name)
    path, out = tmp_path / form, tmp_path / "state.npz"
    reinstate.save_model(model, path, save_traces=False) if form == "model" else reinstate.save_model(model, path)
    about = oracle(
        "optimizers.read",
        path=str(path),
        out=str(out),
        checkpoint=str(path / "variables" / "variables") if form == "model" else None,
    )
    assert about["legacy"] == (name not in NEW_ONLY)
    with np.load(out) as file:
        found = dict(file)
    if form == "model.h5" and name == "Nadam decayed":
        found["scalar/_u_product"] = scalars(model.optimizer)["_u_product"]  # tf_keras' own files do not have it
    assert_same_state(model, without_the_untold(found, model, form))


@pytest.mark.parametrize("name", ["SGD momentum", "Adam amsgrad", "Adafactor", "Nadam", "loss scale"])
def test_a_checkpoint_fills_the_optimizer(oracle, tmp_path: Path, name: str) -> None:
    model = built_here(name)
    reinstate.save_weights(model, tmp_path / "weights")
    class_name, settings = CASES[name]
    arguments = {"generation": "new", "class_name": class_name, "settings": settings}
    oracle(
        "optimizers.read_weights", checkpoint=str(tmp_path / "weights"), out=str(tmp_path / "state.npz"), **arguments
    )
    with np.load(tmp_path / "state.npz") as file:
        assert_same_state(model, dict(file))


def test_a_checkpoint_does_not_stop_the_old_optimizers(oracle, tmp_path: Path) -> None:
    model = built_here("Adam")
    reinstate.save_weights(model, tmp_path / "weights")
    arguments = {"generation": "legacy", "class_name": "Adam", "settings": {}}
    oracle(
        "optimizers.read_weights", checkpoint=str(tmp_path / "weights"), out=str(tmp_path / "state.npz"), **arguments
    )
    with np.load(tmp_path / "state.npz") as file:
        found = dict(file)
    assert found["iterations"] == 0
    for mine, theirs in zip(observed.weights(model), observed.expected_weights(found), strict=True):
        np.testing.assert_array_equal(mine, theirs)
