"""Models with CuDNNLSTM and CuDNNGRU, which only a GPU runs: what tf_keras makes of their weights in plain layers."""

import os

import numpy as np


def write(directory):
    """Save such a model as HDF5, its weights alone, as SavedModel, and what the same in plain layers predicts."""
    import tf_keras as keras
    from tf_keras.src.layers.rnn.cudnn_gru import CuDNNGRU
    from tf_keras.src.layers.rnn.cudnn_lstm import CuDNNLSTM

    layers = keras.layers

    def model(lstm, gru, **reset):
        keras.backend.clear_session()
        x = keras.Input((7, 3), name="x")
        y = lstm(5, return_sequences=True, name="first")(x)
        y = layers.Bidirectional(gru(4, return_sequences=True, name="inner", **reset), name="both")(y)
        y = layers.Bidirectional(lstm(2, return_sequences=True, name="twice"), merge_mode="sum", name="sum")(y)
        y = gru(6, name="last", **reset)(y)
        return keras.Model(x, layers.Dense(2, name="out")(y))

    source = model(CuDNNLSTM, CuDNNGRU)
    generator = np.random.RandomState(5)
    source.set_weights([generator.normal(size=w.shape).astype("float32") for w in source.get_weights()])
    source.compile(keras.optimizers.legacy.Adam(0.01), "mse")
    optimizer = source.optimizer
    optimizer.iterations.assign(3)
    optimizer._create_all_weights(source.trainable_variables)
    for variable in source.trainable_variables:
        for slot in ("m", "v"):
            optimizer.get_slot(variable, slot).assign(generator.uniform(size=variable.shape).astype("float32"))
    source.save(os.path.join(directory, "cudnn.h5"))
    source.save_weights(os.path.join(directory, "cudnn_weights.h5"))
    source.save(os.path.join(directory, "cudnn"), save_format="tf", save_traces=False)
    plain = model(layers.LSTM, layers.GRU, reset_after=True)
    plain.load_weights(os.path.join(directory, "cudnn_weights.h5"))
    x = generator.normal(size=(2, 7, 3)).astype("float32")
    weights = {"weight/%d" % i: w for i, w in enumerate(plain.get_weights())}
    kernel = source.layers[1].kernel
    slot = optimizer.get_slot(kernel, "m").numpy()
    np.savez(os.path.join(directory, "truth.npz"), x=x, y=plain.predict(x, verbose=0), kernel_m=slot, **weights)
