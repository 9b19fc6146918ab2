"""Training in steps, exactly: W ← W + η Ẇ over rational numbers, as a rule's own code says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..errors import Misuse, RuleError, Undecidable, UnsupportedOperation, name_of, whole_number
from ..kernel.passes import Run
from ..kernel.states import State, value_of
from ..kernel.wiring import places
from ..model.names import law_named, unmarked
from ..proving.matrices import Matrix
from ..proving.rings import Assignment, Rationals
from ..proving.witnesses import array
from .problems import FlowProblem, Rows, check_problem, number
from .recorders import error_of, inert_in, refuse_absent, refuse_draws

BITS = 1_000_000  # of the longest number: its digits multiply with every step
BUDGET = "budget"


@dataclass(frozen=True, eq=False)
class Training:
    """θ_0, θ_1, …, exact: θ_{s+1} = θ_s + η θ̇(θ_s).

    `status`: ok, or budget where numbers became longer than a million bits; what was computed until then stands.
    `losses`: ½‖f − Y‖² at every state, where the problem has targets.
    """

    problem: FlowProblem
    eta: Fraction
    states: tuple[dict[str, Rows], ...]
    losses: tuple[Fraction, ...]
    status: str = "ok"
    note: str = ""

    def __len__(self) -> int:
        """How many steps were made."""
        return len(self.states) - 1

    def __repr__(self) -> str:
        return f"<{len(self)} steps of {name_of(self.problem.rule)}, η = {self.eta}: {self.status}>"

    def parameters(self, step: int = -1) -> dict[str, Any]:
        """What moves, after a step (0 is the start): object arrays of Fractions, by name."""
        return {unmarked(name): array(rows) for name, rows in self._state(step).items()}

    def weights(self, step: int = -1) -> list[Any]:
        """W_1 … W_L after a step (0 is the start, −1 the end): object arrays of Fractions."""
        state = self._state(step)
        return [array(state.get(f"W{k}", self.problem.data[f"W{k}"])) for k in self.problem.net.labels]

    def moves(self, step: int) -> dict[str, Any]:
        """Δθ of the step that leads from state `step`, counted from 0, to the next, by name."""
        step = whole_number("step", step, 0, len(self) - 1)
        before, after = self._state(step), self._state(step + 1)
        return {unmarked(name): array(after[name]) - array(before[name]) for name in after}

    def law(self, law: Any) -> list[dict[Any, Any]]:
        """Q at every state, start included: for each layer of the law an object array of Fractions.

        Raises: LawError; Misuse for a law that is no rational function of the parameters.
        """
        law = law_named(law)
        return [_values(self.problem, law, state, self.states[0]) for state in self.states]

    def _state(self, step: int) -> dict[str, Rows]:
        return self.states[place(step, len(self.states))]


def place(step: Any, states: int) -> int:
    """Where a state is in a list of so many, counted from 0, or from the end below 0.

    Raises: Misuse.
    """
    return whole_number("step", step, -states, states - 1, f"a whole number from 0 to {states - 1}, or −1 for the end")


def steps(
    problem: FlowProblem, eta: Any, n: int, *, bits: int = BITS, progress: Callable[[float], None] | None = None
) -> Training:
    """n steps of a rule with the learning rate η, in rational arithmetic: every number is exact.

    All parameters move at once, by the velocities at the state before. At a kink φ′ is what the activation says (0 for
    ReLU), sign(0) is 0. `error(t, f)` of the problem is asked at t = s η.

    Units: η as the problem's numbers: integers, Fractions, "0.1"; a float stands for its exact binary value.

    Returns: a `Training`. Numbers grow longer with every step, by a factor that is the degree of the rule; where one is
    longer than `bits`, the status is budget, and the steps until then are kept.

    Raises: Misuse; RuleError for a rule that draws at random, or whose steps are not rational (tanh, norms).

    Examples
    --------
    >>> import faverify as fv
    >>> net, one = fv.MLP((1, 1, 1), "linear"), [[1]]
    >>> problem = fv.FlowProblem(net, fv.rules.FeedbackAlignment(), weights=[one, one], feedback=[one], inputs=one,
    ...                          targets=[[-3]])
    >>> training = fv.steps(problem, "1/2", 1)
    >>> training.weights()[1], training.losses                      # RK-C1-discrete: the alignment W₂B is −1
    (array([[Fraction(-1, 1)]], dtype=object), (Fraction(8, 1), Fraction(8, 1)))
    """
    check_problem(problem)
    eta = number(eta, "eta")
    n, bits = whole_number("n", n, 0), whole_number("bits", bits, 64)
    state: dict[str, Rows] = {}
    states, losses = [], []
    for step in range(n + 1):
        moves, loss = _moves(problem, state, eta * step)
        if step == 0:  # all that moves, and is of some use: B_1 is not
            moving = {name: rate for name, rate in moves.items() if name in problem.data or name[0] in "Vv"}
            state = {name: problem.data.get(name) or _zeros(*rate._dims) for name, rate in moving.items()}
        states.append(state)
        losses += [] if loss is None else [loss]
        if progress is not None:
            progress(step / n if n else 1.0)
        if step == n:
            break
        state = {name: _added(rows, moves[name].data, eta) for name, rows in state.items()}
        longest = max(
            v.numerator.bit_length() + v.denominator.bit_length() for r in state.values() for w in r for v in w
        )
        if longest > bits:
            found = f"after {step} steps a number would have {longest:,} bits"
            return Training(problem, eta, tuple(states), tuple(losses), BUDGET, found)
    return Training(problem, eta, tuple(states), tuple(losses))


class Data(Assignment):
    """The carrier of one state: what is not given does not exist, but for memories, which start at 0."""

    inert: tuple[str, ...] = ()

    def letter(self, name: str, rows: int, cols: int) -> Matrix:
        refuse_draws(name, "the steps", "exact steps need a rule that draws nothing: measure it with fv.measure")
        if name not in self.data:
            refuse_absent(name, self.data, self.inert)
            self.data[name] = _zeros(rows, cols)
        return super().letter(name, rows, cols)


def _run(problem: FlowProblem, data: dict[str, Rows], time: Fraction) -> Run:
    ring = Rationals()
    carrier = Data(ring, data)
    carrier.inert = inert_in(problem.net)
    if problem.net.activation.phi is None:
        raise Misuse("activation", problem.net.activation.name, "one with values, such as 'relu': steps are numbers")
    run = Run(problem.net, carrier, problem.samples)
    clock = Matrix(ring, [[time]])
    run.error = lambda output: error_of(problem, clock, output.h, lambda: run.once("y", *output.h._dims))
    return run


def _moves(problem: FlowProblem, state: dict[str, Rows], time: Fraction) -> tuple[dict[str, Matrix], Fraction | None]:
    """The velocities at a state, and the loss there."""
    run = _run(problem, {**problem.data, **state}, time)
    try:
        moves = run.velocities(problem.rule)
    except Undecidable as question:
        found = f"{question.line} asks for {question.question}"
        raise RuleError(name_of(problem.rule), found, "rational numbers do not answer it") from question
    except UnsupportedOperation as error:
        remedy = "exact steps need polynomials, quotients and signs; fv.measure makes steps in floats"
        raise RuleError(name_of(problem.rule), f"leaves the rational numbers: {error}", remedy) from error
    except ZeroDivisionError as error:
        raise RuleError(name_of(problem.rule), f"divides by 0 at t = {time}", "start elsewhere") from error
    if problem.targets is None:
        return moves, None
    gap = run.output.h - run.once("y", *run.output.h._dims)
    return moves, Fraction((gap * gap).total().data[0][0]) / 2


def _values(problem: FlowProblem, law: Any, state: dict[str, Rows], start: dict[str, Rows]) -> dict[Any, Any]:
    """Q at one state."""
    data = {**problem.data, **state, **{f"{name}(0)": rows for name, rows in start.items()}}
    run = _run(problem, data, Fraction(0))
    run.rule = problem.rule
    run.forward(run.source())
    try:
        return {label: array(value_of(law, run, State(place)).data) for label, place in places(run, law).items()}
    except (Undecidable, UnsupportedOperation) as error:
        raise Misuse("law", name_of(law), "a rational function of the parameters, whose values are exact") from error


def _zeros(rows: int, cols: int) -> Rows:
    return [[Fraction(0)] * cols for _ in range(rows)]


def _added(rows: Rows, moves: Any, rate: Fraction) -> Rows:
    return [[a + rate * b for a, b in zip(row, other, strict=True)] for row, other in zip(rows, moves, strict=True)]
