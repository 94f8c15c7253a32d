"""Files with CuDNN layers open as LSTM and GRU with the weights that tf_keras converts them to."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import reinstate


@pytest.fixture(scope="module")
def directory(oracle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("cudnn")
    oracle("cudnn.write", directory=str(directory))
    return directory


def _check(model: keras.Model, arrays: dict[str, np.ndarray]) -> None:
    for i, weight in enumerate(w for layer in model.layers for w in layer.get_weights()):
        np.testing.assert_array_equal(weight, arrays[f"weight/{i}"])
    np.testing.assert_allclose(model.predict(arrays["x"], verbose=0), arrays["y"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["cudnn.h5", "cudnn"])
def test_a_model_opens_as_plain_layers_with_the_slots_in_their_layout(directory: Path, name: str) -> None:
    arrays = dict(np.load(directory / "truth.npz"))
    model = reinstate.load_model(directory / name)
    assert [type(layer).__name__ for layer in model.layers[1:3]] == ["LSTM", "Bidirectional"]
    _check(model, arrays)
    kernel = model.layers[1].cell.kernel
    position = [v is kernel for v in model.trainable_variables].index(True)
    gates = [gate.T.reshape(gate.shape, order="F") for gate in np.hsplit(arrays["kernel_m"], 4)]
    np.testing.assert_array_equal(model.optimizer._momentums[position], np.hstack(gates))
    assert int(model.optimizer.iterations.value) == 3


def test_weights_alone_go_into_plain_layers(directory: Path) -> None:
    model = reinstate.load_model(directory / "cudnn.h5", compile=False)
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    reinstate.load_weights(model, directory / "cudnn_weights.h5")
    _check(model, dict(np.load(directory / "truth.npz")))
