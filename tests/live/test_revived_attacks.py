"""Functions of revived layers by strangers: refused before anything runs, with an error of our own that says where."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import reinstate
from reinstate.errors import ReinstateError, UnsafeError, UnsupportedError
from reinstate.wire import messages

pytestmark = [
    pytest.mark.filterwarnings("ignore::reinstate.LossyWarning"),
    pytest.mark.filterwarnings("ignore:the model was saved without compile settings"),
]
STRING = 7


@pytest.fixture(scope="module")
def original(oracle, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("attacked")
    oracle("revived.write", folder=str(folder), only=["scale", "whole"])
    return folder


@pytest.fixture
def attack(original: Path, tmp_path: Path) -> Callable[..., Path]:
    """Change the ``SavedModel`` message of a model; gives the changed model."""

    def change(alter: Callable[[Any], None], name: str = "scale") -> Path:
        target = tmp_path / name
        shutil.copytree(original / name, target)
        message = messages.parse(messages.SavedModel, (target / "saved_model.pb").read_bytes())
        alter(message.meta_graphs[0])
        (target / "saved_model.pb").write_bytes(messages.serialize(message))
        return target

    return change


def layer_functions(meta_graph: Any) -> list[Any]:
    return [each for each in meta_graph.graph_def.library.function if "scale_layer_call" in each.signature.name]


def write_file(target: Path) -> Callable[[Any], None]:
    def alter(meta_graph: Any) -> None:
        for function in layer_functions(meta_graph):
            for name, value in (("path", str(target)), ("text", "owned")):
                node = function.node_def.add(name=name, op="Const")
                node.attr["dtype"].type = STRING
                node.attr["value"].tensor.dtype = STRING
                node.attr["value"].tensor.tensor_shape.SetInParent()
                node.attr["value"].tensor.string_val.append(value.encode())
            function.node_def.add(name="own", op="WriteFile", input=["path:output:0", "text:output:0"])
            function.control_ret["own"] = "own"

    return alter


def py_func(meta_graph: Any) -> None:
    for function in layer_functions(meta_graph):
        node = function.node_def.add(name="own", op="PyFunc")
        node.attr["token"].s = b"pyfunc_0"
        function.control_ret["own"] = "own"


def recursion(meta_graph: Any) -> None:
    for function in layer_functions(meta_graph):
        node = function.node_def.add(name="again", op="StatefulPartitionedCall")
        node.attr["f"].func.name = function.signature.name
        node.input.extend(argument.name for argument in function.signature.input_arg)
        node.attr["Tin"].list.type.extend(argument.type for argument in function.signature.input_arg)
        node.attr["Tout"].list.SetInParent()
        function.control_ret["again"] = "again"


def test_a_function_that_writes_a_file_is_refused(attack, tmp_path: Path) -> None:
    target = tmp_path / "owned"
    with pytest.raises(UnsafeError, match="WriteFile"):
        reinstate.load_model(attack(write_file(target)))
    assert not target.exists()


@pytest.mark.parametrize(
    ("alter", "error", "text"),
    [(py_func, UnsafeError, "PyFunc"), (recursion, UnsupportedError, "calls itself")],
)
def test_functions_that_may_not_run_are_refused(attack, alter, error, text: str) -> None:
    with pytest.raises(error, match=text):
        reinstate.load_model(attack(alter)).predict_on_batch(np.ones((2, 4), "float32"))


def bound_too_little(meta_graph: Any) -> None:
    for name, function in meta_graph.object_graph_def.concrete_functions.items():
        if "scale_layer_call" in name:
            del function.bound_inputs[:]


def bound_to_another(meta_graph: Any) -> None:
    for name, function in meta_graph.object_graph_def.concrete_functions.items():
        if "scale_layer_call" in name:
            function.bound_inputs[0] = 0


def parameters(*names: str) -> Callable[[Any], None]:
    def alter(meta_graph: Any) -> None:
        for node in meta_graph.object_graph_def.nodes:
            for pair in node.function.function_spec.fullargspec.named_tuple_value.values:
                if pair.key == "args":
                    del pair.value.list_value.values[:]
                    for name in ("self", *names):
                        pair.value.list_value.values.add(string_value=name)

    return alter


@pytest.mark.parametrize("alter", [bound_too_little, bound_to_another, parameters("a b"), parameters("x", "x")])
def test_damage_is_said(attack, alter) -> None:
    with pytest.raises(ReinstateError, match="scale"):
        reinstate.load_model(attack(alter)).predict_on_batch(np.ones((2, 4), "float32"))


def in_a_circle(meta_graph: Any) -> None:
    for index, node in enumerate(meta_graph.object_graph_def.nodes):
        if node.user_object.identifier.startswith("_tf_keras"):
            node.children.add(local_name="root", node_id=0)
            node.children.add(local_name="itself", node_id=index)


def test_layers_that_stand_in_each_other_are_no_endless_loop(attack) -> None:
    model = reinstate.load_model(attack(in_a_circle, "whole"))
    assert len(model.weights) == 14
    assert model.predict_on_batch(np.ones((2, 4), "float32")).shape == (2, 1)


@pytest.mark.parametrize("node", [-1, 10**9, "0", None, 0])
def test_a_config_cannot_name_what_is_to_be_revived(tmp_path: Path, node: Any) -> None:
    import h5py

    seen = keras.Input((4,), name="seen")
    model = keras.Model(seen, keras.layers.Dense(1, name="dense")(seen))
    reinstate.save_model(model, tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "r+") as file:
        for name in ("model_config", *[key for key in file.attrs if "keras3" in key]):
            text = file.attrs[name]
            text = text.decode() if isinstance(text, bytes) else text
            file.attrs[name] = text.replace('"Dense"', '"reinstate>Revived"').replace('"units"', '"node"')
    with pytest.raises(ReinstateError):
        reinstate.load_model(tmp_path / "model.h5")


def test_random_damage_is_an_error_of_ours_or_none(original: Path, tmp_path: Path) -> None:
    generator = random.Random(5)
    plain = (original / "whole" / "saved_model.pb").read_bytes()
    refused = 0
    for attempt in range(12):
        target = tmp_path / str(attempt)
        shutil.copytree(original / "whole", target)
        data = bytearray(plain)
        for _ in range(4):
            data[generator.randrange(len(data))] = generator.randrange(256)
        (target / "saved_model.pb").write_bytes(data)
        try:
            reinstate.load_model(target).predict_on_batch(np.ones((2, 4), "float32"))
        except (ReinstateError, OSError):
            refused += 1
    assert refused > 0


def test_the_plain_case_loads(attack) -> None:
    model = reinstate.load_model(attack(lambda meta_graph: None))
    assert model.predict_on_batch(np.ones((2, 4), "float32")).shape == (2, 1)
