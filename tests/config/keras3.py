"""Keras 3's side of the config tests: run a model with the weights of a truth, compare configs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("reinstate", "hard_sigmoid")
def hard_sigmoid(x: Any) -> Any:
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def outputs_of(model: Any, arrays: Mapping[str, Any]) -> list[np.ndarray[Any, Any]]:
    """Set the truth's weights, call the model on its inputs, and return the outputs, flat."""
    inputs = [arrays[f"x{index}"] for index in range(len(model.inputs))]
    values = [arrays[name] for name in arrays if name.startswith("w")]
    # tf_keras' order: layer by layer, in each what is trained first
    variables = [weight for layer in model.layers for weight in sorted(layer.weights, key=lambda w: not w.trainable)]
    values = [value for value in values if value.dtype.kind == "f"]  # not the seeds and counts of tf_keras
    variables = [variable for variable in variables if "int" not in variable.dtype]
    assert [tuple(variable.shape) for variable in variables] == [value.shape for value in values]
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    for layer in model.layers:
        if hasattr(layer, "finalize_state"):  # Normalization computes with what it derives from its variables
            layer.finalize_state()
    structure = model._inputs_struct if hasattr(model, "_inputs_struct") else model.inputs[0]
    packed = keras.tree.pack_sequence_as(structure, inputs)
    outputs = keras.tree.flatten(model(packed, training=False))
    return [np.asarray(ops.cast(output, "float32") if output.dtype == "bfloat16" else output) for output in outputs]


def two_key(value: Any, ignored: Any = ()) -> Any:
    """Return a Keras 2 config in its two-key form, tuples as lists, without what does not matter."""
    if isinstance(value, Mapping):
        if isinstance(value.get("axis"), list) and len(value["axis"]) == 1:  # a built BatchNormalization writes a list
            value = {**value, "axis": value["axis"][0]}
        gone = {"module", "registered_name", "build_config", "shared_object_id", *ignored}
        return {key: two_key(item, ignored) for key, item in value.items() if key not in gone}
    if isinstance(value, list | tuple):
        return [two_key(item, ignored) for item in value]
    return value
