"""The outcome of pairing a model's variables with an archive's tensors: which got which, and all that does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from reinstate.archive.model import ObjectNode, TensorRef
from reinstate.live import _keras
from reinstate.live.layouts import Origin


@dataclass(frozen=True, slots=True)
class Placement:
    """A tensor that belongs into a variable; ``place`` is the path in the archive."""

    variable: Any
    tensor: TensorRef
    place: str


@dataclass(slots=True)
class Placed:
    """The outcome of pairing: placements, variables by node id, what has no value, and every other difference."""

    placements: list[Placement] = field(default_factory=list)
    given: list[tuple[Any, np.ndarray[Any, Any] | np.generic]] = field(default_factory=list)  # in no file as such
    variables: dict[int, Any] = field(default_factory=dict)  # node id -> variable
    layers: dict[int, Any] = field(default_factory=dict)  # node id -> layer, where attributes lead to it
    origins: dict[int, Origin] = field(default_factory=dict)  # by id of the variable; places are node ids
    missing: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    _done: set[int] = field(default_factory=set)
    _told: set[int] = field(default_factory=set)

    def put(self, variable: Any, node_id: int, node: ObjectNode, place: str) -> None:
        """Pair a variable with a node, if the node has a value of the variable's shape and kind."""
        self.variables[node_id] = variable
        if id(variable) in self._done:
            return
        tensor = None if node.variable is None else node.variable.tensor
        if tensor is None:
            self.miss(variable, f"{place}: no value in the file")
        elif tensor.shape != tuple(variable.shape):
            shapes = f"shape {tensor.shape} in the file{key_of(tensor)}, {tuple(variable.shape)} in the model"
            self.differ(f"{place}: {shapes}", [variable])
        elif not _holds(tensor, variable):
            types = f"of type {tensor.dtype} in the file{key_of(tensor)}, {variable.dtype} in the model"
            self.differ(f"{place}: {types}", [variable])
        else:
            self.placements.append(Placement(variable, tensor, place))
            self._done.add(id(variable))

    def miss(self, variable: Any, text: str) -> None:
        """Note that the file has no value for a variable, once."""
        if id(variable) not in self._told:
            self.missing.append(text)
        self._told.add(id(variable))

    def differ(self, text: str, variables: Sequence[Any]) -> None:
        """Note a difference, and the variables that it speaks of."""
        self.differences.append(text)
        self._told.update(map(id, variables))

    def give(self, variable: Any, value: np.ndarray[Any, Any] | np.generic) -> None:
        """Give a variable a value that follows from what is in the file."""
        self.given.append((variable, value))
        self._done.add(id(variable))

    def tensor_of(self, variable: Any) -> TensorRef | None:
        """The tensor that the variable has found."""
        return next((each.tensor for each in self.placements if each.variable is variable), None)

    def has(self, variable: Any) -> bool:
        """Whether the variable has found its tensor."""
        return id(variable) in self._done

    def told(self, variable: Any) -> bool:
        """Whether it is said why the variable has found none."""
        return id(variable) in self._told

    def take(self) -> list[str]:
        """Everything that was found missing or different since this was last asked."""
        found = [*self.missing, *self.differences]
        self.missing.clear()
        self.differences.clear()
        return found


def key_of(tensor: TensorRef | None) -> str:
    """Where a tensor lies in a checkpoint, for a text; HDF5's keys say no more than the names of layers and weights."""
    return f" ({tensor.key})" if tensor is not None and "/.ATTRIBUTES/" in tensor.key else ""


def _holds(tensor: TensorRef, variable: Any) -> bool:
    """Whether a variable can hold the tensor's values: any numbers, complex ones only where it is complex."""
    numpy = tensor.dtype.numpy
    if numpy is None or numpy.hasobject:
        return False
    return (numpy.kind == "c") == (_keras.numpy_dtype(variable).kind == "c")
