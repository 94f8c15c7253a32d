"""What users reported of SavedModels. What stands elsewhere: README.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import reinstate
from reinstate.wire import messages
from tests import observed
from tests.oracle import reported_models, truth
from tests.test_reported.cases import Section, Written, assert_as_there, assert_predicts, load, predictions

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:the model was saved without compile settings:UserWarning"),
]


@pytest.fixture(scope="module")
def written(oracle, tmp_path_factory) -> Written:
    return Section(oracle, "saved_models", tmp_path_factory.mktemp("saved"), "tf")


@pytest.mark.parametrize("name", ["two_inputs", "dict_inputs", "dict_outputs"])
def test_several_inputs_and_outputs(written, name: str) -> None:
    """keras#20813: two inputs, in a list or a dictionary."""
    path, arrays = written(name)
    assert_as_there(path, name, arrays)


def test_a_schedule_of_ones_own(written) -> None:
    """A learning rate by a class that the file knows by its name only."""
    path, arrays = written("custom_schedule")
    model = assert_as_there(path, "custom_schedule", arrays)
    assert type(model.optimizer._learning_rate).__name__ == "Halving"
    with pytest.raises(reinstate.UnsupportedError, match="Halving"):
        reinstate.load_model(path)


def test_a_subclassed_model_of_several_inputs(written) -> None:
    """tensorflow#69307: it takes two tensors, not one list, and ``build_input_shape`` says the first only."""
    path, arrays = written("two_positional_inputs")
    assert_as_there(path, "two_positional_inputs", arrays)


@pytest.fixture(scope="module")
def returned(written, oracle, tmp_path_factory) -> tuple[Path, dict[str, str]]:
    """What was loaded, trained on, saved and loaded here, twice over, opened by tf_keras; and the errors by case."""
    directory = tmp_path_factory.mktemp("returned")
    for name in reported_models.SECTIONS["saved_models"]:
        path, arrays = written(name)
        x, following = truth.batches_of(arrays)
        model = load(path)
        for _ in range(2):
            for batch in following:
                model.train_on_batch(*reported_models.arranged(name, *batch))
            reinstate.save_model(model, directory / name, save_traces=False)
            model = load(directory / name)
        found = {f"prediction/{i}": value for i, value in enumerate(predictions(model, name, x))}
        np.savez(directory / f"{name}.in.npz", **truth.inputs(x, following), **found)
    return directory, oracle("reported.read", section="saved_models", directory=str(directory), form="tf")


@pytest.mark.parametrize("name", ["two_inputs", "dict_inputs", "dict_outputs", "two_of_a_kind", "custom_schedule"])
def test_saved_loaded_saved_and_loaded_again(returned, name: str) -> None:
    """keras#15565: the second file of a custom layer cannot be opened."""
    directory, errors = returned
    assert name not in errors, errors[name]
    theirs = dict(np.load(directory / f"{name}.read.npz")) | dict(np.load(directory / f"{name}.in.npz"))
    model = load(directory / name)
    observed.assert_same_state(model, theirs)
    assert_predicts(model, name, theirs)


def test_keras_without_its_metadata(oracle, tmp_path: Path) -> None:
    """keras#16451: ``tf.saved_model.save`` of a Keras model keeps functions and variables, and no config."""
    oracle("reported.without_metadata", path=str(tmp_path / "model"), out=str(tmp_path / "truth.npz"))
    found = np.load(tmp_path / "truth.npz")
    said = reinstate.load(tmp_path / "model").signatures["serving_default"](found["x"])
    np.testing.assert_allclose(next(iter(said.values())), found["y"], rtol=1e-5, atol=1e-5)


def test_several_graphs_are_chosen_by_their_tags(oracle, tmp_path: Path) -> None:
    """tensorflow/hub#379: a file with a graph for serving and one for training."""
    oracle("reported.several_graphs", path=str(tmp_path / "model"))
    assert reinstate.inspect(tmp_path / "model").tags == (("serve",), ("serve", "train"))
    x = np.array([1.0, 2.0], "float32")
    for tags, expected in ((["serve"], [3.0, 6.0]), (["train", "serve"], [4.0, 7.0])):
        signature = reinstate.load(tmp_path / "model", tags).signatures["serving_default"]
        np.testing.assert_array_equal(signature(x)["y"], np.array(expected, "float32"))
    with pytest.raises(reinstate.UnsupportedError, match="serve, train"):
        reinstate.load(tmp_path / "model", ["gpu"])


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    """A model of 64 MB of weights, constants of a Normalization among it, saved with its optimizer."""
    model = keras.Sequential([keras.Input((2000,)), keras.layers.Dense(4000), keras.layers.Dense(2000)])
    model.compile("adam", "mse")
    path = tmp_path_factory.mktemp("large") / "model"
    reinstate.save_model(model, path, save_traces=False)
    return path


def test_values_are_not_in_the_graph(large: Path) -> None:
    """tensorflow#45041, ultralytics/yolov5#6262: a constant, or metadata, of over 2 GB cannot be read back."""
    values = sum(file.stat().st_size for file in (large / "variables").iterdir())
    assert values > 64 * 10**6
    for name in ("saved_model.pb", "keras_metadata.pb"):
        assert (large / name).stat().st_size < 50_000


def test_old_runtimes_know_everything_in_the_file(large: Path) -> None:
    """tensorflow#62489, tfjs#8260: an operation ``DisableCopyOnRead``, an attribute ``debug_name``."""
    saved = messages.SavedModel.FromString((large / "saved_model.pb").read_bytes())
    graph = saved.meta_graphs[0].graph_def
    nodes: list[Any] = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
    assert "DisableCopyOnRead" not in {node.op for node in nodes}
    assert "debug_name" not in {name for node in nodes for name in node.attr}
