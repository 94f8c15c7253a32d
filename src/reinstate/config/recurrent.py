"""Recurrent layers, their cells, and the wrappers around layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reinstate.config.fields import (
    ACTIVATION,
    BIAS,
    HARD_SIGMOID_GATES,
    KERNEL,
    RECURRENT,
    activation,
    layer,
    nested,
    nested_list,
)
from reinstate.config.lens import Config, Context, Default, Drop, Forget, Late, Lens, New, Row
from reinstate.config.nested import down_nested, up_nested

_LOOP = "return_sequences return_state go_backwards stateful unroll"
_LOOP_LENSES: tuple[Lens, ...] = (
    Forget(frozenset(["implementation", "input_dim", "input_length"])),
    Drop("time_major", only=(False, None)),
    Drop("num_constants", only=(0, None)),
    Late("zero_output_for_mask", False),
)
_SEED = New("seed", unsaid=None)
_UNITS = "units use_bias dropout recurrent_dropout"
_GATES = activation("recurrent_activation")
_WEIGHTS = (ACTIVATION, *KERNEL, *RECURRENT, *BIAS)
_CELL: tuple[Lens, ...] = (Forget(frozenset(["implementation"])), *_WEIGHTS, _SEED)
# Keras up to 2.1 knows only the GRU that resets before the matrix product, and does not write the key.
_RESET = Default("reset_after", False)
_CONVOLUTION = (
    "filters kernel_size strides padding data_format dilation_rate unit_forget_bias use_bias dropout recurrent_dropout"
)


def _convolutional(class_name: str) -> Row:
    return layer(class_name, f"{_LOOP} {_CONVOLUTION}", *_LOOP_LENSES, *HARD_SIGMOID_GATES, *_WEIGHTS, _SEED)


class BothWays:
    """``Bidirectional``: what the names of its two layers are, and whether the backward one is written at all.

    Keras 3 writes both layers under the names ``forward_x`` and ``backward_x``; Keras 2 writes ``x``, and the backward
    layer only where the user gave one.
    """

    key = "layer"

    def up(self, config: Config, context: Context) -> Config:
        result = {key: value for key, value in config.items() if key != "backward_layer"}
        if any(_time_major(config.get(key)) for key in ("layer", "backward_layer")):
            context.refuse("a Bidirectional over layers with time_major=True turns the wrong axis in Keras 3")
        with context.at("layer"):
            result["layer"] = up_nested(config.get("layer"), context)
        if config.get("backward_layer") is not None:
            with context.at("backward_layer"):
                backward = up_nested(config["backward_layer"], context)
            result["backward_layer"] = _named(backward, "backward_" + _bare(backward, "backward_"))
        return result

    def down(self, config: Config, context: Context) -> Config:
        result = {key: value for key, value in config.items() if key != "backward_layer"}
        with context.at("layer"):
            result["layer"] = self._inner(config.get("layer"), "forward_", context)
        if config.get("backward_layer") is not None:
            with context.at("backward_layer"):
                backward = self._inner(config["backward_layer"], "backward_", context)
            if not _mirror(result["layer"], backward):
                result["backward_layer"] = backward
        return result

    @staticmethod
    def _inner(item: Any, prefix: str, context: Context) -> Config:
        inner = down_nested(item, context)
        if not inner:
            return inner
        # Bidirectional itself sets this one, in both dialects.
        config = {key: value for key, value in inner["config"].items() if key != "zero_output_for_mask"}
        return _named({**inner, "config": config}, _bare(inner, prefix))


def _time_major(layer: Any) -> bool:
    config = layer.get("config") if isinstance(layer, Mapping) else None
    return isinstance(config, Mapping) and bool(config.get("time_major"))


def _bare(item: Mapping[str, Any], prefix: str) -> str:
    return str(item.get("config", {}).get("name", "")).removeprefix(prefix)


def _named(item: Config, name: str) -> Config:
    return {**item, "config": {**item["config"], "name": name}} if item else item


def _mirror(forward: Config, backward: Config) -> bool:
    """Tell whether the backward layer is what Bidirectional makes of the forward one by itself."""
    ours, theirs = forward.get("config", {}), backward.get("config", {})
    turned = {**ours, "name": theirs.get("name"), "go_backwards": not ours.get("go_backwards", False)}
    return forward.get("class_name") == backward.get("class_name") and turned == theirs


RECURRENT_LAYERS: dict[str, Row] = {
    "SimpleRNN": layer("SimpleRNN", f"{_LOOP} {_UNITS}", *_LOOP_LENSES, *_WEIGHTS, _SEED),
    "LSTM": layer("LSTM", f"{_LOOP} {_UNITS} unit_forget_bias", *_LOOP_LENSES, _GATES, *_WEIGHTS, _SEED),
    "GRU": layer("GRU", f"{_LOOP} {_UNITS}", *_LOOP_LENSES, _GATES, _RESET, *_WEIGHTS, _SEED),
    "CuDNNLSTM": layer("LSTM", f"{_LOOP} {_UNITS} unit_forget_bias", *_LOOP_LENSES, *_WEIGHTS),
    "CuDNNGRU": layer("GRU", f"{_LOOP} {_UNITS}", *_LOOP_LENSES, Default("reset_after", True), *_WEIGHTS),
    "ConvLSTM1D": _convolutional("ConvLSTM1D"),
    "ConvLSTM2D": _convolutional("ConvLSTM2D"),
    "ConvLSTM3D": _convolutional("ConvLSTM3D"),
    "RNN": layer("RNN", _LOOP, *_LOOP_LENSES, nested("cell")),
    "SimpleRNNCell": layer("SimpleRNNCell", _UNITS, *_CELL),
    "LSTMCell": layer("LSTMCell", f"{_UNITS} unit_forget_bias", _GATES, *_CELL),
    "GRUCell": layer("GRUCell", _UNITS, _GATES, _RESET, *_CELL),
    "StackedRNNCells": layer(
        "StackedRNNCells", "", Drop("reverse_state_order", only=(False, None)), nested_list("cells")
    ),
    "Bidirectional": layer(
        "Bidirectional", "merge_mode layer backward_layer", Drop("num_constants", only=(0, None)), BothWays()
    ),
    "TimeDistributed": layer("TimeDistributed", "", nested("layer")),
    "SpectralNormalization": layer("SpectralNormalization", "power_iterations", nested("layer")),
    "Wrapper": layer("Wrapper", "", nested("layer")),
}
