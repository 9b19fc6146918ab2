"""Layers of a recorded network, what they are made of and what they feed; where a rule or a law reads letters.

A *layer* is a value that φ made, that a map reads, or that goes to several places. It is a sum of terms: maps of other
layers, layers carried along as they are or mixed by fixed matrices (a *wire*), products of layers, and a bias.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import BeyondHorizon, Misplaced, Undecidable, UserCodeError
from .blocks import Wire, joined
from .carriers import Opaque

if TYPE_CHECKING:
    from .passes import Run

KINDS = {"W": "weight", "B": "weight", "V": "weight", "F": "direct", "b": "bias", "v": "bias"}  # V, v: a rule's memory


def set_values(layer: Any, **values: Any) -> None:
    for key, value in values.items():
        object.__setattr__(layer, key, value)


class Place:
    """Where a rule or a law reads letters: a layer, everything that a layer feeds, or all maps of a group.

    `_parts` are the names of the maps there, and the wires between them; `_axis` 0 stacks what is read of them, 1 puts
    it side by side.
    """

    __slots__ = ("_axis", "_label", "_parts", "_run", "index", "name")
    _axis: int
    _label: Any
    _parts: list[Any]
    _run: Run

    def __setattr__(self, key: str, value: Any) -> None:
        raise UserCodeError(
            f"layer {self._label}", f"{key} was assigned to", "rules and laws read layers and change none"
        )

    def read(self, key: str, seen: Callable[[str, Any], Any]) -> Any:
        """What is read under a key of `KINDS`; `seen` shows each letter, given its name and its value.

        Where no map is, the sums over maps are empty: a column or a row of zeros is read.
        """
        run, parts = self._run, self._parts
        if key in "bv":
            parts = [part for part in parts if part in run.biases]
        found = [p if isinstance(p, Wire) else seen(*run.companion(key, p)) for p in parts]
        return joined(found, self._axis) if found else self.nothing()

    def nothing(self) -> Any:
        """What is read where there is no map."""
        zeros = self._run.carrier.zeros
        return zeros(self.rows(), 1) if self._axis else zeros(1, self.rows())

    def rows(self) -> Any:
        return self._run.shape("weight", self._parts[0])[0]

    def constant(self, name: str, of: str = "weight") -> Any:
        """A matrix given once and for all, with the shape of W, or of what else `Run.shape` knows."""
        return self._drawn(name, "°", of)

    def draw(self, name: str, of: str = "activity") -> Any:
        """A matrix drawn anew at every step, of which nothing is known; "samples" is a row with an entry for each."""
        return self._drawn(name, "~", of)

    def _drawn(self, name: str, mark: str, of: str) -> Any:
        run = self._run
        parts = [p if isinstance(p, Wire) else run.given(name, mark, p, run.shape(of, p)) for p in self._parts]
        return joined(parts, self._axis) if parts else self.nothing()


UNWIRED = dict.fromkeys(("_label", "_above", "_fed", "_partners", "_stand_in"))


class Layer(Place):
    """A value on its way; h is what φ was applied to, or the value itself where φ was not."""

    __slots__ = (
        "_above",
        "_active",
        "_fed",
        "_outs",
        "_partners",
        "_place",
        "_stand_in",
        "_terms",
        "a",
        "delta",
        "dphi",
        "h",
        "phi",
    )
    delta: Any

    def __init__(self, run: Run, label: Any, terms: list[Term], h: Any) -> None:
        set_values(self, _run=run, _axis=1, h=h, a=h, _terms=terms, _active=False, _outs=[], **UNWIRED)
        if label is not None:
            self.call(label, [term.name for term in flat(terms) if term.name])

    def call(self, label: Any, maps: list[str]) -> None:
        """Give it its label; `maps` lead into it."""
        name = maps[0] if len(maps) == 1 else label
        seen = (label, name) if isinstance(label, int) else (Opaque(label), Opaque(name, str))
        set_values(self, _label=label, _parts=list(dict.fromkeys(maps)), index=seen[0], name=seen[1])

    def read(self, key: str, seen: Callable[[str, Any], Any]) -> Any:
        if key != "F":
            return super().read(key, seen)
        run, n = self._run, self.h._dims[0]
        letters = {name: run.once(name, rows, n) for name, rows in run.per_output("F", self._label)}
        return joined([seen(name, value) for name, value in letters.items()], 0)

    def rows(self) -> Any:
        return self.h._dims[0]

    def _drawn(self, name: str, mark: str, of: str) -> Any:
        run, (rows, cols) = self._run, self.h._dims
        shapes = {"activity": (rows, cols), "samples": (1, cols), "bias": (rows, 1), "square": (rows, rows)}
        shapes["direct"] = (run.per_output("F")[0][1], rows)
        if of not in shapes:
            return super()._drawn(name, mark, of)
        return run.once(run.own(name, mark, self._label), *shapes[of])

    def __getattr__(self, key: str) -> Any:
        run = self._run
        below = self._place is None  # an input: below the first layer there is only a
        if key in KINDS and not below:
            return self.read(key, lambda name, value: value)
        if key == "target" and self in run.outs:
            return run.once(run.at_output("y", self), *self.h._dims)
        if key == "e" and self is run.output and run.e is not None:
            return run.e
        if below and not run.net.begins:
            raise Undecidable(f"{key!r} of the layer below, of which a local cut knows only the activity a")
        if key == "dphi" and not below:
            return run.carrier.zeros(*self.h._dims) + 1
        raise AttributeError(f"layer {self._label} has no {key!r} here; below the first layer there is only a")

    @property
    def plain(self) -> bool:
        """Whether it is the sum that it is made of, without φ."""
        return not self._active

    @property
    def whole(self) -> bool:
        """Whether what stands in for it is the layer itself: an input, what φ made, what is free."""
        return self._place is None or not self.plain or any(term.free is not None for term in self._terms)

    @property
    def above(self) -> Any:
        """What this layer feeds, as a rule sees it: the next layer, or everything it goes to; None at the output."""
        if self._above is None and self not in self._run.outs:
            raise BeyondHorizon(f"what lies above layer {self._label}")
        return self._above

    @property
    def fed(self) -> Any:
        """What this layer feeds, as a law sees it: every map that it reaches over wires alone."""
        return self.above if self._fed is None else self._fed

    @property
    def partner(self) -> Any:
        """As a law sees it, the maps into whatever this layer is multiplied by."""
        if self._partners is None:
            remedy = "ask about a layer that is: check(…, layer=…)"
            raise Misplaced(f"layer {self._label}", "is multiplied by no other layer, and so has no partner", remedy)
        return self._partners


class Uses(Place):
    """Several uses of maps at once, side by side or stacked; what is read of their layers is joined alike."""

    __slots__ = ("_layers", "_size", "_sources", "_terms", "delta", "fed")

    def __init__(
        self,
        run: Run,
        label: str,
        parts: list[Any],
        axis: int,
        layers: Any = (),
        sources: Any = (),
        terms: Any = (),
        size: Any = None,
    ) -> None:
        seen = {"index": Opaque(label), "name": Opaque(label, str)}
        set_values(self, _run=run, _label=label, _parts=parts, _axis=axis, _size=size, **seen)
        set_values(self, _layers=list(layers), _sources=list(sources), _terms=list(terms), fed=None)

    def rows(self) -> Any:
        return self._size if not self._parts else super().rows()

    def read(self, key: str, seen: Callable[[str, Any], Any]) -> Any:
        if key != "F":
            return super().read(key, seen)
        if len(self._layers) != 1 or self._axis == 0:
            raise Misplaced(self._label, "holds several layers, and each has an F of its own", "ask about one layer")
        return self._layers[0].read(key, seen)

    def _drawn(self, name: str, mark: str, of: str) -> Any:
        if self._layers and self._axis == 0 and of == "samples":  # one row, whatever is stacked
            return self._layers[0]._drawn(name, mark, of)
        if self._layers and self._axis == 1 and of not in ("weight", "below", "input", "entry"):
            return joined([layer._drawn(name, mark, of) for layer in self._layers], 1)
        return super()._drawn(name, mark, of)

    def __getattr__(self, key: str) -> Any:
        if key in KINDS:
            return self.read(key, lambda name, value: value)
        if key == "a" and self._sources:
            return joined([layer.a for layer in self._sources], self._axis)
        if key == "delta" and self._terms:
            pairs = zip(self._terms, self._layers, strict=True)
            return joined([term.back(layer.delta) for term, layer in pairs], self._axis)
        if key == "partner":
            raise Misplaced(self._label, "holds several layers, and so has no partner", "ask about one layer")
        if key == "above" and len(self._layers) == 1:
            return self._layers[0].above
        if key == "e" and self is self._run.output and self._run.e is not None:
            return self._run.e
        if key in ("delta", "h", "a", "dphi", "phi", "target") and self._layers:
            return joined([getattr(layer, key) for layer in self._layers], self._axis)
        raise AttributeError(f"{self._label}, where several maps meet, has no {key!r}")


@dataclass(frozen=True, eq=False)
class Term:
    """A part of the sum that a layer is made of: a map or a wire from a layer, a bias, or a sum inside of the sum.

    A wire carries a layer as it is; or with its rows (`left`) and columns (`right`) mixed by fixed matrices, or its
    entries masked (`times`); or as one `side` of a `product` with another layer; or as what `free` nodes depend on. Of
    a sum inside it is not known before the end whether it is a layer, which it is where it goes to several places.
    """

    name: str = ""
    source: Any = None
    wire: Any = None
    left: Any = None
    right: Any = None
    times: Any = None
    product: Any = None
    side: int = 0
    free: Any = None
    bias: str = ""
    owner: str = ""
    inside: Any = None

    def back(self, delta: Any) -> Any:
        """What arrives at the source of a signal at the target."""
        if self.free is not None:
            return self.free.signal(self.source)
        if self.product is not None:
            return self.product.back(self.side, delta)
        delta = delta if self.times is None else delta * self.times
        delta = delta if self.left is None else self.left.mT @ delta
        return delta if self.right is None else delta @ self.right.mT

    def carried(self, value: Any) -> Any:
        """What a wire makes of a value."""
        value = value if self.times is None else value * self.times
        value = value if self.left is None else self.left @ value
        return value if self.right is None else value @ self.right


def stacked(run: Run, label: Any, outs: list[tuple[Term, Any]]) -> Uses:
    """Everything that a layer feeds, by terms and the layers that they are parts of."""
    terms, layers = [term for term, _ in outs], [layer for _, layer in outs]
    return Uses(run, str(label), [term.name or term.wire for term in terms], 0, layers=layers, terms=terms)


@dataclass(frozen=True, eq=False)
class Product:
    """The product of two layers, by @ or entry by entry, each of them turned (transposed) or not."""

    run: Any
    matrix: bool
    factors: tuple[tuple[Layer, bool], tuple[Layer, bool]]

    def back(self, side: int, delta: Any) -> Any:
        """What arrives at a factor: the other one takes part as what feedback makes of it."""
        other, turned = self.factors[1 - side]
        partner = self.run.stand_in(other)
        partner = partner.mT if turned else partner
        if not self.matrix:
            return (delta * partner).mT if self.factors[side][1] else delta * partner
        found = partner.mT @ delta if side else delta @ partner.mT
        return found.mT if self.factors[side][1] else found

    def of(self, value: Callable[[Layer], Any]) -> Any:
        """The product of what `value` makes of both."""
        left, right = (value(layer).mT if turned else value(layer) for layer, turned in self.factors)
        return left @ right if self.matrix else left * right


def flat(terms: list[Term]) -> list[Term]:
    """The sum without sums inside."""
    found: list[Term] = []
    for term in terms:
        if term.inside is None:
            found.append(term)
        elif term.inside._made is None:
            found += flat(term.inside._terms)
        else:
            found.append(Term(source=term.inside._made, wire=Wire(term.inside._dims[0])))
    return found
