"""``TensorFlowOpLayer`` (TF 1.15 to 2.3): a raw operation with attributes and constants, as the function it stands for.

They become ``TFOpLambda`` in Keras 2's own notation, and go on from there like those of TF 2.4 and later.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reinstate.config.functions import arguments_of
from reinstate.config.lens import Config, Context
from reinstate.config.wiring import CONSTANT, is_leaf, layer_name, leaves_of

_PREFIX = "tf_op_layer_"
# Operation, symbol, the arguments that its operands are (one with * takes all that are left over), and behind a bar
# its attributes, those that have another name in Python as attribute=argument.
_TABLE = """
Add math.add x y
AddV2 math.add x y
Sub math.subtract x y
Mul math.multiply x y
Div compat.v1.div x y
RealDiv math.truediv x y
FloorDiv compat.v1.floor_div x y
FloorMod math.floormod x y
TruncateDiv truncatediv x y
TruncateMod truncatemod x y
DivNoNan math.divide_no_nan x y
MulNoNan math.multiply_no_nan x y
Pow math.pow x y
Maximum math.maximum x y
Minimum math.minimum x y
SquaredDifference math.squared_difference x y
Xlogy math.xlogy x y
Xdivy math.xdivy x y
Atan2 math.atan2 y x
Equal math.equal x y | incompatible_shape_error=
NotEqual math.not_equal x y | incompatible_shape_error=
Less math.less x y
LessEqual math.less_equal x y
Greater math.greater x y
GreaterEqual math.greater_equal x y
LogicalAnd math.logical_and x y
LogicalOr math.logical_or x y
LogicalNot math.logical_not x
Neg math.negative x
Abs math.abs x
Sign math.sign x
Square math.square x
Sqrt math.sqrt x
Rsqrt math.rsqrt x
Reciprocal math.reciprocal x
Inv math.reciprocal x
Exp math.exp x
Expm1 math.expm1 x
Log math.log x
Log1p math.log1p x
Sin math.sin x
Cos math.cos x
Tan math.tan x
Asin math.asin x
Acos math.acos x
Atan math.atan x
Sinh math.sinh x
Cosh math.cosh x
Tanh math.tanh x
Asinh math.asinh x
Acosh math.acosh x
Atanh math.atanh x
Sigmoid math.sigmoid x
Erf math.erf x
Erfc math.erfc x
Lgamma math.lgamma x
Digamma math.digamma x
Ceil math.ceil x
Floor math.floor x
Rint math.rint x
Round math.round x
IsNan math.is_nan x
IsInf math.is_inf x
IsFinite math.is_finite x
Relu nn.relu features
Relu6 nn.relu6 features
Elu nn.elu features
Selu nn.selu features
Softplus math.softplus features
Softsign nn.softsign features
LeakyRelu nn.leaky_relu features | alpha
Softmax nn.softmax logits
LogSoftmax nn.log_softmax logits
Identity identity input
StopGradient stop_gradient input
AddN math.add_n inputs*
Mean math.reduce_mean input_tensor axis | keep_dims=keepdims
Sum math.reduce_sum input_tensor axis | keep_dims=keepdims
Prod math.reduce_prod input_tensor axis | keep_dims=keepdims
Max math.reduce_max input_tensor axis | keep_dims=keepdims
Min math.reduce_min input_tensor axis | keep_dims=keepdims
All math.reduce_all input_tensor axis | keep_dims=keepdims
Any math.reduce_any input_tensor axis | keep_dims=keepdims
EuclideanNorm math.reduce_euclidean_norm input_tensor axis | keep_dims=keepdims
ArgMax math.argmax input axis | output_type
ArgMin math.argmin input axis | output_type
Cumsum math.cumsum x axis | exclusive reverse
Cumprod math.cumprod x axis | exclusive reverse
TopKV2 math.top_k input k | sorted
Cast cast x | DstT=dtype Truncate=
Reshape reshape tensor shape
ExpandDims expand_dims input axis
Squeeze squeeze input | squeeze_dims=axis
Transpose transpose a perm
ConcatV2 concat values* axis
Pack stack values* | axis
Unpack unstack value | num axis
Split split axis value | num_split=num_or_size_splits
SplitV split value num_or_size_splits axis | num_split=
StridedSlice strided_slice input_ begin end strides | begin_mask end_mask ellipsis_mask new_axis_mask shrink_axis_mask
Slice slice input_ begin size
GatherV2 gather params indices axis | batch_dims
GatherNd gather_nd params indices
OneHot one_hot indices depth on_value off_value | axis
Pad pad tensor paddings
PadV2 pad tensor paddings constant_values
MirrorPad pad tensor paddings | mode
Select compat.v1.where condition x y
SelectV2 where condition x y
Tile tile input multiples
Fill fill dims value
Range range start limit delta
BroadcastTo broadcast_to input shape
ReverseV2 reverse tensor axis
Roll roll input shift axis
Shape shape input | out_type
Size size input | out_type
Rank rank input
ZerosLike zeros_like input
OnesLike ones_like input
ClipByValue clip_by_value t clip_value_min clip_value_max
BiasAdd nn.bias_add value bias | data_format
MatMul linalg.matmul a b | transpose_a transpose_b
BatchMatMul linalg.matmul a b | adj_x=adjoint_a adj_y=adjoint_b
BatchMatMulV2 linalg.matmul a b | adj_x=adjoint_a adj_y=adjoint_b
MatrixBandPart linalg.band_part input num_lower num_upper
MatrixInverse linalg.inv input | adjoint
MatrixDeterminant linalg.det input
Cholesky linalg.cholesky input
MaxPool nn.max_pool2d input | ksize strides padding data_format
AvgPool nn.avg_pool2d input | ksize strides padding data_format
SpaceToDepth nn.space_to_depth input | block_size data_format
DepthToSpace nn.depth_to_space input | block_size data_format
"""
_TYPES = {"half": "float16", "float": "float32", "double": "float64"}
# Attributes that follow from the operands, or that say nothing about the values.
_SILENT = frozenset(["N", "SrcT", "TI", "T", "Index", "element_shape"])


@dataclass(frozen=True, slots=True)
class _Rule:
    symbol: str
    operands: tuple[str, ...]
    attributes: Mapping[str, str]


def _rules(text: str) -> Iterator[tuple[str, _Rule]]:
    for line in text.strip().splitlines():
        calls, _, attributes = line.partition("|")
        op, symbol, *operands = calls.split()
        pairs = (word.partition("=") for word in attributes.split())
        names = {name: argument if equals else name for name, equals, argument in pairs}
        yield op, _Rule(symbol, tuple(operands), names)


RULES: dict[str, _Rule] = dict(_rules(_TABLE))


def modern_operations(layers: Sequence[Config], context: Context) -> list[Config]:
    """Return the layers of a graph with every ``TensorFlowOpLayer`` as the ``TFOpLambda`` that computes the same."""
    return [_modern(layer, context) if layer["class_name"] == "TensorFlowOpLayer" else layer for layer in layers]


def full_name(layer: Mapping[str, Any]) -> str:
    """Return the name of a ``TensorFlowOpLayer``, which has a prefix that its config leaves out."""
    name = layer_name(layer)
    return name if name.startswith(_PREFIX) else f"{_PREFIX}{name}"


def _modern(layer: Config, context: Context) -> Config:
    config, name = layer["config"], full_name(layer)
    with context.at(name):
        node_def = config.get("node_def")
        if not isinstance(node_def, Mapping) or node_def.get("op") not in RULES:
            what = node_def.get("op") if isinstance(node_def, Mapping) else "in bytes"
            context.refuse(f"the TensorFlow operation {what} is not supported")
            symbol, calls = "identity", []
        else:
            rule = RULES[node_def["op"]]
            symbol, settings = rule.symbol, _settings(rule, node_def.get("attr") or {}, context)
            calls = [
                _call(rule, call, config.get("constants") or {}, settings) for call in layer.get("inbound_nodes", ())
            ]
    dtype = config.get("dtype")
    base = {"name": name, "trainable": config.get("trainable", True), "dtype": dtype}
    return {
        "class_name": "TFOpLambda",
        "name": name,
        "config": {**base, "function": symbol},
        "inbound_nodes": calls,
    }


def _settings(rule: _Rule, attributes: Mapping[str, Any], context: Context) -> Config:
    found: Config = {}
    for name, value in attributes.items():
        if name in rule.attributes:
            found[rule.attributes[name]] = _attribute(value)
        elif not (name in _SILENT or name.startswith(("T", "_")) or value == {"list": {}}):
            context.refuse(f"its attribute {name} is not supported")
    found.pop("", None)
    return {name: value for name, value in found.items() if not (name == "axis" and value == [])}


def _attribute(value: Mapping[str, Any]) -> Any:
    """Return the value of an attribute in protobuf's JSON: numbers of 64 bits are strings there, and bytes base64."""
    ((kind, content),) = value.items()
    if kind == "list":
        return [_attribute({key: item}) for key, items in content.items() for item in items]
    if kind == "i":
        return int(content)
    if kind == "s":
        return _text(content)
    if kind == "type":
        name = str(content).removeprefix("DT_").lower()
        return _TYPES.get(name, name)
    return content


def _text(content: str) -> str:
    try:
        return base64.b64decode(content, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return content


def _call(rule: _Rule, call: Any, constants: Mapping[str, Any], settings: Config) -> Any:
    """Return a call in the notation of op layers: constants take their places between the tensors."""
    operands: list[Any] = [leaf[:3] for leaf in leaves_of(call)]
    for index in sorted(constants, key=int):
        operands.insert(int(index), [CONSTANT, -1, constants[index]])
    arguments = {**settings, **_named(rule.operands, operands)}
    first = arguments.pop(arguments_of(rule.symbol)[0])
    kwargs = {key: value[2] if is_leaf(value) and value[0] == CONSTANT else value for key, value in arguments.items()}
    return [*first, kwargs] if is_leaf(first) else [[*leaf, kwargs] for leaf in first]


def _named(names: Sequence[str], operands: Sequence[Any]) -> Config:
    """Return the operands by argument; one with a star takes all that the others leave."""
    many = len(operands) - len(names) + 1
    found: Config = {}
    position = 0
    for name in names:
        count = many if name.endswith("*") else 1
        taken = list(operands[position : position + count])
        found[name.removesuffix("*")] = taken if name.endswith("*") else taken[0]
        position += count
    return found
