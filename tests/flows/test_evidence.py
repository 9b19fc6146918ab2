"""Alignment along a path: four quantities, each by its own name."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import pytest

import faverify as fv

ONE = [[1]]


def test_alignments_at_the_start_by_hand():
    """W₁ = ½, x = 1, B₂ = (1, 0)ᵀ, W₂ = (1, −2)ᵀ, e = (1, 1)ᵀ: ⟨W₂, B₂⟩ = 1, ⟨FA, BP⟩ = −1 and ½."""
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 2), "linear"), fv.rules.FeedbackAlignment(),
        weights=[[["1/2"]], [[1], [-2]]], feedback=[[[1], [0]]], inputs=ONE, error=lambda t, f: f * 0 + 1,
    )  # fmt: skip
    path = fv.integrate(problem, "1/100", digits=30)
    assert path.alignment("layer").at(0)[1][0] == 1
    assert path.alignment("neuron").at(0)[1][0] == [1]
    assert path.alignment("product").at(0)[1][0] == 1
    gradient = path.alignment("gradient").at(0)
    assert (gradient[1][0] < 0, gradient[2][0] > 0) == (True, True)
    assert abs(gradient[1][1] + 1) < 1e-25  # scalars: the cosine is a sign
    assert abs(gradient[2][1] - 1) < 1e-25
    with mpmath.workdps(40):
        assert abs(path.alignment("layer").at(0)[1][1] - 1 / mpmath.sqrt(5)) < mpmath.mpf(10) ** -28


def test_a_cosine_of_nothing_is_undefined():
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 1), "linear"),
        fv.rules.FeedbackAlignment(),
        weights=[[[0]], [[0]]],
        feedback=[ONE],
        inputs=ONE,
        targets=ONE,
    )
    found = fv.integrate(problem, 1, digits=20).alignment("layer")
    assert found.cosine[1][0] is None
    assert found.inner[1][0] == 0
    assert found.least == 0


def test_products_through_two_maps_and_direct_feedback():
    net = fv.MLP((1, 1, 1, 1), "linear")
    data = {"weights": [ONE, [[2]], [[3]]], "inputs": ONE, "targets": [[0]]}
    back = fv.FlowProblem(net, fv.rules.FeedbackAlignment(), feedback=[[[5]], [[7]]], **data)
    found = fv.integrate(back, "1/1000", digits=20).alignment("product").at(0)
    assert (found[1][0], found[2][0]) == (2 * 3 * 5 * 7, 3 * 7)
    direct = fv.FlowProblem(net, fv.rules.DirectFeedbackAlignment(), feedback=[[[5]], [[7]]], **data)
    path = fv.integrate(direct, "1/1000", digits=20)
    assert path.alignment("product").at(0)[1][0] == 2 * 3 * 5
    with pytest.raises(fv.Misuse, match="feedback B2"):
        path.alignment("layer")


def test_positive_alignment_along_the_flow():
    """RK-C1: W₂(0) = B and ‖W₁(0)‖ ≤ ‖B‖ keep ⟨W₂, B⟩ ≥ ½‖W₁‖² + ½‖B‖² at every step."""
    problem = fv.FlowProblem(
        fv.MLP((2, 2, 1), "linear"), fv.rules.FeedbackAlignment(),
        weights=[[["1/2", 0], ["1/4", "-1/4"]], [[1, "1/2"]]], feedback=[[[1, "1/2"]]],
        inputs=[[1, 0], ["1/2", 2]], targets=[[-3, 2]],
    )  # fmt: skip
    path = fv.integrate(problem, 5, digits=25)
    found = path.alignment("layer")
    bound = Fraction(5, 8)
    assert found.least > float(bound)
    for t, value in zip(found.times, found.inner[1], strict=True):
        first = path.weights(t)[0]
        assert value >= (first * first).sum() / 2 + mpmath.mpf(5) / 8 - mpmath.mpf(10) ** -20


def test_unknown_kinds_and_layers():
    problem = fv.FlowProblem(
        fv.MLP((1, 1, 1)), fv.rules.FeedbackAlignment(), weights=[ONE, ONE], feedback=[ONE], inputs=ONE, targets=[[0]]
    )
    path = fv.integrate(problem, 1, digits=20)
    with pytest.raises(fv.Misuse, match="one of layer, neuron, product, gradient"):
        path.alignment("cosine")
    with pytest.raises(fv.Misuse, match="one of 1, or −1"):
        path.drift(fv.laws.feedback_balance, layer=2)
    assert path.drift(fv.laws.feedback_balance, layer=-1) < 1e-18


def test_gradients_are_compared_in_float64_too():
    given = {"weights": [[[1], ["1/2"]], [[1, 1]]], "feedback": [[[1, -1]]], "inputs": [[1]], "targets": [[2]]}
    problem = fv.FlowProblem(fv.MLP((1, 2, 1)), fv.rules.FeedbackAlignment(), **given)
    rough, fine = (fv.integrate(problem, 1, digits=digits).alignment("gradient").at(1) for digits in (15, 30))
    assert rough.keys() == fine.keys()
    for layer, (value, cosine) in fine.items():
        assert abs(rough[layer][0] - value) < 1e-12
        assert abs(rough[layer][1] - cosine) < 1e-12
