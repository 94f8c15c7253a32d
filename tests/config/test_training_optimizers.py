"""Optimizers and schedules of all generations: up, down, and what real tf.keras makes of it."""

from __future__ import annotations

import copy
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reinstate.config import Context, down_training, up_training
from reinstate.config.optimizers import OPTIMIZERS, is_legacy
from reinstate.errors import UnsupportedError
from reinstate.live.objects import OWN_OBJECTS
from tests.config.training_cases import SCHEDULES

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


def _up(optimizer: Any, context: Context | None = None) -> Any:
    return up_training({"optimizer_config": optimizer}, context or Context("2.21.0"))["optimizer"]


def _down(optimizer: Any, context: Context | None = None) -> Any:
    serialized = keras.saving.serialize_keras_object(optimizer)
    return down_training({"optimizer": serialized}, context or Context()).get("optimizer_config")


STEPS = [0, 1, 2, 4, 7, 11]


def test_schedules_go_up_and_down_with_the_same_rates(oracle):
    configs = [{"class_name": name, "config": config} for name, config in SCHEDULES.items()]
    there = oracle("config_training.schedules", configs=configs, steps=STEPS)
    downs = []
    for answer in there:
        for written in (answer["written"], {key: answer["written"][key] for key in ("class_name", "config")}):
            optimizer = {"class_name": "SGD", "config": {"name": "SGD", "learning_rate": written, "decay": 0.0}}
            mine = keras.saving.deserialize_keras_object(_up(optimizer))
            rates = [float(mine._learning_rate(step)) for step in STEPS]
            np.testing.assert_allclose(rates, answer["rates"], rtol=1e-5)
        downs.append(_down(mine)["config"]["learning_rate"])
    again = oracle("config_training.schedules", configs=downs, steps=STEPS)
    assert [answer["rates"] for answer in again] == [answer["rates"] for answer in there]


LEGACY = {
    "SGD": {"learning_rate": 0.5, "momentum": 0.9, "nesterov": True, "clipnorm": 1.0},
    "Adam": {"learning_rate": 0.5, "beta_1": 0.8, "epsilon": 1e-4, "amsgrad": True},
    "RMSprop": {"learning_rate": 0.5, "rho": 0.8, "momentum": 0.5, "centered": True, "clipvalue": 0.5},
    "Adagrad": {"learning_rate": 0.5, "initial_accumulator_value": 0.25},
    "Adadelta": {"learning_rate": 0.5, "rho": 0.9, "global_clipnorm": 2.0},
    "Adamax": {"learning_rate": 0.5, "beta_2": 0.75},
    "Nadam": {"learning_rate": 0.5, "beta_2": 0.75},
    "Ftrl": {"learning_rate": 0.5, "l1_regularization_strength": 0.25, "beta": 0.5},
}
NEW = {
    "AdamW": {"learning_rate": 0.5, "weight_decay": 0.25},
    "Adafactor": {"learning_rate": 0.5, "clip_threshold": 2.0},
    "Lion": {"learning_rate": 0.5, "beta_1": 0.75},
    "SGD": {"learning_rate": 0.5, "weight_decay": 0.25},
    "Adam": {"learning_rate": 0.5, "use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 3},
}


def test_all_classes_are_covered():
    ours = {f"reinstate>{row.class_name}" for row in OPTIMIZERS.rows.values() if row.module == "reinstate"}
    assert ours and ours <= OWN_OBJECTS.keys()
    assert {name.partition(":")[0] for name in OPTIMIZERS.rows} == LEGACY.keys() | NEW.keys()


@pytest.mark.parametrize(("form", "cases"), [("legacy", LEGACY), ("new", NEW)])
def test_optimizers_go_down_as_tf_keras_says_them(form, cases, oracle):
    made = [getattr(keras.optimizers, name)(**config) for name, config in cases.items()]
    written = [_down(optimizer) for optimizer in made]
    assert [is_legacy(config) for config in written] == [form == "legacy"] * len(cases)
    answers = oracle("config_training.optimizer_configs", configs=written)
    for config, answer, (name, said) in zip(written, answers, cases.items(), strict=True):
        assert ("legacy" in answer["class"]) == (form == "legacy") and answer["class"].endswith(f".{name}")
        for key, value in config["config"].items():
            assert answer["config"].get(key) == (pytest.approx(value) if isinstance(value, float) else value), key
        assert said.items() <= {key: pytest.approx(value) for key, value in answer["config"].items()}.items()


@pytest.mark.parametrize("cases", [LEGACY, NEW])
def test_optimizers_come_back_from_tf_keras_unchanged(cases, oracle):
    made = [getattr(keras.optimizers, name)(**config, name="mine") for name, config in cases.items()]
    answers = oracle("config_training.optimizer_configs", configs=[_down(optimizer) for optimizer in made])
    for optimizer, answer in zip(made, answers, strict=True):
        name = type(optimizer).__name__
        for spelling in (name, f"Custom>{name}", name.lower()):
            back = keras.saving.deserialize_keras_object(_up({"class_name": spelling, "config": answer["config"]}))
            expected = {k: pytest.approx(v) if isinstance(v, float) else v for k, v in optimizer.get_config().items()}
            assert {key: value for key, value in back.get_config().items() if key != "schedule_decay"} == expected
            assert isinstance(back, type(optimizer))


def test_tf_2_8_reads_what_goes_down(oracle_for):
    written = [_down(getattr(keras.optimizers, name)(**config)) for name, config in LEGACY.items()]
    written.append(_down(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.5), initial_scale=4.0)))
    answers = oracle_for("2.8")("config_training.optimizer_configs", configs=written)
    assert [answer["class"].rpartition(".")[2] for answer in answers] == [*LEGACY, "LossScaleOptimizer"]
    assert answers[-1]["config"]["initial_scale"] == 4.0


def test_standalone_spellings_go_up():
    old = {"class_name": "Adam", "config": {"lr": 1, "decay": 0.0, "epsilon": None, "beta_1": 0.9, "amsgrad": False}}
    assert _up(old)["config"] == {"learning_rate": 1.0, "epsilon": 1e-7, "beta_1": 0.9, "amsgrad": False}
    nadam = {"class_name": "Nadam", "config": {"lr": 0.002, "schedule_decay": 0.004, "epsilon": 1e-8}}
    context = Context("2.2.4")
    assert _up(nadam, context)["config"] == {"learning_rate": 0.002, "epsilon": 1e-8, "schedule_decay": 0.004}
    assert context.losses == []


def test_decay_becomes_a_schedule():
    optimizer = keras.saving.deserialize_keras_object(
        _up({"class_name": "SGD", "config": {"lr": 0.1, "decay": 0.5, "momentum": 0.0, "nesterov": False}})
    )
    assert [float(optimizer._learning_rate(step)) for step in (0, 1, 2)] == pytest.approx([0.1, 0.1 / 1.5, 0.05])


def test_two_ways_of_clipping_are_one_and_a_note():
    context = Context("2.3.0")
    config = {"learning_rate": 0.1, "clipnorm": 1.0, "clipvalue": 0.5}
    assert _up({"class_name": "SGD", "config": config}, context)["config"] == {"learning_rate": 0.1, "clipnorm": 1.0}
    assert context.losses == ["optimizer > clipvalue=0.5 beside clipnorm: Keras 3 clips in one way"]


@pytest.mark.parametrize("name", ["RMSprop", "Adagrad"])
def test_the_old_optimizers_add_epsilon_where_they_did(name):
    config = {"learning_rate": 0.1, "epsilon": 1e-3}
    context = Context("2.8.0")
    assert _up({"class_name": name, "config": config}, context)["class_name"] == f"Legacy{name}"
    assert (
        _up({"class_name": f"Custom>{name}", "config": {**config, "is_legacy_optimizer": False}}, context)["class_name"]
        == name
    )
    assert context.losses == []
    momentum = {"class_name": "RMSprop", "config": {**config, "momentum": 0.5}}
    assert _up(momentum, context)["class_name"] == "RMSprop"


@pytest.mark.parametrize("name", ["RMSprop", "Adagrad"])
def test_a_large_epsilon_of_keras_3_is_noted_on_the_way_down(name):
    for epsilon, notes in ((1e-7, 0), (1e-3, 1)):
        context = Context()
        assert _down(getattr(keras.optimizers, name)(0.1, epsilon=epsilon), context)["class_name"] == name
        assert len(context.losses) == notes


ADAM = {"class_name": "Adam", "config": {"learning_rate": 0.5}}
DYNAMIC = {
    "class_name": "DynamicLossScale",
    "config": {"initial_loss_scale": 8.0, "increment_period": 5, "multiplier": 2},
}
FIXED = {"class_name": "FixedLossScale", "config": {"loss_scale_value": 8.0}}


@pytest.mark.parametrize(
    ("class_name", "config"),
    [
        ("LossScaleOptimizer", {"optimizer": ADAM, "loss_scale": DYNAMIC}),
        (
            "LossScaleOptimizer",
            {"inner_optimizer": ADAM, "dynamic": True, "initial_scale": 8.0, "dynamic_growth_steps": 5},
        ),
        ("LossScaleOptimizerV3", {"inner_optimizer": ADAM, "initial_scale": 8.0, "dynamic_growth_steps": 5}),
    ],
)
def test_loss_scales_go_up(class_name, config):
    optimizer = keras.saving.deserialize_keras_object(_up({"class_name": class_name, "config": config}))
    assert (optimizer.initial_scale, optimizer.dynamic_growth_steps) == (8.0, 5)
    assert float(optimizer.inner_optimizer.learning_rate) == 0.5


@pytest.mark.parametrize(
    "config",
    [
        {"optimizer": ADAM, "loss_scale": FIXED},
        {"inner_optimizer": ADAM, "dynamic": False, "initial_scale": 8.0},
        {"optimizer": ADAM, "loss_scale": 8},
    ],
)
def test_fixed_loss_scales_are_a_factor(config):
    optimizer = keras.saving.deserialize_keras_object(_up({"class_name": "LossScaleOptimizer", "config": config}))
    assert type(optimizer) is keras.optimizers.Adam and optimizer.loss_scale_factor == 8.0


@pytest.mark.parametrize("inner", [keras.optimizers.Adam, keras.optimizers.AdamW])
def test_loss_scales_go_down_and_come_back(inner, oracle):
    optimizer = keras.optimizers.LossScaleOptimizer(inner(0.5), initial_scale=8.0, dynamic_growth_steps=5)
    [answer] = oracle("config_training.optimizer_configs", configs=[_down(optimizer)])
    assert "LossScaleOptimizer" in answer["class"]
    back = keras.saving.deserialize_keras_object(
        _up({"class_name": "LossScaleOptimizerV3", "config": answer["config"]})
    )
    assert (back.initial_scale, back.dynamic_growth_steps) == (8.0, 5)
    assert type(back.inner_optimizer) is inner


def test_an_optimizer_that_keras_2_lacks_leaves_the_model_uncompiled():
    context = Context()
    assert _down(keras.optimizers.Lamb(), context) is None
    assert context.losses == [
        "optimizer > optimizer Lamb is not in Keras 2: the model is written without its training state"
    ]


def test_losses_and_metrics_that_keras_2_lacks_are_named():
    context = Context()
    compiled = {
        "optimizer": keras.saving.serialize_keras_object(keras.optimizers.SGD()),
        "loss": keras.saving.serialize_keras_object(keras.losses.Dice()),
        "metrics": ["mae", keras.saving.serialize_keras_object(keras.metrics.PearsonCorrelation())],
    }
    written = down_training(compiled, context)
    assert written["loss"] is None and [each["class_name"] for each in written["metrics"]] == ["MeanAbsoluteError"]
    assert context.losses == [
        "loss > loss Dice is not in Keras 2",
        "metrics > metric PearsonCorrelation is not in Keras 2",
    ]


def test_metrics_that_keras_3_lacks_are_named():
    context = Context("2.8.0")
    config = {"loss": "mse", "metrics": [[{"class_name": "MeanTensor", "config": {"shape": [1]}}, "mae"]]}
    assert [each["config"]["name"] for each in up_training(config, context)["metrics"]] == ["mae"]
    assert context.losses == ["metrics > metric MeanTensor is not in Keras 3"]


def test_all_offenders_are_named_at_once():
    config = {
        "optimizer_config": {"class_name": "Adam", "config": {"learning_rate": 0.1, "wings": 2}},
        "loss": {"a": "their_loss", "b": {"class_name": "MeanSquaredError", "config": {"reduction": "median"}}},
        "metrics": [["their_metric"], [{"class_name": "MeanMetricWrapper", "config": {"fn": "other"}}]],
    }
    with pytest.raises(UnsupportedError) as error:
        up_training(config, Context("2.8.0"))
    assert error.value.offenders == (
        "optimizer > Adam has no argument 'wings'",
        "loss > a > loss 'their_loss' is unknown; pass it in custom_objects",
        "loss > b > reduction > 'median' is not a reduction of Keras 2",
        "metrics > metric 'their_metric' is unknown; pass it in custom_objects",
        "metrics > metric function 'other' is unknown; pass it in custom_objects",
    )


def test_custom_objects_pass():
    def their_loss(y_true, y_pred):
        return keras.ops.mean(y_true - y_pred, axis=-1)

    class Their(keras.metrics.Mean):
        pass

    objects = {"their_loss": their_loss, "pack>Their": Their}
    config = {
        "loss": "their_loss",
        "metrics": [
            [
                {"class_name": "MeanMetricWrapper", "config": {"name": "m", "dtype": "float32", "fn": "their_loss"}},
                {"class_name": "pack>Their", "config": {"name": "t", "dtype": "float32"}},
            ]
        ],
    }
    compiled = up_training(config, Context("2.8.0", custom=objects))
    made = {key: keras.saving.deserialize_keras_object(value, objects) for key, value in compiled.items()}
    assert made["loss"] is their_loss
    assert [type(metric) for metric in made["metrics"]] == [keras.metrics.MeanMetricWrapper, Their]
    assert made["metrics"][0]._fn is their_loss


def test_focal_losses_as_metrics_are_wrapped():
    config = {"name": "f", "dtype": "float32", "fn": "binary_focal_crossentropy", "gamma": 1.0}
    [up] = up_training({"metrics": [[{"class_name": "MeanMetricWrapper", "config": config}]]}, Context())["metrics"]
    metric = keras.saving.deserialize_keras_object(up)
    assert metric._fn is keras.losses.binary_focal_crossentropy and metric._fn_kwargs == {"gamma": 1.0}
    sgd = keras.saving.serialize_keras_object(keras.optimizers.SGD())
    back = down_training({"optimizer": sgd, "metrics": [keras.saving.serialize_keras_object(metric)]}, Context())
    assert back["metrics"] == [{"class_name": "MeanMetricWrapper", "config": config}]


# All that tf_keras 2.21 and its forebears take for a loss or a metric by name, short of class names.
_LOSS_SPELLINGS = """
binary_crossentropy bce BCE binary_focal_crossentropy categorical_crossentropy categorical_focal_crossentropy
categorical_hinge cosine_similarity cosine_proximity hinge huber huber_loss kl_divergence KLD kld
kullback_leibler_divergence log_cosh logcosh mean_absolute_error MAE mae mean_absolute_percentage_error MAPE mape
mean_squared_error MSE mse mean_squared_logarithmic_error MSLE msle poisson sparse_categorical_crossentropy
squared_hinge
"""
SPELLINGS = _LOSS_SPELLINGS.split()
METRIC_SPELLINGS = ["accuracy", "acc", "binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy"]
TOP_K = ["top_k_categorical_accuracy", "sparse_top_k_categorical_accuracy"]
FUNCTION = {"module": "builtins", "class_name": "function", "registered_name": "function"}


@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling_of_a_loss_is_found(name):
    for spelling in (name, {**FUNCTION, "config": name}, {"class_name": "LossFunctionWrapper", "config": {"fn": name}}):
        up = keras.saving.deserialize_keras_object(up_training({"loss": spelling}, Context("2.13.0"))["loss"])
        assert callable(keras.losses.get(up))


@pytest.mark.parametrize("name", [*SPELLINGS, *METRIC_SPELLINGS, *TOP_K])
def test_every_spelling_of_a_metric_keeps_its_name(name):
    forms = [name, {**FUNCTION, "config": name}]
    if name not in ("accuracy", "acc"):
        forms.append({"class_name": "MeanMetricWrapper", "config": {"name": name, "dtype": "float32", "fn": name}})
    for spelling in forms:
        [up] = up_training({"metrics": [[spelling]]}, Context("2.13.0"))["metrics"]
        made = keras.saving.deserialize_keras_object(up)
        assert (made if isinstance(made, str) else made.name) == name


def test_a_wrapper_holds_plain_values_only():
    config = {"name": "f", "fn": "binary_focal_crossentropy", "gamma": {"class_name": "__lambda__", "config": {}}}
    with pytest.raises(UnsupportedError, match="not plain values"):
        up_training({"metrics": [{"class_name": "MeanMetricWrapper", "config": config}]}, Context())


def test_outputs_without_names_keep_their_nesting():
    config = {"metrics": [[None], [{"class_name": "AUC", "config": {"name": "a"}}, "acc"]]}
    compiled = up_training(config, Context("2.8.0"))
    assert compiled["metrics"][0] == [] and compiled["metrics"][1][1] == "acc"


def test_the_first_cosine_metric_was_the_loss():
    y_true, y_pred = np.array([[1.0, 1.0]]), np.array([[1.0, 1.0]])
    for version, value in (("2.2.4", -1.0), (None, -1.0), ("2.2.4-tf", 1.0), ("2.3.1", 1.0)):
        [up] = up_training({"metrics": ["cosine_proximity"]}, Context(version))["metrics"]
        metric = keras.saving.deserialize_keras_object(up)
        assert (metric.name, float(metric(y_true, y_pred))) == ("cosine_proximity", pytest.approx(value))


def test_nothing_is_mutated():
    config = {
        "optimizer_config": {"class_name": "SGD", "config": {"lr": 0.1, "decay": 0.1, "clipnorm": None}},
        "loss": {"x": {"class_name": "Huber", "config": {"fn": "huber", "reduction": "auto"}}},
        "metrics": [[{"class_name": "MeanMetricWrapper", "config": {"name": "x_mae", "fn": "mae"}}], []],
        "loss_weights": {"x": 0.5},
    }
    before = copy.deepcopy(config)
    up_training(config, Context(), ["x", "y"])
    assert config == before


WORDS = [
    *OPTIMIZERS.rows,
    "mse",
    "Huber",
    "AUC",
    "MeanMetricWrapper",
    "LossScaleOptimizer",
    "function",
    "ExponentialDecay",
]
KEYS = ["class_name", "config", "fn", "name", "learning_rate", "decay", "reduction", "inner_optimizer", "dtype", "lr"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(
    st.fixed_dictionaries({}, optional={key: JSON for key in ("optimizer_config", "loss", "metrics", "loss_weights")})
)
def test_a_strangers_config_is_translated_or_refused(config):
    for names in ((), ("a", "b")):
        try:
            up_training(config, Context("2.8.0"), names)
        except UnsupportedError as error:
            assert error.offenders
