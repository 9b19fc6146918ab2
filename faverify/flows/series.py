"""Truncated Taylor series of a program along its flow, order by order, whatever arithmetic they are in.

At order k every node's k-th coefficient follows from coefficients of lower order and, in the order of the schedule,
from those of its arguments: products by Cauchy's formula, primitives from their integrand one order below. Time is
measured in a unit of each case's own, so that coefficients neither grow nor shrink much.

Entries of switch arguments are numbered through, over all switches: "flat". On a kink (`Modes.slides`) the entries of
`xi` are unknown; the argument must stand still there, which is linear in the unknowns of order k with one matrix for
all k ≥ 1, the Jacobian at order 0.

References: Griewank & Walther 2008, ch. 13; Jorba & Zou 2005; Filippov 1988.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .layouts import Layout
from .programs import Node, Program, needed

Array = NDArray[np.float64]
SAFETY = float(np.exp(-2.0))  # of the radius of convergence, as Jorba & Zou advise
PART = 0.01  # of the greatest weight: a weight that vanishes has been rounded beside those


class Series:
    """The base of both arithmetics: the schedule, what depends on a sliding unknown, what its equation needs."""

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

    def bound(self, node: Node, greatest: Callable[[Node, int], float]) -> float:
        """A bound on the entries of a node at the start, from what it is made of.

        `greatest` says how great a node's first so many coefficients are. A weight that vanishes just now has been
        rounded beside others.
        """
        if node.op == "add":
            return sum(self.bound(arg, greatest) for arg in node.args)
        if node.op in ("matmul", "mul"):
            inner = node.args[0]._dims[1] if node.op == "matmul" else 1
            return self.bound(node.args[0], greatest) * self.bound(node.args[1], greatest) * inner
        if node.op in ("T", "index", "spread", "diagonal"):
            return self.bound(node.args[0], greatest)
        if node.op == "gated":
            return self.bound(node.args[1], greatest)
        if node.op in ("total", "row_sums"):
            rows, cols = node.args[0]._dims
            count: int = cols * (rows if node.op == "total" else 1)
            return self.bound(node.args[0], greatest) * count
        if node.op == "scale":
            factor: float = abs(float(node.data))
            return self.bound(node.args[0], greatest) * factor
        own = greatest(node, 3) + 1e-300
        if node.place not in self.states:
            return own
        return max(own, PART * max(greatest(self.program.nodes[place], 1) for place in self.states))

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


def radius_of(sizes: Array) -> Array:
    """How far a step may go, in units: e^{−2} of the radius of convergence, by the later half of the coefficients.

    Sizes are (orders, cases). It is measured against the velocity, so that a flow that comes to rest keeps its digits.
    The last two would not do: from W = 0 a series has orders 1, 3, 7, … and L layers see each other at 2^L − 1 alone.
    """
    top = len(sizes) - 1
    first = sizes[1:4].max(axis=0)
    orders = np.arange(max(2, (top + 1) // 2), top + 1)
    with np.errstate(all="ignore"):
        radii = (first / sizes[orders]) ** (1.0 / (orders[:, None] - 1))
    found: Array = np.where(np.isfinite(radii) & (first > 0), radii, np.inf).min(axis=0, initial=np.inf)
    return found * SAFETY


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
