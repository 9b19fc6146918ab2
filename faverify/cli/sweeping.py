"""`faverify sweep` and `faverify replay`: many cases of a claim, and one of them again."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

CODES = {True: 0, False: 1, None: 3}


@click.command()
@click.argument("claim")
@click.option("--cases", type=int, default=1000, show_default=True, help="Run the cases 0, …, N − 1.", metavar="N")
@click.option("--digits", type=int, default=50, show_default=True, help="Precision of the numbers.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of all cases.")
@click.option("--jobs", type=int, help="Processes; as many as there are processors if left out.")
@click.option("--out", type=click.Path(path_type=Path), help="Keep the results here, and go on from them.")
@click.option("--json", "as_json", is_flag=True, help="Print a record for machines.")
def sweep(claim: str, cases: int, digits: int, seed: int, jobs: int | None, out: Path | None, as_json: bool) -> None:
    """Try CLAIM at many random cases. Exit code 3: cases undecided or missing.

    With --out, a sweep that was interrupted or killed goes on when it is called again, and ends with the same bytes.
    The results do not depend on --jobs. Cases that do not hold are written to FILE.failures, for faverify replay.
    """
    from ..errors import SweepStopped
    from ..experiments.sweeps import sweep as run

    stopped = None
    with progress_bar(claim) as progress:
        try:
            found = run(
                claim,
                cases=cases,
                digits=digits,
                seed=seed,
                jobs=processors() if jobs is None else jobs,
                out=out,
                progress=progress,
            )
        except SweepStopped as error:
            stopped, found = error, error.sweep
    if as_json:
        click.echo(json.dumps(found.to_dict(), ensure_ascii=False, indent=2))
    else:
        click.echo(str(found))
        if out is None and found.failures:
            click.echo(json.dumps(next(found.examples), ensure_ascii=False, indent=2))
    if stopped is not None:
        click.echo(f"error: {stopped}", err=True)
    sys.exit(CODES[found.holds])


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print a record for machines.")
def replay(file: Path, as_json: bool) -> None:
    """Run a case of a sweep again: FILE is a case-….json of its FILE.failures. Exit code 1: it still does not hold."""
    from ..experiments.examples import replay as run

    found = run(file)
    click.echo(json.dumps(found.to_dict(), ensure_ascii=False, indent=2) if as_json else str(found))
    sys.exit(CODES[found.holds])


def processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def progress_bar(claim: str) -> Iterator[Callable[[int, int, int], None] | None]:
    """Cases, rate and time left where a person watches; nothing where the output goes to a file."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
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
    with Progress(TextColumn(claim, markup=False), *columns, console=console, transient=True) as shown:
        tasks: list[Any] = []

        def tell(known: int, cases: int, failing: int) -> None:
            note = f"{failing} do not hold" if failing else ""
            if not tasks:  # what earlier runs left is no part of the rate
                tasks.append(shown.add_task(claim, total=cases, completed=known, note=note))
            shown.update(tasks[0], completed=known, note=note)

        yield tell
