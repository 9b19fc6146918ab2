"""Grids on top of one another or side by side: what a law reads where several maps meet, in a recheck."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Pile:
    """Grids on top of one another (axis 0) or side by side (axis 1); None stands for a connection without a weight."""

    __array_ufunc__ = None

    def __init__(self, parts: list[Any], axis: int) -> None:
        self.parts, self.axis = parts, axis
        self._dims = tuple(part and part.shape for part in parts)

    def _each(self, function: Callable[[Any], Any]) -> Pile:
        return Pile([None if part is None else function(part) for part in self.parts], self.axis)

    def _with(self, other: Any, function: Callable[[Any, Any], Any]) -> Pile:
        others = other.parts if isinstance(other, Pile) else [other] * len(self.parts)
        pairs = zip(self.parts, others, strict=True)
        return Pile([None if p is None or q is None else function(p, q) for p, q in pairs], self.axis)

    def __add__(self, other: Any) -> Pile:
        return self._with(other, lambda p, q: p + q)

    def __sub__(self, other: Any) -> Pile:
        return self._with(other, lambda p, q: p - q)

    def __rsub__(self, other: Any) -> Pile:
        return self._with(other, lambda p, q: q - p)

    def __mul__(self, other: Any) -> Pile:
        return self._with(other, lambda p, q: p * q)

    def __truediv__(self, other: Any) -> Pile:
        return self._with(other, lambda p, q: p / q)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Pile:
        return self._each(lambda part: -part)

    def __pow__(self, power: int) -> Pile:
        return self._each(lambda part: part**power)

    def sign(self) -> Pile:
        return self._each(lambda part: part.sign())

    @property
    def mT(self) -> Pile:
        return Pile([None if part is None else part.mT for part in self.parts], 1 - self.axis)

    T = mT

    def __matmul__(self, other: Any) -> Any:
        if self.axis == 0 and not isinstance(other, Pile):
            return self._each(lambda part: part @ other)
        if self.parts == [None]:
            return other
        if self.axis != 1 or not isinstance(other, Pile) or other.axis != 0:
            raise ValueError("a product of piles")
        return summed([q if p is None else p @ q for p, q in zip(self.parts, other.parts, strict=True)])

    def __rmatmul__(self, other: Any) -> Any:
        if self.axis != 1:
            raise ValueError("a product of piles")
        return self._each(lambda part: other @ part)

    def inner(self, other: Any) -> Any:
        return summed([p.inner(q) for p, q in zip(self.parts, other.parts, strict=True)])

    def paired(self, others: list[Any]) -> Any:
        """Σ ⟨part, other⟩ over the parts that are maps."""
        return summed([p.inner(q) for p, q in zip(self.parts, others, strict=True) if p is not None])

    def total(self) -> Any:
        return summed([part.total() for part in self.parts])

    def row_sums(self) -> Any:
        return summed([part.row_sums() for part in self.parts]) if self.axis else self._each(lambda p: p.row_sums())


def summed(parts: list[Any]) -> Any:
    found = parts[0]
    for part in parts[1:]:
        found = found + part
    return found


def piled(parts: list[Any], axis: int) -> Any:
    return parts[0] if len(parts) == 1 and parts[0] is not None else Pile(parts, axis)
