"""Models with layers that run on the host: strings go into ``fit``, ``predict``, ``evaluate`` and calls.

``on_host`` makes one of any Functional or Sequential. The data is taken through the layers on the host first, batch by
batch where batches differ in shape; Keras trains on the numbers that come out.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from reinstate.errors import UnsupportedError
from reinstate.live import _keras
from reinstate.live.keras2.feeding import (
    Batches,
    gives_batches,
    inputs_of,
    items,
    own_validation,
    ranked,
    sliceable,
    through,
)
from reinstate.live.keras2.split import Plan, has_host_layers, plan


@dataclass(frozen=True, slots=True)
class _Planned:
    """The plan of a graph: a Sequential makes a new one when it changes. It is no part of the model's state."""

    graph: Any
    plan: Plan


class OnHost:
    """What such a model does in another way than Keras; it stands before the class of a model."""

    _plan: _Planned | None = None

    def host_plan(self) -> Plan:
        """How the model is split."""
        graph = _keras.graph_of(self)
        if graph is None:
            raise UnsupportedError("the model is not built yet: call its build, or give it an Input")
        if self._plan is None or self._plan.graph is not graph:
            self._plan = _Planned(graph, plan(graph))
        return self._plan.plan

    def on_host(self, x: Any) -> dict[str, Any]:
        """Take inputs through the layers on the host; gives what goes into the rest of the model, by name."""
        split = self.host_plan()
        if _is_handed(x, split):
            return dict(x)
        values = split.on_host(_arrays(_keras.graph_of(self), x))
        return {name: np.asarray(values[number]) for name, number in split.handed.items()}

    def call(self, inputs: Any, training: Any = None, mask: Any = None, **kwargs: Any) -> Any:
        """Compute the outputs, of the model's own inputs or of what ``on_host`` makes of them."""
        split, graph = self.host_plan(), _keras.graph_of(self)
        if _is_handed(inputs, split):
            values = {number: inputs[name] for name, number in split.handed.items()}
        else:
            values = split.on_host(_arrays(graph, inputs))
        return _keras.packed(graph, split.finish(values, {"training": training, **kwargs}))

    def compute_output_spec(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """The shapes and dtypes of the outputs, for symbolic inputs of either kind."""
        if not _is_handed(inputs, self.host_plan()):
            return super().compute_output_spec(inputs, *args, **kwargs)  # type: ignore[misc]
        graph, (first, *_) = _keras.graph_of(self), inputs.values()
        specs = [keras.KerasTensor((first.shape[0], *out.shape[1:]), out.dtype) for out in graph.outputs]
        return _keras.packed(graph, specs)

    def _assert_input_compatibility(self, *args: Any) -> None:
        """Inputs are checked as they are taken on the host."""

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Train, as Keras does; ``x`` and ``validation_data`` may hold strings."""
        given = self._bound("fit", args, kwargs)
        self._check_traced()
        given.update(own_validation(given) if self._differs(given.get("x")) else {})
        given.update(self._data(given, given.get("shuffle", True)))
        validation = given.get("validation_data")
        if validation is not None:
            given["validation_data"] = self._validation(validation)
        return super().fit(**given)  # type: ignore[misc]

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate, as Keras does; ``x`` may hold strings."""
        given = self._bound("evaluate", args, kwargs)
        self._check_traced()
        return super().evaluate(**{**given, **self._data(given, shuffle=False)})  # type: ignore[misc]

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Predict, as Keras does; ``x`` may hold strings, and so may what comes out."""
        given = self._bound("predict", args, kwargs)
        if self.host_plan().eager:
            return self._predict_eagerly(given.get("x"), given.get("batch_size") or 32)
        return super().predict(**{**given, **self._data(given, shuffle=False)})  # type: ignore[misc]

    def train_on_batch(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Train on one batch."""
        self._check_traced()
        return super().train_on_batch(self.on_host(x), *args, **kwargs)  # type: ignore[misc]

    def test_on_batch(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """Evaluate one batch."""
        self._check_traced()
        return super().test_on_batch(self.on_host(x), *args, **kwargs)  # type: ignore[misc]

    def predict_on_batch(self, x: Any) -> Any:
        """Predict one batch."""
        if self.host_plan().eager:
            return keras.tree.map_structure(np.asarray, self(x, training=False))  # type: ignore[operator]
        return super().predict_on_batch(self.on_host(x))  # type: ignore[misc]

    # Data ----------------------------------------------------------------------------------------------------------

    def _bound(self, method: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments by name."""
        bound = inspect.signature(getattr(super(), method)).bind_partial(*args, **kwargs)
        extra = bound.arguments.pop("kwargs", {})
        return {**bound.arguments, **extra}

    def _check_traced(self) -> None:
        if self.host_plan().eager:
            raise UnsupportedError("the model makes strings of its numbers; it predicts, and cannot be trained")

    def _differs(self, x: Any) -> bool:
        """Whether batches of these inputs may come out in different shapes."""
        return self.host_plan().open and not gives_batches(x) and not _is_handed(x, self.host_plan())

    def _data(self, given: Mapping[str, Any], shuffle: bool) -> dict[str, Any]:
        """The arguments of the data, taken through the layers on the host."""
        x = given.get("x")
        if x is None or _is_handed(x, self.host_plan()):
            return {}
        if not self._differs(x):
            return {"x": through(x, self.on_host)}
        size = given.get("batch_size") or 32
        arrays = (sliceable(_keras.graph_of(self), x), given.get("y"), given.get("sample_weight"))
        emptied = {key: None for key in ("y", "sample_weight", "batch_size") if key in given}
        return {**emptied, "x": Batches(arrays, size, shuffle, self.on_host)}

    def _validation(self, data: Any) -> Any:
        if not isinstance(data, list | tuple):
            return through(data, self.on_host)
        return (self.on_host(data[0]), *data[1:])

    def _predict_eagerly(self, x: Any, size: int) -> Any:
        if gives_batches(x):
            batches = (item[0] if isinstance(item, tuple) else item for item in items(x))
        else:
            arrays = sliceable(_keras.graph_of(self), x)
            count = len(next(iter(arrays)))
            batches = ([array[at : at + size] for array in arrays] for at in range(0, count, size))
        outputs = [self.predict_on_batch(batch) for batch in batches]
        return keras.tree.map_structure(lambda *parts: np.concatenate(parts), *outputs)


@keras.saving.register_keras_serializable(package="reinstate")
class Functional(OnHost, _keras.Functional):  # type: ignore[misc]
    """A model ``Functional(inputs, outputs)`` whose inputs may be strings: ``keras.Input((1,), dtype="string")``."""


@keras.saving.register_keras_serializable(package="reinstate")
class Sequential(OnHost, keras.Sequential):  # type: ignore[misc]
    """A sequence of layers whose input may be strings."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _keras.take_anything(self)


def on_host(model: Any) -> Any:
    """Let a model take strings: it is the same model, of a class that runs the layers that need it on the host.

    Its nested models become such, too. A model without such layers is left as it is.
    """
    for layer in _keras.all_layers(model):
        graph = _keras.graph_of(layer)
        if graph is not None and not isinstance(layer, OnHost) and has_host_layers(graph):
            layer.__class__ = _class_for(type(layer))
            _keras.take_anything(layer)
    return model


def _class_for(kind: type) -> type:
    known = {_keras.Functional: Functional, keras.Sequential: Sequential}
    if kind in known:
        return known[kind]
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    return type(kind.__name__, (OnHost, kind), names)


def plain_config(config: Any) -> Any:
    """A serialized model that names Keras' classes where it had those of this module: any Keras 3 has those."""
    if isinstance(config, list | tuple):
        return type(config)(map(plain_config, config))
    if not isinstance(config, Mapping):
        return config
    result = {key: plain_config(value) for key, value in config.items()}
    return {**result, **_PLAIN.get(str(config.get("registered_name")), {})}


_PLAIN: dict[str, dict[str, Any]] = {
    "reinstate>Functional": {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "registered_name": "Functional",
    },
    "reinstate>Sequential": {"module": "keras", "class_name": "Sequential", "registered_name": None},
}


def _is_handed(x: Any, split: Plan) -> bool:
    return isinstance(x, dict) and bool(x) and x.keys() == split.handed.keys()


def _arrays(graph: Any, x: Any) -> list[Any]:
    """The model's inputs in order, each in the rank that it is declared with."""
    return [ranked(item, tensor) for item, tensor in zip(inputs_of(graph, x), graph.inputs, strict=True)]


OBJECTS = {"reinstate>Functional": Functional, "reinstate>Sequential": Sequential}
