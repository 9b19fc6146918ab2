"""Every solution from a start, step by step: Taylor's formula with its remainder, on sets that turn with the flow.

Method. A step starts from a set X that holds every solution at time t, on known branches of all switches.

- *A-priori box*. With the coefficients c_k over X, let p(s) = Σ_{k<P} c_k sᵏ, and let a box V contain p([0, h]) with a
  margin E. If [0, hᴾ] c_P(V) lies inside of E, every solution from X stays in V up to h: the first time at which one
  reaches the boundary of V, Taylor's theorem up to there puts it in p + [0, hᴾ] c_P(V), which is in the interior.
- *Remainder*. So x(s) ∈ p(s) + sᴾ c_P(V) for all s ≤ h, entry by entry, and so for every function of the state.
- *Wrapping*. X = {m + Q r}. With J ∋ ∂x(h)/∂x(0) over X, the mean value theorem gives x(h) ∈ x(h; m) + J Q r: the new m
  is exact, the new Q from a QR factorisation in floats, and r is multiplied by balls of Q⁻¹JQ; what Q is affects widths
  only, never truth.
- *J* solves V̇ = A(s) V, where A = Df over the box, so |V − I| ≤ e^{h‖A‖} − 1 entrywise; with that, Taylor's theorem
  again.
- The branch's own flow is smooth across kinks. Where its arguments are certainly between their kinks for all s ≤ h, it
  is the flow; where one may meet its kink, the step ends shortly before, and `kinks` leads on.

References: Lohner 1987; Nedialkov, Jackson & Corliss 1999.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from flint import arb, arb_mat

from .balls import ROUGH, UNIT, BallSeries, Pieces, ball, cuts, horner, hull, over, precision, side_of
from .kinks import Arguments, Bridge, Contact, Crossing, Meeting, Resting, certain, holds
from .programs import Program
from .sets import Box, Segment, States, Vector

TRIALS = 40  # of a step's length
JACOBIAN = 6  # least order of J, whose relative error only widens the set by as much
WIDENING = 1e-4
LEAST = Fraction(1, 2**44)  # of the whole time: shorter steps are given up
WIDEST = 1e-2  # of a set, relative to the size of an entry
SPARE = 40  # bits beyond the digits
SAFETY = 0.13  # of the radius of convergence, at most


class Run:
    """A set of states on its way: `segments` so far, `time`, and `status`, empty while it goes on.

    `status` at the end: ok; sliding; undecided (a gate); stopped (no box was found), with a `note`.
    """

    def __init__(
        self,
        program: Program,
        data: dict[str, Any],
        end: Fraction,
        digits: int,
        order: int,
        shortest: Fraction | None = None,
    ) -> None:
        self.states, self.end, self.digits, self.order = States(program, data), end, digits, order
        self.shortest = LEAST * end if shortest is None else shortest
        self.bits = math.ceil(3.33 * digits) + SPARE
        self.segments: list[Segment] = []
        self.meetings: list[Meeting] = []
        self.time, self.status, self.note, self.shrink = Fraction(0), "", "", 1.0
        self.resting: Resting = {}
        self.arguments: Arguments = {}  # what is known of them now beside the set
        with precision(self.bits):
            start = self.states.start()
            self.box = Box.around(start)
            self.pieces: Pieces = self.states.sides(self.states.series(start, arb(0)))
        if not end:
            self.status = "ok"

    def advance(self) -> None:
        """One step, and the bridge over a kink if one is met."""
        with precision(self.bits):
            if certain(self.pieces):
                self._step()
            else:
                self._bridge(Fraction(1, 10 ** (self.digits + 2)))
        if not self.status and self.time >= self.end:
            self.status = "ok"

    def _bridge(self, width: Fraction) -> None:
        found = Bridge(self.states, self.box, self.time, self.pieces, self.resting, self.arguments, self.bits).over(
            width, self.end - self.time
        )
        self.meetings += found.meetings
        if found.segment is None:
            self.status, self.note = found.status, found.note
            return
        self.segments.append(found.segment)
        self.box, self.pieces, self.resting = found.box, found.pieces, found.resting
        self.time, self.arguments = found.segment.end, found.arguments

    def _step(self) -> None:
        states, order = self.states, self.order
        first = self.box.hull()
        tight = states.series(first, ball(self.time), self.pieces)
        around = [states.coefficient(tight, k) for k in range(order + 1)]
        size = max([arb(1), *(entry.abs_upper() for entry in first)], key=float)
        allowed = size * ball(Fraction(1, 10 ** (self.digits + 2)))
        length, box, wide = self._apriori(around, allowed)
        if box is None:
            if not self.status:
                self.status, self.note = "stopped", "no box was found that holds a step: a blow-up, or a flow too steep"
            return
        length, contact = self._clear(tight, wide, length)
        if contact is not None and contact.width is None and length < self.shortest:
            self.status, self.note = "undecided", "an argument is near its kink, and does not certainly leave it"
            return
        if length:
            with precision(ROUGH):
                remainder = states.coefficient(wide, order)
            self._move(
                Segment(self.time, length, first, box, self.pieces, order, states.known(tight), states.known(wide)),
                remainder,
            )
        if contact is not None and contact.width is not None and not self.status:
            self._bridge(contact.width)

    def _apriori(self, around: list[Vector], allowed: Any) -> tuple[Fraction, Vector | None, Any]:
        """A length, a box that holds every solution so long, and the series over it."""
        left, order = self.end - self.time, self.order
        guess = radius(around) * SAFETY
        length = min(left, dyadic(guess * self.shrink))
        doubt = False
        for _ in range(TRIALS):
            if length < self.shortest and length < left:
                break
            with precision(ROUGH):
                box, margins = self._with_margin(around, length, allowed)
                during = hull(ball(self.time), ball(self.time + length))
                wide = self.states.series(box, during, self.pieces)
                power = hull(arb(0), ball(length) ** order)
                rests = [power * entry for entry in self.states.coefficient(wide, order)]
                held = all(margin.contains_interior(rest) for margin, rest in zip(margins, rests, strict=True))
                worst = max((rest.abs_upper() for rest in rests), key=float)
                factor = float((allowed / worst).log()) / order if worst.is_finite() and worst > 0 else -1.0
                if held and worst < allowed:
                    doubt = not holds(self.states, box, during, self.pieces, self.resting)
                    if not doubt:
                        if length < left and guess < math.inf:
                            self.shrink = min(1.0, 1.1 * float(length) / guess)
                        return length, box, wide
                    factor = -0.7
            length = dyadic(float(length) * math.exp(max(-1.0, min(-0.1, factor - 0.02))))
        if doubt:
            self.status, self.note = (
                "undecided",
                "an argument that stands still on its kink may leave it, in more than one way",
            )
        return length, None, None

    def _with_margin(self, around: list[Vector], length: Fraction, allowed: Any) -> tuple[Vector, Vector]:
        """A box around the polynomials on [0, h], and its margins."""
        parts, box, margins = cuts(length, 4), [], []
        for row in zip(*around[: self.order], strict=True):
            whole, *others = over(row, parts)
            for other in others:
                whole = hull(whole, other)
            margins.append(((whole - row[0]).abs_upper() / 32 + 4 * allowed) * UNIT)
            box.append(whole + margins[-1])
        return box, margins

    def _move(self, segment: Segment, remainder: Vector) -> None:
        """The set after a step: the image of its middle, and what is around it."""
        states, at = self.states, ball(segment.length)
        point = states.series(self.box.middle, ball(self.time), self.pieces)
        rows = [states.coefficient(point, k) for k in range(self.order)]
        image = [horner([*row, last], at) for row, last in zip(zip(*rows, strict=True), remainder, strict=True)]
        with precision(ROUGH):
            jacobian = self._jacobian(segment)
        found = self.box.image(image, jacobian)
        if found is None:
            self.status, self.note = "stopped", "the derivative of the flow is not bounded"
            return
        self.arguments = {}
        if any(entry.rad() > WIDEST * (1 + abs(m)) for entry, m in zip(found.hull(), found.middle, strict=True)):
            self.status, self.note = "stopped", "the enclosure has become too wide: more digits, or a blow-up"
            return
        self.segments.append(segment)
        self.box, self.time = found, segment.end

    def _jacobian(self, segment: Segment) -> Any:
        states, at = self.states, ball(segment.length)
        now = ball(segment.start)
        near = states.series(segment.first, now, self.pieces, derivatives=True)
        far = states.series(segment.box, hull(now, ball(segment.end)), self.pieces, derivatives=True)
        steep = states.jacobian(far, 1).tolist()
        growth = (norm_of(steep) * at).exp().abs_upper()
        eye = arb_mat([[(growth - 1) * UNIT + int(i == j) for j in range(states.size)] for i in range(states.size)])
        orders, powers = [states.jacobian(near, 0)], arb(1)
        for k in range(1, self.order + 1):
            powers = powers * at
            part = states.jacobian(near, k)
            if k >= JACOBIAN and norm_of(part.tolist()) * powers * growth < WIDENING:
                rest = states.jacobian(far, k) * eye
                if norm_of(rest.tolist()) * powers < WIDENING or k == self.order:
                    break
            orders.append(part)
        else:
            rest = states.jacobian(far, k) * eye
        found = rest
        for part in reversed(orders[:k]):
            found = found * at + part
        return found

    def _clear(self, tight: BallSeries, wide: BallSeries, length: Fraction) -> tuple[Fraction, Contact | None]:
        """How far all arguments are certainly on their branches; where one may leave it first."""
        contact: Contact | None = None
        for switch in self.states.switches:
            with precision(ROUGH):
                values = wide.value(switch.argument, 0)
            doubtful = [
                place
                for place, (value, side) in enumerate(zip(values, self.pieces[switch.number], strict=True))
                if side_of(value, switch.kinks) != side and (switch.number, place) not in self.resting
            ]
            if doubtful:
                rows = [tight.value(switch.argument, k) for k in range(self.order)]
                with precision(ROUGH):
                    rows.append(wide.value(switch.argument, self.order))
                for place in doubtful:
                    piece = self.pieces[switch.number][place][0]
                    coefficients = [row[place] for row in rows]
                    if (switch.number, place) in self.arguments:
                        coefficients[0] = coefficients[0].intersection(self.arguments[switch.number, place])
                    other = Crossing(coefficients, switch, piece).first(length)
                    if other is not None and (contact is None or other.at < contact.at):
                        contact = other
        return (length, None) if contact is None else (contact.at, contact)


def norm_of(rows: list[Vector]) -> Any:
    """A bound of the greatest row sum."""
    return max((sum((entry.abs_upper() for entry in row), arb(0)).upper() for row in rows), key=float)


def order_for(digits: int) -> int:
    """Of Taylor's expansion, so that a step of e⁻² of the radius of convergence has a remainder of so many digits."""
    return max(10, math.ceil(1.15 * digits) + 2)


def radius(rows: list[Vector]) -> float:
    """The radius of convergence as the last two coefficients suggest it: a guess, nothing rests on it."""
    sizes = [max(_log(entry.abs_upper()) for entry in row) for row in rows]
    first, top = max(sizes[1:3]), len(sizes) - 1
    found = [(first - sizes[k]) / (k - 1) for k in (top - 1, top) if sizes[k] > -math.inf]
    return math.exp(min(min(found), 300.0)) if found and first > -math.inf else math.inf


def _log(size: Any) -> float:
    return float(size.log()) if size > 0 and size.is_finite() else (-math.inf if size.is_zero() else math.inf)


def dyadic(value: float) -> Fraction:
    """A short binary fraction, at most a positive float and near it; a long time for what is not finite."""
    if not value < math.inf:
        return Fraction(2) ** 40
    mantissa, exponent = math.frexp(max(value, 0.0))
    return Fraction(math.floor(mantissa * 2**10)) * Fraction(2) ** (exponent - 10)
