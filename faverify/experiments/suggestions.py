"""What to change in a problem: each change is made, audited again, and kept only if it gives what it says.

Method. A way to change is a function of a case that returns words and a changed problem, or None where it has nothing
to say. What a suggestion reaches are the goals that were missing and are guaranteed once it is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

from flint import fmpq

from ..flows.problems import FlowProblem, Rows, texts
from ..model.networks import MLP
from .findings import GOALS, Findings, joined
from .hypotheses import Case, examine
from .rationals import Number, identity, inner, is_zero, matrix, norm2, positive, root_below, rounded, rows_of, scaled

WANTED = {**GOALS, "angle": "the angle with the feedback is bounded", "feedback descent": "‖BᵀR‖ never rises"}


@dataclass(frozen=True)
class Suggestion:
    """A change, and what it was found to guarantee. `problem` has it made; `changes` are its new matrices by name."""

    statement: str
    reaches: tuple[str, ...]
    problem: FlowProblem
    changes: dict[str, Rows] = field(repr=False)
    numbers: dict[str, Number] = field(default_factory=dict)
    loses: tuple[str, ...] = ()  # goals that were guaranteed, and no longer are

    def to_dict(self) -> dict[str, Any]:
        changes = {name: texts(rows) for name, rows in self.changes.items()}
        numbers = {name: number.to_dict() for name, number in self.numbers.items()}
        goals = {"reaches": list(self.reaches), "loses": list(self.loses)}
        return {"statement": self.statement, **goals, "changes": changes, "numbers": numbers}

    def lines(self) -> list[str]:
        found = [f"  • {self.statement}"]
        found += [f"      then {joined(WANTED[goal] for goal in self.reaches)}"]
        if self.loses:
            found.append(f"      but it is no longer guaranteed that {joined(WANTED[goal] for goal in self.loses)}")
        for name, rows in self.changes.items():
            if len(rows) * len(rows[0]) <= 12:
                written = "; ".join(" ".join(str(Number.of(value, 12)) for value in row) for row in rows)
                found.append(f"      {name} = [{written}]")
        return found


Way = Callable[[Case], tuple[str, dict[str, Any]] | None]


def suggestions(case: Case, found: Findings) -> list[Suggestion]:
    """Changes that were made, audited and found to reach goals that were missing."""
    if not found.unreached or not case.rule or case.depth < 2:
        return []
    kept: list[Suggestion] = []
    for way in (other_activation, scale_first, align_layers, per_neuron, feed, orthonormal, project, every):
        aim = AIMS.get(way)
        made = way(case) if aim is None or aim in found.unreached else None
        if made is None:
            continue
        words, changes = made
        problem = changed(case, changes)
        after = examine(Case(problem), found.digits)
        reaches = tuple(goal for goal in WANTED if goal in found.unreached and goal in after.reached)
        more = way is not every or all(set(reaches) > set(other.reaches) for other in kept)
        if reaches and more and (aim is None or aim in reaches):
            read = {name: rows_of(value) for name, value in changes.items() if name != "activation"}
            numbers = {number.id: number.numbers for number in after.guarantees if number.goal in reaches}
            flat = {f"{name}: {key}": value for name, them in numbers.items() for key, value in them.items()}
            loses = tuple(goal for goal in WANTED if goal in found.reached and goal not in after.reached)
            kept.append(Suggestion(words, reaches, problem, read, flat, loses))
    return kept


def changed(case: Case, changes: dict[str, Any]) -> FlowProblem:
    """The problem with other matrices, or another activation."""
    data = dict(case.problem.data)
    data |= {name: rows_of(value) for name, value in changes.items() if name != "activation"}
    net = case.net
    if "activation" in changes:
        net = MLP(net.widths, changes["activation"], net.bias)
    parts: dict[str, Any] = {"weights": {name: rows for name, rows in data.items() if name[0] == "W"}}
    parts["feedback"] = {name: rows for name, rows in data.items() if name[0] not in "Wbxy"}
    if net.bias:
        parts["biases"] = {name: rows for name, rows in data.items() if name[0] == "b"}
    signal = {"targets": data["y"]} if case.squared else {"error": case.problem.error}
    return FlowProblem(net, case.problem.rule, inputs=data["x"], **signal, **parts)


# Ways


def other_activation(case: Case) -> tuple[str, dict[str, Any]] | None:
    if isinstance(case.degree, (int, Fraction)) and case.degree > 0:
        return None
    words, changes = "use an activation with h φ′(h) = φ(h), such as relu: then Theorem 1 holds", {"activation": "relu"}
    other = Case(changed(case, changes))
    then = scale_first(other) or align_layers(other)
    return (words, changes) if then is None else (f"{words}; and {then[0]}", changes | then[1])


def scale_first(case: Case) -> tuple[str, dict[str, Any]] | None:
    """Two layers, ⟨W₂(0), B⟩ > 0: a smaller W₁(0) is enough."""
    if not (case.depth == 2 and homogeneous(case)):
        return None
    start, size = inner(case.W(2), case.B(2)), norm2(case.W(1)) + case.biases2(1)
    if start <= 0 or not size or case.lowest(1) > 0:
        return None
    limit2 = 2 * Fraction(case.degree) * start / size
    s = root_below(limit2 / 2)
    top = rounded_root(limit2)
    changes = {"W1": scaled(case.W(1), s)} | ({"b1": scaled(case.matrices["b1"], s)} if case.net.bias else {})
    bound = start - s * s * size / (2 * Fraction(case.degree))
    letter = case.letter(2)
    name = f"√2‖{letter}‖/‖W_1(0)‖" if case.equal else "√(2⟨W_2(0), B⟩)/‖W_1(0)‖"
    if case.degree != 1 or case.net.bias:
        name = "s*"
    also = " and b_1(0)" if case.net.bias else ""
    words = f"scale W_1(0){also} by s = {short(s)} (any s < {name} ≈ {top}): the alignment bound is {short(bound)}"
    return words, changes


def align_layers(case: Case) -> tuple[str, dict[str, Any]] | None:
    """W_{l+1}(0) = c B_{l+1}, each no larger than half of what the next allows; W_1(0) scaled."""
    if not homogeneous(case) or (case.depth == 2 and case.equal):
        return None
    if any(is_zero(case.B(k + 1)) for k in case.paired):
        return None
    changes: dict[str, Any] = {}
    words: list[str] = []
    room = Fraction(case.degree)  # p⟨W_{l+1}(0), B_{l+1}⟩ in units of ‖B_{l+1}‖², the bound of ‖W_l(0)‖²
    lowest = case.paired[0]
    for layer in reversed(case.paired):
        above, letter = layer + 1, case.letter(layer + 1)
        factor = Fraction(1) if layer == case.depth - 1 else None
        if factor is None:
            factor = min(Fraction(1), root_below(room / norm2(case.B(above))))
            room = Fraction(case.degree) * factor
        changes[f"W{above}"] = scaled(case.B(above), factor)
        words.append(f"W_{above}(0) = {'' if factor == 1 else f'{short(factor)} '}{letter}")
        room = room * norm2(case.B(above))
        if case.net.bias:
            changes[f"b{layer}"] = scaled(case.matrices[f"b{layer}"], Fraction(0))
            words.append(f"b_{layer}(0) = 0")
    size = norm2(case.W(lowest))
    if size > room:
        s = root_below(room / size)
        changes[f"W{lowest}"] = scaled(case.W(lowest), s)
        words.append(f"W_{lowest}(0) scaled by {short(s)}")
    return f"set {joined(reversed(words))}", changes


def per_neuron(case: Case) -> tuple[str, dict[str, Any]] | None:
    """Gates: W₂(0) = B and ‖W₁[k,:]‖² ≤ 2B_k² in every neuron with B_k ≠ 0."""
    if not (case.depth == 2 and case.net.outputs == 1 and case.degree == 1 and not case.linear and case.squared):
        return None
    rows, back, factors = rows_of(case.W(1)), rows_of(case.B(2))[0], []
    for k, row in enumerate(rows):
        size = sum((w * w for w in row), Fraction(0))
        s = root_below(2 * back[k] ** 2 / size) if back[k] and size > 2 * back[k] ** 2 else Fraction(1)
        factors.append(s)
        rows[k] = [s * value for value in row]
    changes = {"W2": case.B(2), "W1": matrix(rows)}
    if case.net.bias:
        changes["b1"] = scaled(case.matrices["b1"], Fraction(0))
    shown = ", ".join(f"row {k} by {short(s)}" for k, s in enumerate(factors) if s != 1)
    words = [f"set W_2(0) = {case.letter(2)}"] * (not case.equal)
    words += [f"scale W_1(0): {shown} (any factor that gives ‖W_1[k,:]‖² ≤ 2 B[k]²)"] * bool(shown)
    words += ["set b_1(0) = 0"] * case.net.bias
    return (joined(words), changes) if words else None


def feed(case: Case) -> tuple[str, dict[str, Any]] | None:
    """Feedback that is not zero: that of the weights themselves."""
    if case.rule != "FA" or case.net.outputs != 1:
        return None
    empty = [k for k in range(2, case.depth + 1) if is_zero(case.B(k)) or is_zero(case.carried(k - 1))]
    if not empty or any(is_zero(case.W(k)) for k in empty):
        return None
    changes = {f"B{k}": case.W(k) for k in empty}
    words = [f"{case.letter(k)} = W_{k}(0)" for k in empty]
    if case.depth == 2 and homogeneous(case):
        size, room = norm2(case.W(1)), norm2(case.W(2)) * Fraction(case.degree)
        if size > room:
            s = root_below(room / size)
            changes["W1"] = scaled(case.W(1), s)
            words.append(f"W_1(0) scaled by {short(s)}")
    return f"set {joined(words)}: no feedback, no learning below it", changes


def orthonormal(case: Case) -> tuple[str, dict[str, Any]] | None:
    """Several outputs: rows of B orthonormal, W₂(0) = B, and W₁(0) so small that q ≤ 1."""
    k, m = case.net.outputs, case.net.widths[-2]
    if not (case.depth == 2 and case.linear and case.squared and 1 < k <= m):
        return None
    B, words, changes = case.B(2), [], {}
    if not is_zero(B * B.transpose() - identity(k)):
        B = matrix([[Fraction(int(i == j)) for j in range(m)] for i in range(k)])
        changes["B2" if case.rule == "FA" else "F1"] = B
        words.append(f"{case.letter(2)} = [I 0], whose rows are orthonormal")
    if not is_zero(case.W(2) - B):
        changes["W2"] = B
        words.append(f"W_2(0) = {case.letter(2)}")
    seen = B * case.W(1)
    if not positive(identity(k) * fmpq(2) - seen * seen.transpose()):
        s = root_below(1 / norm2(seen))
        changes["W1"] = scaled(case.W(1), s)
        words.append(f"W_1(0) scaled by {short(s)}, so that q ≤ 1")
    return (f"set {joined(words)}", changes) if words else None


def project(case: Case) -> tuple[str, dict[str, Any]] | None:
    """Two linear layers: the rows of W₁(0) onto the span of the samples."""
    if not (case.depth == 2 and case.linear and case.squared) or is_zero(case.off_span):
        return None
    words = "replace the rows of W_1(0) by their projections on the span of the samples: W_1(0) P"
    return words, {"W1": case.onto_span(case.W(1).transpose()).transpose()}


def every(case: Case) -> tuple[str, dict[str, Any]] | None:
    """The ways that apply, one after the other."""
    words, changes, now = [], dict[str, Any](), case
    for way in (feed, orthonormal, project, scale_if_equal, align_layers):
        made = way(now) if not (way is align_layers and now.net.outputs > 1 and now.linear) else None
        if made is not None and not (way is align_layers and is_aligned(now)):
            words.append(made[0])
            changes |= made[1]
            now = Case(changed(case, changes))
    return ("; then ".join(words), changes) if len(words) > 1 else None


def scale_if_equal(case: Case) -> tuple[str, dict[str, Any]] | None:
    return scale_first(case) if case.depth == 2 and case.equal else None


def is_aligned(case: Case) -> bool:
    return all(case.lowest(layer) > 0 and is_zero(case.W(layer + 1) - case.B(layer + 1)) for layer in case.paired)


def homogeneous(case: Case) -> bool:
    return bool(case.rule) and isinstance(case.degree, (int, Fraction)) and case.degree > 0


def short(value: Fraction) -> str:
    return str(Number.of(value, 12))


def rounded_root(value: Fraction) -> str:
    """√value to six digits."""
    found = Context(prec=20).divide(Decimal(value.numerator), Decimal(value.denominator))
    return rounded(Fraction(found.sqrt(Context(prec=20))), 6)


AIMS: dict[Way, str] = {
    per_neuron: "descent",
    feed: "convergence",
    project: "minimum norm",
}  # what a way is for, where it has one aim
