"""Functions in pieces, φ and φ′ of an activation with kinks, as nodes of a program: a continuous part, and a gate.

A piece is recorded by running the function between two kinks, where every comparison of h with a kink has an answer.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from ..errors import ActivationError, Misuse
from ..kernel.words import Word
from .programs import Node, Program, Switch


class Branch(Node):
    """The argument h of a function in pieces, between two kinks: comparisons of h with a kink have an answer there."""

    __slots__ = ("kinks", "sample", "who")

    def __init__(self, node: Node, sample: Fraction, kinks: tuple[Fraction, ...], who: str) -> None:
        for name in Node.__slots__:
            setattr(self, name, getattr(node, name))
        self.sample, self.kinks, self.who = sample, kinks, who

    def _compared(self, other: Any, answer: Callable[[Fraction, Fraction], bool]) -> bool:
        if not isinstance(other, (int, float, Fraction)) or Fraction(other) not in self.kinks:
            found = f"compares h with {other if isinstance(other, (int, float, Fraction)) else 'a matrix'}"
            raise ActivationError(self.who, found, "kinks=(…) must list every number that h is compared with")
        return answer(self.sample, Fraction(other))

    def __lt__(self, other: Any) -> bool:
        return self._compared(other, lambda a, b: a < b)

    def __le__(self, other: Any) -> bool:
        return self._compared(other, lambda a, b: a <= b)

    def __gt__(self, other: Any) -> bool:
        return self._compared(other, lambda a, b: a > b)

    def __ge__(self, other: Any) -> bool:
        return self._compared(other, lambda a, b: a >= b)


def in_pieces(program: Program, switch: Switch, function: Callable[[Any], Any], who: str) -> Node:
    """A function in pieces: a continuous part, and a gate that jumps as it does."""
    kinks, h = switch.kinks, switch.argument
    samples = [kinks[0] - 1, *((a + b) / 2 for a, b in itertools.pairwise(kinks)), kinks[-1] + 1]
    parts: list[Node] = []
    for sample in samples:
        found = function(Branch(h, sample, kinks, who))
        if isinstance(found, Word):
            raise Misuse("activation", who, "numbers for its symbols: leaky-relu-1/10, fv.leaky_relu(Fraction(1, 10))")
        part = h._lift(found)
        if part is None:
            raise ActivationError(who, f"returned {type(found).__name__}", "return a number made of h")
        parts.append(program.scalar(Fraction(0)) if part.is_zero() else part)
    jumps = [
        value_at(b, h, kink, who) - value_at(a, h, kink, who)
        for a, b, kink in zip(parts, parts[1:], kinks, strict=False)
    ]
    levels = [sum(jumps[:k], Fraction(0)) for k in range(len(parts))]
    if parts[0].op == "scalar":  # a gate holds what is constant, so that nothing is left beside it
        levels = [level + parts[0].data for level in levels]
    result = program.zeros(*h._dims)
    for k, (part, level) in enumerate(zip(parts, levels, strict=True)):
        rest = part - level if part.op != "scalar" else program.scalar(part.data - level)
        if not (rest.op == "scalar" and rest.data == 0):
            only = program.mask(switch, k, len(parts))
            result = result + (only * rest if rest._dims == only._dims else only.scaled(rest.data))
    return result + program.gate(switch, tuple(levels)) if any(levels) else result


def value_at(part: Node, h: Node, kink: Fraction, who: str) -> Fraction:
    """The value of a piece where h is its kink.

    Raises: ActivationError where it is not rational.
    """
    known: dict[int, Any] = {h.place: kink}

    def value(node: Node) -> Any:
        if node.place not in known:
            known[node.place] = _number(node.op, [value(arg) for arg in node.args], node.data, who)
        return known[node.place]

    return Fraction(value(part))


def _number(op: str, args: list[Any], data: Any, who: str) -> Any:
    """An operation on numbers."""
    if op == "scalar":
        return data
    if op == "literal":
        return data[0][0]
    if op == "add":
        return args[0] + args[1]
    if op == "mul":
        return args[0] * args[1]
    if op == "scale":
        return args[0] * data
    if op == "primitive" and args[0] == 0 and data in ("exp", "tanh", "erf"):
        return Fraction(int(data == "exp"))
    if op == "primitive" and data == "reciprocal" and args[0] != 0:
        return 1 / args[0]
    raise ActivationError(
        who, f"has no exact value of {data or op} at a kink", "put its kinks where φ and φ′ are rational"
    )
