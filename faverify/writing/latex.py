"""Derivations as LaTeX that needs amsmath and nothing else: formulae that break, and reasons at the right."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from .documents import CONTROL, grouped
from .symbols import MARKS, SYMBOLS, symbols

LONG = 160  # characters of a formula on one line
LATIN = "À-ÖØ-öø-ÿŁłŠšŽžČčĆćŃńŐőŰű"
APART = r"(?:(?<![A-Za-zα-ωΔ_])|(?<=_[0-9a-zL])|(?<=\bd))"  # no word before, but another subscript, or a d
HEAD = rf"{APART}(?:Δ|\0.)?[A-Za-zα-ωΣΔ]′*"
BELOW = r"_(?:\{[^{}]*\}|(?<=Σ_)[a-z](?:,[a-z])+|[a-z]{2,}|[0-9a-zL])(?![0-9a-z_])"  # Σ_i,j is over two indices
ABOVE = r"\^(?:\{(?:[^{}]|\{[^{}]*\})*\}|[0-9A-Za-zα-ω](?!\w))"
SCRIPTED = re.compile(rf"({ABOVE}|{HEAD}{BELOW})")
DIGITS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿᵖᵀ", "0123456789+−np⊤", strict=True))
RUN = re.compile(f"[{''.join(RAISED)}]{{2,}}")  # one exponent of several characters
DOTS = {"\u0307": r"\dot", "\u0308": r"\ddot"}
ESCAPES = {
    "<": "$<$", ">": "$>$", "|": "$|$", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$", "\\": r"\textbackslash{}",
    "_": r"\_", "^": r"\^{}", "~": r"\~{}", "{": r"\{", "}": r"\}", **MARKS,
}  # fmt: skip
IN_MATHEMATICS = {**{c: rf"\{c}" for c in "#%&$_"}, "^": r"\hat{}", "~": r"\sim{}", "\\": r"\backslash{}"}
WHY = r"""\providecommand{\why}[2]{}
\renewcommand{\why}[2]{{\hangindent3em\hangafter1\leftskip1.2em\rightskip0pt plus 8em\relpenalty0
  \binoppenalty0\parindent0pt\parfillskip0pt #2\unskip\nobreak\hfil\penalty50\hskip1.5em\null\nobreak\hfil
  {\small\emph{#1}}\par}}"""
OPENING = r"\begingroup\parindent0pt\parskip3pt plus 1pt\emergencystretch4em\tolerance3000\hbadness10000"


def derivation_latex(derivation: Any) -> str:
    """A paragraph for each case; lines of the derivation, each with its reason."""
    scope = "; ".join(f"{name}: {value}" for name, value in derivation.scope.items())
    cases = [(heading, [(step.reason, step.text, step.latex) for step in steps]) for heading, steps in derivation.cases]
    return "\n".join(
        [
            OPENING,
            WHY,
            rf"\textbf{{{plain(derivation.statement)}.}}\par",
            *case_lines(cases),
            rf"{{\small\emph{{Scope.}} {plain(scope)}.\par}}",
            r"\endgroup",
        ]
    )


def case_lines(cases: Any) -> list[str]:
    """The lines under their headings: (heading, (reason, text, LaTeX) …); \\why sets each."""
    lines = []
    for heading, several in cases:
        lines.append(rf"\textbf{{{plain(heading)}.}}\par")
        lines += [_line(reason, formulae) for reason, formulae in grouped(several)]
    return lines


def _line(reason: str, formulae: list[tuple[str, str]]) -> str:
    shown = [rf"$\displaystyle {breakable(latex)}$" if latex else plain(text) for text, latex in formulae]
    joined = r";\hskip 1.2em plus 1em ".join(shown)
    return rf"\why{{{plain(reason)}}}{{{joined}}}"


def breakable(latex: str) -> str:
    """A formula that may break between factors too and, where it is long, inside of brackets."""
    latex = latex.replace(r"\,", r"\,\allowbreak ")
    return re.sub(r"\\(left|right)(?![a-z])", lambda m: rf"\big{m[1][0]}", latex) if len(latex) > LONG else latex


# Text


def plain(text: str) -> str:
    """Running text with its mathematics in dollars: letters with a subscript, dotted letters, exponents, SYMBOLS."""
    text = unicodedata.normalize("NFD", CONTROL.sub("", text.replace("\n", " ")))
    text = RUN.sub(lambda m: f"^{{{''.join(RAISED[c] for c in m[0])}}}", text)
    text = re.sub("(?<=[^\\W\\d_₀-₉])([₀-₉]+)", lambda m: f"_{{{m[1].translate(DIGITS)}}}", text)
    text = re.sub("(.)([\u0307\u0308])", lambda m: f"\0{m[2]}{m[1]}", text)
    pieces = SCRIPTED.split(unicodedata.normalize("NFC", text))
    found = "".join(_scripted(piece) if k % 2 else _running(piece) for k, piece in enumerate(pieces))
    return found.replace("'$$", "'{}").replace("$$_", " {}_").replace("$$", " ")  # formulas side by side are one


def _scripted(piece: str) -> str:
    if piece.startswith("^"):
        return f"${{}}^{{{mathematics(piece[2:-1] if piece[1] == '{' else piece[1])}}}$"
    head, _, below = piece.partition("_")
    below = rf"\mathrm{{{below}}}" if re.fullmatch("[A-Za-z]{2,}", below) else mathematics(below.strip("{}"))
    return rf"${mathematics(head)}_{{{below}}}$"


def mathematics(text: str) -> str:
    """Characters of a formula that was written as text."""
    if text.startswith("\0"):  # a dot, then its letter
        return rf"{DOTS[text[1]]}{{{mathematics(text[2:])}}}"
    return symbols(re.sub(r"\^(?!\{)|[#%&$_~\\]", lambda m: IN_MATHEMATICS[m[0]], text))


def _running(text: str) -> str:
    shown, dots = [], ""
    for c in text:
        if c == "\0" or c in DOTS:
            dots = DOTS.get(c, "")
        elif dots:
            shown.append(f"${dots}{{{SYMBOLS.get(c, c)}}}$")
            dots = ""
        elif c in SYMBOLS:
            shown.append(f"${'{}' if SYMBOLS[c][0] in '^_' and not shown else ''}{SYMBOLS[c]}$")
        else:
            shown.append(ESCAPES.get(c, c if c.isascii() or re.match(f"[{LATIN}]", c) else named(c)))
    return "".join(shown)


def named(c: str) -> str:
    """A character that LaTeX does not know: without its accent, or by its name."""
    bare = unicodedata.normalize("NFD", c)[0]
    return bare if bare.isascii() else f"[{unicodedata.name(c, 'symbol').lower()}]"


def sane(source: str) -> str:
    """Source without a character that LaTeX does not know: what users bring."""
    return re.sub(rf"[^\x00-\x7f{LATIN}]", _known, source)


def _known(found: re.Match[str]) -> str:
    command = SYMBOLS.get(found[0])
    if command is None:
        return rf"\text{{{named(found[0])}}}"
    return rf"\ensuremath{{{'{}' if command[0] in '^_' else ''}{command}}}"
