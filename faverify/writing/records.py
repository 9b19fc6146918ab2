"""Verdicts as JSON and back. Keys are stable; absent values are null; "schema" counts the changes of meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import Misuse
from ..kernel.verdicts import Scope

SCHEMA = 1


def verdict_record(verdict: Any) -> dict[str, Any]:
    """Everything of a verdict but its objects."""
    return {
        "schema": SCHEMA,
        "verdict": verdict.kind,
        "law": verdict.law,
        "rule": verdict.rule,
        "statement": verdict.statement,
        "scope": dict(verdict.scope.items()),
        "how": verdict.how,
        "note": verdict.note or None,
        "finding": verdict.finding,
        "tried": list(verdict.tried),
        "layers": {str(layer): verdict_record(part) for layer, part in verdict.layers.items()} or None,
        "witness": None if verdict.witness is None else verdict.witness.to_dict(),
    }


def read_verdict(record: Mapping[str, Any], kinds: Mapping[str, Any]) -> Any:
    """The verdict of a record; its witness can be rechecked, its derivation is gone."""
    from ..proving.witnesses import witness_from

    if (
        not isinstance(record, Mapping)
        or record.get("schema") != SCHEMA
        or record.get("verdict") not in ("proved", "refuted", "undecided")
    ):
        found = record.get("schema") if isinstance(record, Mapping) else type(record).__name__
        raise Misuse(
            "record", found, f"a verdict's record, with schema {SCHEMA} and a verdict among proved, refuted, undecided"
        )
    try:
        texts = [
            *(record[name] for name in ("law", "rule", "statement", "how")),
            *record["tried"],
            record["note"] or "",
        ]
        texts += [*record["scope"].values(), *([record["finding"]["text"]] if record["finding"] else [])]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError("a text is none")
        return kinds[record["verdict"]](
            **{name: record[name] for name in ("law", "rule", "statement", "how")},
            scope=Scope(**record["scope"]),
            layers={_layer(k): read_verdict(part, kinds) for k, part in (record["layers"] or {}).items()},
            tried=tuple(record["tried"]),
            note=record["note"] or "",
            found=record["finding"],
            witness=None if "kind" in (record["witness"] or {"kind": ""}) else witness_from(record["witness"]),
        )
    except (LookupError, TypeError, ValueError, ZeroDivisionError, AttributeError) as error:
        raise Misuse(
            "record", f"{type(error).__name__}: {error}", "the record that to_dict wrote, unaltered"
        ) from error


def _layer(text: str) -> int | str:
    return int(text) if text.isdigit() else text
