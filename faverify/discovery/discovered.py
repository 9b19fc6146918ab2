"""What a discovery found: laws, semi-invariants, how many are independent, and whether there can be more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd, lcm
from typing import Any

SCHEMA = 1
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

Polynomial = Mapping[tuple[tuple[str, int], ...], Fraction]


@dataclass(frozen=True)
class FoundLaw:
    """A polynomial Q with dQ/dt = rate · Q, certified over ℚ.

    `kind`: "library" (`known` names the law, and its entry), "product" (of laws of lower degree) or "new".
    `polynomial`: from monomials, as ((variable, power), …), to coefficients; None for a law for all widths, which
    `law` holds. `layer`: of a law of the library, its own; of another, the lowest whose parameters it has.

    Examples
    --------
    >>> import faverify as fv
    >>> found = fv.discover(fv.rules.FeedbackAlignment(), fv.MLP((1, 1, 1)), feedback={"B2": [[2]]}).laws[0]
    >>> found.text, found.known
    ('½·W1[0,0]² − 2·W2[0,0]', 'neuron-feedback-balance[0] at layer 1')
    """

    text: str
    kind: str
    known: str | None
    layer: int | None
    polynomial: Polynomial | None = field(repr=False, default=None)
    rate: Fraction = Fraction(0)
    law: Any = field(repr=False, default=None)

    @property
    def degree(self) -> int:
        """The degree in the parameters."""
        return max((sum(power for _, power in m) for m in self.polynomial or ()), default=0)

    @property
    def expression(self) -> Any:
        """The polynomial as a SymPy expression."""
        import sympy

        terms = []
        for monomial, c in (self.polynomial or {}).items():
            factors = [sympy.Symbol(name) ** power for name, power in monomial]
            terms.append(sympy.Mul(sympy.Rational(c.numerator, c.denominator), *factors))
        return sympy.Add(*terms)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the objects, ready for JSON."""
        terms = None
        if self.polynomial is not None:
            terms = [
                {"coefficient": str(c), "monomial": [[name, power] for name, power in monomial]}
                for monomial, c in self.polynomial.items()
            ]
        keys = {"text": self.text, "kind": self.kind, "known": self.known, "layer": self.layer}
        return keys | {"rate": str(self.rate), "polynomial": terms}


@dataclass(frozen=True)
class Discovery:
    """All polynomial laws up to a degree that are common to all inputs and all error signals.

    `independent`: the rank of their Jacobian. At most `parameters` − `lie_rank` laws of any kind are independent near
    the base point; `complete` says that this bound is reached. `exact` says that `laws` (and `semi_invariants`, of
    rational rates) span all up to the degree that hold whatever the gates are. `scope` and `notes` say what the
    numbers speak of, and what stopped. Without a network there is nothing to count: these are None.
    """

    laws: tuple[FoundLaw, ...]
    semi_invariants: tuple[FoundLaw, ...]
    independent: int | None
    lie_rank: int | None
    complete: bool
    exact: bool
    parameters: int | None
    degree: int
    scope: Mapping[str, str]
    notes: tuple[str, ...] = ()
    feedback: Mapping[str, tuple[tuple[Fraction, ...], ...]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """complete or incomplete."""
        return "complete" if self.complete else "incomplete"

    @property
    def how(self) -> str:
        return "null space over ℚ, Lie rank"

    def __str__(self) -> str:
        count = f"{len(self.laws)} law{'s' * (len(self.laws) != 1)} of degree ≤ {self.degree}"
        free = "gates" in self.scope and not self.complete
        kind = "all that hold whatever the gates are" if free else "all there are"
        lines = [f"{count}, {kind if self.exact else 'there may be more'}"]
        lines += [f"  {law.text}    [{law.known or law.kind}]" for law in self.laws]
        if self.semi_invariants:
            lines.append(f"{len(self.semi_invariants)} with dQ/dt = μQ")
            for law in self.semi_invariants:
                lines.append(f"  μ = {str(law.rate).replace('-', '−')}: {law.text}    [{law.known or law.kind}]")
        if self.parameters is not None and self.independent is not None:
            lines.append(f"independent: {self.independent}, of {self.parameters} parameters")
            if self.lie_rank is not None:
                bound = self.parameters - self.lie_rank
                more = "complete" if self.complete else "not shown to be complete"
                lines.append(f"at most {self.parameters} − {self.lie_rank} = {bound} by the Lie rank: {more}")
        lines += ["scope", *(f"  {name:<12}{value}" for name, value in self.scope.items())]
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON: rationals as "p/q", keys stable, "schema" counts the changes of meaning."""
        return {
            "schema": SCHEMA,
            "laws": [law.to_dict() for law in self.laws],
            "semi_invariants": [law.to_dict() for law in self.semi_invariants],
            "independent": self.independent,
            "lie_rank": self.lie_rank,
            "complete": self.complete,
            "exact": self.exact,
            "parameters": self.parameters,
            "degree": self.degree,
            "scope": dict(self.scope),
            "notes": list(self.notes),
            "feedback": {name: [[str(entry) for entry in row] for row in rows] for name, rows in self.feedback.items()},
        }


def whole(polynomial: Mapping[Any, Fraction]) -> dict[Any, Fraction]:
    """A multiple with whole coefficients without a common factor, the first of them positive."""
    scale = lcm(*(c.denominator for c in polynomial.values()))
    common = gcd(*(int(c * scale) for c in polynomial.values()))
    factor = Fraction(scale, common) * (1 if next(iter(polynomial.values())) > 0 else -1)
    return {monomial: c * factor for monomial, c in polynomial.items()}


def polynomial_text(polynomial: Polynomial) -> str:
    """½·W1[0,0]² − 2·W2[0,0], as a reader writes it."""
    terms = []
    for monomial, c in polynomial.items():
        names = "·".join(name + (str(power).translate(SUPERSCRIPTS) if power > 1 else "") for name, power in monomial)
        size = {Fraction(1): "", Fraction(1, 2): "½·", Fraction(1, 4): "¼·"}.get(abs(c), f"{abs(c)}·")
        terms.append((c, size + names if monomial else str(abs(c))))
    return signed_sum(terms)


def signed_sum(terms: Iterable[tuple[Fraction, str]]) -> str:
    """a − b + c, of the sign and the size of each term."""
    text = "".join((" − " if c < 0 else " + ") + size for c, size in terms)
    return text.removeprefix(" + ") if text.startswith(" + ") else "−" + text.removeprefix(" − ")
