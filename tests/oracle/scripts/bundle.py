"""Bundles as TensorFlow writes them, with the values beside them; and what it reads from ours.

Values travel as a list of records, ``{"name", "dtype", "shape", "strings", "size"}``, and a file with the raw bytes of
them all, one after the other; strings stand in the record itself, a character for each byte.
"""

import numpy as np
import tensorflow as tf

PLAIN = [i for i in range(1, 34) if i not in (7, 20, 21)]  # dtypes but strings, resources and variants


def read(prefix, values, skip=()):
    """Read a whole bundle, except for tensors of the dtypes in ``skip``."""
    reader = tf.train.load_checkpoint(prefix)
    names = sorted(name for name, dtype in reader.get_variable_to_dtype_map().items() if dtype.name not in skip)
    return _records(reader, names, values)


def read_state(directory):
    """Ask for the latest checkpoint in a directory."""
    return tf.train.latest_checkpoint(directory)


def write_dtypes(prefix, values):
    """Write tensors of every dtype and several shapes, strings among them."""
    tensors = {}
    for enum in PLAIN:
        dtype = tf.as_dtype(enum)
        for shape in ((), (0, 3), (5,), (2, 3, 7)):
            tensors["%s/%s" % (dtype.name, "x".join(map(str, shape)) or "scalar")] = _numbers(dtype, shape)
    tensors["strings/scalar"] = tf.constant(b"\x00\xff a scalar")
    tensors["strings/empty"] = tf.zeros((0,), tf.string)
    tensors["strings/matrix"] = tf.constant([["", "two"], ["d\u00e9j\u00e0", "x" * 300]])
    return _save(prefix, tensors, values)


def _numbers(dtype, shape):
    """Random bits, as far as all of them are numbers of this type."""
    random = np.random.default_rng(dtype.as_datatype_enum)
    high = {"bool": 2, "int2": 4, "uint2": 4, "int4": 16, "uint4": 16, "float4_e2m1fn": 16}.get(dtype.name, 256)
    bits = random.integers(0, high, (int(np.prod(shape)) * dtype.size,), np.uint8)
    proto = tf.make_tensor_proto(0)
    proto.Clear()
    proto.dtype = dtype.as_datatype_enum
    proto.tensor_shape.CopyFrom(tf.TensorShape(shape).as_proto())
    proto.tensor_content = bits.tobytes()
    return tf.io.parse_tensor(proto.SerializeToString(), dtype)


def write_many(prefix, values, count):
    """Write many small variables, so that the index has several blocks."""
    names = ["layer-%d/kernel/.ATTRIBUTES/VARIABLE_VALUE" % i for i in range(count)]
    rows = tf.unstack(tf.reshape(tf.range(3.0 * count), (count, 3)))
    return _save(prefix, dict(zip(names, rows)), values)


def write_sharded(prefix, values, max_shard_size):
    """Let a checkpoint be cut into shards of that many bytes: tensors become tiles."""
    random = np.random.default_rng(0)
    shapes = {"a": (100, 20), "b": (7,), "c": (3, 5, 11), "d": ()}
    variables = {name: tf.Variable(random.standard_normal(shape)) for name, shape in shapes.items()}
    policy = tf.train.experimental.MaxShardSizePolicy(max_shard_size)
    options = tf.train.CheckpointOptions(experimental_sharding_callback=policy)
    tf.train.Checkpoint(**variables).write(prefix, options=options)
    return read(prefix, values)


def write_slices(prefix, values):
    """Write tensors in parts, along one axis and along several, with numbers of one and of many bytes in the keys."""
    parts = []
    for name, dtype, shape, cuts in (
        ("rows", "float32", (4, 3), ((0, 2, 4), (0, 3))),
        ("columns", "int32", (4, 3), ((0, 4), (0, 1, 3))),
        ("tiles", "float64", (9000, 3, 2), ((0, 70, 100, 8191, 8192, 9000), (0, 2, 3), (0, 2))),
        ("bytes", "int8", (20000,), ((0, 63, 64, 127, 128, 16384, 20000),)),
        ("half", "bfloat16", (6, 2), ((0, 1, 6), (0, 1, 2))),
        ("flags", "bool", (5,), ((0, 2, 5),)),
        ("odd \u00e9 name", "complex64", (2, 2), ((0, 1, 2), (0, 2))),
    ):
        value = np.arange(np.prod(shape)).reshape(shape)
        value = tf.constant(value % 2 == 0) if dtype == "bool" else tf.cast(value % 100, dtype)
        parts += [(name, *part) for part in _cut(value, shape, cuts)]
    names, specs, tensors = zip(*parts)
    tf.raw_ops.SaveV2(prefix=prefix, tensor_names=names, shape_and_slices=specs, tensors=tensors)
    return read(prefix, values)


def _cut(value, shape, cuts):
    """Give (spec, part) for every cell of the grid that ``cuts`` make; an axis with one cell is written as whole."""
    for place in np.ndindex(*[len(edges) - 1 for edges in cuts]):
        spans = [(edges[i], edges[i + 1]) for edges, i in zip(cuts, place)]
        text = ["-" if b - a == size else "%d,%d" % (a, b - a) for (a, b), size in zip(spans, shape)]
        spec = " ".join(map(str, shape)) + " " + ":".join(text)
        yield spec, value[tuple(slice(a, b) for a, b in spans)]


def write_partitioned(prefix, values):
    """Save a partitioned variable of TF1 by its saver."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for name, shape, partitions in (("embedding", (10, 4), 3), ("dense/kernel", (5, 6), 2)):
            tf.compat.v1.get_variable(
                name,
                shape,
                partitioner=tf.compat.v1.fixed_size_partitioner(partitions, axis=partitions % 3 // 2),
                initializer=tf.compat.v1.random_normal_initializer(seed=1),
            )
        session.run(tf.compat.v1.global_variables_initializer())
        tf.compat.v1.train.Saver().save(session, prefix, write_meta_graph=False, write_state=False)
    return read(prefix, values)


def write_variant(prefix):
    """Save a list of tensors, which is a variant."""
    handle = tf.raw_ops.TensorListFromTensor(tensor=tf.ones((2, 3)), element_shape=tf.constant([3]))
    tf.raw_ops.SaveV2(
        prefix=prefix, tensor_names=["list", "x"], shape_and_slices=["", ""], tensors=[handle, tf.ones((2,))]
    )


def write_tensor(prefix, values, name, numbers):
    """Save one float32 tensor."""
    return _save(prefix, {name: tf.constant(numbers)}, values)


def _save(prefix, tensors, values):
    tf.raw_ops.SaveV2(
        prefix=prefix, tensor_names=list(tensors), shape_and_slices=[""] * len(tensors), tensors=list(tensors.values())
    )
    return read(prefix, values)


def _records(reader, names, values):
    types = reader.get_variable_to_dtype_map()
    records, raw = [], []
    for name in names:
        value = reader.get_tensor(name)
        record = {"name": name, "dtype": types[name].name, "shape": list(np.shape(value)), "strings": None, "size": 0}
        if types[name] == tf.string:
            record["strings"] = [element.decode("latin-1") for element in np.ravel(np.asarray(value, object))]
        else:
            raw.append(np.ascontiguousarray(value).tobytes())
            record["size"] = len(raw[-1])
        records.append(record)
    with open(values, "wb") as file:
        file.write(b"".join(raw))
    return records


def schema():
    """All fields of the messages that a SavedModel or a checkpoint can hold, by message."""
    from tensorflow.core.framework import variable_pb2
    from tensorflow.core.protobuf import (
        fingerprint_pb2,
        saved_model_pb2,
        tensor_bundle_pb2,
        trackable_object_graph_pb2,
    )
    from tensorflow.python.training import checkpoint_state_pb2
    from tf_keras.protobuf import saved_metadata_pb2

    found = {}
    for message in (
        saved_model_pb2.SavedModel,
        trackable_object_graph_pb2.TrackableObjectGraph,
        tensor_bundle_pb2.BundleHeaderProto,
        tensor_bundle_pb2.BundleEntryProto,
        fingerprint_pb2.FingerprintDef,
        variable_pb2.VariableDef,
        checkpoint_state_pb2.CheckpointState,
        saved_metadata_pb2.SavedMetadata,
    ):
        _visit(message.DESCRIPTOR, found)
    return found


def _visit(message, found):
    name = _plain_name(message)
    if name in found:
        return
    found[name] = {}
    for field in message.fields:
        kind = field.message_type or field.enum_type
        found[name][field.name] = [field.number, field.type, field.is_repeated, kind and _plain_name(kind)]
        if field.message_type is not None:
            _visit(field.message_type, found)
        if field.enum_type is not None:
            found[_plain_name(field.enum_type)] = {value.name: value.number for value in field.enum_type.values}


def _plain_name(kind):
    """Without the package; what is Keras' own stands in SavedMetadata in ours."""
    name = kind.full_name
    if name == "third_party.py.tf_keras.protobuf.SavedObject":
        return "SavedMetadata.SavedObject"
    for package in ("tensorflow.", "third_party.py.tf_keras.protobuf."):
        if name.startswith(package):
            return name[len(package) :]
    return name


def reserialize(path):
    """Parse a SavedModel and write it deterministically; gives the length of what was written."""
    from tensorflow.core.protobuf import saved_model_pb2

    with open(path, "rb") as file:
        message = saved_model_pb2.SavedModel.FromString(file.read())
    with open(path + ".again", "wb") as file:
        return file.write(message.SerializeToString(deterministic=True))


def save_model(path):
    """Save a small module with a function, a table and an asset as a SavedModel."""

    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.w = tf.Variable([1.0, 2.0], name="w")
            self.table = tf.lookup.StaticHashTable(
                tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([1, 2], tf.int64)), -1
            )

        @tf.function(input_signature=[tf.TensorSpec((None, 2)), tf.TensorSpec((None,), tf.string)])
        def call(self, x, keys):
            return {"y": x * self.w, "n": self.table.lookup(keys)}

    module = Module()
    tf.saved_model.save(module, path, signatures=module.call)


def dtypes():
    """Number, name and size of every dtype; 0 where elements differ in size."""
    return [[i, tf.as_dtype(i).name, tf.as_dtype(i).size or 0] for i in range(1, 34)]
