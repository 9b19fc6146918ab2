"""Truncated Taylor series of a program along its flow, order by order; in float64, for many cases at once.

At order k every node's k-th coefficient follows from coefficients of lower order and, in the order of the schedule,
from those of its arguments: products by Cauchy's formula, primitives from their integrand one order below. Time is
measured in a unit of each case's own, so that coefficients neither grow nor shrink much.

Entries of switch arguments are numbered through, over all switches: "flat". On a kink (`Modes.slides`) the entries of
`xi` are unknown; the argument must stand still there, which is linear in the unknowns of order k with one matrix for
all k ≥ 1, the Jacobian at order 0.

References: Griewank & Walther 2008, ch. 13; Jorba & Zou 2005; Filippov 1988.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .programs import Node, Program, needed

Array = NDArray[np.float64]
SAFETY = float(np.exp(-2.0))  # of the radius of convergence, as Jorba & Zou advise
PART = 0.01  # of the greatest weight: a weight that vanishes has been rounded beside those
SEEN = 8  # orders by which two ways to go on are told apart
NEWTON = 12  # iterations for unknowns that enter products with each other; affine ones need one


class Layout:
    """Where the entries of each switch's argument are in the flat vector, and tables of gates."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.switches = [switch for switch in program.switches if switch.argument.moving]
        self.slices: dict[int, slice] = {}
        start = 0
        for switch in self.switches:
            rows, cols = switch.argument._dims
            self.slices[switch.number] = slice(start, start + rows * cols)
            start += rows * cols
        self.size = start

    def place(self, flat: int) -> tuple[Any, int, int]:
        """The switch, the row and the column of an entry."""
        for switch in self.switches:
            where = self.slices[switch.number]
            if where.start <= flat < where.stop:
                row, col = divmod(flat - where.start, switch.argument._dims[1])
                return switch, row, col
        raise IndexError(flat)

    def kink_table(self) -> Array:
        """(entries, kinks + 2): the ends of every piece, −∞ and ∞ included; padded with ∞."""
        most = max((len(s.kinks) for s in self.switches), default=0)
        table = np.full((self.size, most + 2), np.inf)
        table[:, 0] = -np.inf
        for switch in self.switches:
            table[self.slices[switch.number], 1 : len(switch.kinks) + 1] = [float(k) for k in switch.kinks]
        return table


def _entries(switch: Any) -> int:
    rows, cols = switch.argument._dims
    return int(rows * cols)


@dataclass
class Modes:
    """The piece of every entry, for each case; on a sliding entry, the piece below its kink.

    `slides` has the flat numbers of sliding entries, for each case in a row of its own, filled up with −1. Entries
    whose arguments vanish together share one place between both sides: of such, all but the first follow it.
    `leaders` has the position in the row of the entry that is followed, or −1; `turned` says that one side of the
    follower is the other side of its leader.
    """

    pieces: NDArray[np.int64]  # (cases, entries)
    slides: NDArray[np.int64]  # (cases, most)
    leaders: NDArray[np.int64]  # (cases, most)
    turned: NDArray[np.bool_]  # (cases, most)

    @classmethod
    def of_rows(cls, pieces: NDArray[np.int64], slides: list[dict[int, tuple[int, bool]]]) -> Modes:
        """From a dict for each case: sliding entry → (the entry that it follows, or −1; whether it is turned)."""
        most = max([1, *map(len, slides)])
        flats, leaders = (np.full((len(slides), most), -1, dtype=np.int64) for _ in range(2))
        turned = np.zeros((len(slides), most), dtype=bool)
        for row, found in enumerate(slides):
            order = list(found)
            for place, (flat, (leader, turn)) in enumerate(found.items()):
                flats[row, place], turned[row, place] = flat, turn
                leaders[row, place] = order.index(leader) if leader >= 0 else -1
        return cls(pieces, flats, leaders, turned)

    def of(self, cases: Any) -> Modes:
        return Modes(self.pieces[cases], self.slides[cases], self.leaders[cases], self.turned[cases])


class Series:
    """The base of both arithmetics: the schedule, and how sliding unknowns are found."""

    def __init__(self, program: Program, order: int, roots: list[Node] | None = None) -> None:
        self.program, self.order, self.layout = program, order, Layout(program)
        moved = [program.leaves[name] for name in program.velocities]
        outputs = roots or [*moved, *program.velocities.values(), *(s.argument for s in self.layout.switches)]
        outputs = outputs + [site.partner for site in program.sites if site.partner is not None and roots is None]
        self.states = (
            {} if roots is not None else {program.leaves[n].place: rate for n, rate in program.velocities.items()}
        )
        self.schedule = self._ordered(outputs)
        self.sites = {site.node.place: site for site in program.sites if site.switch.argument.moving}
        self.fixed = [node for node in self.schedule if not node.moving]
        self.live = [node for node in self.schedule if node.moving]
        unknown = set(self.sites)
        self.down: list[Node] = []  # what depends on an unknown of the same order
        for node in self.live:
            if node.place in unknown or (
                node.op not in ("primitive", "leaf") and any(a.place in unknown for a in node.args)
            ):
                unknown.add(node.place)
                self.down.append(node)
        ahead = needed(program, [s.argument for s in self.layout.switches])
        self.ahead = [node for node in self.live if node.place in ahead]
        self.steps: dict[int, Callable[[int], None]] = {}

    def evaluate(self, nodes: list[Node], k: int) -> None:
        """The coefficients of nodes that are due when others have order k."""
        steps = self.steps
        for node in nodes:
            order = k - node.late
            if order >= 0:
                steps[node.place](order)

    def _ordered(self, roots: list[Node]) -> list[Node]:
        """Everything that the roots need, each after what it needs at the same order."""
        done: dict[int, Node] = {}
        waiting = list(roots)
        open_: set[int] = set()

        def visit(node: Node) -> None:
            if node.place in done or node.place in open_:
                return
            open_.add(node.place)
            if node.op == "primitive" and node.place in self.program.integrands:
                for arg in node.args:
                    visit(arg)
                rate = self.program.integrands[node.place]
                if rate.late:
                    open_.discard(node.place)
                    visit_late(rate)
                    open_.add(node.place)
                waiting.append(rate)
            else:
                if node.place in self.states:
                    waiting.append(self.states[node.place])
                for arg in node.args:
                    visit(arg)
            done[node.place] = node

        def visit_late(node: Node) -> None:
            """What is made of derivatives: of order k − 1 from others of order k − 1, but for the derivative itself."""
            if node.place in done:
                return
            for arg in node.args:
                if node.op == "deriv":
                    visit(arg)
                elif arg.late:
                    visit_late(arg)
                else:
                    waiting.append(arg)
            done[node.place] = node

        while waiting:
            node = waiting.pop(0)
            if node.late:
                visit_late(node)
            else:
                visit(node)
        return list(done.values())


class FloatSeries(Series):
    """float64; arrays have the shape (cases, rows, cols), coefficients (order + 1, cases, rows, cols)."""

    def __init__(self, program: Program, order: int, cases: int, roots: list[Node] | None = None) -> None:
        super().__init__(program, order, roots)
        self.cases = cases
        self.seen_caps: dict[int, Array] = {}
        self.after: Any = None
        self.c: dict[int, Array] = {}
        self.unit = np.ones(cases)
        self.now = np.zeros(cases)
        self.xi = np.zeros((order + 2, cases, self.layout.size + 1))  # the last column takes what is of no entry
        self.base: dict[int, Array] = {}
        self.jump: dict[int, Array] = {}
        for node in self.schedule:
            self.steps[node.place] = self._kernel(node)

    def _kernel(self, node: Node) -> Callable[[int], None]:
        orders = (self.order + 2) if node.moving else 1
        out = self.c[node.place] = np.zeros((orders, self.cases, *node._dims))
        c, op, args = self.c, node.op, node.args
        if op == "leaf":
            rate = self.states.get(node.place)

            def leaf(k: int) -> None:
                if k > 1 and rate is not None and not rate.moving:
                    out[k] = 0
                elif k and rate is not None:
                    np.multiply(c[rate.place][k - 1], (self.unit / k)[:, None, None], out=out[k])

            return leaf
        if op in ("scalar", "literal", "pi"):
            out[:] = {"scalar": lambda: float(node.data), "pi": lambda: np.pi}.get(
                op, lambda: np.array([[float(v) for v in row] for row in node.data])
            )()
            return lambda k: None
        if op == "time":

            def time(k: int) -> None:
                out[k] = (self.now if k == 0 else self.unit if k == 1 else self.unit * 0)[:, None, None]

            return time
        first = args[0] if args else None
        second = args[1] if len(args) > 1 else None
        if op == "add":
            assert first is not None
            assert second is not None

            def add(k: int) -> None:
                if not first.moving and k:
                    out[k] = c[second.place][k]
                elif not second.moving and k:
                    out[k] = c[first.place][k]
                else:
                    np.add(c[first.place][k], c[second.place][k], out=out[k])

            return add
        if op == "scale":
            factor = float(node.data)
            assert first is not None

            def scale(k: int) -> None:
                np.multiply(c[first.place][k], factor, out=out[k])

            return scale
        if op in ("matmul", "mul"):
            assert first is not None
            assert second is not None
            return self._product(first, second, out, matrix=op == "matmul")
        if op in ("gate", "mask"):
            return self._gate(node, out)
        if op == "gated":
            return self._gated(node, out)
        if op == "deriv":
            assert first is not None

            def deriv(k: int) -> None:
                out[k] = c[first.place][k + 1] * (k + 1) / self.unit[:, None, None]

            return deriv
        if op == "primitive":
            assert first is not None
            return self._primitive(node, first, out)
        assert first is not None
        function = STRUCTURAL[op](node)

        def structural(k: int) -> None:
            out[k] = function(c[first.place][k])

        return structural

    def _product(self, a: Node, b: Node, out: Array, matrix: bool) -> Callable[[int], None]:
        c = self.c
        times: Any = np.matmul if matrix else np.multiply
        if not (a.moving and b.moving):

            def single(k: int) -> None:
                times(c[a.place][k if a.moving else 0], c[b.place][k if b.moving else 0], out=out[k])

            return single
        if not matrix:

            def entrywise(k: int) -> None:
                np.sum(c[a.place][: k + 1] * c[b.place][k::-1], axis=0, out=out[k])

            return entrywise
        top = self.order + 1
        left = np.zeros((self.cases, a._dims[0], top + 1, a._dims[1]))
        right = np.zeros((self.cases, top + 1, *b._dims))
        (rows, inner), cols = a._dims, b._dims[1]

        def cauchy(k: int) -> None:
            left[:, :, k] = c[a.place][k]
            right[:, top - k] = c[b.place][k]
            np.matmul(
                left[:, :, : k + 1].reshape(self.cases, rows, (k + 1) * inner),
                right[:, top - k :].reshape(self.cases, (k + 1) * inner, cols),
                out=out[k],
            )

        return cauchy

    def _gate(self, node: Node, out: Array) -> Callable[[int], None]:
        switch = self.program.switches[node.data[0]]
        site = self.sites.get(node.place)

        def gate(k: int) -> None:
            if k == 0:
                if switch.argument.moving:
                    out[0] = self.base[node.place]
                else:
                    out[0] = fixed_gate(self.c[switch.argument.place][0], switch, node.data[1])
            elif node.moving:
                out[k] = 0
            if site is not None:
                out[k] += self.jump[node.place] * self._unknown(switch, k)

        return gate

    def _gated(self, node: Node, out: Array) -> Callable[[int], None]:
        gate, part = node.args
        site = self.sites.get(node.place)
        c = self.c
        if gate.place in self.sites:  # the gate itself is unknown on its kink
            return self._product(gate, part, out, matrix=False)
        switch = self.program.switches[gate.data[0]]

        def gated(k: int) -> None:
            if part.moving or k == 0:
                np.multiply(c[gate.place][0], c[part.place][k], out=out[k])
            else:
                out[k] = 0
            if site is not None:
                out[k] += self._unknown(switch, k)

        return gated

    def _unknown(self, switch: Any, k: int) -> Array:
        flat = self.xi[k][:, self.layout.slices[switch.number]]
        return np.asarray(flat.reshape(self.cases, *switch.argument._dims))

    def _primitive(self, node: Node, arg: Node, out: Array) -> Callable[[int], None]:
        c, rate = self.c, self.program.integrands.get(node.place)

        def primitive(k: int) -> None:
            if k == 0:
                out[0] = FUNCTIONS[node.data](c[arg.place][0])
            elif rate is not None and (rate.moving or k == 1):
                out[k] = c[rate.place][k - 1] * (self.unit / k)[:, None, None]

        return primitive

    # What is set from outside

    def start(self, leaves: dict[str, Array], now: Array, unit: Array, modes: Modes | None) -> None:
        """Values at the start: of every leaf, the time and its unit in each case, and the modes."""
        self.now, self.unit = np.asarray(now, dtype=np.float64), unit
        for name, value in leaves.items():
            node = self.program.leaves.get(name)
            if node is not None and node.place in self.c:
                self.c[node.place][0] = value
        self.xi[:] = 0
        if modes is not None:
            self.set_modes(modes)
        for node in self.fixed:
            self.steps[node.place](0)

    def set_modes(self, modes: Modes) -> None:
        self.modes = modes
        for node in self.schedule:
            if node.op in ("gate", "mask"):
                switch = self.program.switches[node.data[0]]
                if switch.argument.moving:
                    table = np.array([float(v) for v in node.data[1]])
                    pieces = modes.pieces[:, self.layout.slices[switch.number]].reshape(self.cases, *node._dims)
                    self.base[node.place] = table[pieces]
                    above = np.minimum(pieces + 1, len(table) - 1)
                    self.jump[node.place] = table[above] - table[pieces]

    def caps(self, k: int) -> Array:
        """What the unknowns lie between 0 and: jump · partner, or 1; flat."""
        found = np.zeros((self.cases, self.layout.size))
        for site in self.sites.values():
            where = self.layout.slices[site.switch.number]
            if site.partner is None:
                found[:, where] = 1.0 if k == 0 else 0.0
            elif site.partner.moving or k == 0:
                value = self.jump[site.gate.place] * self.c[site.partner.place][k]
                found[:, where] = value.reshape(self.cases, -1)
        return found

    def arguments(self, k: int) -> Array:
        """The arguments of all switches, flat."""
        found = np.empty((self.cases, self.layout.size))
        for switch in self.layout.switches:
            found[:, self.layout.slices[switch.number]] = self.c[switch.argument.place][k].reshape(self.cases, -1)
        return found

    def expand(self, order: int | None = None) -> None:
        """All coefficients up to the order; sliding unknowns solved for on the way."""
        top = self.order if order is None else order
        sliding = bool((self.modes.slides >= 0).any()) if self.layout.size else False
        inverse = None
        for k in range(top + 1):
            self.evaluate(self.live, k)
            if sliding and k < top:
                inverse = self._solve(k, inverse)

    def _solve(self, k: int, inverse: Array | None) -> Array:
        """Set the unknowns of order k so that the arguments' coefficients of order k + 1 vanish."""
        used = self.modes.slides >= 0
        safe, target = np.where(used, self.modes.slides, 0), np.where(used, self.modes.slides, self.layout.size)
        rows = np.arange(self.cases)[:, None]
        for _ in range(NEWTON if k == 0 else 1):
            rest = self._rest(k, used, safe)
            if inverse is None or k == 0:
                inverse = inverted(self._jacobian(rest, used, safe, target))
            step = (inverse @ rest[:, :, None])[:, :, 0]
            self.xi[k][rows, target] -= step
            self.evaluate(self.down, k)
            if k == 0 and np.nanmax(np.abs(np.where(used, step, 0.0))) <= 1e-14 * (1 + np.nanmax(np.abs(self.xi[0]))):
                break
        assert inverse is not None
        return inverse

    def _rest(self, k: int, used: Any, safe: Any) -> Array:
        """What must vanish: (k + 1) times an argument's next coefficient; of followers, what ties them to theirs."""
        self.evaluate(self.ahead, k + 1)
        rows, leaders = np.arange(self.cases)[:, None], self.modes.leaders
        rest = np.where(used, self.arguments(k + 1)[rows, safe] * (k + 1), 0.0)
        follows = leaders >= 0
        if follows.any():
            first = self.modes.slides[rows, np.where(follows, leaders, 0)]
            first = np.where(follows, first, 0)
            self.seen_caps[k] = self.caps(k)
            tie = np.zeros(rest.shape)
            for i in range(k + 1):
                u_leader, u_own = self.seen_caps[k - i][rows, first], self.seen_caps[k - i][rows, safe]
                turn = np.where(self.modes.turned, -1.0, 1.0)
                tie += turn * self.xi[i][rows, first] * u_own - self.xi[i][rows, safe] * u_leader
                tie += np.where(self.modes.turned, self.seen_caps[i][rows, safe] * u_leader, 0.0)
            rest = np.where(follows, tie, rest)
        return rest

    def _jacobian(self, rest: Array, used: Any, safe: Any, target: Any) -> Array:
        """∂ rest / ∂ (unknowns of order 0), on the sliding entries of each case."""
        rows, most = np.arange(self.cases), safe.shape[1]
        found = np.zeros((self.cases, most, most))
        for j in range(most):
            self.xi[0][rows, target[:, j]] += 1.0
            self.evaluate(self.down, 0)
            found[:, :, j] = self._rest(0, used, safe) - rest
            self.xi[0][rows, target[:, j]] -= 1.0
        self.evaluate(self.down, 0)
        found[~used] = 0
        return found

    # What a stepper asks of an engine

    zero, noise, tie, longest = 0.0, 1e-15, 1e-9, np.inf

    def along(self, segment: Any, data: dict[str, Array], modes: Modes) -> None:
        """All nodes over a step of a path, of which the series of what moves are given."""
        self.start(data, np.array([float(segment.start)]), np.array([segment.unit]), modes)
        for name, series in segment.states.items():
            node = self.program.leaves.get(name)
            if node is not None and node.place in self.c:
                self.c[node.place][: self.order + 1, 0] = series[: self.order + 1]
        for k in range(self.order + 1):
            self.evaluate(self.live, k)

    def exactly(self, node: Node) -> list[list[Fraction]]:
        """The value of a node at the start."""
        return [[Fraction(float(v)) for v in row] for row in self.c[node.place][0, 0]]

    def rough(self, node: Node) -> Array:
        """(orders, rows, cols)."""
        if node.moving:
            return self.c[node.place][: self.order + 1, 0]
        found = np.zeros((self.order + 1, *node._dims))
        found[0] = self.c[node.place][0, 0]
        return found

    def loaded(self, rows: Any) -> Array:
        """A matrix of Fractions as a stack of one."""
        return np.array([[[to_float(v) for v in row] for row in rows]])

    def expand_safely(self) -> NDArray[np.bool_]:
        """Of which cases all coefficients are finite."""
        with np.errstate(all="ignore"):
            self.expand()
        found = np.ones(self.cases, dtype=bool)
        for place in self.states:
            found &= np.isfinite(self.c[place][: self.order + 1]).all(axis=(0, 2, 3))
        return found

    def values(self) -> None:
        self.evaluate(self.live, 0)

    def sides(self, table: Array) -> NDArray[np.int64]:
        """Twice the piece of every entry, or, on a kink, one more than twice the piece below."""
        value = self.arguments(0)[:, :, None]
        inner = table[None, :, 1:-1]
        return np.asarray((2 * (value > inner) + (value == inner)).sum(axis=2), dtype=np.int64)

    def sizes(self) -> Array:
        """(orders, cases): the greatest coefficient of what moves."""
        found = np.zeros((self.order + 1, self.cases))
        for place in self.states:
            np.maximum(found, np.abs(self.c[place][: self.order + 1]).max(axis=(2, 3)), out=found)
        return found

    def flat(self) -> tuple[Array, Array, Array]:
        """Coefficients of arguments, unknowns and what bounds them: (orders, cases, entries)."""
        orders = self.order + 1
        arguments = np.stack([self.arguments(k) for k in range(orders)])
        return arguments, self.xi[:orders, :, : self.layout.size], np.stack([self.caps(k) for k in range(orders)])

    def argument_scale(self, row: int, flat: int) -> float:
        """The size of the numbers that an argument is the sum of."""
        return self._bound(self.layout.place(flat)[0].argument, row)

    def _bound(self, node: Node, row: int) -> float:
        """A bound on the entries of a node, from its leaves."""
        if node.op == "add":
            return sum(self._bound(arg, row) for arg in node.args)
        if node.op in ("matmul", "mul"):
            inner = node.args[0]._dims[1] if node.op == "matmul" else 1
            return self._bound(node.args[0], row) * self._bound(node.args[1], row) * inner
        if node.op in ("T", "index", "spread", "diagonal"):
            return self._bound(node.args[0], row)
        if node.op == "gated":
            return self._bound(node.args[1], row)
        own = float(np.abs(self.c[node.place][:3, row]).max()) + 1e-300
        if node.place not in self.states:
            return own
        return max(own, PART * max(float(np.abs(self.c[place][0, row]).max()) for place in self.states))

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

    def weight(self) -> Array:
        """The greatest entry of what moves, of each case."""
        found = np.full(self.cases, 1e-300)
        for place in self.states:
            np.maximum(found, np.abs(self.c[place][0]).max(axis=(1, 2)), out=found)
        return found

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

    def resized(self, cases: int) -> FloatSeries:
        return FloatSeries(self.program, self.order, cases)

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
            probe.values()
            self.after = (state, probe.arguments(0))
        value = self.after[1][row]
        scales = np.concatenate(
            [np.full(_entries(s), self._bound(s.argument, row)) for s in self.layout.switches] or [np.zeros(0)]
        )
        found = []
        for shift in (0, 1):
            kink = table[np.arange(len(value)), pieces + shift]
            near = np.abs(value - kink) <= 1e-11 * scales
            found += [(int(flat), int(pieces[flat]) + shift - 1) for flat in np.flatnonzero(near)]
        return found


def inverted(matrices: Array) -> Array:
    """Inverses of a stack, by least squares where a matrix has none."""
    if matrices.shape[-1] == 1:
        with np.errstate(all="ignore"):
            return np.where(matrices == 0, 0.0, 1.0 / np.where(matrices == 0, 1.0, matrices))
    finite = np.where(np.isfinite(matrices), matrices, 0.0)
    return np.linalg.pinv(finite, rcond=1e-11)


def radius_of(sizes: Array) -> Array:
    """How far a step may go, in units: e^{−2} of the radius of convergence, by the last two coefficients.

    Sizes are (orders, cases). It is measured against the velocity, so that a flow that comes to rest keeps its digits.
    """
    top = len(sizes) - 1
    first = sizes[1:4].max(axis=0)
    with np.errstate(all="ignore"):
        radii = [(first / sizes[k]) ** (1.0 / (k - 1)) for k in (top - 1, top)]
    low, high = (np.where(np.isfinite(r) & (first > 0), r, np.inf) for r in radii)
    return np.minimum(low, high) * SAFETY


def to_float(value: Any) -> float:
    """The nearest float, infinite where there is none."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def fixed_gate(value: Array, switch: Any, levels: Any) -> Array:
    """A gate of what stands still: where it is on a kink, the mean of both sides, which for a sign is 0."""
    table = np.array([float(v) for v in levels])
    found = np.zeros(value.shape)
    for k, kink in enumerate(switch.kinks):
        kink = float(kink)
        found += (table[k + 1] - table[k]) * np.where(value > kink, 1.0, np.where(value == kink, 0.5, 0.0))
    return np.asarray(table[0] + found)


def _spread(node: Node) -> Callable[[Array], Array]:
    eye = np.eye(node._dims[0])
    return lambda a: a * eye


STRUCTURAL: dict[str, Callable[[Node], Callable[[Array], Array]]] = {
    "T": lambda node: lambda a: np.swapaxes(a, -1, -2),
    "total": lambda node: lambda a: a.sum(axis=(-2, -1), keepdims=True),
    "row_sums": lambda node: lambda a: a.sum(axis=-1, keepdims=True),
    "diagonal": lambda node: lambda a: np.diagonal(a, axis1=-2, axis2=-1)[..., None],
    "spread": _spread,
    "index": lambda node: lambda a: a[..., node.data[0] : node.data[0] + 1, node.data[1] : node.data[1] + 1],
}


def _erf(a: Array) -> Array:
    return np.vectorize(math.erf, otypes=[np.float64])(a)  # type: ignore[no-any-return]


FUNCTIONS: dict[str, Any] = {
    "exp": np.exp,
    "tanh": np.tanh,
    "erf": _erf,
    "log": np.log,
    "sqrt": np.sqrt,
    "reciprocal": lambda a: 1.0 / a,
    "inverse": np.linalg.inv,
    "logdet": lambda a: np.linalg.slogdet(a)[1][..., None, None],
}
