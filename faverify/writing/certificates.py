"""Certificates: definitions, statements and proofs that an independent proof checker reads.

The rule, the law and the network are run over formulas, so that what is printed is what they wrote: the forward pass,
the backward pass, the update, the law. Each case of the local cut is a theorem about these definitions: the law's
derivative, which a lemma shows to be the coefficient of s in Q(θ + s θ̇), is 0 along the update. Its proof is theirs to
check: products are expanded, and those that are one sum over indices are shown to be equal, one lemma each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm
from typing import Any

from ..errors import Undecidable, UnsupportedOperation, name_of
from ..kernel.cuts import FARTHEST, pieces, residuals
from ..kernel.passes import Run
from ..kernel.questions import Question
from ..kernel.states import Increments, State, value_of
from ..kernel.words import Word
from ..model.networks import MLP
from .coq_names import identifier
from .formal import FormalCarrier, Formula
from .nodes import Node, Uncovered, letters_of, minus, nothing, plus, scaled


class FormalRun(Run):
    """A run over formulas in which every signal is a definition once the rule has made it."""

    def conforming(self, method: str, layer: Any, value: Any, dims: Any) -> Any:
        value = super().conforming(method, layer, value, dims)
        return self.carrier.define(f"δ_{{{layer._label}}}", value) if method == "error" else value


@dataclass
class Case:
    """One case of a law: everything that its theorem speaks of."""

    heading: str
    name: str
    carrier: FormalCarrier
    law: Node  # Q, in letters
    coefficients: list[Node]  # of 1, s, s², … in Q(θ + s θ̇)
    moving: dict[Node, Node]  # each letter of the law that moves → its velocity as a letter
    updates: dict[Node, Node]  # → its velocity along the rule
    frozen: dict[Node, Node]  # sign(W) as a letter of the law → as a function of W
    claim: Node  # what dQ/dt, or ΔQ, is said to be, in the rule's own terms
    step: bool


def cases_of(question: Question) -> list[Case]:
    """The cases that prove a question; Uncovered says why there are none."""
    if question.squares:
        raise Uncovered("a proof that uses the values of gates (k² = c₁k + c₀)")
    if any(not a.error for a in question.assume):
        raise Uncovered("hypotheses: " + "; ".join(a.statement for a in question.assume if not a.error))
    if question.law.grouped or (question.net is not None and not isinstance(question.net, MLP)):
        raise Uncovered("a network that is no chain")
    if question.net is None:
        for horizon in range(1, FARTHEST + 1):
            try:
                found = pieces(question, horizon)
                if horizon < FARTHEST and not all(_settled(question, piece) for piece in found):
                    continue
                return [case_of(question, piece, 0, _heading(piece)) for piece in found]
            except Undecidable:
                continue
        raise Uncovered("code that asks for what stands for every possible value")
    if question.layer is None:
        raise Uncovered("a network without a hidden layer")
    heading, layer = f"Layer {question.layer}", question.layer
    return [case_of(question, question.net, layer - 1, heading)]


def _settled(question: Question, piece: Any) -> bool:
    return residuals(question, piece, [0], question.squares)[0].is_zero()


def _heading(piece: Any) -> str:
    distance = len(piece.labels) - 1
    return f"Layer l = L − {distance}" if piece.ends else f"Layers l < L − {distance}"


def case_of(question: Question, net: Any, position: int, heading: str, samples: int = 0) -> Case:
    """One case: the rule and the law run over formulas; with a number of samples, of data that refute."""
    carrier = FormalCarrier()
    error = next((a.error for a in question.assume if a.error), None)
    run = FormalRun(net, carrier, samples or question.samples, error)
    try:
        rates = {name: carrier.define(f"d{name}", rate) for name, rate in run.velocities(question.rule).items()}
        layer = run.layers[position]
        value = _node(value_of(question.law, run, State(layer)), carrier)
        law, frozen = thawed(value)
        read = letters_of(law)
        moving, updates = {}, {}
        for name, rate in rates.items():
            here = carrier.letters.get(name)
            if here in read and here is not None and rate.node.op != "zero":
                moving[here] = Node("letter", (f"v{name}",), here.dims)
                updates[here] = rate.node
        coefficients = carrier.taylor(law, moving)
        mu = question.mu if isinstance(question.mu, Word) else Fraction(question.mu)
        factor = _node(Formula(carrier, carrier.letter("W", 1, 1).node)._lift(mu), carrier)
        carrier.letters.pop("W", None)
        claim = scaled(factor, value)
        if question.claim:
            seen = Increments(layer, rates) if question.step else State(layer)
            claim = plus(claim, _node(value_of(question.claim, run, seen), carrier))
    except UnsupportedOperation as event:
        raise Uncovered(str(event)) from event
    name = identifier(
        "Layer_" + "_".join(heading.replace("−", "-").replace("<", "below").split()[1:]).replace("_-_", "m")
    )
    found = Case(heading, name, carrier, law, coefficients, moving, updates, frozen, claim, question.step)
    if samples:
        return found
    if law.dims == (1, 1):
        raise Uncovered("a law whose value is a 1 × 1 matrix, which is no number to Coq")
    if question.net is not None:
        around = (layer._label, layer._label + 1)
        opened = {f"d{kind}{k}" for kind in "WbBFVv" for k in around}
        opened |= {f"δ_{{{layer._label}}}", f"h_{{{layer._label}}}"}
        carrier.closed = {name for name in carrier.definitions if name not in opened}
        carrier.closed |= {f"φ{name}" for name in carrier.gates if name != str(layer._label)}
        if _agreeing(found):
            return found
        carrier.closed = set()
    if not _agreeing(found):
        raise Uncovered("an identity that holds at the given widths alone, or under more than the formulas say")
    return found


def _node(value: Any, carrier: FormalCarrier) -> Node:
    if not isinstance(value, Formula):
        value = carrier.zeros(1, 1) + value
    return value.node  # type: ignore[no-any-return]


def thawed(node: Node) -> tuple[Node, dict[Node, Node]]:
    """The law with sign(W) as a letter, which stands still."""
    frozen: dict[Node, Node] = {}

    def walk(part: Node) -> Node:
        if part.op == "sign":
            found = Node("letter", (f"sign({part.args[0].args[0]})",), part.dims)
            frozen[found] = part
            return found
        return replace(part, args=tuple(walk(a) if isinstance(a, Node) else a for a in part.args))

    return walk(node), frozen


def put(node: Node, places: dict[Node, Node]) -> Node:
    """The formula with letters replaced."""
    if node in places:
        return places[node]
    return replace(node, args=tuple(put(a, places) if isinstance(a, Node) else a for a in node.args))


def _agreeing(case: Case) -> bool:
    """Whether what is stated holds over words, with the definitions that a proof opens."""
    first = case.coefficients[1] if len(case.coefficients) > 1 else nothing(case.law.dims)
    places = {case.moving[w]: rate for w, rate in case.updates.items()} | case.frozen
    stated = plus(put(first, places), minus(case.claim))
    if case.step:
        for further in case.coefficients[2:]:
            stated = plus(stated, put(further, places))
    return case.carrier.word(stated).is_zero()


def equal_products(case: Case, *sides: Node) -> Iterator[tuple[Node, Node]]:
    """Pairs of products in the expansions of some formulas that are one sum over indices: each, and the first alike."""
    first: dict[Any, Node] = {}
    seen: dict[Node, None] = {}
    for side in sides:
        for term in case.carrier.monomials(side):
            seen[term] = None
    for term in seen:
        key = (term.dims, tuple(sorted(case.carrier.word(term).normal())))
        representative = first.setdefault(key, term)
        if representative != term:
            yield term, representative


def denominators(nodes: list[Node]) -> int:
    """The least common denominator of the numbers in some formulas."""
    found = 1
    for node in nodes:
        if node.op == "number":
            found = lcm(found, node.args[0].denominator)
        found = lcm(found, denominators(list(node.parts())))
    return found


def names_of(question: Question) -> tuple[str, str]:
    return name_of(question.law), name_of(question.rule)
