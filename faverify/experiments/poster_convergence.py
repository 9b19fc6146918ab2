"""Where linear networks go under feedback alignment, and how fast: the minimum-norm solution, or what lies beside it.

One output: w_∞ = w_MN + P⊥W₁(0)ᵀ(W_L ⋯ W_2)ᵀ at infinity, which is w_MN if the rows of W₁(0) are in span(Xᵀ). Late, the
residual decays at the rate λ_min(X(α_∞I + W₁ᵀW₁)Xᵀ). At any depth the flow is a gradient flow of V = v_L(Xᵀζ) − y·ζ in
ζ = ∫r, so V falls at every step though the loss may rise. The least eigenvalue of V's Hessian in the limit is the rate:
XHXᵀ with H = Σ_l (W_L ⋯ W_{l+1}β_l) J_{l−1}ᵀJ_{l−1} and J_l = W_l ⋯ W_1; for two layers it is the one above.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath

from ..flows.problems import FlowProblem
from ..model.networks import MLP
from ..model.rules import FeedbackAlignment
from .convergence import LATEST, half_off, rest, slowest, solution
from .exact import array, independent, inverse, norm2, off_span
from .looking import FLOOR, climb, followed, moments, precise, reals, together
from .poster_conservation import said, short, text
from .potentials import any_start, integrated, seen
from .random_problems import pair
from .trials import generator

PATIENCE, PLACES = 64, 40  # the time by which networks that are drawn must rest, to so many places
LEFT = 9  # of the digits that are asked for, what the residual at the end leaves
WINDOW, ABOVE = 2, 15  # e-foldings over which the rate is measured, while ‖r‖ is above 10^(15 − digits)
SETTLED = 1e-8  # the relative gap of the rates over two windows, below which the rate is told
AGREES = 1e-6  # the relative gap of measured and predicted rate
LIMIT = 10  # of the digits, what the limit's agreement leaves
POINTS = 300  # of a curve that is written out
NUMBERS = (
    "end",
    "rate",
    "before",
    "predicted",
    "apart",
    "gap",
    "from_minimum_norm",
    "rise_of_potential",
    "rise_of_loss",
)


@dataclass(frozen=True)
class Approach:
    """One network on its way.

    `rate` is measured late, `before` in the window before, `predicted` from the weights at the end. There, `gap` is
    ‖w − w_MN − P⊥W₁(0)ᵀ(W_L ⋯ W_2)ᵀ‖ and `from_minimum_norm` ‖w − w_MN‖. `rise_of_potential`, `rise_of_loss`: the
    greatest above an earlier value. `formula`: the greatest |W_l − W_l(0) − β_l v_{l−1}ᵀ|. `curves`, by moments: times,
    residuals ‖y − Xw‖, distances ‖w − w_MN‖, potentials, losses.
    """

    name: str
    widths: tuple[int, ...]
    spanned: bool
    status: str
    end: Any
    rate: Any
    before: Any
    predicted: Any
    gap: Any
    from_minimum_norm: Any
    rise_of_potential: Any
    rise_of_loss: Any
    formula: Any
    noise_floor: Any
    digits: int
    curves: dict[str, tuple[Any, ...]]

    @property
    def checks(self) -> dict[str, bool | None]:
        """What is asked of it, by name; None where the network did not come to rest in time."""
        small, floor = mpmath.mpf(10) ** -(self.digits - LIMIT), FLOOR * self.noise_floor
        rests = self.status == "ok" and self.curves["residuals"][-1] <= small
        found: dict[str, bool | None] = {
            "the potential falls at every step": bool(self.rise_of_potential <= floor),
            "W_l(t) = W_l(0) + β_l v_{l−1}ᵀ": bool(self.formula <= floor),
            "the residual decays at the predicted rate": bool(self.apart <= AGREES) if rests and self.settled else None,
        }
        found["the limit is w_MN + P⊥W_1(0)ᵀ(W_L ⋯ W_2)ᵀ"] = bool(self.gap <= small) if rests else None
        what = "the limit is w_MN" if self.spanned else "the limit is not w_MN"
        return found | {what: bool((self.from_minimum_norm <= small) == self.spanned) if rests else None}

    @property
    def apart(self) -> Any:
        """|measured / predicted − 1| of the rate."""
        with precise(self.digits):
            return abs(self.rate / self.predicted - 1) if self.predicted > 0 else mpmath.inf

    @property
    def settled(self) -> bool:
        """Whether the rate is the same in both windows: where two eigenvalues are close, it takes more digits."""
        return bool(abs(self.rate - self.before) <= SETTLED * self.rate)

    @property
    def holds(self) -> bool | None:
        return together(self.checks.values())

    def to_dict(self) -> dict[str, Any]:
        record: dict[str, Any] = {"name": self.name, "widths": list(self.widths), "status": self.status}
        record |= {"holds": self.holds, "checks": self.checks, "rows_in_span": self.spanned}
        for name in NUMBERS:
            record[name] = text(getattr(self, name))
        stride = max(1, math.ceil(len(self.curves["times"]) / POINTS))
        record["noise_floor"], record["formula"] = text(self.noise_floor), text(self.formula)
        record["curves"] = {name: [text(v) for v in row[::stride]] for name, row in self.curves.items()}
        return record

    def __str__(self) -> str:
        left, rises = self.curves["residuals"][-1], (self.rise_of_potential, self.rise_of_loss)
        apart_from = f"‖w − w_MN‖ = {short(self.from_minimum_norm)}, off the predicted limit by {short(self.gap)}"
        rates = [mpmath.nstr(value, 12) for value in (self.rate, self.predicted)]
        lines = [
            f"  {self.name} ({'-'.join(map(str, self.widths))}): {said(self.holds)}",
            f"    t = {short(self.end)}: ‖y − Xw‖ = {short(left)}, {apart_from}",
            f"    rate {rates[0]}, predicted {rates[1]} (apart {short(self.apart)})",
            "    greatest rise of the potential {}, of the loss {}".format(*map(short, rises)),
        ]
        return "\n".join(lines + [f"    not so: {name}" for name, found in self.checks.items() if found is False])


@dataclass(frozen=True)
class Convergence:
    """What the experiment found, network by network: evidence, and no proof."""

    digits: int
    seed: int
    approaches: tuple[Approach, ...]

    @property
    def holds(self) -> bool | None:
        """False if one part does not hold; None if none fails and one did not come to rest."""
        return together(part.holds for part in self.approaches)

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON; numbers are decimal strings."""
        record = {"schema": 1, "kind": "evidence", "experiment": "convergence", "holds": self.holds}
        parts = [part.to_dict() for part in self.approaches]
        return record | {"digits": self.digits, "seed": self.seed, "approaches": parts}

    def __str__(self) -> str:
        head = f"linear networks under feedback alignment, {self.digits} digits, seed {self.seed}"
        return "\n".join([f"{head} (evidence, not a proof)", *map(str, self.approaches)])

    def figure(self, path: Any) -> Any:
        """Draw it: residuals and distances with the predicted slopes; losses and potentials; SVG, PNG, PDF.

        Raises: Misuse without matplotlib.
        """
        from .figures import convergence_figure

        return convergence_figure(self, path)


def convergence(*, digits: int = 50, seed: int = 0) -> Convergence:
    """Two-layer linear networks against the minimum-norm solution, and deeper ones from hard starts.

    Two layers with the rows of W₁(0) in span(Xᵀ), and off it with w(0) in it (`half_off`); from an anti-aligned and
    from an all-zero start; depth 3: a start whose loss rises though every layer and neuron is aligned, an anti-aligned
    and an all-zero start; depth 4: the same two. Each is followed until its residual is below 10^(9 − digits).

    Returns: a Convergence.

    References: Robertson & Koyejo 2023, Theorem 2, repaired; the potential and its rate: derived here, no source known.
    """
    found = [approach(name, problem, digits) for name, problem in problems(seed).items()]
    return Convergence(digits, seed, tuple(found))


def problems(seed: int, deeper: bool = True) -> dict[str, FlowProblem]:
    """The networks, by name; those of two layers alone, or the deeper ones as well."""
    drawn = (half_off(generator(seed, case)) for case in itertools.count())
    off = next(problem for problem in drawn if problem.samples == 2)
    x, first = array(off.data["x"]), array(off.data["W1"])
    W2, B, y = (array(off.data[name]) for name in ("W2", "B2", "y"))
    inside = first - first @ off_span(x)
    found = {
        "rows of W_1(0) in span(Xᵀ)": pair(inside, W2, B, x, y),
        "rows of W_1(0) off it": off,
        "anti-aligned": pair(first, -B, B, x, y),
        "all-zero": pair(first * 0, B * 0, B, x, y),
    }
    if deeper:
        found["depth 3, aligned, with a loss that rises"] = rising()
    for depth in (3, 4) if deeper else ():
        for start in ("anti-aligned", "zero"):
            found[f"depth {depth}, {start.replace('zero', 'all-zero')}"] = deep(seed, depth, start)
    return found


def rising() -> FlowProblem:
    """1-1-2-1 with every hypothesis of the corollary per layer and per neuron, whose loss falls, rises and falls."""
    B2, B3 = [[1], ["-3/4"]], [[1, 1]]
    parts: dict[str, Any] = {"weights": [[["5/4"]], B2, B3], "feedback": [B2, B3], "inputs": [[1]], "targets": [[-13]]}
    return FlowProblem(MLP((1, 1, 2, 1), "linear"), FeedbackAlignment(), **parts)


def deep(seed: int, depth: int, start: str) -> FlowProblem:
    """The first chain of the seed with fewer samples than inputs, so that Xw = y can be met, that rests by t = 64."""
    for case in itertools.count(1):
        problem = any_start(generator(seed, 1000 * depth + case), (depth, depth), start)
        few = problem.samples <= min(problem.net.widths[0], 2) and set(problem.net.widths[:-1]) <= {2, 3}
        if few and independent(array(problem.data["x"])) and rest(problem, PLACES, PATIENCE) is not None:
            return problem
    raise AssertionError


def approach(name: str, problem: FlowProblem, digits: int) -> Approach:
    """One network, followed until it rests."""
    end = rest(problem, digits - LEFT) or Fraction(LATEST)
    path = followed(problem, end, digits, integrated(problem))
    with precise(path.digits):
        x, y = array(problem.data["x"]), array(problem.data["y"])
        data = {key: reals(rows) for key, rows in problem.data.items()}
        minimum = reals(x @ inverse(x.T @ x) @ y.T)
        times, residuals, distances = [], [], []
        for t, now in moments(path):
            w = solution(problem, now)
            times.append(t)
            residuals.append(mpmath.sqrt(norm2(data["y"] - (data["x"].T @ w).T)))
            distances.append(mpmath.sqrt(norm2(w - minimum)))
        potentials, losses, formula = seen(problem, path)
        predicted, off = slowest(problem, now), off_span(x) @ array(problem.data["W1"]).T
        rate, before = measured(times, residuals, predicted, digits)
        ahead = now[f"W{problem.net.depth}"]
        for label in range(problem.net.depth - 1, 1, -1):
            ahead = ahead @ now[f"W{label}"]
        gap = mpmath.sqrt(norm2(w - minimum - reals(off) @ ahead.T))
        rises = climb(potentials), climb(losses)
    curves = {"times": times, "residuals": residuals, "distances": distances, "potentials": potentials}
    return Approach(
        name, problem.net.widths, not off.any(), path.status, path.t_end, rate, before, predicted, gap,
        distances[-1], *rises, formula, path.noise_floor, digits,
        {key: tuple(row) for key, row in {**curves, "losses": losses}.items()},
    )  # fmt: skip


def measured(times: list[Any], residuals: list[Any], predicted: Any, digits: int) -> tuple[Any, Any]:
    """−d log ‖r‖/dt over the last two e-foldings at which rounding is far below ‖r‖, and over the two before these."""
    least = mpmath.mpf(10) ** -(digits - ABOVE)
    ends = [max((k for k, left in enumerate(residuals) if left >= least), default=0)]
    for _ in range(2):
        ends.append(max((k for k in range(ends[-1]) if (times[ends[-1]] - times[k]) * predicted >= WINDOW), default=-1))
        if ends[-1] < 0:
            return mpmath.mpf(0), mpmath.inf
    rates = [mpmath.log(residuals[a] / residuals[b]) / (times[b] - times[a]) for b, a in itertools.pairwise(ends)]
    return rates[0], rates[1]
