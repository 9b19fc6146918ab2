"""I₂, I₃, I₄ against quadrature that knows no closed form, against the formulas as printed; what they refuse."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy.special import erf

from faverify.errors import Misuse, NonFiniteError
from faverify.experiments.gaussian_integrals import I2, I3, I4, pairs, slopes, squares

RNG = np.random.default_rng(3)


def covariances(size: int, count: int = 6) -> list[np.ndarray]:
    """Random ones, of rank size and of lower rank, small and large."""
    found = []
    for rank in [size] * (count - 2) + [1, max(1, size - 1)]:
        A = RNG.normal(size=(size, rank)) * RNG.uniform(0.2, 1.5)
        found.append(A @ A.T)
    return found


def average(function, C: np.ndarray, points: int = 60) -> float:
    """E function(fields) by Gauss–Hermite quadrature over independent normals z, fields = root(C) z."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(points)
    values, vectors = np.linalg.eigh(C)
    kept = values > 1e-12 * values.max()
    root = vectors[:, kept] * np.sqrt(values[kept])
    grid = np.meshgrid(*[nodes] * root.shape[1], indexing="ij")
    z = np.array([axis.ravel() for axis in grid])
    mass = np.ones(1)
    for _ in range(root.shape[1]):
        mass = np.multiply.outer(mass, weights / weights.sum()).ravel()
    return float(mass @ function(*(root @ z)))


def phi(h):
    """erf(h/√2), by mpmath-independent means: 2Φ(h) − 1 from SciPy."""
    return erf(h / np.sqrt(2))


def dphi(h):
    return np.sqrt(2 / np.pi) * np.exp(-h * h / 2)


def test_the_convention_of_the_derivative():
    for h in (-1.3, 0.0, 0.4, 2.0):
        assert dphi(h) == pytest.approx(float(mpmath.diff(lambda x: mpmath.erf(x / mpmath.sqrt(2)), h)), rel=1e-12)


@pytest.mark.parametrize("C", covariances(2))
def test_i2_by_quadrature(C):
    assert I2(C) == pytest.approx(average(lambda a, b: phi(a) * phi(b), C, 200), abs=1e-7)


@pytest.mark.parametrize("C", covariances(3))
def test_i3_by_quadrature(C):
    assert I3(C) == pytest.approx(average(lambda a, b, c: dphi(a) * b * phi(c), C, 100), abs=1e-5)


@pytest.mark.parametrize("C", [C / (1 + np.trace(C)) for C in covariances(4)])
def test_i4_by_quadrature(C):
    found = average(lambda a, b, c, d: dphi(a) * dphi(b) * phi(c) * phi(d), C, 30)
    assert I4(C) == pytest.approx(found, abs=1e-8)


def test_to_thirteen_digits_by_a_double_integral():
    """Four fields of two normals z: a double integral, by Gauss–Legendre on [−10, 10]², beyond which is nothing."""
    A = np.array([[1.0, 0.0], [0.5, 0.75], [-0.25, 0.5], [0.5, -1.0]])
    C = A @ A.T
    nodes, weights = np.polynomial.legendre.leggauss(250)
    z = 10 * nodes
    mass = 10 * weights * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    a, b, c, d = np.tensordot(A, np.array(np.meshgrid(z, z, indexing="ij")), 1)
    for ours, integrand in (
        (I2(C[:2, :2]), phi(a) * phi(b)),
        (I3(C[:3, :3]), dphi(a) * b * phi(c)),
        (I4(C), dphi(a) * dphi(b) * phi(c) * phi(d)),
    ):
        assert ours == pytest.approx(mass @ integrand @ mass, rel=1e-13, abs=1e-15)


def as_printed(C: np.ndarray) -> float:
    """I₄ as in the appendix of Saad & Solla 1995, with Λ₀, Λ₁, Λ₂, Λ₄."""
    q = C
    L4 = (1 + q[0, 0]) * (1 + q[1, 1]) - q[0, 1] ** 2
    L0 = (
        L4 * q[2, 3]
        - q[1, 2] * q[1, 3] * (1 + q[0, 0])
        - q[0, 2] * q[0, 3] * (1 + q[1, 1])
        + q[0, 1] * q[0, 2] * q[1, 3]
        + q[0, 1] * q[0, 3] * q[1, 2]
    )
    L1, L2 = (
        L4 * (1 + q[i, i]) - q[1, i] ** 2 * (1 + q[0, 0]) - q[0, i] ** 2 * (1 + q[1, 1])
        + 2 * q[0, 1] * q[0, i] * q[1, i]
        for i in (2, 3)
    )  # fmt: skip
    return 4 / np.pi**2 / np.sqrt(L4) * np.arcsin(L0 / np.sqrt(L1 * L2))


def test_the_formulas_as_printed():
    stack = np.array(covariances(4, 20))
    np.testing.assert_allclose(I4(stack), [as_printed(C) for C in stack], rtol=1e-11, atol=1e-13)
    C = stack[:, :3, :3]
    L3 = (1 + C[:, 0, 0]) * (1 + C[:, 2, 2]) - C[:, 0, 2] ** 2
    printed = 2 / np.pi * (C[:, 1, 2] * (1 + C[:, 0, 0]) - C[:, 0, 1] * C[:, 0, 2]) / (np.sqrt(L3) * (1 + C[:, 0, 0]))
    np.testing.assert_allclose(I3(C), printed, rtol=1e-11, atol=1e-13)


def test_all_fields_at_once_are_the_integrals_one_by_one():
    """Also where indices coincide: the covariance of (a, a, c, d) has repeated rows."""
    C = covariances(4)[0]
    two, three, four = pairs(C), slopes(C, 2), squares(C, 2)
    for index in np.ndindex(2, 2, 4, 4):
        assert four[index] == pytest.approx(I4(C[np.ix_(index, index)]), rel=1e-11, abs=1e-14)
        assert three[index[1:]] == pytest.approx(I3(C[np.ix_(index[1:], index[1:])]), rel=1e-11, abs=1e-14)
        assert two[index[2:]] == pytest.approx(I2(C[np.ix_(index[2:], index[2:])]), rel=1e-11, abs=1e-14)


def test_what_is_no_covariance_is_refused():
    with pytest.raises(Misuse, match="a covariance of 2 fields"):
        I2(np.eye(3))
    with pytest.raises(Misuse, match="a symmetric matrix"):
        I2([[1, 0.5], [0, 1]])
    with pytest.raises(Misuse, match="without negative eigenvalues"):
        I2([[1, 2], [2, 1]])
    with pytest.raises(NonFiniteError):
        I3(np.full((3, 3), np.nan))
    with pytest.raises(Misuse, match="4 × 4 matrix of numbers"):
        I4("covariance")


@pytest.mark.parametrize("beside", [np.diag([1e7, 1.0]), np.diag([1e-7, 1e-9])])
def test_a_stack_is_checked_matrix_by_matrix(beside):
    """What is no covariance alone is none beside a far larger one, nor inside a larger matrix."""
    wrong = np.array([[0.2, 5.0], [5.0, 1.0]])
    for stack in ([beside, wrong], [wrong, beside], [1e10 * beside, wrong]):
        with pytest.raises(Misuse, match="without negative eigenvalues"):
            I2(stack)
    block = np.zeros((4, 4))
    block[:2, :2], block[2:, 2:] = beside, wrong
    with pytest.raises(Misuse, match="without negative eigenvalues"):
        I4(block)
    with pytest.raises(Misuse, match="without negative eigenvalues"):
        I2([beside, 1e-12 * wrong])


@pytest.mark.parametrize("size", [1.0, 1e4, 1e8])
def test_large_entries_keep_half_of_the_digits(size):
    """One field, C = size·1: E φ′(a)aφ(a) and E φ′(a)²φ(a)², whose conditioned variance is size/(1 + size)."""
    given = size / (1 + size)
    assert I3(np.full((3, 3), size)) == pytest.approx(2 / np.pi * given / np.sqrt((1 + size) * (1 + given)), rel=1e-7)
    twice, mass = size / (1 + 2 * size), np.sqrt(1 + 2 * size)
    expected = 4 / np.pi**2 / mass * np.arcsin(twice / (1 + twice))
    assert I4(np.full((4, 4), size)) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("size", [1e9, 1e16, 1e150, 1e300])
def test_entries_beyond_float64_are_refused_or_do_not_matter(size):
    assert I2(np.full((2, 2), size)) == pytest.approx(1, abs=1e-4)
    for integral, fields in ((I3, 3), (I4, 4)):
        with pytest.raises(Misuse, match=r"entries up to 1e\+08"):
            integral(np.full((fields, fields), size))
