"""Semi-invariants: the eigenspaces of X₀, the field without data, on the laws of the rest.

Method. K is a space of polynomials with an echelon basis: 1 and the laws of the rest. The largest subspace that X₀ maps
to itself is the limit of S ↦ {Q ∈ S : X₀Q ∈ S}, starting at K; on it X₀ is a matrix over ℚ, whose rational eigenvalues
are the rates. Q with dQ/dt = μQ lies in K and X₀Q = μQ, so that none is missed whose rate is rational. Each is
certified again by itself, as a polynomial identity.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .fields import Law, Setting, rational_matrix
from .kernels import Kernel, certified

Vector = list[Fraction]


def eigenspaces(setting: Setting, kernel: Kernel, still: bool) -> dict[Fraction, list[Law]]:
    """A basis for each rate, graded by degree; 0 is always there. Without X₀ every law has rate 0."""
    basis = [kernel.laws[f] for f in sorted(kernel.laws)]
    if not still:
        return {Fraction(0): basis}
    basis.insert(0, {(): Fraction(1)})
    free = [(), *(kernel.candidates[f] for f in sorted(kernel.laws))]
    images = [setting.law(setting.along(setting.polynomial(law), setting.parts[0])) for law in basis]
    size = len(basis)
    # Column k of `gaps` is X₀Q_k less its projection on K by the free columns: it must vanish on the subspace.
    action = [[image.get(m, Fraction(0)) for m in free] for image in images]
    gaps = [_minus(image, basis, row) for image, row in zip(images, action, strict=True)]
    keys = sorted({m for gap in gaps for m in gap})
    space = [[Fraction(i == j) for j in range(size)] for i in range(size)]
    space = _kernel_within(space, [[gap.get(m, Fraction(0)) for m in keys] for gap in gaps])
    while True:
        moved = [_combined(vector, action, size) for vector in space]
        inside = _annihilator(space, size)
        left = _kernel_within(space, [[_dot(row, vector) for row in inside] for vector in moved])
        if len(left) == len(space):
            break
        space = left
    found: dict[Fraction, list[Law]] = {Fraction(0): []}
    for rate in _rates(space, action, size):
        rows = [
            [a - rate * b for a, b in zip(_combined(vector, action, size), vector, strict=True)] for vector in space
        ]
        vectors = _graded(_kernel_within(space, rows))
        laws = [_law(vector, basis) for vector in vectors]
        laws = laws if rate else [varying(law) for law in laws if varying(law)]
        if not all(certified(setting, law, setting.rates, rate) for law in laws):
            raise AssertionError(f"an eigenvector of rate {rate} is no semi-invariant")
        found[rate] = laws
    return found


def varying(law: Law) -> Law:
    """A law without its constant term, which no law of rate 0 needs."""
    return {m: c for m, c in law.items() if m}


def _minus(image: Law, basis: list[Law], coordinates: Vector) -> Law:
    left = dict(image)
    for c, law in zip(coordinates, basis, strict=True):
        if c:
            for m, value in law.items():
                left[m] = left.get(m, Fraction(0)) - c * value
    return {m: value for m, value in left.items() if value}


def _law(vector: Vector, basis: list[Law]) -> Law:
    found: Law = {}
    for c, law in zip(vector, basis, strict=True):
        if c:
            for m, value in law.items():
                found[m] = found.get(m, Fraction(0)) + c * value
    return {m: value for m, value in found.items() if value}


def _dot(a: Vector, b: Vector) -> Fraction:
    return sum((p * q for p, q in zip(a, b, strict=True) if p and q), Fraction(0))


def _combined(vector: Vector, rows: list[Vector], size: int) -> Vector:
    """vector @ rows."""
    found = [Fraction(0)] * size
    for c, row in zip(vector, rows, strict=True):
        if c:
            found = [a + c * b if b else a for a, b in zip(found, row, strict=True)]
    return found


def _kernel_within(space: list[Vector], rows: list[Vector]) -> list[Vector]:
    """The vectors of a space whose images vanish; `rows` are the images of its basis."""
    if not space or not rows or not rows[0]:
        return space
    size = len(space[0])
    relations = left_null_space(rows)
    return [_combined(relation, space, size) for relation in relations]


def _annihilator(space: list[Vector], size: int) -> list[Vector]:
    """The linear forms that vanish on a space."""
    if not space:
        return [[Fraction(i == j) for j in range(size)] for i in range(size)]
    return left_null_space([list(column) for column in zip(*space, strict=True)])


def left_null_space(rows: list[Vector]) -> list[Vector]:
    """The relations between the rows: all y with y @ rows = 0."""
    reduced, rank = rational_matrix(rows).transpose().rref()
    count = len(rows)
    pivots: list[int] = []
    for r in range(rank):
        pivots.append(next(c for c in range(pivots[-1] + 1 if pivots else 0, count) if reduced[r, c] != 0))
    found = []
    for f in sorted(set(range(count)) - set(pivots)):
        vector = [Fraction(0)] * count
        vector[f] = Fraction(1)
        for r, c in enumerate(pivots):
            vector[c] = -_fraction(reduced[r, f])
        found.append(vector)
    return found


def _rates(space: list[Vector], action: list[Vector], size: int) -> list[Fraction]:
    """The rational eigenvalues of X₀ on a space that it maps to itself."""
    if not space:
        return []
    basis = rational_matrix(space)
    reduced, rank = basis.rref()
    pivots = [next(c for c in range(size) if reduced[r, c] != 0) for r in range(rank)]
    square = rational_matrix([[row[c] for c in pivots] for row in space])
    moved = rational_matrix([_combined(vector, action, size) for vector in space])
    images = rational_matrix([[_fraction(moved[i, c]) for c in pivots] for i in range(len(space))])
    polynomial = (images * square.inv()).charpoly()
    roots = [-factor[0] / factor[1] for factor, _ in polynomial.factor()[1] if factor.degree() == 1]
    return sorted(_fraction(root) for root in roots)


def _graded(vectors: list[Vector]) -> list[Vector]:
    """The same space with a basis whose last non-zero entries differ: vectors of low degree come apart."""
    if not vectors:
        return []
    reduced, rank = rational_matrix([vector[::-1] for vector in vectors]).rref()
    rows = [[_fraction(reduced[r, c]) for c in range(len(vectors[0]))][::-1] for r in range(rank)]
    return rows[::-1]


def _fraction(value: Any) -> Fraction:
    return Fraction(int(value.p), int(value.q))
