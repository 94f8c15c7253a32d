"""``reinstate inspect``: one table of what is in a model file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import click

from reinstate.cli import printable, size, width
from reinstate.cli.table import Cell, Item, cell, facts, table
from reinstate.dtypes import DType
from reinstate.study.inspect import Inspection, Layer, Optimizer, TensorSpec, Weight, inspect

_TIMES = "\N{MULTIPLICATION SIGN}"
_GENERATIONS = {"legacy": " (legacy form)", "new": " (form of TF 2.11)"}


@click.command()
@click.argument("path", type=click.Path(readable=False))
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def command(path: str, as_json: bool) -> None:
    """Show what is in a model file.

    PATH is a SavedModel directory, an HDF5 or a .keras file, or the prefix of a TensorFlow checkpoint. Nothing is
    loaded but names and shapes.
    """
    found = inspect(path)
    if as_json:
        click.echo(json.dumps(to_json(found), indent=1))
    else:
        click.echo("\n".join(render(found, width())))


def render(found: Inspection, columns: int) -> list[str]:
    """The lines of the screen, none wider than ``columns``."""
    rows = _layers(found, columns) if found.layers else _variables(found, columns) if found.variables else []
    about = facts(((name, cell(*map(printable, values))) for name, values in _facts(found)), columns)
    return [click.style(printable(found.path), bold=True), "", *rows, *([""] if rows else []), *about]


def _layers(found: Inspection, columns: int) -> list[str]:
    with_inputs = any(layer.input_shapes for layer in found.layers)
    titles = map(_title, found.layers, _newly_frozen(found.layers))
    rows = [
        [title, _inputs(layer), _weights(layer.weights), _count(layer)]
        for title, layer in zip(titles, found.layers, strict=True)
    ]
    if found.variables:
        total = sum(weight.size for weight in found.variables)
        own = Cell([Item("of no layer", dim=True)])
        rows.append([own, cell(), _weights(found.variables), cell(f"{total:,}")])
    head = ["Layer", "Input", "Weights", ">Parameters"]
    if not with_inputs:
        head, rows = [head[0], *head[2:]], [[row[0], *row[2:]] for row in rows]
    return table(head, rows, columns)


def _newly_frozen(layers: Iterable[Layer]) -> Iterator[bool]:
    """Whether each layer is frozen, and not because one that it is in is."""
    outer: int | None = None  # the depth of the frozen layer that the present one is in
    for layer in layers:
        outer = None if outer is not None and layer.depth <= outer else outer
        yield layer.trainable is False and outer is None
        outer = layer.depth if layer.trainable is False and outer is None else outer


def _title(layer: Layer, frozen: bool) -> Cell:
    about = (printable(layer.class_name), "frozen" if frozen else "")
    name = Item("  " * layer.depth + (printable(layer.name) or "(no name)"))
    return Cell([name, *(Item(text, dim=True) for text in about if text)], "  ", 2 * layer.depth + 2)


def _inputs(layer: Layer) -> Cell:
    return cell(*map(_shape, layer.input_shapes))


def _weights(weights: Iterable[Weight]) -> Cell:
    return cell(*map(_weight, weights))


def _count(layer: Layer) -> Cell:
    if layer.shared:
        return Cell([Item("see above", dim=True)])
    return cell(f"{layer.parameters:,}" if layer.parameters else "")


def _variables(found: Inspection, columns: int) -> list[str]:
    rows = [
        [cell(printable(weight.name)), cell(_shape(weight.shape)), cell(weight.dtype.name), cell(f"{weight.size:,}")]
        for weight in found.variables
    ]
    return table(["Variable", "Shape", "Type", ">Elements"], rows, columns)


def _facts(found: Inspection) -> Iterator[tuple[str, Sequence[str]]]:
    """What the file is, as names with lists of what is to be said."""
    yield "Format", [found.format, size(found.size), *_tags(found.tags)]
    if found.class_name:
        yield "Model", [f"{found.class_name} {found.name!r}" if found.name else found.class_name]
    if writer := _writer(found):
        yield "Written by", [writer]
    yield "Parameters", _parameters(found)
    if found.optimizer is not None:
        yield "Optimizer", _optimizer(found.optimizer)
    for name, values in (("Loss", found.losses), ("Metrics", found.metrics)):
        if values:
            yield name, values
    for signature in found.signatures:
        yield "Signature", [f"{signature.name}: {_specs(signature.inputs)} → {_specs(signature.outputs)}"]
    if found.ops_without_rule:
        yield "Not run", [f"functions with {', '.join(map(printable, found.ops_without_rule))}"]


def _tags(tags: Sequence[Sequence[str]]) -> list[str]:
    return [f"tags {' '.join(each) or '(none)'}" for each in tags if list(each) != ["serve"]]


def _writer(found: Inspection) -> str:
    keras = f"Keras {found.keras_version}" if found.keras_version else ""
    return found.writer if keras in found.writer else f"{found.writer} ({keras})" if found.writer else keras


def _parameters(found: Inspection) -> list[str]:
    trainable = found.trainable_parameters
    all_train = trainable is None or trainable == found.parameters
    return [f"{found.parameters:,}" if all_train else f"{found.parameters:,} ({trainable:,} trainable)"]


def _optimizer(found: Optimizer) -> list[str]:
    name = found.class_name or "of a class that the file does not name"
    return [
        f"{name}{_GENERATIONS.get(found.generation, '')}",
        _rate(found),
        "" if found.step is None else f"step {found.step:,}",
        f"{found.slots:,} slot variables" if found.slots else "no slot variables",
    ]


def _rate(found: Optimizer) -> str:
    if found.learning_rate is None:
        return found.schedule or ""
    return f"{found.schedule or 'learning rate'} {'at ' if found.schedule else ''}{found.learning_rate:.6g}"


def _specs(specs: Mapping[str, TensorSpec]) -> str:
    return ", ".join(f"{name} {spec.dtype} {_rank(spec)}".rstrip() for name, spec in specs.items()) or "nothing"


def _rank(spec: TensorSpec) -> str:
    return "of any rank" if spec.shape is None else _shape(spec.shape) if spec.shape else ""


def _shape(shape: Iterable[int | None]) -> str:
    return _TIMES.join("?" if size is None else str(size) for size in shape) or "scalar"


def _weight(weight: Weight) -> str:
    dtype = "" if weight.dtype.name == "float32" else f" {weight.dtype}"
    return f"{printable(weight.name)} {_shape(weight.shape)}{dtype}"


def to_json(value: Any) -> Any:
    """The same as JSON has it: dtypes by name, properties of counts included."""
    if isinstance(value, DType):
        return value.name
    if dataclasses.is_dataclass(value):
        fields = {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
        counts = ("parameters", "trainable_parameters") if isinstance(value, Inspection) else ()
        return fields | {name: getattr(value, name) for name in counts}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    return [to_json(item) for item in value] if isinstance(value, list | tuple) else value
