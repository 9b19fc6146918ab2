"""Derivations as LaTeX that needs amsmath and nothing else."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from .notation import GREEK

SYMBOLS = {
    "½": r"\tfrac12", "‖": r"\Vert", "⟨": r"\langle", "⟩": r"\rangle", "²": "^2", "³": "^3", "ᵀ": r"^{\top}", "−": "-",
    "′": "'", "≠": r"\neq", "·": r"\cdot", "⊙": r"\odot", "∈": r"\in", "±": r"\pm", "×": r"\times", "≥": r"\ge",
    "≤": r"\le", "√": r"\surd", "Σ": r"\sum", "₁": "_1", "₀": "_0", "⁻¹": "^{-1}",
    "⁺": "^{+}", "∂": r"\partial", "∫": r"\int", "…": r"\ldots", **GREEK,
}  # fmt: skip
WIDTH = 120  # characters of source in a line, some 60 on paper
ESCAPES = {
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    "%": r"\%",
    "&": r"\&",
    "#": r"\#",
    "$": r"\$",
    "\\": r"\textbackslash{}",
    "_": r"\_",
    "^": r"\^{}",
    "~": r"\~{}",
}


def derivation_latex(derivation: Any) -> str:
    """A paragraph for each case; a line of the derivation is a display with its reason above it."""
    lines = [rf"\paragraph{{{plain(derivation.statement)}.}}"]
    for heading, steps in derivation.cases:
        lines.append(rf"\subparagraph{{{plain(heading)}.}}")
        rows = [row for step in steps if step.latex for row in (_reason(step.reason), _broken(step.latex))]
        if rows:
            lines += [r"\begin{align*}", " \\\\\n".join(rows), r"\end{align*}"]
        lines += [plain(step.text) + "." for step in steps if not step.latex]
    scope = "; ".join(f"{name}: {value}" for name, value in derivation.scope.items())
    return "\n".join([r"\begingroup\allowdisplaybreaks", *lines, rf"\emph{{Scope.}} {plain(scope)}.", r"\endgroup"])


def _reason(reason: str) -> str:
    return rf"  & \text{{\small\emph{{{plain(reason)}:}}}}"


def _broken(latex: str) -> str:
    """A long sum over several lines, broken before a sign that stands in no bracket."""
    rows, row, depth = [], "", 0
    for part in re.split(r"(?<= )(?=[+-] )", latex):
        if row and depth == 0 and len(row) + len(part) > WIDTH:
            rows.append(row)
            row = r"\qquad "
        row += part
        depth += part.count("{") + part.count(r"\left") - part.count("}") - part.count(r"\right")
    return "  & " + " \\\\\n  & ".join([*rows, row])


DOTS = {"\u0307": r"\dot", "\u0308": r"\ddot"}


def plain(text: str) -> str:
    """Running text with its mathematics in dollars: letters with a subscript, dotted letters, and SYMBOLS."""
    text = re.sub("(.)([\u0307\u0308])", lambda m: f"\0{m[2]}{m[1]}", unicodedata.normalize("NFD", text))
    pieces = re.split(
        r"((?:Δ|\0.)?\w_\{[^}]*\}|(?<![^\W\d])(?:Δ|\0.)?[^\W\d]_\w\b)", unicodedata.normalize("NFC", text)
    )
    return "".join(_subscripted(piece) if k % 2 else _running(piece) for k, piece in enumerate(pieces))


def _subscripted(piece: str) -> str:
    head, _, below = piece.partition("_")
    return f"${_mathematics(head)}_{{{_mathematics(below.strip('{}'))}}}$"


def _mathematics(text: str) -> str:
    if text.startswith("\0"):  # a dot, then its letter
        return rf"{DOTS[text[1]]}{{{_mathematics(text[2:])}}}"
    return "".join(f"{SYMBOLS[c]} " if c in SYMBOLS else c for c in text).strip()


def _running(text: str) -> str:
    shown, dots = [], ""
    for c in text:
        if c == "\0" or c in DOTS:
            dots = DOTS.get(c, "")
        elif dots:
            shown.append(f"${dots}{{{SYMBOLS.get(c, c)}}}$")
            dots = ""
        elif c in SYMBOLS:
            shown.append(f"${SYMBOLS[c]}$")
        elif c in "{}":
            shown.append(rf"\{c}")
        else:
            shown.append(ESCAPES.get(c, c if c.isascii() else f"[{unicodedata.name(c, 'symbol').lower()}]"))
    return "".join(shown)
