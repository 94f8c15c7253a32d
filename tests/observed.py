"""What is true of a live Keras 3 model, under the keys of tests/oracle/truth.py, so that the two can be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from reinstate.config.slots import keras3_attributes
from reinstate.live import _keras
from tests.oracle import truth

Arrays = Mapping[str, np.ndarray]

# OptimizerV2's slot names and the new generation's attributes, by Keras 3's attribute.
NEW, LEGACY = "keras2", "legacy"


def ordered(layer: Any) -> list[Any]:
    """The variables in tf.keras' order of ``weights``: layer by layer, of each all that train, then the others."""
    if isinstance(layer, keras.Model):
        found = [variable for inner in layer.layers for variable in ordered(inner)]
        return list({id(variable): variable for variable in found}.values())
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def weights(model: Any) -> list[np.ndarray]:
    return [np.asarray(variable.value) for variable in ordered(model)]


def expected_weights(arrays: Arrays, prefix: str = "weight/") -> list[np.ndarray]:
    return [arrays[key] for key in sorted(arrays) if key.startswith(prefix)]


def number(value: Any) -> Any:
    return keras.ops.convert_to_numpy(value).item()


def slots(model: Any) -> Iterator[tuple[str, str, int, np.ndarray]]:
    """(slot in the new generation, slot in the legacy one, index of the weight, value)."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    place = {id(v): i for i, v in enumerate(ordered(model))}
    for row in keras3_attributes(type(optimizer).__name__):
        listed = getattr(optimizer, row.keras3, None) or ()
        for target, value in zip(model.trainable_variables, listed, strict=False):
            yield row.keras2, row.legacy or "", place[id(target)], np.asarray(value.value)


def assert_same_state(model: Any, arrays: Arrays) -> None:
    """Weights, slots, step and learning rate are those of the arrays, bit for bit."""
    stored = expected_weights(arrays)
    assert len(stored) == len(weights(model))
    for mine, theirs in zip(weights(model), stored, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    if "iterations" in arrays:
        assert_same_optimizer(model, arrays)


def assert_same_optimizer(model: Any, arrays: Arrays) -> None:
    assert number(model.optimizer.iterations) == int(arrays["iterations"])
    # tf.keras keeps the rate of a schedule's last step, Keras 3 says that of the next.
    inner = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    if not isinstance(keras.optimizers.serialize(inner)["config"]["learning_rate"], dict):
        assert number(model.optimizer.learning_rate) == arrays["learning_rate"]
    compared = set()
    for new, legacy, index, value in slots(model):
        key = next(k for k in (f"slot/{new}/{index:04d}", f"slot/{legacy}/{index:04d}") if k in arrays)
        np.testing.assert_array_equal(value, arrays[key], err_msg=key)
        compared.add(key)
    left = {key for key in arrays if key.startswith("slot/")} - compared
    assert not {key for key in left if np.any(arrays[key])}, f"state that did not come along: {sorted(left)}"


def predictions(model: Any, x: list[np.ndarray]) -> list[np.ndarray]:
    return [np.asarray(p) for p in truth.several(model.predict_on_batch(truth.one_or_all(x)))]


def assert_predicts(model: Any, arrays: Arrays, prefix: str = "", tolerance: float = 1e-5) -> None:
    """Predictions are those of the arrays, within ``tolerance``, absolute and relative."""
    x, _ = truth.batches_of(arrays)
    for i, mine in enumerate(predictions(model, x)):
        np.testing.assert_allclose(mine, arrays[f"{prefix}prediction/{i}"], rtol=tolerance, atol=tolerance)


def train_more(model: Any, arrays: Arrays) -> list[float]:
    """The losses of the batches in the arrays, each step alone."""
    losses = []
    for x, y in truth.batches_of(arrays)[1]:
        model.reset_metrics()
        losses.append(model.train_on_batch(truth.one_or_all(x), truth.one_or_all(y), return_dict=True)["loss"])
    return losses


def moving_variances(model: Any) -> set[int]:
    """The indices of the weights that Keras 3 updates in another way: BatchNormalization's moving variance."""
    return {i for i, v in enumerate(ordered(model)) if v.name == "moving_variance"}


def metrics(model: Any) -> dict[str, Any]:
    """The metrics of a compiled model, by the names that tf.keras gives them."""
    return dict(_keras.named_metrics(model))
