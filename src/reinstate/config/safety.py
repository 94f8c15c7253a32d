"""What a Keras 3 config from a stranger may name: Keras' own classes, this package's, and the caller's. Nothing else.

Keras resolves ``module`` and ``class_name`` by import, and some of what lies under ``keras`` reads files, fetches URLs
or runs code. Here the names that stand for models and their parts are listed, and every other is refused, unread.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reinstate.config.activations import BOTH, HARD_SIGMOID, KERAS3_ONLY
from reinstate.config.applications import APPLICATION_CLASSES
from reinstate.config.constraints import CONSTRAINTS
from reinstate.config.dropped import FUNCTIONAL_WITH_LOSSES
from reinstate.config.initializers import INITIALIZERS
from reinstate.config.layers import LAYERS
from reinstate.config.lens import Context, Family
from reinstate.config.losses import LOSSES
from reinstate.config.metrics import METRICS
from reinstate.config.names import words
from reinstate.config.objects import OWN, is_own
from reinstate.config.op_layers import unknown_symbol
from reinstate.config.operations import is_operation
from reinstate.config.optimizers import OPTIMIZERS
from reinstate.config.regularizers import REGULARIZERS
from reinstate.config.schedules import SCHEDULES
from reinstate.errors import UnsafeError

# Layers that Keras 2 lacks. Not among them: TFSMLayer, JaxLayer, FlaxLayer, TorchModuleWrapper, which run foreign code.
# A Lambda passes where its function does: one of the caller's, never bytecode.
KERAS3_LAYERS = words(
    """
    AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D
    AdaptiveMaxPooling3D AugMix AutoContrast ContrastLimitedAdaptiveHistogramEqualization CutMix Equalization
    GroupQueryAttention MaxNumBoundingBoxes MelSpectrogram MixUp Pipeline RMSNormalization RandAugment
    RandomColorDegeneration RandomColorJitter RandomElasticTransform RandomErasing RandomGaussianBlur RandomGrayscale
    RandomHue RandomInvert RandomPerspective RandomPosterization RandomSaturation RandomSharpness RandomShear
    ReversibleEmbedding STFTSpectrogram Solarization
    """
)
_TF_LAYERS = words("Hashing HashedCrossing StringLookup IntegerLookup TextVectorization Layer")


def _names(family: Family, own: bool = False) -> frozenset[str]:
    return frozenset(row.class_name for row in family.rows.values() if (row.module == OWN) == own)


_LAYERS = _names(LAYERS) | KERAS3_LAYERS | _TF_LAYERS
_LOSSES = words(
    """
    BinaryCrossentropy BinaryFocalCrossentropy CTC CategoricalCrossentropy CategoricalFocalCrossentropy
    CategoricalGeneralizedCrossEntropy CategoricalHinge Circle CosineSimilarity Dice Hinge Huber KLDivergence LogCosh
    MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError Poisson
    SparseCategoricalCrossentropy SquaredHinge Tversky
    """
)
_METRICS = words(
    """
    AUC Accuracy BinaryAccuracy BinaryCrossentropy BinaryIoU CategoricalAccuracy CategoricalCrossentropy
    CategoricalHinge ConcordanceCorrelation CosineSimilarity F1Score FBetaScore FalseNegatives FalsePositives Hinge
    IoU KLDivergence LogCoshError Mean MeanAbsoluteError MeanAbsolutePercentageError MeanIoU MeanMetricWrapper
    MeanSquaredError MeanSquaredLogarithmicError OneHotIoU OneHotMeanIoU PearsonCorrelation Poisson Precision
    PrecisionAtRecall R2Score Recall RecallAtPrecision RootMeanSquaredError SensitivityAtSpecificity
    SparseCategoricalAccuracy SparseCategoricalCrossentropy SparseTopKCategoricalAccuracy SpecificityAtSensitivity
    SquaredHinge Sum TopKCategoricalAccuracy TrueNegatives TruePositives
    """
)
_LOSS_FUNCTIONS = words(
    """
    binary_crossentropy binary_focal_crossentropy categorical_crossentropy categorical_focal_crossentropy
    categorical_generalized_cross_entropy categorical_hinge circle cosine_similarity ctc dice hinge huber
    kl_divergence log_cosh mean_absolute_error mean_absolute_percentage_error mean_squared_error
    mean_squared_logarithmic_error poisson sparse_categorical_crossentropy squared_hinge tversky binary_accuracy
    categorical_accuracy concordance_correlation pearson_correlation sparse_categorical_accuracy
    sparse_top_k_categorical_accuracy top_k_categorical_accuracy
    """
)
_OPTIMIZERS = words(
    """
    Adadelta Adafactor Adagrad Adam AdamW Adamax Ftrl Lamb Lion LossScaleOptimizer MultiOptimizer Muon Nadam RMSprop SGD
    ScheduleFreeAdamW
    """
)
_SCHEDULES = words(
    "CosineDecay CosineDecayRestarts ExponentialDecay InverseTimeDecay PiecewiseConstantDecay PolynomialDecay"
)
_POLICIES = words(
    """
    AWQDTypePolicy DTypePolicy DTypePolicyMap FloatDTypePolicy GPTQDTypePolicy Int4DTypePolicy QuantizedDTypePolicy
    QuantizedFloat8DTypePolicy
    """
)
_QUANTIZERS = words(
    """
    AWQConfig AbsMaxQuantizer Float8QuantizationConfig GPTQConfig Int4QuantizationConfig Int8QuantizationConfig
    QuantizationConfig
    """
)
_FAMILIES = (LAYERS, INITIALIZERS, REGULARIZERS, CONSTRAINTS, LOSSES, METRICS, OPTIMIZERS, SCHEDULES)
_FUNCTIONS = BOTH | KERAS3_ONLY | _LOSS_FUNCTIONS
_INITIALIZERS = _names(INITIALIZERS) | {"STFT"}
_CLASSES: dict[str, frozenset[str]] = {
    "keras": frozenset(["Functional", "Sequential", "Model"]) | _POLICIES,
    "keras.models": frozenset(["Functional", "Sequential", "Model"]),
    "keras.src.models.functional": frozenset(["Functional"]),
    "keras.layers": _LAYERS,
    "keras.initializers": _INITIALIZERS,
    "keras.regularizers": _names(REGULARIZERS),
    "keras.constraints": _names(CONSTRAINTS),
    "keras.losses": _LOSSES,
    "keras.metrics": _METRICS,
    "keras.optimizers": _OPTIMIZERS,
    "keras.optimizers.schedules": _SCHEDULES,
    "keras.dtype_policies": _POLICIES,
    "keras.quantizers": _QUANTIZERS,
    "keras.random": frozenset(["SeedGenerator"]),
    OWN: frozenset([FUNCTIONAL_WITH_LOSSES.class_name, "DecayedSchedule"]).union(
        *(_names(family, own=True) for family in _FAMILIES)
    ),
    **APPLICATION_CLASSES,
}
# Values in a class's clothes: numbers, bytes, slices.
_VALUES = words("__keras_tensor__ __tensor__ __numpy__ __bytes__ __ellipsis__ __slice__")
_DEPTH = 200
_CONTAINERS = (dict, list, tuple)


def check_keras3(config: Any, context: Context) -> None:
    """Refuse a Keras 3 serialized value that names anything outside Keras' modelling classes, ours, and the caller's.

    Raises:
        UnsafeError: it lists every name that is refused.
    """
    refused: dict[str, None] = {}
    _walk(config, context, refused, True, 0)
    if refused:
        raise UnsafeError(
            "the config names what is not a part of a model; classes of your own go into custom_objects: "
            + "; ".join(refused)
        )


def _walk(value: Any, context: Context, refused: dict[str, None], strict: bool, depth: int) -> None:
    if depth > _DEPTH:
        refused.setdefault(f"more than {_DEPTH} levels of nesting")
        return
    if isinstance(value, dict):
        if "class_name" in value:
            strict = _check(value, context, refused, strict)
        for inner in value.values():
            if isinstance(inner, _CONTAINERS):
                _walk(inner, context, refused, strict, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            if isinstance(inner, _CONTAINERS):
                _walk(inner, context, refused, strict, depth + 1)


def _check(item: dict[Any, Any], context: Context, refused: dict[str, None], strict: bool) -> bool:
    """Check one serialized object; return whether objects inside it without a module must be known, too.

    The caller's classes read their own configs, which may hold Keras 2's two-key form: Keras finds such names in its
    own tables only.
    """
    class_name: Any = item["class_name"]
    module: Any = item.get("module")
    if not isinstance(class_name, str) or not isinstance(module, str | None):
        refused.setdefault(f"{class_name!r:.100} in {module!r:.100}")
        return strict
    if class_name in _VALUES and not module:
        return strict
    if class_name == "function":
        if not _function_known(item, context):
            refused.setdefault(f"function {item.get('config')!r:.100} of {module}")
        return strict
    known = _CLASSES.get(OWN if is_own(item) else module or "", ())
    if is_own(item) and unknown_symbol(item):
        refused.setdefault(f"the function {unknown_symbol(item)!r:.100} of {class_name}")
        return strict
    if class_name in known or is_operation(f"{module}>{class_name}"):
        return True
    if item.get("registered_name", class_name) in context.custom:  # as Keras looks it up, before the module
        return False
    if strict or module or class_name.startswith("__"):
        refused.setdefault(f"{class_name} of {module}" if module else class_name)
    return strict


def _function_known(item: Mapping[str, Any], context: Context) -> bool:
    name = item.get("config")
    if not isinstance(name, str):
        return False
    if name == HARD_SIGMOID or name in context.custom:
        return True
    module = item.get("module")
    return name in _FUNCTIONS and (module == "builtins" or str(module).startswith("keras."))
