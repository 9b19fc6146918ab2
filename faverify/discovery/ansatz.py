"""Discovery for all widths and depths at once: laws among the words of degree ≤ 2 in a layer and the next.

Method. Candidates are the parameters of a layer and the one above it, and their products of the shapes n_l × n_l, of
its diagonal (a law for every neuron) and of its trace. Over words dQ/dt is linear in the coefficients of Q, and its
normal form is empty iff it vanishes for all sizes: a linear system over ℚ, with the cases of the local cut below one
another. Each vector of its null space is a law as anybody could have written it, and is reported if `prove` proves it.
Laws of the library come first; a diagonal, a trace or a product of laws that were found is no other law.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

from ..errors import FaverifyError, Misuse, NotProved, Undecidable, name_of
from ..kernel.carriers import watch
from ..kernel.cuts import NEAREST, pieces
from ..kernel.layers import KINDS
from ..kernel.passes import Run, is_local
from ..kernel.questions import Question
from ..kernel.states import State, value_of
from ..kernel.words import Word, WordCarrier, derivative
from ..model import laws as library
from ..model.activations import activation_named, homogeneous
from ..model.formulas import diag, total, trace
from ..model.laws import Law
from ..proving.check import prove
from .discovered import Discovery, FoundLaw, signed_sum, whole
from .eigenspaces import left_null_space

Formula = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Candidate:
    """A matrix that a law can read, or a product of two: how to write it, and how to read it."""

    text: str
    formula: Formula


def discover_everywhere(rule: Any, activation: Any, bias: Any, degree: int) -> Discovery:
    """The laws of a rule for all widths and depths; at the last hidden layer alone, what holds nowhere else."""
    if not isinstance(bias, bool):
        raise Misuse("bias", bias, "True or False")
    phi = homogeneous() if activation is None else activation_named(activation)
    notes: list[str] = []
    found: list[FoundLaw] = []
    if not is_local(rule):
        notes.append("a rule with passes of its own has no local cut: give discover a network")
    try:
        for layer in (None, -1) if is_local(rule) else ():
            found.extend(_Ansatz(rule, phi, bias, layer, degree, list(found)).laws(notes))
    except Undecidable as event:
        what = f"code that at {event.line} asks for {event.question}"
        raise Misuse("rule", what, "a formula in letters of every size; or give discover a network") from event
    except KeyboardInterrupt:
        notes.append("interrupted: there may be more laws than these")
    scope = {
        "network": "all widths and depths",
        "rule": name_of(rule),
        "laws": "rational combinations of words of degree ≤ 2 in W, b and what else the rule reads, of one layer and "
        "the next, common to all inputs and all error signals; each proved by words, local cut",
        "activation": phi.description,
        "feedback": "all; B̂ is what the rule puts in the place of W on the way back",
        "biases": "trained" if bias else "none",
    }
    return Discovery(tuple(found), (), None, None, False, False, None, degree, scope, tuple(notes))


class _Ansatz:
    """The candidates at generic layers, or at the last hidden one."""

    def __init__(self, rule: Any, phi: Any, bias: bool, layer: int | None, degree: int, before: list[FoundLaw]) -> None:
        self.rule, self.phi, self.bias, self.layer, self.degree, self.before = rule, phi, bias, layer, degree, before
        question = Question(None, rule, phi, layer=layer, bias=bias)
        with watch():
            self.cases = [self.case(piece) for piece in pieces(question, NEAREST)]

    def case(self, piece: Any) -> tuple[Run, dict[str, Word]]:
        run = Run(piece, WordCarrier(bool(self.phi.square)), "m")
        return run, run.velocities(self.rule)

    def value(self, case: tuple[Run, dict[str, Word]], formula: Formula) -> Word:
        run = case[0]
        return value_of(Law("candidate", "", formula), run, State(run.layers[0]))  # type: ignore[no-any-return]

    def laws(self, notes: list[str]) -> Iterable[FoundLaw]:
        """Linear ones first, then matrices, neurons and numbers: each without what the ones before imply."""
        for terms in self.families():
            yield from self.family(terms, notes)

    def atoms(self) -> tuple[list[Candidate], list[Candidate]]:
        """What has the rows n_l, and what has the columns n_l, for what the rule reads or moves."""
        read = {name[0] for run, moves in self.cases for name in [*run.letters, *moves] if name[0] in KINDS}
        rows = [Candidate(f"{k}_l", _reader("layer", k)) for k in ("W", "V") if k == "W" or k in read]
        rows += [Candidate(f"{k}_l", _reader("layer", k)) for k in ("b", "v") if self.bias and (k == "b" or k in read)]
        cols = [Candidate(f"{k}_{{l+1}}", _reader("above", k)) for k in ("W", "B", "V") if k == "W" or k in read]
        cols += [Candidate("F_l", _reader("layer", "F"))] if "F" in read else []
        if hasattr(self.rule, "feedback"):
            own = [Candidate("sign(W_{l+1})", lambda layer, above: above.W.sign())]
            own += [Candidate("B̂_{l+1}", lambda layer, above: self.rule.feedback(above))]
            feedback = own[-1].formula
            if self.conforms(feedback) and not self.combines(feedback, cols):
                cols.append(next(atom for atom in own if self.same(feedback, atom.formula)))
        return rows, cols

    def combines(self, formula: Formula, atoms: list[Candidate]) -> bool:
        """Whether a matrix is a combination of others."""
        dims = self.value(self.cases[0], formula)._dims
        values = [value for value in (self.value(self.cases[0], atom.formula) for atom in atoms) if value._dims == dims]
        return self.coordinates(formula, values) is not None

    def same(self, a: Formula, b: Formula) -> bool:
        values = [self.value(self.cases[0], formula) for formula in (a, b)]
        return values[0]._dims == values[1]._dims and values[0].same(values[1])

    def families(self) -> Iterable[list[Candidate]]:
        """Candidates of one shape, finest first."""
        rows, cols = self.atoms()
        left = [*rows, *cols]
        while left:
            first = left[0]
            yield [a for a in left if self.alike(a, first)]
            left = [a for a in left if not self.alike(a, first)]
        if self.degree < 2:
            return
        matrix = [(a, b, _outer(a, b)) for a, b in product(rows, rows)]
        matrix += [(a, b, _inner(a, b)) for a, b in product(cols, cols)]
        matrix = [entry for entry in matrix if self.conforms(entry[2].formula)]
        yield [term for _, _, term in matrix]
        order = {id(atom): k for k, atom in enumerate((*rows, *cols))}
        unordered = [term for a, b, term in matrix if order[id(a)] <= order[id(b)]]
        yield [Candidate(f"diag({t.text})", _of(diag, t.formula)) for t in unordered]
        yield [Candidate(f"tr({t.text})", _of(trace, t.formula)) for t in unordered]

    def alike(self, a: Candidate, b: Candidate) -> bool:
        values = [self.value(self.cases[0], atom.formula) for atom in (a, b)]
        return bool(values[0]._dims == values[1]._dims)

    def conforms(self, formula: Formula) -> bool:
        try:
            for case in self.cases:
                self.value(case, formula)
        except FaverifyError:
            return False
        return True

    def family(self, terms: list[Candidate], notes: list[str]) -> list[FoundLaw]:
        """The laws among some candidates."""
        values = [[self.value(case, term.formula) for term in terms] for case in self.cases]
        moving = {name for _, moves in self.cases for name, rate in moves.items() if rate.terms}
        kept = [k for k, _ in enumerate(terms) if not moving.isdisjoint(values[0][k].names())]
        terms, values = [terms[k] for k in kept], [[row[k] for k in kept] for row in values]
        if not terms:
            return []
        rates = [
            [derivative(value, case[1]).normal() for value in row] for case, row in zip(self.cases, values, strict=True)
        ]
        keys = [(c, key) for c, row in enumerate(rates) for key in sorted({k for normal in row for k in normal})]
        rows = [[Fraction(rates[c][k].get(key, 0)) for c, key in keys] for k in range(len(terms))]
        space = (
            left_null_space(rows)
            if keys
            else [[Fraction(i == j) for j in range(len(terms))] for i in range(len(terms))]
        )
        chosen: list[FoundLaw] = []
        span, implied = _Span(), list(self.implied(values[0]))
        for vector in implied:
            span.add(vector)
        for law in library.LIBRARY.values():
            known = self.coordinates(law.formula, values[0])
            if known is not None and _within(known, rows) and span.fresh(known) and self.proves(law, notes):
                span.add(known)
                chosen.append(FoundLaw(law.statement, "library", self.named(law.name), None, law=law))
        for vector in space:
            if span.fresh(vector):
                law = self.law(terms, _shortest(vector, implied))
                if self.proves(law, notes):
                    span.add(vector)
                    chosen.append(FoundLaw(self.named(law.statement), "new", None, None, law=law))
        self.before = [*self.before, *chosen]
        return chosen

    def implied(self, values: list[Word]) -> Iterable[list[Fraction]]:
        """What the laws found before say here: themselves, their products, their diagonals, their traces and sums."""
        formulas = [law.law.formula for law in self.before]
        for one, two in product(formulas, formulas):
            formulas += [_transposed_product(one, two), _product_transposed(one, two)]
        for formula in formulas:
            for change in (None, diag, trace, total):
                vector = self.coordinates(formula if change is None else _of(change, formula), values)
                if vector is not None:
                    yield vector

    def coordinates(self, formula: Formula, values: list[Word]) -> list[Fraction] | None:
        """A law as a combination of candidates, if it is one: each candidate has a graph that no other has."""
        try:
            value = self.value(self.cases[0], formula)
        except FaverifyError:
            return None
        if value._dims != values[0]._dims:
            return None
        left, vector = dict(value.normal()), []
        for candidate in values:
            normal = candidate.normal()
            key = next(iter(normal))
            factor = Fraction(left.get(key, 0)) / Fraction(normal[key])
            vector.append(factor)
            for k, c in normal.items():
                left[k] = left.get(k, 0) - factor * c
        return vector if any(vector) and not any(left.values()) else None

    def law(self, terms: list[Candidate], vector: list[Fraction]) -> Law:
        """The combination of candidates as a law, with whole coefficients."""
        parts = whole({k: c for k, c in enumerate(vector) if c})
        text = signed_sum((c, ("" if abs(c) == 1 else f"{abs(c)} ") + terms[k].text) for k, c in parts.items())

        def formula(layer: Any, above: Any) -> Any:
            (first, c), *rest = parts.items()
            value = c * terms[first].formula(layer, above)
            for k, factor in rest:
                value = value + factor * terms[k].formula(layer, above)
            return value

        return Law("discovered", text, formula)

    def named(self, name: str) -> str:
        return name if self.layer is None else f"{name} at the last hidden layer"

    def proves(self, law: Law, notes: list[str]) -> bool:
        try:
            verdict = prove(law, self.rule, activation=self.phi, bias=self.bias, layer=self.layer, budget=0)
        except (NotProved, FaverifyError):
            notes.append(f"not proved, so not told: {law.statement}")
            return False
        return "trivial" not in verdict.note


class _Span:
    """A growing subspace over ℚ."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, list[Fraction]]] = []

    def reduced(self, vector: list[Fraction]) -> list[Fraction]:
        for pivot, row in self.rows:
            if vector[pivot]:
                vector = [a - vector[pivot] * b for a, b in zip(vector, row, strict=True)]
        return vector

    def fresh(self, vector: list[Fraction]) -> bool:
        return any(self.reduced(vector))

    def add(self, vector: list[Fraction]) -> None:
        left = self.reduced(vector)
        pivot = next((k for k, c in enumerate(left) if c), None)
        if pivot is not None:
            self.rows.append((pivot, [c / left[pivot] for c in left]))


def _within(vector: list[Fraction], rows: list[list[Fraction]]) -> bool:
    """Whether vector @ rows vanishes."""
    columns = zip(*rows, strict=True)
    return all(sum((c * r for c, r in zip(vector, column, strict=True)), Fraction(0)) == 0 for column in columns)


def _shortest(vector: list[Fraction], others: list[list[Fraction]]) -> list[Fraction]:
    """The vector less multiples of others, as long as its terms get fewer."""
    shorter = True
    while shorter:
        shorter = False
        for other in others:
            for factor in {v / o for v, o in zip(vector, other, strict=True) if v and o}:
                less = [v - factor * o for v, o in zip(vector, other, strict=True)]
                if sum(map(bool, less)) < sum(map(bool, vector)):
                    vector, shorter = less, True
                    break
    return vector


def _reader(where: str, kind: str) -> Formula:
    return lambda layer, above: getattr(layer if where == "layer" else above, kind)


def _outer(a: Candidate, b: Candidate) -> Candidate:
    return Candidate(f"{a.text} {b.text}ᵀ", lambda layer, above: a.formula(layer, above) @ b.formula(layer, above).mT)


def _inner(a: Candidate, b: Candidate) -> Candidate:
    return Candidate(f"{a.text}ᵀ {b.text}", lambda layer, above: a.formula(layer, above).mT @ b.formula(layer, above))


def _transposed_product(one: Formula, two: Formula) -> Formula:
    return lambda layer, above: one(layer, above).mT @ two(layer, above)


def _product_transposed(one: Formula, two: Formula) -> Formula:
    return lambda layer, above: one(layer, above) @ two(layer, above).mT


def _of(function: Callable[[Any], Any], formula: Formula) -> Formula:
    return lambda layer, above: function(formula(layer, above))
