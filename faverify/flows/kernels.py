"""The operations of a program over limbs, order by order.

Every node has one exponent for all its orders. Functions of the start (tanh, erf, inverses) go through python-flint's
balls, whose midpoints are taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .layouts import Modes
from .limbs import Fixed, Limbs, Product
from .midpoints import functions, spread
from .programs import Node, Program
from .series import STRUCTURAL, Series

Array = NDArray[np.float64]
GUARD = 7  # decimal places beyond what is asked for
SPREAD = ("reciprocal", "log", "sqrt")  # functions that depend on how well small numbers are known beside great ones


class LimbKernels(Series):
    """Digits have the shape (digits, rows, cols), coefficients (orders, digits, rows, cols)."""

    def __init__(self, program: Program, order: int, digits: int, roots: list[Node] | None = None) -> None:
        super().__init__(program, order, roots)
        self.digits = digits
        inner = max([1, *(n.args[0]._dims[1] for n in self.schedule if n.op == "matmul")])
        self.limbs = Limbs(digits + GUARD, inner * (order + 2))
        self.e: dict[int, int] = {}
        self.c: dict[int, Array] = {}
        self.reciprocals = [self._number(Fraction(1, max(k, 1))) for k in range(order + 3)]
        self.unit_log = 0
        self.lost = 0.0  # decimal places, of the smaller arguments of functions that magnify them
        self.xi: list[dict[int, Fraction]] = []  # by order: flat number → value
        self.factors: dict[int, Array] = {}  # of gates between kinks: their values
        self.carries: dict[int, bool] = {}  # and whether products with them carry
        self.modes: Modes
        for node in self.schedule:
            self.steps[node.place] = self._kernel(node)

    # Numbers

    def _number(self, value: Fraction) -> tuple[Fixed, int]:
        """A number, ready to multiply with, and its exponent."""
        exponent = self.limbs.exponent(math.log2(abs(value)) if value else 0)
        return Fixed(self.limbs, np.array(self.limbs.digits_of(value, exponent)).reshape(-1, 1, 1)), exponent

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
                number, own = self._number(Fraction(k + 1))
                natural = own + e[first.place] - self.unit_log
                out[k] = self._by(number, c[first.place][k + 1], natural, e[node.place])

            return deriv
        if op == "primitive":
            integrand = self.program.integrands.get(node.place)

            def primitive(k: int) -> None:
                if k == 0:
                    given = self.fractions(c[first.place][0], e[first.place])
                    if node.data in SPREAD:
                        self.lost = max(self.lost, spread(given))
                    out[0] = self.at_exponent(functions(node.data, given, self.digits + GUARD), e[node.place])
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


def into(function: Any, a: Any, b: Any, out: Any) -> None:
    function(a, b, out=out)
