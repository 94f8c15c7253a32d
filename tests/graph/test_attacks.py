"""Graphs by strangers: damage and malice are our own errors, with the place; nothing runs before all of it is known."""

from __future__ import annotations

import numpy as np
import pytest

import reinstate.graph.ops  # noqa: F401 (fills the table)
from reinstate.errors import CorruptError, MismatchError, UnsafeError, UnsupportedError
from reinstate.graph import op_defs
from reinstate.graph.plan import plan_graph
from reinstate.graph.rules import RULES
from reinstate.graph.run import Context, Library
from reinstate.wire import messages
from reinstate.wire.tensors import read_tensor

FLOAT, INT, STRING = 1, 3, 7


def function(name, nodes, result="y:z:0", arguments=("x",)):
    message = messages.FunctionDef()
    message.signature.name = name
    for argument in arguments:
        message.signature.input_arg.add(name=argument, type=FLOAT)
    message.signature.output_arg.add(name="out", type=FLOAT)
    message.ret["out"] = result
    message.node_def.extend(nodes)
    return message


def node(name, op, *inputs, **attributes):
    message = messages.NodeDef(name=name, op=op, input=inputs)
    for key, value in attributes.items():
        kind = {int: "i", bytes: "s", bool: "b", float: "f"}.get(type(value))
        if kind:
            setattr(message.attr[key], kind, value)
        else:
            message.attr[key].CopyFrom(value)
    return message


def types(*enums):
    message = messages.AttrValue()
    message.list.type.extend(enums)
    return message


def dtype(enum):
    return messages.AttrValue(type=enum)


def func(name):
    return messages.AttrValue(func=messages.NameAttrList(name=name))


def call(name, callee, *inputs):
    return node(name, "PartitionedCall", *inputs, f=func(callee), Tin=types(FLOAT), Tout=types(FLOAT))


def library(*functions):
    return Library({each.signature.name: each for each in functions})


def run(*functions, x=1.0):
    made = library(*functions)
    made.check("f")
    return Context(made).call("f", [np.float32(x)])


ADD = node("y", "AddV2", "x", "x", T=dtype(FLOAT))


def test_the_plain_case_runs():
    assert run(function("f", [ADD])) == [2.0]


def test_all_unsupported_ops_are_named_with_node_and_function():
    inner = function("g", [node("deep", "CTCBeamSearchDecoder"), node("y", "Acosh", "x", T=dtype(FLOAT))], "y:y:0")
    inner.control_ret["deep"] = "deep"
    outer = function(
        "f",
        [
            node("strange", "MyOwnOp", "x"),
            call("c", "g", "x"),
            node("y", "AddV2", "c:output:0", "strange:o:0", T=dtype(1)),
        ],
    )
    with pytest.raises(UnsupportedError) as error:
        run(inner, outer)
    assert set(error.value.offenders) == {
        "MyOwnOp (node strange): not an op of TensorFlow's own in f",
        "CTCBeamSearchDecoder (node deep) in g",
    }


@pytest.mark.parametrize(
    ("op", "reason"),
    [("WriteFile", "reaches files"), ("ReadFile", "reaches files"), ("PyFunc", "runs Python"), ("PrintV2", "prints"),
     ("EagerPyFunc", "runs Python"), ("SaveV2", "reaches files"), ("RpcCall", "reaches other processes")],
)  # fmt: skip
def test_what_reaches_out_is_refused(op, reason):
    message = function("f", [ADD, node("bad", op, "x")])
    message.control_ret["bad"] = "bad"
    with pytest.raises(UnsafeError, match=rf"{op} \(node bad\): {reason}.* in f"):
        run(message)


def test_no_refused_op_has_a_rule():
    from reinstate.graph.refused import _REASONS

    assert not set(_REASONS) & set(RULES)
    reaching = ("File", "PyFunc", "Print", "Rpc", "Summary", "Save", "Restore", "Dataset", "Send", "Recv", "Iterator")
    assets = {"InitializeTableFromTextFile", "InitializeTableFromTextFileV2"}  # files of the model itself
    assert not [op for op in RULES if op not in assets and any(word in op for word in reaching)]


def test_dead_nodes_do_not_matter():
    assert run(function("f", [ADD, node("dead", "PyFunc", "x")])) == [2.0]


def test_recursion():
    with pytest.raises(UnsupportedError, match="'f' calls itself"):
        run(function("f", [call("c", "f", "x")], "c:output:0"))
    with pytest.raises(UnsupportedError, match="calls itself"):
        run(function("f", [call("c", "g", "x")], "c:output:0"), function("g", [call("c", "f", "x")], "c:output:0"))


def test_calls_that_are_nested_deep_or_multiply():
    chain = [function(f"g{i}", [call("c", f"g{i + 1}", "x")], "c:output:0") for i in range(3000)]
    last = function("g3000", [ADD])
    with pytest.raises(UnsupportedError, match="deep"):
        run(function("f", [call("c", "g0", "x")], "c:output:0"), *chain, last)
    twice = [
        function(f"h{i}", [call("a", f"h{i + 1}", "x"), call("c", f"h{i + 1}", "a:output:0")], "c:output:0")
        for i in range(40)
    ]
    with pytest.raises(UnsupportedError, match="steps"):
        run(function("f", [call("c", "h0", "x")], "c:output:0"), *twice, function("h40", [ADD]))


def test_nodes_in_a_circle():
    nodes = [node("y", "AddV2", "x", "b:z:0", T=dtype(1)), node("b", "AddV2", "y:z:0", "x", T=dtype(1))]
    with pytest.raises(CorruptError, match=r"function f > nodes need each other in a circle: y -> b"):
        run(function("f", nodes))
    with pytest.raises(CorruptError, match="circle"):
        run(function("f", [node("y", "AddV2", "x", "x", "^y", T=dtype(1))]))


def test_a_long_chain_of_nodes_is_no_problem():
    nodes = [node("n0", "Neg", "x", T=dtype(1))]
    nodes += [node(f"n{i}", "Neg", f"n{i - 1}:y:0", T=dtype(1)) for i in range(1, 5000)]
    assert run(function("f", nodes, "n4999:y:0")) == [1.0]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (node("y", "AddV2", "x", "nowhere:z:0", T=dtype(1)), "refers to a node that is not there"),
        (node("y", "AddV2", "x", T=dtype(1)), "1 inputs, where there should be 2"),
        (node("y", "AddV2", "x", "x", "x", T=dtype(1)), "3 inputs, where there should be 2"),
        (node("y", "AddV2", "x", "x"), "the attribute T is missing"),
        (node("y", "AddV2", "x", "x", T=3), "attribute T > it is i, not a type"),
        (node("y", "AddV2", "x", "x", T=dtype(99)), "no dtype with the number 99"),
        (node("y", "AddV2", "x", "x:1", T=dtype(1)), "an argument is one tensor"),
        (
            node("y", "Conv2D", "x", "x", T=dtype(1), strides=3, padding=b"SAME"),
            r"strides > it is i, not a list\(int\)",
        ),
        (node("y", "Conv2D", "x", "x", T=dtype(1), strides=types(1), padding=b"SAME"), "strides > it is list"),
        (node("y", "Pack", "x", N=-1, T=dtype(1)), "-1 tensors in values"),
        (node("y", "Pack", "x", N=2**40, T=dtype(1)), "tensors in values"),
        (node("y", "IdentityN", "x", T=types(1, 1)), "1 inputs, where there should be 2"),
    ],
)
def test_damaged_nodes(bad, reason):
    with pytest.raises(CorruptError, match=reason):
        run(function("f", [bad]))


def test_damaged_functions():
    with pytest.raises(CorruptError, match="two nodes have the name 'y'"):
        run(function("f", [ADD, ADD]))
    with pytest.raises(CorruptError, match="has no output of this name"):
        run(function("f", [ADD], "y:w:0"))
    with pytest.raises(CorruptError, match="there are 1 tensors only"):
        run(function("f", [ADD], "y:z:1"))
    with pytest.raises(CorruptError, match="there is no function 'g'"):
        run(function("f", [call("c", "g", "x")], "c:output:0"))
    with pytest.raises(CorruptError, match="not the name of an output"):
        run(function("f", [ADD], "y:z:a"))
    message = function("f", [ADD])
    message.ret.clear()
    with pytest.raises(CorruptError, match="nothing is said of the outputs out"):
        run(message)


def test_a_call_with_a_wrong_number_of_arguments():
    callee = function("g", [ADD], arguments=("x", "w"))
    with pytest.raises(CorruptError, match="g: called with 1 arguments, it takes 2"):
        run(function("f", [call("c", "g", "x")], "c:output:0"), callee)


def test_attributes_of_a_newer_tensorflow():
    with pytest.raises(UnsupportedError, match="new_thing"):
        run(function("f", [node("y", "AddV2", "x", "x", T=dtype(1), new_thing=True)]))
    assert run(function("f", [node("y", "AddV2", "x", "x", T=dtype(1), _note=True)])) == [2.0]


def test_values_that_an_op_cannot_take_say_where():
    with pytest.raises(MismatchError, match=r"function f > node y \(MatMul\) > "):
        run(function("f", [node("y", "MatMul", "x", "x", T=dtype(1))], "y:product:0"))


def constant(shape, **values):
    message = messages.TensorProto(dtype=values.pop("dtype", FLOAT), **values)
    for size in shape:
        message.tensor_shape.dim.add(size=size)
    return message


def test_constants():
    np.testing.assert_array_equal(read_tensor(constant([3], float_val=[1, 2])), [1, 2, 2])
    np.testing.assert_array_equal(read_tensor(constant([2, 2])), np.zeros((2, 2)))
    content = constant([2], dtype=INT, tensor_content=np.array([5, -6], "<i4").tobytes())
    np.testing.assert_array_equal(read_tensor(content), [5, -6])
    half = read_tensor(constant([2], dtype=19, half_val=[0x3C00]))
    assert half.dtype == np.float16 and half.tolist() == [1, 1]
    brain = read_tensor(constant([], dtype=14, half_val=[0x3FC0]))
    assert brain.dtype.name == "bfloat16" and float(brain) == 1.5
    text = read_tensor(constant([2], dtype=STRING, string_val=[b"a"]))
    assert text.tolist() == [b"a", b"a"]
    assert read_tensor(constant([1], dtype=8, scomplex_val=[1, -2])).tolist() == [1 - 2j]
    assert read_tensor(constant([2], dtype=10, bool_val=[True])).tolist() == [True, True]
    assert read_tensor(constant([], dtype=23, uint64_val=[2**63])).tolist() == 2**63


@pytest.mark.parametrize(
    "message",
    [
        constant([3], tensor_content=b"1234"),
        constant([1], float_val=[1, 2]),
        constant([-1], float_val=[1]),
        constant([2**40], float_val=[1]),
        constant([1], dtype=8, scomplex_val=[1]),
        constant([1], dtype=6, int_val=[1000]),
        constant([2], dtype=10, tensor_content=b"\x01\x02"),
        constant([1], dtype=STRING, tensor_content=b"ab"),
        constant([1], dtype=0),
    ],
)
def test_damaged_constants(message):
    with pytest.raises(CorruptError):
        read_tensor(message)


def test_a_constant_that_would_fill_memory_only_when_run():
    dims = node(
        "d", "Const", value=messages.AttrValue(tensor=constant([2], dtype=INT, int_val=[2**30])), dtype=dtype(INT)
    )
    with pytest.raises(MismatchError, match=r"a tensor of the shape \[1073741824, 1073741824\]"):
        run(function("f", [dims, node("y", "Fill", "d:output:0", "x", T=dtype(1))], "y:output:0"))


def test_names_of_tensors_in_a_graph():
    nodes = [node("a", "Placeholder", dtype=dtype(1)), node("b", "Neg", "a", T=dtype(1))]
    plan = plan_graph(nodes, ["a:0"], ["b:0"], {})
    assert Context(Library({})).run(plan, [np.float32(3)]) == [-3.0]
    with pytest.raises(CorruptError, match="there are 1 tensors only"):
        plan_graph(nodes, ["a:0"], ["b:1"], {})
    with pytest.raises(CorruptError, match="not the name of a tensor"):
        plan_graph(nodes, ["a:0"], ["b:x"], {})


def test_op_definitions():
    assert op_defs.find("AddV2").outputs[0].name == "z"
    assert op_defs.find("Conv2D").attributes["dilations"].default == [1, 1, 1, 1]
    assert op_defs.find("While").stateful
    assert op_defs.find("NoOp").inputs == ()
    assert op_defs.find("Nothing") is None
    assert len(op_defs.names()) > 1400


def test_a_table_is_filled_from_assets_only():
    with pytest.raises(UnsafeError, match="'/etc/passwd', which is no asset of the model"):
        Context(Library({})).lines(b"/etc/passwd")


def test_control_flow_of_tf1_that_is_damaged():
    merge = messages.NodeDef(name="m", op="Merge", input=["a", "b"])
    circle = [messages.NodeDef(name=a, op="Identity", input=[b]) for a, b in (("p", "q"), ("q", "p"))]
    with pytest.raises(UnsupportedError, match="whose branches no one condition decides on"):
        Library({}).plan_graph([merge], [], ["m:0"])
    with pytest.raises(CorruptError, match="without its inputs"):
        Library({}).plan_graph([merge, messages.NodeDef(name="a", op="Switch")], [], ["m:0"])
    switch = messages.NodeDef(name="a", op="Switch", input=["x", "p"])
    with pytest.raises(CorruptError, match="in a circle"):
        Library({}).plan_graph([merge, switch, *circle], [], ["m:0"])
