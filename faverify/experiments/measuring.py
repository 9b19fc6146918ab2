"""Evidence for or against a law of a learning rule that is only known as a program: halve the step, watch the drift.

Method. Over a fixed stretch of time T, N = T/η steps of size η follow the rule's flow to first order. Along it a first
integral does not move, so its drift max_t |Q(t) − Q(0)| is all discretisation and falls like η (for Theorem 1 it is
½ Σ ‖ΔW‖² = O(η)); a law that fails drifts to a limit that is not zero. The order p in drift ~ ηᵖ is measured by
halving η. No number of runs proves a law: the answer is a `Measurement`, from which no verdict is made.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np

from ..errors import FaverifyError, Misuse, RuleError, whole_number
from ..model.laws import as_law
from .measurements import CONSTANT, FALLS, INCONCLUSIVE, STAYS, LayerDrift, Measurement, drift_of
from .states import Arrays, Start, finite, norm, start_of, value_at

EPS = float(np.finfo(np.float64).eps)
LEAST = 1e-12  # of a step or a time
MOST = 10**7  # steps of one run
SAMPLES = 8  # directions in which a law's sensitivity to rounding is sampled


def measure(
    law: Any,
    step: Callable[[Any, float], Any],
    weights: Any,
    *,
    feedback: Any = (),
    eta: float = 1e-2,
    time: float = 1.0,
    halvings: int = 5,
    layer: int | None = None,
    returns: str = "updates",
    stochastic: bool = False,
) -> Measurement:
    """How the drift of a law falls as the step of a learning rule is halved: evidence with its rate, never a proof.

    `step(weights, eta)` gets float64 copies and returns the updates ΔW, or with `returns="weights"` the new weights; it
    may be anything that runs: NumPy, PyTorch, JAX. `weights` holds what moves: a list W_1, …, W_L, or a dict with names
    "W1", "b1", "B2"; an optimizer's memory goes there too, under names of its own. `step` gets the form that was given
    and may leave out of a dict what did not move. `feedback` is what the law reads and nobody moves: B_2, …, B_L, or
    F_1, …, F_{L−1}, or a dict. `stochastic` allows a step that draws at random, a minibatch for one.

    Shapes: W_l is n_l × n_{l−1}, B_l as W_l, F_l is n_L × n_l, b_l has n_l entries.

    Returns: a Measurement of every hidden layer, or of the `layer` named (−1 for the last hidden one).

    Raises: RuleError if step raises, changes its input, ignores η or has a memory of its own; LawError, ShapeError,
    NonFiniteError, Misuse.

    Scope: one start, one stretch of time, the steps tried.

    Examples
    --------
    >>> import numpy as np, faverify as fv
    >>> W, B, x = [np.array([[0.5], [1.0]]), np.array([[1.0, 0.5]])], np.array([[1.0, 2.0]]), np.array([[1.0]])
    >>> def step(w, eta):
    ...     e = w[1] @ w[0] @ x - 3
    ...     return [-eta * B.T @ e @ x.T, -eta * e @ (w[0] @ x).T]
    >>> [measure(law, step, W, feedback=[B]).outcome for law in (fv.laws.feedback_balance, fv.laws.balancedness)]
    ['falls with the step', 'does not fall']
    """
    candidate = as_law(law)
    if not callable(step):
        raise Misuse("step", step, "a function (weights, eta) ↦ updates")
    if returns not in ("updates", "weights"):
        raise Misuse("returns", returns, "'updates' or 'weights', whichever step returns")
    first = _count(eta, time, halvings)
    start = start_of(weights, feedback, layer)
    stepper = Stepper(step, start, returns == "weights", bool(stochastic))
    steps = tuple(first << k for k in range(halvings + 1))
    etas = tuple(time / count for count in steps)
    stepper.examine(etas[0], etas[1])
    runs = [Run(candidate, stepper, size, count) for size, count in zip(etas, steps, strict=True)]
    stepper.again(start.moving, etas[0], stepper.first)
    layers = {number: _drift(candidate, stepper, number, runs) for number in start.hidden}
    flow = _follow_a_flow(start, runs)
    decisive = _decisive(list(layers.values()))
    return Measurement(
        law=candidate.name,
        step=stepper.name,
        outcome=decisive.outcome if flow else INCONCLUSIVE,
        order=decisive.order,
        spread=decisive.spread,
        limit=decisive.limit,
        etas=etas,
        steps=steps,
        moved=tuple(run.moved for run in runs),
        drifts=tuple(max(found.drifts[k] for found in layers.values()) for k in range(len(steps))),
        layers=layers,
        notes=_notes(layers, stepper, flow),
    )


def _count(eta: Any, time: Any, halvings: Any) -> int:
    """The number of steps of the coarsest run; η is rounded so that a whole number of them fills the time."""
    for name, value in (("eta", eta), ("time", time)):
        if isinstance(value, bool) or not isinstance(value, Real) or not LEAST <= float(value) <= 1 / LEAST:
            raise Misuse(name, value, f"a number from {LEAST} to {1 / LEAST}")
    whole_number("halvings", halvings, 3, 20, "a whole number from 3 to 20: orders that agree need four step sizes")
    if time < 4 * eta:
        raise Misuse("time", time, f"at least four steps of eta = {eta}")
    steps = round(float(time) / float(eta))
    if steps << halvings > MOST:
        raise Misuse("eta, time, halvings", (eta, time, halvings), f"at most {MOST} steps of the smallest size")
    return steps


class Stepper:
    """The user's step, with whatever it may do wrong told in words."""

    def __init__(self, step: Callable[[Any, float], Any], start: Start, whole: bool, stochastic: bool) -> None:
        self.step, self.start, self.whole, self.stochastic = step, start, whole, stochastic
        self.name = str(getattr(step, "__name__", type(step).__name__))
        self.eps = 0.0  # the rounding of the coarsest numbers that step returned
        self.first: Arrays = {}  # its first answer, at the start

    def __call__(self, state: Arrays, eta: float) -> Arrays:
        """The updates of one step."""
        copies = {name: array.copy() for name, array in state.items()}
        try:
            with np.errstate(all="ignore"):  # an overflow is told with its place, when its result is read
                found = self.step(self.start.present(copies), eta)
        except (FaverifyError, KeyboardInterrupt):
            raise
        except BaseException as error:
            what = f"raised {type(error).__name__}: {error} (at η = {eta:g})"
            raise RuleError(self.name, what, "it is called with float64 arrays and a float") from error
        changed = [name for name, array in copies.items() if not np.array_equal(array, state[name])]
        if changed:
            remedy = "return new arrays: torch.tensor(w) and w.copy() make them; torch.from_numpy(w) and w -= … do not"
            raise RuleError(self.name, f"changed {changed[0]} in place", remedy)
        answer, eps = self.start.read(found, self.name, self.whole)
        self.eps = max(self.eps, eps)
        return {name: value - state[name] for name, value in answer.items()} if self.whole else answer

    def examine(self, eta: float, half: float) -> None:
        """Calls must agree unless the step may draw, and half the step size must move the maps differently."""
        self.first, smaller = self(self.start.moving, eta), self(self.start.moving, half)
        self.again(self.start.moving, eta, self.first)
        zeros, once = self.zeros(), self.first
        moved = [name for name in self.start.maps if name in once and once[name].any()]
        if moved and all(np.array_equal(once[name], (zeros | smaller)[name]) for name in moved):
            what = f"moved the weights alike at η = {eta:g} and at η = {half:g}"
            raise RuleError(self.name, what, "it must take the step size that it is given")

    def zeros(self) -> Arrays:
        return {name: np.zeros_like(array) for name, array in self.start.moving.items()}

    def again(self, state: Arrays, eta: float, once: Arrays) -> None:
        """A second call must agree with the first, unless the step may draw."""
        if self.stochastic:
            return
        zeros, twice = self.zeros(), self(state, eta)
        gaps = {name: np.abs((zeros | once)[name] - (zeros | twice)[name]) for name in zeros}
        apart = [name for name in gaps if gaps[name].any()]
        if apart:
            remedy = (
                "carry what it remembers in weights, under a name of its own; "
                "if it draws at random, or adds in an order that varies, pass stochastic=True"
            )
            what = f"two calls with the same weights and η differ in {apart[0]} by {gaps[apart[0]].max():.2g}"
            raise RuleError(self.name, what, remedy)


class Run:
    """One trajectory: where it ended, how far it moved, and how far the law drifted at each layer."""

    def __init__(self, law: Any, stepper: Stepper, eta: float, steps: int) -> None:
        start, self.steps = stepper.start, steps
        self.end = start.moving
        self.moved = self.path = 0.0  # the farthest distance from the start; the length of the path
        self.near = dict.fromkeys(start.hidden, 0.0)  # the same distance in what a law of that layer reads
        self.drifts, self.ends = dict.fromkeys(start.hidden, 0.0), dict.fromkeys(start.hidden, 0.0)
        first = {number: value_at(law, start, start.moving, number) for number in start.hidden}
        for count in range(1, steps + 1):
            updates = stepper(self.end, eta)
            if count & (count - 1) == 0:  # a memory may show after a while: at steps 1, 2, 4, 8, …
                stepper.again(self.end, eta, updates)
            with np.errstate(all="ignore"):
                self.end = self.end | {name: self.end[name] + change for name, change in updates.items()}
            when = f" after {count} steps of η = {eta:g} (try a smaller eta or time)"
            for name in updates:
                finite(self.end[name], name + when)
            gone = {name: self.end[name] - start.moving[name] for name in self.end}
            self.path += norm(updates)
            self.moved = max(self.moved, norm(gone))
            for number, value in first.items():
                self.ends[number] = float(np.abs(value_at(law, start, self.end, number, when) - value).max(initial=0))
                self.drifts[number] = max(self.drifts[number], self.ends[number])
                self.near[number] = max(self.near[number], norm(gone, start.near(number)))


def _drift(law: Any, stepper: Stepper, number: int, runs: list[Run]) -> LayerDrift:
    start, last = stepper.start, runs[-1].end
    sensitivity = max(_sensitivity(law, start, state, number) for state in (start.moving, last))
    size = max(norm(start.moving, start.near(number)), norm(last, start.near(number)))
    still, floors = False, []
    for run in runs:
        # A step rounds each weight by at most one eps of itself, and N steps may add that up to N eps; Q then moves by
        # its sensitivity times as much. New weights in a lower precision have its eps; updates in a lower precision
        # round what they add, which is the path. Below that, no drift is told apart from rounding.
        share = run.steps * (max(stepper.eps, EPS) if stepper.whole else EPS)
        if not stepper.whole and stepper.eps > EPS and size:
            share += stepper.eps * run.path / size
        floors.append(sensitivity * share)
        still = still or run.near[number] <= 1000 * share * size  # three digits of movement, or nothing is measured
    drifts, ends = tuple(run.drifts[number] for run in runs), tuple(run.ends[number] for run in runs)
    return drift_of(drifts, ends, tuple(floors), still, sensitivity == 0, stepper.stochastic)


def _sensitivity(law: Any, start: Start, state: Arrays, number: int) -> float:
    """How far Q moves when every weight moves by a part h of itself, divided by h; the largest of some directions.

    Independent signs give the root mean square of the sum that the worst signs would give; that N roundings add up like
    N and not like √N makes up for it. The signs are the same at every call.
    """
    h, rng, value = 2.0**-10, np.random.default_rng(0), value_at(law, start, state, number)
    found = 0.0
    for _ in range(SAMPLES):
        moved = {name: array * (1 + h * rng.choice((-1.0, 1.0), array.shape)) for name, array in state.items()}
        found = max(found, float(np.abs(value_at(law, start, moved, number) - value).max(initial=0)) / h)
    return found


def _follow_a_flow(start: Start, runs: list[Run]) -> bool:
    """Whether the last two runs end within a quarter of the way they went: then there is a flow to speak of."""
    fine, coarse = runs[-1], runs[-2]
    gap = norm({name: fine.end[name] - coarse.end[name] for name in start.maps})
    return gap <= fine.moved / 4


def _decisive(found: list[LayerDrift]) -> LayerDrift:
    """The layer that decides the outcome of all: the worst that fails, else one not settled, else the slowest."""
    ranks = [STAYS, INCONCLUSIVE, FALLS, CONSTANT]
    return min(found, key=lambda layer: (ranks.index(layer.outcome), -(layer.limit or 0.0), layer.order or 0.0))


def _notes(layers: dict[int, LayerDrift], stepper: Stepper, flow: bool) -> tuple[str, ...]:
    notes = [f"layer {number}: {found.note}" for number, found in layers.items() if found.note]
    if not flow:
        notes.append("the runs do not approach one flow as the step falls; lower eta or time")
    if stepper.stochastic:
        notes.append("stochastic: each run drew anew, and a memory inside the step was not looked for")
    if stepper.eps > EPS:
        advice = "; updates, added in float64, would blur less" if stepper.whole else ""
        notes.append(f"the step answered with {stepper.eps:.1g} of relative rounding{advice}")
    return tuple(notes)
