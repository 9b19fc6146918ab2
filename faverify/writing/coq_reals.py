"""Formulas over the real numbers of Coq's standard library, where a law has a derivative in time."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from .coq_matrices import ATOM, SUM, TIGHT, Matrices, bracket
from .coq_names import identifier, size
from .nodes import Node, Uncovered, letters_of


class Reals(Matrices):
    """Matrices are functions of a row and a column; sums know their sizes."""

    name = "Coq, standard library"
    source = "reals.v"

    def opening(self) -> list[str]:
        return []

    def matrix(self, dims: Any) -> str:
        return "matrix"

    def unit_lines(self) -> list[str]:
        return []

    def number(self, value: Fraction) -> tuple[str, int]:
        shown = f"{abs(value.numerator)} / {value.denominator}" if value.denominator > 1 else str(abs(value.numerator))
        level = TIGHT if value.denominator > 1 else ATOM
        return (f"- {bracket(shown, level, ATOM)}", SUM) if value < 0 else (shown, level)

    def shown(self, node: Node) -> tuple[str, int]:
        op, args, dims = node.op, node.args, node.dims
        if op in ("zero", "ones"):
            return f"all {int(op == 'ones')}", TIGHT
        if (op in ("add", "opp") and dims is None) or op in (
            "times",
            "letter",
            "defined",
            "gate",
            "number",
            "scalar",
            "call",
        ):
            return super().shown(node)
        if op == "sign":
            return f"map sign {self.text(args[0], ATOM)}", TIGHT
        if op == "diagm":
            raise Uncovered("a diagonal matrix made of a column")
        name, of = op, node.args[0].dims
        if op in ("inner", "total"):
            name = f"{op} {size(of[0])} {size(of[1])}"
        elif op in ("mul", "rows"):
            name = f"{op} {size(of[1])}"
        return " ".join([name, *(self.text(part, ATOM) for part in args)]), TIGHT

    def mapped(self, function: str, h: str, dims: Any) -> str:
        return f"map {function} {h}"

    def had(self, a: str, b: str) -> str:
        return f"had {a} {b}"

    def scaled(self, c: str, a: str) -> str:
        return f"scale {c} {a}"

    def finish(self, dims: Any) -> str:
        return ("" if dims is None else "entry; ") + "field"

    def gate_proofs(self, a: str, slope: str, gate: str, one: bool) -> Iterator[str]:
        if one:
            yield f"unfold {a}, {slope}; entries; rewrite <- homogeneous; ring."
            return
        yield f"""unfold {a}, {gate}; entries.
  rewrite (Rmult_comm inverse), Rmult_comm, <- Rmult_assoc, homogeneous, (Rmult_comm _ (phi _)), Rmult_assoc.
  rewrite invertible; ring."""
        yield f"unfold {slope}, {gate}; entries; rewrite <- Rmult_assoc, invertible; ring."

    def opening_of(self, steps: list[str]) -> str:
        return "; ".join(steps)

    def open(self, name: str) -> str:
        return f"unfold {name}"

    def use(self, fact: str) -> str:
        return f"rewrite ?{fact}"

    def derivative(self, case: Any, rewriting: str = "") -> Iterator[str]:
        """Q along trajectories: its derivative is dQ."""
        read = [node for node in letters_of(case.law) if node in case.moving]
        if case.frozen or not read:
            return
        paths, rates = ([identifier(node.args[0]) for node in some] for some in (read, [case.moving[w] for w in read]))
        lemma, rate = ("rate_is", "derivable_pt_lim") if case.law.dims is None else ("moves_is", "moves")
        yield "(** ... and it is the derivative in time, along any differentiable trajectory *)"
        yield f"Lemma derivative ({' '.join(paths)} : R -> matrix) t {' '.join(rates)} :"
        yield "  " + " -> ".join(f"moves {w} t {v}" for w, v in zip(paths, rates, strict=True)) + " ->"
        now, ahead = (" ".join(f"({w} {u})" for w in paths) for u in "tu")
        yield f"  {rate} (fun u => Q {ahead}) t (dQ {now} {' '.join(rates)})."
        closing = f"cbv beta; expand{rewriting_at(rewriting, paths)}; {self.finish(case.law.dims)}"
        yield f"Proof. intros; unfold Q, dQ; eapply {lemma}; [rated | {closing}]. Qed."

    def trajectory(self, case: Any, rewriting: str = "") -> Iterator[str]:
        """dQ/dt along the rule's flow."""
        read = [node for node in letters_of(case.law) if node in case.moving]
        if case.frozen or not read:
            return
        names = [identifier(node.args[0]) for node in read]
        paths = [f"path_{name}" for name in names]
        updates = [self.text(case.updates[node], ATOM) for node in read]
        rate = "derivable_pt_lim" if case.law.dims is None else "moves"
        yield f"Theorem constant_in_time ({' '.join(paths)} : R -> matrix) t :"
        yield "  " + " -> ".join(f"{p} t = {w}" for p, w in zip(paths, names, strict=True)) + " ->"
        yield "  " + " -> ".join(f"moves {p} t {u}" for p, u in zip(paths, updates, strict=True)) + " ->"
        ahead = " ".join(f"({p} u)" for p in paths)
        yield f"  {rate} (fun u => Q {ahead}) t {self.text(case.claim, ATOM)}."
        places = [f"E{k}" for k in range(len(paths))]
        moving = [f"H{k}" for k in range(len(paths))]
        yield f"Proof. intros {' '.join(places + moving)}."
        yield f"  pose proof (derivative {' '.join(paths)} t {' '.join('_' * len(paths))} {' '.join(moving)}) as D."
        yield f"  rewrite {', '.join(places)}, conserved in D; exact D. Qed."


def rewriting_at(rewriting: str, paths: list[str]) -> str:
    """The same rewriting at a time t of trajectories."""
    import re

    for path in paths:
        rewriting = re.sub(rf"(?<=[ (])({re.escape(path)})(?=[ )])", r"(\1 t)", rewriting)
    return rewriting
