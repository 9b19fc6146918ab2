"""`faverify certify`: certificates of a folder of proofs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from .listing import as_record
from .subjects import LONGEST, PROOF_PATIENCE
from .watching import watched


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write the certificates here.")
@click.option(
    "--seconds",
    type=click.FloatRange(0, LONGEST, min_open=True),
    default=120,
    show_default=True,
    help="For coqc, of one certificate.",
)
@click.option(
    "--time-limit",
    type=click.FloatRange(0, LONGEST),
    default=PROOF_PATIENCE,
    show_default=True,
    help="Seconds for the code of each proof; 0 for no limit.",
)
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Certificates at a time.")
@click.option("--json", "as_json", is_flag=True, help="Print a record for machines.")
def certify(directory: Path, out: Path | None, seconds: float, time_limit: float, jobs: int, as_json: bool) -> None:
    """Write a Coq certificate of every theorem and counterexample in DIRECTORY, and have coqc check it.

    Running the files of DIRECTORY is part of it. Exit code 0: each is accepted; 1: one is rejected; 3: one is not
    checked, and the table says why.
    """
    from ..writing.certifying import certify as run

    found: list[Any] = []
    told = 0
    with watched("running the proofs") as say:
        try:
            for checked in run(directory, out, seconds, jobs, time_limit):
                found.append(checked)
                if say:
                    say(f"{len(found)} certificates known; the last: {checked.name}, {checked.status}")
                elif not as_json:
                    click.echo(row(checked))
                    told += 1
        except KeyboardInterrupt:
            click.echo("interrupted: what is known by then", err=True)
            stopped = True
        else:
            stopped = False
    if not as_json:
        for checked in found[told:]:  # a sign of life and rows would share a terminal's line
            click.echo(row(checked))
    counts = {status: sum(c.status == status for c in found) for status in ("accepted", "rejected", "not checked")}
    if as_json:
        record = {"schema": 1, **counts, "certificates": [c.to_dict() for c in found]}
        click.echo(as_record(record))
    else:
        click.echo(", ".join(f"{count} {status}" for status, count in counts.items()))
    sys.exit(1 if counts["rejected"] else 3 if counts["not checked"] or stopped else 0)


def row(checked: Any) -> str:
    axioms = "" if not checked.axioms else " (axioms of the real numbers)"
    why = f": {checked.reason}" if checked.reason else f"  {checked.seconds:.1f} s{axioms}"
    return f"{checked.status:<12} {checked.name}{why}"
