"""Write src/reinstate/graph/op_defs.txt: what TensorFlow's registry says of its ops.

Run it with a Python that has TensorFlow: ``python tools/op_defs.py > src/reinstate/graph/op_defs.txt``.
"""

from __future__ import annotations

import json

import tensorflow as tf
from tensorflow.compiler.tf2xla.python import xla
from tensorflow.python.framework import op_def_registry

HEADER = """\
# The ops of TensorFlow {version}: facts from its registry, written by tools/op_defs.py. One line each, tabs between:
# name, inputs, outputs, attributes, flags. Inputs and outputs are name:type; the type is a dtype, an attribute that
# holds it (T), several tensors of one (N*T), or an attribute that lists one type per tensor (*Tin); & is a reference.
# Attributes are name:kind, with =JSON where there is a default. The flag is "stateful".
"""


def registered() -> list[str]:
    """The names of all ops that a Python of this TensorFlow can call."""
    names = {name for name in (*dir(tf.raw_ops), *dir(xla.gen_xla_ops)) if not name.startswith("_")}
    names |= {"".join(word.capitalize() for word in name.split("_")) for name in dir(xla.gen_xla_ops)}
    return sorted(name for name in names if op_def_registry.get(name) is not None)


def argument(arg) -> str:
    name = tf.dtypes.as_dtype(arg.type).name if arg.type else arg.type_attr
    if arg.type_list_attr:
        name = f"*{arg.type_list_attr}"
    elif arg.number_attr:
        name = f"{arg.number_attr}*{name}"
    return f"{arg.name}:{name}{'&' if arg.is_ref else ''}"


def shape(proto) -> list[int] | None:
    return None if proto.unknown_rank else [dim.size for dim in proto.dim]


def value(attr):
    kind = attr.WhichOneof("value")
    if kind == "list":
        lists = attr.list
        plain = [*lists.i, *lists.f, *lists.b, *(item.decode() for item in lists.s)]
        return [*plain, *(tf.dtypes.as_dtype(t).name for t in lists.type), *map(shape, lists.shape)]
    if kind == "s":
        return attr.s.decode()
    if kind == "type":
        return tf.dtypes.as_dtype(attr.type).name if attr.type else None
    if kind == "shape":
        return shape(attr.shape)
    return getattr(attr, kind)


def attribute(attr) -> str:
    text = f"{attr.name}:{attr.type}"
    kind = attr.default_value.WhichOneof("value")
    if kind is None or kind in ("func", "tensor"):
        return text
    written = json.dumps(value(attr.default_value), separators=(",", ":")).replace(" ", "\\u0020")
    return f"{text}={written}"


def line(name: str) -> str:
    definition = op_def_registry.get(name)
    parts = (definition.input_arg, argument), (definition.output_arg, argument), (definition.attr, attribute)
    columns = [" ".join(map(write, items)) for items, write in parts]
    return "\t".join([name, *columns, "stateful" if definition.is_stateful else ""])


def main() -> None:
    print(HEADER.format(version=tf.__version__), end="")
    for name in registered():
        print(line(name))


if __name__ == "__main__":
    main()
