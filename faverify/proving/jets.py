"""Derivatives by pairs (value, rate), which obey the product rule: a law's rate over any carrier.

The kernel differentiates words by replacing letters; this second way, with no code in common, serves numbers,
polynomials and what a person reads, and the two are tested against each other.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from ..errors import Undecidable, UnsupportedOperation
from ..kernel.carriers import Value
from ..kernel.layers import Layer
from ..kernel.passes import Run
from ..kernel.questions import Question
from ..kernel.states import Increments, Moving, State, value_of
from .matrices import Matrix


def _plus(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else a + b


class Unvalued(Value):
    """A number of which only the rate is wanted, such as log |det A| of a rational matrix; it takes part in sums."""

    __slots__ = ()
    _dims = (1, 1)
    _label = "a logarithm"

    def __add__(self, other: Any) -> Unvalued:
        return self

    __mul__ = __truediv__ = __add__

    def __neg__(self) -> Unvalued:
        return self


class Jet(Value):
    """A value and its rate of change; None stands for the rate zero."""

    __slots__ = ("rate", "value")

    def __init__(self, value: Any, rate: Any = None) -> None:
        self.value, self.rate = value, rate

    @property
    def _dims(self) -> Any:
        return self.value._dims

    def _linear(self, function: Callable[[Any], Any]) -> Jet:
        return Jet(function(self.value), None if self.rate is None else function(self.rate))

    def _product(self, other: Any, times: Callable[[Any, Any], Any]) -> Jet:
        other = other if isinstance(other, Jet) else Jet(other)
        left = None if self.rate is None else times(self.rate, other.value)
        right = None if other.rate is None else times(self.value, other.rate)
        return Jet(times(self.value, other.value), _plus(left, right))

    def __add__(self, other: Any) -> Jet:
        other = other if isinstance(other, Jet) else Jet(other)
        value, rate = self.value + other.value, _plus(self.rate, other.rate)
        if rate is not None and rate._dims != value._dims:
            rate = rate + value * 0  # the part that moves was broadcast
        return Jet(value, rate)

    def __mul__(self, other: Any) -> Jet:
        return self._product(other, operator.mul)

    def __matmul__(self, other: Any) -> Jet:
        return self._product(other, operator.matmul)

    def __rmatmul__(self, other: Any) -> Jet:
        return Jet(other) @ self

    def __truediv__(self, other: Any) -> Jet:
        if isinstance(other, Jet):
            raise UnsupportedOperation("division by a matrix", "laws", "multiply the law out")
        return self._linear(lambda part: part / other)

    def __neg__(self) -> Jet:
        return self._linear(operator.neg)

    @property
    def mT(self) -> Jet:
        return self._linear(lambda part: part.mT)

    def inner(self, other: Any) -> Jet:
        if other is self:
            return Jet(self.value.inner(self.value), None if self.rate is None else 2 * self.value.inner(self.rate))
        return self._product(other, lambda a, b: a.inner(b))

    def total(self) -> Jet:
        return self._linear(lambda part: part.total())

    def row_sums(self) -> Jet:
        return self._linear(lambda part: part.row_sums())

    def diagonal(self) -> Jet:
        return self._linear(lambda part: part.diagonal())

    def sign(self) -> Jet:
        return Jet(self.value.sign())  # constant wherever no entry is zero

    def inverse(self) -> Jet:
        found = self.value.inverse()
        return Jet(found, None if self.rate is None else -(found @ self.rate @ found))

    def logdet(self) -> Jet:
        try:
            found = self.value.logdet()
        except Undecidable:
            found = Unvalued()
        rate = self.value.total() * 0 if self.rate is None else self.value.inverse().mT.inner(self.rate)
        return Jet(found, rate)

    def primitive(self, of: Any) -> Jet:
        gradient = self.value if isinstance(self, Jet) else self  # either of the two may stand still
        value, rate = (of.value, of.rate) if isinstance(of, Jet) else (of, None)
        found = Unvalued() if isinstance(gradient, Matrix) else gradient.primitive(value)
        return Jet(found, gradient.total() * 0 if rate is None else gradient.inner(rate))

    def __getitem__(self, index: Any) -> Jet:
        return self._linear(lambda part: part[index])


class MovingState(Moving):
    """A layer as a law sees it, each of its parameters with its rate."""

    __slots__ = ()

    def _seen(self, name: str, value: Any) -> Any:
        return Jet(value, self._steps.get(name))


def law_jet(law: Any, run: Run, layer: Layer, moves: dict[str, Any]) -> Jet:
    """Q and dQ/dt at a layer, when the parameters move with `moves`."""
    found = value_of(law, run, MovingState(layer, moves))
    return found if isinstance(found, Jet) else Jet(found)


class MovedState(Moving):
    """A layer as a law sees it after one step θ + Δθ."""

    __slots__ = ()

    def _seen(self, name: str, value: Any) -> Any:
        return value + self._steps[name] if name in self._steps else value


def residual(question: Question, run: Run, layer: Layer, moves: dict[str, Any]) -> Any:
    """What was asked minus what was claimed, at a layer: dQ/dt − μQ − R, or the same of one step."""
    law, claim = question.law, question.claim
    if question.step and claim:
        value = value_of(law, run, State(layer))
        found = value_of(law, run, MovedState(layer, moves)) - value
        found = found - value_of(claim, run, Increments(layer, moves))
    else:
        jet = law_jet(law, run, layer, moves)
        value, found = jet.value, jet.value * 0 if jet.rate is None else jet.rate
        found = found - value_of(claim, run, State(layer)) if claim else found
    return found if question.mu_text == "0" else found - value * question.mu
