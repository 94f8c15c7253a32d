"""Optimizer state in HDF5 files: which variable is which, in every generation; and training goes on as there."""

from __future__ import annotations

import json
from typing import Any

import h5py
import keras
import numpy as np
import pytest

import reinstate.live.objects  # noqa: F401 - registers the legacy optimizers
from reinstate.config import Context, slots, up_training
from reinstate.config.slot_rows import OPTIMIZERS
from tests.config.compiled import compile_with

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

SHARED = [
    ("SGD", {"learning_rate": 0.1}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    ("Adam", {"learning_rate": 0.05}),
    ("Adam", {"learning_rate": 0.05, "amsgrad": True, "clipnorm": 0.5}),
    ("RMSprop", {"learning_rate": 0.01}),
    ("RMSprop", {"learning_rate": 0.05, "momentum": 0.5, "centered": True}),
    ("Adagrad", {"learning_rate": 0.1}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Adamax", {"learning_rate": 0.05}),
    ("Nadam", {"learning_rate": 0.05}),
    ("Ftrl", {"learning_rate": 0.1, "l1_regularization_strength": 0.01}),
    ("SGD", {"learning_rate": 0.1, "global_clipnorm": 0.1}),
]
DECAY = {
    "class_name": "ExponentialDecay",
    "config": {"initial_learning_rate": 0.1, "decay_steps": 2, "decay_rate": 0.5},
}
CASES = {
    "legacy": [
        *SHARED,
        ("SGD", {"learning_rate": 0.1, "decay": 0.5}),
        ("Adam", {"learning_rate": 0.05, "clipvalue": 0.1, "loss_scale": True}),
        ("Adam", {"learning_rate": DECAY}),
    ],
    "new": [
        *SHARED,
        ("AdamW", {"learning_rate": 0.05, "weight_decay": 0.1}),
        ("Adafactor", {"learning_rate": 0.05}),
        ("Lion", {"learning_rate": 0.01}),
        ("Adam", {"learning_rate": 0.05, "use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2}),
        ("Adam", {"learning_rate": DECAY}),
        ("Adam", {"learning_rate": 0.05, "clipvalue": 0.1, "loss_scale": True}),
    ],
}
ALL = [(generation, number) for generation, cases in CASES.items() for number in range(len(cases))]


def _id(case: tuple[str, int]) -> str:
    class_name, settings = CASES[case[0]][case[1]]
    return "-".join([case[0], class_name, *(key for key in settings if key != "learning_rate")])


every = pytest.mark.parametrize("case", ALL, ids=_id)


@pytest.fixture(scope="module")
def trained(oracle, tmp_path_factory):
    """Files of all optimizers after three steps, with what followed."""
    found = {}
    for generation, cases in CASES.items():
        directory = tmp_path_factory.mktemp(generation)
        specs = [
            {"class_name": name, "settings": settings, "eager": "loss_scale" not in settings}
            for name, settings in cases
        ]
        oracle("config_training.train", directory=str(directory), generation=generation, optimizers=specs)
        found[generation] = directory
    return found


class Stored:
    """One file."""

    def __init__(self, directory: Any, number: int) -> None:
        with h5py.File(directory / f"{number}.h5") as file:
            self.training_config = json.loads(file.attrs["training_config"])
            group = file["optimizer_weights"]
            self.names = [name.decode() if isinstance(name, bytes) else name for name in group.attrs["weight_names"]]
            self.arrays = [np.array(group[name]) for name in self.names]
            self.weights = [np.array(file["model_weights"][path]) for path in _weight_paths(file["model_weights"])]
        self.after = np.load(directory / f"{number}.npz")
        self.data = np.load(directory / "data.npz")


def _weight_paths(group: Any) -> list[str]:
    text = [name if isinstance(name, str) else name.decode() for name in group.attrs["layer_names"]]
    return [
        f"{layer}/{name if isinstance(name, str) else name.decode()}"
        for layer in text
        for name in group[layer].attrs["weight_names"]
    ]


@every
def test_names_are_the_variables_that_tf_keras_has(case, trained):
    generation, number = case
    class_name, _ = CASES[generation][number]
    stored = Stored(trained[generation], number)
    parsed = slots.parse_hdf5(class_name, stored.names)
    assert (parsed.generation, parsed.unknown) == (generation, ())
    assert stored.arrays[parsed.iteration] == 3
    rows = {row.keras3: row for row in slots.keras3_attributes(class_name)}
    checked = 1 + len(parsed.scalars)
    for attribute, indices in parsed.slots.items():
        theirs = rows[attribute].legacy if generation == "legacy" else rows[attribute].keras2
        for position, index in enumerate(indices):
            if index is not None:
                np.testing.assert_array_equal(stored.arrays[index], stored.after[f"{theirs}/{position}"])
                checked += 1
    for attribute, index in parsed.scalars.items():
        row = next(row for row in slots.scalars(class_name) if row.keras3 == attribute)
        np.testing.assert_array_equal(stored.arrays[index], stored.after[f"{row.legacy}/0"])
    assert checked == len(stored.names)


@every
def test_the_order_to_write_is_that_of_tf_keras(case, trained):
    generation, number = case
    class_name, settings = CASES[generation][number]
    stored = Stored(trained[generation], number)
    parsed = slots.parse_hdf5(class_name, stored.names)
    variables = ["a/kernel", "a/bias", "b/kernel", "b/bias"]
    present = [attribute for attribute in parsed.slots if settings.get("momentum") or attribute != "momentums"]
    order = slots.hdf5_order(class_name, generation, variables, present, [(3, 4), (4,), (4, 2), (2,)])
    tails = [name.removeprefix("cond_1/").removeprefix("cond/") for name in stored.names]
    if "loss_scale" in settings and generation == "new":
        tails = [name if name == "iteration:0" else f"{class_name}/{name}" for name in tails]
    assert [name for name, _, _ in order] == tails
    for position, (_, attribute, index) in enumerate(order):
        expected = {"iteration": parsed.iteration, **parsed.scalars}.get(attribute)
        if attribute in parsed.slots:
            expected = parsed.slots[attribute][index]
        assert expected in (position, None)
        assert attribute != slots.ZEROS or class_name == "SGD"


def _model(weights: list[np.ndarray]) -> keras.Model:
    layers = [keras.Input((3,)), keras.layers.Dense(4, activation="tanh", name="a"), keras.layers.Dense(2, name="b")]
    model = keras.Sequential(layers)
    model.set_weights(weights)
    return model


def _place(optimizer: Any, class_name: str, stored: Stored) -> None:
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    parsed = slots.parse_hdf5(class_name, stored.names)
    optimizer.iterations.assign(stored.arrays[parsed.iteration])
    for attribute, indices in parsed.slots.items():
        for variable, index in zip(getattr(optimizer, attribute, None) or (), indices, strict=False):
            if index is not None:
                variable.assign(stored.arrays[index])
    for attribute, index in parsed.scalars.items():
        getattr(optimizer, attribute).assign(stored.arrays[index])
    if class_name == "Nadam" and not parsed.scalars:
        optimizer._u_product.assign(slots.nadam_product(3, optimizer.beta_1))


@every
def test_training_goes_on_as_in_tf_keras(case, trained):
    generation, number = case
    class_name, _ = CASES[generation][number]
    stored = Stored(trained[generation], number)
    model = _model(stored.weights)
    context = Context("2.21.0")
    compile_with(model, up_training(stored.training_config, context))
    model.optimizer.build(model.trainable_variables)
    _place(model.optimizer, class_name, stored)
    for _ in range(3):
        model.train_on_batch(stored.data["x"], stored.data["y"])
    mine = model.get_weights()
    theirs = [stored.after[f"weight/{i}"] for i in range(len(mine))]
    difference = max(np.abs(a - b).max() for a, b in zip(mine, theirs, strict=True))
    assert context.losses == [] and difference < 1e-5


def test_the_tables_are_the_lists_that_keras_has():
    """Each attribute exists in the real class, in the order of the table."""
    settings: dict[str, dict[str, Any]] = {
        "SGD": {"momentum": 0.9},
        "Adam": {"amsgrad": True},
        "AdamW": {"amsgrad": True},
        "RMSprop": {"momentum": 0.9, "centered": True},
    }
    for class_name, rows in OPTIMIZERS.items():
        optimizer = getattr(keras.optimizers, class_name)(**settings.get(class_name, {}), use_ema=True)
        optimizer.build([keras.Variable(np.zeros((2, 3)), name="kernel"), keras.Variable(np.zeros(3), name="bias")])
        for row in slots.keras3_attributes(class_name):
            listed = getattr(optimizer, row.keras3)
            assert len(listed) == 2
            assert all(variable.path.endswith(row.name3) for variable in listed)
        for scalar in slots.scalars(class_name):
            assert isinstance(getattr(optimizer, scalar.keras3), keras.Variable)
        for row in rows:
            assert slots.legacy_name(class_name, row.keras3) == row.legacy


def test_keras_3_files_are_read():
    model = _model([np.zeros((3, 4)), np.zeros(4), np.zeros((4, 2)), np.zeros(2)])
    for class_name in OPTIMIZERS:
        optimizer = getattr(keras.optimizers, class_name)()
        optimizer.build(model.trainable_variables)
        names = [variable.path for variable in optimizer.variables]
        parsed = slots.parse_hdf5(class_name, names)
        assert (parsed.generation, parsed.iteration, parsed.learning_rate) == ("keras3", 0, 1)
        for attribute, indices in parsed.slots.items():
            mine = [optimizer.variables[index] for index in indices]
            assert [id(variable) for variable in mine] == [id(each) for each in getattr(optimizer, attribute)]


STANDALONE = {
    "2.2 Adam": (
        "Adam",
        ["Adam/iterations:0", *(f"training/Adam/Variable{'' if i == 0 else f'_{i}'}:0" for i in range(6))],
        [(), (3, 2), (2,), (3, 2), (2,), (1,), (1,)],
        {"_momentums": (1, 2), "_velocities": (3, 4)},
    ),
    "2.0 Adam": (
        "Adam",
        ["Adam/iterations:0", *(f"training/Adam/Variable_{i}:0" for i in range(6))],
        [(), (3, 2), (2,), (4,), (3, 2), (2,), (4,)],
        {"_momentums": (1, 2, 3), "_velocities": (4, 5, 6)},
    ),
    "1.x RMSprop": ("RMSprop", ["param_0", "param_1"], [(3, 2), (2,)], {"_velocities": (0, 1)}),
    "2.2 SGD": ("SGD", ["SGD/iterations:0", "Variable_1:0"], [(), (3,)], {"momentums": (1,)}),
    "2.3 Adam": (
        "Adam",
        ["Adam/iterations:0", *(f"training/Adam/{k}_{i}:0" for k in ("m", "v", "vhat") for i in range(2))],
        [(), (3, 2), (2,), (3, 2), (2,), (1,), (1,)],
        {"_momentums": (1, 2), "_velocities": (3, 4), "_velocity_hats": (5, 6)},
    ),
    "2.3 Adadelta": (
        "Adadelta",
        ["iterations:0", "Adadelta/accumulator_0:0", "Adadelta/delta_accumulator_0:0"],
        [(), (3,), (3,)],
        {"_accumulated_grads": (1,), "_accumulated_delta_vars": (2,)},
    ),
}


@pytest.mark.parametrize("name", STANDALONE)
def test_standalone_keras_is_read(name):
    class_name, names, shapes, expected = STANDALONE[name]
    parsed = slots.parse_hdf5(class_name, names, shapes)
    assert parsed.generation == "standalone" and parsed.unknown == ()
    assert parsed.iteration == (None if "RMSprop" in name else 0)
    assert parsed.slots == expected


def test_layers_may_be_called_like_slots():
    new = slots.parse_hdf5("Adam", ["iteration:0", "Adam/m/v/kernel:0", "Adam/v/v/kernel:0"])
    assert new.slots == {"_momentums": (1,), "_velocities": (2,)}
    assert new.variables["_velocities"] == ("v/kernel",)
    legacy = slots.parse_hdf5("Adam", ["Adam/iter:0", "Adam/m/kernel/m:0", "Adam/m/kernel/v:0"])
    assert legacy.slots == {"_momentums": (1,), "_velocities": (2,)}
    assert legacy.variables["_momentums"] == ("m/kernel",)


def test_what_is_unknown_is_named():
    parsed = slots.parse_hdf5("SGD", ["SGD/iter:0", "SGD/a/kernel/swing:0"])
    assert parsed.unknown == ("SGD/a/kernel/swing:0",)
    assert slots.parse_hdf5("Mine", ["Mine/iter:0", "Mine/a/m:0"]).unknown == ("Mine/a/m:0",)
    assert slots.parse_hdf5("Adam", []).unknown == ()


def test_two_variables_of_one_name_become_two_datasets():
    order = slots.hdf5_order("Adagrad", "legacy", ["kernel", "kernel"], ["_accumulators"])
    assert len({name for name, _, _ in order}) == 3


def test_metric_state_is_there_under_these_names():
    """Each cast names a variable of the real metric, with the type that Keras 3 has."""
    assert slots.metric_dtype("MeanIoU", "total_cm") == "float32"
    assert keras.metrics.MeanIoU(num_classes=2).total_cm.dtype == "int32"
    metric = keras.metrics.R2Score()
    metric.update_state(np.ones((2, 1)), np.zeros((2, 1)))
    assert metric.num_samples.dtype == "float32"
    assert slots.metric_dtype("R2Score", "num_samples") == "int32"
    assert slots.metric_dtype("AUC", "true_positives") is None
