"""Learning rate schedules that Keras 3 dropped."""

from __future__ import annotations

import math
from typing import Any

import keras


@keras.saving.register_keras_serializable(package="reinstate")
class LinearCosineDecay(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """Keras 2's ``experimental.LinearCosineDecay``: (alpha + linear) * cosine + beta, times the initial rate."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        num_periods: float = 0.5,
        alpha: float = 0.0,
        beta: float = 0.001,
        name: str | None = None,
    ) -> None:
        super().__init__()
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.num_periods, self.alpha, self.beta = num_periods, alpha, beta
        self.name = name

    def _linear(self, step: Any) -> Any:
        """What decays linearly from 1 to 0; ``step`` is at most ``decay_steps``."""
        return (self.decay_steps - step) / self.decay_steps

    def __call__(self, step: Any) -> Any:
        """Return the learning rate at a step."""
        ops = keras.ops
        step = ops.minimum(ops.cast(step, "float32"), float(self.decay_steps))
        cosine = 0.5 * (1.0 + ops.cos(math.pi * 2.0 * self.num_periods * step / self.decay_steps))
        return self.initial_learning_rate * ((self.alpha + self._linear(step)) * cosine + self.beta)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        names = ("initial_learning_rate", "decay_steps", "num_periods", "alpha", "beta", "name")
        return {name: getattr(self, name) for name in names}


@keras.saving.register_keras_serializable(package="reinstate")
class NoisyLinearCosineDecay(LinearCosineDecay):
    """Keras 2's ``experimental.NoisyLinearCosineDecay``: with noise, here a function of seed and step."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        initial_variance: float = 1.0,
        variance_decay: float = 0.55,
        num_periods: float = 0.5,
        alpha: float = 0.0,
        beta: float = 0.001,
        seed: int | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, num_periods, alpha, beta, name)
        self.initial_variance, self.variance_decay = initial_variance, variance_decay
        self.seed = seed

    def _linear(self, step: Any) -> Any:
        ops = keras.ops
        seed = ops.stack([ops.cast((self.seed or 0) % 2**32, "uint32"), ops.cast(step, "uint32")])
        deviation = ops.sqrt(self.initial_variance / ops.power(1.0 + step, self.variance_decay))
        return super()._linear(step) + deviation * keras.random.normal((), dtype="float32", seed=seed)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        names = ("initial_variance", "variance_decay", "seed")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable(package="reinstate")
class DecayedSchedule(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """What OptimizerV2 makes of a schedule and its own ``decay``: ``schedule(step) / (1 + decay * step)``."""

    def __init__(self, schedule: Any, decay: float) -> None:
        super().__init__()
        self.schedule = schedule
        self.decay = decay

    def __call__(self, step: Any) -> Any:
        """Return the learning rate at a step."""
        return self.schedule(step) / (1.0 + self.decay * keras.ops.cast(step, "float32"))

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        schedule = keras.optimizers.schedules.serialize(self.schedule)
        return {"schedule": schedule, "decay": self.decay}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DecayedSchedule:
        """Make it of its config."""
        return cls(keras.optimizers.schedules.deserialize(config["schedule"]), config["decay"])


OBJECTS = {
    "reinstate>DecayedSchedule": DecayedSchedule,
    "reinstate>LinearCosineDecay": LinearCosineDecay,
    "reinstate>NoisyLinearCosineDecay": NoisyLinearCosineDecay,
}
