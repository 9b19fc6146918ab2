"""Random flow problems, whose distribution is stated here and nowhere else."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from ..flows.problems import FlowProblem
from ..flows.training import steps
from ..model.networks import MLP
from ..model.rules import FeedbackAlignment
from .exact import array, definite, identity, independent, norm2

if TYPE_CHECKING:
    from numpy.random import Generator

GRID = 64  # entries are multiples of 1/64, so that a case can be read and is exact in binary
WIDTHS = (2, 6)
OUTPUTS = (1, 2)
SAMPLES = (1, 8)
DEPTHS = (2, 4)


def random_chain(draw: Generator, rule: Any, activation: Any = "relu", depths: tuple[int, int] = DEPTHS) -> FlowProblem:
    """A chain with feedback B_2 … B_L and the squared loss.

    Depth (number of maps) 2–4, input and hidden widths 2–6, outputs 1–2, samples 1–8, each uniform; entries of W_l
    and B_l normal with variance 1/n_{l−1}, inputs and targets standard normal, all rounded to multiples of 1/64.
    """
    depth = between(draw, depths)
    widths = [between(draw, WIDTHS) for _ in range(depth)] + [between(draw, OUTPUTS)]
    samples = between(draw, SAMPLES)
    shapes = [(n, m) for m, n in itertools.pairwise(widths)]
    return FlowProblem(
        MLP(tuple(widths), activation),
        rule,
        weights=[rounded(draw, n, m, m**-0.5) for n, m in shapes],
        feedback=[rounded(draw, n, m, m**-0.5) for n, m in shapes[1:]],
        inputs=rounded(draw, widths[0], samples),
        targets=rounded(draw, widths[-1], samples),
    )


def between(draw: Generator, ends: tuple[int, int]) -> int:
    return int(draw.integers(ends[0], ends[1] + 1))


def rounded(draw: Generator, rows: int, cols: int, scale: float = 1.0) -> list[list[Fraction]]:
    """Normal entries, rounded to the grid."""
    return [[Fraction(round(float(v) * GRID), GRID) for v in row] for row in draw.standard_normal((rows, cols)) * scale]


# Starts for theorems on alignment, limits and potentials: small, since every number of them is followed to many digits

NARROW = (1, 4)
FEW = (1, 3)
FINE = 4096  # the grid of starts that are scaled to a norm


def aligned_chain(draw: Generator, activation: Any) -> FlowProblem:
    """A chain with W_{l+1}(0) = B_{l+1} ≠ 0 and ‖W_l(0)‖ < √2 ‖B_{l+1}‖ at every hidden layer; all its maps move.

    Depth 2–4, input and hidden widths 1–4, outputs 1–2, samples 1–3, each uniform. B_L normal with variance 1/n_{L−1};
    the maps below are normal, scaled to 0.3–0.98 of the greatest norm, uniformly. Targets are normal with variance 4.
    """
    while True:
        depth = between(draw, DEPTHS)
        widths = [between(draw, NARROW) for _ in range(depth)] + [between(draw, OUTPUTS)]
        maps = [rounded(draw, widths[-1], widths[-2], widths[-2] ** -0.5)]
        for m, n in reversed(list(itertools.pairwise(widths[:-1]))):
            share = float(draw.uniform(0.3, 0.98))
            maps.insert(0, scaled(rounded(draw, n, m), share * math.sqrt(2 * float(norm2(array(maps[0]))))))
        problem = FlowProblem(
            MLP(tuple(widths), activation),
            FeedbackAlignment(),
            weights=maps,
            feedback=maps[1:],
            inputs=rounded(draw, widths[0], samples := between(draw, FEW)),
            targets=rounded(draw, widths[-1], samples, 2.0),
        )
        norms = [norm2(array(rows)) for rows in maps]
        close = all(below < 2 * above for below, above in itertools.pairwise(norms))
        if close and all(norms[1:]) and all(map(np.any, steps(problem, 1, 1).moves(0).values())):
            return problem


def aligned_pair(draw: Generator, reach: tuple[float, float]) -> FlowProblem:
    """Two linear layers, one output, W₂(0) = B, ρ = ‖W₁(0)‖_op/‖B‖ < √2, independent samples.

    Input width 1–4, hidden width 2–4, samples 1–3 and at most the input width, each uniform; ρ/√2 uniform in
    [0.2, 0.98]; entries of x, B, W₁ and ζ normal. Targets are what the network computes where ∫r = ζ, with ‖Xᵀζ‖
    uniform in `reach`: the flow leads there, so this is how far W₂ is turned.
    """
    while True:
        d, m = between(draw, NARROW), between(draw, (2, NARROW[1]))
        x = array(rounded(draw, d, between(draw, (1, min(FEW[1], d)))))
        B = array(rounded(draw, 1, m))
        ratio = math.sqrt(2) * float(draw.uniform(0.2, 0.98))
        W1 = array(rounded(draw, m, d))
        zeta = array(rounded(draw, len(x[0]), 1))
        far = float(draw.uniform(*reach))
        if not (independent(x) and B.any() and W1.any() and zeta.any()):
            continue
        W1 = array(scaled(W1, ratio * math.sqrt(float(norm2(B))), float(np.linalg.norm(W1.astype(float), 2))))
        u = x @ zeta
        u = u * Fraction(round(FINE * far / math.sqrt(float(norm2(u)))), FINE)  # stays in the span
        y = x.T @ ((W1 + B.T @ u.T).T @ (B + u.T @ W1.T + B * (norm2(u) / 2)).T)
        if definite(2 * norm2(B) * identity(m) - W1 @ W1.T) and W1.any():
            return pair(W1, B, B, x, y.T)


def pair(W1: Any, W2: Any, B: Any, x: Any, y: Any) -> FlowProblem:
    """Two linear layers under feedback alignment."""
    widths = (len(x), len(W1), len(W2))
    parts = {"weights": [W1, W2], "feedback": [B], "inputs": x, "targets": y}
    return FlowProblem(MLP(widths, "linear"), FeedbackAlignment(), **parts)


def scaled(rows: Any, size: float, norm: float | None = None) -> list[list[Fraction]]:
    """A matrix scaled from its norm (Frobenius if left out) to a size, rounded to multiples of 1/4096; 0 stays 0."""
    found = math.sqrt(float(norm2(array(rows)))) if norm is None else float(norm)
    factor = size / found if found else 0.0
    return [[Fraction(round(float(v) * factor * FINE), FINE) for v in row] for row in rows]
