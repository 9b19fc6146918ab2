"""The statements of a network with given widths as text for Lean 4 and Mathlib: emitted, read by no Lean yet."""

from __future__ import annotations

from typing import Any

from .certificates import Case, cases_of, put
from .coq_files import activation_lines, degree_of, read_by, used
from .coq_matrices import gate_name
from .coq_names import identifier, scalar, size
from .coq_reals import Reals
from .nodes import Node, Uncovered, nothing

LEAD = """/- Emitted, not checked: no Lean has read this file.

   {statement}
   along {rule}: proved by faverify for widths {widths}, one sample at a time.
   The passes of the rule are notations; of each hidden layer there is one obligation, an equation of real numbers
   that is meant to be closed by `ring`. -/
import Mathlib

open Finset
"""


WRITTEN_OUT = {
    "had": "Matrix.of fun i j => {0} i j * {1} i j",
    "inner": "∑ i, ∑ j, {0} i j * {1} i j",
    "total": "∑ i, ∑ j, {0} i j",
    "rows": "Matrix.of fun i (_ : Fin 1) => ∑ j, {0} i j",
    "spread": "Matrix.of fun i _ => {0} i 0",
    "diagonal": "Matrix.of fun i (_ : Fin 1) => {0} i i",
    "ones": "Matrix.of fun _ _ => 1",
}


class Lean(Reals):
    """Mathlib's notation, entries indexed by Fin."""

    scalar = "ℝ"

    def matrix(self, dims: Any) -> str:
        return f"Matrix (Fin {size(dims[0])}) (Fin {size(dims[1])}) ℝ"

    def shown(self, node: Node) -> tuple[str, int]:
        op, args = node.op, node.args
        part = [self.text(a, 0) for a in args if isinstance(a, Node)]
        if op == "mul":
            return f"{part[0]} * {part[1]}", 40
        if op == "tr":
            return f"{part[0]}.transpose", 0
        if op in WRITTEN_OUT:
            return WRITTEN_OUT[op].format(*part), 60
        if op == "scale":
            return f"{part[0]} • {part[1]}", 40
        if op == "add" and node.dims is not None:
            return f"{part[0]} + {part[1]}", 50
        if op == "opp" and node.dims is not None:
            return f"-{part[0]}", 50
        if op == "sign":
            return f"{part[0]}.map sign", 40
        if op == "zero":
            return "0", 0
        return super().shown(node)


def lean_text(verdict: Any) -> str:
    """The statements of a verdict, for Lean."""
    if verdict.question is None or verdict.kind != "proved" or verdict.question.net is None:
        raise Uncovered(
            "what is no proof at given widths, for Lean: give the check a network such as fv.MLP((3, 4, 1))"
        )
    parts = list(verdict.layers.values()) or [verdict]
    cases = [case for part in parts for case in cases_of(part.question)]
    head = LEAD.format(statement=inside(verdict.statement), rule=inside(verdict.rule), widths=verdict.scope.widths)
    return head + "\n".join(part for case in cases for part in layer_lines(case))


def inside(text: str) -> str:
    """Text that does not end a comment."""
    return text.replace("-/", "- /").replace("/-", "/ -")


def one_sample(dialect: Lean, node: Node) -> str:
    """The type of a matrix, with one sample where their number is free."""
    return dialect.matrix(tuple(1 if n == "m" else n for n in node.dims or ()))


def layer_lines(case: Case) -> list[str]:
    """One layer as a namespace."""
    dialect, carrier = Lean(), case.carrier
    lines = ["", f"namespace {case.name}", ""]
    if carrier.gates:
        p = carrier.activation.degree
        degree = "" if p is None else dialect.text(degree_of(case), 0)
        lines.append("variable (phi dphi : ℝ → ℝ)")
        if p is not None:
            lines.append(f"variable (homogeneous : ∀ h, h * dphi h = {'' if degree == '1' else degree + ' * '}phi h)")
    for node in carrier.scalars.values():
        lines.append(f"variable ({scalar(node.args[0])} : ℝ)")
    for node in carrier.letters.values():
        if node in used(case):
            lines.append(f"variable ({identifier(node.args[0])} : {one_sample(dialect, node)})")
    lines.append("")
    for name, node in carrier.definitions.items():
        lines.append(f'local notation "{identifier(name)}" => ({dialect.text(node)} : {one_sample(dialect, node)})')
        for layer, (h, dims) in carrier.gates.items():
            if h == name:
                for what, function in (("a", "phi"), ("dphi", "dphi")):
                    gate = gate_name(Node("gate", (what, layer), dims))
                    lines.append(f'local notation "{gate}" => (Matrix.map {identifier(name)} {function})')
    first = case.coefficients[1] if len(case.coefficients) > 1 else nothing(case.law.dims)
    places = {case.moving[node]: case.updates[node] for node in read_by(case) if node in case.moving} | case.frozen
    lines += ["", f"/-- The derivative of {dialect.text(case.law)} along the update. -/"]
    left, right = dialect.text(put(first, places)), dialect.text(case.claim)
    lines.append(f"theorem conserved : {left} = {right} := by")
    simp = "simp [Matrix.mul_apply, Matrix.map_apply, Fin.sum_univ_succ"
    lines.append(f"  {simp}{', ← homogeneous' if list(activation_lines(case, dialect))[1:] else ''}]")
    lines += ["  ring", "", f"end {case.name}"]
    return lines
