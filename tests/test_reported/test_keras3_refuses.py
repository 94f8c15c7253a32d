"""HDF5 files of Keras 2 that Keras 3 itself cannot open, or cannot train. What stands elsewhere: README.md."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests import observed
from tests.oracle import reported_models
from tests.test_reported.cases import Section, Written, assert_as_there, assert_trains_on, load

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


@pytest.fixture(scope="module")
def written(oracle, tmp_path_factory) -> Written:
    return Section(oracle, "keras3_refuses", tmp_path_factory.mktemp("refused"), "h5")


@pytest.fixture(scope="module")
def optimized(oracle, tmp_path_factory) -> Written:
    return Section(oracle, "optimizers", tmp_path_factory.mktemp("optimizers"), "h5")


def opened(written: Written, name: str) -> keras.Model:
    path, arrays = written(name)
    return assert_as_there(path, name, arrays)


def test_a_layer_named_with_a_slash(written) -> None:
    """``/`` is not allowed in names of Keras 3; the name it becomes may be that of another layer."""
    model = opened(written, "slash_in_a_name")
    names = [layer.name for layer in model.layers]
    assert {"conv1_conv_1", "conv1_conv", "conv1_bn_0", "predictions_out"} < set(names)


def test_operators_between_layers(written) -> None:
    """``x * 2 + 1``, ``tf.concat``, ``x[:, 1:]``, ``tf.reduce_mean``: unknown layers TFOpLambda and SlicingOpLambda."""
    opened(written, "operators")


@pytest.mark.parametrize("name", ["shared_sequential", "shared_functional"])
def test_a_submodel_shared_between_branches(written, name: str) -> None:
    """keras#19326: loops, or disconnected nodes."""
    model = opened(written, name)
    assert sum(isinstance(layer, keras.Model) for layer in model.layers) == 1


@pytest.mark.parametrize("name", ["mixed_float16", "mixed_float16_legacy"])
def test_mixed_float16(written, name: str) -> None:
    """``'str' has no attribute quantization_mode``; and the loss is scaled once, not twice."""
    path, arrays = written(name)
    model = load(path)
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    assert not isinstance(model.optimizer.inner_optimizer, keras.optimizers.LossScaleOptimizer)
    assert {layer.compute_dtype for layer in model.layers if layer.weights} >= {"float16"}
    observed.assert_same_state(model, arrays)
    assert_trains_on(model, name, arrays)


def test_weighted_metrics(written) -> None:
    """Metrics given by name, weighted ones among them: ``'str' object is not callable`` at the first batch."""
    path, arrays = written("weighted_metrics")
    model = assert_as_there(path, "weighted_metrics", arrays)
    assert {"mae", "accuracy", "weighted_mae", "far"} <= set(observed.metrics(model))


@pytest.mark.parametrize("name", reported_models.SECTIONS["optimizers"])
def test_every_optimizer_trains_on(optimized, name: str) -> None:
    """The slots are lost, and the first ``fit`` fails: an optimizer built with 0 variables."""
    path, arrays = optimized(name)
    if name.startswith("new SGD") and name != "new SGD momentum":  # it keeps momentums that it does not use
        arrays = {key: value for key, value in arrays.items() if not key.startswith("slot/")}
    model = assert_as_there(path, name, arrays)
    assert observed.number(model.optimizer.iterations) == int(arrays["iterations"]) + 1
    assert np.all([np.isfinite(weight).all() for weight in observed.weights(model)])
