"""The tape of a forward pass, in a recheck: every value with what it is made of.

A *point* is a value that φ made, that a map reads, that has several readers, or the output.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .retracing import Tape


class Step:
    """A value of the tape: of a map, a bias, a sum, φ, a fixed matrix on either side, a mask, a product or free."""

    __array_ufunc__ = None

    def __init__(self, tape: Tape, value: Any, kind: str, below: list[Step], name: str = "", fixed: Any = None) -> None:
        self.tape, self.value, self.kind, self.below, self.name = tape, value, kind, below, name
        self.readers: list[Step] = []
        self.fixed, self.owner = fixed, ""
        for step in below if len(tape.steps) not in tape.dead else []:
            step.readers.append(self)
        tape.steps.append(self)

    def __add__(self, other: Any) -> Step:
        if isinstance(other, Weight):
            found = Step(self.tape, self.value + other.value, "bias", [self], other.name)
            known = {id(step) for step in self.tape.steps if step is not self and is_point(step)}
            found.owner = next((part.name for kind, part in parts_of(self, known) if kind == "map"), "")
            return found
        return Step(self.tape, self.value + other.value, "sum", [self, other])

    __radd__ = __add__

    def __sub__(self, other: Any) -> Step:
        return self.__add__(-other)

    def __rsub__(self, other: Any) -> Step:
        return (-self).__add__(other)

    def __neg__(self) -> Step:
        return self * -1

    def __truediv__(self, other: Any) -> Step:
        return self.__mul__(Fraction(1) / other)

    def __mul__(self, other: Any) -> Step:
        if isinstance(other, (Step, Flipped)):
            return _times(self, other, False)
        fixed = other.value if isinstance(other, Still) else other
        return Step(self.tape, self.value * fixed, "mask", [self], fixed=fixed)

    __rmul__ = __mul__

    def __pow__(self, power: int) -> Step:
        return self if power == 1 else self * self

    def __matmul__(self, other: Any) -> Step:
        if isinstance(other, Still):
            return Step(self.tape, self.value @ other.value, "right", [self], fixed=other.value)
        return _times(self, other, True)

    @property
    def mT(self) -> Flipped:
        return Flipped(self)

    T = mT

    @property
    def shape(self) -> Any:
        return self.value.shape

    def activate(self) -> Step:
        return self.tape.phi(self)


class Flipped:
    """A value with rows and columns exchanged, in a product."""

    def __init__(self, step: Step) -> None:
        self.step = self.mT = step

    def __matmul__(self, other: Any) -> Step:
        return _times(self, other, True)

    def __mul__(self, other: Any) -> Step:
        return _times(self, other, False)


def _times(left: Any, right: Any, matrix: bool) -> Step:
    flips = tuple(isinstance(factor, Flipped) for factor in (left, right))
    steps = [factor.step if isinstance(factor, Flipped) else factor for factor in (left, right)]
    p, q = (step.value.mT if flip else step.value for step, flip in zip(steps, flips, strict=True))
    return Step(steps[0].tape, p @ q if matrix else p * q, "product", steps, fixed=(matrix, flips))


class Weight:
    def __init__(self, tape: Tape, name: str) -> None:
        self.tape, self.name, self.value = tape, name, tape.state[name]

    def __matmul__(self, other: Step) -> Step:
        return Step(self.tape, self.value @ other.value, "map", [other], self.name)


class Still:
    """A matrix that nobody trains."""

    __array_ufunc__ = None

    def __init__(self, value: Any) -> None:
        self.value = value

    def __matmul__(self, other: Step) -> Step:
        return Step(other.tape, self.value @ other.value, "left", [other], fixed=self.value)

    def __mul__(self, other: Step) -> Step:
        return other * self

    @property
    def mT(self) -> Still:
        return Still(self.value.mT)


class Weights(dict[str, Weight]):
    """What `forward` gets."""

    def __init__(self, tape: Tape) -> None:
        super().__init__((name, Weight(tape, name)) for name in tape.net.shapes())
        self.tape = tape

    def fixed(self, name: str, rows: Any, cols: Any = None, block: int | None = None) -> Still:
        name = name if block is None else f"{name}_{{{block}}}"
        given = self.tape.state[f"{name}°"]
        if cols is None and given.rows != [[self.tape.to(entry, given) for entry in row] for row in rows]:
            raise ValueError(f"{name} is not what the network says")
        return Still(given)

    def mask(self, name: str, a: Step, block: int | None = None) -> Still:
        return Still(self.tape.state[f"{name}°" if block is None else f"{name}_{{{block}}}°"])

    def free(self, name: str, a: Step, back: Any = None, block: int | None = None) -> Step:
        return self.tape.free(name if block is None else f"{name}_{{{block}}}", a, back)

    def boundary(self, a: Any) -> None:
        pass


def is_point(step: Step) -> bool:
    readers = [reader.kind for reader in step.readers]
    return (
        step.kind in ("phi", "free") or len(readers) > 1 or any(kind not in ("sum", "bias", "phi") for kind in readers)
    )


def source_of(kind: str, part: Step) -> Step:
    """Where a part of a point comes from."""
    return part if kind == "wire" else part.below[int(kind == "second")]


def parts_of(point: Step, points: set[int]) -> list[tuple[str, Step]]:
    """What a point is the sum of: maps, biases, and other points carried along, mixed or multiplied."""
    found, waiting = [], list(point.below if point.kind == "phi" else [point])
    while waiting:
        step = waiting.pop(0)
        if step is not point and id(step) in points:
            found.append(("wire", step))
            continue
        if step.kind == "product":
            found += [("first", step), ("second", step)]
        elif step.kind not in ("sum", "phi", "input"):
            found.append((step.kind, step))
        waiting[:0] = step.below if step.kind in ("bias", "sum") else []
    return found


def ancestors(tops: list[Step]) -> set[int]:
    """Everything that the outputs are made of."""
    found: set[int] = set()
    waiting = list(tops)
    while waiting:
        step = waiting.pop()
        if id(step) not in found:
            found.add(id(step))
            waiting += step.below
    return found
