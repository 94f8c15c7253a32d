"""Optimizer state into a file: the mirror of ``optimizer``.

SavedModels and HDF5 are written in the old form, which every version from 2.3 on opens, wherever it can say the
optimizer. A checkpoint does not say which kind its reader has: it is in the new form, since the new optimizers refuse
the old one, while the old ones pass over the new. What only Keras 3 has is kept beside it, by position in
``optimizer.variables``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import keras
import numpy as np

from reinstate.archive.model import ObjectNode, SlotVariable
from reinstate.config import optimizers, slots
from reinstate.live import _keras
from reinstate.live.nodes import Graph
from reinstate.live.optimizer import class_name, inner, loss_scale, scalar_variables, slot_lists


def capture_optimizer(graph: Graph, optimizer: Any, training_config: Mapping[str, Any] | None) -> int:
    """The optimizer's node, in the form that the training config names; without one, in the new form."""
    index = graph.add(ObjectNode(), optimizer)  # before its slots: TensorFlow 2.3 makes them while it walks the nodes
    legacy = training_config is not None and optimizers.is_legacy(training_config["optimizer_config"])
    node = _legacy_node(graph, optimizer) if legacy else _new_node(graph, optimizer)
    scale = {row.keras2: graph.variable(variable, dtype=row.dtype2) for row, variable in loss_scale(optimizer)}
    children = {**node.children, **({"loss_scale": graph.group(scale)} if scale else {})}
    graph.nodes[index] = replace(node, children={**children, "keras3": graph.group(rest(graph, optimizer))})
    return index


def capture_optimizer_positions(graph: Graph, optimizer: Any, training_config: Mapping[str, Any]) -> int:
    """The optimizer's node for HDF5: variables by name, in the order in which tf.keras sets them."""
    legacy = optimizers.is_legacy(training_config["optimizer_config"])
    generation: Literal["legacy", "new"] = "legacy" if legacy else "new"
    lists = {row.keras3: listed for row, listed in slot_lists(optimizer)}
    targets = _keras.optimizer_targets(optimizer) if optimizer.built else []
    names, shapes = [target.path for target in targets], [tuple(target.shape) for target in targets]
    children: dict[str, int] = {}
    for name, attribute, index in slots.hdf5_order(class_name(optimizer), generation, names, lists, shapes):
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
        for row, listed in slot_lists(optimizer)
        for target, variable in zip(targets, listed, strict=False)
        if row.legacy and variable is not None
    )
    children |= {row.legacy: graph.variable(variable) for row, variable in scalar_variables(optimizer)}
    return ObjectNode(identifier="optimizer", children=children, slots=slot_variables)


def _new_node(graph: Graph, optimizer: Any) -> ObjectNode:
    step, rate = _scalars(graph, optimizer)
    targets = _keras.optimizer_targets(optimizer) if optimizer.built else []
    kinds = {row: listed for row, listed in slot_lists(optimizer) if row.keras2}
    lists = {row.keras2: graph.list(_slots(graph, row, listed, targets)) for row, listed in kinds.items()}
    mine = {id(variable) for row, listed in kinds.items() for variable in _present(row, listed, targets)}
    states = [variable for variable in _keras.optimizer_variables(optimizer) if id(variable) in mine]
    children = {
        "_variables": graph.list([step, *map(graph.variable, states)]),
        "_iterations": step,
        **({} if rate is None else {"_learning_rate": rate}),
        "_index_dict": graph.add(ObjectNode(identifier="trackable_dict_wrapper")),
        **lists,
        **{row.keras2: graph.variable(variable) for row, variable in scalar_variables(optimizer)},
    }
    return ObjectNode(identifier="experimentalOptimizer", children=children)


def _slots(graph: Graph, row: slots.SlotRow, listed: Sequence[Any], targets: Sequence[Any]) -> Iterator[int]:
    """The nodes of one kind of slots; where a variable has none, an integer 0 keeps the place, as in tf.keras."""
    for variable, target in zip(listed, targets, strict=False):
        here = bool(_present(row, [variable], [target]))
        yield graph.variable(variable) if here else graph.value(np.zeros((), "int32"), "", of=variable)


def _present(row: slots.SlotRow, listed: Sequence[Any], targets: Sequence[Any]) -> list[Any]:
    """The slots that are more than a placeholder."""
    pairs = zip(listed, targets, strict=False)
    return [variable for variable, target in pairs if variable is not None and len(target.shape) >= row.rank]
