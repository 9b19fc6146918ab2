"""A recorded program run over balls: rigorous Taylor coefficients of every node, with derivatives where they are asked.

A ball [m ± r] of python-flint holds a real number for certain, and so does every result computed from it. A node's
coefficient of order k holds the k-th Taylor coefficient of that node along every solution that starts in the given set,
on whichever branch the gates say. Coefficients are made when they are asked for: of order k from those of lower order
and, at the same order, from those of the node's arguments, whatever the order of the nodes.

A gate is decided by its argument's ball. Where the ball meets a kink the gate is a ball too, that of all values on both
sides; then order 0 still holds the values, and order 1 the rates of what is continuous, but no higher order means a
thing.

References: Griewank & Walther 2008, ch. 13; Johansson 2017 (arb); Moore, Kearfott & Cloud 2009.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from operator import mul
from typing import Any

import flint
from flint import arb, arb_mat, fmpq

from .problems import Rows
from .programs import Node, Program, Switch

UNIT = arb(-1).union(arb(1))  # [−1, 1]
ROUGH = 64  # bits, where a few digits of a bound are enough
Pieces = dict[int, list[tuple[int, int]]]  # by a switch's number: the lowest and highest piece of each entry
Entry = tuple[int, int]  # a switch's number and the place of an entry in its argument, row by row
Forced = dict[Entry, int]  # its piece, whatever its argument
GATES = -1  # the direction of derivatives along gates in question


# Numbers


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """So many bits in every operation on balls; they are rounded outward at any precision."""
    with flint.ctx.workprec(bits):
        yield


def ball(value: Any) -> Any:
    """A ball that holds a rational number."""
    value = Fraction(value)
    return arb(fmpq(value.numerator, value.denominator))


def hull(low: Any, high: Any) -> Any:
    """A ball that holds everything between two balls, both of them included."""
    return low.union(high)


def exactly(number: Any) -> Fraction:
    """The rational number that a ball without a radius is."""
    man, exp = map(int, number.man_exp())
    return Fraction(man * 2**exp) if exp >= 0 else Fraction(man, 2**-exp)


def bounds(found: Any) -> tuple[Fraction, Fraction]:
    """The ends of a finite ball, exactly."""
    middle, radius = exactly(found.mid()), exactly(found.rad())
    return middle - radius, middle + radius


def decimals(low: Fraction, high: Fraction, digits: int) -> tuple[str, str]:
    """Decimal numbers at most `low` and at least `high`."""
    power = 10**digits
    return tuple(_decimal(n, digits) for n in (low * power // 1, -(-high * power // 1)))  # type: ignore[return-value]


def _decimal(units: int, digits: int) -> str:
    text = str(abs(units)).rjust(digits + 1, "0")
    return f"{'-' if units < 0 else ''}{text[:-digits]}.{text[-digits:]}" if digits else str(units)


def matrix_of(rows: Rows) -> Any:
    """Balls of a matrix of rational numbers."""
    return arb_mat(len(rows), len(rows[0]), [ball(value) for row in rows for value in row])


def finite(matrix: Any) -> bool:
    return all(entry.is_finite() for entry in matrix.entries())


# Matrices with their derivatives


class Jet:
    """A matrix of balls at `parts[0]`; its derivative along direction j at `parts[j]`, absent where it is 0."""

    __slots__ = ("parts",)

    def __init__(self, parts: dict[int, Any]) -> None:
        self.parts = parts

    def mapped(self, linear: Callable[[Any], Any]) -> Jet:
        return Jet({j: linear(part) for j, part in self.parts.items()})

    def __add__(self, other: Jet) -> Jet:
        found = dict(self.parts)
        for j, part in other.parts.items():
            found[j] = found[j] + part if j in found else part
        return Jet(found)


def product(times: Callable[[Any, Any], Any], a: Jet, b: Jet) -> Jet:
    """A bilinear operation, by Leibniz's rule."""
    left, right = a.parts[0], b.parts[0]
    found = {j: times(part, right) for j, part in a.parts.items()}
    for j, part in b.parts.items():
        if j:
            term = times(left, part)
            found[j] = found[j] + term if j in found else term
    return Jet(found)


def entrywise(a: Any, b: Any) -> Any:
    return arb_mat(a.nrows(), a.ncols(), [p * q for p, q in zip(a.entries(), b.entries(), strict=True)])


def stretched(matrix: Any, dims: tuple[int, int]) -> Any:
    """A matrix of these dimensions, rows or columns repeated where there is only one."""
    rows, cols = matrix.nrows(), matrix.ncols()
    if (rows, cols) == dims:
        return matrix
    entries = matrix.entries()
    place = [(i if rows > 1 else 0) * cols + (j if cols > 1 else 0) for i in range(dims[0]) for j in range(dims[1])]
    return arb_mat(*dims, [entries[k] for k in place])


def _total(matrix: Any) -> Any:
    return arb_mat(1, 1, [sum(matrix.entries(), arb(0))])


def _row_sums(matrix: Any) -> Any:
    return arb_mat(matrix.nrows(), 1, [sum(row, arb(0)) for row in matrix.tolist()])


def _diagonal(matrix: Any) -> Any:
    return arb_mat(matrix.nrows(), 1, [matrix[i, i] for i in range(matrix.nrows())])


def _spread(matrix: Any) -> Any:
    size, entries = matrix.nrows(), matrix.entries()
    return arb_mat(size, size, [entries[i] if i == j else arb(0) for i in range(size) for j in range(size)])


LINEAR: dict[str, Callable[[Node], Callable[[Any], Any]]] = {
    "T": lambda node: lambda m: m.transpose(),
    "total": lambda node: _total,
    "row_sums": lambda node: _row_sums,
    "diagonal": lambda node: _diagonal,
    "spread": lambda node: _spread,
    "index": lambda node: lambda m: arb_mat(1, 1, [m[node.data[0], node.data[1]]]),
}
FUNCTIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], Any]]] = {  # f(x), and f′ by x and f(x)
    "exp": (lambda x: x.exp(), lambda x, y: y),
    "tanh": (lambda x: x.tanh(), lambda x, y: 1 - y * y),
    "erf": (lambda x: x.erf(), lambda x, y: 2 * (-x * x).exp() / arb.pi().sqrt()),
    "reciprocal": (lambda x: 1 / x, lambda x, y: -y * y),
    "log": (lambda x: x.log(), lambda x, y: 1 / x),
    "sqrt": (lambda x: x.sqrt(), lambda x, y: 1 / (2 * y)),
}


def at_value(name: str, jet: Jet) -> Jet:
    """A function of a matrix, with its derivatives; not finite where the balls reach beyond its domain."""
    value = jet.parts[0]
    if name in FUNCTIONS:
        function, slope = FUNCTIONS[name]
        entries = value.entries()
        values = [function(x) for x in entries]
        found = {0: arb_mat(value.nrows(), value.ncols(), values)}
        if len(jet.parts) > 1:
            slopes = arb_mat(value.nrows(), value.ncols(), [slope(x, y) for x, y in zip(entries, values, strict=True)])
            found |= {j: entrywise(slopes, part) for j, part in jet.parts.items() if j}
        return Jet(found)
    try:
        inverse = value.inv()
    except ZeroDivisionError:  # no proof that there is one
        inverse = arb_mat(value.nrows(), value.ncols(), [arb.nan()] * (value.nrows() * value.ncols()))
    if name == "inverse":
        return Jet({j: -(inverse * part * inverse) if j else inverse for j, part in jet.parts.items()})
    if name == "logdet":
        trace = {j: arb_mat(1, 1, [(inverse * part).trace()]) for j, part in jet.parts.items() if j}
        return Jet({0: arb_mat(1, 1, [abs(value.det()).log()])} | trace)
    raise NotImplementedError(name)


# Series


class BallSeries:
    """The Taylor coefficients of a program's nodes at a set of states: `series(node, k)`, None where it is certainly 0.

    `leaves` are the values of all letters, `now` the time. `pieces` says on which branch each switch is; a switch that
    is not in it is decided by its argument, but for entries that are forced, and noted there. `directions`: for each
    letter that moves, the number of the direction of its first entry; then coefficients carry derivatives along these.
    The gates of entries in `question` have a derivative too, all of them along one direction, GATES, as balls around 0:
    where a result has none or an exact 0, it does not depend on those gates.
    """

    def __init__(
        self,
        program: Program,
        leaves: dict[str, Any],
        now: Any,
        pieces: Pieces | None = None,
        directions: dict[str, int] | None = None,
        forced: Forced | None = None,
        question: Collection[Entry] = (),
    ) -> None:
        self.program, self.leaves, self.now = program, leaves, now
        self.pieces: Pieces = dict(pieces or {})
        self.directions, self.forced, self.question = directions or {}, forced or {}, question
        self.known: dict[int, list[Jet | None]] = {}

    def __call__(self, node: Node, k: int) -> Jet | None:
        row = self.known.setdefault(node.place, [])
        while len(row) <= k:
            row.append(self._made(node, len(row)))
        return row[k]

    def value(self, node: Node, k: int) -> list[Any]:
        """The entries of a coefficient, row by row."""
        found = self(node, k)
        return [arb(0)] * (node._dims[0] * node._dims[1]) if found is None else list(found.parts[0].entries())

    def _made(self, node: Node, k: int) -> Jet | None:
        op, args = node.op, node.args
        if k and not node.moving:
            return None
        if op in ("leaf", "time", "scalar", "literal", "pi"):
            return self._given(node, k)
        if op == "primitive":
            return self._primitive(node, k)
        if op in ("gate", "mask"):
            return None if k else self._gate(node)
        if op == "deriv":
            rate = self(args[0], k + 1)
            return None if rate is None else rate.mapped(lambda m: m * arb(k + 1))
        if op in ("matmul", "mul", "gated"):
            return self._cauchy(node, k)
        if op == "add":
            parts = [self(arg, k) for arg in args]
            fitted = [part.mapped(lambda m: stretched(m, node._dims)) for part in parts if part is not None]
            return None if not fitted else fitted[0] if len(fitted) == 1 else fitted[0] + fitted[1]
        part = self(args[0], k)
        if part is None:
            return None
        if op == "scale":
            factor = ball(node.data)
            return part.mapped(lambda m: m * factor)
        return part.mapped(LINEAR[op](node))

    def _given(self, node: Node, k: int) -> Jet | None:
        if node.op == "leaf":
            if k:
                rate = self(self.program.velocities[node.data], k - 1)
                return None if rate is None else rate.mapped(lambda m: m * (1 / arb(k)))
            found, (rows, cols) = {0: self.leaves[node.data]}, node._dims
            if node.data in self.directions:
                first = self.directions[node.data]
                for place in range(rows * cols):
                    found[first + place] = arb_mat(rows, cols, [int(place == other) for other in range(rows * cols)])
            return Jet(found)
        if node.op == "time":
            return None if k > 1 else Jet({0: arb_mat(1, 1, [arb(1) if k else self.now])})
        if node.op == "literal":
            return Jet({0: matrix_of(node.data)})
        return Jet({0: arb_mat(1, 1, [arb.pi() if node.op == "pi" else ball(node.data)])})

    def _primitive(self, node: Node, k: int) -> Jet | None:
        if k == 0:
            argument = self(node.args[0], 0)
            zero = Jet({0: arb_mat(*node.args[0]._dims)})
            return at_value(node.data, zero if argument is None else argument)
        rate = self(self.program.integrands[node.place], k - 1)
        return None if rate is None else rate.mapped(lambda m: m * (1 / arb(k)))

    def _cauchy(self, node: Node, k: int) -> Jet | None:
        a, b = node.args
        times: Callable[[Any, Any], Any] = entrywise
        if node.op == "matmul":
            times = mul
        elif a._dims != b._dims:
            times = _broadcast(node._dims)
        found: Jet | None = None
        for i in range(k + 1):
            if (i and not a.moving) or (k - i and not b.moving):
                continue
            left, right = self(a, i), self(b, k - i)
            if left is not None and right is not None:
                term = product(times, left, right)
                found = term if found is None else found + term
        return found

    # Gates

    def _gate(self, node: Node) -> Jet:
        number, values = node.data
        switch = self.program.switches[number]
        levels = [ball(value) for value in values]
        entries: list[Any] = []
        arguments = None if switch.argument.moving else self.value(switch.argument, 0)
        for place, (low, high) in enumerate(self.sides(switch)):
            if arguments is not None and low != high and any(arguments[place] == ball(kink) for kink in switch.kinks):
                entries.append((levels[low] + levels[high]) / 2)  # it stands still on its kink: the mean of both sides
            else:
                value = levels[low]
                for level in levels[low + 1 : high + 1]:
                    value = hull(value, level)
                entries.append(value)
        found = {0: arb_mat(node._dims[0], node._dims[1], entries)}
        asked = [place for other, place in self.question if other == number]
        if asked:
            widest = sum((abs(level) for level in levels), arb(0)) * UNIT
            found[GATES] = arb_mat(
                node._dims[0], node._dims[1], [widest if k in asked else arb(0) for k in range(len(entries))]
            )
        return Jet(found)

    def sides(self, switch: Switch) -> list[tuple[int, int]]:
        """The lowest and highest piece that each entry of a switch may be on."""
        if switch.number not in self.pieces:
            values = self.value(switch.argument, 0)
            found = [side_of(value, switch.kinks) for value in values]
            for (number, place), piece in self.forced.items():
                if number == switch.number:
                    found[place] = (piece, piece)
            self.pieces[switch.number] = found
        return self.pieces[switch.number]


def _broadcast(dims: tuple[int, int]) -> Callable[[Any, Any], Any]:
    return lambda a, b: entrywise(stretched(a, dims), stretched(b, dims))


def side_of(value: Any, kinks: Sequence[Fraction]) -> tuple[int, int]:
    """The lowest and highest piece that a ball may be on; a ball that is not finite may be on all."""
    low = sum(1 for kink in kinks if value > ball(kink))
    high = len(kinks) - sum(1 for kink in kinks if value < ball(kink))
    return low, high


# Polynomials whose last coefficient holds the remainder


def horner(coefficients: Sequence[Any], at: Any) -> Any:
    """The value of a polynomial at a ball of times, all of them after its start."""
    found = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        found = found * at + coefficient
    return found


def derived(coefficients: Sequence[Any]) -> list[Any]:
    """The derivative, remainder included: k c_k."""
    return [coefficient * arb(k) for k, coefficient in enumerate(coefficients)][1:]


def cuts(length: Fraction, parts: int) -> list[Any]:
    """Balls that cover [0, length]."""
    ends = [ball(length * k / parts) for k in range(parts + 1)]
    return [hull(a, b) for a, b in pairwise(ends)]


def over(coefficients: Sequence[Any], pieces: list[Any]) -> list[Any]:
    """A polynomial's range on each of the pieces of an interval: Horner's form, and the mean value form."""
    slopes, found = derived(coefficients), []
    for piece in pieces:
        middle = piece.mid()
        around = horner(coefficients, middle) + horner(slopes, piece) * (piece - middle)
        found.append(horner(coefficients, piece).intersection(around))
    return found
