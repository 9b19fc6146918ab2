"""Laws of layers and of tied groups, layer by layer: a cut around each, whatever the rest of the network is.

The *star* of a layer is what its terms and the places that it goes to show of the network: the activities below are
cut to letters a, the signals that arrive from above to letters δ. A law Q of a group is a sum over the maps into it and
the maps out of it, and each use of a map has a *charge*: the part of dQ/dt that its velocity brings, assigned to the
layer that the map leads into, or to the one that it reads. A wire from s to t bears a *current* J(δ_t, a_s), taken from
t and given to s, so that in the sum over the layers of a group every current cancels: for a wire ends in the group that
it begins in, and at a product the factors of the groups add up. Hence dQ/dt − μQ vanishes if at every layer

    charges of the maps into it + charges of the maps out of it − currents in + currents out = 0

over words, for all values of the letters. What J is needs no trust: it cancels whatever it is. Checked besides, over
words too: Q is that sum; a parameter with several uses moves by the sum of what each would make it do; and what moves
without any use (a decay) takes part as μQ says. Stars of equal structure are the same words with other names, so that
each is judged once: a network of a hundred equal blocks costs little more than one of two.
"""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ..errors import Misplaced, RuleError, ShapeError, Undecidable, called, name_of
from .blocks import joined
from .carriers import Silent
from .layers import Layer, Product, Term, Uses, set_values, stacked
from .passes import Run
from .states import State, value_of
from .wiring import Group
from .words import Word, derivative, symbols

if TYPE_CHECKING:
    from .questions import Question


class Unknown(SimpleNamespace):
    """What is known of a layer from afar."""

    def __getattr__(self, key: str) -> Any:
        raise Undecidable(f"{key!r} of a layer that the cut around another does not hold")


class Hidden(Silent):
    """The number and the name of a layer, where maps are looked at one by one: they stand for all of them."""

    __slots__ = ()
    _label = "the number or the name of a layer"

    def __getattr__(self, key: str) -> Any:
        return self._ask()

    __add__ = __sub__ = __getitem__ = Silent._ask


class Stars:
    """The cuts around the layers of one network, whose outline is known."""

    def __init__(self, question: Question, outline: Run, run: Run) -> None:
        self.question, self.run, self.uses = question, run, outline.uses()
        self.layers, self.inputs = outline.layers, outline.inputs
        run.biases, run.outs, run.rule = outline.biases, outline.outs, question.rule
        self.done: dict[Any, tuple[Word, Word]] = {}  # of a structure: charges, and currents
        self.local: dict[Any, bool] = {}
        self.scale = Fraction(0)  # of the currents, in what was asked last
        self.shown: dict[Any, tuple[Layer, Word]] = {}  # the layers that were looked at, and their signals
        self.read: set[str] = set()
        values = {}
        for kind in ("δ", "e", "y"):
            pairs = zip(run.per_output(kind), outline.outs, strict=True)
            values[kind] = joined([run.once(name, *out.a._dims) for (name, _), out in pairs], 0)
        self.output = Unknown(delta=values["δ"], e=values["e"], target=values["y"])

    # What is asked

    def left(self, place: Any) -> Word:
        """The zero that is left of the law at a layer or at a group; Undecidable says why that is not known."""
        grouped = isinstance(place, Group)
        if grouped and any(id(layer) in place.layers for layer in self.inputs):
            raise Undecidable("what an input carries away")
        layers = [layer for layer in self.layers if id(layer) in place.layers] if grouped else [place]
        for part in [part for _, part in place.parts] if grouped else [place]:
            if not self.is_sum(part._parts, part.fed._parts if grouped else maps_from(place), part.rows()):
                raise Undecidable("a law that is no sum over maps")
        into = dict.fromkeys(name for layer in layers for name in layer._parts)
        out = dict.fromkeys(name for layer in layers for name in maps_from(layer))
        for name in into | out:
            if not grouped and len(self.uses[name]) > 1:
                raise Undecidable(f"what {name} does elsewhere")
            if not self.is_local(name, name in into, name in out):
                raise Undecidable(f"the velocity of {name}, which is no sum over its uses")
        moved = self.balanced(layers, grouped)
        found: Word = self.law_of([], [], layers[0].rows()) * 0
        value = self.law_of_one(next(iter(into)), True) if into else self.law_of_one(next(iter(out)), False)
        found.trivial, found.value, found.constants = not moved, value, symbols & self.read
        found.signs = any("sign(" in name for name in self.read)
        return found

    def every_layer(self) -> None:
        """Undecidable, unless the balance holds at every layer that is no output, whatever group it belongs to."""
        self.balanced([layer for layer in self.layers if layer._outs or layer not in self.run.outs], True)
        for name in self.uses:
            if not self.is_local(name, True, True):
                raise Undecidable(f"the velocity of {name}, which is no sum over its uses")

    def inputs_apart(self) -> None:
        """Undecidable, unless inputs are tied to inputs alone: then they are in no group of any number of blocks."""
        inputs = {id(layer) for layer in self.inputs}
        for layer in self.inputs:
            if any(not term.name for term, _ in layer._outs):
                raise Undecidable(f"what the input {layer._label} carries away")
        for name, pairs in self.uses.items():
            if len({id(source) in inputs for source, _ in pairs}) > 1:
                raise Undecidable(f"what {name} reads of an input")

    def balanced(self, layers: list[Any], wires: bool) -> bool:
        """Whether any charge is there; Undecidable, unless charges and currents cancel at every layer."""
        moved, factor = False, Fraction(0)
        for layer in layers:
            charges, currents = self.star(layer, wires)
            moved = moved or bool(charges.terms)
            if not factor and currents.normal():
                factor = ratio(charges, currents)
            if not (charges + currents * factor).is_zero():
                raise Undecidable(f"a residual at layer {layer._label}")
        self.scale = factor
        return moved

    # The law, and what moves it, map by map

    def law_of(self, into: list[str], out: list[str], size: Any) -> Word:
        """Q of some maps."""
        place, above = Uses(self.run, "star", into, 1, size=size), Uses(self.run, "star", out, 0, size=size)
        for each in (place, above):
            set_values(each, index=Hidden(), name=Hidden())
        set_values(place, fed=above)
        try:
            value: Word = value_of(self.question.law, self.run, State(place))
        except (Misplaced, ShapeError) as error:
            raise Undecidable("what a cut around a layer does not hold") from error
        self.read |= value.names()
        return value

    def law_of_one(self, name: str, into: bool) -> Word:
        """Q of one map alone."""
        rows, cols = self.run.shape("weight", name)
        return self.law_of([name], [], rows) if into else self.law_of([], [name], cols)

    def is_sum(self, into: list[str], out: list[str], size: Any) -> bool:
        """Whether Q of all maps is the sum of Q of each."""
        parts = [self.law_of_one(name, True) for name in into] + [self.law_of_one(name, False) for name in out]
        whole = self.law_of(into, out, size)
        return all(part._dims == whole._dims for part in parts) and sum(parts, whole * 0).same(whole)

    def moves(self, name: str, deltas: list[Any], below: list[Any]) -> dict[str, Word]:
        """What the rule makes of a map and its bias, from signals at its targets and activities at its sources."""
        layer = Uses(self.run, name, [name], 1, layers=[Unknown(delta=delta) for delta in deltas])
        source = Uses(self.run, name, [name], 1, sources=[Unknown(a=a) for a in below])
        try:
            found = self.run.moves_of(self.question.rule, name, layer, source, self.output)
        except Misplaced as error:
            raise Undecidable("what a cut around a layer does not hold") from error
        self.read |= {letter for rate in found.values() for letter in rate.names()}
        return found

    def at_rest(self, name: str) -> dict[str, Word]:
        """The same where there is neither signal nor activity."""
        rows, cols = self.run.shape("weight", name)
        return self.moves(name, [self.run.carrier.zeros(rows, "s_1")], [self.run.carrier.zeros(cols, "s_1")])

    def is_local(self, name: str, into: bool, out: bool) -> bool:
        """Whether uses add up, and what moves without any does as μQ says; maps of one kind are judged once."""
        rows, cols = self.run.shape("weight", name)
        sizes = [size if isinstance(size, int) else "a name" for size in (rows, cols)]
        kind = (*sizes, rows == cols, name in self.run.biases, len(self.uses[name]) > 1, into, out)
        if kind not in self.local:
            self.local[kind] = self._is_local(name, rows, cols, into, out)
        return self.local[kind]

    def _is_local(self, name: str, rows: Any, cols: Any, into: bool, out: bool) -> bool:
        rest, once = self.at_rest(name), self.run.once
        if len(self.uses[name]) > 1:
            deltas = [once(f"δ_{{{name},{k}}}", rows, f"s_{k}") for k in (1, 2)]
            below = [once(f"a_{{{name},{k}}}", cols, f"s_{k}") for k in (1, 2)]
            both = self.moves(name, deltas, below)
            first, second = (self.moves(name, [p], [q]) for p, q in zip(deltas, below, strict=True))
            if not all((both[k] - first[k] - second[k] + rest[k]).is_zero() for k in both):
                return False
        parts = [self.law_of_one(name, True)] * into + [self.law_of_one(name, False)] * out
        return all((derivative(part, rest) - part * self.question.mu).is_zero() for part in parts)

    def charge(self, name: str, delta: Any, a: Any, into: bool) -> Word:
        """What one use of a map brings to dQ/dt."""
        moves, rest = self.moves(name, [delta], [a]), self.at_rest(name)
        return derivative(self.law_of_one(name, into), {k: moves[k] - rest[k] for k in moves})

    # The outline, over words

    def letter(self, layer: Any, kind: str = "a") -> Word:
        return self.run.once(f"{kind}_{{{layer._label}}}", *layer.a._dims)  # type: ignore[no-any-return]

    def word(self, value: Any) -> Any:
        """A fixed matrix, or a number."""
        if getattr(value, "_dims", None) is None:
            return value
        name, turned = value.named
        return self.run.once(name, *value._dims[::-1]).mT if turned else self.run.once(name, *value._dims)

    def term(self, term: Term, source: Any = None) -> Term:
        """A map or a wire, from a source."""
        mixed = {key: self.word(getattr(term, key)) for key in ("left", "right", "times")}
        return Term(term.name, source=source, wire=term.wire, bias=term.bias, **mixed)

    def sum_of(self, layer: Any, wired: Any, factors: Any) -> Any:
        """The sum that a layer is, of letters; `wired` gives what wires carry, `factors` what products are made of."""
        parts, biases = [], []
        for term in layer._terms:
            if term.bias:
                biases.append(self.run.parameters[term.bias])
            elif term.name:
                parts.append(self.run.parameters[term.name] @ self.letter(term.source))
            elif term.product is None:
                parts.append(self.term(term).carried(wired(term.source)))
            elif term.side == 0:
                parts.append(term.product.of(factors))
        return sum((*parts[1:], *biases), parts[0])

    def whole(self, layer: Any) -> Any:
        """A factor of a product: the sum that it is, over all wires."""
        return self.letter(layer) if layer.whole else self.sum_of(layer, self.whole, self.whole)

    def factor(self, layer: Any) -> Layer:
        """A factor of a product as the way back reads it: what stands in for it is made of letters."""
        found = Layer(self.run, layer._label, [], self.whole(layer))
        terms = () if layer.whole else layer._terms
        set_values(found, _place=None if layer.whole else layer._place, _terms=[self.seen(term) for term in terms])
        return found

    def seen(self, term: Term) -> Term:
        """A term of a factor."""
        if term.product is not None:
            first, second = ((self.factor(layer), turned) for layer, turned in term.product.factors)
            product = Product(self.run, term.product.matrix, (first, second))
            return Term(wire=term.wire, product=product, side=term.side)
        if term.name:
            return self.term(term, Unknown(a=self.letter(term.source)))
        return self.term(term, None if term.source is None else self.factor(term.source))

    # The star of a layer

    def star(self, layer: Any, wires: bool) -> tuple[Word, Word]:
        """The sum of the charges at a layer, and that of the currents; each structure is looked at once."""
        key = structure(layer, self.run.biases)
        if key not in self.done:
            self.done[key], again = self._star(layer, wires), self._star(layer, wires)
            if not all(p.same(q) for p, q in zip(self.done[key], again, strict=True)):
                raise RuleError(name_of(self.question.rule), "a second call gave another answer", "rules are pure")
        return self.done[key]

    def _star(self, old: Any, wires: bool) -> tuple[Word, Word]:
        if old in self.run.outs:
            raise Undecidable(f"the error signal at {old._label}, an output that others read")
        terms = [*old._terms, *(term for term, _ in old._outs if term.free is None)]
        if not wires and any(not term.name and not term.bias for term in terms):
            raise Undecidable(f"what goes to or from {old._label} without a map")
        layer = self.passing(old)
        outs = [(self.out(term, layer), self.letter(target, "δ")) for term, target in old._outs]
        above = stacked(self.run, old._label, [(cut, Unknown(delta=delta)) for cut, delta in outs])
        set_values(layer, _above=above)
        found = called(self.question.rule, "error", layer, above, self.output)
        delta = self.run.conforming("error", layer, found, layer.h._dims)

        def factors(factor: Any) -> Any:
            return layer.a if factor is old else self.whole(factor)

        self.shown[old._label] = layer, delta
        charges, pairs = [], []
        for term in old._terms:
            if term.name:
                charges.append(self.charge(term.name, delta, self.letter(term.source), True))
            elif term.product is not None and term.side == 0:
                pairs.append((-delta, term.product.of(self.whole)))
            elif term.product is None and term.source is not None:
                pairs.append((-delta, self.term(term).carried(self.letter(term.source))))
        for (term, _), (cut, signal) in zip(old._outs, outs, strict=True):
            if term.name:
                charges.append(self.charge(term.name, signal, layer.a, False))
            elif term.free is None:
                pairs.append((signal, cut.carried(layer.a) if term.product is None else term.product.of(factors)))
        zero = self.law_of([], [], old.rows()) * 0
        currents = [current(*pair, zero._dims) for pair in pairs]
        if any(part._dims != zero._dims for part in (*charges, *currents)):
            raise Undecidable(f"channels at layer {old._label}, where a product or a fixed matrix mixes them")
        return sum(charges, zero), sum(currents, zero)

    def out(self, term: Term, layer: Layer) -> Term:
        """A term by which the layer goes elsewhere."""
        if term.free is not None:
            return Term(source=layer, wire=term.wire, free=term.free)
        return self.term(term) if term.product is None else self.seen(term)

    def passing(self, old: Any) -> Layer:
        """The layer itself, of letters below."""
        run, h = self.run, self.sum_of(old, self.letter, self.whole)
        layer = Layer(run, old._label, [], h)
        set_values(layer, _place=old._place, _parts=list(old._parts))
        if not old.plain:
            a, dphi = run.carrier.activate(self.question.net.activation, h, run.net.gate(old._label))
            set_values(layer, a=a, phi=a, dphi=dphi, _active=True)
            found = called(self.question.rule, "activity", layer)
            set_values(layer, a=run.conforming("activity", layer, found, a._dims))
        return layer


def ratio(charges: Word, currents: Word) -> Fraction:
    """The factor of the currents with which they make up for the charges, if any does."""
    key = next(iter(currents.normal()))
    return Fraction(-charges.normal().get(key, 0)) / Fraction(currents.normal()[key])


def current(delta: Any, a: Any, dims: Any) -> Word:
    """J(δ, a), of the shape of the law."""
    if dims == (1, 1):
        return delta.inner(a)  # type: ignore[no-any-return]
    if dims[1] == 1:
        return (delta * a).row_sums()  # type: ignore[no-any-return]
    return delta @ a.mT + a @ delta.mT  # type: ignore[no-any-return]


def structure(layer: Any, biases: Any) -> Any:
    """How a layer hangs in its network: names and sizes are numbered as they come."""
    numbers: dict[Any, int] = {}

    def number(*thing: Any) -> Any:
        return numbers.setdefault(thing, len(numbers))

    def sizes(value: Any) -> Any:  # a rule may look at a size that is a number
        return [f"= {size}" if isinstance(size, int) else number("size", size) for size in value._dims]

    def fixed(value: Any) -> Any:
        if getattr(value, "_dims", None) is None:
            return value
        return (number("fixed", value.named[0]), value.named[1], *sizes(value))

    def shown(term: Term, other: Any) -> Any:
        parts = [number("map", part) if part else 0 for part in (term.name, term.bias, biases.get(term.name))]
        parts += [] if other is None else [number("layer", id(other)), *sizes(other.a)]
        parts += [] if term.free is None else [number("free", term.free.letter), id(term.free.back)]
        parts += [term.free is not None, *map(fixed, (term.left, term.right, term.times))]
        if term.product is not None:
            factors = [(number("layer", id(f)), turned, made_of(f)) for f, turned in term.product.factors]
            parts += [term.side, term.product.matrix, *factors]
        return tuple(map(str, parts))

    def made_of(factor: Any) -> Any:
        if factor.whole:
            return sizes(factor.a)
        return [
            (shown(term, term.source), made_of(term.source) if term.source is not None and not term.name else "")
            for term in factor._terms
        ]

    below = tuple(shown(term, term.source) for term in layer._terms)
    return layer.plain, tuple(sizes(layer.h)), below, tuple(shown(term, target) for term, target in layer._outs)


def maps_from(layer: Any) -> list[str]:
    return list(dict.fromkeys(term.name for term, _ in layer._outs if term.name))
