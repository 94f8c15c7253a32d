"""docs/SUPPORT.md says what the tests show."""

from __future__ import annotations

import re

import pytest

from reinstate.config.keras1_layers import KERAS1_LAYERS
from reinstate.config.layers import LAYERS
from reinstate.config.lens import Family
from reinstate.config.losses import LOSSES
from reinstate.config.metrics import METRICS
from reinstate.config.optimizers import OPTIMIZERS
from reinstate.config.schedules import SCHEDULES
from reinstate.config.variants import plain_name
from tools import support


def test_the_tables_are_those_of_the_tests() -> None:
    text = support.FILE.read_text()
    assert support.written(text) == text, "run: python -m tools.support"
    assert all(f"<!-- table: {name} -->" in text for name in support.TABLES)


@pytest.mark.parametrize("family", [LAYERS, LOSSES, METRICS, OPTIMIZERS, SCHEDULES], ids=lambda family: family.kind)
def test_every_class_that_is_read_is_named(family: Family) -> None:
    said = set(re.findall(r"\w+", support.FILE.read_text()))
    names = {plain_name(name).rpartition(">")[2] for name in family.rows if name not in KERAS1_LAYERS}
    assert sorted(names - said) == []
