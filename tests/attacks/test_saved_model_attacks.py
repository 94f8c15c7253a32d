"""Models by strangers: refused with one of our own errors that leads to the place, nothing run, nothing half built."""

from __future__ import annotations

import builtins
import copy
import functools
import json
import os
import random
import resource
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

import reinstate
from reinstate.errors import (
    CorruptError,
    MismatchError,
    NewerFormatError,
    NotAModelError,
    ReinstateError,
    UnsafeError,
    UnsupportedError,
)
from reinstate.wire import messages

pytestmark = [
    pytest.mark.filterwarnings("ignore::reinstate.LossyWarning"),
    pytest.mark.filterwarnings("ignore:the model was saved without compile settings"),
]

ALLOWED = (ReinstateError, OSError, ImportError)
GOLDEN = Path(__file__).parents[1] / "golden" / "2.21" / "dense" / "bare"
PB, KERAS2, KERAS3 = "saved_model.pb", "keras_metadata.pb", "assets.extra/reinstate.keras3.json"
INDEX, DATA = "variables/variables.index", "variables/variables.data-00000-of-00001"


def make_model() -> keras.Model:
    """A model, new each time; what one step of training makes of it is computed once."""
    model = fresh()
    model.optimizer.build(model.trainable_variables)
    for variable, value in zip((*model.variables, *model.optimizer.variables), step(), strict=True):
        variable.assign(value)
    return model


def fresh() -> keras.Model:
    keras.utils.set_random_seed(1)
    inputs = keras.Input((3,), name="x")
    hidden = keras.layers.Dense(4, activation="relu", name="hidden")(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, name="out")(hidden), name="small")
    model.compile("adam", "mse", metrics=["mae"])
    return model


@functools.cache
def step() -> list[np.ndarray]:
    model = fresh()
    model.train_on_batch(np.ones((2, 3), np.float32), np.ones((2, 2), np.float32))
    return [np.asarray(variable.value) for variable in (*model.variables, *model.optimizer.variables)]


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One model in all formats."""
    folder = tmp_path_factory.mktemp("originals")
    model = make_model()
    for name in ("ours", "model.h5", "model.keras"):
        reinstate.save_model(model, folder / name)
    reinstate.save_weights(model, folder / "weights")
    shutil.copytree(GOLDEN, folder / "theirs")
    return folder


@pytest.fixture
def saved(originals: Path, tmp_path: Path) -> Path:
    """A copy of the SavedModel that we wrote."""
    return Path(shutil.copytree(originals / "ours", tmp_path / "saved"))


@pytest.fixture
def keras2(saved: Path) -> Path:
    """The same without our own file: what Keras 2's metadata says is what counts."""
    (saved / KERAS3).unlink()
    return saved


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a file names, these are not called by loading it."""
    called: list[str] = []
    monkeypatch.setattr(os, "system", lambda *_: called.append("os.system"))
    monkeypatch.setattr(os, "popen", lambda *_: called.append("os.popen"))
    monkeypatch.setattr(keras.utils, "get_file", lambda *_, **__: called.append("get_file"))
    monkeypatch.setattr(keras.config, "enable_unsafe_deserialization", lambda: called.append("unsafe"))
    monkeypatch.setattr(builtins, "breakpoint", lambda *_: called.append("breakpoint"))
    yield
    assert not called


def refused(path: Any, kind: type[Exception] | tuple[type[Exception], ...] = ALLOWED, **arguments: Any) -> str:
    """Loading raises such an error; return its text."""
    with pytest.raises(kind) as caught:
        reinstate.load_model(path, **arguments)
    assert isinstance(caught.value, ALLOWED)
    return str(caught.value)


def rewrite(path: Path, kind: Any, change: Callable[[Any], None]) -> None:
    message = kind.FromString(path.read_bytes())
    change(message)
    path.write_bytes(message.SerializeToString())


def change_root(directory: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the JSON of the root in keras_metadata.pb."""

    def apply(message: Any) -> None:
        text = json.loads(message.nodes[0].metadata)
        result = change(text)
        message.nodes[0].metadata = json.dumps(text if result is None else result)

    rewrite(directory / KERAS2, messages.SavedMetadata, apply)


def change_keras3(directory: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    value = json.loads((directory / KERAS3).read_text())
    result = change(value)
    (directory / KERAS3).write_text(json.dumps(value if result is None else result))


# Files that are missing or damaged -----------------------------------------------------------------------------------


def test_the_originals_load(originals: Path) -> None:
    for name in ("ours", "theirs", "model.h5", "model.keras"):
        assert reinstate.load_model(originals / name).built


def test_nothing_there(tmp_path: Path) -> None:
    for name in ("gone", "gone.h5", "gone.keras", "gone/variables/variables"):
        with pytest.raises(FileNotFoundError) as caught:
            reinstate.load_model(tmp_path / name)
        assert caught.value.filename == str(tmp_path / name)
        with pytest.raises(FileNotFoundError):
            reinstate.load_weights(make_model(), tmp_path / name)


def test_missing_parts(saved: Path, originals: Path, tmp_path: Path) -> None:
    places = {PB: ["saved_model.pb is missing"], INDEX: ["variables/variables.index is missing"]}
    places[DATA] = [Path(DATA).name, "the file is missing"]
    for name, texts in places.items():
        copied = Path(shutil.copytree(saved, tmp_path / "part"))
        (copied / name).unlink()
        text = refused(copied, NotAModelError if name == PB else CorruptError)
        assert all(part in text for part in texts), text
        shutil.rmtree(copied)
    shutil.rmtree(saved / "variables")
    assert "hidden/kernel: no value in the file" in refused(saved, MismatchError)
    theirs = Path(shutil.copytree(originals / "theirs", tmp_path / "theirs"))
    (theirs / KERAS2).unlink()
    assert refused(theirs, UnsupportedError).startswith("theirs > the file holds no Keras model config")


def test_directories_that_are_no_models(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "without saved_model.pb" in refused(tmp_path / "empty", NotAModelError)
    (tmp_path / "folder" / PB).mkdir(parents=True)
    refused(tmp_path / "folder", NotAModelError)
    shutil.copytree(GOLDEN, tmp_path / "serving" / "7")
    assert "open one of them: 7" in refused(tmp_path / "serving", NotAModelError)


@pytest.mark.parametrize("name", [PB, KERAS2, KERAS3, INDEX, DATA])
def test_empty_parts(saved: Path, name: str) -> None:
    (saved / name).write_bytes(b"")
    if name == KERAS2:  # our own file says it all
        assert reinstate.load_model(saved).built
        return
    text = refused(saved, CorruptError)
    assert text.startswith("saved > ") and Path(name).name in text


@pytest.mark.parametrize("name", [PB, KERAS2, INDEX, DATA])
@pytest.mark.parametrize("which", ["ours", "theirs"])
def test_parts_cut_off_anywhere(originals: Path, tmp_path: Path, which: str, name: str) -> None:
    copied = Path(shutil.copytree(originals / which, tmp_path / "cut"))
    if which == "ours":
        (copied / KERAS3).unlink()
    data = (copied / name).read_bytes()
    for end in {1, len(data) // 3, len(data) // 2, len(data) - 9, len(data) - 1}:
        (copied / name).write_bytes(data[:end])
        try:
            model = reinstate.load_model(copied)
        except ReinstateError as error:
            assert str(error).startswith("cut > "), error
        else:  # the end of a message may be one
            assert_equal(model, reinstate.load_model(originals / which))


def assert_equal(first: keras.Model, second: keras.Model) -> None:
    for mine, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_a_newer_format(saved: Path) -> None:
    rewrite(saved / PB, messages.SavedModel, lambda m: setattr(m, "saved_model_schema_version", 2))
    assert "schema version 2" in refused(saved, NewerFormatError)


def test_several_models(saved: Path) -> None:
    def add(message: Any) -> None:
        message.meta_graphs.add().CopyFrom(message.meta_graphs[0])
        message.meta_graphs[1].meta_info_def.tags.append("gpu")

    rewrite(saved / PB, messages.SavedModel, add)
    assert reinstate.load_model(saved).built  # the one to serve
    rewrite(saved / PB, messages.SavedModel, lambda m: m.meta_graphs[0].meta_info_def.ClearField("tags"))
    with pytest.raises(UnsupportedError) as caught:
        reinstate.load_model(saved)
    assert caught.value.offenders == ("(no tags)", "serve, gpu")
    rewrite(saved / PB, messages.SavedModel, lambda m: m.ClearField("meta_graphs"))
    assert "holds no model" in refused(saved, CorruptError)


def test_text_that_is_none(saved: Path) -> None:
    (saved / PB).unlink()
    for text in (b"", b"x", b"\xff", b"saved_model_schema_version: 99999999999999999999", b"meta_graphs {" * 5000):
        (saved / "saved_model.pbtxt").write_bytes(text)
        assert refused(saved, ReinstateError).startswith("saved > ")


# The object graph ----------------------------------------------------------------------------------------------------


def graph_of(message: Any) -> Any:
    return message.meta_graphs[0].object_graph_def


def test_edges_to_nowhere(saved: Path) -> None:
    original = (saved / PB).read_bytes()

    def edge(message: Any, target: int) -> None:
        graph_of(message).nodes[0].children.add(node_id=target, local_name="away")

    def slot(message: Any, target: int) -> None:
        graph_of(message).nodes[0].slot_variables.add(original_variable_node_id=target, slot_name="m")

    for change in (edge, slot):
        for target in (-1, 10_000, 2**31 - 1):
            (saved / PB).write_bytes(original)
            rewrite(saved / PB, messages.SavedModel, lambda m, c=change, t=target: c(m, t))
            text = refused(saved, CorruptError)
            assert text.startswith("saved > saved_model.pb > object 0 > ") and str(target) in text


def test_circles(saved: Path) -> None:
    def tie(message: Any) -> None:
        graph = graph_of(message)
        for index, node in enumerate(graph.nodes):
            node.children.add(node_id=0, local_name="parent")
            node.children.add(node_id=index, local_name="self")
            node.children.add(node_id=0, local_name="kernel" if not node.HasField("variable") else "x")

    rewrite(saved / PB, messages.SavedModel, tie)
    try:
        assert_equal(reinstate.load_model(saved), make_model())
    except ReinstateError as error:
        assert str(error).startswith("saved > ")


def test_an_edge_that_leads_to_something_else(saved: Path) -> None:
    def turn(message: Any) -> None:
        for node in graph_of(message).nodes:
            for child in node.children:
                child.node_id = 0

    rewrite(saved / PB, messages.SavedModel, turn)
    with pytest.raises(MismatchError) as caught:
        reinstate.load_model(saved)
    assert len(caught.value.offenders) == 4


def test_no_objects(saved: Path) -> None:
    rewrite(saved / PB, messages.SavedModel, lambda m: graph_of(m).ClearField("nodes"))
    assert "no root" in refused(saved, CorruptError)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/../../../x", ""])
def test_assets_lead_nowhere(saved: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def add(message: Any) -> None:
        message.meta_graphs[0].asset_file_def.add(filename=name)
        graph_of(message).nodes.add().asset.asset_file_def_index = 0

    rewrite(saved / PB, messages.SavedModel, add)
    opened: list[str] = []
    real = builtins.open
    monkeypatch.setattr(builtins, "open", lambda file, *a, **k: (opened.append(str(file)), real(file, *a, **k))[1])
    assert_equal(reinstate.load_model(saved), make_model())
    assert not [file for file in opened if "etc" in file]


def test_signatures_and_variables_of_unknown_types(saved: Path) -> None:
    original = (saved / PB).read_bytes()

    def signature(message: Any) -> None:
        message.meta_graphs[0].signature_def["f"].inputs["x"].dtype = 77

    rewrite(saved / PB, messages.SavedModel, signature)
    assert refused(saved, CorruptError).startswith("saved > saved_model.pb > signature 'f' > ")
    (saved / PB).write_bytes(original)
    shutil.rmtree(saved / "variables")

    def variable(message: Any) -> None:
        next(node for node in graph_of(message).nodes if node.HasField("variable")).variable.dtype = 77

    rewrite(saved / PB, messages.SavedModel, variable)
    assert "77" in refused(saved, CorruptError)


# Metadata ------------------------------------------------------------------------------------------------------------

WRONG = (None, True, 5, -1, 2**70, 1e308, float("nan"), "text", "", [], [[]], [5], {}, {"class_name": 5}, ["x", {}])


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to everything in nested JSON."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def put(value: Any, path: tuple[Any, ...], item: Any) -> Any:
    changed = copy.deepcopy(value)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    if item is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = item
    return changed


def loads_or_is_refused(path: Path, name: str) -> None:
    before = threads_and_limit()
    try:
        model = reinstate.load_model(path)
    except ALLOWED as error:
        assert str(error).startswith(name), f"{type(error).__name__}: {error}"
    else:
        assert model.built  # a setting like another one; all values of the model came from the file
    assert threads_and_limit() == before


def threads_and_limit() -> int:
    return sys.getrecursionlimit()


@pytest.fixture
def few_bytes() -> Iterator[None]:
    """What a small file makes us allocate is small: 4 GB more and the allocation fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + (4 << 30), hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.usefixtures("few_bytes")
@pytest.mark.parametrize("part", range(4))
def test_values_of_the_wrong_types_in_keras_2_metadata(keras2: Path, part: int) -> None:
    original = (keras2 / KERAS2).read_bytes()
    root = json.loads(messages.SavedMetadata.FromString(original).nodes[0].metadata)
    del root["model_config"]
    attacks = [(path, item) for path in places(root) for item in (*WRONG, ...)]
    for path, item in random.Random(part).sample(attacks, 110):
        (keras2 / KERAS2).write_bytes(original)
        change_root(keras2, lambda _, p=path, i=item: put(root, p, i))
        loads_or_is_refused(keras2, "saved > ")


@pytest.mark.usefixtures("few_bytes")
@pytest.mark.parametrize("part", range(3))
def test_values_of_the_wrong_types_in_our_own_file(saved: Path, part: int) -> None:
    root = json.loads((saved / KERAS3).read_text())
    attacks = [(path, item) for path in places(root) for item in (*WRONG, ...)]
    for path, item in random.Random(part).sample(attacks, 110):
        (saved / KERAS3).write_text(json.dumps(put(root, path, item)))
        loads_or_is_refused(saved, "saved > ")


@pytest.mark.usefixtures("few_bytes")
@pytest.mark.parametrize("attribute", ["model_config", "training_config", "reinstate_keras3"])
def test_values_of_the_wrong_types_in_hdf5(originals: Path, tmp_path: Path, attribute: str) -> None:
    path = Path(shutil.copy(originals / "model.h5", tmp_path / "model.h5"))
    with h5py.File(path, "r+") as file:
        root = json.loads(file.attrs[attribute])
        if attribute != "reinstate_keras3":
            del file.attrs["reinstate_keras3"]
    attacks = [(place, item) for place in places(root) for item in (*WRONG, ...)]
    for place, item in random.Random(attribute).sample(attacks, 60):
        with h5py.File(path, "r+") as file:
            file.attrs[attribute] = json.dumps(put(root, place, item))
        loads_or_is_refused(path, "model.h5 > ")


@pytest.mark.parametrize(
    "text",
    [
        "5",
        "[]",
        "null",
        "{",
        '{"config": {"class_name": "__tuple__", "items": 5}}',
        '{"config": {"class_name": "TensorShape", "items": true}}',
        "[" * 100_000,
        '{"config":' * 100_000,
        '{"class_name": "Functional", "config": ' + '{"layers": [' * 300 + "]}" * 300 + "}",
        '{"config": 1' + "0" * 10_000 + "}",
        '{"keras_version": 5}',
        '{"backend": []}',
        '{"training_config": "mse", "class_name": "Functional", "config": {}}',
        "\\ud800",
    ],
)
def test_metadata_that_is_none(keras2: Path, text: str) -> None:
    rewrite(keras2 / KERAS2, messages.SavedMetadata, lambda m: setattr(m.nodes[0], "metadata", text))
    assert refused(keras2, ReinstateError).startswith("saved > ")


@pytest.mark.parametrize("text", [b"", b"5", b"[]", b"{", b"\xff\xfe\x00", b"[" * 100_000, b'{"model":' * 2000])
def test_our_own_file_that_is_none(saved: Path, text: bytes) -> None:
    (saved / KERAS3).write_bytes(text)
    assert refused(saved, CorruptError).startswith(f"saved > {KERAS3} > ")


def nested(depth: int) -> str:
    before = "".join(f'{{"class_name": "Sequential", "config": {{"name": "s{i}", "layers": [' for i in range(depth))
    return before + '{"class_name": "Dense", "config": {"units": 2}}' + "]}}" * depth


@pytest.mark.parametrize("depth", [50, 150, 400])
def test_models_nested_deeply(keras2: Path, depth: int) -> None:
    rewrite(keras2 / KERAS2, messages.SavedMetadata, lambda m: setattr(m.nodes[0], "metadata", nested(depth)))
    assert refused(keras2, ReinstateError).startswith("saved > ")


@pytest.mark.usefixtures("few_bytes")
@pytest.mark.parametrize("units", [10**12, 2**31, 2**62, 10**30])
def test_huge_shapes_are_not_allocated(saved: Path, units: int) -> None:
    change_root(saved, lambda root: root["config"]["layers"][2]["config"].update(units=units))
    change_keras3(saved, lambda value: value["model"]["config"]["layers"][2]["config"].update(units=units))
    for _ in range(2):  # in either dialect
        text = refused(saved, (MismatchError, UnsupportedError))
        assert text.startswith("saved > ")
        if units < 2**60:
            assert f"(4, {units}) in the model" in text
        (saved / KERAS3).unlink(missing_ok=True)


@pytest.mark.usefixtures("few_bytes")
@pytest.mark.parametrize(
    "metric",
    [
        {"class_name": "MeanIoU", "config": {"name": "iou", "num_classes": 10**6}},
        {"class_name": "MeanIoU", "config": {"name": "iou", "num_classes": 10**12}},
        {"class_name": "AUC", "config": {"name": "auc", "num_thresholds": 10**9}},
        {"class_name": "AUC", "config": {"name": "auc", "num_thresholds": 10**30}},
    ],
)
def test_huge_metrics_are_not_allocated(keras2: Path, metric: dict[str, Any]) -> None:
    change_root(keras2, lambda root: root["training_config"].update(metrics=[metric]))
    refused(keras2, UnsupportedError)


# Code ----------------------------------------------------------------------------------------------------------------

LAMBDA = {
    "class_name": "Lambda",
    "name": "code",
    "inbound_nodes": [[["x", 0, 0, {}]]],
    "config": {"name": "code", "function": ["4wEAAAAAAAAA", None, None], "function_type": "lambda"},
}
LAMBDA3 = {
    "module": "keras.layers",
    "class_name": "Lambda",
    "registered_name": None,
    "config": {
        "name": "code",
        "function": {
            "class_name": "__lambda__",
            "config": {"code": "4wEAAAAAAAAA", "defaults": None, "closure": None},
        },
    },
}
NAMES = ("builtins.exec", "os.system", "exec", "eval", "os>system", "keras.utils.get_file", "__import__")


def foreign(module: str, name: str) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": {"command": "true"}, "registered_name": name}


FOREIGN = [
    *({"class_name": name, "config": {}} for name in NAMES),
    foreign("os", "system"),
    foreign("builtins", "exec"),
    foreign("keras.utils", "get_file"),
    foreign("keras.config", "enable_unsafe_deserialization"),
    foreign("keras.layers", "TFSMLayer"),
    foreign("keras.src.utils.file_utils", "get_file"),
    {"module": "builtins", "class_name": "function", "config": "exec", "registered_name": "function"},
    {"class_name": "function", "module": "os", "config": "system"},
    *NAMES,
]


@pytest.mark.parametrize("key", ["kernel_initializer", "activation", "kernel_regularizer", "kernel_constraint"])
@pytest.mark.parametrize("value", FOREIGN, ids=repr)
def test_keras_2_configs_name_no_code(keras2: Path, key: str, value: Any) -> None:
    change_root(keras2, lambda root: root["config"]["layers"][1]["config"].update({key: value}))
    assert refused(keras2, (UnsafeError, UnsupportedError)).startswith("saved > ")


@pytest.mark.parametrize("key", ["kernel_initializer", "activation", "kernel_regularizer", "dtype"])
@pytest.mark.parametrize("value", FOREIGN, ids=repr)
def test_our_own_file_names_no_code(saved: Path, key: str, value: Any) -> None:
    change_keras3(saved, lambda item: item["model"]["config"]["layers"][1]["config"].update({key: value}))
    assert refused(saved, (UnsafeError, UnsupportedError)).startswith("saved > ")


@pytest.mark.parametrize("key", ["loss", "metrics", "optimizer_config", "weighted_metrics", "loss_weights"])
@pytest.mark.parametrize("value", FOREIGN, ids=repr)
def test_training_configs_name_no_code(keras2: Path, key: str, value: Any) -> None:
    wrapped = [value] if "metrics" in key else value
    change_root(keras2, lambda root: root["training_config"].update({key: wrapped}))
    assert refused(keras2, (ReinstateError,)).startswith("saved > ")


@pytest.mark.parametrize("key", ["loss", "metrics", "optimizer", "weighted_metrics"])
@pytest.mark.parametrize("value", FOREIGN, ids=repr)
def test_compile_configs_name_no_code(saved: Path, key: str, value: Any) -> None:
    wrapped = [value] if "metrics" in key else value
    change_keras3(saved, lambda item: item["compile"].update({key: wrapped}))
    try:
        reinstate.load_model(saved)  # bare names are looked up, in Keras' own tables, when it is trained
    except ReinstateError as error:
        assert str(error).startswith("saved > ")
    else:
        assert isinstance(value, str) and key != "optimizer"


@pytest.mark.parametrize("module", ["os", "builtins", "subprocess", "keras.src.saving.saving_lib"])
def test_layers_of_other_modules(saved: Path, module: str) -> None:
    def change(value: dict[str, Any]) -> None:
        value["model"]["config"]["layers"][1]["module"] = module

    change_keras3(saved, change)
    assert module in refused(saved, UnsafeError)


def test_no_bytecode_in_any_place(saved: Path, originals: Path, tmp_path: Path) -> None:
    def into_keras3(value: dict[str, Any]) -> None:
        value["model"]["config"]["layers"].append(LAMBDA3 | {"name": "code", "inbound_nodes": []})

    keras3_text = (saved / KERAS3).read_text()
    change_keras3(saved, into_keras3)
    assert "__lambda__" in refused(saved, UnsafeError)
    assert "__lambda__" in refused(saved, UnsafeError, safe_mode=False)
    inner = {"class_name": "Sequential", "config": {"name": "inner", "layers": [LAMBDA]}}
    for layer in (LAMBDA, inner | {"name": "inner", "inbound_nodes": LAMBDA["inbound_nodes"]}):
        (saved / KERAS3).write_text(keras3_text)
        (saved / KERAS3).unlink()
        change_root(saved, lambda root, item=layer: root["config"]["layers"].append(item))
        assert "bytecode" in refused(saved, UnsupportedError)
        path = Path(shutil.copy(originals / "model.h5", tmp_path / "model.h5"))
        with h5py.File(path, "r+") as file:
            del file.attrs["reinstate_keras3"]
            config = json.loads(file.attrs["model_config"])
            config["config"]["layers"].append(layer)
            file.attrs["model_config"] = json.dumps(config)
        assert "bytecode" in refused(path, UnsupportedError)


# The caller's classes ------------------------------------------------------------------------------------------------


def test_all_unknown_classes_are_named(keras2: Path) -> None:
    def change(root: dict[str, Any]) -> None:
        root["config"]["layers"][1]["class_name"] = "Mine"
        root["config"]["layers"][2]["class_name"] = "Yours"

    change_root(keras2, change)
    text = refused(keras2, UnsupportedError)
    assert "Mine" in text and "Yours" in text
    text = refused(keras2, UnsupportedError, custom_objects={"Mine": keras.layers.Dense})
    assert "Mine" not in text and "Yours" in text


@pytest.mark.parametrize("error", [RuntimeError, AssertionError, ZeroDivisionError, MemoryError, Exception, OSError])
def test_a_class_that_raises(keras2: Path, error: type[Exception]) -> None:
    class Mine(keras.layers.Dense):
        @classmethod
        def from_config(cls, config: dict[str, Any]) -> Mine:
            raise error("as it happens")

    def change(root: dict[str, Any]) -> None:
        root["config"]["layers"][1]["class_name"] = "Mine"

    change_root(keras2, change)
    assert "as it happens" in refused(keras2, UnsupportedError, custom_objects={"Mine": Mine})


@pytest.mark.parametrize("thing", [5, None, "Dense", min, int, keras.Model])
def test_custom_objects_that_are_no_layers(keras2: Path, thing: Any) -> None:
    def change(root: dict[str, Any]) -> None:
        root["config"]["layers"][1]["class_name"] = "Mine"

    change_root(keras2, change)
    assert refused(keras2, ReinstateError, custom_objects={"Mine": thing}).startswith("saved > ")


# Names that lie, and libraries that are not there --------------------------------------------------------------------


def test_suffixes_do_not_count(originals: Path, tmp_path: Path) -> None:
    expected = make_model()
    for alias in ("a.keras", "b", "c.txt"):
        assert_equal(reinstate.load_model(shutil.copy(originals / "model.h5", tmp_path / alias)), expected)
    shutil.copy(originals / "model.keras", tmp_path / "d.h5")
    assert "`.keras` extension" in refused(tmp_path / "d.h5", UnsupportedError)  # Keras itself wants it
    assert_equal(reinstate.load_model(shutil.copytree(originals / "ours", tmp_path / "e.h5")), expected)
    for name in ("text.h5", "text.keras", "text"):
        (tmp_path / name).write_bytes(b"PK not a model")
        assert name in refused(tmp_path / name, NotAModelError)


def test_without_h5py(originals: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "h5py"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "h5py", None)
    model = reinstate.load_model(originals / "ours")  # needs none
    for call in (
        lambda: reinstate.load_model(originals / "model.h5"),
        lambda: reinstate.load_weights(model, originals / "model.h5"),
        lambda: reinstate.save_model(model, tmp_path / "new.h5"),
        lambda: reinstate.save_weights(model, tmp_path / "new.weights.h5"),
    ):
        with pytest.raises(ImportError, match="pip install h5py"):
            call()
    assert not list(tmp_path.iterdir())


# .keras --------------------------------------------------------------------------------------------------------------


def rezip(source: Path, target: Path, change: Callable[[str, bytes], bytes | None], **options: Any) -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", **options) as new:
        for name in old.namelist():
            data = change(name, old.read(name))
            if data is not None:
                new.writestr(name, data)
    return target


def with_config(source: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    def apply(name: str, data: bytes) -> bytes:
        if name != "config.json":
            return data
        config = json.loads(data)
        change(config)
        return json.dumps(config).encode()

    return rezip(source, target, apply)


def test_damaged_keras_archives(originals: Path, tmp_path: Path) -> None:
    good = (originals / "model.keras").read_bytes()
    target = tmp_path / "model.keras"
    for end in range(1, len(good), len(good) // 12):
        target.write_bytes(good[:end])
        refused(target, ReinstateError)
    for missing in ("config.json", "metadata.json", "model.weights.h5"):
        rezip(originals / "model.keras", target, lambda name, data, m=missing: None if name == m else data)
        assert refused(target, ReinstateError).startswith("model.keras > ")
    for name in ("config.json", "metadata.json", "model.weights.h5", "reinstate.seeds.json"):
        for data in (b"", b"[]", b"{", b"5", b"[" * 100_000):
            path = rezip(originals / "model.keras", target, lambda n, d, name=name, data=data: data if n == name else d)
            if name == "reinstate.seeds.json":
                with zipfile.ZipFile(path, "a") as archive:
                    archive.writestr(name, data)
            assert refused(path, ReinstateError).startswith("model.keras > ")


def test_seeds_of_the_wrong_kind(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dropout(0.5, name="drop"), keras.layers.Dense(2)])
    reinstate.save_model(model, tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        seeds = json.loads(archive.read("reinstate.seeds.json"))
    for value in ([1], "x", None, {"a": 1}, [[1], [2, 3]], [2**80, 1], [[1, 2]]):
        changed = json.dumps(dict.fromkeys(seeds, value)).encode()
        path = rezip(
            tmp_path / "m.keras",
            tmp_path / "n.keras",
            lambda name, data, changed=changed: changed if name == "reinstate.seeds.json" else data,
        )
        assert "reinstate.seeds.json" in refused(path, CorruptError)


@pytest.mark.usefixtures("few_bytes")
@pytest.mark.parametrize("member", ["config.json", "metadata.json", "model.weights.h5"])
def test_zip_bombs(originals: Path, tmp_path: Path, member: str) -> None:
    bomb = b" " * (260 << 20)
    path = rezip(
        originals / "model.keras",
        tmp_path / "bomb.keras",
        lambda name, data: bomb if name == member else data,
        compression=zipfile.ZIP_DEFLATED,
    )
    assert path.stat().st_size < 1 << 20
    text = refused(path, ReinstateError)
    assert text.startswith("bomb.keras > ") and member in text


def test_code_in_keras_archives(originals: Path, tmp_path: Path) -> None:
    def layers(config: dict[str, Any]) -> list[Any]:
        return config["config"]["layers"]

    attacks: list[Callable[[dict[str, Any]], Any]] = [
        lambda config: layers(config).append(LAMBDA3 | {"name": "code", "inbound_nodes": []}),
        lambda config: layers(config)[1].update(foreign("keras.layers", "TFSMLayer")),
        lambda config: layers(config)[1].update(foreign("os", "system")),
        lambda config: layers(config)[1]["config"].update(activation=foreign("builtins", "exec")),
        lambda config: layers(config)[1]["config"].update(kernel_initializer=foreign("keras.utils", "get_file")),
        lambda config: config["compile_config"].update(loss=foreign("os", "system")),
        lambda config: config["compile_config"].update(
            optimizer=foreign("keras.config", "enable_unsafe_deserialization")
        ),
    ]
    for attack in attacks:
        path = with_config(originals / "model.keras", tmp_path / "model.keras", attack)
        assert refused(path, UnsafeError).startswith("model.keras > ")


# Weights -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ours", "weights", "model.h5"])
def test_the_wrong_model_is_told_every_difference(originals: Path, name: str) -> None:
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(7, name="hidden"), keras.layers.Dense(9, name="out")]
    )
    model.compile("adam", "mse")
    before = [np.array(weight) for weight in model.get_weights()]
    with pytest.raises(MismatchError) as caught:
        reinstate.load_weights(model, originals / name)
    assert len(caught.value.offenders) == 4 and str(caught.value).startswith(name)
    for mine, was in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, was)


def test_a_functional_and_a_sequential_count_their_layers_alike(tmp_path: Path) -> None:
    def layers() -> list[Any]:
        return [keras.layers.Dropout(0.5, name="d"), *(keras.layers.Dense(3, name=f"l{i}") for i in range(3))]

    inputs = outputs = keras.Input((3,))
    for layer in layers():
        outputs = layer(outputs)
    functional, sequential = keras.Model(inputs, outputs), keras.Sequential([keras.Input((3,)), *layers()])
    for i, (source, target) in enumerate(((functional, sequential), (sequential, functional))):
        source.set_weights([np.full(w.shape, 10 * i + n, np.float32) for n, w in enumerate(source.get_weights())])
        reinstate.save_weights(source, tmp_path / "w")
        reinstate.load_weights(target, tmp_path / "w")
        assert_equal(source, target)


def test_strings_are_no_weights(originals: Path, tmp_path: Path) -> None:
    from reinstate.wire.bundle import read_bundle, write_bundle

    bundle = read_bundle(originals / "weights")
    arrays = dict(zip(bundle.entries, bundle.read(list(bundle.entries)), strict=True))
    for key, array in arrays.items():
        if "kernel" in key and "OPTIMIZER" not in key:
            arrays[key] = np.full(array.shape, b"text", dtype=object)
    write_bundle(tmp_path / "weights", arrays)
    model = make_model()
    with pytest.raises(MismatchError, match="of type string in the file") as caught:
        reinstate.load_weights(model, tmp_path / "weights")
    assert len(caught.value.offenders) == 2
    assert_equal(model, make_model())


def test_a_damaged_value_changes_nothing(originals: Path, tmp_path: Path) -> None:
    for name in ("weights.index", "weights.data-00000-of-00001"):
        shutil.copy(originals / name, tmp_path / name)
    data = bytearray((tmp_path / "weights.data-00000-of-00001").read_bytes())
    data[0] ^= 1
    (tmp_path / "weights.data-00000-of-00001").write_bytes(data)
    model = make_model()
    model.set_weights([weight + 1 for weight in model.get_weights()])
    before = [np.array(weight) for weight in model.get_weights()]
    with pytest.raises(CorruptError, match="weights > "):
        reinstate.load_weights(model, tmp_path / "weights")
    for mine, was in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, was)


# Any byte ------------------------------------------------------------------------------------------------------------


def damaged(data: bytes, source: random.Random) -> bytes:
    """Some bits flipped, a piece cut out, or a piece doubled."""
    result = bytearray(data)
    kind = source.random()
    start = source.randrange(len(data))
    if kind < 0.7:
        for _ in range(source.choice((1, 1, 2, 8))):
            result[source.randrange(len(data))] ^= 1 << source.randrange(8)
    elif kind < 0.85:
        del result[start : start + source.randrange(1, 40)]
    else:
        result[start:start] = data[start : start + source.randrange(1, 40)]
    return bytes(result)


@pytest.mark.usefixtures("few_bytes")
@pytest.mark.parametrize(
    "which, name, count",
    [
        ("ours", PB, 60),
        ("ours", INDEX, 60),
        ("ours", DATA, 40),
        ("ours", KERAS3, 60),
        ("theirs", PB, 60),
        ("theirs", KERAS2, 80),
        ("model.h5", "", 120),
    ],
)
def test_any_byte_may_be_wrong(originals: Path, tmp_path: Path, which: str, name: str, count: int) -> None:
    source = originals / which
    target = tmp_path / which
    (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    original = (source / name).read_bytes() if name else source.read_bytes()
    expected = reinstate.load_model(source)
    file = target / name if name else target
    loaded = 0
    for seed in range(count):
        file.write_bytes(damaged(original, random.Random(f"{which}{name}{seed}")))
        try:
            model = reinstate.load_model(target)
        except ALLOWED as error:
            assert which in str(error), f"seed {seed}: {type(error).__name__}: {error}"
            continue
        loaded += 1
        if name != "":  # HDF5 has no checksums: there a value may be another one
            assert_equal(model, expected)
        assert [w.shape for w in model.get_weights()] == [w.shape for w in expected.get_weights()]
    assert loaded < count
