"""The layers that tf.keras makes of TensorFlow functions in a functional model: ``x * 2 + 1``, ``tf.reduce_mean(x)``.

They are called with the function's own arguments, tensors at any depth. Inputs are not cast to the policy's dtype, as
in tf.keras. Shapes that a function returns (``tf.shape(x)[0]``) stay known, so that they can be shapes again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import keras
import numpy as np

from reinstate.errors import UnsupportedError
from reinstate.live.keras2.ops import FUNCTIONS

# What stands for sizes that are not known yet: where two results differ, the size of the result is not known either.
_SIZES = (120, 240)
_KNOWN = "reinstate_known"


@keras.saving.register_keras_serializable(package="reinstate")
class TFOpLambda(keras.layers.Layer):  # type: ignore[misc]
    """A function of TensorFlow as a layer.

    ``function`` is its symbol without ``tf.``, such as ``"math.reduce_mean"``. Inputs and outputs have any shapes.

    Raises:
        UnsupportedError: the function is not in the table.
    """

    def __init__(self, function: str, **kwargs: Any) -> None:
        super().__init__(**{"autocast": False, **kwargs})
        if function not in FUNCTIONS:
            raise UnsupportedError(f"tf.{function} is not a function that op layers can call here")
        self.function = function
        self.supports_masking = True
        self.built = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Apply the function, or add a node to a graph of layers; without Keras' casts and checks of layer inputs."""
        kwargs.pop("training", None)
        if any(isinstance(leaf, keras.KerasTensor) for leaf in keras.tree.flatten((args, kwargs))):
            return keras.Operation.symbolic_call(self, *args, **kwargs)
        return self.call(*args, **kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Apply the function."""
        return FUNCTIONS[self.function](*args, **kwargs)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> None:
        """No mask passes a function."""

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The shapes and dtypes of the results, and those results that are known already."""
        small, large = (self._outline(size, args, kwargs) for size in _SIZES)
        return keras.tree.map_structure(_spec, small, large)

    def _outline(self, size: int, args: Any, kwargs: Any) -> Any:
        """The results of ``size`` in the place of every unknown size: numpy arrays, or shapes and dtypes."""
        leaves = keras.tree.flatten((args, kwargs))
        filled = [_fill(leaf, size) for leaf in leaves]
        traced = [leaf for leaf in filled if isinstance(leaf, jax.ShapeDtypeStruct)]
        results: list[Any] = []

        def run(*tensors: Any) -> Any:
            values: Iterator[Any] = iter(tensors)
            flat = [next(values) if isinstance(leaf, jax.ShapeDtypeStruct) else leaf for leaf in filled]
            given, named = keras.tree.pack_sequence_as((args, kwargs), flat)
            results.append(self.call(*given, **named))
            return results[-1]

        shapes = jax.eval_shape(run, *traced)
        return keras.tree.map_structure(
            lambda value, spec: value if isinstance(value, np.ndarray) else spec, results[-1], shapes
        )

    def get_config(self) -> dict[str, Any]:
        """The function, and what all layers have."""
        return {**super().get_config(), "function": self.function}


@keras.saving.register_keras_serializable(package="reinstate")
class SlicingOpLambda(TFOpLambda):
    """``x[1:, ..., None]`` as a layer; a slice is ``{"start", "stop", "step"}``."""


def _fill(leaf: Any, size: int) -> Any:
    if not isinstance(leaf, keras.KerasTensor):
        return leaf
    known = getattr(leaf, _KNOWN, None)
    if known is not None:
        return known[_SIZES.index(size)]
    shape = tuple(size if side is None else side for side in leaf.shape)
    return jax.ShapeDtypeStruct(shape, leaf.dtype)  # type: ignore[no-untyped-call]


def _spec(small: Any, large: Any) -> keras.KerasTensor:
    sides = zip(small.shape, large.shape, strict=True)
    spec = keras.KerasTensor([one if one == other else None for one, other in sides], str(small.dtype))
    if isinstance(small, np.ndarray):
        setattr(spec, _KNOWN, (small, large))
    return spec


OBJECTS = {"reinstate>TFOpLambda": TFOpLambda, "reinstate>SlicingOpLambda": SlicingOpLambda}
