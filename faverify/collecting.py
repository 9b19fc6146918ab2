"""The proofs of a folder, run and judged without pytest: what a report is made of.

Files are chosen, functions collected and verdicts judged by the code that `pytest proofs/` uses. What raises is an
outcome like any other.
"""

from __future__ import annotations

import importlib.util
import inspect
import linecache
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import Misuse, Overtime
from .judging import OpenConjecture, ProofFailure, functions_of, holds_proofs, judge, row_of, verdicts_of

IGNORED = {"__pycache__", "build", "dist", "node_modules", "venv"}


@dataclass(frozen=True)
class Outcome:
    """What came of one function, or of a file that could not be run.

    `outcome`: holds; open, a conjecture that is not proved; fails, for verdicts that are not what was promised;
    undecided, where the prover stopped short of that, or its time was up; raises; skipped. `message` says why.
    """

    file: str
    line: int
    name: str
    text: str
    claim: Any
    verdicts: tuple[Any, ...]
    outcome: str
    message: str
    row: dict[str, Any] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        return self.outcome in ("holds", "open", "skipped")


@dataclass(frozen=True)
class Collected:
    """The outcomes of a folder, in the order of its files and of the functions in each."""

    folder: str
    outcomes: tuple[Outcome, ...]

    @property
    def holds(self) -> bool | None:
        """Whether all is as promised; None where nothing fails but what is undecided."""
        bad = {outcome.outcome for outcome in self.outcomes if not outcome.good}
        return True if not bad else None if bad == {"undecided"} else False


def files_of(folder: Path) -> list[Path]:
    """The files of proofs in a folder and in what lies below it, or the one file.

    Raises: Misuse where there is none.
    """
    if not folder.exists():
        raise Misuse("folder", str(folder), "a folder that exists, such as proofs/")
    below = [folder] if folder.is_file() else sorted(folder.rglob("*.py"))
    inside = [p for p in below if not any(part.startswith(".") or part in IGNORED for part in parts(p, folder))]
    found = [path for path in inside if holds_proofs(path)]
    if not found:
        raise Misuse(
            "folder", str(folder), "Python files with functions named theorem_…, counterexample_…, conjecture_…"
        )
    return found


def parts(path: Path, folder: Path) -> tuple[str, ...]:
    return () if path == folder else path.relative_to(folder).parts


def collected(folder: Any, tell: Callable[[int, int, int], None] | None = None, limit: float = 0) -> Collected:
    """Run every proof below a folder; `tell` hears (how many are known, of how many, how many do not hold).

    `limit`: seconds for each proof, 0 for no limit. One that takes longer is undecided.

    Raises: Misuse where there are no proofs.
    """
    folder = Path(folder)
    return Collected(folder.name or str(folder), tuple(outcomes_of(folder, tell, limit)))


def outcomes_of(
    folder: Path, tell: Callable[[int, int, int], None] | None = None, limit: float = 0
) -> Iterator[Outcome]:
    """The outcomes one by one, as they are known."""
    files = files_of(folder)
    found: list[Outcome | tuple[str, str, Any]] = []
    bad = 0
    with beside(files):
        for path in files:
            name = path.name if path == folder else path.relative_to(folder).as_posix()
            with redirect_stdout(sys.stderr):
                found += opened(path, name, limit)
        for count, each in enumerate(found, start=1):
            with redirect_stdout(sys.stderr):
                outcome = each if isinstance(each, Outcome) else outcome_of(*each, limit)
            bad += not outcome.good
            if tell:
                tell(count, len(found), bad)
            yield outcome


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Stop what takes longer, where the system has interval timers; 0 for no limit.

    Raises: Overtime.
    """
    main = threading.current_thread() is threading.main_thread()
    if not seconds or not main or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(*_: Any) -> None:
        raise Overtime(f"it did not return within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.1)  # again and again, for code that catches everything
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def beside(files: list[Path]) -> Iterator[None]:
    """The folders of the files are where their imports are looked for first."""
    kept = list(sys.path)
    sys.path[:0] = list(dict.fromkeys(str(path.resolve().parent) for path in files))
    try:
        yield
    finally:
        sys.path[:] = kept


def opened(path: Path, name: str, limit: float = 0) -> list[Any]:
    """(file, function's name, function) of each proof in a file; the outcome of a file that cannot be run."""
    spec = importlib.util.spec_from_file_location(f"faverify_proofs_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    try:
        with within(limit):
            spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        kind = "skipped" if skips(error) else "undecided" if isinstance(error, Overtime) else "raises"
        row = row_of(name, None, [], 0.0)
        return [Outcome(name, line_of(error, path), name, "", None, (), kind, said(error, path), row)]
    finally:
        sys.modules.pop(spec.name, None)
    return [(name, title, function) for title, function in functions_of(module)]


def outcome_of(file: str, name: str, function: Any, limit: float = 0) -> Outcome:
    """One function, run and judged."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    path, line = (Path(code.co_filename), code.co_firstlineno) if code else (Path(file), 1)
    claim, text = getattr(function, "claim", None), inspect.getdoc(function) or "" if code else ""
    start, verdicts, message = time.perf_counter(), [], ""  # type: float, list[Any], str
    try:
        with within(limit):
            verdicts = verdicts_of(function())
        judge(name, verdicts, claim)
        outcome = "holds"
    except OpenConjecture as error:
        outcome, message = "open", str(error)
    except ProofFailure as error:
        short = any(getattr(v, "kind", "") in ("undecided", "incomplete") for v in verdicts)
        outcome, message = ("undecided" if short and not contradicted(name, verdicts) else "fails"), str(error)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        outcome = "skipped" if skips(error) else "undecided" if isinstance(error, Overtime) else "raises"
        message = said(error, path)
    seconds = time.perf_counter() - start
    try:
        row = row_of(name, claim, verdicts, seconds)
    except Exception:  # what is no verdict may have a scope of another kind; the failure says what it is
        row = row_of(name, claim, [], seconds) | {"verdict": ", ".join(type(v).__name__ for v in verdicts)}
    return Outcome(file, line, name, text, claim, tuple(verdicts), outcome, message, row)


def contradicted(name: str, verdicts: list[Any]) -> bool:
    """Whether a verdict is the opposite of what the name promises."""
    wrong = "proved" if name.startswith("counterexample_") else "refuted"
    return any(getattr(v, "kind", "") == wrong for v in verdicts)


def skips(error: BaseException) -> bool:
    """pytest.skip and pytest.xfail, told by their names: pytest itself may not be there."""
    outcome = any(kind.__name__ == "OutcomeException" for kind in type(error).__mro__)
    return outcome and type(error).__name__ in ("Skipped", "XFailed")


def line_of(error: BaseException, path: Path) -> int:
    """The last line of a file that an error passed through."""
    if isinstance(error, SyntaxError):
        return error.lineno or 1
    lines = [frame.lineno or 1 for frame in traceback.extract_tb(error.__traceback__) if same(frame.filename, path)]
    return lines[-1] if lines else 1


def same(filename: str, path: Path) -> bool:
    return Path(filename).name == path.name


def said(error: BaseException, path: Path) -> str:
    """An error in a line or two: its kind, its message, and the line of the file, without a traceback."""
    line = line_of(error, path)
    told = f"{type(error).__name__}: {error}".removesuffix(": ")
    shown = linecache.getline(str(path), line).strip()
    return f"{told}\n{path.name}:{line}" + (f": {shown}" if shown else "")
