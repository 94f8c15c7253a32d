"""Crossentropies of a softmax or a sigmoid: which of them tf.keras computes of the logits before the activation.

tf.keras, since 2.5, hands the logits from the activation to the crossentropy, and believes in them whatever
``from_logits`` says, and whichever of the two activations it was. Keras 3 on JAX computes of what the model gives.
Where both come to the same, the loss stays Keras' own; where not, it becomes one of ``live/keras2/logits.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reinstate.config.lens import Config
from reinstate.config.losses import ACTIVATED, FUNCTIONS, LOSSES, SHORT
from reinstate.config.objects import keras3

# The activation whose logits a crossentropy is made for.
_ACTIVATIONS = {
    "BinaryCrossentropy": "sigmoid",
    "CategoricalCrossentropy": "softmax",
    "CategoricalFocalCrossentropy": "softmax",
    "SparseCategoricalCrossentropy": "softmax",
}


def of_logits(loss: Any, activations: Sequence[str | None], keras_version: str | None) -> Any:
    """Return Keras 3's serialized losses, those of logits instead of the plain ones where tf.keras took the logits.

    ``activations`` are the last ones of the model's outputs, in order; ``keras_version`` the file's.
    """
    if not any(activations) or not _hands_logits(keras_version):
        return loss
    if isinstance(loss, list | tuple) and len(loss) == len(activations):
        return [_of_logits(item, activation) for item, activation in zip(loss, activations, strict=True)]
    if isinstance(loss, Mapping) and "class_name" not in loss:
        return (
            loss
            if len(loss) != 1 or len(activations) != 1
            else {name: _of_logits(item, activations[0]) for name, item in loss.items()}
        )
    if len(set(activations)) == 1:
        return _of_logits(loss, activations[0])
    return [_of_logits(loss, activation) for activation in activations]


def _hands_logits(keras_version: str | None) -> bool:
    numbers = (keras_version or "").split(".")[:2]
    return len(numbers) == 2 and all(map(str.isdigit, numbers)) and tuple(map(int, numbers)) >= (2, 5)


def _of_logits(loss: Any, activation: str | None) -> Any:
    class_name, config = _named(loss)
    expected = _ACTIVATIONS.get(class_name)
    if activation is None or expected is None or (activation == expected and not config.get("from_logits")):
        return loss
    return keras3(LOSSES.rows[f"{class_name}:{ACTIVATED}"], {**config, "activation": activation})


def _named(loss: Any) -> tuple[str, Config]:
    """The class and the config of a loss that may be a function's name; the loss keeps that in the logs."""
    if isinstance(loss, str):
        return FUNCTIONS.get(SHORT.get(loss, loss), ""), {"name": loss}
    if isinstance(loss, Mapping) and loss.get("module") == "keras.losses":
        return str(loss["class_name"]), dict(loss["config"])
    return "", {}
