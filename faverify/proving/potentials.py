"""The law that belongs to a rule: ½‖W_l‖² − p G(W_{l+1}), where the feedback is the gradient of G.

Method. Along δ_l = φ′ ⊙ (f(W_{l+1})ᵀ δ_{l+1}), with h φ′ = p φ, ½‖W_l‖² changes at the rate p ⟨f(W_{l+1}), Ẇ_{l+1}⟩: so
if f = ∇G, ½‖W_l‖² − p G(W_{l+1}) is conserved. f is read off the rule over words. G is the integral of ⟨W, f(tW)⟩ over
t from 0 to 1, exact for polynomials by a quadrature with rational weights; the pseudo-inverse and the inverse have
logarithms of determinants. A candidate counts if its gradient is f as a word; the law is then proved as any other.
Where f is no gradient, two entries whose mixed derivatives differ are exhibited at a rational point.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations, product
from typing import Any

from ..errors import FaverifyError, ShapeError, Undecidable, called, name_of
from ..kernel.carriers import Value
from ..kernel.cuts import pieces
from ..kernel.passes import Run, is_local
from ..kernel.states import State
from ..kernel.verdicts import Proved
from ..kernel.words import Word, WordCarrier, derivative, letter, letter_name
from ..model.assumptions import assumptions_of
from ..model.formulas import constant_text, inner, inverse, logdet, norm2, pinv
from ..model.laws import OWN, Law
from ..model.networks import MLP
from ..presenting import matrix_text
from .check import question_of, seconds, settled
from .jets import MovingState
from .rings import Assignment, Rationals

DEGREE = 6  # of the feedback as a polynomial in W


@dataclass(frozen=True)
class RuleLaw:
    """The law of a rule and its verdict; or why there is none, with the asymmetric pair that shows it.

    `pair`: W_{l+1} and B_{l+1} at a point, two entries of the feedback, and their unequal mixed derivatives.
    """

    rule: str
    law: Law | None = None
    verdict: Any = None
    reason: str = ""
    pair: Any = None

    def to_dict(self) -> dict[str, Any]:
        """Everything but the objects, ready for JSON."""
        verdict = None if self.law is None else self.verdict.to_dict()
        statement = self.law and self.law.statement
        return {"rule": self.rule, "law": statement, "verdict": verdict, "reason": self.reason or None}

    def __str__(self) -> str:
        if self.law is None:
            return f"no law of the form ½‖W_l‖² − G(W_{{l+1}}): {self.reason}"
        finding = self.verdict.finding
        where = self.verdict.scope.assumptions
        under = "" if where == "none" else f", where {where}"
        return f"{self.law.statement}: {self.verdict.kind}{under}" + (f"; {finding['text']}" if finding else "")


def law_of(rule: Any, *, activation: Any = None, bias: bool = False, budget: float = 10) -> RuleLaw:
    """The law that belongs to a rule, found from the rule itself.

    Returns: a `RuleLaw`; its `verdict` is that of `check` on the law that was found.

    Examples
    --------
    >>> import faverify as fv
    >>> print(fv.law_of(fv.rules.SignSymmetry()))
    ½‖W_l‖² − ⟨W_{l+1}, sign(W_{l+1})⟩: proved
    >>> class Squared(fv.LearningRule):
    ...     def feedback(self, above): return above.W @ above.W.mT @ above.B
    >>> print(fv.law_of(Squared()).reason.partition(":")[0])
    the feedback is not a gradient
    """
    nothing = Law("", "", lambda layer, above: norm2(layer.W))  # type: ignore[no-untyped-call]
    question = question_of(nothing, rule, None, None, activation, bias, (), 0)
    rule, p, budget = question.rule, question.activation.degree, seconds(budget)
    if p is None:
        return RuleLaw(name_of(rule), reason=f"φ = {question.activation.name} has no degree p with h φ′ = p φ")
    try:
        try:
            found = _potential(question)
        except ShapeError:
            question = replace(question, assume=assumptions_of("square-maps"))
            found = _potential(question)
    except (Undecidable, FaverifyError) as event:
        found = f"the feedback cannot be read off the code: {event}"
    if isinstance(found, str):
        pair = _asymmetric(rule) if found == NOT_FOUND else None
        return RuleLaw(
            name_of(rule), reason=f"the feedback is not a gradient: {_told(pair)}" if pair else found, pair=pair
        )
    potential, text = found
    squares = norm_bias if bias else norm_plain
    one = isinstance(p, int) and p == 1

    def formula(layer: Any, above: Any) -> Any:
        return squares(layer) - (potential(above) if one else p * potential(above))

    text = text if one else f"{constant_text(p)} ({text})"
    minus = "" if text.startswith("−") else "− "
    statement = f"½‖W_l‖²{' + ½‖b_l‖²' if bias else ''} {minus}{text}"
    law = Law(f"law-of-{name_of(rule)}", statement, formula, OWN)
    verdict = settled(replace(question, law=law), time.monotonic() + budget)
    if not isinstance(verdict, Proved) and not _passes_feedback(question):
        return RuleLaw(name_of(rule), reason="the error does not pass the feedback, δ_l ≠ φ′ ⊙ (feedbackᵀ δ_{l+1})")
    return RuleLaw(name_of(rule), law, verdict)


def _passes_feedback(question: Any) -> bool:
    """Whether δ_l = φ′ ⊙ (feedbackᵀ δ_{l+1})."""
    run = question.run(pieces(question, 1)[-1], WordCarrier())
    run.velocities(question.rule)
    layer, above = run.layers
    expected = layer.dphi * (called(question.rule, "feedback", above).mT @ above.delta)
    return bool(called(question.rule, "error", layer, above, run.output).same(expected))


def norm_plain(layer: Any) -> Any:
    return norm2(layer.W) / 2  # type: ignore[no-untyped-call]


def norm_bias(layer: Any) -> Any:
    return norm2(layer.W) / 2 + norm2(layer.b) / 2  # type: ignore[no-untyped-call]


NOT_FOUND = "no G was found whose gradient is the feedback, and no point that shows there is none"


class Scaled(Value):
    """A layer as feedback sees it, with t W in the place of W."""

    __slots__ = ("_state", "_t")

    def __init__(self, state: Any, t: Fraction) -> None:
        self._state, self._t = state, t

    def __getattr__(self, key: str) -> Any:
        found = getattr(self._state, key)
        return found * self._t if key == "W" else found


def _potential(question: Any) -> tuple[Callable[[Any], Any], str] | str:
    """G as a function of the layer above, and as text; or why there is none."""
    rule = question.rule
    if not is_local(rule):
        return "there is no feedback of a single pass"
    run = question.run(pieces(question, 1)[-1], WordCarrier())
    run.velocities(rule)
    above = run.layers[1]
    feedback = called(rule, "feedback", above)
    if not isinstance(feedback, Word) or feedback._dims != above.W._dims:
        return "the rule has no feedback of the shape of W_{l+1}"
    if any("~" in name for name in feedback.names()):
        return "the feedback is drawn anew at every step"
    if any(name[0] in "haeδxk" for name in feedback.names()):
        return "the feedback depends on the data"
    W = above.W
    name = letter_name(next(iter(W.terms))[0][0][0])
    probe = letter("U", *W._dims)
    degree = max((sum(letter_name(k) == name for k, _, _ in edges) for edges, *_ in feedback.terms), default=0)
    for candidate in _candidates(rule, above, feedback, degree):
        try:
            value = candidate(State(above))
        except (FaverifyError, Undecidable):
            continue
        if derivative(value, {name: probe}).same(feedback.inner(probe)):
            from ..writing.letters import matrix_lines  # whose text is checked to stand for the same word

            text = matrix_lines(value)[0]
            return candidate, f"({text})" if re.search(r" [+−] ", text) else text
    return NOT_FOUND


def _candidates(rule: Any, above: Any, feedback: Word, degree: int) -> list[Callable[[Any], Any]]:
    """Potentials to try: the integral of the polynomial part, and logarithms for multiples of W⁺ᵀ and W⁻ᵀ."""

    def rational(word: Word) -> bool:
        return any(letter_name(k).startswith("inverse(") for edges, *_ in word.terms for k, _, _ in edges)

    if degree > DEGREE:
        return []
    if not rational(feedback):
        return [lambda above: _integral(rule.feedback, above, degree)]
    found: list[Callable[[Any], Any]] = []
    for part, whole in ((full_rank, half_volume), (square, volume)):
        with suppress(ShapeError):
            known = part(above)
            key, weight = next(iter(known.normal().items()))
            share = Fraction(feedback.normal().get(key, 0)) / weight
            if share and not rational(rest := feedback - known * share):
                nothing = rest.is_zero()

                def candidate(
                    above: Any, c: Any = share, part: Any = part, whole: Any = whole, bare: Any = nothing
                ) -> Any:
                    other = 0 if bare else _integral(lambda x: rule.feedback(x) - part(x) * c, above, degree)
                    return whole(above) * c + other

                found.append(candidate)
    return found


def full_rank(above: Any) -> Any:
    return pinv(above.W).mT  # type: ignore[no-untyped-call]


def half_volume(above: Any) -> Any:
    return logdet(above.W @ above.W.mT) / 2  # type: ignore[no-untyped-call]


def square(above: Any) -> Any:
    return inverse(above.W).mT  # type: ignore[no-untyped-call]


def volume(above: Any) -> Any:
    return logdet(above.W)  # type: ignore[no-untyped-call]


def _integral(feedback: Any, above: Any, degree: int) -> Any:
    """∫₀¹ ⟨W, f(tW)⟩ dt, exact for f of this degree."""
    nodes = [Fraction(k + 1, degree + 1) for k in range(degree + 1)]
    total: Any = 0
    for i, t in enumerate(nodes):
        weights = [Fraction(1)]  # the coefficients of the Lagrange polynomial of this node
        for j, s in enumerate(nodes):
            if j != i:
                shifted = [Fraction(0), *weights]
                weights = [(a - s * b) / (t - s) for a, b in zip(shifted, [*weights, Fraction(0)], strict=True)]
        weight = sum((c / (k + 1) for k, c in enumerate(weights)), Fraction(0))
        if weight:
            term = inner(above.W, feedback(Scaled(above, t))) * weight  # type: ignore[no-untyped-call]
            total = term if isinstance(total, int) else total + term
    return total


def _asymmetric(rule: Any) -> Any:
    """Two entries of the feedback whose mixed derivatives differ, at a small rational point."""
    for widths in ((1, 2, 1), (1, 1, 2), (1, 2, 2), (1, 2, 3), (1, 3, 2)):
        values = iter(Fraction(v) for v in (1, 2, 3, -1, 1, -2, 2, 3, 1, 1, 2, -3) * 40)
        data: dict[str, Any] = {}
        run = Run(MLP(widths, "linear"), Assignment(Rationals(), data, lambda name, v=values: next(v)), 1)
        try:
            run.velocities(rule)
            above = run.layers[1]
            places = product(*map(range, above.W._dims))
            jets = [rule.feedback(MovingState(above, {"W2": unit})) for unit in above.W.units()]
            rates = [getattr(jet, "rate", None) for jet in jets]
            slopes = {k: rate.data for k, rate in zip(places, rates, strict=True) if rate is not None}
        except (FaverifyError, Undecidable, ZeroDivisionError):
            continue
        for p, q in combinations(slopes, 2):
            one, other = slopes[q][p[0]][p[1]], slopes[p][q[0]][q[1]]
            if one != other:
                point = {name: data[name] for name in ("W2", "B2", "F2", "V2") if name in data}
                return {"point": point, "entries": (p, q), "derivatives": (one, other)}
    return None


def _told(pair: Any) -> str:
    (p, q), (one, other) = pair["entries"], pair["derivatives"]
    point = ", ".join(f"{name[0]} = {matrix_text(rows)}" for name, rows in pair["point"].items())
    return f"at {point}, ∂f{list(p)}/∂W{list(q)} = {one} but ∂f{list(q)}/∂W{list(p)} = {other}"
