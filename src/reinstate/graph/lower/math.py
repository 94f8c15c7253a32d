# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Arithmetic, comparisons, bits. Operands are broadcast by TensorFlow where jax broadcast them before."""

from __future__ import annotations

import numpy as np

from reinstate import dtypes
from reinstate.graph.lowering import dtype_of, lower, named

_UNSIGNED = {"int8": "uint8", "int16": "uint16", "int32": "uint32", "int64": "uint64"}
_FLOATS = ("float16", "bfloat16", "float32", "float64")

_UNARY = {
    "abs": "Abs",
    "acos": "Acos",
    "acosh": "Acosh",
    "asin": "Asin",
    "asinh": "Asinh",
    "atan": "Atan",
    "atanh": "Atanh",
    "bessel_i0e": "BesselI0e",
    "bessel_i1e": "BesselI1e",
    "ceil": "Ceil",
    "conj": "Conj",
    "cos": "Cos",
    "cosh": "Cosh",
    "digamma": "Digamma",
    "erf": "Erf",
    "erfc": "Erfc",
    "erf_inv": "Erfinv",
    "exp": "Exp",
    "expm1": "Expm1",
    "floor": "Floor",
    "is_finite": "IsFinite",
    "lgamma": "Lgamma",
    "log": "Log",
    "log1p": "Log1p",
    "logistic": "Sigmoid",
    "neg": "Neg",
    "rsqrt": "Rsqrt",
    "sign": "Sign",
    "sin": "Sin",
    "sinh": "Sinh",
    "sqrt": "Sqrt",
    "square": "Square",
    "stop_gradient": "StopGradient",
    "tan": "Tan",
    "tanh": "Tanh",
}
_BINARY = {
    "add": "AddV2",
    "add_any": "AddV2",
    "atan2": "Atan2",
    "eq": "Equal",
    "ge": "GreaterEqual",
    "gt": "Greater",
    "igamma": "Igamma",
    "igammac": "Igammac",
    "le": "LessEqual",
    "lt": "Less",
    "min": "Minimum",
    "mul": "Mul",
    "ne": "NotEqual",
    "nextafter": "NextAfter",
    "polygamma": "Polygamma",
    "pow": "Pow",
    "sub": "Sub",
    "zeta": "Zeta",
}
_LOGICAL = {
    "and": ("LogicalAnd", "BitwiseAnd"),
    "or": ("LogicalOr", "BitwiseOr"),
    "xor": ("NotEqual", "BitwiseXor"),
}


def narrowed(*operands):
    """The operands without the broadcasts that the op does by itself: one must keep the whole shape."""
    whole = _whole(operands)
    kept = [each.narrow is None and tuple(each.shape) == whole for each in operands]
    if not any(kept):
        kept = [tuple(each.shape) == whole for each in operands]
        kept = [keep and not any(kept[:i]) for i, keep in enumerate(kept)]
    return [each if keep or each.narrow is None else each.narrow for each, keep in zip(operands, kept, strict=True)]


def _whole(operands):
    """The shape that comes of them together; jax, too, broadcasts axes of size 1."""
    shapes = [each.shape for each in operands if each.rank]
    return tuple(next((n for n in sizes if not _is_one(n)), 1) for sizes in zip(*shapes, strict=True))


def _is_one(size):
    return isinstance(size, int | np.integer) and size == 1


def _elementwise(op, arity):
    if arity == 1:
        return lambda g, x: g(op, x)
    return lambda g, x, y: g(op, *narrowed(x, y))


for _primitive, _op in _UNARY.items():
    lower(_primitive)(_elementwise(_op, 1))
for _primitive, _op in _BINARY.items():
    lower(_primitive)(_elementwise(_op, 2))


def _logical(boolean, bits):
    return lambda g, x, y: g(boolean if named(x, "bool") else bits, *narrowed(x, y))


for _primitive, _ops in _LOGICAL.items():
    lower(_primitive)(_logical(*_ops))


@lower("not")
def invert(g, x):
    return g("LogicalNot" if named(x, "bool") else "Invert", x)


@lower("copy", "copy_p")
def copy(g, x):
    return g("Identity", x)


@lower("optimization_barrier")
def optimization_barrier(g, *xs):
    return xs


@lower("max")
def maximum(g, x, y):
    for one, other in ((x, y), (y, x)):
        if one.value is not None and not one.value.any() and other.narrow is None and named(x, *_FLOATS):
            return g("Relu", other)
    return g("Maximum", *narrowed(x, y))


@lower("div")
def div(g, x, y):
    x, y = narrowed(x, y)
    if named(x, "uint32"):
        return _in_64_bits(g, "TruncateDiv", x, y)
    return g("RealDiv" if named(x, *_FLOATS, "complex64", "complex128") else "TruncateDiv", x, y)


@lower("rem")
def rem(g, x, y):
    x, y = narrowed(x, y)
    return g("TruncateMod", x, y) if named(x, *_FLOATS, "int32", "int64") else _in_64_bits(g, "TruncateMod", x, y)


def _in_64_bits(g, op, x, y):
    """An op that TensorFlow, or an old one, does not have for small or unsigned integers."""
    wide = [g("Cast", each, DstT=dtypes.from_name("int64")) for each in (x, y)]
    return g("Cast", g(op, *wide), DstT=x.dtype)


@lower("integer_pow")
def integer_pow(g, x, *, y):
    if y < 0:
        return g("Reciprocal", integer_pow(g, x, y=-y))
    made = None
    square = x
    while y:
        if y & 1:
            made = square if made is None else g("Mul", made, square)
        y >>= 1
        if y:
            square = g("Square", square)
    return g("OnesLike", x) if made is None else made


@lower("exp2")
def exp2(g, x):
    return g("Pow", np.asarray(2, x.dtype.numpy), x)


@lower("cbrt")
def cbrt(g, x):
    return g("Mul", g("Sign", x), g("Pow", g("Abs", x), np.asarray(1 / 3, x.dtype.numpy)))


@lower("round")
def round_(g, x, *, rounding_method):
    to_even = int(rounding_method) == 1
    return g("Round", x) if to_even else _away(g, x)


def _away(g, x):
    """Halves away from zero: by the part behind the point, since adding 0.5 rounds by itself."""
    size = g("Abs", x)
    whole = g("Floor", size)
    up = g("GreaterEqual", g("Sub", size, whole), np.asarray(0.5, x.dtype.numpy))
    return g("Mul", g("Sign", x), g("AddV2", whole, g("Cast", up, DstT=x.dtype)))


@lower("convert_element_type")
def convert_element_type(g, x, *, new_dtype):
    wanted = dtype_of(new_dtype)
    return x if x.dtype is wanted else g("Cast", x, DstT=wanted)


@lower("bitcast_convert_type")
def bitcast_convert_type(g, x, *, new_dtype):
    return g("Bitcast", x, type=dtype_of(new_dtype))


@lower("select_n")
def select_n(g, which, *cases):
    if named(which, "bool"):
        otherwise, then = cases
        whole = [each for each in (which, otherwise, then) if each.narrow is None and each.rank]
        if whole:
            which, then, otherwise = (each.narrow or each for each in (which, then, otherwise))
        return g("SelectV2", which, then, otherwise)
    made = cases[-1]
    for number in range(len(cases) - 2, -1, -1):
        made = g("SelectV2", g("Equal", which, np.int32(number)), cases[number], made)
    return made


@lower("clamp")
def clamp(g, low, x, high):
    return g("Minimum", g("Maximum", x, low.narrow or low), high.narrow or high)


@lower("shift_left")
def shift_left(g, x, y):
    x, y = narrowed(x, y)
    return _shifted(g, "LeftShift", x, y, np.zeros((), x.dtype.numpy))


@lower("shift_right_logical")
def shift_right_logical(g, x, y):
    x, y = narrowed(x, y)
    unsigned = dtypes.from_name(_UNSIGNED.get(x.dtype.name, x.dtype.name))
    bits, by = (each if each.dtype is unsigned else g("Bitcast", each, type=unsigned) for each in (x, y))
    made = _shifted(g, "RightShift", bits, by, np.zeros((), unsigned.numpy), y.value)
    return made if x.dtype is unsigned else g("Bitcast", made, type=x.dtype)


@lower("shift_right_arithmetic")
def shift_right_arithmetic(g, x, y):
    x, y = narrowed(x, y)
    most = np.asarray(8 * x.dtype.size - 1, x.dtype.numpy)
    fits = y.value is not None and bool(((y.value >= 0) & (y.value <= most)).all())
    return g("RightShift", x, y if fits else _clipped(g, y, most))


def _clipped(g, y, most):
    """A number of bits, those that are too many or negative as many as there are."""
    inside = g("LogicalAnd", g("GreaterEqual", y, np.zeros((), y.dtype.numpy)), g("LessEqual", y, most))
    return g("SelectV2", inside, y, most)


def _shifted(g, op, x, y, nothing, value=None):
    """A shift whose result is ``nothing`` where all bits leave; the op says nothing of that case."""
    value = y.value if value is None else value
    width = 8 * x.dtype.size
    if value is not None and bool(((value >= 0) & (value < width)).all()):
        return g(op, x, y)
    most = np.asarray(width - 1, x.dtype.numpy)
    clipped = _clipped(g, y, most)
    return g("SelectV2", g("Equal", clipped, y), g(op, x, clipped), nothing)


@lower("population_count")
def population_count(g, x):
    unsigned = dtypes.from_name(_UNSIGNED.get(x.dtype.name, x.dtype.name))
    bits = x if x.dtype is unsigned else g("Bitcast", x, type=unsigned)
    return g("Cast", g("PopulationCount", bits), DstT=x.dtype)


@lower("real")
def real(g, x):
    return g("Real", x, Tout=_part(x))


@lower("imag")
def imag(g, x):
    return g("Imag", x, Tout=_part(x))


def _part(x):
    return dtypes.from_name("float64" if named(x, "complex128") else "float32")


@lower("complex")
def complex_(g, x, y):
    whole = dtypes.from_name("complex128" if named(x, "float64") else "complex64")
    return g("Complex", *narrowed(x, y), Tout=whole)


@lower("lt_to")
def lt_to(g, x, y):
    return g("Less", *(_ordered(g, each) for each in narrowed(x, y)))


@lower("le_to")
def le_to(g, x, y):
    return g("LessEqual", *(_ordered(g, each) for each in narrowed(x, y)))


def _ordered(g, x):
    """Floats as integers in the same order, NaN last; other types as they are."""
    if not named(x, *_FLOATS):
        return x
    signed = dtypes.from_name(f"int{8 * x.dtype.size}")
    bits = g("Bitcast", x, type=signed)
    most = np.asarray(np.iinfo(signed.numpy).max, signed.numpy)
    negative = g("Less", bits, np.zeros((), signed.numpy))
    return g("SelectV2", negative, g("BitwiseXor", bits, most), bits)


@lower("is_nan")
def is_nan(g, x):
    return g("IsNan", x)
