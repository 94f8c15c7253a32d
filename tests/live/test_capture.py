"""What a live model says of itself, in files."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import reinstate


@pytest.mark.oldest
@pytest.mark.parametrize("form", ["model", "model.h5"])
def test_output_padding_is_kept(tmp_path: Path, form: str) -> None:
    """Keras 3.10 leaves it out of the config."""
    layers = [keras.Input((4, 4, 2)), keras.layers.Conv2DTranspose(3, 3, strides=3, output_padding=(2, 1))]
    model = keras.Sequential(layers)
    model.compile("sgd", "mse")
    reinstate.save_model(model, tmp_path / form, **({"save_traces": False} if form == "model" else {}))
    loaded = reinstate.load_model(tmp_path / form)
    assert loaded.layers[0].output_padding == (2, 1)
    x = np.ones((1, 4, 4, 2), "float32")
    np.testing.assert_array_equal(loaded.predict_on_batch(x), model.predict_on_batch(x))
