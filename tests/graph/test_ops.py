"""Each op gives what TensorFlow gave: with its inputs known, and under jax.jit with all unknown that may be."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import jax
import ml_dtypes
import numpy as np
import pytest

import reinstate.graph.ops  # noqa: F401 (fills the table)
from reinstate import dtypes
from reinstate.errors import ReinstateError
from reinstate.graph import op_defs
from reinstate.graph.rules import RULES, native
from reinstate.graph.run import Context, Library
from reinstate.wire import messages
from tests.graph.packing import unpack

RECORDS = Path(__file__).parent / "records"
GROUPS = sorted(path.stem for path in RECORDS.glob("*.json"))

# Tried in functions and models (test_functions.py, test_models.py, test_user_models.py), not one by one.
ELSEWHERE = ("TensorList", "Random", "Stateless", "Resource", "Assign", "Rng", "Variable", "Var")
ELSEWHERE += ("TensorArray", "LookupTable", "InitializeTable", "Anonymous")
IN_FUNCTIONS = {
    *("PartitionedCall", "StatefulPartitionedCall", "NoOp", "ControlTrigger", "Placeholder", "Assert", "If", "Case"),
    *("While", "Const", "EmptyTensorList", "ReadVariableOp", "DisableCopyOnRead", "DestroyResourceOp", "Multinomial"),
    *("TruncatedNormal", "XlaDynamicUpdateSlice", "XlaDynamicSlice"),
    *("HashTable", "HashTableV2", "MutableHashTable", "MutableHashTableV2", "MutableHashTableOfTensors"),
    *("Dequantize", "RaggedTensorToVariant", "RaggedTensorFromVariant"),
    *("MutableHashTableOfTensorsV2", "MutableDenseHashTable", "MutableDenseHashTableV2"),
}


# Inputs that may be traced only where the sizes do not depend on them.
MOSTLY_FIXED = {"Slice": {1}, "StridedSlice": {1, 2}, "StridedSliceGrad": {1, 2}}


@cache
def records(group):
    with np.load(RECORDS / f"{group}.npz") as file:
        arrays = dict(file)
    return json.loads((RECORDS / f"{group}.json").read_text()), arrays


OPS = sorted({(group, about["op"]) for group in GROUPS for about in records(group)[0]})


class Recorded:
    def __init__(self, group, number):
        index, arrays = records(group)
        self.about = index[number]
        prefix = f"{number}/"
        mine = {name.removeprefix(prefix): unpack(value) for name, value in arrays.items() if name.startswith(prefix)}
        self.inputs = [mine[f"in/{i}"] for i in range(len([n for n in mine if n.startswith("in/")]))]
        self.outputs = [mine[f"out/{i}"] for i in range(len([n for n in mine if n.startswith("out/")]))]
        message = messages.parse(messages.FunctionDef, mine["def"].tobytes())
        self.name = message.signature.name
        self.library = Library({self.name: message})
        step = next(step for step in self.library.plan(self.name).steps if step.op == self.about["op"])
        self.fixed = self._fixed(step) | MOSTLY_FIXED.get(step.op, set())

    def _fixed(self, step):
        """The positions of the inputs that must be known."""
        if step.groups is None:
            return step.rule.static
        starts = np.concatenate([[0], np.cumsum(np.abs(step.groups))])
        return frozenset(i for p in step.rule.static for i in range(starts[p], starts[p + 1]))

    def run(self, inputs):
        self.library.check(self.name)
        return Context(self.library).call(self.name, inputs)

    @property
    def free(self):
        """The inputs that may be unknown, as jax has them."""
        free = {i: value for i, value in enumerate(self.inputs) if i not in self.fixed}
        return {i: value.astype(native(value.dtype)) for i, value in free.items()}

    def run_with(self, free):
        return self.run([free.get(i, value) for i, value in enumerate(self.inputs)])

    @property
    def text(self):
        """Whether it takes or gives strings, which jax has not."""
        return any(value.dtype == object for value in (*self.inputs, *self.outputs))


def meant(recorded):
    """How many of the outputs mean something; the others are scratch space for the gradient."""
    if recorded.about["op"].startswith("FusedBatchNorm"):
        return 5 if recorded.about["attributes"]["is_training"] == "True" else 3
    return 1 if recorded.about["op"] in ("Svd", "SelfAdjointEigV2", "Eig") else None


TOLERANCE = {"float16": 2e-3, "bfloat16": 2e-2, "float64": 1e-5}


def check(recorded, outputs):
    assert len(outputs) == len(recorded.outputs)
    together = list(zip(recorded.about["dtypes"], recorded.outputs, outputs, strict=True))
    for name, expected, output in together[: meant(recorded)]:
        dtype = dtypes.from_name(name)
        allowed = {dtype.numpy} if name == "string" else {dtype.numpy, native(dtype)}
        assert output.dtype in allowed, "another dtype"
        assert output.shape == expected.shape
        actual = np.asarray(output)
        if actual.dtype == ml_dtypes.bfloat16:
            actual = actual.astype(np.float32)
        if dtype.numpy.kind in "iubO":
            np.testing.assert_array_equal(actual, expected)
        else:
            tolerance = TOLERANCE.get(name, 1e-5)
            if recorded.about["op"] == "Eig":  # in the order of whatever library computes them
                actual, expected = np.sort(actual), np.sort(expected)
            np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("group", "op"), OPS)
def test_as_tensorflow(group, op):
    mine = [Recorded(group, i) for i, about in enumerate(records(group)[0]) if about["op"] == op]
    for recorded in mine:
        if "error" in recorded.about:
            with pytest.raises(ReinstateError, match=op):
                recorded.run(recorded.inputs)
    good = [recorded for recorded in mine if "error" not in recorded.about]
    for recorded in good:
        if recorded.text or RULES[op].xp or RULES[op].raw:  # the other rules never see numpy
            check(recorded, recorded.run(recorded.inputs))
    good = [recorded for recorded in good if not recorded.text]
    compiled = jax.jit(lambda values: [recorded.run_with(free) for recorded, free in zip(good, values, strict=True)])
    for recorded, outputs in zip(good, compiled([recorded.free for recorded in good]), strict=True):
        check(recorded, outputs)


def test_every_rule_has_a_case():
    tried = {op for _, op in OPS}
    untried = [op for op in RULES if op not in tried and op not in IN_FUNCTIONS and not op.startswith(ELSEWHERE)]
    assert not untried


@pytest.mark.parametrize("op", sorted(RULES))
def test_rules_know_the_attributes_of_their_op(op):
    definition, rule = op_defs.find(op), RULES[op]
    assert definition is not None
    named = rule.attributes | rule.ignored
    assert named <= set(definition.attributes)
    types = {name for name, attribute in definition.attributes.items() if "type" in attribute.kind}
    assert set(definition.attributes) <= named | definition.sizes | types
