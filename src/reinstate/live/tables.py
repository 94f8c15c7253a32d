"""What layers for text and categories have learned, out of the tables and variables of a SavedModel, into its config.

Only so does a model know its shapes when it is built: a vocabulary says how many places its counts have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from reinstate.archive.model import Archive, ObjectNode
from reinstate.archive.serialized import class_name, layer_name, settings, sublayers
from reinstate.errors import CorruptError, where

_TABLES = ("lookup_table", "_table")  # since TF 2.6, before
_LOOKUPS = ("_lookup_layer", "_index_lookup_layer")  # in a TextVectorization
_COUNTERS = ("num_documents", "num_elements", "summary", "state_variables")  # what adapting leaves behind


@dataclass(slots=True)
class Learned:
    """The config with what was learned in it, and the nodes of the variables that are no weights of the model then."""

    config: Mapping[str, Any] | None
    nodes: set[int] = field(default_factory=set)


def learned(archive: Archive) -> Learned:
    """Put vocabularies, weights and boundaries into the config of the archive.

    Raises:
        CorruptError: a table does not hold a vocabulary.
    """
    if archive.config is None:
        return Learned(None)
    reader = _Reader(archive)
    config = reader.model(archive.config, 0, 0)
    return Learned(config, reader.nodes)


def learned_by(archive: Archive, item: Mapping[str, Any], node: int) -> Mapping[str, Any]:
    """``learned`` for one layer, of a node."""
    return _Reader(archive).layer(item, node, 0)


@dataclass(slots=True)
class _Reader:
    archive: Archive
    nodes: set[int] = field(default_factory=set)

    def model(self, item: Mapping[str, Any], node: int, depth: int) -> Mapping[str, Any]:
        """A model's config, its layers' among it."""
        layers = sublayers(item)
        if not layers or depth > 100:
            return item
        by_name = self._by_name(node)
        changed = [self.layer(layer, by_name.get(layer_name(layer)), depth) for layer in layers]
        if all(new is old for new, old in zip(changed, layers, strict=True)):
            return item
        inner = item["config"]
        return {**item, "config": {**inner, "layers": changed} if isinstance(inner, Mapping) else changed}

    def _by_name(self, node: int) -> dict[str, int]:
        """The nodes of a model's layers by their names."""
        nodes = self.archive.nodes
        return {
            str(metadata["name"]): child
            for edge, child in nodes[node].children.items()
            if edge.startswith("layer") and (metadata := nodes[child].metadata) is not None and "name" in metadata
        }

    def layer(self, item: Mapping[str, Any], node: int | None, depth: int) -> Mapping[str, Any]:
        """A layer's config."""
        if node is None:
            return item
        find = _FINDERS.get(class_name(item))
        if find is None:
            return self.model(item, node, depth + 1)
        with where(f"layer {layer_name(item)!r}"):
            found = find(
                self, {**settings(self.archive.nodes[node].metadata), **settings(item)}, self.archive.nodes[node]
            )
        return {**item, "config": {**settings(item), **found}} if found else item

    def variable(self, node: ObjectNode | None, name: str) -> np.ndarray[Any, Any] | None:
        """The value of a variable that hangs on a node."""
        child = None if node is None else self.archive.child(node, name)
        if child is None or child.variable is None or child.variable.tensor is None:
            return None
        return self.archive.tensors.read([child.variable.tensor])[0]

    def forget(self, node: ObjectNode) -> None:
        """Do not miss the variables in which layers count while they adapt."""
        for name in _COUNTERS:
            if name in node.children:
                child = node.children[name]
                self.nodes.update({child, *self.archive.nodes[child].children.values()})

    # Layer by layer ------------------------------------------------------------------------------------------------

    def lookup(self, config: Mapping[str, Any], node: ObjectNode) -> dict[str, Any]:
        """The vocabulary of a StringLookup or IntegerLookup."""
        self.forget(node)
        edge = next((name for name in _TABLES if name in node.children), None)
        if edge is None or node.children[edge] not in self.archive.tables:
            return {}
        table = self.archive.tables[node.children[edge]]()
        keys, values = (table.values, table.keys) if config.get("invert") else (table.keys, table.values)
        tokens, places = _in_order(keys, values)
        found = _without_special(tokens, places, config)
        given = config.get("has_input_vocabulary", config.get("has_static_table", False))
        return {**found, "has_input_vocabulary": bool(given), "vocabulary_size": None}

    def text(self, config: Mapping[str, Any], node: ObjectNode) -> dict[str, Any]:
        """The vocabulary of a TextVectorization, and its weights."""
        inner = next((self.archive.child(node, name) for name in _LOOKUPS if name in node.children), None)
        if inner is None:
            return {}
        # Its lookup knows the mask only where the indices come out as they are.
        mode = config.get("output_mode", "int")
        masked = {"mask_token": "" if mode in (None, "int") else None, "num_oov_indices": 1, "oov_token": "[UNK]"}
        found = self.lookup({**config, **masked, "invert": False}, inner)
        found.pop("num_oov_indices", None)
        weights = self.variable(inner, "idf_weights")
        counting = self.archive.child(node, "_vectorize_layer")
        if counting is not None:
            self.forget(counting)
            weights = self.variable(counting, "tf_idf_weights")
            self.nodes |= {counting.children[name] for name in ("tf_idf_weights",) if name in counting.children}
        self.forget(node)
        if weights is not None and found.get("vocabulary"):
            vocabulary = ["[UNK]", *found["vocabulary"]]
            return {**found, "vocabulary": vocabulary, "idf_weights": weights[: len(vocabulary)].tolist()}
        return found

    def weighted(self, config: Mapping[str, Any], node: ObjectNode) -> dict[str, Any]:
        """The weights of a lookup that counts."""
        found = self.lookup(config, node)
        weights = self.variable(node, "idf_weights")
        if weights is None or not found.get("vocabulary"):
            return found
        special = [config.get("oov_token", "[UNK]")] * int(config.get("num_oov_indices", 1))
        vocabulary = [*special, *found["vocabulary"]]
        return {**found, "vocabulary": vocabulary, "idf_weights": weights[: len(vocabulary)].tolist()}

    def encoding(self, config: Mapping[str, Any], node: ObjectNode) -> dict[str, Any]:
        """The number of categories that a CategoryEncoding of TF 2.3 to 2.5 has counted."""
        self.forget(node)
        count = self.variable(node, "num_elements")
        return {} if count is None or count.shape != () else {"max_tokens": int(count)}

    def boundaries(self, config: Mapping[str, Any], node: ObjectNode) -> dict[str, Any]:
        """The boundaries that a Discretization has found."""
        self.forget(node)
        summary, bins = self.variable(node, "summary"), config.get("num_bins")
        if summary is None or not isinstance(bins, int) or bins < 1 or config.get("bin_boundaries") is not None:
            return {}
        if summary.ndim != 2 or len(summary) != 2:
            raise CorruptError(f"the summary of its data has the shape {summary.shape}, not (2, n)")
        return {"bin_boundaries": _quantiles(summary, bins)} if summary.shape[1] else {}


_FINDERS: dict[str, Callable[[_Reader, Mapping[str, Any], ObjectNode], dict[str, Any]]] = {
    "StringLookup": _Reader.weighted,
    "IntegerLookup": _Reader.weighted,
    "TextVectorization": _Reader.text,
    "CategoryEncoding": _Reader.encoding,
    "Discretization": _Reader.boundaries,
}


def _in_order(keys: np.ndarray[Any, Any], values: np.ndarray[Any, Any]) -> tuple[list[Any], np.ndarray[Any, Any]]:
    """Tokens by their indices, and the indices."""
    if keys.ndim != 1 or keys.shape != values.shape or values.dtype.kind not in "iu":
        raise CorruptError(f"a table of {keys.dtype} {keys.shape} and {values.dtype} {values.shape} is no vocabulary")
    order = np.argsort(values, kind="stable")
    return [_plain(token) for token in keys[order].tolist()], values[order]


def _plain(token: Any) -> Any:
    return token.decode("utf-8", "surrogateescape") if isinstance(token, bytes) else token


def _without_special(tokens: list[Any], places: np.ndarray[Any, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    """The tokens without the mask and that for what is not there; TF 2.3 to 2.5 keep these in the table, too."""
    mask = config.get("mask_token", config.get("mask_value"))
    unknown = config.get("num_oov_indices", 1)
    masks = int(mask is not None and config.get("output_mode", "int") in (None, "int"))
    start = masks + unknown
    if (
        config.get("invert")
        and len(places) > masks
        and places[0] == 0
        and tokens[masks] != config.get("oov_token", config.get("oov_value"))
    ):
        unknown, start = 0, masks
    kept = places >= start
    if not np.array_equal(places[kept], np.arange(start, start + kept.sum())):
        raise CorruptError(f"the indices of its vocabulary are not those from {start} on")
    return {"vocabulary": [t for t, keep in zip(tokens, kept, strict=True) if keep] or None, "num_oov_indices": unknown}


def _quantiles(summary: np.ndarray[Any, Any], bins: int) -> list[float]:
    """The boundaries of bins of one weight each: what tf.keras' ``compress`` makes of a summary."""
    epsilon = 1.0 / bins
    if summary.shape[1] * epsilon < 1:
        found = summary[0]
    else:
        percents = epsilon + np.arange(0.0, 1.0, epsilon)
        cumulated = summary[1].cumsum()
        found = np.interp(percents, cumulated / cumulated[-1], summary[0])
    return [float(value) for value in found[:-1].astype(np.float32)]
