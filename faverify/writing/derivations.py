"""Derivations: the proof's own steps, from the definition of the law to the verdict.

The law is run again over notation: as it stands, with its rates as letters, with the rule's update for the rates, with
the rule's error for the signals, and in components. Every line from the product rule on stands for a word, and each is
checked to be the same word as the line before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..errors import Misuse, Undecidable, UnsupportedOperation
from ..kernel.cuts import FARTHEST, WAYS, piece_of, pieces, residuals
from ..kernel.layers import set_values
from ..kernel.passes import Run, is_local
from ..kernel.questions import Question
from ..kernel.states import Increments, State, higher_order, value_of
from ..kernel.words import letter, modulo
from ..model.networks import Network
from ..proving.jets import law_jet
from .arguments import told_lines
from .cards import ShownInNotebooks
from .entries import entry_lines
from .indices import word_lines
from .latex import plain
from .notation import NotationCarrier, Term, abbreviated, dotted
from .symbols import symbols
from .wired import star_lines, whole_lines
from .worked import worked_lines

ENTRIES = 40  # at most so many entries of parameters are written out one by one


@dataclass(frozen=True)
class Step:
    """One line, and why it follows from the one before."""

    reason: str
    text: str
    latex: str


@dataclass(frozen=True)
class Derivation(ShownInNotebooks):
    """What is derived, for which scope; and the steps under a heading for each case."""

    statement: str
    scope: Any
    cases: tuple[tuple[str, tuple[Step, ...]], ...]
    verdict: Any = None

    def text(self) -> str:
        """The steps for a terminal, a reason at the end of each line."""
        lines = [self.statement]
        for heading, steps in self.cases:
            lines += ["", heading]
            lines += [f"  {step.text}" + (f"    [{step.reason}]" if step.reason else "") for step in steps]
        return "\n".join([*lines, "", "Scope", *(f"  {name}: {value}" for name, value in self.scope.items())])

    def latex(self) -> str:
        """The steps as LaTeX that needs amsmath and nothing else."""
        from .latex import derivation_latex

        return derivation_latex(self)

    def coq(self) -> str:
        """A certificate for Coq: the rule's passes as definitions, the law, theorems about them, and their proofs.

        For all widths it speaks of MathComp's matrices over any commutative ring and uses no axiom; of given widths, of
        the real numbers of the standard library, time derivative included; of a refutation, of rational numbers.

        Raises: Uncovered, which says what has no certificate yet.

        Examples
        --------
        >>> import faverify as fv
        >>> proof = fv.check(fv.laws.feedback_balance, fv.rules.FeedbackAlignment())
        >>> [line for line in proof.derivation.coq().splitlines() if line.startswith("Theorem")][0]
        'Theorem conserved : dQ W_Lm1 W_L dW_Lm1 dW_L = 0.'
        """
        from .coq import certificate

        return certificate(self.verdict)

    def lean(self) -> str:
        """The same definitions and statements of a network with given widths for Lean 4: emitted, not checked.

        Raises: Uncovered, which says what has no such text yet.

        Examples
        --------
        >>> import faverify as fv
        >>> net = fv.MLP((2, 2, 1))
        >>> text = fv.check(fv.laws.feedback_balance, fv.rules.FeedbackAlignment(), net).derivation.lean()
        >>> text.splitlines()[0]
        '/- Emitted, not checked: no Lean has read this file.'
        """
        from .lean import lean_text

        return lean_text(self.verdict)


class NotedRun(Run):
    """A run over notation in which every signal is abbreviated as δ_l once the rule has made it."""

    def __init__(self, question: Question, net: Any) -> None:
        error = next((a.error for a in question.assume if a.error), None)
        super().__init__(net, NotationCarrier(question.squares), question.samples, error)
        self.signals: dict[Any, Term] = {}

    def conforming(self, method: str, layer: Any, value: Any, dims: Any) -> Any:
        value = super().conforming(method, layer, value, dims)
        if method != "error":
            return value
        self.signals[layer._label] = value
        return abbreviated(f"δ_{{{layer._label}}}", value.word)


def derivation_of(verdict: Any) -> Derivation:
    """The derivation of a verdict; of a refutation, the worked counterexample."""
    question = verdict.question
    if question is None and verdict.witness is not None and not hasattr(verdict.witness, "layer"):
        told = told_lines(verdict.witness, verdict.kind)
        cases = [(heading, tuple(Step(*line) for line in lines)) for heading, lines in told]
        return Derivation(verdict.statement, verdict.scope, tuple(cases), verdict)
    if question is None:
        raise Misuse("derivation", "a verdict read from a record", "the verdict that check returned: run check again")
    parts = list(verdict.layers.values()) or [verdict]
    cases = []
    for part in parts:
        cases += _cases(part)
    return Derivation(verdict.statement, verdict.scope, tuple(cases), verdict)


def _cases(verdict: Any) -> list[tuple[str, tuple[Step, ...]]]:
    question = verdict.question
    if verdict.witness is not None:
        steps = tuple(Step(*line) for line in worked_lines(verdict))
        return [(f"Counterexample, layer {verdict.witness.layer}", steps)]
    if question.net is None:
        for horizon in range(1, FARTHEST + 1):
            try:
                if horizon < FARTHEST and any(_left_over(question, piece) for piece in pieces(question, horizon)):
                    continue
                return [(_heading(piece), _notation(question, piece, 0)) for piece in pieces(question, horizon)]
            except Undecidable:
                continue
        return [("No derivation", (Step("", "the code asks for what stands for every possible value", ""),))]
    layer = question.layer
    if layer is None:
        return [("No hidden layer", (Step("", "the law says nothing of this network", ""),))]
    try:
        return _in_network(question, verdict.how)
    except (Undecidable, UnsupportedOperation) as event:
        return [(f"Layer {layer}", (Step("", f"no derivation: the code asks for {event}", ""),))]


def _in_network(question: Question, how: str) -> list[tuple[str, tuple[Step, ...]]]:
    net, layer = question.net, question.layer
    if isinstance(net, Network):
        return _beyond_chains(question, how)
    small = sum(rows * cols for rows, cols in net.shapes().values()) <= ENTRIES
    if small and not (question.squares or question.claim or question.step or question.assume):
        return [(f"Layer {layer}", tuple(Step(*line) for line in entry_lines(question)))]
    if is_local(question.rule) and how == "words, local cut":
        return [(f"Layer {layer}", _notation(question, piece_of(net, layer), 0))]
    return [(f"Layer {layer}", _notation(question, net, layer - 1))]


def _beyond_chains(question: Question, how: str) -> list[tuple[str, tuple[Step, ...]]]:
    """A proof in a network that is no chain: the cuts around its layers, or the whole network over words."""
    lines = star_lines(question) if how == WAYS["stars"] else whole_lines(question)
    return [(heading, tuple(Step(*line) for line in steps)) for heading, steps in lines]


def _heading(piece: Any) -> str:
    distance = len(piece.labels) - 1
    return f"Layer l = L − {distance}" if piece.ends else f"Layers l < L − {distance}"


def _notation(question: Question, piece: Any, position: int) -> tuple[Step, ...]:
    """The lines of one case over notation."""
    run = NotedRun(question, piece)
    moves = run.velocities(question.rule)
    layer = run.layers[position]
    value = value_of(question.law, run, State(layer))
    letters = {name: abbreviated(dotted(name), term.word) for name, term in moves.items()}
    for other in run.layers:
        if other._label in run.signals:  # a rule with passes of its own may make none
            set_values(other, delta=run.signals[other._label])
    expanded = run.updates(question.rule) if is_local(question.rule) else moves
    first = "ΔQ, first order" if question.step else "dQ/dt"
    lines = [("definition of the law", "Q", value)]
    lines += [
        (reason, first, _rate(law_jet(question.law, run, layer, rates)))
        for reason, rates in (("product rule", letters), ("the rule's update", moves), ("the rule's error", expanded))
    ]
    steps, seen = [], ""
    for reason, left, term in lines:
        if term.text() != seen:
            steps.append(Step(reason, f"{left} = {term.text()}", f"{_left(left)} = {term.latex()}"))
        seen = term.text()
    word, left = lines[-1][2].word, first
    # Rates that sum to zero would agree however they were written, so the velocities are compared as well.
    written = [(term.word, word) for _, _, term in lines[1:]] + [(moves[k].word, expanded[k].word) for k in moves]
    if not all(one.same(other) for one, other in written):
        raise AssertionError("a line of the derivation does not equal the next")
    if question.mu_text != "0":
        word, left = word - value.word * question.mu, f"{first} − ({question.mu_text}) Q"
    if question.claim and not question.step:
        claimed = value_of(question.claim, run, State(layer))
        word, left = word - claimed.word, f"{left} − ({claimed.text()})"
        steps.append(Step("the claim", f"R = {claimed.text()}", f"R = {claimed.latex()}"))
    for merged in (False, True):
        text, latex = word_lines(word, merged)
        squares = f", gates with {question.activation.square_text}" if question.squares else ""
        reason = f"equal terms cancel{squares}" if merged else _components(question)
        if merged or text != "0":
            steps.append(Step(reason, f"{left} = {text}", f"{_left(left)} = {latex}"))
    equations = [(_word(one), _word(other)) for one, other in question.equations(run)]
    if equations and not word.is_zero():
        text, latex = word_lines(modulo(word, equations), True)
        steps.append(
            Step("; ".join(a.statement for a in question.assume), f"{left} = {text}", f"{_left(left)} = {latex}")
        )
    if question.step and question.claim:
        deltas = {name: abbreviated(f"Δ{name}", letter(f"Δ{name}", *term._dims)) for name, term in moves.items()}
        gain = run.carrier.zeros(1, 1) + value_of(question.claim, run, Increments(layer, deltas))
        beyond = higher_order(value.word, {name: term.word for name, term in deltas.items()})
        if not (beyond - gain.word).is_zero():
            text, latex = word_lines(beyond, True)
            steps.append(
                Step(
                    "of second and higher order",
                    f"ΔQ, the rest = {text}",
                    rf"\text{{{plain('ΔQ, the rest')}}} = {latex}",
                )
            )
            return tuple(steps)
        steps.append(
            Step(
                "second and higher order, whatever Δθ is",
                f"Q(θ + Δθ) − Q(θ) = {gain.text()}",
                rf"Q(\theta + \Delta\theta) - Q(\theta) = {gain.latex()}",
            )
        )
    return tuple(steps)


def _word(value: Any) -> Any:
    return value.word if isinstance(value, Term) else value


def _left_over(question: Question, piece: Any) -> bool:
    """Whether the local cut needs to see more than this piece."""
    return not residuals(question, piece, [0], question.squares)[0].is_zero()


def _rate(jet: Any) -> Term:
    return jet.value * 0 if jet.rate is None else jet.rate  # type: ignore[no-any-return]


def _left(left: str) -> str:
    if "⟨" in left or "‖" in left or "first order" in left:
        return rf"\text{{{plain(left)}}}"
    return symbols(left.replace("dQ/dt", r"\frac{dQ}{dt}"))


def _components(question: Question) -> str:
    phi = question.activation
    h = f"h = W a{' + b' * (question.bias if question.net is None else getattr(question.net, 'bias', False))}"
    if phi.linear:
        return f"φ(h) = h, {h}, in components"
    if phi.degree is None:
        return "in components"
    power = "" if isinstance(phi.degree, int) and phi.degree == 1 else f"{getattr(phi.degree, 'name', phi.degree)} "
    return f"h φ′(h) = {power}φ(h), {h}, in components"
