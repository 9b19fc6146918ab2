"""Products over limbs are those of rational numbers."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest

from faverify.flows.limbs import Limbs, Product

SPECIAL = [Fraction(1, 3), Fraction(-2, 3), Fraction(0), Fraction(1), Fraction(-1), Fraction(2**60 - 1, 2**60)]


def number(draw):
    """A number of at most 8, some of them with digits that repeat or are as great as they can be."""
    if draw.random() < 0.3:
        return draw.choice(SPECIAL)
    return Fraction(draw.randint(-(10**60), 10**60), 10 ** draw.randint(60, 75))


def matrices(draw, limbs, exponent, rows, cols):
    exact = [[number(draw) for _ in range(cols)] for _ in range(rows)]
    digits = np.array([[limbs.digits_of(v, exponent) for v in row] for row in exact])
    return exact, np.moveaxis(digits, 2, 0)


@pytest.mark.parametrize("digits", [20, 50, 117])
@pytest.mark.parametrize("seed", range(10))
def test_cauchy_products(digits, seed):
    draw, limbs = random.Random(seed), Limbs(digits, 64)
    e, out = limbs.exponent(0), limbs.exponent(4)
    product = Product(limbs, (), 2, 3, 2, 4)
    lefts, rights = [], []
    for k in range(4):
        left, right = matrices(draw, limbs, e, 2, 3), matrices(draw, limbs, e, 3, 2)
        lefts.append(left[0])
        rights.append(right[0])
        product.set_left(k, left[1])
        product.set_right(k, right[1])
        found = limbs.settled(product.value(k), *limbs.shifts(2 * e, out))
        got = [limbs.fraction(v, out) for v in limbs.ints(found.reshape(limbs.count, -1))]
        orders = range(k + 1)
        true = [
            sum(lefts[i][r][j] * rights[k - i][j][c] for i in orders for j in range(3))
            for r in range(2)
            for c in range(2)
        ]
        assert max(abs(a - b) for a, b in zip(got, true, strict=True)) < Fraction(10) ** -(digits - 1)
        assert np.abs(found[1:]).max(initial=0) <= limbs.base / 2 + 2**10


@pytest.mark.parametrize("shift", [-70, -40, -21, -3, 0, 2, 5, 20, 21, 22, 45])
def test_numbers_move_between_exponents(shift):
    limbs = Limbs(40, 64)
    value, e = Fraction(10**30 + 7, 3**60) / 2 ** max(0, -shift), limbs.exponent(0)  # it must fit where it goes
    digits = np.array(limbs.digits_of(value, e)).reshape(-1, 1, 1)
    moved = limbs.settled(digits, *limbs.shifts(e, e + shift))
    found = limbs.fraction(limbs.ints(moved.reshape(-1, 1))[0], e + shift)
    lost = Fraction(2) ** (e + max(shift, 0) - limbs.bits * (limbs.count - 1))
    assert abs(found - value) <= 2 * lost


def test_great_digits_keep_their_last_bits():
    """A carry that meets a digit of more than 53 bits must not be added before the digit is reduced."""
    limbs = Limbs(30, 64)
    raw = np.zeros((limbs.count, 1, 1))
    raw[1], raw[2] = 2.0**52 + 1, 2.0**52 + 3
    e = limbs.exponent(0)
    found = limbs.settled(raw, 1, 20)
    exact = sum(Fraction(int(v)) / 2 ** (limbs.bits * j) for j, v in enumerate(raw.ravel())) * Fraction(2) ** (
        20 - limbs.bits
    )
    got = limbs.fraction(limbs.ints(found.reshape(-1, 1))[0], e) / Fraction(2) ** e
    assert abs(got - exact) < Fraction(1, 2 ** (limbs.bits * (limbs.count - 2)))
