"""How a trial looks at a path: where, beside which noise, and when what it sees says anything.

Every trial of a theorem about trajectories measures its statement at the start of each step of the path, at three times
inside of it and at the end; numbers are compared with the path's noise floor, the drift of what no rule can change.
Beside the statement it measures a *control*, one that is false: a trial that could not see it fail says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any

import mpmath

from ..flows.evidence import working
from ..flows.integrate import flow, places
from ..flows.paths import mpf_array, real
from ..flows.problems import FlowProblem
from ..flows.programs import Node, Program
from ..proving.witnesses import array

FLOOR = 1000  # times the noise floor: a drift below it is noise
MOVED = 10**6  # times the noise floor: a trajectory that moved less shows nothing
SPARE = 15  # digits that comparisons are made with, beyond those of the path


def followed(
    problem: Any, end: Fraction, digits: int, integrands: Callable[[Program], dict[str, Node]] | None = None
) -> Any:
    """The path of a problem, with its noise floor; where several go on, one of them."""
    return flow(problem, working(problem, integrands), end, places(digits), follow=True)


def moments(path: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
    """(t, what moves by name): mpf and object arrays of mpf, at the path's full precision."""
    for t in path.times():
        yield real(t), {name: mpf_array(rows, path.digits) for name, rows in path.fractions(t).items()}


def reals(rows: Any) -> Any:
    """A rational matrix in mpmath's precision of the moment."""
    return array([[real(Fraction(value)) for value in row] for row in rows])


def precise(digits: int) -> Any:
    """mpmath's precision for comparisons along a path of so many digits."""
    return mpmath.workdps(digits + SPARE)


def eigenvalues(a: Any) -> list[Any]:
    """Of a symmetric matrix of mpf, ascending, in mpmath's precision of the moment."""
    return sorted(mpmath.eigsy(mpmath.matrix(a.tolist()), eigvals_only=True))


def climb(values: Iterable[Any]) -> Any:
    """The greatest rise above an earlier value; 0 or less only where every value is below all before it."""
    found, least = -mpmath.inf, mpmath.inf
    for value in values:
        found, least = max(found, value - least), min(least, value)
    return found


def noise(path: Any) -> Any:
    """What is taken for rounding along a path: 1,000 times its noise floor."""
    return FLOOR * path.noise_floor


def together(parts: Iterable[bool | None]) -> bool | None:
    """What all parts hold: False if one does not; None if none fails and one shows nothing."""
    found = list(parts)
    return False if False in found else None if None in found else True


def telling(path: Any, end: Fraction) -> bool:
    """Whether a path went all the way, moved far more than rounding does, and kept its gates."""
    much = MOVED * path.noise_floor
    through = path.status in ("ok", "nonunique") and Fraction(path._case.end) == end
    return bool(through and path.moved > much and path.gate_violation <= much)


def record(
    problem: Any,
    digits: int,
    path: Any,
    end: Fraction,
    holds: bool,
    control: dict[str, Any] | None,
    measures: dict[str, Any],
) -> dict[str, Any]:
    """The record of a trial, its case aside.

    `control["violated"]`: whether the false statement was seen to fail; None where here it could not, and then nothing
    is decided.
    """
    decided = telling(path, end) and (control is None or control["violated"] is not None)
    verdict = bool(holds) if decided else None
    found = {"status": path.status, "holds": verdict, "widths": list(problem.net.widths), "samples": problem.samples}
    found |= {"activation": problem.net.activation.name, "events": len(path.events), "steps": path.steps}
    numbers = {**measures, "noise_floor": path.noise_floor}
    found["measures"] = {name: mpmath.nstr(value, 6) for name, value in numbers.items()}
    found["moved"] = mpmath.nstr(path.moved, 6)
    if control is not None:
        found["control"] = {n: v if v is None or isinstance(v, bool) else mpmath.nstr(v, 6) for n, v in control.items()}
    if not verdict:
        found["example"] = problem.to_dict() | {"digits": digits}
    return found


def read(example: dict[str, Any]) -> tuple[Any, int]:
    """The problem and the digits of a case that was written out."""
    return FlowProblem.from_dict(example), int(example["digits"])
