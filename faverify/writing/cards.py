"""Verdicts and derivations as a notebook shows them: HTML without a style sheet, in the notebook's own colours."""

from __future__ import annotations

from html import escape
from typing import Any

from .documents import grouped
from .markup import mathml, written

EDGES = {"proved": "#17713a", "refuted": "#b3261e"}
BOX = "border:1px solid #8886;border-left:5px solid {};border-radius:4px;padding:.5em .9em;margin:.4em 0;max-width:60em"
LINE = "margin:.2em 0;padding:.2em 0;overflow-x:auto;overflow-y:hidden"  # else formulae get a bar at their side
CELL = "text-align:left;vertical-align:top;padding:0 .8em 0 0"
OPEN = 8  # lines of a derivation that are shown without a click


def verdict_html(verdict: Any) -> str:
    """A card: the kind, the statement, how it was settled, the scope, a finding, a witness; the derivation folded."""
    lines = [
        f'<div style="{BOX.format(EDGES.get(verdict.kind, "#8a5a00"))}">',
        f"<div><strong>{escape(verdict.kind.upper())}</strong> {written(verdict.statement)}</div>",
        f"<div>along {escape(verdict.rule)}, by {escape(verdict.how)}"
        + (f" ({escape(verdict.note)})" if verdict.note else "")
        + "</div>",
        scope_table(verdict.scope),
    ]
    finding = verdict.finding
    lines += [f"<div>finding: {written(finding['text'])}</div>"] if finding else []
    lines += [f"<div>tried: {written(text)}</div>" for text in verdict.tried]
    if verdict.witness is not None and not hasattr(verdict.witness, "lines"):
        lines.append(f"<details open><summary>witness</summary><pre>{escape(str(verdict.witness))}</pre></details>")
    if verdict.question is not None or hasattr(verdict.witness, "lines"):
        lines.append(f"<details><summary>derivation</summary>{steps_html(verdict.derivation)}</details>")
    return "\n".join([*lines, "</div>"])


def scope_table(scope: Any) -> str:
    rows = [
        f'<tr><th style="{CELL};font-weight:normal;opacity:.75">{escape(name)}</th>'
        f'<td style="{CELL}">{written(value)}</td></tr>'
        for name, value in scope.items()
    ]
    return f'<table style="font-size:90%;margin:.4em 0"><tbody>{"".join(rows)}</tbody></table>'


def steps_html(derivation: Any) -> str:
    """The lines of a derivation, each with its reason."""
    lines = []
    for heading, steps in derivation.cases:
        lines.append(f"<p><strong>{written(heading)}</strong></p>")
        for reason, formulae in grouped((step.reason, step.text, step.latex) for step in steps):
            shown = "&emsp;".join(formula(text, latex) for text, latex in formulae)
            why = f'<div style="opacity:.7;font-size:85%">{written(reason)}</div>' if reason else ""
            lines.append(f'<div style="{LINE}">{why}{shown}</div>')
    return "\n".join(lines)


def formula(text: str, latex: str) -> str:
    """MathML; without the library for it LaTeX, which notebooks set; without LaTeX its text."""
    return (mathml(latex) or f"${escape(latex)}$") if latex else f"<code>{escape(text)}</code>"


def derivation_html(derivation: Any) -> str:
    """A derivation with its statement and its scope, folded where it is long."""
    count = sum(len(steps) for _, steps in derivation.cases)
    opened = " open" if count <= OPEN else ""
    return "\n".join(
        [
            f'<div style="{BOX.format("#888")}"><div>{written(derivation.statement)}</div>',
            f"<details{opened}><summary>{count} lines</summary>{steps_html(derivation)}</details>",
            scope_table(derivation.scope) + "</div>",
        ]
    )


class ShownInNotebooks:
    """A derivation that a notebook shows as HTML."""

    def _repr_html_(self) -> str:
        return derivation_html(self)
