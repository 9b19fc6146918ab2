"""The k × k recursion is training itself: exactly in steps, to 50 digits in the flow."""

from __future__ import annotations

import itertools
import random
from fractions import Fraction

import mpmath
import numpy as np
import pytest

import faverify as fv
from faverify import rules as R


def problem_of(rule, widths, samples=3, seed=0, activation="linear", zero=True):
    draw = random.Random(seed)

    def matrix(rows, cols):
        return [[Fraction(draw.randint(-3, 3), 4) for _ in range(cols)] for _ in range(rows)]

    shapes = [(b, a) for a, b in itertools.pairwise(widths)]
    if isinstance(rule, R.FeedbackAlignment):
        feedback = [matrix(*shape) for shape in shapes[1:]]
    else:
        feedback = {f"F{k}": matrix(widths[-1], width) for k, width in enumerate(widths[1:-1], 1)}
    weights = [[[0] * cols for _ in range(rows)] if zero else matrix(rows, cols) for rows, cols in shapes]
    given = {"weights": weights, "feedback": feedback, "inputs": matrix(widths[0], samples)}
    return fv.FlowProblem(fv.MLP(widths, activation), rule, **given, targets=matrix(widths[-1], samples))


@pytest.mark.parametrize("rule", [R.DirectFeedbackAlignment(), R.FeedbackAlignment()])
@pytest.mark.parametrize("widths", [(2, 3, 2), (3, 2, 4, 2), (2, 3, 2, 3, 1), (2, 2, 3, 2, 2, 2)])
def test_it_is_training_exactly(rule, widths):
    problem = problem_of(rule, widths)
    training, found = fv.steps(problem, "1/3", 3), fv.alignment_matrices(problem, "1/3", 3)
    for step in range(4):
        for w, v in zip(training.weights(step), found.weights(step), strict=True):
            assert (w == v).all()
    assert training.losses == found.losses
    assert any(v for w in training.weights() for v in w.ravel())


def test_the_bridge_is_exact_in_steps():
    """A_{l+1} + A_{l+1}ᵀ − A_lM_{l−1}A_lᵀ = −Σ dA_lM_{l−1}dA_lᵀ."""
    found = fv.alignment_matrices(problem_of(R.DirectFeedbackAlignment(), (2, 3, 4, 2)), "1/2", 4)
    for layer, gram in enumerate(found.grams[:-1]):
        lost = 0
        for before, after in itertools.pairwise(found.states):
            move = after[layer] - before[layer]
            lost = lost + (move @ move.T if gram is None else move @ gram @ move.T)
        low, up = found.states[-1][layer], found.states[-1][layer + 1]
        inner = low @ low.T if gram is None else low @ gram @ low.T
        assert (up + up.T - inner == -lost).all()
        assert (lost != 0).any()


def test_the_flow_keeps_the_form_to_fifty_digits():
    """A_l is read off W_l by F's right inverse; what is left of W_l is nothing, and the matrix law holds."""
    problem = problem_of(R.DirectFeedbackAlignment(), (2, 3, 3, 2), seed=3)
    path = fv.integrate(problem, 1, digits=55)
    with mpmath.workdps(60):
        w = [mpmath.matrix(m.tolist()) for m in path.weights()]
        f = [None, *(mpmath.matrix([[mpmath.mpf(v.numerator) / v.denominator for v in row] for row in problem.data[n]])
                     for n in ("F1", "F2"))]  # fmt: skip
        gram = [None, *(m * m.T for m in f[1:])]
        inverse = [None, *(g**-1 for g in gram[1:])]
        a = [inverse[1] * f[1] * w[0], inverse[2] * f[2] * w[1] * f[1].T * inverse[1], w[2] * f[2].T * inverse[2]]
        form = [f[1].T * a[0], f[2].T * a[1] * f[1], a[2] * f[2]]
        assert all(mpmath.mnorm(m - n, 1) < 1e-50 for m, n in zip(w, form, strict=True))
        assert mpmath.mnorm(a[1] + a[1].T - a[0] * a[0].T, 1) < 1e-50
        assert mpmath.mnorm(a[2] + a[2].T - a[1] * gram[1] * a[1].T, 1) < 1e-50
        assert mpmath.mnorm(a[1], 1) > 1e-3


def test_small_steps_tend_to_the_flow():
    problem = problem_of(R.DirectFeedbackAlignment(), (2, 3, 2), seed=1)
    end = np.array(fv.integrate(problem, 1, digits=20).weights()[0], dtype=float)
    gaps = [np.abs(fv.alignment_matrices(problem, 1 / n, n, exact=False).weights()[0] - end).max() for n in (64, 128)]
    assert 0.4 < gaps[1] / gaps[0] < 0.6


def test_floats_are_rounded_fractions():
    problem = problem_of(R.FeedbackAlignment(), (3, 4, 3, 2))
    rough, fine = (fv.alignment_matrices(problem, "1/8", 6, exact=exact) for exact in (False, True))
    for a, b in zip(rough.states[-1], fine.states[-1], strict=True):
        assert np.abs(a - b.astype(float)).max() < 1e-13


def test_others_are_refused():
    dfa, zeros = R.DirectFeedbackAlignment(), [[[0]], [[0]]]
    kolen_pollack = fv.FlowProblem(
        fv.MLP((1, 1, 1), "linear"), R.KolenPollack(), weights=zeros, feedback=[[[1]]], inputs=[[1]], targets=[[1]]
    )
    for problem, what in (
        (problem_of(dfa, (2, 3, 2), activation="relu"), "linear"),
        (problem_of(dfa, (2, 3, 2), zero=False), "from zero"),
        (kolen_pollack, "Feedback"),
    ):
        with pytest.raises(fv.FaverifyError, match=what):
            fv.alignment_matrices(problem, 1, 1)
    net, one = fv.MLP((1, 1, 1), "linear"), [[1]]
    bare = fv.FlowProblem(net, dfa, weights=zeros, inputs=one, targets=one)
    single = fv.FlowProblem(fv.MLP((1, 1), "linear"), dfa, weights=[[[0]]], inputs=one, targets=one)
    for problem in (bare, single, None):
        with pytest.raises(fv.Misuse):
            fv.alignment_matrices(problem, 1, 1)
    with pytest.raises(fv.Misuse, match="step = 9"):
        fv.alignment_matrices(problem_of(dfa, (2, 3, 2)), 1, 1).weights(9)
    for step in (9, "x"):
        with pytest.raises(fv.Misuse, match="step = "):
            fv.alignment_matrices(problem_of(dfa, (2, 3, 2)), 1, 1).gaps(step)
    with pytest.raises(fv.Misuse, match="n = -1"):
        fv.alignment_matrices(problem_of(dfa, (2, 3, 2)), 1, -1)


def early(widths, feedback, t):
    """W_1 and W_2 of a linear flow from zero; F_1 = I, so that they are A_1 and A_2."""
    net, size = fv.MLP(widths, "linear"), list(zip(widths[1:], widths, strict=False))
    problem = fv.FlowProblem(
        net, fv.rules.DirectFeedbackAlignment(), weights=[[[0] * n for _ in range(m)] for m, n in size],
        feedback=feedback, inputs=[[1, 2], [-1, 1]], targets=[[1, 0], [2, -1]],
    )  # fmt: skip
    return fv.integrate(problem, t=t, digits=40).weights(t)


@pytest.mark.parametrize(
    ("widths", "feedback", "order"),
    [((2, 2, 2), [[[1, 0], [0, 1]]], 5), ((2, 2, 2, 2), [[[1, 0], [0, 1]], [[1, 1], [0, 2]]], 9)],
)
def test_data_enter_through_their_correlation(widths, feedback, order):
    """A_2 − ½t²Σ_yxΣ_yxᵀ falls as t^{2^L+1}."""
    x, y = mpmath.matrix([[1, 2], [-1, 1]]), mpmath.matrix([[1, 0], [2, -1]])
    sigma = y * x.T
    found = []
    for t in (Fraction(1, 100), Fraction(1, 200)):
        above = mpmath.matrix((feedback[1:] or feedback)[0]).T  # W_2 = F_2ᵀA_2F_1, and F_1 = I
        second = mpmath.inverse(above) * mpmath.matrix(early(widths, feedback, t)[1].tolist())
        found.append(mpmath.norm(second - sigma * sigma.T * mpmath.mpf(t.numerator) ** 2 / t.denominator**2 / 2))
    assert abs(mpmath.log(found[0] / found[1], 2) - order) < 0.2
