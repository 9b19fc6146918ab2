"""Identities that somebody derived with SymPy alone: proved by expansion, with the scope that they state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import ExactnessError, Misuse
from .verdicts import Proved, Scope, Undecided, Verdict


def prove_zero(expressions: Iterable[Any], *, law: str, rule: str, statement: str, scope: Scope) -> Verdict:
    """Proved if every SymPy expression expands to 0, else Undecided with the first that does not.

    The scope is the author's: what the symbols stand for is said by the file that made them.
    """
    import sympy

    found = [sympy.sympify(expression) for expression in expressions]
    if not found:
        raise Misuse("expressions", found, "at least one expression")
    for expression in found:
        if expression.has(sympy.Float):
            raise ExactnessError(next(iter(expression.atoms(sympy.Float))), "an identity")
    left = next((e for e in map(sympy.expand, found) if e != 0), None)
    if left is None:
        return Proved(law, rule, statement, scope, f"SymPy, expansion of {len(found)} expressions")
    return Undecided(law, rule, statement, scope, "SymPy", tried=(f"expansion: {left} is left",))
