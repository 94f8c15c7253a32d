"""How fast bundles are read and written, in GB/s, beside what the machine can do: ``python bench/bundle.py [GB]``."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from reinstate.wire.bundle import read_bundle, write_bundle

TENSOR = 64 << 20  # bytes


def rate(size: int, call: Callable[[], object], repeat: int = 3) -> float:
    best = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        result = call()
        best = min(best, time.perf_counter() - start)
        del result
    return size / best / 1e9


def plain_write(path: Path, arrays: list[np.ndarray]) -> None:
    with path.open("wb", buffering=0) as file:
        for array in arrays:
            file.write(memoryview(array).cast("B"))


def unaligned(prefix: Path, shift: int = 1) -> None:
    """Move all data of a bundle by a few bytes, as TensorFlow would place it."""
    from reinstate.wire import messages
    from reinstate.wire.sstable import read_table, write_table

    index, data = prefix.with_name(f"{prefix.name}.index"), prefix.with_name(f"{prefix.name}.data-00000-of-00001")
    table = read_table(index.read_bytes())
    for key, value in table.items():
        if key:
            entry = messages.parse(messages.BundleEntryProto, value)
            entry.offset += shift
            table[key] = messages.serialize(entry)
    index.write_bytes(write_table(table.items()))
    data.write_bytes(b"\0" * shift + data.read_bytes())


def main(gigabytes: float) -> None:
    count = max(1, round(gigabytes * 1e9 / TENSOR))
    tensor = np.random.default_rng(0).standard_normal(TENSOR // 4, np.float32)
    tensors = {f"layer-{i}/kernel": tensor + i for i in range(count)}
    size = count * TENSOR
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as directory:
        prefix = Path(directory, "x")
        plain = rate(size, lambda: plain_write(Path(directory, "plain"), list(tensors.values())))
        Path(directory, "plain").unlink()
        ours = rate(size, lambda: write_bundle(prefix, tensors))
        print(f"write      {ours:6.2f} GB/s   a plain write {plain:6.2f} GB/s   {ours / plain:.0%}")
        tensors.clear()
        print(f"read       {rate(size, lambda: read_all(prefix)):6.2f} GB/s   mapped, checksums compared")
        unaligned(prefix)
        print(f"read       {rate(size, lambda: read_all(prefix)):6.2f} GB/s   copied, checksums compared")
    small()


def read_all(prefix: Path) -> list[np.ndarray]:
    bundle = read_bundle(prefix)
    return bundle.read(list(bundle.entries))


def small(count: int = 12000) -> None:
    """Many small tensors: what each costs."""
    tensors = {f"layer-{i}/bias/.ATTRIBUTES/VARIABLE_VALUE": np.full(64, i, np.float32) for i in range(count)}
    with tempfile.TemporaryDirectory() as directory:
        prefix = Path(directory, "x")
        print(f"write {count} small tensors {1 / rate(10**9, lambda: write_bundle(prefix, tensors)):6.3f} s")
        print(f"index {count} small tensors {1 / rate(10**9, lambda: read_bundle(prefix)):6.3f} s")
        print(f"read  {count} small tensors {1 / rate(10**9, lambda: read_all(prefix)):6.3f} s, with the index")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 2)
