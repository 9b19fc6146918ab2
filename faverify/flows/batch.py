"""Thousands of cases at once, in float64: stacks of problems of one shape take their steps together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Misuse
from .corners import Germs
from .engines import FloatEngine
from .floats import to_float
from .integrate import BUDGET, FLOAT, length, limit, one_thread, order_for
from .layouts import Layout
from .paths import Event, ending, events_of
from .problems import FlowProblem
from .programs import Program
from .recorders import recorded
from .settling import Case
from .starting import start_signs
from .stepping import Stepper

Array = NDArray[np.float64]
TOGETHER = 512  # cases in one stack: more gain nothing, and cost memory


@dataclass(frozen=True)
class Outcome:
    """How one case went: see `Path`, whose words these are; values at the end alone."""

    problem: FlowProblem
    status: str
    note: str
    t_end: float
    weights: list[Array]
    parameters: dict[str, Array]
    events: tuple[Event, ...]
    gate_violation: float
    steps: int


@dataclass(frozen=True)
class Batch:
    """The outcomes of many cases, in the order of the problems."""

    outcomes: tuple[Outcome, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many cases ended with each status."""
        return dict(Counter(outcome.status for outcome in self.outcomes).most_common())

    def __len__(self) -> int:
        return len(self.outcomes)

    def __getitem__(self, index: int) -> Outcome:
        return self.outcomes[index]

    @property
    def gate_violation(self) -> float:
        """The greatest of any case."""
        return max((outcome.gate_violation for outcome in self.outcomes), default=0.0)

    def __str__(self) -> str:
        said = ", ".join(f"{count} {status}" for status, count in self.counts.items())
        return f"{len(self)} cases: {said}; greatest gate violation {self.gate_violation:.1e}"

    def to_dict(self) -> dict[str, Any]:
        return {"schema": 1, "cases": len(self), "counts": self.counts, "gate_violation": self.gate_violation}


def integrate_many(
    problems: Iterable[FlowProblem],
    t: Any,
    *,
    on_nonunique: str = "stop",
    budget: int = BUDGET,
    progress: Callable[[int, int], None] | None = None,
) -> Batch:
    """The flows of many problems from 0 to t, in float64; those of one shape and rule are integrated together.

    Every case has its own steps, events and sliding modes; none is dropped: `counts` has each status. Where a
    solution is not unique the case stops with that status; with `on_nonunique="follow"` it goes on along one.

    Raises: Misuse. A single problem is integrated to more digits by `integrate`.

    Examples
    --------
    >>> import faverify as fv
    >>> net, rule = fv.MLP((1, 1, 1)), fv.rules.FeedbackAlignment()
    >>> cases = [fv.FlowProblem(net, rule, weights=[[[w]], [[1]]], feedback=[[[1]]], inputs=[[1]], targets=[[0]])
    ...          for w in (1, 2, 3)]
    >>> fv.integrate_many(cases, 1).counts
    {'ok': 3}
    """
    if isinstance(problems, FlowProblem) or not isinstance(problems, Iterable):
        raise Misuse("problems", problems, "a list of fv.FlowProblem objects; fv.integrate takes one")
    cases, budget = list(problems), limit(budget)
    for case in cases:
        if not isinstance(case, FlowProblem):
            raise Misuse("problems", case, "fv.FlowProblem objects")
    if on_nonunique not in ("stop", "follow"):
        raise Misuse("on_nonunique", on_nonunique, "'stop' or 'follow'")
    end = length(t)
    found: list[Outcome | None] = [None] * len(cases)
    known = 0
    for rows in alike(cases):
        program = recorded(cases[rows[0]])
        for start in range(0, len(rows), TOGETHER):
            chosen = rows[start : start + TOGETHER]
            stacked = [cases[row] for row in chosen]
            for row, outcome in zip(
                chosen, stack(stacked, program, end, on_nonunique == "follow", budget), strict=True
            ):
                found[row] = outcome
            known += len(chosen)
            if progress is not None:
                progress(known, len(cases))
    return Batch(tuple(outcome for outcome in found if outcome is not None))


def alike(cases: Sequence[FlowProblem]) -> list[list[int]]:
    """The numbers of the cases of each kind: one network, rule, number of samples and error signal."""
    groups: dict[Any, list[int]] = {}
    for row, case in enumerate(cases):
        net = case.net
        names, phi = frozenset(case.data), kind_of(net.activation)
        try:
            hash(rule := case.rule)
        except TypeError:
            rule = id(case.rule)
        kind = (net.widths, phi, net.bias, case.samples, case.error, names, rule)
        groups.setdefault(kind, []).append(row)
    return list(groups.values())


def kind_of(activation: Any) -> Any:
    """What tells activations apart: the name of a library's, the functions of any other."""
    known = (activation.phi, activation.dphi, activation.kinks)
    return activation.name if activation.known else known


def stack(cases: list[FlowProblem], program: Program, end: Fraction, follow: bool, budget: int) -> list[Outcome]:
    """Cases of one kind, together."""
    order = order_for(FLOAT)
    with one_thread():
        engine = FloatEngine(program, order, len(cases))
        state = {}
        for name in program.leaves:
            rows = [program.start_of(name, case.data) for case in cases]
            state[name] = np.array([[[to_float(v) for v in row] for row in matrix] for matrix in rows])
        layout = Layout(program)
        stepper = Stepper(
            engine, lambda: FloatEngine(program, order, 1), Germs(program), state, float(end),
            keep=False, follow=follow, budget=budget, signs=lambda row: start_signs(program, layout, cases[row].data),
        )  # fmt: skip
        done = stepper.run()
    return [outcome_of(case, problem, stepper.layout) for case, problem in zip(done, cases, strict=True)]


def outcome_of(case: Case, problem: FlowProblem, layout: Any) -> Outcome:
    status, note = ending(case)
    values = {name: value[0] for name, value in case.final.items() if name not in "xy"}
    events = events_of(case, layout, FLOAT)
    weights = [values[f"W{k}"] for k in problem.net.labels]
    return Outcome(problem, status, note, float(case.end), weights, values, events, case.violation, case.steps)
