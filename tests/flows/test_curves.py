"""A closed form counts if it starts, moves and ends as the flow does; what it shows is checked, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
import sympy

import faverify as fv

FA = fv.rules.FeedbackAlignment()
S = sympy.Symbol("s", real=True)
ONE = [[1]]
END = -sympy.Rational(3, 2)


def alignment(p):
    return p["W2"][0, 0] * p["B2"][0, 0]


def curve(**changes):
    w1, w2 = Fraction(3, 2) + S, 1 + 3 * S / 2 + S**2 / 2
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 1), "linear"), FA, weights=[[[Fraction(3, 2)]], ONE], feedback=[ONE], inputs=ONE, targets=[[-1]]
    )
    shows = (("⟨W₂, B₂⟩", alignment, END, -sympy.Rational(1, 8)),)
    return replace(fv.Curve(problem, {"W1": [[w1]], "W2": [[w2]]}, -1 - w1 * w2, END, shows), **changes)


def test_the_curve_survives_and_the_path_is_on_it():
    assert curve().recheck()
    assert curve().gap("1/4", 40) < 1e-40
    assert fv.disproved("it stays aligned", curve(), ("1/4",)).kind == "refuted"


@pytest.mark.parametrize(
    "changes",
    [
        {"speed": -curve().speed},
        {"speed": 2 * curve().speed},
        {"end": sympy.Rational(3, 2)},
        {"end": sympy.Integer(-20)},
        {"values": {"W1": [[Fraction(3, 2) + S]], "W2": [[1 + 3 * S / 2 + S**2]]}},
        {"values": {"W1": [[1 + S]], "W2": [[1 + S + S**2 / 2]]}},
        {"shows": (("⟨W₂, B₂⟩", alignment, END, sympy.Rational(1, 8)),)},
        {"shows": (("⟨W₂, B₂⟩", alignment, 0, -sympy.Rational(1, 8)),)},
    ],
)
def test_mutants_do_not(changes):
    """A wrong sign, pace, end (s never gets there), curve, start or value."""
    assert not curve(**changes).recheck()
    with pytest.raises(fv.Misuse, match="witness"):
        fv.disproved("anything", curve(**changes))


def test_a_path_elsewhere_is_seen():
    """The gap is no formality: of a curve at another pace it is large."""
    assert curve(speed=curve().speed * Fraction(99, 100)).gap("1/4", 30) > 1e-4


def relu(end, speed=None):
    w1, w2 = 1 + S / 2, sympy.Rational(1, 2) + S + S**2 / 4
    problem = fv.FlowProblem(
        fv.MLP((1, 2, 1)), FA, weights=[[[1], [0]], [[Fraction(1, 2), 1]]], feedback=[[[Fraction(1, 2), 1]]],
        inputs=ONE, targets=[[-1]],
    )  # fmt: skip
    return fv.Curve(problem, {"W1": [[w1], [0]], "W2": [[w2, 1]]}, speed or -1 - w1 * w2, sympy.Integer(end))


def test_a_curve_ends_before_a_kink():
    assert relu(-2).recheck()
    with pytest.raises(fv.Misuse, match="kink"):
        relu(-3).recheck()


def test_moments_are_exact_and_their_gap_is_real():
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 2), "linear"), FA, weights=[[["1/2"]], [[1], [-2]]], feedback=[[[1], [0]]], inputs=ONE,
        targets=[["-1/2"], [-2]],
    )  # fmt: skip

    def loss(p):
        return sum(v * v for v in p["W2"] * p["W1"] - p["y"]) / 2

    right, wrong = (fv.Moment(problem, "loss", loss, rate) for rate in (sympy.Rational(1, 2), sympy.Rational(1, 3)))
    assert right.recheck()
    assert right.gap(30) < 1e-30
    assert not wrong.recheck()
    assert wrong.gap(30) > 0.1
    assert not replace(right, holds=(("W", lambda p: p["W1"][0, 0], 1),)).recheck()


def test_steps_are_repeated():
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 1), "linear"), FA, weights=[ONE, ONE], feedback=[ONE], inputs=ONE, targets=[[-3]]
    )
    for value, holds in ((-1, True), (1, False)):
        shows = (("⟨W₂, B₂⟩", alignment, value),)
        assert fv.Stepped(problem, Fraction(1, 2), 1, shows).recheck() is holds


def test_witnesses_are_written():
    for witness in (curve(), relu(-2)):
        assert witness.to_dict()["kind"] == "curve"
        assert "ds/dt" in str(witness)
    found = fv.disproved("it stays aligned", curve())
    assert "⟨W₂, B₂⟩ = -1/8" in str(found)
    assert found.to_dict()["witness"]["shows"][0]["value"] == "-1/8"


# What an attack found


def two(rule=FA, target=2):
    return fv.FlowProblem(
        fv.MLP((1, 1, 1), "linear"), rule, weights=[ONE, ONE], feedback=[ONE], inputs=ONE, targets=[[target]]
    )


VALUES = {"W1": [[1 + S]], "W2": [[1 + S + S**2 / 2]]}
SPEED = sympy.expand(2 - (1 + S) * (1 + S + S**2 / 2))


def loss(p):
    return ((p["W2"] * p["W1"])[0, 0] - p["y"][0, 0]) ** 2 / 2


def test_a_place_that_is_never_reached_shows_nothing():
    """The speed vanishes at s = 0.379: s = 10 is on the curve of the formula, and not on the path."""
    shows = (("the loss", loss, 10, sympy.Rational(669**2, 2)),)
    assert loss(fv.Curve(two(), VALUES, SPEED, sympy.Rational(1, 10)).at(10)) == sympy.Rational(669**2, 2)
    assert not fv.Curve(two(), VALUES, SPEED, sympy.Rational(1, 10), shows).recheck()
    assert fv.Curve(two(), VALUES, SPEED, sympy.Rational(1, 10)).recheck()


def test_what_else_moves_must_be_on_the_curve():
    assert not fv.Curve(two(fv.rules.KolenPollack()), VALUES, SPEED, sympy.Rational(1, 10)).recheck()


class Square(fv.LearningRule):
    """Ẇ = h hᵀ: with W = 1/(1 − t) it ends at t = 1."""

    def update(self, layer, below, output):
        return {"W": layer.h @ layer.h.mT}


def test_poles_of_the_values_end_a_curve():
    problem = fv.FlowProblem(fv.MLP((1, 1), "linear"), Square(), weights=[ONE], inputs=ONE, targets=[[0]])
    for end, holds in ((sympy.Rational(1, 2), True), (sympy.oo, False), (sympy.Integer(2), False)):
        assert fv.Curve(problem, {"W1": [[1 / (1 - S)]]}, sympy.Integer(1), end).recheck() is holds


@pytest.mark.parametrize(
    "changes",
    [
        {"values": {"W1": [[sympy.Piecewise((1, S < 1), (2, True))]], "W2": [[1]]}},
        {"values": {"W1": [[1 + S - sympy.floor(S)]], "W2": [[1 + S + S**2 / 2]]}},
        {"end": 0.1},
        {"speed": sympy.Float(2) - S},
        {"values": {"W1": [[1 + S, 0]], "W2": [[1]]}},
        {"speed": sympy.sqrt(1 + S)},
    ],
)
def test_jumps_floats_and_roots_are_refused(changes):
    with pytest.raises(fv.Misuse):
        replace(fv.Curve(two(), VALUES, SPEED, sympy.Rational(1, 10)), **changes).recheck()


@pytest.mark.parametrize("exponent", [30, 10])
def test_pieces_are_read_before_the_end(exponent):
    """W₁(0) = −2⁻²⁵ is dead, and stays: a curve that moves it would be read with the gate of a place beyond its end."""
    start, end = Fraction(-1, 2**25), Fraction(1, 2**exponent)
    problem = fv.FlowProblem(fv.MLP((1, 1, 1)), FA, weights=[[[start]], ONE], feedback=[ONE], inputs=ONE, targets=[[2]])
    w1, w2 = sympy.Rational(start) + S, 1 + sympy.Rational(start) * S + S**2 / 2
    found = fv.Curve(problem, {"W1": [[w1]], "W2": [[w2]]}, 2 - w1 * w2, sympy.Rational(end))
    if exponent == 30:
        assert not found.recheck()
    else:
        with pytest.raises(fv.Misuse, match="kink"):
            found.recheck()


def test_steps_that_were_not_made_show_nothing():
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 1), "linear"), FA, weights=[ONE, ONE], feedback=[ONE], inputs=ONE, targets=[["1/3"]]
    )
    shows = (("sign W₁", lambda p: sympy.sign(p["W1"][0, 0]), 1),)
    assert not fv.Stepped(problem, Fraction(1, 7), 10**6, shows).recheck()


def test_a_moment_is_exact():
    problem = two()
    with pytest.raises(fv.Misuse, match="exact"):
        fv.Moment(problem, "loss", loss, -2.0).recheck()
    moment = fv.Moment(problem, "loss", loss, -2)
    assert moment.recheck()
    assert moment.gap(20) < 1e-20


def test_what_is_no_witness_is_told():
    with pytest.raises(fv.Misuse, match=r"witness = 5: expected a fv\.Curve, fv\.Moment or fv\.Stepped"):
        fv.disproved("anything", 5)
    with pytest.raises(fv.Misuse, match=r"problem = 5: expected a fv\.FlowProblem"):
        fv.ends_at(5, {}, 1)
