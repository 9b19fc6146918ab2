"""The exact count against eigenvalues, against the flow's own Jacobian and Sturm; singular cases are refused."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
import sympy
from scipy.special import erf

import faverify as fv
from faverify.errors import Misuse
from faverify.experiments.degeneracies import ERF, _gram, _normal, sign_copies
from faverify.flows.balls import ball, precision

CUBIC = fv.Activation(lambda h: h + h**3, lambda h: 1 + 3 * h**2, name="h + h³", kinks=())


def drawn(seed: int, K: int, d: int, samples: int = 30):
    rng = np.random.default_rng(seed)
    signs = rng.choice((-1, 1), size=(2, K))
    v, F = signs * rng.integers(1, 9, size=(2, K)) / 4
    return rng.integers(-16, 17, size=(K, d)) / 8, v, F, rng.integers(-16, 17, size=(d, samples)) / 8


def field(W, v, F, x, target):
    """The flow of DFA over samples of one output, φ = erf(h/√2)."""
    h = W @ x
    phi, e = erf(h / np.sqrt(2)), v @ erf(h / np.sqrt(2)) - target
    slope = np.sqrt(2 / np.pi) * np.exp(-h * h / 2)
    return -(F[:, None] * slope * e) @ x.T / x.shape[1], -phi @ e / x.shape[1]


def jacobian(W, v, F, x):
    """Of that flow at zero loss, by central differences."""
    target, start, columns = v @ erf(W @ x / np.sqrt(2)), np.concatenate([W.ravel(), v]), []
    for unit in np.eye(start.size):
        ends = []
        for sign in (1, -1):
            there = start + sign * 1e-5 * unit
            dW, dv = field(there[: W.size].reshape(W.shape), there[W.size :], F, x, target)
            ends.append(np.concatenate([dW.ravel(), dv]))
        columns.append((ends[0] - ends[1]) / 2e-5)
    return np.array(columns).T


def positive(matrix) -> int | None:
    """Eigenvalues with positive real part; None where one is too near 0 for differences in floats to tell."""
    real = np.linalg.eigvals(matrix).real
    return int((real > 0).sum()) if np.abs(real).min() > 1e-8 else None


@pytest.mark.parametrize(("K", "d"), [(1, 2), (2, 1), (2, 2), (2, 3), (3, 2)])
def test_the_count_is_that_of_the_flows_eigenvalues(K, d):
    told = 0
    for seed in range(16):
        W, v, F, x = drawn(seed, K, d, 60)
        found, eigenvalues = fv.unstable_directions(W, v, F, x), positive(jacobian(W, v, F, x))
        assert (found.how, found.dimension) == ("balls", K * (d + 1))
        if eigenvalues is not None:
            assert found.count == eigenvalues
            told += 1
    assert told >= 3


def test_all_sign_copies():
    """Each copy against its own eigenvalues; one of 2^K is stable, with sign v = sign F."""
    for seed, K in ((1, 2), (2, 3)):
        W, v, F, x = drawn(seed, K, 2, 60)
        found = sign_copies(W, v, F, x)
        assert len(found) == 2**K
        assert [signs for signs, one in found.items() if one.stable] == [tuple(np.sign(F).astype(int))]
        for flips in itertools.product((1, -1), repeat=K):
            there = np.array(flips) * v
            copy = found[tuple(np.sign(there).astype(int))]
            assert copy.count == positive(jacobian(np.array(flips)[:, None] * W, there, F, x))


def test_back_propagation_leaves_every_copy_stable():
    """F = v at each copy: BP, the control, which must not select."""
    W, v, _, x = drawn(3, 2, 2, 60)
    for flips in itertools.product((1, -1), repeat=2):
        rows, there = np.array(flips)[:, None] * W, np.array(flips) * v
        assert fv.unstable_directions(rows, there, there, x).stable


def test_the_count_over_rationals_against_sturm():
    """φ = h + h³ with rational samples: the positive roots of the characteristic polynomial, counted exactly."""
    for seed in range(3):
        W, v, F, x = drawn(seed, 2, 2)
        found = fv.unstable_directions(W, v, F, x, CUBIC)
        assert found.how == "rationals"
        rows = [[[Fraction(a) for a in row] for row in part] for part in (W.tolist(), x.tolist())]
        S = sympy.Matrix(_gram(rows[0], [Fraction(a) for a in v], rows[1], CUBIC))
        D = sympy.diag(*[sympy.Rational(F[k]) / sympy.Rational(v[k]) for k in (0, 0, 1, 1)], 1, 1)
        polynomial = (-D * S).charpoly()
        assert polynomial.count_roots() == polynomial.degree()  # all are real
        assert found.count == polynomial.count_roots(0, None)
        assert polynomial.eval(0) != 0


def test_normal_inputs_against_quadrature():
    nodes, weights = np.polynomial.legendre.leggauss(200)
    nodes, weights = 9 * nodes, 9 * weights * np.exp(-81 * nodes**2 / 2) / np.sqrt(2 * np.pi)
    x = np.array([axis.ravel() for axis in np.meshgrid(nodes, nodes, indexing="ij")])
    mass = np.multiply.outer(weights, weights).ravel()
    W, v, _, _ = drawn(5, 2, 2)
    h = W @ x
    slope = np.sqrt(2 / np.pi) * np.exp(-h * h / 2)
    U = np.concatenate([v[k] * slope[k] * x for k in (0, 1)] + [erf(h / np.sqrt(2))])
    with precision(128):
        S = _normal([[ball(a) for a in row] for row in W.tolist()], [ball(a) for a in v])
        ours = np.array([[float(a.mid()) for a in row] for row in S])
    np.testing.assert_allclose(ours, (U * mass) @ U.T, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["relu", "linear", "power-2"])
def test_homogeneous_activations_are_excluded_of_themselves(name):
    """pφ(h_k) = w_k·φ′(h_k)x: S is singular, and nothing is counted."""
    W, v, F, x = drawn(1, 2, 2)
    found = fv.unstable_directions(W, v, F, x, name)
    assert (found.count, found.stable, found.how) == (None, None, "rationals")
    assert "is not positive definite: pivot" in found.why


def test_equal_units_and_too_few_samples_are_not_counted():
    twice = fv.unstable_directions([[1, 0], [1, 0]], [1, 2], [1, 1])
    assert twice.count is None
    assert "was not decided with 1024 bits" in twice.why
    few = fv.unstable_directions([[1, 0], [0, 1]], [1, 1], [1, 1], [[1, 2], [3, 5]], CUBIC)
    assert few.count is None


def test_close_units_take_more_bits():
    """Two units 2⁻⁴⁰ apart: S is next to singular, and still positive definite."""
    found = fv.unstable_directions([[1, 0], [1 + 2.0**-40, 2.0**-41]], [1, 1], [-1, 1])
    assert (found.count, found.how) == (2, "balls")
    assert found.least < 1e-20


def test_the_least_pivot_is_that_of_the_mean_over_samples():
    """Against Cholesky: its squared diagonal. The mean over samples, and not their sum."""
    W, v, F, x = drawn(1, 2, 2)
    h = W @ x
    U = np.concatenate([v[k] * (1 + 3 * h[k] ** 2) * x for k in (0, 1)] + [h + h**3])
    pivots = np.diag(np.linalg.cholesky(U @ U.T / x.shape[1])) ** 2
    assert fv.unstable_directions(W, v, F, x, CUBIC).least == pytest.approx(pivots.min(), rel=1e-6)


def test_floats_of_every_kind_mean_their_exact_binary_value():
    single, double = ([[np.float32(0.1)]], [[float(np.float32(0.1))]])
    given = {"v": [1], "F": [1], "inputs": [[1, 2]], "activation": CUBIC}
    assert fv.unstable_directions(single, **given).least == fv.unstable_directions(double, **given).least


def test_a_pivot_beyond_floats_has_no_least():
    assert fv.unstable_directions([[1e300, 0], [1e300, 2e300]], [1, 1], [1, 1]).least is None
    huge = fv.unstable_directions([[1e300]], [1], [1], [[1, 2]], CUBIC)
    assert (huge.least, huge.how) == (None, "rationals")


def test_a_phi_is_to_be_odd_at_the_fields_that_occur():
    """h + (h − 1/3)(h + 1/3)(h² − 4)(h² − 49/4): even but for its h, and odd at ±1/3, ±2 and ±7/2 all the same."""
    third = Fraction(1, 9)
    sly = fv.Activation(
        lambda h: h + (h * h - third) * (h * h - 4) * (h * h - Fraction(49, 4)),
        lambda h: 1 + 0 * h,
        name="sly",
        kinks=(),
    )
    with pytest.raises(Misuse, match=r"sly, with φ\(−h\) ≠ −φ\(h\) at h = 1'"):
        sign_copies([[1]], [1], [1], [[2, 1]], sly)
    assert len(sign_copies([[1]], [1], [1], [["1/3", 2]], sly)) == 2


def test_misuse():
    for changes, message in (
        ({"F": [1, 0]}, "v_kF_k ≠ 0"),
        ({"F": [1]}, "2 numbers each"),
        ({"inputs": [[1, 2]]}, "2 rows, one for each column"),
        ({"activation": "tanh"}, "closed forms for normal inputs"),
        ({"weights": [[1, 0], [1]]}, "rows of one length"),
        ({"weights": 3}, "a list of rows"),
        ({"v": 1}, "a list of numbers"),
        ({"v": "12"}, "a list of numbers"),
        ({"v": [1, True]}, "numbers"),
        ({"inputs": [[1], [2]], "activation": fv.homogeneous()}, "one with values"),
    ):
        with pytest.raises(Misuse, match=message):
            fv.unstable_directions(**({"weights": [[1, 0], [1, 2]], "v": [1, 1], "F": [1, -1]} | changes))
    with pytest.raises(fv.NonFiniteError, match="v holds inf"):
        fv.unstable_directions([[1, 0], [1, 2]], [1, float("inf")], [1, -1])
    with pytest.raises(Misuse, match="an odd φ"):
        sign_copies([[1, 0]], [1], [1], [[1, 2], [0, 1]], "softplus")
    with pytest.raises(Misuse, match="at most 10"):
        sign_copies(np.eye(11).tolist(), [1] * 11, [1] * 11)


def test_the_activation_is_that_of_the_equations():
    for h in (-1.5, 0.3, 2.0):
        assert ERF.phi(h) == pytest.approx(erf(h / np.sqrt(2)), rel=1e-14)
        assert ERF.dphi(h) == pytest.approx(np.sqrt(2 / np.pi) * np.exp(-h * h / 2), rel=1e-14)
