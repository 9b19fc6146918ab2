"""Activations: φ, φ′, and the facts that the theory uses.

The fact is homogeneity, h φ′(h) = p φ(h): `degree` p. Exact algebra over letters knows nothing else of φ, save for a
gate φ′ that obeys a quadratic equation (`square`). Values at numbers come from `phi` and `dphi`, which are written
with the functions of this file, so that they run over rationals, balls and floats alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from ..errors import ActivationError, Misuse, UnknownName, UnsupportedOperation, where, whole_number
from ..kernel.carriers import exact
from .formulas import Parameter, parameter


def exp(h: Any) -> Any:
    """eʰ of a float, a ball or an expression."""
    return _special("exp", h, math.exp)


def tanh(h: Any) -> Any:
    """tanh h of a float, a ball or an expression."""
    return _special("tanh", h, math.tanh)


def erf(h: Any) -> Any:
    """erf h of a float, a ball or an expression."""
    return _special("erf", h, math.erf)


def log(h: Any) -> Any:
    """The natural logarithm of a float, a ball or an expression."""
    return _special("log", h, math.log)


def sqrt(h: Any) -> Any:
    """√h of a float, a ball or an expression."""
    return _special("sqrt", h, math.sqrt)


def pi(h: Any) -> Any:
    """π in the number type of h."""
    if isinstance(h, float):
        return math.pi
    if callable(getattr(h, "pi", None)):  # balls, and what is recorded
        return h.pi()
    raise Transcendental("π")


class Transcendental(UnsupportedOperation):
    """A rational number met a transcendental function: the value is a ball, not a rational."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "rationals", "evaluate it over balls")


def _special(name: str, h: Any, real: Callable[[float], float]) -> Any:
    if isinstance(h, float):
        return real(h)
    method = getattr(h, name, None)
    if method is not None:
        return method()
    if type(h).__module__.startswith("sympy"):
        import sympy

        return getattr(sympy, name)(h)
    raise Transcendental(name)


POINTS = (Fraction(1, 10**6), Fraction(1, 3), Fraction(1, 2), Fraction(2), Fraction(3), Fraction(10**6))


def _number(value: Any) -> Any:
    """A value as a number: a constant word stands for one; one that is zero as a word is 0."""
    if hasattr(value, "_dims"):
        return 0 if value.is_zero() else value.constant()
    return value


@dataclass(frozen=True, eq=False)
class Activation:
    """φ with its derivative, and the facts a proof may use.

    `degree`: the p of h φ′(h) = p φ(h), if there is one; it is checked at rational points, and it is the declaration
    of whoever wrote it. `kinks`: where φ′ jumps (witnesses avoid them). `square`: (c₁, c₀) with k² = c₁k + c₀ for k =
    φ′/p.

    Raises: ActivationError if `degree` contradicts phi and dphi.

    Examples
    --------
    >>> import faverify as fv
    >>> cubic = fv.Activation(lambda h: h + h**3, lambda h: 1 + 3 * h**2, name="h + h³")
    >>> fv.check(fv.laws.feedback_balance, fv.rules.FeedbackAlignment(), activation=cubic).witness.rate
    Fraction(-2, 1)
    """

    phi: Callable[[Any], Any] | None
    dphi: Callable[[Any], Any] | None
    degree: Any = None
    name: str = "φ"
    kinks: tuple[Fraction | int, ...] = (0,)
    square: tuple[Any, Any] | None = None
    square_text: str = ""
    facts: str = ""
    candidates: tuple[str, ...] = ()
    known: bool = False

    def __post_init__(self) -> None:
        if self.phi is None:
            return
        if not callable(self.phi) or not callable(self.dphi):
            raise Misuse("phi, dphi", (self.phi, self.dphi), "two functions of one number h")
        if self.degree is None:
            return
        if isinstance(self.degree, bool) or not isinstance(self.degree, (int, Fraction)) or self.degree == 0:
            raise Misuse("degree", self.degree, "a non-zero number p; a symbol for p goes with fv.homogeneous")
        checked = [self._check_at(h * s) for h in POINTS for s in (1, -1)]
        if not any(checked):
            raise ActivationError(f"activation {self.name}", "has no value at any point tried", "leave out its degree")

    def _check_at(self, h: Fraction) -> bool:
        """Whether φ has a value at h; there its declared facts must hold."""
        try:
            gaps = self._gaps(h)
        except UnsupportedOperation:
            try:
                gaps = self._gaps(float(h))
            except (ValueError, OverflowError, ZeroDivisionError):  # outside the domain of φ, or of floats
                return False
        except Exception as error:
            found = f"raised {type(error).__name__}: {error} ({where(error)}) at h = {h}"
            remedy = "write it for one number, with fv.exp, fv.tanh, fv.erf, fv.log and fv.sqrt"
            raise ActivationError(f"activation {self.name}", found, remedy) from error
        for fact, gap in gaps.items():
            if not (abs(gap) < 1e-9 * (1 + abs(float(h))) if isinstance(gap, float) else gap == 0):
                raise ActivationError(
                    f"activation {self.name}", f"{fact} fails by {gap} at h = {h}", "declare what holds"
                )
        return True

    def _gaps(self, h: Any) -> dict[str, Any]:
        value, slope = self.phi(h), self.dphi(h)  # type: ignore[misc]
        p = float(self.degree) if isinstance(h, float) else self.degree
        gaps = {f"h φ′ = {self.degree} φ": _number(h * slope - p * value)}
        if self.square is not None:
            gate = slope / p
            gaps[f"k² = {self.square[0]} k + {self.square[1]} for k = φ′/p"] = _number(
                gate * gate - self.square[0] * gate - self.square[1]
            )
        if self.linear:
            gaps["φ(h) = h"] = value - h
        return gaps

    @property
    def linear(self) -> bool:
        return self.name == "linear" and self.facts == "linear"

    @property
    def description(self) -> str:
        """How a scope names it: of an activation outside the library, what its author declared."""
        if self.facts and not self.linear:
            return self.facts
        declared = self.degree is not None and not self.known
        return f"{self.name}, with h φ′(h) = {self.degree} φ(h) as declared by its author" if declared else self.name


HIGHEST = 1000  # powers are written out


def power(p: int) -> Activation:
    """φ(h) = hᵖ."""
    told = f"a whole number from 1 to {HIGHEST}; fv.homogeneous(p) is every φ with h φ′ = p φ"
    p = whole_number("p", p, 1, HIGHEST, told)
    slope = (lambda h: p * h ** (p - 1)) if p > 1 else (lambda h: 0 * h + 1)
    return Activation(lambda h: h**p, slope, p, f"power-{p}", (), known=True)


def leaky_relu(slope: Any = None, name: str = "leaky-relu") -> Activation:
    """φ(h) = h for h > 0 and αh otherwise; α is a symbol unless a number is given."""
    try:
        number = Fraction(slope) if isinstance(slope, str) else slope
    except (ValueError, ZeroDivisionError) as error:
        raise Misuse("slope", slope, "a number, such as Fraction(1, 10) or '0.1'") from error
    alpha = parameter("α") if slope is None else slope if isinstance(slope, Parameter) else Fraction(exact(number))
    rule = None if isinstance(alpha, Parameter) else (1 + alpha, -alpha)
    text = f"values in {{{alpha}, 1}}" if rule else ""
    return Activation(
        lambda h: h if h > 0 else alpha * h, lambda h: 1 if h > 0 else alpha, 1, name, (0,), rule, text, known=True
    )


def homogeneous(p: Any = 1) -> Activation:
    """Every φ with h φ′(h) = p φ(h), p ≠ 0, at once.

    Examples
    --------
    >>> import faverify as fv
    >>> p = fv.parameter("p")
    >>> law = fv.laws.feedback_balance_of_degree(p)
    >>> fv.check(law, fv.rules.FeedbackAlignment(), activation=fv.homogeneous(p)).kind
    'proved'
    """
    if not isinstance(p, Parameter) and (isinstance(p, bool) or not isinstance(p, (int, Fraction)) or p == 0):
        raise Misuse("p", p, "a non-zero number, or fv.parameter('p')")
    one = isinstance(p, int) and p == 1
    shown = getattr(p, "name", p)
    facts = "all φ with h φ′(h) = φ(h)" if one else f"all φ with h φ′(h) = {shown} φ(h), {shown} ≠ 0"
    whole = isinstance(p, int) and 0 < p <= HIGHEST
    candidates = ("linear", "relu", "leaky-relu-1/2", "abs") if one else (f"power-{p}",) if whole else ()
    return Activation(None, None, p, f"homogeneous of degree {shown}", (0,), None, "", facts, candidates)


def _normal_cdf(h: Any) -> Any:
    return (1 + erf(h / sqrt(_two(h)))) / 2


def _two(h: Any) -> Any:
    return 0 * h + 2


def _sigmoid(h: Any) -> Any:
    return (1 + tanh(h / 2)) / 2  # no power of e, which would be huge beside the others of a layer


def _normal_density(h: Any) -> Any:
    return exp(-h * h / 2) / sqrt(2 * pi(h))


def _erf_slope(h: Any) -> Any:
    return 2 * exp(-h * h) / sqrt(pi(h))


def _elu(h: Any) -> Any:
    return h if h > 0 else exp(h) - 1


LIBRARY: dict[str, Activation] = {
    a.name: replace(a, known=True)
    for a in (
        Activation(lambda h: h, lambda h: 0 * h + 1, 1, "linear", (), None, "", "linear"),
        Activation(
            lambda h: h if h > 0 else 0 * h, lambda h: 1 if h > 0 else 0, 1, "relu", (0,), (1, 0), "values in {0, 1}"
        ),
        leaky_relu(),
        Activation(
            lambda h: h if h > 0 else -h, lambda h: 1 if h > 0 else -1, 1, "abs", (0,), (0, 1), "values in {−1, 1}"
        ),
        Activation(tanh, lambda h: 1 - tanh(h) ** 2, None, "tanh", ()),
        Activation(erf, _erf_slope, None, "erf", ()),
        Activation(lambda h: h * _normal_cdf(h), lambda h: _normal_cdf(h) + h * _normal_density(h), None, "gelu", ()),
        Activation(lambda h: h * _sigmoid(h), lambda h: _sigmoid(h) * (1 + h * (1 - _sigmoid(h))), None, "silu", ()),
        Activation(lambda h: log(1 + exp(h)), _sigmoid, None, "softplus", ()),
        Activation(_sigmoid, lambda h: _sigmoid(h) * (1 - _sigmoid(h)), None, "sigmoid", ()),
        Activation(_elu, lambda h: 1 if h > 0 else exp(h), None, "elu", (0,)),
    )
}


def activation_named(found: Any) -> Activation:
    """An activation as it is, or by name: `power-3` and `leaky-relu-1/10` have a number at the end."""
    if isinstance(found, Activation):
        return found
    if not isinstance(found, str):
        raise Misuse("activation", found, "a name such as 'relu', or fv.Activation(phi, dphi)")
    name = found.replace("_", "-").lower()
    if name in LIBRARY:
        return LIBRARY[name]
    head, _, tail = name.rpartition("-")
    try:
        if head == "power":
            return power(int(tail))
        if head == "leaky-relu":
            return leaky_relu(Fraction(tail), name)
    except Misuse:
        raise
    except (ValueError, ZeroDivisionError):
        pass
    raise UnknownName("activation", found, [*LIBRARY, "power-2", "leaky-relu-1/10"])
