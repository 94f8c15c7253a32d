"""Op layers in graphs: those of TensorFlow 2.3, those written for keras.ops, and what must be refused."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
from keras import ops

import reinstate
from reinstate.config import Context, check_keras3, up_model
from reinstate.errors import LossyWarning, UnsafeError, UnsupportedError

FORMS = ("model.h5", "model")


def assert_answers(model: Any, arrays: dict[str, np.ndarray]) -> None:
    answers = model.predict([arrays["x/0"], arrays["x/1"]], verbose=0)
    for k, mine in enumerate(answers):
        np.testing.assert_allclose(mine, arrays[f"prediction/{k}"], rtol=1e-5, atol=1e-5, err_msg=str(k))


def load(path: Path) -> Any:
    return reinstate.load_model(path, compile=False)


def save(model: Any, path: Path) -> None:
    if path.suffix:
        reinstate.save_model(model, path)
    else:
        reinstate.save_model(model, path, save_traces=False)


@pytest.mark.parametrize("form", ["model.h5", "traces"])
@pytest.mark.parametrize("version", ["newest", "2.8"])
def test_raw_operations_of_tensorflow_2_3_open_and_go_on(
    golden, oracle_for, tmp_path: Path, form: str, version: str
) -> None:
    truth = dict(np.load(golden("2.3/operations") / "truth.npz"))
    model = load(golden(f"2.3/operations/{form}"))
    assert_answers(model, truth)
    assert model.get_layer("tf_op_layer_Mul").function == "math.multiply"
    for name in FORMS:
        save(model, tmp_path / name)
        out = tmp_path / f"{name}.npz"
        oracle_for(version)(
            "functions.predict",
            path=str(tmp_path / name),
            x=[truth["x/0"].tolist(), truth["x/1"].tolist()],
            out=str(out),
        )
        with np.load(out) as again:
            for key in again:
                np.testing.assert_allclose(again[key], truth[key], rtol=1e-5, atol=1e-5, err_msg=key)


def graph_of(x: Any, i: Any) -> list[Any]:
    """What Keras 3 lets one write, and TensorFlow has, too."""
    y = x * 2 + 1
    return [
        *(1 - x, y / 2, y // 2, y % 2, 2**x, -x, abs(x), x > 0, x + np.ones(6, "float32"), i * 3, 7 - i),
        *(
            x[:, 1:],
            x[:, 0, ::2],
            x[..., None],
            x[:, None, 1:-1],
            ops.mean(x, axis=1),
            ops.sum(x, axis=(1, 2), keepdims=True),
        ),
        *(ops.max(x, axis=-1), ops.std(x, 1), ops.var(x, -1), ops.argmax(x, -1), ops.logsumexp(x, 1), ops.cumsum(x, 1)),
        *(
            ops.concatenate([x, y], axis=-1),
            ops.stack([x, y], 1),
            ops.split(x, 2, axis=-1)[1],
            ops.unstack(x, axis=1)[2],
        ),
        *(ops.reshape(x, (-1, 24)), ops.transpose(x, (0, 2, 1)), ops.expand_dims(x, 1), ops.squeeze(x[:, :1], 1)),
        *(ops.matmul(x, ops.transpose(y, (0, 2, 1))), ops.softmax(x), ops.relu(x), ops.gelu(x), ops.leaky_relu(x)),
        *(
            ops.clip(x, -0.5, 0.5),
            ops.cast(x, "float16"),
            ops.where(x > 0, x, 0.0),
            ops.pad(x, ((0, 0), (1, 1), (0, 0))),
        ),
        *(
            ops.tile(x, (1, 2, 1)),
            ops.repeat(x, 2, axis=1),
            ops.roll(x, 1, axis=1),
            ops.flip(x, 1),
            ops.take(x, [2, 0], axis=1),
        ),
        *(
            ops.one_hot(i, 5),
            ops.top_k(x, 2)[0],
            ops.sort(x),
            ops.zeros_like(x),
            ops.log_softmax(x),
            ops.silu(x),
            ops.exp(x),
        ),
        *(ops.maximum(x, 0), ops.sqrt(abs(x)), ops.tanh(x), ops.isnan(x), ops.all(x > 0, 1), ops.stop_gradient(x)),
    ]


@pytest.fixture
def functional() -> Any:
    x, i = keras.Input((4, 6), name="x"), keras.Input((4,), dtype="int32", name="i")
    return keras.Model([x, i], graph_of(x, i))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("version", ["newest", "2.8"])
def test_operations_of_keras_3_open_in_tensorflow(
    functional, oracle_for, tmp_path: Path, form: str, version: str
) -> None:
    r = np.random.default_rng(3)
    batch = [r.standard_normal((3, 4, 6)).astype("float32"), r.integers(0, 4, (3, 4)).astype("int32")]
    path, out = tmp_path / form, tmp_path / "out.npz"
    save(functional, path)
    about = oracle_for(version)("functions.predict", path=str(path), x=[each.tolist() for each in batch], out=str(out))
    assert about["class"] == "Functional"
    mine = functional.predict(batch, verbose=0)
    with np.load(out) as theirs:
        for k, value in enumerate(mine):
            np.testing.assert_allclose(value, theirs[f"prediction/{k}"], rtol=1e-5, atol=1e-5, err_msg=str(k))
    again = load(path)
    assert [type(each) for each in again.operations] == [type(each) for each in functional.operations]


@pytest.mark.parametrize(
    "build",
    [
        lambda x: ops.einsum("abc->ac", x),
        lambda x: ops.mean(ops.cast(x, "int32"), axis=1),
        lambda x: ops.cast(x, "int32") * 2.5,
        lambda x: 1.0 - ops.cast(x, "float16"),
    ],
)
def test_what_tensorflow_lacks_or_would_compute_otherwise_is_named(tmp_path: Path, build: Any) -> None:
    x = keras.Input((4, 6))
    with pytest.warns(LossyWarning, match=r"keras\.ops operation"):
        reinstate.save_model(keras.Model(x, build(x)), tmp_path / "model.h5")
    assert load(tmp_path / "model.h5").output_shape is not None


def model_of(class_name: str, config: dict[str, Any], call: Any) -> dict[str, Any]:
    layers = [
        {
            "class_name": "InputLayer",
            "name": "x",
            "config": {"name": "x", "batch_input_shape": [None, 4], "dtype": "float32"},
            "inbound_nodes": [],
        },
        {"class_name": class_name, "name": "f", "config": {"name": "f", **config}, "inbound_nodes": [call]},
    ]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["f", 0, 0]]}
    return {"class_name": "Functional", "config": {"name": "m", "layers": layers, **ends}}


@pytest.mark.parametrize(
    ("class_name", "config", "kwargs", "text"),
    [
        ("TFOpLambda", {"function": "io.read_file"}, {}, "f > function > the TensorFlow function tf.io.read_file"),
        ("TFOpLambda", {"function": ["math.add"]}, {}, "not the symbol of a function"),
        ("TFOpLambda", {"function": "math.add"}, {"y": 1.0, "z": 2}, "tf.math.add has no argument 'z'"),
        ("TFOpLambda", {"function": "__operators__.eq"}, {}, "'other' of tf.__operators__.eq is not in the file"),
        ("TFOpLambda", {"function": "einsum"}, {}, "'inputs' of tf.einsum is not in the file"),
        ("InstanceProperty", {"attr_name": "row_splits"}, {}, "InstanceProperty row_splits is not supported"),
        ("ClassMethod", {"cls_symbol": "RaggedTensor", "method_name": "from_tensor"}, {}, "RaggedTensor.from_tensor"),
        ("TensorFlowOpLayer", {"node_def": {"op": "ReadFile"}}, {}, "the TensorFlow operation ReadFile"),
        ("TensorFlowOpLayer", {"node_def": {"op": "Relu", "attr": {"odd": {"i": "1"}}}}, {}, "its attribute odd"),
    ],
)
def test_what_cannot_be_rebuilt_is_named(class_name: str, config: Any, kwargs: Any, text: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        up_model(model_of(class_name, config, ["x", 0, 0, kwargs]), Context())
    assert text in str(caught.value)


def test_a_keras_3_config_may_name_known_functions_only() -> None:
    item = {"module": "reinstate", "class_name": "TFOpLambda", "registered_name": "reinstate>TFOpLambda"}
    check_keras3({**item, "config": {"name": "f", "function": "math.add"}}, Context())
    with pytest.raises(UnsafeError, match=r"io\.read_file"):
        check_keras3({**item, "config": {"name": "f", "function": "io.read_file"}}, Context())


def test_inputs_are_not_cast_to_the_policy(tmp_path: Path) -> None:
    config = model_of("TFOpLambda", {"function": "math.add", "dtype": "mixed_float16"}, ["x", 0, 0, {"y": 1.0}])
    with h5py.File(tmp_path / "model.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.15.0"
        file.attrs["backend"] = "tensorflow"
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = np.asarray([b"x", b"f"])
        for name in ("x", "f"):
            weights.create_group(name).attrs["weight_names"] = np.asarray([], "S1")
    model = load(tmp_path / "model.h5")
    assert model.outputs[0].dtype == "float32"


def test_a_mask_does_not_pass_a_function() -> None:
    from reinstate.layers import TFOpLambda

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ids = keras.Input((4,), dtype="int32")
        y = TFOpLambda("math.multiply")(keras.layers.Embedding(5, 3, mask_zero=True)(ids), y=2.0)
        assert y.shape == (None, 4, 3)
        assert getattr(y, "_keras_mask", None) is None
