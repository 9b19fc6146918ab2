"""Convolutions and weak alignment: how little of a convolutional layer direct feedback can reach, by exact ranks.

Weak alignment leads a linear layer into {F_lᵀAF_{l−1}}, k² directions; a convolution with shared kernels is a
block-Toeplitz matrix. What both have in common is counted over the rational numbers. That direct feedback cannot
*train* convolutions does not follow: it is a heuristic, and told as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

from ..errors import Misuse, whole_number
from ..kernel.ranks import generically_independent
from ..kernel.verdicts import Scope, Verdict

HEURISTIC = "that direct feedback cannot train convolutions is a heuristic: what is counted here is a form of weights"


@dataclass(frozen=True)
class Meeting:
    """dim{F_lᵀAF_{l−1}} = k² (if both F have rank k), dim C, and the rank of their sum, exactly.

    `cosine`: of the given F_lᵀF_{l−1} with its nearest convolution; `expected`: √(dim C/(n_l n_{l−1})), its size for
    Gaussian F. `sum_rank` = k² + dim C at one choice of F proves it for generic F: a minor that is not 0 there
    is 0 on a set of measure 0 only.
    """

    outputs: int
    shape: tuple[int, int]
    family: int
    convolutions: int
    sum_rank: int
    cosine: float
    expected: float

    @property
    def only_zero(self) -> bool:
        """Whether 0 is all that both have in common."""
        return self.sum_rank == self.family + self.convolutions

    def __str__(self) -> str:
        common = "only 0 is in both" if self.only_zero else f"{self.family + self.convolutions - self.sum_rank} in both"
        return (
            f"{self.shape[0]} × {self.shape[1]}, k = {self.outputs}: dim F_lᵀAF_{{l−1}} = {self.family}, dim C = "
            f"{self.convolutions}, rank of the sum {self.sum_rank}: {common}; cosine {self.cosine:.4f}, "
            f"√(dim C/(n_l n_{{l−1}})) = {self.expected:.4f} ({HEURISTIC})"
        )


def convolution_basis(channels: tuple[int, int], length: int, kernel: int) -> list[Any]:
    """The matrices of circular convolutions, one for each weight of the kernels.

    Shapes: `channels` = (out, in); a signal of `length` places for each channel; so (out · length) × (in · length).
    """
    out, into = channels
    found = []
    for i in range(out):
        for j in range(into):
            for shift in range(kernel):
                matrix = np.zeros((out * length, into * length), dtype=object)
                for place in range(length):
                    matrix[i * length + place, j * length + (place + shift) % length] = 1
                found.append(matrix)
    return found


def meeting(upper: Any, lower: Any, basis: list[Any]) -> Meeting:
    """What {F_lᵀAF_{l−1}} has in common with a space of matrices, for F_l = `upper`, F_{l−1} = `lower`, k rows each.

    Units: whole numbers; ranks are exact.

    Raises: Misuse.

    Examples
    --------
    >>> import numpy as np
    >>> draw = np.random.default_rng(0)
    >>> upper, lower = (draw.integers(-9, 10, (2, 8)) for _ in range(2))
    >>> found = meeting(upper, lower, convolution_basis((2, 2), 4, 3))
    >>> found.family, found.convolutions, found.sum_rank, found.only_zero
    (4, 12, 16, True)
    """
    upper, lower = (np.array(matrix, dtype=object) for matrix in (upper, lower))
    if upper.ndim != 2 or lower.ndim != 2 or len(upper) != len(lower):
        raise Misuse("upper, lower", (upper.shape, lower.shape), "F_l and F_{l−1}, with k rows each")
    _check_whole("upper, lower", (upper, lower))
    rows, cols = upper.shape[1], lower.shape[1]
    _check_basis(basis, (rows, cols))
    k = len(upper)
    family = [np.outer(upper[i], lower[j]) for i in range(k) for j in range(k)]
    first, second, both = rank(family), rank(basis), rank([*family, *basis])
    fixed = upper.T.astype(float) @ lower.astype(float)
    flat = np.array([np.asarray(matrix, dtype=float).ravel() for matrix in basis]).T
    nearest = flat @ np.linalg.lstsq(flat, fixed.ravel(), rcond=None)[0]
    cosine = float(np.linalg.norm(nearest) / np.linalg.norm(fixed)) if fixed.any() else 0.0
    return Meeting(k, (rows, cols), first, second, both, cosine, float(np.sqrt(second / (rows * cols))))


def generically_apart(outputs: int, basis: list[Any], seed: int = 0) -> Verdict:
    """Whether {F_lᵀAF_{l−1}}, of dimension k² for k = `outputs`, meets the span of a basis in 0 alone, for generic F.

    Returns: Proved for all F but a set of measure 0, by an exact minor at whole numbers that are drawn. Undecided where
    there is none there: without room (k² + dim C > n_l n_{l−1}) there cannot be one, and with room there need not be.

    Raises: Misuse for an empty basis, or one that is not of whole numbers.

    Examples
    --------
    >>> verdict = generically_apart(2, convolution_basis((2, 2), 4, 3))
    >>> verdict.kind, verdict.how
    ('proved', 'a minor of 16 × 16 whole numbers that is not 0')
    """
    outputs = whole_number("outputs", outputs, 1, expected="a number of outputs, at least 1")
    shapes = [np.shape(matrix) for matrix in basis] or [()]
    _check_basis(basis, shapes[0])
    draw, (rows, cols) = Random(seed), shapes[0]
    upper, lower = ([[draw.randint(-9, 9) for _ in range(n)] for _ in range(outputs)] for n in (rows, cols))
    family = [[a * b for a in row for b in column] for row in upper for column in lower]
    flat = [[int(v) for v in np.ravel(matrix)] for matrix in basis]
    stated = f"k = {outputs}: F_lᵀAF_{{l−1}} is in a given space of {len(basis)} dimensions for A = 0 alone"
    scope = Scope(
        layers="one", widths=f"{rows} × {cols}, {outputs} outputs", depths="all", batch="all", loss="all",
        activations="linear", gates="none", feedback="all but a set of measure 0", time="none: a form of weights",
    )  # fmt: skip
    return generically_independent([*family, *flat], stated, "DirectFeedbackAlignment", scope)


def _check_basis(basis: list[Any], shape: tuple[int, ...]) -> None:
    """Raise unless these are matrices of that shape, of whole numbers: others would be cut to them."""
    if not basis or len(shape) != 2 or any(np.shape(matrix) != shape for matrix in basis):
        raise Misuse("basis", [np.shape(matrix) for matrix in basis][:3], f"matrices of one shape, {shape or 'any'}")
    _check_whole("basis", basis)


def _check_whole(name: str, matrices: Sequence[Any]) -> None:
    if not all(hasattr(v, "__index__") for matrix in matrices for v in np.ravel(np.array(matrix, dtype=object))):
        raise Misuse(name, "entries that are no whole numbers", "whole numbers, for exact ranks")


def rank(matrices: list[Any]) -> int:
    """The dimension of the span of matrices of whole numbers, exactly."""
    from flint import fmpz_mat

    return int(fmpz_mat([[int(v) for v in np.ravel(matrix)] for matrix in matrices]).rank())
