"""Weight constraints. Source: keras/constraints of Keras 2 and 3."""

from __future__ import annotations

from reinstate.config.lens import Family, row
from reinstate.config.objects import OWN

_MODULE = "keras.constraints"

CONSTRAINTS = Family(
    "constraint",
    rows={
        "MaxNorm": row(_MODULE, "MaxNorm", "max_value axis"),
        "MinMaxNorm": row(_MODULE, "MinMaxNorm", "min_value max_value rate axis"),
        "NonNeg": row(_MODULE, "NonNeg"),
        "UnitNorm": row(_MODULE, "UnitNorm", "axis"),
        "RadialConstraint": row(OWN, "RadialConstraint"),
    },
    aliases={
        "max_norm": "MaxNorm",
        "maxnorm": "MaxNorm",
        "min_max_norm": "MinMaxNorm",
        "non_neg": "NonNeg",
        "nonneg": "NonNeg",
        "radial_constraint": "RadialConstraint",
        "unit_norm": "UnitNorm",
        "unitnorm": "UnitNorm",
    },
)
