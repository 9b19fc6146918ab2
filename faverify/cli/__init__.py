"""The `faverify` command. Exit codes: 0 holds, 1 does not, 2 misuse, 3 undecided, 70 a fault of faverify itself."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ..errors import FaverifyError, ShapeError, Undecidable, UnsupportedOperation
from . import completing
from .auditing import audit
from .certifying import certify
from .completing import Named
from .enclosing import enclose
from .entrance import Group, exit_codes, version_option
from .experimenting import experiment
from .listing import as_record, listing, table
from .plotting import plot
from .rechecking import recheck
from .reporting import report
from .subjects import found_law, found_network, found_rule, guarded
from .sweeping import replay, sweep
from .watching import coloured, progress_bar, watched

CODES = {"proved": 0, "refuted": 1, "undecided": 3}
FILES = "RULE and LAW are library names (kebab, snake or class) or FILE.py:NAME; naming a file runs it."
FORMATS = ["text", "latex", "coq", "lean"]  # methods of a derivation
LINE = 100  # characters of a rate in a table; the verdict of one law shows it whole
PATIENCE = 120.0  # seconds; all of the library's rules take under one


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@version_option
def main() -> None:
    """Prove or refute conservation laws of learning rules that do not back-propagate.

    A first example: is ½‖W_l‖² − ⟨W_{l+1}, B_{l+1}⟩ constant along feedback alignment, at every width and depth?

    \b
        faverify check feedback-alignment --law feedback-balance
        faverify check feedback-alignment --law balancedness      # refuted, with numbers to check by hand

    Then a rule of your own: a file with a class of a few lines (faverify init . writes one to start from).

    \b
        faverify check my_rule.py:MyRule                          # which laws hold, and which is its own
        faverify derive feedback-balance my_rule.py:MyRule --format latex -o derivation.tex
        faverify discover my_rule.py:MyRule --widths 2,2,1

    Next: faverify COMMAND --help; faverify list rules; the README's "A new learning rule in a minute"; the scripts in
    examples/, and proofs/, the manual by example. Every command takes --json.

    The shell completes commands and names once this is in its start-up file:

    \b
        eval "$(_FAVERIFY_COMPLETE=bash_source faverify)"         # ~/.bashrc
        eval "$(_FAVERIFY_COMPLETE=zsh_source faverify)"          # ~/.zshrc
        _FAVERIFY_COMPLETE=fish_source faverify | source          # ~/.config/fish/config.fish
    """


main.epilog = exit_codes()
main.add_command(audit)
main.add_command(certify)
main.add_command(enclose)
main.add_command(recheck)
main.add_command(sweep)
main.add_command(replay)
main.add_command(experiment)
main.add_command(listing)
main.add_command(plot)
main.add_command(report)


@dataclass(frozen=True)
class Asked:
    """What the options of a question say."""

    widths: str | None
    network: str | None
    activation: str | None
    bias: bool
    layer: str | None
    assume: tuple[str, ...]
    budget: float
    time_limit: float
    as_json: bool

    @property
    def net(self) -> Any:
        """The network, or None for all of them."""
        if self.network is not None and (self.widths is not None or self.bias):
            raise click.UsageError("--network brings its own widths and biases: leave --widths and --bias out")
        if self.network is not None:
            return found_network(self.network)
        return None if self.widths is None else chain(self.widths, self.activation, self.bias)

    def verdict(self, law: Any, rule: Any, layer: int | None = None) -> Any:
        from ..proving.check import check as settle

        asked: Any = self.layer if layer is None else layer
        asked = int(asked) if re.fullmatch(r"-?\d+", str(asked)) else asked
        options: dict[str, Any] = {} if self.widths is not None else {"activation": self.activation, "bias": self.bias}
        return settle(law, rule, self.net, layer=asked, assume=self.assume, budget=self.budget, **options)


def chain(widths: str, activation: str | None, bias: bool = False) -> Any:
    from .. import MLP

    try:
        sizes = tuple(int(part) for part in widths.split(","))
    except ValueError as error:
        raise click.BadParameter(
            f"{widths!r}: write whole numbers with commas, such as 3,4,1", param_hint="--widths"
        ) from error
    return MLP(sizes, activation or "relu", bias)


def question_options(command: Any) -> Any:
    """The options of a question, gathered in one argument."""

    @functools.wraps(command)
    def gathered(**options: Any) -> Any:
        asked = Asked(**{name: options.pop(name) for name in Asked.__dataclass_fields__})
        return command(asked=asked, **options)

    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print a record for machines."),
        click.option(
            "--time-limit", type=float, default=PATIENCE, show_default=True, help="Seconds for a rule's own code."
        ),
        click.option("--budget", type=float, default=60, show_default=True, help="Seconds to search for a witness."),
        click.option(
            "--assume",
            multiple=True,
            help="A hypothesis, such as squared-loss; may be repeated.",
            shell_complete=completing.assumptions,
        ),
        click.option("--layer", help="1 … L−1, −1 for the last hidden layer, or a name; all of them if left out."),
        click.option("--bias", is_flag=True, help="Train biases as well."),
        click.option(
            "--activation",
            help="relu, tanh, power-3, …; without widths, every φ with φ = hφ′ if left out.",
            shell_complete=completing.activations,
        ),
        click.option(
            "--network",
            help="A network of the library, such as residual, or FILE.py:NAME; else chains.",
            shell_complete=completing.networks,
        ),
        click.option("--widths", help="n_0,…,n_L such as 3,4,1; all widths and depths if left out."),
    ):
        gathered = option(gathered)
    return gathered


@main.command(epilog=FILES)
@click.argument("rule", shell_complete=completing.rules)
@click.option("--law", help="The law to check; each law of the library if left out.", shell_complete=completing.laws)
@question_options
def check(rule: str, law: str | None, asked: Asked) -> None:
    """Settle whether LAW holds along RULE's flow; without it, which of the library's laws do, and the rule's own."""
    with guarded(asked.time_limit, rule):
        if law is None:
            with progress_bar(f"laws along {rule}") as tell:
                text, code = every_law(found_rule(rule), asked, tell)
        else:
            with watched(f"checking {law} along {rule}"):
                verdict = asked.verdict(found_law(law), found_rule(rule))
            text, code = as_record(verdict.to_dict()) if asked.as_json else str(verdict), CODES[verdict.kind]
    click.echo(text if asked.as_json else coloured(text))
    sys.exit(code)


def every_law(rule: Any, asked: Asked, tell: Callable[[int, int, int], None] | None = None) -> tuple[str, int]:
    """Every law of the library that conforms, what dQ/dt is where one fails, and the law that belongs to the rule."""
    from ..model import laws
    from ..proving.potentials import law_of

    found: list[tuple[str, Any]] = []
    of_network = asked.network is not None
    candidates = laws.TOTALS if of_network else laws.LIBRARY
    for count, (name, law) in enumerate(candidates.items()):
        if tell:
            tell(count, len(candidates), 0)
        if name.endswith("-bias") != asked.bias and name.removesuffix("-bias") + "-bias" * asked.bias in laws.LIBRARY:
            continue
        for layer in (None,) if of_network else (None, -1):
            try:
                found.append((name, asked.verdict(law, rule, layer)))
                break
            except (ShapeError, UnsupportedOperation) as error:
                if layer == -1 or asked.layer is not None or of_network:
                    found.append((name, error))
                    break
    verdicts = [v for _, v in found if not isinstance(v, Exception)]
    if found and not verdicts:
        raise found[0][1]  # no law conforms, so it is the rule that does not
    given = asked.widths is not None or of_network
    own = None if given else law_of(rule, activation=asked.activation, bias=asked.bias, budget=asked.budget)
    others = [] if given else unlisted(rule, asked)
    code = 3 if any(v.kind == "undecided" for v in verdicts) else 0
    if asked.as_json:
        records = [
            {"law": name, "verdict": None, "reason": str(v)} if isinstance(v, Exception) else v.to_dict()
            for name, v in found
        ]
        record = {"schema": 1, "laws": records, "law_of_the_rule": None if own is None else own.to_dict()}
        record["found_besides"] = [law.to_dict() for law in others]
        return as_record(record), code
    order = sorted(verdicts, key=lambda v: list(CODES).index(v.kind))
    rows = [(v.law, v.kind, where(v), told(v)) for v in order]
    lines = [table(("law", "verdict", "where", "how; or what dQ/dt is, and a witness"), rows)]
    misfits = [name for name, v in found if isinstance(v, Exception)]
    lines += [f"do not conform: {', '.join(misfits)}"] if misfits else []
    lines += [] if own is None else [f"\nthe law of this rule: {own}"]
    for law in others:
        lines.append(f"found besides: {law.text}: proved{'' if law.layer is None else ', last hidden layer'}")
    return "\n".join(lines), code


def unlisted(rule: Any, asked: Asked) -> list[Any]:
    """Laws for all widths that discovery finds and the library does not list."""
    from ..discovery.search import discover as find

    try:
        found = find(rule, activation=asked.activation, bias=asked.bias)
    except (FaverifyError, Undecidable):
        return []
    return [law for law in found.laws if law.kind == "new"]


def where(verdict: Any) -> str:
    if verdict.question.law.grouped and verdict.layers:
        kinds = {kind: [str(k) for k, part in verdict.layers.items() if part.kind == kind] for kind in CODES}
        held = kinds["proved"]
        return "every group" if len(held) == len(verdict.layers) else f"holds at {', '.join(held) or 'none'}"
    return "every layer" if verdict.scope.layers.startswith("all") else str(verdict.scope.layers)


def told(verdict: Any) -> str:
    """How a law was settled, in a line."""
    from ..proving.increments import gain_of

    if verdict.kind == "proved":
        gain = gain_of(verdict.question)
        return str(verdict.note or verdict.how) + (f"; one step adds {gain}" if gain else "")
    if verdict.witness is None:
        return str(verdict.tried[-1] if verdict.tried else verdict.how)
    witness = verdict.witness
    rate = witness.rate if not isinstance(witness.rate, tuple) else f"{witness.rate[0][:12]}…"
    shown = f"{witness.network or '-'.join(map(str, witness.widths))}, φ = {witness.activation}: {rate}"
    finding = verdict.finding
    return f"{finding['text']}; {shown}" if finding and len(finding["text"]) <= LINE else shown


@main.command(epilog=FILES)
@click.argument("rule", shell_complete=completing.rules)
@click.option("--widths", help="n_0,…,n_L such as 2,2,1; without them, laws for all widths and depths.")
@click.option("--activation", help="relu, linear, …")
@click.option("--bias", is_flag=True, help="Train biases as well.")
@click.option("--degree", type=int, default=2, show_default=True, help="The highest degree of the laws.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the feedback that is drawn.")
@click.option("--budget", type=float, help="Seconds; what is certified by then is kept.")
@click.option("--time-limit", type=float, default=PATIENCE, show_default=True, help="Seconds for a first run.")
@click.option("--json", "as_json", is_flag=True, help="Print a record for machines.")
def discover(
    rule: str,
    widths: str | None,
    activation: str | None,
    bias: bool,
    degree: int,
    seed: int,
    budget: float | None,
    time_limit: float,
    **flags: bool,
) -> None:
    """Find every polynomial law of RULE, and whether there can be more. Exit code 3: not shown to be all."""
    from ..discovery.search import discover as find

    settle = functools.partial(find, degree=degree, activation=activation, bias=bias)
    if widths is not None:
        settle = functools.partial(find, net=chain(widths, activation, bias), degree=degree, seed=seed)
    with watched(f"laws of {rule} (Ctrl-C keeps what is certified)"):
        with guarded(time_limit, rule):  # code that loops does so at its first run
            subject = found_rule(rule)
            found = settle(subject, budget=0)
        if widths is not None:
            with guarded(0, rule):
                found = settle(subject, budget=budget)
    click.echo(as_record(found.to_dict()) if flags["as_json"] else str(found))
    sys.exit(0 if found.complete else 3)


@main.command(epilog=FILES)
@click.argument("law", shell_complete=completing.laws)
@click.argument("rule", shell_complete=completing.rules)
@click.option("--format", "form", type=Named("format", FORMATS), default="text", show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@question_options
def derive(law: str, rule: str, form: str, output: Path | None, asked: Asked) -> None:
    """Print the derivation of LAW along RULE, or the worked counterexample.

    As coq, a certificate that coqc checks; as lean, at given widths, text that nobody has checked.
    """
    from ..writing.nodes import Uncovered

    with guarded(asked.time_limit, rule), watched(f"deriving {law} along {rule}"):
        verdict = asked.verdict(found_law(law), found_rule(rule))
        try:
            written = getattr(verdict.derivation, form)()
        except Uncovered as event:
            click.echo(f"not certified: {event.reason}", err=True)
            sys.exit(3)
    if asked.as_json:
        written = as_record({"verdict": verdict.to_dict(), "derivation": written})
    if output is None:
        click.echo(written)
    else:
        try:
            output.write_text(written + "\n", encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"cannot write {output}: {error.strerror}") from error
    sys.exit(CODES[verdict.kind])


@main.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--rule", help="FILE.py:NAME, your rule; a rule to be changed if left out. Naming a file runs it.")
@click.option("--json", "as_json", is_flag=True, help="Print a record for machines.")
def init(directory: Path, rule: str | None, as_json: bool) -> None:
    """Write a small proofs/ folder into DIRECTORY, ready for `pytest proofs/`."""
    from ..scaffold import scaffold

    with guarded(PATIENCE, rule or "init"), watched(f"settling the laws of {rule}" if rule else "writing"):
        paths = list(scaffold(directory, rule))
    if as_json:
        click.echo(as_record({"schema": 1, "written": [str(path) for path in paths]}))
        return
    for path in paths:
        click.echo(f"wrote {path}")
    click.echo("now run: pytest proofs/")
