"""What is asked: a law, a rule, a network or all; what of it the answer speaks of, in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from ..errors import FaverifyError, LawError, Misplaced, ShapeError, Undecidable, called, name_of
from .outlines import OutlineCarrier
from .passes import Run
from .states import State, lettered, value_of
from .verdicts import Scope
from .wiring import Group, places
from .words import Word, WordCarrier


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked: whether dQ/dt = μQ for the law Q along the flow of the rule, everywhere or in one network."""

    law: Any
    rule: Any
    activation: Any
    mu: Any = 0
    mu_text: str = "0"
    net: Any = None
    layer: Any = None
    bias: bool = False
    squares: bool = False
    claim: Any = None  # a law R, where dQ/dt = R is asked instead
    step: bool = False  # whether Q(θ + Δθ) − Q(θ) = R(Δθ) is asked instead
    assume: tuple[Any, ...] = ()

    @property
    def samples(self) -> Any:
        return 1 if any(a.samples == 1 for a in self.assume) else getattr(self.net, "samples", "m")

    def supposes(self, what: str) -> bool:
        """Whether a hypothesis says that maps are `square`, or the output is `scalar`."""
        return any(getattr(a, what) for a in self.assume)

    def run(self, net: Any, carrier: Any, samples: Any = None) -> Run:
        """A run in which the error signal is what the hypotheses say."""
        error = next((a.error for a in self.assume if a.error), None)
        return Run(net, carrier, samples or self.samples, error)

    def equations(self, run: Run) -> Iterator[tuple[Any, Any]]:
        """The equations of the hypotheses, at every layer that has what they speak of."""
        for below, layer in zip([run.input, *run.layers], run.layers, strict=False):
            for assumption in self.assume:
                for pair in called(assumption, "pairs", layer, layer._above, below, run.output):
                    if not (isinstance(pair, tuple) and len(pair) == 2 and hasattr(pair[0], "_dims")):
                        raise LawError(name_of(assumption), f"returned {pair!r}", "return pairs of matrices")
                    yield pair


def outlined(question: Question) -> Run:
    """The given network, of which only shapes are known, before any pass."""
    run = question.run(question.net, OutlineCarrier())
    run.rule = SimpleNamespace(activity=lambda layer: layer.phi)  # how a network hangs together is no rule's affair
    return run


def laid_out(question: Question) -> Run:
    """The same after a forward pass: its layers, and how they hang together."""
    run = outlined(question)
    run.forward(run.source())
    return run


def cost(question: Question) -> tuple[int, int]:
    """How many terms the velocities of the given network have as words, and the letters of the longest."""
    rates = outlined(question).velocities(question.rule).values()
    return sum(rate.terms for rate in rates), max((rate.letters for rate in rates), default=0)


def hidden_of(question: Question) -> list[Any]:
    """The labels of what a law is about in a given network: its hidden layers, or its tied groups."""
    return list(places(laid_out(question), question.law))


def surveyed(question: Question) -> tuple[list[Any], dict[Any, FaverifyError]]:
    """The places of a given network that a law is about; and of those at which it has no meaning, why."""
    run = laid_out(question)
    known = places(run, question.law)
    found: dict[Any, FaverifyError] = {}
    letters = question.run(question.net, WordCarrier())
    letters.biases, letters.outs = run.biases, run.outs
    for label in known if question.layer is None else [question.layer]:
        try:
            for law in [question.law] + [question.claim] * bool(question.claim):
                value_of(law, run, State(known[label]))
            if one_sided(known[label]) and not _says(question.law, letters, known[label]):
                found[label] = LawError(name_of(question.law), f"is 0 at {label}", "it reads maps that are not there")
        except (ShapeError, Misplaced) as error:
            found[label] = error
        except Undecidable:  # told by the provers
            pass
    return list(known), found


def _says(law: Any, letters: Run, known: Any) -> bool:
    """Whether a law is not 0 at a place, whatever the parameters are."""
    try:
        return bool(value_of(law, letters, State(lettered(letters, known))).terms)
    except Misplaced:  # it speaks of another layer as well, which is there
        return True


def one_sided(place: Any) -> bool:
    """Whether no map leads into a place, or out of it."""
    parts = [part for _, part in place.parts] if isinstance(place, Group) else [place]
    return any(not part._parts for part in parts) or any(not part.fed._parts for part in parts)


def statement_of(question: Question) -> str:
    rate = [] if question.mu_text == "0" else [f"({question.mu_text}) Q"]
    stated = question.claim.statement if question.claim else ""
    stated = f"Σ over a group of {stated}" if stated and question.law.grouped else stated
    if question.step:
        rate.append(at_steps(stated) or "what is of second and higher order in Δθ")
        return f"Q(θ + Δθ) − Q(θ) = {' + '.join(rate)} for Q = {question.law.statement}"
    return f"dQ/dt = {' + '.join([*rate, stated] if stated else rate) or '0'} for Q = {question.law.statement}"


def at_steps(statement: str) -> str:
    """A statement about parameters, read at their increments: W_l becomes ΔW_l."""
    return re.sub(r"(?<![^\W\d])([WBFVbv])(?=_)", r"Δ\1", statement)


def scope_of(question: Question, squares: bool = False, used: Iterable[str] = ()) -> Scope:
    """The quantifiers of an answer to the question; `used` are symbols that it read besides its own."""
    net, phi = question.net, question.activation
    names = sorted({*used, *(k for word in constants(question) for k in word.names())})
    return Scope(
        layers=where_of(question),
        widths="all" if net is None else net.sizes_text,
        depths="all" if net is None else net.depth_text,
        batch="one sample" if question.samples == 1 else "all",
        loss=next((a.statement for a in question.assume if a.error), "all, any error signal e(t)"),
        activations=phi.description,
        gates=f"all, φ′ at a kink with {phi.square_text}" if squares else "all, any φ′ at a kink",
        feedback="all",
        biases="trained" if question.bias else "none",
        time="one step θ + Δθ, of any size" if question.step else "wherever the flow exists",
        parameters=f"all values of {', '.join(names)}" if names else "none",
        assumptions="; ".join(a.statement for a in question.assume) or "none",
    )


def where_of(question: Question) -> str:
    """What a scope says of layers."""
    if question.law.grouped:
        return f"every {question.law.grouped} group" if question.layer is None else f"group {question.layer}"
    return {None: "all hidden layers", -1: "the last hidden layer"}.get(question.layer, f"layer {question.layer}")


def constants(subject: Any, depth: int = 0) -> list[Word]:
    """The symbolic constants that a question holds, or a rule inside of it."""
    if isinstance(subject, Word):
        return [subject]
    inside = subject if isinstance(subject, (list, tuple)) else getattr(subject, "__dict__", {}).values()
    nested = () if isinstance(subject, type) or depth > 5 else inside
    return [word for part in nested for word in constants(part, depth + 1)]
