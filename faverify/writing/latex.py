"""Derivations as LaTeX that needs amsmath and nothing else."""

from __future__ import annotations

from typing import Any

from .notation import GREEK

SYMBOLS = {
    "½": r"$\tfrac12$", "‖": r"$\Vert$", "⟨": r"$\langle$", "⟩": r"$\rangle$", "²": r"$^2$", "ᵀ": r"$^{\top}$",
    "−": "$-$",
    "′": r"$'$", "≠": r"$\neq$", "·": r"$\cdot$", "…": r"\dots{}", "⊙": r"$\odot$", "∈": r"$\in$", "±": r"$\pm$",
    "{": "", "}": "", "_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "ₗ": "$_l$", "×": r"$\times$", "≥": r"$\ge$",
}  # fmt: skip


def derivation_latex(derivation: Any) -> str:
    """A paragraph for each case; a line of the derivation is a display with its reason beside it."""
    lines = [rf"\paragraph{{{plain(derivation.statement)}}}"]
    for heading, steps in derivation.cases:
        lines += [rf"\subparagraph{{{plain(heading)}.}}", r"\begin{align*}"]
        rows = [f"  & {step.latex} && \\text{{{plain(step.reason)}}}" for step in steps if step.latex]
        lines += [" \\\\\n".join(rows), r"\end{align*}"]
    scope = "; ".join(f"{name}: {value}" for name, value in derivation.scope.items())
    return "\n".join([*lines, rf"\emph{{Scope.}} {plain(scope)}."])


def plain(text: str) -> str:
    """Running text with its mathematics in dollars."""
    for found, written in {**{k: f"${v}$" for k, v in GREEK.items()}}.items():
        text = text.replace(found, written)
    return "".join(SYMBOLS.get(c, c) for c in _subscripts(text))


def _subscripts(text: str) -> str:
    return text.replace("W_{l+1}", "W$(l+1)$").replace("B_{l+1}", "B$(l+1)$")
