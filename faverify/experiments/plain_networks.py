"""Fully connected networks in floating point: a pass, both ways back, and how well they agree.

Everything is written for a stack of layers W_1, …, W_L without biases, h_l = W_l a_{l−1}, a_l = φ(h_l) for l < L,
f = h_L, with samples as columns. The code knows no rule of the library; tests hold its step against theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[Any]
ACTIVATIONS = ("relu", "tanh")
RULES = ("dfa", "bp")


@dataclass(frozen=True)
class Pass:
    """What a forward pass leaves: `inputs` a_0, …, a_{L−1}, `slopes` φ′(h_1), …, φ′(h_{L−1}), and the output f."""

    inputs: tuple[Matrix, ...]
    slopes: tuple[Matrix, ...]
    output: Matrix


def forward(weights: Sequence[Matrix], x: Matrix, activation: str) -> Pass:
    """a_l = φ(W_l a_{l−1}) and f = W_L a_{L−1}; φ is ReLU, with φ′(0) = 0, or tanh.

    Shapes: W_l is n_l × n_{l−1}, x is n_0 × samples.
    """
    inputs, slopes = [x], []
    for matrix in weights[:-1]:
        h = matrix @ inputs[-1]
        if activation == "tanh":
            inputs.append(np.tanh(h))
            slopes.append(1 - inputs[-1] * inputs[-1])
        else:
            slopes.append((h > 0).astype(h.dtype))
            inputs.append(h * slopes[-1])
    return Pass(tuple(inputs), tuple(slopes), weights[-1] @ inputs[-1])


def direct_deltas(feedback: Sequence[Matrix], slopes: Sequence[Matrix], e: Matrix) -> list[Matrix]:
    """δ_l = φ′(h_l) ⊙ (F_lᵀ e) for l < L, and δ_L = e.

    Shapes: F_l is n_L × n_l, e is n_L × samples.

    References: Nøkland 2016.
    """
    return [*(slope * (F.T @ e) for F, slope in zip(feedback, slopes, strict=True)), e]


def propagated_deltas(weights: Sequence[Matrix], slopes: Sequence[Matrix], e: Matrix) -> list[Matrix]:
    """δ_l = φ′(h_l) ⊙ (W_{l+1}ᵀ δ_{l+1}) for l < L, and δ_L = e: ∂loss/∂h_l."""
    found = [e]
    for matrix, slope in zip(reversed(weights[1:]), reversed(slopes), strict=True):
        found.append(slope * (matrix.T @ found[-1]))
    return found[::-1]


def moves(deltas: Sequence[Matrix], inputs: Sequence[Matrix], eta: float) -> list[Matrix]:
    """ΔW_l = −η δ_l a_{l−1}ᵀ / samples: a step on the mean of the samples' losses."""
    return [(delta @ a.T) * np.asarray(-eta / a.shape[1], a.dtype) for delta, a in zip(deltas, inputs, strict=True)]


def step(
    rule: str, weights: Sequence[Matrix], feedback: Sequence[Matrix], x: Matrix, y: Matrix, activation: str, eta: float
) -> list[Matrix]:
    """ΔW_1, …, ΔW_L of one step on the squared loss ½‖f − y‖², by direct feedback alignment or back-propagation."""
    run = forward(weights, x, activation)
    e = run.output - y
    back = direct_deltas(feedback, run.slopes, e) if rule == "dfa" else propagated_deltas(weights, run.slopes, e)
    return moves(back, run.inputs, eta)


def drawn(draw: np.random.Generator, widths: Sequence[int], scale: float, dtype: Any) -> tuple[list[Matrix], ...]:
    """Weights, normal of deviation scale/√n_{l−1}, then feedback F_1, …, F_{L−1}, normal of deviation 1/√n_L."""
    weights = [draw.standard_normal((n, m)) * (scale / m**0.5) for m, n in pairwise(widths)]
    feedback = [draw.standard_normal((widths[-1], n)) / widths[-1] ** 0.5 for n in widths[1:-1]]
    return [w.astype(dtype) for w in weights], [F.astype(dtype) for F in feedback]


# Alignment


def cosine(first: Matrix, second: Matrix) -> float | None:
    """⟨A, B⟩ / (‖A‖ ‖B‖); None where a factor is 0 or not finite: an angle with nothing is undefined."""
    with np.errstate(all="ignore"):  # what is not finite ends as None
        a, b = (v.astype(np.float64).ravel() for v in (first, second))
        a, b = (v / top if (top := np.abs(v).max()) > 0 else v * np.nan for v in (a, b))  # squares stay in range
        size = float(np.sqrt((a @ a) * (b @ b)))
        return float(a @ b) / size if np.isfinite(size) and size > 0 else None


def delta_alignment(
    weights: Sequence[Matrix], feedback: Sequence[Matrix], slopes: Sequence[Matrix], e: Matrix
) -> list[float | None]:
    """The cosine of δ_l of direct feedback with δ_l of back-propagation, both at these weights and this error.

    Returns: one number for each hidden layer l = 1, …, L − 1, over all samples at once (Frobenius).
    """
    pairs = zip(direct_deltas(feedback, slopes, e), propagated_deltas(weights, slopes, e), strict=True)
    return [cosine(ours, theirs) for ours, theirs in pairs][:-1]


def weight_alignment(weights: Sequence[Matrix], feedback: Sequence[Matrix]) -> list[float | None]:
    """The cosine of W_l with F_lᵀF_{l−1} for l = 2, …, L, where F_L := I. W_1 has nothing to be compared with.

    References: Refinetti, d'Ascoli, Ohana & Goldt 2021 (strong alignment).
    """
    stand_ins = [above.T @ below for below, above in pairwise(feedback)] + list(feedback[-1:])
    return [cosine(matrix, stand_in) for matrix, stand_in in zip(weights[1:], stand_ins, strict=True)]
