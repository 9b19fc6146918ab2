"""What dQ/dt is, where it is not what was asked: a multiple of Q, of one sign, or part of a second-order equation.

Method. dQ/dt and Q are words. A number or a product of constants μ with dQ/dt = μQ is read off from one term and tested
on all. Otherwise squares ‖·‖² of parameters, activities and signals are taken off dQ/dt one after another;
if nothing is left and their signs agree, Q is monotone. If dQ/dt speaks of parameters alone it is differentiated
again, and a multiple of dQ/dt is sought whose sum with d²Q/dt² is such a sum of squares. What none of them describes
is told as it stands. Every case of the local cut is told where they differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..errors import Undecidable, UserCodeError
from ..kernel.cuts import piece_of, pieces
from ..kernel.passes import Run, is_local
from ..kernel.questions import Question
from ..kernel.states import State, value_of
from ..kernel.words import Word, WordCarrier, derivative, letter, letter_name, modulo, symbols
from ..model.networks import Network


@dataclass(frozen=True)
class Finding:
    """`kind`: semi-invariant, monotone, second-order or residual.

    `rate`: the μ of dQ/dt = μQ, or the γ of d²Q/dt² + γ dQ/dt. `squares`: pairs (coefficient, name of the matrix) of a
    sum of squares. `word`: dQ/dt, with the activities of the layers as letters.
    """

    kind: str
    rate: Any = 0
    squares: tuple[tuple[Any, str], ...] = ()
    word: Any = None


def findings_of(question: Question) -> list[tuple[Any, Finding]]:
    """What dQ/dt is, with the piece of each case of the local cut; nothing where there is no cut."""
    if not is_local(question.rule) or isinstance(question.net, Network):
        return []
    try:
        cases = pieces(question, 1) if question.net is None else [piece_of(question.net, question.layer)]
        found = [(piece, _finding(question, piece)) for piece in cases]
        # A rule that tells letters from numbers has no finding in letters.
        return found if any(not each.word.is_zero() for _, each in found) else []
    except (Undecidable, UserCodeError, ValueError, TypeError):
        return []


def folded(word: Word, run: Run) -> Word:
    """The word with what makes up the activity of a layer written as that activity, where it is one product."""
    activities = [(layer.a, f"a_{{{layer._label}}}") for layer in run.layers]
    known = [(a, letter(name, *a._dims)) for a, name in activities if isinstance(a, Word) and len(a.terms) == 1]
    return modulo(word, [(a, short) for a, short in known if not a.same(short)])


def _finding(question: Question, piece: Any) -> Finding:
    run = question.run(piece, WordCarrier(question.squares))
    moves = run.velocities(question.rule)
    layer, equations = run.layers[0], list(question.equations(run))
    value = value_of(question.law, run, State(layer))
    rate = modulo(derivative(value, moves), equations)
    ratio = _ratio(rate, value)
    if ratio is not None and (rate - value * ratio).is_zero():
        return Finding("semi-invariant", ratio, word=rate)
    rate = folded(rate, run)
    matrices = _matrices(run)
    squares, rest = _squares(rate, matrices)
    if rest.is_zero() and _one_sign(squares):
        return Finding("monotone", squares=squares, word=rate)
    data = {"a", "e", "δ", "x", "k", "φ", "f", "y"}
    if rate.terms and not any(name[:1] in data or "~" in name for name in rate.names()):
        again = modulo(derivative(rate, moves), equations)
        friction = _ratio(again, rate)
        for gamma in (0,) if friction is None else (friction, 0):
            squares, rest = _squares(again - rate * gamma, matrices)
            if rest.is_zero() and (_one_sign(squares) or not squares):
                return Finding("second-order", -gamma, squares, rate)
    return Finding("residual", word=rate)


def _constant_part(graph: Any) -> tuple[tuple[str, ...], Any]:
    """The symbolic constants of a graph, and the rest of it."""
    edges, dims, row, col = graph
    names = sorted(name for name in (letter_name(k) for k, *_ in edges) if name in symbols)
    return tuple(names), (tuple(edge for edge in edges if letter_name(edge[0]) not in symbols), dims, row, col)


def _ratio(rate: Word, value: Word) -> Any:
    """The only constant μ for which the terms of one kind in `rate` and `μ value` can agree, or None."""
    if not value.terms:
        return None
    graph, coefficient = next(iter(value.terms.items()))
    own, core = _constant_part(graph)
    key = set(Word(value._dims, {core: 1}).normal())
    total: Any = 0
    for other, c in rate.terms.items():
        names, part = _constant_part(other)
        left = list(names)
        if set(Word(value._dims, {part: 1}).normal()) == key and all(name in left for name in own):
            for name in own:
                left.remove(name)
            product: Any = Fraction(c) / Fraction(coefficient)
            for name in left:
                product = letter(name, 1, 1) * product
            total = total + product
    return None if isinstance(total, int) or (isinstance(total, Word) and total.is_zero()) else total


def _matrices(run: Run) -> dict[str, Word]:
    """The matrices whose squares are tried: parameters, what was read besides, activities, signals."""
    found = {**run.parameters, **run.letters}
    for layer in run.layers:
        kinds = {"h": layer.h, "a": layer.a, "δ": layer.delta}
        found |= {f"{kind}_{{{layer._label}}}": value for kind, value in kinds.items()}
    return {name: word for name, word in found.items() if isinstance(word, Word) and word._dims != (1, 1)}


def _squares(rate: Word, matrices: dict[str, Word]) -> tuple[tuple[tuple[Any, str], ...], Word]:
    """Squares ‖A‖² taken off a number, with their coefficients; and what is left."""
    found = []
    if rate._dims != (1, 1):
        return (), rate
    for name, matrix in matrices.items():
        square = matrix.inner(matrix)
        coefficient = _ratio(rate, square) if not rate.is_zero() else None
        if coefficient is not None:
            found.append((coefficient, name))
            rate = rate - square * coefficient
    return tuple(found), rate


def _one_sign(squares: tuple[tuple[Any, str], ...]) -> bool:
    """Whether coefficients have one sign where the symbols in them are positive."""
    signs = set()
    for coefficient, _ in squares:
        terms = coefficient.terms.values() if isinstance(coefficient, Word) else (coefficient,)
        signs |= {c > 0 for c in terms}
    return len(signs) == 1
