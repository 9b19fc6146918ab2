"""Steps of the library's rules in floating point, so that what is measured can be held against what is proved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from ..errors import Misuse, RuleError, ShapeError, Undecidable, UnsupportedOperation, name_of
from ..kernel.carriers import COLUMNS_ROWS, Value, broadcast, check
from ..kernel.passes import Run
from ..kernel.words import Word
from ..model.names import marked, unmarked
from ..model.networks import MLP, Network
from .states import Array, Arrays, numbers


def rule_step(
    rule: Any, net: Any, inputs: Any, targets: Any, feedback: Mapping[str, Any] | None = None
) -> Callable[[Any, float], Arrays]:
    """The step W ↦ η Ẇ of a rule that is written for faverify, in float64: a `step` for `measure`.

    `targets` y gives the error signal f − y of the squared loss; a function of the output f gives any other. `feedback`
    holds what the rule reads and does not move, {"B2": …}. It must be all of it: nothing is drawn at random.

    Shapes: samples are columns.

    Raises: RuleError if the rule asks what floats do not answer; Misuse if it reads what was not given.

    Examples
    --------
    >>> import numpy as np, faverify as fv
    >>> step = rule_step(fv.rules.BackPropagation(), fv.MLP((1, 1, 1)), [[1]], [[0]])
    >>> step([np.array([[2.0]]), np.array([[3.0]])], 0.5)["W2"]
    array([[-6.]])
    """
    if isinstance(rule, type):
        raise Misuse("rule", rule.__name__, f"an instance: write {rule.__name__}()")
    if not isinstance(net, (MLP, Network)):
        raise Misuse("net", net, "a network, such as fv.MLP((3, 4, 1))")
    if feedback is not None and not isinstance(feedback, Mapping):
        raise Misuse("feedback", feedback, "a dict by name, {'B2': …}")
    x = _matrix(inputs, "inputs")
    if x.shape[0] != net.inputs:
        raise ShapeError("inputs", x.shape, (net.inputs, "samples"), "samples are columns")
    y = None if callable(targets) else _matrix(targets, "targets")
    if y is not None and y.shape != (net.outputs, x.shape[1]):
        raise ShapeError("targets", y.shape, (net.outputs, x.shape[1]), "one column for each sample")
    fixed = {marked(str(name)): _matrix(value, name) for name, value in (feedback or {}).items()}

    def error(output: Array) -> Array:
        return output - y if y is not None else _matrix(targets(output), "error")

    def step(weights: Any, eta: float) -> Arrays:
        pairs = weights.items() if isinstance(weights, Mapping) else ((f"W{k}", w) for k, w in enumerate(weights, 1))
        data = fixed | {name: np.asarray(value, dtype=np.float64) for name, value in pairs}
        carrier = Floats(data | {"x": x} | ({} if y is None else {"y": y}), error)
        carrier.run = Run(net, carrier, x.shape[1])
        try:
            rates = carrier.run.velocities(rule)
        except Undecidable as question:
            what = f"{question.line} asks for {question.question}"
            raise RuleError(name_of(rule), what, "floats do not answer it; write the step by hand") from question
        return {name: eta * value.data for name, value in rates.items()}

    step.__name__ = name_of(rule)
    return step


class Numbers(Value):
    """A matrix of floats."""

    __slots__ = ("_dims", "data")

    def __init__(self, data: Array) -> None:
        self.data, self._dims = data, data.shape

    def _entrywise(self, other: Any, sign: str, function: Callable[[Any, Any], Any]) -> Any:
        if isinstance(other, Numbers):
            broadcast(f"A {sign} B", self, other)
            return Numbers(function(self.data, other.data))
        if isinstance(other, (int, float, Fraction)):
            return Numbers(function(self.data, float(other)))
        if isinstance(other, Word):
            raise UnsupportedOperation("a symbolic constant", "floats", "give the rule numbers for its parameters")
        return NotImplemented

    def __add__(self, other: Any) -> Any:
        return self._entrywise(other, "+", np.add)

    def __mul__(self, other: Any) -> Any:
        return self._entrywise(other, "*", np.multiply)

    def __truediv__(self, other: Any) -> Any:
        return self._entrywise(other, "/", np.divide)

    def __rtruediv__(self, other: Any) -> Any:
        return Numbers(np.full((1, 1), float(other))) / self

    def __neg__(self) -> Numbers:
        return Numbers(-self.data)

    def __matmul__(self, other: Any) -> Any:
        if not isinstance(other, Numbers):
            return NotImplemented
        check(self._dims[1] == other._dims[0], "A @ B", self._dims, other._dims, COLUMNS_ROWS)
        return Numbers(self.data @ other.data)

    @property
    def mT(self) -> Numbers:
        return Numbers(self.data.T)

    def total(self) -> Numbers:
        return Numbers(self.data.sum(keepdims=True))

    def row_sums(self) -> Numbers:
        return Numbers(self.data.sum(axis=1, keepdims=True))

    def diagonal(self) -> Numbers:
        if self._dims[1] == 1:
            return Numbers(np.diag(self.data[:, 0]))
        check(self._dims[0] == self._dims[1], "diag(A)", self._dims, "a square", "or pass a column")
        return Numbers(np.diagonal(self.data)[:, None])

    def inverse(self) -> Numbers:
        check(self._dims[0] == self._dims[1], "inverse(A)", self._dims, "a square", "only a square matrix will do")
        return Numbers(np.asarray(np.linalg.inv(self.data), dtype=np.float64))

    def logdet(self) -> Numbers:
        check(self._dims[0] == self._dims[1], "logdet(A)", self._dims, "a square", "only a square matrix will do")
        return Numbers(np.full((1, 1), np.linalg.slogdet(self.data)[1]))

    def units(self) -> Iterator[Numbers]:
        """The matrices of this shape with one entry 1 and the others 0."""
        for unit in np.eye(self.data.size):
            yield Numbers(unit.reshape(self.data.shape))

    def sign(self) -> Numbers:
        return Numbers(np.sign(self.data))


class Floats:
    """The carrier of one state: letters have the values that were given, and the error is that of the output."""

    run: Any

    def __init__(self, data: Arrays, error: Callable[[Array], Array]) -> None:
        self.data, self.error = data, error

    def letter(self, name: str, rows: Any, cols: Any) -> Numbers:
        found = self.error(self.run.output.h.data) if name.strip("′") == "e" else self.data.get(name)
        if found is None:
            asked = f"{name}, which the rule reads: in feedback, or in weights if it moves"
            if "~" in name:
                asked = f"a step written by hand: the rule draws {unmarked(name)} at random"
            raise Misuse("feedback", sorted({*map(unmarked, self.data)} - {"x", "y"}), asked)
        if found.shape != (rows, cols):
            raise ShapeError(name, found.shape, (rows, cols), "give it the shape on the right")
        return Numbers(found)

    def zeros(self, rows: Any, cols: Any) -> Numbers:
        return Numbers(np.zeros((rows, cols)))

    def activate(self, activation: Any, h: Numbers, name: str) -> tuple[Numbers, Numbers]:
        if activation.phi is None:
            raise Misuse("activation", activation.name, "one with values, such as 'relu'")
        values, slopes = (np.vectorize(f, otypes=[np.float64])(h.data) for f in (activation.phi, activation.dphi))
        return Numbers(values), Numbers(slopes)


def _matrix(value: Any, name: str) -> Array:
    found, _ = numbers(value)
    if found is None or found.ndim != 2:
        shape = type(value).__name__ if found is None else f"an array of shape {found.shape}"
        raise Misuse(name, shape, "a matrix of numbers, with samples as columns")
    return found
