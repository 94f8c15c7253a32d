"""The hashes that TensorFlow puts strings into buckets by: FarmHash's Fingerprint64, SipHash-2-4, FingerprintCat64.

All strings of one length are hashed at once: a row of bytes each, arithmetic in uint64, which wraps as the hashes want.
Source: farmhash.cc (``farmhashna::Hash64``), https://www.aumasson.jp/siphash, tsl/platform/fingerprint.h.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

Words: TypeAlias = np.ndarray[Any, np.dtype[np.uint64]]
Rows: TypeAlias = np.ndarray[Any, np.dtype[np.uint8]]

_K0, _K1, _K2 = (np.uint64(value) for value in (0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F))
_CAT = np.uint64(0xC6A4A7935BD1E995)


def fingerprint64(strings: Sequence[bytes]) -> Words:
    """FarmHash's 64-bit fingerprint of each string."""
    return _by_length(strings, _farm)


def siphash(strings: Sequence[bytes], key: tuple[int, int]) -> Words:
    """SipHash-2-4 of each string under a key of two unsigned 64-bit numbers."""
    return _by_length(strings, lambda rows: _sip(rows, key))


def fingerprint_cat(first: Words, second: Words) -> Words:
    """TensorFlow's fingerprint of two fingerprints, elementwise; not commutative."""
    result = first ^ _CAT
    result = result ^ _shift_mix(second * _CAT) * _CAT
    result = _shift_mix(result * _CAT) * _CAT
    return _shift_mix(result)


def _by_length(strings: Sequence[bytes], hashed: Callable[[Rows], Words]) -> Words:
    result = np.empty(len(strings), np.uint64)
    lengths = np.fromiter(map(len, strings), np.int64, len(strings))
    for length in np.unique(lengths):
        places = np.flatnonzero(lengths == length).tolist()
        joined = b"".join(strings[place] for place in places)
        rows = np.frombuffer(joined, np.uint8).reshape(len(places), int(length))
        result[places] = hashed(rows)
    return result


def _fetch(rows: Rows, at: int, size: int = 8) -> Words:
    """The little-endian number of ``size`` bytes at a place of every row."""
    words = np.zeros((len(rows), 8), np.uint8)
    words[:, :size] = rows[:, at : at + size]
    return words.view("<u8")[:, 0].astype(np.uint64)


def _rotate(word: Words, right: int) -> Words:
    return (word >> np.uint64(right)) | (word << np.uint64(64 - right))


def _shift_mix(word: Words) -> Words:
    return word ^ (word >> np.uint64(47))


def _number(value: int, like: Rows) -> Words:
    return np.full(len(like), value & (2**64 - 1), np.uint64)


# FarmHash ----------------------------------------------------------------------------------------------------------


def _farm(rows: Rows) -> Words:
    length = rows.shape[1]
    if length <= 16:
        return _farm_16(rows, length)
    if length <= 32:
        return _farm_32(rows, length)
    return _farm_64(rows, length) if length <= 64 else _farm_long(rows, length)


def _mixed(low: Words, high: Words, factor: Words) -> Words:
    first = _shift_mix((low ^ high) * factor)
    second = _shift_mix((high ^ first) * factor)
    return second * factor


def _farm_16(rows: Rows, length: int) -> Words:
    factor = _number(int(_K2) + length * 2, rows)
    if length >= 8:
        a, b = _fetch(rows, 0) + _K2, _fetch(rows, length - 8)
        return _mixed(_rotate(b, 37) * factor + a, (_rotate(a, 25) + b) * factor, factor)
    if length >= 4:
        first, last = _fetch(rows, 0, 4), _fetch(rows, length - 4, 4)
        return _mixed(_number(length, rows) + (first << np.uint64(3)), last, factor)
    if length == 0:
        return _number(int(_K2), rows)
    first, middle, last = (rows[:, at].astype(np.uint64) for at in (0, length >> 1, length - 1))
    y = first + (middle << np.uint64(8))
    z = _number(length, rows) + (last << np.uint64(2))
    return _shift_mix(y * _K2 ^ z * _K0) * _K2


def _farm_32(rows: Rows, length: int) -> Words:
    factor = _number(int(_K2) + length * 2, rows)
    a, b = _fetch(rows, 0) * _K1, _fetch(rows, 8)
    c, d = _fetch(rows, length - 8) * factor, _fetch(rows, length - 16) * _K2
    return _mixed(_rotate(a + b, 43) + _rotate(c, 30) + d, a + _rotate(b + _K2, 18) + c, factor)


def _farm_64(rows: Rows, length: int) -> Words:
    factor = _number(int(_K2) + length * 2, rows)
    a, b = _fetch(rows, 0) * _K2, _fetch(rows, 8)
    c, d = _fetch(rows, length - 8) * factor, _fetch(rows, length - 16) * _K2
    y = _rotate(a + b, 43) + _rotate(c, 30) + d
    z = _mixed(y, a + _rotate(b + _K2, 18) + c, factor)
    e, f = _fetch(rows, 16) * factor, _fetch(rows, 24)
    g, h = (y + _fetch(rows, length - 32)) * factor, (z + _fetch(rows, length - 24)) * factor
    return _mixed(_rotate(e + f, 43) + _rotate(g, 30) + h, e + _rotate(f + a, 18) + g, factor)


def _weak(rows: Rows, at: int, a: Words, b: Words) -> tuple[Words, Words]:
    w, x, y, z = (_fetch(rows, at + offset) for offset in (0, 8, 16, 24))
    a = a + w
    b = _rotate(b + a + z, 21)
    c = a
    a = a + x + y
    return a + z, b + _rotate(a, 44) + c


def _farm_long(rows: Rows, length: int) -> Words:
    seed = 81
    x, y = _number(seed, rows), _number(seed * int(_K1) + 113, rows)
    z = _shift_mix(y * _K2 + np.uint64(113)) * _K2
    v, w = (_number(0, rows),) * 2, (_number(0, rows),) * 2
    x = x * _K2 + _fetch(rows, 0)
    end = (length - 1) // 64 * 64
    one = _number(1, rows)
    for at in range(0, end, 64):
        x, y, z, v, w = _round(rows, at, x, y, z, v, w, _K1 * one, one)
    rest = (length - 1) & 63
    factor = _K1 + ((z & np.uint64(0xFF)) << np.uint64(1))
    w = (w[0] + np.uint64(rest), w[1])
    v = (v[0] + w[0], v[1])
    w = (w[0] + v[0], w[1])
    x, y, z, v, w = _round(rows, end + rest - 63, x, y, z, v, w, factor, one * np.uint64(9))
    low = _mixed(v[0], w[0], factor) + _shift_mix(y) * _K0 + z
    return _mixed(low, _mixed(v[1], w[1], factor) + x, factor)


def _round(
    rows: Rows,
    at: int,
    x: Words,
    y: Words,
    z: Words,
    v: tuple[Words, Words],
    w: tuple[Words, Words],
    factor: Words,
    weight: Words,
) -> tuple[Words, Words, Words, tuple[Words, Words], tuple[Words, Words]]:
    """Mix 64 bytes in; the last round has another factor and weight than those before."""
    x = _rotate(x + y + v[0] + _fetch(rows, at + 8), 37) * factor
    y = _rotate(y + v[1] + _fetch(rows, at + 48), 42) * factor
    x = x ^ w[1] * weight
    y = y + v[0] * weight + _fetch(rows, at + 40)
    z = _rotate(z + w[0], 33) * factor
    v = _weak(rows, at, v[1] * factor, x + w[0])
    w = _weak(rows, at + 32, z + w[1], y + _fetch(rows, at + 16))
    return z, y, x, v, w


# SipHash -----------------------------------------------------------------------------------------------------------


def _sip(rows: Rows, key: tuple[int, int]) -> Words:
    words = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    state = [_number(word ^ key[i % 2], rows) for i, word in enumerate(words)]
    length = rows.shape[1]
    whole = length // 8 * 8
    for at in range(0, whole, 8):
        _absorb(state, _fetch(rows, at))
    _absorb(state, _fetch(rows, whole, length - whole) | np.uint64((length & 0xFF) << 56))
    state[2] = state[2] ^ np.uint64(0xFF)
    for _ in range(4):
        _sip_round(state)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _absorb(state: list[Words], word: Words) -> None:
    state[3] = state[3] ^ word
    _sip_round(state)
    _sip_round(state)
    state[0] = state[0] ^ word


def _sip_round(state: list[Words]) -> None:
    a, b, c, d = state
    a, c = a + b, c + d
    b, d = _rotate(b, 64 - 13) ^ a, _rotate(d, 64 - 16) ^ c
    a = _rotate(a, 32)
    c, a = c + b, a + d
    b, d = _rotate(b, 64 - 17) ^ c, _rotate(d, 64 - 21) ^ a
    state[:] = a, b, _rotate(c, 32), d


# Murmur -----------------------------------------------------------------------------------------------------------


def murmur64(strings: Sequence[bytes]) -> Words:
    """TensorFlow's ``Hash64`` of each string: MurmurHash64A under its own seed."""
    return _by_length(strings, _murmur)


def _murmur(rows: Rows) -> Words:
    length = rows.shape[1]
    whole = length // 8 * 8
    result = _number(0xDECAFCAFFE ^ (length * int(_CAT)), rows)
    for at in range(0, whole, 8):
        result = (result ^ _shift_mix(_fetch(rows, at) * _CAT) * _CAT) * _CAT
    if whole < length:
        result = (result ^ _fetch(rows, whole, length - whole)) * _CAT
    return _shift_mix(_shift_mix(result) * _CAT)
