"""What the format allows and tf.keras of today no longer writes; and what our own files have beyond it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import subprocess
import sys

import h5py
import ml_dtypes
import numpy as np
import pytest

from reinstate import dtypes
from reinstate.archive.hdf5 import read_hdf5, write_hdf5
from reinstate.archive.model import Archive, ArrayTensors, Layout, ObjectNode, TensorRef, Variable
from reinstate.errors import CorruptError, UnsupportedError

KERNEL = np.arange(6, dtype=np.float32).reshape(2, 3)
BIAS = np.array([7, 8, 9], np.float32)


def write_by_hand(path, names=(b"kernel:0", b"bias:0"), values=(KERNEL, BIAS), layer="dense", **settings):
    """Write a file of weights with one layer."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([layer.encode()])
        group = file.create_group(layer)
        group.attrs["weight_names"] = names
        for name, value in zip(names, values, strict=True):
            group.create_dataset(name, data=value, **settings)
    return path


def read_all(archive):
    """All values, by name of the variable."""
    variables = [variable for _, variable in archive.variables()]
    values = archive.tensors.read([variable.tensor for variable in variables])
    return [(variable.name, value) for variable, value in zip(variables, values, strict=True)]


def assert_kernel_and_bias(archive):
    (first, kernel), (second, bias) = read_all(archive)
    assert (first, second) == ("kernel", "bias")
    np.testing.assert_array_equal(kernel, KERNEL)
    np.testing.assert_array_equal(bias, BIAS)
    assert kernel.dtype == bias.dtype == np.float32


@pytest.mark.parametrize(
    "names",
    [
        np.array([b"kernel:0", b"bias:0"]),
        np.array([b"kernel:0", b"bias:0"], dtype=h5py.string_dtype("ascii")),
        np.array(["kernel:0", "bias:0"], dtype=h5py.string_dtype("utf-8")),
        np.array(["kernel:0", "bias:0"], dtype=h5py.string_dtype("utf-8", 20)),
    ],
    ids=["fixed", "ascii", "utf-8", "fixed utf-8"],
)
def test_every_encoding_of_names(tmp_path, names):
    path = write_by_hand(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        file["dense"].attrs["weight_names"] = names
    assert_kernel_and_bias(read_hdf5(path))


@pytest.mark.parametrize(
    "settings",
    [
        {"chunks": True},
        {"chunks": True, "compression": "gzip"},
        {"chunks": True, "compression": "lzf", "shuffle": True, "fletcher32": True},
        {"dtype": ">f4"},
    ],
    ids=["chunked", "gzip", "lzf", "big-endian"],
)
def test_every_storage(tmp_path, settings):
    assert_kernel_and_bias(read_hdf5(write_by_hand(tmp_path / "model.h5", **settings)))


def test_compact_storage_and_no_values_at_all(tmp_path):
    path = write_by_hand(tmp_path / "model.h5", values=(np.zeros((0, 3), np.float32), BIAS))
    with h5py.File(path, "a") as file:
        del file["dense/bias:0"]
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((3,))
        h5py.h5d.create(file["dense"].id, b"bias:0", h5py.h5t.IEEE_F32LE, space, properties).write(space, space, BIAS)
    kernel, bias = (value for _, value in read_all(read_hdf5(path)))
    assert kernel.shape == (0, 3)
    np.testing.assert_array_equal(bias, BIAS)


def test_names_of_groups_are_a_path(tmp_path):
    names = (b"bi/forward/lstm/kernel:0", b"bi/backward/lstm/kernel:0")
    path = write_by_hand(tmp_path / "model.h5", names, layer="block/bi")
    (first, kernel), (second, _) = read_all(read_hdf5(path))
    assert (first, second) == ("bi/forward/lstm/kernel", "bi/backward/lstm/kernel")
    np.testing.assert_array_equal(kernel, KERNEL)


def test_a_weight_listed_twice_is_there_twice(tmp_path):
    path = write_by_hand(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        file["dense"].attrs["weight_names"] = [b"kernel:0", b"kernel:0", b"bias:0"]
    archive = read_hdf5(path)
    assert list(archive.child(archive.root, "dense").children) == ["kernel", "kernel_1", "bias"]
    assert [name for name, _ in read_all(archive)] == ["kernel", "kernel", "bias"]
    write_hdf5(archive, tmp_path / "ours.h5")
    with h5py.File(tmp_path / "ours.h5") as file:
        assert list(file["dense"].attrs["weight_names"]) == [b"kernel:0", b"kernel_1:0", b"bias:0"]
        np.testing.assert_array_equal(file["dense/kernel_1:0"], KERNEL)


def test_lists_that_are_empty(tmp_path):
    with h5py.File(tmp_path / "model.h5", "w") as file:
        file.attrs["layer_names"] = [b"flatten"]
        file.create_group("flatten").attrs["weight_names"] = []
        assert file["flatten"].attrs["weight_names"].dtype == np.float64
    archive = read_hdf5(tmp_path / "model.h5")
    assert list(archive.root.children) == ["flatten"]
    write_hdf5(archive, tmp_path / "ours.h5")
    with h5py.File(tmp_path / "ours.h5") as file:
        assert file["flatten"].attrs["weight_names"].dtype == np.float64
        assert file["flatten"].attrs["weight_names"].shape == (0,)


def test_keras_before_names(tmp_path):
    """Keras 1.0 and before wrote numbers of layers and of parameters."""
    with h5py.File(tmp_path / "model.h5", "w") as file:
        file.attrs["nb_layers"] = 2
        file.create_group("layer_0").attrs["nb_params"] = 0
        group = file.create_group("layer_1")
        group.attrs["nb_params"] = 2
        group["param_0"], group["param_1"] = KERNEL, BIAS
    archive = read_hdf5(tmp_path / "model.h5")
    assert list(archive.root.children) == ["layer_0", "layer_1"]
    assert [name for name, _ in read_all(archive)] == ["param_0", "param_1"]
    assert archive.keras_version is None


@pytest.mark.parametrize(
    ("at_root", "at_weights", "version"),
    [("1.2.2", None, "1.2.2"), ("2.0.0", "2.0.9", "2.0.9"), ("2.0.0", None, None), (None, None, None)],
)
def test_the_version_is_the_one_beside_the_weights(tmp_path, at_root, at_weights, version):
    """The kernels of a file without one are Keras 1's, as tf.keras has it; Keras 1.2.2 wrote one at the root."""
    with h5py.File(tmp_path / "model.h5", "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": []})
        file.create_group("model_weights").attrs["layer_names"] = []
        for group, text in ((file, at_root), (file["model_weights"], at_weights)):
            if text:
                group.attrs["keras_version"] = text
    archive = read_hdf5(tmp_path / "model.h5")
    assert archive.keras_version == version
    write_hdf5(archive, tmp_path / "ours.h5")
    with h5py.File(tmp_path / "ours.h5") as file:
        assert ("keras_version" in file["model_weights"].attrs) == (at_weights is not None)
    assert read_hdf5(tmp_path / "ours.h5").keras_version == version


# Ours


def archive_of(tree, **settings):
    """An archive whose nodes are nested dictionaries, and its arrays in memory."""
    nodes, arrays = [ObjectNode()], {}

    def add(value, path):
        index = len(nodes)
        nodes.append(ObjectNode())
        if isinstance(value, dict):
            children = {key: add(child, f"{path}/{key}") for key, child in value.items()}
            nodes[index] = ObjectNode(children=children)
        else:
            dtype = dtypes.from_numpy(value.dtype)
            name = path.partition("/")[2].partition("/")[2]
            arrays[path] = value
            variable = Variable(name, dtype, value.shape, tensor=TensorRef(path, dtype, value.shape))
            nodes[index] = ObjectNode(kind="variable", variable=variable)
        return index

    nodes[0] = ObjectNode(children={key: add(value, f"/{key}") for key, value in tree.items()})
    settings = {"keras_version": "2.15.0", "backend": "tensorflow"} | settings
    return Archive("HDF5", Layout.POSITIONS, tuple(nodes), ArrayTensors(arrays), **settings)


CONFIG = {"class_name": "Sequential", "config": {"name": "m", "shape": (None, 3)}}
FLOAT8 = np.arange(5).astype(ml_dtypes.float8_e4m3fn)
BFLOAT = np.arange(6).astype(ml_dtypes.bfloat16).reshape(3, 2)
TREE = {
    "dense": {"kernel": KERNEL, "half": BFLOAT, "eighth": FLOAT8},
    "empty": {},
    "optimizer": {"iter": np.array(3), "flag": np.array([True, False]), "z": np.array([1 + 2j], np.complex64)},
    "reinstate": {
        "metrics": {"accuracy": {"total": BIAS, "count": BFLOAT}, "none": {}},
        "seed": np.array([1, 2], np.uint32),
    },
}


def test_state_beyond_the_format_of_keras_2(tmp_path):
    keras3 = {"module": "keras", "class_name": "Sequential"}
    write_hdf5(archive_of(TREE, config=CONFIG, keras3=keras3), tmp_path / "ours.h5")
    archive = read_hdf5(tmp_path / "ours.h5")
    assert archive.keras3 == keras3
    assert archive.config["config"]["shape"] == [None, 3]
    state = archive.child(archive.root, "reinstate")
    assert set(state.children) == {"metrics", "seed"}
    assert archive.child(state, "metrics", "none").children == {}
    total = archive.child(state, "metrics", "accuracy", "total")
    assert (total.kind, total.variable.shape) == ("variable", (3,))
    np.testing.assert_array_equal(archive.tensors.read([total.variable.tensor])[0], BIAS)


def test_types_that_hdf5_lacks_are_bits_with_a_name(tmp_path):
    write_hdf5(archive_of(TREE, config=CONFIG), tmp_path / "ours.h5")
    with h5py.File(tmp_path / "ours.h5") as file:
        half = file["model_weights/dense/half:0"]
        assert (half.dtype, half.attrs["dtype"]) == (np.uint16, "bfloat16")
        assert half[()].tobytes() == BFLOAT.tobytes()
        assert file["model_weights/dense/eighth:0"].dtype == np.uint8
        assert "dtype" not in file["model_weights/dense/kernel:0"].attrs
    got = dict(read_all(read_hdf5(tmp_path / "ours.h5")))
    for name, value in (("half", BFLOAT), ("eighth", FLOAT8), ("flag", TREE["optimizer"]["flag"])):
        assert (got[name].dtype, got[name].shape, got[name].tobytes()) == (value.dtype, value.shape, value.tobytes())
    assert got["z"] == 1 + 2j and got["iter"].dtype == np.int64 and got["iter"] == 3


def test_tensors_are_aligned_and_mapped(tmp_path):
    write_hdf5(
        archive_of({"dense": {"kernel": np.ones((100, 7), np.float32), "bias": np.ones(70)}}), tmp_path / "ours.h5"
    )
    for _, value in read_all(read_hdf5(tmp_path / "ours.h5")):
        assert value.ctypes.data % 64 == 0
        assert not value.flags.writeable
    with h5py.File(tmp_path / "ours.h5") as file:
        assert file["dense/kernel:0"].id.get_offset() % 64 == 0


def test_two_writes_give_the_same_bytes(tmp_path):
    """In processes of their own, since the order of sets and of dictionaries of strings hangs on the hash seed."""
    code = (
        "import sys; from reinstate.archive.hdf5 import write_hdf5; "
        "from tests.archive.test_hdf5_layout import archive_of, CONFIG, TREE; "
        "write_hdf5(archive_of(TREE, config=CONFIG, training_config={'loss': 'mse'}), sys.argv[1])"
    )
    digests = set()
    for seed in ("1", "2"):
        path = tmp_path / f"{seed}.h5"
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-c", code, str(path)], env=environment, check=True)
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_progress_is_bytes_done_so_far(tmp_path):
    done = []
    write_hdf5(archive_of({"dense": {"kernel": KERNEL, "bias": BIAS}}), tmp_path / "ours.h5", progress=done.append)
    assert done == [24, 36]


def test_what_cannot_be_written_is_named_all_of_it(tmp_path):
    archive = archive_of({"a": {"words": np.array([b"x"], object), "kernel": KERNEL}, "b/": {}, "c": {"bias": BIAS}})
    last = next(index for index, node in enumerate(archive.nodes) if node.variable and node.variable.name == "bias")
    nodes = list(archive.nodes)
    nodes[last] = ObjectNode(kind="variable", variable=dataclasses.replace(nodes[last].variable, tensor=None))
    with pytest.raises(UnsupportedError) as caught:
        write_hdf5(dataclasses.replace(archive, nodes=tuple(nodes)), tmp_path / "ours.h5")
    assert caught.value.offenders == (
        "layer 'b/': HDF5 would not keep its name",
        "'a/words': HDF5 has no type for string",
        "'c/bias': has no value",
    )
    assert not (tmp_path / "ours.h5").exists()


def test_a_layer_may_not_be_where_our_own_state_is(tmp_path):
    node = ObjectNode(metadata={"name": "reinstate"})
    archive = archive_of({"layer": {}, "reinstate": {"seed": BIAS}})
    nodes = tuple(node if index == archive.root.children["layer"] else each for index, each in enumerate(archive.nodes))
    with pytest.raises(UnsupportedError, match="taken"):
        write_hdf5(dataclasses.replace(archive, nodes=nodes), tmp_path / "ours.h5")
    write_hdf5(dataclasses.replace(archive, nodes=nodes, config=CONFIG), tmp_path / "ours.h5")
    again = read_hdf5(tmp_path / "ours.h5")
    assert [again.nodes[index].metadata for index in again.root.children.values()] == [{"name": "reinstate"}, None]


def test_a_file_that_changed_since_it_was_looked_at(tmp_path):
    archive = read_hdf5(write_by_hand(tmp_path / "model.h5"))
    write_by_hand(tmp_path / "model.h5", values=(KERNEL * 2, np.ones(30, np.float32)))
    with pytest.raises(CorruptError, match=r"model.h5 > the file was changed"):
        read_all(archive)


def test_without_h5py(tmp_path, monkeypatch):
    path = write_by_hand(tmp_path / "model.h5")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match="pip install h5py"):
        read_hdf5(path)
    with pytest.raises(ImportError, match="pip install h5py"):
        write_hdf5(archive_of({}), tmp_path / "ours.h5")
