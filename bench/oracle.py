"""What real tf_keras takes, in its own environment: ``python oracle.py TASK ARGUMENT...`` prints a JSON object."""

import json
import os
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
START = time.perf_counter()


def make(directory):
    """A ResNet50 with Adam state as tf_keras saves it: with traces, without, and as HDF5."""
    import numpy as np
    import tf_keras as keras

    model = keras.applications.ResNet50(weights=None, input_shape=(64, 64, 3), classes=1000)
    model.compile("adam", "sparse_categorical_crossentropy")
    model.train_on_batch(np.random.rand(4, 64, 64, 3).astype("float32"), np.arange(4))
    model.save(f"{directory}/resnet50")
    return save(model, directory)


def save(model, directory):
    times = {}
    for name, arguments in {"oracle_untraced": {"save_traces": False}, "oracle.h5": {}}.items():
        taken = []
        for _ in range(3):
            started = time.perf_counter()
            model.save(f"{directory}/{name}", **arguments)
            taken.append(time.perf_counter() - started)
        times[name] = sorted(taken)[1]
    return times


def load(path):
    import tf_keras as keras

    imported = time.perf_counter()
    model = keras.models.load_model(path)
    return {"load": time.perf_counter() - imported, "process": time.perf_counter() - START, "name": model.name}


if __name__ == "__main__":
    print(json.dumps({"make": make, "load": load}[sys.argv[1]](*sys.argv[2:])))
