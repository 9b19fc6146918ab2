"""The derivative of a law along a rule's flow; what is proved of which layers, and under what scope.

Local cut. A law of layer l, with a rule of one pass forward and one back, depends on the network below only through
the activity a_{l−1} and on the network above only through the signal that arrives there. Both are cut to letters, as
are the weights; the piece between is run over words. If dQ/dt − μQ has an empty normal form, it vanishes for all
values of the letters, hence in every network with such a piece: all widths, depths, batches, inputs and errors at
once. What lies above is told apart by cases: exactly 1 … k layers up to the output, or more than k; k grows if the
code looks further.

Given networks. The layer's piece with its numbers known; or the whole network over words; or the residual of that
entry by entry at the given widths, with samples still letters. Gates are free letters, or obey the activation's g² =
c₁g + c₀.

Hypotheses are equations between letters, applied to the residual (not to the law before it is differentiated), or fix
the batch, the output or the error signal. One step θ + Δθ: the part of the increment of first order in Δθ is the
derivative along the velocities; the parts of higher order must agree with the claim with all of Δθ as free letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..errors import BeyondHorizon, LawError, RuleError, Undecidable, called, name_of
from .carriers import watch
from .passes import KINDS, Layer, Run
from .verdicts import Proved, Scope
from .words import Word, derivative, expanded, letter, modulo, symbols

NEAREST, FARTHEST = 2, 4  # layers up that the cases of a local cut tell apart: always; if the code looks further


class WordCarrier:
    """Letters of any size; gates are letters, with their square where `squares` says so."""

    def __init__(self, squares: bool = False) -> None:
        self.squares = squares

    def letter(self, name: str, rows: Any, cols: Any) -> Word:
        return letter(name, rows, cols)

    def zeros(self, rows: Any, cols: Any) -> Word:
        return Word((rows, cols), {})

    def activate(self, activation: Any, h: Word, name: str) -> tuple[Any, Any]:
        """φ(h), φ′(h) with all forgotten but h φ′ = p φ: k h and p k for p ≠ 0; otherwise two letters."""
        if activation.linear:
            return h, self.zeros(*h._dims) + 1
        if activation.degree is None:
            return letter(f"φ{name}", *h._dims), letter(f"φ′{name}", *h._dims)
        rows, cols = h._dims
        gate = letter(f"k{name}", rows, cols, activation.square if self.squares else None)
        return gate * h, gate * activation.degree


@dataclass(frozen=True)
class Piece:
    """A stretch of a chain: its input, and the size and the label of each of its maps."""

    source: str
    inputs: Any
    sizes: tuple[Any, ...]
    labels: tuple[Any, ...]
    outputs: Any
    activation: Any
    bias: bool
    begins: bool
    ends: bool

    def shapes(self) -> dict[str, tuple[Any, Any]]:
        rows = list(zip(self.labels, self.sizes, (self.inputs, *self.sizes), strict=False))
        biases = {named("b", label): (n, 1) for label, n, _ in rows} if self.bias else {}
        return {named("W", label): (n, below) for label, n, below in rows} | biases

    def forward(self, w: Any, a: Any) -> Any:
        for label in self.labels:
            a = w[named("W", label)] @ a
            a = a + w[named("b", label)] if self.bias else a
            a = a if self.ends and label == self.labels[-1] else a.activate()
        return a


def named(kind: str, label: Any) -> str:
    return f"{kind}{label}" if isinstance(label, int) else f"{kind}_{{{label}}}"


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
        return 1 if any(a.samples == 1 for a in self.assume) else "m"

    def run(self, net: Any, carrier: Any, samples: Any = None) -> Run:
        """A run in which the error signal is what the hypotheses say."""
        error = next((a.error for a in self.assume if a.error), None)
        return Run(net, carrier, samples or self.samples, error)

    def equations(self, run: Run) -> Iterator[tuple[Any, Any]]:
        """The equations of the hypotheses, at every layer that has what they speak of."""
        for below, layer in zip([run.input, *run.layers], run.layers, strict=False):
            for assumption in self.assume:
                for pair in called(assumption, "pairs", layer, layer._up, below, run.output):
                    if not (isinstance(pair, tuple) and len(pair) == 2 and hasattr(pair[0], "_dims")):
                        raise LawError(name_of(assumption), f"returned {pair!r}", "return pairs of matrices")
                    yield pair


class State:
    """A layer as a law sees it: its parameters, now and at the start, its constants, and the layers above."""

    __slots__ = ("_layer",)

    def __init__(self, layer: Layer) -> None:
        self._layer = layer

    def __getattr__(self, key: str) -> Any:
        if key == "above":
            return None if self._layer.above is None else State(self._layer.above)
        if key == "start":
            return Start(self._layer)
        if key not in KINDS and key not in ("index", "name", "constant"):
            readable = f"{', '.join(KINDS)}, constant, start, index, name and above"
            raise AttributeError(f"a law reads {readable} of a layer, not {key!r}")
        return getattr(self._layer, key)


class Start:
    """The parameters of a layer as they were at the start: letters that do not move."""

    __slots__ = ("_layer",)

    def __init__(self, layer: Layer) -> None:
        self._layer = layer

    def __getattr__(self, key: str) -> Any:
        if key not in KINDS:
            raise AttributeError(f"at the start a law reads {', '.join(KINDS)} of a layer, not {key!r}")
        run, name = self._layer._run, self._layer._name
        return run.once(f"{name.replace('W', key, 1)}(0)", *run.shape(KINDS[key], name))


class Increments(State):
    """A layer as a claim about one step sees it: Δ in the place of every parameter that moves, 0 of the others."""

    __slots__ = ("_steps",)

    def __init__(self, layer: Layer, steps: dict[str, Any]) -> None:
        super().__init__(layer)
        self._steps = steps

    def __getattr__(self, key: str) -> Any:
        if key == "above":
            return None if self._layer.above is None else type(self)(self._layer.above, self._steps)
        value = super().__getattr__(key)
        return self._steps.get(self._layer._name.replace("W", key, 1), value * 0) if key in KINDS else value


def value_of(law: Any, run: Run, state: State) -> Any:
    """Q at a layer: what the law's formula returns, as a value of the carrier."""
    found = called(law, "formula", state, state.above)
    if not hasattr(found, "_dims") or (isinstance(found, Word) and not isinstance(run.carrier, WordCarrier)):
        if found is None or isinstance(found, (tuple, list, dict, str, bool)):
            remedy = "return a number, a column or a matrix made of the layers' W, b, B and F"
            raise LawError(name_of(law), f"returned {type(found).__name__}", remedy)
        found = run.carrier.zeros(1, 1) + found
    return found


def residuals(
    question: Question, net: Any, layers: Iterable[int], squares: bool, twice: bool = True
) -> dict[int, Word]:
    """What was asked minus what was claimed, at layers of one network (counted from 0), over words.

    `twice`: a second run must agree.
    """
    law, rule = question.law, question.rule
    with watch():
        run = question.run(net, WordCarrier(squares))
        again = question.run(net, WordCarrier(squares)) if twice else run
        moves = run.velocities(rule)
        repeated = again.velocities(rule) if twice else moves
        if set(moves) != set(repeated) or not all(moves[k].same(repeated[k]) for k in moves):
            raise RuleError(name_of(rule), "a second call gave another answer", "rules are pure")
        moving, found = {name for name, rate in moves.items() if rate.terms}, {}
        read = {name for rate in moves.values() for name in rate.names()}
        equations = list(question.equations(run))
        for layer in layers:
            state = State(run.layers[layer])
            value = value_of(law, run, state)
            if twice and not value_of(law, again, State(again.layers[layer])).same(value):
                raise LawError(name_of(law), "a second call gave another answer", "laws are pure")
            left = derivative(value, moves) - value * question.mu
            if question.step:
                steps = {name: letter(f"Δ{name}", *rate._dims) for name, rate in moves.items()}
                state = Increments(run.layers[layer], steps)
                beyond = higher_order(value, steps)
                left = left + beyond if question.claim else left
            left = left - value_of(question.claim, run, state) if question.claim else left
            found[layer] = modulo(left, equations)
            used = value.names()
            found[layer].trivial, found[layer].value = moving.isdisjoint(used), value
            found[layer].signs = any("sign(" in name for name in read | used)
            found[layer].constants = symbols & (read | used | left.names())
    return found


def higher_order(value: Word, steps: dict[str, Word]) -> Word:
    """Q(θ + Δθ) − Q(θ) without its part of first order in Δθ."""
    if any("(" in name and not name.endswith("(0)") for name in value.names()):
        raise Undecidable("the increment of a sign, an inverse or a logarithm, which is no polynomial")
    order, term, found = 1, derivative(value, steps), value * 0
    while term.terms:
        order, term = order + 1, derivative(term, steps) / (order + 1)
        found = found + term
    return found  # type: ignore[no-any-return]


def pieces(question: Question, horizon: int) -> list[Piece]:
    """The cases of the local cut: the output 1 … horizon layers up, or further; the last layer needs the first."""
    cases = [(1, True)] if question.layer == -1 else [*((d, True) for d in range(1, horizon + 1)), (horizon + 1, False)]
    found = []
    for distance, ends in cases:
        if ends:
            below, *labels = [*(f"L-{distance + 1 - k}" for k in range(distance + 1)), "L"]
        else:
            below, *labels = ["l-1", "l", *(f"l+{k}" for k in range(1, distance))]
        square, scalar = (any(getattr(a, what) for a in question.assume) for what in ("square", "scalar"))
        top = 1 if scalar else "n" if square else named("n", "L")
        sizes = tuple(top if label == "L" else "n" if square else named("n", label) for label in labels)
        place, phi = (named("a", below), named("n", below), sizes, tuple(labels), top), question.activation
        found.append(Piece(*place, phi, question.bias, begins=False, ends=ends))
    return found


def piece_of(net: Any, layer: int) -> Piece:
    """The piece of a given network that a law of one layer and the one above it sees."""
    below, *sizes = net.widths[layer - 1 : layer + 2]
    place = (named("a", layer - 1) if layer > 1 else "x", below, tuple(sizes), (layer, layer + 1), net.outputs)
    return Piece(*place, net.activation, net.bias, begins=layer == 1, ends=layer + 2 == len(net.widths))


def prove_everywhere(question: Question, squares: bool) -> Proved | tuple[Word, ...]:
    """The law at every layer of every network, by the local cut; or the residuals that are left."""
    horizon, seen = 1, ()  # type: int, tuple[Word, ...]
    while True:
        try:
            cases = pieces(question, horizon)
            left = [residuals(question, piece, [0], squares, piece is cases[0])[0] for piece in cases]
            nonzero = tuple(word for word in left if not word.is_zero())
            if not nonzero:
                return _proved(question, left, squares, "words, local cut")
            if horizon >= NEAREST:
                return seen or nonzero
            seen = seen or nonzero
        except BeyondHorizon:
            if horizon == FARTHEST:
                raise
        horizon += 1


def prove_in_network(question: Question, layers: list[int], way: str, squares: bool) -> dict[int, Proved | Word]:
    """The law at layers of a given network, by `way` cut, words or widths; or the residual that is left."""
    net = question.net
    if way == "cut":
        left = {k: residuals(question, piece_of(net, k), [0], squares, k == layers[0])[0] for k in layers}
    else:
        left = {k + 1: word for k, word in residuals(question, net, [layer - 1 for layer in layers], squares).items()}
    how = {"cut": "words, local cut", "words": "words, whole network", "widths": "polynomials at the given widths"}[way]
    found: dict[int, Proved | Word] = dict(left)
    for layer, word in left.items():
        if not expanded(word) if way == "widths" else word.is_zero():
            found[layer] = _proved(replace(question, layer=layer), [word], squares, how)
    return found


def conjunction(question: Question, parts: dict[int, Proved]) -> Proved:
    """Proved at each hidden layer, hence at all of them."""
    every = [parts[layer] for layer in range(1, len(question.net.widths) - 1)]
    if not all(isinstance(part, Proved) for part in every):
        raise AssertionError("a conjunction needs a proof of every hidden layer")
    texts = zip(*((p.how, p.scope.gates, p.scope.parameters) for p in every), strict=True)
    how, gates, named = ("; ".join(dict.fromkeys(t for t in each if t != "none")) for each in texts)
    scope = replace(scope_of(question), gates=gates, parameters=named or "none")
    note = every[0].note if all(part.note for part in every) else ""
    return replace(every[0], scope=scope, how=how, layers=parts, question=question, note=note)


def _proved(question: Question, left: list[Word], squares: bool, how: str) -> Proved:
    used = {re.sub(r"_{.*}", "_l", name) for word in left for name in word.constants}
    names, scope = (name_of(question.law), name_of(question.rule)), scope_of(question, squares, used)
    note = (
        "trivial: nothing that is trained moves the law"
        if all(word.trivial or word.value.is_zero() for word in left)
        else ""
    )
    if any(word.signs for word in left):
        scope = replace(scope, gates=f"{scope.gates}; where no entry under a sign is 0")
    return Proved(*names, statement_of(question), scope, how, note=note, question=replace(question, squares=squares))


def statement_of(question: Question) -> str:
    rate = [] if isinstance(question.mu, int) and question.mu == 0 else [f"({question.mu_text}) Q"]
    stated = question.claim.statement if question.claim else ""
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
    size = "all, any error signal e(t)"
    return Scope(
        layers={None: "all hidden layers", -1: "the last hidden layer"}.get(question.layer, f"layer {question.layer}"),
        widths="all" if net is None else ", ".join(map(str, net.widths)),
        depths="all" if net is None else str(len(net.widths) - 1),
        batch="one sample" if question.samples == 1 else "all",
        loss=next((a.statement for a in question.assume if a.error), size),
        activations=phi.description,
        gates=f"all, φ′ at a kink with {phi.square_text}" if squares else "all, any φ′ at a kink",
        feedback="all",
        biases="trained" if question.bias else "none",
        time="one step θ + Δθ, of any size" if question.step else "wherever the flow exists",
        parameters=f"all values of {', '.join(names)}" if names else "none",
        assumptions="; ".join(a.statement for a in question.assume) or "none",
    )


def constants(subject: Any, depth: int = 0) -> list[Word]:
    """The symbolic constants that a question holds, or a rule inside of it."""
    if isinstance(subject, Word):
        return [subject]
    inside = subject if isinstance(subject, (list, tuple)) else getattr(subject, "__dict__", {}).values()
    nested = () if isinstance(subject, type) or depth > 5 else inside
    return [word for part in nested for word in constants(part, depth + 1)]
