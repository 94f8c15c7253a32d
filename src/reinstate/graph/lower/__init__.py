"""The rules by which jax's primitives become ops, by subject: importing this fills the table."""

from reinstate.graph.lower import array, linalg, math, nn, pool

__all__ = ["array", "linalg", "math", "nn", "pool"]
