"""Steps along a flow, for a stack of cases at once: a series, the first event in it, and the modes after the event.

Each case has its own time, step and modes; a *guard* is a function that must stay positive for the modes to be right:
the distance of an argument from the ends of its piece, and of a sliding unknown from its two bounds. The step ends
where the first guard vanishes. Arithmetic is an engine's (`FloatEngine`, `LimbEngine`); nothing here knows how
numbers are kept.

References: Jorba & Zou 2005 (order and step from the last coefficients); Filippov 1988.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .corners import Entry, Germs
from .layouts import Modes
from .roots import excluded, first_roots, least
from .series import radius_of
from .settling import Case, Happening, Segment, Settler, leading_sign, lesser_of
from .starting import UNKNOWN
from .switching import doubtful_slides, repelling

Array = NDArray[np.float64]
GREATEST = 1e120  # weights beyond it are no longer followed: products of them leave the exponents of float64
FULL = 0.7  # of a stack: below it, those that are through leave
UNDEFINED = "the vector field has no value at the start"
HALVINGS = 48
CORNERS = 60  # events at one instant, after which a case is given up


class Stepper(Settler):
    """A stack of cases on their way from 0 to the end."""

    def __init__(
        self,
        engine: Any,
        single: Callable[[], Any],
        germs: Germs,
        state: dict[str, Any],
        end: Any,
        *,
        keep: bool = True,
        follow: bool = False,
        budget: int,
        options: frozenset[str] = frozenset(),
        progress: Callable[[float], None] | None = None,
        signs: Callable[[int], NDArray[np.int64]] | None = None,
    ) -> None:
        super().__init__(engine, single, germs, state, follow, options)
        self.end, self.keep, self.budget, self.progress = end, keep, budget, progress
        self.table = self.layout.kink_table()
        self.signs = signs  # of a case at the start, where they are known exactly
        self.sizes: Any = None  # of this step's series, by order; and the coefficients that guards are made of
        self.flat: Any = None
        self.driven = any(node.op == "time" for node in engine.schedule)  # by an error signal that is never at rest
        self.held = self.rest = np.zeros(engine.cases, dtype=bool)

    # The loop

    def run(self) -> list[Case]:
        self._begin()
        while self.active:
            self._step()
            self._compress()
        return self.cases

    def _modes(self) -> Modes:
        return Modes.of_rows(self.pieces, self.slides)

    def _begin(self) -> None:
        """The pieces at the start, from exact signs if they are rational; what is on a kink is settled as at events."""
        if not self.layout.size:
            return
        exact: dict[int, NDArray[np.int64]] = {}
        for _ in range(1 + len(self.layout.switches)):  # the pieces of one layer say what the next one gets
            self.engine.start(self.state, self.now, self.unit, self._modes())
            self.engine.values()
            signs = self.engine.sides(self.table)  # twice the piece; on a kink, one more than twice the piece below
            for row in np.flatnonzero(self.engine.uncertain(self.table)).tolist() if self.signs is not None else ():
                if row not in exact:
                    exact[row] = self.signs(row)  # type: ignore[misc]
                signs[row] = np.where(exact[row] == UNKNOWN, signs[row], exact[row])
            self.pieces = signs // 2
        if "events" in self.options:
            return
        corners = {}
        for row in range(len(self.active)):
            zeros = [Entry(int(flat), int(signs[row, flat] // 2)) for flat in np.flatnonzero(signs[row] % 2)]
            if zeros:
                corners[row] = zeros
        self._settle(corners)

    def _step(self) -> None:
        engine = self.engine
        engine.start(self.state, self.now, self.unit, self._modes())
        finite = engine.expand_safely()
        through = np.array([bool(case.status) for case in self.active])
        self.held = through | ~finite  # cases that are through, or must try a shorter unit, do not move
        self.unit = np.where(finite, engine.unit, self.unit / 16)
        self.sizes, self.flat = engine.sizes(), engine.flat()
        for row in np.flatnonzero(~finite & ~through).tolist():
            self._overflow(row)
        theta, radius = self._lengths()
        guards = self._guards(theta)
        self.rest = self._at_rest(theta)
        theta, hits = self._events(guards, theta)
        theta = np.where(self.held, 0.0, theta)
        exact = engine.located(theta, hits, self._guard_polynomial)
        over = self._hold(theta, exact, hits)
        self._measure(guards, theta)
        previous = list(self.now)
        for row in np.flatnonzero(~self.held).tolist():
            self.active[row].steps += 1
            if self.keep:
                self.active[row].segments.append(self._segment(row, exact[row]))
        self.state = engine.held(self.state, engine.advance(exact), self.held)
        ends = zip(self.now, self.unit, exact, self.held, strict=True)
        self.now = [n if held else engine.later(n, unit, t) for n, unit, t, held in ends]
        self._arrive(radius, previous)
        for row, leader in over.items():
            _, neuron, sample = self.layout.place(leader)
            self._give_up(row, f"the slide of neuron {neuron}, sample {sample} stops attracting")
        corners = {row: self._corner(row, hit) for row, hit in hits.items() if not self.active[row].status}
        self._settle(corners)
        change = np.clip(np.round(np.log2(np.maximum(radius, 1e-300))), -8, 1)
        self.unit = np.where(self.held, self.unit, np.exp2(np.clip(np.log2(self.unit) + change, -900, 10)))
        if self.progress is not None and len(self.active) == 1:
            self.progress(float(self.now[0]) / float(self.end) if float(self.end) else 1.0)

    def _overflow(self, row: int) -> None:
        """A case whose numbers leave the exponents of float64 ends, which is no blow-up in itself."""
        case = self.active[row]
        case.steps += 1
        if case.steps == 1 and self.engine.undefined(row):
            case.status, case.note = "unresolved", UNDEFINED
        elif not max(float(np.abs(v[row]).max()) for v in self.engine.as_floats(self.state).values()) < GREATEST:
            case.status, case.note = "budget", f"weights beyond {GREATEST:g}"
        elif float(self.unit[row]) < self.engine.shortest(self.now[row]):
            case.status, case.note = "blow-up", "the radius of convergence shrinks to nothing"
        elif case.steps > self.budget:
            case.status, case.note = "budget", f"{case.steps} steps"

    def _compress(self) -> None:
        """Cases that are through leave the stack, several at a time."""
        rows = [row for row, case in enumerate(self.active) if not case.status]
        for row, case in enumerate(self.active):
            if case.status and case.final is None:
                case.final, case.end = self.engine.taken(self.state, [row]), self.now[row]
                case.slides = tuple(self.slides[row])
        if rows and len(rows) > FULL * len(self.active):
            return
        self.active = [self.active[row] for row in rows]
        if not rows:
            return
        self.state = self.engine.taken(self.state, rows)
        self.now = [self.now[row] for row in rows]
        self.unit, self.pieces = self.unit[rows], self.pieces[rows]
        self.slides = [self.slides[row] for row in rows]
        self.engine = self.engine.resized(len(rows))

    # Length of a step

    def _lengths(self) -> tuple[Array, Array]:
        """How far to go, in units of each case: by the last coefficients, and no further than the end."""
        radius = radius_of(self.sizes)
        remaining = np.array([self.engine.remaining(now, self.end) for now in self.now]) / self.unit
        still = np.where(np.isfinite(radius), radius, np.maximum(remaining, 1.0))
        radius = np.minimum(still, 1e12)
        return np.minimum(np.minimum(radius, self.engine.longest), remaining), radius

    def _at_rest(self, theta: Array) -> NDArray[np.bool_]:
        """Cases that move by no more than rounding in this step: signs of guards that vanish mean nothing there."""
        found = self.sizes[1] * np.maximum(theta, 1.0) <= 100 * self.engine.noise * self.sizes[0]
        return np.asarray(found & ~self.held & (not self.driven))

    # Guards

    def _guards(self, theta: Array) -> Array:
        """(orders, cases, 2 · entries): for every entry what must stay positive below and above it."""
        size = self.layout.size
        arguments, xi, caps = self.flat
        guards = np.zeros((len(arguments), len(self.active), 2 * size))
        rows = np.arange(size)
        low, high = self.table[rows, self.pieces], self.table[rows, self.pieces + 1]
        guards[:, :, :size], guards[:, :, size:] = arguments, -arguments
        guards[0, :, :size] -= np.where(np.isfinite(low), low, 0)
        guards[0, :, size:] += np.where(np.isfinite(high), high, 0)
        guards[:, :, :size] *= np.isfinite(low)
        guards[:, :, size:] *= np.isfinite(high)
        guards[0, :, :size] += ~np.isfinite(low)
        guards[0, :, size:] += ~np.isfinite(high)
        for row in np.flatnonzero(~self.held).tolist():
            case = self.active[row]
            if not (self.slides[row] or case.fresh or case.parked):
                continue
            lesser = lesser_of(self.slides[row], caps[0, row])
            for flat in self.slides[row]:
                if flat in lesser or "exits" in self.options:
                    disarm(guards, row, [flat, size + flat])
                    continue
                sign = leading_sign(caps[:, row, flat], theta[row])
                guards[:, row, flat] = sign * xi[:, row, flat]
                guards[:, row, size + flat] = sign * (caps[:, row, flat] - xi[:, row, flat])
            for flat in {**case.fresh, **case.parked}:
                self._deflate(guards, row, case, flat, theta, caps)
        if "events" in self.options:
            disarm(guards, slice(None), slice(None))
        return guards

    def _deflate(self, guards: Array, row: int, case: Case, flat: int, theta: Array, caps: Array) -> None:
        """The root of a guard at the start is divided out; an argument that is 0 altogether is parked."""
        size = self.layout.size
        for at in (flat, size + flat):
            column = guards[:, row, at]
            terms = np.abs(column) * theta[row] ** np.arange(len(column))
            rounding = 10 * self.engine.noise * self.engine.argument_scale(row, flat)
            if flat not in self.slides[row] and terms.max() <= self.engine.tie * self.engine.argument_scale(row, flat):
                case.parked.setdefault(flat, case.fresh.get(flat, int(self.pieces[row, flat])))
                if flat in case.pending:
                    before, sample = case.pending.pop(flat), self.layout.place(flat)[2]
                    if all(self.layout.place(other)[2] != sample for other in self.slides[row]):
                        self.pieces[row, flat] = before  # as seen from where the sample is alive
                sign = leading_sign(caps[:, row, flat], theta[row])
                disarm(guards, row, at)
                if flat not in case.idle and np.abs(caps[:, row, flat]).max() > 0:
                    guards[:, row, at] = sign * caps[:, row, flat]  # it may leave where its cap changes sign
                continue
            if flat in case.pending and case.pending.pop(flat) != self.pieces[row, flat]:
                case.events.append(Happening(self.now[row], "cross", flat))
            significant = np.flatnonzero(terms > max(self.engine.tie * terms.max(), rounding))
            order = int(significant[0]) if len(significant) else 0
            if order:
                case.violation = max(case.violation, float(-column[:order].min()))
                guards[: len(column) - order, row, at] = column[order:].copy()
                guards[len(column) - order :, row, at] = 0

    def _events(self, guards: Array, theta: Array) -> tuple[Array, dict[int, list[int]]]:
        """The first root of any guard: the length of each step, and which guards vanish there."""
        hits: dict[int, list[int]] = {}
        if not self.layout.size:
            return theta, hits
        rows, which = self._doubtful(guards, theta)
        if not len(rows):
            return theta, hits
        roots = first_roots(guards[:, rows, which], theta[rows])
        theta = theta.copy()
        for row in np.unique(rows):
            mine = rows == row
            first = roots[mine].min()
            if np.isfinite(first):
                theta[row] = first
                near = roots[mine] <= first * (1 + 1e-12)
                hits[int(row)] = [int(k) for k in which[mine][near]]
        return theta, hits

    def _doubtful(self, guards: Array, theta: Array) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The guards that may vanish in a step, by case and place; of cases that move."""
        kept = excluded(guards, np.broadcast_to(theta[:, None], guards.shape[1:]))
        rows, which = np.nonzero(~kept & ~(self.rest | self.held)[:, None])
        return rows, which

    def _guard_polynomial(self, row: int, at: int) -> tuple[str, int, int, int]:
        """What a guard is made of, for an engine that refines its root: kind, entry, sign or kink, and its piece."""
        size = self.layout.size
        flat, upper = at % size, at >= size
        if flat in self.slides[row]:
            return ("above" if upper else "below"), flat, 0, int(flat in self.active[row].fresh)
        if flat in self.active[row].parked:
            return "cap", flat, 0, 0
        return "argument", flat, int(self.pieces[row, flat]) + upper - 1, int(flat in self.active[row].fresh)

    def _measure(self, guards: Array, theta: Array) -> None:
        """The gate violation: by how much a guard was negative, an argument left its kink, or a piece its ends."""
        if not self.layout.size:
            return
        if "events" in self.options or "exits" in self.options:
            kept, self.options = self.options, frozenset()
            guards = self._guards(theta)
            self.options = kept
        rows, which = self._doubtful(guards, theta)
        if len(rows):
            low = least(guards[:, rows, which], theta[rows])
            for row, value in zip(rows.tolist(), low, strict=True):
                self.active[row].violation = max(self.active[row].violation, float(-value))
        arguments = self.flat[0]
        for row in np.flatnonzero(~self.held).tolist():
            case = self.active[row]
            for flat in self.slides[row]:
                kink = self.table[flat, self.pieces[row, flat] + 1]
                off = np.abs(arguments[:, row, flat]) * theta[row] ** np.arange(len(arguments))
                case.violation = max(case.violation, float(abs(arguments[0, row, flat] - kink) + off[1:].sum()))

    # Events

    def _arrive(self, radius: Array, previous: list[Any]) -> None:
        """Who is at the end, who blows up, who has used up its steps."""
        for row in [k for k, held in enumerate(self.held) if not held]:
            case = self.active[row]
            case.fresh = {}
            if self.now[row] > previous[row]:
                case.corners = 0
            else:
                case.corners += 1
            remaining = self.engine.remaining(self.now[row], self.end)
            if not self.sizes[0, row] < GREATEST:
                case.status, case.note = "budget", f"weights beyond {GREATEST:g}"
            elif remaining <= 0:
                case.status = case.status or "ok"
            elif radius[row] * self.unit[row] < self.engine.shortest(self.now[row]):
                case.status, case.note = "blow-up", "the radius of convergence shrinks to nothing"
            elif case.steps >= self.budget:
                case.status, case.note = "budget", f"{case.steps} steps"
            elif case.corners > CORNERS:
                case.status, case.note = "budget", f"{case.corners} events at one time"

    def _hold(self, theta: Array, exact: Any, hits: dict[int, list[int]]) -> dict[int, int]:
        """Steps end where a slide stops attracting: where velocities on both sides of its surface point away from it.

        Returns the entries, by case; the places are found by halving.
        """
        over: dict[int, int] = {}
        sliding = [row for row in np.flatnonzero(~self.held).tolist() if self.slides[row]]
        rows = [row for row in sliding if doubtful_slides(self.layout, self.slides[row])]
        for row in rows:

            def found(at: Any, row: int = row) -> int | None:
                before, exact[row] = exact[row], at
                after = self.engine.advance(exact)
                exact[row] = before
                now = self.engine.later(self.now[row], self.unit[row], at)
                return repelling(*self._alone(row, after, now), self.slides[row])

            low, high = exact[row] * 0, exact[row]
            leader = found(high)
            if leader is None:
                continue
            for _ in range(HALVINGS):
                middle = (low + high) / 2
                low, high = (low, middle) if found(middle) is not None else (middle, high)
            over[row], exact[row], theta[row] = leader, high, float(high)
            hits.pop(row, None)
        return over

    def _corner(self, row: int, hit: list[int]) -> list[Entry]:
        """All entries on their kinks, each with the piece below."""
        size, case = self.layout.size, self.active[row]
        found = {flat: int(self.pieces[row, flat]) for flat in self.slides[row]} | case.parked
        for at in hit:
            flat = at % size
            if flat not in found:
                found[flat] = int(self.pieces[row, flat]) - (at < size)
        for flat, below in self.engine.on_kinks(row, self.table, self.pieces[row], self.state):
            found.setdefault(flat, below)
        return [Entry(flat, below) for flat, below in sorted(found.items())]

    def _segment(self, row: int, theta: Any) -> Segment:
        slides = list(self.slides[row])
        engine = self.engine
        kept = engine.states_of(row), self.pieces[row].copy(), tuple(slides), engine.unknowns_of(row, slides)
        return Segment(self.now[row], float(self.unit[row]), theta, *kept)


def disarm(guards: Array, row: Any, at: Any) -> None:
    """Put 1 in the place of guards, which never vanishes."""
    guards[:, row, at] = 0
    guards[0, row, at] = 1
