"""Regularizers. Source: keras/regularizers of Keras 2 and 3."""

from __future__ import annotations

from reinstate.config.lens import Family, row

_MODULE = "keras.regularizers"

REGULARIZERS = Family(
    "regularizer",
    rows={
        "L1": row(_MODULE, "L1", "l1"),
        "L2": row(_MODULE, "L2", "l2"),
        "L1L2": row(_MODULE, "L1L2", "l1 l2"),
        "OrthogonalRegularizer": row(_MODULE, "OrthogonalRegularizer", "factor mode"),
    },
    aliases={"l1": "L1", "l2": "L2", "l1_l2": "L1L2", "orthogonal_regularizer": "OrthogonalRegularizer"},
    options={"L1": {"l1": 0.01}, "L2": {"l2": 0.01}, "L1L2": {"l1": 0.01, "l2": 0.01}},
)
