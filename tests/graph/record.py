"""Ask TensorFlow for the answers to cases.py: ``python -m tests.graph.record [group ...]``; they go to records/.

Run it with a Python that has TensorFlow. Each case becomes a function of one node, recorded with its ``FunctionDef``,
so that what is replayed is a graph as TensorFlow writes it.
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path

import numpy as np

from tests.graph import record_cases, text_cases  # noqa: F401 (they add groups)
from tests.graph.cases import GROUPS, Case
from tests.graph.packing import pack

RECORDS = Path(__file__).parent / "records"


def recorded(case: Case) -> tuple[dict, dict]:
    """What is known of a case (JSON), and its arrays."""
    import tensorflow as tf
    from tensorflow.python.framework import op_def_registry

    raw = getattr(tf.raw_ops, case.op)
    known = inspect.signature(raw).parameters
    names = [argument.name for argument in op_def_registry.get(case.op).input_arg]
    # A few have other names in Python than in the registry; these are the ones left over.
    left = [name for name in known if name not in names and name not in case.attributes]
    names = [name if name in known else left.pop(0) for name in names]
    flat = [item for value in case.inputs for item in (value if isinstance(value, list) else [value])]

    def function(*tensors):
        rest = list(tensors)
        given = {
            name: [rest.pop(0) for _ in value] if isinstance(value, list) else rest.pop(0)
            for name, value in zip(names, case.inputs, strict=True)
        }
        found = raw(**given, **case.attributes)
        return found if isinstance(found, tf.Operation) else tf.nest.flatten(found)

    about = {"op": case.op, "attributes": {k: str(v) for k, v in case.attributes.items()}}
    arrays = {f"in/{i}": pack(value) for i, value in enumerate(flat)}
    try:
        # Answers come from eager ops: Grappler might compute a function of constants otherwise.
        outputs = function(*map(tf.constant, flat))
    except (tf.errors.InvalidArgumentError, tf.errors.OutOfRangeError, ValueError) as error:
        about["error"] = type(error).__name__
        outputs = None
    specs = [tf.TensorSpec(None if about.get("error") else value.shape, tf.as_dtype(value.dtype)) for value in flat]
    concrete = tf.function(function).get_concrete_function(*specs)
    arrays["def"] = np.frombuffer(concrete.function_def.SerializeToString(), np.uint8)
    if outputs is not None:
        about["dtypes"] = [output.dtype.name for output in outputs]
        for i, output in enumerate(outputs):
            value = output.numpy()
            if output.dtype.is_quantized:
                value = value.view({1: np.uint8, 4: np.int32}[output.dtype.size]).reshape(value.shape)
                value = value.view(np.int8) if output.dtype == tf.qint8 else value
            arrays[f"out/{i}"] = value.astype(np.float32) if output.dtype == tf.bfloat16 else pack(value)
    return about, arrays


def main() -> None:
    RECORDS.mkdir(exist_ok=True)
    for group in sys.argv[1:] or GROUPS:
        index, arrays = [], {}
        for i, case in enumerate(GROUPS[group]):
            try:
                about, found = recorded(case)
            except Exception as error:
                raise RuntimeError(f"{group} {i}: {case.op} {case.attributes}") from error
            index.append(about)
            arrays.update({f"{i}/{name}": value for name, value in found.items()})
        np.savez_compressed(RECORDS / f"{group}.npz", **arrays)
        lines = ",\n".join(json.dumps(about) for about in index)
        (RECORDS / f"{group}.json").write_text(f"[\n{lines}\n]\n")
        print(f"{group}: {len(index)} cases, {(RECORDS / f'{group}.npz').stat().st_size} bytes")


if __name__ == "__main__":
    main()
