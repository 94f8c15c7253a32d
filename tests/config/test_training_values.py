"""Losses and metrics: what tf.keras writes goes up and computes the same, and what goes down does so there."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from reinstate.config import Context, down_training
from reinstate.config.losses import LOSSES
from reinstate.config.metrics import GONE, METRICS
from reinstate.config.variants import plain_name
from tests.config.compiled import compile_with, identity, logs, up_and_evaluate
from tests.config.training_cases import LOSS_CASES, METRIC_CASES, named

# Keras 3 on JAX itself: its variables under numpy 2, its integers without x64.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning"),
]
TOLERANCE = 1e-5


def _softmax(values: np.ndarray) -> np.ndarray:
    exponents = np.exp(values)
    return exponents / exponents.sum(-1, keepdims=True)


def _data() -> dict[str, dict[str, np.ndarray]]:
    generator = np.random.RandomState(1)
    classes = generator.randint(0, 4, size=12)
    one_hot = np.eye(4)[classes]
    kinds = {
        "classes": (_softmax(generator.normal(size=(12, 4)) + one_hot), one_hot),
        "sparse": (_softmax(generator.normal(size=(12, 4)) + one_hot), classes[:, None]),
        "binary": (generator.uniform(0.05, 0.95, size=(12, 1)), generator.randint(0, 2, size=(12, 1))),
        "numbers": (generator.normal(size=(12, 4)), generator.normal(size=(12, 4))),
        "labels": (generator.randint(0, 3, size=(12, 1)), generator.randint(0, 3, size=(12, 1))),
    }
    return {
        kind: {"p_out": p.astype("float32"), "t_out": t.astype("float32"), "w": generator.uniform(size=12).astype("f")}
        for kind, (p, t) in kinds.items()
    }


DATA = _data()

LOSS_FOR = {"classes": "categorical_crossentropy", "sparse": "sparse_categorical_crossentropy"}


def _same(mine: dict, theirs: dict) -> None:
    if not any(key.endswith("_loss") for key in mine):
        # Keras 3 does not log the losses of the outputs where there is only one.
        theirs = {key: value for key, value in theirs.items() if not key.endswith("_loss")}
    assert sorted(mine) == sorted(theirs)
    for key, value in theirs.items():
        np.testing.assert_allclose(mine[key], value, rtol=TOLERANCE, atol=TOLERANCE, err_msg=key)


@pytest.fixture
def stored(tmp_path):
    def store(data: dict[str, np.ndarray]) -> str:
        path = tmp_path / "data.npz"
        np.savez(path, **data)
        return str(path)

    return store


def _spread(kind: str) -> dict[str, np.ndarray]:
    """An output for each loss."""
    data = DATA[kind]
    return {f"{key}_l{i:02}": data[f"{key}_out"] for key in "pt" for i in range(len(LOSS_CASES[kind]))}


@pytest.mark.parametrize("kind", LOSS_CASES)
def test_losses_go_up_and_compute_the_same(kind, oracle, stored):
    data, case = _spread(kind), {"loss": LOSS_CASES[kind]}
    [answer] = oracle("config_training.evaluate", data=stored(data), cases=[case])
    _same(up_and_evaluate(data, answer["training_config"]), answer["logs"])


@pytest.mark.parametrize("kind", METRIC_CASES)
@pytest.mark.parametrize("weighted", [False, True])
def test_metrics_go_up_and_compute_the_same(kind, weighted, oracle, stored):
    key = "weighted_metrics" if weighted else "metrics"
    # tf_keras itself fails on weights per sample in these.
    unweighted = ("multi_label", "F1Score", "FBetaScore")
    metrics = [each for each in METRIC_CASES[kind] if not (weighted and any(word in str(each) for word in unweighted))]
    case = {"loss": LOSS_FOR.get(kind, "mse"), key: metrics}
    [answer] = oracle("config_training.evaluate", data=stored(DATA[kind]), cases=[case])
    _same(up_and_evaluate(DATA[kind], answer["training_config"]), answer["logs"])


def test_every_class_of_keras_2_is_covered():
    """The cases above hold each row of the tables."""
    said = [case for cases in (*LOSS_CASES.values(), *METRIC_CASES.values()) for case in cases]
    classes = {case["class_name"] for case in said if isinstance(case, dict) and "class_name" in case}
    assert {plain_name(key) for key in LOSSES.rows} <= classes
    assert METRICS.rows.keys() - {"Mean", "Sum", "MeanRelativeError"} <= classes
    assert GONE.isdisjoint(METRICS.rows)


def _in_keras3(case: object, module: object) -> object:
    if isinstance(case, dict) and "class_name" in case:
        return getattr(module, case["class_name"])(**case["config"])
    return getattr(module, case["function"]) if isinstance(case, dict) else case


NOT_SAID_BY_KERAS3 = {"kullback_leibler_divergence", "logcosh", "ce", "crossentropy", "kld"}
# The config of these in Keras 3.15 leaves out what is set.
FORGETFUL = {"Huber", "CosineSimilarity"}


def _down_and_back(data: dict, arguments: dict, oracle, path: str) -> dict:
    model, inputs, targets = identity(data)
    model.compile(optimizer="sgd", **arguments, run_eagerly=True)
    context = Context()
    written = down_training(model.get_compile_config(), context, model.output_names)
    assert context.losses == []
    [answer] = oracle("config_training.reread", data=path, training_configs=[written])
    _same(logs(model, inputs, targets, data.get("w")), answer["logs"])
    return written


@pytest.mark.parametrize("kind", LOSS_CASES)
def test_losses_go_down_and_compute_the_same(kind, oracle, stored):
    data, said = _spread(kind), []
    for case in LOSS_CASES[kind]:
        forgetful = isinstance(case, dict) and case.get("class_name") in FORGETFUL
        said.append("mse" if case in list(NOT_SAID_BY_KERAS3) or forgetful else _in_keras3(case, keras.losses))
    _down_and_back(data, {"loss": said}, oracle, stored(data))


@pytest.mark.parametrize("kind", METRIC_CASES)
def test_metrics_go_down_and_compute_the_same(kind, oracle, stored):
    left_out = [*NOT_SAID_BY_KERAS3, "Accuracy", "AUC", {"function": "categorical_accuracy"}]
    metrics = [_in_keras3(case, keras.metrics) for case in METRIC_CASES[kind] if case not in left_out]
    arguments = {"loss": LOSS_FOR.get(kind, "mse"), "metrics": metrics}
    _down_and_back(DATA[kind], arguments, oracle, stored(DATA[kind]))


TWO = {
    "p_x": DATA["classes"]["p_out"],
    "t_x": DATA["classes"]["t_out"],
    "p_y": DATA["binary"]["p_out"],
    "t_y": DATA["binary"]["t_out"],
}
TWO_CASES = [
    {"loss": "mse", "metrics": ["acc", "mae"], "loss_weights": [1, 0.5]},
    {"loss": "mse", "metrics": ["mae"]},
    {"loss": ["mse", None], "metrics": [["acc"], ["mae", named("AUC", name="q")]]},
    {"loss": {"x": "mse", "y": "bce"}, "metrics": {"x": ["acc"], "y": "mae"}, "loss_weights": {"x": 0.3, "y": 2}},
    {"loss": {"x": "categorical_crossentropy", "y": "bce"}, "weighted_metrics": {"y": ["mae", "ce"]}},
    {"loss": {"y": "mse"}, "metrics": {"y": "mae"}, "weighted_metrics": {"y": "mae"}, "loss_weights": {"y": 0.3}},
    {"loss": named("Huber", delta=0.2), "loss_weights": {"x": 0.3}},
    {"loss": ["categorical_crossentropy", named("BinaryCrossentropy", name="b")], "metrics": [None, ["acc"]]},
]


@pytest.fixture(scope="module")
def two_answers(oracle, tmp_path_factory):
    path = tmp_path_factory.mktemp("two") / "data.npz"
    np.savez(path, **TWO)
    return oracle("config_training.evaluate", data=str(path), cases=TWO_CASES)


@pytest.mark.parametrize("number", range(len(TWO_CASES)))
def test_forms_per_output_go_up_with_the_same_keys(number, two_answers):
    _same(up_and_evaluate(TWO, two_answers[number]["training_config"]), two_answers[number]["logs"])


@pytest.mark.parametrize("number", range(len(TWO_CASES)))
def test_the_users_forms_go_up_as_old_versions_stored_them(number, two_answers):
    """Up to TF 2.3 the file held what the user wrote."""
    answer, case = two_answers[number], TWO_CASES[number]
    said = {"metrics": case.get("metrics"), "weighted_metrics": case.get("weighted_metrics")}
    _same(up_and_evaluate(TWO, {**answer["training_config"], **said}), answer["logs"])


def test_forms_per_output_go_down_with_the_same_keys(oracle, stored):
    arguments = {
        "loss": {"x": "categorical_crossentropy", "y": "bce"},
        "metrics": {"x": ["accuracy", "mae"], "y": [keras.metrics.AUC(name="auc"), "acc"]},
        "weighted_metrics": [["mae"], ["mse"]],
        "loss_weights": {"x": 0.5, "y": 2.0},
    }
    _down_and_back(TWO, arguments, oracle, stored(TWO))


def test_one_name_for_two_metrics_goes_down_as_two(oracle, stored):
    arguments = {"loss": "mse", "metrics": ["mae"], "weighted_metrics": ["mae", "mse"]}
    written = _down_and_back(DATA["numbers"], arguments, oracle, stored(DATA["numbers"]))
    assert [metric["config"]["name"] for metric in written["weighted_metrics"]] == ["weighted_mae", "mse"]


def test_an_older_writer_is_read(oracle_for, stored):
    """TF 2.8 leaves out what came later."""
    oracle = oracle_for("2.8")
    case = {"loss": "binary_crossentropy", "metrics": METRIC_CASES["binary"]}
    [answer] = oracle("config_training.evaluate", data=stored(DATA["binary"]), cases=[case])
    _same(up_and_evaluate(DATA["binary"], answer["training_config"]), answer["logs"])


def test_an_older_reader_reads(oracle_for, stored):
    model, inputs, targets = identity(DATA["binary"])
    metrics = [_in_keras3(case, keras.metrics) for case in METRIC_CASES["binary"] if isinstance(case, dict)]
    model.compile(optimizer="adam", loss=keras.losses.BinaryCrossentropy(), metrics=[*metrics, "mae"], run_eagerly=True)
    written = down_training(model.get_compile_config(), Context(), model.output_names)
    mine = logs(model, inputs, targets, DATA["binary"]["w"])
    [answer] = oracle_for("2.8")("config_training.reread", data=stored(DATA["binary"]), training_configs=[written])
    _same(mine, answer["logs"])


def test_compile_takes_what_goes_up_without_names():
    """A subclassed model has no names for its outputs."""
    model, inputs, targets = identity(DATA["binary"])
    compile_with(model, {"optimizer": None, "loss": "mse", "metrics": ["mae"], "weighted_metrics": None})
    assert set(logs(model, inputs, targets)) == {"loss", "mae"}
