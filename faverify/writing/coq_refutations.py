"""Refutations over rational numbers: the data of a witness, the rule's passes, and a rate that is not as claimed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from ..errors import Undecidable, UnsupportedOperation
from ..model.activations import LIBRARY
from ..model.networks import MLP
from .certificates import Case, case_of
from .coq_files import read_by, used
from .coq_matrices import gate_name
from .coq_names import identifier, remark, scalar
from .coq_reals import Reals
from .formal import FormalCarrier, Formula
from .nodes import Node, Uncovered, nothing

PHI = {
    "relu": ("if Qle_bool h 0 then 0 else h", "if Qle_bool h 0 then 0 else 1"),
    "abs": ("if Qle_bool h 0 then - h else h", "if Qle_bool h 0 then - (1) else 1"),
}


class Rationals(Reals):
    """Matrices of rational numbers, which Coq computes with."""

    name, source, scalar = "Coq, standard library", "rationals.v", "Q"

    def number(self, value: Fraction) -> tuple[str, int]:
        return rational(value), 0


def rational(value: Any) -> str:
    value = Fraction(value)
    shown = f"{abs(value.numerator)} # {value.denominator}" if value.denominator > 1 else str(abs(value.numerator))
    return f"(-{shown})" if value < 0 else f"({shown})" if value.denominator > 1 else shown


def refuted_case(verdict: Any) -> Case:
    """The rule and the law over formulas, in the network of a witness."""
    witness, question = verdict.witness, verdict.question
    if not hasattr(witness, "weights"):
        raise Uncovered("a closed form, which is substituted into the flow")
    if isinstance(witness.weights, dict):
        raise Uncovered("a network that is no chain")
    if not isinstance(witness.rate, Fraction):
        raise Uncovered(f"φ = {witness.activation}, whose values are balls: an enclosure")
    remembered = question.law, question.rule, question.activation, question.claim, question.assume
    law, rule, activation, claim, assume = witness.subjects or remembered
    net = MLP(witness.widths, activation, witness.biases is not None)
    asked = replace(question, law=law, rule=rule, activation=activation, claim=claim, net=net, assume=tuple(assume))
    return case_of(asked, net, witness.layer - 1, f"Layer {witness.layer}", witness.inputs.shape[1])


def refutation(verdict: Any) -> str:
    """The text of a refutation."""
    from .worked import _letters

    case, witness, dialect = refuted_case(verdict), verdict.witness, Rationals()
    data = _letters(witness, False)
    lines = ["(** The data *)"]
    for node in case.carrier.scalars.values():
        if node.args[0] not in witness.parameters:
            raise Uncovered(f"the parameter {node.args[0]} without a value")
        lines.append(f"Definition {scalar(node.args[0])} : Q := {rational(witness.parameters[node.args[0]])}.")
    needed(case)
    for node in case.carrier.letters.values():
        if node not in used(case):
            continue
        if node.args[0] not in data:
            raise Uncovered(f"the letter {node.args[0]} without a value")
        rows = "; ".join("[" + "; ".join(map(rational, row)) + "]" for row in data[node.args[0]].tolist())
        lines.append(f"Definition {identifier(node.args[0])} : matrix := of [{rows}].")
    lines += ["", *phi_lines(case), *passes(case, dialect), "", *stated(case, witness, dialect)]
    return "\n".join(lines)


def needed(case: Case) -> None:
    """Leave out the definitions that the statement does not rest on: they may read letters without a value."""
    waiting, found = [case.law, case.claim, *case.updates.values(), *case.frozen.values()], set()
    while waiting:
        node = waiting.pop()
        waiting += node.parts()
        name = (
            case.carrier.gates[node.args[1]][0] if node.op == "gate" else node.args[0] if node.op == "defined" else None
        )
        if name in case.carrier.definitions and name not in found:
            found.add(name)
            waiting.append(case.carrier.definitions[name])
    case.carrier.definitions = {name: node for name, node in case.carrier.definitions.items() if name in found}


def phi_lines(case: Case) -> Iterator[str]:
    """φ and φ′ as functions of a rational number; gates are what the signs of h give."""
    if not case.carrier.gates:
        return
    phi = case.carrier.activation
    if phi.name in PHI and phi.phi is LIBRARY[phi.name].phi:
        texts: tuple[str, ...] = PHI[phi.name]
    elif phi.known and re.fullmatch(r"leaky-relu-\d+(/\d+)?", phi.name):
        slope = rational(Fraction(phi.name.removeprefix("leaky-relu-")))
        texts = (f"if Qle_bool h 0 then {slope} * h else h", f"if Qle_bool h 0 then {slope} else 1")
    else:
        h, dialect = Formula(FormalCarrier(), Node("call", ("h",))), Rationals()
        try:
            texts = tuple(dialect.text(h._lift(function(h)).node) for function in (phi.phi, phi.dphi))
        except (UnsupportedOperation, Undecidable, TypeError, AttributeError) as event:
            raise Uncovered(f"φ = {phi.name}, which is not printed: no polynomial, no selection by sign") from event
    yield f"(** The activation, {remark(phi.name)} *)"
    for name, text in zip(("phi", "dphi"), texts, strict=True):
        yield f"Definition {name} (h : Q) : Q := Qred ({text})."


def passes(case: Case, dialect: Any) -> Iterator[str]:
    """The forward pass, the backward pass and the update."""
    passed = ""
    for name, node in case.carrier.definitions.items():
        kind = {"h": "The forward pass", "δ": "The backward pass"}.get(name[0], "The update")
        if kind != passed:
            yield f"(** {kind} *)"
        passed = kind
        yield f"Definition {identifier(name)} : matrix := {dialect.text(node)}."
        for layer, (h, dims) in case.carrier.gates.items():
            if h == name:
                for what, function in (("a", "phi"), ("dphi", "dphi")):
                    gate = gate_name(Node("gate", (what, layer), dims))
                    yield f"Definition {gate} : matrix := map {function} {identifier(name)}."


def stated(case: Case, witness: Any, dialect: Any) -> Iterator[str]:
    """The law, its derivative, and that it is not what was claimed."""
    law, read = case.law, read_by(case)
    kind = "Q" if law.dims is None else "matrix"
    first = case.coefficients[1] if len(case.coefficients) > 1 else nothing(law.dims)
    names = [identifier(node.args[0]) for node in read]
    rates = [identifier(case.moving[node].args[0]) for node in read if node in case.moving]
    arguments = f" ({' '.join(names)} : matrix)" if names else ""
    at = "" if law.dims is None else "".join(f" {k}%nat" for k in witness.entry or (0, 0))
    now = "".join(f" {dialect.text(case.frozen.get(node, node), 0)}" for node in read)
    claim = dialect.text(case.claim, 0)
    yield "(** The law; its derivative along any velocities, by the product rule; and the refutation *)"
    yield f"Definition law{arguments} : {kind} := {dialect.text(law)}."
    if case.step:
        after = "".join(
            f" (add {identifier(n.args[0])} {dialect.text(case.updates[n], 0)})"
            if n in case.moving
            else f" {dialect.text(case.frozen.get(n, n), 0)}"
            for n in read
        )
        left = f"(law{after}){at} - (law{now}){at}"
        shown, value = "gains", Fraction(witness.rate)
    else:
        both = f" ({' '.join([*names, *rates])} : matrix)" if names else ""
        yield f"Definition rate{both} : {kind} := {dialect.text(first)}."
        along = "".join(f" {dialect.text(case.updates[node], 0)}" for node in read if node in case.moving)
        left = f"(rate{now}{along}){at}"
        shown, value = "moves", Fraction(witness.rate)
    yield f"Theorem {shown} : {left} - {claim}{at} == {rational(value)}."
    yield "Proof. vm_compute; reflexivity. Qed."
    yield f"Theorem refuted : ~ ({left} == {claim}{at})."
    yield "Proof. vm_compute; discriminate. Qed."
