"""No root of a polynomial is missed."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from faverify.flows.roots import excluded, first_roots, least


def product_of(roots, tail):
    """Positive at 0, with these roots."""
    found = np.array([1.0])
    for root in roots:
        found = np.convolve(found, [1.0, -1.0 / root])
    return np.convolve(found, tail)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(0.02, 3.0), min_size=1, max_size=5),
    st.floats(0.0, 3.0),
    st.floats(0.5, 2.0),
)
def test_the_first_root_is_found(roots, bend, theta):
    roots = sorted(roots)
    assume(all(b - a >= 1e-2 for a, b in itertools.pairwise(roots)))
    assume(all(abs(root - theta) >= 1e-6 for root in roots))
    polynomial = product_of(roots, [1.0, 0.0, bend])[:, None]
    found = float(first_roots(polynomial, np.array([theta]))[0])
    if roots[0] < theta:
        assert abs(found - roots[0]) < 1e-9
        assert not excluded(polynomial, np.array([theta]))[0]
    else:
        assert found == np.inf


@pytest.mark.parametrize("gap", [1e-3, 1e-6, 1e-7])
def test_a_pair_of_near_roots_is_not_jumped_over(gap):
    """A guard that dips below 0 for a moment, of degree 20."""
    dip = product_of([0.4, 0.4 + gap], np.exp(-np.arange(19)))[:, None]
    assert abs(float(first_roots(dip, np.array([1.0]))[0]) - 0.4) < max(gap, 1e-6)


def test_a_start_at_zero_is_a_root_at_zero():
    assert first_roots(np.array([[0.0], [1.0]]), np.array([1.0]))[0] == 0.0


def test_least_values():
    values = least(np.array([[1.0, 0.5], [-4.0, 1.0], [4.0, 0.0]]), np.array([1.0, 1.0]))
    assert values.tolist() == [0.0, 0.0]
    assert abs(least(np.array([[0.75], [-4.0], [4.0]]), np.array([1.0]))[0] + 0.25) < 1e-12
