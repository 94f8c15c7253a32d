"""The rules by which jax's primitives become ops, by subject: importing this fills the table."""

from reinstate.graph.lower import array, gather, linalg, loops, math, nn, pool, sorting

__all__ = ["array", "gather", "linalg", "loops", "math", "nn", "pool", "sorting"]
