"""Damaged and malicious bundles: each is refused with the place, before memory is taken for what it claims."""

from __future__ import annotations

import struct
import tracemalloc

import numpy as np
import pytest
from crc32c import crc32c

from reinstate.errors import CorruptError, NewerFormatError, UnsupportedError
from reinstate.wire import messages
from reinstate.wire.bundle import Bundle, read_bundle, write_bundle
from reinstate.wire.slices import slice_key
from reinstate.wire.sstable import mask, read_table, varint, write_table

TENSORS = {
    "dense/kernel": np.arange(12, dtype=np.float32).reshape(3, 4),
    "flag": np.array([True, False]),
    "names": np.array([b"a", b"bcd", b""], dtype=object),
    "step": np.array(7),
}


@pytest.fixture
def prefix(tmp_path):
    write_bundle(tmp_path / "x", TENSORS)
    return tmp_path / "x"


def index_of(prefix):
    return prefix.with_name(f"{prefix.name}.index")


def data_of(prefix):
    return prefix.with_name(f"{prefix.name}.data-00000-of-00001")


def read(prefix) -> tuple[Bundle, list[np.ndarray]]:
    bundle = read_bundle(prefix)
    return bundle, bundle.read(list(bundle.entries))


def refused(prefix, text=""):
    with pytest.raises(CorruptError) as caught:
        read(prefix)
    assert text in str(caught.value)
    return str(caught.value)


def test_the_index_cut_off_anywhere(prefix):
    path, data = index_of(prefix), index_of(prefix).read_bytes()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        refused(prefix, "x.index > ")


def test_the_index_with_something_behind_it(prefix):
    index_of(prefix).write_bytes(index_of(prefix).read_bytes() + b"\0")
    refused(prefix, "x.index > ")


def test_the_index_with_any_bit_turned(prefix):
    path, data = index_of(prefix), index_of(prefix).read_bytes()
    for place in range(8 * len(data)):
        turned = bytearray(data)
        turned[place // 8] ^= 1 << place % 8
        path.write_bytes(turned)
        with pytest.raises(CorruptError, match=r"^x\.index > "):
            read_bundle(prefix)


def test_the_data_cut_off_anywhere(prefix):
    path, data = data_of(prefix), data_of(prefix).read_bytes()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        refused(prefix, "x.data-00000-of-00001 > ")


def test_the_data_with_any_bit_turned(prefix):
    """Between the tensors there are zeros that nobody reads; nothing else may pass."""
    path, data = data_of(prefix), data_of(prefix).read_bytes()
    bundle, _ = read(prefix)
    used = {at for e in bundle.entries.values() for at in range(e.offset, e.offset + e.size)}
    assert sum(entry.size for entry in bundle.entries.values()) == len(used)
    for place in range(8 * len(data)):
        turned = bytearray(data)
        turned[place // 8] ^= 1 << place % 8
        path.write_bytes(turned)
        if place // 8 in used:
            refused(prefix, "x.data-00000-of-00001 > ")
        else:
            assert all((a == TENSORS[key]).all() for key, a in zip(bundle.entries, read(prefix)[1], strict=True))


def test_a_file_that_shrinks_between_index_and_data(prefix):
    bundle = read_bundle(prefix)
    data_of(prefix).write_bytes(b"")
    with pytest.raises(CorruptError, match=r"^x\.data-00000-of-00001 > .*cut off"):
        bundle.read(["dense/kernel"])
    with pytest.raises(CorruptError, match=r"^x\.data-00000-of-00001 > names > "):
        bundle.read(["names"])


def test_damage_is_told_with_its_place(prefix):
    data = bytearray(data_of(prefix).read_bytes())
    data[0] ^= 1
    data_of(prefix).write_bytes(data)
    assert refused(prefix).startswith("x.data-00000-of-00001 > dense/kernel > crc32c is 0x")


# Entries that lie.


def entry(name: str, prefix) -> object:
    return messages.parse(messages.BundleEntryProto, read_table(index_of(prefix).read_bytes())[name.encode()])


def rewrite(prefix, **entries):
    """Put entries into the index; None takes one out. The key of the header is ``header``."""
    table = read_table(index_of(prefix).read_bytes())
    for name, message in entries.items():
        key = b"" if name == "header" else name.encode()
        table[key] = messages.serialize(message) if message is not None else None
    index_of(prefix).write_bytes(write_table((k, v) for k, v in table.items() if v is not None))


def shape(*sizes):
    return messages.TensorShapeProto(dim=[messages.TensorShapeProto.Dim(size=size) for size in sizes])


LIES = [
    ({"shape": shape(2**62, 2**62), "size": 2**62}, "too large"),
    ({"shape": shape(2**57)}, "takes"),
    ({"shape": shape(0, 2**62, 2**62)}, "too large"),
    ({"shape": shape(-1)}, "negative size"),
    ({"shape": shape(2, -1, -1)}, "negative size"),
    ({"shape": messages.TensorShapeProto(unknown_rank=True)}, "number of axes"),
    ({"shape": shape(2**40), "size": 2**43}, "reaches to byte"),
    ({"offset": -8}, "8 bytes at byte -8"),
    ({"size": -1}, "-1 bytes"),
    ({"size": 9}, "takes 8 bytes, the entry has 9"),
    ({"offset": 2**63 - 1}, "reaches to byte"),
    ({"offset": 0}, "where step still is"),
    ({"shard_id": 1}, "shard 1 of 1"),
    ({"shard_id": -1}, "shard -1 of 1"),
    ({"dtype": 0}, "no dtype with the number 0"),
    ({"dtype": 77}, "no dtype with the number 77"),
    ({"dtype": 7, "shape": shape(2**50)}, "elements of type string in 8 bytes"),
    ({"dtype": 7, "shape": shape(3)}, "step > "),
    ({"dtype": 10, "shape": shape(8)}, "bool"),
    ({"crc32c": 0}, "crc32c is"),
]


@pytest.mark.parametrize(("fields", "text"), LIES, ids=[text for _, text in LIES])
def test_an_entry_that_lies(prefix, fields, text):
    message = entry("step", prefix)
    for name, value in fields.items():
        field = getattr(message, name)
        field.CopyFrom(value) if name == "shape" else setattr(message, name, value)
    rewrite(prefix, step=message)
    tracemalloc.start()
    try:
        refused(prefix, text)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_more_axes_than_numpy_has(prefix):
    message = entry("step", prefix)
    message.shape.CopyFrom(shape(*[1] * 200))
    rewrite(prefix, step=message)
    with pytest.raises(UnsupportedError, match=r"x.index > step > 200 axes"):
        read_bundle(prefix)


def test_two_tensors_over_the_same_bytes(prefix):
    rewrite(prefix, again=entry("step", prefix))
    refused(prefix, "x.data-00000-of-00001 > step > starts at byte")


@pytest.mark.parametrize("data", [b"\x0a", b"\x08" + b"\xff" * 10 + b"\1", b"\x12\x02\x12\x7f"])
def test_an_entry_that_is_no_message(prefix, data):
    table = read_table(index_of(prefix).read_bytes())
    index_of(prefix).write_bytes(write_table([*table.items(), (b"z", data)]))
    refused(prefix, "x.index > z > not a BundleEntryProto message")


def test_a_name_that_is_no_text(prefix):
    table = read_table(index_of(prefix).read_bytes())
    index_of(prefix).write_bytes(write_table([*table.items(), (b"\xff", table[b"step"])]))
    refused(prefix, r"x.index > the key b'\xff' is not UTF-8")


@pytest.mark.parametrize(
    ("fields", "error", "text"),
    [
        ({"num_shards": 0}, CorruptError, "0 shards"),
        ({"num_shards": -1}, CorruptError, "-1 shards"),
        ({"num_shards": 2**31 - 1}, CorruptError, "shards"),
        ({"num_shards": 2}, CorruptError, "x.data-00000-of-00002 > the file is missing"),
        ({"num_shards": 1, "endianness": 2}, CorruptError, "byte order"),
        ({"num_shards": 1, "version": messages.VersionDef(min_consumer=2)}, NewerFormatError, "version 2"),
        ({"num_shards": 1, "version": messages.VersionDef(bad_consumers=[1])}, NewerFormatError, "header"),
    ],
)
def test_headers(prefix, fields, error, text):
    rewrite(prefix, header=messages.BundleHeaderProto(**fields))
    with pytest.raises(error, match=text):
        read(prefix)


def test_no_header(prefix):
    rewrite(prefix, header=None)
    refused(prefix, "x.index > the header is missing")


# Strings that lie.


@pytest.mark.parametrize(
    "lengths",
    [
        [1, 3, 1],
        [1, 2, 0],
        [2**63, 3, 0],
        [2**64 - 1, 4, 0],
        [4, 2**32, 0],
    ],
)
def test_lengths_that_do_not_add_up(prefix, lengths):
    old = entry("names", prefix)
    checksum = mask(crc32c(b"".join(n.to_bytes(4 if n < 2**32 else 8, "little") for n in lengths)))
    _strings(prefix, old, b"".join(map(varint, lengths)) + checksum.to_bytes(4, "little") + b"abcd")
    refused(prefix, "x.data-00000-of-00001 > names > ")


@pytest.mark.parametrize(
    "data", [b"\xff" * 11, b"\xff\xff\xff", b"\0\0\0", b"\0\0\0\0\0", b"\x80" * 9 + b"\x7f" + b"\0" * 9]
)
def test_lengths_that_are_no_numbers(prefix, data):
    _strings(prefix, entry("names", prefix), data)
    refused(prefix, "x.data-00000-of-00001 > names > ")


def _strings(prefix, old, data):
    with data_of(prefix).open("ab") as file:
        old.offset, old.size = file.tell(), len(data)
        file.write(data)
    rewrite(prefix, names=old)


# Parts that lie.


def whole(prefix, parts, sizes=(3, 4), dtype=1):
    """Make the tensor ``w`` out of parts: ((start, length) per axis, shape of the entry), all float32 zeros."""
    table = read_table(index_of(prefix).read_bytes())
    message = messages.BundleEntryProto(dtype=dtype, shape=shape(*sizes))
    for extents, part_sizes in parts:
        extent = [messages.TensorSliceProto.Extent(start=a, length=n) for a, n in extents]
        message.slices.add(extent=extent)
        size = 4 * int(np.prod(part_sizes))
        with data_of(prefix).open("ab") as file:
            at = file.tell()
            file.write(bytes(size))
        part = messages.BundleEntryProto(
            dtype=1, shape=shape(*part_sizes), offset=at, size=size, crc32c=mask(crc32c(bytes(size)))
        )
        table[slice_key(b"w", extents)] = messages.serialize(part)
    table[b"w"] = messages.serialize(message)
    return table


def store(prefix, table):
    index_of(prefix).write_bytes(write_table(table.items()))


LEFT, RIGHT = (((0, 3), (0, 2)), (3, 2)), (((0, 3), (2, 2)), (3, 2))


def test_parts_that_fit(prefix):
    store(prefix, whole(prefix, [LEFT, RIGHT]))
    bundle, _ = read(prefix)
    assert bundle.read(["w"])[0].shape == (3, 4)


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ([LEFT], "the parts have 6 elements, the whole 12"),
        ([LEFT, (((0, 3), (1, 2)), (3, 2))], "overlap and leave a hole"),
        ([LEFT, RIGHT, (((0, 1), (0, 1)), (1, 1))], "the parts have 13 elements"),
        ([LEFT, (((0, 3), (3, 2)), (3, 2))], "a part from 3, 2 long, of an axis of 4"),
        ([LEFT, (((0, 3), (-2, 2)), (3, 2))], "a part from -2"),
        ([LEFT, (((0, 3), (2, 2**62)), (3, 2))], "of an axis of 4"),
        ([LEFT, (((0, 3), (2, 2)), (2, 3))], "its entry has the shape [2, 3]"),
        ([LEFT, (((0, 3),), (3, 2))], "a part with 1 axes"),
        ([LEFT, LEFT], "it is there twice"),
    ],
)
def test_parts_that_do_not_fit(prefix, parts, text):
    store(prefix, whole(prefix, parts))
    assert refused(prefix, text).startswith("x.index > w > ")


def test_a_part_without_entry_and_an_entry_without_whole(prefix):
    table = whole(prefix, [LEFT, RIGHT])
    del table[slice_key(b"w", RIGHT[0])]
    store(prefix, table)
    refused(prefix, "there is no entry for it")
    del table[b"w"]
    store(prefix, table)
    refused(prefix, "parts that belong to no tensor")


def test_parts_of_another_type(prefix):
    store(prefix, whole(prefix, [LEFT, RIGHT], dtype=2))
    refused(prefix, "parts of type float32 of a tensor of type float64")


def test_a_whole_that_no_file_could_hold(prefix):
    huge = 2**20
    store(prefix, whole(prefix, [(((0, 1), (0, 1), (0, 1)), (1, 1, 1))], sizes=(huge, huge, 4)))
    refused(prefix, "the parts have 1 elements")


# Tables that lie: blocks made by hand, with good checksums.


def block(*entries, restarts=(0,), count=None, kind=0):
    body = b"".join(entries) + struct.pack(f"<{len(restarts)}I", *restarts)
    body += struct.pack("<I", len(restarts) if count is None else count) + bytes([kind])
    return body + struct.pack("<I", mask(crc32c(body)))


def item(key, value, shared=0):
    return varint(shared) + varint(len(key)) + varint(len(value)) + key + value


def table(*blocks, handles=None, last=b"\xff"):
    data, found = b"".join(blocks), []
    at = 0
    for each in blocks:
        found.append(varint(at) + varint(len(each) - 5))
        at += len(each)
    keys = [bytes([n]) for n in range(len(found) - 1)] + [last]
    index = block(*[item(key, handle) for key, handle in zip(keys, handles or found, strict=True)])
    meta = block()
    footer = varint(at) + varint(len(meta) - 5) + varint(at + len(meta)) + varint(len(index) - 5)
    return data + meta + index + footer.ljust(40, b"\0") + bytes.fromhex("57fb808b247547db")


TABLES = [
    (table(block(item(b"b", b""), item(b"a", b""))), "keys must rise"),
    (table(block(item(b"a", b""), item(b"a", b""))), "keys must rise"),
    (table(block(item(b"\0", b"")), block(item(b"\0", b""))), "keys must rise"),
    (table(block(item(b"b", b"")), last=b"a"), "beyond the block's last"),
    (table(block(item(b"a", b"", shared=1))), "larger than its block, or than the key before"),
    (table(block(b"\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\0")), "the entry at byte 0 is larger"),
    (table(block(b"\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")), "the entry at byte 0 is larger"),
    (table(block(b"\xff" * 11)), "or than 64 bits"),
    (table(block(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f\0\0")), "or than 64 bits"),
    (table(block(b"\0\x80\0\0")), "longer than it needs to be"),
    (table(block(b"\xff")), "cut off"),
    (table(block(b"\0")), "cut off"),
    (table(block(count=2**32 - 1)), "4294967295 restart points"),
    (table(block(count=0)), "0 restart points"),
    (table(block(restarts=(0, 0))), "do not rise"),
    (table(block(restarts=(1,))), "do not rise"),
    (table(block(restarts=(0, 99))), "a restart point at 99"),
    (table(block(kind=2)), "no compression number 2"),
    (table(block(), handles=[varint(0) + varint(2**63)]), "reaches beyond the end"),
    (table(block(), handles=[varint(2**64 - 1) + varint(8)]), "the one before ends at 0"),
    (table(block(), handles=[varint(0) + varint(8) + b"\0"]), "a block handle of 3 bytes"),
    (table(block(), handles=[b""]), "cut off"),
    (table(block(), block(), handles=[varint(0) + varint(8)] * 2), "the one before ends at 13"),
]


@pytest.mark.parametrize(("data", "text"), TABLES, ids=range(len(TABLES)))
def test_tables_that_lie(data, text):
    with pytest.raises(CorruptError) as caught:
        read_table(data)
    assert text in str(caught.value)
    assert "block at byte" in str(caught.value)


def test_snappy_is_refused_by_name():
    with pytest.raises(UnsupportedError, match=r"block at byte 0 > .*Snappy"):
        read_table(table(block(kind=1)))


def test_the_tables_made_by_hand_can_be_good():
    assert read_table(table(block(item(b"ab", b"1"), item(b"c", b"2", shared=1)))) == {b"ab": b"1", b"ac": b"2"}
