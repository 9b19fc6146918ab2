"""The carrier contract: what a rule, a law and a network may be run over; and questions that have no answer.

A *value* is a matrix in some carrier: a subclass of `Value` that gives `_dims` (the shape as data), `+`, `*`
(entrywise, NumPy broadcasting), `@`, `/` by a number, negation, `mT`, `total()`, `row_sums()`, `diagonal()`,
`sign()`. A *carrier* makes values: `letter(name, rows, cols)`, a matrix known by its name; `zeros(rows, cols)`; and
`activate(activation, h, name)`, the pair φ(h), φ′(h).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, NoReturn

from ..errors import ExactnessError, ShapeError, Undecidable, UnsupportedOperation, user_frame

COLUMNS_ROWS = "the columns of A must be the rows of B"
_watchers: list[list[Undecidable]] = []


def exact(value: Any) -> Fraction | int:
    """The rational number that `value` stands for; floats and everything else are refused."""
    if type(value) in (int, Fraction):
        return value  # type: ignore[no-any-return]
    names = ("p", "q") if hasattr(value, "q") else ("numerator", "denominator")
    if isinstance(value, (bool, float)) or not all(hasattr(value, name) for name in names):
        raise ExactnessError(value)
    return Fraction(*(int(getattr(value, name)) for name in names))


def undecidable(question: str, kind: type[Undecidable] = Undecidable) -> NoReturn:
    """Raise, and leave a trace that swallowing the exception does not remove."""
    event = kind(question)
    event.line = user_frame(sys._getframe(1))
    for watcher in _watchers:
        watcher.append(event)
    raise event


@contextmanager
def watch() -> Iterator[None]:
    """A question asked inside is raised at the end, even if user code swallowed it."""
    asked: list[Undecidable] = []
    _watchers.append(asked)
    try:
        yield
    finally:
        _watchers.pop()
    if asked:
        raise asked[0]


class Silent:
    """What answers no comparison and no conversion: to user code each of them is a question without an answer."""

    __slots__ = ()
    __array_ufunc__ = None

    def _ask(self, *_: Any) -> Any:
        undecidable(f"the value of {getattr(self, 'label', 'a matrix')}, which stands for every possible one")

    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _ask
    __hash__ = __bool__ = __int__ = __index__ = __float__ = _ask


class Opaque(Silent):
    """A number that a proof must not know: a layer's index, a width. It may be shifted and passed on, no more.

    Even `str` is refused, since `str(index) == "5"` would ask what the number is; and it passes for an int, so that
    `isinstance(index, int) and index == 5` is asked too.
    """

    __slots__ = ("label",)
    __class__ = property(lambda self: int)

    def __init__(self, label: str) -> None:
        self.label = label

    def __add__(self, other: Any) -> Opaque:
        return Opaque(f"{self.label}+{exact(other)}")

    def __sub__(self, other: Any) -> Opaque:
        return Opaque(f"{self.label}-{exact(other)}")

    __str__ = __repr__ = __format__ = Silent._ask
    __radd__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __mod__ = __floordiv__ = Silent._ask


class Value(Silent):
    """The operators that follow from the others."""

    __slots__ = ()
    _dims: Any
    T = property(lambda self: self.mT)

    @property
    def shape(self) -> tuple[Any, ...]:
        return tuple(size if isinstance(size, int) else Opaque(str(size)) for size in self._dims)

    def __radd__(self: Any, other: Any) -> Any:
        return self + other

    def __rmul__(self: Any, other: Any) -> Any:
        return self * other

    def __sub__(self: Any, other: Any) -> Any:
        return self + (-other)

    def __rsub__(self: Any, other: Any) -> Any:
        return -self + other

    def __pow__(self: Any, power: Any) -> Any:
        if not isinstance(power, int) or power < 1:
            raise UnsupportedOperation(f"the power {power!r}", "exact algebra", "use a whole number ≥ 1")
        return self if power == 1 else self * self ** (power - 1)

    def inner(self: Any, other: Any) -> Any:
        """Σ_ij A_ij B_ij, of two matrices of one shape."""
        dims = getattr(other, "_dims", type(other).__name__)
        check(self._dims == dims, "inner(A, B)", self._dims, dims, "an inner product pairs two matrices of one shape")
        return (self * other).total()

    def __repr__(self) -> str:  # says nothing of the content, which a comparison of strings would ask for
        return f"<{type(self).__name__.lower()}>"


def broadcast(operation: str, a: Any, b: Any) -> tuple[Any, Any]:
    """The shape of an entrywise operation."""
    pairs = list(zip(a._dims, b._dims, strict=True))
    fits = all(p == q or 1 in (p, q) for p, q in pairs)
    check(fits, operation, a._dims, b._dims, "each dimension must agree or be 1")
    return pairs[0][pairs[0][0] == 1], pairs[1][pairs[1][0] == 1]


def check(fits: bool, operation: str, left: Any, right: Any, remedy: str) -> None:
    if not fits:
        raise ShapeError(operation, left, right, remedy)
