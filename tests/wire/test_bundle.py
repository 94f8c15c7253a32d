"""Bundles that TensorFlow wrote are read to the bit; ours are read by TensorFlow."""

from __future__ import annotations

import jax
import ml_dtypes
import numpy as np
import pytest
from crc32c import crc32c

from reinstate import dtypes
from reinstate.errors import CorruptError, UnsupportedError
from reinstate.wire import copying, messages
from reinstate.wire.bundle import (
    Bundle,
    read_bundle,
    read_checkpoint_state,
    write_bundle,
    write_checkpoint_state,
)
from reinstate.wire.sstable import read_table, write_table
from reinstate.wire.strings import read_strings
from tests.wire.values import assert_same


def everything(bundle: Bundle) -> dict[str, np.ndarray]:
    return dict(zip(bundle.entries, bundle.read(list(bundle.entries)), strict=True))


@pytest.fixture
def prefix(tmp_path):
    return tmp_path / "variables"


@pytest.fixture
def values(tmp_path):
    return tmp_path / "values.raw"


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("write_dtypes", {}),
        ("write_sharded", {"max_shard_size": 4000}),
        ("write_slices", {}),
        ("write_partitioned", {}),
    ],
)
def test_reads_what_tensorflow_writes(oracle, prefix, values, function, arguments):
    records = oracle(f"bundle.{function}", prefix=str(prefix), values=str(values), **arguments)
    bundle = read_bundle(prefix)
    assert_same(records, values, everything(bundle))
    for record in records:
        entry = bundle.entries[record["name"]]
        assert (entry.dtype.name, list(entry.shape)) == (record["dtype"], record["shape"])


def test_what_tensorflow_shards_is_in_tiles_of_several_files(oracle, prefix, values):
    oracle("bundle.write_sharded", prefix=str(prefix), values=str(values), max_shard_size=4000)
    bundle = read_bundle(prefix)
    tiles = bundle.entries["a/.ATTRIBUTES/VARIABLE_VALUE"].slices
    assert bundle.shards > 2
    assert len({tile.entry.shard for tile in tiles}) > 1


def test_12000_variables(oracle, prefix, values, tmp_path):
    """They fill several blocks, which start and end where TensorFlow's do."""
    records = oracle("bundle.write_many", prefix=str(prefix), values=str(values), count=12000)
    tensors = everything(read_bundle(prefix))
    assert_same(records, values, tensors)
    theirs = prefix.with_name("variables.index").read_bytes()
    assert len(theirs) > 2 * 262144
    assert write_table(read_table(theirs).items()) == theirs


def test_tensorflow_reads_every_dtype_that_we_write(oracle, prefix, values, tmp_path):
    oracle("bundle.write_dtypes", prefix=str(prefix), values=str(values))
    theirs = read_bundle(prefix)
    tensors = everything(theirs)
    types = {key: entry.dtype for key, entry in theirs.entries.items()}
    write_bundle(tmp_path / "ours", tensors, dtypes=types)
    records = oracle("bundle.read", prefix=str(tmp_path / "ours"), values=str(values))
    assert_same(records, values, tensors)
    assert {record["name"]: record["dtype"] for record in records} == {key: types[key].name for key in types}
    assert len({record["dtype"] for record in records}) == len(dtypes.DTYPES) - 2  # without resource and variant


def test_tensorflow_reads_our_shards(oracle, prefix, values):
    tensors = {f"t{i}": np.random.default_rng(i).standard_normal((10, i)) for i in range(9)}
    write_bundle(prefix, tensors, shard_bytes=1000)
    assert len(list(prefix.parent.glob("variables.data-*-of-00004"))) == 4
    assert_same(oracle("bundle.read", prefix=str(prefix), values=str(values)), values, tensors)
    assert_same(oracle("bundle.read", prefix=str(prefix), values=str(values)), values, everything(read_bundle(prefix)))


def test_tensorflow_reads_what_is_not_contiguous_or_of_another_byte_order(oracle, prefix, values):
    square = np.arange(12, dtype=np.float32).reshape(3, 4)
    given = {
        "fortran": np.asfortranarray(square),
        "reversed": square[::-1, ::2],
        "big-endian": square.astype(">f4"),
        "broadcast": np.broadcast_to(np.int16(7), (2, 3)),
        "bytes": np.array([b"ab", b"c"]),
        "text": np.array(["é", "xyz"]),
        "objects": np.array([["é", b"\0\xff\0"]], dtype=object),
        "int4, sign in all bits": np.array([0xFD, 0x0D], np.uint8).view(ml_dtypes.int4),
    }
    write_bundle(prefix, given)
    text = np.array(["é".encode(), b"xyz"], dtype=object)
    expected = {
        **{key: np.ascontiguousarray(value) for key, value in given.items()},
        "big-endian": square,
        "text": text,
        "bytes": np.array([b"ab", b"c"], dtype=object),
        "objects": np.array([["é".encode(), b"\0\xff\0"]], dtype=object),
        "int4, sign in all bits": np.array([-3, -3], ml_dtypes.int4),
    }
    assert_same(oracle("bundle.read", prefix=str(prefix), values=str(values)), values, expected)


def test_the_bytes_are_these(prefix):
    """Laid down by hand after tensor_bundle.proto and the table format; crc32c from its published check value."""
    assert write_bundle(prefix, {"b": np.frombuffer(b"123456789", np.uint8), "a": np.array(True)}) == 64 + 1 + 138
    data = prefix.with_name("variables.data-00000-of-00001").read_bytes()
    assert data == b"123456789".ljust(64, b"\0") + b"\1"
    index = prefix.with_name("variables.index").read_bytes()
    crc_b = mask(0xE3069283).to_bytes(4, "little")
    header = bytes.fromhex("08011a020801")
    b = bytes.fromhex("0804 1204 1202 0809 2809 35") + crc_b
    start = bytes.fromhex("000006") + header + bytes.fromhex("00010d") + b"a" + bytes.fromhex("080a 1200 2040 2801 35")
    assert index.startswith(start)
    assert index[len(start) + 4 :].startswith(
        bytes.fromhex("00010f") + b"b" + b + bytes.fromhex("00000000 01000000 00")
    )
    assert index.endswith(bytes.fromhex("57fb808b247547db"))


def mask(crc: int) -> int:
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_the_index_is_that_of_tensorflow_but_for_the_gaps(oracle, prefix, values, tmp_path):
    """A single tensor leaves no gap: all bytes agree."""
    oracle(
        "bundle.write_tensor", prefix=str(prefix), values=str(values), name="dense/kernel", numbers=[[1, 2.5], [3, -4]]
    )
    write_bundle(tmp_path / "ours", {"dense/kernel": np.array([[1, 2.5], [3, -4]], np.float32)})
    for suffix in (".index", ".data-00000-of-00001"):
        assert (tmp_path / f"ours{suffix}").read_bytes() == (tmp_path / f"variables{suffix}").read_bytes()


def test_the_same_tensors_give_the_same_bytes(tmp_path):
    tensors = {f"t{i}": np.random.default_rng(i).standard_normal(30000 * i) for i in range(5)}
    for name in ("a", "b"):
        write_bundle(tmp_path / name, tensors)
    for suffix in (".index", ".data-00000-of-00001"):
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_the_data_lies_in_the_order_given(prefix):
    write_bundle(prefix, {"z": np.zeros(3), "a": np.ones(3)})
    entries = read_bundle(prefix).entries
    assert (entries["z"].offset, entries["a"].offset) == (0, 64)
    assert list(entries) == ["a", "z"]


def test_aligned_tensors_are_views_that_jax_takes_as_they_are(prefix):
    write_bundle(prefix, {"odd": np.ones(3, np.int8), "w": np.arange(1000, dtype=np.float32)})
    (array,) = read_bundle(prefix).read(["w"])
    assert not array.flags.writeable
    taken = jax.device_put(array)
    assert taken.unsafe_buffer_pointer() == array.ctypes.data
    assert taken.sum() == 499500


def test_copied_tensors_are_aligned_too(oracle, prefix, values):
    oracle("bundle.write_dtypes", prefix=str(prefix), values=str(values))
    bundle = read_bundle(prefix)
    numbers = [key for key, entry in bundle.entries.items() if entry.dtype.name == "float32" and entry.size]
    for array in bundle.read(numbers):
        assert array.ctypes.data % 64 == 0
        assert jax.device_put(array).unsafe_buffer_pointer() == array.ctypes.data


def test_keys_are_read_in_the_order_asked_and_as_often(prefix):
    write_bundle(prefix, {"a": np.zeros(2), "b": np.ones(2)})
    b, a, again = read_bundle(prefix).read(["b", "a", "b"])
    assert (a.sum(), b.sum(), again.sum()) == (0, 2, 2)
    assert read_bundle(prefix).read([]) == []


def test_tensors_of_several_segments_are_checked_and_reported(prefix, monkeypatch):
    monkeypatch.setattr(copying, "_SEGMENT", 1 << 12)
    monkeypatch.setattr(copying, "_CHUNK", 1 << 10)
    value = np.random.default_rng(0).integers(0, 255, 50001, np.uint8)
    total = write_bundle(prefix, {"a": value, "b": value[:77]}, progress=(written := []).append)
    seen: list[int] = []
    a, b = read_bundle(prefix).read(["a", "b"], progress=seen.append)
    assert (a == value).all() and (b == value[:77]).all()
    assert seen == sorted(set(seen)) and seen[-1] == 50001 + 77
    assert written == sorted(set(written)) and written[-1] == total - prefix.with_name("variables.index").stat().st_size


def test_progress_can_stop_it(prefix):
    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_bundle(prefix, {"a": np.zeros(1 << 20)}, progress=stop)
    write_bundle(prefix, {"a": np.zeros(1 << 20)})
    with pytest.raises(KeyboardInterrupt):
        read_bundle(prefix).read(["a"], progress=stop)


def test_an_empty_bundle(oracle, prefix, values):
    write_bundle(prefix, {})
    assert read_bundle(prefix).entries == {}
    assert oracle("bundle.read", prefix=str(prefix), values=str(values)) == []


def test_variants_are_refused_by_name(oracle, prefix):
    oracle("bundle.write_variant", prefix=str(prefix))
    bundle = read_bundle(prefix)
    with pytest.raises(UnsupportedError) as caught:
        bundle.read(["list", "x"])
    assert caught.value.offenders == ("list: variant",)
    assert bundle.read(["x"])[0].tolist() == [1, 1]


def test_what_cannot_be_written_is_all_named(prefix):
    with pytest.raises(UnsupportedError) as caught:
        write_bundle(
            prefix,
            {
                "date": np.zeros(2, "M8[s]"),
                "good": np.zeros(2),
                "objects": np.array([1, None], dtype=object),
                "record": np.zeros(2, "i4,f4"),
            },
        )
    assert [offender.split(":")[0] for offender in caught.value.offenders] == ["date", "objects", "record"]
    assert not list(prefix.parent.iterdir())


@pytest.mark.parametrize("key", ["", "\0x"])
def test_names_that_the_index_means_otherwise(prefix, key):
    with pytest.raises(ValueError, match="cannot name a tensor"):
        write_bundle(prefix, {key: np.zeros(1)})


def test_missing_files(prefix):
    with pytest.raises(FileNotFoundError):
        read_bundle(prefix)
    write_bundle(prefix, {"a": np.zeros(3)})
    with pytest.raises(CorruptError, match=r"^variables\.index has no tensor named b, c$"):
        read_bundle(prefix).read(["a", "b", "c"])
    prefix.with_name("variables.data-00000-of-00001").unlink()
    with pytest.raises(CorruptError, match=r"^variables\.data-00000-of-00001 > the file is missing$"):
        read_bundle(prefix)


def test_checkpoint_state(oracle, tmp_path):
    write_bundle(tmp_path / "näme", {"a": np.zeros(3)})
    write_checkpoint_state(tmp_path / "checkpoint", "näme")
    assert oracle("bundle.read_state", directory=str(tmp_path)) == str(tmp_path / "näme")
    state = read_checkpoint_state(tmp_path / "checkpoint")
    assert state.model_checkpoint_path == "näme"
    (tmp_path / "checkpoint").write_bytes(b"model_checkpoint_path: 3\xff")
    with pytest.raises(CorruptError, match=r"^checkpoint > "):
        read_checkpoint_state(tmp_path / "checkpoint")


def test_big_endian_bundles(oracle, prefix, values, tmp_path):
    """Made from TensorFlow's own, by turning the bytes of every element around and saying so in the header."""
    records = oracle("bundle.write_dtypes", prefix=str(prefix), values=str(values))
    big_endian(prefix, tmp_path / "big")
    ours = everything(read_bundle(tmp_path / "big"))
    assert_same(records, values, ours)
    # TensorFlow itself cannot swap these.
    skip = [
        row.name for row in dtypes.DTYPES if row.name.startswith(("float4", "float8", "int2", "int4", "uint2", "uint4"))
    ]
    records = oracle("bundle.read", prefix=str(tmp_path / "big"), values=str(values), skip=skip)
    assert_same(records, values, {key: array for key, array in ours.items() if array.dtype.name not in skip})


def big_endian(prefix, target):
    """Write the bundle as a big-endian machine would."""
    table = read_table(prefix.with_name(f"{prefix.name}.index").read_bytes())
    data = bytearray(prefix.with_name(f"{prefix.name}.data-00000-of-00001").read_bytes())
    for key, value in table.items():
        if not key:
            header = messages.parse(messages.BundleHeaderProto, value)
            header.endianness = 1
            table[key] = messages.serialize(header)
            continue
        entry = messages.parse(messages.BundleEntryProto, value)
        span = slice(entry.offset, entry.offset + entry.size)
        data[span], entry.crc32c = turned(bytes(data[span]), dtypes.from_enum(entry.dtype), entry)
        table[key] = messages.serialize(entry)
    target.with_name(f"{target.name}.index").write_bytes(write_table(table.items()))
    target.with_name(f"{target.name}.data-00000-of-00001").write_bytes(data)


def turned(data, dtype, entry):
    """The bytes of a tensor in the other order, and their checksum. Of strings, only the checksum of lengths turns."""
    if dtype.name == "string":
        count = int(np.prod([dim.size for dim in entry.shape.dim]))
        strings = read_strings(data, count, entry.crc32c)
        crc = crc32c(np.array([len(string) for string in strings], ">u4").tobytes())
        checksum = mask(crc).to_bytes(4, "big")
        body = b"".join(strings)
        return data[: len(data) - len(body) - 4] + checksum + body, mask(crc32c(body, crc32c(checksum, crc)))
    unit = dtype.size // (2 if dtype.name.startswith("complex") else 1)
    data = np.frombuffer(data, np.uint8).reshape(-1, unit)[:, ::-1].tobytes()
    return data, mask(crc32c(data))
