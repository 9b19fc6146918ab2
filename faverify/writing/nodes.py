"""Formulas as trees: letters, definitions, numbers and the operations on them, signs and numbers kept in front."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..errors import FaverifyError
from ..kernel.carriers import exact

BILINEAR = ("mul", "had", "inner", "times", "scale")
LINEAR = ("opp", "tr", "total", "rows", "diagonal", "spread", "diagm")


class Uncovered(FaverifyError):
    """What has no certificate yet. Attribute: `reason`."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"no certificate is made of {reason}; .text() and .latex() show the derivation")


@dataclass(frozen=True)
class Node:
    """A formula: a letter, a definition, a number, or an operation on others; `dims` is None of a number."""

    op: str
    args: tuple[Any, ...]
    dims: tuple[Any, Any] | None = None

    def parts(self) -> tuple[Node, ...]:
        return tuple(part for part in self.args if isinstance(part, Node))


ONE = Node("number", (Fraction(1),))
NONE = Node("number", (Fraction(0),))


def letters_of(node: Node) -> list[Node]:
    """The letters of a formula, each once."""
    if node.op == "letter":
        return [node]
    return list(dict.fromkeys(found for part in node.parts() for found in letters_of(part)))


def number(value: Any) -> Node:
    return Node("number", (Fraction(exact(value)),))


def is_number(node: Node, value: int) -> bool:
    return node.op == "number" and node.args[0] == value


def zero(node: Node) -> bool:
    return is_number(node, 0) or node.op == "zero"


def nothing(dims: Any) -> Node:
    return NONE if dims is None else Node("zero", (), dims)


def plus(a: Node, b: Node) -> Node:
    return b if zero(a) else a if zero(b) else Node("add", (a, b), a.dims)


def minus(a: Node) -> Node:
    if a.op == "number":
        return number(-a.args[0])
    if a.op in ("scale", "times") and a.args[0].op == "number":
        return scaled(number(-a.args[0].args[0]), a.args[1])
    return a if zero(a) else a.args[0] if a.op == "opp" else Node("opp", (a,), a.dims)


def scaled(c: Node, a: Node) -> Node:
    """A number, or a letter that is one, times anything."""
    if zero(c) or zero(a):
        return nothing(a.dims)
    if is_number(c, 1):
        return a
    if is_number(c, -1):
        return minus(a)
    if a.op == "opp":
        return minus(scaled(c, a.args[0]))
    if c.op == "opp":
        return minus(scaled(c.args[0], a))
    if c.op == "number" and a.op == "number":
        return number(c.args[0] * a.args[0])
    if a.dims is None and is_number(a, 1):
        return c
    if c.op == "number" and a.op in ("scale", "times") and a.args[0].op == "number":
        return scaled(number(c.args[0] * a.args[0].args[0]), a.args[1])
    return Node("times" if a.dims is None else "scale", (c, a), a.dims)


def product(op: str, a: Node, b: Node) -> Node:
    """A product in each of two factors; signs and numbers in front of it."""
    if op in ("times", "scale"):
        return scaled(a, b)
    dims = None if op == "inner" else a.dims if op == "had" else (a.dims[0], b.dims[1])  # type: ignore[index]
    if zero(a) or zero(b):
        return nothing(dims)
    if "opp" in (a.op, b.op):
        found = product(op, *(part.args[0] if part.op == "opp" else part for part in (a, b)))
        return found if a.op == b.op else minus(found)
    for one, other in ((a, b), (b, a)):
        if op == "had" and one.op == "ones":
            return other
    return Node(op, (a, b), dims)


def linear(op: str, a: Node, dims: Any) -> Node:
    if zero(a):
        return nothing(dims)
    if op == "tr" and a.op == "tr":
        return a.args[0]  # type: ignore[no-any-return]
    return minus(a) if op == "opp" else Node(op, (a,), dims)
