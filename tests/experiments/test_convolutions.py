"""Exact ranks of what direct feedback leads to beside what a convolution is."""

from __future__ import annotations

import random

import numpy as np
import pytest
import sympy

import faverify as fv
from faverify.experiments.convolutions import convolution_basis, generically_apart, meeting


@pytest.mark.parametrize(
    ("k", "channels", "length", "kernel"),
    [(2, (2, 2), 4, 3), (3, (2, 3), 5, 3), (5, (4, 4), 4, 2), (1, (1, 1), 3, 2), (4, (3, 2), 6, 6)],
)
def test_generic_feedback_meets_convolutions_in_zero_alone(k, channels, length, kernel):
    draw = np.random.default_rng(k)
    basis = convolution_basis(channels, length, kernel)
    upper, lower = draw.integers(-9, 10, (k, channels[0] * length)), draw.integers(-9, 10, (k, channels[1] * length))
    found = meeting(upper, lower, basis)
    assert k**2 + len(basis) <= upper.shape[1] * lower.shape[1]
    assert (found.family, found.convolutions) == (k**2, channels[0] * channels[1] * kernel)
    assert found.only_zero
    assert "heuristic" in str(found)


def test_where_there_is_no_room_they_must_meet():
    """k² + dim C > n_l n_{l−1}: the sum cannot be direct."""
    draw = np.random.default_rng(0)
    basis = convolution_basis((1, 1), 3, 3)
    found = meeting(draw.integers(-9, 10, (3, 3)), draw.integers(-9, 10, (3, 3)), basis)
    assert found.family + found.convolutions == 12
    assert found.sum_rank == 9
    assert not found.only_zero


def test_feedback_that_is_a_convolution_is_seen():
    """F_l = F_{l−1} = the mean over places: F_lᵀF_{l−1} is the convolution whose kernel is constant."""
    ones = np.ones((1, 4), dtype=int)
    found = meeting(ones, ones, convolution_basis((1, 1), 4, 4))
    assert not found.only_zero
    assert found.cosine == pytest.approx(1)


def test_the_basis_are_convolutions():
    draw = np.random.default_rng(1)
    weights, signal = draw.integers(-5, 6, (2, 3, 3)), draw.integers(-5, 6, (3, 5))
    basis = convolution_basis((2, 3), 5, 3)
    matrix = sum(w * m for w, m in zip(weights.ravel(), basis, strict=True))
    direct = np.array([[sum(weights[i, j, s] * signal[j, (p + s) % 5] for j in range(3) for s in range(3))
                        for p in range(5)] for i in range(2)])  # fmt: skip
    assert (matrix.astype(int) @ signal.ravel() == direct.ravel()).all()


def test_the_cosine_of_gaussian_feedback_is_about_the_root_of_the_share():
    draw, basis, cosines = np.random.default_rng(2), convolution_basis((2, 2), 8, 3), []
    for _ in range(60):
        upper, lower = (np.round(1000 * draw.standard_normal((4, 16))).astype(int) for _ in range(2))
        found = meeting(upper, lower, basis)
        cosines.append(found.cosine)
    rms = float(np.sqrt(np.mean(np.square(cosines))))
    assert abs(rms / found.expected - 1) < 0.1


def test_theorem_1_still_holds_with_shared_kernels():
    """What the heuristic says nothing about: the law, with feedback of the kernels' own shape."""
    net = fv.networks.Convolution(taps=(3, 2))
    verdict = fv.check(fv.laws.feedback_balance, fv.rules.FeedbackAlignment(), net)
    assert verdict.kind == "proved"


@pytest.mark.parametrize(
    ("upper", "lower", "basis"),
    [
        (np.ones((2, 4)) * 0.5, np.ones((2, 4), dtype=int), convolution_basis((1, 1), 4, 2)),
        (np.ones((2, 4), dtype=int), np.ones((3, 4), dtype=int), convolution_basis((1, 1), 4, 2)),
        (np.ones((2, 4), dtype=int), np.ones((2, 5), dtype=int), convolution_basis((1, 1), 4, 2)),
        (np.ones((2, 4), dtype=int), np.ones((2, 4), dtype=int), []),
    ],
)
def test_misuse_is_told(upper, lower, basis):
    with pytest.raises(fv.Misuse):
        meeting(upper, lower, basis)


def test_a_basis_that_is_not_of_whole_numbers_is_not_cut_to_them():
    """{u bᵀ : b_3 = 0} meets {F_lᵀAF_{l−1}} for every F, 2 × 2 and 2 × 3; its basis, cut to whole numbers, does not."""
    u = np.array([1, 0.9])
    basis = [np.outer(u, b) for b in ([1.0, 0, 0], [2.0, 3, 0])]
    whole = [np.round(10 * matrix).astype(int) for matrix in basis]
    assert generically_apart(2, whole).kind == "undecided"
    for bad in (basis, [], [np.ones((2, 6), dtype=int), np.ones((3, 4), dtype=int)], [np.ones(4, dtype=int)]):
        with pytest.raises(fv.Misuse, match="basis"):
            generically_apart(2, bad)
    with pytest.raises(fv.Misuse, match="basis"):
        meeting(np.eye(2, dtype=int), np.eye(2, 3, dtype=int), basis)
    for outputs in (0, -1, True):
        with pytest.raises(fv.Misuse, match="outputs"):
            generically_apart(outputs, whole)


@pytest.mark.parametrize("seed", range(6))
def test_room_is_not_enough(seed):
    """One tap, 3 channels, 2 places, k = 5: 25 + 9 ≤ 36, and a convolution a bᵀ is F_lᵀAF_{l−1} for every F."""
    basis = convolution_basis((3, 3), 2, 1)
    assert generically_apart(5, basis, seed).kind == "undecided"
    draw = random.Random(seed)
    F = [sympy.Matrix(5, 6, lambda i, j: draw.randint(-9, 9)) for _ in range(2)]
    left, right = (matrix.nullspace()[0].reshape(3, 2) for matrix in F)
    a, b = (part.T.nullspace()[0] for part in (left, right))
    convolution = sympy.kronecker_product(a * b.T, sympy.eye(2))
    upper, lower = ((matrix * matrix.T).inv() * matrix for matrix in F)
    assert convolution != sympy.zeros(6, 6)
    assert F[0].T * (upper * convolution * lower.T) * F[1] == convolution


@pytest.mark.parametrize(("channels", "length", "taps", "k"), [((2, 3), 6, 3, 3), ((1, 1), 5, 4, 1), ((3, 2), 4, 1, 3)])
def test_few_outputs_are_enough_whatever_the_feedback(channels, length, taps, k):
    """k ≤ length − taps: even feedback with many zeros has only 0 in common with convolutions."""
    assert k <= length - taps
    rows, cols = (n * length for n in channels)
    F = [[[int(i == j) for j in range(n)] for i in range(k)] for n in (rows, cols)]
    assert meeting(*F, convolution_basis(channels, length, taps)).only_zero
