"""Sparse polynomials over the rationals: identities for given widths, every activation pattern at once.

Method. Every entry of a weight, a feedback matrix, the input and the error is a variable; for φ with h φ′ = p φ each
neuron has a variable k = φ′(h)/p and φ(h) = k h, whatever φ is; any other φ has two variables, φ(h) and φ′(h). A
polynomial that vanishes identically vanishes for every value of its variables, the real gates among them (sound). A
polynomial that does not may still vanish where gates and signs agree: that is for a witness to settle.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from ..errors import FaverifyError, UnsupportedOperation
from ..kernel.carriers import exact
from .matrices import Matrix, Ring


class MissingVariable(FaverifyError):
    """The ring lacks a variable that the run asks for; it is added and the run repeated."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


class Polynomials(Ring):
    """ℚ[variables], by python-flint."""

    name = "polynomials"

    def __init__(self, variables: Iterable[str]) -> None:
        from flint import fmpq, fmpq_mpoly_ctx

        self._fmpq = fmpq
        self.names = list(variables)
        inside = [f"v{k}" for k in range(len(self.names))]  # python-flint's names are ASCII, ours are not
        self.context = fmpq_mpoly_ctx.get(tuple(inside) or ("v",), "degrevlex")
        self.variables = dict(zip(self.names, self.context.gens(), strict=False))

    def number(self, value: Any) -> Any:
        rational = exact(value)
        return self.context.constant(self._fmpq(rational.numerator, rational.denominator))

    def divide(self, value: Any, by: Any) -> Any:
        if by == 0 or not by.is_constant():
            raise UnsupportedOperation(f"division by {by}", self.name, "divide by a non-zero number")
        return value / by.leading_coefficient()

    def parameter(self, name: str) -> Any:
        if name not in self.variables:
            raise MissingVariable(name)
        return self.variables[name]

    def sign(self, value: Any) -> Any:
        """A variable named by the polynomial, up to a positive factor and −1; of a number, its sign."""
        if value == 0:
            return value
        leading = value.leading_coefficient()
        s = 1 if leading > 0 else -1
        return self.number(s) if value.is_constant() else s * self.parameter(f"sign({self.text(value / leading)})")

    def text(self, value: Any) -> str:
        """A polynomial with its variables' names."""
        return re.sub(r"v(\d+)", lambda found: self.names[int(found[1])], str(value))


class _Names(Ring):
    """The number 1 in place of every variable: a run over it collects their names."""

    name = "polynomials"

    def __init__(self) -> None:
        self.names: dict[str, None] = {}

    def parameter(self, name: str) -> Any:
        self.names[name] = None
        return 1

    def sign(self, value: Any) -> Any:
        return 1


class PolynomialCarrier:
    """Letters whose entries are variables."""

    def __init__(self, ring: Ring) -> None:
        self.ring = ring

    def letter(self, name: str, rows: int, cols: int) -> Matrix:
        entry = self.ring.parameter
        return Matrix(self.ring, [[entry(f"{name}[{i},{j}]") for j in range(cols)] for i in range(rows)])

    def zeros(self, rows: int, cols: int) -> Matrix:
        return Matrix(self.ring, [[self.ring.number(0)] * cols for _ in range(rows)])

    def activate(self, activation: Any, h: Matrix, name: str) -> tuple[Any, Any]:
        return by_letters(self, activation, h, name)


def by_letters(carrier: Any, activation: Any, h: Any, name: str) -> tuple[Any, Any]:
    """φ(h), φ′(h) with all forgotten but h φ′ = p φ: k h and p k for p ≠ 0; otherwise two letters."""
    if activation.linear:
        return h, carrier.zeros(*h._dims) + 1
    if activation.degree is None:
        return carrier.letter(f"φ{name}", *h._dims), carrier.letter(f"φ′{name}", *h._dims)
    gate = carrier.letter(f"k{name}", *h._dims)
    return gate * h, gate * activation.degree


def over_polynomials(run: Callable[[PolynomialCarrier], Any]) -> Any:
    """`run` over a ring that has just the variables it asks for."""
    names = _Names()
    run(PolynomialCarrier(names))
    while True:
        try:
            return run(PolynomialCarrier(Polynomials(names.names)))
        except MissingVariable as missing:
            names.names[missing.name] = None
