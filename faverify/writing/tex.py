"""A report as LaTeX that needs amsmath and nothing else, and as PDF where pdflatex is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from ..errors import Misuse
from .documents import Card, Document, Facts, Paragraph, Picture, Section, Source, Steps, Table, Verbatim
from .latex import WHY, case_lines, plain, sane

PRINTED = 30_000  # characters of LaTeX, a dozen pages; a longer derivation is left to HTML, which folds it
CELL, WORD = 150, 14  # characters in a cell of a table, and in a word
MINUTES = 5  # for LaTeX
PREFIX = "\0"  # no text has it: control characters are left out
PREAMBLE = r"""\documentclass[10pt,a4paper]{article}
\usepackage[utf8]{inputenc}
\usepackage{amsmath}
\setlength{\textwidth}{17cm}\setlength{\oddsidemargin}{-0.54cm}\setlength{\evensidemargin}{-0.54cm}
\setlength{\textheight}{25.2cm}\setlength{\topmargin}{-1.6cm}\setlength{\headheight}{12pt}\setlength{\headsep}{12pt}
\setlength{\parindent}{0pt}\setlength{\parskip}{4pt plus 1pt}\setlength{\emergencystretch}{4em}
\hbadness=10000 \vbadness=10000 \hfuzz=1pt \tolerance=3000 \raggedbottom \allowdisplaybreaks
\newcommand{\cell}[2]{\parbox[t]{#1\textwidth}{\raggedright\hyphenpenalty=10000\strut #2\strut}}
\newcommand{\ruled}{\par\nointerlineskip\vskip2pt\hrule height0.2pt\vskip2pt}
\newcommand{\bs}{\discretionary{}{}{}}
\setcounter{tocdepth}{2}\setcounter{secnumdepth}{2}
\begin{document}
"""


def tex_document(document: Document, prefix: str = "") -> str:
    """The whole source; figures are PDF files beside it, whose names begin with `prefix`."""
    lines = [PREAMBLE, WHY, rf"\begin{{center}}\Large\bfseries {plain(document.title)}\end{{center}}"]
    lines += map(block_tex, document.summary)
    lines.append(r"\tableofcontents")
    lines += [section_tex(section, 0) for section in document.sections]
    return sane("\n".join([*lines, r"\end{document}", ""])).replace(PREFIX, prefix)


# Text


def typed(text: str) -> str:
    """A name in a program, which may break after each part."""
    return rf"\texttt{{{''.join(map(_typed, text))}}}"


def _typed(c: str) -> str:
    if c in "#%&$_{}":
        return rf"\{c}" + r"\bs{}" * (c == "_")
    return plain(c) if c in "\\^~\n" or not (c.isascii() and c.isprintable()) else c + r"\bs{}" * (c in "./-")


# Blocks


def section_tex(section: Section, level: int) -> str:
    kind = ("section", "subsection", "subsubsection", "paragraph")[min(level, 3)]
    title = typed(section.title) if section.code else plain(section.title)
    mark = rf" \textnormal{{\small({plain(section.mark)})}}" if section.mark else ""
    lines = [rf"\{kind}*{{{title}{mark}}}" if level > 1 else rf"\{kind}{{{title}{mark}}}"]
    lines.append(rf"\label{{{section.anchor}}}")
    for block in section.blocks:
        lines.append(section_tex(block, level + 1) if isinstance(block, Section) else block_tex(block))
    return "\n".join(lines)


def block_tex(block: Any) -> str:
    """One block."""
    if isinstance(block, Paragraph):
        strong = rf"\textbf{{{plain(block.strong)}}} " if block.strong else ""
        return f"{strong}{plain(block.text)}\\par"
    if isinstance(block, Source):
        return rf"{{\small {typed(block.text)}}}\par"
    if isinstance(block, Verbatim):
        return verbatim(block.text)
    if isinstance(block, Facts):
        said = "; ".join(rf"\emph{{{plain(name)}:}} {plain(text)}" for name, text in block.rows)
        return rf"{{\small {said}.\par}}"
    if isinstance(block, Table):
        return table(block)
    if isinstance(block, Steps):
        return steps(block)
    if isinstance(block, Card):
        first = rf"\par\medskip\textbf{{{plain(block.kind.capitalize())}.}} {plain(block.statement)}\par"
        worked = any(isinstance(inner, Steps) for inner in block.blocks)  # a witness's data are its first lines
        inside = [b for b in block.blocks if not (worked and isinstance(b, Verbatim) and b.text.startswith("witness"))]
        return "\n".join([first, *map(block_tex, inside)])
    assert isinstance(block, Picture)
    return "\n".join(
        [
            r"\begin{center}",
            rf"\pdfximage width\textwidth {{{PREFIX}{block.name}.pdf}}\leavevmode\pdfrefximage\pdflastximage",
            rf"\par\small {plain(block.caption)}\end{{center}}",
        ]
    )


def verbatim(text: str) -> str:
    """Lines as they are, which may break between words."""
    lines = []
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip())
        hang = rf"\hangindent={0.5 * indent + 1.5:.1f}em\hspace*{{{0.5 * indent:.1f}em}}"
        lines.append(rf"{hang}{plain(line.strip())}\par")
    return "\n".join([r"{\small\parskip=0pt\raggedright", *lines, "}"])


def table(block: Table) -> str:
    """Rows of boxes, so that it breaks over pages without a package; the last column says the page."""
    page, widths = 0.035, [share * 0.9 for share in block.shares]
    head = cells([rf"\textbf{{{plain(name)}}}" for name in block.columns] + [r"\textbf{p.}"], [*widths, page])
    rows = [head, r"\ruled"]
    for row, anchor in zip(block.rows, block.links, strict=True):
        first = typed(row[0]) if "_" in row[0] or "." in row[0] else narrow(row[0])
        ref = rf"\pageref{{{anchor}}}" if anchor else ""
        rows += [cells([first, *map(narrow, row[1:]), ref], [*widths, page]), r"\ruled"]
    return "\n".join([r"{\footnotesize\parskip=0pt\lineskip=0pt", *rows, "}"])


def narrow(text: str) -> str:
    """Text for a narrow column: what is long is cut, and long words may break; the whole stands with the proof."""
    text = text if len(text) <= CELL else f"{text[:CELL].rpartition(' ')[0]} …"
    return " ".join(broken(word) if len(word) > WORD and "{" not in word else plain(word) for word in text.split())


def broken(word: str) -> str:
    parts = [word[k : k + 10] for k in range(0, len(word), 10)] if word.isalnum() else re.split(r"(?<=[(,=.;-])", word)
    return r"\bs{}".join(plain(part) if len(part) <= WORD + 4 else broken(part) for part in parts if part)


def cells(texts: list[str], widths: list[float]) -> str:
    found = [rf"\cell{{{width:.3f}}}{{{text}}}" for text, width in zip(texts, widths, strict=True)]
    return r"\noindent" + r"\hfill".join(found) + r"\par"


def steps(block: Steps) -> str:
    """A derivation: formulae break after relations and signs; the reason stands at the right, below if need be."""
    size = sum(len(latex or text) for _, lines in block.cases for _, text, latex in lines)
    if size > PRINTED:
        told = f"This derivation has {size:,} characters, a dozen pages or more; the HTML form of the report has it."
        return rf"\emph{{{told}}}\par"
    return "\n".join([r"{\small\parskip=2pt", *case_lines(block.cases), "}"])


# PDF


def pdf_document(document: Document) -> tuple[bytes, list[str]]:
    """The report as PDF, and what LaTeX complained about.

    Raises: Misuse without pdflatex, or where it makes nothing.
    """
    command = shutil.which("pdflatex")
    if command is None:
        raise Misuse(
            "report", "no pdflatex", "pdflatex, in texlive-latex-base or any TeX; or a report.tex, .html or .md instead"
        )
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "report.tex").write_text(tex_document(document), encoding="utf-8")
        for picture in document.pictures():
            (folder / f"{picture.name}.pdf").write_bytes(picture.pdf)
        for _ in range(3):  # pages that are referred to, and the contents, move once
            words = [command, "-interaction=nonstopmode", "-no-shell-escape", "report.tex"]
            try:
                run = subprocess.run(words, cwd=folder, capture_output=True, check=False, timeout=60 * MINUTES)
            except subprocess.TimeoutExpired as error:
                raise Misuse("report", f"LaTeX took {MINUTES} minutes", "a report.html or .md instead") from error
            log = run.stdout.decode("utf-8", errors="replace")
            if "Rerun to get" not in log and "No file report.toc" not in log:
                break
        made = folder / "report.pdf"
        if not made.exists():
            told = next((line for line in log.splitlines() if line.startswith("!")), "it says nothing")
            raise Misuse("report", f"LaTeX made no PDF: {told}", "a report.tex, .html or .md instead")
        return made.read_bytes(), [line for line in log.splitlines() if line.startswith("!")]
