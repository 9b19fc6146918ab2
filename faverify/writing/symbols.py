"""Characters of mathematics as LaTeX commands."""

from __future__ import annotations

import unicodedata

VARIANTS = {"φ": r"\varphi", "ε": r"\varepsilon", "λ": r"\lambda", "Λ": r"\Lambda"}
GREEK = {
    c: VARIANTS.get(c) or "\\" + getattr(unicodedata.name(c).split()[-1], "capitalize" if c.isupper() else "lower")()
    for c in "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩ"
}
SYMBOLS = {
    **GREEK, "½": r"\tfrac12", "¼": r"\tfrac14", "¾": r"\tfrac34", "⅓": r"\tfrac13", "‖": r"\Vert", "⟨": r"\langle",
    "⟩": r"\rangle", "ᵀ": r"^{\top}", "−": "-", "′": "'", "≠": r"\neq", "·": r"\cdot", "⊙": r"\odot", "∈": r"\in",
    "±": r"\pm", "×": r"\times", "≥": r"\ge", "≤": r"\le", "√": r"\surd", "Σ": r"\sum", "Π": r"\prod",
    "⁻¹": "^{-1}", "⁺": "^{+}", "⁻": "^{-}", "ⁿ": "^n", "ᵖ": "^p", "ᵢ": "_i", "ⱼ": "_j", "∂": r"\partial",
    "∫": r"\int", "…": r"\ldots", "⋯": r"\cdots", "→": r"\to", "←": r"\leftarrow", "↦": r"\mapsto", "⇒": r"\Rightarrow",
    "⇔": r"\Leftrightarrow", "↑": r"\uparrow", "↓": r"\downarrow", "⪰": r"\succeq", "∇": r"\nabla", "∞": r"\infty",
    "∠": r"\angle", "⊥": r"\perp", "≈": r"\approx", "∼": r"\sim", "≡": r"\equiv", "≪": r"\ll", "≫": r"\gg",
    "⊂": r"\subset", "⊆": r"\subseteq", "∪": r"\cup", "∩": r"\cap", "∃": r"\exists", "∀": r"\forall", "÷": r"\div",
    "∘": r"\circ", "°": r"^{\circ}", "†": r"\dagger", "ℝ": r"\mathbf{R}", "ℚ": r"\mathbf{Q}", "ℤ": r"\mathbf{Z}",
    "⊤": r"\top", "𝔽": r"\mathbf{F}", **{c: f"_{k}" for k, c in enumerate("₀₁₂₃₄₅₆₇₈₉")},
    **{c: f"^{k}" for k, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
}  # fmt: skip
MARKS = {"–": "--", "—": "---", "‘": "`", "’": "'", "“": "``", "”": "''", "\u00a0": "~", "•": r"\textbullet{}"}


def symbols(text: str) -> str:
    """A formula's text with the commands of its characters; a letter that follows a command is kept apart from it."""
    shown = ""
    for k, c in enumerate(text):
        command, after = GREEK.get(c) or SYMBOLS.get(c) or c, text[k + 1 : k + 2]
        shown += command + (" " if command != c and command[0] == "\\" and after.isascii() and after.isalpha() else "")
    return shown
