"""All polynomials in θ of bounded degree that a family of vector fields keeps constant.

Method. dQ/dt is linear in the coefficients of Q. At random points mod p it gives a matrix whose null space is found
exactly, lifted to ℚ by rational reconstruction (with more primes as far as needed), and *certified*: as a polynomial
in θ and the data, with rational coefficients, dQ/dt must vanish identically. Reduction mod p and sampling can only lose
equations, so nullity mod p ≥ truth ≥ certified; where both ends agree the count is exact.

References: von zur Gathen & Gerhard, Modern Computer Algebra, §5.10 (rational reconstruction).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations_with_replacement
from math import comb, isqrt
from typing import Any

import numpy as np

from ..errors import Misuse
from ..kernel.carriers import watch
from ..kernel.passes import Run
from .fields import Law, Setting
from .residues import Array, Field, ResidueCarrier, moduli

SPARE = 16  # samples beyond the number of candidates: a chance of about p⁻¹⁶ that they miss an equation
PRIMES = 8
LARGEST = 6000  # candidates: the matrix then has 36 million entries, some 3 GB while it is handed over

ZERO = Fraction(0)

Monomials = list[tuple[int, ...]]


def monomials(variables: int, degree: int) -> Monomials:
    """The monomials of degree 1 … `degree`, by degree; (i, i, j) stands for θ_i² θ_j."""
    if degree > LARGEST:
        raise Misuse("degree", f"more than {LARGEST}", "a smaller one")
    count = comb(variables + degree, degree) - 1
    if count > LARGEST:
        raise Misuse("degree", degree, f"a smaller one, or a smaller network: {count} candidates, more than {LARGEST}")
    return [m for d in range(1, degree + 1) for m in combinations_with_replacement(range(variables), d)]


def sampled(setting: Setting, candidates: Monomials, p: int, rest: bool) -> Array:
    """The rows [∇m(θ) · X(θ; data)]_m at random points mod p; `rest`: of X less its part without data."""
    field_, samples = Field(p, setting.constants), len(candidates) + SPARE
    draws = np.random.default_rng([setting.seed % 2**63, p])
    carrier = ResidueCarrier(field_, samples, draws, setting.fixed, setting.base)
    theta, rates = _at(setting, carrier, samples)
    if rest:
        known = {name: carrier.letters[name] for name in setting.moving}
        still = ResidueCarrier(field_, samples, None, setting.fixed, setting.base, known)
        rates = (rates - _at(setting, still, samples)[1]) % p
    return along(theta, rates, candidates, p)


def _at(setting: Setting, carrier: ResidueCarrier, samples: int) -> tuple[Array, Array]:
    """θ and dθ/dt, samples × D."""
    theta = [carrier.letter(name, *dims).data for name, dims in setting.moving.items()]
    with watch():
        moves = Run(setting.net, carrier, 1).velocities(setting.rule)
    rates = [np.broadcast_to(moves[name].data, value.shape) for name, value in zip(setting.moving, theta, strict=True)]
    return _flat(theta, samples), _flat(rates, samples)


def _flat(values: list[Array], samples: int) -> Array:
    return np.concatenate([value.reshape(samples, -1) for value in values], axis=1)


def along(theta: Array, rates: Array, candidates: Monomials, p: int) -> Array:
    """d/dt of each monomial: (m θ_i)˙ = ṁ θ_i + m θ̇_i, degree by degree."""
    values, found = [theta], [rates]
    place: dict[tuple[int, ...], int] = {m: k for k, m in enumerate(m for m in candidates if len(m) == 1)}
    for degree in range(2, len(candidates[-1]) + 1):
        level = [m for m in candidates if len(m) == degree]
        parent = [place[m[:-1]] for m in level]
        last = [m[-1] for m in level]
        before, slope = values[-1][:, parent], found[-1][:, parent]
        slope *= theta[:, last]
        slope %= p
        slope += before * rates[:, last] % p
        slope %= p
        if degree < len(candidates[-1]):
            values.append(before * theta[:, last] % p)
        found.append(slope)
        place = {m: k for k, m in enumerate(level)}
    return np.concatenate(found, axis=1)


@dataclass
class Echelon:
    """A null space in echelon form: the vector of a free column has 1 there and `rows` at the pivots before it."""

    modulus: int
    pivots: tuple[int, ...]
    free: tuple[int, ...]
    rows: dict[int, dict[int, int]]


def null_space(matrix: Array, p: int) -> Echelon:
    from flint import nmod_mat

    count, width = matrix.shape
    reduced, rank = nmod_mat(count, width, matrix.ravel().tolist(), p).rref()
    pivots: list[int] = []
    for row in range(rank):
        column = pivots[-1] + 1 if pivots else 0
        while int(reduced[row, column]) == 0:
            column += 1
        pivots.append(column)
    free = tuple(sorted(set(range(width)) - set(pivots)))
    rows = {f: {c: -int(reduced[r, f]) % p for r, c in enumerate(pivots) if c < f and int(reduced[r, f])} for f in free}
    return Echelon(p, tuple(pivots), free, rows)


def combined(a: Echelon, b: Echelon) -> Echelon:
    """The echelon form modulo both moduli; of two shapes the one with fewer free columns is nearer to the truth."""
    if a.free != b.free:
        return min(a, b, key=lambda e: (len(e.free), [-f for f in e.free]))
    inverse, modulus = pow(a.modulus, -1, b.modulus), a.modulus * b.modulus
    rows: dict[int, dict[int, int]] = {}
    for f in a.free:
        columns = sorted({*a.rows[f], *b.rows[f]})
        pairs = ((c, a.rows[f].get(c, 0), b.rows[f].get(c, 0)) for c in columns)
        rows[f] = {c: (u + a.modulus * ((v - u) * inverse % b.modulus)) % modulus for c, u, v in pairs}
    return Echelon(modulus, a.pivots, a.free, rows)


def rational(residue: int, modulus: int) -> Fraction | None:
    """The fraction u/v with |u|, v ≤ √(modulus/2) that is `residue`, if there is one."""
    bound = isqrt(modulus // 2)
    r0, r1, t0, t1 = modulus, residue, 0, 1
    while r1 > bound:
        q = r0 // r1
        r0, r1, t0, t1 = r1, r0 - q * r1, t1, t0 - q * t1
    return Fraction(r1, t1) if t1 and abs(t1) <= bound else None


def lifted(echelon: Echelon, f: int, candidates: Monomials) -> Law | None:
    """The rational vector of a free column, if reconstruction reaches it."""
    law: Law = {candidates[f]: Fraction(1)}
    for column, residue in echelon.rows[f].items():
        value = rational(residue, echelon.modulus)
        if value is None:
            return None
        if value:
            law[candidates[column]] = value
    return law


@dataclass
class Kernel:
    """The certified laws of a family by free column, and how many there can be at most."""

    candidates: Monomials
    laws: dict[int, Law] = field(default_factory=dict)
    free: tuple[int, ...] = ()
    nullity: int | None = None
    primes: int = 0

    @property
    def exact(self) -> bool:
        return self.nullity == len(self.laws)


def certified(setting: Setting, law: Law, rates: list[Any], rate: Fraction = ZERO) -> bool:
    """Whether dQ/dt = rate · Q identically over ℚ, along a field."""
    polynomial = setting.polynomial(law)
    return bool(setting.along(polynomial, rates) == polynomial * setting.ring.number(rate))


def fill(setting: Setting, kernel: Kernel, rest: bool, check: Callable[[], None]) -> None:
    """Find and certify, filling `kernel` law by law; `check` may raise to stop."""
    rates = setting.parts[1] if rest else setting.rates
    echelon: Echelon | None = None
    for p in moduli(PRIMES):
        check()
        new = null_space(sampled(setting, kernel.candidates, p, rest), p)
        echelon = new if echelon is None else combined(echelon, new)
        kernel.primes += 1
        kernel.free, kernel.nullity = echelon.free, len(echelon.free)
        kernel.laws = {f: law for f, law in kernel.laws.items() if f in echelon.free}
        for f in echelon.free:
            check()
            law = None if f in kernel.laws else lifted(echelon, f, kernel.candidates)
            if law is not None and certified(setting, law, rates):
                kernel.laws[f] = law
        if kernel.exact:
            return
