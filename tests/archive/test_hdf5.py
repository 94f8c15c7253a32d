"""Files of real tf.keras, read; and ours, read by real tf.keras."""

from __future__ import annotations

import dataclasses
import io

import h5py
import numpy as np
import pytest

from reinstate.archive.hdf5 import is_hdf5, read_hdf5, write_hdf5
from reinstate.archive.model import Archive, Layout

MODELS = [("dense", False), ("conv_batchnorm", False), ("recurrent", True), ("shared_nested", False)]
OLD_MODELS = ["recurrent", "shared_nested"]


def values_of(archive: Archive) -> dict[str, np.ndarray]:
    """All values by the keys that tests/oracle/scripts/hdf5.py gives them."""
    refs = {}
    owners = [(f"layer{i}_", archive.nodes[node]) for i, node in enumerate(layers_of(archive).values())]
    owners += [("optimizer", archive.child(archive.root, "optimizer"))]
    owners += [("own", archive.child(archive.root, "top_level_model_weights"))]
    for prefix, owner in owners:
        for k, index in enumerate(owner.children.values() if owner else ()):
            refs[f"{prefix}{k}"] = archive.nodes[index].variable.tensor
    return dict(zip(refs, archive.tensors.read(list(refs.values())), strict=True))


def layers_of(archive: Archive) -> dict[str, int]:
    return {
        key: index
        for key, index in archive.root.children.items()
        if archive.nodes[index].identifier == "_tf_keras_layer"
    }


def assert_same(got, want):
    want = dict(want)
    assert list(got) and set(got) == set(want)
    for key, value in want.items():
        assert (got[key].dtype, got[key].shape) == (value.dtype, value.shape), key
        assert got[key].tobytes() == value.tobytes(), key


def without_optimizer(values):
    return {key: value for key, value in dict(values).items() if not key.startswith("optimizer")}


@pytest.fixture(scope="module")
def files(oracle, tmp_path_factory):
    """Write a model once per module: gives the paths of model, weights and values, and the layers."""
    made = {}

    def make(name, legacy=False, ask=oracle, tag="newest"):
        key = (name, legacy, tag)
        if key not in made:
            folder = tmp_path_factory.mktemp("hdf5")
            paths = [folder / "model.h5", folder / "weights.h5", folder / "values.npz"]
            made[key] = (*paths, ask("hdf5.save", name=name, **_arguments(paths), legacy=legacy))
        return made[key]

    return make


def _arguments(paths):
    return dict(zip(("model_path", "weights_path", "values_path"), map(str, paths), strict=True))


@pytest.mark.parametrize(("name", "legacy"), MODELS)
def test_reads_what_tf_keras_writes(files, name, legacy):
    model, weights, values, layers = files(name, legacy)
    archive = read_hdf5(model)
    assert archive.layout is Layout.POSITIONS
    assert (archive.format, archive.backend, archive.size) == ("HDF5", "tensorflow", model.stat().st_size)
    assert archive.keras_version.startswith("2.")
    assert archive.root.metadata["class_name"] in ("Sequential", "Functional")
    assert archive.training_config["optimizer_config"]
    assert [[key, len(archive.nodes[i].children)] for key, i in layers_of(archive).items()] == layers
    assert_same(values_of(archive), np.load(values))

    archive = read_hdf5(str(weights))
    assert archive.config is None and archive.root.metadata is None and archive.training_config is None
    assert_same(values_of(archive), without_optimizer(np.load(values)))


@pytest.mark.parametrize(("name", "legacy"), MODELS)
def test_tf_keras_reads_what_we_write(files, oracle, tmp_path, name, legacy):
    model, weights, values, _ = files(name, legacy)
    write_hdf5(read_hdf5(model), tmp_path / "ours.h5")
    write_hdf5(read_hdf5(weights), tmp_path / "ours_weights.h5")
    oracle("hdf5.load", model_path=str(tmp_path / "ours.h5"), values_path=str(tmp_path / "read.npz"))
    assert_same(np.load(tmp_path / "read.npz"), np.load(values))
    arguments = {"weights_path": str(tmp_path / "ours_weights.h5"), "values_path": str(tmp_path / "weights.npz")}
    oracle("hdf5.load_weights", name=name, **arguments)
    assert_same(np.load(tmp_path / "weights.npz"), without_optimizer(np.load(values)))


@pytest.mark.parametrize("name", OLD_MODELS)
def test_old_tf_keras_both_ways(files, oracle_for, tmp_path, name):
    ask = oracle_for("2.8")
    model, _, values, _ = files(name, ask=ask, tag="2.8")
    archive = read_hdf5(model)
    assert archive.keras_version == "2.8.0"
    assert_same(values_of(archive), np.load(values))
    write_hdf5(archive, tmp_path / "ours.h5")
    ask("hdf5.load", model_path=str(tmp_path / "ours.h5"), values_path=str(tmp_path / "read.npz"))
    assert_same(np.load(tmp_path / "read.npz"), np.load(values))


def test_lists_longer_than_an_object_header(oracle, tmp_path):
    paths = {"path": str(tmp_path / "theirs.h5"), "values_path": str(tmp_path / "values.npz")}
    layers = oracle("hdf5.save_long_names", **paths, count=30, width=2500)
    archive = read_hdf5(tmp_path / "theirs.h5")
    assert list(layers_of(archive)) == [name for name, _ in layers]
    assert_same(values_of(archive), np.load(tmp_path / "values.npz"))
    write_hdf5(archive, tmp_path / "ours.h5")
    with h5py.File(tmp_path / "theirs.h5") as theirs, h5py.File(tmp_path / "ours.h5") as ours:
        for group in ("model_weights", "model_weights/inner"):
            assert list(ours[group].attrs) == list(theirs[group].attrs)
        assert "layer_names1" in ours["model_weights"].attrs
    oracle("hdf5.load", model_path=str(tmp_path / "ours.h5"), values_path=str(tmp_path / "read.npz"))
    assert_same(np.load(tmp_path / "read.npz"), np.load(tmp_path / "values.npz"))


def test_layers_named_like_our_own_children_and_a_variable_of_the_model(oracle, tmp_path):
    oracle("hdf5.save_subclassed", path=str(tmp_path / "theirs.h5"), values_path=str(tmp_path / "values.npz"))
    archive = read_hdf5(tmp_path / "theirs.h5")
    names = [archive.nodes[index].metadata["name"] for index in layers_of(archive).values()]
    assert names == ["optimizer", "optimizer_1", "optimizer_1/inner"]
    assert archive.child(archive.root, "optimizer") is None
    assert_same(values_of(archive), np.load(tmp_path / "values.npz"))
    write_hdf5(archive, tmp_path / "ours.h5")
    oracle("hdf5.load_subclassed", path=str(tmp_path / "ours.h5"), values_path=str(tmp_path / "read.npz"))
    assert_same(np.load(tmp_path / "read.npz"), np.load(tmp_path / "values.npz"))


def test_bfloat16_that_tf_keras_cannot_read_itself(oracle, tmp_path):
    paths = {"path": str(tmp_path / "theirs.h5"), "values_path": str(tmp_path / "values.npz")}
    oracle("hdf5.save_policy", **paths, policy="bfloat16")
    archive = read_hdf5(tmp_path / "theirs.h5")
    assert {variable.dtype.name for _, variable in archive.variables()} == {"bfloat16"}
    want = {key: value.tobytes() for key, value in np.load(tmp_path / "values.npz").items()}
    assert {key: value.tobytes() for key, value in values_of(archive).items()} == want


def test_a_file_in_memory_and_a_model_in_a_group(files):
    model, _, values, _ = files("dense")
    with h5py.File(io.BytesIO(model.read_bytes()), "r") as file:
        assert_same(values_of(read_hdf5(file)), np.load(values))
    with h5py.File("nowhere", "w", driver="core", backing_store=False) as file:
        archive = read_hdf5(model)
        write_hdf5(archive, file.create_group("models/first"))
        inner = read_hdf5(file["models/first"])
        assert inner.config == archive.config and inner.training_config == archive.training_config
        assert_same(values_of(inner), np.load(values))
        key = next(inner.variables())[1].tensor.key
        assert key.startswith("/models/first/model_weights/")
    with pytest.raises(ValueError, match="closed before"):
        values_of(inner)


def test_what_is_read_has_all_of_it_after_another_reading(files, tmp_path):
    """Nothing is lost on the way through a file of ours, the configs included."""
    model, _, _, _ = files("recurrent", True)
    first = read_hdf5(model)
    write_hdf5(first, tmp_path / "ours.h5")
    again = read_hdf5(tmp_path / "ours.h5")
    kept = ("format", "layout", "writer", "keras_version", "backend", "config", "training_config", "keras3")
    assert [getattr(again, name) for name in kept] == [getattr(first, name) for name in kept]
    assert [node.children for node in again.nodes] == [node.children for node in first.nodes]
    assert [dataclasses.replace(v, tensor=None) for _, v in again.variables()] == [
        dataclasses.replace(v, tensor=None) for _, v in first.variables()
    ]


def test_a_file_that_the_caller_has_open_with_a_lock(files):
    model, _, values, _ = files("dense")
    with h5py.File(model, "r"):
        assert_same(values_of(read_hdf5(model)), np.load(values))


def test_is_hdf5_also_after_a_user_block(files, tmp_path):
    model, _, _, _ = files("dense")
    with h5py.File(tmp_path / "block.h5", "w", userblock_size=2048) as file:
        write_hdf5(read_hdf5(model), file)
    assert is_hdf5(model) and is_hdf5(tmp_path / "block.h5")
    assert_same(values_of(read_hdf5(tmp_path / "block.h5")), values_of(read_hdf5(model)))
    (tmp_path / "text").write_bytes(b"no" * 5000)
    assert not is_hdf5(tmp_path / "text") and not is_hdf5(tmp_path) and not is_hdf5(tmp_path / "missing")
