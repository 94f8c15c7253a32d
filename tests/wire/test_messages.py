"""Our schema is TensorFlow's, in fields and numbers; unknown fields survive; damage is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reinstate.errors import CorruptError
from reinstate.wire import messages

ROOT = Path(__file__).parents[2]


def test_the_compiled_schema_is_up_to_date(tmp_path):
    environment = {**os.environ, "PYTHON": sys.executable}
    subprocess.run([ROOT / "scripts/schema", tmp_path / "fresh"], check=True, env=environment)
    fresh, committed = (
        messages.FileDescriptorSet.FromString(path.read_bytes()).file
        for path in (tmp_path / "fresh", ROOT / "src/reinstate/wire/schema/schema.binpb")
    )
    ours = [file for file in committed if file.package == messages.PACKAGE]
    assert ours == [file for file in fresh if file.package == messages.PACKAGE]
    assert len(ours) == len(list((ROOT / "src/reinstate/wire/schema").glob("*.proto")))


def test_every_field_is_that_of_tensorflow(oracle):
    theirs = oracle("bundle.schema")
    assert len(theirs) > 70
    for name, fields in theirs.items():
        if name.startswith("google.protobuf") or (name.endswith("Entry") and set(fields) == {"key", "value"}):
            continue
        try:
            ours = messages.POOL.FindMessageTypeByName(f"{messages.PACKAGE}.{name}")
        except KeyError:
            enum = messages.POOL.FindEnumTypeByName(f"{messages.PACKAGE}.{name}")
            assert {value.name: value.number for value in enum.values} == fields, name
        else:
            assert {field.name: describe(field) for field in ours.fields} == fields, name


def describe(field):
    kind = field.message_type or field.enum_type
    name = kind.full_name.removeprefix(f"{messages.PACKAGE}.") if kind else None
    return [field.number, field.type, field.is_repeated, name]


def test_a_real_model_is_written_again_to_the_byte(oracle, tmp_path):
    """Deterministic bytes of both, since maps have no order."""
    oracle("bundle.save_model", path=str(tmp_path / "model"))
    path = tmp_path / "model" / "saved_model.pb"
    oracle("bundle.reserialize", path=str(path))
    saved = messages.parse(messages.SavedModel, path.read_bytes())
    assert len(saved.meta_graphs[0].object_graph_def.nodes) > 5
    assert messages.serialize(saved) == path.with_name("saved_model.pb.again").read_bytes()


def test_unknown_fields_survive():
    data = b"\x08\x01" + b"\x9a\x3f\x03new"  # field 1011
    message = messages.parse(messages.SavedModel, data)
    message.meta_graphs.add()
    assert messages.serialize(message) == b"\x08\x01\x12\x00\x9a\x3f\x03new"


def test_the_order_that_maps_are_filled_in_does_not_show():
    def written(names):
        node = messages.NodeDef()
        for name in names:
            node.attr[name].i = 1
        return messages.serialize(node)

    names = [f"attribute {i}" for i in range(50)]
    assert written(names) == written(reversed(names))


def varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def deep(depth: int) -> bytes:
    """A list in a list in a list ..."""
    data = b""
    for _ in range(depth):
        data = b"\x9a\x03" + varint(len(data) + 1 + len(varint(len(data)))) + b"\x0a" + varint(len(data)) + data
    return data


@pytest.mark.parametrize(
    "data", [b"\x0a", b"\x12\xff\xff\xff\xff\x0f", b"\x08" + b"\xff" * 10 + b"\x01", b"\xff\xff", b"<!DOCTYPE"]
)
def test_what_is_no_message(data):
    with pytest.raises(CorruptError, match="not a SavedModel message"):
        messages.parse(messages.SavedModel, data)


def test_deep_nests_are_refused():
    assert messages.parse(messages.StructuredValue, deep(40)).HasField("list_value")
    with pytest.raises(CorruptError, match="nested too deeply"):
        messages.parse(messages.StructuredValue, deep(5000))


def test_text_that_is_not_utf8_is_refused():
    with pytest.raises(CorruptError):
        messages.parse(messages.NodeDef, b"\x0a\x01\xff")


def test_every_message_of_the_schema_has_its_class():
    schema = messages.FileDescriptorSet.FromString((ROOT / "src/reinstate/wire/schema/schema.binpb").read_bytes())
    names = {m.name for file in schema.file if file.package == messages.PACKAGE for m in file.message_type}
    assert {name for name in names if getattr(messages, name).DESCRIPTOR.name == name} == names


def test_importing_it_is_fast():
    """60 ms beyond protobuf itself; the best of three, since the machine may be busy."""
    code = (
        "import reinstate.errors, google.protobuf.descriptor_pb2, google.protobuf.message_factory, time;"
        "start = time.perf_counter(); import reinstate.wire.messages; print(time.perf_counter() - start)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", code]
    seconds = [
        float(subprocess.run(command, env=environment, capture_output=True, check=True).stdout) for _ in range(3)
    ]
    assert min(seconds) < 0.06
