"""How the layers of a recorded network hang together: what each feeds, and which are tied to one another.

*Wires* carry values without a weight. Layers are *tied* that wires join, or into which one map leads twice, or from
which one map is fed twice. Along a tied group the flux ⟨signal, value⟩ is conserved but for the maps that lead into it
and out of it, unless the input, the output or a free node belongs to it: so laws are stated of groups. At a product the
flux of its value arrives at both factors: groups that meet there take part with factors c, and c of the product is the
sum of those of its factors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

from .layers import Layer, Term, Uses, set_values
from .passes import Run


def reach(layer: Layer) -> list[str]:
    """The maps that read a layer, or a sum that it is part of."""
    found: list[str] = []
    for term, target in layer._outs:
        if term.name:
            found.append(term.name)
        elif target.plain and term.product is None and term.free is None:
            found += reach(target)
    return list(dict.fromkeys(found))


def products(layer: Layer) -> Iterator[tuple[Term, Layer]]:
    """The products that a layer takes part in, over wires."""
    for term, target in layer._outs:
        if term.product is not None:
            yield term, target
        elif not term.name and term.free is None and target.plain:
            yield from products(target)


def origins(layer: Layer) -> list[str]:
    """The maps into a layer, or into what it is a sum of."""
    found = list(layer._parts) if layer._place is not None else []
    for term in layer._terms if layer._place is not None and layer.plain else ():
        if term.source is not None and not term.name and term.product is None and term.free is None:
            found += origins(term.source)
    return list(dict.fromkeys(found))


def hidden(run: Run) -> dict[Any, Any]:
    """The layers that a law can be about, by their labels: those with maps, that go to others."""
    found = {}
    for layer in run.layers:
        if layer._parts and layer._outs:
            names = [term.name for term, _ in layer._outs]
            if not all(names) or len(set(names)) < len(names):
                maps, size = reach(layer), layer.h._dims[0]
                others = [origins(term.product.factors[1 - term.side][0]) for term, _ in products(layer)]
                partners = list(dict.fromkeys(name for names in others for name in names))
                set_values(layer, _fed=Uses(run, str(layer._label), maps, 0, size=size))
                if partners:
                    set_values(layer, _partners=Uses(run, f"partner of {layer._label}", partners, 1))
            found[layer._label] = layer
    return found


class Group:
    """Tied layers, each class of them with its factor: what a law says is summed over the classes."""

    def __init__(self, label: str, parts: list[tuple[Any, Uses]], layers: dict[int, Any]) -> None:
        self._label, self.parts, self.layers = label, parts, layers  # layers: the factor of each, by its id


def groups(run: Run, inputs: bool = False) -> dict[str, Group]:
    """The tied groups that are closed, but perhaps for inputs, by a label made of the maps into them."""
    everything = [*run.inputs, *run.layers]
    parent: dict[int, Any] = {id(layer): layer for layer in everything}

    def root(layer: Any) -> int:
        while parent[id(layer)] is not layer:
            layer = parent[id(layer)]
        return id(layer)

    def tie(layers: Iterable[Any]) -> None:
        first, *rest = layers
        for layer in rest:
            parent[root(layer)] = parent[root(first)]

    uses = run.uses()
    for pairs in uses.values():
        tie(below for below, _ in pairs)
        tie(layer for _, layer in pairs)
    open_ends = [*(() if inputs else run.inputs), *run.outs]
    meetings = []
    for layer in run.layers:
        for term in layer._terms:
            if term.free is not None:
                open_ends += [term.source, layer]
            elif term.product is not None and term.side == 0:
                meetings.append((layer, *(factor for factor, _ in term.product.factors)))
            elif term.wire is not None and term.product is None:
                tie((term.source, layer))
    classes: dict[int, list[Any]] = {}
    for layer in everything:
        classes.setdefault(root(layer), []).append(layer)
    into: dict[int, list[str]] = {key: [] for key in classes}
    out: dict[int, list[str]] = {key: [] for key in classes}
    for name, pairs in uses.items():
        into[root(pairs[0][1])].append(name)
        out[root(pairs[0][0])].append(name)
    shut = {root(layer) for layer in open_ends}
    rows = []
    for product, left, right in meetings:
        row: dict[int, Any] = {}
        for layer, sign in ((product, 1), (left, -1), (right, -1)):
            if root(layer) not in shut:
                row[root(layer)] = row.get(root(layer), 0) + sign
        rows.append(row)
    found = {}
    for factors in kernel(rows, [key for key in classes if key not in shut]):
        parts = []
        for key, factor in factors.items():
            if into[key] or out[key]:
                size = classes[key][0].a._dims[0]
                group = Uses(run, "+".join(into[key]) or f"to {'+'.join(out[key])}", into[key], 1, size=size)
                set_values(group, fed=Uses(run, group._label, out[key], 0, size=size))
                parts.append((factor, group))
        if any(group._parts for _, group in parts) and (len(parts) > 1 or parts[0][1].fed._parts):
            layers = {id(layer): factor for key, factor in factors.items() for layer in classes[key]}
            label = _label(parts)
            found[label] = Group(label, parts, layers)
    return found


def _label(parts: list[tuple[Any, Uses]]) -> str:
    if len(parts) == 1:
        return str(parts[0][1]._label)
    signs = [("− " if factor < 0 else "+ ") + ("" if abs(factor) == 1 else f"{abs(factor)} ") for factor, _ in parts]
    text = " ".join(f"{sign}({group._label})" for sign, (_, group) in zip(signs, parts, strict=True))
    return text.removeprefix("+ ")


def kernel(rows: list[dict[int, Any]], keys: list[int]) -> Iterator[dict[int, Any]]:
    """A basis of the factors that solve every row = 0, each as the keys where it is not 0."""
    pivots: dict[int, dict[int, Any]] = {}

    def minus(row: dict[int, Any], times: Any, other: dict[int, Any]) -> dict[int, Any]:
        found = {key: row.get(key, 0) - times * other.get(key, 0) for key in row | other}
        return {key: entry for key, entry in found.items() if entry}

    for row in rows:
        left = {key: Fraction(entry) for key, entry in row.items() if entry}
        for key, pivot in pivots.items():
            left = minus(left, left.get(key, 0), pivot)
        if left:
            first = next(key for key in keys if key in left)
            left = {key: entry / left[first] for key, entry in left.items()}
            pivots = {key: minus(old, old.get(first, 0), left) for key, old in pivots.items()} | {first: left}
    for free in (key for key in keys if key not in pivots):
        solved = {key: -pivot[free] for key, pivot in pivots.items() if free in pivot} | {free: Fraction(1)}
        ordered = {key: solved[key] for key in keys if key in solved} if pivots else solved
        first = next(iter(ordered.values()))
        yield {key: entry / first for key, entry in ordered.items()}


def places(run: Run, law: Any) -> dict[Any, Any]:
    """Where a law is to hold: at every hidden layer, or at every group."""
    key = getattr(law, "grouped", "")
    if key not in run.places:
        run.places[key] = groups(run, key == "open") if key else hidden(run)
    found: dict[Any, Any] = run.places[key]
    return found
