"""The `faverify` command. Exit codes: 0 holds, 1 does not, 2 misuse, 3 undecided, 70 a fault of faverify itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from .errors import FaverifyError, Undecidable

CODES = {"proved": 0, "refuted": 1, "undecided": 3}
FILES = "RULE and LAW are library names (kebab, snake or class) or FILE.py:NAME; naming a file runs it."


class Command(click.Group):
    """Errors of users are told in one paragraph; a fault of ours names itself; neither shows a traceback."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **{**kwargs, "standalone_mode": False}) or sys.exit(0)
        except click.ClickException as error:
            error.show()
            sys.exit(2)
        except (click.Abort, KeyboardInterrupt):
            click.echo("interrupted", err=True)
            sys.exit(3)
        except FaverifyError as error:
            notes = "".join(f"\n  {note}" for note in getattr(error, "__notes__", ()))
            click.echo(f"error: {error}{notes}", err=True)
            sys.exit(2)
        except Undecidable as question:
            click.echo(f"error: {question.line} asks for {question.question}", err=True)
            sys.exit(2)
        except BrokenPipeError:
            sys.stderr.close()
            sys.exit(0)
        except OSError as error:
            click.echo(f"error: {error.strerror}", err=True)
            sys.exit(2)
        except click.exceptions.Exit as stop:
            sys.exit(stop.exit_code)
        except Exception as error:
            click.echo(f"faverify failed: {type(error).__name__}: {error}. This is a fault of faverify.", err=True)
            sys.exit(70)


@click.group(cls=Command, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="faverify")
def main() -> None:
    """Prove or refute conservation laws of learning rules.

    \b
    faverify check feedback-alignment --law feedback-balance
    faverify check my_rule.py:MyRule --law feedback-balance --widths 3,4,1
    faverify derive feedback-balance feedback-alignment --format latex
    faverify list laws
    """


def question_options(command: Any) -> Any:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print a record for machines."),
        click.option("--layer", type=int, help="1 … L−1, or −1 for the last hidden layer; all of them if left out."),
        click.option("--bias", is_flag=True, help="Train biases as well."),
        click.option("--activation", help="relu, tanh, power-3, …; without widths, every φ with φ = hφ′ if left out."),
        click.option("--widths", help="n_0,…,n_L such as 3,4,1; all widths and depths if left out."),
    ):
        command = option(command)
    return command


@main.command(epilog=FILES)
@click.argument("rule")
@click.option("--law", help="The law to check; each law of the library if left out.")
@click.option("--budget", type=float, default=60, show_default=True, help="Seconds for the search for a witness.")
@question_options
def check(
    rule: str,
    law: str | None,
    budget: float,
    widths: str | None,
    activation: str | None,
    bias: bool,
    layer: int | None,
    as_json: bool,
) -> None:
    """Settle whether LAW holds along RULE's flow."""
    from .model import laws

    subject = found_rule(rule)
    if law is not None:
        verdict = ask(found_law(law), subject, widths, activation, bias, layer, budget)
        click.echo(json.dumps(verdict.to_dict(), ensure_ascii=False, indent=2) if as_json else str(verdict))
        sys.exit(CODES[verdict.kind])
    verdicts = []
    for name, candidate in laws.LIBRARY.items():
        if name.endswith("-bias") == bias:
            try:
                verdicts.append(ask(candidate, subject, widths, activation, bias, layer, budget))
            except FaverifyError as error:
                verdicts.append((name, error))
    report(verdicts, as_json)


def report(verdicts: list[Any], as_json: bool) -> None:
    """A table of the library's laws: what each is, and where it does not even conform."""
    from .errors import ShapeError

    found = [v for v in verdicts if not isinstance(v, tuple)]
    misfits = [pair for pair in verdicts if isinstance(pair, tuple)]
    for _, error in misfits:
        if not isinstance(error, ShapeError):
            raise error
    if as_json:
        records = [v.to_dict() for v in found] + [{"law": n, "verdict": None, "reason": str(e)} for n, e in misfits]
        click.echo(json.dumps(records, ensure_ascii=False, indent=2))
    else:
        rows = [(v.law, v.kind, v.note or (str(v.witness.rate) if v.witness else v.how)) for v in found]
        rows += [(name, "ill-shaped", str(error)) for name, error in misfits]
        table(("law", "verdict", "rate of the witness, or how"), rows)
    sys.exit(3 if any(v.kind == "undecided" for v in found) else 0)


@main.command(epilog=FILES)
@click.argument("law")
@click.argument("rule")
@click.option("--format", "form", type=click.Choice(["text", "latex"]), default="text", show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@question_options
def derive(
    law: str,
    rule: str,
    form: str,
    output: Path | None,
    widths: str | None,
    activation: str | None,
    bias: bool,
    layer: int | None,
    as_json: bool,
) -> None:
    """Print the derivation of LAW along RULE, or the worked counterexample."""
    verdict = ask(found_law(law), found_rule(rule), widths, activation, bias, layer, 60)
    written = verdict.derivation.latex() if form == "latex" else verdict.derivation.text()
    if as_json:
        written = json.dumps({"verdict": verdict.to_dict(), "derivation": written}, ensure_ascii=False, indent=2)
    if output is None:
        click.echo(written)
    else:
        try:
            output.write_text(written + "\n", encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"cannot write {output}: {error.strerror}") from error
    sys.exit(CODES[verdict.kind])


@main.command("list")
@click.argument("what", type=click.Choice(["rules", "laws", "claims", "activations"]))
@click.option("--json", "as_json", is_flag=True, help="Print a record for machines.")
def listing(what: str, as_json: bool) -> None:
    """List what the library knows."""
    from .claims import REGISTRY
    from .model import activations, laws, rules

    rows: list[Any] = {
        "rules": [(name, (cls.__doc__ or "").splitlines()[0]) for name, cls in rules.LIBRARY.items()],
        "laws": [(name, law.statement, law.source) for name, law in laws.LIBRARY.items()],
        "claims": [(c.id, c.status, c.statement, c.source) for c in REGISTRY.values()],
        "activations": [
            (name, "" if a.degree is None else f"h φ′ = {a.degree} φ") for name, a in activations.LIBRARY.items()
        ],
    }[what]  # type: ignore[assignment]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        table(("name", *("status",) * (what == "claims"), "meaning", "source")[: len(rows[0])], rows)


def table(columns: tuple[str, ...], rows: list[Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table(box=None, pad_edge=False)
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*(cell.replace("[", r"\[") for cell in row))
    Console().print(shown)


def ask(
    law: Any, rule: Any, widths: str | None, activation: str | None, bias: bool, layer: int | None, budget: float
) -> Any:
    """The verdict for the command line's words."""
    from . import MLP
    from .proving.check import check as settle

    if widths is None:
        return settle(law, rule, layer=layer, activation=activation, bias=bias, budget=budget)
    try:
        sizes = tuple(int(part) for part in widths.split(","))
    except ValueError as error:
        raise click.BadParameter(
            f"{widths!r}: write whole numbers with commas, such as 3,4,1", param_hint="--widths"
        ) from error
    return settle(law, rule, MLP(sizes, activation or "relu", bias), layer=layer, budget=budget)


def found_rule(name: str) -> Any:
    """A rule of the library, or NAME in a file: a class without arguments, or an instance."""
    from .model.names import rule_named

    found = from_file(name) if ".py" in name else rule_named(name)
    if not isinstance(found, type):
        return found
    try:
        return found()
    except (Exception, SystemExit, Undecidable) as error:
        raise click.ClickException(
            f"{name}() failed: {type(error).__name__}: {error}; give its fields defaults"
        ) from error


def found_law(name: str) -> Any:
    from .model.names import law_named

    return from_file(name) if ".py" in name else law_named(name)


def from_file(name: str) -> Any:
    """NAME of FILE.py:NAME, after running the file."""
    import importlib.util

    path, _, attribute = name.rpartition(":")
    file = Path(path or attribute)
    if not path or not attribute.isidentifier():
        raise click.ClickException(f"{name!r}: write FILE.py:NAME")
    if not file.is_file():
        raise click.ClickException(f"there is no file {file}")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise click.ClickException(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(file.stem, module)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit, Undecidable) as error:
        line = next((f"line {e.lineno}" for e in trace(error) if Path(e.filename) == file), "")
        raise click.ClickException(f"{file} failed when run, {line}: {type(error).__name__}: {error}") from error
    if not hasattr(module, attribute):
        import difflib

        near = difflib.get_close_matches(attribute, vars(module), n=1)
        raise click.ClickException(f"{file} has no {attribute!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    return getattr(module, attribute)


def trace(error: BaseException) -> list[Any]:
    import traceback

    return list(reversed(traceback.extract_tb(error.__traceback__)))


if __name__ == "__main__":
    main()
