"""Truncated Taylor series of a program at any precision, of one case, over limbs.

Every node has one exponent for all its orders, from a run of the same series in float64 (the shadow); it is renewed
where numbers have outgrown it. Functions of the start (tanh, erf, inverses) and the few numbers of sliding unknowns
go through python-flint's balls, whose midpoints are taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from .limbs import Fixed, Limbs, Product
from .programs import Node, Program
from .series import PART, SEEN, STRUCTURAL, FloatSeries, Modes, Series, radius_of

Array = NDArray[np.float64]
GUARD = 7  # decimal places beyond what is asked for
HEADROOM = 2.0**19  # a first digit beyond it asks for another exponent
SHORT = 0.2  # of its unit: a step so short would waste digits on coefficients that grow
LONGEST = 10  # log2 of the longest unit
WORN = 2.0**9  # a greatest first digit below it, over all orders, asks for another exponent


class LimbSeries(Series):
    """Digits have the shape (digits, rows, cols), coefficients (orders, digits, rows, cols); `cases` is 1."""

    cases = 1

    def __init__(self, program: Program, order: int, digits: int, roots: list[Node] | None = None) -> None:
        super().__init__(program, order, roots)
        self.digits = digits
        inner = max([1, *(n.args[0]._dims[1] for n in self.schedule if n.op == "matmul")])
        self.limbs = Limbs(digits + GUARD, inner * (order + 2))
        self.shadow = FloatSeries(program, order, 1, roots)
        self.e: dict[int, int] = {}
        self.stale = True  # whether exponents are to be renewed
        self.c: dict[int, Array] = {}
        self.reciprocals = [self._number(Fraction(1, max(k, 1))) for k in range(order + 3)]
        self.unit_log = 0
        self.xi: list[dict[int, Fraction]] = []  # by order: flat number → value
        self.noise = 10.0 ** -(digits + 2)
        self.tie = 10.0 ** -(0.7 * digits)
        self.longest = 1.0
        self.zero = Fraction(0)
        self.products: dict[Any, Any] = {}
        for node in self.schedule:
            self.steps[node.place] = self._kernel(node)

    # Numbers

    def _number(self, value: Fraction) -> tuple[Fixed, int]:
        """A number, ready to multiply with, and its exponent."""
        exponent = self.limbs.exponent(math.log2(abs(value)) if value else 0)
        return Fixed(self.limbs, np.array(self.limbs.digits_of(value, exponent)).reshape(-1, 1, 1)), exponent

    def loaded(self, rows: Any) -> tuple[Array, int]:
        """A matrix of Fractions as digits and their exponent."""
        greatest = max(abs(v) for row in rows for v in row)
        exponent = self.limbs.exponent(log2_of(greatest))
        digits = np.array([[self.limbs.digits_of(v, exponent) for v in row] for row in rows])
        return np.ascontiguousarray(np.moveaxis(digits, 2, 0)), exponent

    def fractions(self, digits: Array, exponent: int) -> list[list[Fraction]]:
        """The exact values of digits."""
        n, rows, cols = digits.shape
        flat = [self.limbs.fraction(v, exponent) for v in self.limbs.ints(digits.reshape(n, -1))]
        return [flat[i * cols : (i + 1) * cols] for i in range(rows)]

    def moved_to(self, digits: Array, natural: int, exponent: int) -> Array:
        if natural == exponent:
            return digits
        return self.limbs.settled(digits, *self.limbs.shifts(natural, exponent))

    # Kernels

    def _kernel(self, node: Node) -> Callable[[int], None]:
        orders = (self.order + 2) if node.moving else 1
        out = self.c[node.place] = np.zeros((orders, self.limbs.count, *node._dims))
        c, e, op, limbs = self.c, self.e, node.op, self.limbs
        first = node.args[0] if node.args else node
        if op == "leaf":
            rate = self.states.get(node.place)

            def leaf(k: int) -> None:
                if k > 1 and rate is not None and not rate.moving:
                    out[k] = 0
                elif k and rate is not None:
                    out[k] = self._over(c[rate.place][k - 1], e[rate.place], k, e[node.place])

            return leaf
        if op in ("scalar", "literal", "pi", "time"):
            return lambda k: None  # set at the start
        if op == "add":
            a, b = node.args

            def add(k: int) -> None:
                parts = [self.moved_to(c[p.place][k], e[p.place], e[node.place]) for p in (a, b) if p.moving or not k]
                if not parts:
                    out[k] = 0
                elif len(parts) == 1:
                    out[k] = parts[0]
                else:
                    np.add(parts[0], parts[1], out=out[k])
                    limbs.carry(out[k], 1)

            return add
        if op == "scale":
            factor: Fraction = node.data
            if abs(factor) == 1:
                sign = float(factor)
                return lambda k: into(np.multiply, c[first.place][k], sign, out[k])
            number, exponent = self._number(factor)

            def scale(k: int) -> None:
                out[k] = self._by(number, c[first.place][k], exponent + e[first.place], e[node.place])

            return scale
        if op in ("matmul", "mul"):
            return self._product(node, first, node.args[1], out, matrix=op == "matmul")
        if op in ("gate", "mask"):
            return self._gate(node, out)
        if op == "gated":
            return self._gated(node, out)
        if op == "deriv":

            def deriv(k: int) -> None:
                raw = self._times(c[first.place][k + 1], e[first.place], Fraction(k + 1), e[node.place] + self.unit_log)
                out[k] = raw

            return deriv
        if op == "primitive":
            integrand = self.program.integrands.get(node.place)

            def primitive(k: int) -> None:
                if k == 0:
                    value = functions(node.data, self.fractions(c[first.place][0], e[first.place]), self.digits + GUARD)
                    out[0] = self.at_exponent(value, e[node.place])
                elif integrand is not None and (integrand.moving or k == 1):
                    out[k] = self._over(c[integrand.place][k - 1], e[integrand.place], k, e[node.place])

            return primitive
        if op in ("total", "row_sums"):
            axes = (1, 2) if op == "total" else (2,)

            def summed(k: int) -> None:
                raw = c[first.place][k].sum(axis=axes, keepdims=True)
                out[k] = limbs.settled(raw, *limbs.shifts(e[first.place], e[node.place]))

            return summed
        function = STRUCTURAL[op](node)

        def structural(k: int) -> None:
            out[k] = self.moved_to(function(c[first.place][k]), e[first.place], e[node.place])

        return structural

    def at_exponent(self, rows: Any, exponent: int) -> Array:
        digits = np.array([[self.limbs.digits_of(v, exponent) for v in row] for row in rows])
        return np.moveaxis(digits, 2, 0)

    def _over(self, digits: Array, natural: int, k: int, exponent: int) -> Array:
        """unit · A / k."""
        number, own = self.reciprocals[k]
        return self._by(number, digits, own + natural + self.unit_log, exponent)

    def _times(self, digits: Array, natural: int, factor: Fraction, exponent: int) -> Array:
        number, own = self._number(factor)
        return self._by(number, digits, own + natural, exponent)

    def _by(self, number: Fixed, digits: Array, natural: int, exponent: int) -> Array:
        raw = number.times(digits.reshape(len(digits), 1, -1)).reshape(digits.shape)
        return self.limbs.settled(raw, *self.limbs.shifts(natural, exponent))

    def _product(self, node: Node, a: Node, b: Node, out: Array, matrix: bool) -> Callable[[int], None]:
        c, e, limbs = self.c, self.e, self.limbs
        single = not (a.moving and b.moving)
        rows, cols = node._dims
        if matrix and a.moving != b.moving:
            return self._half_fixed(node, a, b, out)
        if matrix:
            product = Product(limbs, (), rows, a._dims[1], cols, self.order + 2, single)
        else:  # each entry is a product of 1 × 1 matrices
            product = Product(limbs, (rows, cols), 1, 1, 1, self.order + 2, single)

        def operand(digits: Array) -> Array:
            if matrix:
                return digits
            return np.broadcast_to(digits, (limbs.count, rows, cols)).transpose(1, 2, 0)[..., None, None]

        def multiplied(k: int) -> None:
            if a.moving or k == 0:
                product.set_left(k, operand(c[a.place][k]))
            if b.moving or k == 0:
                product.set_right(k, operand(c[b.place][k]))
            if k and not (a.moving or b.moving):
                out[k] = 0
                return
            raw = product.value(k)
            raw = raw if matrix else raw[..., 0, 0].transpose(2, 0, 1)
            out[k] = limbs.settled(raw, *limbs.shifts(e[a.place] + e[b.place], e[node.place]))

        return multiplied

    def _half_fixed(self, node: Node, a: Node, b: Node, out: Array) -> Callable[[int], None]:
        """A @ B where one of them stands still."""
        c, e, limbs = self.c, self.e, self.limbs
        fixed: list[Fixed] = []

        def multiplied(k: int) -> None:
            if k == 0:
                fixed[:] = [Fixed(limbs, c[a.place][0] if b.moving else c[b.place][0].swapaxes(1, 2))]
            if b.moving:
                raw = fixed[0].times(c[b.place][k])
            else:  # by its transpose
                raw = fixed[0].times(c[a.place][k].swapaxes(1, 2)).swapaxes(1, 2)
            out[k] = limbs.settled(raw, *limbs.shifts(e[a.place] + e[b.place], e[node.place]))

        return multiplied

    def _gate(self, node: Node, out: Array) -> Callable[[int], None]:
        switch, site = self.program.switches[node.data[0]], self.sites.get(node.place)

        def gate(k: int) -> None:
            if k == 0:
                out[0] = self.at_exponent(self.gate_values(node), self.e[node.place])
            else:
                out[k] = 0
            if site is not None:
                self._add_unknown(out[k], switch, k, self.e[node.place], gate_node=node)

        return gate

    def gate_values(self, node: Node) -> list[list[Fraction]]:
        """The values of a gate or a mask, exactly."""
        switch, levels = self.program.switches[node.data[0]], node.data[1]
        if switch.argument.moving:
            pieces = self.modes.pieces[0][self.layout.slices[switch.number]].reshape(node._dims)
            return [[levels[p] for p in row] for row in pieces.tolist()]
        values = self.fractions(self.c[switch.argument.place][0], self.e[switch.argument.place])

        def level(value: Fraction) -> Fraction:
            found = levels[sum(value > kink for kink in switch.kinks)]
            for k, kink in enumerate(switch.kinks):
                found = (levels[k] + levels[k + 1]) / 2 if value == kink else found
            return found  # type: ignore[no-any-return]

        return [[level(v) for v in row] for row in values]

    def _gated(self, node: Node, out: Array) -> Callable[[int], None]:
        gate, part = node.args
        if gate.place in self.sites:
            return self._product(node, gate, part, out, matrix=False)
        switch, site = self.program.switches[gate.data[0]], self.sites.get(node.place)
        c, e = self.c, self.e
        whole = switch.argument.moving and all(abs(v) <= 4 and v.denominator == 1 for v in gate.data[1])
        general = None if whole else self._product(node, gate, part, out, matrix=False)

        def gated(k: int) -> None:
            if k and not part.moving:
                out[k] = 0
            elif general is not None:
                general(k)
            else:
                moved = self.moved_to(c[part.place][k], e[part.place], e[node.place])
                np.multiply(moved, self.factors[gate.place], out=out[k])
                if self.carries[gate.place]:
                    self.limbs.carry(out[k], 1)
            if site is not None:
                self._add_unknown(out[k], switch, k, e[node.place])

        return gated

    def _add_unknown(self, out: Array, switch: Any, k: int, exponent: int, gate_node: Node | None = None) -> None:
        found = self.xi[k] if k < len(self.xi) else {}
        where = self.layout.slices[switch.number]
        cols = switch.argument._dims[1]
        for flat, value in found.items():
            if where.start <= flat < where.stop:
                i, j = divmod(flat - where.start, cols)
                number = value
                if gate_node is not None:
                    number = number * self.jump_of(gate_node, flat - where.start)
                out[:, i, j] += self.limbs.digits_of(number, exponent)

    def jump_of(self, gate: Node, entry: int) -> Fraction:
        switch, levels = self.program.switches[gate.data[0]], gate.data[1]
        piece = int(self.modes.pieces[0][self.layout.slices[switch.number]][entry])
        return levels[min(piece + 1, len(levels) - 1)] - levels[piece]  # type: ignore[no-any-return]

    # The start

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
            self._renew()
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

    def along(self, segment: Any, data: dict[str, Any], modes: Modes) -> None:
        """All nodes over a step of a path, of which the series of what moves are given."""
        given = {n: s for n, s in segment.states.items() if n in self.program.leaves}
        state = data | {n: (digits[0].astype(np.float64), e) for n, (digits, e, _) in given.items()}
        self.start(state, [Fraction(segment.start)], np.array([segment.unit]), modes)
        floats = {
            n: limbs.floats(digits[: self.order + 1].astype(np.float64), e, 1)
            for n, (digits, e, limbs) in given.items()
        }
        shadow = self.shadow
        shadow.along(
            segment_of(segment, floats), {n: self.limbs.floats(d, e, 0)[None] for n, (d, e) in data.items()}, modes
        )
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
        floats = {name: self.limbs.floats(digits, e, 0)[None] for name, (digits, e) in self.state.items()}
        self.shadow.start(floats, np.array([float(self.now[0])]), self.unit, self.modes)
        with np.errstate(all="ignore"):
            self.shadow.expand(order)

    def _renew(self) -> None:
        """Exponents of all nodes from the series in float64."""
        self._run_shadow()
        self._choose_exponents()

    def _choose_exponents(self, orders: int | None = None) -> None:
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
            self._begin()
            if attempt:
                self.xi = [{} for _ in range(self.order + 3)]
            self.expand()
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
        self._begin()
        self.evaluate(self.live, 0)
        self.stale = True

    def expand(self, order: int | None = None) -> None:
        top = self.order if order is None else order
        slides = [int(flat) for flat in self.modes.slides[0] if flat >= 0]
        inverse: Any = None
        for k in range(top + 1):
            self.evaluate(self.live, k)
            if slides and k < top:
                inverse = self._solve(k, slides, inverse)

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
        for _ in range(12 if k == 0 else 1):
            rest = self._rest(k, slides)
            if inverse is None or k == 0:
                columns = []
                for flat in slides:
                    self.xi[0][flat] = self.xi[0].get(flat, Fraction(0)) + 1
                    self.evaluate(self.down, 0)
                    columns.append([b - a for a, b in zip(rest, self._rest(0, slides), strict=True)])
                    self.xi[0][flat] -= 1
                inverse = solver(list(zip(*columns, strict=True)), bits)
            step = inverse(rest)
            for flat, value in zip(slides, step, strict=True):
                self.xi[k][flat] = rounded(self.xi[k].get(flat, Fraction(0)) - value, bits)
            self.evaluate(self.down, k)
            small = Fraction(10) ** -(self.digits + 2)
            if k == 0 and all(abs(v) <= small * (1 + abs(self.xi[0][f])) for f, v in zip(slides, step, strict=True)):
                break
        return inverse

    # What a stepper asks

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
        return self._bound(self.layout.place(flat)[0].argument)

    def _bound(self, node: Node) -> float:
        if node.op == "add":
            return sum(self._bound(arg) for arg in node.args)
        if node.op in ("matmul", "mul"):
            inner = node.args[0]._dims[1] if node.op == "matmul" else 1
            return self._bound(node.args[0]) * self._bound(node.args[1]) * inner
        if node.op in ("T", "index", "spread", "diagonal"):
            return self._bound(node.args[0])
        if node.op == "gated":
            return self._bound(node.args[1])
        own = float(np.abs(self.as_float(node, slice(0, 1 if not node.moving else 3))).max()) + 1e-300
        if node.place not in self.states:
            return own
        start = (self.as_float(self.program.nodes[place], slice(0, 1)) for place in self.states)
        return max(own, PART * max(float(np.abs(value).max()) for value in start))

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
            ball = flint.arb_poly([flint.arb(flint.fmpq(v.numerator, v.denominator)) for v in series])
            slope, at = ball.derivative(), flint.arb(near)
            for _ in range(60):
                value = slope(at)
                if value.contains(0):
                    break
                step = (ball(at) / value).mid()
                at = (at - step).mid()
                if abs(float(step)) <= 10.0 ** -(self.digits + GUARD - 1):
                    break
            found = fraction_of(at)
        return found if abs(float(found) - near) <= 1e-6 * max(near, 1e-12) + 1e-9 else Fraction(near)

    def advance(self, theta: list[Fraction]) -> dict[str, tuple[Array, int]]:
        at, n, found = theta[0], self.limbs.count, {}
        bits = self.limbs.bits * (n - 1) - self.limbs.exponent(0)
        powers = []
        small = at.denominator.bit_length() < 30
        exact = at if small else Fraction(round(at * 2 ** (bits + 40)), 2 ** (bits + 40))
        scaled, unit = 1 << (bits + 40), round(exact * 2 ** (bits + 40))
        for _ in range(self.order + 1):
            powers.append(Fraction(scaled, 1 << (bits + 40)))
            scaled = (scaled * unit) >> (bits + 40)
        one = self.limbs.exponent(0)
        row = np.array([self.limbs.digits_of(p, one) for p in powers]).T.reshape(n, 1, -1)
        for name, node in self.program.leaves.items():
            if node.place in self.states:
                size = node._dims[0] * node._dims[1]
                key = ("advance", size)
                product = self.products.get(key)
                if product is None:
                    product = self.products[key] = Product(self.limbs, (), 1, self.order + 1, size, 1, single=True)
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

    end = Fraction(0)

    def remaining(self, now: Fraction, end: Any) -> float:
        left = Fraction(end) - now
        return float(left) if left > Fraction(10) ** -(self.digits + 3) * max(Fraction(end), Fraction(1)) else 0.0

    def shortest(self, now: Fraction) -> float:
        return 10.0**-self.digits * float(now)

    def taken(self, state: Any, rows: list[int]) -> Any:
        return dict(state)

    def as_floats(self, state: dict[str, tuple[Array, int]]) -> dict[str, Array]:
        return {name: self.limbs.floats(digits, e, 0)[None] for name, (digits, e) in state.items()}

    def resized(self, cases: int) -> LimbSeries:
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
            scale = self._bound(switch.argument)
            for k, value in enumerate(values):
                piece = int(pieces[where.start + k])
                for shift in (0, 1):
                    index = piece + shift - 1
                    if 0 <= index < len(switch.kinks):
                        off = (
                            value
                            if switch.kinks[index] == 0
                            else float(
                                self._entry(switch.argument, 0, *divmod(k, switch.argument._dims[1]))
                                - switch.kinks[index]
                            )
                        )
                        if abs(off) <= scale * 10.0 ** -(self.digits - 4):
                            found.append((where.start + k, index))
        self.start(*kept)
        return found


def segment_of(segment: Any, states: dict[str, Array]) -> Any:
    return SimpleNamespace(start=segment.start, unit=segment.unit, states=states)


def into(function: Any, a: Any, b: Any, out: Any) -> None:
    function(a, b, out=out)


def log2_of(value: Fraction) -> float:
    return 0.0 if not value else value.numerator.bit_length() - value.denominator.bit_length() + 1.0


def rounded(value: Fraction, bits: int) -> Fraction:
    """The nearest number with so many bits behind the point, or as many significant ones if it is small."""
    if not value:
        return value
    shift = bits + max(0, -int(log2_of(abs(value))))
    return Fraction(round(value * 2**shift), 2**shift)


class precision:
    """Bits of python-flint's balls, for a while."""

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def __enter__(self) -> None:
        self.before, flint.ctx.prec = flint.ctx.prec, self.bits

    def __exit__(self, *_: object) -> None:
        flint.ctx.prec = self.before


def fraction_of(ball: Any) -> Fraction:
    """The midpoint of a ball, exactly."""
    man, exp = ball.mid().man_exp()
    man, exp = int(man), int(exp)
    return Fraction(man * 2**exp) if exp >= 0 else Fraction(man, 2**-exp)


def balls(rows: Any) -> Any:
    return flint.arb_mat([[flint.arb(flint.fmpq(v.numerator, v.denominator)) for v in row] for row in rows])


def pi_fraction(digits: int) -> Fraction:
    with precision(int(digits * 3.33) + 20):
        return fraction_of(flint.arb.pi())


def functions(name: str, rows: list[list[Fraction]], digits: int) -> list[list[Fraction]]:
    """A function of numbers, or of a matrix, to so many digits."""
    with precision(int(digits * 3.33) + 40):
        matrix = balls(rows)
        if name == "inverse":
            found = matrix.inv()
            return [[fraction_of(found[i, j]) for j in range(len(rows))] for i in range(len(rows))]
        if name == "logdet":
            return [[fraction_of(abs(matrix.det()).log())]]
        if name == "reciprocal":
            return [[1 / v for v in row] for row in rows]
        return [[fraction_of(getattr(matrix[i, j], name)()) for j in range(len(rows[0]))] for i in range(len(rows))]


def solver(matrix: list[Any], bits: int) -> Callable[[list[Fraction]], list[Fraction]]:
    """Solutions of A x = b at so many bits; by least squares in float64 where A has no inverse."""
    with precision(bits + 40):
        try:
            inverse = balls(matrix).inv()
            size = len(matrix)
            rows = [[fraction_of(inverse[i, j]) for j in range(size)] for i in range(size)]
        except ZeroDivisionError:
            found = np.linalg.pinv(np.array([[float(v) for v in row] for row in matrix]), rcond=1e-11)
            rows = [[Fraction(float(v)) for v in row] for row in found]

    def solve(rest: list[Fraction]) -> list[Fraction]:
        return [sum((a * b for a, b in zip(row, rest, strict=True)), Fraction(0)) for row in rows]

    return solve
