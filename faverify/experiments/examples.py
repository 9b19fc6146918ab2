"""Cases of a sweep that do not hold, each a small file that `faverify replay` runs again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import Misuse
from .trials import line_of, trial_named

KIND = "sweep-example"


def document(header: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """A case that does not hold, complete: the question, the problem, and what was found."""
    found = {name: value for name, value in record.items() if name != "example"}
    return {**header, "kind": KIND, "case": record["case"], "example": record["example"], "record": found}


class Examples:
    """The folder FILE.failures of a sweep's out file."""

    def __init__(self, out: Path, header: dict[str, Any]) -> None:
        self.folder, self.header = out.with_name(out.name + ".failures"), header

    def path(self, case: int) -> Path:
        return self.folder / f"case-{case:06d}.json"

    def refuse_others(self) -> None:
        """A new sweep does not write among the examples of another one."""
        for path in self.folder.glob("case-*.json"):
            found = _read(path)
            if any(found.get(name) != value for name, value in self.header.items()):
                raise Misuse("out", str(self.folder), "a folder without examples of another question; move it away")

    def write(self, record: dict[str, Any]) -> None:
        self.folder.mkdir(exist_ok=True)
        path = self.path(record["case"])
        ready = path.with_suffix(".part")
        with open(ready, "w", encoding="utf-8") as file:
            file.write(json.dumps(document(self.header, record), ensure_ascii=False, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(ready, path)

    def complete(self, cases: Iterable[int], records: Iterator[dict[str, Any]]) -> None:
        """Write those that a kill prevented, between the line of a case and its example."""
        left = {case for case in cases if not self.path(case).exists()}
        for record in records if left else ():
            if record["case"] in left:
                self.write(record)


@dataclass(frozen=True)
class Replay:
    """An example run again: `record` is what was found now, `before` what the sweep had found."""

    claim: str
    statement: str
    case: int
    before: dict[str, Any]
    record: dict[str, Any]

    @property
    def holds(self) -> bool | None:
        found: bool | None = self.record["holds"]
        return found

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        own = {"claim": self.claim, "statement": self.statement, "case": self.case, "holds": self.holds}
        return {"schema": 1, "kind": "evidence", **own, "record": self.record, "before": self.before}

    def __str__(self) -> str:
        found = {True: "holds", False: "does not hold", None: "undecided"}[self.holds]
        lines = [f"{self.claim}: {self.statement}", f"  case {self.case} again: {found} (evidence, not a proof)"]
        rows = [("status", self.record, self.before), ("error", self.record, self.before)]
        rows += [
            (name, self.record["measures"], self.before.get("measures", {})) for name in self.record.get("measures", ())
        ]
        for name, now, before in rows:
            if name in now:
                earlier = f" (it was {before[name]})" if before.get(name, now[name]) != now[name] else ""
                lines.append(f"  {name}: {now[name]}{earlier}")
        return "\n".join(lines)


def replay(example: str | os.PathLike[str] | dict[str, Any]) -> Replay:
    """Run the example of a failing case again: the file that a sweep wrote, or what it holds.

    Raises: Misuse where it is no such example; UnknownName where its claim has no trial.
    """
    if not isinstance(example, (str, os.PathLike, dict)):
        raise Misuse("the example", example, "a case-….json of a sweep, or what it holds")
    found = example if isinstance(example, dict) else _read(Path(example))
    claim, problem, case, before = (found.get(name) for name in ("claim", "example", "case", "record"))
    if not isinstance(claim, str) or not isinstance(problem, dict) or type(case) is not int:
        shown = example if isinstance(example, dict) else str(example)
        raise Misuse("the example", shown, 'a case-….json of a sweep, with "claim", "case" and "example"')
    trial = trial_named(claim)
    line = line_of(lambda: {"case": case, **trial.replay(problem), "example": problem}, case)
    record = {name: value for name, value in json.loads(line).items() if name != "example"}
    return Replay(claim, trial.statement, case, before if isinstance(before, dict) else {}, record)


def _read(path: Path) -> dict[str, Any]:
    """The object of a JSON file; empty if it holds none."""
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise Misuse("the example", str(path), f"a file that can be read ({error.strerror})") from error
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
