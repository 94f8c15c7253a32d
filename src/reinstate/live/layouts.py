"""How Keras 1 and Theano laid out a layer's weights, and what today's weights are made of.

Keras 1 kept the gates of recurrent layers apart, and convolution kernels in Theano's order of dimensions where the
layer's was. Theano turns a kernel round before it slides it over the image, TensorFlow and JAX do not.
Source: ``preprocess_weights_for_loading`` (keras 2.0.9 to 2.3.1, tf_keras 2.21); Keras 1.2.2, which it reads in part.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from reinstate.archive.model import TensorRef
from reinstate.live.attributes import graph_layers, is_graph_model

Array = np.ndarray[Any, Any]
Make = Callable[..., Array]
Shape = tuple[int, ...]

_FIRST = "channels_first"
# Keras 1's kernels by class and order of dimensions: the axes that they are put in; others are as today.
_AXES: dict[tuple[str, str], Shape] = {
    ("Conv2D", _FIRST): (2, 3, 1, 0),
    ("Conv2DTranspose", "channels_last"): (0, 1, 3, 2),
    ("Conv2DTranspose", _FIRST): (2, 3, 0, 1),
    ("Conv3D", _FIRST): (2, 3, 4, 1, 0),
    ("ConvLSTM2D", _FIRST): (2, 3, 1, 0),
    ("SeparableConv2D", _FIRST): (2, 3, 1, 0),
}
_KERNELS = {"Conv1D": 1, "Conv2D": 1, "Conv3D": 1, "Conv2DTranspose": 1, "ConvLSTM2D": 2, "SeparableConv2D": 2}
# The gates of today's matrices, by their places in Keras 1's list.
_GATES = {"LSTM": (0, 2, 1, 3), "ConvLSTM2D": (0, 2, 1, 3), "GRU": (0, 1, 2)}
_OLD_AXES = (3, 2, 0, 1)  # by which the first files of Keras 2 differ


@dataclass(frozen=True, slots=True)
class Origin:
    """What a weight is made of: the places of stored weights in their layer's list, and how (None: as it is)."""

    parts: tuple[int, ...]
    make: Make | None = None

    def tensor(self, stored: Sequence[TensorRef]) -> TensorRef:
        """Return the tensor that stored ones make; it is the stored one where they do not fit together."""
        parts = tuple(stored[part] for part in self.parts)
        if self.make is None:
            return parts[0]
        try:
            shape = self.make(*(np.broadcast_to(np.float32(0), part.shape) for part in parts)).shape
        except (ValueError, IndexError):
            return parts[0]
        return MadeTensor(f"{parts[0].key} made", parts[0].dtype, shape, parts, self.make)


@dataclass(frozen=True, slots=True)
class MadeTensor(TensorRef):
    """A tensor that is not in the archive as such, but made of some that are."""

    parts: tuple[TensorRef, ...]
    make: Make


def origins(layer: Any, shapes: Sequence[Shape], keras1: bool, theano: bool) -> list[Origin] | None:
    """What each of the layer's weights, in HDF5's order, is made of; None where the stored ones cannot be theirs."""
    reading = _Reading(deque(enumerate(shapes)), keras1, theano)
    try:
        found = [*reading.part(layer, "trainable_weights"), *reading.part(layer, "non_trainable_weights")]
    except IndexError:  # there are fewer
        return None
    return None if reading.stored else found


@dataclass(slots=True)
class _Reading:
    """Takes the stored weights of a layer, by place and shape, one after another."""

    stored: deque[tuple[int, Shape]]
    keras1: bool
    theano: bool

    def part(self, layer: Any, part: str) -> Iterator[Origin]:
        inner = _inner_layers(layer)
        for each in inner:
            yield from self.part(each, part)
        if not inner:
            yield from self.leaf(layer, getattr(layer, part))

    def leaf(self, layer: Any, weights: Sequence[Any]) -> Iterator[Origin]:
        name = type(layer).__name__
        if weights and self.keras1 and name in _GATES and self.stored[0][1][-1:] == _unit(layer):
            yield from self.gates(layer, _GATES[name])
            return
        for index, weight in enumerate(weights):
            place, shape = self.stored.popleft()
            wanted = tuple(weight.shape)
            make = self.kernel(layer, shape, wanted) if index < _KERNELS.get(name, 0) else None
            yield Origin((place,), make)

    def gates(self, layer: Any, order: Shape) -> Iterator[Origin]:
        """Kernel, recurrent kernel and bias, each of as many stored ones as there are gates."""
        taken = [self.stored.popleft() for _ in range(3 * len(order))]
        for kind in range(3):
            parts = [taken[3 * gate + kind] for gate in order]
            make = None if kind == 2 else self.kernel(layer, parts[0][1], None)
            yield Origin(tuple(place for place, _ in parts), _joined(make))

    def kernel(self, layer: Any, shape: Shape, wanted: Shape | None) -> Make | None:
        """How a stored kernel becomes today's; ``wanted`` is the shape that it is to have then."""
        name, steps = type(layer).__name__, list[Make]()
        if name not in _KERNELS:
            return None
        if self.keras1 and name == "Conv1D":
            steps.append(_one_dimensional(shape, layer))
        elif self.keras1 and (axes := _AXES.get((name, layer.data_format))) is not None:
            steps.append(_transposed(axes))
        elif wanted not in (None, shape) and len(shape) == 4 and tuple(shape[axis] for axis in _OLD_AXES) == wanted:
            steps.append(_transposed(_OLD_AXES))
        if self.theano:
            steps.append(_turned)
        return _chained(steps) if steps else None


def _inner_layers(layer: Any) -> list[Any]:
    if is_graph_model(layer):
        return graph_layers(layer)
    names = {"Bidirectional": ("forward_layer", "backward_layer"), "TimeDistributed": ("layer",)}
    return [getattr(layer, name) for name in names.get(type(layer).__name__, ())]


def _unit(layer: Any) -> Shape:
    """How the shape of a single gate's kernel ends; in Theano's order of dimensions with its width."""
    if type(layer).__name__ != "ConvLSTM2D":
        return (layer.units,)
    return layer.kernel_size[-1:] if layer.data_format == _FIRST else (layer.filters,)


def _joined(make: Make | None) -> Make:
    def join(*parts: Array) -> Array:
        return np.concatenate(parts if make is None else [make(part) for part in parts], axis=-1)

    return join


def _chained(steps: Sequence[Make]) -> Make:
    def chain(value: Array) -> Array:
        for step in steps:
            value = step(value)
        return value

    return chain


def _transposed(axes: Shape) -> Make:
    return lambda value: np.transpose(value, axes)


def _turned(value: Array) -> Array:
    """Turn a kernel round: all axes but the last two, which are the channels."""
    return value[(slice(None, None, -1),) * (value.ndim - 2)]


def _one_dimensional(shape: Shape, layer: Any) -> Make:
    """Keras 1 kept a kernel of one dimension as one of two, (width, 1, in, out); before 1.1 as (out, in, width, 1)."""
    old = shape[:2] != (*layer.kernel_size, 1) or shape[3:] != (layer.filters,)
    return lambda value: (np.transpose(value, (2, 3, 1, 0)) if old else value)[:, 0]
