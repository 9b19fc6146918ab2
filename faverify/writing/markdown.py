"""A report as Markdown, in the dialect of code hosts: tables, folded details, mathematics in ```math."""

from __future__ import annotations

import re
from typing import Any

from .documents import CONTROL, Card, Document, Facts, Paragraph, Picture, Section, Source, Steps, Table, Verbatim

OPEN, LONGEST = 8, 4000
PREFIX = "\0"  # no text has it: control characters are left out


def markdown_document(document: Document, prefix: str = "") -> str:
    """The whole file; figures are SVG files beside it, whose names begin with `prefix`."""
    lines = [f"# {escaped(document.title)}", *map(block_text, document.summary), "## Contents"]
    lines.append("\n".join(f"- [{escaped(s.title)}](#{s.anchor})" for s in document.sections))
    lines += [section_text(section, 2) for section in document.sections]
    return ("\n\n".join(lines) + "\n").replace(PREFIX, prefix)


def escaped(text: str) -> str:
    """Text in which nothing is markup."""
    text = CONTROL.sub("", text)
    return re.sub(r"([\\`*_{}\[\]<>#|~$&])", r"\\\1", text).replace("\n", " ")


def code(text: str) -> str:
    """A name in a program, whatever backquotes it has."""
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    text = CONTROL.sub("", text.replace("\n", " "))
    return f"{fence} {text} {fence}" if "`" in text else f"{fence}{text}{fence}"


def fenced(text: str, kind: str = "") -> str:
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    return f"{fence}{kind}\n{CONTROL.sub('', text)}\n{fence}"


def section_text(section: Section, level: int) -> str:
    title = code(section.title) if section.code else escaped(section.title)
    lines = [
        f'<a id="{section.anchor}"></a>',
        f"{'#' * level} {title}" + (f" ({section.mark})" if section.mark else ""),
    ]
    for block in section.blocks:
        lines.append(section_text(block, min(level + 1, 6)) if isinstance(block, Section) else block_text(block))
    return "\n\n".join(lines)


def block_text(block: Any) -> str:
    """One block."""
    if isinstance(block, Paragraph):
        return (f"**{escaped(block.strong)}** " if block.strong else "") + escaped(block.text)
    if isinstance(block, Source):
        return code(block.text)
    if isinstance(block, Verbatim):
        return fenced(block.text)
    if isinstance(block, Facts):
        rows = [f"| {escaped(name)} | {escaped(text)} |" for name, text in block.rows]
        return "\n".join(["| | |", "|---|---|", *rows])
    if isinstance(block, Table):
        head = ["| " + " | ".join(block.columns) + " |", "|---" * len(block.columns) + "|"]
        rows = []
        for row, anchor in zip(block.rows, block.links, strict=True):
            first = f"[{escaped(row[0])}](#{anchor})" if anchor else escaped(row[0])
            rows.append("| " + " | ".join([first, *map(escaped, row[1:])]) + " |")
        return "\n".join([*head, *rows])
    if isinstance(block, Steps):
        return steps(block)
    if isinstance(block, Card):
        return "\n\n".join([f"**{block.kind}**: {escaped(block.statement)}", *map(block_text, block.blocks)])
    assert isinstance(block, Picture)
    return f"![{escaped(block.caption)}]({PREFIX}{block.name}.svg)"


def steps(block: Steps) -> str:
    lines, count = [f"<details><summary>{block.summary}</summary>"], 0
    for title, several in block.cases:
        lines.append(f"**{escaped(title)}**")
        for reason, text, latex in several:
            lines += [f"*{escaped(reason)}*"] if reason else []
            lines.append(fenced(latex, "math") if latex and len(latex) <= LONGEST else fenced(text))
            count += 1
    if count <= OPEN:
        lines[0] = lines[0].replace("<details>", "<details open>")
    return "\n\n".join([*lines, "</details>"])
