"""Derivations in networks that are no chains: the balance of charges and currents at a layer, as the proof drew it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ..kernel.cuts import residuals
from ..kernel.questions import Question, laid_out
from ..kernel.stars import Stars, maps_from
from ..kernel.wiring import Group, places
from ..kernel.words import Word, WordCarrier
from .letters import matrix_lines
from .notation import latex_name, text_name

Line = tuple[str, str, str]


def star_lines(question: Question) -> Iterator[tuple[str, list[Line]]]:
    """A heading for the law and for each layer whose structure is new, and the lines under it."""
    net = question.net.of(2) if getattr(question.net, "blocks", 1) is None else question.net
    outline = laid_out(replace(question, net=net))
    stars = Stars(question, outline, question.run(net, WordCarrier(question.squares)))
    place = places(outline, question.law)[question.layer]
    grouped = isinstance(place, Group)
    stars.left(place)
    lines: list[Line] = []
    classes = place.parts if grouped else [(1, place)]
    for factor, part in classes:
        out = part.fed._parts if grouped else maps_from(place)
        value = stars.law_of(part._parts, out, part.rows())
        reason = "definition of the law" if factor == 1 else f"a part of the law, taken {factor} times"
        lines.append((reason, *_equal("Q" if len(classes) == 1 else f"Q_{{{part._label}}}", value)))
    yield f"{'Group' if grouped else 'Layer'} {question.layer}", lines
    for layer in [k for k in outline.layers if id(k) in place.layers] if grouped else [place]:
        if layer._label in stars.shown:
            balance = list(_balance(stars, layer, grouped))
            yield f"At layer {layer._label}, and wherever the network looks alike", balance
    if grouped:
        text = "the sum over the layers: every current that leaves a layer enters another one"
        yield "Hence", [(text, "dQ/dt = 0", r"\frac{dQ}{dt} = 0")]


def _balance(stars: Stars, layer: Any, grouped: bool) -> Iterator[Line]:
    seen, delta = stars.shown[layer._label]
    label = layer._label
    yield ("forward pass", *_equal(f"h_{{{label}}}", seen.h))
    if not layer.plain:
        yield ("activation", *_equal(f"a_{{{label}}}", seen.a))
    yield ("the rule's error", *_equal(f"δ_{{{label}}}", delta))
    charges, currents = stars.star(layer, grouped)
    yield ("what the maps at the layer bring to dQ/dt", *_equal("charges", charges))
    if grouped:
        yield ("what wires and products carry", *_equal("currents", currents * stars.scale))
    yield ("equal terms cancel", *_equal("the sum", charges + currents * stars.scale))


def whole_lines(question: Question) -> Iterator[tuple[str, list[Line]]]:
    """The law, and its rate as the whole network makes it."""
    word = residuals(question, question.net, [question.layer], question.squares, twice=False)[question.layer]
    kind = "Group" if question.law.grouped else "Layer"
    lines: list[Line] = [("definition of the law", *_equal("Q", word.value))]
    lines.append(("product rule, forward and back", *_equal("dQ/dt", word)))
    yield f"{kind} {question.layer}", lines


def _equal(name: str, word: Word) -> tuple[str, str]:
    text, latex = matrix_lines(word)
    plain_name = name in ("charges", "currents", "the sum")
    left = rf"\text{{{name}}}" if plain_name else r"\frac{dQ}{dt}" if name == "dQ/dt" else latex_name(name)
    return f"{name if plain_name or '/' in name else text_name(name)} = {text}", f"{left} = {latex}"
