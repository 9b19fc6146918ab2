"""What an audit finds: hypotheses that hold or fail, what follows, and what does not; each with its numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from .rationals import Number

GOALS = {
    "alignment": "the alignment ⟨W_{l+1}(t), B_{l+1}⟩ stays positive",
    "descent": "the loss never rises",
    "rate": "the residual decays exponentially",
    "convergence": "the flow exists for all t ≥ 0 and tends to least squares",
    "minimum norm": "the limit is the solution of least norm",
}


@dataclass(frozen=True)
class Finding:
    """A statement about a problem, by the id of MATH's claim that it belongs to; `goal` is one of GOALS or empty."""

    id: str
    statement: str
    numbers: dict[str, Number] = field(default_factory=dict)
    goal: str = ""

    def to_dict(self) -> dict[str, Any]:
        numbers = {name: number.to_dict() for name, number in self.numbers.items()}
        return {"id": self.id, "statement": self.statement, "goal": self.goal or None, "numbers": numbers}

    def lines(self, mark: str) -> list[str]:
        shown = "; ".join(f"{name} = {number}" for name, number in self.numbers.items())
        return [f"  {mark} [{self.id}] {self.statement}", *([f"      {shown}"] if shown else [])]


@dataclass(frozen=True)
class Hypothesis(Finding):
    """What a theorem asks for; whether it holds was decided exactly."""

    holds: bool = False

    def to_dict(self) -> dict[str, Any]:
        return super().to_dict() | {"holds": self.holds}


class Findings:
    """Hypotheses, guarantees and what is not guaranteed, in the order of the theorems."""

    def __init__(self, digits: int) -> None:
        self.digits = digits
        self.hypotheses: list[Hypothesis] = []
        self.guarantees: list[Finding] = []
        self.missing: list[Finding] = []

    def asks(self, name: str, statement: str, holds: bool, **numbers: Any) -> bool:
        self.hypotheses.append(Hypothesis(name, statement, self._read(numbers), holds=holds))
        return holds

    def gives(self, name: str, statement: str, goal: str = "", **numbers: Any) -> None:
        self.guarantees.append(Finding(name, statement, self._read(numbers), goal))

    def lacks(self, name: str, statement: str, goal: str = "", **numbers: Any) -> None:
        self.missing.append(Finding(name, statement, self._read(numbers), goal))

    @property
    def reached(self) -> set[str]:
        """The goals that are guaranteed."""
        return {found.goal for found in self.guarantees if found.goal} - self.unreached

    @property
    def unreached(self) -> set[str]:
        return {found.goal for found in self.missing if found.goal}

    def _read(self, numbers: dict[str, Any]) -> dict[str, Number]:
        return {name: self.number(value) for name, value in numbers.items()}

    def number(self, value: Any) -> Number:
        if isinstance(value, Number):
            return value
        if isinstance(value, (int, Fraction)):
            return Number.of(value, self.digits)
        return Number.within(value, self.digits)


def joined(items: Iterable[Any]) -> str:
    """a, b and c."""
    texts = [str(item) for item in items]
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)
