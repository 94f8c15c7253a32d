"""Optimizer state, both ways: the step, the learning rate, and the slot variables of each trained variable.

tf.keras has had two generations: ``OptimizerV2`` (a node ``optimizer`` with slots hung on variables) and the new one of
2.11 (``experimentalOptimizer`` with lists). HDF5 files have a flat list of names. All of them are read; SavedModels and
HDF5 are written in the old form, which every version from 2.3 on opens, wherever it can say the optimizer. What only
Keras 3 has is kept beside it, by position in ``optimizer.variables``, under ``keras3``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import keras
import numpy as np

from reinstate.archive.model import Archive, Layout, ObjectNode, SlotVariable, Variable
from reinstate.config import optimizers, slots
from reinstate.live import _keras
from reinstate.live.nodes import Graph
from reinstate.live.place import Placed, model_layers, stored_layers


def inner(optimizer: Any) -> Any:
    """The optimizer itself where a ``LossScaleOptimizer`` wraps it."""
    return getattr(optimizer, "inner_optimizer", optimizer)


def _class_name(optimizer: Any) -> str:
    return type(inner(optimizer)).__name__


def _slot_lists(optimizer: Any) -> Iterator[tuple[slots.SlotRow, list[Any]]]:
    """The optimizer's slot variables by kind, one per trained variable (None where it has none)."""
    for row in slots.keras3_attributes(_class_name(optimizer)):
        listed = getattr(inner(optimizer), row.keras3, None)
        if listed:
            yield row, list(listed)


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
    losses = [f"optimizer: {difference}" for difference in placed.differences]
    placed.differences.clear()
    return losses


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
        by_name = {row.legacy: listed for row, listed in _slot_lists(self.optimizer)}
        for slot in self.node.slots:
            target = self.placed.variables.get(slot.original)
            if target is not None and slot.name in by_name:
                self.slot(by_name[slot.name], target, slot.slot, slot.name)
        self._extra({row.legacy: row.keras3 for row in slots.scalars(_class_name(self.optimizer)) if row.legacy})

    def new(self) -> None:
        """The generation of 2.11: lists with one variable per trained variable, in the order of the model's."""
        self.scalars("_iterations", "_learning_rate")
        targets = self.targets()
        for row, listed in _slot_lists(self.optimizer):
            stored = self.archive.child(self.node, row.keras2)
            for position, index in () if stored is None else stored.children.items():
                if position.isdigit() and int(position) < len(targets):
                    self.slot(listed, targets[int(position)], index, row.keras2)
        self._extra({row.keras2: row.keras3 for row in slots.scalars(_class_name(self.optimizer)) if row.keras2})

    def positions(self) -> None:
        """HDF5: a flat list of names."""
        nodes = list(self.node.children.values())
        variables = [v for v in (self.archive.nodes[i].variable for i in nodes) if v is not None]
        names = [_stored_name(variable) for variable in variables]
        parsed = slots.parse_hdf5(_class_name(self.optimizer), names, [variable.shape for variable in variables])
        if parsed.iteration is not None:
            self.put(_keras.iterations(self.optimizer), nodes[parsed.iteration], "iteration")
        targets = self.targets()
        for row, listed in _slot_lists(self.optimizer):
            for target, position in zip(targets, parsed.slots.get(row.keras3, ()), strict=False):
                if position is not None:
                    self.slot(listed, target, nodes[position], row.keras3)
        for attribute, position in parsed.scalars.items():
            variable = getattr(inner(self.optimizer), attribute, None)
            if isinstance(variable, keras.Variable):
                self.put(variable, nodes[position], attribute)
        self.placed.differences += [f"{name}: unknown" for name in parsed.unknown]

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
        return _unique(variable for name in names for variable in layers[name].trainable_variables)

    def _extra(self, scalars: Mapping[str, str]) -> None:
        for stored, attribute in scalars.items():
            variable = getattr(inner(self.optimizer), attribute, None)
            if stored in self.node.children and isinstance(variable, keras.Variable):
                self.put(variable, self.node.children[stored], stored)


def _stored_name(variable: Variable) -> str:
    """The weight's name as it stands in an HDF5 file, ``:0`` and all, which tells the generations apart."""
    return variable.name if variable.tensor is None else variable.tensor.key.partition("optimizer_weights/")[2]


def _unique(variables: Iterator[Any]) -> list[Any]:
    return list({id(variable): variable for variable in variables}.values())


def is_legacy(training_config: Mapping[str, Any] | None, optimizer: Any) -> bool:
    """Whether the training config names the optimizer in the old form; without one, whether the old form has it."""
    if training_config is None:
        return all(row.legacy for row, _ in _slot_lists(optimizer))
    return optimizers.is_legacy(training_config["optimizer_config"])


def capture_optimizer(graph: Graph, optimizer: Any, training_config: Mapping[str, Any] | None) -> int:
    """The optimizer's node, in the form that the training config names."""
    legacy = is_legacy(training_config, optimizer)
    node = _legacy_node(graph, optimizer) if legacy else _new_node(graph, optimizer)
    children = {**node.children, "keras3": graph.group(rest(graph, optimizer))}
    return graph.add(replace(node, children=children), optimizer)


def capture_optimizer_positions(graph: Graph, optimizer: Any, training_config: Mapping[str, Any]) -> int:
    """The optimizer's node for HDF5: variables by name, in the order in which tf.keras sets them."""
    generation: Literal["legacy", "new"] = "legacy" if is_legacy(training_config, optimizer) else "new"
    lists = {row.keras3: listed for row, listed in _slot_lists(optimizer)}
    targets = _keras.optimizer_targets(optimizer) if optimizer.built else []
    names, shapes = [target.path for target in targets], [tuple(target.shape) for target in targets]
    children: dict[str, int] = {}
    for name, attribute, index in slots.hdf5_order(_class_name(optimizer), generation, names, lists, shapes):
        children[name] = _weight(graph, optimizer, lists, name, attribute, targets[index] if targets else None, index)
    return graph.add(ObjectNode(identifier="optimizer", children=children), optimizer)


def _weight(
    graph: Graph, optimizer: Any, lists: Mapping[str, list[Any]], name: str, attribute: str, target: Any, index: int
) -> int:
    """The node of one entry in HDF5's list of optimizer weights."""
    if attribute == slots.ITERATION:
        return graph.variable(_keras.iterations(optimizer), name, "int64")
    if attribute == slots.ZEROS:
        return graph.value(np.zeros(target.shape, _keras.numpy_dtype(target)), name)
    listed = lists.get(attribute)
    return graph.variable(getattr(inner(optimizer), attribute) if listed is None else listed[index], name)


def rest(graph: Graph, optimizer: Any) -> dict[str, int]:
    """The nodes of the optimizer's variables that Keras 2's form has no place for, by position."""
    variables = enumerate(_keras.optimizer_variables(optimizer))
    return {str(i): graph.variable(variable) for i, variable in variables if id(variable) not in graph.ids}


def _scalars(graph: Graph, optimizer: Any) -> tuple[int, int | None]:
    """The nodes of the step, as Keras 2 has it (int64), and of the learning rate (None: a schedule)."""
    step = graph.variable(_keras.iterations(optimizer), "iteration", "int64")
    rate = _keras.learning_rate(optimizer)
    return step, graph.variable(rate, "learning_rate") if isinstance(rate, keras.Variable) else None


def _legacy_node(graph: Graph, optimizer: Any) -> ObjectNode:
    step, rate = _scalars(graph, optimizer)
    children = {"iter": step} if rate is None else {"iter": step, "learning_rate": rate}
    targets = _keras.optimizer_targets(optimizer) if optimizer.built else []
    slot_variables = tuple(
        SlotVariable(graph.variable(target), row.legacy, graph.variable(variable))
        for row, listed in _slot_lists(optimizer)
        for target, variable in zip(targets, listed, strict=False)
        if row.legacy and variable is not None
    )
    for row in slots.scalars(_class_name(optimizer)):
        variable = getattr(inner(optimizer), row.keras3, None)
        if row.legacy and isinstance(variable, keras.Variable):
            children[row.legacy] = graph.variable(variable)
    return ObjectNode(identifier="optimizer", children=children, slots=slot_variables)


def _new_node(graph: Graph, optimizer: Any) -> ObjectNode:
    step, rate = _scalars(graph, optimizer)
    kinds = [(row.keras2, [v for v in listed if v is not None]) for row, listed in _slot_lists(optimizer) if row.keras2]
    mine = {id(variable) for _, listed in kinds for variable in listed}
    states = [variable for variable in _keras.optimizer_variables(optimizer) if id(variable) in mine]
    children = {
        "_variables": graph.list([step, *map(graph.variable, states)]),
        "_iterations": step,
        **({} if rate is None else {"_learning_rate": rate}),
        "_index_dict": graph.add(ObjectNode(identifier="trackable_dict_wrapper")),
        **{name: graph.list(map(graph.variable, listed)) for name, listed in kinds},
    }
    return ObjectNode(identifier="experimentalOptimizer", children=children)
