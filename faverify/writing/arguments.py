"""Arguments line by line: each with its relation and its reason, as text and LaTeX."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .letters import matrix_lines

READ = {"decays": "≤ e^(−ct) times its value at the start, c =", "falls": "never rises; it falls at the rate"}


def argument_lines(argument: Any) -> Iterator[tuple[str, str, str, str]]:
    """(left, relation, right, reason) of each line, as text."""
    for line in argument.lines:
        left, right = (matrix_lines(word)[0] for word in (line.left, line.right))
        yield left, READ.get(line.relation, line.relation), right, line.reason


def argument_text(argument: Any) -> str:
    """The hypotheses, the laws that are used, and the lines."""
    lines = [f"  given: {text}" for text in argument.assumed]
    lines += [f"  law: {law.statement}" for law in argument.laws]
    for left, relation, right, reason in argument_lines(argument):
        lines += [f"  {left}", f"    {relation} {right}", f"      ({reason})"]
    return "\n".join(lines)
