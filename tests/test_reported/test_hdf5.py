"""What users reported of HDF5 files. What stands elsewhere: README.md."""

from __future__ import annotations

import numpy as np
import pytest

from tests.test_reported.cases import Section, Written, assert_as_there

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


@pytest.fixture(scope="module")
def written(oracle, tmp_path_factory) -> Written:
    return Section(oracle, "hdf5", tmp_path_factory.mktemp("hdf5"), "h5")


def test_calls_of_a_shared_layer_keep_their_order(written) -> None:
    """tensorflow#50322: nodes of shared layers are permuted."""
    path, arrays = written("permuted_nodes")
    assert_as_there(path, "permuted_nodes", arrays)


def test_a_normalization_that_was_adapted_in_a_sequential(written) -> None:
    """keras#15348: only its weights say how many features there are; tf_keras itself cannot open the file either."""
    path, arrays = written("adapted_normalization")
    assert assert_as_there(path, "adapted_normalization", arrays).input_shape == (None, 4)


def test_more_names_than_an_object_header_holds(written) -> None:
    """keras#11104: object header message is too large, with 400 layers and their optimizer."""
    path, arrays = written("many_layers")
    model = assert_as_there(path, "many_layers", arrays)
    assert len(model.layers) == 401 and len(model.optimizer.variables) == 2 + 2 * 800


def test_two_sublayers_of_one_type(written) -> None:
    """keras#19375: both have weights of the same names."""
    path, arrays = written("two_of_a_kind")
    layer = assert_as_there(path, "two_of_a_kind", arrays).get_layer("pair")
    assert not np.array_equal(layer.one.bias, layer.two.bias)


def test_a_number_and_a_tensor_of_float16(written) -> None:
    """tensorflow#62209: ``1.0 + x`` of float16 becomes float32."""
    path, arrays = written("constant_plus_half")
    model = assert_as_there(path, "constant_plus_half", arrays)
    assert model.compute_output_spec(model.inputs).dtype == arrays["prediction/0"].dtype == "float16"


@pytest.mark.parametrize("name", ["nested_lists", "nested_model_inputs"])
def test_lists_in_lists_of_inputs(written, name: str) -> None:
    """keras#19670: a layer, or a model, that takes ``[[a, b], c]``."""
    path, arrays = written(name)
    assert_as_there(path, name, arrays)
