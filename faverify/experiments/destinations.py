"""Where a two-layer linear flow with one output ends: digits that are proved, and exact numbers where they exist.

Method. `enclose_limit` proves that the integrated error p tends to the one zero of r in a box. If the simplest rational
point of that box is a zero of r, exactly, it is p_∞, and all that is rational in p is known exactly. Dependent samples
X = C X₀ have the zeros of X₀ with the targets X₀ w_MN, since u = Xᵀp is in the same span; with C₀ > 0 there is one zero
only, for r is strictly monotone in p, and by RK-POT the flow tends to it. The least-squares solution of least norm w_MN
is always rational. Where B ≠ 0 and the rows of W₁(0) lie in the span of the samples,
w_∞ = w_MN by RK-POT and RK-T2-minnorm, whether or not a box was found.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb, arb_mat

from ..flows.balls import bounds, precision
from ..flows.limits import enclose_limit, smallest
from ..flows.problems import FlowProblem
from ..model.rules import FeedbackAlignment
from .hypotheses import Case
from .rationals import (
    Number,
    balls,
    fraction,
    identity,
    inner,
    is_zero,
    least_nonzero,
    matrix,
    norm2,
    projector,
    rows_of,
    scaled,
)

GUARD = 8  # digits more than are shown


@dataclass(frozen=True)
class Destination:
    """The end of a flow. `status`: enclosed (all of it), known (w_∞ alone, by the theorems) or undecided.

    `w`, `W2`, `alignment` α_∞ and `rate`, the least eigenvalue of X(α_∞I + W₁ᵀW₁)Xᵀ, are proved where not None;
    `minimum_norm_solution` w_MN is exact, of least squares if the targets cannot be met. `is_minimum_norm` says whether
    w_∞ = w_MN, None where that is not known. `proved`: what the enclosure proved for all t ≥ 0.
    """

    status: str
    note: str
    digits: int
    minimum_norm_solution: list[Number]
    meets_targets: bool
    w: list[Number] | None = None
    W2: list[Number] | None = None
    alignment: Number | None = None
    rate: Number | None = None
    is_minimum_norm: bool | None = None
    by: str = ""
    proved: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        def shown(value: Any, proved: bool = True) -> Any:
            if isinstance(value, list):
                return [shown(entry) for entry in value]
            return None if value is None else value.to_dict() | {"certified": proved}

        record: dict[str, Any] = {"status": self.status, "certified": self.status != "undecided", "note": self.note}
        record |= {"digits": self.digits, "by": self.by or None, "proved": list(self.proved)}
        for name in ("w", "W2", "alignment", "rate", "minimum_norm_solution"):
            record[name] = shown(getattr(self, name))
        meant = "of least norm among the solutions" if self.meets_targets else "of least norm among least squares"
        return record | {"meant": meant, "is_minimum_norm": self.is_minimum_norm}

    def lines(self) -> list[str]:
        def row(name: str, values: list[Number]) -> list[str]:
            found = [f"{name} = ({', '.join(map(written, values))})"]
            return found if len(found[0]) <= 110 else [f"{name} =", *(f"  {written(value)}" for value in values)]

        meant = "the solution of least norm" if self.meets_targets else "of least norm among least squares"
        lines = []
        if self.w is not None:
            lines += row("w_∞", self.w)
        if self.W2 is not None:
            lines += row("W_2(∞)", self.W2)
        for name, number in (("α_∞ = ⟨W_2(∞), B⟩", self.alignment), ("rate in the end, generically", self.rate)):
            lines += [] if number is None else [f"{name} = {written(number)}"]
        lines += row("w_MN", self.minimum_norm_solution)
        lines[-1] += f": {meant}, exactly"
        if self.is_minimum_norm is not None:
            lines.append(f"w_∞ is {'' if self.is_minimum_norm else 'not '}w_MN")
        lines += [f"proved for this trajectory: {statement}" for statement in self.proved]
        lines.append(f"certified: {self.by}" if self.status != "undecided" else f"undecided: {self.note}")
        if self.status == "known" and self.note:
            lines.append(f"the rest is undecided: {self.note}")
        return [f"  {line}" for line in lines]


def written(number: Number) -> str:
    """An exact number if it is short, else all of its digits."""
    short = number.exact is not None and len(str(number.exact)) <= 24
    return str(number.exact) if short else number.decimal


def destination(case: Case, digits: int, budget: int) -> Destination | None:
    """The end of the flow, for two linear layers with one output and the squared loss; else None."""
    if not (case.theorem2 and case.squared):
        return None
    solution = [Number.of(fraction(value), digits) for value in case.least.entries()]
    base: dict[str, Any] = {"digits": digits, "minimum_norm_solution": solution}
    base["meets_targets"] = is_zero(case.y - case.X * case.least)
    if not case.rank:
        return at_rest(case, base)
    note = "the samples are dependent and C₀ ≤ 0, so that several ends are conceivable"
    if case.independent or (case.C0 > 0 and not is_zero(case.B(2))):
        try:
            limit = enclose_limit(equivalent(case), digits=digits + GUARD, budget=budget)
            if limit.status == "enclosed":
                return enclosed(case, limit, base)
            note = limit.note
        except (ArithmeticError, ValueError) as error:  # balls that are not finite: numbers of very different sizes
            note = f"the enclosure of the limit failed: {error}"
    if is_zero(case.off_span) and not is_zero(case.B(2)):
        by = "RK-POT and RK-T2-minnorm, exact algebra"
        return Destination("known", note, w=solution, is_minimum_norm=True, by=by, **base)
    return Destination("undecided", note, **base)


def at_rest(case: Case, base: dict[str, Any]) -> Destination:
    """All samples are zero: nothing moves."""
    digits, w = base["digits"], case.W(1).transpose() * case.W(2).transpose()
    found: dict[str, Any] = {"w": [Number.of(fraction(value), digits) for value in w.entries()]}
    found["W2"] = [Number.of(fraction(value), digits) for value in case.W(2).entries()]
    found["alignment"], found["is_minimum_norm"] = Number.of(inner(case.W(2), case.B(2)), digits), is_zero(w)
    return Destination("enclosed", "", by="all samples are zero, and nothing moves", **found, **base)


def equivalent(case: Case) -> FlowProblem:
    """A flow with independent samples and the same zeros: X = C X₀ with targets (CᵀC)⁻¹Cᵀy, which X₀ w_MN are.

    In two layers DFA is feedback alignment with B_2 = F_1.
    """
    base, y = (case.X, case.y) if case.independent else (case.base, case.base * case.least)
    data = case.problem.data
    given: dict[str, Any] = {"weights": [data["W1"], data["W2"]], "feedback": [rows_of(case.B(2))]}
    signal: dict[str, Any] = {"inputs": rows_of(base.transpose()), "targets": rows_of(y.transpose())}
    return FlowProblem(case.net, FeedbackAlignment(), **given, **signal)


def enclosed(case: Case, limit: Any, base: dict[str, Any]) -> Destination:
    """What the balls hold, and the exact numbers where p_∞ is rational."""
    digits, least = base["digits"], base["minimum_norm_solution"]
    found: dict[str, Any] = {"proved": limit.proved, "by": "enclose_limit: a ball around the limit, and a proof"}
    if not case.independent:
        found = {"by": "RK-POT; enclose_limit for independent samples with the same zeros, of which C₀ > 0 leaves one"}
    is_minimum = limit.minimum_norm
    exact = exact_limit(case, limit)
    if exact is not None:
        w, W2, alignment, slope = exact
        found["w"] = [Number.of(value, digits) for value in w]
        found["W2"] = [Number.of(value, digits) for value in W2]
        found["alignment"], found["rate"] = Number.of(alignment, digits), least_nonzero(slope, digits)[0]
        is_minimum = [number.exact for number in found["w"]] == [number.exact for number in least]
        found["by"] += "; the limit is rational, and was checked exactly"
    else:
        found["w"] = least if is_minimum else [Number.within(value, digits) for value in limit.w]
        found["W2"] = [Number.within(value, digits) for value in limit.W2[0]]
        found["alignment"] = Number.within(limit.alignment, digits)
        found["rate"] = Number.within(limit.rate if case.independent else end_rate(case, limit), digits)
    return Destination("enclosed", limit.note, is_minimum_norm=is_minimum, **found, **base)


def exact_limit(case: Case, limit: Any) -> tuple[list[Fraction], list[Fraction], Fraction, Any] | None:
    """w_∞, W₂(∞), α_∞ and X(α_∞I + W₁ᵀW₁)Xᵀ where p_∞ is the simplest rational point of its box; else None."""
    X = case.X if case.independent else case.base
    p = matrix([[simplest(*bounds(value))] for value in limit.integrated_error])
    u, B, W1, W2 = X.transpose() * p, case.B(2), case.W(1), case.W(2)
    second = W2 + u.transpose() * W1.transpose() + scaled(B, norm2(u) / 2)
    first = W1 + B.transpose() * u.transpose()
    w = first.transpose() * second.transpose()
    if not is_zero(X * (case.least - w)):
        return None
    alignment = inner(second, B)
    image = case.X * first.transpose()
    slope = image * image.transpose() + scaled(case.X * case.X.transpose(), alignment)
    return [row[0] for row in rows_of(w)], rows_of(second)[0], alignment, slope


def end_rate(case: Case, limit: Any) -> Any:
    """The least non-zero eigenvalue of N = X(αI + W₁ᵀW₁)Xᵀ, a ball: that of N + κ(I − P), P on range(X), κ ≥ tr N."""
    digits = limit.digits
    with precision(4 * digits + 80):
        X, off = balls(case.X), balls(identity(case.X.nrows()) - projector(case.X.transpose()))
        image = X * arb_mat(limit.W1.T.tolist())
        found = image * image.transpose() + X * X.transpose() * limit.alignment
        share = sum((found[i, i] for i in range(found.nrows())), arb(0)).abs_upper()
        return smallest(found + off * share, digits)


def simplest(low: Fraction, high: Fraction) -> Fraction:
    """The rational number of least denominator in [low, high]: continued fractions."""
    if low <= 0 <= high:
        return Fraction(0)
    if high < 0:
        return -simplest(-high, -low)
    floor = low.numerator // low.denominator
    if floor == low:
        return Fraction(floor)
    if floor < high.numerator // high.denominator:
        return Fraction(floor + 1)
    return floor + 1 / simplest(1 / (high - floor), 1 / (low - floor))
