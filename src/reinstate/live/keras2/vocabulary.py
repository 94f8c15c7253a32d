"""A vocabulary: tokens, and where each stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from reinstate.errors import UnsafeError
from reinstate.live.keras2.strings import Array, Ragged, as_array


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Tokens (bytes or integers) in the order of their indices."""

    tokens: tuple[Any, ...] = ()
    places: dict[Any, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "places", {token: place for place, token in enumerate(self.tokens)})

    def find(self, keys: Array) -> Array:
        """The place of each key, -1 where it is not there, in the shape of the keys."""
        get, flat = self.places.get, keys.ravel().tolist()
        return np.fromiter((get(key, -1) for key in flat), np.int64, len(flat)).reshape(keys.shape)


@dataclass(slots=True)
class Counts:
    """What ``adapt`` has seen: how often each token is there, in how many documents, and how many there were."""

    tokens: Counter[Any] = field(default_factory=Counter)
    documents_with: Counter[Any] = field(default_factory=Counter)
    documents: int = 0

    def add(self, documents: Iterable[Sequence[Any]]) -> None:
        """Count the tokens of documents."""
        for document in documents:
            self.tokens.update(document)
            self.documents_with.update(set(document))
            self.documents += 1

    def most_frequent(self, without: Iterable[Any]) -> list[Any]:
        """The tokens by how often they are there, those of one number by themselves, from the last to the first."""
        kept = self.tokens.keys() - set(without)
        return sorted(kept, key=lambda token: (self.tokens[token], token), reverse=True)

    def idf(self, tokens: Sequence[Any]) -> Array:
        """The inverse document frequencies, ``log(1 + documents / (1 + documents with the token))``."""
        return np.log(1 + self.documents / (1 + np.asarray([self.documents_with[token] for token in tokens], float)))


def split_special(tokens: list[Any], special: list[Any]) -> tuple[bool, list[Any]]:
    """Whether the tokens begin with the special ones, and the tokens without them."""
    found = tokens[: len(special)] == special
    return found, tokens[len(special) :] if found else tokens


def padded(weights: Array, front: int, depth: int) -> Array:
    """Weights with their mean for the ``front`` places before them, and zeros behind, up to ``depth``."""
    before = np.full(front, weights.mean() if front and len(weights) else 0.0)
    behind = np.zeros(max(0, depth - front - len(weights)))
    return np.concatenate([before, weights, behind])


def without_path(config: dict[str, Any]) -> dict[str, Any]:
    """The config as it is.

    Raises:
        UnsafeError: the vocabulary in it is the path of a file.
    """
    if isinstance(config.get("vocabulary"), str):
        raise UnsafeError(f"a config may not name a file to be read: vocabulary={config['vocabulary']!r:.200}")
    return config


def lines_of(path: str | Path) -> list[str]:
    """The tokens in a file of one to a line."""
    return Path(path).read_text(encoding="utf-8").splitlines()


def batches(data: Any, size: int) -> Iterator[Any]:
    """Arrays and lists in slices of ``size``; what gives batches itself, as it does."""
    if isinstance(data, Ragged):
        yield data
    elif isinstance(data, keras.utils.PyDataset):
        yield from (data[index] for index in range(len(data)))
    elif isinstance(data, list | tuple) or hasattr(data, "__array__"):
        array = as_array(data)
        yield from (array[at : at + size] for at in range(0, len(array), size)) if array.ndim else [array]
    elif isinstance(data, Iterable) and not isinstance(data, str | bytes):
        yield from data
    else:
        yield as_array(data)
