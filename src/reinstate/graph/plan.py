"""Functions of a graph, compiled: the nodes that matter, in an order that works, with their rules and attributes.

A function is compiled once, when it is first asked for; running it is walking a list. Every value has a slot: first the
arguments, then the outputs of the steps.
Source: tensorflow/core/framework/{function,graph,node_def}.proto.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reinstate.errors import CorruptError, UnsupportedError, where
from reinstate.graph import op_defs, refused
from reinstate.graph.attributes import FunctionName, read_attributes
from reinstate.graph.op_defs import OpDefinition
from reinstate.graph.rules import RULES, Rule

_CALLS = "StatefulPartitionedCall"
_MOST = 1_000_000  # outputs of all nodes of a function


@dataclass(frozen=True, slots=True)
class Step:
    """A node that is run: slots of its inputs, and where its outputs go (``count`` from ``output`` on).

    ``groups`` are the lengths of the inputs where one of them is a list (-1 for one that is not).
    """

    node: str
    op: str
    rule: Rule
    inputs: tuple[int, ...]
    groups: tuple[int, ...] | None
    attributes: Mapping[str, Any]
    output: int
    count: int
    host: bool = False  # it works on what jax has not: strings, tables


@dataclass(frozen=True, slots=True)
class Plan:
    """A function in the form that is run.

    ``unsupported`` and ``unsafe`` list the nodes that cannot be; ``calls`` the functions that the steps call.
    """

    name: str
    arguments: tuple[str, ...]
    steps: tuple[Step, ...]
    results: tuple[int, ...]
    slots: int
    calls: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()
    unsafe: tuple[str, ...] = ()
    dependencies: dict[int, frozenset[int]] = field(default_factory=dict)  # filled by `depends`

    def depends(self, result: int) -> frozenset[int]:
        """The positions of the arguments that a result is computed from."""
        if result not in self.dependencies:
            live = {self.results[result]}
            for step in reversed(self.steps):
                if any(step.output + i in live for i in range(step.count)):
                    live.update(step.inputs)
            self.dependencies[result] = frozenset(slot for slot in live if slot < len(self.arguments))
        return self.dependencies[result]

    def only(self, results: Sequence[int]) -> Plan:
        """The same function with fewer results, and only the steps that they need."""
        live = {self.results[result] for result in results}
        steps = []
        for step in reversed(self.steps):
            if any(step.output + i in live for i in range(step.count)):
                live.update(step.inputs)
                steps.append(step)
        kept = tuple(self.results[result] for result in results)
        return Plan(self.name, self.arguments, tuple(reversed(steps)), kept, self.slots)


def plan_function(message: Any, is_function: Mapping[str, Any]) -> Plan:
    """Compile a ``FunctionDef``; ``is_function`` has the functions of its library.

    Raises:
        CorruptError: a node or input is not there, or wrong; nodes need each other in a circle.
    """
    signature = message.signature
    arguments = tuple(argument.name for argument in signature.input_arg)
    with where(f"function {signature.name}"):
        lists = [a.name for a in (*signature.input_arg, *signature.output_arg) if a.number_attr or a.type_list_attr]
        if lists:
            raise UnsupportedError("arguments that are lists of tensors:", lists)
        missing = [output.name for output in signature.output_arg if output.name not in message.ret]
        if missing:
            raise CorruptError(f"nothing is said of the outputs {', '.join(missing)}")
        results = [message.ret[output.name] for output in signature.output_arg]
        builder = _Builder(message.node_def, arguments, is_function, flat=False)
        return builder.build(signature.name, results, message.control_ret.values())


def plan_graph(
    nodes: Iterable[Any], feeds: Sequence[str], fetches: Sequence[str], is_function: Mapping[str, Any]
) -> Plan:
    """Compile the part of a ``GraphDef`` that computes the tensors ``fetches`` (``node:0``) from ``feeds``."""
    with where("the graph"):
        fed = [_flat(name)[0] for name in feeds]
        builder = _Builder(nodes, tuple(fed), is_function, flat=True)
        return builder.build("", fetches, ())


def _flat(name: str) -> tuple[str, int]:
    node, colon, index = name.rpartition(":")
    if not colon:
        return name, 0
    if not index.isascii() or not index.isdigit():
        raise CorruptError(f"{name!r} is not the name of a tensor")
    return node, int(index)


class _Builder:
    def __init__(
        self, nodes: Iterable[Any], arguments: tuple[str, ...], is_function: Mapping[str, Any], flat: bool
    ) -> None:
        self.arguments = arguments
        self.is_function = is_function
        self.flat = flat
        self.argument_slots = {name: slot for slot, name in enumerate(arguments)}
        self.nodes: dict[str, Any] = {}
        for node in nodes:
            if node.name in self.nodes or (not flat and node.name in self.argument_slots):
                raise CorruptError(f"two nodes have the name {node.name!r}")
            self.nodes[node.name] = node
        self.definitions: dict[str, OpDefinition] = {}  # of those that can be run
        self.attributes: dict[str, dict[str, Any]] = {}
        self.first: dict[str, int] = {}
        self.slots = len(arguments)
        self.unsupported: list[str] = []
        self.unsafe: list[str] = []
        self.calls: dict[str, None] = {}

    def build(self, name: str, results: Sequence[str], control: Iterable[str]) -> Plan:
        roots = [self._node_of(result) for result in results]
        changing = [n.name for n in self.nodes.values() if n.op in RULES and RULES[n.op].stateful and not self.flat]
        order = self._sorted([root for root in [*roots, *control, *changing] if root is not None])
        steps = [step for node in order if (step := self._step(node)) is not None]
        return Plan(
            name,
            self.arguments,
            tuple(steps),
            tuple(map(self._slot, results)),
            self.slots,
            tuple(self.calls),
            tuple(self.unsupported),
            tuple(self.unsafe),
        )

    def _node_of(self, reference: str) -> str | None:
        """The node that a reference needs; None for an argument."""
        name = reference.removeprefix("^").split(":", 1)[0]
        if name in self.argument_slots:
            return None
        if name not in self.nodes:
            raise CorruptError(f"{reference!r} refers to a node that is not there")
        return name

    def _sorted(self, roots: Iterable[str]) -> Iterator[Any]:
        """The nodes that the roots need, each behind all that it needs itself."""
        done: set[str] = set()
        open_: dict[str, Iterator[str]] = {}
        for root in roots:
            if root not in self.nodes:
                raise CorruptError(f"{root!r} refers to a node that is not there")
            stack = [] if root in done else [root]
            while stack:
                name = stack[-1]
                if name not in open_:
                    open_[name] = self._needs(self.nodes[name])
                following = next((need for need in open_[name] if need not in done), None)
                if following is None:
                    done.add(stack.pop())
                    yield self.nodes[name]
                elif following in open_:
                    circle = " -> ".join(stack[stack.index(following) :][:10])
                    raise CorruptError(f"nodes need each other in a circle: {circle}")
                else:
                    stack.append(following)

    def _needs(self, node: Any) -> Iterator[str]:
        if self.flat and node.name in self.argument_slots:
            return
        with where(f"node {node.name}"):
            for reference in node.input:
                name = self._node_of(reference)
                if name is not None:
                    yield name

    def _step(self, node: Any) -> Step | None:
        if self.flat and node.name in self.argument_slots:
            return None
        with where(f"node {node.name} ({node.op})"):
            op, definition = node.op, op_defs.find(node.op)
            if definition is None and op in self.is_function:  # graphs of old: the function's name is the op
                return self._direct_call(node)
            rule = self._rule(node, definition)
            if definition is None or rule is None:
                return None
            try:
                attributes = read_attributes(node.attr, definition)
            except UnsupportedError as error:
                self.unsupported.append(f"{op} (node {node.name}): {error}")
                return None
            self.definitions[node.name], self.attributes[node.name] = definition, attributes
            self.first[node.name] = self.slots
            count = sum(output.count(attributes) for output in definition.outputs)
            self._grow(count)
            self.calls.update({name: None for name in functions_in(attributes)})
            inputs = tuple(self._slot(reference) for reference in node.input if not reference.startswith("^"))
            groups = _groups(definition, attributes, len(inputs))
            used = self._used(node, definition, rule, attributes)
            host = _on_host(op, definition, attributes)
            return Step(node.name, op, rule, inputs, groups, used, self.first[node.name], count, host)

    def _direct_call(self, node: Any) -> Step:
        signature = self.is_function[node.op].signature
        call = op_defs.find(_CALLS)
        assert call is not None
        self.definitions[node.name] = OpDefinition(
            node.op, (), tuple(op_defs.Argument(o.name, "") for o in signature.output_arg), {}
        )
        self.attributes[node.name] = {}
        self.first[node.name] = self.slots
        self._grow(len(signature.output_arg))
        self.calls[node.op] = None
        inputs = tuple(self._slot(reference) for reference in node.input if not reference.startswith("^"))
        attributes = {"f": FunctionName(node.op)}
        rule, first = RULES[_CALLS], self.first[node.name]
        return Step(node.name, _CALLS, rule, inputs, (len(inputs),), attributes, first, len(signature.output_arg))

    def _grow(self, count: int) -> None:
        self.slots += count
        if self.slots > _MOST:
            raise CorruptError(f"the nodes of a function have more than {_MOST} outputs")

    def _rule(self, node: Any, definition: OpDefinition | None) -> Rule | None:
        named = f"{node.op} (node {node.name})"
        if (reason := refused.reason(node.op)) is not None:
            self.unsafe.append(f"{named}: {reason}")
        elif definition is None:
            self.unsupported.append(f"{named}: not an op of TensorFlow's own")
        elif node.op not in RULES:
            self.unsupported.append(named)
        else:
            return RULES[node.op]
        return None

    def _used(self, node: Any, definition: OpDefinition, rule: Rule, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """The attributes that the rule takes; one that it does not know must stand at its default."""
        silent = rule.attributes | rule.ignored | definition.sizes
        for name, value in attributes.items():
            if name not in silent and name in node.attr and value != definition.attributes[name].default:
                self.unsupported.append(f"{node.op} (node {node.name}): with {name} = {value!r:.80}")
        used = {name: attributes[name] for name in rule.attributes}
        if used.get("shared_name") == "":  # a resource without a name has that of its node
            used["shared_name"] = node.name
        return used

    def _slot(self, reference: str) -> int:
        """Where the tensor lies that ``reference`` names."""
        node, _, rest = reference.partition(":")
        if node in self.argument_slots:
            if rest not in ("", "0"):
                raise CorruptError(f"{reference!r}: an argument is one tensor")
            return self.argument_slots[node]
        definition = self.definitions.get(node)
        if definition is None:  # of an op that cannot be run; what uses it will not be, either
            return 0
        count = sum(output.count(self.attributes[node]) for output in definition.outputs)
        name, index = ("", _flat(reference)[1]) if self.flat else _named(reference, rest)
        first = self.first[node]
        if not self.flat:
            first, count = self._output(node, definition, name, reference)
        if index >= count:
            raise CorruptError(f"{reference!r}: there are {count} tensors only")
        return first + index

    def _output(self, node: str, definition: OpDefinition, name: str, reference: str) -> tuple[int, int]:
        first = self.first[node]
        for output in definition.outputs:
            count = output.count(self.attributes[node])
            if output.name == name:
                return first, count
            first += count
        raise CorruptError(f"{reference!r}: {definition.name} has no output of this name")


def _named(reference: str, rest: str) -> tuple[str, int]:
    name, _, index = rest.partition(":")
    if not name or not (index == "" or (index.isascii() and index.isdigit())):
        raise CorruptError(f"{reference!r} is not the name of an output")
    return name, int(index or 0)


_ANY = frozenset(("Const", "Identity", "IdentityN", "Assert", "NoOp"))  # no matter what of


def _on_host(op: str, definition: OpDefinition, attributes: Mapping[str, Any]) -> bool:
    """Whether an op takes or gives strings, or works on tables."""
    if "Table" in op or "Variant" in op:
        return True
    if op in _ANY or any(attribute.kind == "func" for attribute in definition.attributes.values()):
        return False
    arguments = (*definition.inputs, *definition.outputs)
    held = [attributes.get(a.types, []) if a.types else [attributes.get(a.dtype, a.dtype)] for a in arguments]
    return any(str(dtype) == "string" for dtypes in held for dtype in dtypes or [])


def functions_in(attributes: Mapping[str, Any]) -> Iterator[str]:
    """The functions that attributes name."""
    for value in attributes.values():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, FunctionName):
                yield str(item)


def _groups(definition: OpDefinition, attributes: Mapping[str, Any], given: int) -> tuple[int, ...] | None:
    """How the inputs are divided among the op's arguments; None where each is one tensor."""
    counts = [argument.count(attributes) for argument in definition.inputs]
    if sum(counts) != given:
        raise CorruptError(f"{given} inputs, where there should be {sum(counts)}")
    if not any(argument.is_list for argument in definition.inputs):
        return None
    return tuple(count if argument.is_list else -1 for argument, count in zip(definition.inputs, counts, strict=True))
