"""Vocabularies in files: those of TF 2.3, of Keras 3, in text files, and in files that are not what they say."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import reinstate
from reinstate.archive.model import Table
from reinstate.archive.saved_model import read_saved_model
from reinstate.errors import CorruptError, ReinstateError, UnsafeError
from reinstate.live.build import build
from reinstate.wire import messages


def test_what_tf_2_3_learned_is_there(golden: Callable[[str], Path]) -> None:
    """A vocabulary in a table that can change, weights in another layer; hashes, crossings, counts that are weighed."""
    home = golden("2.3/text")
    truth = np.load(home / "truth.npz")
    model = reinstate.load_model(home / "model", compile=False)
    outputs = model.predict([truth[f"x/{i}"] for i in range(3)], verbose=0)
    for i, output in enumerate(outputs):
        np.testing.assert_allclose(output, truth[f"output/{i}"], rtol=1e-6, err_msg=str(i))
    assert model.get_layer("colors").get_vocabulary() == ["", "[UNK]", "[UNK]", "red", "blue", "green"]
    assert reinstate.inspect(home / "model")


@pytest.fixture(scope="module")
def with_file(oracle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("file") / "model"
    oracle("text.save_with_files", path=str(path), out=str(path.with_name("truth.npz")))
    return path


def load(path: Path):
    return reinstate.load_model(path, compile=False)


def test_vocabularies_in_assets_and_learned_boundaries(with_file: Path) -> None:
    truth = np.load(with_file.with_name("truth.npz"))
    outputs = load(with_file).predict([truth["x/0"], truth["x/1"]], verbose=0)
    for i, output in enumerate(outputs):
        output = output if output.dtype != object else np.array([[item.decode() for item in row] for row in output])
        np.testing.assert_array_equal(output, truth[f"output/{i}"])


def changed(source: Path, target: Path, change: Callable[[messages.MetaGraphDef], None]) -> Path:
    shutil.copytree(source, target)
    saved = messages.parse(messages.SavedModel, (target / "saved_model.pb").read_bytes())
    change(saved.meta_graphs[0])
    (target / "saved_model.pb").write_bytes(messages.serialize(saved))
    return target


@pytest.mark.parametrize("name", ["../outside.txt", "/etc/hostname", "a/../../outside.txt", "..\\outside.txt", ""])
def test_an_asset_outside_is_refused(with_file: Path, tmp_path: Path, name: str) -> None:
    def rename(meta_graph) -> None:
        for asset in meta_graph.asset_file_def:
            asset.filename = name

    (tmp_path / "outside.txt").write_text("secret\n")
    with pytest.raises(UnsafeError, match="out of the model"):
        load(changed(with_file, tmp_path / "model", rename))


def test_an_asset_that_is_a_link_is_refused(with_file: Path, tmp_path: Path) -> None:
    shutil.copytree(with_file, tmp_path / "model")
    (tmp_path / "outside.txt").write_text("secret\n")
    for asset in (tmp_path / "model" / "assets").iterdir():
        asset.unlink()
        asset.symlink_to(tmp_path / "outside.txt")
    with pytest.raises(UnsafeError, match="out of the model"):
        load(tmp_path / "model")


def test_a_missing_asset_is_named(with_file: Path, tmp_path: Path) -> None:
    shutil.copytree(with_file, tmp_path / "model")
    for asset in (tmp_path / "model" / "assets").iterdir():
        asset.unlink()
    with pytest.raises(CorruptError, match=r"words.*txt.* is missing"):
        load(tmp_path / "model")


@pytest.mark.parametrize(
    ("keys", "values"),
    [
        (np.array([b"a", b"b"], object), np.array([1, 5])),
        (np.array([b"a", b"b"], object), np.array([1])),
        (np.array([b"a", b"b"], object), np.array([0.5, 1.0])),
        (np.array([[b"a", b"b"]], object), np.array([[1, 2]])),
    ],
)
def test_a_table_that_is_no_vocabulary_is_refused(golden, keys: np.ndarray, values: np.ndarray) -> None:
    archive = read_saved_model(golden("2.3/text") / "model")
    tables = dict.fromkeys(archive.tables, lambda: Table(keys, values))
    with pytest.raises(ReinstateError, match="vocabulary"):
        build(replace(archive, tables=tables), compile=False)


def test_what_keras_3_wrote_where_tensorflow_was_opens_where_it_is_not(oracle, tmp_path: Path) -> None:
    path, out = tmp_path / "model.keras", tmp_path / "truth.npz"
    oracle("text.save_keras3", path=str(path), out=str(out))
    truth = np.load(out)
    model = reinstate.load_model(path, compile=False)
    np.testing.assert_allclose(model.predict(truth["x"], verbose=0), truth["prediction"], rtol=1e-5, atol=1e-6)
    reinstate.save_model(model, tmp_path / "again.keras")
    again = reinstate.load_model(tmp_path / "again.keras", compile=False)
    np.testing.assert_array_equal(again.predict(truth["x"], verbose=0), model.predict(truth["x"], verbose=0))
