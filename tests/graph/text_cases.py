"""What the ops on strings are tried on. Read by the recorder, too: numpy only."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.graph.cases import GROUPS, Case, c, f, i, i64


def s(*texts: Any, shape: tuple[int, ...] | None = None) -> Any:
    """Strings, as an array of bytes."""
    found = np.empty(len(texts), object)
    found[:] = [text.encode() if isinstance(text, str) else text for text in texts]
    return found.reshape(len(texts) if shape is None else shape)


def one(text: Any) -> Any:
    return s(text, shape=())


WORDS = s("Hello World", "", "  ÄÖ  ß\t", "a,b,,c", b"\xff\xfe no text \x00\n", "Straße İ", "x" * 70)
EMPTY = s(shape=(0,))
PUNCTUATION = "[!\"#$%&()\\*\\+,-\\./:;<=>?@\\[\\\\\\]^_`{|}~\\']"


def strings() -> Iterator[Case]:
    for op in ("StringLower", "StringUpper"):
        yield c(op, WORDS)
        yield c(op, WORDS[:4], encoding="utf-8")
        yield c(op, EMPTY)
    yield c("StringStrip", WORDS)
    for unit in ("BYTE", "UTF8_CHAR"):
        yield c("StringLength", WORDS, unit=unit)
        yield c("Substr", WORDS[:3], 0, 3, unit=unit)
        yield c("Substr", s("über alles", "ñandú"), [1, -3], [2, 9], unit=unit)
    yield c("Substr", s("abc"), 4, 1)
    yield c("Substr", s("abc", "defg", shape=(2, 1)), i64([0, 1]), i64([2, 1]))
    yield c("StringJoin", (s("a", "b"), one("-"), s("c", "")), separator="+")
    yield c("StringJoin", (one("a"), one("b")))
    yield c("ReduceJoin", s("a", "b", "c", "d", shape=(2, 2)), [0], separator=",")
    yield c("ReduceJoin", s("a", "b", "c", "d", shape=(2, 2)), [1, 0], keep_dims=True)
    yield c("ReduceJoin", s("a", "b", "c", "d", "e", "f", shape=(1, 2, 3)), -1, separator=" ")
    yield c("ReduceJoin", s("a", "b"), np.array([], np.int32))
    yield c("UnsortedSegmentJoin", s("a", "b", "c", "d"), [1, 0, -1, 1], 3, separator="/")
    yield c("UnsortedSegmentJoin", s("a", "b", "c", "d", shape=(2, 2)), [1, 1], 2)
    yield c("UnsortedSegmentJoin", s("a", "b", "c"), [1, 0, 1], 3, separator="/")
    for maxsplit in (-1, 1):
        yield c("StringSplitV2", WORDS, one(""), maxsplit=maxsplit)
        yield c("StringSplitV2", WORDS, one(","), maxsplit=maxsplit)
        yield c("StringSplitV2", s("a::b::", "::", ""), one("::"), maxsplit=maxsplit)
    yield c("StringSplitV2", s("  lead trail  x  "), one(""), maxsplit=1)
    yield c("StringSplitV2", EMPTY, one(" "))
    for skip in (True, False):
        yield c("StringSplit", s("a b  c", "", " x"), one(" "), skip_empty=skip)
        yield c("StringSplit", s("a,b;c;;", "d"), one(",;"), skip_empty=skip)
        yield c("StringSplit", s("abc", ""), one(""), skip_empty=skip)
    for widths, pad, short in (([2], 0, False), ([1, 3], -1, False), ([4], 1, True), ([5, 2], 0, True)):
        yield c(
            *("StringNGrams", s("a", "b", "c", "d", "e"), i64([0, 3, 3, 4, 5])),
            **{"separator": "|", "ngram_widths": widths, "left_pad": "<", "right_pad": ">", "pad_width": pad},
            preserve_short_sequences=short,
        )
    many = s(*("x" * n for n in (0, 1, 3, 4, 7, 8, 9, 16, 17, 32, 33, 64, 65, 128, 200)))
    yield c("StringToHashBucketFast", many, num_buckets=2**40)
    yield c("StringToHashBucket", many, num_buckets=2**40)
    yield c("StringToHashBucketStrong", many, num_buckets=2**40, key=[1, -2])
    yield c("StringToHashBucketFast", WORDS.reshape(7, 1), num_buckets=10)
    yield c("Fingerprint", many, one("farmhash64"))
    yield c("Fingerprint", f(3, 4), one("farmhash64"))
    for pad in (True, False):
        yield c("EncodeBase64", WORDS, pad=pad)
    yield c("DecodeBase64", s("aGVsbG8", "aGVsbG8=", "_-8", ""))
    yield c("DecodeBase64", s("a*b"))


def regex() -> Iterator[Case]:
    yield c("StaticRegexReplace", WORDS, pattern=PUNCTUATION, rewrite="")
    yield c("StaticRegexReplace", WORDS, pattern="x*", rewrite="-")
    yield c("StaticRegexReplace", s("abxd", "xx", "a\nb"), pattern="x*$", rewrite="-")
    yield c("StaticRegexReplace", WORDS, pattern="(.)(l)", rewrite=r"\2\1\0\\", replace_global=False)
    yield c("StaticRegexReplace", s("a1é٣", "ßx_"), pattern=r"\pL", rewrite="L")
    yield c("StaticRegexReplace", s("a1é٣", "ßx_"), pattern=r"[\p{Nd}\PN]", rewrite="N")
    yield c("StaticRegexReplace", s("a1é٣", "ßx_ \v"), pattern=r"[[:alpha:]_]|\s|\d", rewrite=".")
    yield c("StaticRegexReplace", s("a]b^c"), pattern=r"[]^]", rewrite=".")
    yield c("StaticRegexReplace", s("aAbB", "ÄäK"), pattern="(?i)[ab]+", rewrite="<\\0>")
    yield c("StaticRegexReplace", s("one two", "<br />x"), pattern="<br />|\\bt(?P<rest>w)", rewrite=" \\1")
    yield c("StaticRegexReplace", s("line\nline", "line"), pattern="(?m)^l|e$", rewrite="_")
    yield c("RegexReplace", WORDS, one("[aeiou]"), one("*"))
    yield c("RegexReplace", WORDS, one("("), one("*"))
    yield c("RegexFullMatch", s("abc", "ab", "abcd", "ab\n"), one("abc?"))
    yield c("StaticRegexFullMatch", s("s3://x", "x", ""), pattern="^s3://.*")
    yield c("StaticRegexFullMatch", s("a.b", "axb"), pattern=r"\Qa.b\E")


def unicode() -> Iterator[Case]:
    texts = s("héllo", "", b"a\xffb\xc3", "日本語", "a\x01b", "𝄞x")
    for errors in ("replace", "ignore"):
        for op in ("UnicodeDecode", "UnicodeDecodeWithOffsets"):
            yield c(
                op, texts, input_encoding="UTF-8", errors=errors, replacement_char=63, replace_control_characters=True
            )
    yield c("UnicodeDecode", texts.reshape(3, 2), input_encoding="UTF-8")
    yield c("UnicodeDecode", texts, input_encoding="UTF-8", errors="strict")
    yield c("UnicodeDecodeWithOffsets", s(b"\0a\xd8\x34\xdd\x1e"), input_encoding="UTF-16-BE")
    for encoding in ("UTF-8", "UTF-16-BE", "UTF-32-BE"):
        yield c("UnicodeEncode", [104, 233, 0x1D11E, 0xD800, -1], i64([0, 2, 2, 5]), output_encoding=encoding)
        yield c("UnicodeTranscode", texts, input_encoding="UTF-8", output_encoding=encoding)
    yield c("UnicodeEncode", [104, 0xD800], i64([0, 2]), output_encoding="UTF-8", errors="ignore")
    yield c("UnicodeEncode", [104, 0xD800], i64([0, 2]), output_encoding="UTF-8", errors="strict")
    yield c("UnicodeTranscode", s(b"caf\xe9"), input_encoding="ISO-8859-1", output_encoding="UTF-8")


def conversion() -> Iterator[Case]:
    for kind in ("float32", "float64", "int32", "int64"):
        texts = s("1", "-2", " 3 ") if "int" in kind else s("1.5", "-2e3", " .5 ", "inf", "-nan", "1e60")
        yield c("StringToNumber", texts, out_type=kind)
        yield c("StringToNumber", s("1x"), out_type=kind)
    yield c("StringToNumber", s("3000000000"), out_type="int32")
    yield c("AsString", np.array([0.1, -1.5, 1e10, np.nan, np.inf, -0.0], np.float32))
    yield c("AsString", f(3), precision=2, width=8)
    yield c("AsString", f(3), scientific=True, width=14, fill="-")
    yield c("AsString", f(3), shortest=True)
    yield c("AsString", i(4), width=5, fill="0")
    yield c("AsString", i(4), fill="+", width=4)
    yield c("AsString", i64([2**40, -1]))
    yield c("AsString", np.array([True, False]))
    yield c("AsString", np.array([1 + 2j], np.complex64), precision=1)
    yield c("AsString", i(3, low=0, dtype=np.uint8))
    yield c("StringFormat", (i(3), f(2, 2)), template="a %s b %s")
    yield c("StringFormat", (np.arange(10, dtype=np.int32), s("x", "y")), template="{}{}", placeholder="{}")
    yield c(
        "StringFormat", (np.arange(64, dtype=np.int32).reshape(8, 8), np.float32(0.1)), template="%s %s", summarize=1
    )
    for kind in ("uint8", "int16", "float32", "bool"):
        yield c("DecodeRaw", s(b"\1\2\3\4", b"\0\1\0\1"), out_type=kind)
    yield c("DecodeRaw", s(b"\1\2\3\4"), out_type="int16", little_endian=False)
    yield c("DecodeRaw", s(b"abc"), out_type="int16")
    yield c("DecodePaddedRaw", s(b"ab", b"", b"abcdef"), 4, out_type="int16")
    yield c("DecodeCompressed", s(zlib.compress(b"abc" * 9), zlib.compress(b"")), compression_type="ZLIB")
    yield c("DecodeCompressed", s("abc"), compression_type="")
    tensor = s(b"\x08\x01\x12\x04\x12\x02\x08\x02*\x08\x00\x00\x80?\x00\x00\x00@", shape=())
    yield c("ParseTensor", tensor, out_type="float32")
    yield c("ParseTensor", tensor, out_type="int32")
    row = s('1,2.5,"a,""b"",c"', "3,,x", "7,8,")
    yield c("DecodeCSV", row, (np.array([0], np.int32), np.array([9], np.float32), s("none")))
    yield c("DecodeCSV", row, (np.array([0], np.int32), np.array([], np.float32), s("none")))
    yield c("DecodeCSV", s("1;NA;3"), ([5], [6]), field_delim=";", na_value="NA", select_cols=[0, 1])
    yield c("DecodeCSV", s("1;NA;3"), ([5], [6]), field_delim=";")


def shapes() -> Iterator[Case]:
    """Ops that take everything, strings among it."""
    texts = s("a", "b", "", "ab", shape=(2, 2))
    for op in ("Identity", "Shape", "Size", "Rank", "Squeeze"):
        yield c(op, texts)
    yield c("Reshape", texts, [-1])
    yield c("ExpandDims", texts, -1)
    yield c("Transpose", texts, [1, 0])
    yield c("ConcatV2", (texts, texts), 1)
    yield c("Pack", (texts, texts), axis=1)
    yield c("Unpack", texts, num=2)
    yield c("StridedSlice", texts, [0, 1], [1, 2], [1, 1], shrink_axis_mask=2)
    yield c("Slice", texts, [0, 1], [2, 1])
    yield c("Tile", texts, [1, 2])
    yield c("Split", 0, texts, num_split=2)
    yield c("GatherV2", texts, [1, 0, 1], 0)
    yield c("GatherNd", texts, [[1, 0]])
    yield c("Fill", [2, 1], one("x"))
    yield c("SelectV2", np.array([True, False]), texts, one("no"))
    yield c("Select", np.array([True, False]), texts, texts[::-1])
    yield c("Equal", texts, one("a"))
    yield c("NotEqual", texts, texts[0])
    yield c("ReverseV2", texts, [0])
    yield c("Unique", s("b", "a", "b"))
    yield c("UniqueWithCounts", s("b", "a", "b"))
    yield c("PadV2", texts, [[0, 1], [1, 0]], one("."))
    yield c("BroadcastTo", s("a", "b"), [2, 2])
    yield c("SparseToDense", i64([[0, 1], [1, 0]]), i64([2, 2]), s("a", "b"), one(""))
    yield c(
        *("RaggedTensorToTensor", i64([-1, -1]), s("a", "b", "c"), one(""), (i64([0, 2, 3]),)),
        row_partition_types=["ROW_SPLITS"],
    )
    yield c("ZerosLike", texts)


for group in (strings, regex, unicode, conversion, shapes):
    GROUPS[group.__name__ if group is not shapes else "text_shapes"] = list(group())
