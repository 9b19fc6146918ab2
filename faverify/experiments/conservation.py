"""Theorem 1 at random cases: its law beside the noise floor, along flows with events and sliding modes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .trials import generator

TIME = Fraction(2)
ACTIVATIONS = ("relu", "relu", "leaky-relu-1/10", "abs", "linear")
FLOOR = 1000  # times the noise floor: a drift below it is noise
MOVED = 10**6  # times the noise floor: a trajectory that moved less shows nothing


def conserved(case: int, seed: int, digits: int) -> dict[str, Any]:
    """RK-T1 at one random chain (`random_chain`; ReLU twice as often as leaky ReLU, abs and linear), t = 2."""
    from ..model.rules import FeedbackAlignment
    from .random_problems import random_chain

    draw = generator(seed, case)
    activation = ACTIVATIONS[int(draw.integers(len(ACTIVATIONS)))]
    problem = random_chain(draw, FeedbackAlignment(), activation)
    return {"case": case, **shown(problem, digits)}


def shown(problem: Any, digits: int) -> dict[str, Any]:
    """What the path of a problem shows of the law, per neuron and so per layer."""
    import mpmath

    from ..flows.evidence import working
    from ..flows.integrate import flow, places
    from ..model.laws import neuron_feedback_balance

    path = flow(problem, working(problem), TIME, places(digits), follow=True)
    drift, floor = path.drift(neuron_feedback_balance), path.noise_floor
    through = path.status in ("ok", "nonunique") and path.t_end == int(TIME)
    telling = through and path.moved > MOVED * floor and path.gate_violation <= MOVED * floor
    holds = bool(drift <= FLOOR * floor) if telling else None
    record = {"status": path.status, "holds": holds, "widths": list(problem.net.widths), "samples": problem.samples}
    record |= {"activation": problem.net.activation.name, "events": len(path.events), "steps": path.steps}
    numbers = {"drift": drift, "noise_floor": floor, "gate_violation": path.gate_violation}
    record["measures"] = {name: mpmath.nstr(value, 6) for name, value in numbers.items()}
    record["moved"] = mpmath.nstr(path.moved, 6)
    if not holds:
        record["example"] = problem.to_dict() | {"digits": digits}
    return record


def again(example: dict[str, Any]) -> dict[str, Any]:
    """A case that was written out, run once more."""
    from ..flows.problems import FlowProblem

    return shown(FlowProblem.from_dict(example), int(example["digits"]))
