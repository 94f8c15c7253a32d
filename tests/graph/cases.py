"""What the ops are tried on. Read by the recorder in TensorFlow's environment, and by the tests here: numpy only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Case:
    """An op, its inputs in the order of its definition (lists where it takes lists), and attributes."""

    op: str
    inputs: list[Any]
    attributes: dict[str, Any] = field(default_factory=dict)


GROUPS: dict[str, list[Case]] = {}


def c(op: str, *inputs: Any, **attributes: Any) -> Case:
    return Case(op, [array(x) for x in inputs], attributes)


def array(value: Any) -> Any:
    """Arrays as they are, tuples as lists of tensors, numbers as TensorFlow would take them."""
    if isinstance(value, tuple):
        return [array(item) for item in value]
    if isinstance(value, np.ndarray | np.float64):
        return value
    found = np.asarray(value)
    return found.astype({"float64": np.float32, "int64": np.int32}.get(found.dtype.name, found.dtype))


def f(*shape: int, low: float = -2, high: float = 2, seed: int = 0) -> Any:
    """Random numbers."""
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def i(*shape: int, low: int = -5, high: int = 6, seed: int = 0, dtype: Any = np.int32) -> Any:
    """Random integers."""
    return np.random.default_rng(seed).integers(low, high, shape).astype(dtype)


def cplx(*shape: int, seed: int = 0) -> Any:
    """Random complex numbers."""
    return (f(*shape, seed=seed) + 1j * f(*shape, seed=seed + 100)).astype(np.complex64)


def i64(value: Any) -> Any:
    return np.asarray(value, np.int64)


def spd(size: int, batch: int = 2) -> Any:
    """Symmetric positive definite matrices."""
    x = f(batch, size, size)
    return (x @ x.swapaxes(1, 2) + size * np.eye(size)).astype(np.float32)


ODD = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.5, 2.5, 0.5], np.float32)
OTHER = np.array([1.0, 2.0, np.nan, 0.0, 3.0, np.inf, -2.0, 2.5, -0.5], np.float32)


def math() -> Iterator[Case]:
    for op in ("AddV2", "Add", "Sub", "Mul", "Maximum", "Minimum", "SquaredDifference", "FloorDiv", "FloorMod"):
        yield c(op, f(3, 1, 4), f(2, 4, seed=1))
        yield c(op, ODD, OTHER)
        yield c(op, i(3, 4), i(3, 1, low=1, seed=1) * np.array([[1], [-1], [1]], np.int32))
        yield c(op, i64([7, -7, 7, -7]), i64([2, 2, -2, -2]))
    yield c("AddV2", i(5, dtype=np.int8) * 25, i(5, seed=3, dtype=np.int8) * 25)
    yield c("Mul", f(4).astype(np.float16), f(4, seed=1).astype(np.float16))
    yield c("Mul", cplx(3), cplx(3, seed=2))
    for op in ("RealDiv", "DivNoNan", "MulNoNan", "Xdivy", "Xlogy", "Xlog1py", "Atan2", "NextAfter"):
        yield c(op, f(3, 4, low=0.1), f(3, 4, low=0.1, seed=1))
        if op != "NextAfter":
            yield c(op, np.array([0, 0, 1, -1], np.float32), np.array([0, 2, 0, 3], np.float32))
    yield c("Div", i(8), np.array([2, -2, 3, 1, -1, 4, 5, 2], np.int32))
    yield c("Div", f(4), f(4, seed=1))
    yield c("TruncateDiv", np.array([7, -7, 7, -7], np.int32), np.array([2, 2, -2, -2], np.int32))
    yield c("TruncateMod", np.array([7, -7, 7, -7], np.int32), np.array([3, 3, -3, -3], np.int32))
    yield c("TruncateMod", f(5), f(5, low=0.5, seed=1))
    yield c("Mod", np.array([7, -7, 7, -7], np.int32), np.array([3, 3, -3, -3], np.int32))
    yield c("Pow", f(3, 3, low=0.1), f(3, seed=1))
    yield c("Pow", i(6), np.full(6, 3, np.int32))
    for op in ("Abs", "Neg", "Sign", "Square"):
        yield c(op, f(3, 2))
        yield c(op, i(6))
        yield c(op, ODD)
    yield c("Sign", cplx(3))
    yield c("ComplexAbs", cplx(4))
    for op in ("Exp", "Expm1", "Sin", "Cos", "Tan", "Sinh", "Cosh", "Tanh", "Atan", "Asinh", "Sigmoid", "Erf", "Erfc"):
        yield c(op, f(3, 5, high=3))
    yield c("Exp", cplx(3))
    yield c("Tanh", ODD)
    for op in ("Log", "Sqrt", "Rsqrt", "Log1p", "Reciprocal", "Inv", "Lgamma", "Digamma", "Spence", "Expint"):
        yield c(op, f(3, 5, low=0.2, high=5))
    for op in ("Asin", "Acos", "Atanh", "Erfinv"):
        yield c(op, f(3, 5, low=-0.9, high=0.9))
    yield c("Acosh", f(6, low=1.1, high=4))
    yield c("Ndtri", f(6, low=0.05, high=0.95))
    for op in ("BesselI0", "BesselI0e", "BesselI1", "BesselI1e"):
        yield c(op, f(6, low=-3, high=3))
    for op in ("Igamma", "Igammac"):
        yield c(op, f(5, low=0.5, high=3), f(5, low=0.5, high=3, seed=1))
    yield c("Betainc", f(5, low=0.5, high=3), f(5, low=0.5, high=3, seed=1), f(5, low=0.1, high=0.9, seed=2))
    yield c("Polygamma", np.array([0, 1, 2, 3], np.float32), f(4, low=1, high=3))
    yield c("Zeta", f(4, low=1.5, high=3), f(4, low=0.5, high=3, seed=1))
    for op in ("Floor", "Ceil", "Rint", "Round"):
        yield c(op, np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999997, 7.2], np.float32))
    for op in ("IsNan", "IsInf", "IsFinite"):
        yield c(op, ODD)
    for op in ("Less", "LessEqual", "Greater", "GreaterEqual", "ApproximateEqual"):
        yield c(op, ODD, OTHER)
        if op != "ApproximateEqual":
            yield c(op, i(3, 1), i(1, 4, seed=2))
    for op in ("Equal", "NotEqual"):
        yield c(op, ODD, OTHER)
        yield c(op, f(3), f(4), incompatible_shape_error=False)
        yield c(op, i64([1, 2, 3]), i64([1, 5, 3]))
        yield c(op, np.array([True, False]), np.array([True, True]))
    for op in ("LogicalAnd", "LogicalOr"):
        yield c(op, np.array([[True], [False]]), np.array([True, False]))
    yield c("LogicalNot", np.array([True, False]))
    for op in ("BitwiseAnd", "BitwiseOr", "BitwiseXor"):
        yield c(op, i(6), i(6, seed=1))
        yield c(op, i(6, low=0, high=200, dtype=np.uint8), i(6, low=0, high=200, seed=1, dtype=np.uint8))
    yield c("Invert", i(5))
    yield c("Invert", i(5, low=0, high=200, dtype=np.uint8))
    for op in ("LeftShift", "RightShift"):
        yield c(op, i(5), i(5, low=0, high=8, seed=1))
        yield c(op, i(5, low=0, high=200, dtype=np.uint8), i(5, low=0, high=7, seed=1, dtype=np.uint8))
    yield c("PopulationCount", i(5, low=0, high=1000))
    yield c("PopulationCount", i(5))
    for target in ("float16", "bfloat16", "float64", "int32", "int64", "uint8", "bool", "complex64", "int8"):
        yield c("Cast", np.array([0, 1.7, 2.2, 100.9], np.float32), DstT=target)
        yield c("Cast", np.array([0, 1, 2, 100], np.int32), DstT=target)
    yield c("Cast", np.array([-1.7, -0.5, 0.5], np.float32), DstT="int32")
    yield c("Cast", np.array([True, False]), DstT="float32")
    yield c("Cast", cplx(3), DstT="float32")
    yield c("Complex", f(3), f(3, seed=1))
    for op in ("Real", "Imag", "Angle", "Conj"):
        yield c(op, cplx(2, 3))
    yield c("AddN", (f(2, 3), f(2, 3, seed=1), f(2, 3, seed=2)))
    yield c("Select", np.array([[True, False], [False, True]]), f(2, 2), f(2, 2, seed=1))
    yield c("Select", np.array([True, False]), f(2, 3), f(2, 3, seed=1))
    yield c("Select", np.array(True), f(2, 3), f(2, 3, seed=1))
    yield c("SelectV2", np.array([[True], [False]]), f(3), f(2, 1, seed=1))
    yield c("SelectV2", np.array([True, False]), i64([1, 2]), i64([3, 4]))
    yield c("ClipByValue", f(4, 3), np.float32(-1), np.float32(0.5))
    for op in ("Sum", "Prod", "Max", "Min", "Mean"):
        yield c(op, f(2, 3, 4), [1])
        yield c(op, f(2, 3, 4), [0, -1], keep_dims=True)
        yield c(op, f(2, 3), np.array([], np.int32))
        yield c(op, i(2, 3, low=1, high=5), 1)
        yield c(op, i(2, 3, low=1, high=5, dtype=np.int64), i64([0, 1]))
        yield c(op, np.zeros((0, 3), np.float32), [0])
        if op != "Mean":
            yield c(op, np.zeros((0, 3), np.int32), [0])
    for op in ("Max", "Min"):
        yield c(op, ODD.reshape(3, 3), [1])
    for op in ("All", "Any"):
        yield c(op, np.array([[True, False], [True, True]]), [1])
        yield c(op, np.array([[True, False], [True, True]]), [0, 1], keep_dims=True)
        yield c(op, np.zeros((0, 2), bool), [0])
    yield c("EuclideanNorm", f(3, 4), [1], keep_dims=True)
    for op in ("ArgMax", "ArgMin"):
        yield c(op, f(3, 4), 1)
        yield c(op, np.array([1, 3, 3, 1], np.int32), 0, output_type="int32")
    for op in ("Cumsum", "Cumprod", "CumulativeLogsumexp"):
        for exclusive in (False, True):
            for reverse in (False, True):
                yield c(op, f(3, 4), 1, exclusive=exclusive, reverse=reverse)
    yield c("Cumsum", i(4, 2), -2, exclusive=True)
    yield c("Range", 1, 10, 3)
    yield c("Range", 10, 1, -4)
    yield c("Range", np.float32(0), np.float32(1), np.float32(0.3))
    yield c("Range", i64(2), i64(6), i64(2))
    yield c("LinSpace", np.float32(0), np.float32(2), 5)
    yield c("Bucketize", np.array([[-5, 0, 3], [10, 10.5, 99]], np.float32), boundaries=[0.0, 10.0, 50.0])
    yield c("Bucketize", i(6), boundaries=[-2.0, 0.5, 3.0])
    for op in ("LowerBound", "UpperBound"):
        yield c(op, np.array([[0, 3, 9, 9], [1, 2, 3, 4]], np.float32), np.array([[9, -1], [2, 5]], np.float32))
    yield c("Cross", f(4, 3), f(4, 3, seed=1))
    yield c("HistogramFixedWidth", f(20), np.array([-1, 1], np.float32), 5)
    for op in ("TanhGrad", "SigmoidGrad", "SqrtGrad", "RsqrtGrad", "InvGrad", "ReciprocalGrad"):
        yield c(op, f(4, low=0.2, high=1), f(4, seed=1))
    for op in ("ZerosLike", "OnesLike"):
        yield c(op, f(2, 3))
        yield c(op, i(2, 3, dtype=np.int64))


def array_ops() -> Iterator[Case]:
    for op in ("Identity", "StopGradient", "Snapshot", "GuaranteeConst", "PreventGradient"):
        yield c(op, f(2, 3))
    yield c("CheckNumerics", f(2), message="x")
    yield c("IdentityN", (f(2), i(3)))
    yield c("PlaceholderWithDefault", f(2), shape=[2])
    yield c("EnsureShape", f(2, 3), shape=[None, 3])
    yield c("EnsureShape", f(2, 3), shape=[None, 4])
    for kind in ("int32", "int64"):
        yield c("Shape", f(2, 3, 1), out_type=kind)
        yield c("ShapeN", (f(2), f(3, 1)), out_type=kind)
        yield c("Size", f(2, 3), out_type=kind)
    yield c("Rank", f(2, 3))
    for shape in ([3, 4], [-1], [2, -1, 2], [12, 1]):
        yield c("Reshape", f(2, 6), shape)
    yield c("Reshape", f(2, 6), i64([4, 3]))
    yield c("Reshape", f(0, 3), [-1, 3])
    yield c("Reshape", f(2, 6), [5, 2])
    yield c("Transpose", f(2, 3, 4), [2, 0, 1])
    yield c("ConjugateTranspose", cplx(2, 3), [1, 0])
    for dim in (0, 1, -1, 2):
        yield c("ExpandDims", f(2, 3), dim)
    yield c("Squeeze", f(1, 3, 1))
    yield c("Squeeze", f(1, 3, 1), axis=[-1])
    yield c("Pack", (f(2, 3), f(2, 3, seed=1)), axis=1)
    yield c("Pack", (i(2), i(2, seed=1), i(2, seed=2)), axis=-1)
    yield c("Unpack", f(2, 3), num=3, axis=1)
    yield c("ConcatV2", (f(2, 3), f(2, 1)), -1)
    yield c("ConcatV2", (i(2, 3), i(4, 3)), i64(0))
    yield c("Concat", 1, (f(2, 3), f(2, 1)))
    yield c("ConcatOffset", 1, (np.array([2, 3], np.int32), np.array([2, 5], np.int32), np.array([2, 1], np.int32)))
    yield c("Split", 1, f(2, 6), num_split=3)
    yield c("SplitV", f(2, 6), [1, 3, 2], 1, num_split=3)
    yield c("SplitV", f(6, 2), [1, -1, 2], 0, num_split=3)
    yield c("Slice", f(3, 4), [1, 0], [2, -1])
    yield c("Slice", f(3, 4), i64([0, 2]), i64([1, 2]))
    yield from strided_slices()
    yield c("Fill", [2, 3], np.float32(7))
    yield c("Fill", i64([2]), True)
    yield c("Empty", [0, 2], dtype="float32", init=True)
    yield c("Tile", f(2, 3), [2, 1])
    yield c("Tile", i(2, 3), [0, 2])
    yield c("BroadcastTo", f(3, 1), [2, 3, 4])
    yield c("BroadcastArgs", [3, 1], [2, 1, 4])
    yield c("BroadcastGradientArgs", [3, 1], [2, 1, 4])
    yield c("BroadcastGradientArgs", i64([2, 3]), i64([2, 3]))
    yield c("Pad", f(2, 3), [[1, 0], [0, 2]])
    yield c("Pad", cplx(2), [[1, 1]])
    yield c("PadV2", i(2, 3), [[1, 0], [0, 2]], 9)
    for mode in ("REFLECT", "SYMMETRIC"):
        yield c("MirrorPad", f(3, 4), [[2, 1], [1, 2]], mode=mode)
    yield c("ReverseV2", f(2, 3, 2), [0, -1])
    yield c("ReverseSequence", f(2, 5, 2), i64([3, 5]), seq_dim=1, batch_dim=0)
    yield c("ReverseSequence", f(5, 3), np.array([1, 4, 0], np.int32), seq_dim=0, batch_dim=1)
    yield c("Roll", f(3, 4), [1, -2], [0, 1])
    yield c("InvertPermutation", np.array([2, 0, 1, 3], np.int32))
    for axis in (-1, 0, 1):
        yield c("OneHot", np.array([0, 2, -1, 5], np.int32), 3, np.float32(5), np.float32(-1), axis=axis)
    yield c("OneHot", np.array([[0, 1]], np.int64), 2, True, False)
    yield c("Where", np.array([[True, False], [False, True]]))
    yield c("Where", np.array([0, 3.0, 0, -1], np.float32))
    yield c("Unique", np.array([4, 1, 4, 2, 1], np.int32))
    yield c("Unique", i64([4, 1, 4]), out_idx="int64")
    yield c("UniqueWithCounts", np.array([4, 1, 4, 2, 1], np.int32))
    yield c("UnravelIndex", np.array([7, 11, 0], np.int32), [3, 4])
    yield c("Bitcast", f(3), type="int32")
    yield c("Bitcast", i(3), type="uint8")
    yield c("Bitcast", i(3, 4, low=0, high=200, dtype=np.uint8), type="int32")
    yield c("SpaceToBatchND", f(1, 5, 4, 2), [2, 2], [[1, 0], [0, 2]])
    yield c("SpaceToBatchND", f(2, 6, 3), [3], [[0, 0]])
    yield c("BatchToSpaceND", f(4, 3, 2, 2), [2, 2], [[1, 0], [0, 1]])
    yield c("BatchToSpaceND", f(6, 2, 3), [3], [[0, 1]])
    for op in ("SpaceToDepth", "DepthToSpace"):
        yield c(op, f(1, 4, 6, 8), block_size=2)
    yield c(
        "ExtractImagePatches",
        f(1, 6, 6, 2),
        ksizes=[1, 3, 2, 1],
        strides=[1, 2, 1, 1],
        rates=[1, 1, 2, 1],
        padding="SAME",
    )
    yield c(
        "ExtractImagePatches",
        f(1, 6, 6, 2),
        ksizes=[1, 2, 2, 1],
        strides=[1, 2, 2, 1],
        rates=[1, 1, 1, 1],
        padding="VALID",
    )


def strided_slices() -> Iterator[Case]:
    x, y = f(5, 4, 3), i(7)
    rows = [
        (x, [0], [2], [1], {}),
        (x, [1, 0, 0], [2, 4, 3], [1, 1, 1], {"shrink_axis_mask": 1}),
        (x, [-1], [0], [1], {"shrink_axis_mask": 1}),
        (x, [0, 1], [0, 3], [1, 2], {"begin_mask": 1, "end_mask": 1}),
        (x, [0, 1], [0, 2], [1, 1], {"ellipsis_mask": 1}),
        (x, [0, 0, 1], [0, 0, 2], [1, 1, 1], {"ellipsis_mask": 1, "new_axis_mask": 2, "shrink_axis_mask": 4}),
        (x, [0, 2, 0], [0, 3, 0], [1, 1, 1], {"new_axis_mask": 1, "shrink_axis_mask": 2}),
        (y, [0], [0], [-1], {"begin_mask": 1, "end_mask": 1}),
        (y, [5], [1], [-2], {}),
        (y, [-20], [20], [2], {}),
        (y, [20], [-20], [-1], {}),
        (y, [-1], [-8], [-1], {}),
        (y, [3], [1], [1], {}),
        (y, [-2], [0], [1], {"end_mask": 1}),
        (y, [9], [10], [1], {"shrink_axis_mask": 1}),
    ]
    for value, begin, end, strides, masks in rows:
        yield c("StridedSlice", value, begin, end, strides, **masks)
    yield c("StridedSlice", x, i64([1]), i64([3]), i64([1]))
    yield c("StridedSliceGrad", [5, 4], [1, 0], [4, 4], [2, 1], f(2, 4))


def gather() -> Iterator[Case]:
    yield c("Gather", f(4, 3), [2, 0])
    yield c("GatherV2", f(4, 3), [[2, 0], [1, 1]], 0)
    yield c("GatherV2", f(2, 4, 3), i64([3, 1]), 1)
    yield c("GatherV2", f(2, 4, 3), [[3, 1], [0, 2]], 1, batch_dims=1)
    yield c("GatherV2", f(2, 3, 4, 2), [[3], [0]], 2, batch_dims=1)
    yield c("GatherV2", f(4), 2, 0)
    yield c("GatherV2", f(4), 4, 0)
    yield c("GatherNd", f(3, 4, 2), [[0, 1], [2, 3]])
    yield c("GatherNd", f(3, 4), i64([[[0], [2]]]))
    yield c("GatherNd", f(3), [[3]])
    yield c("ScatterNd", [[1], [3], [1]], f(3, 2), [5, 2])
    yield c("ScatterNd", i64([[0, 1], [1, 0]]), i(2), i64([2, 2]))
    for op in ("TensorScatterUpdate", "TensorScatterAdd", "TensorScatterSub", "TensorScatterMax", "TensorScatterMin"):
        yield c(op, f(5, 2), [[0], [4]], f(2, 2, seed=1))
        yield c(op, i(4), [[1], [2]], i(2, seed=1))
    yield c("ScatterNdNonAliasingAdd", f(4), [[1], [1]], f(2))
    for op in ("DynamicStitch", "ParallelDynamicStitch"):
        yield c(op, (np.array([0, 2], np.int32), np.array([[1], [3]], np.int32)), (f(2, 2), f(2, 1, 2)))
    yield c("DynamicPartition", f(5, 2), [0, 1, 0, 1, 1], num_partitions=3)


def segments() -> Iterator[Case]:
    for how in ("Sum", "Prod", "Max", "Min"):
        yield c(f"UnsortedSegment{how}", f(5, 2), [0, 2, 0, -1, 2], 4)
        yield c(f"UnsortedSegment{how}", i(2, 3), [[0, 1, 1], [2, 0, 0]], i64(4))
        yield c(f"Segment{how}", f(5, 2), [0, 0, 2, 2, 3])
    yield c("SegmentMean", f(5, 2), [0, 0, 2, 2, 3])
    for op in ("SparseSegmentSum", "SparseSegmentMean", "SparseSegmentSqrtN"):
        yield c(op, f(5, 2), [0, 4, 1, 1], [0, 0, 2, 2])
        yield c(f"{op}WithNumSegments", f(5, 2), [0, 4, 1], [0, 0, 2], 4)
    yield c("Bincount", [1, 3, 1, 9], 5, np.array([], np.float32))
    yield c("Bincount", [1, 3, 1, 0], 5, f(4))
    for binary in (False, True):
        yield c("DenseBincount", [[1, 3, 1], [0, 7, 2]], 5, np.array([], np.float32), binary_output=binary)
    yield c("DenseBincount", i64([1, 3, 1]), i64(4), f(3))
    for binary in (False, True):
        yield c("RaggedBincount", i64([0, 2, 2, 5]), [1, 0, 3, 3, 1], 4, np.array([], np.float32), binary_output=binary)


def nn() -> Iterator[Case]:
    x = f(2, 6, 7, 4)
    for padding in ("SAME", "VALID"):
        for strides in ([1, 1, 1, 1], [1, 2, 2, 1], [1, 3, 1, 1]):
            yield c("Conv2D", x, f(3, 2, 4, 5, seed=1), strides=strides, padding=padding)
            if strides[1] == strides[2]:
                yield c("DepthwiseConv2dNative", x, f(3, 3, 4, 2, seed=1), strides=strides, padding=padding)
        yield c("Conv2D", x, f(3, 3, 4, 5, seed=1), strides=[1] * 4, padding=padding, dilations=[1, 2, 2, 1])
        yield c("Conv3D", f(1, 4, 5, 4, 2), f(2, 3, 2, 2, 3, seed=1), strides=[1, 2, 1, 1, 1], padding=padding)
        yield c("Dilation2D", f(1, 5, 5, 2), f(2, 3, 2), strides=[1, 2, 1, 1], rates=[1, 1, 2, 1], padding=padding)
    yield c("Conv2D", x, f(3, 3, 2, 6, seed=1), strides=[1] * 4, padding="SAME")
    explicit = [0, 0, 2, 1, 0, 3, 0, 0]
    yield c("Conv2D", x, f(3, 3, 4, 2), strides=[1] * 4, padding="EXPLICIT", explicit_paddings=explicit)
    yield c("Conv2D", x, f(3, 3, 3, 2), strides=[1] * 4, padding="SAME")
    for size, padding, stride in ((12, "SAME", 2), (11, "SAME", 2), (13, "VALID", 2), (8, "VALID", 1), (6, "SAME", 1)):
        yield c(
            "Conv2DBackpropInput", [2, size, size, 3], f(3, 3, 3, 4), f(2, 6, 6, 4), strides=[1, stride, stride, 1],
            padding=padding,
        )  # fmt: skip
    yield c("Conv2DBackpropFilter", f(2, 6, 6, 3), [3, 3, 3, 4], f(2, 3, 3, 4), strides=[1, 2, 2, 1], padding="SAME")
    yield c(
        "Conv3DBackpropInputV2",
        [1, 6, 6, 6, 2],
        f(3, 3, 3, 2, 3),
        f(1, 3, 3, 3, 3),
        strides=[1, 2, 2, 2, 1],
        padding="SAME",
    )
    yield c(
        "Conv3DBackpropFilterV2", f(1, 4, 4, 4, 2), [2, 2, 2, 2, 3], f(1, 3, 3, 3, 3), strides=[1] * 5, padding="VALID"
    )
    yield c(
        "DepthwiseConv2dNativeBackpropInput",
        [1, 6, 6, 3],
        f(3, 3, 3, 2),
        f(1, 3, 3, 6),
        strides=[1, 2, 2, 1],
        padding="SAME",
    )
    yield c("BiasAdd", f(2, 3, 3, 4), f(4))
    yield c("BiasAdd", f(2, 4, 3, 3), f(4), data_format="NCHW")
    yield c("BiasAddV1", f(2, 4), f(4))
    yield c("BiasAddGrad", f(2, 3, 4))
    stats = f(4, low=0.5), f(4, seed=1), f(4, seed=2), f(4, low=0.5, high=2, seed=3)
    empty = np.array([], np.float32)
    for op in ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"):
        yield c(op, f(2, 3, 3, 4), *stats, is_training=False, epsilon=0.001)
        yield c(op, f(2, 3, 3, 4), stats[0], stats[1], empty, empty, is_training=True, epsilon=0.001)
    yield c("FusedBatchNormV3", f(2, 3, 3, 4), *stats, is_training=True, exponential_avg_factor=0.1)
    yield c("FusedBatchNormV3", f(2, 3, 3, 4).astype(np.float16), *stats, is_training=False)
    yield c("LRN", f(1, 2, 2, 8), depth_radius=2, bias=1.5, alpha=0.3, beta=0.6)
    for op in ("Relu", "Relu6", "Elu", "Selu", "Softplus", "Softsign"):
        yield c(op, f(3, 4) * 5)
    yield c("Relu", i(4))
    yield c("Relu", ODD[1:])
    yield c("LeakyRelu", f(4), alpha=0.3)
    for op in ("Softmax", "LogSoftmax"):
        yield c(op, f(3, 4) * 5)
        yield c(op, (f(2, 3) * 3).astype(np.float16))
    yield c("L2Loss", f(3, 4))
    for op in ("ReluGrad", "Relu6Grad", "EluGrad", "SeluGrad", "SoftplusGrad", "SoftsignGrad"):
        yield c(op, f(5), f(5, seed=1))
    yield c("LeakyReluGrad", f(5), f(5, seed=1), alpha=0.1)
    labels = np.array([[0, 1, 0], [0.2, 0.3, 0.5]], np.float32)
    yield c("SoftmaxCrossEntropyWithLogits", f(2, 3), labels)
    yield c("SparseSoftmaxCrossEntropyWithLogits", f(3, 4), [0, 3, 1])
    yield c("TopKV2", f(3, 5), 2)
    yield c("TopKV2", np.array([3, 1, 3, 2, 3], np.int32), 4)
    yield c("InTopKV2", f(3, 4), [0, 1, 3], 2)
    yield c("InTopK", f(3, 4), [0, 1, 3], k=2)
    yield c("NthElement", f(3, 5), 1, reverse=True)
    yield c("ApproxTopK", f(2, 5), k=2, is_max_k=True)
    for bits, narrow in ((8, False), (4, True)):
        yield c("FakeQuantWithMinMaxArgs", f(6) * 5, min=-3.0, max=5.0, num_bits=bits, narrow_range=narrow)
        yield c("FakeQuantWithMinMaxVars", f(6) * 5, np.float32(-3), np.float32(4), num_bits=bits, narrow_range=narrow)
    for options in ({"signed_input": True}, {"signed_input": False, "num_bits": 4}, {"narrow_range": True}):
        for given in (True, False):
            for op in ("QuantizeAndDequantizeV2", "QuantizeAndDequantizeV4"):
                yield c(op, f(2, 4), np.float32(-1.1), np.float32(1.4), range_given=given, **options)
    yield c("QuantizeAndDequantizeV2", f(2, 4), f(2, low=-2, high=-1), f(2, low=1), axis=0, round_mode="HALF_UP")
    yield c("FakeQuantWithMinMaxVarsPerChannel", f(3, 2) * 5, f(2, low=-3, high=-1), f(2, low=1, high=3))


def pool() -> Iterator[Case]:
    for padding in ("SAME", "VALID"):
        for ksize, strides in (([1, 2, 2, 1], [1, 2, 2, 1]), ([1, 3, 2, 1], [1, 2, 1, 1])):
            for op in ("MaxPool", "AvgPool"):
                yield c(op, f(2, 5, 6, 3), ksize=ksize, strides=strides, padding=padding)
            yield c("MaxPoolV2", f(2, 5, 6, 3), ksize, strides, padding=padding)
            yield c("MaxPoolWithArgmax", f(2, 5, 6, 3), ksize=ksize, strides=strides, padding=padding)
        for op in ("MaxPool3D", "AvgPool3D"):
            yield c(op, f(1, 4, 5, 4, 2), ksize=[1, 2, 3, 2, 1], strides=[1, 2, 2, 2, 1], padding=padding)
        size = [3, 3] if padding == "SAME" else [2, 3]
        x, window = f(1, 5, 6, 2), [1, 2, 2, 1]
        best = x[:, : 2 * size[0] : 2, : 2 * size[1] : 2]
        yield c("AvgPoolGrad", [1, 5, 6, 2], f(*best.shape), ksize=window, strides=window, padding=padding)
    x = f(1, 4, 4, 2)
    best = x.reshape(1, 2, 2, 2, 2, 2).max(axis=(2, 4))
    yield c("MaxPoolGrad", x, best, f(1, 2, 2, 2), ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="VALID")
    pads = [0, 0, 1, 1, 0, 1, 0, 0]
    yield c(
        "MaxPool", f(1, 4, 4, 2), ksize=[1, 2, 2, 1], strides=[1, 1, 1, 1], padding="EXPLICIT", explicit_paddings=pads
    )


def linalg() -> Iterator[Case]:
    yield c("MatMul", f(2, 3), f(3, 4))
    yield c("MatMul", f(3, 2), f(4, 3), transpose_a=True, transpose_b=True)
    yield c("MatMul", i(2, 3), i(3, 2))
    for op in ("BatchMatMul", "BatchMatMulV2"):
        yield c(op, f(2, 3, 4), f(2, 4, 5))
        yield c(op, f(2, 4, 3), f(2, 5, 4), adj_x=True, adj_y=True)
    yield c("BatchMatMulV2", f(3, 1, 2, 4), f(2, 4, 2))
    yield c("BatchMatMulV2", cplx(2, 2, 3), cplx(2, 2, 3), adj_y=True)
    yield c("BatchMatMulV3", i(2, 3, dtype=np.int8), i(3, 2, dtype=np.int8), Tout="int32")
    yield c("SparseMatMul", f(2, 3), f(3, 4))
    yield c("Einsum", (f(2, 3, 4), f(4, 5)), equation="abc,cd->abd")
    yield c("Einsum", (f(2, 3, 4), f(2, 5, 4)), equation="...ij,...kj->...ik")
    yield c("Einsum", (f(3, 3),), equation="ii->i")
    yield c("Einsum", (f(2, 3),), equation="ij->j")
    for lower, upper in ((0, -1), (-1, 0), (1, 1), (0, 0), (-1, 2)):
        yield c("MatrixBandPart", f(2, 4, 5), i64(lower), i64(upper))
    yield c("MatrixDiag", f(2, 3))
    yield c("MatrixDiagPart", f(2, 3, 4))
    yield c("MatrixSetDiag", f(2, 3, 4), f(2, 3))
    for align in ("RIGHT_LEFT", "LEFT_RIGHT", "LEFT_LEFT", "RIGHT_RIGHT"):
        yield c("MatrixDiagPartV3", f(2, 3, 4), [-1, 2], np.float32(9), align=align)
        yield c("MatrixDiagV3", f(2, 3, 3), [-1, 1], -1, -1, np.float32(9), align=align)
        yield c("MatrixSetDiagV3", f(2, 3, 4), f(2, 3, 3), [0, 2], align=align)
    yield c("MatrixDiagV3", f(2, 3), 1, 5, 4, np.float32(0))
    yield c("MatrixDiagV3", f(2, 3), -1, -1, -1, np.float32(0))
    yield c("MatrixDiagV2", f(3), 0, -1, -1, np.float32(0))
    yield c("MatrixDiagPartV2", f(3, 4), 1, np.float32(0))
    yield c("MatrixSetDiagV2", f(3, 4), f(3), 0)
    yield c("Diag", f(3))
    yield c("DiagPart", f(3, 3))
    for op in ("Cholesky", "MatrixDeterminant", "LogMatrixDeterminant", "MatrixSquareRoot", "MatrixInverse"):
        yield c(op, spd(3))
    yield c("MatrixInverse", spd(3) + f(2, 3, 3), adjoint=True)
    yield c("MatrixSolve", spd(3), f(2, 3, 2))
    yield c("MatrixSolve", spd(3) + f(2, 3, 3), f(2, 3, 2), adjoint=True)
    yield c("MatrixSolveLs", f(4, 3), f(4, 2), np.float64(0.5))
    for lower in (True, False):
        for adjoint in (True, False):
            yield c("MatrixTriangularSolve", spd(3), f(2, 3, 2), lower=lower, adjoint=adjoint)
    yield c("Qr", f(4, 3), full_matrices=False)
    yield c("Svd", f(4, 3), compute_uv=False)
    yield c("SelfAdjointEigV2", spd(3), compute_v=False)
    yield c("Eig", spd(3, 1)[0], compute_v=False, Tout="complex64")
    yield c("Lu", spd(3, 1)[0])
    yield c("TridiagonalSolve", f(3, 4, low=0.1, high=1) + np.array([[0], [4], [0]], np.float32), f(4, 2))
    yield c("TridiagonalMatMul", f(1, 4), f(1, 4, seed=1), f(1, 4, seed=2), f(4, 2, seed=3))


def image() -> Iterator[Case]:
    x = f(2, 5, 4, 3)
    for size in ([8, 9], [3, 2], [5, 4], [1, 1]):
        for flags in ({"half_pixel_centers": True}, {"align_corners": True}, {}):
            for op in ("ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic"):
                yield c(op, x, size, **flags)
        for corners in (True, False):
            yield c("ResizeArea", x, size, align_corners=corners)
    yield c("ResizeBilinear", i(1, 3, 3, 1, low=0, high=255, dtype=np.uint8), [5, 5], half_pixel_centers=True)
    yield c("ResizeNearestNeighbor", i(1, 3, 3, 1, low=0, high=255, dtype=np.uint8), [5, 5])
    for kernel in ("lanczos1", "lanczos3", "lanczos5", "gaussian", "box", "triangle", "keyscubic", "mitchellcubic"):
        for antialias in (True, False):
            scale, shift = np.array([0.6, 1.75], np.float32), np.array([0, 0], np.float32)
            yield c("ScaleAndTranslate", x, [3, 7], scale, shift, kernel_type=kernel, antialias=antialias)
    yield c(
        "ScaleAndTranslate",
        x,
        [5, 4],
        np.array([1.2, 0.7], np.float32),
        np.array([1.5, -0.5], np.float32),
        kernel_type="triangle",
    )
    rgb = f(2, 3, 3, 3, low=0, high=1)
    yield c("RGBToHSV", rgb)
    yield c("HSVToRGB", rgb)
    yield c("AdjustContrastv2", rgb, np.float32(1.7))
    yield c("AdjustHue", rgb, np.float32(0.3))
    yield c("AdjustSaturation", rgb, np.float32(1.5))
    boxes = np.array([[0, 0, 1, 1], [0.2, 0.6, 1.3, -0.1]], np.float32)
    for method in ("bilinear", "nearest"):
        yield c("CropAndResize", x, boxes, [1, 0], [3, 4], method=method, extrapolation_value=0.5)
    yield c("CropAndResize", x, boxes, [1, 0], [1, 1])
    turn = np.array([[0.9, 0.2, 0.3, -0.1, 1.1, 0.4, 0.01, 0.0]], np.float32)
    for mode in ("CONSTANT", "REFLECT", "WRAP", "NEAREST"):
        for interpolation in ("BILINEAR", "NEAREST"):
            options = {"interpolation": interpolation, "fill_mode": mode}
            yield c("ImageProjectiveTransformV3", x, turn, [6, 5], np.float32(0.5), **options)
    yield c("ImageProjectiveTransformV2", x, turn, [5, 4], interpolation="BILINEAR")


def signal() -> Iterator[Case]:
    for op in ("FFT", "IFFT", "FFT2D", "IFFT2D", "FFT3D", "IFFT3D"):
        yield c(op, cplx(2, 4, 6))
    for name, length in (("", [6]), ("2D", [4, 6]), ("3D", [2, 4, 6])):
        yield c(f"RFFT{name}", f(2, 4, 6), length)
        yield c(f"IRFFT{name}", cplx(2, 4, 4), length)
    yield c("RFFT", f(2, 6), [8])
    yield c("AudioSpectrogram", f(40, 2), window_size=8, stride=4, magnitude_squared=True)


def sparse() -> Iterator[Case]:
    where, values, shape = i64([[0, 1], [2, 0], [2, 3]]), f(3), i64([4, 5])
    yield c("SparseToDense", where, shape, values, np.float32(7))
    yield c("SparseToDense", np.array([1, 3], np.int32), np.array([5], np.int32), np.int32(4), np.int32(0))
    for adjoint_a in (False, True):
        for adjoint_b in (False, True):
            b = f(4 if adjoint_a else 5, 2)
            flags = {"adjoint_a": adjoint_a, "adjoint_b": adjoint_b}
            yield c("SparseTensorDenseMatMul", where, values, shape, b.T if adjoint_b else b, **flags)
    yield c("SparseReshape", where, shape, i64([2, -1]))
    yield c("SparseFillEmptyRows", where, values, shape, np.float32(9))
    yield c("SparseReorder", where[::-1].copy(), values, shape)
    yield c("SparseSlice", where, values, shape, i64([1, 0]), i64([2, 4]))
    for axis in (0, 1):
        yield c("SparseConcat", (where, where), (values, values + 1), (shape, shape), concat_dim=axis)
    yield c("SparseAdd", where, values, shape, i64([[0, 1], [1, 1]]), f(2, seed=1), shape, np.float32(0))
    yield c("SparseTensorDenseAdd", where, values, shape, f(4, 5, seed=1))
    yield c("SparseReduceSum", where, values, shape, np.array([1], np.int32), keep_dims=True)
    yield c("SparseReduceSum", where, values, shape, np.array([0], np.int32))
    yield c("SparseSoftmax", where, values, shape)
    for binary in (False, True):
        yield c(
            "DenseCountSparseOutput", np.array([[1, 3, 1], [0, 7, 2]], np.int32), np.array([], np.float32),
            binary_output=binary, minlength=2, maxlength=5,
        )  # fmt: skip
    yield c("DenseCountSparseOutput", np.array([1, 3, 1], np.int32), f(3), binary_output=False)
    yield c("RaggedRange", i64([0, 5, 8]), i64([3, 5, 2]), i64([1, 1, -3]))
    yield c("RaggedTensorToSparse", (i64([0, 2, 3]), i64([0, 1, 1, 4])), f(4, 2))
    splits = i64([0, 2, 2, 5])
    for target in (i64([-1, -1]), i64([-1, 2]), i64([4, 4])):
        yield c("RaggedTensorToTensor", target, f(5), np.float32(9), (splits,), row_partition_types=["ROW_SPLITS"])
    kinds = ["FIRST_DIM_SIZE", "VALUE_ROWIDS"]
    yield c(
        "RaggedTensorToTensor",
        i64([-1, -1, 2]),
        f(3, 2),
        np.float32(0),
        (i64(4), i64([0, 0, 2])),
        row_partition_types=kinds,
    )
    deep = (i64([0, 2, 3]), i64([0, 1, 1, 4]))
    yield c(
        "RaggedTensorToTensor", i64([-1, -1, -1]), f(4), np.float32(0), deep, row_partition_types=["ROW_SPLITS"] * 2
    )
    yield c("RaggedGather", (splits,), f(5, 2), i64([2, 0]), OUTPUT_RAGGED_RANK=1)
    yield c("RaggedGather", (splits,), f(5), i64([[2, 0], [1, 2]]), OUTPUT_RAGGED_RANK=2)


def boxes() -> Iterator[Case]:
    corners = np.array(
        [[0, 0, 1, 1], [0, 0.1, 1, 1.1], [0, -0.1, 1, 0.9], [0, 10, 1, 11], [1, 11, 0, 10.2]], np.float32
    )
    scores = np.array([0.9, 0.75, 0.6, 0.95, 0.5], np.float32)
    yield c("NonMaxSuppression", corners, scores, 3, iou_threshold=0.5)
    yield c("NonMaxSuppressionV2", corners, scores, 3, np.float32(0.9))
    for least in (0.0, 0.7):
        limits = np.float32(0.5), np.float32(least)
        yield c("NonMaxSuppressionV3", corners, scores, 3, *limits)
        for pad in (True, False):
            yield c("NonMaxSuppressionV4", corners, scores, 5, *limits, pad_to_max_output_size=pad)
            for sigma in (0.0, 0.5):
                yield c(
                    "NonMaxSuppressionV5", corners, scores, 5, *limits, np.float32(sigma), pad_to_max_output_size=pad
                )


GROUPS.update(
    {
        "math": list(math()),
        "array": list(array_ops()),
        "gather": list(gather()),
        "segments": list(segments()),
        "nn": list(nn()),
        "pool": list(pool()),
        "linalg": list(linalg()),
        "image": list(image()),
        "signal": list(signal()),
        "sparse": list(sparse()),
        "boxes": list(boxes()),
    }
)
