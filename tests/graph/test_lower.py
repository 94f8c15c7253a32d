"""Each primitive becomes ops that give what jax gives: in our own interpreter, and in real TensorFlow."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.export import symbolic_shape

import reinstate.graph.lower
import reinstate.graph.ops  # noqa: F401 (fills the table)
from reinstate import dtypes
from reinstate.errors import UnsupportedError
from reinstate.graph.build import Functions, GraphBuilder
from reinstate.graph.export import export
from reinstate.graph.run import Context, Library
from reinstate.wire import messages

RNG = np.random.default_rng(0)
BATCH = 3


def floats(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def integers(*shape, low=-4, high=5):
    return RNG.integers(low, high, shape).astype(np.int32)


def exported(function, *arrays, symbolic=True):
    """The library and the name of a function, traced with an open first dimension where it is ``BATCH``."""
    (b,) = symbolic_shape("b")
    shapes = [tuple(b if symbolic and n == BATCH and i == 0 else n for i, n in enumerate(x.shape)) for x in arrays]
    given = [jax.ShapeDtypeStruct(shape, x.dtype) for shape, x in zip(shapes, arrays, strict=True)]
    traced = jax.make_jaxpr(lambda *xs: jax.tree.leaves(function(*xs)))(*given)
    g = GraphBuilder(Functions())
    arguments = [g.argument("x", dtypes.from_numpy(x.dtype), s) for x, s in zip(arrays, shapes, strict=True)]
    results = export(g, traced, arguments)
    name = g.finish("f", [(f"r{i}", each) for i, each in enumerate(results)])
    assert not g.variables
    return g.functions.finished, name


def answers(function, arrays):
    return [np.asarray(each) for each in jax.tree.leaves(function(*map(jnp.asarray, arrays)))]


def check(function, *arrays, rtol=1e-6, atol=1e-6):
    library, name = exported(function, *arrays)
    found = Context(Library(library)).call(name, [jnp.asarray(x) for x in arrays])
    for mine, wanted in zip(found, answers(function, arrays), strict=True):
        assert np.asarray(mine).dtype == wanted.dtype
        np.testing.assert_allclose(np.asarray(mine), wanted, rtol=rtol, atol=atol)


X = floats(BATCH, 4)
NUMBERS = integers(BATCH, 4)
IMAGE = floats(BATCH, 7, 6, 4)

UNARY = (
    "abs ceil cos cosh erf erfc exp exp2 expm1 floor is_finite logistic neg round rsqrt sign sin sinh sqrt square "
    "tan tanh cbrt"
)


def _unary(name):
    function = getattr(lax, name)
    return (lambda x: function(abs(x) + 0.5)) if name in ("rsqrt", "sqrt") else function


@pytest.mark.parametrize("name", UNARY.split())
def test_unary(name):
    check(_unary(name), X, rtol=1e-5)


BINARY = "add sub mul div max min pow atan2 rem eq ne lt le gt ge nextafter"


def _binary(name):
    """Of numbers that are not equal, and of equal ones."""
    function, other = getattr(lax, name), abs(floats(1, 4)) + 0.1

    def both(x):
        x = abs(x) + 0.1
        return function(x, jnp.broadcast_to(other, x.shape)), function(x, x)

    return both


@pytest.mark.parametrize("name", BINARY.split())
def test_binary(name):
    check(getattr(lax, name), abs(X) + 0.1, abs(floats(BATCH, 4)) + 0.1)
    if name not in ("pow", "atan2", "nextafter"):
        check(getattr(lax, name), NUMBERS, np.where(integers(BATCH, 4) == 0, 3, 2).astype(np.int32))


CASES = {
    "broadcast both": lambda x: (x[:, :1] + x[:1, 0]) * jnp.ones((x.shape[0], 4)),
    "scalars": lambda x: jnp.where(x > 0, x, 0.5) + jnp.full(x.shape, 2.0),
    "shapes": lambda x: (x.reshape(-1), x.reshape(x.shape[0], 2, 2).transpose(2, 0, 1), x[None].squeeze(0)),
    "size": lambda x: x * x.shape[0] + jnp.arange(x.shape[0])[:, None],
    "concatenate": lambda x: jnp.concatenate([x, x[::-1], 2 * x], axis=1),
    "stack": lambda x: jnp.stack([x, -x], axis=1),
    "split": lambda x: (jnp.split(x, 2, axis=1), jnp.split(x, [1, 2], axis=1)),
    "tile": lambda x: jnp.tile(x, (2, 3)),
    "flip": lambda x: jnp.flip(x, 1),
    "pad": lambda x: lax.pad(x, 7.0, ((1, 2, 0), (0, 1, 2))),
    "pad less": lambda x: lax.pad(x, 0.0, ((0, 0, 0), (-1, 2, 1))),
    "reductions": lambda x: (x.sum(1), x.max(1), x.min(0), x.prod(1), (x > 0).all(1), (x > 1).any(0), x.mean()),
    "argmax": lambda x: (jnp.argmax(x, 1), jnp.argmin(x, 0), jnp.argmax(x.at[:, 2].set(jnp.nan), 1)),
    "cumulated": lambda x: (jnp.cumsum(x, 1), jnp.cumprod(x, 1), lax.cumsum(x, 0, reverse=True)),
    "logsumexp": lambda x: jax.nn.logsumexp(x, axis=1),
    "sort": lambda x: (jnp.sort(x, 1), jnp.argsort(x, 1), jnp.sort(x, 0), lax.top_k(x, 2)),
    "matmul": lambda x: (x @ jnp.ones((4, 2)), x @ x.T, jnp.einsum("bi,bj->bij", x, x), jnp.einsum("bi,bi->b", x, x)),
    "power": lambda x: (x**3, x**-2, lax.integer_pow(x, 5)),
    "clip": lambda x: (jnp.clip(x, -0.5, 0.5), jax.nn.relu(x), jax.nn.relu6(x)),
    "not a number": lambda x: [
        f(jnp.where(x > 0, x, jnp.nan)) for f in (jax.nn.relu, jax.nn.relu6, lambda y: jnp.maximum(y, 1.0), jnp.sign)
    ],
    "nothing but zero": lambda x: (jax.nn.relu(0 * x), jnp.sign(-0.0 * x), jnp.maximum(0 * x, 0)),
    "round": lambda x: (lax.round(x * 2 + 0.5), lax.round(x * 2 + 0.5, lax.RoundingMethod.TO_NEAREST_EVEN)),
    "cast": lambda x: (x.astype(jnp.int32), (x > 0).astype(jnp.float32), x.astype(jnp.bfloat16).astype(jnp.float32)),
    "index": lambda x: (x[:, 1], x[0], x[:, -1], x[1:, 1:3], x[:, ::2]),
    "take": lambda x: (
        jnp.take(x, np.array([2, 0], np.int32), axis=1),
        jnp.take(x, np.array([1, 9], np.int32), axis=1),
    ),
    "take along": lambda x: jnp.take_along_axis(x, jnp.argsort(x, axis=1), axis=1),
    "take points": lambda x: x[np.array([0, 2], np.int32), np.array([1, 3], np.int32)],
    "dynamic slice": lambda x: lax.dynamic_slice_in_dim(x, x[0, 0].astype(jnp.int32) + 9, 2, 1),
    "dynamic update": lambda x: lax.dynamic_update_slice_in_dim(x, 9 * x[:, :2], x[0, 0].astype(jnp.int32) + 1, 1),
    "set": lambda x: (x.at[:, 1].set(0.0), x.at[1].add(2.0), x.at[:, 1:3].set(5.0)),
    "scatter": lambda x: x.at[jnp.argsort(x[:, 0])].add(x[::-1]),
    "scatter outside": lambda x: x.at[jnp.argsort(x[:, 0]) * 2].set(1.0, mode="drop"),
    "total order": lambda x: jnp.searchsorted(jnp.array([-1.0, 0.0, 1.0]), x),
    "while": lambda x: lax.while_loop(lambda c: c[0] < 5, lambda c: (c[0] + 1, c[1] * 1.5 + x), (0, x))[1],
    "for": lambda x: lax.fori_loop(0, 4, lambda i, c: c + i * x, x),
    "scan": lambda x: lax.scan(lambda c, r: (c + r, c * r), jnp.zeros(x.shape[0]), x.T),
    "scan back": lambda x: lax.scan(lambda c, r: (c + r, c * r), jnp.zeros(4), x, reverse=True),
    "cond": lambda x: lax.cond(x.sum() > 0, lambda v: v + x, lambda v: v * 2, x),
    "switch": lambda x: lax.switch(2, [lambda v: v, lambda v: v + 1, lambda v: v * x], x),
    "custom": lambda x: (jax.nn.silu(x), jax.nn.softplus(x), jax.checkpoint(jnp.tanh)(x)),
    "decompositions": lambda x: jnp.linalg.cholesky(jnp.swapaxes(x[:, None], 1, 2) * x[:, None] + 5 * jnp.eye(4)),
    "linear systems": lambda x: jnp.linalg.solve(x[:, :, None] * x[:, None] + 3 * jnp.eye(4), x[:, :, None]),
    "solve": lambda x: jax.scipy.linalg.solve_triangular(jnp.tril(jnp.ones((4, 4))) + jnp.eye(4), x.T, lower=True),
}


@pytest.mark.parametrize("name", CASES)
def test_patterns(name):
    check(CASES[name], X, rtol=1e-5, atol=1e-5)


BITS = {
    "logic": lambda i: (i & 3, i | 4, i ^ 5, ~i, (i > 0) & (i < 3), ~(i > 0), (i > 0) ^ (i < 3)),
    "shifts": lambda i: (i << 2, i >> 1, lax.shift_right_logical(i, jnp.full_like(i, 3)), i << abs(i) * 9),
    "casts": lambda i: (lax.bitcast_convert_type(i, jnp.float32), i.astype(jnp.uint8), i.astype(jnp.float32)),
    "arithmetic": lambda i: (i // 3, i % 3, lax.div(i, jnp.full_like(i, 2)), lax.rem(i, jnp.full_like(i, 3)), -i),
    "unsigned": lambda i: (abs(i).astype(jnp.uint32) // 3, abs(i).astype(jnp.uint32) % 3),
    "select": lambda i: lax.select_n(abs(i) % 3, i, i * 2, i * 3),
    "one hot": lambda i: jax.nn.one_hot(i, 5),
    "count": lambda i: lax.population_count(i),
}


@pytest.mark.parametrize("name", BITS)
def test_integers(name):
    check(BITS[name], NUMBERS)


def _conv(x, kernel, **settings):
    settings = {"window_strides": (1, 1), "padding": "SAME", **settings}
    return lax.conv_general_dilated(x, kernel, dimension_numbers=("NHWC", "HWIO", "NHWC"), **settings)


CONVOLUTIONS = {
    "same": lambda x: _conv(x, np.ones((3, 3, 4, 2), np.float32)),
    "strides": lambda x: _conv(x, np.ones((3, 2, 4, 2), np.float32), window_strides=(2, 3)),
    "dilated": lambda x: _conv(x, np.ones((3, 2, 4, 2), np.float32), rhs_dilation=(2, 1), padding="VALID"),
    "spread": lambda x: _conv(x, np.ones((3, 3, 4, 2), np.float32), lhs_dilation=(2, 2), padding=((1, 2), (2, 1))),
    "cropped": lambda x: _conv(x, np.ones((3, 3, 4, 2), np.float32), padding=((-1, 1), (2, -2))),
    "depthwise": lambda x: _conv(x, np.ones((3, 3, 1, 8), np.float32), feature_group_count=4),
    "groups": lambda x: _conv(x, np.ones((3, 3, 2, 6), np.float32), feature_group_count=2),
    "channels first": lambda x: lax.conv(x.transpose(0, 3, 1, 2), np.ones((2, 4, 3, 3), np.float32), (1, 1), "SAME"),
    "max": lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 2, 1), (1, 2, 1, 1), "SAME"),
    "min": lambda x: lax.reduce_window(x, jnp.inf, lax.min, (1, 3, 2, 1), (1, 2, 1, 1), "VALID"),
    "sum": lambda x: lax.reduce_window(x, 0.0, lax.add, (1, 3, 2, 1), (1, 2, 1, 1), "SAME"),
    "one axis": lambda x: lax.reduce_window(x, 0.0, lax.add, (1, 1, 3, 1), (1, 1, 2, 1), "VALID"),
    "channels": lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 1, 2), (1, 1, 1, 2), "VALID"),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_windows(name):
    check(CONVOLUTIONS[name], IMAGE, rtol=1e-5, atol=1e-5)


def test_what_has_no_rule_is_named_with_its_layer():
    def function(x):
        with jax.named_scope("strange"):
            return lax.cummax(x, axis=1) + jnp.linalg.eigvals(x[:, :, None] * x[:, None]).real.sum(1, keepdims=True)

    with pytest.raises(UnsupportedError) as caught:
        exported(function, X, symbolic=False)
    assert any("strange" in offender for offender in caught.value.offenders)


def test_dead_code_is_left_out():
    library, name = exported(lambda x: (jnp.sin(x), lax.cummax(x, axis=0))[0], X)
    assert [node.op for node in library[name].node_def] == ["Sin", "Identity"]


def test_equal_functions_are_stored_once():
    def function(x):
        once = lax.fori_loop(0, 4, lambda i, c: c * 2, x)
        return once, lax.fori_loop(0, 4, lambda i, c: c * 2, x + 1)

    library, _ = exported(function, X)
    assert len(library) == 3


def test_tensorflow_says_the_same(oracle, tmp_path):
    """All of them in one call."""
    cases = [(name, _unary(name), X) for name in UNARY.split()]
    cases += [(name, _binary(name), X) for name in BINARY.split()]
    cases += [(name, f, X) for name, f in CASES.items()]
    cases += [(name, f, NUMBERS) for name, f in BITS.items()]
    cases += [(name, f, IMAGE) for name, f in CONVOLUTIONS.items()]
    names = []
    for number, (_, function, x) in enumerate(cases):
        library, name = exported(function, x)
        message = messages.GraphDef()
        message.library.function.extend(library.values())
        (tmp_path / f"{number}.pb").write_bytes(messages.serialize(message))
        np.save(tmp_path / f"{number}.npy", x)
        names.append(name)
    failed = oracle("serving.functions", directory=str(tmp_path), names=names, out=str(tmp_path / "out.npz"))
    assert {cases[int(number)][0]: reason for number, reason in failed.items()} == {}
    with np.load(tmp_path / "out.npz") as file:
        for number, (name, function, x) in enumerate(cases):
            for i, wanted in enumerate(answers(function, [x])):
                said = file[f"{number}/{i}"]
                assert said.dtype == wanted.dtype
                np.testing.assert_allclose(said, wanted, rtol=1e-5, atol=1e-5, err_msg=f"{name} {i}")
