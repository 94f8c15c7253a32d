"""Keras 3's side of the training tests: compile, evaluate, train with what the translation gives."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from reinstate.config import Context, up_training


def identity(data: Any) -> tuple[keras.Model, list[np.ndarray], list[np.ndarray]]:
    """A model that returns its inputs, with an output for each ``p_<name>`` of the data."""
    names = sorted(key[2:] for key in data if key.startswith("p_"))
    inputs = [keras.Input(data[f"p_{name}"].shape[1:], name=f"in_{name}") for name in names]
    outputs = [keras.layers.Activation("linear", name=name)(each) for name, each in zip(names, inputs, strict=True)]
    model = keras.Model(inputs, outputs if len(outputs) > 1 else outputs[0])
    return model, [data[f"p_{name}"] for name in names], [data[f"t_{name}"] for name in names]


def compile_with(model: keras.Model, compiled: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> None:
    """Compile as a load does: every part through Keras' own deserialization."""
    made = {key: keras.saving.deserialize_keras_object(value, custom_objects) for key, value in compiled.items()}
    model.compile(**made, run_eagerly=True)


def logs(model: keras.Model, inputs: list[Any], targets: list[Any], weights: Any = None) -> dict[str, float]:
    """What ``evaluate`` says."""
    single = len(targets) == 1
    return model.evaluate(
        inputs,
        targets[0] if single else targets,
        sample_weight=weights,
        return_dict=True,
        verbose=0,
        batch_size=len(targets[0]),
    )


def up_and_evaluate(data: Any, training_config: dict[str, Any], context: Context | None = None) -> dict[str, float]:
    """Translate, compile, evaluate."""
    model, inputs, targets = identity(data)
    compile_with(model, up_training(training_config, context or Context("2.21.0"), model.output_names))
    return logs(model, inputs, targets, data.get("w"))
