"""Solutions in closed form: checked by substitution, and held against the integrator; where one ends, a refutation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from typing import Any

import mpmath
import sympy

from ..errors import Misuse, name_of
from ..kernel.passes import Run
from ..kernel.verdicts import Refuted, Scope
from ..presenting import value_text
from ..proving.matrices import Matrix
from ..proving.rings import Assignment, Expressions
from .integrate import integrate
from .paths import real
from .problems import FlowProblem, check_problem, number
from .recorders import error_of

TIME = sympy.Symbol("t", real=True)


class OfProblem:
    """What every witness about a problem says of its network."""

    problem: FlowProblem
    network = ""

    @property
    def widths(self) -> tuple[int, ...]:
        return self.problem.net.widths  # type: ignore[no-any-return]

    @property
    def activation(self) -> str:
        return str(self.problem.net.activation.name)

    def stated(self) -> list[tuple[str, str, Any]]:
        """(what it is, name, value) of everything that a reader needs; a matrix is a list of rows."""
        raise NotImplementedError

    @property
    def rational_data(self) -> dict[str, list[list[Any]]]:
        """The problem's data as SymPy's numbers."""
        return {name: [[rational(v) for v in row] for row in rows] for name, rows in self.problem.data.items()}

    def given(self) -> list[tuple[str, str, Any]]:
        """The problem's data."""
        return [("given", name, rows) for name, rows in self.problem.data.items()]

    def __str__(self) -> str:
        lines = []
        for what, several in groupby(self.stated(), key=lambda row: row[0]):
            lines += [] if what == "given" else [f"  {what}:"]
            lines += [f"  {'' if what == 'given' else '  '}{name} = {value_text(value)}" for _, name, value in several]
        return "\n".join(lines)


@dataclass(frozen=True)
class Solution(OfProblem):
    """θ(t) of a problem, by name, as rows of SymPy expressions in `t`; and the time at which an entry becomes infinite.

    `recheck` substitutes it into the rule's velocities, run over SymPy expressions, and shares nothing with the
    integrator: the start must agree, every residual must simplify to 0, and the limit of an entry must be infinite.
    """

    problem: FlowProblem
    values: Mapping[str, Any]
    ends: Fraction | None = None

    def residuals(self) -> list[Any]:
        """θ̇ − the rule's velocities, entry by entry, simplified."""
        ring = Expressions()
        data = self.rational_data | {name: [list(row) for row in rows] for name, rows in self.values.items()}
        run = Run(self.problem.net, Assignment(ring, data), self.problem.samples)  # type: ignore[arg-type]
        time = Matrix(ring, [[TIME]])
        run.error = lambda output: error_of(self.problem, time, output.h, lambda: run.once("y", *output.h._dims))
        moves = run.velocities(self.problem.rule)
        if set(moves) != set(self.values):
            raise Misuse("values", sorted(self.values), f"what moves, and that alone: {', '.join(moves)}")
        found = []
        for name, rate in moves.items():
            entries = [v for row in data[name] for v in row]
            rates = rate.entries()
            found += [sympy.simplify(sympy.diff(v, TIME) - r) for v, r in zip(entries, rates, strict=True)]
        return found

    def recheck(self) -> bool:
        """Whether it starts where the problem does, satisfies the flow, and ends where it says."""
        for name, rows in self.values.items():
            start = self.problem.data.get(name)
            if start is None or [len(row) for row in rows] != [len(row) for row in start]:
                raise Misuse("values", name, "the names of the problem's parameters, each in its shape")
            pairs = ((v, s) for row, given in zip(rows, start, strict=True) for v, s in zip(row, given, strict=True))
            if any(sympy.simplify(sympy.sympify(v).subs(TIME, 0) - rational(s)) != 0 for v, s in pairs):
                return False
        if any(residual != 0 for residual in self.residuals()):
            return False
        if self.ends is None:
            return True
        entries = [sympy.sympify(v) for rows in self.values.values() for row in rows for v in row]
        return any(sympy.limit(v, TIME, rational(self.ends), "-").is_infinite for v in entries)

    def to_dict(self) -> dict[str, Any]:
        """The problem, and the solution as text, ready for JSON."""
        values = {name: [[str(v) for v in row] for row in rows] for name, rows in self.values.items()}
        ends = None if self.ends is None else str(self.ends)
        told = {
            "error": "a function, which no record holds",
            "data": {n: value_text(v) for n, v in self.problem.data.items()},
        }
        problem = told if self.problem.error is not None else self.problem.to_dict()
        return {"kind": "solution", "problem": problem, "values": values, "ends": ends}

    def stated(self) -> list[tuple[str, str, Any]]:
        rows = [("the solution", f"{name}(t)", rows) for name, rows in self.values.items()]
        return rows if self.ends is None else [*rows, ("which is infinite at", "t", self.ends)]


def rational(value: Fraction) -> Any:
    return sympy.Rational(value.numerator, value.denominator)


def ends_at(problem: FlowProblem, values: Mapping[str, Any], time: Any, digits: int = 35) -> Refuted:
    """The refutation of "the flow exists for all t ≥ 0" by a solution that becomes infinite at a time.

    `values` are the solution's parameters by name, rows of SymPy expressions in `sympy.Symbol("t", real=True)`. It is
    substituted into the flow, and integrated: the path must blow up at that time, to five digits less than `digits`.

    Raises: Misuse if the solution does not survive, or the integrator finds another time.
    """
    check_problem(problem)
    witness = Solution(problem, values, number(time, "time"))
    if not witness.recheck():
        raise Misuse("values", dict(values), "a solution of the problem that ends at that time")
    assert witness.ends is not None
    path = integrate(problem, 2 * witness.ends, digits=digits)
    with mpmath.workdps(digits + 10):
        gap = abs(path.t_end - real(witness.ends))
        close = bool(gap < mpmath.mpf(10) ** -(digits - 5))
        shown = mpmath.nstr(path.t_end, digits - 5, strip_zeros=False)
    if path.status != "blow-up" or not close:
        raise Misuse("time", str(time), f"the end of the path, {shown} ({path.status})")
    loss = "given by its derivative" if problem.error else "squared loss"
    scope = Scope(
        layers="all",
        widths=", ".join(map(str, witness.widths)),
        depths=str(problem.net.depth),
        batch=str(problem.samples),
        loss=loss,
        activations=witness.activation,
        gates="those of the solution",
        feedback="the witness's",
        time="all t ≥ 0",
    )
    how = f"closed form, checked by substitution; integrated, it blows up at t = {shown}"
    return Refuted("existence", name_of(problem.rule), "the flow exists for all t ≥ 0", scope, how, witness=witness)
