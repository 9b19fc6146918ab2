"""Degeneracy breaking: which sign copies of a zero-loss point are stable under direct feedback alignment.

Two layers, one output: f = v·φ(Wx), with K hidden units and d inputs, and feedback F. Let U = (v_kφ′(h_k)x for each k,
then φ(h_k) for each k), so that e = U·δ for a small move δ of (W, v) off zero loss. The flow of DFA, linearised there,
is δ̇ = −D S δ with S = E UUᵀ and D = diag(F_k/v_k, d times each, then 1, K times).

The method: if S is positive definite, −DS is similar to −S^{1/2} D S^{1/2}, which has the inertia of −D (Sylvester).
So all eigenvalues are real, none is 0, and d·#{k : v_kF_k < 0} of them are positive: an exact count, once it is shown
that S is positive definite. That is done by its pivots, over the rationals where φ allows it and over balls otherwise.
ReLU and the identity are excluded of themselves: there φ(h_k) = w_k·φ′(h_k)x, and S is singular.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

from ..errors import Misuse, UnsupportedOperation
from ..flows.balls import ball, precision
from ..flows.problems import number
from ..model.activations import Activation, activation_named, erf, exp, pi, sqrt

BITS = (64, 256, 1024)  # of balls, in turn, until every pivot has a sign
MOST = 10  # units whose sign copies are all counted: 1,024
Matrix = list[list[Any]]
# φ(h) = erf(h/√2), as in the equations of order parameters
ERF = Activation(
    lambda h: erf(h / sqrt(0 * h + 2)), lambda h: 2 * exp(-h * h / 2) / sqrt(2 * pi(h)), name="erf(h/√2)", kinks=()
)


@dataclass(frozen=True)
class UnstableDirections:
    """How many eigenvalues of the linearised flow have a positive real part.

    `count`: of `dimension` = K(d + 1); None where S was not shown to be positive definite, and `why` says so. `how`:
    "rationals" or "balls". `least`: the least pivot of S; None where one is no number that floats have.
    """

    count: int | None
    dimension: int
    how: str
    least: float | None
    why: str = ""

    @property
    def stable(self) -> bool | None:
        """Whether there is none; None where they were not counted."""
        return None if self.count is None else self.count == 0


def unstable_directions(weights: Any, v: Any, F: Any, inputs: Any = None, activation: Any = ERF) -> UnstableDirections:
    """The number of unstable directions of DFA at a zero-loss point of a two-layer network, exactly.

    Shapes: weights (K, d), v (K), F (K), inputs (d, samples), each sample as likely; None: x is standard normal, with
    φ = erf(h/√2). Numbers are Fractions, integers, decimal strings, or floats, which mean their exact binary value.

    Raises: Misuse for shapes that do not conform, for some v_kF_k = 0, for another φ with normal inputs.

    Scope: this point, at zero loss; what happens far from it is not told.

    Algorithm: pivots of S = E UUᵀ without exchange. Each is positive if and only if S is positive definite; a ball
    that excludes 0 decides, and else the precision is raised, to 1,024 bits.

    References: Refinetti, d'Ascoli, Ohana & Goldt 2021 (degeneracy breaking); the count: derived here, no source
    known. Inertia: Horn & Johnson 2013, theorem 4.5.8.

    Examples
    --------
    >>> import faverify as fv
    >>> fv.unstable_directions([[1, 0], [1, 2]], v=[1, 1], F=[2, -3]).count
    2
    """
    W, v, F = _rows("weights", weights), _numbers("v", v), _numbers("F", F)
    K, d = len(W), len(W[0])
    if len(v) != K or len(F) != K:
        raise Misuse("v, F", (len(v), len(F)), f"{K} numbers each, one for each row of weights")
    if any(a * b == 0 for a, b in zip(v, F, strict=True)):
        raise Misuse("v, F", (v, F), "v_kF_k ≠ 0 for every k: otherwise the count does not follow from signs")
    x = None if inputs is None else _rows("inputs", inputs)
    if x is not None and len(x) != d:
        raise Misuse("inputs", f"{len(x)} rows", f"{d} rows, one for each column of weights; samples are columns")
    phi = activation_named(activation)
    if x is None and phi is not ERF:
        raise Misuse("activation", phi.name, "samples in inputs; closed forms for normal inputs are known of ERF only")
    if phi.phi is None:
        raise Misuse("activation", phi.name, "one with values, such as 'tanh'")
    pivots, how = _pivots(W, v, x, phi)
    dimension, least = K * (d + 1), _least(pivots)
    if len(pivots) < dimension or not pivots[-1] > 0:
        found = "is not positive definite" if how == "rationals" else f"was not decided with {BITS[-1]} bits"
        why = f"E UUᵀ {found}: pivot {len(pivots)} of {dimension} is {pivots[-1]}"
        return UnstableDirections(None, dimension, how, least, why)
    return UnstableDirections(d * sum(a * b < 0 for a, b in zip(v, F, strict=True)), dimension, how, least)


def sign_copies(
    weights: Any, v: Any, F: Any, inputs: Any = None, activation: Any = ERF
) -> dict[tuple[int, ...], UnstableDirections]:
    """The unstable directions at each sign copy (w_k, v_k) ↦ ±(w_k, v_k), by the signs of v there.

    Where φ is odd at the fields met, h = Wx at the samples, all 2^K copies compute the same there. Exactly one is
    stable, sign v = sign F, where they were counted.

    Raises: Misuse as `unstable_directions`, and for more than 10 units or a φ that is not odd at the fields met.

    Examples
    --------
    >>> copies = sign_copies([[1, 0], [1, 2]], v=[1, 1], F=[2, -3])
    >>> [signs for signs, found in copies.items() if found.stable]
    [(1, -1)]
    """
    W, start = _rows("weights", weights), _numbers("v", v)
    if len(W) > MOST:
        raise Misuse("weights", f"{len(W)} rows", f"at most {MOST}: there are 2^K copies")
    phi = activation_named(activation)
    at = None if phi.phi is None or phi is ERF else _not_odd(phi, _fields(W, inputs))
    if at is not None:
        told = f"{phi.name}, with φ(−h) ≠ −φ(h) at h = {float(at):g}"
        raise Misuse("activation", told, "an odd φ, such as 'erf' or 'tanh': else a copy is another function")
    found = {}
    for flips in product((1, -1), repeat=len(W)):
        rows = [[flip * w for w in row] for flip, row in zip(flips, W, strict=True)]
        there = [flip * a for flip, a in zip(flips, start, strict=True)]
        signs = tuple(1 if a > 0 else -1 for a in there)
        found[signs] = unstable_directions(rows, there, F, inputs, activation)
    return found


# E UUᵀ and its pivots


def _pivots(W: Matrix, v: list[Any], x: Matrix | None, phi: Activation) -> tuple[list[Any], str]:
    if x is not None:
        try:
            return _eliminated(_gram(W, v, x, phi)), "rationals"
        except UnsupportedOperation:  # φ is transcendental
            pass
    for bits in BITS:
        with precision(bits):
            rows, heads = [[ball(w) for w in row] for row in W], [ball(a) for a in v]
            samples = None if x is None else [[ball(a) for a in row] for row in x]
            S = _normal(rows, heads) if samples is None else _gram(rows, heads, samples, phi)
            pivots = _eliminated(S)
        if len(pivots) == len(S) and pivots[-1] > 0:
            break
    return pivots, "balls"


def _eliminated(S: Matrix) -> list[Any]:
    """The pivots of a symmetric matrix, up to the first that is not known to be positive."""
    S, pivots = [list(row) for row in S], []
    for k in range(len(S)):
        pivots.append(S[k][k])
        if not S[k][k] > 0:  # of a ball: not certain
            break
        for i in range(k + 1, len(S)):
            part = S[i][k] / S[k][k]
            for j in range(k + 1, i + 1):
                S[i][j] = S[j][i] = S[i][j] - part * S[k][j]
    return pivots


def _gram(W: Matrix, v: list[Any], x: Matrix, phi: Activation) -> Matrix:
    """The mean of UUᵀ over samples."""
    columns: Iterator[tuple[Any, ...]] = zip(*x, strict=True)
    S, count = None, len(x[0])
    for sample in columns:
        h = [_dot(row, sample) for row in W]
        U = [a * phi.dphi(b) * s for a, b in zip(v, h, strict=True) for s in sample]  # type: ignore[misc]
        U += [phi.phi(b) for b in h]  # type: ignore[misc]
        outer = [[a * b for b in U] for a in U]
        S = outer if S is None else [[a + b for a, b in zip(*rows, strict=True)] for rows in zip(S, outer, strict=True)]
    assert S is not None  # there is a sample
    return [[a / count for a in row] for row in S]


def _normal(W: Matrix, v: list[Any]) -> Matrix:
    """E UUᵀ for standard normal x and φ = erf(h/√2): φ′(w·x) is a weight, given which x has another covariance."""
    K, d = len(W), len(W[0])
    zero, two_over_pi = 0 * v[0], 2 / pi(v[0])
    unit = [[zero + (i == j) for j in range(d)] for i in range(d)]
    S = [[zero] * (K * (d + 1)) for _ in range(K * (d + 1))]
    for k in range(K):
        given, mass = _given(unit, W[k])
        for m in range(K):
            twice, more = _given(given, W[m])
            scale = two_over_pi * v[k] * v[m] / sqrt(mass * more)
            for i, j in product(range(d), repeat=2):
                S[k * d + i][m * d + j] = scale * twice[i][j]  # E v_kφ′_k x_i v_mφ′_m x_j
            pulled = [_dot(row, W[m]) for row in given]
            scale = two_over_pi * v[k] / sqrt(mass * (1 + _dot(W[m], pulled)))
            for i in range(d):
                S[k * d + i][K * d + m] = S[K * d + m][k * d + i] = scale * pulled[i]  # E v_kφ′_k x_i φ_m
            ratio = _dot(W[k], W[m]) / sqrt((1 + _dot(W[k], W[k])) * (1 + _dot(W[m], W[m])))
            S[K * d + k][K * d + m] = two_over_pi * ratio.asin()  # E φ_kφ_m
    return S


def _given(cov: Matrix, w: list[Any]) -> tuple[Matrix, Any]:
    """The covariance of x under the weight e^{−(w·x)²/2}, and by how much the determinant of its inverse grows."""
    moved = [_dot(row, w) for row in cov]
    mass = 1 + _dot(w, moved)
    return [
        [c - a * b / mass for c, b in zip(row, moved, strict=True)] for row, a in zip(cov, moved, strict=True)
    ], mass


def _dot(a: Any, b: Any) -> Any:
    first, *rest = (x * y for x, y in zip(a, b, strict=True))
    return sum(rest, start=first)


def _least(pivots: list[Any]) -> float | None:
    try:
        found = [float(p.mid()) if hasattr(p, "mid") else float(p) for p in pivots]
    except OverflowError:
        return None
    return min(found) if all(map(math.isfinite, found)) else None


def _fields(W: Matrix, inputs: Any) -> list[Fraction]:
    """The h = Wx that occur; none where x is normal, whose φ is erf."""
    x = [] if inputs is None else _rows("inputs", inputs)
    if x and len(x) != len(W[0]):
        raise Misuse("inputs", f"{len(x)} rows", f"{len(W[0])} rows, one for each column of weights")
    return list(dict.fromkeys(_dot(row, sample) for row in W for sample in zip(*x, strict=True)))


def _not_odd(phi: Activation, fields: list[Fraction]) -> Fraction | None:
    """The first field with φ(−h) ≠ −φ(h), exactly, or as far as balls of 64 bits tell; None if there is none."""
    for h in fields:
        try:
            odd = phi.phi(h) == -phi.phi(-h)  # type: ignore[misc]
        except UnsupportedOperation:
            with precision(BITS[0]):
                odd = bool(phi.phi(ball(h)).overlaps(-phi.phi(ball(-h))))  # type: ignore[misc]
        if not odd:
            return h
    return None


def _rows(name: str, value: Any) -> Matrix:
    rows = [_numbers(name, row) for row in _listed(name, value, "a matrix: a list of rows of numbers")]
    if not rows or not rows[0] or any(len(row) != len(rows[0]) for row in rows):
        raise Misuse(name, value, "a matrix: rows of one length, and at least one number")
    return rows


def _numbers(name: str, value: Any) -> list[Fraction]:
    return [number(a, name) for a in _listed(name, value, "a list of numbers")]


def _listed(name: str, value: Any, expected: str) -> list[Any]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        raise Misuse(name, value, expected)
    return list(value)
