"""Hypotheses under which a law is checked: equations between letters, a loss, a batch, the shape of the output.

A hypothesis is an equation of the letters in sight, one product on its left, such as F_{l+1} G_{l+1}ᵀ = I; or it fixes
the error signal, the batch or the widths. A proof uses it, its scope states it, and a witness must satisfy it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..errors import Misuse, UnknownName
from .formulas import identity, sign, sum_samples

ARGUMENTS = ("layer", "above", "below", "output")


@dataclass(frozen=True)
class Assumption:
    """One hypothesis.

    `equations`: a function of some of layer, above, below and output, which returns a pair (left, right) or a list of
    pairs; it is asked at every layer that has them. `arrange`: a function that changes drawn data {name: rows} so that
    they satisfy it, for the search of witnesses. `error`: the signal e as a function of the output.
    """

    name: str
    statement: str
    equations: Callable[..., Any] | None = None
    arrange: Callable[[dict[str, Any]], None] | None = None
    error: Callable[[Any], Any] | None = None
    samples: int | None = None
    scalar: bool = False
    square: bool = False

    def __post_init__(self) -> None:
        for name in ("name", "statement"):
            if not isinstance(getattr(self, name), str):
                raise Misuse(name, getattr(self, name), "a string")
        for name in ("equations", "arrange", "error"):
            if getattr(self, name) is not None and not callable(getattr(self, name)):
                raise Misuse(name, getattr(self, name), "a function")
        if self.samples not in (None, 1):
            raise Misuse("samples", self.samples, "1, or None")
        unknown = [name for name in self._wanted() if name not in ARGUMENTS]
        if unknown:
            raise Misuse("equations", unknown, f"arguments named among {', '.join(ARGUMENTS)}")

    def _wanted(self) -> list[str]:
        """What the equations speak of."""
        return list(inspect.signature(self.equations).parameters) if self.equations else []

    def pairs(self, layer: Any, above: Any, below: Any, output: Any) -> list[tuple[Any, Any]]:
        """The equations at one layer."""
        place = dict(zip(ARGUMENTS, (layer, above, below, output), strict=True))
        wanted = {name: place[name] for name in self._wanted()}
        if self.equations is None or any(part is None for part in wanted.values()):
            return []
        found = self.equations(**wanted)
        return list(found) if isinstance(found, list) else [found]  # the kernel looks at what each is

    def __repr__(self) -> str:
        return f"<assumption {self.name}: {self.statement}>"


def assumption(statement: str, *, arrange: Any = None, name: str | None = None) -> Callable[[Any], Assumption]:
    """Declare a function of some of (layer, above, below, output) to be a hypothesis: it returns (left, right).

    Examples
    --------
    >>> import faverify as fv
    >>> @fv.assumption("B_{l+1} = W_{l+1}")
    ... def symmetric(above):
    ...     return above.B, above.W
    >>> fv.check(fv.laws.feedback_balance, fv.rules.BackPropagation(), assume=[symmetric]).kind
    'proved'
    """
    if not isinstance(statement, str):
        raise Misuse("statement", statement, "a string: write @fv.assumption('…') above the function")

    def declare(equations: Any) -> Assumption:
        if not callable(equations):
            raise Misuse("equations", equations, "a function of some of layer, above, below and output")
        own = getattr(equations, "__name__", type(equations).__name__)
        return Assumption(name or own.replace("_", "-"), statement, equations, arrange)

    return declare


def assumptions_of(given: Any) -> tuple[Assumption, ...]:
    """Hypotheses as they are, or by name."""
    found: list[Assumption] = []
    if not isinstance(given, (str, Assumption, list, tuple, set, frozenset)):
        raise Misuse("assume", given, f"a list of names among {', '.join(LIBRARY)}, or of hypotheses")
    for each in [given] if isinstance(given, (str, Assumption)) else given:
        name = each.replace("_", "-").lower() if isinstance(each, str) else ""
        if isinstance(each, Assumption):
            found.append(each)
        elif name in LIBRARY:
            found.append(LIBRARY[name])
        elif isinstance(each, str):
            raise UnknownName("assumption", each, LIBRARY)
        else:
            raise Misuse("assume", each, f"names among {', '.join(LIBRARY)}, or hypotheses made by fv.assumption")
    losses = [each.name for each in found if each.error]
    if len(losses) > 1:
        raise Misuse("assume", losses, "one hypothesis about the error signal")
    return tuple(found)


def _rows(data: dict[str, Any], kind: str) -> Iterable[list[list[Any]]]:
    return (rows for name, rows in data.items() if name[0] == kind and name[1:].isdigit())


def _centre(data: dict[str, Any]) -> None:
    rows = data.get("e", [])
    for s in range(len(rows[0]) if rows else 0):
        mean = sum((row[s] for row in rows), Fraction(0)) / len(rows)
        for row in rows:
            row[s] -= mean


def _orthonormal(data: dict[str, Any]) -> None:
    for rows in _rows(data, "B"):
        for i, row in enumerate(rows):
            row[:] = [Fraction(i == j) for j in range(len(row))]
            if len(row) > 1 and i < 2:
                row[:2] = [[Fraction(3, 5), Fraction(4, 5)], [Fraction(-4, 5), Fraction(3, 5)]][i]


def _positive(data: dict[str, Any]) -> None:
    for rows in _rows(data, "W"):
        for row in rows:
            row[:] = [abs(entry) for entry in row]


def _inverted(data: dict[str, Any]) -> None:
    """G_l with F_l G_lᵀ = I: a dual basis of the rows of F_l; I for the last layer."""
    depth = max(int(name[1:]) for name in data if name[0] == "W" and name[1:].isdigit())
    for k in range(1, depth + 1):
        F, G = data.get(f"F{k}", []), data.get(f"G{k}", [])
        if k == depth:
            for rows in (F, G):
                rows[:] = [[Fraction(i == j) for j in range(len(rows))] for i in range(len(rows))]
        elif F and G:
            G[:] = dual(F) or G


def dual(rows: list[list[Fraction]]) -> list[list[Fraction]] | None:
    """(FFᵀ)⁻¹F by Gauss's elimination, or None where the rows are dependent."""
    gram = [[sum((p * q for p, q in zip(a, b, strict=True)), Fraction(0)) for b in rows] for a in rows]
    work = [[*g, *row] for g, row in zip(gram, rows, strict=True)]
    for k in range(len(work)):
        pivot = next((i for i in range(k, len(work)) if work[i][k]), None)
        if pivot is None:
            return None
        work[k], work[pivot] = work[pivot], work[k]
        work[k] = [entry / work[k][k] for entry in work[k]]
        for i in range(len(work)):
            if i != k:
                work[i] = [a - work[i][k] * b for a, b in zip(work[i], work[k], strict=True)]
    return [row[len(rows) :] for row in work]


@assumption("softmax cross-entropy: the entries of e sum to 0 for every sample", arrange=_centre)
def cross_entropy(output: Any) -> Any:
    return sum_samples(output.e.mT), 0  # type: ignore[no-untyped-call]


@assumption("B_{l+1} B_{l+1}ᵀ = I", arrange=_orthonormal)
def orthonormal_feedback(above: Any) -> Any:
    return above.B @ above.B.mT, identity(above.B)  # type: ignore[no-untyped-call]


@assumption("all entries of W_{l+1} are positive", arrange=_positive)
def positive_weights(above: Any) -> Any:
    return sign(above.W), 1  # type: ignore[no-untyped-call]


@assumption("F_{l+1} G_{l+1}ᵀ = I for a fixed G_{l+1}, with F_L = G_L = I", arrange=_inverted)
def right_inverse(layer: Any, output: Any) -> Any:
    own = layer.constant("G", "direct")
    if layer is output:
        return [(layer.F, identity(layer.F)), (own, identity(own))]  # type: ignore[no-untyped-call]
    return layer.F @ own.mT, identity(layer.F)  # type: ignore[no-untyped-call]


LIBRARY = {
    a.name: a
    for a in (
        Assumption("batch-size-one", "one sample", samples=1),
        Assumption("scalar-output", "n_L = 1", scalar=True),
        Assumption("square-maps", "n_l = n_{l+1} = … = n_L", square=True),
        Assumption("squared-loss", "loss ½‖f − y‖²: e = f − y", error=lambda output: output.h - output.target),
        cross_entropy,
        orthonormal_feedback,
        positive_weights,
        right_inverse,
    )
}
