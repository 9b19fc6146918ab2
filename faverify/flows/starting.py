"""Where arguments of switches lie at the start, decided over the rational numbers that a problem is given in."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..proving.witnesses import array
from .layouts import Layout
from .programs import Node, Program, needed

Ints = NDArray[np.int64]
UNKNOWN = -1
ZERO = Fraction(0)
OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": lambda node, a, b: a + b,
    "mul": lambda node, a, b: a * b,
    "matmul": lambda node, a, b: a @ b,
    "gated": lambda node, a, b: a * b,
    "scale": lambda node, a: a * node.data,
    "T": lambda node, a: a.T,
    "total": lambda node, a: a.sum(keepdims=True),
    "row_sums": lambda node, a: a.sum(axis=1, keepdims=True),
    "diagonal": lambda node, a: np.diagonal(a)[:, None],
    "spread": lambda node, a: array([[a[i, 0] if i == j else ZERO for j in range(len(a))] for i in range(len(a))]),
    "index": lambda node, a: a[node.data[0] : node.data[0] + 1, node.data[1] : node.data[1] + 1],
}


def start_signs(program: Program, layout: Layout, data: dict[str, Any]) -> Ints:
    """Twice the piece of every entry, or, on a kink, one more than twice the piece below; −1 where it is not rational.

    A gate above an entry on its kink has the piece below, as an engine's has until modes are settled.
    """
    found = np.full(layout.size, UNKNOWN, dtype=np.int64)
    values: dict[int, Any] = {}
    moving = {switch.number for switch in layout.switches}
    pieces: dict[int, Ints] = {}

    def pieces_of(number: int) -> Ints | None:
        """Twice the pieces of a switch, and one more on kinks."""
        switch = program.switches[number]
        if number not in pieces and values.get(switch.argument.place) is not None:
            argument = values[switch.argument.place]
            signs = [[sum(2 * (v > k) + (v == k) for k in switch.kinks) for v in row] for row in argument]
            pieces[number] = np.array(signs, dtype=np.int64)
            if number in moving:
                found[layout.slices[number]] = pieces[number].ravel()
        return pieces.get(number)

    def gate(node: Node) -> Any:
        number, levels = node.data[0], node.data[1]
        twice = pieces_of(number)
        if twice is None:
            return None
        mean = number not in moving  # of what stands still, as everywhere
        rows = [
            [(levels[p // 2] + levels[p // 2 + 1]) / 2 if p % 2 and mean else levels[p // 2] for p in row]
            for row in twice.tolist()
        ]
        return array(rows)

    wanted = needed(program, [switch.argument for switch in program.switches])
    for node in program.nodes:
        if node.place not in wanted:
            continue
        parts = [values.get(arg.place) for arg in node.args]
        if node.op == "leaf":
            values[node.place] = array(program.start_of(node.data, data))
        elif node.op in ("scalar", "time"):
            values[node.place] = array([[node.data if node.op == "scalar" else ZERO]])
        elif node.op == "literal":
            values[node.place] = array(node.data)
        elif node.op in ("gate", "mask"):
            values[node.place] = gate(node)
        elif node.op in OPERATIONS and all(part is not None for part in parts):
            values[node.place] = OPERATIONS[node.op](node, *parts)
    for switch in layout.switches:
        pieces_of(switch.number)
    return found
