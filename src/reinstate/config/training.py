"""What a model was compiled with: tf.keras' ``training_config`` and Keras 3's compile config.

Losses and metrics come as one, a list or a dictionary, by output. Keras 2 gives a single loss, or a flat list of
metrics, to every output; Keras 3 takes such a list for one entry per output. Since TF 2.4 a file holds resolved metrics
whose names begin with the output (``out1_mae``) where there are several; Keras 3 puts the output's name before each of
its metrics itself. So the names of the outputs decide the form, and ``evaluate`` gives the same keys in both dialects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reinstate.config.keras1_training import is_keras1, training_from_keras1
from reinstate.config.lens import Config, Context
from reinstate.config.losses import down_loss, up_loss
from reinstate.config.metrics import down_metric, up_metric
from reinstate.config.optimizers import down_optimizer, up_optimizer
from reinstate.errors import UnsupportedError

Translate = Callable[[Any, Context], Any]
TranslateMetric = Callable[[Any, Context, Any], Any]


def up_training(training_config: Mapping[str, Any], context: Context, output_names: Sequence[str] = ()) -> Config:
    """Translate a training_config into Keras 3's ``optimizer, loss, loss_weights, metrics, weighted_metrics``.

    ``output_names`` are the model's, in order; without them, lists and names stay as they are.

    Raises:
        UnsupportedError: names everything that Keras 3 cannot do, or that is unknown.
    """
    if is_keras1(context.keras_version):
        training_config = training_from_keras1(training_config, context)
    names = tuple(output_names)
    result: Config = {}
    with context.at("optimizer"):
        optimizer = training_config.get("optimizer_config")
        result["optimizer"] = up_optimizer(optimizer, context) if optimizer is not None else None
    loss = training_config.get("loss")
    with context.at("loss"):
        result["loss"] = _by_output(_map(loss, up_loss, context), names, None)
    result["loss_weights"] = _by_output(training_config.get("loss_weights"), names, 1.0)
    if result["loss_weights"] is not None:
        result["loss"] = _broadcast(result["loss"], len(names))
    for key in ("metrics", "weighted_metrics"):
        with context.at(key):
            result[key] = _metrics(training_config.get(key), loss, names, up_metric, context)
            result[key] = _without_prefixes(result[key], names)
    _check("the training configuration cannot be read", context)
    return result


def down_training(compile_config: Mapping[str, Any], context: Context, output_names: Sequence[str] = ()) -> Config:
    """Translate Keras 3's compile config into tf.keras' training_config.

    It is empty where tf.keras has no such optimizer (noted as lost): the model is then written as not compiled.

    Raises:
        UnsupportedError: names everything that cannot be written.
    """
    names = tuple(output_names)
    with context.at("optimizer"):
        given = compile_config.get("optimizer")
        optimizer = down_optimizer(given, context) if given is not None else None
    if optimizer is None:
        return {}
    loss = compile_config.get("loss")
    result: Config = {}
    with context.at("loss"):
        result["loss"] = _map(loss, down_loss, context)
    for key in ("metrics", "weighted_metrics"):
        with context.at(key):
            result[key] = _metrics(compile_config.get(key), loss, names, down_metric, context)
    result["weighted_metrics"] = _apart(result["weighted_metrics"], result["metrics"])
    for key in ("metrics", "weighted_metrics"):
        result[key] = _with_prefixes(result[key], names)
    result["loss_weights"] = compile_config.get("loss_weights")
    result["optimizer_config"] = optimizer
    _check("the training configuration cannot be written", context)
    return result


def _check(reason: str, context: Context) -> None:
    if context.offenders:
        raise UnsupportedError(reason, context.offenders)


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("class_name"), str) and "config" in value


def _map(value: Any, translate: Translate, context: Context) -> Any:
    """Translate the leaves of nested lists and dictionaries."""
    if isinstance(value, (list, tuple)):
        return [_map(item, translate, context) for item in value]
    if isinstance(value, Mapping) and not _is_object(value):
        result = {}
        for key, item in value.items():
            with context.at(str(key)):
                result[key] = _map(item, translate, context)
        return result
    return None if value is None else translate(value, context)


def _by_output(value: Any, names: tuple[str, ...], missing: Any) -> Any:
    """Return a dictionary that leaves outputs out, which Keras 2 allows, as a list with an entry for each output."""
    if len(names) > 1 and isinstance(value, Mapping) and not _is_object(value) and set(value) <= set(names):
        return [value.get(name, missing) for name in names]
    if len(names) > 1 and isinstance(value, (list, tuple)) and missing is not None:
        return [missing if item is None else item for item in value]
    return value


def _broadcast(loss: Any, outputs: int) -> Any:
    """Give one loss to every output: Keras 3 weighs only losses that are spelt out."""
    single = isinstance(loss, str) or _is_object(loss)
    return [loss] * outputs if single and outputs > 1 else loss


def _metrics(value: Any, loss: Any, names: tuple[str, ...], translate: TranslateMetric, context: Context) -> Any:
    """Translate metrics into a list per output, or a flat list for one; nested in another way, they keep their form."""
    if value is None:
        return None
    groups = _groups(value, names)
    if groups is None:
        return _nested(value, translate, context)
    losses = _group_losses(loss, names)
    translated = [
        [metric for metric in (translate(item, context, own) for item in group) if metric is not None]
        for group, own in zip(groups, losses, strict=True)
    ]
    return translated if len(names) > 1 else translated[0]


def _nested(value: Any, translate: TranslateMetric, context: Context) -> Any:
    """Translate metrics that are nested like outputs without names."""
    if isinstance(value, Mapping) and not _is_object(value):
        return {key: _nested(item, translate, context) for key, item in value.items()}
    if not isinstance(value, (list, tuple)):
        return None if value is None else translate(value, context, None)
    translated = [_nested(item, translate, context) for item in value]
    inner = any(isinstance(item, (list, tuple)) for item in value)
    return translated if inner else [item for item in translated if item is not None]


def _groups(value: Any, names: tuple[str, ...]) -> list[list[Any]] | None:
    """Return the metrics of each output; None where they are nested in another way."""
    if not names and isinstance(value, (list, tuple)) and sum(isinstance(item, (list, tuple)) for item in value) > 1:
        return None
    if len(names) <= 1:
        return [_leaves(value)]
    if isinstance(value, Mapping) and not _is_object(value):
        return [_leaves(value.get(name)) for name in names] if set(value) <= set(names) else None
    if not isinstance(value, (list, tuple)):
        return [[value] for _ in names]
    if not any(isinstance(item, (list, tuple)) for item in value):
        return [list(value) for _ in names]
    return [_leaves(item) for item in value] if len(value) == len(names) else None


def _leaves(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in _leaves(item)]
    if isinstance(value, Mapping) and not _is_object(value):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    return [value]


def _group_losses(loss: Any, names: tuple[str, ...]) -> list[Any]:
    count = max(len(names), 1)
    if isinstance(loss, Mapping) and not _is_object(loss):
        return [loss.get(name) for name in names] if names else [None] * count
    if isinstance(loss, (list, tuple)):
        return list(loss) if len(loss) == count else [None] * count
    return [loss] * count


def _without_prefixes(metrics: Any, names: tuple[str, ...]) -> Any:
    """Take the output's name off the names of its metrics: Keras 3 puts it there."""
    return _renamed(metrics, names, lambda name, output: name.removeprefix(f"{output}_"))


def _with_prefixes(metrics: Any, names: tuple[str, ...]) -> Any:
    """Put the output's name before the names of its metrics, where tf.keras (2.4 and later) expects it."""
    return _renamed(metrics, names, _prefix)


def _apart(weighted: Any, metrics: Any) -> Any:
    """Give other names to weighted metrics that have the name of another, as both dialects do when they compute."""
    if not isinstance(weighted, list) or not isinstance(metrics, list):
        return weighted
    if any(isinstance(item, list) for item in weighted):
        return (
            [_apart(*pair) for pair in zip(weighted, metrics, strict=True)]
            if len(weighted) == len(metrics)
            else weighted
        )
    taken = {_name(metric) for metric in metrics} - {None}
    return [_rename(item, "weighted", _prefix) if _name(item) in taken else item for item in weighted]


def _name(metric: Any) -> str | None:
    name = metric["config"].get("name") if _is_object(metric) and isinstance(metric["config"], Mapping) else None
    return name if isinstance(name, str) else None


def _prefix(name: str, prefix: str) -> str:
    return f"{prefix}_{name}"


def _renamed(metrics: Any, names: tuple[str, ...], rename: Callable[[str, str], str]) -> Any:
    if len(names) < 2 or not isinstance(metrics, list) or len(metrics) != len(names):
        return metrics
    return [
        [_rename(metric, output, rename) for metric in group] if isinstance(group, list) else group
        for group, output in zip(metrics, names, strict=True)
    ]


def _rename(metric: Any, output: str, rename: Callable[[str, str], str]) -> Any:
    name = _name(metric)
    return metric if name is None else {**metric, "config": {**metric["config"], "name": rename(name, output)}}
