"""What TensorFlow 2.3 and 2.4 need of a SavedModel, and later versions do not: they opened these when this was written.

Both read Keras' JSON from the object graph alone, metrics' too, and make slots while they walk the nodes.
"""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest

import reinstate
from reinstate.wire import messages


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(1, "sigmoid")])
    model.compile("adam", "mse", metrics=["mae", "accuracy", keras.metrics.AUC(name="auc")])
    model.train_on_batch(np.ones((2, 4)), np.ones((2, 1)))
    path = tmp_path_factory.mktemp("old") / "model"
    reinstate.save_model(model, path, save_traces=False)
    return path


def nodes_of(path: Path) -> list:
    saved = messages.parse(messages.SavedModel, (path / "saved_model.pb").read_bytes())
    return list(saved.meta_graphs[0].object_graph_def.nodes)


def test_an_optimizer_stands_before_its_slots(written: Path) -> None:
    nodes = nodes_of(written)
    pairs = [(i, slot.slot_variable_node_id) for i, node in enumerate(nodes) for slot in node.slot_variables]
    assert len(pairs) == 8  # m and v of two kernels and two biases
    assert all(optimizer < slot for optimizer, slot in pairs)


def test_metrics_say_in_the_object_graph_what_they_are(written: Path) -> None:
    metrics = [node.user_object for node in nodes_of(written) if node.user_object.identifier == "_tf_keras_metric"]
    said = [json.loads(each.metadata) for each in metrics]
    assert [(each["name"], each["class_name"]) for each in said] == [
        ("loss", "Mean"),
        ("mae", "MeanAbsoluteError"),
        ("accuracy", "BinaryAccuracy"),
        ("auc", "AUC"),
    ]
    assert all(each["config"]["dtype"] == "float32" for each in said)


def test_the_file_that_later_versions_read_leaves_metrics_out(written: Path) -> None:
    message = messages.parse(messages.SavedMetadata, (written / "keras_metadata.pb").read_bytes())
    assert {node.identifier for node in message.nodes} == {"_tf_keras_sequential", "_tf_keras_layer"}
