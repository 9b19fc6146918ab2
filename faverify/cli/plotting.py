"""`faverify plot`: a figure of a problem in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ..errors import UnknownName
from . import completing
from .completing import Named
from .listing import as_record
from .subjects import found_law, guarded
from .watching import watched

PLOTS = ("drift", "alignment", "convergence", "phases")


@click.command()
@click.argument("kind", type=Named("kind of plot", PLOTS))
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="FIGURE.pdf, .svg or .png.")
@click.option(
    "--law", help="Of drift: a library name or FILE.py:NAME; Theorem 1's if left out.", shell_complete=completing.laws
)
@click.option("--layer", type=int, help="Of drift: one layer only.")
@click.option("--alignments", help="Of alignment: layer,neuron,product,gradient; all of them if left out.")
@click.option("-t", "--time", help="How far to follow the flow, such as 3 or 7/2; 3 if left out, 1000 of phases.")
@click.option("--digits", type=int, default=30, show_default=True, help="Precision of the flow.")
@click.option("--seeds", type=int, default=20, show_default=True, help="Of phases without a file: how many runs.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers that are drawn.")
def plot(kind: str, file: Path | None, output: Path | None, as_json: bool, **options: Any) -> None:
    """Draw KIND along the flow of the problem in FILE: drift (with the gate violation), alignment, convergence, phases.

    FILE is the JSON of FlowProblem.to_dict(), as for faverify audit. Of phases it is the JSON of
    TeacherStudent.to_dict(); without FILE, the runs of fv.two_phases. The format is that of the suffix of -o; with
    --json alone, nothing is written. Figures need matplotlib: pip install 'faverify[plot]'.
    """
    if output is None and not as_json:
        raise click.UsageError("where to? -o FIGURE.pdf, .svg or .png; or --json for the numbers alone")
    if file is None and kind != "phases":
        raise click.UsageError(f"{kind} is drawn of a problem: faverify plot {kind} PROBLEM.json -o FIGURE.pdf")
    if output is not None:
        suitable(output)
    with watched(f"following the flow for {kind}"):
        drawn = phases(file, options) if kind == "phases" else along_path(kind, file, options)
    if output is not None:
        drawn.save(output)
        click.echo(f"wrote {output}", err=True)
    if as_json:
        click.echo(as_record(drawn.to_dict()))


def suitable(output: Path) -> None:
    """Whether the file can be written is told before the flow is followed, and so is a library that is missing."""
    from ..experiments.plots import figure_of, placed

    placed(output)
    figure_of(1, 1)


def along_path(kind: str, file: Any, options: dict[str, Any]) -> Any:
    from ..experiments import plots
    from ..flows.integrate import integrate
    from ..flows.problems import FlowProblem, number

    problem = FlowProblem.from_json(file)
    law = None if options["law"] is None else found_law(options["law"])
    kinds = tuple(plots.DEFINED) if options["alignments"] is None else tuple(options["alignments"].split(","))
    for each in kinds:
        if each not in plots.DEFINED:
            raise UnknownName("alignment", each, plots.DEFINED)
    time = number(options["time"] or "3", "time")
    with guarded(0, "the flow"):
        path = integrate(problem, time, digits=options["digits"], on_nonunique="follow")
        if kind == "drift":
            return plots.drift(path, law, layer=options["layer"])
        return plots.alignment(path, kinds) if kind == "alignment" else plots.convergence(path)


def phases(file: Path | None, options: dict[str, Any]) -> Any:
    from ..errors import Misuse
    from ..experiments import plots
    from ..experiments.order_parameters import order_parameters
    from ..experiments.teachers import TeacherStudent
    from ..experiments.two_phases import FIRST, MARKS, two_phases
    from ..flows.problems import number

    time = float(number(options["time"] or "1000", "time"))
    if file is None:
        return plots.phases(two_phases(t=time, seeds=range(100, 100 + options["seeds"])))
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        start = TeacherStudent(**record)
    except (OSError, ValueError, TypeError) as error:
        raise Misuse("file", str(file), f"the JSON of fv.TeacherStudent.to_dict(): {error}") from error
    import numpy as np

    if not FIRST < time < float("inf"):
        raise Misuse("time", time, f"a time beyond {FIRST}")
    return plots.phases(order_parameters(start, np.concatenate([[0.0], np.geomspace(FIRST, time, MARKS)])))
