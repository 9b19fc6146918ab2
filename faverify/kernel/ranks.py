"""Ranks of matrices of whole numbers, exactly, and what a rank at one point says of all but few points.

Entries that are polynomials in some letters have a minor that is a polynomial, too. Where it is not 0 at one choice of
the letters it is no zero polynomial, and vanishes on a set of measure 0 only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .verdicts import Proved, Scope, Undecided, Verdict


@dataclass(frozen=True)
class Minor:
    """A minor that is not 0: the columns whose entries, in the rows at hand, have this determinant up to sign."""

    columns: tuple[int, ...]
    value: int

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "minor", "columns": list(self.columns), "value": str(self.value)}

    def __str__(self) -> str:
        size, digits = len(self.columns), str(abs(self.value))
        short = digits if len(digits) <= 30 else f"{digits[:12]}… ({len(digits)} digits)"
        places = ", ".join(map(str, self.columns[:12])) + (", …" if size > 12 else "")
        return f"the minor of {size} rows and the columns {places} is ±{short}, and not 0"


def greatest_minor(rows: Sequence[Sequence[int]]) -> Minor:
    """A minor of as many rows as the rank is, by elimination without fractions (Bareiss 1968)."""
    left = [[_whole(v) for v in row] for row in rows]
    columns: list[int] = []
    last = 1
    for column in range(len(left[0]) if left else 0):
        found = len(columns)
        pivot = next((k for k in range(found, len(left)) if left[k][column]), None)
        if pivot is None:
            continue
        left[found], left[pivot] = left[pivot], left[found]
        top = left[found]
        for k in range(found + 1, len(left)):
            head = left[k][column]
            left[k] = [(top[column] * v - head * u) // last for u, v in zip(top, left[k], strict=True)]
        columns.append(column)
        last = top[column]
    return Minor(tuple(columns), last)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{value!r} is no whole number")
    return value


def generically_independent(rows: Sequence[Sequence[int]], statement: str, rule: str, scope: Scope) -> Verdict:
    """Proved: rows that are linearly independent at this choice of letters are so at all but a set of measure 0.

    The rows must be polynomials in letters that may be chosen freely; which they are, `statement` and `scope` say.
    Undecided where the rows depend on each other: at this choice, which may be a special one.
    """
    minor = greatest_minor(rows)
    found = len(minor.columns)
    if not rows or found < len(rows):
        why = f"at the choice that was tried {len(rows)} rows have rank {found}"
        return Undecided("independence", rule, statement, scope, "an exact rank", tried=(why,))
    how = f"a minor of {found} × {found} whole numbers that is not 0"
    return Proved("independence", rule, statement, scope, how, witness=minor)
