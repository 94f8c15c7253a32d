"""What ``inspect`` remembers while a model is built is what it would have said."""

from __future__ import annotations

import inspect

import keras
import pytest

from reinstate.live.introspection import signatures_remembered

PLAIN = inspect.signature
LAYERS = [keras.layers.Dense(2), keras.layers.Dense(3), keras.layers.GRU(2), keras.layers.MultiHeadAttention(2, 2)]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_the_same_is_said_again_and_again(layer: keras.Layer) -> None:
    with signatures_remembered():
        for function in (layer.call, layer.build, type(layer).call, type(layer)) * 2:
            assert inspect.signature(function) == PLAIN(function)
        assert inspect.getfullargspec(type(layer).__init__).args[0] == "self"


def test_inspect_is_itself_again_after_the_last_block() -> None:
    with pytest.raises(KeyError), signatures_remembered():
        with signatures_remembered():
            pass
        assert inspect.signature is not PLAIN
        raise KeyError
    assert inspect.signature is PLAIN
