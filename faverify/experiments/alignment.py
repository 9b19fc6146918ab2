"""The alignment corollary at random cases: its bound at every time, and the angle between W₂ and B."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from ..flows.integrate import FLOAT, integrate
from ..flows.paths import real
from ..flows.problems import FlowProblem
from ..flows.training import steps
from .exact import array, norm2
from .looking import eigenvalues, followed, moments, noise, precise, read, reals, record
from .random_problems import aligned_chain, aligned_pair, scaled
from .trials import generator

TIME, TURNING = Fraction(2), Fraction(1)
ACTIVATIONS = ("relu", "linear")
STEP = Fraction(2)  # the learning rate of the step that the bound does not survive
BEYOND = 3.0  # times ‖B₂‖: a start that the corollary does not speak of
REACH = (0.5, 2.0)  # of ‖Xᵀζ‖ in the limit; the angle can be greatest where it is √2
PULL = 8  # times the output at the start, with the other sign: the targets there


def aligned(case: int, seed: int, digits: int) -> dict[str, Any]:
    """RK-C1 at one random chain (`aligned_chain`; ReLU and linear alike), t = 2."""
    draw = generator(seed, case)
    activation = ACTIVATIONS[int(draw.integers(len(ACTIVATIONS)))]
    return {"case": case, **shown_aligned(aligned_chain(draw, activation), digits)}


def aligned_again(example: dict[str, Any]) -> dict[str, Any]:
    return shown_aligned(*read(example))


def promise(start: Any, B: Any) -> Any:
    """⟨W_{l+1}(t), B⟩ − ½‖W_l(t)‖² is at least ‖B‖² − ½‖W_l(0)‖², where W_{l+1}(0) = B."""
    return norm2(B) - norm2(start) / 2


def shown_aligned(problem: Any, digits: int) -> dict[str, Any]:
    """What the path of a problem shows of the bound, at every layer.

    Controls: after one discrete step the same bound fails by ½‖ΔW_l‖², exactly (RK-C1-discrete); and from
    ‖W_1(0)‖ > √2‖B_2‖ alignment may become negative.
    """
    path = followed(problem, TIME, digits)
    layers = range(1, problem.net.depth)
    B = {layer: array(problem.data[f"B{layer + 1}"]) for layer in layers}
    least = {layer: promise(array(problem.data[f"W{layer}"]), B[layer]) for layer in layers}
    with precise(path.digits):
        feedback, bound = ({n: reals(b) for n, b in B.items()}, {n: real(b) for n, b in least.items()})
        gap, lowest = mpmath.mpf(0), mpmath.inf
        for _, now in moments(path):
            for layer in layers:
                alignment = (now[f"W{layer + 1}"] * feedback[layer]).sum()
                gap = max(gap, abs(alignment - norm2(now[f"W{layer}"]) / 2 - bound[layer]))
                lowest = min(lowest, alignment / bound[layer])
        holds = gap <= noise(path) and lowest >= 1 - noise(path) and min(bound.values()) > 0
    step, after, exact = stepped(problem, B, least)
    beyond = least_beyond(problem)
    control = {"violated": bool(step or beyond < 0), "step_breaks_bound": step}
    control |= {"least_alignment_after_step": after, "least_alignment_beyond": beyond}
    measures = {"gap": gap, "gate_violation": path.gate_violation}
    found = record(problem, digits, path, TIME, bool(holds and exact), control, measures)
    return found | {"lowest": mpmath.nstr(lowest, 6)}


def stepped(problem: Any, B: dict[int, Any], least: dict[int, Any]) -> tuple[bool, Any, bool]:
    """One step: whether it breaks the bound, the least alignment, and whether it does so by ½‖ΔW_l‖² > 0 everywhere."""
    training = steps(problem, STEP, 1)
    weights, moves = training.weights(), training.moves(0)
    after = {layer: (weights[layer] * B[layer]).sum() for layer in least}
    short = {layer: norm2(weights[layer - 1]) / 2 + least[layer] - after[layer] for layer in least}
    exact = all(short[layer] == norm2(moves[f"W{layer}"]) / 2 > 0 for layer in least)
    return any(value > 0 for value in short.values()), real(min(after.values())), exact


def least_beyond(problem: Any) -> Any:
    """The least alignment of layer 1 in float64 from ‖W_1(0)‖ = 3‖B_2‖, with targets that pull the output away."""
    data, net = problem.data, problem.net
    size = BEYOND * float(norm2(array(data["B2"]))) ** 0.5
    weights = [scaled(data["W1"], size), *(data[f"W{k}"] for k in net.labels if k > 1)]
    output = array(data["x"])
    for layer, rows in enumerate(weights, 1):
        output = array(rows) @ output
        if layer < net.depth and net.activation.name == "relu":
            output = np.maximum(output, 0)
    feedback = [data[f"B{k}"] for k in net.labels if k > 1]
    parts = {"weights": weights, "feedback": feedback, "inputs": data["x"], "targets": -PULL * output}
    path = integrate(FlowProblem(net, problem.rule, **parts), TIME, digits=FLOAT, on_nonunique="follow")
    return min(path.alignment("layer").inner.get(1, [mpmath.inf]))


# The angle


def turned(case: int, seed: int, digits: int) -> dict[str, Any]:
    """RK-C1-cos at one random pair of linear layers (`aligned_pair`), t = 1."""
    return {"case": case, **shown_turned(aligned_pair(generator(seed, case), REACH), digits)}


def turned_again(example: dict[str, Any]) -> dict[str, Any]:
    return shown_turned(*read(example))


def greatest_sine2(ratio2: Any) -> Any:
    """sin² ∠(W₂(t), B) is at most ρ²/2."""
    return ratio2 / 2


def shown_turned(problem: Any, digits: int) -> dict[str, Any]:
    """What the path of a problem shows of the angle between W₂ and B. Control: the bound ρ/2."""
    path = followed(problem, TURNING, digits)
    with precise(path.digits):
        B, W1 = (reals(problem.data[name]) for name in ("B2", "W1"))
        ratio2 = eigenvalues(W1 @ W1.T)[-1] / norm2(B)
        sines = [
            1 - (now["W2"] * B).sum() ** 2 / (norm2(now["W2"]) * norm2(B)) if (now["W2"] * B).sum() > 0 else mpmath.inf
            for _, now in moments(path)
        ]
        excess = max(sines) - greatest_sine2(ratio2)
        half = max(sines) - ratio2 / 4
        control = {"violated": bool(half > 0) if max(sines) > noise(path) else None, "excess_over_half": half}
        holds = excess <= noise(path)
        measures = {"excess": excess, "share_of_bound": mpmath.sqrt(max(max(sines), mpmath.mpf(0)) / (ratio2 / 2))}
    return record(problem, digits, path, TURNING, holds, control, measures)
