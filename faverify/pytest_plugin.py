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

from .judging import OpenConjecture, ProofFailure, functions_of, holds_proofs, judge, row_of, verdicts_of

KEY = "faverify"


def pytest_collect_file(file_path: Path, parent: Any) -> Any:
    if (
        file_path.suffix == ".py"  # before anything else is asked of it: of every file of every pytest run
        and "proofs" in folders(file_path, parent.config.rootpath)
        and holds_proofs(file_path)
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
        for name, function in functions_of(self.obj):
            yield Proof.from_parent(self, name=name, function=function)


class Proof(pytest.Item):
    """One function of a file of proofs."""

    def __init__(self, *, function: Any, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.function = function

    def runtest(self) -> None:
        start = time.perf_counter()
        verdicts = verdicts_of(self.function())
        claim = getattr(self.function, "claim", None)
        try:
            judge(self.name, verdicts, claim)
        except OpenConjecture as open_one:
            pytest.xfail(str(open_one))
        finally:
            row = row_of(self.name, claim, verdicts, time.perf_counter() - start)
            self.user_properties.append((KEY, row))

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        if isinstance(excinfo.value, ProofFailure):
            return str(excinfo.value)
        excinfo.traceback = excinfo.traceback.cut(path=self.path)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        code = getattr(inspect.unwrap(self.function), "__code__", None)  # a partial has none
        return self.path, code.co_firstlineno - 1 if code else 0, self.name


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
