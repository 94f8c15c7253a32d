"""Layers of Keras 2 that Keras 3 dropped, to build models with: they compute and store what tf.keras' did."""

from __future__ import annotations

from reinstate.live.keras2.activation import ThresholdedReLU
from reinstate.live.keras2.crossing import CategoryCrossing, WeightedCategoryEncoding
from reinstate.live.keras2.first import CosineMerge, Highway, MaxoutDense, ParametricSoftplus, SReLU
from reinstate.live.keras2.hashing import HashedCrossing, Hashing
from reinstate.live.keras2.images import RandomHeight, RandomWidth, TFResizing, TFUpSampling2D
from reinstate.live.keras2.kernelized import RandomFourierFeatures
from reinstate.live.keras2.locally_connected import LocallyConnected1D, LocallyConnected2D
from reinstate.live.keras2.lookup import IntegerLookup, StringLookup
from reinstate.live.keras2.models import Functional, Sequential, on_host
from reinstate.live.keras2.normalization import GeneralBatchNormalization, SyncBatchNormalization
from reinstate.live.keras2.op_layers import SlicingOpLambda, TFOpLambda
from reinstate.live.keras2.recurrent import (
    PeepholeLSTMCell,
    TimeMajorGRU,
    TimeMajorLSTM,
    TimeMajorRNN,
    TimeMajorSimpleRNN,
)
from reinstate.live.keras2.text import TextVectorization

__all__ = [
    "CategoryCrossing",
    "CosineMerge",
    "Functional",
    "GeneralBatchNormalization",
    "HashedCrossing",
    "Hashing",
    "Highway",
    "IntegerLookup",
    "LocallyConnected1D",
    "LocallyConnected2D",
    "MaxoutDense",
    "ParametricSoftplus",
    "PeepholeLSTMCell",
    "RandomFourierFeatures",
    "RandomHeight",
    "RandomWidth",
    "SReLU",
    "Sequential",
    "SlicingOpLambda",
    "StringLookup",
    "SyncBatchNormalization",
    "TFOpLambda",
    "TFResizing",
    "TFUpSampling2D",
    "TextVectorization",
    "ThresholdedReLU",
    "TimeMajorGRU",
    "TimeMajorLSTM",
    "TimeMajorRNN",
    "TimeMajorSimpleRNN",
    "WeightedCategoryEncoding",
    "on_host",
]
