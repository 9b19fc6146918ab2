"""Small matrices of rational numbers, as object arrays: what a hypothesis of a theorem is decided with."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from ..proving.witnesses import array as array


def norm2(a: Any) -> Any:
    """‖A‖², of rational numbers or of mpf."""
    return (a * a).sum()


def inverse(a: Any) -> Any:
    """A⁻¹ by elimination, exactly.

    Raises: ZeroDivisionError where there is none.

    Examples
    --------
    >>> inverse(array([[Fraction(2), Fraction(0)], [Fraction(1), Fraction(1)]]))[1, 0]
    Fraction(-1, 2)
    """
    n = len(a)
    left = np.concatenate([a, identity(n)], axis=1)
    for k in range(n):
        pivot = next((i for i in range(k, n) if left[i, k]), None)
        if pivot is None:
            raise ZeroDivisionError("the matrix has no inverse")
        left[[k, pivot]] = left[[pivot, k]]
        left[k] = left[k] / left[k, k]
        for i in range(n):
            if i != k:
                left[i] = left[i] - left[k] * left[i, k]
    return left[:, n:]


def identity(n: int) -> Any:
    return array([[Fraction(int(i == j)) for j in range(n)] for i in range(n)])


def definite(a: Any) -> bool:
    """Whether a symmetric matrix is positive definite: all pivots are positive.

    Examples
    --------
    >>> definite(array([[Fraction(2), Fraction(1)], [Fraction(1), Fraction(1)]]))
    True
    >>> definite(array([[Fraction(1), Fraction(1)], [Fraction(1), Fraction(1)]]))
    False
    """
    left = a.copy()
    for k in range(len(left)):
        if not left[k, k] > 0:
            return False
        for i in range(k + 1, len(left)):
            left[i] = left[i] - left[k] * (left[i, k] / left[k, k])
    return True


def independent(x: Any) -> bool:
    """Whether the columns are linearly independent."""
    return definite(x.T @ x)


def off_span(x: Any) -> Any:
    """P⊥ = I − x(xᵀx)⁻¹xᵀ, the projector off the span of independent columns.

    Examples
    --------
    >>> off_span(array([[Fraction(1)], [Fraction(1)]]))[0].tolist()
    [Fraction(1, 2), Fraction(-1, 2)]
    """
    return identity(len(x)) - x @ inverse(x.T @ x) @ x.T
