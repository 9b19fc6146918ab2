"""Rigorous enclosures of one trajectory: what is said of it holds for every solution, at every time of an interval.

The method is in `lohner` and `kinks`. A function of the state is bounded over a whole step by its own Taylor polynomial
with remainder, cut into short pieces of time, and never at points of a grid alone.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import LawError, Misuse, whole_number
from ..model.formulas import inner
from ..model.names import unmarked
from .balls import ROUGH, BallSeries, ball, bounds, cuts, decimals, horner, hull, over, precision
from .kinks import certain
from .lohner import Run, order_for
from .problems import FlowProblem, check_problem, number
from .programs import Node, Program
from .quantities import law_nodes
from .recorders import recorded
from .sets import Segment, States

FEWEST, MOST = 6, 400  # digits
BUDGET = 2000  # steps
PARTS = 8  # of a step, on each of which a polynomial is bounded
TRUSTED = "python-flint's balls, the rule's recorded program, and faverify.flows.balls, sets, kinks, lohner, enclosure"


@dataclass(frozen=True)
class Encounter:
    """An entry of a layer's h at its kink, at a time in [`low`, `high`]; see `Enclosure.meetings` for the kinds."""

    low: Fraction
    high: Fraction
    kind: str
    layer: int
    neuron: int
    sample: int

    def __repr__(self) -> str:
        where = f"layer {self.layer}, neuron {self.neuron}, sample {self.sample}"
        return f"<{self.kind} at t = {float(self.low):.10g}, known to {float(self.high - self.low):.1e}: {where}>"


def enclose(
    problem: FlowProblem, t: Any, *, digits: int = 30, order: int | None = None, budget: int = BUDGET
) -> Enclosure:
    """A rigorous enclosure of the solution θ(t) of θ̇ = the rule's velocities, in Filippov's sense, from 0 to t.

    Units: t in the time of the flow (learning rate 1). `digits` are what the method aims at; the widths reached are
    part of the result. `order` is that of Taylor's expansion; `budget` bounds the steps.

    Returns: an `Enclosure`. Its `status` is ok; or it ends before t: sliding (proved to begin), undecided (an argument
    is near a kink and nothing is proved of it), stopped (no box holds a step: a blow-up, for one), budget.

    Raises: Misuse; RuleError for a rule without a flow.

    Scope: chains; any activation with declared kinks; kinks that are crossed, or on which an argument provably comes
    to rest, since beyond it nothing moves it: no sample is left, or those left are orthogonal to its own. Not sliding.

    Algorithm: Taylor steps of the rule's own program over balls, each with a box that provably holds it and a remainder
    over that box; Lohner's turning axes against wrapping; kinks are met on a step of first order with open gates. Every
    conversion is outward, so rounding cannot make it false.

    References: Lohner 1987; Nedialkov, Jackson & Corliss 1999; Johansson 2017; Filippov 1988.

    Examples
    --------
    >>> import faverify as fv
    >>> net, one = fv.MLP((1, 1, 1), "linear"), [[1]]
    >>> problem = fv.FlowProblem(net, fv.rules.FeedbackAlignment(), weights=[one, [["0.5"]]], feedback=[one],
    ...                          inputs=one, error=lambda t, f: -2 * f)
    >>> found = fv.enclose(problem, "0.375")
    >>> found.status, found.weights()[0][0, 0].contains(2)        # (1 − 2t)^(−1/2) = 2
    ('ok', True)
    """
    check_problem(problem)
    end, digits, order, budget = settings(t, digits, order, budget)
    run = Run(recorded(problem), problem.data, end, digits, order)
    while not run.status and len(run.segments) < budget:
        run.advance()
    return Enclosure(problem, run)


def settings(t: Any, digits: Any, order: Any, budget: Any) -> tuple[Fraction, int, int, int]:
    end = number(t, "t")
    if end < 0:
        raise Misuse("t", t, "a time of 0 or more")
    digits, budget = whole_number("digits", digits, FEWEST, MOST), whole_number("budget", budget, 1)
    return end, digits, order_for(digits) if order is None else whole_number("order", order, 10, 1000), budget


@dataclass(frozen=True)
class Bound:
    """`lower` ≤ the quantity ≤ `upper`, proved; rational numbers."""

    lower: Fraction
    upper: Fraction

    def __str__(self) -> str:
        return f"in [{float(self.lower):.3g}, {float(self.upper):.3g}] (rounded for printing)"


class Enclosure:
    """Sets that hold every solution of a flow from its start, on all of [0, t_end].

    `status`, `note`: see `enclose`. `steps`: the number of steps.
    """

    def __init__(self, problem: FlowProblem, run: Run) -> None:
        self.problem, self.digits, self._run = problem, run.digits, run
        self.status = run.status or "budget"
        self.note = run.note if run.status else f"{len(run.segments)} steps were made"
        self.t_end = run.time
        self.steps = len(run.segments)
        self._starts = [segment.start for segment in run.segments]

    def __repr__(self) -> str:
        end, width = float(self.t_end), float(self.width)
        return f"<enclosure to t = {end:.8g}: {self.status}, width {width:.1e}, {self.steps} steps>"

    def __str__(self) -> str:
        lines = [
            "Proved for this one trajectory (this network, rule, start and data), for all t in "
            f"[0, {float(self.t_end):.8g}]:",
            f"every solution lies in the enclosure, of width {float(self.width):.1e} at the end.",
            f"Status: {self.status}{f': {self.note}' if self.note else ''}.",
            f"Trusted: {TRUSTED}.",
        ]
        return "\n".join(lines)

    @property
    def _states(self) -> States:
        return self._run.states

    @property
    def _program(self) -> Program:
        return self._run.states.program

    # Values

    def weights(self, t: Any = None) -> list[Any]:
        """W_1 … W_L at time t (the end, if left out): object arrays of python-flint balls, which hold every solution.

        Raises: Misuse outside of [0, t_end].
        """
        found = self.parameters(t)
        return [found[f"W{k}"] for k in self.problem.net.labels]

    def bounds(self, t: Any = None) -> list[list[list[Bound]]]:
        """W_1 … W_L at time t, by rational numbers that are proved to be below and above."""
        return [[[Bound(*bounds(entry)) for entry in row] for row in weights] for weights in self.weights(t)]

    def parameters(self, t: Any = None) -> dict[str, Any]:
        """Every parameter at time t (the end, if left out), by name: object arrays of balls."""
        with precision(self._run.bits):
            moving = self._states.split(self._at(t))
            found = {}
            for name, rows in self.problem.data.items():
                if name not in "xy" and name not in moving:
                    found[unmarked(name)] = array_of([[ball(value) for value in row] for row in rows])
            return found | {unmarked(name): array_of(matrix.tolist()) for name, matrix in moving.items()}

    def _at(self, t: Any) -> list[Any]:
        at = self.t_end if t is None else number(t, "t")
        if not 0 <= at <= self.t_end:
            raise Misuse(
                "t", str(t), f"a time in [0, {float(self.t_end):.10g}], where the enclosure ends ({self.status})"
            )
        if at == self.t_end:
            return self._run.box.hull()
        segment = self._run.segments[bisect_right(self._starts, at) - 1]
        if at == segment.start:
            return segment.first
        if not segment.order:
            return segment.box
        tight, wide = series_over(self._states, segment)
        rows = [self._states.coefficient(tight, k) for k in range(segment.order)]
        rows.append(self._states.coefficient(wide, segment.order))
        return [horner(row, ball(at - segment.start)) for row in zip(*rows, strict=True)]

    @property
    def width(self) -> Fraction:
        """The greatest width of an entry at the end."""
        return self.widths[-1][1]

    @cached_property
    def widths(self) -> tuple[tuple[Fraction, Fraction], ...]:
        """Times, and the greatest width of an entry then: at the start of every step and at the end."""
        with precision(self._run.bits):
            sets = [(segment.start, segment.first) for segment in self._run.segments]
            sets.append((self.t_end, self._run.box.hull()))
            return tuple((time, max(high - low for low, high in map(bounds, vector))) for time, vector in sets)

    @cached_property
    def meetings(self) -> tuple[Encounter, ...]:
        """Entries at their kinks, in the order of time, layers counted from 1 and 0 for a sign that a rule takes.

        `kind`: cross; slide (it stays, held from both sides); park (it stays, since nothing moves it beyond); idle
        (it stays, and nothing depends on it); leave (from the kink, at the start); touch (it is back where it came
        from, and may not have met the kink).
        """
        found = []
        for met in self._run.meetings:
            row, col = divmod(met.place, met.switch.argument._dims[1])
            found.append(Encounter(met.low, met.high, met.kind, met.switch.layer or 0, row, col))
        return tuple(found)

    # What is proved along all of it

    def drift(self, law: Any, layer: int | None = None) -> Bound:
        """max |Q(t) − Q(0)| over the law's layers and entries and all of [0, t_end], between proved bounds.

        `upper` holds over every whole step. `lower` > 0 proves that Q is not conserved along this trajectory.

        Raises: Misuse, LawError.
        """
        nodes = law_nodes(self._program, law, layer)
        lower = upper = Fraction(0)
        with precision(self._run.bits):
            start = None
            for segment in self._run.segments:
                points, ranges = ranges_over(self._states, nodes, segment)
                start = points if start is None else start
                for value, first, pieces in zip(points, start, ranges, strict=True):
                    upper = max([upper, *(bounds((piece - first).abs_upper())[1] for piece in pieces)])
                    lower = max(lower, bounds((value - first).abs_lower())[0])
            if start is not None:
                last = self._values(nodes, self._run.box.hull())
                for value, first in zip(last, start, strict=True):
                    lower = max(lower, bounds((value - first).abs_lower())[0])
        return Bound(lower, upper)

    def alignment(self) -> list[Bound]:
        """⟨W_{l+1}, B_{l+1}⟩ for l = 1 … L − 1, over all of [0, t_end]; `lower` > 0 proves alignment throughout."""
        return self.range(lambda layer, above: inner(above.W, above.B))  # type: ignore[no-untyped-call]

    def range(self, law: Any, layer: int | None = None) -> list[Bound]:
        """What any function of a layer lies between over all of [0, t_end], for each layer and entry."""
        nodes = law_nodes(self._program, law, layer)
        with precision(self._run.bits):
            found = [[bounds(value)] for value in self._values(nodes, self._states.start())]
            for segment in self._run.segments:
                _, ranges = ranges_over(self._states, nodes, segment)
                for known, pieces in zip(found, ranges, strict=True):
                    known += map(bounds, pieces)
        return [Bound(min(low for low, _ in known), max(high for _, high in known)) for known in found]

    def _values(self, nodes: list[Node], vector: list[Any]) -> list[Any]:
        series = self._states.series(vector, ball(self.t_end))
        return checked([entry for node in nodes for entry in series.value(node, 0)])

    def to_dict(self) -> dict[str, Any]:
        """A record for JSON: decimal strings, lower ones rounded down and upper ones up; times as quotients."""
        places = self.digits + 5
        weights = [[[list(decimals(b.lower, b.upper, places)) for b in row] for row in rows] for rows in self.bounds()]
        record: dict[str, Any] = {"schema": 1, "kind": "enclosure", "status": self.status, "note": self.note}
        record |= {"t_end": str(self.t_end), "digits": self.digits, "steps": self.steps, "weights": weights}
        record["width"] = decimals(Fraction(0), self.width, places)[1]
        record["meetings"] = []
        for met in self.meetings:
            low, high = decimals(met.low, met.high, places)
            place = {"layer": met.layer, "neuron": met.neuron, "sample": met.sample}
            record["meetings"].append({"low": low, "high": high, "kind": met.kind, **place})
        record["scope"], record["trusted"] = "this one trajectory, on all of [0, t_end]", TRUSTED
        return record


def series_over(states: States, segment: Segment) -> tuple[BallSeries, BallSeries]:
    """Over the set at the start of a step, and over the box that holds all of it."""
    now = ball(segment.start)
    tight = states.series(segment.first, now, segment.pieces)
    tight.known |= segment.tight
    with precision(ROUGH):
        wide = states.series(segment.box, hull(now, ball(segment.end)), segment.pieces)
    wide.known |= segment.wide
    return tight, wide


def ranges_over(states: States, nodes: list[Node], segment: Segment) -> tuple[list[Any], list[list[Any]]]:
    """All entries of nodes at the start of a step, and their ranges on pieces of time that cover it."""
    tight, wide = series_over(states, segment)
    points = checked([entry for node in nodes for entry in tight.value(node, 0)])
    with precision(ROUGH):
        rests = [entry for node in nodes for entry in wide.value(node, segment.order)]
    if not segment.order or not certain(wide.pieces):  # a bridge, or a sign of the law's own: its values over the box
        whole = states.series(segment.box, hull(ball(segment.start), ball(segment.end)), segment.pieces)
        return points, [[entry] for node in nodes for entry in checked(whole.value(node, 0))]
    rows = [[entry for node in nodes for entry in tight.value(node, k)] for k in range(segment.order)]
    parts = cuts(segment.length, PARTS)
    columns = zip(zip(*rows, strict=True), rests, strict=True)
    return points, [checked(over([*row, rest], parts)) for row, rest in columns]


def checked(values: list[Any]) -> list[Any]:
    """Balls that are finite."""
    if not all(value.is_finite() for value in values):
        raise LawError(
            "the law", "is not finite along the enclosure", "ask for what exists at every state that it holds"
        )
    return values


def array_of(rows: list[list[Any]]) -> Any:
    """An object array of balls."""
    found = np.empty((len(rows), len(rows[0])), dtype=object)
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            found[i, j] = value
    return found
