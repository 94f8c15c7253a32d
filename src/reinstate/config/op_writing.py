"""Operations of Keras 3 (``keras.ops``) as the TensorFlow functions that compute the same, so that tf.keras opens them.

What differs between the two (Keras 3 promotes dtypes, TensorFlow does not) is asked of the tensors of each call; an
operation that has no equal, or a call that TensorFlow would refuse, keeps its own notation (operations.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reinstate.config.lens import Config
from reinstate.config.objects import OWN, plain
from reinstate.config.operations import is_operation
from reinstate.config.wiring import Graph, is_tensor, layer_name

_FLOATS = frozenset(["float16", "bfloat16", "float32", "float64"])


@dataclass(frozen=True, slots=True)
class _Rule:
    """``operands``: the names of what is passed to the call; ``settings``: those of what the operation holds.

    ``only``: settings that TensorFlow has no word for, with the values that say nothing. ``floats``: Keras 3 turns
    integers into floats here, TensorFlow does not.
    """

    symbol: str
    operands: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)
    only: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    floats: bool = False


def _rule(symbol: str, operands: str, settings: str = "", floats: bool = False, **only: tuple[Any, ...]) -> _Rule:
    pairs = (word.partition("=") for word in settings.split())
    return _Rule(symbol, tuple(operands.split()), {old: new or old for old, _, new in pairs}, only, floats)


_KEEP = "axis keepdims"
_BINARY = {
    "Add": "math.add",
    "Subtract": "math.subtract",
    "Multiply": "math.multiply",
    "Maximum": "math.maximum",
    "Minimum": "math.minimum",
    "FloorDivide": "math.floordiv",
    "Mod": "math.floormod",
    "Power": "math.pow",
    "Greater": "math.greater",
    "GreaterEqual": "math.greater_equal",
    "Less": "math.less",
    "LessEqual": "math.less_equal",
    "Equal": "math.equal",
    "NotEqual": "math.not_equal",
    "LogicalAnd": "math.logical_and",
    "LogicalOr": "math.logical_or",
    "LogicalXor": "math.logical_xor",
}
_COMMUTING = frozenset(["Add", "Multiply", "Maximum", "Minimum", "Equal", "NotEqual"])
_UNARY = {
    **{
        name: f"math.{name.lower()}"
        for name in (
            [
                "Exp",
                "Expm1",
                "Log",
                "Log1p",
                "Sin",
                "Cos",
                "Tan",
                "Sinh",
                "Cosh",
                "Tanh",
                "Sqrt",
                "Rsqrt",
                "Square",
                "Sigmoid",
                "Erf",
                "Erfinv",
                "Ceil",
                "Floor",
            ]
        )
    },
    "Arcsin": "math.asin",
    "Arccos": "math.acos",
    "Arctan": "math.atan",
    "Arcsinh": "math.asinh",
    "Arccosh": "math.acosh",
    "Arctanh": "math.atanh",
    "LogSigmoid": "math.log_sigmoid",
    "Reciprocal": "math.reciprocal",
}
_RULES: dict[str, _Rule] = {
    **{name: _rule(symbol, "x y") for name, symbol in _BINARY.items()},
    **{name: _rule(symbol, "x", floats=True) for name, symbol in _UNARY.items()},
    "TrueDivide": _rule("math.truediv", "x y", floats=True),
    "Divide": _rule("math.truediv", "x y", floats=True),
    "DivideNoNan": _rule("math.divide_no_nan", "x y", floats=True),
    "Arctan2": _rule("math.atan2", "y x", floats=True),
    "Negative": _rule("math.negative", "x"),
    "Absolute": _rule("math.abs", "x"),
    "Abs": _rule("math.abs", "x"),
    "Sign": _rule("math.sign", "x"),
    "LogicalNot": _rule("math.logical_not", "x"),
    "Isnan": _rule("math.is_nan", "x", floats=True),
    "Isinf": _rule("math.is_inf", "x", floats=True),
    "Isfinite": _rule("math.is_finite", "x", floats=True),
    "Mean": _rule("math.reduce_mean", "input_tensor", _KEEP, floats=True),
    "Std": _rule("math.reduce_std", "input_tensor", _KEEP, floats=True),
    "Var": _rule("math.reduce_variance", "input_tensor", _KEEP, floats=True),
    "Logsumexp": _rule("math.reduce_logsumexp", "input_tensor", _KEEP, floats=True),
    "Sum": _rule("math.reduce_sum", "input_tensor", _KEEP, floats=True),
    "Prod": _rule("math.reduce_prod", "input_tensor", _KEEP, floats=True, dtype=(None,)),
    "Max": _rule("math.reduce_max", "input_tensor", _KEEP, initial=(None,)),
    "Min": _rule("math.reduce_min", "input_tensor", _KEEP, initial=(None,)),
    "All": _rule("math.reduce_all", "input_tensor", _KEEP),
    "Any": _rule("math.reduce_any", "input_tensor", _KEEP),
    "Argmax": _rule("math.argmax", "input", "axis", keepdims=(False,)),
    "Argmin": _rule("math.argmin", "input", "axis", keepdims=(False,)),
    "Cumsum": _rule("math.cumsum", "x", "axis", floats=True, dtype=(None,)),
    "Cumprod": _rule("math.cumprod", "x", "axis", floats=True, dtype=(None,)),
    "Sort": _rule("sort", "values", "axis"),
    "TopK": _rule("math.top_k", "input", "k sorted"),
    "Concatenate": _rule("concat", "values", "axis"),
    "Stack": _rule("stack", "values", "axis"),
    "Unstack": _rule("unstack", "value", "num axis"),
    "Split": _rule("split", "value", "indices_or_sections=num_or_size_splits axis"),
    "Reshape": _rule("reshape", "tensor", "newshape=shape"),
    "Transpose": _rule("transpose", "a", "axes=perm"),
    "ExpandDims": _rule("expand_dims", "input", "axis"),
    "Squeeze": _rule("squeeze", "input", "axis"),
    "Tile": _rule("tile", "input", "repeats=multiples"),
    "Repeat": _rule("repeat", "input", "repeats axis"),
    "Roll": _rule("roll", "input", "shift axis"),
    "Flip": _rule("reverse", "tensor", "axis"),
    "BroadcastTo": _rule("broadcast_to", "input", "shape"),
    "Take": _rule("gather", "params indices", "axis"),
    "Where": _rule("where", "condition x y"),
    "Clip": _rule("clip_by_value", "t", "x_min=clip_value_min x_max=clip_value_max"),
    "Pad": _rule("pad", "tensor constant_values", "pad_width=paddings mode"),
    "Cast": _rule("cast", "x", "dtype"),
    "StopGradient": _rule("stop_gradient", "input"),
    "ZerosLike": _rule("zeros_like", "input", "dtype"),
    "OnesLike": _rule("ones_like", "input", "dtype"),
    "Matmul": _rule("linalg.matmul", "a b", floats=True),
    "OneHot": _rule("one_hot", "indices", "num_classes=depth axis dtype", sparse=(False,)),
    "Relu": _rule("nn.relu", "features"),
    "Relu6": _rule("nn.relu6", "features"),
    "Selu": _rule("nn.selu", "features", floats=True),
    "Elu": _rule("nn.elu", "features", floats=True, alpha=(1.0,)),
    "Softplus": _rule("math.softplus", "features", floats=True),
    "Softsign": _rule("nn.softsign", "features", floats=True),
    "Silu": _rule("nn.silu", "features", floats=True),
    "Gelu": _rule("nn.gelu", "features", "approximate", floats=True),
    "LeakyRelu": _rule("nn.leaky_relu", "features", "negative_slope=alpha", floats=True),
    "Softmax": _rule("nn.softmax", "logits", "axis", floats=True),
    "LogSoftmax": _rule("nn.log_softmax", "logits", "axis", floats=True),
    "GetItem": _rule("__operators__.getitem", "tensor slice_spec"),
}
_REQUIRED = {"Argmax": "axis", "Argmin": "axis", "Take": "axis", "Repeat": "axis", "Roll": "axis", "Flip": "axis"}
_INDEXING = frozenset(["GetItem", "Take", "Where", "Pad"])  # whose operands are of several dtypes


def as_functions(graph: Graph, left_out: Collection[str]) -> Graph:
    """Return the graph with each operation that TensorFlow knows, but those left out, as an op layer."""
    pairs = [
        _function(layer, calls) if _named(layer) not in left_out else (layer, calls)
        for layer, calls in zip(graph.layers, graph.nodes, strict=True)
    ]
    return replace(graph, layers=tuple(layer for layer, _ in pairs), nodes=tuple(calls for _, calls in pairs))


def _named(layer: Mapping[str, Any]) -> str:
    return layer_name(layer)


def _function(layer: Config, calls: list[Any]) -> tuple[Config, list[Any]]:
    """Return an operation and its calls as those of an op layer; as they are where that cannot be."""
    class_name = layer["class_name"]
    if not is_operation(f"{layer.get('module')}>{class_name}") or class_name not in _RULES:
        return layer, calls
    config, rule = layer["config"], _RULES[class_name]
    known = {"name", *rule.settings, *rule.only}
    if config.keys() - known or any(config.get(key, values[0]) not in values for key, values in rule.only.items()):
        return layer, calls
    if class_name in _REQUIRED and config.get(_REQUIRED[class_name]) is None:
        return layer, calls
    written = [_call(class_name, rule, config, call) for call in calls]
    if any(call is None for call in written):
        return layer, calls
    op_layer = "SlicingOpLambda" if class_name == "GetItem" else "TFOpLambda"
    own = {"module": OWN, "class_name": op_layer, "registered_name": f"{OWN}>{op_layer}", "name": layer_name(layer)}
    base = {"name": layer_name(layer), "trainable": True, "dtype": "float32"}
    return {**own, "config": {**base, "function": rule.symbol}}, written


def _call(class_name: str, rule: _Rule, config: Mapping[str, Any], call: Mapping[str, Any]) -> Config | None:
    """Return the call with TensorFlow's names, None where TensorFlow would not take it or compute something else."""
    operands = [*call.get("args", ()), *call.get("kwargs", {}).values()]
    if len(operands) > len(rule.operands):
        return None
    dtypes = {str(each["config"]["dtype"]) for each in _tensors(operands)}
    if rule.floats and not dtypes <= _FLOATS:
        return None
    if class_name not in _INDEXING and len(dtypes) != 1:
        return None
    settings = _settings(class_name, rule, config)
    if class_name in _BINARY or class_name in ("TrueDivide", "Divide", "DivideNoNan", "Arctan2", "Where"):
        numbers = _constants(class_name, operands)
        if numbers is None:
            return None
        operands = numbers
    if settings is None or not _SPECIAL.get(class_name, _any)(operands):
        return None
    operands = _indexed(operands) if class_name == "GetItem" else operands
    named = dict(zip(rule.operands[1:], operands[1:], strict=False))
    return {"args": operands[:1], "kwargs": {**{k: v for k, v in named.items() if v is not None}, **settings}}


def _tensors(value: Any) -> Iterator[Mapping[str, Any]]:
    if is_tensor(value):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)
    elif isinstance(value, Mapping):
        yield from _tensors(list(value.values()))


def _settings(class_name: str, rule: _Rule, config: Mapping[str, Any]) -> Config | None:
    found = {new: config[old] for old, new in rule.settings.items() if old in config}
    if class_name in ("Argmax", "Argmin"):
        found["output_type"] = "int32"
    elif class_name == "Split" and not isinstance(found["num_or_size_splits"], int):
        return None
    elif class_name == "Flip" and isinstance(found["axis"], int):
        found["axis"] = [found["axis"]]
    elif class_name == "Pad":
        found["mode"] = str(found["mode"]).upper()
        if found["mode"] not in ("CONSTANT", "REFLECT", "SYMMETRIC"):
            return None
    elif any(found.get(key, 0) is None for key in ("clip_value_min", "clip_value_max")):
        return None
    return {key: value for key, value in found.items() if value is not None}


def _constants(class_name: str, operands: Sequence[Any]) -> list[Any] | None:
    """Return operands that TensorFlow takes: constants of the tensors' kind, and none first that it would misread."""
    *_, tensor = _tensors(operands)
    dtype = str(tensor["config"]["dtype"])
    written: list[Any] = []
    for operand in operands:
        value = plain(operand)
        if not is_tensor(operand):
            if _is_float(value) and dtype not in _FLOATS:
                return None
            value = _floats(value) if dtype in _FLOATS else value
        written.append(value)
    if is_tensor(operands[0]):
        return written
    if class_name in _COMMUTING:
        return written[::-1]
    return written if dtype in ("float32", "int32") else None


def _is_float(value: Any) -> bool:
    return any(map(_is_float, value)) if isinstance(value, list | tuple) else isinstance(value, float)


def _floats(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_floats(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _rank(value: Any) -> int:
    return len(value["config"]["shape"]) if is_tensor(value) else -1


def _indexed(operands: Sequence[Any]) -> list[Any]:
    """Return the tensor and its index with slices in Keras 2's form."""
    return [operands[0], _index(operands[1])]


def _index(value: Any) -> Any:
    if isinstance(value, Mapping) and value.get("class_name") == "__slice__":
        return dict(value["config"])
    if isinstance(value, Mapping) and value.get("class_name") == "__ellipsis__":
        return {"class_name": "__ellipsis__"}
    return [_index(item) for item in value] if isinstance(value, list | tuple) else value


def _any(operands: Sequence[Any]) -> bool:
    return True


def _indexable(operands: Sequence[Any]) -> bool:
    """Tell whether an index is one that TensorFlow takes: numbers, slices, new axes; no arrays."""
    parts = operands[1] if isinstance(operands[1], list | tuple) else [operands[1]]
    return not any(is_tensor(part) or isinstance(part, list | tuple) or _is_array(part) for part in parts)


def _is_array(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("class_name") in ("__numpy__", "__tensor__")


def _matrices(operands: Sequence[Any]) -> bool:
    """Tell whether operands are matrices of one rank, or of ranks that both multiply alike."""
    return all(_rank(operand) >= 2 for operand in operands)


def _whole(operands: Sequence[Any]) -> bool:
    """Tell whether indices are integers."""
    return is_tensor(operands[0]) and not _is_float(plain(operands[1]))


def _chooses(operands: Sequence[Any]) -> bool:
    """Tell whether a condition picks between values of one dtype."""
    dtypes = {str(each["config"]["dtype"]) for each in _tensors(operands[1:])}
    return len(operands) == 3 and is_tensor(operands[0]) and len(dtypes) == 1


_SPECIAL = {"GetItem": _indexable, "Matmul": _matrices, "Take": _whole, "Where": _chooses}
