"""Matrices of numbers for rechecks, which share no arithmetic with the prover: Fractions, or balls."""

from __future__ import annotations

from fractions import Fraction
from typing import Any


class NotPolynomial(ValueError):
    """A law is no polynomial of moderate degree along a straight line."""


class Grid:
    """Rows of numbers with NumPy's operators; an entry is a Fraction or a ball."""

    __array_ufunc__ = None

    def __init__(self, rows: Any, constants: dict[str, Any]) -> None:
        self.rows, self.constants = [list(row) for row in rows], constants
        self._dims = self.shape = (len(self.rows), len(self.rows[0]))

    def _like(self, rows: Any) -> Grid:
        return Grid(rows, self.constants)

    def _number(self, value: Any) -> Any:
        """A scalar in the number type of the entries."""
        if hasattr(type(value), "terms"):  # a constant made of parameters: a sum of products of named letters
            from ..kernel.words import letter_name

            result = Fraction(0)
            for (edges, _, _, _), coefficient in value.terms.items():
                product = Fraction(coefficient)
                for k, _, _ in edges:
                    product *= self.constants[letter_name(k)]
                result += product
            return in_type_of(self.rows[0][0], result)
        if hasattr(value, "numerator") and not isinstance(value, float):  # int, Fraction, NumPy's integers
            return in_type_of(self.rows[0][0], Fraction(int(value.numerator), int(value.denominator)))
        raise TypeError(f"{value!r} is not an exact number")

    def _zip(self, other: Any, function: Any) -> Grid:
        b = other if isinstance(other, Grid) else self._like([[self._number(other)]])
        rows, cols = max(self._dims[0], b._dims[0]), max(self._dims[1], b._dims[1])
        for p, q in zip(self._dims, b._dims, strict=True):
            if p != q and 1 not in (p, q):
                raise ValueError(f"shapes {self._dims} and {b._dims}")

        def at(grid: Grid, i: int, j: int) -> Any:
            return grid.rows[min(i, grid._dims[0] - 1)][min(j, grid._dims[1] - 1)]

        return self._like([[function(at(self, i, j), at(b, i, j)) for j in range(cols)] for i in range(rows)])

    def __add__(self, other: Any) -> Grid:
        return self._zip(other, lambda p, q: p + q)

    def __sub__(self, other: Any) -> Grid:
        return self._zip(other, lambda p, q: p - q)

    def __rsub__(self, other: Any) -> Grid:
        return self._zip(other, lambda p, q: q - p)

    def __mul__(self, other: Any) -> Grid:
        return self._zip(other, lambda p, q: p * q)

    def __truediv__(self, other: Any) -> Grid:
        return self._zip(other, lambda p, q: p / q)

    def __rtruediv__(self, other: Any) -> Grid:
        return self._zip(other, lambda p, q: q / p)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Grid:
        return self._like([[-entry for entry in row] for row in self.rows])

    def __pow__(self, power: int) -> Grid:
        return self._like([[entry**power for entry in row] for row in self.rows])

    def __matmul__(self, other: Grid) -> Grid:
        if self._dims[1] != other._dims[0]:
            raise ValueError(f"shapes {self._dims} and {other._dims}")
        columns = list(zip(*other.rows, strict=True))
        return self._like(
            [
                [sum((p * q for p, q in zip(row, col, strict=True)), self._number(0)) for col in columns]
                for row in self.rows
            ]
        )

    @property
    def mT(self) -> Grid:
        return self._like(list(zip(*self.rows, strict=True)))

    T = mT

    def inner(self, other: Grid) -> Grid:
        if self._dims != other._dims:
            raise ValueError(f"shapes {self._dims} and {other._dims}")
        return (self * other).total()

    def total(self) -> Grid:
        return self._like([[sum((entry for row in self.rows for entry in row), self._number(0))]])

    def row_sums(self) -> Grid:
        return self._like([[sum(row, self._number(0))] for row in self.rows])

    def diagonal(self) -> Grid:
        n = self._dims[0]
        if self._dims[1] == 1:
            return self._like([[self.rows[i][0] if i == j else self._number(0) for j in range(n)] for i in range(n)])
        return self._like([[self.rows[i][i]] for i in range(n)])

    def _eliminated(self) -> tuple[list[list[Any]], list[Any]]:
        """The right half of (A | I) after Gauss's elimination, and the pivots."""
        n = self._dims[0]
        work = [[*row, *(self._number(int(i == j)) for j in range(n))] for i, row in enumerate(self.rows)]
        pivots = []
        for k in range(n):
            best = max(range(k, n), key=lambda i: abs(float(work[i][k])))
            work[k], work[best] = work[best], work[k]
            pivots.append(work[k][k])
            work[k] = [entry / pivots[-1] for entry in work[k]]
            for i in range(n):
                if i != k:
                    work[i] = [p - work[i][k] * q for p, q in zip(work[i], work[k], strict=True)]
        return [row[n:] for row in work], pivots

    def inverse(self) -> Grid:
        return self._like(self._eliminated()[0])

    def logdet(self) -> Grid:
        pivots = self._eliminated()[1]
        if isinstance(pivots[0], Fraction):
            raise NotPolynomial("a logarithm")
        return self._like([[sum((abs(pivot).log() for pivot in pivots), self._number(0))]])

    def primitive(self, of: Grid) -> Grid:
        """∫⟨G, dA⟩ by its slope: ⟨G(0), A(t)⟩, with G as it was when the law was first evaluated, at t = 0."""
        tape = self.constants.setdefault("∫", {"kept": [], "next": None})
        if tape["next"] is None:
            tape["kept"].append(self)
            return self.inner(of)
        tape["next"] += 1
        return tape["kept"][tape["next"] - 1].inner(of)  # type: ignore[no-any-return]

    def sign(self) -> Grid:
        return self._like([[self._number((entry > 0) - (entry < 0)) for entry in row] for row in self.rows])

    def __getitem__(self, index: tuple[int, int]) -> Grid:
        return self._like([[self.rows[index[0]][index[1]]]])

    def __lt__(self, other: Any) -> bool:
        return bool(self.rows[0][0] < self._number(other))

    def __gt__(self, other: Any) -> bool:
        return bool(self.rows[0][0] > self._number(other))

    def __le__(self, other: Any) -> bool:
        return bool(self.rows[0][0] <= self._number(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self.rows[0][0] >= self._number(other))


def in_type_of(entry: Any, value: Fraction) -> Any:
    if isinstance(entry, Fraction):
        return value
    from flint import fmpq

    return type(entry)(fmpq(value.numerator, value.denominator))
