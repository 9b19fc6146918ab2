"""Stacks of matrices over a prime field, in NumPy: a rule is run at thousands of random points at once.

Method. An entry is a residue below p < 2³¹, so that a product fits in 64 bits and is reduced before it is added. What
vanishes over ℚ vanishes mod p where no denominator does: a null space mod p is never smaller than the true one.
Gates are free residues, never 0 or 1: with g² = g a sample would show relations that no identity has, and laws that are
none. φ(h) = k h and φ′(h) = p k as in `PolynomialCarrier`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import UnsupportedOperation
from ..kernel.carriers import COLUMNS_ROWS, Value, broadcast, check
from ..kernel.words import Word
from ..proving.matrices import Ring
from ..proving.polynomials import by_letters

Array = npt.NDArray[np.int64]


@cache
def moduli(count: int) -> tuple[int, ...]:
    """The greatest primes below 2³¹."""
    from flint import fmpz

    return tuple(islice((number for number in range(2**31 - 1, 2, -1) if fmpz(number).is_prime()), count))


def modulus() -> int:
    """The greatest prime below 2³¹."""
    return moduli(1)[0]


class Field(Ring):
    """𝔽_p, with a rational value for each symbolic constant."""

    name = "residues"

    def __init__(self, p: int, constants: Any) -> None:
        self.p, self.constants = p, constants

    def number(self, value: Any) -> int:
        rational = Fraction(super().number(value))
        if rational.denominator % self.p == 0:
            raise UnsupportedOperation(f"the denominator of {rational}", self.name, "use smaller numbers")
        return rational.numerator * pow(rational.denominator, -1, self.p) % self.p

    def parameter(self, name: str) -> int:
        return self.number(self.constants(name))


class Residues(Value):
    """Matrices of residues: shape (samples, rows, cols), or (1, rows, cols) for one that all samples share.

    `pattern` holds the signs of the entries where they are known: of ± a parameter, in the region of a base point.
    """

    __slots__ = ("_dims", "data", "field", "pattern")

    def __init__(self, field: Field, data: Array, pattern: Array | None = None) -> None:
        self.field, self.data, self.pattern = field, data, pattern
        self._dims = data.shape[1:]

    def _lift(self, other: Any) -> Any:
        if isinstance(other, Residues):
            return other
        if hasattr(other, "_dims") and not isinstance(other, Word):
            return NotImplemented
        number = self.field.convert(other) % self.field.p
        return Residues(self.field, np.full((1, 1, 1), number, dtype=np.int64))

    def __add__(self, other: Any) -> Any:
        other = self._lift(other)
        if other is NotImplemented:
            return NotImplemented
        broadcast("A + B", self, other)
        return Residues(self.field, (self.data + other.data) % self.field.p)

    def __mul__(self, other: Any) -> Any:
        other = self._lift(other)
        if other is NotImplemented:
            return NotImplemented
        broadcast("A * B", self, other)
        return Residues(self.field, self.data * other.data % self.field.p)

    def __truediv__(self, other: Any) -> Any:
        if isinstance(other, Value) and not isinstance(other, Word):
            raise UnsupportedOperation("division by a matrix", self.field.name, "divide by a non-zero number")
        number = self.field.convert(other) % self.field.p
        if not number:
            raise UnsupportedOperation(f"division by {other}", self.field.name, "divide by a non-zero number")
        return Residues(self.field, self.data * pow(number, -1, self.field.p) % self.field.p)

    def __neg__(self) -> Residues:
        return Residues(self.field, -self.data % self.field.p, None if self.pattern is None else -self.pattern)

    def __matmul__(self, other: Any) -> Any:
        if not isinstance(other, Residues):
            return NotImplemented
        check(self._dims[1] == other._dims[0], "A @ B", self._dims, other._dims, COLUMNS_ROWS)
        return Residues(self.field, product(self.data, other.data, self.field.p))

    @property
    def mT(self) -> Residues:
        return Residues(self.field, self.data.mT, None if self.pattern is None else self.pattern.mT)

    def total(self) -> Residues:
        return Residues(self.field, self.data.sum(axis=(1, 2), keepdims=True) % self.field.p)

    def row_sums(self) -> Residues:
        return Residues(self.field, self.data.sum(axis=2, keepdims=True) % self.field.p)

    def diagonal(self) -> Residues:
        rows, cols = self._dims
        if cols == 1:
            return Residues(self.field, self.data * np.eye(rows, dtype=np.int64))
        check(rows == cols, "diag(A)", self._dims, "a square", "or pass a column")
        return Residues(self.field, np.diagonal(self.data, axis1=1, axis2=2)[..., None].copy())

    def sign(self) -> Residues:
        if self.pattern is None:
            remedy = "no other sign is constant in a region"
            raise UnsupportedOperation("fv.sign of what is neither ± a parameter nor fixed", self.field.name, remedy)
        return Residues(self.field, self.pattern[None] % self.field.p, self.pattern)

    def units(self) -> Iterator[Residues]:
        """The matrices of this shape with one entry 1 and the others 0."""
        rows, cols = self._dims
        for unit in np.eye(rows * cols, dtype=np.int64):
            yield Residues(self.field, unit.reshape(1, rows, cols))

    def is_zero(self) -> bool:
        return not self.data.any()

    def __getitem__(self, index: Any) -> Residues:
        if not (isinstance(index, tuple) and len(index) == 2 and all(isinstance(k, int) for k in index)):
            raise UnsupportedOperation(f"the index {index!r}", self.field.name, "write two whole numbers, A[i, j]")
        (i, j), dims = index, self._dims
        if not (-dims[0] <= i < dims[0] and -dims[1] <= j < dims[1]):
            raise UnsupportedOperation(f"the index {index!r}", f"a matrix of shape {dims}", "stay within it")
        i, j = i % dims[0], j % dims[1]
        pattern = None if self.pattern is None else self.pattern[i : i + 1, j : j + 1]
        return Residues(self.field, self.data[:, i : i + 1, j : j + 1], pattern)


def product(a: Array, b: Array, p: int) -> Array:
    """A @ B mod p, reduced after every product."""
    found = np.zeros((max(len(a), len(b)), a.shape[1], b.shape[2]), dtype=np.int64)
    for k in range(a.shape[2]):
        found = (found + a[:, :, k : k + 1] * b[:, k : k + 1, :]) % p
    return found


class ResidueCarrier:
    """Letters with random residues, sample by sample, or 0 without `draws`; `fixed` ones have the numbers given.

    Signs are those of `base`; without it any will do. `known` holds letters that are taken over from another run.
    """

    def __init__(
        self,
        field: Field,
        samples: int,
        draws: np.random.Generator | None,
        fixed: Mapping[str, Any] | None = None,
        base: Mapping[str, Any] | None = None,
        known: Mapping[str, Array] | None = None,
    ) -> None:
        self.field, self.samples, self.draws = field, samples, draws
        self.fixed, self.base = fixed or {}, base
        self.letters: dict[str, Array] = dict(known or {})
        self.shapes: dict[str, tuple[int, int]] = {}
        self.gates: set[str] = set()

    def letter(self, name: str, rows: int, cols: int) -> Residues:
        self.shapes[name] = (rows, cols)
        if name in self.fixed:
            numbers = [[self.field.number(entry) for entry in row] for row in self.fixed[name]]
            return Residues(self.field, np.array([numbers], dtype=np.int64), signs(self.fixed[name]))
        if name not in self.letters:
            size = (self.samples, rows, cols)
            drawn = np.zeros(size, np.int64) if self.draws is None else self.draws.integers(0, self.field.p, size)
            self.letters[name] = drawn
        known = None if self.base is None or name not in self.base else signs(self.base[name])
        pattern = np.ones((rows, cols), dtype=np.int64) if self.base is None else known
        return Residues(self.field, self.letters[name], pattern)

    def zeros(self, rows: int, cols: int) -> Residues:
        zero = np.zeros((rows, cols), dtype=np.int64)
        return Residues(self.field, zero[None], zero)

    def activate(self, activation: Any, h: Residues, name: str) -> tuple[Residues, Residues]:
        self.gates |= {f"φ{name}", f"φ′{name}", f"k{name}"}
        found: tuple[Residues, Residues] = by_letters(self, activation, h, name)
        return found


def signs(rows: Any) -> Array:
    return np.array([[(entry > 0) - (entry < 0) for entry in row] for row in rows], dtype=np.int64)
