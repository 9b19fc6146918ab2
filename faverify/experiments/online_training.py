"""Online training at finite N, simulated, beside the equations of its order parameters.

The fields of a block of samples are computed with the weights at its start, and corrected by what the steps within the
block have moved: h_μ = Wx_μ/√N − η Σ_{ν<μ} G φ′(h_ν) e_ν (x_ν·x_μ)/N. That is training step by step, to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import Misuse, whole_number
from .gaussian_integrals import LARGEST
from .order_parameters import Equations, OrderParameters, order_parameters
from .plain_records import plain
from .states import Array
from .teachers import TeacherStudent, checked_seeds, checked_times

BLOCK = 32  # samples: beyond it, the products x_ν·x_μ cost more than the steps
STEPS = 10**9  # of one simulation, which is hours
FIELDS = 10 * math.sqrt(LARGEST)  # a field beyond it has a variance beyond what the averages are told of
HALFWAY = -0.25  # between the exponent −½ of a right equation and 0 of a wrong one


def erf_of(h: Array) -> Array:
    """φ(h) = erf(h/√2)."""
    flat = (h * math.sqrt(0.5)).ravel().tolist()
    return np.array([math.erf(x) for x in flat]).reshape(h.shape)


def simulate(problem: TeacherStudent, inputs: int, times: Any, *, seeds: Any = (0,)) -> OrderParameters:
    """Order parameters of online training with N = `inputs`, whose start has exactly those of the problem.

    Which weights have them, and the samples, are drawn from each seed alone: a seed gives one run, whatever stands
    beside it. Times are rounded to whole steps of 1/N. A run whose fields grow beyond 10⁵ has diverged: all seeds stop
    there, and the status says so.

    Shapes: those of `OrderParameters`, with one student a seed.

    Raises: Misuse for a stack of problems, for N < K + M, or for more than 10⁹ steps.

    Examples
    --------
    >>> import faverify as fv
    >>> start = fv.TeacherStudent(eta=0.5, v=[0.1], F=[1], Q=[[0.2]], R=[[0.1]], v_star=[1], T=[[1]])
    >>> found = fv.simulate(start, 100, [0, 1], seeds=range(3))
    >>> found.Q.shape, found.steps, bool(abs(found.Q[0] - 0.2).max() < 1e-12)
    ((2, 3, 1, 1), 100, True)
    """
    if not isinstance(problem, TeacherStudent) or problem.stack:
        raise Misuse("problem", getattr(problem, "stack", problem), "one fv.TeacherStudent, and no stack")
    least = problem.K + problem.M
    inputs = whole_number("inputs", inputs, least, expected=f"a whole number, at least K + M = {least}")
    asked = checked_times(times)
    if asked[-1] * inputs > STEPS:
        raise Misuse("times", f"up to {asked[-1]:g}", f"at most {STEPS / inputs:g}: {STEPS:,} steps with N = {inputs}")
    marks, chosen, found, step = np.rint(asked * inputs).astype(int), checked_seeds(seeds), [], 0
    run = _Run(problem, inputs, chosen)
    for mark in marks.tolist():
        while step < mark and run.sound:
            count = min(BLOCK, mark - step)
            run.block(count)
            step += count
        if not run.sound:
            break
        found.append(run.measured())
    K, M, seen = problem.K, problem.M, len(found)
    parts = zip(*found, strict=True) if found else ([], [], [])
    tails = ((K,), (K, K), (K, M))
    v, Q, R = (np.reshape(part, (seen, len(chosen), *tail)) for part, tail in zip(parts, tails, strict=True))
    status = "ok" if run.sound else "diverged"
    return OrderParameters(problem, marks[:seen] / inputs, v, Q, R, step, status, inputs)


class _Run:
    """The weights of all seeds: W (seeds, K, N), W* (seeds, M, N), v (seeds, K)."""

    def __init__(self, problem: TeacherStudent, N: int, seeds: list[int]) -> None:
        self.problem, self.N, self.rngs = problem, N, [np.random.default_rng(seed) for seed in seeds]
        values, vectors = np.linalg.eigh(problem.covariance())
        root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
        size = problem.K + problem.M
        frames = np.array([np.linalg.qr(rng.standard_normal((N, size)))[0].T for rng in self.rngs])
        weights = math.sqrt(N) * root @ frames
        self.W, self.teacher = weights[:, : problem.K].copy(), weights[:, problem.K :].copy()
        self.v = np.repeat(problem.v[None], len(seeds), axis=0)
        self.x = np.empty((len(seeds), BLOCK, N))
        self.sound = True  # until a field or a weight is beyond what can be told

    def measured(self) -> tuple[Array, Array, Array]:
        return self.v.copy(), self.W @ self.W.mT / self.N, self.W @ self.teacher.mT / self.N

    def block(self, count: int) -> None:
        with np.errstate(all="ignore"):  # what diverges is told by the status
            self._block(count)

    def _block(self, count: int) -> None:
        problem, eta, N = self.problem, self.problem.eta, self.N
        x = self.x[:, :count]
        for one, rng in zip(x, self.rngs, strict=True):
            rng.standard_normal(out=one)
        h = x @ self.W.mT / math.sqrt(N)
        y = erf_of(x @ self.teacher.mT / math.sqrt(N)) @ problem.v_star
        near = (eta / N) * (x @ x.mT)
        moves = np.empty_like(h)
        slope = math.sqrt(2 / math.pi)
        for m in range(count):
            now = h[:, m]
            phi = erf_of(now)
            e = (self.v * phi).sum(axis=1) - y[:, m]
            back = self.v if problem.rule == "bp" else problem.F
            move = slope * back * np.exp(now * now * -0.5) * e[:, None]
            moves[:, m] = move
            h[:, m + 1 :] -= near[:, m + 1 :, m, None] * move[:, None, :]
            if problem.trained:
                self.v = self.v - (eta / N) * phi * e[:, None]
        self.W -= (eta / math.sqrt(N)) * (moves.mT @ x)
        self.sound = bool(np.abs(h).max() <= FIELDS and np.isfinite(moves).all() and np.isfinite(self.v).all())


@dataclass(frozen=True)
class Gaps:
    """How far runs at each N are from the equations.

    `gaps`: the root mean square over the entries of v, Q and R, over times t > 0 and seeds. `exponent`: p in gap ~ Nᵖ,
    by least squares. The equations hold as N → ∞ if p = −½; a wrong term leaves a gap that stays, p → 0. `falls`:
    p < −¼, half-way between the two, as fixed before any run.
    """

    inputs: tuple[int, ...]
    gaps: tuple[float, ...]
    seeds: tuple[int, ...]

    @property
    def scaled(self) -> tuple[float, ...]:
        """gap·√N: about constant."""
        return tuple(gap * math.sqrt(N) for gap, N in zip(self.gaps, self.inputs, strict=True))

    @property
    def exponent(self) -> float:
        return float(np.polyfit(np.log(self.inputs), np.log(self.gaps), 1)[0])

    @property
    def falls(self) -> bool:
        return self.exponent < HALFWAY

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        names = ("inputs", "gaps", "scaled", "exponent", "falls", "seeds")
        return {"schema": 1, "kind": "evidence"} | {name: plain(getattr(self, name)) for name in names}


def gaps(theory: OrderParameters, runs: list[OrderParameters], seeds: Any = ()) -> Gaps:
    """The gaps between an integration of the equations and simulations at the same times.

    Raises: Misuse where the times differ or none is beyond 0, where one diverged, or there is only one N.
    """
    if len({run.inputs for run in runs}) < 2:
        raise Misuse("runs", [run.inputs for run in runs], "simulations at two N, at least")
    for path in (theory, *runs):
        path.whole()
    later = theory.times > 0  # at 0 they are the same
    if not later.any():
        raise Misuse("times", theory.times, "a time beyond 0: the start is the same in all")
    found = []
    for run in runs:
        if run.times.shape != theory.times.shape or np.abs(run.times - theory.times).max() > 1e-9:
            raise Misuse("times", run.times, "whole steps of each N, the same in all runs and in the integration")
        squares = [
            (getattr(run, name) - getattr(theory, name)[:, None]).reshape(len(run.times), -1) ** 2 for name in "vQR"
        ]
        found.append(math.sqrt(float(np.concatenate(squares, axis=1)[later].mean())))
    return Gaps(tuple(run.inputs or 0 for run in runs), tuple(found), tuple(seeds))


def finite_size(
    problem: TeacherStudent,
    inputs: Any = (100, 400, 1600),
    times: Any = 10,
    *,
    seeds: Any = range(8),
    equations: type[Equations] = Equations,
) -> Gaps:
    """The gap between online training and the equations of its order parameters at several N: it falls as 1/√N.

    Raises: Misuse.

    Examples
    --------
    >>> import faverify as fv
    >>> start = fv.TeacherStudent(eta=0.5, v=[0.5], F=[1], Q=[[0.2]], R=[[0.1]], v_star=[1], T=[[1]])
    >>> fv.finite_size(start, (25, 400), [0, 2, 4], seeds=range(8)).falls
    True
    """
    times, seeds = checked_times(times), checked_seeds(seeds)
    if not isinstance(inputs, Iterable):
        raise Misuse("inputs", inputs, "two numbers N or more, such as (100, 400)")
    inputs = list(inputs)
    runs = [simulate(problem, N, times, seeds=seeds).whole() for N in inputs]
    return gaps(order_parameters(problem, times, rtol=1e-8, atol=1e-11, equations=equations), runs, seeds)
