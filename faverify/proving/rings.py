"""Numbers to evaluate at: rationals, and balls for transcendental activations; and expressions for people to read."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Any

from ..errors import ActivationError, FaverifyError, ShapeError, UnsupportedOperation, where
from ..kernel.carriers import exact
from .matrices import Matrix, Ring

PRECISION = 200  # bits of a ball's midpoint; a witness needs its rate apart from 0, no more


class Rationals(Ring):
    """ℚ, with a value for each parameter."""

    name = "rationals"
    ordered = True

    def __init__(self, parameters: dict[str, Fraction] | None = None) -> None:
        self.parameters = {} if parameters is None else parameters
        self.at_kink = False  # whether a sign was taken of 0, where it has no derivative

    def number(self, value: Any) -> Fraction:
        return Fraction(exact(value))

    def parameter(self, name: str) -> Any:
        return self.parameters[name] if name in self.parameters else super().parameter(name)

    def sign(self, value: Fraction) -> Fraction:
        self.at_kink = self.at_kink or value == 0
        return Fraction((value > 0) - (value < 0))


class Balls(Rationals):
    """Real balls of python-flint: every operation encloses the true value."""

    name = "balls"

    def __init__(self, parameters: dict[str, Fraction] | None = None) -> None:
        super().__init__(parameters)
        import flint

        flint.ctx.prec = max(flint.ctx.prec, PRECISION)
        self._flint = flint

    def number(self, value: Any) -> Any:
        if isinstance(value, self._flint.arb):
            return value
        rational = Fraction(exact(value))
        return self._flint.arb(self._flint.fmpq(rational.numerator, rational.denominator))

    def parameter(self, name: str) -> Any:
        return self.number(super().parameter(name))

    def sign(self, value: Any) -> Any:
        self.at_kink = self.at_kink or value.contains(0)
        return self.number((value > 0) - (value < 0))

    def invertible(self, value: Any) -> bool:
        return not value.contains(0)


class Expressions(Ring):
    """SymPy expressions."""

    name = "SymPy expressions"
    at_kink = False

    def number(self, value: Any) -> Any:
        import sympy

        if isinstance(value, sympy.Basic):
            return value
        rational = exact(value)
        return sympy.Rational(rational.numerator, rational.denominator)

    def divide(self, value: Any, by: Any) -> Any:
        if by == 0:
            raise UnsupportedOperation("division by 0", self.name, "divide by a non-zero number")
        return value / by

    def invertible(self, value: Any) -> bool:
        return bool(value.expand() != 0)

    def parameter(self, name: str) -> Any:
        import sympy

        return sympy.Symbol(name)

    def sign(self, value: Any) -> Any:
        import sympy

        return sympy.sign(value)


class Assignment:
    """The carrier of a concrete case: letters have the values of `data`; those it lacks are drawn by `draw`."""

    def __init__(self, ring: Rationals, data: dict[str, list[list[Any]]], draw: Any = None) -> None:
        self.ring, self.data, self.draw = ring, data, draw
        self.gates: dict[str, Matrix] = {}

    def letter(self, name: str, rows: int, cols: int) -> Matrix:
        name = name.strip("′") if name[0] == "e" else name  # one error for every pass, as a linear loss gives
        if name not in self.data:
            self.data[name] = [
                [self.draw(name) if self.draw else Fraction(0) for _ in range(cols)] for _ in range(rows)
            ]
        found = self.data[name]
        dims = (len(found), len(found[0]) if found else cols)
        if dims != (rows, cols):
            raise ShapeError(name, dims, (rows, cols), "give it the shape on the right")
        return Matrix(self.ring, [[self.ring.number(entry) for entry in row] for row in found], (rows, cols))

    def zeros(self, rows: int, cols: int) -> Matrix:
        return Matrix(self.ring, [[self.ring.number(0)] * cols for _ in range(rows)])

    def activate(self, activation: Any, h: Matrix, name: str) -> tuple[Matrix, Matrix]:
        for entry in h.entries():
            inside = entry.contains if hasattr(entry, "contains") else entry.__eq__
            self.ring.at_kink = self.ring.at_kink or any(inside(kink) for kink in activation.kinks)
        values, slopes = (
            h.map(partial(self._at, activation, function)) for function in (activation.phi, activation.dphi)
        )
        self.gates[name] = slopes
        return values, slopes

    def _at(self, activation: Any, function: Any, h: Any) -> Any:
        try:
            return self.ring.convert(function(h))
        except FaverifyError:
            raise
        except Exception as error:
            remedy = "write it with fv.exp, fv.tanh, fv.erf, fv.log, fv.sqrt, which run over every number"
            found = f"raised {type(error).__name__}: {error} ({where(error)}) at h = {h}"
            raise ActivationError(f"activation {activation.name}", found, remedy) from error
