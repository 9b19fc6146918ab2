"""What a finding says, as text and LaTeX."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..kernel.words import Word
from ..model.formulas import constant_text
from ..proving.rates import Finding, finding_of
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
    found = finding_of(question)
    return None if found is None else {"kind": found.kind, "text": finding_text(found), "rate": _plain(found.rate)}


def finding_text(found: Finding) -> str:
    """The finding in a line."""
    if found.kind == "semi-invariant":
        return f"dQ/dt = {_coefficient(found.rate)}Q, a semi-invariant"
    squares = " ".join(_square(c, name, first=k == 0) for k, (c, name) in enumerate(found.squares)) or "0"
    if found.kind == "monotone":
        return f"dQ/dt = {squares}, so Q is monotone"
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
