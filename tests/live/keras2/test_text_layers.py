"""Layers for text and categories give what real tf.keras gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reinstate.layers
from reinstate.errors import UnsafeError
from reinstate.graph.fingerprints import fingerprint64, fingerprint_cat, siphash
from tests.oracle import text_models
from tests.oracle.scripts import text

RECORD = Path(__file__).with_name("hashes.npz")


@pytest.fixture(scope="module")
def expected(oracle) -> list[dict[str, Any]]:
    return oracle("text.layers")


def label(case: tuple[Any, ...]) -> str:
    return f"{case[0]}-{','.join(case[1])}"


@pytest.mark.parametrize("index", range(len(text_models.CASES)), ids=[label(case) for case in text_models.CASES])
def test_a_layer_gives_what_tf_keras_gives(expected, index: int) -> None:
    name, arguments, adapt, given = text_models.CASES[index]
    layer = getattr(reinstate.layers, name)(**arguments)
    if adapt is not None:
        layer.adapt(np.array(adapt))
    assert_equal(layer(np.array(given)), expected[index])
    if expected[index]["vocabulary"] is not None:
        assert layer.get_vocabulary() == expected[index]["vocabulary"]
    again = type(layer).from_config(layer.get_config())
    assert_equal(again(np.array(given)), expected[index])


@pytest.mark.parametrize("index", range(len(text_models.CROSSED)))
def test_a_crossing_gives_what_tf_keras_gives(expected, index: int) -> None:
    left, right, arguments = text_models.CROSSED[index]
    value = reinstate.layers.HashedCrossing(**arguments)([np.array(left), np.array(right)])
    assert_equal(value, expected[len(text_models.CASES) + index])


def assert_equal(mine: np.ndarray, theirs: dict[str, Any]) -> None:
    assert list(mine.shape) == theirs["shape"]
    if mine.dtype == object:
        assert [[item.hex() for item in row] for row in mine.tolist()] == theirs["value"]
    else:
        np.testing.assert_allclose(mine, np.array(theirs["value"]), rtol=1e-6)


def bucket(hashes: np.ndarray, count: int) -> np.ndarray:
    return (hashes % np.uint64(count)).astype(np.int64)


def test_hashes_are_those_that_tensorflow_recorded() -> None:
    record, strings = np.load(RECORD), text.hashed_strings()
    fast = fingerprint64(strings)
    numbers = np.arange(-5, len(strings) - 5).view(np.uint64)
    start = np.full(len(strings), 0xDECAFCAFFE, np.uint64)
    crossed = fingerprint_cat(fingerprint_cat(start, fast), fast[::-1])
    mixed = fingerprint_cat(fingerprint_cat(fingerprint_cat(start, numbers), fast), numbers)
    np.testing.assert_array_equal(bucket(fast, 2**63 - 1), record["fast"])
    np.testing.assert_array_equal(bucket(siphash(strings, (133, 2**40 + 7)), 2**63 - 1), record["strong"])
    np.testing.assert_array_equal(bucket(crossed, 2**62), record["crossed"])
    np.testing.assert_array_equal(bucket(mixed, 2**62), record["mixed"])


def test_the_record_of_hashes_is_what_tensorflow_says(oracle, tmp_path: Path) -> None:
    oracle("text.hashes", out=str(tmp_path / "hashes.npz"))
    fresh = np.load(tmp_path / "hashes.npz")
    for name, recorded in np.load(RECORD).items():
        np.testing.assert_array_equal(fresh[name], recorded)


def test_category_crossing_joins_what_tf_2_3_documents() -> None:
    layer = reinstate.layers.CategoryCrossing()
    assert layer([np.array([[1], [4]]), np.array([[2], [5]]), np.array([[3], [6]])]).tolist() == [
        [b"1_X_2_X_3"],
        [b"4_X_5_X_6"],
    ]
    pairs = reinstate.layers.CategoryCrossing(depth=2, separator="-")
    assert pairs([np.array(["a"]), np.array(["b"])]).tolist() == [[b"a", b"b", b"a-b"]]


def test_functions_of_the_callers_get_text() -> None:
    layer = reinstate.layers.TextVectorization(
        standardize=np.char.upper, split=lambda texts: [item.split("|") for item in texts], vocabulary=["A", "B C"]
    )
    assert layer(np.array(["a|b c", "x"])).tolist() == [[2, 3], [1, 0]]


def test_a_config_cannot_name_a_file(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("red\nblue\n")
    layer = reinstate.layers.StringLookup(vocabulary=str(path))
    assert layer.get_vocabulary() == ["[UNK]", "red", "blue"]
    with pytest.raises(UnsafeError, match=r"words\.txt"):
        reinstate.layers.StringLookup.from_config({**layer.get_config(), "vocabulary": str(path)})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"vocabulary": ["a", "a"]}, "repeated"),
        ({"vocabulary": ["a", "m"], "mask_token": "m"}, "mask_token"),
        ({"vocabulary": ["a", "b"], "max_tokens": 2}, "more than max_tokens"),
        ({"pad_to_max_tokens": True}, "max_tokens"),
        ({"output_mode": "tf_idf", "vocabulary": ["a"]}, "idf_weights"),
        ({"output_mode": "other"}, "output_mode"),
        ({"dtype": "float32"}, "float32"),
    ],
)
def test_what_tf_keras_refuses_is_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        reinstate.layers.StringLookup(**arguments)


def test_a_word_without_a_place_is_named() -> None:
    layer = reinstate.layers.StringLookup(vocabulary=["a"], num_oov_indices=0)
    with pytest.raises(ValueError, match="what"):
        layer(np.array(["what"]))
