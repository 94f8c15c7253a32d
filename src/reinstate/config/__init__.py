"""Keras 1, 2 and 3 configs, translated both ways: dictionaries to dictionaries, without Keras."""

from reinstate.config.constraints import CONSTRAINTS
from reinstate.config.initializers import INITIALIZERS
from reinstate.config.layers import LAYERS
from reinstate.config.lens import Context, Family, Row
from reinstate.config.objects import down_object, up_object
from reinstate.config.regularizers import REGULARIZERS
from reinstate.config.safety import check_keras3
from reinstate.config.topology import down_layer, down_model, up_layer, up_model
from reinstate.config.training import down_training, up_training

__all__ = [
    "CONSTRAINTS",
    "INITIALIZERS",
    "LAYERS",
    "REGULARIZERS",
    "Context",
    "Family",
    "Row",
    "check_keras3",
    "down_layer",
    "down_model",
    "down_object",
    "down_training",
    "up_layer",
    "up_model",
    "up_object",
    "up_training",
]
