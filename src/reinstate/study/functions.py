"""Which ops of a SavedModel's functions cannot be run: of those that can be called, with all that they call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from reinstate.archive.model import Archive, Graph
from reinstate.graph.op_defs import find
from reinstate.graph.op_names import ruled
from reinstate.wire import messages

# Ops of the functions that save and restore, which every file has and nobody calls.
_SAVING = frozenset({"MergeV2Checkpoints", "RestoreV2", "SaveV2", "ShardedFilename"})


def ops_without_rule(archive: Archive) -> tuple[str, ...]:
    """The names of the ops, sorted; none where the file has no functions.

    Raises:
        CorruptError: the graph is damaged.
    """
    if archive.graph is None:
        return ()
    definition = messages.parse(messages.GraphDef, archive.definition)
    functions = {function.signature.name: function.node_def for function in definition.library.function}
    ops = {node.op for nodes in (definition.node, *functions.values()) for node in nodes}
    if not ops - ruled() - _SAVING - functions.keys():
        return ()  # nearly always; what calls what need not be read then
    graph = archive.graph()
    if graph.traces:
        called: Iterable[str] = (name for each in graph.functions.values() for name in each.traces)
        ops = _reached(functions, called)
    else:
        nodes = list(_behind(definition.node, graph))
        ops = {node.op for node in nodes} | _reached(functions, _calls(nodes, functions))
    return tuple(sorted(ops - ruled() - functions.keys()))


def _reached(functions: Mapping[str, Iterable[Any]], names: Iterable[str]) -> set[str]:
    """The ops of functions, and of those that they call."""
    waiting, seen, ops = [name for name in names if name in functions], set[str](), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            ops.update(node.op for node in functions[name])
            waiting += _calls(functions[name], functions)
    return ops


def _calls(nodes: Iterable[Any], functions: Mapping[str, Any]) -> Iterator[str]:
    """The functions that nodes call: by their ops, or in their attributes."""
    for node in nodes:
        if node.op in functions:
            yield node.op
        for name in _function_attributes(node.op):
            value = node.attr[name]
            yield from (each.name for each in (value.func, *value.list.func) if each.name in functions)


@cache
def _function_attributes(op: str) -> tuple[str, ...]:
    """The attributes of an op that name functions: few have any, and a graph has many nodes."""
    definition = find(op)
    attributes = {} if definition is None else definition.attributes
    return tuple(name for name, each in attributes.items() if each.kind in ("func", "list(func)"))


def _behind(nodes: Iterable[Any], graph: Graph) -> Iterator[Any]:
    """The nodes of a graph of TF1 that its signatures need."""
    by_name = {node.name: node for node in nodes}
    fed = {_node(tensor) for takes, _ in graph.tensors.values() for tensor in takes.values()}
    waiting = [_node(tensor) for _, gives in graph.tensors.values() for tensor in gives.values()]
    seen = set(fed)
    while waiting:
        name = waiting.pop()
        if name in by_name and name not in seen:
            seen.add(name)
            yield by_name[name]
            waiting += map(_node, by_name[name].input)


def _node(tensor: str) -> str:
    return tensor.removeprefix("^").partition(":")[0]
