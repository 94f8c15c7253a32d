"""Crossentropies that tf.keras computes of the logits before a softmax or a sigmoid, though they are given its output.

The activation of the model's last layer hands its input to the loss; where it cannot (a model that was opened without
this package's ``load_model``), the loss takes the logits back from the output, as far as its digits go.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any

import keras

from reinstate.live import _keras


class _Handed:
    """The inputs of activations by their outputs, as long as these live."""

    def __init__(self) -> None:
        self._held: dict[int, tuple[Any, Any]] = {}

    def put(self, output: Any, logits: Any) -> None:
        key = id(output)
        self._held[key] = (weakref.ref(output, lambda _: self._held.pop(key, None)), logits)

    def get(self, output: Any) -> Any:
        found = self._held.get(id(output))
        return found[1] if found is not None and found[0]() is output else None


_handed = _Handed()


def _handing(activation: Callable[..., Any]) -> Callable[..., Any]:
    """The activation, under its own name; it hands over what it was given."""

    @functools.wraps(activation)
    def handing(x: Any, *args: Any, **kwargs: Any) -> Any:
        output = activation(x, *args, **kwargs)
        if not isinstance(output, keras.KerasTensor):
            _handed.put(output, x)
        return output

    handing.hands_logits = True  # type: ignore[attr-defined]
    return handing


def _last_layer(tensor: Any) -> Any:
    """The layer that made an output, in the nested model if it is one; None where its activation is not the last."""
    layer, _, index = tensor._keras_history
    graph = _keras.graph_of(layer)
    if graph is not None:
        return _last_layer(graph.outputs[index])
    ends_otherwise = isinstance(layer, keras.layers.RNN | keras.layers.Wrapper)
    return None if ends_otherwise else layer


def output_activations(model: Any) -> list[str | None]:
    """Of each of a model's outputs, whether a "softmax" or a "sigmoid" is the last that happens to it."""
    graph = _keras.graph_of(model)
    return [] if graph is None else [_activation(_last_layer(tensor)) for tensor in graph.outputs]


def _activation(layer: Any) -> str | None:
    if isinstance(layer, keras.layers.Softmax):
        return "softmax"
    name = getattr(getattr(layer, "activation", None), "__name__", None)
    return name if name in _LOGITS else None


def hand_logits(model: Any) -> None:
    """Let the last activations of a model hand their logits to its losses, where these want them."""
    graph = _keras.graph_of(model)
    losses = _keras.flatten(_keras.compiled_loss(model)) if model.compiled else []
    if graph is None or not any(isinstance(loss, _Activated) for loss in losses):
        return
    for layer in map(_last_layer, graph.outputs):
        plain = _activation(layer) is not None and not isinstance(layer, keras.layers.Softmax)
        if plain and not hasattr(layer.activation, "hands_logits"):
            layer.activation = _handing(layer.activation)


def _softmax_logits(probabilities: Any, tiny: float) -> Any:
    return keras.ops.log(keras.ops.maximum(probabilities, tiny))


def _sigmoid_logits(probabilities: Any, tiny: float) -> Any:
    ops = keras.ops
    return ops.log(ops.maximum(probabilities, tiny)) - ops.log(ops.maximum(1 - probabilities, tiny))


_LOGITS = {"softmax": _softmax_logits, "sigmoid": _sigmoid_logits}
_TINY = 1e-37  # of a float32


class _Activated(keras.losses.Loss):  # type: ignore[misc]
    """Computes the loss of logits; stands before a class of Keras."""

    _fn_kwargs: dict[str, Any]

    def __init__(self, activation: str = "softmax", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activation
        self._fn_kwargs = {**self._fn_kwargs, "from_logits": True}

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss of targets and a model's output."""
        logits = _handed.get(y_pred)
        if logits is None:
            logits = _LOGITS[self.activation](keras.ops.convert_to_tensor(y_pred, self.dtype), _TINY)
        return super().__call__(y_true, _keras.with_mask_of(y_pred, logits), sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {**super().get_config(), "activation": self.activation}


@keras.saving.register_keras_serializable(package="reinstate")
class ActivatedBinaryCrossentropy(_Activated, keras.losses.BinaryCrossentropy):  # type: ignore[misc]
    """``BinaryCrossentropy`` of the logits before an activation; targets and outputs of the same shape."""


@keras.saving.register_keras_serializable(package="reinstate")
class ActivatedCategoricalCrossentropy(_Activated, keras.losses.CategoricalCrossentropy):  # type: ignore[misc]
    """``CategoricalCrossentropy`` of the logits before an activation; (..., classes)."""


@keras.saving.register_keras_serializable(package="reinstate")
class ActivatedCategoricalFocalCrossentropy(_Activated, keras.losses.CategoricalFocalCrossentropy):  # type: ignore[misc]
    """``CategoricalFocalCrossentropy`` of the logits before an activation; (..., classes)."""


@keras.saving.register_keras_serializable(package="reinstate")
class ActivatedSparseCategoricalCrossentropy(_Activated, keras.losses.SparseCategoricalCrossentropy):  # type: ignore[misc]
    """``SparseCategoricalCrossentropy`` of the logits before an activation; (..., classes), targets (...)."""


OBJECTS = {
    f"reinstate>{loss.__name__}": loss
    for loss in (
        ActivatedBinaryCrossentropy,
        ActivatedCategoricalCrossentropy,
        ActivatedCategoricalFocalCrossentropy,
        ActivatedSparseCategoricalCrossentropy,
    )
}
