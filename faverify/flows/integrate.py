"""`integrate`: the flow of a problem, from 0 to t, to any number of digits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

import numpy as np

from ..errors import Misuse, NonFiniteError, NonUnique, whole_number
from .corners import Germs
from .engines import FloatEngine, LimbEngine
from .layouts import Layout
from .paths import Path
from .problems import FlowProblem, check_problem, number
from .programs import Program
from .recorders import recorded
from .starting import start_signs
from .stepping import UNDEFINED, Stepper

FLOAT = 15  # digits of float64
LEAST = 20  # digits of the next arithmetic
MOST = 2000
BUDGET = 20000  # steps
SPARE = 3  # decimal places that may be lost, of those kept beyond what is asked for
WIDEST = 600  # decimal places worked with, where functions lose some
LATEST = Fraction(10) ** 100


def integrate(
    problem: FlowProblem,
    t: Any,
    digits: int = 50,
    *,
    on_nonunique: str = "raise",
    budget: int = BUDGET,
    progress: Callable[[float], None] | None = None,
) -> Path:
    """The solution θ(t) of θ̇ = the rule's velocities, in Filippov's sense where they jump, from 0 to t.

    Units: t in the time of the flow (learning rate 1). `digits` are decimal places of the result, relative to the
    size of the weights: 15 is float64, 16 to 19 become 20. `budget` bounds the steps. `progress` is told the fraction
    done.

    Returns: a `Path`; its `status` is ok, blow-up (it ends at `t_end`, before t), nonunique, unresolved (no admissible
    mode was found), budget. The time of a blow-up is the end of the path, to about as many digits.

    Raises: NonUnique, with the path up to there as `.path`, where the solution can go on in several ways, unless
    `on_nonunique` is "follow", which takes one and says so in `status`; Misuse; RuleError for a rule without a flow.

    Scope: chains; rules without random draws; any activation with declared kinks.

    Algorithm: Taylor series of order ⌈1.15 D⌉ and more, whose coefficients come from the rule's own code run over
    series; steps of e^{−2} of the radius of convergence. Events are first roots of piecewise arguments, found by
    exclusion and Bernstein's coefficients and refined to all digits; after each, the modes of all entries on a kink
    are settled anew as a box complementarity problem. On a sliding mode the unknown gate is a series too, so it is
    followed at full order.

    References: Jorba & Zou 2005; Filippov 1988.

    Examples
    --------
    >>> import faverify as fv
    >>> net, one = fv.MLP((1, 1, 1), "linear"), [[1]]
    >>> problem = fv.FlowProblem(net, fv.rules.FeedbackAlignment(), weights=[one, [["0.5"]]], feedback=[one],
    ...                          inputs=one, error=lambda t, f: -2 * f)
    >>> path = fv.integrate(problem, t="0.375", digits=30)
    >>> path.status, path.weights("0.375")[0][0, 0]        # (1 − 2t)^(−1/2) = 2
    ('ok', mpf('2.0'))
    """
    check_problem(problem)
    end, digits = length(t), places(digits)
    if on_nonunique not in ("raise", "follow"):
        raise Misuse("on_nonunique", on_nonunique, "'raise' or 'follow'")
    budget = limit(budget)
    path = flow(problem, recorded(problem), end, digits, on_nonunique == "follow", budget, progress=progress)
    if path.status == "nonunique" and on_nonunique == "raise":
        raise NonUnique(path, f"t = {float(path.t_end):.6g}: {path.note}")
    return path


def flow(
    problem: FlowProblem,
    program: Program,
    end: Fraction,
    digits: int,
    follow: bool = False,
    budget: int = BUDGET,
    options: frozenset[str] = frozenset(),
    progress: Callable[[float], None] | None = None,
) -> Path:
    """The path of a recorded program; `options` switch parts of the method off, for tests that it must then fail."""
    layout = Layout(program)
    work = digits
    with one_thread():
        while True:
            single = engine_of(program, work, end)
            engine = single()
            state = loaded(engine, problem, program)
            stepper = Stepper(
                engine, single, Germs(program), state, engine.end,
                follow=follow, budget=budget, options=options, progress=progress,
                signs=lambda row: start_signs(program, layout, problem.data),
            )  # fmt: skip
            case = stepper.run()[0]
            wanted = digits + math.ceil(engine.lost)
            if wanted <= work + SPARE or work >= WIDEST:
                break
            work = min(wanted, WIDEST)  # once more, with the places that functions lose
    if case.status == "unresolved" and case.note == UNDEFINED:
        found = "no number (a division by 0, or outside the domain of a function)"
        raise NonFiniteError(found, "the vector field (start where the rule and error(t, f) have values)")
    return Path(problem, program, digits, case, stepper.layout)


def engine_of(program: Program, digits: int, end: Fraction) -> Callable[[], Any]:
    """What makes engines for so many digits."""

    def made() -> Any:
        found: Any = (
            FloatEngine(program, order_for(digits), 1)
            if digits == FLOAT
            else LimbEngine(program, order_for(digits), digits)
        )
        found.end = float(end) if digits == FLOAT else end
        return found

    return made


def order_for(digits: int) -> int:
    return math.ceil(1.15 * (digits + (0 if digits == FLOAT else 3))) + 2


def loaded(engine: Any, problem: FlowProblem, program: Program) -> dict[str, Any]:
    """The state at the start, in the engine's numbers: every leaf of the program."""
    return {name: engine.loaded(program.start_of(name, problem.data)) for name in program.leaves}


def length(t: Any) -> Fraction:
    found = number(t, "t")
    if found < 0:
        raise Misuse("t", t, "a time of 0 or more: a flow that is not unique backwards is followed forwards only")
    if found > LATEST or 0 < found < 1 / LATEST:
        raise Misuse("t", t, "a time between 1e-100 and 1e100, or 0")
    return found


def limit(budget: Any) -> int:
    return whole_number("budget", budget, 1, expected="a number of steps, at least 1")


def places(digits: Any) -> int:
    found = whole_number("digits", digits, FLOAT, MOST, f"a whole number from {FLOAT} (float64) to {MOST}")
    return found if found == FLOAT else max(found, LEAST)


@contextmanager
def one_thread() -> Iterator[None]:
    """BLAS in one thread: the matrices are small, and handing them out costs more than their products."""
    from threadpoolctl import ThreadpoolController

    if "controller" not in _KNOWN:
        np.zeros((2, 2)) @ np.zeros((2, 2))
        _KNOWN["controller"] = ThreadpoolController()
    with _KNOWN["controller"].limit(limits=1, user_api="blas"), np.errstate(all="ignore"):
        yield


_KNOWN: dict[str, Any] = {}
