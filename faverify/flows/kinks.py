"""Where an argument meets its kink: the step ends before it, and a bridge of first order leads over it.

On a *bridge* the velocities F(V) over a box V are balls that contain those of every branch that the gates in doubt
leave open, and so Filippov's convex set: X + [0, τ] F(V) inside of V holds every solution up to τ, whatever happens in
between. The bridge is left when all gates are certain again. Three things else can be proved of an entry on a bridge,
from the rates of its argument u (less the kink) on both branches, over the whole box and all values of other gates in
doubt:

- it *slides*: it comes to the kink, and both rates lead to it. This ends the enclosure.
- it is *parked*: it comes to the kink, the rate on the side it came from leads to it, and the rate on the other side is
  exactly 0. Then u stays 0: it cannot return; and had it gone to the other side, it would have moved there at rate 0
  from u = 0. So its rate is 0, and of Filippov's convex combination only the branch beyond has weight: the flow is that
  of this branch exactly, for as long as the first rate does not change its sign. (A ReLU whose last active sample is
  switched off stands still.)
- it is *idle*: u is exactly 0 at every state of the box, and no velocity depends on its gate. (A sample that is dead in
  the layer below.) Any branch is the flow, for as long as this is so.

References: Filippov 1988, §§ 4, 10, 15.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

from .balls import UNIT, BallSeries, Entry, Forced, Pieces, ball, derived, exactly, horner, hull, side_of
from .programs import Switch
from .sets import Box, Segment, States, Vector

TRIALS = 20  # of a bridge's box
BRIDGES = 60  # lengths of a bridge, each twice the one before
BRANCHES = 3  # entries in doubt at once whose branches are taken one by one
DEPTH = 24  # halvings of a step in search of the first kink


@dataclass(frozen=True)
class Rest:
    """An entry that stands still on its kink, parked or idle: the piece that it counts for, and the one across."""

    piece: int
    across: int
    idle: bool


Resting = dict[Entry, Rest]
Arguments = dict[Entry, Any]


@dataclass(frozen=True)
class Meeting:
    """An entry of a switch's argument at its kink within [`low`, `high`].

    `kind`: cross, park, idle or slide; leave, at the start of a flow; touch, where it is back on its side, if it met
    the kink at all.
    """

    low: Fraction
    high: Fraction
    kind: str
    switch: Switch
    place: int


@dataclass(frozen=True)
class Contact:
    """A step must end at `at`, before an argument that may meet its kink.

    `width`: how well the time is known at which it does; None where it is not known that it does.
    """

    at: Fraction
    width: Fraction | None


@dataclass(frozen=True)
class Bridged:
    """What a bridge led to; with a status where it led nowhere."""

    segment: Segment | None
    box: Box
    pieces: Pieces
    resting: Resting
    arguments: Arguments  # of all switches, at its end
    meetings: tuple[Meeting, ...] = ()
    status: str = ""
    note: str = ""


def forced(resting: Resting) -> Forced:
    return {key: rest.piece for key, rest in resting.items()}


def certain(pieces: Pieces) -> bool:
    return all(low == high for sides in pieces.values() for low, high in sides)


class Bridge:
    """From a set before a kink to one beyond; `before` are the pieces before it, in doubt at the start of a flow."""

    def __init__(
        self,
        states: States,
        box: Box,
        time: Fraction,
        before: Pieces,
        resting: Resting,
        known: Arguments,
        bits: int,
    ) -> None:
        self.states, self.box, self.time, self.before, self.resting = states, box, time, before, resting
        self.known, self.tiny = known, ball(Fraction(1, 2**bits))
        self.first = box.hull()

    def over(self, width: Fraction, left: Fraction) -> Bridged:
        """The shortest bridge that leads on, of at least this width and within what is left of the time."""
        tried = False
        for _ in range(BRIDGES):
            self.length = min(width, left)
            self.now = hull(ball(self.time), ball(self.time + self.length))
            found = self._over()
            if found is not None:
                if found.status != "stopped" or not tried:
                    return found
                break
            tried = True
            if self.length == left:
                break
            width = 2 * width
        return self._failed("undecided", "an argument is near its kink, and neither leaves it nor provably stays")

    def _failed(self, status: str, note: str, *meetings: Meeting) -> Bridged:
        return Bridged(None, self.box, self.before, self.resting, {}, meetings, status, note)

    def _over(self) -> Bridged | None:
        """The bridge of this length, if it leads on."""
        states = self.states
        whole, series = self._picard()
        if whole is None:
            return self._failed("stopped", "no box was found that holds a bridge over a kink")
        during = states.sides(series)
        if not holds(states, whole, self.now, during, self.resting):
            parked = {key: rest for key, rest in self.resting.items() if not rest.idle}
            if len(parked) == len(self.resting):
                return None
            self.resting = parked  # what was idle may move again
            return self._over()
        doubtful = [
            (switch, place)
            for switch in states.switches
            for place, (low, high) in enumerate(during[switch.number])
            if high - low == 1
        ]
        resting, ends = dict(self.resting), self._arguments(series)
        for switch, place in doubtful:
            kind, piece, ends[switch.number, place] = self._kind(whole, during, switch, place)
            if kind == "slide":
                met = Meeting(self.time, self.time + self.length, kind, switch, place)
                note = "an argument comes to its kink and is held there from both sides"
                return self._failed("sliding", note, met)
            if kind == "park":
                resting[switch.number, place] = Rest(piece, sum(during[switch.number][place]) - piece, False)
        if not holds(states, whole, self.now, during, resting):
            return None
        at = ball(self.length)
        box = self.box.shifted([at * rate for rate in self.rates])
        last = box.hull()
        after, decided = {number: list(sides) for number, sides in during.items()}, forced(resting)
        for switch, place in doubtful:
            key = (switch.number, place)
            direct = states.series(last, ball(self.time + self.length), forced=decided)  # as the layers below are then
            ends[key] = ends[key].intersection(direct.value(switch.argument, 0)[place])
            low, high = side_of(ends[key], switch.kinks)
            after[switch.number][place] = (low, high) if key not in resting else (resting[key].piece,) * 2
            if low != high and key not in resting:  # perhaps it cannot move any more
                trial = {**resting, (switch.number, place): Rest(low, high, True)}
                if not holds(states, last, ball(self.time + self.length), after, trial, idle=True):
                    return None
                resting = trial
                after[switch.number][place] = (low, low)
            decided[key] = after[switch.number][place][0]
        if not certain(after):
            return None
        segment = Segment(self.time, self.length, self.first, whole, during, 0)
        return Bridged(segment, box, after, resting, ends, self._meetings(doubtful, after, resting))

    def _arguments(self, series: BallSeries) -> Arguments:
        """The arguments of all switches."""
        return {
            (switch.number, place): value
            for switch in self.states.switches
            for place, value in enumerate(series.value(switch.argument, 0))
        }

    def _meetings(self, doubtful: list[Any], after: Pieces, resting: Resting) -> tuple[Meeting, ...]:
        found = []
        for switch, place in doubtful:
            before, rest = self.before[switch.number][place], resting.get((switch.number, place))
            kind = "touch" if before == after[switch.number][place] else "cross" if before[0] == before[1] else "leave"
            kind = kind if rest is None else "idle" if rest.idle else "park"
            found.append(Meeting(self.time, self.time + self.length, kind, switch, place))
        return tuple(found)

    def _picard(self) -> tuple[Vector | None, Any]:
        """A box that holds every solution for so long, whatever the gates in doubt are; the series over it."""
        span, box = hull(ball(0), ball(self.length)), self.first
        for _ in range(TRIALS):
            series = self.states.series(box, self.now, forced=forced(self.resting))
            self.rates = self._rates(series, box)
            image = [x + span * rate for x, rate in zip(self.first, self.rates, strict=True)]
            if not all(entry.is_finite() for entry in image):
                return None, None
            if all(wide.contains_interior(entry) for wide, entry in zip(box, image, strict=True)):
                return box, series
            pairs = zip(image, self.first, strict=True)
            box = [entry + ((entry - x.mid()).abs_upper() / 8 + self.tiny) * UNIT for entry, x in pairs]
        return None, None

    def _rates(self, series: BallSeries, box: Vector) -> Vector:
        """What holds all convex combinations of the branches' velocities over a box."""
        pieces = self.states.sides(series)
        doubtful = [(key, k) for key, sides in pieces.items() for k, (low, high) in enumerate(sides) if low != high]
        if not 1 <= len(doubtful) <= BRANCHES:
            return self.states.rates(series)
        found: Vector = []
        spans = [range(pieces[key][k][0], pieces[key][k][1] + 1) for key, k in doubtful]
        for chosen in product(*spans):
            branch = {key: list(sides) for key, sides in pieces.items()}
            for (key, k), piece in zip(doubtful, chosen, strict=True):
                branch[key][k] = (piece, piece)
            rates = self.states.rates(self.states.series(box, self.now, branch))
            found = [hull(a, b) for a, b in zip(found, rates, strict=True)] if found else rates
        return found

    def _kind(self, whole: Vector, during: Pieces, switch: Switch, place: int) -> tuple[str, int, Any]:
        """Whether an entry certainly comes to its kink and stays (slide, or park and on which piece); where it ends."""
        low, high = during[switch.number][place]
        below, above = (rate(self.states, whole, self.now, during, switch, place, piece) for piece in (low, high))
        start = self.states.series(self.first, ball(self.time), forced=forced(self.resting))
        value, kink = start.value(switch.argument, 0)[place], ball(switch.kinks[low])
        if (switch.number, place) in self.known:
            value = value.intersection(self.known[switch.number, place])
        before, at = self.before[switch.number][place], ball(self.length)
        end, value = value + at * hull(below, above), value - kink
        from_below = value.is_zero() or (before == (low, low) and value + at * below > 0)
        from_above = value.is_zero() or (before == (high, high) and value + at * above < 0)
        if (from_below or from_above) and below > 0 and above < 0:
            return "slide", low, end
        if from_below and below > 0 and above.is_zero():
            return "park", high, end
        if from_above and above < 0 and below.is_zero():
            return "park", low, end
        return "", low, end


def rate(states: States, box: Vector, now: Any, pieces: Pieces, switch: Switch, place: int, piece: int) -> Any:
    """The rate of an argument's entry over a box, where its own gate is on this piece."""
    sides = list(pieces[switch.number])
    sides[place] = (piece, piece)
    return states.rate_of(states.series(box, now, {**pieces, switch.number: sides}), switch.argument, place)


def holds(states: States, box: Vector, now: Any, pieces: Pieces, resting: Resting, idle: bool = False) -> bool:
    """Whether all entries rest over a box, each whatever the gates of the others may be; only those idle, if asked."""
    if not resting:
        return True
    doubtful = {number: list(sides) for number, sides in pieces.items()}
    for (number, place), rest in resting.items():
        doubtful[number][place] = (min(rest.piece, rest.across), max(rest.piece, rest.across))
    question = [key for key, rest in resting.items() if rest.idle]
    series = states.series(box, now, doubtful, question=question)
    if question and any(not part.is_zero() for part in states.gate_parts(series)):
        return False
    for (number, place), rest in resting.items():
        switch = states.program.switches[number]
        if rest.idle:
            value = series.value(switch.argument, 0)[place] - ball(switch.kinks[min(rest.piece, rest.across)])
            if not (value.is_zero() and series.value(switch.argument, 1)[place].is_zero()):
                return False
        elif not idle:
            here, there = (rate(states, box, now, doubtful, switch, place, side) for side in (rest.piece, rest.across))
            if not (here.is_zero() and (there > 0 if rest.piece > rest.across else there < 0)):
                return False
    return True


class Crossing:
    """Where a polynomial with its remainder first leaves a piece between two kinks."""

    def __init__(self, coefficients: list[Any], switch: Switch, piece: int) -> None:
        self.coefficients, self.slopes = coefficients, derived(coefficients)
        self.kinks, self.piece = switch.kinks, piece

    def inside(self, value: Any) -> bool:
        return side_of(value, self.kinks) == (self.piece, self.piece)

    def first(self, length: Fraction) -> Contact | None:
        """None where it certainly stays inside up to there."""
        return self._first(Fraction(0), length, DEPTH)

    def _first(self, low: Fraction, high: Fraction, depth: int) -> Contact | None:
        during = hull(ball(low), ball(high))
        if self.inside(horner(self.coefficients, during)):
            return None
        slope = horner(self.slopes, during)
        if slope > 0 or slope < 0:
            if not self.inside(horner(self.coefficients, ball(low))):
                return Contact(low, None)
            if self.inside(horner(self.coefficients, ball(high))):
                return None
            return self._root(low, high, slope)
        if not depth:
            return Contact(low, None)
        middle = (low + high) / 2
        return self._first(low, middle, depth - 1) or self._first(middle, high, depth - 1)

    def _root(self, low: Fraction, high: Fraction, slope: Any) -> Contact:
        """A time shortly before a monotone argument leaves, by bisection of what is certainly inside."""
        a, b = low, high
        while True:
            middle = (a + b) / 2
            value = horner(self.coefficients, ball(middle))
            if self.inside(value):
                a = middle
            else:
                b = middle
            radius = exactly((value.rad() / slope.abs_lower()).abs_upper())
            if b - a < radius or b - a < (high - low) / 2**300:
                return Contact(a, max(4 * (b - a), 8 * radius))
