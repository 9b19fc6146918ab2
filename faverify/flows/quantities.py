"""A law along a flow: Q as nodes of a recorded program."""

from __future__ import annotations

from typing import Any

from ..errors import LawError, Misuse, Undecidable, name_of
from ..kernel.states import State, value_of
from ..kernel.wiring import places
from ..model.names import law_named
from .programs import Node, Program


def law_nodes(program: Program, law: Any, layer: int | None) -> list[Node]:
    """Q at the layers that are asked for, as nodes of the program.

    Raises: Misuse, LawError.
    """
    law, run = law_named(law), program.run
    found = places(run, law)
    if not found:
        raise Misuse("law", name_of(law), "a network with a hidden layer")
    labels = list(found)
    if layer is not None:
        asked = labels[-1] if layer == -1 else layer
        if asked not in labels:
            raise Misuse("layer", layer, f"one of {', '.join(map(str, labels))}, or −1 for the last")
        labels = [asked]
    nodes = []
    for label in labels:
        try:
            value = value_of(law, run, State(found[label]))
        except Undecidable as question:
            what = f"{question.line} asks for {question.question}"
            raise LawError(name_of(law), what, "write the law with @, *, .mT and the helpers of fv") from question
        nodes.append(program.plain(value))
    return nodes
