"""Sweeps: a claim tried at many random cases, on any number of processors, kept on disk as they become known.

Method. A case is the trial of its claim at a number; its record depends on that number, the seed and the digits alone
(`trials`). Cases run here, in processes of our own or in an executor that is given (`pools`); each record is written
as soon as it is known, so that any crash leaves a sweep that goes on (`journals`); what does not hold is written as an
example that can be run again (`examples`). Evidence, and never a proof.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

from .. import __version__
from ..errors import Misuse, SweepStopped, whole_number
from .examples import Examples, document
from .journals import Journal, Memory
from .pools import Workers, WorkersLost, complete
from .trials import Trial, outcome, trial_named

MOST_CASES, MOST_DIGITS, MOST_SEED, MOST_JOBS = 10**7, 10**6, 2**63 - 1, 10**5
MOST_PROCESSES = 61 if sys.platform == "win32" else MOST_JOBS  # of one pool, as Windows waits for no more
IN_FLIGHT = 4  # cases that wait with each processor: enough that none is idle while results are written
UNKNOWN_SIZE = 256  # processors that an executor may have, where `jobs` does not say how many
SHOWN = 8  # failing cases that a summary lists
Progress = Callable[[int, int, int], None]


@dataclass(frozen=True)
class Sweep:
    """What is known of a claim at the cases 0, …, cases − 1.

    `counts`: how many hold, fail, are undecided and are missing; `statuses`: how many ended in each way; `measures`:
    the largest value of each, as {"value": a decimal string, "case": the first that has it}; `controls`: in how many
    cases a false statement beside the claim was seen to fail, of those that have one; `failures`: the cases that do not
    hold; `lines()`: the records as they were written. Cases are missing where a sweep was stopped.
    """

    claim: str
    statement: str
    digits: int
    seed: int
    cases: int
    counts: Mapping[str, int]
    statuses: Mapping[str, int]
    measures: Mapping[str, Mapping[str, Any]]
    failures: tuple[int, ...]
    controls: Mapping[str, int]
    out: Path | None
    lines: Callable[[], Iterator[bytes]] = field(repr=False, compare=False)

    @property
    def holds(self) -> bool | None:
        """False if a case does not hold; None if none fails and some are undecided or missing, or no control failed."""
        if self.counts["fails"]:
            return False
        if self.controls["seen"] and not self.controls["violated"]:
            return None
        return None if self.counts["undecided"] or self.counts["missing"] else True

    @property
    def records(self) -> Iterator[dict[str, Any]]:
        """The records that are known, by case; read from the file where there is one."""
        return (json.loads(line) for line in self.lines())

    @property
    def examples(self) -> Iterator[dict[str, Any]]:
        """The cases that do not hold, each complete: what `replay` takes."""
        header = header_of(self.claim, self.digits, self.seed)
        return (document(header, record) for record in self.records if record["holds"] is False)

    def to_dict(self) -> dict[str, Any]:
        """The summary with the first failing example, ready for JSON."""
        header = header_of(self.claim, self.digits, self.seed)
        return {
            **header,
            "kind": "evidence",
            "statement": self.statement,
            "cases": self.cases,
            "holds": self.holds,
            "counts": dict(self.counts),
            "statuses": dict(self.statuses),
            "measures": {name: dict(worst) for name, worst in self.measures.items()},
            "failures": list(self.failures),
            "controls": dict(self.controls),
            "example": next(self.examples, None) if self.failures else None,
            "out": None if self.out is None else str(self.out),
        }

    def __str__(self) -> str:
        words = {"holds": "hold", "fails": "do not", "undecided": "undecided", "missing": "missing"}
        counts = ", ".join(f"{self.counts[name]} {word}" for name, word in words.items() if self.counts[name])
        question = f"{self.cases} cases, {self.digits} digits, seed {self.seed}"
        lines = [f"{self.claim}: {self.statement}", f"  {question}: {counts} (evidence, not a proof)"]
        if set(self.statuses) - {"ok"}:
            lines.append("  status: " + ", ".join(f"{name} {count}" for name, count in self.statuses.items()))
        for name, worst in self.measures.items():
            lines.append(f"  largest {name}: {Decimal(worst['value']):.3g} (case {worst['case']})")
        if self.controls["seen"]:
            seen, violated = self.controls["seen"], self.controls["violated"]
            lines.append(f"  the control, a false statement, was seen to fail in {violated} of {seen} cases")
        if self.failures:
            shown = ", ".join(map(str, self.failures[:SHOWN])) + ", …" * (len(self.failures) > SHOWN)
            place = "" if self.out is None else f"; faverify replay {Examples(self.out, {}).path(self.failures[0])}"
            lines.append(f"  does not hold at case {shown}{place}")
        if self.counts["missing"]:
            remedy = "without a file to keep them the next run starts anew"
            lines.append(f"  incomplete: {remedy if self.out is None else 'the same sweep goes on from here'}")
        return "\n".join(lines)


def sweep(
    claim: str | Trial,
    *,
    cases: int,
    digits: int = 50,
    seed: int = 0,
    jobs: int | None = None,
    out: str | os.PathLike[str] | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Sweep:
    """Try a claim at the cases 0, …, cases − 1: evidence, never a proof.

    The records do not depend on where they are made. `jobs` counts processes, 1 if left out: this one; with more, a
    script needs `if __name__ == "__main__":`. An `executor` takes their place: a pool of threads, mpi4py's
    MPIPoolExecutor, Dask's `client.get_executor()`. It is not shut down, and `jobs` then tells how many processors it
    has. Threads of one process take turns, since precision is a setting of the whole process.

    `out`: a file of JSON lines, a header and then the records by case. Until all are known they are kept beside it, in
    `out`.journal: after Ctrl-C, a crash or a kill the same call goes on, and ends with the same bytes. A finished file
    is read, and one of fewer cases is extended. Cases that do not hold are written to the folder `out`.failures as
    well, for `replay`. `progress(known, cases, failing)` is called as cases become known.

    Returns: a Sweep; after Ctrl-C one with cases missing.

    Raises: UnknownName, Misuse; SweepStopped where the workers are lost, one killed for one, with what is known.

    Examples
    --------
    >>> def even(case, seed, digits):
    ...     return {"case": case, "status": "ok", "holds": case % 2 == 0, "example": {"number": case}}
    >>> print(sweep(Trial("E", "numbers are even", even, lambda example: even(example["number"], 0, 15)), cases=4))
    E: numbers are even
      4 cases, 50 digits, seed 0: 2 hold, 2 do not (evidence, not a proof)
      does not hold at case 1, 3
    """
    trial = claim if isinstance(claim, Trial) else trial_named(claim)
    cases, digits = whole_number("cases", cases, 1, MOST_CASES), whole_number("digits", digits, 15, MOST_DIGITS)
    seed = whole_number("seed", seed, 0, MOST_SEED)
    jobs = None if jobs is None else whole_number("jobs", jobs, 1, MOST_JOBS)
    header, tally = header_of(trial.claim, digits, seed), Tally()
    kept = Memory() if out is None else Journal(_place(out), header, cases)

    def accept(case: int, line: bytes) -> None:
        if not kept.knows(case):
            record = json.loads(line)
            kept.add(record, line)
            tally.add(record)
            tell()

    def tell() -> None:
        if progress is not None:
            progress(tally.known, cases, len(tally.failures))

    lost: WorkersLost | None = None
    with kept:
        kept.load(tally.add)
        started = tally.known
        tell()
        missing = (case for case in range(cases) if not kept.knows(case))
        try:
            if executor is not None:
                _spread(executor, trial, seed, digits, missing, IN_FLIGHT * (jobs or UNKNOWN_SIZE), accept, kept.idle)
            elif (processes := min(jobs or 1, cases - tally.known, MOST_PROCESSES)) > 1:
                _refuse_what_no_process_finds(trial)
                with Workers(processes) as workers:
                    _spread(workers, trial, seed, digits, missing, IN_FLIGHT * processes, accept, kept.idle)
            else:
                for case in missing:
                    accept(case, outcome(trial.function, seed, digits, case))
        except KeyboardInterrupt:
            pass
        except WorkersLost as error:
            lost = error
        if tally.known == cases:
            kept.finish(tally.failures)
    found = Sweep(
        trial.claim, trial.statement, digits, seed, cases, out=kept.out, lines=kept.lines, **tally.told(cases)
    )
    if lost is not None:
        remedy = "give a file (out) to keep them" if out is None else "they are kept, and the same sweep goes on"
        if started == tally.known and executor is None:
            remedy += '; a script that starts processes needs `if __name__ == "__main__":`'
        told = f"{tally.known} of {cases} cases are known; {remedy}"
        raise SweepStopped(found, lost.cases, lost.reason, told) from lost.__cause__
    return found


def header_of(claim: str, digits: int, seed: int) -> dict[str, Any]:
    """What the records of a sweep depend on, beside their case: files of other headers are never mixed with it."""
    return {"schema": 1, "claim": claim, "digits": digits, "seed": seed, "version": __version__}


def _place(out: str | os.PathLike[str]) -> Path:
    if not isinstance(out, (str, os.PathLike)):
        raise Misuse("out", out, "the name of a file")
    path = Path(out)
    path = Path(os.path.realpath(path)) if path.is_symlink() else path  # what it points to is replaced, not the link
    if not path.name or path.is_dir():
        raise Misuse("out", str(path), "a file, not a folder")
    if not path.parent.is_dir():
        raise Misuse("out", str(path), f"a file in a folder that exists; make {path.parent} first")
    return path


def _spread(
    executor: Executor,
    trial: Trial,
    seed: int,
    digits: int,
    cases: Iterator[int],
    limit: int,
    accept: Callable[[int, bytes], None],
    idle: Callable[[], None],
) -> None:
    mine = isinstance(executor, Workers)  # they end with their work; and pools that end stumble over what is cancelled

    name = uuid4().hex

    def submit(case: int) -> Future[bytes]:
        return executor.submit(outcome, trial.function, seed, digits, case, name)

    complete(submit, cases, limit, accept, idle, cancel=not mine)


def _refuse_what_no_process_finds(trial: Trial) -> None:
    try:
        pickle.dumps(trial.function)
    except Exception as error:
        raise Misuse("the trial", trial.function, f"a function of a module, or jobs = 1 ({error})") from error


class Tally:
    """The counts of a sweep, the same in whatever order its records come."""

    def __init__(self) -> None:
        self.holds: Counter[bool | None] = Counter()
        self.statuses: Counter[str] = Counter()
        self.largest: dict[str, tuple[Decimal, int, str]] = {}  # value, −case, as it was written
        self.failures: list[int] = []
        self.controls: Counter[bool] = Counter()  # whether a false statement was seen to fail, where a case has one

    @property
    def known(self) -> int:
        return self.holds.total()

    def add(self, record: dict[str, Any]) -> None:
        self.holds[record["holds"]] += 1
        self.statuses[record["status"]] += 1
        if record["holds"] is False:
            self.failures.append(record["case"])
        control = record.get("control")
        if isinstance(control, dict) and isinstance(control.get("violated"), bool):
            self.controls[control["violated"]] += 1
        for name, text in record.get("measures", {}).items():
            found = (Decimal(text), -record["case"], text)
            self.largest[name] = max(found, self.largest.get(name, found))

    def told(self, cases: int) -> dict[str, Any]:
        """The fields of a Sweep."""
        named = {"holds": self.holds[True], "fails": self.holds[False], "undecided": self.holds[None]}
        return {
            "counts": {**named, "missing": cases - self.known},
            "statuses": dict(sorted(self.statuses.items())),
            "measures": {
                name: {"value": text, "case": -case} for name, (_, case, text) in sorted(self.largest.items())
            },
            "failures": tuple(sorted(self.failures)),
            "controls": {"seen": self.controls.total(), "violated": self.controls[True]},
        }
