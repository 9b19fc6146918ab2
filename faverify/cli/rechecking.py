"""`faverify recheck`: the witnesses of a verdict's record, by code that shares nothing with the prover."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from ..errors import Misuse, name_of
from . import completing
from .entrance import HOLDS
from .listing import as_record
from .subjects import found_law, found_network, found_rule, guarded
from .watching import coloured, watched


@click.command()
@click.argument("file", metavar="VERDICT.json", type=click.Path(path_type=Path))
@click.option("--law", help="FILE.py:NAME of a law that is not in the library.", shell_complete=completing.laws)
@click.option("--rule", help="FILE.py:NAME of a rule that is not in the library.", shell_complete=completing.rules)
@click.option("--network", help="Of a network that is no chain: a name or FILE.py:NAME.")
@click.option("--time-limit", type=float, default=120, show_default=True, help="Seconds for a rule's own code.")
@click.option("--json", "as_json", is_flag=True, help="Print a record for machines.")
def recheck(
    file: Path, law: str | None, rule: str | None, network: str | None, time_limit: float, as_json: bool
) -> None:
    """Recompute the rate at every witness of VERDICT.json with code that shares nothing with the prover.

    VERDICT.json is what faverify check --json printed, of one law or of all, or what faverify derive --json did, or
    the JSON of a verdict's to_dict(). A proof has no witness: ask faverify check again, or faverify derive for a
    certificate (--format coq).
    """
    with guarded(time_limit, rule or str(file)), watched(f"rechecking {file}"):
        given = {
            "law": None if law is None else found_law(law),
            "rule": None if rule is None else found_rule(rule),
            "net": None if network is None else found_network(network),
        }
        found = [row for record in records_of(file) for row in rechecked(record, given)]
    holds = all(row["holds"] for row in found) if found else None
    if as_json:
        click.echo(as_record({"schema": 1, "holds": holds, "witnesses": found}))
    else:
        for row in found:
            told = "refuted, rechecked" if row["holds"] else f"does not survive: {row['reason']}"
            click.echo(coloured(f"{row['law']} along {row['rule']}, layer {row['layer']}, rate {row['rate']}: {told}"))
        if not found:
            click.echo(
                "no witness to recheck: proofs and undecided verdicts have none; faverify check settles them anew"
            )
    sys.exit(HOLDS[holds])


def records_of(file: Path) -> list[Any]:
    """The records of verdicts in a file."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise click.ClickException(f"cannot read {file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise Misuse("file", str(file), f"the JSON that faverify check --json prints: {error}") from error
    if isinstance(record, dict) and isinstance(record.get("laws"), list):
        return [part for part in record["laws"] if not (isinstance(part, dict) and "reason" in part)]
    if isinstance(record, dict) and isinstance(record.get("verdict"), dict):
        return [record["verdict"]]
    return [record]


def rechecked(record: Any, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One row for each witness of a verdict and of its layers."""
    from ..kernel.verdicts import Verdict

    seen = set()
    for verdict in parts_of(Verdict.from_dict(record)):
        witness = verdict.witness
        key = witness is not None and (verdict.kind, json.dumps(witness.to_dict(), sort_keys=True))
        if not key or key in seen:  # a verdict has the witness of one of its layers
            continue
        seen.add(key)
        row = {name: getattr(witness, name) for name in ("law", "rule", "layer")}
        rate = witness.rate if not isinstance(witness.rate, tuple) else witness.rate[0]
        row |= {"rate": str(rate), "digest": witness.digest}
        reason = misfit(verdict, witness)
        if not reason and not witness.recheck(**about(witness, given)):
            reason = "the data, or the rate that they give, are not what is stated"
        yield {**row, "holds": not reason, "reason": reason or None}


def about(witness: Any, given: dict[str, Any]) -> dict[str, Any]:
    """What the options name, as far as the witness speaks of it: a record may hold several laws."""
    named = {"law": witness.law, "rule": witness.rule}
    return {
        kind: found for kind, found in given.items() if found is None or named.get(kind, "") in ("", name_of(found))
    }


def misfit(verdict: Any, witness: Any) -> str:
    """Why a witness, sound or not, is none for the verdict that carries it."""
    if verdict.kind != "refuted":
        return f"a witness in a verdict that says {verdict.kind}"
    if (witness.law, witness.rule) != (verdict.law, verdict.rule):
        return f"it is a witness about {witness.law} along {witness.rule}, not {verdict.law} along {verdict.rule}"
    return ""


def parts_of(verdict: Any) -> Iterator[Any]:
    yield verdict
    for part in verdict.layers.values():
        yield from parts_of(part)
