"""Proved, Refuted, Undecided, and the scope they speak of. Only this folder constructs `Proved`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ..presenting import Presentable


@dataclass(frozen=True)
class Scope:
    """What a verdict speaks of: one string a quantifier."""

    layers: str
    widths: str
    depths: str
    batch: str
    loss: str
    activations: str
    gates: str
    feedback: str
    biases: str = "none"
    time: str = "wherever the flow exists"
    parameters: str = "none"
    assumptions: str = "none"

    def items(self) -> list[tuple[str, str]]:
        return [(f.name, getattr(self, f.name)) for f in fields(self)]


@dataclass(frozen=True, eq=False)
class Verdict(Presentable):
    """Whether a law holds along a rule's flow; `layers`: the verdict of each; `tried`: what stopped each prover."""

    law: str
    rule: str
    statement: str
    scope: Scope
    how: str
    layers: Mapping[Any, Verdict] = field(default_factory=dict)
    tried: tuple[str, ...] = ()
    note: str = ""
    witness: Any = None
    question: Any = None  # law, rule, network and layer as objects, for derivations
    found: Any = None  # the finding of a verdict that was read from a record


class Proved(Verdict):
    """The law holds, for everything in the scope, by exact algebra."""


class Refuted(Verdict):
    """The law fails: `witness` holds rational data, within the scope, at which its rate is not what was claimed."""


class Undecided(Verdict):
    """Neither was reached: `tried` says what was tried and why each attempt stopped."""
