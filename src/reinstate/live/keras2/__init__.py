"""What Keras 3 dropped and files of Keras 2 hold: small layers, losses and metrics of the old ways.

Each class is registered under ``reinstate``; each module lists its own in ``OBJECTS``. The numbers, the weights, their
shapes and their order are those of tf.keras.
"""
