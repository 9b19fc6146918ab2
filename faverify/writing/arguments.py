"""Arguments line by line: each with its relation and its reason, as text and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..presenting import value_text
from .latex import plain
from .letters import matrix_lines
from .notation import latex_name, text_name

LATEX = {
    "=": "=",
    "≥": r"\ge",
    ">": ">",
    "decays": r"\le e^{-ct}\,(\cdot)(0),\quad c =",
    "moves": r"\text{ moves at the rate }",
    "falls": r"\searrow,\quad -\tfrac{d}{dt} =",
}
READ = {
    "moves": "moves at the rate",
    "decays": "≤ e^(−ct) times its value at the start, c =",
    "falls": "never rises; it falls at the rate",
}


def argument_lines(argument: Any) -> tuple[list[tuple[str, str, str, str]], list[tuple[str, str, str, str]]]:
    """(left, relation, right, reason) of each line, and of all that is given, velocities first, as text."""
    return [told(line) for line in argument.lines], [*velocities(argument), *map(told, argument.given)]


def velocities(argument: Any) -> list[tuple[str, str, str, str]]:
    """The velocities that a flow gives; those that were supposed are among the hypotheses."""
    supposed = {name for line in argument.given if line.relation == "moves" for name in line.left.names()}
    moves = {name: rate for name, rate in argument.moves.items() if name not in supposed}
    return [(f"d/dt {text_name(name)}", "=", matrix_lines(rate)[0], "the rule") for name, rate in moves.items()]


def told(line: Any) -> tuple[str, str, str, str]:
    left, right = (matrix_lines(word)[0] for word in (line.left, line.right))
    return left, READ.get(line.relation, line.relation), right, line.reason


def argument_text(argument: Any) -> str:
    """What moves and how, the hypotheses, the laws that are used, and the lines."""
    shown, given = argument_lines(argument)
    lines = [f"  law: {law.statement}, along {law.rule}" for law in argument.laws]
    known = {line.reason for line in argument.given}
    lines += [f"  given: {text}" for text in argument.assumed if text not in known]
    for left, relation, right, reason in given:
        lines.append(f"  given: {left} {relation} {right}  ({reason})")
    for left, relation, right, reason in shown:
        lines += [f"  {left}", f"    {relation} {right}", f"      ({reason})"]
    return "\n".join(lines)


def told_lines(witness: Any, kind: str) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """Headings and (reason, text, LaTeX) of the lines of an argument, or of a closed form as it prints itself."""
    if not hasattr(witness, "lines"):
        heading = "Certificate" if kind == "proved" else "Counterexample"
        if hasattr(witness, "stated"):
            yield (
                heading,
                [
                    (what, f"{name} = {value_text(value)}", value_latex(name, value))
                    for what, name, value in witness.stated()
                ],
            )
            return
        yield heading, [("", line.strip(), "") for line in str(witness).splitlines()]
        return
    given = [(f"law, along {law.rule}", law.statement, "") for law in witness.laws]
    given += [(reason, f"{left} {relation} {right}", "") for left, relation, right, reason in velocities(witness)]
    given += [row(line) for line in witness.given]
    if given:
        yield "What is given", given
    yield "Argument", [row(line) for line in witness.lines]


def value_latex(name: str, value: Any) -> str:
    """name = value, for a number, an expression of SymPy, or a matrix as rows of them."""
    from sympy import latex, sympify

    if isinstance(value, (list, tuple)):
        cells = [" & ".join(latex(sympify(v)) for v in row) for row in value]
        body = (
            latex(sympify(value[0][0]))
            if len(value) == len(value[0]) == 1
            else (r"\begin{pmatrix} " + r" \\ ".join(cells) + r" \end{pmatrix}")
        )
    else:
        body = latex(sympify(value))
    if found := re.fullmatch(r"([^\W\d_]\d*)(\([st]\))?", name):
        return f"{latex_name(found[1])}{found[2] or ''} = {body}"
    return rf"\frac{{ds}}{{dt}} = {body}" if name == "ds/dt" else rf"\text{{{plain(name)}}} = {body}"


def row(line: Any) -> tuple[str, str, str]:
    left, relation, right, reason = told(line)
    latex = [matrix_lines(word)[1] for word in (line.left, line.right)]
    return reason, f"{left} {relation} {right}", f"{latex[0]} {LATEX[line.relation]} {latex[1]}"
