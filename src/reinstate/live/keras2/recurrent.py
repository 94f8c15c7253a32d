"""Recurrent layers whose inputs have time first, and the LSTM cell with peepholes."""

from __future__ import annotations

from typing import Any

import keras

Shape = tuple[int | None, ...]


def _swapped(shape: Any) -> Any:
    return (shape[1], shape[0], *shape[2:])


class _TimeMajor(keras.layers.RNN):  # type: ignore[misc]
    """Takes (time, batch, features), and gives that where it returns sequences: Keras 2's ``time_major=True``."""

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        """Make the variables."""
        super().build(_swapped(sequences_shape), initial_state_shape)

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        """Compute the output from the input."""
        ops = keras.ops
        mask = mask if mask is None else ops.swapaxes(mask, 0, 1)
        result = super().call(ops.swapaxes(sequences, 0, 1), initial_state=initial_state, mask=mask, training=training)
        if not self.return_sequences:
            return result
        if not self.return_state:
            return ops.swapaxes(result, 0, 1)
        return ops.swapaxes(result[0], 0, 1), *result[1:]

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        """Return the shape of the output."""
        result = super().compute_output_shape(_swapped(sequences_shape), initial_state_shape)
        if not self.return_sequences:
            return result
        return (_swapped(result[0]), *result[1:]) if self.return_state else _swapped(result)


@keras.saving.register_keras_serializable(package="reinstate")
class TimeMajorRNN(_TimeMajor):
    """Keras 2's ``RNN(time_major=True)``: takes (time, batch, features)."""


@keras.saving.register_keras_serializable(package="reinstate")
class TimeMajorLSTM(_TimeMajor, keras.layers.LSTM):  # type: ignore[misc]
    """Keras 2's ``LSTM(time_major=True)``: takes (time, batch, features)."""


@keras.saving.register_keras_serializable(package="reinstate")
class TimeMajorGRU(_TimeMajor, keras.layers.GRU):  # type: ignore[misc]
    """Keras 2's ``GRU(time_major=True)``: takes (time, batch, features)."""


@keras.saving.register_keras_serializable(package="reinstate")
class TimeMajorSimpleRNN(_TimeMajor, keras.layers.SimpleRNN):  # type: ignore[misc]
    """Keras 2's ``SimpleRNN(time_major=True)``: takes (time, batch, features)."""


@keras.saving.register_keras_serializable(package="reinstate")
class PeepholeLSTMCell(keras.layers.LSTMCell):  # type: ignore[misc]
    """Keras 2's ``experimental.PeepholeLSTMCell``: an LSTM cell whose gates see the cell state, too.

    Takes (batch, features) and two states (batch, units).
    """

    _PEEPHOLES = ("input_gate_peephole_weights", "forget_gate_peephole_weights", "output_gate_peephole_weights")

    def build(self, input_shape: Any) -> None:
        """Make the variables."""
        super().build(input_shape)
        for name in self._PEEPHOLES:
            weight = self.add_weight(shape=(self.units,), name=name, initializer=self.kernel_initializer)
            setattr(self, name, weight)

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        """Compute the output from the input."""
        ops = keras.ops
        hidden, carried = states
        if training and 0.0 < self.dropout < 1.0:
            inputs = inputs * self.get_dropout_mask(inputs)
        if training and 0.0 < self.recurrent_dropout < 1.0:
            hidden = hidden * self.get_recurrent_dropout_mask(hidden)
        gates = ops.matmul(inputs, self.kernel) + ops.matmul(hidden, self.recurrent_kernel)
        gates = gates + self.bias if self.use_bias else gates
        in_gate, forget, new, out_gate = ops.split(gates, 4, axis=-1)
        in_seen, forget_seen, out_seen = (getattr(self, name) for name in self._PEEPHOLES)
        kept = self.recurrent_activation(forget + forget_seen * carried) * carried
        carry = kept + self.recurrent_activation(in_gate + in_seen * carried) * self.activation(new)
        hidden = self.recurrent_activation(out_gate + out_seen * carry) * self.activation(carry)
        return hidden, [hidden, carry]


OBJECTS = {
    "reinstate>TimeMajorRNN": TimeMajorRNN,
    "reinstate>TimeMajorLSTM": TimeMajorLSTM,
    "reinstate>TimeMajorGRU": TimeMajorGRU,
    "reinstate>TimeMajorSimpleRNN": TimeMajorSimpleRNN,
    "reinstate>PeepholeLSTMCell": PeepholeLSTMCell,
}
