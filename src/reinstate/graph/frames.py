"""The control flow of TF1's graphs, switches and frames, as functions: ``While`` and ``If``, which are run here.

A loop is a frame: values come in by ``Enter``, ``Merge`` picks the first or the next, ``LoopCond`` decides, ``Switch``
lets them on into the body or out by ``Exit``, ``NextIteration`` leads back. A branch lies between ``Switch`` and
``Merge``. Nodes are rewritten, the parts of loops and branches become functions in the same graph.
Source: tensorflow/core/ops/control_flow_ops.cc, Yu et al., Dynamic Control Flow in Large-Scale Machine Learning, 2018.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reinstate.errors import CorruptError, UnsupportedError, where
from reinstate.wire import messages

_MERGES, _SWITCHES = ("Merge", "RefMerge"), ("Switch", "RefSwitch")
_ENTERS, _EXITS, _NEXTS = ("Enter", "RefEnter"), ("Exit", "RefExit"), ("NextIteration", "RefNextIteration")
_RESOURCE = 20  # the type of handles


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the graph as a function: its nodes, the names of those that are fed, and the tensors that it gives."""

    nodes: tuple[Any, ...]
    feeds: tuple[str, ...]
    fetches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A graph without switches and frames, and the functions that its ``While`` and ``If`` name."""

    nodes: tuple[Any, ...]
    parts: Mapping[str, Part]


def rewritten(nodes: Iterable[Any]) -> Rewritten:
    """Rewrite the control flow of a graph; one that has none stays as it is.

    Raises:
        CorruptError: switches and merges that do not belong together.
        UnsupportedError: a form of them that TensorFlow's own functions do not make.
    """
    nodes = tuple(nodes)
    if not any(node.op in _MERGES for node in nodes):
        return Rewritten(nodes, {})
    worker = _Rewriter({node.name: node for node in nodes})
    with where("control flow"):
        try:
            worker.loops()
            worker.branches()
        except IndexError as error:
            raise CorruptError("a switch, merge, enter or exit without its inputs") from error
    return Rewritten(tuple(worker.nodes.values()), worker.parts)


def _source(reference: str) -> tuple[str, int]:
    name, _, index = reference.removeprefix("^").partition(":")
    return name, int(index) if index.isascii() and index.isdigit() else 0


def _node(name: str, op: str, inputs: Iterable[str], **functions: str) -> Any:
    made = messages.NodeDef(name=name, op=op, input=list(inputs))
    for attribute, function in functions.items():
        made.attr[attribute].func.name = function
    return made


class _Rewriter:
    def __init__(self, nodes: dict[str, Any]) -> None:
        self.nodes = nodes
        self.parts: dict[str, Part] = {}

    # Loops ---------------------------------------------------------------------------------------------------------

    def loops(self) -> None:
        """Rewrite frames, the innermost first."""
        while frames := self._frames():
            inner = [name for name, merges in frames.items() if not self._encloses(merges)]
            if not inner:
                raise CorruptError("frames that lie in each other")
            for name in inner:
                self._loop(name, frames[name])

    def _frames(self) -> dict[str, list[Any]]:
        """The merges of each frame."""
        found: dict[str, list[Any]] = {}
        for node in self.nodes.values():
            if node.op in _MERGES and node.input:
                first = self.nodes.get(_source(node.input[0])[0])
                if first is not None and first.op in _ENTERS:
                    found.setdefault(first.attr["frame_name"].s.decode(errors="replace"), []).append(node)
        return found

    def _encloses(self, merges: list[Any]) -> bool:
        """Whether another frame lies in this one: an exit leads to what leads back."""
        back = [self._get(merge.input[1]).input[0] for merge in merges if len(merge.input) == 2]
        within = self._reached([*back, self._condition(merges)], {merge.name for merge in merges})
        return any(self.nodes[name].op in _EXITS for name in within)

    def _get(self, reference: str) -> Any:
        name = _source(reference)[0]
        if name not in self.nodes:
            raise CorruptError(f"{reference!r} refers to a node that is not there")
        return self.nodes[name]

    def _condition(self, merges: list[Any]) -> str:
        names = {merge.name for merge in merges}
        for node in self.nodes.values():
            if node.op in _SWITCHES and _source(node.input[0])[0] in names:
                found = self._get(node.input[1])
                if found.op != "LoopCond":
                    raise UnsupportedError(f"a loop that ends by a {found.op}")
                return str(found.name)
        raise UnsupportedError("a loop that no LoopCond ends")

    def _reached(self, references: Iterable[str], stops: set[str]) -> dict[str, None]:
        """The nodes that tensors are computed from, up to those where to stop (left out) and what enters a frame."""
        found: dict[str, None] = {}
        stack = [_source(reference)[0] for reference in references]
        while stack:
            name = stack.pop()
            if name in found or name in stops or name not in self.nodes:
                continue
            found[name] = None
            if self.nodes[name].op not in _ENTERS:
                stack += [_source(reference)[0] for reference in self.nodes[name].input]
        return found

    def _loop(self, frame: str, merges: list[Any]) -> None:
        condition = self._condition(merges)
        switches = {
            _source(node.input[0])[0]: node
            for node in self.nodes.values()
            if node.op in _SWITCHES and _source(node.input[1])[0] == condition
        }
        carried = [f"{frame}/carried_{i}" for i in range(len(merges))]
        starts = [self._get(merge.input[0]).input[0] for merge in merges]
        places = {merge.name: carried[i] for i, merge in enumerate(merges)}
        places |= {switches[merge.name].name: carried[i] for i, merge in enumerate(merges) if merge.name in switches}
        back = [self._get(merge.input[1]).input[0] for merge in merges]
        outside = self._outside([*back, condition], set(places))
        kept = [f"{frame}/kept_{i}" for i in range(len(outside))]
        places |= dict(zip(outside, kept, strict=True))
        feeds = (*carried, *kept)
        test, body = f"{frame}/test", f"{frame}/body"
        self.parts[test] = self._part([self._get(condition).input[0]], places, feeds)
        self.parts[body] = self._part([*back, *kept], places, feeds)
        inputs = [*starts, *(self.nodes[name].input[0] for name in outside)]
        loop = _node(f"{frame}/loop", "While", inputs, cond=test, body=body)
        loop.attr["T"].list.type.extend([1] * len(inputs))
        self.nodes[loop.name] = loop
        for i, merge in enumerate(merges):
            switch = switches.get(merge.name)
            for node in list(self.nodes.values()):
                if switch is not None and node.op in _EXITS and _source(node.input[0])[0] == switch.name:
                    self.nodes[node.name] = _node(node.name, "Identity", [f"{loop.name}:{i}"])
                    self.nodes[node.name].attr["T"].CopyFrom(node.attr["T"])
        for name in [*places, *(self._get(merge.input[1]).name for merge in merges), condition]:
            self.nodes.pop(name, None)

    def _outside(self, references: Iterable[str], stops: set[str]) -> list[str]:
        """The constants of a frame: what comes in and is not changed."""
        within = self._reached(references, stops)
        return [name for name in within if self.nodes[name].op in _ENTERS]

    def _part(self, fetches: list[str], places: Mapping[str, str], feeds: tuple[str, ...]) -> Part:
        """What computes tensors inside of a frame or branch, its edges put at ``places``."""

        def moved(reference: str) -> str | None:
            name = _source(reference)[0]
            if name not in places:
                return reference
            return None if reference.startswith("^") else places[name]

        inside = []
        for name in self._reached(fetches, {*places, *feeds}):
            copy = messages.NodeDef()
            copy.CopyFrom(self.nodes[name])
            del copy.input[:]
            copy.input.extend(new for reference in self.nodes[name].input if (new := moved(reference)) is not None)
            inside.append(copy)
        results = [moved(reference) or reference for reference in fetches]
        return Part(tuple(inside), feeds, tuple(results))

    # Branches ------------------------------------------------------------------------------------------------------

    def branches(self) -> None:
        """Rewrite merges, those first that no other leads to; in the parts that loops are made of, too."""
        for name, part in list(self.parts.items()):
            inner = _Rewriter({node.name: node for node in part.nodes})
            inner.branches()
            self.parts[name] = Part(tuple(inner.nodes.values()), part.feeds, part.fetches)
            self.parts.update({key: value for key, value in inner.parts.items()})
        while merges := [node for node in self.nodes.values() if node.op in _MERGES]:
            ready = [m for m in merges if not self._has_merge(m)]
            if not ready:
                raise CorruptError("merges that lie in each other")
            for merge in ready:
                self._branch(merge)

    def _has_merge(self, merge: Any) -> bool:
        return any(self.nodes[name].op in _MERGES for name in self._reached(merge.input, set()))

    def _branch(self, merge: Any) -> None:
        if len(merge.input) != 2:
            raise UnsupportedError(f"a merge of {len(merge.input)} branches")
        sides: list[set[tuple[str, int]]] = [self._conditions(reference) for reference in merge.input]
        deciding = [(p, k) for p, k in sides[0] if (p, 1 - k) in sides[1]]
        if not deciding:
            raise UnsupportedError(f"the merge {merge.name!r}, whose branches no one condition decides on")
        predicate, first = deciding[0]
        switches = [
            node.name
            for node in self.nodes.values()
            if node.op in _SWITCHES and self._origin(node.input[1]) == predicate
        ]
        feeds = tuple(f"{merge.name}/given_{i}" for i in range(len(switches)))
        places = dict(zip(switches, feeds, strict=True))
        names = [f"{merge.name}/branch_{i}" for i in range(2)]
        for name, reference in zip(names, merge.input, strict=True):
            self.parts[name] = self._part([reference], places, feeds)
        then, other = (names[0], names[1]) if first == 1 else (names[1], names[0])
        inputs = [predicate, *(self.nodes[name].input[0] for name in switches)]
        chosen = _node(merge.name, "If", inputs, then_branch=then, else_branch=other)
        chosen.attr["Tcond"].type = 10
        chosen.attr["Tin"].list.type.extend([1] * len(switches))
        chosen.attr["Tout"].list.type.append(merge.attr["T"].type or 1)
        self.nodes[merge.name] = chosen

    def _origin(self, reference: str) -> str:
        """The tensor that a condition is, without the nodes that only hand it on."""
        seen: set[str] = set()
        while (node := self.nodes.get(_source(reference)[0])) is not None and node.op == "Identity":
            if node.name in seen:
                raise CorruptError(f"nodes need each other in a circle: {node.name}")
            seen.add(node.name)
            reference = node.input[0]
        return reference.removesuffix(":0")

    def _conditions(self, reference: str) -> set[tuple[str, int]]:
        """The switches that a tensor lies behind: their predicates, and which way."""
        found: set[tuple[str, int]] = set()
        seen: set[str] = set()
        stack = [reference]
        while stack:
            name, index = _source(stack.pop())
            node = self.nodes.get(name)
            if node is None:
                continue
            if node.op in _SWITCHES:
                found.add((self._origin(node.input[1]), index))
            if name not in seen:
                seen.add(name)
                stack += list(node.input)
        return found
