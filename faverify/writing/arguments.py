"""Arguments line by line: each with its relation and its reason, as text and LaTeX."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .letters import matrix_lines
from .notation import text_name

READ = {"decays": "≤ e^(−ct) times its value at the start, c =", "falls": "never rises; it falls at the rate"}


def argument_lines(argument: Any) -> Iterator[tuple[str, str, str, str]]:
    """(left, relation, right, reason) of each line, as text."""
    yield from map(told, argument.lines)


def told(line: Any) -> tuple[str, str, str, str]:
    left, right = (matrix_lines(word)[0] for word in (line.left, line.right))
    return left, READ.get(line.relation, line.relation), right, line.reason


def argument_text(argument: Any) -> str:
    """What moves and how, the hypotheses, the laws that are used, and the lines."""
    lines = [f"  d/dt {text_name(n)} = {matrix_lines(w)[0]}" for n, w in argument.moves.items() if n != "e"]
    lines += [f"  law: {law.statement}" for law in argument.laws]
    known = {line.reason for line in argument.given}
    lines += [f"  given: {text}" for text in argument.assumed if text not in known]
    lines += [
        f"  given: {left} {relation} {right}  ({reason})" for left, relation, right, reason in map(told, argument.given)
    ]
    for left, relation, right, reason in argument_lines(argument):
        lines += [f"  {left}", f"    {relation} {right}", f"      ({reason})"]
    return "\n".join(lines)
