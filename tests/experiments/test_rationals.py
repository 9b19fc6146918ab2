"""Exact linear algebra, against identities that are checked in fractions, and closed forms."""

from __future__ import annotations

from fractions import Fraction as Q

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faverify.experiments.rationals import (
    Number,
    beside,
    is_zero,
    largest_eigenvalue,
    least_eigenvalue,
    least_nonzero,
    least_squares,
    matrix,
    positive,
    projector,
    root_below,
    rounded,
    rows_of,
)
from faverify.flows.balls import ball, hull

ENTRIES = st.fractions(min_value=-3, max_value=3, max_denominator=4)


@st.composite
def matrices(draw):
    n, d = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    return [[draw(ENTRIES) for _ in range(d)] for _ in range(n)]


@given(matrices(), st.lists(ENTRIES, min_size=4, max_size=4))
def test_projectors_and_least_squares(rows, values):
    X, y = matrix(rows), matrix([[value] for value in values[: len(rows)]])
    P, w = projector(X), least_squares(matrix(rows), y)
    assert is_zero(P * P - P)
    assert is_zero(P - P.transpose())
    assert is_zero(X * P - X)
    assert int(P.rank()) == int(X.rank())
    assert is_zero(X.transpose() * (y - X * w))  # the normal equations
    assert is_zero(P * w - w)  # no part off the span: least norm


@given(matrices())
def test_definiteness_of_grams(rows):
    X = matrix(rows)
    gram = X * X.transpose()
    assert positive(gram, semi=True)
    assert positive(gram) is (int(X.rank()) == len(rows))
    if not is_zero(gram):
        assert not positive(-gram, semi=True)


@pytest.mark.parametrize(("extra", "strict", "semi"), [(0, False, True), (1, True, True), (-1, False, False)])
def test_no_inequality_is_settled_by_rounding(extra, strict, semi):
    a = matrix([[Q(1, 3), Q(1)], [Q(1), Q(3) + Q(extra, 10**80)]])
    assert positive(a) is strict
    assert positive(a, semi=True) is semi


def test_eigenvalues_are_exact_where_they_are_rational():
    a = matrix([[Q(2), Q(1)], [Q(1), Q(2)]])
    assert least_eigenvalue(a, 30)[0].exact == 1
    assert largest_eigenvalue(a, 30)[0].exact == 3
    assert least_nonzero(matrix([[Q(1), Q(2)], [Q(2), Q(4)]]), 30)[0].exact == 5
    number = least_eigenvalue(matrix([[Q(2), Q(1)], [Q(1), Q(3)]]), 40)[0]
    assert number.exact is None
    with mpmath.workdps(50):
        assert abs(mpmath.mpf(number.decimal) - (5 - mpmath.sqrt(5)) / 2) < mpmath.mpf(10) ** -39
    assert least_eigenvalue(matrix([[Q(1, 10**60), Q(0)], [Q(0), Q(1)]]), 20)[0].exact == Q(1, 10**60)


def test_large_matrices_have_fewer_digits_but_right_ones():
    n = 25  # second differences: 2 − 2 cos(π/(n + 1))
    rows = [[Q({0: 2, 1: -1}.get(abs(i - j), 0)) for j in range(n)] for i in range(n)]
    number, found = least_eigenvalue(matrix(rows), 50)
    expected = 2 - 2 * mpmath.cos(mpmath.pi / (n + 1))
    assert 8 <= len(number.decimal) <= 22
    assert abs(mpmath.mpf(number.decimal) - expected) < 1e-9
    assert found.overlaps(ball(Q(float(expected))) + hull(ball(Q(-1, 10**12)), ball(Q(1, 10**12))))


@given(st.fractions(min_value=Q(1, 10**9), max_value=10**9))
def test_roots_from_below(value):
    s = root_below(value)
    assert s**2 <= value
    assert (s * Q(102, 100)) ** 2 > value


def test_numbers_are_rounded_and_say_what_is_known():
    assert rounded(Q(1, 3), 5) == "0.33333"
    assert rounded(Q(2, 3) * 10**40, 3) == "6.67E+39"
    assert str(Number.of(Q(1, 3), 50)) == "1/3"
    assert Number.within(hull(ball(Q(1, 3)), ball(Q(1, 3) + Q(1, 10**9))), 20).decimal.startswith("0.3333333")
    assert len(Number.within(hull(ball(Q(1, 3)), ball(Q(1, 3) + Q(1, 10**9))), 20).decimal) <= 12
    assert Number.within(hull(ball(Q(-1, 10**30)), ball(Q(1, 10**30))), 20).decimal == "0." + "0" * 20
    assert Number.within(hull(ball(Q(-1)), ball(Q(2))), 20).decimal == "0.5 ± 2"
    assert rows_of(beside(matrix([[Q(1)]]), matrix([[Q(2)]]))) == [[1, 2]]
