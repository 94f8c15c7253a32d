# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
"""Fourier transforms, over the last axes."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from reinstate.graph.rules import Static, ints, native, op, require, row

for _name, _function in {"FFT": "fft", "IFFT": "ifft"}.items():
    row(_name, lambda xp, x, f=_function: getattr(jnp.fft, f)(jnp.asarray(x)))
    row(f"{_name}2D", lambda xp, x, f=_function: getattr(jnp.fft, f"{f}2")(jnp.asarray(x)))
    row(f"{_name}3D", lambda xp, x, f=_function: getattr(jnp.fft, f"{f}n")(jnp.asarray(x), axes=(-3, -2, -1)))


def _real(name: str, count: int) -> None:
    axes = tuple(range(-count, 0))

    @op(f"RFFT{name}")
    def rfft(input, fft_length: Static, *, Tcomplex):
        _fits(input, ints(fft_length))
        return jnp.fft.rfftn(input, s=ints(fft_length), axes=axes).astype(native(Tcomplex))

    @op(f"IRFFT{name}")
    def irfft(input, fft_length: Static, *, Treal):
        *outer, last = ints(fft_length)
        _fits(input, (*outer, last // 2 + 1))
        return jnp.fft.irfftn(input, s=ints(fft_length), axes=axes).astype(native(Treal))


def _fits(x: Any, lengths: tuple[int, ...]) -> None:
    there = tuple(x.shape[-len(lengths) :])
    require(all(n <= size for n, size in zip(lengths, there, strict=True)), f"{list(lengths)} of {list(there)}")


for _name, _count in {"": 1, "2D": 2, "3D": 3}.items():
    _real(_name, _count)


@op("AudioSpectrogram")
def audio_spectrogram(input, *, window_size, stride, magnitude_squared):
    """Windows of samples ``(samples, channels)``, weighed by Hann's, as magnitudes ``(channels, windows, bins)``."""
    length = input.shape[0]
    starts = np.arange(0, max(length - window_size + 1, 0), stride)
    size = 1 << (window_size - 1).bit_length()
    frames = input.T[:, starts[:, None] + np.arange(window_size)[None, :]]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window_size) / window_size)
    spectrum = jnp.fft.rfft(frames * hann.astype(np.float32), n=size, axis=-1)
    squared = jnp.square(jnp.real(spectrum)) + jnp.square(jnp.imag(spectrum))
    return squared if magnitude_squared else jnp.sqrt(squared)
