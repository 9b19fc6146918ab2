"""The entrance of the command line: help that teaches, exit codes, versions, and errors without a traceback."""

from __future__ import annotations

import difflib
import platform
import sys
from typing import Any

import click

from ..errors import FaverifyError, Undecidable

SECTIONS = {
    "Settle a law": {
        "check": "Which laws hold along a rule's flow, or whether one does.",
        "derive": "The derivation or counterexample: text, LaTeX, Coq, Lean.",
        "discover": "Every polynomial law of a rule, and whether there can be more.",
        "recheck": "The witness in a verdict's record, by independent code.",
    },
    "Look at flows": {
        "audit": "What is guaranteed of a start of yours, and what to change.",
        "enclose": "A proof for one trajectory: bounds over all of [0, t].",
        "plot": "Drift, alignment, convergence, phases: PDF, SVG or PNG.",
        "experiment": "The experiments of the papers, by name.",
        "sweep": "A claim at thousands of random cases, resumable.",
        "replay": "A case of a sweep that did not hold, again.",
    },
    "Write and publish": {
        "init": "A proofs/ folder for your rule, ready for pytest proofs/.",
        "report": "A folder of proofs as one PDF, LaTeX, HTML or Markdown file.",
        "certify": "Coq certificates of a folder of proofs, checked by coqc.",
    },
    "Find names": {"list": "Rules, laws, networks, claims, experiments, and more."},
}
GENERAL = {0: "it holds", 1: "it does not", 2: "misuse, or a file of yours that fails", 3: "undecided or incomplete"}
GENERAL[70] = "a fault of faverify"
HOLDS = {True: 0, False: 1, None: 3}  # the code of an answer that is yes, no, or neither
MEANINGS: dict[str, dict[int, Any]] = {  # where a command's own are more exact
    "check": {0: "proved; without --law, every law is settled", 1: "refuted", 3: "undecided"},
    "derive": {0: "proved", 1: "refuted", 3: "undecided, or without a certificate"},
    "discover": {0: "shown to be all laws", 1: None, 3: "not shown to be all"},
    "recheck": {0: "every witness holds", 1: "one does not", 3: "there is no witness to recheck"},
    "enclose": {0: "enclosed up to t", 1: None, 3: "the enclosure ends earlier"},
    "plot": {0: "drawn", 1: None, 3: None},
    "init": {0: "written", 1: None, 3: None},
    "list": {0: "listed", 1: None, 3: None},
}
LIBRARIES = ("numpy", "sympy", "mpmath", "python-flint", "click", "rich", "threadpoolctl")
OPTIONAL = ("matplotlib", "latex2mathml", "hypothesis", "scikit-learn", "dask", "torch")
PROGRAMS = {"coqc": "checks certificates", "pdflatex": "writes PDF reports"}


class Group(click.Group):
    """Errors of users are told in one paragraph; a fault of ours names itself; neither shows a traceback."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        kwargs = {"prog_name": "faverify", **kwargs, "standalone_mode": False}
        try:
            return super().main(*args, **kwargs) or sys.exit(0)
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
        except UnicodeEncodeError as error:
            sign = ascii(error.object[error.start])
            click.echo(f"error: the output is {error.encoding}, without {sign}; set PYTHONIOENCODING=utf-8", err=True)
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

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """The command, or the nearest one to what was written."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            near = difflib.get_close_matches(name.lower(), self.commands, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known are: {', '.join(sorted(self.commands))}"
            ctx.fail(f"No such command {name!r}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands by what they are for, a line each."""
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()), col_max=12)

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """A command, whose help says its exit codes."""
        super().add_command(cmd, name)
        codes = exit_codes(name or cmd.name or "")
        cmd.epilog = f"{cmd.epilog}\n\n{codes}" if cmd.epilog else codes


def exit_codes(name: str = "") -> str:
    meanings: dict[int, Any] = {**GENERAL, **MEANINGS.get(name, {})}
    return "Exit codes: " + "; ".join(f"{code}: {text}" for code, text in meanings.items() if text) + "."


def versions() -> str:
    """faverify and all that its answers rest on, as far as it is installed."""
    import shutil
    from importlib.metadata import PackageNotFoundError, version

    from .. import __version__

    def found(names: tuple[str, ...]) -> dict[str, str | None]:
        known: dict[str, str | None] = {}
        for name in names:
            try:
                known[name] = version(name)
            except PackageNotFoundError:
                known[name] = None
        return known

    needed, optional = found(LIBRARIES), found(OPTIONAL)
    lines = [f"faverify {__version__}", f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"]
    lines.append(", ".join(f"{name} {number or 'not installed'}" for name, number in needed.items()))
    lines.append("optional: " + ", ".join(f"{name} {number or '–'}" for name, number in optional.items()))
    programs = [f"{name} {'found' if shutil.which(name) else 'not found'}: {what}" for name, what in PROGRAMS.items()]
    return "\n".join([*lines, "programs: " + "; ".join(programs)])


def version_option(command: Any) -> Any:
    """--version: faverify, Python, and the libraries that answers rest on."""

    def shown(context: click.Context, parameter: click.Parameter, value: bool) -> None:
        if value and not context.resilient_parsing:
            click.echo(versions())
            context.exit()

    return click.option(
        "--version", is_flag=True, is_eager=True, expose_value=False, callback=shown, help="Versions of what matters."
    )(command)
