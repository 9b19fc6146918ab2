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
