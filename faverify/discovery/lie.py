"""The rank of the Lie algebra that a rule's vector fields generate: how many independent laws there can be at most.

Method. A law common to all inputs and errors is constant along every field X_{x,e}, hence along every bracket
[X, Y] = DY·X − DX·Y. At a base point θ₀ the brackets span a space of rank r; then at most D − r laws are independent
near θ₀. Gates are those that inputs produce at θ₀: near it they stay, and X is a polynomial in θ and the data, so that
its coefficients by monomials of the data span the same space. Ranks are taken mod p of rational data, which can only
make them smaller: D − r stays an upper bound.

References: Marcotte, Gribonval & Peyré 2023, *Abide by the law and follow the flow*, Theorem 3.3 and §3; Sussmann 1973.
"""

from __future__ import annotations

import copy
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import FaverifyError, UnsupportedOperation
from ..kernel.carriers import watch
from ..kernel.passes import Run
from ..model.activations import activation_named
from ..proving.matrices import Matrix
from ..proving.polynomials import PolynomialCarrier
from ..proving.rings import Assignment, Rationals
from .fields import Constants, Setting
from .residues import Array, Field, modulus
from .spans import Span, SparseSpan

PATTERNS = 48  # activation patterns at most
PATIENCE = 16  # inputs in a row that show no new pattern
POINTS = 24  # base points tried
CLOSED = 4  # of those at which a neuron is closed for every input
BRACKETS = 200  # brackets tried after the rank has stopped growing
TERMS = 1500  # a field with more terms is not bracketed further

Base = dict[str, Any]
Patterns = list[dict[str, Fraction]]
Terms = dict[int, dict[tuple[int, ...], int]]  # component → exponents of θ → coefficient mod p


@dataclass(frozen=True)
class LieRank:
    """`rank` at the base point, after `brackets` brackets of `generators` fields from `patterns` patterns.

    `closed`: whether all further brackets are in the span, so that the rank is that of the whole algebra mod p.
    """

    rank: int
    generators: int
    patterns: int
    brackets: int = 0
    closed: bool = False
    base: dict[str, Any] = field(default_factory=dict)


class VectorField:
    """A polynomial field mod p, with its value and its Jacobian at the base point."""

    def __init__(self, context: Any, parts: dict[int, Any], point: list[int], p: int) -> None:
        self.context, self.parts, self.point, self.p = context, parts, point, p
        self.size = sum(map(len, parts.values()))

    @cached_property
    def value(self) -> Array:
        found = np.zeros(len(self.point), dtype=np.int64)
        for i, part in self.parts.items():
            found[i] = int(part(*self.point)) % self.p
        return found

    @cached_property
    def slopes(self) -> dict[int, dict[int, Any]]:
        """∂ of each component by each variable that it has."""
        return {
            i: {j: part.derivative(j) for j, degree in enumerate(part.degrees()) if degree}
            for i, part in self.parts.items()
        }

    @cached_property
    def jacobian(self) -> Array:
        found = np.zeros((len(self.point), len(self.point)), dtype=np.int64)
        for i, slopes in self.slopes.items():
            for j, slope in slopes.items():
                found[i, j] = int(slope(*self.point)) % self.p
        return found

    def bracket(self, other: VectorField) -> VectorField:
        """[self, other]."""
        parts: dict[int, Any] = defaultdict(lambda: self.context.constant(0))
        for one, two, sign in ((self, other, 1), (other, self, -1)):  # D two · one
            for i, slopes in two.slopes.items():
                for j, slope in slopes.items():
                    if j in one.parts:
                        parts[i] += sign * slope * one.parts[j]
        nonzero = {i: part for i, part in parts.items() if part != 0}
        return VectorField(self.context, nonzero, self.point, self.p)

    def coordinates(self) -> dict[tuple[int, tuple[int, ...]], int]:
        """The coefficients, by component and monomial."""
        return {(i, k): int(c) for i, part in self.parts.items() for k, c in part.to_dict().items()}


def lie_rank(setting: Setting, enough: int, check: Callable[[], None] = lambda: None) -> LieRank | None:
    """The greatest rank at some base points; the search ends at `enough`, beyond which no rank can grow.

    Regions differ: where a neuron is closed for every input there are more laws, so that such points come last.
    None: φ has no exact fields here.
    """
    best: _Algebra | None = None
    points: list[tuple[Base, Patterns]] = []
    rates = exact_rates(setting)
    if rates is None:
        return None
    for attempt in range(POINTS):
        base = setting.base if attempt == 0 else setting.drawn_base(attempt)
        patterns = gate_patterns(setting, base) if rates is setting.rates else [{}]
        if patterns is None:
            return None
        if any(not any(pattern[gate] for pattern in patterns) for gate in (patterns or [{}])[0]):
            points.append((base, patterns))
            continue
        best = _better(best, setting, rates, base, patterns, enough, check)
        if best.done() or setting.net.activation.linear:
            break
    for base, patterns in points[:CLOSED] if best is None else ():
        best = _better(best, setting, rates, base, patterns, enough, check)
    assert best is not None
    return best.answer() if best.done() else best.stalled()


def _better(
    best: _Algebra | None,
    setting: Setting,
    rates: list[Any],
    base: Base,
    patterns: Patterns,
    enough: int,
    check: Callable[[], None],
) -> _Algebra:
    """The algebra at a base point, if its rank is greater than that of the best one."""
    terms = _coefficients(setting, rates, patterns, modulus())
    algebra = _Algebra(setting, base, terms, len(patterns), enough, check)
    algebra.grow()
    return algebra if best is None or len(algebra.span.pivots) > len(best.span.pivots) else best


class _Algebra:
    """The Lie algebra at one base point, as far as it has been generated."""

    def __init__(
        self,
        setting: Setting,
        base: dict[str, Any],
        terms: list[Terms],
        patterns: int,
        enough: int,
        check: Callable[[], None],
    ) -> None:
        from flint import nmod_mpoly_ctx

        self.base, self.patterns, self.enough, self.check, self.tried = base, patterns, enough, check, 0
        self.p = p = modulus()
        size = len(setting.variables)
        context = nmod_mpoly_ctx.get(tuple(f"t{k}" for k in range(size)), modulus=p)
        point = [int(entry) % p for rows in base.values() for row in rows for entry in row]
        self.independent, self.span = SparseSpan(p), Span(size, p)
        self.fields: list[VectorField] = []
        for parts in terms:
            check()
            if self.independent.add({(i, k): c for i, part in parts.items() for k, c in part.items()}):
                polynomials = {i: context.from_dict(part) for i, part in parts.items()}
                self.fields.append(VectorField(context, polynomials, point, p))
                self.span.add(self.fields[-1].value)

    def done(self) -> bool:
        return len(self.span.pivots) >= self.enough

    def answer(self, closed: bool = False) -> LieRank:
        return LieRank(len(self.span.pivots), len(self.fields), self.patterns, self.tried, closed, self.base)

    def grow(self) -> None:
        """Brackets with the generators, as long as the rank grows."""
        fields, p, frontier = self.fields, self.p, self.fields
        size = self.span.rows.shape[1]
        values = np.array([field.value for field in fields]).reshape(-1, size)
        jacobians = np.array([field.jacobian for field in fields]).reshape(-1, size, size)
        while frontier and not self.done():
            grown: list[VectorField] = []
            for Y in frontier:
                self.check()
                # [X, Y](θ₀) for Y and every generator X, from values and Jacobians alone
                brackets = (_times(Y.jacobian, values, p) - (jacobians * Y.value % p).sum(axis=2)) % p
                self.tried += len(brackets)
                for k in np.flatnonzero(self.span.reduced(brackets).any(axis=1)):
                    if self.span.add(brackets[k]) and Y.size <= TERMS:
                        grown.append(fields[k].bracket(Y))
                if self.done():
                    return
            frontier = grown

    def stalled(self) -> LieRank:
        """Go on with brackets that are new as fields, whether or not they are new at θ₀."""
        queue, last, closed = list(self.fields), self.tried + BRACKETS, True
        for Y in queue:  # grows while it is read
            for generator in self.fields:
                self.check()
                if self.tried == last or self.done():
                    return self.answer()
                self.tried += 1
                bracket = generator.bracket(Y)
                if bracket.size > TERMS:
                    closed = False
                    self.span.add(bracket.value)
                elif bracket.parts and self.independent.add(bracket.coordinates()):
                    self.span.add(bracket.value)
                    queue.append(bracket)
        return self.answer(closed)


def _times(matrix: Array, vectors: Array, p: int) -> Array:
    """matrix @ v mod p for each row v."""
    found: Array = (matrix[None] * vectors[:, None, :] % p).sum(axis=2) % p
    return found


def exact_rates(setting: Setting) -> list[Any] | None:
    """dθ/dt as polynomials near a base point: with gates as letters for φ piecewise linear, else with φ written out."""
    degree = setting.net.activation.degree
    if setting.net.activation.linear or (isinstance(degree, (int, Fraction)) and degree == 1):
        return setting.rates
    return _substituted(setting)


class _Substituting(PolynomialCarrier):
    """φ(h) and φ′(h) themselves, for a φ that runs over polynomials."""

    def activate(self, activation: Any, h: Matrix, name: str) -> tuple[Any, Any]:
        if activation.phi is None:
            raise ValueError("a class of functions")
        zero = self.ring.number(0)
        return h.map(lambda entry: zero + activation.phi(entry)), h.map(lambda entry: zero + activation.dphi(entry))


def _substituted(setting: Setting) -> list[Any] | None:
    """dθ/dt with φ(h) written out, for polynomial φ; None for any other."""
    try:
        with watch():
            moves = Run(setting.net, _Substituting(setting.ring), 1).velocities(setting.rule)
    except (FaverifyError, TypeError, ValueError):
        return None
    return [entry for name in setting.moving for entry in moves[name].entries()]


def gate_patterns(setting: Setting, base: Base) -> Patterns | None:
    """Values of φ′(h) that rational inputs produce at θ₀, away from the kinks; None if φ has none at rationals."""
    if setting.net.activation.linear:
        return [{}]
    draws = random.Random(f"{setting.seed} inputs")
    found: dict[tuple[tuple[str, Fraction], ...], None] = {}
    for activation in _members(setting.net.activation):
        net, idle = copy.copy(setting.net), 0
        net.activation = activation
        while idle < PATIENCE and len(found) < PATTERNS:
            ring = Rationals(_Values(setting.constants))
            given = {name: list(rows) for name, rows in (base | setting.fixed).items()}
            carrier = Assignment(ring, given, lambda _: Fraction(draws.randint(-99, 99)))
            try:
                with watch():
                    Run(net, carrier, 1).velocities(setting.rule)
            except UnsupportedOperation:
                return None
            gates = {
                f"k{name}[{i},{j}]": entry
                for name, gate in carrier.gates.items()
                for i, row in enumerate(gate.data)
                for j, entry in enumerate(row)
            }
            key = tuple(sorted(gates.items()))
            idle = idle + 1 if key in found or ring.at_kink else 0
            if not ring.at_kink:
                found[key] = None
    return [dict(key) for key in found]


def _members(activation: Any) -> list[Any]:
    """A piecewise linear φ itself; of a class of functions, some of its members."""
    if activation.phi is not None:
        return [activation]
    return [activation_named(name) for name in activation.candidates if name != "linear"]


class _Values(dict[str, Fraction]):
    """The values of symbolic constants as a dict."""

    def __init__(self, constants: Constants) -> None:
        super().__init__()
        self.constants = constants

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> Fraction:
        return self.constants(name)


def _coefficients(setting: Setting, rates: list[Any], patterns: list[dict[str, Fraction]], p: int) -> list[Terms]:
    """The fields that multiply each monomial of the data, with the gates of each pattern put in."""
    residues, count = Field(p, setting.constants), len(setting.variables)
    gates = {name: k for k, name in enumerate(setting.ring.names) if k >= count and name in (patterns or [{}])[0]}
    free = [k for k in range(count, len(setting.ring.names)) if k not in gates.values()]
    terms = [
        (i, k[:count], tuple(k[j] for j in free), {j: k[j] for j in gates.values() if k[j]}, residues.number(c))
        for i, rate in enumerate(rates)
        for k, c in rate.to_dict().items()
    ]
    found: list[Terms] = []
    seen: set[Any] = set()
    for pattern in patterns:
        values = {k: residues.number(pattern[name]) for name, k in gates.items()}
        groups: dict[Any, Terms] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
        for i, exponents, data, powers, c in terms:
            for j, power in powers.items():
                c = c * pow(values[j], power, p) % p
            if c:
                groups[data][i][exponents] = (groups[data][i][exponents] + c) % p
        for parts in groups.values():
            clean = {i: {k: c for k, c in part.items() if c} for i, part in parts.items()}
            clean = {i: part for i, part in clean.items() if part}
            key = tuple(sorted((i, tuple(sorted(part.items()))) for i, part in clean.items()))
            if clean and key not in seen:
                seen.add(key)
                found.append(clean)
    return found
