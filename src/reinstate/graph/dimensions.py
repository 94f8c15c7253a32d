"""Symbolic dimensions of jax as nodes: variables are read off the shapes of arguments, the rest is arithmetic.

jax writes an expression as text by a grammar that it documents and reads back (``floordiv(2*b + 1, 2)``): that is read
here.
Source: jax.export.symbolic_shape, "Shape polymorphism" in jax's documentation.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from reinstate.errors import UnsupportedError

if TYPE_CHECKING:
    from reinstate.graph.build import GraphBuilder, Tensor

_OPERATORS = {ast.Add: "AddV2", ast.Sub: "Sub", ast.Mult: "Mul"}
_FUNCTIONS = {"floordiv": "FloorDiv", "mod": "FloorMod", "max": "Maximum", "min": "Minimum"}


def is_static(shape: Sequence[Any]) -> bool:
    """Whether all dimensions are numbers."""
    return all(isinstance(size, int | np.integer) for size in shape)


class Dimensions:
    """The dimensions of a function: ``dimensions(size)`` is a scalar of int32."""

    def __init__(self, graph: GraphBuilder) -> None:
        self._graph = graph
        self._sources: dict[str, tuple[Tensor, int, int]] = {}  # expression: argument, axis, what to divide it by
        self._made: dict[str, Tensor] = {}

    def offer(self, argument: Tensor) -> None:
        """Note which dimensions can be read off this argument."""
        for axis, size in enumerate(argument.shape):
            if not is_static([size]):
                text = str(size)
                self._sources.setdefault(text, (argument, axis, 1))
                if multiple := re.fullmatch(r"(\d+)\*(\w+)", text):
                    self._sources.setdefault(multiple[2], (argument, axis, int(multiple[1])))

    def __call__(self, size: Any) -> Tensor:
        """The size as a tensor."""
        if is_static([size]):
            return self._graph.constant(np.int32(size))
        return self.named(str(size))

    def named(self, text: str) -> Tensor:
        """The expression of this text as a tensor."""
        if text not in self._made:
            scope, self._graph.scope = self._graph.scope, ""
            self._made[text] = self._read(*self._sources[text]) if text in self._sources else self._computed(text)
            self._graph.scope = scope
        return self._made[text]

    def _read(self, argument: Tensor, axis: int, divisor: int) -> Tensor:
        begin, end, step = (np.array([value], np.int32) for value in (axis, axis + 1, 1))
        shape = self._graph("Shape", argument)
        made: Tensor = self._graph("StridedSlice", shape, begin, end, step, shrink_axis_mask=1)
        if divisor > 1:
            made = self._graph("FloorDiv", made, np.int32(divisor))
        return made

    def _computed(self, text: str) -> Tensor:
        tree = ast.parse(text.replace("^", "**"), mode="eval").body
        if not isinstance(tree, ast.Name):
            return self._expression(tree)
        if self._graph.outer is None:
            raise UnsupportedError(f"the size {text}, which is that of no argument")
        return self._graph.own(self._graph.outer.dimensions.named(text))

    def _expression(self, tree: ast.expr) -> Tensor:
        match tree:
            case ast.Constant(value=int(value)):
                return self._graph.constant(np.int32(value))
            case ast.Name(id=name):
                return self.named(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self._node("Neg", operand)
            case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int(times))):
                made = self._expression(left)
                for _ in range(times - 1):
                    made = self._graph("Mul", made, self._expression(left))
                return replace(made, shape=())
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
                return self._node(_OPERATORS[type(operator)], left, right)
            case ast.Call(func=ast.Name(id=name), args=arguments) if name in _FUNCTIONS:
                return self._node(_FUNCTIONS[name], *arguments)
            case _:
                raise UnsupportedError(f"a dimension of the size {ast.unparse(tree)}")

    def _node(self, op: str, *operands: ast.expr) -> Tensor:
        made: Tensor = self._graph(op, *map(self._expression, operands))
        return made
