"""HDF5 files by strangers: refused with one of our own errors that leads to the place, whatever is wrong with them."""

from __future__ import annotations

import json
import random
import resource
import struct
import tracemalloc
from collections.abc import Callable

import h5py
import numpy as np
import pytest

from reinstate.archive.hdf5 import read_hdf5
from reinstate.errors import CorruptError, FormatError, NotAModelError, ReinstateError, UnsafeError, UnsupportedError

KERNEL = np.arange(600, dtype=np.float32).reshape(20, 30)
PLACE = "model.h5 > model_weights > dense > kernel:0 > "


def good_model(path):
    """A whole model: one layer, optimizer, a state of ours."""
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"name": "m"}})
        file.attrs["training_config"] = json.dumps({"loss": "mse"})
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [b"dense"]
        weights.attrs["keras_version"] = "2.15.0"
        weights.attrs["backend"] = "tensorflow"
        layer = weights.create_group("dense")
        layer.attrs["weight_names"] = [b"kernel:0", b"bias:0"]
        layer["kernel:0"], layer["bias:0"] = KERNEL, np.ones(30, np.float32)
        optimizer = file.create_group("optimizer_weights")
        optimizer.attrs["weight_names"] = [b"iter:0"]
        optimizer["iter:0"] = np.int64(3)
        file["reinstate/metrics/total"] = np.float32(1)
    return path


def read_all(path):
    archive = read_hdf5(path)
    return archive.tensors.read([variable.tensor for _, variable in archive.variables()])


def replace_kernel(make: Callable[[h5py.Group], object]) -> Callable[[h5py.File], None]:
    """An attack on the dataset of the kernel."""

    def attack(file):
        del file["model_weights/dense/kernel:0"]
        make(file["model_weights/dense"])

    return attack


def virtual(group):
    layout = h5py.VirtualLayout((20, 30), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (20, 30))
    group.create_virtual_dataset("kernel:0", layout)


def link(target):
    return lambda group: group.__setitem__("kernel:0", target)


def external(group):
    group.create_dataset("kernel:0", (20, 30), "f4", external=[("/etc/passwd", 0, 2400)])


def dataset(*args, **settings):
    return lambda group: group.create_dataset("kernel:0", *args, **settings)


def null(group):
    group["kernel:0"] = h5py.Empty("f4")


def half_a_dtype(group):
    group["kernel:0"] = np.zeros(3, np.uint32)
    group["kernel:0"].attrs["dtype"] = "bfloat16"


def pointers(group):
    group["kernel:0"] = np.zeros(3, np.uint64)
    group["kernel:0"].attrs["dtype"] = "string"


DATASETS = {
    "external link": (link(h5py.ExternalLink("/etc/passwd", "x")), UnsafeError, "an external link"),
    "soft link": (link(h5py.SoftLink("/model_weights/dense/bias:0")), UnsafeError, "a soft link"),
    "soft link to itself": (link(h5py.SoftLink("/model_weights/dense/kernel:0")), UnsafeError, "a soft link"),
    "external storage": (external, UnsafeError, "an external dataset"),
    "virtual": (virtual, UnsafeError, "a virtual dataset"),
    "missing": (lambda group: None, CorruptError, "no such dataset"),
    "a group": (lambda group: group.create_group("kernel:0"), CorruptError, "not a dataset"),
    "never written": (dataset((20, 30), "f4"), CorruptError, "claims 2400 bytes"),
    "huge": (dataset((1 << 20, 1 << 20, 1 << 15), "f4"), CorruptError, "claims"),
    "beyond memory": (dataset((1 << 31, 0, 1 << 31), "f4"), CorruptError, "beyond any memory"),
    "huge chunked": (dataset((1 << 40,), "f4", chunks=(1 << 20,)), CorruptError, "claims"),
    "huge compressed": (dataset((1 << 40,), "f4", chunks=(1 << 10,), compression="gzip"), CorruptError, "claims"),
    "huge chunks": (
        dataset((3,), "f4", chunks=(1 << 28,), maxshape=(None,)),
        CorruptError,
        "chunks of 1073741824 bytes",
    ),
    "strings": (dataset(data=[b"a"] * 3, dtype=h5py.string_dtype()), CorruptError, "not of numbers"),
    "fixed strings": (dataset(data=np.array([b"ab"])), CorruptError, "not of numbers"),
    "references": (dataset((3,), h5py.ref_dtype), CorruptError, "not of numbers"),
    "compound": (dataset(data=np.zeros(3, "f4,i4")), CorruptError, "not of numbers"),
    "arrays": (dataset((3,), np.dtype(("f4", (2,)))), CorruptError, "not of numbers"),
    "opaque": (dataset(data=np.zeros(3, "V7")), UnsupportedError, "no dtype"),
    "null": (null, CorruptError, "without values"),
    "bits of another size": (half_a_dtype, CorruptError, "bfloat16 cannot be stored as uint32"),
    "integers as pointers": (pointers, CorruptError, "string cannot be stored as uint64"),
}


@pytest.mark.parametrize("name", DATASETS)
def test_datasets(tmp_path, name):
    make, error, reason = DATASETS[name]
    path = good_model(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        replace_kernel(make)(file)
    with pytest.raises(error) as caught:
        read_hdf5(path)
    assert str(caught.value).startswith(PLACE)
    assert reason in str(caught.value)


def test_a_filter_that_would_load_a_plugin(tmp_path):
    path = good_model(tmp_path / "model.h5")
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((10,))
    properties.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (1,))  # zstd
    with h5py.File(path, "a") as file:
        del file["model_weights/dense/kernel:0"]
        group = file["model_weights/dense"].id
        h5py.h5d.create(group, b"kernel:0", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((10,)), properties)
    with pytest.raises(UnsupportedError, match="32015"):
        read_hdf5(path)


def more(names):
    return lambda file: file["model_weights"].attrs.__setitem__("layer_names", names)


def external_group(file):
    del file["model_weights/dense"]
    file["model_weights/dense"] = h5py.ExternalLink("other.h5", "/")


def external_weights(file):
    del file["model_weights"]
    file["model_weights"] = h5py.ExternalLink("other.h5", "/")


def same_twice(file):
    weights = file["model_weights"]
    weights.create_dataset("x/kernel:0", data=np.zeros(100_000, np.float32), chunks=(1000,), compression="gzip")
    weights["x"].attrs["weight_names"] = [b"kernel:0"] + [f"k{index}".encode() for index in range(1000)]
    for index in range(1000):
        weights[f"x/k{index}"] = weights["x/kernel:0"]
    weights.attrs["layer_names"] = [b"x"]


def circle(file):
    file["reinstate/metrics/again"] = file["reinstate"]


def exploding_circle(file):
    for index in range(30):
        file[f"reinstate/{index}"] = file["reinstate"]


def deep(file):
    group = file["reinstate"]
    for _ in range(300):
        group = group.create_group("x")


def named_often(file):
    """64512 layers, which are one group with 64512 weights, which are one dataset."""
    weights = file["model_weights"]
    weights.attrs["layer_names"] = np.array([b"x"] * 60_000)
    weights["x/y"] = np.float32(1)
    weights["x"].attrs["weight_names"] = np.array([b"y"] * 60_000)


def set_attribute(group, name, value):
    return lambda file: file[group].attrs.__setitem__(name, value)


STRUCTURES = {
    "external group": (external_group, UnsafeError, "model.h5 > model_weights > dense > an external link"),
    "external weights": (external_weights, UnsafeError, "an external link"),
    "layer that is not there": (more([b"dense", b"lost"]), CorruptError, "model_weights > lost > no such group"),
    "names out of the group": (more([b"/optimizer_weights/iter:0"]), CorruptError, "not a group"),
    "names that are numbers": (more([1, 2]), CorruptError, "not made of strings"),
    "names that are one name": (more("dense"), CorruptError, "not a list"),
    "names in two dimensions": (more(np.array([[b"dense"]])), CorruptError, "not a list"),
    "names that are no text": (more([b"\xff\xfe"]), CorruptError, "UTF-8"),
    "names of references": (
        lambda file: more(np.array([file.ref, file.ref], h5py.ref_dtype))(file),
        CorruptError,
        "not made of strings",
    ),
    "a name of slashes": (more(np.array([b"a/" * 20_000])), CorruptError, "deep"),
    "one dataset, a thousand links": (same_twice, CorruptError, "same object"),
    "a circle": (circle, CorruptError, "same object"),
    "many circles": (exploding_circle, CorruptError, "same object"),
    "deep groups": (deep, CorruptError, "deep"),
    "billions of names": (named_often, CorruptError, "more objects than the file can hold"),
    "no list of weights": (lambda file: file["model_weights/dense"].attrs.clear(), CorruptError, "list of names"),
    "config that is no JSON": (set_attribute("/", "model_config", "{"), CorruptError, "model_config"),
    "config that is a list": (set_attribute("/", "model_config", "[]"), CorruptError, "a JSON object"),
    "config that is a number": (set_attribute("/", "model_config", 3), CorruptError, "not made of strings"),
    "config without an end": (set_attribute("/", "model_config", "[" * 100_000), CorruptError, "model_config"),
    "config with a bad tuple": (
        set_attribute("/", "model_config", '{"class_name": "__tuple__", "items": 5}'),
        CorruptError,
        "model_config",
    ),
    "config in parts": (set_attribute("/", "training_config", np.array([b"{", b"}"])), CorruptError, "not one string"),
    "no weights": (lambda file: file.__delitem__("model_weights"), CorruptError, "model_weights"),
    "weights that are a dataset": (
        lambda file: (file.__delitem__("model_weights"), file.__setitem__("model_weights", 1)),
        CorruptError,
        "not a group",
    ),
    "a number of layers": (set_attribute("/", "nb_layers", 1 << 40), CorruptError, "nb_layers"),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_structures(tmp_path, name):
    attack, error, reason = STRUCTURES[name]
    path = good_model(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        attack(file)
    tracemalloc.start()
    with pytest.raises(error) as caught:
        read_all(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(caught.value).startswith("model.h5 > ")
    assert reason in str(caught.value)
    assert peak < 64 << 20


def test_a_bomb_of_zeros_is_bounded_by_the_file(tmp_path):
    """What deflate really can do is done; no more than a thousand times the file."""
    path = good_model(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        replace_kernel(dataset(data=np.zeros(1 << 18, np.float32), chunks=(1 << 16,), compression="gzip"))(file)
    assert read_all(path)[0].shape == (1 << 18,)


def test_tensors_over_the_same_bytes(tmp_path):
    """Two datasets whose headers point to one place."""
    path = good_model(tmp_path / "model.h5")
    with h5py.File(path, "a") as file:
        file["model_weights/dense"].attrs["weight_names"] = [b"kernel:0", b"twin:0"]
        twin = file.create_dataset("model_weights/dense/twin:0", data=KERNEL)
        first, second = file["model_weights/dense/kernel:0"].id.get_offset(), twin.id.get_offset()
    data = path.read_bytes()
    assert data.count(struct.pack("<Q", second)) == 1
    path.write_bytes(data.replace(struct.pack("<Q", second), struct.pack("<Q", first)))
    with pytest.raises(CorruptError, match=r"model.h5 > tensors overlap"):
        read_all(path)


@pytest.mark.parametrize(
    ("data", "error"),
    [(b"", CorruptError), (b"\x89HDF\r\n\x1a\n", CorruptError), (b"PK\x03\x04", NotAModelError)],
    ids=["empty", "signature only", "zip"],
)
def test_files_that_are_not_hdf5(tmp_path, data, error):
    (tmp_path / "model.h5").write_bytes(data)
    with pytest.raises(error, match=r"model\.h5 > "):
        read_hdf5(tmp_path / "model.h5")


def test_hdf5_of_others(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(NotAModelError, match="none that Keras saved"):
        read_hdf5(tmp_path / "data.h5")
    with h5py.File(tmp_path / "model.weights.h5", "w") as file:
        file["layers/dense/vars/0"] = 1
    with pytest.raises(NotAModelError, match="Keras 3"):
        read_hdf5(tmp_path / "model.weights.h5")


def test_files_that_are_not_there_or_no_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_hdf5(tmp_path / "model.h5")
    with pytest.raises(IsADirectoryError):
        read_hdf5(tmp_path)


def test_cut_off_anywhere(tmp_path):
    """Most cuts are seen when the structure is read, the others when the values are."""
    data = good_model(tmp_path / "model.h5").read_bytes()
    for size in range(0, len(data) - 1, 97):
        (tmp_path / "model.h5").write_bytes(data[:size])
        with pytest.raises(FormatError):
            read_all(tmp_path / "model.h5")


def test_flipped_bits(tmp_path):
    """Whatever bit is flipped: the file is read, or refused with an error of ours; and no flip takes all the memory."""
    data = good_model(tmp_path / "model.h5").read_bytes()
    generator, refused, before = random.Random(5), 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(400):
        flipped = bytearray(data)
        for _ in range(generator.choice([1, 1, 8])):
            flipped[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
        (tmp_path / "model.h5").write_bytes(flipped)
        try:
            read_all(tmp_path / "model.h5")
        except ReinstateError as error:
            assert str(error).startswith("model.h5 > ")
            refused += 1
    assert refused > 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + (2 << 20)  # KiB
