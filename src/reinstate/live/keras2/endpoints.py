"""What ``add_loss`` and ``add_metric`` put into the graphs of tf.keras' functional models: layers that nothing reads.

Keras 3 runs only what leads to an output, so a model with such layers has a class of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from reinstate.live import _keras

_CLASSES = frozenset(["reinstate>AddLoss", "reinstate>AddMetric"])


class _Endpoint(keras.layers.Layer):  # type: ignore[misc]
    """Gives what it takes."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)

    def call(self, inputs: Any) -> Any:
        """Compute the output from the input."""
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the output."""
        return input_shape


@keras.saving.register_keras_serializable(package="reinstate")
class AddLoss(_Endpoint):
    """Keras 2's layer behind ``model.add_loss(tensor)``: adds its input, summed, to the loss."""

    def __init__(self, unconditional: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.unconditional = unconditional

    def call(self, inputs: Any) -> Any:
        """Compute the output from the input."""
        self.add_loss(keras.ops.sum(inputs))
        return inputs

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {**super().get_config(), "unconditional": self.unconditional}


@keras.saving.register_keras_serializable(package="reinstate")
class AddMetric(_Endpoint):
    """Keras 2's layer behind ``model.add_metric(tensor)``: kept for the way back, it computes no metric here."""

    def __init__(self, aggregation: str | None = None, metric_name: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.aggregation = aggregation
        self.metric_name = metric_name

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {**super().get_config(), "aggregation": self.aggregation, "metric_name": self.metric_name}


@keras.saving.register_keras_serializable(package="reinstate")
class FunctionalWithLosses(_keras.Functional):  # type: ignore[misc]
    """A functional model that runs ``endpoints``, too: tensors of its graph that are no outputs."""

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any) -> None:
        endpoints = kwargs.pop("endpoints", ())
        super().__init__(inputs, [outputs, list(endpoints)] if endpoints else outputs, name=name, **kwargs)
        if endpoints:
            _keras.limit_outputs(self, _keras.output_structure(self)[0])

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Any = None) -> FunctionalWithLosses:
        """Build the graph with all of its ends, then say which of them are outputs."""
        ends = [
            [item["name"], call, 0]
            for item in config["layers"]
            if item.get("registered_name") in _CLASSES
            for call in range(len(item["inbound_nodes"]))
        ]
        whole = {**config, "output_layers": [config["output_layers"], ends]}
        graph = _keras.Functional.from_config(whole, custom_objects)
        outputs, endpoints = _keras.output_structure(graph)
        inputs = _keras.input_structure(graph)
        return cls(inputs, outputs, name=graph.name, trainable=graph.trainable, endpoints=endpoints)


OBJECTS = {
    "reinstate>AddLoss": AddLoss,
    "reinstate>AddMetric": AddMetric,
    "reinstate>FunctionalWithLosses": FunctionalWithLosses,
}
