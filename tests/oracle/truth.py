"""What is true of a model at a moment, as a flat dictionary of arrays for an .npz. For tf.keras and tf_keras.

==============================  ========================================================================================
``weight/0003/<name>``          every weight, numbered as in ``model.weights``
``optimizer/0003/<name>``       every variable of the optimizer, in its own order
``slot/<slot>/0003``            a slot of weight 3: ``m`` (legacy optimizers) or an attribute, ``_momentums`` (new)
``iterations``                  int64
``learning_rate``               float32, at this iteration
``metric/<metric>/0/<name>``    every variable of every metric
``x/0``                         a batch of inputs (0: the first input)
``prediction/0``                what the model says to it (0: the first output)
``next/0/x/0``, ``next/0/y/0``  the batches of the steps that were trained after saving
``more/losses``                 their losses, of each step alone, regularization included
``more/weight/...``             the weights after those steps; and ``more/prediction/...``
==============================  ========================================================================================
"""

import numpy as np

STEPS_AFTER = 2
PREDICTED, TRAINED_AFTER = 1000, 2000  # seeds of the batches; the seeds of the steps before saving start at 0


def plain(name):
    return name[:-2] if name.endswith(":0") else name


def one_or_all(items):
    """What a model with one input or output wants bare, and one with several as a list."""
    return items[0] if len(items) == 1 else list(items)


def several(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def train(model, batches):
    """Train on (inputs, targets), the metrics running on; gives the logs of each step."""
    keep = {"return_dict": True, "reset_metrics": False}
    return [model.train_on_batch(one_or_all(x), one_or_all(y), **keep) for x, y in batches]


def weights(model):
    return {"weight/%04d/%s" % (i, plain(w.name)): w.numpy() for i, w in enumerate(model.weights)}


def predictions(model, x):
    found = several(model.predict_on_batch(one_or_all(x)))
    return {"prediction/%d" % i: np.asarray(p) for i, p in enumerate(found)}


def build_optimizer(model):
    """Give the optimizer its variables, so that a checkpoint can fill them."""
    optimizer, variables = model.optimizer, model.trainable_variables
    if hasattr(optimizer, "get_slot_names"):
        optimizer.iterations  # noqa: B018 (made when first asked for)
        optimizer._create_all_weights(variables)
    else:
        optimizer.build(variables)


def optimizer(model):
    """The state of the model's optimizer, legacy or new."""
    opt = model.optimizer
    variables = opt.variables() if callable(opt.variables) else opt.variables
    truth = {"optimizer/%04d/%s" % (i, plain(v.name)): v.numpy() for i, v in enumerate(variables)}
    rate = opt._decayed_lr("float32") if hasattr(opt, "_decayed_lr") else opt.learning_rate
    truth["learning_rate"] = np.asarray(rate(opt.iterations) if callable(rate) else rate, dtype="float32")
    truth["iterations"] = np.asarray(opt.iterations.numpy())
    place = {id(w): i for i, w in enumerate(model.weights)}
    for slot, variable, value in _slots(opt, model.trainable_variables):
        truth["slot/%s/%04d" % (slot, place[id(variable)])] = value.numpy()
    return truth


def _slots(opt, variables):
    if hasattr(opt, "get_slot_names"):
        for slot in opt.get_slot_names():
            for variable in variables:
                yield slot, variable, opt.get_slot(variable, slot)
        return
    for attribute, values in vars(opt).items():
        if isinstance(values, list) and attribute != "_variables" and len(values) == len(variables):
            for variable, value in zip(variables, values):
                if hasattr(value, "numpy"):
                    yield attribute, variable, value


def metrics(model):
    return {
        "metric/%s/%d/%s" % (metric.name, i, plain(v.name)): v.numpy()
        for metric in model.metrics
        for i, v in enumerate(metric.variables)
    }


def inputs(x, next_batches):
    """The batches themselves, as they go into the file."""
    truth = {"x/%d" % i: a for i, a in enumerate(x)}
    for step, batch in enumerate(next_batches):
        for letter, arrays in zip("xy", batch):
            truth.update({"next/%d/%s/%d" % (step, letter, i): a for i, a in enumerate(arrays)})
    return truth


def batches_of(npz):
    """(x, next batches) out of such a file; the mirror of ``inputs``."""

    def arrays(prefix):
        return [npz[prefix + "/%d" % i] for i in range(sum(key.startswith(prefix + "/") for key in npz))]

    steps = 1 + max([int(key.split("/")[1]) for key in npz if key.startswith("next/")], default=-1)
    return arrays("x"), [(arrays("next/%d/x" % i), arrays("next/%d/y" % i)) for i in range(steps)]


def state(model):
    """Weights, optimizer and metrics."""
    truth = weights(model)
    if getattr(model, "optimizer", None) is not None:
        truth.update(optimizer(model))
    truth.update(metrics(model))
    return truth


def more(model, x, next_batches):
    """Train on; gives what is true afterwards, under ``more/``."""
    losses = []
    for batch in next_batches:
        model.reset_metrics()
        losses.append(train(model, [batch])[0]["loss"])
    truth = dict(weights(model), **predictions(model, x))
    truth["losses"] = np.asarray(losses, dtype="float32")
    return {"more/" + key: value for key, value in truth.items()}


def snapshot(model):
    """A function that puts the model and its optimizer back to where they are now."""
    opt = model.optimizer
    variables = list(opt.variables() if callable(opt.variables) else opt.variables) + list(model.weights)
    values = [v.numpy() for v in variables]

    def put_back():
        for variable, value in zip(variables, values):
            variable.assign(value)

    return put_back


def sensitivity(model, x, next_batches, found, put_back):
    """How far ``more`` moves when its inputs change in the last bit of float32, three times; under ``rounding/``.

    It is what rounding alone does in these steps: two runtimes that compute the same in another order differ as much.
    """
    furthest = {}
    for seed in range(3):
        put_back()
        noise = np.random.RandomState(seed)
        nudged = [([_nudge(a, noise) for a in inputs], targets) for inputs, targets in next_batches]
        for key, value in more(model, x, nudged).items():
            far = np.abs(value.astype("float64") - found[key])
            furthest[key] = np.maximum(furthest.get(key, 0.0), far)
    return {"rounding/" + key[len("more/") :]: value.astype("float32") for key, value in furthest.items()}


def _nudge(array, noise):
    if array.dtype.kind != "f":
        return array
    return (array * (1 + noise.choice([-1, 1], size=array.shape) * np.finfo("float32").eps)).astype("float32")
