"""The protobuf messages of SavedModels and checkpoints, as classes.

They are made from our own ``schema/*.proto`` (compiled by ``scripts/schema``), in a descriptor pool of their own, so
that TensorFlow may live in the same process. Names of messages and fields are TensorFlow's. Fields that the schema does
not know survive ``parse`` and ``serialize``.
"""

from __future__ import annotations

from importlib import resources
from typing import Any, Final

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, EncodeError, Message
from google.protobuf.message_factory import GetMessageClass

from reinstate.errors import CorruptError, UnsupportedError

MAX_SIZE: Final = 2**31 - 1  # bytes; protobuf's own limit


def _read_pool() -> DescriptorPool:
    data = resources.files(__package__).joinpath("schema", "schema.binpb").read_bytes()
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(data).file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


POOL: Final = _read_pool()
PACKAGE: Final = "reinstate.wire"


def _message(name: str) -> Any:
    """The class of a message. Its attributes are known at run time only, hence ``Any``."""
    return GetMessageClass(POOL.FindMessageTypeByName(f"{PACKAGE}.{name}"))


# tensor.proto
TensorProto = _message("TensorProto")
TensorShapeProto = _message("TensorShapeProto")
TensorSliceProto = _message("TensorSliceProto")
ResourceHandleProto = _message("ResourceHandleProto")
VariantTensorDataProto = _message("VariantTensorDataProto")
VersionDef = _message("VersionDef")

# bundle.proto
BundleHeaderProto = _message("BundleHeaderProto")
BundleEntryProto = _message("BundleEntryProto")
CheckpointState = _message("CheckpointState")

# graph.proto
AttrValue = _message("AttrValue")
FullTypeDef = _message("FullTypeDef")
FunctionDef = _message("FunctionDef")
FunctionDefLibrary = _message("FunctionDefLibrary")
GradientDef = _message("GradientDef")
GraphDebugInfo = _message("GraphDebugInfo")
GraphDef = _message("GraphDef")
NameAttrList = _message("NameAttrList")
NodeDef = _message("NodeDef")
OpDef = _message("OpDef")
OpDeprecation = _message("OpDeprecation")
OpList = _message("OpList")
RegisteredGradient = _message("RegisteredGradient")

# structured_value.proto
BoundedTensorSpecProto = _message("BoundedTensorSpecProto")
DictValue = _message("DictValue")
ListValue = _message("ListValue")
NamedTupleValue = _message("NamedTupleValue")
NoneValue = _message("NoneValue")
PairValue = _message("PairValue")
StructuredValue = _message("StructuredValue")
TensorSpecProto = _message("TensorSpecProto")
TupleValue = _message("TupleValue")
TypeSpecProto = _message("TypeSpecProto")

# object_graph.proto
CapturedTensor = _message("CapturedTensor")
FunctionSpec = _message("FunctionSpec")
RegisteredSaver = _message("RegisteredSaver")
SaveableObject = _message("SaveableObject")
SavedAsset = _message("SavedAsset")
SavedBareConcreteFunction = _message("SavedBareConcreteFunction")
SavedConcreteFunction = _message("SavedConcreteFunction")
SavedConstant = _message("SavedConstant")
SavedFunction = _message("SavedFunction")
SavedObject = _message("SavedObject")
SavedObjectGraph = _message("SavedObjectGraph")
SavedResource = _message("SavedResource")
SavedUserObject = _message("SavedUserObject")
SavedVariable = _message("SavedVariable")
TrackableObjectGraph = _message("TrackableObjectGraph")

# saved_model.proto
AssetFileDef = _message("AssetFileDef")
CollectionDef = _message("CollectionDef")
FingerprintDef = _message("FingerprintDef")
MetaGraphDef = _message("MetaGraphDef")
MetaGraphOutline = _message("MetaGraphOutline")
SaverDef = _message("SaverDef")
SavedMetadata = _message("SavedMetadata")
SavedModel = _message("SavedModel")
SavedModelOutline = _message("SavedModelOutline")
SaveSliceInfoDef = _message("SaveSliceInfoDef")
SignatureDef = _message("SignatureDef")
TensorInfo = _message("TensorInfo")
VariableDef = _message("VariableDef")


def parse(message_class: Any, data: bytes) -> Any:
    """Read a message of ``message_class``.

    Raises:
        CorruptError: ``data`` is not such a message, or messages are nested deeper in it than protobuf allows (100).
    """
    name = message_class.DESCRIPTOR.name
    if len(data) > MAX_SIZE:
        raise CorruptError(f"{len(data)} bytes are too many for a {name} message; the most is {MAX_SIZE}")
    try:
        return message_class.FromString(data)
    except (DecodeError, RecursionError) as error:
        raise CorruptError(f"not a {name} message, or nested too deeply: {error}") from error


def serialize(message: Message) -> bytes:
    """Write a message; the same message gives the same bytes, whatever the order its maps were filled in.

    Raises:
        UnsupportedError: it is larger than protobuf allows (2 GiB), or nested deeper.
    """
    try:
        data: bytes = message.SerializeToString(deterministic=True)
    except (EncodeError, RecursionError, ValueError) as error:
        raise UnsupportedError(f"a {message.DESCRIPTOR.name} message cannot be written: {error}") from error
    if len(data) > MAX_SIZE:
        raise UnsupportedError(f"a {message.DESCRIPTOR.name} message of {len(data)} bytes; the most is {MAX_SIZE}")
    return data
