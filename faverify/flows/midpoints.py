"""Functions of numbers and matrices to many digits, by the midpoints of python-flint's balls."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb

from .balls import exactly, matrix_of, precision


def log2_of(value: Fraction) -> float:
    return 0.0 if not value else value.numerator.bit_length() - value.denominator.bit_length() + 1.0


def rounded(value: Fraction, bits: int) -> Fraction:
    """The nearest number with so many bits behind the point, or as many significant ones if it is small."""
    if not value:
        return value
    shift = bits + max(0, -int(log2_of(abs(value))))
    return Fraction(round(value * 2**shift), 2**shift)


def fraction_of(found: Any) -> Fraction:
    """The midpoint of a ball, exactly."""
    return exactly(found.mid())


def pi_fraction(digits: int) -> Fraction:
    with precision(int(digits * 3.33) + 20):
        return fraction_of(arb.pi())


def spread(rows: list[list[Fraction]]) -> float:
    """How many decimal places lie between the greatest and the smallest entry that is not 0."""
    sizes = [log2_of(abs(v)) for row in rows for v in row if v]
    return (max(sizes) - min(sizes)) / 3.32 if sizes else 0.0


def functions(name: str, rows: list[list[Fraction]], digits: int) -> list[list[Fraction]]:
    """A function of numbers, or of a matrix, to so many digits."""
    with precision(int(digits * 3.33) + 40):
        matrix = matrix_of(rows)
        if name == "inverse":
            found = matrix.inv()
            return [[fraction_of(found[i, j]) for j in range(len(rows))] for i in range(len(rows))]
        if name == "reciprocal":
            return [[1 / v for v in row] for row in rows]
        try:
            if name == "logdet":
                return [[fraction_of(abs(matrix.det()).log())]]
            return [[fraction_of(getattr(matrix[i, j], name)()) for j in range(len(rows[0]))] for i in range(len(rows))]
        except ValueError as error:
            raise ZeroDivisionError(f"{name} has no value there") from error


def solver(matrix: list[Any], bits: int, digits: int) -> tuple[Callable[[list[Fraction]], list[Fraction]], bool]:
    """Solutions of A x = b at so many bits; by least squares in float64 where A has no inverse to so many digits.

    Also whether that is so.
    """
    size, rows, loose = len(matrix), None, False
    with precision(bits + 40):
        try:
            inverse = matrix_of(matrix).inv()
            rows = [[fraction_of(inverse[i, j]) for j in range(size)] for i in range(size)]
        except ZeroDivisionError:
            pass
    greatest = max(abs(v) for row in matrix for v in row)
    if rows is None or max(abs(v) for row in rows for v in row) * greatest > 10**digits:
        found = np.linalg.pinv(np.array([[float(v) for v in row] for row in matrix]), rcond=1e-11)
        rows, loose = [[Fraction(float(v)) for v in row] for row in found], True

    def solve(rest: list[Fraction]) -> list[Fraction]:
        return [sum((a * b for a, b in zip(row, rest, strict=True)), Fraction(0)) for row in rows]

    return solve, loose
