"""`pytest proofs/`: functions named theorem_…, counterexample_… and conjecture_… are collected, judged and tabulated.

Only files in folders of the project named `proofs` that have such a name in them are run. A theorem must return Proved,
a counterexample Refuted with a witness that survives its recheck; a conjecture that is proved fails the run until it is
renamed. A function may return several verdicts as a list: all must pass. A theorem may return a discovery whose count
of laws is complete. Nothing but pytest is imported before a proof is collected.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

PREFIXES = ("theorem_", "counterexample_", "conjecture_")
KEY = "faverify"


class ProofFailure(Exception):
    """A verdict that is not what the function's name promises."""


def pytest_collect_file(file_path: Path, parent: Any) -> Any:
    if (
        file_path.suffix == ".py"
        and "proofs" in folders(file_path, parent.config.rootpath)
        and not file_path.name.startswith(("conftest", "test_", "__"))
        and any(prefix in file_path.read_text(encoding="utf-8", errors="replace") for prefix in PREFIXES)
    ):
        return ProofFile.from_parent(parent, path=file_path)
    return None


def folders(path: Path, root: Path) -> tuple[str, ...]:
    """The folders of a file inside the project, whatever those are called in which the project lies; its own always."""
    inside = path.parent.relative_to(root).parts if path.is_relative_to(root) else ()
    return (*inside, path.parent.name)


class ProofFile(pytest.Module):
    """A file of proofs."""

    def collect(self) -> Iterable[Any]:
        for name, function in vars(self.obj).items():
            if name.startswith(PREFIXES) and callable(function):
                yield Proof.from_parent(self, name=name, function=function)


class Proof(pytest.Item):
    """One function of a file of proofs."""

    def __init__(self, *, function: Any, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.function = function

    def runtest(self) -> None:
        start = time.perf_counter()
        found = self.function()
        verdicts = list(found) if isinstance(found, (list, tuple)) else [found]
        claim = getattr(self.function, "claim", None)
        row = {
            "id": claim.id if claim else self.name,
            "statement": claim.statement if claim else "",
            "verdict": "",
            "scope": "",
            "how": "",
            "seconds": 0.0,
        }
        try:
            judge(self.name, verdicts, claim)
        finally:
            kinds = [getattr(v, "kind", type(v).__name__) for v in verdicts]
            row["verdict"] = ", ".join(dict.fromkeys(kinds))
            row["scope"] = "; ".join(dict.fromkeys(short_scope(v) for v in verdicts if hasattr(v, "scope")))
            row["how"] = "; ".join(dict.fromkeys(v.how for v in verdicts if hasattr(v, "how")))
            row["seconds"] = time.perf_counter() - start
            self.user_properties.append((KEY, row))

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        if isinstance(excinfo.value, ProofFailure):
            return str(excinfo.value)
        excinfo.traceback = excinfo.traceback.cut(path=self.path)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        code = getattr(inspect.unwrap(self.function), "__code__", None)  # a partial has none
        return self.path, code.co_firstlineno - 1 if code else 0, self.name


def judge(name: str, verdicts: list[Any], claim: Any) -> None:
    """Raise unless every verdict is what the name promises, and covers the claim."""
    from faverify.kernel.verdicts import Proved, Refuted, Verdict

    measured = [v for v in verdicts if getattr(v, "kind", "") == "evidence"]
    if measured and name.startswith("conjecture_"):
        judge_evidence(name, measured)
        verdicts = [v for v in verdicts if not any(v is one for one in measured)]
        if not verdicts:
            pytest.xfail(f"{name}: a conjecture; evidence, and no proof:\n" + "\n".join(map(str, measured)))
    counts = [v for v in verdicts if hasattr(v, "lie_rank")]
    verdicts = [v for v in verdicts if not hasattr(v, "lie_rank")]
    if not (verdicts or counts) or not all(isinstance(v, Verdict) for v in verdicts):
        found = ", ".join(type(v).__name__ for v in verdicts) or "nothing"
        raise ProofFailure(f"{name} returned {found}; return the verdict of fv.check, or a list of verdicts")
    if name.startswith("conjecture_"):
        short = name.removeprefix("conjecture_")
        if all(count.complete for count in counts) and all(isinstance(v, Proved) for v in verdicts):
            raise ProofFailure(f"{name} is proved: rename it theorem_{short}\n{[*counts, *verdicts][0]}")
        if any(isinstance(v, Refuted) for v in verdicts):
            pytest.xfail(f"{name}: a conjecture, refuted; it may be renamed counterexample_{short}")
        pytest.xfail(f"{name}: a conjecture, {'undecided' if verdicts else 'the laws are not shown to be all'}")
    for count in counts:
        if name.startswith("counterexample_"):
            raise ProofFailure(f"{name} returned a discovery, which refutes nothing; return the verdict of fv.check")
        if not count.complete:
            raise ProofFailure(f"{name}: the laws are not shown to be all\n{count}")
    if not verdicts:
        return
    wanted: type[Any] = Proved if name.startswith("theorem_") else Refuted
    for verdict in verdicts:
        if not isinstance(verdict, wanted):
            raise ProofFailure(f"{name} must be {wanted.kind}, but is\n{verdict}")
        if isinstance(verdict, Refuted) and (verdict.witness is None or not verdict.witness.recheck()):
            raise ProofFailure(f"{name}: the witness does not survive its recheck\n{verdict}")
        if verdict.note.startswith("trivial"):
            raise ProofFailure(f"{name}: {verdict.note}\n{verdict}")
        missing = claim.uncovered(verdict.scope) if claim else []
        if missing:
            raise ProofFailure(f"{name} does not cover {claim.id}: " + "; ".join(missing) + f"\n{verdict}")
    needed = {"false": "counterexample", "empirical": "conjecture"}.get(claim.status, "theorem") if claim else name
    if not name.startswith(needed):
        raise ProofFailure(f"{name}: {claim.id} is {claim.status}, so it needs a {needed}")


def judge_evidence(name: str, measured: list[Any]) -> None:
    """A conjecture that numbers speak for is a conjecture still; one that they speak against fails.

    They speak for it where `holds` is True itself: nan and a method would count as true too.
    """
    for found in measured:
        holds = getattr(found, "holds", None)
        if holds is not True:
            said = "it has no holds" if not hasattr(found, "holds") else f"holds is {holds!r}, and not True"
            raise ProofFailure(f"{name}: the evidence does not speak for it ({said})\n{found}")


def short_scope(verdict: Any) -> str:
    """A scope in one line; of a refutation, the network of its witness; of a count, the network and the number."""
    if hasattr(verdict, "lie_rank"):
        return f"{verdict.scope['network'].partition(', one')[0]}: {verdict.independent} laws"
    if verdict.witness is not None and verdict.kind == "refuted":
        w = verdict.witness
        return f"{w.network or '-'.join(map(str, w.widths))}, φ = {w.activation}"
    s = verdict.scope
    sizes = "all widths, all depths" if s.widths == s.depths == "all" else f"widths {s.widths}"
    sizes += f", {s.depths}" if s.depths.startswith(("any", "this")) else ""
    layers = "" if s.layers.startswith("all") else f", {s.layers}"
    where = "" if s.assumptions == "none" else f", where {s.assumptions}"
    return f"{sizes}{layers}, {s.activations}{where}"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    rows = [
        (report, dict(report.user_properties)[KEY])
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call" and KEY in dict(getattr(report, "user_properties", ()))
    ]
    if not rows:
        return
    terminalreporter.section("claims")
    import io

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="")
    for column in ("claim", "statement", "verdict", "scope", "how", "time"):
        table.add_column(column, overflow="fold")
    for report, row in rows:
        mark = row["verdict"] if report.passed else f"{row['verdict']} ({'conjecture' if report.skipped else 'FAILED'})"
        cells = (row["id"], row["statement"], mark, row["scope"], row["how"], f"{row['seconds'] * 1000:.0f} ms")
        table.add_row(*map(escape, cells))
    width = max(100, terminalreporter._tw.fullwidth)
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(table)
    terminalreporter.write_line(out.getvalue().rstrip())
