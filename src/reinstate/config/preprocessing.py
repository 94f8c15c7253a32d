"""Layers for text and categories, which Keras 3 has only where TensorFlow is; ``live/keras2`` has them without.

Their vocabularies stand in the config where ``live/tables.py`` has put them: files keep those of adapted layers in
tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reinstate.config.fields import layer, own_layer
from reinstate.config.lens import Config, Context, Convert, Drop, Forget, Late, Lens, New, Rename, Row
from reinstate.config.objects import OWN

_UNSALTED = [0xDECAFCAFFE] * 2  # what TF 2.3 to 2.5 write for a layer without a salt
_MODES = {"binary": "multi_hot", "tf-idf": "tf_idf"}
_STANDARDIZE = frozenset(["lower_and_strip_punctuation", "lower", "strip_punctuation"])
_SPLIT = frozenset(["whitespace", "character"])


@dataclass(frozen=True, slots=True)
class _Formerly:
    """A key that old versions call ``old``."""

    old: str
    key: str

    def up(self, config: Config, context: Context) -> Config:
        return {self.key if key == self.old else key: value for key, value in config.items()}

    def down(self, config: Config, context: Context) -> Config:
        return config


@dataclass(frozen=True, slots=True)
class _Learned:
    """Boundaries that ``adapt`` has found: Keras 2 takes them, or the number of bins to find, not both."""

    key: str = "bin_boundaries"

    def up(self, config: Config, context: Context) -> Config:
        return config

    def down(self, config: Config, context: Context) -> Config:
        if config.get("bin_boundaries") is None:
            return config
        return {**config, "num_bins": None}


@dataclass(frozen=True, slots=True)
class _Padding:
    """Up to TF 2.5 it is on where there is nothing to fill up to, too."""

    key: str = "pad_to_max_tokens"

    def up(self, config: Config, context: Context) -> Config:
        return config if config.get("max_tokens") is not None else {**config, self.key: False}

    def down(self, config: Config, context: Context) -> Config:
        return config


def _mode(value: Any, context: Context) -> Any:
    return _MODES.get(value, value) if isinstance(value, str) else value


def _dense(value: Any, context: Context) -> Any:
    if value:
        context.lose("sparse outputs come dense")
    return value


def _padded(value: Any, context: Context) -> Any:
    if value:
        context.lose("ragged outputs come filled up with zeros")
    return value


def _vocabulary(value: Any, context: Context) -> Any:
    if isinstance(value, str):
        context.refuse(f"the file {value!r:.200} of the machine that saved the model is not in the archive")
        return None
    return value


def _integers(value: Any, context: Context) -> Any:
    """The dtype of indices; up to TF 2.5 that of the tokens stood there."""
    name = value["config"].get("name") if isinstance(value, Mapping) and "config" in value else value
    return (
        {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "int64"}, "registered_name": None}
        if name == "string"
        else value
    )


def _salt(value: Any, context: Context) -> Any:
    return None if isinstance(value, list | tuple) and list(value) == _UNSALTED else value


def _function(known: frozenset[str]) -> Any:
    """A step of the text's way: one of those that have names, or a function of the caller's."""

    def up(value: Any, context: Context) -> Any:
        name = value.get("config") if isinstance(value, Mapping) else value
        if name is None or (isinstance(name, str) and name in known):
            return name
        bare = name.rpartition(">")[2] if isinstance(name, str) else ""
        found = next((each for each in (name, bare) if isinstance(each, str) and each in context.custom), None)
        if found is None:
            context.refuse(f"function {name!r:.100} is unknown; pass it in custom_objects")
            return None
        return {"module": "builtins", "class_name": "function", "config": found, "registered_name": found}

    return up


def _function_down(value: Any, context: Context) -> Any:
    return value.get("config") if isinstance(value, Mapping) else value


_MODE = Convert("output_mode", _mode)
_SPARSE = Convert("sparse", _dense)
_HOW_ADAPTED: tuple[Lens, ...] = (
    Forget(frozenset(["has_static_table", "vocab_size"])),
    Convert("vocabulary", _vocabulary),
    New("vocabulary_size"),
    New("has_input_vocabulary"),
    _Padding(),
)
_LOOKUP = "max_tokens num_oov_indices mask_token oov_token idf_weights invert"


def _lookup(class_name: str, *lenses: Lens) -> Row:
    # In Keras 3 a salt and the method for what is not in the vocabulary came later; only the first method is Keras 2's.
    later = (Drop("oov_method", only=("farmhash", "floormod", None)), Drop("salt", only=(None,)))
    return own_layer(class_name, _LOOKUP, *lenses, *later, _MODE, _SPARSE, *_HOW_ADAPTED)


HOST_LAYERS: dict[str, Row] = {
    "StringLookup": _lookup(
        "StringLookup", Convert("dtype", _integers), Convert("encoding", lambda value, context: value)
    ),
    "IntegerLookup": _lookup(
        "IntegerLookup",
        _Formerly("max_values", "max_tokens"),
        _Formerly("mask_value", "mask_token"),
        _Formerly("oov_value", "oov_token"),
        Late("vocabulary_dtype", "int64"),
    ),
    "TextVectorization": own_layer(
        "TextVectorization",
        "max_tokens ngrams output_sequence_length idf_weights",
        Convert("standardize", _function(_STANDARDIZE), _function_down),
        Convert("split", _function(_SPLIT), _function_down),
        Convert("ragged", _padded),
        Late("encoding", "utf-8"),
        _MODE,
        _SPARSE,
        *_HOW_ADAPTED,
    ),
    "Hashing": own_layer(
        "Hashing",
        "num_bins",
        Convert("salt", _salt),
        Late("mask_value", None),
        Late("output_mode", "int"),
        Late("sparse", False),
        _MODE,
        _SPARSE,
    ),
    "HashedCrossing": own_layer("HashedCrossing", "num_bins", _MODE, _SPARSE),
    "CategoryCrossing": own_layer("CategoryCrossing", "depth separator"),
    "CategoryEncoding:weighted": own_layer(
        "WeightedCategoryEncoding",
        "",
        Rename("max_tokens", "num_tokens"),
        Convert(
            "output_mode", _mode, lambda value, context: {"tf_idf": "tf-idf", "multi_hot": "binary"}.get(value, value)
        ),
        Drop("sparse", only=(False, None), fatal=False),
    ),
    "Discretization": layer(
        "Discretization",
        "output_mode epsilon num_bins sparse",
        Drop("trainable"),
        Rename("bins", "bin_boundaries"),
        _Learned(),
    ),
}

_OURS = frozenset(row.class_name for row in HOST_LAYERS.values() if row.module == OWN)


def reinstated(config: Any, context: Context) -> Any:
    """Return a Keras 3 config in which this package's layers stand for Keras' own that need TensorFlow."""
    if isinstance(config, list | tuple):
        return type(config)(reinstated(item, context) for item in config)
    if not isinstance(config, Mapping):
        return config
    result = {key: reinstated(value, context) for key, value in config.items()}
    name = config.get("class_name")
    if config.get("module") == "keras.layers" and name in _OURS and isinstance(config.get("config"), Mapping):
        inner = HOST_LAYERS[name].up(config["config"], context)
        return {**result, "module": OWN, "config": inner, "registered_name": f"{OWN}>{name}"}
    return result
