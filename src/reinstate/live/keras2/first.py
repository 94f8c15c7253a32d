"""Layers of Keras 1 that Keras 2 dropped."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

Shape = tuple[int | None, ...]


class _Affine(keras.layers.Layer):  # type: ignore[misc]
    """The arguments that layers with a matrix and a bias share."""

    def __init__(
        self,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)

    def _kernel(self, name: str, shape: Shape) -> Any:
        own = name == "kernel"
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer if own else None,
            constraint=self.kernel_constraint if own else None,
        )

    def _bias(self, name: str, shape: Shape, initializer: str = "zeros") -> Any:
        own = name == "bias"
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=initializer,
            regularizer=self.bias_regularizer if own else None,
            constraint=self.bias_constraint if own else None,
        )

    def get_config(self) -> dict[str, Any]:
        """Return all arguments."""
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
            "bias_constraint": keras.constraints.serialize(self.bias_constraint),
        }


@keras.saving.register_keras_serializable(package="reinstate")
class MaxoutDense(_Affine):
    """The largest of ``nb_feature`` linear layers, element by element: ``(batch, in)`` to ``(batch, units)``."""

    def __init__(self, units: int, nb_feature: int = 4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.nb_feature = nb_feature

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of ``(batch, in)``."""
        self.kernel = self._kernel("kernel", (self.nb_feature, input_shape[-1], self.units))
        self.bias = self._bias("bias", (self.nb_feature, self.units)) if self.use_bias else None
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Compute the layer."""
        outputs = ops.einsum("bi,fio->bfo", inputs, self.kernel)
        return ops.max(outputs if self.bias is None else outputs + self.bias, axis=1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return ``(batch, units)``."""
        return (input_shape[0], self.units)

    def get_config(self) -> dict[str, Any]:
        """Return all arguments."""
        config = {key: value for key, value in super().get_config().items() if key != "activation"}
        return {**config, "units": self.units, "nb_feature": self.nb_feature}


@keras.saving.register_keras_serializable(package="reinstate")
class Highway(_Affine):
    """A dense layer that a learned gate mixes with its input. Takes and gives ``(batch, in)``."""

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of ``(batch, in)``."""
        size = input_shape[-1]
        self.kernel = self._kernel("kernel", (size, size))
        self.kernel_carry = self._kernel("kernel_carry", (size, size))
        self.bias = self._bias("bias", (size,)) if self.use_bias else None
        self.bias_carry = self._bias("bias_carry", (size,), "ones") if self.use_bias else None
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Compute the layer."""
        gate, outputs = ops.matmul(inputs, self.kernel_carry), ops.matmul(inputs, self.kernel)
        if self.use_bias:
            gate, outputs = gate + self.bias_carry, outputs + self.bias
        gate = ops.sigmoid(gate)
        return self.activation(outputs) * gate + (1 - gate) * inputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        return input_shape


@keras.saving.register_keras_serializable(package="reinstate")
class ParametricSoftplus(keras.layers.Layer):  # type: ignore[misc]
    """``alpha * log(1 + exp(beta * x))`` with learned ``alpha`` and ``beta``. Takes and gives any shape."""

    def __init__(self, alpha_init: float = 0.2, beta_init: float = 5.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.alpha_init = float(alpha_init)
        self.beta_init = float(beta_init)

    def build(self, input_shape: Shape) -> None:
        """Make a weight of each kind for every element."""
        constant = keras.initializers.Constant
        self.alphas = self.add_weight(name="alphas", shape=input_shape[1:], initializer=constant(self.alpha_init))
        self.betas = self.add_weight(name="betas", shape=input_shape[1:], initializer=constant(self.beta_init))
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Compute the layer."""
        return ops.softplus(self.betas * inputs) * self.alphas

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return all arguments."""
        return {**super().get_config(), "alpha_init": self.alpha_init, "beta_init": self.beta_init}


@keras.saving.register_keras_serializable(package="reinstate")
class SReLU(keras.layers.Layer):  # type: ignore[misc]
    """A learned bend on each side of a straight line. Takes and gives any shape."""

    _INITIALIZERS = ("t_left_init", "a_left_init", "t_right_init", "a_right_init")

    def __init__(
        self,
        t_left_init: Any = "zeros",
        a_left_init: Any = "glorot_uniform",
        t_right_init: Any = "glorot_uniform",
        a_right_init: Any = "ones",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.t_left_init = keras.initializers.get(t_left_init)
        self.a_left_init = keras.initializers.get(a_left_init)
        self.t_right_init = keras.initializers.get(t_right_init)
        self.a_right_init = keras.initializers.get(a_right_init)

    def build(self, input_shape: Shape) -> None:
        """Make a weight of each kind for every element."""
        shape = input_shape[1:]
        self.t_left = self.add_weight(name="t_left", shape=shape, initializer=self.t_left_init)
        self.a_left = self.add_weight(name="a_left", shape=shape, initializer=self.a_left_init)
        self.t_right = self.add_weight(name="t_right", shape=shape, initializer=self.t_right_init)
        self.a_right = self.add_weight(name="a_right", shape=shape, initializer=self.a_right_init)
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Compute the layer."""
        right = self.t_left + ops.abs(self.t_right)
        shifted = inputs - self.t_left
        middle = ops.minimum(ops.relu(shifted), right - self.t_left) - self.a_left * ops.relu(-shifted)
        return self.t_left + middle + ops.relu(inputs - right) * self.a_right

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return all arguments."""
        given = {key: keras.initializers.serialize(getattr(self, key)) for key in self._INITIALIZERS}
        return {**super().get_config(), **given}


def _dot(left: Any, right: Any) -> Any:
    """Multiply along the last axes, batch by batch; of two vectors a number comes as ``(batch, 1)``."""
    if len(left.shape) == len(right.shape) == 2:
        return ops.sum(left * right, axis=-1, keepdims=True)
    first, second = (ops.reshape(tensor, (tensor.shape[0] or -1, *_flat(tensor))) for tensor in (left, right))
    product = ops.einsum("bld,brd->blr", first, second)
    return ops.reshape(product, (left.shape[0] or -1, *left.shape[1:-1], *right.shape[1:-1]))


def _flat(tensor: Any) -> Shape:
    return (math.prod(tensor.shape[1:-1]), tensor.shape[-1])


@keras.saving.register_keras_serializable(package="reinstate")
class CosineMerge(keras.layers.Layer):  # type: ignore[misc]
    """The cosine of two tensors along ``axes``, what Keras 1's Merge of mode 'cos' gave: a new axis comes second."""

    def __init__(self, axes: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axes = axes

    def build(self, input_shape: Any) -> None:
        """There are no weights."""
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Compute the layer."""
        axes = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        left, right = (ops.moveaxis(tensor, axis, -1) for tensor, axis in zip(inputs, axes, strict=True))
        lengths = ops.sqrt(_dot(left, left) * _dot(right, right))
        return ops.expand_dims(_dot(left, right) / ops.maximum(lengths, keras.config.epsilon()), 1)

    def get_config(self) -> dict[str, Any]:
        """Return all arguments."""
        return {**super().get_config(), "axes": self.axes}


OBJECTS = {
    f"reinstate>{each.__name__}": each for each in (MaxoutDense, Highway, ParametricSoftplus, SReLU, CosineMerge)
}
