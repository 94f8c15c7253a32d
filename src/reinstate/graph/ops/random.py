# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Random numbers: from jax's generator, so the distributions are TensorFlow's, the numbers are not.

The stateless ops give the same numbers for the same seed. Those without a seed of their own draw from ``KEY``, which
moves on with each draw, as TensorFlow's global generator does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from reinstate.graph.rules import Static, check_size, ints, known, native, op, static, traced, typed
from reinstate.graph.variables import KEY


def _words(value: Any) -> list[Any]:
    """An array of integers as scalars of 32 bits."""
    if known(value):
        wide = np.reshape(value, -1).astype(np.uint64)
        return [word for x in wide for word in (np.uint32(x & 0xFFFFFFFF), np.uint32(x >> np.uint64(32)))]
    return list(jnp.reshape(value, -1).astype(jnp.uint32))


def _key(*values: Any) -> Any:
    key = jax.random.key(0)
    for value in values:
        for word in _words(value):
            key = jax.random.fold_in(key, word)
    return key


# The ops that draw from ``KEY``.
DRAWING = frozenset(
    {
        *("RandomUniform", "RandomStandardNormal", "TruncatedNormal", "RandomUniformInt", "RandomShuffle"),
        *("Multinomial", "RandomGamma", "RandomPoissonV2"),
    }
)


def next_key(context: Any, *seeds: int) -> Any:
    """A key that has not been used."""
    state = jnp.asarray(context.scope.read(KEY))
    context.scope.write(KEY, state.at[0].add(np.uint32(1)))
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(0), state[0]), state[1])
    for seed in seeds:
        key = jax.random.fold_in(key, seed & 0xFFFFFFFF)
    return key


def _shape(shape: Static) -> tuple[int, ...]:
    check_size(ints(shape))
    return ints(shape)


def _uniform_int(key: Any, shape: Any, low: Any, high: Any, dtype: Any) -> Any:
    return jax.random.randint(key, shape, traced(low), traced(high), native(dtype))


def _bits(key: Any, shape: Any, dtype: Any) -> Any:
    target = native(dtype)
    bits = jax.random.bits(key, shape, np.dtype(f"uint{target.itemsize * 8}"))
    return jax.lax.bitcast_convert_type(bits, target)


_DISTRIBUTIONS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "Uniform": lambda key, shape, dtype: jax.random.uniform(key, shape, native(dtype)),
    "Normal": lambda key, shape, dtype: jax.random.normal(key, shape, native(dtype)),
    "Truncated": lambda key, shape, dtype: jax.random.truncated_normal(key, -2, 2, shape, native(dtype)),
}
_STATELESS = {
    "StatelessRandomUniform": "Uniform",
    "StatelessRandomNormal": "Normal",
    "StatelessTruncatedNormal": "Truncated",
}
_STATEFUL = {"RandomUniform": "Uniform", "RandomStandardNormal": "Normal", "TruncatedNormal": "Truncated"}


def _register(name: str, distribution: str) -> None:
    draw = _DISTRIBUTIONS[distribution]

    @op(name, raw=True)
    def stateless(shape: Static, seed, *, dtype):
        return draw(_key(seed), _shape(shape), dtype)

    @op(f"{name}V2", raw=True)
    def stateless_v2(shape: Static, key, counter, alg, *, dtype):
        return draw(_key(key, counter), _shape(shape), dtype)


for _name, _distribution in _STATELESS.items():
    _register(_name, _distribution)


def _register_stateful(name: str, distribution: str) -> None:
    @op(name)
    def stateful(shape, *, seed, seed2, dtype, context):
        return _DISTRIBUTIONS[distribution](next_key(context, seed, seed2), _static_shape(shape), dtype)


def _static_shape(shape: Any) -> tuple[int, ...]:
    return _shape(static(shape, "shape"))


for _name, _distribution in _STATEFUL.items():
    _register_stateful(_name, _distribution)


@op("RandomUniformInt")
def random_uniform_int(shape, minval, maxval, *, seed, seed2, Tout, context):
    return _uniform_int(next_key(context, seed, seed2), _static_shape(shape), minval, maxval, Tout)


@op("StatelessRandomUniformInt", raw=True)
def stateless_random_uniform_int(shape: Static, seed, minval, maxval, *, dtype):
    return _uniform_int(_key(seed), _shape(shape), minval, maxval, dtype)


@op("StatelessRandomUniformIntV2", raw=True)
def stateless_random_uniform_int_v2(shape: Static, key, counter, alg, minval, maxval, *, dtype):
    return _uniform_int(_key(key, counter), _shape(shape), minval, maxval, dtype)


@op("StatelessRandomUniformFullInt", raw=True)
def stateless_random_uniform_full_int(shape: Static, seed, *, dtype):
    return _bits(_key(seed), _shape(shape), dtype)


@op("StatelessRandomUniformFullIntV2", raw=True)
def stateless_random_uniform_full_int_v2(shape: Static, key, counter, alg, *, dtype):
    return _bits(_key(key, counter), _shape(shape), dtype)


@op("StatelessRandomGetKeyCounter", raw=True)
def stateless_random_get_key_counter(seed):
    """The seed stands for both: what follows only feeds them to jax's generator."""
    if known(seed):
        return np.asarray(seed[:1]).astype(np.uint64), np.asarray([seed[1], 0]).astype(np.uint64)
    whole = traced(seed).astype(native(np.dtype(np.uint64)))
    return whole[:1], jnp.stack([whole[1], jnp.zeros((), whole.dtype)])


@op("StatelessRandomGetKeyCounterAlg", raw=True)
def stateless_random_get_key_counter_alg(seed):
    return (*stateless_random_get_key_counter(seed), np.array(1, np.int32))


@op("StatelessRandomGetAlg")
def stateless_random_get_alg():
    return np.array(1, np.int32)


@op("RandomShuffle")
def random_shuffle(value, *, seed, seed2, context):
    return jax.random.permutation(next_key(context, seed, seed2), traced(value))


@op("StatelessShuffle", raw=True)
def stateless_shuffle(value, key, counter, alg):
    return jax.random.permutation(_key(key, counter), traced(value))


@op("Multinomial")
def multinomial(logits, num_samples, *, seed, seed2, output_dtype, context):
    return _categorical(next_key(context, seed, seed2), traced(logits), num_samples, output_dtype)


@op("StatelessMultinomial", raw=True)
def stateless_multinomial(logits, num_samples: Static, seed, *, output_dtype):
    return _categorical(_key(seed), traced(logits), num_samples, output_dtype)


def _categorical(key: Any, logits: Any, count: Any, dtype: Any) -> Any:
    shape = (ints(count)[0], logits.shape[0])
    check_size(shape)
    return jax.random.categorical(key, logits, axis=-1, shape=shape).T.astype(native(dtype))


@op("RandomGamma")
def random_gamma(shape, alpha, *, seed, seed2, context):
    return _gamma(next_key(context, seed, seed2), (*_static_shape(shape), *np.shape(alpha)), traced(alpha))


@op("StatelessRandomGammaV2", raw=True)
def stateless_random_gamma_v2(shape: Static, seed, alpha):
    return _gamma(_key(seed), _shape(shape), traced(alpha))


@op("StatelessRandomGammaV3", raw=True)
def stateless_random_gamma_v3(shape: Static, key, counter, alg, alpha):
    return _gamma(_key(key, counter), _shape(shape), traced(alpha))


def _gamma(key: Any, shape: tuple[int, ...], alpha: Any) -> Any:
    return jax.random.gamma(key, alpha, shape, alpha.dtype)


@op("RandomPoissonV2")
def random_poisson(shape, rate, *, seed, seed2, dtype, context):
    whole = (*_static_shape(shape), *np.shape(rate))
    return jax.random.poisson(next_key(context, seed, seed2), traced(rate), whole).astype(native(dtype))


@op("StatelessRandomPoisson", raw=True)
def stateless_random_poisson(shape: Static, seed, lam, *, dtype):
    return jax.random.poisson(_key(seed), traced(lam), _shape(shape)).astype(native(dtype))


@op("StatelessRandomBinomial", raw=True)
def stateless_random_binomial(shape: Static, seed, counts, probs, *, dtype):
    draws = jax.random.binomial(_key(seed), traced(counts), traced(probs), _shape(shape))
    return draws.astype(typed(dtype, jnp))
