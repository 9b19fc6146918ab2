"""Theorem 1 at random cases: its law beside the noise floor, along flows with events and sliding modes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..model.laws import neuron_feedback_balance
from ..model.rules import FeedbackAlignment
from .looking import followed, noise, read, record
from .random_problems import random_chain
from .trials import generator

TIME = Fraction(2)
ACTIVATIONS = ("relu", "relu", "leaky-relu-1/10", "abs", "linear")


def conserved(case: int, seed: int, digits: int) -> dict[str, Any]:
    """RK-T1 at one random chain (`random_chain`; ReLU twice as often as leaky ReLU, abs and linear), t = 2."""
    draw = generator(seed, case)
    activation = ACTIVATIONS[int(draw.integers(len(ACTIVATIONS)))]
    return {"case": case, **shown(random_chain(draw, FeedbackAlignment(), activation), digits)}


def shown(problem: Any, digits: int) -> dict[str, Any]:
    """What the path of a problem shows of the law, per neuron and so per layer."""
    path = followed(problem, TIME, digits)
    drift = path.drift(neuron_feedback_balance)
    measures = {"drift": drift, "noise_floor": path.noise_floor, "gate_violation": path.gate_violation}
    return record(problem, digits, path, TIME, drift <= noise(path), None, measures)


def again(example: dict[str, Any]) -> dict[str, Any]:
    return shown(*read(example))
