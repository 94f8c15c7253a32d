"""Updates of tf.keras' OptimizerV2 where Keras 3 computes others: an optimizer that is read goes on as it began.

The slots are those of Keras 3's classes. Source: keras/optimizers/legacy.
"""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="reinstate")
class LegacyNadam(keras.optimizers.Nadam):  # type: ignore[misc]
    """OptimizerV2's Nadam: the momentum's schedule runs with ``schedule_decay`` times the step."""

    def __init__(self, learning_rate: Any = 0.001, schedule_decay: float = 0.004, **kwargs: Any) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.schedule_decay = schedule_decay

    def _momentum(self, step: Any, dtype: Any) -> Any:
        power = keras.ops.power(keras.ops.cast(0.96, dtype), self.schedule_decay * keras.ops.cast(step, dtype))
        return self.beta_1 * (1.0 - 0.5 * power)

    def _backend_update_step(self, grads: Any, trainable_variables: Any, learning_rate: Any) -> None:
        product = self._u_product
        self.assign(product, product * self._momentum(self.iterations + 1, product.dtype))
        # Not Nadam's own, which multiplies the product by another factor.
        super(keras.optimizers.Nadam, self)._backend_update_step(grads, trainable_variables, learning_rate)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move one variable and its slots."""
        ops = keras.ops
        dtype = variable.dtype
        rate, gradient = ops.cast(learning_rate, dtype), ops.cast(gradient, dtype)
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        now, following = (self._momentum(self.iterations + count, dtype) for count in (1, 2))
        product = ops.cast(self._u_product, dtype)
        self.assign(m, self.beta_1 * m + (1 - self.beta_1) * gradient)
        self.assign(v, self.beta_2 * v + (1 - self.beta_2) * ops.square(gradient))
        step = ops.cast(self.iterations + 1, dtype)
        spread = v / (1 - ops.power(ops.cast(self.beta_2, dtype), step))
        mean = (1 - now) * gradient / (1 - product) + following * m / (1 - product * following)
        self.assign_sub(variable, rate * mean / (ops.sqrt(spread) + self.epsilon))

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {**super().get_config(), "schedule_decay": self.schedule_decay}


@keras.saving.register_keras_serializable(package="reinstate")
class LegacyRMSprop(keras.optimizers.RMSprop):  # type: ignore[misc]
    """OptimizerV2's RMSprop: without momentum, ``epsilon`` is added outside of the root."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move one variable and its slots."""
        if self.momentum > 0:
            super().update_step(gradient, variable, learning_rate)
            return
        ops = keras.ops
        rate, gradient = ops.cast(learning_rate, variable.dtype), ops.cast(gradient, variable.dtype)
        index = self._get_variable_index(variable)
        velocity = self._velocities[index]
        self.assign(velocity, self.rho * velocity + (1 - self.rho) * ops.square(gradient))
        spread = velocity
        if self.centered:
            average = self._average_gradients[index]
            self.assign(average, self.rho * average + (1 - self.rho) * gradient)
            spread = velocity - ops.square(average)
        self.assign_sub(variable, rate * gradient / (ops.sqrt(spread) + self.epsilon))


@keras.saving.register_keras_serializable(package="reinstate")
class LegacyAdagrad(keras.optimizers.Adagrad):  # type: ignore[misc]
    """OptimizerV2's Adagrad: ``epsilon`` is added outside of the root."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move one variable and its slot."""
        ops = keras.ops
        rate, gradient = ops.cast(learning_rate, variable.dtype), ops.cast(gradient, variable.dtype)
        accumulator = self._accumulators[self._get_variable_index(variable)]
        self.assign_add(accumulator, ops.square(gradient))
        self.assign_sub(variable, rate * gradient / (ops.sqrt(accumulator) + self.epsilon))


OBJECTS = {
    "reinstate>LegacyNadam": LegacyNadam,
    "reinstate>LegacyRMSprop": LegacyRMSprop,
    "reinstate>LegacyAdagrad": LegacyAdagrad,
}
