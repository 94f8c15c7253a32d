"""The object graph while a model is captured: nodes for objects, arrays for values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from reinstate import dtypes
from reinstate.archive.model import ObjectNode, TensorRef, Variable
from reinstate.live import _keras


@dataclass(slots=True)
class Graph:
    """The object graph while it grows. Each object is one node, however many edges lead to it."""

    nodes: list[ObjectNode] = field(default_factory=list)
    arrays: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    ids: dict[int, int] = field(default_factory=dict)
    kept: list[Any] = field(default_factory=list)  # so that no id() is used twice

    def add(self, node: ObjectNode, of: Any = None) -> int:
        """Add a node, remembered as that of the object ``of``."""
        self.nodes.append(node)
        if of is not None:
            self.ids[id(of)] = len(self.nodes) - 1
            self.kept.append(of)
        return len(self.nodes) - 1

    def variable(self, variable: Any, name: str = "", dtype: str | None = None) -> int:
        """The node of a Keras variable, its value cast to ``dtype`` where Keras 2 has another one."""
        if id(variable) in self.ids:
            return self.ids[id(variable)]
        return self.value(_keras.value(variable), name or variable.path, dtype, bool(variable.trainable), of=variable)

    def value(
        self, value: np.ndarray[Any, Any], name: str, dtype: str | None = None, trainable: bool = False, of: Any = None
    ) -> int:
        """A variable node with this value."""
        value = value if dtype is None else value.astype(dtype)
        reference = TensorRef(str(len(self.nodes)), dtypes.from_numpy(value.dtype), value.shape)
        self.arrays[reference.key] = value
        variable = Variable(name, reference.dtype, reference.shape, trainable, reference)
        return self.add(ObjectNode(kind="variable", identifier="", variable=variable), of)

    def list(self, children: Iterable[int]) -> int:
        """A list wrapper over nodes."""
        numbered = {str(index): child for index, child in enumerate(children)}
        return self.add(ObjectNode(identifier="trackable_list_wrapper", children=numbered))

    def group(self, children: Mapping[str, int]) -> int:
        """A plain object with these edges."""
        return self.add(ObjectNode(children=dict(children)))
