"""The state of optimizers and metrics in all dialects: the tables, and the names in HDF5 files."""

from reinstate.config.slot_names import ParsedOptimizer, hdf5_order, parse_hdf5
from reinstate.config.slot_rows import (
    ITERATION,
    LOSS_SCALE,
    ZEROS,
    ScalarRow,
    SlotRow,
    keras3_attributes,
    legacy_name,
    metric_attribute,
    metric_dtype,
    nadam_product,
    scalars,
)

__all__ = [
    "ITERATION",
    "LOSS_SCALE",
    "ZEROS",
    "ParsedOptimizer",
    "ScalarRow",
    "SlotRow",
    "hdf5_order",
    "keras3_attributes",
    "legacy_name",
    "metric_attribute",
    "metric_dtype",
    "nadam_product",
    "parse_hdf5",
    "scalars",
]
