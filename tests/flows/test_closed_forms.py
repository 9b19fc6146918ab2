"""Flows whose solutions are known."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import pytest

import faverify as fv

ONE = [[1]]


def scalar(rule, error=None, targets=None, w1=1, w2=1, activation="linear", **more):
    net = fv.MLP((1, 1, 1), activation)
    return fv.FlowProblem(
        net, rule, weights=[[[w1]], [[w2]]], feedback=[ONE], inputs=ONE, error=error, targets=targets, **more
    )


@pytest.mark.parametrize("digits", [15, 25])
def test_a_blow_up_ends_the_path_at_its_time(digits):
    problem = scalar(fv.rules.FeedbackAlignment(), lambda t, f: -2 * f, w2="1/2")
    path = fv.integrate(problem, 1, digits=digits)
    assert path.status == "blow-up"
    assert abs(path.t_end - mpmath.mpf(1) / 2) < 10.0 ** -(digits - 3)
    with mpmath.workdps(digits):
        for t in (Fraction(1, 10), Fraction(3, 8), Fraction(49, 100)):
            exact = 1 / mpmath.sqrt(1 - 2 * mpmath.mpf(t.numerator) / t.denominator)
            first, second = (w[0, 0] for w in path.weights(t))
            assert abs(first - exact) < 10.0 ** -(digits - 3)
            assert abs(second - exact**2 / 2) < 10.0 ** -(digits - 4)


def test_a_residual_that_decays_like_a_power():
    """X = (1, 0), y = 0, W₁(0) = (1, 0), W₂(0) = ½, B = 1: r = −½(1 + t)^{−3/2}, α = 1/(2(1 + t))."""
    net = fv.MLP((2, 1, 1), "linear")
    problem = fv.FlowProblem(
        net,
        fv.rules.FeedbackAlignment(),
        weights=[[[1, 0]], [["1/2"]]],
        feedback=[ONE],
        inputs=[[1], [0]],
        targets=[[0]],
    )
    path = fv.integrate(problem, 8, digits=60)
    with mpmath.workdps(60):
        for t in (1, 3, 8):
            w1, w2 = path.weights(t)
            assert abs((w2 @ w1)[0, 0] - mpmath.mpf(1 + t) ** mpmath.mpf("-1.5") / 2) < mpmath.mpf(10) ** -58
            assert abs(w2[0, 0] - mpmath.mpf(1) / (2 * (1 + t))) < mpmath.mpf(10) ** -58


def test_a_relu_that_dies_stays_dead():
    """ẇ₁ = −(w₂ w₁ − y) for w₁ > 0, and nothing moves once h ≤ 0: with w₂ frozen at 1 and y = −1, w₁ + 1 = 2e^{−t}."""
    problem = scalar(fv.rules.Frozen(fv.rules.FeedbackAlignment(), (2,)), targets=[[-1]], activation="relu")
    path = fv.integrate(problem, 3, digits=40)
    assert [(e.kind, e.layer) for e in path.events] == [("cross", 1)]
    with mpmath.workdps(40):
        assert abs(path.events[0].t - mpmath.log(2)) < mpmath.mpf(10) ** -38
        assert abs(path.weights(3)[0][0, 0]) < mpmath.mpf(10) ** -38


def test_a_sign_that_slides():
    """ė = −sign(e)(1 + …): the signed error brings e to 0 in finite time, and holds it there."""
    problem = scalar(fv.rules.Frozen(fv.rules.SignedError(fv.rules.FeedbackAlignment()), (1,)), targets=[[0]])
    path = fv.integrate(problem, 2, digits=40)
    assert [(e.kind, e.layer) for e in path.events] == [("slide", 0)]
    with mpmath.workdps(40):
        assert abs(path.events[0].t - 1) < mpmath.mpf(10) ** -38
        assert abs(path.weights(2)[1][0, 0]) < mpmath.mpf(10) ** -38
    assert path.gate_violation < 1e-38


@pytest.mark.parametrize("activation", ["tanh", "erf", "sigmoid", "softplus", "gelu", "silu"])
def test_smooth_activations_against_quadrature(activation):
    """One weight: ẇ = −φ′(w)·c is separable, so that t = ∫ dw/(−c φ′(w)), which mpmath integrates."""
    phis = {
        "tanh": mpmath.tanh,
        "erf": mpmath.erf,
        "sigmoid": lambda h: 1 / (1 + mpmath.exp(-h)),
        "softplus": lambda h: mpmath.log(1 + mpmath.exp(h)),
        "gelu": lambda h: h * (1 + mpmath.erf(h / mpmath.sqrt(2))) / 2,
        "silu": lambda h: h / (1 + mpmath.exp(-h)),
    }
    rule = fv.rules.Frozen(fv.rules.FeedbackAlignment(), (2,))
    problem = scalar(rule, lambda t, f: -1, activation=activation)
    path = fv.integrate(problem, "0.5", digits=30)
    with mpmath.workdps(40):
        end = path.weights("0.5")[0][0, 0]
        spent = mpmath.quad(lambda w: 1 / mpmath.diff(phis[activation], w), [1, end])
        assert abs(spent - mpmath.mpf(1) / 2) < mpmath.mpf(10) ** -24


def test_against_mpmath_of_its_own():
    """tanh, widths 2-2-1, two samples: the field written by hand, solved by mpmath's odefun."""
    w1, w2, b = [["1/2", "-1/4"], ["1/8", "3/4"]], [["1/2", "1"]], [["1", "-1/2"]]
    x, y = [[1, "1/2"], ["-1/4", 2]], [["1/2", "-1"]]
    net = fv.MLP((2, 2, 1), "tanh")
    problem = fv.FlowProblem(net, fv.rules.FeedbackAlignment(), weights=[w1, w2], feedback=[b], inputs=x, targets=y)
    path = fv.integrate(problem, "1/2", digits=25)
    with mpmath.workdps(25):

        def read(rows):
            exact = [[Fraction(v) for v in row] for row in rows]
            return mpmath.matrix([[mpmath.mpf(v.numerator) / v.denominator for v in row] for row in exact])

        data, target, feedback = read(x), read(y), read(b)

        def field(_, z):
            first, second = mpmath.matrix(2, 2), mpmath.matrix(1, 2)
            for k in range(4):
                first[k // 2, k % 2] = z[k]
            second[0, 0], second[0, 1] = z[4], z[5]
            h = first * data
            a = h.apply(mpmath.tanh)
            e = second * a - target
            back = feedback.T * e
            delta = mpmath.matrix(2, 2)
            for i in range(2):
                for s in range(2):
                    delta[i, s] = (1 - a[i, s] ** 2) * back[i, s]
            up, down = delta * data.T, e * a.T
            return [-up[0, 0], -up[0, 1], -up[1, 0], -up[1, 1], -down[0, 0], -down[0, 1]]

        start = [v for rows in (read(w1), read(w2)) for v in rows]
        solution = mpmath.odefun(field, 0, start, tol=mpmath.mpf(10) ** -18)(mpmath.mpf(1) / 2)
        found = [v for w in path.weights("1/2") for v in w.ravel()]
        assert max(abs(p - q) for p, q in zip(found, solution, strict=True)) < mpmath.mpf(10) ** -16
