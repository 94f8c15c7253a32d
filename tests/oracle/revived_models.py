"""Layers and models of one's own, as users write them, for tf_keras; what comes back of them without their classes."""

IDS = 7  # inputs that are numbers of things are below this


def table(keras, tf):
    """Name -> (function that makes a model, shapes of its inputs; one that begins with "ids" is of integers)."""
    return dict(**_layers(keras, tf), **_wired(keras, tf), **_models(keras, tf))


def functional(keras, *made, shape=(4,), dtype=None):
    """The layers one after the other, and a Dense at the end."""
    x = seen = keras.Input(shape, name="seen", dtype=dtype)
    for layer in made:
        x = layer(x)
    return keras.Model(seen, keras.layers.Dense(1, name="out")(x))


def _layers(keras, tf):
    layers = keras.layers

    class Scale(layers.Layer):
        def __init__(self, factor=2.0, **keywords):
            super().__init__(**keywords)
            self.factor = factor

        def build(self, input_shape):
            self.scale = self.add_weight(name="scale", shape=(input_shape[-1],), initializer="random_normal")
            super().build(input_shape)

        def call(self, x):
            return x * self.scale * self.factor

        def get_config(self):
            return dict(super().get_config(), factor=self.factor)

    class Norm(layers.Layer):
        """Like BatchNormalization: it updates a mean while it trains."""

        def build(self, input_shape):
            width = input_shape[-1]
            self.moving = self.add_weight(name="moving", shape=(width,), initializer="zeros", trainable=False)
            self.gamma = self.add_weight(name="gamma", shape=(width,), initializer="ones")
            super().build(input_shape)

        def call(self, x, training=None):
            if training:
                mean = tf.reduce_mean(x, axis=0)
                self.moving.assign(self.moving * 0.9 + mean * 0.1)
            else:
                mean = self.moving
            return (x - mean) * self.gamma

    class Penalized(layers.Layer):
        """Losses of all kinds: of the inputs, of the outputs, of a weight."""

        def build(self, input_shape):
            shape = (input_shape[-1],)
            self.w = self.add_weight(name="w", shape=shape, initializer="ones", regularizer=keras.regularizers.L2(0.1))
            self.v = self.add_weight(name="v", shape=shape, initializer="ones", regularizer=keras.regularizers.L1(0.1))
            super().build(input_shape)

        def call(self, x):
            self.add_loss(0.1 * tf.reduce_mean(tf.square(x * self.w)))
            return x * self.w + self.v

    class Attend(layers.Layer):
        """Attention over a sequence, with the shape taken from the tensor."""

        def build(self, input_shape):
            self.q, self.k, self.v = (layers.Dense(4, name=name) for name in "qkv")
            super().build(input_shape)

        def call(self, x):
            size = tf.shape(x)
            q, k, v = (tf.reshape(f(x), (size[0], size[1], 2, 2)) for f in (self.q, self.k, self.v))
            weights = tf.nn.softmax(tf.einsum("bqhd,bkhd->bhqk", q, k))
            return tf.reduce_mean(tf.reshape(tf.einsum("bhqk,bkhd->bqhd", weights, v), (size[0], size[1], 4)), axis=1)

    class Folded(layers.Layer):
        """A loop, and a branch on a number."""

        def build(self, input_shape):
            self.step = self.add_weight(name="step", shape=(input_shape[-1],), initializer="ones")
            super().build(input_shape)

        def call(self, x):
            def body(i, state):
                return i + 1, tf.tanh(state * self.step + x)

            _, state = tf.while_loop(lambda i, state: i < 4, body, (0, tf.zeros_like(x)))
            return tf.cond(tf.reduce_sum(self.step) > 0.0, lambda: state, lambda: -state)

    class Patches(layers.Layer):
        def __init__(self, **keywords):
            super().__init__(**keywords)
            self.conv = layers.Conv2D(3, 3, padding="same", name="conv")
            self.norm = layers.BatchNormalization(name="norm")

        def call(self, x, training=None):
            x = tf.nn.relu(self.norm(self.conv(x), training=training))
            return tf.reduce_mean(x, axis=[1, 2])

    class Nameless(layers.Layer):
        """It cannot say how it is made."""

        def __init__(self, function, **keywords):
            super().__init__(**keywords)
            self.function = function

        def call(self, x):
            return self.function(x)

        def get_config(self):
            raise NotImplementedError

    class Cell(layers.Layer):
        state_size = 3

        def build(self, input_shape):
            self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], 3), initializer="random_normal")
            self.own = self.add_weight(name="own", shape=(3, 3), initializer="random_normal")
            super().build(input_shape)

        def call(self, x, states):
            state = tf.tanh(x @ self.kernel + states[0] @ self.own)
            return state, [state]

        def get_config(self):
            return super().get_config()

    class Lookup(layers.Layer):
        def build(self, input_shape):
            self.table = self.add_weight(name="table", shape=(IDS, 3), initializer="random_normal")
            super().build(input_shape)

        def call(self, ids):
            return tf.reduce_sum(tf.nn.embedding_lookup(self.table, ids), axis=1)

    def frozen():
        layer = Scale(name="scale")
        layer.trainable = False
        return functional(keras, layer)

    def sequential():
        return keras.Sequential([layers.Dense(4), Scale(name="scale"), layers.Dense(1)])

    return {
        "scale": (lambda: functional(keras, Scale(3.0, name="scale")), [(4,)]),
        "norm": (lambda: functional(keras, Norm(name="norm")), [(4,)]),
        "penalized": (lambda: functional(keras, Penalized(activity_regularizer="l2", name="penalized")), [(4,)]),
        "attend": (lambda: functional(keras, Attend(name="attend"), shape=(None, 4)), [(5, 4)]),
        "folded": (lambda: functional(keras, Folded(name="folded")), [(4,)]),
        "patches": (lambda: functional(keras, Patches(name="patches"), shape=(8, 8, 2)), [(8, 8, 2)]),
        "nameless": (lambda: functional(keras, Nameless(tf.tanh, name="nameless")), [(4,)]),
        "lambda": (lambda: functional(keras, layers.Lambda(lambda x: x * 2.0 + 1.0, name="doubled")), [(4,)]),
        "cell": (lambda: functional(keras, layers.RNN(Cell(name="cell"), name="rnn"), shape=(5, 2)), [(5, 2)]),
        "each-step": (
            lambda: functional(keras, layers.TimeDistributed(Scale(), name="each"), layers.Flatten(), shape=(5, 2)),
            [(5, 2)],
        ),
        "lookup": (lambda: functional(keras, Lookup(name="lookup"), shape=(5,), dtype="int32"), [("ids", 5)]),
        "frozen": (frozen, [(4,)]),
        "sequential": (sequential, [(4,)]),
    }


def _wired(keras, tf):
    layers = keras.layers

    class Mix(layers.Layer):
        """Two inputs, a number, and an input that may be left out."""

        def build(self, input_shape):
            self.gain = self.add_weight(name="gain", shape=(), initializer="ones")
            super().build(input_shape)

        def call(self, a, b, power=1.0, extra=None):
            result = a * self.gain + b * power
            return result if extra is None else result - extra

    class Sums(layers.Layer):
        """A list comes in, a dictionary goes out."""

        def build(self, input_shape):
            self.gain = self.add_weight(name="gain", shape=(), initializer="ones")
            super().build(input_shape)

        def call(self, inputs):
            a, b = inputs
            return {"sum": a + b * self.gain, "difference": (a - b, a * b)}

    class Gate(layers.Layer):
        def __init__(self, **keywords):
            super().__init__(**keywords)
            self.dense = layers.Dense(4, name="dense")

        def call(self, x):
            return x * tf.sigmoid(self.dense(x))

    class Tied(layers.Layer):
        """It multiplies with the weights of another layer."""

        def __init__(self, other, **keywords):
            super().__init__(**keywords)
            self.other = other

        def call(self, x):
            return tf.matmul(x, self.other.embeddings, transpose_b=True)

    class Pool(layers.Layer):
        """It takes a mask."""

        def call(self, x, mask=None):
            if mask is None:
                return tf.reduce_mean(x, axis=1)
            kept = tf.cast(mask, x.dtype)[..., None]
            return tf.reduce_sum(x * kept, axis=1) / (tf.reduce_sum(kept, axis=1) + 1.0)

    def two():
        return keras.Input((4,), name="a"), keras.Input((4,), name="b")

    def mixed():
        a, b = two()
        x = Mix(name="mix")(a, b, power=0.5)
        y = Mix(name="mix_2")(x, b, extra=a)
        return keras.Model([a, b], layers.Dense(1)(y))

    def structured():
        a, b = two()
        found = Sums(name="sums")([a, b])
        x = layers.Add()([found["sum"], *found["difference"]])
        return keras.Model([a, b], [layers.Dense(1, name="one")(x), layers.Dense(2, name="two")(found["sum"])])

    def nested():
        inner_in = keras.Input((4,), name="inner_in")
        inner = keras.Model(inner_in, layers.Dense(4)(Gate(name="gate")(inner_in)), name="inner")
        seen = keras.Input((4,), name="seen")
        return keras.Model(seen, layers.Dense(1)(inner(Gate(name="outer_gate")(seen))))

    def shared():
        seen = keras.Input((4,), name="seen")
        gate = Gate(name="gate")
        return keras.Model(seen, layers.Dense(1)(gate(gate(seen))))

    def tied():
        seen = keras.Input((5,), name="seen", dtype="int32")
        embedding = layers.Embedding(IDS, 3, name="embedding")
        x = layers.GlobalAveragePooling1D()(embedding(seen))
        return keras.Model(seen, Tied(embedding, name="tied")(layers.Dense(3)(x)))

    def masked():
        seen = keras.Input((5,), name="seen", dtype="int32")
        embedding = layers.Embedding(IDS, 3, name="embedding")
        mask = layers.Lambda(lambda ids: ids > 0, name="mask")(seen)
        return keras.Model(seen, layers.Dense(1)(Pool(name="pool")(embedding(seen), mask=mask)))

    return {
        "mixed": (mixed, [(4,), (4,)]),
        "structured": (structured, [(4,), (4,)]),
        "nested": (nested, [(4,)]),
        "shared": (shared, [(4,)]),
        "tied": (tied, [("ids", 5)]),
        "masked": (masked, [("ids", 5)]),
        "unmasked": (lambda: functional(keras, Pool(name="pool"), shape=(5, 4)), [(5, 4)]),
    }


def _models(keras, tf):
    layers = keras.layers

    class Block(layers.Layer):
        """Layers in a layer, some of them in a list, and training passed on."""

        def __init__(self, units, **keywords):
            super().__init__(**keywords)
            self.units = units
            self.first = layers.Dense(units, activation="tanh", name="first")
            self.stages = [layers.Dense(units, name=f"stage_{i}") for i in range(2)]
            self.norm = layers.BatchNormalization(name="norm")

        def call(self, x, training=None):
            x = self.first(x)
            for stage in self.stages:
                x = stage(x)
            return self.norm(x, training=training)

        def get_config(self):
            return dict(super().get_config(), units=self.units)

    class Whole(keras.Model):
        def __init__(self, **keywords):
            super().__init__(**keywords)
            self.hidden = layers.Dense(5, activation="relu", kernel_regularizer="l2", name="hidden")
            self.block = Block(5, name="block")
            self.out = layers.Dense(1, name="out")

        def call(self, x, training=None):
            return self.out(self.block(self.hidden(x), training=training))

    class Heads(keras.Model):
        """Two outputs, a dictionary of layers, a graph of layers in it, a weight of its own."""

        def __init__(self, **keywords):
            super().__init__(**keywords)
            seen = keras.Input((4,), name="seen")
            self.encoder = keras.Model(seen, layers.Dense(5, activation="tanh", name="code")(seen), name="encoder")
            self.tail = keras.Sequential([layers.Dense(5, name="tail_dense")], name="tail")
            self.heads = {"mean": layers.Dense(1, name="mean"), "spread": layers.Dense(2, name="spread")}
            self.offset = self.add_weight(name="offset", shape=(1,), initializer="ones")

        def call(self, x):
            x = self.tail(self.encoder(x))
            return self.heads["mean"](x) + self.offset, self.heads["spread"](x)

    class OwnStep(keras.Model):
        """It says how it is trained, which no file does, and counts its losses in a metric of its own."""

        def __init__(self, **keywords):
            super().__init__(**keywords)
            self.dense = layers.Dense(1, name="dense")
            self.seen = keras.metrics.Mean(name="seen")

        def call(self, x):
            y = self.dense(x)
            self.seen.update_state(y)
            return y

    class Frozen(keras.Model):
        """A part of it does not train."""

        def __init__(self, **keywords):
            super().__init__(**keywords)
            self.fixed = Block(3, name="fixed")
            self.fixed.trainable = False
            self.out = layers.Dense(1, name="out")

        def call(self, x, training=None):
            return self.out(self.fixed(x, training=training))

    return {
        "block": (lambda: functional(keras, layers.Dense(3), Block(4, name="block")), [(4,)]),
        "whole": (lambda: Whole(name="whole"), [(4,)]),
        "heads": (lambda: Heads(name="heads"), [(4,)]),
        "own-step": (lambda: OwnStep(name="own_step"), [(4,)]),
        "part-frozen": (lambda: Frozen(name="part_frozen"), [(4,)]),
    }
