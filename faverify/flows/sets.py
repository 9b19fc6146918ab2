"""Sets of states: the letters that move as one vector of balls, and parallelepipeds that are carried along a flow."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb, arb_mat
from numpy.typing import NDArray

from .balls import GATES, BallSeries, Entry, Forced, Jet, Pieces, ball, finite, matrix_of
from .problems import Rows
from .programs import Node, Program

Vector = list[Any]  # of balls
Known = dict[int, list[Jet | None]]  # coefficients of a node, by its place


class States:
    """The letters that move, as one vector; the others stand still."""

    def __init__(self, program: Program, data: dict[str, Any]) -> None:
        self.program, self.data = program, data
        self.names = list(program.velocities)
        self.dims = [program.leaves[name]._dims for name in self.names]
        self.firsts: dict[str, int] = {}
        self.size = 0
        for name, (rows, cols) in zip(self.names, self.dims, strict=True):
            self.firsts[name] = self.size + 1
            self.size += rows * cols
        self.switches = [switch for switch in program.switches if switch.argument.moving]

    def start(self) -> Vector:
        return [ball(value) for name in self.names for row in self.program.start_of(name, self.data) for value in row]

    def split(self, vector: Vector) -> dict[str, Any]:
        """The matrices of a vector, by name."""
        found = {}
        for name, (rows, cols) in zip(self.names, self.dims, strict=True):
            first = self.firsts[name] - 1
            found[name] = arb_mat(rows, cols, vector[first : first + rows * cols])
        return found

    def series(
        self,
        vector: Vector,
        now: Any,
        pieces: Pieces | None = None,
        derivatives: bool = False,
        forced: Forced | None = None,
        question: Collection[Entry] = (),
    ) -> BallSeries:
        """The program over these states; see `BallSeries`."""
        leaves = self.split(vector)
        for name in self.program.leaves.keys() - leaves.keys():
            leaves[name] = matrix_of(self.program.start_of(name, self.data))
        directions = self.firsts if derivatives else None
        return BallSeries(self.program, leaves, now, pieces, directions, forced, question)

    def coefficient(self, series: BallSeries, k: int) -> Vector:
        """The coefficient of order k of all that moves."""
        return [entry for name in self.names for entry in series.value(self.program.leaves[name], k)]

    def known(self, series: BallSeries) -> Known:
        """All that a series has found of what moves."""
        return {leaf.place: series.known[leaf.place] for leaf in (self.program.leaves[name] for name in self.names)}

    def rates(self, series: BallSeries) -> Vector:
        return [entry for rate in self.program.velocities.values() for entry in series.value(rate, 0)]

    def rate_of(self, series: BallSeries, node: Node, place: int) -> Any:
        """The rate of an entry of a node; where Ẇ = c D Eᵀ, that of W x is c D (Eᵀx), with Eᵀx over the rationals.

        Balls of D Eᵀ would leave a rate around 0 that orthogonal samples make 0 exactly.
        """
        if node.op == "matmul" and node.args[0].op == "leaf" and node.args[0].data in self.program.velocities:
            velocity, factor = self.program.velocities[node.args[0].data], Fraction(1)
            if velocity.op == "scale":
                velocity, factor = velocity.args[0], velocity.data
            if velocity.op == "matmul":
                fixed, inputs = self._given(velocity.args[1]), self._given(node.args[1])
                if fixed is not None and inputs is not None:
                    row, col = divmod(place, node._dims[1])
                    width = len(fixed)
                    signal = series.value(velocity.args[0], 0)[row * width : (row + 1) * width]
                    gram = [sum((a * x[col] for a, x in zip(line, inputs, strict=True)), Fraction(0)) for line in fixed]
                    return sum((d * ball(factor * g) for d, g in zip(signal, gram, strict=True)), arb(0))
        return series.value(node, 1)[place]

    def _given(self, node: Node) -> Rows | None:
        """A matrix of the data that stands still, or its transpose."""
        if node.op == "leaf" and node.data not in self.program.velocities:
            return [list(row) for row in self.program.start_of(node.data, self.data)]
        below = self._given(node.args[0]) if node.op == "T" else None
        return None if below is None else [list(row) for row in zip(*below, strict=True)]

    def gate_parts(self, series: BallSeries) -> Vector:
        """The derivatives of the velocities along the gates in question."""
        found = [series(rate, 0) for rate in self.program.velocities.values()]
        return [
            entry for jet in found if jet is not None and GATES in jet.parts for entry in jet.parts[GATES].entries()
        ]

    def sides(self, series: BallSeries) -> Pieces:
        """The piece of every entry of every switch."""
        return {switch.number: series.sides(switch) for switch in self.switches}

    def jacobian(self, series: BallSeries, k: int) -> Any:
        """The derivative of the coefficient of order k along all directions."""
        columns: list[Vector] = [[] for _ in range(self.size)]
        for name, (rows, cols) in zip(self.names, self.dims, strict=True):
            found = series(self.program.leaves[name], k)
            for j in range(self.size):
                part = found.parts.get(j + 1) if found is not None else None
                columns[j] += [arb(0)] * (rows * cols) if part is None else part.entries()
        return arb_mat(self.size, self.size, [columns[j][i] for i in range(self.size) for j in range(self.size)])


@dataclass(frozen=True)
class Box:
    """{middle + turn · r : r ∈ rest}: a middle without radius, a matrix of floats, balls around 0."""

    middle: Vector
    turn: NDArray[np.float64]
    rest: Vector

    @classmethod
    def around(cls, vector: Vector) -> Box:
        middle = [entry.mid() for entry in vector]
        return cls(middle, np.eye(len(vector)), [entry - m for entry, m in zip(vector, middle, strict=True)])

    def hull(self) -> Vector:
        """The set as balls, entry by entry."""
        turned = floats(self.turn) * arb_mat(len(self.rest), 1, self.rest)
        return [m + part for m, part in zip(self.middle, turned.entries(), strict=True)]

    def shifted(self, moves: Vector) -> Box:
        """The sum of the set and a vector of balls."""
        moved = [m + move for m, move in zip(self.middle, moves, strict=True)]
        middle = [entry.mid() for entry in moved]
        errors = arb_mat(len(moved), 1, [entry - m for entry, m in zip(moved, middle, strict=True)])
        back = floats(self.turn).inv() * errors
        return Box(middle, self.turn, [a + b for a, b in zip(self.rest, back.entries(), strict=True)])

    def image(self, of_middle: Vector, jacobian: Any) -> Box | None:
        """What holds f on the set, from f(middle) and a matrix that holds f′ on the set: the mean value theorem.

        The new axes are the images of the old ones, the longest first, made orthogonal: None where that fails.
        """
        spread = jacobian * floats(self.turn)
        if not finite(spread):
            return None
        middle = [entry.mid() for entry in of_middle]
        turn = self._axes(spread)
        try:
            back = floats(turn).inv()
        except ZeroDivisionError:
            return None
        errors = arb_mat(len(middle), 1, [entry - m for entry, m in zip(of_middle, middle, strict=True)])
        rest = (back * spread) * arb_mat(len(middle), 1, self.rest) + back * errors
        return Box(middle, turn, rest.entries())

    def _axes(self, spread: Any) -> NDArray[np.float64]:
        """Any axes will do; these keep the set from being wrapped."""
        rough = np.array([[float(entry.mid()) for entry in row] for row in spread.tolist()])
        widths = np.array([float(entry.abs_upper()) for entry in self.rest])
        lengths = np.linalg.norm(rough, axis=0) * (widths / (widths.max() or 1.0))
        turn, _ = np.linalg.qr(rough[:, np.argsort(-lengths, kind="stable")])
        return turn if np.isfinite(turn).all() else np.eye(len(turn))


def floats(matrix: Any) -> Any:
    """A matrix of floats, each as the exact number that it is."""
    return arb_mat([[arb(float(value)) for value in row] for row in matrix])


@dataclass(frozen=True)
class Segment:
    """A step: every solution that is in `first` at `start` is in `box` up to `start + length`, on these branches.

    `order`: of the Taylor expansion that holds there; 0 for a bridge over a kink, where only the box does. `tight` and
    `wide`: the coefficients of what moves over `first` and over `box`, by place.
    """

    start: Fraction
    length: Fraction
    first: Vector
    box: Vector
    pieces: Pieces
    order: int
    tight: Known = field(default_factory=dict, repr=False)
    wide: Known = field(default_factory=dict, repr=False)

    @property
    def end(self) -> Fraction:
        return self.start + self.length
