"""The table of dtypes is TensorFlow's."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from reinstate import dtypes
from reinstate.errors import CorruptError, UnsupportedError


def test_numbers_names_and_sizes_are_those_of_tensorflow(oracle):
    assert [[row.enum, row.name, row.size] for row in dtypes.DTYPES] == oracle("bundle.dtypes")


@pytest.mark.parametrize("row", dtypes.DTYPES, ids=repr)
def test_each_is_found_by_number_name_and_numpy(row):
    assert dtypes.from_enum(row.enum) is dtypes.from_enum(row.enum + 100) is row
    assert dtypes.from_name(row.name) is dtypes.from_name(f"{row.name}_ref") is row
    if row.numpy is not None:
        assert dtypes.from_numpy(row.numpy).name == row.name.removeprefix("q")
        assert row.numpy.itemsize == row.size or row.name == "string"


def test_other_spellings_of_numpy():
    assert dtypes.from_numpy(np.dtype(">f4")).name == "float32"
    assert dtypes.from_numpy(np.dtype("S3")).name == dtypes.from_numpy(np.dtype("U3")).name == "string"
    assert dtypes.from_numpy(np.dtype(ml_dtypes.bfloat16)).name == "bfloat16"


@pytest.mark.parametrize("number", [-1, 0, 34, 100, 134, 2**31])
def test_numbers_that_are_none(number):
    with pytest.raises(CorruptError, match=f"no dtype with the number {number}$"):
        dtypes.from_enum(number)


def test_names_and_numpy_types_that_tensorflow_does_not_have():
    with pytest.raises(UnsupportedError, match="no dtype named 'float128'"):
        dtypes.from_name("float128")
    with pytest.raises(UnsupportedError, match=r"no dtype for numpy's datetime64\[s\]"):
        dtypes.from_numpy(np.dtype("M8[s]"))
