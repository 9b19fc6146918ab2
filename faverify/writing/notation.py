"""The carrier of what a person reads: a value is a sum of terms with their text and LaTeX, and the word it stands for.

The word is that of the definition, whatever the text abbreviates: `δ_l` reads as a letter and stands for what the rule
makes of it. So two lines of a derivation can be compared exactly.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from typing import Any, NamedTuple

from ..kernel.carriers import Value, exact
from ..kernel.words import Word, WordCarrier, letter_name
from ..model.names import unmarked
from .symbols import symbols
from .text import subscripted


def dotted(name: str) -> str:
    """The name of a parameter's rate: `W_{l}` as Ẇ_{l}, a word as d/dt of it."""
    word = re.match(r"[^\W\d_]*", name)
    if word is None or len(word[0]) != 1:
        return f"d/dt {name}"
    return unicodedata.normalize("NFC", name[0] + "\u0307") + name[1:]


class Factor(NamedTuple):
    """A printed product; `whole` says that it needs no parentheses."""

    text: str
    latex: str
    whole: bool
    summed: bool = False


class Term(Value):
    """A linear combination of factors, and the word it stands for."""

    def __init__(self, word: Any, parts: dict[Factor, Fraction]) -> None:
        self.word, self.parts = word, {factor: c for factor, c in parts.items() if c}

    @property
    def _dims(self) -> Any:
        return self.word._dims

    # Printing

    def text(self) -> str:
        return _sum([(c, factor.text) for factor, c in self.parts.items()], _fraction_text)

    def latex(self) -> str:
        return _sum([(c, factor.latex) for factor, c in self.parts.items()], _fraction_latex)

    def _single(self) -> tuple[Fraction, Factor]:
        """One coefficient and one factor: the sum itself in parentheses if it has several terms."""
        if len(self.parts) == 1:
            factor, coefficient = next(iter(self.parts.items()))
            return coefficient, factor
        return Fraction(1), Factor(f"({self.text()})", rf"\left({self.latex()}\right)", True, True)

    # Operations

    def _lift(self, other: Any) -> Any:
        if isinstance(other, Term):
            return other
        if isinstance(other, Word):
            return Term(other, _constant_parts(other))
        if hasattr(other, "_dims"):
            return NotImplemented
        number = Fraction(exact(other))
        return Term(number + WordCarrier().zeros(1, 1), {Factor("1", "1", True): number})

    def __add__(self, other: Any) -> Any:
        other = self._lift(other)
        if other is NotImplemented:
            return NotImplemented
        parts = dict(self.parts)
        for factor, c in other.parts.items():
            parts[factor] = parts.get(factor, Fraction(0)) + c
        return Term(self.word + other.word, parts)

    def __neg__(self) -> Term:
        return Term(-self.word, {factor: -c for factor, c in self.parts.items()})

    def __mul__(self, other: Any) -> Any:
        other = self._lift(other)
        if other is NotImplemented:
            return NotImplemented
        for scalar, value in ((other, self), (self, other)):
            if set(scalar.parts) <= {Factor("1", "1", True)} and scalar._dims == (1, 1):
                number = next(iter(scalar.parts.values()), Fraction(0))
                return Term(self.word * other.word, {factor: c * number for factor, c in value.parts.items()})
        entrywise = (1, 1) not in (self._dims, other._dims)
        first, second = (self, other) if entrywise or self._dims == (1, 1) else (other, self)
        return self._joined(self.word * other.word, first, second, (" ⊙ ", r" \odot ") if entrywise else (" ", r"\,"))

    def __matmul__(self, other: Any) -> Any:
        if not isinstance(other, Term):
            return NotImplemented
        return self._joined(self.word @ other.word, self, other, (" ", " "))

    def _joined(self, word: Any, a: Term, b: Term, by: tuple[str, str]) -> Term:
        (c, f), (d, g) = a._single(), b._single()
        if " ⊙ " in by or " ⊙ " in f.text + g.text:
            f, g = _closed(f), _closed(g)
        return Term(word, {Factor(f.text + by[0] + g.text, f.latex + by[1] + g.latex, False): c * d})

    def __truediv__(self, other: Any) -> Term:
        number = Fraction(1) / Fraction(exact(other))
        return Term(self.word / other, {factor: c * number for factor, c in self.parts.items()})

    @property
    def mT(self) -> Term:
        c, f = self._single()
        f = _closed(f)
        if f.text.endswith("ᵀ"):  # of a transpose
            return Term(self.word.mT, {Factor(f.text[:-1], f.latex.removesuffix(r"^{\top}"), True): c})
        return Term(self.word.mT, {Factor(f.text + "ᵀ", f.latex + r"^{\top}", True): c})

    def inner(self, other: Any) -> Any:
        word = self.word.inner(other.word)
        if other is self:
            c, f = self._single()
            return Term(word, {Factor(f"‖{f.text}‖²", rf"\lVert {f.latex} \rVert^2", True): c * c})
        (c, f), (d, g) = ((k, _opened(part)) for k, part in (self._single(), other._single()))
        return Term(word, {Factor(f"⟨{f.text}, {g.text}⟩", rf"\langle {f.latex},\, {g.latex} \rangle", True): c * d})

    def _function(self, word: Any, text: str, latex: str) -> Term:
        c, f = self._single()
        f = _opened(f)
        return Term(word, {Factor(f"{text}({f.text})", rf"{latex}\left({f.latex}\right)", True): c})

    def total(self) -> Term:
        return self._function(self.word.total(), "sum", r"\operatorname{sum}")

    def row_sums(self) -> Term:
        return self._function(self.word.row_sums(), "Σ_s ", r"\textstyle\sum_s ")

    def diagonal(self) -> Term:
        return self._function(self.word.diagonal(), "diag", r"\operatorname{diag}")

    def expected(self, drawn: frozenset[str]) -> Term:
        return self._function(self.word.expected(drawn), "E", r"\operatorname{E}")

    def inverse(self) -> Term:
        c, f = self._single()
        f = _closed(f)
        return Term(self.word.inverse(), {Factor(f.text + "⁻¹", "{" + f.latex + "^{-1}}", True): 1 / c})

    def logdet(self) -> Term:
        _, f = self._single()
        return Term(self.word.logdet(), {Factor(f"log|det {f.text}|", rf"\log|\det {f.latex}|", True): Fraction(1)})

    def primitive(self, of: Any) -> Term:
        (_, f), (_, g) = ((k, _opened(part)) for k, part in (self._single(), of._single()))
        text, latex = f"∫⟨{f.text}, d{g.text}⟩", rf"\int\langle {f.latex},\, d{g.latex} \rangle"
        return Term(self.word.primitive(of.word), {Factor(text, latex, True): Fraction(1)})

    def sign(self) -> Term:
        found = self._function(self.word.sign(), "sign", r"\operatorname{sign}")
        return Term(found.word, {f: Fraction(1 if c > 0 else -1) for f, c in found.parts.items()})


class NotationCarrier:
    """Letters that print as themselves."""

    def __init__(self, squares: bool = False) -> None:
        self.words = WordCarrier(squares)

    def letter(self, name: str, rows: Any, cols: Any) -> Term:
        return Term(self.words.letter(name, rows, cols), {symbol(name): Fraction(1)})

    def zeros(self, rows: Any, cols: Any) -> Term:
        return Term(self.words.zeros(rows, cols), {})

    def activate(self, activation: Any, h: Term, name: str) -> tuple[Term, Term]:
        value, slope = self.words.activate(activation, h.word, name)
        return abbreviated(f"a_{{{name}}}", value), abbreviated(f"φ′(h_{{{name}}})", slope)


def abbreviated(name: str, word: Any) -> Term:
    """A word under a name."""
    return Term(word, {symbol(name): Fraction(1)})


def symbol(name: str) -> Factor:
    return Factor(text_name(name), latex_name(name), True)


def text_name(name: str) -> str:
    """`W_{l}` as W_l, `W1` and `h_{1}` with a subscript digit."""
    name = re.sub(r"^sign\((.*)\)$", lambda m: f"sign({text_name(m[1])})", name)
    name = re.sub(r"_\{(\d+)\}", lambda m: subscripted("x" + m[1])[1:], subscripted(name))
    return re.sub(r"_\{(\w)\}", r"_\1", name)


def latex_name(name: str) -> str:
    """`W_{l}` as W_l, `head` upright, `W1` and `Wo1` with a subscript; every character as LaTeX knows it."""
    name = unmarked(name)
    if signed := re.fullmatch(r"sign\((.*)\)", name):
        return rf"\operatorname{{sign}}({latex_name(signed[1])})"
    if name.startswith("d/dt "):
        return rf"\tfrac{{d}}{{dt}}\,{latex_name(name[5:])}"
    name = re.sub(r"_(\w{2,})$", r"_{\1}", name)
    name = re.sub(r"√(\w+)", r"\\sqrt{\1}", name)
    name = re.sub(r"^([^\W\d]\u0307?\D*?)_?(\d+)$", r"\1_{\2}", unicodedata.normalize("NFD", name))
    name = re.sub(r"[A-Za-z]{2,}", _upright, name)
    name = re.sub("(.)\u0307", r"\\dot{\1}", name)
    return symbols(re.sub(r"\*$", "^{*}", name))


def _upright(found: re.Match[str]) -> str:
    """A word; but not a command, and not the letters of a product of widths such as n_{l-1}."""
    before = found.string[: found.start()]
    return found[0] if before.endswith("\\") else rf"\mathrm{{{found[0]}}}"


def _closed(factor: Factor) -> Factor:
    return factor if factor.whole else Factor(f"({factor.text})", rf"\left({factor.latex}\right)", True)


def _opened(factor: Factor) -> Factor:
    """A sum in parentheses without them, where brackets of another kind stand around it."""
    left, right = r"\left(", r"\right)"
    if not (factor.summed and factor.latex.startswith(left)):
        return factor
    return Factor(factor.text[1:-1], factor.latex[len(left) : -len(right)], False)


def _constant_parts(word: Word) -> dict[Factor, Fraction]:
    parts: dict[Factor, Fraction] = {}
    for (edges, _, _, _), c in word.terms.items():
        names = sorted(letter_name(k) for k, _, _ in edges)
        factor = Factor("".join(map(text_name, names)) or "1", "".join(map(latex_name, names)) or "1", True)
        parts[factor] = parts.get(factor, Fraction(0)) + Fraction(c)
    return parts


def _fraction_text(c: Fraction) -> str:
    return {Fraction(1, 2): "½", Fraction(1, 4): "¼", Fraction(3, 2): "3/2 "}.get(c, f"{c} ")


def _fraction_latex(c: Fraction) -> str:
    return rf"\tfrac{{{c.numerator}}}{{{c.denominator}}}\," if c.denominator != 1 else f"{c}\\,"


def _sum(parts: list[tuple[Fraction, str]], number: Any) -> str:
    """c₁ t₁ + c₂ t₂ …, with signs between."""
    shown = ""
    for c, body in parts:
        size = "" if abs(c) == 1 and body != "1" else number(abs(c))
        body = "" if body == "1" else body
        minus = "−" if number is _fraction_text else "-"
        shown += ((f" {minus} " if c < 0 else " + ") if shown else (minus if c < 0 else "")) + (size + body).strip()
    return shown or "0"
