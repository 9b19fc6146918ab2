"""Expectations over random directions, exactly: of what is of second degree in matrices with independent entries.

Method. The entries u_k of the directions have mean 0, variance 1 and no correlation, and nothing else is used of their
distribution: E[u_k u_l] = δ_kl. Over letters a direction is a letter, and a word says what its expectation is
(`Word.expected`). Over numbers a direction is known by its coefficients: U = Σ_k u_k E_k, with E_k the unit matrices.
What is linear in the directions has a coefficient A_k for each u_k, and a product of two such has the expectation
Σ_k A_k B_k. What is of another degree is refused, over letters and over numbers.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import UnsupportedOperation
from .carriers import Value

DIRECTIONS = "values of first and second degree in the directions"


class Random(Value):
    """What is of first degree in the u_k, by its coefficients; or of second degree, by its expectation alone."""

    __slots__ = ("degree", "parts")
    _label = "a random matrix"

    def __init__(self, parts: Mapping[Any, Any], degree: int = 1) -> None:
        self.parts, self.degree = dict(parts), degree

    @property
    def _dims(self) -> Any:
        return self._some._dims

    @property
    def _some(self) -> Any:
        return next(iter(self.parts.values()))

    def _mapped(self, function: Callable[[Any], Any]) -> Random:
        return Random({key: function(part) for key, part in self.parts.items()}, self.degree)

    def __add__(self, other: Any) -> Random:
        if not isinstance(other, Random) or other.degree != self.degree:
            raise UnsupportedOperation("a sum of different degrees", DIRECTIONS, "take the expectation of each apart")
        zero, nothing = self._some * 0, other._some * 0
        keys = {**self.parts, **other.parts}
        sums = {key: self.parts.get(key, zero) + other.parts.get(key, nothing) for key in keys}
        return Random(sums, self.degree)

    def _times(self, other: Any, product: Callable[[Any, Any], Any]) -> Random:
        if not isinstance(other, Random):
            return self._mapped(lambda part: product(part, other))
        if self.degree + other.degree > 2:
            raise UnsupportedOperation("a product of more than two directions", DIRECTIONS, "multiply two at most")
        nothing = product(self._some, other._some) * 0
        common = [product(part, other.parts[key]) for key, part in self.parts.items() if key in other.parts]
        return Random({(): sum(common, nothing)}, 2)

    def __mul__(self, other: Any) -> Random:
        return self._times(other, operator.mul)

    def __matmul__(self, other: Any) -> Random:
        return self._times(other, operator.matmul)

    def __rmatmul__(self, other: Any) -> Random:
        return self._mapped(lambda part: other @ part)

    def __truediv__(self, other: Any) -> Random:
        if isinstance(other, Random):
            raise UnsupportedOperation("a quotient by a direction", DIRECTIONS, "divide by a number")
        return self._mapped(lambda part: part / other)

    def __neg__(self) -> Random:
        return self._mapped(operator.neg)

    @property
    def mT(self) -> Random:
        return self._mapped(lambda part: part.mT)

    def total(self) -> Random:
        return self._mapped(lambda part: part.total())

    def row_sums(self) -> Random:
        return self._mapped(lambda part: part.row_sums())

    def diagonal(self) -> Random:
        return self._mapped(lambda part: part.diagonal())


def expectation(
    carrier: Any, function: Callable[[dict[str, Any]], Mapping[str, Any]], shapes: Mapping[str, tuple[Any, Any]]
) -> dict[str, Any]:
    """E[function(U)], for a direction U of each name and shape."""
    zeros = {name: carrier.zeros(*dims) for name, dims in shapes.items()}
    formal = all(hasattr(type(zero), "expected") for zero in zeros.values())
    letters = {name: f"ξ_{{{name}}}" for name in shapes}  # no network, rule or parameter has such a letter
    if formal:
        values = function({name: carrier.letter(letters[name], *dims) for name, dims in shapes.items()})
    else:
        units = {name: enumerate(zero.units()) for name, zero in zeros.items()}
        values = function({name: Random({(name, k): unit for k, unit in each}) for name, each in units.items()})
    found = {}
    for name, value in values.items():
        if not (hasattr(type(value), "expected") if formal else isinstance(value, Random) and value.degree == 2):
            raise UnsupportedOperation("an expectation of another degree", DIRECTIONS, "multiply two directions")
        found[name] = value.expected(frozenset(letters.values())) if formal else value.parts[()]
    return found
