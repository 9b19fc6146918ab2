"""`faverify report`: run a folder of proofs and write one document about them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import click

from .entrance import HOLDS
from .subjects import LONGEST, PROOF_PATIENCE
from .watching import progress_bar

FORMATS = (".pdf", ".tex", ".html", ".md")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="REPORT.pdf, .tex, .html or .md.")
@click.option("--figures/--no-figures", default=True, help="Figures of the claims that have one, with matplotlib.")
@click.option(
    "--time-limit",
    type=click.FloatRange(0, LONGEST),
    default=PROOF_PATIENCE,
    show_default=True,
    help="Seconds for the code of each proof; 0 for no limit.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the record for machines.")
def report(folder: Path, output: Path | None, figures: bool, time_limit: float, as_json: bool) -> None:
    """Run the proofs in FOLDER, judge them as `pytest proofs/` does, and write one document about them.

    The claims with their verdicts, every derivation, every witness, what does not hold and why, versions and sources.
    REPORT.json, the verdicts for machines, is written beside it; HTML has it inside as well, and needs no network. A
    derivation that takes more than a second to write is left out, and said to be. PDF needs pdflatex
    (texlive-latex-base); mathematics in HTML is set with pip install 'faverify[report]', else shown as text. Naming a
    folder runs its files.

    Exit code 1: something does not hold, or raises; 3: nothing worse than undecided. A conjecture may be open.
    """
    from ..collecting import collected

    if output is None and not as_json:
        raise click.UsageError("where to? -o REPORT.pdf, .tex, .html or .md; or --json for the record alone")
    if output is not None:
        suitable(output)
    with progress_bar("proofs") as tell:
        found = collected(folder, tell, time_limit)
    document = written(found, figures and output is not None)
    if output is not None:
        for place in kept(document, output):
            click.echo(f"wrote {place}", err=True)
    if as_json:
        click.echo(as_text(document.record))
    else:
        click.echo(said(found))
    sys.exit(HOLDS[found.holds])


def suitable(output: Path) -> None:
    """What cannot be written is told before minutes are spent."""
    from shutil import which

    if output.suffix.lower() not in FORMATS:
        raise click.BadParameter(f"{output}: its name says the format: {', '.join(FORMATS)}", param_hint="-o")
    if not output.parent.is_dir():
        raise click.BadParameter(f"there is no folder {output.parent}", param_hint="-o")
    if output.suffix.lower() == ".pdf" and which("pdflatex") is None:
        raise click.ClickException(
            "a PDF needs pdflatex, which is not installed: apt install texlive-latex-base, or any TeX; "
            "or write a .tex, .html or .md instead"
        )


def written(found: Any, figures: bool) -> Any:
    """The document, with the figures that can be drawn."""
    from ..writing.report import report_of

    pictures, seeds = [], {}  # type: list[Any], dict[str, int]
    if figures:
        pictures, seeds = drawn(found)
    with progress_bar("derivations") as tell:
        total, count = len(found.outcomes), 0

        def next_one() -> None:
            nonlocal count
            count += 1
            if tell:
                tell(count, total, 0)

        return report_of(found, figures=pictures, seeds=seeds, tell=next_one)


def drawn(found: Any) -> tuple[list[Any], dict[str, int]]:
    """Pictures of claims that hold, and the seed of what they show; none without matplotlib, which is told."""
    import io

    from ..errors import Misuse
    from ..experiments.illustrations import SEED, illustrations
    from ..experiments.plots import save
    from ..writing.documents import Picture

    claims = {outcome.claim.id for outcome in found.outcomes if outcome.claim and outcome.outcome == "holds"}
    pictures = []
    try:
        for claim, drawing, caption in illustrations(claims):
            out = io.BytesIO()
            save(drawing.figure, out, "pdf")
            name = re.sub(r"[^0-9A-Za-z-]", "-", claim)
            pictures.append((claim, Picture(name, drawing.svg(), out.getvalue(), caption)))
    except Misuse as error:
        click.echo(f"no figures: {error}", err=True)
    return pictures, {"figures": SEED} if pictures else {}


def kept(document: Any, output: Path) -> list[Path]:
    """The report, its record, and its figures where the format has them beside it."""
    from ..writing.html import html_document
    from ..writing.markdown import markdown_document
    from ..writing.tex import pdf_document, tex_document

    form, beside = output.suffix.lower(), output.with_suffix(".json")
    places = [output, beside]
    try:
        beside.write_text(as_text(document.record) + "\n", encoding="utf-8")
        if form in (".tex", ".md"):
            for picture in document.pictures():
                place = output.with_name(f"{output.stem}-{picture.name}.{'svg' if form == '.md' else 'pdf'}")
                place.write_bytes(picture.svg.encode() if form == ".md" else picture.pdf)
                places.append(place)
        if form == ".pdf":
            pdf, complaints = pdf_document(document)
            output.write_bytes(pdf)
            for complaint in complaints[:5]:
                click.echo(f"LaTeX complains: {complaint}", err=True)
            return places
        write = {".html": html_document, ".md": markdown_document, ".tex": tex_document}[form]
        prefix = {} if form == ".html" else {"prefix": f"{output.stem}-"}
        output.write_text(write(document, **prefix), encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"cannot write {output}: {error.strerror}") from error
    return places


def as_text(record: Any) -> str:
    return json.dumps(record, ensure_ascii=False, indent=2, default=str)


def said(found: Any) -> str:
    """What does not hold, and how many proofs do."""
    bad = [outcome for outcome in found.outcomes if not outcome.good]
    lines = [f"{o.file}:{o.line} {o.name}: {o.outcome}: {o.message.splitlines()[0]}" for o in bad]
    good = sum(o.outcome == "holds" for o in found.outcomes)
    rest = [f"{n} {kind}" for kind in ("open", "skipped") if (n := sum(o.outcome == kind for o in found.outcomes))]
    return "\n".join([*lines, ", ".join([f"{good} of {len(found.outcomes)} proofs hold", *rest])])
