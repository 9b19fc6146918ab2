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
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from ..errors import BeyondHorizon, LawError, RuleError, Undecidable, name_of
from .carriers import watch
from .passes import Run
from .questions import Question, hidden_of, laid_out, outlined, scope_of, statement_of, where_of
from .stars import Stars
from .states import Increments, State, higher_order, lettered, place, value_of
from .verdicts import Proved
from .wiring import places
from .words import Word, WordCarrier, derivative, expanded, letter, modulo, symbols

FEW = 3  # equal blocks whose layers are all that there are in any number of them
NEAREST, FARTHEST = 2, 4  # layers up that the cases of a local cut tell apart: always; if the code looks further
WAYS = {
    "cut": "words, local cut",
    "stars": "words, a cut around each layer",
    "words": "words, whole network",
    "widths": "polynomials at the given widths",
}


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
    straight = True

    def letter(self, kind: str, name: str) -> str:
        return name.replace("W", kind, 1)

    def layer_letter(self, kind: str, label: Any) -> str:
        return named(kind, label)

    def gate(self, label: Any) -> str:
        return str(label)

    def label(self, position: int, maps: list[str]) -> Any:
        return self.labels[position]

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


def residuals(
    question: Question, net: Any, layers: Iterable[Any], squares: bool, twice: bool = True
) -> dict[Any, Word]:
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
            state = State(place(run, law, layer))
            value = value_of(law, run, state)
            if twice and not value_of(law, again, State(place(again, law, layer))).same(value):
                raise LawError(name_of(law), "a second call gave another answer", "laws are pure")
            left = derivative(value, moves) - value * question.mu
            if question.step:
                steps = stepping(moves)
                state = Increments(place(run, law, layer), steps)
                beyond = higher_order(value, steps)
                left = left + beyond if question.claim else left
            left = left - value_of(question.claim, run, state) if question.claim else left
            found[layer] = modulo(left, equations)
            used = value.names()
            found[layer].trivial, found[layer].value = moving.isdisjoint(used), value
            found[layer].signs = any("sign(" in name for name in read | used)
            found[layer].constants = symbols & (read | used | left.names())
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
        square = question.supposes("square")
        top = 1 if question.supposes("scalar") else "n" if square else named("n", "L")
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
                return _proved(question, left, squares, WAYS["cut"])
            if horizon >= NEAREST:
                return seen or nonzero
            seen = seen or nonzero
        except BeyondHorizon:
            if horizon == FARTHEST:
                raise
        horizon += 1


def prove_in_network(question: Question, layers: list[Any], way: str, squares: bool) -> dict[Any, Proved | Word]:
    """The law at layers of a given network, by `way` cut, words or widths; or the residual that is left."""
    net = question.net
    if way == "stars" and getattr(net, "uniform", False) and (net.blocks or 0) > FEW:
        return _in_many_blocks(question, layers, squares)
    if way == "stars":
        return _by_stars(question, layers, squares)
    if way == "cut":
        left = {k: residuals(question, piece_of(net, k), [0], squares, k == layers[0])[0] for k in layers}
    else:
        keys = [layer - 1 if isinstance(layer, int) else layer for layer in layers]
        left = dict(zip(layers, residuals(question, net, keys, squares).values(), strict=True))
    how = WAYS[way]
    found: dict[Any, Proved | Word] = dict(left)
    for layer, word in left.items():
        if not expanded(word) if way == "widths" else word.is_zero():
            found[layer] = _proved(replace(question, layer=layer), [word], squares, how)
    return found


def prove_any_number(question: Question, squares: bool) -> Proved:
    """The law in a network of any number of equal blocks, from those of one, two and three.

    What `block` returns is a layer, so that the star of a layer holds nothing of more than the neighbouring blocks: in
    a longer network each is the star of a layer of one of the three, with other names. Which groups are closed may
    depend on the number of blocks; so the balance must hold at every layer, whatever group it is in. The charges of
    every use, and the maps, add up in any number.
    """
    parts: list[dict[Any, Any]] = []
    for blocks in range(1, FEW + 1):
        asked = replace(question, net=question.net.of(blocks))
        outline = laid_out(asked)
        between = [value._made for value in outline.boundaries]
        if len({id(layer) for layer in between}) < len(between) or not all(k in outline.layers for k in between):
            raise Undecidable("what a block hands on, which is no layer of its own")
        left = prove_in_network(asked, list(places(outline, question.law)), "stars", squares)
        failed = [layer for layer in places(outline, question.law) if not isinstance(left.get(layer), Proved)]
        if failed or not left:
            raise Undecidable(f"the law at {failed[0] if failed else 'no place at all'} of {blocks} blocks")
        if question.law.grouped:
            with watch():
                stars = Stars(asked, outline, question.run(asked.net, WordCarrier(squares)))
                stars.every_layer()
                if question.law.grouped == "open":
                    stars.inputs_apart()
        parts.append(left)
    first: Proved = next(iter(parts[1].values()))
    return replace(first, scope=scope_of(question, squares), layers=parts[1], question=question)


def _by_stars(question: Question, layers: list[Any], squares: bool) -> dict[Any, Proved | Word]:
    """The law at places of a network, by the cuts around the layers there; what they do not settle is left out."""
    outline, run = laid_out(question), question.run(question.net, WordCarrier(squares))
    known, stars = places(outline, question.law), Stars(question, outline, run)
    found: dict[Any, Proved | Word] = {}
    for layer in layers:
        with suppress(Undecidable), watch():
            word = stars.left(known[layer])
            if not (question.step and question.claim) or gained(question, run, known[layer]).is_zero():
                found[layer] = _proved(replace(question, layer=layer), [word], squares, WAYS["stars"])
    return found


def _in_many_blocks(question: Question, layers: list[Any], squares: bool) -> dict[Any, Proved | Word]:
    """What holds in any number of blocks, in this one."""
    try:
        proof = prove_any_number(replace(question, net=question.net.of(None), layer=None), squares)
    except Undecidable:
        return _by_stars(question, layers, squares)
    scope = scope_of(replace(question, squares=squares), squares)
    found: dict[Any, Proved | Word] = {}
    for layer in layers:
        asked = replace(question, layer=layer, squares=squares)
        found[layer] = replace(proof, layers={}, question=asked, scope=replace(scope, layers=where_of(asked)))
    return found


def gained(question: Question, run: Run, known: Any) -> Word:
    """The part of higher order of one step, less what is claimed, at a place of a network; every Δθ is a letter."""
    place, steps = lettered(run, known), stepping(outlined(question).velocities(question.rule))
    beyond = higher_order(value_of(question.law, run, State(place)), steps)
    return beyond - value_of(question.claim, run, Increments(place, steps))  # type: ignore[no-any-return]


def stepping(moves: dict[str, Any]) -> dict[str, Word]:
    """Δ of every parameter that moves, a letter."""
    return {name: letter(f"Δ{name}", *rate._dims) for name, rate in moves.items()}


def conjunction(question: Question, parts: dict[Any, Proved]) -> Proved:
    """Proved at each hidden layer, hence at all of them."""
    every = [parts[layer] for layer in hidden_of(question)]
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
    trivial = all(word.trivial or word.value.is_zero() for word in left)
    note = "trivial: nothing that is trained moves the law" if trivial else ""
    if any(word.signs for word in left):
        scope = replace(scope, gates=f"{scope.gates}; where no entry under a sign is 0")
    return Proved(*names, statement_of(question), scope, how, note=note, question=replace(question, squares=squares))
