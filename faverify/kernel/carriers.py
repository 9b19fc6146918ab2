"""The carrier contract: what a rule, a law and a network may be run over; and questions that have no answer.

A *value* is a matrix in some carrier: a subclass of `Value` that gives `_dims` (the shape as data), `+`, `*`
(entrywise, NumPy broadcasting), `@`, `/` by a number, negation, `mT`, `total()`, `row_sums()`, `diagonal()`,
`sign()`, `inverse()`, `logdet()`, `primitive(of)`; for expectations `expected(drawn)` if its letters are formal, else
`units()`. A *carrier* makes values: `letter(name, rows, cols)`, a matrix known by its name; `zeros(rows, cols)`; and
`activate(activation, h, name)`, the pair φ(h), φ′(h).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from threading import RLock
from typing import Any

from ..errors import OBSERVERS, ExactnessError, ShapeError, Undecidable, UnsupportedOperation

_watching = RLock()
COLUMNS_ROWS = "the columns of A must be the rows of B"


def exact(value: Any) -> Fraction | int:
    """The rational number that `value` stands for; floats and everything else are refused."""
    if type(value) in (int, Fraction):
        return value  # type: ignore[no-any-return]
    names = ("p", "q") if hasattr(value, "q") else ("numerator", "denominator")
    if isinstance(value, (bool, float)) or not all(hasattr(value, name) for name in names):
        raise ExactnessError(value)
    return Fraction(*(int(getattr(value, name)) for name in names))


@contextmanager
def watch() -> Iterator[None]:
    """Questions and errors that user code swallowed inside are raised at the end; one thread watches at a time."""
    seen: list[BaseException] = []
    with _watching:
        OBSERVERS.append(seen)
        try:
            yield
        finally:
            OBSERVERS[:] = [observer for observer in OBSERVERS if observer is not seen]
    if seen:
        raise seen[0] if isinstance(seen[0], Undecidable) else Undecidable(f"whether this fails: {seen[0]}")


class Silent:
    """What answers no comparison and no conversion: to user code each of them is a question without an answer."""

    __slots__ = ()
    __array_ufunc__ = None
    _label = "a matrix"

    def _ask(self, *_: Any) -> Any:
        raise Undecidable(f"the value of {self._label}, which stands for every possible one")


CONVERSIONS = "lt le gt ge eq ne hash bool int index float complex str repr format len iter contains array abs round"
OPERATIONS = "radd rsub mul rmul truediv rtruediv mod rmod floordiv rfloordiv divmod rdivmod pow rpow neg pos invert"
for _name in f"{CONVERSIONS} {OPERATIONS}".split():
    setattr(Silent, f"__{_name}__", lambda self, *operands: self._ask(*operands))


class Opaque(Silent):
    """What a proof must not know: an index, which may be shifted and no more, a width, a name.

    It passes for an int (or a str), so that `isinstance(index, int) and index == 5` is asked too.
    """

    __slots__ = ("_kind", "_label")
    __class__ = property(lambda self: self._kind)

    def __init__(self, label: str, kind: type = int) -> None:
        self._label, self._kind = label, kind

    def __add__(self, other: Any) -> Opaque:
        if self._label[0] not in "lL" or not isinstance(other, int):
            raise Undecidable(f"the value of {self._label}")
        shift = int(self._label[1:] or 0) + other
        return Opaque(self._label[0] + (f"{shift:+d}" if shift else ""))

    def __sub__(self, other: Any) -> Opaque:
        return self.__add__(-other)

    def __getattr__(self, name: str) -> Any:
        return self._ask() if not name.startswith("__") else object.__getattribute__(self, name)


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

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise UnsupportedOperation(
            f"the attribute .{name}", "matrices", "write the formula with @, *, .mT, .shape, fv.…"
        )

    def __repr__(self) -> str:  # says nothing of the content, which a comparison of strings would ask for
        return f"<{type(self).__name__.lower()}>"

    __str__ = __repr__


def broadcast(operation: str, a: Any, b: Any) -> tuple[Any, Any]:
    if a._dims == b._dims:
        return a._dims  # type: ignore[no-any-return]
    pairs = list(zip(a._dims, b._dims, strict=True))
    fits = all(p == q or 1 in (p, q) for p, q in pairs)
    check(fits, operation, a._dims, b._dims, "each dimension must agree or be 1")
    return pairs[0][pairs[0][0] == 1], pairs[1][pairs[1][0] == 1]


def check(fits: bool, operation: str, left: Any, right: Any, remedy: str) -> None:
    if not fits:
        raise ShapeError(operation, left, right, remedy)
