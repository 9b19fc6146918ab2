"""HTML of texts and formulae: everything is escaped, letters get their subscripts, LaTeX becomes MathML."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape

from .latex import ABOVE, APART, BELOW

LONGEST = 4000  # characters of LaTeX; a longer formula is shown as text, which breaks its lines
HEAD = rf"{APART}(Δ?[^\W\d_][\u0300-\u036f]?′*)"
SCRIPTED = re.compile(rf"({ABOVE})|{HEAD}({BELOW})")


def written(text: str) -> str:
    """Text with W_l, W_{l+1} and e^{…} as a reader writes them."""
    return SCRIPTED.sub(_script, escape(text)).replace("\n", "<br>")


def _script(found: re.Match[str]) -> str:
    above, head, below = found.groups()
    if above is not None:
        return f"<sup>{above[1:].removeprefix('{').removesuffix('}')}</sup>"
    return f"<i>{head}</i><sub>{below[1:].strip('{}')}</sub>"


@lru_cache(maxsize=4096)
def mathml(latex: str) -> str | None:
    """A formula as MathML; None without latex2mathml, or where the formula is too long or not understood."""
    try:
        from latex2mathml.converter import convert
    except ImportError:
        return None
    if len(latex) > LONGEST:
        return None
    try:
        found: str = convert(latex, display="inline")
    except Exception:  # whatever it does not understand is shown as text
        return None
    found = re.sub(r"&#x([0-9A-Fa-f]+);", _character, found)
    return None if "\\" in found else found


def _character(found: re.Match[str]) -> str:
    shown = chr(int(found[1], 16))
    return found[0] if shown in "<>&\"'" else shown


def formula(text: str, latex: str) -> str:
    """A formula: MathML if it can be had, else its text."""
    shown = mathml(latex) if latex else None
    return shown or f"<code>{escape(text)}</code>"
