"""Growing subspaces over 𝔽_p: whether a vector is new."""

from __future__ import annotations

from typing import Any

import numpy as np

from .residues import Array


class Span:
    """A growing subspace of 𝔽_p^D, in reduced echelon form."""

    def __init__(self, size: int, p: int) -> None:
        self.p, self.pivots = p, []  # type: int, list[int]
        self.rows = np.zeros((0, size), dtype=np.int64)

    def reduced(self, vectors: Array) -> Array:
        left = vectors % self.p
        factors = left[:, self.pivots]
        for k in range(len(self.pivots)):
            left = (left - factors[:, k : k + 1] * self.rows[k]) % self.p
        return left

    def add(self, vector: Array) -> bool:
        """Whether the vector was not in the span."""
        left = self.reduced(vector[None])[0]
        if not left.any():
            return False
        pivot = int(np.flatnonzero(left)[0])
        left = left * pow(int(left[pivot]), -1, self.p) % self.p
        self.rows = (self.rows - self.rows[:, pivot : pivot + 1] * left) % self.p
        self.rows = np.concatenate([self.rows, left[None]])
        self.pivots.append(pivot)
        return True


class SparseSpan:
    """The same for vectors that are dicts: fields by their coefficients."""

    def __init__(self, p: int) -> None:
        self.p = p
        self.rows: dict[Any, dict[Any, int]] = {}

    def add(self, vector: dict[Any, int]) -> bool:
        left = dict(vector)
        while left:
            pivot = max(left)
            row = self.rows.get(pivot)
            if row is None:
                inverse = pow(left[pivot], -1, self.p)
                self.rows[pivot] = {k: c * inverse % self.p for k, c in left.items()}
                return True
            factor = left[pivot]
            for k, c in row.items():
                value = (left.get(k, 0) - factor * c) % self.p
                if value:
                    left[k] = value
                else:
                    left.pop(k, None)
        return False
