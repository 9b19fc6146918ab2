"""A network's forward pass, recorded; the rule's way back along the record; the velocity of every parameter.

`Network.forward` is run once over recorded values. The rule says what a layer passes on (`activity`), what the error
signal is (`signal`), how it reaches a layer (`error`, once for each from the top), and how parameters move (`update`,
once for each parameter, whose several uses are columns side by side, exactly like samples). In a chain every layer has
one map and feeds one. A network whose `ends` is False is a piece of a longer one: above its top lies a horizon, and the
signal that arrives there is a letter. Nothing here knows what the values are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import Misplaced, NetworkError, RuleError, ShapeError, called, name_of, show_shape
from .blocks import joined
from .expectations import expectation
from .layers import KINDS, Layer, Place, Term, Uses, flat, set_values, stacked
from .recording import Maps, Recorded


class Run:
    """A network over one carrier: its parameters, its layers, and the velocities that a rule gives them."""

    def __init__(self, net: Any, carrier: Any, samples: Any = "m", error: Any = None) -> None:
        self.net, self.carrier, self.samples, self.error = net, carrier, samples, error
        self._dims: dict[str, tuple[Any, Any]] = dict(net.shapes())
        self.parameters = {name: carrier.letter(name, *dims) for name, dims in self._dims.items()}
        self.letters: dict[str, Any] = {}  # what was asked for besides: feedback, data
        self.layers: list[Layer] = []
        self.biases: dict[str, str] = {}  # the bias of a map
        self.labels: Counter[Any] = Counter()
        self.inputs: list[Layer] = []  # below the first layers; of these there is only a
        self.outs: list[Layer] = []
        self.boundaries: list[Recorded] = []  # the values between equal blocks
        self.values: list[Recorded] = []  # all of the forward pass, in order
        self.values_of: dict[int, Recorded] = {}  # of a layer, by its id
        self.dead: set[int] = set()  # the places of values that lead to no output
        self.places: dict[str, Any] = {}  # where laws may hold, by `wiring`
        self.output = self.rule = self.e = None  # type: Any
        self.expecting = False  # whether directions are at hand, over which an expectation is taken
        self.passes, self.count = "", 0  # a prime for each forward pass after the first: its gates are other letters

    def known(self, name: str, rows: list[list[Any]]) -> Any:
        """A fixed matrix whose rows are given, as numbers; over letters, a letter."""
        data = getattr(self.carrier, "data", None)
        if data is not None:
            data.setdefault(name, rows)
        return self.once(name, len(rows), len(rows[0]))

    @property
    def activation(self) -> Any:
        return self.net.activation

    @property
    def input(self) -> Any:
        """What lies below the first layer."""
        return self.inputs[0] if self.inputs else None

    def once(self, name: str, rows: Any, cols: Any) -> Any:
        if name not in self.letters:
            self.letters[name] = self.carrier.letter(name, rows, cols)
        return self.letters[name]

    def shape(self, of: str, name: str) -> tuple[Any, Any]:
        """The shape of what is called `of` at a map."""
        rows, cols = self._dims[name]
        if of == "weight":
            return rows, cols
        shapes = {"weight": (rows, cols), "direct": (self.net.outputs, rows), "bias": (rows, 1), "square": (rows, rows)}
        shapes |= {"activity": (rows, self.samples), "below": (cols, self.samples), "samples": (1, self.samples)}
        shapes |= {"input": (cols, 1), "entry": (self.net.inputs, self.net.outputs)}
        if of not in shapes:
            raise RuleError(name_of(self.rule), f"asked for a matrix shaped like {of!r}", f"known are {sorted(shapes)}")
        return shapes[of]

    def companion_name(self, kind: str, name: str) -> str:
        return name if kind == "W" else self.biases[name] if kind == "b" else str(self.net.letter(kind, name))

    def companion(self, kind: str, name: str) -> tuple[str, Any]:
        """B and V with the shape of W, F with that of all maps above; B of the first, F of the last are of no use."""
        letter = self.companion_name(kind, name)
        if kind in "Wb":
            return letter, self.parameters[letter]
        return letter, self.once(letter, *self.shape(KINDS[kind], name))

    def own(self, name: str, mark: str, label: Any) -> str:
        """The name of a rule's own letter at a layer; the mark tells constants and draws from all other letters."""
        self.unlike_others(name)
        return str(self.net.layer_letter(name + mark, label))

    def given(self, name: str, mark: str, of_map: str, dims: tuple[Any, Any]) -> Any:
        """A rule's own letter at a map."""
        self.unlike_others(name)
        return self.once(self.net.letter(name + mark, of_map), *dims)

    def unlike_others(self, name: str) -> None:
        if not re.fullmatch(r"[^\W\d_]+", str(name)) or name in KINDS or name in set("haekφδnxyf") or "Δ" in name:
            raise RuleError(
                name_of(self.rule), f"named a matrix {name!r}", "use letters that no layer has, such as 'M'"
            )

    def between(self) -> float:
        """A place after all values that there are, and before the next one."""
        return self.count + 0.5

    def open_layer(self, place: float, terms: list[Term], h: Any) -> Layer:
        layer = Layer(self, None, terms, h)
        set_values(layer, _place=place)
        self.layers.append(layer)
        return layer

    def named(self, layer: Layer, position: int, label: Any = None) -> Layer:
        """The layer with its label: of those made by φ and the free ones at once, of others once all are there."""
        maps = [term.name for term in flat(layer._terms) if term.name]
        label = label or self.net.label(position, maps)
        self.labels[label] += 1
        layer.call(label if self.labels[label] == 1 else f"{label} ({self.labels[label]})", maps)
        return layer

    def source(self) -> Any:
        """x; or the inputs by name, where there are several."""
        given = self.net.inputs
        if not isinstance(given, Mapping):
            return self.once(self.net.source, given, self.samples)
        shapes = {name: dims if isinstance(dims, tuple) else (dims, "samples") for name, dims in given.items()}
        return {
            name: self.once(name, *(self.samples if size == "samples" else size for size in dims))
            for name, dims in shapes.items()
        }

    def forward(self, x: Any) -> Any:
        """Run the network; returns the output layer, or what stacks them where there are several."""
        if self.expecting:
            remedy = "run the network before, and write the pass of tangents out: a φ is no polynomial"
            raise RuleError(name_of(self.rule), "made a forward pass inside of an expectation", remedy)
        net, self.passes, self.dead = self.net, self.passes + "′" * bool(self.layers), set()
        ends = self.recorded(x)
        straight = getattr(net, "straight", False)  # a chain, of which every value leads to the output
        if not straight and len(used := self.ancestors(ends)) < len(self.values):  # once more, without what does not
            self.dead = {value._place for value in self.values if id(value) not in used}
            ends = self.recorded(x)
        self.outs = list(dict.fromkeys(end._layer() for end in ends))
        if any(below in self.outs for below in self.inputs):
            raise NetworkError(f"{name_of(net)}.forward", "returned an input", "apply a map to it")
        if not net.ends:
            far, f = "n_{L-1}", self.once("f", net.outputs, self.samples)
            self.parameters |= {"W_L": self.once("W_L", net.outputs, far), "b_L": self.once("b_L", net.outputs, 1)}
            self._dims["W_L"] = (net.outputs, far)
            self.outs = [Layer(self, "L", [Term("W_L")], f)]
            set_values(self.outs[0], _place=None)
        self.wired()
        for out in self.outs:
            if not out._outs:
                set_values(out, phi=out.a)
        alone = len(self.outs) == 1 and not self.outs[0]._outs
        self.output = self.outs[0] if alone else Uses(self, "output", [], 0, layers=self.outs)
        return self.output

    def is_dead(self) -> bool:
        """Whether the next value leads to no output."""
        return bool(self.dead) and self.count + 1 in self.dead

    def ancestors(self, ends: list[Recorded]) -> set[int]:
        """Everything that leads to the outputs, by id; and the inputs."""
        found = {id(self.values_of[id(below)]) for below in self.inputs}
        waiting = list(ends)
        while waiting:
            value = waiting.pop()
            if id(value) not in found:
                found.add(id(value))
                made = value._made
                for term in (*value._terms, *(made._terms if made is not None else ())):
                    inside = term.inside if term.source is None else self.values_of[id(term.source)]
                    waiting += [] if inside is None else [inside]
        return found

    def recorded(self, x: Any) -> list[Recorded]:
        """The outputs of the network's forward pass."""
        net, self.count, self.values, self.values_of = self.net, 0, [], {}
        self.layers, self.inputs, self.labels, self.places, named = [], [], Counter(), {}, {}
        self.boundaries = []
        for name, a in (x if isinstance(x, Mapping) else {"input": x}).items():
            below = Layer.__new__(Layer)
            set_values(below, _run=self, _label=name, a=a, _outs=[], _place=None)
            self.inputs.append(below)
            named[name] = Recorded(self, a, list, below)
        ends = called(net, "forward", Maps(self), named if isinstance(x, Mapping) else named["input"])
        ends = list(ends) if isinstance(ends, (tuple, list)) else [ends]
        if not ends or not all(isinstance(end, Recorded) for end in ends):
            found = f"returned {', '.join(type(end).__name__ for end in ends) or 'nothing'}"
            raise NetworkError(f"{name_of(net)}.forward", found, "return a value made of w and x, or a tuple of them")
        return ends

    def expected(self, function: Callable[[dict[str, Any]], Any], like: Mapping[str, Any]) -> dict[str, Any]:
        """E[function(U)] for directions U, one for each matrix in `like` and of its shape, by the same name.

        Their entries are independent, of mean 0 and variance 1. What the function returns, by name, must be of second
        degree in them.
        """
        if self.expecting:
            raise RuleError(name_of(self.rule), "took an expectation inside of another", "take one over all directions")
        self.expecting = True
        try:
            return expectation(self.carrier, function, {name: value._dims for name, value in like.items()})
        finally:
            self.expecting = False

    def wired(self) -> None:
        """Join the layers: what each is made of, and what it feeds."""
        self.layers.sort(key=lambda layer: layer._place)
        for position, layer in enumerate(self.layers):
            terms = flat(layer._terms)
            set_values(layer, _terms=terms, _parts=list(dict.fromkeys(term.name for term in terms if term.name)))
            if layer._label is None:
                self.named(layer, position)
            for term in terms:
                if term.source is not None:
                    term.source._outs.append((term, layer))
                elif term.bias:
                    self.own_bias(layer, term.bias, term.owner)
        for layer in self.layers:
            set_values(layer, _above=feeds(self, layer))
        terms = [term for layer in self.layers for term in layer._terms] if self.biases else []
        for owner, bias in self.biases.items():
            if sum(term.bias == bias for term in terms) != sum(term.name == owner for term in terms):
                found = f"the bias w[{bias!r}] is not added wherever w[{owner!r}] is used"
                raise NetworkError(name_of(self.net), found, "a bias goes with one map: give each its own")

    def own_bias(self, layer: Layer, bias: str, owner: str) -> None:
        """A bias goes with the first map of the sum that it is added to, wherever either of them is used."""
        others = [name for name, other in self.biases.items() if other == bias]
        if owner not in layer._parts or self.biases.get(owner, bias) != bias or others not in ([], [owner]):
            known = owner if owner in layer._parts else "no map"
            found = f"the bias w[{bias!r}] goes with {' and '.join(dict.fromkeys([*others, known]))}"
            raise NetworkError(name_of(self.net), found, "a bias goes with one map: give each a bias of its own")
        self.biases[owner] = bias

    def per_output(self, kind: str, label: Any = None) -> list[tuple[str, Any]]:
        """A letter's name and rows for each output."""
        name = kind if label is None else self.net.layer_letter(kind, label)
        if len(self.outs) < 2:
            return [(name, self.outs[0].a._dims[0] if self.outs else self.net.outputs)]
        return [(f"{name}_{{{out._label}}}", out.h._dims[0]) for out in self.outs]

    def at_output(self, kind: str, out: Layer) -> str:
        """The name of a letter at one of the outputs."""
        return self.per_output(kind)[self.outs.index(out)][0]

    def backward(self, rule: Any, error: Callable[[Any], Any]) -> None:
        """Set `delta` of every layer, from the top down."""
        output, dims = self.output, self.output.h._dims

        def signal(value: Any) -> None:
            value = self.conforming("signal", output, value, dims)
            set_values(output, delta=value)  # stays what it is where an output is read by others, too
            for out, part in zip(self.outs, [value] if len(self.outs) == 1 else value.parts, strict=True):
                set_values(out, delta=part)

        signal(error(output))
        signal(called(rule, "signal", output))
        if not self.net.ends:
            top = self.layers[-1]
            set_values(top, delta=self.once(f"δ_{{{top._label}}}", *top.h._dims))
        for layer in reversed(self.layers if self.net.ends else self.layers[:-1]):
            if layer not in self.outs or layer._outs:
                found = called(rule, "error", layer, layer.above, output)
                found = self.conforming("error", layer, found, layer.h._dims)
                set_values(layer, delta=layer.delta + found if layer in self.outs else found)

    def stand_in(self, layer: Layer) -> Any:
        """What feedback makes of a layer: the sum that it is of its terms, each map replaced by what stands in for it.

        Of an input, of what φ made and of what is free it makes nothing: they stay as they are.
        """
        if layer.whole:
            return layer.a
        if layer._stand_in is None:
            parts, products = [], []
            for term in layer._terms:
                if term.name:
                    place = Uses(self, term.name, [term.name], 0)
                    feedback = called(self.rule, "feedback", place)
                    dims = self.shape("weight", term.name)
                    parts.append(self.conforming("feedback", place, feedback, dims) @ term.source.a)
                elif term.bias:
                    parts.append(self.parameters[term.bias])
                elif term.product is None:
                    parts.append(term.carried(self.stand_in(term.source)))
                elif term.product not in products:
                    products.append(term.product)
                    parts.append(term.product.of(self.stand_in))
            first, *rest = sorted(parts, key=lambda part: part._dims[1] == 1)  # a bias last, which is broadcast
            set_values(layer, _stand_in=sum(rest, first))
        return layer._stand_in

    def uses(self) -> dict[str, list[tuple[Layer, Layer]]]:
        """Where each map is used: from which layer, into which."""
        found: dict[str, list[tuple[Layer, Layer]]] = {}
        for layer in self.layers:
            for term in layer._terms:
                if term.name:
                    found.setdefault(term.name, []).append((term.source, layer))
        return found

    def updates(self, rule: Any) -> dict[str, Any]:
        """The velocity of every parameter; what `rule.update` leaves out keeps its default."""
        moves: dict[str, Any] = {}
        below: Place
        layer: Place
        for name, uses in self.uses().items():
            below, layer = uses[0]
            if len(uses) > 1 or layer._parts != [name]:
                sources, targets = zip(*uses, strict=True)
                below = Uses(self, name, [name], 1, sources=sources)
                layer = Uses(self, name, [name], 1, layers=targets)
            moves |= self.moves_of(rule, name, layer, below, self.output)
        return moves

    def moves_of(self, rule: Any, name: str, layer: Any, below: Any, output: Any) -> dict[str, Any]:
        """The velocity of a map, of its bias and of what goes with it."""
        found = called(rule, "update", layer, below, output)
        if not isinstance(found, dict) or not set(found) <= set(KINDS):
            what = f"returned {sorted(found, key=str) if isinstance(found, dict) else type(found).__name__}"
            raise RuleError(f"{name_of(rule)}.update", what, f"return a dict with keys among {', '.join(KINDS)}")
        default = {} if "W" in found else {"W": -layer.delta @ below.a.mT}
        if name in self.biases:
            default |= {} if "b" in found else {"b": -layer.delta.row_sums()}
        moves = {}
        for key, value in {**default, **found}.items():
            if key not in "bv" or name in self.biases:
                letter, now = self.direct(name, layer) if key == "F" else self.companion(key, name)
                moves[letter] = self.conforming("update", layer, value, now._dims)
        return moves

    def direct(self, name: str, layer: Place) -> tuple[str, Any]:
        """F of the layer that a map alone leads into."""
        if layer._parts != [name] or not isinstance(layer, Layer) or len(self.outs) > 1:
            what = f"moves F of {layer._label}, where several maps or layers meet"
            raise Misplaced(f"{name_of(self.rule)}.update", what, "F belongs to one layer of a network with one output")
        letter = self.net.layer_letter("F", layer._label)
        return letter, self.once(letter, self.net.outputs, self.shape("weight", name)[0])

    def conforming(self, method: str, layer: Place, value: Any, dims: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            value = self.carrier.zeros(*dims) + value
        if getattr(value, "_dims", None) != dims:
            found = getattr(value, "_dims", type(value).__name__)
            remedy = f"at layer {layer._label} it must return the shape {show_shape(dims)}"
            raise ShapeError(f"{name_of(self.rule)}.{method}", found, dims, remedy)
        return value

    def loss(self, output: Any) -> Any:
        """The error signal e: what a stated loss makes of the output, or a letter, another for each forward pass."""
        if self.error:
            found = self.error(output)
        else:
            pairs = zip(self.per_output("e"), self.outs, strict=True)
            found = joined([self.once(name + self.passes, *out.h._dims) for (name, _), out in pairs], 0)
        self.e = self.conforming("error signal", output, found, output.h._dims)
        return self.e

    def velocities(self, rule: Any) -> dict[str, Any]:
        """Ẇ of every parameter that moves, at the error letter e or what the loss makes of the output."""
        self.rule = rule
        found = called(rule, "velocities", self, self.source(), self.loss)
        if not isinstance(found, dict):
            raise RuleError(f"{name_of(rule)}.velocities", f"returned {type(found).__name__}", "return a dict by name")
        if not self.layers:
            raise RuleError(f"{name_of(rule)}.velocities", "made no forward pass", "call run.forward(x)")
        maps = [name for name in self._dims if name not in self.biases.values()]
        known = {
            self.companion_name(kind, name): self.shape(of, name)
            for name in maps
            for kind, of in KINDS.items()
            if kind != "F" and (kind not in "bv" or name in self.biases)
        }
        rows = self.per_output("F")[0][1]
        known |= {self.net.layer_letter("F", layer._label): (rows, layer.rows()) for layer in self.layers}
        for name, value in found.items():
            if name not in known or getattr(value, "_dims", None) != known[name]:
                what = f"gave {name!r} the shape {show_shape(getattr(value, '_dims', type(value).__name__))}"
                raise RuleError(f"{name_of(rule)}.velocities", what, f"known parameters are {known}")
        return found


def feeds(run: Run, layer: Layer) -> Any:
    """What a layer feeds: the next layer, where it has one map and that alone; else everything it goes to."""
    if not layer._outs and (layer in run.outs or not run.net.ends):
        return None
    if not layer._outs:
        return Uses(run, str(layer._label), [], 0, size=layer.h._dims[0])
    (term, target), *more = layer._outs
    if term.name and not more and target._parts == [term.name] and len(target._terms) == 1 + (term.name in run.biases):
        return target
    return stacked(run, layer._label, layer._outs)


def one_pass(rule: Any, run: Run, x: Any, error: Callable[[Layer], Any]) -> dict[str, Any]:
    """Forward, backward, update. A rule that overrides it, with passes of its own, has no local cut."""
    run.forward(x)
    run.backward(rule, error)
    return run.updates(rule)


def is_local(rule: Any) -> bool:
    """Whether the rule keeps `one_pass`: only then is there a cut."""
    return getattr(rule.velocities, "__func__", None) is one_pass
