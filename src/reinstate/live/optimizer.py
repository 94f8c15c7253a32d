"""Optimizer state out of a file: the step, the learning rate, and the slot variables of each trained variable.

tf.keras has had two generations: ``OptimizerV2`` (a node ``optimizer`` with slots hung on variables) and the new one of
2.11 (``experimentalOptimizer`` with lists). HDF5 files have a flat list of names. All of them are read. What only
Keras 3 has is kept in our own files beside it, by position in ``optimizer.variables``. ``optimizer_nodes`` is the
mirror.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from reinstate.archive.model import Archive, Layout, ObjectNode, Variable
from reinstate.config import slots
from reinstate.live import _keras
from reinstate.live.layouts import Origin
from reinstate.live.placed import Placed
from reinstate.live.positions import is_keras1, model_layers, stored_layers


def inner(optimizer: Any) -> Any:
    """The optimizer itself where a ``LossScaleOptimizer`` wraps it."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def class_name(optimizer: Any) -> str:
    """The class of the optimizer itself; those of OptimizerV2's updates (keras2/optimizers.py) by Keras' name."""
    return type(inner(optimizer)).__name__.removeprefix("Legacy")


def slot_lists(optimizer: Any) -> Iterator[tuple[slots.SlotRow, list[Any]]]:
    """The optimizer's slot variables by kind, one per trained variable (None where it has none)."""
    for row in slots.keras3_attributes(class_name(optimizer)):
        listed = getattr(inner(optimizer), row.keras3, None)
        if listed:
            yield row, list(listed)


def scalar_variables(optimizer: Any) -> Iterator[tuple[slots.ScalarRow, Any]]:
    """The variables that the optimizer itself has once, beside its step and its learning rate."""
    for row in slots.scalars(class_name(optimizer)):
        variable = getattr(inner(optimizer), row.keras3, None)
        if isinstance(variable, keras.Variable):
            yield row, variable


def loss_scale(optimizer: Any) -> Iterator[tuple[slots.ScalarRow, Any]]:
    """The variables of a ``LossScaleOptimizer``: the scale, and the steps since it changed."""
    if inner(optimizer) is not optimizer:
        yield from ((row, getattr(optimizer, row.keras3)) for row in slots.LOSS_SCALE)


def place_optimizer(archive: Archive, model: Any, placed: Placed) -> list[str]:
    """Pair the compiled optimizer's variables with the archive's; return what could not be carried."""
    optimizer = model.optimizer
    if optimizer is None:
        return []
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    index = archive.root.children.get("optimizer")
    if index is None:
        return []
    placing = _Placing(archive, model, placed, index)
    if archive.layout is Layout.POSITIONS:
        placing.positions()
    elif archive.nodes[index].identifier == "experimentalOptimizer" or "_variables" in archive.nodes[index].children:
        placing.new()
    else:
        placing.legacy()
    placing.keras3()
    placing.product()
    return [f"optimizer: {difference}" for difference in placed.take()]


class _Placing:
    """Pairs one optimizer with one node of an archive."""

    def __init__(self, archive: Archive, model: Any, placed: Placed, index: int) -> None:
        self.archive, self.model, self.placed = archive, model, placed
        self.node = archive.nodes[index]
        self.optimizer = model.optimizer
        self.positions_of = {id(v): i for i, v in enumerate(_keras.optimizer_targets(self.optimizer))}

    def put(self, variable: Any, index: int, place: str) -> None:
        self.placed.put(variable, index, self.archive.nodes[index], f"optimizer/{place}")

    def scalars(self, step: str, learning_rate: str) -> None:
        """The step and, where it is no schedule, the learning rate."""
        children = self.node.children
        if step in children:
            self.put(_keras.iterations(self.optimizer), children[step], step)
        rate = _keras.learning_rate(self.optimizer)
        if learning_rate in children and isinstance(rate, keras.Variable):
            self.put(rate, children[learning_rate], learning_rate)

    def slot(self, listed: Sequence[Any], target: Any, index: int, name: str) -> None:
        """One slot variable, found by the model variable that it belongs to."""
        position = self.positions_of.get(id(target))
        if position is not None and position < len(listed) and listed[position] is not None:
            self.put(listed[position], index, f"{name}/{target.path}")

    def legacy(self) -> None:
        """``OptimizerV2``: slots say which variable node they belong to."""
        self.scalars("iter", "learning_rate")
        by_name = {row.legacy: listed for row, listed in slot_lists(self.optimizer)}
        for slot in self.node.slots:
            target = self.placed.variables.get(slot.original)
            if target is not None and slot.name in by_name:
                self.slot(by_name[slot.name], target, slot.slot, slot.name)
        self.once({row.legacy: variable for row, variable in scalar_variables(self.optimizer)})

    def new(self) -> None:
        """The generation of 2.11: lists with one variable per trained variable, in the order of the model's."""
        self.scalars("_iterations", "_learning_rate")
        targets = self.targets()
        for row, listed in slot_lists(self.optimizer):
            stored = self.archive.child(self.node, row.keras2)
            for position, index in () if stored is None else stored.children.items():
                if position.isdigit() and int(position) < len(targets):
                    self.slot(listed, targets[int(position)], index, row.keras2)
        self.once({row.keras2: variable for row, variable in scalar_variables(self.optimizer)})

    def positions(self) -> None:
        """HDF5: a flat list of names."""
        nodes = list(self.node.children.values())
        variables = [v for v in (self.archive.nodes[i].variable for i in nodes) if v is not None]
        names = [_stored_name(variable) for variable in variables]
        parsed = slots.parse_hdf5(class_name(self.optimizer), names, [variable.shape for variable in variables])
        if parsed.iteration is not None:
            self.put(_keras.iterations(self.optimizer), nodes[parsed.iteration], "iteration")
        for row, listed in slot_lists(self.optimizer):
            found = parsed.slots.get(row.keras3, ())
            if found and self.placed.origins:
                self.made(listed, [nodes[position] for position in found if position is not None], row.keras3)
                continue
            for target, position in zip(
                self.owners(parsed.variables.get(row.keras3, ()), len(found)), found, strict=False
            ):
                if position is not None:
                    self.slot(listed, target, nodes[position], row.keras3)
        for attribute, position in parsed.scalars.items():
            variable = getattr(inner(self.optimizer), attribute, None)
            if isinstance(variable, keras.Variable):
                self.put(variable, nodes[position], attribute)
        self.placed.differences += [f"{name}: unknown" for name in parsed.unknown]

    def made(self, listed: Sequence[Any], stored: Sequence[int], name: str) -> None:
        """Slots laid out like the weights of Keras 1 or Theano; Keras 1 has them in the order of the weights' names."""
        targets = [target for target in self.targets() if id(target) in self.placed.origins]
        parts = [part for target in targets for part in self.placed.origins[id(target)].parts]
        if is_keras1(self.archive):
            parts.sort(key=lambda part: _full_name(self.archive.nodes[part]))
        if len(parts) != len(stored):
            self.placed.differences.append(f"{len(stored)} slots in the file, {len(parts)} weights")
            return
        slot_of = dict(zip(parts, stored, strict=True))
        for target in targets:
            origin = self.placed.origins[id(target)]
            found = [slot_of[part] for part in origin.parts]
            tensors = [v.tensor for i in found if (v := self.archive.nodes[i].variable) is not None and v.tensor]
            node = self.archive.nodes[found[0]]
            if node.variable is not None and len(tensors) == len(found):
                made = Origin(tuple(range(len(found))), origin.make).tensor(tensors)
                node = replace(node, variable=replace(node.variable, tensor=made))
            variable = listed[self.positions_of[id(target)]]
            self.placed.put(variable, found[0], node, f"optimizer/{name}/{target.path}")

    def owners(self, names: Sequence[str], count: int) -> list[Any]:
        """The variables that ``count`` slots belong to: those that the names say, else all in order.

        Names need not be unique, nor be those of the weights. OptimizerV2 has no slots for a variable that never had a
        gradient: then only the names tell.
        """
        targets = self.targets()
        stored = [
            (found.name, variable)
            for index, variable in self.placed.variables.items()
            if id(variable) in self.positions_of and (found := self.archive.nodes[index].variable) is not None
        ]
        by_name = dict(stored)
        clear = len(by_name) == len({id(variable) for _, variable in stored}) and len(set(names)) == len(names)
        if names and clear and by_name.keys() >= set(names):
            return [by_name[name] for name in names]
        if count != len(targets):
            self.placed.differences.append(f"{count} slots in the file, {len(targets)} variables in the model")
        return targets if count == len(targets) else []

    def keras3(self) -> None:
        """What we keep beside Keras 2's forms: variables by their position in Keras 3's own list."""
        path = ("optimizer", "keras3") if self.archive.layout is Layout.ATTRIBUTES else ("reinstate", "optimizer")
        stored = self.archive.child(self.archive.root, *path)
        variables = _keras.optimizer_variables(self.optimizer)
        for position, index in () if stored is None else stored.children.items():
            if position.isdigit() and int(position) < len(variables):
                self.put(variables[int(position)], index, position)

    def targets(self) -> list[Any]:
        """The model's trainable variables in the order of the file."""
        listed = self.archive.child(self.archive.root, "trainable_variables")
        if listed is not None and all(i in self.placed.variables for i in listed.children.values()):
            return [self.placed.variables[i] for i in listed.children.values()]
        if self.archive.layout is Layout.ATTRIBUTES:
            return list(self.model.trainable_variables)
        layers = {layer.name: layer for layer in model_layers(self.model)}
        names = [name.replace("/", "_") for name, _ in stored_layers(self.archive)]
        if not set(names) <= set(layers):
            return list(self.model.trainable_variables)
        listed_first = [variable for name in names for variable in layers[name].trainable_variables]
        return _unique([*listed_first, *self.model.trainable_variables])

    def once(self, scalars: Mapping[str, Any]) -> None:
        """What the optimizer has once, and what the loss scale optimizer around it has."""
        for name, variable in scalars.items():
            if name in self.node.children:
                self.put(variable, self.node.children[name], name)
        scale = self.archive.child(self.node, "loss_scale")
        stored = {} if scale is None else scale.children
        for row, variable in loss_scale(self.optimizer):
            if row.keras2 in stored:
                self.put(variable, stored[row.keras2], f"loss_scale/{row.keras2}")

    def product(self) -> None:
        """Nadam's product of momentums, which the new generation keeps out of HDF5 files: it follows from the steps."""
        optimizer = inner(self.optimizer)
        steps = self.placed.tensor_of(_keras.iterations(self.optimizer))
        for row, variable in scalar_variables(self.optimizer):
            if row.keras3 == "_u_product" and steps is not None and not self.placed.has(variable):
                (count,) = self.archive.tensors.read([steps])
                self.placed.give(variable, np.float32(slots.nadam_product(int(count), optimizer.beta_1)))


def _full_name(node: ObjectNode) -> str:
    """A weight's name as the file has it, with TensorFlow's ``:0``."""
    variable = node.variable
    if variable is None or variable.tensor is None:
        return ""
    return variable.name + variable.tensor.key.rpartition(variable.name)[2]


def _stored_name(variable: Variable) -> str:
    """The weight's name as it stands in an HDF5 file, ``:0`` and all, which tells the generations apart."""
    return variable.name if variable.tensor is None else variable.tensor.key.partition("optimizer_weights/")[2]


def _unique(variables: Sequence[Any]) -> list[Any]:
    return list({id(variable): variable for variable in variables}.values())
