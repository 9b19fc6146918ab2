"""Dense matrices over a ring: one class for rationals, polynomials, balls, finite fields and expressions.

The ring says what an entry is; the matrix knows rows, columns and NumPy's broadcasting, and refuses the rest.
Entries live in lists, because NumPy takes a polynomial for a sequence.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import Any

from ..errors import Undecidable, UnsupportedOperation
from ..kernel.carriers import COLUMNS_ROWS, Value, broadcast, check, exact
from ..kernel.words import Word, letter_name


class Ring:
    """What an entry is. Subclasses give `name`, `number` (from a rational), `sign` and `parameter`."""

    name = "a ring"
    ordered = False

    def number(self, value: Any) -> Any:
        """The ring element of a rational number."""
        return exact(value)

    def sign(self, value: Any) -> Any:
        raise UnsupportedOperation("fv.sign", self.name, "give check a network and rational data")

    def parameter(self, name: str) -> Any:
        raise UnsupportedOperation(f"the parameter {name!r} without a value", self.name, "give it one")

    def divide(self, value: Any, by: Any) -> Any:
        return value / by

    def invertible(self, value: Any) -> bool:
        """Whether the ring can divide by this element."""
        return bool(value != 0)

    def convert(self, value: Any) -> Any:
        """A scalar of a rule or law as a ring element: a rational number, or a constant made of parameters."""
        if not isinstance(value, Word):
            return self.number(value)
        result = self.number(0)
        for (edges, dims, _, _), coefficient in value.terms.items():
            if dims:
                raise UnsupportedOperation("a matrix of words", self.name, "only constants carry over")
            product = self.number(coefficient)
            for k, _, _ in edges:
                product = product * self.parameter(letter_name(k))
            result = result + product
        return result


def check_square(operation: str, dims: tuple[int, int]) -> int:
    check(dims[0] == dims[1], operation, dims, "a square", "only a square matrix will do")
    return dims[0]


class Matrix(Value):
    """A matrix of ring elements, with NumPy's operators and none of its conversions."""

    __slots__ = ("_dims", "data", "ring")

    def __init__(self, ring: Ring, data: Iterable[Iterable[Any]], dims: tuple[int, int] | None = None) -> None:
        self.ring = ring
        self.data: list[list[Any]] = [list(row) for row in data]
        self._dims = dims or (len(self.data), len(self.data[0]))

    def entries(self) -> Iterator[Any]:
        return (entry for row in self.data for entry in row)

    def units(self) -> Iterator[Matrix]:
        """The matrices of this shape with one entry 1 and the others 0."""
        rows, cols = (range(size) for size in self._dims)
        for i, j in product(rows, cols):
            yield Matrix(self.ring, ([self.ring.number(int((i, j) == (p, q))) for q in cols] for p in rows), self._dims)

    def map(self, function: Callable[[Any], Any]) -> Matrix:
        return Matrix(self.ring, ([function(entry) for entry in row] for row in self.data), self._dims)

    def _lift(self, other: Any) -> Any:
        if isinstance(other, Matrix):
            return other
        if hasattr(other, "_dims") and not isinstance(other, Word):
            return NotImplemented
        return Matrix(self.ring, [[self.ring.convert(other)]])

    def _entrywise(self, other: Any, sign: str, function: Callable[[Any, Any], Any]) -> Any:
        other = self._lift(other)
        if other is NotImplemented:
            return NotImplemented
        rows, cols = broadcast(f"A {sign} B", self, other)
        # A dimension 1 is read at index 0 throughout.
        (p_rows, p_cols), (q_rows, q_cols) = (((r > 1), (c > 1)) for r, c in (self._dims, other._dims))
        p, q = self.data, other.data
        entries = (
            [function(p[i * p_rows][j * p_cols], q[i * q_rows][j * q_cols]) for j in range(cols)] for i in range(rows)
        )
        return Matrix(self.ring, entries, (rows, cols))

    def __add__(self, other: Any) -> Any:
        return self._entrywise(other, "+", lambda p, q: p + q)

    def __mul__(self, other: Any) -> Any:
        return self._entrywise(other, "*", lambda p, q: p * q)

    def __truediv__(self, other: Any) -> Any:
        return self._entrywise(other, "/", self.ring.divide)

    def __rtruediv__(self, other: Any) -> Any:
        return self._lift(other) / self

    def __neg__(self) -> Matrix:
        return self.map(lambda entry: -entry)

    def __matmul__(self, other: Any) -> Any:
        if not isinstance(other, Matrix):
            return NotImplemented
        check(self._dims[1] == other._dims[0], "A @ B", self._dims, other._dims, COLUMNS_ROWS)
        zero, columns = self.ring.number(0), list(zip(*other.data, strict=True))
        dot = [[sum((p * q for p, q in zip(row, col, strict=True)), zero) for col in columns] for row in self.data]
        return Matrix(self.ring, dot, (self._dims[0], other._dims[1]))

    @property
    def mT(self) -> Matrix:
        return Matrix(self.ring, zip(*self.data, strict=True), (self._dims[1], self._dims[0]))

    def total(self) -> Matrix:
        return Matrix(self.ring, [[sum(self.entries(), self.ring.number(0))]])

    def row_sums(self) -> Matrix:
        return Matrix(self.ring, ([sum(row, self.ring.number(0))] for row in self.data))

    def diagonal(self) -> Matrix:
        if self._dims[1] == 1:
            zero = self.ring.number(0)
            size = range(self._dims[0])
            return Matrix(self.ring, ([self.data[i][0] if i == j else zero for j in size] for i in size))
        check(self._dims[0] == self._dims[1], "diag(A)", self._dims, "a square", "or pass a column")
        return Matrix(self.ring, ([row[i]] for i, row in enumerate(self.data)))

    def sign(self) -> Matrix:
        return self.map(self.ring.sign)

    def inverse(self) -> Matrix:
        """By Gauss's elimination, where entries can be divided by and a zero is known to be one."""
        n = check_square("inverse(A)", self._dims)
        one, zero = self.ring.number(1), self.ring.number(0)
        work = [[*row, *(one if i == j else zero for j in range(n))] for i, row in enumerate(self.data)]
        for k in range(n):
            pivot = next((i for i in range(k, n) if self.ring.invertible(work[i][k])), None)
            if pivot is None:
                raise ZeroDivisionError("a matrix without an inverse")
            work[k], work[pivot] = work[pivot], work[k]
            work[k] = [self.ring.divide(entry, work[k][k]) for entry in work[k]]
            for i in range(n):
                if i != k:
                    work[i] = [p - work[i][k] * q for p, q in zip(work[i], work[k], strict=True)]
        return Matrix(self.ring, (row[n:] for row in work))

    def logdet(self) -> Matrix:
        """A letter: its value is no number of the ring, its rate tr A⁻¹Ȧ is."""
        check_square("logdet(A)", self._dims)
        raise Undecidable("the value of log |det A|, which is no number of the ring")

    def is_zero(self) -> bool:
        return all(entry == 0 for entry in self.entries())

    def __getitem__(self, index: Any) -> Matrix:
        if not (isinstance(index, tuple) and len(index) == 2 and all(isinstance(k, int) for k in index)):
            raise UnsupportedOperation(f"the index {index!r}", self.ring.name, "write two whole numbers, A[i, j]")
        return Matrix(self.ring, [[self.data[index[0]][index[1]]]])

    def _compare(self, other: Any, relation: Callable[[Any, Any], Any]) -> bool:
        if not self.ring.ordered or self._dims != (1, 1):
            self._ask()
        return bool(relation(self.data[0][0], self._lift(other).data[0][0]))

    def __lt__(self, other: Any) -> bool:
        return self._compare(other, operator.lt)

    def __le__(self, other: Any) -> bool:
        return self._compare(other, operator.le)

    def __gt__(self, other: Any) -> bool:
        return self._compare(other, operator.gt)

    def __ge__(self, other: Any) -> bool:
        return self._compare(other, operator.ge)
