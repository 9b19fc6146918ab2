"""What a stepper asks of arithmetic: signs, sizes, the root of a guard, the state after a step.

Both engines are series that answer alike, `FloatEngine` for a stack of cases, `LimbEngine` for one; numbers, times and
states are of their own kinds, which the stepper only hands back.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from .balls import ball, precision
from .floats import FloatSeries
from .kernels import GUARD
from .limbs import Product
from .midpoints import fraction_of, rounded
from .precise import LimbSeries
from .programs import Node, Program

Array = NDArray[np.float64]
SEEN = 8  # orders by which two ways to go on are told apart


class FloatEngine(FloatSeries):
    """float64."""

    lost = 0.0  # decimal places: every entry has an exponent of its own

    zero, noise, tie, longest = 0.0, 1e-15, 1e-9, np.inf

    def __init__(self, program: Program, order: int, cases: int) -> None:
        super().__init__(program, order, cases)
        self.after: Any = None

    def expand_safely(self) -> NDArray[np.bool_]:
        """Of which cases all coefficients are finite."""
        with np.errstate(all="ignore"):
            self.expand()
        found = np.ones(self.cases, dtype=bool)
        for place in self.states:
            found &= np.isfinite(self.c[place][: self.order + 1]).all(axis=(0, 2, 3))
        return found

    def sides(self, table: Array) -> NDArray[np.int64]:
        """Twice the piece of every entry, or, on a kink, one more than twice the piece below."""
        value = self.arguments(0)[:, :, None]
        inner = table[None, :, 1:-1]
        return np.asarray((2 * (value > inner) + (value == inner)).sum(axis=2), dtype=np.int64)

    def flat(self) -> tuple[Array, Array, Array]:
        """Coefficients of arguments, unknowns and what bounds them: (orders, cases, entries)."""
        orders = self.order + 1
        arguments = np.stack([self.arguments(k) for k in range(orders)])
        return arguments, self.xi[:orders, :, : self.layout.size], np.stack([self.caps(k) for k in range(orders)])

    def argument_scale(self, row: int, flat: int) -> float:
        """The size of the numbers that an argument is the sum of."""
        return self.scale_of(self.layout.place(flat)[0].argument, row)

    def scale_of(self, node: Node, row: int) -> float:
        return self.bound(node, lambda part, orders: float(np.abs(self.c[part.place][:orders, row]).max()))

    def uncertain(self, table: Array) -> NDArray[np.bool_]:
        """Cases with an argument so near a kink that rounding could have put it on the other side."""
        sizes = [[self.scale_of(s.argument, row) for s in self.layout.switches] for row in range(self.cases)]
        scales = np.repeat(np.array(sizes), [_entries(s) for s in self.layout.switches], axis=1)
        gaps = np.abs(self.arguments(0)[:, :, None] - table[None, :, 1:-1]).min(axis=2)
        return np.asarray((gaps <= 1e-11 * scales).any(axis=1))

    def undefined(self, row: int) -> bool:
        """Whether the field has no value where the step begins."""
        rates = (self.c[rate.place][0, row] for rate in self.states.values())
        return not all(np.isfinite(rate).all() for rate in rates)

    def located(self, theta: Array, hits: Any, guard: Any) -> Any:
        """The lengths of the steps, as exactly as the engine knows them."""
        return theta

    def advance(self, theta: Array) -> dict[str, Array]:
        """The state at θ, in units of each case."""
        found = {}
        at = theta[:, None, None]
        for name, node in self.program.leaves.items():
            if node.place in self.states:
                value = self.c[node.place][self.order].copy()
                for k in range(self.order - 1, -1, -1):
                    value = value * at + self.c[node.place][k]
                found[name] = value
            elif node.place in self.c:
                found[name] = self.c[node.place][0].copy()
        return found

    def held(self, before: dict[str, Array], after: dict[str, Array], rows: NDArray[np.bool_]) -> dict[str, Array]:
        """The states after a step, where some cases did not take it."""
        if not rows.any():
            return after
        return {name: np.where(rows[:, None, None], before[name], value) for name, value in after.items()}

    def signature(self, unit: float) -> Array:
        """How what moves goes on, of a stack of one: its first coefficients, in this unit of time."""
        scales = (unit / self.unit[0]) ** np.arange(1, SEEN)[:, None, None]
        return np.concatenate([(self.c[place][1:SEEN, 0] * scales).ravel() for place in self.states])

    def later(self, now: float, unit: float, theta: float) -> float:
        return float(now + unit * theta)

    def remaining(self, now: float, end: float) -> float:
        left = float(end) - now
        return left if left > 1e-15 * abs(float(end)) else 0.0

    def shortest(self, now: float) -> float:
        return 1e-14 * now

    def taken(self, state: dict[str, Array], rows: list[int]) -> dict[str, Array]:
        return {name: value[rows] for name, value in state.items()}

    def as_floats(self, state: dict[str, Array]) -> dict[str, Array]:
        return state

    def resized(self, cases: int) -> FloatEngine:
        return FloatEngine(self.program, self.order, cases)

    def states_of(self, row: int) -> dict[str, Array]:
        """Coefficients of what moves, of one case: (orders, rows, cols)."""
        leaves = self.program.leaves.items()
        return {n: self.c[leaf.place][: self.order + 1, row].copy() for n, leaf in leaves if leaf.place in self.states}

    def unknowns_of(self, row: int, slides: list[int]) -> Array:
        return self.xi[: self.order + 1, row, slides].copy()

    def on_kinks(self, row: int, table: Array, pieces: Any, state: dict[str, Array]) -> list[tuple[int, int]]:
        """Entries whose argument has come to a kink, to rounding, each with the piece below it."""
        if self.after is None or self.after[0] is not state:
            probe = FloatSeries(self.program, 0, self.cases)
            probe.start(state, self.now, self.unit, self.modes)
            probe.evaluate(probe.live, 0)
            self.after = (state, probe.arguments(0))
        value = self.after[1][row]
        scales = np.concatenate(
            [np.full(_entries(s), self.scale_of(s.argument, row)) for s in self.layout.switches] or [np.zeros(0)]
        )
        found = []
        for shift in (0, 1):
            kink = table[np.arange(len(value)), pieces + shift]
            near = np.abs(value - kink) <= 1e-11 * scales
            found += [(int(flat), int(pieces[flat]) + shift - 1) for flat in np.flatnonzero(near)]
        return found


def _entries(switch: Any) -> int:
    rows, cols = switch.argument._dims
    return int(rows * cols)


class LimbEngine(LimbSeries):
    """Limbs, of one case."""

    longest, zero, end = 1.0, Fraction(0), Fraction(0)

    def __init__(self, program: Program, order: int, digits: int) -> None:
        super().__init__(program, order, digits)
        self.noise = 10.0 ** -(digits + 2)
        self.tie = 10.0 ** -(0.7 * digits)
        self.products: dict[int, Product] = {}  # by the size of a state

    def sides(self, table: Array) -> NDArray[np.int64]:
        found = np.zeros((1, self.layout.size), dtype=np.int64)
        for switch in self.layout.switches:
            where = self.layout.slices[switch.number]
            rows = self.fractions(self.c[switch.argument.place][0], self.e[switch.argument.place])
            flat = [v for row in rows for v in row]
            scales = [self.argument_scale(0, where.start + k) for k in range(len(flat))]
            for k, (value, scale) in enumerate(zip(flat, scales, strict=True)):
                near = [abs(float(value - kink)) <= scale * 10.0 ** -(self.digits + 1) for kink in switch.kinks]
                above = sum(value > kink and not close for kink, close in zip(switch.kinks, near, strict=True))
                found[0, where.start + k] = 2 * above + any(near)
        return found

    def flat(self) -> tuple[Array, Array, Array]:
        orders = self.order + 1
        arguments = np.zeros((orders, 1, self.layout.size))
        for switch in self.layout.switches:
            values = self.as_float(switch.argument, slice(0, orders))
            arguments[:, 0, self.layout.slices[switch.number]] = values.reshape(orders, -1)
        xi, caps = np.zeros(arguments.shape), np.zeros(arguments.shape)
        for k in range(orders):
            for flat, value in self.xi[k].items():
                xi[k, 0, flat] = float(value)
        for site in self.sites.values():
            where = self.layout.slices[site.switch.number]
            if site.partner is None:
                caps[0, 0, where] = 1.0
            else:
                count = orders if site.partner.moving else 1
                values = self.as_float(site.partner, slice(0, count)).reshape(count, -1)
                jumps = np.array([float(self.jump_of(site.gate, k)) for k in range(values.shape[1])])
                caps[:count, 0, where] = values * jumps
        return arguments, xi, caps

    def argument_scale(self, row: int, flat: int) -> float:
        return self.scale_of(self.layout.place(flat)[0].argument)

    def scale_of(self, node: Node) -> float:
        def greatest(part: Node, orders: int) -> float:
            return float(np.abs(self.as_float(part, slice(0, orders if part.moving else 1))).max())

        return self.bound(node, greatest)

    def located(self, theta: Array, hits: dict[int, list[int]], guard: Callable[[int, int], Any]) -> list[Fraction]:
        """Lengths of steps: a few bits where nothing happens; where something does, the root to all digits."""
        if 0 not in hits or theta[0] <= 0:
            at = float(theta[0])
            remaining = (self.end - self.now[0]) / Fraction(2) ** self.unit_log
            if at >= float(remaining) * (1 - 1e-12):
                return [remaining]
            return [Fraction(math.floor(at * 2**16), 2**16) if at > 2**-10 else Fraction(at)]
        return [self._root(float(theta[0]), guard(0, hits[0][0]))]

    def _root(self, near: float, what: tuple[str, int, int, int]) -> Fraction:
        """Newton's iteration for the root of a guard, with as many digits as there are."""
        kind, flat, kink, deflated = what
        orders = range(self.order + 1)
        if kind == "argument":
            switch = self.layout.place(flat)[0]
            series = [self._argument(k, flat) for k in orders]
            series[0] -= switch.kinks[kink]
        elif kind == "cap":
            series = [self.cap(k, flat) for k in orders]
        else:
            series = [self.xi[k].get(flat, Fraction(0)) - (self.cap(k, flat) if kind == "above" else 0) for k in orders]
        if deflated:
            scale = max(abs(v) for v in series)
            lead = next(k for k, v in enumerate(series) if abs(v) > scale * Fraction(self.tie))
            series = series[lead:]
        with precision(int((self.digits + GUARD) * 3.33) + 30):
            guard = flint.arb_poly([ball(v) for v in series])
            slope, at = guard.derivative(), flint.arb(near)
            for _ in range(60):
                value = slope(at)
                if value.contains(0):
                    break
                step = (guard(at) / value).mid()
                at = (at - step).mid()
                if abs(float(step)) <= 10.0 ** -(self.digits + GUARD - 1):
                    break
            found = fraction_of(at)
        return found if abs(float(found) - near) <= 1e-6 * max(near, 1e-12) + 1e-9 else Fraction(near)

    def uncertain(self, table: Array) -> NDArray[np.bool_]:
        return np.array([True])

    def undefined(self, row: int) -> bool:
        return self.unvalued

    def advance(self, theta: list[Fraction]) -> dict[str, tuple[Array, int]]:
        n, one, found = self.limbs.count, self.limbs.exponent(0), {}
        bits = self.limbs.bits * (n - 1) - one + 40
        scaled, unit, powers = 1 << bits, round(theta[0] * 2**bits), []
        for _ in range(self.order + 1):
            powers.append(Fraction(scaled, 1 << bits))
            scaled = (scaled * unit) >> bits
        row = np.array([self.limbs.digits_of(p, one) for p in powers]).T.reshape(n, 1, -1)
        for name, node in self.program.leaves.items():
            if node.place in self.states:
                size = node._dims[0] * node._dims[1]
                product = self.products.get(size)
                if product is None:
                    product = self.products[size] = Product(self.limbs, (), 1, self.order + 1, size, 1, single=True)
                product.set_left(0, row)
                coefficients = self.c[node.place][: self.order + 1].reshape(self.order + 1, n, size)
                product.set_right(0, np.swapaxes(coefficients, 0, 1))
                raw = self.limbs.settled(
                    product.value(0), *self.limbs.shifts(one + self.e[node.place], self.e[node.place])
                )
                found[name] = (raw.reshape(n, *node._dims), self.e[node.place])
            elif node.place in self.c:
                found[name] = self.state[name]
        return found

    def held(self, before: Any, after: Any, rows: Any) -> Any:
        return before if rows[0] else after

    def signature(self, unit: float) -> Array:
        """How what moves goes on: its first coefficients, in this unit of time, whatever the series' own is."""
        nodes = [self.program.nodes[place] for place in self.states]
        scales = (unit / 2.0**self.unit_log) ** np.arange(1, SEEN)[:, None, None]
        return np.concatenate([(self.as_float(node, slice(1, SEEN)) * scales).ravel() for node in nodes])

    def later(self, now: Fraction, unit: float, theta: Fraction) -> Fraction:
        bits = int((self.digits + GUARD) * 3.33) + 40
        return rounded(now + theta * Fraction(2) ** self.unit_log, bits)

    def remaining(self, now: Fraction, end: Any) -> float:
        left = Fraction(end) - now
        return float(left) if left > Fraction(10) ** -(self.digits + 3) * Fraction(end) else 0.0

    def shortest(self, now: Fraction) -> float:
        return 10.0**-self.digits * float(now)

    def taken(self, state: Any, rows: list[int]) -> Any:
        return dict(state)

    def resized(self, cases: int) -> LimbEngine:
        return self

    def states_of(self, row: int) -> dict[str, Any]:
        leaves = self.program.leaves.items()
        return {
            n: (self.c[leaf.place][: self.order + 1].astype(np.int32), self.e[leaf.place], self.limbs)
            for n, leaf in leaves
            if leaf.place in self.states
        }

    def unknowns_of(self, row: int, slides: list[int]) -> Any:
        return [[self.xi[k].get(flat, Fraction(0)) for flat in slides] for k in range(self.order + 1)]

    def on_kinks(self, row: int, table: Array, pieces: Any, state: Any) -> list[tuple[int, int]]:
        """Entries whose argument has come to a kink, to all digits but the last few."""
        kept = self.state, self.now, self.unit, self.modes
        self.start(state, self.now, self.unit, self.modes)
        for name, node in self.program.leaves.items():
            if node.place in self.c and node.place in self.states:
                digits, natural = state[name]
                self.c[node.place][0] = self.moved_to(digits, natural, self.e[node.place])
        self.evaluate(self.ahead, 0)
        found = []
        for switch in self.layout.switches:
            where = self.layout.slices[switch.number]
            values = self.as_float(switch.argument, slice(0, 1))[0].reshape(-1)
            scale = self.scale_of(switch.argument)
            for k, value in enumerate(values):
                piece = int(pieces[where.start + k])
                for shift in (0, 1):
                    index = piece + shift - 1
                    if 0 <= index < len(switch.kinks):
                        off, kink = value, switch.kinks[index]
                        if kink:
                            off = float(self._entry(switch.argument, 0, *divmod(k, switch.argument._dims[1])) - kink)
                        if abs(off) <= scale * 10.0 ** -(self.digits - 4):
                            found.append((where.start + k, index))
        self.start(*kept)
        return found
