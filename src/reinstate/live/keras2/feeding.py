"""The data that goes into a model with layers on the host: arrays, datasets and generators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from reinstate.live import _keras
from reinstate.live.keras2.strings import Array, as_strings


def inputs_of(graph: Any, x: Any) -> list[Any]:
    """The inputs of a model in its order, out of a dictionary, a list, or one alone.

    Raises:
        ValueError: some are missing.
    """
    tensors, keys = list(graph.inputs), _keras.input_keys(graph)
    if isinstance(x, Mapping):
        missing = [key for key, tensor in zip(keys, tensors, strict=True) if key not in x and tensor.name not in x]
        if missing:
            raise ValueError(f"inputs are missing: {', '.join(map(str, missing))}; there are {', '.join(map(str, x))}")
        return [x[key] if key in x else x[tensor.name] for key, tensor in zip(keys, tensors, strict=True)]
    if len(tensors) == 1:
        only_one = isinstance(x, list | tuple) and len(x) == 1 and hasattr(x[0], "shape")
        return [x[0] if only_one else x]
    if not isinstance(x, list | tuple) or len(x) != len(tensors):
        raise ValueError(f"{len(tensors)} inputs are wanted: {', '.join(map(str, keys))}")
    return list(x)


def ranked(value: Any, tensor: Any) -> Any:
    """An input in the rank and dtype that it is declared with.

    Raises:
        ValueError: its shape does not fit.
    """
    if _keras.is_traced(value):
        return value
    array = as_strings(value) if tensor.dtype == "string" else np.asarray(value).astype(tensor.dtype, copy=False)
    rank, wanted = array.ndim, len(tensor.shape)
    if rank == wanted - 1 and tensor.shape[-1] == 1:
        array = array[..., np.newaxis]
    elif rank == wanted + 1 and array.shape[-1] == 1:
        array = array[..., 0]
    fits = array.ndim == wanted and all(w in (None, n) for w, n in zip(tensor.shape, array.shape, strict=True))
    if not fits:
        raise ValueError(f"input {tensor.name!r} has the shape {array.shape}, not {tuple(tensor.shape)}")
    return array


def sliceable(graph: Any, x: Any) -> list[Array]:
    """The inputs as arrays that can be cut into batches."""
    return [
        np.asarray(item, object if t.dtype == "string" else None)
        for item, t in zip(inputs_of(graph, x), graph.inputs, strict=True)
    ]


def gives_batches(x: Any) -> bool:
    """Whether it is no array, but gives one batch after the other."""
    return isinstance(x, keras.utils.PyDataset) or hasattr(x, "__next__") or type(x).__name__ == "DataLoader"


def items(x: Any) -> Iterator[Any]:
    """The batches, each once."""
    return (x[i] for i in range(len(x))) if isinstance(x, keras.utils.PyDataset) else iter(x)


def through(x: Any, change: Callable[[Any], Any]) -> Any:
    """Data whose inputs are changed: arrays at once, the rest as it comes."""
    if isinstance(x, keras.utils.PyDataset):
        return _Mapped(x, change)
    if gives_batches(x):
        return (_changed(item, change) for item in x)
    return change(x)


def _changed(item: Any, change: Callable[[Any], Any]) -> Any:
    return (change(item[0]), *item[1:]) if isinstance(item, tuple) else (change(item),)


class _Mapped(keras.utils.PyDataset):  # type: ignore[misc]
    """A dataset whose inputs are taken through the layers on the host."""

    def __init__(self, inner: Any, change: Callable[[Any], Any]) -> None:
        super().__init__(inner.workers, inner.use_multiprocessing, inner.max_queue_size)
        self._inner, self._change = inner, change

    def __getitem__(self, index: int) -> Any:
        return _changed(self._inner[index], self._change)

    @property
    def num_batches(self) -> Any:
        return self._inner.num_batches

    def __len__(self) -> int:
        return len(self._inner)

    def on_epoch_begin(self) -> None:
        self._inner.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self._inner.on_epoch_end()


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Arrays in batches, each taken through the layers on the host by itself."""

    def __init__(self, arrays: tuple[Any, ...], size: int, shuffle: bool, change: Callable[[Any], Any]) -> None:
        super().__init__()
        self._arrays, self._size, self._change = arrays, size, change
        self._order = np.arange(len(arrays[0][0]))
        self._shuffle = shuffle
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self._order) // self._size)

    def __getitem__(self, index: int) -> Any:
        rows = self._order[index * self._size : (index + 1) * self._size]
        x, *others = keras.tree.map_structure(lambda a: None if a is None else np.asarray(a)[rows], list(self._arrays))
        while others and others[-1] is None:
            others.pop()
        return (self._change(x if len(x) > 1 else x[0]), *others)

    def on_epoch_end(self) -> None:
        """Take the samples in another order."""
        if self._shuffle:
            np.random.shuffle(self._order)


def own_validation(given: Mapping[str, Any]) -> dict[str, Any]:
    """Split the end of the data off to validate on, as Keras does, before it is cut into batches."""
    part = given.get("validation_split") or 0.0
    if not part or given.get("validation_data") is not None:
        return {}
    data = [given.get("x"), given.get("y"), given.get("sample_weight")]
    count = len(keras.tree.flatten(data[1])[0])
    at = int(np.floor(count * (1.0 - part)))
    first, last = (
        keras.tree.map_structure(lambda a, s=s: None if a is None else np.asarray(a)[s], data)
        for s in (slice(None, at), slice(at, None))
    )
    validation = tuple(last if last[2] is not None else last[:2])
    return {
        "x": first[0],
        "y": first[1],
        "sample_weight": first[2],
        "validation_data": validation,
        "validation_split": 0.0,
    }
