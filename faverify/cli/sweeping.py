"""`faverify sweep` and `faverify replay`: many cases of a claim, and one of them again."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from . import completing
from .entrance import HOLDS
from .listing import as_record
from .watching import progress_bar, watched


@click.command()
@click.argument("claim", shell_complete=completing.trials)
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
        click.echo(as_record(found.to_dict()))
    else:
        click.echo(str(found))
        if out is None and found.failures:
            click.echo(as_record(next(found.examples)))
    if stopped is not None:
        click.echo(f"error: {stopped}", err=True)
    sys.exit(HOLDS[found.holds])


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print a record for machines.")
def replay(file: Path, as_json: bool) -> None:
    """Run a case of a sweep again: FILE is a case-….json of its FILE.failures. Exit code 1: it still does not hold."""
    from ..experiments.examples import replay as run

    with watched(f"running {file.name}"):
        found = run(file)
    click.echo(as_record(found.to_dict()) if as_json else str(found))
    sys.exit(HOLDS[found.holds])


def processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
