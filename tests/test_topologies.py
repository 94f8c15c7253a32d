"""Random functional models, with shared layers and nested models, survive every format."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import reinstate
from reinstate.config import Context, down_model, up_model
from reinstate.live.capture import serialize

WIDTH = 3
KINDS = ["dense", "shared", "activation", "add", "concatenate", "subtract", "nested", "nested pair", "kwargs"]

# A node: what it is, which layer or model of its kind (so that some are shared), and which tensors it takes.
NODE = st.tuples(st.sampled_from(KINDS), st.integers(0, 2), st.lists(st.integers(0, 99), min_size=3, max_size=3))
GRAPH = st.tuples(st.integers(1, 3), st.lists(NODE, min_size=1, max_size=60), st.integers(1, 3))


class Builder:
    """Makes a model of a drawn graph; every tensor is ``(batch, WIDTH)``."""

    def __init__(self) -> None:
        self._shared: dict[tuple[str, int], Any] = {}

    def model(self, graph: Any) -> keras.Model:
        count, nodes, ends = graph
        inputs = [keras.Input((WIDTH,), name=f"in_{i}") for i in range(count)]
        tensors: list[Any] = list(inputs)
        for number, (kind, which, sources) in enumerate(nodes):
            picked = [tensors[source % len(tensors)] for source in sources]
            tensors.append(self._call(kind, which, number, picked))
        return keras.Model(inputs, tensors[-ends:])

    def _call(self, kind: str, which: int, number: int, x: list[Any]) -> Any:
        layers = keras.layers
        match kind:
            case "dense":
                return layers.Dense(WIDTH, name=f"dense_{number}")(x[0])
            case "shared":
                return self._once(kind, which, lambda: layers.Dense(WIDTH, name=f"shared_{which}"))(x[0])
            case "activation":
                return layers.Activation("tanh", name=f"activation_{number}")(x[0])
            case "add":
                return layers.Add(name=f"add_{number}")(x)
            case "subtract":
                return layers.Subtract(name=f"subtract_{number}")(x[:2])
            case "concatenate":
                joined = layers.Concatenate(name=f"concatenate_{number}")(x)
                return layers.Dense(WIDTH, name=f"joined_{number}")(joined)
            case "nested":
                return self._once(kind, which, lambda: _sequence(which))(x[0])
            case "nested pair":
                return self._once(kind, which, lambda: _pair(which))(x[:2])
            case _:
                attention = self._once(kind, which, lambda: _attention(which))
                expand = self._once("expand", 0, lambda: layers.Reshape((1, WIDTH), name="expand"))
                query, value, key = (expand(each) for each in x)
                return layers.Flatten(name=f"flatten_{number}")(attention(query, value=value, key=key))

    def _once(self, kind: str, which: int, make: Any) -> Any:
        if (kind, which) not in self._shared:
            self._shared[kind, which] = make()
        return self._shared[kind, which]


def _sequence(which: int) -> keras.Model:
    layers = [keras.Input((WIDTH,)), keras.layers.Dense(2, "relu", name="a"), keras.layers.Dense(WIDTH, name="b")]
    return keras.Sequential(layers, name=f"sequence_{which}")


def _pair(which: int) -> keras.Model:
    left, right = keras.Input((WIDTH,), name="left"), keras.Input((WIDTH,), name="right")
    shared = keras.layers.Dense(WIDTH, name="both")
    out = keras.layers.Multiply(name="times")([shared(left), shared(shared(right))])
    return keras.Model([left, right], out, name=f"pair_{which}")


def _attention(which: int) -> keras.layers.Layer:
    return keras.layers.MultiHeadAttention(1, 2, name=f"attention_{which}")


@given(GRAPH)
def test_down_and_up_again_says_the_same(graph: Any) -> None:
    config = serialize(Builder().model(graph))
    context = Context("2.15.0")
    again = keras.saving.deserialize_keras_object(up_model(down_model(config, context), context))
    assert context.losses == []
    assert wiring(again) == wiring(keras.saving.deserialize_keras_object(_copy(config)))


def rebuilt(model: keras.Model) -> keras.Model:
    """The model without the calls of its layers that lead nowhere, which no config holds."""
    return keras.saving.deserialize_keras_object(_copy(serialize(model)))


def _copy(value: Any) -> Any:
    """A copy: Keras takes apart what it is given."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return type(value)(map(_copy, value)) if isinstance(value, list | tuple) else value


def wiring(model: keras.Model) -> list[Any]:
    """Every layer with the tensors that each of its calls takes, by the names of the layers that made them."""
    return [
        (
            layer.name,
            type(layer).__name__,
            [[_origin(tensor) for tensor in node.input_tensors] for node in layer._inbound_nodes],
            wiring(layer) if isinstance(layer, keras.Model) else None,
        )
        for layer in model.layers
    ]


def _origin(tensor: Any) -> tuple[str, int, int]:
    history = tensor._keras_history
    return history.operation.name, history.node_index, history.tensor_index


@pytest.mark.parametrize("form", ["tf", "h5", "keras"])
@given(graph=GRAPH)
def test_survives(graph: Any, form: str) -> None:
    model = Builder().model(graph)
    inputs = [np.random.RandomState(i).normal(size=(2, WIDTH)).astype("float32") for i, _ in enumerate(model.inputs)]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, f"model.{form}" if form != "tf" else "model")
        reinstate.save_model(model, path, save_format=form, save_traces=form != "tf")
        again = reinstate.load_model(path, compile=False)
    assert wiring(again) == wiring(rebuilt(model))
    for mine, theirs in zip(again.weights, model.weights, strict=True):
        np.testing.assert_array_equal(mine.value, theirs.value)
    for mine, theirs in zip(_list(again(inputs)), _list(model(inputs)), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_real_tf_keras_predicts_the_same(oracle, tmp_path: Path) -> None:
    drawn: list[Any] = []

    @settings(max_examples=15, derandomize=True, database=None, phases=[Phase.generate])
    @given(GRAPH)
    def draw(graph: Any) -> None:
        drawn.append(graph)

    draw()
    expected = {}
    for number, graph in enumerate(drawn):
        model = Builder().model(graph)
        x = [np.random.RandomState(i).normal(size=(2, WIDTH)).astype("float32") for i, _ in enumerate(model.inputs)]
        for name in (f"{number}", f"{number}.h5"):
            reinstate.save_model(model, tmp_path / name, save_traces=False)
            np.savez(tmp_path / f"{name}.npz", **{str(i): each for i, each in enumerate(x)})
            expected[name] = _list(model(x))
    oracle("topologies.predict", directory=str(tmp_path), names=list(expected))
    for name, outputs in expected.items():
        with np.load(tmp_path / f"{name}.npz") as file:
            assert len(file.files) == len(outputs), name
            for i, mine in enumerate(outputs):
                scale = max(1.0, float(np.abs(mine).max()))
                np.testing.assert_allclose(file[f"arr_{i}"], mine, rtol=1e-5, atol=1e-5 * scale, err_msg=name)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
