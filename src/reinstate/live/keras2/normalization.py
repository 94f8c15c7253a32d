"""Batch normalization where Keras 3 has less than tf.keras: renormalized, by virtual batches, over several axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

Shape = tuple[int | None, ...]
_CLIPS = ("rmin", "rmax", "dmax")


@keras.saving.register_keras_serializable(package="reinstate")
class SyncBatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Keras 2's layer of that name: a batch sharded over devices is normalized as a whole, which JAX does by itself."""


@keras.saving.register_keras_serializable(package="reinstate")
class GeneralBatchNormalization(keras.layers.Layer):  # type: ignore[misc]
    """Keras 2's ``BatchNormalization`` with ``renorm``, ``virtual_batch_size`` or several axes. Any shape.

    Its variables have one axis where ``axis`` is one, else those of the input with 1 in all others; with
    ``virtual_batch_size`` there is one more axis after the batch.
    """

    def __init__(
        self,
        axis: Any = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: Mapping[str, float] | None = None,
        renorm_momentum: float = 0.99,
        virtual_batch_size: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        unknown = set(renorm_clipping or ()) - set(_CLIPS)
        if unknown:
            raise ValueError(f"renorm_clipping has {sorted(unknown)}, not of {_CLIPS}")
        if virtual_batch_size is not None and virtual_batch_size <= 0:
            raise ValueError(f"virtual_batch_size is {virtual_batch_size}, not a positive number")
        self.supports_masking = True
        self.axis = axis if isinstance(axis, int) else list(axis)
        self.momentum, self.epsilon = float(momentum), float(epsilon)
        self.center, self.scale = center, scale
        self.beta_initializer = keras.initializers.get(beta_initializer)
        self.gamma_initializer = keras.initializers.get(gamma_initializer)
        self.moving_mean_initializer = keras.initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = keras.initializers.get(moving_variance_initializer)
        self.beta_regularizer = keras.regularizers.get(beta_regularizer)
        self.gamma_regularizer = keras.regularizers.get(gamma_regularizer)
        self.beta_constraint = keras.constraints.get(beta_constraint)
        self.gamma_constraint = keras.constraints.get(gamma_constraint)
        self.renorm = bool(renorm)
        self.renorm_clipping = dict(renorm_clipping or {})
        self.renorm_momentum = float(renorm_momentum)
        self.virtual_batch_size = virtual_batch_size
        self.gamma: Any = None
        self.beta: Any = None

    def build(self, input_shape: Shape) -> None:
        """Make the variables."""
        rank = len(input_shape)
        given = [self.axis] if isinstance(self.axis, int) else self.axis
        if not given or not all(-rank <= axis < rank for axis in given):
            raise ValueError(f"axis {self.axis} is not in an input of shape {input_shape}")
        axes = sorted({axis % rank for axis in given})
        sizes = {axis: input_shape[axis] for axis in axes}
        if None in sizes.values() or (self.virtual_batch_size is not None and 0 in axes):
            raise ValueError(f"cannot normalize axis {self.axis} of an input of shape {input_shape}")
        shape = [sizes.get(axis, 1) for axis in range(rank)]
        self._kept = axes
        if self.virtual_batch_size is not None:
            shape.insert(1, 1)
            if not isinstance(self.axis, int):
                self.axis = [axis - rank for axis in axes]  # tf.keras writes such axes one too high, if not negative
            self._kept = [axis + 1 for axis in axes]
        elif len(axes) == 1:
            shape = [sizes[axes[0]]]
        self._trained("gamma", shape, self.scale)
        self._trained("beta", shape, self.center)
        self.moving_mean = self._moving("moving_mean", shape, self.moving_mean_initializer)
        self.moving_variance = self._moving("moving_variance", shape, self.moving_variance_initializer)
        if self.renorm:
            self.moving_stddev = self._moving("moving_stddev", shape, self._stddev)
            self.renorm_mean = self._moving("renorm_mean", shape, self.moving_mean_initializer)
            self.renorm_stddev = self._moving("renorm_stddev", shape, self._stddev)

    def _trained(self, name: str, shape: Any, wanted: bool) -> None:
        if wanted:
            parts = {part: getattr(self, f"{name}_{part}") for part in ("initializer", "regularizer", "constraint")}
            setattr(self, name, self.add_weight(shape=shape, name=name, autocast=False, **parts))

    def _moving(self, name: str, shape: Any, initializer: Any) -> Any:
        return self.add_weight(shape=shape, name=name, initializer=initializer, trainable=False, autocast=False)

    def _stddev(self, shape: Any, dtype: Any = None) -> Any:
        return keras.ops.sqrt(self.moving_variance_initializer(shape, dtype=dtype))

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Compute the output from the input."""
        ops = keras.ops
        train = bool(training) and self.trainable
        x = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        if self.virtual_batch_size is not None:
            first = (self.virtual_batch_size, -1) if train else (-1, 1)
            x = ops.reshape(x, (*first, *x.shape[1:]))
        scale, offset = self._broadcast(self.gamma, x), self._broadcast(self.beta, x)
        mean, variance = self.moving_mean, self.moving_variance
        if train:
            mean, variance = self._moments(x, None if self.virtual_batch_size is not None else mask)
            new_mean, new_variance = mean, variance
            if self.virtual_batch_size is not None:
                new_mean = ops.mean(mean, axis=1, keepdims=True)
                new_variance = ops.mean(variance, axis=1, keepdims=True)
            if self.renorm:
                r, d = (self._broadcast(ops.stop_gradient(v), x) for v in self._corrections(new_mean, new_variance))
                offset = (d if scale is None else d * scale) + _or_0(offset)
                scale = r if scale is None else r * scale
            self._update(new_mean, new_variance)
        factor = ops.rsqrt(self._broadcast(variance, x) + self.epsilon)
        factor = factor if scale is None else factor * scale
        result = x * factor + (_or_0(offset) - self._broadcast(mean, x) * factor)
        return ops.cast(ops.reshape(result, (-1, *inputs.shape[1:])), self.compute_dtype)

    def _broadcast(self, value: Any, x: Any) -> Any:
        """A variable, or what has its shape, with the axes of ``x``."""
        if value is None or len(value.shape) == len(x.shape):
            return value
        return keras.ops.reshape(value, [x.shape[axis] if axis in self._kept else 1 for axis in range(len(x.shape))])

    def _moments(self, x: Any, mask: Any) -> tuple[Any, Any]:
        """Mean and variance of the batch (of each virtual one), in the shape of the variables."""
        ops = keras.ops
        rank = len(x.shape)
        axes = [axis for axis in range(rank) if axis not in self._kept]
        if self.virtual_batch_size is not None:
            axes.remove(1)
        keep = self.virtual_batch_size is not None or len(self._kept) > 1
        if mask is None:
            mean = ops.mean(x, axis=axes, keepdims=True)
            variance = ops.mean(ops.square(x - ops.stop_gradient(mean)), axis=axes, keepdims=True)
        else:
            weight = ops.broadcast_to(ops.expand_dims(ops.cast(mask, x.dtype), -1), x.shape)
            total = ops.sum(weight, axis=axes, keepdims=True)
            mean = ops.sum(x * weight, axis=axes, keepdims=True) / total
            variance = ops.sum(weight * ops.square(x - mean), axis=axes, keepdims=True) / total
        if keep:
            return mean, variance
        return ops.reshape(mean, self.moving_mean.shape), ops.reshape(variance, self.moving_mean.shape)

    def _corrections(self, mean: Any, variance: Any) -> tuple[Any, Any]:
        """The factor and the offset that bring a batch's statistics to the running ones; these move on."""
        ops = keras.ops
        stddev = ops.sqrt(variance + self.epsilon)
        running = ops.maximum(self.renorm_stddev, self.epsilon**0.5)
        r, d = stddev / running, (mean - self.renorm_mean) / running
        low, high, far = (self.renorm_clipping.get(key) for key in _CLIPS)
        r = r if low is None else ops.maximum(r, low)
        r = r if high is None else ops.minimum(r, high)
        d = d if far is None else ops.clip(d, -far, far)
        _move(self.renorm_mean, mean, self.renorm_momentum)
        _move(self.renorm_stddev, stddev, self.renorm_momentum)
        return r, d

    def _update(self, mean: Any, variance: Any) -> None:
        ops = keras.ops
        _move(self.moving_mean, mean, self.momentum)
        if not self.renorm:
            _move(self.moving_variance, variance, self.momentum)
            return
        _move(self.moving_stddev, ops.sqrt(variance + self.epsilon), self.momentum)
        self.moving_variance.assign(ops.relu(ops.square(self.moving_stddev.value) - self.epsilon))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        plain = ("momentum", "epsilon", "center", "scale", "renorm", "renorm_momentum", "virtual_batch_size")
        return {
            **super().get_config(),
            **{key: getattr(self, key) for key in plain},
            "axis": self.axis if isinstance(self.axis, int) else list(self.axis),
            "renorm_clipping": dict(self.renorm_clipping),
            "beta_initializer": keras.initializers.serialize(self.beta_initializer),
            "gamma_initializer": keras.initializers.serialize(self.gamma_initializer),
            "moving_mean_initializer": keras.initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": keras.initializers.serialize(self.moving_variance_initializer),
            "beta_regularizer": keras.regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": keras.regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": keras.constraints.serialize(self.beta_constraint),
            "gamma_constraint": keras.constraints.serialize(self.gamma_constraint),
        }


def _or_0(value: Any) -> Any:
    return 0.0 if value is None else value


def _move(variable: Any, value: Any, momentum: float) -> None:
    """Move a running average by one value."""
    variable.assign(variable.value - (variable.value - keras.ops.cast(value, variable.dtype)) * (1.0 - momentum))


OBJECTS = {
    "reinstate>SyncBatchNormalization": SyncBatchNormalization,
    "reinstate>GeneralBatchNormalization": GeneralBatchNormalization,
}
