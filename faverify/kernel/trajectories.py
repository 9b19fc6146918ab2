"""Verdicts of one trajectory: what rigorous enclosures prove, which is less than algebra does, and says so."""

from __future__ import annotations

from typing import Any

from .verdicts import Proved, Scope, Undecided, Verdict


def enclosed(rule: str, statements: tuple[str, ...], scope: Scope, witness: Any) -> Verdict:
    """What balls prove of one concrete trajectory: Proved where they prove something, Undecided where they do not.

    The scope must name the network by its widths and one time: nothing beyond that trajectory is spoken of.
    """
    if not scope.widths.replace(", ", "").isdigit() or not scope.batch.isdigit():
        raise ValueError(f"an enclosure is of one network and its samples, not of {scope.widths}, {scope.batch}")
    if not statements:
        return Undecided("trajectory", rule, "what balls prove of this trajectory", scope, "balls", witness=witness)
    return Proved("trajectory", rule, "; ".join(statements), scope, "balls, for this one trajectory", witness=witness)
