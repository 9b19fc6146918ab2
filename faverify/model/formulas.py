"""Helpers of formulas, over every carrier and over NumPy arrays (stacks included; scalars keep the shape (…, 1, 1))."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ..errors import Misuse, ShapeError, UnsupportedOperation
from ..kernel.words import Word, letter, letter_name, symbols


def _apply(helper: str, method: str, value: Any, array: Callable[[Any], Any]) -> Any:
    if hasattr(value, "_dims"):
        return getattr(value, method)()
    if type(value).__module__ != "numpy" or value.ndim < 2:
        found = f"fv.{helper} on {type(value).__name__}"
        raise UnsupportedOperation(found, "plain Python objects", "pass a matrix of the rule, the law or NumPy")
    return array(value)


def _square(helper: str, value: Any) -> None:
    dims: Any = getattr(value, "_dims", None) or getattr(value, "shape", ())
    if len(dims) < 2 or dims[-1] != dims[-2]:
        raise ShapeError(helper, tuple(dims), "a square", "only a square matrix will do")


def total(value):
    """Σ_ij A_ij, the sum of all entries."""
    return _apply("total", "total", value, lambda a: a.sum(axis=(-2, -1), keepdims=True))


def sum_samples(value):
    """Σ_s A_is, the sum over the samples (the columns), as a column."""
    return _apply("sum_samples", "row_sums", value, lambda a: a.sum(axis=-1, keepdims=True))


def inner(a, b):
    """⟨A, B⟩ = tr(AᵀB) = Σ_ij A_ij B_ij, of two matrices of one shape.

    Examples
    --------
    >>> import numpy as np, faverify as fv
    >>> fv.inner(np.array([[1, 2]]), np.array([[3, 4]]))
    array([[11]])
    """
    if hasattr(a, "_dims") and not (hasattr(type(b), "rate") and not hasattr(type(a), "rate")):
        return a.inner(b)
    if hasattr(b, "_dims"):
        return b.inner(a)
    if getattr(a, "shape", None) != getattr(b, "shape", ()):
        shapes = getattr(a, "shape", type(a).__name__), getattr(b, "shape", type(b).__name__)
        raise ShapeError("inner(A, B)", *shapes, "an inner product pairs two matrices of one shape")
    return total(a * b)


def norm2(a):
    """‖A‖² = ⟨A, A⟩, the squared Frobenius norm."""
    return inner(a, a)


def norm1(a):
    """Σ_ij |A_ij|, the entrywise 1-norm; it has a derivative where no entry is zero."""
    return inner(sign(a), a)


def diag(a):
    """The diagonal of a square matrix, as a column; of a column, the diagonal matrix."""

    def array(a):
        import numpy as np

        rows, cols = a.shape[-2:]
        if cols == 1:
            return a * np.eye(rows, dtype=int)
        _square("diag(A)", a)
        return np.diagonal(a, axis1=-2, axis2=-1)[..., None]

    return _apply("diag", "diagonal", a, array)


def identity(a):
    """I, with as many rows as A."""
    return diag(sum_samples(a) * 0 + 1)


def trace(a):
    """tr A, of a square matrix."""
    _square("trace(A)", a)
    return total(diag(a))


def symmetrize(a):
    """½(A + Aᵀ), the symmetric part of a square matrix."""
    _square("symmetrize(A)", a)
    return (a + a.mT) / 2


def sign(a):
    """sign(A_ij), entry by entry, with sign(0) = 0; constant wherever no entry is zero."""
    return _apply("sign", "sign", a, lambda a: (a > 0) * 1 - (a < 0) * 1)


def absolute(a):
    """|A_ij|, entry by entry."""
    return sign(a) * a


def inverse(a):
    """A⁻¹, of a square matrix, wherever it exists."""

    def array(a):
        import numpy as np

        return np.linalg.inv(a)

    _square("inverse(A)", a)
    return _apply("inverse", "inverse", a, array)


def pinv(a):
    """A⁺ = Aᵀ(AAᵀ)⁻¹, the pseudo-inverse of a matrix whose rows are independent."""
    return a.mT @ inverse(a @ a.mT)


def logdet(a):
    """log |det A|, of a square matrix, wherever det A ≠ 0."""

    def array(a):
        import numpy as np

        return np.linalg.slogdet(a)[1][..., None, None]

    _square("logdet(A)", a)
    return _apply("logdet", "logdet", a, array)


def primitive(gradient, of):
    """∫⟨G, dA⟩ along the trajectory, for matrices G and A of one shape: a function of A where G is its gradient."""
    kind = type(of) if hasattr(type(of), "rate") else type(gradient)
    if not hasattr(kind, "primitive"):
        raise UnsupportedOperation("fv.primitive", kind.__name__, "an integral has a rate, and no value here")
    return kind.primitive(gradient, of)


def phi(a):
    """The network's activation φ, applied to w[map] @ a (+ w[bias]) inside `Network.forward`."""
    if not hasattr(type(a), "activate"):
        raise UnsupportedOperation("fv.phi", type(a).__name__, "φ belongs to a network: use it inside forward")
    return a.activate()


class Parameter(Word):
    """A symbolic constant of a rule, a law or an activation; `parameter[layer.index]` has one for each layer."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        super().__init__((1, 1), letter(name, 1, 1).terms)
        self.name = name
        symbols.add(name)

    def __getitem__(self, index: Any) -> Parameter:
        return Parameter(f"{self.name}_{{{getattr(index, '_label', None) or int(index)}}}")

    def __repr__(self) -> str:
        return f"parameter({self.name!r})"


def parameter(name: str) -> Parameter:
    """A symbolic constant, such as a rate of decay: a proof holds for all of its values.

    Examples
    --------
    >>> import faverify as fv
    >>> lam = fv.parameter("λ")
    >>> fv.check(fv.laws.kolen_pollack_difference, fv.rules.KolenPollack(decay=lam), rate=-lam).kind
    'proved'
    """
    taken = r"[WBFVbvahkφδn](\d+|_.*)?|[xyefm]|Δ.*"
    if not isinstance(name, str) or not re.fullmatch(r"[^\W\d_]\w*", name) or re.fullmatch(taken, name):
        raise Misuse("name", name, "a name that is no letter of a network, such as 'λ' or 'η'")
    return Parameter(name)


def constant_text(value: Any) -> str:
    """A constant made of numbers and parameters, as a reader writes it."""
    if not isinstance(value, Word):
        return str(value)
    parts = []
    for (edges, _, _, _), coefficient in value.terms.items():
        names = "".join(sorted(letter_name(k) for k, _, _ in edges))
        if coefficient:
            number = (
                {1: "", -1: "−"}.get(coefficient, str(coefficient).replace("-", "−")) if names else str(coefficient)
            )
            parts.append(f"{number}{names}")
    return " + ".join(parts).replace("+ −", "− ") or "0"
