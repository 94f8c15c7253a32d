"""Whole models: what TensorFlow saves, opened and run here, gives what it gives there; so do the gradients."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import reinstate
from reinstate.cli import run
from reinstate.errors import MismatchError, UnsupportedError
from tests.oracle import truth

MODULES = (
    *("asserted", "attention", "conditional", "conv_bn", "deconvolution", "dense", "gather_scatter"),
    *(
        "linear_algebra",
        "loop_growing",
        "loop_known",
        "loop_unknown",
        "map_fn",
        "mathematics",
        "nested_loops",
        "resize",
    ),
    *(
        "lists",
        "randoms",
        "scan",
        "slices",
        "state",
        "state_unknown",
        "tensor_array",
        "tensor_array_growing",
        "training_bn",
        "unique_values",
    ),
)
KERAS = ("convolutional", "heads", "mobilenet", "recurrent", "simple")
WITH_GRADIENTS = ("dense", "conv_bn", "attention", "loop_known", "map_fn", "deconvolution", "conditional")


@pytest.fixture(scope="session")
def models(oracle, tmp_path_factory):
    """A directory with the models, and an .npz beside each."""
    directory = tmp_path_factory.mktemp("models")
    found = oracle("graph.save", directory=str(directory))
    assert (tuple(found["modules"]), tuple(found["keras"])) == (tuple(sorted(MODULES)), KERAS)
    return directory


def truth_of(models, name):
    with np.load(models / f"{name}.npz") as file:
        found = dict(file)
    return [found[key] for key in sorted(found) if key.startswith("in/")], found


def check(outputs, found):
    for key, value in outputs.items():
        expected = found.get(f"out/{key}", found.get(f"out/{key.removeprefix('output_')}"))
        assert value.shape == expected.shape
        np.testing.assert_allclose(np.asarray(value).astype(expected.dtype), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", [*(name for name in MODULES if name != "randoms"), *KERAS])
def test_signature(models, name):
    inputs, found = truth_of(models, name)
    function = reinstate.load(models / name).signatures["serving_default"]
    outputs = function(**dict(zip(function.inputs, inputs, strict=True)))
    assert len(outputs) == sum(key.startswith("out/") for key in found)
    check(outputs, found)
    if name.startswith("state"):
        after = {key.removeprefix("again/"): value for key, value in found.items() if key.startswith("again/")}
        check(function(**dict(zip(function.inputs, inputs, strict=True))), after)


# Mean and standard deviation; TensorFlow's own numbers must agree with them, too.
MOMENTS = {
    "uniform": (3, 1 / 3**0.5),
    "normal": (1, 2),
    "truncated": (0, 0.8796),
    "integers": (0, 2),
    "categorical": (0.7311, 0.4434),
    "gamma": (2, 2**0.5),
    "poisson": (3, 3**0.5),
    "shuffle": (9999.5, 20000 / 12**0.5),
    "generated": (0, 1),
    "stateless_uniform": (0.5, 1 / 12**0.5),
    "stateless_normal": (0, 1),
    "stateless_truncated": (0, 0.8796),
    "stateless_integers": (2, 2**0.5),
    "stateless_categorical": (0.7311, 0.4434),
    "stateless_gamma": (2, 2**0.5),
    "stateless_poisson": (3, 3**0.5),
    "stateless_binomial": (3, 2.1**0.5),
    "stateless_shuffle": (9999.5, 20000 / 12**0.5),
}


def test_random_numbers(models):
    inputs, found = truth_of(models, "randoms")
    function = reinstate.load(models / "randoms").signatures["serving_default"]
    first, second = function(*inputs), function(*inputs)
    assert set(MOMENTS) | {"fold"} == set(first)
    for name, (mean, deviation) in MOMENTS.items():
        for values in (np.asarray(first[name], np.float64), found[f"out/{name}"]):
            assert abs(values.mean() - mean) < 5 * deviation / 20000**0.5
            assert abs(values.std() - deviation) < 0.04 * deviation
        assert first[name].shape == found[f"out/{name}"].shape
        assert np.array_equal(first[name], second[name]) == name.startswith("stateless")
    assert sorted(first["shuffle"].tolist()) == list(range(20000))


@pytest.mark.parametrize("name", WITH_GRADIENTS)
def test_gradients(models, name):
    inputs, found = truth_of(models, name)
    module = reinstate.load(models / name)
    function, weights = module.call, list(module.weights)

    def total(values):
        outputs, after = function.pure(values, *inputs)
        assert all(a is b for a, b in zip(after, values, strict=True))
        return sum(jnp.sum(x) for x in jax.tree.leaves(outputs))

    gradients = jax.jit(jax.grad(total))([variable.value for variable in function.variables])
    by_variable = dict(zip(map(id, function.variables), gradients, strict=True))
    assert len(weights) == len(gradients) > 0
    for i, variable in enumerate(weights):
        np.testing.assert_allclose(by_variable[id(variable)], found[f"gradient/{i}"], rtol=1e-4, atol=1e-4)


def test_objects(models):
    module = reinstate.load(models / "dense")
    assert [variable.shape for variable in module.weights] == [(4, 3), (3,)]
    assert [variable.name for variable in module.trainable_variables] == ["Variable", "Variable"]
    assert module.variables[0] is module.weights[0]
    assert "call" in dir(module)
    with pytest.raises(AttributeError, match="no 'missing'; it has: call"):
        _ = module.missing


def test_a_variable_that_is_assigned_changes_what_functions_give(models):
    module = reinstate.load(models / "dense")
    x = np.zeros((1, 4), np.float32)
    module.weights[1].assign(jnp.array([0.0, 0.0, 50.0]))
    np.testing.assert_allclose(module.call(x)[0], [0, 0, 1], atol=1e-6)


def test_under_jit_and_vmap(models):
    inputs, found = truth_of(models, "dense")
    module = reinstate.load(models / "dense")
    expected = found["out/0"]
    np.testing.assert_allclose(jax.jit(module.call)(inputs[0]), expected, rtol=1e-5)
    np.testing.assert_allclose(jax.vmap(lambda row: module.call(row[None])[0])(inputs[0]), expected, rtol=1e-5)


def test_python_numbers_and_float64_are_taken(models):
    call = reinstate.load(models / "dense").call
    rows = [[1.0, 2.0, 3.0, 4.0]]
    expected = call(np.array(rows, np.float32))
    np.testing.assert_array_equal(call(rows), expected)
    np.testing.assert_array_equal(call(np.array(rows)), expected)


def test_arguments_that_fit_no_trace_are_told_which_would(models):
    module = reinstate.load(models / "dense")
    with pytest.raises(
        MismatchError, match=r"was not traced for \(float32\[2, 3\]\) \{\}; it was for:\n.*float32\[None, 4\]"
    ):
        module.call(np.zeros((2, 3), np.float32))
    signature = module.signatures["serving_default"]
    with pytest.raises(MismatchError, match="x is missing; there is no input y"):
        signature(y=np.zeros((2, 4), np.float32))
    with pytest.raises(MismatchError, match=r"input x is int32\[2, 4\]; it should be float32\[None, 4\]|x is"):
        signature(x=np.zeros((2, 5), np.float32))


def test_a_keras_model_is_called_with_its_own_arguments(models):
    inputs, found = truth_of(models, "simple")
    module = reinstate.load(models / "simple")
    plain = module(inputs[0])
    check({"0": plain}, {"out/0": next(v for k, v in found.items() if k.startswith("out/"))})
    np.testing.assert_array_equal(module(inputs[0], training=False), plain)
    trained = module(inputs[0], training=True)
    assert not np.allclose(trained, plain), "dropout"
    assert not np.array_equal(module(inputs[0], training=True), trained), "other numbers each time"


def test_training_batch_norm_updates_its_variables(models):
    inputs, _ = truth_of(models, "convolutional")
    module = reinstate.load(models / "convolutional")
    moving = [v for v in module.variables if "moving" in v.name]
    before = [v.numpy() for v in moving]
    module(inputs[0], training=True)
    assert len(moving) == 2
    assert all(not np.array_equal(v.numpy(), old) for v, old in zip(moving, before, strict=True))
    function = module.__getattr__("__call__")
    values = [v.value for v in function.variables]
    now = [v.numpy() for v in moving]
    after = jax.jit(lambda values: function.pure(values, inputs[0], training=True)[1])(values)
    changed = [v.name for v, a, b in zip(function.variables, values, after, strict=True) if not np.array_equal(a, b)]
    assert len(changed) == 2 and all("moving" in name for name in changed)
    assert all(np.array_equal(v.numpy(), old) for v, old in zip(moving, now, strict=True)), "nothing is assigned"
    with pytest.raises(UnsupportedError, match="use the function's `pure`"):
        jax.jit(lambda x: module(x, training=True))(inputs[0])


@pytest.mark.parametrize("model", ["dense", "conv_nested", "recurrent"])
@pytest.mark.parametrize("version", ["2.3", "2.8", "2.12", "2.15", "2.21"])
def test_golden(golden, version, model):
    with np.load(golden(f"{version}/{model}/truth.npz")) as file:
        found = dict(file)
    x, _ = truth.batches_of(found)
    function = reinstate.load(golden(f"{version}/{model}/traces")).signatures["serving_default"]
    outputs = function(**dict(zip(function.inputs, x, strict=True)))
    (output,) = outputs.values()
    np.testing.assert_allclose(output, found["prediction/0"], rtol=1e-5, atol=1e-6)


def test_the_command(golden, tmp_path, capsys):
    with np.load(golden("2.15/dense/truth.npz")) as file:
        found = dict(file)
    x, _ = truth.batches_of(found)
    source, here, there = str(golden("2.15/dense/traces")), tmp_path / "x.npy", tmp_path / "out.npz"
    np.save(here, x[0])
    assert run(["run", source]) == 0
    assert capsys.readouterr().out == "takes features: float32 [?, 12]\ngives softmax: float32 [?, 10]\n"
    assert run(["run", source, "--input", f"features={here}", "--output", str(there)]) == 0
    assert capsys.readouterr().out == "softmax: float32 [4, 10]\n"
    with np.load(there) as written:
        np.testing.assert_allclose(written["softmax"], found["prediction/0"], rtol=1e-5, atol=1e-6)
    assert run(["run", source, "--signature", "other"]) == 1
    assert "has no signature 'other'; it has: serving_default" in capsys.readouterr().err
    assert run(["run", source, "--input", "features"]) == 2


def test_what_is_no_saved_model(golden):
    with pytest.raises(UnsupportedError, match="only a SavedModel"):
        reinstate.load(golden("2.15/dense/model.h5"))
