"""Convolutions whose kernel differs from place to place: ``LocallyConnected1D`` and ``2D`` of Keras 2.

tf.keras stores the kernel in three ways (``implementation``); all of them become weights by (place, input, filter),
where the inputs of a place are listed by their number in the flattened input. That is the order of all three.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

Table = np.ndarray[Any, np.dtype[np.int64]]
Shape = tuple[int | None, ...]

_LARGEST = 2**28  # entries of the table: a bound on what a config can ask for


def _tuple(value: Any, rank: int) -> tuple[int, ...]:
    return (value,) * rank if isinstance(value, int) else tuple(value)


class _LocallyConnected(keras.layers.Layer):  # type: ignore[misc]
    """What both ranks share; ``RANK`` is the number of spatial axes."""

    RANK: int

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        implementation: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if padding not in ("valid", "same") or (padding == "same" and implementation == 1):
            raise ValueError(f"padding={padding!r} is not possible with implementation={implementation}")
        if implementation not in (1, 2, 3):
            raise ValueError(f"implementation is {implementation}, not 1, 2 or 3")
        self.filters = filters
        self.kernel_size = _tuple(kernel_size, self.RANK)
        self.strides = _tuple(strides, self.RANK)
        self.padding = padding
        self.data_format = data_format or keras.config.image_data_format()
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.implementation = implementation
        self.kernel: Any = None
        self.bias: Any = None

    @property
    def _first(self) -> bool:
        return self.data_format == "channels_first"

    def _spatial(self, input_shape: Shape) -> Shape:
        return input_shape[2:] if self._first else input_shape[1:-1]

    def _out(self, spatial: Shape) -> Shape:
        """The output's spatial shape."""
        used = (0,) * self.RANK if self.padding == "same" else tuple(size - 1 for size in self.kernel_size)
        return tuple(
            None if size is None else -(-(size - lost) // step)
            for size, lost, step in zip(spatial, used, self.strides, strict=True)
        )

    def build(self, input_shape: Shape) -> None:
        """Make the variables."""
        spatial = self._spatial(input_shape)
        channels = input_shape[1 if self._first else -1]
        if channels is None or None in spatial:
            raise ValueError(f"{type(self).__name__} needs inputs of a known shape, not {input_shape}")
        sizes = [size for size in spatial if size is not None]
        out = [size for size in self._out(spatial) if size is not None]
        if min(out) <= 0:
            raise ValueError(f"inputs of shape {input_shape} are smaller than the kernel {self.kernel_size}")
        self.places, self.inputs_per_place = math.prod(out), math.prod(self.kernel_size) * channels
        if self.places * self.inputs_per_place > _LARGEST:
            raise ValueError(f"{self.places} places with {self.inputs_per_place} inputs each are beyond any use")
        self._table = self._connections(sizes, out, channels)
        self.kernel = self.add_weight(
            shape=self._kernel_shape(sizes, out, channels),
            initializer=self.kernel_initializer,
            name="kernel",
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(*out, self.filters),
                initializer=self.bias_initializer,
                name="bias",
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def _connections(self, sizes: list[int], out: list[int], channels: int) -> Table:
        """The numbers of the inputs that each place sees, ascending, (places, inputs); -1 where it sees padding."""
        seen: Any = np.zeros((), np.int64)
        inside: Any = np.ones((), bool)
        for axis, (size, count) in enumerate(zip(sizes, out, strict=True)):
            kernel, stride = self.kernel_size[axis], self.strides[axis]
            first = np.arange(count) * stride - (kernel // 2 if self.padding == "same" else 0)
            at = first[:, None] + np.arange(kernel)  # (place, offset)
            shape = [1] * (2 * self.RANK)
            shape[axis], shape[self.RANK + axis] = count, kernel
            seen = seen * size + at.reshape(shape)
            inside = inside & ((at >= 0) & (at < size)).reshape(shape)
        table = np.where(inside, seen, -1).reshape(self.places, -1)
        channel = np.arange(channels)
        if self._first:
            numbers = table[:, None, :] + channel[:, None] * math.prod(sizes)
            known = np.broadcast_to(table[:, None, :] >= 0, numbers.shape)
        else:
            numbers = table[:, :, None] * channels + channel
            known = np.broadcast_to(table[:, :, None] >= 0, numbers.shape)
        return np.where(known, numbers, -1).reshape(self.places, self.inputs_per_place)

    def _kernel_shape(self, sizes: list[int], out: list[int], channels: int) -> tuple[int, ...]:
        if self.implementation == 1:
            return (self.places, self.inputs_per_place, self.filters)
        if self.implementation == 3:
            return (int(np.count_nonzero(self._table >= 0)) * self.filters,)
        if self._first:
            return (channels, *sizes, self.filters, *out)
        return (*sizes, channels, *out, self.filters)

    def _weights(self) -> Any:
        """The kernel by (place, input, filter); 0 where a place sees padding."""
        if self.implementation == 1:
            return self.kernel
        known = self._table >= 0
        if self.implementation == 3:
            return self._listed(known)
        place = np.arange(self.places)[:, None]
        last = (self.filters, self.places) if self._first else (self.places, self.filters)
        dense = keras.ops.reshape(self.kernel, (-1, *last))
        found = dense[self._table, :, place] if self._first else dense[self._table, place]
        return found * keras.ops.cast(known[:, :, None], found.dtype)

    def _listed(self, known: Any) -> Any:
        """Of a kernel that lists what is not zero in the matrix from inputs to outputs, by output, then by input."""
        if self._first:
            used = np.broadcast_to(known, (self.filters, *known.shape))
            axes = (1, 2, 0)
        else:
            used = np.broadcast_to(known[:, None, :], (len(known), self.filters, known.shape[1]))
            axes = (0, 2, 1)
        number = np.where(used, np.cumsum(used).reshape(used.shape), 0).transpose(axes)
        padded = keras.ops.concatenate([keras.ops.zeros((1,), self.kernel.dtype), self.kernel])
        return keras.ops.take(padded, number, axis=0)

    def call(self, inputs: Any) -> Any:
        """Compute the output from the input."""
        ops = keras.ops
        flat = ops.reshape(inputs, (-1, math.prod(inputs.shape[1:])))
        seen = ops.take(flat, np.maximum(self._table, 0), axis=1)
        weights = ops.cast(self._weights(), inputs.dtype)
        out = self._out(self._spatial(inputs.shape))
        if self._first:
            result = ops.reshape(ops.einsum("bpk,pkf->bfp", seen, weights), (-1, self.filters, *out))
        else:
            result = ops.reshape(ops.einsum("bpk,pkf->bpf", seen, weights), (-1, *out, self.filters))
        if self.use_bias:
            # tf.keras reshapes the bias for channels_first, it does not transpose it.
            shape = (1, self.filters, *out) if self._first else (1, *out, self.filters)
            result = result + ops.reshape(self.bias, shape)
        return self.activation(result)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output."""
        out = self._out(self._spatial(input_shape))
        return (input_shape[0], self.filters, *out) if self._first else (input_shape[0], *out, self.filters)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        keras_objects = {
            "activation": keras.activations.serialize(self.activation),
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
            "bias_constraint": keras.constraints.serialize(self.bias_constraint),
        }
        plain = ("filters", "kernel_size", "strides", "padding", "data_format", "use_bias", "implementation")
        return {**super().get_config(), **{key: getattr(self, key) for key in plain}, **keras_objects}


@keras.saving.register_keras_serializable(package="reinstate")
class LocallyConnected1D(_LocallyConnected):
    """Keras 2's layer: ``Conv1D`` with another kernel at each place. Takes (batch, steps, channels) and gives the same.

    The kernel is (places, kernel * channels, filters) under ``implementation=1``, (steps, channels, places, filters)
    under 2, and the list of what is not zero in that under 3.
    """

    RANK = 1


@keras.saving.register_keras_serializable(package="reinstate")
class LocallyConnected2D(_LocallyConnected):
    """Keras 2's layer: ``Conv2D`` with another kernel at each place. Takes (batch, h, w, channels) and gives the same.

    The kernel is (places, kh * kw * channels, filters) under ``implementation=1``, (h, w, channels, out_h, out_w,
    filters) under 2, and the list of what is not zero in that under 3.
    """

    RANK = 2


OBJECTS = {
    "reinstate>LocallyConnected1D": LocallyConnected1D,
    "reinstate>LocallyConnected2D": LocallyConnected2D,
}
