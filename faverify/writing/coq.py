"""Certificates as files for Coq: what is stated, in words, then what is used, then the theorems and their proofs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .certificates import Case, cases_of, denominators, put
from .coq_files import MEANING, module
from .coq_matrices import Matrices
from .coq_names import remark
from .coq_reals import Reals
from .coq_refutations import Rationals, refutation
from .nodes import Node, Uncovered

WIDE = 116


def certificate(verdict: Any) -> str:
    """The certificate of a verdict; Uncovered says why there is none."""
    if verdict.kind == "undecided":
        raise Uncovered("a verdict that is undecided")
    if verdict.question is None:
        raise Uncovered("an argument of inequalities, an enclosure or a record")
    if verdict.kind == "refuted":
        told = refutation(failing(verdict))
        return assembled(
            header(verdict, REFUTED),
            Rationals().preamble(),
            told,
            ["moves" if "moves :" in told else "gains", "refuted"],
        )
    parts = list(verdict.layers.values()) or [verdict]
    cases = [case for part in parts for case in cases_of(part.question)]
    everywhere = verdict.question.net is None
    dialect: Matrices = Matrices(denominators(list(nodes(cases)))) if everywhere else Reals()
    if not everywhere and any(columns(case) for case in cases):
        dialect = Matrices(denominators(list(nodes(cases))))  # there a column has one entry a row, by its type
    text = "\n\n".join("\n".join(wrapped(module(case, dialect))) for case in cases)
    names = []
    for case in cases:
        names.append(f"{case.name}.{'increment' if case.step else 'conserved'}")
        names.append(f"{case.name}.product_rule")
        if f"Module {case.name}." in text and "Theorem constant_in_time" in text.split(f"Module {case.name}.")[1]:
            names.append(f"{case.name}.constant_in_time")
    said = EVERYWHERE if everywhere else GIVEN
    return assembled(header(verdict, said), dialect.preamble(), text, names)


EVERYWHERE = """Each module below is one case of the local cut: the layer l with the layer that it feeds, wherever they
stand. What lies below is any activity a, what lies above is any signal delta (or the error e): they
are variables, so that a theorem about them holds in every network with such a piece, at every depth.
Sizes are variables too, and entries are elements of any commutative ring."""
GIVEN = """Each module below is one hidden layer of the network, whose passes are defined whole. `conserved` says
what dQ is along the update; `product_rule` and `derivative`, that dQ is what it is called; and
`constant_in_time`, that d/dt Q is as stated along any differentiable trajectory which, at time t,
moves with the rule's velocities: whatever the inputs x and the error signal e are at that time."""
REFUTED = """The data below refute the statement: the passes are computed from them in rational numbers, and the
rate of the law (by the product rule) is not what was claimed."""


def header(verdict: Any, said: str) -> str:
    """The statement, the scope and the meaning, as a comment for readers."""
    lines = [f"{verdict.statement}", f"along {verdict.rule}: {verdict.kind}", ""]
    lines += [f"{name + ':':<13} {value}" for name, value in verdict.scope.items()]
    lines += ["", *said.splitlines(), "", MEANING]
    safe = map(remark, lines)
    return "\n".join(f"   {line}".rstrip() for line in safe).replace("   ", "(* ", 1) + " *)"


def assembled(head: str, preamble: str, text: str, names: list[str]) -> str:
    checks = "\n".join(f"Print Assumptions {name}." for name in names)
    return f"{head}\n\n{preamble}\n{text}\n\n{checks}\n"


def failing(verdict: Any) -> Any:
    """The part of a refutation that holds the witness."""
    return verdict if verdict.witness is not None else next(p for p in verdict.layers.values() if p.witness is not None)


def nodes(cases: list[Case]) -> Iterator[Node]:
    """Every formula in which a number may stand."""
    for case in cases:
        yield from (case.law, case.claim, *case.coefficients, *case.carrier.definitions.values())
        yield from (put(part, dict(case.updates)) for part in case.coefficients[1:2])


def columns(case: Case) -> bool:
    """Whether the law is a column that reads columns, of which a function of two indices says too much."""
    return case.law.dims is not None and any(node.dims and node.dims[1] == 1 for node in case.moving)


def wrapped(lines: Iterator[str]) -> Iterator[str]:
    """Lines no longer than a reader's screen: broken before an argument, or where a tactic ends."""
    for whole in lines:
        for line in whole.split("\n"):
            rest, indent = line, ""
            while len(indent + rest) > WIDE:
                cuts = [
                    m.start()
                    for m in re.finditer(r" (?=\(\w+ : |:= |\(u|= |; |\+ |- |\(s \* |-> )|(?<=[;,:]) (?=\S)", rest)
                ]
                fit = [cut for cut in cuts if 20 < cut <= WIDE - len(indent)]
                if not fit:
                    break
                yield indent + rest[: fit[-1]]
                rest, indent = rest[fit[-1] + 1 :], "  "
            yield indent + rest
