"""A graph of layers in two parts: what runs on the host, in numpy, and the rest, which JAX traces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reinstate.live import _keras

Values = dict[int, Any]  # by the number of the tensor


@dataclass(frozen=True, slots=True)
class Step:
    """A call of a layer: ``arguments`` are Keras' record of it, ``known`` the numbers of its tensors by their id."""

    operation: Any
    arguments: Any
    known: Mapping[int, int]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    settings: Mapping[str, Any]  # arguments of the model around it
    host: bool

    def run(self, values: Values, settings: Mapping[str, Any]) -> None:
        """Compute the outputs from the values of the inputs."""
        at_hand = {id: values[number] for id, number in self.known.items() if number in values}
        args, kwargs = self.arguments.fill_in(at_hand)
        call = _keras.with_settings(self.operation, {**settings, **self.settings})
        values.update(zip(self.outputs, _keras.flatten(call(*args, **kwargs)), strict=True))


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a model in order; ``host`` come first, ``rest`` is traced.

    ``handed`` are the tensors that pass from one to the other, with their specs. ``eager``: some of ``rest`` works on
    strings, too, and nothing of it can be traced.
    """

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    host: tuple[Step, ...]
    rest: tuple[Step, ...]
    handed: Mapping[str, int]
    open: bool  # something that is handed over has dimensions that differ from batch to batch
    eager: bool

    def on_host(self, inputs: Sequence[Any]) -> Values:
        """Run the part on the host; gives the values of all its tensors."""
        values: Values = dict(zip(self.inputs, inputs, strict=True))
        for step in self.host:
            step.run(values, {"training": False})
        return values

    def finish(self, values: Values, settings: Mapping[str, Any]) -> list[Any]:
        """Run the rest; gives the outputs in order."""
        for step in self.rest:
            step.run(values, settings)
        return [values[number] for number in self.outputs]


def has_host_layers(graph: Any) -> bool:
    """Whether something in a graph, or in graphs in it, runs on the host."""
    return any(_runs_on_host(node.operation, node) for node in _keras.graph_nodes(graph)) or any(
        has_host_layers(inner) for node in _keras.graph_nodes(graph) if (inner := _keras.graph_of(node.operation))
    )


def _runs_on_host(operation: Any, node: Any) -> bool:
    strings = any(tensor.dtype == "string" for tensor in (*node.input_tensors, *node.outputs))
    return getattr(operation, "runs_on_host", False) or (strings and _keras.graph_of(operation) is None)


def plan(graph: Any) -> Plan:
    """Split a graph: on the host run the layers that must, if no weights come before them, and what leads to them."""
    numbers = iter(range(10**9))
    known = {id(tensor): next(numbers) for tensor in graph.inputs}
    specs = {known[id(tensor)]: tensor for tensor in graph.inputs}
    inputs = tuple(known.values())
    steps = list(_steps(graph, known, {}, numbers, specs))
    outputs = tuple(known[id(tensor)] for tensor in graph.outputs)
    host = _host_steps(steps)
    rest = [step for i, step in enumerate(steps) if i not in host]
    made = {*inputs, *(number for i in host for number in steps[i].outputs)}
    used = {number for step in rest for number in step.inputs} | set(outputs)
    handed = {f"reinstate.{number}": number for number in sorted(made & used)}
    return Plan(
        inputs,
        outputs,
        tuple(steps[i] for i in sorted(host)),
        tuple(rest),
        handed,
        open=any(None in specs[number].shape[1:] for number in handed.values()),
        eager=any(step.host for step in rest) or any(specs[number].dtype == "string" for number in handed.values()),
    )


def _steps(
    graph: Any, known: dict[int, int], settings: Mapping[str, Any], numbers: Iterator[int], specs: dict[int, Any]
) -> Iterator[Step]:
    """The steps of a graph in order, those of graphs with host layers in it among them."""
    for node in _keras.graph_nodes(graph):
        inner = _keras.graph_of(node.operation)
        given = tuple(known[id(tensor)] for tensor in node.input_tensors)
        if inner is not None and has_host_layers(inner):
            below = {id(tensor): number for tensor, number in zip(inner.inputs, given, strict=True)}
            training = node.arguments.kwargs.get("training")
            nested = settings if training is None else {**settings, "training": training}
            yield from _steps(inner, below, nested, numbers, specs)
            known.update({id(outer): below[id(mine)] for outer, mine in zip(node.outputs, inner.outputs, strict=True)})
            continue
        made = {id(tensor): next(numbers) for tensor in node.outputs}
        specs.update({made[id(tensor)]: tensor for tensor in node.outputs})
        known.update(made)
        host = _runs_on_host(node.operation, node)
        wanted = {id(tensor): known[id(tensor)] for tensor in node.input_tensors}
        yield Step(node.operation, node.arguments, wanted, given, tuple(made.values()), dict(settings), host)


def _host_steps(steps: Sequence[Step]) -> set[int]:
    """The numbers of the steps that run on the host: layers that must, and all that they are computed from.

    A layer that works on what weights have made of its inputs would have to run again after every step of training.
    """
    maker = {number: i for i, step in enumerate(steps) for number in step.outputs}
    weighted: set[int] = set()
    for i, step in enumerate(steps):
        own = not step.host and any(w.trainable for w in getattr(step.operation, "weights", ()))
        if own or any(maker.get(number) in weighted for number in step.inputs):
            weighted.add(i)
    stack = [i for i, step in enumerate(steps) if step.host and i not in weighted]
    found: set[int] = set()
    while stack:
        i = stack.pop()
        if i not in found:
            found.add(i)
            stack += [maker[number] for number in steps[i].inputs if number in maker]
    return found
