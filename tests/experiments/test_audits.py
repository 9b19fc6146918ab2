"""Audits against the witnesses of MATH.md, fractions worked out by hand, and flows that were integrated."""

from __future__ import annotations

import json
from fractions import Fraction as Q
from itertools import pairwise

import mpmath
import numpy as np
import pytest

import faverify as fv

FA, DFA = fv.rules.FeedbackAlignment(), fv.rules.DirectFeedbackAlignment()


def two_layers(W1, W2, B, inputs, targets, activation="linear", rule=FA, **options):
    net = fv.MLP((len(W1[0]), len(W1), len(W2)), activation, "biases" in options)
    parts = {"weights": [W1, W2], "feedback": [B], "inputs": inputs, "targets": targets}
    return fv.FlowProblem(net, rule, **parts, **options)


def literal(y):
    """RK-T2-minnorm-literal: w(0) is in the span of the sample (1, 0), the rows of W₁(0) are not."""
    return two_layers([[1, "1/2"], [0, "-1/2"]], [[1, 1]], [[1, 1]], [[1], [0]], [[y]])


def exact(numbers):
    return [number.exact for number in numbers]


def hypothesis(found, name, words):
    return next(h for h in found.hypotheses if h.id == name and words in h.statement)


def bound(found, layer):
    """The constant that ⟨W_{l+1}(t), ·⟩ is guaranteed not to fall below."""
    return next(
        g.numbers["lower bound"].exact for g in found.guarantees if f"⟨W_{layer + 1}(t)" in g.statement and g.numbers
    )


# Theorem 2: the limit


@pytest.mark.parametrize(
    ("y", "limit", "p", "alignment"),
    [("13/2", [Q(13, 2), Q(1, 2)], Q(1), Q(4)), (3, [Q(3), Q(1, 4)], Q(1, 2), Q(11, 4))],
)
def test_the_limit_of_the_literal_corollary_is_not_of_least_norm(y, limit, p, alignment):
    found = fv.audit(literal(y))
    # by hand: W₁ = [[1 + p, ½], [p, −½]], W₂ = (1 + p + p²/2, 1 + p²/2)
    second = [1 + p + p**2 / 2, 1 + p**2 / 2]
    assert (1 + p) * second[0] + p * second[1] == Q(y)
    assert exact(found.limit.w) == limit
    assert exact(found.limit.W2) == second
    assert found.limit.alignment.exact == sum(second) == alignment
    assert found.limit.rate.exact == alignment + (1 + p) ** 2 + p**2
    assert exact(found.limit.minimum_norm_solution) == [Q(y), 0]
    assert found.limit.is_minimum_norm is False
    assert hypothesis(found, "RK-T2-minnorm-literal", "w(0)").holds
    assert not hypothesis(found, "RK-T2-minnorm", "rows of W_1(0)").holds
    assert found.unreached == ("minimum norm",)
    assert found.guarantee("RK-T2-minnorm") is None
    assert bound(found, 1) == Q(5, 4)  # 2 − ½ · 3/2; C₀ is 7/4
    assert next(g for g in found.guarantees if "a" in g.numbers).numbers["a"].exact == Q(7, 4)


def test_projected_rows_have_the_limit_of_least_norm():
    found = fv.audit(literal("13/2"))
    (made,) = found.suggestions
    assert made.reaches == ("minimum norm",)
    assert made.changes == {"W1": [[1, 0], [0, 0]]}
    again = fv.audit(made.problem)
    assert again.holds
    assert again.limit.is_minimum_norm
    assert exact(again.limit.w) == [Q(13, 2), 0]


def test_irrational_limits_to_fifty_digits():
    found = fv.audit(two_layers([["3/2"]], [[1]], [[1]], [[1]], [[-1]]), digits=50)
    with mpmath.workdps(70):  # W₁ = 3/2 + p, W₂ = 1 + 3p/2 + p²/2, W₁W₂ = −1
        p = mpmath.findroot(lambda p: (1.5 + p) * (1 + 1.5 * p + p * p / 2) + 1, -2.6)
        W2 = 1 + mpmath.mpf(3) / 2 * p + p * p / 2
        for number, value in ((found.limit.W2[0], W2), (found.limit.rate, W2 + (mpmath.mpf(3) / 2 + p) ** 2)):
            assert abs(mpmath.mpf(number.decimal) - value) <= abs(value) * mpmath.mpf(10) ** -49
            assert len(number.decimal.lstrip("0.").replace(".", "")) == 50
    record = found.limit.to_dict()
    assert record["w"] == [{"decimal": "-1", "exact": "-1", "certified": True}]
    assert record["alignment"]["exact"] is None
    assert record["certified"]


def test_positive_alignment_alone_gives_no_rate():
    found = fv.audit(two_layers([[1, 0]], [["1/2"]], [[1]], [[1], [0]], [[0]]))
    assert hypothesis(found, "RK-T2-rate", "C₀").numbers["C₀"].exact == 0
    assert "rate" in found.unreached
    assert any(missing.id == "RK-T2-rate-literal" for missing in found.not_guaranteed)
    assert {"descent", "convergence", "minimum norm"} <= set(found.reached)
    assert found.limit.status == "known"  # a triple zero is not enclosed; the theorems know w_∞ all the same
    assert exact(found.limit.w) == [0, 0]
    assert found.limit.W2 is None
    assert found.limit.alignment is None


# The alignment corollary


def test_three_halves_is_too_large_and_a_suggested_factor_is_not():
    problem = two_layers([["3/2"]], [[1]], [[1]], [[1]], [[-1]])
    found = fv.audit(problem)
    assert bound(found, 1) == Q(-1, 8)
    assert {"alignment", "rate"} <= set(found.unreached)
    made = next(s for s in found.suggestions if "alignment" in s.reaches)
    s = made.changes["W1"][0][0] / Q(3, 2)
    assert 0 < s**2 < 2 / Q(3, 2) ** 2
    again = fv.audit(made.problem)
    assert again.holds
    assert bound(again, 1) == 1 - s**2 * Q(9, 4) / 2


@pytest.mark.parametrize(("size", "held"), [("1.414213562373095048801", True), ("1.414213562373095048802", False)])
def test_the_bound_root_two_is_decided_exactly(size, held):
    found = fv.audit(two_layers([[size]], [[1]], [[1]], [[1]], [[3]]))
    assert hypothesis(found, "RK-C1-sqrt2", "√2").holds is held
    assert hypothesis(found, "RK-C1-cos", "ρ").holds is held
    assert ("alignment" in found.reached) is held
    assert (found.guarantee("RK-C1-cos") is not None) is held


def test_the_angle_is_that_of_the_operator_norm():
    found = fv.audit(two_layers([[1, 0], [0, 1]], [[1, 1]], [[1, 1]], [[1], [0]], [[1]]))
    numbers = found.guarantee("RK-C1-cos").numbers  # ρ² = 1/2, so sin ≤ ½: 30°
    with mpmath.workdps(60):
        for name, value in (("sine, at most", 0.5), ("degrees, at most", 30)):
            assert abs(mpmath.mpf(numbers[name].decimal) - value) < mpmath.mpf(10) ** -47
    assert hypothesis(found, "RK-C1-cos", "ρ").numbers["ρ²"].exact == Q(1, 2)
    rate = next(g for g in found.guarantees if "a" in g.numbers)
    assert rate.numbers["‖B‖²(1 − ρ²/2)"].exact == 2 * (1 - Q(1, 4))
    assert rate.numbers["a"].exact == 2 - Q(1, 4) * 1  # C₀ = 2 − ‖P W₁ᵀBᵀ‖²/(2 · 2), P W₁ᵀBᵀ = (1, 0)


def test_three_layers_are_aligned_and_need_not_descend():
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 2, 1), "linear"),
        FA,
        weights=[[["5/4"]], [[1], ["-3/4"]], [[1, 1]]],
        feedback=[[[1], ["-3/4"]], [[1, 1]]],
        inputs=[[1]],
        targets=[[-13]],
    )
    found = fv.audit(problem)
    assert set(found.reached) == {"alignment", "convergence"}
    assert bound(found, 1) == Q(25, 16) - Q(25, 32)
    assert bound(found, 2) == 2 - Q(25, 32)
    assert any(missing.id == "RK-C1-descent-L3" for missing in found.not_guaranteed)
    assert "descent" not in found.reached
    assert found.limit is None


def test_layers_are_brought_into_line_together():
    problem = fv.FlowProblem(
        fv.MLP((2, 2, 2, 1), "relu"),
        FA,
        weights=[[[5, 2], [0, 1]], [[3, 1], [1, 1]], [[-2, 1]]],
        feedback=[[[7, 2], [3, 1]], [["1/10", 1]]],
        inputs=[[1], [2]],
        targets=[[1]],
    )
    found = fv.audit(problem)
    made = next(s for s in found.suggestions if "alignment" in s.reaches)
    W = [np.array(made.problem.data[f"W{k}"]) for k in (1, 2, 3)]
    B = [np.array(made.problem.data[f"B{k}"]) for k in (2, 3)]
    for k in (0, 1):
        assert (W[k + 1] * B[k]).sum() > (W[k] ** 2).sum() / 2
    assert "alignment" in fv.audit(made.problem).reached


def test_trained_biases_belong_to_the_law():
    problem = two_layers([[1]], [[1]], [[1]], [[1]], [[2]], "relu", biases=[["1/2"], [5]])
    found = fv.audit(problem)
    assert found.guarantee("RK-T1-bias").numbers["value"].exact == Q(1, 2) + Q(1, 8) - 1
    assert bound(found, 1) == 1 - Q(1, 2) - Q(1, 8)
    assert not hypothesis(
        fv.audit(two_layers([[1]], [[1]], [[1]], [[1]], [[2]], "relu", biases=[[2], [0]])), "RK-T1-bound", ">"
    ).holds


def test_activations_of_other_degrees():
    cubic = fv.audit(two_layers([[2]], [[1]], [[1]], [[1]], [[2]], "power-3"))
    assert bound(cubic, 1) == 1 - Q(4, 6)  # ½‖W₁‖² − 3⟨W₂, B⟩ is constant
    found = fv.audit(two_layers([[2]], [[1]], [[1]], [[1]], [[2]], "tanh"))
    assert found.reached == ()
    assert any(missing.id == "RK-T1-nonhomog" for missing in found.not_guaranteed)
    (made,) = found.suggestions
    assert made.problem.net.activation.name == "relu"
    assert "alignment" in fv.audit(made.problem).reached


# Gates


def test_an_aligned_layer_of_gates_need_not_descend():
    found = fv.audit(two_layers([[1], [0]], [["1/2", 1]], [["1/2", 1]], [[1]], [[-1]], "relu"))
    assert found.reached == ("alignment",)
    assert found.unreached == ("descent",)
    assert bound(found, 1) == Q(5, 4) - Q(1, 2)
    made = next(s for s in found.suggestions if "descent" in s.reaches)
    assert made.changes["W1"][0][0] ** 2 <= 2 * Q(1, 4)
    assert "descent" in fv.audit(made.problem).reached


@pytest.mark.parametrize(
    ("W1", "W2", "B", "held"),
    [
        ([[1, 1]], [[1]], [[1]], True),  # ‖W₁[k,:]‖² = 2B_k²
        ([[1, "1.0000000000000000000001"]], [[1]], [[1]], False),
        ([[5, 5], [1, 1]], [[3, 1]], [[0, 1]], True),  # nothing depends on the sign in a neuron without feedback
        ([[1, 0]], [[-1]], [[-1]], True),
        ([[1, 0]], [[1]], [[-1]], False),
    ],
)
def test_descent_neuron_by_neuron(W1, W2, B, held):
    found = fv.audit(two_layers(W1, W2, B, [[1], [2]], [[1]], "relu"))
    assert ("descent" in found.reached) is held


# Several outputs


def test_positive_alignment_is_not_enough_for_several_outputs():
    eye = [[1, 0], [0, 1]]
    found = fv.audit(two_layers([[0, 0], [0, 0]], eye, [[-1, 0], [0, 3]], eye, [[1, 0], [0, 0]]))
    assert "alignment" in found.reached
    assert {"descent", "rate"} <= set(found.unreached)
    assert hypothesis(found, "RK-T2-multi", "⪰ 0").numbers["λ_min(C₀)"].exact == -2  # C₀ = 2 diag(−1, 27)
    assert any(missing.id == "RK-T2-trace" for missing in found.not_guaranteed)


def test_the_norm_seen_through_the_feedback_falls_while_the_loss_may_rise():
    eye, zero = [[1, 0], [0, 1]], [[0, 0], [0, 0]]
    found = fv.audit(two_layers(zero, [[1, 3], ["-3/2", "1/8"]], [[1, 0], [0, 2]], eye, [[3, 0], [-3, 0]]))
    assert hypothesis(found, "RK-T2-multi", "C₀ ≻ 0").holds
    assert hypothesis(found, "RK-T2-multi", "⪰ 0").numbers["λ_min(C₀)"].exact == 2
    assert any("B_2ᵀR(t)‖ never rises" in g.statement for g in found.guarantees)
    assert "descent" in found.unreached


def test_the_rate_of_several_outputs():
    B = [[1, 0, 0], [0, 1, 0]]
    W1 = [[1, 0], [0, "1/2"], [7, 7]]
    found = fv.audit(two_layers(W1, B, B, [[1, 1], [0, 1]], [[1, 2], [3, 4]]))
    assert hypothesis(found, "RK-T2-multi", "q").numbers["q"].exact == 1
    assert {"rate", "descent", "minimum norm"} <= set(found.reached)
    numbers = next(g for g in found.guarantees if g.goal == "rate").numbers
    with mpmath.workdps(60):  # XXᵀ = [[1, 1], [1, 2]]
        expected = (3 - mpmath.sqrt(5)) / 2 * (1 - mpmath.mpf(1) / 2)
        assert abs(mpmath.mpf(numbers["a λ"].decimal) - expected) < mpmath.mpf(10) ** -49


def test_feedback_of_deficient_rank_is_said_to_be():
    B = [[1, 0], [1, 0]]
    found = fv.audit(two_layers([[0, 0], [0, 0]], B, B, [[1], [0]], [[1], [2]]))
    assert not hypothesis(found, "RK-T2-multi", "full row rank").holds
    assert any("do not reach W_1" in missing.statement for missing in found.not_guaranteed)
    assert "rate" in found.unreached
    assert any({"rate", "descent"} <= set(made.reaches) for made in found.suggestions)


# Data


def test_targets_that_cannot_be_met():
    found = fv.audit(two_layers([[1]], [[1]], [[1]], [[1, 1]], [[1, -1]]))
    assert not hypothesis(found, "RK-T2-rate", "independent").holds
    assert not hypothesis(found, "RK-T2-rate", "range(X)").holds
    assert hypothesis(found, "RK-T2-rate", "range(X)").numbers["‖y off range(X)‖²"].exact == 2
    rate = next(g for g in found.guarantees if g.goal == "rate")
    assert rate.numbers["λ"].exact == 2
    assert rate.numbers["a λ"].exact == 2 * Q(1, 2)
    assert any("least loss" in g.numbers and g.numbers["least loss"].exact == 1 for g in found.guarantees)
    assert exact(found.limit.minimum_norm_solution) == exact(found.limit.w) == [0]
    assert not found.limit.meets_targets


def test_least_squares_of_more_samples_than_inputs():
    found = fv.audit(two_layers([[1, 0.5]], [[2]], [[1]], [[1, 2, 3], [0, 1, 1]], [[1, 2, 4]]))
    assert any("more samples (3) than inputs (2)" in h.statement for h in found.hypotheses)
    # normal equations: [[14, 5], [5, 2]] w = (17, 6)
    assert exact(found.limit.minimum_norm_solution) == [Q(34 - 30, 3), Q(84 - 85, 3)]


def test_a_sample_given_twice_has_the_limit_of_one_at_twice_the_rate():
    start = ([[1, 2, 3], [0, 1, 1]], [[3, 1]], [[3, 2]])
    once = fv.audit(two_layers(*start, [[1], [1], [0]], [[2]]), digits=40)
    twice = fv.audit(two_layers(*start, [[1, 1], [1, 1], [0, 0]], [[2, 2]]), digits=40)
    other = fv.audit(two_layers(*start, [[1, 1], [1, 1], [0, 0]], [[1, 3]]), digits=40)
    for found in (twice, other):
        assert found.limit.status == once.limit.status == "enclosed"
        assert [n.decimal for n in found.limit.w] == [n.decimal for n in once.limit.w]
        assert [n.decimal for n in found.limit.W2] == [n.decimal for n in once.limit.W2]
        gap = mpmath.mpf(found.limit.rate.decimal) / mpmath.mpf(once.limit.rate.decimal) - 2
        assert abs(gap) < 1e-14
    assert twice.limit.meets_targets
    assert not other.limit.meets_targets


def test_without_feedback_nothing_is_guaranteed_of_the_hidden_layer():
    found = fv.audit(two_layers([[1, 2], [0, 1]], [[3, 1]], [[0, 0]], [[1], [0]], [[1]]))
    assert found.reached == ("descent",)
    assert {"alignment", "rate", "convergence", "minimum norm"} <= set(found.unreached)
    made = next(s for s in found.suggestions if "convergence" in s.reaches)
    assert made.changes["B2"] == [[3, 1]]
    assert "convergence" in fv.audit(made.problem).reached


def test_samples_that_are_zero_move_nothing():
    found = fv.audit(two_layers([[1, 2]], [[3]], [[1]], [[0], [0]], [[1]]))
    assert exact(found.limit.w) == [3, 6]
    assert exact(found.limit.W2) == [3]
    assert "rate" in found.unreached


def test_feedback_whose_product_is_zero():
    weights = [[[1]], [[1], [1]], [[1, 1]]]
    parts = {"weights": weights, "inputs": [[1]], "targets": [[2]]}
    net = fv.MLP((1, 1, 2, 1), "linear")
    zero = fv.audit(fv.FlowProblem(net, FA, feedback=[[[1], [-1]], [[1, 1]]], **parts))
    assert "convergence" in zero.unreached
    assert "l = 1" in hypothesis(zero, "RK-POT", "β_l").statement
    assert "convergence" in fv.audit(fv.FlowProblem(net, FA, feedback=[[[1], [1]], [[1, 1]]], **parts)).reached
    direct = fv.FlowProblem(net, DFA, feedback=[[[1]], [[1, 1]]], **parts)
    assert "convergence" in fv.audit(direct).reached
    assert any(missing.id == "RK-T1-DFA-inner" for missing in fv.audit(direct).not_guaranteed)


def test_in_two_layers_direct_feedback_is_feedback():
    parts = ([[1, "1/2"], [0, "-1/2"]], [[1, 1]], [[1, 1]], [[1], [0]], [["13/2"]])
    a, b = (fv.audit(two_layers(*parts, rule=rule)) for rule in (FA, DFA))
    assert a.limit == b.limit
    assert a.reached == b.reached


# What the theorems do not speak of


def test_other_rules_losses_and_depths():
    back = fv.audit(
        fv.FlowProblem(
            fv.MLP((1, 1, 1)), fv.rules.BackPropagation(), weights=[[[1]], [[1]]], inputs=[[1]], targets=[[1]]
        )
    )
    assert back.holds is False
    assert back.guarantees == ()
    assert back.suggestions == ()
    single = fv.audit(fv.FlowProblem(fv.MLP((1, 1)), FA, weights=[[[1]]], inputs=[[1]], targets=[[1]]))
    assert single.holds is False
    signal = fv.FlowProblem(
        fv.MLP((1, 1, 1), "linear"),
        FA,
        weights=[[[1]], [[1]]],
        feedback=[[[1]]],
        inputs=[[1]],
        error=lambda t, f: -2 * f,
    )
    found = fv.audit(signal)
    assert found.reached == ("alignment",)
    assert found.limit is None
    assert {"RK-T2", "RK-T1-global"} <= {missing.id for missing in found.not_guaranteed}


# Every guarantee against a flow; every suggestion against an audit of its own


def drawn(seed):
    rng = np.random.default_rng(seed)
    m, d, n = (int(k) for k in rng.integers(1, 4, 3))
    draw = lambda *shape: [[Q(int(k), 4) for k in row] for row in rng.integers(-6, 7, shape)]  # noqa: E731
    B = draw(1, m)
    W2 = B if rng.integers(2) else draw(1, m)
    activation = ("linear", "linear", "relu", "abs")[int(rng.integers(4))]
    return two_layers(draw(m, d), W2, B, draw(d, n), draw(1, n), activation)


@pytest.mark.parametrize("seed", range(24))
def test_guarantees_hold_along_flows_and_suggestions_when_made(seed):
    problem = drawn(seed)
    found = fv.audit(problem, digits=20)
    json.dumps(found.to_dict())
    for made in found.suggestions:
        assert set(made.reaches) & set(found.reached) == set()
        again = fv.audit(made.problem, digits=12)
        goals = {guarantee.goal for guarantee in again.guarantees} - {g.goal for g in again.not_guaranteed}
        assert set(made.reaches) <= goals
    path = fv.integrate(problem, t="1/2", digits=20, on_nonunique="follow")
    B = np.array([[mpmath.mpf(v.numerator) / v.denominator for v in row] for row in problem.data["B2"]])
    X = np.array([[mpmath.mpf(v.numerator) / v.denominator for v in row] for row in problem.data["x"]]).T
    y = np.array([[mpmath.mpf(v.numerator) / v.denominator for v in row] for row in problem.data["y"]]).T
    phi = {"linear": lambda h: h, "relu": lambda h: h if h > 0 else h * 0, "abs": abs}[problem.net.activation.name]
    losses = []
    times = [mpmath.mpf(k) / 16 * path.t_end for k in range(17)]
    for t in times:
        W1, W2 = path.weights(t)
        r = y - (W2 @ np.vectorize(phi, otypes=[object])(W1 @ X.T)).T
        losses.append((r * r).sum())
        for guarantee in found.guarantees:
            if "lower bound" in guarantee.numbers:
                lower = mpmath.mpf(guarantee.numbers["lower bound"].decimal)
                assert (W2 * B).sum() >= lower - mpmath.mpf(10) ** -12
    if "descent" in found.reached:
        assert all(b <= a + mpmath.mpf(10) ** -12 for a, b in pairwise(losses))
    for guarantee in found.guarantees:
        if guarantee.goal == "rate" and "λ_min" in guarantee.numbers:
            mu = mpmath.mpf(guarantee.numbers["a λ"].decimal)
            for t, loss in zip(times, losses, strict=True):
                assert loss <= losses[0] * mpmath.exp(-2 * mu * t) + mpmath.mpf(10) ** -12


@pytest.mark.parametrize("seed", range(4))
def test_several_outputs_decay_at_the_rate_that_is_guaranteed(seed):
    rng = np.random.default_rng(seed)
    draw = lambda *shape: [[Q(int(k), 4) for k in row] for row in rng.integers(-2, 3, shape)]  # noqa: E731
    B = [[1, 0, 0], [0, 1, 0]] if seed % 2 else [[0, Q(3, 5), Q(4, 5)], [1, 0, 0]]
    X, Y = [[1, seed], [2, -1]], draw(2, 2)
    problem = two_layers(draw(3, 2), B, B, X, Y)
    found = fv.audit(problem, digits=20)
    assert {"rate", "descent"} <= set(found.reached)
    mu = float(next(g for g in found.guarantees if g.goal == "rate").numbers["a λ"].decimal)
    path = fv.integrate(problem, t="1/2", digits=15)
    sizes = []
    for k in range(9):
        W1, W2 = (np.array(W.tolist(), float) for W in path.weights(mpmath.mpf(k) / 16))
        sizes.append(np.linalg.norm(np.array(Y, float) - W2 @ W1 @ np.array(X, float)))
    assert all(size <= sizes[0] * np.exp(-mu * k / 16) * (1 + 1e-9) for k, size in enumerate(sizes))


# Records


def test_floats_stand_for_their_binary_values_and_are_named():
    W1 = np.array([[0.1, 1.0], [0.5, 2.0]])
    found = fv.audit(two_layers(W1, [["0.1", 1]], [[Q(1, 3), 0.25]], [[1], [2]], [[1]]))
    assert found.floats == {"W1": [(0, 0), (0, 1), (1, 0), (1, 1)], "B2": [(0, 1)]}
    assert "floats of B2, read as their exact binary values: [0,1]" in str(found)
    assert hypothesis(found, "RK-C1", "≤").numbers["‖W_1(0)‖²"].exact == Q(0.1) ** 2 + 1 + Q(1, 4) + 4
    parts = {"weights": {"W1": [[0.5]], "W2": [[1]]}, "feedback": {"B2": [[1]]}, "inputs": [[1]], "targets": [[0.5]]}
    named = fv.audit(fv.FlowProblem(fv.MLP((1, 1, 1), "linear"), FA, **parts))
    assert named.floats == {"targets": [(0, 0)], "W1": [(0, 0)]}
    biased = fv.audit(two_layers([[1]], [[1]], [[1]], [[1]], [[1]], "relu", biases=[[0.5], [0]]))
    assert biased.floats == {"b1": [(0, 0)]}


def test_the_record_is_json_and_complete():
    record = json.loads(json.dumps(fv.audit(literal("13/2"), digits=30).to_dict()))
    assert set(record) >= {"schema", "kind", "hypotheses", "guarantees", "not_guaranteed", "suggestions", "limit"}
    assert all(set(h) == {"id", "statement", "holds", "goal", "numbers"} for h in record["hypotheses"])
    assert record["limit"]["w"][1] == {"decimal": "0.5", "exact": "1/2", "certified": True}
    assert record["limit"]["is_minimum_norm"] is False
    assert record["holds"] is False
    assert record["suggestions"][0]["changes"] == {"W1": [[1, 0], [0, 0]]}


def test_the_report_has_its_parts():
    text = str(fv.audit(literal("13/2")))
    for part in ("Hypotheses", "Guaranteed", "Not guaranteed", "What to change", "Limit", "✓", "✗", "discrete steps"):
        assert part in text
    assert "w_∞ = (13/2, 1/2)" in text
    assert repr(fv.audit(literal("13/2"))).startswith("<audit: guaranteed alignment")


def test_an_enclosure_that_is_cut_short_certifies_nothing():
    found = fv.audit(two_layers([[1, "1/2"]], [[-3]], [[1]], [[1], [0]], [[5]]), budget=1)
    assert found.limit.status == "undecided"
    assert found.limit.w is None
    assert found.limit.to_dict()["certified"] is False
    assert "undecided: " in str(found)
    huge = fv.audit(two_layers([[1e200, 2], [0, 1]], [[3, 1]], [[1e-200, 1]], [[1], [2]], [[1]]))
    assert {"alignment", "rate"} <= set(huge.reached) | set(huge.unreached)


# Misuse


@pytest.mark.parametrize("wrong", [None, "problem.json", {"widths": [1]}, fv.FlowProblem])
def test_only_problems_are_audited(wrong):
    with pytest.raises(fv.Misuse, match=r"expected a fv\.FlowProblem"):
        fv.audit(wrong)


@pytest.mark.parametrize("digits", [5, 393, True, 50.0, "50"])
def test_digits_are_a_whole_number_in_range(digits):
    with pytest.raises(fv.Misuse, match="a whole number from 6 to 392"):
        fv.audit(literal(3), digits=digits)


def test_feedback_must_be_given():
    problem = fv.FlowProblem(fv.MLP((1, 1, 1)), FA, weights=[[[1]], [[1]]], inputs=[[1]], targets=[[1]])
    with pytest.raises(fv.Misuse, match="B2, which the rule reads"):
        fv.audit(problem)


def test_a_suggestion_says_what_it_loses():
    """Direct feedback as weights gives descent and a rate, and takes ‖W₁‖² ≤ 2‖F‖² away."""
    problem = fv.FlowProblem(
        fv.MLP((2, 3, 2), "linear"), fv.rules.DirectFeedbackAlignment(),
        weights=[[["1/2", "-1/2"], [0, 0], [2, 0]], [[1, 0, 0], ["1/4", 2, "1/2"]]],
        feedback={"F1": [[1, 0, 0], ["1/4", 2, "1/2"]]}, inputs=[["-3/2"], [-1]], targets=[[0], ["1/2"]],
    )  # fmt: skip
    audit = fv.audit(problem)
    assert audit.suggestions
    for suggestion in audit.suggestions:
        lost = set(audit.reached) - set(fv.audit(suggestion.problem).reached)
        assert set(suggestion.loses) == lost
        assert ("no longer guaranteed" in "\n".join(suggestion.lines())) is bool(lost)
    assert any(suggestion.loses for suggestion in audit.suggestions)
