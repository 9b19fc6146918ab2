"""Linear algebra over the rationals: ranks, projections, least squares, definiteness, extreme eigenvalues; all exact.

Method. Definiteness is settled by pivots: of balls, whose signs are certain where they do not meet zero, and of
fractions where one does. The eigenvalues of a rational matrix A with common denominator d are algebraic integers
divided by d, so a rational one is a whole number over d: it is found in the ball of the least eigenvalue, and it is
the least one if A − qI is semidefinite and singular.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Any

from flint import fmpq, fmpq_mat

from ..flows.balls import ball, bounds, matrix_of, precision
from ..flows.limits import around, smallest
from ..flows.problems import Rows

BITS = 128  # of the balls that decide most inequalities
SHOWN = 16  # characters of a number in a report
LARGE = 20  # rows, from which on an eigenvalue is enclosed by way of floats, and is not looked for among the rationals
LARGEST = 10**4  # digits of the ball in which a rational eigenvalue is looked for


# Numbers of a report


@dataclass(frozen=True)
class Number:
    """A real number by its decimal digits, correctly rounded; and exactly, where it is known to be rational."""

    decimal: str
    exact: Fraction | None = None

    @classmethod
    def of(cls, value: Fraction | int, digits: int) -> Number:
        value = Fraction(value)
        return cls(rounded(value, digits), value)

    @classmethod
    def within(cls, found: Any, digits: int) -> Number:
        """Of a ball: as many digits as its ends agree in; the zeros of a ball around 0 say how small it is."""
        low, high = bounds(found)
        for places in range(digits, 0, -1):
            text = rounded(low, places)
            if text == rounded(high, places):
                return cls(text)
        size = max(abs(low), abs(high))
        least = 0
        while least < digits and size * 10 ** (least + 1) * 2 <= 1:
            least += 1
        return cls("0." + "0" * least if least else f"{rounded((low + high) / 2, 1)} ± {rounded(size, 1)}")

    def to_dict(self) -> dict[str, Any]:
        return {"decimal": self.decimal, "exact": None if self.exact is None else str(self.exact)}

    def __str__(self) -> str:
        if self.exact is not None and len(str(self.exact)) <= SHOWN:
            return str(self.exact)
        return self.decimal if len(self.decimal) <= SHOWN else self.shortened()

    def shortened(self) -> str:
        """The first digits."""
        head, mark, power = self.decimal.partition("E")
        return f"{head[:SHOWN]}…{mark}{power}" if len(head) > SHOWN else self.decimal


def rounded(value: Fraction, digits: int) -> str:
    """The nearest decimal number of so many significant digits."""
    context = Context(prec=digits, rounding=ROUND_HALF_EVEN, Emin=-(10**9), Emax=10**9)
    found = context.divide(Decimal(value.numerator), Decimal(value.denominator))
    return f"{found:f}" if -30 < found.adjusted() < 30 else f"{found:E}"


def root_below(value: Fraction) -> Fraction:
    """A rational number s of at most three digits with s² ≤ value, for value > 0; √value itself where it is one."""
    scale = Fraction(1)
    while value * scale**2 < 10**4:
        scale *= 10
    while value * scale**2 >= 10**6:
        scale /= 10
    found = Fraction(math.isqrt(math.floor(value * scale**2))) / scale
    exact = Fraction(math.isqrt(value.numerator), math.isqrt(value.denominator))
    return exact if exact**2 == value else found


# Matrices


def matrix(rows: Rows) -> Any:
    entries = [fmpq(value.numerator, value.denominator) for row in rows for value in row]
    return fmpq_mat(len(rows), len(rows[0]), entries)


def fraction(value: Any) -> Fraction:
    return Fraction(int(value.p), int(value.q))


def rows_of(found: Any) -> Rows:
    return [[fraction(value) for value in row] for row in found.tolist()]


def identity(size: int) -> Any:
    return fmpq_mat(size, size, [int(i == j) for i in range(size) for j in range(size)])


def scaled(a: Any, factor: Fraction) -> Any:
    return a * fmpq(factor.numerator, factor.denominator)


def balls(a: Any) -> Any:
    """The same matrix as balls, in their precision of the moment."""
    return matrix_of(rows_of(a))


def inner(a: Any, b: Any) -> Fraction:
    """⟨A, B⟩ = tr(AᵀB)."""
    return sum((fraction(p * q) for p, q in zip(a.entries(), b.entries(), strict=True)), Fraction(0))


def norm2(a: Any) -> Fraction:
    """‖A‖², Frobenius."""
    return inner(a, a)


def trace(a: Any) -> Fraction:
    return sum((fraction(a[i, i]) for i in range(a.nrows())), Fraction(0))


def is_zero(a: Any) -> bool:
    return all(value == 0 for value in a.entries())


def beside(a: Any, b: Any) -> Any:
    """The columns of A and those of B."""
    return matrix([left + right for left, right in zip(rows_of(a), rows_of(b), strict=True)])


def independent_rows(a: Any) -> Any:
    """The first rows of A that are a basis of its row space; None for A = 0."""
    reduced, rank = a.transpose().rref()
    found, rows = rows_of(reduced), rows_of(a)
    places = [next(j for j, value in enumerate(found[i]) if value) for i in range(int(rank))]
    return matrix([rows[j] for j in places]) if places else None


def projection(base: Any, a: Any) -> Any:
    """A₀ᵀ(A₀A₀ᵀ)⁻¹A₀ times a matrix, for independent rows A₀, or None for no rows."""
    if base is None:
        return fmpq_mat(a.nrows(), a.ncols())
    return base.transpose() * (base * base.transpose()).solve(base * a)


def projector(a: Any) -> Any:
    """The orthogonal projector on the span of the rows of A."""
    return projection(independent_rows(a), identity(a.ncols()))


def least_squares(X: Any, y: Any) -> Any:
    """The w of least norm among those of least ‖y − Xw‖: with X = C X₀, X₀ᵀ(X₀X₀ᵀ)⁻¹(CᵀC)⁻¹Cᵀy."""
    base = independent_rows(X)
    if base is None:
        return fmpq_mat(X.ncols(), 1)
    back = base.transpose() * (base * base.transpose()).inv()
    coefficients = X * back
    return back * (coefficients.transpose() * coefficients).inv() * coefficients.transpose() * y


# Definite matrices and their eigenvalues


def positive(a: Any, semi: bool = False) -> bool:
    """Whether xᵀAx > 0 (≥ 0 if `semi`) for all x ≠ 0, for a symmetric matrix A; exactly."""
    with precision(BITS):
        found = balls(a).tolist()
        for k, row in enumerate(found):
            if row[k] < 0:
                return False
            if not row[k] > 0:
                break
            _clear(found, k)
        else:
            return True
    exact: list[list[Any]] = a.tolist()
    for k, row in enumerate(exact):
        if row[k] < 0 or (row[k] == 0 and (not semi or any(value != 0 for value in row[k:]))):
            return False
        if row[k] != 0:
            _clear(exact, k)
    return True


def _clear(rows: list[list[Any]], k: int) -> None:
    """Subtract row k from the rows under it, so that their entries of column k vanish."""
    for i in range(k + 1, len(rows)):
        factor = rows[i][k] / rows[k][k]
        rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]


def least_eigenvalue(a: Any, digits: int) -> tuple[Number, Any]:
    """λ_min of a symmetric rational matrix: its number, and a ball that holds it."""
    size = a.nrows()
    if size == 1:
        return exactly(fraction(a[0, 0]), digits)
    if size > LARGE:
        found = roughly(a)
        return Number.within(found, digits), found
    common = math.lcm(*(int(value.q) for value in a.entries()))
    wanted = digits + 10
    while True:
        with precision(4 * wanted + 80):
            found = smallest(balls(a), wanted)
        low, high = bounds(found)
        alone = (high - low) * common < 1  # of the numbers that a rational eigenvalue can be
        sharp = (high - low) * 10**digits < max(abs(low), abs(high))
        if wanted > LARGEST or (alone and (sharp or low <= 0 <= high)):
            break
        wanted *= 2
    candidate = Fraction(math.ceil(low * common), common)
    if low <= candidate <= high:
        shifted = a - scaled(identity(size), candidate)
        if shifted.det() == 0 and positive(shifted, semi=True):
            return exactly(candidate, digits)
    return Number.within(found, digits), found


def exactly(value: Fraction, digits: int) -> tuple[Number, Any]:
    with precision(4 * digits + 80):
        return Number.of(value, digits), ball(value)


def roughly(a: Any) -> Any:
    """A ball that holds λ_min, to the digits that floats know of it: Rayleigh's quotient above, pivots below."""
    import numpy as np

    top = max(abs(fraction(value)) for value in a.entries()) or Fraction(1)
    small = scaled(a, 1 / top)
    values, vectors = np.linalg.eigh(np.array([[float(value) for value in row] for row in rows_of(small)]))
    value, vector = Fraction(float(values[0])), [Fraction(float(entry)) for entry in vectors[:, 0]]
    with precision(BITS):
        return around(balls(small), value, vector, Fraction(1, 10**15)) * ball(top)


def largest_eigenvalue(a: Any, digits: int) -> tuple[Number, Any]:
    """λ_max of a symmetric rational matrix, in the same way."""
    number, found = least_eigenvalue(-a, digits)
    if number.exact is not None:
        return exactly(-number.exact, digits)
    with precision(max(4 * digits + 80, BITS)):
        negative = -found
    return Number.within(negative, digits), negative


def root(found: Any, most: Fraction | None = None) -> Any:
    """√ of what a ball holds of [0, `most`]."""
    low, high = bounds(found)
    low, high = max(low, Fraction(0)), high if most is None else min(high, most)
    return ball(low).sqrt().union(ball(high).sqrt())


def least_nonzero(a: Any, digits: int) -> tuple[Number, Any]:
    """The least non-zero eigenvalue of a semidefinite A ≠ 0: that of A + tr(A)(I − P), P the projector on its range."""
    return least_eigenvalue(a + scaled(identity(a.nrows()) - projector(a), trace(a)), digits)
