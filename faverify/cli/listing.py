"""`faverify list`: what the library knows; and how records and tables are printed."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import click

from .completing import Named

ROOM = 60  # characters of a terminal
LISTED = ("rules", "laws", "networks", "claims", "activations", "assumptions", "experiments")


@click.command("list")
@click.argument("what", type=Named("list", LISTED))
@click.option("--json", "as_json", is_flag=True, help="Print a record for machines.")
def listing(what: str, as_json: bool) -> None:
    """List what the library knows."""
    from ..claims import REGISTRY
    from ..experiments.posters import EXPERIMENTS
    from ..experiments.trials import TRIALS
    from ..model import activations, architectures, assumptions, laws, rules

    classes = [*rules.LIBRARY.items(), *((c.__name__ + "(rule)", c) for c in rules.COMBINATORS)]
    rows: list[Any] = {
        "rules": [(name, (cls.__doc__ or "").splitlines()[0]) for name, cls in classes],
        "networks": [(name, (c.__doc__ or "").strip().splitlines()[0]) for name, c in architectures.LIBRARY.items()],
        "laws": [(name, law.statement, law.source) for name, law in laws.LIBRARY.items()],
        "claims": [
            *((c.id, c.status, c.statement, c.source) for c in REGISTRY.values()),
            *(
                (t.claim, "swept", t.statement, f"faverify sweep {t.claim}")
                for t in TRIALS.values()
                if t.claim not in REGISTRY
            ),
        ],
        "activations": [
            (name, "" if a.degree is None else f"h φ′ = {a.degree} φ") for name, a in activations.LIBRARY.items()
        ],
        "assumptions": [(name, a.statement) for name, a in assumptions.LIBRARY.items()],
        "experiments": [(name, e.about) for name, e in EXPERIMENTS.items()],
    }[what]  # type: ignore[assignment]
    if as_json:
        click.echo(as_record(rows))
    else:
        click.echo(table(("name", *("status",) * (what == "claims"), "meaning", "source")[: len(rows[0])], rows))


def table(columns: tuple[str, ...], rows: list[Any]) -> str:
    """Columns as wide as the terminal allows."""
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    width = Console(file=sys.__stdout__).width
    for number, column in enumerate(columns):  # a name stays whole, to be copied, where there is room for the rest
        shown.add_column(column, overflow="fold", no_wrap=not number and width >= ROOM)
    for row in rows:
        shown.add_row(*(cell.replace("[", r"\[") for cell in row))
    plain: Any = {"force_terminal": False, "color_system": None}  # whatever FORCE_COLOR says: it is text
    console = Console(file=io.StringIO(), **plain, width=width)
    console.print(shown)
    return console.file.getvalue().rstrip("\n")  # type: ignore[attr-defined, no-any-return]


def as_record(record: Any) -> str:
    return json.dumps(record, ensure_ascii=False, indent=2)
