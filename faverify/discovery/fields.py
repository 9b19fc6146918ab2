"""A rule's vector fields on the parameters of one network: who moves, who is fixed, and dθ/dt as polynomials.

Method. A trial run tells which letters there are and which of them the rule moves. Letters that differ from sample to
sample (input, error, target, gates, draws) are *data*; what does not move gets fixed numbers, small, drawn from a seed,
of full rank. So a rule on a network is a family X(θ; data) of polynomial vector fields, one sample at a time. Signs are
those of a base point θ₀: all that is found holds in its region.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import Misuse, UnsupportedOperation, name_of
from ..kernel.carriers import watch
from ..kernel.passes import Run
from ..model.names import marked, unmarked
from ..presenting import matrix_text
from ..proving.given import numbers
from ..proving.polynomials import PolynomialCarrier, Polynomials
from .residues import Field, ResidueCarrier, modulus

SPREAD = 7  # fixed numbers have different sizes, from 1 … 7 or twice their number, so that coefficients stay small
POINTS = 20  # base points tried for a region
FAR = 1000  # entries of the base point are ±1 … ±1000, so that no relation between them is likely

Rows = list[list[Fraction]]
Law = dict[tuple[int, ...], Fraction]  # a polynomial in θ: (i, i, j) stands for θ_i² θ_j, () for 1


class Constants:
    """A rational value for each symbolic constant, drawn by its name."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.values: dict[str, Fraction] = {}

    def __call__(self, name: str) -> Fraction:
        if name not in self.values:
            draws = random.Random(f"{self.seed} {name}")
            self.values[name] = Fraction(draws.choice((2, 3, 5)), draws.choice((7, 11, 13)))
        return self.values[name]


class FlowPolynomials(Polynomials):
    """ℚ[θ, data], with numbers for what is fixed and for signs."""

    def __init__(self, variables: list[str], known: Mapping[str, Fraction], signs: Mapping[str, int], constants: Any):
        super().__init__(variables)
        self.known, self.signs, self.constants = known, signs, constants
        self.signed = False  # whether the sign of a parameter was read

    def parameter(self, name: str) -> Any:
        if name in self.known:
            return self.number(self.known[name])
        return super().parameter(name) if "[" in name else self.number(self.constants(name))

    def sign(self, value: Any) -> Any:
        if value.is_constant():
            leading = 0 if value == 0 else value.leading_coefficient()
            return self.number((leading > 0) - (leading < 0))
        for s in (1, -1):
            name = self.text(s * value)
            if name in self.signs:
                self.signed = True
                return self.number(s * self.signs[name])
        remedy = "no other sign is constant in a region"
        raise UnsupportedOperation("fv.sign of what is neither ± a parameter nor fixed", self.name, remedy)


@dataclass(eq=False)
class Setting:
    """A rule on a network, with everything fixed that does not move.

    Shapes: `moving`, `data`: names and shapes; `fixed`, `base`: names and rows of numbers.
    """

    rule: Any
    net: Any
    seed: int
    constants: Constants
    moving: dict[str, tuple[int, int]]
    data: dict[str, tuple[int, int]]
    fixed: dict[str, Rows]
    base: dict[str, Rows]
    notes: list[str] = field(default_factory=list)
    idle: frozenset[str] = frozenset()  # moved by the rule, but of no consequence
    signed: bool = False  # whether the rule read the sign of a parameter

    def given(self) -> dict[str, Rows]:
        """What is fixed and read by the rule."""
        return {name: rows for name, rows in self.fixed.items() if name not in self.idle}

    def drawn_base(self, attempt: int) -> dict[str, Rows]:
        """A base point; where the rule reads signs, in the region of the first."""
        draws = random.Random(f"{self.seed} base {attempt}")
        found = {name: _random_rows(draws, dims) for name, dims in self.moving.items()}
        if attempt and self.base and self.signed:
            for name, rows in found.items():
                pairs = (zip(a, b, strict=True) for a, b in zip(rows, self.base[name], strict=True))
                found[name] = [[abs(new) if old > 0 else -abs(new) for new, old in row] for row in pairs]
        return found

    @cached_property
    def variables(self) -> list[str]:
        """The entries θ_1 … θ_D of the moving parameters."""
        return _entries(self.moving)

    @cached_property
    def ring(self) -> FlowPolynomials:
        known = {name: value for key, rows in self.fixed.items() for name, value in _valued(key, rows)}
        signs = {name: 1 if value > 0 else -1 for key, rows in self.base.items() for name, value in _valued(key, rows)}
        return FlowPolynomials(self.variables + _entries(self.data), known, signs, self.constants)

    @cached_property
    def run(self) -> Run:
        """The run whose layers laws are evaluated at; its velocities are `rates`."""
        return Run(self.net, PolynomialCarrier(self.ring), 1)

    @cached_property
    def rates(self) -> list[Any]:
        """dθ_i/dt as polynomials in θ and the data."""
        with watch():
            moves = self.run.velocities(self.rule)
        self.signed = self.ring.signed
        return [entry for name in self.moving for entry in moves[name].entries()]

    @cached_property
    def parts(self) -> tuple[list[Any], list[Any]]:
        """dθ/dt at no data (decay, say), and the rest."""
        count, none = len(self.variables), []
        for rate in self.rates:
            terms = {k: c for k, c in rate.to_dict().items() if not any(k[count:])}
            none.append(self.ring.context.from_dict(terms))
        return none, [rate - still for rate, still in zip(self.rates, none, strict=True)]

    def polynomial(self, law: Law) -> Any:
        """A law as an element of the ring."""
        size = len(self.ring.names)
        terms = {}
        for monomial, coefficient in law.items():
            exponents = [0] * size
            for i in monomial:
                exponents[i] += 1
            terms[tuple(exponents)] = self.ring._fmpq(coefficient.numerator, coefficient.denominator)
        return self.ring.context.from_dict(terms)

    def law(self, polynomial: Any) -> Law:
        """The law of an element of the ring that has no data in it."""
        found: Law = {}
        for exponents, c in polynomial.to_dict().items():
            monomial = tuple(i for i, power in enumerate(exponents) if power for _ in range(power))
            found[monomial] = Fraction(int(c.p), int(c.q))
        return found

    def along(self, polynomial: Any, rates: list[Any]) -> Any:
        """dQ/dt = Σ ∂Q/∂θ_i X_i."""
        total = self.ring.context.constant(0)
        for i, degree in enumerate(polynomial.degrees()[: len(self.variables)]):
            if degree and rates[i] != 0:
                total += polynomial.derivative(i) * rates[i]
        return total


def is_additive(setting: Setting) -> bool:
    """Whether the velocities of two samples are the sum of those of each, less what moves without data (mod p)."""
    field_ = Field(modulus(), setting.constants)

    def moved(samples: int, known: dict[str, Any] | None, draws: Any = None) -> tuple[dict[str, Any], ResidueCarrier]:
        carrier = ResidueCarrier(field_, 1, draws, setting.fixed, setting.base, known)
        with watch():
            return Run(setting.net, carrier, samples).velocities(setting.rule), carrier

    pair, carrier = moved(2, None, np.random.default_rng(1))
    letters, singles = carrier.letters, []
    for sample in (0, 1):
        own = {name: letters[name][:, :, sample : sample + 1] for name in setting.data if name in letters}
        wide = {name: letters[name] for name in own if carrier.shapes[name] == setting.data[name]}
        singles.append(moved(1, letters | own | wide)[0])
    still = moved(1, {name: letters[name] for name in setting.moving if name in letters})[0]
    gaps = (pair[name] - singles[0][name] - singles[1][name] + still[name] for name in setting.moving)
    return all(gap.is_zero() for gap in gaps)


def _entries(shapes: Mapping[str, tuple[int, int]]) -> list[str]:
    return [f"{name}[{i},{j}]" for name, (rows, cols) in shapes.items() for i in range(rows) for j in range(cols)]


def _valued(name: str, rows: Rows) -> list[tuple[str, Fraction]]:
    return [(f"{name}[{i},{j}]", entry) for i, row in enumerate(rows) for j, entry in enumerate(row)]


def setting_of(rule: Any, net: Any, feedback: Mapping[str, Any] | None, seed: int) -> Setting:
    """Run the rule once, tell apart what moves, what is data and what is fixed, and fix it."""
    constants = Constants(seed)
    probe, moves = _trial(rule, net, constants)
    shapes = probe.shapes
    moving = {name: dims for name, dims in shapes.items() if name in moves}
    pair, _ = _trial(rule, net, constants, 2)
    sampled = {name for name, dims in pair.shapes.items() if shapes.get(name) != dims}
    data = {name: dims for name, dims in shapes.items() if name not in moving and _is_data(name, net, probe, sampled)}
    still = {name: dims for name, dims in shapes.items() if name not in moving and name not in data}
    given = _given(feedback, still)
    notes: list[str] = []
    fixed = {name: given.get(name) or _drawn(random.Random(f"{seed} {name}"), dims) for name, dims in still.items()}
    for name, rows in given.items():
        rank, full = _rank(rows), min(still[name])
        if rank < full:
            notes.append(f"{name} is singular: rank {rank} of {full}; singular feedback adds laws")
    for attempt in range(POINTS):
        setting = Setting(rule, net, seed, constants, moving, data, fixed, {}, notes)
        setting.base = setting.drawn_base(attempt)
        # Sign matrices of less than full rank are regions of their own, with more laws.
        ranks = [_rank(_signs(rows)) == min(moving[name]) for name, rows in setting.base.items()]
        if all(ranks) or not _reads_signs(setting):
            break
    return _without_idle(setting)


def _reads_signs(setting: Setting) -> bool:
    return bool(setting.rates) and setting.signed


def _without_idle(setting: Setting) -> Setting:
    """Leave out B_1 and F_L, which stand in for nothing, and parameters of velocity 0 throughout."""
    sizes = {name: rows * cols for name, (rows, cols) in setting.moving.items()}
    used: dict[str, set[str]] = {name: set() for name in sizes}
    start, idle = 0, []
    for name, size in sizes.items():
        rates = setting.rates[start : start + size]
        start += size
        for rate in rates:
            for variable, degree in zip(setting.variables, rate.degrees(), strict=False):
                if degree:
                    used[variable.partition("[")[0]].add(name)
        if all(rate == 0 for rate in rates):
            idle.append(
                (name, f"{name} does not move: its velocity is 0; here it is {matrix_text(setting.base[name])}")
            )
    nothing = {"B1", f"F{setting.net.depth}"} & set(sizes)
    idle += [(name, f"{name} stands in for no map and is left out") for name in sorted(nothing) if used[name] <= {name}]
    if not idle:
        return setting
    gone = dict(idle)
    return Setting(
        setting.rule,
        setting.net,
        setting.seed,
        setting.constants,
        {name: dims for name, dims in setting.moving.items() if name not in gone},
        setting.data,
        setting.fixed | {name: setting.base[name] for name in gone},
        {name: rows for name, rows in setting.base.items() if name not in gone},
        setting.notes + list(gone.values()),
        frozenset(gone),
    )


def _trial(rule: Any, net: Any, constants: Constants, samples: int = 1) -> tuple[ResidueCarrier, set[str]]:
    carrier = ResidueCarrier(Field(modulus(), constants), 1, np.random.default_rng(0))
    with watch():
        moves = Run(net, carrier, samples).velocities(rule)
    carrier.shapes |= {name: value._dims for name, value in moves.items()}
    return carrier, set(moves)


def _is_data(name: str, net: Any, probe: ResidueCarrier, sampled: set[str]) -> bool:
    """Whether a letter differs from sample to sample: input, error, target, gates, and what a rule draws anew."""
    return name in probe.gates or name in sampled or name.strip("′") in (net.source, "e", "y", "f") or "~" in name


def _given(feedback: Mapping[str, Any] | None, still: Mapping[str, tuple[int, int]]) -> dict[str, Rows]:
    if feedback is None:
        return {}
    if not isinstance(feedback, Mapping):
        raise Misuse("feedback", feedback, "a dict of matrices, such as {'B2': [[1, 2]]}")
    found = {}
    for key, value in feedback.items():
        name = marked(str(key))
        if name not in still:
            names = ", ".join(map(unmarked, still)) or "none: this rule reads no matrix that it does not move"
            raise Misuse("feedback", key, f"names of what the rule reads and does not move: {names}")
        found[name] = numbers(value, str(key), still[name])
    return found


def _drawn(draws: random.Random, dims: tuple[int, int]) -> Rows:
    """A matrix of full rank of small numbers, none of them 0."""
    while True:
        sizes = draws.sample(range(1, max(SPREAD, 2 * dims[0] * dims[1]) + 1), dims[0] * dims[1])
        entries = [Fraction(draws.choice((-1, 1)) * size) for size in sizes]
        rows = [entries[k * dims[1] : (k + 1) * dims[1]] for k in range(dims[0])]
        if _rank(rows) == min(dims):
            return rows


def _random_rows(draws: random.Random, dims: tuple[int, int]) -> Rows:
    """Whole numbers, none of them 0."""
    rows, cols = dims
    return [[Fraction(draws.choice((-1, 1)) * draws.randint(1, FAR)) for _ in range(cols)] for _ in range(rows)]


def _signs(rows: Rows) -> Rows:
    return [[Fraction(1 if entry > 0 else -1) for entry in row] for row in rows]


def rational_matrix(rows: Rows) -> Any:
    """The rows as python-flint has them."""
    from flint import fmpq, fmpq_mat

    return fmpq_mat(len(rows), len(rows[0]), [fmpq(c.numerator, c.denominator) for row in rows for c in row])


def _rank(rows: Rows) -> int:
    return int(rational_matrix(rows).rank())


def describe(setting: Setting) -> dict[str, str]:
    """What the numbers of a discovery speak of."""
    net, scope = setting.net, {}
    scope["network"] = f"{net!r}, one sample at a time"
    scope["rule"] = name_of(setting.rule)
    scope["laws"] = "polynomials with rational coefficients, common to all inputs and all error signals"
    linear, degree = net.activation.linear, net.activation.degree
    facts = "φ and φ′ as free letters" if degree is None else "every gate, any φ′ at a kink"
    scope["activation"] = net.activation.description + ("" if linear else f"; {facts}")
    if setting.signed:
        scope["region"] = f"where the signs are those of {values_text(setting.base)}"
    for name, rows in setting.given().items():
        scope[unmarked(name)] = matrix_text(rows)
    for name, value in setting.constants.values.items():
        scope[name] = str(value)
    return scope


def values_text(values: Mapping[str, Rows]) -> str:
    """W1 = [[1, 2]]; W2 = …"""
    return "; ".join(f"{name} = {matrix_text(rows)}" for name, rows in values.items())


def entry_of(variable: str) -> tuple[str, int, int]:
    """The name, row and column of an entry such as W1[0,2]."""
    found = re.fullmatch(r"(.*)\[(\d+),(\d+)\]", variable)
    assert found is not None
    return found[1], int(found[2]), int(found[3])
