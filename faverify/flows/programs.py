"""A rule's vector field as a straight-line program over matrices, recorded once by running the rule's own code.

Every matrix that the run makes is a `Node`; equal expressions are one node. What moves is a *primitive*: the integral
of another node from a value at the start; so are exp, tanh, erf, log, sqrt, 1/x and inverses, whose derivatives are
algebra in themselves. What is left are sums, products and *switches*: functions that are given in pieces, φ, φ′ and
sign. A switch has an argument and kinks; between two kinks it is smooth. A *gate* is what of it jumps at a kink, a
matrix that is constant from one event to the next. Where an argument stays on its kink (a sliding mode) the gate's
entry is unknown, between the values on both sides; where a gate takes part in one entrywise product alone, that
product is the unknown.

References: Griewank & Walther 2008, ch. 13 (Taylor coefficients of programs); Filippov 1988 (sliding modes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from ..errors import RuleError, ShapeError, UnsupportedOperation
from ..kernel.carriers import COLUMNS_ROWS, Value, broadcast, check, exact
from ..kernel.words import Word

PIECEWISE = ("gate", "mask")  # both are constant between events; a mask belongs to a sum that is continuous


class Node(Value):
    """A matrix that the program makes: an operation, its arguments, and what else it must know.

    `moving`: whether it changes along the flow; `late`: whether its coefficient of order k − 1 is due when others have
    order k, because it is made of a derivative.
    """

    __slots__ = ("_dims", "args", "data", "late", "moving", "op", "place", "program")
    args: tuple[Node, ...]
    late: bool
    moving: bool
    _label = "a matrix along the flow"

    def __init__(self, program: Program, op: str, args: tuple[Node, ...], data: Any, dims: tuple[int, int]) -> None:
        self.program, self.op, self.args, self.data, self._dims = program, op, args, data, dims
        self.place = len(program.nodes)
        self.moving = op == "time" or any(a.moving for a in args)
        if op == "leaf":  # until all velocities are known, everything that has a name may move
            self.moving = data in program.velocities if program.settled else True
        self.late = op == "deriv" or (op != "primitive" and any(a.late for a in args))

    def _lift(self, other: Any) -> Node | None:
        if isinstance(other, Node):
            return other
        if isinstance(other, Word):
            raise UnsupportedOperation("a symbolic constant", "flows", "give the rule numbers for its parameters")
        if isinstance(other, (int, float, Fraction)) and not isinstance(other, bool):
            return self.program.scalar(Fraction(other))
        if isinstance(other, (list, tuple)) or type(other).__module__.startswith("numpy"):
            from .problems import matrix

            return self.program.literal(matrix(other, "a matrix of the error signal or the rule"))
        return None

    def __add__(self, other: Any) -> Any:
        other = self._lift(other)
        if other is None:
            return NotImplemented
        dims = broadcast("A + B", self, other)
        for one, two in ((self, other), (other, self)):
            if one.is_zero() and two._dims == dims:
                return two
        return self.program.node("add", (self, other), None, dims)

    def __mul__(self, other: Any) -> Any:
        other = self._lift(other)
        if other is None:
            return NotImplemented
        dims = broadcast("A * B", self, other)
        if self.is_zero() or other.is_zero():
            return self.program.zeros(*dims)
        for one, two in ((self, other), (other, self)):
            if one.op == "scalar":
                return two.scaled(one.data) if two._dims == dims else NotImplemented
        for one, two in ((self, other), (other, self)):
            if one.op == "add" and any(part.op in PIECEWISE for part in one.args):  # each gate meets its own product
                return one.args[0] * two + one.args[1] * two
        for one, two in ((self, other), (other, self)):
            if one.op in PIECEWISE and two._dims == dims == one._dims and two.op not in PIECEWISE:
                return self.program.node("gated", (one, two), None, dims)
        return self.program.node("mul", (self, other), None, dims)

    def scaled(self, factor: Fraction) -> Node:
        if factor == 1:
            return self
        if factor == 0:
            return self.program.zeros(*self._dims)
        if self.op == "scalar":
            return self.program.scalar(self.data * factor)
        if self.op == "scale":
            return self.args[0].scaled(self.data * factor)
        return self.program.node("scale", (self,), factor, self._dims)

    def __matmul__(self, other: Any) -> Any:
        other = self._lift(other)
        if other is None:
            return NotImplemented
        check(self._dims[1] == other._dims[0], "A @ B", self._dims, other._dims, COLUMNS_ROWS)
        dims = (self._dims[0], other._dims[1])
        if self.is_zero() or other.is_zero():
            return self.program.zeros(*dims)
        if self.op == "scale":
            return (self.args[0] @ other).scaled(self.data)
        if other.op == "scale":
            return (self @ other.args[0]).scaled(other.data)
        return self.program.node("matmul", (self, other), None, dims)

    def __rmatmul__(self, other: Any) -> Any:
        other = self._lift(other)
        return NotImplemented if other is None else other @ self

    def __truediv__(self, other: Any) -> Any:
        if isinstance(other, Node):
            return self * other.reciprocal()
        if isinstance(other, Word):
            self._lift(other)
        return self.scaled(1 / Fraction(other if isinstance(other, float) else exact(other)))

    def __rtruediv__(self, other: Any) -> Any:
        lifted = self._lift(other)
        return NotImplemented if lifted is None else lifted * self.reciprocal()

    def __neg__(self) -> Node:
        return self.scaled(Fraction(-1))

    @property
    def mT(self) -> Node:
        if self.op == "T":
            return self.args[0]
        return self._structural("T", (self._dims[1], self._dims[0]))

    def _structural(self, op: str, dims: tuple[int, int], data: Any = None) -> Node:
        if self.is_zero():
            return self.program.zeros(*dims)
        if self.op == "scale" and op != "index":
            return self.args[0]._structural(op, dims, data).scaled(self.data)
        return self.program.node(op, (self,), data, dims)

    def total(self) -> Node:
        return self if self._dims == (1, 1) else self._structural("total", (1, 1))

    def row_sums(self) -> Node:
        return self if self._dims[1] == 1 else self._structural("row_sums", (self._dims[0], 1))

    def diagonal(self) -> Node:
        rows, cols = self._dims
        check(cols in (1, rows), "diag(A)", self._dims, "a square", "or pass a column")
        return self._structural("spread" if cols == 1 else "diagonal", (rows, rows if cols == 1 else 1))

    def __getitem__(self, index: Any) -> Node:
        if not (isinstance(index, tuple) and len(index) == 2 and all(isinstance(k, int) for k in index)):
            raise UnsupportedOperation(f"the index {index!r}", "flows", "write two whole numbers, A[i, j]")
        (i, j), (rows, cols) = index, self._dims
        if not (-rows <= i < rows and -cols <= j < cols):
            raise ShapeError(f"A[{i}, {j}]", self._dims, index, "stay within the matrix")
        return self._structural("index", (1, 1), (i % rows, j % cols))

    def units(self) -> Iterable[Node]:
        """The matrices of this shape with one entry 1 and the others 0."""
        rows, cols = self._dims
        for place in range(rows * cols):
            unit = [[Fraction(int(i * cols + j == place)) for j in range(cols)] for i in range(rows)]
            yield self.program.literal(unit)

    # Functions, as integrals of their derivatives

    def _function(self, name: str, integrand: Callable[[Node], Node]) -> Node:
        """f(A) with the given integrand, made of f(A) itself and of the derivative of A."""
        found = self.program.node("primitive", (self,), name, (1, 1) if name == "logdet" else self._dims)
        if self.moving and found.place not in self.program.integrands:
            self.program.integrands[found.place] = found  # stands in while the integrand is made
            self.program.integrands[found.place] = integrand(found)
        return found

    @property
    def rate(self) -> Node:
        return self.program.node("deriv", (self,), None, self._dims)

    def exp(self) -> Node:
        return self._function("exp", lambda y: y * self.rate)

    def tanh(self) -> Node:
        return self._function("tanh", lambda y: (1 - y * y) * self.rate)

    def erf(self) -> Node:
        return self._function("erf", lambda _: 2 * (-self * self).exp() * (self.pi().sqrt().reciprocal() * self.rate))

    def reciprocal(self) -> Node:
        return self._function("reciprocal", lambda y: -(y * y) * self.rate)

    def log(self) -> Node:
        return self._function("log", lambda _: self.reciprocal() * self.rate)

    def sqrt(self) -> Node:
        return self._function("sqrt", lambda y: y.reciprocal() * self.rate / 2)

    def pi(self) -> Node:
        return self.program.node("pi", (), None, (1, 1))

    def inverse(self) -> Node:
        check(self._dims[0] == self._dims[1], "inverse(A)", self._dims, "a square", "only a square matrix will do")
        return self._function("inverse", lambda y: -(y @ self.rate @ y))

    def logdet(self) -> Node:
        check(self._dims[0] == self._dims[1], "logdet(A)", self._dims, "a square", "only a square matrix will do")
        return self._function("logdet", lambda _: (self.inverse().mT * self.rate).total())

    def sign(self) -> Node:
        return self.program.gate(self.program.switch(self, (Fraction(0),)), (Fraction(-1), Fraction(1)))

    def is_zero(self) -> bool:
        return (self.op == "literal" and not any(map(any, self.data))) or (self.op == "scalar" and not self.data)


class Switch:
    """The argument of functions in pieces and its kinks; `layer` is that of an activation, None for a sign."""

    def __init__(self, argument: Node, kinks: tuple[Fraction, ...], number: int) -> None:
        self.argument, self.kinks, self.number = argument, kinks, number
        self.gates: list[Node] = []
        self.layer: int | None = None


class Site:
    """Where a gate is unknown on a kink: the node whose entries are base + jump · ξ, with ξ between 0 and `partner`.

    Without a partner ξ is the place between both sides, from 0 to 1.
    """

    def __init__(self, switch: Switch, gate: Node, node: Node, partner: Node | None) -> None:
        self.switch, self.gate, self.node, self.partner = switch, gate, node, partner


class Program:
    """The nodes of a run, in the order in which they were made; what moves, and how fast."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.integrands: dict[int, Node] = {}  # by the place of a primitive
        self.switches: list[Switch] = []
        self.sites: list[Site] = []
        self.velocities: dict[str, Node] = {}
        self.leaves: dict[str, Node] = {}
        self.settled = False
        self.run: Any = None
        self._known: dict[Any, Node] = {}

    def node(self, op: str, args: tuple[Node, ...], data: Any, dims: tuple[int, int]) -> Node:
        key = (op, tuple(arg.place for arg in args), data)
        if key not in self._known:
            plain = tuple(self.nodes[arg.place] for arg in args)
            self._known[key] = Node(self, op, plain, data, dims)
            self.nodes.append(self._known[key])
        return self._known[key]

    def plain(self, node: Any) -> Node:
        """The node itself, of one that stands for it in a branch."""
        place: int = node.place
        return self.nodes[place]

    def scalar(self, value: Fraction) -> Node:
        return self.node("scalar", (), value, (1, 1))

    def literal(self, rows: list[list[Fraction]]) -> Node:
        return self.node("literal", (), tuple(map(tuple, rows)), (len(rows), len(rows[0])))

    def zeros(self, rows: int, cols: int) -> Node:
        return self.literal([[Fraction(0)] * cols for _ in range(rows)])

    def leaf(self, name: str, rows: int, cols: int) -> Node:
        if name not in self.leaves:
            self.leaves[name] = self.node("leaf", (), name, (rows, cols))
        return self.leaves[name]

    def start_of(self, name: str, data: dict[str, Any]) -> list[list[Fraction]]:
        """The value of a leaf at the start, by a problem's data: W1(0) is that of W1, and a memory starts at 0."""
        rows, cols = self.leaves[name]._dims
        return data.get(name.removesuffix("(0)")) or [[Fraction(0)] * cols for _ in range(rows)]

    def time(self) -> Node:
        return self.node("time", (), None, (1, 1))

    def switch(self, argument: Node, kinks: tuple[Fraction, ...]) -> Switch:
        for known in self.switches:
            if known.argument.place == argument.place and known.kinks == kinks:
                return known
        self.switches.append(Switch(self.nodes[argument.place], kinks, len(self.switches)))
        return self.switches[-1]

    def gate(self, switch: Switch, values: tuple[Fraction, ...]) -> Node:
        """A matrix with one of the values wherever the argument is between the kinks."""
        found = self.node("gate", (switch.argument,), (switch.number, values), switch.argument._dims)
        if not any(known is found for known in switch.gates):
            switch.gates.append(found)
        return found

    def mask(self, switch: Switch, piece: int, pieces: int) -> Node:
        """1 wherever the argument is in a piece, 0 elsewhere; a part of a sum that does not jump."""
        values = tuple(Fraction(int(piece == other)) for other in range(pieces))
        return self.node("mask", (switch.argument,), (switch.number, values), switch.argument._dims)


def settle(program: Program) -> None:
    """What moves, and the sites of unknowns; a switch must have an argument that does not jump itself."""
    program.settled = True
    for node in program.nodes:
        started = node.op == "leaf" and node.data in program.velocities
        node.moving = started or node.op == "time" or any(arg.moving for arg in node.args)
    parents: dict[int, list[Node]] = {}
    for node in program.nodes:
        for arg in node.args:
            parents.setdefault(arg.place, []).append(node)
    wanted = needed(program, [*program.velocities.values(), *(s.argument for s in program.switches)])
    moved = {rate.place for rate in program.velocities.values()}
    for switch in program.switches:
        gates = [gate for gate in switch.gates if gate.place in wanted]
        uses = [use for gate in gates for use in parents.get(gate.place, ()) if use.place in wanted]
        if len(uses) == 1 and uses[0].op == "gated" and gates[0].place not in moved:
            program.sites.append(Site(switch, gates[0], uses[0], uses[0].args[1]))
        else:
            program.sites += [Site(switch, gate, gate, None) for gate in gates]
    unknown = {site.node.place for site in program.sites if site.switch.argument.moving}
    for switch in program.switches:
        if switch.argument.moving and needed(program, [switch.argument], now=True) & unknown:
            found = f"switches on a matrix that jumps itself, at {where_of(switch)}"
            raise RuleError("the flow", found, "its flow is not defined by its switches: it is a rule for steps")


def where_of(switch: Switch) -> str:
    return f"φ of layer {switch.layer}" if switch.layer is not None else "a sign"


def needed(program: Program, roots: Iterable[Node], now: bool = False) -> set[int]:
    """The places of everything that nodes are made of; `now`: at one instant, their integrands left out."""
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        if node.place not in found:
            found.add(node.place)
            waiting += node.args
            if not now and node.place in program.integrands:
                waiting.append(program.integrands[node.place])
    return found
