"""Random flow problems, whose distribution is stated here and nowhere else."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..flows.problems import FlowProblem
from ..model.networks import MLP

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
