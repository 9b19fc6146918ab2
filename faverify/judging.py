"""What a function of `proofs/` promises, and whether its verdicts keep it: one judge for `pytest proofs/` and reports.

A theorem must return Proved, a counterexample Refuted with a witness that survives its recheck, both with a scope that
covers their claim; a conjecture is open until it is proved, and fails then.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

PREFIXES = ("theorem_", "counterexample_", "conjecture_")


class ProofFailure(Exception):
    """A verdict that is not what the function's name promises."""


class OpenConjecture(Exception):
    """A conjecture that is not proved: what is expected of it."""


def holds_proofs(file: Path) -> bool:
    """Whether a file is one of proofs, wherever it lies: Python that names a function with one of the prefixes."""
    return (
        file.suffix == ".py"
        and not file.name.startswith(("conftest", "test_", "__"))
        and any(prefix in file.read_text(encoding="utf-8", errors="replace") for prefix in PREFIXES)
    )


def functions_of(module: Any) -> list[tuple[str, Any]]:
    """The proofs of a module, in its order."""
    return [(name, value) for name, value in vars(module).items() if name.startswith(PREFIXES) and callable(value)]


def verdicts_of(found: Any) -> list[Any]:
    """What a function returned, as a list."""
    return list(found) if isinstance(found, (list, tuple)) else [found]


def judge(name: str, verdicts: list[Any], claim: Any) -> None:
    """Raise unless every verdict is what the name promises, and covers the claim.

    Raises: ProofFailure; OpenConjecture.
    """
    from .kernel.verdicts import Proved, Refuted, Verdict

    measured = [v for v in verdicts if getattr(v, "kind", "") == "evidence"]
    if measured and name.startswith("conjecture_"):
        judge_evidence(name, measured)
        verdicts = [v for v in verdicts if not any(v is one for one in measured)]
        if not verdicts:
            raise OpenConjecture(f"{name}: a conjecture; evidence, and no proof:\n" + "\n".join(map(str, measured)))
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
            raise OpenConjecture(f"{name}: a conjecture, refuted; it may be renamed counterexample_{short}")
        raise OpenConjecture(f"{name}: a conjecture, {'undecided' if verdicts else 'the laws are not shown to be all'}")
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
        if getattr(found, "holds", None) is not True:
            said = f"holds is {found.holds!r}, and not True" if hasattr(found, "holds") else "it has no holds"
            raise ProofFailure(f"{name}: the evidence does not speak for it ({said})\n{found}")


def row_of(name: str, claim: Any, verdicts: list[Any], seconds: float) -> dict[str, Any]:
    """A row of the table of claims: id, statement, verdict, scope, how, seconds."""
    kinds = [getattr(v, "kind", type(v).__name__) for v in verdicts]
    return {
        "id": claim.id if claim else name,
        "statement": claim.statement if claim else "",
        "verdict": ", ".join(dict.fromkeys(kinds)),
        "scope": "; ".join(dict.fromkeys(short_scope(v) for v in verdicts if hasattr(v, "scope"))),
        "how": "; ".join(dict.fromkeys(v.how for v in verdicts if hasattr(v, "how"))),
        "seconds": seconds,
    }


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
