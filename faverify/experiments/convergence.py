"""Theorem 2, repaired, at random cases: the exponential rate, and which least-squares solution the flow reaches.

Two linear layers, one output, X the n × d matrix of samples (the transpose of the inputs), w = W₁ᵀW₂ᵀ, r = y − Xw.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import mpmath

from ..flows.integrate import FLOAT, integrate
from .exact import array, definite, identity, independent, inverse, norm2, off_span
from .looking import eigenvalues, followed, moments, noise, precise, read, reals, record
from .potentials import betas
from .random_problems import NARROW, aligned_pair, between, pair, rounded, scaled
from .trials import generator

TIME = Fraction(1)
REACH = (0.1, 1.0)  # of ‖Xᵀζ‖ in the limit: further off alignment grows, and the bound is far from sharp
SPREAD = 6  # of the fastest and the slowest rate of problems followed until they rest, so that this takes few steps
FIRST, NEAR = 4, 1e-5  # the first time at which a rough path is looked at; until its residual is so small
LATEST = 256  # the time by which a path must rest
REST = 1  # powers of ten by which the residual that is aimed at lies below what is asked for


def decayed(case: int, seed: int, digits: int) -> dict[str, Any]:
    """RK-T2-rate at one random pair of linear layers (`aligned_pair`), t = 1."""
    return {"case": case, **shown_decayed(aligned_pair(generator(seed, case), REACH), digits)}


def decayed_again(example: dict[str, Any]) -> dict[str, Any]:
    return shown_decayed(*read(example))


def rate(feedback2: Any, ratio2: Any, smallest: Any) -> Any:
    """a s_min(X)² with a = ‖B‖²(1 − ρ²/2)."""
    return feedback2 * (1 - ratio2 / 2) * smallest


def shown_decayed(problem: Any, digits: int) -> dict[str, Any]:
    """What the path shows of ‖r(t)‖ ≤ e^{−a s_min² t}‖r(0)‖. Control: twice that rate."""
    path = followed(problem, TIME, digits)
    with precise(path.digits):
        data = {name: reals(rows) for name, rows in problem.data.items()}
        bound, feedback2 = proved_rate(data), norm2(data["B2"])
        found = [(t, residual(data, now)) for t, now in moments(path)]
        start, floor = found[0][1], noise(path)
        beyond = max(r - mpmath.exp(-bound * t) * start for t, r in found)
        twice = max(r - mpmath.exp(-2 * bound * t) * start for t, r in found)
        control = {"violated": bool(twice > floor) if start > floor else None, "beyond_twice": twice}
        slowest = min((-mpmath.log(r / start) / t for t, r in found if t and r > floor), default=mpmath.inf)
        measures = {"beyond": beyond, "bound_by_measured_rate": bound / slowest}
        return record(problem, digits, path, TIME, bool(beyond <= floor and feedback2), control, measures)


def proved_rate(data: dict[str, Any]) -> Any:
    """The rate of the theorem, from the start."""
    feedback2 = norm2(data["B2"])
    ratio2 = eigenvalues(data["W1"] @ data["W1"].T)[-1] / feedback2
    return rate(feedback2, ratio2, eigenvalues(data["x"].T @ data["x"])[0])


def residual(data: dict[str, Any], now: dict[str, Any]) -> Any:
    """‖y − Xw‖."""
    return mpmath.sqrt(norm2(data["y"] - now["W2"] @ now["W1"] @ data["x"]))


# The limit


def rested(case: int, seed: int, digits: int) -> dict[str, Any]:
    """RK-T2-minnorm at one random start (`half_off`), or, as often, from W₁(0)P in place of W₁(0); until it rests."""
    draw = generator(seed, case)
    problem = half_off(draw) if draw.integers(2) else projected(half_off(draw))
    return {"case": case, **shown_rested(problem, digits)}


def rested_again(example: dict[str, Any]) -> dict[str, Any]:
    return shown_rested(*read(example))


def half_off(draw: Any) -> Any:
    """W₂(0) = B and W₁(0) = C X + q zᵀ with q ⊥ B and z ⊥ the samples: so w(0) is in their span, W₁(0)'s rows are not.

    Input width 2–4, hidden width 2–4, 1–2 samples, fewer than the input width, each uniform; entries of x, B, C, q, z
    normal before they are projected and scaled; targets normal with variance 4. Drawn again until
    6 (‖B‖² − ½‖W₁(0)‖²) s_min(X)² > ‖X‖²(‖B‖² + ‖W₁(0)‖²).
    """
    while True:
        d, m = between(draw, (2, NARROW[1])), between(draw, (2, NARROW[1]))
        x, B = array(rounded(draw, d, between(draw, (1, min(2, d - 1))))), array(rounded(draw, 1, m))
        inside, q, z = rounded(draw, m, len(x[0])), array(rounded(draw, m, 1)), array(rounded(draw, d, 1))
        y = array(rounded(draw, 1, len(x[0]), 2.0))
        if not (independent(x) and B.any()):
            continue
        q, z = q - B.T @ (B @ q) / norm2(B), off_span(x) @ z
        size = math.sqrt(float(norm2(B)))
        inside = array(scaled(inside, size * float(draw.uniform(0.2, 0.7)))) @ x.T
        first = inside / (1 + round(math.sqrt(float(norm2(x)))))
        W1 = first + q @ z.T * Fraction(1, 2 + round(2 * math.sqrt(float(norm2(q) * norm2(z))) / size))
        slow, fast = norm2(B) - norm2(W1) / 2, norm2(x) * (norm2(B) + norm2(W1))
        quick = definite(SPREAD * slow * (x.T @ x) - fast * identity(len(x[0])))
        if quick and (off_span(x) @ W1.T).any():
            return pair(W1, B, B, x, y)


def projected(problem: Any) -> Any:
    """The same with the rows of W₁(0) projected to span(Xᵀ)."""
    W1, W2, B, x, y = (array(problem.data[name]) for name in ("W1", "W2", "B2", "x", "y"))
    return pair(W1 - W1 @ off_span(x), W2, B, x, y)


def lifted(problem: Any) -> Any:
    """The same with q zᵀ added to W₁(0), q ⊥ W₂(0) and z ⊥ the samples: w(0) stays, the rows leave span(Xᵀ)."""
    W1, W2, B, x, y = (array(problem.data[name]) for name in ("W1", "W2", "B2", "x", "y"))
    q, z = (max(off_span(columns).T.tolist(), key=lambda row: sum(map(abs, row))) for columns in (W2.T, x))
    return pair(W1 + array([q]).T @ array([z]) / 2, W2, B, x, y)


def shown_rested(problem: Any, digits: int) -> dict[str, Any]:
    """What a path shows of its limit: w_MN + P⊥W₁(0)ᵀW₂(∞)ᵀ, and w_MN where the rows of W₁(0) are in span(Xᵀ).

    It is followed until its residual is below 10^(−digits/2); the limit then differs from w by less than some multiple
    of it. Control: w_MN off the span; where the rows are in it, in float64 from a start that is `lifted` off it.
    """
    x, first = array(problem.data["x"]), array(problem.data["W1"])
    spanned = not (off_span(x) @ first.T).any()
    path, end, found = limit_of(problem, digits)
    with precise(path.digits):
        left = found["residual"]
        near = 10 * left * found["reach"] + noise(path)
        holds = found["gap"] <= near and (found["from_minimum_norm"] <= near) == spanned
        literal, least = found["from_minimum_norm"], near
        if spanned:
            other = limit_of(lifted(problem), FLOAT)[2]
            literal, least = other["from_minimum_norm"], mpmath.mpf(NEAR)
        control = {"violated": bool(literal > least), "from_minimum_norm": literal}
        holds = bool(holds and left <= mpmath.mpf(10) ** -(digits // 2))
        measures = {"gap": found["gap"], "residual": left}
        return record(problem, digits, path, end, holds, control, measures) | {"rows_in_span": spanned}


def predicted(minimum: Any, off: Any, first: Any, W2: Any) -> Any:
    """The limit: w_MN + P⊥W₁(0)ᵀW₂(∞)ᵀ."""
    return minimum + off @ first.T @ W2.T


def limit_of(problem: Any, digits: int) -> tuple[Any, Fraction, dict[str, Any]]:
    """The path to where it rests, the time, and how far w is there from what is predicted and from w_MN."""
    x, y, first = (array(problem.data[name]) for name in ("x", "y", "W1"))
    with precise(digits):
        data = {name: reals(rows) for name, rows in problem.data.items()}
        end = rest(problem, mpmath.mpf(digits) / 2 + REST) or Fraction(LATEST)
        path = followed(problem, end, digits)
        now = dict(zip(("W1", "W2"), path.weights(), strict=True))
        w, minimum = now["W1"].T @ now["W2"].T, reals(x @ inverse(x.T @ x) @ y.T)
        gap = w - predicted(minimum, reals(off_span(x)), reals(first), now["W2"])
        return path, end, {
            "gap": mpmath.sqrt(norm2(gap)),
            "from_minimum_norm": mpmath.sqrt(norm2(w - minimum)),
            "residual": residual(data, now),
            "reach": 1 / mpmath.sqrt(eigenvalues(data["x"].T @ data["x"])[0]),
        }  # fmt: skip


# When a path rests, and how fast it does


def rest(problem: Any, places: Any, latest: int = LATEST) -> Fraction | None:
    """About when the residual is below 10^(−places), by a path in float64 and the rate that it leads to.

    None where that is later than `latest`.
    """
    data = {key: reals(rows) for key, rows in problem.data.items()}
    end = FIRST
    while end <= latest:
        path = integrate(problem, end, digits=FLOAT)
        now = {f"W{label}": W for label, W in zip(problem.net.labels, path.weights(), strict=True)}
        left = mpmath.sqrt(norm2(data["y"] - (data["x"].T @ solution(problem, now)).T))
        rate = slowest(problem, now)
        if left <= NEAR and rate > 0:
            more = mpmath.log(max(left, mpmath.mpf(10) ** -FLOAT)) + places * mpmath.log(10)
            found = Fraction(math.ceil(end + max(more, 0) / rate))
            return found if found <= latest else None
        end *= 2
    return None


def solution(problem: Any, now: dict[str, Any]) -> Any:
    """w, a column: what the network computes."""
    found = now["W1"].T
    for label in list(problem.net.labels)[1:]:
        found = found @ now[f"W{label}"].T
    return found


def slowest(problem: Any, now: dict[str, Any]) -> Any:
    """λ_min(XHXᵀ), H = Σ_l (W_L ⋯ W_{l+1}β_l) J_{l−1}ᵀJ_{l−1}; for two layers H = αI + W₁ᵀW₁."""
    x, depth = reals(problem.data["x"]), problem.net.depth
    total, image = 0, x  # J_{l−1}Xᵀ
    for label, beta in zip(problem.net.labels, betas(problem), strict=True):
        ahead = reals(beta)
        for later in range(label + 1, depth + 1):
            ahead = now[f"W{later}"] @ ahead
        total = total + ahead[0, 0] * (image.T @ image)
        image = now[f"W{label}"] @ image
    return eigenvalues(total)[0]
