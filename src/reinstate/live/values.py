"""The values of an archive, read in one pass and put into the variables that they belong to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from reinstate.archive.model import Archive, TensorRef
from reinstate.live import _keras
from reinstate.live.layouts import MadeTensor
from reinstate.live.placed import Placed


class Reading:
    """Reads an archive's values in the background, while Keras builds the model that they belong to."""

    def __init__(self, archive: Archive, optimizer: bool, skip: bool = False) -> None:
        self._archive = archive
        self._refs = {} if skip else {ref.key: ref for ref in wanted(archive, optimizer)}
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="reinstate")
        self._values = self._pool.submit(archive.tensors.read, [*self._refs.values()])

    def __enter__(self) -> Reading:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def restore(self, placed: Placed) -> None:
        """Put the values into their variables; what was not foreseen is read now.

        Raises:
            CorruptError: a tensor's bytes are not what its checksum says.
        """
        values = dict(zip(self._refs, self._values.result(), strict=True))
        missing = {ref.key: ref for ref in _stored(placed) if ref.key not in values}
        values |= zip(missing, self._archive.tensors.read([*missing.values()]), strict=True)
        _assign(placed, values)


def wanted(archive: Archive, optimizer: bool) -> list[TensorRef]:
    """The tensors that a model will want: all, or without the optimizer's, those that do not hang on it."""
    if optimizer:
        return [v.tensor for _, v in archive.variables() if v.tensor is not None]
    slots = {slot.slot for node in archive.nodes for slot in node.slots}
    seen, stack = {archive.root.children.get("optimizer", 0), 0}, [0]
    found = []
    while stack:
        node = archive.nodes[stack.pop()]
        if node.variable is not None and node.variable.tensor is not None:
            found.append(node.variable.tensor)
        below = [child for child in node.children.values() if child not in seen and child not in slots]
        seen.update(below)
        stack += below
    return found


def restore(archive: Archive, placed: Placed) -> None:
    """Read all tensors at once and put them into their variables.

    Raises:
        CorruptError: a tensor's bytes are not what its checksum says.
    """
    refs = {ref.key: ref for ref in _stored(placed)}
    _assign(placed, dict(zip(refs, archive.tensors.read([*refs.values()]), strict=True)))


def _stored(placed: Placed) -> Iterator[TensorRef]:
    """The tensors of the archive that the placed ones are, or are made of."""
    for placement in placed.placements:
        yield from placement.tensor.parts if isinstance(placement.tensor, MadeTensor) else (placement.tensor,)


def _value(tensor: TensorRef, stored: Mapping[str, np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    if isinstance(tensor, MadeTensor):
        return tensor.make(*(stored[part.key] for part in tensor.parts))
    return stored[tensor.key]


def _assign(placed: Placed, stored: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Put values into variables, cast where the model's dtype is another."""
    variables = [*(placement.variable for placement in placed.placements), *(variable for variable, _ in placed.given)]
    values = [_value(placement.tensor, stored) for placement in placed.placements]
    values += [np.asarray(value) for _, value in placed.given]
    _keras.assign(variables, [_cast(value, variable) for value, variable in zip(values, variables, strict=True)])


def narrowed(placed: Placed) -> list[str]:
    """What is lost of float64 values where JAX has no 64 bits: the names of their variables."""
    names = [
        placement.variable.path
        for placement in placed.placements
        if _keras.numpy_dtype(placement.variable) == np.float64 and not _keras.has_64_bits()
    ]
    if not names:
        return []
    return [f"float64 values, held in float32 until jax_enable_x64 is set before loading: {', '.join(names)}"]


def _cast(value: np.ndarray[Any, Any], variable: Any) -> np.ndarray[Any, Any]:
    wanted = _keras.numpy_dtype(variable)
    if value.dtype == wanted:
        return value
    with np.errstate(invalid="ignore", over="ignore"):
        return value.astype(wanted)
