"""Matrices made of blocks: what a layer reads that feeds several maps, or that several maps feed.

`Blocks` stacks its parts (axis 0) or puts them side by side (axis 1). A part may be a `Wire`: a connection without a
weight, along which signals are carried as they are. What stands in for a weight on the way back does not change it, so
every entrywise operation leaves it as it is.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import UnsupportedOperation
from .carriers import Value, check


class Wire(Value):
    """A connection without a weight: the identity, which takes part in products alone."""

    __slots__ = ("_dims",)
    _label = "a connection without a weight"

    def __init__(self, size: Any) -> None:
        self._dims = (size, size)

    @property
    def mT(self) -> Wire:
        return self

    def __matmul__(self, other: Any) -> Any:
        return other

    def _same(self, *_: Any) -> Wire:
        return self

    __add__ = __mul__ = __truediv__ = __neg__ = sign = _same


class Blocks(Value):
    """Parts stacked (axis 0) or side by side (axis 1)."""

    __slots__ = ("axis", "parts")
    _label = "a matrix of blocks"

    def __init__(self, parts: Sequence[Any], axis: int) -> None:
        self.parts, self.axis = tuple(parts), axis

    @property
    def _dims(self) -> tuple[Any, Any]:
        sizes = tuple(part._dims[self.axis] for part in self.parts)
        other = self.parts[0]._dims[1 - self.axis]
        return (sizes, other) if self.axis == 0 else (other, sizes)

    def _mapped(self, function: Callable[[Any], Any]) -> Blocks:
        return Blocks([function(part) for part in self.parts], self.axis)

    def _entrywise(self, name: str, function: Callable[[Any, Any], Any], other: Any) -> Any:
        if isinstance(other, Blocks):
            check(self.axis == other.axis and len(self.parts) == len(other.parts), name, self._dims, other._dims, ALIKE)
            pairs = zip(self.parts, other.parts, strict=True)
            return Blocks([q if isinstance(q, Wire) else function(p, q) for p, q in pairs], self.axis)
        size = getattr(other, "_dims", (1, 1))[self.axis]
        check(size == 1, name, self._dims, getattr(other, "_dims", "a number"), ALIKE)
        return self._mapped(lambda part: function(part, other))

    def __add__(self, other: Any) -> Any:
        return self._entrywise("A + B", operator.add, other)

    def __mul__(self, other: Any) -> Any:
        return self._entrywise("A * B", operator.mul, other)

    def __truediv__(self, other: Any) -> Any:
        return self._mapped(lambda part: part / other)

    def __neg__(self) -> Blocks:
        return self._mapped(operator.neg)

    @property
    def mT(self) -> Blocks:
        return Blocks([part.mT for part in self.parts], 1 - self.axis)

    def __matmul__(self, other: Any) -> Any:
        """Σ of the products of blocks, where a row of them meets a column; or block by block."""
        if self.axis == 0 and not isinstance(other, Blocks):
            return self._mapped(lambda part: part @ other)
        if not (self.axis == 1 and isinstance(other, Blocks) and other.axis == 0):
            raise UnsupportedOperation(
                "this product of blocks", "a layer with several maps", "write Aᵀ @ B for columns"
            )
        check(self._dims[1] == other._dims[0], "A @ B", self._dims, other._dims, ALIKE)
        first, *rest = (p @ q for p, q in zip(self.parts, other.parts, strict=True))
        return sum(rest, first)

    def __rmatmul__(self, other: Any) -> Any:
        if self.axis == 0:
            raise UnsupportedOperation("a matrix times a column of blocks", "a layer with several maps", ALIKE)
        return Blocks([other @ part for part in self.parts], 1)

    def _summed(self, method: str) -> Any:
        first, *rest = (getattr(part, method)() for part in self.parts)
        return sum(rest, first)

    def total(self) -> Any:
        return self._summed("total")

    def row_sums(self) -> Any:
        return self._summed("row_sums") if self.axis == 1 else self._mapped(lambda part: part.row_sums())

    def sign(self) -> Blocks:
        return self._mapped(lambda part: part.sign())

    def is_zero(self) -> bool:
        return all(part.is_zero() for part in self.parts)

    def _refused(self, name: str) -> Any:
        raise UnsupportedOperation(f"fv.{name} of blocks", "a layer with several maps", "no block of it is square")

    def diagonal(self) -> Any:
        return self._refused("diag")

    def inverse(self) -> Any:
        return self._refused("inverse")

    def logdet(self) -> Any:
        return self._refused("logdet")


ALIKE = "both must have the same blocks"


def joined(parts: Sequence[Any], axis: int) -> Any:
    """The blocks of several parts; one alone is itself."""
    return parts[0] if len(parts) == 1 else Blocks(parts, axis)
