"""Figures that belong to claims: small flows of the experiments, drawn for a report in a second or two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any

from .looking import followed
from .plots import convergence, drift
from .poster_conservation import problem_of
from .poster_convergence import problems

DIGITS, SEED = 20, 0


def illustrations(claims: Iterable[str]) -> Iterator[tuple[str, Any, str]]:
    """(claim, drawing, caption) of each claim that has a figure.

    Raises: Misuse without matplotlib.
    """
    wanted = set(claims)
    if "RK-T1" in wanted:
        path = followed(problem_of(SEED, "relu"), Fraction(2), DIGITS)
        caption = f"Theorem 1 along one flow, seed {SEED}: drift beside the noise floor, and the gate violation."
        yield "RK-T1", drift(path), caption + " Evidence, not a proof."
    if "RK-T2-minnorm" in wanted:
        path = followed(next(iter(problems(SEED, deeper=False).values())), Fraction(2), DIGITS)
        caption = f"A start in the span of the samples, seed {SEED}: the residual and the rate that is predicted."
        yield "RK-T2-minnorm", convergence(path), caption + " Evidence, not a proof."
