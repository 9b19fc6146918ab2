"""Where two-layer linear networks with one output go under feedback alignment: proved for all t ≥ 0.

Method. X is n × d (a sample a row), w = W₁ᵀW₂ᵀ, r = y − Xw, α = ⟨W₂, B⟩. Let p(t) = ∫₀ᵗ r and u = Xᵀp. Then
W₁ = W₁(0) + Bᵀuᵀ and W₂ = W₂(0) + uᵀW₁(0)ᵀ + ½‖u‖²B exactly (differentiate: Ẇ₁ = BᵀrᵀX, Ẇ₂ = rᵀXW₁ᵀ), so r is a
function of p, ṗ = r(p), and −∂r/∂p = M = X(αI + W₁ᵀW₁)Xᵀ is symmetric.

- *A zero* (Krawczyk). For a box P with middle m and Y ≈ M(m)⁻¹: if m + Y r(m) + (I − Y M(P))(P − m) lies inside of P,
  then r has a zero p* in P.
- *The trap.* Let D be the ball around p* of radius R ≥ ‖p(T) − p*‖, where a rigorous enclosure gives p(T), and let
  M ≥ μ > 0 on D. While p is in D, d/dt ½‖p − p*‖² = (p − p*)ᵀ(r(p) − r(p*)) ≤ −μ‖p − p*‖², since −r has the derivative
  M on the convex D: so p never leaves D and p → p*. In the same way d/dt ½‖r‖² = −rᵀMr ≤ −μ‖r‖².
- *M on D*: from pivots of M − μI over a box around D; or from M ≥ α XXᵀ, where α(p) is a convex quadratic function:
  on D it is at least α(p*) − ‖∇α(p*)‖R, and everywhere at least C₀, its minimum over u in the span of Xᵀ.
- So α is bounded for t ≥ T; over [0, T] it is bounded on the enclosure.

References: Robertson & Koyejo 2023, Theorem 2 (repaired: the rows of W₁(0) in span(Xᵀ)); Krawczyk 1969; Neumaier 1990.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
from flint import arb, arb_mat

from ..errors import Misuse, name_of, whole_number
from ..kernel.trajectories import enclosed
from ..kernel.verdicts import Scope, Verdict
from ..model.rules import FeedbackAlignment
from .balls import UNIT, BallSeries, ball, bounds, decimals, matrix_of, precision
from .enclosure import FEWEST, MOST, TRUSTED, array_of, ranges_over
from .lohner import Run, order_for
from .problems import FlowProblem, Rows, check_problem, number
from .programs import Node, Program, settle

BUDGET = 1000  # steps
DIGITS = 12  # of the enclosure up to the trap
LONGEST, SHORTEST = Fraction(2**30), Fraction(1, 2**60)  # times
NEWTON = 200  # iterations
SHARE = Fraction(9, 10)  # of an eigenvalue, for a proved bound below it
CLOSE = Fraction(1, 20)  # by how much of itself the bound of α for t ≥ T may be below that on [0, T]


def enclose_limit(problem: FlowProblem, *, digits: int = 40, budget: int = BUDGET) -> Limit:
    """The limit of the flow of a two-layer linear network with one output, rigorously, and what holds for all t ≥ 0.

    Units: `digits` are those of the limit. `budget` bounds the steps of the enclosure that leads to a trap.

    Returns: a `Limit`; its `status` is enclosed, or undecided where no trap was found.

    Raises: Misuse where a hypothesis fails: two linear layers, one output, feedback alignment, squared loss, no
    biases, independent samples.

    Algorithm: see the head of this file: Krawczyk's test for the limit, a ball around it from which nothing escapes,
    and an enclosure of the flow until it is there.

    References: Robertson & Koyejo 2023, Theorem 2; Krawczyk 1969.

    Examples
    --------
    >>> import faverify as fv
    >>> problem = fv.FlowProblem(fv.MLP((1, 1, 1), "linear"), fv.rules.FeedbackAlignment(), weights=[[[1]], [[1]]],
    ...                          feedback=[[[1]]], inputs=[[1]], targets=[[3]])
    >>> limit = fv.enclose_limit(problem)
    >>> limit.status, limit.w[0].contains(3)
    ('enclosed', True)
    """
    check_problem(problem)
    digits, budget = whole_number("digits", digits, FEWEST, MOST), whole_number("budget", budget, 1)
    return Limit(problem, Search(Reduced(problem), digits, budget), digits)


class Reduced:
    """The flow as one of n numbers, the integrated error p: ṗ = r(p), with all that depends on p as nodes of a program.

    Raises: Misuse where a hypothesis fails.
    """

    def __init__(self, problem: FlowProblem) -> None:
        check(problem)
        data = problem.data
        self.samples: Rows = [list(column) for column in zip(*data["x"], strict=True)]
        found = rank(self.samples)
        if found < len(self.samples):
            expected = "independent samples (columns of the inputs)"
            raise Misuse("inputs", f"{len(self.samples)} samples of rank {found}", expected)
        self.spanned = rank(self.samples + data["W1"]) == found  # the rows of W₁(0) lie in the span of the samples
        self.start = {"p": [[Fraction(0)] for _ in self.samples]}
        program = self.program = Program()
        rows = (self.samples, [[value] for value in data["y"][0]], data["B2"], data["W1"], data["W2"])
        X, y, B, first, second = (program.literal(part) for part in rows)
        p = program.leaf("p", len(self.samples), 1)
        u = X.mT @ p
        self.W1 = first + B.mT @ u.mT
        self.W2 = second + u.mT @ first.mT + B * (u.mT @ u) / 2
        self.w = self.W1.mT @ self.W2.mT
        self.gram, self.least_norm = X @ X.mT, X.mT @ (X @ X.mT).inverse() @ y
        image = X @ first.mT + self.gram @ p @ B  # X W₁ᵀ
        self.residual, self.lead = y - image @ self.W2.mT, image @ B.mT
        self.alignment = self.W2 @ B.mT
        self.slope = self.gram * self.alignment + image @ image.mT
        self.feedback = B @ B.mT
        program.velocities["p"] = self.residual
        settle(program)

    def at(self, node: Node, p: Any) -> Any:
        """The value of a node where the integrated error is p, a column of balls."""
        found = BallSeries(self.program, {"p": p}, arb(0))(node, 0)
        return arb_mat(*node._dims) if found is None else found.parts[0]

    def lowest_alignment(self) -> Any:
        """C₀ ≤ α: with u = Xᵀp, the minimum over p of α(0) + ⟨u, W₁(0)ᵀBᵀ⟩ + ½‖u‖²‖B‖²."""
        zero = matrix_of(self.start["p"])
        start, lead, gram, size = (self.at(n, zero) for n in (self.alignment, self.lead, self.gram, self.feedback))
        if size[0, 0].is_zero():
            return start[0, 0]
        return start[0, 0] - (lead.transpose() * gram.inv() * lead)[0, 0] / (2 * size[0, 0])

    def candidate(self, digits: int) -> Any:
        """About where the flow leads: implicit steps that grow into Newton's. Nothing rests on it."""
        middle, step, eye = matrix_of(self.start["p"]), arb(1) / 1000, self._eye()
        for _ in range(NEWTON):
            slope, rest = self.at(self.slope, middle).mid(), self.at(self.residual, middle).mid()
            try:
                move = ((eye + slope * step).mid().inv() * (rest * step)).mid()
            except ZeroDivisionError:
                return middle
            middle, step = (middle + move).mid(), step * 2
            if step > 10**6 and all(abs(entry) < ball(Fraction(1, 10 ** (digits + 10))) for entry in move.entries()):
                break
        return middle

    def zero(self, digits: int) -> Any:
        """A column of balls that holds a zero of the residual, by Krawczyk's test; None where it fails."""
        middle, eye = self.candidate(digits), self._eye()
        try:
            inverse = self.at(self.slope, middle).mid().inv().mid()
        except ZeroDivisionError:
            return None
        centre = middle + inverse * self.at(self.residual, middle)
        width = ball(Fraction(1, 10 ** (digits // 2 + 5)))
        found = middle + arb_mat([[width * UNIT] for _ in self.samples])
        for turn in range(3):
            image = centre + (eye - inverse * self.at(self.slope, found)) * (found - middle)
            pairs = list(zip(found.entries(), image.entries(), strict=True))
            if not turn and not all(known.contains_interior(entry) for known, entry in pairs):
                return None
            found = arb_mat([[known.intersection(entry)] for known, entry in pairs])
        return found

    def _eye(self) -> Any:
        return arb_mat(len(self.samples), len(self.samples), 1)


def check(problem: FlowProblem) -> None:
    """Whether the hypotheses hold under which the flow reduces to the integrated error."""
    net = problem.net
    if net.depth != 2 or not net.activation.linear or net.bias:
        raise Misuse("problem", net, "a network of two linear layers without biases: fv.MLP((4, 3, 1), 'linear')")
    if net.outputs != 1:
        raise Misuse("problem", net, "one output: with several, the flow has no potential")
    if type(problem.rule) is not FeedbackAlignment:
        raise Misuse("rule", problem.rule, "fv.rules.FeedbackAlignment()")
    if problem.targets is None:
        raise Misuse("error", problem.error, "targets: the limit is that of the squared loss")


class Search:
    """A zero of r, and a time from which the flow is trapped around it; `note` says what is missing."""

    def __init__(self, reduced: Reduced, digits: int, budget: int) -> None:
        self.reduced, self.trapped, self.note, self.bits = reduced, False, "", 4 * digits + 80
        with precision(self.bits):
            self.zero = reduced.zero(digits)
            if self.zero is None:
                self.note = "Krawczyk's test found no zero of the residual"
                return
            self.limiting, self.lead = (
                reduced.at(reduced.alignment, self.zero)[0, 0],
                norm(reduced.at(reduced.lead, self.zero)),
            )
            self.everywhere = bounds(reduced.lowest_alignment())[0]
            self.gram, self.slope = reduced.at(reduced.gram, self.zero), reduced.at(reduced.slope, self.zero)
            self.guesses = [eigenpair(matrix, 53)[0] * SHARE for matrix in (self.slope, self.gram)]
        run = Run(reduced.program, reduced.start, LONGEST, DIGITS, order_for(DIGITS), SHORTEST)
        with precision(run.bits):
            start = matrix_of(reduced.start["p"])
            self.before = bounds(reduced.at(reduced.alignment, start)[0, 0])[0]  # a bound of α so far
            self._look(run)
            while not run.status and len(run.segments) < budget and not self._good():
                done = len(run.segments)
                run.advance()
                for segment in run.segments[done:]:
                    _, parts = ranges_over(run.states, [reduced.alignment], segment)
                    self.before = min(self.before, *(bounds(part)[0] for part in parts[0]))
                self._look(run)
        self.steps = len(run.segments)
        if not self.trapped:
            self.note = f"no trap was found up to t = {float(run.time):.6g} ({run.status or f'{self.steps} steps'})"

    def _good(self) -> bool:
        return self.trapped and self.later >= self.before - abs(self.before) * CLOSE

    def _look(self, run: Run) -> None:
        """Whether the flow is trapped from now on."""
        reduced, now = self.reduced, arb_mat([[entry] for entry in run.box.hull()])
        reach = norm(now - self.zero)
        alignment = max(self.everywhere, bounds(self.limiting - self.lead * reach)[0])
        around = self.zero + arb_mat([[reach * UNIT] for _ in reduced.samples])
        near, data = self.guesses
        rates = [near] if near > 0 and positive(reduced.at(reduced.slope, around), near) else []
        if alignment > 0 and data > 0 and positive(self.gram, data):
            rates.append(alignment * data)
        if rates:
            self.trapped, self.time, self.rate, self.later = True, run.time, max(rates), alignment
            self.residual = bounds(norm(reduced.at(reduced.residual, now)))[1]

    @property
    def lowest(self) -> Fraction:
        """A bound of α for all t ≥ 0."""
        return max(self.everywhere, min(self.before, self.later))


class Limit:
    """The limit of a flow, and what is proved of it for all t ≥ 0.

    `status`: enclosed or undecided (`note` says why). Balls: `integrated_error` p_∞, `W1`, `W2`, `w` (the solution that
    the network computes), `minimum_norm_solution`, `alignment` ⟨W₂(∞), B⟩, `rate`, the least eigenvalue of
    X(αI + W₁ᵀW₁)Xᵀ there, at which the residual decays in the end, generically. Rational bounds: `alignment_at_least`
    for all t ≥ 0; `decay` μ with ‖r(t)‖ ≤ e^{−μ(t−T)}‖r(T)‖ for all t ≥ T = `trap_time`. `minimum_norm`: whether the
    limit has the least norm among all solutions, True or False where that is proved, None where it is not. `proved`:
    these as statements.
    """

    def __init__(self, problem: Any, search: Search, digits: int) -> None:
        self.problem, self.digits, self.note = problem, digits, search.note
        self.status, self.proved = "undecided", ()  # type: str, tuple[str, ...]
        self.alignment_at_least = self.decay = self.trap_time = self.minimum_norm = None  # type: Any
        self.integrated_error = self.W1 = self.W2 = self.w = self.alignment = self.rate = None  # type: Any
        reduced = search.reduced
        with precision(search.bits):
            start = matrix_of(reduced.start["p"])
            self.minimum_norm_solution = array_of(reduced.at(reduced.least_norm, start).tolist())[:, 0]
            if search.trapped:
                self._read(reduced, search)

    def _read(self, reduced: Reduced, search: Search) -> None:
        self.status, self.trap_time, self.decay = "enclosed", search.time, search.rate
        zero, self.alignment_at_least = search.zero, search.lowest
        self.W1, self.W2 = (array_of(reduced.at(node, zero).tolist()) for node in (reduced.W1, reduced.W2))
        self.integrated_error, self.w = (
            array_of(zero.tolist())[:, 0],
            array_of(reduced.at(reduced.w, zero).tolist())[:, 0],
        )
        self.alignment, self.rate = search.limiting, smallest(search.slope, self.digits)
        gaps = [a - b for a, b in zip(self.w, self.minimum_norm_solution, strict=True)]
        self.minimum_norm = True if reduced.spanned else False if any(not gap.contains(0) for gap in gaps) else None
        lowest = decimals(self.alignment_at_least, self.alignment_at_least, 12)[0]
        decay = mpmath.nstr(mpmath.mpf(self.decay.numerator) / self.decay.denominator * (1 - mpmath.mpf(10) ** -11), 12)
        since = decimals(search.time, search.time, 6)[1]
        size = decimals(search.residual, search.residual, 12)[1]
        self.proved = (
            f"for all t ≥ 0: ⟨W_2(t), B_2⟩ ≥ {lowest}",
            f"for all t ≥ T, for a T ≤ {since}: ‖r(t)‖ ≤ {size} · exp(−{decay} (t − T))",
            "as t → ∞ the weights converge to what is in the balls W1 and W2, and the residual to 0",
        )
        if self.minimum_norm is not None:
            self.proved += (f"the limit is {'' if self.minimum_norm else 'not '}the solution of least norm",)

    @property
    def verdict(self) -> Verdict:
        """Proved, of this one trajectory and for all t ≥ 0; Undecided where no trap was found."""
        net, problem = self.problem.net, self.problem
        scope = Scope(
            layers="all", widths=", ".join(map(str, net.widths)), depths="2", batch=str(problem.samples),
            loss="squared loss", activations="linear", gates="none", feedback="this one", time="all t ≥ 0",
        )  # fmt: skip
        return enclosed(name_of(problem.rule), self.proved, scope, self)

    def __repr__(self) -> str:
        return f"<limit: {self.status}{f' ({self.note})' if self.note else ''}>"

    def __str__(self) -> str:
        head = (
            "Proved for this one trajectory (this network, start and data):"
            if self.proved
            else f"Undecided: {self.note}."
        )
        lines = [head, *(f"- {statement}" for statement in self.proved)]
        return "\n".join([*lines, f"Trusted: {TRUSTED}, limits."])

    def to_dict(self) -> dict[str, Any]:
        """A record for JSON: decimal strings [below, above], rounded outward."""

        def pair(value: Any) -> list[str]:
            return list(decimals(*bounds(value), self.digits + 5))

        record: dict[str, Any] = {"schema": 1, "kind": "limit", "status": self.status, "note": self.note}
        record |= {"digits": self.digits, "proved": list(self.proved), "minimum_norm": self.minimum_norm}
        if self.status == "enclosed":
            for name in ("integrated_error", "w", "minimum_norm_solution"):
                record[name] = [pair(value) for value in getattr(self, name)]
            record |= {name: [[pair(value) for value in row] for row in getattr(self, name)] for name in ("W1", "W2")}
            record |= {"alignment": pair(self.alignment), "rate": pair(self.rate)}
            record["alignment_at_least"] = decimals(self.alignment_at_least, self.alignment_at_least, self.digits)[0]
            record |= {"decay": str(self.decay), "trap_time": str(self.trap_time)}
        record["scope"], record["trusted"] = "this one trajectory, for all t ≥ 0", f"{TRUSTED}, limits"
        return record


# Linear algebra


def rank(rows: Rows) -> int:
    """The rank of a rational matrix, exactly."""
    left, found = [list(row) for row in rows], 0
    for column in range(len(rows[0])):
        pivot = next((k for k in range(found, len(left)) if left[k][column]), None)
        if pivot is None:
            continue
        left[found], left[pivot] = left[pivot], left[found]
        for k in range(found + 1, len(left)):
            factor = left[k][column] / left[found][column]
            left[k] = [a - factor * b for a, b in zip(left[k], left[found], strict=True)]
        found += 1
    return found


def positive(matrix: Any, shift: Fraction) -> bool:
    """Whether every symmetric matrix in the balls, less shift · I, is positive definite: all pivots are positive."""
    left = matrix.tolist()
    for k, row in enumerate(left):
        row[k] -= ball(shift)
    for k, row in enumerate(left):
        if not row[k] > 0:
            return False
        for i in range(k + 1, len(left)):
            factor = left[i][k] / row[k]
            left[i] = [a - factor * b for a, b in zip(left[i], row, strict=True)]
    return True


def eigenpair(matrix: Any, bits: int) -> tuple[Fraction, list[Fraction]]:
    """The least eigenvalue of a symmetric matrix and its vector, roughly: nothing rests on it."""
    with mpmath.workprec(bits):
        rows = [[mpmath.mpf(entry.mid()._mpf_) for entry in row] for row in matrix.tolist()]
        values, vectors = mpmath.eigsy(mpmath.matrix(rows))
        return number(values[0], "an eigenvalue"), [number(entry, "its vector") for entry in vectors[:, 0]]


def smallest(matrix: Any, digits: int) -> Any:
    """The least eigenvalue of a symmetric matrix of balls, as a ball: Rayleigh's quotient above, pivots below."""
    return around(matrix, *eigenpair(matrix, 4 * digits + 80), Fraction(1, 10 ** (digits + 2)))


def around(matrix: Any, value: Fraction, vector: list[Fraction], width: Fraction) -> Any:
    """A ball that holds the least eigenvalue of a symmetric matrix, from what is about it and its vector."""
    column = arb_mat([[ball(entry)] for entry in vector])
    above = (column.transpose() * matrix * column)[0, 0] / (column.transpose() * column)[0, 0]
    while not positive(matrix, value - width):
        width *= 4
    return ball(value - width).union(above)


def norm(matrix: Any) -> Any:
    """A bound of the Euclidean norm of a column."""
    square = sum((entry * entry for entry in matrix.entries()), arb(0))
    return square.abs_upper().sqrt().abs_upper()  # of its upper end, since a ball around 0 has no root
