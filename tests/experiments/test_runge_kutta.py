"""The integrator against solutions that are known, and where it must stop."""

from __future__ import annotations

import numpy as np
import pytest

from faverify.errors import Misuse
from faverify.experiments.runge_kutta import DENSE, ERROR, STAGES, solve


def oscillator(y):
    return np.array([y[1], -y[0]])


def test_the_tableau_meets_its_conditions_of_order():
    """Σ b_i c_iᵏ = 1/(k + 1) for k < 5; both formulas agree up to order 4; the interpolant ends in the step."""
    nodes = np.array([0.0, *(row.sum() for row in STAGES)])
    b = np.append(STAGES[-1], 0)
    for k in range(5):
        assert b @ nodes**k == pytest.approx(1 / (k + 1), rel=1e-14)
        assert (abs(ERROR @ nodes**k) < 1e-15) == (k < 4)
    np.testing.assert_allclose(DENSE.sum(axis=1), b, atol=1e-14)
    for k in range(4):  # Σ_j b_j(θ) c_jᵏ = θ^{k+1}/(k + 1), coefficient by coefficient
        np.testing.assert_allclose(nodes**k @ DENSE, np.eye(4)[k] / (k + 1), atol=1e-13)


def test_values_between_steps():
    times = np.linspace(0, 20, 333)
    y, _, done = solve(oscillator, np.array([0.0, 1.0]), times, rtol=1e-9, atol=1e-12, most=10_000)
    assert done
    np.testing.assert_allclose(y[:, 0], np.sin(times), atol=1e-6)


def test_the_error_follows_the_tolerance():
    errors = []
    for rtol in (1e-4, 1e-6, 1e-8):
        y, _, _ = solve(oscillator, np.array([0.0, 1.0]), np.array([10.0]), rtol=rtol, atol=rtol, most=10_000)
        errors.append(abs(y[0, 0] - np.sin(10)))
    assert errors[0] > 10 * errors[1] > 100 * errors[2]


def test_arrays_keep_their_shape_and_times_may_start_late():
    y, _, done = solve(lambda y: -y, np.ones((2, 3)), np.array([1.0, 2.0]), rtol=1e-8, atol=1e-10, most=1000)
    assert done
    np.testing.assert_allclose(y, np.exp(-np.array([1, 2]))[:, None, None] * np.ones((2, 2, 3)), rtol=1e-6)


def test_it_stops_before_a_pole_and_at_its_budget():
    times = np.linspace(0, 2, 20)  # y' = y² from 1 has its pole at t = 1, between two of them
    y, _, done = solve(lambda y: y * y, np.ones(1), times, rtol=1e-6, atol=1e-9, most=100_000)
    assert not done
    assert len(y) == 10
    np.testing.assert_allclose(y[:, 0], 1 / (1 - times[:10]), rtol=1e-5)
    y, steps, done = solve(oscillator, np.array([0.0, 1.0]), times, rtol=1e-10, atol=1e-12, most=3)
    assert (steps, done) == (3, False)
    assert len(y) < 20


def test_the_first_step_is_no_smaller_than_a_millionth_of_the_way():
    """y' = 1 from 0, where y itself says nothing of a scale: from 10⁻³⁰² on it would take hundreds of steps."""
    y, steps, done = solve(np.ones_like, np.zeros(1), np.array([1.0]), rtol=1e-6, atol=1e-300, most=1000)
    assert done
    assert y[0, 0] == pytest.approx(1)
    assert steps < 20


def test_tolerances_beyond_floats_are_refused():
    with pytest.raises(Misuse, match="floats have no more digits"):
        solve(oscillator, np.ones(2), np.array([1.0]), rtol=1e-15, atol=1e-12, most=10)
