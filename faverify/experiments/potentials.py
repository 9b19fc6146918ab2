"""The potential of deep linear networks with one output, at random cases: it falls whatever the loss does.

With β_l = B_{l+1}ᵀ ⋯ B_Lᵀ, β_L = 1, ζ̇ = r = y − f, v_0 = Xᵀζ and v_l = W_l(0)v_{l−1} + ½β_l‖v_{l−1}‖², the flow of
feedback alignment is W_l(t) = W_l(0) + β_l v_{l−1}ᵀ, and a gradient flow of v_L(Xᵀζ) − y·ζ in ζ.
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import mpmath

from ..flows.integrate import FLOAT
from ..flows.problems import FlowProblem
from ..flows.programs import Node, Program
from ..flows.recorders import error_signal
from ..model.networks import MLP
from ..model.rules import FeedbackAlignment
from .exact import array, norm2
from .looking import climb, followed, moments, noise, precise, read, reals, record, telling
from .random_problems import DEPTHS, FEW, NARROW, between, rounded
from .trials import generator

TIME = Fraction(2)
STARTS = ("random", "anti-aligned", "zero")
INTEGRATED = "ζ°"  # the name of the integral of the residual, n_L × samples


def falling(case: int, seed: int, digits: int) -> dict[str, Any]:
    """RK-POT at one random chain (`any_start`), t = 2."""
    return {"case": case, **shown_falling(any_start(generator(seed, case)), digits)}


def falling_again(example: dict[str, Any]) -> dict[str, Any]:
    return shown_falling(*read(example))


def any_start(draw: Any, depths: tuple[int, int] = DEPTHS, start: str | None = None) -> FlowProblem:
    """A linear chain with one output and every β_l ≠ 0, from a random, an anti-aligned or an all-zero start.

    Depth 2–4, widths 1–4, samples 1–3, the kind of start, each uniform; entries of W_l and B_l normal with variance
    1/n_{l−1}, inputs and targets standard normal. Anti-aligned: W_{l+1}(0) = −B_{l+1}.
    """
    while True:
        depth = between(draw, depths)
        widths = [*(between(draw, NARROW) for _ in range(depth)), 1]
        shapes = [(n, m) for m, n in itertools.pairwise(widths)]
        weights, feedback = ([rounded(draw, n, m, m**-0.5) for n, m in shapes] for _ in range(2))
        kind = start or STARTS[int(draw.integers(len(STARTS)))]
        if kind == "anti-aligned":
            weights[1:] = [(-array(rows)).tolist() for rows in feedback[1:]]
        if kind == "zero":
            weights = [(0 * array(rows)).tolist() for rows in weights]
        samples = between(draw, FEW)
        inputs, targets = rounded(draw, widths[0], samples), rounded(draw, 1, samples)
        parts: dict[str, Any] = {"weights": weights, "feedback": feedback[1:], "inputs": inputs, "targets": targets}
        problem = FlowProblem(MLP(tuple(widths), "linear"), FeedbackAlignment(), **parts)
        if all(beta.any() for beta in betas(problem)):
            return problem


def betas(problem: Any) -> list[Any]:
    """β_1 … β_L, exactly: columns, the last one 1."""
    found = [array([[Fraction(1)]])]
    for layer in range(problem.net.depth, 1, -1):
        found.insert(0, array(problem.data[f"B{layer}"]).T @ found[0])
    return found


def values(starts: list[Any], beta: list[Any], v: Any) -> list[Any]:
    """v_0, v_1, …, v_L."""
    found = [v]
    for W, b in zip(starts, beta, strict=True):
        found.append(W @ found[-1] + b * (norm2(found[-1]) / 2))
    return found


def integrated(problem: Any) -> Any:
    """What makes ζ = ∫ (y − f) one more state of the problem's program."""

    def integrands(program: Program) -> dict[str, Node]:
        return {INTEGRATED: -error_signal(problem, program, program.run.output)}

    return integrands


def seen(problem: Any, path: Any) -> tuple[list[Any], list[Any], Any]:
    """Potentials and losses at the moments of a path, and the greatest |W_l(t) − W_l(0) − β_l v_{l−1}ᵀ|."""
    data, beta = {name: reals(rows) for name, rows in problem.data.items()}, [reals(b) for b in betas(problem)]
    starts = [data[f"W{k}"] for k in problem.net.labels]
    potentials, losses, gap = [], [], mpmath.mpf(0)
    for _, now in moments(path):
        zeta = now[INTEGRATED].T
        v = values(starts, beta, data["x"] @ zeta)
        potentials.append((v[-1] - data["y"] @ zeta)[0, 0])
        for k, start, b, below in zip(problem.net.labels, starts, beta, v, strict=False):
            gap = max(gap, abs(now[f"W{k}"] - start - b @ below.T).max())
        output = data["x"]
        for k in problem.net.labels:
            output = now[f"W{k}"] @ output
        losses.append(norm2(output - data["y"]) / 2)
    return potentials, losses, gap


def shown_falling(problem: Any, digits: int) -> dict[str, Any]:
    """What the path shows of the potential and of the weights' formula. Control: the same formula for ReLU."""
    path = followed(problem, TIME, digits, integrated(problem))
    with precise(path.digits):
        potentials, losses, gap = seen(problem, path)
        floor = noise(path)
        rise, loss = climb(potentials), climb(losses)
    measures = {"gap": gap, "rise_of_potential": rise, "rise_of_loss": loss}
    control = relu_control(problem)
    return record(problem, digits, path, TIME, bool(rise <= floor and gap <= floor), control, measures)


def relu_control(problem: Any) -> dict[str, Any]:
    """The gap of the formula for ReLU; from an all-zero start, where that rests, with W_1 = β_1 x_1ᵀ and W_l = B_l."""
    data, net = problem.data, problem.net
    weights = [data[f"W{k}"] for k in net.labels]
    if not any(array(rows).any() for rows in weights):
        first = betas(problem)[0] @ array(data["x"])[:, :1].T
        weights = [first, *(data[f"B{k}"] for k in net.labels if k > 1)]
    feedback = [data[f"B{k}"] for k in net.labels if k > 1]
    parts = {"weights": weights, "feedback": feedback, "inputs": data["x"], "targets": data["y"]}
    other = FlowProblem(MLP(net.widths, "relu"), problem.rule, **parts)
    path = followed(other, TIME, FLOAT, integrated(other))
    with precise(path.digits):
        gap = seen(other, path)[2] if path._case.segments else mpmath.mpf(0)
        return {"violated": bool(telling(path, TIME) and gap > noise(path)), "gap": gap}
