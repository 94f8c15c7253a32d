# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False, disallow-untyped-calls=False
# ruff: noqa: D103
"""Numbers as text and text as numbers, on the host."""

from __future__ import annotations

import csv
import zlib
from typing import Any

import numpy as np

from reinstate.errors import MismatchError
from reinstate.graph.rules import Static, check_size, ints, op, require
from reinstate.graph.strings import decoded, each, filled, undecoded
from reinstate.wire import messages
from reinstate.wire.tensors import read_tensor

_MOST = 2**31  # bytes that something packed may unpack to


@op("StringToNumber")
def string_to_number(string_tensor: Static, *, out_type):
    return _numbers(string_tensor, out_type)


def _numbers(texts: Any, dtype: Any) -> Any:
    read = int if dtype.numpy.kind in "iu" else float

    def number(text: bytes) -> Any:
        try:
            require(b"_" not in text, f"{text!r:.100} is no number")
            return read(text.decode("ascii"))
        except ValueError as error:
            raise MismatchError(f"{text!r:.100} is no {dtype}") from error

    found = each(texts, number)
    if read is int and found.size:
        limits = np.iinfo(dtype.numpy)
        require(
            all(limits.min <= value <= limits.max for value in found.ravel()), f"a number out of the range of {dtype}"
        )
    with np.errstate(over="ignore"):
        return found.astype(dtype.numpy)


@op("AsString")
def as_string(input: Static, *, precision, scientific, shortest, width, fill):
    require(fill in ("", " ", "-", "+", "0", "#"), f"filling with {fill!r}")
    require(not (scientific and shortest), "scientific and shortest at once")
    kind = input.dtype.kind
    form = "%" + fill + (str(width) if width >= 0 else "")
    if kind in "fc" or input.dtype.name == "bfloat16":
        form += f".{precision}" if precision >= 0 else ""
        form += "g" if shortest else "e" if scientific else "f"
    else:
        require(precision < 0 and not scientific and not shortest, "a precision of what has no fraction")
        form += "d"

    def text(value: Any) -> bytes:
        if kind == "b":
            return b"true" if value else b"false"
        if kind == "c":
            return f"({form % value.real},{form % value.imag})".encode()
        return str(form % value).encode()

    if input.dtype.hasobject:
        pad = width if fill != "-" else -width
        return each(input, lambda value: value.ljust(-pad) if pad < 0 else value.rjust(pad))
    return filled(input.shape, map(text, input.ravel().tolist()))


@op("StringFormat")
def string_format(inputs: Static, *, template, placeholder, summarize):
    parts = decoded(template).split(decoded(placeholder))
    require(len(parts) == len(inputs) + 1, f"{len(parts) - 1} places for {len(inputs)} tensors")
    texts = [_summary(value, summarize) for value in inputs]
    whole = "".join(part + text for part, text in zip(parts, [*texts, ""], strict=True))
    return filled((), [undecoded(whole)])


def _summary(value: Any, most: int, depth: int = 1) -> str:
    """A tensor as TensorFlow prints it: the first and the last elements of each dimension."""
    if value.ndim == 0:
        return _element(value[()] if value.dtype.kind == "f" else value.item())
    rows = [value[i, ...] for i in range(len(value))]
    whole = most < 0 or len(rows) <= 2 * most
    shown = [_summary(row, most, depth + 1) for row in (rows if whole else [*rows[:most], *rows[len(rows) - most :]])]
    if not whole:
        shown.insert(most, "...")
    return "[" + ("\n" * (value.ndim - 1) + " " * depth if value.ndim > 1 else " ").join(shown) + "]"


def _element(value: Any) -> str:
    if isinstance(value, bytes):
        return f'"{decoded(value)}"'
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, np.floating):
        short = f"{value:.6g}"
        return short if value.dtype.type(short) == value or value != value else f"{value:.9g}"
    return str(value)


# Bytes ------------------------------------------------------------------------------------------------------------


@op("DecodeRaw")
def decode_raw(bytes: Static, *, out_type, little_endian):
    sizes = {len(text) for text in bytes.ravel()}
    require(len(sizes) <= 1, "strings of different lengths")
    size = sizes.pop() if sizes else 0
    require(size % out_type.size == 0, f"{size} bytes are no {out_type}")
    return _raw(list(bytes.ravel()), out_type, little_endian).reshape(*bytes.shape, size // out_type.size)


@op("DecodePaddedRaw")
def decode_padded_raw(input_bytes: Static, fixed_length: Static, *, out_type, little_endian):
    (size,) = ints(fixed_length)
    require(size > 0 and size % out_type.size == 0, f"{size} bytes are no {out_type}")
    check_size((input_bytes.size, size))
    texts = [text[:size].ljust(size, b"\0") for text in input_bytes.ravel()]
    return _raw(texts, out_type, little_endian).reshape(*input_bytes.shape, size // out_type.size)


def _raw(texts: list[Any], dtype: Any, little: bool) -> Any:
    if dtype.name == "bool":
        return np.frombuffer(b"".join(texts), np.uint8) != 0
    order = "<" if little else ">"
    found = np.frombuffer(b"".join(texts), dtype.numpy)
    return found if dtype.numpy.isbuiltin != 1 else found.view(dtype.numpy.newbyteorder(order)).astype(dtype.numpy)


@op("DecodeCompressed")
def decode_compressed(bytes: Static, *, compression_type):
    def unpacked(text: Any) -> Any:
        try:
            window = {"GZIP": 16 + zlib.MAX_WBITS, "ZLIB": zlib.MAX_WBITS}[compression_type]
            worker = zlib.decompressobj(window)
            found = worker.decompress(text, _MOST)
            require(not worker.unconsumed_tail, "it unpacks to more than 2 GiB")
            return found + worker.flush()
        except zlib.error as error:
            raise MismatchError(f"not compressed as {compression_type}: {error}") from error

    require(compression_type in ("", "GZIP", "ZLIB"), f"the compression {compression_type!r}")
    return each(bytes, unpacked) if compression_type else bytes


@op("ParseTensor")
def parse_tensor(serialized: Static, *, out_type):
    found = read_tensor(messages.parse(messages.TensorProto, serialized.item()))
    require(found.dtype == out_type.numpy, f"a tensor of {found.dtype}, not {out_type}")
    return found


@op("DecodeCSV")
def decode_csv(
    records: Static, record_defaults: Static, *, OUT_TYPE, field_delim, use_quote_delim, na_value, select_cols
):
    require(len(field_delim) == 1, f"the delimiter {field_delim!r}")
    columns = select_cols or range(len(record_defaults))
    quoting: Any = csv.QUOTE_MINIMAL if use_quote_delim else csv.QUOTE_NONE
    rows = []
    for record in records.ravel():
        try:
            row = next(csv.reader([decoded(record)], delimiter=field_delim, quoting=quoting, strict=True), [""])
        except csv.Error as error:
            raise MismatchError(f"{record!r:.100} is no CSV: {error}") from error
        enough = max(columns, default=-1) < len(row) if select_cols else len(row) == len(record_defaults)
        require(enough, f"{len(row)} fields, where {len(record_defaults)} should be")
        rows.append([row[column] for column in columns])
    return [
        _column([row[i] for row in rows], default, dtype, decoded(na_value)).reshape(records.shape)
        for i, (default, dtype) in enumerate(zip(record_defaults, OUT_TYPE, strict=True))
    ]


def _column(fields: list[str], default: Any, dtype: Any, missing: str) -> Any:
    empty = [field in ("", missing) for field in fields]
    require(default.size > 0 or not any(empty), "a field that has no default is empty")
    if dtype.name == "string":
        fill = default.item() if default.size else b""
        return filled((len(fields),), (fill if gone else undecoded(f) for f, gone in zip(fields, empty, strict=True)))
    found = np.empty(len(fields), dtype.numpy)
    for i, (field, gone) in enumerate(zip(fields, empty, strict=True)):
        found[i] = default.item() if gone else _numbers(filled((), [undecoded(field)]), dtype)[()]
    return found
