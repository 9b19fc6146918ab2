"""Two linear layers with several outputs at random cases: ‖BᵀR‖ never rises, though ‖R‖ may.

R = Y − W₂W₁x (k × samples), M = BBᵀ, S = W₂Bᵀ; C₀ = MS + SᵀM − BW₁W₁ᵀBᵀ is constant along the flow.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import mpmath

from .exact import array, definite, identity, independent, norm2
from .looking import climb, eigenvalues, followed, moments, noise, precise, read, reals, record
from .random_problems import FEW, NARROW, between, pair, rounded, scaled
from .trials import generator

TIME = Fraction(2)
SKEW = (1, 4)  # the size of K in W₂(0) = (I + K)B: what turns R about, and lets it grow
SHARE = Fraction(9, 10)


def shrinking(case: int, seed: int, digits: int) -> dict[str, Any]:
    """RK-T2-multi at one random pair of layers (`skewed` or `isometric`, alike), t = 2."""
    draw = generator(seed, case)
    problem = skewed(draw) if draw.integers(2) else isometric(draw)
    return {"case": case, **shown_shrinking(problem, digits)}


def shrinking_again(example: dict[str, Any]) -> dict[str, Any]:
    return shown_shrinking(*read(example))


def constant(B: Any, W1: Any, W2: Any) -> Any:
    """C₀ = MS + SᵀM − BW₁W₁ᵀBᵀ."""
    M, S = B @ B.T, W2 @ B.T
    return M @ S + S.T @ M - B @ W1 @ W1.T @ B.T


def data_of(draw: Any, d: int, k: int) -> tuple[Any, Any]:
    samples = between(draw, (1, min(FEW[1], d)))
    return array(rounded(draw, d, samples)), array(rounded(draw, k, samples, 2.0))


def skewed(draw: Any) -> Any:
    """W₂(0) = (I + K)B with K skew, so that MS + SᵀM = 2M² whatever K is; W₁(0) so small that C₀ is positive definite.

    Outputs 2–3, hidden width from there to 4, input width 1–4, samples 1–3 and at most the input width, each uniform;
    entries of x and B normal, of Y normal with variance 4, of K uniform in ±[1, 4]; W₁(0) normal, halved as needed.
    """
    while True:
        k, d = between(draw, (2, 3)), between(draw, NARROW)
        B, W1 = array(rounded(draw, k, m := between(draw, (k, NARROW[1])))), array(rounded(draw, m, d))
        K = identity(k) * 0
        for i, j in itertools.combinations(range(k), 2):
            size = Fraction(round(float(draw.uniform(*SKEW)) * 64), 64) * (1 - 2 * int(draw.integers(2)))
            K[i, j], K[j, i] = size, -size
        x, y = data_of(draw, d, k)
        if not (independent(x) and definite(B @ B.T)):
            continue
        W2 = (identity(k) + K) @ B
        while not definite(constant(B, W1, W2)):
            W1 = W1 / 2
        return pair(W1, W2, B, x, y)


def isometric(draw: Any) -> Any:
    """BBᵀ = I, W₂(0) = B and q = ‖BW₁(0)‖²_op < 2: B has the first rows of a reflection, which is rational.

    Outputs 2–3, hidden width from there to 4, input width 1–4, samples 1–3 and at most the input width, each uniform;
    entries of x, W₁ and of the reflection's normal are normal, of Y normal with variance 4; q/2 at most uniform in
    [0.04, 0.81].
    """
    while True:
        k, d = between(draw, (2, 3)), between(draw, NARROW)
        m = between(draw, (k, NARROW[1]))
        normal, W1 = array(rounded(draw, m, 1)), array(rounded(draw, m, d))
        x, y = data_of(draw, d, k)
        if not (independent(x) and normal.any()):
            continue
        B = (identity(m) - 2 * (normal @ normal.T) / norm2(normal))[:k]
        W1 = array(scaled(W1, float(draw.uniform(0.2, 0.9)) * math.sqrt(2)))
        return pair(W1, B, B, x, y)


def weighed(B: Any, R: Any) -> Any:
    """½‖BᵀR‖², which never rises."""
    return norm2(B.T @ R) / 2


def rate(q: Any, smallest: Any) -> Any:
    """(1 − q/2) λ_min(XXᵀ)."""
    return (1 - q / 2) * smallest


def shown_shrinking(problem: Any, digits: int) -> dict[str, Any]:
    """What the path shows of ‖BᵀR‖ and, where M = I and W₂(0) = B, of the rate (1 − q/2)λ_min(XXᵀ).

    Controls: plain ‖R‖, which may rise where M ≠ I; and, where M = I, twice the rate.
    """
    B, W1, W2 = (array(problem.data[name]) for name in ("B2", "W1", "W2"))
    plain = bool((identity(len(B)) == B @ B.T).all() and (W2 == B).all())
    path = followed(problem, TIME, digits)
    with precise(path.digits):
        data = {name: reals(rows) for name, rows in problem.data.items()}
        found = [(t, data["y"] - now["W2"] @ now["W1"] @ data["x"]) for t, now in moments(path)]
        floor = noise(path)
        rise = climb(weighed(data["B2"], R) for _, R in found)
        holds = rise <= floor and definite(constant(B, W1, W2))
        measures = {"rise": rise}
        if plain:
            image = data["B2"] @ data["W1"]
            slow = rate(eigenvalues(image @ image.T)[-1], eigenvalues(data["x"].T @ data["x"])[0])
            start = mpmath.sqrt(norm2(found[0][1]))
            sizes = [(t, mpmath.sqrt(norm2(R))) for t, R in found]
            beyond, twice = (max(r - mpmath.exp(-c * slow * t) * start for t, r in sizes) for c in (1, 2))
            holds, measures = holds and beyond <= floor, measures | {"beyond": beyond}
            control = {"violated": bool(twice > floor) if start > floor else None, "beyond_twice": twice}
        else:
            up = climb(norm2(R) / 2 for _, R in found)
            control = {"violated": bool(up > floor), "rise_of_plain": up}
        return record(problem, digits, path, TIME, bool(holds), control, measures)
