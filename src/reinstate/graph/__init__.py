"""TensorFlow graphs on JAX: what a SavedModel's functions compute, without TensorFlow and without Keras."""
