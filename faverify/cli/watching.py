"""What a person at a terminal sees beside the answer: progress, signs of life, colours. Files and pipes get none."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click

COLOURS = {"proved": "green", "refuted": "red", "undecided": "yellow"}


def watched_by_a_person(stream: Any) -> bool:
    """Whether a stream ends at a terminal that moves its cursor."""
    return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"


def coloured(text: str) -> str:
    """The words of verdicts in colour, where a person reads and has not asked for NO_COLOR."""
    if os.environ.get("NO_COLOR") or not watched_by_a_person(sys.stdout):
        return text
    words = "|".join((*COLOURS, *map(str.upper, COLOURS)))
    return re.sub(rf"\b({words})\b", lambda m: click.style(m[0], fg=COLOURS[m[0].lower()], bold=True), text)


@contextmanager
def watched(doing: str) -> Iterator[Callable[[str], None] | None]:
    """A sign of life where a person watches, and how to change what it says; nothing where stderr goes to a file."""
    if not watched_by_a_person(sys.stderr):
        yield None
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status(escape(doing)) as shown:
        yield lambda text: shown.update(escape(text))


@contextmanager
def progress_bar(doing: str) -> Iterator[Callable[[int, int, int], None] | None]:
    """How many are known, of how many, rate and time left where a person watches; nothing where stderr goes to a file.

    What it yields takes (known, total, how many do not hold).
    """
    if not watched_by_a_person(sys.stderr):
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.3g}/s" if task.speed else "")

    columns = (BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn(), TextColumn("{task.fields[note]}"))
    shown = Progress(TextColumn(doing, markup=False), *columns, console=Console(stderr=True), transient=True)
    with shown:
        tasks: list[Any] = []

        def tell(known: int, total: int, failing: int) -> None:
            note = f"{failing} do not hold" if failing else ""
            if not tasks:  # what earlier runs left is no part of the rate
                tasks.append(shown.add_task(doing, total=total, completed=known, note=note))
            shown.update(tasks[0], completed=known, note=note)

        yield tell
