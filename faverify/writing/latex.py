"""Derivations as LaTeX that needs amsmath and nothing else."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from .symbols import SYMBOLS

OPENING = r"\begingroup\allowdisplaybreaks\sloppy\abovedisplayskip 4pt plus 2pt\belowdisplayskip 4pt plus 2pt"
OPEN, CLOSED = ("{", "(", r"\langle"), ("}", ")", r"\rangle")
WIDTH = 57  # characters of a line on paper
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
        if written := [step for step in steps if step.latex]:
            lines += [r"\begin{align*}", *_rows(written), r"\end{align*}"]
        lines += [plain(step.text) + "." for step in steps if not step.latex]
    scope = "; ".join(f"{name}: {value}" for name, value in derivation.scope.items())
    return "\n".join([OPENING, *lines, rf"\emph{{Scope.}} {plain(scope)}.", r"\endgroup"])


def _rows(steps: list[Any]) -> list[str]:
    """Each line under its reason; lines with one reason share it, and short ones a row."""
    rows: list[str] = []
    reason, row = None, ""
    for step in steps:
        same = not step.reason or step.reason == reason
        if same and row and visible(row) + visible(step.latex) + 4 < WIDTH and r"\\" not in row + step.latex:
            rows[-1] = _broken(row := rf"{row}, \quad {step.latex}")
            continue
        if not same:
            reason = step.reason
            rows.append(rf"\intertext{{\small\emph{{{plain(reason)}:}}}}")
        elif rows:
            rows[-1] += r" \\"
        rows.append(_broken(row := step.latex))
    return rows


def _broken(latex: str) -> str:
    """A long sum over several lines, broken before a sign that stands in no bracket."""
    rows, row, depth = [], "", 0
    for part in re.split(r"(?<= )(?=[+-] )", latex):
        if row and depth == 0 and visible(row) + visible(part) > WIDTH:
            rows.append(row)
            row = r"\qquad "
        row += part
        depth += sum(part.count(mark) for mark in OPEN) - sum(part.count(mark) for mark in CLOSED)
    return "  & " + " \\\\\n  & ".join([*rows, row])


def visible(latex: str) -> float:
    """About how many characters wide a formula is on paper: commands are one, subscripts and superscripts smaller."""
    bare = re.sub(r"\\(left|right|text|operatorname|,|;|!|quad)|[{}]", "", latex)
    bare = re.sub(r"\\[A-Za-z]+|\\.", "x", bare)
    small = sum(len(found) - 1 for found in re.findall(r"[_^][0-9A-Za-z()+\-,]+", bare))
    return len(bare.replace(" ", "")) - bare.count("_") - bare.count("^") - 0.35 * small


DOTS = {"\u0307": r"\dot", "\u0308": r"\ddot"}


def plain(text: str) -> str:
    """Running text with its mathematics in dollars: letters with a subscript, dotted letters, and SYMBOLS."""
    text = re.sub("(.)([\u0307\u0308])", lambda m: f"\0{m[2]}{m[1]}", unicodedata.normalize("NFD", text))
    pieces = re.split(
        r"((?:Δ|\0.)?\w_\{[^}]*\}|(?<![^\W\d])(?:Δ|\0.)?[^\W\d]_\w\b)", unicodedata.normalize("NFC", text)
    )
    found = "".join(_subscripted(piece) if k % 2 else _running(piece) for k, piece in enumerate(pieces))
    return found.replace("'$$", "'{}").replace("$$", " ")  # formulas side by side are one


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
