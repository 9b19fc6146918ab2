"""Counterexamples in closed form: curves that solve a flow, moments of one, steps; each checked exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import sympy

from ..errors import Misuse, name_of
from ..kernel.passes import Run
from ..kernel.verdicts import Refuted, Scope
from ..proving.matrices import Matrix
from ..proving.rings import Assignment, Expressions
from .integrate import integrate
from .paths import real
from .problems import FlowProblem, number
from .solutions import OfProblem, rational
from .training import steps

S = sympy.Symbol("s", real=True)
DIGITS = 40  # to which a closed form must agree with the integrator


@dataclass(frozen=True)
class Curve(OfProblem):
    """θ(s) with θ(0) the problem's start and ṡ = speed(s): a solution along its own curve; for speed 1, s is the time.

    s goes from 0 to `end`, which it reaches if the speed is not 0 there, and tends to as t → ∞ if it is. `shows` lists
    what it is a witness of: (text, function of a dict of SymPy matrices, value of s, value of the function).

    `recheck` substitutes it into the rule's velocities, over SymPy expressions in s: the start must agree, dθ/ds times
    the speed must be the velocity, no argument of φ may cross a kink before the end (one that is 0 throughout has
    φ′(0)), the speed must not vanish before the end, and every function must have its value.
    """

    problem: FlowProblem
    values: Mapping[str, Any]
    speed: Any
    end: Any
    shows: tuple[tuple[str, Callable[[dict[str, Any]], Any], Any, Any], ...] = ()

    def recheck(self) -> bool:
        shapes = {name: [len(row) for row in rows] for name, rows in self.problem.data.items() if name[0] in "Wb"}
        if {name: [len(row) for row in rows] for name, rows in self.values.items()} != shapes:
            raise Misuse("values", sorted(self.values), "every weight and bias by name, each in its shape")
        exact(self.speed, "speed")
        exact(self.end, "end")
        entries = [exact(v, name) for name, rows in self.values.items() for row in rows for v in row]
        runs = self._starts() and self._runs() and all(finite(entry, self.end) for entry in entries)
        return runs and all(self._solves()) and all(self._shown())

    def _starts(self) -> bool:
        given = self.problem.data
        return all(
            sympy.simplify(sympy.sympify(v).subs(S, 0) - rational(w)) == 0
            for name, rows in self.values.items()
            for row, other in zip(rows, given[name], strict=True)
            for v, w in zip(row, other, strict=True)
        )

    def _runs(self) -> bool:
        """Whether s goes from 0 towards the end, and does not stop before it."""
        first = sympy.sympify(self.speed).subs(S, 0)
        return bool(sympy.sign(first) == sympy.sign(self.end)) and not vanishes(self.speed, self.end)

    def _solves(self) -> list[bool]:
        ring = Expressions()
        data = self.rational_data | {name: [list(row) for row in rows] for name, rows in self.values.items()}
        run = Run(self.problem.net, Between(ring, data, self.end), self.problem.samples)
        if self.problem.error is not None:
            raise Misuse("problem", "error(t, f)", "targets: a curve does not know the time")
        run.error = lambda output: output.h - run.once("y", *output.h._dims)
        found = []
        for name, rate in run.velocities(self.problem.rule).items():
            if name in self.values:
                entries = (v for row in self.values[name] for v in row)
                pairs = zip(entries, rate.entries(), strict=True)
                found += [sympy.simplify(sympy.diff(v, S) * self.speed - r) == 0 for v, r in pairs]
            elif name in self.problem.data or name[0] in "Vv":  # what else moves must stand still; B_1 is of no use
                found += [sympy.simplify(r) == 0 for r in rate.entries()]
        return found

    def _shown(self) -> list[bool]:
        """A place is S itself, for all of the curve, or one that s comes to, or tends to at the end."""
        found = []
        for _, function, place, value in self.shows:
            place, value = exact(place, "place"), exact(value, "value")
            share = 0 if self.end == sympy.oo else place / self.end
            there = place == S or (place >= 0 if self.end == sympy.oo else bool(share >= 0) and bool(share <= 1))
            found.append(bool(there) and sympy.simplify(function(self.at(place)) - value) == 0)
        return found

    def at(self, place: Any) -> dict[str, Any]:
        """The parameters and the data as SymPy matrices, at a value of s."""
        found = {name: sympy.Matrix(rows) for name, rows in self.rational_data.items()}
        return found | {name: sympy.Matrix(rows).subs(S, place) for name, rows in self.values.items()}

    def gap(self, t: Any, digits: int = DIGITS) -> Any:
        """How far the integrator's path is from the curve at a time: |θ_path − θ(s)|, with t = ∫₀ˢ ds / speed."""
        path = integrate(self.problem, t, digits=digits + 5)
        with mpmath.workdps(digits + 15):
            time = real(number(t, "t"))
            slowness = sympy.lambdify(S, 1 / sympy.sympify(self.speed), "mpmath")
            end = mpmath.inf if self.end == sympy.oo else mpmath.mpf(str(sympy.N(self.end, digits + 15)))
            place = time if self.speed == 1 else inverted(slowness, time, end)
            known = {name: sympy.lambdify(S, sympy.Matrix(rows), "mpmath") for name, rows in self.values.items()}
            found = path.parameters()
            return max(
                abs(found[name][i, j] - mpmath.mpf(value(place)[i, j]))
                for name, value in known.items()
                for i in range(found[name].shape[0])
                for j in range(found[name].shape[1])
            )

    def to_dict(self) -> dict[str, Any]:
        values = {name: [[str(v) for v in row] for row in rows] for name, rows in self.values.items()}
        shown = [{"what": text, "s": str(place), "value": str(value)} for text, _, place, value in self.shows]
        record = {"kind": "curve", "problem": self.problem.to_dict(), "values": values}
        return record | {"speed": str(self.speed), "end": str(self.end), "shows": shown}

    def stated(self) -> list[tuple[str, str, Any]]:
        rows = [("the curve", f"{name}(s)", rows) for name, rows in self.values.items()]
        rows.append((f"its speed, s from 0 to {self.end}", "ds/dt", self.speed))
        return rows + [(f"at s = {place}", text, value) for text, _, place, value in self.shows]


class Between(Assignment):
    """The carrier of a curve: an argument of φ keeps its piece for s between 0 and the end, or is 0 throughout."""

    def __init__(self, ring: Any, data: Any, end: Any) -> None:
        super().__init__(ring, data)
        self.end = end

    def activate(self, activation: Any, h: Matrix, name: str) -> tuple[Matrix, Matrix]:
        values, slopes = (
            Matrix(self.ring, [[self._piece(activation, entry)[k] for entry in row] for row in h.data]) for k in (0, 1)
        )
        return values, slopes

    def _piece(self, activation: Any, h: Any) -> tuple[Any, Any]:
        if not activation.kinks:
            return activation.phi(h), activation.dphi(h)
        h = sympy.expand(h)
        middle = inside(self.end)
        sample = h if h.is_Rational else h.subs(S, rational(middle))
        if not sample.is_Rational:
            raise Misuse("values", h, "rational functions of s where φ has kinks")
        at = Fraction(int(sample.p), int(sample.q))
        for kink in activation.kinks:
            if h != kink and vanishes(h - kink, self.end, inside=True):
                raise Misuse("end", self.end, f"a place before {h} comes to the kink {kink}")
        slope, value = Fraction(activation.dphi(at)), Fraction(activation.phi(at))
        return rational(slope) * h + rational(value - slope * at), rational(slope) + 0 * h


def exact(value: Any, where: str) -> Any:
    """A SymPy expression in s without floats, made of sums, products, powers and exponentials: smooth where finite."""
    found = sympy.sympify(value)
    roots = {root: sympy.Integer(1) for root in found.atoms(sympy.CRootOf)}
    known = (sympy.Add, sympy.Mul, sympy.Pow, sympy.Rational, sympy.NumberSymbol, sympy.exp, sympy.log)
    for part in sympy.preorder_traversal(found.xreplace(roots)):
        if not isinstance(part, known) and part not in (S, sympy.oo):
            raise Misuse(
                where, str(value), "an exact expression in s: rational numbers, sums, products, powers, exp, log"
            )
    return found


def finite(expression: Any, end: Any) -> bool:
    """Whether an expression has a value from 0 to before the end."""
    expression = sympy.sympify(expression)
    if expression.is_rational_function(S):
        return not vanishes(1 / sympy.fraction(sympy.cancel(sympy.together(expression)))[1], end)
    low, high = sorted((sympy.Integer(0), sympy.sympify(end)))
    interval = sympy.Interval(low, high, left_open=low == end, right_open=high == end)
    return bool(sympy.calculus.util.continuous_domain(expression, S, interval) == interval)


def inside(end: Any) -> Fraction:
    """A rational number between 0 and the end."""
    end = sympy.sympify(end)
    if end == sympy.oo:
        return Fraction(1)
    half = sympy.Rational(end) / 2 if end.is_Rational else sympy.Rational(str(sympy.N(end / 2, 30)))
    return Fraction(int(half.p), int(half.q))


def vanishes(expression: Any, end: Any, inside: bool = False) -> bool:
    """Whether a rational function of s has a zero or a pole from 0 to before the end; `inside`: beyond 0."""
    if not sympy.sympify(expression).is_rational_function(S):
        raise Misuse("speed", str(expression), "a rational function of s")
    over, under = sympy.fraction(sympy.cancel(sympy.together(expression)))
    low, high = sorted((sympy.Integer(0), sympy.sympify(end)))
    for part in (over, under):
        polynomial = sympy.Poly(part, S)
        if polynomial.is_zero:
            return True
        for root in set(sympy.real_roots(polynomial)) if polynomial.degree() else ():
            if low <= root <= high and root != end and not (inside and root == 0):
                return True
    return False


def inverted(slowness: Callable[[Any], Any], time: Any, end: Any) -> Any:
    """The s with ∫₀ˢ slowness = time, by Newton's method from the slope, kept between 0 and the end."""
    place = time / slowness(mpmath.mpf(0))
    place = place if abs(place) < abs(end) else end / 2
    for _ in range(200):
        step = (mpmath.quad(slowness, mpmath.linspace(0, place, 9)) - time) / slowness(place)
        after = place - step
        place = after if 0 < after / end < 1 else (place + (end if after / end >= 1 else 0)) / 2
        if abs(step) < mpmath.mpf(10) ** -(mpmath.mp.dps - 8):
            return place
    raise Misuse("t", time, "a time that s reaches well before its end")


@dataclass(frozen=True)
class Moment(OfProblem):
    """A state, and the exact rate there of a function of the parameters (and of the data) along the flow.

    `recheck` differentiates function(θ + s θ̇) at s = 0, θ̇ being the rule's velocities over rational numbers.
    """

    problem: FlowProblem
    text: str
    function: Callable[[dict[str, Any]], Any]
    rate: Any
    holds: tuple[tuple[str, Callable[[dict[str, Any]], Any], Any], ...] = ()

    def recheck(self) -> bool:
        exact(self.rate, "rate")
        moves = steps(self.problem, 1, 1).moves(0)
        start = {name: sympy.Matrix(rows) for name, rows in self.rational_data.items()}
        moved = {
            n: start[n] + S * sympy.Matrix(*value.shape, [rational(v) for v in value.ravel()])
            for n, value in moves.items()
            if n in start
        }
        slope = sympy.diff(sympy.sympify(self.function(start | moved)), S).subs(S, 0)
        said = all(sympy.simplify(function(start) - value) == 0 for _, function, value in self.holds)
        return bool(sympy.simplify(slope - self.rate) == 0) and said

    def gap(self, digits: int = DIGITS) -> Any:
        """How far (q(t) − q(0)) / t of the integrator's path is from the rate, at a time that small."""
        t = Fraction(1, 10 ** (digits + 2))
        path = integrate(self.problem, t, digits=2 * digits + 20)
        with mpmath.workdps(2 * digits + 30):
            known = {n: mpmath.matrix(v.tolist()) for n, v in path.parameters().items()}
            fixed = {n: mpmath.matrix([[real(v) for v in row] for row in r]) for n, r in self.problem.data.items()}
            rise = (self.function(fixed | known) - self.function(fixed)) * t.denominator
            return abs(rise - mpmath.mpf(str(sympy.N(self.rate, 2 * digits + 20))))

    def to_dict(self) -> dict[str, Any]:
        said = [{"what": text, "value": str(value)} for text, _, value in self.holds]
        record = {"kind": "moment", "problem": self.problem.to_dict(), "what": self.text}
        return record | {"rate": str(self.rate), "holds": said}

    def stated(self) -> list[tuple[str, str, Any]]:
        rows = [*self.given(), *(("where", text, value) for text, _, value in self.holds)]
        return [*rows, ("along the flow", f"d/dt {self.text}", self.rate)]


@dataclass(frozen=True)
class Stepped(OfProblem):
    """What n steps of training make of a function of the parameters, exactly."""

    problem: FlowProblem
    eta: Fraction
    count: int
    shows: tuple[tuple[str, Callable[[dict[str, Any]], Any], Any], ...]

    def recheck(self) -> bool:
        training = steps(self.problem, self.eta, self.count)
        if training.status != "ok" or len(training) != self.count:
            return False
        known = {name: sympy.Matrix(rows) for name, rows in self.rational_data.items()}
        known |= {
            n: sympy.Matrix(*v.shape, [rational(entry) for entry in v.ravel()])
            for n, v in training.parameters().items()
        }
        return all(sympy.simplify(function(known) - exact(value, "value")) == 0 for _, function, value in self.shows)

    def to_dict(self) -> dict[str, Any]:
        shown = [{"what": text, "value": str(value)} for text, _, value in self.shows]
        record = {"kind": "steps", "problem": self.problem.to_dict(), "eta": str(self.eta), "count": self.count}
        return record | {"shows": shown}

    def stated(self) -> list[tuple[str, str, Any]]:
        after = f"after {self.count} step{'s' * (self.count != 1)} with η = {self.eta}"
        return [*self.given(), *((after, text, value) for text, _, value in self.shows)]


def disproved(statement: str, witness: Any, times: tuple[Any, ...] = (), digits: int = DIGITS) -> Refuted:
    """The refutation of a statement by a curve, a moment or steps, checked exactly and held against the integrator.

    `times`: of a curve, when its closed form is compared with the path of `fv.integrate`, to `digits` digits.

    Raises: Misuse if the witness does not survive its recheck, or the integrator goes elsewhere.
    """
    if not isinstance(witness, (Curve, Moment, Stepped)):
        raise Misuse("witness", witness, "a fv.Curve, fv.Moment or fv.Stepped")
    if not witness.recheck():
        raise Misuse("witness", statement, "a closed form that solves the problem and shows what it says")
    how, gaps = "closed form, checked by substitution", []
    if isinstance(witness, Stepped):
        how = "steps over rational numbers"
    elif isinstance(witness, Moment):
        how, gaps = "exact rate at a rational state", [witness.gap(digits)]
    else:
        gaps = [witness.gap(t, digits) for t in times]
    if any(gap > mpmath.mpf(10) ** -digits for gap in gaps):
        raise Misuse("witness", mpmath.nstr(max(gaps), 5), f"a path of the integrator within 1e-{digits}")
    how += f"; the integrator agrees to {digits} digits" if gaps else ""
    problem = witness.problem
    scope = Scope(
        layers="all", widths=", ".join(map(str, witness.widths)), depths=str(problem.net.depth),
        batch=str(problem.samples), loss="squared loss", activations=witness.activation, gates="those of the witness",
        feedback="the witness's",
        time="one step or more" if isinstance(witness, Stepped) else "wherever the flow exists",
    )  # fmt: skip
    return Refuted("claim", name_of(problem.rule), statement, scope, how, witness=witness)
