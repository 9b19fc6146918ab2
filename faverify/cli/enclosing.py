"""`faverify enclose`: a proof for one trajectory, by balls."""

from __future__ import annotations

import sys
from decimal import ROUND_CEILING, Context
from pathlib import Path

import click

from . import completing
from .listing import as_record
from .subjects import found_law, guarded
from .watching import watched


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-t", "--time", default="1", show_default=True, help="How far to follow the flow, such as 3 or 7/2.")
@click.option("--digits", type=int, default=30, show_default=True, help="What the widths aim at.")
@click.option("--law", help="Bound the drift of this law as well.", shell_complete=completing.laws)
@click.option("--json", "as_json", is_flag=True, help="Print a record for machines.")
def enclose(file: Path, time: str, digits: int, law: str | None, as_json: bool) -> None:
    """Enclose the flow of the problem in FILE rigorously: every solution lies within the bounds, over all of [0, t].

    FILE is the JSON of FlowProblem.to_dict(), as for faverify audit. Kinks of ReLU may be crossed; where the flow
    slides along one, or a kink is too near to tell, the enclosure ends, and says so.
    """
    from ..flows.enclosure import enclose as run
    from ..flows.problems import FlowProblem

    problem = FlowProblem.from_json(file)
    subject = None if law is None else found_law(law)
    with guarded(0, "the flow"), watched(f"enclosing {file.name} (Ctrl-C ends it)"):
        found = run(problem, time, digits=digits)
        drift = None if subject is None else found.drift(subject)
    record = found.to_dict()
    if drift is not None:
        most = Context(prec=6, rounding=ROUND_CEILING).divide(drift.upper.numerator, drift.upper.denominator)
        record["drift"] = {"law": law, "at_most": str(most)}
    if as_json:
        click.echo(as_record(record))
    else:
        click.echo(str(found))
        if drift is not None:
            click.echo(f"{law}: |Q(t) − Q(0)| ≤ {most} on all of it")
    sys.exit(0 if found.status == "ok" else 3)
