"""Series over balls: coefficients of functions, their derivatives, gates in doubt; roundings that are outward."""

from __future__ import annotations

from fractions import Fraction

import pytest
from flint import arb, arb_mat, arb_series, ctx
from hypothesis import given
from hypothesis import strategies as st

from faverify.flows.balls import GATES, BallSeries, ball, bounds, cuts, decimals, hull, over, precision, side_of
from faverify.flows.programs import Program, settle

ORDER = 12
RATIONALS = st.fractions(min_value=-1000, max_value=1000, max_denominator=10**6)


def moving(function, rows=1, cols=1):
    """ṗ = 1 in every entry, and a function of p."""
    program = Program()
    p = program.leaf("p", rows, cols)
    found = function(p)
    program.velocities["p"] = program.literal([[Fraction(1)] * cols for _ in range(rows)])
    program.leaf("p", rows, cols)
    settle(program)
    return program, program.nodes[found.place]


@pytest.mark.parametrize("name", ["exp", "tanh", "erf", "log", "sqrt", "reciprocal"])
def test_coefficients_of_functions(name):
    program, node = moving(lambda p: getattr(p, name)())
    start = Fraction(2, 3)
    with precision(200):
        line = arb_series([ball(start), 1], ORDER)
        ctx.cap, cap = ORDER, ctx.cap
        twice = (line + line).exp()  # tanh p = 1 − 2 / (1 + e^{2p})
        special = {"tanh": lambda: 1 - 2 / (1 + twice), "reciprocal": lambda: 1 / line}
        expected = special.get(name, lambda: getattr(line, name)())()
        ctx.cap = cap
        series = BallSeries(program, {"p": arb_mat([[ball(start)]])}, arb(0))
        for k in range(ORDER):
            value = series.value(node, k)[0]
            assert value.overlaps(expected[k])
            assert value.rad() < 1e-50


@pytest.mark.parametrize(
    "function",
    [
        lambda p: p.exp() * p.tanh(),
        lambda p: (p * p).erf() + (3 + p).log(),
        lambda p: (3 + p).sqrt() * (3 + p).reciprocal(),
        lambda p: (p @ p.mT + program_eye(p)).inverse(),
        lambda p: (p @ p.mT + program_eye(p)).logdet(),
        lambda p: p.mT.row_sums() @ p.row_sums().mT * p[0, 1] + p.diagonal().diagonal() / 3,
        lambda p: p * p.total() - p.pi() * p,
    ],
)
def test_derivatives_hold_differences(function):
    """c_k(b) − c_k(a) ∈ c_k′ · (b − a), by the mean value theorem."""
    program, node = moving(function, 2, 2)
    low = [Fraction(1, 4), Fraction(-1, 3), Fraction(1, 5), Fraction(2, 7)]
    high = [value + Fraction(k + 1, 500) for k, value in enumerate(low)]
    with precision(100):
        a, b = ([ball(v) for v in values] for values in (low, high))
        box = arb_mat(2, 2, [hull(x, y) for x, y in zip(a, b, strict=True)])
        wide = BallSeries(program, {"p": box}, arb(0), directions={"p": 1})
        ends = [BallSeries(program, {"p": arb_mat(2, 2, x)}, arb(0)) for x in (a, b)]
        for k in range(4):
            jet = wide(node, k)
            parts = {} if jet is None else jet.parts
            for place, (x, y) in enumerate(zip(*(end.value(node, k) for end in ends), strict=True)):
                slopes = [parts[j].entries()[place] if j in parts else arb(0) for j in range(1, 5)]
                change = sum((s * (v - u) for s, u, v in zip(slopes, a, b, strict=True)), arb(0))
                assert change.overlaps(y - x)
                assert change.rad() < 1


def program_eye(p):
    return p.program.literal([[Fraction(2), Fraction(0)], [Fraction(0), Fraction(2)]])


def test_what_has_no_value_is_not_finite():
    program, node = moving(lambda p: p.log() + p.reciprocal())
    program_of_inverse, inverse = moving(lambda p: p.inverse(), 2, 2)
    zero = BallSeries(program, {"p": arb_mat([[hull(arb(-1), arb(1))]])}, arb(0))
    assert not zero.value(node, 0)[0].is_finite()
    singular = BallSeries(program_of_inverse, {"p": arb_mat(2, 2, [1, 1, 1, 1])}, arb(0))
    assert not singular.value(inverse, 0)[0].is_finite()


def test_a_gate_in_doubt_is_a_ball_of_all_its_values():
    program, node = moving(lambda p: p.sign() * 3)
    values = {
        (1, 2): (Fraction(3), Fraction(3)),
        (-2, -1): (Fraction(-3), Fraction(-3)),
    }
    for (low, high), expected in values.items():
        series = BallSeries(program, {"p": arb_mat([[hull(arb(low), arb(high))]])}, arb(0))
        assert bounds(series.value(node, 0)[0]) == expected
    for low, high in ((-1, 1), (0, 1), (0, 0)):
        series = BallSeries(program, {"p": arb_mat([[hull(arb(low), arb(high))]])}, arb(0))
        found = series.value(node, 0)[0]
        assert found.contains(3)
        assert found.contains(-3)


def test_what_depends_on_a_gate_in_question():
    program, node = moving(lambda p: p.sign() * p.tanh())
    for start, free in ((Fraction(0), True), (Fraction(1, 9), False)):
        series = BallSeries(program, {"p": arb_mat([[ball(start)]])}, arb(0), question=[(0, 0)])
        part = series(node, 0).parts[GATES][0, 0]
        assert part.is_zero() == free


@given(RATIONALS)
def test_balls_hold_their_numbers(value):
    low, high = bounds(ball(value))
    assert low <= value <= high


@given(RATIONALS, st.integers(0, 20))
def test_decimals_are_outward(value, digits):
    low, high = decimals(value, value, digits)
    assert Fraction(low) <= value <= Fraction(high)
    assert Fraction(high) - Fraction(low) <= Fraction(1, 10**digits)


@given(st.lists(RATIONALS, min_size=2, max_size=5), st.fractions(0, 1))
def test_ranges_of_polynomials(coefficients, part):
    length = Fraction(7, 3)
    value = sum(c * (part * length) ** k for k, c in enumerate(coefficients))
    ranges = [bounds(found) for found in over([ball(c) for c in coefficients], cuts(length, 4))]
    assert any(low <= value <= high for low, high in ranges)
    most = sum(abs(c) * length**k for k, c in enumerate(coefficients)) * (1 + Fraction(1, 10**6))  # radii have 30 bits
    assert all(-most <= low and high <= most for low, high in ranges)


def test_sides_are_never_guessed():
    kinks = (Fraction(-1), Fraction(1, 3))
    assert side_of(arb(-2), kinks) == (0, 0)
    assert side_of(arb(0), kinks) == (1, 1)
    assert side_of(arb(-1), kinks) == (0, 1)
    assert side_of(ball(Fraction(1, 3)), kinks) == (1, 2)
    assert side_of(arb.nan(), kinks) == (0, 2)
