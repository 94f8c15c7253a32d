"""Weights of ``CuDNNLSTM`` and ``CuDNNGRU`` in the layout of ``LSTM`` and ``GRU(reset_after=True)``.

They are known by their shapes: a bias of twice the length. An archive with such weights becomes one without, before
anything is placed; the slots of optimizers change with their weights.
Source: ``preprocess_weights_for_loading`` in tf.keras' hdf5_format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from reinstate.archive.model import Archive, Layout, ObjectNode, TensorRef, TensorSource, Variable
from reinstate.config.names import words

Array = np.ndarray[Any, Any]
_WEIGHTS = ("kernel", "recurrent_kernel", "bias")
_CLASSES = words("CuDNNLSTM CuDNNGRU")


@dataclass(frozen=True, slots=True)
class _Step:
    """How one tensor changes: its shape after it, and the function."""

    shape: tuple[int, ...]
    convert: Callable[[Array], Array]


@dataclass(frozen=True, slots=True)
class _Converted:
    """A source of tensors, some of which change when they are read."""

    tensors: TensorSource
    steps: Mapping[str, tuple[TensorRef, _Step]]

    def read(self, refs: Sequence[TensorRef]) -> list[Array]:
        """Return one array per ref, in order."""
        values = self.tensors.read([self.steps[ref.key][0] if ref.key in self.steps else ref for ref in refs])
        return [
            self.steps[ref.key][1].convert(value) if ref.key in self.steps else value
            for ref, value in zip(refs, values, strict=True)
        ]


def without_cudnn(archive: Archive) -> tuple[Archive, list[str]]:
    """The archive with all weights in the plain layout, and what of the optimizer's state is lost by it."""
    found = list(_by_attributes(archive) if archive.layout is Layout.ATTRIBUTES else _by_positions(archive))
    if not found:
        return archive, []
    nodes = list(archive.nodes)
    steps: dict[str, tuple[TensorRef, _Step]] = {}
    roles: dict[int, int] = {}
    for owner, triple in found:
        roles |= {node: role for role, node in enumerate(triple)}
        units = _shape(archive, triple[1])[0]
        for role, index in enumerate(triple):
            _change(nodes, index, _step(role, _shape(archive, index), units), steps)
        if owner is not None:
            _into_cell(nodes, owner)
    losses = _slots(archive, nodes, dict(found_units(archive, found)), roles, steps)
    return replace(archive, nodes=tuple(nodes), tensors=_Converted(archive.tensors, steps)), losses


def found_units(archive: Archive, found: Sequence[tuple[int | None, Sequence[int]]]) -> Iterator[tuple[int, int]]:
    """The units of the layer that each weight belongs to, by node."""
    for _, triple in found:
        yield from ((index, _shape(archive, triple[1])[0]) for index in triple)


def _shape(archive: Archive, index: int) -> tuple[int, ...]:
    variable = archive.nodes[index].variable
    return () if variable is None else variable.shape


def _is_cudnn(kernel: tuple[int, ...], recurrent: tuple[int, ...], bias: tuple[int, ...]) -> bool:
    if len(kernel) != 2 or len(recurrent) != 2 or len(bias) != 1 or not recurrent[0]:
        return False
    units, columns = recurrent
    return columns in (3 * units, 4 * units) and kernel[1] == columns and bias[0] == 2 * columns


def _by_attributes(archive: Archive) -> Iterator[tuple[int | None, tuple[int, ...]]]:
    for index, node in enumerate(archive.nodes):
        if all(name in node.children for name in _WEIGHTS):
            triple = tuple(node.children[name] for name in _WEIGHTS)
            if _is_cudnn(*(_shape(archive, child) for child in triple)):
                yield index, triple


def _by_positions(archive: Archive) -> Iterator[tuple[int | None, tuple[int, ...]]]:
    """Three weights in a row; in a file without a config, only where a layer has nothing else."""
    if archive.config is not None and not _mentions(archive.config):
        return
    for node in archive.nodes:
        listed = list(node.children.values()) if node.identifier == "_tf_keras_layer" else []
        triples = []
        at = 0
        while at + 3 <= len(listed):
            triple = tuple(listed[at : at + 3])
            hit = _is_cudnn(*(_shape(archive, child) for child in triple))
            triples += [triple] if hit else []
            at += 3 if hit else 1
        if archive.config is not None or 3 * len(triples) == len(listed):
            yield from ((None, triple) for triple in triples)


def _mentions(value: Any) -> bool:
    if isinstance(value, Mapping):
        name = value.get("class_name")
        return (isinstance(name, str) and name in _CLASSES) or any(map(_mentions, value.values()))
    return isinstance(value, list | tuple) and any(map(_mentions, value))


def _step(role: int, shape: tuple[int, ...], units: int) -> _Step:
    """The change of a kernel, a recurrent kernel or a bias."""
    if role == 0:
        return _Step(shape, lambda value: _gates(value, units, lambda gate: gate.T.reshape(gate.shape, order="F")))
    if role == 1:
        return _Step(shape, lambda value: _gates(value, units, np.transpose))
    if shape[0] == 8 * units:
        return _Step((4 * units,), lambda value: value.reshape(2, -1).sum(axis=0))
    return _Step((2, 3 * units), lambda value: value.reshape(2, -1))


def _gates(kernel: Array, units: int, change: Callable[[Array], Array]) -> Array:
    return np.hstack([change(kernel[:, at : at + units]) for at in range(0, kernel.shape[1], units)])


def _slot_step(role: int, shape: tuple[int, ...], units: int) -> _Step:
    """As of the weight; but both halves of an LSTM's bias had the same gradients, and so the same slots."""
    if role == 2 and shape[0] == 8 * units:
        return _Step((4 * units,), lambda value: value[: 4 * units])
    return _step(role, shape, units)


def _change(nodes: list[ObjectNode], index: int, step: _Step, steps: dict[str, tuple[TensorRef, _Step]]) -> None:
    variable = nodes[index].variable
    if variable is None or variable.tensor is None:
        return
    ref = variable.tensor
    plain = TensorRef(f"plain:{ref.key}", ref.dtype, step.shape)
    steps[plain.key] = (ref, step)
    changed = Variable(variable.name, variable.dtype, step.shape, variable.trainable, plain)
    nodes[index] = replace(nodes[index], variable=changed)


def _into_cell(nodes: list[ObjectNode], owner: int) -> None:
    """Hang the weights on a cell, where ``LSTM`` and ``GRU`` have them."""
    children = dict(nodes[owner].children)
    nodes.append(ObjectNode(children={name: children.pop(name) for name in _WEIGHTS}))
    nodes[owner] = replace(nodes[owner], children={**children, "cell": len(nodes) - 1})


def _slots(
    archive: Archive,
    nodes: list[ObjectNode],
    units: Mapping[int, int],
    roles: Mapping[int, int],
    steps: dict[str, tuple[TensorRef, _Step]],
) -> list[str]:
    """Change the optimizer's slots, too; where they are not known one from another, leave the optimizer's state out."""
    optimizer = archive.root.children.get("optimizer")
    if optimizer is None:
        return []
    pairs = list(_slot_pairs(archive, optimizer, roles))
    if {weight for weight, _ in pairs} != set(roles) and _has_slots(archive, optimizer):
        children = {name: index for name, index in nodes[0].children.items() if name != "optimizer"}
        nodes[0] = replace(nodes[0], children=children)
        return ["the optimizer's state: the slots of CuDNN layers are not told apart"]
    for weight, slot in pairs:
        if _shape(archive, slot) == _shape(archive, weight):
            _change(nodes, slot, _slot_step(roles[weight], _shape(archive, slot), units[weight]), steps)
    return []


def _has_slots(archive: Archive, optimizer: int) -> bool:
    node = archive.nodes[optimizer]
    return bool(node.slots) or any(len(_shape(archive, index)) > 0 for index in node.children.values())


def _slot_pairs(archive: Archive, optimizer: int, roles: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """(weight, slot) by node: as slots say it themselves, or in HDF5, by the weight's name in that of the slot."""
    node = archive.nodes[optimizer]
    yield from ((slot.original, slot.slot) for slot in node.slots if slot.original in roles)
    named = {weight: v.name.partition(":")[0] for weight in roles if (v := archive.nodes[weight].variable) is not None}
    for index in node.children.values():
        variable = archive.nodes[index].variable
        if variable is not None:
            name = f"/{variable.name}/"
            yield from ((weight, index) for weight, of in named.items() if of and f"/{of}/" in name)
