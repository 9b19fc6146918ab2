"""Characters of mathematics as LaTeX commands."""

from __future__ import annotations

import unicodedata

VARIANTS = {"φ": r"\varphi", "ε": r"\varepsilon", "λ": r"\lambda"}
GREEK = {
    c: VARIANTS.get(c) or "\\" + (unicodedata.name(c).split()[-1].capitalize() if c.isupper()
                                  else unicodedata.name(c).split()[-1].lower())
    for c in "αβγδεζηθικλμνξπρστυφχψωΓΔΘΞΠΣΦΨΩ"
} | {"Λ": r"\Lambda"}  # fmt: skip
SYMBOLS = {
    **GREEK, "½": r"\tfrac12", "¼": r"\tfrac14", "‖": r"\Vert", "⟨": r"\langle", "⟩": r"\rangle", "²": "^2", "³": "^3",
    "ᵀ": r"^{\top}", "−": "-", "′": "'", "≠": r"\neq", "·": r"\cdot", "⊙": r"\odot", "∈": r"\in", "±": r"\pm",
    "×": r"\times", "≥": r"\ge", "≤": r"\le", "√": r"\surd", "Σ": r"\sum", "₁": "_1", "₀": "_0", "⁻¹": "^{-1}",
    "⁺": "^{+}", "∂": r"\partial", "∫": r"\int", "…": r"\ldots", "→": r"\to", "⪰": r"\succeq", "∇": r"\nabla",
    "∞": r"\infty", "⋯": r"\cdots", "∠": r"\angle", "ᵖ": "^p", "⊥": r"\perp", "≈": r"\approx", "κ": r"\kappa",
}  # fmt: skip


def symbols(text: str) -> str:
    """A formula's text with the commands of its characters; what follows a Greek letter is kept apart from it."""
    shown = ""
    for k, c in enumerate(text):
        command = GREEK.get(c) or SYMBOLS.get(c) or c
        apart = (
            " "
            if command != c and command[0] == "\\" and text[k + 1 : k + 2].isalpha() and text[k + 1].isascii()
            else ""
        )
        shown += command + apart
    return shown
