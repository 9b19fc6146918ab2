"""What a report is made of, whatever it is written as: sections of paragraphs, facts, tables, formulae and figures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # characters that no document shows


@dataclass(frozen=True)
class Paragraph:
    """Running text; `strong` is set before it."""

    text: str
    strong: str = ""


@dataclass(frozen=True)
class Source:
    """Where something stands: text in the letters of a terminal."""

    text: str


@dataclass(frozen=True)
class Verbatim:
    """Lines as they are: what a verdict printed, data of a witness."""

    text: str


@dataclass(frozen=True)
class Facts:
    """Names and what is said of each."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Table:
    """Rows of text. `links` has the anchor that the first cell of each row leads to; `shares` the columns' widths."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    links: tuple[str, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Steps:
    """A derivation: `cases` of (heading, (reason, text, LaTeX) …), the LaTeX "" where there is none."""

    summary: str
    cases: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...]


@dataclass(frozen=True)
class Picture:
    """A figure: its SVG as text, its PDF as bytes, and what it shows."""

    name: str
    svg: str
    pdf: bytes
    caption: str


@dataclass(frozen=True)
class Card:
    """One verdict: a kind, its statement, and what belongs to it."""

    kind: str
    statement: str
    blocks: tuple[Any, ...]


@dataclass(frozen=True)
class Section:
    """A heading that can be led to, and what stands under it; `mark` is a word such as holds or FAILS."""

    title: str
    anchor: str
    blocks: tuple[Any, ...]
    mark: str = ""
    code: bool = False  # the title is a name in a program


@dataclass(frozen=True)
class Document:
    """A report, and the record that goes with it, as JSON."""

    title: str
    summary: tuple[Any, ...]
    sections: tuple[Section, ...]
    record: dict[str, Any]

    def pictures(self) -> Iterator[Picture]:
        """All figures."""
        yield from (block for block in walked(self.sections) if isinstance(block, Picture))


def walked(blocks: Any) -> Iterator[Any]:
    """Blocks and what is inside of them."""
    for block in blocks:
        yield block
        yield from walked(getattr(block, "blocks", ()))


def grouped(lines: Iterable[tuple[str, str, str]]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Lines that follow each other for one reason, as (reason, (text, LaTeX) …); a long one stands alone."""
    found: list[tuple[str, list[tuple[str, str]]]] = []
    for (reason, long), several in groupby(lines, key=lambda line: (line[0], len(line[1]) > 60)):
        formulae = [(text, latex) for _, text, latex in several]
        found += [(reason, [one]) for one in formulae] if long or not reason else [(reason, formulae)]
    return found
