"""Words in index notation: Σ over the closed indices of a product of entries."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..kernel.words import Word, defined, letter_name
from ..kernel.words import shown as constant_letters
from ..model.names import gate_of
from .notation import _fraction_latex, _fraction_text, _sum, latex_name, text_name

NAMES = {"n_{l-1}": "k", "n_{l}": "i", "n_{l+1}": "j", "n_{L-2}": "k", "n_{L-1}": "i", "n_{L}": "j", "m": "s"}
SPARE = "pqruvwabcdfgho"


def word_lines(word: Word, merged: bool) -> tuple[str, str]:
    """A word as text and LaTeX; `merged` collects what is equal up to the names of indices."""
    terms: list[tuple[Any, Any]] = list(word.terms.items())
    if merged and word.is_zero():
        return "0", "0"
    if merged:
        seen: dict[Any, list[Any]] = {}
        for graph, c in terms:
            key = tuple(Word(word._dims, {graph: 1}).normal())
            seen.setdefault(key, [graph, 0])[1] += c
        terms = [(graph, c) for graph, c in seen.values()]
    parts = [(Fraction(c), *_product(graph)) for graph, c in terms if c]
    text = _sum([(c, text) for c, text, _ in parts], _fraction_text)
    return text, _sum([(c, latex) for c, _, latex in parts], _fraction_latex)


def _product(graph: Any) -> tuple[str, str]:
    edges, dims, row, col = graph
    names: dict[int, str] = {}
    for vertex in sorted(range(len(dims)), key=lambda v: v not in (row, col)):
        wanted = NAMES.get(str(dims[vertex]), "")
        free = [c for c in (wanted, *SPARE) if c and c not in names.values()]
        names[vertex] = free[0] if free else f"i{vertex}"
    closed = ",".join(name for v, name in sorted(names.items()) if v not in (row, col))
    text = [f"{shown(letter_name(k), text_name)}{_under(i, j, names)}" for k, i, j in sorted(edges)]
    latex = [f"{shown(letter_name(k), latex_name)}{_under(i, j, names, ',')}" for k, i, j in sorted(edges)]
    text_sum, latex_sum = (f"Σ_{closed} ", rf"\sum_{{{closed}}} ") if closed else ("", "")
    return text_sum + " ".join(text) or "1", latex_sum + r"\,".join(latex) or "1"


def _under(i: int, j: int, names: dict[int, str], by: str = "") -> str:
    inside = by.join(names[v] for v in (i, j) if v >= 0)
    return f"[{inside}]" if inside else ""


def shown(name: str, writer: Any) -> str:
    """A letter's name; the gate k of layer l is φ′(h_l) up to the degree; a function of matrices by its argument."""
    from .notation import latex_name

    head = name.partition("(")[0]
    inside = defined[name][0] if name in defined else constant_letters.get(name)
    if inside is not None:
        from .letters import matrix_lines

        latex = writer is latex_name
        argument = matrix_lines(inside)[latex]
        if head == "inverse":
            return rf"\left({argument}\right)^{{-1}}" if latex else f"({argument})⁻¹"
        if head == "primitive":
            return r"\int\langle\cdot,d\cdot\rangle" if latex else "∫⟨·, d·⟩"
        if head == "logdet":
            return rf"\log\left|\det {argument}\right|" if latex else f"log|det {argument}|"
        return rf"\operatorname{{sign}}\left({argument}\right)" if latex else f"sign({argument})"
    gate = gate_of(name)
    return str(writer(name if gate is None else f"φ′_{{{gate}}}"))
