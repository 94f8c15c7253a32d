"""Weights that fit a model in part: which layers get which values is what tf_keras 2.21 says."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import reinstate
from reinstate.errors import LossyWarning, MismatchError, UnsupportedError
from tests.oracle import partial_models
from tests.oracle.partial_models import weights


@pytest.fixture(scope="module")
def stored(oracle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("partial") / "source"
    oracle("partial.write", path=str(path))
    return path


def target(name: str) -> keras.Model:
    keras.backend.clear_session()
    model = partial_models.TARGETS[name](keras)
    partial_models.fill(model, first=100.0)
    return model


def source(first: float = 0.0) -> keras.Model:
    keras.backend.clear_session()
    model = partial_models.source(keras)
    partial_models.fill(model, first)
    return model


def assert_equal(model: keras.Model, expected: list[np.ndarray]) -> None:
    assert len(expected) == len(model.weights)
    for variable, mine, theirs in zip(partial_models.variables(model), weights(model), expected, strict=True):
        np.testing.assert_array_equal(mine, theirs, err_msg=variable.path)


def read(path: Path) -> list[np.ndarray]:
    with np.load(path) as file:
        return [file[f"arr_{index}"] for index in range(len(file.files))]


OFFENDERS = {  # what does not fit, by target
    "grown": [],
    "other_shapes": ["hidden/kernel: shape (3, 5)", "out: 2 weights in the file"],
    "no_weights": ["inner: 6 weights in the file", "hidden: 2 weights in the file"],
    "alike": ["top_level_model_weights: 0 weights in the file"],
}


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("name", ["grown", "other_shapes", "no_weights", "alike"])
def test_layers_by_name(oracle, stored: Path, tmp_path: Path, name: str, skip: bool) -> None:
    path, values = stored.with_suffix(".h5"), tmp_path / "values.npz"
    error = oracle("partial.by_name", path=str(path), name=name, skip_mismatch=skip, values=str(values))
    model = target(name)
    before = weights(model)
    if error is not None:
        with pytest.raises(MismatchError) as caught:
            reinstate.load_weights(model, path, by_name=True, skip_mismatch=skip)
        assert error == "ValueError"
        assert str(caught.value).startswith("source.h5 > ")
        assert len(caught.value.offenders) == len(OFFENDERS[name])
        assert_equal(model, before)
    elif OFFENDERS[name]:
        with pytest.warns(LossyWarning) as warned:
            reinstate.load_weights(model, path, by_name=True, skip_mismatch=skip)
        assert len(warned) == 1 and skip
        assert len(warned[0].message.losses) == len(OFFENDERS[name])
        assert_equal(model, read(values))
    else:
        reinstate.load_weights(model, path, by_name=True, skip_mismatch=skip)
        assert_equal(model, read(values))


def test_every_difference_is_named(stored: Path) -> None:
    for name in ("other_shapes", "no_weights"):
        with pytest.raises(MismatchError) as caught:
            reinstate.load_weights(target(name), stored.with_suffix(".h5"), by_name=True)
        for expected in OFFENDERS[name]:
            assert any(offender.startswith(expected) for offender in caught.value.offenders), caught.value


def test_no_name_in_both_is_said(stored: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="alone")], name="lonely")
    before = weights(model)
    with pytest.warns(LossyWarning, match=r"no layer has a name.*both, inner, hidden, out in the file, alone"):
        reinstate.load_weights(model, stored.with_suffix(".h5"), by_name=True)
    assert_equal(model, before)


def test_names_need_hdf5(oracle, stored: Path, tmp_path: Path) -> None:
    values = str(tmp_path / "values.npz")
    assert oracle("partial.by_name", path=str(stored), name="grown", skip_mismatch=False, values=values)
    for path in (stored, stored.with_name("source_named")):
        with pytest.raises(UnsupportedError, match="by_name is for HDF5"):
            reinstate.load_weights(target("grown"), path, by_name=True)
        with pytest.raises(ValueError, match="by_name=True only"):
            reinstate.load_weights(target("grown"), path, skip_mismatch=True)
    keras.Model.save_weights(source(), tmp_path / "own.weights.h5")
    with pytest.raises(UnsupportedError, match="by_name is for HDF5"):
        reinstate.load_weights(source(), tmp_path / "own.weights.h5", by_name=True)


def test_keras_own_files_skip_without_names(tmp_path: Path) -> None:
    def model(units: int, first: float) -> keras.Model:
        keras.backend.clear_session()
        layers = [keras.layers.Dense(4, name="same"), keras.layers.Dense(units, name="other")]
        made = keras.Sequential([keras.Input((3,)), *layers], name="made")
        partial_models.fill(made, first)
        return made

    first = model(2, 0.0)
    keras.Model.save_weights(first, tmp_path / "own.weights.h5")
    reinstate.save_model(first, tmp_path / "own.keras")
    for name in ("own.weights.h5", "own.keras"):
        other = model(3, 100.0)
        with pytest.raises(MismatchError):
            reinstate.load_weights(other, tmp_path / name)
        assert_equal(other, weights(model(3, 100.0)))
        with pytest.warns(LossyWarning, match="other"):
            reinstate.load_weights(other, tmp_path / name, skip_mismatch=True)
        assert_equal(other, [*weights(first)[:2], *weights(model(3, 100.0))[2:]])


def test_under_register(stored: Path) -> None:
    reinstate.register()
    try:
        model = target("other_shapes")
        with pytest.warns(LossyWarning):
            model.load_weights(stored.with_suffix(".h5"), by_name=True, skip_mismatch=True)
        with pytest.warns(LossyWarning):
            model.load_weights(stored.with_suffix(".h5"), True, True)
    finally:
        reinstate.unregister()
    np.testing.assert_array_equal(weights(model)[0], weights(source())[0])


def test_another_structure_names_all_of_it(stored: Path) -> None:
    model = target("other_shapes")
    before = weights(model)
    with pytest.raises(MismatchError) as caught:
        reinstate.load_weights(model, stored)
    text = str(caught.value)
    assert "layer_with_weights-1/layer_with_weights-0/kernel/.ATTRIBUTES/VARIABLE_VALUE), not in the model" in text
    assert "wider/kernel: in the model, not in the file" in text
    assert "shape (3, 5) in the file (layer_with_weights-2/kernel/.ATTRIBUTES/VARIABLE_VALUE), (7, 5) in the" in text
    assert "out/bias" in text
    assert_equal(model, before)
    with pytest.raises(MismatchError, match=r"Layer count mismatch: 4 layers .*\(both, inner, hidden, out\), 2 in .*"):
        reinstate.load_weights(target("no_weights"), stored.with_suffix(".h5"))


def test_a_checkpoint_of_more_is_said(stored: Path) -> None:
    x = keras.Input((6, 3))
    y = keras.layers.Bidirectional(keras.layers.LSTM(2), name="both")(x)
    model = keras.Model(x, y)
    with pytest.warns(LossyWarning) as warned:
        reinstate.load_weights(model, stored)
    assert len(warned[0].message.losses) == 10
    assert_equal(model, weights(source())[:6])


def test_checkpoints_by_name(oracle, stored: Path, tmp_path: Path) -> None:
    named, part = stored.with_name("source_named"), stored.with_name("source_part")
    assert oracle("partial.named", path=str(named), values=str(tmp_path / "named.npz")) is None
    model = source(first=100.0)
    with pytest.warns(LossyWarning) as warned:
        reinstate.load_weights(model, named)
    assert_equal(model, read(tmp_path / "named.npz"))
    assert warned[0].message.losses == (
        "global_step: in the file, not in the model",
        "the slots of TF1's optimizer: 1 variables (out/kernel/Momentum)",
    )
    # tf_keras raises, too, but has assigned the values that are there by then.
    assert oracle("partial.named", path=str(part), values=str(tmp_path / "part.npz")) == "AssertionError"
    model = source(first=100.0)
    with pytest.raises(MismatchError) as caught:
        reinstate.load_weights(model, part)
    missing = ["both/forward_lstm/lstm_cell/kernel", "inner/norm/moving_variance", "out/bias"]
    assert any(f"{missing[0]}: in the model, not in the file" in text for text in caught.value.offenders)
    assert_equal(model, weights(source(first=100.0)))
    with pytest.warns(LossyWarning):
        reinstate.load_weights(model, part, options=reinstate.LoadOptions(allow_partial_checkpoint=True))
    assert_equal(model, read(tmp_path / "part.npz"))
