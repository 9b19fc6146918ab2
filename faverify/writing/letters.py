"""Words in matrix notation: a path of letters as a product, a cycle as an inner product, gates as entrywise factors.

A term is read off its graph; it is run over notation again, and the word of what is printed must be the word that was
to be printed. What has no such reading is printed in components.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..kernel.words import Word, letter_name
from ..model.names import gate_of
from .indices import shown, word_lines
from .notation import Factor, Term, latex_name, text_name


def matrix_lines(word: Word) -> tuple[str, str]:
    """A word as text and LaTeX, equal terms collected."""
    if word.is_zero():
        return "0", "0"
    total: Any = None
    merged: dict[Any, list[Any]] = {}
    for graph, c in word.terms.items():
        key = tuple(sorted(Word(word._dims, {graph: 1}).normal()))
        merged.setdefault(key, [graph, 0])[1] += c
    for graph, c in merged.values():
        if not c:
            continue
        part = _term(graph, word._dims)
        if part is None:
            return word_lines(word, merged=True)
        total = part * c if total is None else total + part * c
    if total is None or not total.word.same(word):
        return word_lines(word, merged=True)
    return total.text(), total.latex()


def _term(graph: Any, dims: Any) -> Term | None:
    """One graph as a product of matrices: a path between its open ends, or a cycle cut open; None for other graphs."""
    edges, sizes, row, col = graph
    scalars = [edge for edge in edges if edge[1] < 0 and edge[2] < 0]
    rest = [edge for edge in edges if edge not in scalars]
    touching: dict[int, list[Any]] = {v: [] for v in range(len(sizes))}
    for edge in rest:
        for v in {edge[1], edge[2]} - {-1}:
            touching[v].append(edge)
    gates = [edge for edge in rest if gate_of(letter_name(edge[0])) is not None]
    maps = [edge for edge in rest if edge not in gates]
    if gates or any(i == j for _, i, j in rest) or any(v < 0 for v in (row, col)) != (row < 0 and col < 0):
        return None
    letters = {edge: _letter(edge, sizes) for edge in maps}
    product: Term | None
    if row < 0:  # a number: the inner product of one letter with the path back along the others
        if not maps:
            return _scaled(None, scalars)
        first, others = maps[0], maps[1:]
        parallel = len(maps) > 2 and len({frozenset(edge[1:]) for edge in maps}) == 1
        path = _entrywise(first, others, letters) if parallel else _path(first[1], first[2], others, letters)
        if path is None:
            return None
        head = letters[first]
        product = head.inner(head if path.parts == head.parts else path)
    else:
        product = _path(row, col, maps, letters)
    return None if product is None else _scaled(product, scalars)


def _scaled(product: Term | None, scalars: list[Any]) -> Term | None:
    for k, _, _ in scalars:
        constant = Term(Word((1, 1), {(((k, -1, -1),), (), -1, -1): 1}), {_symbol(letter_name(k)): Fraction(1)})
        product = constant if product is None else constant * product
    return product


def _letter(edge: Any, sizes: Any) -> Term:
    k, i, j = edge
    dims = tuple(sizes[v] for v in (i, j) if v >= 0)
    row, col = (0 if i >= 0 else -1), (len(dims) - 1 if j >= 0 else -1)
    shape = (sizes[i] if i >= 0 else 1, sizes[j] if j >= 0 else 1)
    return Term(Word(shape, {(((k, row, col),), dims, row, col): 1}), {_symbol(letter_name(k)): Fraction(1)})


def _symbol(name: str) -> Factor:
    return Factor(shown(name, text_name), shown(name, latex_name), True)


def _entrywise(first: Any, others: list[Any], letters: dict[Any, Term]) -> Term:
    """The entrywise product of letters between the same two indices, turned as the first is."""
    factors = [letters[edge] if edge[1:] == first[1:] else letters[edge].mT for edge in others]
    product = factors[0]
    for factor in factors[1:]:
        product = product * factor
    return product


def _path(start: int, stop: int, maps: list[Any], letters: dict[Any, Term]) -> Term | None:
    """The product of letters along the only path from one index to another that uses each of them once."""
    here, left, product = start, list(maps), None
    while left:
        steps = [edge for edge in left if here in edge[1:]]
        if len(steps) != 1 and not (len(left) == len(maps) and len(steps) == 1):
            return None
        edge = steps[0]
        forward = edge[1] == here
        factor = letters[edge] if forward else letters[edge].mT
        product = factor if product is None else product @ factor
        here = edge[2] if forward else edge[1]
        left.remove(edge)
        if here < 0 and left:
            return None
    return product if here == stop else None
