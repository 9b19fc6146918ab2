"""Matrices of which only the shape is known, and how many terms they would have as words.

Over them a network shows how it hangs together, and what a proof over words would cost, without any algebra.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ..errors import RuleError, UnsupportedOperation, called, name_of, where
from .carriers import COLUMNS_ROWS, Value, broadcast, check
from .layers import stacked
from .words import Word

if TYPE_CHECKING:
    from .passes import Run


class Outline(Value):
    """A shape, how many terms and letters in a term; and of a letter its name and whether it is turned (transposed)."""

    __slots__ = ("_dims", "letters", "named", "terms")

    def __init__(self, rows: Any, cols: Any, terms: int = 1, letters: int = 1, named: Any = None) -> None:
        self._dims, self.terms, self.letters, self.named = (rows, cols), terms, letters, named

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, Outline):
            return self if isinstance(other, Word) or not hasattr(other, "_dims") else NotImplemented
        return Outline(*broadcast("A + B", self, other), self.terms + other.terms, max(self.letters, other.letters))

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, Outline):
            return self if isinstance(other, Word) or not hasattr(other, "_dims") else NotImplemented
        return Outline(*broadcast("A * B", self, other), self.terms * other.terms, self.letters + other.letters)

    def __matmul__(self, other: Any) -> Any:
        if not isinstance(other, Outline):
            return NotImplemented
        check(self._dims[1] == other._dims[0], "A @ B", self._dims, other._dims, COLUMNS_ROWS)
        return Outline(self._dims[0], other._dims[1], self.terms * other.terms, self.letters + other.letters)

    def __truediv__(self, other: Any) -> Outline:
        return self

    def __neg__(self) -> Outline:
        return self

    @property
    def mT(self) -> Outline:
        named = self.named and (self.named[0], not self.named[1])
        return Outline(self._dims[1], self._dims[0], self.terms, self.letters, named)

    def total(self) -> Outline:
        return Outline(1, 1, self.terms, self.letters)

    def row_sums(self) -> Outline:
        return Outline(self._dims[0], 1, self.terms, self.letters)

    def diagonal(self) -> Outline:
        cols = self._dims[0] if self._dims[1] == 1 else 1
        return Outline(self._dims[0], cols, self.terms, self.letters)

    def sign(self) -> Outline:
        return Outline(*self._dims)

    inverse = sign

    def logdet(self) -> Outline:
        return Outline(1, 1)

    def expected(self, drawn: frozenset[str]) -> Outline:
        return self


class OutlineCarrier:
    """Letters of which only the shape is known."""

    def letter(self, name: str, rows: Any, cols: Any) -> Outline:
        return Outline(rows, cols, named=(name, False))

    def zeros(self, rows: Any, cols: Any) -> Outline:
        return Outline(rows, cols)

    def activate(self, activation: Any, h: Outline, name: str) -> tuple[Outline, Outline]:
        if activation.linear:
            return h, Outline(*h._dims)
        rows, cols = h._dims
        known = activation.degree is not None
        return Outline(rows, cols, h.terms if known else 1, h.letters + 1 if known else 1), Outline(rows, cols)


class Signal(Value):
    """A signal of which only the shape is known, and which must be used linearly."""

    __slots__ = ("_dims",)
    _label = "a signal"

    def __init__(self, rows: Any, cols: Any) -> None:
        self._dims = (rows, cols)

    def _refused(self, what: str) -> Any:
        raise UnsupportedOperation(what, "signals where a skip leaves", "there, error must be linear in above.delta")

    def __add__(self, other: Any) -> Signal:
        return Signal(*broadcast("A + B", self, other)) if hasattr(other, "_dims") else self

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Signal):
            return self._refused("a product of signals")
        return Signal(*broadcast("A * B", self, other)) if hasattr(other, "_dims") else self

    def __matmul__(self, other: Any) -> Any:
        if isinstance(other, Signal):
            return self._refused("a product of signals")
        if not isinstance(other, Outline):
            return NotImplemented
        check(self._dims[1] == other._dims[0], "A @ B", self._dims, other._dims, COLUMNS_ROWS)
        return Signal(self._dims[0], other._dims[1])

    def __rmatmul__(self, other: Any) -> Signal:
        check(other._dims[1] == self._dims[0], "A @ B", other._dims, self._dims, COLUMNS_ROWS)
        return Signal(other._dims[0], self._dims[1])

    def __truediv__(self, other: Any) -> Any:
        return self._refused("a quotient of signals") if hasattr(other, "_dims") else self

    def __neg__(self) -> Signal:
        return self

    @property
    def mT(self) -> Signal:
        return Signal(self._dims[1], self._dims[0])

    def total(self) -> Signal:
        return Signal(1, 1)

    def row_sums(self) -> Signal:
        return Signal(self._dims[0], 1)

    def diagonal(self) -> Signal:
        return Signal(self._dims[0], self._dims[0] if self._dims[1] == 1 else 1)

    def sign(self) -> Any:
        return self._refused("fv.sign of a signal")

    def inverse(self) -> Any:
        return self._refused("fv.inverse of a signal")

    def logdet(self) -> Any:
        return self._refused("fv.logdet of a signal")


def must_be_linear(rule: Any, run: Run) -> None:
    """Refuse a rule that is nonlinear in the signal at a layer from which a skip leaves, with the line that is."""
    for layer in run.layers:
        if len(layer._outs) > 1 and any(term.wire is not None for term, _ in layer._outs):
            signals = [(term, SimpleNamespace(delta=Signal(*target.h._dims))) for term, target in layer._outs]
            above = stacked(run, layer._label, signals)
            try:
                called(rule, "error", layer, above, run.output)
            except UnsupportedOperation as error:
                if error.carrier != "signals where a skip leaves":
                    raise
                remedy = "a skip leaves here, so error must be linear in above.delta"
                found = f"{error.operation} at layer {layer._label} ({where(error)})"
                raise RuleError(f"{name_of(rule)}.error", found, remedy) from error
