"""A derivation entry by entry, for small given widths: one sample, since a rule sums over samples.

The network is run over polynomials whose variables are entries, each activity a and each signal δ under a name of its
own. Then what the signals stand for is written out, and then φ(h) as h φ′(h)/p, h = W a: each line is the one before it
with letters replaced, which is checked at random rational points while the lines are made.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from fractions import Fraction
from random import Random
from typing import Any, NamedTuple

from ..errors import Undecidable
from ..kernel.layers import set_values
from ..kernel.passes import Run, is_local
from ..kernel.questions import Question
from ..kernel.states import State, value_of
from ..proving.jets import law_jet
from ..proving.polynomials import PolynomialCarrier, over_polynomials
from .notation import _fraction_latex, _fraction_text, _sum, dotted, latex_name
from .symbols import symbols

Line = tuple[str, str, str]
MOST, LARGEST = 24, 20_000  # terms of a line that are written; and that are worked with
VECTORS = set("xyeδaφkhbvf")  # letters with a column for each sample: there is one


class Named(PolynomialCarrier):
    """Activities are letters a, but in the layer `opened`, or in all if that is None."""

    def __init__(self, ring: Any, opened: str | None) -> None:
        super().__init__(ring)
        self.opened = opened

    def activate(self, activation: Any, h: Any, name: str) -> tuple[Any, Any]:
        if self.opened in (None, name) and (activation.linear or activation.degree is not None):
            return super().activate(activation, h, name)
        _, slope = super().activate(activation, h * 0, name)
        return self.letter(f"a{name}", *h._dims), slope


class EntryRun(Run):
    """A run in which a signal is called δ once the rule has made it; `signals` keeps what it stands for."""

    def __init__(self, net: Any, ring: Any, opened: str | None = "none", short: bool = True) -> None:
        super().__init__(net, Named(ring, opened), 1)
        self.short = short
        self.signals: dict[Any, Any] = {}

    def conforming(self, method: str, layer: Any, value: Any, dims: Any) -> Any:
        value = super().conforming(method, layer, value, dims)
        if method != "error" or not self.short:
            return value
        self.signals[layer._label] = value
        return self.carrier.letter(f"δ{layer._label}", *dims)

    def expanded(self, rule: Any, layer: Any) -> dict[str, Any]:
        """The velocities, with the signal of one layer written out, but not the signals in it."""
        set_values(layer, delta=self.signals[layer._label])
        return self.updates(rule)


class Seen(NamedTuple):
    """What the runs found: polynomials over one ring."""

    ring: Any
    value: Any
    run: Any
    moves: dict[str, Any]
    rates: list[tuple[str, Any]]
    signals: dict[Any, Any]


def entry_lines(question: Question) -> Iterator[Line]:
    """Reason, text and LaTeX of each line.

    Raises: Undecidable where a rule divides, or what it makes has too many terms to be written.
    """
    seen = _seen(question)
    place, phi = seen.run.layers[question.layer - 1], question.net.activation
    write = Writer(seen.ring, phi)
    yield from write.matrix("definition of the law, for one sample", "Q", seen.value)
    if seen.signals:
        yield from write.matrix("forward pass", f"h{place._label}", place.h)
        yield from write.matrix("the rule's error", f"δ{place._label}", seen.signals[place._label])
    for name, rate in seen.moves.items():
        if law_jet(question.law, seen.run, place, {name: rate}).rate is not None:
            yield from write.matrix("the rule's update", f"d{name}", rate)
    for reason, rate in seen.rates:
        yield from write.matrix(reason, "dQ/dt", rate)
    if question.mu_text != "0":
        yield from write.matrix("the claimed rate", f"({question.mu_text}) Q", seen.value * question.mu)
        left = f"dQ/dt − ({question.mu_text}) Q"
        yield from write.matrix("equal terms cancel", left, seen.rates[-1][1] - seen.value * question.mu)
    _check(seen, place, phi)


def _seen(question: Question) -> Seen:
    net, rule, position = question.net, question.rule, question.layer - 1

    def rate_of(run: Run, moves: dict[str, Any]) -> Any:
        jet = law_jet(question.law, run, run.layers[position], moves)
        return jet.value * 0 if jet.rate is None else jet.rate

    def look(carrier: PolynomialCarrier) -> Seen:
        ring = carrier.ring
        if not is_local(rule):
            run = EntryRun(net, ring, None, short=False)
            moves = run.velocities(rule)
            value = value_of(question.law, run, State(run.layers[position]))
            rates = [("product rule, the rule's update; equal terms cancel", rate_of(run, moves))]
            return Seen(ring, value, run, moves, rates, {})
        run = EntryRun(net, ring)
        moves = run.velocities(rule)
        value = value_of(question.law, run, State(run.layers[position]))
        rates = [("product rule, the rule's update", rate_of(run, moves))]
        rates.append(("the rule's error", rate_of(run, run.expanded(rule, run.layers[position]))))
        opened = EntryRun(net, ring, str(net.gate(run.layers[position]._label)))
        opened.velocities(rule)
        last = rate_of(opened, opened.expanded(rule, opened.layers[position]))
        reason = f"{_homogeneity(net.activation, net.bias)}; equal terms cancel"
        if any(v != 0 for v in (last - value * question.mu).entries()):
            whole = EntryRun(net, ring, None, short=False)  # what is nearby does not cancel: everything is written out
            last, reason = rate_of(whole, whole.velocities(rule)), "every layer written out; equal terms cancel"
        return Seen(ring, value, run, moves, [*rates, (reason, last)], dict(run.signals))

    return over_polynomials(look)  # type: ignore[no-any-return]


def _homogeneity(phi: Any, bias: bool) -> str:
    h = f"h = W a{' + b' * bias}"
    if phi.linear:
        return f"a = h, {h}"
    if phi.degree is None:
        return "φ and φ′ are letters"
    return f"a = φ′(h) h, {h}" if phi.degree == 1 else f"p a = φ′(h) h, {h}"


def _check(seen: Seen, place: Any, phi: Any) -> None:
    """Every rate has one value, where the letters a and δ have the values of what they stand for."""
    if not seen.signals:
        return
    for seed in range(3):
        draw = Random(seed)
        point = {name: Fraction(draw.randint(-9, 9), draw.randint(1, 5)) for name in seen.ring.names}
        for layer in seen.run.layers:
            if layer in seen.run.outs or (phi.degree is None and not phi.linear):
                continue
            for i, (h,) in enumerate(layer.h.data):
                share = 1 if phi.linear else point.get(f"k{layer._label}[{i},0]", 0)
                point[f"a{layer._label}[{i},0]"] = _at(seen.ring, h, point) * share
        for label in [layer._label for layer in reversed(seen.run.layers) if layer._label in seen.signals]:
            for i, (signal,) in enumerate(seen.signals[label].data):
                point[f"δ{label}[{i},0]"] = _at(seen.ring, signal, point)
        first, *others = ([_at(seen.ring, v, point) for v in rate.entries()] for _, rate in seen.rates)
        if any(other != first for other in others):
            raise AssertionError("a line of the derivation does not equal the next")


def _terms(value: Any) -> list[tuple[tuple[int, ...], Fraction]]:
    return [(tuple(map(int, powers)), Fraction(int(c.p), int(c.q))) for powers, c in value.terms()]


def _at(ring: Any, value: Any, point: dict[str, Fraction]) -> Fraction:
    """A polynomial at a point."""
    total = Fraction(0)
    for powers, c in _terms(value):
        for name, power in zip(ring.names, powers, strict=False):
            c = c * point[name] ** power if power else c
        total += c
    return total


class Writer:
    """Polynomials over a ring as text and LaTeX; 1-based indices in LaTeX, as on paper."""

    def __init__(self, ring: Any, phi: Any) -> None:
        self.ring, self.gate = ring, "φ′" if phi.degree == 1 else "k"
        self.names = [(self.text_of(name), self.latex_of(name)) for name in ring.names]

    def matrix(self, reason: str, name: str, value: Any) -> Iterator[Line]:
        """A line for each entry; the first has the reason."""
        rows, cols = value._dims
        for i in range(rows):
            for j in range(cols):
                text, latex = self.polynomial(value.data[i][j])
                left = name if (rows, cols) == (1, 1) and name[0] in "Qd(" and not name[1:2].isalpha() else None
                label, symbol = self._left(left, name, i, j, (rows, cols))
                yield reason, f"{label} = {text}", f"{symbol} = {latex}"
                reason = ""

    def _left(self, alone: str | None, name: str, i: int, j: int, dims: tuple[int, int]) -> tuple[str, str]:
        if name[0] == "d" and "/" not in name:  # a velocity
            entry = f"{dotted(name[1:])}[{i},{j}]"
            return self.text_of(entry), self.latex_of(entry)
        if name[0] in "haδ":
            return self.text_of(f"{name}[{i},{j}]"), self.latex_of(f"{name}[{i},{j}]")
        at, under = ("", "") if dims == (1, 1) else (f"[{i},{j}]", f"_{{{i + 1}{j + 1}}}")
        mathematics = name.replace("Q", f"Q{under}").replace(f"dQ{under}/dt", rf"\frac{{dQ{under}}}{{dt}}")
        return name.replace("Q", f"Q{at}"), symbols(mathematics)

    def polynomial(self, value: Any) -> tuple[str, str]:
        terms = _terms(value)
        if len(terms) > LARGEST:
            raise Undecidable(f"a line of {len(terms)} terms")
        shown = [(c, *self._product(powers)) for powers, c in terms[:MOST]]
        more = len(terms) - len(shown)
        text = _sum([(c, text) for c, text, _ in shown], _fraction_text)
        latex = _sum([(c, latex) for c, _, latex in shown], _fraction_latex)
        return (
            (text, latex)
            if not more
            else (f"{text} + … ({more} more terms)", rf"{latex} + \ldots\ ({more}\text{{ more terms}})")
        )

    def _product(self, powers: tuple[int, ...]) -> tuple[str, str]:
        found = [(self.names[k], power) for k, power in enumerate(powers) if power and k < len(self.names)]
        text = " ".join(f"{text}{_raised(power)}" for (text, _), power in found)
        latex = r"\,".join(latex if power == 1 else rf"{{{latex}}}^{{{power}}}" for (_, latex), power in found)
        return text or "1", latex or "1"

    def text_of(self, name: str) -> str:
        """`W1[0,2]` as it stands; of a column, the row alone: `x[0]`."""
        kind, layer, i, j = _parts(name) or (name, "", "", "")
        if not i:
            return name
        kind = self.gate if kind == "k" else kind
        return f"{kind}{layer}[{i}]" if _vector(kind) else f"{kind}{layer}[{i},{j}]"

    def latex_of(self, name: str) -> str:
        """`W1[0,2]` as W^{(1)}_{13}, `x[0,0]` as x_1."""
        kind, layer, i, j = _parts(name) or (name, "", "", "")
        if not i:
            return latex_name(name)
        above = f"^{{({layer})}}" if layer else ""
        under = (
            f"{int(i) + 1}" if _vector(kind) else f"{int(i) + 1}{'' if max(int(i), int(j)) < 9 else ','}{int(j) + 1}"
        )
        kind = self.gate if kind == "k" else kind
        if kind == "φ′":
            return rf"\varphi'{above}_{{{under}}}" if not above else rf"\varphi'(h{above}_{{{under}}})"
        return f"{latex_name(kind)}{above}_{{{under}}}"


def _vector(kind: str) -> bool:
    """Whether a letter, or what a dot is over, is a column."""
    return unicodedata.normalize("NFD", kind)[0] in VECTORS


def _parts(name: str) -> tuple[str, str, str, str] | None:
    found = re.fullmatch(r"(\D+?)(\d*)\[(\d+),(\d+)\]", name)
    return None if found is None else (found[1], found[2], found[3], found[4])


def _raised(power: int) -> str:
    return "" if power == 1 else str(power).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
