"""Records of features, and sequences. Read by the recorder, too: numpy only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.graph.cases import GROUPS, Case, c, f, i64
from tests.graph.text_cases import one, s


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


def example(**features: bytes) -> bytes:
    entries = [_field(1, _field(1, key.encode()) + _field(2, value)) for key, value in features.items()]
    return _field(1, b"".join(entries))


def numbers(*values: int) -> bytes:
    return _field(3, _field(1, bytes(values)))


def floats(*values: float) -> bytes:
    return _field(2, _field(1, np.array(values, "<f4").tobytes()))


def texts(*values: bytes) -> bytes:
    return _field(1, b"".join(_field(1, value) for value in values))


FIRST = example(n=numbers(3, 4), x=floats(0.5, 1.5), t=texts(b"a", b"bc"), unused=numbers(1))
SECOND = example(x=floats(2.5, 3.5), n=numbers(7))
NOTHING = s(shape=(0,))


def parsing() -> Iterator[Case]:
    dense = {"dense_shapes": [[2], [1]]}
    ragged = {"ragged_value_types": ["int64"], "ragged_split_types": ["int32"]}
    defaults = np.zeros(0, np.float32), i64([9])
    for records in (s(FIRST, SECOND), s(b""), one(FIRST), one(SECOND), s(FIRST[:-3])):
        given = records, NOTHING, s("t"), s("x", "m"), s("n")
        yield c("ParseExampleV2", *given, defaults, num_sparse=1, sparse_types=["string"], **dense, **ragged)
    padded = {"dense_shapes": [[None]], "ragged_value_types": [], "ragged_split_types": []}
    given = s(FIRST, SECOND), NOTHING, NOTHING, s("n"), NOTHING
    yield c("ParseExampleV2", *given, (i64(-1),), num_sparse=0, sparse_types=[], **padded)
    yield c(
        *("ParseExample", s(FIRST, SECOND), NOTHING, (one("t"), one("n")), (one("x"), one("m")), defaults),
        **{"sparse_types": ["string", "int64"], **dense},
    )
    yield c(
        *("ParseSingleExample", one(FIRST), defaults),
        **{"sparse_types": ["string"], "num_sparse": 1, "sparse_keys": ["t"], "dense_keys": ["x", "m"]},
        dense_shapes=[[2], [1]],
    )


def sequences() -> Iterator[Case]:
    for merge in (True, False):
        for blank in (-1, 0):
            lengths = np.array([6, 4], np.int32)
            yield c("CTCGreedyDecoder", f(6, 2, 3), lengths, merge_repeated=merge, blank_index=blank)
    hypothesis = i64([[0, 0], [0, 1], [2, 0]]), i64([1, 2, 3]), i64([3, 2])
    truth = i64([[0, 0], [0, 1], [0, 2], [1, 0]]), i64([2, 1, 2, 5]), i64([2, 3])
    for normalize in (True, False):
        yield c("EditDistance", *hypothesis, *truth, normalize=normalize)
    for operation in ("a-b", "b-a", "intersection", "union"):
        yield c("DenseToDenseSetOperation", i64([[1, 2, 2], [5, 4, 3]]), i64([[2, 9], [3, 3]]), set_operation=operation)
        yield c("DenseToDenseSetOperation", s("b", "a", shape=(1, 2)), s("a", shape=(1, 1)), set_operation=operation)


GROUPS.update({"parsing": list(parsing()), "sequences": list(sequences())})


def quantized() -> Iterator[Case]:
    x = np.array([-3.5, -1.0, -0.004, 0.0, 0.004, 0.5, 0.996, 2.0, 9.0], np.float32)
    for kind in ("quint8", "qint8"):
        for mode in ("MIN_COMBINED", "SCALED"):
            for rounding in ("HALF_AWAY_FROM_ZERO", "HALF_TO_EVEN") if mode == "SCALED" else ("HALF_AWAY_FROM_ZERO",):
                limits = np.float32(-1 if kind == "qint8" or mode == "MIN_COMBINED" else 0), np.float32(2)
                yield c("QuantizeV2", x, *limits, T=kind, mode=mode, round_mode=rounding)
    yield c("QuantizeV2", x, np.float32(0.5), np.float32(0.5), T="quint8")


GROUPS["quantized"] = list(quantized())


def special() -> Iterator[Case]:
    for op in ("BesselJ0", "BesselJ1", "Dawsn", "FresnelSin", "FresnelCos"):
        yield c(op, f(3, 4, low=-6, high=6))
        yield c(op, np.array([0.0, -0.0, np.nan], np.float32))
    for op in ("BesselY0", "BesselY1", "BesselK0", "BesselK0e", "BesselK1", "BesselK1e"):
        yield c(op, f(3, 4, low=0.1, high=6))
        yield c(op, f(3, low=0.1, high=6).astype(np.float64))


def detection() -> Iterator[Case]:
    corners = np.sort(f(2, 6, 2, 2, low=-0.2, high=1.2), axis=2).reshape(2, 6, 1, 4)
    of_each = np.sort(f(2, 6, 3, 2, 2, low=0, high=1), axis=3).reshape(2, 6, 3, 4)
    scores = f(2, 6, 3, low=0, high=1, seed=4)
    for boxes in (corners, of_each):
        for pad in (True, False):
            limits = np.float32(0.3), np.float32(0.25)
            yield c("CombinedNonMaxSuppression", boxes, scores, 2, 8, *limits, pad_per_class=pad, clip_boxes=pad)
    yield c("CombinedNonMaxSuppression", corners, scores, 6, 3, np.float32(0.5), np.float32(0))


GROUPS.update({"special": list(special()), "detection": list(detection())})
