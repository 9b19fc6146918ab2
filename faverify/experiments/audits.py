"""An audit: what the theorems guarantee about a problem of one's own, what they do not, and what to change.

Method. Hypotheses are decided exactly over ℚ (`hypotheses`, `theorems`); what follows from those that hold is written
with its numbers; changes are made and audited again before they are suggested (`suggestions`); the limit of a
two-layer linear flow with one output is enclosed (`destinations`). Nothing is integrated to be looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..errors import whole_number
from ..flows.enclosure import FEWEST, MOST
from ..flows.problems import FlowProblem, check_problem
from ..model.names import kebab, marked
from .destinations import GUARD, Destination, destination
from .findings import GOALS, Finding, Hypothesis
from .hypotheses import Case, examine
from .suggestions import Suggestion, suggestions

BUDGET = 1000  # steps of the enclosure that leads to a limit
SCOPE = "this one problem, its flow in continuous time from the given start; discrete steps are another matter"
LISTED = 6  # entries of a matrix that are named


@dataclass(frozen=True)
class Audit:
    """What is guaranteed of a problem, and what is not.

    `hypotheses`, each with `holds`; `guarantees`; `not_guaranteed`; `suggestions`, each with a `problem` in which it is
    made; `limit`, a `Destination` or None; `floats`, the entries that were given as floats, by matrix.
    """

    problem: FlowProblem
    digits: int
    hypotheses: tuple[Hypothesis, ...]
    guarantees: tuple[Finding, ...]
    not_guaranteed: tuple[Finding, ...]
    suggestions: tuple[Suggestion, ...]
    limit: Destination | None
    floats: dict[str, list[tuple[int, int]]]

    @property
    def reached(self) -> tuple[str, ...]:
        """The goals that are guaranteed: alignment, descent, rate, convergence, minimum norm."""
        found = {finding.goal for finding in self.guarantees}
        return tuple(goal for goal in GOALS if goal in found and goal not in self.unreached)

    @property
    def unreached(self) -> tuple[str, ...]:
        """The goals that the theorems speak of for this kind of network, and that are not guaranteed."""
        found = {finding.goal for finding in self.not_guaranteed}
        return tuple(goal for goal in GOALS if goal in found)

    @property
    def holds(self) -> bool | None:
        """True if every goal is guaranteed, False if one is not, None if all that is open is the limit."""
        if self.unreached or not self.reached:
            return False
        return None if self.limit is not None and self.limit.status == "undecided" else True

    def guarantee(self, name: str) -> Finding | None:
        """The guarantee of a claim's id, if there is one."""
        return next((found for found in self.guarantees if found.id == name), None)

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        net = self.problem.net
        about = {"widths": list(net.widths), "activation": net.activation.name, "bias": net.bias}
        about |= {"rule": kebab(type(self.problem.rule).__name__), "samples": self.problem.samples}
        record: dict[str, Any] = {"schema": 1, "kind": "audit", "digits": self.digits, "scope": SCOPE}
        record |= {"problem": about, "holds": self.holds}
        record |= {"reached": list(self.reached), "unreached": list(self.unreached)}
        record["floats"] = {name: [list(place) for place in places] for name, places in self.floats.items()}
        for name in ("hypotheses", "guarantees", "not_guaranteed", "suggestions"):
            record[name] = [found.to_dict() for found in getattr(self, name)]
        record["limit"] = None if self.limit is None else self.limit.to_dict()
        return record

    def __repr__(self) -> str:
        return f"<audit: guaranteed {', '.join(self.reached) or 'nothing'}; not {', '.join(self.unreached) or 'open'}>"

    def __str__(self) -> str:
        net, samples = self.problem.net, self.problem.samples
        widths = "-".join(map(str, net.widths))
        rule = kebab(type(self.problem.rule).__name__)
        biases = ", trained biases" if net.bias else ""
        count = f"{samples} sample{'s' * (samples != 1)}"
        lines = [f"Audit of {widths}, φ = {net.activation.name}{biases}, {rule}, {count}"]
        lines += [f"  {text}" for text in self._about_floats()]
        lines += ["Hypotheses", *(line for h in self.hypotheses for line in h.lines("✓" if h.holds else "✗"))]
        lines += ["Guaranteed", *(line for found in self.guarantees for line in found.lines("•"))]
        lines += ["  nothing"] * (not self.guarantees)
        lines += ["Not guaranteed", *(line for found in self.not_guaranteed for line in found.lines("•"))]
        if self.suggestions:
            lines += ["What to change (each was made, and audited again)"]
            lines += [line for found in self.suggestions for line in found.lines()]
        elif self.unreached:
            lines += ["What to change", "  no change of the start that was tried reaches more"]
        if self.limit is not None:
            lines += ["Limit", *self.limit.lines()]
        return "\n".join([*lines, f"Scope: {SCOPE}."])

    def _about_floats(self) -> Iterator[str]:
        for name, places in self.floats.items():
            shown = ", ".join(f"[{i},{j}]" for i, j in places[:LISTED]) + ", …" * (len(places) > LISTED)
            yield f"floats of {name}, read as their exact binary values: {shown}"


def audit(problem: FlowProblem, *, digits: int = 50, budget: int = BUDGET) -> Audit:
    """Which theorems apply to a problem as it stands, with their numbers, and which start would make more apply.

    Units: `digits` are those of decimal numbers, and of the limit; `budget` bounds the steps of the enclosure that
    leads to a limit. A float stands for its exact binary value.

    Returns: an `Audit`; `print` it for a report, `to_dict()` for a record.

    Raises: Misuse where `problem` is no FlowProblem, `digits` is out of range or the feedback is not given.

    Scope: chains under feedback alignment (FA), direct feedback alignment (DFA) in the last hidden layer; the limit for
    two linear layers with one output. All of it is about the flow: see RK-C1-discrete for steps.

    Algorithm: exact linear algebra over ℚ, pivots for inequalities between matrices; `fv.enclose_limit` for the limit.

    References: Robertson & Koyejo 2023, Theorems 1 and 2, as repaired.

    Examples
    --------
    >>> import faverify as fv
    >>> problem = fv.FlowProblem(fv.MLP((2, 2, 1), "linear"), fv.rules.FeedbackAlignment(), feedback=[[[1, 1]]],
    ...     weights=[[[1, "1/2"], [0, "-1/2"]], [[1, 1]]], inputs=[[1], [0]], targets=[["13/2"]])
    >>> found = fv.audit(problem)
    >>> [str(value) for value in found.limit.w], found.unreached
    (['13/2', '1/2'], ('minimum norm',))
    """
    check_problem(problem)
    digits, budget = whole_number("digits", digits, FEWEST, MOST - GUARD), whole_number("budget", budget, 1)
    case = Case(problem)
    found = examine(case, digits)
    return Audit(
        problem,
        digits,
        tuple(found.hypotheses),
        tuple(found.guarantees),
        tuple(found.missing),
        tuple(suggestions(case, found)),
        destination(case, digits, budget),
        floats_of(problem),
    )


def floats_of(problem: FlowProblem) -> dict[str, list[tuple[int, int]]]:
    """Where floats were given: rows and columns, from 0, by the name of the matrix."""
    depth = problem.net.depth
    letter = "F" if "F1" in problem.data else "B"
    names = {
        "weights": [f"W{k}" for k in range(1, depth + 1)],
        "feedback": [f"{letter}{k}" for k in (range(2, depth + 1) if letter == "B" else range(1, depth))],
        "biases": [f"b{k}" for k in range(1, depth + 1)],
    }
    parts: dict[str, Any] = {"inputs": problem.inputs, "targets": problem.targets}
    for group, listed in names.items():
        given = getattr(problem, group)
        if isinstance(given, Mapping):
            parts |= {marked(name): value for name, value in given.items()}
        elif given is not None:
            parts |= dict(zip(listed, given, strict=False))
    found = {name: list(places(value)) for name, value in parts.items() if value is not None}
    return {name: where for name, where in found.items() if where}


def places(value: Any) -> Iterator[tuple[int, int]]:
    rows = value.tolist() if hasattr(value, "tolist") else value
    for i, row in enumerate(rows):
        for j, entry in enumerate(row if isinstance(row, (list, tuple)) else [row]):
            exact = isinstance(entry, (int, Fraction, str)) or hasattr(entry, "q") or hasattr(entry, "numerator")
            if isinstance(entry, float) or not exact:
                yield i, j
