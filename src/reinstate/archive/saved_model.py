"""The SavedModel directory: reading it into an ``Archive`` and writing one.

::

    saved_model.pb          the object graph, functions, signatures
    variables/variables.*   the values: a TensorBundle
    keras_metadata.pb       Keras' JSON per layer (TF 2.5 and later; before, it stands in the object graph)
    assets.extra/reinstate.keras3.json   the Keras 3 dialect, in files that we wrote

Source: tensorflow/core/protobuf/saved_model.proto and tf.keras' saved_metadata.proto.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from reinstate import dtypes
from reinstate._version import __version__
from reinstate.archive import metadata as keras_json
from reinstate.archive import object_graph
from reinstate.archive.checkpoint import BundleTensors, files_of, read_object_graph, write_values
from reinstate.archive.functions import read_graph, write_functions
from reinstate.archive.model import Archive, Layout, ObjectNode, Signature, TensorSpec, Variable
from reinstate.archive.serving import write_serving
from reinstate.archive.tables import read_tables
from reinstate.errors import CorruptError, FormatError, NewerFormatError, NotAModelError, UnsupportedError, where
from reinstate.wire import messages
from reinstate.wire.bundle import Bundle, read_bundle

OWNED = frozenset(
    {"saved_model.pb", "saved_model.pbtxt", "keras_metadata.pb", "fingerprint.pb", "variables", "assets", "debug"}
)
_TRAINABLE = "trainable_variables"  # the collection of a TF1 graph
KERAS3_FILE = Path("assets.extra", "reinstate.keras3.json")
EXPORTED_FILE = Path("assets", "saved_model.json")
_TENSORFLOW_VERSION = "2.15.0"  # the newest whose readers and writers this layout is that of
_METRIC = "_tf_keras_metric"
_SERVE = "serve"


def read_saved_model(directory: Path, tags: Iterable[str] | None = None) -> Archive:
    """Read the structure of the SavedModel in ``directory``; tensors stay on disk.

    Raises:
        FormatError: it is not a SavedModel, damaged, or of a newer format.
        UnsupportedError: there are several models in it and ``tags`` chooses none of them.
    """
    with where(directory.name):
        saved = _read_saved_model_message(directory)
        meta_graph = _choose(saved.meta_graphs, tags)
        bundle = _read_variables(directory)
        metadata = _read_metadata(directory, meta_graph)
        tracked = None if bundle is None else read_object_graph(bundle)
        nodes = _read_nodes(meta_graph, bundle, tracked, metadata)
        root = metadata.get(0) or _read_exported(directory)
        return Archive(
            format="SavedModel",
            layout=Layout.ATTRIBUTES,
            nodes=nodes,
            tensors=BundleTensors(bundle),
            writer=_writer(meta_graph),
            keras_version=_of_type(root, "keras_version", str),
            backend=_of_type(root, "backend", str),
            config=_config(root),
            training_config=_of_type(root, "training_config", Mapping),
            keras3=_read_keras3(directory),
            signatures=_signatures(meta_graph),
            tags=tuple(tuple(graph.meta_info_def.tags) for graph in saved.meta_graphs),
            size=sum(file.stat().st_size for file in directory.rglob("*") if file.is_file()),
            tables=read_tables(meta_graph, tracked, bundle, directory),
            graph=lambda: read_graph(meta_graph, directory),
            definition=meta_graph.graph_def,
        )


def _read_saved_model_message(directory: Path) -> Any:
    binary, text = directory / "saved_model.pb", directory / "saved_model.pbtxt"
    if binary.is_file():
        with where(binary.name):
            saved = messages.parse(messages.SavedModelOutline, binary.read_bytes())
    elif text.is_file():
        with where(text.name):
            saved = _parse_text(text)
    elif (directory / "saved_model.cpb").is_file():
        raise UnsupportedError("saved_model.cpb: the chunked format for graphs over 2 GB is not read")
    else:
        raise NotAModelError("no saved_model.pb in the directory")
    if saved.saved_model_schema_version > 1:
        raise NewerFormatError(f"SavedModel schema version {saved.saved_model_schema_version}; this reads version 1")
    if not saved.meta_graphs:
        raise CorruptError(f"{binary.name} holds no model")
    return saved


def _parse_text(path: Path) -> Any:
    try:
        whole = text_format.Parse(path.read_bytes(), messages.SavedModel())
        return messages.parse(messages.SavedModelOutline, messages.serialize(whole))
    except (text_format.ParseError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptError(f"not a SavedModel in text form: {error}") from error


def _choose(meta_graphs: Any, tags: Iterable[str] | None) -> Any:
    """Pick the model with exactly these tags; without any, the only one, or the one to serve."""
    if tags is None and len(meta_graphs) == 1:
        return meta_graphs[0]
    wanted = {_SERVE} if tags is None else set(tags)
    for meta_graph in meta_graphs:
        if set(meta_graph.meta_info_def.tags) == wanted:
            return meta_graph
    there = [", ".join(meta_graph.meta_info_def.tags) or "(no tags)" for meta_graph in meta_graphs]
    raise UnsupportedError(f"no model with the tags {sorted(wanted)}; the file has:", there)


def _read_variables(directory: Path) -> Bundle | None:
    prefix = directory / "variables" / "variables"
    if prefix.with_name("variables.index").is_file():
        return read_bundle(prefix)
    if files_of(prefix):
        raise CorruptError("variables/variables.index is missing, and the data cannot be read without it")
    return None


def _read_metadata(directory: Path, meta_graph: Any) -> dict[int, Mapping[str, Any]]:
    """Keras' JSON by node id, from wherever this file's version keeps it."""
    path = directory / "keras_metadata.pb"
    if path.is_file():
        with where(path.name):
            message = messages.parse(messages.SavedMetadata, path.read_bytes())
            texts = [(node.node_id, node.metadata) for node in message.nodes]
            return dict(_decoded(texts))
    with where("saved_model.pb"):
        nodes = meta_graph.object_graph_def.nodes
        return dict(_decoded([(index, node.user_object.metadata) for index, node in enumerate(nodes)]))


def _read_exported(directory: Path) -> Mapping[str, Any]:
    """Keras' JSON where ``tf.keras.experimental.export_saved_model`` (TF 1.13 to 2.0) put it; empty where it is not."""
    path = directory / EXPORTED_FILE
    if not path.is_file():
        return {}
    with where(EXPORTED_FILE.as_posix()):
        value = keras_json.decode(path.read_bytes())
        if not isinstance(value, Mapping):
            raise CorruptError("not a JSON object")
        return value


def _decoded(texts: Iterable[tuple[int, str]]) -> Iterable[tuple[int, Mapping[str, Any]]]:
    for index, text in texts:
        if text:
            with where(f"object {index} > metadata"):
                value = keras_json.decode(text)
                if not isinstance(value, Mapping):
                    raise CorruptError("not a JSON object")
                yield index, value


def _read_nodes(
    meta_graph: Any, bundle: Bundle | None, tracked: Any | None, metadata: Mapping[int, Mapping[str, Any]]
) -> tuple[ObjectNode, ...]:
    if not meta_graph.HasField("object_graph_def"):
        if bundle is None or tracked is None:
            return _variables_by_name(bundle, _trainable(meta_graph))
        return object_graph.read_tracked(tracked, bundle.entries)
    with where("saved_model.pb"):
        graph = meta_graph.object_graph_def
        if not graph.nodes:
            raise CorruptError("the object graph has no root")
        return object_graph.read_saved(graph, tracked, {} if bundle is None else bundle.entries, metadata)


def _trainable(meta_graph: Any) -> frozenset[str] | None:
    """The names of the variables that train in a TF1 model; None where it does not say."""
    if _TRAINABLE not in meta_graph.collection_def:
        return None
    with where(f"saved_model.pb > collection {_TRAINABLE!r}"):
        values = meta_graph.collection_def[_TRAINABLE].bytes_list.value
        listed = [messages.parse(messages.VariableDef, value) for value in values]
        return frozenset(each.variable_name.partition(":")[0] for each in listed)


def _variables_by_name(bundle: Bundle | None, trainable: frozenset[str] | None) -> tuple[ObjectNode, ...]:
    """TF1 models have no object graph: a bare root over the variables by name."""
    tensors = [] if bundle is None else BundleTensors(bundle).refs()
    root = ObjectNode(children={ref.key: index for index, ref in enumerate(tensors, 1)})
    leaves = [
        ObjectNode(
            kind="variable", variable=Variable(r.key, r.dtype, r.shape, trainable is None or r.key in trainable, r)
        )
        for r in tensors
    ]
    return (root, *leaves)


def _config(root: Mapping[str, Any]) -> dict[str, Any] | None:
    if "config" not in root or "class_name" not in root:
        return None
    return {"class_name": root["class_name"], "config": root["config"]}


def _of_type(root: Mapping[str, Any], key: str, kind: type) -> Any:
    """A value of the root's metadata; None where it is not there."""
    value = root.get(key)
    if value is None or isinstance(value, kind):
        return value
    with where("object 0 > metadata"):
        raise CorruptError(f"{key} is {value!r:.100}, not a {kind.__name__.lower()}")


def _read_keras3(directory: Path) -> Mapping[str, Any] | None:
    path = directory / KERAS3_FILE
    if not path.is_file():
        return None
    with where(KERAS3_FILE.as_posix()):
        value = keras_json.decode(path.read_bytes())
        if not isinstance(value, Mapping):
            raise CorruptError("not a JSON object")
        return value


def _writer(meta_graph: Any) -> str:
    info = meta_graph.meta_info_def
    if info.tensorflow_git_version.startswith("reinstate "):
        return str(info.tensorflow_git_version)
    return f"TensorFlow {info.tensorflow_version}" if info.tensorflow_version else ""


def _signatures(meta_graph: Any) -> dict[str, Signature]:
    """The signatures a server offers, in the order of their names."""
    result = {}
    for name, message in sorted(meta_graph.signature_def.items()):
        if not name.startswith("__saved_model_"):
            with where(f"saved_model.pb > signature {name!r}"):
                result[name] = Signature(name, _specs(message.inputs), _specs(message.outputs), message.method_name)
    return result


def _specs(infos: Mapping[str, Any]) -> dict[str, TensorSpec]:
    return {name: _spec(name, info) for name, info in sorted(infos.items())}


def _spec(name: str, info: Any) -> TensorSpec:
    shape = info.tensor_shape
    sizes = None if shape.unknown_rank else tuple(None if d.size < 0 else d.size for d in shape.dim)
    return TensorSpec(name, dtypes.from_enum(info.dtype), sizes)


def write_saved_model(archive: Archive, directory: Path, progress: Callable[[int], None] | None = None) -> None:
    """Write ``archive`` (attribute layout) as a SavedModel into the empty ``directory``."""
    if not directory.is_dir():
        raise FormatError(f"{directory} is not a directory")
    keys = object_graph.checkpoint_keys(archive.nodes)
    (directory / "variables").mkdir()
    (directory / "assets").mkdir()
    write_values(archive, keys, directory / "variables" / "variables", progress)
    texts = {
        index: keras_json.encode(node.metadata, tuples=True)
        for index, node in enumerate(archive.nodes)
        if node.metadata is not None
    }
    (directory / "keras_metadata.pb").write_bytes(_metadata_message(archive.nodes, texts))
    if archive.keras3 is not None:
        path = directory / KERAS3_FILE
        path.parent.mkdir()
        path.write_text(keras_json.encode(archive.keras3, tuples=False), encoding="utf-8")
    (directory / "saved_model.pb").write_bytes(_saved_model_message(archive, texts, keys))


def _saved_model_message(archive: Archive, texts: Mapping[int, str], keys: Mapping[int, str]) -> bytes:
    saved = messages.SavedModel(saved_model_schema_version=1)
    meta_graph = saved.meta_graphs.add()
    meta_graph.meta_info_def.tags.extend(dict.fromkeys([_SERVE, *(tag for tags in archive.tags for tag in tags)]))
    meta_graph.meta_info_def.tensorflow_version = _TENSORFLOW_VERSION
    meta_graph.meta_info_def.tensorflow_git_version = f"reinstate {__version__}"
    meta_graph.object_graph_def.CopyFrom(object_graph.write_saved(archive.nodes, texts))
    if archive.graph is not None:
        meta_graph.meta_info_def.stripped_default_attrs = True
        write_functions(meta_graph.object_graph_def, archive.graph())
        write_serving(meta_graph, archive, keys)
    return messages.serialize(saved)


def _metadata_message(nodes: tuple[ObjectNode, ...], texts: Mapping[int, str]) -> bytes:
    message = messages.SavedMetadata()
    paths = object_graph.paths(nodes)
    for index, text in texts.items():
        if nodes[index].identifier == _METRIC:
            continue  # readers of this file do without, and those of the object graph need it, up to TensorFlow 2.4
        node = message.nodes.add(node_id=index, identifier=nodes[index].identifier, metadata=text)
        node.node_path = ".".join(("root", *paths[index]))
        node.version.producer = 2
        node.version.min_consumer = 1
    return messages.serialize(message)
