"""First roots of polynomials on [0, 1], none missed: an exclusion test, then isolation by Bernstein's coefficients.

A polynomial lies between its least and its greatest Bernstein coefficient, and has no more roots than those have
changes of sign. So one sign means no root, and one change between ends of two signs means exactly one; else the
interval is halved. What stays undecided at the width of rounding is told as a root, so that a caller looks closer.

References: Lane & Riesenfeld 1981 (bounds on a polynomial); Farouki & Rajan 1987 (numerical stability).
"""

from __future__ import annotations

from functools import lru_cache
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
POINTS = 33  # at which a guard that may be negative is looked at
FINEST = 2.0**-50  # of the interval: below it neighbouring roots are one


@lru_cache(maxsize=32)
def to_bernstein(degree: int) -> Array:
    """The matrix that takes coefficients of powers on [0, 1] to Bernstein's; its entries lie in [0, 1]."""
    found = np.zeros((degree + 1, degree + 1))
    for j in range(degree + 1):
        for i in range(j + 1):
            found[j, i] = comb(j, i) / comb(degree, i)
    return found


def excluded(coefficients: Array, theta: Array) -> NDArray[np.bool_]:
    """Whether polynomials (orders, …), positive at 0, surely have no root in [0, θ]: c_0 > Σ |c_k| θ^k."""
    powers = theta[None, ...] ** np.arange(len(coefficients)).reshape(-1, *([1] * (coefficients.ndim - 1)))
    tail = np.abs(coefficients[1:] * powers[1:]).sum(axis=0)
    return coefficients[0] > tail * (1 + 1e-12)  # type: ignore[no-any-return]


def first_roots(coefficients: Array, theta: Array) -> Array:
    """For polynomials (orders, number) that start positive, the first root in (0, θ]; ∞ where there is none.

    Where one starts at or below 0, that is a root at 0.
    """
    orders, number = coefficients.shape
    scaled = coefficients * theta[None, :] ** np.arange(orders)[:, None]
    bernstein = to_bernstein(orders - 1) @ scaled
    found = np.full(number, np.inf)
    positive = (bernstein > 0).all(axis=0)
    started = bernstein[0] <= 0
    found[started] = 0.0
    changes = (np.diff(bernstein > 0, axis=0)).sum(axis=0)
    single = ~positive & ~started & (changes == 1) & (bernstein[-1] <= 0)
    if single.any():
        found[single] = _bisected(scaled[:, single])
    for index in np.flatnonzero(~positive & ~started & ~single):
        found[index] = _first(bernstein[:, index])
    return found * theta


def _bisected(scaled: Array) -> Array:
    """The only root in (0, 1] of polynomials that are positive at 0 and not at 1: halving, then Newton's steps."""
    low, high = np.zeros(scaled.shape[1]), np.ones(scaled.shape[1])
    slopes = scaled[1:] * np.arange(1, len(scaled))[:, None]
    for _ in range(8):
        middle = (low + high) / 2
        below = horner(scaled, middle) > 0
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    at = (low + high) / 2
    for _ in range(60):
        value = horner(scaled, at)
        low, high = np.where(value > 0, at, low), np.where(value > 0, high, at)
        with np.errstate(all="ignore"):
            step = at - value / horner(slopes, at)
        better = np.where((step > low) & (step < high), step, (low + high) / 2)
        if np.all(np.abs(better - at) <= 2e-16):
            return better
        at = better
    return at


def horner(coefficients: Array, at: Array) -> Array:
    """Values of polynomials (orders, number), each at its own point."""
    found: Array = coefficients[-1].copy()
    for row in coefficients[-2::-1]:
        found = found * at + row
    return found


def halved(b: Any) -> tuple[Any, Any]:
    """Bernstein's coefficients on both halves, by de Casteljau's triangle."""
    left, right = [b[0]], [b[-1]]
    while len(b) > 1:
        b = (b[:-1] + b[1:]) / 2
        left.append(b[0])
        right.append(b[-1])
    return np.array(left), np.array(right[::-1])


def _first(bernstein: Array) -> float:
    waiting = [(0.0, 1.0, bernstein)]
    while waiting:
        start, width, b = waiting.pop()
        signs = b > 0
        if signs.all():
            continue
        if not signs[0]:
            return start
        if width <= FINEST:
            return start
        left, right = halved(b)
        waiting.append((start + width / 2, width / 2, right))
        waiting.append((start, width / 2, left))
    return float("inf")


def least(coefficients: Array, theta: Array) -> Array:
    """The least values of polynomials (orders, number) on [0, θ], at points of a grid, where they may be negative.

    Where Bernstein's coefficients are all ≥ 0, the value is 0 or more and told as 0; so is one within rounding.
    """
    orders = len(coefficients)
    scaled = coefficients * theta[None, :] ** np.arange(orders)[:, None]
    doubtful = ~(to_bernstein(orders - 1) @ scaled >= 0).all(axis=0)
    found = np.zeros(coefficients.shape[1])
    if doubtful.any():
        powers = np.linspace(0, 1, POINTS)[:, None] ** np.arange(orders)[None, :]
        values = powers @ scaled[:, doubtful]
        noise = 4e-16 * np.abs(scaled[:, doubtful]).sum(axis=0)
        low = values.min(axis=0)
        found[doubtful] = np.where(low < -noise, low, 0.0)
    return found
