"""Averages over jointly Gaussian fields of products of φ(h) = erf(h/√2), in closed form.

φ′(h) = √(2/π) e^{−h²/2} in every function of this file, and the fields have mean 0 and covariance C. The method: φ′(a)
is a Gaussian weight, so that an average with it is an average over the fields *given* that weight, whose covariance is
C − C_a C_aᵀ/(1 + C_aa), times √(2/π)/√(1 + C_aa). Thus I₃ and I₄ come down to E b φ(c) and to I₂ with one and with two
weights taken; written out they are the formulas of Saad & Solla 1995. Stacks of covariances lead.

That difference loses the digits of C_aa: in float64 nothing of it is left from 10¹⁶ on. So entries beyond 10⁸ are
refused, up to which it keeps 8 digits of what stands beside 1; I₂ takes no difference and has no such bound.

References: Saad & Solla 1995, Phys. Rev. E 52, 4225, appendix; Williams 1997 (E φφ).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import Misuse, NonFiniteError
from .states import Array

NEGATIVE = 1e-9  # of a matrix's largest entry: eigenvalues of a rounded covariance may fall below 0 by some eps
POSITIVE = "a covariance, without negative eigenvalues"
LARGEST = 1e8  # entry: C − C_aC_aᵀ/(1 + C_aa) keeps half of the 16 digits


def I2(C: Any) -> Array:
    """E φ(a)φ(b) = (2/π) arcsin(C_ab/√((1 + C_aa)(1 + C_bb))).

    Shapes: C (…, 2, 2), the covariance of (a, b); a stack (…) of averages.

    Raises: Misuse, NonFiniteError.

    Examples
    --------
    >>> I2([[1, 1], [1, 1]]).round(6)  # E erf(h/√2)² = 1/3
    np.float64(0.333333)
    """
    return pairs(covariance(C, 2, largest=np.inf))[..., 0, 1]


def I3(C: Any) -> Array:
    """E φ′(a) b φ(c).

    Shapes: C (…, 3, 3), the covariance of (a, b, c); a stack (…) of averages.

    Raises: Misuse, also for entries beyond 10⁸; NonFiniteError.

    Examples
    --------
    >>> I3([[0, 0, 0], [0, 1, 1], [0, 1, 1]]) == 2 / np.pi / np.sqrt(2)  # φ′(0) E bφ(b)
    np.True_
    """
    return slopes(covariance(C, 3), 1)[..., 0, 1, 2]


def I4(C: Any) -> Array:
    """E φ′(a)φ′(b)φ(c)φ(d).

    Shapes: C (…, 4, 4), the covariance of (a, b, c, d); a stack (…) of averages.

    Raises: Misuse, also for entries beyond 10⁸; NonFiniteError.

    Examples
    --------
    >>> C = np.zeros((4, 4))
    >>> C[2:, 2:] = 1
    >>> np.isclose(I4(C), 2 / np.pi / 3)  # φ′(0)² E φ(c)²
    np.True_
    """
    return squares(covariance(C, 4), 2)[..., 0, 1, 2, 3]


# All averages of n fields at once; these trust their argument


def pairs(C: Array) -> Array:
    """E φ(c)φ(d) for all fields c, d: (…, n, n)."""
    found: Array = 2 / np.pi * np.arcsin(np.clip(_ratios(C), -1, 1))  # 1 is rounded up where C_aa hides the 1
    return found


def slopes(C: Array, weights: int) -> Array:
    """E φ′(a) b φ(c) for the first fields a, so many as `weights`, and all b, c: (…, weights, n, n)."""
    given, mass = _given_one(C, weights)
    found: Array = 2 / np.pi * given / (mass[..., None, None] * np.sqrt(1 + _diagonal(given))[..., None, :])
    return found


def squares(C: Array, weights: int) -> Array:
    """E φ′(a)φ′(b)φ(c)φ(d) for a, b among the first fields, so many as `weights`, and all c, d: (…, a, b, n, n)."""
    given, mass = _given_one(C, weights)
    rows = given[..., :weights, :]  # (…, a, b, n): of b, given the weight of a
    scale = 1 + _diagonal(given)[..., :weights]
    twice = given[..., None, :, :] - rows[..., :, None] * (rows / scale[..., None])[..., None, :]
    return 2 / np.pi / (mass[..., None] * np.sqrt(scale))[..., None, None] * pairs(twice)


def _given_one(C: Array, weights: int) -> tuple[Array, Array]:
    """The covariance given the weight of each of the first fields, (…, weights, n, n), and √(1 + C_aa)."""
    rows = C[..., :weights, :]
    scale = 1 + _diagonal(C)[..., :weights]
    given = C[..., None, :, :] - rows[..., :, None] * (rows / scale[..., None])[..., None, :]
    return given, np.sqrt(scale)


def _ratios(C: Array) -> Array:
    """C_ab/√((1 + C_aa)(1 + C_bb))."""
    root = np.sqrt(1 + _diagonal(C))
    found: Array = C / root[..., :, None] / root[..., None, :]
    return found


def _diagonal(C: Array) -> Array:
    return np.diagonal(C, axis1=-2, axis2=-1)


def covariance(C: Any, size: int, name: str = "C", largest: float = LARGEST) -> Array:
    """A stack of covariances of that size, with entries up to `largest`, each checked by its own scale."""
    try:
        found = np.asarray(C, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise Misuse(name, C, f"a {size} × {size} matrix of numbers, or a stack of them") from error
    if found.shape[-2:] != (size, size):
        raise Misuse(name, f"an array of shape {found.shape}", f"a covariance of {size} fields, or a stack of them")
    if not np.isfinite(found).all():
        raise NonFiniteError(found[~np.isfinite(found)][0], name)
    if (np.abs(found) > largest).any():
        raise Misuse(name, found, f"entries up to {largest:g} in size: beyond, float64 loses the averages' digits")
    scale = np.abs(found).max(axis=(-2, -1), keepdims=True, initial=1e-300)  # of each matrix of the stack
    if (_diagonal(found) < -NEGATIVE).any():
        raise Misuse(name, found, POSITIVE)
    for part in (found / scale, _ratios(found)):  # the ratios have the scale of each field, beside far larger ones
        if (np.abs(part - part.mT) > NEGATIVE).any():
            raise Misuse(name, found, "a symmetric matrix")
        if (np.linalg.eigvalsh(part) < -NEGATIVE).any():
            raise Misuse(name, found, POSITIVE)
    return found
