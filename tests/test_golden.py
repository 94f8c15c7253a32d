"""The committed archives are whole, small, and what their generator says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.oracle import truth

GOLDEN = Path(__file__).parent / "golden"
WRITERS = {
    "2.3": "TensorFlow 2.3.4, Keras 2.4.0, Python 3.8.18",
    "2.8": "TensorFlow 2.8.4, Keras 2.8.0, Python 3.10.13",
    "2.12": "TensorFlow 2.12.1, Keras 2.12.0, Python 3.11.7",
    "2.15": "TensorFlow 2.15.1, Keras 2.15.0, Python 3.11.7",
    "2.21": "TensorFlow 2.21.0, Keras 2.21.0, Python 3.11.7",
}
MODELS = [
    *((version, model) for version in WRITERS for model in ("dense", "conv_nested", "recurrent")),
    *((version, "dense_legacy") for version in ("2.12", "2.15", "2.21")),
]


@pytest.mark.parametrize(("version", "model"), MODELS)
def test_every_format_is_there(golden, version, model):
    formats = {"traces": "saved_model.pb", "model.h5": "", "weights.h5": "", "checkpoint": "weights.index"}
    if version != "2.3":
        formats["bare"] = "keras_metadata.pb"
    missing = [name for name, file in formats.items() if not (golden(f"{version}/{model}/{name}") / file).exists()]
    assert not missing


@pytest.mark.parametrize(("version", "model"), MODELS)
def test_the_truth_is_whole(version, model):
    with np.load(GOLDEN / version / model / "truth.npz") as file:
        found = dict(file)
    assert str(found["writer"]).startswith(WRITERS[version])
    assert found["iterations"] == 3
    assert any(key.startswith("slot/") for key in found)
    assert len(found["more/losses"]) == truth.STEPS_AFTER == len(truth.batches_of(found)[1])
    before = {key: value for key, value in found.items() if key.startswith("weight/")}
    assert any(not np.array_equal(value, found[f"more/{key}"]) for key, value in before.items())


def test_it_stays_small():
    sizes = {file: file.stat().st_size for file in GOLDEN.rglob("*") if file.is_file()}
    assert max(sizes.values()) < 200_000
    assert sum(sizes.values()) < 15_000_000
