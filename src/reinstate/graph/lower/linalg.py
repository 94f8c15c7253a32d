# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Products and decompositions of matrices."""

from __future__ import annotations

from dataclasses import replace

from reinstate import dtypes
from reinstate.errors import UnsupportedError
from reinstate.graph.lowering import dtype_of, ints, lower, named, vector

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@lower("dot_general")
def dot_general(g, x, y, *, dimension_numbers, preferred_element_type, out):
    """The results' axes are those of the batch, those that are left of ``x``, those that are left of ``y``."""
    (contracted, batch) = (tuple(map(ints, pair)) for pair in dimension_numbers)
    wanted = dtype_of(out.dtype)
    x, y = (_cast(g, each, wanted) for each in (x, y))
    if x.rank == y.rank == 2 and not batch[0] and len(contracted[0]) == 1:
        return g("MatMul", x, y, transpose_a=contracted[0] == [0], transpose_b=contracted[1] == [1])
    if named(x, "int8", "uint8", "int16", "uint16", "uint32", "bool"):
        raise UnsupportedError(f"a product of tensors of type {x.dtype}")
    return g("Einsum", [x, y], equation=_equation(x.rank, y.rank, contracted, batch))


def _cast(g, x, dtype):
    return x if x.dtype is dtype else replace(g("Cast", x, DstT=dtype), shape=x.shape)


def _equation(left, right, contracted, batch):
    x = list(_LETTERS[:left])
    y = list(_LETTERS[left : left + right])
    for pair in (batch, contracted):
        for i, j in zip(*pair, strict=True):
            y[j] = x[i]
    shared = [x[i] for i in batch[0]]
    gone = {x[i] for i in contracted[0]}
    kept = [letter for letter in (*x, *y) if letter not in gone and letter not in shared]
    return f"{''.join(x)},{''.join(y)}->{''.join((*shared, *kept))}"


@lower("cholesky")
def cholesky(g, x, *, symmetrize_input=None):
    return g("Cholesky", x)


@lower("triangular_solve")
def triangular_solve(g, a, b, *, left_side, lower, transpose_a, conjugate_a, unit_diagonal):
    if unit_diagonal:
        ones = g("OnesLike", g("MatrixDiagPart", a))
        a = replace(g("MatrixSetDiag", a, ones), shape=a.shape)
    if not left_side:  # x a = b is aT xT = bT
        a, b = _swapped(g, a), _swapped(g, b)
        lower = not lower
    solved = g("MatrixTriangularSolve", a, b, lower=lower, adjoint=bool(transpose_a))
    return solved if left_side else _swapped(g, replace(solved, shape=b.shape))


def _swapped(g, x):
    order = [*range(x.rank - 2), x.rank - 1, x.rank - 2]
    shape = tuple(x.shape[axis] for axis in order)
    return replace(g("Transpose", x, vector(order)), shape=shape)


@lower("qr")
def qr(g, x, *, pivoting, full_matrices, use_magma=None):
    if pivoting:
        raise UnsupportedError("pivoting=True")
    return g("Qr", x, full_matrices=full_matrices)


@lower("svd", ignore="algorithm")
def svd(g, x, *, full_matrices, compute_uv, subset_by_index):
    values, left, right = g("Svd", x, full_matrices=full_matrices, compute_uv=compute_uv)
    if not compute_uv:
        return (values,)
    order = [*range(x.rank - 2), x.rank - 1, x.rank - 2]
    return values, left, g("Transpose", right, vector(order))


@lower("eigh", ignore="algorithm implementation sort_eigenvalues")
def eigh(g, x, *, lower, subset_by_index):
    if not lower:
        x = _swapped(g, x)
    values, vectors = g("SelfAdjointEigV2", x)
    return vectors, values


@lower("lu")
def lu(g, x):
    """Packed factors, the rows that were exchanged, and the permutation. TensorFlow has no word for the second."""

    def exchanged():
        raise UnsupportedError(
            "lu: the rows that were exchanged (determinants count them) are in no op of TensorFlow's"
        )

    factors, permutation = g("Lu", x, output_idx_type=dtypes.from_name("int32"))
    return factors, exchanged, permutation


@lower("custom_linear_solve", ignore="devices")
def custom_linear_solve(g, *operands, const_lengths, jaxprs, inline):
    """A solver with rules for its derivative: what is run is the solver, on its constants and the right side."""
    before = const_lengths.matvec + const_lengths.vecmat
    constants = operands[before : before + const_lengths.solve]
    return inline(g, jaxprs.solve, [*constants, *operands[sum(const_lengths) :]])
