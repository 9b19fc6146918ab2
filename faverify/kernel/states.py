"""Layers as laws read them: as they are, as they were at the start, as one step changes them; what a law says there."""

from __future__ import annotations

from typing import Any

from ..errors import LawError, Undecidable, called, name_of
from .blocks import Blocks, Wire
from .layers import KINDS, Layer, Uses, set_values
from .passes import Run
from .wiring import Group, places
from .words import Word, WordCarrier, derivative, symbols


class State:
    """A layer as a law sees it: its parameters, now and at the start, its constants, and the layers above."""

    __slots__ = ("_layer",)

    def __init__(self, layer: Any) -> None:
        self._layer = layer

    def __getattr__(self, key: str) -> Any:
        if key == "above":
            above = self._layer.fed
            return None if above is None else self._at(above)
        if key == "partner":
            return self._at(self._layer.partner)
        if key == "start":
            return Start(self._layer)
        if key in KINDS:
            return self._layer.read(key, self._seen)
        if key not in ("index", "name", "constant"):
            readable = f"{', '.join(KINDS)}, constant, start, index, name, above and partner"
            raise AttributeError(f"a law reads {readable} of a layer, not {key!r}")
        return getattr(self._layer, key)

    def _at(self, layer: Any) -> State:
        """Another layer, seen alike."""
        return type(self)(layer)

    def _seen(self, name: str, value: Any) -> Any:
        return value


class Start:
    """The parameters of a layer as they were at the start: letters that do not move."""

    __slots__ = ("_layer",)

    def __init__(self, layer: Layer) -> None:
        self._layer = layer

    def __getattr__(self, key: str) -> Any:
        if key not in KINDS:
            raise AttributeError(f"at the start a law reads {', '.join(KINDS)} of a layer, not {key!r}")
        run = self._layer._run
        return self._layer.read(key, lambda name, value: run.once(f"{name}(0)", *value._dims))


class Moving(State):
    """A layer as a law sees it, with what moves its parameters, by name."""

    __slots__ = ("_steps",)

    def __init__(self, layer: Layer, steps: dict[str, Any]) -> None:
        super().__init__(layer)
        self._steps = steps

    def _at(self, layer: Any) -> State:
        return type(self)(layer, self._steps)


class Increments(Moving):
    """A layer as a claim about one step sees it: Δ in the place of every parameter that moves, 0 of the others."""

    __slots__ = ()

    def _seen(self, name: str, value: Any) -> Any:
        return self._steps.get(name, value * 0)


def value_of(law: Any, run: Run, state: State) -> Any:
    """Q at a layer: what the law's formula returns, as a value of the carrier; at a group, summed over its classes."""
    if isinstance(state._layer, Group):
        parts = [value_of(law, run, state._at(part)) * factor for factor, part in state._layer.parts]
        return sum(parts[1:], parts[0])
    found = called(law, "formula", state, state.above)
    if both := symbols & run.parameters.keys():  # one letter: the constant would move as the map does
        what = f"was read where a parameter and a map are both called {min(both)!r}"
        raise LawError(name_of(law), what, "give one of them another name")
    if isinstance(found, Blocks):  # it vanishes iff its inner product with every constant matrix does
        names = [f"C_{{{state._layer._label},{k}}}°" for k in range(1, 1 + len(found.parts))]
        pairs = [(name, part) for name, part in zip(names, found.parts, strict=True) if not isinstance(part, Wire)]
        found = sum((part.inner(run.once(name, *part._dims)) for name, part in pairs), 0)
    if not hasattr(found, "_dims") or (isinstance(found, Word) and not isinstance(run.carrier, WordCarrier)):
        if found is None or isinstance(found, (tuple, list, dict, str, bool)):
            remedy = "return a number, a column or a matrix made of the layers' W, b, B and F"
            raise LawError(name_of(law), f"returned {type(found).__name__}", remedy)
        found = run.carrier.zeros(1, 1) + found
    return found


def place(run: Run, law: Any, layer: Any) -> Any:
    """A layer counted from 0, or by its label in a network that is no chain."""
    return run.layers[layer] if isinstance(layer, int) else places(run, law)[layer]


def lettered(run: Run, known: Any) -> Any:
    """A place of an outline, where a law reads letters of another run."""
    if isinstance(known, Group):
        return Group(known._label, [(factor, lettered(run, part)) for factor, part in known.parts], known.layers)
    found = Uses(run, str(known._label), known._parts, 1, size=known.rows())
    set_values(found, fed=Uses(run, str(known._label), known.fed._parts, 0, size=known.rows()))
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
