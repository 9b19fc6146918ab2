"""`faverify experiment`: one of the experiments by its name, its record and its figure."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

CODES = {True: 0, False: 1, None: 3}


@click.command()
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write NAME.json and NAME.svg here.")
@click.option("--digits", type=int, default=50, show_default=True, help="Precision of the flows.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of networks and data.")
@click.option("--json", "as_json", is_flag=True, help="Print a record for machines.")
def experiment(name: str, out: Path | None, digits: int, seed: int, as_json: bool) -> None:
    """Run the experiment NAME: conservation, convergence or conditioning. Exit code 3: a part of it shows nothing.

    With --out, the folder is made if need be. The figure needs matplotlib; without it, the record is written alone.
    """
    from ..experiments.posters import experiment as run

    if out is not None:
        made(out)
    found = run(name, digits=digits, seed=seed)
    record = json.dumps(found.to_dict(), ensure_ascii=False, indent=2)
    if out is not None:
        kept(out, name, record, found)
    click.echo(record if as_json else str(found))
    sys.exit(CODES[found.holds])


def made(out: Path) -> None:
    """The folder, before minutes are spent on what is to be written there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise click.ClickException(f"cannot make the folder {out}: {error.strerror}") from error


def kept(out: Path, name: str, record: str, found: object) -> None:
    """The record and the figure in a folder; what was written is told, and what could not be drawn."""
    from ..errors import Misuse

    places = [out / f"{name}.json"]
    try:
        places[0].write_text(record + "\n", encoding="utf-8")
        try:
            places.append(found.figure(out / f"{name}.svg"))  # type: ignore[attr-defined]
        except Misuse as error:
            click.echo(f"no figure: {error}", err=True)
    except OSError as error:
        raise click.ClickException(f"cannot write to {out}: {error.strerror}") from error
    for place in places:
        click.echo(f"wrote {place}", err=True)
