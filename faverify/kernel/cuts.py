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
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from ..errors import BeyondHorizon, LawError, RuleError, called, name_of
from .carriers import watch
from .passes import KINDS, Layer, Run
from .verdicts import Proved, Scope
from .words import Word, derivative, expanded, letter

FARTHEST = 4  # layers up that the cases of a local cut tell apart


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


def value_of(law: Any, run: Run, state: State) -> Any:
    """Q at a layer: what the law's formula returns, as a value of the carrier."""
    found = called(law, "formula", state, state.above)
    if not hasattr(found, "_dims"):
        if found is None or isinstance(found, (tuple, list, dict, str, bool)):
            remedy = "return a number, a column or a matrix made of the layers' W, b, B and F"
            raise LawError(name_of(law), f"returned {type(found).__name__}", remedy)
        found = run.carrier.zeros(1, 1) + found
    return found


def residuals(
    question: Question, net: Any, layers: Iterable[int], squares: bool, twice: bool = True
) -> dict[int, Word]:
    """dQ/dt − μQ at layers of one network (counted from 0), over words; `twice`: a second run must agree."""
    law, rule = question.law, question.rule
    with watch():
        run = Run(net, WordCarrier(squares))
        again = Run(net, WordCarrier(squares)) if twice else run
        moves = run.velocities(rule)
        repeated = again.velocities(rule) if twice else moves
        if set(moves) != set(repeated) or not all(moves[k].same(repeated[k]) for k in moves):
            raise RuleError(name_of(rule), "a second call gave another answer", "rules are pure")
        moving, found = {name for name, rate in moves.items() if rate.terms}, {}
        read = {name for rate in moves.values() for name in rate.names()}
        for layer in layers:
            value = value_of(law, run, State(run.layers[layer]))
            if twice and not value_of(law, again, State(again.layers[layer])).same(value):
                raise LawError(name_of(law), "a second call gave another answer", "laws are pure")
            found[layer] = derivative(value, moves) - value * question.mu
            found[layer].trivial = value.is_zero() or moving.isdisjoint(value.names())
            found[layer].signs = any("sign(" in name for name in read | value.names())
    return found


def pieces(question: Question, horizon: int) -> list[Piece]:
    """The cases of the local cut: the output 1 … horizon layers up, or further; the last layer needs the first."""
    cases = [(1, True)] if question.layer == -1 else [*((d, True) for d in range(1, horizon + 1)), (horizon + 1, False)]
    found = []
    for distance, ends in cases:
        if ends:
            below, *labels = [*(f"L-{distance + 1 - k}" for k in range(distance + 1)), "L"]
        else:
            below, *labels = ["l-1", "l", *(f"l+{k}" for k in range(1, distance))]
        sizes, phi = tuple(named("n", label) for label in labels), question.activation
        place = (named("a", below), named("n", below), sizes, tuple(labels), named("n", "L"))
        found.append(Piece(*place, phi, question.bias, begins=False, ends=ends))
    return found


def piece_of(net: Any, layer: int) -> Piece:
    """The piece of a given network that a law of one layer and the one above it sees."""
    below, *sizes = net.widths[layer - 1 : layer + 2]
    place = (named("a", layer - 1) if layer > 1 else "x", below, tuple(sizes), (layer, layer + 1), net.outputs)
    return Piece(*place, net.activation, net.bias, begins=layer == 1, ends=layer + 2 == len(net.widths))


def prove_everywhere(question: Question, squares: bool) -> Proved | tuple[Word, ...]:
    """The law at every layer of every network, by the local cut; or the residuals that are left."""
    horizon = 1
    while True:
        try:
            cases = pieces(question, horizon)
            left = [residuals(question, piece, [0], squares, piece is cases[0])[0] for piece in cases]
            break
        except BeyondHorizon:
            if horizon == FARTHEST:
                raise
            horizon += 1
    nonzero = tuple(word for word in left if not word.is_zero())
    return nonzero or _proved(question, left, squares, "words, local cut")


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
    how, gates = (
        "; ".join(dict.fromkeys(texts)) for texts in zip(*((p.how, p.scope.gates) for p in every), strict=True)
    )
    return replace(every[0], scope=replace(scope_of(question), gates=gates), how=how, layers=parts, question=question)


def _proved(question: Question, left: list[Word], squares: bool, how: str) -> Proved:
    names, scope = (name_of(question.law), name_of(question.rule)), scope_of(question, squares)
    note = "trivial: no trained variable occurs in the law" if all(word.trivial for word in left) else ""
    if any(word.signs for word in left):
        scope = replace(scope, gates=f"{scope.gates}; where no entry under a sign is 0")
    return Proved(*names, statement_of(question), scope, how, note=note, question=replace(question, squares=squares))


def statement_of(question: Question) -> str:
    rate = "0" if isinstance(question.mu, int) and question.mu == 0 else f"({question.mu_text}) Q"
    return f"dQ/dt = {rate} for Q = {question.law.statement}"


def scope_of(question: Question, squares: bool = False) -> Scope:
    """The quantifiers of an answer to the question."""
    net, phi = question.net, question.activation
    constants = [*vars(question.rule).values(), *vars(phi).values(), question.mu, *vars(question.law).values()]
    names = sorted({k for word in constants if isinstance(word, Word) for k in word.names()})
    return Scope(
        layers={None: "all hidden layers", -1: "the last hidden layer"}.get(question.layer, f"layer {question.layer}"),
        widths="all" if net is None else ", ".join(map(str, net.widths)),
        depths="all" if net is None else str(len(net.widths) - 1),
        batch="all",
        loss="all, any error signal e(t)",
        activations=phi.description,
        gates=f"all, φ′ at a kink with {phi.square_text}" if squares else "all, any φ′ at a kink",
        feedback="all",
        biases="trained" if question.bias else "none",
        parameters=f"all values of {', '.join(names)}" if names else "none",
    )
