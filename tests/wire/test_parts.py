"""What bundles are made of: keys of slices, checksums of parts, tables, strings."""

from __future__ import annotations

import pytest
from crc32c import crc32c
from hypothesis import given
from hypothesis import strategies as st

from reinstate.wire.copying import combine
from reinstate.wire.slices import WHOLE, slice_key
from reinstate.wire.sstable import mask, read_table, unmask, write_table
from reinstate.wire.strings import read_strings, write_strings


@pytest.mark.parametrize(
    ("name", "extents", "key"),  # as TensorFlow 2.21 wrote them
    [
        (b"w", [(0, 2), WHOLE], "00 77 0001 0102 80 82 80 7f"),
        (b"w", [(0, 2), (0, 2)], "00 77 0001 0102 80 82 80 82"),
        (b"w", [(70, 100)], "00 77 0001 0101 c046 c064"),
        (b"\x00\xff", [], "00 00ff ff00 0001 00"),
    ],
)
def test_keys_of_slices(name, extents, key):
    assert slice_key(name, extents) == bytes.fromhex(key)


@given(st.lists(st.integers(0, 2**62), min_size=2, max_size=2))
def test_keys_of_slices_sort_as_their_numbers_do(starts):
    a, b = (slice_key(b"w", [(start, 1)]) for start in starts)
    assert (a < b, a == b) == (starts[0] < starts[1], starts[0] == starts[1])


def test_the_published_checksum():
    assert crc32c(b"123456789") == 0xE3069283
    assert mask(0) == 0xA282EAD8


@given(st.integers(0, 2**32 - 1))
def test_masks_come_off(crc):
    assert unmask(mask(crc)) == crc


@given(st.binary(), st.binary(max_size=3000))
def test_checksums_of_parts_combine(first, second):
    assert combine(crc32c(first), crc32c(second), len(second)) == crc32c(first + second)


def test_checksums_of_large_parts_combine():
    first, second = b"a" * 1_000_003, bytes(range(256)) * 40_000
    assert combine(crc32c(first), crc32c(second), len(second)) == crc32c(first + second)


@given(st.dictionaries(st.binary(max_size=20), st.binary(max_size=30), max_size=60))
def test_tables_come_back_sorted(items):
    assert list(read_table(write_table(items.items())).items()) == sorted(items.items())


def test_a_table_of_large_values_has_a_block_for_each():
    items = {bytes([n]) * 3: bytes(600_000) for n in range(4)} | {b"\xff\xff": b"last"}
    assert read_table(write_table(items.items())) == items


def test_a_key_twice_is_an_error():
    with pytest.raises(ValueError, match="there twice"):
        write_table([(b"a", b""), (b"a", b"")])


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_strings_come_back(values):
    data, crc = write_strings(values)
    assert read_strings(data, len(values), crc) == values
