"""The conserved quantity along training, in flow and in steps, of linear and of ReLU networks.

Q_l = ½‖W_l‖² − ⟨W_{l+1}, B_{l+1}⟩. Along the flow its drift is rounding (Theorem 1), which says nothing unless its
terms moved and the gates were kept. In steps of any size its drift is ½ Σ ‖ΔW_l‖² (RK-T1-discrete), which is asserted
in rational arithmetic: an equality, never "small". Both per layer and per neuron.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath

from ..flows.paths import real
from ..flows.problems import FlowProblem
from ..flows.training import steps
from ..model.laws import feedback_balance
from ..model.networks import MLP
from ..model.rules import FeedbackAlignment
from .exact import array, norm2
from .looking import FLOOR, MOVED, followed, moments, precise, reals, telling, together
from .random_problems import rounded
from .trials import generator

WIDTHS, SAMPLES = (3, 4, 3, 1), 4
ACTIVATIONS = ("linear", "relu")
TIME = Fraction(3)
RATES = (Fraction(1, 64), Fraction(1, 8))
COUNT = 5  # steps: the numbers grow fivefold with each


@dataclass(frozen=True)
class FlowDrift:
    """Q along one flow. By layer: `drift` max |Q_l(t) − Q_l(0)| over all of [0, t], `neurons` the same per neuron at
    the moments `times`, `terms` max |½‖W_l(t)‖² − ½‖W_l(0)‖²|: how far what Q_l is made of moved. `curves`: |Q_l(t) −
    Q_l(0)| at those moments.
    """

    activation: str
    status: str
    events: int
    drift: dict[int, Any]
    neurons: dict[int, tuple[Any, ...]]
    terms: dict[int, Any]
    noise_floor: Any
    gate_violation: Any
    times: tuple[Any, ...]
    curves: dict[int, tuple[Any, ...]]
    telling: bool

    @property
    def holds(self) -> bool | None:
        """Whether every drift is rounding, below 1,000 noise floors; None where the path shows nothing."""
        if not self.telling or min(self.terms.values()) <= MOVED * self.noise_floor:
            return None
        numbers = [*self.drift.values(), *(v for values in self.neurons.values() for v in values)]
        return bool(max(numbers) <= FLOOR * self.noise_floor)

    def to_dict(self) -> dict[str, Any]:
        record = {"activation": self.activation, "status": self.status, "events": self.events, "holds": self.holds}
        for name in ("drift", "terms"):
            record[name] = {str(k): text(v) for k, v in getattr(self, name).items()}
        record["neuron_drift"] = {str(k): [text(v) for v in values] for k, values in self.neurons.items()}
        record |= {"noise_floor": text(self.noise_floor), "gate_violation": text(self.gate_violation)}
        curves = {str(k): [text(v) for v in values] for k, values in self.curves.items()}
        return record | {"times": [text(t) for t in self.times], "curves": curves}


@dataclass(frozen=True)
class StepDrift:
    """Q in exact steps of one size. By layer and step: `drift` Q_l(s) − Q_l(0), `half_squares` ½ Σ ‖ΔW_l‖² up to s;
    `neurons_equal`: whether the two agree for each neuron as well. All of them rational.
    """

    activation: str
    rate: Fraction
    drift: dict[int, tuple[Fraction, ...]]
    half_squares: dict[int, tuple[Fraction, ...]]
    neurons_equal: bool

    @property
    def holds(self) -> bool | None:
        """Whether drift and ½ Σ ‖ΔW_l‖² are the same rational numbers; None where a layer did not move."""
        if not all(values[-1] for values in self.half_squares.values()):
            return None
        return self.drift == self.half_squares and self.neurons_equal

    def to_dict(self) -> dict[str, Any]:
        record: dict[str, Any] = {"activation": self.activation, "rate": str(self.rate), "holds": self.holds}
        record |= {"layers_equal": self.drift == self.half_squares, "neurons_equal": self.neurons_equal}
        for name in ("drift", "half_squares"):
            record[name] = {str(k): [text(decimal(v)) for v in row] for k, row in getattr(self, name).items()}
        return record


@dataclass(frozen=True)
class Conservation:
    """What the experiment found: evidence, and no proof; `flows` and `trainings` for each activation and step size."""

    digits: int
    seed: int
    flows: tuple[FlowDrift, ...]
    trainings: tuple[StepDrift, ...]

    @property
    def holds(self) -> bool | None:
        """False if one part does not hold; None if none fails and one shows nothing."""
        return together([*(flow.holds for flow in self.flows), *(part.holds for part in self.trainings)])

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON; numbers are decimal strings."""
        record = {"schema": 1, "kind": "evidence", "experiment": "conservation", "holds": self.holds}
        record |= {"digits": self.digits, "seed": self.seed, "widths": list(WIDTHS), "samples": SAMPLES}
        flows, trainings = ([part.to_dict() for part in parts] for parts in (self.flows, self.trainings))
        return record | {"time": str(TIME), "flows": flows, "trainings": trainings}

    def __str__(self) -> str:
        net = f"{'-'.join(map(str, WIDTHS))}, {SAMPLES} samples, {self.digits} digits, seed {self.seed}"
        lines = [f"Q_l = ½‖W_l‖² − ⟨W_{{l+1}}, B_{{l+1}}⟩ under feedback alignment; {net} (evidence, not a proof)"]
        for flow in self.flows:
            each = ", ".join(f"layer {k}: {short(v)}" for k, v in flow.drift.items())
            neuron = max(v for values in flow.neurons.values() for v in values)
            lines.append(
                f"  flow, {flow.activation}, t = {TIME}: {said(flow.holds)}; drift {each}; a neuron {short(neuron)}"
            )
            lines.append(
                f"    beside: noise floor {short(flow.noise_floor)}, gate violation {short(flow.gate_violation)}, "
                f"{flow.events} events, ½‖W_l‖² moved by {', '.join(map(short, flow.terms.values()))}"
            )
        for part in self.trainings:
            ends = ", ".join(f"layer {k}: {short(decimal(v[-1]))}" for k, v in part.drift.items())
            lines.append(f"  {COUNT} steps, {part.activation}, η = {part.rate}: {said(part.holds)}; drift {ends}")
        lines.append("    which is ½ Σ ‖ΔW_l‖², per layer and per neuron, compared as rational numbers")
        return "\n".join(lines)

    def figure(self, path: Any) -> Any:
        """Draw it: drifts of the flow beside its noise floor, and of the steps on top of ½ Σ ‖ΔW_l‖²; SVG, PNG, PDF.

        Raises: Misuse without matplotlib.
        """
        from .figures import conservation_figure

        return conservation_figure(self, path)


def conservation(*, digits: int = 50, seed: int = 0) -> Conservation:
    """The conserved quantity of feedback alignment along training: in flow, and in discrete steps.

    Network 3-4-3-1, linear and ReLU with the same weights, feedback and data (normal, variance 1/n_{l−1}, rounded to
    multiples of 1/64) of the seed; the flow to t = 3, and 5 exact steps for each of two learning rates.

    Returns: a Conservation.

    References: Robertson & Koyejo 2023, Theorem 1; discrete steps: derived here, no source known.

    Examples
    --------
    >>> found = conservation(digits=20)
    >>> found.holds, [part.holds for part in found.trainings]
    (True, [True, True, True, True])
    """
    problems = [problem_of(seed, activation) for activation in ACTIVATIONS]
    flows = tuple(flow_drift(problem, digits) for problem in problems)
    return Conservation(digits, seed, flows, tuple(step_drift(p, eta) for p in problems for eta in RATES))


def problem_of(seed: int, activation: str) -> FlowProblem:
    draw = generator(seed, 0)
    shapes = [(n, m) for m, n in itertools.pairwise(WIDTHS)]
    weights, feedback = ([rounded(draw, n, m, m**-0.5) for n, m in shapes] for _ in range(2))
    parts: dict[str, Any] = {"weights": weights, "feedback": feedback[1:]}
    parts |= {"inputs": rounded(draw, WIDTHS[0], SAMPLES), "targets": rounded(draw, WIDTHS[-1], SAMPLES)}
    return FlowProblem(MLP(WIDTHS, activation), FeedbackAlignment(), **parts)


def flow_drift(problem: FlowProblem, digits: int) -> FlowDrift:
    """Q along the flow of a problem."""
    path = followed(problem, TIME, digits)
    layers = range(1, problem.net.depth)
    with precise(path.digits):
        B = {layer: reals(problem.data[f"B{layer + 1}"]) for layer in layers}
        times, curves = [], {layer: [] for layer in layers}  # type: Any, dict[int, list[Any]]
        neurons, terms, first = dict.fromkeys(layers), dict.fromkeys(layers, mpmath.mpf(0)), None  # type: Any, Any, Any
        for t, now in moments(path):
            first = first or now
            times.append(t)
            for layer in layers:
                gaps = balances(now, B, layer) - balances(first, B, layer)
                curves[layer].append(abs(gaps.sum()))
                sizes = list(map(abs, gaps))
                neurons[layer] = tuple(map(max, neurons[layer] or sizes, sizes))
                moved = abs(norm2(now[f"W{layer}"]) - norm2(first[f"W{layer}"])) / 2
                terms[layer] = max(terms[layer], moved)
        worst = {layer: max(path.drift(feedback_balance, layer), max(curves[layer])) for layer in layers}
    return FlowDrift(
        problem.net.activation.name, path.status, len(path.events), worst, neurons, terms, path.noise_floor,
        path.gate_violation, tuple(times), {k: tuple(v) for k, v in curves.items()}, telling(path, TIME),
    )  # fmt: skip


def balances(now: dict[str, Any], B: dict[int, Any], layer: int) -> Any:
    """½‖W_l[j,:]‖² − ⟨W_{l+1}[:,j], B_{l+1}[:,j]⟩ for each neuron j."""
    below, above = now[f"W{layer}"], now[f"W{layer + 1}"]
    return (below * below).sum(axis=1) / 2 - (above * B[layer]).sum(axis=0)


def step_drift(problem: FlowProblem, rate: Fraction) -> StepDrift:
    """Q in steps of one size, exactly."""
    training = steps(problem, rate, COUNT)
    layers = range(1, problem.net.depth)
    B = {layer: array(problem.data[f"B{layer + 1}"]) for layer in layers}
    states = [training.parameters(step) for step in range(len(training) + 1)]
    moves = [training.moves(step) for step in range(len(training))]
    drift, squares, equal = {}, {}, True
    for layer in layers:
        found = [balances(state, B, layer) for state in states]
        gains = [(move[f"W{layer}"] ** 2).sum(axis=1) / 2 for move in moves]
        added = list(itertools.accumulate(gains, initial=found[0] * 0))
        equal = equal and all(((now - found[0]) == gain).all() for now, gain in zip(found, added, strict=True))
        drift[layer] = tuple((now - found[0]).sum() for now in found)
        squares[layer] = tuple(gain.sum() for gain in added)
    return StepDrift(problem.net.activation.name, rate, drift, squares, equal)


def decimal(value: Fraction) -> Any:
    with mpmath.workdps(30):
        return real(value)


def text(value: Any) -> str:
    return str(mpmath.nstr(value, 20))


def short(value: Any) -> str:
    return str(mpmath.nstr(value, 3))


def said(holds: bool | None) -> str:
    return {True: "holds", False: "DOES NOT HOLD", None: "shows nothing"}[holds]
