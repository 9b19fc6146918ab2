"""Certificates of a folder of proofs: written, and read by Coq where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..collecting import Outcome, outcomes_of
from ..errors import FaverifyError, Misuse, Undecidable
from .coq import certificate
from .nodes import Uncovered

PREFIXES = ("theorem_", "counterexample_")
# What the real numbers of Coq's standard library rest on; certificates over other numbers use no axiom at all.
REAL_AXIOMS = {"ClassicalDedekindReals.sig_forall_dec", "ClassicalDedekindReals.sig_not_dec"}
REAL_AXIOMS |= {"functional_extensionality_dep", "FunctionalExtensionality.functional_extensionality_dep"}
PATIENCE = 120.0  # seconds for one file
NOWHERE = "coqc is not installed (on Debian: apt-get install coq libcoq-mathcomp-algebra)"


@dataclass(frozen=True)
class Checked:
    """What became of one certificate: accepted, rejected, or not checked and why."""

    name: str
    status: str
    reason: str = ""
    seconds: float = 0.0
    axioms: tuple[str, ...] = ()
    file: str = ""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def check_text(text: str, name: str = "certificate", seconds: float = PATIENCE) -> Checked:
    """Whether `coqc` accepts a certificate, and on which axioms its theorems rest.

    Examples
    --------
    >>> from faverify.writing.certifying import check_text
    >>> check_text("Theorem false : 0 = 1. Proof. reflexivity. Qed.").status in ("rejected", "not checked")
    True
    """
    if shutil.which("coqc") is None:
        return Checked(name, "not checked", NOWHERE)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "certificate.v"
        path.write_text(text, encoding="utf-8")
        try:
            done = subprocess.run(
                ["coqc", "-q", "-w", "none", str(path)], capture_output=True, text=True, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            return Checked(name, "not checked", f"coqc took longer than {seconds:g} s", seconds)
    took = time.perf_counter() - start
    if done.returncode < 0:
        return Checked(name, "not checked", f"coqc was stopped by signal {-done.returncode}", took)
    if done.returncode:
        said = " ".join(done.stderr.replace(str(path), "line").split())
        if "mathcomp" in said and "Cannot find" in said:
            return Checked(name, "not checked", "MathComp is not installed (on Debian: libcoq-mathcomp-algebra)", took)
        return Checked(name, "rejected", said[:300], took)
    return judged(text, done.stdout, name, took)


def judged(text: str, said: str, name: str, took: float) -> Checked:
    """Every theorem must be told of, and rest on no axiom but those of the real numbers."""
    asked = len(re.findall(r"^Print Assumptions ", text, re.MULTILINE))
    told = said.count("Closed under the global context") + len(re.findall(r"^Axioms:", said, re.MULTILINE))
    axioms = {found for block in re.split(r"^Axioms:", said, flags=re.MULTILINE)[1:] for found in named(block)}
    allowed = REAL_AXIOMS if re.search(r"^From Coq Require Import .*\bReals\b", text, re.MULTILINE) else set()
    if not asked or told != asked:
        return Checked(name, "rejected", f"{told} of {asked} theorems were told of", took)
    if axioms - allowed:
        return Checked(name, "rejected", f"rests on {', '.join(sorted(axioms - allowed))}", took, tuple(sorted(axioms)))
    return Checked(name, "accepted", "", took, tuple(sorted(axioms)))


def named(block: str) -> Iterator[str]:
    """The names of axioms in what `Print Assumptions` says."""
    for line in block.splitlines():
        found = re.match(r"([A-Za-z_][\w.']*)\s*(:|$)", line)
        if found and not line.startswith("Closed"):
            yield found[1]


def certify(
    folder: Path, out: Path | None = None, seconds: float = PATIENCE, jobs: int = 1, limit: float = 0
) -> Iterator[Checked]:
    """Every theorem and counterexample below a folder: its certificate is written to `out`, and checked.

    A proof's own code has `limit` seconds; 0 for no limit.
    """
    if not folder.is_dir():
        raise Misuse("DIR", str(folder), "a folder of proofs, such as proofs/")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    pool = ThreadPoolExecutor(max(1, jobs))
    try:
        waiting = []
        for name, verdict in verdicts(folder, limit):
            path = None if out is None else out / f"{free(re.sub(r'[^A-Za-z0-9_]', '_', name), taken)}.v"
            written = text_of(name, verdict)  # here, and not beside the next proof: only coqc runs in the pool
            waiting.append(pool.submit(read, name, written, path, seconds))
        yield from (future.result() for future in waiting)
    finally:
        pool.shutdown(cancel_futures=True)
    if not waiting:
        raise Misuse("DIR", str(folder), "files with functions named theorem_… or counterexample_…")


def free(name: str, taken: set[str]) -> str:
    """A name that no other certificate has, also where capitals do not count, and that Coq takes for a module's."""
    name = name if name[:1].isalpha() else f"proof_{name}"
    found, count = name, 1
    while found.lower() in taken:
        count += 1
        found = f"{name}__{count}"
    taken.add(found.lower())
    return found


def text_of(name: str, verdict: Any) -> str | Checked:
    """The text of one certificate; what has none says why."""
    if isinstance(verdict, Checked):
        return verdict
    wanted = "refuted" if ".counterexample_" in name else "proved"
    if not hasattr(verdict, "kind") or not hasattr(verdict, "question"):
        return Checked(name, "not checked", f"no verdict but a {type(verdict).__name__}")
    if verdict.kind != wanted:
        return Checked(name, "rejected", f"the verdict is {verdict.kind}, not {wanted}")
    try:
        return certificate(verdict)
    except Uncovered as event:
        return Checked(name, "not checked", event.reason)
    except Undecidable as event:
        return Checked(name, "not checked", f"the code asks for {event.question}")
    except FaverifyError as event:
        return Checked(name, "not checked", str(event))


def read(name: str, text: str | Checked, path: Path | None, seconds: float) -> Checked:
    """What coqc says of a text, kept in a file if one is named."""
    if isinstance(text, Checked):
        return text
    if path is None:
        return check_text(text, name, seconds)
    path.write_text(text, encoding="utf-8")
    return replace(check_text(text, name, seconds), file=str(path))


def verdicts(folder: Path, limit: float = 0) -> Iterator[tuple[str, Any]]:
    """The verdicts of the functions of a folder, by file and function; of what returns none, why."""
    for outcome in outcomes_of(folder, limit=limit):
        stem = outcome.file.removesuffix(".py")
        label = stem if outcome.name == outcome.file else f"{stem}.{outcome.name}"
        if outcome.name != outcome.file and not outcome.name.startswith(PREFIXES):
            continue
        why = unfit(outcome)
        if why is not None:
            short = outcome.outcome in ("skipped", "undecided")
            yield label, Checked(label, "not checked" if short else "rejected", why)
            continue
        several = outcome.verdicts
        for count, verdict in enumerate(several, start=1):
            yield (label if len(several) == 1 else f"{label}.{count}"), verdict


def unfit(outcome: Outcome) -> str | None:
    """Why a proof has no verdict to be certified, or has one that is not what was promised although its kind is."""
    told = " ".join(outcome.message.split("\n")[0].split())
    if outcome.outcome in ("raises", "skipped"):
        return f"it {outcome.outcome.replace('skipped', 'was skipped')}: {told}"
    wanted = "refuted" if outcome.name.startswith("counterexample_") else "proved"
    if not outcome.verdicts or (
        outcome.outcome == "fails" and all(getattr(v, "kind", None) == wanted for v in outcome.verdicts)
    ):
        return told
    return None
