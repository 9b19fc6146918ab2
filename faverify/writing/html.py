"""A report as one HTML file that needs no network: mathematics as MathML, light and dark, readable on a phone."""

from __future__ import annotations

import json
import re
from html import escape
from itertools import starmap
from typing import Any

from .documents import (
    CONTROL,
    Card,
    Document,
    Facts,
    Paragraph,
    Picture,
    Section,
    Source,
    Steps,
    Table,
    Verbatim,
    grouped,
)
from .markup import formula, written

OPEN = 8  # lines of a derivation that are shown without a click
STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8881; --good: #17713a; --bad: #b3261e; --maybe: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --good: #6fd08c; --bad: #ff8a80; --maybe: #f0c060; } }
* { box-sizing: border-box }
body { font: 16px/1.5 Georgia, "Times New Roman", serif; max-width: 66rem; margin: 0 auto; padding: 1rem;
  background: Canvas; color: CanvasText; overflow-wrap: anywhere }
h1, h2, h3, h4, table, nav, summary, .kind, .scope { font-family: system-ui, sans-serif }
h2 { border-bottom: 1px solid var(--line); margin-top: 3rem } h3 { margin-top: 2.5rem } h4 { margin: 2rem 0 .3rem }
code, pre { font: .86em/1.45 ui-monospace, Menlo, Consolas, monospace }
pre { background: var(--soft); padding: .6rem .8rem; border-radius: .3rem; overflow-x: auto; white-space: pre-wrap }
a { color: LinkText } nav ul { columns: 18rem; padding-left: 1.2rem; font-size: .85rem } nav li { break-inside: avoid }
table { border-collapse: collapse; font-size: .85rem; width: 100% } table.claims { table-layout: fixed }
th, td { text-align: left; vertical-align: top; padding: .3rem .5rem; border-bottom: 1px solid var(--line) }
.card { border: 1px solid var(--line); border-left: .3rem solid var(--maybe); border-radius: .3rem;
  padding: .6rem .9rem; margin: .8rem 0 }
.proved { border-left-color: var(--good) } .refuted { border-left-color: var(--bad) }
.kind { text-transform: uppercase; letter-spacing: .06em; font-size: .8rem; font-weight: 600 }
.good { color: var(--good) } .bad { color: var(--bad) } .maybe { color: var(--maybe) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .9rem; font-size: .85rem; margin: .5rem 0 }
dt { opacity: .75 } dd { margin: 0 }
.step { margin: .3rem 0; overflow-x: auto; overflow-y: hidden; padding: .25rem 0 }
.step > :is(math, code) + :is(math, code) { margin-left: 1.5em }
.why { display: block; font-size: .82rem; opacity: .75 }
details { margin: .5rem 0 } summary { cursor: pointer; font-size: .9rem }
figure { margin: 1rem 0; background: #fff; color: #000; padding: .5rem; border-radius: .3rem }
figure svg { max-width: 100%; height: auto } figcaption { font-size: .85rem; padding: .3rem }
@media (max-width: 46rem) { table.claims thead { display: none } table.claims tr { display: block; padding: .5rem 0;
  border-bottom: 1px solid var(--line) } table.claims td { display: block; border: 0; padding: .05rem 0 }
  table.claims td[data-name]:not(:empty)::before { content: attr(data-name) ": "; opacity: .65 }
  dl { grid-template-columns: 1fr } dd { margin-bottom: .3rem } }
@media print { nav { display: none } }
"""
COLOURS = {"proved": "good", "holds": "good", "refuted": "", "open": "maybe", "skipped": "maybe", "undecided": "maybe"}


def html_document(document: Document) -> str:
    """The whole file; the record of all verdicts is in it as <script type="application/json">."""
    title = escape(document.title)
    record = json.dumps(document.record, ensure_ascii=False, indent=1, sort_keys=False)
    safe = record.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>",
        *map(block_html, document.summary),
        f"<nav><h2>Contents</h2>{contents(document.sections)}</nav>",
        *(section_html(section, 2) for section in document.sections),
        f'<script type="application/json" id="record">\n{safe}\n</script>\n</body>\n</html>\n',
    ]
    return CONTROL.sub("", "\n".join(parts))


def contents(sections: Any) -> str:
    """An index of sections, two deep; the names of proofs lie below their file."""
    shown = []
    for section in sections:
        inside = [block for block in section.blocks if isinstance(block, Section)]
        below = f"<details><summary>{len(inside)}</summary>{contents(inside)}</details>" if inside else ""
        shown.append(f"<li>{link(section.anchor, heading(section))}{below}</li>")
    return f"<ul>{''.join(shown)}</ul>"


def link(anchor: str, text: str) -> str:
    return f'<a href="#{escape(anchor)}">{text}</a>' if anchor else text


def heading(section: Section) -> str:
    return f"<code>{escape(section.title)}</code>" if section.code else written(section.title)


def section_html(section: Section, level: int) -> str:
    mark = f" {marked(section.mark)}" if section.mark else ""
    shown = f'<h{level} id="{escape(section.anchor)}">{heading(section)}{mark}</h{level}>'
    inside = [
        section_html(block, min(level + 1, 6)) if isinstance(block, Section) else block_html(block)
        for block in section.blocks
    ]
    return "\n".join(["<section>", shown, *inside, "</section>"])


def marked(word: str) -> str:
    return f'<span class="kind {COLOURS.get(word, "bad")}">{escape(word)}</span>'


def block_html(block: Any) -> str:
    """One block."""
    if isinstance(block, Paragraph):
        strong = f"<strong>{written(block.strong)}</strong> " if block.strong else ""
        return f"<p>{strong}{written(block.text)}</p>"
    if isinstance(block, Source):
        return f"<p><code>{escape(block.text)}</code></p>"
    if isinstance(block, Verbatim):
        return f"<pre>{escape(block.text)}</pre>"
    if isinstance(block, Facts):
        return facts(block)
    if isinstance(block, Table):
        return table(block)
    if isinstance(block, Steps):
        return steps(block)
    if isinstance(block, Card):
        inside = "\n".join(map(block_html, block.blocks))
        return (
            f'<div class="card {escape(block.kind)}"><div>{marked(block.kind)}</div>'
            f"<div>{written(block.statement)}</div>\n{inside}</div>"
        )
    assert isinstance(block, Picture)
    svg = re.sub(r"^.*?(?=<svg)", "", unique(block), flags=re.DOTALL)
    return f"<figure>{svg}<figcaption>{written(block.caption)}</figcaption></figure>"


def unique(picture: Picture) -> str:
    """An SVG whose names are its own in a page that has others."""
    own = f"{re.sub(r'[^0-9A-Za-z]', '-', picture.name)}-"
    svg = re.sub(r'\bid="', f'id="{own}', picture.svg)
    return re.sub(r'(href="#|url\(#)', rf"\g<1>{own}", svg)


def facts(block: Facts) -> str:
    return "<dl>" + "".join(f"<dt>{written(name)}</dt><dd>{written(text)}</dd>" for name, text in block.rows) + "</dl>"


def table(block: Table) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in block.columns)
    rows = []
    for row, anchor in zip(block.rows, block.links, strict=True):
        name = escape(row[0]).replace("_", "_<wbr>")  # no formula: a claim's id, or the name of a function
        cells = [link(anchor, name), *map(written, row[1:])]
        told = zip(block.columns, cells, strict=True)
        rows.append("<tr>" + "".join(f'<td data-name="{escape(name)}">{cell}</td>' for name, cell in told) + "</tr>")
    widths = "".join(f'<col style="width:{100 * share:.0f}%">' for share in block.shares)
    top = f"<colgroup>{widths}</colgroup><thead><tr>{head}</tr></thead>"
    return f'<table class="claims">{top}<tbody>{"".join(rows)}</tbody></table>'


def steps(block: Steps) -> str:
    """A derivation, folded where it is long."""
    lines, count = [], 0
    for title, several in block.cases:
        lines.append(f"<p><strong>{written(title)}</strong></p>")
        for reason, formulae in grouped(several):
            why = f'<span class="why">{written(reason)}</span>' if reason else ""
            lines.append(f'<div class="step">{why}{" ".join(starmap(formula, formulae))}</div>')
            count += 1
    shown = "\n".join(lines)
    many = count > OPEN or len(shown) > 20_000
    return f"<details{'' if many else ' open'}><summary>{escape(block.summary)}</summary>\n{shown}\n</details>"
