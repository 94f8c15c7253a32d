"""A function in two parts: what runs on the host, in numpy, and the rest, which is compiled.

JAX has no strings and no tables. What works on them, and all that it is computed from, runs on the host; so does what
needs to know a value that comes from there. What is called is first put in place of its call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reinstate.graph.plan import Plan, Step, functions_in

_CALLS = frozenset(("PartitionedCall", "StatefulPartitionedCall"))
_SHAPES = frozenset(("Shape", "ShapeN", "Size", "Rank"))  # known whatever the values are
_PASSING = frozenset(("Identity", "IdentityN", "Assert"))  # of strings, too
_MOST = 200_000  # steps of a function with all that it calls


@dataclass(frozen=True, slots=True)
class Halves:
    """The two parts. The second takes the function's arguments and then the first ``handed`` results of the first.

    ``order`` says of each result of the function whether the first part gives it, and its place among what that gives.
    """

    host: Plan
    rest: Plan
    handed: int
    order: tuple[tuple[bool, int], ...]


def inlined(plan: Plan, find: Callable[[str], Plan]) -> Plan:
    """The function with the steps of those that it calls in place of the calls."""
    steps: list[Step] = []
    place: dict[int, int] = {slot: slot for slot in range(len(plan.arguments))}
    slots = _append(plan, place, len(plan.arguments), find, steps)
    results = tuple(place[slot] for slot in plan.results)
    return Plan(plan.name, plan.arguments, tuple(steps), results, slots, plan.calls)


def _append(plan: Plan, place: dict[int, int], slots: int, find: Callable[[str], Plan], steps: list[Step]) -> int:
    """Add the steps of a plan whose slots go to ``place``; gives the number of slots then."""
    for step in plan.steps:
        inputs = tuple(place[slot] for slot in step.inputs)
        if step.op in _CALLS:
            inner = find(str(step.attributes["f"]))
            within = dict(enumerate(inputs))
            slots = _append(inner, within, slots, find, steps)
            place.update({step.output + i: within[slot] for i, slot in enumerate(inner.results)})
            continue
        place.update({step.output + i: slots + i for i in range(step.count)})
        if len(steps) >= _MOST:
            raise OverflowError
        steps.append(replace(step, inputs=inputs, output=slots))
        slots += step.count
    return slots


def halves(plan: Plan, text: Iterable[int], on_host: Callable[[str], bool]) -> Halves | None:
    """Split an inlined function; ``text`` are the arguments that jax cannot take.

    ``on_host`` says whether a function that a step runs has something that must. None: nothing is left to compile, or
    the two parts would need each other.
    """
    host = _host_steps(plan, set(text), on_host)
    if any(_writes(plan.steps[i]) for i in host):
        return None  # what it writes must be seen, and seen once
    first = [step for i, step in enumerate(plan.steps) if i in host]
    rest = [step for i, step in enumerate(plan.steps) if i not in host]
    if not rest:
        return None
    made = {step.output + i for step in first for i in range(step.count)}
    handed = tuple(sorted({slot for step in rest for slot in step.inputs if slot in made}))
    given = tuple(slot for slot in plan.results if slot in made or slot < len(plan.arguments))
    later = tuple(slot for slot in plan.results if slot not in given)
    order = tuple(
        (slot in given, len(handed) + given.index(slot) if slot in given else later.index(slot))
        for slot in plan.results
    )
    return Halves(_part(plan, first, handed + given), _part(plan, rest, later, handed), len(handed), order)


def _writes(step: Step) -> bool:
    return step.rule.stateful and not step.host and step.op != "Assert"


def _host_steps(plan: Plan, text: set[int], on_host: Callable[[str], bool]) -> set[int]:
    maker = {step.output + i: number for number, step in enumerate(plan.steps) for i in range(step.count)}
    host: set[int] = set()
    for _ in range(len(plan.steps) + 1):
        before = len(host)
        tainted, here = set(text), set(text)
        for number, step in enumerate(plan.steps):
            values = tainted.intersection(step.inputs)
            calls = any(on_host(name) for name in functions_in(step.attributes))
            near = step.op in _PASSING and here.intersection(step.inputs)
            if step.host or calls or near or text.intersection(step.inputs) or _needs_value(step, tainted):
                _include(number, plan, maker, host)
            made = range(step.output, step.output + step.count)
            if number in host:
                here.update(made)
            if number in host or (values and step.op not in _SHAPES):
                tainted.update(made)
        if len(host) == before:
            break
    return host


def _needs_value(step: Step, tainted: set[int]) -> bool:
    """Whether a value from the host decides on the shape of what the step gives."""
    if step.groups is None:
        return any(step.inputs[i] in tainted for i in step.rule.static if i < len(step.inputs))
    at = 0
    for position, group in enumerate(step.groups):
        if position in step.rule.static and tainted.intersection(step.inputs[at : at + abs(group)]):
            return True
        at += abs(group)
    return False


def _include(number: int, plan: Plan, maker: dict[int, int], host: set[int]) -> None:
    stack = [number]
    while stack:
        current = stack.pop()
        if current not in host:
            host.add(current)
            stack += [maker[slot] for slot in plan.steps[current].inputs if slot in maker]


def _part(plan: Plan, steps: list[Step], results: tuple[int, ...], handed: Sequence[int] = ()) -> Plan:
    """Some of the steps as a function that takes the arguments and ``handed``."""
    known = len(plan.arguments)
    place = {slot: slot for slot in range(known)} | {slot: known + i for i, slot in enumerate(handed)}
    slots, moved = known + len(handed), []
    for step in steps:
        inputs = tuple(place[slot] for slot in step.inputs)
        place.update({step.output + i: slots + i for i in range(step.count)})
        moved.append(replace(step, inputs=inputs, output=slots))
        slots += step.count
    arguments = (*plan.arguments, *(f"handed {i}" for i in range(len(handed))))
    kept: Any = tuple(place[slot] for slot in results)
    return Plan(plan.name, arguments, tuple(moved), kept, slots, plan.calls)
