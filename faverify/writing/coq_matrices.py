"""Formulas in MathComp's notation, over matrices of every size with entries in a commutative ring."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from importlib.resources import files
from typing import Any

from .coq_names import identifier, scalar, size
from .nodes import Node, Uncovered

ATOM, TIGHT, SUM = 0, 40, 50  # nothing around it needs brackets; a product; a sum
LARGEST = 12  # whole numbers are written as sums of ones


class Matrices:
    """Text of types, formulas and tactics."""

    name = "Coq, MathComp"
    scalar = "R"
    source = "matrices.v"

    def __init__(self, denominator: int = 1) -> None:
        self.denominator = denominator

    def preamble(self) -> str:
        return files(__package__).joinpath(f"preambles/{self.source}").read_text(encoding="utf-8")

    # Types and headings

    def opening(self) -> list[str]:
        return ["Variable R : comRingType.", "Add Ring R_ring : (ring_of R)."]

    def matrix(self, dims: Any) -> str:
        return f"'M[R]_({size(dims[0])}, {size(dims[1])})"

    @property
    def unit(self) -> str:
        """What stands for 1 / denominator."""
        return "half" if self.denominator == 2 else f"one_{self.denominator}th"

    def unit_lines(self) -> list[str]:
        if self.denominator == 1:
            return []
        ones = " + ".join([self.unit] * self.denominator)
        return [f"Variable {self.unit} : R.", f"Hypothesis {self.unit}_is : {ones} = 1."]

    # Formulas

    def number(self, value: Fraction) -> tuple[str, int]:
        if self.denominator % value.denominator:
            raise Uncovered(f"the number {value}")
        times = Fraction(value * self.denominator) if value.denominator > 1 else value
        whole = times.numerator
        if abs(whole) > LARGEST:
            raise Uncovered(f"a number as large as {whole}")
        found, level = (" + ".join("1" * abs(whole)) or "0", SUM if abs(whole) > 1 else ATOM)
        if value.denominator > 1:
            found, level = (self.unit, ATOM) if abs(whole) == 1 else (f"({found}) * {self.unit}", TIGHT)
        return (f"- {bracket(found, level, ATOM)}", SUM) if whole < 0 else (found, level)

    def text(self, node: Node, level: int = SUM) -> str:
        found, own = self.shown(node)
        return bracket(found, own, level)

    def shown(self, node: Node) -> tuple[str, int]:
        op, args = node.op, node.args
        if op in ("letter", "defined"):
            return identifier(args[0]), ATOM
        if op == "scalar":
            return scalar(args[0]), ATOM
        if op == "call":
            return args[0], ATOM if " " not in args[0] else TIGHT - 30
        if op == "gate":
            return gate_name(node), ATOM
        if op == "number":
            return self.number(args[0])
        if op in ("zero", "ones"):
            return ("0", ATOM) if op == "zero" else ("const_mx 1", TIGHT)
        if op == "add":
            left, right = args
            if right.op == "opp":
                return f"{self.text(left)} - {self.text(right.args[0], TIGHT)}", SUM
            return f"{self.text(left)} + {self.text(right, TIGHT)}", SUM
        if op == "opp":
            return f"- {self.text(args[0], ATOM)}", SUM
        if op == "tr":
            return f"{self.text(args[0], ATOM)}^T", ATOM
        if op == "inner":
            a, b = (self.text(part) for part in args)
            return (f"‖{a}‖²" if a == b else f"⟨{a}, {b}⟩"), ATOM
        if op == "sign":
            return f"map_mx sign {self.text(args[0], ATOM)}", TIGHT
        if op == "spread":
            return f"spread {size(node.dims[1])} {self.text(args[0], ATOM)}", TIGHT  # type: ignore[index]
        if op in ("total", "rows", "diagonal", "diagm"):
            return f"{op} {self.text(args[0], ATOM)}", TIGHT
        sign = {"mul": "*m", "had": "∘", "times": "*", "scale": "*:"}[op]
        return f"{self.text(args[0], ATOM)} {sign} {self.text(args[1], ATOM)}", TIGHT

    # Tactics

    def mapped(self, function: str, h: str, dims: Any) -> str:
        return f"map_mx {function} {h}"

    def had(self, a: str, b: str) -> str:
        return f"{a} ∘ {b}"

    def scaled(self, c: str, a: str) -> str:
        return f"{c} *: {a}"

    def finish(self, dims: Any) -> str:
        """The tactic that ends a proof: what is left is an identity of a ring, entry by entry."""
        return ("" if dims is None else "entry; ") + f"plain; {self.arithmetic()}"

    def gate_proofs(self, a: str, slope: str, gate: str, one: bool) -> Iterator[str]:
        """The proofs that a = k ∘ h and φ′(h) = p k."""
        opening = "by apply/matrixP => i j; rewrite !mxE"
        if one:
            yield f"{opening} -homogeneous mulrC."
        else:
            fact = "-mulrA (mulrC (dphi _)) homogeneous mulrA (mulrC inverse) invertible mul1r"
            yield f"{opening} {fact}."
            yield f"{opening} mulrA invertible mul1r."

    def opening_of(self, steps: list[str]) -> str:
        """The tactic that opens definitions, the last first."""
        return "rewrite " + " ".join(steps)

    def open(self, name: str) -> str:
        return f"/{name}"

    def use(self, fact: str) -> str:
        return f"?{fact}"

    def trajectory(self, case: Any, rewriting: str = "") -> Iterator[str]:
        """Nothing: a commutative ring has no time."""
        return iter(())

    derivative = trajectory

    def arithmetic(self) -> str:
        return f"ring_with {self.unit}_is" if self.denominator > 1 else "ring"


def gate_name(node: Node) -> str:
    """a_l or dphi_l, by the layer that it belongs to."""
    kind, name = node.args
    return identifier(f"{kind}_{{{name}}}" if not name.startswith("_") else f"{kind}{name}")


def bracket(text: str, own: int, level: int) -> str:
    return f"({text})" if own > level else text
