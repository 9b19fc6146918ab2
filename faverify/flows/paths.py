"""A solution of a flow: evaluated anywhere, with its events, its status and how well its gates were kept."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import mpmath
import numpy as np

from ..errors import Misuse
from ..model.names import unmarked
from ..proving.witnesses import array
from .layouts import Layout
from .problems import number
from .settling import Case, Segment

EXTRA = 30  # bits beyond the digits asked for


@dataclass(frozen=True)
class Event:
    """What happened at a time: an entry crossed its kink, began to slide on it, left it below (exit0) or above (exit1).

    `layer` counts from 1, `neuron` and `sample` from 0. For a sign of a matrix instead of an activation `layer` is 0,
    and `neuron`, `sample` are the entry's row and column.
    """

    t: Any
    kind: str
    layer: int
    neuron: int
    sample: int


def ending(case: Case) -> tuple[str, str]:
    """The status and the note of a case that is through."""
    if case.note != "nonunique":
        return case.status, case.note
    return ("nonunique", "one of several solutions was followed") if case.status == "ok" else (case.status, "")


def events_of(case: Case, layout: Layout, digits: int) -> tuple[Event, ...]:
    """What happened to a case, in its order."""
    return tuple(Event(to_mpf(one.time, digits), one.kind, *placed(layout, one.entry)) for one in case.events)


def placed(layout: Layout, entry: int) -> tuple[int, int, int]:
    """Layer, neuron and sample of an entry."""
    switch, row, col = layout.place(entry)
    return switch.layer or 0, row, col


class Path:
    """A solution on [0, t_end].

    `status`: ok; blow-up; nonunique (it can go on in several ways, or one of them was followed); unresolved; budget.
    `note` says more. `events`, in their order. `sliding`: the entries (layer, neuron, sample) that slide at the end.
    """

    def __init__(self, problem: Any, program: Any, digits: int, case: Case, layout: Any) -> None:
        self.problem, self.program, self.digits, self._case, self._layout = problem, program, digits, case, layout
        self.steps, (self.status, self.note) = case.steps, ending(case)
        self._back: Any = None  # back-propagation's program, for alignments of gradients
        self._starts = [float(segment.start) for segment in case.segments]

    def __repr__(self) -> str:
        return (
            f"<path to t = {mpmath.nstr(self.t_end, 8)}: {self.status}, {len(self.events)} events, {self.steps} steps>"
        )

    @cached_property
    def t_end(self) -> Any:
        """Where the path ends."""
        return to_mpf(self._case.end, self.digits)

    @cached_property
    def events(self) -> tuple[Event, ...]:
        return events_of(self._case, self._layout, self.digits)

    @cached_property
    def sliding(self) -> tuple[tuple[int, int, int], ...]:
        """Entries that slide at the end."""
        return tuple(placed(self._layout, entry) for entry in self._case.slides)

    @property
    def gate_violation(self) -> Any:
        """The greatest violation on [0, t_end] of what the gates say.

        Of an argument, by how much it lies outside of its piece, (2g − 1)h < 0 for a ReLU; on a sliding entry also how
        far it is off its kink, and |u| dist(λ/u, [0, 1]).
        """
        return mpmath.mpf(self._case.violation)

    # Values

    def parameters(self, t: Any = None) -> dict[str, Any]:
        """Every parameter at time t (the end, if left out), by name: object arrays of mpf, to the path's digits.

        Raises: Misuse outside of [0, t_end].
        """
        given = {name: rows for name, rows in self.problem.data.items() if name not in "xy"}
        return {unmarked(name): mpf_array(rows, self.digits) for name, rows in (given | self.fractions(t)).items()}

    def weights(self, t: Any = None) -> list[Any]:
        """W_1 … W_L at time t (the end, if left out): object arrays of mpf."""
        found = self.fractions(t)
        names = [f"W{k}" for k in self.problem.net.labels]
        return [mpf_array(found.get(name, self.problem.data[name]), self.digits) for name in names]

    def fractions(self, t: Any = None) -> dict[str, list[list[Fraction]]]:
        """What moves at time t, as rational numbers: values of the path's polynomials, rounded far below its digits."""
        segment, theta = self.locate(t)
        if segment is None:
            return {name: self.problem.data[name] for name in self.program.velocities if name in self.problem.data}
        return {name: self._value(series, theta) for name, series in segment.states.items()}

    def times(self, inside: int = 3) -> list[Fraction]:
        """Where each step starts, so many times inside of it, and the end: times to look at the path."""
        ends = [*(Fraction(segment.start) for segment in self._case.segments), Fraction(self._case.end)]
        pairs = itertools.pairwise(ends)
        return [a + (b - a) * Fraction(k, inside + 1) for a, b in pairs for k in range(inside + 1)] + ends[-1:]

    def locate(self, t: Any) -> tuple[Segment | None, Fraction]:
        """The step that holds a time, and the place in it, in units of the step."""
        end = Fraction(self._case.end)
        at = end if t is None else number(t, "t")
        if at > end and at - end <= Fraction(10) ** -(self.digits - 1) * max(end, Fraction(1)):
            at = end
        if not 0 <= at <= end:
            raise Misuse(
                "t", str(t), f"a time in [0, {mpmath.nstr(self.t_end, 10)}], where the path ends ({self.status})"
            )
        if not self._case.segments:
            return None, Fraction(0)
        index = max(0, bisect_right(self._starts, float(at)) - 1)
        while index and Fraction(self._case.segments[index].start) > at:
            index -= 1
        segment = self._case.segments[index]
        return segment, (at - Fraction(segment.start)) / Fraction(segment.unit)

    def _value(self, series: Any, theta: Fraction) -> list[list[Fraction]]:
        if isinstance(series, np.ndarray):
            at, value = float(theta), series[-1]
            for k in range(len(series) - 2, -1, -1):
                value = value * at + series[k]
            return [[Fraction(float(v)) for v in row] for row in value]
        digits, exponent, limbs = series
        whole = np.zeros((len(digits), *digits.shape[2:]), dtype=object)  # of units of the last digit
        for j in range(digits.shape[1]):
            whole = whole * int(limbs.base) + digits[:, j].astype(object)
        bits = int(self.digits * 3.33) + 2 * EXTRA
        step = round(theta * 2**bits)
        value = whole[-1].copy()
        for k in range(len(whole) - 2, -1, -1):
            value = ((value * step) >> bits) + whole[k]
        unit = limbs.fraction(1, exponent)
        return [[int(v) * unit for v in row] for row in value]

    # Evidence

    def drift(self, law: Any, layer: int | None = None) -> Any:
        """max |Q(t) − Q(0)| over the law's layers and entries and all of [0, t_end].

        See `evidence` for what it is to be compared with: a drift is evidence, never a verdict.
        """
        from .evidence import drift

        return drift(self, law, layer)

    def alignment(self, kind: str = "layer") -> Any:
        """How well weights and feedback agree along the path: kinds layer, neuron, product, gradient (`Alignment`)."""
        from .evidence import alignment

        return alignment(self, kind)

    def evidence(self, law: Any, layer: int | None = None) -> Any:
        """The drift of a law beside the noise floor, a control at higher precision, the motion, the gate violation."""
        from .evidence import evidence

        return evidence(self, law, layer)

    @cached_property
    def moved(self) -> Any:
        """max |θ(t_end) − θ(0)|, over everything that moves."""
        end, best = self.fractions(), Fraction(0)
        for name, rows in end.items():
            if name.endswith("°"):  # the work, which is no parameter
                continue
            start = self.program.start_of(name, self.problem.data)
            best = max(best, *(abs(a - b) for r, s in zip(rows, start, strict=True) for a, b in zip(r, s, strict=True)))
        return to_mpf(best, self.digits)

    @cached_property
    def noise_floor(self) -> Any:
        """The drift of what is conserved for every rule, Σ_l ½‖W_l‖² − ∫⟨W_l, Ẇ_l⟩, in a run of its own."""
        from .evidence import noise_floor

        return noise_floor(self)

    @cached_property
    def again(self) -> Path:
        """The same flow to the same time, with 20 more digits."""
        from .integrate import flow
        from .recorders import recorded

        digits, end = self.digits + 20, Fraction(self._case.end)
        return flow(self.problem, recorded(self.problem), end, digits, True)

    @cached_property
    def control(self) -> Any:
        """max |θ − θ′| at the end, where θ′ is a rerun with 20 digits more: the error of the path."""
        from .evidence import control

        return control(self)


def real(value: Fraction) -> Any:
    """A rational number as an mpf, in mpmath's precision of the moment."""
    return mpmath.mpf(value.numerator) / value.denominator


def precise(digits: int) -> Any:
    """mpmath's precision for numbers of a path of so many digits."""
    return mpmath.workprec(int(digits * 3.33) + EXTRA)


def to_mpf(value: Any, digits: int) -> Any:
    """A rational number as an mpf, whatever mpmath's own precision is."""
    with precise(digits):
        return real(Fraction(value))


def mpf_array(rows: Any, digits: int) -> Any:
    with precise(digits):
        return array([[real(value) for value in row] for row in rows])
