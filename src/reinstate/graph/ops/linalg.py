# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Matrices: products, diagonals, decompositions."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import jax.scipy.linalg as decompositions
import numpy as np
from jax import lax

from reinstate.graph.rules import Static, check_size, ints, native, op, require, row


def _turned(x: Any, transpose: bool, conjugate: bool, xp: Any) -> Any:
    x = xp.swapaxes(x, -1, -2) if transpose or conjugate else x
    return xp.conj(x) if conjugate and x.dtype.kind == "c" else x


@op("MatMul", ignore="grad_a grad_b")
def matmul(a, b, *, transpose_a, transpose_b, xp):
    require(np.ndim(a) == np.ndim(b) == 2, f"the shapes {a.shape} and {b.shape}")
    return xp.matmul(_turned(a, transpose_a, False, xp), _turned(b, transpose_b, False, xp))


@op("BatchMatMul", "BatchMatMulV2", ignore="grad_x grad_y")
def batch_matmul(x, y, *, adj_x, adj_y, xp):
    return xp.matmul(_turned(x, False, adj_x, xp), _turned(y, False, adj_y, xp))


@op("BatchMatMulV3", ignore="grad_x grad_y")
def batch_matmul_v3(x, y, *, adj_x, adj_y, Tout):
    out = native(Tout)
    return jnp.matmul(_turned(x, False, adj_x, jnp).astype(out), _turned(y, False, adj_y, jnp).astype(out))


@op("SparseMatMul", ignore="a_is_sparse b_is_sparse")
def sparse_matmul(a, b, *, transpose_a, transpose_b):
    wide = [x.astype(jnp.float32) for x in (a, b)]
    return jnp.matmul(_turned(wide[0], transpose_a, False, jnp), _turned(wide[1], transpose_b, False, jnp))


@op("Einsum")
def einsum(*inputs, equation, xp):
    return xp.einsum(equation.replace(" ", ""), *inputs)


@op("MatrixBandPart")
def matrix_band_part(input, num_lower: Static, num_upper: Static, *, xp):
    rows, columns = input.shape[-2:]
    (lower,), (upper,) = ints(num_lower), ints(num_upper)
    difference = np.arange(rows)[:, None] - np.arange(columns)[None, :]
    band = ((lower < 0) | (difference <= lower)) & ((upper < 0) | (-difference <= upper))
    return xp.where(band, input, xp.zeros((), input.dtype))


def _band(k: Static) -> tuple[int, int]:
    ends = ints(k)
    require(len(ends) in (1, 2) and ends[0] <= ends[-1], f"the diagonals {list(ends)}")
    return ends[0], ends[-1]


def _diagonal_places(rows: int, columns: int, band: tuple[int, int], align: str) -> tuple[Any, Any, Any, int]:
    """Per element of a matrix: its diagonal's number, its place there, whether it is of the band; and the width."""
    lower, upper = band
    i, j = np.arange(rows)[:, None], np.arange(columns)[None, :]
    diagonal = j - i
    lengths = {d: max(min(rows + min(d, 0), columns - max(d, 0)), 0) for d in range(lower, upper + 1)}
    width = max(lengths.values())
    left_above, left_below = align.startswith("LEFT"), align.endswith("LEFT")
    shift = {
        d: 0 if (d >= 0 and left_above) or (d <= 0 and left_below) else width - length for d, length in lengths.items()
    }
    inside = (diagonal >= lower) & (diagonal <= upper)
    shifts = np.vectorize(lambda d: shift.get(d, 0), otypes=[np.int64])(diagonal) if diagonal.size else diagonal
    return np.where(inside, upper - diagonal, 0), np.where(inside, np.minimum(i, j) + shifts, 0), inside, width


def _from_diagonals(diagonal: Any, k: Static, shape: tuple[int, int], align: str, base: Any) -> Any:
    band = _band(k)
    numbers, places, inside, width = _diagonal_places(*shape, band, align)
    if band[0] == band[1]:
        diagonal = diagonal[..., None, :]
    require(diagonal.shape[-1] == width and diagonal.shape[-2] == band[1] - band[0] + 1, f"{diagonal.shape}")
    return jnp.where(inside, diagonal[..., numbers, places], base)


@op("MatrixDiagV2")
def matrix_diag_v2(diagonal, k: Static, num_rows: Static, num_cols: Static, padding_value):
    return _matrix_diag(diagonal, k, num_rows, num_cols, padding_value, "LEFT_LEFT")


@op("MatrixDiagV3")
def matrix_diag_v3(diagonal, k: Static, num_rows: Static, num_cols: Static, padding_value, *, align):
    return _matrix_diag(diagonal, k, num_rows, num_cols, padding_value, align)


def _matrix_diag(diagonal: Any, k: Static, num_rows: Static, num_cols: Static, padding: Any, align: str) -> Any:
    lower, upper = _band(k)
    (rows,), (columns,) = ints(num_rows), ints(num_cols)
    least_rows = diagonal.shape[-1] - min(upper, 0)
    least_columns = diagonal.shape[-1] + max(lower, 0)
    if rows == columns == -1:
        rows = columns = max(least_rows, least_columns)
    rows = least_rows if rows == -1 else rows
    columns = least_columns if columns == -1 else columns
    check_size((*diagonal.shape[:-1], rows, columns))
    return _from_diagonals(diagonal, k, (rows, columns), align, padding)


@op("MatrixDiag")
def matrix_diag(diagonal):
    return _from_diagonals(diagonal, np.array(0), (diagonal.shape[-1],) * 2, "LEFT_LEFT", 0)


@op("MatrixDiagPartV2")
def matrix_diag_part_v2(input, k: Static, padding_value):
    return _diagonals(input, k, padding_value, "LEFT_LEFT")


@op("MatrixDiagPartV3")
def matrix_diag_part_v3(input, k: Static, padding_value, *, align):
    return _diagonals(input, k, padding_value, align)


@op("MatrixDiagPart")
def matrix_diag_part(input):
    return jnp.diagonal(input, axis1=-2, axis2=-1)


def _diagonals(x: Any, k: Static, padding: Any, align: str) -> Any:
    band = _band(k)
    rows, columns = x.shape[-2:]
    numbers, places, inside, width = _diagonal_places(rows, columns, band, align)
    source = np.full((band[1] - band[0] + 1, width), -1, np.int64)
    flat = np.arange(rows * columns).reshape(rows, columns)
    source[numbers[inside], places[inside]] = flat[inside]
    values = x.reshape(*x.shape[:-2], rows * columns)[..., np.maximum(source, 0)]
    result = jnp.where(source >= 0, values, padding)
    return result[..., 0, :] if band[0] == band[1] else result


@op("MatrixSetDiag")
def matrix_set_diag(input, diagonal):
    return _from_diagonals(diagonal, np.array(0), input.shape[-2:], "LEFT_LEFT", input)


@op("MatrixSetDiagV2")
def matrix_set_diag_v2(input, diagonal, k: Static):
    return _from_diagonals(diagonal, k, input.shape[-2:], "LEFT_LEFT", input)


@op("MatrixSetDiagV3")
def matrix_set_diag_v3(input, diagonal, k: Static, *, align):
    return _from_diagonals(diagonal, k, input.shape[-2:], align, input)


@op("Diag")
def diag(diagonal):
    size = diagonal.size
    return jnp.diag(diagonal.reshape(-1)).reshape(*diagonal.shape, *diagonal.shape) if size else diagonal


@op("DiagPart")
def diag_part(input):
    half = input.shape[: input.ndim // 2]
    return jnp.diagonal(input.reshape(int(np.prod(half)), -1)).reshape(half)


row("Cholesky", lambda xp, x: jnp.linalg.cholesky(jnp.asarray(x)))
row("MatrixDeterminant", lambda xp, x: jnp.linalg.det(jnp.asarray(x)))
row("LogMatrixDeterminant", lambda xp, x: tuple(jnp.linalg.slogdet(jnp.asarray(x))))


@op("MatrixSquareRoot")
def matrix_square_root(input):
    root = jnp.vectorize(decompositions.sqrtm, signature="(n,n)->(n,n)")(input)
    return root if input.dtype.kind == "c" else jnp.real(root).astype(input.dtype)


@op("MatrixInverse")
def matrix_inverse(input, *, adjoint):
    return jnp.linalg.inv(_turned(input, False, adjoint, jnp))


@op("MatrixSolve")
def matrix_solve(matrix, rhs, *, adjoint):
    return jnp.linalg.solve(_turned(matrix, False, adjoint, jnp), rhs)


@op("MatrixTriangularSolve")
def matrix_triangular_solve(matrix, rhs, *, lower, adjoint):
    batch = np.broadcast_shapes(matrix.shape[:-2], rhs.shape[:-2])
    a = jnp.broadcast_to(matrix, (*batch, *matrix.shape[-2:]))
    b = jnp.broadcast_to(rhs, (*batch, *rhs.shape[-2:]))
    return lax.linalg.triangular_solve(
        a, b, left_side=True, lower=lower, transpose_a=adjoint, conjugate_a=adjoint and a.dtype.kind == "c"
    )


@op("MatrixSolveLs", ignore="fast")
def matrix_solve_ls(matrix, rhs, l2_regularizer):
    adjoint = _turned(matrix, False, True, jnp)
    gram = adjoint @ matrix + l2_regularizer.astype(matrix.dtype) * jnp.eye(matrix.shape[-1], dtype=matrix.dtype)
    return jnp.linalg.solve(gram, adjoint @ rhs)


@op("Qr")
def qr(input, *, full_matrices):
    return tuple(jnp.linalg.qr(input, mode="complete" if full_matrices else "reduced"))


@op("Svd")
def svd(input, *, compute_uv, full_matrices):
    if not compute_uv:
        empty = jnp.zeros((0,), input.dtype)
        return jnp.linalg.svd(input, compute_uv=False), empty, empty
    u, s, vh = jnp.linalg.svd(input, full_matrices=full_matrices)
    return s, u, _turned(vh, False, True, jnp)


@op("SelfAdjointEigV2")
def self_adjoint_eig(input, *, compute_v):
    if not compute_v:
        return jnp.linalg.eigvalsh(input, UPLO="L"), jnp.zeros((0,), input.dtype)
    return tuple(jnp.linalg.eigh(input, UPLO="L", symmetrize_input=False))


@op("Eig")
def eig(input, *, compute_v, Tout):
    if not compute_v:
        return jnp.linalg.eigvals(input).astype(native(Tout)), jnp.zeros((0,), native(Tout))
    values, vectors = jnp.linalg.eig(input)
    return values.astype(native(Tout)), vectors.astype(native(Tout))


@op("Lu")
def lu(input, *, output_idx_type):
    packed, _, order = lax.linalg.lu(input)
    return packed, order.astype(native(output_idx_type))


@op("TridiagonalSolve", ignore="partial_pivoting perturb_singular")
def tridiagonal_solve(diagonals, rhs):
    upper, main, lower = (diagonals[..., i, :] for i in range(3))
    size = main.shape[-1]
    full = main[..., None] * jnp.eye(size, dtype=main.dtype)
    full = full + upper[..., None] * jnp.eye(size, k=1, dtype=main.dtype)
    full = full + lower[..., None] * jnp.eye(size, k=-1, dtype=main.dtype)
    return jnp.linalg.solve(full, rhs)


@op("TridiagonalMatMul")
def tridiagonal_matmul(superdiag, maindiag, subdiag, rhs):
    above = jnp.roll(rhs, -1, axis=-2).at[..., -1, :].set(0)
    below = jnp.roll(rhs, 1, axis=-2).at[..., 0, :].set(0)
    parts = (superdiag, above), (maindiag, rhs), (subdiag, below)
    return sum((jnp.swapaxes(d, -1, -2) * v for d, v in parts[1:]), jnp.swapaxes(parts[0][0], -1, -2) * parts[0][1])
