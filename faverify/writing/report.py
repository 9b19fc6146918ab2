"""One document of everything that was proved and refuted: claims, derivations, witnesses, figures, versions, sources.

It is made of the outcomes that `collecting.collected` returns, and is the same for the same outcomes, apart from times.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ..collecting import within
from ..errors import FaverifyError, Overtime, Undecidable
from ..kernel.verdicts import Verdict
from .documents import Card, Document, Facts, Paragraph, Picture, Section, Source, Steps, Table, Verbatim
from .references import OWN, bibliography, sources_of

LIBRARIES = ("faverify", "numpy", "sympy", "mpmath", "python-flint", "matplotlib", "latex2mathml")
PATIENCE = 1.0  # seconds for a derivation, beyond which it is left out, and said to be
COLUMNS = ("claim", "statement", "status", "verdict", "scope", "how", "time")
SHARES = (0.16, 0.25, 0.08, 0.10, 0.21, 0.13, 0.07)
SAID = {"open": "open conjecture", "fails": "FAILS", "undecided": "undecided", "raises": "RAISES", "skipped": "skipped"}


def report_of(
    found: Any, *, figures: Any = (), seeds: dict[str, int] | None = None, tell: Callable[[], None] | None = None
) -> Document:
    """The report of what was collected; `figures`: pairs of a claim's id and a Picture; `tell` hears of each."""
    outcomes, pictures = found.outcomes, dict(figures)
    count = {kind: sum(o.outcome == kind for o in outcomes) for kind in ("holds", *SAID)}
    plural = {"holds": "hold", "open": "open conjectures", "raises": "RAISE", "fails": "FAIL"}
    one = {"holds": "holds", **SAID}
    told = [f"{n} {plural.get(kind, one[kind]) if n > 1 else one[kind]}" for kind, n in count.items() if n]
    verdict = {True: "Everything is as promised.", False: "Not everything holds.", None: "Something is undecided."}
    summary = (
        Paragraph(f"{verdict[found.holds]} {len(outcomes)} proofs in {found.folder}: {', '.join(told)}."),
        Paragraph(
            "Proved rests on exact algebra and holds for the scope that is printed with it. Refuted has exact data at "
            "which the law fails, rechecked by code that shares nothing with the prover. Figures are evidence, and "
            "never a verdict."
        ),
    )
    anchors = [f"p{k}-{re.sub(r'[^0-9A-Za-z]+', '-', o.name).strip('-')}" for k, o in enumerate(outcomes, start=1)]
    rows = tuple(map(row_cells, outcomes))
    sections = [Section("Claims", "claims", (Table(COLUMNS, rows, tuple(anchors), SHARES),))]
    bad = [(o, anchor) for o, anchor in zip(outcomes, anchors, strict=True) if not o.good]
    if bad:
        parts = tuple(
            block
            for o, _ in bad
            for block in (
                Paragraph("", f"{SAID[o.outcome]}:"),
                Source(f"{o.file}:{o.line} {o.name}"),
                Verbatim(o.message),
            )
        )
        sections.append(Section("What does not hold", "failures", parts))
    names = dict.fromkeys(o.file for o in outcomes)
    files: list[Section] = []
    for file in names:
        several = []
        for outcome, anchor in zip(outcomes, anchors, strict=True):
            if outcome.file == file:
                several.append(proof_section(outcome, anchor, pictures))
                if tell:
                    tell()
        files.append(Section(file, f"file-{len(files) + 1}", tuple(several), code=True))
    sections.append(Section("Proofs", "proofs", tuple(files)))
    made = versions()
    run = [*made.items(), *((f"seed of {what}", str(seed)) for what, seed in (seeds or {}).items())]
    sections.append(Section("How this was made", "versions", (Facts(tuple(run)),)))
    sources = [s for o in outcomes for s in cited_by(o)]
    listed = bibliography(sources)
    parts = tuple(Paragraph(where or "(as cited)", f"{key}.") for key, where in listed)
    own = any(OWN in source for source in sources)
    note = (Paragraph(f"“{OWN}” marks what this project derived itself."),) if own else ()
    if listed or note:
        sections.append(Section("References", "references", (*parts, *note)))
    record = {
        "schema": 1,
        "kind": "report",
        "folder": found.folder,
        "holds": found.holds,
        "versions": made,
        "seeds": seeds or {},
        "proofs": [outcome_record(o) for o in outcomes],
        "references": [{"cited": key, "reference": where or None} for key, where in listed],
    }
    return Document(f"Conservation laws: {found.folder}", summary, tuple(sections), record)


def row_cells(outcome: Any) -> tuple[str, ...]:
    row, claim = outcome.row, outcome.claim
    said = row["verdict"] if outcome.outcome == "holds" else f"{row['verdict']} ({SAID[outcome.outcome]})".strip()
    status = claim.status if claim else ""
    how, scope = row["how"], row["scope"]
    statement = row["statement"] or sentence(outcome.text)
    return row["id"], statement, status, said, scope, how, f"{row['seconds'] * 1000:.0f} ms"


def sentence(text: str) -> str:
    """The first paragraph of a docstring."""
    return " ".join(text.partition("\n\n")[0].split())


def outcome_record(outcome: Any) -> dict[str, Any]:
    """One proof, ready for JSON."""
    claim = outcome.claim
    record = {"name": outcome.name, "file": outcome.file, "line": outcome.line, "outcome": outcome.outcome}
    record |= {"message": outcome.message or None, "text": outcome.text or None}
    record["claim"] = (
        {"id": claim.id, "status": claim.status, "statement": claim.statement, "source": claim.source}
        if claim
        else None
    )
    record |= {key: outcome.row[key] for key in ("verdict", "scope", "how", "seconds")}
    record["verdicts"] = [verdict_json(v) for v in outcome.verdicts if shown(v)]
    return record


def verdict_json(verdict: Any) -> Any:
    """The record of a verdict; of one that holds a function, which no JSON does, what is left without its witness."""
    try:
        return verdict.to_dict()
    except FaverifyError as error:
        bare = replace(verdict, witness=None).to_dict()
        return bare | {"witness": {"kind": type(verdict.witness).__name__, "not_written": str(error)}}


def cited_by(outcome: Any) -> list[str]:
    """The sources of a claim, and of the laws and rules of its verdicts."""
    found = [outcome.claim.source] if outcome.claim else []
    return found + [source for verdict in outcome.verdicts for source in sources_of(verdict)]


# One proof


def proof_section(outcome: Any, anchor: str, pictures: dict[str, Picture]) -> Section:
    claim, blocks = outcome.claim, []  # type: Any, list[Any]
    if claim:
        blocks.append(Paragraph(f"{claim.statement} ({claim.status}; {claim.source})", f"{claim.id}:"))
    if outcome.text:
        blocks.append(Paragraph(" ".join(outcome.text.split())))
    if outcome.message:
        blocks.append(Verbatim(outcome.message))
    blocks += [card_of(verdict) for verdict in outcome.verdicts if shown(verdict)]
    if claim and claim.id in pictures:
        blocks.append(pictures.pop(claim.id))
    mark = "holds" if outcome.outcome == "holds" else SAID[outcome.outcome]
    return Section(outcome.name, anchor, tuple(blocks), mark=mark, code=True)


def shown(verdict: Any) -> bool:
    """Whether it is a verdict or a count of laws; what else a function returns is told by its failure."""
    return isinstance(verdict, Verdict) or (hasattr(verdict, "lie_rank") and hasattr(verdict, "to_dict"))


def card_of(verdict: Any) -> Card:
    """A verdict with its scope, its finding, its witness and its derivation."""
    if hasattr(verdict, "lie_rank"):
        return Card(verdict.kind, f"by {verdict.how}", (Verbatim(str(verdict)),))
    blocks: list[Any] = [Paragraph(told(verdict))]
    blocks.append(Facts(tuple((name, value) for name, value in verdict.scope.items() if value != "none")))
    parts = [f"{layer}: {part.kind} ({part.how})" for layer, part in verdict.layers.items()]
    blocks += [Paragraph("; ".join(parts), "By layer:")] if parts else []
    finding = attempted(lambda: verdict.finding)[0]
    blocks += [Paragraph(finding["text"], "Finding:")] if finding else []
    blocks += [Verbatim("tried\n" + "\n".join(f"  {t}" for t in verdict.tried))] if verdict.tried else []
    witness = verdict.witness
    if witness is not None and verdict.kind != "proved":
        blocks.append(Verbatim("witness\n" + str(witness)))
    elif witness is not None and not hasattr(witness, "lines"):
        blocks.append(Verbatim(str(witness)))
    if witness is None or hasattr(witness, "lines") or hasattr(witness, "layer"):
        blocks.append(derivation_block(verdict))
    return Card(verdict.kind, verdict.statement, tuple(blocks))


def told(verdict: Any) -> str:
    return f"Along {verdict.rule}, by {verdict.how}" + (f" ({verdict.note})" if verdict.note else "") + "."


def derivation_block(verdict: Any) -> Any:
    """The derivation, or why there is none."""

    def written() -> Steps:
        derivation = verdict.derivation
        cases = tuple(
            (title, tuple((step.reason, step.text, step.latex) for step in several))
            for title, several in derivation.cases
        )
        count = sum(len(several) for _, several in cases)
        summary = "counterexample, worked out" if verdict.kind == "refuted" else "derivation"
        return Steps(f"{summary}, {count} line{'s' * (count != 1)}", cases)

    found, why = attempted(written)
    return found or Paragraph(f"No derivation is printed: {why}.")


def attempted(make: Callable[[], Any]) -> tuple[Any, str]:
    """What a writer makes, or why it makes nothing: writing is not believed, and must not end a report."""
    try:
        with within(PATIENCE):
            return make(), ""
    except Overtime:
        return None, f"writing it takes more than {PATIENCE:g} s"
    except (Undecidable, Exception) as error:
        return None, f"{type(error).__name__}: {error}"


def versions() -> dict[str, str]:
    """Python, faverify and the libraries that verdicts, figures and formulae rest on, as far as they are installed."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    from .. import __version__

    return found | {"faverify": __version__}
