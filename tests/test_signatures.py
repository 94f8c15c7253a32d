"""``signatures=``: functions on arrays, with the variables they read, as real TensorFlow runs them."""

from __future__ import annotations

import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import reinstate
from reinstate.errors import LossyWarning, UnsupportedError

L = keras.layers
RNG = np.random.default_rng(0)
FLOATS = keras.InputSpec(shape=(None, 3), dtype="float32")
TABLE = jnp.asarray(RNG.normal(size=(400, 4)), "float32")  # of more than 1 KB


def floats(*shape):
    return RNG.normal(size=shape).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((3,), name="given"), L.Dense(4), L.Dropout(0.5, name="last")])


def made_of(model):
    """Functions, each with inputs for it and whether it says the same again."""
    other = L.Dense(2, name="elsewhere")
    count = keras.Variable(np.int32(0), dtype="int32", name="count", trainable=False)

    @reinstate.function(input_signature=[FLOATS])
    def dictionary(x):
        scores = model(x)
        return {"scores": scores, "label": keras.ops.argmax(scores, -1), "other": other(x)}

    def counted(x):
        count.assign_add(1)
        return x * keras.ops.cast(count, "float32")

    def several(a, /, b, *rest, scale=2.0):
        return a @ b.T * scale, rest[0]["u"] + rest[0]["v"]

    scalar = jax.ShapeDtypeStruct((), "int32")
    return {
        "dictionary": (dictionary, {"x": floats(5, 3)}),
        "counted": (reinstate.function(counted, [jax.ShapeDtypeStruct((None, 2), jnp.float32)]), {"x": floats(4, 2)}),
        "several": (
            reinstate.function(several, [FLOATS, keras.Input((3,), name="rows"), {"u": scalar, "v": scalar}]),
            {"a": floats(5, 3), "rows": floats(4, 3), "rest_0": np.int32(3), "rest_0_1": np.int32(4)},
        ),
        "looked_up": (
            reinstate.function(lambda index: [TABLE[index]], [keras.InputSpec(shape=(None,), dtype="int32")]),
            {"index": np.array([3, 1, 399], np.int32)},
        ),
        "nothing": (reinstate.function(lambda: jnp.float32(7), []), {}),
        "layer": (reinstate.function(model, [FLOATS]), {"inputs": floats(2, 3)}),
    }


def test_tensorflow_runs_them(model, oracle, tmp_path: Path):
    functions = made_of(model)
    path = tmp_path / "model"
    arrays = {f"{name}/{key}": value for name, (_, given) in functions.items() for key, value in given.items()}
    np.savez(tmp_path / "model.npz", **arrays)
    reinstate.save_model(model, path, signatures={name: fn for name, (fn, _) in functions.items()}, save_traces=False)
    specs = oracle("serving.signatures", paths=[str(path)], out=str(tmp_path / "out.npz"))[str(path)]
    assert specs["dictionary"] == [
        {"x": ["float32", [None, 3]]},
        {"scores": ["float32", [None, 4]], "label": ["int32", [None]], "other": ["float32", [None, 2]]},
    ]
    assert specs["several"][0] == {
        "a": ["float32", [None, 3]], "rows": ["float32", [None, 3]], "rest_0": ["int32", []], "rest_0_1": ["int32", []],
    }  # fmt: skip
    ours = reinstate.load(path).signatures
    assert set(ours) == set(specs) == set(functions)
    with np.load(tmp_path / "out.npz") as file:
        for time in range(2):
            for name, (function, given) in functions.items():
                found = function(*arguments(name, given))
                named = found if isinstance(found, dict) else dict(enumerated(found))
                mine = ours[name](**given)
                assert set(named) == set(specs[name][1]) == set(mine)
                for key, value in named.items():
                    said = file[f"{path}/{name}/{time}/{key}"]
                    np.testing.assert_allclose(said, np.asarray(value), rtol=1e-5, atol=1e-5, err_msg=f"{name} {key}")
                    np.testing.assert_allclose(np.asarray(mine[key]), np.asarray(value), rtol=1e-5, atol=1e-5)
    again = reinstate.load_model(path, compile=False)
    x = floats(3, 3)
    np.testing.assert_array_equal(again(x), model(x))


def arguments(name, given):
    if name != "several":
        return list(given.values())
    return [given["a"], given["rows"], {"u": given["rest_0"], "v": given["rest_0_1"]}]


def enumerated(found):
    several = found if isinstance(found, list | tuple) else [found]
    return [(f"output_{i}", value) for i, value in enumerate(several)]


def names(path):
    return set(reinstate.load(path).signatures)


def test_which_signatures_are_written(model, tmp_path: Path):
    fn = reinstate.function(lambda x: x, [FLOATS])
    for signatures, wanted in (({}, set()), ({"other": fn}, {"other"}), (fn, {"serving_default"})):
        reinstate.save_model(model, tmp_path / "model", signatures=signatures, save_traces=False)
        assert names(tmp_path / "model") == wanted


def test_a_method_of_a_class(model, tmp_path: Path):
    class Server:
        def __init__(self, factor):
            self.factor = keras.Variable(factor)

        @reinstate.function(input_signature=[FLOATS])
        def serve(self, x):
            """Serve it."""
            return x * self.factor

    server = Server(3.0)
    assert server.serve.__doc__ == "Serve it." and float(server.serve(2.0)) == 6
    reinstate.save_model(model, tmp_path / "model", signatures=server.serve, save_traces=False)
    said = reinstate.load(tmp_path / "model").signatures["serving_default"](x=np.ones((1, 3), np.float32))
    np.testing.assert_array_equal(said["output_0"], np.full((1, 3), 3.0))


def test_all_that_is_wrong_is_named(model, tmp_path: Path):
    def made(fn, *specs):
        return reinstate.function(fn, specs)

    wrong = {
        "number": 3,
        "bare": lambda x: x,
        "few": made(lambda x, y: x, FLOATS),
        "specs": made(
            lambda x, y, z: x, "float32", keras.InputSpec(dtype="float32"), keras.Input((3,), dtype="string")
        ),
        "": made(lambda x: x, FLOATS),
        "__saved_model_init_op": made(lambda x: x, FLOATS),
    }
    with pytest.raises(UnsupportedError) as caught:
        reinstate.save_model(model, tmp_path / "model", signatures=wrong)
    text = str(caught.value)
    for part in (
        "'number': 3 cannot be called", "'bare': <lambda> says nothing of its inputs", "'few': <lambda>(x, y) does not",
        "the input x is 'float32'", "the input y is of the shape None", "the input z is of strings",
        "'': ", "'__saved_",
    ):  # fmt: skip
        assert part in text
    wrong = {
        "none": made(lambda x: {"a": x, "b": None, 3: x}, FLOATS),
        "nested": made(lambda x: [x, [x]], FLOATS),
        "fails": made(lambda x: x @ x, FLOATS),
        "fresh": made(lambda x: L.Dense(2)(x), FLOATS),
        "exchanged": made(jnp.linalg.det, keras.InputSpec(shape=(None, 3, 3), dtype="float32")),
    }
    with pytest.raises(UnsupportedError) as caught:
        reinstate.save_model(model, tmp_path / "model", signatures=wrong)
    text = str(caught.value)
    for part in (
        "'b' is None",
        "3 is no text",
        "'output_1' is [",
        "fails > it cannot be traced",
        "fresh > it makes new",
    ):
        assert part in text
    assert not (tmp_path / "model").exists()
    with pytest.raises(UnsupportedError, match=r"3 cannot be called\n.*input_signature is None"):
        reinstate.function(3)


def test_sizes_that_are_multiples_are_told(tmp_path: Path):
    x = keras.Input((None, None, 3), name="image")
    halved = keras.Model(x, L.Concatenate()([x, L.UpSampling2D()(L.MaxPooling2D()(x))]))
    losses = losses_of(reinstate.save_model, halved, tmp_path / "model")
    assert "the signature serving_default: the sizes of image on the axes 1 and 2 are multiples of 2" in losses


@keras.saving.register_keras_serializable("signatures")
class Sampler(keras.Model):
    """Takes a dictionary, gives one with a list in it, counts its calls."""

    def __init__(self, units, **settings):
        super().__init__(**settings)
        self.units = units
        self.dense = L.Dense(units)

    def call(self, inputs, training=None):
        x = self.dense(inputs["a"])
        return {"sum": x + inputs["b"], "parts": [x, -x]} if not training else x

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("signatures")
class Doubler(keras.Model):
    def build(self, input_shape):
        self.factor = self.add_weight(name="factor", shape=(input_shape[-1],), initializer="ones")

    def call(self, x):
        return 2 * x * self.factor


def losses_of(call, *arguments, **settings):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(*arguments, **settings)
    return [loss for each in caught if isinstance(each.message, LossyWarning) for loss in each.message.losses]


def test_subclassed_models_and_what_is_exported(model, oracle, tmp_path: Path):
    sampler, doubler, x = Sampler(2), Doubler(), floats(4, 3)
    pair = {"a": x, "b": floats(4, 2)}
    sampler(pair)
    doubler(x)
    weight = keras.Variable(floats(3, 2), name="w")
    scaled = reinstate.function(lambda x: {"y": x @ weight.value}, [jax.ShapeDtypeStruct((None, 3), jnp.float32)])
    summed = reinstate.function(lambda x: model(x) + 1, [FLOATS])
    cases = {
        "doubler": (reinstate.export, doubler, {"input_1": x}, {}),
        "model": (reinstate.export, model, {"given": x}, {}),
        "function": (reinstate.export, scaled, {"x": x}, {}),
        "other": (reinstate.export, model, {"x": x}, {"signatures": summed}),
        "sampler": (reinstate.save_model, sampler, pair, {"options": reinstate.SaveOptions(extra_tags=["gpu"])}),
    }
    losses = {}
    for name, (save, subject, given, settings) in cases.items():
        np.savez(tmp_path / f"{name}.npz", **{f"serving_default/{key}": value for key, value in given.items()})
        losses[name] = losses_of(save, subject, tmp_path / name, **settings)
    doubt = "the signature serving_default: what types {} have is not known of a subclassed model: float32 is taken"
    assert doubt.format("a, b") in losses.pop("sampler")
    assert losses.pop("doubler") == [doubt.format("input_1")] and not any(losses.values())
    paths = [str(tmp_path / name) for name in cases]
    oracle("serving.signatures", paths=paths, out=str(tmp_path / "out.npz"), tags=["serve", "gpu"])
    dense = sampler.dense(x)
    wanted = {
        "sampler": {"sum": dense + pair["b"], "parts_1": dense, "parts_2": -dense},
        "doubler": {"output_1": 2 * x},
        "model": {"last": model(x)},
        "function": {"y": x @ np.asarray(weight)},
        "other": {"output_0": model(x) + 1},
    }
    with np.load(tmp_path / "out.npz") as file:
        assert len(file.files) == 2 * sum(map(len, wanted.values()))
        for name, outputs in wanted.items():
            for key, value in outputs.items():
                said = file[f"{tmp_path / name}/serving_default/0/{key}"]
                np.testing.assert_allclose(said, np.asarray(value), rtol=1e-5, atol=1e-6, err_msg=f"{name} {key}")
    assert [v.shape for v in reinstate.load(tmp_path / "function").variables] == [(3, 2)]
    assert len(reinstate.load(tmp_path / "model").trainable_variables) == 2


def test_a_model_that_was_never_called_says_so(tmp_path: Path):
    model = keras.Sequential([L.Dense(2)])
    (loss, _) = losses_of(reinstate.save_model, model, tmp_path / "model")
    assert (
        loss == "the signature serving_default > the inputs of the model are not known: call it once before it is saved"
    )
    with pytest.raises(UnsupportedError, match="call it once"):
        reinstate.export(model, tmp_path / "exported")
    with pytest.raises(UnsupportedError, match="is no Keras model"):
        reinstate.export(lambda x: x, tmp_path / "exported")
