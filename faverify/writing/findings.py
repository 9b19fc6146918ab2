"""What a finding says, as text and LaTeX."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from ..kernel.words import Word
from ..model.formulas import constant_text
from ..proving.rates import Finding, findings_of
from .letters import matrix_lines
from .notation import text_name


def finding_record(verdict: Any) -> dict[str, Any] | None:
    """The finding of a verdict that is not a proof: kind, text, rate."""
    question = verdict.question
    if (
        question is None
        or verdict.kind == "proved"
        or question.claim
        or question.step
        or verdict.how == "given witness"
    ):
        return None
    if question.net is not None and question.layer is None:
        return None
    found = findings_of(question)
    if not found:
        return None
    texts = [finding_text(each) for _, each in found]
    generic = found[-1][1]
    if len({alike(text, piece) for text, (piece, _) in zip(texts, found, strict=True)}) == 1:
        return {"kind": generic.kind, "text": texts[-1], "rate": _plain(generic.rate)}
    text = f"{texts[-1]}; at the last hidden layer: {texts[0]}"
    return {"kind": "residual", "text": text, "rate": None}


def alike(text: str, piece: Any) -> str:
    """The text with the last layers named as generic ones are, so that equal cases read the same."""
    if not piece.ends or not isinstance(piece.labels[0], str):
        return text
    text = re.sub(r"(?<![^\W\d])e(?![^\W\d])", "δ_{l+1}", text)
    for name, generic in (("{L-2}", "{l-1}"), ("{L-1}", "l"), ("_L", "_{l+1}")):
        text = text.replace(name, generic)
    return text.replace("_{l}", "_l")


def finding_text(found: Finding) -> str:
    """The finding in a line."""
    if found.kind == "semi-invariant":
        return f"dQ/dt = {_coefficient(found.rate)}Q, a semi-invariant"
    squares = " ".join(_square(c, name, first=k == 0) for k, (c, name) in enumerate(found.squares)) or "0"
    if found.kind == "monotone":
        symbols = any(isinstance(c, Word) and c.constant() is None for c, _ in found.squares)
        return f"dQ/dt = {squares}, so Q is monotone{' where these symbols are positive' if symbols else ''}"
    if found.kind == "second-order":
        damping = "" if isinstance(found.rate, int) and found.rate == 0 else f" + {_coefficient(found.rate)}dQ/dt"
        return f"d²Q/dt²{damping.replace('+ −', '− ')} = {squares}"
    return f"dQ/dt = {matrix_lines(found.word)[0]}"


def _plain(rate: Any) -> str | None:
    return None if isinstance(rate, int) and rate == 0 else constant_text(rate)


def _coefficient(value: Any) -> str:
    text = constant_text(value)
    if " " in text:
        return f"({text}) "
    return {"1": "", "-1": "−"}.get(text, text if isinstance(value, Word) and text[-1:].isalpha() else f"{text} ")


def _square(coefficient: Any, name: str, first: bool) -> str:
    number = coefficient.constant() if isinstance(coefficient, Word) else Fraction(coefficient)
    text = _coefficient(coefficient if number is None else Fraction(number)).replace("-", "−").replace("1/2 ", "½")
    sign = "" if first else "+ "
    return f"{sign}{text}‖{text_name(name)}‖²".replace("+ −", "− ")
