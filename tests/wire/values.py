"""What the oracle says of the tensors of a bundle, held against arrays of ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


def assert_same(records: list[dict[str, Any]], values: Path, ours: Mapping[str, np.ndarray]) -> None:
    """The same tensors, of the same shapes, to the bit. ``records`` and ``values``: see the oracle's bundle.py."""
    assert sorted(ours) == [record["name"] for record in records]
    raw, at = values.read_bytes(), 0
    for record in records:
        array = ours[record["name"]]
        assert list(array.shape) == record["shape"], record
        if record["strings"] is None:
            assert array.tobytes() == raw[at : at + record["size"]], record
            at += record["size"]
        else:
            assert [element.decode("latin-1") for element in array.reshape(-1)] == record["strings"], record
