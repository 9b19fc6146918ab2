"""`faverify audit`: what is guaranteed of a problem in a file."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .entrance import HOLDS
from .listing import as_record
from .watching import watched


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--digits", type=int, default=50, show_default=True, help="Of decimal numbers, and of the limit.")
@click.option("--json", "as_json", is_flag=True, help="Print a record for machines.")
def audit(file: Path, digits: int, as_json: bool) -> None:
    """Say what the theorems guarantee of the problem in FILE, what they do not, and what to change in its start.

    FILE is the JSON of FlowProblem.to_dict(): widths, activation, rule, inputs, targets, weights, feedback. Decimals
    in it are exact. Exit code 0: alignment, and whatever else is known for such a network, is guaranteed; 1: something
    is not; 3: only the limit is undecided.
    """
    from ..experiments.audits import audit as run
    from ..flows.problems import FlowProblem

    with watched(f"auditing {file.name}"):
        found = run(FlowProblem.from_json(file), digits=digits)
    click.echo(as_record(found.to_dict()) if as_json else str(found))
    sys.exit(HOLDS[found.holds])
