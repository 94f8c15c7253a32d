"""Layers and models of one's own, as users write them, for tf_keras; what comes back of them without their classes."""


def table(keras, tf):
    """Name -> (function that makes a model, shapes of its inputs)."""
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

    class Block(layers.Layer):
        """Layers in a layer, one of them in a list, and training passed on."""

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

    def functional(*made, width=4, shape=(4,)):
        x = seen = keras.Input(shape, name="seen")
        for layer in made:
            x = layer(x)
        return keras.Model(seen, layers.Dense(1, name="out")(x))

    class Whole(keras.Model):
        def __init__(self, **keywords):
            super().__init__(**keywords)
            self.hidden = layers.Dense(5, activation="relu", kernel_regularizer="l2")
            self.block = Block(5)
            self.out = layers.Dense(1)

        def call(self, x, training=None):
            return self.out(self.block(self.hidden(x), training=training))

    return {
        "scale": (lambda: functional(Scale(3.0, name="scale")), [(4,)]),
        "norm": (lambda: functional(Norm(name="norm")), [(4,)]),
        "block": (lambda: functional(layers.Dense(3), Block(4, name="block")), [(4,)]),
        "whole": (lambda: Whole(name="whole"), [(4,)]),
    }
