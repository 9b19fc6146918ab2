"""What attacks on the flows found: wrong digits, missed non-uniqueness, evidence that depended on units, tracebacks."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import faverify as fv
from faverify import laws
from faverify import rules as R

FA = R.FeedbackAlignment()
ONE = [[1]]


@pytest.mark.parametrize("activation", ["sigmoid", "softplus", "silu"])
@pytest.mark.parametrize("far", [-60, -100])
def test_a_far_neuron_takes_no_digits_from_its_neighbours(activation, far):
    """softplus sees 1 + e^h of both neurons in one matrix: 26 or 43 places lie between its entries."""
    problem = fv.FlowProblem(
        fv.MLP((1, 2, 1), activation), R.BackPropagation(), weights=[[[far], ["1/3"]], [[1, 1]]], inputs=ONE,
        targets=[[0]],
    )  # fmt: skip
    best = fv.integrate(problem, 1, digits=80).weights()[1][0, 1]
    for digits in (15, 20, 30):
        assert abs(fv.integrate(problem, 1, digits=digits).weights()[1][0, 1] - best) < 10.0 ** -(digits - 1)


@pytest.mark.parametrize("row", [["1/10", "1/5", "-3/10"], ["1/11", "2/11", "-3/11"]])
def test_a_zero_at_the_start_is_decided_in_rational_numbers(row):
    """h = 0 exactly: below it nothing moves, above it h grows. Rounding would choose one of them."""
    problem = fv.FlowProblem(
        fv.MLP((3, 1, 1)), FA, weights=[[row], ONE], feedback=[ONE], inputs=[[1], [1], [1]], targets=[[3]]
    )
    for digits in (15, 30):
        with pytest.raises(fv.NonUnique):
            fv.integrate(problem, 1, digits=digits)
    assert fv.integrate_many([problem], 1).counts == {"nonunique": 1}


def two(size, feedback, target, activation="relu"):
    s, b = Fraction(size), Fraction(feedback)
    return fv.FlowProblem(
        fv.MLP((2, 2, 1), activation), FA, weights=[[[s, s / 3], [s / 7, s]], [[s, s / 3]]], feedback=[[[b, b / 3]]],
        inputs=[[1, "1/3"], ["1/7", 1]], targets=[[target, target]],
    )  # fmt: skip


@pytest.mark.parametrize("digits", [15, 30])
@pytest.mark.parametrize("unit", [Fraction(10) ** 30, Fraction(10) ** -30])
def test_evidence_does_not_depend_on_units(digits, unit):
    path = fv.integrate(two(1, 1, 1), 1, digits=digits)
    true = fv.law("true")(lambda a, b: (fv.norm2(a.W) / 2 - fv.inner(b.W, b.B)) * unit)
    false = fv.law("false")(lambda a, b: (fv.norm2(a.W) / 2 - fv.inner(b.W, b.B) * 2) * unit)
    assert path.evidence(true).holds is True
    assert path.evidence(false).holds is False


def test_evidence_sees_a_factor_that_is_off_by_a_millionth_of_a_millionth():
    almost = fv.law("almost")(lambda a, b: fv.norm2(a.W) / 2 - (1 + Fraction(1, 10**12)) * fv.inner(b.W, b.B))
    assert fv.integrate(two(1, 1, 1), 1, digits=15).evidence(almost).holds is False


def test_evidence_of_great_feedback_and_of_small_weights():
    path = fv.integrate(two(1, 10**4, 1), "1e-6", digits=30)
    assert path.evidence(laws.feedback_balance).holds is True
    small = Fraction(1, 10**5)
    path = fv.integrate(two(small, 1, small, "tanh"), 1, digits=15)
    assert path.evidence(laws.feedback_balance).holds is False


@pytest.mark.parametrize("digits", [15, 20])
@pytest.mark.parametrize("error", [lambda t, f: fv.log(f), lambda t, f: fv.sqrt(f - 100), lambda t, f: f / t])
def test_a_field_without_a_value_at_the_start_is_named(digits, error):
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 1), "linear"), FA, weights=[ONE, [[-1]]], feedback=[ONE], inputs=ONE, error=error
    )
    with pytest.raises(fv.NonFiniteError, match="the vector field"):
        fv.integrate(problem, "1/10", digits=digits)
    assert fv.integrate_many([problem], "1/10").counts == {"unresolved": 1}


def test_a_singular_inverse_is_named():
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 2), "tanh"), R.PseudoInverseFeedback(), weights=[ONE, [[1], [2]]], inputs=ONE, targets=[[1], [0]]
    )
    for digits in (15, 30):
        with pytest.raises(fv.NonFiniteError, match="the vector field"):
            fv.integrate(problem, 1, digits=digits)


def test_one_singular_case_leaves_the_others_alone():
    """B = Wᵀ(W Wᵀ)⁻¹ of W = 0 is none; beside it stands a case that has one."""
    cases = [
        fv.FlowProblem(
            fv.MLP((1, 2, 1), "tanh"), R.PseudoInverseFeedback(), weights=[[[1], [1]], [[w, 0]]], inputs=ONE,
            targets=[[1]],
        )
        for w in (0, 1)
    ]  # fmt: skip
    assert [outcome.status for outcome in fv.integrate_many(cases, 1).outcomes] == ["unresolved", "ok"]


@pytest.mark.parametrize("samples", [1, 2])
def test_a_signed_error_moves_biases_too(samples):
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 1), "linear", True), R.SignedError(FA), weights=[ONE, [[2]]], biases=[[0], [0]], feedback=[ONE],
        inputs=[[1] * samples], targets=[[0] * samples],
    )  # fmt: skip
    path = fv.integrate(problem, "1/4", digits=20)
    assert path.status == "ok"
    moved = path.parameters("1/16")  # until then e > 0, so that each sample moves b₁ and b₂ at the rate −1
    assert [float(moved[name][0, 0]) for name in ("b1", "b2")] == pytest.approx([-samples / 16] * 2, abs=1e-18)


def test_sign_descent_has_no_flow():
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 1), "linear", True), R.SignDescent(FA), weights=[ONE, [[2]]], biases=[[0], [0]], feedback=[ONE],
        inputs=ONE, targets=[[0]],
    )  # fmt: skip
    with pytest.raises(fv.RuleError, match="sign of its own motion"):
        fv.integrate(problem, 1)


def test_a_slide_of_a_gate_whose_cap_is_one_stops_attracting():
    """Zigzag: at the kink 1 the slopes are 2 and −1. Where Bᵀδ changes its sign, both sides drive away from it."""
    half = Fraction(1, 2)
    zigzag = fv.Activation(
        lambda h: half * h if h < -1 else -half if h < 0 else 2 * h if h < 1 else 3 - h,
        lambda h: half if h < -1 else 0 if h < 0 else 2 if h < 1 else -1,
        name="zigzag", kinks=(-1, 0, 1),
    )  # fmt: skip
    problem = fv.FlowProblem(
        fv.MLP((2, 3, 2), zigzag), FA,
        weights=[[["2/3", "-4/3"], ["-7/3", "4/3"], ["-4/3", "-1/3"]], [[-1, "-5/3", "7/3"], [2, "5/3", "-1/3"]]],
        feedback=[[["-5/3", "5/3", "5/3"], [-2, "-5/3", "2/3"]]], inputs=[["2/3", 0], ["-5/3", "-5/3"]],
        targets=[["-7/3", 2], ["-7/3", "-4/3"]],
    )  # fmt: skip
    ends = []
    for digits in (15, 20, 30):
        with pytest.raises(fv.NonUnique) as told:
            fv.integrate(problem, 1, digits=digits)
        ends.append(float(told.value.path.t_end))
    assert np.ptp(ends) < 1e-6


@pytest.mark.parametrize("given", [None, 5])
def test_batches_take_lists(given):
    with pytest.raises(fv.Misuse, match="problems"):
        fv.integrate_many(given, 1)
    with pytest.raises(fv.Misuse, match=r"fv\.integrate takes one"):
        fv.integrate_many(two(1, 1, 1), 1)
    for budget in ("3", 0, True, None):
        with pytest.raises(fv.Misuse, match="budget"):
            fv.integrate_many([two(1, 1, 1)], 1, budget=budget)


def test_the_shortest_times():
    for digits in (15, 30):
        assert fv.integrate(two(1, 1, 1), "1e-100", digits=digits).t_end == pytest.approx(1e-100)
