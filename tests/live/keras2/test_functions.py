"""Op layers: every function of the table against TensorFlow, from its files and back into them."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import reinstate
from reinstate.config.functions import FUNCTIONS as LISTED
from reinstate.live.keras2.ops import FUNCTIONS
from tests.oracle import function_cases

GROUP = 60
GROUPS = [function_cases.CASES[start : start + GROUP] for start in range(0, len(function_cases.CASES), GROUP)]
# Files cannot hold calls of these: Keras 2 keeps only the first argument, the others are refused as missing.
UNSAVED = ("__operators__.eq", "__operators__.ne", "einsum", "linalg.einsum")


@pytest.fixture(scope="module")
def written(oracle, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What tf_keras made of the cases: models in HDF5, their answers, the symbols in them; and ours, saved again."""
    directory = tmp_path_factory.mktemp("functions")
    about = oracle("functions.write", groups=GROUPS, directory=str(directory), out=str(directory / "answers.npz"))
    about["directory"] = directory
    about["answers"] = dict(np.load(directory / "answers.npz"))
    return about


@pytest.fixture(scope="module")
def models(written: dict[str, Any]) -> list[Any]:
    return [reinstate.load_model(written["directory"] / f"{number}.h5", compile=False) for number in range(len(GROUPS))]


def assert_agree(case: str, mine: np.ndarray, theirs: np.ndarray) -> None:
    """The same shape and dtype, but for 64 bits, and numbers within 1e-5 (a step of float16)."""
    dtype = {"int64": "int32", "float64": "float32"}.get(str(theirs.dtype), str(theirs.dtype))
    assert (mine.shape, str(mine.dtype)) == (theirs.shape, dtype), case
    tolerance = 1e-3 if dtype == "float16" else 1e-5
    np.testing.assert_allclose(
        mine.astype("float64"), theirs.astype("float64"), rtol=tolerance, atol=tolerance, err_msg=case
    )


def cases_of(made: list[list[Any]]) -> list[str]:
    return [case for case, size in made for _ in range(size)]


def test_both_tables_are_one() -> None:
    assert {symbol: function.parameters for symbol, function in FUNCTIONS.items()} == LISTED


def test_every_function_is_asked_of_tensorflow(written: dict[str, Any]) -> None:
    assert written["failed"] == {}
    assert set(written["symbols"]) <= set(FUNCTIONS)
    # An alias that no file of this version names runs what another symbol in the files runs.
    asked = {id(FUNCTIONS[symbol].run) for symbol in written["symbols"]}
    assert {symbol for symbol in FUNCTIONS if id(FUNCTIONS[symbol].run) not in asked} == set(UNSAVED)


@pytest.mark.parametrize("number", range(len(GROUPS)))
def test_what_tensorflow_computes_is_computed(written: dict[str, Any], models: list[Any], number: int) -> None:
    batch = function_cases.data()
    answers = models[number]([batch[name] for name in function_cases.INPUTS])
    for k, case in enumerate(cases_of(written["made"][number])):
        mine, outline = np.asarray(answers[k]), models[number].outputs[k]
        assert_agree(case, mine, written["answers"][f"{number}/{k}"])
        assert str(outline.dtype) == str(mine.dtype), case
        assert all(side in (None, size) for side, size in zip(outline.shape, mine.shape, strict=True)), case


def test_tensorflow_opens_what_is_saved_here(oracle, written: dict[str, Any], models: list[Any]) -> None:
    paths = []
    for number, model in enumerate(models):
        paths.append(written["directory"] / f"ours_{number}.h5")
        reinstate.save_model(model, paths[-1])
    out = written["directory"] / "again.npz"
    assert oracle("functions.read", paths=list(map(str, paths)), out=str(out)) == len(written["answers"])
    with np.load(out) as again:
        for key, value in written["answers"].items():
            assert again[key].dtype == value.dtype
            np.testing.assert_allclose(again[key], value, rtol=1e-6, atol=1e-6, err_msg=key)


def test_traced_as_a_whole_shapes_stay_known(models: list[Any]) -> None:
    """``predict`` compiles the model: ``tf.reshape(x, [tf.shape(x)[0], 24])`` must not depend on traced values."""
    number = next(i for i, group in enumerate(GROUPS) if "tf.reshape(x, [tf.shape(x)[0], 24])" in group)
    batch = function_cases.data()
    inputs = [batch[name] for name in function_cases.INPUTS]
    jitted = jax.jit(lambda values: models[number](values))(inputs)
    for mine, eager in zip(jitted, models[number](inputs), strict=True):
        np.testing.assert_allclose(np.asarray(mine, "float64"), np.asarray(eager, "float64"), rtol=1e-4, atol=1e-5)
