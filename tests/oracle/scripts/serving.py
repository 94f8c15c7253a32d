"""SavedModels of our own, opened every way that TensorFlow has, fed with arrays of a file."""

import numpy as np
import tensorflow as tf

from tests.oracle.models import resolve_keras


def answers(paths, ways, out):
    """What each model says of the inputs in ``<path>.npz`` by each way; gives what went wrong, by path and way."""
    found, failed = {}, {}
    for path in paths:
        with np.load(path + ".npz") as file:
            inputs = {name[3:]: file[name] for name in file.files if name.startswith("in/")}
        for way in ways:
            try:
                for name, value in _WAYS[way](path, inputs).items():
                    found["%s/%s/%s" % (path, way, name)] = np.asarray(value)
            except Exception as error:
                failed["%s/%s" % (path, way)] = repr(error)[:2000]
    np.savez(out, **found)
    return failed


def _loaded(path, inputs):
    signature = tf.saved_model.load(path).signatures["serving_default"]
    return signature(**{name: tf.constant(value) for name, value in inputs.items()})


def _session(path, inputs):
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        signature = tf.compat.v1.saved_model.load(session, ["serve"], path).signature_def["serving_default"]
        assert signature.method_name == "tensorflow/serving/predict"
        feeds = {signature.inputs[name].name: value for name, value in inputs.items()}
        return session.run({name: info.name for name, info in signature.outputs.items()}, feeds)


def _keras(path, inputs):
    model = resolve_keras().models.load_model(path)
    given = [inputs[name] for name in model.input_names]
    said = model.predict(given[0] if len(given) == 1 else given, verbose=0)
    names = model.output_names
    return dict(zip(names, said if isinstance(said, list) else [said]))


def _gradients(path, inputs):
    """The gradients of the sum of the squares of all outputs, for inputs and variables."""
    loaded = tf.saved_model.load(path)  # held, or its variables are gone
    signature = loaded.signatures["serving_default"]
    given = {name: tf.constant(value) for name, value in inputs.items()}
    floats = [name for name in sorted(given) if given[name].dtype.is_floating]
    variables = [v for v in signature.variables if v.trainable]
    with tf.GradientTape() as tape:
        tape.watch([given[name] for name in floats])
        loss = tf.add_n([tf.reduce_sum(tf.square(value)) for value in signature(**given).values()])
    gradients = tape.gradient(loss, [*(given[name] for name in floats), *variables])
    names = [*floats, *(v.name for v in variables)]
    assert loaded is not None
    return {name: tf.convert_to_tensor(value) for name, value in zip(names, gradients) if value is not None}


_WAYS = {"loaded": _loaded, "session": _session, "keras": _keras, "gradients": _gradients}


def functions(directory, names, out):
    """Run functions of libraries ``<number>.pb`` on ``<number>.npy``; gives what went wrong, by number."""
    from tensorflow.python.eager import context

    found, failed = {}, {}
    for number, name in enumerate(names):
        graph = tf.compat.v1.GraphDef()
        with open("%s/%d.pb" % (directory, number), "rb") as file:
            graph.ParseFromString(file.read())
        numbered = {}
        for function in graph.library.function:  # names are those of one library, here all are in one
            numbered[function.signature.name] = "%s_of_%d" % (function.signature.name, number)
        for function in graph.library.function:
            _rename(function, numbered)
            context.context().add_function_def(function)
        types = {f.signature.name: [a.type for a in f.signature.output_arg] for f in graph.library.function}
        x = tf.constant(np.load("%s/%d.npy" % (directory, number)))
        try:
            called = numbered[name]
            said = tf.raw_ops.PartitionedCall(args=[x], Tout=types[called], f=_Named(called))
            for i, value in enumerate(said):
                found["%d/%d" % (number, i)] = value.numpy()
        except Exception as error:
            failed[str(number)] = str(error)[:1000]
    np.savez(out, **found)
    return failed


class _Named:
    """What ops take for a function: something with its name."""

    def __init__(self, name):
        self.name = name

    def add_to_graph(self, graph):
        pass


def _rename(function, names):
    function.signature.name = names[function.signature.name]
    for node in function.node_def:
        for attribute in node.attr.values():
            for each in [attribute.func, *attribute.list.func]:
                if each.name in names:
                    each.name = names[each.name]


def signatures(paths, out, tags=()):
    """What all signatures of models say, called twice with the inputs ``<path>.npz`` has by signature and name.

    Gives their specs by path and signature. The last path is of a model with these tags, if there are any.
    """
    found, specs = {}, {}
    for path in paths:
        loaded = tf.saved_model.load(path, list(tags) if tags and path == paths[-1] else None)
        specs[path] = {name: _specs(function) for name, function in loaded.signatures.items()}
        with np.load(path + ".npz") as file:
            inputs = {name: tf.constant(file[name]) for name in file.files}
        for name, function in loaded.signatures.items():
            given = {key.split("/")[1]: value for key, value in inputs.items() if key.split("/")[0] == name}
            for time in range(2):
                for key, value in function(**given).items():
                    found["%s/%s/%d/%s" % (path, name, time, key)] = value.numpy()
    np.savez(out, **found)
    return specs


def _specs(function):
    def plain(specs):
        return {name: [spec.dtype.name, spec.shape.as_list()] for name, spec in specs.items()}

    return [plain(function.structured_input_signature[1]), plain(function.structured_outputs)]
