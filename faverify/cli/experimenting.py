"""`faverify experiment`: one of the experiments by its name, its record and its figure."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from . import completing
from .entrance import HOLDS
from .watching import progress_bar, watched


@click.command()
@click.argument("name", shell_complete=completing.experiments)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write NAME.json and NAME.svg here.")
@click.option("--digits", type=int, help="Precision of the flows; 50 if left out.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of networks and data.")
@click.option("--data", help="digits, or a folder with the files of MNIST or CIFAR-10.", metavar="digits|FOLDER")
@click.option("--samples", type=int, help="Learn the first N images only.", metavar="N")
@click.option("--hidden", help="Widths of the hidden layers; 64,64,64 if left out.", metavar="n_1,…")
@click.option("--activation", help="tanh (if left out) or relu.")
@click.option("--scale", type=float, help="Of the initial weights; 0.2/√n_{l−1} if left out, 0.01 online.")
@click.option("--rate", type=float, help="The step size; 0.02 if left out, 0.5 online.")
@click.option("--batch", type=int, help="Images a step; 32 if left out.")
@click.option("--epochs", type=int, help="How often every image is learnt; 100 if left out.")
@click.option("--seeds", type=int, help="How many networks; 20 if left out.")
@click.option("--single", is_flag=True, default=None, help="Train in float32.")
@click.option("--json", "as_json", is_flag=True, help="Print a record for machines.")
def experiment(name: str, out: Path | None, seed: int, as_json: bool, **options: Any) -> None:
    """Run the experiment NAME, which is one of

    \b
    conservation, convergence, conditioning     flows to any number of digits: --digits
    two-phases, sign-selection, order-parameters   online learning, N → ∞: --seeds, --rate, --scale
    align-then-memorise                         networks that learn images: --data and what stands after it

    Exit code 3: a part of it shows nothing. align-then-memorise decides nothing: 0 says that every network was trained
    to the end. With --out, the folder is made if
    need be, and a training that was interrupted or killed goes on when it is called again. The figure needs
    matplotlib; without it, the record is written alone.
    """
    from ..experiments.plain_records import plain
    from ..experiments.posters import EXPERIMENTS
    from ..experiments.posters import experiment as run

    given = {option: value for option, value in options.items() if value is not None}
    if "hidden" in given:
        given["hidden"] = numbers(given["hidden"])
    if out is not None:
        made(out)
    if name in EXPERIMENTS and "progress" in EXPERIMENTS[name].takes:
        with progress_bar(name) as progress:
            found = run(name, seed=seed, out=out, progress=progress, **given)
        code = 0 if found.complete else 3
    else:
        with watched(f"running {name}"):
            found = run(name, seed=seed, **given)
        code = HOLDS[found.holds]
    record = json.dumps(plain(found.to_dict()), ensure_ascii=False, indent=2, allow_nan=False)
    if out is not None:
        kept(out, name, record, found)
    click.echo(record if as_json else str(found))
    sys.exit(code)


def numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{text!r}: write whole numbers with commas: 64,64", param_hint="--hidden") from error


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
