"""Layers for text and categories: the words of old versions, and what goes back to Keras 2."""

from __future__ import annotations

from typing import Any

import pytest

from reinstate.config import Context, down_layer, up_layer


def up(class_name: str, context: Context | None = None, **config: Any) -> dict[str, Any]:
    context = context or Context("2.15.0")
    item = up_layer({"class_name": class_name, "config": {"name": "a", **config}}, context)
    assert not context.offenders
    return item


@pytest.mark.parametrize(
    ("class_name", "old", "new"),
    [
        ("IntegerLookup", {"max_values": 9, "mask_value": 0}, {"max_tokens": 9, "mask_token": 0}),
        ("IntegerLookup", {"oov_value": -1}, {"oov_token": -1}),
        ("StringLookup", {"output_mode": "binary"}, {"output_mode": "multi_hot"}),
        ("TextVectorization", {"output_mode": "tf-idf"}, {"output_mode": "tf_idf"}),
        ("TextVectorization", {"pad_to_max_tokens": True, "max_tokens": None}, {"pad_to_max_tokens": False}),
        ("TextVectorization", {"pad_to_max_tokens": True, "max_tokens": 7}, {"pad_to_max_tokens": True}),
        ("Hashing", {"num_bins": 3, "salt": [956888297470, 956888297470]}, {"salt": None}),
        ("Hashing", {"num_bins": 3, "salt": [1, 2]}, {"salt": [1, 2]}),
    ],
)
def test_old_words_become_new(class_name: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    config = up(class_name, **old)["config"]
    assert new.items() <= config.items()
    assert not {"max_values", "mask_value", "oov_value"} & config.keys() - {"mask_value"} or class_name == "Hashing"


def test_indices_of_strings_are_integers() -> None:
    item = up("StringLookup", dtype="string")
    assert item["registered_name"] == "reinstate>StringLookup"
    assert item["config"]["dtype"]["config"] == {"name": "int64"}


def test_the_path_of_a_vocabulary_is_not_followed() -> None:
    context = Context("2.15.0")
    up_layer({"class_name": "StringLookup", "config": {"name": "a", "vocabulary": "/etc/passwd"}}, context)
    assert context.offenders == [
        "vocabulary > the file '/etc/passwd' of the machine that saved the model is not in the archive"
    ]


def test_functions_of_the_caller_are_asked_for() -> None:
    context = Context("2.15.0")
    up_layer({"class_name": "TextVectorization", "config": {"name": "a", "standardize": "mine"}}, context)
    assert "pass it in custom_objects" in context.offenders[0]
    item = up("TextVectorization", Context("2.15.0", custom=["mine"]), standardize="mine")
    assert item["config"]["standardize"]["config"] == "mine"
    assert down_layer(item, Context("2.15.0"))["config"]["standardize"] == "mine"


@pytest.mark.parametrize("key", ["sparse", "ragged"])
def test_outputs_that_come_dense_are_named(key: str) -> None:
    context = Context("2.15.0")
    up("TextVectorization", context, **{key: True})
    assert len(context.losses) == 1


def test_what_only_this_package_keeps_does_not_go_down() -> None:
    item = up("StringLookup", vocabulary=["a"], vocabulary_size=2, has_input_vocabulary=False, num_oov_indices=1)
    assert down_layer(item, Context("2.15.0"))["config"] == {
        "name": "a",
        "vocabulary": ["a"],
        "num_oov_indices": 1,
        "pad_to_max_tokens": False,
    }


def test_learned_boundaries_stand_alone_in_keras_2() -> None:
    item = up("Discretization", bin_boundaries=[0.5, 1.0], num_bins=3)
    assert down_layer(item, Context("2.15.0"))["config"] == {"name": "a", "bins": [0.5, 1.0], "num_bins": None}


def test_weighted_counts_of_tf_2_3_keep_their_words() -> None:
    item = up("CategoryEncoding", output_mode="tf-idf", max_tokens=4)
    assert item["class_name"] == "WeightedCategoryEncoding"
    assert down_layer(item, Context("2.15.0")) == {
        "class_name": "CategoryEncoding",
        "config": {"name": "a", "output_mode": "tf-idf", "max_tokens": 4},
    }
