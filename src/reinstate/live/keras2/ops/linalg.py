"""``tf.linalg``: products, norms, decompositions, diagonals."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from reinstate.errors import UnsupportedError
from reinstate.live.keras2.ops.table import alike, axes, dtype_of, function, is_tensor, shape, tensor, unary


def _turn(x: Any, transpose: Any, adjoint: Any) -> Any:
    if adjoint:
        x = jnp.conj(x)
    return jnp.swapaxes(x, -1, -2) if transpose or adjoint else x


@function("linalg.matmul", "matmul")
def matmul(
    a: Any,
    b: Any,
    transpose_a: Any = False,
    transpose_b: Any = False,
    adjoint_a: Any = False,
    adjoint_b: Any = False,
    a_is_sparse: Any = False,
    b_is_sparse: Any = False,
    output_type: Any = None,
    grad_a: Any = False,
    grad_b: Any = False,
) -> Any:
    """The product of matrices, which may be transposed or conjugated first."""
    a, b = alike(a, b)
    result = jnp.matmul(_turn(a, transpose_a, adjoint_a), _turn(b, transpose_b, adjoint_b))
    return result if output_type is None else result.astype(dtype_of(output_type))


@function("linalg.matvec")
def matvec(
    a: Any, b: Any, transpose_a: Any = False, adjoint_a: Any = False, a_is_sparse: Any = False, b_is_sparse: Any = False
) -> Any:
    """The product of a matrix and a vector."""
    a, b = alike(a, b)
    return jnp.matmul(_turn(a, transpose_a, adjoint_a), b[..., None])[..., 0]


@function("tensordot", "linalg.tensordot")
def tensordot(a: Any, b: Any, axes: Any) -> Any:
    """The product over some axes: the last of one and the first of the other, or those listed."""
    over: Any = axes if isinstance(axes, int) else [shape(each) for each in axes]
    a, b = alike(a, b)
    return jnp.tensordot(a, b, over)


@function("einsum", "linalg.einsum")
def einsum(equation: Any, inputs: Any) -> Any:
    """Einstein's sum; Keras 2 keeps only the equation, so that no file can be computed from."""
    return jnp.einsum(equation, *inputs)


_ORDERS: dict[Any, float] = {"1": 1, "2": 2, "inf": jnp.inf}


@function("norm", "linalg.norm")
def norm(tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: Any = None) -> Any:
    """The norm of vectors (one axis, or all) or of matrices (two)."""
    over, keep = axes(axis), bool(keepdims)
    matrix = isinstance(over, tuple) and len(over) == 2
    if ord == "euclidean" or (ord == "fro" and matrix) or (ord == 2 and not matrix):
        return jnp.sqrt(jnp.sum(jnp.square(jnp.abs(tensor)), over, keepdims=keep))
    if over is None:
        flat = jnp.linalg.norm(tensor.reshape(-1), _ORDERS.get(str(ord), ord))
        return flat.reshape((1,) * tensor.ndim) if keep else flat
    axis = over[0] if isinstance(over, tuple) and len(over) == 1 else over
    return jnp.linalg.norm(tensor, _ORDERS.get(str(ord), ord), axis, keep)


@function("clip_by_norm")
def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None) -> Any:
    """Values shortened to a length, along axes, where they are longer."""
    t, limit = alike(t, clip_norm)
    squares = jnp.sum(jnp.square(t), None if axes is None else shape(axes), keepdims=True)
    length = jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, 1)), squares)
    return t * limit / jnp.maximum(length, limit)


@function("linalg.normalize")
def normalize(tensor: Any, ord: Any = "euclidean", axis: Any = None) -> Any:
    """Values of norm one, and the norm."""
    length = norm(tensor, ord, axis, True)
    return tensor / length, length


unary("x", {"linalg.trace": lambda x: jnp.trace(x, axis1=-2, axis2=-1)})
unary(
    "input",
    {
        "linalg.det": jnp.linalg.det,
        "linalg.cholesky": jnp.linalg.cholesky,
        "linalg.expm": jax.scipy.linalg.expm,
        "linalg.tensor_diag_part": lambda x: jnp.diagonal(x) if x.ndim == 2 else _tensor_diagonal(x),
    },
)
unary("matrix", {"linalg.logdet": lambda x: 2 * jnp.sum(jnp.log(_diagonal(jnp.linalg.cholesky(x))), -1)})
unary("diagonal", {"linalg.tensor_diag": lambda x: jnp.diag(x.reshape(-1)).reshape(x.shape + x.shape)})


def _diagonal(x: Any) -> Any:
    return jnp.diagonal(x, axis1=-2, axis2=-1)


def _tensor_diagonal(x: Any) -> Any:
    half = x.shape[: x.ndim // 2]
    side = 1
    for size in half:
        side *= size
    return jnp.diagonal(x.reshape(side, side)).reshape(half)


@function("linalg.inv")
def inv(input: Any, adjoint: Any = False) -> Any:
    """The inverse of matrices."""
    return jnp.linalg.inv(_turn(tensor(input), False, adjoint))


@function("linalg.pinv")
def pinv(a: Any, rcond: Any = None, validate_args: Any = False) -> Any:
    """The pseudo-inverse of matrices."""
    return jnp.linalg.pinv(tensor(a), rcond)


@function("linalg.solve")
def solve(matrix: Any, rhs: Any, adjoint: Any = False) -> Any:
    """What a matrix multiplies to give the right-hand side."""
    matrix, rhs = alike(matrix, rhs)
    return jnp.linalg.solve(_turn(matrix, False, adjoint), rhs)


@function("linalg.triangular_solve")
def triangular_solve(matrix: Any, rhs: Any, lower: Any = True, adjoint: Any = False) -> Any:
    """As ``solve``, of the lower or upper half of a matrix."""
    matrix, rhs = alike(matrix, rhs)
    return jax.lax.linalg.triangular_solve(
        matrix, rhs, left_side=True, lower=bool(lower), transpose_a=bool(adjoint), conjugate_a=bool(adjoint)
    )


@function("linalg.cross")
def cross(a: Any, b: Any) -> Any:
    """The cross product of vectors of three."""
    return jnp.cross(*alike(a, b))


@function("linalg.band_part")
def band_part(input: Any, num_lower: Any, num_upper: Any) -> Any:
    """Matrices with zeros outside a band around the diagonal; -1 is no limit."""
    x = tensor(input)
    below = jnp.arange(x.shape[-2])[:, None] - jnp.arange(x.shape[-1])
    lower, upper = int(num_lower), int(num_upper)
    inside = ((lower < 0) | (below <= lower)) & ((upper < 0) | (-below <= upper))
    return jnp.where(inside, x, jnp.zeros((), x.dtype))


@function("linalg.diag_part")
def diag_part(input: Any, k: Any = 0, padding_value: Any = 0, align: Any = "RIGHT_LEFT") -> Any:
    """A diagonal of matrices."""
    return jnp.diagonal(tensor(input), _one(k), -2, -1)


@function("linalg.diag")
def diag(
    diagonal: Any,
    k: Any = 0,
    num_rows: Any = -1,
    num_cols: Any = -1,
    padding_value: Any = 0,
    align: Any = "RIGHT_LEFT",
) -> Any:
    """Matrices with a diagonal and another value elsewhere."""
    diagonal, offset = tensor(diagonal), _one(k)
    side = diagonal.shape[-1] + abs(offset)
    rows, columns = (side if int(size) == -1 else int(size) for size in (num_rows, num_cols))
    result = jnp.full((*diagonal.shape[:-1], rows, columns), padding_value, diagonal.dtype)
    return _with_diagonal(result, diagonal, offset)


@function("linalg.set_diag")
def set_diag(input: Any, diagonal: Any, k: Any = 0, align: Any = "RIGHT_LEFT") -> Any:
    """Matrices with another diagonal."""
    x, diagonal = alike(input, diagonal)
    return _with_diagonal(x, diagonal, _one(k))


def _with_diagonal(x: Any, diagonal: Any, offset: int) -> Any:
    at = jnp.arange(diagonal.shape[-1])
    return x.at[..., at + max(-offset, 0), at + max(offset, 0)].set(diagonal)


def _one(k: Any) -> int:
    if is_tensor(k) or isinstance(k, int):
        return int(k)
    numbers = shape(k)
    if len(set(numbers)) != 1:
        raise UnsupportedError("several diagonals at once are not supported")
    return numbers[0]


@function("eye", "linalg.eye")
def eye(num_rows: Any, num_columns: Any = None, batch_shape: Any = None, dtype: Any = "float32") -> Any:
    """Matrices with ones on the diagonal."""
    side = jnp.eye(int(num_rows), None if num_columns is None else int(num_columns), dtype=dtype_of(dtype))
    return side if batch_shape is None else jnp.broadcast_to(side, (*shape(batch_shape), *side.shape))
