"""The carrier of what a proof checker reads: a value is the formula that made it, with the names that abbreviate it.

A rule's own code, run over it, gives the definitions that are printed: h_l, δ_l and Ẇ_l as they were written, not what
they expand to. Three readings of a formula are all that certificates need: its coefficients when letters move
(`taylor`), the products of letters that it is a sum of (`monomials`), and the word that it stands for (`word`), by
which products that are equal for all sizes find each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from ..kernel.carriers import COLUMNS_ROWS, Value, check
from ..kernel.words import Word, letter, letter_name, word_of
from .nodes import (
    BILINEAR,
    NONE,
    ONE,
    Node,
    Uncovered,
    linear,
    minus,
    nothing,
    number,
    plus,
    product,
    scaled,
    zero,
)


class Formula(Value):
    """A matrix, or a number, as the formula that made it."""

    __slots__ = ("carrier", "node")

    def __init__(self, carrier: Any, node: Node) -> None:
        self.carrier, self.node = carrier, node

    @property
    def _dims(self) -> Any:
        return self.node.dims or (1, 1)

    def _of(self, node: Node) -> Formula:
        return Formula(self.carrier, node)

    def _lift(self, other: Any) -> Any:
        if isinstance(other, Formula):
            return other
        if isinstance(other, Word):
            return self._of(self.carrier.constant(other))
        return NotImplemented if hasattr(other, "_dims") else self._of(number(other))

    def _alike(self, other: Formula) -> tuple[Node, Node]:
        """Both with the shape that they are broadcast to."""
        a, b = self.node, other.node
        if a.dims == b.dims:
            return a, b
        rows, cols = ((p if q == 1 else q) for p, q in zip(self._dims, other._dims, strict=True))
        return tuple(_spread(node, (rows, cols)) for node in (a, b))  # type: ignore[return-value]

    def __add__(self, other: Any) -> Any:
        other = self._lift(other)
        return NotImplemented if other is NotImplemented else self._of(plus(*self._alike(other)))

    def __neg__(self) -> Formula:
        return self._of(minus(self.node))

    def __mul__(self, other: Any) -> Any:
        other = self._lift(other)
        if other is NotImplemented:
            return NotImplemented
        a, b = self.node, other.node
        if a.dims is None or b.dims is None:
            return self._of(scaled(a, b) if a.dims is None else scaled(b, a))
        return self._of(product("had", *self._alike(other)))

    def __truediv__(self, other: Any) -> Formula:
        by = self._lift(other).node
        if by.op != "number" or zero(by):
            raise Uncovered("a quotient by what is no number")
        return self._of(scaled(number(1 / by.args[0]), self.node))

    def __matmul__(self, other: Any) -> Any:
        if not isinstance(other, Formula):
            return NotImplemented
        check(self._dims[1] == other._dims[0], "A @ B", self._dims, other._dims, COLUMNS_ROWS)
        a, b = self.node, other.node
        if a.dims is None or b.dims is None:
            return self * other
        return self._of(product("mul", a, b))

    @property
    def mT(self) -> Formula:
        dims = self.node.dims
        return self if dims is None else self._of(linear("tr", self.node, dims[::-1]))

    def inner(self, other: Any) -> Any:
        dims = getattr(other, "_dims", type(other).__name__)
        check(self._dims == dims, "inner(A, B)", self._dims, dims, "an inner product pairs two matrices of one shape")
        if self.node.dims is None or other.node.dims is None:
            return self * other
        return self._of(product("inner", self.node, other.node))

    def _linear(self, op: str, dims: Any) -> Formula:
        return self._of(linear(op, self.node, dims))

    def total(self) -> Formula:
        return self if self.node.dims is None else self._linear("total", None)

    def row_sums(self) -> Formula:
        return self if self.node.dims is None else self._linear("rows", (self._dims[0], 1))

    def diagonal(self) -> Formula:
        rows, cols = self._dims
        if self.node.dims is None:
            return self
        if cols == 1:
            return self._linear("diagm", (rows, rows))
        check(rows == cols, "diag(A)", self._dims, "a square", "or pass a column")
        return self._linear("diagonal", (rows, 1))

    def sign(self) -> Formula:
        if self.node.op != "letter" or self.node.dims is None:
            raise Uncovered("the sign of what is no letter")
        return self._of(Node("sign", (self.node,), self.node.dims))

    def _refused(self, what: str) -> Any:
        raise Uncovered(what)

    def inverse(self) -> Any:
        return self._refused("an inverse, of which only the derivative is known")

    def logdet(self) -> Any:
        return self._refused("a logarithm, of which only the derivative is known")

    def primitive(self, of: Any) -> Any:
        return self._refused("an integral along the trajectory, of which only the derivative is known")

    def expected(self, drawn: frozenset[str]) -> Any:
        return self._refused("an expectation")


def _spread(node: Node, dims: tuple[Any, Any]) -> Node:
    if node.dims == dims:
        return node
    if zero(node):
        return Node("zero", (), dims)
    if node.dims is None:
        return scaled(node, Node("ones", (), dims))
    if node.dims[1] == 1 and node.dims[0] == dims[0]:
        return Node("spread", (node,), dims)
    if node.dims[0] == 1 and node.dims[1] == dims[1]:
        return Node("tr", (Node("spread", (linear("tr", node, node.dims[::-1]),), dims[::-1]),), dims)
    raise Uncovered("a 1 × 1 matrix where a number is meant")


class FormalCarrier:
    """Letters, the definitions that abbreviate, and what is known of φ at each layer."""

    def __init__(self) -> None:
        self.letters: dict[str, Node] = {}
        self.scalars: dict[str, Node] = {}
        self.definitions: dict[str, Node] = {}
        self.gates: dict[str, tuple[str, Any]] = {}  # a layer → the name of its h, its shape
        self.activation: Any = None
        self.closed: set[str] = set()  # definitions, and gates by their layer, that a proof leaves as they are

    def is_closed(self, node: Node) -> bool:
        return (node.args[0] if node.op == "defined" else f"φ{node.args[1]}") in self.closed

    def letter(self, name: str, rows: Any, cols: Any) -> Formula:
        node = self.letters.setdefault(name, Node("letter", (name,), (rows, cols)))
        return Formula(self, node)

    def zeros(self, rows: Any, cols: Any) -> Formula:
        return Formula(self, NONE if (rows, cols) == (1, 1) else Node("zero", (), (rows, cols)))

    def constant(self, word: Word) -> Node:
        """A symbolic constant of a rule or a law, as a number that is a letter."""
        found = NONE
        for (edges, dims, _, _), coefficient in word.terms.items():
            if dims:
                raise Uncovered("a constant that is a matrix")
            term = ONE
            for k, _, _ in edges:
                name = letter_name(k)
                term = scaled(self.scalars.setdefault(name, Node("scalar", (name,))), term)
            found = plus(found, scaled(number(coefficient), term))
        return found

    def define(self, name: str, value: Formula) -> Formula:
        """The value under a name; what is a letter or a name already stays."""
        if value.node.op in ("letter", "defined") or zero(value.node):
            return value
        if self.definitions.setdefault(name, value.node) != value.node:
            raise Uncovered(f"two values of {name}, of two passes")
        return Formula(self, Node("defined", (name,), value.node.dims))

    def activate(self, activation: Any, h: Formula, name: str) -> tuple[Formula, Formula]:
        """φ(h) and φ′(h), by name; of a linear φ, h itself and ones."""
        h, self.activation = self.define(f"h_{{{name}}}", h), activation
        if activation.linear:
            return h, Formula(self, Node("ones", (), h._dims))
        self.gates[name] = (h.node.args[0], h._dims)
        made = (Node("gate", (kind, name), h._dims) for kind in ("a", "dphi"))
        return tuple(Formula(self, node) for node in made)  # type: ignore[return-value]

    # The readings

    def unfolded(self, node: Node) -> Node:
        """A name as what it stands for; a(h) and φ′(h) by what is known of φ, with the gate k as a letter."""
        if node.op == "defined":
            return self.definitions[node.args[0]]
        kind, name = node.args
        h, dims = self.gates[name]
        p = self.activation.degree
        if p is None:
            return Node("letter", (f"φ{name}" if kind == "a" else f"φ′{name}",), dims)
        gate = Node("letter", (f"k{name}",), dims)
        if kind == "dphi":
            return scaled(number(p) if not isinstance(p, Word) else self.constant(p), gate)
        inside = Node("defined", (h,), dims) if h in self.definitions else self.letters[h]
        return product("had", gate, inside)

    def monomials(self, node: Node) -> list[Node]:
        """The products of letters that a formula is a sum of, without the numbers before them."""
        found: dict[Node, None] = {}
        for term, others in self._terms(node):
            for atom in (*others, *((term,) if term is not None else ())):
                found[atom] = None
        return list(found)

    def _terms(self, node: Node) -> Iterator[tuple[Node | None, tuple[Node, ...]]]:
        """Each summand: a matrix or None, and the numbers made of matrices that it is multiplied by."""
        if zero(node) or node.op in ("number", "scalar"):
            if not zero(node):
                yield None, ()
        elif node.op in ("letter", "ones", "sign"):
            yield node, ()
        elif node.op in ("defined", "gate"):
            yield from [(node, ())] if self.is_closed(node) else self._terms(self.unfolded(node))
        elif node.op == "add":
            for part in node.args:
                yield from self._terms(part)
        elif node.op in ("times", "scale"):
            for left, first in self._terms(node.args[0]):
                for right, second in self._terms(node.args[1]):
                    yield right, (*first, *second, *((left,) if left is not None else ()))
        elif node.op in BILINEAR:
            for left, first in self._terms(node.args[0]):
                for right, second in self._terms(node.args[1]):
                    assert left is not None
                    assert right is not None
                    yield from self._atom(product(node.op, left, right), (*first, *second))
        elif node.op == "opp":
            yield from self._terms(node.args[0])
        else:
            for term, others in self._terms(node.args[0]):
                assert term is not None
                yield from self._atom(linear(node.op, term, node.dims), others)

    def _atom(self, node: Node, others: tuple[Node, ...]) -> Iterator[tuple[Node | None, tuple[Node, ...]]]:
        yield (None, (*others, node)) if node.dims is None else (node, others)

    def word(self, node: Node) -> Word:
        """The word that a formula stands for."""
        return _word(self, node)

    def taylor(self, node: Node, moving: dict[Node, Node]) -> list[Node]:
        """The coefficients of 1, s, s², … when each moving letter goes on to itself plus s times its velocity."""
        if node in moving:
            return [node, moving[node]]
        if node.op in ("letter", "ones", "number", "zero", "scalar", "sign", "defined", "gate"):
            return [node]
        if node.op == "add":
            return _sum(*(self.taylor(part, moving) for part in node.args))
        if node.op in BILINEAR:
            left, right = (self.taylor(part, moving) for part in node.args)
            found = [nothing(node.dims)] * (len(left) + len(right) - 1)
            square = node.op in ("inner", "had") and node.args[0] == node.args[1]
            for i, a in enumerate(left):
                for j, b in enumerate(right):
                    if not square or i <= j:
                        times = number(2 if square and i < j else 1)
                        found[i + j] = plus(found[i + j], scaled(times, product(node.op, a, b)))
            return found
        return [linear(node.op, part, node.dims) for part in self.taylor(node.args[0], moving)]


def _sum(a: list[Node], b: list[Node]) -> list[Node]:
    long, short = (a, b) if len(a) >= len(b) else (b, a)
    if long is a:
        return [plus(x, y) for x, y in zip(a, b, strict=False)] + a[len(short) :]
    return [plus(x, y) for x, y in zip(a, b, strict=False)] + b[len(short) :]


def _word(carrier: FormalCarrier, node: Node) -> Word:
    """Read once for each formula: the operations of words, one by one."""

    @cache
    def read(node: Node) -> Any:
        if node.op == "letter":
            return letter(node.args[0], *node.dims)  # type: ignore[misc]
        if node.op == "scalar":
            return letter(node.args[0], 1, 1)
        if node.op == "number":
            return word_of(node.args[0])
        if node.op in ("defined", "gate") and carrier.is_closed(node):
            return letter("/".join(node.args), *node.dims)  # type: ignore[misc]
        if node.op in ("defined", "gate"):
            return read(carrier.unfolded(node))
        if node.op in ("ones", "zero"):
            return Word(node.dims or (1, 1), {}) + (1 if node.op == "ones" else 0)
        a, *rest = (read(part) for part in node.parts())
        if node.op == "add":
            return a + rest[0]
        if node.op in ("had", "times", "scale"):
            return a * rest[0]
        if node.op == "mul":
            return a @ rest[0]
        if node.op == "inner":
            return a.inner(rest[0])
        if node.op == "spread":
            return a + Word(node.dims, {})  # type: ignore[arg-type]
        unary = {"opp": lambda w: -w, "tr": lambda w: w.mT, "total": lambda w: w.total(), "sign": lambda w: w.sign()}
        unary |= {"rows": lambda w: w.row_sums(), "diagonal": lambda w: w.diagonal(), "diagm": lambda w: w.diagonal()}
        return unary[node.op](a)

    return read(node)  # type: ignore[no-any-return]
