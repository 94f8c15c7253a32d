"""Common user code: what TensorFlow saves of it runs here, and gives what it gives there."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import reinstate
from tests.graph.packing import unpack

MODELS = (
    *("assertions", "boxes", "branch_on_text", "characters", "clipped", "counting_table", "csv", "dense_table"),
    *("einsums", "grams", "hashed_words", "inverse_stft", "labels", "losses", "mapped_text", "matrices"),
    *("numbers_of_text", "parse_example", "parse_single", "pictures", "quantized", "ragged", "raw"),
    *("recurrence", "segments", "sets", "sorting", "sparse", "special", "spectrogram", "vocabulary_file", "word_table"),
)


@pytest.fixture(scope="session")
def models(oracle, tmp_path_factory):
    """A directory with the models, and an .npz beside each."""
    directory = tmp_path_factory.mktemp("user_models")
    assert set(MODELS) <= set(oracle("user_models.save", directory=str(directory)))
    (directory / "vocabulary.txt").unlink()
    return directory


def check(outputs, expected):
    assert set(outputs) == set(expected)
    for key, value in outputs.items():
        wanted, actual = expected[key], np.asarray(value)
        assert actual.shape == wanted.shape, key
        if wanted.dtype.kind == "f":
            np.testing.assert_allclose(actual, wanted, rtol=1e-5, atol=1e-5, err_msg=key)
        else:
            np.testing.assert_array_equal(actual, wanted, err_msg=key)


@pytest.mark.parametrize("name", MODELS)
def test_signature(models, name):
    with np.load(models / f"{name}.npz") as file:
        found = {key: unpack(value) for key, value in file.items()}
    inputs = {key.removeprefix("in/"): value for key, value in found.items() if key.startswith("in/")}
    function = reinstate.load(models / name).signatures["serving_default"]
    for turn in ("out", "again" if any(key.startswith("again/") for key in found) else "out"):
        expected = {key.removeprefix(f"{turn}/"): v for key, v in found.items() if key.startswith(f"{turn}/")}
        check(function(**inputs), expected)


def test_a_graph_of_tf1(oracle, tmp_path):
    oracle("user_models.save_v1", directory=str(tmp_path))
    with np.load(tmp_path / "v1.npz") as file:
        found = dict(file)
    inputs = {"x": found.pop("x")}
    module = reinstate.load(tmp_path / "v1")
    check(module.signatures["serving_default"](**inputs), found)
    check(jax.jit(module.signatures["serving_default"])(**inputs), found)
