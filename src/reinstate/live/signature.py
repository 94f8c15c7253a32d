"""A signature of a SavedModel as a Keras layer, which trains; and a model of that layer alone.

For models that are not Keras', or that Keras exported: what ``TFSMLayer`` is in TensorFlow, but its variables are
Keras' own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from reinstate.archive.model import Archive, TensorSpec
from reinstate.archive.model import Variable as StoredVariable
from reinstate.errors import UnsupportedError, where
from reinstate.graph.ops.random import DRAWING
from reinstate.graph.rules import UnknownValueError, native
from reinstate.live import _keras
from reinstate.live.concrete import SignatureFunction
from reinstate.live.matching import described
from reinstate.live.placed import Placed
from reinstate.live.revival import KerasObjects, variable_dtype
from reinstate.live.revived import OfFunctions, running
from reinstate.live.shapes import symbolic, traced_spec

DEFAULT = "serving_default"


class SignatureLayer(OfFunctions, keras.Layer):  # type: ignore[misc]
    """A layer that computes a signature: it takes a tensor, or a dictionary of them, and gives a dictionary."""

    def __init__(self, archive: Archive, endpoint: str = DEFAULT, name: str | None = None) -> None:
        super().__init__(name=name, autocast=False)
        variables: dict[int, Any] = {}
        objects = KerasObjects(archive, variables)
        self._function = _signature(objects, endpoint)
        runner = self._function.concrete[0].runner
        draws = runner.reaches(DRAWING)
        by_name = objects.named_variables()
        bound = [*self._function.concrete[0].trace.bound, *(by_name[name] for name in runner.names)]
        for index in dict.fromkeys(bound):
            stored = archive.nodes[index].variable
            if stored is not None:
                variables[index] = _variable(stored)
        self._nodes = [*variables]
        self._own_variables = [*variables.values()]
        self.seed_generator = keras.random.SeedGenerator() if draws else None
        self.built = True

    @property
    def held(self) -> dict[int, Any]:
        """The variables by the nodes of the archive."""
        return dict(zip(self._nodes, self._own_variables, strict=True))

    @property
    def inputs(self) -> Mapping[str, TensorSpec]:
        """What the signature takes, by name."""
        return self._function.inputs

    def call(self, inputs: Any) -> Any:
        """Compute the outputs, by name."""
        with where(f"layer {self.name!r}"), running(self.seed_generator):
            return self._function(**self._by_name(inputs))

    def compute_output_spec(self, inputs: Any) -> Any:
        """The shapes and dtypes of the outputs; open dimensions stay open."""
        try:
            return traced_spec(self.call, (inputs,), {})
        except UnknownValueError:
            return symbolic(self._function.outputs)

    def _by_name(self, inputs: Any) -> Mapping[str, Any]:
        if isinstance(inputs, Mapping):
            return inputs
        listed = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
        if len(listed) != len(self.inputs):
            raise UnsupportedError(f"{len(listed)} inputs, where the signature takes {', '.join(self.inputs)}")
        return dict(zip(self.inputs, listed, strict=True))

    def get_config(self) -> dict[str, Any]:
        """There is none.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError("the layer consists of functions of a SavedModel, which no config holds")


def _variable(stored: StoredVariable) -> Any:
    """Keras' variable for one of a file: only floats train, and integers of 64 bits are what jax has for them."""
    dtype = variable_dtype(stored)
    is_float = dtype.startswith(("float", "bfloat"))
    if dtype in ("int64", "uint64"):
        dtype = native(stored.dtype).name
    return _keras.stored_variable(stored.shape, dtype, stored.trainable and is_float, stored.name)


def _signature(objects: KerasObjects, endpoint: str) -> SignatureFunction:
    if endpoint not in objects.signatures:
        raise UnsupportedError(
            f"there is no signature {endpoint!r}; reinstate.load(path).as_layer(name) takes any of these:",
            list(objects.signatures) or ["none"],
        )
    return objects.signatures[endpoint]


def signature_model(archive: Archive, placed: Placed) -> Any:
    """A model around the signature that a server would answer with; ``placed`` is told of its variables.

    It takes the inputs by their names, in this order, and gives the one output, or a dictionary of several.

    Raises:
        UnsupportedError: there is no such signature, or one whose inputs Keras has no tensors for.
    """
    names = list(archive.signatures)
    endpoint = names[0] if len(names) == 1 else DEFAULT
    with where(f"signature {endpoint!r}"):
        layer = SignatureLayer(archive, endpoint, name=_allowed(endpoint))
        refused = [f"{name}: {described(spec)}" for name, spec in layer.inputs.items() if not _is_plain(spec)]
        if refused:
            raise UnsupportedError("inputs that a Keras model cannot take; reinstate.load runs such a model:", refused)
        inputs = {
            name: keras.Input(batch_shape=spec.shape, dtype=spec.dtype.name, name=_allowed(name))
            for name, spec in layer.inputs.items()
        }
        outputs = layer(inputs)
    whole = next(iter(outputs.values())) if len(outputs) == 1 else outputs
    given = next(iter(inputs.values())) if len(inputs) == 1 else inputs
    for index, variable in layer.held.items():
        placed.put(variable, index, archive.nodes[index], variable.path)
    return keras.Model(given, whole)


def _allowed(name: str) -> str:
    return name.replace("/", "_")


def _is_plain(spec: Any) -> bool:
    """Whether a Keras model can take an input of this kind: numbers, of known rank."""
    numpy = spec.dtype.numpy if isinstance(spec, TensorSpec) else None
    return numpy is not None and not numpy.hasobject and spec.shape is not None and len(spec.shape) > 0
