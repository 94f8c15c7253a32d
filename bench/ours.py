"""What reinstate takes, a process to a task: ``python ours.py TASK ARGUMENT...`` prints a JSON object."""

import json
import os
import sys
import time
import warnings
from pathlib import Path

START = time.perf_counter()
warnings.simplefilter("ignore")
os.environ.setdefault("KERAS_BACKEND", "jax")  # before Keras is imported, which here comes first


def load(path: str) -> dict[str, float]:
    """Open a model: the call, and the process from its start."""
    import keras

    import reinstate
    import reinstate.live.build

    keras.ops.zeros(1)  # the first use of a device starts the backend, which is no part of a load
    load_model = reinstate.load_model  # its import is part of the process, not of the call
    imported = time.perf_counter()
    load_model(path)
    return {"load": time.perf_counter() - imported, "process": time.perf_counter() - START}


def save(source: str, target: str) -> dict[str, float]:
    """Save a model that is in memory: as SavedModel without traces, as HDF5, beside a plain write of the same bytes."""
    import reinstate

    model = reinstate.load_model(source)
    result = {}
    for name, arguments in {"ours": {"save_traces": False}, "ours.h5": {}}.items():
        times = []
        for _ in range(3):
            started = time.perf_counter()
            reinstate.save_model(model, f"{target}/{name}", **arguments)
            times.append(time.perf_counter() - started)
        result[name] = sorted(times)[1]
    return result


def write(directory: str, gigabytes: str) -> dict[str, float]:
    """Save a large model beside a plain write of as many bytes, both flushed to disk; the median of three."""
    import keras
    import numpy as np

    import reinstate

    count = int(float(gigabytes) * 16)
    inputs = keras.Input((4096,))
    x = inputs
    for index in range(count):
        x = keras.layers.Dense(4096, use_bias=False, name=f"dense_{index}", kernel_initializer="zeros")(x)
    model = keras.Model(inputs, x)
    rng = np.random.default_rng(0)
    for layer in model.layers[1:]:
        layer.kernel.assign(rng.random((4096, 4096), np.float32))
    block = np.asarray(model.layers[1].kernel.value)
    saves, plain = [], []
    for _ in range(3):
        started = time.perf_counter()
        with open(f"{directory}/plain", "wb") as file:
            for _ in range(count):
                file.write(block.data)
            os.fsync(file.fileno())
        plain.append(time.perf_counter() - started)
        os.unlink(f"{directory}/plain")
        started = time.perf_counter()
        reinstate.save_model(model, f"{directory}/large", save_traces=False)
        saves.append(time.perf_counter() - started)
    return {"save": sorted(saves)[1], "plain": sorted(plain)[1], "bytes": float(count * block.nbytes)}


def large(path: str) -> dict[str, float]:
    """Open a large model of ours: the time, and the new private memory in bytes."""
    import keras

    import reinstate

    keras.ops.zeros(1)
    reinstate.load_model  # noqa: B018 - resolves the lazy import
    import reinstate.live.build

    before = _private()
    started = time.perf_counter()
    model = reinstate.load_model(path)
    elapsed = time.perf_counter() - started
    return {"load": elapsed, "private": float(_private() - before), "parameters": float(model.count_params())}


def _private() -> int:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("Private_Clean", "Private_Dirty")))


def layers(directory: str, count: str) -> dict[str, float]:
    """Milliseconds per layer to open a model of so many layers; the median of five."""
    import keras

    import reinstate

    sys.setrecursionlimit(20000)  # which Keras needs to build a graph this deep; load_model sees to that itself
    inputs = keras.Input((8,))
    x = inputs
    for _ in range(int(count)):
        x = keras.layers.Dense(8)(x)
    path = f"{directory}/layers_{count}"
    reinstate.save_model(keras.Model(inputs, x), path, save_traces=False)
    sys.setrecursionlimit(1000)
    times = []
    for _ in range(5):
        started = time.perf_counter()
        reinstate.load_model(path, compile=False)
        times.append(time.perf_counter() - started)
    return {"per_layer": sorted(times)[2] / int(count) * 1000}


if __name__ == "__main__":
    task = {"load": load, "save": save, "write": write, "large": large, "layers": layers}[sys.argv[1]]
    print(json.dumps(task(*sys.argv[2:])))
