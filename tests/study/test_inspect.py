"""What `inspect` says of files by real TensorFlow, against what Keras itself says of the models that were saved."""

from __future__ import annotations

import json
import shutil
import struct
import warnings
import zipfile

import numpy as np
import pytest

from reinstate import CorruptError, NotAModelError, UnsupportedError, inspect

MODELS = {"conv_batchnorm": True, "shared_nested": False, "recurrent": False, "attention": True, "multi": False}
WHOLE = ("saved_model", "model.h5", "model.keras")


@pytest.fixture(scope="module", params=MODELS)
def saved(request, oracle, tmp_path_factory):
    directory = tmp_path_factory.mktemp(request.param)
    about = oracle("study.save_all", name=request.param, directory=str(directory), legacy=MODELS[request.param])
    return directory, about, request.param


def _outermost(found):
    """(depth, name, class, parameters, trainable) of each layer that `model.layers` would list."""
    rows, models = [], {0}
    for layer in found.layers:
        models = {depth for depth in models if depth <= layer.depth}
        if layer.depth in models:
            rows.append([layer.depth, layer.name, layer.class_name, layer.parameters, layer.trainable])
            if layer.class_name in ("Functional", "Sequential"):
                models.add(layer.depth + 1)
    return rows


@pytest.mark.parametrize("form", WHOLE)
def test_layers_are_those_of_the_model(saved, form):
    directory, about, _ = saved
    found = inspect(directory / form)
    if form == "saved_model":
        assert _outermost(found) == about["layers"]
    else:  # the configs of these list the InputLayer of a Sequential model, which `layers` leaves out
        listed = [row for row in _outermost(found) if row in about["layers"] or row[2] != "InputLayer"]
        assert listed == about["layers"]
    assert (found.parameters, found.trainable_parameters) == (about["parameters"], about["trainable"])


def test_weights_and_checkpoints_without_a_config(saved):
    directory, about, _ = saved
    weights, checkpoint = inspect(directory / "weights.h5"), inspect(directory / "checkpoint")
    assert weights.parameters == checkpoint.parameters == about["parameters"]
    assert weights.trainable_parameters is None and checkpoint.trainable_parameters is None
    assert checkpoint.layers == () and weights.optimizer is None
    assert inspect(directory / "checkpoint.index").variables == checkpoint.variables


@pytest.mark.parametrize("form", WHOLE)
def test_optimizer_has_its_state(saved, form):
    directory, _, name = saved
    optimizer, legacy = inspect(directory / form).optimizer, MODELS[name]
    assert optimizer.generation == ("legacy" if legacy else "new")
    if form == "model.keras" and legacy:
        assert optimizer.step is None  # tf_keras does not store the variables of a legacy optimizer there
    else:
        assert optimizer.step == 1
        assert optimizer.slots == inspect(directory / "saved_model").optimizer.slots > 0


@pytest.mark.parametrize("version", ["2.3", "2.8", "2.12", "2.15", "2.21"])
@pytest.mark.parametrize("model", ["dense", "conv_nested", "recurrent"])
def test_files_of_every_version_against_the_truth(golden, version, model):
    with np.load(golden(f"{version}/{model}/truth.npz")) as truth:
        weights = sorted(truth[key].shape for key in truth.files if key.startswith("weight/"))
        slots = sum(key.startswith("slot/") for key in truth.files)
        step, rate = int(truth["iterations"]), float(truth["learning_rate"])
    for form in ("traces", "bare", "model.h5"):
        path = golden(f"{version}/{model}/{form}")
        if not path.exists():
            assert (version, form) == ("2.3", "bare")
            continue
        found = inspect(path)
        assert sorted(weight.shape for weight in found.weights) == weights, form
        assert (found.optimizer.step, found.optimizer.slots) == (step, slots), form
        if found.optimizer.schedule is None:
            assert found.optimizer.learning_rate == pytest.approx(rate, rel=1e-6)
        assert version in found.writer or form == "model.h5"


@pytest.mark.parametrize("form", WHOLE)
def test_frozen_layers_and_schedules(oracle, tmp_path, form):
    about = oracle("study.save_frozen", directory=str(tmp_path))
    found = inspect(tmp_path / form)
    layers = {layer.name: layer for layer in found.layers}
    assert [layers[name].trainable for name in ("base", "dense", "norm", "head")] == [False, False, False, True]
    assert (found.parameters, found.trainable_parameters) == (about["parameters"], about["trainable"]) == (35, 8)
    assert [(weight.name, weight.trainable) for weight in layers["norm"].weights] == [
        (name, False) for name in ("gamma", "beta", "moving_mean", "moving_variance")
    ]
    assert found.optimizer.schedule == "ExponentialDecay"
    assert found.optimizer.learning_rate == pytest.approx(0.5, rel=0.02)  # some forms say what it has come to
    assert found.losses == ("mse",)


def test_subclassed_models(oracle, tmp_path):
    count = oracle("study.save_subclassed", path=str(tmp_path / "sub"))
    found = inspect(tmp_path / "sub")
    assert [(layer.name, layer.parameters) for layer in found.layers] == [("one", 15), ("two", 8), ("norm", 4)]
    assert [(weight.name, weight.shape) for weight in found.variables] == [("scale", (2,))]
    assert (found.class_name, found.name, found.parameters) == ("Sub", "sub", count)


def test_models_that_never_were_keras(oracle, tmp_path):
    oracle("study.save_module", path=str(tmp_path / "module"))
    found = inspect(tmp_path / "module")
    assert [(w.name, w.shape, w.dtype.name, w.trainable) for w in found.variables] == [
        ("w", (3, 2), "float32", True),
        ("steps/0", (), "int32", False),
    ]
    (signature,) = found.signatures
    assert signature.name == "apply" and signature.inputs["x"].shape == (None, 3)
    assert (found.layers, found.optimizer, found.class_name) == ((), None, "")


def test_models_of_tensorflow_1(oracle, tmp_path):
    oracle("study.save_tf1", path=str(tmp_path / "tf1"))
    found = inspect(tmp_path / "tf1")
    assert [(w.name, w.shape, w.trainable) for w in found.variables] == [("layer/w", (3, 2), None)]
    assert found.tags == (("serve", "v1"),)
    assert [list(s.outputs) for s in found.signatures] == [["y"]]


@pytest.fixture(scope="module")
def native(tmp_path_factory):
    """A .keras file of Keras 3."""
    import keras

    path = tmp_path_factory.mktemp("native") / "m.keras"
    cell = keras.layers.Bidirectional(keras.layers.LSTM(2, name="lstm"), name="both")
    attention = keras.layers.MultiHeadAttention(1, 2, name="heads", dropout=0.1)
    x = keras.Input((4, 3), name="x")
    y = keras.layers.Normalization(name="scaled")(x)
    model = keras.Model(x, cell(attention(y, y)), name="m")
    model.compile("adam", "mse", metrics=["mae"])
    model.train_on_batch(np.ones((1, 4, 3)), np.ones((1, 4)))
    with warnings.catch_warnings(action="ignore"):
        model.save(path)
    return path, model


def test_keras_3_archives(native):
    path, model = native
    found = inspect(path)
    assert [(layer.name, layer.parameters) for layer in found.layers] == [
        (x.name, x.count_params()) for x in model.layers
    ]
    assert found.trainable_parameters == sum(np.prod(w.shape) for w in model.trainable_weights)
    layers = {layer.name: [weight.name for weight in layer.weights] for layer in found.layers}
    assert layers["both"][:2] == ["forward_layer/kernel", "forward_layer/recurrent_kernel"]
    assert layers["heads"][:2] == ["query_dense/kernel", "query_dense/bias"]
    assert layers["scaled"] == ["mean", "variance", "count"]
    assert (found.optimizer.class_name, found.optimizer.step, found.optimizer.generation) == ("Adam", 1, "Keras 3")
    assert found.optimizer.learning_rate == pytest.approx(1e-3)
    assert found.optimizer.slots == len(model.optimizer.variables) - 2
    assert found.metrics == ("mae",)


def _repacked(source, target, compression):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compression) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return target


def test_compressed_archives_are_read_within_bounds(native, tmp_path):
    path, _ = native
    packed = _repacked(path, tmp_path / "packed.keras", zipfile.ZIP_DEFLATED)
    assert inspect(packed).layers == inspect(path).layers
    data = bytearray(packed.read_bytes())
    where = data.rindex(b"PK\1\2")  # the directory's entry of the weights; byte 24 of it is the size when unpacked
    while data[where + 46 : where + 62] != b"model.weights.h5":
        where = data.rindex(b"PK\1\2", 0, where)
    data[where + 24 : where + 28] = struct.pack("<I", 2**31)
    packed.write_bytes(data)
    with pytest.raises(UnsupportedError, match=r"packed.keras > model.weights.h5 > unpacked it would take 2147483648"):
        inspect(packed)


def _with(source, target, **members):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, members.get(name.partition(".")[0], old.read(name)))
    return target


@pytest.mark.parametrize("config", ["[1]", "{", '"text"', "[" * 5000])
def test_archives_with_a_config_that_is_none(native, tmp_path, config):
    with pytest.raises(CorruptError, match=r"config\.json"):
        inspect(_with(native[0], tmp_path / "bad.keras", config=config))


ODD = (None, 7, "text", [1], {"a": 1}, [[[]]], True, 1e400, 10**400)


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_configs_with_the_wrong_types_in_them(native, tmp_path, odd):
    """Whatever stands where in a stranger's config, it is described or refused, and nothing else happens."""
    with zipfile.ZipFile(native[0]) as archive:
        config = json.loads(archive.read("config.json"))
    for key in config:
        path = _with(native[0], tmp_path / "odd.keras", config=json.dumps({**config, key: odd}))
        _described_or_refused(path)
    for key in ("name", "layers", "trainable"):
        inner = {**config, "config": {**config["config"], key: odd}}
        _described_or_refused(_with(native[0], tmp_path / "odd.keras", config=json.dumps(inner)))
    for key in ("optimizer", "loss", "metrics"):
        inner = {**config, "compile_config": {**config["compile_config"], key: odd}}
        _described_or_refused(_with(native[0], tmp_path / "odd.keras", config=json.dumps(inner)))
    for key in ("class_name", "config", "build_config", "name"):
        layers = [{**layer, key: odd} for layer in config["config"]["layers"]]
        inner = {**config, "config": {**config["config"], "layers": layers}}
        _described_or_refused(_with(native[0], tmp_path / "odd.keras", config=json.dumps(inner)))


def _described_or_refused(path):
    try:
        assert inspect(path).size > 0
    except (CorruptError, UnsupportedError) as error:
        assert path.name in str(error)


def test_damaged_archives(native, tmp_path):
    data = native[0].read_bytes()
    bad = tmp_path / "bad.keras"
    for start in range(0, len(data) - 64, len(data) // 60):
        bad.write_bytes(data[:start] + bytes(byte ^ 255 for byte in data[start : start + 64]) + data[start + 64 :])
        try:
            inspect(bad)
        except (CorruptError, NotAModelError, UnsupportedError) as error:
            assert "bad.keras" in str(error)


def test_a_zip_that_is_not_of_keras(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.txt", "text")
    with pytest.raises(NotAModelError, match=r"other.zip > metadata.json > missing"):
        inspect(tmp_path / "other.zip")


def test_what_is_no_model(golden, tmp_path):
    with pytest.raises(FileNotFoundError):
        inspect(tmp_path / "nothing")
    with pytest.raises(NotAModelError, match=r"without saved_model\.pb"):
        inspect(tmp_path)
    (tmp_path / "empty.h5").touch()
    with pytest.raises(NotAModelError, match="the file is empty"):
        inspect(tmp_path / "empty.h5")
    shutil.copytree(golden("2.8/dense/bare"), tmp_path / "cut")
    data = tmp_path / "cut/variables/variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:40])
    with pytest.raises(CorruptError, match=r"cut > variables.data-00000-of-00001 > "):
        inspect(tmp_path / "cut")
