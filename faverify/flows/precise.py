"""Truncated Taylor series of a program at any precision, of one case, over limbs.

Every node has one exponent for all its orders, from a run of the same series in float64 (the shadow); it is renewed
where numbers have outgrown it. Functions of the start (tanh, erf, inverses) and the few numbers of sliding unknowns
go through python-flint's balls, whose midpoints are taken.
"""

from __future__ import annotations

import math
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .floats import NEWTON, FloatSeries
from .kernels import GUARD, LimbKernels
from .layouts import Modes
from .midpoints import log2_of, pi_fraction, rounded, solver
from .programs import Node, Program
from .series import radius_of

Array = NDArray[np.float64]
HEADROOM = 2.0**19  # a first digit beyond it asks for another exponent
SHORT = 0.2  # of its unit: a step so short would waste digits on coefficients that grow
LONGEST = 10  # log2 of the longest unit
WORN = 2.0**9  # a greatest first digit below it, over all orders, asks for another exponent


class LimbSeries(LimbKernels):
    """Series of one case: `cases` is 1."""

    cases = 1

    def __init__(self, program: Program, order: int, digits: int, roots: list[Node] | None = None) -> None:
        super().__init__(program, order, digits, roots)
        self.shadow = FloatSeries(program, order, 1, roots)
        self.stale = True  # whether exponents are to be renewed
        self.unvalued = False  # whether a function had no value at the start of the step
        self.loose = False  # whether the sliding unknowns are not all determined

    # The start

    def loaded(self, rows: Any) -> tuple[Array, int]:
        """A matrix of Fractions as digits and their exponent."""
        greatest = max(abs(v) for row in rows for v in row)
        exponent = self.limbs.exponent(log2_of(greatest))
        digits = np.array([[self.limbs.digits_of(v, exponent) for v in row] for row in rows])
        return np.ascontiguousarray(np.moveaxis(digits, 2, 0)), exponent

    def as_floats(self, state: dict[str, tuple[Array, int]]) -> dict[str, Array]:
        """A state as stacks of one."""
        return {name: self.limbs.floats(digits, e, 0)[None] for name, (digits, e) in state.items()}

    def start(self, state: dict[str, tuple[Array, int]], now: list[Fraction], unit: Array, modes: Modes) -> None:
        self.state, self.now, self.modes = state, now, modes
        self.unit_log = round(math.log2(float(unit[0])))
        self.unit = unit
        self.xi = [{} for _ in range(self.order + 3)]
        self.factors, self.carries = {}, {}
        for node in self.schedule:
            if node.op in ("gate", "mask") and self.program.switches[node.data[0]].argument.moving:
                switch, levels = self.program.switches[node.data[0]], np.array([float(v) for v in node.data[1]])
                pieces = modes.pieces[0][self.layout.slices[switch.number]].reshape(node._dims)
                self.factors[node.place] = levels[pieces]
                self.carries[node.place] = bool((np.abs(levels) > 1).any())

    def _begin(self) -> None:
        """Exponents, from the shadow where there are none; constants and the state in them."""
        if self.stale:
            self._run_shadow()
            self._choose_exponents()
            self.stale = False
        for name, node in self.program.leaves.items():
            if node.place in self.c:
                digits, natural = self.state[name]
                self.c[node.place][0] = self.moved_to(digits, natural, self.e[node.place])
        for node in self.schedule:
            if node.op == "scalar":
                self.c[node.place][0] = self.at_exponent([[node.data]], self.e[node.place])
            elif node.op == "literal":
                self.c[node.place][0] = self.at_exponent(node.data, self.e[node.place])
            elif node.op == "pi":
                self.c[node.place][0] = self.at_exponent([[pi_fraction(self.digits + GUARD)]], self.e[node.place])
            elif node.op == "time":
                self.c[node.place][0] = self.at_exponent([[self.now[0]]], self.e[node.place])
                self.c[node.place][1] = self.at_exponent([[Fraction(2) ** self.unit_log]], self.e[node.place])
        for node in self.fixed:
            self.steps[node.place](0)

    # A step of a path

    def along(self, segment: Any, data: dict[str, Any], modes: Modes) -> None:
        """All nodes over a step of a path, of which the series of what moves are given."""
        given = {n: s for n, s in segment.states.items() if n in self.program.leaves}
        state = data | {n: (digits[0].astype(np.float64), e) for n, (digits, e, _) in given.items()}
        self.start(state, [Fraction(segment.start)], np.array([segment.unit]), modes)
        floats = {
            n: limbs.floats(digits[: self.order + 1].astype(np.float64), e, 1)
            for n, (digits, e, limbs) in given.items()
        }
        step = SimpleNamespace(start=segment.start, unit=segment.unit, states=floats)
        self.shadow.along(step, self.as_floats(data), modes)
        self._choose_exponents()
        self.stale = False
        self._begin()
        for name, (digits, natural, _) in given.items():
            node = self.program.leaves[name]
            if node.place in self.c:
                whole = np.moveaxis(digits[: self.order + 1].astype(np.float64), 1, 0)
                self.c[node.place][: self.order + 1] = np.moveaxis(
                    self.moved_to(whole, natural, self.e[node.place]), 0, 1
                )
        for k in range(self.order + 1):
            self.evaluate(self.live, k)

    def exactly(self, node: Node) -> list[list[Fraction]]:
        """The value of a node at the start."""
        return self.fractions(self.c[node.place][0], self.e[node.place])

    def rough(self, node: Node) -> Array:
        """(orders, rows, cols)."""
        if node.moving:
            return self.as_float(node, slice(0, self.order + 1))
        found = np.zeros((self.order + 1, *node._dims))
        found[0] = self.as_float(node, slice(0, 1))[0]
        return found

    # Exponents

    def _fit_unit(self) -> None:
        """A unit of time that is a step long, so that coefficients fall as they should, from the series in float64."""
        for _ in range(60):
            self._run_shadow()
            sizes = self.shadow.sizes()
            radius = float(radius_of(sizes)[0]) if np.isfinite(sizes).all() else 2.0**-40
            if not math.isfinite(radius) or 0.5 <= radius <= 2:
                return
            self.unit_log += round(math.log2(max(radius, 2.0**-40))) if radius < 2.0**40 else 40
            self.unit_log = min(self.unit_log, LONGEST)
            self.unit = np.array([2.0**self.unit_log])
            if self.unit_log == LONGEST or self.unit_log < -1000:
                return

    def _run_shadow(self, order: int | None = None) -> None:
        self.shadow.start(self.as_floats(self.state), np.array([float(self.now[0])]), self.unit, self.modes)
        with np.errstate(all="ignore"):
            self.shadow.expand(order)

    def _choose_exponents(self, orders: int | None = None) -> None:
        """Exponents of all nodes from the series in float64, or from so many of its orders."""
        shadow = self.shadow
        for node in self.schedule:
            values = np.abs(shadow.c[node.place][: self.order + 1 if orders is None else orders])
            greatest = float(np.where(np.isfinite(values), values, 0).max())
            self.e[node.place] = self.limbs.exponent(math.log2(greatest) if greatest > 0 else 0)
        for node in self.schedule:  # a sum or product is not known better than what it is made of
            if node.op in ("matmul", "mul"):
                natural = self.e[node.args[0].place] + self.e[node.args[1].place]
                self.e[node.place] = max(self.e[node.place], natural + 1)
            elif node.op == "gated" and node.args[0].place not in self.sites:
                self.e[node.place] = self.e[node.args[1].place]
            elif node.op == "scale" and abs(node.data) == 1:
                self.e[node.place] = self.e[node.args[0].place]
            elif node.op in ("T", "total", "row_sums", "index", "diagonal", "spread"):
                self.e[node.place] = max(self.e[node.place], self.e[node.args[0].place])
            elif node.op == "add":
                self.e[node.place] = max(self.e[p] for p in (node.place, *(arg.place for arg in node.args)))

    # The expansion

    def expand_safely(self) -> NDArray[np.bool_]:
        """All coefficients; whether no one outgrew its exponent."""
        for attempt in range(3):
            if self.stale:
                self._fit_unit()
            if attempt:
                self.xi = [{} for _ in range(self.order + 3)]
            try:
                self._begin()
                self.expand()
            except ZeroDivisionError:
                self.unvalued, self.lost = True, 2.0 * self.digits
                return np.array([False])
            except OverflowError:  # an unknown of a slide with next to no equation
                self.stale = True
                continue
            tops = {n.place: np.abs(self.c[n.place][: self.order + 1, 0]).max() for n in self.live}
            outgrown = any(top > HEADROOM for top in tops.values())
            short = radius_of(self.sizes())[0] < SHORT
            self.stale = outgrown or short or any(tops[place] < WORN for place in self.states)
            if not (outgrown or short) or (attempt and not outgrown):
                return np.array([True])
        return np.array([False])

    def values(self) -> None:
        """All nodes at the start alone."""
        self._run_shadow(0)
        self._choose_exponents(1)
        self.stale = False
        try:
            self._begin()
            self.evaluate(self.live, 0)
        except ZeroDivisionError:  # told where the first step begins
            pass
        self.stale = True

    def expand(self, order: int | None = None) -> None:
        top = self.order if order is None else order
        slides = [int(flat) for flat in self.modes.slides[0] if flat >= 0]
        inverse: Any = None
        for k in range(top + 1):
            self.evaluate(self.live, k)
            if slides and k < top:
                inverse = self._solve(k, slides, inverse)

    def as_float(self, node: Node, k: slice) -> Array:
        digits = self.c[node.place][k]
        return self.limbs.floats(digits, self.e[node.place], 1)

    def sizes(self) -> Array:
        found = np.zeros((self.order + 1, 1))
        for place in self.states:
            node = self.program.nodes[place]
            values = np.abs(self.as_float(node, slice(0, self.order + 1))).max(axis=(1, 2))
            found[:, 0] = np.maximum(found[:, 0], values)
        return found

    # Sliding

    def _entry(self, node: Node, k: int, i: int, j: int) -> Fraction:
        if k and not node.moving:
            return Fraction(0)
        digits = self.c[node.place][k][:, i, j].reshape(-1, 1)
        return self.limbs.fraction(self.limbs.ints(digits)[0], self.e[node.place])

    def _argument(self, k: int, flat: int) -> Fraction:
        switch, i, j = self.layout.place(flat)
        return self._entry(switch.argument, k, i, j)

    def cap(self, k: int, flat: int) -> Fraction:
        """What bounds an unknown, at order k."""
        switch, i, j = self.layout.place(flat)
        site = next(s for s in self.sites.values() if s.switch is switch)
        if site.partner is None:
            return Fraction(int(k == 0))
        jump = self.jump_of(site.gate, flat - self.layout.slices[switch.number].start)
        return jump * self._entry(site.partner, k, i, j)

    def _rest(self, k: int, slides: list[int]) -> list[Fraction]:
        self.evaluate(self.ahead, k + 1)
        found = []
        for place, flat in enumerate(slides):
            leader = int(self.modes.leaders[0][place])
            if leader < 0:
                found.append(self._argument(k + 1, flat) * (k + 1))
                continue
            first, turned = slides[leader], bool(self.modes.turned[0][place])
            total = Fraction(0)
            for i in range(k + 1):
                u_first, u_own = self.cap(k - i, first), self.cap(k - i, flat)
                own, led = self.xi[i].get(flat, Fraction(0)), self.xi[i].get(first, Fraction(0))
                total += (-led if turned else led) * u_own - own * u_first
                total += self.cap(i, flat) * u_first if turned else 0
            found.append(total)
        return found

    def _solve(self, k: int, slides: list[int], inverse: Any) -> Any:
        bits = int((self.digits + GUARD) * 3.33) + 20
        if k and self.loose:
            self._centre(k, slides)
        small = Fraction(10) ** -(self.digits + 2)
        for attempt in range(NEWTON if k == 0 or self.loose else 1):
            rest = self._rest(k, slides)
            if inverse is None or k == 0:
                inverse, self.loose = solver(self._columns(rest, slides), bits, self.digits)
                if attempt == 0 and self.loose:
                    self._centre(0, slides)
                    rest = self._rest(0, slides)
            step = inverse(rest)
            for flat, value in zip(slides, step, strict=True):
                self.xi[k][flat] = rounded(self.xi[k].get(flat, Fraction(0)) - value, bits)
            self.evaluate(self.down, k)
            if all(abs(v) <= small * (1 + abs(self.xi[0][f])) for f, v in zip(slides, step, strict=True)):
                break
        return inverse

    def _columns(self, rest: list[Fraction], slides: list[int]) -> list[Any]:
        """∂ rest / ∂ (unknowns of order 0), by rows."""
        columns = []
        for flat in slides:
            self.xi[0][flat] = self.xi[0].get(flat, Fraction(0)) + 1
            self.evaluate(self.down, 0)
            columns.append([b - a for a, b in zip(rest, self._rest(0, slides), strict=True)])
            self.xi[0][flat] -= 1
        return list(zip(*columns, strict=True))

    def _centre(self, k: int, slides: list[int]) -> None:
        """Unknowns that nothing determines, as where a flow comes to rest, stay in the middle of their boxes."""
        for flat in slides:
            self.xi[k][flat] = self.cap(k, flat) / 2
        self.evaluate(self.down, k)
